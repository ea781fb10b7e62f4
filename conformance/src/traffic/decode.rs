//! Bodies without their content codings, so that the judge can read them.

use std::io::Read;

use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

/// The most content codings that one body may have.
const MOST_CODINGS: usize = 4;

/// Returns the body without its content codings. `limit` is the largest size of the result, bytes.
/// The error is a phrase that names the problem.
pub(super) fn decoded(headers: &HeaderMap, body: &Bytes, limit: usize) -> Result<Bytes, String> {
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
        return Err(format!("more than {MOST_CODINGS} content codings"));
    }
    let mut body = body.clone();
    for coding in codings.iter().rev() {
        body = match coding.as_str() {
            "gzip" | "x-gzip" => read(MultiGzDecoder::new(&*body), limit),
            // Some senders leave out the zlib wrapping that the name `deflate` implies.
            "deflate" => read(ZlibDecoder::new(&*body), limit)
                .or_else(|_| read(DeflateDecoder::new(&*body), limit)),
            // An unknown name is the sender's own text, so it is not repeated.
            "br" | "zstd" | "compress" => Err(format!("the content coding {coding}")),
            _ => Err("an unknown content coding".to_owned()),
        }?;
    }
    Ok(body)
}

fn read(from: impl Read, limit: usize) -> Result<Bytes, String> {
    let most = u64::try_from(limit).unwrap_or(u64::MAX);
    let mut body = Vec::new();
    from.take(most.saturating_add(1))
        .read_to_end(&mut body)
        .map_err(|_| "a content coding that is broken".to_owned())?;
    if body.len() > limit {
        return Err(format!("an unpacked body of more than {limit} bytes"));
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
    fn decode(coding: &'static str, body: Vec<u8>) -> Result<Bytes, String> {
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
    #[case("br", b"text".to_vec(), "the content coding br")]
    #[case("mine", b"text".to_vec(), "an unknown content coding")]
    #[case("gzip", b"text".to_vec(), "a content coding that is broken")]
    #[case("gzip", gzip(&[0; 65]), "an unpacked body of more than 64 bytes")]
    fn the_rest_is_told_and_not_guessed(
        #[case] coding: &'static str,
        #[case] body: Vec<u8>,
        #[case] why: &str,
    ) {
        assert_eq!(decode(coding, body).unwrap_err(), why);
    }
}
