//! The world as tables, indexes and counters. A clone shares everything with its original until
//! one of the two is written.
//!
//! Nothing here knows requests, readings or the wording of errors.

pub mod changes;
pub mod index;
pub mod pieces;
pub mod places;
pub mod select;
pub mod table;
pub mod world;

use std::sync::Arc;

use smol_str::SmolStr;

use crate::model::stock::Stock;
use crate::model::time::Timestamp;
pub use changes::Changes;
use index::Index;
use places::Places;
use table::{Flag, Row, Table};

/// An indexed number of a stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// `stock`.
    Stock,
    /// `reserved_stock`.
    Reserved,
    /// `created_date` in microseconds since the Unix epoch.
    Created,
    /// `modified_date` in microseconds since the Unix epoch.
    Modified,
    /// The index of the location in [`Places::locations`].
    Location,
    /// The index of the location's provider in [`Places::providers`].
    Provider,
    /// The lower end of `period` in microseconds. Stocks without one are not in the index.
    PeriodLower,
    /// The upper end of `period` in microseconds. Stocks without one are not in the index.
    PeriodUpper,
}

impl Column {
    const ALL: [Self; 8] = [
        Self::Stock,
        Self::Reserved,
        Self::Created,
        Self::Modified,
        Self::Location,
        Self::Provider,
        Self::PeriodLower,
        Self::PeriodUpper,
    ];
}

/// The two kinds of reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// `increase-reserved-stock`.
    Increase,
    /// `decrease-reserved-stock`.
    Decrease,
}

/// The `date` of a reservation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReservationDate {
    /// A parsed date.
    At(Timestamp),
    /// An unparsed text, where the reading `reservation-date` is `opaque`.
    Text(SmolStr),
}

/// A dated reservation that was applied. An equal one is a replay.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Applied {
    /// The SKU.
    pub sku: SmolStr,
    /// The index of the location, which implies the provider.
    pub location: u32,
    /// The kind of reservation.
    pub direction: Direction,
    /// The date.
    pub date: ReservationDate,
}

/// The world: stocks, places and dated reservations.
#[derive(Debug, Clone)]
pub struct Store {
    name: SmolStr,
    table: Table,
    /// Triples of SKU, location and row.
    by_sku: Index<(SmolStr, u32, Row)>,
    /// Pairs of value and row, one index for each of [`Column::ALL`].
    columns: [Index<(i64, Row)>; Column::ALL.len()],
    places: Arc<Places>,
    applied: Index<Applied>,
    next_id: i64,
    id_step: i64,
}

impl Store {
    /// The number of stocks.
    pub fn len(&self) -> usize {
        self.table.rows()
    }

    /// Returns `true` if there are no stocks.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns `true` if this is a clone of `other` and neither has been written since.
    pub fn is_clone_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.places, &other.places)
            && self.table.is_clone_of(&other.table)
            && self.applied.is_clone_of(&other.applied)
            && self.next_id == other.next_id
            && self.name == other.name
    }

    /// The name of the world.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The providers, locations and stock lists.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// The providers, locations and stock lists, for adding more.
    pub fn places_mut(&mut self) -> &mut Places {
        Arc::make_mut(&mut self.places)
    }

    /// The stock of a row.
    pub fn stock(&self, row: Row) -> Stock {
        self.table.get(row)
    }

    /// Returns `true` if the stock in a row has the flag.
    pub fn has(&self, row: Row, flag: Flag) -> bool {
        self.table.has(row, flag)
    }

    /// Returns the id for the next stock, and advances the counter by the world's id step.
    pub fn take_id(&mut self) -> i64 {
        let id = self.next_id;
        self.next_id = id.saturating_add(self.id_step);
        id
    }

    /// Adds a stock, whose id must be greater than all others. Returns its row.
    pub fn insert(&mut self, stock: &Stock) -> Row {
        let row = Row::try_from(self.table.rows()).unwrap_or(Row::MAX);
        self.table.push(stock);
        self.by_sku.insert((stock.sku.clone(), stock.location, row));
        for column in Column::ALL {
            if let Some(key) = self.key_of(stock, column) {
                self.columns[column as usize].insert((key, row));
            }
        }
        row
    }

    /// Overwrites a stock, except for its id, SKU, location and `created_date`.
    pub fn update(&mut self, row: Row, stock: &Stock) {
        let before = self.table.get(row);
        self.table.set(row, stock);
        for column in Column::ALL {
            let (old, new) = (self.key_of(&before, column), self.key_of(stock, column));
            if old == new {
                continue;
            }
            let index = &mut self.columns[column as usize];
            if let Some(key) = old {
                index.remove(&(key, row));
            }
            if let Some(key) = new {
                index.insert((key, row));
            }
        }
    }

    fn key_of(&self, stock: &Stock, column: Column) -> Option<i64> {
        Some(match column {
            Column::Stock => stock.stock.into(),
            Column::Reserved => stock.reserved.into(),
            Column::Created => stock.created.micros(),
            Column::Modified => stock.modified.micros(),
            Column::Location => stock.location.into(),
            Column::Provider => self.places.locations[stock.location as usize]
                .provider
                .into(),
            Column::PeriodLower => stock.period?.lower()?.micros(),
            Column::PeriodUpper => stock.period?.upper()?.micros(),
        })
    }

    /// The rows of a SKU, ordered by id.
    pub fn rows_of(&self, sku: &str) -> Vec<Row> {
        let from = self.by_sku.rank(|key| key.0.as_str() < sku);
        let mut rows: Vec<Row> = self
            .by_sku
            .iter_from(from)
            .take_while(|key| key.0 == sku)
            .map(|key| key.2)
            .collect();
        rows.sort_unstable();
        rows
    }

    /// The rows of a SKU at a location, ordered by id.
    pub fn rows_at<'a>(&'a self, sku: &'a str, location: u32) -> impl Iterator<Item = Row> + 'a {
        let from = self
            .by_sku
            .rank(|key| (key.0.as_str(), key.1) < (sku, location));
        self.by_sku
            .iter_from(from)
            .take_while(move |key| key.0 == sku && key.1 == location)
            .map(|key| key.2)
    }

    /// Iterates over all SKUs in order, each with its rows (by location, then id).
    pub fn skus(&self) -> impl Iterator<Item = (&SmolStr, Vec<Row>)> {
        let mut keys = self.by_sku.iter_from(0).peekable();
        std::iter::from_fn(move || {
            let (sku, _, row) = keys.next()?;
            let mut rows = vec![*row];
            while let Some(key) = keys.next_if(|key| key.0 == *sku) {
                rows.push(key.2);
            }
            Some((sku, rows))
        })
    }

    /// Returns `true` if an equal dated reservation was applied before.
    pub fn was_applied(&self, reservation: &Applied) -> bool {
        self.applied.contains(reservation)
    }

    /// Remembers a dated reservation as applied.
    pub fn keep_applied(&mut self, reservation: Applied) {
        self.applied.insert(reservation);
    }
}
