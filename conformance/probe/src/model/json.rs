//! JSON as a strict reader takes it: a duplicate key is an error.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

/// The capacity of a new object. A stock has twelve members.
const USUAL_MEMBERS: usize = 12;

/// Reasons why bytes are not one JSON document.
#[derive(Debug)]
pub enum NotJson {
    /// They begin with a byte order mark.
    Mark,
    /// They cannot be read.
    Syntax(serde_json::Error),
}

impl fmt::Display for NotJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mark => f.write_str("it begins with a byte order mark"),
            Self::Syntax(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for NotJson {}

/// Reads one JSON document.
pub fn parse(bytes: &[u8]) -> Result<Value, NotJson> {
    if bytes.starts_with("\u{feff}".as_bytes()) {
        return Err(NotJson::Mark);
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    Strict
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(NotJson::Syntax)
}

struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut read = Vec::new();
        while let Some(item) = items.next_element_seed(Self)? {
            read.push(item);
        }
        Ok(Value::Array(read))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut read = Map::with_capacity(USUAL_MEMBERS);
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(Self)?;
            match read.entry(name) {
                Entry::Vacant(free) => free.insert(value),
                Entry::Occupied(taken) => {
                    let name = taken.key();
                    return Err(de::Error::custom(format!("the key `{name}` stands twice")));
                }
            };
        }
        Ok(Value::Object(read))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // A test that cannot go on should say where.
mod tests {
    use rstest::rstest;

    use super::parse;

    #[rstest]
    #[case::duplicate(r#"{"a":1,"b":{"c":1,"c":2}}"#, "the key `c` stands twice")]
    #[case::trailing("{}x", "trailing characters")]
    #[case::nan(r#"{"a":NaN}"#, "expected value")]
    #[case::mark("\u{feff}{}", "byte order mark")]
    #[case::cut(r#"{"a":1"#, "EOF")]
    fn what_is_no_json_is_named(#[case] text: &str, #[case] why: &str) {
        let error = parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }

    #[test]
    fn what_is_json_is_read_as_it_stands() {
        let text = r#"{"z":[1,-2,1.5,"ü",null,true],"a":{}}"#;
        assert_eq!(parse(text.as_bytes()).unwrap().to_string(), text);
    }
}
