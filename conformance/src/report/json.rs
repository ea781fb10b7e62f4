//! The report itself, as JSON: what every other format and `diff` can be made from.

use serde_json::Value;

use crate::model::outcome::Report;

/// The version of the format. A reader refuses others.
pub const FORMAT: u32 = 1;

pub(super) fn write(report: &Report) -> String {
    // Every key is a text and every number a JSON number, so nothing can fail.
    let mut text = serde_json::to_string_pretty(report).unwrap_or_default();
    text.push('\n');
    text
}

/// A report that was written before.
pub fn read(text: &str) -> Result<Report, String> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
    let is_ours = value["tool"]
        .as_str()
        .is_some_and(|tool| tool.starts_with("whippy-conformance "));
    if !is_ours {
        return Err("it is no report of whippy-conformance: write one with \
                    `whippy-conformance run --report json=FILE`"
            .to_owned());
    }
    match value["format"].as_u64() {
        Some(format) if format == u64::from(FORMAT) => {}
        Some(format) => {
            return Err(format!(
                "it is a report of format {format}, and this program reads format {FORMAT}: \
                 use the program that wrote it, {}",
                value["tool"].as_str().unwrap_or_default()
            ));
        }
        None => return Err("it is a report without a format".to_owned()),
    }
    // From the text, not the value: only then does an error name its line.
    serde_json::from_str(text).map_err(|error| format!("it is a damaged report: {error}"))
}
