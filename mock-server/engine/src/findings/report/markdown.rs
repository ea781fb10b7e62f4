//! The report as Markdown for the summary of a CI job: the verdict first, the details folded.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::super::{Coverage, Finding};
use super::{
    WorldVerdict, by_level, counts, documented, left_out, lines, many, one_line, requests,
};

/// The most bytes of a report. GitHub refuses a summary above 1 MiB, and a step may write more
/// than one report.
const LIMIT: usize = 900_000;

/// The size in bytes of the file that all reports of a step share.
const SUMMARY: u64 = 1 << 20;

/// The part of the report that still fits into a summary of `written` bytes: all of it, its
/// title with a note, or nothing.
///
/// GitHub shows no summary above 1 MiB.
pub fn summary_addition(report: &str, written: u64) -> Cow<'_, str> {
    let fits = |text: &str| written.saturating_add(text.len() as u64) <= SUMMARY;
    if fits(report) {
        return report.into();
    }
    let title = report.lines().next().unwrap_or_default();
    let notice = format!(
        "{title}\n\nThere is no room for more: GitHub takes no summary above 1 MiB. \
         `--report json=FILE` holds everything.\n"
    );
    if fits(&notice) {
        notice.into()
    } else {
        "".into()
    }
}

/// The report as Markdown.
pub fn write(worlds: &[WorldVerdict]) -> String {
    let all = Coverage::joined(worlds.iter().map(|world| &world.coverage));
    let findings: Vec<Finding> = worlds.iter().flat_map(|w| w.findings.clone()).collect();
    let heading = if worlds.is_empty() {
        "nothing was asked of the mock".to_owned()
    } else {
        counts(&findings)
    };
    let mut text = format!(
        "# The client: {heading}\n\n{} met, in {}.\n\n",
        documented(&all),
        many(worlds.len() as u64, "world")
    );
    documented_responses(&mut text, &all);
    for (at, verdict) in worlds.iter().enumerate() {
        let section = world(verdict);
        if text.len() + section.len() > LIMIT {
            let rest = many((worlds.len() - at) as u64, "world");
            let _ = writeln!(
                text,
                "There is no room for {rest} more; the JSON has all of it."
            );
            break;
        }
        text += &section;
    }
    format!("{}\n", text.trim_end())
}

/// The coverage of all worlds together as Markdown, without the findings.
pub(super) fn coverage(worlds: &[WorldVerdict]) -> String {
    let all = Coverage::joined(worlds.iter().map(|world| &world.coverage));
    let worlds = many(worlds.len() as u64, "world");
    let mut text = format!("# Coverage: {} met, in {worlds}\n\n", documented(&all));
    documented_responses(&mut text, &all);
    format!("{}\n", text.trim_end())
}

fn documented_responses(text: &mut String, coverage: &Coverage) {
    text.push_str("<details>\n<summary>Documented responses</summary>\n\n");
    text.push_str("| response | operation | status | what | met |\n|---|---|---|---|---:|\n");
    for met in &coverage.documented {
        let _ = writeln!(
            text,
            "| `{}` | `{}` | {} | {} | {} |",
            met.name, met.operation, met.status, met.what, met.count
        );
    }
    text.push_str("\n</details>\n\n");
}

/// The section of a world with findings, cut at half of [`LIMIT`]; empty without findings.
fn world(verdict: &WorldVerdict) -> String {
    if verdict.findings.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "## {}: {}\n\n",
        inline(&verdict.world),
        counts(&verdict.findings)
    );
    let findings = by_level(&verdict.findings);
    for (at, finding) in findings.iter().enumerate() {
        if text.len() > LIMIT / 2 {
            let rest = many((findings.len() - at) as u64, "finding");
            let _ = writeln!(text, "And {rest} more, which the JSON has.\n");
            break;
        }
        write_finding(&mut text, finding);
    }
    if let Some(sentence) = left_out(verdict) {
        let _ = writeln!(text, "{sentence}.\n");
    }
    text
}

fn write_finding(text: &mut String, finding: &Finding) {
    let _ = writeln!(
        text,
        "<details>\n<summary><b>{}</b> {}: {} {}</summary>\n",
        finding.level,
        finding.id,
        inline(&finding.method),
        inline(&finding.target)
    );
    let _ = writeln!(text, "- {}", requests(finding));
    for (name, says) in lines(finding) {
        let _ = writeln!(text, "- {name}: {}", inline(&says));
    }
    text.push_str("\n</details>\n\n");
}

/// Escapes foreign text for one line of Markdown.
fn inline(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in one_line(text).chars() {
        match c {
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '&' => shown.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' | '@' => {
                // An entity also works inside HTML tags, where a backslash does not.
                let _ = write!(shown, "&#{};", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    shown
}
