//! The findings that are known: a TOML file of check ids and why each is there, so that a
//! run fails by what is new, and by what is known no more.
//!
//! ```toml
//! # The vendor knows of it.
//! "create/duplicate-is-refused" = "expected 400, got 409"
//! ```

use std::fmt::Write as _;
use std::ops::RangeInclusive;

use toml::de::{DeTable, DeValue};

use crate::model::outcome::{CheckReport, Outcome, Report};

/// What a new file begins with.
const HEAD: &str = "# Known findings of whippy-conformance: they do not fail a run.\n";

/// The known findings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baseline {
    lines: Vec<String>,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    /// The check.
    id: String,
    /// Which lines say so.
    lines: RangeInclusive<usize>,
}

impl Baseline {
    /// Reads a file's text. The error names the line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let line = |at: usize| text[..at.min(text.len())].matches('\n').count();
        let table = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| line(span.start));
            format!("line {}: {}", at + 1, error.message())
        })?;
        let mut entries = Vec::new();
        for (key, value) in table.get_ref() {
            let (first, last) = (line(key.span().start), line(value.span().end));
            let id = key.get_ref();
            if !id.contains('/') || !matches!(value.get_ref(), DeValue::String(_)) {
                return Err(format!(
                    "line {}: `{id}` is no finding like `\"create/answers-the-stock\" = \"why\"`",
                    first + 1
                ));
            }
            entries.push(Entry {
                id: id.clone().into_owned(),
                lines: first..=last,
            });
        }
        entries.sort_by_key(|entry| *entry.lines.start());
        Ok(Self {
            lines: text.lines().map(str::to_owned).collect(),
            entries,
        })
    }

    fn knows(&self, id: &str) -> bool {
        self.entries.iter().any(|entry| entry.id == id)
    }

    /// Marks the findings of a report that are known, and notes which are no findings any
    /// more: their check has passed, or `exists` says that there is none of that id.
    pub fn apply(&self, report: &mut Report, exists: impl Fn(&str) -> bool) {
        for check in &mut report.checks {
            check.known = is_finding(check) && self.knows(&check.id);
        }
        let is_stale = |id: &&str| match report.checks.iter().find(|check| check.id == *id) {
            Some(check) => is_clean(check),
            None => !exists(id),
        };
        let ids = self.entries.iter().map(|entry| entry.id.as_str());
        report.stale = ids.filter(is_stale).map(str::to_owned).collect();
    }

    /// The text of the file that makes a report's findings known. What it says of checks
    /// that came to no verdict stays, comments as well.
    pub fn updated(&self, report: &Report) -> String {
        let mut text = if self.lines.is_empty() {
            HEAD.to_owned()
        } else {
            String::new()
        };
        let is_stale = |at: usize| {
            let mut entries = self
                .entries
                .iter()
                .filter(|entry| entry.lines.contains(&at));
            entries.any(|entry| report.stale.contains(&entry.id))
        };
        for (_, line) in self
            .lines
            .iter()
            .enumerate()
            .filter(|(at, _)| !is_stale(*at))
        {
            text += line;
            text.push('\n');
        }
        let is_new =
            |check: &&CheckReport| check.outcome == Outcome::Fail && !self.knows(&check.id);
        for check in report.checks.iter().filter(is_new) {
            let why = check
                .findings
                .first()
                .map_or("", |finding| &finding.summary);
            // A text of JSON without control characters is one of TOML.
            let why = serde_json::Value::from(why.replace(char::is_control, " "));
            // Writing to a text cannot fail.
            let _ = writeln!(text, "\"{}\" = {why}", check.id);
        }
        text
    }
}

fn is_finding(check: &CheckReport) -> bool {
    matches!(check.outcome, Outcome::Fail | Outcome::Warn)
}

fn is_clean(check: &CheckReport) -> bool {
    matches!(check.outcome, Outcome::Pass | Outcome::Info)
}
