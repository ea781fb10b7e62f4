//! The documented responses as data: `fixtures/documented/`.

use serde::Deserialize;
use serde_json::{Map, Value};
use whippy_mock::assets;

/// A response that the page shows, and the request and state that lead to it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Documented {
    /// Where the page shows it.
    pub source: Source,
    /// The seed state.
    pub world: String,
    /// The service's clock.
    pub clock: String,
    /// The readings that the page's example presumes.
    pub profile: Value,
    /// What is asked.
    pub request: DocumentedRequest,
    /// What comes.
    pub response: DocumentedResponse,
}

/// A place on the page.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The heading.
    pub section: String,
    /// The page's words.
    pub quote: String,
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
    let read = |(file, json): &(&'static str, &str)| {
        let fixture = serde_json::from_str(json).map_err(|why| format!("{file}: {why}"))?;
        Ok((file.strip_suffix(".json").unwrap_or(file), fixture))
    };
    assets::DOCUMENTED.iter().map(read).collect()
}
