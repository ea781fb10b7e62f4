//! The target of a check: the mock's service in this process, or a server anywhere.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::workers::system_time;
use bytes::Bytes;
use http::header::{HOST, HeaderValue};
use http::uri::PathAndQuery;
use http::{Request, Response, Uri};
use serde_json::Value;
use whippy_engine::assets;
use whippy_engine::backend::{InMemory, Reset, Seed};
use whippy_engine::clock::ClockMode;
use whippy_engine::defects::{Defects, Delivery};
use whippy_engine::endpoints::call::Settings;
use whippy_engine::model::time::UtcOffset;
use whippy_engine::profile::Profile;

use whippy_engine::store::Store;

/// An implementation of the API that answers requests. Checks of races use it from several threads.
pub trait Target: Send + Sync {
    /// Returns scheme, authority and the path before `/api/`, without a slash at the end.
    fn base(&self) -> &str;

    /// Sends a request, whose URI is absolute and begins with [`Target::base`].
    fn send(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, TargetError>;

    /// Lets time pass. In process only the service's clock moves, without waiting.
    fn pause(&self, time: Duration) {
        std::thread::sleep(time);
    }

    /// Puts the target into a state. Only a whippy-mock can do that.
    fn seed(&self, _state: &SeedState) -> Result<(), TargetError> {
        Err(not_seedable("it is no whippy-mock"))
    }
}

/// Reasons why there is no answer. Texts are sentences without a full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetError {
    /// There is no such name, no connection or no TLS.
    Unreachable(String),
    /// The complete answer did not arrive in this time.
    TimedOut(Duration),
    /// The connection broke, or the data received is not HTTP.
    Broken(String),
    /// A gateway answered with this status. It is unknown if the request was carried out.
    Away(u16),
    /// Something else answers in place of the service, to every request.
    NotTheService(String),
    /// The target cannot be put into the state that a check needs.
    NotSeedable(String),
    /// The guard forbids the request, which was not sent.
    Forbidden(String),
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) => write!(f, "the target cannot be reached: {why}"),
            Self::TimedOut(limit) => write!(f, "no answer within {} s", limit.as_secs_f64()),
            Self::Broken(why) => write!(f, "the answer is broken: {why}"),
            Self::Away(status) => {
                write!(f, "a gateway answered {status}, and nobody behind it")
            }
            Self::NotTheService(why) => f.write_str(why),
            Self::NotSeedable(why) => write!(f, "the target cannot be seeded: {why}"),
            Self::Forbidden(why) => write!(f, "not sent: {why}"),
        }
    }
}

impl TargetError {
    /// Returns the sentence without its introduction.
    pub fn cause(&self) -> String {
        match self {
            Self::Unreachable(why) | Self::Broken(why) => why.clone(),
            other => other.to_string(),
        }
    }
}

impl std::error::Error for TargetError {}

/// The initial state of a check.
#[derive(Debug, Clone)]
pub struct SeedState {
    /// The name of a built-in world.
    pub world: String,
    /// The clock: `real` or `TIMESTAMP[,tick=MICROSECONDS]`.
    pub clock: String,
    /// Choices of readings, by id.
    pub profile: Value,
}

/// The mock's service in this process.
#[derive(Debug)]
pub struct InProcess {
    service: InMemory,
    defects: Defects,
    /// Microseconds by which its clock is ahead of the system's.
    ahead: AtomicI64,
}

/// The URL of the service on its default port.
const BASE: &str = "http://localhost:8000";

/// The time that a client would wait for a service that never answers. In process nobody waits.
const PATIENCE: Duration = Duration::from_secs(10);

impl InProcess {
    /// Creates a service from a seed.
    pub fn new(seed: Seed) -> Self {
        Self {
            service: InMemory::new(seed),
            defects: Defects::none(),
            ahead: AtomicI64::new(0),
        }
    }

    /// Adds defects.
    #[must_use]
    pub fn with_defects(self, defects: Defects) -> Self {
        Self { defects, ..self }
    }

    /// Creates a service with a built-in world and the system's clock. An unknown world is
    /// [`TargetError::NotSeedable`].
    pub fn of_world(world: &str, profile: Profile) -> Result<Self, TargetError> {
        Ok(Self::new(Seed {
            settings: Settings {
                profile,
                ..Settings::default()
            },
            store: load(world)?,
            clock: ClockMode::Real,
        }))
    }
}

impl Target for InProcess {
    fn base(&self) -> &'static str {
        BASE
    }

    fn send(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, TargetError> {
        let request = as_received(request);
        let ahead = self.ahead.load(Ordering::Relaxed);
        let now = || system_time().plus(ahead);
        match self.defects.answer(&self.service, &request, now) {
            Delivery::Answer(reply) => Ok(reply.response),
            Delivery::Hang => Err(TargetError::TimedOut(PATIENCE)),
            Delivery::Reset => Err(TargetError::Broken(
                "the connection was closed without an answer".to_owned(),
            )),
            Delivery::Truncated(_) => Err(TargetError::Broken(
                "the connection was closed in the middle of the answer".to_owned(),
            )),
        }
    }

    fn pause(&self, time: Duration) {
        let micros = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        self.ahead.fetch_add(micros, Ordering::Relaxed);
    }

    fn seed(&self, state: &SeedState) -> Result<(), TargetError> {
        let mut profile = Profile::default();
        profile.apply_json(&state.profile).map_err(not_seedable)?;
        let clock = ClockMode::parse(&state.clock, UtcOffset::PAGE).map_err(not_seedable)?;
        self.service.reset(Reset {
            store: Some(load(&state.world)?),
            clock: Some(clock),
            profile: Some(profile),
        });
        Ok(())
    }
}

/// Returns a request as a server receives it: the path alone in its line, and the host in a header.
fn as_received(request: &Request<Bytes>) -> Request<Bytes> {
    let mut received = request.clone();
    *received.uri_mut() = origin_form(request.uri());
    let authority = request.uri().authority();
    let host = authority.and_then(|host| HeaderValue::from_str(host.as_str()).ok());
    if let (false, Some(host)) = (received.headers().contains_key(HOST), host) {
        received.headers_mut().insert(HOST, host);
    }
    received
}

/// Returns path and query of a URI, for the request line.
pub fn origin_form(uri: &Uri) -> Uri {
    let path = uri.path_and_query().cloned();
    Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/")))
}

fn not_seedable(why: impl fmt::Display) -> TargetError {
    TargetError::NotSeedable(why.to_string())
}

fn load(world: &str) -> Result<Store, TargetError> {
    let json = assets::world(world)
        .ok_or_else(|| not_seedable(format!("there is no built-in world `{world}`")))?;
    Store::from_json(json.as_bytes()).map_err(not_seedable)
}
