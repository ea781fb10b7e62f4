//! Defects of the active stocks: other sums, other pages or another shape.

use serde_json::{Value, json};

use super::delivery::Delivery;
use super::edit::{Object, alter, quoted, remove, rename, set};
use super::effect::Effect::{Body, Every, Ignore, Rewrite, Row, RowOf, Take};
use super::effect::{Defect, defect};
use super::operations::ACTIVE;
use super::pages::{links, relative};
use super::question::Question;
use super::scene::{Scene, set_body, status};
use crate::model::stock::Stock;
use crate::problem::{Problem, wording};
use crate::store::Store;

#[rustfmt::skip]
pub(super) const ROWS: &[Defect] = &[
    defect("active-has-a-count", ACTIVE, Body(|b| { let shown = b["results"].as_array().map(Vec::len); b["count"] = shown.into() }), "The active stocks have a `count`."),
    defect("active-key-data", ACTIVE, Body(|b| if let Value::Object(b) = b { rename(b, "results", "data") }), "`results` of the active stocks is called `data`."),
    defect("active-is-a-bare-list", ACTIVE, Body(|b| *b = b["results"].take()), "The active stocks are a bare list."),
    defect("active-row-key-quantity", ACTIVE, Row(|r| rename(r, "stock", "quantity")), "`stock` of the active stocks is called `quantity`."),
    defect("active-row-is-text", ACTIVE, Row(|r| alter(r, "stock", quoted)), "`stock` of the active stocks is a string."),
    defect("active-without-extra-field", ACTIVE, Row(|r| remove(r, "extra_field")), "The active stock of one SKU has no `extra_field`."),
    defect("active-always-with-extra-field", ACTIVE, Row(|r| set(r, "extra_field", json!({"locations": null}))), "The active stocks of all SKUs have an `extra_field`."),
    defect("active-extra-field-is-null", ACTIVE, Row(|r| if r.contains_key("extra_field") { set(r, "extra_field", Value::Null) }), "`extra_field` is null."),
    defect("active-sums-one-more", ACTIVE, Row(|r| alter(r, "stock", |n| (n.as_i64().unwrap_or(0) + 1).into())), "The sum of a SKU is one too many."),
    defect("active-sums-one-location", ACTIVE, RowOf(|store, r| sum(store, r, 1, |stock| stock.is_active)), "The sum of a SKU has its first location alone."),
    defect("active-sums-the-inactive", ACTIVE, RowOf(|store, r| sum(store, r, usize::MAX, |_| true)), "The sum of a SKU has its inactive stocks as well."),
    defect("active-shows-the-inactive", ACTIVE, Take(with_inactive), "A SKU whose stocks are all inactive is shown, with 0."),
    defect("active-drops-a-sku", ACTIVE, Body(|b| if let Some(rows) = b["results"].as_array_mut() { rows.pop(); }), "The last SKU of a page is left out."),
    defect("active-repeats-a-sku", ACTIVE, Body(|b| if let Some(rows) = b["results"].as_array_mut() && let Some(last) = rows.last().cloned() { rows.push(last) }), "The last SKU of a page is shown twice."),
    defect("active-order-changes", ACTIVE, Every(2, &Body(|b| if let Some(rows) = b["results"].as_array_mut() { rows.reverse() })), "The active stocks come in another order at every second call."),
    defect("active-answers-another-sku", ACTIVE, Rewrite(another_sku), "The active stock of one SKU is that of another."),
    defect("active-unknown-list-is-empty", ACTIVE, Take(empty_list), "A stock list that does not exist has no active stocks, and is not refused."),
    defect("active-demands-a-sku", ACTIVE, Take(demand_sku), "The active stocks are refused without a SKU."),
    defect("active-limit-ignored", ACTIVE, Ignore(&["limit"]), "`limit` of the active stocks is passed over."),
    defect("active-page-ignored", ACTIVE, Ignore(&["page"]), "`page` of the active stocks is passed over."),
    defect("active-next-always-null", ACTIVE, Body(|b| b["next"] = Value::Null), "`next` of the active stocks is always null."),
    defect("active-previous-always-null", ACTIVE, Body(|b| b["previous"] = Value::Null), "`previous` of the active stocks is always null."),
    defect("active-links-are-relative", ACTIVE, Body(|b| links(b, relative)), "The links of the active stocks are paths without a host."),
    defect("active-links-lead-to-the-stocks", ACTIVE, Body(|b| links(b, |link| to_stocks(link).into())), "The links of the active stocks lead to the list of stocks."),
];

/// Sets `stock` to the salable quantity (`stock` less `reserved`, at least 0), summed over the
/// first `most` stocks of the row's SKU that `is_counted` accepts.
fn sum(store: &Store, row: &mut Object, most: usize, is_counted: fn(&Stock) -> bool) {
    let Some(sku) = row.get("sku").and_then(Value::as_str) else {
        return;
    };
    let stocks = store.rows_of(sku).into_iter().map(|row| store.stock(row));
    let quantities = stocks
        .filter(is_counted)
        .take(most)
        .map(|stock| (i64::from(stock.stock) - i64::from(stock.reserved)).max(0));
    let sum: i64 = quantities.sum();
    set(row, "stock", sum);
}

fn with_inactive(scene: &Scene<'_>) -> Delivery {
    let store = scene.service.store();
    let inactive = store
        .skus()
        .find(|(_, rows)| rows.iter().all(|&row| !store.stock(row).is_active));
    let inactive = inactive.map(|(sku, _)| sku.to_string());
    let delivery = scene.usual();
    scene.edit(delivery, |reply| {
        super::scene::edit_json(reply, |body| {
            if let (Some(sku), Some(rows)) = (inactive, body["results"].as_array_mut()) {
                rows.push(json!({"sku": sku, "stock": 0}));
            }
        });
    })
}

/// The requested SKU: from the body, or else from the query.
fn asked_sku(question: &Question<'_>) -> Option<String> {
    let in_body = question.body.get("sku").and_then(Value::as_str);
    let sku = in_body.or_else(|| question.parameter("sku"));
    sku.map(str::to_owned)
}

fn another_sku(question: &mut Question<'_>) {
    let Some(asked) = asked_sku(question) else {
        return;
    };
    let store = question.service.store();
    let other = store
        .skus()
        .find(|(sku, rows)| **sku != asked && rows.iter().any(|&row| store.stock(row).is_active));
    if let Some((other, _)) = other {
        question.alter("sku", |_| other.to_string());
        question.each(|arguments| alter(arguments, "sku", |_| other.as_str().into()));
    }
}

fn empty_list(scene: &Scene<'_>) -> Delivery {
    scene.edited(|reply| {
        if reply.response.status() == 404 {
            *reply.response.status_mut() = status(200);
            let page = json!({"next": null, "previous": null, "results": []});
            set_body(reply, page.to_string());
        }
    })
}

fn demand_sku(scene: &Scene<'_>) -> Delivery {
    let question = Question::of(scene.request, scene.service);
    let is_asked = scene.request.method() == http::Method::POST;
    if is_asked && asked_sku(&question).is_none() {
        return scene.refuse(&Problem::field("sku", wording::REQUIRED));
    }
    scene.usual()
}

fn to_stocks(link: &Value) -> String {
    let link = link.as_str().unwrap_or_default();
    let (base, query) = link.split_once('?').unwrap_or((link, ""));
    let host = base.find("/api/").map_or(base, |at| &base[..at]);
    format!("{host}/api/v1/stocks/?{query}")
}
