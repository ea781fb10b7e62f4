//! The character sets that a `Content-Type` may name, decoded as the stack's Python does it.
//!
//! Python knows more of them, such as those of East Asia, which are unknown here. Source:
//! docs/stack.md, Character sets.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

/// Names, aliases and tables of character sets. The file explains its format.
const TABLES: &str = include_str!("charsets.txt");

/// The characters of the bytes from 0x80 to 0xff.
type Upper = [Option<char>; 128];

/// A character set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// UTF-8.
    Utf8,
    /// UTF-8, in which a byte order mark at the start is dropped.
    Utf8Marked,
    /// ASCII.
    Ascii,
    /// ISO 8859-1: each byte is the code point of a character.
    Latin1,
    /// UTF-16 in a byte order; `None` if a byte order mark has to tell it.
    Utf16(Option<Order>),
    /// UTF-32 in a byte order; `None` if a byte order mark has to tell it.
    Utf32(Option<Order>),
    /// One byte for each character, by a table.
    Table(&'static Upper),
}

/// The error of a body that is not in its character set, in the words of Python's codec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodecError(String);

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CodecError {}

/// The order of the bytes in a code unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Little-endian.
    Little,
    /// Big-endian.
    Big,
}

static NAMES: LazyLock<HashMap<&'static str, Charset>> = LazyLock::new(|| {
    let mut names = HashMap::new();
    let lines = TABLES.lines();
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (spelled, table) = line.split_once(": ").unwrap_or((line, ""));
        let mut spelled = spelled.split([' ', '|']).filter(|name| !name.is_empty());
        let Some(name) = spelled.next() else { continue };
        let charset =
            built_in(name).unwrap_or_else(|| Charset::Table(Box::leak(Box::new(upper(table)))));
        names.extend(spelled.chain([name]).map(|name| (name, charset)));
    }
    names
});

fn built_in(name: &str) -> Option<Charset> {
    use Order::{Big, Little};
    Some(match name {
        "utf_8" => Charset::Utf8,
        "utf_8_sig" => Charset::Utf8Marked,
        "ascii" => Charset::Ascii,
        "latin_1" => Charset::Latin1,
        "utf_16" => Charset::Utf16(None),
        "utf_16_le" => Charset::Utf16(Some(Little)),
        "utf_16_be" => Charset::Utf16(Some(Big)),
        "utf_32" => Charset::Utf32(None),
        "utf_32_le" => Charset::Utf32(Some(Little)),
        "utf_32_be" => Charset::Utf32(Some(Big)),
        _ => return None,
    })
}

/// Parses a table such as `d0=11e a1-ac=401 80=none`.
fn upper(text: &str) -> Upper {
    let mut table: Upper = std::array::from_fn(|at| u8::try_from(at + 0x80).ok().map(char::from));
    let hex = |text: &str| u32::from_str_radix(text, 16).ok();
    for run in text.split(' ') {
        let Some((bytes, first)) = run.split_once('=') else {
            continue;
        };
        let (from, to) = bytes.split_once('-').unwrap_or((bytes, bytes));
        let (Some(from), Some(to)) = (hex(from), hex(to)) else {
            continue;
        };
        for byte in from..=to {
            let character = hex(first).and_then(|first| char::from_u32(first + byte - from));
            table[byte as usize - 0x80] = character;
        }
    }
    table
}

/// Python codecs that have names like character sets but do not decode text.
const NO_TEXT: [&str; 19] = [
    "base64",
    "base64_codec",
    "base_64",
    "bz2",
    "bz2_codec",
    "hex",
    "hex_codec",
    "quopri",
    "quopri_codec",
    "quoted_printable",
    "quotedprintable",
    "rot13",
    "rot_13",
    "undefined",
    "uu",
    "uu_codec",
    "zip",
    "zlib",
    "zlib_codec",
];

/// The form of a name in which Python looks it up.
fn looked_up(name: &str) -> String {
    let mut looked_up = String::with_capacity(name.len());
    let mut is_apart = false;
    for c in name.chars() {
        if c.is_ascii_alphanumeric() || c == '.' {
            if is_apart && !looked_up.is_empty() {
                looked_up.push('_');
            }
            is_apart = false;
            looked_up.push(c.to_ascii_lowercase());
        } else {
            is_apart = true;
        }
    }
    looked_up
}

/// Returns `true` if Python has a codec of this name that does not decode text.
pub fn is_no_text(name: &str) -> bool {
    NO_TEXT.contains(&looked_up(name).as_str())
}

impl Charset {
    /// Finds the character set of a name, in any spelling that Python accepts.
    pub fn named(name: &str) -> Option<Self> {
        NAMES.get(looked_up(name).as_str()).copied()
    }

    /// Decodes a body. An incomplete character at its end is ignored.
    pub fn decode(self, bytes: &[u8]) -> Result<Cow<'_, str>, CodecError> {
        match self {
            Self::Utf8 => utf8(bytes).map(Cow::Borrowed),
            Self::Utf8Marked => utf8(without_mark(bytes)).map(Cow::Borrowed),
            Self::Ascii => match bytes.iter().position(|byte| !byte.is_ascii()) {
                None => Ok(String::from_utf8_lossy(bytes)),
                Some(at) => Err(bad_byte("ascii", bytes, at, "ordinal not in range(128)")),
            },
            Self::Latin1 => Ok(bytes.iter().copied().map(char::from).collect()),
            Self::Table(upper) => {
                let text: Result<String, usize> = (0..)
                    .zip(bytes)
                    .map(|(at, &byte)| character(byte, upper).ok_or(at))
                    .collect();
                text.map(Cow::Owned)
                    .map_err(|at| bad_byte("charmap", bytes, at, "character maps to <undefined>"))
            }
            Self::Utf16(order) => utf16(bytes, order).map(Cow::Owned),
            Self::Utf32(order) => utf32(bytes, order).map(Cow::Owned),
        }
    }

    /// Decodes a part of a query or a form, with U+FFFD for invalid bytes.
    pub fn decode_lossy(self, bytes: &[u8]) -> Cow<'_, str> {
        match self {
            Self::Ascii => bytes
                .iter()
                .map(|&byte| {
                    if byte.is_ascii() {
                        char::from(byte)
                    } else {
                        '\u{fffd}'
                    }
                })
                .collect(),
            Self::Table(upper) => bytes
                .iter()
                .map(|&byte| character(byte, upper).unwrap_or('\u{fffd}'))
                .collect(),
            Self::Latin1 => bytes.iter().copied().map(char::from).collect(),
            Self::Utf8Marked => String::from_utf8_lossy(without_mark(bytes)),
            Self::Utf8 | Self::Utf16(_) | Self::Utf32(_) => String::from_utf8_lossy(bytes),
        }
    }
}

fn character(byte: u8, upper: &Upper) -> Option<char> {
    match byte.checked_sub(0x80) {
        None => Some(char::from(byte)),
        Some(at) => upper[usize::from(at)],
    }
}

/// Drops the byte order mark of UTF-8, even if it is cut short by the end of the text.
fn without_mark(bytes: &[u8]) -> &[u8] {
    const MARK: &[u8] = b"\xef\xbb\xbf";
    if MARK.starts_with(bytes) {
        return b"";
    }
    bytes.strip_prefix(MARK).unwrap_or(bytes)
}

fn bad_byte(codec: &str, bytes: &[u8], at: usize, reason: &str) -> CodecError {
    let byte = bytes[at];
    CodecError(format!(
        "'{codec}' codec can't decode byte 0x{byte:02x} in position {at}: {reason}"
    ))
}

fn bad_bytes(codec: &str, at: usize, length: usize, reason: &str) -> CodecError {
    let end = at + length - 1;
    CodecError(format!(
        "'{codec}' codec can't decode bytes in position {at}-{end}: {reason}"
    ))
}

/// Decodes a body as UTF-8. An incomplete character at its end is ignored.
pub fn utf8(bytes: &[u8]) -> Result<&str, CodecError> {
    let error = match std::str::from_utf8(bytes) {
        Ok(text) => return Ok(text),
        Err(error) => error,
    };
    let at = error.valid_up_to();
    let rest = &bytes[at..];
    match error.error_len() {
        // Python's decoder accepts the first two bytes of an encoded surrogate at the end.
        Some(_) if !matches!(rest, [0xed, 0xa0..=0xbf]) => {}
        _ => return Ok(std::str::from_utf8(&bytes[..at]).unwrap_or_default()),
    }
    let reason = if (0xc2..=0xf4).contains(&rest[0]) {
        "invalid continuation byte"
    } else {
        "invalid start byte"
    };
    Err(match error.error_len() {
        None | Some(1) => bad_byte("utf-8", bytes, at, reason),
        Some(length) => bad_bytes("utf-8", at, length, reason),
    })
}

fn no_mark(name: &str) -> CodecError {
    CodecError(format!("{name} stream does not start with BOM"))
}

/// The byte order and the position after the mark. `told` is an order that needs no mark.
fn order_of(bytes: &[u8], width: usize, told: Option<Order>) -> Option<(Order, usize)> {
    if let Some(order) = told {
        return Some((order, 0));
    }
    let little: &[u8] = &[0xff, 0xfe, 0, 0][..width];
    let big: &[u8] = &[0, 0, 0xfe, 0xff][4 - width..];
    if bytes.starts_with(little) {
        Some((Order::Little, width))
    } else if bytes.starts_with(big) {
        Some((Order::Big, width))
    } else {
        None
    }
}

fn utf16(bytes: &[u8], told: Option<Order>) -> Result<String, CodecError> {
    let found = order_of(bytes, 2, told);
    // Python decodes first, and misses the mark only afterwards.
    let (order, start) = found.unwrap_or((Order::Little, 0));
    let units = bytes[start..].chunks_exact(2).map(|unit| match order {
        Order::Little => u16::from_le_bytes([unit[0], unit[1]]),
        Order::Big => u16::from_be_bytes([unit[0], unit[1]]),
    });
    let count = units.len();
    let mut text = String::with_capacity(count);
    let mut at = 0;
    for decoded in char::decode_utf16(units) {
        match decoded {
            Ok(c) => {
                at += c.len_utf16();
                text.push(c);
            }
            // A first half at the end counts as incomplete, not as wrong.
            Err(lone) if lone.unpaired_surrogate() < 0xdc00 && at + 1 == count => {}
            Err(lone) => {
                let codec = match order {
                    Order::Little => "utf-16-le",
                    Order::Big => "utf-16-be",
                };
                let reason = match lone.unpaired_surrogate() {
                    ..0xdc00 => "illegal UTF-16 surrogate",
                    _ => "illegal encoding",
                };
                return Err(bad_bytes(codec, start + 2 * at, 2, reason));
            }
        }
    }
    match found {
        None if bytes.len() >= 2 => Err(no_mark("UTF-16")),
        _ => Ok(text),
    }
}

fn utf32(bytes: &[u8], told: Option<Order>) -> Result<String, CodecError> {
    let found = order_of(bytes, 4, told);
    let (order, start) = found.unwrap_or((Order::Little, 0));
    let mut text = String::with_capacity(bytes.len() / 4);
    for (unit, at) in bytes[start..].chunks_exact(4).zip((start..).step_by(4)) {
        let unit = [unit[0], unit[1], unit[2], unit[3]];
        let (codec, number) = match order {
            Order::Little => ("utf-32-le", u32::from_le_bytes(unit)),
            Order::Big => ("utf-32-be", u32::from_be_bytes(unit)),
        };
        text.push(char::from_u32(number).ok_or_else(|| {
            let reason = match number {
                0xd800..=0xdfff => "code point in surrogate code point range(0xd800, 0xe000)",
                _ => "code point not in range(0x110000)",
            };
            bad_bytes(codec, at, 4, reason)
        })?);
    }
    match found {
        None if bytes.len() >= 4 => Err(no_mark("UTF-32")),
        _ => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("UTF-8", Charset::Utf8)]
    #[case("utf 8", Charset::Utf8)]
    #[case(" utf-8-sig", Charset::Utf8Marked)]
    #[case("US-ASCII", Charset::Ascii)]
    #[case("ISO_8859-1", Charset::Latin1)]
    #[case("UTF-16LE", Charset::Utf16(Some(Order::Little)))]
    fn a_name_is_found_however_it_is_spelled(#[case] name: &str, #[case] charset: Charset) {
        assert_eq!(Charset::named(name), Some(charset));
    }

    #[rstest]
    #[case("bogus")]
    #[case("x-cp1254")]
    #[case("")]
    #[case("iso-8859-99")]
    fn other_names_are_none(#[case] name: &str) {
        assert_eq!(Charset::named(name), None);
    }

    #[rstest]
    #[case("iso-8859-9", b"\xd0\xdd\xde\xf0\xfd\xfe\xff", "ĞİŞğışÿ")]
    #[case("windows-1254", b"\x80\xd0\xdd\xfe", "€Ğİş")]
    #[case("cp857", b"\x8d\x98\x9e\x9f", "ıİŞş")]
    #[case("latin-1", b"\xd0\x80", "Ð\u{80}")]
    #[case("utf-8-sig", b"\xef\xbb\xbf{}", "{}")]
    #[case("utf-16", b"\xff\xfe{\0}\0", "{}")]
    #[case("utf-16", b"\xfe\xff\0{\0}", "{}")]
    #[case("utf-16-le", b"{\0}\0\x00\xd8", "{}")]
    #[case("utf-16-be", b"\0{\0", "{")]
    #[case("utf-32", b"\xff\xfe\0\0{\0\0\0}\0", "{")]
    #[case("utf-16", b"{", "")]
    fn text_is_decoded(#[case] name: &str, #[case] bytes: &[u8], #[case] text: &str) {
        let charset = Charset::named(name).unwrap();
        assert_eq!(charset.decode(bytes).as_deref(), Ok(text));
    }

    #[rstest]
    #[case(
        "ascii",
        b"{\x81",
        "'ascii' codec can't decode byte 0x81 in position 1: ordinal not in range(128)"
    )]
    #[case(
        "cp1254",
        b"{\x81",
        "'charmap' codec can't decode byte 0x81 in position 1: character maps to <undefined>"
    )]
    #[case("utf-16", b"{\0}\0", "UTF-16 stream does not start with BOM")]
    #[case(
        "utf-16-le",
        b"{\0\x00\xd8a\0",
        "'utf-16-le' codec can't decode bytes in position 2-3: illegal UTF-16 surrogate"
    )]
    #[case(
        "utf-16-le",
        b"{\0\x00\xdc",
        "'utf-16-le' codec can't decode bytes in position 2-3: illegal encoding"
    )]
    #[case("utf-32", b"{\0\0\0", "UTF-32 stream does not start with BOM")]
    #[case(
        "utf-32-be",
        b"{\0\0\0",
        "'utf-32-be' codec can't decode bytes in position 0-3: code point not in range(0x110000)"
    )]
    #[case(
        "utf-8-sig",
        b"\xef\xbb\xbf{}\xff",
        "'utf-8' codec can't decode byte 0xff in position 2: invalid start byte"
    )]
    fn a_refusal_is_in_the_words_of_the_codec(
        #[case] name: &str,
        #[case] bytes: &[u8],
        #[case] sentence: &str,
    ) {
        let charset = Charset::named(name).unwrap();
        let refused = charset.decode(bytes).map_err(|error| error.to_string());
        assert_eq!(refused, Err(sentence.to_owned()));
    }
}
