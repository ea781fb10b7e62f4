//! Every filter that `openapi.json` documents for the list of stocks, each with values
//! that fit few, half and nearly all of a world.

use std::io;

use serde_json::Value;

use crate::world::{LargeWorld, Stock, date};

/// Shares of the world below a number or a date. The two near 1/16 lie on either side of the point
/// where the mock changes from index to scan.
const SHARES: [f64; 8] = [0.0, 0.001, 0.06, 0.065, 0.5, 0.935, 0.94, 1.0];

/// Returns the names of the parameters, including those with lookups.
pub(crate) fn parameters() -> io::Result<Vec<String>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/openapi.json");
    let document: Value = serde_json::from_slice(&std::fs::read(path)?)?;
    let list = &document["paths"]["/api/v1/stocks/"]["get"]["parameters"];
    let references = list.as_array().into_iter().flatten();
    let names = references.filter_map(|parameter| {
        let id = parameter["$ref"].as_str()?.rsplit('/').next()?;
        let name = document["components"]["parameters"][id]["name"].as_str()?;
        id.starts_with("filter-").then(|| name.to_owned())
    });
    let names: Vec<_> = names.collect();
    if names.is_empty() {
        return Err(io::Error::other("openapi.json lists no filter"));
    }
    Ok(names)
}

/// Returns values to try, in the form of a query.
pub(crate) fn values(parameter: &str, world: &LargeWorld) -> Vec<String> {
    let (field, lookup) = parameter.split_once("__").unwrap_or((parameter, ""));
    let named = |values: &[&str]| values.iter().map(|&value| value.to_owned()).collect();
    let numbers = |of: fn(&Stock) -> Option<i64>| {
        let values = quantiles(&world.stocks, of);
        values.iter().map(i64::to_string).collect()
    };
    let dates = |of: fn(&Stock) -> Option<i64>| {
        let values = quantiles(&world.stocks, of).into_iter();
        values
            .map(|micros| date(micros).replace('+', "%2B"))
            .collect()
    };
    match field {
        "sku" => world.stocks[..4].iter().map(Stock::sku).collect(),
        "stock" => numbers(|stock| Some(stock.stock)),
        "reserved_stock" => numbers(|stock| Some(stock.reserved)),
        "created_date" => dates(|stock| Some(stock.created)),
        "modified_date" => dates(|stock| Some(stock.modified)),
        "period" if lookup.starts_with("endswith") => dates(|stock| stock.period?.1),
        "period" => dates(|stock| Some(stock.period?.0)),
        "is_active" => named(&["true", "false"]),
        "location" => world.stocks[..2].iter().map(Stock::location).collect(),
        "provider" => world.stocks[..2].iter().map(Stock::provider).collect(),
        "location_name" => named(&["store", "store%200", "07", "none"]),
        "provider_name" => named(&["provider", "_3", "none"]),
        "unit_type" => named(&["qty", "kg"]),
        "stock_type" => named(&["standard", "scheduled"]),
        _ => Vec::new(),
    }
}

fn quantiles(stocks: &[Stock], of: fn(&Stock) -> Option<i64>) -> Vec<i64> {
    let mut sorted: Vec<i64> = stocks.iter().filter_map(of).collect();
    sorted.sort_unstable();
    let last = sorted.len().saturating_sub(1);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 0..=last
    let at = |share: f64| sorted.get((last as f64 * share) as usize).copied();
    let mut values: Vec<i64> = SHARES.into_iter().filter_map(at).collect();
    values.dedup();
    values
}
