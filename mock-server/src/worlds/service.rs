//! The engine, its clock and its history as one state, shared by many connections.
//!
//! Requests that only read run side by side. A request that writes runs alone: it reads the clock
//! and takes its number meanwhile, so that the order of times and of numbers is the order of
//! writes.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};
use smol_str::SmolStr;

use crate::log::{Base, Event, KeptWorld, Log, PastError, Track};
use whippy_engine::backend::{Backend, Reset, Run, Seed};
use whippy_engine::clock::{ClockMode, ServiceClock};
use whippy_engine::durability::{NotKept, Pending};
use whippy_engine::endpoints::call::Settings;
use whippy_engine::engine::{self, Engine, Reply};
use whippy_engine::history::{self, Asked, Discarded, History, HistoryError, Stretch, Write};
use whippy_engine::model::time::{Timestamp, UtcOffset};
use whippy_engine::problem::Problem;
use whippy_engine::profile::Profile;
use whippy_engine::store::Store;

/// Reasons why a past state of a world cannot be shown.
#[derive(Debug)]
pub enum StateError {
    /// The history in memory lacks it.
    History(HistoryError),
    /// The data file lacks it.
    File(PastError),
    /// The two writes are in the wrong order.
    Reversed {
        /// The number of the first.
        from: u64,
        /// The number of the second.
        to: u64,
    },
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::History(why) => why.fmt(f),
            Self::File(why) => why.fmt(f),
            Self::Reversed { from, to } => {
                write!(f, "from is {from}, which is after to, {to}")
            }
        }
    }
}

impl std::error::Error for StateError {}

impl From<HistoryError> for StateError {
    fn from(why: HistoryError) -> Self {
        Self::History(why)
    }
}

impl From<PastError> for StateError {
    fn from(why: PastError) -> Self {
        Self::File(why)
    }
}

/// The error of a world in a data file whose writes cannot be repeated.
#[derive(Debug)]
pub struct Unreadable {
    /// The file.
    pub path: PathBuf,
    /// The name of the world.
    pub world: String,
    /// The reason.
    pub why: HistoryError,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, world) = (self.path.display(), &self.world);
        write!(
            f,
            "{path}: the world `{world}` cannot be read: {}",
            self.why
        )
    }
}

impl std::error::Error for Unreadable {}

/// The running service of one world.
#[derive(Debug)]
pub struct Service {
    seed: Seed,
    state: RwLock<State>,
    /// The name of the world's data and the number of its stocks, for readers that must not wait
    /// for a long write.
    world: Mutex<(String, usize)>,
    /// Waited for before any lock is taken.
    log: Option<Log>,
}

#[derive(Debug)]
struct State {
    engine: Engine,
    clock: ServiceClock,
    history: History,
    durable: Option<Durable>,
    /// The state before a reset or a change of readings, until the file has stored the new
    /// beginning.
    before: Option<Before>,
}

/// A state that comes back if its successor could not be stored.
#[derive(Debug)]
struct Before {
    state: Box<State>,
    pending: Pending,
}

/// The connection of a world to its data file.
#[derive(Debug)]
struct Durable {
    log: Log,
    track: Arc<Track>,
    /// Is true once the beginning was handed to the log. That happens with the first write: a world
    /// that nobody writes to takes no space in the file.
    is_begun: bool,
    /// The last event that was handed to the log.
    last: Option<Pending>,
    /// Writes since the last snapshot, and their bytes.
    since: (usize, usize),
    /// Clock settings that may not be stored yet, each with the number of the write before it and
    /// the clock that it replaced.
    clocks: Vec<(Pending, u64, ServiceClock)>,
    /// Is true once the file was told to drop the world. Later writes are not stored, and their
    /// outcome is that of the drop.
    is_dropped: bool,
}

/// A world to which nobody writes while this is held.
pub struct Held<'s> {
    seed: &'s Seed,
    state: RwLockReadGuard<'s, State>,
}

impl Held<'_> {
    /// Forks the world as [`Service::fork`] does; also returns what is pending until the fork is
    /// stored.
    ///
    /// A fork that could not be stored is mended at the next look at it, and shows no trace of the
    /// failure afterwards. That is why the pending part is returned here.
    pub fn fork(&self, name: &str) -> (Service, Option<Pending>) {
        let state = &self.state;
        let seq = state.history.last();
        let mut fork = State::begin(state.engine.clone(), state.clock, seq);
        if let Some(of) = &state.durable {
            let mut durable = Durable::new(of.log.clone(), of.log.track(name));
            durable.is_begun = true;
            // Taken under the lock of the source, so that it is copied exactly as it stands.
            durable.keep([Event::Begin {
                settings: Arc::clone(state.engine.settings()),
                clock: state.clock,
                seq,
                base: if of.is_begun && !of.is_dropped {
                    Base::CopyOf(Arc::clone(&of.track))
                } else {
                    Base::World(state.engine.store().clone())
                },
            }]);
            durable.since = of.since;
            fork.durable = Some(durable);
        }
        let pending = fork.unsettled();
        (Service::of(self.seed.clone(), fork), pending)
    }
}

/// The writes, and the bytes of them, after which a snapshot is due. A larger world waits longer:
/// loading its snapshot must not take longer than repeating the writes.
const SNAPSHOT_WRITES: usize = 10_000;
const SNAPSHOT_BYTES: usize = 16 << 20;

/// The weight of a stock against those limits: stocks for one write, and bytes for one stock.
const STOCKS_A_WRITE: usize = 2;
const STOCK_BYTES: usize = 128;

impl Durable {
    fn new(log: Log, track: Arc<Track>) -> Self {
        Self {
            log,
            track,
            is_begun: false,
            last: None,
            since: (0, 0),
            clocks: Vec::new(),
            is_dropped: false,
        }
    }

    fn keep(&mut self, events: impl IntoIterator<Item = Event>) -> Pending {
        if let (true, Some(last)) = (self.is_dropped, &self.last) {
            return last.clone();
        }
        let pending = self.log.keep(&self.track, events);
        self.last = Some(pending.clone());
        pending
    }

    fn snapshot_is_due(&self, stocks: usize) -> bool {
        let (writes, bytes) = self.since;
        writes >= SNAPSHOT_WRITES.max(stocks / STOCKS_A_WRITE)
            || bytes >= SNAPSHOT_BYTES.max(stocks.saturating_mul(STOCK_BYTES))
    }
}

impl State {
    fn begin(engine: Engine, clock: ServiceClock, seq: u64) -> Self {
        let history = History::begin(&engine, clock, seq);
        Self {
            engine,
            clock,
            history,
            durable: None,
            before: None,
        }
    }

    /// Returns the beginning of the world as an event, if the file does not have it yet.
    fn begin_in_file(&mut self) -> Option<Event> {
        let durable = self.durable.as_mut().filter(|durable| !durable.is_begun)?;
        durable.is_begun = true;
        let (engine, seq, clock) = self.history.beginning();
        Some(Event::Begin {
            settings: Arc::clone(engine.settings()),
            clock,
            seq,
            base: Base::World(engine.store().clone()),
        })
    }

    /// Numbers and stores a write.
    fn record(&mut self, write: Write) -> Discarded {
        let begin = self.begin_in_file();
        let Some(durable) = &mut self.durable else {
            let settled = write.seq;
            let after = (&self.engine, self.clock);
            return self.history.record(write, after, settled);
        };
        durable.since.0 += 1;
        durable.since.1 += write.bytes();
        let pending = durable.keep(begin.into_iter().chain([Event::Write(write.clone())]));
        let after = (&self.engine, self.clock);
        let settled = durable.track.committed();
        let let_go = self.history.record(write, after, settled);
        self.snapshot_if_due(pending);
        let_go
    }

    /// Begins a snapshot if enough was written since the last one. `pending` is the last event that
    /// was handed to the log.
    fn snapshot_if_due(&mut self, pending: Pending) {
        let store = self.engine.store();
        if let Some(durable) = &mut self.durable
            && durable.snapshot_is_due(store.len())
        {
            let state = (self.history.last(), self.clock, store.clone());
            if durable.log.snapshot(&durable.track, state, pending) {
                durable.since = (0, 0);
            }
        }
    }

    /// Sets the clock; returns what is pending until that is stored.
    fn set_clock(&mut self, clock: ServiceClock) -> Option<Pending> {
        let begin = self.begin_in_file();
        let last = self.history.last();
        let stood = self.clock;
        let pending = self.durable.as_mut().map(|durable| {
            let pending = durable.keep(begin.into_iter().chain([Event::Clock(clock, last)]));
            durable.clocks.retain(|(pending, ..)| !pending.is_kept());
            durable.clocks.push((pending.clone(), last, stood));
            pending
        });
        self.clock = clock;
        self.history.set_clock(clock);
        pending
    }

    fn has_failed(&self) -> bool {
        let durable = self.durable.as_ref();
        durable.is_some_and(|durable| durable.track.has_failed())
    }

    /// Returns to the state in the file, if something could not be stored.
    fn mend(&mut self) {
        if !self.has_failed() {
            return;
        }
        if let Some(Before { state, pending }) = self.before.take()
            && !pending.is_kept()
        {
            *self = *state;
            return self.mend();
        }
        let Some(durable) = &mut self.durable else {
            return;
        };
        let seq = if durable.track.is_begun() {
            durable.track.committed()
        } else {
            self.history.first()
        };
        // Writes that the file lacks are never discarded, so the way back is in memory. Were it
        // not, the world would go on refusing.
        let Ok(engine) = self.history.until(seq).and_then(Stretch::replay) else {
            return;
        };
        // Tokens and logins are not part of the history.
        let settings = Arc::clone(self.engine.settings());
        self.engine = engine.with_settings(settings);
        self.clock = self.history.rewind(seq);
        let mut lost = durable.clocks.drain(..).filter(|(it, ..)| !it.is_kept());
        if let Some((_, _, stood)) = lost.find(|(_, after, _)| *after == seq) {
            self.clock = stood;
            self.history.set_clock(stood);
        }
        drop(lost);
        durable.is_dropped = false;
        durable.is_begun = durable.track.is_begun();
        durable.last = None;
        durable.track.mend();
    }

    /// Returns the moment at which tokens are judged. The clock is read only if tokens expire.
    fn at(&self, system: &dyn Fn() -> Timestamp) -> Timestamp {
        match self.engine.settings().token_lifetime {
            Some(_) => self.clock.now(system()).at,
            None => Timestamp::EPOCH,
        }
    }

    /// Returns the event that must be stored before an answer from this state is sent.
    fn unsettled(&self) -> Option<Pending> {
        let last = self.durable.as_ref()?.last.as_ref()?;
        (!last.is_kept()).then(|| last.clone())
    }
}

impl Backend for Service {
    fn answer(&self, request: &Request<Bytes>, system: &dyn Fn() -> Timestamp) -> Reply {
        self.respond(request, system, &mut Engine::run, true)
    }

    /// The effects of `run` are stored with the write, since a replay cannot call it again.
    fn answer_by(
        &self,
        request: &Request<Bytes>,
        system: &dyn Fn() -> Timestamp,
        run: &mut Run<'_>,
    ) -> Reply {
        self.respond(request, system, run, false)
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

impl Service {
    /// Creates a service that starts with the seed.
    pub fn new(seed: Seed) -> Self {
        let engine = Engine::new(seed.settings.clone(), seed.store.clone());
        let state = State::begin(engine, ServiceClock::new(seed.clock), 0);
        Self::of(seed, state)
    }

    fn of(seed: Seed, state: State) -> Self {
        let store = state.engine.store();
        Self {
            world: Mutex::new((store.name().to_owned(), store.len())),
            log: state.durable.as_ref().map(|durable| durable.log.clone()),
            state: RwLock::new(state),
            seed,
        }
    }

    /// Does the same for a world of this name in a log. The file learns of it with its first write;
    /// until then the world equals the seed.
    pub fn durable(seed: Seed, log: &Log, name: &str) -> Self {
        let mut service = Self::new(seed);
        service.write().durable = Some(Durable::new(log.clone(), log.track(name)));
        service.log = Some(log.clone());
        service
    }

    /// Restores a service from a file. Readings, time zone, clock and state come from the file;
    /// tokens, logins and the target of a reset come from the seed.
    pub fn restored(mut seed: Seed, log: &Log, kept: KeptWorld) -> Result<Self, Unreadable> {
        seed.settings.local = kept.local;
        let settings = Settings {
            profile: kept.profile,
            ..seed.settings.clone()
        };
        let (mut clock, set_after) = kept.clock;
        let since = (
            kept.writes.len(),
            kept.writes.iter().map(Write::bytes).sum(),
        );
        let mut state = State::begin(Engine::new(settings, kept.store), clock, kept.seq);
        for write in kept.writes {
            let fail = |why| Unreadable {
                path: log.path().to_owned(),
                world: kept.name.clone(),
                why,
            };
            write.apply(&mut state.engine).map_err(fail)?;
            if write.seq > set_after {
                clock.was_read(write.now, write.reads);
            }
            let seq = write.seq;
            drop(state.history.record(write, (&state.engine, clock), seq));
        }
        state.clock = clock;
        state.history.set_clock(clock);
        state.durable = Some(Durable {
            is_begun: true,
            since,
            ..Durable::new(log.clone(), kept.track)
        });
        state.snapshot_if_due(Pending::settled(Ok(())));
        Ok(Self::of(seed, state))
    }

    /// Forks the service as it stands; the fork goes on with the numbers of writes. The two share
    /// memory until they differ. If this one is kept in a file, so is the fork, under this name:
    /// see [`Service::pending`].
    #[must_use]
    pub fn fork(&self, name: &str) -> Self {
        self.held().fork(name).0
    }

    /// Locks the world as it stands against writes, until this is dropped.
    pub fn held(&self) -> Held<'_> {
        Held {
            seed: &self.seed,
            state: self.read(),
        }
    }

    // The engine does not panic. If it did, the world would be as before or after a write.
    fn read(&self) -> RwLockReadGuard<'_, State> {
        let read = || self.state.read().unwrap_or_else(PoisonError::into_inner);
        let state = read();
        if !state.has_failed() {
            return state;
        }
        drop(state);
        // Taking the lock for writing mends the state.
        drop(self.write());
        read()
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if state.has_failed() {
            state.mend();
            let store = state.engine.store();
            *self.known_world() = (store.name().to_owned(), store.len());
        }
        state
    }

    fn respond(
        &self,
        request: &Request<Bytes>,
        system: &dyn Fn() -> Timestamp,
        run: &mut Run<'_>,
        is_engines_own: bool,
    ) -> Reply {
        loop {
            let (settings, at, mut writes) = {
                let shared = self.read();
                let writes = shared.history.last();
                if !shared.engine.writes(request) {
                    let reply = shared.engine.look(request, shared.at(system));
                    return Reply {
                        writes,
                        pending: shared.unsettled(),
                        ..reply
                    };
                }
                let settings = Arc::clone(shared.engine.settings());
                (settings, shared.at(system), writes)
            };
            if let Some(log) = &self.log {
                log.wait_for_room();
            }
            let mut was_reset = false;
            let mut wrote = None;
            let mut pending = None;
            let mut let_go = Discarded::default();
            let reply = engine::answer(&settings, (request, at), |handler, call| {
                let asked = Asked::of(request);
                let mut state = self.write();
                // The settings changed meanwhile, as a reset does: the request is judged again by
                // the new ones.
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
                pending = state.unsettled();
                // The log may have refused the write at once.
                state.mend();
                self.known_world().1 = state.engine.store().len();
                (outcome, reads)
            });
            // Discarded states are freed outside the lock.
            drop(let_go);
            if !was_reset {
                return Reply {
                    writes,
                    wrote,
                    pending,
                    ..reply
                };
            }
        }
    }

    /// Returns `true` if a request would have to wait until the log has room for its write.
    pub fn is_kept_waiting(&self, request: &Request<Bytes>) -> bool {
        let log = self.log.as_ref().filter(|_| !request.method().is_safe());
        log.is_some_and(|log| !log.has_room())
    }

    /// Returns the local time zone, which no reset changes.
    pub fn local(&self) -> UtcOffset {
        self.seed.settings.local
    }

    fn known_world(&self) -> MutexGuard<'_, (String, usize)> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the name of the world's data and the number of its stocks, without waiting for
    /// writes.
    pub fn world(&self) -> (String, usize) {
        self.known_world().clone()
    }

    /// Revokes every token that was issued or configured so far; a login issues a new one. A reset
    /// undoes the revocation.
    pub fn revoke_tokens(&self) {
        let mut state = self.write();
        let mut settings = Settings::clone(state.engine.settings());
        settings.revocations = settings.revocations.saturating_add(1);
        state.engine = state.engine.clone().with_settings(Arc::new(settings));
    }

    /// Returns the clock.
    pub fn clock(&self) -> ServiceClock {
        self.read().clock
    }

    /// Sets the clock.
    pub fn set_clock(&self, mode: ClockMode) -> Result<(), NotKept> {
        let pending = self.write().set_clock(ServiceClock::new(mode));
        self.settle(pending)
    }

    /// Moves the clock forward, by microseconds.
    pub fn advance_clock(&self, micros: i64) -> Result<(), NotKept> {
        let mut state = self.write();
        let mut clock = state.clock;
        clock.advance(micros);
        let pending = state.set_clock(clock);
        drop(state);
        self.settle(pending)
    }

    /// Waits, without a lock, until an event is stored. If it could not be, its effect is undone.
    fn settle(&self, pending: Option<Pending>) -> Result<(), NotKept> {
        let kept = pending.map_or(Ok(()), |pending| pending.wait());
        if kept.is_err() {
            drop(self.write());
        }
        kept
    }

    /// Returns what the file has not stored yet of a durable world. An answer about the world waits
    /// for it.
    pub fn pending(&self) -> Option<Pending> {
        self.read().unsettled()
    }

    /// Removes the world from the file. Later writes to it are not stored.
    pub fn forget(&self) -> Result<(), NotKept> {
        let dropped = {
            let mut state = self.write();
            let durable = state.durable.as_mut().filter(|durable| durable.is_begun);
            durable.map(|durable| {
                let dropped = durable.keep([Event::Drop]);
                durable.is_dropped = true;
                dropped
            })
        };
        self.settle(dropped)?;
        self.write().durable = None;
        Ok(())
    }

    /// Returns the numbers of the first and the last write whose states are still known; 0 stands
    /// for the beginning.
    pub fn kept(&self) -> (u64, u64) {
        let state = self.read();
        (state.history.first(), state.history.last())
    }

    /// Returns number, time, method and target of at most `limit` kept writes after `seq`, in
    /// order.
    pub fn writes_after(&self, seq: u64, limit: usize) -> Vec<(u64, Timestamp, Method, SmolStr)> {
        let state = self.read();
        let writes = state.history.after(seq).take(limit);
        writes
            .map(|write| {
                let Asked { method, target, .. } = &write.asked;
                (write.seq, write.now.at, method.clone(), target.clone())
            })
            .collect()
    }

    /// Returns the service as it stood after a write; 0 stands for the beginning.
    pub fn at(&self, seq: u64) -> Result<Engine, StateError> {
        let engine = self.way_to(seq)?.replay()?;
        Ok(engine.with_settings(self.settings()))
    }

    /// Returns a starting state and the writes from there to `seq`, from memory or else from the
    /// file.
    fn way_to(&self, seq: u64) -> Result<Stretch, StateError> {
        let (settings, log, track) = {
            let state = self.read();
            let durable = match (&state.durable, state.history.until(seq)) {
                (Some(durable), Err(_)) if seq < state.history.first() => durable,
                (_, way) => return Ok(way?),
            };
            (
                Arc::clone(state.engine.settings()),
                durable.log.clone(),
                Arc::clone(&durable.track),
            )
        };
        let (store, seq, writes) = log.past(&track, seq)?;
        Ok(Stretch {
            engine: Engine::new(Settings::clone(&settings), store),
            seq,
            writes,
        })
    }

    /// Answers a request that only reads from the state before the last `writes` writes, or from
    /// the oldest state that is kept.
    pub fn look_back(&self, request: &Request<Bytes>, writes: u32, system: Timestamp) -> Reply {
        let (first, last) = self.kept();
        let seq = last.saturating_sub(writes.into()).max(first);
        // The state may have been dropped since its number was read.
        let engine = self.at(seq);
        let engine = engine.unwrap_or_else(|_| self.read().engine.clone());
        let reply = engine.look(request, self.clock().now(system).at);
        Reply {
            writes: seq,
            ..reply
        }
    }

    /// Returns the differences between the states after two writes, as JSON.
    pub fn diff(&self, from: u64, to: u64) -> Result<Value, StateError> {
        if from > to {
            return Err(StateError::Reversed { from, to });
        }
        let (before, after) = (self.way_to(from)?, self.way_to(to)?);
        let before = before.replay()?;
        // Where possible both states lie on one way, so that they share their unchanged parts.
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

    /// Returns the world as JSON, which loads as an equal world.
    pub fn world_json(&self) -> Vec<u8> {
        self.store().dump().to_json()
    }

    /// Returns the oldest kept state and every write since.
    pub fn whole(&self) -> Stretch {
        self.read().history.whole()
    }

    /// Returns the world to the seed, except for the state that the reset sets. A new history
    /// begins, and the reset takes a number in it.
    pub fn reset(&self, reset: Reset) -> Result<(), NotKept> {
        let seed = self.seed.with(reset);
        let clock = ServiceClock::new(seed.clock);
        self.begin_anew(|_| (Engine::new(seed.settings, seed.store), clock))
    }

    /// Changes the readings; stocks and clock stay. A new history begins, since one history has one
    /// set of readings.
    pub fn set_profile(&self, profile: Profile) -> Result<(), NotKept> {
        self.begin_anew(|state| {
            let settings = Settings {
                profile,
                ..Settings::clone(state.engine.settings())
            };
            let store = state.engine.store().clone();
            (Engine::new(settings, store), state.clock)
        })
    }

    fn begin_anew(
        &self,
        make: impl FnOnce(&State) -> (Engine, ServiceClock),
    ) -> Result<(), NotKept> {
        let (pending, track) = {
            let mut state = self.write_unless_dropped();
            let (engine, clock) = make(&state);
            // The numbers go on, so that each stands for one state only.
            let seq = state.history.last() + 1;
            let mut next = State::begin(engine, clock, seq);
            let pending = state.durable.as_ref().map(|durable| {
                let track = durable.log.track(Arc::clone(durable.track.name()));
                let mut durable = Durable::new(durable.log.clone(), track);
                durable.is_begun = true;
                let pending = durable.keep([Event::Begin {
                    settings: Arc::clone(next.engine.settings()),
                    clock,
                    seq,
                    base: Base::World(next.engine.store().clone()),
                }]);
                let track = Arc::clone(&durable.track);
                next.durable = Some(durable);
                (pending, track)
            });
            let store = next.engine.store();
            *self.known_world() = (store.name().to_owned(), store.len());
            let before = std::mem::replace(&mut *state, next);
            let Some((pending, track)) = pending else {
                drop(state);
                // A large world is dropped outside the lock.
                drop(before);
                return Ok(());
            };
            state.before = Some(Before {
                state: Box::new(before),
                pending: pending.clone(),
            });
            (pending, track)
        };
        if let Err(why) = self.settle(Some(pending)) {
            self.take_back(&track);
            return Err(why);
        }
        let mut state = self.write();
        let is_kept = |before: &mut Before| before.pending.is_kept();
        let before = state.before.take_if(is_kept);
        drop(state);
        drop(before);
        Ok(())
    }

    /// Restores the state before a new beginning, unless that has happened already.
    fn take_back(&self, track: &Arc<Track>) {
        let mut state = self.write();
        let durable = state.durable.as_ref();
        if durable.is_some_and(|durable| Arc::ptr_eq(&durable.track, track))
            && let Some(before) = state.before.take()
        {
            *state = *before.state;
            let store = state.engine.store();
            *self.known_world() = (store.name().to_owned(), store.len());
        }
    }

    /// Locks the state for writing, after any pending drop of the world is decided.
    fn write_unless_dropped(&self) -> RwLockWriteGuard<'_, State> {
        loop {
            let state = self.write();
            let dropping = state.durable.as_ref().filter(|durable| durable.is_dropped);
            let Some(pending) = dropping.and_then(|durable| durable.last.clone()) else {
                return state;
            };
            drop(state);
            // The caller of the drop reports its failure.
            let _ = pending.wait();
        }
    }
}
