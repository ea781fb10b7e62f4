//! Assembles the report of a run: the results of the checks, the knowledge of the session, and none
//! of its secrets.

use std::collections::BTreeMap;

use serde_json::Value;
use whippy_engine::profile::Reading;

use crate::cases::probe::Session;
use crate::cases::scope::ENVIRONMENT;
use crate::model::cause::Cause;
use crate::model::finding::{Finding, Record, Secrets, Text};
use crate::model::outcome::{CheckReport, CleanUp, ReadingSeen, Report, surprises};
use crate::report::json::FORMAT;
use crate::run::{Options, Ran, bounds, causes};
use crate::transport::retry::Surprises;

/// Names of the environment that no report shows.
const UNSHOWN: &[&str] = &["base", "password"];

/// Facts of a run that only the command knows.
#[derive(Debug, Default)]
pub struct Circumstances {
    /// The target, for people.
    pub target: String,
    /// The moment when it began, RFC 3339.
    pub started: String,
    /// The duration, microseconds.
    pub micros: u64,
    /// The result of the clean-up.
    pub clean_up: Option<CleanUp>,
    /// The surprises of the target.
    pub surprises: Surprises,
    /// The reason why it ended before its last check.
    pub interrupted: Option<String>,
}

/// Assembles the report, still without baseline and verdict.
pub fn assemble(session: &Session, ran: Ran, options: &Options, about: Circumstances) -> Report {
    let mut checks = ran.checks;
    checks.extend(surprises("target", &about.surprises, options.mode));
    let causes = causes::group(&mut checks);
    bounds::bound(&mut checks);
    let mut report = Report {
        format: FORMAT,
        tool: concat!("whippy-conformance ", env!("CARGO_PKG_VERSION")).to_owned(),
        target: about.target,
        started: about.started,
        micros: about.micros,
        requests: session.requests(),
        level: options.level,
        mode: options.mode,
        environment: environment(session),
        profile: session.profile.clone(),
        causes,
        checks,
        readings: readings(session),
        coverage: session.contract.coverage(),
        stale: Vec::new(),
        clean_up: about.clean_up,
        aborted: ran.aborted.or(about.interrupted),
        exit_code: 0,
        verdict: String::new(),
    };
    redact(&mut report, &session.secrets);
    report
}

fn environment(session: &Session) -> BTreeMap<String, Value> {
    let names = ENVIRONMENT.iter().map(|(name, _)| *name);
    names
        .filter(|name| !UNSHOWN.contains(name))
        .filter_map(|name| Some((name.to_owned(), session.environment.get(name)?.clone())))
        .collect()
}

/// Returns the readings that were seen, in the order of the register.
fn readings(session: &Session) -> Vec<ReadingSeen> {
    let seen = Reading::ALL.iter().filter_map(|reading| {
        let id = reading.id().to_owned();
        let choices = session.reading(&id)?;
        Some(ReadingSeen { id, choices })
    });
    seen.collect()
}

/// Takes the secrets out of every text that may come from the target, which can echo anything it
/// was sent.
pub fn redact(report: &mut Report, secrets: &Secrets) {
    let redacted = |text: &mut String| *text = secrets.redact(text);
    redacted(&mut report.target);
    report
        .environment
        .values_mut()
        .for_each(|value| redact_value(value, secrets));
    report
        .checks
        .iter_mut()
        .for_each(|check| redact_check(check, secrets));
    report
        .causes
        .iter_mut()
        .for_each(|cause| redact_cause(cause, secrets));
    report.aborted.iter_mut().for_each(redacted);
    let clean_up = report.clean_up.iter_mut();
    clean_up
        .flat_map(|clean_up| &mut clean_up.left)
        .for_each(redacted);
}

/// Does the same with a cause: an id that names a wording contains words of it.
fn redact_cause(cause: &mut Cause, secrets: &Secrets) {
    let redacted = |text: &mut String| *text = secrets.redact(text);
    redacted(&mut cause.id);
    redacted(&mut cause.summary);
    cause.differences.iter_mut().for_each(redacted);
}

fn redact_check(check: &mut CheckReport, secrets: &Secrets) {
    let redacted = |text: &mut String| *text = secrets.redact(text);
    check.reason.iter_mut().for_each(redacted);
    for finding in &mut check.findings {
        redact_finding(finding, secrets);
    }
}

fn redact_finding(finding: &mut Finding, secrets: &Secrets) {
    let redacted = |text: &mut String| *text = secrets.redact(text);
    redacted(&mut finding.summary);
    finding.at.iter_mut().for_each(redacted);
    finding.expected.iter_mut().for_each(redacted);
    finding.got.iter_mut().for_each(redacted);
    finding.row.iter_mut().for_each(redacted);
    finding.causes.iter_mut().for_each(redacted);
    for record in &mut finding.exchanges {
        redact_record(record, secrets);
    }
}

fn redact_record(record: &mut Record, secrets: &Secrets) {
    let redacted = |text: &mut String| *text = secrets.redact(text);
    let headers = record
        .request_headers
        .iter_mut()
        .chain(&mut record.response_headers);
    for (name, value) in headers {
        redacted(name);
        redacted(value);
    }
    redacted(&mut record.step);
    redacted(&mut record.url);
    redacted(&mut record.curl);
    record.failure.iter_mut().for_each(redacted);
    for text in std::iter::once(&mut record.request_body).chain(&mut record.response_body) {
        match text {
            Text::Utf8(text) => redacted(text),
            Text::Hex { hex } => *hex = secrets.redact_hex(hex),
        }
    }
}

/// Does the same with every text in a JSON value.
pub fn redact_value(value: &mut Value, secrets: &Secrets) {
    match value {
        Value::String(text) => *text = secrets.redact(text),
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| redact_value(item, secrets)),
        Value::Object(members) => members
            .values_mut()
            .for_each(|member| redact_value(member, secrets)),
        _ => {}
    }
}
