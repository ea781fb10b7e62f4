//! Reports about the clients of some worlds. Each format has its own file.

mod json;
mod junit;
mod markdown;
mod text;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::{Coverage, Finding, FindingLevel, Source};
use crate::problem::Grade;
use crate::redact::Redactor;
use crate::wire::visible::visible;

pub use json::{short as short_json, write as json};
pub use junit::write as junit;
pub use markdown::{summary_addition, write as markdown};
pub use text::write as text;

/// Findings and coverage of the client of one world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorldVerdict {
    /// The world's name.
    pub world: String,
    /// The mistakes of the client.
    pub findings: Vec<Finding>,
    /// The number of findings that were counted but not kept.
    pub left_out: u64,
    /// The coverage of the contract.
    pub coverage: Coverage,
}

impl WorldVerdict {
    /// The verdict with the secrets in its texts replaced.
    #[must_use]
    pub fn redacted(mut self, redactor: &Redactor) -> Self {
        for finding in &mut self.findings {
            let texts = [&mut finding.target, &mut finding.sent, &mut finding.why];
            for text in texts.into_iter().chain(&mut finding.meant) {
                *text = redactor.sentence(text).into_owned();
            }
        }
        self
    }

    /// The level of the gravest finding.
    pub fn worst(&self) -> Option<FindingLevel> {
        self.findings.iter().map(|finding| finding.level).max()
    }
}

/// A format of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON for programs, as `schemas/findings.schema.json` describes it.
    Json,
    /// Text for a terminal or the log of a CI job.
    Text,
    /// JUnit XML for CI servers.
    Junit,
    /// Markdown for the summary of a CI job.
    Markdown,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 4] = [Self::Json, Self::Text, Self::Junit, Self::Markdown];

    /// The name of the format in flags and URLs.
    pub fn text(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Text => "text",
            Self::Junit => "junit",
            Self::Markdown => "markdown",
        }
    }

    /// The value of `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Text => "text/plain; charset=utf-8",
            Self::Junit => "application/xml",
            Self::Markdown => "text/markdown; charset=utf-8",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}

/// A text that is not the name of a format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownFormat(pub String);

impl fmt::Display for UnknownFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Format::ALL.map(Format::text).join(", ");
        write!(
            f,
            "there is no format `{}` of reports: it is one of {names}",
            self.0
        )
    }
}

impl std::error::Error for UnknownFormat {}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        let mut all = Self::ALL.into_iter();
        all.find(|format| format.text() == text)
            .ok_or_else(|| UnknownFormat(text.to_owned()))
    }
}

/// Writes the report of some worlds. In JUnit XML, warnings and errors fail a case.
pub fn report(worlds: &[WorldVerdict], format: Format) -> String {
    match format {
        Format::Json => json(worlds),
        Format::Text => text(worlds),
        Format::Junit => junit(worlds, Some(FindingLevel::Warning)),
        Format::Markdown => markdown(worlds),
    }
}

/// Writes the coverage of some worlds without their findings; `None` for JUnit XML.
pub fn coverage_report(worlds: &[WorldVerdict], format: Format) -> Option<String> {
    match format {
        Format::Json => Some(json::coverage(worlds)),
        Format::Text => Some(text::coverage(worlds)),
        Format::Markdown => Some(markdown::coverage(worlds)),
        // Coverage neither passes nor fails.
        Format::Junit => None,
    }
}

/// A summary such as `1 error, 2 warnings, no notes`, or `no findings`.
fn counts(findings: &[Finding]) -> String {
    if findings.is_empty() {
        return "no findings".to_owned();
    }
    let counts: Vec<_> = FindingLevel::ALL
        .into_iter()
        .rev()
        .filter_map(|level| {
            let of_level = findings.iter().filter(|finding| finding.level == level);
            let count = of_level.count();
            (count > 0).then(|| many(count as u64, level.text()))
        })
        .collect();
    counts.join(", ")
}

/// A number with its noun: `1 error`, `2 errors`.
fn many(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// A summary such as `14 of 19 documented responses (73.7 %)`.
fn documented(coverage: &Coverage) -> String {
    let (met, all) = coverage.documented_met();
    let percent = coverage.percent();
    format!("{met} of {all} documented responses ({percent:.1} %)")
}

/// The names of the documented responses that were not received.
fn missing(coverage: &Coverage) -> Vec<&'static str> {
    let missing = coverage.documented.iter().filter(|met| met.count == 0);
    missing.map(|met| met.name).collect()
}

/// The source in one line. Words of the page stand in quotation marks, other facts without.
fn cited(source: &Source) -> String {
    let Source {
        grade,
        section,
        says,
    } = source;
    let mark = match grade {
        Grade::Documented => "“",
        _ => "",
    };
    let end = match grade {
        Grade::Documented => "”",
        _ => "",
    };
    format!("{section}: {mark}{says}{end} ({})", grade.text())
}

/// The findings, the gravest first; equal levels keep their order.
fn by_level(findings: &[Finding]) -> Vec<&Finding> {
    let mut sorted: Vec<_> = findings.iter().collect();
    sorted.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    sorted
}

/// Foreign text as one line, without characters that steer a terminal or break XML.
fn one_line(text: &str) -> Cow<'_, str> {
    visible(text, &[])
}

/// The lines below the head of a finding, each with its name.
fn lines(finding: &Finding) -> Vec<(&'static str, String)> {
    let mut lines = vec![("sent", finding.sent.clone())];
    lines.extend(finding.meant.clone().map(|meant| ("meant", meant)));
    lines.push(("why", finding.why.clone()));
    lines.push(("source", cited(&finding.source)));
    lines
}

/// The exchanges of a finding: `request 3`, or `3 times, requests 3, 4, 9`.
fn requests(finding: &Finding) -> String {
    if finding.count == 1 {
        return format!("request {}", finding.request);
    }
    let named: Vec<_> = finding.requests.iter().map(ToString::to_string).collect();
    let more = if (finding.requests.len() as u64) < finding.count {
        ", …"
    } else {
        ""
    };
    let noun = if named.len() == 1 {
        "request"
    } else {
        "requests"
    };
    format!("{} times, {noun} {}{more}", finding.count, named.join(", "))
}

/// The sentence about findings beyond the limit, if there are any.
fn left_out(verdict: &WorldVerdict) -> Option<String> {
    (verdict.left_out > 0).then(|| {
        format!(
            "{} more that there was no room for",
            many(verdict.left_out, "mistake")
        )
    })
}
