//! `/__admin/`: looking after a running mock. One table of routes.
//!
//! Whoever may drive it: this machine alone unless a token is set, and never a web
//! page of another origin. Refusals are problem documents (RFC 9457).

#![allow(clippy::unnecessary_wraps)] // Handlers of one table have one shape.

use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use http::header::{
    ALLOW, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, ORIGIN, WWW_AUTHENTICATE,
};
use http::{Method, Request, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::assets;
use crate::clock::{ClockMode, MAX_ADVANCE};
use crate::model::time::Timestamp;
use crate::problem::Problem;
use crate::profile::Profile;
use crate::service::{Reset, Service};
use crate::store::Store;
use crate::store::world::World;

/// Where the admin paths begin.
pub const PREFIX: &str = "/__admin/";

/// What the admin paths need beside the service.
#[derive(Debug)]
pub struct Control {
    /// The token that lets others in; `None`: this machine alone.
    pub token: Option<String>,
    /// Since when the mock runs.
    pub started: Instant,
}

/// One admin request.
#[derive(Debug, Clone, Copy)]
pub struct AdminCall<'a> {
    /// The service it is about.
    pub service: &'a Service,
    /// The request.
    pub request: &'a Request<Bytes>,
    /// Who asks.
    pub peer: SocketAddr,
    /// The system's time.
    pub system: Timestamp,
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Refusal {
    status: StatusCode,
    detail: String,
    allow: Option<String>,
}

type Outcome = Result<Value, Refusal>;

/// A route of the admin API.
struct AdminRoute {
    method: Method,
    path: &'static str,
    handler: fn(&Control, AdminCall<'_>) -> Outcome,
}

const fn route(
    method: Method,
    path: &'static str,
    handler: fn(&Control, AdminCall<'_>) -> Outcome,
) -> AdminRoute {
    AdminRoute {
        method,
        path,
        handler,
    }
}

#[rustfmt::skip]
const ROUTES: &[AdminRoute] = &[
    route(Method::GET,  "/__admin/health",        health),
    route(Method::POST, "/__admin/reset",         reset),
    route(Method::GET,  "/__admin/clock",         show_clock),
    route(Method::PUT,  "/__admin/clock",         set_clock),
    route(Method::POST, "/__admin/clock/advance", advance_clock),
    route(Method::GET,  "/__admin/openapi.json",  openapi),
];

impl Refusal {
    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
            allow: None,
        }
    }

    fn bad(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
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

impl Control {
    /// Answers an admin request.
    pub fn answer(&self, call: AdminCall<'_>) -> Response<Bytes> {
        let path = call.request.uri().path();
        if let Err(refusal) = self.admit(call) {
            return refusal.response();
        }
        let routes: Vec<_> = ROUTES.iter().filter(|route| route.path == path).collect();
        if routes.is_empty() {
            let mut known: Vec<_> = ROUTES.iter().map(|route| route.path).collect();
            known.dedup();
            let detail = format!(
                "there is no `{path}`; the admin paths are {}",
                known.join(", ")
            );
            return Refusal::new(StatusCode::NOT_FOUND, detail).response();
        }
        let method = call.request.method();
        let outcome = if let Some(route) = routes.iter().find(|route| route.method == *method) {
            (route.handler)(self, call)
        } else {
            let allow: Vec<_> = routes.iter().map(|route| route.method.as_str()).collect();
            Err(not_allowed(method, allow.join(", ")))
        };
        match outcome {
            Ok(value) => respond(StatusCode::OK, "application/json", value.to_string()),
            Err(refusal) => refusal.response(),
        }
    }

    /// The refusal of a request whose body the server could not take.
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

    /// Whether the caller may drive the mock. A page in a browser on this machine is
    /// told by its `Origin`, or by a `Host` that a foreign name was made to resolve to.
    fn admit(&self, call: AdminCall<'_>) -> Result<(), Refusal> {
        let header = |name| {
            let value = call.request.headers().get(name);
            value.and_then(|value: &HeaderValue| value.to_str().ok())
        };
        let forbidden = |detail: &str| Refusal::new(StatusCode::FORBIDDEN, detail);
        let host = match call.request.uri().authority() {
            Some(authority) => Some(authority.as_str()),
            None => header(HOST.as_str()),
        };
        let origin = call.request.headers().get(ORIGIN);
        let own_origin = |origin: &HeaderValue| {
            let origin = origin.to_str().ok()?;
            let (_, authority) = origin.split_once("://")?;
            (Some(authority) == host).then_some(())
        };
        if origin.is_some_and(|origin| own_origin(origin).is_none())
            || matches!(header("sec-fetch-site"), Some("cross-site" | "same-site"))
        {
            return Err(forbidden("a page of another origin may not drive the mock"));
        }
        match &self.token {
            Some(token) => {
                let is_health = call.request.uri().path() == "/__admin/health";
                let given = header(AUTHORIZATION.as_str())
                    .and_then(|value| value.split_once(' '))
                    .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
                    .map(|(_, given)| given.trim());
                if is_health || given == Some(token) {
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

/// The JSON body; an empty one is an empty object.
fn body<T: for<'a> Deserialize<'a>>(call: AdminCall<'_>) -> Result<T, Refusal> {
    let body = call.request.body();
    let text: &[u8] = if body.iter().all(u8::is_ascii_whitespace) {
        b"{}"
    } else {
        body
    };
    serde_json::from_slice(text)
        .map_err(|error| Refusal::bad(format!("the body is not what is taken here: {error}")))
}

fn health(control: &Control, call: AdminCall<'_>) -> Outcome {
    let (world, stocks) = call.service.world();
    let local = call.service.local();
    Ok(json!({
        "status": "healthy",
        "message": "whippy-mock answers",
        "version": env!("CARGO_PKG_VERSION"),
        "uptimeInSeconds": control.started.elapsed().as_secs(),
        "timestamp": call.system.to_text(local),
        "world": world,
        "stocks": stocks,
    }))
}

fn openapi(_: &Control, _: AdminCall<'_>) -> Outcome {
    Ok(assets::openapi_bundle())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResetBody {
    world: Option<Value>,
    clock: Option<Value>,
    profile: Option<Value>,
}

fn reset(_: &Control, call: AdminCall<'_>) -> Outcome {
    let asked: ResetBody = body(call)?;
    let store = match &asked.world {
        None => None,
        Some(Value::String(name)) => {
            let json = assets::world(name).ok_or_else(|| {
                let known: Vec<_> = assets::world_names().collect();
                Refusal::bad(format!(
                    "there is no built-in world `{name}`; there are {}",
                    known.join(", ")
                ))
            })?;
            Some(load(json.as_bytes())?)
        }
        Some(world) => Some(load(world.to_string().as_bytes())?),
    };
    let clock = match &asked.clock {
        None => None,
        Some(Value::String(text)) => {
            let local = call.service.local();
            Some(
                ClockMode::parse(text, local)
                    .map_err(|why| Refusal::bad(format!("clock: {why}")))?,
            )
        }
        Some(clock) => Some(clock_mode(clock, call)?),
    };
    let profile = match &asked.profile {
        None => None,
        Some(object) => {
            let mut profile = Profile::default();
            profile
                .apply_json(object)
                .map_err(|why| Refusal::bad(format!("profile: {why}")))?;
            Some(profile)
        }
    };
    call.service.reset(Reset {
        store,
        clock,
        profile,
    });
    let (world, stocks) = call.service.world();
    Ok(json!({"world": world, "stocks": stocks}))
}

fn load(json: &[u8]) -> Result<Store, Refusal> {
    World::from_json(json)
        .and_then(|world| Store::load(&world))
        .map_err(|why| Refusal::bad(format!("world: {why}")))
}

#[derive(Deserialize)]
#[serde(tag = "mode", rename_all = "lowercase", deny_unknown_fields)]
enum ClockBody {
    Real {},
    Fixed {
        now: Option<String>,
        tick_microseconds: Option<i64>,
    },
}

/// A clock from its JSON form. A fixed one that names no moment stops where the
/// clock stands.
fn clock_mode(value: &Value, call: AdminCall<'_>) -> Result<ClockMode, Refusal> {
    let asked: ClockBody = serde_json::from_value(value.clone())
        .map_err(|error| Refusal::bad(format!("clock: {error}")))?;
    let local = call.service.local();
    match asked {
        ClockBody::Real {} => Ok(ClockMode::Real),
        ClockBody::Fixed {
            now,
            tick_microseconds,
        } => {
            let now = match now {
                None => call.service.clock().now(call.system).at,
                Some(text) => Timestamp::parse(&text, local).map_err(|_| {
                    Refusal::bad(format!(
                        "clock: now: `{text}` is no date-time like 2023-05-10T13:37:18.209869+03:00"
                    ))
                })?,
            };
            ClockMode::fixed(now, tick_microseconds.unwrap_or(0))
                .map_err(|why| Refusal::bad(format!("clock: {why}")))
        }
    }
}

fn show_clock(_: &Control, call: AdminCall<'_>) -> Outcome {
    let clock = call.service.clock();
    let now = clock.now(call.system).at;
    let now = now.to_text(call.service.local());
    Ok(match clock.mode() {
        ClockMode::Real => json!({"mode": "real", "now": now}),
        ClockMode::Fixed { tick, .. } => {
            json!({"mode": "fixed", "now": now, "tick_microseconds": tick})
        }
    })
}

fn set_clock(control: &Control, call: AdminCall<'_>) -> Outcome {
    let asked: Value = body(call)?;
    call.service.set_clock(clock_mode(&asked, call)?);
    show_clock(control, call)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AdvanceBody {
    seconds: f64,
}

fn advance_clock(control: &Control, call: AdminCall<'_>) -> Outcome {
    let AdvanceBody { seconds } = body(call)?;
    if !(0.0..=MAX_ADVANCE).contains(&seconds) {
        return Err(Refusal::bad(format!(
            "seconds: {seconds} is not between 0 and {MAX_ADVANCE}"
        )));
    }
    #[allow(clippy::cast_possible_truncation)] // At most ten years.
    let micros = (seconds * 1e6).round() as i64;
    call.service.advance_clock(micros);
    show_clock(control, call)
}
