//! Answers that are made while they are sent: a large one is never whole in memory, and a client
//! that stops reading costs no further work.

use std::fmt;

use bytes::Bytes;
use serde_json::Value;

/// The size up to which small pieces are joined, bytes.
const GATHERED: usize = 64 * 1024;

/// The longest answer that is made before it is sent, bytes. Such an answer has a known length.
const WHOLE: usize = 256 * 1024;

/// The rest of an answer, piece by piece.
pub struct Pieces(Box<dyn Iterator<Item = Vec<u8>> + Send>);

impl fmt::Debug for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pieces")
    }
}

impl Iterator for Pieces {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        gathered(&mut *self.0, GATHERED)
    }
}

fn gathered(pieces: &mut dyn Iterator<Item = Vec<u8>>, size: usize) -> Option<Bytes> {
    let mut gathered = pieces.next()?;
    while gathered.len() < size
        && let Some(piece) = pieces.next()
    {
        gathered.extend(piece);
    }
    Some(gathered.into())
}

/// An answer in pieces, or whole where it is short.
#[derive(Debug)]
pub enum Answer {
    /// The whole answer.
    Whole(Bytes),
    /// A long answer, in pieces.
    Pieces(Pieces),
}

impl Answer {
    /// Makes an answer of pieces: whole where it is short.
    pub fn of(pieces: impl Iterator<Item = Vec<u8>> + Send + 'static) -> Self {
        let mut pieces: Box<dyn Iterator<Item = _> + Send> = Box::new(pieces.fuse());
        let first = gathered(&mut *pieces, WHOLE).unwrap_or_default();
        match pieces.next() {
            None => Self::Whole(first),
            Some(next) => {
                let begun = [Vec::from(first), next].into_iter();
                Self::Pieces(Pieces(Box::new(begun.chain(pieces))))
            }
        }
    }
}

/// Returns a JSON document in pieces, with a list at its end. `frame` is the document with that
/// list empty, and `end` the text that closes it.
pub fn around_a_list<I: Iterator<Item = Vec<u8>> + Send>(
    frame: &Value,
    end: &'static str,
    items: I,
) -> impl Iterator<Item = Vec<u8>> + Send + use<I> {
    let mut head = frame.to_string().into_bytes();
    head.truncate(head.len().saturating_sub(end.len()));
    let separated = separated(items);
    let end = std::iter::once(end.as_bytes().to_vec());
    std::iter::once(head).chain(separated).chain(end)
}

/// Puts commas between items.
pub fn separated(
    items: impl Iterator<Item = Vec<u8>> + Send,
) -> impl Iterator<Item = Vec<u8>> + Send {
    items.enumerate().map(|(at, item)| {
        if at == 0 {
            item
        } else {
            [b",".to_vec(), item].concat()
        }
    })
}
