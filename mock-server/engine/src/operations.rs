//! The names of operations, and those whose arguments and answers are described.
//!
//! All of it comes from [`RESOURCES`](crate::endpoints::RESOURCES), the table of operations.

use std::ops::Deref;

use crate::answers::Description;
use crate::endpoints;
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

/// An operation of the API with its description.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    /// The id in `openapi.json`.
    pub id: &'static str,
    /// The arguments and answers.
    pub described: &'static Description,
}

impl Deref for Operation {
    type Target = Description;

    fn deref(&self) -> &Description {
        self.described
    }
}

/// Every operation with a description that no reading switches off.
pub fn all() -> impl Iterator<Item = Operation> {
    let always = endpoints::operations().filter(|(resource, _)| resource.only_if.is_none());
    always
        .map(|(_, action)| Operation {
            id: action.operation,
            described: action.described,
        })
        .filter(|operation| !operation.answers.is_empty())
}

/// Those of them that the page describes.
pub fn documented() -> impl Iterator<Item = Operation> {
    all().filter(|operation| operation.grade == Grade::Documented)
}
