//! Dated reservations that are remembered too briefly, too long or by the wrong key.

use serde_json::Value;

use super::super::delivery::Delivery;
use super::super::effect::Way;
use super::super::memory::Dated;
use super::super::question::Question;
use super::super::scene::{Scene, is_granted};
use super::Derived;
use super::statement::{REFUSED, REPORTED};
use crate::model::time::Timestamp;
use crate::problem::Problem;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Remembers {
    /// Only the last n dates, of each stock if `true`, of all stocks together if `false`.
    Last(usize, bool),
    /// For a limited time, in microseconds.
    For(i64),
    /// Until the next write of this operation.
    Until(&'static str),
    /// Any date in the same unit of time, in microseconds, counts as the same date.
    Within(i64),
    /// The local digits alone: dates with other offsets count as the same date.
    Digits,
    /// Without this part of the key: `sku`, `location` or `operation`.
    Without(&'static str),
    /// Dates of refused reservations as well.
    Refused,
    /// A date earlier than one already seen counts as seen.
    Rising,
    /// The text: one moment in two spellings counts as two dates.
    Spelling,
    /// Only dates with fractional seconds.
    Fractions,
    /// The first repetition only; later ones count again.
    Once,
}

const OPERATIONS: [&str; 2] = ["increase-reserved-stock", "decrease-reserved-stock"];

pub(super) fn rows() -> Vec<Derived> {
    let mut rows = Vec::new();
    for operation in OPERATIONS {
        for (remembers, word) in ways() {
            let about = format!("{operation} remembers dates: {}.", word.replace('-', " "));
            let statement = if remembers == Remembers::Refused {
                &REFUSED
            } else {
                &REPORTED
            };
            // Both operations add to the remembered dates, but only one of them answers
            // wrongly.
            let of = OPERATIONS.map(|other| if other == operation { operation } else { other });
            let mut of = of.to_vec();
            of.sort_by_key(|other| *other != operation);
            of.extend(["create-stock", "upsert-stocks"]);
            rows.push(Derived::new(
                &of,
                ("date", word),
                statement,
                about,
                Dates {
                    operation,
                    remembers,
                },
            ));
        }
    }
    rows
}

fn ways() -> Vec<(Remembers, &'static str)> {
    vec![
        (Remembers::Last(1, false), "the-last-of-all"),
        (Remembers::Last(2, false), "the-last-2-of-all"),
        (Remembers::Last(10, false), "the-last-10-of-all"),
        (Remembers::Last(100, false), "the-last-100-of-all"),
        (Remembers::Last(1, true), "the-last-of-each-stock"),
        (Remembers::Last(2, true), "the-last-2-of-each-stock"),
        (Remembers::Last(5, true), "the-last-5-of-each-stock"),
        (Remembers::Last(20, true), "the-last-20-of-each-stock"),
        (Remembers::For(2_000_000), "for-2-seconds"),
        (Remembers::For(5_000_000), "for-5-seconds"),
        (Remembers::Until("upsert-stocks"), "until-an-upsert"),
        (
            Remembers::Until("increase-reserved-stock"),
            "until-an-increase",
        ),
        (
            Remembers::Until("decrease-reserved-stock"),
            "until-a-decrease",
        ),
        (Remembers::Within(1_000), "cut-to-the-millisecond"),
        (Remembers::Within(1_000_000), "cut-to-the-second"),
        (Remembers::Within(60_000_000), "cut-to-the-minute"),
        (Remembers::Within(3_600_000_000), "cut-to-the-hour"),
        (Remembers::Within(86_400_000_000), "cut-to-the-day"),
        (Remembers::Digits, "whatever-the-offset"),
        (Remembers::Without("sku"), "whatever-the-sku"),
        (Remembers::Without("location"), "whatever-the-location"),
        (Remembers::Without("operation"), "whatever-the-operation"),
        (Remembers::Refused, "the-refused-as-well"),
        (Remembers::Rising, "only-later-dates-count"),
        (Remembers::Spelling, "by-spelling"),
        (Remembers::Fractions, "only-with-a-fraction"),
        (Remembers::Once, "for-one-repetition"),
    ]
}

struct Dates {
    operation: &'static str,
    remembers: Remembers,
}

impl Way for Dates {
    fn answer(&self, scene: &Scene<'_>) -> Delivery {
        if let Remembers::Until(operation) = self.remembers
            && scene.operation == operation
            && self.operation != operation
        {
            forget_all(scene);
            return scene.usual();
        }
        let Some(dated) = dated(scene) else {
            if self.remembers == Remembers::Until(scene.operation) {
                forget_all(scene);
            }
            return scene.usual();
        };
        let known = scene.memory.derived().dates.clone();
        if scene.operation == self.operation {
            let mut applied = known.iter().filter(|other| other.was_granted);
            let is_replay = applied.any(|other| {
                (other.operation, &other.sku, &other.location, other.at)
                    == (dated.operation, &dated.sku, &dated.location, dated.at)
            });
            if !is_replay && self.is_like_one(&known, &dated) {
                return scene.refuse(&Problem::AlreadyReported);
            }
            if is_replay && self.has_forgotten(scene, &known, &dated) {
                return forgetting(scene);
            }
        }
        let delivery = scene.usual();
        let was_granted = match &delivery {
            Delivery::Answer(reply) => is_granted(reply),
            _ => false,
        };
        if was_granted || self.remembers == Remembers::Refused {
            if self.remembers == Remembers::Until(scene.operation) {
                forget_all(scene);
            }
            scene.memory.derived().dates.push(Dated {
                was_granted,
                ..dated
            });
        }
        delivery
    }
}

/// Marks all remembered dates as forgotten, so that they count again.
fn forget_all(scene: &Scene<'_>) {
    for dated in &mut scene.memory.derived().dates {
        dated.is_forgotten = true;
    }
}

/// Passes the reservation on without its date, so that it counts again.
fn forgetting(scene: &Scene<'_>) -> Delivery {
    scene.rewritten(|question| {
        question.drop(&["date"]);
        question.each(|arguments| {
            arguments.shift_remove("date");
        });
    })
}

impl Dates {
    /// Returns `true` if a new date is mistaken for one that was seen.
    fn is_like_one(&self, known: &[Dated], dated: &Dated) -> bool {
        let same_stock = |other: &&Dated| {
            other.operation == dated.operation
                && other.sku == dated.sku
                && other.location == dated.location
        };
        match self.remembers {
            Remembers::Within(unit) => known
                .iter()
                .filter(same_stock)
                .any(|other| other.at.div_euclid(unit) == dated.at.div_euclid(unit)),
            Remembers::Digits => known.iter().filter(same_stock).any(|other| {
                other.date.get(..19) == dated.date.get(..19)
                    && other.date != dated.date
                    && other.at != dated.at
                    && other.at.rem_euclid(60_000_000) == dated.at.rem_euclid(60_000_000)
            }),
            Remembers::Without(name) => known.iter().any(|other| {
                other.at == dated.at
                    && (name == "operation" || other.operation == dated.operation)
                    && (name == "sku" || other.sku == dated.sku)
                    && (name == "location" || other.location == dated.location)
            }),
            Remembers::Refused => known
                .iter()
                .filter(same_stock)
                .any(|other| other.at == dated.at),
            Remembers::Rising => known
                .iter()
                .filter(same_stock)
                .any(|other| other.at > dated.at),
            _ => false,
        }
    }

    /// Returns `true` if a date that was seen is mistaken for a new one.
    fn has_forgotten(&self, scene: &Scene<'_>, known: &[Dated], dated: &Dated) -> bool {
        let of_stock: Vec<&Dated> = known
            .iter()
            .filter(|other| other.sku == dated.sku && other.location == dated.location)
            .collect();
        let is_it = |other: &&Dated| other.at == dated.at && other.operation == dated.operation;
        match self.remembers {
            Remembers::Last(most, true) => !of_stock.iter().rev().take(most).any(&is_it),
            Remembers::Last(most, false) => !known.iter().rev().take(most).any(|other| {
                is_it(&other) && other.sku == dated.sku && other.location == dated.location
            }),
            Remembers::For(micros) => of_stock
                .iter()
                .any(|other| is_it(other) && dated.came - other.came > micros),
            Remembers::Until(_) => !of_stock
                .iter()
                .any(|other| is_it(other) && !other.is_forgotten),
            Remembers::Spelling => !of_stock
                .iter()
                .any(|other| is_it(other) && other.date == dated.date),
            Remembers::Fractions => !dated.date.contains('.'),
            Remembers::Once => !scene
                .memory
                .keep(format!("{} {} {}", dated.sku, dated.location, dated.at)),
            _ => false,
        }
    }
}

fn dated(scene: &Scene<'_>) -> Option<Dated> {
    let operation = OPERATIONS
        .into_iter()
        .find(|known| *known == scene.operation)?;
    let question = Question::of(scene.request, scene.service);
    let named = |name: &str| {
        let in_body = question.body.get(name).and_then(Value::as_str);
        in_body
            .or_else(|| question.parameter(name))
            .map(str::to_owned)
    };
    let date = named("date")?;
    let local = scene.service.settings().local;
    Some(Dated {
        operation,
        sku: named("sku")?,
        location: named("location")?,
        at: Timestamp::parse(&date, local).ok()?.micros(),
        date,
        came: (scene.system)().micros(),
        was_granted: false,
        is_forgotten: false,
    })
}
