//! Workflow commands of GitHub Actions: annotations on the run's page.

use std::fmt::Write as _;

use super::{blocks, deciding, gist, label, many, shown_by, visible, weight};
use crate::model::cause::Cause;
use crate::model::finding::{Finding, cut};
use crate::model::outcome::{CheckReport, Report};

/// The number of annotations of a kind that GitHub shows for a step; it drops the others.
const SHOWN: usize = 10;

/// The most characters of a message with a command. A longer one loses the command, which every
/// other report has.
const LONG: usize = 4_000;

/// The most characters of a finding's sentence.
const GIST: usize = 1_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Error,
    Warning,
}

impl Kind {
    fn text(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

struct Annotation {
    kind: Kind,
    /// The rank, the most important first.
    rank: usize,
    title: String,
    message: String,
}

pub(super) fn write(report: &Report) -> String {
    let causes = report.causes.iter();
    let mut annotations: Vec<_> = causes.filter_map(|cause| of_cause(report, cause)).collect();
    let is_told = |check: &&CheckReport| {
        check
            .findings
            .iter()
            .any(|finding| !finding.causes.is_empty())
            || report
                .causes
                .iter()
                .any(|cause| cause.blocked.contains(&check.id))
    };
    let others = report.checks.iter().filter(|check| !is_told(check));
    annotations.extend(others.filter_map(of_check));
    annotations.extend(of_run(report));
    annotations.sort_by_key(|annotation| annotation.rank);
    let mut text = String::new();
    let mut left = Vec::new();
    for kind in [Kind::Error, Kind::Warning] {
        let of_kind: Vec<_> = annotations.iter().filter(|a| a.kind == kind).collect();
        for annotation in of_kind.iter().take(SHOWN) {
            text += &command(kind.text(), &annotation.title, &annotation.message);
        }
        if of_kind.len() > SHOWN {
            left.push(many(of_kind.len() - SHOWN, kind.text()));
        }
    }
    let mut verdict = report.verdict.clone();
    if !left.is_empty() {
        let _ = write!(
            verdict,
            "\n{} more: GitHub shows {SHOWN} of a kind; the report has them all",
            left.join(" and ")
        );
    }
    text += &command("notice", "whippy-conformance", &verdict);
    text
}

/// Returns the annotation of a cause. One is enough for all its checks.
fn of_cause(report: &Report, cause: &Cause) -> Option<Annotation> {
    if cause.known {
        return None;
    }
    let kind = if cause.level >= report.level {
        Kind::Error
    } else {
        Kind::Warning
    };
    let mut message = cause.summary.clone();
    if !cause.checks.is_empty() {
        let _ = write!(message, "\n{}", shown_by(cause.checks.len()));
    }
    if !cause.blocked.is_empty() {
        let _ = write!(message, "\n{}", blocks(cause.blocked.len()));
    }
    if let Some((check, finding)) = deciding(report, cause) {
        let _ = write!(message, "\n{}: {}", check.id, cut(&finding.summary, GIST));
        let source = &check.source;
        let _ = write!(message, "\n{}: “{}”", source.section, source.quote);
        message += &repeat(finding, message.len());
    }
    Some(Annotation {
        kind,
        rank: 3 - cause.level as usize,
        title: format!("{} ({})", cause.id, cause.level),
        message,
    })
}

/// Returns the command that repeats a finding, if there is room for it.
fn repeat(finding: &Finding, used: usize) -> String {
    let Some(record) = finding.exchanges.last() else {
        return String::new();
    };
    let repeat = format!("\nrepeat it: {}", record.curl);
    if used + repeat.len() <= LONG {
        repeat
    } else {
        String::new()
    }
}

fn of_check(check: &CheckReport) -> Option<Annotation> {
    let (kind, rank) = match label(check) {
        // The order of levels ends with MUST, and the heaviest comes first here.
        "fail" => (Kind::Error, 3 - weight(check) as usize),
        "error" | "setup-failed" | "dependency-failed" => (Kind::Error, 4),
        "flaky" => (Kind::Warning, 0),
        "warn" => (Kind::Warning, 3 - weight(check) as usize),
        "inconclusive" => (Kind::Warning, 4),
        _ => return None,
    };
    Some(Annotation {
        kind,
        rank,
        title: format!("{} ({})", check.id, weight(check)),
        message: message(check),
    })
}

fn of_run(report: &Report) -> Vec<Annotation> {
    let aborted = report.aborted.iter().map(|why| Annotation {
        kind: Kind::Error,
        rank: 0,
        title: "the run ended early".to_owned(),
        message: why.clone(),
    });
    let stale = report.stale.iter().map(|id| Annotation {
        kind: Kind::Error,
        rank: 5,
        title: format!("{id} (baseline)"),
        message: "no finding any more: take it out of the baseline".to_owned(),
    });
    aborted.chain(stale).collect()
}

fn message(check: &CheckReport) -> String {
    let mut message = format!("{}\n{}", check.title, gist(check));
    let Some(finding) = check.findings.first() else {
        return message;
    };
    let more = check.findings.len() - 1;
    if more > 0 {
        let _ = write!(message, "\nand {}", many(more, "more finding"));
    }
    let _ = write!(
        message,
        "\n{}: “{}”",
        check.source.section, check.source.quote
    );
    message += &repeat(finding, message.len());
    message
}

fn command(kind: &str, title: &str, message: &str) -> String {
    format!("::{kind} title={}::{}\n", property(title), data(message))
}

/// Escapes the text behind the second `::`.
fn data(text: &str) -> String {
    visible(text).replace('%', "%25").replace('\n', "%0A")
}

/// Escapes the value of a property, which commas and colons end.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
