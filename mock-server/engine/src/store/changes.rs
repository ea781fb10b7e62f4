//! The difference between two states of a world.

use serde_json::{Map, Value, json};

use super::table::Row;
use super::{Applied, Store};

/// The rows of a store that are new or changed since an earlier state. Rows are never removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// The new and the changed stocks, in ascending order.
    pub rows: Vec<Row>,
    /// The numbers of providers, locations and stock lists in the earlier state; places from
    /// these indexes on are new.
    pub places_from: [usize; 3],
    /// The dated reservations that are new.
    pub applied: Vec<Applied>,
}

impl Store {
    /// The changes since an earlier state, from which this one was cloned. The chunks of stocks
    /// that both still share are skipped.
    pub fn changes_since(&self, before: &Self) -> Changes {
        let places = before.places();
        // Reservations are only ever added, so an equal number means the same ones.
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

    /// Returns `true` if nothing has changed since an earlier state, from which this one was
    /// cloned.
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

    /// The changes since an earlier state as JSON for people: added stocks, changed stocks with
    /// the old and the new value of each member, and added places and reservations.
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
        // Rows are in the order of ids, so the old stocks come before the added ones.
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

/// A changed stock: its identity, and the members that differ.
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

/// The members of a stock that a write may change.
const MEMBERS: &[&str] = &[
    "modified_date",
    "period",
    "stock_type",
    "unit_type",
    "stock",
    "is_active",
    "reserved_stock",
];
