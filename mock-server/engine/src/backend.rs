//! A world that answers requests from several threads, and its simplest implementation.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use http::Request;

use crate::clock::{ClockMode, ServiceClock};
use crate::endpoints::Handler;
use crate::endpoints::call::{Call, Settings};
use crate::engine::{Engine, Handled, Now, Reply};
use crate::model::time::Timestamp;
use crate::problem::Problem;
use crate::profile::Profile;
use crate::store::Store;

/// A function that runs the handler of a writing request, with the engine to itself.
pub type Run<'a> = dyn FnMut(&mut Engine, Handler, &Call<'_>, Now) -> Handled + 'a;

/// A world that many threads may use at once.
///
/// [`Defects`](crate::defects::Defects) wrap one, and know nothing else of it.
pub trait Backend {
    /// Answers a request. `system` is called for the time if the request writes.
    fn answer(&self, request: &Request<Bytes>, system: &dyn Fn() -> Timestamp) -> Reply;

    /// Answers a request, with `run` in place of [`Engine::run`] if the request writes.
    fn answer_by(
        &self,
        request: &Request<Bytes>,
        system: &dyn Fn() -> Timestamp,
        run: &mut Run<'_>,
    ) -> Reply;

    /// Refuses a request without asking the endpoint.
    fn refuse(&self, request: &Request<()>, problem: &Problem) -> Reply;

    /// Returns `true` if the request may change the world.
    fn writes(&self, request: &Request<Bytes>) -> bool;

    /// The settings in force.
    fn settings(&self) -> Arc<Settings>;

    /// A copy of the world, which shares everything with it until one of the two is written.
    fn store(&self) -> Store;
}

/// The state that a world starts with, and returns to on a reset.
#[derive(Debug, Clone)]
pub struct Seed {
    /// The readings, tokens and time zone.
    pub settings: Settings,
    /// The stocks and places.
    pub store: Store,
    /// The mode of the clock.
    pub clock: ClockMode,
}

/// The parts of the [`Seed`] that a reset replaces; `None` returns to the seed.
#[derive(Debug, Default)]
pub struct Reset {
    /// The stocks and places.
    pub store: Option<Store>,
    /// The mode of the clock.
    pub clock: Option<ClockMode>,
    /// The readings.
    pub profile: Option<Profile>,
}

impl Seed {
    /// The seed with those parts replaced that the reset names.
    #[must_use]
    pub fn with(&self, reset: Reset) -> Self {
        let mut settings = self.settings.clone();
        if let Some(profile) = reset.profile {
            settings.profile = profile;
        }
        Self {
            settings,
            store: reset.store.unwrap_or_else(|| self.store.clone()),
            clock: reset.clock.unwrap_or(self.clock),
        }
    }
}

/// A world in memory: an engine and its clock behind a lock, without a history.
#[derive(Debug)]
pub struct InMemory {
    seed: Seed,
    state: RwLock<State>,
}

#[derive(Debug)]
struct State {
    engine: Engine,
    clock: ServiceClock,
}

impl State {
    fn new(seed: Seed) -> Self {
        Self {
            clock: ServiceClock::new(seed.clock),
            engine: Engine::new(seed.settings, seed.store),
        }
    }
}

impl InMemory {
    /// A world in the state of the seed.
    pub fn new(seed: Seed) -> Self {
        Self {
            state: RwLock::new(State::new(seed.clone())),
            seed,
        }
    }

    /// Returns to the seed, except for the parts that the reset names.
    pub fn reset(&self, reset: Reset) {
        *self.write() = State::new(self.seed.with(reset));
    }

    /// Advances the clock by so many microseconds.
    pub fn advance_clock(&self, micros: i64) {
        self.write().clock.advance(micros);
    }

    // The engine does not panic. If it ever did, the world would be as before or after the
    // request.
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Backend for InMemory {
    fn answer(&self, request: &Request<Bytes>, system: &dyn Fn() -> Timestamp) -> Reply {
        self.answer_by(request, system, &mut Engine::run)
    }

    fn answer_by(
        &self,
        request: &Request<Bytes>,
        system: &dyn Fn() -> Timestamp,
        run: &mut Run<'_>,
    ) -> Reply {
        {
            let state = self.read();
            if !state.engine.writes(request) {
                return state.engine.look(request, state.clock.now(system()).at);
            }
        }
        let mut state = self.write();
        let now = state.clock.now(system());
        let settings = Arc::clone(state.engine.settings());
        let reply = crate::engine::answer(&settings, (request, now.at), |handler, call| {
            run(&mut state.engine, handler, call, now)
        });
        state.clock.was_read(now, reply.clock_reads);
        reply
    }

    fn refuse(&self, request: &Request<()>, problem: &Problem) -> Reply {
        self.read().engine.refuse(request, problem)
    }

    fn writes(&self, request: &Request<Bytes>) -> bool {
        self.read().engine.writes(request)
    }

    fn settings(&self) -> Arc<Settings> {
        Arc::clone(self.read().engine.settings())
    }

    fn store(&self) -> Store {
        self.read().engine.store().clone()
    }
}
