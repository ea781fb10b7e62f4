//! Differences that a target has already shown. Each is one cause, reported once. After that the
//! oracle expects this service to answer so, and finds differences behind it.

use std::collections::{BTreeSet, HashSet};

use serde_json::Value;
use whippy_engine::engine::Rule;

use super::Answered;
use crate::steps::{Operation, Step};

/// Members of a list's page that stand for its rows.
const ROWS: [&str; 4] = ["results", "count", "next", "previous"];

/// Parameters that are not filters: the one by which a sequence restricts a list to its own stocks,
/// and those that divide a list into pages.
const NO_FILTERS: [&str; 3] = ["sku", "limit", "page"];

/// The cause of a difference, as far as one answer shows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Cause {
    /// A sentence in place of another, in any operation.
    Wording(String, String),
    /// Another status, by the rule and the member that a refusal names.
    Status {
        operation: Operation,
        rule: &'static str,
        expected: u16,
        got: u16,
        member: String,
    },
    /// A member of an answer.
    Member(Operation, u16, String),
    /// The rows of a list, by its parameters.
    Rows(Operation, BTreeSet<String>),
}

/// The causes that were reported.
#[derive(Debug, Clone, Default)]
pub(super) struct Known(HashSet<Cause>);

impl Known {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn add(&mut self, cause: Cause) {
        self.0.insert(cause);
    }

    /// Returns `true` if this cause was reported, or another that implies it.
    pub(super) fn has(&self, cause: &Cause) -> bool {
        match cause {
            Cause::Rows(operation, asked) => self.0.iter().any(|known| match known {
                Cause::Rows(of, by) => of == operation && by.is_subset(asked),
                _ => false,
            }),
            cause => self.0.contains(cause),
        }
    }
}

/// Returns the causes of a difference between two answers to a step. The difference is known only
/// if all of them are.
pub(super) fn causes(
    step: &Step,
    rule: &Rule,
    (expected, got): (&Answered, &Answered),
    pointers: &[String],
) -> Vec<Cause> {
    let operation = step.operation;
    if expected.status != got.status {
        let refusal = if expected.status >= 400 {
            expected
        } else {
            got
        };
        let of_member = |member: String| Cause::Status {
            operation,
            rule: rule.name,
            expected: expected.status,
            got: got.status,
            member,
        };
        return refused_members(refusal)
            .into_iter()
            .map(of_member)
            .collect();
    }
    if expected.status >= 400 {
        let (Some(ours), Some(theirs)) = (&expected.body, &got.body) else {
            return vec![Cause::Member(operation, got.status, "body".to_owned())];
        };
        let mut causes = Vec::new();
        worded(
            &mut causes,
            (operation, got.status),
            (ours, theirs),
            rule.name,
        );
        return causes;
    }
    let members: BTreeSet<String> = match operation {
        // The keys in these answers are SKUs.
        Operation::Query | Operation::MultiQuery | Operation::Salable | Operation::MultiSalable => {
            BTreeSet::from(["rows".to_owned()])
        }
        _ => pointers.iter().map(|pointer| member(pointer)).collect(),
    };
    let of_member = |member: String| {
        let is_of_rows = ROWS.contains(&member.as_str()) || is_sorted(step);
        match operation {
            Operation::List if is_of_rows => Cause::Rows(operation, filters(step)),
            _ => Cause::Member(operation, got.status, member),
        }
    };
    members.into_iter().map(of_member).collect()
}

/// Returns the filters of a list, and the fields of its order.
fn filters(step: &Step) -> BTreeSet<String> {
    let mut filters = BTreeSet::new();
    for (name, value) in &step.query {
        match name.as_str() {
            "sort" => {
                let terms = value.split(',').map(|term| term.trim_start_matches('-'));
                filters.extend(terms.map(|term| format!("sort={term}")));
            }
            name if NO_FILTERS.contains(&name) => {}
            name => {
                filters.insert(name.to_owned());
            }
        }
    }
    filters
}

fn is_sorted(step: &Step) -> bool {
    step.query.iter().any(|(name, _)| name == "sort")
}

/// Returns the members that a refusal names; one empty name where it names none.
fn refused_members(refusal: &Answered) -> BTreeSet<String> {
    let mut members = BTreeSet::new();
    let body = refusal.body.as_ref().filter(|_| refusal.status >= 400);
    let rows = match body {
        Some(Value::Array(rows)) => rows.as_slice(),
        Some(row) => std::slice::from_ref(row),
        None => &[],
    };
    for row in rows.iter().filter_map(Value::as_object) {
        members.extend(row.keys().cloned());
    }
    if members.is_empty() {
        members.insert(String::new());
    }
    members
}

/// Adds the differences between two refusals, sentence by sentence if they have the same form.
fn worded(
    causes: &mut Vec<Cause>,
    place: (Operation, u16),
    (ours, theirs): (&Value, &Value),
    at: &str,
) {
    match (ours, theirs) {
        (Value::String(ours), Value::String(theirs)) if ours != theirs => {
            causes.push(Cause::Wording(template(ours), template(theirs)));
        }
        (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => {
            for sides in ours.iter().zip(theirs) {
                worded(causes, place, sides, at);
            }
        }
        (Value::Object(ours), Value::Object(theirs)) => {
            let names: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
            for name in names {
                let side = |members: &serde_json::Map<String, Value>| {
                    members.get(name).cloned().unwrap_or_default()
                };
                worded(causes, place, (&side(ours), &side(theirs)), name);
            }
        }
        (ours, theirs) if ours != theirs => {
            causes.push(Cause::Member(place.0, place.1, at.to_owned()));
        }
        _ => {}
    }
}

/// Returns a sentence without quoted values and numbers.
fn template(sentence: &str) -> String {
    let mut template = String::new();
    let mut quote = None;
    for c in sentence.chars() {
        match quote {
            Some(end) if c == end => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '“') => {
                quote = Some(if c == '“' { '”' } else { c });
                template.push('…');
            }
            None if c.is_ascii_digit() => template.push('0'),
            None => template.push(c),
        }
    }
    template
}

/// Returns the member at a pointer, without positions.
fn member(pointer: &str) -> String {
    let mut segments = pointer.rsplit('/');
    let named = segments
        .find(|segment| !segment.is_empty() && !segment.chars().all(|c| c.is_ascii_digit()));
    named.unwrap_or("body").to_owned()
}
