//! Isolated worlds in one process: each is forked from the seed when it is first asked for, and
//! nothing that happens in one is seen in another.
//!
//! A request names its world by the path (`/worlds/NAME/api/v1/…`) or, where the server is set so,
//! by its token. A request that names none is for the world [`DEFAULT`]. Nothing here knows sockets
//! or the system's time.

pub mod journal;
pub mod service;

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::uri::PathAndQuery;
use http::{Request, Uri};
use sha2::{Digest, Sha256};

use crate::faults::{Asked, Faults, Plan};
use crate::log::{KeptWorld, Log};
use crate::worlds::journal::{Journal, JournalShare};
use crate::worlds::service::{Service, Unreadable};
use whippy_engine::backend::{Reset, Seed};
use whippy_engine::defects::{self, Defects};
use whippy_engine::durability::{NotKept, Pending};
use whippy_engine::endpoints::call::Mount;
use whippy_engine::findings::{Judge, WorldVerdict};
use whippy_engine::model::time::Timestamp;
use whippy_engine::profile::Profile;
use whippy_engine::store::Store;

/// The world of requests that name none.
pub const DEFAULT: &str = "default";

/// The beginning of every path of a named world.
pub const PREFIX: &str = "/worlds/";

/// The longest name of a world, bytes.
pub const MAX_NAME: usize = 64;

/// The initial content of every world.
#[derive(Debug)]
pub struct Start {
    /// State, settings, clock.
    pub seed: Seed,
    /// The defects that the service has on purpose.
    pub defects: Defects,
    /// The faults between service and client.
    pub faults: Faults,
}

impl From<Seed> for Start {
    fn from(seed: Seed) -> Self {
        Self {
            seed,
            defects: Defects::none(),
            faults: Faults::default(),
        }
    }
}

/// The limits of a server's worlds.
#[derive(Debug, Clone, Copy)]
pub struct WorldLimits {
    /// The most named worlds at a time.
    pub worlds: usize,
    /// The time after which an unused named world is dropped, microseconds; `None`: never.
    pub idle: Option<i64>,
}

impl Default for WorldLimits {
    fn default() -> Self {
        Self {
            worlds: 10_000,
            idle: Some(3_600_000_000),
        }
    }
}

/// Reasons why a world cannot be found, made or dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorldError {
    /// The text is not a name of a world.
    BadName(String),
    /// There are already as many worlds as allowed.
    Full(usize),
    /// No world has this name.
    Unknown(String),
    /// A world of this name exists already.
    Exists(String),
    /// The default world cannot be dropped.
    Default,
    /// The data file could not store the change.
    NotKept(NotKept),
}

impl fmt::Display for WorldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadName(name) => write!(
                f,
                "a world cannot be called `{name}`: a name has 1 to {MAX_NAME} characters, \
                 letters, digits, `.`, `_`, `-` or `~`"
            ),
            Self::Full(most) => write!(
                f,
                "there are {most} worlds already, and no more are allowed; drop one with \
                 DELETE /__admin/worlds/NAME"
            ),
            Self::Unknown(name) => write!(
                f,
                "there is no world `{name}`; it comes to be with the first request to \
                 /worlds/{name}/api/v1/, or with PUT /__admin/worlds/{name}"
            ),
            Self::Exists(name) => write!(f, "there is a world `{name}` already"),
            Self::NotKept(why) => why.fmt(f),
            Self::Default => write!(
                f,
                "the world `{DEFAULT}` is always there; POST /__admin/reset brings its seed back"
            ),
        }
    }
}

impl std::error::Error for WorldError {}

/// A world in use.
#[derive(Debug)]
pub struct LiveWorld {
    name: Arc<str>,
    /// The engine with its clock and history.
    pub service: Service,
    /// The defects that the service has on purpose.
    pub defects: Defects,
    /// The last exchanges.
    pub journal: Journal,
    faults: RwLock<Arc<Faults>>,
    judge: Mutex<Judge>,
    /// The moment of the last request, microseconds since 1970; 0 before the first.
    used: AtomicI64,
}

impl LiveWorld {
    /// Returns the name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Returns the faults in force.
    pub fn faults(&self) -> Arc<Faults> {
        let faults = self.faults.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&faults)
    }

    /// Replaces the faults in force.
    pub fn set_faults(&self, faults: Faults) {
        let mut held = self.faults.write().unwrap_or_else(PoisonError::into_inner);
        *held = Arc::new(faults);
    }

    /// Decides which faults happen to a request.
    pub fn plan(&self, request: &Request<Bytes>, at: Timestamp) -> Plan {
        let faults = self.faults();
        if faults.is_empty() {
            return Plan::default();
        }
        faults.plan(&Asked {
            request,
            operation: defects::operation_of(&self.service, request),
            world: &self.name,
            at,
        })
    }

    /// Locks the judge of this world's clients. A panic under this lock leaves at worst one
    /// exchange half judged.
    pub fn judge(&self) -> MutexGuard<'_, Judge> {
        self.judge.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the verdict on the clients of this world.
    pub fn verdict(&self, now: Timestamp) -> WorldVerdict {
        self.judge().verdict(&*self.name, now)
    }

    fn touch(&self, now: Timestamp) {
        self.used.store(now.micros(), Ordering::Relaxed);
    }

    /// Returns the moment of the last request; `None` before the first.
    pub fn used(&self) -> Option<Timestamp> {
        let used = Timestamp::EPOCH.plus(self.used.load(Ordering::Relaxed));
        (used != Timestamp::EPOCH).then_some(used)
    }
}

/// A world's name and its judge.
type NamedJudge = (Arc<str>, Judge);

/// All worlds of a server.
#[derive(Debug)]
pub struct Worlds {
    start: RwLock<Start>,
    limits: WorldLimits,
    by_token: bool,
    share: Arc<JournalShare>,
    own: Arc<LiveWorld>,
    named: RwLock<HashMap<Arc<str>, Arc<LiveWorld>>>,
    /// The data file of all worlds; `None`: they are in memory alone.
    log: Option<Log>,
    /// Names and judges of dropped worlds; `None`: a judge is dropped with its world.
    judges: Option<Mutex<Vec<NamedJudge>>>,
}

impl Worlds {
    /// Creates the default world alone. With `by_token` a request that names no world is for the
    /// world of its token.
    pub fn new(start: Start, limits: WorldLimits, by_token: bool, share: JournalShare) -> Self {
        let share = Arc::new(share);
        let service = Service::new(start.seed.clone());
        let own = Arc::new(live(DEFAULT, service, &start, &share, Timestamp::EPOCH));
        Self {
            start: RwLock::new(start),
            limits,
            by_token,
            share,
            own,
            named: RwLock::default(),
            log: None,
            judges: None,
        }
    }

    /// Does the same with a data file. The worlds that the file has go on where it left them.
    pub fn durable(
        start: Start,
        limits: WorldLimits,
        by_token: bool,
        share: JournalShare,
        (log, found): (Log, Vec<KeptWorld>),
    ) -> Result<Self, Unreadable> {
        let share = Arc::new(share);
        let mut own = None;
        let mut named = HashMap::new();
        for kept in found {
            let name = kept.name.clone();
            let service = Service::restored(start.seed.clone(), &log, kept)?;
            let world = Arc::new(live(&name, service, &start, &share, Timestamp::EPOCH));
            if name == DEFAULT {
                own = Some(world);
            } else {
                named.insert(Arc::clone(&world.name), world);
            }
        }
        let own = own.unwrap_or_else(|| {
            let service = Service::durable(start.seed.clone(), &log, DEFAULT);
            Arc::new(live(DEFAULT, service, &start, &share, Timestamp::EPOCH))
        });
        Ok(Self {
            start: RwLock::new(start),
            limits,
            by_token,
            share,
            own,
            named: RwLock::new(named),
            log: Some(log),
            judges: None,
        })
    }

    // A panic under this lock leaves the map whole: each step is a single call on it.
    fn named(&self) -> RwLockReadGuard<'_, HashMap<Arc<str>, Arc<LiveWorld>>> {
        self.named.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn named_mut(&self) -> RwLockWriteGuard<'_, HashMap<Arc<str>, Arc<LiveWorld>>> {
        self.named.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self) -> RwLockReadGuard<'_, Start> {
        self.start.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the limits, and `true` if tokens name worlds.
    pub fn limits(&self) -> (WorldLimits, bool) {
        (self.limits, self.by_token)
    }

    /// Returns the state that all journals share.
    pub fn share(&self) -> &JournalShare {
        &self.share
    }

    /// Returns the default world.
    pub fn own(&self) -> &Arc<LiveWorld> {
        &self.own
    }

    /// Returns the world that a request of the API is for, forked from the seed where it does not
    /// exist yet. The prefix is taken off the request, and kept for the links in answers.
    pub fn enter(
        &self,
        request: &mut Request<Bytes>,
        now: Timestamp,
    ) -> Result<Arc<LiveWorld>, WorldError> {
        let world = match split(request.uri().path()) {
            Some((name, rest)) => {
                // A new world takes up a name only for paths that can be answered there.
                let name = valid(name)?.to_owned();
                let world = if rest.starts_with("/api/") {
                    self.get_or_fork(&name, now)?
                } else {
                    self.get(&name)?
                };
                strip(request, &name);
                world
            }
            None if self.by_token => match token_world(request) {
                Some(name) => self.get_or_fork(&name, now)?,
                None => Arc::clone(&self.own),
            },
            None => Arc::clone(&self.own),
        };
        world.touch(now);
        Ok(world)
    }

    /// Finds a world by name.
    pub fn get(&self, name: &str) -> Result<Arc<LiveWorld>, WorldError> {
        if name == DEFAULT {
            return Ok(Arc::clone(&self.own));
        }
        let found = self.named().get(valid(name)?).cloned();
        found.ok_or_else(|| WorldError::Unknown(name.to_owned()))
    }

    /// Finds a world by name, or forks it from the seed.
    pub fn get_or_fork(&self, name: &str, now: Timestamp) -> Result<Arc<LiveWorld>, WorldError> {
        match self.get(name) {
            Err(WorldError::Unknown(_)) => {}
            found => return found,
        }
        let world = {
            let start = self.start();
            let seed = start.seed.clone();
            let service = match &self.log {
                Some(log) => Service::durable(seed, log, name),
                None => Service::new(seed),
            };
            live(name, service, &start, &self.share, now)
        };
        match self.add(name, now, || world) {
            // Another request made it meanwhile.
            Err(WorldError::Exists(name)) => self.get(&name),
            added => added,
        }
    }

    /// Copies the present state of a world into a new one with an empty journal.
    pub fn fork(
        &self,
        from: &LiveWorld,
        name: &str,
        now: Timestamp,
    ) -> Result<Arc<LiveWorld>, WorldError> {
        if name == DEFAULT {
            return Err(WorldError::Exists(name.to_owned()));
        }
        let name: Arc<str> = valid(name)?.into();
        if let Some(log) = &self.log {
            log.wait_for_room();
        }
        // A long write to the source is waited for before the list of worlds is locked.
        let held = from.service.held();
        let mut kept = None;
        let world = self.add(&name, now, || {
            let (service, pending) = held.fork(&name);
            kept = pending;
            LiveWorld {
                name: Arc::clone(&name),
                service,
                defects: from.defects.fresh(),
                journal: Journal::new(Arc::clone(&self.share)),
                faults: RwLock::new(Arc::new(from.faults().fresh(now))),
                judge: Mutex::default(),
                used: AtomicI64::new(now.micros()),
            }
        });
        drop(held);
        let world = world?;
        if let Some(Err(why)) = kept.as_ref().map(Pending::wait) {
            drop(self.remove(&world));
            return Err(WorldError::NotKept(why));
        }
        Ok(world)
    }

    /// Adds a world if its name is free and there is room. It is made only then, since making a
    /// fork already writes to the data file.
    fn add(
        &self,
        name: &str,
        now: Timestamp,
        make: impl FnOnce() -> LiveWorld,
    ) -> Result<Arc<LiveWorld>, WorldError> {
        let mut dropped = Vec::new();
        let mut named = self.named_mut();
        if named.contains_key(name) {
            return Err(WorldError::Exists(name.to_owned()));
        }
        if named.len() >= self.limits.worlds {
            dropped = self.take_idle(&mut named, now);
        }
        if named.len() >= self.limits.worlds {
            return Err(WorldError::Full(self.limits.worlds));
        }
        let world = Arc::new(make());
        named.insert(Arc::clone(&world.name), Arc::clone(&world));
        drop(named);
        // Dropped worlds are freed outside the lock.
        self.keep_judges_of(dropped);
        Ok(world)
    }

    /// Takes out the worlds that have been idle for longer than allowed.
    fn take_idle(
        &self,
        named: &mut HashMap<Arc<str>, Arc<LiveWorld>>,
        now: Timestamp,
    ) -> Vec<Arc<LiveWorld>> {
        let Some(idle) = self.limits.idle else {
            return Vec::new();
        };
        let oldest = now.micros().saturating_sub(idle);
        let is_idle = |world: &LiveWorld| world.used.load(Ordering::Relaxed) < oldest;
        let (fallen, kept) = named.drain().partition(|(_, world)| is_idle(world));
        let fallen: HashMap<_, _> = fallen;
        *named = kept;
        fallen.into_values().collect()
    }

    /// Drops the worlds that have been idle for longer than allowed; returns their number.
    pub fn expire(&self, now: Timestamp) -> usize {
        let fallen = self.take_idle(&mut self.named_mut(), now);
        let count = fallen.len();
        self.keep_judges_of(fallen);
        count
    }

    /// Takes out exactly this world, never a later one of the same name.
    fn remove(&self, world: &Arc<LiveWorld>) -> Option<Arc<LiveWorld>> {
        let mut named = self.named_mut();
        let is_it = named
            .get(&world.name)
            .is_some_and(|it| Arc::ptr_eq(it, world));
        is_it.then(|| named.remove(&world.name)).flatten()
    }

    /// Drops a world.
    pub fn drop_world(&self, name: &str) -> Result<(), WorldError> {
        if name == DEFAULT {
            return Err(WorldError::Default);
        }
        let world = self.get(name)?;
        // The file comes first: a world that cannot be removed from it stays.
        world.service.forget().map_err(WorldError::NotKept)?;
        let dropped = self.remove(&world);
        self.keep_judges_of(dropped);
        Ok(())
    }

    /// Keeps the judges of worlds that are dropped from now on, for [`Self::verdicts`].
    pub fn keep_judges(&mut self) {
        self.judges = Some(Mutex::default());
    }

    fn keep_judges_of(&self, dropped: impl IntoIterator<Item = Arc<LiveWorld>>) {
        let Some(kept) = &self.judges else { return };
        let take = |world: Arc<LiveWorld>| {
            let judge = std::mem::take(&mut *world.judge());
            (Arc::clone(&world.name), judge)
        };
        let taken: Vec<_> = dropped.into_iter().map(take).collect();
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(taken);
    }

    /// Returns verdicts on the clients of every world: the default world first, the others by name.
    /// Dropped worlds are included if [`Self::keep_judges`] was called before.
    pub fn verdicts(&self, now: Timestamp) -> Vec<WorldVerdict> {
        let all = self.all();
        let mut verdicts: Vec<_> = all.iter().map(|world| world.verdict(now)).collect();
        if let Some(judges) = &self.judges {
            let judges = judges.lock().unwrap_or_else(PoisonError::into_inner);
            let dropped = judges
                .iter()
                .map(|(name, judge)| judge.verdict(&**name, now));
            verdicts.extend(dropped);
            verdicts[1..].sort_by(|one, other| one.world.cmp(&other.world));
        }
        verdicts
    }

    /// Returns every world, the default one first, the others by name.
    pub fn all(&self) -> Vec<Arc<LiveWorld>> {
        let mut all: Vec<_> = self.named().values().cloned().collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all.insert(0, Arc::clone(&self.own));
        all
    }

    /// Returns the number of worlds, the default one included.
    pub fn count(&self) -> usize {
        self.named().len() + 1
    }

    /// Returns a world to the seed, except for the state that the reset sets. Journal and judge
    /// stay, so that a reset between tests hides nothing.
    pub fn reset(&self, world: &LiveWorld, reset: Reset, now: Timestamp) -> Result<(), NotKept> {
        let reset = {
            let start = self.start();
            world.set_faults(start.faults.fresh(now));
            let seed = &start.seed;
            let profile = reset.profile;
            Reset {
                store: Some(reset.store.unwrap_or_else(|| seed.store.clone())),
                clock: Some(reset.clock.unwrap_or(seed.clock)),
                profile: Some(profile.unwrap_or_else(|| seed.settings.profile.clone())),
            }
        };
        // The reset may wait for a long write, and nobody else must wait for it.
        world.service.reset(reset)
    }

    /// Replaces the faults of every world, those to come included.
    pub fn set_faults(&self, faults: &Faults, now: Timestamp) {
        let mut start = self.start.write().unwrap_or_else(PoisonError::into_inner);
        start.faults = faults.fresh(now);
        drop(start);
        for world in self.all() {
            world.set_faults(faults.fresh(now));
        }
    }

    /// Changes the readings of every world, those to come included. Their stocks stay as they are.
    pub fn set_profile(&self, profile: &Profile) -> Result<(), NotKept> {
        let mut start = self.start.write().unwrap_or_else(PoisonError::into_inner);
        start.seed.settings.profile = profile.clone();
        drop(start);
        let mut worlds = self.all().into_iter();
        worlds.try_for_each(|world| world.service.set_profile(profile.clone()))
    }

    /// Replaces the initial state of every world, and resets all of them to it.
    pub fn reseed_all(&self, store: Store, now: Timestamp) -> Result<(), NotKept> {
        let reset = Reset {
            store: Some(store),
            ..Reset::default()
        };
        self.reseed(reset, now)?;
        let mut named = self.all().into_iter().skip(1);
        named.try_for_each(|world| self.reset(&world, Reset::default(), now))
    }

    /// Replaces the seed of the worlds to come, and resets the default world to it.
    pub fn reseed(&self, reset: Reset, now: Timestamp) -> Result<(), NotKept> {
        {
            let mut start = self.start.write().unwrap_or_else(PoisonError::into_inner);
            let seed = &mut start.seed;
            if let Some(store) = reset.store {
                seed.store = store;
            }
            if let Some(clock) = reset.clock {
                seed.clock = clock;
            }
            if let Some(profile) = reset.profile {
                seed.settings.profile = profile;
            }
        }
        self.reset(&self.own, Reset::default(), now)
    }
}

fn live(
    name: &str,
    service: Service,
    start: &Start,
    share: &Arc<JournalShare>,
    now: Timestamp,
) -> LiveWorld {
    LiveWorld {
        name: name.into(),
        service,
        defects: start.defects.fresh(),
        journal: Journal::new(Arc::clone(share)),
        faults: RwLock::new(Arc::new(start.faults.fresh(now))),
        judge: Mutex::default(),
        used: AtomicI64::new(now.micros()),
    }
}

/// Splits a path into the name of a world and the path within it, which begins with a slash.
pub fn split(path: &str) -> Option<(&str, &str)> {
    let named = path.strip_prefix(PREFIX)?;
    let end = named.find('/')?;
    Some(named.split_at(end))
}

/// Returns the beginning of every path in a world, without a slash at its end.
pub fn prefix(name: &str) -> Result<String, WorldError> {
    Ok(format!("{PREFIX}{}", valid(name)?))
}

/// Takes the prefix of a world off a request's path, and notes it for the links in answers.
pub fn strip(request: &mut Request<Bytes>, name: &str) {
    let mount = [PREFIX.trim_end_matches('/'), "/", name].concat();
    let whole = request
        .uri()
        .path_and_query()
        .map_or("/", PathAndQuery::as_str);
    let rest = whole.get(mount.len()..).unwrap_or("/");
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = PathAndQuery::try_from(rest).ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
        request.extensions_mut().insert(Mount(mount));
    }
}

fn valid(name: &str) -> Result<&str, WorldError> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"._-~".contains(&b);
    // Clients resolve `.` and `..` as steps in the path, and never send them.
    if !matches!(name, "." | "..") && (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(fits)
    {
        Ok(name)
    } else {
        Err(WorldError::BadName(name.to_owned()))
    }
}

/// Returns the world of a request's token: `token-` and the first 16 digits of its SHA-256, so that
/// the list of worlds does not reveal the token.
fn token_world(request: &Request<Bytes>) -> Option<String> {
    let header = request.headers().get(AUTHORIZATION)?.as_bytes();
    let mut words = header
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    let is_token = words.next()?.eq_ignore_ascii_case(b"token");
    let token = words.next().filter(|_| is_token)?;
    let digest = Sha256::digest(token);
    let mut name = "token-".to_owned();
    for byte in &digest[..8] {
        let _ = write!(name, "{byte:02x}");
    }
    Some(name)
}
