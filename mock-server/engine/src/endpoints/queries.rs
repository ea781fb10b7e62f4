//! The stock of a SKU at each location: all of it or what is salable, for one SKU or several.
//!
//! Source: docs/contract.md#stock-query, docs/contract.md#multi-stock-query,
//! docs/contract.md#salable-stock-query, docs/contract.md#multi-salable-stock-query.

use smol_str::SmolStr;

use super::call::{ArgumentSource, Call};
use super::{Answer, Outcome};
use crate::model::fields::{self, Fields, Presence};
use crate::model::stock::Stock;
use crate::problem::{Grade, Problem};
use crate::profile::{QueryArguments, QueryScope, Reading, Salable, UnknownSku};
use crate::store::Store;
use crate::wire::json;

/// The quantity of a stock that a query shows; `None` leaves out the row.
type Quantity = fn(&Stock, &Call<'_>) -> Option<i64>;

/// `GET /api/v1/stocks/stock_query/`.
pub fn stock(store: &Store, call: &Call<'_>) -> Outcome {
    single(store, call, existing)
}

/// `GET /api/v1/stocks/salable_stock_query/`.
pub fn salable(store: &Store, call: &Call<'_>) -> Outcome {
    single(store, call, salable_quantity)
}

/// `GET /api/v1/stocks/multi_stock_query/`.
pub fn multi_stock(store: &Store, call: &Call<'_>) -> Outcome {
    multi(store, call, existing)
}

/// `GET /api/v1/stocks/multi_salable_stock_query/`.
pub fn multi_salable(store: &Store, call: &Call<'_>) -> Outcome {
    multi(store, call, salable_quantity)
}

fn existing(stock: &Stock, call: &Call<'_>) -> Option<i64> {
    if !stock.is_active {
        call.decided(Reading::QueryScope);
        if call.profile().query_scope == QueryScope::Active {
            return None;
        }
    }
    Some(stock.stock.into())
}

/// The salable quantity of a stock under the reading `salable`; `None` if it is not for sale.
pub(super) fn salable_quantity(stock: &Stock, call: &Call<'_>) -> Option<i64> {
    let existing = i64::from(stock.stock);
    let unreserved = (existing - i64::from(stock.reserved)).max(0);
    if !stock.is_active || unreserved != existing {
        call.decided(Reading::Salable);
    }
    match call.profile().salable {
        Salable::ActiveUnreserved => stock.is_active.then_some(unreserved),
        Salable::Unreserved => Some(unreserved),
        Salable::Stock => Some(existing),
    }
}

/// Reads the arguments from the part of the request that the reading `query-arguments` names.
fn with_arguments<T>(
    call: &Call<'_>,
    read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
) -> Result<T, Problem> {
    let from = match call.profile().query_arguments {
        QueryArguments::Either => ArgumentSource::Either,
        QueryArguments::Body => ArgumentSource::Body,
        QueryArguments::Query => ArgumentSource::Query,
    };
    call.arguments(from, |fields| {
        call.decided(Reading::QueryArguments);
        read(fields)
    })
}

fn single(store: &Store, call: &Call<'_>, quantity: Quantity) -> Outcome {
    let sku = with_arguments(call, |fields| {
        fields.field("sku", Presence::Required, fields::text)
    })?;
    let mut body = b"{\"Store_checkResult\":".to_vec();
    if !write_rows(&mut body, store, call, &sku, quantity) {
        call.decided(Reading::UnknownSku);
        if call.profile().unknown_sku == UnknownSku::NotFound {
            return Err(Problem::NoSuchStock(call.missing("Stock")));
        }
    }
    body.push(b'}');
    Ok(answer(body))
}

fn multi(store: &Store, call: &Call<'_>, quantity: Quantity) -> Outcome {
    let mut skus: Vec<SmolStr> = with_arguments(call, |fields| fields.strings("sku", usize::MAX))?;
    let mut seen = std::collections::HashSet::new();
    skus.retain(|sku| seen.insert(sku.clone()));
    let mut body = b"{\"Store_checkResult\":{".to_vec();
    let start = body.len();
    for sku in &skus {
        let before = body.len();
        if before > start {
            body.push(b',');
        }
        json::write_string(&mut body, sku);
        body.push(b':');
        if !write_rows(&mut body, store, call, sku, quantity) {
            call.decided(Reading::UnknownSku);
            match call.profile().unknown_sku {
                UnknownSku::Empty => {}
                UnknownSku::NotFound => return Err(Problem::NoSuchStock(call.missing("Stock"))),
                UnknownSku::Omitted => body.truncate(before),
            }
        }
    }
    body.extend_from_slice(b"}}");
    Ok(answer(body))
}

fn answer(body: Vec<u8>) -> Answer {
    Answer {
        status: 200,
        rule: "answered",
        grade: Grade::Documented,
        body,
    }
}

/// Appends the rows of a SKU. Returns `false` if it has no stock at all.
fn write_rows(
    out: &mut Vec<u8>,
    store: &Store,
    call: &Call<'_>,
    sku: &str,
    quantity: Quantity,
) -> bool {
    let places = store.places();
    let rows = store.rows_of(sku);
    out.push(b'[');
    let mut first = true;
    for &row in &rows {
        let stock = store.stock(row);
        let Some(quantity) = quantity(&stock, call) else {
            continue;
        };
        let location = &places.locations[stock.location as usize].head;
        out.extend_from_slice(if first { b"{\"sku\":" } else { b",{\"sku\":" });
        first = false;
        json::write_string(out, &stock.sku);
        out.extend_from_slice(b",\"retail_store_code\":");
        json::write_string(out, &location.code);
        out.extend_from_slice(b",\"retail_store_name\":");
        json::write_string(out, &location.name);
        out.extend_from_slice(b",\"stock\":");
        json::write_integer(out, quantity);
        out.push(b'}');
    }
    out.push(b']');
    !rows.is_empty()
}
