//! Large batches: every row of an upsert is applied, every SKU of a query is answered, and the list
//! finds every stock.

use http::Method;
use serde_json::{Value, json};

use super::CodeCheck;
use super::kit::paging::{STOCKS, page};
use super::kit::places::known_provider_name;
use super::kit::stocks::{number_of, stock_of};
use crate::cases::case::{takes_query, with_arguments};
use crate::cases::probe::{Ask, Probe, Stop};
use crate::workers::Stopwatch;

pub(super) const CHECKS: &[CodeCheck] = &[
    CodeCheck {
        id: "batches/a-thousand-rows-are-all-applied",
        title: "An upsert of 21 stocks, and of 101 and 1,001 where that is quick, writes each as it says, a query \
                of as many SKUs answers for each, and every filter counts them all",
        section: "Insert/Update Single/Multiple Stock",
        quote: "Insert/Update Single/Multiple Stock",
        run: a_thousand,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "batches/rows-of-one-sku-are-all-applied",
        title: "Rows of an upsert that share a SKU are applied each at its location, and the last of two \
                for one stock counts",
        section: "Insert/Update Single/Multiple Stock",
        quote: "Insert/Update Single/Multiple Stock",
        needs: &["provider", "location", "second-location"],
        run: of_one_sku,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "batches/a-few-skus-are-all-answered",
        title: "A query of two or three SKUs answers for each with its own rows",
        section: "Multi Stock Query",
        quote: "Store_checkResult",
        run: a_few,
        ..CodeCheck::WRITE
    },
];

const UPSERT: &str = "/api/v1/stocks/insert_or_update_stock/";

/// Sizes just above the round numbers at which a service may cut a batch, each with a letter for
/// its SKUs. A size is sent only if the one before was answered within the time given,
/// microseconds: ten times that time burdens nobody.
const ROWS: [(char, u32, u64); 3] = [
    ('k', 21, u64::MAX),
    ('m', 101, 500_000),
    ('n', 1_001, 300_000),
];

/// The size from which a missing answer is not a finding.
const MANY: u32 = 1_000;

/// The most SKUs in a query string, short enough for any server.
const ROWS_BY_QUERY: u32 = 101;

/// Positions at which mistakes in batches are likely: the first and second, each tenth, one after a
/// round number, the middle, the last.
const LOOKED_AT: [u32; 14] = [0, 1, 2, 9, 10, 19, 20, 50, 51, 100, 101, 500, 1_000, 500];

/// Returns the quantity of a row beyond the least. Half of the rows have the least quantity, so
/// that one value of a filter finds many.
fn beyond(position: u32) -> u32 {
    if LOOKED_AT.contains(&position) || position % 2 == 1 {
        position
    } else {
        0
    }
}

/// Returns the reserved quantity of a row, nonzero only at some of the [`LOOKED_AT`]. In the end
/// each reservation is released by a request of its own.
fn reserved_of(position: u32) -> u32 {
    if LOOKED_AT.contains(&position) {
        position % 7
    } else {
        0
    }
}

fn a_thousand(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let base = probe.need("sku")?;
    let mut largest = None;
    let mut took = 0;
    for (mark, rows, most) in ROWS {
        if took > most {
            break;
        }
        let base = format!("{base}{mark}");
        let watch = Stopwatch::start();
        let Some(sent) = all_applied(probe, &base, rows)? else {
            break;
        };
        took = watch.micros();
        largest = Some((base, sent));
    }
    match largest {
        Some((base, sent)) => all_found(probe, &base, &sent),
        None => Ok(()),
    }
}

/// Upserts a batch, and returns its rows as they were sent; `None` where the service does not
/// accept so many at once.
fn all_applied(probe: &mut Probe<'_>, base: &str, rows: u32) -> Result<Option<Vec<Value>>, Stop> {
    let least = number_of(base);
    let has_periods = probe.session.sees("period-shape", "range");
    let mut sent = Vec::new();
    for position in 0..rows {
        let mut row = stock_of(probe, &format!("{base}{position}"))?;
        row["stock"] = (least + beyond(position)).into();
        row["reserved_stock"] = reserved_of(position).into();
        if has_periods {
            row["stock_type"] = "scheduled".into();
            row["period"] = json!({
                "lower": "2031-07-01T08:00:00+03:00", "upper": "2031-08-01T08:00:00+03:00", "bounds": "[)",
            });
        }
        row["unit_type"] = if position % 3 == 0 { "qty" } else { "kg" }.into();
        sent.push(row);
    }
    let ask = Ask::post(UPSERT, json!(sent)).named("upsert of many rows");
    if rows >= MANY {
        let answer = probe.session.send_unjudged(&ask);
        let is_taken = answer.is_ok_and(|answer| answer.status == 200);
        return Ok(is_taken.then_some(sent));
    }
    let answer = probe.send(&ask)?;
    if [413, 504, 524].contains(&answer.status) {
        return Ok(None);
    }
    probe.expect_status(&answer, &[200])?;
    Ok(Some(sent))
}

/// Fails the check unless each filter counts the rows, those at [`LOOKED_AT`] are as they were
/// sent, and the queries answer for all of them.
fn all_found(probe: &mut Probe<'_>, base: &str, sent: &[Value]) -> Result<(), Stop> {
    let least = number_of(base);
    let rows = u32::try_from(sent.len()).unwrap_or(u32::MAX);
    let counted = counted(probe, base, (least, rows), sent)?;
    for position in LOOKED_AT.into_iter().filter(|position| *position < rows) {
        let sku = format!("{base}{position}");
        let ask = Ask::get(STOCKS).with("sku", &sku).named("one of them");
        let shown = page(probe, &ask)?.rows;
        let sent = &sent[position as usize];
        let is_as_sent = |row: &Value| {
            let mut members = sent.as_object().into_iter().flatten();
            members.all(|(name, value)| name == "period" || row[name] == *value)
        };
        if shown.len() != 1 || !is_as_sent(&shown[0]) {
            return Err(probe.fail(format!(
                "row {} of {rows}: expected a stock with {sent}, got {}",
                position + 1,
                json!(shown)
            )));
        }
    }
    counted?;
    all_answered(probe, base, (least, rows))
}

/// Fails the check unless every filter finds at least as many stocks as rows that fit.
#[allow(clippy::too_many_lines)] // Most of it is a table.
fn counted(
    probe: &mut Probe<'_>,
    base: &str,
    (least, rows): (u32, u32),
    sent: &[Value],
) -> Result<Result<(), Stop>, Stop> {
    let first = page(
        probe,
        &Ask::get(STOCKS)
            .with("sku", format!("{base}0"))
            .named("the first"),
    )?;
    let text = |name: &str| {
        let value = first
            .rows
            .first()
            .map(|row| row[name].clone())
            .unwrap_or_default();
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    let own = vec![
        ("stock__gte", least.to_string()),
        ("stock__lt", (least + rows).to_string()),
    ];
    let mut filters: Vec<Vec<(&str, String)>> = vec![own, Vec::new()];
    for (name, value) in [
        ("stock__gt", (least - 1).to_string()),
        ("stock__gte", least.to_string()),
        ("stock__lt", (least + rows).to_string()),
        ("stock__lte", (least + rows - 1).to_string()),
        ("reserved_stock__gte", "0".to_owned()),
        ("reserved_stock__gt", "-1".to_owned()),
        ("reserved_stock__lt", "7".to_owned()),
        ("reserved_stock__lte", "6".to_owned()),
        ("created_date__gte", text("created_date")),
        ("modified_date__gte", text("created_date")),
        ("created_date__gt", "2000-01-01T00:00:00Z".to_owned()),
        ("created_date__lt", "2099-01-01T00:00:00Z".to_owned()),
        ("created_date__lte", "2099-01-01T00:00:00Z".to_owned()),
        ("modified_date__gt", "2000-01-01T00:00:00Z".to_owned()),
        ("modified_date__lt", "2099-01-01T00:00:00Z".to_owned()),
        ("modified_date__lte", "2099-01-01T00:00:00Z".to_owned()),
        ("is_active", "true".to_owned()),
        ("stock_type", text("stock_type")),
        ("location", text("location")),
        ("provider", text("provider")),
    ] {
        filters.push(vec![(name, value)]);
    }
    if let Some(name) = known_provider_name(probe, &text("provider")) {
        filters.push(vec![("provider_name", name)]);
    }
    if first
        .rows
        .first()
        .is_some_and(|row| row["period"].is_object())
    {
        for (name, value) in [
            ("period__startswith__gte", "2031-07-01T08:00:00+03:00"),
            ("period__startswith__lte", "2031-07-01T08:00:00+03:00"),
            ("period__endswith__gte", "2031-08-01T08:00:00+03:00"),
            ("period__endswith__lte", "2031-08-01T08:00:00+03:00"),
        ] {
            filters.push(vec![(name, value.to_owned())]);
        }
    }
    for (name, value) in [
        ("stock", json!(least)),
        ("reserved_stock", json!(0)),
        ("unit_type", json!("kg")),
    ] {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        filters.push(vec![(name, value)]);
    }
    for filters in filters {
        let fitting = sent.iter().filter(|row| {
            let has = |name: &str, value: &str| match &row[name] {
                Value::Number(number) => number.to_string() == value,
                shown => shown == value,
            };
            let exact = ["stock", "reserved_stock", "unit_type"];
            let mut named = filters.iter().filter(|(name, _)| exact.contains(name));
            named.all(|(name, value)| has(name, value))
        });
        let fitting = fitting.count();
        let ask = filters
            .iter()
            .fold(Ask::get(STOCKS), |ask, (name, value)| ask.with(name, value));
        let by: Vec<String> = filters
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let by = by.join(" and ");
        let count = page(probe, &ask.with("limit", 1).named(&by))?.count;
        if count < fitting {
            return Ok(Err(probe.fail(format!(
                "{by}: expected {fitting} of the {rows} stocks of an upsert at least, got a count of \
                 {count}"
            ))));
        }
    }
    // A walk of the list yields as many stocks as its count says.
    let ask = Ask::get(STOCKS)
        .with("stock__gte", least)
        .with("stock__lt", least + rows)
        .with("limit", 1)
        .with("page", rows);
    let end = page(probe, &ask.named("the last page"))?;
    if end.rows.len() != 1 || end.next.is_some() {
        return Ok(Err(probe.fail(format!(
            "expected one stock and no `next` on page {rows} of {rows}, got {}",
            end.rows.len()
        ))));
    }
    Ok(Ok(()))
}

fn all_answered(probe: &mut Probe<'_>, base: &str, (least, rows): (u32, u32)) -> Result<(), Stop> {
    for operation in ["multi_stock_query", "multi_salable_stock_query"] {
        let path = format!("{STOCKS}{operation}/");
        let asked = if takes_query(probe, &path) {
            rows.min(ROWS_BY_QUERY)
        } else {
            rows
        };
        let skus: Vec<String> = (0..asked)
            .map(|position| format!("{base}{position}"))
            .collect();
        let ask = Ask::new(Method::GET, &path).named(operation);
        let answer = probe.send(&with_arguments(probe, ask, json!({"sku": skus})))?;
        probe.expect_status(&answer, &[200])?;
        let result = probe.json(&answer)?["Store_checkResult"].clone();
        for (position, sku) in (0..).zip(&skus) {
            let existing = i64::from(least + beyond(position));
            let left = existing - i64::from(reserved_of(position));
            let is_salable = operation.contains("salable");
            let shown = &result[sku];
            let is_right = shown.as_array().is_some_and(|rows| rows.len() == 1)
                && shown[0]["sku"] == *sku
                && (shown[0]["stock"] == existing || is_salable && shown[0]["stock"] == left);
            if !is_right {
                return Err(probe.fail(format!(
                    "{operation} of {asked} SKUs: expected one row for {sku}, number {} of them, with \
                     {left} or {existing}, got {shown}",
                    position + 1
                )));
            }
        }
    }
    Ok(())
}

fn of_one_sku(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let (sku, other) = (probe.need("sku")?, probe.need("sku2")?);
    let second = probe.need("second-location")?;
    let mut rows = Vec::new();
    for (sku, at_second, stock) in [
        (&sku, false, 21),
        (&sku, true, 22),
        (&other, true, 23),
        (&other, false, 24),
        (&sku, false, 25),
    ] {
        let mut row = stock_of(probe, sku)?;
        row["stock"] = stock.into();
        row["reserved_stock"] = (stock - 20).into();
        row["unit_type"] = "kg".into();
        if at_second {
            row["location"] = second.as_str().into();
        }
        rows.push(row);
    }
    let first = rows[0]["location"].clone();
    let answer = probe.send(&Ask::post(UPSERT, json!(rows)).named("upsert"))?;
    probe.expect_status(&answer, &[200])?;
    for (sku, expected) in [
        (sku, [(first.clone(), 25), (json!(second), 22)]),
        (other, [(first, 24), (json!(second), 23)]),
    ] {
        for (location, stock) in expected {
            let code = location.as_str().unwrap_or_default();
            let ask = Ask::get(STOCKS).with("sku", &sku).with("location", code);
            let shown = page(probe, &ask.named("one of them"))?.rows;
            let is_right = shown.len() == 1
                && shown[0]["stock"] == stock
                && shown[0]["reserved_stock"] == stock - 20
                && shown[0]["unit_type"] == "kg";
            if !is_right {
                return Err(probe.fail(format!(
                    "expected {stock} kg of {sku} at {location}, {} of them reserved, got {}",
                    stock - 20,
                    json!(shown)
                )));
            }
        }
    }
    Ok(())
}

fn a_few(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let skus = [probe.need("sku")?, probe.need("sku2")?, probe.need("sku3")?];
    let mut rows = Vec::new();
    for (sku, stock) in skus.iter().zip([31, 32, 33]) {
        let mut row = stock_of(probe, sku)?;
        row["stock"] = stock.into();
        rows.push(row);
    }
    let answer = probe.send(&Ask::post(UPSERT, json!(rows)).named("upsert"))?;
    probe.expect_status(&answer, &[200])?;
    for operation in ["multi_stock_query", "multi_salable_stock_query"] {
        for asked in [&skus[..2], &skus[..]] {
            let ask = Ask::new(Method::GET, &format!("{STOCKS}{operation}/")).named(operation);
            let answer = probe.send(&with_arguments(probe, ask, json!({"sku": asked})))?;
            probe.expect_status(&answer, &[200])?;
            let result = probe.json(&answer)?["Store_checkResult"].clone();
            for (sku, stock) in asked.iter().zip([31, 32, 33]) {
                let rows = &result[sku];
                if rows.as_array().is_none_or(|rows| rows.len() != 1) || rows[0]["stock"] != stock {
                    return Err(probe.fail(format!(
                        "{operation}: expected one row of {sku} with {stock}, got {rows}"
                    )));
                }
            }
        }
    }
    Ok(())
}
