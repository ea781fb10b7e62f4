//! Rules over every filter in the engine's table: the results of each lookup, of combinations with
//! others, on later pages, and for texts that look like patterns.

use serde_json::{Value, json};
use whippy_engine::model::time::UtcOffset;
use whippy_engine::query::FILTERS;

use super::CodeCheck;
use super::kit::paging::{STOCKS, page};
use super::kit::places::{known_provider_name, location_of};
use super::kit::sample::sample;
use super::kit::stocks::{ids, number_of, stock_of};
use crate::cases::case::{given, with_arguments};
use crate::cases::probe::{Ask, Probe, Stop};
use crate::cases::scope::moment;
use crate::model::finding::Level;

pub(super) const CHECKS: &[CodeCheck] = &[
    CodeCheck {
        id: "search/each-filter-counts-beside-all-others",
        title: "A stock is found by all filters at once, and not if one of them is another's",
        section: "Search Stocks",
        quote: "This method is used to search stock objects with the specified filters.",
        run: beside_all_others,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "search/each-choice-finds-its-own",
        title: "Of two stocks of a SKU, each filter of a flag, a choice or a place finds by either value \
                the one that shows it",
        section: "Search Stocks",
        quote: "This method is used to search stock objects with the specified filters.",
        needs: &["provider", "location", "second-location"],
        run: its_own,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "search/each-filter-counts-on-later-pages",
        title: "The second page of what a filter finds shows nothing that the filter leaves out",
        section: "Search Stocks",
        quote: "This method is used to search stock objects with the specified filters.",
        needs: &["provider", "location", "second-location"],
        run: on_later_pages,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "search/last-of-each-repeated-filter-counts",
        title: "Of two values of one filter the last counts, whichever filter it is",
        level: Level::Should,
        section: "docs/stack.md#filters",
        quote: "Of a repeated parameter the last",
        run: repeated,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "search/blank-values-are-no-filters",
        title: "A filter with a blank value finds what is found without it, whichever filter it is",
        level: Level::Should,
        section: "docs/stack.md#filters",
        quote: "A blank value of any filter is ignored.",
        run: blank,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "search/numbers-of-every-sign-are-found",
        title: "Quantities below, at and above zero are found by every comparison with themselves",
        section: "Search Stocks",
        quote: "\"stock\": { \"type\": \"NumberFilter\"",
        run: of_every_sign,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "search/dates-are-compared-to-the-microsecond",
        title: "A date of a filter is compared whole: a stock is found by its own moment and not by one \
                a part of a second, a second, a minute, an hour or a day beside",
        section: "Search Stocks",
        quote: "IsoDateTimeFilter",
        run: moments,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "search/texts-are-no-patterns",
        title: "A SKU, a location's code or a provider's name is found by itself alone: by no part, \
                and by no pattern",
        section: "Search Stocks",
        quote: "\"sku\": { \"type\": \"CharFilter\", \"lookup_types\": [ \"exact\" ]",
        run: no_patterns,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "search/skus-of-all-signs-are-told-apart",
        title: "SKUs that differ in one sign are different SKUs to the list and to the queries",
        section: "Create Stock",
        quote: "sku string body ✓ The SKU of the product",
        run: told_apart,
        ..CodeCheck::WRITE
    },
];

/// A filter, a value that matches a stock, and one that does not.
type Pair = (String, String, String);

/// Returns such pairs for a stock, for every parameter in the engine's table with a known value.
fn pairs(probe: &mut Probe<'_>, stock: &Value) -> Result<Vec<Pair>, Stop> {
    let mut pairs = Vec::new();
    for field in FILTERS {
        let named = stock["provider"].as_str();
        let named = named.and_then(|value| known_provider_name(probe, value));
        let named = Value::from(named);
        let shown = match field.name {
            "location_name" => {
                location_names(probe, &mut pairs, stock);
                continue;
            }
            "provider_name" => &named,
            "period" => {
                periods(&mut pairs, &stock["period"]);
                continue;
            }
            name => &stock[name],
        };
        for (name, lookup) in field.parameters() {
            let pair = match shown {
                Value::Number(number) => number.as_i64().map(|n| numbers(lookup, n)),
                Value::Bool(flag) => Some((flag.to_string(), (!flag).to_string())),
                Value::String(text) => match moment(text) {
                    Some((at, zone)) => {
                        let text = |by| at.plus(by).to_text(zone);
                        let (fits, other) = offsets(lookup);
                        Some((text(fits), text(other)))
                    }
                    None => Some((text.clone(), another(field.name, text))),
                },
                _ => None,
            };
            if let Some((fits, other)) = pair {
                pairs.push((name.into_owned(), fits, other));
            }
        }
    }
    if pairs.is_empty() {
        let why = format!(
            "the stock {} shows nothing to search for",
            probe.need("sku")?
        );
        return Err(Stop::Unsupported(why));
    }
    Ok(pairs)
}

/// Adds the name of the stock's location, where the paths of places show it.
fn location_names(probe: &mut Probe<'_>, pairs: &mut Vec<Pair>, stock: &Value) {
    let (Some(code), Some(provider)) = (stock["location"].as_str(), stock["provider"].as_str())
    else {
        return;
    };
    let count = probe.findings.len();
    match location_of(probe, code, provider) {
        Ok(location) => {
            if let Some(name) = location["name"].as_str().filter(|name| !name.is_empty()) {
                pairs.push((
                    "location_name".to_owned(),
                    name.to_owned(),
                    format!("{name}-none"),
                ));
            }
        }
        // Mistakes at the paths of places are the matter of other checks.
        Err(_) => probe.findings.truncate(count),
    }
}

fn periods(pairs: &mut Vec<Pair>, period: &Value) {
    for (end, filter) in [
        ("lower", "period__startswith"),
        ("upper", "period__endswith"),
    ] {
        let Some((at, zone)) = period[end].as_str().and_then(moment) else {
            continue;
        };
        // Zones on the side where ignoring the offset would change the result.
        let (east, west) = (UtcOffset::parse("+09:00"), UtcOffset::parse("-05:00"));
        let (east, west) = (east.unwrap_or(zone), west.unwrap_or(zone));
        for (lookup, beside, fitting, other) in [("gte", 1, east, west), ("lte", -1, west, east)] {
            let name = format!("{filter}__{lookup}");
            pairs.push((name, at.to_text(fitting), at.plus(beside).to_text(other)));
        }
    }
}

fn numbers(lookup: &str, number: i64) -> (String, String) {
    let (fits, other) = offsets(lookup);
    ((number + fits).to_string(), (number + other).to_string())
}

/// Returns the distances from a stock's own value at which a lookup just finds it, and just not.
fn offsets(lookup: &str) -> (i64, i64) {
    match lookup {
        "gt" => (-1, 0),
        "lt" => (1, 0),
        "lte" => (0, -1),
        _ => (0, 1),
    }
}

fn another(name: &str, text: &str) -> String {
    match text {
        "qty" => "kg".to_owned(),
        "kg" => "qty".to_owned(),
        "standard" => "scheduled".to_owned(),
        "scheduled" => "standard".to_owned(),
        text if name == "sku" => format!("{text}0"),
        text => format!("{text}-none"),
    }
}

/// Creates a stock that differs from the usual one in every member that a filter reads.
fn unusual(probe: &mut Probe<'_>) -> Result<Value, Stop> {
    let mut members = json!({
        "stock": 7, "reserved_stock": 3, "is_active": false, "unit_type": "kg",
        "stock_type": "scheduled",
    });
    if probe.session.sees("period-shape", "range") {
        members["period"] = json!({
            "lower": "2031-03-01T08:00:00+03:00", "upper": "2031-04-01T08:00:00+03:00", "bounds": "[)",
        });
    }
    given(probe, "stock", &members)
}

/// Returns the count and the ids that a request finds, on one page.
fn found(probe: &mut Probe<'_>, ask: &Ask) -> Result<(usize, Vec<i64>), Stop> {
    let page = page(probe, ask)?;
    Ok((page.count, ids(&page.rows)))
}

fn beside_all_others(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let stock = unusual(probe)?;
    let id = stock["id"].as_i64().unwrap_or_default();
    let pairs = pairs(probe, &stock)?;
    let ask = |wrong: Option<usize>| {
        let ask = Ask::get(STOCKS)
            .with("sort", "id")
            .with("limit", 5)
            .with("page", 1);
        pairs
            .iter()
            .enumerate()
            .fold(ask, |ask, (at, (name, fits, other))| {
                ask.with(name, if wrong == Some(at) { other } else { fits })
            })
    };
    let all = found(probe, &ask(None).named("all filters"))?;
    if all != (1, vec![id]) {
        return Err(probe.fail(format!(
            "expected the stock {id} by all its own values at once, got {:?} and a count of {}",
            all.1, all.0
        )));
    }
    for (at, (name, _, other)) in pairs.iter().enumerate() {
        let got = found(probe, &ask(Some(at)).named(name))?;
        if got.0 > 0 || !got.1.is_empty() {
            return Err(probe.fail(format!(
                "expected {name}={other} beside the other filters to find nothing, got {:?} and a \
                 count of {}",
                got.1, got.0
            )));
        }
    }
    Ok(())
}

/// Fails the check if a filter by a value of one of two stocks does not find that stock alone.
fn its_own(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let sku = probe.need("sku")?;
    let one = unusual(probe)?;
    let other = given(
        probe,
        "usual",
        &json!({"location": probe.need("second-location")?}),
    )?;
    for name in ["is_active", "unit_type", "stock_type", "location"] {
        for stock in [&one, &other] {
            let value = match &stock[name] {
                Value::String(text) => text.clone(),
                shown => shown.to_string(),
            };
            let ask = Ask::get(STOCKS).with("sku", &sku).with(name, &value);
            let (count, got) = found(probe, &ask.named(name))?;
            let expected = ids([stock]);
            if count != 1 || got != expected {
                return Err(probe.fail(format!(
                    "{name}={value}: expected the stock {expected:?} of two of {sku}, got {got:?} and a \
                     count of {count}"
                )));
            }
        }
    }
    Ok(())
}

/// Fails the check if a filter that finds one of two stocks of a SKU still has a second page.
fn on_later_pages(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let sku = probe.need("sku")?;
    let first = given(probe, "usual", &json!({"reserved_stock": 1}))?;
    let location = probe.need("second-location")?;
    let other = json!({
        "location": location, "stock": 9, "reserved_stock": 4, "is_active": false, "unit_type": "kg",
    });
    let other = given(probe, "other", &other)?;
    for (name, value, _) in pairs(probe, &first)? {
        // A value of both stocks tells nothing.
        let is_of_both = match name.as_str() {
            "sku" | "provider" | "provider_name" | "stock_type" => true,
            name => {
                let (field, lookup) = name.split_once("__").unwrap_or((name, ""));
                fits(lookup, &other[field], &value)
            }
        };
        if is_of_both {
            continue;
        }
        let ask = Ask::get(STOCKS)
            .with("sku", &sku)
            .with(&name, &value)
            .with("limit", 1)
            .with("page", 2);
        // Whether the page is refused is the matter of another check.
        let answer = probe.send(&ask.named(&name).invalid())?;
        let body = answer
            .body
            .filter(|_| answer.status == 200)
            .unwrap_or_default();
        let shown = body["results"].as_array().map_or(0, Vec::len);
        if shown > 0 {
            return Err(probe.fail(format!(
                "expected {name}={value} to find one stock of {sku}, and no second page, got {shown} on \
                 a second page"
            )));
        }
    }
    Ok(())
}

fn repeated(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let stock = unusual(probe)?;
    let sku = probe.need("sku")?;
    for (name, fits, other) in pairs(probe, &stock)? {
        for (first, last, expected) in [(&other, &fits, 1), (&fits, &other, 0)] {
            let ask = match name.as_str() {
                "sku" => Ask::get(STOCKS),
                _ => Ask::get(STOCKS).with("sku", &sku),
            };
            let ask = ask.with(&name, first).with(&name, last);
            let (count, _) = found(probe, &ask.named(&name).invalid())?;
            if count != expected {
                return Err(probe.fail(format!(
                    "{name}={first} and {name}={last}: expected the last to find {expected}, got {count}"
                )));
            }
        }
    }
    Ok(())
}

fn blank(probe: &mut Probe<'_>) -> Result<(), Stop> {
    given(probe, "stock", &json!({}))?;
    let sku = probe.need("sku")?;
    for field in FILTERS.iter().filter(|field| field.name != "sku") {
        for (name, _) in field.parameters() {
            let ask = Ask::get(STOCKS).with("sku", &sku).with(&name, "");
            let (count, _) = found(probe, &ask.named(&name).invalid())?;
            if count != 1 {
                return Err(probe.fail(format!(
                    "expected `{name}` without a value to find the stock of {sku}, got {count} stocks"
                )));
            }
        }
    }
    Ok(())
}

/// Returns `true` if a lookup of a value finds a stock that shows `shown`.
fn fits(lookup: &str, shown: &Value, value: &str) -> bool {
    let order = match shown {
        Value::Number(number) => value
            .parse()
            .ok()
            .map(|value| number.as_i64().cmp(&Some(value))),
        Value::String(text) => match (moment(text), moment(value)) {
            (Some((one, _)), Some((other, _))) => Some(one.cmp(&other)),
            _ => return text == value,
        },
        Value::Bool(flag) => return flag.to_string() == value,
        _ => None,
    };
    order.is_some_and(|order| match lookup {
        "gt" => order.is_gt(),
        "gte" => order.is_ge(),
        "lt" => order.is_lt(),
        "lte" => order.is_le(),
        _ => order.is_eq(),
    })
}

/// Quantities on both sides of zero whose order as texts differs from their order as numbers.
const QUANTITIES: [i64; 7] = [-10, -9, -1, 0, 9, 10, 70_000];

const LOOKUPS: [&str; 5] = ["", "gt", "gte", "lt", "lte"];

fn filter(field: &str, lookup: &str) -> String {
    match lookup {
        "" => field.to_owned(),
        lookup => format!("{field}__{lookup}"),
    }
}

/// Compares the results of all lookups with the value that a stock shows: those that must find it
/// in one request, each of the others in its own.
fn compared(
    probe: &mut Probe<'_>,
    sku: &str,
    (field, shown): (&str, &Value),
    values: &[String],
) -> Result<(), Stop> {
    for value in values {
        let (fitting, others): (Vec<&str>, Vec<&str>) = LOOKUPS
            .into_iter()
            .partition(|lookup| fits(lookup, shown, value));
        let ask = fitting
            .iter()
            .fold(Ask::get(STOCKS).with("sku", sku), |ask, lookup| {
                ask.with(&filter(field, lookup), value)
            });
        let (count, _) = found(probe, &ask.named(field))?;
        if count != 1 {
            let by: Vec<String> = fitting
                .iter()
                .map(|lookup| format!("{}={value}", filter(field, lookup)))
                .collect();
            return Err(probe.fail(format!(
                "{}: expected to find the stock whose {field} is {shown}, got {count} stocks",
                by.join(" and ")
            )));
        }
        for lookup in others {
            let name = filter(field, lookup);
            let ask = Ask::get(STOCKS).with("sku", sku).with(&name, value);
            let (count, _) = found(probe, &ask.named(&name))?;
            if count > 0 {
                return Err(probe.fail(format!(
                    "{name}={value}: expected not to find the stock whose {field} is {shown}, got it"
                )));
            }
        }
    }
    Ok(())
}

fn of_every_sign(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let base = probe.need("sku")?;
    for field in ["stock", "reserved_stock"] {
        for number in sample(probe, 2, QUANTITIES.to_vec()) {
            let sku = format!("{base}{field}{number}");
            let mut stock = stock_of(probe, &sku)?;
            stock["reserved_stock"] = 5.into();
            stock[field] = number.into();
            let answer = probe.send(&Ask::post(STOCKS, stock).named("given stock"))?;
            // A service may refuse a quantity below zero.
            if answer.status == 400 {
                continue;
            }
            probe.expect_status(&answer, &[201])?;
            let beside = [number - 1, number, number + 1];
            let values: Vec<String> = beside
                .into_iter()
                .chain([0, 99].into_iter().filter(|far| !beside.contains(far)))
                .map(|value| value.to_string())
                .collect();
            compared(probe, &sku, (field, &json!(number)), &values)?;
        }
    }
    Ok(())
}

/// Distances from a date, microseconds, that reach past units to which a service may cut it.
const BESIDE: [i64; 7] = [
    1,
    900,
    900_000,
    59_000_000,
    3_540_000_000,
    10_800_000_000,
    82_800_000_000,
];

fn moments(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let stock = given(probe, "stock", &json!({}))?;
    let sku = probe.need("sku")?;
    for field in ["created_date", "modified_date"] {
        let Some((at, zone)) = stock[field].as_str().and_then(moment) else {
            return Err(probe.fail(format!(
                "expected `{field}` to be a date-time with an offset"
            )));
        };
        let beside = BESIDE.into_iter().flat_map(|by| [-by, by]).chain([0]);
        let values: Vec<String> = beside.map(|by| at.plus(by).to_text(zone)).collect();
        compared(probe, &sku, (field, &stock[field]), &values)?;
        // The same moments by the clocks of other zones.
        let zones = ["+09:00", "-05:00", "Z"].map(UtcOffset::parse);
        let elsewhere = zones.into_iter().flatten().zip([-1, 1, 0]);
        let values: Vec<String> = elsewhere
            .map(|(zone, by)| at.plus(by).to_text(zone))
            .collect();
        compared(probe, &sku, (field, &stock[field]), &values)?;
    }
    Ok(())
}

/// Returns texts by which the filter of a text must not find it.
fn decoys(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    if letters.is_empty() {
        return Vec::new();
    }
    let replaced = |at: usize, by: char| {
        let mut letters = letters.clone();
        letters[at] = by;
        letters.into_iter().collect::<String>()
    };
    let middle = letters.len() / 2;
    let mut decoys = Vec::new();
    for mark in ['_', '%', '*', '.', '?'] {
        decoys.push(replaced(middle, mark));
    }
    let (head, tail): (String, String) = (
        letters[..middle].iter().collect(),
        letters[middle..].iter().collect(),
    );
    decoys.extend([
        format!("{head}%"),
        format!("%{tail}"),
        "%".to_owned(),
        format!("{head}*"),
        format!("{text}%"),
        head,
        tail,
        text.chars().filter(|c| c.is_alphanumeric()).collect(),
        text.trim_start_matches('0').to_owned(),
        format!("0{text}"),
        format!("{text},{text}"),
        format!("{text}-"),
    ]);
    decoys.retain(|decoy| decoy.trim() != text && !decoy.trim().is_empty());
    decoys
}

fn no_patterns(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let stock = given(probe, "stock", &json!({}))?;
    let sku = probe.need("sku")?;
    for filter in ["sku", "location", "provider"] {
        let own = stock[filter].as_str().unwrap_or_default().to_owned();
        for decoy in decoys(&own) {
            let ask = match filter {
                "sku" => Ask::get(STOCKS),
                _ => Ask::get(STOCKS).with("sku", &sku),
            };
            let ask = ask.with(filter, &decoy).named(filter);
            finds_none_of(probe, &ask, &stock, &format!("{filter}={decoy}"))?;
        }
    }
    // A part of a name finds it, but a pattern is not a part.
    for decoy in ["_", "%"] {
        let own = stock["provider"].as_str();
        let own = own.and_then(|value| known_provider_name(probe, value));
        let own = own.unwrap_or_default();
        let letters: Vec<char> = own.chars().collect();
        if letters.len() < 3 || own.contains(decoy) {
            continue;
        }
        let part: String = [
            letters[0].to_string(),
            decoy.to_owned(),
            letters[2].to_string(),
        ]
        .concat();
        let ask = Ask::get(STOCKS)
            .with("sku", &sku)
            .with("provider_name", &part);
        finds_none_of(probe, &ask, &stock, &format!("provider_name={part}"))?;
    }
    Ok(())
}

fn finds_none_of(probe: &mut Probe<'_>, ask: &Ask, stock: &Value, what: &str) -> Result<(), Stop> {
    let (_, shown) = found(probe, ask)?;
    if stock["id"].as_i64().is_some_and(|id| shown.contains(&id)) {
        return Err(probe.fail(format!(
            "expected {what} not to find the stock of SKU {}, location {} and provider {}, got it",
            stock["sku"], stock["location"], stock["provider"]
        )));
    }
    Ok(())
}

/// Characters in a SKU that a service may confuse with each other, or take for a command.
const SIGNS: [&str; 14] = [
    "_", "%", "-", ".", " ", "  ", "+", "&", "/", "'", "\\", "é", "e", "%20",
];

/// The length of a long SKU: below the default length of a column.
const LONG: usize = 60;

/// Returns long SKUs that differ only after the places at which a service may cut them.
fn long_ones(base: &str) -> Vec<String> {
    if base.len() > 32 || !base.is_ascii() {
        return Vec::new();
    }
    let whole = format!("{base:x<LONG$}");
    let differing = [33, 51, LONG - 1]
        .into_iter()
        .map(|at| format!("{}y{}", &whole[..at], &whole[at + 1..]));
    std::iter::once(whole.clone()).chain(differing).collect()
}

fn told_apart(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let base = probe.need("sku")?;
    let least = i64::from(number_of(&base));
    let mut skus: Vec<String> = SIGNS.iter().map(|sign| format!("{base}{sign}z")).collect();
    skus.extend(long_ones(&base));
    let mut taken = Vec::new();
    for (sku, quantity) in skus.iter().zip(least..) {
        let mut stock = stock_of(probe, sku)?;
        stock["stock"] = quantity.into();
        let answer = probe.send(&Ask::post(STOCKS, stock).named("given stock"))?;
        // A service may allow fewer characters in a SKU.
        if answer.status == 400 {
            continue;
        }
        probe.expect_status(&answer, &[201])?;
        let got = &probe.json(&answer)?["sku"];
        if *got != **sku {
            return Err(probe.fail(format!(
                "expected the SKU {} as it was sent, got {got}",
                json!(sku)
            )));
        }
        taken.push((sku.clone(), quantity));
    }
    for (sku, stock) in &taken {
        let page = page(probe, &Ask::get(STOCKS).with("sku", sku).with("limit", 20))?;
        let shown: Vec<_> = page
            .rows
            .iter()
            .map(|row| (&row["sku"], &row["stock"]))
            .collect();
        if shown != [(&json!(sku), &json!(stock))] {
            return Err(probe.fail(format!(
                "expected the SKU {} with a stock of {stock} and no other, got {shown:?}",
                json!(sku)
            )));
        }
    }
    skus.retain(|sku| taken.iter().any(|(known, _)| known == sku));
    each_by_itself(probe, &skus, least + 500)
}

/// Fails the check unless queries, reservations and an upsert of each SKU affect that SKU alone.
fn each_by_itself(probe: &mut Probe<'_>, skus: &[String], least: i64) -> Result<(), Stop> {
    let mut rows = Vec::new();
    for (sku, stock) in skus.iter().zip(least..) {
        let mut row = stock_of(probe, sku)?;
        row["stock"] = stock.into();
        rows.push(row);
    }
    if rows.is_empty() {
        let why = "the target takes none of the SKUs with unusual signs";
        return Err(Stop::Unsupported(why.to_owned()));
    }
    let upsert = "/api/v1/stocks/insert_or_update_stock/";
    let answer = probe.send(&Ask::post(upsert, json!(rows)).named("upsert"))?;
    probe.expect_status(&answer, &[200])?;
    for operation in ["multi_stock_query", "multi_salable_stock_query"] {
        let result = queried(probe, operation, json!({"sku": skus}))?;
        for (sku, stock) in skus.iter().zip(least..) {
            is_of(probe, operation, (sku, stock), &result[sku])?;
        }
    }
    for (sku, stock) in skus.iter().zip(least..) {
        for operation in ["stock_query", "salable_stock_query"] {
            let result = queried(probe, operation, json!({"sku": sku}))?;
            is_of(probe, operation, (sku, stock), &result)?;
        }
    }
    let arguments = probe.session.reading("reservation-arguments");
    if arguments.is_some_and(|choices| !choices.is_empty()) {
        for sku in skus {
            reserved_by_itself(probe, sku)?;
        }
    }
    Ok(())
}

/// Returns the result of a stock query.
fn queried(probe: &mut Probe<'_>, operation: &str, arguments: Value) -> Result<Value, Stop> {
    let ask = Ask::get(&format!("{STOCKS}{operation}/")).named(operation);
    let answer = probe.send(&with_arguments(probe, ask, arguments))?;
    probe.expect_status(&answer, &[200])?;
    Ok(probe.json(&answer)?["Store_checkResult"].clone())
}

/// Reserves one more, and releases it again.
fn reserved_by_itself(probe: &mut Probe<'_>, sku: &str) -> Result<(), Stop> {
    let row = stock_of(probe, sku)?;
    for (operation, reserved) in [("increase", 1), ("decrease", 0)] {
        let arguments =
            json!({"sku": sku, "location": row["location"], "provider": row["provider"]});
        let path = format!("{STOCKS}{operation}_reserved_stock/");
        let ask = Ask::new(http::Method::POST, &path).named(operation);
        let answer = probe.send(&with_arguments(probe, ask, arguments))?;
        probe.expect_status(&answer, &[201])?;
        let got = probe.json(&answer)?;
        if got["sku"] != *sku || got["reserved_stock"] != reserved {
            let got = got.clone();
            return Err(probe.fail(format!(
                "{operation} of {}: expected {reserved} reserved, got {got}",
                json!(sku)
            )));
        }
    }
    Ok(())
}

fn is_of(
    probe: &mut Probe<'_>,
    operation: &str,
    (sku, stock): (&str, i64),
    rows: &Value,
) -> Result<(), Stop> {
    let is_right = rows
        .as_array()
        .is_some_and(|rows| rows.len() == 1 && rows[0]["sku"] == *sku && rows[0]["stock"] == stock);
    if is_right {
        return Ok(());
    }
    Err(probe.fail(format!(
        "{operation} of {}: expected one row with {stock}, got {rows}",
        json!(sku)
    )))
}
