//! Arguments that are read differently from how they were sent.

use serde_json::{Value, json};

use super::super::delivery::Delivery;
use super::super::effect::Way;
use super::super::question::Question;
use super::super::scene::Scene;
use super::statement::{ARGUMENT, SKU, SPELLING, VALIDATION};
use super::{Derived, Statement};
use crate::members::{self, Kind};
use crate::operations;
use crate::problem::Problem;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Read {
    Dropped,
    Capitals,
    Small,
    WithoutZeros,
    Unseparated,
    AsciiOnly,
    Cut(usize),
    Spaces,
    Plus(i64),
    Times(i64),
    Absolute,
    AtMost(i64),
    AtLeast(i64),
    ZeroDropped,
    Inverted,
    Fixed(&'static str),
    RefusedWhenPresent,
    RefusedWhenAbsent,
    RefusedAsText,
    RefusedAsNumber,
    RefusedNegative,
    RefusedZero,
    RefusedNonAscii,
    RefusedLonger(usize),
    TakenWhenAbsent(&'static str),
    TakenWhenWrong(&'static str),
    TakenWhenBlank,
    Unescaped,
    Offset,
    CutTo(usize),
}

struct Argument {
    name: &'static str,
    read: Read,
}

pub(super) fn rows() -> Vec<Derived> {
    let mut rows = Vec::new();
    for operation in operations::documented() {
        for &name in operation.arguments {
            let ways = ways(operation.id, name);
            for (read, word, statement) in ways {
                let about = format!("`{name}` of {}: {}.", operation.id, word.replace('-', " "));
                let effect = Argument { name, read };
                let site = format!("argument/{name}");
                rows.push(Derived::new(
                    &[operation.id],
                    (site, word),
                    statement,
                    about,
                    effect,
                ));
            }
        }
    }
    rows
}

type Row = (Read, &'static str, &'static Statement);

fn ways(operation: &str, name: &str) -> Vec<Row> {
    let is_write = matches!(operation, "create-stock" | "upsert-stocks");
    let is_reservation = operation.ends_with("reserved-stock");
    let is_query = operation.ends_with("-query");
    let member = members::of_stock(name);
    let kind = member.map_or(Kind::Moment, |member| member.kind);
    let is_required = is_query
        || is_reservation && ["sku", "location"].contains(&name)
        || is_write && member.is_some_and(|member| member.is_required);
    let mut rows: Vec<Row> = Vec::new();
    if operation == "list-active-stocks" {
        return vec![
            (Read::Capitals, "read-in-capitals", &SKU),
            (Read::Small, "read-in-small-letters", &SKU),
            (Read::WithoutZeros, "leading-zeros-lost", &SKU),
            (Read::Cut(8), "cut-to-8", &SKU),
            (Read::RefusedWhenPresent, "refused-when-present", &ARGUMENT),
            (Read::RefusedWhenAbsent, "refused-when-absent", &ARGUMENT),
        ];
    }
    if is_required {
        rows.push((Read::TakenWhenBlank, "taken-when-blank", &VALIDATION));
    } else {
        rows.extend([
            (Read::Dropped, "ignored", &ARGUMENT),
            (Read::RefusedWhenPresent, "refused-when-present", &ARGUMENT),
            (Read::RefusedWhenAbsent, "refused-when-absent", &ARGUMENT),
        ] as [Row; 3]);
    }
    match kind {
        Kind::Text => text(&mut rows, name),
        Kind::Number => number(&mut rows, name),
        Kind::Flag => rows.extend([
            (Read::Inverted, "inverted", &ARGUMENT),
            (Read::Fixed("true"), "always-true", &ARGUMENT),
            (Read::Fixed("false"), "always-false", &ARGUMENT),
            (Read::RefusedAsText, "refused-as-text", &SPELLING),
            (Read::RefusedAsNumber, "refused-as-number", &SPELLING),
            (
                Read::TakenWhenWrong("true"),
                "taken-when-wrong",
                &VALIDATION,
            ),
        ] as [Row; 6]),
        Kind::Choice(words) => {
            rows.push((Read::Fixed(words[0]), "always-the-first", &ARGUMENT));
            rows.push((Read::Fixed(words[1]), "always-the-second", &ARGUMENT));
            rows.push((
                Read::TakenWhenWrong(words[0]),
                "taken-when-wrong",
                &VALIDATION,
            ));
            rows.push((Read::Small, "any-case-taken", &VALIDATION));
        }
        Kind::Moment => rows.extend([
            (
                Read::TakenWhenWrong("2023-01-01T00:00:00+03:00"),
                "taken-when-wrong",
                &VALIDATION,
            ),
            (Read::Offset, "offset-passed-over", &ARGUMENT),
        ] as [Row; 2]),
        Kind::Period | Kind::Id => {
            rows.push((Read::TakenWhenWrong(""), "taken-when-wrong", &VALIDATION));
        }
    }
    if is_query {
        rows.retain(|(read, _, _)| !matches!(read, Read::TakenWhenWrong(_)));
        rows.retain(|(read, _, _)| *read != Read::TakenWhenBlank);
    }
    if is_required && is_write {
        let default = match name {
            "stock" => "0",
            "sku" => "unknown",
            _ => "",
        };
        if !default.is_empty() {
            rows.push((
                Read::TakenWhenAbsent(default),
                "taken-when-absent",
                &ARGUMENT,
            ));
        }
    }
    rows
}

fn text(rows: &mut Vec<Row>, name: &str) {
    if name == "sku" {
        rows.extend([
            (Read::Capitals, "read-in-capitals", &SKU),
            (Read::Small, "read-in-small-letters", &SKU),
            (Read::WithoutZeros, "leading-zeros-lost", &SKU),
            (Read::Unseparated, "separators-lost", &SKU),
            (Read::AsciiOnly, "other-letters-lost", &SKU),
            (Read::Spaces, "inner-spaces-joined", &SKU),
            (Read::Unescaped, "escapes-undone", &SKU),
            (Read::Cut(8), "cut-to-8", &SKU),
            (Read::Cut(32), "cut-to-32", &SKU),
            (Read::RefusedNonAscii, "other-letters-refused", &SKU),
            (Read::RefusedAsNumber, "refused-as-number", &SPELLING),
        ] as [Row; 11]);
    } else {
        rows.extend([
            (Read::Capitals, "read-in-capitals", &ARGUMENT),
            (Read::Small, "read-in-small-letters", &ARGUMENT),
            (Read::AsciiOnly, "other-letters-lost", &ARGUMENT),
            (Read::Cut(8), "cut-to-8", &ARGUMENT),
            (Read::RefusedNonAscii, "other-letters-refused", &ARGUMENT),
        ] as [Row; 5]);
    }
}

fn number(rows: &mut Vec<Row>, name: &str) {
    rows.extend([
        (Read::Plus(1), "plus-1", &ARGUMENT),
        (Read::Plus(-1), "minus-1", &ARGUMENT),
        (Read::Times(2), "doubled", &ARGUMENT),
        (Read::Times(-1), "negated", &ARGUMENT),
        (Read::Absolute, "absolute", &ARGUMENT),
        (Read::AtLeast(0), "at-least-0", &ARGUMENT),
        (Read::AtMost(99), "at-most-99", &ARGUMENT),
        (Read::AtMost(9_999), "at-most-9999", &ARGUMENT),
        (Read::AtMost(32_767), "at-most-32767", &ARGUMENT),
        (Read::AtMost(999_999), "at-most-999999", &ARGUMENT),
        (Read::Fixed("7"), "always-7", &ARGUMENT),
        (Read::RefusedNegative, "negative-refused", &ARGUMENT),
        (Read::RefusedZero, "zero-refused", &ARGUMENT),
        (Read::RefusedAsText, "refused-as-text", &SPELLING),
        (Read::RefusedLonger(5), "six-digits-refused", &ARGUMENT),
        (Read::TakenWhenWrong("0"), "taken-when-wrong", &VALIDATION),
        (Read::CutTo(0), "fraction-cut", &VALIDATION),
    ] as [Row; 17]);
    if name == "stock" {
        rows.push((Read::ZeroDropped, "zero-taken-for-absent", &ARGUMENT));
    }
}

impl Way for Argument {
    fn answer(&self, scene: &Scene<'_>) -> Delivery {
        let question = Question::of(scene.request, scene.service);
        let values = values(&question, self.name);
        let is_there = !values.is_empty();
        let any = |is: &dyn Fn(&Value) -> bool| values.iter().any(is);
        let is_refused = match self.read {
            Read::RefusedWhenPresent => is_there,
            Read::RefusedWhenAbsent => !is_there && !is_empty(&question),
            Read::RefusedAsText => any(&Value::is_string),
            Read::RefusedAsNumber => any(&Value::is_number),
            Read::RefusedNegative => {
                any(&|value| number_of(value).is_some_and(|number| number < 0))
            }
            Read::RefusedZero => any(&|value| number_of(value) == Some(0)),
            Read::RefusedNonAscii => {
                any(&|value| value.as_str().is_some_and(|text| !text.is_ascii()))
            }
            Read::RefusedLonger(most) => any(&|value| value.to_string().len() > most),
            _ => false,
        };
        if is_refused {
            return scene.refuse(&Problem::field(self.name, "This value is not taken."));
        }
        match self.read {
            Read::TakenWhenAbsent(default) => scene.rewritten(|question| {
                question.each(|arguments| {
                    if !arguments.is_empty() && !arguments.contains_key(self.name) {
                        arguments.insert(self.name.to_owned(), parsed(default));
                    }
                });
            }),
            Read::TakenWhenWrong(default) => self.mended(scene, &parsed(default)),
            Read::TakenWhenBlank => self.mended(scene, &json!("blank")),
            _ => scene.rewritten(|question| {
                let read = |value: &Value| self.read(value);
                change(question, self.name, &read);
            }),
        }
    }
}

impl Argument {
    /// Retries a request that was refused for this argument, with `default` in place of its
    /// value.
    fn mended(&self, scene: &Scene<'_>, default: &Value) -> Delivery {
        let usual = scene.usual();
        let is_refused = match &usual {
            Delivery::Answer(reply) if reply.response.status() == 400 => {
                super::super::scene::json_of(reply).get(self.name).is_some()
            }
            _ => false,
        };
        if !is_refused {
            return usual;
        }
        scene.rewritten(|question| {
            let is_blank =
                |value: &Value| value.as_str().is_some_and(|text| text.trim().is_empty());
            let read = |value: &Value| match self.read {
                Read::TakenWhenBlank if !is_blank(value) => Some(value.clone()),
                _ => Some(default.clone()),
            };
            change(question, self.name, &read);
        })
    }

    /// The value that the argument is read as; `None` if it is dropped.
    fn read(&self, value: &Value) -> Option<Value> {
        if let Value::Array(items) = value {
            return Some(items.iter().filter_map(|item| self.read(item)).collect());
        }
        Some(match (self.read, value) {
            (Read::Dropped, _) => return None,
            (Read::ZeroDropped, value) if number_of(value) == Some(0) => return None,
            (Read::Fixed(word), _) => parsed(word),
            (Read::Inverted, Value::Bool(flag)) => (!flag).into(),
            (Read::CutTo(_), Value::Number(number)) if number.is_f64() => {
                #[allow(clippy::cast_possible_truncation)] // That is the defect.
                let whole = number.as_f64().unwrap_or_default() as i64;
                whole.into()
            }
            (_, Value::String(text)) => self.read_text(text).into(),
            (_, Value::Number(number)) => match number.as_i64() {
                Some(number) => self.read_number(number).into(),
                None => value.clone(),
            },
            _ => value.clone(),
        })
    }

    fn read_text(&self, text: &str) -> String {
        match self.read {
            Read::Capitals => text.to_uppercase(),
            Read::Small => text.to_lowercase(),
            Read::WithoutZeros => text.trim_start_matches('0').to_owned(),
            Read::Unseparated => text.chars().filter(|c| !"-_./ ".contains(*c)).collect(),
            Read::AsciiOnly => text.chars().filter(char::is_ascii).collect(),
            Read::Cut(most) => text.chars().take(most).collect(),
            Read::Spaces => text
                .split(' ')
                .filter(|word| !word.is_empty())
                .collect::<Vec<_>>()
                .join(" "),
            Read::Unescaped => text
                .replace("%20", " ")
                .replace('+', " ")
                .replace("&amp;", "&"),
            Read::Offset => without_offset(text),
            _ => text.to_owned(),
        }
    }

    fn read_number(&self, number: i64) -> i64 {
        match self.read {
            Read::Plus(by) => number.saturating_add(by),
            Read::Times(by) => number.saturating_mul(by),
            Read::Absolute => number.abs(),
            Read::AtMost(most) => number.min(most),
            Read::AtLeast(least) => number.max(least),
            _ => number,
        }
    }
}

fn without_offset(text: &str) -> String {
    match text.get(19..).and_then(|rest| rest.find(['Z', '+', '-'])) {
        Some(at) => format!("{}+03:00", &text[..19 + at]),
        None => text.to_owned(),
    }
}

fn parsed(word: &str) -> Value {
    match word {
        "" => Value::Null,
        word => serde_json::from_str(word).unwrap_or_else(|_| word.into()),
    }
}

fn number_of(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        value => value.as_i64(),
    }
}

/// Returns `true` if a request has neither a body nor a query.
fn is_empty(question: &Question<'_>) -> bool {
    let is_said = match &question.body {
        Value::Object(body) => !body.is_empty(),
        Value::Array(rows) => !rows.is_empty(),
        _ => false,
    };
    !is_said && question.query.is_empty()
}

/// All values of an argument, from the body, from each of its rows and from the query.
fn values(question: &Question<'_>, name: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut take = |value: Option<&Value>| match value {
        Some(Value::Array(items)) => found.extend(items.iter().cloned()),
        other => found.extend(other.cloned()),
    };
    match &question.body {
        Value::Array(rows) => rows.iter().for_each(|row| take(row.get(name))),
        body => take(body.get(name)),
    }
    for (known, value) in &question.query {
        if known == name {
            found.push(value.as_str().into());
        }
    }
    found
}

fn change(question: &mut Question<'_>, name: &str, read: &dyn Fn(&Value) -> Option<Value>) {
    question.each(|arguments| {
        if let Some(value) = arguments.get(name) {
            match read(value) {
                Some(value) => {
                    arguments.insert(name.to_owned(), value);
                }
                None => {
                    arguments.shift_remove(name);
                }
            }
        }
    });
    if question.query.iter().any(|(known, _)| known == name) {
        let mut kept = Vec::new();
        for (known, value) in std::mem::take(&mut question.query) {
            if known != name {
                kept.push((known, value));
            } else if let Some(value) = read(&value.clone().into()) {
                let text = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                kept.push((known, text));
            }
        }
        question.query = kept;
    }
}
