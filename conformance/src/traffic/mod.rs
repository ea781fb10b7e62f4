//! Traffic between a client and a service, judged by an observer: the service by the contract, and
//! its client by the mistakes that clients make.
//!
//! Nothing here knows sockets, files or the system's time. An exchange that cannot be judged is
//! counted and reported, but is never a finding. Nothing that is kept grows without bound.

mod decode;
pub mod har;
mod har_json;
pub mod proxy;
pub mod recording;
mod secrets;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_REQUEST_METHOD, CONTENT_TYPE, HOST, IF_MATCH, IF_NONE_MATCH,
    IF_UNMODIFIED_SINCE, RANGE, SERVER, VIA,
};
use http::{Method, Request, Response, StatusCode, Uri};
use serde_json::Value;
use whippy_engine::findings::{self, FindingLevel, Judge, Seen};
use whippy_engine::model::time::Timestamp;
use whippy_engine::profile::Profile;

use crate::cases::attribution::slug;
use crate::contract::{Aspect, Contract, Violation};
use crate::model::cause::Difference;
use crate::model::finding::{Exchange, Finding, Level, Record, Secrets, Source};
use crate::model::outcome::{CheckReport, Outcome, Report, Safety};
use crate::report::json::FORMAT;
use crate::run::{assembly, causes};
use crate::transport::remote::is_safe;
pub(crate) use secrets::Keeper;

/// The largest size of an unpacked body, bytes.
const MAX_UNPACKED: usize = 16 * 1024 * 1024;

/// The most different findings of one kind that are kept; further ones are only counted.
const MOST_FINDINGS: usize = 1000;

/// The largest total size of exchanges shown with findings, bytes. Later findings have none.
const MOST_SHOWN: usize = 64 * 1024 * 1024;

/// The most clients that are told apart, each by its prefix before `/api/`.
const MOST_CLIENTS: usize = 256;

/// The most different reasons of a kind that are counted separately.
const MOST_REASONS: usize = 32;

/// Returns `true` for a status with which a gateway reports a request that was too much, too large
/// or too late, without asking an endpoint. Source: RFC 9110 and RFC 6585; those above 520 are in
/// use at a large content delivery network.
fn is_of_a_gateway(status: u16) -> bool {
    matches!(status, 408 | 413 | 414 | 421 | 429 | 431 | 502..=504 | 511 | 520..=530)
}

/// Returns `true` for a refusal (403) that is not JSON, by a server that names itself: the service
/// refuses in JSON.
fn is_refused_in_its_place(response: &Response<Bytes>) -> bool {
    let headers = response.headers();
    let media = headers.get(CONTENT_TYPE);
    response.status() == StatusCode::FORBIDDEN
        && (headers.contains_key(SERVER) || headers.contains_key(VIA))
        && media.is_some_and(|media| !media.as_bytes().starts_with(b"application/json"))
}

/// The known extent of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extent {
    /// The whole body.
    Whole,
    /// A part of the body, or nothing: the reason in a few words.
    Part(String),
}

impl Extent {
    fn is_whole(&self) -> bool {
        *self == Self::Whole
    }
}

/// The end of an exchange.
#[derive(Debug, Clone)]
pub enum Ending {
    /// The service's answer.
    Answer {
        /// Head and body, the body as far as it is known.
        response: Response<Bytes>,
        /// The known extent of the body.
        body: Extent,
    },
    /// The service gave no answer, or only a part of one.
    Failed {
        /// The reason, a sentence without a full stop.
        why: String,
        /// The status that the client got instead, if any.
        status: Option<u16>,
    },
    /// The client left before there was an answer.
    Abandoned,
    /// The record does not tell: the reason in a few words.
    Unknown(String),
}

/// Marks an answer, in its extensions, whose headers were not recorded.
#[derive(Debug, Clone, Copy)]
pub struct WithoutHeaders;

/// An exchange between client and service, as an observer saw it.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The number by which findings name it.
    pub id: u64,
    /// The moment when it began.
    pub at: Timestamp,
    /// The duration, microseconds.
    pub micros: u64,
    /// The request: path and query as they were sent, `Host` as the client sent it.
    pub request: Request<Bytes>,
    /// The known extent of the request's body.
    pub request_body: Extent,
    /// The end of the exchange.
    pub came: Ending,
}

/// The terms on which traffic is judged.
pub struct Terms {
    /// The judge of the service.
    pub contract: Contract,
    /// The readings that apply to the service.
    pub profile: Profile,
    /// The readings that were chosen explicitly, by id.
    pub held: BTreeMap<String, String>,
    /// The base URL of the service, without a slash at the end.
    pub base: String,
    /// Findings about the service of this level or above fail the run.
    pub level: Level,
    /// Findings about the client of this level or above fail it; `None`: none do.
    pub fail_on: Option<FindingLevel>,
    /// Secrets that no report may show, beside those recognized in the traffic.
    pub secrets: Secrets,
    /// Advice to users for keeping the links in answers on the way through the observer, where
    /// there is one: `give --preserve-host`.
    pub advice: Option<&'static str>,
}

/// News to print at once, in one or several lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The subject: `service`, `client` or `upstream`.
    pub about: &'static str,
    /// The sentence.
    pub text: String,
}

/// A finding about the service, and the number of its occurrences.
struct Kept {
    operation: String,
    finding: Finding,
    count: u64,
}

/// The number of judged requests of an operation, and their total duration.
#[derive(Debug, Default, Clone, Copy)]
struct Load {
    requests: u64,
    micros: u64,
}

/// The judge of the clients under one prefix, and the exchanges that show their mistakes.
#[derive(Default)]
struct Client {
    judge: Judge,
    /// The number of findings so far, without those that show only at the end.
    found: usize,
    /// The exchanges that show them, by index of the finding.
    shown: HashMap<usize, Record>,
}

/// The judge of a stream of exchanges.
pub struct Watcher {
    terms: Terms,
    keeper: Keeper,
    service: Vec<Kept>,
    places: HashMap<(String, Aspect, String), usize>,
    left_out: u64,
    shown_bytes: usize,
    loads: BTreeMap<String, Load>,
    clients: BTreeMap<String, Client>,
    client_requests: u64,
    exchanges: u64,
    others: u64,
    has_written: bool,
    gateways: BTreeMap<String, u64>,
    failures: BTreeMap<String, u64>,
    unjudged: BTreeMap<String, u64>,
    /// The reason why the reading of lists to their end cannot be judged.
    walks: Option<String>,
    dropped: u64,
}

/// Details of the run for its report.
#[derive(Debug, Default)]
pub struct Circumstances {
    /// The service and its traffic, for people.
    pub target: String,
    /// The moment when it began, RFC 3339.
    pub started: String,
    /// The duration, microseconds.
    pub micros: u64,
    /// The moment when it ended.
    pub ended: Option<Timestamp>,
    /// Exchanges with other services: a description and their number.
    pub skipped: Vec<(String, u64)>,
}

impl Watcher {
    /// Creates a judge that has seen nothing yet.
    pub fn new(mut terms: Terms) -> Self {
        let secrets = std::mem::take(&mut terms.secrets);
        Self {
            keeper: Keeper::new(secrets),
            terms,
            service: Vec::new(),
            places: HashMap::new(),
            left_out: 0,
            shown_bytes: 0,
            loads: BTreeMap::new(),
            clients: BTreeMap::new(),
            client_requests: 0,
            exchanges: 0,
            others: 0,
            has_written: false,
            gateways: BTreeMap::new(),
            failures: BTreeMap::new(),
            unjudged: BTreeMap::new(),
            walks: None,
            dropped: 0,
        }
    }

    /// Counts exchanges that passed without being judged.
    pub fn dropped(&mut self, count: u64) {
        self.dropped += count;
        if count > 0 {
            self.walks
                .get_or_insert_with(|| "some exchanges went by unjudged".to_owned());
        }
    }

    /// Returns the secrets recognized so far.
    pub(crate) fn keeper(&mut self) -> &mut Keeper {
        &mut self.keeper
    }

    /// Judges an exchange, and returns what is new about it. Its bodies are unpacked in place, for
    /// later readers of the exchange.
    pub fn see(&mut self, observed: &mut Observed) -> Vec<Notice> {
        self.exchanges += 1;
        self.has_written |= !is_safe(observed.request.method());
        let mut told = Vec::new();
        if let Ending::Failed { why, .. } = &observed.came {
            let why = self.keeper.secrets().redact(why);
            if count(&mut self.failures, &why) {
                told.push(Notice {
                    about: "upstream",
                    text: why,
                });
            }
        }
        if !observed.request.uri().path().contains("/api/") {
            self.others += 1;
            return told;
        }
        if is_preflight(&observed.request) {
            count(&mut self.unjudged, "a browser's question before a request");
            return told;
        }
        self.unpack(observed);
        let Some((mount, request)) = unmounted(&observed.request) else {
            return told;
        };
        let before = self.service.len();
        self.judge_service(&request, observed);
        let found = &self.service[before..];
        told.extend(found.iter().map(|kept| Notice {
            about: "service",
            text: line(&kept.finding),
        }));
        self.judge_client(&mount, &request, observed, &mut told);
        let secrets = self.keeper.secrets();
        for told in &mut told {
            told.text = secrets.redact(&told.text);
        }
        told
    }

    /// Undoes content codings. A body that cannot be unpacked counts as unknown.
    fn unpack(&mut self, observed: &mut Observed) {
        let unpacked = decode::decoded(
            observed.request.headers(),
            observed.request.body(),
            MAX_UNPACKED,
        );
        match unpacked {
            Ok(body) => *observed.request.body_mut() = body,
            Err(why) => observed.request_body = Extent::Part(why.to_string()),
        }
        if let Extent::Part(why) = &observed.request_body {
            count(&mut self.unjudged, &format!("a request with {why}"));
        }
        if let Ending::Unknown(why) = &observed.came {
            count(&mut self.unjudged, &format!("a request of which {why}"));
        }
        let Ending::Answer { response, body } = &mut observed.came else {
            return;
        };
        if body.is_whole() {
            match decode::decoded(response.headers(), response.body(), MAX_UNPACKED) {
                Ok(unpacked) => *response.body_mut() = unpacked,
                Err(why) => *body = Extent::Part(why.to_string()),
            }
        }
        if let Extent::Part(why) = body {
            count(&mut self.unjudged, &format!("an answer with {why}"));
        }
    }

    fn judge_service(&mut self, request: &Request<Bytes>, observed: &Observed) {
        let Ending::Answer { response, body } = &observed.came else {
            return;
        };
        let status = response.status().as_u16();
        if is_of_a_gateway(status) || is_refused_in_its_place(response) {
            count(&mut self.gateways, &status.to_string());
            return;
        }
        if is_conditional(request, response.status()) {
            count(&mut self.unjudged, "an answer to a conditional request");
            return;
        }
        let path = request.uri().path();
        let contract = &self.terms.contract;
        let operation = contract.route(request.method(), path);
        let operation = match operation {
            Some(operation) => operation.id.clone(),
            None if status == 405 => OTHER_METHODS.to_owned(),
            None => {
                self.others += 1;
                return;
            }
        };
        // A request with an unknown body may be invalid, so it counts as such.
        let is_invalid =
            !observed.request_body.is_whole() || contract.fault(request, path).is_some();
        let judgement = if body.is_whole() {
            contract.judge(request, path, response, is_invalid)
        } else {
            contract.judge_head(request, path, response, is_invalid)
        };
        let load = self.loads.entry(operation.clone()).or_default();
        load.requests += 1;
        load.micros += observed.micros;
        self.look_where_links_lead(request, judgement.body.as_ref());
        for violation in judgement.violations {
            let are_headers_known = response.extensions().get::<WithoutHeaders>().is_none();
            if are_headers_known || violation.aspect != Aspect::Header {
                self.note(&operation, violation, observed);
            }
        }
    }

    /// Notes a page whose links name another host than the request did: a client that follows them
    /// bypasses the observer.
    fn look_where_links_lead(&mut self, request: &Request<Bytes>, body: Option<&Value>) {
        let next = body.and_then(|body| body.get("next")?.as_str());
        let next: Option<Uri> = next.and_then(|next| next.parse().ok());
        let next = next.as_ref().and_then(Uri::authority);
        let host = request.headers().get(HOST);
        if let (Some(next), Some(host)) = (next, host)
            && !next
                .as_str()
                .as_bytes()
                .eq_ignore_ascii_case(host.as_bytes())
            && self.walks.is_none()
        {
            let advice = self.terms.advice.map(|advice| format!("; {advice}"));
            self.walks = Some(format!(
                "the links in pages lead to {next}, past whoever watches{}",
                advice.unwrap_or_default()
            ));
        }
    }

    fn note(&mut self, operation: &str, violation: Violation, observed: &Observed) {
        let key = (operation.to_owned(), violation.aspect, violation.kind);
        if let Some(&at) = self.places.get(&key) {
            self.service[at].count += 1;
            return;
        }
        if self.service.len() == MOST_FINDINGS {
            self.left_out += 1;
            return;
        }
        let record = self.record(observed);
        let exchanges = self.room_for(record).into_iter().collect();
        let difference = Difference {
            operation: operation.to_owned(),
            ids: vec![format!("{operation}/{}", slug(&key.2))],
            sentence: violation.summary.clone(),
            ..Difference::default()
        };
        self.places.insert(key, self.service.len());
        self.service.push(Kept {
            operation: operation.to_owned(),
            finding: Finding {
                at: violation.at,
                exchanges,
                difference: Some(difference),
                ..Finding::new(violation.level, violation.summary)
            },
            count: 1,
        });
    }

    fn judge_client(
        &mut self,
        mount: &str,
        request: &Request<Bytes>,
        observed: &Observed,
        told: &mut Vec<Notice>,
    ) {
        if !observed.request_body.is_whole() {
            self.walks
                .get_or_insert_with(|| "not every request is known whole".to_owned());
            return;
        }
        if !self.clients.contains_key(mount) && self.clients.len() == MOST_CLIENTS {
            let why = format!("a request of one more client than {MOST_CLIENTS}");
            count(&mut self.unjudged, &why);
            return;
        }
        let (response, is_fault) = match &observed.came {
            Ending::Answer { response, body } if body.is_whole() => (Some(response.clone()), false),
            // It is unknown how much of the answer the client got, but there was an answer.
            Ending::Answer { response, .. } => {
                self.walks
                    .get_or_insert_with(|| "not every answer is known whole".to_owned());
                (Some(head_of(response)), false)
            }
            Ending::Failed { status, .. } => {
                let status = status.and_then(|status| StatusCode::from_u16(status).ok());
                (status.map(answered), true)
            }
            Ending::Abandoned | Ending::Unknown(_) => (None, false),
        };
        let client = self.clients.entry(mount.to_owned()).or_default();
        self.client_requests += 1;
        let new = client.judge.see(&Seen {
            id: observed.id,
            at: observed.at,
            request,
            response: response.as_ref(),
            rule: None,
            profile: &self.terms.profile,
            fault: is_fault,
        });
        if new == 0 {
            return;
        }
        let from = client.found;
        client.found += new;
        let all = client.judge.findings(observed.at);
        let found: Vec<_> = all.into_iter().skip(from).take(new).collect();
        for (position, finding) in found.iter().enumerate() {
            told.push(Notice {
                about: "client",
                text: format!(
                    "{:6} {}: {}",
                    finding.level.text(),
                    finding.id,
                    said(finding)
                ),
            });
            if finding.request != observed.id {
                continue;
            }
            let record = self.record(observed);
            let record = self.room_for(record);
            if let (Some(record), Some(client)) = (record, self.clients.get_mut(mount)) {
                client.shown.insert(from + position, record);
            }
        }
    }

    /// Returns the exchange for a report, without secrets.
    fn record(&mut self, observed: &Observed) -> Record {
        let mut request = self.keeper.request(&observed.request);
        let target = request.uri().path_and_query().map_or("/", |t| t.as_str());
        if let Ok(uri) = format!("{}{target}", self.terms.base).parse() {
            *request.uri_mut() = uri;
        }
        let answer = match &observed.came {
            Ending::Answer { response, .. } => Ok(self.keeper.response(response)),
            Ending::Failed { why, .. } | Ending::Unknown(why) => Err(why.clone()),
            Ending::Abandoned => Err("the client was gone before there was an answer".to_owned()),
        };
        let exchange = Exchange {
            step: format!("exchange {}", observed.id),
            request,
            answer,
        };
        Record::new(&exchange, self.keeper.secrets())
    }

    /// Returns the record while there is room for it.
    fn room_for(&mut self, record: Record) -> Option<Record> {
        let body = record.response_body.as_ref().map_or(0, |b| b.shown().len());
        // A sent body stands in the command for repeating the request as well.
        let size = body + 2 * record.request_body.shown().len() + 4096;
        (self.shown_bytes + size <= MOST_SHOWN).then(|| {
            self.shown_bytes += size;
            record
        })
    }
}

/// The row that counts requests with a method that their path lacks.
const OTHER_METHODS: &str = "other-methods";

/// Counts a reason; returns `true` if it is counted for the first time.
fn count(reasons: &mut BTreeMap<String, u64>, why: &str) -> bool {
    if let Some(known) = reasons.get_mut(why) {
        *known += 1;
        return false;
    }
    let is_room = reasons.len() < MOST_REASONS;
    let why = if is_room { why } else { "others" };
    *reasons.entry(why.to_owned()).or_default() += 1;
    is_room
}

/// Splits a request into the prefix before `/api/` and the request without it; `None` where it is
/// not for the API.
fn unmounted(request: &Request<Bytes>) -> Option<(String, Request<Bytes>)> {
    let target = request.uri().path_and_query()?.as_str();
    let path = request.uri().path();
    let at = path.find("/api/")?;
    let mut inner = Request::new(request.body().clone());
    *inner.method_mut() = request.method().clone();
    *inner.version_mut() = request.version();
    *inner.headers_mut() = request.headers().clone();
    *inner.uri_mut() = target[at..].parse().ok()?;
    Some((path[..at].to_owned(), inner))
}

fn head_of(response: &Response<Bytes>) -> Response<Bytes> {
    let mut head = Response::new(Bytes::new());
    *head.status_mut() = response.status();
    *head.headers_mut() = response.headers().clone();
    head
}

fn answered(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

/// Returns `true` for the preflight request of a browser.
fn is_preflight(request: &Request<Bytes>) -> bool {
    request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// Returns `true` for an answer that any server may give to a conditional request, or to one for a
/// part.
fn is_conditional(request: &Request<Bytes>, status: StatusCode) -> bool {
    let has = |name| request.headers().contains_key(name);
    match status.as_u16() {
        // A browser's cache asks under conditions that its archive leaves out.
        304 => true,
        206 | 416 => has(RANGE),
        412 => has(IF_MATCH) || has(IF_UNMODIFIED_SINCE) || has(IF_NONE_MATCH),
        _ => false,
    }
}

/// Describes a finding about the service in a line, with the request that shows it.
fn line(finding: &Finding) -> String {
    let mut text = format!("{:6} {}", finding.level.text(), finding.summary);
    if let Some(record) = finding.exchanges.last() {
        let _ = write!(text, "\n{:15} {} {}", "", record.method, record.url);
    }
    text
}

/// Describes a finding about the client in a sentence.
fn said(finding: &findings::Finding) -> String {
    let mut text = format!("{}: {}", finding.sent, finding.why);
    if let Some(meant) = &finding.meant {
        let _ = write!(text, "; probably meant: {meant}");
    }
    let _ = write!(text, " ({} {})", finding.method, finding.target);
    text
}

/// Formats a count of at least two: `, 3 times`.
fn times(count: u64) -> String {
    match count {
        0 | 1 => String::new(),
        count => format!(", {count} times"),
    }
}

impl Watcher {
    /// Returns the report of the run, still without the verdict.
    pub fn report(mut self, about: Circumstances) -> Report {
        let mut checks = self.service_checks();
        checks.extend(self.client_checks(about.ended.unwrap_or(Timestamp::EPOCH)));
        checks.extend(self.traffic_checks(&about.skipped));
        let mode = if self.has_written {
            Safety::Write
        } else {
            Safety::Read
        };
        for check in &mut checks {
            check.safety = mode;
        }
        let causes = causes::group(&mut checks);
        let mut report = Report {
            format: FORMAT,
            tool: concat!("whippy-conformance ", env!("CARGO_PKG_VERSION")).to_owned(),
            target: about.target,
            started: about.started,
            micros: about.micros,
            requests: self.exchanges,
            level: self.terms.level,
            mode,
            environment: BTreeMap::new(),
            profile: self.terms.held.clone(),
            causes,
            checks,
            readings: Vec::new(),
            coverage: self.terms.contract.coverage(),
            stale: Vec::new(),
            clean_up: None,
            aborted: None,
            exit_code: 0,
            verdict: String::new(),
        };
        assembly::redact(&mut report, self.keeper.secrets());
        report
    }

    /// Returns a check for each operation that was requested.
    fn service_checks(&mut self) -> Vec<CheckReport> {
        let mut findings: BTreeMap<String, Vec<Finding>> = BTreeMap::new();
        for kept in self.service.drain(..) {
            let mut finding = kept.finding;
            finding.summary += &times(kept.count);
            findings.entry(kept.operation).or_default().push(finding);
        }
        let operations = self.terms.contract.operations();
        let known = operations.iter().map(|operation| {
            let source = format!("{} {}", operation.method, operation.path);
            let title = format!(
                "Every answer of `{}` is one that the contract has",
                operation.id
            );
            (operation.id.as_str(), operation.level, source, title)
        });
        let others = (
            OTHER_METHODS,
            Level::Should,
            "405 {\"detail\":\"Method \\\"PUT\\\" not allowed.\"}".to_owned(),
            "Methods that a path does not have are refused as the contract has it".to_owned(),
        );
        let mut checks = Vec::new();
        for (id, level, quote, title) in known.chain([others]) {
            let Some(load) = self.loads.get(id) else {
                continue;
            };
            let findings = findings.remove(id).unwrap_or_default();
            let worst = findings.iter().map(|finding| finding.level).max();
            checks.push(CheckReport {
                outcome: match worst {
                    None => Outcome::Pass,
                    Some(worst) if worst >= self.terms.level => Outcome::Fail,
                    Some(_) => Outcome::Warn,
                },
                findings,
                requests: load.requests,
                micros: load.micros,
                ..check(
                    format!("service/{id}"),
                    title,
                    level,
                    ("openapi.json", &quote),
                )
            });
        }
        checks
    }

    /// Returns a check for each mistake of a client.
    fn client_checks(&mut self, at: Timestamp) -> Vec<CheckReport> {
        let mut checks: Vec<CheckReport> = Vec::new();
        if self.client_requests == 0 {
            return checks;
        }
        let mut left_out = 0;
        let is_end_known = self.walks.is_none();
        let mut withheld = false;
        for (mount, client) in &mut self.clients {
            left_out += client.judge.left_out();
            let all = client.judge.findings(at);
            for (position, found) in all.into_iter().enumerate() {
                if position >= client.found && !is_end_known {
                    withheld = true;
                    continue;
                }
                let fails = self.terms.fail_on.is_some_and(|least| found.level >= least);
                let id = format!("client/{}", found.id);
                let level = level(found.level);
                let known = checks.iter().position(|check| check.id == id);
                let known = known.unwrap_or_else(|| {
                    let about = findings::MISTAKES.iter().find(|m| m.id == found.id);
                    let title = about.map_or("", |mistake| mistake.about).to_owned();
                    let source = (found.source.section, found.source.says);
                    checks.push(CheckReport {
                        outcome: if fails { Outcome::Fail } else { Outcome::Warn },
                        ..check(id, title, level, source)
                    });
                    checks.len() - 1
                });
                checks[known].findings.push(Finding {
                    row: (!mount.is_empty()).then(|| mount.clone()),
                    exchanges: client.shown.remove(&position).into_iter().collect(),
                    ..Finding::new(level, format!("{}{}", said(&found), times(found.count)))
                });
                checks[known].requests += found.count;
            }
        }
        if !withheld {
            self.walks = None;
        }
        if left_out > 0 {
            count(
                &mut self.unjudged,
                &format!("{left_out} more mistakes of clients, for want of room"),
            );
        }
        checks.push(CheckReport {
            requests: self.client_requests,
            ..check(
                "client/requests".to_owned(),
                "The client's requests ask for what there is".to_owned(),
                Level::Should,
                (
                    "openapi.json",
                    "Every path, parameter and body that it names",
                ),
            )
        });
        checks
    }

    /// Returns checks of the traffic as a whole, which blame nobody.
    fn traffic_checks(&self, skipped: &[(String, u64)]) -> Vec<CheckReport> {
        let judged: u64 = self.loads.values().map(|load| load.requests).sum();
        let nobody_answers = judged == 0 && self.gateways.is_empty();
        let unanswered = if nobody_answers {
            Outcome::SetupFailed
        } else {
            Outcome::Inconclusive
        };
        let listed_as = |prefix: &str, reasons: &BTreeMap<String, u64>| {
            (!reasons.is_empty()).then(|| format!("{prefix}{}", listed(reasons)))
        };
        let counted = |count: u64, what: &str| (count > 0).then(|| format!("{count} {what}"));
        let is_idle = judged == 0 && self.client_requests == 0;
        let rows = [
            (
                "every-request-is-answered",
                "The service answers every request",
                unanswered,
                listed_as("", &self.failures),
            ),
            (
                "no-gateway-answers",
                "No gateway answers in the service's place",
                Outcome::Inconclusive,
                listed_as("answered by status: ", &self.gateways),
            ),
            (
                "every-part-is-judged",
                "Every exchange is known whole",
                Outcome::Inconclusive,
                listed_as("not judged: ", &self.unjudged),
            ),
            (
                "walks-are-followed",
                "Whether lists are read to their end is seen",
                Outcome::Inconclusive,
                self.walks.as_ref().map(|why| format!("not judged: {why}")),
            ),
            (
                "every-finding-is-kept",
                "Every finding is kept",
                Outcome::Inconclusive,
                counted(
                    self.left_out,
                    "more findings about the service, for want of room",
                ),
            ),
            (
                "every-exchange-is-judged",
                "Every exchange is judged",
                Outcome::Error,
                counted(
                    self.dropped,
                    "exchanges passed unjudged: they came faster than they can be judged",
                ),
            ),
            (
                "other-requests",
                "Requests of other things are passed over",
                Outcome::Disabled,
                self.others(skipped, is_idle),
            ),
        ];
        let told = rows.into_iter().filter_map(|(id, title, outcome, reason)| {
            let reason = Some(reason?);
            let id = format!("traffic/{id}");
            let source = ("traffic", "what went by");
            Some(CheckReport {
                outcome,
                reason,
                ..check(id, title.to_owned(), Level::Should, source)
            })
        });
        told.collect()
    }

    /// Describes the traffic that is not of the API.
    fn others(&self, skipped: &[(String, u64)], is_idle: bool) -> Option<String> {
        let paths = (
            "of paths that the contract does not have".to_owned(),
            self.others,
        );
        let others = skipped.iter().chain([&paths]);
        let others: Vec<_> = others
            .filter(|(_, count)| *count > 0)
            .map(|(why, count)| format!("{count} {why}"))
            .collect();
        match (others.is_empty(), is_idle) {
            (true, false) => None,
            (true, true) => Some("no request of the API went by".to_owned()),
            (false, false) => Some(others.join(", ")),
            (false, true) => Some(format!(
                "no request of the API went by, but {}",
                others.join(", ")
            )),
        }
    }
}

/// Lists reasons with their counts: `connection refused ×3, no answer within 10 s ×1`.
fn listed(reasons: &BTreeMap<String, u64>) -> String {
    let listed: Vec<_> = reasons
        .iter()
        .map(|(why, count)| format!("{why} ×{count}"))
        .collect();
    listed.join(", ")
}

fn check(id: String, title: String, level: Level, (section, quote): (&str, &str)) -> CheckReport {
    let source = Source {
        section: section.to_owned(),
        quote: quote.to_owned(),
    };
    CheckReport::passed(id, title, level, source, Safety::Read)
}

/// Returns the level of a finding about the client beside those about the service.
fn level(level: FindingLevel) -> Level {
    match level {
        FindingLevel::Note => Level::May,
        FindingLevel::Warning => Level::Should,
        FindingLevel::Error => Level::Must,
    }
}
