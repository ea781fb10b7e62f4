//! Defects of reservations: they count another amount, at another stock or once more.

use serde_json::Value;

use super::creates::text_of;
use super::edit::{remove, set};
use super::effect::Effect::{Amend, Persistent, Rewrite};
use super::effect::{Defect, defect};
use super::operations::{DECREASE, INCREASE, RESERVE};
use super::question::Question;
use super::written::Written;
use crate::model::stock::{Stock, StockType, UnitType};
use crate::problem::Problem;
use crate::store::table::Row;

#[rustfmt::skip]
pub(super) const ROWS: &[Defect] = &[
    // The amount.
    defect("increase-counts-two", INCREASE, Amend(|w| by(w, 2)), "An increase adds 2."),
    defect("increase-counts-nothing", INCREASE, Amend(|w| by(w, 0)), "An increase adds nothing, and answers 201 all the same."),
    defect("increase-subtracts", INCREASE, Amend(|w| by(w, -1)), "An increase subtracts 1."),
    defect("increase-sets-one", INCREASE, Amend(|w| w.change_old(|_, stock| stock.reserved = 1)), "An increase sets `reserved_stock` to 1."),
    defect("increase-takes-from-stock", INCREASE, Amend(|w| w.change_old(|_, stock| stock.stock -= 1)), "An increase takes the piece off `stock`."),
    defect("increase-adds-to-stock-alone", INCREASE, Amend(|w| w.change_old(|before, stock| { stock.reserved = before.reserved; stock.stock += 1; })), "An increase adds to `stock`, not to `reserved_stock`."),
    defect("increase-stops-at-stock", INCREASE, Amend(stop_at_stock), "An increase beyond what is in stock is refused."),
    defect("increase-activates", INCREASE, Amend(|w| w.change_old(|_, stock| stock.is_active = !stock.is_active)), "An increase turns `is_active` over."),
    defect("decrease-counts-two", DECREASE, Amend(|w| by(w, -2)), "A decrease subtracts 2."),
    defect("decrease-counts-nothing", DECREASE, Amend(|w| by(w, 0)), "A decrease subtracts nothing, and answers 201 all the same."),
    defect("decrease-adds", DECREASE, Amend(|w| by(w, 1)), "A decrease adds 1."),
    defect("decrease-sets-zero", DECREASE, Amend(|w| w.change_old(|_, stock| stock.reserved = 0)), "A decrease gives back all that is reserved."),
    defect("decrease-takes-from-stock", DECREASE, Amend(|w| w.change_old(|_, stock| stock.stock -= 1)), "A decrease takes the piece off `stock` as well, as if it were sold."),
    defect("decrease-adds-to-stock", DECREASE, Amend(|w| w.change_old(|_, stock| stock.stock += 1)), "A decrease puts the piece back to `stock`."),
    // The dates and the state shown.
    defect("increase-leaves-modified-date", INCREASE, Amend(|w| w.change_old(|before, stock| stock.modified = before.modified)), "An increase does not move `modified_date`."),
    defect("decrease-leaves-modified-date", DECREASE, Amend(|w| w.change_old(|before, stock| stock.modified = before.modified)), "A decrease does not move `modified_date`."),
    defect("reservation-moves-created-date", RESERVE, Persistent(|s| if let Some(modified) = s.get("modified_date").cloned() { set(s, "created_date", modified) }), "A reservation moves `created_date`."),
    defect("reservation-changes-the-id", RESERVE, Persistent(|s| if let Some(id) = s.get("id").and_then(Value::as_i64) { set(s, "id", id + 1_000_000) }), "A reservation gives the stock another id."),
    defect("increase-answers-the-state-before", INCREASE, Amend(shows_before), "An increase answers with the stock as it was before."),
    defect("decrease-answers-the-state-before", DECREASE, Amend(shows_before), "A decrease answers with the stock as it was before."),
    // The stock that is counted at.
    defect("increase-counts-at-another-location", INCREASE, Amend(|w| elsewhere(w, |w, row| w.of_skus().into_iter().find(|&other| other != row))), "An increase counts at another location of the SKU."),
    defect("increase-counts-for-another-sku", INCREASE, Amend(|w| elsewhere(w, |w, row| (0..).take(w.before.len()).find(|&other| w.before.stock(other).sku != w.before.stock(row).sku))), "An increase counts for another SKU."),
    defect("increase-counts-everywhere", INCREASE, Amend(everywhere), "An increase counts at every location of the SKU."),
    defect("decrease-counts-at-another-location", DECREASE, Amend(|w| elsewhere(w, |w, row| w.of_skus().into_iter().find(|&other| other != row))), "A decrease counts at another location of the SKU."),
    defect("reservation-ignores-the-provider", RESERVE, Rewrite(|q| forget(q, "provider")), "`provider` is passed over: another one's is as good."),
    defect("reservation-ignores-the-location", RESERVE, Rewrite(|q| first_location(q, true)), "`location` is passed over: the first of the SKU is taken."),
    defect("reservation-does-without-location", RESERVE, Rewrite(|q| first_location(q, false)), "`location` is not required: without it the first of the SKU is taken."),
    defect("increase-creates-the-stock", INCREASE, Amend(creates), "An increase creates the stock where there is none."),
    // The 208.
    defect("increase-reported-counts", INCREASE, Amend(reported_counts), "A reported increase answers 208 and counts nonetheless."),
    defect("decrease-reported-counts", DECREASE, Amend(|w| if w.was_refused(&Problem::AlreadyReported) { for row in w.named() { w.update(row, |stock| stock.reserved -= 1) } }), "A reported decrease answers 208 and counts nonetheless."),
    defect("reported-moves-modified-date", RESERVE, Amend(reported_moves), "A reported reservation answers 208 and moves `modified_date`."),
    defect("dateless-repeat-is-reported", RESERVE, Amend(|w| reported_if(w, |w| w.text("date").is_none().then(|| keys(w, &["sku", "location"])))), "A call without a date that comes again is taken for reported."),
    defect("date-remembered-across-skus", RESERVE, Amend(|w| reported_if(w, |w| w.text("date").map(|_| keys(w, &["location", "date"])))), "A date that was reported for one SKU is reported for every other."),
    defect("date-remembered-across-locations", RESERVE, Amend(|w| reported_if(w, |w| w.text("date").map(|_| keys(w, &["sku", "date"])))), "A date that was reported for one location is reported for every other."),
    defect("date-remembered-across-operations", RESERVE, Amend(|w| reported_if(w, |w| w.text("date").map(|date| format!("{:?}", [w.text("sku"), w.text("location"), Some(date)])))), "A date that was reported for an increase is reported for a decrease, and the reverse."),
    defect("date-remembered-by-the-day", RESERVE, Amend(|w| reported_if(w, |w| w.text("date").map(|date| format!("{} {}", keys(w, &["sku", "location"]), date.get(..10).unwrap_or_default())))), "A date of the same day is taken for the same."),
];

/// Adds `by` to the reserved quantity in place of 1.
fn by(written: &mut Written<'_, '_>, by: i32) {
    written.change_old(|before, stock| stock.reserved = before.reserved.saturating_add(by));
}

fn stop_at_stock(written: &mut Written<'_, '_>) {
    let is_beyond = |row: Row| {
        let stock = written.store.stock(row);
        stock.reserved > stock.stock
    };
    if written.is_granted() && written.changed().into_iter().any(is_beyond) {
        written.undo();
        written.refuse(Problem::field("reserved_stock", "Not enough stock."));
    }
}

fn shows_before(written: &mut Written<'_, '_>) {
    let changed = written.changed();
    let before = changed.first().and_then(|&row| written.before(row));
    if let Some(before) = before {
        written.show(&before);
    }
}

/// Reserves at another stock, and answers as if at the right one.
fn elsewhere(written: &mut Written<'_, '_>, other: fn(&Written<'_, '_>, Row) -> Option<Row>) {
    let Some(&row) = written.changed().first() else {
        return;
    };
    let before = written.before(row).map_or(0, |before| before.reserved);
    let by = written.store.stock(row).reserved - before;
    let other = other(written, row);
    written.undo();
    if let Some(other) = other {
        written.update(other, |stock| stock.reserved += by);
    }
}

fn everywhere(written: &mut Written<'_, '_>) {
    let Some(&row) = written.changed().first() else {
        return;
    };
    for other in written.of_skus() {
        if other != row {
            written.update(other, |stock| stock.reserved += 1);
        }
    }
}

/// Removes an argument from the query and the body.
fn forget(question: &mut Question<'_>, name: &str) {
    question.drop(&[name]);
    question.each(|arguments| remove(arguments, name));
}

/// Sets `location` to that of the first stock of the SKU.
fn first_location(question: &mut Question<'_>, even_if_named: bool) {
    let in_body = |name: &str| question.body.get(name).map(text_of);
    let in_query = |name: &str| question.parameter(name).map(str::to_owned);
    let sku = in_body("sku")
        .or_else(|| in_query("sku"))
        .unwrap_or_default();
    let is_named = in_body("location")
        .or_else(|| in_query("location"))
        .is_some();
    let store = question.service.store();
    let Some(&row) = store.rows_of(sku.trim()).first() else {
        return;
    };
    if is_named && !even_if_named {
        return;
    }
    let location = store.stock(row).location as usize;
    let code = store.places().locations[location].head.code.to_string();
    forget(question, "location");
    if let Value::Object(arguments) = &mut question.body {
        set(arguments, "location", code);
    } else {
        question.query.push(("location".to_owned(), code));
    }
}

fn creates(written: &mut Written<'_, '_>) {
    let is_missing = [None, Some("Stock")]
        .into_iter()
        .any(|model| written.was_refused(&Problem::NoSuchStock(model)));
    if !is_missing || !written.named().is_empty() {
        return;
    }
    let code = written.text("location").unwrap_or_default();
    let (Some(location), Some(sku)) = (
        written.store.places().location_coded(&code),
        written.text("sku"),
    ) else {
        return;
    };
    let now = written.now;
    let stock = written.add(Stock {
        id: 0,
        created: now,
        modified: now,
        stock_written: now,
        period: None,
        stock_type: StockType::default(),
        unit_type: UnitType::default(),
        location,
        stock: 0,
        is_active: true,
        sku: sku.into(),
        reserved: 1,
    });
    written.grant(&stock);
}

fn reported_counts(written: &mut Written<'_, '_>) {
    if written.was_refused(&Problem::AlreadyReported) {
        for row in written.named() {
            written.update(row, |stock| stock.reserved += 1);
        }
    }
}

fn reported_moves(written: &mut Written<'_, '_>) {
    if written.was_refused(&Problem::AlreadyReported) {
        let now = written.now;
        for row in written.named() {
            written.update(row, |stock| stock.modified = now);
        }
    }
}

/// A key made of the operation's path and some of the arguments.
fn keys(written: &Written<'_, '_>, names: &[&str]) -> String {
    let values: Vec<_> = names.iter().map(|name| written.text(name)).collect();
    format!("{} {values:?}", written.call.path)
}

/// Refuses a reservation as already reported if its key was seen before.
fn reported_if(written: &mut Written<'_, '_>, key: fn(&Written<'_, '_>) -> Option<String>) {
    if !written.is_granted() {
        return;
    }
    let Some(key) = key(written) else { return };
    if !written.memory.keep(key) {
        written.undo();
        written.refuse(Problem::AlreadyReported);
    }
}
