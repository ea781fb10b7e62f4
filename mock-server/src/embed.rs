//! The mock inside a test: a server on a free port, and what it has seen.
//!
//! The server has threads of its own, so that a plain `#[tokio::test]` with its one thread
//! will do.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! use whippy_mock::embed::MockServer;
//! use whippy_mock::engine::findings::FindingLevel;
//!
//! let mock = MockServer::builder().world("demo").start().await.unwrap();
//! let world = mock.world("a-test-of-its-own").unwrap();
//! // … the client under test talks to `world.url()` …
//! world.assert_no_findings(FindingLevel::Warning);
//! # });
//! ```
//!
//! A whole client with its tests, first wrong, then right, is `examples/stock_sync`.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::faults::{self, FaultError, Faults};
use crate::http::{Listener, Server, Tls, TlsError, system_time};
use crate::worlds::journal::{JournalLimits, JournalShare, Wanted};
use crate::worlds::{LiveWorld, Start, WorldError, WorldLimits, Worlds};
use whippy_engine::assets;
use whippy_engine::backend::{Reset, Seed};
use whippy_engine::clock::ClockMode;
use whippy_engine::defects::{self, Defects};
use whippy_engine::endpoints::call::Settings;
use whippy_engine::exchange::Exchange;
use whippy_engine::findings::{self, Coverage, Finding, FindingLevel, Format};
use whippy_engine::model::time::{Timestamp, UtcOffset};
use whippy_engine::store::Store;
use whippy_engine::store::world::World;

/// What a server of a test starts with.
#[derive(Debug, Clone, Default)]
pub struct Builder {
    world: Option<String>,
    world_json: Option<Vec<u8>>,
    readings: Vec<(String, String)>,
    clock: Option<String>,
    defects: Vec<String>,
    tokens: Vec<String>,
    token_lifetime: Option<Duration>,
    faults: Option<Vec<u8>>,
    preset: Option<String>,
    journal: JournalLimits,
    is_over_tls: bool,
}

/// Why a server does not start, as a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartError(String);

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StartError {}

fn wrong(what: &str, why: impl std::fmt::Display) -> StartError {
    StartError(format!("{what}: {why}"))
}

impl Builder {
    /// A built-in world; without one it is `documented`.
    #[must_use]
    pub fn world(mut self, name: impl Into<String>) -> Self {
        self.world = Some(name.into());
        self
    }

    /// A world of your own, as `schemas/world.schema.json` has it.
    #[must_use]
    pub fn world_json(mut self, json: impl Into<Vec<u8>>) -> Self {
        self.world_json = Some(json.into());
        self
    }

    /// One reading.
    #[must_use]
    pub fn reading(mut self, id: impl Into<String>, choice: &impl ToString) -> Self {
        self.readings.push((id.into(), choice.to_string()));
        self
    }

    /// `real`, or `TIMESTAMP[,tick=MICROSECONDS]`.
    #[must_use]
    pub fn clock(mut self, clock: impl Into<String>) -> Self {
        self.clock = Some(clock.into());
        self
    }

    /// A way to break the contract on purpose.
    #[must_use]
    pub fn defect(mut self, name: impl Into<String>) -> Self {
        self.defects.push(name.into());
        self
    }

    /// A token that is let in; without one any is.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.tokens.push(token.into());
        self
    }

    /// How long the token of a login is good for, by the clock of its world; without it for
    /// good.
    #[must_use]
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.token_lifetime = Some(lifetime);
        self
    }

    /// What goes wrong between the worlds and their clients, as
    /// `schemas/faults.schema.json` has it.
    #[must_use]
    pub fn faults(mut self, json: impl Into<Vec<u8>>) -> Self {
        self.faults = Some(json.into());
        self
    }

    /// The same, by the name of a preset.
    #[must_use]
    pub fn faults_preset(mut self, name: impl Into<String>) -> Self {
        self.preset = Some(name.into());
        self
    }

    /// What the journals may hold.
    #[must_use]
    pub fn journal(mut self, limits: JournalLimits) -> Self {
        self.journal = limits;
        self
    }

    /// Speaks TLS, by a certificate that a CA of its own signs ([`MockServer::ca`]).
    #[must_use]
    pub fn tls_self_signed(mut self) -> Self {
        self.is_over_tls = true;
        self
    }

    /// Starts the server on a free port of this machine.
    #[allow(clippy::unused_async)] // Callers await it, as they would a start that waits.
    pub async fn start(self) -> Result<MockServer, StartError> {
        let tls = self
            .is_over_tls
            .then(|| Tls::self_signed(&[], system_time()));
        let tls = tls.transpose().map_err(|error| match error {
            TlsError::Certificate(why) | TlsError::Key(why) => wrong("TLS", why),
        })?;
        let server = Arc::new(self.server()?);
        let runtime = runtime().map_err(|error| wrong("threads", error))?;
        let (address, listener) = listen(&runtime).map_err(|error| wrong("listen", error))?;
        let listener = match &tls {
            Some(tls) => listener.with_tls(tls),
            None => listener,
        };
        let (stop, stopped) = watch::channel(false);
        let running = runtime.spawn(Arc::clone(&server).run(listener, stopped));
        Ok(MockServer {
            address,
            tls,
            server,
            stop,
            running: Some(running),
            runtime: Some(runtime),
        })
    }

    fn server(self) -> Result<Server, StartError> {
        let name = self.world.as_deref().unwrap_or("documented");
        let json = match &self.world_json {
            Some(json) => json.as_slice(),
            None => assets::world(name)
                .ok_or_else(|| {
                    let known: Vec<_> = assets::world_names().collect();
                    let known = known.join(", ");
                    wrong("world", format!("there is no `{name}`; there are {known}"))
                })?
                .as_bytes(),
        };
        let store = World::from_json(json)
            .and_then(|world| Store::load(&world))
            .map_err(|error| wrong("world", error))?;
        let mut settings = Settings {
            tokens: self.tokens,
            token_lifetime: self
                .token_lifetime
                .map(|lifetime| i64::try_from(lifetime.as_micros()).unwrap_or(i64::MAX)),
            ..Settings::default()
        };
        for (id, choice) in &self.readings {
            settings
                .profile
                .set(id, choice)
                .map_err(|error| wrong("reading", error))?;
        }
        let clock = self.clock.as_deref().unwrap_or("real");
        let clock =
            ClockMode::parse(clock, settings.local).map_err(|error| wrong("clock", error))?;
        let broken = self.defects.iter().map(|name| defects::named(name));
        let broken: Result<Vec<_>, _> = broken.collect();
        let rules = match (&self.faults, &self.preset) {
            (Some(json), _) => Some(Faults::parse(json)),
            (None, Some(name)) => Some(faults::preset(name)),
            (None, None) => None,
        };
        let rules = rules.transpose().map_err(|error| wrong("faults", error))?;
        let start = Start {
            seed: Seed {
                settings,
                store,
                clock,
            },
            defects: Defects::new(broken.map_err(|error| wrong("defect", error))?),
            faults: rules.map_or_else(Faults::default, |rules| Faults::new(rules, system_time())),
        };
        let share = JournalShare::new(self.journal);
        let worlds = Worlds::new(start, WorldLimits::default(), false, share);
        Ok(Server::of_worlds(worlds))
    }
}

/// The threads of a server. They are not the test's, for a large body or an overlap that is
/// waited for would hold up a test that has one thread alone.
fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("whippy-mock")
        .enable_all()
        .build()
}

/// Listens on a free port of this machine.
fn listen(runtime: &Runtime) -> io::Result<(SocketAddr, Listener)> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let _inside = runtime.enter();
    Ok((address, TcpListener::from_std(listener)?.into()))
}

/// A server that stops when this is dropped.
#[derive(Debug)]
pub struct MockServer {
    address: SocketAddr,
    tls: Option<Tls>,
    server: Arc<Server>,
    stop: watch::Sender<bool>,
    running: Option<JoinHandle<()>>,
    runtime: Option<Runtime>,
}

impl Drop for MockServer {
    fn drop(&mut self) {
        // To wait for the threads here would hold up the test's.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl MockServer {
    /// What it starts with: the documented world, any token, the system's time.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL of the default world.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// The CA that signed its certificate, as PEM; `None` without TLS.
    pub fn ca(&self) -> Option<&str> {
        self.tls.as_ref().and_then(Tls::ca)
    }

    /// The default world.
    pub fn default_world(&self) -> MockWorld<'_> {
        MockWorld {
            mock: self,
            world: Arc::clone(self.server.worlds.own()),
        }
    }

    /// A world of its own, forked from the seed if it is not there.
    pub fn world(&self, name: &str) -> Result<MockWorld<'_>, WorldError> {
        let world = self.server.worlds.get_or_fork(name, system_time())?;
        Ok(MockWorld { mock: self, world })
    }

    /// Lets what is in flight finish, and stops.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        if let Some(running) = self.running.take() {
            let _ = running.await;
        }
    }
}

/// A world of a server in a test.
#[derive(Debug)]
pub struct MockWorld<'a> {
    mock: &'a MockServer,
    world: Arc<LiveWorld>,
}

impl MockWorld<'_> {
    /// Its base URL: what stands before `/api/v1/`.
    pub fn url(&self) -> String {
        format!("{}/worlds/{}", self.mock.url(), self.world.name())
    }

    /// What was asked of it, the oldest first.
    pub fn journal(&self, wanted: &Wanted) -> Vec<Arc<Exchange>> {
        self.world.journal.find(wanted)
    }

    /// What its clients got wrong so far.
    pub fn findings(&self) -> Vec<Finding> {
        self.world.judge().findings(system_time())
    }

    /// Fails the test where its clients got something wrong that is as grave as this, or
    /// graver; the report says what, what was probably meant, and who says so.
    ///
    /// # Panics
    ///
    /// That is how.
    #[track_caller]
    pub fn assert_no_findings(&self, least: FindingLevel) {
        let verdict = self
            .world
            .judge()
            .verdict(&**self.world.name(), system_time());
        let grave = verdict.findings.iter().any(|found| found.level >= least);
        assert!(
            !grave,
            "the client is wrong (from {} up):\n{}",
            least.text(),
            findings::report(&[verdict], Format::Text)
        );
    }

    /// How much of the contract its clients have met.
    pub fn coverage(&self) -> Coverage {
        self.world.judge().coverage()
    }

    /// Lets things go wrong, as `schemas/faults.schema.json` has them.
    pub fn set_faults(&self, json: &[u8]) -> Result<(), FaultError> {
        let rules = Faults::parse(json)?;
        self.world.set_faults(Faults::new(rules, system_time()));
        Ok(())
    }

    /// The same, by the name of a preset.
    pub fn set_faults_preset(&self, name: &str) -> Result<(), FaultError> {
        let rules = faults::preset(name)?;
        self.world.set_faults(Faults::new(rules, system_time()));
        Ok(())
    }

    /// Lets nothing go wrong any more.
    pub fn clear_faults(&self) {
        self.world.set_faults(Faults::default());
    }

    /// Stops its clock at a moment.
    pub fn freeze_clock(&self, at: Timestamp) {
        let mode = ClockMode::Fixed { now: at, tick: 0 };
        // Nothing is kept in a file here, so nothing can fail to be.
        let _ = self.world.service.set_clock(mode);
    }

    /// Revokes every token that is let in: a client must log in again.
    pub fn revoke_tokens(&self) {
        self.world.service.revoke_tokens();
    }

    /// Moves its clock forward, ten years at most.
    pub fn advance_clock(&self, by: Duration) {
        let most = Duration::from_secs(315_360_000);
        let micros = i64::try_from(by.min(most).as_micros()).unwrap_or(i64::MAX);
        let _ = self.world.service.advance_clock(micros);
    }

    /// Brings the seed back.
    pub fn reset(&self) {
        let worlds = &self.mock.server.worlds;
        let _ = worlds.reset(&self.world, Reset::default(), system_time());
    }

    /// Its time zone.
    pub fn local(&self) -> UtcOffset {
        self.world.service.local()
    }
}
