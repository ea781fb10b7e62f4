//! `sort`: every field in both directions, over all pages. Values that it ignores are in
//! `sort.yaml`.
//!
//! The page names no field to sort by, so all of this comes from the stack.

use std::cmp::Ordering;

use serde_json::{Value, json};
use whippy_engine::members::STOCK;

use super::CodeCheck;
use super::kit::ordering::{compare, in_order, term};
use super::kit::paging::{STOCKS, page};
use super::kit::places::location_of;
use super::kit::stocks::{Stocks, ids, stock_of};
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
        run: equal_in_the_first,
        ..SORT
    },
    CodeCheck {
        id: "sort/every-field-orders-behind-another",
        title: "A second field of a `sort`, whichever it is, orders what is equal in the first",
        run: behind_another,
        ..SORT
    },
    CodeCheck {
        id: "sort/places-order-behind-another",
        title: "A location orders what is equal in the first field of a `sort` as it orders alone",
        run: places_behind_another,
        ..SORT
    },
    CodeCheck {
        id: "sort/numbers-below-zero-come-first",
        title: "A `sort` by a quantity heeds its sign",
        run: signed,
        ..SORT
    },
    CodeCheck {
        id: "sort/periods-are-ordered-by-their-start",
        title: "A `sort` by period begins with the earliest start, beside other fields and on later pages too",
        when: &[("period-shape", &["range"])],
        run: periods,
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

/// Returns the fields in which some stocks of a check are equal.
fn shared() -> impl Iterator<Item = &'static str> {
    let apart = ["id", "created_date", "modified_date", "period"];
    let names = STOCK.iter().map(|member| member.name);
    names.filter(move |name| !apart.contains(name))
}

/// Fails the check if `-id` behind another field is ignored.
fn equal_in_the_first(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let stocks = Stocks::create(probe)?;
    for name in shared() {
        for down in [false, true] {
            let fields = [(name, down), ("id", true)];
            let shown = stocks.shown(probe, Some(&fields), stocks.rows.len())?;
            let equal = shown.chunk_by(|one, other| one[name] == other[name]);
            let mut values: Vec<_> = equal
                .clone()
                .map(|equal| equal[0][name].to_string())
                .collect();
            values.sort_unstable();
            if let Some([value, ..]) = values.windows(2).find(|pair| pair[0] == pair[1]) {
                return Err(probe.fail(format!(
                    "sort={}: expected all stocks with the {name} {value} together, got others between",
                    term(&fields)
                )));
            }
            for equal in equal {
                in_order(probe, equal, &fields)?;
            }
        }
    }
    let fields = [("is_active", true), ("modified_date", true)];
    let shown = stocks.shown(probe, Some(&fields), stocks.rows.len())?;
    in_order(probe, &shown, &fields)
}

/// Fails the check if a location orders otherwise beside a field in which all stocks are equal.
fn places_behind_another(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let stocks = Stocks::create(probe)?;
    for down in [false, true] {
        let mut orders = Vec::new();
        for fields in [
            &[("location", down)][..],
            &[("reserved_stock", true), ("location", down)],
            &[("location", down), ("reserved_stock", true)],
        ] {
            let shown = stocks.shown(probe, Some(fields), stocks.rows.len())?;
            let mut codes: Vec<_> = shown.iter().map(|row| row["location"].clone()).collect();
            codes.dedup();
            orders.push((term(fields), Value::from(codes)));
        }
        let (alone, expected) = orders[0].clone();
        if let Some((beside, got)) = orders.into_iter().find(|(_, order)| *order != expected) {
            return Err(probe.fail(format!(
                "sort={beside}: expected the locations {expected}, as by sort={alone}, got {got}"
            )));
        }
    }
    Ok(())
}

/// Fails the check if -20 does not come before 3, as quantity of one SKU at two locations.
fn signed(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let (sku, elsewhere) = (probe.need("sku")?, probe.need("second-location")?);
    for (location, number) in [(probe.need("location")?, -20), (elsewhere, 3)] {
        let mut stock = stock_of(probe, &sku)?;
        for (name, value) in [("stock", number), ("reserved_stock", number)] {
            stock[name] = value.into();
        }
        stock["location"] = location.into();
        let answer = probe.send(&Ask::post(STOCKS, stock).named("given stock"))?;
        if answer.status == 400 && number < 0 {
            let why = "the target takes no quantity below zero";
            return Err(Stop::Unsupported(why.to_owned()));
        }
        probe.expect_status(&answer, &[201])?;
    }
    for name in ["stock", "reserved_stock"] {
        for down in [false, true] {
            let fields = [(name, down)];
            let ask = Ask::get(STOCKS).with("sku", &sku).with("limit", 5);
            let shown = page(probe, &ask.with("sort", term(&fields)))?;
            in_order(probe, &shown.rows, &fields)?;
        }
    }
    Ok(())
}

fn periods(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let stocks = Stocks::with_periods(probe)?;
    let all = stocks.rows.len();
    for (fields, limit) in [
        (&[("period", false)][..], all),
        (&[("period", true)], all),
        (&[("period", false)], 2),
        (&[("period", true)], 2),
        (&[("reserved_stock", true), ("period", false)], all),
        (&[("reserved_stock", true), ("period", true)], all),
    ] {
        let shown = stocks.shown(probe, Some(fields), limit)?;
        in_order(probe, &shown, fields)?;
    }
    // The first and the fourth are equal.
    for down in [false, true] {
        let fields = [("period", down), ("id", true)];
        let shown = stocks.shown(probe, Some(&fields), all)?;
        let is_equal = |row: &&Value| row["period"] == stocks.rows[0]["period"];
        let equal: Vec<_> = shown.iter().filter(is_equal).cloned().collect();
        in_order(probe, &equal, &fields)?;
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
