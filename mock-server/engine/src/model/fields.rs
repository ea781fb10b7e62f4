//! Parsing of an object's fields as the stack does it. Each type accepts certain values, and
//! the errors of all fields come together, in the order of the fields.
//!
//! Source: docs/stack.md#fields, docs/stack.md#bodies, docs/stack.md#periods.

use std::borrow::Cow;

use smol_str::SmolStr;

use super::period::{Bounds, Period};
use super::time::{DateForms, TimeError, Timestamp, UtcOffset};
use crate::problem::{Detail, FieldErrors, NON_FIELD_ERRORS, Problem, wording};
use crate::wire::form::{Form, FormValue};
use crate::wire::json::Value;
use crate::wire::text::{Integer, strip};
use crate::wire::urlencoded::Pair;

/// A parsed body.
#[derive(Debug, Clone, PartialEq)]
pub enum Body<'a> {
    /// A JSON value of any type.
    Json(Value<'a>),
    /// A form.
    Form(Form),
}

/// The value that a client sent for a field.
enum Given<'a> {
    Absent,
    Null,
    Value(Cow<'a, Value<'a>>),
}

/// Determines if a field has to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// A missing field is an error.
    Required,
    /// A missing field has a default.
    Optional,
}

/// An object that is read field by field, with the errors so far.
#[derive(Debug)]
pub struct Fields<'a> {
    body: Option<&'a Body<'a>>,
    query: &'a [Pair<'a>],
    errors: FieldErrors,
}

impl<'a> Fields<'a> {
    /// Reads from a body, which has to be an object.
    pub fn of_body(body: &'a Body<'a>) -> Result<Self, Problem> {
        if let Body::Json(value) = body
            && !matches!(value, Value::Dict(_))
        {
            return Err(Problem::Fields(not_an_object(value)));
        }
        Ok(Self {
            body: Some(body),
            query: &[],
            errors: Vec::new(),
        })
    }

    /// Reads from a body and a query. Where both have a field, the body wins.
    pub fn of_arguments(
        body: Option<&'a Body<'a>>,
        query: &'a [Pair<'a>],
    ) -> Result<Self, Problem> {
        let mut fields = match body {
            Some(body) => Self::of_body(body)?,
            None => Self {
                body: None,
                query,
                errors: Vec::new(),
            },
        };
        fields.query = query;
        Ok(fields)
    }

    /// Reads from one row of a list, which has to be an object.
    pub fn of_row(body: &'a Body<'a>) -> Self {
        Self {
            body: Some(body),
            query: &[],
            errors: Vec::new(),
        }
    }

    /// Returns `true` if the body is a form that lacks a field. Browsers leave out an empty
    /// check box in this way.
    pub fn is_left_out(&self, name: &str) -> bool {
        matches!(self.body, Some(Body::Form(form)) if form.last(name).is_none())
    }

    /// The errors of all fields read.
    pub fn into_errors(self) -> FieldErrors {
        self.errors
    }

    /// Returns `true` if there was no error so far.
    pub fn is_clean(&self) -> bool {
        self.errors.is_empty()
    }

    /// The value that the client sent. In a form, an empty text for an optional field counts as
    /// missing.
    fn given(&self, name: &str, presence: Presence) -> Given<'a> {
        match self.body {
            Some(Body::Json(object)) => match object.get(name) {
                Some(Value::Null) => return Given::Null,
                Some(value) => return Given::Value(Cow::Borrowed(value)),
                None => {}
            },
            Some(Body::Form(form)) => match form.last(name) {
                Some(FormValue::Text(text)) => return text_given(text, presence),
                // No type accepts a file. A list is refused with the same errors.
                Some(FormValue::File) => {
                    return Given::Value(Cow::Owned(Value::List(Vec::new())));
                }
                None => {}
            },
            None => {}
        }
        let query = self.query.iter().rev().find(|(n, _)| n == name);
        query.map_or(Given::Absent, |(_, text)| text_given(text, presence))
    }

    /// Records an error of a field.
    pub fn refuse(&mut self, name: &'static str, detail: Detail) {
        self.errors.push((name.into(), detail));
    }

    /// Reads a field that may not be null. Returns `None` if it is missing or wrong, in which
    /// case the error is recorded.
    pub fn field<T>(
        &mut self,
        name: &'static str,
        presence: Presence,
        parse: impl FnOnce(&Value<'_>) -> Result<T, Detail>,
    ) -> Option<T> {
        let result = match (self.given(name, presence), presence) {
            (Given::Absent, Presence::Optional) => return None,
            (Given::Absent, Presence::Required) => Err(Detail::one(wording::REQUIRED)),
            (Given::Null, _) => Err(Detail::one(wording::NULL)),
            (Given::Value(value), _) => parse(&value),
        };
        match result {
            Ok(value) => Some(value),
            Err(detail) => {
                self.refuse(name, detail);
                None
            }
        }
    }

    /// Reads an optional field that may be null. Returns `Some(None)` for null.
    #[allow(clippy::option_option)] // Absent, null or a value.
    pub fn nullable<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&Value<'_>) -> Result<T, Detail>,
    ) -> Option<Option<T>> {
        match self.given(name, Presence::Required) {
            Given::Absent => None,
            Given::Null => Some(None),
            Given::Value(value) if is_form_blank(self.body, &value) => Some(None),
            Given::Value(value) => match parse(&value) {
                Ok(value) => Some(Some(value)),
                Err(detail) => {
                    self.refuse(name, detail);
                    None
                }
            },
        }
    }

    /// Reads a list of texts: a JSON list, all values of a form's field, or the comma-separated
    /// values of a query. `most` is the maximum length of one.
    pub fn strings(&mut self, name: &'static str, most: usize) -> Option<Vec<SmolStr>> {
        let values: Vec<Cow<'_, Value<'_>>> = match self.body {
            Some(Body::Json(object)) if object.get(name).is_some() => match object.get(name) {
                Some(Value::List(items)) => items.iter().map(Cow::Borrowed).collect(),
                Some(Value::Null) => {
                    self.refuse(name, Detail::one(wording::NULL));
                    return None;
                }
                other => {
                    let found = other.map_or("NoneType", Value::type_name);
                    self.refuse(name, Detail::one(wording::not_a_list(found)));
                    return None;
                }
            },
            Some(Body::Form(form)) if form.last(name).is_some() => form
                .all(name)
                .map(|value| match value {
                    FormValue::Text(text) => text_value(text),
                    FormValue::File => Cow::Owned(Value::List(Vec::new())),
                })
                .collect(),
            _ => {
                let named = self.query.iter().filter(|(n, _)| n == name);
                let listed = named.flat_map(|(_, value)| value.split(','));
                let values: Vec<_> = listed.map(text_value).collect();
                if values.is_empty() {
                    self.refuse(name, Detail::one(wording::REQUIRED));
                    return None;
                }
                values
            }
        };
        let mut errors: FieldErrors = Vec::new();
        let mut strings = Vec::with_capacity(values.len());
        for (i, value) in values.iter().enumerate() {
            let parsed = match value.as_ref() {
                Value::Null => Err(Detail::one(wording::NULL)),
                value => string(value, most),
            };
            match parsed {
                Ok(text) => strings.push(text),
                Err(detail) => errors.push((i.to_string().into(), detail)),
            }
        }
        if errors.is_empty() {
            return Some(strings);
        }
        self.refuse(name, Detail::Map(errors));
        None
    }

    /// Reads the period of a stock: null or a range.
    #[allow(clippy::option_option)] // Absent, null or a value.
    pub fn period(
        &mut self,
        datetime: impl Fn(&Value<'_>) -> Result<Timestamp, Detail>,
    ) -> Result<Option<Option<Period>>, Problem> {
        let name = "period";
        // The stack loses the period of a form under any name.
        let Some(Body::Json(object)) = self.body else {
            return Ok(None);
        };
        let value = match object.get(name) {
            None => return Ok(None),
            Some(Value::Null) => return Ok(Some(None)),
            Some(value) => value,
        };
        match range(value, datetime) {
            Ok(period) => Ok(Some(Some(period))),
            Err(RangeError::Invalid(detail)) => {
                self.refuse(name, detail);
                Ok(None)
            }
            Err(RangeError::Bounds) => Err(Problem::ServerError),
        }
    }
}

/// The errors for a value that should be an object.
pub fn not_an_object(value: &Value<'_>) -> FieldErrors {
    let sentence: Cow<'static, str> = match value {
        Value::Null => wording::NO_DATA.into(),
        other => wording::not_a_dictionary(other.type_name()).into(),
    };
    vec![(NON_FIELD_ERRORS.into(), Detail::one(sentence))]
}

fn text_value(text: &str) -> Cow<'_, Value<'_>> {
    Cow::Owned(Value::Str(text.into()))
}

fn text_given(text: &str, presence: Presence) -> Given<'_> {
    if text.is_empty() && presence == Presence::Optional {
        Given::Absent
    } else {
        Given::Value(text_value(text))
    }
}

fn is_form_blank(body: Option<&Body<'_>>, value: &Value<'_>) -> bool {
    matches!(body, Some(Body::Form(_))) && matches!(value, Value::Str(text) if text.text.is_empty())
}

/// Reads a text field: trimmed, not blank, at most `most` characters.
pub fn string(value: &Value<'_>, most: usize) -> Result<SmolStr, Detail> {
    let text = match value {
        Value::Str(text) => Cow::Borrowed(text.text.as_ref()),
        Value::Int(_) | Value::BigInt(_) | Value::Float(_) => value.to_text(),
        _ => return Err(Detail::one(wording::NOT_A_STRING)),
    };
    let trimmed = strip(&text);
    if trimmed.is_empty() {
        return Err(Detail::one(wording::BLANK));
    }
    let mut errors = Vec::new();
    // A text has at most as many characters as bytes, so a short one needs no counting.
    if trimmed.len() > most && trimmed.chars().count() > most {
        errors.push(Detail::Text(wording::too_long(most).into()));
    }
    if trimmed.contains('\0') {
        errors.push(Detail::Text(wording::NUL.into()));
    }
    if let Value::Str(text) = value
        && let Some(lone) = text.surrogate
    {
        errors.push(Detail::Text(wording::surrogate(lone).into()));
    }
    if errors.is_empty() {
        Ok(SmolStr::new(trimmed))
    } else {
        Err(Detail::List(errors))
    }
}

/// Reads a text field of any length.
pub fn text(value: &Value<'_>) -> Result<SmolStr, Detail> {
    string(value, usize::MAX)
}

/// Reads an integer field of 32 bits.
pub fn integer(value: &Value<'_>) -> Result<i32, Detail> {
    /// The most characters of a text that is parsed; a longer one is refused.
    const LONGEST: usize = 1000;
    let invalid = || Detail::one(wording::NOT_AN_INTEGER);
    let number = match value {
        Value::Int(number) => *number,
        Value::BigInt(digits) if digits.starts_with('-') => i64::MIN,
        Value::BigInt(_) => i64::MAX,
        // From 1e16 on Python prints a float with an exponent, which is not an integer.
        Value::Float(number) if number.fract() == 0.0 && number.abs() < 1e16 => {
            #[allow(clippy::cast_possible_truncation)] // It is whole and below 2^54.
            {
                *number as i64
            }
        }
        Value::Str(text) if text.text.chars().nth(LONGEST).is_some() => {
            return Err(Detail::one(wording::INTEGER_TOO_LONG));
        }
        Value::Str(text) => {
            let text = strip_zero_fraction(&text.text);
            Integer::parse(text).ok_or_else(invalid)?.clamped()
        }
        _ => return Err(invalid()),
    };
    i32::try_from(number).map_err(|_| {
        Detail::one(if number > 0 {
            wording::at_most(i32::MAX.into())
        } else {
            wording::at_least(i32::MIN.into())
        })
    })
}

/// Removes a decimal point that only zeros follow: `5.00` becomes `5`.
fn strip_zero_fraction(text: &str) -> &str {
    text.trim_end_matches(crate::wire::text::is_space)
        .trim_end_matches('0')
        .strip_suffix('.')
        .unwrap_or(text)
}

/// The spellings of true and false that every version of the stack reads.
const YES: [&str; 13] = [
    "t", "T", "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON",
];
const NO: [&str; 13] = [
    "f", "F", "n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF",
];

/// Reads a boolean field. `in_any_case` accepts the words in any mixture of cases, otherwise
/// only in the usual ones.
pub fn boolean(value: &Value<'_>, in_any_case: bool) -> Result<bool, Detail> {
    if let Value::Str(text) = value
        && in_any_case
    {
        return boolean(&Value::Str(text.text.to_lowercase().as_str().into()), false);
    }
    match value {
        Value::Bool(value) => Ok(*value),
        Value::Int(1) => Ok(true),
        Value::Int(0) => Ok(false),
        #[allow(clippy::float_cmp)] // Exactly one, exactly zero.
        Value::Float(number) if *number == 1.0 || *number == 0.0 => Ok(*number == 1.0),
        Value::Str(text) if YES.contains(&&*text.text) || text.text == "1" => Ok(true),
        Value::Str(text) if NO.contains(&&*text.text) || text.text == "0" => Ok(false),
        _ => Err(Detail::one(wording::NOT_A_BOOLEAN)),
    }
}

/// Reads a choice field, whose values `find` looks up.
pub fn choice<T>(value: &Value<'_>, find: impl Fn(&str) -> Option<T>) -> Result<T, Detail> {
    let text = value.to_text();
    find(&text).ok_or_else(|| Detail::one(wording::not_a_choice(&text)))
}

/// Reads a date-time field.
pub fn datetime(
    value: &Value<'_>,
    local: UtcOffset,
    forms: DateForms,
) -> Result<Timestamp, Detail> {
    let Value::Str(text) = value else {
        return Err(Detail::one(wording::NOT_A_DATETIME));
    };
    Timestamp::parse_as(&text.text, local, forms).map_err(|error| {
        Detail::one(match error {
            TimeError::Format => wording::NOT_A_DATETIME,
            TimeError::Range => wording::DATETIME_RANGE,
        })
    })
}

/// Reads the key of another object: any value as text, if it is not empty.
pub fn slug(value: &Value<'_>) -> Result<SmolStr, Detail> {
    let text = value.to_text();
    let has_surrogate = matches!(value, Value::Str(text) if text.surrogate.is_some());
    if text.is_empty() {
        Err(Detail::one(wording::NULL))
    } else if has_surrogate || text.contains('\0') {
        Err(Detail::one(wording::INVALID_VALUE))
    } else {
        Ok(SmolStr::new(text))
    }
}

enum RangeError {
    Invalid(Detail),
    /// Invalid bounds, which make the stack fail.
    Bounds,
}

fn range(
    value: &Value<'_>,
    datetime: impl Fn(&Value<'_>) -> Result<Timestamp, Detail>,
) -> Result<Period, RangeError> {
    let invalid = |sentence: String| RangeError::Invalid(Detail::one(sentence));
    let Value::Dict(members) = value else {
        return Err(invalid(wording::not_a_dictionary_field(value.type_name())));
    };
    let known = ["lower", "upper", "bounds", "empty"];
    let extra: Vec<&str> = members
        .iter()
        .map(|(key, _)| key.text.as_ref())
        .filter(|key| !known.contains(key))
        .collect();
    if !extra.is_empty() {
        return Err(invalid(wording::extra_content(&extra.join(", "))));
    }
    let end = |name| match value.get(name) {
        None => Ok(None),
        Some(Value::Null) => Err(RangeError::Invalid(Detail::one(wording::NULL))),
        Some(end) => datetime(end).map(Some).map_err(RangeError::Invalid),
    };
    let (lower, upper) = (end("lower")?, end("upper")?);
    if lower.is_some() && upper.is_some() && lower > upper {
        return Err(invalid(wording::RANGE_ORDER.to_owned()));
    }
    if value.get("empty").is_some_and(is_truthy) {
        return Ok(Period::Empty);
    }
    let bounds = match value.get("bounds") {
        None => Bounds::DEFAULT,
        Some(Value::Str(text)) => Bounds::parse(&text.text).ok_or(RangeError::Bounds)?,
        Some(_) => return Err(RangeError::Bounds),
    };
    Ok(Period::Range {
        lower,
        upper,
        bounds,
    })
}

/// The value as a boolean, as Python's `bool` converts it.
fn is_truthy(value: &Value<'_>) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Int(number) => *number != 0,
        Value::BigInt(_) => true,
        Value::Float(number) => *number != 0.0,
        Value::Str(text) => !text.text.is_empty(),
        Value::List(items) => !items.is_empty(),
        Value::Dict(members) => !members.is_empty(),
    }
}
