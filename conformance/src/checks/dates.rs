//! Dated reservations: every date is remembered for as long as the run lasts, by its moment, stock
//! and operation alone.

use http::Method;
use serde_json::{Value, json};

use super::CodeCheck;
use super::kit::paging::{STOCKS, page};
use crate::cases::case::{given, with_arguments};
use crate::cases::probe::{Answer, Ask, Probe, Stop};

/// Any choice will do, but it must be known to send a reservation.
const ARGUMENTS: (&str, &[&str]) = ("reservation-arguments", &["either", "body", "query"]);
const REPLAYED: (&str, &[&str]) = ("already-reported", &["replayed-date"]);

pub(super) const CHECKS: &[CodeCheck] = &[
    CodeCheck {
        id: "reserve/every-date-is-remembered",
        title: "Each of two dozen dates counts once, whatever came between, and again by no repetition",
        section: "Increase Reserved Stock",
        quote: "Already reported",
        when: &[ARGUMENTS, REPLAYED],
        run: remembered,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "reserve/dates-close-by-are-others",
        title: "A date a thousandth of a second, a second, a minute or an hour beside another counts",
        section: "Increase Reserved Stock",
        quote: "date date body The creation date of the stock",
        when: &[ARGUMENTS, REPLAYED],
        run: close_by,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "reserve/a-refused-date-is-not-remembered",
        title: "The date of a reservation that was refused counts when it comes again",
        section: "Increase Reserved Stock",
        quote: "Already reported",
        when: &[
            ARGUMENTS,
            REPLAYED,
            ("reservation-without-stock", &["not-found"]),
        ],
        run: refused_before,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "reserve/a-date-without-effect-is-not-remembered",
        title: "The date of a decrease that found nothing to give back counts when there is something",
        section: "Decrease Reserved Stock",
        quote: "Already reported",
        when: &[
            ARGUMENTS,
            REPLAYED,
            ("decrease-at-zero", &["already-reported"]),
        ],
        run: without_effect_before,
        ..CodeCheck::WRITE
    },
];

const OPERATIONS: [&str; 2] = ["increase", "decrease"];

fn reserve(
    probe: &mut Probe<'_>,
    operation: &str,
    sku: &str,
    date: Option<&str>,
) -> Result<Answer, Stop> {
    let mut arguments = json!({
        "sku": sku, "location": probe.need("location")?, "provider": probe.need("provider")?,
    });
    if let Some(date) = date {
        arguments["date"] = date.into();
    }
    let path = format!("/api/v1/stocks/{operation}_reserved_stock/");
    let ask =
        Ask::new(Method::POST, &path).named(&format!("{operation} {}", date.unwrap_or_default()));
    let ask = with_arguments(probe, ask, arguments);
    probe.send(&ask)
}

/// Returns the reserved quantity of a SKU, as the list shows it.
fn reserved(probe: &mut Probe<'_>, sku: &str) -> Result<i64, Stop> {
    let rows = page(
        probe,
        &Ask::get(STOCKS).with("sku", sku).named("afterwards"),
    )?
    .rows;
    Ok(rows
        .first()
        .map(|row| &row["reserved_stock"])
        .and_then(Value::as_i64)
        .unwrap_or_default())
}

fn expect_reserved(
    probe: &mut Probe<'_>,
    sku: &str,
    expected: i64,
    what: &str,
) -> Result<(), Stop> {
    let got = reserved(probe, sku)?;
    if got == expected {
        return Ok(());
    }
    Err(probe.fail(format!(
        "{what}: expected reserved_stock to be {expected}, got {got}"
    )))
}

/// Returns a date for a number. Dates are in no order, since a service may remember only the
/// latest.
fn date(number: u32) -> String {
    format!(
        "2031-{:02}-{:02}T10:00:0{}+03:00",
        1 + number * 7 % 12,
        1 + number * 11 % 28,
        number % 10
    )
}

fn remembered(probe: &mut Probe<'_>) -> Result<(), Stop> {
    const DATES: u32 = 24;
    let (sku, other) = (probe.need("sku")?, probe.need("sku2")?);
    given(
        probe,
        "stock",
        &json!({"stock": 500, "reserved_stock": 100}),
    )?;
    given(
        probe,
        "another",
        &json!({"sku": other, "stock": 500, "reserved_stock": 100}),
    )?;
    for operation in OPERATIONS {
        let by = if operation == "increase" { 1 } else { -1 };
        let before = reserved(probe, &sku)?;
        for number in 0..DATES {
            let answer = reserve(probe, operation, &sku, Some(&date(number)))?;
            probe.expect_status(&answer, &[201])?;
        }
        let after = before + by * i64::from(DATES);
        expect_reserved(
            probe,
            &sku,
            after,
            &format!("{operation} with {DATES} dates"),
        )?;
        // Other writes in between must not make a date new.
        let mut change = super::kit::stocks::stock_of(probe, &sku)?;
        change["stock"] = 8.into();
        let upsert = Ask::post("/api/v1/stocks/insert_or_update_stock/", change).named("upsert");
        let answer = probe.send(&upsert)?;
        probe.expect_status(&answer, &[200])?;
        for between in OPERATIONS {
            let answer = reserve(probe, between, &other, None)?;
            probe.expect_status(&answer, &[201])?;
        }
        for number in (0..DATES).chain([0, 0]) {
            let answer = reserve(probe, operation, &sku, Some(&date(number)))?;
            probe.expect_status(&answer, &[208])?;
        }
        expect_reserved(
            probe,
            &sku,
            after,
            &format!("{operation} with the same dates again"),
        )?;
    }
    Ok(())
}

/// Dates of twelve different moments, some close together.
const CLOSE: [&str; 12] = [
    "2032-05-10T12:30:30.500000+03:00",
    "2032-05-10T12:30:30.500001+03:00",
    "2032-05-10T12:30:30.500900+03:00",
    "2032-05-10T12:30:30.501000+03:00",
    "2032-05-10T12:30:30.900000+03:00",
    "2032-05-10T12:30:31+03:00",
    "2032-05-10T12:30:59+03:00",
    "2032-05-10T12:31:30+03:00",
    "2032-05-10T12:59:30+03:00",
    "2032-05-10T23:30:30+03:00",
    "2032-05-10T12:30:30.500000+05:00",
    "2032-05-10T12:30:30.500000Z",
];

fn close_by(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let sku = probe.need("sku")?;
    given(probe, "stock", &json!({"stock": 500, "reserved_stock": 50}))?;
    for operation in OPERATIONS {
        for (number, date) in CLOSE.iter().enumerate() {
            let answer = reserve(probe, operation, &sku, Some(date))?;
            if answer.status != 201 {
                let got = answer.status;
                return Err(probe.fail(format!(
                    "{operation} with {date}, the moment number {} of different ones: expected 201, got {got}",
                    number + 1
                )));
            }
        }
        for date in CLOSE.iter().rev() {
            let answer = reserve(probe, operation, &sku, Some(date))?;
            probe.expect_status(&answer, &[208])?;
        }
    }
    if !probe.session.sees("reservation-date", "date-or-datetime") {
        return Ok(());
    }
    // The first moment again, in other spellings.
    for operation in OPERATIONS {
        for date in [
            "2032-05-10T09:30:30.500000Z",
            "2032-05-10T10:30:30.500000+01:00",
        ] {
            let answer = reserve(probe, operation, &sku, Some(date))?;
            probe.expect_status(&answer, &[208])?;
        }
    }
    Ok(())
}

fn refused_before(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let sku = probe.need("sku")?;
    let date = "2033-01-01T10:00:00+03:00";
    for operation in OPERATIONS {
        let answer = reserve(probe, operation, &sku, Some(date))?;
        probe.expect_status(&answer, &[404])?;
    }
    given(probe, "stock", &json!({"stock": 500, "reserved_stock": 5}))?;
    for operation in OPERATIONS {
        let answer = reserve(probe, operation, &sku, Some(date))?;
        probe.expect_status(&answer, &[201])?;
    }
    expect_reserved(probe, &sku, 5, "an increase and a decrease")
}

fn without_effect_before(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let sku = probe.need("sku")?;
    let date = "2033-02-01T10:00:00+03:00";
    given(probe, "stock", &json!({"stock": 500}))?;
    for (operation, date, status) in [
        ("decrease", Some(date), 208),
        ("increase", None, 201),
        ("increase", None, 201),
        ("decrease", Some(date), 201),
        ("decrease", Some(date), 208),
    ] {
        let answer = reserve(probe, operation, &sku, date)?;
        probe.expect_status(&answer, &[status])?;
    }
    expect_reserved(probe, &sku, 1, "two increases and a decrease")
}
