//! Traffic that others recorded: an HTTP archive, version 1.2, as browsers, debugging
//! proxies, API clients and the mock write it.
//!
//! Everybody leaves out something else. What is not there is *not known*, which the judge
//! tells from empty; what is there and is not what the format says is an error with its
//! place.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, HeaderValue,
    TRANSFER_ENCODING,
};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use serde_json::Value;
use whippy_engine::model::time::Timestamp;

use crate::traffic::{Came, Extent, Observed, WithoutHeaders};

/// What of an archive is the service's.
#[derive(Debug, Default)]
pub struct Archive {
    /// Its exchanges, in the order of their times.
    pub observed: Vec<Observed>,
    /// Where the service is, without a slash at the end.
    pub base: String,
    /// How many entries are of other hosts, or of other paths of this one.
    pub skipped: u64,
}

/// One entry, before it is known whose it is.
struct Entry {
    url: Uri,
    observed: Observed,
}

/// Reads an archive. `upstream`: where the service is, `https://HOST[:PORT][/PREFIX]`;
/// without it, the one host that is asked for `/api/v1/`. An error is a sentence that names
/// the place.
pub fn read(bytes: &[u8], upstream: Option<&str>) -> Result<Archive, String> {
    // Some programs begin their files with a mark.
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let archive: Value = serde_json::from_slice(bytes).map_err(|why| format!("no JSON: {why}"))?;
    let entries = archive["log"]["entries"]
        .as_array()
        .ok_or("no HTTP archive: there is no array `log.entries`")?;
    let mut read = Vec::with_capacity(entries.len());
    let mut last = Timestamp::EPOCH;
    for (position, from) in entries.iter().enumerate() {
        let entry = entry(from, position, last)
            .map_err(|(what, why)| format!("log.entries[{position}].{what}: {why}"))?;
        if let Some(entry) = entry {
            last = entry.observed.at;
            read.push(entry);
        }
    }
    let unread = entries.len() - read.len();
    let base = match upstream {
        Some(upstream) => given(upstream)?,
        None => found(&read)?,
    };
    let (scheme, authority, prefix) = base;
    let mut observed = Vec::new();
    for entry in read {
        let is_of_service = origin(&entry.url)
            .is_some_and(|(s, a)| s == scheme && a.eq_ignore_ascii_case(&authority));
        let target = entry.url.path_and_query().map_or("/", |t| t.as_str());
        let behind = target.strip_prefix(prefix.as_str());
        if let (true, Some(behind)) = (is_of_service, behind.filter(|b| b.starts_with('/'))) {
            let mut of_service = entry.observed;
            *of_service.request.uri_mut() = behind
                .parse()
                .map_err(|_| format!("`{behind}` is no path"))?;
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

/// Scheme, authority without the scheme's usual port, and path without a slash at the end.
type Base = (String, String, String);

fn given(upstream: &str) -> Result<Base, String> {
    let wrong = || format!("--upstream `{upstream}` is no URL like https://HOST[:PORT][/PREFIX]");
    let uri: Uri = upstream.parse().map_err(|_| wrong())?;
    let (scheme, authority) = origin(&uri).ok_or_else(wrong)?;
    if uri.query().is_some() {
        return Err(wrong());
    }
    Ok((
        scheme,
        authority,
        uri.path().trim_end_matches('/').to_owned(),
    ))
}

/// The one host that is asked for the API.
fn found(entries: &[Entry]) -> Result<Base, String> {
    let mut hosts: Vec<Base> = Vec::new();
    for entry in entries {
        if let Some((scheme, authority)) = origin(&entry.url)
            && entry.url.path().contains("/api/v1/")
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
            let several: Vec<_> = several
                .iter()
                .map(|(scheme, authority, _)| format!("{scheme}://{authority}"))
                .collect();
            Err(format!(
                "/api/v1/ is asked for at {} hosts: choose with --upstream one of {}",
                several.len(),
                several.join(", ")
            ))
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

/// What is wrong with an entry: where in it, and why.
type Wrong = (String, String);

fn wrong(at: &str, why: &str) -> Wrong {
    (at.to_owned(), why.to_owned())
}

/// An entry; `None` where it is no HTTP (a browser notes its own pages and sockets too).
fn entry(from: &Value, position: usize, last: Timestamp) -> Result<Option<Entry>, Wrong> {
    let request = &from["request"];
    let text = |value: &Value, at: &str| {
        let text = value.as_str().map(str::to_owned);
        text.ok_or_else(|| wrong(at, "it is no text"))
    };
    let method = text(&request["method"], "request.method")?;
    let method = Method::from_bytes(method.as_bytes())
        .map_err(|_| wrong("request.method", "it is no method"))?;
    let url = text(&request["url"], "request.url")?;
    let url = url.split('#').next().unwrap_or_default();
    let Ok(url) = url.parse::<Uri>() else {
        return match url.split_once(':') {
            Some((scheme, _)) if scheme.starts_with("http") => {
                Err(wrong("request.url", "it is no URL"))
            }
            _ => Ok(None),
        };
    };
    let Some((_, host)) = origin(&url) else {
        return Ok(None);
    };
    let mut headers = headers(&request["headers"], "request.headers")?;
    if !headers.contains_key(HOST)
        && let Ok(host) = HeaderValue::try_from(host)
    {
        headers.insert(HOST, host);
    }
    let (body, request_body) = sent(request, &headers)?;
    headers.remove(CONTENT_ENCODING);
    let mut asked = Request::new(body);
    *asked.method_mut() = method.clone();
    *asked.headers_mut() = headers;
    let at = from["startedDateTime"].as_str();
    let at = at.and_then(|at| Timestamp::parse_with_offset(&cut_to_micros(at)).ok());
    let took = from["time"].as_f64().filter(|took| *took > 0.0);
    let id = u64::try_from(position).unwrap_or(u64::MAX);
    let came = came(&from["response"], &method)?;
    Ok(Some(Entry {
        url,
        observed: Observed {
            id,
            // Without a time of its own it stays where it stands.
            at: at.unwrap_or(last),
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // It saturates.
            micros: took.map_or(0, |took| (took * 1e3) as u64),
            request: asked,
            request_body,
            came,
        },
    }))
}

/// A date-time without more digits than microseconds.
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
        // HTTP/2 has the request's line among the headers; and one header may stand for
        // several of its name.
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
    let length = headers.get(CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    length.is_some_and(|length| length > 0) || headers.contains_key(TRANSFER_ENCODING)
}

/// The body of a request, and how much of it is known.
fn sent(request: &Value, headers: &HeaderMap) -> Result<(Bytes, Extent), Wrong> {
    let size = request["bodySize"].as_i64().unwrap_or(-1);
    let data = &request["postData"];
    let Some(text) = data["text"].as_str() else {
        let has_parts = data["params"].as_array().is_some_and(|all| !all.is_empty());
        let is_unknown = size > 0 || has_parts || is_body_announced(headers);
        let extent = if is_unknown { missing() } else { Extent::Whole };
        return Ok((Bytes::new(), extent));
    };
    let body = bytes(text, &data["encoding"], "request.postData.text")?;
    if text.is_empty() && (size > 0 || is_body_announced(headers)) {
        return Ok((body, missing()));
    }
    let size = usize::try_from(size).unwrap_or(0);
    let extent = whole_or_cut(&body, size);
    Ok((body, extent))
}

/// A body that is shorter than its size was cut, and one with marks in the place of other
/// bytes was no text.
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

fn bytes(text: &str, encoding: &Value, at: &str) -> Result<Bytes, Wrong> {
    match encoding.as_str() {
        Some(encoding) if encoding.eq_ignore_ascii_case("base64") => {
            let text: String = text.split_ascii_whitespace().collect();
            let decoded = BASE64.decode(text);
            decoded
                .map(Bytes::from)
                .map_err(|_| wrong(at, "it is no base64"))
        }
        _ => Ok(text.to_owned().into()),
    }
}

fn came(response: &Value, method: &Method) -> Result<Came, Wrong> {
    let status = response["status"].as_i64();
    let status = status.ok_or_else(|| wrong("response.status", "it is no number"))?;
    // What came to no answer has the status 0, in some programs -1.
    if status <= 0 {
        return Ok(Came::Failed {
            why: "no answer, as the archive has it".to_owned(),
            status: None,
        });
    }
    let status = u16::try_from(status).ok();
    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.ok_or_else(|| wrong("response.status", "it is no status"))?;
    let mut headers = headers(&response["headers"], "response.headers")?;
    let content = &response["content"];
    let size = content["size"].as_i64().unwrap_or(-1);
    let has_none = *method == Method::HEAD || matches!(status.as_u16(), 204 | 304);
    let (body, extent) = match content["text"].as_str() {
        Some(text) if !text.is_empty() => {
            let body = bytes(text, &content["encoding"], "response.content.text")?;
            let extent = whole_or_cut(&body, usize::try_from(size).unwrap_or(0));
            (body, extent)
        }
        _ if has_none || size == 0 && !is_body_announced(&headers) => (Bytes::new(), Extent::Whole),
        _ => (Bytes::new(), missing()),
    };
    // Archives have bodies as they are once they are unpacked.
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
    Ok(Came::Answer {
        response,
        body: extent,
    })
}
