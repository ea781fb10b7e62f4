//! Bodies of answers: whole, cut short, slow, made while they are sent, or events as they happen.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;
use tokio::time::Sleep;

use super::activity::Activity;

/// The error that ends a connection instead of an answer.
#[derive(Debug)]
pub(super) struct Unanswered;

impl std::fmt::Display for Unanswered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a defect leaves the request without an answer")
    }
}

impl std::error::Error for Unanswered {}

/// The body of an answer.
pub(super) enum Payload {
    Whole(Full<Bytes>),
    Stream(Events),
    /// Made while it is sent, over a connection that stays alive as long as it is read. The last
    /// piece is `None`; an end without it breaks the answer off.
    Pieces(mpsc::Receiver<Option<Bytes>>, Arc<Activity>),
    Cut {
        announced: u64,
        /// The part that is still to be sent; `None` once it has been handed over.
        part: Option<Bytes>,
        flushed: bool,
    },
    Slow {
        /// Bytes that are still to be sent.
        left: u64,
        pieces: VecDeque<Bytes>,
        every: Duration,
        pause: Pin<Box<Sleep>>,
    },
}

/// Events as they happen. The connection counts as busy until they are dropped.
pub(super) struct Events {
    pub(super) receiver: mpsc::Receiver<Bytes>,
    pub(super) busy: Arc<AtomicU32>,
}

impl Drop for Events {
    fn drop(&mut self) {
        self.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Payload {
    pub(super) fn whole(body: Bytes) -> Self {
        Self::Whole(Full::new(body))
    }

    /// Sends the first `after` bytes of the body, then breaks the connection.
    pub(super) fn cut(body: &Bytes, after: usize) -> Self {
        Self::Cut {
            announced: body.len() as u64,
            part: Some(body.slice(..after)),
            flushed: false,
        }
    }

    /// Sends the body in `chunks` pieces, spread evenly over a time.
    pub(super) fn slow(body: &Bytes, chunks: u32, over: Duration) -> Self {
        let size = body.len().div_ceil(chunks.max(1) as usize).max(1);
        let pieces: VecDeque<_> = (0..body.len())
            .step_by(size)
            .map(|from| body.slice(from..body.len().min(from + size)))
            .collect();
        let pauses = u32::try_from(pieces.len()).unwrap_or(u32::MAX);
        Self::Slow {
            left: body.len() as u64,
            every: over / pauses.max(1),
            pieces,
            pause: Box::pin(tokio::time::sleep(Duration::ZERO)),
        }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Unanswered;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Unanswered>>> {
        match self.get_mut() {
            Self::Whole(body) => Pin::new(body)
                .poll_frame(context)
                .map_err(|never| match never {}),
            Self::Stream(events) => events
                .receiver
                .poll_recv(context)
                .map(|event| event.map(|event| Ok(Frame::data(event)))),
            Self::Pieces(pieces, activity) => {
                activity.touch();
                pieces.poll_recv(context).map(|next| match next {
                    Some(piece) => piece.map(|piece| Ok(Frame::data(piece))),
                    None => Some(Err(Unanswered)),
                })
            }
            Self::Slow {
                left,
                pieces,
                every,
                pause,
            } => {
                if pieces.is_empty() {
                    return Poll::Ready(None);
                }
                std::task::ready!(pause.as_mut().poll(context));
                pause.as_mut().reset(tokio::time::Instant::now() + *every);
                let piece = pieces.pop_front().unwrap_or_default();
                *left -= piece.len() as u64;
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            Self::Cut { part, flushed, .. } => match part.take() {
                Some(part) => Poll::Ready(Some(Ok(Frame::data(part)))),
                // Bytes handed over are flushed to the client before the connection breaks.
                None if !*flushed => {
                    *flushed = true;
                    context.waker().wake_by_ref();
                    Poll::Pending
                }
                None => Poll::Ready(Some(Err(Unanswered))),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_end_stream(),
            Self::Slow { pieces, .. } => pieces.is_empty(),
            Self::Stream(_) | Self::Pieces(..) | Self::Cut { .. } => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Stream(_) | Self::Pieces(..) => SizeHint::default(),
            Self::Slow { left, .. } => SizeHint::with_exact(*left),
            Self::Cut { announced, .. } => SizeHint::with_exact(*announced),
        }
    }
}
