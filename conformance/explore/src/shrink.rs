//! The shortest sequence that still shows a difference: first with fewer steps, then with simpler
//! ones. Every attempt is sent to the target, on SKUs of its own.
//!
//! Steps are left out by delta debugging. Source: A. Zeller, R. Hildebrandt, "Simplifying
//! and isolating failure-inducing input", IEEE TSE 28(2), 2002.

use serde_json::{Value, json};

use super::player::{Played, Player};
use crate::oracle::{Answered, Difference, Oracle};
use crate::steps::{Body, Names, Step};
use whippy_probe::model::finding::Exchange;

/// A sequence that shows a difference in its last step.
pub(super) struct Shown {
    pub(super) steps: Vec<Step>,
    pub(super) names: Names,
    pub(super) difference: Difference,
    pub(super) answers: Vec<Answered>,
    pub(super) exchanges: Vec<Exchange>,
}

/// Shortens a sequence with a difference; `None` where the difference does not recur, or no
/// requests are left for it.
pub(super) fn shrink(
    player: &mut Player<'_>,
    oracle: &Oracle,
    names: &mut dyn FnMut() -> Names,
    from: &Shown,
    most: u64,
) -> Option<Shown> {
    let mut shrinker = Shrinker {
        end: player.sent + most,
        player,
        oracle,
        names,
        kind: from.difference.kind(),
        best: None,
    };
    // Tried twice, since the difference may occur only at times.
    if !(shrinker.shows(&from.steps) || shrinker.shows(&from.steps)) {
        return None;
    }
    shrinker.drop_steps();
    while shrinker.simplify() {}
    shrinker.drop_steps();
    shrinker.best
}

struct Shrinker<'p, 'a> {
    player: &'p mut Player<'a>,
    oracle: &'p Oracle,
    names: &'p mut dyn FnMut() -> Names,
    kind: String,
    end: u64,
    best: Option<Shown>,
}

impl Shrinker<'_, '_> {
    /// Returns `true` if these steps show the same difference, and then keeps them as the best.
    fn shows(&mut self, steps: &[Step]) -> bool {
        if self.player.sent >= self.end || steps.is_empty() {
            return false;
        }
        let names = (self.names)();
        let mut oracle = self.oracle.clone().in_a_hurry();
        let played = self
            .player
            .play(&mut oracle, steps, &names, &mut |_, _, _| {});
        let Played::Different(difference, answers) = played else {
            return false;
        };
        if difference.kind() != self.kind {
            return false;
        }
        self.best = Some(Shown {
            steps: steps[..=difference.at].to_vec(),
            names,
            difference: *difference,
            answers,
            exchanges: std::mem::take(&mut self.player.transcript),
        });
        true
    }

    fn steps(&self) -> Vec<Step> {
        self.best
            .as_ref()
            .map(|best| best.steps.clone())
            .unwrap_or_default()
    }

    /// Leaves out as many steps as possible: halves, then quarters, then single ones.
    fn drop_steps(&mut self) {
        let mut parts = 2;
        loop {
            let steps = self.steps();
            let size = steps.len().div_ceil(parts).max(1);
            let mut has_shrunk = false;
            for start in (0..steps.len()).step_by(size) {
                let end = (start + size).min(steps.len());
                let rest = [&steps[..start], &steps[end..]].concat();
                if rest.len() < steps.len() && self.shows(&rest) {
                    has_shrunk = true;
                    break;
                }
            }
            if has_shrunk {
                parts = parts.saturating_sub(1).max(2);
            } else if size > 1 {
                parts *= 2;
            } else {
                return;
            }
        }
    }

    /// Simplifies one thing; returns `false` if nothing can be simplified.
    fn simplify(&mut self) -> bool {
        let steps = self.steps();
        for (name, plainer) in RENAMED {
            let changed = renamed(&steps, name, plainer);
            if changed != steps && self.shows(&changed) {
                return true;
            }
        }
        for at in (0..steps.len()).rev() {
            for plainer in plainer(&steps[at]) {
                let mut changed = steps.clone();
                changed[at] = plainer;
                if self.shows(&changed) {
                    return true;
                }
            }
        }
        false
    }
}

/// Names, each with a simpler name that may replace it everywhere.
const RENAMED: [(&str, &str); 8] = [
    ("${sku3}", "${sku}"),
    ("${sku2}", "${sku}"),
    ("${sku}x", "${sku}"),
    ("${sku}X", "${sku}"),
    ("${sku}0", "${sku}"),
    ("${sku}é", "${sku}"),
    ("${sku} y", "${sku}"),
    ("${second-location}", "${location}"),
];

fn renamed(steps: &[Step], name: &str, plainer: &str) -> Vec<Step> {
    fn in_value(value: &mut Value, name: &str, plainer: &str) {
        match value {
            Value::String(text) if text == name => plainer.clone_into(text),
            Value::Array(items) => items.iter_mut().for_each(|i| in_value(i, name, plainer)),
            Value::Object(members) => members
                .values_mut()
                .for_each(|member| in_value(member, name, plainer)),
            _ => {}
        }
    }
    let mut steps = steps.to_vec();
    for step in &mut steps {
        for (_, value) in &mut step.query {
            if value == name {
                plainer.clone_into(value);
            }
        }
        if let Some(body) = step.body.value_mut() {
            in_value(body, name, plainer);
        }
    }
    steps
}

/// Returns steps that are slightly simpler than one. No further simplification leads back to it.
fn plainer(step: &Step) -> Vec<Step> {
    let mut all = Vec::new();
    for at in 0..step.query.len() {
        // Without it a list would include stocks of others.
        let (name, value) = &step.query[at];
        if name == "sku" || name == "created_date__gte" {
            continue;
        }
        let mut fewer = step.clone();
        fewer.query.remove(at);
        all.push(fewer);
        if name == "sort" && value.contains(',') {
            let mut shorter = step.clone();
            let rest = value.split_once(',').map_or("id", |(_, rest)| rest);
            rest.clone_into(&mut shorter.query[at].1);
            all.push(shorter);
        }
    }
    let with = |body: Value| {
        let mut other = step.clone();
        other.body = match &step.body {
            Body::Untyped(_) => Body::Untyped(body),
            _ => Body::Json(body),
        };
        other
    };
    match step.body.value() {
        Some(Value::Array(rows)) => {
            if let [row] = rows.as_slice() {
                all.push(with(row.clone()));
            }
            for at in 0..rows.len() {
                if rows.len() > 1 {
                    let mut fewer = rows.clone();
                    fewer.remove(at);
                    all.push(with(fewer.into()));
                }
                for row in plainer_rows(&rows[at]) {
                    let mut other = rows.clone();
                    other[at] = row;
                    all.push(with(other.into()));
                }
            }
        }
        Some(row) => all.extend(plainer_rows(row).into_iter().map(with)),
        None => {}
    }
    all
}

fn plainer_rows(row: &Value) -> Vec<Value> {
    const NEEDED: [&str; 4] = ["sku", "provider", "location", "stock"];
    let mut all = Vec::new();
    let Some(members) = row.as_object() else {
        return all;
    };
    for (name, value) in members {
        if !NEEDED.contains(&name.as_str()) {
            let mut fewer = members.clone();
            fewer.shift_remove(name);
            all.push(fewer.into());
        }
        for plain in plainer_values(name, value) {
            let mut other = members.clone();
            other.insert(name.clone(), plain);
            all.push(other.into());
        }
    }
    all
}

/// Returns values that are simpler than one.
fn plainer_values(name: &str, value: &Value) -> Vec<Value> {
    match (name, value) {
        ("stock", Value::Number(number)) if number.as_i64() != Some(5) => vec![json!(5)],
        ("reserved_stock", Value::Number(number)) if number.as_i64() != Some(1) => {
            vec![json!(1)]
        }
        ("sku", Value::String(sku)) if sku != "${sku}" => vec![json!("${sku}")],
        ("sku", Value::Array(skus)) if skus.len() > 1 => (0..skus.len())
            .map(|at| {
                let mut fewer = skus.clone();
                fewer.remove(at);
                fewer.into()
            })
            .collect(),
        _ => Vec::new(),
    }
}
