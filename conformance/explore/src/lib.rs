//! Model-based testing: sequences of requests made from a seed are sent to the target and to the
//! engine, until their answers differ under every reading of the page.
//!
//! A sequence uses SKUs that nothing else has, so it can be sent again: in a shorter form that
//! still shows the difference, or after it was stored.

pub mod calibrate;
pub mod concurrent;
pub mod generate;
pub mod oracle;
mod player;
pub mod random;
mod shrink;
pub mod steps;
pub mod survey;
pub mod tell;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use whippy_engine::profile::{Profile, Reading};
use whippy_engine::store::world::WorldError;

use crate::oracle::{Answered, Difference, Oracle};
use crate::steps::{Names, Operation, RecordedAnswer, SKUS, Step, Trace};
use generate::{Scope, sequence};
use player::{Lost, Played, Player};
use survey::Survey;
use whippy_probe::model::finding::{Exchange, Level};
use whippy_probe::probe::{Session, Stop};
use whippy_probe::text::other_case;
use whippy_probe::workers::Stopwatch;

/// Settings of an exploration.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools)] // Each is a question of its own.
pub struct Options {
    /// The seed of the sequences.
    pub seed: u64,
    /// The most requests, without those for shrinking.
    pub requests: u64,
    /// The longest duration, microseconds; `None`: only `requests` limits it.
    pub micros: Option<u64>,
    /// The number of different kinds of differences after which it ends.
    pub most_differences: usize,
    /// Is true if stocks may be written.
    pub writes: bool,
    /// Is true if nobody else writes to the target.
    pub is_exclusive: bool,
    /// Is true if the alias of the active stocks may be requested. A service that does not know
    /// this path may take it for another one.
    pub asks_alias: bool,
    /// The initial readings.
    pub profile: Profile,
    /// The readings that are required of the target.
    pub held: Vec<Reading>,
    /// The most requests for shrinking one difference; 0: it is reported as it was found.
    pub shrinking: u64,
    /// Is true if answers are also judged by `openapi.json`, which measures coverage.
    pub is_covered: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 1,
            requests: 10_000,
            micros: None,
            most_differences: 40,
            writes: true,
            is_exclusive: false,
            asks_alias: true,
            profile: Profile::default(),
            held: Vec::new(),
            shrinking: 4_000,
            is_covered: false,
        }
    }
}

/// Functions that the caller of an exploration provides.
#[derive(Clone, Copy)]
pub struct Aid<'a> {
    /// Set to end it after the present sequence.
    pub stop: &'a AtomicBool,
    /// Waits for a time.
    pub pause: &'a (dyn Fn(Duration) + Sync),
    /// Receives the progress: requests sent, and differences found.
    pub tell: &'a (dyn Fn(u64, usize) + Sync),
}

/// The result of an exploration.
#[derive(Debug, Default)]
pub struct Explored {
    /// The number of completed sequences.
    pub sequences: u64,
    /// The number of sequences abandoned after a write without an answer.
    pub abandoned: u64,
    /// The number of requests sent for the sequences.
    pub steps: u64,
    /// The number of all requests sent.
    pub requests: u64,
    /// The number of answers of each status, by operation.
    pub statuses: BTreeMap<(Operation, u16), u64>,
    /// The rules that decided answers.
    pub rules: BTreeSet<(&'static str, &'static str)>,
    /// The number of answers that each reading influenced, by its id.
    pub readings: BTreeMap<&'static str, u64>,
    /// The choices that explain all answers, for the readings that had an influence.
    pub choices: BTreeMap<&'static str, Vec<String>>,
    /// The leading profile.
    pub profile: Profile,
    /// Failures that a retry got past, each with its number of occurrences.
    pub surprises: BTreeMap<String, u64>,
    /// The differences, one of each kind.
    pub differences: Vec<Found>,
    /// The number of further differences of the same kinds.
    pub again: u64,
    /// The reason why no more requests were sent, if the write budget was spent.
    pub spent: Option<String>,
    /// The reason why it ended early.
    pub aborted: Option<String>,
}

/// A difference, and the shortest sequence that shows it.
#[derive(Debug)]
pub struct Found {
    /// The difference, in the shortened sequence.
    pub difference: Difference,
    /// The sequence with the answers.
    pub trace: Trace,
    /// The requests and answers, as they went over the wire.
    pub exchanges: Vec<Exchange>,
    /// The number of steps before the sequence was shortened.
    pub before: usize,
    /// Is true if it recurred when the same sequence was sent once more.
    pub is_steady: bool,
    /// The values of the names.
    pub names: Names,
}

/// Reasons why an exploration cannot begin or go on.
#[derive(Debug)]
pub enum ExploreError {
    /// Writing needs a name that this flag gives.
    Needs(&'static str),
    /// There is no stock to read, and none may be written.
    NoStock,
    /// The target shows no provider.
    NoProvider,
    /// The places that the target shows contradict each other.
    World(WorldError),
    /// The stocks of a SKU cannot be read.
    Unseen(String, Stop),
    /// A trace writes, and the run only reads.
    ReadOnly,
}

impl fmt::Display for ExploreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Needs(name) => write!(f, "nothing can be written without --{name}"),
            Self::NoStock => f.write_str("there is no stock to look at, and none may be written"),
            Self::NoProvider => {
                f.write_str("the target shows no provider: give --provider and --location")
            }
            Self::World(why) => write!(f, "the target's places make no world: {why}"),
            Self::Unseen(sku, stop) => {
                write!(f, "the stocks of {sku} cannot be looked at: {stop:?}")
            }
            Self::ReadOnly => {
                f.write_str("the trace writes, and this run only reads: --write allows it")
            }
        }
    }
}

impl std::error::Error for ExploreError {}

/// Explores a target.
pub fn explore(
    session: &Session,
    options: &Options,
    aid: Aid<'_>,
) -> Result<Explored, ExploreError> {
    let mut explorer = Explorer::new(session, options, aid)?;
    explorer.run(options);
    Ok(explorer.concluded())
}

/// Plays the steps of a trace against a target, and shrinks a difference.
pub fn replay(
    session: &Session,
    trace: &Trace,
    options: &Options,
    aid: Aid<'_>,
) -> Result<Explored, ExploreError> {
    let mut explorer = Explorer::new(session, options, aid)?;
    if !options.writes && trace.steps.iter().any(|step| !step.operation.is_reading()) {
        return Err(ExploreError::ReadOnly);
    }
    let names = explorer.fresh_names();
    explorer.sequence((trace.seed, trace.sequence), &trace.steps, &names, options);
    Ok(explorer.concluded())
}

struct Explorer<'a> {
    session: &'a Session,
    player: Player<'a>,
    oracle: Oracle,
    places: Names,
    survey: Survey,
    scope: Scope,
    aid: Aid<'a>,
    watch: Stopwatch,
    explored: Explored,
    /// Kinds of differences that did not recur, which are reported once.
    unsteady: HashSet<String>,
    /// Operations that were reported to give no answer.
    silent: HashSet<String>,
    /// Writes of each operation in a row without an answer.
    unanswered: BTreeMap<Operation, u32>,
}

/// The most requests for shrinking a difference of wording alone.
const MOST_FOR_WORDS: u64 = 60;

/// The number of writes of one operation in a row without an answer after which no more are sent.
const UNANSWERED: u32 = 5;

impl<'a> Explorer<'a> {
    fn new(session: &'a Session, options: &Options, aid: Aid<'a>) -> Result<Self, ExploreError> {
        let mut player = Player::new(session, aid, options.is_covered);
        let survey = Survey::take(session, &mut player, options)?;
        let places = survey.names.clone();
        let oracle = Oracle::new(
            survey.start.clone(),
            session.target.base(),
            options.profile.clone(),
            &options.held,
        );
        let mut scope = Scope::of(&places, options.writes);
        scope.has_alias = options.asks_alias;
        Ok(Self {
            session,
            player,
            oracle,
            places,
            survey,
            scope,
            aid,
            watch: Stopwatch::start(),
            explored: Explored::default(),
            unsteady: HashSet::new(),
            silent: HashSet::new(),
            unanswered: BTreeMap::new(),
        })
    }

    fn run(&mut self, options: &Options) {
        for number in 0.. {
            if self.is_over(options) {
                break;
            }
            let scope = self.scope.clone().under(&self.oracle.profile());
            let steps = sequence(options.seed, number, &scope);
            let names = if options.writes {
                self.fresh_names()
            } else {
                match self.survey.look_again(self.session, number) {
                    Ok(names) => {
                        self.oracle.set_start(self.survey.start.clone());
                        names
                    }
                    Err(why) => {
                        self.explored.aborted = Some(why.to_string());
                        break;
                    }
                }
            };
            self.sequence((options.seed, number), &steps, &names, options);
            (self.aid.tell)(self.explored.steps, self.explored.differences.len());
        }
    }

    fn is_over(&self, options: &Options) -> bool {
        let most = options.micros;
        self.explored.steps >= options.requests
            || most.is_some_and(|most| self.watch.micros() >= most)
            || self.explored.differences.len() >= options.most_differences
            || self.explored.aborted.is_some()
            || self.explored.spent.is_some()
            || self.aid.stop.load(Ordering::Relaxed)
    }

    /// Returns the names of the places, with SKUs that nothing else has.
    fn fresh_names(&self) -> Names {
        with_fresh_skus(self.session, &self.places)
    }

    /// Plays a sequence, and again after each difference: the difference is added to the model, so
    /// that later steps can be judged too.
    fn sequence(&mut self, origin: (u64, u64), steps: &[Step], names: &Names, options: &Options) {
        let mut names = names.clone();
        while self.once(origin, steps, &names, options) {
            if self.is_over(options) {
                return;
            }
            if options.writes {
                names = self.fresh_names();
            }
        }
    }

    /// Plays a sequence; returns `true` if it showed a difference that is now part of the model.
    fn once(
        &mut self,
        origin: (u64, u64),
        steps: &[Step],
        names: &Names,
        options: &Options,
    ) -> bool {
        let played = self.play(steps, names);
        match played {
            Played::Same => {
                self.explored.sequences += 1;
                self.unanswered.clear();
            }
            Played::Lost(lost) => self.lost(&lost, steps, names, origin),
            Played::Spent(why) if self.explored.sequences > 0 => self.explored.spent = Some(why),
            Played::Aborted(why) | Played::Spent(why) => self.explored.aborted = Some(why),
            Played::Different(difference, answers) => {
                if !options.writes && self.has_moved(names) {
                    let told = "somebody else wrote meanwhile: the sequence tells nothing";
                    *self.explored.surprises.entry(told.to_owned()).or_default() += 1;
                    return false;
                }
                if !self.unsteady.contains(&difference.kind()) {
                    return self.found(origin, steps, names, (*difference, answers), options);
                }
                self.explored.again += 1;
            }
        }
        false
    }

    fn play(&mut self, steps: &[Step], names: &Names) -> Played {
        let before = self.player.sent;
        let explored = &mut self.explored;
        let played = self.player.play(
            &mut self.oracle,
            steps,
            names,
            &mut |step, status, judged| {
                *explored
                    .statuses
                    .entry((step.operation, status))
                    .or_default() += 1;
                if let Some(rule) = judged.and_then(|judged| judged.rule) {
                    explored.rules.insert((rule.operation, rule.name));
                    for reading in rule.decided.iter() {
                        *explored.readings.entry(reading.id()).or_default() += 1;
                    }
                }
            },
        );
        self.explored.steps += self.player.sent - before;
        played
    }

    /// Returns `true` if the stocks that a reading sequence uses have changed meanwhile.
    fn has_moved(&mut self, names: &Names) -> bool {
        self.survey.has_moved(self.session, names)
    }

    /// Handles a write without an answer: its effect is unknown, so the sequence ends.
    fn lost(&mut self, lost: &Lost, steps: &[Step], names: &Names, origin: (u64, u64)) {
        self.explored.abandoned += 1;
        let step = &steps[lost.at];
        let count = self.unanswered.entry(step.operation).or_default();
        *count += 1;
        if *count < UNANSWERED {
            return;
        }
        *count = 0;
        let nothing = Answered {
            status: 0,
            body: None,
        };
        let difference = Difference {
            at: lost.at,
            level: Level::Must,
            rule: format!("{}/answers; grade=documented", step.operation.id()),
            summary: format!(
                "expected an answer, got none {UNANSWERED} times in a row: {}",
                lost.why
            ),
            pointers: Vec::new(),
            expected: nothing.clone(),
            got: nothing,
            causes: Vec::new(),
        };
        if self.silent.insert(difference.kind()) {
            let steps = &steps[..=lost.at];
            let trace = self.trace(origin, steps, names, &lost.answers, &difference);
            self.explored.differences.push(Found {
                difference,
                trace,
                exchanges: std::mem::take(&mut self.player.transcript),
                before: steps.len(),
                is_steady: true,
                names: names.clone(),
            });
        }
    }

    /// Reports a difference after shrinking it; returns `true` if it recurred and is now part of
    /// the model.
    fn found(
        &mut self,
        origin: (u64, u64),
        steps: &[Step],
        names: &Names,
        (difference, answers): (Difference, Vec<Answered>),
        options: &Options,
    ) -> bool {
        let steps = &steps[..=difference.at];
        // For another wording the sentence tells everything.
        let most = if difference.is_of_words() {
            options.shrinking.min(MOST_FOR_WORDS)
        } else {
            options.shrinking
        };
        let as_it_came = shrink::Shown {
            steps: steps.to_vec(),
            names: names.clone(),
            difference,
            answers,
            exchanges: std::mem::take(&mut self.player.transcript),
        };
        let (session, places) = (self.session, self.places.clone());
        let reading = (!options.writes).then(|| names.clone());
        let mut names = move || {
            reading
                .clone()
                .unwrap_or_else(|| with_fresh_skus(session, &places))
        };
        let shrunk = shrink::shrink(
            &mut self.player,
            &self.oracle,
            &mut names,
            &as_it_came,
            most,
        );
        let (shown, is_steady) = match shrunk {
            Some(shown) => (shown, true),
            None => (as_it_came, options.shrinking == 0),
        };
        if is_steady {
            self.oracle.take_in(&shown.difference);
        } else {
            self.unsteady.insert(shown.difference.kind());
        }
        let trace = self.trace(
            origin,
            &shown.steps,
            &shown.names,
            &shown.answers,
            &shown.difference,
        );
        self.explored.differences.push(Found {
            difference: shown.difference,
            trace,
            exchanges: shown.exchanges,
            before: steps.len(),
            is_steady,
            names: shown.names,
        });
        is_steady
    }

    fn trace(
        &self,
        (seed, sequence): (u64, u64),
        steps: &[Step],
        names: &Names,
        answers: &[Answered],
        difference: &Difference,
    ) -> Trace {
        let names = names.iter();
        let redact = |text: &str| self.session.secrets.redact(text);
        Trace {
            trace: crate::steps::FORMAT,
            tool: concat!("whippy-conformance ", env!("CARGO_PKG_VERSION")).to_owned(),
            target: redact(self.session.target.base()),
            seed,
            sequence,
            names: names
                .map(|(name, text)| (name.to_owned(), Value::from(redact(text))))
                .collect(),
            steps: steps.to_vec(),
            answers: answers
                .iter()
                .map(|answered| RecordedAnswer {
                    status: answered.status,
                    body: redacted(answered.body.clone().unwrap_or_default(), &redact),
                })
                .collect(),
            difference: redact(&difference.summary),
        }
    }

    fn concluded(mut self) -> Explored {
        let seen: Vec<&'static str> = self.explored.readings.keys().copied().collect();
        for reading in Reading::ALL {
            let has_changed =
                self.oracle.profile().choice(*reading) != Profile::default().choice(*reading);
            if has_changed || seen.contains(&reading.id()) {
                let choices = self.oracle.choices(*reading);
                self.explored.choices.insert(reading.id(), choices);
            }
        }
        self.explored.profile = self.oracle.profile();
        for (surprise, times) in std::mem::take(&mut self.player.surprises) {
            *self.explored.surprises.entry(surprise).or_default() += times;
        }
        self.explored.requests = self.player.sent;
        self.explored
    }
}

fn with_fresh_skus(session: &Session, places: &Names) -> Names {
    let mut names = places.clone();
    for name in SKUS {
        names.set(name, session.fresh_sku());
    }
    let sku = names.get("sku").map(other_case);
    names.set("sku-of-other-case", sku.unwrap_or_default());
    names
}

fn redacted(mut value: Value, redact: &dyn Fn(&str) -> String) -> Value {
    match &mut value {
        Value::String(text) => *text = redact(text),
        Value::Array(items) => {
            for item in items {
                *item = redacted(item.take(), redact);
            }
        }
        Value::Object(members) => {
            for member in members.values_mut() {
                *member = redacted(member.take(), redact);
            }
        }
        _ => {}
    }
    value
}
