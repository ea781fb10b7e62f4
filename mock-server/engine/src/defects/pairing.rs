//! The pairing of two requests that overlap.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::time::Duration;

use serde_json::Value;

use super::delivery::Delivery;
use super::memory::{Pair, lock};
use super::question::Question;
use super::scene::Scene;
use crate::engine::Reply;

/// The time for which a request waits for another one to overlap with.
const HELD: Duration = Duration::from_millis(100);

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
