//! What clients asked and what they got: the last exchanges of each world, in full.
//!
//! Nothing here knows sockets or the system's time. A journal never holds more than its
//! bounds: the oldest exchange makes room for the newest.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, LOCATION};
use http::{HeaderMap, HeaderValue, Method, Request, Response, Version};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::defects::DEFECT_HEADER;
use crate::endpoints::call::{mount, scheme};
use crate::engine::{RULE_HEADER, Rule};
use crate::model::time::{Timestamp, UtcOffset};

/// What a journal may hold.
#[derive(Debug, Clone, Copy)]
pub struct JournalLimits {
    /// Exchanges a world; 0 keeps none.
    pub exchanges: usize,
    /// Bytes of a body, a request's or an answer's; of a longer one the beginning is kept.
    pub body: usize,
    /// Bytes that all journals of a server hold together; beyond them a world that adds to
    /// its own gives up its oldest first.
    pub bytes: usize,
}

impl Default for JournalLimits {
    fn default() -> Self {
        Self {
            exchanges: 1000,
            body: 64 * 1024,
            bytes: 256 * 1024 * 1024,
        }
    }
}

/// What the journals of a server share: the numbers of exchanges, and how much they hold.
#[derive(Debug)]
pub struct JournalShare {
    limits: JournalLimits,
    next: AtomicU64,
    bytes: AtomicUsize,
}

impl JournalShare {
    /// A share within limits; the first exchange is number 1.
    pub fn new(limits: JournalLimits) -> Self {
        Self {
            limits,
            next: AtomicU64::new(1),
            bytes: AtomicUsize::new(0),
        }
    }

    /// The limits.
    pub fn limits(&self) -> JournalLimits {
        self.limits
    }

    /// How many bytes all journals hold, about.
    pub fn held(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The number of the next exchange.
    pub fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }
}

/// A body as far as it is kept.
#[derive(Debug, Clone)]
pub struct Kept {
    /// What is kept.
    pub bytes: Bytes,
    /// How long the whole is, bytes.
    pub size: usize,
}

impl Kept {
    /// The beginning of a body, up to the limit, as a copy: a slice would hold the whole
    /// of a connection's buffer.
    fn of(body: &Bytes, limit: usize) -> Self {
        Self {
            bytes: Bytes::copy_from_slice(&body[..body.len().min(limit)]),
            size: body.len(),
        }
    }

    /// Whether it is the whole.
    pub fn is_whole(&self) -> bool {
        self.bytes.len() == self.size
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

/// Headers as they are kept: in one piece, since many are kept and few are looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptHeaders(Box<[u8]>);

/// A header's name and its value.
pub type KeptHeader<'a> = (&'a str, &'a [u8]);

impl KeptHeaders {
    /// Headers in the order they came, but for the secrets in `authorization`.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
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
        Self(packed.into_boxed_slice())
    }

    /// One more.
    fn and(self, name: &HeaderName, value: &[u8]) -> Self {
        let mut packed = self.0.into_vec();
        push(&mut packed, name.as_str(), value);
        Self(packed.into_boxed_slice())
    }

    /// Names, in small letters, and values; several of one name are several pairs.
    pub fn iter(&self) -> impl Iterator<Item = KeptHeader<'_>> {
        let mut rest = &*self.0;
        std::iter::from_fn(move || {
            let name = taken(&mut rest)?;
            let value = taken(&mut rest)?;
            Some((std::str::from_utf8(name).unwrap_or_default(), value))
        })
    }

    /// The values of a name.
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let named = self
            .iter()
            .filter(move |(of, _)| of.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value)
    }

    /// The first value of a name.
    pub fn get(&self, name: &HeaderName) -> Option<&[u8]> {
        let mut named = self.iter().filter(|(of, _)| *of == name.as_str());
        named.next().map(|(_, value)| value)
    }
}

/// Appends a name and a value, each behind its length.
fn push(packed: &mut Vec<u8>, name: &str, value: &[u8]) {
    for text in [name.as_bytes(), value] {
        // No header is as long as that: the head of a request has a limit.
        let length = u32::try_from(text.len()).unwrap_or_default();
        packed.extend_from_slice(&length.to_ne_bytes());
        packed.extend_from_slice(&text[..length as usize]);
    }
}

/// Takes what is behind its length off the front.
fn taken<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, behind) = rest.split_first_chunk()?;
    let length = u32::from_ne_bytes(*length) as usize;
    let (text, behind) = behind.split_at_checked(length)?;
    *rest = behind;
    Some(text)
}

/// One exchange, as it went over the wire but for the secrets in `authorization`.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// Its number among all of the server's, from 1.
    pub id: u64,
    /// When the request had arrived, by the system's clock.
    pub at: Timestamp,
    /// The world it was about.
    pub world: Arc<str>,
    /// The method.
    pub method: Method,
    /// Path and query as they came, with any prefix of a world.
    pub target: String,
    /// The version of HTTP.
    pub version: Version,
    /// Whether it came over TLS.
    pub is_over_tls: bool,
    /// The request's headers.
    pub headers: KeptHeaders,
    /// The request's body.
    pub body: Kept,
    /// What was answered; `None` where nothing was.
    pub answer: Option<Answered>,
    /// The operation's id; `unrouted` where there is none.
    pub operation: &'static str,
    /// The rule that decided.
    pub rule: Option<Rule>,
    /// How many writes the world had seen when the request was answered.
    pub writes_before: u64,
    /// The number of the write that it was itself.
    pub wrote: Option<u64>,
    /// From the arrival of the request to the answer.
    pub took: Duration,
    /// The faults that had their hand in it, by the names of their rules.
    pub faults: Vec<String>,
    /// What exactly they did.
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
    /// An answer as a journal keeps it.
    pub fn of(response: &Response<Bytes>, limits: JournalLimits) -> Self {
        Self {
            status: response.status().as_u16(),
            headers: KeptHeaders::of(response.headers()),
            body: Kept::of(response.body(), limits.body),
        }
    }
}

/// Path and query as they came.
pub fn target(request: &Request<Bytes>) -> String {
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", http::uri::PathAndQuery::as_str);
    [mount(request), path].concat()
}

impl Exchange {
    /// What is known of an exchange from its request. The rest is for the server to say.
    pub fn of(request: Request<Bytes>, id: u64, world: Arc<str>, limits: JournalLimits) -> Self {
        let target = target(&request);
        let is_over_tls = scheme(&request) == "https";
        let (head, body) = request.into_parts();
        let mut headers = KeptHeaders::of(&head.headers);
        // HTTP/2 names the host elsewhere; links and whoever plays it again look here.
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
            body: Kept::of(&body, limits.body),
            answer: None,
            operation: "unrouted",
            rule: None,
            writes_before: 0,
            wrote: None,
            took: Duration::ZERO,
            faults: Vec::new(),
            plan: None,
        }
    }

    /// About how much memory it takes, bytes.
    fn weight(&self) -> usize {
        let answer = self.answer.as_ref();
        size_of::<Self>()
            + self.target.len()
            + self.body.bytes.len()
            + self.headers.0.len()
            + answer.map_or(0, |a| a.body.bytes.len() + a.headers.0.len())
    }

    /// The readings that decided, with their choices.
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

    /// The exchange as an entry of an HTTP archive.
    fn har(&self) -> Value {
        let host = self.headers.get(&HOST);
        let host = host
            .and_then(|host| std::str::from_utf8(host).ok())
            .unwrap_or("localhost");
        let (_, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let pairs = crate::wire::urlencoded::decode(query.as_bytes()).unwrap_or_default();
        let query: Vec<_> = pairs
            .iter()
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect();
        let took = self.took.as_secs_f64() * 1e3;
        let scheme = if self.is_over_tls { "https" } else { "http" };
        let mut request = json!({
            "method": self.method.as_str(),
            "url": format!("{scheme}://{host}{}", self.target),
            "httpVersion": version(self.version),
            "cookies": [],
            "headers": har_headers(&self.headers),
            "queryString": query,
            "headersSize": -1,
            "bodySize": self.body.size,
        });
        if self.body.size > 0 {
            request["postData"] = json!({
                "mimeType": text(self.headers.get(&CONTENT_TYPE)),
                "text": String::from_utf8_lossy(&self.body.bytes),
            });
        }
        // An archive has no word for an answer that never came but the status 0.
        let none = (0, KeptHeaders::default(), None);
        let (status, headers, body) = self.answer.as_ref().map_or(none, |answer| {
            (answer.status, answer.headers.clone(), Some(&answer.body))
        });
        let reason = http::StatusCode::from_u16(status).ok();
        let reason = reason.and_then(|status| status.canonical_reason());
        let mut content = json!({
            "size": body.map_or(0, |body| body.size),
            "mimeType": text(headers.get(&CONTENT_TYPE)),
        });
        if let Some(body) = body {
            if let Ok(text) = std::str::from_utf8(&body.bytes) {
                content["text"] = text.into();
            } else {
                content["text"] = BASE64.encode(&body.bytes).into();
                content["encoding"] = "base64".into();
            }
        }
        json!({
            "startedDateTime": self.at.to_text(UtcOffset::UTC),
            "time": took,
            "request": request,
            "response": {
                "status": status,
                "statusText": reason.unwrap_or_default(),
                "httpVersion": version(self.version),
                "cookies": [],
                "headers": har_headers(&headers),
                "content": content,
                "redirectURL": text(headers.get(&LOCATION)),
                "headersSize": -1,
                "bodySize": body.map_or(0, |body| body.size),
            },
            "cache": {},
            "timings": {"send": 0, "wait": took, "receive": 0},
            "comment": format!("world {}, exchange {}", self.world, self.id),
        })
    }
}

/// Exchanges as an HTTP archive, version 1.2.
pub fn har<'a>(exchanges: impl IntoIterator<Item = &'a Exchange>) -> Value {
    let entries: Vec<_> = exchanges.into_iter().map(Exchange::har).collect();
    json!({"log": {
        "version": "1.2",
        "creator": {"name": "whippy-mock", "version": env!("CARGO_PKG_VERSION")},
        "entries": entries,
    }})
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

/// Names and values in the order they came; several of one name are several pairs.
fn headers_json(headers: &KeptHeaders) -> Value {
    let pairs = headers.iter();
    pairs
        .map(|(name, value)| json!([name, text(Some(value))]))
        .collect()
}

fn har_headers(headers: &KeptHeaders) -> Vec<Value> {
    let pairs = headers.iter();
    pairs
        .map(|(name, value)| json!({"name": name, "value": text(Some(value))}))
        .collect()
}

/// What stands for a secret.
const REDACTED: &str = "[redacted]";

/// A value of `authorization` without its secrets, and with its shape: the scheme, and how
/// many words follow.
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
    // A key without a scheme stands where the scheme should.
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

/// What to look for among the exchanges. What is not named is not asked.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// The operation's id.
    pub operation: Option<String>,
    /// The method.
    pub method: Option<String>,
    /// A status code, or a class of them: `404`, `4xx`.
    pub status: Option<WantedStatus>,
    /// The path, as it came, without the query.
    pub path: Option<String>,
    /// Text that is somewhere in path and query.
    pub target_contains: Option<String>,
    /// Headers of the request with these values.
    #[serde(default)]
    pub headers: Map<String, Value>,
    /// Members of the request's JSON body; others may be beside them.
    pub body: Option<Value>,
    /// Only exchanges after this number.
    pub since: Option<u64>,
}

/// A status code, or a class of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Value")]
pub enum WantedStatus {
    /// One code.
    Code(u16),
    /// All that begin with this digit.
    Class(u16),
}

impl TryFrom<Value> for WantedStatus {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        match &value {
            Value::String(text) => Self::parse(text),
            other => Self::parse(&other.to_string()),
        }
    }
}

impl WantedStatus {
    /// Reads `404` or `4xx`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let class = text.strip_suffix("xx").filter(|digit| digit.len() == 1);
        let parsed = match class {
            Some(digit) => digit
                .parse()
                .ok()
                .filter(|d| (1..=5).contains(d))
                .map(Self::Class),
            None => text
                .parse()
                .ok()
                .filter(|code| (100..=599).contains(code))
                .map(Self::Code),
        };
        parsed.ok_or_else(|| {
            format!("status: `{text}` is neither a status like 404 nor a class like 4xx")
        })
    }

    fn fits(self, status: u16) -> bool {
        match self {
            Self::Code(code) => status == code,
            Self::Class(class) => status / 100 == class,
        }
    }
}

impl Wanted {
    /// Whether an exchange is one of those looked for.
    pub fn fits(&self, exchange: &Exchange) -> bool {
        let path = exchange.target.split('?').next().unwrap_or_default();
        let status = exchange.answer.as_ref().map(|answer| answer.status);
        self.since.is_none_or(|since| exchange.id > since)
            && self
                .operation
                .as_deref()
                .is_none_or(|id| id == exchange.operation)
            && self
                .method
                .as_deref()
                .is_none_or(|m| exchange.method.as_str().eq_ignore_ascii_case(m))
            && self
                .status
                .is_none_or(|wanted| status.is_some_and(|status| wanted.fits(status)))
            && self.path.as_deref().is_none_or(|wanted| wanted == path)
            && self
                .target_contains
                .as_deref()
                .is_none_or(|part| exchange.target.contains(part))
            && self.headers.iter().all(|(name, wanted)| {
                let mut values = exchange.headers.get_all(name);
                values.any(|value| wanted.as_str().is_some_and(|w| value == w.as_bytes()))
            })
            && self.body.as_ref().is_none_or(|wanted| {
                serde_json::from_slice(&exchange.body.bytes).is_ok_and(|body| has(&body, wanted))
            })
    }
}

/// Whether a JSON value has what another has: of objects the members named, of anything
/// else the whole.
fn has(value: &Value, wanted: &Value) -> bool {
    match (value, wanted) {
        (Value::Object(value), Value::Object(wanted)) => wanted
            .iter()
            .all(|(name, wanted)| value.get(name).is_some_and(|value| has(value, wanted))),
        _ => value == wanted,
    }
}

/// The last exchanges of a world.
#[derive(Debug)]
pub struct Journal {
    share: Arc<JournalShare>,
    ring: Mutex<Ring>,
}

#[derive(Debug, Default)]
struct Ring {
    exchanges: VecDeque<Arc<Exchange>>,
    bytes: usize,
    /// How many were given up.
    lost: u64,
}

impl Journal {
    /// An empty journal.
    pub fn new(share: Arc<JournalShare>) -> Self {
        Self {
            share,
            ring: Mutex::default(),
        }
    }

    // A panic while it is held leaves it whole: each step is one push or pop.
    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps an exchange, and gives up what there is no room for.
    pub fn keep(&self, exchange: Arc<Exchange>) {
        let limits = self.share.limits;
        if limits.exchanges == 0 {
            return;
        }
        let weight = exchange.weight();
        let before = self.share.bytes.fetch_add(weight, Ordering::Relaxed);
        let mut held = before + weight;
        // One as a rule, for which no list is made.
        let (mut given_up, mut more) = (None, Vec::new());
        {
            let mut ring = self.ring();
            ring.bytes += weight;
            ring.exchanges.push_back(exchange);
            while ring.exchanges.len() > limits.exchanges
                || (held > limits.bytes && ring.exchanges.len() > 1)
            {
                let Some(oldest) = ring.exchanges.pop_front() else {
                    break;
                };
                let freed = oldest.weight();
                ring.bytes -= freed;
                ring.lost += 1;
                self.share.bytes.fetch_sub(freed, Ordering::Relaxed);
                held = held.saturating_sub(freed);
                more.extend(given_up.replace(oldest));
            }
        }
        // What is dropped is dropped outside the lock.
        drop((given_up, more));
    }

    /// Those that are looked for, the oldest first.
    pub fn find(&self, wanted: &Wanted) -> Vec<Arc<Exchange>> {
        let ring = self.ring();
        let exchanges = ring.exchanges.iter();
        exchanges
            .filter(|exchange| wanted.fits(exchange))
            .cloned()
            .collect()
    }

    /// How many it has given up since it was last emptied.
    pub fn lost(&self) -> u64 {
        self.ring().lost
    }

    /// Empties it; how many there were.
    pub fn clear(&self) -> usize {
        let emptied = std::mem::take(&mut *self.ring());
        self.share.bytes.fetch_sub(emptied.bytes, Ordering::Relaxed);
        emptied.exchanges.len()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.clear();
    }
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

    fn exchange(share: &JournalShare, body: usize) -> Arc<Exchange> {
        let request = Request::new(Bytes::from(vec![b'x'; body]));
        let world = Arc::from("default");
        Arc::new(Exchange::of(request, share.number(), world, share.limits()))
    }

    fn ids(journal: &Journal) -> Vec<u64> {
        let all = journal.find(&Wanted::default());
        all.iter().map(|exchange| exchange.id).collect()
    }

    #[test]
    fn the_oldest_makes_room_and_is_counted() {
        let limits = JournalLimits {
            exchanges: 2,
            ..JournalLimits::default()
        };
        let share = Arc::new(JournalShare::new(limits));
        let journal = Journal::new(Arc::clone(&share));
        for _ in 0..5 {
            journal.keep(exchange(&share, 0));
        }
        assert_eq!((ids(&journal), journal.lost()), (vec![4, 5], 3));
        assert_eq!(journal.clear(), 2);
        assert_eq!(share.bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn beyond_the_bytes_of_all_a_world_gives_up_its_own() {
        let limits = JournalLimits {
            bytes: 10_000,
            ..JournalLimits::default()
        };
        let share = Arc::new(JournalShare::new(limits));
        let (one, other) = (
            Journal::new(Arc::clone(&share)),
            Journal::new(Arc::clone(&share)),
        );
        one.keep(exchange(&share, 4_000));
        other.keep(exchange(&share, 4_000));
        other.keep(exchange(&share, 4_000));
        assert_eq!((ids(&one), ids(&other)), (vec![1], vec![3]));
        drop(other);
        let (held, one) = (share.bytes.load(Ordering::Relaxed), one.ring().bytes);
        assert_eq!(held, one);
    }

    #[test]
    fn of_a_long_body_the_beginning_is_kept_and_the_size_told() {
        let limits = JournalLimits {
            body: 3,
            ..JournalLimits::default()
        };
        let share = JournalShare::new(limits);
        let kept = exchange(&share, 8).body.json();
        assert_eq!(kept, json!({"text": "xxx", "bytes": 8, "truncated": true}));
    }
}
