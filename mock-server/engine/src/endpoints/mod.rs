//! The whole API as one table, and what its handlers share.

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

use crate::model::time::Timestamp;
use crate::problem::{Grade, Problem};
use crate::profile::{ActivePath, Profile, Reading, UpsertMethod};
use crate::store::Store;
use crate::store::places::PlaceKind;
use call::Call;
use metadata::{self as meta, Meta};

/// An answer that is not a refusal.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The rule's name in the header.
    pub rule: &'static str,
    /// Who speaks.
    pub grade: Grade,
    /// JSON.
    pub body: Vec<u8>,
}

/// What a handler comes to.
pub type Outcome = Result<Answer, Problem>;

/// The service's clock during one request: it starts at a moment and each reading
/// is a tick later than the one before.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    next: Timestamp,
    tick: i64,
    reads: u64,
}

impl Clock {
    /// A clock that starts at `now`; the tick in microseconds.
    pub fn new(now: Timestamp, tick: i64) -> Self {
        Self {
            next: now,
            tick,
            reads: 0,
        }
    }

    /// The moment, and a tick passes.
    pub fn read(&mut self) -> Timestamp {
        let now = self.next;
        self.next = now.plus(self.tick);
        self.reads += 1;
        now
    }

    /// How often it was read.
    pub fn reads(&self) -> u64 {
        self.reads
    }
}

/// A handler, by what it does to the world.
#[derive(Clone, Copy)]
pub enum Handler {
    /// Looks only.
    Read(fn(&Store, &Call<'_>) -> Outcome),
    /// Changes it, or refuses and leaves it as it was.
    Write(fn(&mut Store, &Call<'_>, &mut Clock) -> Outcome),
}

/// A reading that switches something on, and the test of its choice.
pub type OnlyIf = (Reading, fn(&Profile) -> bool);

/// A method that a path declares. `HEAD` comes with `GET`, and `OPTIONS` of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// `GET`.
    Get,
    /// `POST`.
    Post,
}

impl Verb {
    /// As in a request.
    pub fn text(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }

    /// The method that it is declared by.
    pub fn method(self) -> Method {
        match self {
            Self::Get => Method::GET,
            Self::Post => Method::POST,
        }
    }

    /// The verb that answers a method.
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
    /// Filters, an order and a page of the list of stocks.
    Filtered,
    /// A page.
    Paged,
    /// Arguments, in the body or in the query as a reading says.
    Arguments,
    /// Arguments in the body or in the query, and a page.
    PagedArguments,
    /// A body alone.
    Body,
    /// The path alone.
    Bare,
}

/// One method of a path.
#[derive(Clone, Copy)]
pub struct Action {
    /// Its method.
    pub verb: Verb,
    /// The operation's id in `openapi.json`.
    pub operation: &'static str,
    /// What it reads.
    pub input: Input,
    /// The rules that it answers by, and other operations do not.
    pub rules: &'static [&'static str],
    /// The function that answers.
    pub handler: Handler,
    /// Under which reading it is there; `None`: always.
    pub only_if: Option<OnlyIf>,
}

/// A path of the API.
#[derive(Clone, Copy)]
pub struct Resource {
    /// `{name}` stands for one segment.
    pub path: &'static str,
    /// What `OPTIONS` calls it.
    pub title: &'static str,
    /// The fields that `OPTIONS` lists for its POST.
    pub fields: &'static [Meta],
    /// Whether `OPTIONS` shows the filters.
    pub filters: bool,
    /// Whether it answers without a token.
    pub public: bool,
    /// Its methods.
    pub actions: &'static [Action],
    /// Under which reading it is there; `None`: always.
    pub only_if: Option<OnlyIf>,
}

/// An operation that shows one thing.
const fn get(operation: &'static str, handler: fn(&Store, &Call<'_>) -> Outcome) -> Action {
    Action {
        verb: Verb::Get,
        operation,
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

/// A query of stock.
const fn query(operation: &'static str, handler: fn(&Store, &Call<'_>) -> Outcome) -> Action {
    Action {
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

/// An operation that looks only, by POST.
const fn ask(operation: &'static str, handler: fn(&Store, &Call<'_>) -> Outcome) -> Action {
    Action {
        verb: Verb::Post,
        input: Input::Body,
        ..get(operation, handler)
    }
}

/// A list of active stocks.
const fn active(operation: &'static str) -> Action {
    Action {
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
        input: Input::Body,
        rules: &["created", "required-fields", "invalid-fields"],
        handler: Handler::Write(handler),
        only_if: None,
    }
}

/// A change of the reserved quantity.
const fn reserve(
    operation: &'static str,
    rules: &'static [&'static str],
    handler: fn(&mut Store, &Call<'_>, &mut Clock) -> Outcome,
) -> Action {
    Action {
        input: Input::Arguments,
        rules,
        ..write(operation, handler)
    }
}

const LIST: Action = Action {
    input: Input::Filtered,
    ..list("list-stocks", stocks::list)
};

const CREATE: Action = Action {
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

/// A resource of the stocks view, whose paths all show the filters.
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

/// Every path of the API. A concrete one stands before a template that fits it too.
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
        query("stock-query", queries::stock),
    ], ..STOCKS },
    Resource { path: "/api/v1/stocks/multi_stock_query/", title: "Multi stock query", actions: &[
        query("multi-stock-query", queries::multi_stock),
    ], ..STOCKS },
    Resource { path: "/api/v1/stocks/salable_stock_query/", title: "Salable stock query", actions: &[
        query("salable-stock-query", queries::salable),
    ], ..STOCKS },
    Resource { path: "/api/v1/stocks/multi_salable_stock_query/", title: "Multi salable stock query", actions: &[
        query("multi-salable-stock-query", queries::multi_salable),
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
        list("list-providers", |s, c| places::list(PlaceKind::Provider, s, c)),
        write("create-provider", places::create_provider),
    ], ..OTHER },
    Resource { path: "/api/v1/providers/{id}/", title: "Provider Instance", actions: &[
        get("get-provider", |s, c| places::show(PlaceKind::Provider, s, c)),
    ], ..OTHER },
    Resource { path: "/api/v1/stock-locations/", title: "Stock Location List", fields: meta::LOCATION, actions: &[
        list("list-stock-locations", |s, c| places::list(PlaceKind::Location, s, c)),
        write("create-stock-location", places::create_location),
    ], ..OTHER },
    Resource { path: "/api/v1/stock-locations/{id}/", title: "Stock Location Instance", actions: &[
        get("get-stock-location", |s, c| places::show(PlaceKind::Location, s, c)),
    ], ..OTHER },
    Resource { path: "/api/v1/stock-lists/", title: "Stock List List", fields: meta::STOCK_LIST, actions: &[
        list("list-stock-lists", |s, c| places::list(PlaceKind::StockList, s, c)),
        write("create-stock-list", places::create_stock_list),
    ], ..OTHER },
    Resource { path: "/api/v1/stock-lists/{id}/", title: "Stock List Instance", actions: &[
        get("get-stock-list", |s, c| places::show(PlaceKind::StockList, s, c)),
    ], ..OTHER },
];

/// Every `Allow` header: of a path that takes both methods, of one that only takes GET, and of
/// one that only takes POST.
pub const ALLOWED: [&str; 3] = [
    "GET, POST, HEAD, OPTIONS",
    "GET, HEAD, OPTIONS",
    "POST, OPTIONS",
];

impl Resource {
    /// Whether the path is this resource's; the text of its parameter.
    #[allow(clippy::option_option)] // No match, a match, a match with a parameter.
    fn matches<'p>(&self, path: &'p str) -> Option<Option<&'p str>> {
        let Some((before, after)) = self.path.split_once('{') else {
            return (path == self.path).then_some(None);
        };
        let after = after.split_once('}').map_or("", |(_, after)| after);
        let argument = path.strip_prefix(before)?.strip_suffix(after)?;
        // What a path parameter of the stack's router takes.
        let fits = !argument.is_empty() && !argument.contains(['/', '.']);
        fits.then_some(Some(argument))
    }

    /// The action of a method under a profile. A `HEAD` only looks.
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

    /// The `Allow` header under a profile.
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

/// Every operation with its path, in the order of the table; one that two methods ask for
/// comes with the first.
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

/// The resource of a decoded path under a profile, and the text of its parameter.
pub fn resolve<'p>(
    path: &'p str,
    profile: &Profile,
) -> Option<(&'static Resource, Option<&'p str>)> {
    RESOURCES
        .iter()
        .filter(|resource| is_on(resource.only_if, profile))
        .find_map(|resource| Some((resource, resource.matches(path)?)))
}

/// The reading for which a path, or a method of it, is not there.
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

    /// A stock by its id beside the alias of the active stocks, which has the same path.
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
