//! The report itself as JSON, from which every other format and `diff` can be made.

use std::fmt;

use serde_json::Value;

use crate::model::outcome::Report;

/// The version of the format. A reader refuses any other.
pub const FORMAT: u32 = 1;

pub(super) fn write(report: &Report) -> String {
    // Every key is a text and every number a JSON number, so nothing can fail.
    let mut text = serde_json::to_string_pretty(report).unwrap_or_default();
    text.push('\n');
    text
}

/// Reasons why a file is not a report that can be read.
#[derive(Debug)]
pub enum ReadError {
    /// The file is not JSON.
    NotJson(serde_json::Error),
    /// The file is not a report of this program.
    Foreign,
    /// The report is of another format.
    Format {
        /// The version that was found.
        found: u64,
        /// The program that wrote it.
        tool: String,
    },
    /// The report does not say its format.
    WithoutFormat,
    /// The report does not fit its schema.
    Damaged(serde_json::Error),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson(error) => write!(f, "it is not JSON: {error}"),
            Self::Foreign => f.write_str(
                "it is no report of whippy-conformance: write one with \
                 `whippy-conformance run --report json=FILE`",
            ),
            Self::Format { found, tool } => write!(
                f,
                "it is a report of format {found}, and this program reads format {FORMAT}: \
                 use the program that wrote it, {tool}"
            ),
            Self::WithoutFormat => f.write_str("it is a report without a format"),
            Self::Damaged(error) => write!(f, "it is a damaged report: {error}"),
        }
    }
}

impl std::error::Error for ReadError {}

/// Reads a report that was written earlier.
pub fn read(text: &str) -> Result<Report, ReadError> {
    let value: Value = serde_json::from_str(text).map_err(ReadError::NotJson)?;
    let is_ours = value["tool"]
        .as_str()
        .is_some_and(|tool| tool.starts_with("whippy-conformance "));
    if !is_ours {
        return Err(ReadError::Foreign);
    }
    match value["format"].as_u64() {
        Some(format) if format == u64::from(FORMAT) => {}
        Some(found) => {
            let tool = value["tool"].as_str().unwrap_or_default().to_owned();
            return Err(ReadError::Format { found, tool });
        }
        None => return Err(ReadError::WithoutFormat),
    }
    // Parsed from the text rather than the value, so that an error names its line.
    serde_json::from_str(text).map_err(ReadError::Damaged)
}
