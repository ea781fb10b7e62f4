//! The last exchanges of each world, in full.
//!
//! A journal stays within its limits: the oldest exchange makes room for the newest.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use serde_json::{Map, Value};

use whippy_engine::exchange::Exchange;
use whippy_engine::operations;

/// The limits of journals.
#[derive(Debug, Clone, Copy)]
pub struct JournalLimits {
    /// Exchanges a world; 0 keeps none.
    pub exchanges: usize,
    /// Bytes of a body, a request's or an answer's. Of a longer body the beginning is kept.
    pub body: usize,
    /// Bytes that all journals of a server hold together. Beyond them a world that adds an exchange
    /// first drops its own oldest ones.
    pub bytes: usize,
}

impl Default for JournalLimits {
    fn default() -> Self {
        Self {
            exchanges: 1000,
            body: 64 * 1024,
            bytes: 256 * 1024 * 1024,
        }
    }
}

/// The state that the journals of a server share: the next number, and the bytes in use.
#[derive(Debug)]
pub struct JournalShare {
    limits: JournalLimits,
    next: AtomicU64,
    kept: AtomicU64,
    bytes: AtomicUsize,
}

impl JournalShare {
    /// Creates a share within limits. The first exchange has number 1.
    pub fn new(limits: JournalLimits) -> Self {
        Self {
            limits,
            next: AtomicU64::new(1),
            kept: AtomicU64::new(0),
            bytes: AtomicUsize::new(0),
        }
    }

    /// The limits.
    pub fn limits(&self) -> JournalLimits {
        self.limits
    }

    /// Returns the bytes that all journals hold together, about.
    pub fn held(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Takes the number of the next exchange.
    pub fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }
}

/// The last exchanges of a world.
#[derive(Debug)]
pub struct Journal {
    share: Arc<JournalShare>,
    ring: Mutex<Ring>,
}

#[derive(Debug, Default)]
struct Ring {
    exchanges: VecDeque<Ended>,
    bytes: usize,
    /// Exchanges dropped since the journal was last emptied.
    lost: u64,
}

/// An exchange with its position in the order in which the exchanges of all worlds ended. Numbers
/// are given when exchanges begin, so their order may differ.
pub type Ended = (u64, Arc<Exchange>);

impl Journal {
    /// Creates an empty journal.
    pub fn new(share: Arc<JournalShare>) -> Self {
        Self {
            share,
            ring: Mutex::default(),
        }
    }

    // A panic under this lock leaves the ring whole: each step is one push or pop.
    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps an exchange, and drops the oldest ones where there is no room.
    pub fn keep(&self, exchange: Arc<Exchange>) {
        let limits = self.share.limits;
        if limits.exchanges == 0 {
            return;
        }
        let weight = exchange.weight();
        let before = self.share.bytes.fetch_add(weight, Ordering::Relaxed);
        let mut held = before + weight;
        // As a rule only one is dropped, which needs no list.
        let (mut given_up, mut more) = (None, Vec::new());
        {
            let mut ring = self.ring();
            ring.bytes += weight;
            let place = self.share.kept.fetch_add(1, Ordering::Relaxed);
            ring.exchanges.push_back((place, exchange));
            while ring.exchanges.len() > limits.exchanges
                || (held > limits.bytes && ring.exchanges.len() > 1)
            {
                let Some((_, oldest)) = ring.exchanges.pop_front() else {
                    break;
                };
                let freed = oldest.weight();
                ring.bytes -= freed;
                ring.lost += 1;
                self.share.bytes.fetch_sub(freed, Ordering::Relaxed);
                held = held.saturating_sub(freed);
                more.extend(given_up.replace(oldest));
            }
        }
        // They are freed outside the lock.
        drop((given_up, more));
    }

    /// Returns the exchanges that match, the oldest first.
    pub fn find(&self, wanted: &Wanted) -> Vec<Arc<Exchange>> {
        let ring = self.ring();
        let exchanges = ring.exchanges.iter().map(|(_, exchange)| exchange);
        exchanges
            .filter(|exchange| wanted.fits(exchange))
            .cloned()
            .collect()
    }

    /// Returns the position of an exchange in the order in which they ended, while it is kept.
    pub fn place(&self, id: u64) -> Option<u64> {
        let ring = self.ring();
        let ended = ring.exchanges.iter().rev();
        let mut places = ended.filter(|(_, exchange)| exchange.id == id);
        places.next().map(|&(place, _)| place)
    }

    /// Returns the exchanges that match and ended after a position, each with its own.
    pub fn find_after(&self, place: u64, wanted: &Wanted) -> Vec<Ended> {
        let ring = self.ring();
        let ended = ring.exchanges.iter();
        let later = ended.filter(|(at, exchange)| *at > place && wanted.fits(exchange));
        later.cloned().collect()
    }

    /// Returns the number of exchanges dropped since the journal was last emptied.
    pub fn lost(&self) -> u64 {
        self.ring().lost
    }

    /// Empties the journal, and returns the number of exchanges it held.
    pub fn clear(&self) -> usize {
        let emptied = std::mem::take(&mut *self.ring());
        self.share.bytes.fetch_sub(emptied.bytes, Ordering::Relaxed);
        emptied.exchanges.len()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Conditions on exchanges. A member that is left out is no condition.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(expecting = "an object", deny_unknown_fields)]
pub struct Wanted {
    /// The operation's id; `list-stocks` includes `search-stocks`.
    pub operation: Option<String>,
    /// The method.
    pub method: Option<String>,
    /// A status code, or a class of them: `404`, `4xx`.
    pub status: Option<WantedStatus>,
    /// The path, as it came, without the query.
    pub path: Option<String>,
    /// Text that path and query contain somewhere.
    pub target_contains: Option<String>,
    /// Headers of the request with these values.
    #[serde(default)]
    pub headers: Map<String, Value>,
    /// Members of the request's JSON body, which may have others.
    pub body: Option<Value>,
    /// Only exchanges after this number.
    pub since: Option<u64>,
}

/// A status code, or a class of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Value")]
pub enum WantedStatus {
    /// One code.
    Code(u16),
    /// All that begin with this digit.
    Class(u16),
}

/// A text that is neither a status nor a class of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownStatus(String);

impl fmt::Display for UnknownStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "status: `{}` is neither a status like 404 nor a class like 4xx",
            self.0
        )
    }
}

impl std::error::Error for UnknownStatus {}

impl TryFrom<Value> for WantedStatus {
    type Error = UnknownStatus;

    fn try_from(value: Value) -> Result<Self, UnknownStatus> {
        match &value {
            Value::String(text) => Self::parse(text),
            other => Self::parse(&other.to_string()),
        }
    }
}

impl WantedStatus {
    /// Reads `404` or `4xx`.
    pub fn parse(text: &str) -> Result<Self, UnknownStatus> {
        let class = text.strip_suffix("xx").filter(|digit| digit.len() == 1);
        let parsed = match class {
            Some(digit) => digit
                .parse()
                .ok()
                .filter(|d| (1..=5).contains(d))
                .map(Self::Class),
            None => text
                .parse()
                .ok()
                .filter(|code| (100..=599).contains(code))
                .map(Self::Code),
        };
        parsed.ok_or_else(|| UnknownStatus(text.to_owned()))
    }

    fn fits(self, status: u16) -> bool {
        match self {
            Self::Code(code) => status == code,
            Self::Class(class) => status / 100 == class,
        }
    }
}

impl Wanted {
    /// Returns `true` if an exchange meets every condition.
    pub fn fits(&self, exchange: &Exchange) -> bool {
        let path = exchange.target.split('?').next().unwrap_or_default();
        let status = exchange.answer.as_ref().map(|answer| answer.status);
        self.since.is_none_or(|since| exchange.id > since)
            && self.operation.as_deref().is_none_or(|id| {
                [exchange.operation, operations::whole(exchange.operation)].contains(&id)
            })
            && self
                .method
                .as_deref()
                .is_none_or(|m| exchange.method.as_str().eq_ignore_ascii_case(m))
            && self
                .status
                .is_none_or(|wanted| status.is_some_and(|status| wanted.fits(status)))
            && self.path.as_deref().is_none_or(|wanted| wanted == path)
            && self
                .target_contains
                .as_deref()
                .is_none_or(|part| exchange.target.contains(part))
            && self.headers.iter().all(|(name, wanted)| {
                let mut values = exchange.headers.get_all(name);
                values.any(|value| wanted.as_str().is_some_and(|w| value == w.as_bytes()))
            })
            && self.body.as_ref().is_none_or(|wanted| {
                serde_json::from_slice(&exchange.body.bytes).is_ok_and(|body| has(&body, wanted))
            })
    }
}

/// Returns `true` if `value` contains `wanted`: an object must have the named members, and any
/// other value must be equal.
fn has(value: &Value, wanted: &Value) -> bool {
    match (value, wanted) {
        (Value::Object(value), Value::Object(wanted)) => wanted
            .iter()
            .all(|(name, wanted)| value.get(name).is_some_and(|value| has(value, wanted))),
        _ => value == wanted,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Request;

    use super::*;

    fn exchange(share: &JournalShare, body: usize) -> Arc<Exchange> {
        let request = Request::new(Bytes::from(vec![b'x'; body]));
        let world = Arc::from("default");
        Arc::new(Exchange::of(
            request,
            share.number(),
            world,
            share.limits().body,
        ))
    }

    fn ids(journal: &Journal) -> Vec<u64> {
        let all = journal.find(&Wanted::default());
        all.iter().map(|exchange| exchange.id).collect()
    }

    #[test]
    fn the_oldest_makes_room_and_is_counted() {
        let limits = JournalLimits {
            exchanges: 2,
            ..JournalLimits::default()
        };
        let share = Arc::new(JournalShare::new(limits));
        let journal = Journal::new(Arc::clone(&share));
        for _ in 0..5 {
            journal.keep(exchange(&share, 0));
        }
        assert_eq!((ids(&journal), journal.lost()), (vec![4, 5], 3));
        assert_eq!(journal.clear(), 2);
        assert_eq!(share.bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_ended_after_an_exchange_is_found_whatever_its_number() {
        let share = Arc::new(JournalShare::new(JournalLimits::default()));
        let journal = Journal::new(Arc::clone(&share));
        let numbered: Vec<_> = (0..4).map(|_| exchange(&share, 0)).collect();
        for at in [1, 3, 0, 2] {
            journal.keep(Arc::clone(&numbered[at]));
        }
        let place = journal.place(4).unwrap();
        let later = journal.find_after(place, &Wanted::default());
        let ids: Vec<_> = later.iter().map(|(_, exchange)| exchange.id).collect();
        assert_eq!(ids, [1, 3]);
        assert_eq!(journal.place(5), None);
    }

    #[test]
    fn beyond_the_bytes_of_all_a_world_gives_up_its_own() {
        let limits = JournalLimits {
            bytes: 10_000,
            ..JournalLimits::default()
        };
        let share = Arc::new(JournalShare::new(limits));
        let (one, other) = (
            Journal::new(Arc::clone(&share)),
            Journal::new(Arc::clone(&share)),
        );
        one.keep(exchange(&share, 4_000));
        other.keep(exchange(&share, 4_000));
        other.keep(exchange(&share, 4_000));
        assert_eq!((ids(&one), ids(&other)), (vec![1], vec![3]));
        drop(other);
        let (held, one) = (share.bytes.load(Ordering::Relaxed), one.ring().bytes);
        assert_eq!(held, one);
    }
}
