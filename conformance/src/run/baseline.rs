//! The known causes: a TOML file of their differences, each with a reason, so that a run fails for
//! new causes, and for known ones that are gone.
//!
//! ```toml
//! # The vendor knows of it.
//! "create-stock/200-for-201" = { why = "create-stock answers 200 for 201", checks = ["create/answers-the-stock"] }
//! ```
//!
//! A difference names its operation and its status, header or member. A known 200 in place of a 201
//! from a create does not excuse the same from an increase.

use std::fmt::{self, Write as _};
use std::ops::RangeInclusive;

use toml::de::{DeTable, DeValue};

use crate::model::cause::Cause;
use crate::model::outcome::{CheckReport, Outcome, Report};
use crate::run::causes::mark_known;

/// The first line of a new file.
const HEAD: &str = "# Known causes of whippy-conformance: they do not fail a run.\n";

/// The most checks that an entry names. They tell later if the entry is stale.
const NAMED: usize = 3;

/// The known causes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baseline {
    lines: Vec<String>,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    /// The difference.
    id: String,
    /// Checks that showed it.
    checks: Vec<String>,
    /// The lines of the entry in the file.
    lines: RangeInclusive<usize>,
}

/// A line of a baseline that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BaselineError {
    /// The line is not TOML.
    Toml {
        /// The number, from 1.
        line: usize,
        /// The reason.
        why: String,
    },
    /// The line does not name a cause.
    Cause {
        /// The number, from 1.
        line: usize,
        /// The name that it has.
        id: String,
    },
}

impl fmt::Display for BaselineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Toml { line, why } => write!(f, "line {line}: {why}"),
            Self::Cause { line, id } => write!(
                f,
                "line {line}: `{id}` is no known cause like `\"create-stock/200-for-201\" = \"why\"`"
            ),
        }
    }
}

impl std::error::Error for BaselineError {}

impl Baseline {
    /// Reads a file's text.
    pub fn parse(text: &str) -> Result<Self, BaselineError> {
        let line = |at: usize| text[..at.min(text.len())].matches('\n').count();
        let table = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| line(span.start));
            BaselineError::Toml {
                line: at + 1,
                why: error.message().to_owned(),
            }
        })?;
        let mut entries = Vec::new();
        for (key, value) in table.get_ref() {
            let (first, last) = (line(key.span().start), line(value.span().end));
            let id = key.get_ref();
            let checks = checks_of(value.get_ref()).filter(|_| id.contains('/'));
            let Some(checks) = checks else {
                return Err(BaselineError::Cause {
                    line: first + 1,
                    id: id.clone().into_owned(),
                });
            };
            entries.push(Entry {
                id: id.clone().into_owned(),
                checks,
                lines: first..=last,
            });
        }
        entries.sort_by_key(|entry| *entry.lines.start());
        Ok(Self {
            lines: text.lines().map(str::to_owned).collect(),
            entries,
        })
    }

    /// Returns the refusal of a file that names checks, as older baselines did. `exists` tells if a
    /// check has an id.
    pub fn refusal(&self, exists: impl Fn(&str) -> bool) -> Option<String> {
        let entry = self.entries.iter().find(|entry| exists(&entry.id))?;
        Some(format!(
            "line {}: `{}` is a check, and a baseline names causes like \
             `create-stock/200-for-201`. Move the file away and write it again with \
             --update-baseline.",
            entry.lines.start() + 1,
            entry.id
        ))
    }

    fn knows(&self, id: &str) -> bool {
        self.entries.iter().any(|entry| entry.id == id)
    }

    /// Marks the known causes and findings of a report. Also notes stale entries: those not found
    /// any more although their checks ran, or whose checks no longer exist.
    pub fn apply(&self, report: &mut Report, exists: impl Fn(&str) -> bool) {
        mark_known(&mut report.causes, &mut report.checks, |id| self.knows(id));
        let is_found = |id: &String| {
            let mut causes = report.causes.iter();
            causes.any(|cause| cause.differences.contains(id))
        };
        let is_mended = |id: &String| {
            let check = report.checks.iter().find(|check| check.id == *id);
            check.map_or_else(|| !exists(id), is_clean)
        };
        let stale = self.entries.iter().filter(|entry| {
            !is_found(&entry.id) && !entry.checks.is_empty() && entry.checks.iter().all(is_mended)
        });
        report.stale = stale.map(|entry| entry.id.clone()).collect();
    }

    /// Returns the text of a file that makes a report's causes known. Comments stay, and so do
    /// entries about which the run says nothing.
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
        let causes = report.causes.iter();
        for cause in causes.filter(|cause| cause.level >= report.level) {
            for id in cause.differences.iter().filter(|id| !self.knows(id)) {
                text += &entry(id, cause, &report.checks);
            }
        }
        text
    }
}

/// Reads the checks named in an entry: `"why"`, or `{ why = "…", checks = ["…"] }`.
fn checks_of(value: &DeValue<'_>) -> Option<Vec<String>> {
    match value {
        DeValue::String(_) => Some(Vec::new()),
        DeValue::Table(table) => {
            let mut checks = Vec::new();
            for (key, value) in table {
                match (key.get_ref().as_ref(), value.get_ref()) {
                    ("why", DeValue::String(_)) => {}
                    ("checks", DeValue::Array(items)) => {
                        for item in items {
                            checks.push(item.get_ref().as_str()?.to_owned());
                        }
                    }
                    _ => return None,
                }
            }
            Some(checks)
        }
        _ => None,
    }
}

/// Returns the line that makes a difference of a cause known.
fn entry(id: &str, cause: &Cause, checks: &[CheckReport]) -> String {
    // A JSON text without control characters is also a TOML text.
    let quoted = |text: &str| serde_json::Value::from(text.replace(char::is_control, " "));
    let shows = |check: &&CheckReport| {
        let mut findings = check.findings.iter();
        findings.any(|finding| {
            let own = finding.difference.as_ref();
            own.is_some_and(|own| own.ids.iter().any(|own| own == id))
        })
    };
    let mut named: Vec<&str> = checks
        .iter()
        .filter(shows)
        .map(|check| check.id.as_str())
        .take(NAMED)
        .collect();
    if named.is_empty() {
        let ids = cause.checks.iter().chain(&cause.blocked);
        named = ids.map(String::as_str).take(NAMED).collect();
    }
    let named: Vec<_> = named.into_iter().map(|id| quoted(id).to_string()).collect();
    let mut line = String::new();
    // Writing to a text cannot fail.
    let _ = writeln!(
        line,
        "{} = {{ why = {}, checks = [{}] }}",
        quoted(id),
        quoted(&cause.summary),
        named.join(", ")
    );
    line
}

fn is_clean(check: &CheckReport) -> bool {
    matches!(check.outcome, Outcome::Pass | Outcome::Info)
}
