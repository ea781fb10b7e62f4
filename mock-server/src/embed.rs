//! The mock inside a test: a server on a free port, and what it has seen.
//!
//! The server has threads of its own, so a plain `#[tokio::test]` with one thread is enough.
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

/// The settings of a mock in a test.
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

/// The reason why a mock cannot start, as a sentence.
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
    /// Starts with a built-in world instead of `documented`.
    #[must_use]
    pub fn world(mut self, name: impl Into<String>) -> Self {
        self.world = Some(name.into());
        self
    }

    /// Starts with the world in a document, as in `schemas/world.schema.json`.
    #[must_use]
    pub fn world_json(mut self, json: impl Into<Vec<u8>>) -> Self {
        self.world_json = Some(json.into());
        self
    }

    /// Chooses one reading.
    #[must_use]
    pub fn reading(mut self, id: impl Into<String>, choice: &impl ToString) -> Self {
        self.readings.push((id.into(), choice.to_string()));
        self
    }

    /// Sets the clock: `real`, or `TIMESTAMP[,tick=MICROSECONDS]`.
    #[must_use]
    pub fn clock(mut self, clock: impl Into<String>) -> Self {
        self.clock = Some(clock.into());
        self
    }

    /// Adds a defect, which breaks the contract on purpose.
    #[must_use]
    pub fn defect(mut self, name: impl Into<String>) -> Self {
        self.defects.push(name.into());
        self
    }

    /// Adds an accepted token. Without any, every token is accepted.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.tokens.push(token.into());
        self
    }

    /// Limits the lifetime of a login's token, by the clock of its world. Without it such a token
    /// never expires.
    #[must_use]
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.token_lifetime = Some(lifetime);
        self
    }

    /// Installs faults between the worlds and their clients, as in `schemas/faults.schema.json`.
    #[must_use]
    pub fn faults(mut self, json: impl Into<Vec<u8>>) -> Self {
        self.faults = Some(json.into());
        self
    }

    /// Installs the faults of a preset.
    #[must_use]
    pub fn faults_preset(mut self, name: impl Into<String>) -> Self {
        self.preset = Some(name.into());
        self
    }

    /// Limits the journals.
    #[must_use]
    pub fn journal(mut self, limits: JournalLimits) -> Self {
        self.journal = limits;
        self
    }

    /// Speaks TLS, with a certificate signed by a CA made for this mock ([`MockServer::ca`]).
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
        let store = Store::from_json(json).map_err(|error| wrong("world", error))?;
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

/// Creates the threads of a server. They are not those of the test: a large body or a held request
/// would block a test with a single thread.
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

/// A running mock, which stops when it is dropped.
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
        // Waiting for the threads here would block those of the test.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl MockServer {
    /// Returns the default settings: the documented world, any token, the system's time.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Returns the address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the base URL of the default world.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Returns the CA that signed the certificate, as PEM; `None` without TLS.
    pub fn ca(&self) -> Option<&str> {
        self.tls.as_ref().and_then(Tls::ca)
    }

    /// Returns the default world.
    pub fn default_world(&self) -> MockWorld<'_> {
        MockWorld {
            mock: self,
            world: Arc::clone(self.server.worlds.own()),
        }
    }

    /// Returns a named world, forked from the seed where it does not exist yet.
    pub fn world(&self, name: &str) -> Result<MockWorld<'_>, WorldError> {
        let world = self.server.worlds.get_or_fork(name, system_time())?;
        Ok(MockWorld { mock: self, world })
    }

    /// Lets requests in flight finish, and stops.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        if let Some(running) = self.running.take() {
            let _ = running.await;
        }
    }
}

/// A world of a mock in a test.
#[derive(Debug)]
pub struct MockWorld<'a> {
    mock: &'a MockServer,
    world: Arc<LiveWorld>,
}

impl MockWorld<'_> {
    /// Returns the base URL, to which `/api/v1/…` is added.
    pub fn url(&self) -> String {
        format!("{}/worlds/{}", self.mock.url(), self.world.name())
    }

    /// Returns the exchanges that meet the conditions, the oldest first.
    pub fn journal(&self, wanted: &Wanted) -> Vec<Arc<Exchange>> {
        self.world.journal.find(wanted)
    }

    /// Returns the mistakes of clients found so far.
    pub fn findings(&self) -> Vec<Finding> {
        self.world.judge().findings(system_time())
    }

    /// Fails the test if clients made a mistake of this level or a higher one. The report names
    /// each mistake, the probable intention, and the source of the rule.
    ///
    /// # Panics
    ///
    /// Panics if there is such a finding.
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

    /// Returns the parts of the contract that clients have met so far.
    pub fn coverage(&self) -> Coverage {
        self.world.judge().coverage()
    }

    /// Replaces the faults, as in `schemas/faults.schema.json`.
    pub fn set_faults(&self, json: &[u8]) -> Result<(), FaultError> {
        let rules = Faults::parse(json)?;
        self.world.set_faults(Faults::new(rules, system_time()));
        Ok(())
    }

    /// Replaces the faults with those of a preset.
    pub fn set_faults_preset(&self, name: &str) -> Result<(), FaultError> {
        let rules = faults::preset(name)?;
        self.world.set_faults(Faults::new(rules, system_time()));
        Ok(())
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.world.set_faults(Faults::default());
    }

    /// Stops the clock at a moment.
    pub fn freeze_clock(&self, at: Timestamp) {
        let mode = ClockMode::Fixed { now: at, tick: 0 };
        // There is no data file, so nothing can fail to be stored.
        let _ = self.world.service.set_clock(mode);
    }

    /// Revokes every accepted token, so that a client must log in again.
    pub fn revoke_tokens(&self) {
        self.world.service.revoke_tokens();
    }

    /// Moves the clock forward, by at most ten years.
    pub fn advance_clock(&self, by: Duration) {
        let most = Duration::from_secs(315_360_000);
        let micros = i64::try_from(by.min(most).as_micros()).unwrap_or(i64::MAX);
        let _ = self.world.service.advance_clock(micros);
    }

    /// Returns the world to the seed.
    pub fn reset(&self) {
        let worlds = &self.mock.server.worlds;
        let _ = worlds.reset(&self.world, Reset::default(), system_time());
    }

    /// Returns the local time zone.
    pub fn local(&self) -> UtcOffset {
        self.world.service.local()
    }
}
