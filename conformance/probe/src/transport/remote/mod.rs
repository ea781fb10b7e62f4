//! A server over HTTP/1.1 or HTTP/2, without interference: no redirect is followed, nothing is
//! unpacked, and no write is ever sent twice.

pub mod connect;
mod pace;
mod tls;

use std::fmt::{self, Write as _};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Context;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName,
    HeaderValue, TRANSFER_ENCODING, USER_AGENT,
};
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::transport::target::{SeedState, Target, TargetError, origin_form};
use crate::workers::lock;
use connect::{Route, Stream};
use pace::Pace;

/// The largest answer that is read, bytes.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// The largest headers of an answer over HTTP/2, bytes.
const MAX_HEADERS: u32 = 64 * 1024;

/// The suite's name in requests, unless the caller gives one.
const AGENT: &str = concat!("whippy-conformance/", env!("CARGO_PKG_VERSION"));

/// The versions of HTTP to speak to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2 if the server agrees to it in TLS, otherwise HTTP/1.1.
    Either,
    /// HTTP/2: agreed in TLS, or without TLS from the first byte.
    Http2,
}

/// Options of the connection to a server.
#[derive(Clone)]
pub struct RemoteOptions {
    /// The base URL, `http[s]://HOST[:PORT][/PREFIX]`, which comes before `/api/v1/`.
    pub url: String,
    /// The time limit of an exchange, from the connection to the last byte.
    pub timeout: Duration,
    /// A PEM file of certificates to trust beside the system's.
    pub ca_cert: Option<Vec<u8>>,
    /// Is true if any certificate is trusted.
    pub insecure: bool,
    /// The proxy: `http://[USER:PASSWORD@]HOST[:PORT]`.
    pub proxy: Option<String>,
    /// Names and values of headers for every request that lacks them.
    pub headers: Vec<(String, String)>,
    /// The most requests a second, over all threads; `None`: no limit.
    pub rate: Option<f64>,
    /// Is true if HTTP/2 is required.
    pub http2: bool,
    /// The token for `/__admin/`, by which a whippy-mock is seeded.
    pub admin_token: Option<String>,
}

impl RemoteOptions {
    /// Returns the default options for a URL: a limit of 10 seconds, the system's certificates, no
    /// proxy, no limit of the rate.
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            timeout: Duration::from_secs(10),
            ca_cert: None,
            insecure: false,
            proxy: None,
            headers: Vec::new(),
            rate: None,
            http2: false,
            admin_token: None,
        }
    }
}

/// A mistake in the options: a sentence without a full stop, and without the secrets in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageError(pub String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

fn usage(why: impl Into<String>) -> UsageError {
    UsageError(why.into())
}

/// A server with its open connections.
pub struct Remote {
    base: String,
    authority: HeaderValue,
    timeout: Duration,
    headers: HeaderMap,
    admin_token: Option<String>,
    route: Route,
    pace: Option<Mutex<Pace>>,
    idle: Mutex<Vec<Worker>>,
}

/// The driver of one connection. Each has a runtime of its own, so that the sending thread also
/// reads: waking another one costs more than the exchange.
struct Worker {
    runtime: Runtime,
    link: Option<Link>,
}

/// One connection.
struct Link {
    wire: Wire,
    /// Is true if a byte has arrived since this was last cleared.
    heard: Arc<AtomicBool>,
}

/// The protocol of a connection.
#[allow(clippy::large_enum_variant)] // There is one a thread.
enum Wire {
    Http1(Http1),
    /// The connection runs as a task of the worker's runtime.
    Http2(http2::SendRequest<Full<Bytes>>),
}

struct Http1 {
    sender: http1::SendRequest<Full<Bytes>>,
    /// `None` once the connection has ended.
    connection: Option<http1::Connection<TokioIo<Stream>, Full<Bytes>>>,
}

/// Reasons why an attempt failed.
enum Failure {
    /// Trying again would not help, or would do harm.
    Final(TargetError),
    /// The connection had been idle too long, and no byte of an answer arrived.
    Stale { is_unsent: bool, error: TargetError },
}

impl Remote {
    /// Prepares a server without connecting yet.
    pub fn new(options: RemoteOptions) -> Result<Self, UsageError> {
        let speaks = if options.http2 {
            Speaks::Http2
        } else {
            Speaks::Http1
        };
        let route = Route::new(&options, speaks)?;
        if options.timeout.is_zero() {
            return Err(usage("a timeout of nothing leaves no time for an answer"));
        }
        let rate = options.rate.map(|rate| {
            Pace::new(rate)
                .ok_or_else(|| usage(format!("the rate must be greater than 0, not {rate}")))
        });
        let authority = HeaderValue::from_str(&route.authority)
            .map_err(|_| usage("the URL's host has characters that no host has"))?;
        Ok(Self {
            base: route.base.clone(),
            authority,
            timeout: options.timeout,
            headers: extra_headers(&options.headers)?,
            admin_token: options.admin_token,
            pace: rate.transpose()?.map(Mutex::new),
            route,
            idle: Mutex::default(),
        })
    }

    /// Returns the request as it is sent.
    fn outgoing(&self, request: &Request<Bytes>) -> Request<Full<Bytes>> {
        let mut outgoing = request.clone();
        // HTTP/2 carries scheme and host beside the path.
        if !self.route.is_http2() && !self.route.is_absolute_form() {
            *outgoing.uri_mut() = origin_form(request.uri());
        }
        let is_post = request.method() == Method::POST;
        let length = request.body().len();
        let headers = outgoing.headers_mut();
        // Without a length or a coding there is no body, and gateways expect a POST to state that.
        let is_framed = headers.contains_key(TRANSFER_ENCODING);
        if !is_framed && !headers.contains_key(CONTENT_LENGTH) && (is_post || length > 0) {
            headers.insert(CONTENT_LENGTH, length.into());
        }
        if !self.route.is_http2() {
            let host = self.authority.clone();
            headers.entry(HOST).or_insert(host);
        }
        for name in self.headers.keys() {
            if !headers.contains_key(name) {
                for value in self.headers.get_all(name) {
                    headers.append(name, value.clone());
                }
            }
        }
        let agent = HeaderValue::from_static(AGENT);
        headers.entry(USER_AGENT).or_insert(agent);
        if let Some((name, value)) = self.route.proxy_header() {
            headers.insert(name, value);
        }
        outgoing.map(Full::new)
    }

    fn worker(&self) -> Result<Worker, TargetError> {
        if let Some(worker) = lock(&self.idle).pop() {
            return Ok(worker);
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| {
                TargetError::Unreachable(format!("the system gives no sockets: {error}"))
            })?;
        Ok(Worker {
            runtime,
            link: None,
        })
    }

    /// Returns the error with advice, if it looks like that of a server that expects TLS.
    fn explained(&self, error: TargetError) -> TargetError {
        match error {
            TargetError::Broken(why) if self.base.starts_with("http:") && why.contains(NO_HTTP) => {
                TargetError::Broken(format!("{why}: if it speaks TLS, give a URL of https://"))
            }
            error => error,
        }
    }

    fn keep_pace(&self) {
        if let Some(pace) = &self.pace {
            let wait = lock(pace).next(Instant::now());
            std::thread::sleep(wait);
        }
    }

    /// Makes one attempt, over the worker's connection or a new one.
    fn attempt(
        &self,
        worker: &mut Worker,
        outgoing: Request<Full<Bytes>>,
        deadline: Instant,
    ) -> Result<Response<Bytes>, Failure> {
        let Worker { runtime, link } = worker;
        let mut kept = link.take();
        let mut is_connected = false;
        let peer = self.route.peer();
        runtime.block_on(async {
            let exchange = async {
                let is_kept = match &mut kept {
                    Some(link) => link.is_alive().await,
                    None => false,
                };
                let alive = kept.take().filter(|_| is_kept);
                let mut current = if let Some(kept) = alive {
                    kept
                } else {
                    let stream = self.route.connect().await.map_err(Failure::Final)?;
                    Link::over(stream).await.map_err(Failure::Final)?
                };
                is_connected = true;
                let answer = current.exchange(outgoing, peer, is_kept).await?;
                *link = Some(current);
                Ok(answer)
            };
            let answer = tokio::time::timeout_at(deadline.into(), exchange).await;
            answer.unwrap_or_else(|_| {
                Err(Failure::Final(if is_connected {
                    TargetError::TimedOut(self.timeout)
                } else {
                    let seconds = self.timeout.as_secs_f64();
                    let why = format!("no connection to {peer} within {seconds} s");
                    TargetError::Unreachable(why)
                }))
            })
        })
    }
}

impl Target for Remote {
    fn base(&self) -> &str {
        &self.base
    }

    fn send(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, TargetError> {
        if request.uri().authority().map(http::uri::Authority::as_str)
            != self.authority.to_str().ok()
        {
            return Err(TargetError::Forbidden(format!(
                "{} is not at {}",
                request.uri(),
                self.base
            )));
        }
        let outgoing = self.outgoing(request);
        self.keep_pace();
        let mut worker = self.worker()?;
        let deadline = Instant::now() + self.timeout;
        let mut answer = self.attempt(&mut worker, outgoing.clone(), deadline);
        if let Err(Failure::Stale { is_unsent, .. }) = answer
            && (is_unsent || is_safe(request.method()))
        {
            answer = self.attempt(&mut worker, outgoing, deadline);
        }
        lock(&self.idle).push(worker);
        answer.map_err(|failure| self.explained(failure.into_error()))
    }

    fn seed(&self, state: &SeedState) -> Result<(), TargetError> {
        let body = json!({
            "world": state.world,
            "clock": state.clock,
            "profile": state.profile,
        });
        let not_seedable = |why: String| TargetError::NotSeedable(why);
        let mut request = Request::post(format!("{}/__admin/reset", self.base))
            .header(CONTENT_TYPE, "application/json");
        if let Some(token) = &self.admin_token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request
            .body(Bytes::from(body.to_string()))
            .map_err(|_| not_seedable("the admin token is none that a header can hold".into()))?;
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
}

impl Failure {
    fn into_error(self) -> TargetError {
        match self {
            Self::Final(error) | Self::Stale { error, .. } => error,
        }
    }
}

impl Link {
    async fn over(stream: Stream) -> Result<Self, TargetError> {
        let heard = stream.heard();
        let failed = |error: hyper::Error| TargetError::Broken(causes(&error));
        let wire = if stream.is_http2 {
            let (sender, connection) = http2::Builder::new(TokioExecutor::new())
                .max_header_list_size(MAX_HEADERS)
                .handshake(TokioIo::new(stream))
                .await
                .map_err(failed)?;
            tokio::spawn(connection);
            Wire::Http2(sender)
        } else {
            let (sender, connection) = http1::Builder::new()
                .max_headers(512)
                .handshake(TokioIo::new(stream))
                .await
                .map_err(failed)?;
            Wire::Http1(Http1 {
                sender,
                connection: Some(connection),
            })
        };
        Ok(Self { wire, heard })
    }

    /// Returns `true` if an idle connection still seems to be open.
    async fn is_alive(&mut self) -> bool {
        // Gives the system one chance to report that the server has closed the connection.
        tokio::task::yield_now().await;
        match &mut self.wire {
            Wire::Http1(wire) => {
                let is_ready = wire
                    .drive(async |sender| sender.ready().await.is_ok())
                    .await;
                is_ready && wire.connection.is_some()
            }
            Wire::Http2(sender) => {
                // After that the connection's own task gets a chance.
                tokio::task::yield_now().await;
                sender.ready().await.is_ok() && !sender.is_closed()
            }
        }
    }

    async fn exchange(
        &mut self,
        outgoing: Request<Full<Bytes>>,
        peer: &str,
        is_kept: bool,
    ) -> Result<Response<Bytes>, Failure> {
        self.heard.store(false, Ordering::Relaxed);
        let sent = match &mut self.wire {
            Wire::Http1(wire) => {
                wire.drive(async |sender| sender.try_send_request(outgoing).await)
                    .await
            }
            Wire::Http2(sender) => sender.try_send_request(outgoing).await,
        };
        let response = match sent {
            Ok(response) => response,
            Err(mut failed) => {
                let is_unsent = failed.take_message().is_some();
                let error = broken(failed.error(), peer);
                let is_silent = !self.heard.load(Ordering::Relaxed);
                return Err(
                    if is_kept && is_silent && is_connection_loss(failed.error()) {
                        Failure::Stale { is_unsent, error }
                    } else {
                        Failure::Final(error)
                    },
                );
            }
        };
        let (head, body) = response.into_parts();
        let body = whole(body, peer);
        let body = match &mut self.wire {
            Wire::Http1(wire) => wire.drive(async |_| body.await).await,
            Wire::Http2(_) => body.await,
        };
        let body = body.map_err(Failure::Final)?;
        Ok(Response::from_parts(head, body))
    }
}

impl Http1 {
    /// Drives the connection while work is done over it.
    async fn drive<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut http1::SendRequest<Full<Bytes>>) -> T,
    ) -> T {
        let Self { sender, connection } = self;
        let mut run = |context: &mut Context<'_>| {
            let running = connection.as_mut();
            if running.is_some_and(|running| Pin::new(running).poll(context).is_ready()) {
                *connection = None;
            }
        };
        let mut work = pin!(work(sender));
        std::future::poll_fn(|context| {
            run(context);
            let outcome = work.as_mut().poll(context);
            if outcome.is_ready() {
                return outcome;
            }
            // Sends the request that the work has just made.
            run(context);
            work.as_mut().poll(context)
        })
        .await
    }
}

/// Returns `true` for a method that only reads.
pub fn is_safe(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS].contains(method)
}

/// Returns `true` for an error of the connection rather than of the data received over it.
pub fn is_connection_loss(error: &hyper::Error) -> bool {
    !error.is_parse() && !error.is_user()
}

/// The words of a sentence about an answer that is not HTTP.
const NO_HTTP: &str = "is no HTTP";

/// Returns the error of a broken connection, as a sentence.
pub fn broken(error: &hyper::Error, peer: &str) -> TargetError {
    TargetError::Broken(if error.is_incomplete_message() || error.is_canceled() {
        format!("{peer} closed the connection without a whole answer")
    } else if error.is_parse_too_large() {
        format!("{peer} answers with a head that is too large")
    } else if error.is_parse() {
        format!("what {peer} answers {NO_HTTP}: {}", causes(error))
    } else {
        format!("the connection to {peer} failed: {}", causes(error))
    })
}

/// Reads a body to its end.
async fn whole(mut body: Incoming, peer: &str) -> Result<Bytes, TargetError> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            TargetError::Broken(format!(
                "the answer of {peer} breaks off after {} bytes: {}",
                bytes.len(),
                causes(&error)
            ))
        })?;
        let Some(data) = frame.data_ref() else {
            continue;
        };
        if bytes.len() + data.len() > MAX_ANSWER {
            return Err(TargetError::Broken(format!(
                "the answer of {peer} is larger than {} MiB",
                MAX_ANSWER / 1024 / 1024
            )));
        }
        bytes.extend_from_slice(data);
    }
    Ok(bytes.freeze())
}

/// Returns an error with its causes.
pub fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

/// Returns the headers to send with every request.
pub fn extra_headers(given: &[(String, String)]) -> Result<HeaderMap, UsageError> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let parsed = HeaderName::from_bytes(name.as_bytes());
        let parsed = parsed.map_err(|_| usage(format!("`{name}` is no header's name")))?;
        if parsed == AUTHORIZATION {
            return Err(usage("the header Authorization is the token's own"));
        }
        if [HOST, CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION].contains(&parsed) {
            return Err(usage(format!(
                "the header {parsed} is set by the transport"
            )));
        }
        let value = HeaderValue::from_str(value).map_err(|_| {
            usage(format!(
                "the value of {parsed} is none that a header can have"
            ))
        })?;
        headers.append(parsed, value);
    }
    Ok(headers)
}
