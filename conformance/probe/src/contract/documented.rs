//! The documented responses as data: `fixtures/documented/`.

use serde::Deserialize;
use serde_json::{Map, Value};
use whippy_engine::assets;

use crate::model::finding::Source;

/// A response that the page shows, and the request and state that lead to it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Documented {
    /// The place on the page.
    pub source: Source,
    /// The seed state.
    pub world: String,
    /// The service's clock.
    pub clock: String,
    /// The readings that the page's example presumes.
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
    /// JSON, or null for none.
    pub body: Value,
}

/// A response.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentedResponse {
    /// The status code.
    pub status: u16,
    /// JSON, the page's `https://{whippy_api_url}` in its links.
    pub body: Value,
}

/// All of them by name. A fixture that cannot be read is an error of the suite's own.
pub fn all() -> Result<Vec<(&'static str, Documented)>, String> {
    let names = assets::DOCUMENTED.iter().map(|(file, _)| name(file));
    names.map(|name| Ok((name, find(name)?))).collect()
}

/// One of them: `create_201`.
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
