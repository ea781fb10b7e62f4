//! A failure in a form that can be passed on: the worlds of a mock, the writes to them, and their
//! exchanges, as one JSON document that is played again elsewhere.
//!
//! Nothing here knows sockets, files or the system's time. A bundle has no secrets: on replay a
//! token is accepted if it was accepted then, whatever it was.

mod error;
mod replay;

use std::iter::once;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{Method, Request, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::admin::pieces::separated;
use crate::faults::Faults;
use crate::worlds;
use crate::worlds::service::Service;
use whippy_engine::clock::ServiceClock;
use whippy_engine::defects::Defects;
use whippy_engine::endpoints::call::OverTls;
use whippy_engine::engine::Now;
use whippy_engine::exchange::{Exchange, Kept, KeptHeaders};
use whippy_engine::history::{Asked, Stretch, Write};
use whippy_engine::model::time::Timestamp;
use whippy_engine::redact::REDACTED;

pub use error::{BundleError, PartError, StageError};
use replay::Stage;
pub use replay::{Replayed, Verdict};

/// The version of the document.
pub const VERSION: u32 = 1;

/// The document.
#[derive(Debug, Clone, Deserialize)]
#[serde(expecting = "an object", deny_unknown_fields)]
pub struct Bundle {
    /// [`VERSION`].
    pub version: u32,
    /// The version of the mock that made it.
    pub made_by: String,
    /// The worlds.
    pub worlds: Vec<BundledWorld>,
}

/// A world: one state of it, and the writes and exchanges after that.
#[derive(Debug, Clone, Deserialize)]
#[serde(expecting = "an object", deny_unknown_fields)]
pub struct BundledWorld {
    /// The name.
    pub name: String,
    /// The readings in force.
    pub profile: Value,
    /// The local time zone, as a distance from UTC.
    pub utc_offset: String,
    /// The clock, as it stood when the bundle was made.
    pub clock: ServiceClock,
    /// The names of the defects in force.
    #[serde(default)]
    pub defects: Vec<String>,
    /// The faults that were in force, as they were installed.
    #[serde(default)]
    pub faults: Value,
    /// The state, as in a world file.
    pub base: Value,
    /// The number of the write that led to it.
    pub seq: u64,
    /// The writes since, in order.
    pub writes: Vec<BundledWrite>,
    /// The exchanges, in the order of the journal.
    pub exchanges: Vec<BundledExchange>,
}

/// A write to a world.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(expecting = "an object", deny_unknown_fields)]
pub struct BundledWrite {
    /// The number.
    pub seq: u64,
    /// The moment of the clock, microseconds since 1970 in UTC.
    pub at: i64,
    /// Microseconds from one reading of the clock to the next.
    pub tick: i64,
    /// The number of times the clock was read.
    pub reads: u64,
    /// The method.
    pub method: String,
    /// Path and query, without the prefix of a world.
    pub target: String,
    /// The content type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// The body.
    pub body: BundledBody,
    /// The effects that the request alone does not determine, as a part of a world file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_behind: Option<Value>,
}

/// An exchange of the journal.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(expecting = "an object", deny_unknown_fields)]
pub struct BundledExchange {
    /// The number among all exchanges of the server.
    pub id: u64,
    /// The arrival of the request, by the system's clock, microseconds since 1970 in UTC.
    pub at: i64,
    /// The number of writes that the world had seen before.
    pub writes_before: u64,
    /// The number of its own write, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrote: Option<u64>,
    /// The request.
    pub request: BundledRequest,
    /// The answer; `None` where there was none.
    pub response: Option<BundledResponse>,
    /// The names of the faults that took part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
    /// The plan of those faults, with all chance taken out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Value>,
}

/// A request.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(expecting = "an object", deny_unknown_fields)]
pub struct BundledRequest {
    /// The method.
    pub method: String,
    /// Path and query as they came.
    pub target: String,
    /// Is true where it came over TLS.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub over_tls: bool,
    /// Names and values, without secrets.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: BundledBody,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(expecting = "an object", deny_unknown_fields)]
pub struct BundledResponse {
    /// The status code.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: BundledBody,
}

/// A body, as text where it is UTF-8 and as base64 otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(expecting = "an object", deny_unknown_fields)]
pub struct BundledBody {
    /// The text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
    /// Is true where `[redacted]` stands in place of a secret.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub redacted: bool,
    /// Is true where only the beginning was kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

impl Bundle {
    /// Reads a bundle from JSON.
    pub fn from_json(json: &[u8]) -> Result<Self, BundleError> {
        #[derive(Deserialize)]
        #[serde(expecting = "an object")]
        struct Head {
            version: Option<u32>,
        }
        let head: Head = serde_json::from_slice(json)
            .map_err(|error| BundleError::Foreign(error.to_string()))?;
        match head.version {
            Some(VERSION) => {}
            Some(other) => return Err(BundleError::Version(other)),
            None => return Err(BundleError::Foreign("it has no version".to_owned())),
        }
        serde_json::from_slice(json).map_err(|error| BundleError::Damaged(error.to_string()))
    }

    /// Plays every exchange again, world by world, in the order of the states that they saw.
    pub fn replay(&self) -> Result<impl Iterator<Item = Replayed>, BundleError> {
        let stages: Result<Vec<_>, BundleError> = self.worlds.iter().map(Stage::set).collect();
        Ok(stages?.into_iter().flatten())
    }
}

impl BundledBody {
    fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self {
                redacted: text.contains(REDACTED),
                text: Some(text.to_owned()),
                ..Self::default()
            },
            Err(_) => Self {
                base64: Some(BASE64.encode(bytes)),
                ..Self::default()
            },
        }
    }

    fn of_kept(kept: &Kept) -> Self {
        Self {
            truncated: !kept.is_whole(),
            ..Self::of(&kept.bytes)
        }
    }

    /// Returns the bytes, as far as they were kept.
    pub fn bytes(&self) -> Result<Bytes, PartError> {
        match (&self.text, &self.base64) {
            (Some(text), None) => Ok(Bytes::copy_from_slice(text.as_bytes())),
            (None, Some(encoded)) => BASE64
                .decode(encoded)
                .map(Bytes::from)
                .map_err(PartError::Base64),
            (None, None) => Ok(Bytes::new()),
            (Some(_), Some(_)) => Err(PartError::TwoBodies),
        }
    }
}

/// A copy of a world for a bundle: its state, its history and the exchanges of its journal.
#[derive(Debug)]
pub struct Taken {
    name: String,
    clock: ServiceClock,
    defects: Vec<String>,
    faults: Value,
    whole: Stretch,
    exchanges: Vec<Arc<Exchange>>,
}

/// The members of a world that come before its state.
#[derive(Serialize)]
struct Head<'a> {
    name: &'a str,
    profile: Value,
    utc_offset: String,
    clock: ServiceClock,
    defects: &'a [String],
    #[serde(skip_serializing_if = "Value::is_null")]
    faults: &'a Value,
}

impl Taken {
    /// Copies a world as it stands; it goes on meanwhile.
    pub fn of(
        name: &str,
        service: &Service,
        defects: &Defects,
        faults: &Faults,
        exchanges: Vec<Arc<Exchange>>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            clock: service.clock(),
            defects: defects.names().map(str::to_owned).collect(),
            faults: if faults.is_empty() {
                Value::Null
            } else {
                faults.to_json()
            },
            whole: service.whole(),
            exchanges,
        }
    }

    /// Returns the part of this world in the document, in pieces.
    fn pieces(
        self,
        clean: impl Fn(&Exchange) -> Exchange + Send,
    ) -> impl Iterator<Item = Vec<u8>> + Send {
        let settings = self.whole.engine.settings();
        let mut head = json(&Head {
            name: &self.name,
            profile: settings.profile.to_json(),
            utc_offset: settings.local.to_string(),
            clock: self.clock,
            defects: &self.defects,
            faults: &self.faults,
        });
        // The closing brace comes off, since the object goes on.
        head.pop();
        head.extend(b",\"base\":");
        let base = self.whole.engine.store().clone().into_pieces();
        let writes = format!(",\"seq\":{},\"writes\":[", self.whole.seq).into_bytes();
        let each_write = self.whole.writes.into_iter();
        let each_write = separated(each_write.map(|write| json(&BundledWrite::of(&write))));
        let exchanges = self.exchanges.into_iter();
        let each_exchange =
            separated(exchanges.map(move |exchange| json(&BundledExchange::of(&clean(&exchange)))));
        once(head)
            .chain(base)
            .chain(once(writes))
            .chain(each_write)
            .chain(once(b"],\"exchanges\":[".to_vec()))
            .chain(each_exchange)
            .chain(once(b"]}".to_vec()))
    }
}

/// Returns the document of some worlds in pieces. `clean` takes the secrets out of an exchange.
pub fn pieces(
    worlds: Vec<Taken>,
    clean: impl Fn(&Exchange) -> Exchange + Clone + Send,
) -> impl Iterator<Item = Vec<u8>> + Send {
    let made_by = env!("CARGO_PKG_VERSION");
    let head = format!("{{\"version\":{VERSION},\"made_by\":\"{made_by}\",\"worlds\":[");
    let worlds = worlds.into_iter().enumerate().flat_map(move |(at, world)| {
        let comma = (at > 0).then(|| b",".to_vec());
        comma.into_iter().chain(world.pieces(clean.clone()))
    });
    once(head.into_bytes())
        .chain(worlds)
        .chain(once(b"]}".to_vec()))
}

fn json(part: &impl Serialize) -> Vec<u8> {
    // Writing to memory does not fail.
    serde_json::to_vec(part).unwrap_or_default()
}

impl BundledWrite {
    fn of(write: &Write) -> Self {
        let asked = &write.asked;
        let left = write.left.as_deref();
        Self {
            seq: write.seq,
            at: write.now.at.micros(),
            tick: write.now.tick,
            reads: write.reads,
            method: asked.method.to_string(),
            target: asked.target.to_string(),
            content_type: asked.content_type.as_deref().map(str::to_owned),
            body: BundledBody::of(&asked.body),
            left_behind: left.and_then(|json| serde_json::from_slice(json).ok()),
        }
    }

    fn write(&self) -> Result<Write, (u64, PartError)> {
        let fail = |why| (self.seq, why);
        let left = self.left_behind.as_ref();
        Ok(Write {
            seq: self.seq,
            now: Now {
                at: moment(self.at).map_err(fail)?,
                tick: self.tick,
            },
            reads: self.reads,
            asked: Asked {
                method: method(&self.method).map_err(fail)?,
                target: self.target.as_str().into(),
                content_type: self.content_type.as_deref().map(Into::into),
                body: self.body.bytes().map_err(fail)?,
            },
            left: left.map(|left| left.to_string().into()),
        })
    }
}

fn moment(micros: i64) -> Result<Timestamp, PartError> {
    Timestamp::from_micros(micros).ok_or(PartError::Moment(micros))
}

fn method(text: &str) -> Result<Method, PartError> {
    Method::from_bytes(text.as_bytes()).map_err(|_| PartError::Method(text.to_owned()))
}

impl BundledExchange {
    /// Takes an exchange from a journal.
    pub fn of(exchange: &Exchange) -> Self {
        Self {
            id: exchange.id,
            at: exchange.at.micros(),
            writes_before: exchange.writes_before,
            wrote: exchange.wrote,
            request: BundledRequest {
                method: exchange.method.to_string(),
                target: exchange.target.clone(),
                over_tls: exchange.is_over_tls,
                headers: pairs(&exchange.headers),
                body: BundledBody::of_kept(&exchange.body),
            },
            response: exchange.answer.as_ref().map(|answer| BundledResponse {
                status: answer.status,
                headers: pairs(&answer.headers),
                body: BundledBody::of_kept(&answer.body),
            }),
            faults: exchange.faults.clone(),
            plan: exchange.plan.clone(),
        }
    }
}

/// Returns headers in the order they came, one character for each byte.
fn pairs(headers: &KeptHeaders) -> Vec<(String, String)> {
    let text = |value: &[u8]| value.iter().copied().map(char::from).collect();
    let pairs = headers.iter();
    pairs
        .map(|(name, value)| (name.to_owned(), text(value)))
        .collect()
}

impl BundledRequest {
    fn request(&self) -> Result<Request<Bytes>, PartError> {
        let mut request = Request::new(self.body.bytes()?);
        *request.method_mut() = method(&self.method)?;
        *request.uri_mut() = self
            .target
            .parse()
            .map_err(|error| PartError::Target(self.target.clone(), error))?;
        for (name, value) in &self.headers {
            let named = HeaderName::from_bytes(name.as_bytes()).ok();
            let bytes: Option<Vec<u8>> = value.chars().map(|c| u8::try_from(c).ok()).collect();
            let valued = bytes.and_then(|bytes| HeaderValue::from_bytes(&bytes).ok());
            let (Some(named), Some(valued)) = (named, valued) else {
                return Err(PartError::Header(name.clone(), value.clone()));
            };
            request.headers_mut().append(named, valued);
        }
        if self.over_tls {
            request.extensions_mut().insert(OverTls);
        }
        let world = worlds::split(request.uri().path()).map(|(name, _)| name.to_owned());
        if let Some(world) = world {
            worlds::strip(&mut request, &world);
        }
        Ok(request)
    }
}

impl BundledResponse {
    fn of(response: &Response<Bytes>) -> Self {
        Self {
            status: response.status().as_u16(),
            headers: pairs(&KeptHeaders::of(response.headers())),
            body: BundledBody::of(response.body()),
        }
    }
}
