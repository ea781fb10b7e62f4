//! XML for CI servers, as Jenkins, GitLab and the reporters for GitHub Actions read it.
//!
//! The first suite lists the causes as its output. Each section is a suite. A check that needs no
//! attention passes, one that did not run is skipped, and one that tells nothing about the target
//! is an error.

use std::fmt::Write as _;
use std::io;

use quick_xml::escape::partial_escape;
use quick_xml::events::{BytesDecl, BytesText, Event};
use quick_xml::writer::Writer;

use super::{
    KNOWN, blocks, deciding, gist, label, many, name, one_line, sections, shown_by, text, visible,
    weight,
};
use crate::model::cause::Cause;
use crate::model::outcome::{CheckReport, Report};

type Xml = Writer<Vec<u8>>;

/// The suite for the results of the run as a whole.
const RUN: &str = "run";

/// The suite that lists the causes, a case each.
const CAUSES: &str = "causes";

pub(super) fn write(report: &Report) -> String {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    // Writing to memory does not fail, and the result is text.
    let _ = document(&mut xml, report);
    let mut text = String::from_utf8(xml.into_inner()).unwrap_or_default();
    text.push('\n');
    text
}

/// A test case, ready to be written.
struct Case<'a> {
    suite: &'a str,
    name: &'a str,
    micros: u64,
    verdict: Verdict,
}

/// The outcomes that CI servers know.
enum Verdict {
    Passed { out: Option<String> },
    Flaky { why: Why },
    Failed { why: Why },
    Error { why: Why },
    Skipped { message: String },
}

struct Why {
    /// The gist in one line.
    message: String,
    kind: String,
    /// The whole text.
    text: String,
}

fn document(xml: &mut Xml, report: &Report) -> io::Result<()> {
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let mut suites: Vec<(&str, Vec<Case<'_>>)> = sections(report)
        .into_iter()
        .map(|(section, checks)| (section, checks.into_iter().map(case).collect()))
        .collect();
    let causes: Vec<_> = report
        .causes
        .iter()
        .map(|cause| cause_case(report, cause))
        .collect();
    if !causes.is_empty() {
        suites.insert(0, (CAUSES, causes));
    }
    let of_run = cases_of_run(report);
    if !of_run.is_empty() {
        suites.push((RUN, of_run));
    }
    let all = || suites.iter().flat_map(|(_, cases)| cases);
    xml.create_element("testsuites")
        .with_attribute(("name", "whippy-conformance"))
        .with_attributes(borrowed(&totals_of_all(all())))
        .with_attribute(("time", seconds(report.micros).as_str()))
        .write_inner_content(|xml| {
            for (name, cases) in &suites {
                suite(xml, report, name, cases)?;
            }
            Ok(())
        })?;
    Ok(())
}

fn suite(xml: &mut Xml, report: &Report, name: &str, cases: &[Case<'_>]) -> io::Result<()> {
    let micros = cases.iter().map(|case| case.micros).sum();
    xml.create_element("testsuite")
        .with_attribute(("name", one_line(name).as_str()))
        .with_attributes(borrowed(&totals(cases)))
        .with_attribute(("time", seconds(micros).as_str()))
        .with_attribute(("timestamp", one_line(&report.started).as_str()))
        .write_inner_content(|xml| {
            properties(
                xml,
                &[
                    ("tool", &report.tool),
                    ("target", &report.target),
                    ("mode", report.mode.text()),
                    ("level", report.level.text()),
                ],
            )?;
            cases.iter().try_for_each(|case| test_case(xml, case))
        })?;
    Ok(())
}

fn test_case(xml: &mut Xml, case: &Case<'_>) -> io::Result<()> {
    xml.create_element("testcase")
        .with_attribute(("name", one_line(case.name).as_str()))
        .with_attribute((
            "classname",
            one_line(&format!("whippy.{}", case.suite)).as_str(),
        ))
        .with_attribute(("time", seconds(case.micros).as_str()))
        .write_inner_content(|xml| match &case.verdict {
            Verdict::Passed { out: None } => Ok(()),
            Verdict::Passed { out: Some(out) } => element(xml, "system-out", &[], out),
            Verdict::Failed { why } => why_element(xml, "failure", why),
            Verdict::Error { why } => why_element(xml, "error", why),
            Verdict::Skipped { message } => element(xml, "skipped", &[("message", message)], ""),
            Verdict::Flaky { why } => flaky_element(xml, why),
        })?;
    Ok(())
}

fn why_element(xml: &mut Xml, name: &str, why: &Why) -> io::Result<()> {
    let attributes = [("message", why.message.as_str()), ("type", &why.kind)];
    element(xml, name, &attributes, &why.text)
}

/// Writes a retried check as Surefire and nextest do: the case passes, and contains the earlier
/// failure.
fn flaky_element(xml: &mut Xml, why: &Why) -> io::Result<()> {
    xml.create_element("flakyFailure")
        .with_attribute(("message", one_line(&why.message).as_str()))
        .with_attribute(("type", one_line(&why.kind).as_str()))
        .write_inner_content(|xml| element(xml, "stackTrace", &[], &why.text))?;
    Ok(())
}

fn properties(xml: &mut Xml, properties: &[(&str, &str)]) -> io::Result<()> {
    xml.create_element("properties")
        .write_inner_content(|xml| {
            properties.iter().try_for_each(|(name, value)| {
                element(xml, "property", &[("name", name), ("value", value)], "")
            })
        })?;
    Ok(())
}

fn element(xml: &mut Xml, name: &str, attributes: &[(&str, &str)], text: &str) -> io::Result<()> {
    let mut element = xml.create_element(name);
    for (name, value) in attributes {
        element = element.with_attribute((*name, one_line(value).as_str()));
    }
    if text.is_empty() {
        element.write_empty()?;
    } else {
        // Quotes need no escape in text, and JSON is easier to read with them.
        let text = visible(text);
        element.write_text_content(BytesText::from_escaped(partial_escape(text.as_ref())))?;
    }
    Ok(())
}

fn borrowed<'a>(
    attributes: &'a [(&'static str, String)],
) -> impl Iterator<Item = (&'a str, &'a str)> {
    attributes
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
}

/// Returns the totals of the root, without `skipped`, which the schemas of Jenkins and Surefire do
/// not allow there.
fn totals_of_all<'a>(cases: impl IntoIterator<Item = &'a Case<'a>>) -> Vec<(&'static str, String)> {
    let mut totals = totals(cases);
    totals.retain(|(name, _)| *name != "skipped");
    totals
}

fn totals<'a>(cases: impl IntoIterator<Item = &'a Case<'a>>) -> Vec<(&'static str, String)> {
    let (mut tests, mut skipped, mut failures, mut errors) = (0, 0, 0, 0);
    for case in cases {
        tests += 1;
        match case.verdict {
            Verdict::Skipped { .. } => skipped += 1,
            Verdict::Failed { .. } => failures += 1,
            Verdict::Error { .. } => errors += 1,
            Verdict::Passed { .. } | Verdict::Flaky { .. } => {}
        }
    }
    [
        ("tests", tests),
        ("skipped", skipped),
        ("failures", failures),
        ("errors", errors),
    ]
    .map(|(name, count): (_, usize)| (name, count.to_string()))
    .to_vec()
}

fn case(check: &CheckReport) -> Case<'_> {
    let verdict = match label(check) {
        "pass" => Verdict::Passed { out: None },
        "info" => Verdict::Passed {
            out: Some(seen(check)),
        },
        "warn" => Verdict::Passed {
            out: Some(told(check)),
        },
        "flaky" => Verdict::Flaky { why: why(check) },
        "fail" => Verdict::Failed { why: why(check) },
        "setup-failed" | "dependency-failed" | "error" => Verdict::Error { why: why(check) },
        KNOWN => Verdict::Skipped {
            message: format!("known, in the baseline: {}", gist(check)),
        },
        other => Verdict::Skipped {
            message: format!("{other}: {}", gist(check)),
        },
    };
    Case {
        suite: check.section(),
        name: name(check),
        micros: check.micros,
        verdict,
    }
}

/// Returns the case of a cause. It passes, since the checks that show it fail.
fn cause_case<'a>(report: &Report, cause: &'a Cause) -> Case<'a> {
    let mut out = format!("{}\n{}\n", cause.summary, shown_by(cause.checks.len()));
    for id in cause.checks.iter().take(SHOWN) {
        let _ = writeln!(out, "  {id}");
    }
    if !cause.blocked.is_empty() {
        let _ = writeln!(out, "{}", blocks(cause.blocked.len()));
        for id in cause.blocked.iter().take(SHOWN) {
            let _ = writeln!(out, "  {id}");
        }
    }
    if let Some((check, finding)) = deciding(report, cause) {
        let _ = write!(out, "\n{}\n{}", check.id, text::finding(check, finding));
    }
    Case {
        suite: CAUSES,
        name: &cause.id,
        micros: 0,
        verdict: Verdict::Passed { out: Some(out) },
    }
}

/// The most checks listed for a cause.
const SHOWN: usize = 20;

/// Returns cases for reasons that fail a run although every check passes.
fn cases_of_run(report: &Report) -> Vec<Case<'_>> {
    let of_run = |name, verdict| Case {
        suite: RUN,
        name,
        micros: 0,
        verdict,
    };
    let aborted = report.aborted.iter().map(|why| {
        let why = Why {
            message: format!("the run ended early: {why}"),
            kind: "aborted".to_owned(),
            text: String::new(),
        };
        of_run("comes-to-its-end", Verdict::Error { why })
    });
    let stale = report.stale.iter().map(|id| {
        let why = Why {
            message: "in the baseline, but no finding any more: take it out".to_owned(),
            kind: "stale".to_owned(),
            text: String::new(),
        };
        of_run(id.as_str(), Verdict::Failed { why })
    });
    aborted.chain(stale).collect()
}

fn why(check: &CheckReport) -> Why {
    let more = match check.findings.len() {
        0 | 1 => String::new(),
        findings => format!(", and {}", many(findings - 1, "more finding")),
    };
    let kind = match label(check) {
        "fail" | "flaky" => weight(check).text(),
        other => other,
    };
    Why {
        message: format!("{}{more}", gist(check)),
        kind: kind.to_owned(),
        text: told(check),
    }
}

/// Describes a check completely.
fn told(check: &CheckReport) -> String {
    let findings: Vec<_> = check
        .findings
        .iter()
        .map(|finding| text::finding(check, finding))
        .collect();
    let mut told = findings.join("\n");
    if let Some(reason) = &check.reason {
        told += reason;
        told.push('\n');
    }
    told
}

fn seen(check: &CheckReport) -> String {
    let Some(seen) = &check.reading else {
        return gist(check).to_owned();
    };
    format!("reading {}: {}", seen.id, seen.choices.join(" or "))
}

/// Formats seconds: `12.345`.
fn seconds(micros: u64) -> String {
    format!("{}.{:03}", micros / 1_000_000, micros / 1_000 % 1_000)
}
