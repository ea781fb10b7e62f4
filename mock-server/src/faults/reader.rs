//! JSON that knows its path in the document, so that errors can name it.

use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use whippy_engine::suggest::did_you_mean;

/// An error at one place of a document about faults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultError {
    /// The path of the place, such as `rules[0].fault.status`; empty for the document itself.
    pub path: String,
    /// The reason.
    pub why: Wrong,
}

/// Reasons why a document about faults is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// The document is too long.
    Size {
        /// The length, bytes.
        bytes: usize,
        /// The largest length, bytes.
        most: usize,
    },
    /// The document is not JSON.
    Json(String),
    /// A value is of another type.
    Type {
        /// The expected type, in words that begin a sentence.
        taken: String,
        /// The type that was found.
        found: &'static str,
    },
    /// A text is empty, or longer than this many characters.
    Length(usize),
    /// A value is not a number within bounds.
    Number {
        /// The expected kind of number.
        taken: &'static str,
        /// The least and the greatest number.
        bounds: (String, String),
        /// The value that was found.
        found: String,
    },
    /// A list has too many items.
    Items {
        /// The largest number of items.
        most: usize,
        /// The number that was found.
        found: usize,
    },
    /// A required member is missing.
    Missing(String),
    /// A member is not known.
    Member {
        /// A guess at the intended name, for the middle of the sentence.
        hint: String,
        /// The names of the known members.
        known: Vec<String>,
    },
    /// A name, value or combination of members is not allowed in a rule.
    Rule(Cow<'static, str>),
}

impl fmt::Display for FaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            self.why.fmt(f)
        } else {
            write!(f, "{}: {}", self.path, self.why)
        }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size { bytes, most } => write!(
                f,
                "the faults are {bytes} bytes long, and at most {most} are taken"
            ),
            Self::Json(error) => write!(f, "the faults are no JSON: {error}"),
            Self::Type { taken, found } => write!(f, "{taken}, not {found}"),
            Self::Length(most) => write!(f, "a text of 1 to {most} characters is taken"),
            Self::Number {
                taken,
                bounds: (least, most),
                found,
            } => write!(f, "{taken} from {least} to {most} is taken, not {found}"),
            Self::Items { most, found } => write!(f, "at most {most} are taken, not {found}"),
            Self::Missing(name) => write!(f, "`{name}` is missing"),
            Self::Member { hint, known } => {
                let names: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
                write!(
                    f,
                    "there is no such member; {hint}there are {}",
                    names.join(", ")
                )
            }
            Self::Rule(sentence) => f.write_str(sentence),
        }
    }
}

impl std::error::Error for FaultError {}

impl FaultError {
    /// Creates an error with a sentence of its own.
    pub(super) fn rule(path: impl Into<String>, why: impl Into<Cow<'static, str>>) -> Self {
        Self {
            path: path.into(),
            why: Wrong::Rule(why.into()),
        }
    }
}

/// An object and the path that leads to it.
pub(super) struct Members<'a> {
    path: String,
    members: &'a Map<String, Value>,
}

impl<'a> Members<'a> {
    /// Reads an object at a path. `what` names it in the error where the value is not an object.
    pub(super) fn of(
        value: &'a Value,
        path: impl Into<String>,
        what: &str,
    ) -> Result<Self, FaultError> {
        let path = path.into();
        match value {
            Value::Object(members) => Ok(Self { path, members }),
            other => Err(FaultError {
                path,
                why: Wrong::Type {
                    taken: format!("{what} is an object"),
                    found: kind_of(other),
                },
            }),
        }
    }

    /// Returns the path of a member.
    pub(super) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }

    /// Returns an error about the object itself, as a sentence.
    pub(super) fn wrong<T>(&self, sentence: impl Into<Cow<'static, str>>) -> Result<T, FaultError> {
        Err(FaultError::rule(&self.path, sentence))
    }

    /// Returns an error about a member, as a sentence.
    pub(super) fn wrong_at<T>(
        &self,
        name: &str,
        sentence: impl Into<Cow<'static, str>>,
    ) -> Result<T, FaultError> {
        Err(FaultError::rule(self.path_of(name), sentence))
    }

    fn refuse<T>(&self, name: &str, why: Wrong) -> Result<T, FaultError> {
        let path = self.path_of(name);
        Err(FaultError { path, why })
    }

    /// Refuses members other than the known ones.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), FaultError> {
        let Some(name) = self.members.keys().find(|name| !known.contains(&&***name)) else {
            return Ok(());
        };
        let hint = match name.as_str() {
            // Names of `times` in other programs.
            "fail_times" | "failTimes" => "it is called `times` here; ".to_owned(),
            name => did_you_mean(name, known.iter().copied()),
        };
        let known = known.iter().map(|name| (*name).to_owned()).collect();
        self.refuse(name, Wrong::Member { hint, known })
    }

    /// Returns a member of any type.
    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name)
    }

    /// Returns all members, with their paths.
    pub(super) fn all(&self) -> impl Iterator<Item = (&'a str, &'a Value, String)> {
        let members = self.members.iter();
        members.map(|(name, value)| (name.as_str(), value, self.path_of(name)))
    }

    /// Returns the number of members.
    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// Reads a text of 1 to `most` characters.
    pub(super) fn text(&self, name: &str, most: usize) -> Result<Option<&'a str>, FaultError> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        match value {
            Value::String(text) if (1..=most).contains(&text.chars().count()) => Ok(Some(text)),
            Value::String(_) => self.refuse(name, Wrong::Length(most)),
            other => self.refuse(name, Wrong::of_type("a text is taken", other)),
        }
    }

    /// Reads a whole number within bounds.
    pub(super) fn whole(
        &self,
        name: &str,
        bounds: RangeInclusive<u64>,
    ) -> Result<Option<u64>, FaultError> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        match value.as_u64().filter(|number| bounds.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => self.refuse(name, Wrong::number("a whole number", &bounds, value)),
        }
    }

    /// Reads a whole number within bounds that fit 32 bits.
    pub(super) fn small(
        &self,
        name: &str,
        bounds: RangeInclusive<u32>,
    ) -> Result<Option<u32>, FaultError> {
        let bounds = u64::from(*bounds.start())..=u64::from(*bounds.end());
        let number = self.whole(name, bounds)?;
        Ok(number.and_then(|number| u32::try_from(number).ok()))
    }

    /// Reads a number within bounds.
    pub(super) fn number(
        &self,
        name: &str,
        bounds: RangeInclusive<f64>,
    ) -> Result<Option<f64>, FaultError> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        match value.as_f64().filter(|number| bounds.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => self.refuse(name, Wrong::number("a number", &bounds, value)),
        }
    }

    /// Returns the items of an array, with their paths.
    pub(super) fn items(
        &self,
        name: &str,
        most: usize,
    ) -> Result<Vec<(&'a Value, String)>, FaultError> {
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) if items.len() <= most => {
                let at = |i| format!("{}[{i}]", self.path_of(name));
                let items = items.iter().enumerate();
                Ok(items.map(|(i, item)| (item, at(i))).collect())
            }
            Some(Value::Array(items)) => {
                let found = items.len();
                self.refuse(name, Wrong::Items { most, found })
            }
            Some(other) => self.refuse(name, Wrong::of_type("an array is taken", other)),
        }
    }

    /// Returns the value of a required member, or an error where it is missing.
    pub(super) fn needs<T>(&self, name: &str, value: Option<T>) -> Result<T, FaultError> {
        match value {
            Some(value) => Ok(value),
            None => Err(FaultError {
                path: self.path.clone(),
                why: Wrong::Missing(name.to_owned()),
            }),
        }
    }
}

impl Wrong {
    fn of_type(taken: &str, found: &Value) -> Self {
        Self::Type {
            taken: taken.to_owned(),
            found: kind_of(found),
        }
    }

    fn number<N: fmt::Display>(
        taken: &'static str,
        bounds: &RangeInclusive<N>,
        found: &Value,
    ) -> Self {
        Self::Number {
            taken,
            bounds: (bounds.start().to_string(), bounds.end().to_string()),
            found: shown(found),
        }
    }
}

/// Returns the type of a value, in words.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Formats a number as it is, and anything else as its type.
fn shown(value: &Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        other => kind_of(other).to_owned(),
    }
}
