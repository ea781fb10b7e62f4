//! Acts: what happens at a point of an exchange, as data.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http::header::{CONTENT_TYPE, HeaderValue};
use serde_json::{Value, json};

use super::chance::Chance;
use super::matching::Glob;
use whippy_engine::problem::Problem;

/// An event at one point of an exchange.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// A time passes.
    Delay(Duration),
    /// The request is held.
    Hold(Hold),
    /// The client gets a refusal: before the commit in place of carrying the request out, after it
    /// in place of the real answer.
    Answer(Problem),
    /// The connection is closed properly, without any answer.
    EmptyReply,
    /// The connection is reset, without any answer.
    Reset,
    /// Bytes that are not HTTP are sent, and the connection is closed.
    Garbage(Garbage),
    /// The head and a part of the announced body are sent; then the connection is closed.
    Truncate(Cut),
    /// The body is sent in pieces, spread evenly over a time.
    SlowBody {
        /// The number of pieces.
        chunks: u32,
        /// The time from the first to the last.
        over: Duration,
    },
    /// The answer is changed, by [`Plan::edit`](super::Plan::edit).
    Edit(Edit),
}

/// The time that a request is held.
#[derive(Debug, Clone, PartialEq)]
pub struct Hold {
    until: Option<Glob>,
    /// The time after which the request goes on in any case.
    pub at_most: Duration,
}

impl Hold {
    pub(super) fn new(until: Option<Glob>, at_most: Duration) -> Self {
        Self { until, at_most }
    }

    /// Returns `true` if a commit of this operation, by another request, ends it.
    pub fn ends_with(&self, operation: &str) -> bool {
        self.until.as_ref().is_some_and(|glob| glob.fits(operation))
    }

    /// Returns `true` if a commit can end it before its time.
    pub fn awaits_a_commit(&self) -> bool {
        self.until.is_some()
    }
}

/// Bytes that are not HTTP, equal at every call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Garbage {
    pub(super) seed: u32,
    pub(super) bytes: u32,
}

impl Garbage {
    /// Returns the bytes.
    pub fn bytes(self) -> Bytes {
        let mut bytes = Chance::of(u64::from(self.seed), 0, 0).bytes(self.bytes);
        // The highest bit is set, so that no status line can begin so.
        if let Some(first) = bytes.first_mut() {
            *first |= 0x80;
        }
        bytes.into()
    }
}

/// The place where a body is cut off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cut {
    /// After this number of bytes.
    Bytes(u32),
    /// After this part of the body, from 0 to 1.
    Fraction(f64),
}

impl Cut {
    /// Returns the number of bytes of a body that are sent, always fewer than all.
    pub fn of(self, length: usize) -> usize {
        let most = length.saturating_sub(1);
        match self {
            Self::Bytes(bytes) => usize::try_from(bytes).unwrap_or(usize::MAX).min(most),
            Self::Fraction(fraction) => {
                // A body has at most some gigabytes, so a float holds its length exactly.
                #[allow(
                    clippy::cast_precision_loss,
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss
                )]
                let bytes = (length as f64 * fraction) as usize;
                bytes.min(most)
            }
        }
    }
}

/// A change to an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// The last bracket becomes a comma: the length stays, but it is not JSON.
    MalformedBody,
    /// The content type becomes another.
    WrongContentType(HeaderValue),
}

impl Edit {
    pub(super) fn apply(&self, response: &mut Response<Bytes>) {
        match self {
            Self::MalformedBody => {
                let body = response.body();
                let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok();
                let last = body.iter().rposition(|byte| !byte.is_ascii_whitespace());
                if let (true, Some(last)) = (is_json, last) {
                    let mut bytes = body.to_vec();
                    bytes[last] = b',';
                    *response.body_mut() = bytes.into();
                }
            }
            Self::WrongContentType(value) => {
                response.headers_mut().insert(CONTENT_TYPE, value.clone());
            }
        }
    }
}

impl Act {
    /// Returns `true` if it decides the answer; an exchange has one such act.
    pub fn is_ending(&self) -> bool {
        !matches!(self, Self::Delay(_) | Self::Hold(_) | Self::Edit(_))
    }

    /// Returns `true` if no part of the answer reaches the client.
    pub fn is_silent(&self) -> bool {
        matches!(self, Self::EmptyReply | Self::Reset | Self::Garbage(_))
    }

    /// Returns the rank of the act after the commit: another answer first, then changes of the
    /// answer, then waiting, and at last the sending.
    pub(super) fn place(&self) -> u8 {
        match self {
            Self::Answer(_) => 0,
            Self::Edit(_) => 1,
            Self::Delay(_) | Self::Hold(_) => 2,
            _ => 3,
        }
    }

    /// Returns the `fault` of a rule that always has this act.
    pub(super) fn to_json(&self) -> Value {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        match self {
            Self::Delay(time) => json!({"kind": "delay", "milliseconds": millis(*time)}),
            Self::Hold(hold) => {
                let mut json = json!({"kind": "hold"});
                if let Some(until) = &hold.until {
                    json["until_commit"] = until.text().into();
                }
                json["milliseconds"] = millis(hold.at_most).into();
                json
            }
            Self::Answer(problem) => {
                let mut json = json!({"kind": "status", "status": problem.status()});
                if let Some(seconds) = problem.retry_after() {
                    json["retry_after"] = seconds.into();
                }
                json
            }
            Self::EmptyReply => json!({"kind": "empty-reply"}),
            Self::Reset => json!({"kind": "reset"}),
            Self::Garbage(Garbage { seed, bytes }) => {
                json!({"kind": "garbage", "bytes": bytes, "seed": seed})
            }
            Self::Truncate(Cut::Bytes(bytes)) => json!({"kind": "truncated-body", "bytes": bytes}),
            Self::Truncate(Cut::Fraction(fraction)) => {
                json!({"kind": "truncated-body", "fraction": fraction})
            }
            Self::SlowBody { chunks, over } => json!({
                "kind": "slow-body", "chunks": chunks, "over_milliseconds": millis(*over),
            }),
            Self::Edit(Edit::MalformedBody) => json!({"kind": "malformed-body"}),
            Self::Edit(Edit::WrongContentType(value)) => json!({
                "kind": "wrong-content-type",
                "content_type": String::from_utf8_lossy(value.as_bytes()),
            }),
        }
    }
}
