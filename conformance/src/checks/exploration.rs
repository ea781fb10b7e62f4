//! The short exploration at the end of a run: generated sequences, with the engine as the oracle.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde_json::json;
use whippy_engine::profile::{Profile, Reading};

use super::CodeCheck;
use crate::cases::attribution::Trace;
use crate::cases::probe::{Probe, Session, Stop};
use crate::explore::{self, Aid, Found, Options};
use crate::model::finding::{Finding, Level, Record};

/// The id of the check.
pub const ID: &str = "explore/answers-as-the-engine-does";

pub(super) const CHECKS: &[CodeCheck] = &[CodeCheck {
    id: ID,
    title: "Sequences of requests out of a seed are answered as the engine answers them",
    section: "docs/explore.md#comparison",
    quote: "Status and body are compared, except for what must differ",
    run: explored,
    ..CodeCheck::WRITE
}];

fn explored(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let session = probe.session;
    let stop = AtomicBool::new(false);
    let aid = Aid {
        stop: &stop,
        pause: &|time: Duration| session.target.pause(time.min(Duration::from_secs(1))),
        tell: &|_, _| {},
    };
    let explored = explore::explore(session, &options(session), aid);
    let explored = explored.map_err(|why| Stop::Unsupported(why.to_string()))?;
    for found in &explored.differences {
        let finding = finding(probe, found);
        probe.findings.push(finding);
    }
    match explored.aborted {
        Some(why) if explored.differences.is_empty() => Err(Stop::Inconclusive(why)),
        _ if explored.differences.is_empty() => Ok(()),
        _ => Err(Stop::Failed),
    }
}

/// Divisor of the time that the run took before the exploration: it may take that part of it.
const SHARE: u64 = 8;

/// Returns options that start from the readings seen so far, and require those that the user has
/// set.
fn options(session: &Session) -> Options {
    let mut profile = Profile::default();
    for reading in Reading::ALL {
        let seen = session.reading(reading.id()).unwrap_or_default();
        let held = session.profile.get(reading.id());
        if let Some(choice) = held.or(seen.first()) {
            let choice = choice
                .parse::<u32>()
                .map_or_else(|_| json!(choice), |number| json!(number));
            // A choice unknown to the engine cannot be a starting point.
            let _ = profile.apply_json(&json!({reading.id(): choice}));
        }
    }
    let held = Reading::ALL.iter().copied();
    let so_far = session.watch.micros();
    Options {
        requests: session.exploration.requests,
        micros: session
            .exploration
            .micros
            .map(|micros| micros.max(so_far / SHARE)),
        most_differences: 5,
        asks_alias: false,
        held: held
            .filter(|reading| session.profile.contains_key(reading.id()))
            .collect(),
        profile,
        shrinking: 100,
        ..Options::default()
    }
}

/// Turns a difference into a finding of the run at the same place, so that findings of other checks
/// with the same cause join it.
fn finding(probe: &Probe<'_>, found: &Found) -> Finding {
    let (session, difference) = (probe.session, &found.difference);
    let (expected, got) = (&difference.expected, &difference.got);
    let level = if found.is_steady {
        difference.level
    } else {
        difference.level.min(Level::Should)
    };
    let finding = match (&expected.body, &got.body) {
        _ if expected.status != got.status => {
            Finding::status(level, &[expected.status], got.status)
        }
        (Some(expected), Some(got)) => {
            Finding::bodies(level, difference.pointers.clone(), expected, got)
        }
        _ => Finding::new(level, ""),
    };
    let steadiness = if found.is_steady {
        ""
    } else {
        ", once and not again"
    };
    let redact = |text: &str| session.secrets.redact(text);
    let summary = format!("{}{steadiness} ({})", difference.summary, difference.rule);
    let mut finding = Finding {
        summary: redact(&summary),
        expected: finding.expected.as_deref().map(redact),
        got: finding.got.as_deref().map(redact),
        ..finding
    };
    let trace = Trace {
        contract: &session.contract,
        base: session.target.base(),
        check: ID,
        chain: &found.exchanges,
    };
    finding.difference = Some(trace.place(&finding));
    let exchanges = found.exchanges.iter();
    finding.exchanges = exchanges
        .map(|exchange| Record::new(exchange, &session.secrets))
        .collect();
    finding
}
