//! The queue in front of the judge. Adding to it never waits: an exchange that finds no room passes
//! unjudged, and is counted.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::traffic::{Ending, Observed};
use crate::workers::lock;

/// The pause of the judge while nothing waits. Waking it for every exchange would delay the
/// exchanges themselves.
const REST: Duration = Duration::from_millis(20);

/// The limits of what may wait.
#[derive(Debug, Clone, Copy)]
pub struct QueueLimits {
    /// Exchanges.
    pub exchanges: usize,
    /// Bytes of their bodies.
    pub bytes: usize,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self {
            exchanges: 16_384,
            bytes: 256 * 1024 * 1024,
        }
    }
}

/// The end to which exchanges are added; clones add to the same queue.
#[derive(Clone)]
pub struct Queue(Arc<Inlet>);

struct Inlet {
    shared: Arc<Shared>,
}

/// The end from which the judge takes exchanges.
pub struct Seen {
    shared: Arc<Shared>,
}

struct Shared {
    limits: QueueLimits,
    waiting: Mutex<Waiting>,
    wake: Condvar,
}

#[derive(Default)]
struct Waiting {
    exchanges: VecDeque<Observed>,
    bytes: usize,
    dropped: u64,
    is_over: bool,
}

/// Creates a queue within limits.
pub fn queue(limits: QueueLimits) -> (Queue, Seen) {
    let shared = Arc::new(Shared {
        limits,
        waiting: Mutex::default(),
        wake: Condvar::new(),
    });
    let inlet = Inlet {
        shared: Arc::clone(&shared),
    };
    (Queue(Arc::new(inlet)), Seen { shared })
}

impl Queue {
    /// Adds an exchange if there is room.
    pub(super) fn push(&self, observed: Observed) {
        let shared = &self.0.shared;
        let weight = weight(&observed);
        let mut waiting = lock(&shared.waiting);
        let is_room = waiting.exchanges.len() < shared.limits.exchanges
            && waiting.bytes + weight <= shared.limits.bytes;
        if !is_room {
            waiting.dropped += 1;
            return;
        }
        waiting.bytes += weight;
        waiting.exchanges.push_back(observed);
        if waiting.exchanges.len() == shared.limits.exchanges / 2 {
            shared.wake.notify_one();
        }
    }
}

impl Drop for Inlet {
    fn drop(&mut self) {
        lock(&self.shared.waiting).is_over = true;
        self.shared.wake.notify_one();
    }
}

impl Seen {
    /// Waits for exchanges, and returns them in the order in which they ended, with the number of
    /// those dropped since the last call; `None` once the queue is closed and empty.
    pub fn next(&self) -> Option<(Vec<Observed>, u64)> {
        let mut waiting = lock(&self.shared.waiting);
        loop {
            if !waiting.exchanges.is_empty() || waiting.dropped > 0 {
                waiting.bytes = 0;
                let exchanges = waiting.exchanges.drain(..).collect();
                return Some((exchanges, std::mem::take(&mut waiting.dropped)));
            }
            if waiting.is_over {
                return None;
            }
            let rested = self.shared.wake.wait_timeout(waiting, REST);
            waiting = rested.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Estimates the memory that an exchange takes, bytes.
fn weight(observed: &Observed) -> usize {
    // The heads of a usual request and its answer.
    const HEADS: usize = 4096;
    let answer = match &observed.came {
        Ending::Answer { response, .. } => response.body().len(),
        Ending::Failed { .. } | Ending::Abandoned | Ending::Unknown(_) => 0,
    };
    HEADS + observed.request.body().len() + answer
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // A test that cannot go on should say where.
mod tests {
    use bytes::Bytes;
    use http::Request;
    use whippy_engine::model::time::Timestamp;

    use super::*;
    use crate::traffic::Extent;

    fn observed(id: u64, bytes: usize) -> Observed {
        Observed {
            id,
            at: Timestamp::EPOCH,
            micros: 0,
            request: Request::new(Bytes::from(vec![b' '; bytes])),
            request_body: Extent::Whole,
            came: Ending::Abandoned,
        }
    }

    #[track_caller]
    fn ids(seen: &Seen) -> (Vec<u64>, u64) {
        let (exchanges, dropped) = seen.next().unwrap();
        (exchanges.iter().map(|o| o.id).collect(), dropped)
    }

    #[test]
    fn what_finds_no_room_is_counted_and_nobody_waits() {
        let limits = QueueLimits {
            exchanges: 2,
            bytes: 100_000,
        };
        let (queue, seen) = queue(limits);
        for id in 1..=5 {
            queue.push(observed(id, 0));
        }
        assert_eq!(ids(&seen), (vec![1, 2], 3));
        queue.push(observed(6, 80_000));
        queue.push(observed(7, 80_000));
        assert_eq!(ids(&seen), (vec![6], 1));
        queue.push(observed(8, 0));
        drop(queue);
        assert_eq!(ids(&seen), (vec![8], 0), "what was put in is taken out");
        assert!(seen.next().is_none());
    }
}
