//! The bytes of answers, where their parsed JSON does not show enough.

use http::Method;
use serde_json::{Value, json};

use super::CodeCheck;
use crate::cases::case::{Capability, given, with_arguments};
use crate::cases::probe::{Answer, Ask, Probe, Stop};
use crate::contract::documented;
use crate::model::finding::Level;

pub(super) const CHECKS: &[CodeCheck] = &[
    CodeCheck {
        id: "bytes/stocks-show-their-members-in-order",
        title: "A stock shows its twelve members in the order of the documentation's examples",
        level: Level::Should,
        section: "List Stock",
        quote: "\"id\": 2, \"created_date\": \"2023-05-10T13:37:18.209869+03:00\"",
        when: &[ARGUMENTS],
        run: stocks_in_order,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "bytes/queries-show-their-members-in-order",
        title: "The rows of a query show their members in the order of the documentation's examples",
        level: Level::Should,
        section: "Stock Query",
        quote: "\"sku\": \"500\", \"retail_store_code\": \"110\", \"retail_store_name\": \"110\"",
        when: &[("query-arguments", &["either", "body", "query"])],
        run: queries_in_order,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "bytes/errors-come-in-order",
        title: "The errors of missing fields come in the order of the documentation's examples",
        level: Level::Should,
        section: "Create Stock",
        quote: "{ \"provider\": [ \"This field is required.\" ], \"location\": [",
        safety: crate::model::outcome::Safety::Write,
        when: &[ARGUMENTS],
        run: errors_in_order,
        ..CodeCheck::LOOK
    },
    CodeCheck {
        id: "bytes/metadata-comes-in-order",
        title: "OPTIONS shows its members, and the filters, in the order of the documentation",
        level: Level::Should,
        section: "docs/stack.md#metadata",
        quote: "the keys name, description, renders, parses, actions and filters, in this order",
        capability: Some(Capability::Metadata),
        run: metadata_in_order,
        ..CodeCheck::LOOK
    },
    CodeCheck {
        id: "bytes/json-is-compact",
        title: "JSON is written without white space, and other letters than ASCII as they are",
        level: Level::Should,
        section: "docs/stack.md#rendering",
        quote: "JSON is compact: no spaces after , and :, and no line break at the end.",
        run: json_is_compact,
        ..CodeCheck::WRITE
    },
];

/// Any choice will do, but it must be known to send a reservation.
const ARGUMENTS: (&str, &[&str]) = ("reservation-arguments", &["either", "body", "query"]);

/// The members of `filters`, in the order of the page.
const FILTERS: [&str; 13] = [
    "sku",
    "stock",
    "reserved_stock",
    "created_date",
    "modified_date",
    "is_active",
    "period",
    "location",
    "provider",
    "location_name",
    "provider_name",
    "unit_type",
    "stock_type",
];

fn stocks_in_order(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let (sku, location) = (probe.need("sku")?, probe.need("location")?);
    let created = given(probe, "created", &json!({}))?;
    as_documented(probe, &created, "create_201")?;
    let path = "/api/v1/stocks/increase_reserved_stock/";
    let arguments = json!({"sku": sku, "location": location});
    let ask = with_arguments(probe, Ask::new(Method::POST, path), arguments);
    let increased = body(probe, &ask, 201)?;
    as_documented(probe, &increased, "increase_201")?;
    let page = body(probe, &Ask::get("/api/v1/stocks/").with("sku", sku), 200)?;
    as_documented(probe, &page, "list_200")
}

fn queries_in_order(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let sku = probe.need("sku")?;
    given(probe, "stock", &json!({}))?;
    for operation in ["stock_query", "salable_stock_query"] {
        let ask = Ask::new(Method::GET, &format!("/api/v1/stocks/{operation}/"));
        let ask = with_arguments(probe, ask, json!({"sku": sku}));
        let rows = body(probe, &ask, 200)?;
        as_documented(probe, &rows, "stock_query_200")?;
    }
    Ok(())
}

fn errors_in_order(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let create = Ask::post("/api/v1/stocks/", json!({})).invalid();
    let refused = body(probe, &create, 400)?;
    as_documented(probe, &refused, "create_400_required")?;
    let increase = Ask::post("/api/v1/stocks/increase_reserved_stock/", json!({})).invalid();
    let refused = body(probe, &increase, 400)?;
    as_documented(probe, &refused, "increase_400")
}

fn metadata_in_order(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let described = body(probe, &Ask::new(Method::OPTIONS, "/api/v1/stocks/"), 200)?;
    let members = [
        "name",
        "description",
        "renders",
        "parses",
        "actions",
        "filters",
    ];
    in_order(probe, &described, &members, "/")?;
    in_order(probe, &described["filters"], &FILTERS, "/filters")?;
    let stock = documented::find("create_201")
        .map_err(Stop::suite)?
        .response
        .body;
    let fields = &described["actions"]["POST"];
    in_order(probe, fields, &keys(&stock), "/actions/POST")
}

fn json_is_compact(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let sku = format!("{}ğ€", probe.need("sku")?);
    given(probe, "stock", &json!({"sku": sku}))?;
    let page = probe.send(&Ask::get("/api/v1/stocks/").with("sku", sku))?;
    compact(probe, &page)?;
    let refused = probe.send(&Ask::post("/api/v1/stocks/", json!({})).invalid())?;
    compact(probe, &refused)
}

fn compact(probe: &mut Probe<'_>, answer: &Answer) -> Result<(), Stop> {
    let expected = probe.json(answer)?.to_string();
    let got = String::from_utf8_lossy(&answer.bytes).into_owned();
    if got == expected {
        return Ok(());
    }
    Err(probe.fail(format!(
        "expected the body to be written `{expected}`, got `{got}`"
    )))
}

fn body(probe: &mut Probe<'_>, ask: &Ask, status: u16) -> Result<Value, Stop> {
    let answer = probe.send(ask)?;
    probe.expect_status(&answer, &[status])?;
    Ok(probe.json(&answer)?.clone())
}

fn keys(object: &Value) -> Vec<&str> {
    let members = object.as_object().into_iter().flatten();
    members.map(|(name, _)| name.as_str()).collect()
}

/// Fails the check unless members come in the order of the documented answer, in its rows too.
fn as_documented(probe: &mut Probe<'_>, got: &Value, name: &str) -> Result<(), Stop> {
    let documented = documented::find(name).map_err(Stop::suite)?.response.body;
    let mut pairs = vec![(String::new(), &documented, got)];
    while let Some((here, documented, got)) = pairs.pop() {
        match (documented, got) {
            (Value::Object(members), Value::Object(_)) => {
                in_order(probe, got, &keys(documented), &here)?;
                for (name, member) in members {
                    pairs.push((format!("{here}/{name}"), member, &got[name]));
                }
            }
            (Value::Array(_), Value::Array(items)) => {
                for (position, item) in items.iter().enumerate() {
                    pairs.push((format!("{here}/{position}"), &documented[0], item));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Fails the check unless the expected members come in this order. A missing one is the matter of
/// another check.
fn in_order(probe: &mut Probe<'_>, got: &Value, expected: &[&str], at: &str) -> Result<(), Stop> {
    let shown = keys(got);
    let common: Vec<_> = expected
        .iter()
        .filter(|name| shown.contains(name))
        .collect();
    let ordered: Vec<_> = shown
        .iter()
        .filter(|name| expected.contains(name))
        .collect();
    if common == ordered {
        return Ok(());
    }
    Err(probe.fail(format!(
        "expected the members at {at} as {common:?}, got {ordered:?}"
    )))
}
