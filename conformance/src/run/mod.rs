//! A run: every check in its phase, and their results.

pub mod assembly;
pub mod baseline;
pub mod bounds;
pub mod catalogue;
pub mod causes;
pub mod detection;
pub mod discovery;
pub mod explain;
pub mod selection;
pub mod verdict;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use serde_json::Value;

use crate::cases::case::{Capability, Case};
use crate::cases::probe::{Ask, Payload, Probe, Session, Stop};
use crate::cases::scope::ENVIRONMENT;
use crate::contract::documented::Documented;
use crate::contract::pattern::Pattern;
use crate::model::cause::Difference;
use crate::model::finding::{Finding, Level};
use crate::model::outcome::{CheckReport, Outcome, ReadingSeen, Safety};
use crate::run::catalogue::{Check, Method};
use crate::transport::target::{SeedState, TargetError};
use crate::workers::{Stopwatch, into_inner, lock, spread};

/// Settings of a run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The safety of the requests that may be sent.
    pub mode: Safety,
    /// Findings of this level or above fail the run.
    pub level: Level,
    /// The number of checks at a time.
    pub jobs: usize,
    /// The number of times that a failed check is tried again.
    pub retries: u32,
    /// Is true if the state of the target may be replaced, which destroys the present one.
    pub may_seed: bool,
}

/// The beginning of the reason of a check that others disturbed.
pub(crate) const DISTURBED: &str = "somebody else wrote during each";

/// The number of attempts at a check that others disturb.
const DISTURBED_ATTEMPTS: u32 = 5;

/// The number of checks in a row without any answer after which the target counts as dead.
const SILENT_CHECKS: u32 = 5;

/// The result of a run.
#[derive(Debug, Default)]
pub struct Ran {
    /// The checks, in the order they were given.
    pub checks: Vec<CheckReport>,
    /// The reason why it ended before its last check.
    pub aborted: Option<String>,
}

/// Runs the checks: first those that detect readings, then those on stocks of their own, then those
/// on all stocks, then the replays. Each is reported as it ends. Setting `stop` ends the run after
/// the checks under way.
pub fn run(
    session: &Session,
    checks: &[Check],
    selected: &(dyn Fn(&Check) -> bool + Sync),
    options: &Options,
    stop: &AtomicBool,
    tell: &(dyn Fn(&CheckReport) + Sync),
) -> Ran {
    let runner = Runner {
        session,
        options,
        stop,
        aborted: Mutex::default(),
        silent: AtomicU32::new(0),
        undetected: Mutex::default(),
        capabilities: Mutex::default(),
    };
    let mut reports: Vec<Option<CheckReport>> = checks.iter().map(|_| None).collect();
    let is_wanted = |check: &Check| selected(check) || is_depended_on(check, checks, selected);
    let wanted = checks.iter().enumerate();
    let wanted: Vec<Numbered<'_>> = wanted.filter(|(_, check)| is_wanted(check)).collect();
    for (mine, jobs) in phases(&wanted, options.jobs) {
        let done = spread(jobs, &mine, |(position, check)| {
            let report = runner.report(check);
            if selected(check) {
                tell(&report);
            }
            (*position, selected(check).then_some(report))
        });
        for (position, report) in done {
            reports[position] = report;
        }
    }
    Ran {
        checks: reports.into_iter().flatten().collect(),
        aborted: into_inner(runner.aborted),
    }
}

/// A check and its place in the catalogue.
type Numbered<'a> = (usize, &'a Check);

/// Returns the phases of a run: checks that may run in parallel, and how many of them at a time. A
/// phase begins when the one before has ended.
fn phases<'a>(checks: &[Numbered<'a>], jobs: usize) -> Vec<(Vec<Numbered<'a>>, usize)> {
    let those = |belongs: &dyn Fn(&Check) -> bool| -> Vec<Numbered<'a>> {
        let mine = checks.iter().filter(|(_, check)| belongs(check));
        mine.copied().collect()
    };
    let is_case = |check: &Check| matches!(check.method, Method::Case(_));
    let detects = |check: &Check| check.reading.is_some() && !check.shared;
    let mut phases: Vec<_> = waves(those(&|check| detects(check) && is_case(check)))
        .into_iter()
        .map(|wave| (wave, jobs))
        .collect();
    // These may depend on every reading that a case detects.
    phases.push((those(&|check| detects(check) && !is_case(check)), 1));
    let is_own = |check: &Check| check.reading.is_none() && !check.shared && !is_late(check);
    phases.push((those(&is_own), jobs));
    // Checks that only read do not disturb each other.
    let looks = |check: &Check| check.safety == Safety::Read;
    phases.push((those(&|check| check.shared && looks(check)), jobs));
    phases.push((those(&|check| check.shared && !looks(check)), 1));
    phases.push((those(&is_late), 1));
    phases
}

/// Sorts detecting checks into waves: each depends only on readings of earlier waves.
fn waves(mut left: Vec<Numbered<'_>>) -> Vec<Vec<Numbered<'_>>> {
    let mut waves = Vec::new();
    while !left.is_empty() {
        let open: Vec<String> = left
            .iter()
            .filter_map(|(_, check)| check.reading.clone())
            .collect();
        let waits = |check: &Check| {
            let mut needed = readings_before(check).into_iter();
            needed.any(|id| open.contains(&id) && Some(&id) != check.reading.as_ref())
        };
        let (later, ready): (Vec<_>, Vec<_>) =
            left.into_iter().partition(|(_, check)| waits(check));
        // Readings that wait for each other run one after the other, in their order.
        let (ready, rest) = if ready.is_empty() {
            (later, Vec::new())
        } else {
            (ready, later)
        };
        waves.push(ready);
        left = rest;
    }
    waves
}

/// Returns the readings that must be known before a check runs.
fn readings_before(check: &Check) -> Vec<String> {
    let mut needed: Vec<String> = check.when.iter().map(|(id, _)| id.clone()).collect();
    if let Method::Case(case) = &check.method {
        needed.extend(case.depends_on_readings().into_iter().map(str::to_owned));
    }
    needed
}

/// Replays change the state that other checks need, and checks of all exchanges need all of them.
fn is_late(check: &Check) -> bool {
    matches!(check.method, Method::Replay(_) | Method::Always(_))
}

/// Returns `true` for a check whose reading a selected check depends on: it runs even if it is not
/// selected.
fn is_depended_on(check: &Check, checks: &[Check], selected: &dyn Fn(&Check) -> bool) -> bool {
    let Some(reading) = &check.reading else {
        return false;
    };
    let needs = |other: &Check| readings_before(other).contains(reading);
    checks.iter().any(|other| selected(other) && needs(other))
}

struct Runner<'a> {
    session: &'a Session,
    options: &'a Options,
    stop: &'a AtomicBool,
    aborted: Mutex<Option<String>>,
    /// Checks in a row without any answer.
    silent: AtomicU32,
    /// The result of the last check of each reading that detected nothing.
    undetected: Mutex<BTreeMap<String, (Outcome, String)>>,
    capabilities: Mutex<Vec<(Capability, bool)>>,
}

/// The result of one attempt at a check.
#[derive(Default)]
struct Attempt {
    findings: Vec<Finding>,
    stop: Option<Stop>,
    /// The choices of a reading that fit.
    choices: Option<Vec<String>>,
    /// The number of requests sent.
    requests: u64,
    /// The difference that prevented the check.
    blocked_by: Option<Difference>,
}

impl Runner<'_> {
    fn report(&self, check: &Check) -> CheckReport {
        let report = self.undergone(check);
        if let Some(reading) = &check.reading {
            let mut undetected = lock(&self.undetected);
            undetected.insert(reading.clone(), (report.outcome, check.id.clone()));
        }
        report
    }

    fn undergone(&self, check: &Check) -> CheckReport {
        let watch = Stopwatch::start();
        let mut report = CheckReport {
            attempts: 0,
            ..CheckReport::passed(
                &check.id,
                &check.title,
                check.level,
                check.source.clone(),
                check.safety,
            )
        };
        if let Err((outcome, reason)) = self.admit(check) {
            report.outcome = outcome;
            report.reason = Some(reason);
            report.depends_on = self.dependency(check);
            return report;
        }
        self.attempts(check, &mut report);
        report.micros = watch.micros();
        report
    }

    /// Returns the outcome and the reason of a check that does not apply as an error.
    fn admit(&self, check: &Check) -> Result<(), (Outcome, String)> {
        if let Some(why) = lock(&self.aborted).clone() {
            return Err((Outcome::SetupFailed, format!("the run ended early: {why}")));
        }
        if self.stop.load(Ordering::Relaxed) {
            return Err((Outcome::Disabled, "the run was interrupted".to_owned()));
        }
        if check.safety == Safety::Write && self.options.mode == Safety::Read {
            return Err((Outcome::Disabled, "it writes: --write allows it".to_owned()));
        }
        if matches!(check.method, Method::Replay(_)) && !self.options.may_seed {
            let why =
                "it needs the documentation's state: --reset-target puts a whippy-mock into it";
            return Err((Outcome::Disabled, why.to_owned()));
        }
        if let Some(capability) = check.capability
            && !self.has(capability)
        {
            let path = capability_path(capability);
            let why = format!("the target answers nothing at {path}");
            return Err((Outcome::Unsupported, why));
        }
        for need in &check.needs {
            if *need == "provider-id"
                && self.session.environment.get(need).is_none()
                && let Some(provider) = self.session.environment.get("provider")
            {
                let why = format!("the target does not show the id of provider {provider}");
                return Err((Outcome::Unsupported, why));
            }
            if self.session.environment.get(need).is_none() && !is_fresh(need) {
                let flag = ENVIRONMENT.iter().find(|(name, _)| name == need);
                let flag = flag.map_or(*need, |(_, flag)| flag);
                return Err((Outcome::Disabled, format!("it needs {flag}")));
            }
        }
        for (reading, choices) in &check.when {
            match self.session.reading(reading) {
                None => return Err(self.unread(reading)),
                Some(seen) if !seen.iter().any(|choice| choices.contains(choice)) => {
                    let why = format!("the target shows {reading}={}", seen.join(" or "));
                    return Err((Outcome::Unsupported, why));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Returns the outcome of a check that depends on an unknown reading, derived from the check
    /// that failed to detect it.
    fn unread(&self, reading: &str) -> (Outcome, String) {
        let undetected = lock(&self.undetected);
        let outcome = match undetected.get(reading).map(|(outcome, _)| outcome) {
            Some(Outcome::Disabled) => Outcome::Disabled,
            Some(Outcome::Unsupported | Outcome::Warn | Outcome::Fail) => Outcome::Unsupported,
            _ => Outcome::DependencyFailed,
        };
        let why = format!("which choice of `{reading}` the target shows is not known");
        (outcome, why)
    }

    /// Returns the check that failed to detect a reading.
    fn dependency(&self, check: &Check) -> Option<String> {
        let undetected = lock(&self.undetected);
        let mut unread = check
            .when
            .iter()
            .filter(|(reading, _)| self.session.reading(reading).is_none());
        let (_, id) = unread.find_map(|(reading, _)| undetected.get(reading))?;
        Some(id.clone())
    }

    /// Returns `true` if the target has a part that it may lack. The target is asked once.
    fn has(&self, capability: Capability) -> bool {
        let mut known = lock(&self.capabilities);
        if let Some((_, has)) = known.iter().find(|(name, _)| *name == capability) {
            return *has;
        }
        let path = capability_path(capability);
        let ask = match capability {
            Capability::Places | Capability::Login | Capability::ActiveUser => Ask::get(path),
            Capability::Metadata => Ask::new(http::Method::OPTIONS, path),
        };
        // An existing login refuses a GET, so any other answer than these means that it exists.
        let lacking: &[u16] = match capability {
            Capability::Places | Capability::Login | Capability::ActiveUser => &[404, 410, 501],
            Capability::Metadata => &[204, 404, 405, 501],
        };
        let has = match self.session.send_unjudged(&ask) {
            Ok(answer) => {
                let describes = capability != Capability::Metadata || answer.body.is_some();
                !lacking.contains(&answer.status) && describes
            }
            Err(_) => true,
        };
        known.push((capability, has));
        has
    }

    fn attempts(&self, check: &Check, report: &mut CheckReport) {
        let mut failed_before = false;
        loop {
            report.attempts += 1;
            let before = check.shared.then(|| self.fingerprint());
            let attempt = self.attempt(check);
            report.requests += attempt.requests;
            self.settle(check, attempt, report);
            let is_finding = matches!(report.outcome, Outcome::Fail | Outcome::Warn);
            if !is_finding {
                if failed_before && report.outcome == Outcome::Pass {
                    report.outcome = Outcome::Flaky;
                    let (failed, all) = (report.attempts - 1, report.attempts);
                    report.reason = Some(format!("it failed in {failed} of {all} attempts"));
                }
                return;
            }
            if before.is_some_and(|before| before != self.fingerprint()) {
                if report.attempts < DISTURBED_ATTEMPTS {
                    continue;
                }
                report.outcome = Outcome::Inconclusive;
                report.reason = Some(format!("{DISTURBED} of {DISTURBED_ATTEMPTS} attempts"));
                return;
            }
            failed_before = true;
            if report.attempts > self.options.retries || report.outcome != Outcome::Fail {
                return;
            }
        }
    }

    /// Returns a value that changes with every write: the number of stocks, and the one written
    /// last.
    fn fingerprint(&self) -> Option<Value> {
        let ask = Ask::get("/api/v1/stocks/")
            .with("sort", "-modified_date")
            .with("limit", 1);
        let page = self.session.send_unjudged(&ask).ok()?.body?;
        Some(serde_json::json!([page["count"], page["results"]]))
    }

    fn attempt(&self, check: &Check) -> Attempt {
        let caught = catch_unwind(AssertUnwindSafe(|| match &check.method {
            Method::Case(case) => self.case(check, case),
            Method::Code(code) => {
                let mut probe = Probe::new(self.session, &check.id, check.level);
                let stop = (code.run)(&mut probe).err();
                Attempt {
                    stop,
                    requests: probe.sent(),
                    findings: probe.findings,
                    choices: probe.choices,
                    blocked_by: probe.blocked_by,
                }
            }
            Method::Replay(fixture) => self.replay(check, fixture),
            Method::Always(aspect) => Attempt {
                findings: self
                    .session
                    .noted()
                    .into_iter()
                    .filter(|noted| noted.aspect == *aspect)
                    .map(|noted| Finding {
                        summary: format!(
                            "{} (in {}{})",
                            noted.finding.summary,
                            noted.check,
                            more_times(noted.finding.times)
                        ),
                        ..noted.finding
                    })
                    .collect(),
                ..Attempt::default()
            },
        }));
        caught.unwrap_or_else(|panic| Attempt {
            stop: Some(Stop::Suite(format!(
                "the check panicked: {}",
                said(&*panic)
            ))),
            ..Attempt::default()
        })
    }

    /// Runs a case, once or once for each row.
    fn case(&self, check: &Check, case: &Case) -> Attempt {
        let mut attempt = Attempt::default();
        let mut row = |name: Option<&str>, values: &Value| {
            let mut probe = Probe::new(self.session, &check.id, check.level);
            if let Some(name) = name {
                probe = probe.in_row(name);
            }
            match case.run_row(&mut probe, values) {
                Ok(choices) if case.reading.is_some() => {
                    if choices.is_empty() {
                        let summary = "none of the known choices fits what came";
                        probe.record_finding(Finding::new(Level::Should, summary));
                    }
                    match &mut attempt.choices {
                        Some(known) => known.retain(|choice| choices.contains(choice)),
                        None => attempt.choices = Some(choices),
                    }
                }
                Ok(_) | Err(Stop::Failed) => {}
                Err(stop) => {
                    if matches!(stop, Stop::Setup(_)) {
                        attempt.blocked_by = attempt.blocked_by.take().or(probe.blocked_by.take());
                    }
                    attempt.stop = attempt.stop.take().or(Some(stop));
                }
            }
            attempt.requests += probe.sent();
            attempt.findings.append(&mut probe.findings);
        };
        if case.rows.is_empty() {
            row(None, &Value::Null);
        }
        for (name, values) in &case.rows {
            row(Some(name), values);
        }
        attempt
    }

    /// Requests a documented response in the state that the page shows.
    fn replay(&self, check: &Check, fixture: &Documented) -> Attempt {
        let state = SeedState {
            world: fixture.world.clone(),
            clock: fixture.clock.clone(),
            profile: fixture.profile.clone(),
        };
        match self.session.target.seed(&state) {
            Ok(()) => {}
            Err(TargetError::Unreachable(why)) => return Attempt::stopped(Stop::Unreachable(why)),
            Err(TargetError::NotTheService(why)) => {
                return Attempt::stopped(Stop::NotTheService(why));
            }
            Err(TargetError::NotSeedable(why)) => return Attempt::stopped(Stop::Unsupported(why)),
            Err(error) => return Attempt::stopped(Stop::Setup(error.to_string())),
        }
        let mut probe = Probe::new(self.session, &check.id, check.level);
        let stop = replayed(&mut probe, fixture).err();
        Attempt {
            requests: probe.sent(),
            findings: probe.findings,
            stop,
            blocked_by: probe.blocked_by,
            ..Attempt::default()
        }
    }

    /// Interprets an attempt.
    fn settle(&self, check: &Check, attempt: Attempt, report: &mut CheckReport) {
        let Attempt {
            mut findings,
            stop,
            choices,
            blocked_by,
            ..
        } = attempt;
        report.reason = None;
        report.blocked_by = blocked_by.filter(|_| matches!(stop, Some(Stop::Setup(_))));
        if let (Some(reading), Some(choices)) = (&check.reading, choices) {
            findings.extend(self.held(check, reading, &choices));
            if !choices.is_empty() {
                self.session.saw(reading, &choices);
            }
            report.reading = Some(ReadingSeen {
                id: reading.clone(),
                choices,
            });
        }
        let worst = findings.iter().map(|finding| finding.level).max();
        report.findings = findings;
        report.outcome = match (worst, &stop) {
            (Some(level), _) if level >= self.options.level => Outcome::Fail,
            (Some(_), _) => Outcome::Warn,
            (None, None) if report.reading.is_some() => Outcome::Info,
            (None, None) => Outcome::Pass,
            (None, Some(Stop::Failed | Stop::Suite(_))) => Outcome::Error,
            (None, Some(Stop::Setup(_) | Stop::Unreachable(_) | Stop::NotTheService(_))) => {
                Outcome::SetupFailed
            }
            (None, Some(Stop::Unsupported(_))) => Outcome::Unsupported,
            (None, Some(Stop::Disabled(_))) => Outcome::Disabled,
            (None, Some(Stop::Inconclusive(_))) => Outcome::Inconclusive,
        };
        match stop {
            None | Some(Stop::Failed) => {}
            Some(
                Stop::Setup(why)
                | Stop::Unsupported(why)
                | Stop::Disabled(why)
                | Stop::Inconclusive(why)
                | Stop::Suite(why),
            ) => report.reason = Some(self.session.secrets.redact(&why)),
            Some(Stop::Unreachable(why) | Stop::NotTheService(why)) => {
                let why = self.session.secrets.redact(&why);
                self.abort(&why);
                report.reason = Some(why);
            }
        }
        self.listen(report);
    }

    /// Compares the profile's choice of a reading with those that fit.
    fn held(&self, check: &Check, reading: &str, choices: &[String]) -> Option<Finding> {
        let wanted = self.session.profile.get(reading)?;
        if choices.is_empty() || choices.contains(wanted) {
            return None;
        }
        let got = choices.join(" or ");
        let summary = format!("expected {reading}={wanted}, got {reading}={got}");
        Some(Finding::new(check.level, summary))
    }

    /// Notes if the target still answers.
    fn listen(&self, report: &CheckReport) {
        let is_silent = report
            .findings
            .iter()
            .flat_map(|finding| &finding.exchanges)
            .any(|exchange| exchange.failure.is_some());
        if !is_silent {
            self.silent.store(0, Ordering::Relaxed);
        } else if self.silent.fetch_add(1, Ordering::Relaxed) + 1 >= SILENT_CHECKS {
            self.abort(&format!("{SILENT_CHECKS} checks in a row got no answer"));
        }
    }

    fn abort(&self, why: &str) {
        let mut aborted = lock(&self.aborted);
        aborted.get_or_insert_with(|| why.to_owned());
    }
}

impl Attempt {
    fn stopped(stop: Stop) -> Self {
        Self {
            stop: Some(stop),
            ..Self::default()
        }
    }
}

/// Formats a repetition: `, and 999 times more`; empty for a single time.
fn more_times(times: u64) -> String {
    match times {
        0 | 1 => String::new(),
        2 => ", and once more".to_owned(),
        times => format!(", and {} times more", times - 1),
    }
}

fn is_fresh(name: &str) -> bool {
    matches!(name, "base" | "sku" | "sku2" | "sku3")
}

fn capability_path(capability: Capability) -> &'static str {
    match capability {
        Capability::Places => "/api/v1/providers/",
        Capability::Login => "/api/v1/auth/login/",
        Capability::Metadata => "/api/v1/stocks/",
        Capability::ActiveUser => "/api/v1/active_user/",
    }
}

fn replayed(probe: &mut Probe<'_>, fixture: &Documented) -> Result<(), Stop> {
    let asked = &fixture.request;
    let method = asked.method.parse();
    let method = method.map_err(|_| Stop::Suite(format!("`{}` is no method", asked.method)))?;
    let mut ask = Ask::new(method, &asked.path);
    // The page's own requests may be incorrect.
    ask.invalid = true;
    for (name, value) in &asked.headers {
        // The run's own token replaces that of the page, if there is one.
        if !name.eq_ignore_ascii_case("authorization") || probe.session.token.is_none() {
            ask = ask.header(name, value.as_str().unwrap_or_default());
        }
    }
    if !asked.body.is_null() {
        ask.payload = Payload::Raw(asked.body.to_string().into());
    }
    let answer = probe.send(&ask)?;
    probe.expect_status(&answer, &[fixture.response.status])?;
    let expected = Pattern::example(&fixture.response.body);
    probe.expect_body(&answer, &expected)
}

fn said(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default()
}
