//! JSON that knows where it stands: what is wrong is told with its path.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use whippy_engine::profile::did_you_mean;

/// An object and the path that leads to it.
pub(super) struct Members<'a> {
    path: String,
    members: &'a Map<String, Value>,
}

impl<'a> Members<'a> {
    /// The object at a path; `what` names it where there is something else.
    pub(super) fn of(
        value: &'a Value,
        path: impl Into<String>,
        what: &str,
    ) -> Result<Self, String> {
        let path = path.into();
        match value {
            Value::Object(members) => Ok(Self { path, members }),
            other => Err(told(
                &path,
                &format!("{what} is an object, not {}", kind_of(other)),
            )),
        }
    }

    /// The path of a member.
    pub(super) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }

    /// A sentence about the object itself.
    pub(super) fn wrong<T>(&self, sentence: &str) -> Result<T, String> {
        Err(told(&self.path, sentence))
    }

    /// A sentence about a member.
    pub(super) fn wrong_at<T>(&self, name: &str, sentence: &str) -> Result<T, String> {
        Err(told(&self.path_of(name), sentence))
    }

    /// Holds the object to the members that are known.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), String> {
        let Some(name) = self.members.keys().find(|name| !known.contains(&&***name)) else {
            return Ok(());
        };
        let hint = match name.as_str() {
            // What others call it.
            "fail_times" | "failTimes" => "it is called `times` here; ".to_owned(),
            name => did_you_mean(name, known.iter().copied()),
        };
        let names = known.iter().map(|name| format!("`{name}`"));
        let names = names.collect::<Vec<_>>().join(", ");
        self.wrong_at(
            name,
            &format!("there is no such member; {hint}there are {names}"),
        )
    }

    /// A member of any type.
    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name)
    }

    /// All members, with their paths.
    pub(super) fn all(&self) -> impl Iterator<Item = (&'a str, &'a Value, String)> {
        let members = self.members.iter();
        members.map(|(name, value)| (name.as_str(), value, self.path_of(name)))
    }

    /// How many members there are.
    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// A text of at least one and at most so many characters.
    pub(super) fn text(&self, name: &str, most: usize) -> Result<Option<&'a str>, String> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        match value {
            Value::String(text) if (1..=most).contains(&text.chars().count()) => Ok(Some(text)),
            Value::String(_) => {
                self.wrong_at(name, &format!("a text of 1 to {most} characters is taken"))
            }
            other => self.wrong_at(name, &format!("a text is taken, not {}", kind_of(other))),
        }
    }

    /// A whole number within bounds.
    pub(super) fn whole(
        &self,
        name: &str,
        bounds: RangeInclusive<u64>,
    ) -> Result<Option<u64>, String> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        match value.as_u64().filter(|number| bounds.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => self.wrong_at(
                name,
                &format!(
                    "a whole number from {} to {} is taken, not {}",
                    bounds.start(),
                    bounds.end(),
                    shown(value)
                ),
            ),
        }
    }

    /// A whole number within bounds that fit 32 bits.
    pub(super) fn small(
        &self,
        name: &str,
        bounds: RangeInclusive<u32>,
    ) -> Result<Option<u32>, String> {
        let bounds = u64::from(*bounds.start())..=u64::from(*bounds.end());
        let number = self.whole(name, bounds)?;
        Ok(number.and_then(|number| u32::try_from(number).ok()))
    }

    /// A number within bounds.
    pub(super) fn number(
        &self,
        name: &str,
        bounds: RangeInclusive<f64>,
    ) -> Result<Option<f64>, String> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        match value.as_f64().filter(|number| bounds.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => self.wrong_at(
                name,
                &format!(
                    "a number from {} to {} is taken, not {}",
                    bounds.start(),
                    bounds.end(),
                    shown(value)
                ),
            ),
        }
    }

    /// The items of an array, with their paths.
    pub(super) fn items(
        &self,
        name: &str,
        most: usize,
    ) -> Result<Vec<(&'a Value, String)>, String> {
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) if items.len() <= most => {
                let at = |i| format!("{}[{i}]", self.path_of(name));
                let items = items.iter().enumerate();
                Ok(items.map(|(i, item)| (item, at(i))).collect())
            }
            Some(Value::Array(items)) => self.wrong_at(
                name,
                &format!("at most {most} are taken, not {}", items.len()),
            ),
            Some(other) => {
                self.wrong_at(name, &format!("an array is taken, not {}", kind_of(other)))
            }
        }
    }

    /// What must be there, or a sentence that says so.
    pub(super) fn needs<T>(&self, name: &str, value: Option<T>) -> Result<T, String> {
        match value {
            Some(value) => Ok(value),
            None => self.wrong(&format!("`{name}` is missing")),
        }
    }
}

fn told(path: &str, sentence: &str) -> String {
    if path.is_empty() {
        sentence.to_owned()
    } else {
        format!("{path}: {sentence}")
    }
}

/// What a value is, for a sentence.
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

/// A number as it came, anything else as what it is.
fn shown(value: &Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        other => kind_of(other).to_owned(),
    }
}
