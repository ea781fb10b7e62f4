//! Statuses, headers and bodies that differ from the contract's.

use http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use serde_json::{Map, Value, json};

use super::super::delivery::Delivery;
use super::super::edit::{Object, rows as each_row};
use super::super::effect::Way;
use super::super::listing::is_filter;
use super::super::question::Question;
use super::super::scene::{Scene, edit_json, set_body, status};
use super::statement::{
    ACTIVE, FRAME, HEADER, PLACE, PLACE_STATUS, QUERY, REFUSAL, STACK_REFUSAL, STACK_STATUS,
    STATUS, STOCK, TOKEN,
};
use super::value::Change;
use super::{Derived, Statement};
use crate::answers::{Answered, Shape};
use crate::engine::Reply;
use crate::members::{Kind, Member};
use crate::operations::{self, Operation};
use crate::problem::Grade;

pub(super) fn rows() -> Vec<Derived> {
    let mut rows = Vec::new();
    for operation in operations::all() {
        // A method that is not allowed belongs to no operation.
        for answered in operation
            .answers
            .iter()
            .filter(|answered| answered.status != 405)
        {
            statuses(&mut rows, &operation, answered);
            headers(&mut rows, &operation, answered);
            bodies(&mut rows, &operation, answered);
        }
    }
    rows
}

/// The part of a name that stands for an answer: its status. The 400s of an operation are told
/// apart by their key.
fn site(answered: &Answered) -> String {
    match answered.shape {
        Shape::Sentence(key) if answered.status == 400 => format!("400-{key}"),
        _ => answered.status.to_string(),
    }
}

fn of_grade(
    grade: Grade,
    [documented, stack, observed]: [&'static Statement; 3],
) -> &'static Statement {
    match grade {
        Grade::Documented => documented,
        Grade::Observed => observed,
        _ => stack,
    }
}

// Statuses.

struct OtherStatus {
    from: u16,
    key: Option<&'static str>,
    to: u16,
}

impl Way for OtherStatus {
    fn answer(&self, scene: &Scene<'_>) -> Delivery {
        scene.edited(|reply| {
            if is_it(reply, self.from, self.key) {
                *reply.response.status_mut() = status(self.to);
            }
        })
    }
}

/// Returns `true` if a reply has this status and, where several answers share it, this key.
fn is_it(reply: &Reply, status: u16, key: Option<&str>) -> bool {
    let has_key = |key: &str| {
        let body: Value = serde_json::from_slice(reply.response.body()).unwrap_or_default();
        body.get(key).is_some()
    };
    reply.response.status() == status && key.is_none_or(has_key)
}

fn key_of(answered: &Answered) -> Option<&'static str> {
    match answered.shape {
        Shape::Sentence(key) if answered.status == 400 => Some(key),
        _ => None,
    }
}

fn statuses(rows: &mut Vec<Derived>, operation: &Operation, answered: &Answered) {
    let others: &[u16] = match answered.status {
        200 => &[201, 202, 204, 500],
        201 => &[200, 202, 500],
        208 => &[200, 201, 400, 409],
        400 => &[200, 404, 409, 422, 500],
        401 => &[200, 302, 400, 403, 404],
        404 => &[200, 400, 410, 500],
        405 => &[200, 400, 404, 501],
        406 => &[200, 400, 415],
        _ => &[200, 400, 422, 500],
    };
    let statement = if answered.status == 401 && answered.grade == Grade::Documented {
        &TOKEN
    } else {
        of_grade(answered.grade, [&STATUS, &STACK_STATUS, &PLACE_STATUS])
    };
    for &to in others {
        let about = format!("{} answers {to} for {}.", operation.id, site(answered));
        let effect = OtherStatus {
            from: answered.status,
            key: key_of(answered),
            to,
        };
        let at = format!("{}/status", site(answered));
        rows.push(Derived::new(
            &[operation.id],
            (at, to),
            statement,
            about,
            effect,
        ));
    }
}

// Headers.

struct OtherHeader {
    of: u16,
    name: HeaderName,
    value: Option<&'static str>,
}

impl Way for OtherHeader {
    fn answer(&self, scene: &Scene<'_>) -> Delivery {
        scene.edited(|reply| {
            if reply.response.status() == self.of {
                let headers = reply.response.headers_mut();
                match self.value {
                    Some(value) => {
                        headers.insert(self.name.clone(), HeaderValue::from_static(value));
                    }
                    None => {
                        headers.remove(&self.name);
                    }
                }
            }
        })
    }
}

fn headers(rows: &mut Vec<Derived>, operation: &Operation, answered: &Answered) {
    let is_first = key_of(answered).is_none();
    let mut wrong = vec![
        (CONTENT_TYPE, None, "absent"),
        (CONTENT_TYPE, Some("text/html; charset=utf-8"), "html"),
        (CONTENT_TYPE, Some("text/plain"), "plain"),
        (ALLOW, None, "absent"),
    ];
    if answered.status == 401 {
        wrong.push((WWW_AUTHENTICATE, None, "absent"));
    }
    for (name, value, word) in wrong.into_iter().filter(|_| is_first) {
        let statement = of_grade(answered.grade, [&HEADER, &HEADER, &PLACE]);
        let about = format!(
            "The `{name}` of {} {} is {word}.",
            operation.id, answered.status
        );
        let at = format!("{}/{name}", answered.status);
        let effect = OtherHeader {
            of: answered.status,
            name,
            value,
        };
        rows.push(Derived::new(
            &[operation.id],
            (at, word),
            statement,
            about,
            effect,
        ));
    }
}

// Bodies.

/// The answers, or the rows of an answer, in which a change shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Always,
    FirstRow,
    LastRow,
    FromSecondRow,
    LaterPage,
    Filtered,
    Sorted,
    EverySecond,
    Row(&'static str, RowIs),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RowIs {
    Zero,
    Negative,
    Large,
    False,
    Text(&'static str),
    Set,
}

impl When {
    fn word(self) -> String {
        match self {
            Self::Always => String::new(),
            Self::FirstRow => "-of-the-first-row".to_owned(),
            Self::LastRow => "-of-the-last-row".to_owned(),
            Self::FromSecondRow => "-from-the-second-row".to_owned(),
            Self::LaterPage => "-on-later-pages".to_owned(),
            Self::Filtered => "-with-a-filter".to_owned(),
            Self::Sorted => "-with-a-sort".to_owned(),
            Self::EverySecond => "-every-second-time".to_owned(),
            Self::Row(name, is) => {
                let is = match is {
                    RowIs::Zero => "zero",
                    RowIs::Negative => "negative",
                    RowIs::Large => "large",
                    RowIs::False => "false",
                    RowIs::Text(text) => text,
                    RowIs::Set => "set",
                };
                format!("-where-{name}-is-{is}")
            }
        }
    }

    fn holds(self, scene: &Scene<'_>, body: &Value) -> bool {
        let parameters = || Question::of(scene.request, scene.service).query;
        match self {
            Self::LaterPage => body.get("previous").is_some_and(Value::is_string),
            Self::Filtered => parameters().iter().any(|(name, _)| is_filter(name)),
            Self::Sorted => parameters().iter().any(|(name, _)| name == "sort"),
            Self::EverySecond => scene.memory.count(scene.operation).is_multiple_of(2),
            _ => true,
        }
    }

    fn takes(self, at: usize, count: usize, row: &Object) -> bool {
        match self {
            Self::FirstRow => at == 0 && count > 1,
            Self::LastRow => at + 1 == count && count > 1,
            Self::FromSecondRow => at > 0,
            Self::Row(name, is) => row.get(name).is_some_and(|value| match is {
                RowIs::Zero => value == &json!(0),
                RowIs::Negative => value.as_i64().is_some_and(|number| number < 0),
                RowIs::Large => value.as_i64().is_some_and(|number| number > 32_767),
                RowIs::False => value == &json!(false),
                RowIs::Text(text) => value == text,
                RowIs::Set => !value.is_null(),
            }),
            _ => true,
        }
    }
}

struct OtherMember {
    of: u16,
    key: Option<&'static str>,
    name: &'static str,
    change: Change,
    when: When,
}

impl Way for OtherMember {
    fn answer(&self, scene: &Scene<'_>) -> Delivery {
        scene.edited(|reply| {
            if !is_it(reply, self.of, self.key) {
                return;
            }
            edit_json(reply, |body| {
                if !self.when.holds(scene, body) {
                    return;
                }
                let mut count = 0;
                each_row(body, |_| count += 1);
                let mut at = 0;
                each_row(body, |row| {
                    if self.when.takes(at, count, row) {
                        self.change.apply(row, self.name);
                    }
                    at += 1;
                });
            });
        })
    }
}

struct OtherFrame {
    of: u16,
    name: &'static str,
    change: Change,
}

impl Way for OtherFrame {
    fn answer(&self, scene: &Scene<'_>) -> Delivery {
        scene.edited(|reply| {
            if reply.response.status() == self.of {
                edit_json(reply, |body| {
                    if let Value::Object(body) = body {
                        self.change.apply(body, self.name);
                    }
                });
            }
        })
    }
}

fn bodies(rows: &mut Vec<Derived>, operation: &Operation, answered: &Answered) {
    let members = answered.shape.rows();
    for member in members {
        for change in Change::of(member.kind) {
            push_member(
                rows,
                operation,
                answered,
                (member.name, change),
                When::Always,
            );
        }
        if answered.shape != Shape::Stock {
            partly(rows, operation, answered, member);
        }
        by_value(rows, operation, answered, member);
    }
    for name in answered.shape.frame() {
        let mut changes = vec![
            Change::Absent,
            Change::Null,
            Change::Renamed,
            Change::OtherType,
        ];
        if *name == "count" {
            changes.extend([
                Change::Plus(1),
                Change::Plus(-1),
                Change::Quoted,
                Change::Zero,
            ]);
        }
        if *name == "next" || *name == "previous" {
            changes.extend([Change::Empty, Change::Capitals, Change::Longer]);
        }
        for change in changes {
            let about = format!(
                "`{name}` of {} {} is {}.",
                operation.id,
                answered.status,
                change.word()
            );
            let statement = of_grade(answered.grade, [&FRAME, &STACK_REFUSAL, &PLACE]);
            let effect = OtherFrame {
                of: answered.status,
                name,
                change,
            };
            let at = format!("{}/{name}", answered.status);
            rows.push(Derived::new(
                &[operation.id],
                (at, change.word()),
                statement,
                about,
                effect,
            ));
        }
    }
    match answered.shape {
        Shape::Object(members) | Shape::ObjectPage(members) => {
            for name in members {
                for change in [
                    Change::Absent,
                    Change::Null,
                    Change::OtherType,
                    Change::Renamed,
                ] {
                    // On the vendor's pages it stays open if these may be null.
                    let is_open = matches!(*name, "remote_id" | "stock_list_rule");
                    if !is_open || change != Change::Null {
                        push_member(rows, operation, answered, (name, change), When::Always);
                    }
                }
            }
        }
        Shape::Fields(fields) => refusals(rows, operation, answered, fields),
        Shape::Sentence(key) => refusals(rows, operation, answered, &[key]),
        _ => {}
    }
}

fn push_member(
    rows: &mut Vec<Derived>,
    operation: &Operation,
    answered: &Answered,
    (name, change): (&'static str, Change),
    when: When,
) {
    let documented = match answered.shape {
        Shape::Stock | Shape::StockPage => &STOCK,
        Shape::Rows | Shape::RowsBySku => &QUERY,
        Shape::ActivePage => &ACTIVE,
        _ => &REFUSAL,
    };
    let statement = of_grade(answered.grade, [documented, &STACK_REFUSAL, &PLACE]);
    let way = format!("{}{}", change.word(), when.word());
    let about = format!(
        "`{name}` of {} {} is {}.",
        operation.id,
        site(answered),
        way.replace('-', " ")
    );
    let effect = OtherMember {
        of: answered.status,
        key: key_of(answered),
        name,
        change,
        when,
    };
    let at = format!("{}/{name}", site(answered));
    rows.push(Derived::new(
        &[operation.id],
        (at, way),
        statement,
        about,
        effect,
    ));
}

/// Adds changes that show only in some rows, on some pages or at some times.
fn partly(rows: &mut Vec<Derived>, operation: &Operation, answered: &Answered, member: &Member) {
    let is_page = matches!(answered.shape, Shape::StockPage | Shape::ActivePage);
    let mut whens = vec![When::LastRow, When::FromSecondRow, When::EverySecond];
    if is_page {
        whens.extend([When::FirstRow, When::LaterPage]);
    }
    if answered.shape == Shape::StockPage {
        whens.extend([When::Filtered, When::Sorted]);
    }
    for when in whens {
        for change in [wrong(member.kind), Change::Absent] {
            push_member(rows, operation, answered, (member.name, change), when);
        }
    }
}

/// Adds changes that show only beside certain values of a stock.
fn by_value(rows: &mut Vec<Derived>, operation: &Operation, answered: &Answered, member: &Member) {
    let mut whens = Vec::new();
    if member.kind == Kind::Number {
        let is = [RowIs::Zero, RowIs::Negative, RowIs::Large];
        whens.extend(is.map(|is| When::Row(member.name, is)));
    }
    if matches!(answered.shape, Shape::Stock | Shape::StockPage) {
        whens.extend([
            When::Row("is_active", RowIs::False),
            When::Row("unit_type", RowIs::Text("kg")),
            When::Row("stock_type", RowIs::Text("scheduled")),
            When::Row("stock", RowIs::Negative),
            When::Row("reserved_stock", RowIs::Set),
        ]);
    }
    whens.dedup();
    for when in whens {
        if when == When::Row("stock", RowIs::Negative) && member.name == "stock" {
            continue;
        }
        push_member(
            rows,
            operation,
            answered,
            (member.name, wrong(member.kind)),
            when,
        );
    }
    if member.kind == Kind::Number && matches!(answered.shape, Shape::Stock | Shape::StockPage) {
        let negative = When::Row("stock", RowIs::Negative);
        push_member(
            rows,
            operation,
            answered,
            (member.name, Change::Absolute),
            negative,
        );
    }
}

/// The change to a wrong value of the same type.
fn wrong(kind: Kind) -> Change {
    match kind {
        Kind::Id | Kind::Number => Change::Plus(1),
        Kind::Text => Change::Longer,
        Kind::Choice(_) => Change::Other,
        Kind::Flag => Change::Inverted,
        Kind::Moment => Change::Shifted(3),
        Kind::Period => Change::Empty,
    }
}

// Refusals.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wording {
    Bare,
    Listed,
    OtherText,
    Html,
    Nothing,
    Nested,
}

struct OtherRefusal {
    of: u16,
    key: &'static str,
    wording: Wording,
}

impl Way for OtherRefusal {
    fn answer(&self, scene: &Scene<'_>) -> Delivery {
        scene.edited(|reply| {
            if !is_it(reply, self.of, Some(self.key)) {
                return;
            }
            match self.wording {
                Wording::Html => {
                    set_body(reply, "<h1>Error</h1>");
                    let html = HeaderValue::from_static("text/html");
                    reply.response.headers_mut().insert(CONTENT_TYPE, html);
                }
                Wording::Nothing => set_body(reply, "{}"),
                Wording::Nested => edit_json(reply, |body| {
                    let inside = body.take();
                    *body = Map::from_iter([("errors".to_owned(), inside)]).into();
                }),
                _ => edit_json(reply, |body| {
                    if let Some(value) = body.get_mut(self.key) {
                        *value = self.said(value);
                    }
                }),
            }
        })
    }
}

impl OtherRefusal {
    fn said(&self, value: &Value) -> Value {
        match (self.wording, value) {
            (Wording::Bare, Value::Array(items)) => items.first().cloned().unwrap_or_default(),
            (Wording::Listed, Value::String(_)) => json!([value]),
            (Wording::OtherText, Value::Array(_)) => json!(["Something is wrong."]),
            (Wording::OtherText, _) => json!("Something is wrong."),
            _ => value.clone(),
        }
    }
}

fn refusals(
    rows: &mut Vec<Derived>,
    operation: &Operation,
    answered: &Answered,
    keys: &[&'static str],
) {
    // The wording of a 401 is the framework's, but that there is a 401 is documented.
    let statement = if answered.status == 401 && answered.grade == Grade::Documented {
        &STACK_REFUSAL
    } else {
        of_grade(answered.grade, [&REFUSAL, &STACK_REFUSAL, &PLACE])
    };
    let is_by_field = matches!(answered.shape, Shape::Fields(_));
    let form = if is_by_field {
        Wording::Bare
    } else {
        Wording::Listed
    };
    for &key in keys {
        for (wording, word) in [
            (form, "other-form"),
            (Wording::OtherText, "other-words"),
            (Wording::Html, "html"),
            (Wording::Nothing, "no-words"),
            (Wording::Nested, "nested"),
        ] {
            let about = format!(
                "The refusal of `{key}` by {} {} has {word}.",
                operation.id, answered.status
            );
            let effect = OtherRefusal {
                of: answered.status,
                key,
                wording,
            };
            let at = format!("{}/{}", site(answered), key);
            rows.push(Derived::new(
                &[operation.id],
                (at, word),
                statement,
                about,
                effect,
            ));
        }
        for change in [Change::Absent, Change::Renamed, Change::Null] {
            let about = format!(
                "`{key}` of the refusal by {} {} is {}.",
                operation.id,
                answered.status,
                change.word()
            );
            let effect = OtherMember {
                of: answered.status,
                key: Some(key),
                name: key,
                change,
                when: When::Always,
            };
            let at = format!("{}/{}", site(answered), key);
            rows.push(Derived::new(
                &[operation.id],
                (at, change.word()),
                statement,
                about,
                effect,
            ));
        }
    }
}
