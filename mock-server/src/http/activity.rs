//! The activity of one connection: its requests in flight, its idle time and its end.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{Notify, watch};

/// A deliberately broken end of a connection.
#[derive(Debug)]
pub(super) enum Parting {
    /// The client gets a reset.
    Reset,
    /// These bytes, which are not HTTP, and then the end.
    Garbage(Bytes),
}

/// The state of one connection, shared by its requests, its stream and its timer.
pub(super) struct Activity {
    started: Instant,
    pub(super) in_flight: Arc<AtomicU32>,
    /// Milliseconds since `started`.
    last: AtomicU64,
    /// Is true before the first request and while the head of a request is incomplete.
    owes_a_head: AtomicBool,
    /// Is true while an HTTP/1 request is left without an answer for good.
    is_hanging: AtomicBool,
    /// Changes when the server stops.
    pub(super) stop: watch::Receiver<bool>,
    /// The broken end that was asked for, if any.
    parting: Mutex<Option<Parting>>,
    /// Notified when the connection must end at once.
    pub(super) is_parting: Notify,
}

/// Counts as one request in flight until it is dropped.
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

    /// Ends the connection at once, in a broken way.
    pub(super) fn part(&self, parting: Parting) {
        *self.parting.lock().unwrap_or_else(PoisonError::into_inner) = Some(parting);
        self.is_parting.notify_one();
    }

    /// Takes the broken end that was asked for, if any.
    pub(super) fn parted(&self) -> Option<Parting> {
        let mut parting = self.parting.lock().unwrap_or_else(PoisonError::into_inner);
        parting.take()
    }

    /// Counts one more request in flight, until the returned guard is dropped.
    pub(super) fn begin(&self) -> Busy<'_> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.owes_a_head.store(false, Ordering::Relaxed);
        Busy(self)
    }

    /// Notes that the client still reads, so that the connection is not idle.
    pub(super) fn touch(&self) {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(now, Ordering::Relaxed);
    }

    /// Notes that bytes arrived. Between two requests they begin the head of the next.
    pub(super) fn heard(&self) {
        if !self.is_busy() {
            self.owes_a_head.store(true, Ordering::Relaxed);
        }
    }

    /// Returns the time for which the client has owed the head of a request, or `None` where none
    /// is begun, as between two requests.
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

    /// Returns `true` while a request is in flight.
    pub(super) fn is_busy(&self) -> bool {
        self.in_flight.load(Ordering::Relaxed) > 0
    }

    /// Returns the rest of the idle time, or `None` once it has run out. A request in flight keeps
    /// all of it.
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
