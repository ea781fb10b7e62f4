//! Failures between a client and the service: delays, refusals and broken connections, on either
//! side of the commit.
//!
//! Rules say which failures happen to which requests, and [`Faults::plan`] applies them to one.
//! Nothing here sleeps, sends or reads a clock: a [`Plan`] is data, which the server carries out
//! and the journal keeps. All chance comes from the seed of the rules and from the number of
//! requests that each has met, so a run can be repeated.
//!
//! If several rules fire on one request, delays and changes of the answer add up. The end of the
//! exchange (a status, a broken connection, a slow body) is decided by the first rule that decides
//! one. Where it decides before the commit, the request is not carried out, and of the other rules
//! only those apply that delay it before the commit.

mod act;
mod chance;
mod kind;
mod limits;
mod matching;
mod plan;
mod prefer;
mod reader;
mod rule;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use chance::Chance;
use kind::Effect;
use matching::Seen;
use rule::{Rule, When};
use whippy_engine::assets;
use whippy_engine::defects::{Defect, Defects};
use whippy_engine::model::time::Timestamp;
use whippy_engine::suggest::did_you_mean;

pub use act::{Act, Cut, Edit, Garbage, Hold};
pub use plan::{FAULT_HEADER, Plan};
pub use prefer::{PREFER, PREFERENCE_APPLIED, prefer};
pub use reader::{FaultError, Wrong};
pub use rule::FaultRules;

/// The rules of a world with their counts. By default there are none.
#[derive(Debug)]
pub struct Faults {
    rules: Arc<FaultRules>,
    installed_at: Timestamp,
    counts: Mutex<Vec<Counts>>,
    /// For each rule with a defect, that defect and the state it keeps between requests.
    layers: Vec<Option<Defects>>,
}

/// The number of requests that a rule has met, and of those it fired on.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    matched: u64,
    fired: u64,
}

/// A request to plan for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The request, without the prefix of a world in its path.
    pub request: &'a Request<Bytes>,
    /// The requested operation, as named by [`operation_of`](whippy_engine::defects::operation_of).
    pub operation: &'a str,
    /// The name of the world.
    pub world: &'a str,
    /// The moment of arrival, by the same clock as the one given to [`Faults::new`].
    pub at: Timestamp,
}

/// Returns the rules of a built-in preset.
pub fn preset(name: &str) -> Result<FaultRules, FaultError> {
    let json = assets::faults(name).ok_or_else(|| {
        let hint = did_you_mean(name, assets::faults_names());
        let names = assets::faults_names().collect::<Vec<_>>().join(", ");
        let sentence = format!("there are no built-in faults `{name}`; {hint}there are {names}");
        FaultError::rule("", sentence)
    })?;
    Faults::parse(json.as_bytes())
}

/// Returns the kinds of fault, each with a sentence about its effect.
pub fn kinds() -> impl Iterator<Item = (&'static str, &'static str)> {
    kind::KINDS.iter().map(|kind| (kind.name, kind.about))
}

impl Default for Faults {
    fn default() -> Self {
        Self::new(FaultRules::default(), Timestamp::EPOCH)
    }
}

impl Faults {
    /// Reads rules from JSON.
    pub fn parse(json: &[u8]) -> Result<FaultRules, FaultError> {
        FaultRules::parse(json)
    }

    /// Puts rules in force, with counts from zero.
    pub fn new(rules: FaultRules, installed_at: Timestamp) -> Self {
        Self::of(Arc::new(rules), installed_at)
    }

    /// Returns the same rules with counts from zero, for another world.
    #[must_use]
    pub fn fresh(&self, at: Timestamp) -> Self {
        Self::of(Arc::clone(&self.rules), at)
    }

    fn of(rules: Arc<FaultRules>, installed_at: Timestamp) -> Self {
        let layer = |rule: &Rule| match rule.effect {
            Effect::Defect(defect) => Some(plan::layer(defect)),
            _ => None,
        };
        Self {
            installed_at,
            counts: Mutex::new(vec![Counts::default(); rules.len()]),
            layers: rules.rules.iter().map(layer).collect(),
            rules,
        }
    }

    /// Returns `true` if there are no rules, so that no plan is needed.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    fn counts(&self) -> MutexGuard<'_, Vec<Counts>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the rules as they were read, each with the number of requests it `matched` and the
    /// number of times it `fired`.
    pub fn rules_json(&self) -> Value {
        let counts = self.counts();
        let rules = self.rules.rules.iter().zip(counts.iter());
        let rules: Vec<_> = rules
            .map(|(rule, counts)| {
                let mut json = rule.json.clone();
                json["matched"] = counts.matched.into();
                json["fired"] = counts.fired.into();
                json
            })
            .collect();
        json!({"seed": self.rules.seed, "rules": rules})
    }

    /// Returns the rules as a file that can be installed again.
    pub fn to_json(&self) -> Value {
        let rules = self.rules.rules.iter().map(|rule| rule.json.clone());
        json!({"seed": self.rules.seed, "rules": rules.collect::<Vec<_>>()})
    }

    /// Plans the faults of a request. Every call counts.
    pub fn plan(&self, asked: &Asked<'_>) -> Plan {
        let mut plan = Plan::default();
        if self.is_empty() {
            return plan;
        }
        let age = asked.at.micros() - self.installed_at.micros();
        let seen = Seen::of(asked);
        let is_met = |rule: &Rule| {
            !rule.is_over(age) && rule.effect.concerns(asked.operation) && rule.matching.fits(&seen)
        };
        let rules = self.rules.rules.iter().enumerate();
        let met: Vec<_> = rules.filter(|(_, rule)| is_met(rule)).collect();
        if met.is_empty() {
            return plan;
        }
        let mut counts = self.counts();
        let mut due = Vec::new();
        for (at, rule) in met {
            let counts = &mut counts[at];
            counts.matched += 1;
            let mut chance = Chance::of(self.rules.seed, at, counts.matched);
            if rule.is_due(counts.matched, counts.fired, &mut chance) {
                due.push((at, rule, chance));
            }
        }
        let ending = due.iter().find(|(_, rule, _)| rule.effect.is_ending());
        let ending = ending.map(|&(_, rule, _)| rule);
        for (at, rule, mut chance) in due {
            if !comes_to_it(rule, ending) {
                continue;
            }
            counts[at].fired += 1;
            plan.rules.push(Arc::clone(&rule.name));
            if let Effect::Stale(writes) = rule.effect {
                plan.stale = plan.stale.max(Some(writes));
            }
            if let Some(layer) = &self.layers[at] {
                plan.add_defects(&rule.name, layer);
            }
            if let Some(act) = rule.effect.act(&mut chance) {
                plan.add(act, rule.when);
            }
        }
        plan.put_in_order();
        plan
    }

    /// Returns the defect of a rule with its state, or a fresh one where there is no such rule.
    fn layer_of(&self, name: &str, defect: &'static Defect) -> Defects {
        let mut rules = self.rules.rules.iter().zip(&self.layers);
        let known = rules.find_map(|(rule, layer)| {
            let is_it = |layer: &&Defects| layer.names().any(|name| name == defect.name);
            layer.as_ref().filter(|_| *rule.name == *name).filter(is_it)
        });
        known.map_or_else(|| plan::layer(defect), Defects::clone)
    }
}

/// Returns `true` if a due rule still has an effect where another one, `ending`, decides the end.
fn comes_to_it(rule: &Rule, ending: Option<&Rule>) -> bool {
    let Some(ending) = ending else {
        return true;
    };
    if rule.effect.is_ending() {
        return std::ptr::eq(rule, ending);
    }
    if ending.when == When::Before {
        // Nothing is carried out, so only a wait before it remains.
        return rule.when == When::Before && rule.effect.is_waiting();
    }
    // An answer that nobody receives is not changed.
    !(ending.effect.is_silent() && rule.effect.is_edit())
}
