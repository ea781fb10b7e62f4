//! Concurrent calls on few stocks, and the search for a sequential order of them that explains
//! every answer.
//!
//! Calls on one SKU do not affect another, so the history of each SKU is judged separately. The
//! possible answers depend on readings of the page: a target that keeps to one choice of each is
//! right.

pub mod check;
pub mod model;
mod timeline;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::Response;
use http::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue};
use serde_json::{Value, json};

use crate::random::Random;
use crate::steps::{Address, Body, Names, Operation, Shown, Side, Step};
use crate::{Aid, ExploreError};
use check::{Verdict, judge};
use model::{Call, PLACES, Row, Rules, Saw};
use whippy_probe::model::finding::{Exchange, Finding, Level, Record, Source};
use whippy_probe::model::outcome::{CheckReport, Outcome, Safety};
use whippy_probe::probe::Session;
use whippy_probe::transport::target::TargetError;
use whippy_probe::workers::{Stopwatch, race};

/// Settings of an exploration with many clients.
#[derive(Debug, Clone)]
pub struct Options {
    /// The seed of the calls.
    pub seed: u64,
    /// The number of clients at a time.
    pub clients: usize,
    /// The most requests.
    pub requests: u64,
    /// The longest duration, microseconds; `None`: only `requests` limits it.
    pub micros: Option<u64>,
    /// The rules that the target may follow.
    pub rules: Vec<Rules>,
}

/// The most clients.
pub const MOST_CLIENTS: usize = 64;

/// The result of an exploration with many clients.
#[derive(Debug, Default)]
pub struct Concurrent {
    /// Calls that were answered or abandoned.
    pub calls: u64,
    /// Requests that were sent.
    pub requests: u64,
    /// Histories that were judged.
    pub histories: u64,
    /// Histories that were too long to judge.
    pub undecided: u64,
    /// The rules that explain all histories.
    pub rules: Vec<Rules>,
    /// The number of calls of each kind with each kind of answer.
    pub outcomes: BTreeMap<String, u64>,
    /// Failures that a retry got past.
    pub surprises: BTreeMap<String, u64>,
    /// The first history without an order, shortened.
    pub broken: Option<Broken>,
    /// The reason why it ended early.
    pub aborted: Option<String>,
}

/// One call of one client.
#[derive(Debug, Clone)]
pub struct Event {
    /// The number of the client; 0 calls before and after all others.
    pub client: usize,
    /// The request.
    pub call: Call,
    /// The answer; `None` if it does not show that the call was carried out or not.
    pub saw: Option<Saw>,
    /// The moment when the request was sent, microseconds.
    pub start: u64,
    /// The moment when the answer arrived, microseconds; `None` without an answer.
    pub end: Option<u64>,
    /// The exchange, as it went over the wire.
    pub exchange: Option<Box<Exchange>>,
}

/// A history without an order.
#[derive(Debug)]
pub struct Broken {
    /// The contradiction in one line.
    pub summary: String,
    /// The calls, drawn over time.
    pub timeline: String,
    /// The calls.
    pub history: Vec<Event>,
}

/// The number of SKUs that the clients share.
const SKUS: usize = 2;

/// The number of calls in the history of a SKU, about; the history covers one round.
const CALLS: usize = 80;

/// The number of attempts to reproduce a contradiction with two of its calls alone.
const RETRIES: usize = 40;

/// Lets many clients call at once, until a history has no order.
pub fn concurrent(
    session: &Session,
    options: &Options,
    aid: Aid<'_>,
) -> Result<Concurrent, ExploreError> {
    let mut crowd = Crowd::new(session, options)?;
    let watch = Stopwatch::start();
    for round in 0.. {
        let is_over = crowd.result.requests >= options.requests
            || options.micros.is_some_and(|most| watch.micros() >= most)
            || crowd.result.broken.is_some()
            || crowd.result.aborted.is_some()
            || aid.stop.load(Ordering::Relaxed);
        if is_over {
            break;
        }
        crowd.round(options.seed, round);
        (aid.tell)(
            crowd.result.requests,
            usize::from(crowd.result.broken.is_some()),
        );
    }
    crowd.result.rules.clone_from(&crowd.rules);
    Ok(crowd.result)
}

struct Crowd<'a> {
    session: &'a Session,
    address: Address,
    places: Names,
    /// The number of locations that the calls use.
    locations: usize,
    clients: usize,
    by_query: bool,
    rules: Vec<Rules>,
    watch: Stopwatch,
    result: Concurrent,
}

/// The calls of one client in a round, in order, each with the index of its SKU.
type Script = Vec<(usize, Call)>;

impl<'a> Crowd<'a> {
    fn new(session: &'a Session, options: &Options) -> Result<Self, ExploreError> {
        let mut places = Names::default();
        for name in ["provider", "location", "second-location"] {
            if let Some(Value::String(text)) = session.environment.get(name) {
                places.set(name, text.as_str());
            }
        }
        for needed in ["provider", "location"] {
            if places.get(needed).is_none() {
                return Err(ExploreError::Needs(needed));
            }
        }
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let token = session.token.as_deref().unwrap_or_default();
        if let Ok(mut value) = HeaderValue::from_str(&format!("Token {token}")) {
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let locations = if places.get("second-location").is_some() {
            PLACES
        } else {
            1
        };
        let mut crowd = Self {
            session,
            address: Address {
                base: session.target.base().to_owned(),
                headers,
            },
            locations,
            places,
            clients: options.clients.clamp(1, MOST_CLIENTS),
            by_query: false,
            rules: options.rules.clone(),
            watch: Stopwatch::start(),
            result: Concurrent::default(),
        };
        crowd.by_query = crowd.reads_queries();
        Ok(crowd)
    }

    /// Returns `true` if the target reads the arguments of a reservation only from the query.
    fn reads_queries(&mut self) -> bool {
        let names = self.names();
        let call = Call::Increase {
            place: 0,
            date: None,
        };
        let event = self.call(&names, 0, call);
        matches!(event.saw, Some(Saw::Other(400)))
    }

    fn names(&self) -> Names {
        let mut names = self.places.clone();
        names.set("sku", self.session.fresh_sku());
        names
    }

    /// Plays one round: the clients start together, and stocks are listed before and after.
    fn round(&mut self, seed: u64, round: u64) {
        let skus: Vec<Names> = (0..SKUS).map(|_| self.names()).collect();
        let mut random = Random::of(seed, round);
        let mut before: Vec<Script> = vec![Vec::new(); SKUS];
        for (sku, script) in before.iter_mut().enumerate() {
            if !random.one_in(3) {
                let stock = quantity(&mut random);
                script.push((sku, Call::Create { place: 0, stock }));
            }
        }
        let length = (CALLS * SKUS / self.clients).clamp(1, 8);
        let mut scripts: Vec<Script> = Vec::new();
        for _ in 0..self.clients {
            let calls = (0..length).map(|_| (random.below(SKUS), self.any_call(&mut random)));
            scripts.push(calls.collect());
        }
        let before: Script = before.into_iter().flatten().collect();
        for history in self.play(&skus, &before, &scripts) {
            self.judge(history);
        }
    }

    fn any_call(&self, random: &mut Random) -> Call {
        let place = random.below(self.locations);
        let date = random.one_in(2).then(|| random.below(4));
        match random.below(20) {
            0..7 => Call::Increase { place, date },
            7..12 => Call::Decrease { place, date },
            12..15 => Call::Create {
                place,
                stock: quantity(random),
            },
            15..18 => Call::Upsert {
                place,
                stock: quantity(random),
            },
            _ => Call::Look,
        }
    }

    /// Plays a round, and returns the history of each SKU.
    fn play(&mut self, skus: &[Names], before: &Script, scripts: &[Script]) -> Vec<Vec<Event>> {
        let mut histories: Vec<Vec<Event>> = vec![Vec::new(); skus.len()];
        for (sku, call) in before {
            histories[*sku].push(self.call(&skus[*sku], 0, *call));
        }
        let crowd = &*self;
        let played = race(scripts.len(), |client| {
            let calls = scripts[client].iter();
            let events =
                calls.map(|(sku, call)| (*sku, crowd.call(&skus[*sku], client + 1, *call)));
            events.collect::<Vec<_>>()
        });
        for (sku, event) in played.into_iter().flatten() {
            histories[sku].push(event);
        }
        for (sku, history) in histories.iter_mut().enumerate() {
            history.push(self.call(&skus[sku], 0, Call::Look));
        }
        for event in histories.iter_mut().flatten() {
            self.count(event);
        }
        for history in &mut histories {
            // A call that was refused before it was carried out is not part of the history.
            history.retain(|event| event.saw != Some(Saw::NotTaken));
        }
        histories
    }

    fn count(&mut self, event: &Event) {
        self.result.calls += 1;
        self.result.requests += 1;
        let kind = event.call.kind();
        let came = match &event.saw {
            Some(saw) => saw.kind(),
            None => "no answer".to_owned(),
        };
        if matches!(event.saw, None | Some(Saw::NotTaken)) {
            let told = format!("{kind}: {came}, and was not repeated");
            *self.result.surprises.entry(told).or_default() += 1;
        }
        *self
            .result
            .outcomes
            .entry(format!("{kind} {came}"))
            .or_default() += 1;
    }

    fn call(&self, names: &Names, client: usize, call: Call) -> Event {
        let shown = Shown::default();
        let side = Side {
            names,
            shown: &shown,
        };
        let step = step_of(call, self.by_query);
        let request = step.request(side, &self.address).unwrap_or_default();
        let start = self.watch.micros();
        let answer = self.session.target.send(&request);
        let end = self.watch.micros();
        let saw = saw(&answer, names);
        Event {
            client,
            call,
            end: saw.is_some().then_some(end),
            saw,
            start,
            exchange: Some(Box::new(Exchange {
                step: call.kind().to_owned(),
                request,
                answer: answer.map_err(|error| error.to_string()),
            })),
        }
    }

    fn judge(&mut self, history: Vec<Event>) {
        self.result.histories += 1;
        match standing(&history, &self.rules) {
            Standing::Explained(rules) => self.rules = rules,
            Standing::Undecided => self.result.undecided += 1,
            Standing::Broken => {
                let rules = self.rules.clone();
                let history = check::shortest(history, &rules);
                let history = match self.alone(&history) {
                    Some(fewer) if fewer.len() < history.len() => fewer,
                    _ => history,
                };
                self.result.broken = Some(Broken {
                    summary: timeline::summary(&history),
                    timeline: timeline::draw(&history),
                    history,
                });
            }
        }
    }

    /// Tries pairs of calls from a broken history at once, on SKUs of their own. Returns the
    /// shorter history if a pair breaks one again.
    fn alone(&mut self, history: &[Event]) -> Option<Vec<Event>> {
        let mut pairs: Vec<(Call, Call)> = Vec::new();
        for (position, first) in history.iter().enumerate() {
            for second in &history[position + 1..] {
                let are_at_once = first.client != second.client
                    && first.end.is_none_or(|end| second.start <= end)
                    && second.end.is_none_or(|end| first.start <= end);
                let pair = (first.call, second.call);
                let writes = first.call != Call::Look && second.call != Call::Look;
                if are_at_once && writes && !pairs.contains(&pair) {
                    pairs.push(pair);
                }
            }
        }
        pairs.sort_by_key(|(first, second)| first.kind() != second.kind());
        pairs.truncate(RETRIES);
        let mut shortest: Option<Vec<Event>> = None;
        for _ in 0..RETRIES.div_ceil(pairs.len().max(1)) {
            for (first, second) in &pairs {
                for is_there in [true, false] {
                    let skus = [self.names()];
                    let place = first.place();
                    let mut before: Script = Vec::new();
                    if is_there {
                        before.push((0, Call::Create { place, stock: 5 }));
                    }
                    if is_there && matches!(first, Call::Decrease { .. }) {
                        // A decrease needs something to release.
                        before.extend([(0, Call::Increase { place, date: None }); 2]);
                    }
                    let scripts = [vec![(0, *first)], vec![(0, *second)]];
                    for history in self.play(&skus, &before, &scripts) {
                        if !matches!(standing(&history, &self.rules), Standing::Broken) {
                            continue;
                        }
                        let fewer = check::shortest(history, &self.rules);
                        if shortest
                            .as_ref()
                            .is_none_or(|known| fewer.len() < known.len())
                        {
                            shortest = Some(fewer);
                        }
                    }
                }
            }
            if shortest.is_some() {
                break;
            }
        }
        shortest
    }
}

/// Returns a random quantity of a stock.
fn quantity(random: &mut Random) -> i64 {
    i64::try_from(random.below(8)).unwrap_or_default()
}

enum Standing {
    /// These rules have an order.
    Explained(Vec<Rules>),
    /// Finding an order would take too long.
    Undecided,
    /// No rules have an order.
    Broken,
}

fn standing(history: &[Event], rules: &[Rules]) -> Standing {
    let mut explaining = Vec::new();
    let mut is_undecided = false;
    for rules in rules {
        match judge(history, *rules) {
            Verdict::Ordered => explaining.push(*rules),
            Verdict::Unordered => {}
            Verdict::Undecided => is_undecided = true,
        }
    }
    match (explaining.is_empty(), is_undecided) {
        (false, _) if !is_undecided => Standing::Explained(explaining),
        (true, false) => Standing::Broken,
        _ => Standing::Undecided,
    }
}

/// The dates of reservations: two long past, and two in the far future, since a reading may
/// distinguish these.
const DATES: [&str; 4] = [
    "2001-01-01T00:00:00+03:00",
    "2099-01-01T00:00:00+03:00",
    "2001-01-02T00:00:00+03:00",
    "2099-01-02T00:00:00+03:00",
];

const LOCATIONS: [&str; PLACES] = ["${location}", "${second-location}"];

fn step_of(call: Call, by_query: bool) -> Step {
    let stock_at = |place: usize, stock: i64| {
        json!({
            "sku": "${sku}", "provider": "${provider}", "location": LOCATIONS[place],
            "stock": stock,
        })
    };
    let (operation, query, body) = match call {
        Call::Create { place, stock } => (
            Operation::Create,
            Vec::new(),
            Body::Json(stock_at(place, stock)),
        ),
        Call::Upsert { place, stock } => (
            Operation::Upsert,
            Vec::new(),
            Body::Json(stock_at(place, stock)),
        ),
        Call::Increase { place, date } | Call::Decrease { place, date } => {
            let mut arguments = vec![
                ("sku", "${sku}"),
                ("provider", "${provider}"),
                ("location", LOCATIONS[place]),
            ];
            arguments.extend(date.map(|date| ("date", DATES[date])));
            let operation = match call {
                Call::Increase { .. } => Operation::Increase,
                _ => Operation::Decrease,
            };
            let texts = arguments.into_iter();
            if by_query {
                let query = texts.map(|(name, text)| (name.to_owned(), text.to_owned()));
                (operation, query.collect(), Body::None)
            } else {
                let body = texts.map(|(name, text)| (name.to_owned(), Value::from(text)));
                (operation, Vec::new(), Body::Json(body.collect()))
            }
        }
        Call::Look => {
            let query = [("sku", "${sku}"), ("limit", "10")];
            let query = query.map(|(name, value)| (name.to_owned(), value.to_owned()));
            (Operation::List, query.to_vec(), Body::None)
        }
    };
    Step {
        name: 0,
        operation,
        query,
        body,
    }
}

/// Returns the content of an answer; `None` if it does not show that the call was carried out or
/// not.
fn saw(answer: &Result<Response<Bytes>, TargetError>, names: &Names) -> Option<Saw> {
    let response = match answer {
        Ok(response) => response,
        Err(TargetError::Forbidden(_)) => return Some(Saw::NotTaken),
        Err(_) => return None,
    };
    let status = response.status().as_u16();
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    Some(match status {
        429 => Saw::NotTaken,
        502..=504 => return None,
        201 => match row_of(&body, names) {
            Some((_, row)) => Saw::Stock(row),
            None => Saw::Other(status),
        },
        208 => Saw::Reported,
        404 => Saw::Missing,
        400 if body.get("stock_exists_error").is_some() => Saw::Exists,
        200 if body.get("results").is_some() => rows_of(&body, names),
        200 => Saw::Done,
        other => Saw::Other(other),
    })
}

fn row_of(row: &Value, names: &Names) -> Option<(usize, Row)> {
    let number = |name: &str| row.get(name).and_then(Value::as_i64);
    let code = row["location"].as_str()?;
    let place = ["location", "second-location"]
        .iter()
        .position(|name| names.get(name) == Some(code))?;
    let row = Row {
        stock: number("stock")?,
        reserved: number("reserved_stock")?,
    };
    Some((place, row))
}

fn rows_of(page: &Value, names: &Names) -> Saw {
    let mut rows = [None; PLACES];
    for row in page["results"].as_array().into_iter().flatten() {
        match row_of(row, names) {
            Some((place, row)) if rows[place].is_none() => rows[place] = Some(row),
            // The model never has two stocks at one place.
            _ => return Saw::Other(200),
        }
    }
    Saw::Rows(rows)
}

/// Returns the check for reports.
pub fn check(came: &Concurrent, session: &Session) -> CheckReport {
    let findings: Vec<Finding> = came
        .broken
        .iter()
        .map(|broken| Finding {
            got: Some(broken.timeline.clone()),
            exchanges: broken
                .history
                .iter()
                .filter_map(|event| event.exchange.as_deref())
                .map(|exchange| Record::new(exchange, &session.secrets))
                .collect(),
            ..Finding::new(Level::Must, broken.summary.clone())
        })
        .collect();
    let reason = (came.undecided > 0).then(|| {
        format!(
            "{} of {} histories were too long to judge",
            came.undecided, came.histories
        )
    });
    let source = Source {
        section: "Increase Reserved Stock".to_owned(),
        quote: "This method is used to increase the reserved stock for the specified SKU, \
                location and provider."
            .to_owned(),
    };
    let title = "Calls at once are answered as if they had come one after the other";
    let id = "explore/concurrent-calls-have-an-order";
    CheckReport {
        outcome: if findings.is_empty() {
            Outcome::Pass
        } else {
            Outcome::Fail
        },
        reason,
        findings,
        requests: came.requests,
        ..CheckReport::passed(id, title, Level::Must, source, Safety::Write)
    }
}

/// Summarizes the result in a few lines.
pub fn summary(came: &Concurrent) -> String {
    use std::fmt::Write as _;
    let mut text = format!(
        "concurrent\n  {} calls, {} histories of one SKU each, {} without a verdict\n",
        came.calls, came.histories, came.undecided
    );
    for (what, times) in &came.outcomes {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "  {what} ×{times}");
    }
    if let Some(broken) = &came.broken {
        let _ = write!(text, "  {}\n\n{}", broken.summary, broken.timeline);
    }
    text
}
