//! Sends the requests of a check, judges every answer, and keeps the transcript.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, InvalidHeaderName,
    InvalidHeaderValue,
};
use http::uri::InvalidUri;
use http::{HeaderMap, Method, Request, Response, Uri};
use serde_json::Value;

use crate::attribution::Trace;
use crate::contract::pattern::Pattern;
use crate::contract::{Aspect, Contract, Violation};
use crate::model::cause::Difference;
use crate::model::finding::{AtOnce, Exchange, Finding, Kind, Level, Record, Secrets, cut};
use crate::scope::{Relation, Scope};
use crate::transport::target::{Target, TargetError};
use crate::workers::{Stopwatch, lock, race};

/// The value in a session's environment that is the provider's name, where stocks show another
/// value in its place.
pub const PROVIDER_NAME: &str = "provider-name";

/// Limits of the exploration at the end of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exploration {
    /// The most requests.
    pub requests: u64,
    /// The longest time, microseconds, or an eighth of the run before it if that is longer;
    /// `None`: no limit.
    pub micros: Option<u64>,
}

impl Default for Exploration {
    /// Returns limits that cost little.
    fn default() -> Self {
        Self {
            requests: 400,
            micros: Some(1_200_000),
        }
    }
}

impl Exploration {
    /// Returns a limit of requests without one of time.
    pub fn of(requests: u64) -> Self {
        Self {
            requests,
            micros: None,
        }
    }
}

/// Reasons why a check ended early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// It failed, for reasons in its findings.
    Failed,
    /// The initial state could not be created.
    Setup(String),
    /// The target lacks the part that it concerns.
    Unsupported(String),
    /// It needs something that the user has not given.
    Disabled(String),
    /// Somebody else wrote meanwhile.
    Inconclusive(String),
    /// The suite has a mistake.
    Suite(String),
    /// The target cannot be reached any more.
    Unreachable(String),
    /// Something else answers in place of the target.
    NotTheService(String),
}

impl Stop {
    /// A fault of the suite's own.
    pub fn suite(why: impl fmt::Display) -> Self {
        Self::Suite(why.to_string())
    }
}

/// The state that all checks of a run share.
pub struct Session {
    /// The target.
    pub target: Arc<dyn Target>,
    /// The judge of every exchange, which other sessions may share.
    pub contract: Arc<Contract>,
    /// The token, sent as `Authorization: Token …`.
    pub token: Option<String>,
    /// Values that no report may show.
    pub secrets: Secrets,
    /// Values by name: `base`, `provider`, `location`, …
    pub environment: Scope,
    /// The prefix of every SKU in the run.
    pub sku_prefix: String,
    /// The readings required of the target; a number in digits.
    pub profile: BTreeMap<String, String>,
    /// Bounds of the exploration at the end of the run.
    pub exploration: Exploration,
    /// The time since the session began.
    pub watch: Stopwatch,
    /// The time that the run waits, once, before it checks that writes persist.
    pub patience: Duration,
    /// Is true if every answer takes long, so that rules over many values use a sample.
    pub is_far: bool,
    next_sku: AtomicU64,
    requests: AtomicU64,
    readings: Mutex<BTreeMap<String, Vec<String>>>,
    noted: Mutex<Vec<Noted>>,
    /// Scheme and authority of the first link in any page.
    origin: Mutex<Option<String>>,
    /// Bytes of exchanges in findings so far.
    kept: AtomicU64,
}

/// A violation found by the judge, with the exchange that shows it.
#[derive(Debug, Clone)]
pub struct Noted {
    /// The violated aspect; `None` where a request got no answer.
    pub aspect: Option<Aspect>,
    /// The kind, which is equal for the same violation in any answer.
    pub kind: String,
    /// The check that sent the request.
    pub check: String,
    /// The finding.
    pub finding: Finding,
}

/// The exchanges of a check that are kept: this many at its beginning, and this many at its end.
const FIRST_KEPT: usize = 8;
const LAST_KEPT: usize = 24;

/// The most characters of a body in a finding, and the smaller limit once findings have grown
/// large.
const LONGEST_BODY: usize = 32_000;
const SCARCE_BODY: usize = 500;

/// Bytes of exchanges in findings from which the smaller limit applies.
const MOST_KEPT: u64 = 20_000_000;

/// The most different violations in a run.
const MOST_NOTED: usize = 400;

impl Session {
    /// Creates a session in which nothing has happened yet.
    pub fn new(target: Arc<dyn Target>, contract: impl Into<Arc<Contract>>) -> Self {
        let mut environment = Scope::default();
        environment.set("base", target.base());
        Self {
            target,
            contract: contract.into(),
            token: None,
            secrets: Secrets::default(),
            environment,
            sku_prefix: "00CT-".to_owned(),
            profile: BTreeMap::new(),
            exploration: Exploration::default(),
            watch: Stopwatch::start(),
            patience: Duration::ZERO,
            is_far: false,
            next_sku: AtomicU64::new(1),
            requests: AtomicU64::new(0),
            readings: Mutex::default(),
            noted: Mutex::default(),
            origin: Mutex::default(),
            kept: AtomicU64::new(0),
        }
    }

    /// Returns a SKU that no other check of the run uses. It has letters of both cases and zeros at
    /// its end (and with the default prefix at its beginning), which reveals a service that changes
    /// it.
    pub fn fresh_sku(&self) -> String {
        let number = self.next_sku.fetch_add(1, Ordering::Relaxed);
        format!("{}{number:04}aB00", self.sku_prefix)
    }

    /// Returns the number of requests sent so far.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Returns the choices of a reading that fit all observations so far; `None` before the first.
    pub fn reading(&self, id: &str) -> Option<Vec<String>> {
        lock(&self.readings).get(id).cloned()
    }

    /// Adds an observation of a reading: only choices that fit all of them remain.
    pub fn saw(&self, id: &str, choices: &[String]) {
        let mut readings = lock(&self.readings);
        match readings.get_mut(id) {
            Some(known) => known.retain(|choice| choices.contains(choice)),
            None => {
                readings.insert(id.to_owned(), choices.to_vec());
            }
        }
    }

    /// Returns `true` if this is the only choice of a reading that fits.
    pub fn sees(&self, id: &str, choice: &str) -> bool {
        lock(&self.readings)
            .get(id)
            .is_some_and(|known| known.len() == 1 && known[0] == choice)
    }

    /// Returns the violations so far, one of each kind.
    pub fn noted(&self) -> Vec<Noted> {
        lock(&self.noted).clone()
    }

    /// Counts a violation whose kind is known, or for which there is no room.
    fn is_noted(&self, aspect: Option<Aspect>, kind: &str, times: u64) -> bool {
        let mut all = lock(&self.noted);
        let is_full = all.len() >= MOST_NOTED;
        let known = all
            .iter_mut()
            .find(|known| known.aspect == aspect && known.kind == kind);
        match known {
            Some(known) => {
                known.finding.times += times;
                true
            }
            None => is_full,
        }
    }

    /// Returns the violation of a page with a link to another address than the run's first link.
    fn stray_link(&self, page: &Value) -> Option<Violation> {
        let mut origin = lock(&self.origin);
        for name in ["next", "previous"] {
            let address = page[name]
                .as_str()
                .and_then(|link| link.split_once("/api/"));
            let Some((address, _)) = address else {
                continue;
            };
            let known = origin.get_or_insert_with(|| address.to_owned());
            if known != address {
                return Some(Violation {
                    aspect: Aspect::Body,
                    level: Level::Must,
                    summary: format!(
                        "expected `{name}` to lead to {known} as other links do, got {address}"
                    ),
                    kind: format!("{name} leads elsewhere"),
                    at: vec![format!("/{name}")],
                    member: Some(name.to_owned()),
                    count: 1,
                });
            }
        }
        None
    }

    fn note(&self, noted: Noted) {
        if !self.is_noted(noted.aspect, &noted.kind, noted.finding.times) {
            lock(&self.noted).push(noted);
        }
    }

    /// Returns the documented success that an undocumented one stands for; any other status
    /// unchanged.
    fn meant(&self, ask: &Ask, status: u16) -> u16 {
        let operation = self.contract.route(&ask.method, ask.bare_path());
        match operation.and_then(|operation| operation.meant(status)) {
            Some(meant) if (200..300).contains(&status) => meant,
            _ => status,
        }
    }

    /// Sends a request of the suite itself, outside any check, without judging the answer.
    pub fn send_unjudged(&self, ask: &Ask) -> Result<Answer, Stop> {
        let request = ask.request(self).map_err(Stop::suite)?;
        self.requests.fetch_add(1, Ordering::Relaxed);
        match self.target.send(&request) {
            Ok(response) => Ok(Answer {
                status: self.meant(ask, response.status().as_u16()),
                came: response.status().as_u16(),
                headers: response.headers().clone(),
                body: crate::model::json::parse(response.body()).ok(),
                bytes: response.into_body(),
                number: 0,
            }),
            Err(TargetError::Unreachable(why)) => Err(Stop::Unreachable(why)),
            Err(TargetError::NotTheService(why)) => Err(Stop::NotTheService(why)),
            Err(error) => Err(Stop::Setup(format!("{}: {error}", ask.line()))),
        }
    }
}

/// The credentials of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Credentials {
    /// The token of the run.
    #[default]
    Given,
    /// No credentials.
    None,
    /// Another `Authorization` header, as text.
    Other(String),
    /// Another `Authorization` header, as bytes that may not be text.
    Bytes(&'static [u8]),
}

/// The body of a request.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Payload {
    /// No body.
    #[default]
    None,
    /// JSON, sent as `application/json`.
    Json(Value),
    /// Raw bytes, with a content type only if a header gives one.
    Raw(Bytes),
}

/// The description of a request.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    /// The name of the step in reports.
    pub step: String,
    /// The method.
    pub method: Method,
    /// The encoded path behind the target's base, such as `/api/v1/stocks/`; it may include a
    /// query.
    pub path: String,
    /// Names and values of the query, not encoded yet.
    pub query: Vec<(String, String)>,
    /// Further headers; `None` leaves out one that is usually sent.
    pub headers: Vec<(String, Option<String>)>,
    /// The credentials.
    pub credentials: Credentials,
    /// The body.
    pub payload: Payload,
    /// Is true if it is deliberately wrong, so that no correct client would send it.
    pub invalid: bool,
    /// Is true if it only prepares the check's initial state.
    pub is_setup: bool,
}

/// Reasons why an [`Ask`] cannot become a request.
#[derive(Debug)]
enum AskError {
    Uri(String, InvalidUri),
    HeaderName(String, InvalidHeaderName),
    HeaderValue(String, InvalidHeaderValue),
    /// The bytes of [`Credentials::Bytes`].
    Credentials(InvalidHeaderValue),
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uri(text, why) => write!(f, "`{text}`: {why}"),
            Self::HeaderName(text, why) => write!(f, "`{text}`: {why}"),
            Self::HeaderValue(text, why) => write!(f, "`{text}`: {why}"),
            Self::Credentials(why) => why.fmt(f),
        }
    }
}

impl Ask {
    /// Creates a request.
    pub fn new(method: Method, path: &str) -> Self {
        Self {
            step: format!("{method} {path}"),
            method,
            path: path.to_owned(),
            ..Self::default()
        }
    }

    /// Creates a GET.
    pub fn get(path: &str) -> Self {
        Self::new(Method::GET, path)
    }

    /// Creates a POST of JSON.
    pub fn post(path: &str, body: Value) -> Self {
        Self {
            payload: Payload::Json(body),
            ..Self::new(Method::POST, path)
        }
    }

    /// Adds a parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.query.push((name.to_owned(), value.to_string()));
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), Some(value.to_owned())));
        self
    }

    /// Sets the name of the step in reports.
    #[must_use]
    pub fn named(mut self, step: &str) -> Self {
        step.clone_into(&mut self.step);
        self
    }

    /// Marks it as deliberately wrong.
    #[must_use]
    pub fn invalid(mut self) -> Self {
        self.invalid = true;
        self
    }

    /// Marks it as a preparation of the check's initial state.
    #[must_use]
    pub fn setup(mut self) -> Self {
        self.is_setup = true;
        self
    }

    fn request(&self, session: &Session) -> Result<Request<Bytes>, AskError> {
        let mut uri = format!("{}{}", session.target.base(), self.path);
        for (position, (name, value)) in self.query.iter().enumerate() {
            let is_first = position == 0 && !self.path.contains('?');
            uri.push(if is_first { '?' } else { '&' });
            encode(name, &mut uri);
            uri.push('=');
            encode(value, &mut uri);
        }
        let uri: Uri = uri.parse().map_err(|why| AskError::Uri(uri, why))?;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let authorization = match (&self.credentials, &session.token) {
            (Credentials::Given, Some(token)) => {
                let mut value = header_value(&format!("Token {token}"))?;
                // Other headers in its place are shown as they are.
                value.set_sensitive(true);
                Some(value)
            }
            (Credentials::Other(value), _) => Some(header_value(value)?),
            (Credentials::Bytes(value), _) => {
                let value = HeaderValue::from_bytes(value);
                Some(value.map_err(AskError::Credentials)?)
            }
            _ => None,
        };
        if let Some(authorization) = authorization {
            headers.insert(AUTHORIZATION, authorization);
        }
        let body = match &self.payload {
            Payload::None => Bytes::new(),
            Payload::Raw(bytes) => bytes.clone(),
            Payload::Json(value) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                value.to_string().into()
            }
        };
        for (name, value) in &self.headers {
            let name: HeaderName = name
                .parse()
                .map_err(|why| AskError::HeaderName(name.clone(), why))?;
            match value {
                Some(value) => headers.insert(name, header_value(value)?),
                None => headers.remove(name),
            };
        }
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// Returns `true` if it names a host itself, on which the links in the answer may depend.
    fn names_a_host(&self) -> bool {
        let mut headers = self.headers.iter();
        headers
            .any(|(name, _)| name.to_ascii_lowercase().contains("host") || name.contains("orward"))
    }

    /// Returns method and path.
    fn line(&self) -> String {
        format!("{} {}", self.method, self.bare_path())
    }

    /// Returns the path without a query.
    fn bare_path(&self) -> &str {
        self.path.split('?').next().unwrap_or_default()
    }
}

/// Returns the value of a header, as UTF-8 of any characters.
fn header_value(text: &str) -> Result<HeaderValue, AskError> {
    HeaderValue::from_bytes(text.as_bytes())
        .map_err(|why| AskError::HeaderValue(text.to_owned(), why))
}

/// Appends a name or value of a query, percent-encoded.
pub fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

/// An answer of the target.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status. An undocumented success counts as the documented one, so that a wrong number
    /// alone does not end a check.
    pub status: u16,
    /// The actual status.
    pub came: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, if it is JSON.
    pub body: Option<Value>,
    /// The body, unparsed.
    pub bytes: Bytes,
    /// The number of its exchange in the conversation.
    number: u64,
}

/// The conversation of one check, or of one row in its table, with the target.
pub struct Probe<'a> {
    /// The state that all checks share.
    pub session: &'a Session,
    /// The level of the check.
    pub level: Level,
    /// Values by name.
    pub scope: Scope,
    /// The findings so far.
    pub findings: Vec<Finding>,
    /// The choices of the check's reading that fit, if it has one.
    pub choices: Option<Vec<String>>,
    /// The check's id.
    check: &'a str,
    row: Option<String>,
    transcript: Vec<Exchange>,
    /// The number of exchanges so far.
    sent: u64,
    /// The number of exchanges left out of the transcript.
    left_out: usize,
    /// The difference that prevented the check's initial state.
    pub blocked_by: Option<Difference>,
}

impl<'a> Probe<'a> {
    /// Begins a conversation, with unused SKUs in `sku`, `sku2` and `sku3`.
    pub fn new(session: &'a Session, check: &'a str, level: Level) -> Self {
        let mut scope = session.environment.clone();
        for name in ["sku", "sku2", "sku3"] {
            scope.set(name, session.fresh_sku());
        }
        Self {
            session,
            level,
            scope,
            findings: Vec::new(),
            choices: None,
            check,
            row: None,
            transcript: Vec::new(),
            sent: 0,
            left_out: 0,
            blocked_by: None,
        }
    }

    /// Makes it the conversation of a row in a table.
    #[must_use]
    pub fn in_row(mut self, row: &str) -> Self {
        self.row = Some(row.to_owned());
        self
    }

    /// Returns the number of requests sent.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Returns a value that the environment must have, or ends the check.
    pub fn need(&self, name: &str) -> Result<String, Stop> {
        match self.scope.get(name) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(value) => Ok(value.to_string()),
            None => Err(Stop::Disabled(format!("it needs `{name}`"))),
        }
    }

    /// Sends a request and judges the answer. A violation of the contract is noted for the whole
    /// run, and does not end the check.
    pub fn send(&mut self, ask: &Ask) -> Result<Answer, Stop> {
        let request = ask.request(self.session).map_err(Stop::suite)?;
        if !ask.invalid
            && let Some(fault) = self.session.contract.fault(&request, ask.bare_path())
        {
            let why = format!(
                "step `{}` sends what no correct client would: {fault}",
                ask.step
            );
            return Err(Stop::Suite(why));
        }
        self.session.requests.fetch_add(1, Ordering::Relaxed);
        match self.session.target.send(&request) {
            Ok(response) => {
                let judgement =
                    self.session
                        .contract
                        .judge(&request, ask.bare_path(), &response, ask.invalid);
                let answer = Answer {
                    status: self.session.meant(ask, response.status().as_u16()),
                    came: response.status().as_u16(),
                    headers: response.headers().clone(),
                    body: judgement.body,
                    bytes: response.body().clone(),
                    number: self.sent + 1,
                };
                self.keep(&ask.step, request, Ok(response));
                for violation in judgement.violations {
                    self.note_violation(violation, ask.invalid);
                }
                let links = answer.body.as_ref().filter(|_| !ask.names_a_host());
                if let Some(violation) = links.and_then(|body| self.session.stray_link(body)) {
                    self.note_violation(violation, ask.invalid);
                }
                Ok(answer)
            }
            Err(error) => {
                self.keep(&ask.step, request, Err(error.to_string()));
                Err(self.without_answer(ask, error))
            }
        }
    }

    /// Adds an exchange to the transcript. Long bodies are cut, and of a long chain only the first
    /// and the last exchanges stay.
    fn keep(
        &mut self,
        step: &str,
        request: Request<Bytes>,
        answer: Result<Response<Bytes>, String>,
    ) {
        let answer = answer.map(|answer| {
            let (head, body) = answer.into_parts();
            Response::from_parts(head, self.short(body))
        });
        if self.transcript.len() >= FIRST_KEPT + LAST_KEPT {
            self.transcript.remove(FIRST_KEPT);
            self.left_out += 1;
        }
        self.sent += 1;
        self.transcript.push(Exchange {
            step: step.to_owned(),
            request,
            answer,
        });
    }

    /// Cuts a body to the length that a report can show. Secrets are removed first, so that none is
    /// cut in two.
    fn short(&self, body: Bytes) -> Bytes {
        if body.len() <= 2 * LONGEST_BODY {
            return body;
        }
        let text = self.session.secrets.redact(&String::from_utf8_lossy(&body));
        cut(&text, LONGEST_BODY).into_owned().into()
    }

    /// Ends the check after a request without an answer.
    fn without_answer(&mut self, ask: &Ask, error: TargetError) -> Stop {
        match error {
            TargetError::Unreachable(why) => Stop::Unreachable(why),
            TargetError::NotTheService(why) => Stop::NotTheService(why),
            TargetError::TimedOut(_) | TargetError::Broken(_) => {
                let finding = self.with_exchanges(Finding {
                    kind: Kind::NoAnswer,
                    ..Finding::new(
                        Level::Must,
                        format!("expected an answer to {}, got none: {error}", ask.line()),
                    )
                });
                self.session.note(Noted {
                    aspect: None,
                    kind: finding.summary.clone(),
                    check: self.check.to_owned(),
                    finding,
                });
                let missing = Finding {
                    kind: Kind::NoAnswer,
                    ..Finding::new(
                        self.level,
                        format!("expected an answer to {}, got none: {error}", ask.step),
                    )
                };
                if ask.is_setup {
                    return self.block(&missing, format!("{}: {error}", ask.step));
                }
                self.record_finding(missing)
            }
            error @ TargetError::Away(_) => Stop::Setup(error.to_string()),
            error => Stop::Disabled(error.to_string()),
        }
    }

    /// Sends requests at the same time, each from a thread of its own; returns the answers in the
    /// order of the requests.
    pub fn send_at_once(&mut self, asks: &[Ask]) -> Result<Vec<Answer>, Stop> {
        let (session, check, level) = (self.session, self.check, self.level);
        let (scope, row) = (&self.scope, &self.row);
        let sent = race(asks.len(), |runner| {
            let mut probe = Probe {
                session,
                level,
                scope: scope.clone(),
                findings: Vec::new(),
                choices: None,
                check,
                row: row.clone(),
                transcript: Vec::new(),
                sent: 0,
                left_out: 0,
                blocked_by: None,
            };
            let answer = probe.send(&asks[runner]);
            (probe.findings, probe.transcript, answer)
        });
        let mut answers = Vec::with_capacity(asks.len());
        for (findings, mut transcript, answer) in sent {
            for exchange in &mut transcript {
                let at_once = AtOnce(asks.len());
                exchange.request.extensions_mut().insert(at_once);
            }
            self.findings.extend(findings);
            for exchange in transcript {
                self.keep(&exchange.step, exchange.request, exchange.answer);
            }
            let number = self.sent;
            answers.push(answer.map(|answer| Answer { number, ..answer }));
        }
        answers.into_iter().collect()
    }

    fn note_violation(&self, mut violation: Violation, invalid: bool) {
        let secrets = &self.session.secrets;
        let redact = |text: &mut String| *text = secrets.redact(text);
        redact(&mut violation.summary);
        redact(&mut violation.kind);
        violation.at.iter_mut().for_each(redact);
        violation.member.iter_mut().for_each(redact);
        // A violation in the answer to a deliberately wrong request weighs no more than its check.
        let level = if invalid {
            violation.level.min(self.level)
        } else {
            violation.level
        };
        let difference = self.trace().place_violation(&violation);
        // The same wrong key is reported once for each operation.
        let kind = format!("{} {}", difference.operation, violation.kind);
        let aspect = Some(violation.aspect);
        if self.session.is_noted(aspect, &kind, violation.count) {
            return;
        }
        let finding = Finding {
            at: violation.at,
            times: violation.count,
            exchanges: self
                .transcript
                .last()
                .map(|e| self.record(e))
                .into_iter()
                .collect(),
            difference: Some(difference),
            ..Finding::new(level, violation.summary)
        };
        self.session.note(Noted {
            aspect,
            kind,
            check: self.check.to_owned(),
            finding,
        });
    }

    fn trace(&self) -> Trace<'_> {
        Trace {
            contract: &self.session.contract,
            base: self.session.target.base(),
            check: self.check,
            chain: &self.transcript,
        }
    }

    /// Ends the check because its initial state could not be created.
    pub fn block(&mut self, finding: &Finding, why: String) -> Stop {
        let finding = self.redacted(finding.clone());
        self.blocked_by = Some(self.trace().place(&finding));
        Stop::Setup(why)
    }

    /// Notes, for the whole run, a request that should have succeeded and was refused. The check
    /// itself goes on in another way.
    pub fn note_refusal(&mut self, expected: &[u16], got: u16) {
        let finding = self.with_exchanges(Finding::status(Level::Must, expected, got));
        let operation = finding.difference.as_ref().map(|d| d.operation.clone());
        let operation = operation.unwrap_or_default();
        let finding = Finding {
            summary: format!("{operation} of a plain stock: {}", finding.summary),
            ..finding
        };
        self.session.note(Noted {
            aspect: Some(Aspect::Status),
            kind: format!("{operation} refused {got}"),
            check: self.check.to_owned(),
            finding,
        });
    }

    fn record(&self, exchange: &Exchange) -> Record {
        let is_full = self.session.kept.load(Ordering::Relaxed) > MOST_KEPT;
        let longest = if is_full { SCARCE_BODY } else { LONGEST_BODY };
        let record = Record::new(exchange, &self.session.secrets).shortened(longest);
        let body = record.response_body.as_ref();
        let size = body.map_or(0, |body| body.shown().len()) + record.curl.len();
        self.session.kept.fetch_add(size as u64, Ordering::Relaxed);
        record
    }

    /// Returns the chain of exchanges so far. The one after a gap mentions it.
    fn records(&self) -> Vec<Record> {
        let mut records: Vec<_> = self.transcript.iter().map(|e| self.record(e)).collect();
        if self.left_out > 0
            && let Some(record) = records.get_mut(FIRST_KEPT)
        {
            let (left_out, step) = (self.left_out, &record.step);
            record.step = format!("{step} (after {left_out} requests that are left out)");
        }
        records
    }

    /// Returns the finding without secrets, before parts of it become ids.
    fn redacted(&self, mut finding: Finding) -> Finding {
        let secrets = &self.session.secrets;
        let redact = |text: &mut String| *text = secrets.redact(text);
        redact(&mut finding.summary);
        finding.at.iter_mut().for_each(redact);
        finding.expected.iter_mut().for_each(redact);
        finding.got.iter_mut().for_each(redact);
        finding
    }

    fn with_exchanges(&self, finding: Finding) -> Finding {
        let finding = self.redacted(finding);
        Finding {
            row: self.row.clone(),
            exchanges: self.records(),
            difference: Some(self.trace().place(&finding)),
            ..finding
        }
    }

    /// Records a finding with every exchange so far. A repetition in the same check is only
    /// counted.
    pub fn record_finding(&mut self, finding: Finding) -> Stop {
        let finding = self.redacted(finding);
        let difference = self.trace().place(&finding);
        let known = self.findings.iter_mut().find(|known| {
            let ids = known.difference.as_ref().map(|known| &known.ids);
            ids == Some(&difference.ids) && known.row == self.row
        });
        if let Some(known) = known {
            known.times += 1;
            return Stop::Failed;
        }
        let finding = self.with_exchanges(finding);
        self.findings.push(finding);
        Stop::Failed
    }

    /// Records a finding about an answer, which need not be the last one.
    fn record_about(&mut self, answer: &Answer, finding: Finding) -> Stop {
        let later = usize::try_from(self.sent.saturating_sub(answer.number)).unwrap_or(0);
        if later == 0 || later >= self.transcript.len() {
            return self.record_finding(finding);
        }
        // The decisive exchange comes last.
        let behind = self.transcript.split_off(self.transcript.len() - later);
        let stop = self.record_finding(finding);
        self.transcript.extend(behind);
        stop
    }

    /// Records a finding of one line.
    pub fn fail(&mut self, summary: impl Into<String>) -> Stop {
        let summary = self.session.secrets.redact(&summary.into());
        self.record_finding(Finding::new(self.level, summary))
    }

    /// Fails the check unless the answer has one of these statuses. Another number for a success is
    /// a finding, but the check goes on.
    pub fn expect_status(&mut self, answer: &Answer, expected: &[u16]) -> Result<(), Stop> {
        if expected.contains(&answer.came) {
            return Ok(());
        }
        let stop = self.record_about(answer, Finding::status(self.level, expected, answer.came));
        if expected.contains(&answer.status) {
            return Ok(());
        }
        Err(stop)
    }

    /// Fails the check unless the body is JSON.
    pub fn json<'b>(&mut self, answer: &'b Answer) -> Result<&'b Value, Stop> {
        match &answer.body {
            Some(body) => Ok(body),
            None => Err(self.record_finding(Finding {
                kind: Kind::ContentType,
                ..Finding::new(self.level, "expected a JSON body, got none")
            })),
        }
    }

    /// Fails the check unless the body fits the pattern.
    pub fn expect_body(&mut self, answer: &Answer, expected: &Pattern) -> Result<(), Stop> {
        let got = self.json(answer)?;
        match expected.mismatch(&self.scope, got).map_err(Stop::suite)? {
            None => Ok(()),
            Some(wrong) => {
                let finding = Finding::bodies(self.level, wrong.at, &wrong.expected, got);
                Err(self.record_about(answer, finding))
            }
        }
    }

    /// Fails the check unless the relation holds between the named values.
    pub fn expect_relation(&mut self, relation: &Relation) -> Result<(), Stop> {
        match relation.check(&self.scope) {
            Ok(None) => Ok(()),
            Ok(Some(why)) => Err(self.fail(why)),
            Err(why) => Err(self.fail(why.to_string())),
        }
    }
}
