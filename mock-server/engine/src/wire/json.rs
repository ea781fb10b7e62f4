//! JSON as the stack reads and writes it: Python's decoder with the wording of its errors, and
//! the compact and the indented form of the renderer.
//!
//! Source: docs/stack.md#bodies, docs/stack.md#rendering. Positions in errors count characters,
//! not bytes.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::charset::{self, CodecError};
use super::text::MAX_INTEGER_DIGITS;

/// The depth of nesting beyond which the stack exceeds its recursion limit and answers with a
/// 500.
const MAX_DEPTH: usize = 960;

/// The initial capacity for members of an object; a stock has twelve.
const USUAL_MEMBERS: usize = 12;

/// A string. In Python it may contain halves of surrogate pairs, from escapes like `\ud800`.
#[derive(Debug, Clone, PartialEq)]
pub struct Text<'a> {
    /// The characters, with U+FFFD in place of a lone surrogate.
    pub text: Cow<'a, str>,
    /// The first lone surrogate, if there is one.
    pub surrogate: Option<u16>,
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self {
            text: Cow::Borrowed(text),
            surrogate: None,
        }
    }
}

/// A JSON value with the types of Python, which has integers and floats.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// Null, `None` in Python.
    Null,
    /// `bool`.
    Bool(bool),
    /// `int` within 64 bits.
    Int(i64),
    /// `int` beyond 64 bits, as the digits sent.
    BigInt(&'a str),
    /// `float`.
    Float(f64),
    /// `str`.
    Str(Text<'a>),
    /// `list`.
    List(Vec<Value<'a>>),
    /// `dict`, in the order sent. Of several equal keys the last counts.
    Dict(Vec<(Text<'a>, Value<'a>)>),
}

/// A reason why a text is not JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JsonError {
    /// Wrong syntax, in the words of Python's decoder.
    Syntax(String),
    /// Nested too deeply for the recursion limit.
    TooDeep,
}

impl From<CodecError> for JsonError {
    fn from(error: CodecError) -> Self {
        Self::Syntax(error.to_string())
    }
}

impl Value<'_> {
    /// Python's name of the type, for the wording of errors.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) | Self::BigInt(_) => "int",
            Self::Float(_) => "float",
            Self::Str(_) => "str",
            Self::List(_) => "list",
            Self::Dict(_) => "dict",
        }
    }

    /// The value of a dict's key, the last one if the key is repeated.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Dict(members) => members
                .iter()
                .rev()
                .find(|(key, _)| key.text == name)
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// `str(value)` in Python.
    pub fn to_text(&self) -> Cow<'_, str> {
        match self {
            Self::Str(text) => Cow::Borrowed(&text.text),
            other => {
                let mut out = String::new();
                other.write_repr(&mut out);
                Cow::Owned(out)
            }
        }
    }

    fn write_repr(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("None"),
            Self::Bool(true) => out.push_str("True"),
            Self::Bool(false) => out.push_str("False"),
            Self::Int(number) => out.push_str(itoa::Buffer::new().format(*number)),
            Self::BigInt(digits) => out.push_str(digits),
            Self::Float(number) => out.push_str(&float_repr(*number)),
            Self::Str(text) => write_str_repr(out, &text.text),
            Self::List(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    out.push_str(if i == 0 { "" } else { ", " });
                    item.write_repr(out);
                }
                out.push(']');
            }
            Self::Dict(members) => {
                out.push('{');
                for (i, (key, value)) in members.iter().enumerate() {
                    out.push_str(if i == 0 { "" } else { ", " });
                    write_str_repr(out, &key.text);
                    out.push_str(": ");
                    value.write_repr(out);
                }
                out.push('}');
            }
        }
    }
}

/// `repr(number)` in Python: the shortest digits that read back as the same number.
pub fn float_repr(number: f64) -> String {
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let magnitude = number.abs();
    if magnitude != 0.0 && !(1e-4..1e16).contains(&magnitude) {
        let shortest = format!("{number:e}");
        let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
        let (sign, digits) = match exponent.strip_prefix('-') {
            Some(digits) => ('-', digits),
            None => ('+', exponent),
        };
        return format!("{mantissa}e{sign}{digits:0>2}");
    }
    format!("{number:?}")
}

fn write_str_repr(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if c == ' ' || is_printable(c) => out.push(c),
            c => {
                let code = u32::from(c);
                let _ = match code {
                    0..=0xff => write!(out, "\\x{code:02x}"),
                    0x100..=0xffff => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                };
            }
        }
    }
    out.push(quote);
}

/// Returns `true` if `repr` shows a character unescaped. It escapes controls, separators and
/// private characters.
fn is_printable(c: char) -> bool {
    let is_private = matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..);
    !c.is_control() && !c.is_whitespace() && !is_private
}

/// Decodes a body as UTF-8 and then as JSON. An incomplete character at the end is dropped, as
/// the stack's stream reader does it.
pub fn decode(bytes: &[u8]) -> Result<Value<'_>, JsonError> {
    parse(charset::utf8(bytes)?)
}

/// Parses JSON text.
pub fn parse(text: &str) -> Result<Value<'_>, JsonError> {
    let mut parser = Parser { text, at: 0 };
    if text.starts_with('\u{feff}') {
        return Err(parser.error("Unexpected UTF-8 BOM (decode using utf-8-sig)", 0));
    }
    parser.skip_space();
    let value = parser.value(0)?;
    parser.skip_space();
    if parser.at < text.len() {
        return Err(parser.error("Extra data", parser.at));
    }
    Ok(value)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn error(&self, message: &str, at: usize) -> JsonError {
        let before = &self.text[..at];
        let line = before.bytes().filter(|&b| b == b'\n').count() + 1;
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before[line_start..].chars().count() + 1;
        let position = before.chars().count();
        JsonError::Syntax(format!(
            "{message}: line {line} column {column} (char {position})"
        ))
    }

    fn value(&mut self, depth: usize) -> Result<Value<'a>, JsonError> {
        let rest = &self.text[self.at..];
        match self.peek() {
            Some(b'"') => Ok(Value::Str(self.string()?)),
            Some(b'{' | b'[') if depth >= MAX_DEPTH => Err(JsonError::TooDeep),
            Some(b'{') => self.dict(depth),
            Some(b'[') => self.list(depth),
            Some(b'n') if rest.starts_with("null") => Ok(self.literal(4, Value::Null)),
            Some(b't') if rest.starts_with("true") => Ok(self.literal(4, Value::Bool(true))),
            Some(b'f') if rest.starts_with("false") => Ok(self.literal(5, Value::Bool(false))),
            Some(b'N') if rest.starts_with("NaN") => Err(not_compliant("NaN")),
            Some(b'I') if rest.starts_with("Infinity") => Err(not_compliant("Infinity")),
            Some(b'-') if rest.starts_with("-Infinity") => Err(not_compliant("-Infinity")),
            _ => self.number(),
        }
    }

    fn literal(&mut self, length: usize, value: Value<'a>) -> Value<'a> {
        self.at += length;
        value
    }

    fn dict(&mut self, depth: usize) -> Result<Value<'a>, JsonError> {
        self.at += 1;
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Dict(Vec::new()));
        }
        let mut members = Vec::with_capacity(USUAL_MEMBERS);
        loop {
            if self.peek() != Some(b'"') {
                return Err(
                    self.error("Expecting property name enclosed in double quotes", self.at)
                );
            }
            let key = self.string()?;
            self.skip_space();
            if self.peek() != Some(b':') {
                return Err(self.error("Expecting ':' delimiter", self.at));
            }
            self.at += 1;
            self.skip_space();
            members.push((key, self.value(depth + 1)?));
            if self.ends(b'}')? {
                return Ok(Value::Dict(members));
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value<'a>, JsonError> {
        self.at += 1;
        self.skip_space();
        let mut items = Vec::new();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.ends(b']')? {
                return Ok(Value::List(items));
            }
        }
    }

    /// Reads on after a member: returns `true` at `close`, and `false` after a comma.
    fn ends(&mut self, close: u8) -> Result<bool, JsonError> {
        self.skip_space();
        match self.peek() {
            Some(b) if b == close => {
                self.at += 1;
                Ok(true)
            }
            Some(b',') => {
                self.at += 1;
                self.skip_space();
                Ok(false)
            }
            _ => Err(self.error("Expecting ',' delimiter", self.at)),
        }
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self) -> Result<Value<'a>, JsonError> {
        let start = self.at;
        let negative = self.peek() == Some(b'-');
        self.at += usize::from(negative);
        let whole = match self.peek() {
            Some(b'0') => {
                self.at += 1;
                1
            }
            Some(b'1'..=b'9') => self.digits(),
            _ => {
                self.at = start;
                return Err(self.error("Expecting value", start));
            }
        };
        let mut float = false;
        let integer_end = self.at;
        if self.peek() == Some(b'.') {
            self.at += 1;
            if self.digits() > 0 {
                float = true;
            } else {
                self.at = integer_end;
                return self.integer(start, whole);
            }
        }
        let mantissa_end = self.at;
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits() > 0 {
                float = true;
            } else {
                self.at = mantissa_end;
            }
        }
        if !float {
            return self.integer(start, whole);
        }
        let number: f64 = self.text[start..self.at].parse().unwrap_or(f64::INFINITY);
        Ok(Value::Float(number))
    }

    fn integer(&self, start: usize, digits: usize) -> Result<Value<'a>, JsonError> {
        if digits > MAX_INTEGER_DIGITS {
            return Err(JsonError::Syntax(format!(
                "Exceeds the limit ({MAX_INTEGER_DIGITS} digits) for integer string conversion: \
                 value has {digits} digits; use sys.set_int_max_str_digits() to increase the limit"
            )));
        }
        let text = &self.text[start..self.at];
        Ok(text
            .parse()
            .map_or_else(|_| Value::BigInt(text), Value::Int))
    }

    fn string(&mut self) -> Result<Text<'a>, JsonError> {
        let begin = self.at;
        self.at += 1;
        let run = self.plain_run();
        if self.peek() == Some(b'"') {
            self.at += 1;
            return Ok(Text::from(run));
        }
        let mut text = run.to_owned();
        let mut surrogate = None;
        loop {
            match self.peek() {
                None => return Err(self.error("Unterminated string starting at", begin)),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Text {
                        text: Cow::Owned(text),
                        surrogate,
                    });
                }
                Some(b'\\') => match self.escape(begin)? {
                    Ok(c) => text.push(c),
                    Err(lone) => {
                        surrogate = surrogate.or(Some(lone));
                        text.push(char::REPLACEMENT_CHARACTER);
                    }
                },
                Some(_) => return Err(self.error("Invalid control character at", self.at)),
            }
            text.push_str(self.plain_run());
        }
    }

    /// Reads up to the next quote, backslash or control character.
    fn plain_run(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let is_end = |b: u8| b == b'"' || b == b'\\' || b < 0x20;
        let length = rest.bytes().position(is_end).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// Reads one escape: a character, or half of a surrogate pair as the error.
    fn escape(&mut self, begin: usize) -> Result<Result<char, u16>, JsonError> {
        let backslash = self.at;
        self.at += 1;
        let c = match self.peek() {
            None => return Err(self.error("Unterminated string starting at", begin)),
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            Some(_) => return Err(self.error("Invalid \\escape", backslash)),
        };
        self.at += 1;
        Ok(Ok(c))
    }

    fn unicode_escape(&mut self) -> Result<Result<char, u16>, JsonError> {
        let u = self.at;
        let first = self.hex4(u)?;
        self.at = u + 5;
        if (0xd800..0xdc00).contains(&first)
            && self.text[self.at..].starts_with("\\u")
            // Python looks for the second half only if a character follows it.
            && self.char_at_least(self.at, 7)
        {
            let second = self.hex4(self.at + 1)?;
            if (0xdc00..0xe000).contains(&second) {
                self.at += 6;
                let code =
                    0x1_0000 + ((u32::from(first) - 0xd800) << 10) + u32::from(second) - 0xdc00;
                return Ok(Ok(
                    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
                ));
            }
        }
        Ok(char::from_u32(u32::from(first)).ok_or(first))
    }

    fn char_at_least(&self, at: usize, count: usize) -> bool {
        self.text[at..].chars().take(count).count() == count
    }

    /// The four hexadecimal digits after the `u` at `u`. Like Python, it fails if no character
    /// follows them.
    fn hex4(&self, u: usize) -> Result<u16, JsonError> {
        let invalid = || self.error("Invalid \\uXXXX escape", u);
        let mut code = 0u16;
        let mut rest = self.text[u + 1..].chars();
        for _ in 0..4 {
            let digit = rest
                .next()
                .and_then(|c| c.to_digit(16))
                .ok_or_else(invalid)?;
            code = code << 4 | u16::try_from(digit).map_err(|_| invalid())?;
        }
        rest.next().map(|_| code).ok_or_else(invalid)
    }
}

fn not_compliant(constant: &str) -> JsonError {
    JsonError::Syntax(format!(
        "Out of range float values are not JSON compliant: '{constant}'"
    ))
}

/// Appends a JSON string as the stack's renderer writes it.
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let is_plain = |b: u8| b >= 0x20 && b != b'"' && b != b'\\' && b != 0xe2;
    // A loop without an early exit compares several bytes at a time.
    if bytes.iter().fold(true, |plain, &b| plain & is_plain(b)) {
        out.extend_from_slice(bytes);
        out.push(b'"');
        return;
    }
    let mut clean = 0;
    for (i, &b) in bytes.iter().enumerate() {
        let escape: &[u8] = match b {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            0x08 => b"\\b",
            0x0c => b"\\f",
            0x00..=0x1f => {
                out.extend_from_slice(&bytes[clean..i]);
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(b >> 4)]);
                out.push(HEX[usize::from(b & 15)]);
                clean = i + 1;
                continue;
            }
            // U+2028 and U+2029 would end a line of JavaScript.
            0xe2 if bytes[i..].starts_with("\u{2028}".as_bytes()) => b"\\u2028",
            0xe2 if bytes[i..].starts_with("\u{2029}".as_bytes()) => b"\\u2029",
            _ => continue,
        };
        out.extend_from_slice(&bytes[clean..i]);
        out.extend_from_slice(escape);
        clean = i + if b == 0xe2 { 3 } else { 1 };
    }
    out.extend_from_slice(&bytes[clean..]);
    out.push(b'"');
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends an integer.
pub fn write_integer(out: &mut Vec<u8>, number: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends `true` or `false`.
pub fn write_bool(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

/// Indents compact JSON, which must be valid, as the renderer does.
pub fn indent(compact: &[u8], indent: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(compact.len() * 2);
    let mut depth = 0;
    let mut at = 0;
    let newline = |out: &mut Vec<u8>, depth: usize| {
        out.push(b'\n');
        out.resize(out.len() + depth * indent, b' ');
    };
    while at < compact.len() {
        let b = compact[at];
        match b {
            b'"' => {
                let end = string_end(compact, at);
                out.extend_from_slice(&compact[at..end]);
                at = end;
                continue;
            }
            b'{' | b'[' => {
                out.push(b);
                if matches!(compact.get(at + 1), Some(b'}' | b']')) {
                    out.push(compact[at + 1]);
                    at += 2;
                    continue;
                }
                depth += 1;
                newline(&mut out, depth);
            }
            b'}' | b']' => {
                depth -= 1;
                newline(&mut out, depth);
                out.push(b);
            }
            b',' => {
                out.push(b);
                newline(&mut out, depth);
            }
            b':' => out.extend_from_slice(b": "),
            _ => out.push(b),
        }
        at += 1;
    }
    out
}

/// The position after the closing quote of the string that opens at `at`.
fn string_end(json: &[u8], at: usize) -> usize {
    let mut end = at + 1;
    while end < json.len() && json[end] != b'"' {
        end += if json[end] == b'\\' { 2 } else { 1 };
    }
    (end + 1).min(json.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    // The expected errors are those of Python 3.11's json module.
    #[rstest]
    #[case(
        "{",
        "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"
    )]
    #[case("nope", "Expecting value: line 1 column 1 (char 0)")]
    #[case(" ", "Expecting value: line 1 column 2 (char 1)")]
    #[case("{\"a\":1} x", "Extra data: line 1 column 9 (char 8)")]
    #[case("NaN", "Out of range float values are not JSON compliant: 'NaN'")]
    #[case(
        "[-Infinity]",
        "Out of range float values are not JSON compliant: '-Infinity'"
    )]
    #[case(
        "\u{feff}{}",
        "Unexpected UTF-8 BOM (decode using utf-8-sig): line 1 column 1 (char 0)"
    )]
    #[case("[1,]", "Expecting value: line 1 column 4 (char 3)")]
    #[case("[1 2]", "Expecting ',' delimiter: line 1 column 4 (char 3)")]
    #[case("{\"a\" 1}", "Expecting ':' delimiter: line 1 column 6 (char 5)")]
    #[case(
        "{\"a\":1,}",
        "Expecting property name enclosed in double quotes: line 1 column 8 (char 7)"
    )]
    #[case("01", "Extra data: line 1 column 2 (char 1)")]
    #[case("1.", "Extra data: line 1 column 2 (char 1)")]
    #[case("1e+", "Extra data: line 1 column 2 (char 1)")]
    #[case("-", "Expecting value: line 1 column 1 (char 0)")]
    #[case("\"abc", "Unterminated string starting at: line 1 column 1 (char 0)")]
    #[case(
        "[\"\u{e7}\\",
        "Unterminated string starting at: line 1 column 2 (char 1)"
    )]
    #[case("\"\\x\"", "Invalid \\escape: line 1 column 2 (char 1)")]
    #[case("\"\\u123g\"", "Invalid \\uXXXX escape: line 1 column 3 (char 2)")]
    #[case("\"\\u1234", "Invalid \\uXXXX escape: line 1 column 3 (char 2)")]
    #[case("\"\\ud800\\udc\"", "Invalid \\uXXXX escape: line 1 column 9 (char 8)")]
    #[case("\"a\nb\"", "Invalid control character at: line 1 column 3 (char 2)")]
    #[case("{\n \"a\":\n x}", "Expecting value: line 3 column 2 (char 9)")]
    fn syntax_errors_read_as_the_decoders(#[case] text: &str, #[case] message: &str) {
        assert_eq!(parse(text), Err(JsonError::Syntax(message.to_owned())));
    }

    #[rstest]
    #[case(
        b"{\"a\": \"\xff\"}",
        "'utf-8' codec can't decode byte 0xff in position 7: invalid start byte"
    )]
    #[case(
        b"\"\xc3(\"",
        "'utf-8' codec can't decode byte 0xc3 in position 1: invalid continuation byte"
    )]
    #[case(
        b"\"\xe2\x82(\"",
        "'utf-8' codec can't decode bytes in position 1-2: invalid continuation byte"
    )]
    fn bytes_that_are_not_utf_8_are_named(#[case] bytes: &[u8], #[case] message: &str) {
        assert_eq!(decode(bytes), Err(JsonError::Syntax(message.to_owned())));
    }

    #[test]
    fn an_incomplete_last_character_is_dropped() {
        assert_eq!(decode(b"1\xc3"), Ok(Value::Int(1)));
    }

    #[test]
    fn nesting_has_a_bound() {
        assert_eq!(parse(&"[".repeat(100_000)), Err(JsonError::TooDeep));
    }

    #[test]
    fn a_lone_surrogate_is_kept_beside_the_text() {
        let Ok(Value::Str(text)) = parse("\"a\\ud800b\\ude00\\ud83d\\ude00\"") else {
            panic!("a string")
        };
        assert_eq!(text.text, "a\u{fffd}b\u{fffd}\u{1f600}");
        assert_eq!(text.surrogate, Some(0xd800));
    }

    #[rstest]
    #[case(5.0, "5.0")]
    #[case(5.5, "5.5")]
    #[case(1e15, "1000000000000000.0")]
    #[case(1e16, "1e+16")]
    #[case(1e-5, "1e-05")]
    #[case(0.0001, "0.0001")]
    #[case(1.5e300, "1.5e+300")]
    #[case(-0.0, "-0.0")]
    #[case(f64::INFINITY, "inf")]
    fn floats_print_as_python_prints_them(#[case] number: f64, #[case] text: &str) {
        assert_eq!(float_repr(number), text);
    }

    #[test]
    fn a_value_prints_as_python_prints_it() {
        let value = parse(r#"[null, true, "it's", {"a": 1.5}]"#).unwrap();
        assert_eq!(value.to_text(), r#"[None, True, "it's", {'a': 1.5}]"#);
    }

    #[test]
    fn strings_render_with_the_stacks_escapes() {
        let mut out = Vec::new();
        write_string(&mut out, "a\"\\/<\u{1}\n\u{e7}\u{2028}\u{7f}");
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\"a\\\"\\\\/<\\u0001\\n\u{e7}\\u2028\u{7f}\""
        );
    }

    #[test]
    fn indented_json_is_pythons() {
        let compact = br#"{"a":[1,{"b:,":"x\"]"}],"c":{},"d":[]}"#;
        assert_eq!(
            String::from_utf8(indent(compact, 2)).unwrap(),
            "{\n  \"a\": [\n    1,\n    {\n      \"b:,\": \"x\\\"]\"\n    }\n  ],\n  \"c\": {},\n  \"d\": []\n}"
        );
    }
}
