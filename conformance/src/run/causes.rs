//! The causes of a run's findings.
//!
//! Findings that share a [`Difference`] are one [`Cause`]. Some findings are explained by an
//! established cause, such as a wrong count in a list after a wrong increase. They belong to that
//! cause and make none of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::model::cause::{Cause, Difference, of_check};
use crate::model::finding::Level;
use crate::model::outcome::{CheckReport, Outcome};

/// The part of an id that stands for several operations.
const SEVERAL: &str = "several-operations";

/// The number of operations from which a shared difference is the service's, and not one
/// operation's.
const SERVICE_WIDE: usize = 3;

/// The number of variants from which one kind of difference of an operation is one cause.
const FAMILY: usize = 4;

/// One finding in the grouping.
struct Item {
    check: usize,
    finding: usize,
    level: Level,
    difference: Difference,
}

/// Groups the findings of checks, and names in each finding the causes that explain it. Returns the
/// causes: the heaviest first, then those that most checks show.
pub fn group(checks: &mut [CheckReport]) -> Vec<Cause> {
    let items = items(checks);
    let mut groups = Groups::default();
    groups.establish(&items);
    groups.merge_families();
    let mut causes: BTreeMap<String, Cause> = BTreeMap::new();
    for item in &items {
        let ids = groups.of(&item.difference);
        for id in &ids {
            let cause = causes.entry(id.clone()).or_default();
            cause.level = cause.level.max(item.level);
            let check = &checks[item.check].id;
            if !cause.checks.contains(check) {
                cause.checks.push(check.clone());
            }
        }
        let finding = &mut checks[item.check].findings[item.finding];
        finding.causes = ids;
    }
    for check in checks.iter() {
        for blocker in blockers(check, checks, &groups) {
            let cause = causes.entry(blocker).or_default();
            cause.blocked.push(check.id.clone());
        }
    }
    let mut causes: Vec<Cause> = causes
        .into_iter()
        .map(|(id, cause)| groups.described(id, cause, &items, checks))
        .collect();
    causes.sort_by_key(|cause| {
        let weight = cause.checks.len() + cause.blocked.len();
        (
            std::cmp::Reverse(cause.level),
            std::cmp::Reverse(weight),
            cause.id.clone(),
        )
    });
    causes
}

/// Marks what the baseline knows: a cause if all its differences are known, a check if the causes
/// of all its findings are, and a check that could not be made if its cause is.
pub fn mark_known(causes: &mut [Cause], checks: &mut [CheckReport], knows: impl Fn(&str) -> bool) {
    for cause in causes.iter_mut() {
        cause.known = cause.differences.iter().all(|id| knows(id));
    }
    let is_known = |id: &String| causes.iter().any(|cause| cause.known && cause.id == *id);
    for check in checks {
        let found = matches!(check.outcome, Outcome::Fail | Outcome::Warn);
        let is_blocked = causes
            .iter()
            .any(|cause| cause.known && cause.blocked.contains(&check.id));
        let findings = || check.findings.iter();
        check.known = found
            && !check.findings.is_empty()
            && findings().all(|finding| finding.causes.iter().all(is_known))
            || check.outcome.is_no_verdict() && is_blocked;
    }
}

fn items(checks: &[CheckReport]) -> Vec<Item> {
    let mut items = Vec::new();
    for (check, report) in checks.iter().enumerate() {
        if !matches!(report.outcome, Outcome::Fail | Outcome::Warn) {
            continue;
        }
        for (finding, found) in report.findings.iter().enumerate() {
            let difference = match &found.difference {
                Some(difference) => difference.clone(),
                None => Difference {
                    ids: vec![of_check(&report.id)],
                    sentence: found.summary.clone(),
                    ..Difference::default()
                },
            };
            items.push(Item {
                check,
                finding,
                level: found.level,
                difference,
            });
        }
    }
    items
}

/// Returns the causes that prevented a check.
fn blockers(check: &CheckReport, checks: &[CheckReport], groups: &Groups) -> Vec<String> {
    if let Some(difference) = &check.blocked_by {
        return groups.of(difference);
    }
    // A check that builds on another is prevented by all causes that the other found.
    let of_dependency = check.depends_on.as_ref().and_then(|id| {
        let dependency = checks.iter().find(|other| other.id == *id)?;
        if let Some(difference) = &dependency.blocked_by {
            return Some(groups.of(difference));
        }
        Some(dependency.findings.first()?.causes.clone())
    });
    of_dependency.unwrap_or_default()
}

/// Returns `true` if each of several members is a difference of its own.
fn is_of_members(difference: &Difference) -> bool {
    difference.ids.iter().any(|id| id.contains("/member-"))
}

/// The cause of each difference.
#[derive(Default)]
struct Groups {
    /// From the id of a difference to the id of its cause.
    causes: BTreeMap<String, String>,
}

impl Groups {
    /// Establishes causes, beginning with differences that stand alone. A difference that those
    /// explain makes no cause of its own.
    fn establish(&mut self, items: &[Item]) {
        let mut order: Vec<&Item> = items.iter().collect();
        order.sort_by_key(|item| {
            (
                item.difference.alternatives.len(),
                item.difference.ids.len(),
            )
        });
        for item in order {
            let difference = &item.difference;
            if self.explanation(difference).is_some() {
                continue;
            }
            let fresh: Vec<&String> = difference
                .ids
                .iter()
                .filter(|id| !self.causes.contains_key(*id))
                .collect();
            // One wrong parameter or sentence explains the others sent along with it.
            let is_explained = fresh.len() < difference.ids.len() && !is_of_members(difference);
            if let Some(first) = fresh.first().filter(|_| !is_explained) {
                let cause = (*first).clone();
                for id in fresh {
                    self.causes.insert(id.clone(), cause.clone());
                }
            }
        }
    }

    /// Returns the established cause that also explains a difference.
    fn explanation(&self, difference: &Difference) -> Option<&String> {
        let mut alternatives = difference.alternatives.iter();
        alternatives.find_map(|wanted| match wanted.strip_suffix('*') {
            None => self.causes.get(wanted),
            Some(start) => {
                let known = self.causes.range(start.to_owned()..);
                let mut alike = known.take_while(|(id, _)| id.starts_with(start));
                let (_, cause) = alike.find(|(id, _)| !difference.ids.contains(id))?;
                Some(cause)
            }
        })
    }

    /// Returns the causes of a difference: one that explains it, or its own.
    fn of(&self, difference: &Difference) -> Vec<String> {
        if let Some(cause) = self.explanation(difference) {
            return vec![cause.clone()];
        }
        let mut causes: Vec<String> = Vec::new();
        for id in &difference.ids {
            let cause = match self.causes.get(id) {
                Some(cause) => cause,
                None if is_of_members(difference) || difference.ids.len() == 1 => id,
                None => continue,
            };
            if !causes.contains(cause) {
                causes.push(cause.clone());
            }
        }
        causes
    }

    /// Joins differences shared by several operations, or by many variants of one.
    fn merge_families(&mut self) {
        self.merge(SERVICE_WIDE, |id| {
            let (_, difference) = id.split_once('/')?;
            // The status of each operation is a promise of its own.
            let is_status = difference.starts_with(|c: char| c.is_ascii_digit())
                && difference.contains("-for-");
            (!is_status).then(|| format!("{SEVERAL}/{difference}"))
        });
        self.merge(FAMILY, |id| {
            let (family, _) = id.split_once('.')?;
            Some(family.to_owned())
        });
    }

    fn merge(&mut self, least: usize, family: impl Fn(&str) -> Option<String>) {
        let mut families: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (id, cause) in &self.causes {
            if let Some(family) = family(id) {
                families.entry(family).or_default().insert(cause.clone());
            }
        }
        for (family, members) in families {
            if members.len() < least {
                continue;
            }
            for cause in self.causes.values_mut() {
                if members.contains(cause) {
                    cause.clone_from(&family);
                }
            }
        }
    }

    /// Completes a cause with its sentence and its differences.
    fn described(
        &self,
        id: String,
        mut cause: Cause,
        items: &[Item],
        checks: &[CheckReport],
    ) -> Cause {
        let of_cause = |difference: &&Difference| self.of(difference).contains(&id);
        let found = items.iter().map(|item| &item.difference);
        let blocking = checks.iter().filter_map(|check| check.blocked_by.as_ref());
        let shown: Vec<&Difference> = found.chain(blocking).filter(of_cause).collect();
        let mut operations: Vec<&str> = Vec::new();
        for difference in &shown {
            let own = difference.ids.iter().filter(|own| {
                let cause = self.causes.get(*own).unwrap_or(own);
                *cause == id
            });
            for own in own {
                if !cause.differences.contains(own) {
                    cause.differences.push(own.clone());
                }
            }
            if !operations.contains(&difference.operation.as_str()) {
                operations.push(&difference.operation);
            }
        }
        cause.differences.sort();
        // The sentence comes from a finding whose own difference this is, the simplest first.
        let plainest = shown
            .iter()
            .filter(|difference| {
                difference
                    .ids
                    .iter()
                    .any(|id| cause.differences.contains(id))
            })
            .min_by_key(|difference| (difference.alternatives.len(), difference.ids.len()));
        if let Some(difference) = plainest.or(shown.first()) {
            cause.summary.clone_from(&difference.sentence);
            cause.operation.clone_from(&difference.operation);
        }
        if id.starts_with(SEVERAL) {
            let others = operations.len().saturating_sub(1);
            SEVERAL.clone_into(&mut cause.operation);
            if others > 0 {
                let _ = write!(cause.summary, ", and so do {others} other operations");
            }
        }
        if cause.checks.is_empty() {
            cause.level = Level::Must;
        }
        cause.id = id;
        cause
    }
}
