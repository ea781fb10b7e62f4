//! The selection of stocks by filters: their number, and any page of them in an order.
//!
//! A filter that an index serves costs as much as its result is large. If the result is a good
//! part of the world, the columns are scanned instead, chunk by chunk. Of several filters the
//! narrowest is looked up, and the others are checked on its rows.

use std::cmp::Ordering;

use smol_str::SmolStr;

use super::table::{CHUNK, Chunk, Flag, Row};
use super::{Column, Store};
use crate::model::period::Period;
use crate::model::stock::Stock;

/// One condition on stocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// The SKU is equal to this one.
    Sku(SmolStr),
    /// The column's value is in a range.
    Range {
        /// The indexed column.
        column: Column,
        /// The lower bound, inclusive.
        least: i64,
        /// The upper bound, inclusive.
        most: i64,
    },
    /// The column's value is one of several.
    OneOf {
        /// The indexed column.
        column: Column,
        /// The values in ascending order.
        keys: Vec<i64>,
    },
    /// The stock has a flag.
    Flag(Flag),
}

/// A sort key of stocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortKey {
    /// `id`.
    Id,
    /// An indexed number. Nothing sorts by the ends of periods.
    Column(Column),
    /// `sku`, in the order of code points.
    Sku,
    /// `is_active`, `stock_type` or `unit_type`: stocks without this flag come first.
    Flag(Flag),
    /// The text of `provider` or `location` as shown, in the order of code points.
    PlaceText(Column),
    /// `period`, as the database orders ranges. Stocks without one come last.
    Period,
}

/// A sort key and its direction. Equal stocks are in ascending order of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SortBy {
    /// The sort key.
    pub key: SortKey,
    /// Is true for descending order.
    pub descending: bool,
}

/// The least ratio of all rows to the rows of a range at which an index serves it. Below,
/// scanning the columns is faster than gathering and sorting rows.
const SCAN_FROM: usize = 16;

/// The stocks that match some filters.
#[derive(Debug)]
pub struct Selection<'a> {
    store: &'a Store,
    found: Found,
}

#[derive(Debug)]
enum Found {
    All,
    /// A run of `count` entries with one key in an index, which are in the order of ids.
    Run {
        column: Column,
        from: usize,
        count: usize,
    },
    /// Rows, ordered by id.
    Rows(Vec<Row>),
    /// One filter with a known count, for which the columns will be scanned.
    Scan {
        filter: Filter,
        count: usize,
    },
}

impl Store {
    /// Selects the stocks that match all filters.
    pub fn select(&self, filters: &[Filter]) -> Selection<'_> {
        let counts: Vec<usize> = filters.iter().map(|filter| self.count(filter)).collect();
        let lead = (0..filters.len()).min_by_key(|&i| counts[i]);
        let found = match (lead, filters) {
            (None, _) => Found::All,
            (Some(_), [only]) => self.find_one(only, counts[0]),
            (Some(lead), _) if self.is_narrow(&filters[lead], counts[lead]) => {
                let mut rows = self.gather(&filters[lead]);
                rows.retain(|&row| {
                    let others = filters.iter().enumerate().filter(|(i, _)| *i != lead);
                    others.into_iter().all(|(_, filter)| self.fits(row, filter))
                });
                Found::Rows(rows)
            }
            (Some(_), _) => Found::Rows(self.scan(filters, 0, usize::MAX)),
        };
        Selection { store: self, found }
    }

    fn find_one(&self, filter: &Filter, count: usize) -> Found {
        let one_key = match filter {
            Filter::Range {
                column,
                least,
                most,
            } if least == most => Some((*column, *least)),
            Filter::OneOf { column, keys } if keys.len() == 1 => Some((*column, keys[0])),
            _ => None,
        };
        if let Some((column, key)) = one_key {
            let from = self.columns[column as usize].rank(|k| k.0 < key);
            return Found::Run {
                column,
                from,
                count,
            };
        }
        if self.is_narrow(filter, count) {
            Found::Rows(self.gather(filter))
        } else {
            Found::Scan {
                filter: filter.clone(),
                count,
            }
        }
    }

    /// Returns `true` if the index finds the rows of a filter faster than a scan does.
    fn is_narrow(&self, filter: &Filter, count: usize) -> bool {
        match filter {
            Filter::Sku(_) => true,
            Filter::Flag(_) => count == 0,
            Filter::Range { .. } | Filter::OneOf { .. } => count * SCAN_FROM <= self.len(),
        }
    }

    /// The number of stocks that match a filter, from indexes and tallies alone.
    fn count(&self, filter: &Filter) -> usize {
        match filter {
            Filter::Sku(sku) => {
                self.by_sku.rank(|key| key.0 <= *sku) - self.by_sku.rank(|key| key.0 < *sku)
            }
            Filter::Range {
                column,
                least,
                most,
            } => {
                let (from, to) = self.span(*column, *least, *most);
                to - from
            }
            Filter::OneOf { column, keys } => keys
                .iter()
                .map(|&key| {
                    let (from, to) = self.span(*column, key, key);
                    to - from
                })
                .sum(),
            Filter::Flag(flag) => self.table.chunks().iter().map(|c| c.count(*flag)).sum(),
        }
    }

    /// The positions in the index at which the keys of a range begin and end.
    fn span(&self, column: Column, least: i64, most: i64) -> (usize, usize) {
        let index = &self.columns[column as usize];
        let from = index.rank(|key| key.0 < least);
        (from, index.rank(|key| key.0 <= most).max(from))
    }

    /// The rows that match a filter, found by its index and ordered by id.
    fn gather(&self, filter: &Filter) -> Vec<Row> {
        let run = |column: Column, least, most| {
            let (from, to) = self.span(column, least, most);
            let index = &self.columns[column as usize];
            index.iter_from(from).take(to - from).map(|key| key.1)
        };
        let mut rows: Vec<Row> = match filter {
            Filter::Sku(sku) => return self.rows_of(sku),
            Filter::Flag(_) => return self.scan(std::slice::from_ref(filter), 0, usize::MAX),
            Filter::Range {
                column,
                least,
                most,
            } => run(*column, *least, *most).collect(),
            Filter::OneOf { column, keys } => keys
                .iter()
                .flat_map(|&key| run(*column, key, key))
                .collect(),
        };
        rows.sort_unstable();
        rows
    }

    /// The rows that match all filters, ordered by id: at most `take` of them, after skipping
    /// `skip`.
    fn scan(&self, filters: &[Filter], mut skip: usize, take: usize) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut fits = [true; CHUNK];
        for (i, chunk) in self.table.chunks().iter().enumerate() {
            if rows.len() >= take {
                break;
            }
            // The tally shows whether a whole chunk is to be skipped, without a look at its
            // rows.
            if let [Filter::Flag(flag)] = filters {
                let count = chunk.count(*flag);
                if count <= skip {
                    skip -= count;
                    continue;
                }
            }
            let fits = &mut fits[..chunk.rows()];
            fits.fill(true);
            for filter in filters {
                self.mark(chunk, filter, fits);
            }
            for at in (0..fits.len()).filter(|&at| fits[at]) {
                if skip > 0 {
                    skip -= 1;
                } else if rows.len() < take {
                    rows.push(Row::try_from(i * CHUNK + at).unwrap_or(Row::MAX));
                } else {
                    break;
                }
            }
        }
        rows
    }

    /// Sets `fits` to `false` for each row of a chunk that does not match a filter.
    fn mark(&self, chunk: &Chunk, filter: &Filter, fits: &mut [bool]) {
        match filter {
            Filter::Sku(sku) => keep(fits, chunk.sku.iter().map(|s| s == sku)),
            Filter::Flag(flag) => keep(fits, chunk.flags(*flag)),
            Filter::Range {
                column,
                least,
                most,
            } => {
                let within = |key: i64| *least <= key && key <= *most;
                match column {
                    Column::Stock => keep(fits, chunk.stock.iter().map(|&n| within(n.into()))),
                    Column::Reserved => {
                        keep(fits, chunk.reserved.iter().map(|&n| within(n.into())));
                    }
                    Column::Created => keep(fits, chunk.created.iter().map(|&n| within(n))),
                    Column::Modified => keep(fits, chunk.modified.iter().map(|&n| within(n))),
                    Column::Location => {
                        keep(fits, chunk.location.iter().map(|&n| within(n.into())));
                    }
                    Column::Provider => {
                        let provider = |&at: &u32| self.places.locations[at as usize].provider;
                        let fitting = chunk.location.iter().map(provider);
                        keep(fits, fitting.map(|n| within(n.into())));
                    }
                    Column::PeriodLower | Column::PeriodUpper => {
                        let ends = (0..chunk.rows()).map(|at| period_end(chunk, at, *column));
                        keep(fits, ends.map(|end| end.is_some_and(within)));
                    }
                }
            }
            Filter::OneOf { column, keys } => {
                let named = |&at: &u32| {
                    let key = match column {
                        Column::Provider => self.places.locations[at as usize].provider,
                        _ => at,
                    };
                    keys.binary_search(&key.into()).is_ok()
                };
                keep(fits, chunk.location.iter().map(named));
            }
        }
    }

    /// Returns `true` if a row matches a filter.
    fn fits(&self, row: Row, filter: &Filter) -> bool {
        let (chunk, at) = self.table.locate(row);
        let key = |column: Column| match column {
            Column::Stock => Some(chunk.stock[at].into()),
            Column::Reserved => Some(chunk.reserved[at].into()),
            Column::Created => Some(chunk.created[at]),
            Column::Modified => Some(chunk.modified[at]),
            Column::Location => Some(chunk.location[at].into()),
            Column::Provider => {
                let location = chunk.location[at] as usize;
                Some(self.places.locations[location].provider.into())
            }
            Column::PeriodLower | Column::PeriodUpper => period_end(chunk, at, column),
        };
        match filter {
            Filter::Sku(sku) => self.table.sku(row) == sku,
            Filter::Flag(flag) => self.table.has(row, *flag),
            Filter::Range {
                column,
                least,
                most,
            } => key(*column).is_some_and(|key| *least <= key && key <= *most),
            Filter::OneOf { column, keys } => {
                key(*column).is_some_and(|key| keys.binary_search(&key).is_ok())
            }
        }
    }

    fn compare(&self, a: Row, b: Row, order: &[SortBy]) -> Ordering {
        for by in order {
            let ordering = self.compare_by(a, b, by.key);
            let ordering = if by.descending {
                ordering.reverse()
            } else {
                ordering
            };
            if ordering != Ordering::Equal {
                return ordering;
            }
        }
        a.cmp(&b)
    }

    fn compare_by(&self, a: Row, b: Row, key: SortKey) -> Ordering {
        match key {
            SortKey::Id => a.cmp(&b),
            SortKey::Sku => self.table.sku(a).cmp(self.table.sku(b)),
            SortKey::Flag(flag) => self.table.has(a, flag).cmp(&self.table.has(b, flag)),
            SortKey::Column(column) => {
                let key = |row| {
                    let (chunk, at) = self.table.locate(row);
                    match column {
                        Column::Stock => chunk.stock[at].into(),
                        Column::Reserved => chunk.reserved[at].into(),
                        Column::Created => chunk.created[at],
                        Column::Modified => chunk.modified[at],
                        Column::Provider => {
                            let location = chunk.location[at] as usize;
                            self.places.locations[location].provider.into()
                        }
                        _ => i64::from(chunk.location[at]),
                    }
                };
                key(a).cmp(&key(b))
            }
            SortKey::PlaceText(column) => {
                let text = |row| {
                    let (chunk, at) = self.table.locate(row);
                    let location = &self.places.locations[chunk.location[at] as usize];
                    match column {
                        Column::Provider => {
                            &self.places.providers[location.provider as usize].head.name
                        }
                        _ => &location.head.code,
                    }
                };
                text(a).cmp(text(b))
            }
            SortKey::Period => {
                let rank = |row| {
                    let (chunk, at) = self.table.locate(row);
                    chunk.period(at)
                };
                compare_periods(rank(a), rank(b))
            }
        }
    }
}

fn keep(fits: &mut [bool], fitting: impl Iterator<Item = bool>) {
    for (fit, also) in fits.iter_mut().zip(fitting) {
        *fit &= also;
    }
}

fn period_end(chunk: &Chunk, at: usize, column: Column) -> Option<i64> {
    let period = chunk.period(at)?;
    let end = match column {
        Column::PeriodLower => period.lower(),
        _ => period.upper(),
    };
    end.map(crate::model::time::Timestamp::micros)
}

/// Compares periods as the database orders ranges: the empty range first, then by lower end,
/// then by upper end, open ends as infinities. Stocks without a period come last.
fn compare_periods(a: Option<Period>, b: Option<Period>) -> Ordering {
    let rank = |period: Option<Period>| match period {
        Some(Period::Empty) => (0, None, false, false, None, false),
        Some(Period::Range {
            lower,
            upper,
            bounds,
        }) => (
            1,
            lower,
            !bounds.lower,
            upper.is_none(),
            upper,
            bounds.upper,
        ),
        None => (2, None, false, false, None, false),
    };
    rank(a).cmp(&rank(b))
}

impl Selection<'_> {
    /// The number of stocks.
    pub fn len(&self) -> usize {
        match &self.found {
            Found::All => self.store.len(),
            Found::Run { count, .. } | Found::Scan { count, .. } => *count,
            Found::Rows(rows) => rows.len(),
        }
    }

    /// Returns `true` if no stock matches.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the stocks of a page in the given order, where ties are ordered by id.
    pub fn page(&self, order: &[SortBy], offset: usize, limit: usize) -> Vec<Stock> {
        let rows = match order {
            []
            | [
                SortBy {
                    key: SortKey::Id,
                    descending: false,
                },
                ..,
            ] => self.by_id(offset, limit),
            [
                SortBy {
                    key: SortKey::Id,
                    descending: true,
                },
                ..,
            ] => {
                let end = self.len().saturating_sub(offset);
                let start = end.saturating_sub(limit);
                let mut rows = self.by_id(start, end - start);
                rows.reverse();
                rows
            }
            [by] if matches!(self.found, Found::All) => self.by_index(*by, offset, limit),
            _ => self.sorted(order, offset, limit),
        };
        rows.into_iter().map(|row| self.store.stock(row)).collect()
    }

    fn by_id(&self, offset: usize, limit: usize) -> Vec<Row> {
        let limit = limit.min(self.len().saturating_sub(offset));
        match &self.found {
            Found::All => (offset..offset + limit)
                .map(|row| Row::try_from(row).unwrap_or(Row::MAX))
                .collect(),
            Found::Run { column, from, .. } => self.store.columns[*column as usize]
                .iter_from(from + offset)
                .take(limit)
                .map(|key| key.1)
                .collect(),
            Found::Rows(rows) => rows.iter().skip(offset).take(limit).copied().collect(),
            Found::Scan { filter, .. } => {
                self.store.scan(std::slice::from_ref(filter), offset, limit)
            }
        }
    }

    /// A page of all stocks by a single key, taken from the key's index if there is one.
    fn by_index(&self, by: SortBy, offset: usize, limit: usize) -> Vec<Row> {
        match by.key {
            SortKey::Column(column) => {
                let index = &self.store.columns[column as usize];
                if !by.descending {
                    let rows = index.iter_from(offset).take(limit);
                    return rows.map(|key| key.1).collect();
                }
                grouped(index.len(), true, offset, limit, |position| {
                    let key = index.nth(position)?.0;
                    let from = index.rank(|k| k.0 < key);
                    let to = index.rank(|k| k.0 <= key);
                    Some((from, to))
                })
                .into_iter()
                .flat_map(|(from, count)| index.iter_from(from).take(count).map(|key| key.1))
                .collect()
            }
            SortKey::Sku => {
                let index = &self.store.by_sku;
                let mut rows = Vec::new();
                let group = |position| {
                    let sku = &index.nth(position)?.0;
                    let from = index.rank(|k| k.0 < *sku);
                    let to = index.rank(|k| k.0 <= *sku);
                    Some((from, to))
                };
                for (from, count) in grouped(index.len(), by.descending, offset, limit, group) {
                    // Within a SKU the index is ordered by location, but the page by id.
                    let Some(sku) = index.nth(from).map(|key| &key.0) else {
                        continue;
                    };
                    let start = from - index.rank(|k| k.0 < *sku);
                    rows.extend(self.store.rows_of(sku).into_iter().skip(start).take(count));
                }
                rows
            }
            _ => self.sorted(&[by], offset, limit),
        }
    }

    /// A page made by sorting no more of the stocks than the page needs.
    fn sorted(&self, order: &[SortBy], offset: usize, limit: usize) -> Vec<Row> {
        let mut rows = self.by_id(0, self.len());
        let compare = |a: &Row, b: &Row| self.store.compare(*a, *b, order);
        let end = offset.saturating_add(limit);
        if end < rows.len() {
            rows.select_nth_unstable_by(end, compare);
            rows.truncate(end);
        }
        if 0 < offset && offset < rows.len() {
            rows.select_nth_unstable_by(offset, compare);
        }
        rows.drain(..offset.min(rows.len()));
        rows.sort_unstable_by(compare);
        rows
    }
}

/// Cuts a page out of an index in which equal keys form groups, as pairs of a position in the
/// index and a count. Descending order reverses the groups, but inside a group the order stays
/// ascending.
fn grouped(
    total: usize,
    descending: bool,
    offset: usize,
    limit: usize,
    group: impl Fn(usize) -> Option<(usize, usize)>,
) -> Vec<(usize, usize)> {
    let mut runs = Vec::new();
    let mut at = offset;
    let mut left = limit.min(total.saturating_sub(offset));
    while left > 0 {
        let position = if descending { total - 1 - at } else { at };
        let Some((from, to)) = group(position) else {
            break;
        };
        let first = if descending { total - to } else { from };
        let start = from + (at - first);
        let count = left.min(to - start);
        runs.push((start, count));
        at += count;
        left -= count;
    }
    runs
}
