//! Filters that compare texts: results for a part of a text, and for letters in another case.
//! Everything else about filters is in `search.yaml` and `comparisons.yaml`.

use serde_json::{Value, json};
use whippy_engine::folding::upper_case;
use whippy_engine::model::time::UtcOffset;
use whippy_engine::profile::CaseFolding;

use super::CodeCheck;
use super::kit::letters::{parts, swapped_part};
use super::kit::paging::{STOCKS, page};
use super::kit::places::{location_of, provider_name};
use crate::cases::case::{Capability, given};
use crate::cases::probe::{Ask, Probe, Stop};
use crate::cases::scope::moment;
use crate::model::finding::Level;
use whippy_probe::text::other_case;

pub(super) const CHECKS: &[CodeCheck] = &[
    CodeCheck {
        id: "search/location-name-may-be-a-part",
        title: "`location_name` finds the stocks of locations whose name contains the text",
        section: "Search Stocks",
        quote: "\"location_name\": { \"type\": \"CharFilter\", \"lookup_types\": [ \"icontains\" ]",
        capability: Some(Capability::Places),
        run: |probe| {
            let code = probe.need("location")?;
            let provider = probe.need("provider")?;
            let location = location_of(probe, &code, &provider)?;
            contained(probe, "location_name", &location["name"])
        },
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "search/provider-name-may-be-a-part",
        title: "`provider_name` finds the stocks of providers whose name contains the text",
        section: "Search Stocks",
        quote: "\"provider_name\": { \"type\": \"CharFilter\", \"lookup_types\": [ \"icontains\" ]",
        run: |probe| {
            let provider = probe.need("provider")?;
            let name = provider_name(probe, &provider)?;
            contained(probe, "provider_name", &name.into())
        },
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "search/place-is-exact",
        title: "A part of a location's code or of a provider's name is neither",
        section: "Search Stocks",
        quote: "\"location\": { \"type\": \"CharFilter\", \"lookup_types\": [ \"exact\" ]",
        run: exact,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "search/case-of-letters-counts",
        title: "A SKU, a location's code or a provider's name in letters of the other case is another",
        level: Level::Should,
        section: "docs/stack.md#filters",
        quote: "exact and case-sensitive",
        run: cased,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "search/date-may-be-of-another-zone",
        title: "A moment is found by the time of any zone",
        level: Level::Should,
        section: "Search Stocks",
        quote: "IsoDateTimeFilter",
        run: zones,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "readings/case-folding",
        title: "Which letters of a name are the same in upper and lower case",
        section: "Search Stocks",
        quote: "\"location_name\": { \"type\": \"CharFilter\", \"lookup_types\": [ \"icontains\" ]",
        reading: Some("case-folding"),
        run: case_folding,
        ..CodeCheck::WRITE
    },
];

/// Fails the check unless a filter finds a stock that the check creates, or does not find it, as
/// `expected` says.
fn expect_found(
    probe: &mut Probe<'_>,
    filter: &str,
    value: &str,
    expected: bool,
) -> Result<(), Stop> {
    let sku = probe.need("sku")?;
    let count = page(
        probe,
        &Ask::get(STOCKS).with("sku", sku).with(filter, value),
    )?
    .count;
    if count == usize::from(expected) {
        return Ok(());
    }
    let wanted = if expected {
        "to find the stock"
    } else {
        "to find nothing"
    };
    Err(probe.fail(format!(
        "expected {filter}={value} {wanted}, got a count of {count}"
    )))
}

fn contained(probe: &mut Probe<'_>, filter: &str, name: &Value) -> Result<(), Stop> {
    let Some(name) = name.as_str().filter(|name| !name.is_empty()) else {
        return Err(Stop::Unsupported("the place has no name".to_owned()));
    };
    given(probe, "stock", &json!({}))?;
    expect_found(probe, filter, name, true)?;
    for part in parts(name).into_iter().chain(swapped_part(name)) {
        expect_found(probe, filter, &part, true)?;
    }
    expect_found(probe, filter, &format!("{name}-"), false)
}

/// Searches for a stock by the names of its places, in spellings that are equal only in some
/// collations.
fn case_folding(probe: &mut Probe<'_>) -> Result<(), Stop> {
    given(probe, "stock", &json!({}))?;
    let (code, provider) = (probe.need("location")?, probe.need("provider")?);
    let mut names = Vec::new();
    match provider_name(probe, &provider) {
        Ok(name) => names.push(("provider_name", name)),
        Err(Stop::Unsupported(_)) => {}
        Err(stop) => return Err(stop),
    }
    match location_of(probe, &code, &provider) {
        Ok(location) => names.extend(
            location["name"]
                .as_str()
                .map(|name| ("location_name", name.to_owned())),
        ),
        Err(Stop::Unsupported(_)) => {}
        Err(stop) => return Err(stop),
    }
    let mut fitting = CaseFolding::ALL.to_vec();
    for (filter, name) in names {
        for part in respelled(&name) {
            let finds = |folding| upper_case(&name, folding).contains(&upper_case(&part, folding));
            let is_found = |(folding, _): &(CaseFolding, _)| finds(*folding);
            if fitting.iter().all(is_found) || !fitting.iter().any(is_found) {
                continue;
            }
            let ask = Ask::get(STOCKS).with("sku", probe.need("sku")?);
            let found = page(probe, &ask.with(filter, &part))?.count > 0;
            fitting.retain(|choice| is_found(choice) == found);
        }
    }
    let fitting = fitting.into_iter().map(|(_, id)| id.to_owned());
    probe.choices = Some(fitting.collect());
    Ok(())
}

/// Returns a name in capitals, in small letters, and with letters that only some collations map to
/// the same upper case.
fn respelled(name: &str) -> Vec<String> {
    let small = name.to_ascii_lowercase();
    let others = [
        ("ı", "i"),
        ("s", "ſ"),
        ("ss", "ß"),
        ("st", "ﬆ"),
        ("ff", "ﬀ"),
        ("fi", "ﬁ"),
        ("fl", "ﬂ"),
    ];
    let others = others
        .into_iter()
        .filter(|(plain, _)| small.contains(plain))
        .map(|(plain, other)| small.replacen(plain, other, 1));
    let cases = [
        name.to_ascii_uppercase(),
        name.to_uppercase(),
        name.to_lowercase(),
    ];
    cases.into_iter().chain(others).collect()
}

fn exact(probe: &mut Probe<'_>) -> Result<(), Stop> {
    given(probe, "stock", &json!({}))?;
    for filter in ["location", "provider"] {
        let value = probe.need(filter)?;
        for part in parts(&value) {
            expect_found(probe, filter, &part, false)?;
        }
    }
    Ok(())
}

fn cased(probe: &mut Probe<'_>) -> Result<(), Stop> {
    given(probe, "stock", &json!({}))?;
    let sku = probe.need("sku")?;
    for filter in ["sku", "location", "provider"] {
        let value = probe.need(filter)?;
        let other = other_case(&value);
        let ask = match filter {
            "sku" => Ask::get(STOCKS),
            _ => Ask::get(STOCKS).with("sku", &sku),
        };
        if other != value && page(probe, &ask.with(filter, &other))?.count > 0 {
            return Err(probe.fail(format!(
                "expected {filter}={other} not to find the stock of {value}, got it"
            )));
        }
    }
    Ok(())
}

fn zones(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let stock = given(probe, "stock", &json!({}))?;
    let created = stock["created_date"].as_str().and_then(moment);
    let Some((created, _)) = created else {
        return Err(probe.fail("expected `created_date` to be a date-time with an offset"));
    };
    for zone in ["Z", "+05:30", "-08:00"] {
        let zone = UtcOffset::parse(zone).unwrap_or(UtcOffset::PAGE);
        expect_found(probe, "created_date", &created.to_text(zone), true)?;
    }
    Ok(())
}
