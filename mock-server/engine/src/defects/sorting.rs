//! Defects of the list's order, which is not the one asked for.

use std::cmp::Ordering;

use serde_json::Value;

use super::delivery::Delivery;
use super::effect::Effect::{Every, Ignore, Rewrite, Take};
use super::effect::{Defect, defect};
use super::listing::{all_rows, page_of};
use super::operations::LIST;
use super::question::Question;
use super::scene::{Scene, edit_json, is_granted};
use crate::members::of_stock;
use crate::problem::Problem;

#[rustfmt::skip]
pub(super) const ROWS: &[Defect] = &[
    defect("sort-ignored", LIST, Ignore(&["sort"]), "`sort` is passed over."),
    defect("sort-descending-ignored", LIST, Rewrite(|q| q.alter("sort", |sort| terms(sort, |term| term.trim_start_matches('-').to_owned()))), "The `-` of a descending `sort` is passed over."),
    defect("sort-reversed", LIST, Rewrite(|q| q.alter("sort", |sort| terms(sort, turned))), "`sort` goes the other way: up for down and down for up."),
    defect("sort-second-field-ignored", LIST, Rewrite(|q| q.alter("sort", |sort| sort.split(',').next().unwrap_or_default().to_owned())), "Of several fields of `sort` only the first counts."),
    defect("sort-last-field-first", LIST, Rewrite(|q| q.alter("sort", |sort| sort.rsplit(',').collect::<Vec<_>>().join(","))), "Of several fields of `sort` the last goes first."),
    defect("sort-numbers-as-text", LIST, Take(as_text), "`sort` compares numbers as texts: 10 before 9."),
    defect("sort-within-the-page", LIST, Take(within_page), "`sort` orders the rows of a page, not the list that is cut into pages."),
    defect("sort-ties-change", LIST, Every(2, &Take(ties)), "Stocks that a `sort` leaves equal change places from call to call."),
    defect("sort-refuses-the-unknown", LIST, Take(refuse_unknown), "A `sort` by a field that is none is refused, not passed over."),
    defect("order-newest-first", LIST, Rewrite(|q| by_default(q, "-id")), "Without a `sort` the list begins with the last id."),
    defect("order-by-sku", LIST, Rewrite(|q| by_default(q, "sku")), "Without a `sort` the list is in the order of SKUs."),
    defect("order-by-modified-date", LIST, Rewrite(|q| by_default(q, "-modified_date")), "Without a `sort` the list begins with what was modified last."),
    defect("order-changes", LIST, Every(2, &Rewrite(|q| by_default(q, "-id"))), "Without a `sort` the list comes in another order at every second call."),
];

fn terms(sort: &str, change: fn(&str) -> String) -> String {
    let changed: Vec<String> = sort.split(',').map(|term| change(term.trim())).collect();
    changed.join(",")
}

fn turned(term: &str) -> String {
    match term.strip_prefix('-') {
        Some(ascending) => ascending.to_owned(),
        None => format!("-{term}"),
    }
}

fn by_default(question: &mut Question<'_>, order: &str) {
    if question.parameter("sort").is_none() {
        question.query.push(("sort".to_owned(), order.to_owned()));
    }
}

/// The fields of `sort`; `true` stands for descending.
fn fields_of(scene: &Scene<'_>) -> Vec<(String, bool)> {
    let question = Question::of(scene.request, scene.service);
    let sort = question.parameter("sort").unwrap_or_default();
    sort.split(',')
        .map(str::trim)
        .filter(|term| !term.is_empty())
        .map(|term| match term.strip_prefix('-') {
            Some(name) => (name.to_owned(), true),
            None => (term.to_owned(), false),
        })
        .collect()
}

fn compare(fields: &[(String, bool)], one: &Value, other: &Value, as_text: bool) -> Ordering {
    for (name, descending) in fields {
        let (one, other) = (&one[name], &other[name]);
        let order = match (one.as_i64(), other.as_i64()) {
            (Some(one), Some(other)) if !as_text => one.cmp(&other),
            _ => one.to_string().cmp(&other.to_string()),
        };
        let order = if *descending { order.reverse() } else { order };
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

fn as_text(scene: &Scene<'_>) -> Delivery {
    let fields = fields_of(scene);
    if !fields.iter().any(|(name, _)| is_number(name)) {
        return scene.usual();
    }
    let mut rows = all_rows(scene, |_| {});
    rows.sort_by(|one, other| compare(&fields, one, other, true));
    page_of(scene, &rows)
}

fn is_number(name: &str) -> bool {
    ["id", "stock", "reserved_stock"].contains(&name)
}

fn within_page(scene: &Scene<'_>) -> Delivery {
    let fields = fields_of(scene);
    let unsorted = scene.ask(|question| question.drop(&["sort"]));
    let rows = unsorted.as_ref().map(super::scene::json_of);
    scene.edited(|reply| {
        if fields.is_empty() || !is_granted(reply) {
            return;
        }
        edit_json(reply, |body| {
            let rows = rows.as_ref().and_then(|body| body["results"].as_array());
            let mut rows = rows.cloned().unwrap_or_default();
            rows.sort_by(|one, other| compare(&fields, one, other, false));
            body["results"] = rows.into();
        });
    })
}

fn ties(scene: &Scene<'_>) -> Delivery {
    let fields = fields_of(scene);
    if fields.is_empty() {
        return scene.usual();
    }
    let mut rows = all_rows(scene, |_| {});
    for equal in rows.chunk_by_mut(|one, other| compare(&fields, one, other, false).is_eq()) {
        equal.reverse();
    }
    page_of(scene, &rows)
}

fn refuse_unknown(scene: &Scene<'_>) -> Delivery {
    let fields = fields_of(scene);
    if fields.iter().all(|(name, _)| of_stock(name).is_some()) {
        return scene.usual();
    }
    scene.refuse(&Problem::field("sort", "Unknown field."))
}
