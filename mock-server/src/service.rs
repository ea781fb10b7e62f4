//! The engine, its clock and its history as one state that many connections share.
//!
//! Requests that only look run side by side; one that writes runs alone, reads the clock
//! and takes its number while it does, so that the order of times and of numbers is the
//! order of writes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use crate::clock::{ClockMode, ServiceClock};
use crate::endpoints::Handler;
use crate::endpoints::call::{Call, Settings};
use crate::engine::{self, Engine, Handled, Now, Reply};
use crate::history::{self, Asked, History, LetGo, Stretch, Write};
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
    history: History,
}

impl State {
    fn begin(engine: Engine, clock: ServiceClock, seq: u64) -> Self {
        let history = History::begin(&engine, clock, seq);
        Self {
            engine,
            clock,
            history,
        }
    }

    fn record(&mut self, write: Write) -> LetGo {
        let settled = write.seq;
        self.history
            .record(write, (&self.engine, self.clock), settled)
    }

    fn set_clock(&mut self, clock: ServiceClock) {
        self.clock = clock;
        self.history.set_clock(clock);
    }
}

impl Service {
    /// A service that starts with the seed.
    pub fn new(seed: Seed) -> Self {
        let engine = Engine::new(seed.settings.clone(), seed.store.clone());
        let state = State::begin(engine, ServiceClock::new(seed.clock), 0);
        Self::of(seed, state)
    }

    fn of(seed: Seed, state: State) -> Self {
        let store = state.engine.store();
        Self {
            world: Mutex::new((store.name().to_owned(), store.len())),
            state: RwLock::new(state),
            seed,
        }
    }

    /// A world of its own that begins as this one stands, its writes numbered onwards.
    /// Until the two differ they share what they hold.
    #[must_use]
    pub fn fork(&self) -> Self {
        let state = {
            let state = self.read();
            State::begin(state.engine.clone(), state.clock, state.history.last())
        };
        Self::of(self.seed.clone(), state)
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
        self.respond(request, system, Engine::run, true)
    }

    /// The same, but for what runs the handler of a request that writes: it has the
    /// engine to itself. What it leaves behind is kept with the write, since a replay
    /// cannot ask it.
    pub fn answer_by(
        &self,
        request: &Request<Bytes>,
        system: impl Fn() -> Timestamp,
        run: impl FnMut(&mut Engine, Handler, &Call<'_>, Now) -> Handled,
    ) -> Reply {
        self.respond(request, system, run, false)
    }

    fn respond(
        &self,
        request: &Request<Bytes>,
        system: impl Fn() -> Timestamp,
        mut run: impl FnMut(&mut Engine, Handler, &Call<'_>, Now) -> Handled,
        is_engines_own: bool,
    ) -> Reply {
        loop {
            let (settings, mut writes) = {
                let shared = self.read();
                let writes = shared.history.last();
                if !shared.engine.writes(request) {
                    let reply = shared.engine.look(request);
                    return Reply { writes, ..reply };
                }
                (Arc::clone(shared.engine.settings()), writes)
            };
            let mut was_reset = false;
            let mut wrote = None;
            let mut let_go = LetGo::default();
            let reply = engine::answer(&settings, request, |handler, call| {
                let asked = Asked::of(request);
                let mut state = self.write();
                // A reset came between: the request is judged anew, by its settings.
                if !Arc::ptr_eq(state.engine.settings(), &settings) {
                    was_reset = true;
                    return (Err(Problem::ServerError), 0);
                }
                let before = (!is_engines_own).then(|| state.engine.store().clone());
                let now = state.clock.now(system());
                let (outcome, reads) = run(&mut state.engine, handler, call, now);
                state.clock.was_read(now, reads);
                writes = state.history.last();
                let left = before.and_then(|before| {
                    let after = state.engine.store();
                    let is_due = outcome.is_ok() || reads > 0 || !after.is_as(&before);
                    is_due.then(|| history::left_behind(&before, after))
                });
                if outcome.is_ok() || reads > 0 || left.is_some() {
                    let seq = writes + 1;
                    wrote = Some(seq);
                    let_go = state.record(Write {
                        seq,
                        now,
                        reads,
                        asked,
                        left,
                    });
                }
                self.known_world().1 = state.engine.store().len();
                (outcome, reads)
            });
            // What is let go of is dropped outside the lock.
            drop(let_go);
            if !was_reset {
                return Reply {
                    writes,
                    wrote,
                    ..reply
                };
            }
        }
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
        self.write().set_clock(ServiceClock::new(mode));
    }

    /// Moves the clock forward by so many microseconds.
    pub fn advance_clock(&self, micros: i64) {
        let mut state = self.write();
        let mut clock = state.clock;
        clock.advance(micros);
        state.set_clock(clock);
    }

    /// The numbers of the first and the last write behind which the state can still be
    /// seen; 0 stands for the beginning.
    pub fn kept(&self) -> (u64, u64) {
        let state = self.read();
        (state.history.first(), state.history.last())
    }

    /// The service as it stood after a write, 0 for the beginning; a sentence where that
    /// is not kept.
    pub fn at(&self, seq: u64) -> Result<Engine, String> {
        // Only the way there is looked up under the lock.
        let way = self.read().history.until(seq)?;
        way.replay()
    }

    /// What came of the world from after one write to after another.
    pub fn diff(&self, from: u64, to: u64) -> Result<Value, String> {
        if from > to {
            return Err(format!("from is {from}, which is after to, {to}"));
        }
        let state = self.read();
        let (before, after) = (state.history.until(from)?, state.history.until(to)?);
        drop(state);
        let before = before.replay()?;
        // One way where the states lie on it, so that they share what did not change.
        let after = if after.seq <= from {
            let rest = after.writes.into_iter().filter(|write| write.seq > from);
            Stretch {
                engine: before.clone(),
                seq: from,
                writes: rest.collect(),
            }
        } else {
            after
        };
        let after = after.replay()?;
        let mut diff = json!({"from": from, "to": to});
        if let (Some(diff), Value::Object(changes)) = (
            diff.as_object_mut(),
            after.store().diff_since(before.store()),
        ) {
            diff.extend(changes);
        }
        Ok(diff)
    }

    /// The world as JSON, which loads as an equal one.
    pub fn world_json(&self) -> Vec<u8> {
        self.store().dump().to_json()
    }

    /// The first state that is kept, and every write since.
    pub fn whole(&self) -> Option<Stretch> {
        self.read().history.whole()
    }

    /// Returns to the seed, but for what the reset names, and begins a new history.
    pub fn reset(&self, reset: Reset) {
        let mut settings = self.seed.settings.clone();
        if let Some(profile) = reset.profile {
            settings.profile = profile;
        }
        let store = reset.store.unwrap_or_else(|| self.seed.store.clone());
        let clock = ServiceClock::new(reset.clock.unwrap_or(self.seed.clock));
        let next = State::begin(Engine::new(settings, store), clock, 0);
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
