//! A member of a JSON object as it is written, so that a large one is not read into memory
//! and written out again.

use serde::Deserialize;
use serde::de::IgnoredAny;

/// Returns the text of a member's value, without a copy; `None` if there is no such member,
/// or the text is not an object.
pub(super) fn member<'j>(json: &'j [u8], name: &str) -> Option<&'j [u8]> {
    let mut rest = after(json, b'{')?;
    loop {
        let (key, behind) = first::<String>(rest)?;
        let value = after(behind, b':')?.trim_ascii_start();
        let (IgnoredAny, behind) = first(value)?;
        if key == name {
            return Some(&value[..value.len() - behind.len()]);
        }
        rest = after(behind, b',')?;
    }
}

/// The first value of a text, and the text after it.
fn first<'j, T: Deserialize<'j>>(json: &'j [u8]) -> Option<(T, &'j [u8])> {
    let mut values = serde_json::Deserializer::from_slice(json).into_iter();
    let value = values.next()?.ok()?;
    Some((value, &json[values.byte_offset()..]))
}

fn after(json: &[u8], byte: u8) -> Option<&[u8]> {
    json.trim_ascii_start().strip_prefix(&[byte])
}

#[cfg(test)]
mod tests {
    use super::member;
    use rstest::rstest;

    #[rstest]
    #[case(r#"{"a":1}"#, Some("1"))]
    #[case(
        r#" { "b" : [1, {"a": 2}] , "a" : {"c": "}"} } "#,
        Some(r#"{"c": "}"}"#)
    )]
    #[case("{\"b\":1.5e3,\"\\u0061\":\n\"x\\\"y\"}", Some(r#""x\"y""#))]
    #[case(r#"{"a":null,"b":true}"#, Some("null"))]
    #[case(r#"{"b":{"a":1}}"#, None)]
    #[case("{}", None)]
    #[case("[1]", None)]
    #[case("", None)]
    fn a_member_is_found_as_it_is_written(#[case] json: &str, #[case] found: Option<&str>) {
        let value = member(json.as_bytes(), "a");
        assert_eq!(value, found.map(str::as_bytes));
    }
}
