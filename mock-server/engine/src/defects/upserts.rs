//! Defects of upserts: they write something else, or too little.

use serde_json::{Value, json};

use super::creates::text_of;
use super::delivery::Delivery;
use super::edit::{Object, remove, set};
use super::effect::Effect::{Amend, Body, Persistent, Rewrite, Take};
use super::effect::{Defect, defect};
use super::operations::UPSERT;
use super::question::Question;
use super::scene::{Scene, json_of};
use super::written::Written;
use crate::model::stock::UnitType;
use crate::problem::Problem;
use crate::store::Store;

#[rustfmt::skip]
pub(super) const ROWS: &[Defect] = &[
    // A stock that exists.
    defect("upsert-adds", UPSERT, Amend(|w| w.change_old(|before, stock| stock.stock = stock.stock.saturating_add(before.stock))), "An upsert adds its quantity to the one that is there."),
    defect("upsert-updates-nothing", UPSERT, Amend(|w| w.change_old(|before, stock| *stock = before.clone())), "An upsert leaves a stock that is there as it is."),
    defect("upsert-stores-one-more", UPSERT, Amend(|w| w.change(|_, stock| stock.stock = stock.stock.saturating_add(1))), "An upsert writes one piece more."),
    defect("upsert-clamps-negative-stock", UPSERT, Amend(|w| w.change(|_, stock| stock.stock = stock.stock.max(0))), "An upsert writes a negative `stock` as 0."),
    defect("upsert-resets-reserved-stock", UPSERT, Amend(|w| w.change_old(|_, stock| stock.reserved = 0)), "An upsert sets `reserved_stock` to 0."),
    defect("upsert-takes-off-the-reserved", UPSERT, Amend(|w| w.change_old(|_, stock| stock.stock = stock.stock.saturating_sub(stock.reserved))), "An upsert takes what is reserved off the quantity."),
    defect("upsert-activates", UPSERT, Amend(|w| w.change_old(|_, stock| stock.is_active = true)), "An upsert makes a stock active."),
    defect("upsert-deactivates", UPSERT, Amend(|w| w.change_old(|_, stock| stock.is_active = false)), "An upsert makes a stock inactive."),
    defect("upsert-resets-unit-type", UPSERT, Amend(|w| w.change_old(|_, stock| stock.unit_type = UnitType::default())), "An upsert sets `unit_type` to `qty`."),
    defect("upsert-leaves-modified-date", UPSERT, Amend(|w| w.change_old(|before, stock| stock.modified = before.modified)), "An upsert does not move `modified_date`."),
    defect("upsert-moves-created-date", UPSERT, Persistent(|s| if let Some(modified) = s.get("modified_date").cloned() { set(s, "created_date", modified) }), "An upsert moves `created_date`."),
    defect("upsert-changes-the-id", UPSERT, Persistent(|s| if let Some(id) = s.get("id").and_then(Value::as_i64) { set(s, "id", id + 1_000_000) }), "An upsert gives the stock another id."),
    defect("upsert-ignores-reserved-stock", UPSERT, Rewrite(|q| q.each(|s| remove(s, "reserved_stock"))), "An upsert passes over `reserved_stock`."),
    defect("upsert-ignores-is-active", UPSERT, Rewrite(|q| q.each(|s| remove(s, "is_active"))), "An upsert passes over `is_active`."),
    defect("upsert-writes-every-location", UPSERT, Amend(every_location), "An upsert writes its quantity at every location of the SKU."),
    defect("upsert-writes-the-first-location", UPSERT, Rewrite(at_first_location), "An upsert writes to the first location of the SKU, whatever it names."),
    // The rows of a batch.
    defect("upsert-creates-nothing", UPSERT, Rewrite(|q| known_rows(q, true)), "An upsert passes over a stock that is not there yet."),
    defect("upsert-creates-twice", UPSERT, Amend(creates_twice), "An upsert creates a new stock twice."),
    defect("upsert-drops-the-last-row", UPSERT, Rewrite(|q| if let Value::Array(rows) = &mut q.body && rows.len() > 1 { rows.pop(); }), "An upsert of several rows drops the last."),
    defect("upsert-applies-the-first-row-alone", UPSERT, Rewrite(|q| if let Value::Array(rows) = &mut q.body { rows.truncate(1) }), "An upsert of several rows applies only the first."),
    defect("upsert-applies-the-last-row-alone", UPSERT, Rewrite(|q| if let Value::Array(rows) = &mut q.body { rows.drain(..rows.len().saturating_sub(1)); }), "An upsert of several rows applies only the last."),
    defect("upsert-writes-nothing", UPSERT, Amend(|w| if w.is_granted() { w.undo() }), "An upsert answers 200 and writes nothing."),
    defect("upsert-writes-what-it-refuses", UPSERT, Take(writes_the_good), "An upsert that is refused has written its good rows."),
    defect("upsert-passes-over-a-foreign-location", UPSERT, Rewrite(|q| known_rows(q, false)), "An upsert passes over a row whose location is another provider's, and answers 200."),
    defect("upsert-refuses-one-row", UPSERT, Take(|s| refuse_if(s, Value::is_object)), "An upsert of one object is refused; it wants a list."),
    defect("upsert-refuses-a-list", UPSERT, Take(|s| refuse_if(s, Value::is_array)), "An upsert of a list is refused; it wants one object."),
    // The answer.
    defect("upsert-answers-an-empty-object", UPSERT, Body(|body| *body = json!({})), "An upsert answers with an empty object."),
    defect("upsert-answers-an-empty-list", UPSERT, Body(|body| body["Store_checkResult"] = json!([])), "`Store_checkResult` of an upsert is a list."),
    defect("upsert-answers-null", UPSERT, Body(|body| body["Store_checkResult"] = Value::Null), "`Store_checkResult` of an upsert is null."),
    defect("upsert-answers-in-lower-case", UPSERT, Body(|body| *body = json!({"store_check_result": {}})), "An upsert answers with `store_check_result`."),
    defect("upsert-answers-a-message", UPSERT, Body(|body| *body = json!({"message": "OK"})), "An upsert answers with a message."),
];

fn every_location(written: &mut Written<'_, '_>) {
    for changed in written.changed() {
        let wanted = written.store.stock(changed);
        for row in written.of_skus() {
            if written.store.stock(row).sku == wanted.sku {
                written.update(row, |stock| stock.stock = wanted.stock);
            }
        }
    }
}

fn creates_twice(written: &mut Written<'_, '_>) {
    for row in written.changed() {
        if written.before(row).is_none() {
            let stock = written.store.stock(row);
            written.add(stock);
        }
    }
}

/// The index of the location that a row names.
fn location_of(store: &Store, row: &Object) -> Option<u32> {
    let code = row.get("location").map(text_of)?;
    store.places().location_coded(&code)
}

fn at_first_location(question: &mut Question<'_>) {
    let store = question.service.store();
    question.each(|row| {
        let sku = row.get("sku").map(text_of).unwrap_or_default();
        if location_of(&store, row).is_none() {
            return;
        }
        if let Some(&first) = store.rows_of(&sku).first() {
            let location = &store.places().locations[store.stock(first).location as usize];
            let provider = &store.places().providers[location.provider as usize];
            set(row, "location", location.head.code.as_str());
            set(row, "provider", provider.head.name.as_str());
        }
    });
}

/// Keeps the rows whose stock exists; without `only_old`, the rows whose location belongs to
/// the provider they name. Rows that cannot be judged are kept.
fn known_rows(question: &mut Question<'_>, only_old: bool) {
    let store = question.service.store();
    let places = store.places();
    let is_kept = |row: &Value| {
        let Some(row) = row.as_object() else {
            return true;
        };
        let Some(at) = location_of(&store, row) else {
            return true;
        };
        if only_old {
            let sku = row.get("sku").map(text_of).unwrap_or_default();
            return store.rows_at(&sku, at).next().is_some();
        }
        let provider = row.get("provider").map(text_of).unwrap_or_default();
        let owner = places.locations[at as usize].provider;
        places
            .provider_named(&provider)
            .is_none_or(|named| named == owner)
    };
    match &mut question.body {
        Value::Array(rows) => rows.retain(is_kept),
        body if !is_kept(body) => *body = json!([]),
        _ => {}
    }
}

fn writes_the_good(scene: &Scene<'_>) -> Delivery {
    let delivery = scene.usual();
    let Delivery::Answer(reply) = &delivery else {
        return delivery;
    };
    if let (true, Value::Array(errors)) = (reply.response.status() == 400, json_of(reply)) {
        let written = scene.ask(|question| {
            if let Value::Array(rows) = &mut question.body {
                let mut errors = errors.iter();
                rows.retain(|_| errors.next().is_some_and(|errors| *errors == json!({})));
            }
        });
        if written.is_some_and(|reply| reply.response.status() == 200) {
            scene.mark();
        }
    }
    delivery
}

fn refuse_if(scene: &Scene<'_>, is_refused: fn(&Value) -> bool) -> Delivery {
    let question = Question::of(scene.request, scene.service);
    if is_refused(&question.body) {
        let problem = Problem::field(crate::problem::NON_FIELD_ERRORS, "Invalid data.");
        return scene.refuse(&problem);
    }
    scene.usual()
}
