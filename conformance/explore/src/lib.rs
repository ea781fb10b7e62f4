//! Model-based testing: sequences of requests out of a seed, sent to the target and asked
//! of the engine, until the two differ under every reading of the page.
//!
//! A sequence works on SKUs that nothing else has, so that it may be sent again: shrunk,
//! to the shortest that still shows the difference, or stored and replayed.

pub mod calibrate;
pub mod concurrent;
pub mod generate;
pub mod ground;
pub mod oracle;
mod player;
pub mod random;
mod shrink;
pub mod steps;
pub mod tell;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use whippy_engine::profile::{Profile, Reading};

use crate::oracle::{Answered, Difference, Oracle};
use crate::steps::{Names, Operation, RecordedAnswer, SKUS, Step, Trace};
use generate::{Scope, sequence};
use ground::Survey;
use player::{Lost, Played, Player};
use whippy_probe::model::finding::{Exchange, Level};
use whippy_probe::probe::Session;
use whippy_probe::text::other_case;
use whippy_probe::workers::Stopwatch;

/// Settings of an exploration.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools)] // Each is a question of its own.
pub struct Options {
    /// The seed of the sequences.
    pub seed: u64,
    /// The most requests, those for shrinking aside.
    pub requests: u64,
    /// The longest that it goes on, microseconds; `None`: as long as the requests last.
    pub micros: Option<u64>,
    /// After so many differences of different kinds it ends.
    pub most_differences: usize,
    /// `true` if stocks may be written.
    pub writes: bool,
    /// `true` if nobody else writes to the target.
    pub is_exclusive: bool,
    /// `true` if the alias of the active stocks may be asked: who does not know the path may
    /// take it for another.
    pub asks_alias: bool,
    /// The readings to begin with.
    pub profile: Profile,
    /// Those of them that the target is held to.
    pub held: Vec<Reading>,
    /// The most requests for shrinking one difference; none: it is told as it came.
    pub shrinking: u64,
    /// `true` if answers are held to `openapi.json` as well, for the coverage.
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

/// Services that only the caller of an exploration has.
#[derive(Clone, Copy)]
pub struct Aid<'a> {
    /// Set to end it after the sequence under way.
    pub stop: &'a AtomicBool,
    /// Waits.
    pub pause: &'a (dyn Fn(Duration) + Sync),
    /// Is told how far it is: requests sent, and differences found.
    pub tell: &'a (dyn Fn(u64, usize) + Sync),
}

/// The result of an exploration.
#[derive(Debug, Default)]
pub struct Explored {
    /// The number of sequences that were played to their end.
    pub sequences: u64,
    /// Those given up, as a write in them got no answer.
    pub abandoned: u64,
    /// The number of requests that were sent for the sequences.
    pub steps: u64,
    /// The number of requests that were sent at all.
    pub requests: u64,
    /// The number of times each status came, by operation.
    pub statuses: BTreeMap<(Operation, u16), u64>,
    /// The rules that decided.
    pub rules: BTreeSet<(&'static str, &'static str)>,
    /// The number of times each reading had a say, by its id.
    pub readings: BTreeMap<&'static str, u64>,
    /// The choices that explain all that was seen, for the readings that had a say.
    pub choices: BTreeMap<&'static str, Vec<String>>,
    /// The leading profile.
    pub profile: Profile,
    /// Failures that a retry got over, and how often.
    pub surprises: BTreeMap<String, u64>,
    /// The differences, each of another kind.
    pub differences: Vec<Found>,
    /// The number of further differences of the same kinds.
    pub again: u64,
    /// Why no more was sent, though there was nothing wrong: the write budget is spent.
    pub spent: Option<String>,
    /// Why it ended early.
    pub aborted: Option<String>,
}

/// A difference, and the shortest sequence that shows it.
#[derive(Debug)]
pub struct Found {
    /// The difference, in the shortened sequence.
    pub difference: Difference,
    /// The sequence and what came.
    pub trace: Trace,
    /// The requests and answers, as they went over the wire.
    pub exchanges: Vec<Exchange>,
    /// The number of steps the sequence had before it was shortened.
    pub before: usize,
    /// `true` if it came again when the same was sent once more.
    pub is_steady: bool,
    /// The values of the names.
    pub names: Names,
}

/// Explores a target. An error is a sentence: why it cannot begin.
pub fn explore(session: &Session, options: &Options, aid: Aid<'_>) -> Result<Explored, String> {
    let mut explorer = Explorer::new(session, options, aid)?;
    explorer.run(options);
    Ok(explorer.concluded())
}

/// Plays the steps of a trace against a target, and shrinks what differs.
pub fn replay(
    session: &Session,
    trace: &Trace,
    options: &Options,
    aid: Aid<'_>,
) -> Result<Explored, String> {
    let mut explorer = Explorer::new(session, options, aid)?;
    if !options.writes && trace.steps.iter().any(|step| !step.operation.is_reading()) {
        return Err("the trace writes, and this run only reads: --write allows it".to_owned());
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
    /// Kinds of differences that did not come again, which are told once.
    unsteady: HashSet<String>,
    /// Operations that were told to give no answer.
    silent: HashSet<String>,
    /// Writes of each operation in a row that got no answer.
    unanswered: BTreeMap<Operation, u32>,
}

/// The most requests for shrinking a difference of words alone.
const MOST_FOR_WORDS: u64 = 60;

/// After so many writes of one operation in a row without an answer, it is taken to give
/// none.
const UNANSWERED: u32 = 5;

impl<'a> Explorer<'a> {
    fn new(session: &'a Session, options: &Options, aid: Aid<'a>) -> Result<Self, String> {
        let mut player = Player::new(session, aid, options.is_covered);
        let survey = Survey::take(session, &mut player, options)?;
        let places = survey.names.clone();
        let oracle = Oracle::new(
            survey.ground.clone(),
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
                        self.oracle.set_ground(self.survey.ground.clone());
                        names
                    }
                    Err(why) => {
                        self.explored.aborted = Some(why);
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

    /// The names of the places, and of SKUs that nothing else has.
    fn fresh_names(&self) -> Names {
        with_fresh_skus(self.session, &self.places)
    }

    /// Plays a sequence, and again behind each difference that it shows: that is taken into
    /// the model, so that the rest tells something too.
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

    /// Plays a sequence; `true` if it showed a difference that is now part of the model.
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

    /// Returns `true` if the stocks that a reading sequence looked at are others than before.
    fn has_moved(&mut self, names: &Names) -> bool {
        self.survey.has_moved(self.session, names)
    }

    /// A write got no answer: what it did is not known, so the sequence tells nothing more.
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

    /// Tells a difference, shrunk; `true` if it came again and is now part of the model.
    fn found(
        &mut self,
        origin: (u64, u64),
        steps: &[Step],
        names: &Names,
        (difference, answers): (Difference, Vec<Answered>),
        options: &Options,
    ) -> bool {
        let steps = &steps[..=difference.at];
        // Of other words the sentence tells all there is to know.
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
