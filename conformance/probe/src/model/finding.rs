//! Findings: the requests, the expectation, and the actual answer.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue, Method, Request, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use whippy_engine::redact::{is_secret_name, percent_encoded};

use crate::model::cause::Difference;
pub use crate::model::level::{Level, Source};
use crate::text::other_case;

/// One request and its answer, as they went over the wire.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The name of the step.
    pub step: String,
    /// The request.
    pub request: Request<Bytes>,
    /// The answer, or a sentence about the reason why there is none.
    pub answer: Result<Response<Bytes>, String>,
}

/// A difference between the contract and the behaviour of a target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The level.
    pub level: Level,
    /// Both sides in one line: `expected 201, got 200`.
    pub summary: String,
    /// The JSON pointers at which bodies differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at: Vec<String>,
    /// The full expectation: formatted JSON, or a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// The actual answer in the same format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub got: Option<String>,
    /// The row in the table of a check's variants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<String>,
    /// The requests that led to it, the decisive one last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exchanges: Vec<Record>,
    /// The number of occurrences in the check; left out for a single one.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub times: u64,
    /// The ids of the causes that explain it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// The kind of difference, still without its place.
    #[serde(skip)]
    pub kind: Kind,
    /// The difference with its place, from which the causes of a run are made.
    #[serde(skip)]
    pub difference: Option<Difference>,
}

fn once() -> u64 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde hands over a reference.
fn is_once(times: &u64) -> bool {
    *times == 1
}

/// The kind of difference in a finding.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Kind {
    /// An effect that only several answers together show.
    #[default]
    Effect,
    /// A wrong status.
    Status {
        /// The correct ones; empty: any that is documented.
        expected: Vec<u16>,
        /// The actual status.
        got: u16,
        /// The member that the refusal should name.
        member: Option<String>,
    },
    /// A missing answer.
    NoAnswer,
    /// A wrong content type.
    ContentType,
    /// Another header, with its name in small letters.
    Header(String),
    /// Members of the body, at the pointers of the finding.
    Members,
}

impl Finding {
    /// Creates a finding of one line.
    pub fn new(level: Level, summary: impl Into<String>) -> Self {
        Self {
            level,
            summary: summary.into(),
            at: Vec::new(),
            expected: None,
            got: None,
            row: None,
            exchanges: Vec::new(),
            times: 1,
            causes: Vec::new(),
            kind: Kind::Effect,
            difference: None,
        }
    }

    /// Creates a finding about a wrong status.
    pub fn status(level: Level, expected: &[u16], got: u16) -> Self {
        let listed: Vec<_> = expected.iter().map(u16::to_string).collect();
        let summary = format!("expected {}, got {got}", listed.join(" or "));
        Self {
            kind: Kind::Status {
                expected: expected.to_vec(),
                got,
                member: None,
            },
            ..Self::new(level, summary)
        }
    }

    /// Creates a finding about two bodies that differ.
    pub fn bodies(level: Level, at: Vec<String>, expected: &Value, got: &Value) -> Self {
        let mut summary = format!("the body differs at {}", listed(&at));
        if at.iter().any(|at| is_repeated(at, expected, got)) {
            summary += ": a row is shown twice";
        }
        let (expected, got) = (side(expected, &at), side(got, &at));
        Self {
            at,
            expected: Some(expected),
            got: Some(got),
            kind: Kind::Members,
            ..Self::new(level, summary)
        }
    }
}

/// Returns `true` if a place is a row that the body shows more often than expected.
fn is_repeated(at: &str, expected: &Value, got: &Value) -> bool {
    let Some((parent, _)) = at.rsplit_once('/') else {
        return false;
    };
    let row = got.pointer(at).filter(|row| row.is_object());
    let times = |body: &Value| {
        let rows = body.pointer(parent).and_then(Value::as_array);
        rows.into_iter()
            .flatten()
            .filter(|other| row == Some(*other))
            .count()
    };
    row.is_some() && times(got) > times(expected).max(1)
}

/// Lists the first few places, and the number of others.
fn listed(at: &[String]) -> String {
    const SHOWN: usize = 4;
    let shown: Vec<_> = at.iter().take(SHOWN).map(String::as_str).collect();
    match at.len().checked_sub(SHOWN) {
        None | Some(0) => shown.join(", "),
        Some(more) => format!("{} and {more} more places", shown.join(", ")),
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// The longest body shown completely, characters. Of a longer one only the differing values are
/// shown.
const LONGEST_SIDE: usize = 32_000;

/// The most differing values of a long body that are shown.
const PLACES: usize = 10;

/// Returns one side of a difference: the whole body, or the first differing values of a long one.
fn side(body: &Value, at: &[String]) -> String {
    let whole = pretty(body);
    if whole.len() <= LONGEST_SIDE {
        return whole;
    }
    let places = at.iter().take(PLACES).filter_map(|at| {
        let value = pretty(body.pointer(at)?);
        Some(format!("{at}: {}", cut(&value, LONGEST_SIDE / PLACES)))
    });
    places.collect::<Vec<_>>().join("\n")
}

/// Bytes in a report, as text where they are text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Text {
    /// UTF-8.
    Utf8(String),
    /// Anything else, in hexadecimal digits.
    Hex {
        /// The digits.
        hex: String,
    },
}

impl Text {
    fn of(bytes: &[u8], secrets: &Secrets) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Utf8(secrets.redact(text)),
            Err(_) => Self::Hex {
                hex: secrets.redact_hex(&hex(bytes)),
            },
        }
    }

    /// Returns the text, or the hexadecimal digits.
    pub fn shown(&self) -> &str {
        match self {
            Self::Utf8(text) => text,
            Self::Hex { hex } => hex,
        }
    }
}

/// The length from which a secret is removed wherever it occurs, characters.
const LEAST_ANYWHERE: usize = 8;

/// The length from which a secret is removed where it is a word. Shorter ones are removed only as
/// whole values: a token `a` would remove every `a` from a report.
const LEAST_WORD: usize = 4;

/// Values that are never shown, in any text.
#[derive(Clone, Default)]
pub struct Secrets(Vec<String>);

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

impl Secrets {
    /// Creates a set of secrets; empty texts are ignored.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut all = Self::default();
        secrets.into_iter().for_each(|secret| all.add(&secret));
        all
    }

    /// Adds a secret in each spelling that an answer may use.
    ///
    /// The checks of access send a token in the other case, and a half of it, and whoever sees
    /// those has the token or its half. So of a long secret they are secrets too.
    pub fn add(&mut self, secret: &str) {
        let mut texts = vec![secret.to_owned()];
        let length = secret.chars().count();
        if length >= LEAST_ANYWHERE {
            texts.push(other_case(secret));
        }
        if length >= 2 * LEAST_ANYWHERE {
            texts.extend(secret.get(..secret.len() / 2).map(str::to_owned));
        }
        let spelt = texts.iter().filter(|text| !text.is_empty());
        for spelling in spelt.flat_map(|text| spellings(text)) {
            if !self.0.contains(&spelling) {
                self.0.push(spelling);
            }
        }
    }

    /// Returns the text without secrets.
    pub fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.0 {
            if text.contains(secret.as_str()) {
                text = without(&text, secret);
            }
        }
        text
    }

    /// Does the same with bytes in hexadecimal digits.
    pub fn redact_hex(&self, digits: &str) -> String {
        let mut digits = digits.to_owned();
        let long = self.0.iter();
        for secret in long.filter(|secret| secret.chars().count() >= LEAST_WORD) {
            digits = digits.replace(&hex(secret.as_bytes()), &hex(REDACTED.as_bytes()));
        }
        digits
    }
}

/// Returns a text without one secret.
fn without(text: &str, secret: &str) -> String {
    let length = secret.chars().count();
    if length >= LEAST_ANYWHERE || text == secret {
        return text.replace(secret, REDACTED);
    }
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(secret) {
        let (before, found) = rest.split_at(at);
        let after = &found[secret.len()..];
        kept.push_str(before);
        let is_taken_out = if length >= LEAST_WORD {
            let is_part = |c: char| c.is_alphanumeric();
            !kept.ends_with(is_part) && !after.starts_with(is_part)
        } else {
            let is_end = after
                .chars()
                .next()
                .is_none_or(|c| c.is_whitespace() || c == '"');
            kept.ends_with('"') && after.starts_with('"') || kept.ends_with("Token ") && is_end
        };
        kept.push_str(if is_taken_out { REDACTED } else { secret });
        rest = after;
    }
    kept.push_str(rest);
    kept
}

/// Returns the spellings of a text: as it is, in JSON with and without escapes for letters beyond
/// ASCII, and in a URL.
fn spellings(text: &str) -> [String; 4] {
    let quoted = Value::from(text).to_string();
    let in_json = quoted[1..quoted.len() - 1].to_owned();
    let mut in_ascii = String::new();
    for c in in_json.chars() {
        if c.is_ascii() {
            in_ascii.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(in_ascii, "\\u{unit:04x}");
            }
        }
    }
    [text.to_owned(), in_ascii, percent_encoded(text), in_json]
}

fn hex(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a text cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

/// The text that replaces a secret.
pub const REDACTED: &str = "(redacted)";

/// An exchange in a report, without secrets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The name of the step.
    pub step: String,
    /// The method.
    pub method: String,
    /// The full URL.
    pub url: String,
    /// Names and values of the request's headers, in order.
    pub request_headers: Vec<(String, String)>,
    /// The body of the request.
    pub request_body: Text,
    /// The status, if there was an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Names and values of the answer's headers, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub response_headers: Vec<(String, String)>,
    /// The body of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_body: Option<Text>,
    /// The reason why there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// A command that repeats the request, without the token.
    pub curl: String,
}

impl Record {
    /// Shortens both bodies to at most `longest` characters.
    #[must_use]
    pub fn shortened(mut self, longest: usize) -> Self {
        for body in std::iter::once(&mut self.request_body).chain(&mut self.response_body) {
            match body {
                Text::Utf8(text) | Text::Hex { hex: text } if text.len() <= longest => {}
                Text::Utf8(text) => *text = cut(text, longest).into_owned(),
                Text::Hex { hex } => hex.truncate(longest - longest % 2),
            }
        }
        self
    }

    /// Creates the record of an exchange, without secrets.
    pub fn new(exchange: &Exchange, secrets: &Secrets) -> Self {
        let request = &exchange.request;
        let headers = |headers: &http::HeaderMap| -> Vec<_> {
            headers
                .iter()
                .map(|(name, value)| (name.to_string(), shown(value, secrets)))
                .collect()
        };
        let received = |answer: &Response<Bytes>| {
            let mut received = headers(answer.headers());
            // A target may hand out secrets that the run knows nothing of, as in `Set-Cookie`.
            let secret = received.iter_mut().filter(|(name, _)| is_secret_name(name));
            secret.for_each(|(_, value)| REDACTED.clone_into(value));
            received
        };
        let answer = exchange.answer.as_ref();
        Self {
            step: exchange.step.clone(),
            method: request.method().to_string(),
            url: secrets.redact(&request.uri().to_string()),
            request_headers: headers(request.headers()),
            request_body: Text::of(request.body(), secrets),
            status: answer.ok().map(|answer| answer.status().as_u16()),
            response_headers: answer.map(received).unwrap_or_default(),
            response_body: answer.ok().map(|a| Text::of(a.body(), secrets)),
            failure: answer.err().map(|why| secrets.redact(why)),
            curl: secrets.redact(&curl(request, secrets)),
        }
    }
}

/// Marks a request, in its extensions, that was one of this many sent at the same time.
#[derive(Debug, Clone, Copy)]
pub struct AtOnce(pub usize);

/// Returns the value of a header, except for the token.
fn shown(value: &HeaderValue, secrets: &Secrets) -> String {
    if value.is_sensitive() {
        REDACTED.to_owned()
    } else {
        secrets.redact(&String::from_utf8_lossy(value.as_bytes()))
    }
}

/// Returns a command that repeats a request, without the token.
fn curl(request: &Request<Bytes>, secrets: &Secrets) -> String {
    let mut curl = if request.method() == Method::HEAD {
        // With `-X HEAD` curl would wait for a body.
        "curl -I".to_owned()
    } else {
        format!("curl -i -X {}", request.method())
    };
    for (name, value) in request.headers() {
        curl += " -H ";
        if value.is_sensitive() {
            // The shell fills in the token, so this word is in double quotes.
            curl += "\"Authorization: Token $WHIPPY_TOKEN\"";
        } else if let Some(word) = with_variable(name, value, secrets) {
            curl += &word;
        } else if value.is_empty() {
            curl += &quoted(&format!("{name};"));
        } else {
            curl += &quoted_bytes(&[name.as_str().as_bytes(), b": ", value.as_bytes()].concat());
        }
    }
    let body = request.body();
    if !body.is_empty() {
        // curl adds a content type of its own unless told otherwise.
        if !request.headers().contains_key(http::header::CONTENT_TYPE) {
            curl += " -H 'Content-Type:'";
        }
        curl += " --data-binary ";
        curl += &quoted_bytes(body);
    }
    curl = format!("{curl} {}", quoted(&request.uri().to_string()));
    if let Some(AtOnce(calls)) = request.extensions().get() {
        let _ = write!(curl, " # one of {calls} calls that are sent at once");
    }
    curl
}

/// Returns the header `Authorization` as a word in which the shell fills in the token; `None` for
/// any other header, and where there is no secret in it.
fn with_variable(name: &HeaderName, value: &HeaderValue, secrets: &Secrets) -> Option<String> {
    let value = (*name == AUTHORIZATION).then(|| value.to_str().ok())??;
    let redacted = secrets.redact(value);
    if !redacted.contains(REDACTED) {
        return None;
    }
    let mut word = String::from("\"Authorization: ");
    for c in redacted.replace(REDACTED, "\0").chars() {
        match c {
            '\0' => word.push_str("$WHIPPY_TOKEN"),
            '"' | '\\' | '$' | '`' => word.extend(['\\', c]),
            c => word.push(c),
        }
    }
    word.push('"');
    Some(word)
}

/// Quotes bytes for a shell.
fn quoted_bytes(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => quoted(text),
        _ => {
            let mut word = String::from("$'");
            for byte in bytes {
                let _ = write!(word, "\\x{byte:02x}");
            }
            word.push('\'');
            word
        }
    }
}

/// Quotes a text for a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Cuts a text after `longest` characters, and states the number of those removed.
pub fn cut(text: &str, longest: usize) -> Cow<'_, str> {
    match text.char_indices().nth(longest) {
        None => text.into(),
        Some((at, _)) => {
            let left = text[at..].chars().count();
            format!("{} … ({left} more characters)", &text[..at]).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn a_row_that_is_shown_twice_is_told() {
        let row = serde_json::json!({"sku": "a", "stock": 5});
        let (once, twice) = (
            Value::from(vec![row.clone()]),
            Value::from(vec![row.clone(), row]),
        );
        let at = || vec!["/1".to_owned()];
        let finding = Finding::bodies(Level::Must, at(), &once, &twice);
        assert_eq!(
            finding.summary,
            "the body differs at /1: a row is shown twice"
        );
        let other = serde_json::json!([{"sku": "a", "stock": 5}, {"sku": "b"}]);
        let finding = Finding::bodies(Level::Must, at(), &once, &other);
        assert_eq!(finding.summary, "the body differs at /1");
    }

    /// A request with a header, and an answer with another.
    fn recorded(request: (&str, &str), answer: (&str, &str)) -> Record {
        let request = Request::get("http://whippy.invalid/").header(request.0, request.1);
        let answer = Response::builder().header(answer.0, answer.1);
        let exchange = Exchange {
            step: "step".to_owned(),
            request: request.body(Bytes::new()).unwrap(),
            answer: Ok(answer.body(Bytes::new()).unwrap()),
        };
        Record::new(&exchange, &Secrets::new(["the-secret-key".to_owned()]))
    }

    #[rstest]
    #[case::bearer(
        "Bearer the-secret-key",
        r#"-H "Authorization: Bearer $WHIPPY_TOKEN" "#
    )]
    #[case::spelling(
        "toKEN  the-secret-key",
        r#"-H "Authorization: toKEN  $WHIPPY_TOKEN" "#
    )]
    #[case::alone("the-secret-key", r#"-H "Authorization: $WHIPPY_TOKEN" "#)]
    #[case::longer(
        "Token the-secret-key$x",
        r#"-H "Authorization: Token $WHIPPY_TOKEN\$x" "#
    )]
    #[case::wrong("Token another", "-H 'authorization: Token another' ")]
    #[case::redacted("(redacted)", r#"-H "Authorization: $WHIPPY_TOKEN" "#)]
    fn a_command_has_the_token_as_a_variable(#[case] sent: &str, #[case] word: &str) {
        let record = recorded(("authorization", sent), ("x-a", "b"));
        assert!(record.curl.contains(word), "{}", record.curl);
    }

    #[rstest]
    #[case::cookie("set-cookie", "session=abc; Path=/", REDACTED)]
    #[case::csrf("x-csrftoken", "abc", REDACTED)]
    #[case::challenge("www-authenticate", "Token", "Token")]
    fn a_secret_that_the_target_hands_out_is_not_kept(
        #[case] name: &str,
        #[case] value: &str,
        #[case] shown: &str,
    ) {
        let record = recorded(("x-a", "b"), (name, value));
        assert_eq!(record.response_headers[0].1, shown);
    }

    #[rstest]
    #[case::long("0123456789", "x0123456789y", "x(redacted)y")]
    #[case::word("T0ken", "the T0ken, not T0kens", "the (redacted), not T0kens")]
    #[case::letter("a", "a target has a page", "a target has a page")]
    #[case::digit("1", "?limit=1 and {\"count\": 1}", "?limit=1 and {\"count\": 1}")]
    #[case::whole("1", "1", "(redacted)")]
    #[case::member("1", "{\"token\": \"1\"}", "{\"token\": \"(redacted)\"}")]
    #[case::header("1", "Authorization: Token 1", "Authorization: Token (redacted)")]
    fn a_secret_is_taken_out_where_it_stands_as_one(
        #[case] secret: &str,
        #[case] text: &str,
        #[case] expected: &str,
    ) {
        let secrets = Secrets::new([secret.to_owned()]);
        assert_eq!(secrets.redact(text), expected);
    }

    #[test]
    fn a_half_of_a_long_secret_and_its_letters_in_the_other_case_are_secrets() {
        let secrets = Secrets::new(["f532e0000ABCDEFf9332d".to_owned()]);
        let sent = "Token F532E0000abcdefF9332D, then Token f532e0000A";
        assert_eq!(
            secrets.redact(sent),
            "Token (redacted), then Token (redacted)"
        );
    }
}
