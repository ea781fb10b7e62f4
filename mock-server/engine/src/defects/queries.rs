//! Defects of stock queries: other rows, other quantities or another shape.

use serde_json::{Map, Value, json};

use super::creates::text_of;
use super::delivery::Delivery;
use super::edit::{Object, alter, quoted, remove, rename, set};
use super::effect::Effect::{Body, Every, Rewrite, Row, RowOf, Take};
use super::effect::{Defect, defect};
use super::operations::{MULTI, PLAIN, QUERIES, SALABLE, SINGLE};
use super::question::Question;
use super::scene::{Scene, edit_json, is_granted, json_of, set_body, status};
use super::stocks::location_number;
use crate::model::stock::Stock;
use crate::store::Store;

#[rustfmt::skip]
pub(super) const ROWS: &[Defect] = &[
    // Rows.
    defect("query-drops-a-location", QUERIES, Body(|b| each_list(b, |rows| { rows.pop(); })), "A query leaves out the last location of a SKU."),
    defect("query-repeats-a-location", QUERIES, Body(|b| each_list(b, |rows| if let Some(first) = rows.first().cloned() { rows.push(first) })), "A query shows the first location of a SKU twice."),
    defect("query-adds-another-sku", SINGLE, Take(another_sku), "A query shows rows of another SKU as well."),
    defect("query-sums-the-locations", QUERIES, Body(|b| each_list(b, sum)), "A query shows one row for a SKU, with the sum of its locations."),
    defect("query-order-changes", QUERIES, Every(2, &Body(|b| each_list(b, |rows| rows.reverse()))), "A query comes in another order at every second call."),
    defect("query-without-sku-is-empty", QUERIES, Take(empty_without_sku), "A query without a SKU finds nothing, and is not refused."),
    defect("query-sku-in-capitals", SINGLE, Rewrite(|q| on_sku(q, str::to_uppercase)), "A query looks for the SKU in capitals."),
    defect("multi-query-drops-a-sku", MULTI, Body(|b| keep_skus(b, |count| count - 1)), "A query of several SKUs leaves out the last."),
    defect("multi-query-answers-the-first-alone", MULTI, Body(|b| keep_skus(b, |_| 1)), "A query of several SKUs answers for the first alone."),
    defect("multi-query-merges-skus", MULTI, Body(merge), "A query of several SKUs puts all rows under the first."),
    defect("multi-query-swaps-skus", MULTI, Body(swap), "A query of several SKUs puts the rows of each under another."),
    defect("multi-query-is-a-list", MULTI, Body(|b| if let Some(skus) = b["Store_checkResult"].as_object().cloned() { b["Store_checkResult"] = skus.into_iter().flat_map(|(_, rows)| rows.as_array().cloned().unwrap_or_default()).collect() }), "A query of several SKUs answers with one list of rows."),
    defect("multi-query-is-a-list-of-lists", MULTI, Body(|b| if let Some(skus) = b["Store_checkResult"].as_object().cloned() { b["Store_checkResult"] = skus.into_iter().map(|(_, rows)| rows).collect() }), "A query of several SKUs answers with a list of lists."),
    defect("query-is-an-object", SINGLE, Body(|b| if let Some(row) = b["Store_checkResult"].get(0).cloned() { b["Store_checkResult"] = row }), "A query answers with its first row in place of a list."),
    // Quantities.
    defect("query-stock-one-more", PLAIN, Row(|r| alter(r, "stock", |n| (n.as_i64().unwrap_or(0) + 1).into())), "A query shows one piece too many."),
    defect("query-stock-without-reserved", PLAIN, RowOf(|store, r| quantity(store, r, |stock| stock.stock - stock.reserved)), "A plain query takes off what is reserved."),
    defect("query-stock-with-reserved", PLAIN, RowOf(|store, r| quantity(store, r, |stock| stock.stock + stock.reserved)), "A plain query adds what is reserved."),
    defect("query-shows-reserved", PLAIN, RowOf(|store, r| quantity(store, r, |stock| stock.reserved)), "A plain query shows what is reserved."),
    defect("query-stock-is-yes-or-no", QUERIES, Row(|r| alter(r, "stock", |n| (n.as_i64() > Some(0)).into())), "A query shows whether there is any, not how many."),
    defect("salable-is-negative", SALABLE, RowOf(|store, r| quantity(store, r, |stock| stock.stock - stock.reserved)), "What is salable goes below 0 where more is reserved than there is."),
    defect("salable-adds-reserved", SALABLE, RowOf(|store, r| quantity(store, r, |stock| stock.stock + stock.reserved)), "What is reserved is added to what is salable."),
    defect("salable-is-reserved", SALABLE, RowOf(|store, r| quantity(store, r, |stock| stock.reserved)), "What is salable is what is reserved."),
    defect("salable-one-less", SALABLE, Row(|r| alter(r, "stock", |n| (n.as_i64().unwrap_or(0) - 1).into())), "What is salable is one piece too few."),
    // Shape.
    defect("query-key-in-lower-case", QUERIES, Body(|b| renamed(b, "Store_checkResult", "store_check_result")), "`Store_checkResult` is called `store_check_result`."),
    defect("query-key-results", QUERIES, Body(|b| renamed(b, "Store_checkResult", "results")), "`Store_checkResult` is called `results`."),
    defect("query-is-bare", QUERIES, Body(|b| *b = b["Store_checkResult"].take()), "A query answers without `Store_checkResult` around it."),
    defect("query-row-without-sku", QUERIES, Row(|r| remove(r, "sku")), "The rows of a query have no `sku`."),
    defect("query-row-without-name", QUERIES, Row(|r| remove(r, "retail_store_name")), "The rows of a query have no `retail_store_name`."),
    defect("query-row-key-store-code", QUERIES, Row(|r| rename(r, "retail_store_code", "store_code")), "`retail_store_code` is called `store_code`."),
    defect("query-row-key-quantity", QUERIES, Row(|r| rename(r, "stock", "quantity")), "`stock` of a query is called `quantity`."),
    defect("query-row-extra-key", QUERIES, Row(|r| set(r, "is_active", true)), "The rows of a query have a key more, `is_active`."),
    defect("query-code-is-a-number", QUERIES, RowOf(|store, r| alter(r, "retail_store_code", |code| location_number(store.places(), code))), "`retail_store_code` is a number: the code's, or the location's id where the code is none."),
    defect("query-stock-is-text", QUERIES, Row(|r| alter(r, "stock", quoted)), "`stock` of a query is a string."),
    defect("query-name-is-null", QUERIES, Row(|r| set(r, "retail_store_name", Value::Null)), "`retail_store_name` is null."),
    defect("query-name-is-the-provider", QUERIES, RowOf(provider_name), "`retail_store_name` is the name of the provider."),
    defect("query-name-and-code-swapped", QUERIES, Row(code_and_name), "`retail_store_name` and `retail_store_code` stand in each other's place."),
];

/// Edits each list of rows: the only one of a single query, or each SKU's of a multi query.
fn each_list(body: &mut Value, edit: impl Fn(&mut Vec<Value>)) {
    match body.get_mut("Store_checkResult") {
        Some(Value::Array(rows)) => edit(rows),
        Some(Value::Object(skus)) => skus
            .values_mut()
            .filter_map(Value::as_array_mut)
            .for_each(edit),
        _ => {}
    }
}

/// Keeps the first `kept(n)` of the `n` SKUs of a multi query.
fn keep_skus(body: &mut Value, kept: fn(usize) -> usize) {
    if let Some(skus) = body["Store_checkResult"].as_object_mut()
        && !skus.is_empty()
    {
        let kept = kept(skus.len());
        *skus = std::mem::take(skus).into_iter().take(kept).collect();
    }
}

fn sum(rows: &mut Vec<Value>) {
    let sum: i64 = rows.iter().filter_map(|row| row["stock"].as_i64()).sum();
    rows.truncate(1);
    if let Some(first) = rows.first_mut() {
        first["stock"] = sum.into();
    }
}

fn merge(body: &mut Value) {
    let Some(skus) = body["Store_checkResult"].as_object_mut() else {
        return;
    };
    let all = skus.values().filter_map(Value::as_array).flatten();
    let all: Vec<Value> = all.cloned().collect();
    let first = skus.keys().next().cloned();
    *skus = first.map(|sku| (sku, all.into())).into_iter().collect();
}

fn swap(body: &mut Value) {
    let Some(skus) = body["Store_checkResult"].as_object_mut() else {
        return;
    };
    let (names, mut lists): (Vec<String>, Vec<Value>) = std::mem::take(skus).into_iter().unzip();
    lists.reverse();
    *skus = names.into_iter().zip(lists).collect::<Map<_, _>>();
}

fn renamed(body: &mut Value, from: &str, to: &str) {
    if let Value::Object(body) = body {
        rename(body, from, to);
    }
}

fn code_and_name(row: &mut Object) {
    let code = row.get("retail_store_code").cloned().unwrap_or_default();
    let name = row.get("retail_store_name").cloned().unwrap_or_default();
    set(row, "retail_store_code", name);
    set(row, "retail_store_name", code);
}

/// The first stock with the SKU and the location of a row.
fn stock_of(store: &Store, row: &Object) -> Option<Stock> {
    let code = row.get("retail_store_code")?.as_str()?;
    let at = store.places().location_coded(code)?;
    let found = store.rows_at(row.get("sku")?.as_str()?, at).next()?;
    Some(store.stock(found))
}

fn quantity(store: &Store, row: &mut Object, of: fn(&Stock) -> i32) {
    if let Some(stock) = stock_of(store, row) {
        set(row, "stock", of(&stock));
    }
}

fn provider_name(store: &Store, row: &mut Object) {
    if let Some(stock) = stock_of(store, row) {
        let places = store.places();
        let provider = places.locations[stock.location as usize].provider;
        let name = places.providers[provider as usize].head.name.as_str();
        set(row, "retail_store_name", name);
    }
}

fn on_sku(question: &mut Question<'_>, change: impl Fn(&str) -> String) {
    question.alter("sku", &change);
    question.each(|arguments| alter(arguments, "sku", |sku| change(&text_of(sku)).into()));
}

fn another_sku(scene: &Scene<'_>) -> Delivery {
    let question = Question::of(scene.request, scene.service);
    let in_body = question.body.get("sku").map(text_of);
    let asked = in_body.or_else(|| question.parameter("sku").map(str::to_owned));
    let store = scene.service.store();
    let other = store
        .skus()
        .find(|(sku, _)| Some(sku.as_str()) != asked.as_deref());
    let other =
        other.and_then(|(other, _)| scene.ask(|question| on_sku(question, |_| other.to_string())));
    let other = other.map(|reply| json_of(&reply)["Store_checkResult"].take());
    scene.edited(|reply| {
        if let (true, Some(Value::Array(more))) = (is_granted(reply), other) {
            edit_json(reply, |body| {
                each_list(body, |rows| rows.extend(more.clone()));
            });
        }
    })
}

fn empty_without_sku(scene: &Scene<'_>) -> Delivery {
    scene.edited(|reply| {
        if reply.response.status() == 400 && json_of(reply).get("sku").is_some() {
            *reply.response.status_mut() = status(200);
            set_body(reply, json!({"Store_checkResult": []}).to_string());
        }
    })
}
