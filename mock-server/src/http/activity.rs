//! What a connection is doing, when it last did something, and how it is to end.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{Notify, watch};

/// What a connection leaves behind when it ends badly.
#[derive(Debug)]
pub(super) enum Parting {
    /// The client is told that it was reset.
    Reset,
    /// Bytes that are no HTTP.
    Garbage(Bytes),
}

/// When a connection last did something, and what it is doing.
pub(super) struct Activity {
    started: Instant,
    pub(super) in_flight: Arc<AtomicU32>,
    /// Milliseconds since `started`.
    last: AtomicU64,
    /// Whether the client has begun no request yet, or is in the middle of a head.
    owes_a_head: AtomicBool,
    /// Whether a request over HTTP/1 is never answered.
    is_hanging: AtomicBool,
    /// Changes when the server stops.
    pub(super) stop: watch::Receiver<bool>,
    /// What the connection leaves behind.
    parting: Mutex<Option<Parting>>,
    /// Rings when the connection is to end at once.
    pub(super) is_parting: Notify,
}

/// Counts as a request in flight as long as it is there.
pub(super) struct Busy<'a>(&'a Activity);

impl Activity {
    pub(super) fn new(stop: watch::Receiver<bool>) -> Self {
        Self {
            started: Instant::now(),
            in_flight: Arc::default(),
            last: AtomicU64::new(0),
            owes_a_head: AtomicBool::new(true),
            is_hanging: AtomicBool::new(false),
            stop,
            parting: Mutex::default(),
            is_parting: Notify::new(),
        }
    }

    /// Lets the connection end badly.
    pub(super) fn part(&self, parting: Parting) {
        *self.parting.lock().unwrap_or_else(PoisonError::into_inner) = Some(parting);
        self.is_parting.notify_one();
    }

    /// What the connection leaves behind, if it ends badly.
    pub(super) fn parted(&self) -> Option<Parting> {
        let mut parting = self.parting.lock().unwrap_or_else(PoisonError::into_inner);
        parting.take()
    }

    /// A request is in flight, until what this returns is dropped.
    pub(super) fn begin(&self) -> Busy<'_> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.owes_a_head.store(false, Ordering::Relaxed);
        Busy(self)
    }

    /// Notes that the client still reads.
    pub(super) fn touch(&self) {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(now, Ordering::Relaxed);
    }

    /// Notes that bytes came. Between requests they begin the head of one.
    pub(super) fn heard(&self) {
        if !self.is_busy() {
            self.owes_a_head.store(true, Ordering::Relaxed);
        }
    }

    /// How long the client has owed the head of a request; `None` where it owes none, as
    /// between two requests.
    pub(super) fn owes_a_head_for(&self) -> Option<Duration> {
        let owes = self.owes_a_head.load(Ordering::Relaxed) && !self.is_busy();
        owes.then(|| {
            let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
            self.started.elapsed().saturating_sub(last)
        })
    }

    /// Notes that the request in flight is never answered.
    pub(super) fn hang(&self) {
        self.is_hanging.store(true, Ordering::Relaxed);
    }

    /// Returns `true` if the request in flight is never answered.
    pub(super) fn is_hanging(&self) -> bool {
        self.is_hanging.load(Ordering::Relaxed)
    }

    /// Whether a request is in flight.
    pub(super) fn is_busy(&self) -> bool {
        self.in_flight.load(Ordering::Relaxed) > 0
    }

    /// How much of the idle time is left; `None` where it has run out.
    pub(super) fn left_of(&self, idle: Duration) -> Option<Duration> {
        if self.is_busy() {
            return Some(idle);
        }
        let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
        idle.checked_sub(self.started.elapsed().saturating_sub(last))
            .filter(|left| !left.is_zero())
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.touch();
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
