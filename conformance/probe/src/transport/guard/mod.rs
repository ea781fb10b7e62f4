//! The guard against harmful requests, in the transport itself: a request that could affect more
//! than the run's own stocks is never sent, whatever a check asks for.

mod named;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderValue};
use http::{Method, Request, Response, Uri};
use serde_json::Value;
use whippy_engine::wire::form::parameter;

use crate::transport::ledger::{Intent, Ledger, Outcome, TouchedPlace, TouchedStock};
use crate::transport::target::{SeedState, Target, TargetError};

/// The shortest prefix that distinguishes the run's own SKUs from others, characters.
const SHORTEST_PREFIX: usize = 4;

/// The words in the sentence about a write beyond the budget.
pub const SPENT: &str = "rows that this run may write";

/// The limits of a run that writes.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// The prefix of every SKU, and of every name and code of a place.
    pub prefix: String,
    /// The most rows that are written, without clean-up. An upsert of 100 rows counts as 100, every
    /// other request as at least one, even if it is refused.
    pub budget: u64,
    /// The stock list whose active stocks may be read for any SKU.
    pub stock_list: Option<i64>,
    /// Is true if providers, locations and stock lists may be created, which stay.
    pub places: bool,
    /// Is true if methods may be sent that no operation has: a broken service might carry out
    /// `DELETE /api/v1/stocks/`. Only for the suite's own mock.
    pub methods: bool,
    /// Is true if the target may be seeded, which replaces its whole state. After that anything may
    /// be written to it, without the ledger.
    pub seeding: bool,
}

/// A target behind its guard.
pub struct Guard {
    target: Arc<dyn Target>,
    mode: Mode,
    used: AtomicU64,
    is_budget_lifted: AtomicBool,
    is_halted: AtomicBool,
    /// Is true once the suite has seeded the target, so that all its data is the suite's.
    is_seeded: AtomicBool,
}

enum Mode {
    ReadOnly {
        stock_list: Option<i64>,
        may_log_in: bool,
    },
    Write {
        limits: Limits,
        ledger: Arc<Ledger>,
    },
}

/// The purpose of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Lists stocks, or creates one.
    Stocks,
    /// Changes reservations.
    Reservation,
    /// Inserts or updates stocks.
    Upsert,
    /// Reads, with arguments in a body.
    Query,
    /// Reads one stock list by POST.
    ActiveStocks,
    /// The path that the page's heading calls the same, but that may be something else in other
    /// services.
    ActiveStocksAlias,
    /// Issues a token.
    Login,
    /// Lists places, or creates one.
    Places,
    /// One place, or the user of a token; nothing is written here.
    Place,
}

/// The paths of the API behind `/api/v1/`, and the operation of a POST to each. `{id}` stands for
/// one segment.
#[rustfmt::skip]
const ROUTES: &[(&str, Kind, &str)] = &[
    ("stocks/", Kind::Stocks, "create-stock"),
    ("stocks/increase_reserved_stock/", Kind::Reservation, "increase-reserved-stock"),
    ("stocks/decrease_reserved_stock/", Kind::Reservation, "decrease-reserved-stock"),
    ("stocks/insert_or_update_stock/", Kind::Upsert, "upsert-stocks"),
    ("stocks/stock_query/", Kind::Query, "stock-query"),
    ("stocks/multi_stock_query/", Kind::Query, "multi-stock-query"),
    ("stocks/salable_stock_query/", Kind::Query, "salable-stock-query"),
    ("stocks/multi_salable_stock_query/", Kind::Query, "multi-salable-stock-query"),
    ("active-stocks/{id}/", Kind::ActiveStocks, "list-active-stocks"),
    ("stocks/{id}/", Kind::ActiveStocksAlias, "list-active-stocks"),
    ("auth/login/", Kind::Login, "login"),
    ("active_user/", Kind::Place, "get-active-user"),
    ("providers/", Kind::Places, "create-provider"),
    ("stock-locations/", Kind::Places, "create-stock-location"),
    ("stock-lists/", Kind::Places, "create-stock-list"),
    ("providers/{id}/", Kind::Place, "get-provider"),
    ("stock-locations/{id}/", Kind::Place, "get-stock-location"),
    ("stock-lists/{id}/", Kind::Place, "get-stock-list"),
];

/// Headers that may make a service do something else than the request line says.
const DETOURS: &[&str] = &[
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-uri",
    "x-original-url",
    "x-rewrite-url",
];

/// Fields of a body that may do the same.
const DETOUR_FIELDS: &[&str] = &["_method", "_httpmethod", "_content", "_content_type"];

/// Character sets that contain ASCII unchanged.
const PLAIN_CHARSETS: &[&str] = &[
    "utf-8",
    "utf8",
    "us-ascii",
    "ascii",
    "iso-8859-1",
    "latin-1",
];

/// Fields that identify a stock in a way the run cannot recognize as its own.
const ID_FIELDS: &[&str] = &["id", "pk"];

/// The route of a request in the table.
#[derive(Clone, Copy)]
struct Route<'a> {
    kind: Kind,
    operation: &'static str,
    /// The path behind the target's URL.
    path: &'a str,
    /// The segment in place of `{id}`.
    id: &'a str,
}

/// The effect of a request.
enum Plan {
    /// It only reads.
    Look,
    /// It writes these rows, of which this many count.
    Write(Intent, u64),
}

impl Guard {
    /// Creates a guard that allows no writes. The active stocks of `stock_list` may be read, by
    /// POST as on the page. Logins need a user who is named (`may_log_in`).
    pub fn read_only(target: Arc<dyn Target>, stock_list: Option<i64>, may_log_in: bool) -> Self {
        let mode = Mode::ReadOnly {
            stock_list,
            may_log_in,
        };
        Self::of(target, mode)
    }

    /// Creates a guard that allows a run to write its own stocks, each recorded in the ledger
    /// first. An unusable prefix is [`TargetError::Forbidden`].
    pub fn writing(
        target: Arc<dyn Target>,
        limits: Limits,
        ledger: Arc<Ledger>,
    ) -> Result<Self, TargetError> {
        let prefix = &limits.prefix;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let is_number = prefix.bytes().all(|byte| byte.is_ascii_digit());
        if prefix.len() < SHORTEST_PREFIX || !prefix.chars().all(is_plain) || is_number {
            return Err(forbidden(format!(
                "the prefix `{prefix}` does not tell the run's own SKUs from others': at least \
                 {SHORTEST_PREFIX} letters, digits, `-` or `_` do, not all of them digits"
            )));
        }
        Ok(Self::of(target, Mode::Write { limits, ledger }))
    }

    fn of(target: Arc<dyn Target>, mode: Mode) -> Self {
        Self {
            target,
            mode,
            used: AtomicU64::new(0),
            is_budget_lifted: AtomicBool::new(false),
            is_halted: AtomicBool::new(false),
            is_seeded: AtomicBool::new(false),
        }
    }

    /// Returns the number of rows written, without clean-up.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Stops all writing for good.
    pub fn halt(&self) {
        self.is_halted.store(true, Ordering::SeqCst);
    }

    /// Returns `true` if writing was stopped.
    pub fn is_halted(&self) -> bool {
        self.is_halted.load(Ordering::SeqCst)
    }

    /// Removes the limit of rows: the clean-up must not depend on the number of earlier writes.
    pub fn lift_budget(&self) {
        self.is_budget_lifted.store(true, Ordering::SeqCst);
    }

    fn judge(&self, request: &Request<Bytes>) -> Result<Plan, TargetError> {
        let path = plain_path(self.target.base(), request.uri())?;
        no_detours(request, self.target.base())?;
        if self.is_seeded.load(Ordering::SeqCst) {
            return Ok(Plan::Look);
        }
        let route = find(path);
        let method = request.method();
        let is_reading = [Method::GET, Method::HEAD, Method::OPTIONS].contains(method);
        match route {
            _ if is_reading => self.judge_reading(request, path, route),
            Some(route) if method == Method::POST => self.judge_post(request, route),
            Some(route) => self.judge_method(request, route),
            None => Err(forbidden(format!(
                "{method} {path} is no operation of the API"
            ))),
        }
    }

    fn judge_reading(
        &self,
        request: &Request<Bytes>,
        path: &str,
        route: Option<Route<'_>>,
    ) -> Result<Plan, TargetError> {
        let method = request.method();
        let kind = route.map(|route| route.kind);
        // Other paths there may log out the owner of the token, even by GET.
        if path.starts_with("/api/v1/auth") && kind != Some(Kind::Login) {
            return Err(forbidden(format!("{method} {path} may end a login")));
        }
        let has_body = !request.body().is_empty();
        let has_arguments = has_body || request.uri().query().is_some();
        let is_read_only = matches!(self.mode, Mode::ReadOnly { .. });
        // Under one reading of the page a GET can upsert, and most services treat HEAD like GET. A
        // run that only reads must not send even OPTIONS there.
        let may_write = match kind {
            Some(Kind::Upsert) => method != Method::OPTIONS || is_read_only,
            Some(Kind::Reservation) => method != Method::OPTIONS && has_arguments,
            _ => false,
        };
        match route {
            Some(route) if may_write => self.judge_write(request, route),
            _ if has_body && (kind != Some(Kind::Query) || method != Method::GET) => Err(
                forbidden(format!("{method} {path} with a body is no reading")),
            ),
            _ => Ok(Plan::Look),
        }
    }

    fn judge_post(&self, request: &Request<Bytes>, route: Route<'_>) -> Result<Plan, TargetError> {
        let stock_list = match &self.mode {
            Mode::ReadOnly { stock_list, .. } => stock_list,
            Mode::Write { limits, .. } => &limits.stock_list,
        };
        let is_named_list = stock_list.is_some_and(|id| id.to_string() == route.id);
        match route.kind {
            Kind::Login => match self.mode {
                Mode::ReadOnly {
                    may_log_in: false, ..
                } => Err(forbidden(
                    "this run only reads and has no user name to log in with".to_owned(),
                )),
                _ => Ok(Plan::Look),
            },
            Kind::ActiveStocks if is_named_list => Ok(Plan::Look),
            Kind::ActiveStocks | Kind::Query => self.only_ours(request, route).map(|()| Plan::Look),
            Kind::ActiveStocksAlias => match &self.mode {
                Mode::Write { limits, .. } if is_named_list || limits.methods => {
                    self.only_ours(request, route).map(|()| Plan::Look)
                }
                _ => Err(forbidden(format!(
                    "what POST {} does is not known",
                    route.path
                ))),
            },
            Kind::Stocks | Kind::Reservation | Kind::Upsert | Kind::Places | Kind::Place => {
                self.judge_write(request, route)
            }
        }
    }

    /// Judges a method that no operation has. `TRACE` does nothing.
    fn judge_method(
        &self,
        request: &Request<Bytes>,
        route: Route<'_>,
    ) -> Result<Plan, TargetError> {
        let method = request.method();
        let limits = self.limits()?;
        let names_another = !route.id.is_empty();
        let is_harmless = method == Method::TRACE && request.body().is_empty();
        if names_another || !(limits.methods || is_harmless) {
            return Err(forbidden(format!(
                "{method} {} might be obeyed, and not on the run's own stocks alone",
                route.path
            )));
        }
        self.only_ours(request, route).map(|()| Plan::Look)
    }

    fn judge_write(&self, request: &Request<Bytes>, route: Route<'_>) -> Result<Plan, TargetError> {
        let limits = self.limits()?;
        let is_place = matches!(route.kind, Kind::Places | Kind::Place);
        if is_place && !(limits.places && route.kind == Kind::Places) {
            return Err(forbidden(format!(
                "{} {}: this run creates no places",
                request.method(),
                route.path
            )));
        }
        self.only_ours(request, route)?;
        let (rows, places) = if is_place {
            (Vec::new(), places(request, route.path))
        } else {
            (rows(request), Vec::new())
        };
        let weight = rows.len().max(items(request.body())).max(1);
        let intent = Intent {
            method: request.method().to_string(),
            path: route.path.to_owned(),
            operation: route.operation.to_owned(),
            rows,
            places,
        };
        Ok(Plan::Write(intent, weight as u64))
    }

    fn limits(&self) -> Result<&Limits, TargetError> {
        match &self.mode {
            Mode::Write { limits, .. } => Ok(limits),
            Mode::ReadOnly { .. } => Err(forbidden("this run only reads".to_owned())),
        }
    }

    /// Refuses a request that names stocks or places of others. One that names nothing creates
    /// nothing, since every operation needs a SKU or the name of a place.
    fn only_ours(&self, request: &Request<Bytes>, route: Route<'_>) -> Result<(), TargetError> {
        let limits = self.limits()?;
        let body = request.body();
        let query = request.uri().query().unwrap_or_default();
        let is_place = matches!(route.kind, Kind::Places | Kind::Place);
        let (needles, what): (&[&str], _) = if is_place {
            (&["name", "code"], "name and code")
        } else {
            (&["sku"], "SKU")
        };
        if !body.is_empty() {
            readable(request)?;
        }
        let mut named = named::in_query(query, needles);
        named.extend(named::in_body(body, needles));
        all_ours(&named, &limits.prefix, what)?;
        if !limits.methods && named::has_key(query, body, ID_FIELDS) {
            return Err(forbidden(
                "it names a row by an id, which may be another's".to_owned(),
            ));
        }
        Ok(())
    }

    /// Sends a judged request. A write is recorded in the ledger first.
    fn carry_out(
        &self,
        plan: Plan,
        send: impl FnOnce() -> Result<Response<Bytes>, TargetError>,
    ) -> Result<Response<Bytes>, TargetError> {
        let (Plan::Write(intent, weight), Mode::Write { limits, ledger }) = (plan, &self.mode)
        else {
            return send();
        };
        if self.is_halted() {
            return Err(forbidden("writing was stopped".to_owned()));
        }
        self.spend(weight, limits.budget)?;
        let seq = ledger.intend(intent).map_err(|error| {
            self.halt();
            forbidden(error.to_string())
        })?;
        let answer = send();
        let outcome = match &answer {
            Ok(response) => Outcome::Status(response.status().as_u16()),
            Err(_) => Outcome::Unanswered,
        };
        // Without this line the write counts as possibly applied.
        let _ = ledger.settle(seq, outcome);
        answer
    }

    fn spend(&self, weight: u64, budget: u64) -> Result<(), TargetError> {
        if self.is_budget_lifted.load(Ordering::SeqCst) {
            return Ok(());
        }
        let within = |used: u64| used.checked_add(weight).filter(|after| *after <= budget);
        self.used
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, within)
            .map(drop)
            .map_err(|used| {
                forbidden(format!(
                    "it writes {weight}, and of the {budget} {SPENT} {used} are written"
                ))
            })
    }
}

impl Target for Guard {
    fn base(&self) -> &str {
        self.target.base()
    }

    fn send(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, TargetError> {
        let length = request.body().len().to_string();
        let lengths = request.headers().get_all(CONTENT_LENGTH).iter();
        if lengths
            .into_iter()
            .any(|told| told.as_bytes() != length.as_bytes())
        {
            let why = "its length is not what it says, so a part of it may be another request";
            return Err(forbidden(why.to_owned()));
        }
        let plan = self.judge(request)?;
        self.carry_out(plan, || self.target.send(request))
    }

    fn seed(&self, state: &SeedState) -> Result<(), TargetError> {
        match &self.mode {
            Mode::Write { limits, .. } if limits.seeding => {
                self.target.seed(state)?;
                self.is_seeded.store(true, Ordering::SeqCst);
                Ok(())
            }
            _ => Err(forbidden(
                "a seed would replace all that the target has".to_owned(),
            )),
        }
    }
}

fn forbidden(why: String) -> TargetError {
    TargetError::Forbidden(why)
}

/// Returns the path behind the target's URL. It must not be ambiguous: percent signs, dots, empty
/// segments and parameters are refused.
fn plain_path<'a>(base: &str, uri: &'a Uri) -> Result<&'a str, TargetError> {
    let prefix = base
        .strip_prefix(uri.scheme_str().unwrap_or_default())
        .and_then(|rest| rest.strip_prefix("://"))
        .and_then(|rest| rest.strip_prefix(uri.authority()?.as_str()));
    let path = prefix.and_then(|prefix| uri.path().strip_prefix(prefix));
    let Some(path) = path.filter(|path| path.starts_with("/api/v1/")) else {
        return Err(forbidden(format!("it is not under {base}/api/v1/")));
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/_-".contains(c);
    if path.chars().all(is_plain) && !path.contains("//") {
        Ok(path)
    } else {
        Err(forbidden(format!(
            "services may take the path `{}` for another",
            shortened(path)
        )))
    }
}

/// Splits a target's URL into its authority and the path before those of the API.
fn parted(base: &str) -> (&str, &str) {
    let rest = base.split_once("://").map_or(base, |(_, rest)| rest);
    rest.split_at(rest.find('/').unwrap_or(rest.len()))
}

/// Refuses a request whose headers or fields could make it do something else than its line says.
fn no_detours(request: &Request<Bytes>, base: &str) -> Result<(), TargetError> {
    let headers = request.headers();
    if let Some(header) = DETOURS.iter().find(|name| headers.contains_key(**name)) {
        return Err(forbidden(format!(
            "the header {header} may change what it does"
        )));
    }
    let (authority, _) = parted(base);
    let mut hosts = headers.get_all(HOST).iter();
    if hosts.any(|host| !host.as_bytes().eq_ignore_ascii_case(authority.as_bytes())) {
        return Err(forbidden("its Host header names another host".to_owned()));
    }
    let query = request.uri().query().unwrap_or_default();
    if named::has_key(query, request.body(), DETOUR_FIELDS) {
        return Err(forbidden("a field of it may change its method".to_owned()));
    }
    Ok(())
}

/// Refuses a body that must be decoded before it can be read.
fn readable(request: &Request<Bytes>) -> Result<(), TargetError> {
    let headers = request.headers();
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let is_identity = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    let is_plain = |value: &HeaderValue| {
        let charset = value.to_str().ok().and_then(|v| parameter(v, "charset"));
        charset.is_none_or(|charset| {
            let charset = charset.to_ascii_lowercase();
            PLAIN_CHARSETS.contains(&charset.as_str())
        })
    };
    if encodings.all(is_identity) && types.all(is_plain) {
        Ok(())
    } else {
        Err(forbidden(
            "what its body names is hidden by an encoding".to_owned(),
        ))
    }
}

fn find(path: &str) -> Option<Route<'_>> {
    let rest = path.strip_prefix("/api/v1/")?;
    ROUTES.iter().find_map(|(template, kind, operation)| {
        let id = match template.split_once("{id}/") {
            // A service may accept a path without its last slash.
            None if rest == *template || rest == &template[..template.len() - 1] => "",
            None => return None,
            Some((before, _)) => {
                let id = rest.strip_prefix(before)?;
                id.strip_suffix('/').unwrap_or(id)
            }
        };
        let fits = template.contains('{') != id.is_empty() && !id.contains('/');
        fits.then_some(Route {
            kind: *kind,
            operation,
            path,
            id,
        })
    })
}

/// Refuses values that do not begin with the prefix, also those between commas.
fn all_ours(values: &[String], prefix: &str, what: &str) -> Result<(), TargetError> {
    let single = values.iter().flat_map(|value| value.split(','));
    let mut single = single.map(|value| value.trim_matches(named::is_blank));
    match single.find(|value| !value.is_empty() && !value.starts_with(prefix)) {
        None => Ok(()),
        Some(other) => Err(forbidden(format!(
            "`{}` does not begin with `{prefix}`, as every {what} of this run does",
            shortened(other)
        ))),
    }
}

/// Returns the number of stocks in a body, which for a list is that of its items.
fn items(body: &Bytes) -> usize {
    match serde_json::from_slice(body) {
        Ok(Value::Array(items)) => items.len(),
        _ => 1,
    }
}

/// Returns the stocks that a request names, each once.
fn rows(request: &Request<Bytes>) -> Vec<TouchedStock> {
    let query = request.uri().query().unwrap_or_default();
    let body = request.body();
    let mut rows = match serde_json::from_slice(body) {
        Ok(Value::Array(items)) => items.iter().filter_map(stock).collect(),
        Ok(object) => stock(&object).into_iter().collect(),
        Err(_) => Vec::from_iter(stock(&object_of(body))),
    };
    rows.extend(stock(&object_of(query.as_bytes())));
    let mut skus = named::in_query(query, &["sku"]);
    skus.extend(named::in_body(body, &["sku"]));
    let unknown = skus.iter().filter_map(|sku| row_of(sku));
    let unknown: Vec<_> = unknown
        .filter(|row| rows.iter().all(|known| known.sku != row.sku))
        .collect();
    rows.extend(unknown);
    let mut seen = HashSet::new();
    rows.retain(|row| seen.insert(row.clone()));
    rows
}

fn row_of(sku: &str) -> Option<TouchedStock> {
    let sku = sku.trim_matches(named::is_blank).to_owned();
    (!sku.is_empty()).then(|| TouchedStock {
        sku,
        ..TouchedStock::default()
    })
}

/// Returns a query or a form as an object.
fn object_of(text: &[u8]) -> Value {
    named::pairs(text).into_iter().collect()
}

fn stock(object: &Value) -> Option<TouchedStock> {
    Some(TouchedStock {
        provider: text(&object["provider"]),
        location: text(&object["location"]),
        stock_type: text(&object["stock_type"]),
        period: match &object["period"] {
            Value::Null => None,
            period => Some(period.to_string()),
        },
        ..row_of(&text(&object["sku"])?)?
    })
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Returns the place that a request creates.
fn places(request: &Request<Bytes>, path: &str) -> Vec<TouchedPlace> {
    let kind = path.trim_matches('/').rsplit('/').next();
    let body = request.body();
    let object = serde_json::from_slice(body).unwrap_or_else(|_| object_of(body));
    let code = text(&object["code"]).or_else(|| text(&object["name"]));
    let place = |code| TouchedPlace {
        kind: kind.unwrap_or_default().to_owned(),
        code,
    };
    code.map(place).into_iter().collect()
}

/// Shortens a text that may be very long.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(60) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::ledger::Run;

    /// A target that fails the test if it gets a request.
    struct Untouched;

    impl Target for Untouched {
        fn base(&self) -> &'static str {
            "http://whippy.example"
        }

        fn send(&self, _: &Request<Bytes>) -> Result<Response<Bytes>, TargetError> {
            panic!("it was asked")
        }
    }

    #[cfg(target_os = "linux")] // Where there is /dev/full.
    #[test]
    fn where_the_ledger_cannot_be_written_nothing_is() {
        let ledger = Arc::new(Ledger::on_a_full_disk(Run {
            id: String::new(),
            target: String::new(),
            prefix: "run7-".to_owned(),
            started: String::new(),
        }));
        let limits = Limits {
            prefix: "run7-".to_owned(),
            budget: 10,
            ..Limits::default()
        };
        let guard = Guard::writing(Arc::new(Untouched), limits, Arc::clone(&ledger)).unwrap();
        let create = Request::post("http://whippy.example/api/v1/stocks/");
        let create = create
            .body(Bytes::from_static(br#"{"sku":"run7-1"}"#))
            .unwrap();
        let refused = guard.send(&create).unwrap_err().to_string();
        assert!(
            refused.contains("the ledger cannot be written"),
            "{refused}"
        );
        assert!(guard.is_halted());
        assert!(ledger.touched().is_empty());
    }
}
