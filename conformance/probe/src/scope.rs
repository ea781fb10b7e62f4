//! Names and their values while a case runs, and the small language that uses them: `${created.id}`
//! in a template, and relations like `after.reserved_stock == before.reserved_stock + 1`.

use std::fmt;
use std::time::SystemTime;

use http::HeaderMap;
use http::header::DATE;
use serde::Deserialize;
use serde_json::{Number, Value};
use whippy_engine::model::time::{Timestamp, UtcOffset};

/// The names that every case knows: those of the environment with their flags, and those that are
/// new in each case and row. Source of the flags: `whippy-conformance run --help`.
pub const ENVIRONMENT: &[(&str, &str)] = &[
    ("base", ""),
    ("sku", ""),
    ("sku2", ""),
    ("sku3", ""),
    ("provider", "--provider NAME"),
    ("provider-id", "--provider NAME"),
    ("location", "--location CODE"),
    ("second-location", "--second-location CODE"),
    ("foreign-location", "--foreign-location CODE"),
    ("stock-list", "--stock-list ID"),
    ("opted-out-provider", "--create-places"),
    ("opted-out-location", "--create-places"),
    ("username", "--username NAME --password PASSWORD"),
    ("password", "--username NAME --password PASSWORD"),
    ("place-prefix", "--create-places"),
];

/// Reasons why a text of the language cannot be read, or has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScopeError {
    /// The operand has a part that is not a name.
    Name(String),
    /// The operand does not begin with a name.
    Start(String),
    /// The operand opens a `[` that it does not close.
    Bracket(String),
    /// The text between brackets is not a position.
    Position {
        /// The text.
        index: String,
        /// The operand.
        operand: String,
    },
    /// The text behind `+` or `-` is not a whole number.
    Offset(String),
    /// The template opens a `${` that it does not close.
    Placeholder(String),
    /// The text is not a relation.
    Relation(String),
    /// The operand has no value.
    Absent(Operand),
    /// The operand's value cannot be made larger or smaller.
    Fixed {
        /// The operand.
        operand: Operand,
        /// The value as JSON.
        value: String,
    },
}

impl fmt::Display for ScopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(text) => write!(f, "`{text}` is no name like `created.id`"),
            Self::Start(text) => write!(f, "`{text}` does not begin with a name"),
            Self::Bracket(text) => write!(f, "`{text}` opens a `[` that it does not close"),
            Self::Position { index, operand } => {
                write!(f, "`{index}` in `{operand}` is no position")
            }
            Self::Offset(text) => write!(f, "`{text}` is no whole number"),
            Self::Placeholder(text) => write!(f, "`{text}` opens a `${{` that it does not close"),
            Self::Relation(text) => write!(
                f,
                "`{text}` is no relation like `after.stock == before.stock + 1`"
            ),
            Self::Absent(operand) => write!(f, "there is no `{operand}`"),
            Self::Fixed { operand, value } => write!(
                f,
                "`{operand}` is {value}, neither a whole number nor a date-time"
            ),
        }
    }
}

impl std::error::Error for ScopeError {}

/// Values by name: places of the target, SKUs of the case, captures and answers.
#[derive(Debug, Clone, Default)]
pub struct Scope(Vec<(String, Value)>);

impl Scope {
    /// Sets the value of a name, in place of any earlier one.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        let value = value.into();
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, held)) => *held = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// Returns the value of a name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }
}

/// `name.member[0].member`, optionally followed by `+ N` or `- N`, which adds to a number, or
/// microseconds to a date-time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operand {
    name: String,
    path: Vec<Step>,
    offset: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Member(String),
    Index(usize),
    Length,
}

impl Operand {
    /// Returns the name at its beginning.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads `created.id`, `page.results[0].stock + 1`, `page.results.length`.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        let text = text.trim();
        let (path, offset) = match text.split_once(" + ").map(|p| (p, 1)) {
            Some(((path, number), sign)) => (path, sign * whole(number)?),
            None => match text.split_once(" - ") {
                Some((path, number)) => (path, -whole(number)?),
                None => (text, 0),
            },
        };
        let mut steps = Vec::new();
        for part in path.trim().split('.') {
            let (member, indexes) = part.split_once('[').unwrap_or((part, ""));
            if member.is_empty()
                || !member
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
            {
                return Err(ScopeError::Name(text.to_owned()));
            }
            steps.push(match member {
                "length" => Step::Length,
                member => Step::Member(member.to_owned()),
            });
            if indexes.is_empty() {
                continue;
            }
            let indexes = indexes
                .strip_suffix(']')
                .ok_or_else(|| ScopeError::Bracket(text.to_owned()))?;
            for index in indexes.split("][") {
                let position = index.parse().map_err(|_| ScopeError::Position {
                    index: index.to_owned(),
                    operand: text.to_owned(),
                })?;
                steps.push(Step::Index(position));
            }
        }
        let mut steps = steps.into_iter();
        match steps.next() {
            Some(Step::Member(name)) => Ok(Self {
                name,
                path: steps.collect(),
                offset,
            }),
            _ => Err(ScopeError::Start(text.to_owned())),
        }
    }

    /// Evaluates the operand.
    pub fn value(&self, scope: &Scope) -> Result<Value, ScopeError> {
        let nothing = || ScopeError::Absent(self.clone());
        let mut value = scope.get(&self.name).ok_or_else(nothing)?;
        for step in &self.path {
            value = match step {
                Step::Member(member) => value.get(member),
                Step::Index(index) => value.get(index),
                Step::Length => return Ok(length(value).ok_or_else(nothing)?.into()),
            }
            .ok_or_else(nothing)?;
        }
        if self.offset == 0 {
            return Ok(value.clone());
        }
        shifted(value, self.offset).ok_or_else(|| ScopeError::Fixed {
            operand: self.clone(),
            value: value.to_string(),
        })
    }
}

fn length(value: &Value) -> Option<usize> {
    value
        .as_array()
        .map(Vec::len)
        .or_else(|| value.as_object().map(serde_json::Map::len))
}

fn whole(text: &str) -> Result<i64, ScopeError> {
    let text = text.trim();
    text.parse()
        .map_err(|_| ScopeError::Offset(text.to_owned()))
}

fn shifted(value: &Value, offset: i64) -> Option<Value> {
    match value {
        Value::Number(number) => Some((number.as_i64()?.checked_add(offset)?).into()),
        Value::String(text) => {
            let (moment, zone) = moment(text)?;
            Some(moment.plus(offset).to_text(zone).into())
        }
        _ => None,
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for step in &self.path {
            match step {
                Step::Member(member) => write!(f, ".{member}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Length => f.write_str(".length")?,
            }
        }
        match self.offset {
            0 => Ok(()),
            offset if offset < 0 => write!(f, " - {}", offset.unsigned_abs()),
            offset => write!(f, " + {offset}"),
        }
    }
}

/// JSON with `${…}` in its texts. A text that consists of one `${…}` becomes the value itself, so
/// that a number stays a number.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Value")]
pub struct Template(Value);

impl TryFrom<Value> for Template {
    type Error = ScopeError;

    fn try_from(value: Value) -> Result<Self, ScopeError> {
        operands(&value, &mut Vec::new())?;
        Ok(Self(value))
    }
}

impl Template {
    /// Returns the names in the template.
    pub fn names(&self) -> Vec<String> {
        let mut found = Vec::new();
        // It was read without an error before.
        let _ = operands(&self.0, &mut found);
        found.into_iter().map(|operand| operand.name).collect()
    }

    /// Returns the JSON with all values filled in.
    pub fn fill(&self, scope: &Scope) -> Result<Value, ScopeError> {
        fill(&self.0, scope)
    }

    /// Does the same, and returns a text; other values are written as JSON.
    pub fn text(&self, scope: &Scope) -> Result<String, ScopeError> {
        Ok(match self.fill(scope)? {
            Value::String(text) => text,
            value => value.to_string(),
        })
    }
}

/// Collects every operand in the texts of a value.
pub fn operands(value: &Value, found: &mut Vec<Operand>) -> Result<(), ScopeError> {
    match value {
        Value::String(text) => {
            for piece in pieces(text)? {
                if let Piece::Operand(operand) = piece {
                    found.push(operand);
                }
            }
            Ok(())
        }
        Value::Array(items) => items.iter().try_for_each(|item| operands(item, found)),
        Value::Object(members) => members.iter().try_for_each(|(name, member)| {
            operands(&Value::String(name.clone()), found)?;
            operands(member, found)
        }),
        _ => Ok(()),
    }
}

/// Returns the value with every `${…}` filled in, also in keys.
pub fn fill(value: &Value, scope: &Scope) -> Result<Value, ScopeError> {
    Ok(match value {
        Value::String(text) => fill_text(text, scope)?,
        Value::Array(items) => {
            let items: Result<Vec<_>, _> = items.iter().map(|item| fill(item, scope)).collect();
            Value::Array(items?)
        }
        Value::Object(members) => {
            let mut filled = serde_json::Map::new();
            for (name, member) in members {
                let name = match fill_text(name, scope)? {
                    Value::String(name) => name,
                    other => other.to_string(),
                };
                filled.insert(name, fill(member, scope)?);
            }
            Value::Object(filled)
        }
        other => other.clone(),
    })
}

fn fill_text(text: &str, scope: &Scope) -> Result<Value, ScopeError> {
    if !text.contains("${") {
        return Ok(text.into());
    }
    let pieces = pieces(text)?;
    if let [Piece::Operand(operand)] = pieces.as_slice() {
        return operand.value(scope);
    }
    let mut filled = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Operand(operand) => match operand.value(scope)? {
                Value::String(value) => filled.push_str(&value),
                value => filled.push_str(&value.to_string()),
            },
        }
    }
    Ok(filled.into())
}

enum Piece<'a> {
    Text(&'a str),
    Operand(Operand),
}

fn pieces(text: &str) -> Result<Vec<Piece<'_>>, ScopeError> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        let (inside, behind) = after
            .split_once('}')
            .ok_or_else(|| ScopeError::Placeholder(text.to_owned()))?;
        pieces.push(Piece::Operand(Operand::parse(inside)?));
        rest = behind;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    Ok(pieces)
}

/// A relation between two values: `before.modified_date < after.modified_date`. Numbers are
/// compared as numbers, date-times as moments, and anything else only for equality.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Relation {
    left: Operand,
    comparison: Comparison,
    right: Operand,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

const COMPARISONS: &[(&str, Comparison)] = &[
    ("==", Comparison::Equal),
    ("!=", Comparison::Unequal),
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::GreaterOrEqual),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

impl TryFrom<String> for Relation {
    type Error = ScopeError;

    fn try_from(text: String) -> Result<Self, ScopeError> {
        for (sign, comparison) in COMPARISONS {
            if let Some((left, right)) = text.split_once(&format!(" {sign} ")) {
                return Ok(Self {
                    left: Operand::parse(left)?,
                    comparison: *comparison,
                    right: Operand::parse(right)?,
                });
            }
        }
        Err(ScopeError::Relation(text))
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = COMPARISONS
            .iter()
            .find(|(_, comparison)| *comparison == self.comparison)
            .map_or("", |(sign, _)| sign);
        write!(f, "{} {sign} {}", self.left, self.right)
    }
}

impl Relation {
    /// Returns the two names in the relation.
    pub fn names(&self) -> [&str; 2] {
        [self.left.name(), self.right.name()]
    }

    /// Returns `Ok(None)` if it holds, and a sentence with both sides otherwise. The error is an
    /// operand that does not exist.
    pub fn check(&self, scope: &Scope) -> Result<Option<String>, ScopeError> {
        let (left, right) = (self.left.value(scope)?, self.right.value(scope)?);
        let order = order(&left, &right);
        let holds = match self.comparison {
            Comparison::Equal => order == Some(std::cmp::Ordering::Equal) || left == right,
            Comparison::Unequal => order != Some(std::cmp::Ordering::Equal) && left != right,
            Comparison::Less => order.is_some_and(std::cmp::Ordering::is_lt),
            Comparison::LessOrEqual => order.is_some_and(std::cmp::Ordering::is_le),
            Comparison::Greater => order.is_some_and(std::cmp::Ordering::is_gt),
            Comparison::GreaterOrEqual => order.is_some_and(std::cmp::Ordering::is_ge),
        };
        Ok((!holds).then(|| {
            format!(
                "expected {self}, got {} = {left} and {} = {right}",
                self.left, self.right
            )
        }))
    }
}

fn order(left: &Value, right: &Value) -> Option<std::cmp::Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => number_order(left, right),
        (Value::String(left), Value::String(right)) => Some(moment(left)?.0.cmp(&moment(right)?.0)),
        _ => None,
    }
}

fn number_order(left: &Number, right: &Number) -> Option<std::cmp::Ordering> {
    match (left.as_i64(), right.as_i64()) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

/// Reads a date-time with an offset, and returns both.
pub fn moment(text: &str) -> Option<(Timestamp, UtcOffset)> {
    let zone = match text.strip_suffix('Z') {
        Some(_) => "Z",
        None => text.get(text.len().checked_sub(6)?..)?,
    };
    let zone = UtcOffset::parse(zone)?;
    Some((Timestamp::parse_with_offset(text).ok()?, zone))
}

/// Returns the moment of an answer by its `Date` header, to the second.
pub fn answered_at(headers: &HeaderMap) -> Option<Timestamp> {
    let date = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
    let since = date.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Timestamp::from_micros(i64::try_from(since.as_micros()).ok()?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // A test that cannot go on should say where.
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::{Operand, Relation, Scope, ScopeError, Template};

    fn scope() -> Scope {
        let mut scope = Scope::default();
        scope.set("sku", "ct-1");
        scope.set(
            "before",
            json!({"stock": 5, "at": "2023-05-10T13:37:18.209869+03:00", "rows": [{"n": -1}]}),
        );
        scope.set(
            "after",
            json!({"stock": 6, "at": "2023-05-10T10:37:18.209870Z"}),
        );
        scope
    }

    #[rstest]
    #[case("before.stock", json!(5))]
    #[case("before.rows[0].n - 4", json!(-5))]
    #[case("before.rows.length", json!(1))]
    #[case("before.at + 131", json!("2023-05-10T13:37:18.210000+03:00"))]
    fn an_operand_comes_to_a_value(#[case] text: &str, #[case] value: Value) {
        assert_eq!(
            Operand::parse(text).unwrap().value(&scope()).unwrap(),
            value
        );
    }

    #[rstest]
    #[case("after.stock == before.stock + 1", None)]
    #[case("after.at > before.at", None)]
    #[case("before.rows != sku", None)]
    #[case(
        "after.stock <= before.stock",
        Some("expected after.stock <= before.stock, got after.stock = 6 and before.stock = 5")
    )]
    fn a_relation_holds_or_names_both_sides(#[case] text: &str, #[case] said: Option<&str>) {
        let relation = Relation::try_from(text.to_owned()).unwrap();
        assert_eq!(relation.check(&scope()).unwrap().as_deref(), said);
    }

    #[test]
    fn a_template_keeps_the_type_of_what_stands_alone() {
        let template =
            Template::try_from(json!({"${sku}": ["${before.stock}", "a ${before.stock}"]}));
        let filled = template.unwrap().fill(&scope()).unwrap();
        assert_eq!(filled, json!({"ct-1": [5, "a 5"]}));
    }

    #[rstest]
    #[case("after.stock = 5", ScopeError::Relation("after.stock = 5".to_owned()))]
    #[case("after.stock ==  ", ScopeError::Name(String::new()))]
    #[case("after.[0] == before", ScopeError::Name("after.[0]".to_owned()))]
    fn what_is_no_relation_is_refused(#[case] text: &str, #[case] why: ScopeError) {
        assert_eq!(Relation::try_from(text.to_owned()).unwrap_err(), why);
    }
}
