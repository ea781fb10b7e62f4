//! The stocks as columns, in chunks that clones share until one of them writes.
//!
//! Stocks are never deleted and ids only rise, so a row number is a position in
//! the order of ids, and the n-th page of everything is plain arithmetic.

use std::sync::Arc;

use smol_str::SmolStr;

use crate::model::period::Period;
use crate::model::stock::{Stock, StockType, UnitType};
use crate::model::time::Timestamp;

/// A stock's position in the order of ids.
pub type Row = u32;

/// Rows of a chunk. A write copies at most one shared chunk, and a full one is
/// never grown.
pub const CHUNK: usize = 1024;

const ACTIVE: u8 = 1;
const SCHEDULED: u8 = 1 << 1;
const KILOGRAM: u8 = 1 << 2;

/// A property of two values, kept as one bit a row and counted a chunk at a time.
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
    /// The bit, and whether it is set.
    fn bit(self) -> (u8, bool) {
        match self {
            Self::Active(active) => (ACTIVE, active),
            Self::Type(kind) => (SCHEDULED, kind == StockType::Scheduled),
            Self::Unit(unit) => (KILOGRAM, unit == UnitType::Kilogram),
        }
    }
}

/// Up to [`CHUNK`] rows, a vector a column.
#[derive(Debug, Clone, Default)]
pub struct Chunk {
    ids: Vec<i64>,
    /// `created_date`, microseconds.
    pub created: Vec<i64>,
    /// `modified_date`, microseconds.
    pub modified: Vec<i64>,
    written: Vec<i64>,
    /// `stock`.
    pub stock: Vec<i32>,
    /// `reserved_stock`.
    pub reserved: Vec<i32>,
    /// Positions in the table of locations.
    pub location: Vec<u32>,
    /// `sku`.
    pub sku: Vec<SmolStr>,
    flags: Vec<u8>,
    /// The number of rows that have each bit of `flags`.
    tally: [u16; 3],
    /// Empty while no row of the chunk has one.
    periods: Vec<Option<Period>>,
}

impl Chunk {
    /// The number of rows it holds.
    pub fn rows(&self) -> usize {
        self.ids.len()
    }

    /// The number of rows that have a flag.
    pub fn count(&self, flag: Flag) -> usize {
        let (bit, set) = flag.bit();
        let with = usize::from(self.tally[bit.trailing_zeros() as usize]);
        if set { with } else { self.rows() - with }
    }

    /// Returns `true` if each row has a flag.
    pub fn flags(&self, flag: Flag) -> impl Iterator<Item = bool> {
        let (bit, set) = flag.bit();
        self.flags
            .iter()
            .map(move |flags| (flags & bit != 0) == set)
    }

    /// The period of a row.
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

/// All stocks.
#[derive(Debug, Clone, Default)]
pub struct Table {
    chunks: Vec<Arc<Chunk>>,
    len: usize,
}

impl Table {
    /// The number of stocks there are.
    pub fn rows(&self) -> usize {
        self.len
    }

    /// Returns `true` if it is a clone of another, neither of them written since.
    pub fn is_clone_of(&self, other: &Self) -> bool {
        self.len == other.len
            && (self.chunks.iter().zip(&other.chunks)).all(|(one, other)| Arc::ptr_eq(one, other))
    }

    /// The chunks in order.
    pub fn chunks(&self) -> &[Arc<Chunk>] {
        &self.chunks
    }

    /// The chunk of a row, and the row's place in it.
    pub fn locate(&self, row: Row) -> (&Chunk, usize) {
        (&self.chunks[row as usize / CHUNK], row as usize % CHUNK)
    }

    /// The row of an id.
    pub fn with_id(&self, id: i64) -> Option<Row> {
        let at = self.chunks.partition_point(|chunk| chunk.ids[0] <= id);
        let number = at.checked_sub(1)?;
        let place = self.chunks[number].ids.binary_search(&id).ok()?;
        Row::try_from(number * CHUNK + place).ok()
    }

    /// The rows that are new or otherwise since a table that this one was cloned from.
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

    /// Returns `true` if a row has a flag.
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

    /// Adds a stock at the end.
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

    /// Writes what may change of a stock: all but its id, SKU, location and
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
