//! The operations that the tables name, by their ids.

pub(super) use crate::operations::UNROUTED;

pub(super) const ANY: &[&str] = &[];
pub(super) const LIST: &[&str] = &["list-stocks"];
pub(super) const CREATE: &[&str] = &["create-stock"];
pub(super) const INCREASE: &[&str] = &["increase-reserved-stock"];
pub(super) const DECREASE: &[&str] = &["decrease-reserved-stock"];
pub(super) const RESERVE: &[&str] = &["increase-reserved-stock", "decrease-reserved-stock"];
pub(super) const UPSERT: &[&str] = &["upsert-stocks"];
pub(super) const ACTIVE: &[&str] = &["list-active-stocks", "list-active-stocks-alias"];
pub(super) const LOGIN: &[&str] = &["login"];
pub(super) const METADATA: &[&str] = &["stock-metadata"];

/// Operations whose answers show stocks.
pub(super) const STOCKS: &[&str] = &[
    "list-stocks",
    "create-stock",
    "increase-reserved-stock",
    "decrease-reserved-stock",
];

/// Operations that store the stocks of a body.
pub(super) const WRITES: &[&str] = &["create-stock", "upsert-stocks"];

pub(super) const SINGLE: &[&str] = &["stock-query", "salable-stock-query"];
pub(super) const MULTI: &[&str] = &["multi-stock-query", "multi-salable-stock-query"];
pub(super) const PLAIN: &[&str] = &["stock-query", "multi-stock-query"];
pub(super) const SALABLE: &[&str] = &["salable-stock-query", "multi-salable-stock-query"];
pub(super) const QUERIES: &[&str] = &[
    "stock-query",
    "multi-stock-query",
    "salable-stock-query",
    "multi-salable-stock-query",
];

/// Operations whose answers are pages with a `count`.
pub(super) const PAGES: &[&str] = &[
    "list-stocks",
    "list-providers",
    "list-stock-locations",
    "list-stock-lists",
];

pub(super) const PLACE_LISTS: &[&str] =
    &["list-providers", "list-stock-locations", "list-stock-lists"];
pub(super) const SHOWN_PLACES: &[&str] = &["get-provider", "get-stock-location", "get-stock-list"];
pub(super) const NEW_PLACES: &[&str] = &[
    "create-provider",
    "create-stock-location",
    "create-stock-list",
];
