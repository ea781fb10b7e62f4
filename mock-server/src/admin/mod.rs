//! The admin API under `/__admin/`, which controls a running mock. One table of routes.
//!
//! Without a token only this machine may use it, and never a web page of another origin. Refusals
//! are problem documents (RFC 9457).

#![allow(clippy::unnecessary_wraps)] // Handlers of one table have one shape.

mod ask;
mod member;
pub mod page;
pub mod pieces;
mod readings;
mod ui;

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::header::{
    ALLOW, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, ORIGIN, WWW_AUTHENTICATE,
};
use http::{Method, Request, Response, StatusCode};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::{Notify, broadcast};

use crate::bundle::{self, Taken};
use crate::faults::{self, FaultRules, Faults};
use crate::http::metrics::Metrics;
use crate::log::{LogOptions, Sync};
use crate::worlds::journal::{Wanted, WantedStatus};
use crate::worlds::{self, DEFAULT, LiveWorld, WorldError, Worlds};
use whippy_engine::assets;
use whippy_engine::backend::{Backend as _, Reset};
use whippy_engine::clock::{ClockMode, MAX_ADVANCE};
use whippy_engine::durability::NotKept;
use whippy_engine::endpoints::call::base;
use whippy_engine::exchange::{self, Exchange};
use whippy_engine::findings::{self, Format, MISTAKES, Mistake, WorldVerdict};
use whippy_engine::model::time::{Timestamp, UtcOffset};
use whippy_engine::openapi::{self, Form};
use whippy_engine::operations;
use whippy_engine::problem::Problem;
use whippy_engine::profile::Profile;
use whippy_engine::redact::Redactor;
use whippy_engine::store::Store;
use whippy_engine::suggest::did_you_mean;
use whippy_engine::wire::urlencoded;

use member::member;
use pieces::{Answer, Pieces, around_a_list};
pub use ui::{files, is_opened_by_a_browser, way};

/// The prefix of every admin path.
pub const PREFIX: &str = "/__admin/";

/// Exchanges listed when the query sets no limit.
const LISTED: usize = 100;

/// Characters of an unknown name that a refusal quotes, at most.
const LONGEST_NAME_SHOWN: usize = 64;

/// The state of the admin API beside the worlds.
#[derive(Debug)]
pub struct Control {
    /// The token that other machines must send; `None`: only this machine is let in.
    pub token: Option<String>,
    /// The start of the mock.
    pub started: Instant,
    /// Takes secrets out of everything that is shown, logged or exported.
    pub redactor: Redactor,
    /// Notified when the mock is to stop.
    pub shutdown: Arc<Notify>,
    /// Counts of the exchanges.
    pub metrics: Metrics,
    /// The exchanges as they end, for clients that follow them.
    pub feed: broadcast::Sender<Arc<Exchange>>,
    /// The data file and its options; `None`: writes are kept in memory alone.
    pub data: Option<(PathBuf, LogOptions)>,
    /// The files that are read again when they change.
    pub watched: Vec<PathBuf>,
}

/// Exchanges that may wait for a follower. A slower one misses some, and gets their number.
const FEED: usize = 1024;

/// One admin request.
#[derive(Debug, Clone, Copy)]
pub struct AdminCall<'a> {
    /// All worlds of the server.
    pub worlds: &'a Worlds,
    /// The request.
    pub request: &'a Request<Bytes>,
    /// The address of the client.
    pub peer: SocketAddr,
    /// The system's time.
    pub system: Timestamp,
}

/// The answer to an admin request.
#[derive(Debug)]
pub enum AdminAnswer {
    /// A response.
    Whole(Response<Bytes>),
    /// A long response, which is made while it is sent.
    Pieces(Response<Pieces>),
    /// The exchanges as they happen.
    Follow(Box<Followed>),
}

/// The exchanges that a client follows.
#[derive(Debug)]
pub struct Followed {
    /// The world that they belong to; `None`: any.
    pub world: Option<String>,
    /// The conditions that they meet.
    pub wanted: Wanted,
    /// The exchanges since the last event that the client received, as far as the journal has them.
    pub missed: Vec<Arc<Exchange>>,
    /// The exchanges that end from now on. Some of the missed ones may come once more.
    pub feed: broadcast::Receiver<Arc<Exchange>>,
    /// The most exchanges a second, the rest being counted; `None`: all.
    pub per_second: Option<u32>,
}

/// Returns `true` for an admin path, of the server or of one world.
pub fn is_admin(path: &str) -> bool {
    path.starts_with(PREFIX)
        || worlds::split(path).is_some_and(|(_, rest)| rest.starts_with(PREFIX))
}

/// Returns `true` for a request that is answered at once, without waiting for other admin requests.
pub fn is_brief(path: &str) -> bool {
    let path = worlds::split(path).map_or(path, |(_, rest)| rest);
    ["health", "ready", "shutdown"].contains(&path.strip_prefix(PREFIX).unwrap_or_default())
}

/// Returns the answer for an admin request whose handler panicked.
pub fn stumbled() -> Response<Bytes> {
    let detail = "the mock stumbled over the request; its standard error says where";
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, detail).response()
}

/// Returns the refusal of a request to a world that cannot be used.
pub fn refuse_world(error: &WorldError) -> Response<Bytes> {
    Refusal::from(error.clone()).response()
}

/// A refused admin request.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Refusal {
    status: StatusCode,
    detail: String,
    allow: Option<String>,
}

type Outcome = Result<Granted, Refusal>;

/// The result of a handler.
enum Granted {
    Json(Value),
    Created(Value),
    Text(&'static str, String),
    /// A JSON document.
    Long(Answer),
    Whole(Response<Bytes>),
    Nothing,
    Follow(Box<Followed>),
}

/// An admin request after routing: the call and the parts of its path and query.
struct Asked<'a> {
    call: AdminCall<'a>,
    control: &'a Control,
    /// The segment of the path that stands for a parameter; may be empty.
    argument: &'a str,
    /// The world named in the path or the query.
    world: Option<Cow<'a, str>>,
    /// The other parameters of the query.
    query: Vec<urlencoded::Pair<'a>>,
}

/// A route of the admin API.
pub struct AdminRoute {
    /// The method.
    pub method: Method,
    /// The path, in which `{name}` stands for one segment.
    pub path: &'static str,
    /// The names of its query parameters.
    pub query: &'static [&'static str],
    handler: fn(&Asked<'_>) -> Outcome,
}

const fn route(
    method: Method,
    path: &'static str,
    query: &'static [&'static str],
    handler: fn(&Asked<'_>) -> Outcome,
) -> AdminRoute {
    AdminRoute {
        method,
        path,
        query,
        handler,
    }
}

/// The parameter of routes that concern one world.
const WORLD: &[&str] = &["world"];
/// The parameters of reports: the world, and their format.
const REPORT: &[&str] = &["world", "format"];
/// The same, and `all` for rules that were never met.
const FULL_REPORT: &[&str] = &["world", "format", "all"];
/// The parameters of routes for faults: one world, or all of them.
const FAULTS: &[&str] = &["world", "all"];
/// The parameters that select exchanges.
const WHICH: &[&str] = &[
    "world",
    "since",
    "limit",
    "operation",
    "method",
    "status",
    "path",
];

/// The same for a stream, with the most exchanges a second.
const FOLLOWED: &[&str] = &[
    "world",
    "since",
    "limit",
    "operation",
    "method",
    "status",
    "path",
    "per_second",
];

/// The path of the reference of this API.
const DOCS: &str = "/__admin/docs";

/// The whole admin API; `schemas/admin.openapi.json` describes each row.
#[rustfmt::skip]
pub const ROUTES: &[AdminRoute] = &[
    route(Method::GET,    "/__admin/health",               &[],   health),
    route(Method::GET,    "/__admin/ready",                &[],   ready),
    route(Method::POST,   "/__admin/shutdown",             &[],   shutdown),
    route(Method::GET,    "/__admin/settings",             &[],   settings),
    route(Method::POST,   "/__admin/reset",                WORLD, reset),
    route(Method::GET,    "/__admin/clock",                WORLD, show_clock),
    route(Method::PUT,    "/__admin/clock",                WORLD, set_clock),
    route(Method::POST,   "/__admin/clock/advance",        WORLD, advance_clock),
    route(Method::GET,    "/__admin/worlds",               &[],   list_worlds),
    route(Method::GET,    "/__admin/worlds/{name}",        &["at"], export_world),
    route(Method::GET,    "/__admin/worlds/{name}/diff",   &["from", "to"], diff_world),
    route(Method::GET,    "/__admin/worlds/{name}/writes", &["since", "limit"], ask::list_writes),
    route(Method::POST,   "/__admin/worlds/{name}/ask",    &[],   ask::ask),
    route(Method::PUT,    "/__admin/worlds/{name}",        &[],   import_world),
    route(Method::DELETE, "/__admin/worlds/{name}",        &[],   drop_world),
    route(Method::POST,   "/__admin/worlds/{name}/fork",   &[],   fork_world),
    route(Method::POST,   "/__admin/worlds/{name}/reset",  &[],   reset_world),
    route(Method::GET,    "/__admin/requests",             WHICH, list_requests),
    route(Method::DELETE, "/__admin/requests",             WORLD, clear_requests),
    route(Method::POST,   "/__admin/requests/count",       WORLD, count_requests),
    route(Method::POST,   "/__admin/requests/find",        WORLD, find_requests),
    route(Method::GET,    "/__admin/requests/har",         WHICH, archive),
    route(Method::GET,    "/__admin/requests/stream",      FOLLOWED, follow),
    route(Method::GET,    "/__admin/requests/{id}",        &[],   show_request),
    route(Method::GET,    "/__admin/findings",             FULL_REPORT, show_findings),
    route(Method::DELETE, "/__admin/findings",             &["world", "id"], clear_findings),
    route(Method::GET,    "/__admin/coverage",             REPORT, show_coverage),
    route(Method::GET,    "/__admin/faults",               FAULTS, show_faults),
    route(Method::PUT,    "/__admin/faults",               WORLD, set_faults),
    route(Method::DELETE, "/__admin/faults",               WORLD, clear_faults),
    route(Method::GET,    "/__admin/faults/presets",       &[],   list_presets),
    route(Method::GET,    "/__admin/readings",             WORLD, readings::show),
    route(Method::PUT,    "/__admin/readings",             WORLD, readings::set),
    route(Method::GET,    "/__admin/bundle",               WORLD, show_bundle),
    route(Method::DELETE, "/__admin/tokens",               WORLD, revoke_tokens),
    route(Method::GET,    "/__admin/metrics",              &[],   show_metrics),
    route(Method::GET,    "/__admin/openapi.json",         WORLD, stock_openapi),
    route(Method::GET,    "/__admin/openapi.yaml",         WORLD, stock_openapi),
    route(Method::GET,    "/__admin/openapi-3.0.json",     WORLD, stock_openapi),
    route(Method::GET,    "/__admin/openapi-no-get-body.json",     WORLD, stock_openapi),
    route(Method::GET,    "/__admin/openapi-3.0-no-get-body.json", WORLD, stock_openapi),
    route(Method::GET,    "/__admin/postman.json",         WORLD, stock_openapi),
    route(Method::GET,    "/__admin/admin.openapi.json",   &[],   admin_openapi),
    route(Method::GET,    DOCS,                            &[],   docs_page),
    route(Method::GET,    "/__admin/",                     &[],   ui::index),
    route(Method::GET,    "/__admin/ui/{file}",            &[],   ui::file),
];

impl Refusal {
    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
            allow: None,
        }
    }

    fn bad(detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail.to_string())
    }

    fn response(self) -> Response<Bytes> {
        let problem = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or_default(),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        let mut response = respond(self.status, "application/problem+json", problem.to_string());
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
        }
        if let Some(allow) = self
            .allow
            .and_then(|allow| HeaderValue::try_from(allow).ok())
        {
            response.headers_mut().insert(ALLOW, allow);
        }
        response
    }
}

fn json_response(status: StatusCode, value: &Value) -> Response<Bytes> {
    respond(status, "application/json", value.to_string())
}

fn respond(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

impl From<NotKept> for Refusal {
    fn from(why: NotKept) -> Self {
        Self::new(StatusCode::INSUFFICIENT_STORAGE, why.to_string())
    }
}

impl From<WorldError> for Refusal {
    fn from(error: WorldError) -> Self {
        let status = match &error {
            WorldError::BadName(_) => StatusCode::BAD_REQUEST,
            WorldError::Full(_) => StatusCode::SERVICE_UNAVAILABLE,
            WorldError::Unknown(_) => StatusCode::NOT_FOUND,
            WorldError::Exists(_) | WorldError::Default => StatusCode::CONFLICT,
            WorldError::NotKept(_) => StatusCode::INSUFFICIENT_STORAGE,
        };
        Self::new(status, error.to_string())
    }
}

impl AdminRoute {
    /// Returns the parameter in a path that fits this route, empty where the route has none.
    fn matches<'p>(&self, path: &'p str) -> Option<&'p str> {
        let Some((before, after)) = self.path.split_once('{') else {
            return (path == self.path).then_some("");
        };
        let after = after.split_once('}').map_or("", |(_, after)| after);
        let argument = path.strip_prefix(before)?.strip_suffix(after)?;
        (!argument.is_empty() && !argument.contains('/')).then_some(argument)
    }
}

/// Splits a query into pairs. A parameter that the route does not know is refused.
fn read_query<'a>(query: &'a str, known: &[&str]) -> Result<Vec<urlencoded::Pair<'a>>, Refusal> {
    let pairs = urlencoded::decode(query.as_bytes())
        .map_err(|_| Refusal::bad("the query has too many parameters"))?;
    for (name, _) in &pairs {
        if !known.contains(&&**name) {
            let name: String = name.chars().take(LONGEST_NAME_SHOWN).collect();
            let name = name.as_str();
            let hint = did_you_mean(name, known.iter().copied());
            return Err(Refusal::bad(match known {
                [] => format!("there is no parameter `{name}`; the path takes none"),
                _ => format!(
                    "there is no parameter `{name}`; {hint}the path takes {}",
                    known.join(", ")
                ),
            }));
        }
    }
    Ok(pairs)
}

impl Control {
    /// Creates the state of the admin API. `started` is the start of the mock.
    pub fn new(token: Option<String>, started: Instant) -> Self {
        let redactor = Redactor::new(token.as_deref(), None);
        Self {
            token,
            redactor,
            started,
            shutdown: Arc::new(Notify::new()),
            metrics: Metrics::default(),
            feed: broadcast::Sender::new(FEED),
            data: None,
            watched: Vec::new(),
        }
    }

    /// Answers an admin request.
    pub fn answer(&self, call: AdminCall<'_>) -> AdminAnswer {
        let response = match self.grant(call) {
            Ok(Granted::Follow(followed)) => return AdminAnswer::Follow(followed),
            Ok(Granted::Json(value)) => json_response(StatusCode::OK, &value),
            Ok(Granted::Created(value)) => json_response(StatusCode::CREATED, &value),
            Ok(Granted::Whole(response)) => response,
            Ok(Granted::Text(content_type, text)) => respond(StatusCode::OK, content_type, text),
            Ok(Granted::Long(Answer::Whole(body))) => {
                respond(StatusCode::OK, "application/json", body)
            }
            Ok(Granted::Long(Answer::Pieces(pieces))) => {
                let response = respond(StatusCode::OK, "application/json", Bytes::new());
                return AdminAnswer::Pieces(response.map(|_| pieces));
            }
            Ok(Granted::Nothing) => {
                let mut response = Response::default();
                *response.status_mut() = StatusCode::NO_CONTENT;
                response
            }
            Err(refusal) => refusal.response(),
        };
        AdminAnswer::Whole(response)
    }

    fn grant(&self, call: AdminCall<'_>) -> Outcome {
        let whole = call.request.uri().path();
        let (world, path) = match worlds::split(whole) {
            Some((name, rest)) => (Some(Cow::Borrowed(name)), rest),
            None => (None, whole),
        };
        self.admit(call, path)?;
        let fitting = || {
            let routes = ROUTES.iter();
            routes.filter_map(|route| Some((route, route.matches(path)?)))
        };
        // A fixed path comes before a template that fits it too.
        let Some((first, _)) = fitting().next() else {
            let paths = ROUTES.iter().map(|route| route.path);
            let hint = did_you_mean(path, paths.filter(|path| *path != DOCS));
            let detail = format!("there is no `{path}`; {hint}{DOCS} lists the admin paths");
            return Err(Refusal::new(StatusCode::NOT_FOUND, detail));
        };
        let method = call.request.method();
        let mut routes = fitting().filter(|(route, _)| route.path == first.path);
        // HEAD is answered like GET; the server leaves out the body.
        let method = if method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        let Some((route, argument)) = routes.find(|(route, _)| route.method == *method) else {
            let routes = ROUTES.iter().filter(|route| route.path == first.path);
            let allow: Vec<_> = routes.map(|route| route.method.as_str()).collect();
            return Err(not_allowed(method, allow.join(", ")));
        };
        let query = call.request.uri().query().unwrap_or_default();
        let mut query = read_query(query, route.query)?;
        let mut named = world;
        query.retain(|(name, value)| {
            if name == "world" && named.is_none() {
                named = Some(value.clone());
            }
            name != "world"
        });
        (route.handler)(&Asked {
            call,
            control: self,
            argument,
            world: named,
            query,
        })
    }

    /// Returns the refusal of a request whose body the server could not read.
    pub fn refuse(problem: &Problem) -> Response<Bytes> {
        let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::BAD_REQUEST);
        let detail = match problem {
            Problem::BodyTooLarge(limit) => format!("the body exceeds the limit of {limit} bytes"),
            Problem::HeadTooLarge => "the request line and the headers are too large".to_owned(),
            Problem::BodyTooSlow => "the body did not arrive in time".to_owned(),
            _ => "the body broke off".to_owned(),
        };
        Refusal::new(status, detail).response()
    }

    /// Refuses a caller that may not control the mock. A web page is recognized by its `Origin`, or
    /// by a `Host` that is not this machine, as when a foreign name resolves to it.
    fn admit(&self, call: AdminCall<'_>, path: &str) -> Result<(), Refusal> {
        let header = |name| {
            let value = call.request.headers().get(name);
            value.and_then(|value: &HeaderValue| value.to_str().ok())
        };
        let forbidden = |detail: &str| Refusal::new(StatusCode::FORBIDDEN, detail);
        let host = match call.request.uri().authority() {
            Some(authority) => Some(authority.as_str()),
            None => header(HOST.as_str()),
        };
        let all = |name: &str| call.request.headers().get_all(name).iter();
        if all(HOST.as_str()).count() > 1 {
            return Err(Refusal::bad("the request names more than one Host"));
        }
        let own_origin = |origin: &HeaderValue| {
            let origin = origin.to_str().ok()?;
            let (_, authority) = origin.split_once("://")?;
            (Some(authority) == host).then_some(())
        };
        let is_foreign = |site: &HeaderValue| {
            let site = site.as_bytes();
            site.eq_ignore_ascii_case(b"cross-site") || site.eq_ignore_ascii_case(b"same-site")
        };
        if all(ORIGIN.as_str()).any(|origin| own_origin(origin).is_none())
            || all("sec-fetch-site").any(is_foreign)
        {
            return Err(forbidden("a page of another origin may not drive the mock"));
        }
        match &self.token {
            Some(token) => {
                let is_open =
                    matches!(path, "/__admin/health" | "/__admin/ready") || ui::is_open(path);
                let given = header(AUTHORIZATION.as_str())
                    .and_then(|value| value.split_once(' '))
                    .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
                    .map(|(_, given)| given.trim());
                if is_open || given == Some(token) {
                    return Ok(());
                }
                let detail = "the admin token is required, as `Authorization: Bearer TOKEN`";
                Err(Refusal::new(StatusCode::UNAUTHORIZED, detail))
            }
            None if !call.peer.ip().to_canonical().is_loopback() => Err(forbidden(
                "without an admin token the admin paths answer to this machine alone",
            )),
            None if !host.is_some_and(is_local_host) => Err(forbidden(
                "the Host header names another machine; without an admin token it must be \
                 localhost or a loopback address",
            )),
            None => Ok(()),
        }
    }
}

fn is_local_host(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
        .unwrap_or(name);
    name.eq_ignore_ascii_case("localhost")
        || address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn not_allowed(method: &Method, allow: String) -> Refusal {
    Refusal {
        status: StatusCode::METHOD_NOT_ALLOWED,
        detail: format!("the path takes {allow}, not {method}"),
        allow: Some(allow),
    }
}

impl Asked<'_> {
    /// Returns the requested world; one that does not exist is refused.
    fn there(&self) -> Result<Arc<LiveWorld>, Refusal> {
        let name = self.world.as_deref().unwrap_or(DEFAULT);
        Ok(self.call.worlds.get(name)?)
    }

    /// Returns the requested world, forked from the seed where it does not exist yet.
    fn made(&self) -> Result<Arc<LiveWorld>, Refusal> {
        let name = self.world.as_deref().unwrap_or(DEFAULT);
        let world = self.call.worlds.get_or_fork(name, self.call.system)?;
        Ok(world)
    }

    /// Returns the requested world, or all where none is named.
    fn all(&self) -> Result<Vec<Arc<LiveWorld>>, Refusal> {
        match self.world.as_deref() {
            Some(name) => Ok(vec![self.call.worlds.get(name)?]),
            None => Ok(self.call.worlds.all()),
        }
    }

    fn local(&self) -> UtcOffset {
        self.call.worlds.own().service.local()
    }

    /// Returns the last value of a parameter.
    fn parameter(&self, name: &str) -> Option<&str> {
        let mut pairs = self.query.iter().rev();
        pairs.find(|(n, _)| n == name).map(|(_, value)| &**value)
    }

    /// Reads a parameter that is `true` or `false`, `false` where it is left out.
    fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.parameter(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(text) => Err(Refusal::bad(format!(
                "{name}: `{text}` is neither true nor false"
            ))),
        }
    }

    /// Reads a parameter that is a whole number.
    fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Refusal> {
        let Some(text) = self.parameter(name) else {
            return Ok(None);
        };
        let number = text.parse().map_err(|_| {
            Refusal::bad(format!(
                "{name}: `{text}` is no whole number that is taken here"
            ))
        });
        number.map(Some)
    }

    /// Reads the JSON body; an empty one counts as an empty object.
    fn body<T: for<'de> Deserialize<'de>>(&self) -> Result<T, Refusal> {
        let body = self.call.request.body();
        let text: &[u8] = if body.iter().all(u8::is_ascii_whitespace) {
            b"{}"
        } else {
            body
        };
        serde_json::from_slice(text)
            .map_err(|error| Refusal::bad(format!("the body is not what is taken here: {error}")))
    }

    /// Reads the conditions on exchanges from the query.
    fn wanted(&self) -> Result<Wanted, Refusal> {
        let wanted = Wanted {
            operation: self.parameter("operation").map(str::to_owned),
            method: self.parameter("method").map(str::to_owned),
            path: self.parameter("path").map(str::to_owned),
            status: match self.parameter("status") {
                Some(text) => Some(WantedStatus::parse(text).map_err(Refusal::bad)?),
                None => None,
            },
            since: self.number("since")?,
            ..Wanted::default()
        };
        known_operation(wanted.operation.as_deref())?;
        Ok(wanted)
    }

    /// Reads the conditions on exchanges from the body.
    fn wanted_by_body(&self) -> Result<Wanted, Refusal> {
        let wanted: Wanted = self.body()?;
        known_operation(wanted.operation.as_deref())?;
        Ok(wanted)
    }

    /// Returns the exchanges that meet the conditions, the oldest first, with their secrets.
    fn exchanges(&self, wanted: &Wanted) -> Result<Vec<Arc<Exchange>>, Refusal> {
        let worlds = self.all()?;
        let found = worlds.iter().map(|world| world.journal.find(wanted));
        let mut found: Vec<_> = found.flatten().collect();
        found.sort_by_key(|exchange| exchange.id);
        Ok(found)
    }

    /// Returns a document with a list of exchanges at its end, each without secrets.
    fn list_of(
        &self,
        (frame, end): (&Value, &'static str),
        exchanges: impl Iterator<Item = Arc<Exchange>> + Send + 'static,
        show: impl Fn(&Exchange) -> Value + Send + 'static,
    ) -> Granted {
        let redactor = self.control.redactor.clone();
        let shown = exchanges.map(move |exchange| {
            let shown = show(&exchange.redacted(&redactor));
            shown.to_string().into_bytes()
        });
        Granted::Long(Answer::of(around_a_list(frame, end, shown)))
    }

    /// Returns the exchanges that meet the conditions and ended after exchange `last`, in the order
    /// of their ends. Where the journal no longer has `last`, those with a greater number.
    fn missed(&self, last: u64, wanted: &Wanted) -> Vec<Arc<Exchange>> {
        let Ok(worlds) = self.all() else {
            return Vec::new();
        };
        let found = match worlds.iter().find_map(|world| world.journal.place(last)) {
            Some(place) => {
                let found = worlds
                    .iter()
                    .map(|world| world.journal.find_after(place, wanted));
                let mut found: Vec<_> = found.flatten().collect();
                found.sort_by_key(|&(place, _)| place);
                found.into_iter().map(|(_, exchange)| exchange).collect()
            }
            None => self
                .exchanges(&Wanted {
                    since: Some(wanted.since.map_or(last, |since| since.max(last))),
                    ..wanted.clone()
                })
                .unwrap_or_default(),
        };
        let redactor = &self.control.redactor;
        let clean = found.iter().map(|it| Arc::new(it.redacted(redactor)));
        clean.collect()
    }
}

/// Refuses an unknown operation, which could never match anything.
fn known_operation(operation: Option<&str>) -> Result<(), Refusal> {
    let Some(operation) = operation else {
        return Ok(());
    };
    if operations::names().any(|name| name == operation) {
        return Ok(());
    }
    let hint = did_you_mean(operation, operations::names());
    Err(Refusal::bad(format!(
        "operation: there is no `{operation}`; {hint}`whippy-mock routes` lists them all"
    )))
}

fn health(asked: &Asked<'_>) -> Outcome {
    let own = asked.call.worlds.own();
    let (world, stocks) = own.service.world();
    Ok(Granted::Json(json!({
        "status": "healthy",
        "message": "whippy-mock answers",
        "version": env!("CARGO_PKG_VERSION"),
        "uptimeInSeconds": asked.control.started.elapsed().as_secs(),
        "timestamp": asked.call.system.to_text(asked.local()),
        "world": world,
        "stocks": stocks,
        "worlds": asked.call.worlds.count(),
    })))
}

fn settings(asked: &Asked<'_>) -> Outcome {
    let worlds = asked.call.worlds;
    let (limits, by_token) = worlds.limits();
    let journal = worlds.share().limits();
    let own = worlds.own();
    let in_force = own.service.settings();
    let defects: Vec<_> = own.defects.names().collect();
    let watched = asked.control.watched.iter();
    let watched: Vec<_> = watched.map(|path| path.to_string_lossy()).collect();
    Ok(Granted::Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "defects": defects,
        "readings": in_force.profile.to_json(),
        "clock": clock_of(own, asked),
        "utc_offset": in_force.local.to_string(),
        "faults": own.faults().rules_json(),
        "tokens": in_force.tokens.len(),
        "has_login": in_force.credentials.is_some(),
        "has_admin_token": asked.control.token.is_some(),
        "worlds": {
            "most": limits.worlds,
            "idle_seconds": limits.idle.map(|micros| micros / 1_000_000),
            "by_token": by_token,
        },
        "data": asked.control.data.as_ref().map(|(path, options)| json!({
            "file": path.to_string_lossy(),
            "sync": match options.sync {
                Sync::Process => "process",
                Sync::Power => "power",
            },
            "limit_bytes": options.limit,
        })),
        "journal": {
            "exchanges": journal.exchanges,
            "body_bytes": journal.body,
            "bytes": journal.bytes,
        },
        "watched": watched,
        "token_lifetime_seconds": in_force.token_lifetime.map(|micros| micros / 1_000_000),
        "threads": Handle::try_current().map_or(1, |runtime| runtime.metrics().num_workers()),
        "seeds": assets::world_names().collect::<Vec<_>>(),
    })))
}

fn ready(_: &Asked<'_>) -> Outcome {
    Ok(Granted::Json(json!({"status": "ready"})))
}

fn shutdown(asked: &Asked<'_>) -> Outcome {
    // The answer to this request is in flight, so it still goes out.
    asked.control.shutdown.notify_one();
    Ok(Granted::Json(json!({"status": "stopping"})))
}

/// Returns the document of the Stock API in the form that the path's file name asks for.
fn stock_openapi(asked: &Asked<'_>) -> Outcome {
    let path = asked.call.request.uri().path();
    let file = path.rsplit('/').next().unwrap_or_default();
    let Some(form) = Form::of_file(file) else {
        return Err(Refusal::new(
            StatusCode::NOT_FOUND,
            format!("there is no `{file}`"),
        ));
    };
    let mut address = base(asked.call.request);
    if let Some(world) = asked.world.as_deref() {
        address += &worlds::prefix(world)?;
    }
    Ok(Granted::Text(form.media_type, form.text(Some(&address))))
}

fn admin_openapi(asked: &Asked<'_>) -> Outcome {
    let address = base(asked.call.request);
    Ok(Granted::Json(openapi::admin_api(Some(&address))))
}

fn docs_page(_: &Asked<'_>) -> Outcome {
    let page = page::page(&openapi::admin_api(None));
    Ok(Granted::Text("text/html; charset=utf-8", page))
}

#[derive(Deserialize)]
#[serde(expecting = "an object", deny_unknown_fields)]
struct ResetBody {
    world: Option<IgnoredAny>,
    clock: Option<Value>,
    profile: Option<Value>,
}

fn reset(asked: &Asked<'_>) -> Outcome {
    let reset = read_reset(asked)?;
    let world = asked.made()?;
    asked.call.worlds.reset(&world, reset, asked.call.system)?;
    Ok(Granted::Json(summary(&world)))
}

fn reset_world(asked: &Asked<'_>) -> Outcome {
    let reset = read_reset(asked)?;
    let world = asked.call.worlds.get(asked.argument)?;
    asked.call.worlds.reset(&world, reset, asked.call.system)?;
    Ok(Granted::Json(summary(&world)))
}

fn summary(world: &LiveWorld) -> Value {
    let (name, stocks) = world.service.world();
    json!({"world": name, "stocks": stocks})
}

/// Reads the parts of a reset, all of them before anything changes.
fn read_reset(asked: &Asked<'_>) -> Result<Reset, Refusal> {
    let body: ResetBody = asked.body()?;
    let world = body
        .world
        .and_then(|_| member(asked.call.request.body(), "world"));
    let store = world.map(named_or_whole).transpose()?;
    let clock = match &body.clock {
        None => None,
        Some(Value::String(text)) => Some(
            ClockMode::parse(text, asked.local())
                .map_err(|why| Refusal::bad(format!("clock: {why}")))?,
        ),
        Some(clock) => Some(clock_mode(clock, asked)?),
    };
    let profile = match &body.profile {
        None => None,
        Some(object) => {
            let mut profile = Profile::default();
            profile
                .apply_json(object)
                .map_err(|why| Refusal::bad(format!("profile: {why}")))?;
            Some(profile)
        }
    };
    Ok(Reset {
        store,
        clock,
        profile,
    })
}

/// The state that the JSON of a reset gives: the name of a built-in world, or a world.
fn named_or_whole(json: &[u8]) -> Result<Store, Refusal> {
    let Ok(name) = serde_json::from_slice::<String>(json) else {
        return load(json);
    };
    let built_in = assets::world(&name).ok_or_else(|| {
        let known: Vec<_> = assets::world_names().collect();
        Refusal::bad(format!(
            "there is no built-in world `{name}`; there are {}",
            known.join(", ")
        ))
    })?;
    load(built_in.as_bytes())
}

fn load(json: &[u8]) -> Result<Store, Refusal> {
    Store::from_json(json).map_err(|why| Refusal::bad(format!("world: {why}")))
}

#[derive(Deserialize)]
#[serde(tag = "mode", rename_all = "lowercase", deny_unknown_fields)]
enum ClockBody {
    Real {},
    Fixed {
        now: Option<String>,
        tick_microseconds: Option<i64>,
    },
    Running {
        now: Option<String>,
        speed: f64,
    },
}

/// Reads a clock from its JSON form. A form without a moment starts where the clock stands.
fn clock_mode(value: &Value, asked: &Asked<'_>) -> Result<ClockMode, Refusal> {
    if let Some(mode) = value.get("mode").and_then(Value::as_str)
        && !matches!(mode, "real" | "fixed" | "running")
    {
        return Err(Refusal::bad(format!(
            "clock: mode: `{mode}` is not `real`, `fixed` or `running`"
        )));
    }
    let clock: ClockBody = serde_json::from_value(value.clone())
        .map_err(|error| Refusal::bad(format!("clock: {error}")))?;
    let system = asked.call.system;
    let moment = |now: Option<String>| match now {
        None => {
            let name = asked.world.as_deref().unwrap_or(DEFAULT);
            let world = asked.call.worlds.get(name);
            let world = world.unwrap_or_else(|_| Arc::clone(asked.call.worlds.own()));
            Ok(world.service.clock().now(system).at)
        }
        Some(text) => Timestamp::parse(&text, asked.local()).map_err(|_| {
            Refusal::bad(format!(
                "clock: now: `{text}` is no date-time like 2023-05-10T13:37:18.209869+03:00"
            ))
        }),
    };
    let mode = match clock {
        ClockBody::Real {} => Ok(ClockMode::Real),
        ClockBody::Fixed {
            now,
            tick_microseconds,
        } => ClockMode::fixed(moment(now)?, tick_microseconds.unwrap_or(0)),
        ClockBody::Running { now, speed } => ClockMode::running(moment(now)?, system, speed),
    };
    mode.map_err(|why| Refusal::bad(format!("clock: {why}")))
}

fn show_clock(asked: &Asked<'_>) -> Outcome {
    Ok(Granted::Json(clock_of(&*asked.there()?, asked)))
}

fn clock_of(world: &LiveWorld, asked: &Asked<'_>) -> Value {
    let clock = world.service.clock();
    let now = clock.now(asked.call.system).at.to_text(asked.local());
    match clock.mode() {
        ClockMode::Real => json!({"mode": "real", "now": now}),
        ClockMode::Fixed { tick, .. } => {
            json!({"mode": "fixed", "now": now, "tick_microseconds": tick})
        }
        #[allow(clippy::cast_precision_loss)] // Eight digits at most.
        ClockMode::Running { speed, .. } => {
            json!({"mode": "running", "now": now, "speed": speed as f64 / 1e3})
        }
    }
}

fn set_clock(asked: &Asked<'_>) -> Outcome {
    let body: Value = asked.body()?;
    let mode = clock_mode(&body, asked)?;
    let world = asked.made()?;
    world.service.set_clock(mode)?;
    Ok(Granted::Json(clock_of(&world, asked)))
}

#[derive(Deserialize)]
#[serde(expecting = "an object", deny_unknown_fields)]
struct AdvanceBody {
    seconds: f64,
}

fn advance_clock(asked: &Asked<'_>) -> Outcome {
    let AdvanceBody { seconds } = asked.body()?;
    if !(0.0..=MAX_ADVANCE).contains(&seconds) {
        return Err(Refusal::bad(format!(
            "seconds: {seconds} is not between 0 and {MAX_ADVANCE}"
        )));
    }
    #[allow(clippy::cast_possible_truncation)] // At most ten years.
    let micros = (seconds * 1e6).round() as i64;
    let world = asked.made()?;
    world.service.advance_clock(micros)?;
    Ok(Granted::Json(clock_of(&world, asked)))
}

fn list_worlds(asked: &Asked<'_>) -> Outcome {
    let worlds = asked.call.worlds.all();
    let rows: Vec<_> = worlds
        .iter()
        .map(|world| {
            let (seed, stocks) = world.service.world();
            json!({
                "name": &**world.name(),
                "seed": seed,
                "stocks": stocks,
                "writes": world.service.kept().1,
                "last_used": world.used().map(|used| used.to_text(asked.local())),
            })
        })
        .collect();
    Ok(Granted::Json(json!({"worlds": rows})))
}

fn export_world(asked: &Asked<'_>) -> Outcome {
    let world = asked.call.worlds.get(asked.argument)?;
    let store = match asked.number("at")? {
        None => world.service.store(),
        Some(seq) => {
            let engine = world.service.at(seq).map_err(Refusal::bad)?;
            engine.store().clone()
        }
    };
    Ok(Granted::Long(Answer::of(store.into_pieces())))
}

fn diff_world(asked: &Asked<'_>) -> Outcome {
    let world = asked.call.worlds.get(asked.argument)?;
    let (first, last) = world.service.kept();
    let from = asked.number("from")?.unwrap_or(first);
    let to = asked.number("to")?.unwrap_or(last);
    let diff = world.service.diff(from, to).map_err(Refusal::bad)?;
    Ok(Granted::Json(diff))
}

fn import_world(asked: &Asked<'_>) -> Outcome {
    let store = load(asked.call.request.body())?;
    let worlds = asked.call.worlds;
    let is_new = worlds.get(asked.argument).is_err();
    let world = worlds.get_or_fork(asked.argument, asked.call.system)?;
    let imported = Reset {
        store: Some(store),
        ..Reset::default()
    };
    if let Err(why) = worlds.reset(&world, imported, asked.call.system) {
        if is_new {
            // Nothing of it was stored, so nothing needs to be undone.
            let _ = worlds.drop_world(asked.argument);
        }
        return Err(why.into());
    }
    let summary = summary(&world);
    Ok(if is_new {
        Granted::Created(summary)
    } else {
        Granted::Json(summary)
    })
}

fn drop_world(asked: &Asked<'_>) -> Outcome {
    asked.call.worlds.drop_world(asked.argument)?;
    Ok(Granted::Nothing)
}

#[derive(Deserialize)]
#[serde(expecting = "an object", deny_unknown_fields)]
struct ForkBody {
    #[serde(rename = "as")]
    name: String,
}

fn fork_world(asked: &Asked<'_>) -> Outcome {
    let ForkBody { name } = asked.body()?;
    let worlds = asked.call.worlds;
    let from = worlds.get(asked.argument)?;
    let fork = worlds.fork(&from, &name, asked.call.system)?;
    Ok(Granted::Created(summary(&fork)))
}

fn list_requests(asked: &Asked<'_>) -> Outcome {
    let limit = asked.number("limit")?.unwrap_or(LISTED);
    let found = asked.exchanges(&asked.wanted()?)?;
    let total = found.len();
    // The oldest ones for a client that reads on from a number, otherwise the newest.
    let shown: Vec<_> = if asked.parameter("since").is_some() {
        found.into_iter().take(limit).collect()
    } else {
        found
            .into_iter()
            .skip(total.saturating_sub(limit))
            .collect()
    };
    let lost: u64 = asked.all()?.iter().map(|world| world.journal.lost()).sum();
    let frame = json!({"count": total, "dropped": lost, "requests": []});
    let local = asked.local();
    Ok(asked.list_of((&frame, "]}"), shown.into_iter(), move |it| it.json(local)))
}

fn show_request(asked: &Asked<'_>) -> Outcome {
    let id: Option<u64> = asked.argument.parse().ok();
    let found = id.and_then(|id| {
        let since = Some(id.checked_sub(1)?);
        let wanted = Wanted {
            since,
            ..Wanted::default()
        };
        let found = asked.exchanges(&wanted).ok()?;
        found.into_iter().find(|exchange| exchange.id == id)
    });
    let found = found.ok_or_else(|| {
        let detail = format!("no exchange `{}` is in the journal", asked.argument);
        Refusal::new(StatusCode::NOT_FOUND, detail)
    })?;
    let found = found.redacted(&asked.control.redactor);
    Ok(Granted::Json(found.json(asked.local())))
}

fn clear_requests(asked: &Asked<'_>) -> Outcome {
    let cleared: usize = asked.all()?.iter().map(|world| world.journal.clear()).sum();
    Ok(Granted::Json(json!({"dropped": cleared})))
}

fn count_requests(asked: &Asked<'_>) -> Outcome {
    let found = asked.exchanges(&asked.wanted_by_body()?)?;
    Ok(Granted::Json(json!({"count": found.len()})))
}

fn find_requests(asked: &Asked<'_>) -> Outcome {
    let found = asked.exchanges(&asked.wanted_by_body()?)?;
    let frame = json!({"count": found.len(), "requests": []});
    let local = asked.local();
    Ok(asked.list_of((&frame, "]}"), found.into_iter(), move |it| it.json(local)))
}

fn archive(asked: &Asked<'_>) -> Outcome {
    let limit = asked.number("limit")?.unwrap_or(usize::MAX);
    let found = asked.exchanges(&asked.wanted()?)?;
    let skipped = found.len().saturating_sub(limit);
    let frame = exchange::har([]);
    let shown = found.into_iter().skip(skipped);
    Ok(asked.list_of((&frame, "]}}"), shown, Exchange::har))
}

fn follow(asked: &Asked<'_>) -> Outcome {
    match asked
        .world
        .as_deref()
        .map(|name| asked.call.worlds.get(name))
    {
        // A client may follow a world before it exists.
        None | Some(Ok(_) | Err(WorldError::Unknown(_))) => {}
        Some(Err(error)) => return Err(error.into()),
    }
    let wanted = asked.wanted()?;
    // Subscribed before the journal is read, so that no exchange is missed between the two.
    let feed = asked.control.feed.subscribe();
    let last = asked.call.request.headers().get("last-event-id");
    let last = last.and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let missed = last.map_or_else(Vec::new, |last| asked.missed(last, &wanted));
    Ok(Granted::Follow(Box::new(Followed {
        world: asked.world.as_deref().map(str::to_owned),
        wanted,
        missed,
        feed,
        per_second: asked.number("per_second")?,
    })))
}

/// Returns the verdicts on the clients of one world, or of every world.
fn verdicts(asked: &Asked<'_>) -> Result<Vec<WorldVerdict>, Refusal> {
    let worlds = asked.all()?;
    let redactor = &asked.control.redactor;
    let verdict = |world: &Arc<LiveWorld>| world.verdict(asked.call.system).redacted(redactor);
    Ok(worlds.iter().map(verdict).collect())
}

fn format(asked: &Asked<'_>) -> Result<Format, Refusal> {
    let format = asked.parameter("format").unwrap_or("json");
    format.parse().map_err(Refusal::bad)
}

fn show_findings(asked: &Asked<'_>) -> Outcome {
    let format = format(asked)?;
    let verdicts = verdicts(asked)?;
    let text = match format {
        Format::Json if !asked.flag("all")? => findings::short_json(&verdicts),
        format => findings::report(&verdicts, format),
    };
    Ok(Granted::Text(format.content_type(), text))
}

fn clear_findings(asked: &Asked<'_>) -> Outcome {
    let ids = asked.query.iter().filter(|(name, _)| name == "id");
    let forgiven: Vec<_> = ids.map(|(_, id)| mistake(id)).collect::<Result<_, _>>()?;
    for world in asked.all()? {
        let mut judge = world.judge();
        if forgiven.is_empty() {
            judge.clear();
        }
        for mistake in &forgiven {
            judge.forgive(mistake);
        }
    }
    Ok(Granted::Nothing)
}

fn mistake(id: &str) -> Result<&'static Mistake, Refusal> {
    let mut known = MISTAKES.iter().copied();
    known.find(|mistake| mistake.id == id).ok_or_else(|| {
        let id: String = id.chars().take(LONGEST_NAME_SHOWN).collect();
        let hint = did_you_mean(&id, MISTAKES.iter().map(|mistake| mistake.id));
        Refusal::bad(format!(
            "id: there is no finding `{id}`; {hint}docs/findings.md lists them all"
        ))
    })
}

fn show_coverage(asked: &Asked<'_>) -> Outcome {
    let format = format(asked)?;
    let text = findings::coverage_report(&verdicts(asked)?, format).ok_or_else(|| {
        Refusal::bad(format!(
            "format: coverage has no form `{format}`, in which cases pass or fail; it has json, \
             text and markdown"
        ))
    })?;
    Ok(Granted::Text(format.content_type(), text))
}

fn show_faults(asked: &Asked<'_>) -> Outcome {
    let mut shown = asked.there()?.faults().rules_json();
    if asked.flag("all")? {
        shown["worlds"] = faults_of_named(asked).into();
    }
    Ok(Granted::Json(shown))
}

/// Returns the rules of those named worlds that have any.
fn faults_of_named(asked: &Asked<'_>) -> Vec<Value> {
    let named = asked.call.worlds.all().into_iter().skip(1);
    let with_rules = named.filter(|world| !world.faults().is_empty());
    let rows = with_rules.map(|world| {
        let mut row = world.faults().rules_json();
        row["world"] = Value::from(&**world.name());
        row
    });
    rows.collect()
}

fn list_presets(_: &Asked<'_>) -> Outcome {
    let presets = assets::faults_names().map(|name| {
        let rules = assets::faults(name).unwrap_or_default();
        let mut preset = json!({"name": name});
        if let (Some(preset), Ok(Value::Object(rules))) =
            (preset.as_object_mut(), serde_json::from_str(rules))
        {
            preset.extend(rules);
        }
        preset
    });
    let presets: Vec<_> = presets.collect();
    Ok(Granted::Json(json!({"presets": presets})))
}

#[derive(Deserialize)]
#[serde(expecting = "an object", deny_unknown_fields)]
struct PresetBody {
    preset: String,
}

/// Reads rules from a body: a document of rules, or `{"preset": NAME}`.
fn read_faults(body: &[u8]) -> Result<FaultRules, Refusal> {
    let rules = match serde_json::from_slice::<PresetBody>(body) {
        Ok(PresetBody { preset }) => faults::preset(&preset),
        Err(_) => Faults::parse(body),
    };
    rules.map_err(|why| Refusal::bad(format!("faults: {why}")))
}

fn set_faults(asked: &Asked<'_>) -> Outcome {
    let rules = read_faults(asked.call.request.body())?;
    install(asked, Faults::new(rules, asked.call.system))?;
    show_faults(asked)
}

fn clear_faults(asked: &Asked<'_>) -> Outcome {
    asked.there()?;
    install(asked, Faults::default())?;
    Ok(Granted::Nothing)
}

/// Installs faults in the requested world, or in all worlds, those to come included.
fn install(asked: &Asked<'_>, faults: Faults) -> Result<(), Refusal> {
    match asked.world {
        Some(_) => asked.made()?.set_faults(faults),
        None => asked.call.worlds.set_faults(&faults, asked.call.system),
    }
    Ok(())
}

fn show_bundle(asked: &Asked<'_>) -> Outcome {
    let worlds = asked.all()?;
    let taken = worlds.iter().map(|world| {
        let exchanges = world.journal.find(&Wanted::default());
        let (service, defects) = (&world.service, &world.defects);
        Taken::of(world.name(), service, defects, &world.faults(), exchanges)
    });
    let redactor = asked.control.redactor.clone();
    let clean = move |exchange: &Exchange| exchange.redacted(&redactor);
    let bundle = bundle::pieces(taken.collect(), clean);
    Ok(Granted::Long(Answer::of(bundle)))
}

fn revoke_tokens(asked: &Asked<'_>) -> Outcome {
    for world in asked.all()? {
        world.service.revoke_tokens();
    }
    Ok(Granted::Nothing)
}

fn show_metrics(asked: &Asked<'_>) -> Outcome {
    #[allow(clippy::cast_precision_loss)] // Counts of this size are exact.
    let number = |count: usize| count as f64;
    let worlds = asked.call.worlds;
    let gauges = [
        (
            "uptime_seconds",
            "Since the mock started.",
            asked.control.started.elapsed().as_secs_f64(),
        ),
        (
            "worlds",
            "Worlds, the default one included.",
            number(worlds.count()),
        ),
        (
            "journal_bytes",
            "What all journals hold, about.",
            number(worlds.share().held()),
        ),
        (
            "stocks",
            "Stocks of the default world.",
            number(worlds.own().service.world().1),
        ),
    ];
    let text = asked.control.metrics.text(&gauges);
    Ok(Granted::Text(
        "text/plain; version=0.0.4; charset=utf-8",
        text,
    ))
}
