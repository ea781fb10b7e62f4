//! Bodies on their way, and the copy of their beginning that is kept for the judge.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::header::HOST;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, request};
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::Sleep;
use whippy_engine::model::time::Timestamp;

use super::forward;
use super::pool::{Line, Shelf};
use super::queue::Queue;
use crate::traffic::{Came, Extent, Observed};
use crate::transport::remote::causes;
use crate::workers::{Stopwatch, lock};

/// The beginning of a body, and how long it is so far.
#[derive(Debug)]
struct Copy {
    bytes: BytesMut,
    size: usize,
    limit: usize,
}

impl Copy {
    fn new(limit: usize) -> Self {
        Self {
            bytes: BytesMut::new(),
            size: 0,
            limit,
        }
    }

    fn add(&mut self, data: &[u8]) {
        self.size += data.len();
        let room = self.limit - self.bytes.len();
        self.bytes.extend_from_slice(&data[..data.len().min(room)]);
    }

    /// What is kept, and whether that is all; `is_over`: whether the body was.
    fn taken(&mut self, is_over: bool, otherwise: &str) -> (Bytes, Extent) {
        let bytes = self.bytes.split().freeze();
        let extent = if bytes.len() < self.size {
            Extent::Part(format!("a body of more than {} bytes", self.limit))
        } else if is_over {
            Extent::Whole
        } else {
            Extent::Part(otherwise.to_owned())
        };
        (bytes, extent)
    }
}

/// The body of a request on its way; clones are of the same.
#[derive(Debug, Clone)]
pub(super) struct Sent(Arc<Mutex<Sending>>);

#[derive(Debug)]
struct Sending {
    copy: Copy,
    is_over: bool,
    last: Option<Instant>,
}

impl Sent {
    pub(super) fn new(limit: usize) -> Self {
        Self(Arc::new(Mutex::new(Sending {
            copy: Copy::new(limit),
            is_over: false,
            last: None,
        })))
    }

    /// When the last part of it came.
    pub(super) fn last(&self) -> Option<Instant> {
        lock(&self.0).last
    }

    fn is_over(&self) -> bool {
        lock(&self.0).is_over
    }

    fn taken(&self) -> (Bytes, Extent) {
        let mut sending = lock(&self.0);
        let is_over = sending.is_over;
        sending
            .copy
            .taken(is_over, "a body that the service did not wait for")
    }
}

/// The body of a request as it is passed on.
pub(super) struct Outgoing {
    inner: Option<Incoming>,
    sent: Option<Sent>,
}

impl Outgoing {
    pub(super) fn new(inner: Incoming, sent: Option<Sent>) -> Self {
        Self {
            inner: Some(inner),
            sent,
        }
    }

    pub(super) fn empty() -> Self {
        Self {
            inner: None,
            sent: None,
        }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(inner) = &mut self.inner else {
            return Poll::Ready(None);
        };
        let frame = ready!(Pin::new(&mut *inner).poll_frame(context));
        let is_over = frame.is_none() || inner.is_end_stream();
        if let Some(sent) = &self.sent {
            let mut sending = lock(&sent.0);
            sending.last = Some(Instant::now());
            sending.is_over |= is_over;
            if let Some(Ok(frame)) = &frame
                && let Some(data) = frame.data_ref()
            {
                sending.copy.add(data);
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.inner {
            None => SizeHint::with_exact(0),
            Some(inner) => inner.size_hint(),
        }
    }
}

/// A request that was asked, as the judge will see it.
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

    fn observed(self, sent: Option<&Sent>, came: Came) -> Observed {
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

/// An exchange of which it is not known what comes of it. Where it is dropped, the client
/// went away.
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

    /// Gives the exchange to the judge.
    pub(super) fn came(mut self, came: Came) {
        self.end(came);
    }

    fn end(&mut self, came: Came) {
        if let Some(asked) = self.asked.take() {
            self.queue.push(asked.observed(self.sent.as_ref(), came));
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.end(Came::Abandoned);
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
    /// The service's.
    Through(Box<Through>),
    /// The proxy's own.
    Own(Full<Bytes>),
}

/// The service's, on its way.
pub(super) struct Through {
    inner: Incoming,
    copy: Copy,
    /// `None` once the judge has it.
    answer: Option<Answer>,
    /// The connection that it comes over, and where to put that.
    line: Option<(Line, Shelf)>,
    /// How long the next part may take; there while one is waited for.
    patience: Option<Pin<Box<Sleep>>>,
    /// Whether it is a 304, whose length is that of a body that it does not have. It goes on
    /// only if the body does not say that it is empty.
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

/// Why an answer breaks off; whoever gets it sees its connection break off as well.
#[derive(Debug)]
pub(super) struct BreaksOff(String);

impl fmt::Display for BreaksOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BreaksOff {}

impl Through {
    /// Gives the exchange to the judge, and the connection to the next request.
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
            Came::Failed { why, status: None }
        } else {
            let left = "a body that the client did not wait for";
            let (bytes, body) = self.copy.taken(is_over, left);
            let mut response = Response::new(bytes);
            *response.status_mut() = answer.status;
            *response.headers_mut() = answer.headers;
            Came::Answer { response, body }
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
