//! The whole API as one table, and the types that its handlers share.

pub mod active_stocks;
pub mod call;
pub mod login;
pub mod metadata;
pub mod places;
pub mod queries;
pub mod reservations;
pub mod stocks;
pub mod upsert;

use http::Method;

use crate::answers::{self, Description};
use crate::model::time::Timestamp;
use crate::problem::{Grade, Problem};
use crate::profile::{ActivePath, Profile, Reading, UpsertMethod};
use crate::store::Store;
use crate::store::places::PlaceKind;
use call::Call;
use metadata::{self as meta, Meta};

/// A successful answer.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The name of the rule that decided it, for a response header.
    pub rule: &'static str,
    /// The grade of that rule's source.
    pub grade: Grade,
    /// The JSON body.
    pub body: Vec<u8>,
}

/// The result of a handler: an answer or a refusal.
pub type Outcome = Result<Answer, Problem>;

/// The clock of the service during one request. Each time it is read, it advances by a tick.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    next: Timestamp,
    tick: i64,
    reads: u64,
}

impl Clock {
    /// A clock that starts at `now` and advances by `tick` microseconds.
    pub fn new(now: Timestamp, tick: i64) -> Self {
        Self {
            next: now,
            tick,
            reads: 0,
        }
    }

    /// Returns the current moment, and advances by a tick.
    pub fn read(&mut self) -> Timestamp {
        let now = self.next;
        self.next = now.plus(self.tick);
        self.reads += 1;
        now
    }

    /// The number of times it was read.
    pub fn reads(&self) -> u64 {
        self.reads
    }
}

/// A handler of one operation.
#[derive(Clone, Copy)]
pub enum Handler {
    /// A handler that only reads the world.
    Read(fn(&Store, &Call<'_>) -> Outcome),
    /// A handler that changes the world, or refuses and leaves it unchanged.
    Write(fn(&mut Store, &Call<'_>, &mut Clock) -> Outcome),
}

/// A reading that enables a path or method, and the test of its choice.
pub type OnlyIf = (Reading, fn(&Profile) -> bool);

/// A method that a path declares. `GET` includes `HEAD`, and every path takes `OPTIONS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// `GET`.
    Get,
    /// `POST`.
    Post,
}

impl Verb {
    /// The name of the method, in capitals.
    pub fn text(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }

    /// The declared method.
    pub fn method(self) -> Method {
        match self {
            Self::Get => Method::GET,
            Self::Post => Method::POST,
        }
    }

    /// The verb that serves a method of a request.
    fn of(method: &Method) -> Option<Self> {
        if method == Method::GET || method == Method::HEAD {
            Some(Self::Get)
        } else if method == Method::POST {
            Some(Self::Post)
        } else {
            None
        }
    }
}

/// The parts of a request that an operation reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// The filters, order and page of the list of stocks.
    Filtered,
    /// A page number and a page size.
    Paged,
    /// Arguments, in the body or the query depending on a reading.
    Arguments,
    /// Arguments in the body or the query, and a page.
    PagedArguments,
    /// The body alone.
    Body,
    /// Nothing but the path.
    Bare,
}

/// An operation: one method of a path.
#[derive(Clone, Copy)]
pub struct Action {
    /// The method.
    pub verb: Verb,
    /// The operation's id in `openapi.json`.
    pub operation: &'static str,
    /// The arguments and answers from which defects are derived.
    pub described: &'static Description,
    /// The parts of the request that it reads.
    pub input: Input,
    /// The rules of this operation, without those that several operations share.
    pub rules: &'static [&'static str],
    /// The function that answers it.
    pub handler: Handler,
    /// The reading that enables it; `None` if it is always there.
    pub only_if: Option<OnlyIf>,
}

/// A path of the API with its methods.
#[derive(Clone, Copy)]
pub struct Resource {
    /// The path, in which `{name}` stands for one segment.
    pub path: &'static str,
    /// The name of the view in the answer to `OPTIONS`.
    pub title: &'static str,
    /// The fields that `OPTIONS` lists for a POST.
    pub fields: &'static [Meta],
    /// Is true if `OPTIONS` shows the filters.
    pub filters: bool,
    /// Is true if no token is required.
    pub public: bool,
    /// The methods of the path.
    pub actions: &'static [Action],
    /// The reading that enables it; `None` if it is always there.
    pub only_if: Option<OnlyIf>,
}

/// An operation that shows a single object.
const fn get(operation: &'static str, handler: fn(&Store, &Call<'_>) -> Outcome) -> Action {
    Action {
        verb: Verb::Get,
        operation,
        described: &answers::UNDESCRIBED,
        input: Input::Bare,
        rules: &["shown", "not-found"],
        handler: Handler::Read(handler),
        only_if: None,
    }
}

/// An operation that shows a list in pages.
const fn list(operation: &'static str, handler: fn(&Store, &Call<'_>) -> Outcome) -> Action {
    Action {
        input: Input::Paged,
        rules: &["listed", "invalid-page"],
        ..get(operation, handler)
    }
}

/// A query of stock, with its arguments in the body or the query.
const fn query(
    operation: &'static str,
    described: &'static Description,
    handler: fn(&Store, &Call<'_>) -> Outcome,
) -> Action {
    Action {
        described,
        input: Input::Arguments,
        rules: &[
            "answered",
            "required-fields",
            "invalid-fields",
            "no-such-stock",
        ],
        ..get(operation, handler)
    }
}

/// An operation by POST that does not change the world.
const fn ask(operation: &'static str, handler: fn(&Store, &Call<'_>) -> Outcome) -> Action {
    Action {
        verb: Verb::Post,
        input: Input::Body,
        ..get(operation, handler)
    }
}

/// An operation that lists active stocks.
const fn active(operation: &'static str) -> Action {
    Action {
        described: &answers::ACTIVE,
        input: Input::PagedArguments,
        rules: &[
            "single",
            "multiple",
            "invalid-fields",
            "invalid-page",
            "not-found",
        ],
        ..ask(operation, active_stocks::list)
    }
}

/// An operation that creates something.
const fn write(
    operation: &'static str,
    handler: fn(&mut Store, &Call<'_>, &mut Clock) -> Outcome,
) -> Action {
    Action {
        verb: Verb::Post,
        operation,
        described: &answers::UNDESCRIBED,
        input: Input::Body,
        rules: &["created", "required-fields", "invalid-fields"],
        handler: Handler::Write(handler),
        only_if: None,
    }
}

/// An operation that changes the reserved quantity of a stock.
const fn reserve(
    operation: &'static str,
    rules: &'static [&'static str],
    handler: fn(&mut Store, &Call<'_>, &mut Clock) -> Outcome,
) -> Action {
    Action {
        described: &answers::RESERVE,
        input: Input::Arguments,
        rules,
        ..write(operation, handler)
    }
}

const LIST: Action = Action {
    described: &answers::STOCKS,
    input: Input::Filtered,
    ..list("list-stocks", stocks::list)
};

const CREATE: Action = Action {
    described: &answers::CREATE,
    rules: &[
        "created",
        "required-fields",
        "invalid-fields",
        "stock-exists",
        "invalid-location",
    ],
    ..write("create-stock", stocks::create)
};

const UPSERT: Action = Action {
    described: &answers::UPSERT,
    rules: &[
        "upserted",
        "upserted-in-part",
        "required-fields",
        "invalid-fields",
        "invalid-rows",
        "invalid-location",
    ],
    ..write("upsert-stocks", upsert::upsert)
};

const LOGIN: Action = Action {
    rules: &[
        "logged-in",
        "login-refused",
        "required-fields",
        "invalid-fields",
    ],
    ..ask("login", login::login)
};

const ACTIVE_USER: Action = Action {
    rules: &["shown"],
    ..get("get-active-user", login::active_user)
};

const INCREASE: Action = reserve(
    "increase-reserved-stock",
    &[
        "increased",
        "required-fields",
        "invalid-fields",
        "already-reported",
        "no-such-stock",
    ],
    reservations::increase,
);

const DECREASE: Action = reserve(
    "decrease-reserved-stock",
    &[
        "decreased",
        "required-fields",
        "invalid-fields",
        "already-reported",
        "no-such-stock",
    ],
    reservations::decrease,
);

/// A template for the paths of the stocks view, all of which show the filters.
const STOCKS: Resource = Resource {
    path: "",
    title: "",
    fields: &[],
    filters: true,
    public: false,
    actions: &[],
    only_if: None,
};

const OTHER: Resource = Resource {
    filters: false,
    ..STOCKS
};

/// Every path of the API. A literal path stands before a template that matches it too.
#[rustfmt::skip]
pub const RESOURCES: &[Resource] = &[
    Resource { path: "/api/v1/stocks/", title: "Stock List", fields: meta::STOCK, actions: &[
        LIST,
        CREATE,
    ], ..STOCKS },
    Resource { path: "/api/v1/stocks/increase_reserved_stock/", title: "Increase reserved stock", fields: meta::RESERVATION, actions: &[
        INCREASE,
    ], ..STOCKS },
    Resource { path: "/api/v1/stocks/decrease_reserved_stock/", title: "Decrease reserved stock", fields: meta::RESERVATION, actions: &[
        DECREASE,
    ], ..STOCKS },
    Resource { path: "/api/v1/stocks/stock_query/", title: "Stock query", actions: &[
        query("stock-query", &answers::QUERY, queries::stock),
    ], ..STOCKS },
    Resource { path: "/api/v1/stocks/multi_stock_query/", title: "Multi stock query", actions: &[
        query("multi-stock-query", &answers::MULTI_QUERY, queries::multi_stock),
    ], ..STOCKS },
    Resource { path: "/api/v1/stocks/salable_stock_query/", title: "Salable stock query", actions: &[
        query("salable-stock-query", &answers::QUERY, queries::salable),
    ], ..STOCKS },
    Resource { path: "/api/v1/stocks/multi_salable_stock_query/", title: "Multi salable stock query", actions: &[
        query("multi-salable-stock-query", &answers::MULTI_QUERY, queries::multi_salable),
    ], ..STOCKS },
    Resource { path: "/api/v1/stocks/insert_or_update_stock/", title: "Insert or update stock", fields: meta::STOCK, actions: &[
        UPSERT,
        Action { verb: Verb::Get, only_if: Some((Reading::UpsertMethod, |p| p.upsert_method == UpsertMethod::PostOrGet)), ..UPSERT },
    ], ..STOCKS },
    Resource { path: "/api/v1/active-stocks/{stocklist_id}/", title: "Active Stocks", fields: meta::ACTIVE_STOCKS, actions: &[
        active("list-active-stocks"),
    ], ..OTHER },
    Resource { path: "/api/v1/stocks/{stocklist_id}/", title: "Active Stocks", fields: meta::ACTIVE_STOCKS, actions: &[
        active("list-active-stocks-alias"),
    ], only_if: Some((Reading::ActivePath, |p| p.active_path == ActivePath::Both)), ..OTHER },
    Resource { path: "/api/v1/auth/login/", title: "Login", fields: meta::LOGIN, public: true, actions: &[
        LOGIN,
    ], ..OTHER },
    Resource { path: "/api/v1/active_user/", title: "Active User", actions: &[
        ACTIVE_USER,
    ], ..OTHER },
    Resource { path: "/api/v1/providers/", title: "Provider List", fields: meta::PROVIDER, actions: &[
        Action { described: &answers::PROVIDERS[0], ..list("list-providers", |s, c| places::list(PlaceKind::Provider, s, c)) },
        Action { described: &answers::PROVIDERS[1], ..write("create-provider", places::create_provider) },
    ], ..OTHER },
    Resource { path: "/api/v1/providers/{id}/", title: "Provider Instance", actions: &[
        Action { described: &answers::PROVIDERS[2], ..get("get-provider", |s, c| places::show(PlaceKind::Provider, s, c)) },
    ], ..OTHER },
    Resource { path: "/api/v1/stock-locations/", title: "Stock Location List", fields: meta::LOCATION, actions: &[
        Action { described: &answers::LOCATIONS[0], ..list("list-stock-locations", |s, c| places::list(PlaceKind::Location, s, c)) },
        Action { described: &answers::LOCATIONS[1], ..write("create-stock-location", places::create_location) },
    ], ..OTHER },
    Resource { path: "/api/v1/stock-locations/{id}/", title: "Stock Location Instance", actions: &[
        Action { described: &answers::LOCATIONS[2], ..get("get-stock-location", |s, c| places::show(PlaceKind::Location, s, c)) },
    ], ..OTHER },
    Resource { path: "/api/v1/stock-lists/", title: "Stock List List", fields: meta::STOCK_LIST, actions: &[
        Action { described: &answers::STOCK_LISTS[0], ..list("list-stock-lists", |s, c| places::list(PlaceKind::StockList, s, c)) },
        Action { described: &answers::STOCK_LISTS[1], ..write("create-stock-list", places::create_stock_list) },
    ], ..OTHER },
    Resource { path: "/api/v1/stock-lists/{id}/", title: "Stock List Instance", actions: &[
        Action { described: &answers::STOCK_LISTS[2], ..get("get-stock-list", |s, c| places::show(PlaceKind::StockList, s, c)) },
    ], ..OTHER },
];

/// The values of `Allow`: for paths with both methods, with GET alone and with POST alone.
pub const ALLOWED: [&str; 3] = [
    "GET, POST, HEAD, OPTIONS",
    "GET, HEAD, OPTIONS",
    "POST, OPTIONS",
];

impl Resource {
    /// Matches a path, and returns the text of its parameter, if it has one.
    #[allow(clippy::option_option)] // No match, a match without a parameter, or with one.
    fn matches<'p>(&self, path: &'p str) -> Option<Option<&'p str>> {
        let Some((before, after)) = self.path.split_once('{') else {
            return (path == self.path).then_some(None);
        };
        let after = after.split_once('}').map_or("", |(_, after)| after);
        let argument = path.strip_prefix(before)?.strip_suffix(after)?;
        // The stack's router matches a parameter with `[^/.]+`.
        let fits = !argument.is_empty() && !argument.contains(['/', '.']);
        fits.then_some(Some(argument))
    }

    /// The action for a method under a profile. `HEAD` never reaches an action that writes.
    pub fn action(&self, method: &Method, profile: &Profile) -> Option<&'static Action> {
        Verb::of(method)
            .and_then(|verb| self.action_of(verb, profile))
            .filter(|action| method != Method::HEAD || matches!(action.handler, Handler::Read(_)))
    }

    fn action_of(&self, verb: Verb, profile: &Profile) -> Option<&'static Action> {
        self.actions
            .iter()
            .find(|action| action.verb == verb && is_on(action.only_if, profile))
    }

    /// The value of `Allow` under a profile.
    pub fn allow(&self, profile: &Profile) -> &'static str {
        let has = |verb| self.action_of(verb, profile).is_some();
        let [both, get, post] = ALLOWED;
        match (has(Verb::Get), has(Verb::Post)) {
            (true, true) => both,
            (true, false) => get,
            (false, _) => post,
        }
    }
}

fn is_on(only_if: Option<OnlyIf>, profile: &Profile) -> bool {
    only_if.is_none_or(|(_, test)| test(profile))
}

/// Every operation with its path, in the order of the table. An operation with two methods
/// appears once, with the first.
pub fn operations() -> impl Iterator<Item = (&'static Resource, &'static Action)> {
    RESOURCES.iter().flat_map(|resource| {
        let actions = resource.actions.iter().enumerate();
        let first = actions.filter(|(at, action)| {
            let mut before = resource.actions[..*at].iter();
            before.all(|before| before.operation != action.operation)
        });
        first.map(move |(_, action)| (resource, action))
    })
}

/// Finds the resource of a decoded path under a profile, with the text of its parameter.
pub fn resolve<'p>(
    path: &'p str,
    profile: &Profile,
) -> Option<(&'static Resource, Option<&'p str>)> {
    RESOURCES
        .iter()
        .filter(|resource| is_on(resource.only_if, profile))
        .find_map(|resource| Some((resource, resource.matches(path)?)))
}

/// The reading that decides if a path, or a method of it, is there at all.
pub fn off_switch(path: &str, method: Option<&Method>) -> Option<Reading> {
    let resource = RESOURCES.iter().find(|r| r.matches(path).is_some())?;
    let only_if = match method {
        None => resource.only_if,
        Some(method) => {
            let verb = Verb::of(method)?;
            let action = resource.actions.iter().find(|action| action.verb == verb)?;
            action.only_if
        }
    };
    only_if.map(|(reading, _)| reading)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A resource with a method of its own, beside the alias of the active stocks, which has
    /// the same path.
    const BESIDE_THE_ALIAS: Resource = Resource {
        path: "/api/v1/stocks/{id}/",
        actions: &[
            get("get-stock", stocks::list),
            Action {
                only_if: Some((Reading::ActivePath, |p| p.active_path == ActivePath::Both)),
                ..active("list-active-stocks-alias")
            },
        ],
        ..STOCKS
    };

    #[test]
    fn a_path_may_have_a_method_that_a_reading_switches_and_one_that_none_does() {
        let operations = |active_path| {
            let profile = Profile {
                active_path,
                ..Profile::default()
            };
            let of = |method| {
                let action = BESIDE_THE_ALIAS.action(&method, &profile);
                action.map(|action| action.operation)
            };
            let allow = BESIDE_THE_ALIAS.allow(&profile);
            (of(Method::GET), of(Method::POST), allow)
        };
        assert_eq!(
            BESIDE_THE_ALIAS.matches("/api/v1/stocks/6/"),
            Some(Some("6"))
        );
        let (stock, alias) = ("get-stock", "list-active-stocks-alias");
        let both = "GET, POST, HEAD, OPTIONS";
        assert_eq!(
            operations(ActivePath::Both),
            (Some(stock), Some(alias), both)
        );
        let own = "GET, HEAD, OPTIONS";
        assert_eq!(
            operations(ActivePath::ActiveStocks),
            (Some(stock), None, own)
        );
    }
}
