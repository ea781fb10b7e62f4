//! Races: invariants under several clients that write to one stock at once.

use http::Method;
use serde_json::{Value, json};

use super::CodeCheck;
use crate::cases::case::{given, with_arguments};
use crate::cases::probe::{Answer, Ask, Probe, Stop};
use crate::contract::pattern::Pattern;
use crate::model::finding::Level;

/// The number of clients that write at once.
const CLIENTS: usize = 8;

/// Any choice will do, but it must be known to send a reservation.
const ARGUMENTS: (&str, &[&str]) = ("reservation-arguments", &["either", "body", "query"]);

pub(super) const CHECKS: &[CodeCheck] = &[
    CodeCheck {
        id: "races/no-increase-is-lost",
        title: "Increases of one stock that come at once all count",
        section: "Increase Reserved Stock",
        quote: "This method is used to increase the reserved stock",
        when: &[ARGUMENTS],
        run: no_increase_is_lost,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "races/each-increase-answers-its-own-count",
        title: "Increases of one stock that come at once each answer the count they led to",
        level: Level::Should,
        section: "Increase Reserved Stock",
        quote: "Reserved stock count",
        when: &[ARGUMENTS],
        run: each_increase_answers_its_own_count,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "races/no-decrease-is-lost",
        title: "Decreases of one stock that come at once all count",
        section: "Decrease Reserved Stock",
        quote: "This method is used to decrease the reserved stock",
        when: &[ARGUMENTS],
        run: no_decrease_is_lost,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "races/increases-and-decreases-balance",
        title: "As many increases as decreases of one stock at once leave what was reserved",
        section: "Decrease Reserved Stock",
        quote: "This method is used to decrease the reserved stock",
        when: &[ARGUMENTS],
        run: increases_and_decreases_balance,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "races/one-dated-increase-counts",
        title: "Of equal dated increases that come at once one counts, and the others answer 208",
        section: "Increase Reserved Stock",
        quote: "Already reported",
        when: &[ARGUMENTS, ("already-reported", &["replayed-date"])],
        run: one_dated_increase_counts,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "races/one-create-wins",
        title: "Of creates of one stock that come at once one is granted, and the others refused",
        section: "Create Stock",
        quote: "Stock already exists.",
        run: one_create_wins,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "races/upserts-leave-one-of-their-values",
        title: "Upserts of one stock that come at once leave a value that one of them sent",
        section: "Insert/Update Single/Multiple Stock",
        quote: "This method is used to upsert single or multiple stock.",
        run: upserts_leave_one_of_their_values,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "races/upserts-create-a-stock-once",
        title: "Upserts of a stock that is not there, coming at once, create it once",
        section: "Insert/Update Single/Multiple Stock",
        quote: "Insert/Update Single/Multiple Stock",
        run: upserts_create_a_stock_once,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "races/no-upsert-is-lost",
        title: "Upserts at once that share one stock still write the others of each",
        section: "Insert/Update Single/Multiple Stock",
        quote: "This method is used to upsert single or multiple stock.",
        run: no_upsert_is_lost,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "races/upserts-lose-no-increase",
        title: "Increases count while upserts of the same stock set its quantity",
        section: "Stock",
        quote: "These reserved stocks are allocated for orders",
        when: &[ARGUMENTS],
        run: upserts_lose_no_increase,
        ..CodeCheck::WRITE
    },
];

fn no_increase_is_lost(probe: &mut Probe<'_>) -> Result<(), Stop> {
    given(probe, "stock", &json!({}))?;
    let increase = reservation(probe, "increase", None)?;
    all_answer(probe, 201, &vec![increase; CLIENTS])?;
    stands_at(probe, "reserved_stock", CLIENTS)
}

fn each_increase_answers_its_own_count(probe: &mut Probe<'_>) -> Result<(), Stop> {
    given(probe, "stock", &json!({}))?;
    let increase = reservation(probe, "increase", None)?;
    let answers = all_answer(probe, 201, &vec![increase; CLIENTS])?;
    let mut counts = Vec::new();
    for answer in &answers {
        counts.push(probe.json(answer)?["reserved_stock"].as_u64().unwrap_or(0));
    }
    counts.sort_unstable();
    let expected: Vec<u64> = (1..=CLIENTS as u64).collect();
    if counts == expected {
        return Ok(());
    }
    Err(probe.fail(format!(
        "expected reserved_stock to be each of {expected:?} in one answer, got {counts:?}"
    )))
}

fn no_decrease_is_lost(probe: &mut Probe<'_>) -> Result<(), Stop> {
    given(probe, "stock", &json!({"reserved_stock": CLIENTS}))?;
    let decrease = reservation(probe, "decrease", None)?;
    all_answer(probe, 201, &vec![decrease; CLIENTS])?;
    stands_at(probe, "reserved_stock", 0)
}

fn increases_and_decreases_balance(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let before = CLIENTS;
    given(probe, "stock", &json!({"reserved_stock": before}))?;
    let pair = [
        reservation(probe, "increase", None)?,
        reservation(probe, "decrease", None)?,
    ];
    let asks: Vec<Ask> = pair.iter().cycle().take(CLIENTS).cloned().collect();
    all_answer(probe, 201, &asks)?;
    stands_at(probe, "reserved_stock", before)
}

fn one_dated_increase_counts(probe: &mut Probe<'_>) -> Result<(), Stop> {
    given(probe, "stock", &json!({}))?;
    let increase = reservation(probe, "increase", Some("2099-01-01T10:00:00+03:00"))?;
    let answers = probe.send_at_once(&vec![increase; CLIENTS])?;
    one_is_granted(probe, &answers, 208, "increase_208")?;
    stands_at(probe, "reserved_stock", 1)
}

fn one_create_wins(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let create = Ask::post("/api/v1/stocks/", row(probe, "sku", 5)?).named("create");
    let answers = probe.send_at_once(&vec![create; CLIENTS])?;
    one_is_granted(probe, &answers, 400, "create_400_exists")?;
    stands_at(probe, "stock", 5)
}

fn upserts_leave_one_of_their_values(probe: &mut Probe<'_>) -> Result<(), Stop> {
    given(probe, "stock", &json!({"reserved_stock": 2}))?;
    one_of_the_upserts_stands(probe)
}

fn upserts_create_a_stock_once(probe: &mut Probe<'_>) -> Result<(), Stop> {
    one_of_the_upserts_stands(probe)
}

fn no_upsert_is_lost(probe: &mut Probe<'_>) -> Result<(), Stop> {
    given(probe, "stock", &json!({}))?;
    let shared = row(probe, "sku", 7)?;
    let own = ["sku2", "sku3"];
    let mut asks = Vec::new();
    for sku in own {
        asks.push(upsert(&json!([shared, row(probe, sku, 9)?])));
    }
    all_answer(probe, 200, &asks)?;
    for sku in own {
        let sku = probe.need(sku)?;
        stands(probe, &sku, "stock", &json!(9))?;
    }
    stands_at(probe, "stock", 7)
}

fn upserts_lose_no_increase(probe: &mut Probe<'_>) -> Result<(), Stop> {
    given(probe, "stock", &json!({}))?;
    let pair = [
        reservation(probe, "increase", None)?,
        upsert(&row(probe, "sku", 9)?),
    ];
    let asks: Vec<Ask> = pair.iter().cycle().take(CLIENTS).cloned().collect();
    let answers = probe.send_at_once(&asks)?;
    for (position, answer) in answers.iter().enumerate() {
        let expected = if position % 2 == 0 { 201 } else { 200 };
        probe.expect_status(answer, &[expected])?;
    }
    stands_at(probe, "stock", 9)?;
    stands_at(probe, "reserved_stock", CLIENTS / 2)
}

/// Upserts different quantities at once. Afterwards there must be one stock, with one of them.
fn one_of_the_upserts_stands(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let sent: Vec<usize> = (11..11 + CLIENTS).collect();
    let mut asks = Vec::new();
    for stock in &sent {
        asks.push(upsert(&row(probe, "sku", *stock)?));
    }
    all_answer(probe, 200, &asks)?;
    let sku = probe.need("sku")?;
    stands(probe, &sku, "stock", &json!({"<one-of>": sent}))
}

fn reservation(probe: &Probe<'_>, operation: &str, date: Option<&str>) -> Result<Ask, Stop> {
    let mut arguments = json!({
        "sku": probe.need("sku")?,
        "location": probe.need("location")?,
        "provider": probe.need("provider")?,
    });
    if let Some(date) = date {
        arguments["date"] = date.into();
    }
    let path = format!("/api/v1/stocks/{operation}_reserved_stock/");
    let ask = Ask::new(Method::POST, &path).named(operation);
    Ok(with_arguments(probe, ask, arguments))
}

fn upsert(body: &Value) -> Ask {
    Ask::post("/api/v1/stocks/insert_or_update_stock/", body.clone()).named("upsert")
}

fn row(probe: &Probe<'_>, sku: &str, stock: usize) -> Result<Value, Stop> {
    Ok(json!({
        "sku": probe.need(sku)?,
        "provider": probe.need("provider")?,
        "location": probe.need("location")?,
        "stock": stock,
    }))
}

fn all_answer(probe: &mut Probe<'_>, status: u16, asks: &[Ask]) -> Result<Vec<Answer>, Stop> {
    let answers = probe.send_at_once(asks)?;
    for answer in &answers {
        probe.expect_status(answer, &[status])?;
    }
    Ok(answers)
}

/// Fails the check unless one answer is 201 and all others are documented refusals.
fn one_is_granted(
    probe: &mut Probe<'_>,
    answers: &[Answer],
    refused: u16,
    example: &str,
) -> Result<(), Stop> {
    let granted = answers.iter().filter(|answer| answer.status == 201).count();
    if granted != 1 {
        let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
        return Err(probe.fail(format!(
            "expected one 201 and {} times {refused}, got {statuses:?}",
            answers.len() - 1
        )));
    }
    let refusal = Pattern::try_from(json!({"<documented>": example})).map_err(Stop::suite)?;
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        probe.expect_status(answer, &[refused])?;
        probe.expect_body(answer, &refusal)?;
    }
    Ok(())
}

/// Fails the check unless a member of the one stock has this value.
fn stands_at(probe: &mut Probe<'_>, member: &str, expected: usize) -> Result<(), Stop> {
    let sku = probe.need("sku")?;
    stands(probe, &sku, member, &json!(expected))
}

/// Fails the check unless there is one stock of the SKU, whose member is as expected.
fn stands(probe: &mut Probe<'_>, sku: &str, member: &str, expected: &Value) -> Result<(), Stop> {
    let ask = Ask::get("/api/v1/stocks/")
        .with("sku", sku)
        .named("afterwards");
    let answer = probe.send(&ask)?;
    probe.expect_status(&answer, &[200])?;
    let page = json!({
        "count": 1,
        "results": [{member: expected, "...": "<any>"}],
        "...": "<any>",
    });
    let page = Pattern::try_from(page).map_err(Stop::suite)?;
    probe.expect_body(&answer, &page)
}
