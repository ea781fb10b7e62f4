//! What a check talks to: the engine in this process, or a server over HTTP.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, HeaderValue};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use whippy_mock::assets;
use whippy_mock::clock::ClockMode;
use whippy_mock::endpoints::call::Settings;
use whippy_mock::model::time::{Timestamp, UtcOffset};
use whippy_mock::profile::Profile;
use whippy_mock::service::{Reset, Seed, Service};
use whippy_mock::store::Store;
use whippy_mock::store::world::World;

/// How long a server may take over one answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The largest answer that is read, bytes.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// Why no answer came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetError {
    /// Nobody answers there.
    Unreachable(String),
    /// The target cannot be brought into the state that a check needs.
    NotSeedable(String),
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) => write!(f, "the target does not answer: {why}"),
            Self::NotSeedable(why) => write!(f, "the target cannot be seeded: {why}"),
        }
    }
}

impl std::error::Error for TargetError {}

/// The state that a check starts from.
#[derive(Debug, Clone)]
pub struct SeedState {
    /// A built-in world.
    pub world: String,
    /// `TIMESTAMP[,tick=MICROSECONDS]`.
    pub clock: String,
    /// Reading ids and choices.
    pub profile: Value,
}

/// Something that answers requests as the API does.
pub trait Target {
    /// Scheme and authority, without a slash at the end.
    fn base(&self) -> &str;

    /// Brings the target into a state.
    fn seed(&mut self, state: &SeedState) -> Result<(), TargetError>;

    /// Sends a request, whose URI is absolute and begins with [`Target::base`].
    fn send(&mut self, request: &Request<Bytes>) -> Result<Response<Bytes>, TargetError>;
}

/// The mock's engine, in this process.
#[derive(Debug)]
pub struct InProcess {
    service: Service,
}

impl InProcess {
    /// An engine with nothing in its world.
    pub fn new() -> Result<Self, TargetError> {
        let seed = Seed {
            settings: Settings::default(),
            store: load("empty")?,
            clock: ClockMode::Real,
        };
        Ok(Self {
            service: Service::new(seed),
        })
    }
}

fn not_seedable(why: impl fmt::Display) -> TargetError {
    TargetError::NotSeedable(why.to_string())
}

fn load(world: &str) -> Result<Store, TargetError> {
    let json = assets::world(world)
        .ok_or_else(|| not_seedable(format!("there is no built-in world `{world}`")))?;
    World::from_json(json.as_bytes())
        .and_then(|world| Store::load(&world))
        .map_err(not_seedable)
}

impl Target for InProcess {
    fn base(&self) -> &'static str {
        "http://localhost:8000"
    }

    fn seed(&mut self, state: &SeedState) -> Result<(), TargetError> {
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

    fn send(&mut self, request: &Request<Bytes>) -> Result<Response<Bytes>, TargetError> {
        // A seeded clock is a fixed one, which never asks the system.
        Ok(self.service.answer(request, || Timestamp::EPOCH).response)
    }
}

/// What a server wants to see before it answers.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    /// In place of the documented example's token; `None`: that one.
    pub token: Option<String>,
    /// For `/__admin/`.
    pub admin_token: Option<String>,
}

/// A server over HTTP/1.1, one connection kept open.
pub struct Remote {
    base: String,
    authority: String,
    secrets: Secrets,
    runtime: Runtime,
    connection: Option<http1::SendRequest<Full<Bytes>>>,
}

impl Remote {
    /// A server at `http://HOST[:PORT]`.
    pub fn new(url: &str, secrets: Secrets) -> Result<Self, TargetError> {
        let unusable = |why: &str| TargetError::Unreachable(format!("`{url}` {why}"));
        let uri: Uri = url
            .trim_end_matches('/')
            .parse()
            .map_err(|_| unusable("is no URL"))?;
        let (Some("http"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(unusable("is no URL like http://HOST:PORT"));
        };
        if uri.path() != "/" || uri.query().is_some() {
            return Err(unusable("has a path; the target is a host and a port"));
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| TargetError::Unreachable(error.to_string()))?;
        Ok(Self {
            base: format!("http://{authority}"),
            authority: authority.to_string(),
            secrets,
            runtime,
            connection: None,
        })
    }

    fn connect(&self) -> Result<http1::SendRequest<Full<Bytes>>, TargetError> {
        let unreachable = |error: &dyn fmt::Display| {
            TargetError::Unreachable(format!("{}: {error}", self.authority))
        };
        let address =
            if self.authority.rsplit_once(':').is_some_and(|(_, port)| {
                !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit())
            }) {
                self.authority.clone()
            } else {
                format!("{}:80", self.authority)
            };
        self.runtime.block_on(async {
            let connecting = tokio::time::timeout(TIMEOUT, TcpStream::connect(address));
            let stream = connecting
                .await
                .map_err(|elapsed| unreachable(&elapsed))?
                .map_err(|error| unreachable(&error))?;
            stream
                .set_nodelay(true)
                .map_err(|error| unreachable(&error))?;
            let (sender, connection) = http1::handshake(TokioIo::new(stream))
                .await
                .map_err(|error| unreachable(&error))?;
            tokio::spawn(connection);
            Ok(sender)
        })
    }
}

impl Target for Remote {
    fn base(&self) -> &str {
        &self.base
    }

    fn seed(&mut self, state: &SeedState) -> Result<(), TargetError> {
        let body = json!({
            "world": state.world,
            "clock": state.clock,
            "profile": state.profile,
        });
        let mut request = Request::post(format!("{}/__admin/reset", self.base));
        if let Some(token) = &self.secrets.admin_token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request
            .body(Bytes::from(body.to_string()))
            .map_err(not_seedable)?;
        let response = self.send(&request)?;
        if response.status().is_success() {
            return Ok(());
        }
        let status = response.status();
        let problem: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        Err(not_seedable(match problem["detail"].as_str() {
            Some(detail) => format!("POST /__admin/reset answers {status}: {detail}"),
            None => format!("POST /__admin/reset answers {status}; only a whippy-mock has it"),
        }))
    }

    fn send(&mut self, request: &Request<Bytes>) -> Result<Response<Bytes>, TargetError> {
        let mut connection = match self.connection.take() {
            Some(connection) if !connection.is_closed() => connection,
            _ => self.connect()?,
        };
        let mut outgoing = request.clone().map(Full::new);
        *outgoing.uri_mut() = request
            .uri()
            .path_and_query()
            .map_or_else(|| Uri::from_static("/"), |target| Uri::from(target.clone()));
        let headers = outgoing.headers_mut();
        if let Ok(host) = HeaderValue::from_str(&self.authority) {
            headers.insert(HOST, host);
        }
        let is_admin = request.uri().path().starts_with("/__admin/");
        if let (Some(token), false) = (&self.secrets.token, is_admin)
            && let Ok(value) = HeaderValue::from_str(&format!("Token {token}"))
        {
            headers.insert(AUTHORIZATION, value);
        }
        if !request.body().is_empty() {
            headers.insert(CONTENT_LENGTH, request.body().len().into());
        }
        let unreachable = |error: &dyn fmt::Display| TargetError::Unreachable(error.to_string());
        let answer = self.runtime.block_on(async {
            let exchange = async {
                connection
                    .ready()
                    .await
                    .map_err(|error| unreachable(&error))?;
                let response = connection
                    .send_request(outgoing)
                    .await
                    .map_err(|error| unreachable(&error))?;
                let (head, body) = response.into_parts();
                let body = Limited::new(body, MAX_ANSWER)
                    .collect()
                    .await
                    .map_err(|error| unreachable(&error))?;
                Ok(Response::from_parts(head, body.to_bytes()))
            };
            tokio::time::timeout(TIMEOUT, exchange)
                .await
                .unwrap_or_else(|_| {
                    Err(TargetError::Unreachable(format!(
                        "no answer within {} seconds",
                        TIMEOUT.as_secs()
                    )))
                })
        })?;
        let closes = answer
            .headers()
            .get(CONNECTION)
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"));
        if !closes {
            self.connection = Some(connection);
        }
        Ok(answer)
    }
}
