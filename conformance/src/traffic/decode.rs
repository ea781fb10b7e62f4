//! Bodies without their content codings, so that the judge can read them.

use std::fmt;
use std::io::Read;

use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

/// The most content codings that one body may have.
const MOST_CODINGS: usize = 4;

/// Reasons why a body cannot be unpacked. Each completes "an answer with …".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DecodeError {
    /// Too many codings, one on the other.
    Codings,
    /// A coding that is well known, and not undone here.
    Known(&'static str),
    /// Another coding. What is a stranger's text is not repeated.
    Unknown,
    /// The body is not of its coding.
    Broken,
    /// The body has more bytes than may be.
    TooLarge(usize),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Codings => write!(f, "more than {MOST_CODINGS} content codings"),
            Self::Known(coding) => write!(f, "the content coding {coding}"),
            Self::Unknown => f.write_str("an unknown content coding"),
            Self::Broken => f.write_str("a content coding that is broken"),
            Self::TooLarge(limit) => write!(f, "an unpacked body of more than {limit} bytes"),
        }
    }
}

/// Returns the body without its content codings. `limit` is the largest size of the result, bytes.
/// The error is a phrase that names the problem.
pub(super) fn decoded(
    headers: &HeaderMap,
    body: &Bytes,
    limit: usize,
) -> Result<Bytes, DecodeError> {
    if body.is_empty() || !headers.contains_key(CONTENT_ENCODING) {
        return Ok(body.clone());
    }
    let mut codings = Vec::new();
    for value in headers.get_all(CONTENT_ENCODING) {
        let text = String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase();
        codings.extend(text.split(',').map(|coding| coding.trim().to_owned()));
    }
    codings.retain(|coding| !coding.is_empty() && coding != "identity");
    if codings.len() > MOST_CODINGS {
        return Err(DecodeError::Codings);
    }
    let mut body = body.clone();
    for coding in codings.iter().rev() {
        body = match coding.as_str() {
            "gzip" | "x-gzip" => read(MultiGzDecoder::new(&*body), limit),
            // Some senders leave out the zlib wrapping that the name `deflate` implies.
            "deflate" => read(ZlibDecoder::new(&*body), limit)
                .or_else(|_| read(DeflateDecoder::new(&*body), limit)),
            // An unknown name is the sender's own text, so it is not repeated.
            "br" => Err(DecodeError::Known("br")),
            "zstd" => Err(DecodeError::Known("zstd")),
            "compress" => Err(DecodeError::Known("compress")),
            _ => Err(DecodeError::Unknown),
        }?;
    }
    Ok(body)
}

fn read(from: impl Read, limit: usize) -> Result<Bytes, DecodeError> {
    let most = u64::try_from(limit).unwrap_or(u64::MAX);
    let mut body = Vec::new();
    from.take(most.saturating_add(1))
        .read_to_end(&mut body)
        .map_err(|_| DecodeError::Broken)?;
    if body.len() > limit {
        return Err(DecodeError::TooLarge(limit));
    }
    Ok(body.into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // A test that cannot go on should say where.
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use rstest::rstest;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut to = GzEncoder::new(Vec::new(), Compression::default());
        to.write_all(text).unwrap();
        to.finish().unwrap()
    }

    fn zlib(text: &[u8]) -> Vec<u8> {
        let mut to = ZlibEncoder::new(Vec::new(), Compression::default());
        to.write_all(text).unwrap();
        to.finish().unwrap()
    }

    fn raw(text: &[u8]) -> Vec<u8> {
        let mut to = DeflateEncoder::new(Vec::new(), Compression::default());
        to.write_all(text).unwrap();
        to.finish().unwrap()
    }

    #[track_caller]
    fn decode(coding: &'static str, body: Vec<u8>) -> Result<Bytes, DecodeError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, coding.parse().unwrap());
        decoded(&headers, &body.into(), 64)
    }

    #[rstest]
    #[case("identity", b"text".to_vec())]
    #[case("GZIP", gzip(b"text"))]
    #[case("x-gzip", gzip(b"text"))]
    #[case("deflate", zlib(b"text"))]
    #[case("deflate", raw(b"text"))]
    #[case("deflate, gzip", gzip(&zlib(b"text")))]
    fn what_is_known_is_unpacked(#[case] coding: &'static str, #[case] body: Vec<u8>) {
        assert_eq!(decode(coding, body).unwrap(), "text");
    }

    #[rstest]
    #[case("br", b"text".to_vec(), DecodeError::Known("br"))]
    #[case("mine", b"text".to_vec(), DecodeError::Unknown)]
    #[case("gzip", b"text".to_vec(), DecodeError::Broken)]
    #[case("gzip", gzip(&[0; 65]), DecodeError::TooLarge(64))]
    fn the_rest_is_told_and_not_guessed(
        #[case] coding: &'static str,
        #[case] body: Vec<u8>,
        #[case] why: DecodeError,
    ) {
        assert_eq!(decode(coding, body).unwrap_err(), why);
    }
}
