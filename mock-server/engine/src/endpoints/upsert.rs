//! Upserts: one call inserts or updates one or many stocks.
//!
//! Source: docs/contract.md#insertupdate-singlemultiple-stock.

use std::collections::HashMap;

use super::call::Call;
use super::stocks::{self, Draft, Place};
use super::{Answer, Clock, Outcome};
use crate::model::fields::{Body, Fields, not_an_object};
use crate::problem::{Detail, FieldErrors, Grade, INVALID_LOCATION, Problem, wording};
use crate::profile::{Reading, UpsertRefusal};
use crate::store::Store;
use crate::wire::form::FormValue;
use crate::wire::json::Value;

/// `POST /api/v1/stocks/insert_or_update_stock/`.
pub fn upsert(store: &mut Store, call: &Call<'_>, clock: &mut Clock) -> Outcome {
    match call.body()? {
        Body::Json(Value::List(items)) => {
            let rows: Vec<Body<'_>> = items.into_iter().map(Body::Json).collect();
            upsert_rows(store, call, clock, &rows, |details, fields_are_valid| {
                Problem::Rows(by_row(details, fields_are_valid, call))
            })
        }
        single => {
            if let Body::Json(value) = &single
                && !matches!(value, Value::Dict(_))
            {
                return Err(Problem::Fields(not_an_object(value)));
            }
            let rows = [single];
            upsert_rows(store, call, clock, &rows, |mut details, _| {
                match details.pop() {
                    Some(Detail::Map(errors)) if errors == place_error() => {
                        Problem::InvalidLocation
                    }
                    Some(Detail::Map(errors)) => Problem::Fields(errors),
                    _ => Problem::ServerError,
                }
            })
        }
    }
}

fn upsert_rows(
    store: &mut Store,
    call: &Call<'_>,
    clock: &mut Clock,
    rows: &[Body<'_>],
    refuse: impl FnOnce(Vec<Detail>, bool) -> Problem,
) -> Outcome {
    let mut drafts = Vec::with_capacity(rows.len());
    for row in rows {
        drafts.push(read_row(row, call, store)?);
    }
    let is_good = |draft: &Result<Draft, Detail>| matches!(draft, Ok(draft) if is_placed(draft));
    let all_good = drafts.iter().all(is_good);
    if !all_good {
        call.decided(Reading::UpsertRefusal);
        if call.profile().upsert_refusal == UpsertRefusal::AllOrNothing {
            let fields_are_valid = drafts.iter().all(Result::is_ok);
            let details = refusals(&drafts, fields_are_valid, call);
            return Err(refuse(details, fields_are_valid));
        }
    }
    let mut refused: Vec<(String, Detail)> = Vec::new();
    for (i, (row, draft)) in rows.iter().zip(drafts).enumerate() {
        let detail = match draft {
            Ok(draft) => match draft.place {
                Place::At(location) => {
                    write(store, call, clock, &draft, location);
                    continue;
                }
                place => {
                    let _ = place.refusal(call);
                    Detail::Map(place_error())
                }
            },
            Err(detail) => detail,
        };
        refused.push((sku_as_sent(row, i), detail));
    }
    let mut body = b"{\"Store_checkResult\":".to_vec();
    Detail::Map(by_sku(refused)).write(&mut body);
    body.push(b'}');
    Ok(Answer {
        status: 200,
        rule: if all_good {
            "upserted"
        } else {
            "upserted-in-part"
        },
        grade: if all_good {
            Grade::Documented
        } else {
            Grade::Reading
        },
        body,
    })
}

fn is_placed(draft: &Draft) -> bool {
    matches!(draft.place, Place::At(_))
}

fn read_row(
    row: &Body<'_>,
    call: &Call<'_>,
    store: &Store,
) -> Result<Result<Draft, Detail>, Problem> {
    let fields = match row {
        Body::Json(Value::Null) => return Ok(Err(Detail::one(wording::NULL))),
        Body::Json(Value::Dict(_)) | Body::Form(_) => Fields::of_row(row),
        Body::Json(other) => return Ok(Err(Detail::Map(not_an_object(other)))),
    };
    let draft = stocks::read(fields, call, store.places())?;
    Ok(draft.map_err(Detail::Map))
}

/// The errors of each row, aligned with the rows. Places are checked only if all fields are
/// valid, so errors of fields and of places never occur together.
fn refusals(
    drafts: &[Result<Draft, Detail>],
    fields_are_valid: bool,
    call: &Call<'_>,
) -> Vec<Detail> {
    let refusal = |draft: &Result<Draft, Detail>| match draft {
        Err(detail) => detail.clone(),
        Ok(draft) if fields_are_valid && !is_placed(draft) => {
            let _ = draft.place.refusal(call);
            Detail::Map(place_error())
        }
        Ok(_) => Detail::Map(Vec::new()),
    };
    drafts.iter().map(refusal).collect()
}

/// The errors of several rows. Those of fields have the shape of the stack's version. Those of
/// places are the service's own, and a list in every version.
fn by_row(details: Vec<Detail>, fields_are_valid: bool, call: &Call<'_>) -> Detail {
    if fields_are_valid || !call.stack().keys_rows_by_index() {
        return Detail::List(details);
    }
    let is_wrong = |detail: &Detail| *detail != Detail::Map(Vec::new());
    let by_index = details.into_iter().enumerate();
    let wrong = by_index.filter(|(_, detail)| is_wrong(detail));
    Detail::Map(
        wrong
            .map(|(i, detail)| (i.to_string().into(), detail))
            .collect(),
    )
}

fn place_error() -> FieldErrors {
    let (key, sentence) = INVALID_LOCATION;
    vec![(key.into(), Detail::Text(sentence))]
}

/// The errors of each SKU, in a list if the SKU was refused more than once.
fn by_sku(refused: Vec<(String, Detail)>) -> FieldErrors {
    let mut positions: HashMap<String, usize> = HashMap::new();
    let mut errors: Vec<(String, Vec<Detail>)> = Vec::new();
    for (sku, detail) in refused {
        let at = *positions.entry(sku.clone()).or_insert(errors.len());
        match errors.get_mut(at) {
            Some((_, details)) => details.push(detail),
            None => errors.push((sku, vec![detail])),
        }
    }
    let one_or_list = |mut details: Vec<Detail>| match details.len() {
        1 => details.remove(0),
        _ => Detail::List(details),
    };
    errors
        .into_iter()
        .map(|(sku, details)| (sku.into(), one_or_list(details)))
        .collect()
}

/// The name of a refused row: its SKU, or `[position]` if it has none.
fn sku_as_sent(row: &Body<'_>, position: usize) -> String {
    let sku = match row {
        Body::Json(object) => object.get("sku").map(|sku| sku.to_text().into_owned()),
        Body::Form(form) => match form.last("sku") {
            Some(FormValue::Text(sku)) => Some(sku.clone()),
            _ => None,
        },
    };
    sku.unwrap_or_else(|| format!("[{position}]"))
}

/// Updates `stock` and the other members that the draft names, or adds a new stock.
fn write(store: &mut Store, call: &Call<'_>, clock: &mut Clock, draft: &Draft, location: u32) {
    let Some(row) = stocks::find(store, draft, location, call) else {
        stocks::insert(store, draft, location, clock);
        return;
    };
    let mut stock = store.stock(row);
    stock.modified = clock.read();
    stock.stock_written = stock.modified;
    stock.stock = draft.stock;
    if let Some(period) = draft.period {
        stock.period = period.map(crate::model::period::Period::stored);
    }
    stock.stock_type = draft.stock_type.unwrap_or(stock.stock_type);
    stock.unit_type = draft.unit_type.unwrap_or(stock.unit_type);
    stock.is_active = draft.is_active.unwrap_or(stock.is_active);
    stock.reserved = draft.reserved.unwrap_or(stock.reserved);
    store.update(row, &stock);
}
