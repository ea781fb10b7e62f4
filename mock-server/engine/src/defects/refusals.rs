//! Defects of refusals and of the 208: another wording or another shape.

use serde_json::{Map, Value, json};

use super::delivery::Delivery;
use super::edit::{rename, set};
use super::effect::Effect::{Refusal, Take};
use super::effect::{Defect, defect};
use super::operations::{ANY, CREATE, LIST, LOGIN, RESERVE, UPSERT, WRITES};
use super::scene::{Scene, json_of};
use crate::problem::{Problem, wording};

#[rustfmt::skip]
pub(super) const ROWS: &[Defect] = &[
    // Wordings.
    defect("required-worded-otherwise", ANY, Refusal(|b| replace(b, wording::REQUIRED, "Field required.")), "A missing field is refused in other words."),
    defect("exists-worded-otherwise", CREATE, Refusal(|b| replace(b, "Stock already exists.", "Stock exists already.")), "A stock that exists is refused in other words."),
    defect("exists-without-full-stop", CREATE, Refusal(|b| replace(b, "Stock already exists.", "Stock already exists")), "The sentence about a stock that exists lacks its full stop."),
    defect("location-worded-otherwise", CREATE, Refusal(|b| replace(b, "Location does not belong to provider.", "Invalid location.")), "A location of another provider is refused in other words."),
    defect("reported-with-full-stop", RESERVE, Refusal(|b| replace(b, "Already reported", "Already reported.")), "The message of a 208 has a full stop."),
    defect("reported-in-capitals", RESERVE, Refusal(|b| replace(b, "Already reported", "ALREADY REPORTED")), "The message of a 208 is in capitals."),
    defect("integer-worded-otherwise", WRITES, Refusal(|b| replace(b, wording::NOT_AN_INTEGER, "Not a valid integer.")), "A quantity that is no number is refused in other words."),
    defect("filter-worded-otherwise", LIST, Refusal(|b| replace(b, wording::NOT_A_NUMBER, "A valid number is required.")), "A filter that is no number is refused in other words."),
    defect("page-worded-otherwise", ANY, Refusal(|b| replace(b, "Invalid page.", "That page contains no results")), "A page that does not exist is refused in other words."),
    defect("unauthorized-worded-otherwise", ANY, Refusal(|b| replace(b, "Authentication credentials were not provided.", "Unauthorized")), "A request without a token is refused in other words."),
    defect("login-worded-otherwise", LOGIN, Refusal(|b| replace(b, "Unable to log in with provided credentials.", "Wrong password.")), "A login is refused in other words."),
    // Forms.
    defect("exists-is-a-list", CREATE, Refusal(|b| listed(b, "stock_exists_error")), "`stock_exists_error` is a list."),
    defect("exists-under-detail", CREATE, Refusal(|b| renamed(b, "stock_exists_error", "detail")), "`stock_exists_error` is called `detail`."),
    defect("exists-under-non-field-errors", CREATE, Refusal(|b| if b.get("stock_exists_error").is_some() { *b = json!({"non_field_errors": ["Stock already exists."]}) }), "A stock that exists is refused under `non_field_errors`."),
    defect("location-is-a-list", WRITES, Refusal(|b| listed(b, "invalid_location")), "`invalid_location` is a list."),
    defect("location-under-location", WRITES, Refusal(|b| renamed(b, "invalid_location", "location")), "`invalid_location` is called `location`."),
    defect("reported-under-detail", RESERVE, Refusal(|b| renamed(b, "message", "detail")), "The message of a 208 is called `detail`."),
    defect("reported-is-a-list", RESERVE, Refusal(|b| listed(b, "message")), "The message of a 208 is a list."),
    defect("reported-is-empty", RESERVE, Refusal(|b| if b.get("message").is_some() { *b = json!({}) }), "A 208 has an empty object for a body."),
    defect("detail-under-error", ANY, Refusal(|b| renamed(b, "detail", "error")), "`detail` is called `error`."),
    defect("errors-are-texts", WRITES, Refusal(|b| fields(b, |list| list.get(0).cloned().unwrap_or_default())), "The error of a field is a string in place of a list."),
    defect("errors-are-objects", WRITES, Refusal(|b| fields(b, |list| json!({"messages": list}))), "The error of a field is an object in place of a list."),
    defect("reservation-errors-are-texts", RESERVE, Refusal(|b| fields(b, |list| list.get(0).cloned().unwrap_or_default())), "The error of a reservation's field is a string in place of a list."),
    defect("errors-one-at-a-time", CREATE, Refusal(one_at_a_time), "Of several fields that are wrong only the first is refused."),
    defect("reservation-errors-one-at-a-time", RESERVE, Refusal(one_at_a_time), "Of several missing arguments of a reservation only the first is refused."),
    defect("filter-errors-one-at-a-time", LIST, Refusal(one_at_a_time), "Of several filters that cannot be read only the first is refused."),
    defect("errors-in-another-order", CREATE, Refusal(reversed), "The errors of fields come in the reverse order."),
    defect("errors-are-wrapped", ANY, Refusal(|b| *b = json!({"errors": b})), "Every refusal is wrapped in `errors`."),
    defect("errors-have-a-code", ANY, Refusal(|b| if let Value::Object(body) = b { set(body, "code", "invalid") }), "Every refusal has a key more, `code`."),
    defect("upsert-errors-are-one-object", UPSERT, Refusal(|b| if let Some(first) = b.as_array().and_then(|rows| rows.iter().find(|row| **row != json!({}))) { *b = first.clone() }), "The refusal of a list shows the errors of the first bad row alone."),
    defect("exists-beside-fields", CREATE, Refusal(|b| if b.get("stock").is_some() { set_error(b) }), "`stock_exists_error` stands beside errors of fields."),
    defect("refusals-are-pages", ANY, Take(html), "Refusals are HTML pages."),
];

/// Replaces a sentence, wherever it stands in the body.
fn replace(body: &mut Value, from: &str, to: &str) {
    match body {
        Value::String(text) if text == from => to.clone_into(text),
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, from, to)),
        Value::Object(members) => members
            .values_mut()
            .for_each(|item| replace(item, from, to)),
        _ => {}
    }
}

fn listed(body: &mut Value, name: &str) {
    if let Some(text) = body.get_mut(name) {
        *text = json!([text]);
    }
}

fn renamed(body: &mut Value, from: &str, to: &str) {
    if let Value::Object(body) = body {
        rename(body, from, to);
    }
}

/// Changes the errors of each field, in an object or in each object of a list.
fn fields(body: &mut Value, change: fn(&Value) -> Value) {
    match body {
        Value::Array(rows) => rows.iter_mut().for_each(|row| fields(row, change)),
        Value::Object(errors) => {
            for errors in errors.values_mut().filter(|errors| errors.is_array()) {
                *errors = change(errors);
            }
        }
        _ => {}
    }
}

fn one_at_a_time(body: &mut Value) {
    if let Value::Object(errors) = body {
        *errors = std::mem::take(errors).into_iter().take(1).collect();
    }
}

fn reversed(body: &mut Value) {
    if let Value::Object(errors) = body {
        let all: Vec<_> = std::mem::take(errors).into_iter().collect();
        *errors = all.into_iter().rev().collect::<Map<_, _>>();
    }
}

fn set_error(body: &mut Value) {
    if let Value::Object(body) = body {
        set(body, "stock_exists_error", "Stock already exists.");
    }
}

fn html(scene: &Scene<'_>) -> Delivery {
    let delivery = scene.usual();
    let Delivery::Answer(reply) = &delivery else {
        return delivery;
    };
    let status = reply.response.status();
    if !status.is_client_error() || json_of(reply).is_null() {
        return delivery;
    }
    let page = scene.refuse(&Problem::ServerError);
    scene.edit(page, |page| *page.response.status_mut() = status)
}
