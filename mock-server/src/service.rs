//! The engine and its clock as one state that many connections share.
//!
//! Requests that only look run side by side; one that writes runs alone, and reads
//! the clock while it does, so that the order of times is the order of writes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use http::Request;

use crate::clock::{ClockMode, ServiceClock};
use crate::endpoints::Handler;
use crate::endpoints::call::{Call, Settings};
use crate::engine::{self, Engine, Handled, Now, Reply};
use crate::model::time::{Timestamp, UtcOffset};
use crate::problem::Problem;
use crate::profile::Profile;
use crate::store::Store;

/// What a service starts with, and returns to on a reset.
#[derive(Debug, Clone)]
pub struct Seed {
    /// Its settings.
    pub settings: Settings,
    /// Its world.
    pub store: Store,
    /// Its clock.
    pub clock: ClockMode,
}

/// What a reset changes of the seed; `None` returns to it.
#[derive(Debug, Default)]
pub struct Reset {
    /// Another world.
    pub store: Option<Store>,
    /// Another clock.
    pub clock: Option<ClockMode>,
    /// Another profile.
    pub profile: Option<Profile>,
}

/// The running service.
#[derive(Debug)]
pub struct Service {
    seed: Seed,
    state: RwLock<State>,
    /// The world's name and how many stocks it has, for whoever must not wait for a long
    /// write.
    world: Mutex<(String, usize)>,
}

#[derive(Debug)]
struct State {
    engine: Engine,
    clock: ServiceClock,
}

impl Service {
    /// A service that starts with the seed.
    pub fn new(seed: Seed) -> Self {
        let state = RwLock::new(State {
            engine: Engine::new(seed.settings.clone(), seed.store.clone()),
            clock: ServiceClock::new(seed.clock),
        });
        let world = Mutex::new((seed.store.name().to_owned(), seed.store.len()));
        Self { seed, state, world }
    }

    // The engine does not panic; should it, the world is as it was before or after.
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers a request; `system` is called for the time if the request writes.
    pub fn answer(&self, request: &Request<Bytes>, system: impl Fn() -> Timestamp) -> Reply {
        self.answer_by(request, system, Engine::run)
    }

    /// The same, but for what runs the handler of a request that writes: it has the
    /// engine to itself.
    pub fn answer_by(
        &self,
        request: &Request<Bytes>,
        system: impl Fn() -> Timestamp,
        mut run: impl FnMut(&mut Engine, Handler, &Call<'_>, Now) -> Handled,
    ) -> Reply {
        loop {
            let settings = {
                let shared = self.read();
                if !shared.engine.writes(request) {
                    return shared.engine.look(request);
                }
                Arc::clone(shared.engine.settings())
            };
            let mut was_reset = false;
            let reply = engine::answer(&settings, request, |handler, call| {
                let mut state = self.write();
                // A reset came between: the request is judged anew, by its settings.
                if !Arc::ptr_eq(state.engine.settings(), &settings) {
                    was_reset = true;
                    return (Err(Problem::ServerError), 0);
                }
                let now = state.clock.now(system());
                let (outcome, reads) = run(&mut state.engine, handler, call, now);
                state.clock.was_read(now, reads);
                self.known_world().1 = state.engine.store().len();
                (outcome, reads)
            });
            if !was_reset {
                return reply;
            }
        }
    }

    /// A service of its own that stands where this one does.
    #[must_use]
    pub fn fork(&self) -> Self {
        let state = self.read();
        let mut fork = Self::new(Seed {
            settings: (**state.engine.settings()).clone(),
            store: state.engine.store().clone(),
            clock: state.clock.mode(),
        });
        fork.seed = self.seed.clone();
        fork
    }

    /// The refusal of a request whose body the server could not take.
    pub fn refuse(&self, request: &Request<()>, problem: &Problem) -> Reply {
        self.read().engine.refuse(request, problem)
    }

    /// Whether a request may change the world.
    pub fn writes(&self, request: &Request<Bytes>) -> bool {
        self.read().engine.writes(request)
    }

    /// What it is set to.
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(self.read().engine.settings())
    }

    /// The world as it stands.
    pub fn store(&self) -> Store {
        self.read().engine.store().clone()
    }

    /// The local time zone, which no reset changes.
    pub fn local(&self) -> UtcOffset {
        self.seed.settings.local
    }

    fn known_world(&self) -> MutexGuard<'_, (String, usize)> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The world's name and how many stocks it has.
    pub fn world(&self) -> (String, usize) {
        self.known_world().clone()
    }

    /// The clock.
    pub fn clock(&self) -> ServiceClock {
        self.read().clock
    }

    /// Sets the clock.
    pub fn set_clock(&self, mode: ClockMode) {
        self.write().clock = ServiceClock::new(mode);
    }

    /// Moves the clock forward by so many microseconds.
    pub fn advance_clock(&self, micros: i64) {
        self.write().clock.advance(micros);
    }

    /// Returns to the seed, but for what the reset names.
    pub fn reset(&self, reset: Reset) {
        let mut settings = self.seed.settings.clone();
        if let Some(profile) = reset.profile {
            settings.profile = profile;
        }
        let store = reset.store.unwrap_or_else(|| self.seed.store.clone());
        let next = State {
            engine: Engine::new(settings, store),
            clock: ServiceClock::new(reset.clock.unwrap_or(self.seed.clock)),
        };
        let before = {
            let mut state = self.write();
            let store = next.engine.store();
            *self.known_world() = (store.name().to_owned(), store.len());
            std::mem::replace(&mut *state, next)
        };
        // A large world is dropped outside the lock.
        drop(before);
    }
}
