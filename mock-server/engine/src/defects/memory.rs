//! State of a defect between requests, and the pairing of requests that overlap.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::Delivery;
use super::derived::Kept;
use super::effect::Scene;
use super::question::Question;
use crate::engine::Reply;

/// The time for which a request waits for another one to overlap with.
const HELD: Duration = Duration::from_millis(100);

/// State that a defect keeps between requests of one world.
#[derive(Debug, Default)]
pub(super) struct Memory {
    counts: Mutex<HashMap<&'static str, u64>>,
    seen: Mutex<BTreeSet<String>>,
    in_flight: Mutex<HashMap<String, Pair>>,
    moved: Condvar,
    derived: Mutex<Kept>,
}

/// The progress of two overlapping requests about one stock.
#[derive(Debug)]
enum Pair {
    /// The first request waits for a second.
    Alone,
    /// The second request is here and waits for the answer to the first.
    Met,
    /// The answer to the first request, ready for the second.
    Answered(Box<Reply>),
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
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

/// Holds a request back for a moment. If another one about the same stock arrives meanwhile,
/// the first is answered as usual and the second from the answer to the first.
pub(super) fn overlapped(
    scene: &Scene<'_>,
    second: fn(&Scene<'_>, &Reply) -> Delivery,
) -> Delivery {
    let memory = scene.memory;
    let key = key_of(scene);
    let mut in_flight = lock(&memory.in_flight);
    match in_flight.get_mut(&key) {
        None => {
            in_flight.insert(key.clone(), Pair::Alone);
            let is_alone = |in_flight: &mut HashMap<String, Pair>| {
                matches!(in_flight.get(&key), Some(Pair::Alone))
            };
            let (mut in_flight, _) = memory
                .moved
                .wait_timeout_while(in_flight, HELD, is_alone)
                .unwrap_or_else(PoisonError::into_inner);
            if is_alone(&mut in_flight) {
                in_flight.remove(&key);
                drop(in_flight);
                return scene.usual();
            }
            drop(in_flight);
            let delivery = scene.usual();
            let mut in_flight = lock(&memory.in_flight);
            match &delivery {
                Delivery::Answer(reply) => {
                    in_flight.insert(key, Pair::Answered(Box::new(reply.clone())));
                }
                _ => {
                    in_flight.remove(&key);
                }
            }
            memory.moved.notify_all();
            delivery
        }
        Some(pair @ Pair::Alone) => {
            *pair = Pair::Met;
            memory.moved.notify_all();
            let mut in_flight = memory
                .moved
                .wait_while(in_flight, |in_flight| {
                    matches!(in_flight.get(&key), Some(Pair::Met))
                })
                .unwrap_or_else(PoisonError::into_inner);
            let answered = in_flight.remove(&key);
            drop(in_flight);
            match answered {
                Some(Pair::Answered(first)) => {
                    scene.mark();
                    second(scene, &first)
                }
                _ => scene.usual(),
            }
        }
        // A third request is answered as usual.
        Some(Pair::Met | Pair::Answered(_)) => {
            drop(in_flight);
            scene.usual()
        }
    }
}

/// The key by which requests overlap: the operation, the SKU and the location.
fn key_of(scene: &Scene<'_>) -> String {
    let question = Question::of(scene.request, scene.service);
    let named = |name| {
        let in_body = question.body.get(name).map(Value::to_string);
        in_body.or_else(|| question.parameter(name).map(str::to_owned))
    };
    let (sku, location) = (named("sku"), named("location"));
    format!("{} {sku:?} {location:?}", scene.operation)
}
