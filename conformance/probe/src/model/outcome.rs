//! Outcomes of checks and runs: the data behind every report.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::cause::{Cause, Difference};
use crate::model::finding::{Finding, Level, Source};

/// The outcome of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// As the contract has it.
    Pass,
    /// Not so, and of the level that fails a run, or above.
    Fail,
    /// Not so, but below that level.
    Warn,
    /// A reading was seen.
    Info,
    /// The target lacks what the check is about.
    Unsupported,
    /// The user's choice, or something that the user did not give.
    Disabled,
    /// Somebody else wrote meanwhile, each time it was tried.
    Inconclusive,
    /// The state that the check starts from could not be brought about.
    SetupFailed,
    /// A check that this one builds on did not pass.
    DependencyFailed,
    /// It failed, and passed when it was tried again.
    Flaky,
    /// The suite's own fault.
    Error,
}

impl Outcome {
    /// All of them, in the order of summaries.
    pub const ALL: [Self; 11] = [
        Self::Pass,
        Self::Fail,
        Self::Warn,
        Self::Info,
        Self::Flaky,
        Self::Inconclusive,
        Self::Unsupported,
        Self::Disabled,
        Self::SetupFailed,
        Self::DependencyFailed,
        Self::Error,
    ];

    /// As in reports.
    pub fn text(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Unsupported => "unsupported",
            Self::Disabled => "disabled",
            Self::Inconclusive => "inconclusive",
            Self::SetupFailed => "setup-failed",
            Self::DependencyFailed => "dependency-failed",
            Self::Flaky => "flaky",
            Self::Error => "error",
        }
    }

    /// Returns `true` if requests were sent and judged.
    pub fn ran(self) -> bool {
        !matches!(self, Self::Unsupported | Self::Disabled)
    }

    /// Returns `true` if the check says nothing about the target although it was to.
    pub fn is_no_verdict(self) -> bool {
        matches!(
            self,
            Self::SetupFailed | Self::DependencyFailed | Self::Error
        )
    }
}

/// Which kind of harm a check may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Safety {
    /// It only looks.
    Read,
    /// It writes stocks of its own.
    Write,
}

impl Safety {
    /// As in reports.
    pub fn text(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// A check and what it came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckReport {
    /// Stable: `create/answers-the-stock`. The part before the slash is the section.
    pub id: String,
    /// The requirement, in a sentence.
    pub title: String,
    /// The level.
    pub level: Level,
    /// The source of the requirement.
    pub source: Source,
    /// The harm that it may do.
    pub safety: Safety,
    /// The outcome.
    pub outcome: Outcome,
    /// Why, for outcomes that are no finding: `give --foreign-location CODE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The findings. A known finding of the baseline stays here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// The findings are in the baseline, so they do not fail the run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub known: bool,
    /// For the check of a reading: its id and the choices that fit what was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<ReadingSeen>,
    /// The difference that kept it from being made.
    #[serde(skip)]
    pub blocked_by: Option<Difference>,
    /// The check that was to detect what this one builds on.
    #[serde(skip)]
    pub depends_on: Option<String>,
    /// The number of times it was tried.
    pub attempts: u32,
    /// The time that it took, microseconds.
    pub micros: u64,
    /// The number of requests it sent.
    pub requests: u64,
}

impl CheckReport {
    /// A check that was passed at its first attempt, and sent nothing.
    pub fn passed(
        id: impl Into<String>,
        title: impl Into<String>,
        level: Level,
        source: Source,
        safety: Safety,
    ) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            level,
            source,
            safety,
            outcome: Outcome::Pass,
            reason: None,
            findings: Vec::new(),
            known: false,
            reading: None,
            blocked_by: None,
            depends_on: None,
            attempts: 1,
            micros: 0,
            requests: 0,
        }
    }

    /// The part of the id before the slash.
    pub fn section(&self) -> &str {
        self.id
            .split_once('/')
            .map_or(&self.id, |(section, _)| section)
    }
}

/// Surprises of a target, as a check of a section that found nothing wrong; `None`
/// where it did nothing.
pub fn surprises(
    section: &str,
    surprises: &BTreeMap<String, u64>,
    safety: Safety,
) -> Option<CheckReport> {
    let told = surprises.iter();
    let told: Vec<_> = told
        .map(|(surprise, times)| format!("{surprise} ({times}×)"))
        .collect();
    let source = Source {
        section: "HTTP".to_owned(),
        quote: "429, 502 to 504, a connection that breaks, a token that expires".to_owned(),
    };
    let title = "What the target did to surprise, and was got over";
    let id = format!("{section}/surprises");
    (!told.is_empty()).then(|| CheckReport {
        outcome: Outcome::Info,
        reason: Some(told.join("; ")),
        ..CheckReport::passed(id, title, Level::May, source, safety)
    })
}

/// The choices of a reading that fit what was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadingSeen {
    /// The id in the register.
    pub id: String,
    /// The choices that fit, the only one as a rule; a number for the numeric readings.
    pub choices: Vec<String>,
}

/// The part of `openapi.json` that a run has exercised.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Operations that answered a request.
    pub operations: Covered,
    /// Documented statuses of operations that came: `create-stock 201`.
    pub statuses: Covered,
    /// Parameters that were sent: `search-stocks stock__gt`.
    pub parameters: Covered,
    /// Members of bodies that were sent or came: `create-stock 201 /id`.
    pub members: Covered,
}

/// A share: the number that was met, the number there is, and the rest by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Covered {
    /// The number that was met.
    pub covered: usize,
    /// The number there is.
    pub total: usize,
    /// Those not met.
    pub missing: Vec<String>,
}

impl Covered {
    /// Per cent, rounded down, so that 100 means all.
    pub fn percent(&self) -> usize {
        (self.covered * 100).checked_div(self.total).unwrap_or(100)
    }
}

/// The traces of a run that are left.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CleanUp {
    /// Stocks that are now empty, unreserved and inactive.
    pub neutralised: usize,
    /// One line for each thing that could not be.
    pub left: Vec<String>,
    /// The ledger, where it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<String>,
}

/// A run and all it found. Written as the JSON report; its schema is
/// `schemas/report.schema.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The version of this format.
    pub format: u32,
    /// `whippy-conformance VERSION`.
    pub tool: String,
    /// The target's URL, or `the engine in this process`.
    pub target: String,
    /// When it began, RFC 3339.
    pub started: String,
    /// The time that it took, microseconds.
    pub micros: u64,
    /// The number of requests that were sent.
    pub requests: u64,
    /// Findings of this level or above fail the run.
    pub level: Level,
    /// `true` if the run may write.
    pub mode: Safety,
    /// The names that the checks work with: provider, location, …
    pub environment: BTreeMap<String, Value>,
    /// The readings that the target was held to.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub profile: BTreeMap<String, String>,
    /// The causes of the findings, the heaviest first.
    #[serde(default)]
    pub causes: Vec<Cause>,
    /// The checks, in the order of the catalogue.
    pub checks: Vec<CheckReport>,
    /// The readings seen, in the order of the register.
    pub readings: Vec<ReadingSeen>,
    /// The part of `openapi.json` that was exercised.
    pub coverage: Coverage,
    /// Check ids in the baseline that were no findings any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stale: Vec<String>,
    /// The result of the clean-up; `None` if the run wrote nothing that stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clean_up: Option<CleanUp>,
    /// Why the run ended before its last check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aborted: Option<String>,
    /// The exit code of the command.
    pub exit_code: u8,
    /// That, in a sentence.
    pub verdict: String,
}

impl Report {
    /// The number of checks that came to an outcome.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.checks
            .iter()
            .filter(|check| check.outcome == outcome)
            .count()
    }
}
