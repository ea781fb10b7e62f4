//! Agreement between the stock queries.

use http::Method;
use serde_json::{Value, json};

use super::CodeCheck;
use crate::cases::case::{given, with_arguments};
use crate::cases::probe::{Ask, Probe, Stop};

pub(super) const CHECKS: &[CodeCheck] = &[CodeCheck {
    id: "query/multi-agrees-with-single",
    title: "A query of several SKUs shows the rows of each that a query of that SKU shows",
    section: "Multi Stock Query",
    quote: "This method is used to query multiple stock.",
    needs: &["provider", "location", "second-location"],
    // Any choice will do, but it must be known to send a query.
    when: &[("query-arguments", &["either", "body", "query"])],
    run: multi_agrees_with_single,
    ..CodeCheck::WRITE
}];

fn multi_agrees_with_single(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let skus = [probe.need("sku")?, probe.need("sku2")?];
    let second = probe.need("second-location")?;
    let there = json!({"location": second, "stock": 7, "reserved_stock": 3, "is_active": false});
    given(probe, "here", &json!({"reserved_stock": 2}))?;
    given(probe, "there", &there)?;
    given(probe, "other", &json!({"sku": skus[1], "stock": 3}))?;
    for (single, multi) in [
        ("stock_query", "multi_stock_query"),
        ("salable_stock_query", "multi_salable_stock_query"),
    ] {
        let by_sku = asked(probe, multi, &json!(skus))?;
        for sku in &skus {
            let alone = in_order(&asked(probe, single, &json!(sku))?);
            let together = in_order(&by_sku[sku.as_str()]);
            if alone != together {
                return Err(probe.fail(format!(
                    "expected {multi} to show {}, as {single} does, got {}",
                    json!(alone),
                    json!(together)
                )));
            }
        }
    }
    Ok(())
}

/// Returns the answer of a query, without the outer object.
fn asked(probe: &mut Probe<'_>, operation: &str, sku: &Value) -> Result<Value, Stop> {
    let path = format!("/api/v1/stocks/{operation}/");
    let ask = Ask::new(Method::GET, &path).named(operation);
    let ask = with_arguments(probe, ask, json!({"sku": sku}));
    let answer = probe.send(&ask)?;
    probe.expect_status(&answer, &[200])?;
    Ok(probe.json(&answer)?["Store_checkResult"].clone())
}

/// Sorts the rows, since the page promises no order.
fn in_order(rows: &Value) -> Vec<Value> {
    let mut rows = rows.as_array().cloned().unwrap_or_default();
    rows.sort_by_key(ToString::to_string);
    rows
}
