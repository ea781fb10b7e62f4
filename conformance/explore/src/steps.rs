//! Requests with holes, and sequences of them, which an exploration sends, stores and plays again
//! on SKUs that nothing else has.
//!
//! A hole has the syntax of the cases: `${sku}`, `${s3.modified_date + 1}`. Values from answers are
//! filled in for each side from its own answers: date-times of the target are sent to the target,
//! and those of the oracle to the oracle.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::sync::LazyLock;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::uri::InvalidUri;
use http::{Method, Request, Uri};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use whippy_engine::endpoints::{Handler, Verb, operations};
use whippy_probe::probe::encode;
use whippy_probe::scope::moment;

/// The value of a date-time that no answer showed. It is later than any other, so that a filter by
/// it finds nothing on either side.
const UNSHOWN: &str = "2099-01-01T00:00:00+03:00";

/// The operation of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Lists a page of stocks.
    List,
    /// Creates a stock.
    Create,
    /// Reserves one more.
    Increase,
    /// Releases one.
    Decrease,
    /// Queries the places of one SKU.
    Query,
    /// Queries the places of several SKUs.
    MultiQuery,
    /// Queries the salable quantity of one SKU.
    Salable,
    /// Queries the salable quantity of several SKUs.
    MultiSalable,
    /// Inserts or updates stocks.
    Upsert,
    /// Does the same by GET, as in the snippet on the page.
    UpsertByGet,
    /// Lists the active stocks of a stock list.
    Active,
    /// Does the same at the path in the page's heading.
    ActiveAlias,
}

/// An operation in the engine's table of routes.
struct Row {
    id: &'static str,
    method: Method,
    /// The path with its holes.
    path: String,
    is_reading: bool,
}

/// The id in `openapi.json` and the verb of every operation.
const OPERATIONS: [(Operation, &str, Verb); 12] = [
    (Operation::List, "list-stocks", Verb::Get),
    (Operation::Create, "create-stock", Verb::Post),
    (Operation::Increase, "increase-reserved-stock", Verb::Post),
    (Operation::Decrease, "decrease-reserved-stock", Verb::Post),
    (Operation::Query, "stock-query", Verb::Get),
    (Operation::MultiQuery, "multi-stock-query", Verb::Get),
    (Operation::Salable, "salable-stock-query", Verb::Get),
    (
        Operation::MultiSalable,
        "multi-salable-stock-query",
        Verb::Get,
    ),
    (Operation::Upsert, "upsert-stocks", Verb::Post),
    (Operation::UpsertByGet, "upsert-stocks", Verb::Get),
    (Operation::Active, "list-active-stocks", Verb::Post),
    (
        Operation::ActiveAlias,
        "list-active-stocks-alias",
        Verb::Post,
    ),
];

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let rows = OPERATIONS.iter().filter_map(|(_, id, verb)| {
        let (resource, action) = operations().find(|(_, action)| action.operation == *id)?;
        Some(Row {
            id,
            method: verb.method(),
            path: resource.path.replace("{stocklist_id}", "${stock-list}"),
            is_reading: matches!(action.handler, Handler::Read(_)),
        })
    });
    rows.collect()
});

impl Operation {
    /// Returns all operations.
    pub fn all() -> impl Iterator<Item = Self> {
        OPERATIONS.iter().map(|(operation, ..)| *operation)
    }

    fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    /// Returns the id in `openapi.json`.
    pub fn id(self) -> &'static str {
        self.row().id
    }

    /// Returns the method.
    pub fn method(self) -> &'static Method {
        &self.row().method
    }

    /// Returns the path, with holes.
    pub fn path(self) -> &'static str {
        &self.row().path
    }

    /// Returns `true` if it only reads, so that it may be repeated.
    pub fn is_reading(self) -> bool {
        self.row().is_reading
    }
}

/// The body of a step.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    /// No body.
    #[default]
    None,
    /// JSON with its content type.
    Json(Value),
    /// JSON without a content type, as in the page's own snippets.
    Untyped(Value),
}

impl Body {
    /// Returns the body with its holes.
    pub fn value(&self) -> Option<&Value> {
        match self {
            Self::None => None,
            Self::Json(value) | Self::Untyped(value) => Some(value),
        }
    }

    /// Returns the body for changing it.
    pub fn value_mut(&mut self) -> Option<&mut Value> {
        match self {
            Self::None => None,
            Self::Json(value) | Self::Untyped(value) => Some(value),
        }
    }

    fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// A request with holes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The number. Later steps refer to its answer by `s` and this number.
    pub name: u16,
    /// The operation.
    pub operation: Operation,
    /// Names and values of the query, not encoded yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<(String, String)>,
    /// The body.
    #[serde(default, skip_serializing_if = "Body::is_none")]
    pub body: Body,
}

/// The values of holes that are equal on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names(Vec<(&'static str, String)>);

/// The names of the SKUs of a sequence.
pub const SKUS: [&str; 3] = ["sku", "sku2", "sku3"];

impl Names {
    /// Sets the text of a name.
    pub fn set(&mut self, name: &'static str, text: impl Into<String>) {
        let text = text.into();
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, held)) => *held = text,
            None => self.0.push((name, text)),
        }
    }

    /// Returns the text of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut known = self.0.iter();
        known
            .find(|(known, _)| *known == name)
            .map(|(_, text)| text.as_str())
    }

    /// Returns all names with their texts.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, text)| (*name, text.as_str()))
    }

    /// Returns `true` if a SKU is one of the sequence's, or begins with one.
    pub fn is_own(&self, sku: &str) -> bool {
        let own = SKUS.iter().filter_map(|name| self.get(name));
        own.into_iter().any(|own| sku.starts_with(own))
    }
}

/// The date-times of the stock in an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dates {
    /// `created_date`.
    pub created: String,
    /// `modified_date`.
    pub modified: String,
}

/// The date-times that one side has shown so far, by the names of the steps.
#[derive(Debug, Clone, Default)]
pub struct Shown(Vec<Option<Dates>>);

impl Shown {
    /// Keeps the dates of the stock in the answer to a step, if there is one.
    pub fn keep(&mut self, step: &Step, answer: &Value) {
        let text = |name| answer.get(name).and_then(Value::as_str);
        if let (Some(created), Some(modified)) = (text("created_date"), text("modified_date")) {
            let at = usize::from(step.name);
            if self.0.len() <= at {
                self.0.resize(at + 1, None);
            }
            self.0[at] = Some(Dates {
                created: created.to_owned(),
                modified: modified.to_owned(),
            });
        }
    }

    /// Evaluates an operand like `s3.modified_date + 1`.
    fn date(&self, operand: &str) -> Option<String> {
        let (place, shift) = match operand.split_once(" + ") {
            Some((place, by)) => (place, by.parse::<i64>().ok()?),
            None => match operand.split_once(" - ") {
                Some((place, by)) => (place, -by.parse::<i64>().ok()?),
                None => (operand, 0),
            },
        };
        let (step, member) = place.strip_prefix('s')?.split_once('.')?;
        let dates = self.0.get(step.parse::<usize>().ok()?)?.as_ref()?;
        let text = match member {
            "created_date" => &dates.created,
            "modified_date" => &dates.modified,
            _ => return None,
        };
        if shift == 0 {
            return Some(text.clone());
        }
        let (at, offset) = moment(text)?;
        Some(at.plus(shift).to_text(offset))
    }
}

/// One side of a sequence, with the values for its holes.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// The names with equal values on both sides.
    pub names: &'a Names,
    /// The values in the answers of this side.
    pub shown: &'a Shown,
}

impl Side<'_> {
    /// Returns a text with its holes filled.
    pub fn fill<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if !text.contains("${") {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len() + 24);
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            out.push_str(before);
            let (name, behind) = after.split_once('}').unwrap_or((after, ""));
            match self.names.get(name) {
                Some(known) => out.push_str(known),
                None => out.push_str(self.shown.date(name).as_deref().unwrap_or(UNSHOWN)),
            }
            rest = behind;
        }
        out.push_str(rest);
        Cow::Owned(out)
    }

    /// Returns the parameters of a step with their holes filled.
    pub fn query(&self, step: &Step) -> Vec<(String, String)> {
        let pairs = step.query.iter();
        pairs
            .map(|(name, value)| (name.clone(), self.fill(value).into_owned()))
            .collect()
    }

    fn write_json(&self, value: &Value, out: &mut Vec<u8>) {
        match value {
            Value::String(text) => write_string(&self.fill(text), out),
            Value::Array(items) => {
                out.push(b'[');
                for (position, item) in items.iter().enumerate() {
                    if position > 0 {
                        out.push(b',');
                    }
                    self.write_json(item, out);
                }
                out.push(b']');
            }
            Value::Object(members) => {
                out.push(b'{');
                for (position, (name, member)) in members.iter().enumerate() {
                    if position > 0 {
                        out.push(b',');
                    }
                    write_string(&self.fill(name), out);
                    out.push(b':');
                    self.write_json(member, out);
                }
                out.push(b'}');
            }
            scalar => {
                // Writing to a vector cannot fail.
                let _ = serde_json::to_writer(out, scalar);
            }
        }
    }
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    let _ = serde_json::to_writer(out, text);
}

/// The base URL of the requests in a sequence, and their common headers.
#[derive(Debug, Clone)]
pub struct Address {
    /// Scheme, authority and the path before `/api/`.
    pub base: String,
    /// The headers `Accept` and `Authorization`.
    pub headers: HeaderMap,
}

impl Step {
    /// Returns `true` if some hole has different values on the two sides.
    pub fn depends_on_answers(&self) -> bool {
        fn in_value(value: &Value) -> bool {
            match value {
                Value::String(text) => in_text(text),
                Value::Array(items) => items.iter().any(in_value),
                Value::Object(members) => members.values().any(in_value),
                _ => false,
            }
        }
        fn in_text(text: &str) -> bool {
            text.contains("_date")
        }
        self.query.iter().any(|(_, value)| in_text(value))
            || self.body.value().is_some_and(in_value)
    }

    /// Returns `true` if it lists only stocks of one SKU of the sequence.
    pub fn is_of_own_sku(&self) -> bool {
        let mut skus = self.query.iter().filter(|(name, _)| name == "sku");
        skus.any(|(_, value)| value.starts_with("${sku"))
    }

    /// Returns `true` if it lists only stocks created since the sequence began.
    pub fn is_since_its_beginning(&self) -> bool {
        let mut since = self.query.iter();
        since.any(|(name, value)| name == "created_date__gte" && value == SINCE)
    }

    /// Returns the request of a side. The error is an impossible path or header, which the text of
    /// a name can cause.
    pub fn request(&self, side: Side<'_>, address: &Address) -> Result<Request<Bytes>, StepError> {
        let mut uri = String::with_capacity(160);
        uri.push_str(&address.base);
        uri.push_str(&side.fill(self.operation.path()));
        for (position, (name, value)) in self.query.iter().enumerate() {
            uri.push(if position == 0 { '?' } else { '&' });
            encode(name, &mut uri);
            uri.push('=');
            encode(&side.fill(value), &mut uri);
        }
        let uri = Uri::try_from(uri.as_str()).map_err(|why| StepError { uri, why })?;
        let mut body = Vec::new();
        if let Some(value) = self.body.value() {
            body.reserve(128);
            side.write_json(value, &mut body);
        }
        let mut request = Request::new(Bytes::from(body));
        *request.method_mut() = self.operation.method().clone();
        *request.uri_mut() = uri;
        let mut headers = address.headers.clone();
        if matches!(self.body, Body::Json(_)) {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// Formats the request in a line, with its holes.
    pub fn line(&self) -> String {
        let mut line = format!("{} {}", self.operation.method(), self.operation.path());
        for (position, (name, value)) in self.query.iter().enumerate() {
            let mark = if position == 0 { '?' } else { '&' };
            // Writing to a text cannot fail.
            let _ = write!(line, "{mark}{name}={value}");
        }
        if let Some(body) = self.body.value() {
            let _ = write!(line, " {body}");
        }
        line
    }
}

/// The value that restricts a list to stocks created by a sequence, whose first step is a create.
pub const SINCE: &str = "${s0.created_date}";

/// The version of [`Trace`].
pub const FORMAT: u32 = 1;

/// A sequence that was sent, with the answers. That is enough to send it again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trace {
    /// The version of this format.
    pub trace: u32,
    /// The program that wrote it.
    pub tool: String,
    /// The target, for people.
    pub target: String,
    /// The seed of the sequence.
    pub seed: u64,
    /// Zero-based index of the sequence, counted from the seed.
    pub sequence: u64,
    /// The values of its names.
    pub names: serde_json::Map<String, Value>,
    /// The steps that were sent.
    pub steps: Vec<Step>,
    /// The answers, in the order of the steps.
    pub answers: Vec<RecordedAnswer>,
    /// The difference, in one line.
    pub difference: String,
}

/// The value of a name that makes the address of a step invalid.
#[derive(Debug)]
pub struct StepError {
    uri: String,
    why: InvalidUri,
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.uri, self.why)
    }
}

impl std::error::Error for StepError {}

/// An answer in a trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedAnswer {
    /// The status.
    pub status: u16,
    /// The body, or null where it was not JSON.
    pub body: Value,
}

/// Reasons why a file is not a trace that can be played.
#[derive(Debug)]
pub enum TraceError {
    /// The file does not fit the schema of traces.
    Json(serde_json::Error),
    /// The trace is of another format.
    Format(u32),
    /// The trace has no steps or too many.
    Steps,
    /// The name of a step is too high.
    Names,
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => error.fmt(f),
            Self::Format(found) => {
                write!(f, "format {found} is not {FORMAT}, the one known here")
            }
            Self::Steps => write!(f, "a trace has 1 to {MOST_STEPS} steps"),
            Self::Names => write!(f, "the names of steps go up to {MOST_STEPS}"),
        }
    }
}

impl std::error::Error for TraceError {}

impl Trace {
    /// Reads a trace from JSON.
    pub fn read(json: &str) -> Result<Self, TraceError> {
        let trace: Self = serde_json::from_str(json).map_err(TraceError::Json)?;
        if trace.trace != FORMAT {
            return Err(TraceError::Format(trace.trace));
        }
        if trace.steps.is_empty() || trace.steps.len() > MOST_STEPS {
            return Err(TraceError::Steps);
        }
        if trace
            .steps
            .iter()
            .any(|step| usize::from(step.name) > MOST_STEPS)
        {
            return Err(TraceError::Names);
        }
        Ok(trace)
    }

    /// Formats the trace as JSON.
    pub fn to_json(&self) -> String {
        let mut json = serde_json::to_string_pretty(self).unwrap_or_default();
        json.push('\n');
        json
    }
}

/// The most steps of a sequence.
pub const MOST_STEPS: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn operations_stand_in_the_order_of_their_enum() {
        for (position, operation) in Operation::all().enumerate() {
            assert_eq!(operation as usize, position);
            // An operation without a route in the engine would shift the others.
            assert_eq!(operation.id(), OPERATIONS[position].1);
        }
    }

    #[test]
    fn holes_are_filled_from_names_and_from_what_was_shown() {
        let mut names = Names::default();
        names.set("sku", "00CT-\"1");
        let mut shown = Shown::default();
        let step = Step {
            name: 2,
            operation: Operation::List,
            query: vec![
                ("sku".into(), "${sku}x".into()),
                ("modified_date__lt".into(), "${s2.modified_date + 1}".into()),
            ],
            body: Body::None,
        };
        shown.keep(
            &step,
            &json!({
                "created_date": "2023-05-10T13:37:18.209869+03:00",
                "modified_date": "2023-05-10T13:37:18.999999+03:00",
            }),
        );
        let side = Side {
            names: &names,
            shown: &shown,
        };
        let pairs = side.query(&step);
        assert_eq!(pairs[0].1, "00CT-\"1x");
        assert_eq!(pairs[1].1, "2023-05-10T13:37:19+03:00");
        assert_eq!(side.fill("${s7.created_date}"), UNSHOWN);
        let mut body = Vec::new();
        side.write_json(&json!({"sku": "${sku}", "stock": 5}), &mut body);
        assert_eq!(body, br#"{"sku":"00CT-\"1","stock":5}"#);
    }
}
