//! The plan of one exchange, as data: the server carries it out, the journal keeps
//! it, and a replay reads it back.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http::header::{HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::Faults;
use super::act::{Act, Garbage};
use super::kind::{Effect, Moments};
use super::limits::{MAX_DELAY, MAX_NAME, MAX_RULES, MAX_STALE};
use super::reader::{FaultError, Members, Wrong};
use super::rule::When;
use whippy_engine::defects::{Defect, Defects, named};

/// The header that names the rules that fired. Only answers that a rule affected have it.
pub const FAULT_HEADER: HeaderName = HeaderName::from_static("whippy-mock-fault");

/// The plan of one exchange.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The names of the rules that fired, in their order in the file.
    pub rules: Vec<Arc<str>>,
    /// Acts before the request is carried out: waits, and at most one act at the end that takes the
    /// place of carrying it out.
    pub before: Vec<Act>,
    /// Acts after the request is carried out and its writes are kept: another answer, changes to
    /// the answer, waits, and the way it is sent, in this order.
    pub after: Vec<Act>,
    /// The number of the latest writes that the answer ignores, for a request that only reads.
    pub stale: Option<u32>,
    defects: Vec<(Arc<str>, Defects)>,
    delayed: Duration,
}

impl Plan {
    /// Returns `true` if no rule fired.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Returns `true` if an act takes the place of carrying the request out.
    pub fn takes_its_place(&self) -> bool {
        self.before.iter().any(Act::is_ending)
    }

    /// Returns the names of the rules that fired, for people.
    pub fn names(&self) -> String {
        self.rules.join(", ")
    }

    /// Returns the defects for the request: those of the world, and within them those of the plan.
    pub fn defects(&self, of_world: &Defects) -> Defects {
        let own = self.defects.iter().map(|(_, defects)| defects);
        own.fold(of_world.clone(), Defects::around)
    }

    /// Returns `true` if the plan has defects of its own.
    pub fn has_defects(&self) -> bool {
        !self.defects.is_empty()
    }

    /// Changes an answer as planned, and names the rules in its header. It is called for every
    /// answer that is sent, also for a refusal by the plan.
    pub fn edit(&self, response: &mut Response<Bytes>) {
        for act in &self.after {
            if let Act::Edit(edit) = act {
                edit.apply(response);
            }
        }
        if !self.is_empty()
            && let Ok(names) = HeaderValue::from_str(&self.names())
        {
            response.headers_mut().insert(FAULT_HEADER, names);
        }
    }

    /// Returns the plan as JSON for [`Plan::from_json`]. Acts are in the language of the rules,
    /// with all chance drawn.
    pub fn to_json(&self) -> Value {
        let acts = |acts: &[Act]| acts.iter().map(Act::to_json).collect::<Vec<_>>();
        let mut json = json!({"rules": self.rules.iter().map(|name| &**name).collect::<Vec<_>>()});
        if !self.before.is_empty() {
            json["before"] = acts(&self.before).into();
        }
        if !self.after.is_empty() {
            json["after"] = acts(&self.after).into();
        }
        if let Some(writes) = self.stale {
            json["stale"] = writes.into();
        }
        if !self.defects.is_empty() {
            let defects = self.defects.iter().map(|(rule, defects)| {
                let name: String = defects.names().collect();
                json!({"rule": **rule, "name": name})
            });
            json["defects"] = defects.collect();
        }
        json
    }

    /// Reads a plan that [`Plan::to_json`] wrote. The state that a defect keeps between requests
    /// belongs to its rule: it is shared with the rule in `faults` of the same name and defect, if
    /// there is one.
    pub fn from_json(json: &Value, faults: &Faults) -> Result<Self, FaultError> {
        let members = Members::of(json, "", "a plan")?;
        members.only(&["rules", "before", "after", "stale", "defects"])?;
        let mut plan = Self::default();
        for (name, path) in members.items("rules", MAX_RULES)? {
            let name = name.as_str().filter(|name| name.len() <= MAX_NAME);
            let name = name.ok_or_else(|| FaultError::rule(path, "the name of a rule is taken"))?;
            plan.rules.push(name.into());
        }
        for (when, stage) in [(When::Before, "before"), (When::After, "after")] {
            for (act, path) in members.items(stage, MAX_RULES)? {
                plan.add(read_act(act, &path, when)?, when);
            }
        }
        plan.put_in_order();
        let acts = plan.before.iter().chain(&plan.after);
        if acts.filter(|act| act.is_ending()).count() > 1 {
            return members.wrong("an exchange ends in one way, not in two");
        }
        plan.stale = members.small("stale", 1..=MAX_STALE)?;
        for (entry, path) in members.items("defects", MAX_RULES)? {
            let entry = Members::of(entry, path, "a defect of a plan")?;
            entry.only(&["rule", "name"])?;
            let rule = entry.needs("rule", entry.text("rule", MAX_NAME)?)?;
            let name = entry.needs("name", entry.text("name", MAX_NAME)?)?;
            let defect = match named(name) {
                Ok(defect) => defect,
                Err(unknown) => return entry.wrong_at("name", unknown.to_string()),
            };
            plan.defects
                .push((rule.into(), faults.layer_of(rule, defect)));
        }
        Ok(plan)
    }

    /// Adds an act. The delays of a plan are limited as a whole.
    pub(super) fn add(&mut self, act: Act, when: When) {
        let act = match act {
            Act::Delay(time) => {
                let time = time.min(MAX_DELAY.saturating_sub(self.delayed));
                self.delayed += time;
                Act::Delay(time)
            }
            other => other,
        };
        match when {
            When::Before => self.before.push(act),
            When::After => self.after.push(act),
        }
    }

    pub(super) fn add_defects(&mut self, rule: &Arc<str>, defects: &Defects) {
        self.defects.push((Arc::clone(rule), defects.clone()));
    }

    pub(super) fn put_in_order(&mut self) {
        self.before.sort_by_key(Act::is_ending);
        self.after.sort_by_key(Act::place);
    }
}

fn read_act(act: &Value, path: &str, when: When) -> Result<Act, FaultError> {
    let (kind, effect) = super::kind::read(act, path)?;
    if when == When::Before && kind.moments == Moments::After {
        let sentence = format!("`{}` is always after", kind.name);
        return Err(FaultError::rule(path, sentence));
    }
    match effect {
        Effect::Act(act) => Ok(act),
        Effect::Delay(delay) => {
            let time = delay.fixed().ok_or_else(|| {
                FaultError::rule(path, "a plan has delays of `milliseconds` only")
            })?;
            Ok(Act::Delay(time))
        }
        Effect::Garbage {
            bytes,
            seed: Some(seed),
        } => Ok(Act::Garbage(Garbage { seed, bytes })),
        Effect::Garbage { .. } => Err(FaultError {
            path: path.to_owned(),
            why: Wrong::Missing("seed".to_owned()),
        }),
        Effect::Stale(_) | Effect::Defect(_) => {
            let sentence = format!("`{}` is no act of a plan", kind.name);
            Err(FaultError::rule(path, sentence))
        }
    }
}

/// Wraps one defect as a layer.
pub(super) fn layer(defect: &'static Defect) -> Defects {
    Defects::new([defect])
}
