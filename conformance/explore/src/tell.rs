//! The results of an exploration in other forms: checks for reports, a case in the suite's own
//! format, commands that repeat it, and its coverage.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use whippy_engine::profile::{Profile, Reading};

use super::{Explored, Found};
use crate::steps::{Body, Names, Operation, Shown, Side, Step};
use whippy_probe::attribution::Trace;
use whippy_probe::contract::Contract;
use whippy_probe::model::finding::{Finding, Kind, Level, Record, Secrets, Source};
use whippy_probe::model::outcome::{CheckReport, Outcome, ReadingSeen, Safety, surprises};
use whippy_probe::probe::Session;
use whippy_probe::scope::ENVIRONMENT;

/// Returns the checks of an exploration: one for each difference, or one that passes; and one for
/// surprises.
pub fn checks(explored: &Explored, level: Level, session: &Session) -> Vec<CheckReport> {
    let mut checks = Vec::new();
    for (number, found) in explored.differences.iter().enumerate() {
        checks.push(check_of(number + 1, found, level, session));
    }
    if explored.differences.is_empty() {
        checks.push(CheckReport {
            requests: explored.requests,
            ..check(ANSWERS, AGREES)
        });
    }
    let safety = Safety::Write;
    checks.extend(surprises("explore", &explored.surprises, safety));
    checks
}

/// The id of the check that passes where no difference is found.
const ANSWERS: &str = "explore/answers-as-the-engine-does";

const AGREES: &str = "Sequences of requests are answered as the engine answers them";

fn check(id: &str, title: &str) -> CheckReport {
    let source = Source {
        section: "Explore".to_owned(),
        quote: "the engine under every reading that is still possible".to_owned(),
    };
    CheckReport::passed(id, title, Level::Must, source, Safety::Write)
}

fn check_of(number: usize, found: &Found, level: Level, session: &Session) -> CheckReport {
    let (difference, secrets) = (&found.difference, &session.secrets);
    let got = difference.got.body.clone().unwrap_or_default();
    let mut expected = difference.expected.body.clone().unwrap_or_default();
    alike(&mut expected, &got, &difference.pointers);
    let pretty = |body: &Value| {
        let text = serde_json::to_string_pretty(body).unwrap_or_default();
        secrets.redact(&text)
    };
    let has_bodies = expected != got;
    let (wanted, came) = (difference.expected.status, difference.got.status);
    let kind = if wanted != came && wanted != 0 {
        Finding::status(difference.level, &[wanted], came).kind
    } else if wanted == came && has_bodies {
        Kind::Members
    } else {
        Kind::Effect
    };
    let mut finding = Finding {
        kind,
        at: difference.pointers.clone(),
        expected: has_bodies.then(|| pretty(&expected)),
        got: has_bodies.then(|| pretty(&got)),
        exchanges: found
            .exchanges
            .iter()
            .map(|exchange| Record::new(exchange, secrets))
            .collect(),
        ..Finding::new(difference.level, secrets.redact(&difference.summary))
    };
    // The cause has the id that it has in a run, whatever its number here.
    let trace = Trace {
        contract: &session.contract,
        base: session.target.base(),
        check: ANSWERS,
        chain: &found.exchanges,
    };
    finding.difference = Some(trace.place(&finding));
    let outcome = match (found.is_steady, difference.level >= level) {
        (true, true) => Outcome::Fail,
        (true, false) => Outcome::Warn,
        // A difference that comes and goes is a defect too, since nobody else writes there.
        (false, _) => Outcome::Flaky,
    };
    CheckReport {
        level: difference.level,
        source: Source {
            section: "Explore".to_owned(),
            quote: difference.rule.clone(),
        },
        outcome,
        reason: (!found.is_steady)
            .then(|| "it came in 1 of 2 attempts at the same requests".to_owned()),
        findings: vec![finding],
        requests: found.exchanges.len() as u64,
        ..check(
            &format!("explore/difference-{number}"),
            &format!(
                "The last of {} steps, of which {} were sent first, is answered as by the engine",
                found.trace.steps.len(),
                found.before
            ),
        )
    }
}

/// Gives the oracle's stocks the ids and date-times of the target's, so that only real differences
/// stand out: those values are bound to each other, not equal.
fn alike(expected: &mut Value, got: &Value, pointers: &[String]) {
    const BOUND: [&str; 3] = ["id", "created_date", "modified_date"];
    fn stocks<'v>(value: &'v Value, found: &mut Vec<&'v Map<String, Value>>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| stocks(item, found)),
            Value::Object(members) if members.contains_key("modified_date") => {
                found.push(members);
            }
            Value::Object(members) => members.values().for_each(|member| stocks(member, found)),
            _ => {}
        }
    }
    fn adapt(value: &mut Value, theirs: &mut Vec<&Map<String, Value>>) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| adapt(item, theirs)),
            Value::Object(members) if members.contains_key("modified_date") => {
                let rest = |row: &Map<String, Value>| {
                    let mut row = row.clone();
                    row.retain(|name, _| !BOUND.contains(&name.as_str()));
                    row
                };
                let own = rest(members);
                let same = theirs.iter().position(|row| rest(row) == own);
                let near = || {
                    let place = ["sku", "location", "stock_type"];
                    let is_near = |row: &&Map<String, Value>| {
                        place.iter().all(|name| row.get(*name) == own.get(*name))
                    };
                    theirs.iter().position(is_near)
                };
                if let Some(at) = same.or_else(near) {
                    let row = theirs.remove(at);
                    for name in BOUND {
                        if let Some(value) = row.get(name) {
                            members.insert(name.to_owned(), value.clone());
                        }
                    }
                }
            }
            Value::Object(members) => members
                .values_mut()
                .for_each(|member| adapt(member, theirs)),
            _ => {}
        }
    }
    let is_bound = |pointer: &String| {
        let member = pointer.rsplit('/').next().unwrap_or_default();
        BOUND.contains(&member)
    };
    if pointers.iter().any(is_bound) {
        return;
    }
    let mut theirs = Vec::new();
    stocks(got, &mut theirs);
    adapt(expected, &mut theirs);
}

/// Returns the readings that had an influence, in the order of the register.
pub fn readings(explored: &Explored) -> Vec<ReadingSeen> {
    let seen = Reading::ALL.iter().filter_map(|reading| {
        Some(ReadingSeen {
            id: reading.id().to_owned(),
            choices: explored.choices.get(reading.id())?.clone(),
        })
    });
    seen.collect()
}

/// Describes the coverage: operations, their statuses, and the readings that had an influence.
pub fn covered(explored: &Explored) -> String {
    let mut text = String::from("covered\n");
    let mut by_operation: BTreeMap<Operation, Vec<String>> = BTreeMap::new();
    for ((operation, status), times) in &explored.statuses {
        let statuses = by_operation.entry(*operation).or_default();
        statuses.push(format!("{status} ×{times}"));
    }
    let width = Operation::all()
        .map(|operation| operation.id().len())
        .max()
        .unwrap_or(0);
    for operation in Operation::all() {
        let statuses = by_operation.get(&operation);
        let statuses = statuses.map_or_else(|| "not asked".to_owned(), |all| all.join(", "));
        let mark = if operation == Operation::UpsertByGet {
            " (by GET)"
        } else {
            ""
        };
        // Writing to a text cannot fail.
        let _ = writeln!(text, "  {:width$}  {statuses}{mark}", operation.id());
    }
    let all: BTreeSet<&str> = Reading::ALL.iter().map(|reading| reading.id()).collect();
    let seen: BTreeSet<&str> = explored.readings.keys().copied().collect();
    let silent: Vec<&str> = all.difference(&seen).copied().collect();
    let _ = writeln!(
        text,
        "  {} of {} readings had a say, {} rules decided",
        seen.len(),
        all.len(),
        explored.rules.len()
    );
    if !silent.is_empty() {
        let _ = writeln!(text, "  without a say: {}", silent.join(", "));
    }
    let usual = Profile::default();
    for reading in Reading::ALL {
        if let Some(choices) = explored.choices.get(reading.id())
            && *choices != [usual.choice(*reading)]
        {
            let _ = writeln!(text, "  shows {}={}", reading.id(), choices.join(" or "));
        }
    }
    text
}

/// Returns the commands that repeat the requests, one in a line.
pub fn curls(found: &Found, secrets: &Secrets) -> String {
    let mut text = format!(
        "#!/bin/sh\n# {}\n# The SKUs are used up: give others where the target has not been reset.\n",
        one_line(&secrets.redact(&found.difference.summary))
    );
    for exchange in &found.exchanges {
        let _ = writeln!(text, "{}", Record::new(exchange, secrets).curl);
    }
    text
}

/// Returns the text as one line for a comment or a YAML text, with a space for each control
/// character.
pub(crate) fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// Returns the difference as a file with one case: the steps, and the expected answer to the last.
pub fn case(number: usize, found: &Found, contract: &Contract, secrets: &Secrets) -> String {
    let steps = &found.trace.steps;
    let level = found.difference.level.to_string().to_lowercase();
    let mut yaml = format!(
        "# Found by `whippy-conformance explore`, seed {}. `whippy-conformance run --cases DIR`\n\
         # asks it again, once this file is in the folder.\n\ncases:\n",
        found.trace.seed
    );
    let title = format!(
        "{} is answered as the engine answers it",
        steps
            .last()
            .map_or("The sequence", |step| step.operation.id())
    );
    let why = one_line(&secrets.redact(&found.difference.summary));
    let _ = write!(
        yaml,
        "  - id: explored/difference-{number}\n    title: {}\n    why: {}\n    level: {level}\n    source:\n      section: Explore\n      quote: {}\n    safety: {}\n    steps:\n",
        quoted(&title),
        quoted(&why),
        quoted(&found.difference.rule),
        if steps.iter().all(|step| step.operation.is_reading()) {
            "read"
        } else {
            "write"
        },
    );
    for (position, step) in steps.iter().enumerate() {
        let is_last = position + 1 == steps.len();
        write_step(&mut yaml, step, found, contract, is_last);
    }
    if let Some(relation) = relation(found) {
        let _ = writeln!(yaml, "    relations:\n      - {}", quoted(&relation));
    }
    yaml
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn write_step(yaml: &mut String, step: &Step, found: &Found, contract: &Contract, is_last: bool) {
    let shown = Shown::default();
    let side = Side {
        names: &found.names,
        shown: &shown,
    };
    let step = &for_cases(step, &found.names);
    let _ = writeln!(yaml, "      - name: s{}\n        request:", step.name);
    if step.operation == Operation::UpsertByGet {
        let _ = writeln!(
            yaml,
            "          method: GET\n          path: {}",
            step.operation.path()
        );
    } else {
        let _ = writeln!(yaml, "          operation: {}", step.operation.id());
    }
    if step.operation.path().contains("${stock-list}") {
        let _ = writeln!(
            yaml,
            "          path-arguments: {{\"stocklist_id\": \"${{stock-list}}\"}}"
        );
    }
    if !step.query.is_empty() {
        let _ = writeln!(yaml, "          query: {}", query_of(step));
    }
    match &step.body {
        Body::None => {}
        Body::Json(body) => {
            let _ = writeln!(yaml, "          body: {body}");
        }
        Body::Untyped(body) => {
            let _ = writeln!(yaml, "          raw-body: {}", quoted(&body.to_string()));
        }
    }
    let address = crate::steps::Address {
        base: "http://localhost".to_owned(),
        headers: http::HeaderMap::new(),
    };
    let request = step.request(side, &address);
    let is_invalid = request.is_ok_and(|request| {
        let path = request.uri().path().to_owned();
        contract.fault(&request, &path).is_some()
    });
    if is_invalid {
        yaml.push_str("          invalid: true\n");
    }
    if is_last && found.difference.expected.status != 0 {
        let expected = &found.difference.expected;
        let _ = writeln!(
            yaml,
            "        expect:\n          status: {}",
            expected.status
        );
        if let Some(body) = &expected.body {
            let pattern = pattern(body, &found.names, step);
            let _ = writeln!(yaml, "          body: {pattern}");
        }
    }
}

/// Returns a step in which names that cases do not have are filled in.
fn for_cases(step: &Step, names: &Names) -> Step {
    let mut step = step.clone();
    for (_, value) in &mut step.query {
        for (name, text) in names.iter() {
            if ENVIRONMENT.iter().all(|(known, _)| *known != name) {
                *value = value.replace(&format!("${{{name}}}"), text);
            }
        }
    }
    step
}

/// Returns the parameters, with repeated ones as lists.
fn query_of(step: &Step) -> Value {
    let mut query: Map<String, Value> = Map::new();
    for (name, value) in &step.query {
        let value = Value::from(value.as_str());
        match query.get_mut(name) {
            Some(Value::Array(values)) => values.push(value),
            Some(held) => *held = json!([held.clone(), value]),
            None => {
                query.insert(name.clone(), value);
            }
        }
    }
    query.into()
}

/// Returns the expected body as a pattern: with any ids, date-times and links, and with the case's
/// names in place of their values.
fn pattern(body: &Value, names: &Names, step: &Step) -> Value {
    match body {
        Value::Object(members) => {
            let is_stock = members.contains_key("reserved_stock");
            let pattern = members.iter().map(|(name, value)| {
                let value = match name.as_str() {
                    "id" if is_stock => json!("<integer>"),
                    "created_date" | "modified_date" if is_stock => json!("<date-time>"),
                    "next" | "previous" if value.is_string() => json!("<url>"),
                    _ => pattern(value, names, step),
                };
                (named(name, names), value)
            });
            pattern.collect()
        }
        Value::Array(items) => {
            let items: Vec<_> = items
                .iter()
                .map(|item| pattern(item, names, step))
                .collect();
            // Nothing promises an order of the rows of a query.
            let is_query = matches!(
                step.operation,
                Operation::Query
                    | Operation::MultiQuery
                    | Operation::Salable
                    | Operation::MultiSalable
            );
            if is_query && items.len() > 1 {
                json!({"<in-any-order>": items})
            } else {
                items.into()
            }
        }
        Value::String(text) => named(text, names).into(),
        other => other.clone(),
    }
}

/// Returns a text with names in place of their values, the longest first.
fn named(text: &str, names: &Names) -> String {
    let mut known: Vec<_> = names
        .iter()
        .filter(|(name, value)| {
            let is_known = ENVIRONMENT.iter().any(|(known, _)| known == name);
            is_known && *name != "provider-id" && *name != "stock-list" && value.len() > 3
        })
        .collect();
    known.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
    let mut text = text.to_owned();
    for (name, value) in known {
        if !text.contains("${") {
            text = text.replace(value, &format!("${{{name}}}"));
        }
    }
    text
}

/// Returns the relation between answers that is broken, where ids or date-times differ.
fn relation(found: &Found) -> Option<String> {
    let pointer = found.difference.pointers.first()?;
    let member = pointer.rsplit('/').next()?;
    if !matches!(member, "id" | "created_date" | "modified_date") {
        return None;
    }
    let (last, before) = found.trace.steps.split_last()?;
    let shows = |step: &&Step| {
        matches!(
            step.operation,
            Operation::Create | Operation::Increase | Operation::Decrease
        )
    };
    let earlier = before.iter().rev().find(shows)?;
    let place: String = pointer.strip_suffix(member)?.trim_matches('/').to_owned();
    let place = match place.split_once('/') {
        Some((rows, position)) => format!(".{rows}[{position}]"),
        None => String::new(),
    };
    let wrote = found
        .difference
        .summary
        .starts_with("something was written");
    let sign = if wrote { ">" } else { "==" };
    Some(format!(
        "s{}{place}.{member} {sign} s{}.{member}",
        last.name, earlier.name
    ))
}
