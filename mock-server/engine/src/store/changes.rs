//! What came of a world between two of its states.

use serde_json::{Map, Value, json};

use super::table::Row;
use super::{Applied, Store};

/// What is new or otherwise in a store since an earlier state of it. Nothing is ever
/// taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// The stocks, rising.
    pub rows: Vec<Row>,
    /// The position from which providers, locations and stock lists are new.
    pub places_from: [usize; 3],
    /// The dated reservations that were applied.
    pub applied: Vec<Applied>,
}

impl Store {
    /// What changed since a state that this one was cloned from. What the two share costs
    /// nothing.
    pub fn changes_since(&self, before: &Self) -> Changes {
        let places = before.places();
        // They are only ever added, so as many are the same.
        let applied = if self.applied.len() == before.applied.len() {
            Vec::new()
        } else {
            let all = self.applied.iter_from(0);
            let is_new = |applied: &&Applied| !before.applied.contains(applied);
            all.filter(is_new).cloned().collect()
        };
        Changes {
            rows: self.table.rows_since(&before.table),
            places_from: [
                places.providers.len(),
                places.locations.len(),
                places.stock_lists.len(),
            ],
            applied,
        }
    }

    /// Returns `true` if nothing changed since a state that this one was cloned from.
    pub fn is_as(&self, before: &Self) -> bool {
        let places = |store: &Self| {
            let places = store.places();
            [
                places.providers.len(),
                places.locations.len(),
                places.stock_lists.len(),
            ]
        };
        self.next_id == before.next_id
            && places(self) == places(before)
            && self.applied.len() == before.applied.len()
            && self.table.rows_since(&before.table).is_empty()
    }

    /// The same for people: stocks that were added, those that changed with each member
    /// before and after, and whatever else is new.
    pub fn diff_since(&self, before: &Self) -> Value {
        let changes = self.changes_since(before);
        let of = |store: &Self, changes: &Changes| {
            serde_json::to_value(store.dump_changes(changes)).unwrap_or_default()
        };
        let mut after = of(self, &changes);
        let old_rows = changes.rows.iter().copied();
        let old = Changes {
            rows: old_rows
                .filter(|&row| (row as usize) < before.len())
                .collect(),
            applied: Vec::new(),
            ..changes
        };
        let was = of(before, &old)["stocks"].take();
        let was = was.as_array().map_or(&[][..], Vec::as_slice);
        let mut now = match after["stocks"].take() {
            Value::Array(stocks) => stocks,
            _ => Vec::new(),
        };
        // Rows rise with the ids, so what was there stands before what was added.
        let added = now.split_off(was.len().min(now.len()));
        let altered: Vec<Value> = was
            .iter()
            .zip(&now)
            .map(|(was, now)| changed(was, now))
            .collect();
        json!({
            "stocks": {"added": added, "changed": altered},
            "providers": {"added": after["providers"]},
            "stock_locations": {"added": after["stock_locations"]},
            "stock_lists": {"added": after["stock_lists"]},
            "reservations": {"added": after["reservations"]},
        })
    }
}

/// A stock that changed: what tells it from others, and the members that are otherwise.
fn changed(before: &Value, after: &Value) -> Value {
    let mut members = Map::new();
    for name in MEMBERS {
        let (was, is) = (&before[name], &after[name]);
        if was != is {
            members.insert((*name).to_owned(), json!({"before": was, "after": is}));
        }
    }
    json!({
        "id": after["id"],
        "sku": after["sku"],
        "provider": after["provider"],
        "location": after["location"],
        "changes": members,
    })
}

/// What may change of a stock.
const MEMBERS: &[&str] = &[
    "modified_date",
    "period",
    "stock_type",
    "unit_type",
    "stock",
    "is_active",
    "reserved_stock",
];
