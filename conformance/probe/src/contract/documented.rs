//! The documented responses in `fixtures/documented/`.

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

/// Returns all documented responses by name. An unreadable fixture is a mistake of the suite.
pub fn all() -> Result<Vec<(&'static str, Documented)>, String> {
    let names = assets::DOCUMENTED.iter().map(|(file, _)| name(file));
    names.map(|name| Ok((name, find(name)?))).collect()
}

/// Finds a documented response by its name, such as `create_201`.
pub fn find(wanted: &str) -> Result<Documented, String> {
    let mut known = assets::DOCUMENTED.iter();
    let (file, json) = known
        .find(|(file, _)| name(file) == wanted)
        .ok_or_else(|| {
            let names: Vec<_> = assets::DOCUMENTED
                .iter()
                .map(|(file, _)| name(file))
                .collect();
            format!(
                "`{wanted}` is no documented response; there are {}",
                names.join(", ")
            )
        })?;
    serde_json::from_str(json).map_err(|why| format!("{file}: {why}"))
}

fn name(file: &'static str) -> &'static str {
    file.strip_suffix(".json").unwrap_or(file)
}
