//! The arguments and answers of operations, with their sources.
//!
//! Each action of [`RESOURCES`](crate::endpoints::RESOURCES) names its [`Description`].
//!
//! Source: docs/contract.md; docs/stack.md for what the framework answers.

use crate::members::{self, Member, REQUIRED, WRITTEN};
use crate::problem::Grade;

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

/// The arguments and answers of an operation.
#[derive(Debug, Clone, Copy)]
pub struct Description {
    /// The grade of its source.
    pub grade: Grade,
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
    ($members:ident, $required:expr) => {
        [
            Description {
                grade: Grade::Observed,
                arguments: &[],
                answers: &[
                    answer(200, Shape::ObjectPage($members), Grade::Observed),
                    NO_TOKEN_OBSERVED,
                ],
            },
            Description {
                grade: Grade::Observed,
                arguments: &["code", "name"],
                answers: &[
                    answer(201, Shape::Object($members), Grade::Observed),
                    answer(400, Shape::Fields($required), Grade::Observed),
                    NO_TOKEN_OBSERVED,
                ],
            },
            Description {
                grade: Grade::Observed,
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

const fn described(
    arguments: &'static [&'static str],
    answers: &'static [Answered],
) -> Description {
    Description {
        grade: Grade::Documented,
        arguments,
        answers,
    }
}

/// An operation about which nothing is derived.
pub static UNDESCRIBED: Description = described(&[], &[]);

/// The list of stocks.
pub static STOCKS: Description = described(
    &[],
    &[
        answer(200, Shape::StockPage, Grade::Documented),
        answer(404, DETAIL, Grade::Stack),
        NO_TOKEN,
        WRONG_METHOD,
        NOT_ACCEPTABLE,
    ],
);

/// The creation of a stock.
pub static CREATE: Description = described(
    &WRITTEN,
    &[
        answer(201, Shape::Stock, Grade::Documented),
        answer(400, Shape::Fields(&REQUIRED), Grade::Documented),
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
);

/// A change of a reserved quantity.
pub static RESERVE: Description = described(RESERVATION, RESERVED);

/// A query by one SKU.
pub static QUERY: Description = described(&["sku"], QUERIED);

/// A query by several SKUs.
pub static MULTI_QUERY: Description = described(&["sku"], MULTI_QUERIED);

/// The upsert of stocks.
pub static UPSERT: Description = described(
    &WRITTEN,
    &[
        answer(200, Shape::Upserted, Grade::Documented),
        answer(400, Shape::Fields(&REQUIRED), Grade::Stack),
        NO_TOKEN,
        WRONG_METHOD,
        NOT_ACCEPTABLE,
        WRONG_TYPE,
    ],
);

/// The list of active stocks.
pub static ACTIVE: Description = described(
    &["sku"],
    &[
        answer(200, Shape::ActivePage, Grade::Documented),
        NOT_FOUND,
        NO_TOKEN,
        WRONG_METHOD,
        NOT_ACCEPTABLE,
        WRONG_TYPE,
    ],
);

/// The list, the creation and the single view of providers.
pub static PROVIDERS: [Description; 3] = places!(PROVIDER, &["name", "code"]);

/// The same of stock locations.
pub static LOCATIONS: [Description; 3] = places!(LOCATION, &["name", "code", "provider"]);

/// The same of stock lists.
pub static STOCK_LISTS: [Description; 3] = places!(STOCK_LIST, &["code", "name"]);

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
