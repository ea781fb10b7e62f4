//! The documented responses in `fixtures/documented/`.

use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value};
use whippy_engine::assets;

use crate::model::finding::Source;

/// A response on the page, with the request and the state that lead to it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Documented {
    /// The place on the page.
    pub source: Source,
    /// The name of the initial world.
    pub world: String,
    /// The service's clock.
    pub clock: String,
    /// The readings that the example on the page presumes.
    pub profile: Value,
    /// The request.
    pub request: DocumentedRequest,
    /// The answer.
    pub response: DocumentedResponse,
}

/// A request.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentedRequest {
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Names and values.
    pub headers: Map<String, Value>,
    /// The JSON body, or null for none.
    pub body: Value,
}

/// A response.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentedResponse {
    /// The status code.
    pub status: u16,
    /// The JSON body. Its links contain the page's `https://{whippy_api_url}`.
    pub body: Value,
}

/// Reasons why there is no documented response of a name.
#[derive(Debug)]
pub enum DocumentedError {
    /// No fixture has the name.
    Unknown(String),
    /// The fixture cannot be read, which is an error of the suite's own.
    Unreadable(&'static str, serde_json::Error),
}

impl fmt::Display for DocumentedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(wanted) => {
                let names: Vec<_> = names().collect();
                let names = names.join(", ");
                write!(f, "`{wanted}` is no documented response; there are {names}")
            }
            Self::Unreadable(file, error) => write!(f, "{file}: {error}"),
        }
    }
}

impl std::error::Error for DocumentedError {}

/// Returns all documented responses by name. An unreadable fixture is a mistake of the suite.
pub fn all() -> Result<Vec<(&'static str, Documented)>, DocumentedError> {
    names().map(|name| Ok((name, find(name)?))).collect()
}

/// Finds a documented response by its name, such as `create_201`.
pub fn find(wanted: &str) -> Result<Documented, DocumentedError> {
    let mut known = assets::DOCUMENTED.iter();
    let (file, json) = known
        .find(|(file, _)| name(file) == wanted)
        .ok_or_else(|| DocumentedError::Unknown(wanted.to_owned()))?;
    serde_json::from_str(json).map_err(|error| DocumentedError::Unreadable(file, error))
}

fn names() -> impl Iterator<Item = &'static str> {
    assets::DOCUMENTED.iter().map(|(file, _)| name(file))
}

fn name(file: &'static str) -> &'static str {
    file.strip_suffix(".json").unwrap_or(file)
}
