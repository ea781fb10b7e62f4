//! One HTML file, readable on a phone, on paper and without its script.
//!
//! Every text goes through `maud`, which escapes it, since bodies are foreign text. The policy of
//! the page allows no script but its own.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use similar::ChangeTag;

use super::{
    KNOWN, LEVELS, answer, blocks, by_reason, counts, counts_by_level, deciding, diff, duration,
    gist, label, labelled, laid_out, many, one_line, path, plain, reason, requests, sections,
    shown_by, steps, visible,
};
use whippy_engine::html as shared_html;

use crate::model::cause::Cause;
use crate::model::finding::{Finding, Record, Text};
use crate::model::outcome::{CheckReport, CleanUp, Coverage, Covered, Outcome, Report};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The policy has the script's digest, so that no other script runs; a test compares the two.
const POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; \
    style-src 'unsafe-inline'; script-src 'sha256-/4OYwA1ApA/A7vsr3zDg43IhgoK1wXXWEa7d1O8bpcg='";

/// The labels of checks that need attention, which come first.
const URGENT: [&str; 8] = [
    "fail",
    "error",
    "setup-failed",
    "dependency-failed",
    "warn",
    "flaky",
    "inconclusive",
    "known",
];

pub(super) fn write(report: &Report) -> String {
    let mut page = page(report).into_string();
    page.push('\n');
    page
}

fn page(report: &Report) -> Markup {
    let title = format!("{} · whippy-conformance", visible(&headline(report)));
    html! {
        (DOCTYPE)
        html lang="en" {
            head { (PreEscaped(shared_html::head(&title, POLICY, STYLE))) }
            body.document {
                a.skip href="#causes" { "To the causes" }
                (header(report))
                main {
                    (causes(report))
                    (findings(report))
                    (checks(report))
                    (readings(report))
                    (coverage(&report.coverage))
                    (not_run(report))
                    (stale(report))
                    (environment(report))
                    @if let Some(clean_up) = &report.clean_up { (self::clean_up(clean_up)) }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

/// Returns the verdict in one short line. The causes that a verdict names are listed below it on
/// the page, so that their number is enough here.
fn headline(report: &Report) -> String {
    let is_failing = |check: &&CheckReport| check.outcome == Outcome::Fail && !check.known;
    let failing = report.checks.iter().filter(is_failing).count();
    if failing == 0 {
        return report.verdict.clone();
    }
    let all = many(report.checks.len(), "check");
    let verb = if failing == 1 { "fails" } else { "fail" };
    match report.failing_causes().count() {
        0 => format!("{failing} of {all} {verb}"),
        causes => format!("{failing} of {all} {verb}: {}", many(causes, "cause")),
    }
}

fn header(report: &Report) -> Markup {
    let kind = if report.exit_code == 0 {
        "verdict good"
    } else {
        "verdict"
    };
    html! {
        header {
            p.soft { (visible(&report.tool)) }
            div class=(kind) {
                h1 { (prose(&headline(report))) }
                @if let Some(why) = &report.aborted {
                    p { strong { "The run ended early: " } (prose(why)) }
                }
                p.target { code { (visible(&report.target)) } }
                p {
                    (visible(&report.started)) ", "
                    (many(report.checks.len(), "check")) ", "
                    (requests(report.requests)) " in " (duration(report.micros)) ", mode "
                    (report.mode.text()) ", level " (report.level) ", exit code "
                    (report.exit_code)
                }
            }
            (counts_table(report))
            nav aria-label="Parts of the report" {
                ul {
                    li { a href="#causes" { "Causes" } }
                    li { a href="#findings" { "Findings" } }
                    li { a href="#checks" { "Checks" } }
                    li { a href="#readings" { "Readings" } }
                    li { a href="#coverage" { "Coverage" } }
                    li { a href="#environment" { "Environment" } }
                    @if report.clean_up.is_some() { li { a href="#clean-up" { "Clean-up" } } }
                }
            }
        }
    }
}

/// Renders the number of outcomes by level, with a row for each outcome, so that it fits a phone.
fn counts_table(report: &Report) -> Markup {
    let cell = |count: usize| {
        let class = if count == 0 { "number none" } else { "number" };
        html! { td class=(class) { (count) } }
    };
    html! {
        div.wide {
            table {
                caption.soft { "Checks by outcome and level" }
                thead {
                    tr {
                        th scope="col" { "Outcome" }
                        @for level in LEVELS { th.number scope="col" { (level) } }
                        th.number scope="col" { "All" }
                    }
                }
                tbody {
                    @for (label, of_levels, all) in counts_by_level(report) {
                        tr {
                            th scope="row" { (badge(label)) }
                            @for count in of_levels { (cell(count)) }
                            (cell(all))
                        }
                    }
                }
            }
        }
    }
}

fn badge(label: &str) -> Markup {
    html! { span class=(format!("badge {label}")) { (label) } }
}

/// Returns the address of a check on the page.
fn anchor(check: &CheckReport) -> String {
    format!("check/{}", one_line(&check.id))
}

/// Renders foreign text, with `code` for parts in backticks.
fn prose(text: &str) -> Markup {
    let text = visible(text);
    let parts: Vec<&str> = text.split('`').collect();
    // A backtick without a partner is an ordinary character.
    let is_paired = parts.len() % 2 == 1;
    html! {
        @if is_paired {
            @for (at, part) in parts.iter().enumerate() {
                @if at % 2 == 1 { code { (part) } } @else { (part) }
            }
        } @else { (text) }
    }
}

/// Renders the causes, each with a representative exchange.
fn causes(report: &Report) -> Markup {
    html! {
        section {
            h2 id="causes" { "Causes" }
            @if report.causes.is_empty() { p { "None." } }
            @else {
                (legend())
                @for cause in &report.causes { (self::cause(report, cause)) }
            }
        }
    }
}

/// Renders the legend of the marks in expectations.
fn legend() -> Markup {
    html! {
        p.legend.soft {
            "In what was expected, "
            code { "<any>" } " stands for any value, names like " code { "<integer>" } " and "
            code { "<date-time>" } " for any value of that kind, and "
            code { "<one-of>" } " for one of the values listed."
        }
    }
}

fn cause(report: &Report, cause: &Cause) -> Markup {
    let label = match (cause.known, cause.level >= report.level) {
        (true, _) => KNOWN,
        (false, true) => "fail",
        (false, false) => "warn",
    };
    html! {
        details.cause open[!cause.known] {
            summary {
                (badge(label)) " " span.level { (cause.level) } " "
                span.what { (prose(&cause.summary)) }
            }
            div.body {
                p.soft { code { (visible(&cause.id)) } }
                @if !cause.checks.is_empty() {
                    (ids(report, &shown_by(cause.checks.len()), &cause.checks))
                }
                @if !cause.blocked.is_empty() {
                    (ids(report, &blocks(cause.blocked.len()), &cause.blocked))
                }
                @if let Some((check, finding)) = deciding(report, cause) {
                    p { (prose(&check.title)) }
                    (self::finding(check, finding, 0, true))
                }
            }
        }
    }
}

/// Renders the checks of a cause, folded if they are many.
fn ids(report: &Report, title: &str, ids: &[String]) -> Markup {
    const FEW: usize = 5;
    html! {
        details.ids open[ids.len() <= FEW] {
            summary { (title) }
            ul.names {
                @for id in ids {
                    li {
                        @match report.checks.iter().find(|check| check.id == *id) {
                            Some(check) => a href=(format!("#{}", anchor(check))) { (visible(id)) },
                            None => (visible(id)),
                        }
                    }
                }
            }
        }
    }
}

/// Renders the checks that need attention, in lines that lead to them.
fn findings(report: &Report) -> Markup {
    let urgent: Vec<_> = URGENT
        .iter()
        .flat_map(|label| labelled(report, label))
        .collect();
    html! {
        section {
            h2 id="findings" { "Findings" }
            @if urgent.is_empty() { p { "None." } }
            @else {
                ul.findings {
                    @for check in urgent {
                        li {
                            (badge(label(check))) " "
                            a href=(format!("#{}", anchor(check))) { (visible(&check.id)) }
                            " " span.soft { (check.level) }
                            span.title { (prose(gist(check))) }
                        }
                    }
                }
            }
        }
    }
}

fn checks(report: &Report) -> Markup {
    html! {
        section {
            h2 id="checks" { "Checks" }
            (filter(report))
            @for (section, checks) in sections(report) { (self::section(section, &checks)) }
        }
    }
}

/// Renders the filter. Only the script shows it, since it is useless without the script.
fn filter(report: &Report) -> Markup {
    let outcomes = counts(&report.checks);
    html! {
        form hidden data-script="filter" aria-label="Filter the checks" {
            fieldset {
                legend { "Outcome" }
                @for (label, count) in &outcomes {
                    label {
                        input type="checkbox" name="outcome" value=(label) checked;
                        (badge(label)) span { (count) }
                    }
                }
            }
            fieldset {
                legend { "Level" }
                @for level in LEVELS {
                    label {
                        input type="checkbox" name="level" value=(level) checked;
                        (level)
                    }
                }
            }
            div.search {
                label for="text" { strong { "Text" } }
                input id="text" name="text" type="search" autocomplete="off";
                button type="reset" { "Show all" }
                button type="button" data-script="unfold" { "Unfold" }
                button type="button" data-script="fold" { "Fold" }
            }
            output for="text" aria-live="polite" {}
        }
    }
}

fn section(name: &str, checks: &[&CheckReport]) -> Markup {
    let is_urgent = |check: &&CheckReport| URGENT.contains(&label(check));
    html! {
        details.section open[checks.iter().any(is_urgent)] {
            summary {
                h3 { (visible(name)) }
                span.counts {
                    @for (at, (label, count)) in counts(checks.iter().copied()).iter().enumerate() {
                        @if at > 0 { ", " }
                        span class=(label) { (count) " " (label) }
                    }
                }
            }
            div.checks {
                // Checks that need attention come first.
                @for check in checks.iter().copied().filter(|check| is_urgent(check)) {
                    (self::check(check))
                }
                @for check in checks.iter().copied().filter(|check| !is_urgent(check)) {
                    (self::check(check))
                }
            }
        }
    }
}

fn check(check: &CheckReport) -> Markup {
    let label = label(check);
    html! {
        details.check data-outcome=(label) data-level=(check.level) {
            summary {
                (badge(label)) " " code { (visible(&check.id)) } " " span.soft { (check.level) }
                span.title { (prose(&check.title)) }
            }
            div.body id=(anchor(check)) {
                @if let Some(seen) = &check.reading {
                    p { "Reading " code { (seen.id) } ": " (visible(&seen.choices.join(" or "))) }
                }
                @if check.findings.is_empty() && check.reason.is_none() && label != "pass"
                    && label != "info" { p { (reason(check)) } }
                @if let Some(reason) = &check.reason { p { (prose(reason)) } }
                @for (at, finding) in check.findings.iter().enumerate() {
                    (self::finding(check, finding, at, false))
                }
                @if check.findings.is_empty() { (source(check)) }
                p.soft {
                    (check.level) ", " (check.safety.text()) ", "
                    (many(check.attempts as usize, "attempt")) ", "
                    (requests(check.requests)) ", " (duration(check.micros))
                }
            }
        }
    }
}

/// Renders a finding. The last exchange is open if the finding represents a cause.
fn finding(check: &CheckReport, finding: &Finding, at: usize, is_deciding: bool) -> Markup {
    let total = check.findings.len();
    let last = finding.exchanges.len().saturating_sub(1);
    html! {
        @if total > 1 && !is_deciding { h4 { "Finding " (at + 1) " of " (total) } }
        p.summary { (prose(&finding.summary)) }
        @if finding.times > 1 { p { "The check came upon it " (finding.times) " times." } }
        @if let Some(row) = &finding.row { p { "Case: " code { (visible(row)) } } }
        @if finding.level != check.level { p { "Level of this finding: " (finding.level) } }
        (sides(finding))
        (source(check))
        @if !finding.exchanges.is_empty() {
            h4 { (if finding.exchanges.len() == 1 { "The request" } else { "The requests" }) }
            @for (at, (step, record)) in steps(finding).enumerate() {
                (exchange(&step, record, is_deciding && at == last, &finding.at))
            }
            h4 { "Repeat it" }
            (curls(&finding.exchanges))
        } @else if !finding.causes.is_empty() && !is_deciding {
            p.soft {
                "The exchange is that of the cause "
                @for cause in &finding.causes { code { (visible(cause)) } " " }
            }
        }
    }
}

fn source(check: &CheckReport) -> Markup {
    html! {
        blockquote {
            p {
                cite { (visible(&check.source.section)) } ": “"
                (visible(&check.source.quote)) "”"
            }
        }
    }
}

/// Renders the expected and the actual side: their difference, and both in full.
fn sides(finding: &Finding) -> Markup {
    let hunks = diff::hunks(finding);
    html! {
        @if hunks.is_empty() {
            @for (name, side) in [("Expected", &finding.expected), ("Got", &finding.got)] {
                @if let Some(side) = side { h4 { (name) } pre { code { (visible(side)) } } }
            }
        } @else {
            pre.diff {
                del { "--- expected" }
                ins { "+++ got" }
                @for hunk in &hunks {
                    span.at { (hunk.header) }
                    @for (tag, line) in &hunk.lines { (diff_line(*tag, line)) }
                }
            }
            @for (name, side) in [("Expected, whole", &finding.expected), ("Got, whole", &finding.got)] {
                @if let Some(side) = side {
                    details { summary { (name) } pre { code { (visible(side)) } } }
                }
            }
        }
    }
}

fn diff_line(tag: ChangeTag, line: &str) -> Markup {
    let line = format!("{}{}", diff::sign(tag), visible(line));
    match tag {
        ChangeTag::Equal => html! { span { (line) } },
        ChangeTag::Delete => html! { del { (line) } },
        ChangeTag::Insert => html! { ins { (line) } },
    }
}

/// Renders an exchange, in the style of the mock's live page. `at` lists the differing places of
/// its answer.
fn exchange(step: &str, record: &Record, is_open: bool, at: &[String]) -> Markup {
    let marked = if is_open { at } else { &[] };
    html! {
        details.exchange open[is_open] {
            summary {
                (status(record)) " "
                span class=(format!("method {}", record.method.to_lowercase())) {
                    (visible(&record.method))
                }
                " " code.target { (visible(path(&record.url))) } " "
                span.soft { (visible(step)) }
            }
            div.sides {
                section.part {
                    h5 { "Request" }
                    p { code { (visible(&record.method)) " " (visible(&record.url)) } }
                    (headers(&record.request_headers, false))
                    (body(Some(&record.request_body), &[]))
                }
                section.part {
                    h5 { "Answer" }
                    p { code { (visible(&answer(record))) } }
                    @if record.status.is_some() {
                        // A difference that is not in the body may be in the headers.
                        (headers(&record.response_headers, is_open && marked.is_empty()))
                        (body(record.response_body.as_ref(), marked))
                    }
                }
            }
        }
    }
}

fn status(record: &Record) -> Markup {
    html! {
        @match record.status {
            Some(status) => span class=(format!("status s{}", status / 100)) { (status) },
            None => span.status.none { "none" },
        }
    }
}

fn headers(headers: &[(String, String)], is_open: bool) -> Markup {
    html! {
        @if !headers.is_empty() {
            details open[is_open] {
                summary { (many(headers.len(), "header")) }
                table.pairs {
                    @for (name, value) in headers {
                        tr { th scope="row" { (visible(name)) } td.data { (visible(value)) } }
                    }
                }
            }
        }
    }
}

fn body(body: Option<&Text>, at: &[String]) -> Markup {
    let Some(body) = body.filter(|body| !body.shown().is_empty()) else {
        return html! { p.soft { "No body." } };
    };
    let laid_out = laid_out(body.shown());
    let laid_out = visible(&laid_out);
    html! {
        @if matches!(body, Text::Hex { .. }) { p.soft { "In hexadecimal digits." } }
        pre {
            code {
                @for (is_marked, line) in marked(&laid_out, at) {
                    @if is_marked { mark { (line) } } @else { (line) }
                    "\n"
                }
            }
        }
    }
}

/// Returns the lines of formatted JSON, each with `true` if a member at fault begins there. Rows
/// are recognized by counting the lines that open them.
fn marked<'a>(text: &'a str, at: &[String]) -> Vec<(bool, &'a str)> {
    let mut path: Vec<(String, usize)> = Vec::new();
    let mut lines = Vec::new();
    for line in text.lines() {
        let trimmed = line.trim_start();
        if trimmed.starts_with(['}', ']']) {
            path.pop();
            lines.push((false, line));
            continue;
        }
        let name = trimmed
            .strip_prefix('"')
            .and_then(|rest| rest.split_once("\": "))
            .map(|(name, _)| name.replace('~', "~0").replace('/', "~1"));
        let own = match (&name, path.last_mut()) {
            (Some(name), _) => name.clone(),
            (None, Some((_, next))) => {
                *next += 1;
                (*next - 1).to_string()
            }
            (None, None) => String::new(),
        };
        let mut pointer = String::new();
        for (segment, _) in path.iter().filter(|(segment, _)| !segment.is_empty()) {
            pointer.push('/');
            pointer += segment;
        }
        if !own.is_empty() {
            pointer.push('/');
            pointer += &own;
        }
        lines.push((at.contains(&pointer) && !pointer.is_empty(), line));
        if trimmed.ends_with(['{', '[']) {
            path.push((own, 0));
        }
    }
    lines
}

/// Renders the commands that repeat a chain of requests, with a button for each and one for all.
fn curls(records: &[Record]) -> Markup {
    let all: Vec<_> = records.iter().map(|record| record.curl.as_str()).collect();
    html! {
        @if records.len() > 1 {
            div.curl.all {
                pre hidden { code { (visible(&all.join("\n"))) } }
                button type="button" hidden data-script="copy" { "Copy all" }
            }
        }
        @for record in records { (curl(record)) }
    }
}

fn curl(record: &Record) -> Markup {
    html! {
        div.curl {
            pre { code { (visible(&record.curl)) } }
            button type="button" hidden data-script="copy" { "Copy" }
        }
    }
}

fn readings(report: &Report) -> Markup {
    html! {
        section {
            h2 id="readings" { "Readings" }
            @if report.readings.is_empty() { p { "None was seen." } }
            @else {
                p.soft { "What the documentation leaves open, as the target has it." }
                table {
                    thead { tr {
                        th scope="col" { "Reading" }
                        th scope="col" { "Seen" }
                        @if !report.profile.is_empty() { th scope="col" { "Held to" } }
                    } }
                    tbody {
                        @for seen in &report.readings {
                            tr {
                                th scope="row" { code { (visible(&seen.id)) } }
                                td { (visible(&seen.choices.join(" or "))) }
                                @if !report.profile.is_empty() {
                                    td { (visible(report.profile.get(&seen.id).map_or("", String::as_str))) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn coverage(coverage: &Coverage) -> Markup {
    let rows = [
        ("Operations", &coverage.operations),
        ("Statuses", &coverage.statuses),
        ("Parameters", &coverage.parameters),
        ("Body members", &coverage.members),
    ];
    html! {
        section {
            h2 id="coverage" { "Coverage" }
            p.soft { "How much of the contract the run has exercised." }
            div.wide {
                table {
                    thead { tr {
                        th scope="col" { "Of the contract" }
                        th.number scope="col" { "Met" }
                        th.number scope="col" { "Per cent" }
                        th scope="col" aria-hidden="true" {}
                    } }
                    tbody { @for (name, covered) in rows { (covered_row(name, covered)) } }
                }
            }
            @for (name, covered) in rows {
                @if !covered.missing.is_empty() {
                    details {
                        summary { (name) " not met: " (covered.missing.len()) }
                        ul.names { @for name in &covered.missing { li { code { (visible(name)) } } } }
                    }
                }
            }
        }
    }
}

fn covered_row(name: &str, covered: &Covered) -> Markup {
    let percent = covered.percent();
    html! {
        tr {
            th scope="row" { (name) }
            td.number { (covered.covered) "/" (covered.total) }
            td.number { (percent) " %" }
            // The figures beside it say the same.
            td aria-hidden="true" { meter min="0" max="100" value=(percent) { (percent) " %" } }
        }
    }
}

/// Renders the checks that did not run, in a row for each reason.
fn not_run(report: &Report) -> Markup {
    let groups: Vec<_> = ["unsupported", "disabled"]
        .into_iter()
        .flat_map(|label| {
            let checks = labelled(report, label);
            by_reason(&checks)
                .into_iter()
                .map(move |(reason, checks)| (label, reason, checks))
                .collect::<Vec<_>>()
        })
        .collect();
    html! {
        @if !groups.is_empty() {
            section {
                h2 { "Not run" }
                table {
                    thead { tr {
                        th scope="col" { "Outcome" }
                        th scope="col" { "Why" }
                        th.number scope="col" { "Checks" }
                    } }
                    tbody {
                        @for (label, reason, checks) in &groups {
                            tr {
                                td { (badge(label)) }
                                td { (prose(reason)) }
                                td.number { (checks.len()) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn stale(report: &Report) -> Markup {
    html! {
        @if !report.stale.is_empty() {
            section {
                h2 { "Stale in the baseline" }
                p { "No findings any more, so take them out:" }
                ul { @for id in &report.stale { li { code { (visible(id)) } } } }
            }
        }
    }
}

fn environment(report: &Report) -> Markup {
    html! {
        section {
            h2 id="environment" { "Environment" }
            dl {
                dt { "target" }
                dd { code { (visible(&report.target)) } }
                @for (name, value) in &report.environment {
                    dt { (visible(name)) }
                    dd { code { (visible(&plain(value))) } }
                }
                @for (reading, choice) in &report.profile {
                    dt { "held to " (visible(reading)) }
                    dd { code { (visible(choice)) } }
                }
            }
        }
    }
}

fn clean_up(clean_up: &CleanUp) -> Markup {
    html! {
        section {
            h2 id="clean-up" { "Clean-up" }
            p { (many(clean_up.neutralised, "stock")) " neutralised." }
            @if !clean_up.left.is_empty() {
                p { strong { "Left:" } }
                ul { @for left in &clean_up.left { li { (visible(left)) } } }
            }
            @if let Some(ledger) = &clean_up.ledger { p { "Ledger: " code { (visible(ledger)) } } }
        }
    }
}
