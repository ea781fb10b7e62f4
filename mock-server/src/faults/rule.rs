//! A file of rules: read, limited, and refused with the place of each mistake.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::chance::Chance;
use super::kind::{self, Effect, Kind, Moments};
use super::limits::{MAX_BYTES, MAX_COUNT, MAX_NAME, MAX_RULES, MAX_SEED, MAX_TTL_SECONDS};
use super::matching::Matching;
use super::reader::{FaultError, Members, Wrong};
use whippy_engine::operations;

/// The side of the commit on which a fault acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Before,
    After,
}

/// One rule.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) name: Arc<str>,
    pub(super) matching: Matching,
    pub(super) effect: Effect,
    pub(super) when: When,
    times: Option<u64>,
    ttl_seconds: Option<u64>,
    /// The rule as it was read.
    pub(super) json: Value,
}

/// Rules that were read, and the seed of their chance.
#[derive(Debug, Default)]
pub struct FaultRules {
    pub(super) seed: u64,
    pub(super) rules: Vec<Rule>,
}

impl FaultRules {
    pub(super) fn parse(json: &[u8]) -> Result<Self, FaultError> {
        if json.len() > MAX_BYTES {
            return Err(FaultError {
                path: String::new(),
                why: Wrong::Size {
                    bytes: json.len(),
                    most: MAX_BYTES,
                },
            });
        }
        let value: Value = serde_json::from_slice(json).map_err(|error| FaultError {
            path: String::new(),
            why: Wrong::Json(error.to_string()),
        })?;
        let members = Members::of(&value, "", "a file of faults")?;
        members.only(&["seed", "rules"])?;
        let seed = members.whole("seed", 0..=MAX_SEED)?.unwrap_or(0);
        members.needs("rules", members.get("rules"))?;
        let items = members.items("rules", MAX_RULES)?;
        let read = |(item, path): (&Value, String)| Rule::read(item, path);
        let rules = items.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let mut names = BTreeSet::new();
        for (at, rule) in rules.iter().enumerate() {
            if !names.insert(&*rule.name) {
                let sentence = format!("another rule is called `{}`", rule.name);
                return Err(FaultError::rule(format!("rules[{at}].name"), sentence));
            }
        }
        Ok(Self { seed, rules })
    }

    /// Returns the number of rules.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Returns `true` if there are no rules.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }
}

impl Rule {
    fn read(value: &Value, path: String) -> Result<Self, FaultError> {
        // A rule that was shown may be installed again, with the counts that were shown beside it.
        let value = &without_counts(value);
        let members = Members::of(value, path, "a rule")?;
        members.only(&["name", "match", "fault", "when", "times", "ttl_seconds"])?;
        let name = members.needs("name", members.text("name", MAX_NAME)?)?;
        // The name is listed in a header, between commas.
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
        if !name.bytes().all(is_word) {
            return members.wrong_at("name", "letters, digits and - _ . / are taken");
        }
        let matching = match members.get("match") {
            Some(value) => Matching::read(value, members.path_of("match"))?,
            None => Matching::default(),
        };
        let fault = members.needs("fault", members.get("fault"))?;
        let (kind, effect) = kind::read(fault, &members.path_of("fault"))?;
        let is_concerned = |operation: &str| {
            let pattern = matching.operation.as_ref();
            pattern.is_none_or(|glob| glob.fits(operation)) && effect.concerns(operation)
        };
        if !operations::names().any(is_concerned) {
            let names = operations::names();
            let concerned: Vec<_> = names.filter(|name| effect.concerns(name)).collect();
            let sentence = format!(
                "a `{}` does not show there; it does in {}",
                kind.name,
                concerned.join(", ")
            );
            return members.wrong_at("match.operation", sentence);
        }
        Ok(Self {
            name: name.into(),
            matching,
            effect,
            when: when(&members, kind)?,
            times: members.whole("times", 1..=MAX_COUNT)?,
            ttl_seconds: members.whole("ttl_seconds", 1..=MAX_TTL_SECONDS)?,
            json: value.clone(),
        })
    }

    /// Returns `true` if its time is over, this many microseconds after it was installed.
    pub(super) fn is_over(&self, micros: i64) -> bool {
        let age = u64::try_from(micros).unwrap_or(0);
        self.ttl_seconds
            .is_some_and(|seconds| age >= seconds * 1_000_000)
    }

    /// Returns `true` if it is due at the nth request that meets it, after it fired `fired` times.
    pub(super) fn is_due(&self, nth: u64, fired: u64, chance: &mut Chance) -> bool {
        // Chance is drawn in any case, so that later draws do not depend on the other conditions.
        let drawn = chance.unit();
        self.times.is_none_or(|times| fired < times)
            && self
                .matching
                .is_turn(nth, |probability| drawn < probability)
    }
}

fn without_counts(rule: &Value) -> Value {
    let mut rule = rule.clone();
    if let Some(members) = rule.as_object_mut() {
        members.remove("matched");
        members.remove("fired");
    }
    rule
}

fn when(members: &Members<'_>, kind: &Kind) -> Result<When, FaultError> {
    let when = match members.get("when") {
        None => None,
        Some(Value::String(text)) if text == "before" => Some(When::Before),
        Some(Value::String(text)) if text == "after" => Some(When::After),
        Some(_) => return members.wrong_at("when", "`before` or `after` is taken"),
    };
    match (kind.moments, when) {
        (Moments::Either, when) => Ok(when.unwrap_or(When::Before)),
        (Moments::After, Some(When::Before)) => members.wrong_at(
            "when",
            format!(
                "a `{}` is about the answer, so it is always `after`",
                kind.name
            ),
        ),
        (Moments::After, _) => Ok(When::After),
        (Moments::Neither, None) => Ok(When::Before),
        (Moments::Neither, Some(_)) => members.wrong_at(
            "when",
            format!("a `{}` is neither before nor after", kind.name),
        ),
    }
}
