//! Bodies of requests on their way, with a copy of their beginning for the judge.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame, Incoming, SizeHint};

use crate::traffic::Extent;
use crate::workers::lock;

/// The beginning of a body, and its length so far.
#[derive(Debug)]
pub(super) struct Copy {
    bytes: BytesMut,
    size: usize,
    limit: usize,
}

impl Copy {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            bytes: BytesMut::new(),
            size: 0,
            limit,
        }
    }

    pub(super) fn add(&mut self, data: &[u8]) {
        self.size += data.len();
        let room = self.limit - self.bytes.len();
        self.bytes.extend_from_slice(&data[..data.len().min(room)]);
    }

    /// Takes the copy with its extent. `is_over` tells that the body was sent completely;
    /// `otherwise` is the reason if it was not.
    pub(super) fn taken(&mut self, is_over: bool, otherwise: &str) -> (Bytes, Extent) {
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

/// The body of a request on its way; clones share it.
#[derive(Debug, Clone)]
pub(super) struct Sent(Arc<Mutex<Sending>>);

#[derive(Debug)]
struct Sending {
    copy: Copy,
    is_over: bool,
    /// Is true if the client's connection broke before the end.
    is_cut: bool,
    last: Option<Instant>,
}

impl Sent {
    pub(super) fn new(limit: usize) -> Self {
        Self(Arc::new(Mutex::new(Sending {
            copy: Copy::new(limit),
            is_over: false,
            is_cut: false,
            last: None,
        })))
    }

    /// Returns the moment when its last part arrived.
    pub(super) fn last(&self) -> Option<Instant> {
        lock(&self.0).last
    }

    pub(super) fn is_over(&self) -> bool {
        lock(&self.0).is_over
    }

    /// Returns `true` if the client ended before the body was whole.
    pub(super) fn is_cut(&self) -> bool {
        lock(&self.0).is_cut
    }

    pub(super) fn taken(&self) -> (Bytes, Extent) {
        let mut sending = lock(&self.0);
        let is_over = sending.is_over;
        let otherwise = if sending.is_cut {
            "a body that the client ended before it was whole"
        } else {
            "a body that the service did not wait for"
        };
        sending.copy.taken(is_over, otherwise)
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
            sending.is_cut |= matches!(frame, Some(Err(_)));
            sending.is_over |= is_over && !sending.is_cut;
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
