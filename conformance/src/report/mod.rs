//! The report of a run in the formats of its readers: a person at a terminal, a CI server, a
//! browser.
//!
//! Nothing here knows files, the clock or the environment. Causes come first in each format. The
//! terminal shows only those parts of a body that differ.

pub mod compare;

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use crate::model::cause::Cause;
use crate::model::finding::{Finding, Level, Record};
use crate::model::outcome::{CheckReport, Outcome, Report};
pub use whippy_probe::text::{one_line, visible};

mod diff;
mod github;
mod html;
pub mod json;
mod junit;
mod markdown;
pub mod text;

/// Defines the formats: one row each, with the function that writes it.
macro_rules! formats {
    ($($(#[$about:meta])* $format:ident $name:literal $write:path;)+) => {
        /// A format of the report.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Format {
            $($(#[$about])* $format,)+
        }

        impl Format {
            /// All formats.
            pub const ALL: &[Self] = &[$(Self::$format,)+];

            /// Returns the name on the command line.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$format => $name,)+
                }
            }

            fn writer(self) -> fn(&Report) -> String {
                match self {
                    $(Self::$format => $write,)+
                }
            }
        }
    };
}

formats! {
    /// For people: complete and without colour.
    Text "text" text::write;
    /// The report itself; `schemas/report.schema.json`.
    Json "json" json::write;
    /// XML for CI servers.
    Junit "junit" junit::write;
    /// For `$GITHUB_STEP_SUMMARY`.
    Markdown "markdown" markdown::write;
    /// One file for a browser.
    Html "html" html::write;
    /// Annotations, for the log of a GitHub workflow.
    Github "github" github::write;
}

/// The error of a name that is not a format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownFormat(pub String);

impl fmt::Display for UnknownFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = Format::ALL.iter().map(|format| format.name()).collect();
        write!(f, "no report is called `{}`: {}", self.0, names.join(", "))
    }
}

impl std::error::Error for UnknownFormat {}

impl Format {
    /// Returns the format of a name.
    pub fn parse(name: &str) -> Result<Self, UnknownFormat> {
        let mut all = Self::ALL.iter().copied();
        all.find(|format| format.name() == name)
            .ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

/// Writes the report in a format. The text ends with a newline.
pub fn render(format: Format, report: &Report) -> String {
    format.writer()(report)
}

/// The labels for counting checks, in the order of summaries: their outcomes, with known findings
/// separate since they fail no run.
const LABELS: [&str; 12] = [
    "pass",
    "fail",
    KNOWN,
    "warn",
    "info",
    "flaky",
    "inconclusive",
    "unsupported",
    "disabled",
    "setup-failed",
    "dependency-failed",
    "error",
];

const KNOWN: &str = "known";

fn label(check: &CheckReport) -> &'static str {
    let found = matches!(check.outcome, Outcome::Fail | Outcome::Warn);
    if check.known && found {
        KNOWN
    } else {
        check.outcome.text()
    }
}

/// Returns the labels that occur, each with its number of checks.
fn counts<'a>(checks: impl IntoIterator<Item = &'a CheckReport>) -> Vec<(&'static str, usize)> {
    let mut counts = LABELS.map(|label| (label, 0));
    for check in checks {
        let label = label(check);
        for (_, count) in counts.iter_mut().filter(|(name, _)| *name == label) {
            *count += 1;
        }
    }
    counts.into_iter().filter(|(_, count)| *count > 0).collect()
}

/// The levels, as the columns of summaries.
const LEVELS: [Level; 3] = [Level::Must, Level::Should, Level::May];

/// Returns the labels that occur, each with its number of checks by level and in total.
fn counts_by_level(report: &Report) -> Vec<(&'static str, [usize; 3], usize)> {
    let of = |level: Level, label: &str| {
        let of_level = report.checks.iter().filter(|check| check.level == level);
        of_level.filter(|check| self::label(check) == label).count()
    };
    counts(&report.checks)
        .into_iter()
        .map(|(label, all)| (label, LEVELS.map(|level| of(level, label)), all))
        .collect()
}

/// The checks with a label, in the order of the catalogue.
fn labelled<'a>(report: &'a Report, wanted: &str) -> Vec<&'a CheckReport> {
    let checks = report.checks.iter();
    checks.filter(|check| label(check) == wanted).collect()
}

/// Returns the finding that represents a cause, with its check: preferably one that shows a
/// difference of the cause's own.
fn deciding<'a>(report: &'a Report, cause: &Cause) -> Option<(&'a CheckReport, &'a Finding)> {
    let of_cause = |finding: &&Finding| finding.causes.contains(&cause.id);
    let all = report.checks.iter().flat_map(|check| {
        let findings = check.findings.iter();
        findings
            .filter(of_cause)
            .map(move |finding| (check, finding))
    });
    // The shortest chain is the simplest, and a status tells more than its consequences.
    let shown: Vec<_> = all.take(EXAMPLES).collect();
    shown.into_iter().min_by_key(|(_, finding)| {
        let is_bare = finding.exchanges.is_empty();
        let is_shared = finding.causes.len() > 1;
        (is_bare, is_shared, finding.exchanges.len())
    })
}

/// The number of findings from which the simplest is chosen.
const EXAMPLES: usize = 200;

/// Formats a count: `31 checks show it`, `1 check shows it`.
fn shown_by(count: usize) -> String {
    match count {
        1 => "1 check shows it".to_owned(),
        count => format!("{count} checks show it"),
    }
}

/// Formats a count: `4 checks could not be made because of it`.
fn blocks(count: usize) -> String {
    format!("{} could not be made because of it", many(count, "check"))
}

/// Formats JSON over several lines; returns any other text as it is.
fn laid_out(text: &str) -> Cow<'_, str> {
    if !text.starts_with(['{', '[']) || text.len() > LAID_OUT {
        return text.into();
    }
    let value: Result<serde_json::Value, _> = serde_json::from_str(text);
    let pretty = value
        .ok()
        .and_then(|value| serde_json::to_string_pretty(&value).ok());
    pretty.map_or(text.into(), Cow::Owned)
}

/// The longest text that is formatted, bytes.
const LAID_OUT: usize = 100_000;

/// Returns the surprises, a sentence each.
fn got_over(report: &Report) -> Vec<&str> {
    let told = labelled(report, "info").into_iter();
    told.filter(|check| check.reading.is_none())
        .filter_map(|check| check.reason.as_deref())
        .flat_map(|reason| reason.split("; "))
        .collect()
}

/// Groups the checks by section, both in the order of the catalogue.
fn sections(report: &Report) -> Vec<(&str, Vec<&CheckReport>)> {
    let mut sections: Vec<(&str, Vec<&CheckReport>)> = Vec::new();
    for check in &report.checks {
        match sections
            .iter_mut()
            .find(|(name, _)| *name == check.section())
        {
            Some((_, checks)) => checks.push(check),
            None => sections.push((check.section(), vec![check])),
        }
    }
    sections
}

/// Groups checks by reason, the most frequent reason first.
fn by_reason<'a>(checks: &[&'a CheckReport]) -> Vec<(&'a str, Vec<&'a CheckReport>)> {
    let mut reasons: Vec<(&str, Vec<&CheckReport>)> = Vec::new();
    for check in checks {
        let reason = reason(check);
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, checks)) => checks.push(check),
            None => reasons.push((reason, vec![check])),
        }
    }
    reasons.sort_by_key(|(_, checks)| std::cmp::Reverse(checks.len()));
    reasons
}

fn reason(check: &CheckReport) -> &str {
    check.reason.as_deref().unwrap_or("no reason was given")
}

/// Returns the part of an id after the slash.
fn name(check: &CheckReport) -> &str {
    check.id.split_once('/').map_or(&check.id, |(_, name)| name)
}

/// Returns the first line of the reason why a check did not pass.
fn gist(check: &CheckReport) -> &str {
    check
        .findings
        .first()
        .map_or_else(|| reason(check), |finding| finding.summary.as_str())
}

/// Returns the level of the gravest finding, or the check's own where it has none.
fn weight(check: &CheckReport) -> Level {
    let levels = check.findings.iter().map(|finding| finding.level);
    levels.max().unwrap_or(check.level)
}

/// Formats a count: `1 check`, `2 checks`.
fn many(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

fn requests(count: u64) -> String {
    many(usize::try_from(count).unwrap_or(usize::MAX), "request")
}

/// Formats a duration: `850 µs`, `12 ms`, `3.2 s`, `2 min 5 s`.
fn duration(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{} ms", micros / 1_000),
        1_000_000..60_000_000 => {
            format!("{}.{} s", micros / 1_000_000, micros / 100_000 % 10)
        }
        _ => format!("{} min {} s", micros / 60_000_000, micros / 1_000_000 % 60),
    }
}

/// Returns foreign text that is safe for a terminal or the log of a workflow: it contains no
/// commands for either, in particular at the beginning of a line.
pub fn harmless(text: &str) -> String {
    let text = visible(text);
    let mut safe = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with("::") {
            safe.push_str("| ");
        }
        safe.push_str(line);
    }
    safe
}

/// Returns the part of a URL after the host.
fn path(url: &str) -> &str {
    let after = url.split_once("://").map_or(url, |(_, rest)| rest);
    after.find('/').map_or(url, |slash| &after[slash..])
}

/// Formats a status: `201 Created`.
fn status_line(status: u16) -> String {
    let known = http::StatusCode::from_u16(status).ok();
    match known.and_then(|status| status.canonical_reason()) {
        Some(reason) => format!("{status} {reason}"),
        None => status.to_string(),
    }
}

/// Describes the answer in a few words: its status, or the reason why there is none.
fn answer(record: &Record) -> String {
    match (record.status, &record.failure) {
        (Some(status), _) => status_line(status),
        (None, Some(why)) => format!("no answer: {why}"),
        (None, None) => "no answer".to_owned(),
    }
}

/// Formats a JSON value in a line, a text without its quotes.
fn plain(value: &serde_json::Value) -> Cow<'_, str> {
    match value {
        serde_json::Value::String(text) => text.as_str().into(),
        other => other.to_string().into(),
    }
}

/// Returns the steps of a finding, numbered if there are several.
fn steps(finding: &Finding) -> impl Iterator<Item = (String, &Record)> {
    let total = finding.exchanges.len();
    finding
        .exchanges
        .iter()
        .enumerate()
        .map(move |(at, record)| {
            let mut name = String::new();
            if total > 1 {
                // Writing to a text cannot fail.
                let _ = write!(name, "{}/{total} ", at + 1);
            }
            name += &record.step;
            (name, record)
        })
}
