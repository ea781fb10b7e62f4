//! Coverage of the contract by a client: the documented responses, and the rules
//! that the mock answers by.

use std::collections::HashMap;

use http::Method;
use serde::Serialize;

use super::body::Arguments;
use super::exchange::Exchange;
use super::pages::Step;
use crate::endpoints::{Action, Input, RESOURCES, Verb, operations};
use crate::engine::Rule;
use crate::query::{is_search, parameter};

macro_rules! documented {
    ($($kind:ident = $name:literal $operation:literal $status:literal $what:literal;)+) => {
        /// A documented response.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        enum Documented { $($kind,)+ }

        /// The name, operation, status and description of each, in the order of the page.
        const DOCUMENTED: &[(&str, &str, u16, &str)] = &[$(($name, $operation, $status, $what),)+];
    };
}

documented! {
    List = "list_200" "list-stocks" 200 "a page of all stocks";
    Create = "create_201" "create-stock" 201 "a stock is created";
    CreateExists = "create_400_exists" "create-stock" 400 "the stock exists";
    CreateRequired = "create_400_required" "create-stock" 400 "required fields are missing";
    CreateLocation = "create_400_location" "create-stock" 400 "the location is not the provider's";
    Search = "search_200" "search-stocks" 200 "a page of the stocks that pass the filters";
    Increase = "increase_201" "increase-reserved-stock" 201 "one more is reserved";
    IncreaseRequired = "increase_400" "increase-reserved-stock" 400 "required fields are missing";
    IncreaseReported = "increase_208" "increase-reserved-stock" 208 "it was applied before";
    Decrease = "decrease_201" "decrease-reserved-stock" 201 "one less is reserved";
    DecreaseRequired = "decrease_400" "decrease-reserved-stock" 400 "required fields are missing";
    DecreaseReported = "decrease_208" "decrease-reserved-stock" 208 "it was applied before";
    Stock = "stock_query_200" "stock-query" 200 "where a SKU lies";
    MultiStock = "multi_stock_query_200" "multi-stock-query" 200 "where several SKUs lie";
    MultiSalable = "multi_salable_200" "multi-salable-stock-query" 200 "how much of several SKUs can be sold";
    Salable = "salable_200" "salable-stock-query" 200 "how much of a SKU can be sold";
    Upsert = "upsert_200" "upsert-stocks" 200 "stocks are inserted or updated";
    ActiveSingle = "active_single_200" "list-active-stocks" 200 "the active stock of a SKU";
    ActiveMultiple = "active_multiple_200" "list-active-stocks" 200 "the active stock of a list";
}

/// A documented response, with the number of times the client received it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DocumentedMet {
    /// The name of its file in `fixtures/documented/`.
    pub name: &'static str,
    /// The id of the operation, as in `openapi.json`.
    pub operation: &'static str,
    /// The status.
    pub status: u16,
    /// The description.
    pub what: &'static str,
    /// The number of times that the client received it.
    pub count: u64,
}

/// A rule of the mock, with the number of times it decided an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleMet {
    /// The operation's id, or `unrouted`.
    pub operation: &'static str,
    /// The name of the rule within the operation.
    pub rule: &'static str,
    /// The number of times it decided.
    pub count: u64,
}

/// Coverage of the contract by a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// The number of requests that went to the API.
    pub requests: u64,
    /// All documented responses, in the order of the page.
    pub documented: Vec<DocumentedMet>,
    /// The number of pages received that were not the first of their list.
    pub later_pages: u64,
    /// The number of complete walks over lists of more than one page.
    pub whole_walks: u64,
    /// The rules that the mock can answer by, met or not, in the order of the routes.
    pub rules: Vec<RuleMet>,
}

impl Coverage {
    /// The number of documented responses that were received, and of all of them.
    pub fn documented_met(&self) -> (usize, usize) {
        let met = self.documented.iter().filter(|met| met.count > 0);
        (met.count(), self.documented.len())
    }

    /// The share of documented responses that were received, as a percentage from 0 to 100.
    #[allow(clippy::cast_precision_loss)] // There are only nineteen responses.
    pub fn percent(&self) -> f64 {
        let (met, all) = self.documented_met();
        met as f64 * 100.0 / all as f64
    }

    /// The number of rules that decided an answer, and of all rules.
    pub fn rules_met(&self) -> (usize, usize) {
        let met = self.rules.iter().filter(|met| met.count > 0);
        (met.count(), self.rules.len())
    }

    /// The coverage of several clients together.
    pub fn joined<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut all = Tally::default().coverage();
        for part in parts {
            all.requests += part.requests;
            all.later_pages += part.later_pages;
            all.whole_walks += part.whole_walks;
            for (sum, met) in all.documented.iter_mut().zip(&part.documented) {
                sum.count += met.count;
            }
            for (sum, met) in all.rules.iter_mut().zip(&part.rules) {
                sum.count += met.count;
            }
        }
        all
    }
}

/// Rules of the list of stocks that are counted as separate operations: the search, which the
/// page describes in its own section, and `OPTIONS`, whose answer the page shows.
const OF_THE_LIST: [(&str, &[&str]); 2] = [
    ("search-stocks", &["found", "invalid-filter"]),
    ("stock-metadata", &["metadata"]),
];

/// Rules of requests whose path no route has.
const OF_NO_PATH: (&str, &[&str]) = (
    "unrouted",
    &["no-such-path", "missing-slash", "malformed-host"],
);

/// Each operation with its own rules, without those that several share, in the order of the
/// routes.
fn own_rules() -> Vec<(&'static str, &'static [&'static str])> {
    let mut all = Vec::new();
    for (_, action) in operations() {
        all.push((action.operation, action.rules));
        if action.input == Input::Filtered {
            all.extend(OF_THE_LIST);
        }
    }
    all.push(OF_NO_PATH);
    all
}

/// Rules of every path.
const EVERYWHERE: &[&str] = &[
    "not-acceptable",
    "unknown-format",
    "not-authenticated",
    "too-many-fields",
];

/// Rules of every path for `OPTIONS` and for methods that it does not allow.
const OF_A_PATH: &[&str] = &["method-not-allowed", "metadata"];

/// Rules of every operation that reads a body.
const OF_A_BODY: &[&str] = &[
    "unparsable-body",
    "unsupported-media-type",
    "server-error",
    "too-deeply-nested",
];

/// Rules of the server, which apply before a request reaches the API.
const OF_THE_SERVER: &[&str] = &[
    "no-host",
    "head-too-large",
    "body-too-large",
    "body-too-slow",
    "body-broken",
];

type Pair = (&'static str, &'static str);

/// Every pair of operation and rule that the mock can answer by.
pub fn known_rules() -> Vec<Pair> {
    let mut known: Vec<Pair> = Vec::new();
    for (operation, own) in own_rules() {
        let mut add = |rules: &[&'static str]| {
            known.extend(rules.iter().map(|&rule| (operation, rule)));
        };
        add(own);
        let action = operations().find(|(_, action)| action.operation == operation);
        if action.is_some_and(|(_, action)| reads_body(action)) {
            add(OF_A_BODY);
        }
        let leads = |resource: &crate::endpoints::Resource| {
            resource
                .actions
                .first()
                .is_some_and(|a| a.operation == operation)
        };
        if RESOURCES.iter().any(leads) {
            add(OF_A_PATH);
        }
        // A request counts as a search only after it was authenticated as a request for the
        // list.
        match operation {
            "search-stocks" => {}
            "unrouted" => add(OF_THE_SERVER),
            _ => {
                add(EVERYWHERE);
                add(OF_THE_SERVER);
            }
        }
    }
    known
}

fn reads_body(action: &Action) -> bool {
    action.verb == Verb::Post || action.input == Input::Arguments
}

/// The counts.
#[derive(Debug, Default, Clone)]
pub(super) struct Tally {
    requests: u64,
    documented: [u64; DOCUMENTED.len()],
    later_pages: u64,
    whole_walks: u64,
    rules: HashMap<Pair, u64>,
}

impl Tally {
    /// Counts an exchange with a path of the API.
    pub(super) fn count(&mut self, exchange: &Exchange<'_>, arguments: Arguments, step: Step) {
        self.requests += 1;
        match step {
            Step::None => {}
            Step::Later => self.later_pages += 1,
            Step::End => {
                self.later_pages += 1;
                self.whole_walks += 1;
            }
        }
        let Some(status) = exchange.status else {
            return;
        };
        if exchange.request().method() != Method::HEAD
            && let Some(met) = documented(exchange, status, arguments)
        {
            self.documented[met as usize] += 1;
        }
        let known = exchange.seen.rule.as_ref();
        let met = known.map_or_else(|| Some(told(exchange, status, arguments)), pair);
        self.rule(met);
    }

    /// Counts a request for a path that no route has.
    pub(super) fn count_unrouted(&mut self, rule: Option<&Rule>, status: Option<u16>) {
        self.requests += 1;
        // Without an answer no rule was met.
        let told = match status {
            Some(301) => Some(("unrouted", "missing-slash")),
            Some(400) => Some(("unrouted", "malformed-host")),
            Some(404) => Some(("unrouted", "no-such-path")),
            _ => None,
        };
        self.rule(rule.filter(|_| status.is_some()).map_or(told, pair));
    }

    fn rule(&mut self, met: Option<Pair>) {
        if let Some(met) = met {
            *self.rules.entry(met).or_default() += 1;
        }
    }

    pub(super) fn coverage(&self) -> Coverage {
        let documented = DOCUMENTED.iter().zip(self.documented);
        let documented =
            documented.map(|(&(name, operation, status, what), count)| DocumentedMet {
                name,
                operation,
                status,
                what,
                count,
            });
        let rules = known_rules().into_iter().map(|(operation, rule)| RuleMet {
            operation,
            rule,
            count: self.rules.get(&(operation, rule)).copied().unwrap_or(0),
        });
        Coverage {
            requests: self.requests,
            documented: documented.collect(),
            later_pages: self.later_pages,
            whole_walks: self.whole_walks,
            rules: rules.collect(),
        }
    }
}

#[allow(clippy::unnecessary_wraps)] // Its callers need an `Option`.
fn pair(rule: &Rule) -> Option<Pair> {
    Some((rule.operation, rule.name))
}

const REQUIRED: &str = "This field is required.";

/// The documented response that an answer is.
fn documented(exchange: &Exchange<'_>, status: u16, arguments: Arguments) -> Option<Documented> {
    use Documented as D;
    let has = |text| exchange.answer_has(text);
    Some(match (exchange.operation?, status) {
        ("list-stocks", 200) if is_search(&exchange.query) => D::Search,
        ("list-stocks", 200) => D::List,
        ("create-stock", 201) => D::Create,
        ("create-stock", 400) if has("stock_exists_error") => D::CreateExists,
        ("create-stock", 400) if has("invalid_location") => D::CreateLocation,
        ("create-stock", 400) if has(REQUIRED) => D::CreateRequired,
        ("increase-reserved-stock", 201) => D::Increase,
        ("increase-reserved-stock", 400) if has(REQUIRED) => D::IncreaseRequired,
        ("increase-reserved-stock", 208) => D::IncreaseReported,
        ("decrease-reserved-stock", 201) => D::Decrease,
        ("decrease-reserved-stock", 400) if has(REQUIRED) => D::DecreaseRequired,
        ("decrease-reserved-stock", 208) => D::DecreaseReported,
        ("stock-query", 200) => D::Stock,
        ("multi-stock-query", 200) => D::MultiStock,
        ("salable-stock-query", 200) => D::Salable,
        ("multi-salable-stock-query", 200) => D::MultiSalable,
        ("upsert-stocks", 200) => D::Upsert,
        ("list-active-stocks" | "list-active-stocks-alias", 200) if arguments.sku => {
            D::ActiveSingle
        }
        ("list-active-stocks" | "list-active-stocks-alias", 200) => D::ActiveMultiple,
        _ => return None,
    })
}

/// The rule behind an answer for which no rule is recorded, as far as the answer shows it.
fn told(exchange: &Exchange<'_>, status: u16, arguments: Arguments) -> Pair {
    let has = |text| exchange.answer_has(text);
    let method = exchange.request().method();
    let lead = exchange.resource.actions.first().map(|a| a.operation);
    let of_path = if method == Method::OPTIONS && exchange.path == "/api/v1/stocks/" {
        "stock-metadata"
    } else {
        lead.unwrap_or("unrouted")
    };
    let operation = exchange.operation.unwrap_or(of_path);
    let granted = || match operation {
        _ if method == Method::OPTIONS => "metadata",
        "upsert-stocks" if !has("\"Store_checkResult\":{}") && has("[") => "upserted-in-part",
        _ if exchange.input == Input::PagedArguments && !arguments.sku => "multiple",
        // The first rule of an operation is that of its usual answer.
        _ => {
            let own = operations().find(|(_, action)| action.operation == operation);
            own.and_then(|(_, action)| action.rules.first().copied())
                .unwrap_or("created")
        }
    };
    let rule = match status {
        208 => "already-reported",
        200..300 if operation == "list-stocks" && is_search(&exchange.query) => {
            return ("search-stocks", "found");
        }
        200..300 => granted(),
        400 if operation == "list-stocks" => return ("search-stocks", "invalid-filter"),
        400 if has("stock_exists_error") => "stock-exists",
        400 if has("parse error") => "unparsable-body",
        400 if operation == "upsert-stocks" && exchange.answer().starts_with(b"[") => {
            "invalid-rows"
        }
        400 if has("invalid_location") => "invalid-location",
        400 if has("Unable to log in") => "login-refused",
        400 if has(REQUIRED) => "required-fields",
        400 => "invalid-fields",
        401 => "not-authenticated",
        404 if parameter(&exchange.query, "format").is_some_and(|f| !matches!(f, "" | "json")) => {
            "unknown-format"
        }
        404 if has("Invalid page") => "invalid-page",
        404 if operation.ends_with("-query") || exchange.is_reservation() => "no-such-stock",
        404 => "not-found",
        405 => "method-not-allowed",
        406 => "not-acceptable",
        408 => "body-too-slow",
        413 => "body-too-large",
        415 => "unsupported-media-type",
        431 => "head-too-large",
        _ => "server-error",
    };
    (operation, rule)
}
