//! Two reports side by side: the checks that a change has broken, fixed or otherwise changed.

use std::fmt::Write as _;

use crate::model::finding::Finding;
use crate::model::outcome::{CheckReport, Outcome, Report};
use crate::report::visible;

/// The exit code where no check newly fails.
pub const EXIT_SAME: u8 = 0;
/// The exit code where one does.
pub const EXIT_WORSE: u8 = 1;

/// The change of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It fails now, and did not before.
    NewlyFailing,
    /// It failed before, and passes now.
    Fixed,
    /// It has another finding, or another outcome that tells about the target.
    Changed,
    /// It told about the target before, and does not now.
    NoLongerRun,
    /// It tells about the target now, and did not before.
    NewlyRun,
}

impl Change {
    /// All changes, in the order of their output.
    pub const ALL: [Self; 5] = [
        Self::NewlyFailing,
        Self::Fixed,
        Self::Changed,
        Self::NoLongerRun,
        Self::NewlyRun,
    ];

    /// Returns the words for it in the output.
    pub fn text(self) -> &'static str {
        match self {
            Self::NewlyFailing => "newly failing",
            Self::Fixed => "fixed",
            Self::Changed => "changed",
            Self::NoLongerRun => "no longer run",
            Self::NewlyRun => "newly run",
        }
    }
}

/// A check that has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckChange {
    /// The id.
    pub id: String,
    /// The change.
    pub change: Change,
    /// The outcome before, in a line; `None` if it was not in that report.
    pub before: Option<String>,
    /// The outcome after, in the same form.
    pub after: Option<String>,
}

/// A reading with other choices than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadingChange {
    /// The id.
    pub id: String,
    /// The choices that fitted before; empty: it was not seen.
    pub before: Vec<String>,
    /// The choices that fit after.
    pub after: Vec<String>,
}

/// The differences between two reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// Differences in the circumstances of the two runs, in lines.
    pub circumstances: Vec<String>,
    /// The changed checks, in the order of the later report, then those that it lacks.
    pub checks: Vec<CheckChange>,
    /// The changed readings.
    pub readings: Vec<ReadingChange>,
}

/// Compares a report with an earlier one.
pub fn compare(before: &Report, after: &Report) -> Comparison {
    let later = after.checks.iter().filter_map(|check| {
        let earlier = before.checks.iter().find(|other| other.id == check.id);
        check_change(earlier, Some(check))
    });
    let is_gone = |check: &&CheckReport| !after.checks.iter().any(|other| other.id == check.id);
    let gone = before.checks.iter().filter(is_gone);
    Comparison {
        circumstances: circumstances(before, after),
        checks: later
            .chain(gone.filter_map(|check| check_change(Some(check), None)))
            .collect(),
        readings: readings(before, after),
    }
}

impl Comparison {
    /// Returns the checks that changed in one way.
    pub fn of(&self, change: Change) -> impl Iterator<Item = &CheckChange> {
        self.checks
            .iter()
            .filter(move |check| check.change == change)
    }

    /// Returns the exit code of the command.
    pub fn exit_code(&self) -> u8 {
        if self.of(Change::NewlyFailing).next().is_some() {
            EXIT_WORSE
        } else {
            EXIT_SAME
        }
    }

    /// Formats the comparison for people. The text ends with a newline.
    pub fn text(&self) -> String {
        visible(&self.lines()).into_owned()
    }

    fn lines(&self) -> String {
        let mut text = String::new();
        for line in &self.circumstances {
            let _ = writeln!(text, "{line}");
        }
        for change in Change::ALL {
            let checks: Vec<_> = self.of(change).collect();
            if checks.is_empty() {
                continue;
            }
            let _ = writeln!(text, "{}: {}", change.text(), checks.len());
            for check in checks {
                let side = |side: &Option<String>| side.clone().unwrap_or("absent".to_owned());
                let _ = writeln!(text, "  {}", check.id);
                let _ = writeln!(text, "    before: {}", side(&check.before));
                let _ = writeln!(text, "    after:  {}", side(&check.after));
            }
        }
        if !self.readings.is_empty() {
            let _ = writeln!(text, "readings: {}", self.readings.len());
        }
        for reading in &self.readings {
            let side = |choices: &[String]| match choices {
                [] => "not seen".to_owned(),
                choices => choices.join(" or "),
            };
            let (before, after) = (side(&reading.before), side(&reading.after));
            let _ = writeln!(text, "  {}: {before}, now {after}", reading.id);
        }
        let _ = match self.of(Change::NewlyFailing).count() {
            0 if self.checks.is_empty() && self.readings.is_empty() => {
                writeln!(text, "no difference")
            }
            0 => writeln!(text, "nothing is newly failing"),
            1 => writeln!(text, "1 check is newly failing"),
            more => writeln!(text, "{more} checks are newly failing"),
        };
        text
    }
}

/// Returns `true` if the outcome of a check tells about the target.
fn is_judged(check: &CheckReport) -> bool {
    match check.outcome {
        Outcome::Pass | Outcome::Fail | Outcome::Warn | Outcome::Info | Outcome::Flaky => true,
        Outcome::Unsupported
        | Outcome::Disabled
        | Outcome::Inconclusive
        | Outcome::SetupFailed
        | Outcome::DependencyFailed
        | Outcome::Error => false,
    }
}

/// Returns `true` if a check fails its run. A known finding of the baseline does not.
fn is_failing(check: &CheckReport) -> bool {
    check.outcome == Outcome::Fail && !check.known
}

fn check_change(before: Option<&CheckReport>, after: Option<&CheckReport>) -> Option<CheckChange> {
    let judged = |check: Option<&CheckReport>| check.is_some_and(is_judged);
    let failing = |check: Option<&CheckReport>| check.is_some_and(is_failing);
    let change = match (judged(before), judged(after)) {
        _ if failing(after) && !failing(before) => Change::NewlyFailing,
        (false, false) => return None,
        (true, false) => Change::NoLongerRun,
        (false, true) => Change::NewlyRun,
        (true, true) => {
            let (before, after) = (before?, after?);
            let passes = matches!(after.outcome, Outcome::Pass | Outcome::Info);
            if before.outcome == Outcome::Fail && passes {
                Change::Fixed
            } else if before.outcome != after.outcome
                || before.known != after.known
                || !same_findings(&before.findings, &after.findings)
            {
                Change::Changed
            } else {
                return None;
            }
        }
    };
    let id = &after.or(before)?.id;
    Some(CheckChange {
        id: id.clone(),
        change,
        before: before.map(in_a_line),
        after: after.map(in_a_line),
    })
}

/// Returns `true` if two runs found the same. Ids and times differ in every run, so only the
/// statements of findings are compared, not their bodies and exchanges.
fn same_findings(before: &[Finding], after: &[Finding]) -> bool {
    let same = |(before, after): (&Finding, &Finding)| {
        before.level == after.level
            && before.summary == after.summary
            && before.at == after.at
            && before.row == after.row
    };
    before.len() == after.len() && before.iter().zip(after).all(same)
}

/// Formats a check in a line: `fail (MUST): expected 201, got 200`.
fn in_a_line(check: &CheckReport) -> String {
    let known = if check.known { ", known" } else { "" };
    let mut line = format!("{} ({}{known})", check.outcome.text(), check.level);
    let mut said: Vec<&str> = check
        .findings
        .iter()
        .map(|finding| finding.summary.as_str())
        .collect();
    if said.is_empty() {
        said.extend(check.reason.as_deref());
    }
    // The rows of a table often have the same finding.
    said.dedup();
    if check.findings.len() > said.len() {
        let _ = write!(line, ", {} findings", check.findings.len());
    }
    if !said.is_empty() {
        line += ": ";
        line += &said.join("; ").replace('\n', " ");
    }
    line
}

/// Returns explanations of a difference that lie outside the target.
fn circumstances(before: &Report, after: &Report) -> Vec<String> {
    let profile = |report: &Report| {
        let choices = report.profile.iter();
        let choices: Vec<_> = choices
            .map(|(reading, choice)| format!("{reading}={choice}"))
            .collect();
        if choices.is_empty() {
            "none".to_owned()
        } else {
            choices.join(" ")
        }
    };
    let sides = [
        ("tool", before.tool.clone(), after.tool.clone()),
        ("target", before.target.clone(), after.target.clone()),
        ("level", before.level.to_string(), after.level.to_string()),
        (
            "mode",
            before.mode.text().to_owned(),
            after.mode.text().to_owned(),
        ),
        ("profile", profile(before), profile(after)),
        ("end", end(before), end(after)),
    ];
    sides
        .into_iter()
        .filter(|(_, before, after)| before != after)
        .map(|(what, before, after)| format!("{what}: {before}, now {after}"))
        .collect()
}

fn end(report: &Report) -> String {
    match &report.aborted {
        None => "as planned".to_owned(),
        Some(why) => format!("early, {why}"),
    }
}

fn readings(before: &Report, after: &Report) -> Vec<ReadingChange> {
    let choices = |report: &Report, id: &str| {
        let seen = report.readings.iter().find(|seen| seen.id == id);
        seen.map(|seen| seen.choices.clone()).unwrap_or_default()
    };
    let mut ids: Vec<&str> = Vec::new();
    for seen in after.readings.iter().chain(&before.readings) {
        if !ids.contains(&seen.id.as_str()) {
            ids.push(&seen.id);
        }
    }
    ids.into_iter()
        .map(|id| ReadingChange {
            id: id.to_owned(),
            before: choices(before, id),
            after: choices(after, id),
        })
        .filter(|change| change.before != change.after)
        .collect()
}
