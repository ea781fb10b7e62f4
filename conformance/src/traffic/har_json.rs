//! The JSON of an HTTP archive, or of the one in a `.har.zip`, reduced to the members that are
//! needed.
//!
//! Other members, such as the chain of scripts that led to a request, may be nested too deep for a
//! parser of values.

use std::collections::HashMap;
use std::fmt;
use std::io::{Cursor, Read};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use zip::ZipArchive;

use crate::traffic::har::ArchiveError;

/// Bodies that an archive keeps in separate files, by name.
pub(super) type Files = HashMap<String, Bytes>;

/// The first bytes of a zip file.
const ZIP: &[u8] = b"PK\x03\x04";

/// The first bytes of a file that gzip has packed.
const GZIP: &[u8] = b"\x1f\x8b";

/// The largest total size of unpacked files in a zip, bytes.
const MAX_UNPACKED: u64 = 1024 * 1024 * 1024;

/// A needed member, with the needed members in it. For an array they are those of each item.
struct Member(&'static str, &'static [Member]);

const HEADERS: Member = Member("headers", &[Member("name", &[]), Member("value", &[])]);
const TEXT: Member = Member("text", &[]);
const ENCODING: Member = Member("encoding", &[]);
const FILE: Member = Member("_file", &[]);
const BODY_SIZE: Member = Member("bodySize", &[]);

const ENTRY: &[Member] = &[
    Member("startedDateTime", &[]),
    Member("time", &[]),
    Member(
        "request",
        &[
            Member("method", &[]),
            Member("url", &[]),
            HEADERS,
            Member(
                "postData",
                &[
                    TEXT,
                    ENCODING,
                    FILE,
                    Member("params", &[Member("name", &[])]),
                ],
            ),
            BODY_SIZE,
        ],
    ),
    Member(
        "response",
        &[
            Member("status", &[]),
            HEADERS,
            Member(
                "content",
                &[
                    TEXT,
                    ENCODING,
                    FILE,
                    Member("size", &[]),
                    Member("mimeType", &[]),
                ],
            ),
            BODY_SIZE,
        ],
    ),
];

const ARCHIVE: &[Member] = &[Member("log", &[Member("entries", ENTRY)])];

/// Returns the archive, and the files beside it.
pub(super) fn read(bytes: &[u8]) -> Result<(Value, Files), ArchiveError> {
    if bytes.starts_with(GZIP) {
        return Ok((parse(&inflated(bytes)?)?, Files::new()));
    }
    if !bytes.starts_with(ZIP) {
        return Ok((parse(bytes)?, Files::new()));
    }
    let mut files = unpack(bytes)?;
    let is_archive = |name: &&String| name.to_ascii_lowercase().ends_with(".har");
    let mut archives: Vec<String> = files.keys().filter(is_archive).cloned().collect();
    archives.sort();
    let [archive] = archives.as_slice() else {
        return Err(ArchiveError::Archives(archives.len()));
    };
    let archive = files.remove(archive).unwrap_or_default();
    Ok((parse(&archive)?, files))
}

/// Unpacks a `.har.gz`.
fn inflated(bytes: &[u8]) -> Result<Vec<u8>, ArchiveError> {
    let mut content = Vec::new();
    let read = MultiGzDecoder::new(bytes)
        .take(MAX_UNPACKED + 1)
        .read_to_end(&mut content);
    match read.map_err(ArchiveError::Gzip)? as u64 {
        0..=MAX_UNPACKED => Ok(content),
        _ => Err(ArchiveError::TooLarge(MAX_UNPACKED)),
    }
}

fn unpack(bytes: &[u8]) -> Result<Files, ArchiveError> {
    let mut zip = ZipArchive::new(Cursor::new(bytes)).map_err(ArchiveError::Zip)?;
    let mut files = Files::new();
    let mut left = MAX_UNPACKED;
    for at in 0..zip.len() {
        let mut file = zip.by_index(at).map_err(ArchiveError::Zip)?;
        let mut content = Vec::new();
        let read = (&mut file).take(left + 1).read_to_end(&mut content);
        let read = read.map_err(ArchiveError::Unpacking)? as u64;
        left = left
            .checked_sub(read)
            .ok_or(ArchiveError::TooLarge(MAX_UNPACKED))?;
        files.insert(file.name().to_owned(), content.into());
    }
    Ok(files)
}

fn parse(bytes: &[u8]) -> Result<Value, ArchiveError> {
    // Some programs write a byte order mark first.
    let bytes = whippy_engine::wire::text::without_bom(bytes);
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let archive = Pick(ARCHIVE).deserialize(&mut json);
    let archive = archive.and_then(|archive| json.end().map(|()| archive));
    archive.map_err(ArchiveError::Json)
}

/// Reads a value without the members that are not needed.
#[derive(Clone, Copy)]
struct Pick(&'static [Member]);

impl<'de> DeserializeSeed<'de> for Pick {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Pick {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut read = Vec::new();
        // No member of an item is needed, so the items are skipped.
        if self.0.is_empty() {
            while items.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(Value::Array(read));
        }
        while let Some(item) = items.next_element_seed(self)? {
            read.push(item);
        }
        Ok(Value::Array(read))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut read = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            match self.0.iter().find(|member| member.0 == name) {
                Some(Member(_, inner)) => {
                    let value = members.next_value_seed(Self(inner))?;
                    read.insert(name, value);
                }
                None => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Value::Object(read))
    }
}
