//! Views of written data that are stale, lose a write later on, or differ when repeated.

use serde_json::{Value, json};

use super::super::delivery::Delivery;
use super::super::edit::rows as each_row;
use super::super::effect::Way;
use super::super::question::Question;
use super::super::scene::{Scene, edit_json, is_granted, set_body, status};
use super::Derived;
use super::statement::{SAME, SHOWN};
use crate::engine::Engine;

/// The ways in which a view deviates from the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shows {
    /// The first read after a write shows the state before it.
    StaleOnce,
    /// Each read shows the state before the last write.
    OneBehind,
    /// Reads show the state before a write for so many microseconds.
    StaleFor(i64),
    /// A write disappears from the view after so many microseconds.
    FadesAfter(i64),
}

/// The operations that write stocks.
const WRITES: &[&str] = &[
    "create-stock",
    "upsert-stocks",
    "increase-reserved-stock",
    "decrease-reserved-stock",
];

/// The views of stocks: an operation, and the parameter that a request must have; empty for
/// any.
const VIEWS: &[(&str, &str)] = &[
    ("list-stocks", ""),
    ("list-stocks", "sku"),
    ("list-stocks", "stock"),
    ("list-stocks", "reserved_stock"),
    ("list-stocks", "created_date"),
    ("list-stocks", "modified_date"),
    ("list-stocks", "is_active"),
    ("list-stocks", "period"),
    ("list-stocks", "location"),
    ("list-stocks", "provider"),
    ("list-stocks", "location_name"),
    ("list-stocks", "provider_name"),
    ("list-stocks", "unit_type"),
    ("list-stocks", "stock_type"),
    ("list-stocks", "sort"),
    ("stock-query", ""),
    ("multi-stock-query", ""),
    ("salable-stock-query", ""),
    ("multi-salable-stock-query", ""),
    ("list-active-stocks", ""),
    ("list-active-stocks", "sku"),
];

struct View {
    write: &'static str,
    read: &'static str,
    parameter: &'static str,
    shows: Shows,
}

pub(super) fn rows() -> Vec<Derived> {
    let mut rows = Vec::new();
    for &write in WRITES {
        for &(read, parameter) in VIEWS {
            for (shows, word) in [
                (Shows::StaleOnce, "stale-once"),
                (Shows::OneBehind, "one-write-behind"),
                (Shows::StaleFor(1_000_000), "stale-for-1-second"),
                (Shows::StaleFor(60_000_000), "stale-for-60-seconds"),
                (Shows::FadesAfter(1_000_000), "lost-after-1-second"),
                (Shows::FadesAfter(5_000_000), "lost-after-5-seconds"),
            ] {
                let by = if parameter.is_empty() {
                    String::new()
                } else {
                    format!("-by-{parameter}")
                };
                let about = format!("{read}{by} is {} after {write}.", word.replace('-', " "));
                let site = format!("{read}{by}");
                let effect = View {
                    write,
                    read,
                    parameter,
                    shows,
                };
                rows.push(Derived::new(
                    &[write, read],
                    (site, word),
                    &SHOWN,
                    about,
                    effect,
                ));
            }
        }
    }
    for operation in READS {
        for (again, word) in AGAIN {
            let about = format!(
                "{operation} asked the same again {}.",
                word.replace('-', " ")
            );
            rows.push(Derived::new(
                &[*operation],
                ("again", *word),
                &SAME,
                about,
                Repeated { again: *again },
            ));
        }
    }
    rows
}

impl Way for View {
    fn answer(&self, scene: &Scene<'_>) -> Delivery {
        let now = (scene.system)().micros();
        if scene.operation == self.write {
            let before = scene.service.store();
            let delivery = scene.usual();
            let has_written = !before.is_clone_of(&scene.service.store());
            if has_written {
                let mut kept = scene.memory.derived();
                kept.before.push_back((now, before));
                kept.looks = 0;
                if kept.before.len() > 1 {
                    kept.before.pop_front();
                }
            }
            return delivery;
        }
        if scene.operation != self.read || !self.is_seen(scene) {
            return scene.usual();
        }
        let past = {
            let mut kept = scene.memory.derived();
            kept.looks += 1;
            let looks = kept.looks;
            kept.before
                .back()
                .filter(|(then, _)| match self.shows {
                    Shows::StaleOnce => looks == 1,
                    Shows::OneBehind => true,
                    Shows::StaleFor(micros) => now - then < micros,
                    Shows::FadesAfter(micros) => now - then > micros,
                })
                .map(|(_, store)| store.clone())
        };
        let Some(past) = past else {
            return scene.usual();
        };
        let settings = scene.service.settings();
        let engine = Engine::new((*settings).clone(), past);
        let shown = engine.look(scene.request, (scene.system)());
        scene.edited(|reply| *reply = shown)
    }
}

impl View {
    fn is_seen(&self, scene: &Scene<'_>) -> bool {
        let question = Question::of(scene.request, scene.service);
        if self.parameter.is_empty() {
            return true;
        }
        let fits = |name: &str| {
            name == self.parameter || name.starts_with(&format!("{}__", self.parameter))
        };
        question.query.iter().any(|(name, _)| fits(name))
            || question.body.get(self.parameter).is_some()
    }
}

const READS: &[&str] = &[
    "list-stocks",
    "stock-query",
    "multi-stock-query",
    "salable-stock-query",
    "multi-salable-stock-query",
    "list-active-stocks",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Again {
    Empty,
    DropsLast,
    RepeatsFirst,
    Changed,
    Error,
    NotFound,
    NullMember,
}

const AGAIN: &[(Again, &str)] = &[
    (Again::Empty, "is-empty"),
    (Again::DropsLast, "drops-its-last-row"),
    (Again::RepeatsFirst, "repeats-its-first-row"),
    (Again::Changed, "shows-one-more-piece"),
    (Again::Error, "is-a-server-error"),
    (Again::NotFound, "is-not-found"),
    (Again::NullMember, "shows-null-quantities"),
];

/// Another answer when a request is repeated while the world is unchanged.
struct Repeated {
    again: Again,
}

impl Way for Repeated {
    fn answer(&self, scene: &Scene<'_>) -> Delivery {
        let store = scene.service.store();
        let is_again = {
            let mut kept = scene.memory.derived();
            if !kept.of.as_ref().is_some_and(|of| of.is_clone_of(&store)) {
                kept.asked.clear();
                kept.of = Some(store);
            }
            let body = String::from_utf8_lossy(scene.request.body());
            let question = format!("{} {body}", scene.request.uri());
            let times = kept.asked.entry(question).or_default();
            *times += 1;
            *times > 1
        };
        if !is_again {
            return scene.usual();
        }
        scene.edited(|reply| {
            if !is_granted(reply) {
                return;
            }
            match self.again {
                Again::Error => {
                    *reply.response.status_mut() = status(500);
                    set_body(reply, "<h1>Server Error (500)</h1><p></p>");
                }
                Again::NotFound => {
                    *reply.response.status_mut() = status(404);
                    set_body(reply, json!({"detail": "Not found."}).to_string());
                }
                Again::Changed => edit_json(reply, |body| {
                    each_row(body, |row| {
                        if let Some(stock) = row.get("stock").and_then(Value::as_i64) {
                            row.insert("stock".to_owned(), (stock + 1).into());
                        }
                    });
                }),
                Again::NullMember => edit_json(reply, |body| {
                    each_row(body, |row| {
                        if row.contains_key("stock") {
                            row.insert("stock".to_owned(), Value::Null);
                        }
                    });
                }),
                _ => edit_json(reply, |body| each_list(body, &|rows| self.edit(rows))),
            }
        })
    }
}

impl Repeated {
    fn edit(&self, rows: &mut Vec<Value>) {
        match self.again {
            Again::Empty => rows.clear(),
            Again::DropsLast => {
                rows.pop();
            }
            _ => rows.extend(rows.first().cloned()),
        }
    }
}

/// Edits each list of rows in a body.
fn each_list(body: &mut Value, edit: &dyn Fn(&mut Vec<Value>)) {
    if let Some(Value::Array(rows)) = body.get_mut("results") {
        edit(rows);
    }
    match body.get_mut("Store_checkResult") {
        Some(Value::Array(rows)) => edit(rows),
        Some(Value::Object(skus)) => skus
            .values_mut()
            .filter_map(Value::as_array_mut)
            .for_each(edit),
        _ => {}
    }
}
