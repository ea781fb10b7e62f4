//! The whole API as a value: a request and a moment in, an answer out.
//!
//! Nothing here knows a socket, a lock, a file or the system clock, and equal histories give
//! equal worlds. A request is checked in the stack's order: path, rendering, token, method,
//! then the body, as the endpoint requires. Source: docs/stack.md#order-of-checks.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use http::header::{
    ACCEPT, ALLOW, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION,
    RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderMap, Method, Request, Response, StatusCode};

use crate::durability::Pending;
use crate::endpoints::call::{
    Call, Settings, charset_of, has_well_formed_host, header_text, matches_media, mount,
};
use crate::endpoints::{
    ALLOWED, Action, Answer, Clock, Handler, Outcome, Resource, metadata, off_switch, resolve,
};
use crate::model::time::Timestamp;
use crate::operations;
use crate::problem::{Grade, Problem, ProblemBody};
use crate::profile::{Decided, Reading, Stack, UpsertMethod};
use crate::query::parameter;
use crate::store::Store;
use crate::wire::charset::Charset;
use crate::wire::form::parameters;
use crate::wire::json;
use crate::wire::text::Integer;
use crate::wire::urlencoded::{self, Pair, TooManyFields};

/// The header that names the rule behind an answer.
pub const RULE_HEADER: HeaderName = HeaderName::from_static("whippy-mock-rule");

/// The state of the service's clock when a request arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The moment of the first reading.
    pub at: Timestamp,
    /// The microseconds from one reading to the next.
    pub tick: i64,
}

/// An answer, with facts about it for the server.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The response for the client.
    pub response: Response<Bytes>,
    /// The rule that decided the answer.
    pub rule: Rule,
    /// The number of times the clock was read.
    pub clock_reads: u64,
    /// The number of writes that the world had seen before this request. The caller, which
    /// counts them, fills it in.
    pub writes: u64,
    /// The number of this write in the history; `None` if the request wrote nothing.
    pub wrote: Option<u64>,
    /// Resolves once everything that the answer shows is durable; `None` if it is so already.
    pub pending: Option<Pending>,
}

/// The rule that decided an answer, with its grade and the readings that had an influence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The id of the operation, or `unrouted`.
    pub operation: &'static str,
    /// The name of the rule within the operation.
    pub name: &'static str,
    /// The grade of the rule's source.
    pub grade: Grade,
    /// The readings that decided the answer.
    pub decided: Decided,
}

/// The service: its settings and its world.
#[derive(Debug, Clone)]
pub struct Engine {
    settings: Arc<Settings>,
    store: Store,
}

/// The result of a handler, and the number of times that it read the clock.
pub type Handled = (Outcome, u64);

impl Engine {
    /// A service with these settings and this world.
    pub fn new(settings: Settings, store: Store) -> Self {
        Self {
            settings: Arc::new(settings),
            store,
        }
    }

    /// The settings in force.
    pub fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// The same world under other settings.
    #[must_use]
    pub fn with_settings(self, settings: Arc<Settings>) -> Self {
        Self { settings, ..self }
    }

    /// The world.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The world, for changes that bypass every rule.
    pub fn store_mut(&mut self) -> &mut Store {
        &mut self.store
    }

    /// Returns `true` if a request may change the world, so that it needs [`Engine::handle`].
    pub fn writes(&self, request: &Request<Bytes>) -> bool {
        let profile = &self.settings.profile;
        // Unless a reading allows more, only a POST writes.
        if request.method() != Method::POST && profile.upsert_method == UpsertMethod::Post {
            return false;
        }
        let path = urlencoded::decode_path(request.uri().path());
        resolve(&path, profile)
            .and_then(|(resource, _)| resource.action(request.method(), profile))
            .is_some_and(|action| matches!(action.handler, Handler::Write(_)))
    }

    /// Answers a request that may write.
    pub fn handle(&mut self, request: &Request<Bytes>, now: Now) -> Reply {
        let settings = Arc::clone(&self.settings);
        answer(&settings, (request, now.at), |handler, call| {
            self.run(handler, call, now)
        })
    }

    /// Answers a request that does not write. One that would write is answered with a 500. `at`
    /// is the moment of the world's clock, for tokens.
    pub fn look(&self, request: &Request<Bytes>, at: Timestamp) -> Reply {
        answer(
            &self.settings,
            (request, at),
            |handler, call| match handler {
                Handler::Read(handler) => (handler(&self.store, call), 0),
                Handler::Write(_) => (Err(Problem::ServerError), 0),
            },
        )
    }

    /// Runs a handler on the world.
    pub fn run(&mut self, handler: Handler, call: &Call<'_>, now: Now) -> Handled {
        match handler {
            Handler::Read(handler) => (handler(&self.store, call), 0),
            Handler::Write(handler) => {
                let mut clock = Clock::new(now.at, now.tick);
                let outcome = handler(&mut self.store, call, &mut clock);
                (outcome, clock.reads())
            }
        }
    }

    /// Refuses a request without asking its endpoint, because its body is too large, for
    /// example.
    pub fn refuse(&self, request: &Request<()>, problem: &Problem) -> Reply {
        let path = urlencoded::decode_path(request.uri().path());
        let profile = &self.settings.profile;
        let resource = resolve(&path, profile).map(|(resource, _)| resource);
        let operation = operation_of(resource, request.method(), &self.settings);
        let mut draft = ReplyDraft::new(request.method());
        draft.allow = resource.map(|resource| resource.allow(profile));
        draft.refuse(problem, operation, Decided::default(), &self.settings)
    }
}

/// Answers a request at a moment of the world's clock. `run` is called at most once, with the
/// handler of the request. A world that threads share need not be locked before that.
pub fn answer(
    settings: &Settings,
    (request, at): (&Request<Bytes>, Timestamp),
    run: impl FnOnce(Handler, &Call<'_>) -> Handled,
) -> Reply {
    let profile = &settings.profile;
    let method = request.method();
    let headers = request.headers();
    let mut draft = ReplyDraft::new(method);
    // The stack checks the host before it looks at the path.
    if !has_well_formed_host(request) {
        let problem = Problem::MalformedHost;
        return draft.refuse(&problem, "unrouted", Decided::default(), settings);
    }
    let path = urlencoded::decode_path(request.uri().path());
    let Some((resource, argument)) = resolve(&path, profile) else {
        let problem = off_the_routes(&path, request, settings);
        let decided = switched_off(&path, None);
        return draft.refuse(&problem, operations::UNROUTED, decided, settings);
    };
    draft.allow = Some(resource.allow(profile));
    let operation = operation_of(Some(resource), method, settings);
    let Ok(query) = query_of(request) else {
        let problem = Problem::TooManyFields;
        return draft.refuse(&problem, operation, Decided::default(), settings);
    };
    let admitted = negotiate(headers, &query).and_then(|indent| {
        draft.indent = indent;
        authenticate(headers, (settings, at), resource)?;
        if method == Method::OPTIONS {
            return Ok(None);
        }
        let action = resource.action(method, profile);
        action
            .map(Some)
            .ok_or_else(|| Problem::MethodNotAllowed(method.as_str().to_owned()))
    });
    let action = match admitted {
        Ok(action) => action,
        Err(problem @ Problem::MethodNotAllowed(_)) => {
            let decided = switched_off(&path, Some(method));
            return draft.refuse(&problem, operation, decided, settings);
        }
        Err(problem) => return draft.refuse(&problem, operation, Decided::default(), settings),
    };
    let call = Call::new(settings, (&path, argument), &query, (request, at));
    for (reading, _) in [resource.only_if, action.and_then(|a| a.only_if)]
        .into_iter()
        .flatten()
    {
        call.decided(reading);
    }
    let Some(action) = action else {
        let answer = Answer {
            status: 200,
            rule: "metadata",
            grade: Grade::Stack,
            body: metadata::describe(resource, &call),
        };
        return draft.grant(answer, operation, call.decided.get(), settings);
    };
    let (outcome, clock_reads) = run(action.handler, &call);
    let decided = call.decided.get();
    draft.clock_reads = clock_reads;
    match outcome {
        Ok(answer) => {
            let operation = operation_shown(action, answer.rule);
            draft.grant(answer, operation, decided, settings)
        }
        Err(problem) => {
            let shown = match problem {
                Problem::Filters(_) => operations::SEARCH,
                _ => operation,
            };
            draft.refuse(&problem, shown, decided, settings)
        }
    }
}

/// The query, decoded by the charset that the `Content-Type` names.
fn query_of(request: &Request<Bytes>) -> Result<Vec<Pair<'_>>, TooManyFields> {
    let Some(text) = request.uri().query() else {
        return Ok(Vec::new());
    };
    let content_type = header_text(request.headers(), CONTENT_TYPE);
    let charset = content_type.map_or(Charset::Utf8, |ct| charset_of(&ct));
    urlencoded::decode_as(text.as_bytes(), charset)
}

/// Turns an answer that no handler gave into a reply with the usual headers.
pub fn present(
    settings: &Settings,
    request: &Request<Bytes>,
    operation: &'static str,
    answer: Answer,
) -> Reply {
    let path = urlencoded::decode_path(request.uri().path());
    let mut draft = ReplyDraft::new(request.method());
    let resource = resolve(&path, &settings.profile).map(|(resource, _)| resource);
    draft.allow = resource.map(|resource| resource.allow(&settings.profile));
    draft.grant(answer, operation, Decided::default(), settings)
}

/// The reading that disables a path, or a method of it.
fn switched_off(path: &str, method: Option<&Method>) -> Decided {
    let decided = Decided::default();
    match off_switch(path, method) {
        Some(reading) => decided.and(reading),
        None => decided,
    }
}

/// The operation that the rule names: a list of stocks with a filter or an order is a search.
fn operation_shown(action: &Action, rule: &str) -> &'static str {
    if action.operation == operations::LIST && rule == "found" {
        operations::SEARCH
    } else {
        action.operation
    }
}

/// The operation that a request addresses, even if it is refused.
fn operation_of(
    resource: Option<&'static Resource>,
    method: &Method,
    settings: &Settings,
) -> &'static str {
    let Some(resource) = resource else {
        return operations::UNROUTED;
    };
    if method == Method::OPTIONS && resource.path == "/api/v1/stocks/" {
        return operations::METADATA;
    }
    resource
        .action(method, &settings.profile)
        .or(resource.actions.first())
        .map_or(operations::UNROUTED, |action| action.operation)
}

/// The refusal of a path that no route has: a redirect if there is a route with a slash at the
/// end. The stack does this before any other check.
fn off_the_routes(path: &str, request: &Request<Bytes>, settings: &Settings) -> Problem {
    if path.ends_with('/') || resolve(&format!("{path}/"), &settings.profile).is_none() {
        return Problem::NoSuchPath;
    }
    let mount = mount(request);
    let query = match request.uri().query() {
        Some(query) if !query.is_empty() => format!("?{}", urlencoded::encode_query(query)),
        _ => String::new(),
    };
    let path = urlencoded::encode_path(path);
    Problem::MissingSlash(format!("{mount}{path}/{query}"))
}

/// Negotiates the rendering: JSON, with the indent that the client asks for.
fn negotiate(headers: &HeaderMap, query: &[Pair<'_>]) -> Result<Option<usize>, Problem> {
    if let Some(format) = parameter(query, "format")
        && !format.is_empty()
        && format != "json"
    {
        return Err(Problem::UnknownFormat);
    }
    let accept = match header_text(headers, ACCEPT) {
        None => return Ok(None),
        Some(accept) if accept == "*/*" || accept == "application/json" => return Ok(None),
        Some(accept) => accept,
    };
    let token = accept
        .split(',')
        .map(str::trim)
        .filter(|token| {
            let media = token.split(';').next().unwrap_or_default().trim();
            matches_media("application/json", media)
        })
        .min_by_key(|token| std::cmp::Reverse(precedence(token)))
        .ok_or(Problem::NotAcceptable)?;
    let indent = parameters(token)
        .filter(|(name, _)| name.eq_ignore_ascii_case("indent"))
        .last()
        .and_then(|(_, value)| Integer::parse(&value));
    // Indents go up to 8. No indent gives the compact form.
    Ok(indent
        .and_then(|indent| usize::try_from(indent.clamped().clamp(0, 8)).ok())
        .filter(|&indent| indent > 0))
}

/// The precedence of an accepted media type: the more specific, the greater.
fn precedence(token: &str) -> u8 {
    let (media, _) = token.split_once(';').unwrap_or((token, ""));
    let (main, sub) = media.trim().split_once('/').unwrap_or((media, ""));
    let mut names = parameters(token).map(|(name, _)| name.to_ascii_lowercase());
    match (main, sub) {
        ("*", _) => 0,
        (_, "*") => 1,
        _ if names.all(|name| name == "q") => 2,
        _ => 3,
    }
}

fn authenticate(
    headers: &HeaderMap,
    (settings, at): (&Settings, Timestamp),
    resource: &Resource,
) -> Result<(), Problem> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let first = values.next().map_or(&b""[..], HeaderValue::as_bytes);
    let mut words = first
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    let scheme = words.next().unwrap_or_default();
    if !scheme.eq_ignore_ascii_case(b"token") {
        return if resource.public {
            Ok(())
        } else {
            Err(Problem::NoCredentials)
        };
    }
    let token = words.next().ok_or(Problem::NoToken)?;
    // A second header is joined to the first with a comma, so the token contains spaces.
    if words.next().is_some() || values.next().is_some() {
        return Err(Problem::TokenWithSpaces);
    }
    let token = std::str::from_utf8(token).map_err(|_| Problem::TokenWithInvalidCharacters)?;
    if settings.admits(token, at) {
        Ok(())
    } else {
        Err(Problem::UnknownToken)
    }
}

/// The facts about a reply that are known while its request is checked.
struct ReplyDraft {
    is_head: bool,
    allow: Option<&'static str>,
    indent: Option<usize>,
    clock_reads: u64,
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const BARE_HTML: HeaderValue = HeaderValue::from_static("text/html");

impl ReplyDraft {
    fn new(method: &Method) -> Self {
        Self {
            is_head: method == Method::HEAD,
            allow: None,
            indent: None,
            clock_reads: 0,
        }
    }

    /// The JSON body with the requested indent.
    fn laid_out(&self, compact: Vec<u8>) -> Bytes {
        match self.indent {
            Some(indent) => json::indent(&compact, indent).into(),
            None => compact.into(),
        }
    }

    fn grant(
        self,
        answer: Answer,
        operation: &'static str,
        decided: Decided,
        settings: &Settings,
    ) -> Reply {
        let rule = Rule {
            operation,
            name: answer.rule,
            grade: answer.grade,
            decided,
        };
        let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
        let body = self.laid_out(answer.body);
        self.reply(status, JSON, body, rule, settings)
    }

    fn refuse(
        mut self,
        problem: &Problem,
        operation: &'static str,
        decided: Decided,
        settings: &Settings,
    ) -> Reply {
        let (name, grade) = problem.rule(operation);
        let rule = Rule {
            operation,
            name,
            grade,
            decided,
        };
        let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::BAD_REQUEST);
        match problem.body() {
            ProblemBody::Json(body) => {
                let body = self.laid_out(body);
                let mut reply = self.reply(status, JSON, body, rule, settings);
                if status == StatusCode::UNAUTHORIZED {
                    let token = HeaderValue::from_static("Token");
                    reply.response.headers_mut().insert(WWW_AUTHENTICATE, token);
                }
                retry_after(&mut reply, problem);
                reply
            }
            ProblemBody::Html(page) => {
                // The stack's own pages are made outside of the view that knows `Allow`.
                self.allow = None;
                let body = Bytes::from_static(page.as_bytes());
                let html = if settings.profile.stack.names_charset_of_pages() {
                    HTML
                } else {
                    BARE_HTML
                };
                let mut reply = self.reply(status, html, body, rule, settings);
                // This check comes before the middleware that forbids frames.
                if *problem == Problem::MalformedHost {
                    reply.response.headers_mut().remove(X_FRAME_OPTIONS);
                }
                reply
            }
            ProblemBody::Gateway(page) => {
                self.allow = None;
                let body = Bytes::from_static(page.as_bytes());
                let mut reply = self.reply(status, HTML, body, rule, settings);
                // A gateway's page has none of the stack's headers.
                for header in MIDDLEWARE {
                    reply.response.headers_mut().remove(header);
                }
                retry_after(&mut reply, problem);
                reply
            }
            ProblemBody::Redirect(location) => {
                let mut reply = self.reply(status, HTML, Bytes::new(), rule, settings);
                let headers = reply.response.headers_mut();
                headers.remove(X_FRAME_OPTIONS);
                if let Ok(location) = HeaderValue::from_str(&location) {
                    headers.insert(LOCATION, location);
                }
                reply
            }
        }
    }

    fn reply(
        self,
        status: StatusCode,
        content_type: HeaderValue,
        body: Bytes,
        rule: Rule,
        settings: &Settings,
    ) -> Reply {
        let mut headers = prepared_headers(self.allow, settings.profile.stack);
        if content_type != JSON {
            headers.insert(CONTENT_TYPE, content_type);
        }
        headers.insert(RULE_HEADER, rule.header(settings));
        let body = if self.is_head {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
            Bytes::new()
        } else {
            body
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Reply {
            response,
            rule,
            clock_reads: self.clock_reads,
            writes: 0,
            wrote: None,
            pending: None,
        }
    }
}

/// The headers of a JSON answer, with an empty rule. They are built once and cloned, which is
/// faster than inserting each.
fn prepared_headers(allow: Option<&'static str>, stack: Stack) -> HeaderMap {
    static PREPARED: LazyLock<Vec<(Option<&'static str>, bool, HeaderMap)>> = LazyLock::new(|| {
        let allowed = [None].into_iter().chain(ALLOWED.map(Some));
        let both = allowed.flat_map(|allow| [(allow, false), (allow, true)]);
        both.map(|(allow, opener)| (allow, opener, usual_headers(allow, opener)))
            .collect()
    });
    let opener = stack.sends_opener_policy();
    let mut prepared = PREPARED.iter();
    let found = prepared.find(|(of, with, _)| *of == allow && *with == opener);
    found.map_or_else(
        || usual_headers(allow, opener),
        |(.., headers)| headers.clone(),
    )
}

fn usual_headers(allow: Option<&'static str>, has_opener_policy: bool) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(12);
    headers.insert(CONTENT_TYPE, JSON);
    if let Some(allow) = allow {
        headers.insert(ALLOW, HeaderValue::from_static(allow));
    }
    // Django's usual middleware adds these. Source: docs/stack.md#headers.
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    if has_opener_policy {
        headers.insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
    }
    // Reserves the last position; the value is set later.
    headers.insert(RULE_HEADER, HeaderValue::from_static(""));
    headers
}

const X_FRAME_OPTIONS: HeaderName = HeaderName::from_static("x-frame-options");
const X_CONTENT_TYPE_OPTIONS: HeaderName = HeaderName::from_static("x-content-type-options");
const REFERRER_POLICY: HeaderName = HeaderName::from_static("referrer-policy");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// The headers that the stack's standard middleware adds.
const MIDDLEWARE: [HeaderName; 4] = [
    X_FRAME_OPTIONS,
    X_CONTENT_TYPE_OPTIONS,
    REFERRER_POLICY,
    OPENER_POLICY,
];

/// Adds `Retry-After` if the problem tells the seconds.
fn retry_after(reply: &mut Reply, problem: &Problem) {
    if let Some(seconds) = problem.retry_after() {
        let headers = reply.response.headers_mut();
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
}

impl Rule {
    /// `<operation>/<rule>; grade=<grade>`, and `; reading=<id>=<choice>` for each
    /// reading that decided.
    fn header(&self, settings: &Settings) -> HeaderValue {
        let mut text = String::with_capacity(96);
        for part in [
            self.operation,
            "/",
            self.name,
            "; grade=",
            self.grade.text(),
        ] {
            text.push_str(part);
        }
        for reading in self.decided.iter() {
            write_reading(&mut text, reading, settings);
        }
        HeaderValue::from_maybe_shared(Bytes::from(text))
            .unwrap_or_else(|_| HeaderValue::from_static("unrouted/unknown; grade=stack"))
    }
}

fn write_reading(text: &mut String, reading: Reading, settings: &Settings) {
    text.push_str("; reading=");
    text.push_str(reading.id());
    text.push('=');
    text.push_str(&settings.profile.choice(reading));
}
