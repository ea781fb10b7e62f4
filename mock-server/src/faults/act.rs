//! Acts: what happens at a point of an exchange, as data.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http::header::{CONTENT_TYPE, HeaderValue};
use serde_json::{Value, json};

use super::chance::Chance;
use super::matching::Glob;
use whippy_engine::problem::Problem;

/// An event at a point of an exchange.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// So much time passes.
    Delay(Duration),
    /// The request is held.
    Hold(Hold),
    /// The client is refused: before the commit, so that nothing is carried out; after
    /// it, in place of the answer that there is.
    Answer(Problem),
    /// The connection is closed in good order, without a byte.
    EmptyReply,
    /// The connection is reset, without a byte.
    Reset,
    /// Bytes that are no HTTP are sent, and the connection is closed.
    Garbage(Garbage),
    /// The head goes out and a part of the body that it announces; then the connection
    /// is closed.
    Truncate(Cut),
    /// The body goes out in so many pieces, spread evenly over a time.
    SlowBody {
        /// The number of pieces.
        chunks: u32,
        /// The time from the first to the last.
        over: Duration,
    },
    /// The answer is changed; [`Plan::edit`](super::Plan::edit) does it.
    Edit(Edit),
}

/// The time that a request is held.
#[derive(Debug, Clone, PartialEq)]
pub struct Hold {
    until: Option<Glob>,
    /// It goes on after this time, whatever happens.
    pub at_most: Duration,
}

impl Hold {
    pub(super) fn new(until: Option<Glob>, at_most: Duration) -> Self {
        Self { until, at_most }
    }

    /// Returns `true` if it ends once another request, of this operation, has committed.
    pub fn ends_with(&self, operation: &str) -> bool {
        self.until.as_ref().is_some_and(|glob| glob.fits(operation))
    }

    /// Returns `true` if a commit can end it, and not the time alone.
    pub fn awaits_a_commit(&self) -> bool {
        self.until.is_some()
    }
}

/// Bytes that are no HTTP; the same each time they are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Garbage {
    pub(super) seed: u32,
    pub(super) bytes: u32,
}

impl Garbage {
    /// The bytes.
    pub fn bytes(self) -> Bytes {
        let mut bytes = Chance::of(u64::from(self.seed), 0, 0).bytes(self.bytes);
        // No status line starts so, whatever falls.
        if let Some(first) = bytes.first_mut() {
            *first |= 0x80;
        }
        bytes.into()
    }
}

/// The place where a body ends too early.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cut {
    /// After so many bytes.
    Bytes(u32),
    /// After such a part of it, from 0 to 1.
    Fraction(f64),
}

impl Cut {
    /// The number of bytes of a body are sent: never all of them.
    pub fn of(self, length: usize) -> usize {
        let most = length.saturating_sub(1);
        match self {
            Self::Bytes(bytes) => usize::try_from(bytes).unwrap_or(usize::MAX).min(most),
            Self::Fraction(fraction) => {
                // A body has at most some gigabytes, of which a float knows each byte.
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

/// A change of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// The last bracket is a comma: as long as before, and no JSON.
    MalformedBody,
    /// It claims to be of another type.
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
    /// Returns `true` if it decides what the client gets; an exchange has one such act.
    pub fn is_ending(&self) -> bool {
        !matches!(self, Self::Delay(_) | Self::Hold(_) | Self::Edit(_))
    }

    /// Returns `true` if nothing of the answer reaches the client.
    pub fn is_silent(&self) -> bool {
        matches!(self, Self::EmptyReply | Self::Reset | Self::Garbage(_))
    }

    /// The place after the commit: another answer first, then what changes it, then the
    /// waiting, and how it goes out last.
    pub(super) fn place(&self) -> u8 {
        match self {
            Self::Answer(_) => 0,
            Self::Edit(_) => 1,
            Self::Delay(_) | Self::Hold(_) => 2,
            _ => 3,
        }
    }

    /// As the `fault` of a rule that comes to just this.
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
