//! Markdown for `$GITHUB_STEP_SUMMARY`: the verdict first, details folded.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::{
    KNOWN, LEVELS, blocks, by_reason, counts_by_level, deciding, diff, duration, gist, got_over,
    label, labelled, many, plain, shown_by, steps, visible,
};
use crate::model::cause::Cause;
use crate::model::finding::{Finding, Level};
use crate::model::outcome::{CheckReport, Covered, Report};

/// The largest summary. GitHub refuses one above 1 MiB, and a step may write several reports.
const LIMIT: usize = 900_000;

/// The part of it for the lists at its end, at most.
const LISTS: usize = 200_000;

pub(super) fn write(report: &Report) -> String {
    let head = head(report);
    let tail = tail(report);
    let blocks: Vec<_> = labelled(report, "fail")
        .into_iter()
        .chain(labelled(report, "warn"))
        .flat_map(|check| check.findings.iter().map(move |finding| (check, finding)))
        .map(|(check, finding)| Block::new(check, finding))
        .collect();
    let told: Vec<_> = report
        .unknown_causes()
        .map(|cause| Block::of_cause(report, cause))
        .collect();
    let left = LIMIT.saturating_sub(head.len() + tail.len());
    let causes = listed_blocks("Causes", &told, left);
    let left = left.saturating_sub(causes.len());
    let text = format!(
        "{head}{causes}{}{tail}",
        listed_blocks("Findings", &blocks, left)
    );
    format!("{}\n", text.trim_end())
}

/// A finding in three sizes.
struct Block {
    /// With its exchanges.
    whole: String,
    /// Without them.
    brief: String,
    /// In a line.
    line: String,
}

impl Block {
    fn new(check: &CheckReport, finding: &Finding) -> Self {
        let row = match &finding.row {
            Some(row) => format!(", case {}", inline(row)),
            None => String::new(),
        };
        let title = format!(
            "<b>{}</b> {}{row} ({}): {}",
            label(check),
            inline(&check.id),
            finding.level,
            inline(&finding.summary)
        );
        Self::folded(&title, &brief(check, finding), &exchanges(finding))
    }

    /// Returns the block of a cause, with the finding that decides it.
    fn of_cause(report: &Report, cause: &Cause) -> Self {
        let title = format!("<b>{}</b> {}", cause.level, inline(&cause.summary));
        let mut told = format!("{}: {}\n\n", code(&cause.id), shown_by(cause.checks.len()));
        if !cause.blocked.is_empty() {
            let blocked: Vec<_> = cause.blocked.iter().map(|id| code(id)).collect();
            let _ = writeln!(
                told,
                "{}: {}\n",
                blocks(cause.blocked.len()),
                blocked.join(", ")
            );
        }
        let Some((check, finding)) = deciding(report, cause) else {
            return Self::folded(&title, &told, "");
        };
        let row = finding.row.as_ref();
        let row = row.map_or_else(String::new, |row| format!(", case {}", code(row)));
        let _ = writeln!(
            told,
            "{}{row}: {}\n",
            code(&check.id),
            inline(&finding.summary)
        );
        told += &brief(check, finding);
        Self::folded(&title, &told, &exchanges(finding))
    }

    fn folded(title: &str, brief: &str, exchanges: &str) -> Self {
        let folded =
            |body: &str| format!("<details>\n<summary>{title}</summary>\n\n{body}</details>\n\n");
        Self {
            whole: folded(&format!("{brief}{exchanges}")),
            brief: folded(brief),
            line: format!("- {title}\n\n"),
        }
    }

    fn sized(&self, size: Size) -> &str {
        match size {
            Size::Line => &self.line,
            Size::Brief => &self.brief,
            Size::Whole => &self.whole,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Size {
    Line,
    Brief,
    Whole,
}

/// Lists the blocks in the room there is, the first ones completely.
fn listed_blocks(title: &str, blocks: &[Block], room: usize) -> String {
    if blocks.is_empty() {
        return String::new();
    }
    let mut text = format!("## {title}\n\n");
    let mut room = room.saturating_sub(1_000);
    let mut sizes = Vec::new();
    for block in blocks {
        if block.line.len() > room {
            break;
        }
        room -= block.line.len();
        sizes.push(Size::Line);
    }
    for larger in [Size::Brief, Size::Whole] {
        for (block, size) in blocks.iter().zip(&mut sizes) {
            let more = block
                .sized(larger)
                .len()
                .saturating_sub(block.sized(*size).len());
            if more <= room {
                room -= more;
                *size = larger;
            }
        }
    }
    for (block, size) in blocks.iter().zip(&sizes) {
        text += block.sized(*size);
    }
    text += &left_out(blocks.len(), &sizes);
    text
}

/// Returns a sentence about the blocks without room.
fn left_out(total: usize, sizes: &[Size]) -> String {
    let without = sizes.iter().filter(|size| **size != Size::Whole).count();
    let missing = total - sizes.len();
    let mut said = Vec::new();
    if without > 0 {
        said.push(format!("{} without exchanges", many(without, "finding")));
    }
    if missing > 0 {
        said.push(format!("{} not at all", many(missing, "finding")));
    }
    if said.is_empty() {
        return String::new();
    }
    format!(
        "GitHub takes no more than 1 MiB, so this summary shows {}. \
         `--report json=FILE` and `--report html=FILE` hold everything.\n\n",
        said.join(" and ")
    )
}

fn head(report: &Report) -> String {
    let mut text = format!("# {}\n\n", inline(&report.verdict));
    if let Some(why) = &report.aborted {
        let _ = writeln!(text, "**The run ended early:** {}\n", inline(why));
    }
    let _ = writeln!(
        text,
        "{} against {}: {} in {}, mode {}, level {}, exit code {}.\n",
        inline(&report.tool),
        code(&report.target),
        many(report.checks.len(), "check"),
        duration(report.micros),
        report.mode.text(),
        report.level,
        report.exit_code
    );
    text += &counts_table(report);
    text
}

/// Renders the number of outcomes by level.
fn counts_table(report: &Report) -> String {
    let rows = counts_by_level(report);
    if rows.is_empty() {
        return "No check was selected.\n\n".to_owned();
    }
    let heads = LEVELS.map(Level::text).join(" | ");
    let mut text = format!("| outcome | {heads} | all |\n|---|--:|--:|--:|--:|\n");
    for (label, of_levels, all) in rows {
        let counts = of_levels.map(|count| count.to_string()).join(" | ");
        let _ = writeln!(text, "| {label} | {counts} | {all} |");
    }
    text.push('\n');
    text
}

/// Renders a finding without its exchanges.
fn brief(check: &CheckReport, finding: &Finding) -> String {
    let mut text = format!("{}\n\n", inline(&check.title));
    if let Some(row) = &finding.row {
        let _ = writeln!(text, "Case: {}\n", code(row));
    }
    let hunks = diff::hunks(finding);
    if hunks.is_empty() {
        for (name, side) in [("Expected", &finding.expected), ("Got", &finding.got)] {
            if let Some(side) = side {
                let _ = writeln!(text, "{name}:\n\n{}", fenced("", side));
            }
        }
    } else {
        let mut lines = "--- expected\n+++ got\n".to_owned();
        for hunk in &hunks {
            let _ = writeln!(lines, "{}", hunk.header);
            for (tag, line) in &hunk.lines {
                let _ = writeln!(lines, "{}{line}", diff::sign(*tag));
            }
        }
        text += &fenced("diff", &lines);
        text.push('\n');
    }
    let quote = inline(&check.source.quote);
    let _ = writeln!(text, "> {}: “{quote}”\n", inline(&check.source.section));
    text
}

fn exchanges(finding: &Finding) -> String {
    let mut text = String::new();
    for (step, record) in steps(finding) {
        let _ = writeln!(text, "{}\n", inline(&step));
        text += &fenced("", &super::text::wire(record));
        text.push('\n');
    }
    if !finding.exchanges.is_empty() {
        text += "Repeat it:\n\n";
        let curls: Vec<_> = finding.exchanges.iter().map(|r| r.curl.as_str()).collect();
        text += &fenced("sh", &curls.join("\n"));
        text.push('\n');
    }
    text
}

/// Renders everything after the findings.
fn tail(report: &Report) -> String {
    let mut text = String::new();
    for part in [
        without_verdict(report),
        surprises(report),
        listed(report, "Flaky", "flaky"),
        listed(report, "Inconclusive", "inconclusive"),
        listed(report, "Known, in the baseline", KNOWN),
        stale(report),
        readings(report),
        coverage(report),
        not_run(report, "Not run", "disabled"),
        not_run(report, "Not applicable to this target", "unsupported"),
        environment(report),
        clean_up(report),
    ] {
        if text.len() + part.len() <= LISTS {
            text += &part;
        } else {
            let title = part.lines().next().unwrap_or_default();
            let _ = writeln!(
                text,
                "{title}\n\nToo long for a summary: `--report json=FILE`.\n"
            );
        }
    }
    text
}

fn without_verdict(report: &Report) -> String {
    let faults = report
        .checks
        .iter()
        .filter(|check| check.outcome.is_no_verdict());
    let rows: Vec<_> = faults
        .map(|check| {
            [
                code(&check.id),
                label(check).to_owned(),
                inline(gist(check)).into_owned(),
            ]
        })
        .collect();
    table("No verdict", ["check", "outcome", "why"], &rows)
}

fn surprises(report: &Report) -> String {
    let told = got_over(report).into_iter();
    let rows: Vec<_> = told
        .map(|surprise| [inline(surprise).into_owned()])
        .collect();
    table("Got over", ["what the target did to surprise"], &rows)
}

fn listed(report: &Report, title: &str, label: &str) -> String {
    let rows: Vec<_> = labelled(report, label)
        .into_iter()
        .map(|check| {
            let attempts = many(check.attempts as usize, "attempt");
            [code(&check.id), attempts, inline(gist(check)).into_owned()]
        })
        .collect();
    table(title, ["check", "tried", "why"], &rows)
}

fn stale(report: &Report) -> String {
    let rows: Vec<_> = report.stale.iter().map(|id| [code(id)]).collect();
    table("Stale in the baseline: take them out", ["check"], &rows)
}

fn readings(report: &Report) -> String {
    let rows: Vec<_> = report
        .readings
        .iter()
        .map(|seen| {
            [
                code(&seen.id),
                inline(&seen.choices.join(" or ")).into_owned(),
            ]
        })
        .collect();
    table("Readings seen", ["reading", "choice"], &rows)
}

fn coverage(report: &Report) -> String {
    let coverage = &report.coverage;
    let row = |name: &str, covered: &Covered| {
        [
            name.to_owned(),
            format!("{}/{}", covered.covered, covered.total),
            format!("{} %", covered.percent()),
        ]
    };
    let rows = [
        row("operations", &coverage.operations),
        row("statuses", &coverage.statuses),
        row("parameters", &coverage.parameters),
        row("body members", &coverage.members),
    ];
    let mut text = table("Coverage", ["of the contract", "met", ""], &rows);
    for (name, covered) in [
        ("operations", &coverage.operations),
        ("statuses", &coverage.statuses),
        ("parameters", &coverage.parameters),
        ("body members", &coverage.members),
    ] {
        let missing: Vec<_> = covered.missing.iter().map(|name| code(name)).collect();
        if !missing.is_empty() {
            let _ = writeln!(
                text,
                "<details>\n<summary>{} {name} not met</summary>\n\n{}\n\n</details>\n",
                missing.len(),
                missing.join(", ")
            );
        }
    }
    text
}

fn not_run(report: &Report, title: &str, label: &str) -> String {
    let checks = labelled(report, label);
    let rows: Vec<_> = by_reason(&checks)
        .into_iter()
        .map(|(reason, checks)| [checks.len().to_string(), inline(reason).into_owned()])
        .collect();
    table(title, ["checks", "why"], &rows)
}

fn environment(report: &Report) -> String {
    let told = report
        .environment
        .iter()
        .map(|(name, value)| [inline(name).into_owned(), code(&plain(value))]);
    let held = report
        .profile
        .iter()
        .map(|(reading, choice)| [format!("held to {}", inline(reading)), code(choice)]);
    let rows: Vec<_> = told.chain(held).collect();
    table("Environment", ["what", "value"], &rows)
}

fn clean_up(report: &Report) -> String {
    let Some(clean_up) = &report.clean_up else {
        return String::new();
    };
    let mut text = "## Clean-up\n\n".to_owned();
    let _ = writeln!(
        text,
        "{} neutralised.\n",
        many(clean_up.neutralised, "stock")
    );
    for left in &clean_up.left {
        let _ = writeln!(text, "- left: {}", inline(left));
    }
    if let Some(ledger) = &clean_up.ledger {
        let _ = writeln!(text, "\nThe ledger: {}", code(ledger));
    }
    text.push('\n');
    text
}

/// Renders a table with its heading; empty without rows.
fn table<const N: usize>(title: &str, heads: [&str; N], rows: &[[String; N]]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "## {title}\n\n| {} |\n|{}\n",
        heads.join(" | "),
        "---|".repeat(N)
    );
    for row in rows {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text.push('\n');
    text
}

/// Escapes foreign text within a line. Character references are always text and never markup, in
/// Markdown and in its HTML.
fn inline(text: &str) -> Cow<'_, str> {
    let marks = |c: char| "\\`*_{}[]<>()#+!|&~$@\"'\n\t".contains(c);
    let text = visible(text);
    if !text.contains(marks) {
        return text;
    }
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '\n' | '\t' => escaped.push(' '),
            c if marks(c) => {
                let _ = write!(escaped, "&#{};", u32::from(c));
            }
            c => escaped.push(c),
        }
    }
    escaped.into()
}

fn code(text: &str) -> String {
    format!("<code>{}</code>", inline(text))
}

/// Renders a block of code, with a fence longer than any inside it.
fn fenced(language: &str, text: &str) -> String {
    let text = visible(text);
    let mut longest = 2;
    let mut run = 0;
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest + 1);
    format!(
        "{fence}{language}\n{}\n{fence}\n",
        text.trim_end_matches('\n')
    )
}
