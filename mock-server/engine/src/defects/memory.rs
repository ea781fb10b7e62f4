//! State of a defect between requests.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::engine::Reply;
use crate::store::Store;

/// State that a defect keeps between requests of one world.
#[derive(Debug, Default)]
pub(super) struct Memory {
    counts: Mutex<HashMap<&'static str, u64>>,
    seen: Mutex<BTreeSet<String>>,
    /// The requests under way that another one may overlap with, by their keys.
    pub(super) in_flight: Mutex<HashMap<String, Pair>>,
    /// Notified when a pair of them moves on.
    pub(super) moved: Condvar,
    derived: Mutex<Kept>,
}

/// State that a derived defect keeps between requests.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) dates: Vec<Dated>,
    /// The worlds before the most recent writes, each with the moment of the write; the newest
    /// last.
    pub(super) before: VecDeque<(i64, Store)>,
    /// The number of reads of a view since the last write.
    pub(super) looks: u64,
    /// Requests by their URI and body, with the number of times each was sent to the same
    /// world.
    pub(super) asked: HashMap<String, u64>,
    /// The world that `asked` counts for.
    pub(super) of: Option<Store>,
}

/// A reservation with a date, as the defect remembers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dated {
    pub(super) operation: &'static str,
    pub(super) sku: String,
    pub(super) location: String,
    pub(super) date: String,
    pub(super) at: i64,
    pub(super) came: i64,
    pub(super) was_granted: bool,
    pub(super) is_forgotten: bool,
}

/// The progress of two overlapping requests about one stock.
#[derive(Debug)]
pub(super) enum Pair {
    /// The first request waits for a second.
    Alone,
    /// The second request is here and waits for the answer to the first.
    Met,
    /// The answer to the first request, ready for the second.
    Answered(Box<Reply>),
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Memory {
    /// Counts a request of an operation, and returns its number, starting at 1.
    pub(super) fn count(&self, operation: &'static str) -> u64 {
        let mut counts = lock(&self.counts);
        let count = counts.entry(operation).or_default();
        *count += 1;
        *count
    }

    /// Remembers a text. Returns `false` if it was remembered already.
    pub(super) fn keep(&self, text: String) -> bool {
        lock(&self.seen).insert(text)
    }

    /// The part of the state that derived defects use.
    pub(super) fn derived(&self) -> MutexGuard<'_, Kept> {
        lock(&self.derived)
    }

    /// Returns `true` if the text was remembered before.
    pub(super) fn has(&self, text: &str) -> bool {
        lock(&self.seen).contains(text)
    }
}
