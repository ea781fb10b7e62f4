//! The connections of a server, and room among them for clients that speak.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::activity::Activity;

/// The time that a client has for a request's head while others wait for its place.
const SHORT: Duration = Duration::from_secs(1);

/// The longest wait for a place that was taken back from another connection.
const HANDOVER: Duration = Duration::from_secs(1);

/// The connections of a server, limited in number.
pub(super) struct Crowd {
    most: usize,
    places: Arc<Semaphore>,
    next: AtomicU64,
    /// By the order in which they came.
    taken: Mutex<BTreeMap<u64, Arc<Activity>>>,
}

/// The place of one connection; dropping it frees the place.
pub(super) struct Place {
    crowd: Arc<Crowd>,
    number: u64,
    _permit: OwnedSemaphorePermit,
}

impl Crowd {
    /// Creates `most` places, all of them free.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            places: Arc::new(Semaphore::new(most)),
            next: AtomicU64::new(0),
            taken: Mutex::default(),
        })
    }

    // A panic under this lock leaves the map whole: each step is a single call on it.
    fn taken(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Activity>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a place. Where all are taken, the connection that has owed the head of a request
    /// for longest loses its own. Returns `None` where every connection has a request in flight or
    /// has only just arrived.
    pub(super) async fn admit(self: &Arc<Self>, activity: &Arc<Activity>) -> Option<Place> {
        let permit = match Arc::clone(&self.places).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) if self.take_back() => {
                let freed = Arc::clone(&self.places).acquire_owned();
                tokio::time::timeout(HANDOVER, freed).await.ok()?.ok()?
            }
            Err(_) => return None,
        };
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.taken().insert(number, Arc::clone(activity));
        Some(Place {
            crowd: Arc::clone(self),
            number,
            _permit: permit,
        })
    }

    /// Ends the connection that has owed the head of a request for longest. Returns `false` if none
    /// has owed it for at least [`SHORT`].
    fn take_back(&self) -> bool {
        let taken = self.taken();
        let owing = taken.values().filter_map(|activity| {
            let owes = activity.owes_a_head_for()?;
            (owes >= SHORT).then_some((owes, activity))
        });
        let longest = owing.max_by_key(|(owes, _)| *owes);
        longest
            .inspect(|(_, activity)| activity.is_parting.notify_one())
            .is_some()
    }

    /// Waits until every place is free.
    pub(super) async fn until_empty(&self) {
        let all = u32::try_from(self.most).unwrap_or(u32::MAX);
        drop(self.places.acquire_many(all).await);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.crowd.taken().remove(&self.number);
    }
}
