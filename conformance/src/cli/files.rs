//! Files that a user names, as editors save them: a leading byte order mark is ignored, and UTF-16
//! with such a mark is decoded.

use std::io;
use std::path::Path;

/// Byte order mark of UTF-8.
const UTF_8: &[u8] = b"\xef\xbb\xbf";

/// Reads the text of a file.
pub(crate) fn text(path: &Path) -> io::Result<String> {
    let bytes = without_mark(std::fs::read(path)?)?;
    String::from_utf8(bytes).map_err(|_| invalid("the file is not UTF-8"))
}

/// Reads the bytes of a file without a byte order mark; UTF-16 becomes UTF-8.
pub(crate) fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    without_mark(std::fs::read(path)?)
}

/// Removes a byte order mark; UTF-16 becomes UTF-8.
pub(crate) fn without_mark(mut bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    let unit: fn([u8; 2]) -> u16 = match bytes.as_slice() {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        marked if marked.starts_with(UTF_8) => {
            bytes.drain(..UTF_8.len());
            return Ok(bytes);
        }
        _ => return Ok(bytes),
    };
    let (pairs, rest) = bytes[2..].as_chunks::<2>();
    let units = pairs.iter().map(|pair| unit(*pair));
    let text: Result<String, _> = char::decode_utf16(units).collect();
    match text {
        Ok(text) if rest.is_empty() => Ok(text.into_bytes()),
        _ => Err(invalid(
            "the file begins with the byte order mark of UTF-16, and is not UTF-16",
        )),
    }
}

fn invalid(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
