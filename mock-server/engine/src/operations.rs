//! The table of operations, with the answers of each and their sources.
//!
//! Paths, methods and handlers are in [`endpoints`](crate::endpoints::RESOURCES), under the
//! same ids.
//!
//! Source: docs/contract.md; docs/stack.md for what the framework answers.

use crate::endpoints;
use crate::members::{self, Member};
use crate::problem::Grade;

/// The list of stocks, with or without filters.
pub const LIST: &str = "list-stocks";

/// The list of stocks with a filter or an order, which the page describes in its own section.
pub const SEARCH: &str = "search-stocks";

/// `OPTIONS` of the path of the stocks.
pub const METADATA: &str = "stock-metadata";

/// Requests whose path or method no operation has.
pub const UNROUTED: &str = "unrouted";

/// Every name of an operation in journals, fault rules and findings.
pub fn names() -> impl Iterator<Item = &'static str> {
    let apart = [SEARCH, METADATA, UNROUTED];
    let routed = endpoints::operations().map(|(_, action)| action.operation);
    routed.chain(apart)
}

/// The operation that a name is a part of: `list-stocks` for `search-stocks`, and any other
/// name itself.
pub fn whole(name: &str) -> &str {
    if name == SEARCH { LIST } else { name }
}

/// The shape of an answer's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One stock.
    Stock,
    /// A page of stocks, with a count.
    StockPage,
    /// The member `Store_checkResult` with a list of rows.
    Rows,
    /// The member `Store_checkResult` with a list of rows for each SKU.
    RowsBySku,
    /// The member `Store_checkResult` without rows.
    Upserted,
    /// A page of active stocks, without a count.
    ActivePage,
    /// An object with these members.
    Object(&'static [&'static str]),
    /// A page of objects with these members, with a count.
    ObjectPage(&'static [&'static str]),
    /// Errors by field; these fields are the required ones.
    Fields(&'static [&'static str]),
    /// A sentence under this key.
    Sentence(&'static str),
}

/// A possible answer of an operation.
#[derive(Debug, Clone, Copy)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// The shape of the body.
    pub shape: Shape,
    /// The grade of the source.
    pub grade: Grade,
}

/// An operation of the API.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    /// The id in `openapi.json`.
    pub id: &'static str,
    /// The grade of its source.
    pub grade: Grade,
    /// Is true if it may change the world.
    pub writes: bool,
    /// The members of its JSON body, or of the query in place of a body.
    pub arguments: &'static [&'static str],
    /// The possible answers, the usual one first.
    pub answers: &'static [Answered],
}

const fn answer(status: u16, shape: Shape, grade: Grade) -> Answered {
    Answered {
        status,
        shape,
        grade,
    }
}

const DETAIL: Shape = Shape::Sentence("detail");
const NO_TOKEN: Answered = answer(401, DETAIL, Grade::Documented);
const NOT_ACCEPTABLE: Answered = answer(406, DETAIL, Grade::Stack);
const WRONG_METHOD: Answered = answer(405, DETAIL, Grade::Stack);
const WRONG_TYPE: Answered = answer(415, DETAIL, Grade::Stack);
const NOT_FOUND: Answered = answer(404, DETAIL, Grade::Stack);
const WRITTEN: &[&str] = &[
    "period",
    "stock_type",
    "unit_type",
    "provider",
    "location",
    "stock",
    "is_active",
    "sku",
    "reserved_stock",
];
const REQUIRED: &[&str] = &["provider", "location", "stock", "sku"];
const RESERVATION: &[&str] = &["sku", "location", "provider", "date"];
const RESERVED: &[Answered] = &[
    answer(201, Shape::Stock, Grade::Documented),
    answer(208, Shape::Sentence("message"), Grade::Documented),
    answer(400, Shape::Fields(&["sku", "location"]), Grade::Documented),
    NO_TOKEN,
    WRONG_METHOD,
    NOT_ACCEPTABLE,
    WRONG_TYPE,
];
const QUERIED: &[Answered] = &[
    answer(200, Shape::Rows, Grade::Documented),
    answer(400, Shape::Fields(&["sku"]), Grade::Stack),
    NO_TOKEN,
    WRONG_METHOD,
    NOT_ACCEPTABLE,
];
const MULTI_QUERIED: &[Answered] = &[
    answer(200, Shape::RowsBySku, Grade::Documented),
    answer(400, Shape::Fields(&["sku"]), Grade::Stack),
    NO_TOKEN,
    WRONG_METHOD,
    NOT_ACCEPTABLE,
];
/// The members of a provider, in the order shown.
pub const PROVIDER: &[&str] = &[
    "id",
    "created_date",
    "modified_date",
    "is_active",
    "name",
    "code",
    "should_add_reservations",
];
/// The members of a stock location, in the order shown.
pub const LOCATION: &[&str] = &[
    "id",
    "name",
    "code",
    "provider",
    "created_date",
    "modified_date",
    "is_active",
];
/// The members of a stock list, in the order shown.
pub const STOCK_LIST: &[&str] = &[
    "id",
    "created_date",
    "modified_date",
    "is_active",
    "code",
    "name",
    "remote_id",
    "stock_list_rule",
];

macro_rules! places {
    ($list:literal, $create:literal, $get:literal, $members:ident, $required:expr) => {
        [
            Operation {
                id: $list,
                grade: Grade::Observed,
                writes: false,
                arguments: &[],
                answers: &[
                    answer(200, Shape::ObjectPage($members), Grade::Observed),
                    NO_TOKEN_OBSERVED,
                ],
            },
            Operation {
                id: $create,
                grade: Grade::Observed,
                writes: true,
                arguments: &["code", "name"],
                answers: &[
                    answer(201, Shape::Object($members), Grade::Observed),
                    answer(400, Shape::Fields($required), Grade::Observed),
                    NO_TOKEN_OBSERVED,
                ],
            },
            Operation {
                id: $get,
                grade: Grade::Observed,
                writes: false,
                arguments: &[],
                answers: &[
                    answer(200, Shape::Object($members), Grade::Observed),
                    answer(404, DETAIL, Grade::Observed),
                    NO_TOKEN_OBSERVED,
                ],
            },
        ]
    };
}

const NO_TOKEN_OBSERVED: Answered = answer(401, DETAIL, Grade::Observed);

const fn reading(id: &'static str, answers: &'static [Answered]) -> Operation {
    Operation {
        id,
        grade: Grade::Documented,
        writes: false,
        arguments: &["sku"],
        answers,
    }
}

const fn writing(
    id: &'static str,
    arguments: &'static [&'static str],
    answers: &'static [Answered],
) -> Operation {
    Operation {
        id,
        grade: Grade::Documented,
        writes: true,
        arguments,
        answers,
    }
}

/// The operations that the page describes.
pub const STOCKS: &[Operation] = &[
    Operation {
        arguments: &[],
        ..reading(
            "list-stocks",
            &[
                answer(200, Shape::StockPage, Grade::Documented),
                answer(404, DETAIL, Grade::Stack),
                NO_TOKEN,
                WRONG_METHOD,
                NOT_ACCEPTABLE,
            ],
        )
    },
    writing(
        "create-stock",
        WRITTEN,
        &[
            answer(201, Shape::Stock, Grade::Documented),
            answer(400, Shape::Fields(REQUIRED), Grade::Documented),
            answer(
                400,
                Shape::Sentence("stock_exists_error"),
                Grade::Documented,
            ),
            answer(400, Shape::Sentence("invalid_location"), Grade::Documented),
            NO_TOKEN,
            WRONG_METHOD,
            NOT_ACCEPTABLE,
            WRONG_TYPE,
        ],
    ),
    writing("increase-reserved-stock", RESERVATION, RESERVED),
    writing("decrease-reserved-stock", RESERVATION, RESERVED),
    reading("stock-query", QUERIED),
    reading("multi-stock-query", MULTI_QUERIED),
    reading("salable-stock-query", QUERIED),
    reading("multi-salable-stock-query", MULTI_QUERIED),
    writing(
        "upsert-stocks",
        WRITTEN,
        &[
            answer(200, Shape::Upserted, Grade::Documented),
            answer(400, Shape::Fields(REQUIRED), Grade::Stack),
            NO_TOKEN,
            WRONG_METHOD,
            NOT_ACCEPTABLE,
            WRONG_TYPE,
        ],
    ),
    reading(
        "list-active-stocks",
        &[
            answer(200, Shape::ActivePage, Grade::Documented),
            NOT_FOUND,
            NO_TOKEN,
            WRONG_METHOD,
            NOT_ACCEPTABLE,
            WRONG_TYPE,
        ],
    ),
];

/// The operations that other public pages of the vendor show.
pub const PLACES: &[[Operation; 3]] = &[
    places!(
        "list-providers",
        "create-provider",
        "get-provider",
        PROVIDER,
        &["name", "code"]
    ),
    places!(
        "list-stock-locations",
        "create-stock-location",
        "get-stock-location",
        LOCATION,
        &["name", "code", "provider"]
    ),
    places!(
        "list-stock-lists",
        "create-stock-list",
        "get-stock-list",
        STOCK_LIST,
        &["code", "name"]
    ),
];

/// Every operation of this table.
pub fn all() -> impl Iterator<Item = &'static Operation> {
    STOCKS.iter().chain(PLACES.iter().flatten())
}

impl Shape {
    /// The members of each row, if the page describes them.
    pub fn rows(self) -> &'static [Member] {
        match self {
            Self::Stock | Self::StockPage => members::STOCK,
            Self::Rows | Self::RowsBySku => members::QUERY_ROW,
            Self::ActivePage => members::ACTIVE_ROW,
            _ => &[],
        }
    }

    /// The members around the rows.
    pub fn frame(self) -> &'static [&'static str] {
        match self {
            Self::StockPage | Self::ObjectPage(_) => &["count", "next", "previous", "results"],
            Self::ActivePage => &["next", "previous", "results"],
            Self::Rows | Self::RowsBySku | Self::Upserted => &["Store_checkResult"],
            _ => &[],
        }
    }
}
