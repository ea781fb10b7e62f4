//! Values at the limits of their types: a service must answer each of them, and never with an error
//! of its own.

use http::Method;
use serde_json::{Value, json};
use whippy_engine::query::FILTERS;

use super::CodeCheck;
use super::kit::paging::STOCKS;
use super::kit::sample::sample;
use super::kit::stocks::stock_of;
use crate::cases::case::{given, with_arguments};
use crate::cases::probe::{Ask, Payload, Probe, Stop};
use crate::model::finding::Level;
use crate::model::outcome::Safety;

/// A MUST on filters. It only reads, but a request that may end in a server error is not sent to a
/// service that others work with.
const SEARCH: CodeCheck = CodeCheck {
    safety: Safety::Write,
    section: "Search Stocks",
    quote: "This method is used to search stock objects with the specified filters.",
    ..CodeCheck::LOOK
};

/// A MUST on arguments of operations.
const ARGUMENTS: CodeCheck = CodeCheck {
    section: "Stock",
    quote: "The response includes the following parameters.",
    ..CodeCheck::WRITE
};

pub(super) const CHECKS: &[CodeCheck] = &[
    CodeCheck {
        id: "edges/number-filters-take-any-value",
        title: "No value of a filter of numbers makes the list answer with a server error",
        run: |probe| filters(probe, &["NumberFilter"]),
        ..SEARCH
    },
    CodeCheck {
        id: "edges/date-filters-take-any-value",
        title: "No value of a filter of dates makes the list answer with a server error",
        run: |probe| filters(probe, &["IsoDateTimeFilter"]),
        ..SEARCH
    },
    CodeCheck {
        id: "edges/text-filters-take-any-value",
        title: "No value of a filter of texts or choices makes the list answer with a server error",
        run: |probe| filters(probe, &["CharFilter", "ChoiceFilter", "BooleanFilter"]),
        ..SEARCH
    },
    CodeCheck {
        id: "edges/pages-and-orders-take-any-value",
        title: "No page, limit or order makes the list answer with a server error",
        run: pages,
        ..SEARCH
    },
    CodeCheck {
        id: "edges/creates-take-any-value",
        title: "No value of a member makes a create answer with a server error",
        run: |probe| written(probe, STOCKS),
        ..ARGUMENTS
    },
    CodeCheck {
        id: "edges/upserts-take-any-value",
        title: "No value of a member makes an upsert answer with a server error",
        run: |probe| written(probe, "/api/v1/stocks/insert_or_update_stock/"),
        ..ARGUMENTS
    },
    CodeCheck {
        id: "edges/increases-take-any-value",
        title: "No value of an argument makes an increase answer with a server error",
        run: |probe| reserved(probe, "increase"),
        ..ARGUMENTS
    },
    CodeCheck {
        id: "edges/decreases-take-any-value",
        title: "No value of an argument makes a decrease answer with a server error",
        run: |probe| reserved(probe, "decrease"),
        ..ARGUMENTS
    },
    CodeCheck {
        id: "edges/queries-take-any-value",
        title: "No SKU makes a query answer with a server error",
        run: queries,
        ..ARGUMENTS
    },
    CodeCheck {
        id: "edges/active-stocks-take-any-value",
        title: "No SKU, page or limit makes the active stocks answer with a server error",
        needs: &["stock-list"],
        run: active,
        ..ARGUMENTS
    },
    CodeCheck {
        id: "edges/places-in-other-letters-are-places",
        title: "A place that nobody knows is refused in the same way whatever its letters are",
        level: Level::Should,
        section: "docs/stack.md#rendering",
        quote: "Text is UTF-8 and not escaped",
        run: other_letters,
        ..ARGUMENTS
    },
    CodeCheck {
        id: "edges/upserts-refuse-what-creates-refuse",
        title: "A wrong member that a create refuses an upsert refuses as well",
        level: Level::Should,
        section: "docs/stack.md#choices",
        quote: "is not a valid choice.",
        when: &[("upsert-refusal", &["all-or-nothing"])],
        run: refused_alike,
        ..ARGUMENTS
    },
];

const NUMBERS: [&str; 12] = [
    "1e19",
    "-1e19",
    "9223372036854775808",
    "-9223372036854775809",
    "2147483648",
    "-2147483649",
    "2147483647",
    "1.5",
    "1e2",
    "",
    "few",
    "NaN",
];

const MOMENTS: [&str; 10] = [
    "9999-12-31T23:59:59-05:00",
    "9999-12-31T23:59:59.999999Z",
    "0001-01-01T00:00:00+05:00",
    "0001-01-01T00:00:00Z",
    "2024-02-29",
    "2023-02-29",
    "2024-01-01T00:00:00",
    "",
    "soon",
    "1e19",
];

const FLAGS: [&str; 4] = ["", "maybe", "2", "True"];

const PAGES: [&str; 7] = ["9223372036854775808", "1e19", "0", "-1", "", "few", "1.5"];

/// Returns texts that databases, patterns and programs may take for something else.
fn texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "",
        " ",
        "'",
        "\"",
        "\\",
        "%",
        "_",
        "%00",
        "é",
        "\u{1f600}",
        ";--",
        "{}",
        "null",
        "a'%\\",
    ]
    .map(str::to_owned)
    .to_vec();
    texts.push("x".repeat(65));
    texts.push("x".repeat(300));
    texts.push("x".repeat(1_200));
    texts
}

/// Fails the check on a server error. A request that the guard holds back from a live service is
/// left out.
fn is_answered(probe: &mut Probe<'_>, ask: &Ask, what: &str) -> Result<(), Stop> {
    let answer = match probe.send(ask) {
        Err(Stop::Disabled(_)) => return Ok(()),
        sent => sent?,
    };
    if answer.status < 500 {
        return Ok(());
    }
    let got = answer.status;
    Err(probe.fail(format!(
        "{what}: expected an answer or a refusal, got {got}"
    )))
}

/// The step through the values for a service that is far away: one in this many is sent.
const SAMPLE: usize = 3;

fn filters(probe: &mut Probe<'_>, types: &[&str]) -> Result<(), Stop> {
    for field in FILTERS
        .iter()
        .filter(|field| types.contains(&field.type_name))
    {
        let values: Vec<String> = match field.type_name {
            "NumberFilter" => NUMBERS.map(str::to_owned).to_vec(),
            "IsoDateTimeFilter" => MOMENTS.map(str::to_owned).to_vec(),
            "BooleanFilter" => FLAGS.map(str::to_owned).to_vec(),
            "ChoiceFilter" => ["", "none", "'"].map(str::to_owned).to_vec(),
            _ => texts().into_iter().chain(["\0".to_owned()]).collect(),
        };
        for (name, _) in field.parameters() {
            for value in sample(probe, SAMPLE, values.clone()) {
                let ask = Ask::get(STOCKS).with(&name, &value).with("limit", 1);
                let ask = ask.named(&name).invalid();
                is_answered(probe, &ask, &format!("{name}={}", short(&value)))?;
            }
        }
    }
    Ok(())
}

fn pages(probe: &mut Probe<'_>) -> Result<(), Stop> {
    for name in ["page", "limit"] {
        for value in PAGES {
            let ask = Ask::get(STOCKS).with(name, value).named(name).invalid();
            is_answered(probe, &ask, &format!("{name}={value}"))?;
        }
    }
    let others = ["\0", "-", ","].map(str::to_owned);
    for value in texts().into_iter().chain(others) {
        let ask = Ask::get(STOCKS).with("sort", &value).with("limit", 1);
        let ask = ask.named("sort").invalid();
        is_answered(probe, &ask, &format!("sort={}", short(&value)))?;
    }
    Ok(())
}

/// Shortens a value for a report.
fn short(value: &str) -> String {
    let mut short: String = value.chars().take(40).collect();
    if short.len() < value.len() {
        short.push('…');
    }
    short.escape_debug().to_string()
}

/// Returns the values to try for an argument in a body.
fn values_of(name: &str) -> Vec<Value> {
    let mut values = vec![Value::Null, json!([]), json!({}), json!(true), json!("")];
    match name {
        "stock" | "reserved_stock" => {
            values.extend([
                json!(1.5),
                json!(1e19),
                json!(-1e19),
                json!(2_147_483_648_i64),
                json!(-2_147_483_649_i64),
                json!(i64::MIN),
                json!(u64::MAX),
            ]);
            values.extend(NUMBERS.map(|text| json!(text)));
        }
        "date" => values.extend(MOMENTS.map(|text| json!(text))),
        // A period of an unknown shape may break the stack itself, so few values are tried.
        "period" => values = vec![json!(""), json!("soon"), json!(5)],
        "is_active" | "stock_type" | "unit_type" => values.extend(FLAGS.map(|text| json!(text))),
        _ => {
            values.extend(texts().into_iter().map(Value::from));
            values.extend([json!("a\u{0}b"), json!(5), json!(1e19)]);
        }
    }
    values
}

/// The members of a stock that a request may set.
const WRITTEN: [&str; 9] = [
    "sku",
    "provider",
    "location",
    "stock",
    "reserved_stock",
    "is_active",
    "unit_type",
    "stock_type",
    "period",
];

/// Returns a value. The text of a SKU gets one of the run's own as its prefix, since a run may
/// write no other.
fn own(name: &str, value: Value, sku: &str) -> Value {
    match value.as_str() {
        Some(text) if name == "sku" && !text.trim().is_empty() => json!(format!("{sku}{text}")),
        _ => value,
    }
}

/// Sends bodies that must be refused: each has one wrong member, and another that is null.
fn written(probe: &mut Probe<'_>, path: &str) -> Result<(), Stop> {
    let sku = probe.need("sku")?;
    let stock = stock_of(probe, &sku)?;
    for name in WRITTEN {
        let missing = if name == "stock" { "provider" } else { "stock" };
        for value in sample(probe, SAMPLE, values_of(name)) {
            let value = own(name, value, &sku);
            let mut body = stock.clone();
            body[missing] = Value::Null;
            body[name] = value.clone();
            let ask = Ask::post(path, body).named(name).invalid();
            let sent = short(&value.to_string());
            is_answered(probe, &ask, &format!("{name} {sent} at {path}"))?;
        }
    }
    Ok(())
}

fn reserved(probe: &mut Probe<'_>, operation: &str) -> Result<(), Stop> {
    let sku = probe.need("sku")?;
    let stock = given(probe, "stock", &json!({"stock": 500, "reserved_stock": 90}))?;
    let path = format!("{STOCKS}{operation}_reserved_stock/");
    for name in ["sku", "location", "provider", "date"] {
        for value in sample(probe, SAMPLE, values_of(name)) {
            let value = own(name, value, &sku);
            let mut body = json!({
                "sku": sku, "location": stock["location"], "provider": stock["provider"],
            });
            body[name] = value.clone();
            let mut ask = Ask::new(Method::POST, &path).named(name).invalid();
            ask.payload = Payload::Json(body);
            let sent = short(&value.to_string());
            is_answered(probe, &ask, &format!("{name} {sent} at {path}"))?;
        }
    }
    Ok(())
}

/// Returns members with values that the framework refuses.
fn wrong_members() -> Vec<(&'static str, Value)> {
    vec![
        ("stock", json!("few")),
        ("stock", Value::Null),
        ("stock", json!(2.5)),
        ("stock", json!(2_147_483_648_i64)),
        ("reserved_stock", json!("few")),
        ("reserved_stock", json!(2.5)),
        ("reserved_stock", Value::Null),
        ("is_active", json!("maybe")),
        ("is_active", Value::Null),
        ("unit_type", json!("bogus")),
        ("unit_type", Value::Null),
        ("stock_type", json!("bogus")),
        ("stock_type", Value::Null),
        ("provider", Value::Null),
        ("location", Value::Null),
    ]
}

fn refused_alike(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let (sku, other) = (probe.need("sku")?, probe.need("sku2")?);
    for (name, value) in wrong_members() {
        let mut statuses = Vec::new();
        for (sku, path) in [
            (&sku, STOCKS),
            (&other, "/api/v1/stocks/insert_or_update_stock/"),
        ] {
            let mut body = stock_of(probe, sku)?;
            body[name] = value.clone();
            let answer = probe.send(&Ask::post(path, body).named(name).invalid())?;
            statuses.push(answer.status);
        }
        if statuses[0] == 400 && statuses[1] != 400 {
            return Err(probe.fail(format!(
                "expected 400 for {name} {value} from an upsert as from a create, got {}",
                statuses[1]
            )));
        }
    }
    Ok(())
}

fn queries(probe: &mut Probe<'_>) -> Result<(), Stop> {
    for operation in [
        "stock_query",
        "salable_stock_query",
        "multi_stock_query",
        "multi_salable_stock_query",
    ] {
        for value in sample(probe, SAMPLE, values_of("sku")) {
            let sku = if operation.starts_with("multi") {
                json!([value])
            } else {
                value.clone()
            };
            let path = format!("{STOCKS}{operation}/");
            let ask = Ask::new(Method::GET, &path).named(operation).invalid();
            let ask = with_arguments(probe, ask, json!({"sku": sku}));
            let sent = short(&value.to_string());
            is_answered(probe, &ask, &format!("sku {sent} at {path}"))?;
        }
    }
    Ok(())
}

fn active(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let path = format!("/api/v1/active-stocks/{}/", probe.need("stock-list")?);
    for value in sample(probe, SAMPLE, values_of("sku")) {
        let mut ask = Ask::new(Method::POST, &path).named("sku").invalid();
        ask.payload = Payload::Json(json!({"sku": value}));
        let sent = short(&value.to_string());
        is_answered(probe, &ask, &format!("sku {sent} at {path}"))?;
    }
    for name in ["page", "limit"] {
        for value in sample(probe, SAMPLE, PAGES.to_vec()) {
            let ask = Ask::new(Method::POST, &path).with(name, value).named(name);
            is_answered(probe, &ask.invalid(), &format!("{name}={value} at {path}"))?;
        }
    }
    Ok(())
}

fn other_letters(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let sku = probe.need("sku")?;
    for path in ["", "increase_reserved_stock/", "decrease_reserved_stock/"] {
        let path = format!("{STOCKS}{path}");
        for name in ["location", "provider"] {
            let mut answers = Vec::new();
            for unknown in ["nowhere-e", "nowhere-\u{e9}"] {
                let mut body = stock_of(probe, &sku)?;
                body[name] = unknown.into();
                let ask = Ask::new(Method::POST, &path).named(name).invalid();
                let ask = if path == STOCKS {
                    let payload = Payload::Json(body);
                    Ask { payload, ..ask }
                } else {
                    with_arguments(probe, ask, body)
                };
                let answer = probe.send(&ask)?;
                let body = answer.body.unwrap_or_default().to_string();
                answers.push((answer.status, body.replace(unknown, "nowhere")));
            }
            if answers[0] != answers[1] {
                return Err(probe.fail(format!(
                    "{path}: expected `{name}` nowhere-\u{e9} to be refused as nowhere-e is, {} {}, got \
                     {} {}",
                    answers[0].0, answers[0].1, answers[1].0, answers[1].1
                )));
            }
        }
    }
    Ok(())
}
