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
    /// The target fulfils the requirement.
    Pass,
    /// The target violates it, at a level that fails the run.
    Fail,
    /// The target violates it, below that level.
    Warn,
    /// A reading was seen.
    Info,
    /// The target lacks the part that the check concerns.
    Unsupported,
    /// The user has disabled it, or has not given something that it needs.
    Disabled,
    /// Somebody else wrote meanwhile, at every attempt.
    Inconclusive,
    /// The initial state of the check could not be created.
    SetupFailed,
    /// A check that this one builds on did not pass.
    DependencyFailed,
    /// It failed, and passed in a retry.
    Flaky,
    /// A mistake of the suite.
    Error,
}

impl Outcome {
    /// All outcomes, in the order of summaries.
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

    /// Returns the name in reports.
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

    /// Returns `true` if the check should tell about the target, and does not.
    pub fn is_no_verdict(self) -> bool {
        matches!(
            self,
            Self::SetupFailed | Self::DependencyFailed | Self::Error
        )
    }
}

/// The safety of a check's requests for the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Safety {
    /// They only read.
    Read,
    /// They write the run's own stocks.
    Write,
}

impl Safety {
    /// Returns the name in reports.
    pub fn text(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// A check and its result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckReport {
    /// The id, which never changes: `create/answers-the-stock`. The part before the slash is the
    /// section.
    pub id: String,
    /// The requirement, in a sentence.
    pub title: String,
    /// The level.
    pub level: Level,
    /// The source of the requirement.
    pub source: Source,
    /// The safety of its requests.
    pub safety: Safety,
    /// The outcome.
    pub outcome: Outcome,
    /// The reason, for outcomes other than findings: `give --foreign-location CODE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The findings, including known ones of the baseline.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Is true if all findings are in the baseline, so that they do not fail the run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub known: bool,
    /// For the check of a reading, its id and the choices that fit the observations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<ReadingSeen>,
    /// The difference that prevented the check.
    #[serde(skip)]
    pub blocked_by: Option<Difference>,
    /// The check that should have detected the reading that this one needs.
    #[serde(skip)]
    pub depends_on: Option<String>,
    /// The number of attempts.
    pub attempts: u32,
    /// The duration, microseconds.
    pub micros: u64,
    /// The number of requests sent.
    pub requests: u64,
}

impl CheckReport {
    /// Returns a check that passed at its first attempt without a request.
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

    /// Returns the part of the id before the slash.
    pub fn section(&self) -> &str {
        self.id
            .split_once('/')
            .map_or(&self.id, |(section, _)| section)
    }
}

/// Returns surprises of a target as a check without findings, in a section; `None` if there were
/// none.
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

/// The choices of a reading that fit the observations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadingSeen {
    /// The id in the register.
    pub id: String,
    /// The choices that fit, usually one; for numeric readings a number.
    pub choices: Vec<String>,
}

/// The part of `openapi.json` that a run has covered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Operations that answered a request.
    pub operations: Covered,
    /// Documented statuses that were received: `create-stock 201`.
    pub statuses: Covered,
    /// Parameters that were sent: `search-stocks stock__gt`.
    pub parameters: Covered,
    /// Members of bodies that were sent or received: `create-stock 201 /id`.
    pub members: Covered,
}

/// A share: the number of covered items, their total, and the names of the rest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Covered {
    /// The number of covered items.
    pub covered: usize,
    /// The number of all items.
    pub total: usize,
    /// The names of the items that are not covered.
    pub missing: Vec<String>,
}

impl Covered {
    /// Returns the share in per cent, rounded down, so that 100 means all.
    pub fn percent(&self) -> usize {
        (self.covered * 100).checked_div(self.total).unwrap_or(100)
    }
}

/// The result of a clean-up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CleanUp {
    /// Stocks that are now empty, unreserved and inactive.
    pub neutralised: usize,
    /// A line for each item that remains.
    pub left: Vec<String>,
    /// The path of the ledger, if it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<String>,
}

/// The report of a run. Its JSON form follows `schemas/report.schema.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The version of this format.
    pub format: u32,
    /// `whippy-conformance VERSION`.
    pub tool: String,
    /// The target's URL, or `the engine in this process`.
    pub target: String,
    /// The moment when it began, RFC 3339.
    pub started: String,
    /// The duration, microseconds.
    pub micros: u64,
    /// The number of requests sent.
    pub requests: u64,
    /// Findings of this level or above fail the run.
    pub level: Level,
    /// The safety of the requests that the run could send.
    pub mode: Safety,
    /// The names that the checks use: provider, location, …
    pub environment: BTreeMap<String, Value>,
    /// The readings that were required of the target.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub profile: BTreeMap<String, String>,
    /// The causes of the findings, the heaviest first.
    #[serde(default)]
    pub causes: Vec<Cause>,
    /// The checks, in the order of the catalogue.
    pub checks: Vec<CheckReport>,
    /// The readings seen, in the order of the register.
    pub readings: Vec<ReadingSeen>,
    /// The part of `openapi.json` that was covered.
    pub coverage: Coverage,
    /// Entries of the baseline that were not found any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stale: Vec<String>,
    /// The result of the clean-up; `None` if no written stock could outlast the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clean_up: Option<CleanUp>,
    /// The reason why the run ended before its last check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aborted: Option<String>,
    /// The exit code of the command.
    pub exit_code: u8,
    /// The verdict, as a sentence.
    pub verdict: String,
}

impl Report {
    /// Returns the number of checks with an outcome.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.checks
            .iter()
            .filter(|check| check.outcome == outcome)
            .count()
    }

    /// Returns the causes that are not in the baseline.
    pub fn unknown_causes(&self) -> impl Iterator<Item = &Cause> {
        self.causes.iter().filter(|cause| !cause.known)
    }

    /// Returns those of them that fail the run: of its level or a higher one, and shown by a check.
    pub fn failing_causes(&self) -> impl Iterator<Item = &Cause> {
        self.unknown_causes()
            .filter(|cause| cause.level >= self.level && !cause.checks.is_empty())
    }
}
