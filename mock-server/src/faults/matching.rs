//! The conditions under which a rule applies to a request.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;

use bytes::Bytes;
use http::header::HeaderName;
use http::{Method, Request};
use serde_json::Value;

use super::Asked;
use super::limits::{MAX_CONDITIONS, MAX_COUNT, MAX_TEXT};
use super::reader::{FaultError, Members, Wrong, kind_of};
use whippy_engine::endpoints::call::{Call, Settings};
use whippy_engine::model::fields::Body;
use whippy_engine::model::time::Timestamp;
use whippy_engine::operations;
use whippy_engine::query::is_search;
use whippy_engine::suggest::did_you_mean;
use whippy_engine::wire::form::FormValue;
use whippy_engine::wire::json;
use whippy_engine::wire::urlencoded::{self, Pair};

/// The error of a pattern that fits no operation.
#[derive(Debug)]
pub(super) struct UnknownOperation(String);

impl fmt::Display for UnknownOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(pattern) = self;
        let hint = did_you_mean(pattern, operations::names());
        write!(
            f,
            "there is no operation `{pattern}`; {hint}openapi.json names them all"
        )
    }
}

/// A pattern in which `*` stands for any text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Glob(String);

impl Glob {
    pub(super) fn new(pattern: &str) -> Self {
        Self(pattern.to_owned())
    }

    /// Makes a pattern of operations; at least one must fit.
    pub(super) fn of_operations(pattern: &str) -> Result<Self, UnknownOperation> {
        let glob = Self::new(pattern);
        if operations::names().any(|name| glob.fits(name)) {
            return Ok(glob);
        }
        Err(UnknownOperation(pattern.to_owned()))
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }

    pub(super) fn fits(&self, text: &str) -> bool {
        let (pattern, text) = (self.0.as_bytes(), text.as_bytes());
        let (mut at, mut seen) = (0, 0);
        // The position of the last star, and the text's position after what that star has matched.
        let mut star = None;
        while seen < text.len() {
            if pattern.get(at) == Some(&b'*') {
                star = Some((at, seen));
                at += 1;
            } else if pattern.get(at) == Some(&text[seen]) {
                at += 1;
                seen += 1;
            } else if let Some((star_at, from)) = star {
                star = Some((star_at, from + 1));
                at = star_at + 1;
                seen = from + 1;
            } else {
                return false;
            }
        }
        pattern[at..].iter().all(|&byte| byte == b'*')
    }
}

/// A value in a rule. A number equals its text, as it does to the stack.
#[derive(Debug)]
enum Wanted {
    Null,
    Bool(bool),
    Text(String),
}

impl Wanted {
    fn read(value: &Value, path: &str) -> Result<Self, FaultError> {
        match value {
            Value::Null => Ok(Self::Null),
            Value::Bool(truth) => Ok(Self::Bool(*truth)),
            Value::Number(number) => Ok(Self::Text(number.to_string())),
            Value::String(text) if text.chars().count() <= MAX_TEXT => Ok(Self::Text(text.clone())),
            Value::String(_) => Err(FaultError::rule(
                path,
                format!("at most {MAX_TEXT} characters are taken"),
            )),
            other => Err(FaultError {
                path: path.to_owned(),
                why: Wrong::Type {
                    taken: "a text, a number, true, false or null is taken".to_owned(),
                    found: kind_of(other),
                },
            }),
        }
    }

    fn is_text(&self, text: &str) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(truth) => text.eq_ignore_ascii_case(if *truth { "true" } else { "false" }),
            Self::Text(wanted) => wanted == text,
        }
    }
}

/// The conditions of a rule.
#[derive(Debug, Default)]
pub(super) struct Matching {
    pub(super) operation: Option<Glob>,
    method: Option<Method>,
    world: Option<Glob>,
    header: Vec<(HeaderName, Wanted)>,
    query: Vec<(String, Wanted)>,
    body: Vec<(String, Wanted)>,
    pub(super) nth: Option<u64>,
    pub(super) every: Option<u64>,
    pub(super) probability: Option<f64>,
}

const MEMBERS: &[&str] = &[
    "operation",
    "method",
    "world",
    "header",
    "query",
    "body",
    "nth",
    "every",
    "probability",
];

const METHODS: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];

impl Matching {
    pub(super) fn read(value: &Value, path: String) -> Result<Self, FaultError> {
        let members = Members::of(value, path, "`match`")?;
        members.only(MEMBERS)?;
        let operation = members.text("operation", MAX_TEXT)?;
        let operation = match operation.map(Glob::of_operations).transpose() {
            Ok(operation) => operation,
            Err(unknown) => return members.wrong_at("operation", unknown.to_string()),
        };
        let method = members.text("method", MAX_TEXT)?;
        let method = method.map(|name| {
            let known = METHODS.into_iter().find(|method| method.as_str() == name);
            known.map_or_else(
                || {
                    let names = METHODS.iter().map(Method::as_str);
                    let names = names.collect::<Vec<_>>().join(", ");
                    members.wrong_at("method", format!("one of {names} is taken"))
                },
                Ok,
            )
        });
        Ok(Self {
            operation,
            method: method.transpose()?,
            world: members.text("world", MAX_TEXT)?.map(Glob::new),
            header: headers(conditions(&members, "header")?)?,
            query: without_paths(conditions(&members, "query")?),
            body: without_paths(conditions(&members, "body")?),
            nth: members.whole("nth", 1..=MAX_COUNT)?,
            every: members.whole("every", 1..=MAX_COUNT)?,
            probability: members.number("probability", 0.0..=1.0)?,
        })
    }

    /// Returns `true` if a request meets the conditions, apart from those on its turn.
    pub(super) fn fits(&self, seen: &Seen<'_>) -> bool {
        let request = seen.asked.request;
        self.operation
            .as_ref()
            .is_none_or(|glob| seen.names().any(|name| glob.fits(name)))
            && self
                .method
                .as_ref()
                .is_none_or(|method| method == request.method())
            && self
                .world
                .as_ref()
                .is_none_or(|glob| glob.fits(seen.asked.world))
            && self.header.iter().all(|(name, wanted)| {
                let mut values = request.headers().get_all(name).iter();
                values.any(|value| wanted.is_text(&String::from_utf8_lossy(value.as_bytes())))
            })
            && self.query.iter().all(|(name, wanted)| {
                let mut pairs = seen.query().iter();
                pairs.any(|(n, value)| n == name && wanted.is_text(value))
            })
            && (self.body.is_empty() || seen.has_body(&self.body))
    }

    /// Returns `true` if the rule applies to the nth request that meets it; `falls` draws chance.
    pub(super) fn is_turn(&self, nth: u64, falls: impl FnOnce(f64) -> bool) -> bool {
        self.nth.is_none_or(|wanted| wanted == nth)
            && self.every.is_none_or(|every| nth.is_multiple_of(every))
            && self.probability.is_none_or(falls)
    }
}

type Condition = (String, Wanted, String);

/// Reads conditions as triples: a name, the value wanted, and their path in the document.
fn conditions(members: &Members<'_>, name: &str) -> Result<Vec<Condition>, FaultError> {
    let Some(value) = members.get(name) else {
        return Ok(Vec::new());
    };
    let object = Members::of(value, members.path_of(name), &format!("`{name}`"))?;
    if object.len() > MAX_CONDITIONS {
        return object.wrong(format!("at most {MAX_CONDITIONS} members are taken"));
    }
    let read = |(name, value, path): (&str, _, String)| {
        Wanted::read(value, &path).map(|wanted| (name.to_owned(), wanted, path))
    };
    object.all().map(read).collect()
}

fn without_paths(conditions: Vec<Condition>) -> Vec<(String, Wanted)> {
    let kept = conditions.into_iter();
    kept.map(|(name, wanted, _)| (name, wanted)).collect()
}

fn headers(conditions: Vec<Condition>) -> Result<Vec<(HeaderName, Wanted)>, FaultError> {
    let named = |(name, wanted, path): Condition| {
        let name = HeaderName::try_from(&name);
        let name = name.map_err(|_| FaultError::rule(path, "this is no name of a header"))?;
        Ok((name, wanted))
    };
    conditions.into_iter().map(named).collect()
}

/// A request, with the parts of it that rules have already read.
pub(super) struct Seen<'a> {
    pub(super) asked: &'a Asked<'a>,
    query: OnceCell<Vec<Pair<'a>>>,
    rows: OnceCell<Vec<Vec<(String, Given)>>>,
}

/// A member of a body.
enum Given {
    Null,
    Text(String),
    /// A value that no rule can name.
    Other,
}

impl<'a> Seen<'a> {
    pub(super) fn of(asked: &'a Asked<'a>) -> Self {
        Self {
            asked,
            query: OnceCell::new(),
            rows: OnceCell::new(),
        }
    }

    /// Returns the names of the requested operation: a search also counts as a list.
    fn names(&self) -> impl Iterator<Item = &str> {
        let operation = self.asked.operation;
        let is_apart = operation == operations::LIST && is_search(self.query());
        std::iter::once(operation).chain(is_apart.then_some(operations::SEARCH))
    }

    fn query(&self) -> &[Pair<'a>] {
        self.query.get_or_init(|| {
            let query = self.asked.request.uri().query().unwrap_or_default();
            urlencoded::decode(query.as_bytes()).unwrap_or_default()
        })
    }

    /// Returns `true` if the body, or one of the rows in it, has all these members.
    fn has_body(&self, conditions: &[(String, Wanted)]) -> bool {
        let rows = self.rows.get_or_init(|| rows_of(self.asked.request));
        rows.iter().any(|row| {
            conditions.iter().all(|(name, wanted)| {
                // Of several members of a name the last counts.
                let given = row.iter().rev().find(|(n, _)| n == name);
                given.is_some_and(|(_, given)| match given {
                    Given::Null => matches!(wanted, Wanted::Null),
                    Given::Text(text) => wanted.is_text(text),
                    Given::Other => false,
                })
            })
        })
    }
}

/// Returns the objects of a body as the stack reads them, whatever its content type.
fn rows_of(request: &Request<Bytes>) -> Vec<Vec<(String, Given)>> {
    let settings = Settings::default();
    let call = Call::new(&settings, ("", None), &[], (request, Timestamp::EPOCH));
    let of_dict = |value: &json::Value<'_>| match value {
        json::Value::Dict(members) => {
            let members = members.iter();
            let members = members.map(|(name, value)| (name.text.to_string(), given(value)));
            Some(members.collect())
        }
        _ => None,
    };
    match call.body() {
        Ok(Body::Json(json::Value::List(rows))) => rows.iter().filter_map(of_dict).collect(),
        Ok(Body::Json(value)) => of_dict(&value).into_iter().collect(),
        Ok(Body::Form(form)) => {
            let fields = form.fields.into_iter().map(|(name, value)| match value {
                FormValue::Text(text) => (name, Given::Text(text)),
                FormValue::File => (name, Given::Other),
            });
            vec![fields.collect()]
        }
        Err(_) => Vec::new(),
    }
}

fn given(value: &json::Value<'_>) -> Given {
    match value {
        json::Value::Null => Given::Null,
        json::Value::List(_) | json::Value::Dict(_) => Given::Other,
        scalar => Given::Text(Cow::into_owned(scalar.to_text())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("", "", true)]
    #[case("", "a", false)]
    #[case("*", "", true)]
    #[case("*", "anything", true)]
    #[case("list-stocks", "list-stocks", true)]
    #[case("list-stocks", "list-stocks-", false)]
    #[case("list-*", "list-stocks", true)]
    #[case("list-*", "list", false)]
    #[case("*-stock", "create-stock", true)]
    #[case("*-stock", "create-stocks", false)]
    #[case("*-stock*", "create-stocks", true)]
    #[case("a*b*c", "abbbc", true)]
    #[case("a*b*c", "abcb", false)]
    #[case("*ab", "aab", true)]
    #[case("**", "x", true)]
    #[case("ü*", "über", true)]
    fn a_star_stands_for_any_text(#[case] glob: &str, #[case] text: &str, #[case] fits: bool) {
        assert_eq!(Glob::new(glob).fits(text), fits);
    }
}
