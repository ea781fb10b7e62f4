//! Calibration: the choice of every reading that a target shows, with the deciding exchanges, as a
//! profile for a whippy-mock.
//!
//! The checks that detect readings are the suite's own. Where they need more data than the target
//! has, a small amount is created if writing is allowed.

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use whippy_engine::profile::{Accepts, Profile, Reading};

use crate::tell::one_line;
use whippy_probe::model::finding::Record;
use whippy_probe::model::outcome::Safety;
use whippy_probe::probe::{Ask, Session, Stop};
use whippy_probe::scope::ENVIRONMENT;

/// The results for all readings.
#[derive(Debug, Clone, Default)]
pub struct Calibrated {
    /// The results, in the order of the register.
    pub readings: Vec<Known>,
    /// The number of requests sent.
    pub requests: u64,
    /// The reason why it ended early.
    pub aborted: Option<String>,
}

/// The result for one reading.
#[derive(Debug, Clone)]
pub struct Known {
    /// The reading.
    pub reading: Reading,
    /// The choices that fit all observations; empty: there were none, or no choice fits.
    pub choices: Vec<String>,
    /// Requests with their answers, one in a line.
    pub evidence: Vec<String>,
    /// The reason why it is undecided.
    pub why: Option<String>,
    /// Is true if no exchange can decide it, since another reading makes it irrelevant.
    pub is_moot: bool,
}

impl Known {
    /// Returns the choice, if exactly one fits.
    pub fn decided(&self) -> Option<&str> {
        match self.choices.as_slice() {
            [choice] => Some(choice),
            _ => None,
        }
    }
}

impl Calibrated {
    /// Returns the profile: the decided readings, and defaults for the others.
    pub fn profile(&self) -> Profile {
        let mut profile = Profile::default();
        for known in &self.readings {
            if let Some(choice) = known.decided() {
                // The choice was named by the register or by the target, so it is valid.
                let _ = profile.set(known.reading.id(), choice);
            }
        }
        profile
    }

    /// Returns the decided readings.
    pub fn decided(&self) -> Vec<Reading> {
        let decided = self
            .readings
            .iter()
            .filter(|known| known.decided().is_some());
        decided.map(|known| known.reading).collect()
    }

    /// Formats the profile as a file, each reading with its evidence.
    pub fn to_toml(&self, target: &str, started: &str) -> String {
        let decided = self.decided().len();
        let total = self.readings.len();
        let mut text = format!(
            "# What `whippy-conformance calibrate` saw of {}, {}:\n\
             # {decided} of {total} readings decided, in {} requests.\n\
             # `whippy-mock --profile FILE` reads the documentation as it does.\n",
            one_line(target),
            one_line(started),
            self.requests
        );
        let profile = self.profile();
        for known in &self.readings {
            // Writing to a text cannot fail.
            let _ = writeln!(text);
            for line in &known.evidence {
                let _ = writeln!(text, "# {}", one_line(line));
            }
            let usual = profile.choice(known.reading);
            let choice = match known.choices.first() {
                Some(first) if !known.choices.contains(&usual) => first.clone(),
                _ => usual,
            };
            let quote = match known.reading.accepts() {
                Accepts::Choices(_) => "\"",
                Accepts::Number { .. } => "",
            };
            let line = format!("{} = {quote}{choice}{quote}", known.reading.id());
            match (known.decided(), &known.why) {
                (Some(_), _) => {
                    let _ = writeln!(text, "{line}");
                }
                (None, why) => {
                    let why = why.as_deref().unwrap_or("nothing was seen of it");
                    let _ = writeln!(text, "# not decided: {}", one_line(why));
                    // A guess could require something that the target does not do.
                    let _ = writeln!(text, "# {line}");
                }
            }
        }
        text
    }

    /// Formats a line for each reading, for people.
    pub fn summary(&self) -> String {
        let width = Reading::ALL
            .iter()
            .map(|reading| reading.id().len())
            .max()
            .unwrap_or(0);
        let mut text = String::new();
        for known in &self.readings {
            let shown = match (known.decided(), &known.why) {
                (Some(choice), _) => choice.to_owned(),
                (None, Some(why)) => format!("not decided: {why}"),
                (None, None) => "not decided".to_owned(),
            };
            let _ = writeln!(
                text,
                "  {:width$}  {}",
                known.reading.id(),
                one_line(&shown)
            );
        }
        let _ = writeln!(
            text,
            "{} of {} readings decided, in {} requests",
            self.decided().len(),
            self.readings.len(),
            self.requests
        );
        text
    }
}

/// The number of stocks that are created if all existing ones fit on a page.
const MANY: usize = 101;

/// The longest line of evidence, characters.
const LONGEST: usize = 240;

/// A check that detects a reading.
pub struct Detector<'a> {
    /// The reading.
    pub reading: Reading,
    /// The safety of the check's requests.
    pub safety: Safety,
    /// Names that the environment must know.
    pub needs: &'a [&'static str],
    /// The readings, with their choices, without which the check does not apply.
    pub when: &'a [(String, Vec<String>)],
    /// Runs the check.
    pub detect: Box<dyn Fn(&Session) -> Detected + 'a>,
}

/// The result of a check that detects a reading.
#[derive(Debug, Default)]
pub struct Detected {
    /// The choices that fit; empty if the check ended early.
    pub choices: Vec<String>,
    /// The exchanges.
    pub records: Vec<Record>,
    /// The reason why the check ended early.
    pub stop: Option<Stop>,
}

/// Probes every reading. Setting `stop` ends it after the present one.
pub fn calibrate(
    session: &Session,
    detectors: &[Detector<'_>],
    may_write: bool,
    stop: &AtomicBool,
    tell: &dyn Fn(Reading),
) -> Calibrated {
    let before = session.requests();
    let mut calibration = Calibration {
        session,
        may_write,
        known: Vec::new(),
        aborted: None,
    };
    // Done twice, since a later reading may provide what an earlier one needs.
    for is_again in [false, true] {
        for detector in detectors {
            let is_known = calibration.has(detector.reading);
            let is_open = calibration.aborted.is_none() && !stop.load(Ordering::Relaxed);
            if is_open && !(is_again && is_known) {
                tell(detector.reading);
                calibration.probe(detector);
            }
        }
    }
    if may_write && !calibration.has(Reading::PageSize) && calibration.aborted.is_none() {
        tell(Reading::PageSize);
        calibration.fill_a_page(detectors);
    }
    calibration.concluded(session.requests() - before)
}

struct Calibration<'a> {
    session: &'a Session,
    may_write: bool,
    known: Vec<Known>,
    aborted: Option<String>,
}

impl Calibration<'_> {
    fn has(&self, reading: Reading) -> bool {
        let mut known = self.known.iter();
        known.any(|known| known.reading == reading && known.choices.len() == 1)
    }

    fn entry(&mut self, reading: Reading) -> &mut Known {
        let at = self.known.iter().position(|known| known.reading == reading);
        let at = at.unwrap_or_else(|| {
            self.known.push(Known {
                reading,
                choices: Vec::new(),
                evidence: Vec::new(),
                why: None,
                is_moot: false,
            });
            self.known.len() - 1
        });
        &mut self.known[at]
    }

    /// Runs a check that detects a reading, if it applies.
    fn probe(&mut self, detector: &Detector<'_>) {
        let reading = detector.reading;
        let (choices, evidence, why) = match self.admit(detector) {
            Err((why, is_moot)) => {
                let known = self.entry(reading);
                known.is_moot |= is_moot;
                (Vec::new(), Vec::new(), Some(why))
            }
            Ok(()) => self.detect(detector),
        };
        if !choices.is_empty() {
            self.session.saw(reading.id(), &choices);
        }
        let seen = self.session.reading(reading.id()).unwrap_or_default();
        let known = self.entry(reading);
        known.evidence.extend(evidence);
        known.why = match seen.as_slice() {
            [_] => None,
            [] if known.choices.is_empty() => why.or_else(|| known.why.take()),
            [] => Some("what was seen contradicts itself".to_owned()),
            several => Some(format!(
                "what was seen fits {}{}",
                several.join(" and "),
                why.map(|why| format!("; {why}")).unwrap_or_default()
            )),
        };
        known.choices = seen;
    }

    /// The error is the reason why a check does not apply, and `true` if it never can.
    fn admit(&self, check: &Detector<'_>) -> Result<(), (String, bool)> {
        if check.safety == Safety::Write && !self.may_write {
            return Err((
                "reading alone does not tell: --write allows more".to_owned(),
                false,
            ));
        }
        for need in check.needs {
            let is_fresh = need.starts_with("sku");
            if !is_fresh && self.session.environment.get(need).is_none() {
                let flag = ENVIRONMENT.iter().find(|(name, _)| name == need);
                let flag = flag.map_or(*need, |(_, flag)| flag);
                return Err((format!("it needs {flag}"), false));
            }
        }
        for (id, wanted) in check.when {
            match self.session.reading(id) {
                None => return Err((format!("`{id}` is not known"), false)),
                Some(seen) if !seen.iter().any(|choice| wanted.contains(choice)) => {
                    return Err((
                        format!("it makes no difference under {id}={}", seen.join(" or ")),
                        true,
                    ));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn detect(&mut self, check: &Detector<'_>) -> (Vec<String>, Vec<String>, Option<String>) {
        let caught = catch_unwind(AssertUnwindSafe(|| (check.detect)(self.session)));
        let Ok(Detected {
            choices,
            records,
            stop,
        }) = caught
        else {
            return (
                Vec::new(),
                Vec::new(),
                Some("the suite's own fault".to_owned()),
            );
        };
        let why = match stop {
            None => (choices.is_empty()).then(|| "no known choice fits what came".to_owned()),
            Some(Stop::Failed) => Some("what came fits no known choice".to_owned()),
            Some(Stop::Unreachable(why) | Stop::NotTheService(why)) => {
                self.aborted = Some(self.session.secrets.redact(&why));
                Some(why)
            }
            Some(
                Stop::Setup(why)
                | Stop::Unsupported(why)
                | Stop::Disabled(why)
                | Stop::Inconclusive(why)
                | Stop::Suite(why),
            ) => Some(why),
        };
        let evidence = records.iter().filter(|record| !is_setup(record)).map(line);
        let why = why.map(|why| self.session.secrets.redact(&why));
        (choices, evidence.collect(), why)
    }

    /// Creates more stocks than a page is likely to hold, and probes again.
    fn fill_a_page(&mut self, detectors: &[Detector<'_>]) {
        let environment = &self.session.environment;
        let place = (environment.get("provider"), environment.get("location"));
        let (Some(provider), Some(location)) = place else {
            return;
        };
        let rows: Value = (0..MANY)
            .map(|_| {
                json!({
                    "sku": self.session.fresh_sku(), "provider": provider,
                    "location": location, "stock": 0, "is_active": false,
                })
            })
            .collect();
        let ask = Ask::post("/api/v1/stocks/insert_or_update_stock/", rows);
        match self.session.send_unjudged(&ask) {
            Ok(answer) if answer.status == 200 => {}
            _ => return,
        }
        for detector in detectors {
            if detector.reading == Reading::PageSize {
                self.probe(detector);
            }
        }
    }

    fn concluded(mut self, requests: u64) -> Calibrated {
        let mut readings = Vec::new();
        for reading in Reading::ALL {
            readings.push(self.entry(*reading).clone());
        }
        Calibrated {
            readings,
            requests,
            aborted: self.aborted,
        }
    }
}

/// Returns `true` for a request that only prepared the state.
fn is_setup(record: &Record) -> bool {
    record.step.starts_with("given ")
}

fn line(record: &Record) -> String {
    let path = record.url.find("/api/").map_or("", |at| &record.url[at..]);
    let mut line = format!("{} {path} {}", record.method, record.request_body.shown());
    let came = match (record.status, &record.response_body) {
        (Some(status), Some(body)) => format!("{status} {}", body.shown()),
        (Some(status), None) => status.to_string(),
        _ => record.failure.clone().unwrap_or_default(),
    };
    cut(&mut line, LONGEST);
    line = format!("{} → {came}", line.trim_end());
    cut(&mut line, 2 * LONGEST);
    line
}

fn cut(text: &mut String, most: usize) {
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
        text.push('…');
    }
}
