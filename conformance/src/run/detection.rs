//! The catalogue's checks of readings, in the form that calibration runs.

use serde_json::Value;
use whippy_engine::profile::Reading;
use whippy_explore::calibrate::{Detected, Detector};

use crate::cases::case::Case;
use crate::cases::probe::{Probe, Session};
use crate::model::finding::{Finding, Level, Record};
use crate::run::catalogue::{Check, Method};

/// Returns the detectors among some checks, in the same order.
pub fn detectors(checks: &[Check]) -> Vec<Detector<'_>> {
    let detectors = checks.iter().filter_map(|check| {
        let id = check.reading.as_deref()?;
        let reading = Reading::ALL.iter().find(|reading| reading.id() == id)?;
        Some(Detector {
            reading: *reading,
            safety: check.safety,
            needs: &check.needs,
            when: &check.when,
            detect: Box::new(|session| detected(session, check)),
        })
    });
    detectors.collect()
}

fn detected(session: &Session, check: &Check) -> Detected {
    let mut detected = Detected::default();
    match &check.method {
        Method::Case(case) => rows(session, check, case, &mut detected),
        Method::Code(code) => {
            let mut probe = Probe::new(session, &check.id, check.level);
            detected.stop = (code.run)(&mut probe).err();
            detected.choices = probe.choices.take().unwrap_or_default();
            detected.records = transcript(&mut probe);
        }
        Method::Replay(_) | Method::Always(_) => {}
    }
    if detected.stop.is_some() {
        detected.choices.clear();
    }
    detected
}

/// Runs each row of a case. A choice must fit all rows.
fn rows(session: &Session, check: &Check, case: &Case, detected: &mut Detected) {
    let none = Value::Null;
    let rows: Vec<&Value> = if case.rows.is_empty() {
        vec![&none]
    } else {
        case.rows.values().collect()
    };
    let mut choices: Option<Vec<String>> = None;
    for row in rows {
        let mut probe = Probe::new(session, &check.id, check.level);
        match case.run_row(&mut probe, row) {
            Ok(fitting) => match &mut choices {
                Some(known) => known.retain(|choice| fitting.contains(choice)),
                None => choices = Some(fitting),
            },
            Err(why) => detected.stop = detected.stop.take().or(Some(why)),
        }
        detected.records.extend(transcript(&mut probe));
    }
    detected.choices = choices.unwrap_or_default();
}

/// Returns the exchanges of a probe by way of a finding, which has them all.
fn transcript(probe: &mut Probe<'_>) -> Vec<Record> {
    probe.record_finding(Finding::new(Level::May, "evidence"));
    let finding = probe.findings.pop();
    finding.map(|finding| finding.exchanges).unwrap_or_default()
}
