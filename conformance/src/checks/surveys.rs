//! Surveys: rules that hold for any stocks. They only read, take a sample, and need as few requests
//! for a million stocks as for ten, so that they can run in production.
//!
//! Statements of the page are a MUST; those of the stack alone are a SHOULD.

use serde_json::{Value, json};

use super::CodeCheck;
use super::kit::letters::{parts, swapped_part};
use super::kit::ordering::{Fields, compare, in_order, order, term};
use super::kit::paging::{Page, STOCKS, follow, page, rows, walk};
use super::kit::places::{location_of, provider_name};
use super::kit::stocks::ids;
use crate::cases::case::{Capability, takes_query};
use crate::cases::probe::{Answer, Ask, Payload, Probe, Stop};
use crate::cases::scope::moment;
use crate::model::finding::Level;
use whippy_probe::text::other_case;

pub(super) const CHECKS: &[CodeCheck] = &[
    CodeCheck {
        id: "survey/pages-fit-together",
        title: "The first pages and the last show different stocks, and as many as are counted",
        section: "List Stock",
        quote: "The number of page returned",
        run: pages_fit_together,
        ..CodeCheck::SURVEY
    },
    CodeCheck {
        id: "survey/links-lead-to-the-neighbours",
        title: "`next` and `previous` lead to the page behind and the page before",
        section: "List Stock",
        quote: "\"previous\": null",
        run: neighbours,
        ..CodeCheck::SURVEY
    },
    CodeCheck {
        id: "survey/limit-is-kept-to",
        title: "A page has no more stocks than `limit` says, and no fewer if there are more",
        section: "List Stock",
        quote: "The amount of line items returned per page",
        run: limited,
        ..CodeCheck::SURVEY
    },
    CodeCheck {
        id: "survey/bad-limit-leaves-the-usual-size",
        title: "A limit that is none gives pages of the same size as no limit",
        level: Level::Should,
        section: "docs/stack.md#pagination",
        quote: "A limit that is below 1 or not an integer gives the default page size.",
        run: badly_limited,
        ..CodeCheck::SURVEY
    },
    CodeCheck {
        id: "survey/last-page-may-be-named",
        title: "The page `last` is the one that the count says",
        level: Level::Should,
        section: "docs/stack.md#pagination",
        quote: "page=last is the last page",
        run: |probe| {
            let first = page(probe, &Ask::get(STOCKS).with("limit", 5))?;
            let (number, _) = last_of(&first)?;
            let [named, numbered] = ["last".to_owned(), number.to_string()].map(|number| {
                page(
                    probe,
                    &Ask::get(STOCKS).with("limit", 5).with("page", number),
                )
            });
            let (got, expected) = (ids(&named?.rows), ids(&numbered?.rows));
            expect_ids(probe, "page=last", &expected, &got)
        },
        ..CodeCheck::SURVEY
    },
    CodeCheck {
        id: "survey/links-keep-what-was-asked",
        title: "The page that `next` leads to is filtered, sorted and cut like the one it stands on",
        section: "List Active Stock",
        quote: "\"next\": \"https://{whippy_api_url}/api/v1/active-stocks/1/?page=2\"",
        run: kept_by_links,
        ..CodeCheck::SURVEY
    },
    CodeCheck {
        id: "survey/links-lead-to-the-target",
        title: "Links have the scheme, host and port that the target was asked at",
        level: Level::Should,
        section: "List Active Stock",
        quote: "https://{whippy_api_url}/api/v1/active-stocks/1/?page=2",
        run: |probe| {
            let shown = page(probe, &Ask::get(STOCKS).with("limit", 1))?;
            is_there(&shown.rows)?;
            let base = format!("{}/", probe.session.target.base());
            match shown.next {
                Some(link) if !link.starts_with(&base) => {
                    Err(probe.fail(format!("expected `next` to begin with {base}, got {link}")))
                }
                _ => Ok(()),
            }
        },
        ..CodeCheck::SURVEY
    },
    CodeCheck {
        id: "survey/list-is-ordered-by-id",
        title: "Without a `sort` ids rise from the first stock to the last",
        level: Level::Should,
        section: "List Stock",
        quote: "\"id\": 2,",
        run: |probe| {
            let pages = walk(probe, &Ask::get(STOCKS).with("limit", 5), MOST_PAGES)?;
            let rows: Vec<_> = rows(&pages).into_iter().cloned().collect();
            is_there(&rows)?;
            in_order(probe, &rows, &[("id", false)])
        },
        ..CodeCheck::SURVEY
    },
    CodeCheck {
        id: "survey/sort-orders-what-there-is",
        title: "A `sort` orders all stocks, by any field whose order all agree on, and loses none",
        level: Level::Should,
        section: "docs/stack.md#ordering",
        quote: "sort=bogus,-stock sorts by stock, descending",
        run: sorted,
        ..CodeCheck::SURVEY
    },
    CodeCheck {
        id: "survey/unknown-sort-is-passed-over",
        title: "A `sort` by a field that does not exist changes nothing",
        level: Level::Should,
        section: "docs/stack.md#ordering",
        quote: "Unknown names are dropped silently",
        run: |probe| {
            let usual = page(probe, &Ask::get(STOCKS).with("limit", 5))?;
            is_there(&usual.rows)?;
            let shown = page(
                probe,
                &Ask::get(STOCKS).with("limit", 5).with("sort", "bogus"),
            )?;
            expect_ids(probe, "sort=bogus", &ids(&usual.rows), &ids(&shown.rows))
        },
        ..CodeCheck::SURVEY
    },
    CodeCheck {
        id: "survey/comparisons-share-out-the-whole",
        title: "What is less, equal and more than a value of some stock is all there is",
        section: "Search Stocks",
        quote: "\"lookup_types\": [ \"gt\", \"gte\", \"lt\", \"lte\", \"exact\" ]",
        run: shared_out,
        ..CodeCheck::SURVEY
    },
    CodeCheck {
        id: "survey/flags-and-types-share-out-the-whole",
        title: "Active and inactive stocks are all there are, and so are standard and scheduled ones",
        section: "Search Stocks",
        quote: "\"standard\", \"scheduled\"",
        run: |probe| {
            complementary(probe, "is_active", ["true", "false"])?;
            complementary(probe, "stock_type", ["standard", "scheduled"])
        },
        ..CodeCheck::SURVEY
    },
    CodeCheck {
        id: "survey/units-share-out-the-whole",
        title: "Stocks in pieces and in kilograms are all there are",
        level: Level::Should,
        section: "List Stock",
        quote: "\"unit_type\": \"qty\",",
        run: |probe| complementary(probe, "unit_type", ["qty", "kg"]),
        ..CodeCheck::SURVEY
    },
    CodeCheck {
        id: "survey/filters-intersect",
        title: "Two filters together find what each of them finds",
        section: "Search Stocks",
        quote: "This method is used to search stock objects with the specified filters.",
        run: intersected,
        ..CodeCheck::SURVEY
    },
    CodeCheck {
        id: "survey/stock-is-found-by-its-own-values",
        title: "A stock is found by every value that it shows",
        section: "Search Stocks",
        quote: "This method is used to search stock objects with the specified filters.",
        run: found_again,
        ..CodeCheck::SURVEY
    },
    CodeCheck {
        id: "survey/period-is-found-by-its-bounds",
        title: "A stock is found by the start and the end of its period, and not by a moment beside",
        section: "Search Stocks",
        quote: "\"startswith__gte\", \"startswith__lte\", \"endswith__gte\", \"endswith__lte\"",
        run: bounded,
        ..CodeCheck::SURVEY
    },
    CodeCheck {
        id: "survey/texts-are-exact",
        title: "A SKU, a location's code or a provider's name is not found by a part of it",
        section: "Search Stocks",
        quote: "\"sku\": { \"type\": \"CharFilter\", \"lookup_types\": [ \"exact\" ]",
        run: |probe| only_themselves(probe, parts),
        ..CodeCheck::SURVEY
    },
    CodeCheck {
        id: "survey/case-of-letters-counts",
        title: "A SKU, a location's code or a provider's name is not found in letters of the other case",
        level: Level::Should,
        section: "docs/stack.md#filters",
        quote: "exact and case-sensitive",
        run: |probe| only_themselves(probe, |text| vec![other_case(text)]),
        ..CodeCheck::SURVEY
    },
    CodeCheck {
        id: "survey/provider-is-found-by-a-part-of-its-name",
        title: "`provider_name` finds all that `provider` finds, by any part of the name in any case",
        section: "Search Stocks",
        quote: "\"provider_name\": { \"type\": \"CharFilter\", \"lookup_types\": [ \"icontains\" ]",
        run: |probe| {
            let sample = sample(probe)?;
            let provider = text(&sample.rows[0]["provider"]);
            let name = provider_name(probe, &provider)?;
            named(probe, &[("provider", provider)], "provider_name", &name)
        },
        ..CodeCheck::SURVEY
    },
    CodeCheck {
        id: "survey/location-is-found-by-a-part-of-its-name",
        title: "`location_name` finds all that `location` finds, by any part of the name in any case",
        section: "Search Stocks",
        quote: "\"location_name\": { \"type\": \"CharFilter\", \"lookup_types\": [ \"icontains\" ]",
        capability: Some(Capability::Places),
        run: |probe| {
            let sample = sample(probe)?;
            let row = &sample.rows[0];
            let (code, provider) = (text(&row["location"]), text(&row["provider"]));
            let name = text(&location_of(probe, &code, &provider)?["name"]);
            named(
                probe,
                &[("location", code), ("provider", provider)],
                "location_name",
                &name,
            )
        },
        ..CodeCheck::SURVEY
    },
    CodeCheck {
        id: "survey/queries-agree-with-the-list",
        title: "The stock queries show the places and quantities that the list shows",
        section: "Stock Query",
        quote: "The number of the existing stock",
        run: queried,
        ..CodeCheck::SURVEY
    },
];

/// The most pages in a walk.
const MOST_PAGES: usize = 4;

/// The number of rows in a sample, where the target has so many.
const SAMPLE: usize = 20;

fn is_there(rows: &[Value]) -> Result<(), Stop> {
    if rows.is_empty() {
        return Err(Stop::Unsupported(
            "there are no stocks to look at".to_owned(),
        ));
    }
    Ok(())
}

/// Returns the first stocks of the list whose texts a filter takes literally.
fn sample(probe: &mut Probe<'_>) -> Result<Page, Stop> {
    sample_of(probe, Ask::get(STOCKS))
}

fn sample_of(probe: &mut Probe<'_>, ask: Ask) -> Result<Page, Stop> {
    let mut first = page(probe, &ask.with("limit", SAMPLE).named("sample"))?;
    first.rows.retain(|row| {
        let texts = ["sku", "location", "provider"].map(|name| row[name].as_str());
        let is_plain = |text: &str| !text.is_empty() && text.trim() == text;
        texts.iter().all(|text| text.is_some_and(is_plain))
    });
    is_there(&first.rows)?;
    Ok(first)
}

/// Returns the first, the middle and the last row.
fn some(rows: &[Value]) -> Vec<&Value> {
    let mut places = vec![0, rows.len() / 2, rows.len() - 1];
    places.dedup();
    places.into_iter().map(|place| &rows[place]).collect()
}

fn count(probe: &mut Probe<'_>, filters: &[(&str, String)]) -> Result<usize, Stop> {
    let ask = Ask::get(STOCKS).with("limit", 1);
    let ask = filters
        .iter()
        .fold(ask, |ask, (name, value)| ask.with(name, value));
    Ok(page(probe, &ask)?.count)
}

/// Returns the value of a member in the form that a filter takes.
fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn expect_ids(
    probe: &mut Probe<'_>,
    what: &str,
    expected: &[i64],
    got: &[i64],
) -> Result<(), Stop> {
    if expected == got {
        return Ok(());
    }
    Err(probe.fail(format!(
        "{what}: expected the stocks {expected:?}, got {got:?}"
    )))
}

/// Returns the number of the last page, and the number of stocks on it.
fn last_of(first: &Page) -> Result<(usize, usize), Stop> {
    is_there(&first.rows)?;
    let size = first.rows.len();
    let last = first.count.div_ceil(size).max(1);
    Ok((last, first.count.saturating_sub((last - 1) * size)))
}

fn pages_fit_together(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let ask = Ask::get(STOCKS).with("limit", 5);
    let mut pages = walk(probe, &ask, MOST_PAGES)?;
    let total = pages[0].count;
    let (last, expected) = last_of(&pages[0])?;
    if pages.len() < last {
        pages.push(page(probe, &ask.with("page", last).named("last page"))?);
    }
    let got = pages.last().map_or(0, |page| page.rows.len());
    let is_last = pages.last().is_some_and(|page| page.next.is_none());
    if pages.len() > last || got != expected || !is_last {
        return Err(probe.fail(format!(
            "expected {expected} of {total} stocks on page {last}, and none behind it, got {got} \
             on it"
        )));
    }
    if let Some(page) = pages.iter().find(|page| page.count != total) {
        return Err(probe.fail(format!("expected a count of {total}, got {}", page.count)));
    }
    let all = ids(rows(&pages));
    let mut once = all.clone();
    once.sort_unstable();
    once.dedup();
    if once.len() != all.len() {
        return Err(probe.fail(format!("expected no stock on two pages, got {all:?}")));
    }
    Ok(())
}

fn neighbours(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let ask = Ask::get(STOCKS).with("limit", 5);
    let first = page(probe, &ask)?;
    let (last, _) = last_of(&first)?;
    let mut numbers = vec![2, last];
    numbers.dedup();
    for number in numbers
        .into_iter()
        .filter(|number| (2..=last).contains(number))
    {
        let of = |number: usize| ask.clone().with("page", number);
        let (before, here) = (page(probe, &of(number - 1))?, page(probe, &of(number))?);
        let Some(next) = before.next else {
            let summary = format!("page {}: expected a `next`, got null", number - 1);
            return Err(probe.fail(summary));
        };
        let Some(link) = here.previous else {
            return Err(probe.fail(format!("page {number}: expected a `previous`, got null")));
        };
        let back = follow(probe, "previous", &link)?;
        let what = format!("`previous` of page {number}");
        expect_ids(probe, &what, &ids(&before.rows), &ids(&back.rows))?;
        let forth = follow(probe, "next", &next)?;
        let what = format!("`next` of page {}", number - 1);
        expect_ids(probe, &what, &ids(&here.rows), &ids(&forth.rows))?;
    }
    match first.previous {
        None => Ok(()),
        Some(_) => Err(probe.fail("page 1: expected `previous` to be null, got a link")),
    }
}

/// Compares limits from 1 to 4: whether one is honoured shows only in the result of the next.
fn limited(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let mut shown = Vec::new();
    for limit in 1..=4 {
        let rows = page(probe, &Ask::get(STOCKS).with("limit", limit))?.rows;
        is_there(&rows)?;
        shown.push(rows.len());
    }
    let most = shown[3];
    let expected: Vec<_> = (1..=4).map(|limit| most.min(limit)).collect();
    if shown == expected {
        return Ok(());
    }
    Err(probe.fail(format!(
        "expected {expected:?} stocks by the limits 1 to 4, got {shown:?}"
    )))
}

fn badly_limited(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let usual = page(probe, &Ask::get(STOCKS))?;
    is_there(&usual.rows)?;
    for limit in ["0", "-1", "few"] {
        let shown = page(probe, &Ask::get(STOCKS).with("limit", limit).invalid())?;
        expect_ids(
            probe,
            &format!("limit={limit}"),
            &ids(&usual.rows),
            &ids(&shown.rows),
        )?;
    }
    Ok(())
}

/// The links must keep the name of the provider, which may contain encoded letters.
fn kept_by_links(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let sample = sample(probe)?;
    for (filter, sort) in [("provider", Some("-id")), ("is_active", None)] {
        let value = &sample.rows[0][filter];
        let mut ask = Ask::get(STOCKS).with(filter, text(value)).with("limit", 2);
        if let Some(sort) = sort {
            ask = ask.with("sort", sort);
        }
        let pages = walk(probe, &ask, 3)?;
        let rows: Vec<_> = rows(&pages).into_iter().cloned().collect();
        if let Some(other) = rows.iter().find(|row| row[filter] != *value) {
            let expected = format!("expected stocks whose {filter} is {value} alone");
            return Err(probe.fail(format!("{expected}, got {other}")));
        }
        if pages
            .iter()
            .any(|page| page.count != pages[0].count || page.rows.len() > pages[0].rows.len())
        {
            let counts: Vec<_> = pages
                .iter()
                .map(|page| (page.count, page.rows.len()))
                .collect();
            return Err(probe.fail(format!(
                "expected one count and one size on all pages, got {counts:?}"
            )));
        }
        let shown = ids(&rows);
        if let Some(twice) = shown.iter().find(|id| count_of(&shown, **id) > 1) {
            return Err(probe.fail(format!(
                "expected other stocks on each page of {filter}={value}, got {twice} twice"
            )));
        }
        if sort.is_some() {
            in_order(probe, &rows, &[("id", true)])?;
        }
    }
    Ok(())
}

fn count_of(ids: &[i64], id: i64) -> usize {
    ids.iter().filter(|other| **other == id).count()
}

/// Fields with an order that all services agree on. Texts are left out, since their order depends
/// on a language.
const SORTS: &[Fields<'static>] = &[
    &[("id", true)],
    &[("created_date", true)],
    &[("modified_date", false)],
    &[("modified_date", true)],
    &[("stock", false)],
    &[("stock", true)],
    &[("reserved_stock", true)],
    &[("is_active", false)],
    &[("stock_type", true)],
    &[("unit_type", false)],
    &[("stock", false), ("id", true)],
    &[("is_active", true), ("stock", false), ("id", true)],
];

fn sorted(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let sample = sample(probe)?;
    for fields in SORTS {
        let ask = Ask::get(STOCKS)
            .with("sort", term(fields))
            .with("limit", SAMPLE);
        let shown = page(probe, &ask)?;
        if shown.count != sample.count {
            let (sort, total, got) = (term(fields), sample.count, shown.count);
            return Err(probe.fail(format!("sort={sort}: expected {total} stocks, got {got}")));
        }
        is_full(probe, &term(fields), &shown)?;
        in_order(probe, &shown.rows, fields)?;
        // A stock that is not on the first page must not come before those that are.
        let Some(end) = shown.rows.last().cloned() else {
            continue;
        };
        if shown.count > shown.rows.len() {
            let next = page(probe, &ask.with("page", 2))?;
            let across = [vec![end.clone()], next.rows].concat();
            in_order(probe, &across, fields)?;
        }
        let on_page = ids(&shown.rows);
        let behind = |row: &&Value| row["id"].as_i64().is_some_and(|id| !on_page.contains(&id));
        let mut others = sample.rows.iter().filter(behind);
        if let Some(other) = others.find(|other| order(fields, &end, other).is_gt()) {
            let both = [end.clone(), other.clone()];
            in_order(probe, &both, fields)?;
        }
    }
    let active = Ask::get(STOCKS).with("is_active", "true");
    for ask in [Ask::get(STOCKS), active] {
        let ask = ask.with("limit", 1);
        if page(probe, &ask)?.count > 0 {
            for name in REVERSED {
                reversed(probe, &ask, name)?;
            }
        }
    }
    Ok(())
}

/// Fails the check unless a page is full and has no stock twice.
fn is_full(probe: &mut Probe<'_>, sort: &str, shown: &Page) -> Result<(), Stop> {
    let mut once = ids(&shown.rows);
    once.sort_unstable();
    once.dedup();
    let expected = shown.count.min(SAMPLE);
    // A target may show fewer rows than requested, but then there must be a next page.
    let is_cut = shown.next.is_some() && !shown.rows.is_empty();
    if once.len() == shown.rows.len() && (once.len() == expected || is_cut) {
        return Ok(());
    }
    let got = ids(&shown.rows);
    Err(probe.fail(format!(
        "sort={sort}: expected {expected} different stocks on the first page, got {got:?}"
    )))
}

/// Fields whose order depends on a language, or on the sorting of places.
const REVERSED: [&str; 3] = ["sku", "provider", "location"];

/// Fails the check unless the last value of an order is the first one of its reverse.
fn reversed(probe: &mut Probe<'_>, ask: &Ask, name: &str) -> Result<(), Stop> {
    let up = ask.clone().with("sort", name);
    let down = ask.clone().with("sort", format!("-{name}"));
    for (once, back) in [(&up, &down), (&down, &up)] {
        let first = page(probe, once)?;
        let last = page(probe, &back.clone().with("page", first.count))?;
        let values = |page: &Page| page.rows.first().map(|row| row[name].clone());
        if values(&first) != values(&last) || values(&first).is_none() {
            let (first, last) = (text_of(values(&first)), text_of(values(&last)));
            return Err(probe.fail(format!(
                "sort={name}: expected the last {name} to be the first one of the reverse, got \
                 {last} and {first}"
            )));
        }
    }
    Ok(())
}

fn text_of(value: Option<Value>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}

fn shared_out(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let sample = sample(probe)?;
    let row = &sample.rows[sample.rows.len() / 2];
    for name in ["stock", "reserved_stock", "created_date", "modified_date"] {
        let value = text(&row[name]);
        let mut of = |lookup: &str| count(probe, &[(&format!("{name}{lookup}"), value.clone())]);
        let (less, equal, more) = (of("__lt")?, of("")?, of("__gt")?);
        let (most, least) = (of("__lte")?, of("__gte")?);
        let fits = equal > 0
            && less + equal + more == sample.count
            && most == less + equal
            && least == more + equal;
        if !fits {
            return Err(probe.fail(format!(
                "{name} {value}: expected the counts of lt, exact and gt to sum up to {}, and lte \
                 and gte to include what is equal, got lt {less}, lte {most}, exact {equal}, \
                 gte {least}, gt {more}",
                sample.count
            )));
        }
    }
    Ok(())
}

/// Fails the check unless the stocks with either value of a member add up to all stocks.
fn complementary(probe: &mut Probe<'_>, name: &str, values: [&str; 2]) -> Result<(), Stop> {
    let total = sample(probe)?.count;
    let mut got = 0;
    for value in values {
        got += searched(probe, Ask::get(STOCKS), name, value)?.count;
        ends_as_counted(probe, name, value)?;
    }
    if got == total {
        return Ok(());
    }
    let [one, other] = values;
    Err(probe.fail(format!(
        "{name}: expected {one} and {other} stocks to be all {total}, got {got}"
    )))
}

/// Fails the check unless the last page of a filter has the rest of the count.
fn ends_as_counted(probe: &mut Probe<'_>, name: &str, value: &str) -> Result<(), Stop> {
    let ask = Ask::get(STOCKS).with(name, value).with("limit", SAMPLE);
    let first = page(probe, &ask)?;
    if first.next.is_none() || first.rows.is_empty() {
        return Ok(());
    }
    let size = first.rows.len();
    let last = first.count.div_ceil(size);
    let expected = first.count - (last - 1) * size;
    let got = page(probe, &ask.with("page", last))?.rows.len();
    if got == expected {
        return Ok(());
    }
    Err(probe.fail(format!(
        "{name}={value}: expected {expected} stocks on page {last}, got {got}"
    )))
}

/// Returns the results of an additional filter, all of which must show its value.
fn searched(probe: &mut Probe<'_>, ask: Ask, name: &str, value: &str) -> Result<Page, Stop> {
    let shown = page(probe, &ask.with(name, value).with("limit", SAMPLE))?;
    match shown.rows.iter().find(|row| text(&row[name]) != value) {
        None => Ok(shown),
        Some(other) => {
            let got = &other[name];
            Err(probe.fail(format!(
                "{name}={value}: expected no other stock, got one with {got}"
            )))
        }
    }
}

/// Combines a filter whose results fit on a page with each filter of one stock: the results must be
/// those of the first that fit the second.
fn intersected(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let sample = sample(probe)?;
    for row in some(&sample.rows) {
        let sku = text(&row["sku"]);
        let all = searched(probe, Ask::get(STOCKS), "sku", &sku)?;
        if all.rows.len() < all.count {
            continue;
        }
        for name in ["location", "provider", "stock", "is_active", "created_date"] {
            let by_sku = Ask::get(STOCKS).with("sku", &sku);
            let shown = page(
                probe,
                &by_sku.with(name, text(&row[name])).with("limit", SAMPLE),
            )?;
            let is_date = name == "created_date";
            let fits = |other: &&Value| {
                other[name] == row[name] || is_date && compare(&other[name], &row[name]).is_eq()
            };
            let expected = ids(all.rows.iter().filter(fits));
            let what = format!("sku={sku} and {name}={}", row[name]);
            expect_ids(probe, &what, &expected, &ids(&shown.rows))?;
        }
    }
    Ok(())
}

/// Checks the filters on the bounds of a period, and those that include the bounds.
fn bounded(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let scheduled = Ask::get(STOCKS)
        .with("stock_type", "scheduled")
        .with("limit", SAMPLE);
    let rows = page(probe, &scheduled)?.rows;
    let moment_of = |row: &Value, end: &str| row["period"][end].as_str().and_then(moment);
    let found = rows
        .iter()
        .find_map(|row| Some((row, moment_of(row, "lower")?, moment_of(row, "upper")?)));
    let Some((row, lower, upper)) = found else {
        return Err(Stop::Unsupported(
            "no stock that was looked at has a period".to_owned(),
        ));
    };
    for (filter, (bound, zone), beside) in [
        ("period__startswith__gte", lower, 1),
        ("period__startswith__lte", lower, -1),
        ("period__endswith__gte", upper, 1),
        ("period__endswith__lte", upper, -1),
    ] {
        for (moment, expected) in [(bound, true), (bound.plus(beside), false)] {
            let moment = moment.to_text(zone);
            let own = |name: &'static str| (name, text(&row[name]));
            let ask = [own("sku"), own("location"), own("created_date")]
                .into_iter()
                .fold(Ask::get(STOCKS), |ask, (name, value)| ask.with(name, value));
            let shown = page(probe, &ask.with(filter, &moment))?;
            let is_found = ids(&shown.rows).contains(&row["id"].as_i64().unwrap_or_default());
            if is_found != expected {
                let wanted = if expected {
                    "to be found"
                } else {
                    "not to be found"
                };
                let period = &row["period"];
                return Err(probe.fail(format!(
                    "{filter}={moment}: expected the stock of the period {period} {wanted}"
                )));
            }
        }
    }
    Ok(())
}

/// Fails the check if a text other than a stock's own finds it.
fn only_themselves(probe: &mut Probe<'_>, others: fn(&str) -> Vec<String>) -> Result<(), Stop> {
    let sample = sample(probe)?;
    for name in ["sku", "location", "provider"] {
        let own = text(&sample.rows[0][name]);
        for other in others(&own).into_iter().filter(|other| *other != own) {
            searched(probe, Ask::get(STOCKS), name, &other)?;
        }
    }
    Ok(())
}

/// Fails the check unless the name of a place, and its parts, find exactly the stocks of that
/// place.
fn named(
    probe: &mut Probe<'_>,
    place: &[(&str, String)],
    filter: &str,
    name: &str,
) -> Result<(), Stop> {
    let expected = count(probe, place)?;
    let mut wanted = vec![(name.to_owned(), expected), (format!("{name}-"), 0)];
    let some = parts(name).into_iter().chain(swapped_part(name));
    wanted.extend(some.map(|part| (part, expected)));
    for (part, expected) in wanted {
        let mut filters = place.to_vec();
        filters.push((filter, part.clone()));
        let got = count(probe, &filters)?;
        if got != expected {
            return Err(probe.fail(format!(
                "{filter}={part}: expected {expected} stocks of {name}, got {got}"
            )));
        }
    }
    // A single letter occurs in the names of several places.
    let letter = name.chars().find(char::is_ascii_alphanumeric);
    letter.map_or(Ok(()), |letter| {
        ends_as_counted(probe, filter, &letter.to_string())
    })
}

fn found_again(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let sample = sample(probe)?;
    for row in some(&sample.rows) {
        let mut filters = Vec::new();
        for name in [
            "sku",
            "location",
            "provider",
            "stock_type",
            "is_active",
            "stock",
        ] {
            filters.push((name, text(&row[name])));
        }
        for name in ["reserved_stock", "created_date", "modified_date"] {
            filters.push((name, text(&row[name])));
        }
        let ask = filters
            .iter()
            .fold(Ask::get(STOCKS), |ask, (name, value)| ask.with(name, value));
        let shown = page(probe, &ask.with("sort", "id"))?;
        if !shown.rows.contains(row) {
            return Err(probe.fail(format!(
                "expected the stock {row} by its own values, got another"
            )));
        }
    }
    Ok(())
}

/// Compares the queries with the list: each stock has a row, or each active one. SKUs with two
/// stocks at a location are left out, since the page shows no such case.
fn queried(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let sample = sample_of(probe, Ask::get(STOCKS).with("is_active", true))?;
    let mut skus = Vec::new();
    for row in some(&sample.rows) {
        let sku = text(&row["sku"]);
        let of_sku = page(
            probe,
            &Ask::get(STOCKS).with("sku", &sku).with("limit", SAMPLE),
        )?;
        let mut places: Vec<_> = of_sku
            .rows
            .iter()
            .map(|row| text(&row["location"]))
            .collect();
        places.sort_unstable();
        places.dedup();
        let is_simple = places.len() == of_sku.count;
        if is_simple && !sku.contains(',') && !skus.iter().any(|(known, _)| *known == sku) {
            skus.push((sku, of_sku.rows));
        }
    }
    if skus.is_empty() {
        return Err(Stop::Unsupported(
            "no SKU that was looked at has one stock a location".to_owned(),
        ));
    }
    for (sku, stocks) in &skus {
        let body = ask_query(probe, "stock_query", &json!({"sku": sku}))?;
        agree(probe, sku, stocks, &body["Store_checkResult"])?;
    }
    let all: Vec<_> = skus.iter().map(|(sku, _)| sku.clone()).collect();
    let body = ask_query(probe, "multi_stock_query", &json!({"sku": all}))?;
    for (sku, stocks) in &skus {
        agree(probe, sku, stocks, &body["Store_checkResult"][sku])?;
    }
    Ok(())
}

/// Sends a query with a body, or with a query string to a target whose refusal shows that it reads
/// no body.
fn ask_query(probe: &mut Probe<'_>, name: &str, arguments: &Value) -> Result<Value, Stop> {
    let path = format!("{STOCKS}{name}/");
    let mut by_body = Ask::get(&path);
    by_body.payload = Payload::Json(arguments.clone());
    let mut by_query = Ask::get(&path);
    for sku in arguments["sku"]
        .as_array()
        .unwrap_or(&vec![arguments["sku"].clone()])
    {
        by_query = by_query.with("sku", text(sku));
    }
    let mut answer: Option<Answer> = None;
    if !takes_query(probe, &path) {
        answer = Some(probe.send(&by_body)?).filter(|answer| answer.status != 400);
    }
    let answer = match answer {
        Some(answer) => answer,
        None => probe.send(&by_query)?,
    };
    probe.expect_status(&answer, &[200])?;
    Ok(probe.json(&answer)?.clone())
}

fn agree(probe: &mut Probe<'_>, sku: &str, stocks: &[Value], got: &Value) -> Result<(), Stop> {
    let line = |place: &Value, stock: &Value| format!("{} at {}", stock, text(place));
    let mut all: Vec<_> = stocks
        .iter()
        .map(|s| line(&s["location"], &s["stock"]))
        .collect();
    let active = stocks.iter().filter(|stock| stock["is_active"] == true);
    let mut active: Vec<_> = active.map(|s| line(&s["location"], &s["stock"])).collect();
    let rows = got.as_array().into_iter().flatten();
    let mut shown: Vec<_> = rows
        .map(|r| line(&r["retail_store_code"], &r["stock"]))
        .collect();
    for lines in [&mut all, &mut active, &mut shown] {
        lines.sort_unstable();
    }
    if shown == all || shown == active {
        return Ok(());
    }
    Err(probe.fail(format!("{sku}: expected the stock {all:?}, got {shown:?}")))
}
