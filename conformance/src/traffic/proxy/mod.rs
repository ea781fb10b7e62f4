//! A reverse proxy that changes nothing and shows the judge everything.
//!
//! Clients speak HTTP/1.1, or HTTP/2 with prior knowledge. The service speaks HTTP/1.1, or HTTP/2
//! over TLS where it can. Bodies pass frame by frame as they arrive. The judge gets a copy of their
//! beginning and works on another thread, so that nobody waits for it.

mod forward;
mod outgoing;
mod pool;
mod queue;
mod tee;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::workers::system_time;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use crate::traffic::Ending;
use crate::transport::remote::connect::Route;
use crate::transport::remote::{RemoteOptions, Speaks, UsageError, extra_headers, is_safe};
use crate::transport::target::TargetError;
use outgoing::{Outgoing, Sent};
use pool::{Attempt, Pool};
pub use queue::{Queue, QueueLimits, Seen, queue};
use tee::{Asked, Passing, Pending};

/// The most client connections at a time; further ones wait.
const CONNECTIONS: usize = 1024;

/// The largest head of a request or an answer, in bytes and in headers.
const MAX_HEAD: usize = 1024 * 1024;
const MAX_HEADERS: usize = 512;

/// The time that a client may keep a connection without a request.
const IDLE: Duration = Duration::from_secs(90);

/// The time that exchanges in flight have at the end.
const DRAIN: Duration = Duration::from_secs(5);

/// The first bytes of a client that speaks HTTP/2 with prior knowledge.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Options of a proxy.
#[derive(Clone)]
pub struct ProxyOptions {
    /// The route to the service. Its timeout applies to the head of an answer, and then to each
    /// part of the body.
    pub upstream: RemoteOptions,
    /// Is true where the service gets the client's `Host`, and not its own.
    pub preserve_host: bool,
    /// The largest part of a body that is copied for the judge, bytes.
    pub body_limit: usize,
}

/// A proxy that does not listen yet.
pub struct Proxy {
    pool: Pool,
    /// The headers to add to requests that lack them.
    headers: HeaderMap,
    preserve_host: bool,
    body_limit: usize,
    timeout: Duration,
    queue: Queue,
    next: AtomicU64,
}

impl Proxy {
    /// Creates a proxy to a service, without connecting yet.
    pub fn new(options: ProxyOptions, queue: Queue) -> Result<Self, UsageError> {
        let ProxyOptions { upstream, .. } = options;
        if upstream.timeout.is_zero() {
            return Err(UsageError(
                "a timeout of nothing leaves no time for an answer".to_owned(),
            ));
        }
        let route = Route::new(&upstream, Speaks::Either)?;
        Ok(Self {
            headers: extra_headers(&upstream.headers)?,
            pool: Pool::new(route)?,
            preserve_host: options.preserve_host,
            body_limit: options.body_limit,
            timeout: upstream.timeout,
            queue,
            next: AtomicU64::new(1),
        })
    }

    /// Returns the base URL of the service, without a slash at the end.
    pub fn base(&self) -> &str {
        &self.pool.route().base
    }

    /// Serves clients until `stop` changes or its sender is dropped, then lets exchanges in flight
    /// finish.
    pub async fn run(self: Arc<Self>, listener: TcpListener, mut stop: watch::Receiver<bool>) {
        let connections = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let permit = tokio::select! {
                permit = Arc::clone(&connections).acquire_owned() => permit,
                _ = stop.changed() => break,
            };
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = stop.changed() => break,
            };
            let Ok((stream, _)) = accepted else {
                // Out of file descriptors: connected clients go on, and each that leaves makes
                // room.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let (proxy, stop) = (Arc::clone(&self), stop.clone());
            tokio::spawn(async move {
                proxy.serve(stream, stop).await;
                drop(permit);
            });
        }
        drop(listener);
        let all = u32::try_from(CONNECTIONS).unwrap_or(u32::MAX);
        let drained = tokio::time::timeout(DRAIN, connections.acquire_many(all)).await;
        drop(drained);
    }

    /// Serves one connection.
    async fn serve(self: Arc<Self>, stream: TcpStream, mut stop: watch::Receiver<bool>) {
        let _ = stream.set_nodelay(true);
        // hyper's reader that detects HTTP/2 costs a copy, so it serves only clients that may be
        // about to send the preface.
        let mut first = [0; PREFACE.len()];
        let peeked = tokio::select! {
            peeked = tokio::time::timeout(IDLE, stream.peek(&mut first)) => peeked,
            _ = stop.changed() => return,
        };
        let seen = match peeked {
            Ok(Ok(count)) if count > 0 => &first[..count],
            _ => return,
        };
        let may_be_http2 = PREFACE.starts_with(seen);
        let stream = TokioIo::new(stream);
        let service = service_fn(|request| {
            let proxy = Arc::clone(&self);
            async move { Ok::<_, Infallible>(proxy.pass(request).await) }
        });
        if may_be_http2 {
            let mut builder = auto::Builder::new(TokioExecutor::new());
            builder
                .http1()
                .timer(TokioTimer::new())
                .half_close(true)
                .header_read_timeout(IDLE)
                .preserve_header_case(true)
                .auto_date_header(false)
                .max_headers(MAX_HEADERS)
                .max_buf_size(MAX_HEAD);
            builder
                .http2()
                .timer(TokioTimer::new())
                .auto_date_header(false)
                .max_concurrent_streams(256)
                .max_header_list_size(u32::try_from(MAX_HEAD).unwrap_or(u32::MAX));
            let connection = builder.serve_connection(stream, service);
            until_stopped(connection, stop, |connection| {
                connection.graceful_shutdown();
            })
            .await;
        } else {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                // A client may shut down its sending side and still read.
                .half_close(true)
                .header_read_timeout(IDLE)
                .preserve_header_case(true)
                // The proxy adds nothing that the service did not send.
                .auto_date_header(false)
                .max_headers(MAX_HEADERS)
                .max_buf_size(MAX_HEAD)
                .serve_connection(stream, service);
            until_stopped(connection, stop, |connection| {
                connection.graceful_shutdown();
            })
            .await;
        }
    }

    /// Passes a request on, and its answer back.
    async fn pass(&self, request: Request<Incoming>) -> Response<Passing> {
        let (head, body) = request.into_parts();
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let asked = Asked::new(number, system_time(), &head);
        if head.method == Method::CONNECT {
            let why =
                "CONNECT is for proxies that clients choose; this one stands before a service";
            let pending = Pending::new(asked, None, self.queue.clone());
            return refusal(StatusCode::NOT_IMPLEMENTED, why, pending);
        }
        let sent = (!body.is_end_stream()).then(|| Sent::new(self.body_limit));
        let is_repeatable = sent.is_none() && is_safe(&head.method);
        // If the client leaves before there is an answer, all of this is dropped.
        let pending = Pending::new(asked, sent.clone(), self.queue.clone());
        let route = self.pool.route();
        let target = route.target(&head.uri);
        let Ok(target) = target else {
            let why = "the path is none that can be passed on";
            return refusal(StatusCode::BAD_REQUEST, why, pending);
        };
        let host = if self.preserve_host {
            forward::host(&head)
        } else {
            self.pool.authority().clone()
        };
        let mut outgoing = Request::new(Outgoing::new(body, sent.clone()));
        *outgoing.method_mut() = head.method.clone();
        *outgoing.uri_mut() = target;
        *outgoing.headers_mut() = forward::of_request(&head, &host);
        // hyper keeps the client's spelling of header names here, for HTTP/1.1.
        *outgoing.extensions_mut() = head.extensions;
        for name in self.headers.keys() {
            if !outgoing.headers().contains_key(name) {
                for value in self.headers.get_all(name) {
                    outgoing.headers_mut().append(name, value.clone());
                }
            }
        }
        if let Some((name, value)) = route.proxy_header() {
            outgoing.headers_mut().insert(name, value);
        }
        let exchange = self.pool.exchange(outgoing, is_repeatable);
        let answer = tokio::select! {
            biased;
            answer = exchange => answer,
            () = self.silence(sent.as_ref()) => Err(TargetError::TimedOut(self.timeout)),
        };
        match answer {
            Ok(Attempt { response, line }) => {
                let (mut head, body) = response.into_parts();
                head.headers = forward::of_answer(&head.headers);
                // Each connection has its own version of HTTP.
                head.version = http::Version::default();
                let answer = tee::Answer {
                    pending,
                    status: head.status,
                    headers: head.headers.clone(),
                    limit: self.body_limit,
                    timeout: self.timeout,
                    peer: route.peer().to_owned(),
                };
                let line = line.map(|line| (line, self.pool.shelf()));
                Response::from_parts(head, Passing::through(body, answer, line))
            }
            // The service is not to blame for a request that it never got whole.
            Err(_) if sent.as_ref().is_some_and(Sent::is_cut) => {
                pending.came(Ending::Abandoned);
                own(StatusCode::BAD_REQUEST, CUT)
            }
            Err(error) => {
                let status = match error {
                    TargetError::TimedOut(_) => StatusCode::GATEWAY_TIMEOUT,
                    _ => StatusCode::BAD_GATEWAY,
                };
                let why = match error {
                    TargetError::TimedOut(limit) => {
                        format!(
                            "no answer from {} within {} s",
                            route.peer(),
                            limit.as_secs_f64()
                        )
                    }
                    TargetError::Unreachable(why) | TargetError::Broken(why) => why,
                    other => other.to_string(),
                };
                refusal(status, &why, pending)
            }
        }
    }

    /// Waits until the client has sent nothing for the time that the service may take.
    async fn silence(&self, sent: Option<&Sent>) {
        let mut since = Instant::now();
        loop {
            tokio::time::sleep_until((since + self.timeout).into()).await;
            match sent.and_then(Sent::last) {
                Some(last) if last > since => since = last,
                _ => return,
            }
        }
    }
}

/// Makes an answer of the proxy itself: a status and a sentence.
fn refusal(status: StatusCode, why: &str, pending: Pending) -> Response<Passing> {
    pending.came(Ending::Failed {
        why: why.to_owned(),
        status: Some(status.as_u16()),
    });
    own(status, why)
}

/// The sentence to a client whose body is not whole.
const CUT: &str = "the client ended before its body was whole";

fn own(status: StatusCode, why: &str) -> Response<Passing> {
    let text = format!("whippy-conformance watch: {why}\n");
    let mut response = Response::new(Passing::own(text));
    *response.status_mut() = status;
    let media = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, media);
    response
}

/// Drives a connection to its end. When the proxy stops, exchanges in flight still finish.
async fn until_stopped<C: Future>(
    connection: C,
    mut stop: watch::Receiver<bool>,
    goodbye: impl FnOnce(Pin<&mut C>),
) {
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        _ = &mut connection => return,
        _ = stop.changed() => {}
    }
    goodbye(connection.as_mut());
    // The client has seen any error as a broken connection.
    let _ = connection.await;
}
