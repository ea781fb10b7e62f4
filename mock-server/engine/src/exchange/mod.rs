//! One exchange with the API, as journals, findings and archives store it.

mod har;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Request, Response, Version};
use serde_json::{Map, Value, json};

pub use har::har;

use crate::defects::DEFECT_HEADER;
use crate::endpoints::call::{mount, scheme};
use crate::engine::{RULE_HEADER, Rule};
use crate::model::time::{Timestamp, UtcOffset};
use crate::operations;
use crate::redact::{REDACTED, Redactor};

/// One exchange as it was sent, except for the secrets in `authorization`.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The number of the exchange on this server, starting at 1.
    pub id: u64,
    /// The moment at which the request had arrived, by the system's clock.
    pub at: Timestamp,
    /// The name of the world that it went to.
    pub world: Arc<str>,
    /// The method.
    pub method: Method,
    /// Path and query as sent, including the prefix of a world.
    pub target: String,
    /// The version of HTTP.
    pub version: Version,
    /// Is true if the request came over TLS.
    pub is_over_tls: bool,
    /// The request's headers.
    pub headers: KeptHeaders,
    /// The request's body.
    pub body: Kept,
    /// The answer; `None` if none was sent.
    pub answer: Option<Answered>,
    /// The id of the operation, or `unrouted`.
    pub operation: &'static str,
    /// The rule that decided the answer.
    pub rule: Option<Rule>,
    /// The number of writes that the world had seen before the request was answered.
    pub writes_before: u64,
    /// The number of the write that this request was, if it was one.
    pub wrote: Option<u64>,
    /// The time from the arrival of the request to the answer.
    pub took: Duration,
    /// The names of the rules whose faults changed the exchange.
    pub faults: Vec<String>,
    /// The plan of these faults, as JSON.
    pub plan: Option<Value>,
}

/// An answer that was sent.
#[derive(Debug, Clone)]
pub struct Answered {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: KeptHeaders,
    /// The body.
    pub body: Kept,
}

impl Answered {
    /// Stores an answer, with at most `body_limit` bytes of its body.
    pub fn of(response: &Response<Bytes>, body_limit: usize) -> Self {
        Self {
            status: response.status().as_u16(),
            headers: KeptHeaders::of(response.headers()),
            body: Kept::of(response.body(), body_limit),
        }
    }
}

/// Path and query as sent, including the prefix of a world.
pub fn target(request: &Request<Bytes>) -> String {
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", http::uri::PathAndQuery::as_str);
    [mount(request), path].concat()
}

impl Exchange {
    /// An exchange with the facts that its request tells. The server fills in the rest.
    pub fn of(request: Request<Bytes>, id: u64, world: Arc<str>, body_limit: usize) -> Self {
        let target = target(&request);
        let is_over_tls = scheme(&request) == "https";
        let (head, body) = request.into_parts();
        let mut headers = KeptHeaders::of(&head.headers);
        // In HTTP/2 the host is not a header, but links and replays look for it here.
        if let (Some(authority), false) = (head.uri.authority(), head.headers.contains_key(HOST)) {
            headers = headers.and(&HOST, authority.as_str().as_bytes());
        }
        Self {
            id,
            at: Timestamp::EPOCH,
            world,
            method: head.method,
            target,
            version: head.version,
            is_over_tls,
            headers,
            body: Kept::of(&body, body_limit),
            answer: None,
            operation: operations::UNROUTED,
            rule: None,
            writes_before: 0,
            wrote: None,
            took: Duration::ZERO,
            faults: Vec::new(),
            plan: None,
        }
    }

    /// The approximate size in memory, in bytes.
    pub fn weight(&self) -> usize {
        let answer = self.answer.as_ref();
        size_of::<Self>()
            + self.target.len()
            + self.body.bytes.len()
            + self.headers.0.len()
            + answer.map_or(0, |a| a.body.bytes.len() + a.headers.0.len())
    }

    /// The exchange without secrets, for showing, streaming and exporting.
    #[must_use]
    pub fn redacted(&self, redactor: &Redactor) -> Self {
        let answer = self.answer.as_ref().map(|answer| Answered {
            status: answer.status,
            headers: answer.headers.redacted(redactor),
            body: answer.body.redacted(&answer.headers, redactor),
        });
        Self {
            target: redactor.target(&self.target).into_owned(),
            headers: self.headers.redacted(redactor),
            body: self.body.redacted(&self.headers, redactor),
            answer,
            ..self.clone()
        }
    }

    /// The readings that decided the answer, with their choices.
    fn readings(&self) -> Map<String, Value> {
        let rule = self
            .answer
            .as_ref()
            .and_then(|a| a.headers.get(&RULE_HEADER));
        let text = rule.and_then(|rule| std::str::from_utf8(rule).ok());
        let text = text.unwrap_or_default();
        text.split("; ")
            .filter_map(|part| part.strip_prefix("reading=")?.split_once('='))
            .map(|(id, choice)| (id.to_owned(), choice.into()))
            .collect()
    }

    /// The exchange as JSON.
    pub fn json(&self, local: UtcOffset) -> Value {
        let mut shown = json!({
            "id": self.id,
            "at": self.at.to_text(local),
            "world": &*self.world,
            "operation": self.operation,
            "rule": self.rule.map(|rule| rule.name),
            "grade": self.rule.map(|rule| rule.grade.text()),
            "readings": self.readings(),
            "request": {
                "method": self.method.as_str(),
                "target": self.target,
                "version": version(self.version),
                "headers": headers_json(&self.headers),
                "body": self.body.json(),
            },
            "response": self.answer.as_ref().map(|answer| json!({
                "status": answer.status,
                "headers": headers_json(&answer.headers),
                "body": answer.body.json(),
            })),
            "writes_before": self.writes_before,
            "wrote": self.wrote,
            "microseconds": u64::try_from(self.took.as_micros()).unwrap_or(u64::MAX),
            "faults": self.faults,
        });
        if let Some(plan) = &self.plan {
            shown["plan"] = plan.clone();
        }
        let answer = self.answer.as_ref();
        let named = DEFECT_HEADER;
        let defects: Vec<_> = answer
            .into_iter()
            .flat_map(|answer| answer.headers.get_all(named.as_str()))
            .filter_map(|name| std::str::from_utf8(name).ok())
            .collect();
        shown["defects"] = json!(defects);
        shown
    }
}

/// A body, of which only the beginning may be stored.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The stored bytes.
    pub bytes: Bytes,
    /// The length of the whole body, in bytes.
    pub size: usize,
}

impl Kept {
    /// Copies the beginning of a body, up to the limit. A slice would keep the buffer of the
    /// whole connection alive.
    fn of(body: &Bytes, limit: usize) -> Self {
        Self {
            bytes: Bytes::copy_from_slice(&body[..body.len().min(limit)]),
            size: body.len(),
        }
    }

    /// Returns `true` if the whole body is stored.
    pub fn is_whole(&self) -> bool {
        self.bytes.len() == self.size
    }

    fn redacted(&self, headers: &KeptHeaders, redactor: &Redactor) -> Self {
        let content_type = headers.get(&CONTENT_TYPE);
        let content_type = content_type.and_then(|value| std::str::from_utf8(value).ok());
        match redactor.body(content_type, &self.bytes) {
            Cow::Borrowed(_) => self.clone(),
            Cow::Owned(bytes) => Self {
                // The bytes that were cut off are still counted.
                size: bytes.len() + (self.size - self.bytes.len()),
                bytes: bytes.into(),
            },
        }
    }

    fn json(&self) -> Value {
        let mut shown = Map::new();
        match std::str::from_utf8(&self.bytes) {
            Ok(text) => shown.insert("text".to_owned(), text.into()),
            Err(_) => shown.insert("base64".to_owned(), BASE64.encode(&self.bytes).into()),
        };
        shown.insert("bytes".to_owned(), self.size.into());
        if !self.is_whole() {
            shown.insert("truncated".to_owned(), true.into());
        }
        shown.into()
    }
}

/// Headers packed into one allocation, since many are stored and few are read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptHeaders(Vec<u8>);

/// A header's name and its value.
pub type KeptHeader<'a> = (&'a str, &'a [u8]);

impl KeptHeaders {
    /// Packs headers in the order they came, without the secrets in `authorization`.
    pub fn of(headers: &HeaderMap) -> Self {
        let lengths = |(name, value): (&HeaderName, &HeaderValue)| {
            2 * size_of::<u32>() + name.as_str().len() + value.len()
        };
        let mut packed = Vec::with_capacity(headers.iter().map(lengths).sum());
        for (name, value) in headers {
            if name == AUTHORIZATION {
                push(&mut packed, name.as_str(), redacted(value).as_bytes());
            } else {
                push(&mut packed, name.as_str(), value.as_bytes());
            }
        }
        Self(packed)
    }

    fn redacted(&self, redactor: &Redactor) -> Self {
        let mut packed = Vec::with_capacity(self.0.len());
        for (name, value) in self.iter() {
            push(&mut packed, name, &redactor.header(name, value));
        }
        Self(packed)
    }

    /// Appends one header.
    fn and(mut self, name: &HeaderName, value: &[u8]) -> Self {
        push(&mut self.0, name.as_str(), value);
        self
    }

    /// Iterates over names (in lower case) and values. A repeated name gives several pairs.
    pub fn iter(&self) -> impl Iterator<Item = KeptHeader<'_>> {
        let mut rest = &*self.0;
        std::iter::from_fn(move || {
            let (name, value) = taken(&mut rest)?;
            Some((std::str::from_utf8(name).unwrap_or_default(), value))
        })
    }

    /// The values of all headers of this name.
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let named = self
            .iter()
            .filter(move |(of, _)| of.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value)
    }

    /// The value of the first header of this name.
    pub fn get(&self, name: &HeaderName) -> Option<&[u8]> {
        let mut named = self.iter().filter(|(of, _)| *of == name.as_str());
        named.next().map(|(_, value)| value)
    }
}

/// Appends a name and a value, after the lengths of both.
#[inline]
fn push(packed: &mut Vec<u8>, name: &str, value: &[u8]) {
    // No header is longer than 4 GiB, since the head of a request is limited.
    let length = |text: &[u8]| u32::try_from(text.len()).unwrap_or_default();
    let lengths = (length(name.as_bytes()), length(value));
    packed.extend_from_slice(&lengths.0.to_ne_bytes());
    packed.extend_from_slice(&lengths.1.to_ne_bytes());
    packed.extend_from_slice(&name.as_bytes()[..lengths.0 as usize]);
    packed.extend_from_slice(&value[..lengths.1 as usize]);
}

/// Takes the first name and value off.
fn taken<'a>(rest: &mut &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (name, behind) = rest.split_first_chunk()?;
    let (value, behind) = behind.split_first_chunk()?;
    let (name, behind) = behind.split_at_checked(u32::from_ne_bytes(*name) as usize)?;
    let (value, behind) = behind.split_at_checked(u32::from_ne_bytes(*value) as usize)?;
    *rest = behind;
    Some((name, value))
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        _ => "HTTP/1.1",
    }
}

fn text(value: Option<&[u8]>) -> String {
    value.map_or_else(String::new, |value| {
        String::from_utf8_lossy(value).into_owned()
    })
}

/// Pairs of name and value in the order they came. A repeated name gives several pairs.
fn headers_json(headers: &KeptHeaders) -> Value {
    let pairs = headers.iter();
    pairs
        .map(|(name, value)| json!([name, text(Some(value))]))
        .collect()
}

/// A value of `authorization` in which only its shape is left: the scheme, and the number of
/// words after it.
fn redacted(value: &HeaderValue) -> HeaderValue {
    let words = || {
        let words = value.as_bytes().split(u8::is_ascii_whitespace);
        words.filter(|word| !word.is_empty())
    };
    let Some(scheme) = words().next() else {
        return HeaderValue::from_static("");
    };
    let count = words().count();
    if scheme == b"Token" && count == 2 {
        return HeaderValue::from_static("Token [redacted]");
    }
    // A key without a scheme stands in the scheme's place.
    let known = ["token", "bearer", "basic", "digest"];
    let mut text = match std::str::from_utf8(scheme) {
        Ok(scheme) if known.iter().any(|k| scheme.eq_ignore_ascii_case(k)) => scheme.to_owned(),
        _ => REDACTED.to_owned(),
    };
    for _ in 1..count {
        let _ = write!(text, " {REDACTED}");
    }
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(REDACTED))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("Token secret", "Token [redacted]")]
    #[case("token secret", "token [redacted]")]
    #[case("Bearer a.b.c", "Bearer [redacted]")]
    #[case("Token se cret", "Token [redacted] [redacted]")]
    #[case("secret", "[redacted]")]
    #[case("Token", "Token")]
    #[case("", "")]
    fn a_secret_is_taken_out_and_its_shape_left(#[case] sent: &str, #[case] kept: &str) {
        let sent = HeaderValue::from_str(sent).unwrap();
        assert_eq!(redacted(&sent), kept);
    }

    #[test]
    fn of_a_long_body_the_beginning_is_kept_and_the_size_told() {
        let request = Request::new(Bytes::from("xxxxxxxx"));
        let exchange = Exchange::of(request, 1, Arc::from("default"), 3);
        let kept = json!({"text": "xxx", "bytes": 8, "truncated": true});
        assert_eq!(exchange.body.json(), kept);
    }
}
