//! The statements of the contract that derived defects break.

use crate::problem::Grade;

/// One statement of the contract, with its grade.
#[derive(Debug, PartialEq, Eq)]
pub struct Statement {
    /// A short name, such as `stock-is-shown`.
    pub id: &'static str,
    /// The authority behind the statement: the documented page, the stack, or the vendor's
    /// other pages.
    pub grade: Grade,
    /// The statement in one sentence.
    pub says: &'static str,
}

const fn page(id: &'static str, says: &'static str) -> Statement {
    Statement {
        id,
        grade: Grade::Documented,
        says,
    }
}

const fn stack(id: &'static str, says: &'static str) -> Statement {
    Statement {
        id,
        grade: Grade::Stack,
        says,
    }
}

const fn observed(id: &'static str, says: &'static str) -> Statement {
    Statement {
        id,
        grade: Grade::Observed,
        says,
    }
}

pub(super) static STOCK: Statement = page(
    "stock-is-shown",
    "An answer shows a stock with the twelve members of the documentation's examples, as it is stored.",
);
pub(super) static QUERY: Statement = page(
    "query-row-is-shown",
    "A query shows the SKU, the store's code and name, and the quantity of each stock.",
);
pub(super) static ACTIVE: Statement = page(
    "active-stock-is-shown",
    "The active stocks show each SKU and its quantity.",
);
pub(super) static FRAME: Statement = page(
    "frame-is-shown",
    "Rows stand in the frame that the documentation's examples show.",
);
pub(super) static STATUS: Statement =
    page("status", "An operation answers with the documented status.");
pub(super) static REFUSAL: Statement = page(
    "refusal",
    "A refusal has the body that the documentation shows.",
);
pub(super) static TOKEN: Statement = page(
    "token",
    "A request is authorised by its token; each of the documentation's tables says so.",
);
pub(super) static FILTER: Statement = page(
    "filter",
    "The list shows the stocks that a filter describes, and no others.",
);
pub(super) static FILTERS: Statement = page("filters-and", "Filters combine with AND.");
pub(super) static ONCE: Statement = page(
    "listed-once",
    "The list shows each stock once and counts it once.",
);
pub(super) static PAGES: Statement = page(
    "pages",
    "Pages cut the list into pieces, joined by `next` and `previous`, and `count` counts all of it.",
);
pub(super) static ARGUMENT: Statement =
    page("argument", "An operation does what its arguments say.");
pub(super) static SKU: Statement = page("sku-as-sent", "A SKU comes back as it was sent.");
pub(super) static CREATE: Statement = page(
    "create-writes",
    "A create stores the stock that it describes and no other.",
);
pub(super) static UPSERT: Statement = page(
    "upsert-writes",
    "An upsert stores the stocks that it describes and no others.",
);
pub(super) static ROWS: Statement = page("upsert-every-row", "An upsert applies every row.");
pub(super) static RESERVE: Statement = page(
    "reservation-counts",
    "A reservation adds or takes one at the SKU and place named, and changes nothing else.",
);
pub(super) static REPORTED: Statement = page(
    "already-reported",
    "What was reported before is answered with 208 and changes nothing; anything else counts.",
);
pub(super) static REFUSED: Statement = page(
    "refused-changes-nothing",
    "What is refused changes nothing.",
);
pub(super) static MULTI: Statement = page(
    "multi-query-every-sku",
    "A query of several SKUs answers for every SKU asked.",
);
pub(super) static SHOWN: Statement = page(
    "written-is-shown",
    "What one operation wrote the others show at once, and still after a while.",
);
pub(super) static SAME: Statement = page(
    "same-answer",
    "The same question asked twice gives the same answer.",
);
pub(super) static ANSWERED: Statement = page(
    "answered",
    "Whatever is asked gets an answer that is no server error.",
);
pub(super) static SORT: Statement = stack("sort", "`sort` orders the list by the fields named.");
pub(super) static ORDER: Statement =
    stack("order", "Without a `sort` the list is in the order of ids.");
pub(super) static EXACT: Statement = stack(
    "text-is-exact",
    "Texts are compared letter by letter, surrounding white space aside.",
);
pub(super) static REPEATED: Statement =
    stack("last-counts", "Of a repeated parameter the last counts.");
pub(super) static VALIDATION: Statement = stack(
    "validation",
    "A value that cannot be read is refused, and each field is named with its sentence.",
);
pub(super) static STACK_STATUS: Statement = stack(
    "stack-status",
    "What the framework refuses has the framework's status.",
);
pub(super) static STACK_REFUSAL: Statement = stack(
    "stack-refusal",
    "What the framework refuses has the framework's body.",
);
pub(super) static HEADER: Statement = stack(
    "headers",
    "An answer has the headers that the framework sends.",
);
pub(super) static SPELLING: Statement = stack(
    "spelling",
    "Values may be spelled in each way that the framework reads.",
);
pub(super) static PLACE: Statement = observed(
    "place-is-shown",
    "A place is shown with the members that the vendor's other pages show.",
);
pub(super) static PLACE_STATUS: Statement = observed(
    "place-status",
    "An operation on places answers with the status that the vendor's other pages show.",
);

/// Every statement.
pub static ALL: &[&Statement] = &[
    &STOCK,
    &QUERY,
    &ACTIVE,
    &FRAME,
    &STATUS,
    &REFUSAL,
    &TOKEN,
    &FILTER,
    &FILTERS,
    &ONCE,
    &PAGES,
    &ARGUMENT,
    &SKU,
    &CREATE,
    &UPSERT,
    &ROWS,
    &RESERVE,
    &REPORTED,
    &REFUSED,
    &MULTI,
    &SHOWN,
    &SAME,
    &ANSWERED,
    &SORT,
    &ORDER,
    &EXACT,
    &REPEATED,
    &VALIDATION,
    &STACK_STATUS,
    &STACK_REFUSAL,
    &HEADER,
    &SPELLING,
    &PLACE,
    &PLACE_STATUS,
];
