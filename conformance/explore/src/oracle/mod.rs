//! The engine as the oracle of a target: the expected answers, under every profile of readings that
//! is still possible.
//!
//! A profile is a candidate as long as it explains all answers. Usually there is one, which costs
//! one engine. Where an answer differs, profiles with other choices of a reading are tried on the
//! whole sequence, and on earlier sequences that a reading influenced. One that explains them all
//! becomes the new candidate. Where none does, the target differs from the contract under every
//! reading of it.

mod compare;
mod explain;
mod known;

pub(crate) use compare::UNKNOWN_NAME;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request};
use serde_json::Value;
use whippy_engine::endpoints::call::{Mount, Settings};
use whippy_engine::engine::{Engine, Now, Rule};
use whippy_engine::model::time::{Timestamp, UtcOffset};
use whippy_engine::problem::Grade;
use whippy_engine::profile::{Decided, Profile, Reading};
use whippy_engine::store::Store;

use crate::steps::{Address, Body, Names, Shown, Side, Step};
use compare::{Bindings, Compared};
use known::{Cause, Known};
use whippy_probe::model::finding::Level;
use whippy_probe::probe::encode;

/// The number of profiles that are tried without progress: two or three choices may help only
/// together.
const PATIENCE: usize = 1_000;

/// The same while a difference is only shortened.
const HURRIED: usize = 60;

/// The number of sequences that are kept for each reading, which later candidates must explain.
const WITNESSES: u8 = 3;

/// The state of the world before a sequence.
#[derive(Clone)]
pub struct StartState {
    /// The places of the target, and the stocks that the sequences read.
    pub store: Store,
    /// The time zone of the target.
    pub local: UtcOffset,
    /// Is true if nobody else writes to the target, so that stocks created since a moment are those
    /// of the sequence.
    pub is_exclusive: bool,
    /// Ids and dates of stocks that exist before the sequence, known to both sides.
    pub known: Vec<Value>,
}

impl fmt::Debug for StartState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StartState({} stocks)", self.store.len())
    }
}

/// An answer in the form for comparisons.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// The body; `None` where it is not JSON, or its content type is another.
    pub body: Option<Value>,
}

/// A difference between the expected and the actual answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The position of the step.
    pub at: usize,
    /// The level: that of the source of the broken rule.
    pub level: Level,
    /// The broken rule: `create-stock/created; grade=documented`.
    pub rule: String,
    /// Both sides in one line.
    pub summary: String,
    /// JSON pointers to the differences of the bodies.
    pub pointers: Vec<String>,
    /// The expected answer.
    pub expected: Answered,
    /// The actual answer.
    pub got: Answered,
    /// The causes, by which it is recognized later.
    pub(crate) causes: Vec<Cause>,
}

impl Difference {
    /// Returns `true` if only the wording of a refusal differs.
    pub(crate) fn is_of_words(&self) -> bool {
        let mut causes = self.causes.iter();
        causes.all(|cause| matches!(cause, Cause::Wording(..)))
    }

    /// Returns a text that is equal for differences of one defect.
    pub fn kind(&self) -> String {
        let pointers: Vec<_> = self
            .pointers
            .iter()
            .take(1)
            .map(|pointer| pointer.replace(|c: char| c.is_ascii_digit(), ""))
            .collect();
        let operation = self.rule.split(';').next().unwrap_or_default();
        format!(
            "{operation} {}/{} {}",
            self.expected.status,
            self.got.status,
            pointers.join(",")
        )
    }
}

/// The oracle's judgement of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged {
    /// The rule by which the leading candidate decided; `None` where it has just replaced another.
    pub rule: Option<Rule>,
    /// Is true if the candidates have changed.
    pub has_narrowed: bool,
}

/// The oracle, over all sequences.
#[derive(Debug, Clone)]
pub struct Oracle {
    start: StartState,
    address: Address,
    candidates: Vec<Arc<Settings>>,
    held: HashSet<&'static str>,
    witnesses: Vec<Arc<Witness>>,
    witnessed: HashMap<&'static str, u8>,
    /// Names of locations by their codes, as the target first showed them.
    stores: HashMap<String, String>,
    /// The differences that were reported, and are expected from now on.
    known: Known,
    /// The number of profiles that may be tried without progress.
    patience: usize,
}

/// A sequence that was played to its end, with the target's answers.
#[derive(Debug)]
struct Witness {
    steps: Vec<Step>,
    names: Names,
    answers: Vec<Answered>,
}

impl Oracle {
    /// Creates an oracle with an initial profile. The readings in `held` never change.
    pub fn new(start: StartState, base: &str, profile: Profile, held: &[Reading]) -> Self {
        let address = Address {
            base: base.to_owned(),
            headers: headers(),
        };
        let settings = settings(profile, start.local);
        Self {
            start,
            address,
            candidates: vec![settings],
            held: held.iter().map(|reading| reading.id()).collect(),
            witnesses: Vec::new(),
            witnessed: HashMap::new(),
            stores: HashMap::new(),
            known: Known::default(),
            patience: PATIENCE,
        }
    }

    /// Shortens searches while a difference is only shortened: an earlier search has failed
    /// already.
    #[must_use]
    pub fn in_a_hurry(mut self) -> Self {
        self.patience = HURRIED;
        self
    }

    /// Adds a difference to the model: from now on the target is expected to answer so.
    pub fn take_in(&mut self, difference: &Difference) {
        for cause in &difference.causes {
            self.known.add(cause.clone());
        }
    }

    /// Returns the profiles that explain all answers, the leading one first.
    pub fn profiles(&self) -> impl Iterator<Item = &Profile> {
        self.candidates.iter().map(|settings| &settings.profile)
    }

    /// Returns the leading profile.
    pub fn profile(&self) -> Profile {
        self.profiles().next().cloned().unwrap_or_default()
    }

    /// Returns the choices of a reading that are still possible.
    pub fn choices(&self, reading: Reading) -> Vec<String> {
        let mut choices: Vec<String> = Vec::new();
        for profile in self.profiles() {
            let choice = profile.choice(reading);
            if !choices.contains(&choice) {
                choices.push(choice);
            }
        }
        choices
    }

    /// Replaces the initial state of later sequences.
    pub fn set_start(&mut self, start: StartState) {
        self.start = start;
    }

    /// Begins a sequence.
    pub fn begin<'s>(&self, steps: &'s [Step], names: &'s Names) -> Game<'s> {
        let lines = self.candidates.iter();
        Game {
            steps,
            names,
            answers: Vec::with_capacity(steps.len()),
            lines: lines.map(|line| self.line(line)).collect(),
            has_narrowed: false,
        }
    }

    fn line(&self, settings: &Arc<Settings>) -> Line {
        let mut bindings = Bindings::new(self.start.is_exclusive);
        for row in &self.start.known {
            bindings.know(row);
        }
        Line {
            engine: Engine::new((**settings).clone(), self.start.store.clone()),
            settings: Arc::clone(settings),
            shown: Shown::default(),
            bindings,
            next: BEGINNING,
            decided: Decided::default(),
            is_adrift: false,
        }
    }

    /// Judges the answer of the target to the next step of a sequence.
    pub fn judge(
        &mut self,
        game: &mut Game<'_>,
        request: Option<&Request<Bytes>>,
        answered: Answered,
    ) -> Result<Judged, Box<Difference>> {
        let at = game.answers.len();
        game.answers.push(answered);
        let (step, answered) = (&game.steps[at], &game.answers[at]);
        let mut difference = None;
        let mut rule = None;
        let mut refuted = Vec::new();
        let mut standing = Vec::with_capacity(game.lines.len());
        for mut line in game.lines.drain(..) {
            match line.play(self, game.names, (at, step), request, answered) {
                Ok(by) => {
                    rule.get_or_insert(by);
                    standing.push(line);
                }
                Err(found) => {
                    difference.get_or_insert(found);
                    refuted.push(line);
                }
            }
        }
        game.lines = standing;
        let Some(difference) = difference else {
            // Without a difference every line remains, and there is always one.
            return Ok(Judged {
                rule,
                has_narrowed: false,
            });
        };
        game.has_narrowed = true;
        if game.lines.is_empty() {
            game.lines = self.explain(game, &refuted);
            if game.lines.is_empty() {
                return Err(difference);
            }
            rule = None;
        }
        self.candidates = game
            .lines
            .iter()
            .map(|line| Arc::clone(&line.settings))
            .collect();
        Ok(Judged {
            rule,
            has_narrowed: true,
        })
    }

    /// Ends a completed sequence. It is kept if it involves a reading that few kept ones involve.
    pub fn end(&mut self, game: Game<'_>) {
        let Some(line) = game.lines.first().filter(|line| !line.is_adrift) else {
            return;
        };
        let mut is_new = game.has_narrowed;
        for reading in line.decided.iter() {
            let count = self.witnessed.entry(reading.id()).or_default();
            if *count < WITNESSES {
                *count += 1;
                is_new = true;
            }
        }
        if is_new && self.witnesses.len() < MOST_WITNESSES {
            self.witnesses.push(Arc::new(Witness {
                steps: game.steps.to_vec(),
                names: game.names.clone(),
                answers: game.answers,
            }));
        }
    }
}

/// The most sequences that are kept.
const MOST_WITNESSES: usize = 200;

/// The oracle's clock at the beginning of a sequence, and its steps.
const BEGINNING: i64 = 1_735_689_600_000_000;
const TICK: i64 = 1_000;

fn settings(profile: Profile, local: UtcOffset) -> Arc<Settings> {
    Arc::new(Settings {
        profile,
        local,
        ..Settings::default()
    })
}

fn headers() -> http::HeaderMap {
    use http::header::{ACCEPT, AUTHORIZATION, HeaderValue};
    let mut headers = http::HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(AUTHORIZATION, HeaderValue::from_static("Token any"));
    headers
}

/// A sequence while it is played.
pub struct Game<'s> {
    steps: &'s [Step],
    names: &'s Names,
    answers: Vec<Answered>,
    lines: Vec<Line>,
    has_narrowed: bool,
}

impl Game<'_> {
    /// Returns the target's answers so far.
    pub fn answers(&self) -> &[Answered] {
        &self.answers
    }
}

/// A candidate while a sequence is played.
struct Line {
    engine: Engine,
    settings: Arc<Settings>,
    shown: Shown,
    bindings: Bindings,
    next: i64,
    /// The readings that have influenced it so far.
    decided: Decided,
    /// Is true once the target's state is unknown, so that nothing is compared any more.
    is_adrift: bool,
}

impl Line {
    /// Answers a step and compares the answers. A request that is equal for both sides need not be
    /// built again.
    fn play(
        &mut self,
        oracle: &mut Oracle,
        names: &Names,
        (at, step): (usize, &Step),
        request: Option<&Request<Bytes>>,
        answered: &Answered,
    ) -> Result<Rule, Box<Difference>> {
        let own = Side {
            names,
            shown: &self.shown,
        };
        let made;
        let request = match request {
            Some(request) if request.uri().path().starts_with("/api/") => request,
            _ => {
                made = step
                    .request(own, &oracle.address)
                    .map(mounted)
                    .unwrap_or_default();
                &made
            }
        };
        // A copy makes the next write more expensive, so it is made only if it may be needed.
        let before = (!oracle.known.is_empty()).then(|| self.engine.clone());
        let now = self.now();
        let reply = self.engine.handle(request, now);
        let reads = i64::try_from(reply.clock_reads).unwrap_or_default();
        self.next += TICK * reads.max(1);
        self.decided = self.decided.union(reply.rule.decided);
        if self.is_adrift {
            return Ok(reply.rule);
        }
        let expected = Answered::of(reply.response.status().as_u16(), &reply.response);
        let mut theirs = Cow::Borrowed(answered);
        let mut patches = 0;
        let mut otherwise: Vec<Value> = Vec::new();
        loop {
            let compared = Compared {
                step,
                side: Side {
                    names,
                    shown: &self.shown,
                },
                profile: &self.settings.profile,
                stores: &mut oracle.stores,
                bindings: &mut self.bindings,
            }
            .compare(&expected, &theirs);
            let Err((summary, pointers)) = compared else {
                self.keep(step, &expected);
                for row in &otherwise {
                    self.adopt(oracle, None, row);
                }
                return Ok(reply.rule);
            };
            let causes = known::causes(step, &reply.rule, (&expected, &theirs), &pointers);
            if causes.is_empty() || !causes.iter().all(|cause| oracle.known.has(cause)) {
                return Err(Box::new(Difference {
                    at,
                    level: level(&reply.rule, step, (expected.status, answered.status)),
                    rule: format!(
                        "{}/{}; grade={}",
                        reply.rule.operation,
                        reply.rule.name,
                        reply.rule.grade.text()
                    ),
                    summary,
                    pointers,
                    expected,
                    got: answered.clone(),
                    causes,
                }));
            }
            // After a known member another one may differ too.
            patches += 1;
            otherwise.extend(row_of(answered, &pointers).cloned());
            if patches > MOST_PATCHES || !patched(&expected, &mut theirs, &pointers) {
                self.overlook(oracle, step, before, (&expected, answered));
                return Ok(reply.rule);
            }
        }
    }

    fn now(&self) -> Now {
        Now {
            at: Timestamp::from_micros(self.next).unwrap_or(Timestamp::EPOCH),
            tick: TICK,
        }
    }

    fn keep(&mut self, step: &Step, expected: &Answered) {
        if let Some(body) = &expected.body {
            self.shown.keep(step, body);
        }
    }

    /// Continues after an answer with a known difference, from the state that the target must have:
    /// without a write that it refused, and with one that only it accepted.
    fn overlook(
        &mut self,
        oracle: &Oracle,
        step: &Step,
        before: Option<Engine>,
        (expected, got): (&Answered, &Answered),
    ) {
        match (has_written(expected), has_written(got)) {
            (true, true) => self.keep(step, expected),
            _ if step.operation.is_reading() => {}
            // It is unknown how much was carried out.
            _ if got.status >= 500 => self.is_adrift = true,
            (false, false) => {}
            (true, false) => self.engine = before.unwrap_or_else(|| self.engine.clone()),
            (false, true) => {
                let row = got.body.as_ref();
                self.is_adrift = !row.is_some_and(|row| self.adopt(oracle, Some(step), row));
            }
        }
    }

    /// Copies a stock that the target shows into the engine; returns `false` if that is impossible.
    fn adopt(&mut self, oracle: &Oracle, step: Option<&Step>, row: &Value) -> bool {
        let Value::Object(theirs) = row else {
            return false;
        };
        let mut row = theirs.clone();
        for name in BOUND {
            row.shift_remove(name);
        }
        let text = |name: &str| theirs.get(name).and_then(Value::as_str).unwrap_or_default();
        let mut query = String::from("sku=");
        encode(text("sku"), &mut query);
        query.push_str("&location=");
        encode(text("location"), &mut query);
        let upsert = "/api/v1/stocks/insert_or_update_stock/";
        let upserted = self.ask(
            oracle,
            Method::POST,
            upsert,
            &Value::Object(row).to_string(),
        );
        let list = format!("/api/v1/stocks/?{query}");
        let listed = self.ask(oracle, Method::GET, &list, "");
        let is_it = |ours: &&Value| {
            let place = ["stock_type", "period", "stock", "reserved_stock"];
            place
                .iter()
                .all(|name| ours.get(*name) == theirs.get(*name))
        };
        let rows = listed
            .body
            .as_ref()
            .and_then(|page| page["results"].as_array());
        let ours = rows.and_then(|rows| rows.iter().find(is_it)).cloned();
        let Some(Value::Object(ours)) = ours.filter(|_| upserted.status == 200) else {
            return false;
        };
        self.bindings.rebind(&ours, theirs);
        if let Some(step) = step {
            self.shown.keep(step, &Value::Object(ours));
        }
        true
    }

    /// Sends the engine a request outside the sequence.
    fn ask(&mut self, oracle: &Oracle, method: Method, path: &str, body: &str) -> Answered {
        let mut request = Request::new(Bytes::from(body.to_owned()));
        *request.method_mut() = method;
        *request.uri_mut() = format!("http://localhost{path}")
            .parse()
            .unwrap_or_default();
        let headers = request.headers_mut();
        headers.clone_from(&oracle.address.headers);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let now = self.now();
        let reply = self.engine.handle(&request, now);
        let reads = i64::try_from(reply.clock_reads).unwrap_or_default();
        self.next += TICK * reads.max(1);
        Answered::of(reply.response.status().as_u16(), &reply.response)
    }
}

/// Returns the target's stock whose member differs, if a write may have left it so.
fn row_of<'a>(got: &'a Answered, pointers: &[String]) -> Option<&'a Value> {
    let [pointer] = pointers else {
        return None;
    };
    let (parent, name) = pointer.rsplit_once('/')?;
    let row = got.body.as_ref()?.pointer(parent)?;
    let is_stock = row.get("modified_date").is_some_and(Value::is_string);
    (is_stock && !BOUND.contains(&name)).then_some(row)
}

/// The most members of one answer that are corrected.
const MOST_PATCHES: usize = 16;

/// Members whose values differ between the two sides by nature.
const BOUND: [&str; 3] = ["id", "created_date", "modified_date"];

/// Returns `true` for a write that was applied; a reservation that was already reported was not.
fn has_written(answered: &Answered) -> bool {
    matches!(answered.status, 200..=207)
}

/// Corrects a member, or the status of a write, in the target's answer. Returns `false` if
/// something else differs.
fn patched(expected: &Answered, theirs: &mut Cow<'_, Answered>, pointers: &[String]) -> bool {
    if expected.status != theirs.status {
        let have_both = has_written(expected) && has_written(theirs);
        if have_both {
            theirs.to_mut().status = expected.status;
        }
        return have_both;
    }
    let [pointer] = pointers else {
        return false;
    };
    let Some((parent, name)) = pointer.rsplit_once('/') else {
        return false;
    };
    let is_member = expected.status < 400
        && !BOUND.contains(&name)
        && !name.is_empty()
        && !name.chars().all(|c| c.is_ascii_digit());
    let ours = expected
        .body
        .as_ref()
        .and_then(|body| body.pointer(pointer));
    let parent = theirs
        .to_mut()
        .body
        .as_mut()
        .and_then(|body| body.pointer_mut(parent));
    match (parent, ours) {
        (Some(Value::Object(members)), Some(ours)) if is_member => {
            members.insert(name.to_owned(), ours.clone());
            true
        }
        (Some(Value::Object(members)), None) if is_member => members.shift_remove(name).is_some(),
        _ => false,
    }
}

impl Answered {
    /// Reads an answer. The body is parsed if its content type is JSON.
    pub fn of(status: u16, response: &http::Response<Bytes>) -> Self {
        let media = response.headers().get(http::header::CONTENT_TYPE);
        let is_json = media.is_some_and(|media| media.as_bytes().starts_with(b"application/json"));
        Self {
            status,
            body: is_json
                .then(|| serde_json::from_slice(response.body()).ok())
                .flatten(),
        }
    }
}

/// Returns the level of a difference by the grade of its rule. A server error is always a MUST,
/// another wording of a documented refusal a SHOULD, and so is the refusal of a body that only the
/// stack accepts.
fn level(rule: &Rule, step: &Step, (expected, got): (u16, u16)) -> Level {
    let is_refused = expected < 300 && (400..500).contains(&got);
    match rule.grade {
        _ if got >= 500 => Level::Must,
        Grade::Documented if got == expected && got >= 400 => Level::Should,
        Grade::Documented if is_refused && is_beyond_the_documentation(step) => Level::Should,
        Grade::Documented => Level::Must,
        Grade::Stack | Grade::Reading => Level::Should,
        Grade::Observed => Level::May,
    }
}

/// Returns `true` if the documentation shows no body like that of a step: one without rows, with a
/// negative quantity, or with values of other types.
fn is_beyond_the_documentation(step: &Step) -> bool {
    let is_usual = |row: &Value| {
        let mut members = row.as_object().into_iter().flatten();
        members.all(|(name, value)| match name.as_str() {
            "stock" | "reserved_stock" => value.as_i64().is_some_and(|n| n >= 0),
            "is_active" => value.is_boolean(),
            "unit_type" | "stock_type" | "provider" | "location" => value.is_string(),
            _ => true,
        })
    };
    match &step.body {
        Body::None => false,
        Body::Json(Value::Array(rows)) | Body::Untyped(Value::Array(rows)) => {
            rows.is_empty() || !rows.iter().all(is_usual)
        }
        Body::Json(row) | Body::Untyped(row) => !is_usual(row),
    }
}

/// Returns a request in the form that the engine takes: the path before `/api/` goes into an
/// extension.
fn mounted(mut request: Request<Bytes>) -> Request<Bytes> {
    let uri = request.uri().clone();
    let Some(at) = uri.path().find("/api/").filter(|at| *at > 0) else {
        return request;
    };
    let (mount, path) = uri.path().split_at(at);
    let query = uri.query().map(|query| format!("?{query}"));
    let inner = format!(
        "{}://{}{path}{}",
        uri.scheme_str().unwrap_or("http"),
        uri.authority()
            .map_or("localhost", |authority| authority.as_str()),
        query.unwrap_or_default()
    );
    if let Ok(inner) = inner.parse() {
        *request.uri_mut() = inner;
        request.extensions_mut().insert(Mount(mount.to_owned()));
    }
    request
}
