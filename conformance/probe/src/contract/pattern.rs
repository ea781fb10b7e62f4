//! Patterns of bodies: JSON with placeholders.
//!
//! A text like `<integer>` stands for any value of its kind, an object with one key like `<one-of>`
//! for a choice, and the key or last item `...` for anything else. All other values must be equal.
//! `{"<documented>": "create_201", "except": {…}}` is a documented response, with JSON pointers to
//! the parts that may vary.

use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::contract::documented::{self, DocumentedError};
use crate::scope::{Operand, Scope, ScopeError, fill, moment, operands};

/// Stands for further members of an object, or further items of a list.
const REST: &str = "...";

type Test = fn(&Value) -> bool;

/// The placeholders, each with its test.
const PLACEHOLDERS: &[(&str, Test)] = &[
    ("<any>", |_| true),
    ("<integer>", |value| value.is_i64() || value.is_u64()),
    ("<number>", Value::is_number),
    ("<boolean>", Value::is_boolean),
    ("<string>", Value::is_string),
    ("<text>", |value| {
        value.as_str().is_some_and(|text| !text.trim().is_empty())
    }),
    ("<date-time>", |value| {
        value.as_str().is_some_and(|text| moment(text).is_some())
    }),
    ("<url>", |value| value.as_str().is_some_and(is_url)),
    ("<object>", Value::is_object),
    ("<array>", Value::is_array),
];

fn is_url(text: &str) -> bool {
    text.parse::<http::Uri>()
        .is_ok_and(|uri| uri.scheme().is_some() && uri.host().is_some())
}

/// The operators, each the only key of an object.
const OPERATORS: &[&str] = &[
    "<one-of>",
    "<each>",
    "<contains>",
    "<lacks>",
    "<in-any-order>",
    "<at-least>",
    "<not>",
];

/// A body pattern, checked when it is read.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Value")]
pub struct Pattern(Value);

/// Reasons why JSON is not a pattern.
#[derive(Debug)]
pub enum PatternError {
    /// A `${…}` cannot be read.
    Scope(ScopeError),
    /// There is no such placeholder.
    Placeholder(String),
    /// The operator is unknown, or has other keys beside it.
    Operator(String),
    /// The operator takes a list.
    List(String),
    /// The documented response cannot be had.
    Documented(DocumentedError),
    /// The documented response has nothing at a pointer.
    Nothing {
        /// The name of the response.
        name: String,
        /// The JSON pointer.
        pointer: String,
    },
    /// A key that does not belong beside `<documented>`.
    Stray(String),
}

impl From<ScopeError> for PatternError {
    fn from(error: ScopeError) -> Self {
        Self::Scope(error)
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scope(error) => error.fmt(f),
            Self::Placeholder(text) => {
                let names: Vec<_> = PLACEHOLDERS.iter().map(|(name, _)| *name).collect();
                let names = names.join(", ");
                write!(f, "`{text}` is no placeholder; there are {names}")
            }
            Self::Operator(name) => write!(
                f,
                "`{name}` must be the only key of an object, and one of {}",
                OPERATORS.join(", ")
            ),
            Self::List(name) => write!(f, "`{name}` takes a list"),
            Self::Documented(error) => error.fmt(f),
            Self::Nothing { name, pointer } => write!(f, "`{name}` has nothing at `{pointer}`"),
            Self::Stray(key) => write!(f, "`{key}` does not belong beside `<documented>`"),
        }
    }
}

impl std::error::Error for PatternError {}

impl TryFrom<Value> for Pattern {
    type Error = PatternError;

    fn try_from(value: Value) -> Result<Self, PatternError> {
        operands(&value, &mut Vec::new())?;
        expanded(value).map(Self)
    }
}

/// Inserts documented responses, and refuses anything that is not a pattern.
fn expanded(value: Value) -> Result<Value, PatternError> {
    match value {
        Value::String(text) if is_marked(&text) => {
            let known = PLACEHOLDERS.iter().any(|(name, _)| *name == text);
            if known {
                return Ok(text.into());
            }
            Err(PatternError::Placeholder(text))
        }
        Value::Array(items) => items.into_iter().map(expanded).collect(),
        Value::Object(members) if members.contains_key("<documented>") => example(&members),
        Value::Object(members) => {
            let operator = members.keys().find(|name| is_marked(name));
            if let Some(operator) = operator
                && (members.len() > 1 || !OPERATORS.contains(&operator.as_str()))
            {
                return Err(PatternError::Operator(operator.clone()));
            }
            let members = members.into_iter().map(|(name, member)| {
                let is_list = matches!(
                    name.as_str(),
                    "<one-of>" | "<contains>" | "<lacks>" | "<in-any-order>"
                );
                if is_list && !member.is_array() {
                    return Err(PatternError::List(name));
                }
                Ok((name, expanded(member)?))
            });
            members.collect::<Result<Map<_, _>, _>>().map(Value::Object)
        }
        other => Ok(other),
    }
}

fn is_marked(text: &str) -> bool {
    text.len() > 2 && text.starts_with('<') && text.ends_with('>')
}

/// Returns a documented body with the named members replaced.
fn example(members: &Map<String, Value>) -> Result<Value, PatternError> {
    let name = members["<documented>"].as_str().unwrap_or_default();
    let documented = documented::find(name).map_err(PatternError::Documented)?;
    let mut body = documented.response.body;
    at_base(&mut body);
    for (key, value) in members {
        match (key.as_str(), value) {
            ("<documented>", _) => {}
            ("except", Value::Object(varying)) => {
                for (pointer, pattern) in varying {
                    let place = body.pointer_mut(pointer);
                    let place = place.ok_or_else(|| PatternError::Nothing {
                        name: name.to_owned(),
                        pointer: pointer.clone(),
                    })?;
                    *place = expanded(pattern.clone())?;
                }
            }
            _ => return Err(PatternError::Stray(key.clone())),
        }
    }
    Ok(body)
}

/// Replaces the page's name for the host by the target's base.
fn at_base(value: &mut Value) {
    match value {
        Value::String(text) => *text = text.replace("https://{whippy_api_url}", "${base}"),
        Value::Array(items) => items.iter_mut().for_each(at_base),
        Value::Object(members) => members.values_mut().for_each(at_base),
        _ => {}
    }
}

/// The differences between a body and a pattern.
#[derive(Debug, Clone, PartialEq)]
pub struct Mismatch {
    /// JSON pointers to them; `/` is the whole body.
    pub at: Vec<String>,
    /// The pattern with its fitting parts filled in from the body, so that a diff shows only the
    /// others.
    pub expected: Value,
}

impl Pattern {
    /// Returns the names of members that the pattern requires of an object.
    pub fn member_names(&self) -> Vec<&str> {
        let names = self.0.as_object().into_iter().flat_map(Map::keys);
        names
            .map(String::as_str)
            .filter(|name| *name != REST && !is_marked(name))
            .collect()
    }

    /// Creates a pattern of a documented body, at the target's base.
    pub fn example(body: &Value) -> Self {
        let mut body = body.clone();
        at_base(&mut body);
        Self(body)
    }

    /// Compares a body with the pattern. The error is a name without a value.
    pub fn mismatch(&self, scope: &Scope, got: &Value) -> Result<Option<Mismatch>, ScopeError> {
        let pattern = fill(&self.0, scope)?;
        if fits(&pattern, got) {
            return Ok(None);
        }
        let mut at = Vec::new();
        let expected = compare(&pattern, got, "", &mut at);
        Ok(Some(Mismatch { at, expected }))
    }

    /// Returns the names in the pattern.
    pub fn names(&self) -> Vec<String> {
        let mut found = Vec::new();
        // It was read without an error before.
        let _ = operands(&self.0, &mut found);
        found
            .iter()
            .map(|operand: &Operand| operand.name().to_owned())
            .collect()
    }
}

fn placeholder(text: &str) -> Option<Test> {
    let found = PLACEHOLDERS.iter().find(|(name, _)| *name == text);
    found.map(|(_, test)| *test)
}

fn operator(members: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, operand) = members.iter().next()?;
    (members.len() == 1 && OPERATORS.contains(&name.as_str())).then_some((name, operand))
}

fn fits(pattern: &Value, got: &Value) -> bool {
    match (pattern, got) {
        (Value::String(text), _) => match placeholder(text) {
            Some(accepts) => accepts(got),
            None => got.as_str() == Some(text),
        },
        (Value::Object(members), _) if operator(members).is_some() => {
            operator(members).is_some_and(|(name, operand)| fits_operator(name, operand, got))
        }
        (Value::Object(members), Value::Object(others)) => {
            let open = members.contains_key(REST);
            members
                .iter()
                .filter(|(name, _)| *name != REST)
                .all(|(name, member)| others.get(name).is_some_and(|other| fits(member, other)))
                && (open || others.keys().all(|name| members.contains_key(name)))
        }
        (Value::Array(items), Value::Array(others)) => {
            let open = items.last().is_some_and(|item| item == REST);
            let items = &items[..items.len() - usize::from(open)];
            (items.len() == others.len() || open && items.len() < others.len())
                && items
                    .iter()
                    .zip(others)
                    .all(|(item, other)| fits(item, other))
        }
        _ => pattern == got,
    }
}

fn fits_operator(name: &str, operand: &Value, got: &Value) -> bool {
    let patterns = operand.as_array().map_or(&[][..], Vec::as_slice);
    match name {
        "<one-of>" => patterns.iter().any(|pattern| fits(pattern, got)),
        "<not>" => !fits(operand, got),
        "<at-least>" => match (got.as_f64(), operand.as_f64()) {
            (Some(got), Some(least)) => got >= least,
            _ => false,
        },
        _ => got.as_array().is_some_and(|items| match name {
            "<each>" => items.iter().all(|item| fits(operand, item)),
            "<contains>" => patterns
                .iter()
                .all(|pattern| items.iter().any(|item| fits(pattern, item))),
            "<lacks>" => patterns
                .iter()
                .all(|pattern| !items.iter().any(|item| fits(pattern, item))),
            _ => items.len() == patterns.len() && permuted(patterns, items),
        }),
    }
}

/// Returns `true` if the items can be assigned to the patterns one to one.
fn permuted(patterns: &[Value], items: &[Value]) -> bool {
    let Some((pattern, rest)) = patterns.split_first() else {
        return true;
    };
    items.iter().enumerate().any(|(position, item)| {
        fits(pattern, item) && {
            let mut others = items.to_vec();
            others.remove(position);
            permuted(rest, &others)
        }
    })
}

/// Returns the pattern with its fitting parts filled in from the body. Pointers to the others are
/// added to `at`.
fn compare(pattern: &Value, got: &Value, here: &str, at: &mut Vec<String>) -> Value {
    if fits(pattern, got) {
        return got.clone();
    }
    match (pattern, got) {
        (Value::Object(members), Value::Object(others)) if operator(members).is_none() => {
            let open = members.contains_key(REST);
            let mut expected = Map::new();
            // In the order of the body, so that the lines of a diff match.
            for (name, other) in others {
                let there = format!("{here}/{name}");
                match members.get(name) {
                    Some(member) => {
                        expected.insert(name.clone(), compare(member, other, &there, at));
                    }
                    None if open => {
                        expected.insert(name.clone(), other.clone());
                    }
                    None => at.push(there),
                }
            }
            for (name, member) in members {
                if name != REST && !others.contains_key(name) {
                    at.push(format!("{here}/{name}"));
                    expected.insert(name.clone(), member.clone());
                }
            }
            Value::Object(expected)
        }
        (Value::Array(items), Value::Array(others)) => {
            let open = items.last().is_some_and(|item| item == REST);
            let items = &items[..items.len() - usize::from(open)];
            let mut expected = Vec::new();
            for (position, item) in items.iter().enumerate() {
                let there = format!("{here}/{position}");
                expected.push(if let Some(other) = others.get(position) {
                    compare(item, other, &there, at)
                } else {
                    at.push(there);
                    item.clone()
                });
            }
            for (position, other) in others.iter().enumerate().skip(items.len()) {
                if open {
                    expected.push(other.clone());
                } else {
                    at.push(format!("{here}/{position}"));
                }
            }
            Value::Array(expected)
        }
        (Value::Object(members), Value::Array(others)) => match operator(members) {
            Some(("<each>", operand)) => {
                let items = others.iter().enumerate();
                items
                    .map(|(i, other)| compare(operand, other, &format!("{here}/{i}"), at))
                    .collect()
            }
            _ => differing(pattern, here, at),
        },
        _ => differing(pattern, here, at),
    }
}

fn differing(pattern: &Value, here: &str, at: &mut Vec<String>) -> Value {
    at.push(if here.is_empty() { "/" } else { here }.to_owned());
    pattern.clone()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // A test that cannot go on should say where.
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::Pattern;
    use crate::scope::Scope;

    #[rstest]
    #[case(json!({"a": "<integer>"}), json!({"a": 1}))]
    #[case(json!({"a": 1, "...": "<any>"}), json!({"a": 1, "b": 2}))]
    #[case(json!([1, "..."]), json!([1, 2, 3]))]
    #[case(json!({"<each>": {"n": "<integer>"}}), json!([{"n": 1}, {"n": 2}]))]
    #[case(json!({"<contains>": [2]}), json!([1, 2]))]
    #[case(json!({"<in-any-order>": ["<any>", 1]}), json!([1, 2]))]
    #[case(json!({"<one-of>": [1, "<string>"]}), json!("x"))]
    #[case(json!("${sku}"), json!("ct-1"))]
    #[case(json!("<date-time>"), json!("2023-05-10T13:37:18+03:00"))]
    #[case(json!({"<at-least>": 2}), json!(2))]
    fn a_body_that_fits_has_no_mismatch(#[case] pattern: Value, #[case] got: Value) {
        let mut scope = Scope::default();
        scope.set("sku", "ct-1");
        let pattern = Pattern::try_from(pattern).unwrap();
        assert_eq!(pattern.mismatch(&scope, &got).unwrap(), None);
    }

    #[rstest]
    #[case(json!({"a": "<integer>"}), json!({"a": "1"}), &["/a"])]
    #[case(json!({"a": "<integer>"}), json!({"a": 1.5}), &["/a"])]
    #[case(json!({"a": 1}), json!({"a": 1, "b": 2}), &["/b"])]
    #[case(json!({"a": 1, "b": 2}), json!({"a": 1}), &["/b"])]
    #[case(json!([1, 2]), json!([1]), &["/1"])]
    #[case(json!([1]), json!([1, 2]), &["/1"])]
    #[case(json!({"<each>": 1}), json!([1, 2]), &["/1"])]
    #[case(json!({"<lacks>": [2]}), json!([1, 2]), &["/"])]
    #[case(json!({"<in-any-order>": [1, 1]}), json!([1, 2]), &["/"])]
    #[case(json!("<date-time>"), json!("2023-05-10T13:37:18"), &["/"])]
    #[case(json!(1), json!(1.0), &["/"])]
    fn a_body_that_does_not_fit_is_told_where(
        #[case] pattern: Value,
        #[case] got: Value,
        #[case] at: &[&str],
    ) {
        let pattern = Pattern::try_from(pattern).unwrap();
        let mismatch = pattern.mismatch(&Scope::default(), &got).unwrap();
        assert_eq!(mismatch.unwrap().at, at);
    }

    #[test]
    fn what_fits_is_shown_as_it_came() {
        let pattern = json!({"id": "<integer>", "stock": 5});
        let pattern = Pattern::try_from(pattern).unwrap();
        let got = json!({"stock": 4, "id": 17});
        let mismatch = pattern.mismatch(&Scope::default(), &got).unwrap().unwrap();
        assert_eq!(mismatch.expected, json!({"stock": 5, "id": 17}));
    }

    #[test]
    fn a_documented_response_varies_only_where_it_says() {
        let pattern = json!({"<documented>": "create_201", "except": {"/id": "<integer>"}});
        let pattern = Pattern::try_from(pattern).unwrap();
        let mut got = crate::contract::documented::find("create_201")
            .unwrap()
            .response
            .body;
        got["id"] = 17.into();
        assert_eq!(pattern.mismatch(&Scope::default(), &got).unwrap(), None);
        got["stock"] = 4.into();
        let mismatch = pattern.mismatch(&Scope::default(), &got).unwrap();
        assert_eq!(mismatch.unwrap().at, ["/stock"]);
    }

    #[rstest]
    #[case(json!("<intger>"), "`<intger>` is no placeholder")]
    #[case(json!({"<one-of>": [], "b": 1}), "must be the only key")]
    #[case(json!({"<contains>": 1}), "takes a list")]
    #[case(json!({"<documented>": "create_2001"}), "create_2001")]
    #[case(json!({"<documented>": "create_201", "except": {"/idd": 1}}), "nothing at `/idd`")]
    #[case(json!("${sku"), "does not close")]
    fn what_is_no_pattern_is_refused(#[case] pattern: Value, #[case] why: &str) {
        let error = Pattern::try_from(pattern).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}
