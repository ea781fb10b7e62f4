//! A target with retries: failures that a retry gets past reach no check, and are reported at the
//! end.
//!
//! A request is sent again only if it was not carried out or changes nothing: one too many (429),
//! one with an expired token (401), and one that only reads and was answered by a gateway. A write
//! answered by a gateway may have been carried out. It is not repeated, and its check has no
//! result.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, RETRY_AFTER,
};
use http::{Request, Response};
use serde_json::{Value, json};

use crate::transport::remote::is_safe;
use crate::transport::stand_in::StandIn;
use crate::transport::target::{SeedState, Target, TargetError};
use crate::workers::lock;

/// The most times that one request is sent.
pub const ATTEMPTS: u32 = 4;

/// The longest single wait, whatever the target asks for.
const MOST_PATIENCE: Duration = Duration::from_secs(60);

/// The longest sum of waits, so that a target that keeps asking for waits cannot hold a run for
/// ever.
const MOST_PATIENCE_IN_ALL: Duration = Duration::from_secs(300);

/// The number of control requests in a row, which any service would answer, that something else
/// must answer before the service counts as gone.
const CONTROLS: u32 = 2;

/// The word before a token in `Authorization`.
const SCHEME: &str = "Token ";

/// The number of requests that a token must have served before a refusal means that it has expired.
/// An earlier refusal is a mistake of the target.
const SERVICE: u64 = 50;

/// The meaning of pages that a gateway returns when it reaches no service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gateways {
    /// Ordinary answers, which are judged: a service that gives them at times is broken.
    Judged,
    /// Temporary failures, which are retried.
    Retried,
}

/// Surprises of a target, each with its number of occurrences.
pub type Surprises = BTreeMap<String, u64>;

/// A target with retries.
pub struct Patient {
    target: Arc<dyn Target>,
    pause: fn(Duration),
    gateways: Gateways,
    login: Option<Login>,
    tokens: Mutex<Tokens>,
    surprises: Mutex<Surprises>,
    /// The sum of waits so far.
    waited: Mutex<Duration>,
    /// Is true once the service has answered.
    is_known: AtomicBool,
    /// The number of requests sent, including retries.
    sent: AtomicU64,
}

/// The name and password to log in with after a token has expired.
pub type Login = (String, String);

/// The token of the requests, and its replacements.
#[derive(Default)]
struct Tokens {
    first: Option<String>,
    later: Vec<String>,
    /// The number of requests that the last of them has served.
    served: u64,
}

impl Tokens {
    fn current(&self) -> Option<&String> {
        self.later.last().or(self.first.as_ref())
    }
}

impl Patient {
    /// Creates a target with retries. Without a login an expired token cannot be replaced.
    pub fn new(
        target: Arc<dyn Target>,
        pause: fn(Duration),
        gateways: Gateways,
        login: Option<Login>,
    ) -> Self {
        Self {
            target,
            pause,
            gateways,
            login,
            tokens: Mutex::default(),
            surprises: Mutex::default(),
            waited: Mutex::default(),
            is_known: AtomicBool::new(false),
            sent: AtomicU64::new(0),
        }
    }

    /// Returns the number of requests sent, including retries.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Sets the token of the run. For any other token a 401 is an ordinary answer.
    pub fn bear(&self, token: &str) {
        lock(&self.tokens).first = Some(token.to_owned());
    }

    /// Returns the tokens from later logins.
    pub fn later_tokens(&self) -> Vec<String> {
        lock(&self.tokens).later.clone()
    }

    /// Returns the surprises so far.
    pub fn surprises(&self) -> Surprises {
        lock(&self.surprises).clone()
    }

    fn note(&self, surprise: String) {
        *lock(&self.surprises).entry(surprise).or_default() += 1;
    }

    /// Returns the valid token for a request with the run's token.
    fn token_of(&self, request: &Request<Bytes>) -> Option<String> {
        let given = request.headers().get(AUTHORIZATION)?;
        let given = given.as_bytes().strip_prefix(SCHEME.as_bytes())?;
        let mut tokens = lock(&self.tokens);
        let is_own = tokens.first.as_ref()?.as_bytes() == given;
        tokens.served += u64::from(is_own);
        tokens.current().filter(|_| is_own).cloned()
    }

    /// Returns `true` if there is a token other than the refused one, after a new login if
    /// necessary.
    fn renew(&self, refused: &str) -> bool {
        let Some((username, password)) = &self.login else {
            return false;
        };
        // Locked during the login, so that several refused threads log in only once.
        let mut tokens = lock(&self.tokens);
        if tokens.current().is_some_and(|current| current != refused) {
            return true;
        }
        if !tokens.later.is_empty() && tokens.served < SERVICE {
            return false;
        }
        let body = json!({"username": username, "password": password});
        let request = Request::post(format!("{}/api/v1/auth/login/", self.target.base()))
            .header(CONTENT_TYPE, "application/json")
            .body(Bytes::from(body.to_string()));
        let answer = request
            .ok()
            .and_then(|request| self.dispatch(&request).ok());
        let body = answer.filter(|answer| answer.status() == 200);
        let body: Value = body
            .and_then(|answer| serde_json::from_slice(answer.body()).ok())
            .unwrap_or_default();
        let key = body["key"].as_str();
        // It may be the same token: a login may return a user's only token, and make it valid
        // again.
        let Some(key) = key.filter(|key| !key.is_empty()) else {
            return false;
        };
        tokens.later.push(key.to_owned());
        tokens.served = 0;
        self.note("401: the token was taken no more, and a new login got another".to_owned());
        true
    }
}

/// Sending.
impl Patient {
    fn dispatch(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, TargetError> {
        self.sent.fetch_add(1, Ordering::Relaxed);
        self.target.send(request)
    }

    /// Waits, unless all patience is used up; returns `true` if it waited.
    fn wait(&self, wait: Duration) -> bool {
        let mut waited = lock(&self.waited);
        if *waited + wait > MOST_PATIENCE_IN_ALL {
            return false;
        }
        *waited += wait;
        drop(waited);
        (self.pause)(wait);
        true
    }

    /// Sends a request, again where that does no harm, and returns the answer.
    fn insist(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, TargetError> {
        let mut attempt = 0;
        let mut is_renewed = false;
        loop {
            attempt += 1;
            let token = self.token_of(request);
            let response = match &token {
                Some(token) => self.dispatch(&bearing(request, token))?,
                None => self.dispatch(request)?,
            };
            let status = response.status().as_u16();
            let is_throttled = status == 429;
            let is_away = self.gateways == Gateways::Retried && is_gateways(&response);
            let may_repeat = is_throttled || (is_away && is_safe(request.method()));
            if let (401, Some(token), false) = (status, &token, is_renewed)
                && self.renew(token)
            {
                is_renewed = true;
            } else if attempt < ATTEMPTS && may_repeat && self.wait(patience(&response, attempt)) {
                self.note(format!("{status}, and it was asked again"));
            } else if is_away && !is_safe(request.method()) {
                self.note(format!(
                    "{status}: what became of the write is not known, so it was not repeated"
                ));
                return Err(TargetError::Away(status));
            } else {
                return Ok(response);
            }
        }
    }

    /// Returns the answer if it comes from the service. In case of doubt a request is sent that the
    /// service has answered before: if that fails too, the service is gone.
    fn vouch(
        &self,
        request: &Request<Bytes>,
        response: Response<Bytes>,
    ) -> Result<Response<Bytes>, TargetError> {
        let is_own = self.bears_own_token(request);
        let Some(stand_in) = StandIn::of(request, &response, is_own) else {
            let is_of_api = request.uri().path().contains("/api/v1/stocks/");
            if is_of_api && response.status().is_success() {
                self.is_known.store(true, Ordering::Relaxed);
                // Only waits without success count.
                *lock(&self.waited) = Duration::ZERO;
            }
            return Ok(response);
        };
        // Before the service has answered once, the first look reports the problem.
        if !self.is_known.load(Ordering::Relaxed) {
            return Ok(response);
        }
        if self.is_gone(request) {
            // No further request is to wait.
            *lock(&self.waited) = MOST_PATIENCE_IN_ALL;
            return Err(TargetError::NotTheService(format!(
                "{}: {stand_in}",
                self.target.base()
            )));
        }
        if stand_in.is_certain() {
            self.note(format!("{}: it is not the service's", stand_in.status()));
            return Err(TargetError::Away(stand_in.status()));
        }
        Ok(response)
    }

    /// Returns the error of a request without an answer. A service that answers no other request
    /// either has gone away, which tells nothing about it.
    fn unanswered(&self, request: &Request<Bytes>, error: TargetError) -> TargetError {
        let is_lost = matches!(error, TargetError::Broken(_) | TargetError::Unreachable(_));
        if !is_lost || !self.is_known.load(Ordering::Relaxed) {
            return error;
        }
        let base = self.target.base();
        match self.instead(request, |control| self.insist(control)) {
            None => error,
            Some(Instead::Another(stand_in)) => {
                TargetError::NotTheService(format!("{base}: {stand_in}"))
            }
            Some(Instead::Nobody) => TargetError::NotTheService(format!(
                "{base} has gone away, and answers nothing since {} {}: {}",
                request.method(),
                request.uri().path(),
                error.cause()
            )),
        }
    }

    fn bears_own_token(&self, request: &Request<Bytes>) -> bool {
        let given = request.headers().get(AUTHORIZATION);
        let given = given.and_then(|given| given.as_bytes().strip_prefix(SCHEME.as_bytes()));
        let tokens = lock(&self.tokens);
        let own = tokens.first.as_ref().map(String::as_bytes);
        given.is_some() && given == own
    }

    /// Returns `true` if the service no longer answers a request that it has answered before.
    fn is_gone(&self, request: &Request<Bytes>) -> bool {
        self.instead(request, |control| self.dispatch(control))
            .is_some()
    }

    /// Sends a request that the service has answered before, and returns what is in its place;
    /// `None` if it still answers.
    fn instead(
        &self,
        request: &Request<Bytes>,
        ask: impl Fn(&Request<Bytes>) -> Result<Response<Bytes>, TargetError>,
    ) -> Option<Instead> {
        let token = lock(&self.tokens).current().cloned();
        let path = "/api/v1/stocks/?limit=1";
        let mut control = Request::get(format!("{}{path}", self.target.base()))
            .header(ACCEPT, "application/json");
        if let Some(token) = token {
            control = control.header(AUTHORIZATION, format!("{SCHEME}{token}"));
        } else if let Some(authorization) = request.headers().get(AUTHORIZATION) {
            control = control.header(AUTHORIZATION, authorization);
        }
        let control = control.body(Bytes::new()).ok()?;
        let mut instead = None;
        for _ in 0..CONTROLS {
            instead = Some(match ask(&control) {
                Ok(answer) => Instead::Another(StandIn::of(&control, &answer, true)?),
                Err(TargetError::Broken(_) | TargetError::Unreachable(_)) => Instead::Nobody,
                Err(_) => return None,
            });
        }
        instead
    }
}

/// The answerer in place of a service that has gone away.
enum Instead {
    /// Nobody answers.
    Nobody,
    /// Something else does.
    Another(StandIn),
}

impl Target for Patient {
    fn base(&self) -> &str {
        self.target.base()
    }

    fn send(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, TargetError> {
        match self.insist(request) {
            Ok(response) => self.vouch(request, response),
            Err(error) => Err(self.unanswered(request, error)),
        }
    }

    fn seed(&self, state: &SeedState) -> Result<(), TargetError> {
        self.target.seed(state)
    }
}

/// Returns a request with this token.
fn bearing<'r>(request: &'r Request<Bytes>, token: &str) -> Cow<'r, Request<Bytes>> {
    let mut value = HeaderValue::try_from(format!("{SCHEME}{token}"));
    match &mut value {
        Ok(value) if request.headers().get(AUTHORIZATION) != Some(value) => {
            value.set_sensitive(true);
            let mut request = request.clone();
            request.headers_mut().insert(AUTHORIZATION, value.clone());
            Cow::Owned(request)
        }
        _ => Cow::Borrowed(request),
    }
}

/// Returns `true` if a gateway answered without a service behind it: with a page, and not with JSON
/// as the service would.
fn is_gateways(response: &Response<Bytes>) -> bool {
    let media = response.headers().get(CONTENT_TYPE);
    matches!(response.status().as_u16(), 502..=504)
        && media.is_none_or(|media| !media.as_bytes().starts_with(b"application/json"))
}

/// Returns the time to wait after this many attempts: as long as the target asks for, within
/// limits, or twice as long each time.
fn patience(response: &Response<Bytes>, attempt: u32) -> Duration {
    let asked = asked_for(response.headers());
    asked.map_or_else(|| backoff(attempt), |asked| asked.min(MOST_PATIENCE))
}

/// Returns the wait in `Retry-After`, given in seconds or as a date (RFC 9110, 10.2.3).
fn asked_for(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    // The clocks of the two sides may differ, so the date is compared with the answer's own.
    let now = headers.get(DATE).and_then(|date| date.to_str().ok());
    let now = now.and_then(|date| httpdate::parse_http_date(date).ok());
    let wait = until.duration_since(now.unwrap_or_else(SystemTime::now));
    // Dates have whole seconds, so it may still be too early at that moment.
    Some(wait.unwrap_or_default() + Duration::from_secs(1))
}

/// Returns the time to wait after this many attempts, where the target names none.
pub fn backoff(attempt: u32) -> Duration {
    Duration::from_millis(100 << attempt.min(6))
}
