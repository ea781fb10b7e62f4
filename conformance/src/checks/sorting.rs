//! `sort`: every field in both directions, over all pages. Values that it ignores are in
//! `sort.yaml`.
//!
//! The page names no field to sort by, so all of this comes from the stack.

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::CodeCheck;
use super::kit::ordering::{compare, in_order};
use super::kit::paging::{STOCKS, page};
use super::kit::places::location_of;
use super::kit::stocks::{Stocks, ids};
use crate::cases::case::{Capability, given};
use crate::cases::probe::{Ask, Probe, Stop};
use crate::model::finding::Level;

pub(super) const CHECKS: &[CodeCheck] = &[
    CodeCheck {
        id: "sort/default-order-is-by-id",
        title: "Without a `sort` the stocks come in the order of their ids",
        section: "List Stock",
        quote: "\"id\": 2,",
        run: |probe| {
            let stocks = Stocks::create(probe)?;
            let shown = stocks.shown(probe, None, 2)?;
            in_order(probe, &shown, &[("id", false)])
        },
        ..SORT
    },
    CodeCheck {
        id: "sort/every-field-ascends",
        title: "A `sort` by any field of a stock begins with the least",
        run: |probe| every_field(probe, false),
        ..SORT
    },
    CodeCheck {
        id: "sort/every-field-descends",
        title: "A `sort` by any field with a minus begins with the most",
        run: |probe| every_field(probe, true),
        ..SORT
    },
    CodeCheck {
        id: "sort/further-fields-order-what-is-equal",
        title: "The second field of a `sort` orders the stocks that are equal in the first",
        run: |probe| {
            let stocks = Stocks::create(probe)?;
            for fields in [
                [("stock", false), ("id", true)],
                [("stock", true), ("sku", false)],
                [("is_active", true), ("modified_date", true)],
            ] {
                let shown = stocks.shown(probe, Some(&fields), 4)?;
                in_order(probe, &shown, &fields)?;
            }
            Ok(())
        },
        ..SORT
    },
    CodeCheck {
        id: "sort/every-field-orders-behind-another",
        title: "A second field of a `sort`, whichever it is, orders what is equal in the first",
        run: behind_another,
        ..SORT
    },
    CodeCheck {
        id: "sort/orders-across-pages",
        title: "A `sort` orders the whole list before it is cut into pages",
        run: |probe| {
            let stocks = Stocks::create(probe)?;
            for fields in [[("sku", true)], [("modified_date", true)]] {
                let shown = stocks.shown(probe, Some(&fields), 1)?;
                in_order(probe, &shown, &fields)?;
            }
            Ok(())
        },
        ..SORT
    },
    CodeCheck {
        id: "sort/equal-stocks-keep-their-order",
        title: "Asked twice, a `sort` shows the stocks that it leaves equal in the same order",
        run: repeated,
        ..SORT
    },
    CodeCheck {
        id: "sort/places-stay-together",
        title: "A `sort` by location shows the stocks of each together, with a minus the last first",
        run: places,
        ..SORT
    },
    CodeCheck {
        id: "readings/place-order",
        title: "Whether places are ordered by what is shown or by their ids",
        level: Level::Must,
        section: "Search Stocks",
        quote: "&stock_type=<string>&sort=<string>",
        capability: Some(Capability::Places),
        reading: Some("place-order"),
        run: place_order,
        ..SORT
    },
];

const SORT: CodeCheck = CodeCheck {
    level: Level::Should,
    section: "docs/stack.md#ordering",
    quote: "sort=bogus,-stock sorts by stock, descending",
    needs: &["provider", "location", "second-location"],
    ..CodeCheck::WRITE
};

/// The fields by which the stocks of a check differ, in the order of a stock's members.
const FIELDS: &[&str] = &[
    "id",
    "created_date",
    "modified_date",
    "stock_type",
    "unit_type",
    "stock",
    "is_active",
    "sku",
];

fn every_field(probe: &mut Probe<'_>, down: bool) -> Result<(), Stop> {
    let stocks = Stocks::create(probe)?;
    for field in FIELDS {
        let fields = [(*field, down)];
        let shown = stocks.shown(probe, Some(&fields), stocks.rows.len())?;
        in_order(probe, &shown, &fields)?;
    }
    Ok(())
}

/// Sorts by the reserved quantity first, which is equal in all stocks of a check.
fn behind_another(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let stocks = Stocks::create(probe)?;
    for field in FIELDS {
        for down in [false, true] {
            let fields = [("reserved_stock", true), (*field, down)];
            let shown = stocks.shown(probe, Some(&fields), stocks.rows.len())?;
            in_order(probe, &shown, &fields)?;
        }
    }
    Ok(())
}

fn repeated(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let stocks = Stocks::create(probe)?;
    for field in ["stock", "is_active"] {
        let ask = stocks
            .ask()
            .with("sort", field)
            .with("limit", stocks.rows.len());
        let (once, again) = (page(probe, &ask)?, page(probe, &ask)?);
        let (once, again) = (ids(&once.rows), ids(&again.rows));
        if once != again {
            return Err(probe.fail(format!(
                "sort={field}: expected the stocks {once:?} again, got {again:?}"
            )));
        }
    }
    Ok(())
}

fn places(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let stocks = Stocks::create(probe)?;
    let mut orders = Vec::new();
    for down in [false, true] {
        let fields = [("location", down)];
        let shown = stocks.shown(probe, Some(&fields), stocks.rows.len())?;
        let mut codes: Vec<_> = shown.iter().map(|row| row["location"].clone()).collect();
        codes.dedup();
        orders.push(codes);
    }
    orders[1].reverse();
    if orders[0].len() == 2 && orders[0] == orders[1] {
        return Ok(());
    }
    Err(probe.fail(format!(
        "expected two locations by sort=location, and the reverse by sort=-location, got {} and {}",
        Value::from(orders[0].clone()),
        Value::from(orders[1].iter().rev().cloned().collect::<Vec<_>>())
    )))
}

fn place_order(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let [one, other] = ["location", "second-location"].map(|name| probe.need(name));
    let (one, other) = (one?, other?);
    let Some(by_code) = plain_order(&one, &other) else {
        return Err(Stop::Unsupported(format!(
            "which of `{one}` and `{other}` comes first is a matter of language"
        )));
    };
    let provider = probe.need("provider")?;
    let first = location_of(probe, &one, &provider)?;
    let second = location_of(probe, &other, &provider)?;
    let by_id = compare(&first["id"], &second["id"]);
    let stock = given(probe, "one", &json!({}))?;
    given(probe, "other", &json!({"location": other}))?;
    let got = first_by(probe, "sku", "location", &stock)?;
    let mut fitting = vec![("code", by_code), ("id", by_id)];
    fitting.retain(|(_, order)| *order == got);
    // Providers are sorted like locations, if there are two to tell apart.
    let names = ["opted-out-provider", "opted-out-location"].map(|name| probe.need(name));
    if let [Ok(elsewhere), Ok(foreign)] = names
        && let Some(by_name) = plain_order(&provider, &elsewhere)
    {
        let abroad = location_of(probe, &foreign, &elsewhere)?;
        let by_id = compare(&first["provider"], &abroad["provider"]);
        let sku = probe.need("sku2")?;
        let stock = given(probe, "one's", &json!({"sku": sku}))?;
        let its = json!({"sku": sku, "provider": elsewhere, "location": foreign});
        given(probe, "another's", &its)?;
        let got = first_by(probe, "sku2", "provider", &stock)?;
        fitting.retain(|(choice, _)| got == if *choice == "code" { by_name } else { by_id });
    }
    let fitting = fitting.into_iter().map(|(id, _)| id.to_owned());
    probe.choices = Some(fitting.collect());
    Ok(())
}

/// Returns the order of a stock and the other one of its SKU, when sorted by a field.
fn first_by(
    probe: &mut Probe<'_>,
    sku: &str,
    field: &str,
    stock: &Value,
) -> Result<Ordering, Stop> {
    let sku = probe.need(sku)?;
    let ask = Ask::get(STOCKS).with("sku", sku).with("sort", field);
    let shown = page(probe, &ask.with("limit", 1))?;
    let first = shown.rows.first();
    if first.is_some_and(|row| row["id"] == stock["id"]) {
        Ok(Ordering::Less)
    } else {
        Ok(Ordering::Greater)
    }
}

/// Returns the order of two texts if all languages agree on it: the first characters that differ
/// are both digits, or both small ASCII letters.
fn plain_order(one: &str, other: &str) -> Option<Ordering> {
    let (one, other) = one
        .bytes()
        .zip(other.bytes())
        .find(|(one, other)| one != other)?;
    let alike = |is: fn(&u8) -> bool| is(&one) && is(&other);
    let agreed = alike(u8::is_ascii_digit) || alike(u8::is_ascii_lowercase);
    agreed.then(|| one.cmp(&other))
}
