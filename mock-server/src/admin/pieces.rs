//! Answers that are made while they are sent, so that a large one never stands whole in
//! memory and a client that stops reading costs what it has not read yet.

use std::fmt;

use bytes::Bytes;
use serde_json::Value;

/// The size to which small pieces are gathered, bytes.
const GATHERED: usize = 64 * 1024;

/// The most of an answer that is made before any of it is sent, bytes. A whole answer has a
/// length that is known.
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
    /// All of it.
    Whole(Bytes),
    /// It is long.
    Pieces(Pieces),
}

impl Answer {
    /// The answer that these pieces make.
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

/// A JSON document around a list: `frame` is the document with the list empty and at its
/// end, `end` what closes it.
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

/// Items with commas between them.
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
