//! The stocks as columns, in chunks that clones share until one of them writes.
//!
//! Stocks are never deleted and ids only rise. So a row number is a position in the order of
//! ids, and the n-th page of all stocks is plain arithmetic.

use std::sync::Arc;

use smol_str::SmolStr;

use crate::model::period::Period;
use crate::model::stock::{Stock, StockType, UnitType};
use crate::model::time::Timestamp;

/// The zero-based position of a stock in the order of ids.
pub type Row = u32;

/// The number of rows in a chunk. A write copies at most one shared chunk.
pub const CHUNK: usize = 1024;

const ACTIVE: u8 = 1;
const SCHEDULED: u8 = 1 << 1;
const KILOGRAM: u8 = 1 << 2;

/// A property with two values, stored as one bit for each row and counted for each chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flag {
    /// `is_active`.
    Active(bool),
    /// `stock_type`.
    Type(StockType),
    /// `unit_type`.
    Unit(UnitType),
}

impl Flag {
    /// The bit of the flag, and the value that it has to have.
    fn bit(self) -> (u8, bool) {
        match self {
            Self::Active(active) => (ACTIVE, active),
            Self::Type(kind) => (SCHEDULED, kind == StockType::Scheduled),
            Self::Unit(unit) => (KILOGRAM, unit == UnitType::Kilogram),
        }
    }
}

/// Up to [`CHUNK`] rows, with a vector for each column.
#[derive(Debug, Clone, Default)]
pub struct Chunk {
    ids: Vec<i64>,
    /// `created_date` in microseconds since the Unix epoch.
    pub created: Vec<i64>,
    /// `modified_date` in microseconds since the Unix epoch.
    pub modified: Vec<i64>,
    written: Vec<i64>,
    /// `stock`.
    pub stock: Vec<i32>,
    /// `reserved_stock`.
    pub reserved: Vec<i32>,
    /// Indexes of the locations.
    pub location: Vec<u32>,
    /// `sku`.
    pub sku: Vec<SmolStr>,
    flags: Vec<u8>,
    /// The number of rows in which each bit of `flags` is set.
    tally: [u16; 3],
    /// The periods; empty as long as no row of the chunk has one.
    periods: Vec<Option<Period>>,
}

impl Chunk {
    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.ids.len()
    }

    /// The number of rows with a flag.
    pub fn count(&self, flag: Flag) -> usize {
        let (bit, set) = flag.bit();
        let with = usize::from(self.tally[bit.trailing_zeros() as usize]);
        if set { with } else { self.rows() - with }
    }

    /// Yields for each row whether it has the flag.
    pub fn flags(&self, flag: Flag) -> impl Iterator<Item = bool> {
        let (bit, set) = flag.bit();
        self.flags
            .iter()
            .map(move |flags| (flags & bit != 0) == set)
    }

    /// The period of the row at a zero-based position in the chunk.
    pub fn period(&self, at: usize) -> Option<Period> {
        self.periods.get(at).copied().flatten()
    }

    fn set_flags(&mut self, at: usize, flags: u8) {
        let before = std::mem::replace(&mut self.flags[at], flags);
        for (i, tally) in self.tally.iter_mut().enumerate() {
            let bit = 1 << i;
            *tally += u16::from(flags & bit != 0);
            *tally -= u16::from(before & bit != 0);
        }
    }

    fn set_period(&mut self, at: usize, period: Option<Period>) {
        if self.periods.is_empty() && period.is_none() {
            return;
        }
        if self.periods.len() < self.ids.len() {
            self.periods.resize(self.ids.len(), None);
        }
        self.periods[at] = period;
    }
}

fn flags_of(stock: &Stock) -> u8 {
    [
        (ACTIVE, stock.is_active),
        (SCHEDULED, stock.stock_type == StockType::Scheduled),
        (KILOGRAM, stock.unit_type == UnitType::Kilogram),
    ]
    .iter()
    .filter(|(_, set)| *set)
    .fold(0, |flags, (bit, _)| flags | bit)
}

/// All stocks, in chunks.
#[derive(Debug, Clone, Default)]
pub struct Table {
    chunks: Vec<Arc<Chunk>>,
    len: usize,
}

impl Table {
    /// The number of stocks.
    pub fn rows(&self) -> usize {
        self.len
    }

    /// Returns `true` if this is a clone of `other` and neither has been written since.
    pub fn is_clone_of(&self, other: &Self) -> bool {
        self.len == other.len
            && (self.chunks.iter().zip(&other.chunks)).all(|(one, other)| Arc::ptr_eq(one, other))
    }

    /// The chunks in order.
    pub fn chunks(&self) -> &[Arc<Chunk>] {
        &self.chunks
    }

    /// The chunk of a row, and the position of the row in it.
    pub fn locate(&self, row: Row) -> (&Chunk, usize) {
        (&self.chunks[row as usize / CHUNK], row as usize % CHUNK)
    }

    /// The row of the stock with this id.
    pub fn with_id(&self, id: i64) -> Option<Row> {
        let at = self.chunks.partition_point(|chunk| chunk.ids[0] <= id);
        let number = at.checked_sub(1)?;
        let place = self.chunks[number].ids.binary_search(&id).ok()?;
        Row::try_from(number * CHUNK + place).ok()
    }

    /// The rows that are new or changed since an earlier table, from which this one was cloned.
    pub fn rows_since(&self, before: &Self) -> Vec<Row> {
        let mut rows = Vec::new();
        for (number, chunk) in self.chunks.iter().enumerate() {
            let old = before.chunks.get(number);
            if old.is_some_and(|old| Arc::ptr_eq(old, chunk)) {
                continue;
            }
            let first = number * CHUNK;
            for row in (first..first + chunk.rows()).filter_map(|row| Row::try_from(row).ok()) {
                let is_new = row as usize >= before.len;
                if is_new || before.get(row) != self.get(row) {
                    rows.push(row);
                }
            }
        }
        rows
    }

    /// The SKU of a row.
    pub fn sku(&self, row: Row) -> &SmolStr {
        let (chunk, at) = self.locate(row);
        &chunk.sku[at]
    }

    /// Returns `true` if the row has the flag.
    pub fn has(&self, row: Row, flag: Flag) -> bool {
        let (chunk, at) = self.locate(row);
        let (bit, set) = flag.bit();
        (chunk.flags[at] & bit != 0) == set
    }

    /// The stock of a row.
    pub fn get(&self, row: Row) -> Stock {
        let (chunk, at) = self.locate(row);
        let flags = chunk.flags[at];
        let time = |micros| Timestamp::from_micros(micros).unwrap_or(Timestamp::EPOCH);
        Stock {
            id: chunk.ids[at],
            created: time(chunk.created[at]),
            modified: time(chunk.modified[at]),
            stock_written: time(chunk.written[at]),
            period: chunk.period(at),
            stock_type: StockType::ALL[usize::from(flags & SCHEDULED != 0)],
            unit_type: UnitType::ALL[usize::from(flags & KILOGRAM != 0)],
            location: chunk.location[at],
            stock: chunk.stock[at],
            is_active: flags & ACTIVE != 0,
            sku: chunk.sku[at].clone(),
            reserved: chunk.reserved[at],
        }
    }

    /// Appends a stock.
    pub fn push(&mut self, stock: &Stock) {
        if self.len.is_multiple_of(CHUNK) {
            self.chunks.push(Arc::default());
        }
        self.len += 1;
        if let Some(last) = self.chunks.last_mut() {
            let chunk = Arc::make_mut(last);
            let at = chunk.rows();
            chunk.ids.push(stock.id);
            chunk.created.push(stock.created.micros());
            chunk.modified.push(stock.modified.micros());
            chunk.written.push(stock.stock_written.micros());
            chunk.stock.push(stock.stock);
            chunk.reserved.push(stock.reserved);
            chunk.location.push(stock.location);
            chunk.sku.push(stock.sku.clone());
            chunk.flags.push(0);
            chunk.set_flags(at, flags_of(stock));
            chunk.set_period(at, stock.period);
        }
    }

    /// Overwrites the members of a stock that may change: all but its id, SKU, location and
    /// `created_date`.
    pub fn set(&mut self, row: Row, stock: &Stock) {
        let at = row as usize % CHUNK;
        let chunk = Arc::make_mut(&mut self.chunks[row as usize / CHUNK]);
        chunk.modified[at] = stock.modified.micros();
        chunk.written[at] = stock.stock_written.micros();
        chunk.stock[at] = stock.stock;
        chunk.reserved[at] = stock.reserved;
        chunk.set_flags(at, flags_of(stock));
        chunk.set_period(at, stock.period);
    }
}
