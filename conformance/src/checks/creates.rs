//! Checks of creating a stock that cannot be written as data. The others are in `create.yaml`.

use serde_json::{Map, Value, json};
use whippy_engine::members::STOCK;
use whippy_engine::model::time::UtcOffset;

use super::CodeCheck;
use super::kit::paging::{STOCKS, page};
use super::kit::stocks::{number_of, stock_of};
use crate::cases::case::given;
use crate::cases::probe::{Ask, Probe, Stop};
use crate::cases::scope::{answered_at, moment};
use crate::model::finding::{Finding, Level};

pub(super) const CHECKS: &[CodeCheck] = &[
    CodeCheck {
        id: "create/errors-come-in-the-documented-order",
        title: "The errors of a create come in the order in which a stock shows its members",
        level: Level::Should,
        section: "Create Stock",
        quote: "\"provider\": [ \"This field is required.\" ], \"location\": [",
        run: errors_in_order,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "create/dates-are-the-moment-of-the-answer",
        title: "The dates of a new stock are the moment at which the service says that it answered",
        level: Level::Should,
        section: "Create Stock",
        quote: "\"created_date\":",
        run: dated_now,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "create/members-come-in-the-documented-order",
        title: "A stock shows its members in the order of the documentation's examples",
        level: Level::May,
        section: "Create Stock",
        quote: "\"is_active\": true, \"sku\": \"555AB1300456213004\", \"reserved_stock\": 0",
        run: |probe| {
            let stock = given(probe, "stock", &json!({}))?;
            expect_order(probe, &stock)
        },
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "create/location-may-be-a-number",
        title: "A location whose code has digits alone may be sent as a number, and is shown as text",
        level: Level::Should,
        section: "Create Stock",
        quote: "location integer The stock location ID",
        run: number_as_location,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "upsert/applies-many-rows",
        title: "An upsert of many rows adds every one of them, and a second one changes every one",
        section: "Insert/Update Single/Multiple Stock",
        quote: "Insert/Update Single/Multiple Stock",
        run: many_rows,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "readings/sku-length",
        title: "How long a SKU may be",
        section: "Create Stock",
        quote: "sku string body ✓ The SKU of the product",
        reading: Some("sku-length"),
        run: longest_sku,
        ..CodeCheck::WRITE
    },
];

/// The length of a SKU one letter beyond the longest that the reading knows.
const TOO_LONG: usize = 1001;

fn expect_order(probe: &mut Probe<'_>, body: &Value) -> Result<(), Stop> {
    let got: Vec<_> = body.as_object().into_iter().flat_map(Map::keys).collect();
    let mut expected = got.clone();
    expected.sort_by_key(|name| STOCK.iter().position(|member| member.name == **name));
    if got == expected {
        return Ok(());
    }
    Err(probe.fail(format!(
        "expected the members in the order {expected:?}, got {got:?}"
    )))
}

fn errors_in_order(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let sku = probe.need("sku")?;
    for body in [
        json!({}),
        json!({"sku": "", "stock": "none", "unit_type": "none", "is_active": "none", "stock_type": "none"}),
        json!({"reserved_stock": "none", "stock": "none", "sku": sku}),
    ] {
        let answer = probe.send(&Ask::post(STOCKS, body).named("refused").invalid())?;
        probe.expect_status(&answer, &[400])?;
        let errors = probe.json(&answer)?.clone();
        expect_order(probe, &errors)?;
    }
    Ok(())
}

/// The largest accepted difference between the clocks of a service and its proxy, microseconds.
/// Zones differ by half an hour at least.
const CLOCKS: i64 = 900_000_000;

fn dated_now(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let sku = probe.need("sku")?;
    let body = stock_of(probe, &sku)?;
    let answer = probe.send(&Ask::post(STOCKS, body).named("create"))?;
    probe.expect_status(&answer, &[201])?;
    let is_of_mock = answer.headers.contains_key("whippy-mock-rule");
    let Some(now) = answered_at(&answer.headers).filter(|_| !is_of_mock) else {
        let why = "no header of the answer tells the service's clock";
        return Err(Stop::Unsupported(why.to_owned()));
    };
    let stock = probe.json(&answer)?.clone();
    for name in ["created_date", "modified_date"] {
        let shown = stock[name].as_str().and_then(moment);
        let is_now = shown.is_some_and(|(at, _)| (at.micros() - now.micros()).abs() < CLOCKS);
        if !is_now {
            return Err(probe.fail(format!(
                "expected `{name}` to be {}, the moment of the answer, got {}",
                now.to_text(UtcOffset::PAGE),
                stock[name]
            )));
        }
    }
    Ok(())
}

fn number_as_location(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let code = probe.need("location")?;
    let Some(number) = code
        .parse::<u32>()
        .ok()
        .filter(|number| number.to_string() == code)
    else {
        let why = format!("the code of the run's location, `{code}`, is no number");
        return Err(Stop::Unsupported(why));
    };
    let sku = probe.need("sku")?;
    let mut body = stock_of(probe, &sku)?;
    body["location"] = number.into();
    let answer = probe.send(&Ask::post(STOCKS, body))?;
    probe.expect_status(&answer, &[201])?;
    let location = probe.json(&answer)?["location"].clone();
    if location == code {
        return Ok(());
    }
    Err(probe.fail(format!("expected the location \"{code}\", got {location}")))
}

/// The number of rows, as many as a small shop has products.
const MANY: u32 = 100;

fn many_rows(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let sku = probe.need("sku")?;
    let least = number_of(&sku);
    let above = least + MANY;
    upsert_many(probe, &sku, |row| least + row)?;
    expect_between(probe, least, above, MANY)?;
    upsert_many(probe, &sku, |_| above)?;
    expect_between(probe, least, above, 0)?;
    expect_between(probe, above, above + 1, MANY)?;
    upsert_many(probe, &sku, |row| least + row)?;
    expect_between(probe, least, above, MANY)
}

fn upsert_many(probe: &mut Probe<'_>, sku: &str, stock: impl Fn(u32) -> u32) -> Result<(), Stop> {
    let mut rows = Vec::new();
    for row in 0..MANY {
        let mut body = stock_of(probe, &format!("{sku}-{row}"))?;
        body["stock"] = stock(row).into();
        rows.push(body);
    }
    let path = "/api/v1/stocks/insert_or_update_stock/";
    let answer = probe.send(&Ask::post(path, rows.into()))?;
    probe.expect_status(&answer, &[200])
}

/// Fails the check unless `count` stocks lie between two quantities, between which nobody else has
/// any.
fn expect_between(probe: &mut Probe<'_>, least: u32, end: u32, count: u32) -> Result<(), Stop> {
    let ask = Ask::get(STOCKS)
        .with("stock__gte", least)
        .with("stock__lt", end)
        .with("limit", 1);
    let got = page(probe, &ask)?.count;
    if u32::try_from(got) == Ok(count) {
        return Ok(());
    }
    Err(probe.fail(format!(
        "expected {count} stocks between {least} and {end} after upserting {MANY}, got {got}"
    )))
}

fn longest_sku(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let sku = format!("{:x<TOO_LONG$}", probe.need("sku")?);
    let body = stock_of(probe, &sku)?;
    let answer = probe.send(&Ask::post(STOCKS, body).named("refused").invalid())?;
    let sentence = answer
        .body
        .as_ref()
        .and_then(|body| body.pointer("/sku/0")?.as_str());
    let number = sentence.and_then(|sentence| {
        let mut numbers = sentence.split(|c: char| !c.is_ascii_digit());
        numbers.find(|digits| !digits.is_empty())
    });
    match (answer.status, number) {
        (400, Some(number)) => {
            let number = number.to_owned();
            let expected = format!("Ensure this field has no more than {number} characters.");
            let got = sentence.unwrap_or_default().to_owned();
            probe.choices = Some(vec![number]);
            if got != expected {
                // The wording is the framework's, whatever the length.
                let summary = format!("expected \"{expected}\", got \"{got}\"");
                probe.record_finding(Finding::new(Level::Should, summary));
            }
            Ok(())
        }
        (400, None) => {
            let got = sentence.unwrap_or("no sentence");
            let summary = format!("expected an error that names how long a SKU may be, got {got}");
            Err(probe.record_finding(Finding::new(Level::Should, summary)))
        }
        (201, _) => Err(Stop::Unsupported(format!(
            "a SKU may have {TOO_LONG} characters or more"
        ))),
        (status, _) => Err(Stop::Unsupported(format!(
            "a SKU of {TOO_LONG} characters was refused with {status}"
        ))),
    }
}
