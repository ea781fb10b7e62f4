//! Defects of creates: they store something else, or accept a request that should be refused.

use serde_json::Value;

use super::delivery::Delivery;
use super::edit::{Object, remove, set};
use super::effect::Effect::{Amend, Rewrite, Take};
use super::effect::{Defect, defect};
use super::operations::CREATE;
use super::question::Question;
use super::scene::{Scene, json_of};
use super::written::Written;
use crate::model::stock::Stock;
use crate::problem::{Problem, wording};
use crate::store::Store;

#[rustfmt::skip]
pub(super) const ROWS: &[Defect] = &[
    // Duplicates and places.
    defect("create-applies-a-duplicate", CREATE, Amend(accept_duplicate), "A stock that exists is created a second time."),
    defect("create-overwrites-a-duplicate", CREATE, Amend(overwrite), "A create of a stock that exists sets its quantity and answers 201."),
    defect("create-exists-ignores-location", CREATE, Amend(|w| exists_if(w, |_, _, _| true)), "A stock of the SKU at another location counts as the same."),
    defect("create-exists-ignores-sku", CREATE, Amend(exists_at_location), "A stock of another SKU at the location counts as the same."),
    defect("create-exists-ignores-location-of-provider", CREATE, Amend(|w| exists_if(w, same_provider)), "A stock of the SKU at another location of the provider counts as the same."),
    defect("create-accepts-a-foreign-location", CREATE, Rewrite(|q| if q.body.get("provider").is_some() { at_its_provider(q) }), "A location of another provider is accepted."),
    defect("create-refuses-a-good-location", CREATE, Amend(|w| if w.is_granted() { w.undo(); w.refuse(Problem::InvalidLocation) }), "A location of the provider is refused."),
    // Stocks that are written at all.
    defect("create-writes-nothing", CREATE, Amend(|w| if w.is_granted() { w.undo() }), "A create answers 201 and writes nothing."),
    defect("create-writes-twice", CREATE, Amend(writes_twice), "A create writes two stocks."),
    defect("create-writes-what-it-refuses", CREATE, Take(writes_refused), "A create that is refused for its quantity has written the stock."),
    defect("create-moves-the-others", CREATE, Amend(moves_others), "A create adds its quantity to the other stocks of the SKU."),
    // Defaults of fields that are left out.
    defect("create-defaults-to-inactive", CREATE, Rewrite(|q| absent(q, "is_active", false)), "Without `is_active` a stock is not active."),
    defect("create-defaults-to-scheduled", CREATE, Rewrite(|q| absent(q, "stock_type", "scheduled")), "Without `stock_type` a stock is `scheduled`."),
    defect("create-defaults-to-kilograms", CREATE, Rewrite(|q| absent(q, "unit_type", "kg")), "Without `unit_type` a stock counts in `kg`."),
    defect("create-defaults-to-one-reserved", CREATE, Rewrite(|q| absent(q, "reserved_stock", 1)), "Without `reserved_stock` one is reserved."),
    defect("create-does-without-stock", CREATE, Rewrite(|q| absent(q, "stock", 0)), "`stock` is not required: without it there are 0."),
    defect("create-does-without-provider", CREATE, Rewrite(|q| if q.body.get("provider").is_none() { at_its_provider(q) }), "`provider` is not required: without it, it is the location's."),
    defect("create-demands-unit-type", CREATE, Take(|s| demand(s, "unit_type")), "`unit_type` is required."),
    defect("create-demands-reserved-stock", CREATE, Take(|s| demand(s, "reserved_stock")), "`reserved_stock` is required."),
    // Fields that are ignored.
    defect("create-ignores-reserved-stock", CREATE, Rewrite(|q| q.each(|s| remove(s, "reserved_stock"))), "A create passes over `reserved_stock`."),
    defect("create-ignores-is-active", CREATE, Rewrite(|q| q.each(|s| remove(s, "is_active"))), "A create passes over `is_active`."),
    defect("create-ignores-unit-type", CREATE, Rewrite(|q| q.each(|s| remove(s, "unit_type"))), "A create passes over `unit_type`."),
    defect("create-ignores-stock-type", CREATE, Rewrite(|q| q.each(|s| remove(s, "stock_type"))), "A create passes over `stock_type`."),
    defect("create-ignores-period", CREATE, Rewrite(|q| q.each(|s| remove(s, "period"))), "A create passes over `period`."),
    // Values that are changed on their way.
    defect("create-stores-one-less", CREATE, Amend(|w| w.change(|_, stock| stock.stock = stock.stock.saturating_sub(1))), "A stock has one piece less than it was created with."),
    defect("create-takes-off-the-reserved", CREATE, Amend(|w| w.change(|_, stock| stock.stock = stock.stock.saturating_sub(stock.reserved))), "`reserved_stock` is taken off `stock`."),
    defect("create-clamps-negative-stock", CREATE, Amend(|w| w.change(|_, stock| stock.stock = stock.stock.max(0))), "A negative `stock` is written as 0."),
    defect("create-caps-stock", CREATE, Amend(|w| w.change(|_, stock| stock.stock = stock.stock.min(32_767))), "A `stock` above 32767 is written as 32767."),
    defect("create-lowers-the-sku", CREATE, Rewrite(|q| on_sku(q, str::to_lowercase)), "A SKU is written in lower case."),
    defect("create-cuts-the-sku", CREATE, Rewrite(|q| on_sku(q, |sku| sku.chars().take(10).collect())), "A SKU is cut to ten characters."),
    defect("create-loses-the-end-of-the-sku", CREATE, Rewrite(|q| on_sku(q, without_end)), "A SKU loses its last character."),
    defect("create-loses-leading-zeros", CREATE, Rewrite(|q| on_sku(q, without_zeros)), "A SKU loses its leading zeros."),
    defect("create-loses-accents", CREATE, Rewrite(|q| on_sku(q, |sku| sku.replace(|c: char| !c.is_ascii(), "?"))), "What is not ASCII in a SKU becomes a question mark."),
    defect("create-rounds-fractions", CREATE, Rewrite(|q| q.each(round)), "A fractional `stock` is rounded, not refused."),
];

/// Creates a stock that exists a second time, where the engine refused it as a duplicate.
pub(super) fn accept_duplicate(written: &mut Written<'_, '_>) {
    if !written.was_refused(&Problem::StockExists) {
        return;
    }
    let Some(&row) = written.named().first() else {
        return;
    };
    let (stock, now) = (written.store.stock(row), written.now);
    let stock = written.add(Stock {
        created: now,
        modified: now,
        stock_written: now,
        ..stock
    });
    written.grant(&stock);
}

fn overwrite(written: &mut Written<'_, '_>) {
    if !written.was_refused(&Problem::StockExists) {
        return;
    }
    let quantity = written.text("stock").and_then(|stock| stock.parse().ok());
    let (Some(&row), Some(quantity)) = (written.named().first(), quantity) else {
        return;
    };
    let now = written.now;
    written.update(row, |stock| {
        stock.stock = quantity;
        stock.modified = now;
    });
    let stock = written.store.stock(row);
    written.grant(&stock);
}

/// Refuses a create with "already exists" where `is_same` takes an older stock of the SKU for
/// the new one.
fn exists_if(written: &mut Written<'_, '_>, is_same: fn(&Store, &Stock, &Stock) -> bool) {
    let Some(&new) = written.changed().first() else {
        return;
    };
    let created = written.store.stock(new);
    let is_there = written.of_skus().into_iter().any(|row| {
        let other = written.before(row);
        other.is_some_and(|other| is_same(written.store, &created, &other))
    });
    if written.is_granted() && is_there {
        written.undo();
        written.refuse(Problem::StockExists);
    }
}

fn same_provider(store: &Store, one: &Stock, other: &Stock) -> bool {
    let provider = |stock: &Stock| store.places().locations[stock.location as usize].provider;
    provider(one) == provider(other)
}

fn exists_at_location(written: &mut Written<'_, '_>) {
    let Some(&new) = written.changed().first() else {
        return;
    };
    let location = written.store.stock(new).location;
    let is_there = written.before.skus().any(|(_, rows)| {
        rows.iter()
            .any(|&row| written.before.stock(row).location == location)
    });
    if written.is_granted() && is_there {
        written.undo();
        written.refuse(Problem::StockExists);
    }
}

/// Sets `provider` in each row of the body to the provider that owns the row's location.
fn at_its_provider(question: &mut Question<'_>) {
    let store = question.service.store();
    let places = store.places();
    question.each(|stock| {
        let code = stock.get("location").map(text_of).unwrap_or_default();
        if let Some(at) = places.location_coded(&code) {
            let provider = places.locations[at as usize].provider;
            let name = places.providers[provider as usize].head.name.as_str();
            set(stock, "provider", name);
        }
    });
}

/// The trimmed text of a string; any other value as JSON.
pub(super) fn text_of(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), |text| text.trim().to_owned())
}

fn writes_twice(written: &mut Written<'_, '_>) {
    if let (true, Some(&row)) = (written.is_granted(), written.changed().first()) {
        let stock = written.store.stock(row);
        written.add(stock);
    }
}

fn writes_refused(scene: &Scene<'_>) -> Delivery {
    let delivery = scene.usual();
    if matches!(&delivery, Delivery::Answer(reply) if !json_of(reply)["stock"].is_null()
        && reply.response.status() == 400)
    {
        let written = scene.ask(|question| {
            question.each(|stock| {
                set(stock, "stock", 0);
                if stock.get("provider").is_none() || stock.get("location").is_none() {
                    remove(stock, "sku");
                }
            });
        });
        if written.is_some_and(|reply| reply.response.status() == 201) {
            scene.mark();
        }
    }
    delivery
}

fn moves_others(written: &mut Written<'_, '_>) {
    let Some(&new) = written.changed().first() else {
        return;
    };
    let added = written.store.stock(new).stock;
    for row in written.of_skus() {
        if row != new {
            written.update(row, |stock| stock.stock = stock.stock.saturating_add(added));
        }
    }
}

/// Sets a member in each row of the body that lacks it.
fn absent(question: &mut Question<'_>, name: &str, value: impl Into<Value>) {
    let value = value.into();
    question.each(|stock| {
        if !stock.contains_key(name) {
            set(stock, name, value.clone());
        }
    });
}

fn demand(scene: &Scene<'_>, name: &'static str) -> Delivery {
    let question = Question::of(scene.request, scene.service);
    if question.body.is_object() && question.body.get(name).is_none() {
        return scene.refuse(&Problem::field(name, wording::REQUIRED));
    }
    scene.usual()
}

fn on_sku(question: &mut Question<'_>, change: impl Fn(&str) -> String) {
    question.each(|stock| {
        if let Some(sku) = stock.get("sku").and_then(Value::as_str) {
            let changed = change(sku);
            set(stock, "sku", changed);
        }
    });
}

fn without_end(sku: &str) -> String {
    let mut sku = sku.to_owned();
    if sku.chars().count() > 1 {
        sku.pop();
    }
    sku
}

fn without_zeros(sku: &str) -> String {
    let kept = sku.trim_start_matches('0');
    if kept.is_empty() { sku } else { kept }.to_owned()
}

fn round(stock: &mut Object) {
    if let Some(number) = stock.get("stock").and_then(Value::as_f64)
        && number.fract() != 0.0
        && number.abs() < 1e9
    {
        #[allow(clippy::cast_possible_truncation)] // It is below a billion.
        let rounded = number.round() as i64;
        set(stock, "stock", rounded);
    }
}
