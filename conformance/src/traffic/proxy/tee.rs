//! Exchanges and the bodies of answers on their way. Each exchange is passed to the judge at its
//! end.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, request};
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::Sleep;
use whippy_engine::model::time::Timestamp;

use super::forward;
use super::outgoing::{Copy, Sent};
use super::pool::{Line, Shelf};
use super::queue::Queue;
use crate::traffic::{Ending, Extent, Observed};
use crate::transport::remote::causes;
use crate::workers::Stopwatch;

/// A request, as the judge will see it.
pub(super) struct Asked {
    id: u64,
    at: Timestamp,
    watch: Stopwatch,
    method: Method,
    uri: Uri,
    version: http::Version,
    headers: HeaderMap,
}

impl Asked {
    pub(super) fn new(id: u64, at: Timestamp, head: &request::Parts) -> Self {
        let mut headers = head.headers.clone();
        if !headers.contains_key(HOST) {
            headers.insert(HOST, forward::host(head));
        }
        Self {
            id,
            at,
            watch: Stopwatch::start(),
            method: head.method.clone(),
            uri: crate::transport::target::origin_form(&head.uri),
            version: head.version,
            headers,
        }
    }

    fn observed(self, sent: Option<&Sent>, came: Ending) -> Observed {
        let (body, request_body) = sent.map_or((Bytes::new(), Extent::Whole), Sent::taken);
        let mut request = Request::new(body);
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        *request.version_mut() = self.version;
        *request.headers_mut() = self.headers;
        Observed {
            id: self.id,
            at: self.at,
            micros: self.watch.micros(),
            request,
            request_body,
            came,
        }
    }
}

/// An exchange whose end is not known yet. Dropping it means that the client has left.
pub(super) struct Pending {
    asked: Option<Asked>,
    sent: Option<Sent>,
    queue: Queue,
}

impl Pending {
    pub(super) fn new(asked: Asked, sent: Option<Sent>, queue: Queue) -> Self {
        Self {
            asked: Some(asked),
            sent,
            queue,
        }
    }

    /// Ends the exchange and passes it to the judge.
    pub(super) fn came(mut self, came: Ending) {
        self.end(came);
    }

    fn end(&mut self, came: Ending) {
        if let Some(asked) = self.asked.take() {
            self.queue.push(asked.observed(self.sent.as_ref(), came));
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.end(Ending::Abandoned);
    }
}

/// An answer whose body is on its way.
pub(super) struct Answer {
    pub(super) pending: Pending,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) limit: usize,
    pub(super) timeout: Duration,
    pub(super) peer: String,
}

/// The body of an answer.
pub(super) enum Passing {
    /// The body from the service.
    Through(Box<Through>),
    /// The body of the proxy's own answer.
    Own(Full<Bytes>),
}

/// The body of the service's answer on its way.
pub(super) struct Through {
    inner: Incoming,
    copy: Copy,
    /// The answer; `None` once the judge has it.
    answer: Option<Answer>,
    /// The connection that the body comes over, and the shelf to return it to.
    line: Option<(Line, Shelf)>,
    /// The time limit for the next part, while one is awaited.
    patience: Option<Pin<Box<Sleep>>>,
    /// Is true for a 304: its length is that of a body that it does not have. The length is passed
    /// on only if the body does not claim to be empty.
    is_not_modified: bool,
}

impl Passing {
    pub(super) fn own(text: String) -> Self {
        Self::Own(Full::new(text.into()))
    }

    pub(super) fn through(inner: Incoming, answer: Answer, line: Option<(Line, Shelf)>) -> Self {
        Self::Through(Box::new(Through {
            inner,
            copy: Copy::new(answer.limit),
            is_not_modified: answer.status == StatusCode::NOT_MODIFIED,
            answer: Some(answer),
            line,
            patience: None,
        }))
    }
}

/// The reason why an answer breaks off. The client's connection then breaks as well.
#[derive(Debug)]
pub(super) struct BreaksOff(String);

impl fmt::Display for BreaksOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BreaksOff {}

impl Through {
    /// Passes the exchange to the judge, and returns the connection for the next request.
    fn end(&mut self, failure: Option<String>) {
        let Some(answer) = self.answer.take() else {
            return;
        };
        let is_over = self.inner.is_end_stream();
        let is_sent = answer.pending.sent.as_ref().is_none_or(Sent::is_over);
        if let Some((line, shelf)) = self.line.take()
            && is_over
            && is_sent
            && failure.is_none()
        {
            shelf.keep(line);
        }
        let came = if let Some(why) = failure {
            Ending::Failed { why, status: None }
        } else {
            let left = "a body that the client did not wait for";
            let (bytes, body) = self.copy.taken(is_over, left);
            let mut response = Response::new(bytes);
            *response.status_mut() = answer.status;
            *response.headers_mut() = answer.headers;
            Ending::Answer { response, body }
        };
        answer.pending.came(came);
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BreaksOff>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(context) else {
            let Some(answer) = &self.answer else {
                return Poll::Pending;
            };
            let timeout = answer.timeout;
            let patience = self
                .patience
                .get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
            ready!(patience.as_mut().poll(context));
            let seconds = timeout.as_secs_f64();
            let why = format!(
                "the answer of {} stops: nothing more within {seconds} s",
                answer.peer
            );
            self.end(Some(why.clone()));
            return Poll::Ready(Some(Err(BreaksOff(why))));
        };
        self.patience = None;
        Poll::Ready(match frame {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    self.copy.add(data);
                }
                if self.inner.is_end_stream() {
                    self.end(None);
                }
                Some(Ok(frame))
            }
            Some(Err(error)) => {
                let peer = self.answer.as_ref().map_or("", |answer| &answer.peer);
                let why = format!("the answer of {peer} breaks off: {}", causes(&error));
                self.end(Some(why.clone()));
                Some(Err(BreaksOff(why)))
            }
            None => {
                self.end(None);
                None
            }
        })
    }
}

impl Drop for Through {
    fn drop(&mut self) {
        self.end(None);
    }
}

impl Body for Passing {
    type Data = Bytes;
    type Error = BreaksOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BreaksOff>>> {
        match &mut *self {
            Self::Through(through) => through.poll(context),
            Self::Own(body) => Pin::new(body)
                .poll_frame(context)
                .map_err(|never| match never {}),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Through(through) if through.is_not_modified => false,
            Self::Through(through) => through.inner.is_end_stream(),
            Self::Own(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Through(through) if through.is_not_modified => SizeHint::default(),
            Self::Through(through) => through.inner.size_hint(),
            Self::Own(body) => body.size_hint(),
        }
    }
}
