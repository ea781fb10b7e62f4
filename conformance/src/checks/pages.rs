//! Pages: one list cut into parts that links connect, with no row missing or repeated. Content of
//! pages with one row is checked in `pages.yaml`.

use serde_json::Value;

use super::CodeCheck;
use super::kit::paging::{Page, STOCKS, follow, page, rows, walk};
use super::kit::places::known_provider_name;
use super::kit::stocks::{Stocks, ids};
use crate::cases::case::Capability;
use crate::cases::probe::{Ask, Probe, Stop};
use crate::model::finding::Level;

pub(super) const CHECKS: &[CodeCheck] = &[
    CodeCheck {
        id: "pages/concatenate-to-the-whole",
        title: "Following `next` from the first page shows every stock once, and the count of all \
                on each page",
        section: "List Active Stock",
        quote: "\"next\": \"https://{whippy_api_url}/api/v1/active-stocks/1/?page=2\"",
        needs: &["provider", "location", "second-location"],
        run: concatenate,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "pages/previous-leads-back",
        title: "Following `previous` from the last page shows the same pages again",
        section: "List Stock",
        quote: "\"previous\": null",
        needs: &["provider", "location", "second-location"],
        run: back,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "pages/hold-whatever-is-asked-beside",
        title: "Beside any filter or order, pages of one row show every stock once, count all, and lead \
                to their neighbours at the same address",
        section: "List Stock",
        quote: "The amount of line items returned per page",
        needs: &["provider", "location", "second-location"],
        run: beside,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "pages/limit-is-kept-to",
        title: "Of two limits that a target honours each shows so many rows",
        section: "List Stock",
        quote: "The amount of line items returned per page",
        needs: &["provider", "location", "second-location"],
        run: limits,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "pages/of-places-fit-together",
        title: "Pages of one provider, location or stock list show another each, count all and lead to \
                their neighbours",
        level: Level::May,
        section: "docs/contract.md#beyond-the-page",
        quote: "come in pages with a count, a next and a previous",
        capability: Some(Capability::Places),
        run: of_places,
        ..CodeCheck::SURVEY
    },
    CodeCheck {
        id: "readings/page-size",
        title: "How many rows a page has without a limit",
        section: "List Stock",
        quote: "The amount of line items returned per page",
        reading: Some("page-size"),
        run: size,
        ..CodeCheck::SURVEY
    },
    CodeCheck {
        id: "readings/page-limit",
        title: "The largest limit that is honoured",
        section: "List Stock",
        quote: "The amount of line items returned per page",
        reading: Some("page-limit"),
        run: largest,
        ..CodeCheck::SURVEY
    },
];

/// The largest limit that is requested, so that no service is burdened.
const MOST_ROWS: usize = 2000;

fn concatenate(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let stocks = Stocks::create(probe)?;
    let pages = walk(probe, &stocks.ask().with("limit", 2), stocks.rows.len() + 1)?;
    let mut got = ids(rows(&pages));
    got.sort_unstable();
    let expected = ids(&stocks.rows);
    if got != expected {
        return Err(probe.fail(format!(
            "expected the pages to show the stocks {expected:?}, got {got:?}"
        )));
    }
    match pages.iter().find(|page| page.count != expected.len()) {
        None => Ok(()),
        Some(page) => Err(probe.fail(format!(
            "expected a count of {} on every page, got {}",
            expected.len(),
            page.count
        ))),
    }
}

fn back(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let stocks = Stocks::create(probe)?;
    let pages = walk(probe, &stocks.ask().with("limit", 1), stocks.rows.len() + 1)?;
    let mut link = pages.last().and_then(|page| page.previous.clone());
    for earlier in pages.iter().rev().skip(1) {
        let Some(previous) = link else {
            return Err(probe.fail("expected `previous` to lead back to the first page, got null"));
        };
        let page = follow(probe, "previous", &previous)?;
        let (expected, got) = (ids(&earlier.rows), ids(&page.rows));
        if expected != got {
            return Err(probe.fail(format!(
                "expected `previous` to lead back to the stocks {expected:?}, got {got:?}"
            )));
        }
        link = page.previous;
    }
    match link {
        None => Ok(()),
        Some(_) => Err(probe.fail("expected `previous` to be null on the first page, got a link")),
    }
}

fn beside(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let stocks = Stocks::create(probe)?;
    let provider = probe.need("provider")?;
    let name = known_provider_name(probe, &provider).unwrap_or_default();
    let mut address = None;
    for (name, value) in [
        ("sort", "id"),
        ("sort", "-stock,id"),
        ("sort", "-created_date"),
        ("stock__gte", "0"),
        ("stock__lt", "1000"),
        ("reserved_stock__gt", "0"),
        ("created_date__gt", "2000-01-01T00:00:00Z"),
        ("modified_date__lte", "2099-01-01T00:00:00Z"),
        ("provider", &provider),
        ("provider_name", &name),
    ] {
        let ask = stocks.ask().with(name, value).with("limit", 1);
        let pages = walk(probe, &ask, stocks.rows.len() + 1)?;
        let beside = format!("limit=1 beside {name}={value}");
        are_whole(probe, &beside, &pages, &stocks.rows)?;
        for link in pages.iter().flat_map(|page| [&page.next, &page.previous]) {
            let Some(link) = link.as_deref() else {
                continue;
            };
            let got = link.split('?').next().unwrap_or_default().to_owned();
            let expected = address.get_or_insert_with(|| got.clone());
            if *expected != got {
                return Err(probe.fail(format!(
                    "{beside}: expected each link to lead to {expected}, got {link}"
                )));
            }
        }
    }
    Ok(())
}

/// Fails the check unless there is one page for each stock, and the stock is on it as written.
fn are_whole(
    probe: &mut Probe<'_>,
    beside: &str,
    pages: &[Page],
    stocks: &[Value],
) -> Result<(), Stop> {
    let (expected, mut got) = (ids(stocks), ids(rows(pages)));
    got.sort_unstable();
    if got != expected || pages.len() != expected.len() {
        return Err(probe.fail(format!(
            "{beside}: expected {} pages with the stocks {expected:?}, got {} with {got:?}",
            expected.len(),
            pages.len()
        )));
    }
    for row in rows(pages) {
        let known = stocks.iter().find(|stock| stock["id"] == row["id"]);
        if let Some(known) = known.filter(|known| *known != row) {
            return Err(probe.fail(format!("{beside}: expected {known}, got {row}")));
        }
    }
    for (position, page) in pages.iter().enumerate() {
        let number = position + 1;
        let is_first = page.previous.is_none() == (position == 0);
        let is_last = page.next.is_none() == (number == pages.len());
        if page.count != expected.len() || !is_first || !is_last {
            return Err(probe.fail(format!(
                "{beside}: expected page {number} of {} to count {} and to have its neighbours' \
                 links, got a count of {}, previous {:?} and next {:?}",
                pages.len(),
                expected.len(),
                page.count,
                page.previous,
                page.next
            )));
        }
    }
    Ok(())
}

/// Compares the limits 2 and 3. A service may allow as little as 1, so only the result for 3 tells
/// whether 2 is honoured.
fn limits(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let stocks = Stocks::create(probe)?;
    let three = page(probe, &stocks.ask().with("limit", 3))?.rows.len();
    let two = page(probe, &stocks.ask().with("limit", 2))?.rows.len();
    let expected = three.min(2);
    if three > 3 || two != expected {
        return Err(probe.fail(format!(
            "expected {expected} rows by limit=2, got {two}, and {three} by limit=3"
        )));
    }
    Ok(())
}

/// The most pages of a walk over places.
const PLACES_WALKED: usize = 4;

fn of_places(probe: &mut Probe<'_>) -> Result<(), Stop> {
    for path in ["providers", "stock-locations", "stock-lists"] {
        let ask = Ask::get(&format!("/api/v1/{path}/")).with("limit", 1);
        let mut pages = walk(probe, &ask.clone().named(path), PLACES_WALKED)?;
        let count = pages[0].count;
        if count > pages.len() {
            pages.push(page(probe, &ask.with("page", count).named(path))?);
        }
        let known = pages.len();
        let mut shown = ids(rows(&pages));
        shown.sort_unstable();
        shown.dedup();
        let has_neighbours = pages.iter().enumerate().all(|(at, page)| {
            let is_last = at + 1 == known;
            page.count == count
                && page.previous.is_none() == (at == 0)
                && page.next.is_none() == is_last
        });
        if known != count.clamp(1, PLACES_WALKED + 1) || shown.len() != known.min(count) {
            return Err(probe.fail(format!(
                "{path}: expected a page for each of {count}, got {known} pages with the ids {shown:?}"
            )));
        }
        if !has_neighbours {
            return Err(probe.fail(format!(
                "{path}: expected each page to count {count} and to lead to its neighbours alone"
            )));
        }
        let backwards = pages.iter().skip(1).zip(&pages).take(PLACES_WALKED - 1);
        for (page, before) in backwards {
            let Some(link) = &page.previous else { continue };
            let got = ids(&follow(probe, "previous", link)?.rows);
            let expected = ids(&before.rows);
            if got != expected {
                return Err(probe.fail(format!(
                    "{path}: expected `previous` to lead back to {expected:?}, got {got:?}"
                )));
            }
        }
    }
    Ok(())
}

fn size(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let page = page(probe, &Ask::get(STOCKS))?;
    observe(probe, &page)
}

fn largest(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let page = page(probe, &Ask::get(STOCKS).with("limit", MOST_ROWS))?;
    let held = probe.session.profile.get("page-limit");
    let shown = page.rows.len();
    if let Some(most) = held.and_then(|most| most.parse::<usize>().ok())
        && shown > most
    {
        return Err(probe.fail(format!("expected page-limit={most}, got a page of {shown}")));
    }
    if page.rows.len() >= MOST_ROWS {
        return Err(Stop::Unsupported(format!(
            "a page may have {MOST_ROWS} rows or more"
        )));
    }
    observe(probe, &page)
}

/// Notes the size of a page that has a next one as the choice of the reading.
fn observe(probe: &mut Probe<'_>, page: &Page) -> Result<(), Stop> {
    let shown = page.rows.len();
    if page.next.is_none() || shown == 0 || shown >= page.count {
        let why = format!("a page shows all of the {} stocks there are", page.count);
        return Err(Stop::Unsupported(why));
    }
    probe.choices = Some(vec![shown.to_string()]);
    Ok(())
}
