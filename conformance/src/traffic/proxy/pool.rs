//! The connections to the service.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::header::{HOST, HeaderValue};
use http::{Request, Response, Version};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::ext::ReasonPhrase;
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::outgoing::Outgoing;
use super::{MAX_HEAD, MAX_HEADERS};
use crate::transport::remote::connect::{FirstLine, Route};
use crate::transport::remote::{UsageError, broken, is_connection_loss};
use crate::transport::target::TargetError;
use crate::workers::lock;

/// The most idle connections that are kept.
const MOST_IDLE: usize = 256;

/// The time that an idle connection is kept. Services usually close theirs after a minute.
const KEPT: Duration = Duration::from_secs(50);

/// A connection for one exchange at a time.
pub(super) struct Line {
    sender: http1::SendRequest<Outgoing>,
    /// Is true if a byte has arrived since this was last cleared.
    heard: Arc<AtomicBool>,
    /// The first line that has arrived since then.
    start: FirstLine,
    since: Instant,
}

/// The idle connections.
#[derive(Clone, Default)]
pub(super) struct Shelf(Arc<Mutex<Vec<Line>>>);

impl Shelf {
    /// Keeps a connection if it can be used again.
    pub(super) fn keep(&self, mut line: Line) {
        if line.sender.is_closed() {
            return;
        }
        line.since = Instant::now();
        let mut lines = lock(&self.0);
        if lines.len() < MOST_IDLE {
            lines.push(line);
        }
    }

    /// Takes the connection that was used last.
    fn take(&self) -> Option<Line> {
        let mut lines = lock(&self.0);
        lines.retain(|line| line.since.elapsed() < KEPT && !line.sender.is_closed());
        lines.pop()
    }
}

/// The head of an answer, and the connection to keep after its body.
pub(super) struct Attempt {
    pub(super) response: Response<Incoming>,
    pub(super) line: Option<Line>,
}

/// Reasons why an attempt failed.
enum Failure {
    /// Trying again would not help, or would do harm.
    Final(TargetError),
    /// The connection was closed before the request was sent, which comes back.
    Unsent(Box<Request<Outgoing>>),
    /// The connection was closed before a byte of an answer arrived.
    Stale(TargetError),
}

/// The connections to one service.
pub(super) struct Pool {
    route: Route,
    authority: HeaderValue,
    shelf: Shelf,
    /// The one connection for all exchanges, where the service speaks HTTP/2.
    shared: Mutex<Option<http2::SendRequest<Outgoing>>>,
}

impl Pool {
    pub(super) fn new(route: Route) -> Result<Self, UsageError> {
        let authority = HeaderValue::from_str(&route.authority)
            .map_err(|_| UsageError("the URL's host has characters that no host has".to_owned()))?;
        Ok(Self {
            route,
            authority,
            shelf: Shelf::default(),
            shared: Mutex::default(),
        })
    }

    pub(super) fn route(&self) -> &Route {
        &self.route
    }

    /// Returns the service's own host, as its clients name it.
    pub(super) fn authority(&self) -> &HeaderValue {
        &self.authority
    }

    pub(super) fn shelf(&self) -> Shelf {
        self.shelf.clone()
    }

    /// Sends a request. It is sent twice only if the first attempt cannot have reached the service,
    /// or if it is safe to repeat (`is_repeatable`) and the connection was gone.
    pub(super) async fn exchange(
        &self,
        mut request: Request<Outgoing>,
        is_repeatable: bool,
    ) -> Result<Attempt, TargetError> {
        let shared = lock(&self.shared).clone();
        if let Some(sender) = shared.filter(|sender| !sender.is_closed()) {
            let again = is_repeatable.then(|| empty_copy(&request));
            match self.over_http2(sender, request).await {
                Ok(attempt) => return Ok(attempt),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Unsent(unsent)) => request = *unsent,
                Err(Failure::Stale(error)) => request = again.ok_or(error)?,
            }
        } else if let Some(line) = self.shelf.take() {
            // Gives the system one chance to report that the service has closed the connection.
            tokio::task::yield_now().await;
            let again = is_repeatable.then(|| empty_copy(&request));
            match self.over_http1(line, request, true).await {
                Ok(attempt) => return Ok(attempt),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Unsent(unsent)) => request = *unsent,
                Err(Failure::Stale(error)) => request = again.ok_or(error)?,
            }
        }
        let attempt = self.over_a_new_one(request).await;
        attempt.map_err(|failure| match failure {
            Failure::Final(error) | Failure::Stale(error) => error,
            Failure::Unsent(_) => TargetError::Broken(format!(
                "{} closed the connection without a whole answer",
                self.route.peer()
            )),
        })
    }

    async fn over_a_new_one(&self, request: Request<Outgoing>) -> Result<Attempt, Failure> {
        let mut stream = self.route.connect().await.map_err(Failure::Final)?;
        let heard = stream.heard();
        let start = stream.first_line();
        let is_http2 = stream.is_http2;
        let failed = |error: hyper::Error| Failure::Final(broken(&error, self.route.peer()));
        if is_http2 {
            let (sender, connection) = http2::Builder::new(TokioExecutor::new())
                .max_header_list_size(u32::try_from(MAX_HEAD).unwrap_or(u32::MAX))
                .handshake(TokioIo::new(stream))
                .await
                .map_err(failed)?;
            tokio::spawn(connection);
            *lock(&self.shared) = Some(sender.clone());
            return self.over_http2(sender, request).await;
        }
        let (sender, connection) = http1::Builder::new()
            .preserve_header_case(true)
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_HEAD)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(failed)?;
        tokio::spawn(connection);
        let line = Line {
            sender,
            heard,
            start,
            since: Instant::now(),
        };
        self.over_http1(line, request, false).await
    }

    async fn over_http1(
        &self,
        mut line: Line,
        request: Request<Outgoing>,
        is_kept: bool,
    ) -> Result<Attempt, Failure> {
        line.heard.store(false, Ordering::Relaxed);
        line.start.clear();
        if line.sender.ready().await.is_err() {
            return Err(Failure::Unsent(Box::new(request)));
        }
        match line.sender.try_send_request(request).await {
            Ok(mut response) => {
                // hyper drops a reason phrase that is not ASCII.
                let reason = line.start.reason(response.status());
                if let Some(reason) = reason.and_then(|reason| ReasonPhrase::try_from(reason).ok())
                {
                    response.extensions_mut().insert(reason);
                }
                Ok(Attempt {
                    response,
                    line: Some(line),
                })
            }
            Err(mut failed) => {
                let unsent = failed.take_message();
                let error = broken(failed.error(), self.route.peer());
                let is_silent = !line.heard.load(Ordering::Relaxed);
                Err(match unsent {
                    Some(unsent) if is_kept => Failure::Unsent(Box::new(unsent)),
                    _ if is_kept && is_silent && is_connection_loss(failed.error()) => {
                        Failure::Stale(error)
                    }
                    _ => Failure::Final(error),
                })
            }
        }
    }

    async fn over_http2(
        &self,
        mut sender: http2::SendRequest<Outgoing>,
        mut request: Request<Outgoing>,
    ) -> Result<Attempt, Failure> {
        // HTTP/2 has the host in the request line.
        let host = request.headers_mut().remove(HOST);
        let host = host.as_ref().and_then(|host| host.to_str().ok());
        let target = request.uri().path_and_query().map_or("/", |t| t.as_str());
        let authority = host.unwrap_or(&self.route.authority);
        if let Ok(uri) = format!("https://{authority}{target}").parse() {
            *request.uri_mut() = uri;
        }
        *request.version_mut() = Version::HTTP_2;
        if sender.ready().await.is_err() {
            return Err(Failure::Unsent(Box::new(self.for_http1(request))));
        }
        match sender.try_send_request(request).await {
            Ok(response) => Ok(Attempt {
                response,
                line: None,
            }),
            Err(mut failed) => {
                let unsent = failed.take_message();
                let error = broken(failed.error(), self.route.peer());
                Err(match unsent {
                    Some(unsent) => Failure::Unsent(Box::new(self.for_http1(unsent))),
                    None if failed.error().is_closed() => Failure::Stale(error),
                    None => Failure::Final(error),
                })
            }
        }
    }

    /// Restores a request that was made one of HTTP/2.
    fn for_http1(&self, mut request: Request<Outgoing>) -> Request<Outgoing> {
        let host = request.uri().authority().map(http::uri::Authority::as_str);
        let host = host.and_then(|host| HeaderValue::from_str(host).ok());
        let host = host.unwrap_or_else(|| self.authority.clone());
        request.headers_mut().insert(HOST, host);
        *request.uri_mut() = crate::transport::target::origin_form(request.uri());
        *request.version_mut() = Version::HTTP_11;
        request
    }
}

/// Copies a request that has no body.
fn empty_copy(request: &Request<Outgoing>) -> Request<Outgoing> {
    let mut copy = Request::new(Outgoing::empty());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    *copy.extensions_mut() = request.extensions().clone();
    copy
}
