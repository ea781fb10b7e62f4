//! Active stocks of a stock list: one row for each SKU, with the sum over the list's locations.
//!
//! Source: docs/contract.md#list-active-stock.

use smol_str::SmolStr;

use super::call::{ArgumentSource, Call};
use super::places;
use super::queries::salable_quantity;
use super::{Answer, Outcome};
use crate::model::fields::{self, Presence};
use crate::problem::{Grade, Problem};
use crate::profile::{ActiveQuantity, ActiveSku, Reading};
use crate::query::{self, Page};
use crate::store::Store;
use crate::store::places::PlaceKind;
use crate::store::table::Row;
use crate::wire::json;

/// `POST /api/v1/active-stocks/{stocklist_id}/`.
pub fn list(store: &Store, call: &Call<'_>) -> Outcome {
    let list = places::named(PlaceKind::StockList, store, call)?;
    let asked = asked_sku(call)?;
    let only = match &asked {
        Some(sku) => {
            call.decided(Reading::ActiveSku);
            (call.profile().active_sku == ActiveSku::Filter).then_some(sku)
        }
        None => None,
    };
    let locations = store.places().stock_lists[list as usize]
        .locations
        .as_deref();
    let quantity = |rows: &[Row]| active_quantity(store, call, locations, rows);
    let sums: Box<dyn Iterator<Item = (SmolStr, i64)> + '_> = match only {
        Some(sku) => {
            let sum = quantity(&store.rows_of(sku));
            Box::new(sum.map(|sum| (sku.clone(), sum)).into_iter())
        }
        None => Box::new(
            store
                .skus()
                .filter_map(|(sku, rows)| Some((sku.clone(), quantity(&rows)?))),
        ),
    };
    let (limit, reading) = query::page_limit(call.query, call.profile());
    let (page, shown, has_next) = cut(call, sums, limit)?;
    if let Some(reading) = reading
        && (has_next || page.number > 1)
    {
        call.decided(reading);
    }
    let mut body = Vec::with_capacity(128 + shown.len() * 64);
    body.push(b'{');
    call.write_links(&mut body, page, has_next);
    body.extend_from_slice(b",\"results\":[");
    for (i, (sku, quantity)) in shown.iter().enumerate() {
        body.extend_from_slice(if i == 0 { b"{\"sku\":" } else { b",{\"sku\":" });
        json::write_string(&mut body, sku);
        body.extend_from_slice(b",\"stock\":");
        json::write_integer(&mut body, *quantity);
        if asked.is_some() {
            body.extend_from_slice(b",\"extra_field\":{\"locations\":null}");
        }
        body.push(b'}');
    }
    body.extend_from_slice(b"]}");
    Ok(Answer {
        status: 200,
        rule: if asked.is_some() {
            "single"
        } else {
            "multiple"
        },
        grade: Grade::Documented,
        body,
    })
}

/// The requested `sku`. The page's table puts it into the query, its example into the body.
fn asked_sku(call: &Call<'_>) -> Result<Option<SmolStr>, Problem> {
    call.arguments(ArgumentSource::Either, |fields| {
        Some(fields.field("sku", Presence::Optional, fields::text))
    })
}

/// The quantity of a SKU in a list; `None` if no stock of it is active there.
fn active_quantity(
    store: &Store,
    call: &Call<'_>,
    locations: Option<&[u32]>,
    rows: &[Row],
) -> Option<i64> {
    let mut sum = None;
    for &row in rows {
        let stock = store.stock(row);
        let is_listed = locations.is_none_or(|l| l.binary_search(&stock.location).is_ok());
        if !stock.is_active || !is_listed {
            continue;
        }
        if stock.reserved != 0 {
            call.decided(Reading::ActiveQuantity);
        }
        let quantity = match call.profile().active_quantity {
            ActiveQuantity::Salable => salable_quantity(&stock, call).unwrap_or(0),
            ActiveQuantity::Stock => stock.stock.into(),
        };
        sum = Some(sum.unwrap_or(0) + quantity);
    }
    sum
}

type Sums = Vec<(SmolStr, i64)>;

/// Cuts the page out of rows that are not counted. Looking one row further shows whether there
/// is a next page.
fn cut(
    call: &Call<'_>,
    mut sums: impl Iterator<Item = (SmolStr, i64)>,
    limit: usize,
) -> Result<(Page, Sums, bool), Problem> {
    let Some(number) = call.page_number()? else {
        let all: Sums = sums.collect();
        let page = query::page(call.query, limit, all.len(), call.profile().stack)?;
        return Ok((page, all[page.offset..].to_vec(), false));
    };
    let offset = (number - 1).saturating_mul(limit);
    let page = Page {
        number,
        offset,
        limit,
    };
    if let Some(last_skipped) = offset.checked_sub(1)
        && sums.nth(last_skipped).is_none()
    {
        return Err(Problem::InvalidPage);
    }
    let mut shown: Sums = sums.by_ref().take(limit).collect();
    if shown.is_empty() && number > 1 {
        return Err(Problem::InvalidPage);
    }
    shown.shrink_to_fit();
    let has_next = sums.next().is_some();
    Ok((page, shown, has_next))
}
