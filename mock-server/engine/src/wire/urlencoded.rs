//! `a=1&b=x+y`: queries, form bodies, and the links of a page.
//!
//! Source: docs/stack.md#pagination.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::charset::Charset;

/// The most fields of a query or a form that the stack accepts.
pub const MAX_FIELDS: usize = 1000;

/// The error of a text with more than [`MAX_FIELDS`] fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyFields;

/// A name with its value.
pub type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Decodes a text in UTF-8, as [`decode_as`] does.
pub fn decode(text: &[u8]) -> Result<Vec<Pair<'_>>, TooManyFields> {
    decode_as(text, Charset::Utf8)
}

/// Decodes pairs of name and value. A name without `=` has an empty value, invalid bytes become
/// U+FFFD, and a malformed percent sign stays as it is.
pub fn decode_as(text: &[u8], charset: Charset) -> Result<Vec<Pair<'_>>, TooManyFields> {
    let mut pairs = Vec::new();
    // Empty fields are left out later, but they count here.
    if text.split(|&b| b == b'&').nth(MAX_FIELDS).is_some() {
        return Err(TooManyFields);
    }
    for pair in text.split(|&b| b == b'&').filter(|pair| !pair.is_empty()) {
        let (name, value) = match pair.iter().position(|&b| b == b'=') {
            Some(at) => (&pair[..at], &pair[at + 1..]),
            None => (pair, &[][..]),
        };
        pairs.push((
            decode_part(name, true, charset),
            decode_part(value, true, charset),
        ));
    }
    Ok(pairs)
}

/// Decodes the percent signs of a path. A `+` stays as it is.
pub fn decode_path(path: &str) -> Cow<'_, str> {
    decode_part(path.as_bytes(), false, Charset::Utf8)
}

fn decode_part(part: &[u8], plus_is_space: bool, charset: Charset) -> Cow<'_, str> {
    if !part
        .iter()
        .any(|&b| b == b'%' || (b == b'+' && plus_is_space))
    {
        return charset.decode_lossy(part);
    }
    let mut bytes = Vec::with_capacity(part.len());
    let mut at = 0;
    while at < part.len() {
        let hex = |i: usize| {
            part.get(i)
                .and_then(|&b| char::from(b).to_digit(16))
                .and_then(|d| u8::try_from(d).ok())
        };
        match part[at] {
            b'+' if plus_is_space => bytes.push(b' '),
            b'%' => match (hex(at + 1), hex(at + 2)) {
                (Some(high), Some(low)) => {
                    bytes.push(high << 4 | low);
                    at += 2;
                }
                _ => bytes.push(b'%'),
            },
            b => bytes.push(b),
        }
        at += 1;
    }
    Cow::Owned(charset.decode_lossy(&bytes).into_owned())
}

/// Encodes a query with one parameter set, or removed for `None`. Names are sorted, and equal
/// names keep their order.
pub fn with_parameter(pairs: &[Pair<'_>], name: &str, value: Option<&str>) -> String {
    let mut kept: Vec<(&str, &str)> = pairs
        .iter()
        .map(|(n, v)| (n.as_ref(), v.as_ref()))
        .filter(|(n, _)| *n != name)
        .chain(value.map(|value| (name, value)))
        .collect();
    kept.sort_by_key(|(name, _)| *name);
    let mut query = String::new();
    for (name, value) in kept {
        if !query.is_empty() {
            query.push('&');
        }
        encode(&mut query, name);
        query.push('=');
        encode(&mut query, value);
    }
    query
}

/// Encodes a decoded path as the stack does for a redirect.
pub fn encode_path(path: &str) -> String {
    quote(path, "/:@&+$,-_.!~*'()")
}

/// Encodes the characters that a query may not contain.
pub fn encode_query(query: &str) -> String {
    quote(query, "/#%[]=:;$&()+,!?*@'~-_.")
}

fn quote(text: &str, safe: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || safe.as_bytes().contains(&b) {
            out.push(char::from(b));
        } else {
            let _ = write!(out, "%{b:02X}");
        }
    }
    out
}

fn encode(out: &mut String, text: &str) {
    for b in text.bytes() {
        match b {
            b' ' => out.push('+'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => {
                out.push(char::from(b));
            }
            _ => {
                let _ = write!(out, "%{b:02X}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("page=2&b=%C3%A7&a=x+y&sku=", Some("3"), "a=x+y&b=%C3%A7&page=3&sku=")]
    #[case("page=2&b=%C3%A7&a=x+y&sku=", None, "a=x+y&b=%C3%A7&sku=")]
    #[case("b=2&a=(/)&b=1", Some("2"), "a=%28%2F%29&b=2&b=1&page=2")]
    #[case("a&&%zz=%", None, "%25zz=%25&a=")]
    #[case("page=9", None, "")]
    #[case("x=%ff", None, "x=%EF%BF%BD")]
    fn a_link_is_sorted_and_encoded_anew(
        #[case] query: &str,
        #[case] page: Option<&str>,
        #[case] link: &str,
    ) {
        let pairs = decode(query.as_bytes()).unwrap();
        assert_eq!(with_parameter(&pairs, "page", page), link);
    }

    #[test]
    fn fields_have_a_bound() {
        assert!(decode("a&".repeat(999).as_bytes()).is_ok());
        assert_eq!(decode("&".repeat(1000).as_bytes()), Err(TooManyFields));
    }
}
