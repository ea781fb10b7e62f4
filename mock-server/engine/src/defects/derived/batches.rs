//! Batches in which some rows are treated differently: upserts of many rows, queries of many
//! SKUs.

use serde_json::{Map, Value};

use super::super::delivery::Delivery;
use super::super::effect::Way;
use super::super::question::Question;
use super::super::scene::{Scene, edit_json, is_granted};
use super::Derived;
use super::statement::{MULTI, ROWS};

/// The items of a batch that a defect acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Items {
    First,
    Second,
    Middle,
    Last,
    EveryTenth,
    From(usize),
    EqualSku,
    EqualLocation,
    OtherLocation,
}

const ITEMS: &[(Items, &str)] = &[
    (Items::First, "the-first"),
    (Items::Second, "the-second"),
    (Items::Middle, "the-middle-one"),
    (Items::Last, "the-last"),
    (Items::EveryTenth, "every-tenth"),
    (Items::From(10), "all-behind-the-10th"),
    (Items::From(20), "all-behind-the-20th"),
    (Items::From(50), "all-behind-the-50th"),
    (Items::From(100), "all-behind-the-100th"),
    (Items::From(500), "all-behind-the-500th"),
    (Items::From(1_000), "all-behind-the-1000th"),
];

const SAME: &[(Items, &str)] = &[
    (Items::EqualSku, "those-of-a-sku-that-came-before"),
    (Items::EqualLocation, "those-of-a-stock-that-came-before"),
    (
        Items::OtherLocation,
        "those-of-another-location-than-the-first",
    ),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goes {
    Dropped,
    NeighboursValue,
    StockKept,
    FlagsDropped,
    EmptyRows,
    NeighboursRows,
    NullRows,
}

struct Batch {
    items: Items,
    goes: Goes,
}

pub(super) fn rows() -> Vec<Derived> {
    let mut rows = Vec::new();
    for &(items, which) in ITEMS.iter().chain(SAME) {
        for (goes, word) in [
            (Goes::Dropped, "dropped"),
            (Goes::NeighboursValue, "written-with-the-first-one's-stock"),
            (Goes::StockKept, "written-with-one-more"),
            (Goes::FlagsDropped, "written-without-optional-members"),
        ] {
            let about = format!(
                "An upsert of several rows: {} {}.",
                which.replace('-', " "),
                word.replace('-', " ")
            );
            let way = word.replace('\'', "");
            rows.push(Derived::new(
                &["upsert-stocks"],
                (format!("batch/{which}"), way),
                &ROWS,
                about,
                Batch { items, goes },
            ));
        }
    }
    for operation in ["multi-stock-query", "multi-salable-stock-query"] {
        for &(items, which) in ITEMS {
            for (goes, word) in [
                (Goes::Dropped, "dropped"),
                (Goes::EmptyRows, "without-rows"),
                (Goes::NeighboursRows, "with-rows-of-the-first"),
                (Goes::NullRows, "null"),
            ] {
                let about = format!(
                    "{operation} of several SKUs: {} {}.",
                    which.replace('-', " "),
                    word.replace('-', " ")
                );
                rows.push(Derived::new(
                    &[operation],
                    (format!("batch/{which}"), word),
                    &MULTI,
                    about,
                    Batch { items, goes },
                ));
            }
        }
    }
    rows
}

impl Items {
    fn takes(self, at: usize, count: usize) -> bool {
        match self {
            _ if count < 2 => false,
            Self::First => at == 0,
            Self::Second => at == 1,
            Self::Middle => count > 2 && at == count / 2,
            Self::Last => at + 1 == count,
            Self::EveryTenth => at % 10 == 9,
            Self::From(from) => at >= from,
            _ => false,
        }
    }

    /// Returns `true` if the defect acts on the row of an upsert at this index.
    fn takes_row(self, rows: &[Value], at: usize) -> bool {
        let same = |other: &Value, name: &str| other.get(name) == rows[at].get(name);
        let mut before = rows[..at].iter();
        match self {
            Self::EqualSku => before.any(|other| same(other, "sku") && !same(other, "location")),
            Self::EqualLocation => {
                before.any(|other| same(other, "sku") && same(other, "location"))
            }
            Self::OtherLocation => at > 0 && !same(&rows[0], "location"),
            _ => self.takes(at, rows.len()),
        }
    }
}

impl Way for Batch {
    fn answer(&self, scene: &Scene<'_>) -> Delivery {
        if scene.operation == "upsert-stocks" {
            return scene.rewritten(|question| self.upsert(question));
        }
        scene.edited(|reply| {
            if is_granted(reply) {
                edit_json(reply, |body| {
                    if let Some(Value::Object(skus)) = body.get_mut("Store_checkResult") {
                        self.query(skus);
                    }
                });
            }
        })
    }
}

impl Batch {
    fn upsert(&self, question: &mut Question<'_>) {
        let Value::Array(rows) = &mut question.body else {
            return;
        };
        let came = rows.clone();
        let first = came.first().and_then(|row| row.get("stock")).cloned();
        let taken: Vec<bool> = (0..came.len())
            .map(|at| self.items.takes_row(&came, at))
            .collect();
        for (row, _) in rows.iter_mut().zip(&taken).filter(|(_, taken)| **taken) {
            let Value::Object(row) = row else { continue };
            match (self.goes, &first) {
                (Goes::NeighboursValue, Some(first)) => {
                    row.insert("stock".to_owned(), first.clone());
                }
                (Goes::StockKept, _) => {
                    if let Some(stock) = row.get("stock").and_then(Value::as_i64) {
                        row.insert("stock".to_owned(), (stock + 1).into());
                    }
                }
                (Goes::FlagsDropped, _) => {
                    for name in ["is_active", "reserved_stock", "unit_type"] {
                        row.shift_remove(name);
                    }
                }
                _ => {}
            }
        }
        if self.goes == Goes::Dropped {
            let mut taken = taken.into_iter();
            rows.retain(|_| !taken.next().unwrap_or_default());
        }
    }

    fn query(&self, skus: &mut Map<String, Value>) {
        let count = skus.len();
        let first = skus.values().next().cloned().unwrap_or_default();
        *skus = std::mem::take(skus)
            .into_iter()
            .enumerate()
            .filter(|(at, _)| self.goes != Goes::Dropped || !self.items.takes(*at, count))
            .map(|(at, (sku, rows))| match self.goes {
                _ if !self.items.takes(at, count) => (sku, rows),
                Goes::EmptyRows => (sku, Value::Array(Vec::new())),
                Goes::NeighboursRows => (sku, first.clone()),
                Goes::NullRows => (sku, Value::Null),
                _ => (sku, rows),
            })
            .collect();
    }
}
