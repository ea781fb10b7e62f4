//! The settings file: TOML, with flags as keys.

use std::ops::Range;
use std::path::PathBuf;

use toml::de::{DeTable, DeValue};
use whippy_engine::redact::is_secret_name;

use super::files;
use super::origins::variable;
use super::refusal::Refusal;

/// The file that is read by default.
const USUAL: &str = "whippy-conformance.toml";

/// Flags whose values are secrets.
const SECRETS: &[&str] = &["token", "password", "admin-token"];

/// The value of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// True or false.
    Switch(bool),
    /// Texts, or numbers in their written form.
    Texts(Vec<String>),
}

impl Value {
    pub(crate) fn first(&self) -> Option<&str> {
        match self {
            Self::Texts(texts) => texts.first().map(String::as_str),
            Self::Switch(_) => None,
        }
    }
}

/// A key of the file with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) key: String,
    pub(crate) value: Value,
    /// The number of its line, from 1.
    pub(crate) line: usize,
}

/// Reads the requested file, or the default one; `None` where there is none.
pub(crate) fn read(asked: Option<PathBuf>) -> Result<Option<(PathBuf, Vec<Setting>)>, Refusal> {
    let is_asked = asked.is_some();
    let path = asked.unwrap_or_else(|| USUAL.into());
    let text = match files::text(&path) {
        Ok(text) => text,
        Err(error) if !is_asked && error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(Refusal::usage(format!(
                "--config {}: {error}",
                path.display()
            )));
        }
    };
    let settings = parse(&text)
        .map_err(|(line, why)| Refusal::usage(format!("{}:{line}: {why}", path.display())))?;
    Ok(Some((path, settings)))
}

/// Returns the settings in order. The error is the number of a line and a sentence.
fn parse(text: &str) -> Result<Vec<Setting>, (usize, String)> {
    let line = |span: &Range<usize>| 1 + text[..span.start.min(text.len())].matches('\n').count();
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(1, |span| line(&span));
        (at, error.message().to_owned())
    })?;
    let mut settings = Vec::new();
    for (key, value) in table.get_ref() {
        let at = line(&key.span());
        let wrong = |found: &str| (at, format!("`{}` cannot be a TOML {found}", key.get_ref()));
        let value = match value.get_ref() {
            DeValue::Boolean(switch) => Value::Switch(*switch),
            DeValue::Array(items) => {
                let texts = items.iter().map(|item| scalar(item.get_ref()));
                let texts: Option<Vec<_>> = texts.collect();
                Value::Texts(texts.ok_or_else(|| wrong("array of anything but texts"))?)
            }
            other => match scalar(other) {
                Some(text) => Value::Texts(vec![text]),
                None => return Err(wrong(other.type_str())),
            },
        };
        settings.push(Setting {
            key: key.get_ref().clone().into_owned(),
            value,
            line: at,
        });
    }
    settings.sort_by_key(|setting| setting.line);
    Ok(settings)
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.clone().into_owned()),
        DeValue::Integer(number) => Some(number.as_str().to_owned()),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        _ => None,
    }
}

/// Returns the reason why a setting must not be in the file, which others can read.
pub(crate) fn secret(key: &str, value: &Value) -> Option<String> {
    let texts: &[String] = match value {
        Value::Texts(texts) => texts,
        Value::Switch(_) => &[],
    };
    let variable = variable(key);
    if SECRETS.contains(&key) {
        return Some(format!(
            "`{key}` is a secret, and this file is none: use `{key}-file` or the variable {variable}"
        ));
    }
    let is_secret = |text: &String| match key {
        "header" => is_secret_name(text.split(':').next().unwrap_or_default()),
        "proxy" | "target" => text.contains('@'),
        _ => false,
    };
    texts.iter().any(is_secret).then(|| {
        format!("`{key}` has a secret in it, and this file is none: use the variable {variable}")
    })
}
