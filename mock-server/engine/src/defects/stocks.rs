//! Defects of the shape in which stocks are shown.

use serde_json::{Value, json};

use super::edit::{Object, alter, quoted, remove, rename, set};
use super::effect::Effect::{Body, Every, Row, RowOf};
use super::effect::{Defect, defect};
use super::operations::{CREATE, INCREASE, LIST, RESERVE, STOCKS};
use crate::store::Store;
use crate::store::places::Places;

#[rustfmt::skip]
pub(super) const ROWS: &[Defect] = &[
    // Keys.
    defect("stock-without-id", STOCKS, Row(|s| remove(s, "id")), "A stock is shown without `id`."),
    defect("stock-without-period", STOCKS, Row(|s| remove(s, "period")), "A stock is shown without `period`."),
    defect("stock-without-unit-type", STOCKS, Row(|s| remove(s, "unit_type")), "A stock is shown without `unit_type`."),
    defect("stock-without-is-active", STOCKS, Row(|s| remove(s, "is_active")), "A stock is shown without `is_active`."),
    defect("stock-without-reserved-stock", RESERVE, Row(|s| remove(s, "reserved_stock")), "A reservation shows the stock without `reserved_stock`."),
    defect("stock-without-modified-date", LIST, Row(|s| remove(s, "modified_date")), "The list shows stocks without `modified_date`."),
    defect("stock-key-unittype", STOCKS, Row(|s| rename(s, "unit_type", "unittype")), "`unit_type` is called `unittype`."),
    defect("stock-key-reserved", STOCKS, Row(|s| rename(s, "reserved_stock", "reserved")), "`reserved_stock` is called `reserved`."),
    defect("stock-key-active", STOCKS, Row(|s| rename(s, "is_active", "active")), "`is_active` is called `active`."),
    defect("stock-keys-in-camel-case", STOCKS, Row(camel_case), "The keys of a stock are in camel case: `createdDate`."),
    defect("stock-extra-key", STOCKS, Row(|s| set(s, "url", "")), "A stock has a key more, `url`."),
    // Types.
    defect("stock-id-is-text", STOCKS, Row(|s| alter(s, "id", quoted)), "`id` is a string."),
    defect("stock-quantity-is-text", STOCKS, Row(|s| alter(s, "stock", quoted)), "`stock` is a string."),
    defect("stock-quantity-is-a-float", STOCKS, Row(|s| alter(s, "stock", fraction)), "`stock` has a fraction: `5.0`."),
    defect("stock-reserved-is-text", STOCKS, Row(|s| alter(s, "reserved_stock", quoted)), "`reserved_stock` is a string."),
    defect("stock-location-is-a-number", STOCKS, RowOf(number_location), "`location` is a number: the code's, or the location's id where the code is none."),
    defect("stock-location-is-an-object", STOCKS, Row(|s| alter(s, "location", |code| json!({"code": code}))), "`location` is an object with its code."),
    defect("stock-provider-is-an-id", STOCKS, RowOf(number_provider), "`provider` is the provider's id."),
    defect("stock-provider-is-an-object", STOCKS, Row(|s| alter(s, "provider", |name| json!({"name": name}))), "`provider` is an object with its name."),
    defect("stock-is-active-is-text", STOCKS, Row(|s| alter(s, "is_active", quoted)), "`is_active` is a string: `\"true\"`."),
    defect("stock-is-active-is-a-number", STOCKS, Row(|s| alter(s, "is_active", |is| i64::from(is == true).into())), "`is_active` is 1 or 0."),
    defect("stock-sku-is-an-object", STOCKS, Row(|s| alter(s, "sku", |sku| json!({"sku": sku}))), "`sku` is an object."),
    // Null in place of a value, and the reverse.
    defect("stock-is-active-is-null", STOCKS, Row(|s| set(s, "is_active", Value::Null)), "`is_active` is null."),
    defect("stock-reserved-is-null", STOCKS, Row(|s| alter(s, "reserved_stock", |n| if *n == 0 { Value::Null } else { n.clone() })), "A `reserved_stock` of 0 is shown as null."),
    defect("stock-modified-date-is-null", STOCKS, Row(|s| set(s, "modified_date", Value::Null)), "`modified_date` is null."),
    defect("stock-location-is-null", LIST, Row(|s| set(s, "location", Value::Null)), "The list shows `location` as null."),
    defect("stock-period-is-text", STOCKS, Row(|s| alter(s, "period", |p| if p.is_null() { "".into() } else { p.to_string().into() })), "`period` is a string, an empty one where it should be null."),
    defect("stock-period-is-open", STOCKS, Row(|s| alter(s, "period", |p| if p.is_null() { json!({"lower": null, "upper": null, "bounds": "[)"}) } else { p.clone() })), "A `period` that should be null is a range without ends."),
    // Values.
    defect("stock-type-in-capitals", STOCKS, Row(|s| alter(s, "stock_type", capitals)), "`stock_type` is in capitals."),
    defect("stock-unit-type-by-label", STOCKS, Row(|s| alter(s, "unit_type", label)), "`unit_type` shows the label: `quantity`, `kilogram`."),
    defect("stock-location-with-a-space", STOCKS, Row(|s| alter(s, "location", |code| json!(format!("{} ", code.as_str().unwrap_or_default())))), "`location` has a space behind it."),
    defect("stock-provider-in-capitals", STOCKS, Row(|s| alter(s, "provider", |name| json!(name.as_str().unwrap_or_default().to_uppercase()))), "`provider` is in capitals."),
    defect("stock-and-reserved-swapped", STOCKS, Row(|s| swap(s, "stock", "reserved_stock")), "`stock` and `reserved_stock` stand in each other's place."),
    defect("stock-is-what-is-left", STOCKS, Row(less_reserved), "`stock` is what is left once the reserved is taken off."),
    defect("stock-ids-are-shared", STOCKS, Row(|s| alter(s, "id", |id| (id.as_i64().unwrap_or(0) / 64).into())), "Different stocks have the same id."),
    defect("stock-ids-change", STOCKS, Every(2, &Row(|s| alter(s, "id", |id| (id.as_i64().unwrap_or(0) + 1).into()))), "A stock has another id at every second look."),
    // Bodies of one operation.
    defect("create-answers-the-id-alone", CREATE, Body(|body| *body = json!({"id": body["id"]})), "A create answers with the id alone."),
    defect("create-answers-wrapped", CREATE, Body(|body| *body = json!({"data": body})), "A create answers with the stock under `data`."),
    defect("create-answers-a-list", CREATE, Body(|body| *body = json!([body])), "A create answers with a list of one stock."),
    defect("increase-answers-the-number-alone", INCREASE, Body(|body| *body = json!({"reserved_stock": body["reserved_stock"]})), "An increase answers with `reserved_stock` alone."),
    defect("reservation-answers-a-message", RESERVE, Body(|body| *body = json!({"message": "OK"})), "A reservation answers with a message in place of the stock."),
];

fn camel_case(stock: &mut Object) {
    let names: Vec<String> = stock.keys().cloned().collect();
    for name in names {
        let mut words = name.split('_');
        let mut camel = words.next().unwrap_or_default().to_owned();
        for word in words {
            camel.push_str(&word[..1].to_uppercase());
            camel.push_str(&word[1..]);
        }
        rename(stock, &name, &camel);
    }
}

fn fraction(number: &Value) -> Value {
    number.as_f64().into()
}

fn capitals(text: &Value) -> Value {
    text.as_str().unwrap_or_default().to_uppercase().into()
}

fn label(unit: &Value) -> Value {
    if unit == "kg" { "kilogram" } else { "quantity" }.into()
}

fn swap(object: &mut Object, one: &str, other: &str) {
    let pair = (object.get(one).cloned(), object.get(other).cloned());
    if let (Some(first), Some(second)) = pair {
        set(object, one, second);
        set(object, other, first);
    }
}

fn less_reserved(stock: &mut Object) {
    let number = |name: &str| stock.get(name).and_then(Value::as_i64);
    if let (Some(all), Some(reserved)) = (number("stock"), number("reserved_stock")) {
        set(stock, "stock", all - reserved);
    }
}

/// The code of a location as a number, or else the location's id.
pub(super) fn location_number(places: &Places, code: &Value) -> Value {
    let code = code.as_str().unwrap_or_default();
    let id = || {
        let at = places.location_coded(code)?;
        Some(places.locations[at as usize].head.id)
    };
    code.parse().ok().or_else(id).map_or(Value::Null, i64::into)
}

fn number_location(store: &Store, stock: &mut Object) {
    alter(stock, "location", |code| {
        location_number(store.places(), code)
    });
}

fn number_provider(store: &Store, stock: &mut Object) {
    let places = store.places();
    alter(stock, "provider", |name| {
        let at = name.as_str().and_then(|name| places.provider_named(name));
        at.map(|at| places.providers[at as usize].head.id).into()
    });
}
