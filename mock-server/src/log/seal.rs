//! Checksums of records, and one sum over all of them.
//!
//! Every record has a checksum of its own, which reveals changed data. The file also has the sum
//! over all records, which reveals missing ones. The sum is a plain addition: adding or removing a
//! record costs the same whatever the size of the file.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use sha2::{Digest, Sha256};

/// A table with sealed records.
#[derive(Debug, Clone, Copy)]
pub(super) enum Table {
    Worlds,
    Snapshots,
    Contents,
    Writes,
}

impl Table {
    const ALL: [Self; 4] = [Self::Worlds, Self::Snapshots, Self::Contents, Self::Writes];

    /// Key, checksum and sealed columns of every record.
    ///
    /// A write is sealed without its world, so that a fork copies checksums as they are.
    fn select(self) -> &'static str {
        match self {
            Self::Worlds => {
                "SELECT id, sum, name, profile, utc_offset, clock, clock_seq FROM worlds"
            }
            Self::Snapshots => "SELECT world << 38 | seq, sum, seq, content FROM snapshots",
            Self::Contents => {
                "SELECT content << 24 | piece, sum, content, piece, json FROM contents"
            }
            Self::Writes => {
                "SELECT id, sum, id & ((1 << 38) - 1), at, tick, reads, method, target,
                 content_type, body, left_behind FROM writes"
            }
        }
    }
}

/// The checksum of a record: 64 bits of SHA-256 over its columns.
pub(super) struct Seal(Sha256);

impl Seal {
    pub(super) fn new() -> Self {
        Self(Sha256::new())
    }

    fn part(mut self, kind: u8, bytes: &[u8]) -> Self {
        self.0.update([kind]);
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    pub(super) fn integer(self, number: i64) -> Self {
        self.part(1, &number.to_le_bytes())
    }

    pub(super) fn bytes(self, bytes: &[u8]) -> Self {
        self.part(2, bytes)
    }

    pub(super) fn bytes_or_null(self, bytes: Option<&[u8]>) -> Self {
        match bytes {
            Some(bytes) => self.bytes(bytes),
            None => self.part(0, &[]),
        }
    }

    fn value(self, value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => self.part(0, &[]),
            ValueRef::Integer(number) => self.integer(number),
            // The tables are strict, so a real number is never read.
            ValueRef::Real(number) => self.part(3, &number.to_le_bytes()),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => self.bytes(bytes),
        }
    }

    pub(super) fn sum(self) -> i64 {
        let digest = self.0.finalize();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        i64::from_le_bytes(first)
    }
}

/// The sum over all records of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Total(u64);

impl Total {
    pub(super) fn from_file(number: i64) -> Self {
        Self(number.cast_unsigned())
    }

    pub(super) fn to_file(self) -> i64 {
        self.0.cast_signed()
    }

    pub(super) fn add(&mut self, table: Table, key: i64, sum: i64) {
        self.0 = self.0.wrapping_add(weight(table, key, sum));
    }

    pub(super) fn remove(&mut self, table: Table, key: i64, sum: i64) {
        self.0 = self.0.wrapping_sub(weight(table, key, sum));
    }

    /// Adds or removes the records that a statement returns as pairs of key and checksum.
    pub(super) fn count(
        &mut self,
        statement: &mut rusqlite::Statement<'_>,
        params: impl rusqlite::Params,
        each: impl Fn(&mut Self, i64, i64),
    ) -> rusqlite::Result<()> {
        let mut rows = statement.query(params)?;
        while let Some(row) = rows.next()? {
            each(self, row.get(0)?, row.get(1)?);
        }
        Ok(())
    }

    /// Computes the sum over all records, and checks each against its own checksum.
    pub(super) fn verified(connection: &Connection) -> Result<Self, Damage> {
        let mut total = Self::default();
        for table in Table::ALL {
            let mut statement = connection.prepare(table.select())?;
            let columns = statement.column_count();
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let (key, sum): (i64, i64) = (row.get(0)?, row.get(1)?);
                if sealed(row, columns)? != sum {
                    return Err(Damage::Changed(table));
                }
                total.add(table, key, sum);
            }
        }
        Ok(total)
    }
}

fn sealed(row: &Row<'_>, columns: usize) -> rusqlite::Result<i64> {
    let mut seal = Seal::new();
    for column in 2..columns {
        seal = seal.value(row.get_ref(column)?);
    }
    Ok(seal.sum())
}

/// Spreads table, key and checksum over 64 bits. Source: the finaliser of `SplitMix64`.
fn weight(table: Table, key: i64, sum: i64) -> u64 {
    let number = key.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut mixed = number ^ sum.cast_unsigned() ^ (table as u64 + 1) << 60;
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ mixed >> 31
}

/// Damage to a file that SQLite does not notice.
#[derive(Debug)]
pub(super) enum Damage {
    /// A record differs from its checksum.
    Changed(Table),
    /// The file cannot be read.
    Unread(rusqlite::Error),
}

impl From<rusqlite::Error> for Damage {
    fn from(error: rusqlite::Error) -> Self {
        Self::Unread(error)
    }
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let record = match self {
            Self::Unread(error) => return error.fmt(f),
            Self::Changed(Table::Worlds) => "settings of a world",
            Self::Changed(Table::Snapshots | Table::Contents) => "the state of a world",
            Self::Changed(Table::Writes) => "a write",
        };
        write!(f, "{record} differs from its checksum")
    }
}
