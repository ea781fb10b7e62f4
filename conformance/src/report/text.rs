//! The report for people: a line for each section, the findings, the summary, the verdict.

use std::borrow::Cow;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use similar::ChangeTag;

use super::diff::{self, Hunk};
use super::{
    KNOWN, LEVELS, answer, blocks, by_reason, counts, counts_by_level, deciding, duration, gist,
    got_over, label, labelled, laid_out, many, one_line, path, reason, requests, sections,
    shown_by, steps, visible,
};
use crate::model::cause::Cause;
use crate::model::finding::{Finding, Level, Record, Text};
use crate::model::outcome::{CheckReport, Covered, Report};

/// The extent and style of the text.
#[derive(Debug, Clone, Copy, Default)]
pub struct Look {
    /// Is true for colours.
    pub colour: bool,
    /// Is true for complete bodies, headers and lists.
    pub whole: bool,
}

/// The most lines of a cause on a terminal.
const CAUSE: usize = 40;
/// The most lines of a body on a terminal.
const BODY: usize = 8;
/// The most characters of a body that is laid out on a terminal.
const LONG: usize = 600;
/// The most characters of a body that is shown below its difference.
const SHORT: usize = 200;
/// The most names of a list on a terminal.
const NAMES: usize = 3;
/// The most requests of a chain on a terminal; the last ones are shown.
const CHAIN: usize = 3;
/// The margin of lists.
const INDENT: &str = "  ";

/// The report that is complete where the terminal shows only a part.
pub const HINT: &str = "--report json=FILE";

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const CYAN: Style = AnsiColor::Cyan.on_default();

/// Writes the complete report, without colour.
pub(super) fn write(report: &Report) -> String {
    let whole = Look {
        colour: false,
        whole: true,
    };
    render(report, whole)
}

/// Renders the report.
pub fn render(report: &Report, look: Look) -> String {
    let sections = sections(report);
    let width = width(sections.iter().map(|(name, _)| *name));
    let mut page = Page::new(look);
    for (section, checks) in &sections {
        page.line(section_line(section, checks, width, look));
    }
    page.text + &below_sections(report, look)
}

/// Renders the report without the lines of its sections, where those were shown before: the causes,
/// and all findings if everything is to be shown.
pub fn below_sections(report: &Report, look: Look) -> String {
    let mut page = Page::new(look);
    let causes = report.unknown_causes().collect::<Vec<_>>();
    for (at, cause) in causes.iter().enumerate() {
        page.cause(report, cause, at + 1, causes.len());
    }
    let of_no_cause = |check: &&CheckReport| {
        look.whole || causes.is_empty() || check.findings.iter().all(|f| f.causes.is_empty())
    };
    for check in findings(report).filter(of_no_cause) {
        page.check(check);
    }
    page.line("");
    page.summary(report);
    page.text
}

/// Renders the outcome of a section: `create            12 pass  1 fail`. `width` is the length of
/// the longest name of a section.
pub fn section_line(section: &str, checks: &[&CheckReport], width: usize, look: Look) -> String {
    let paint = Paint(look.colour);
    let width = width.max(16);
    let counts: Vec<_> = counts(checks.iter().copied())
        .into_iter()
        .map(|(label, count)| paint.put(style(label), &format!("{count:>3} {label}")))
        .collect();
    format!("{section:width$} {}", counts.join("  "))
}

/// Renders a complete finding without colour, for other formats.
pub(super) fn finding(check: &CheckReport, finding: &Finding) -> String {
    let mut page = Page::new(Look {
        colour: false,
        whole: true,
    });
    page.finding(check, finding);
    page.text
}

/// Renders one complete exchange, as it went over the wire.
pub(super) fn wire(record: &Record) -> String {
    let mut page = Page::new(Look {
        colour: false,
        whole: true,
    });
    page.exchange("", record, true, false);
    page.text
}

/// Returns the checks whose findings are shown, those that fail the run first.
fn findings(report: &Report) -> impl Iterator<Item = &CheckReport> {
    ["fail", "warn"]
        .into_iter()
        .flat_map(|label| labelled(report, label))
}

fn style(label: &str) -> Style {
    match label {
        "pass" => GREEN,
        "fail" => RED.bold(),
        "error" | "setup-failed" | "dependency-failed" => RED,
        "warn" | "flaky" | "inconclusive" => YELLOW,
        "info" => CYAN,
        _ => DIM,
    }
}

fn width<'a>(names: impl Iterator<Item = &'a str>) -> usize {
    names.map(|name| name.chars().count()).max().unwrap_or(0)
}

#[derive(Clone, Copy)]
struct Paint(bool);

impl Paint {
    fn put(self, style: Style, text: &str) -> String {
        if self.0 && !text.is_empty() {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }
}

/// A text that grows line by line.
struct Page {
    text: String,
    paint: Paint,
    whole: bool,
}

/// Findings.
impl Page {
    fn new(look: Look) -> Self {
        Self {
            text: String::new(),
            paint: Paint(look.colour),
            whole: look.whole,
        }
    }

    fn line(&mut self, line: impl AsRef<str>) {
        self.text += line.as_ref().trim_end();
        self.text.push('\n');
    }

    /// Writes foreign text within a line, so that it cannot begin one.
    fn told(&mut self, mark: &str, style: Style, text: &str) {
        let text = self.paint.put(style, &one_line(text));
        self.line(format!("{mark}{text}"));
    }

    /// Writes lines of foreign text, each after a mark.
    fn lines(&mut self, mark: &str, style: Style, text: &str) {
        for line in visible(text).split('\n') {
            if line.is_empty() {
                self.line(self.paint.put(style, mark.trim_end()));
                continue;
            }
            // Trailing spaces stay: they may be the difference.
            self.text += &self.paint.put(style, &format!("{mark}{line}"));
            self.text.push('\n');
        }
    }

    fn titled(&mut self, title: &str) {
        let title = self.paint.put(BOLD, title);
        self.line("");
        self.line(title);
    }

    /// Writes a cause: its sentence, the number of checks that show it, and a representative
    /// exchange.
    fn cause(&mut self, report: &Report, cause: &Cause, number: usize, total: usize) {
        let mut block = Self {
            text: String::new(),
            ..*self
        };
        block.cause_lines(report, cause, number, total);
        let lines: Vec<&str> = block.text.lines().collect();
        let shown = if self.whole || lines.len() <= CAUSE {
            lines.len()
        } else {
            CAUSE - 1
        };
        for line in &lines[..shown] {
            self.text += line;
            self.text.push('\n');
        }
        if shown < lines.len() {
            self.line(format!(
                "  ({}; {HINT} has them)",
                many(lines.len() - shown, "more line")
            ));
        }
    }

    fn cause_lines(&mut self, report: &Report, cause: &Cause, number: usize, total: usize) {
        let label = if cause.level >= report.level {
            "fail"
        } else {
            "warn"
        };
        let head = format!("CAUSE {number} of {total} ({})", cause.level);
        let head = self.paint.put(style(label).bold(), &head);
        self.line("");
        let mark = format!("{head} ");
        self.told(&mark, BOLD, &cause.summary);
        self.told(INDENT, DIM, &cause.id);
        let deciding = deciding(report, cause);
        self.cause_checks(cause, deciding.map(|(check, _)| check.id.as_str()));
        if let Some((check, finding)) = deciding {
            self.line("");
            self.told(INDENT, Style::new(), &check.id);
            self.finding(check, finding);
        }
    }

    /// Writes the number of checks that show a cause, and the first ids; `deciding` is named below
    /// them.
    fn cause_checks(&mut self, cause: &Cause, deciding: Option<&str>) {
        if !cause.checks.is_empty() {
            let others: Vec<_> = cause
                .checks
                .iter()
                .filter(|id| Some(id.as_str()) != deciding)
                .collect();
            let mut line = shown_by(cause.checks.len());
            if !others.is_empty() {
                let _ = write!(line, ": {}", self.names(&others));
            }
            self.told(INDENT, Style::new(), &line);
        }
        if !cause.blocked.is_empty() {
            let blocked = self.names(&cause.blocked);
            let line = format!("{}: {blocked}", blocks(cause.blocked.len()));
            self.told(INDENT, Style::new(), &line);
        }
    }

    fn check(&mut self, check: &CheckReport) {
        let label = label(check);
        let head = format!("{} {}", label.to_uppercase(), check.id);
        let head = self.paint.put(style(label).bold(), &head);
        self.line("");
        self.line(format!("{head} ({})", check.level));
        if check.findings.is_empty() {
            self.told(INDENT, Style::new(), &check.title);
            self.told(INDENT, Style::new(), reason(check));
        }
        for (at, finding) in check.findings.iter().enumerate() {
            if at > 0 {
                let head = format!(
                    "{}, finding {} of {}",
                    check.id,
                    at + 1,
                    check.findings.len()
                );
                self.line("");
                self.line(head);
            }
            self.finding(check, finding);
        }
    }

    fn finding(&mut self, check: &CheckReport, finding: &Finding) {
        self.told(INDENT, Style::new(), &check.title);
        if let Some(row) = &finding.row {
            self.told("  case: ", Style::new(), row);
        }
        if finding.level != check.level {
            self.line(format!("  level of this finding: {}", finding.level));
        }
        self.told(INDENT, BOLD, &finding.summary);
        self.sides(finding);
        if finding.exchanges.is_empty() && !finding.causes.is_empty() && self.whole {
            let causes = finding.causes.join(", ");
            self.told("  cause: ", Style::new(), &causes);
        }
        self.line("");
        let quote = format!("{}: “{}”", check.source.section, check.source.quote);
        self.told("  source: ", DIM, &quote);
        self.exchanges(finding);
    }

    fn sides(&mut self, finding: &Finding) {
        let hunks = diff::hunks(finding);
        if !hunks.is_empty() {
            self.line("");
            self.told(INDENT, RED, "--- expected");
            self.told(INDENT, GREEN, "+++ got");
            for hunk in &hunks {
                self.hunk(hunk);
            }
            return;
        }
        for (mark, side) in [
            ("  expected: ", &finding.expected),
            ("  got: ", &finding.got),
        ] {
            if let Some(side) = side {
                self.lines(mark, Style::new(), side);
            }
        }
    }

    fn hunk(&mut self, hunk: &Hunk) {
        self.told(INDENT, CYAN, &hunk.header);
        for (tag, line) in &hunk.lines {
            let style = match tag {
                ChangeTag::Equal => Style::new(),
                ChangeTag::Delete => RED,
                ChangeTag::Insert => GREEN,
            };
            self.lines(&format!("  {}", diff::sign(*tag)), style, line);
        }
    }

    fn exchanges(&mut self, finding: &Finding) {
        let total = finding.exchanges.len();
        let skipped = if self.whole {
            0
        } else {
            total.saturating_sub(CHAIN)
        };
        if skipped > 0 {
            self.line("");
            self.line(format!(
                "  ({} before these; {HINT} has them)",
                many(skipped, "request")
            ));
        }
        // The difference was shown above, so the terminal need not show it again.
        let is_shown = finding.expected.is_some() && finding.got.is_some();
        for (at, (step, record)) in steps(finding).enumerate().skip(skipped) {
            let is_last = at + 1 == total;
            self.line("");
            self.told(INDENT, DIM, &step);
            self.exchange(INDENT, record, is_last, is_last && is_shown);
        }
        if total > 0 {
            self.line("");
        }
        for (at, record) in finding.exchanges.iter().enumerate().skip(skipped) {
            let mark = match (total, at) {
                (1, _) => "  repeat it: ".to_owned(),
                _ => format!("  repeat {}/{total}: ", at + 1),
            };
            self.told(&mark, Style::new(), &record.curl);
        }
    }

    /// Writes one exchange, as it went over the wire.
    fn exchange(&mut self, indent: &str, record: &Record, is_last: bool, is_shown: bool) {
        let (sent, came) = (&format!("{indent}> "), &format!("{indent}< "));
        let line = format!("{} {}", record.method, path(&record.url));
        self.told(sent, Style::new(), &line);
        self.headers(sent, &record.request_headers, is_last);
        self.body(sent, &record.request_body, false);
        self.told(came, Style::new(), &answer(record));
        self.headers(came, &record.response_headers, is_last);
        if let Some(body) = &record.response_body {
            self.body(came, body, is_shown);
        }
    }

    /// Writes headers: those of the request that shows the finding, or all if everything is shown.
    fn headers(&mut self, mark: &str, headers: &[(String, String)], is_last: bool) {
        if !is_last && !self.whole {
            return;
        }
        for (name, value) in headers {
            self.told(mark, DIM, &format!("{name}: {value}"));
        }
    }

    fn body(&mut self, mark: &str, body: &Text, is_shown: bool) {
        let text = body.shown();
        if text.is_empty() {
            return;
        }
        self.line(mark);
        if self.whole {
            if matches!(body, Text::Hex { .. }) {
                self.line(format!("{mark}(in hexadecimal digits)"));
            }
            self.lines(mark, Style::new(), text);
        } else {
            self.short_body(mark, text, is_shown);
        }
    }

    /// Writes the first lines of a body, laid out if it is JSON; nothing of a long one whose
    /// difference is shown above.
    fn short_body(&mut self, mark: &str, text: &str, is_shown: bool) {
        let total = text.chars().count();
        if is_shown && total > SHORT {
            self.line(format!("{mark}({total} characters; {HINT} has them)"));
            return;
        }
        let start: String = text.chars().take(LONG).collect();
        let whole = if total > LONG {
            Cow::Borrowed(start.as_str())
        } else {
            laid_out(text)
        };
        let lines: Vec<&str> = whole.lines().collect();
        let shown = lines.len().min(BODY);
        self.lines(mark, Style::new(), &lines[..shown].join("\n"));
        if total > LONG {
            let left = total - LONG;
            self.line(format!("{mark}({left} more characters; {HINT} has them)"));
        } else if shown < lines.len() {
            let left = many(lines.len() - shown, "more line");
            self.line(format!("{mark}({left}; {HINT} has them)"));
        }
    }
}

/// The summary.
impl Page {
    fn summary(&mut self, report: &Report) {
        self.counts(report);
        self.readings(report);
        self.coverage(report);
        self.faults(report);
        self.got_over(report);
        self.listed(report, "inconclusive", "inconclusive");
        self.flaky(report);
        self.listed(report, KNOWN, "known, in the baseline");
        self.stale(report);
        self.grouped(report, "unsupported", "not applicable to this target");
        self.grouped(report, "disabled", "not run");
        self.clean_up(report);
        self.verdict(report);
    }

    /// Writes the number of outcomes by level.
    fn counts(&mut self, report: &Report) {
        let rows = counts_by_level(report);
        if rows.is_empty() {
            self.line("no check was selected");
            return;
        }
        let heads = LEVELS.map(Level::text).join("  ");
        let head = self.paint.put(DIM, &format!("  {:17}  {heads}   all", ""));
        self.line(head);
        for (label, of_levels, all) in rows {
            let mut line = format!("  {}", self.paint.put(style(label), &format!("{label:17}")));
            for (level, count) in LEVELS.into_iter().zip(of_levels) {
                let width = level.text().len();
                line += "  ";
                line += &self.count(count, width);
            }
            line += "  ";
            line += &self.count(all, 4);
            self.line(line);
        }
    }

    fn count(&self, count: usize, width: usize) -> String {
        let style = if count == 0 { DIM } else { Style::new() };
        self.paint.put(style, &format!("{count:>width$}"))
    }

    fn readings(&mut self, report: &Report) {
        if report.readings.is_empty() {
            return;
        }
        self.titled("readings seen");
        let width = width(report.readings.iter().map(|seen| seen.id.as_str()));
        for seen in &report.readings {
            let choices = self.paint.put(CYAN, &visible(&seen.choices.join(" or ")));
            self.line(format!("  {:width$}  {choices}", seen.id));
        }
    }

    fn coverage(&mut self, report: &Report) {
        let coverage = &report.coverage;
        // Parallel requests are compared with some order of them, and not with `openapi.json`.
        if coverage.operations.covered == 0 {
            return;
        }
        self.titled("coverage");
        self.covered("operations", &coverage.operations);
        self.covered("statuses", &coverage.statuses);
        self.covered("parameters", &coverage.parameters);
        self.covered("body members", &coverage.members);
    }

    fn covered(&mut self, what: &str, covered: &Covered) {
        let figure = format!("{}/{}", covered.covered, covered.total);
        let mut line = format!("  {what:13} {figure:>9} {:>4} %", covered.percent());
        let names = self.names(&covered.missing);
        if !names.is_empty() {
            line += &self.paint.put(DIM, &format!("  not met: {names}"));
        }
        self.line(line);
    }

    /// Writes names in a row; on a terminal the first few and the number of others.
    fn names(&self, names: &[impl AsRef<str>]) -> String {
        let shown = if self.whole { names.len() } else { NAMES };
        let listed: Vec<_> = names.iter().take(shown).map(AsRef::as_ref).collect();
        let mut text = visible(&listed.join(", ")).into_owned();
        let left = names.len() - listed.len();
        if left > 0 {
            let _ = write!(text, " and {left} more");
        }
        text
    }

    /// Writes the checks that should tell about the target, and do not.
    fn faults(&mut self, report: &Report) {
        let faults: Vec<_> = report
            .checks
            .iter()
            .filter(|check| check.outcome.is_no_verdict())
            .collect();
        if faults.is_empty() {
            return;
        }
        self.titled("no verdict");
        for check in faults {
            let label = self.paint.put(style(label(check)), label(check));
            self.line(format!("  {label} {}", check.id));
            self.told("    ", Style::new(), gist(check));
        }
    }

    /// Writes a line for each check with a label.
    fn listed(&mut self, report: &Report, label: &str, title: &str) {
        let checks = labelled(report, label);
        if checks.is_empty() {
            return;
        }
        self.titled(title);
        let width = width(checks.iter().map(|check| check.id.as_str()));
        for check in checks {
            let mark = format!("  {:width$}  ", check.id);
            self.told(&mark, Style::new(), gist(check));
        }
    }

    /// Writes the surprises of the target.
    fn got_over(&mut self, report: &Report) {
        let surprises = got_over(report);
        if surprises.is_empty() {
            return;
        }
        self.titled("got over");
        for surprise in surprises {
            self.told("  ", Style::new(), surprise);
        }
    }

    fn flaky(&mut self, report: &Report) {
        let checks = labelled(report, "flaky");
        if checks.is_empty() {
            return;
        }
        self.titled("flaky");
        for check in checks {
            self.line(format!(
                "  {}  passed at attempt {}",
                check.id, check.attempts
            ));
            self.told("    before: ", Style::new(), gist(check));
        }
    }

    fn stale(&mut self, report: &Report) {
        if report.stale.is_empty() {
            return;
        }
        self.titled("stale in the baseline: no findings any more, so take them out");
        for id in &report.stale {
            self.told(INDENT, Style::new(), id);
        }
    }

    /// Writes the checks that did not run, in a line for each reason.
    fn grouped(&mut self, report: &Report, label: &str, title: &str) {
        let checks = labelled(report, label);
        if checks.is_empty() {
            return;
        }
        self.titled(title);
        for (reason, checks) in by_reason(&checks) {
            let ids: Vec<_> = checks.iter().map(|check| check.id.as_str()).collect();
            let ids = match &checks[..] {
                _ if self.whole => self.names(&ids),
                [one] => one.id.clone(),
                [first, ..]
                    if checks
                        .iter()
                        .all(|check| check.section() == first.section()) =>
                {
                    format!("{}/…", first.section())
                }
                _ => String::new(),
            };
            let ids = self.paint.put(DIM, &ids);
            let reason = one_line(reason);
            self.line(format!("  {:>3}  {reason}  {ids}", checks.len()));
        }
    }

    fn clean_up(&mut self, report: &Report) {
        let Some(clean_up) = &report.clean_up else {
            return;
        };
        self.titled("clean-up");
        self.line(format!(
            "  {} neutralised",
            many(clean_up.neutralised, "stock")
        ));
        for left in &clean_up.left {
            self.told("  left: ", YELLOW, left);
        }
        if let Some(ledger) = &clean_up.ledger {
            self.told("  ledger: ", Style::new(), ledger);
        }
    }

    fn verdict(&mut self, report: &Report) {
        self.line("");
        self.told("target  ", Style::new(), &report.target);
        let given: Vec<_> = report
            .profile
            .iter()
            .map(|(reading, choice)| format!("{reading}={choice}"))
            .collect();
        if !given.is_empty() {
            let profile = self.names(&given);
            self.line(format!("held to {profile}"));
        }
        self.line(format!(
            "run     mode {}, level {}, {}, {} in {}",
            report.mode.text(),
            report.level,
            many(report.checks.len(), "check"),
            requests(report.requests),
            duration(report.micros)
        ));
        if let Some(why) = &report.aborted {
            self.told("ended early: ", RED, why);
        }
        let style = if report.exit_code == 0 { GREEN } else { RED };
        let verdict = format!("{} (exit code {})", report.verdict, report.exit_code);
        self.told("", style.bold(), &verdict);
    }
}
