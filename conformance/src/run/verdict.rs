//! The exit code of the command, and the reason in a sentence.

use crate::model::cause::Cause;
use crate::model::finding::{Level, cut};
use crate::model::outcome::{CheckReport, Outcome, Report};
use crate::report::one_line;
use crate::run::DISTURBED;
use crate::transport::guard::SPENT;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The end of a command, as an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// The target meets every requirement that was checked.
    Clean = 0,
    /// There are findings, or disabled checks that had to run.
    Findings = 1,
    /// The command line, the settings or a case file is wrong.
    Usage = 2,
    /// The target cannot be reached, or the suite failed.
    NoVerdict = 3,
    /// No check ran.
    NothingRan = 4,
    /// The baseline has entries that are not found any more.
    Stale = 5,
}

impl Exit {
    /// Returns the exit code.
    pub fn code(self) -> u8 {
        self as u8
    }
}

/// Gives a report its verdict, after its checks, baseline and clean-up are settled.
pub fn conclude(report: &mut Report, fail_on_disabled: bool) {
    let (exit, mut sentence) = verdict(report, fail_on_disabled);
    if let Some(why) = disturbed(report) {
        sentence = format!("{sentence}; {why}");
    }
    report.exit_code = exit.code();
    report.verdict = sentence;
}

/// Returns the verdict, decided by the worst problem: first findings, then checks that could not be
/// made, then the rest.
fn verdict(report: &Report, fail_on_disabled: bool) -> (Exit, String) {
    let failing = || {
        let checks = report.checks.iter();
        checks.filter(|check| check.outcome == Outcome::Fail && !check.known)
    };
    let unclear = || {
        report
            .checks
            .iter()
            .filter(|check| check.outcome.is_no_verdict() && !check.known)
    };
    let disabled = report.count(Outcome::Disabled);
    if failing().next().is_some() {
        let mut sentence = heading(report).unwrap_or_else(|| {
            format!(
                "{}: {}",
                checks(failing().count(), "fails", "fail"),
                by_level(&failing())
            )
        });
        if let Some(why) = &report.aborted {
            sentence = format!("{sentence}; the run ended early: {why}");
        }
        if let Some(why) = unclean(report) {
            sentence = format!("{sentence}; {why}");
        }
        if let Some(why) = spent(report) {
            sentence = format!("{sentence}; {why}");
        }
        return (Exit::Findings, sentence);
    }
    if let Some(why) = &report.aborted {
        return (Exit::NoVerdict, format!("no verdict: {why}"));
    }
    if let Some(why) = unclean(report) {
        return (Exit::NoVerdict, format!("no finding, but {why}"));
    }
    if let Some(first) = unclear().next() {
        let count = unclear().count();
        let why = first.reason.as_deref().unwrap_or("no reason was given");
        let many = checks(count, "came to no verdict", "came to no verdict");
        return (
            Exit::NoVerdict,
            format!("{many}, first {}: {why}", first.id),
        );
    }
    let flaky = flaky(report);
    if flaky.len() > 1 {
        let ids: Vec<_> = flaky
            .iter()
            .take(3)
            .map(|check| check.id.as_str())
            .collect();
        return (
            Exit::Findings,
            format!(
                "{} found something once and not when tried again ({}): a service that fails some of its requests does so",
                checks(flaky.len(), "has", "have"),
                ids.join(", ")
            ),
        );
    }
    let asked: u64 = report.checks.iter().map(|check| check.requests).sum();
    if asked == 0 {
        let why = report
            .checks
            .iter()
            .find_map(|check| check.reason.as_deref());
        let why = why.map_or_else(String::new, |why| format!(": {why}"));
        return (Exit::NothingRan, format!("no check ran{why}"));
    }
    if let Some(why) = spent(report) {
        return (
            Exit::NoVerdict,
            format!("no verdict: {why}; {}", clean(report)),
        );
    }
    if let Some(first) = report.stale.first() {
        let more = match report.stale.len() {
            1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        let sentence = format!(
            "the baseline is stale: {first}{more} no longer found; --update-baseline takes them out"
        );
        return (Exit::Stale, sentence);
    }
    if fail_on_disabled && disabled > 0 {
        let first = report
            .checks
            .iter()
            .find(|check| check.outcome == Outcome::Disabled);
        let why = first
            .and_then(|check| check.reason.as_deref())
            .unwrap_or_default();
        let many = checks(disabled, "is disabled", "are disabled");
        return (Exit::Findings, format!("{many}, first: {why}"));
    }
    (Exit::Clean, clean(report))
}

/// Returns a sentence about the checks that others disturbed, with advice.
fn disturbed(report: &Report) -> Option<String> {
    let disturbed = report.checks.iter().filter(|check| {
        let reason = check.reason.as_deref().unwrap_or_default();
        check.outcome == Outcome::Inconclusive && reason.starts_with(DISTURBED)
    });
    let first = disturbed.clone().next()?;
    let count = disturbed.count();
    Some(format!(
        "{}, as somebody else wrote meanwhile: repeat with --only '{}/*' while nobody writes",
        checks(count, "is inconclusive", "are inconclusive"),
        first.section()
    ))
}

/// Returns the checks whose findings would fail the run but did not recur in a retry. One may be a
/// bad moment; several mean that the service is unreliable.
fn flaky(report: &Report) -> Vec<&CheckReport> {
    let checks = report.checks.iter();
    let flaky = checks.filter(|check| check.outcome == Outcome::Flaky && !check.known);
    flaky.filter(|check| check.level >= report.level).collect()
}

/// The most causes named in a heading.
const NAMED: usize = 2;

/// The most characters of a cause in a heading.
const LONGEST: usize = 120;

/// `2 causes: create-stock answers 200 for 201 (31 checks), … · 4 checks could not be made`.
fn heading(report: &Report) -> Option<String> {
    let failing: Vec<&Cause> = report.failing_causes().collect();
    let unknown = report.unknown_causes().count();
    if failing.is_empty() {
        return None;
    }
    let named: Vec<_> = failing
        .iter()
        .take(NAMED)
        .map(|cause| {
            let shown = match cause.checks.len() {
                1 => "1 check".to_owned(),
                count => format!("{count} checks"),
            };
            let summary = cut(&cause.summary, LONGEST);
            format!("{} ({shown})", summary.replace('\n', " "))
        })
        .collect();
    let counted = match (failing.len(), unknown) {
        (1, 1) => "1 cause".to_owned(),
        (1, all) => format!("1 of {all} causes fails the run"),
        (count, all) if count == all => format!("{count} causes"),
        (count, all) => format!("{count} of {all} causes fail the run"),
    };
    let mut sentence = format!("{counted}: {}", named.join(", "));
    if failing.len() > NAMED {
        sentence += ", …";
    }
    let unmade = report
        .checks
        .iter()
        .filter(|check| check.outcome.is_no_verdict() && !check.known)
        .count();
    match unmade {
        0 => {}
        1 => sentence += " · 1 check could not be made",
        count => {
            let _ = write!(sentence, " · {count} checks could not be made");
        }
    }
    Some(sentence)
}

/// Returns a sentence about a ledger, which is kept only if something is left to clean up.
fn unclean(report: &Report) -> Option<String> {
    let ledger = report.clean_up.as_ref()?.ledger.as_ref()?;
    Some(format!(
        "not everything that was written is cleaned up: {ledger} says what"
    ))
}

fn clean(report: &Report) -> String {
    let ran = report
        .checks
        .iter()
        .filter(|check| check.outcome.ran())
        .count();
    let known = report.checks.iter().filter(|check| check.known).count();
    let flaky = flaky(report);
    let ran = checks(ran, "ran", "ran");
    let mut sentence = format!("{ran} and no finding");
    if known > 0 {
        sentence = format!("{ran}, and the findings are known, {known} in the baseline");
    } else if report.count(Outcome::Warn) > 0 {
        sentence = format!("{ran}, and nothing of level {} was found", report.level);
        let below = report.unknown_causes().count();
        if below > 0 {
            let causes = if below == 1 { "cause" } else { "causes" };
            let _ = write!(sentence, "; {below} {causes} of a lower level");
        }
    }
    sentence = match unmade(report) {
        Some(unmade) => format!("{sentence}; {unmade}"),
        None => format!("clean: {sentence}"),
    };
    if let Some(check) = flaky.first() {
        sentence = format!("{sentence}, but {} found something once", check.id);
        if let Some(why) = &check.reason {
            sentence = format!("{sentence}: {why}");
        }
    }
    sentence
}

/// Returns the disabled checks.
fn disabled(report: &Report) -> impl Iterator<Item = &CheckReport> {
    let checks = report.checks.iter();
    checks.filter(|check| check.outcome == Outcome::Disabled && !check.known)
}

/// Returns a sentence about checks that the spent write budget left unmade.
fn spent(report: &Report) -> Option<String> {
    let is_spent = |check: &&CheckReport| {
        let reason = check.reason.as_deref();
        reason.is_some_and(|reason| reason.contains(SPENT))
    };
    let count = disabled(report).filter(is_spent).count();
    (count > 0).then(|| {
        let many = checks(count, "was not made", "were not made");
        format!("the write budget is spent, and {many}: give a larger --write-budget")
    })
}

/// Formats the number of checks that were not made, with the most frequent reasons:
/// `290 were not made (281× it writes: --write allows it; …)`.
fn unmade(report: &Report) -> Option<String> {
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    let mut count = 0;
    for check in disabled(report) {
        let reason = check.reason.as_deref().unwrap_or("no reason was given");
        let reason = if reason.contains(SPENT) {
            "the write budget is spent"
        } else {
            reason
        };
        *reasons.entry(reason).or_default() += 1;
        count += 1;
    }
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, count)| Reverse(*count));
    let told: Vec<_> = reasons
        .iter()
        .take(REASONS)
        .map(|(reason, count)| format!("{count}× {}", one_line(reason)))
        .collect();
    let more = if reasons.len() > REASONS { "; …" } else { "" };
    let were = if count == 1 { "was" } else { "were" };
    (count > 0).then(|| format!("{count} {were} not made ({}{more})", told.join("; ")))
}

/// The most reasons that a sentence names.
const REASONS: usize = 2;

/// Formats a count: `1 check fails`, `2 checks fail`.
fn checks(count: usize, one: &str, many: &str) -> String {
    match count {
        1 => format!("1 check {one}"),
        count => format!("{count} checks {many}"),
    }
}

/// Formats counts by level: `2 MUST, 1 SHOULD`.
fn by_level<'a>(checks: &(impl Iterator<Item = &'a CheckReport> + Clone)) -> String {
    let levels = [Level::Must, Level::Should, Level::May].into_iter();
    let counts = levels.filter_map(|level| {
        let count = checks.clone().filter(|check| check.level == level).count();
        (count > 0).then(|| format!("{count} {level}"))
    });
    counts.collect::<Vec<_>>().join(", ")
}
