//! Recorded traffic: an HTTP archive, version 1.2, as written by browsers, debugging proxies, API
//! clients and the mock.
//!
//! Each program leaves out something else. A missing part is *unknown*, which the judge does not
//! confuse with empty. A part that breaks the format is an error with its place if its exchange is
//! with the service, and is only counted otherwise.

use std::{fmt, io};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, HeaderValue,
    TRANSFER_ENCODING,
};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::de::IgnoredAny;
use serde_json::Value;
use whippy_engine::model::time::Timestamp;
use zip::result::ZipError;

use crate::traffic::har_json::{self, Files};
use crate::traffic::{Ending, Extent, Observed, WithoutHeaders};
use crate::transport::remote::connect::impossible_port;

/// The exchanges of an archive that are with the service.
#[derive(Debug, Default)]
pub struct Archive {
    /// The exchanges, in order of their times.
    pub observed: Vec<Observed>,
    /// The base URL of the service, without a slash at the end.
    pub base: String,
    /// The number of entries of other hosts, or of other paths on this host.
    pub skipped: u64,
}

/// Reasons why an archive cannot be read.
#[derive(Debug)]
pub enum ArchiveError {
    /// It begins like a zip file, and is damaged.
    Zip(ZipError),
    /// A file of the zip cannot be unpacked.
    Unpacking(io::Error),
    /// It begins like a file that gzip has packed, and is damaged.
    Gzip(io::Error),
    /// The packed files have more bytes than this.
    TooLarge(u64),
    /// The zip does not have one archive in it but so many.
    Archives(usize),
    /// It is not JSON.
    Json(serde_json::Error),
    /// It has no entries.
    NoEntries,
    /// An entry is not as the format has it.
    Entry {
        /// The position, from 0.
        position: usize,
        /// The member of the entry.
        member: String,
        /// The fault.
        why: String,
    },
    /// The rest of a URL behind the service's own is not a path.
    Path(String),
    /// The `upstream` is not a URL.
    Upstream(String),
    /// There is no `upstream`, and these hosts are asked for the API.
    Hosts(Vec<String>),
}

impl fmt::Display for ArchiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zip(why) => write!(f, "the zip file cannot be read: {why}"),
            Self::Unpacking(why) => write!(f, "the zip file cannot be read: {why}"),
            Self::Gzip(why) => write!(f, "the gzip file cannot be read: {why}"),
            Self::TooLarge(limit) => write!(
                f,
                "the packed file cannot be read: it unpacks to more than {limit} bytes"
            ),
            Self::Archives(count) => write!(
                f,
                "the zip file has {count} files whose names end in .har: it takes one"
            ),
            Self::Json(why) => write!(f, "no JSON: {why}"),
            Self::NoEntries => f.write_str("no HTTP archive: there is no array `log.entries`"),
            Self::Entry {
                position,
                member,
                why,
            } => write!(f, "log.entries[{position}].{member}: {why}"),
            Self::Path(text) => write!(f, "`{text}` is no path"),
            Self::Upstream(text) => write!(
                f,
                "--upstream `{text}` is no URL like https://HOST[:PORT][/PREFIX]"
            ),
            Self::Hosts(hosts) => write!(
                f,
                "/api/v1/ is asked for at {} hosts: choose with --upstream one of {}",
                hosts.len(),
                hosts.join(", ")
            ),
        }
    }
}

impl std::error::Error for ArchiveError {}

/// An entry that may not be of the service.
struct Entry {
    url: Uri,
    observed: Observed,
}

/// Reads an archive. `upstream` is the base URL of the service, `https://HOST[:PORT][/PREFIX]`;
/// without it, the service is the one host with requests for `/api/v1/`.
pub fn read(bytes: &[u8], upstream: Option<&str>) -> Result<Archive, ArchiveError> {
    let (archive, files) = har_json::read(bytes)?;
    let entries = archive["log"]["entries"]
        .as_array()
        .ok_or(ArchiveError::NoEntries)?;
    let mut read = Vec::with_capacity(entries.len());
    let mut last = Timestamp::EPOCH;
    let mut wrong: Vec<(Option<Uri>, ArchiveError)> = Vec::new();
    for (position, from) in entries.iter().enumerate() {
        match entry(from, position, last, &files) {
            Ok(Some(entry)) => {
                last = entry.observed.at;
                read.push(entry);
            }
            Ok(None) => {}
            Err((member, why)) => {
                let url = from["request"]["url"].as_str().and_then(url_of);
                let why = ArchiveError::Entry {
                    position,
                    member,
                    why,
                };
                wrong.push((url, why));
            }
        }
    }
    let unread = entries.len() - read.len();
    let base = if let Some(upstream) = upstream {
        given(upstream)?
    } else {
        let read = read.iter().map(|entry| &entry.url);
        found(read.chain(wrong.iter().filter_map(|(url, _)| url.as_ref())))?
    };
    let (scheme, authority, prefix) = base;
    let of_service = |url: &Uri| {
        let is_there =
            origin(url).is_some_and(|(s, a)| s == scheme && a.eq_ignore_ascii_case(&authority));
        is_there && url.path().starts_with(prefix.as_str())
    };
    // An entry of another host may be malformed in any way.
    let mut wrong = wrong.into_iter();
    if let Some((_, why)) = wrong.find(|(url, _)| url.as_ref().is_some_and(of_service)) {
        return Err(why);
    }
    let mut observed = Vec::new();
    for entry in read {
        let is_of_service = of_service(&entry.url);
        let target = entry.url.path_and_query().map_or("/", |t| t.as_str());
        let behind = target.strip_prefix(prefix.as_str());
        if let (true, Some(behind)) = (is_of_service, behind.filter(|b| b.starts_with('/'))) {
            let mut of_service = entry.observed;
            *of_service.request.uri_mut() = behind
                .parse()
                .map_err(|_| ArchiveError::Path(behind.to_owned()))?;
            observed.push(of_service);
        }
    }
    let skipped = entries.len() - observed.len() - unread;
    observed.sort_by_key(|observed| observed.at);
    for (id, observed) in (1..).zip(&mut observed) {
        observed.id = id;
    }
    Ok(Archive {
        observed,
        base: format!("{scheme}://{authority}{prefix}"),
        skipped: u64::try_from(skipped + unread).unwrap_or(u64::MAX),
    })
}

/// The base URL in parts: scheme, authority without the scheme's default port, and path without a
/// slash at the end.
type Base = (String, String, String);

fn given(upstream: &str) -> Result<Base, ArchiveError> {
    let wrong = || ArchiveError::Upstream(upstream.to_owned());
    let uri: Uri = upstream.parse().map_err(|_| wrong())?;
    let (scheme, authority) = origin(&uri).ok_or_else(wrong)?;
    if uri.query().is_some() || uri.authority().and_then(impossible_port).is_some() {
        return Err(wrong());
    }
    Ok((
        scheme,
        authority,
        uri.path().trim_end_matches('/').to_owned(),
    ))
}

/// Returns the base URL of the one host with requests for the API.
fn found<'a>(urls: impl Iterator<Item = &'a Uri>) -> Result<Base, ArchiveError> {
    let mut hosts: Vec<Base> = Vec::new();
    for url in urls {
        if let Some((scheme, authority)) = origin(url)
            && url.path().contains("/api/v1/")
        {
            let host = (scheme, authority, String::new());
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
    }
    match hosts.as_slice() {
        [] => Ok(Base::default()),
        [_] => Ok(hosts.remove(0)),
        several => {
            let urls = several
                .iter()
                .map(|(scheme, authority, _)| format!("{scheme}://{authority}"));
            Err(ArchiveError::Hosts(urls.collect()))
        }
    }
}

fn origin(uri: &Uri) -> Option<(String, String)> {
    let scheme = uri.scheme_str()?.to_ascii_lowercase();
    let authority = uri.authority()?;
    let usual = match scheme.as_str() {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let authority = match authority.port_u16() {
        Some(port) if port != usual => format!("{}:{port}", authority.host()),
        _ => authority.host().to_owned(),
    };
    Some((scheme, authority.to_ascii_lowercase()))
}

/// A mistake in an entry: its place, and the reason.
type Wrong = (String, String);

fn wrong(at: &str, why: &str) -> Wrong {
    (at.to_owned(), why.to_owned())
}

/// Reads an entry; `None` where it is not HTTP, as a browser also records its own pages and
/// sockets.
fn entry(
    from: &Value,
    position: usize,
    last: Timestamp,
    files: &Files,
) -> Result<Option<Entry>, Wrong> {
    let request = &from["request"];
    let text = |value: &Value, at: &str| {
        let text = value.as_str().map(str::to_owned);
        text.ok_or_else(|| wrong(at, "it is no text"))
    };
    let method = text(&request["method"], "request.method")?;
    let method = Method::from_bytes(method.as_bytes())
        .map_err(|_| wrong("request.method", "it is no method"))?;
    let url = text(&request["url"], "request.url")?;
    let Some(uri) = url_of(&url) else {
        return match url.split_once(':') {
            Some((scheme, _)) if scheme.starts_with("http") => {
                Err(wrong("request.url", "it is no URL"))
            }
            _ => Ok(None),
        };
    };
    let Some((_, host)) = origin(&uri) else {
        return Ok(None);
    };
    let mut headers = headers(&request["headers"], "request.headers")?;
    if !headers.contains_key(HOST)
        && let Ok(host) = HeaderValue::try_from(host)
    {
        headers.insert(HOST, host);
    }
    let (body, request_body) = sent(request, &headers, files);
    headers.remove(CONTENT_ENCODING);
    let mut asked = Request::new(body);
    *asked.method_mut() = method.clone();
    *asked.headers_mut() = headers;
    let at = from["startedDateTime"].as_str();
    let at = at.and_then(|at| Timestamp::parse_with_offset(&cut_to_micros(at)).ok());
    let took = from["time"].as_f64().filter(|took| *took > 0.0);
    let id = u64::try_from(position).unwrap_or(u64::MAX);
    let came = came(&from["response"], &method, files)?;
    Ok(Some(Entry {
        url: uri,
        observed: Observed {
            id,
            // An entry without a time of its own keeps its place in the file.
            at: at.unwrap_or(last),
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // It saturates.
            micros: took.map_or(0, |took| (took * 1e3) as u64),
            request: asked,
            request_body,
            came,
        },
    }))
}

/// Parses a URL without its fragment. Characters that programs keep as they were typed, such as a
/// space, are encoded as they were on the wire.
fn url_of(text: &str) -> Option<Uri> {
    const TYPED: &AsciiSet = &CONTROLS
        .add(b' ')
        .add(b'"')
        .add(b'<')
        .add(b'>')
        .add(b'\\')
        .add(b'^')
        .add(b'`')
        .add(b'{')
        .add(b'|')
        .add(b'}');
    let text = text.split('#').next().unwrap_or_default();
    utf8_percent_encode(text, TYPED).to_string().parse().ok()
}

/// Cuts a date-time to the digits of microseconds.
fn cut_to_micros(text: &str) -> String {
    let Some((front, fraction)) = text.split_once('.') else {
        return text.to_owned();
    };
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    format!(
        "{front}.{}{}",
        &fraction[..digits.min(6)],
        &fraction[digits..]
    )
}

fn headers(from: &Value, at: &str) -> Result<HeaderMap, Wrong> {
    let mut headers = HeaderMap::new();
    if from.is_null() {
        return Ok(headers);
    }
    let pairs = from.as_array().ok_or_else(|| wrong(at, "it is no array"))?;
    for pair in pairs {
        let (Some(name), Some(value)) = (pair["name"].as_str(), pair["value"].as_str()) else {
            return Err(wrong(at, "a header is no name and value"));
        };
        // Over HTTP/2 some programs list the request line among the headers, and one header may
        // stand for several of its name.
        let name = HeaderName::from_bytes(name.as_bytes());
        let Ok(name) = name else { continue };
        for value in value.split('\n') {
            if let Ok(value) = HeaderValue::from_bytes(value.trim().as_bytes()) {
                headers.append(name.clone(), value);
            }
        }
    }
    Ok(headers)
}

fn missing() -> Extent {
    Extent::Part("a body that the archive does not have".to_owned())
}

fn is_body_announced(headers: &HeaderMap) -> bool {
    length_told(headers) > 0 || headers.contains_key(TRANSFER_ENCODING)
}

/// Returns the length of a body in its headers, 0 where they have none.
fn length_told(headers: &HeaderMap) -> usize {
    let length = headers.get(CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.trim().parse().ok());
    length.unwrap_or(0)
}

/// Returns the largest size that an archive states for a body. Bodies in archives are unpacked, so
/// `Content-Length` counts only for a body without content coding.
fn size_told(sizes: &[&Value], headers: &HeaderMap) -> usize {
    let sizes = sizes.iter().filter_map(|size| size.as_i64());
    let size = sizes.filter_map(|size| usize::try_from(size).ok()).max();
    let is_packed = headers.contains_key(CONTENT_ENCODING);
    let length = if is_packed { 0 } else { length_told(headers) };
    size.unwrap_or(0).max(length)
}

/// Returns the body of a request, and its known extent.
fn sent(request: &Value, headers: &HeaderMap, files: &Files) -> (Bytes, Extent) {
    let size = size_told(&[&request["bodySize"]], headers);
    let data = &request["postData"];
    match body(data, files) {
        None => {
            let has_parts = data["params"].as_array().is_some_and(|all| !all.is_empty());
            let is_unknown = size > 0 || has_parts || is_body_announced(headers);
            let extent = if is_unknown { missing() } else { Extent::Whole };
            (Bytes::new(), extent)
        }
        Some(Ok(body)) if body.is_empty() && (size > 0 || is_body_announced(headers)) => {
            (body, missing())
        }
        Some(Ok(body)) => {
            let extent = whole_or_cut(&body, size);
            (body, extent)
        }
        Some(Err(extent)) => (Bytes::new(), extent),
    }
}

/// Compares a body with its size. One that is shorter was cut, and one with replacement characters
/// was not text.
fn whole_or_cut(body: &Bytes, size: usize) -> Extent {
    let has_marks = || {
        let text = std::str::from_utf8(body).unwrap_or_default();
        size > 0 && body.len() != size && text.contains('\u{fffd}')
    };
    if body.len() < size || has_marks() {
        Extent::Part("a body of which the archive has a part".to_owned())
    } else {
        Extent::Whole
    }
}

/// Returns the body in an archive or in a file beside it; `None` where there is none. The error is
/// the extent of a body that cannot be read.
fn body(content: &Value, files: &Files) -> Option<Result<Bytes, Extent>> {
    let Some(text) = content["text"].as_str() else {
        let name = content["_file"].as_str()?;
        let file = files.get(name).cloned();
        return Some(file.ok_or_else(missing));
    };
    let encoding = content["encoding"].as_str().unwrap_or_default();
    if !encoding.eq_ignore_ascii_case("base64") {
        return Some(Ok(text.to_owned().into()));
    }
    let packed: String = text.split_ascii_whitespace().collect();
    Some(match BASE64.decode(packed) {
        Ok(bytes) => Ok(bytes.into()),
        // Some programs mark plain text as base64.
        Err(_) if serde_json::from_str::<IgnoredAny>(text).is_ok() => Ok(text.to_owned().into()),
        Err(_) => Err(Extent::Part(
            "a body whose base64 cannot be read".to_owned(),
        )),
    })
}

fn came(response: &Value, method: &Method, files: &Files) -> Result<Ending, Wrong> {
    // The request was stopped, or had no answer yet.
    if !response.is_object() || response["status"].is_null() {
        return Ok(Ending::Unknown("the archive has no answer".to_owned()));
    }
    let status = response["status"].as_i64();
    let status = status.ok_or_else(|| wrong("response.status", "it is no number"))?;
    // A request without an answer has the status 0, in some programs -1.
    if status <= 0 {
        return Ok(Ending::Failed {
            why: "no answer, as the archive has it".to_owned(),
            status: None,
        });
    }
    let status = u16::try_from(status).ok();
    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.ok_or_else(|| wrong("response.status", "it is no status"))?;
    let mut headers = headers(&response["headers"], "response.headers")?;
    let content = &response["content"];
    let is_size_known = content["size"].as_i64().is_some_and(|size| size >= 0);
    let size = size_told(&[&content["size"]], &headers);
    let on_the_wire = response["bodySize"].as_i64().unwrap_or(-1);
    let has_none = *method == Method::HEAD || matches!(status.as_u16(), 204 | 304);
    let is_empty = is_size_known && size == 0 && on_the_wire <= 0 && !is_body_announced(&headers);
    let (body, extent) = match body(content, files) {
        Some(Ok(body)) if !body.is_empty() => {
            let extent = whole_or_cut(&body, size);
            (body, extent)
        }
        Some(Err(extent)) => (Bytes::new(), extent),
        _ if has_none || is_empty => (Bytes::new(), Extent::Whole),
        _ => (Bytes::new(), missing()),
    };
    // Bodies in archives are unpacked already.
    headers.remove(CONTENT_ENCODING);
    let is_bare = headers.is_empty();
    if is_bare
        && let Some(media) = content["mimeType"].as_str()
        && let Ok(media) = HeaderValue::from_str(media)
    {
        headers.insert(CONTENT_TYPE, media);
    }
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    if is_bare {
        response.extensions_mut().insert(WithoutHeaders);
    }
    Ok(Ending::Answer {
        response,
        body: extent,
    })
}
