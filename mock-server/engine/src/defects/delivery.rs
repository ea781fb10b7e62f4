//! The way in which an answer leaves the defects.

use http::header::HeaderName;

use crate::engine::Reply;

/// The header that names the defects which changed an answer. Unchanged answers do not have it.
pub const DEFECT_HEADER: HeaderName = HeaderName::from_static("whippy-mock-defect");

/// The way in which the shell has to deliver an answer.
#[derive(Debug)]
pub enum Delivery {
    /// The answer is sent as it is.
    Answer(Reply),
    /// No answer is sent, and the connection stays open.
    Hang,
    /// The connection is closed without an answer.
    Reset,
    /// The head is sent with a part of the announced body; then the connection is closed.
    Truncated(Reply),
}

impl Delivery {
    /// Edits the answer, if there is one.
    pub(super) fn map(self, edit: impl FnOnce(Reply) -> Reply) -> Self {
        match self {
            Self::Answer(reply) => Self::Answer(edit(reply)),
            Self::Truncated(reply) => Self::Truncated(edit(reply)),
            silent => silent,
        }
    }
}
