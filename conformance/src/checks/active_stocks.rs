//! The active stocks of a stock list. The locations and the rule by which it adds them up are the
//! list's own affair: where it leaves out those of the run, a check says so and stops.

use http::{Method, Uri};
use serde_json::{Value, json};

use super::CodeCheck;
use crate::cases::case::{given, with_arguments};
use crate::cases::probe::{Ask, Payload, Probe, Stop};
use crate::model::finding::Level;

pub(super) const CHECKS: &[CodeCheck] = &[
    CodeCheck {
        id: "readings/active-quantity",
        title: "Whether the active stocks show what is salable or the stock as it stands",
        section: "List Single Active Stock",
        quote: "The number of the existing stock",
        reading: Some("active-quantity"),
        // Only a known meaning of salable can be told apart from the stock.
        when: &[("salable", &["active-unreserved", "unreserved", "stock"])],
        run: quantity,
        ..WRITE
    },
    CodeCheck {
        id: "active-stocks/counts-the-stock",
        title: "The active stock of a SKU at one location is the stock there",
        level: Level::Should,
        section: "List Single Active Stock",
        quote: "The number of the existing stock",
        run: counts_the_stock,
        ..WRITE
    },
    CodeCheck {
        id: "active-stocks/adds-up-the-locations",
        title: "The active stock of a SKU is the sum over its locations",
        level: Level::Should,
        section: "List Active Stock",
        quote: "This methods are used to get a list of single or multiple active stock.",
        needs: WITH_SECOND,
        run: adds_up_the_locations,
        ..WRITE
    },
    CodeCheck {
        id: "active-stocks/leaves-out-inactive-stock",
        title: "The active stock of a SKU is that of its active stocks alone",
        level: Level::Should,
        section: "List Active Stock",
        quote: "List Active Stock",
        needs: WITH_SECOND,
        run: leaves_out_inactive_stock,
        ..WRITE
    },
    CodeCheck {
        id: "active-stocks/leaves-out-inactive-skus",
        title: "A SKU whose stocks are all inactive is not among the active stocks",
        level: Level::Should,
        section: "List Active Stock",
        quote: "List Active Stock",
        run: leaves_out_inactive_skus,
        ..WRITE
    },
    CodeCheck {
        id: "active-stocks/follow-each-write",
        title: "The active stock of a SKU is what each create, upsert and reservation leaves, at once",
        section: "List Active Stock",
        quote: "The number of the existing stock",
        when: &[("reservation-arguments", &["either", "body", "query"])],
        run: follow_each_write,
        ..WRITE
    },
    CodeCheck {
        id: "active-stocks/shows-the-asked-sku-alone",
        title: "The active stocks with a SKU are one row, of that SKU",
        level: Level::Should,
        section: "List Single Active Stock",
        quote: "This methods are used to get a list of single active stock.",
        when: &[("active-sku", &["filter"])],
        run: shows_the_asked_sku_alone,
        ..WRITE
    },
    CodeCheck {
        id: "active-stocks/shows-every-sku-whatever-is-asked",
        title: "The active stocks with a SKU are those without one, as the documentation's example shows",
        level: Level::Should,
        section: "List Single Active Stock",
        quote: "\"results\": [ { \"sku\": \"100\", \"stock\": 5,",
        when: &[("active-sku", &["ignored"])],
        run: shows_every_sku,
        ..SURVEY
    },
    CodeCheck {
        id: "active-stocks/limit-cuts-the-page",
        title: "A limit of 1 shows one SKU a page",
        section: "List Stock",
        quote: "The amount of line items returned per page",
        run: limit_cuts_the_page,
        ..SURVEY
    },
    CodeCheck {
        id: "active-stocks/links-lead-through-the-pages",
        title: "next leads to the next page, and previous back, each with SKUs of its own",
        section: "List Multiple Active Stock",
        quote: "\"next\": \"https://{whippy_api_url}/api/v1/active-stocks/1/?page=2\"",
        run: links_lead_through_the_pages,
        ..SURVEY
    },
    CodeCheck {
        id: "active-stocks/pages-fit-together",
        title: "Pages of two SKUs show other SKUs each, two of them as long as there are more, and lead \
                to their neighbours",
        section: "List Multiple Active Stock",
        quote: "\"next\": \"https://{whippy_api_url}/api/v1/active-stocks/1/?page=2\"",
        run: pages_fit_together,
        ..SURVEY
    },
    CodeCheck {
        id: "active-stocks/order-stays",
        title: "The active stocks come in the same order every time, and on pages of any size",
        level: Level::Should,
        section: "List Multiple Active Stock",
        quote: "\"next\": \"https://{whippy_api_url}/api/v1/active-stocks/1/?page=2\"",
        run: order_stays,
        ..SURVEY
    },
];

const WRITE: CodeCheck = CodeCheck {
    needs: &["provider", "location", "stock-list"],
    ..CodeCheck::WRITE
};

/// The survey of active stocks. Writes of others would move the pages, so it uses only stocks that
/// the run has created.
const SURVEY: CodeCheck = CodeCheck {
    needs: &["stock-list"],
    ..CodeCheck::SURVEY
};

const WITH_SECOND: &[&str] = &["provider", "location", "second-location", "stock-list"];

/// The most pages that are searched for a SKU.
const MOST_PAGES: usize = 20;

fn quantity(probe: &mut Probe<'_>) -> Result<(), Stop> {
    no_rule(probe)?;
    given(probe, "reserved", &json!({"reserved_stock": 2}))?;
    let sku = probe.need("sku")?;
    let shown = quantity_of(probe, &sku)?;
    let choices: &[&str] = match shown.as_i64() {
        // Nothing is deducted from the salable quantity, so the two are equal.
        Some(5) if probe.session.sees("salable", "stock") => &["salable", "stock"],
        Some(5) => &["stock"],
        Some(3) => &["salable"],
        _ => return Err(probe.fail(format!("expected 3 or 5 of 5 with 2 reserved, got {shown}"))),
    };
    probe.choices = Some(choices.iter().map(|choice| (*choice).to_owned()).collect());
    Ok(())
}

fn counts_the_stock(probe: &mut Probe<'_>) -> Result<(), Stop> {
    no_rule(probe)?;
    given(probe, "stock", &json!({}))?;
    let sku = probe.need("sku")?;
    counts(probe, &sku, 5)
}

fn adds_up_the_locations(probe: &mut Probe<'_>) -> Result<(), Stop> {
    no_rule(probe)?;
    let (sku, elsewhere) = (probe.need("sku")?, probe.need("sku2")?);
    let second = probe.need("second-location")?;
    given(probe, "here", &json!({}))?;
    given(probe, "there", &json!({"location": second, "stock": 3}))?;
    given(
        probe,
        "elsewhere",
        &json!({"location": second, "sku": elsewhere, "stock": 3}),
    )?;
    // A list of the first location alone does not show the second.
    counts(probe, &elsewhere, 3)?;
    counts(probe, &sku, 8)
}

fn leaves_out_inactive_stock(probe: &mut Probe<'_>) -> Result<(), Stop> {
    no_rule(probe)?;
    let sku = probe.need("sku")?;
    let second = probe.need("second-location")?;
    given(probe, "active", &json!({}))?;
    given(
        probe,
        "inactive",
        &json!({"location": second, "stock": 3, "is_active": false}),
    )?;
    counts(probe, &sku, 5)
}

/// Fails the check if the active stock is not the quantity that each write leaves. The quantity
/// of the new stock tells if the list counts all of it or what is salable.
fn follow_each_write(probe: &mut Probe<'_>) -> Result<(), Stop> {
    no_rule(probe)?;
    let sku = probe.need("sku")?;
    let made = given(probe, "stock", &json!({"stock": 60, "reserved_stock": 7}))?;
    let (place, provider) = (made["location"].clone(), made["provider"].clone());
    let is_salable = match quantity_of(probe, &sku)?.as_i64() {
        Some(53) => true,
        Some(60) => false,
        // Which it should be is another check's.
        _ => return Err(not_listed()),
    };
    let named = json!({"sku": sku, "location": place, "provider": provider});
    let row = |stock: i64| {
        let mut row = named.clone();
        row["stock"] = stock.into();
        row
    };
    for (write, body, stock, reserved) in [
        ("increase_reserved_stock", named.clone(), 60, 8),
        ("increase_reserved_stock", named.clone(), 60, 9),
        ("decrease_reserved_stock", named.clone(), 60, 8),
        ("insert_or_update_stock", row(40), 40, 8),
        ("insert_or_update_stock", row(8), 8, 8),
        ("insert_or_update_stock", row(70), 70, 8),
    ] {
        let ask = Ask::new(Method::POST, &format!("/api/v1/stocks/{write}/")).named(write);
        let (ask, status) = if write.starts_with("insert") {
            let payload = Payload::Json(body);
            (Ask { payload, ..ask }, 200)
        } else {
            (with_arguments(probe, ask, body), 201)
        };
        let answer = probe.send(&ask)?;
        probe.expect_status(&answer, &[status])?;
        let expected = if is_salable { stock - reserved } else { stock };
        // What is empty may be left out.
        let shown = row_of(probe, &sku)?.map(|row| row["stock"].clone());
        let is_right = match &shown {
            Some(shown) => *shown == expected,
            None => expected == 0,
        };
        if !is_right {
            let shown = shown.unwrap_or_default();
            return Err(probe.fail(format!(
                "after {write}: expected {expected} of {sku}, got {shown}"
            )));
        }
    }
    Ok(())
}

fn leaves_out_inactive_skus(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let (sku, inactive) = (probe.need("sku")?, probe.need("sku2")?);
    given(probe, "active", &json!({}))?;
    given(
        probe,
        "inactive",
        &json!({"sku": inactive, "is_active": false}),
    )?;
    quantity_of(probe, &sku)?;
    match row_of(probe, &inactive)? {
        None => Ok(()),
        Some(row) => Err(probe.fail(format!("expected no row of an inactive SKU, got {row}"))),
    }
}

fn shows_the_asked_sku_alone(probe: &mut Probe<'_>) -> Result<(), Stop> {
    given(probe, "asked", &json!({}))?;
    let other = probe.need("sku2")?;
    given(probe, "other", &json!({"sku": other}))?;
    let sku = probe.need("sku")?;
    let page = page(probe, "", Some(&sku))?;
    let shown = skus(&page);
    if shown.is_empty() {
        return Err(not_listed());
    }
    if shown != [sku.as_str()] || !page["next"].is_null() {
        return Err(probe.fail(format!(
            "expected one row of {sku} and no next page, got {page}"
        )));
    }
    Ok(())
}

fn shows_every_sku(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let sku = probe.need("sku")?;
    let all = page(probe, "", None)?;
    let asked = page(probe, "", Some(&sku))?;
    let (all, asked) = (skus(&all), skus(&asked));
    if all == asked {
        return Ok(());
    }
    Err(probe.fail(format!(
        "expected the SKUs {all:?}, as without a SKU, got {asked:?}"
    )))
}

fn limit_cuts_the_page(probe: &mut Probe<'_>) -> Result<(), Stop> {
    several(probe)?;
    let page = page(probe, "?limit=1", None)?;
    let shown = skus(&page).len();
    if shown == 1 {
        return Ok(());
    }
    Err(probe.fail(format!("expected one row with limit=1, got {shown}")))
}

fn links_lead_through_the_pages(probe: &mut Probe<'_>) -> Result<(), Stop> {
    several(probe)?;
    let path = path(probe)?;
    let first = page(probe, "?limit=1", None)?;
    if skus(&first).len() > 1 && first["next"].is_null() {
        return Err(Stop::Unsupported(
            "one page holds the whole stock list".to_owned(),
        ));
    }
    let next = link(probe, &first, "next", &path)?;
    if !next.contains("page=2") {
        return Err(probe.fail(format!("expected next to name page=2, got `{next}`")));
    }
    let second = page(probe, &next, None)?;
    if let Some(twice) = skus(&first).iter().find(|sku| skus(&second).contains(sku)) {
        return Err(probe.fail(format!("expected {twice} on one page, got it on two")));
    }
    if skus(&second).is_empty() {
        return Err(probe.fail("expected next to lead to more rows, got none"));
    }
    let previous = link(probe, &second, "previous", &path)?;
    let again = page(probe, &previous, None)?;
    if again != first {
        return Err(probe.fail("expected previous to lead back to the first page, got another"));
    }
    Ok(())
}

/// The most pages of a walk.
const WALKED: usize = 4;

/// SKUs on a page of the walk.
const A_PAGE: usize = 2;

fn pages_fit_together(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let path = path(probe)?;
    let mut pages = vec![page(probe, &format!("?limit={A_PAGE}"), None)?];
    if skus(&pages[0]).is_empty() {
        return Err(Stop::Unsupported("the stock list shows no SKU".to_owned()));
    }
    while pages.len() < WALKED
        && let Some(last) = pages.last().cloned()
        && !last["next"].is_null()
    {
        let next = link(probe, &last, "next", &path)?;
        pages.push(page(probe, &next, None)?);
    }
    let mut shown: Vec<&str> = pages.iter().flat_map(skus).collect();
    let all = shown.len();
    shown.sort_unstable();
    shown.dedup();
    let twice = all - shown.len();
    if twice > 0 {
        return Err(probe.fail(format!(
            "expected each SKU on one page, got {twice} of {all} twice"
        )));
    }
    // A list may show fewer SKUs a page than it is asked for.
    let size = skus(&pages[0]).len();
    for (at, page) in pages.iter().enumerate() {
        let (number, count) = (at + 1, skus(page).len());
        let fits = if page["next"].is_null() {
            (1..=size).contains(&count)
        } else {
            count == size
        };
        if !fits || size > A_PAGE || page["previous"].is_null() != (at == 0) {
            return Err(probe.fail(format!(
                "page {number} by limit={A_PAGE}: expected {} SKUs where more follow, and `previous` \
                 null on the first page alone, got {page}",
                size.min(A_PAGE)
            )));
        }
    }
    leads_back(probe, &pages, &path)
}

/// Fails the check if `previous` of a page does not lead to the page before it.
fn leads_back(probe: &mut Probe<'_>, pages: &[Value], path: &str) -> Result<(), Stop> {
    for pair in pages.windows(2) {
        let previous = link(probe, &pair[1], "previous", path)?;
        let before = page(probe, &previous, None)?;
        let (expected, got) = (&pair[0]["results"], &before["results"]);
        if expected != got {
            return Err(probe.fail(format!(
                "expected `previous` to lead to {expected}, got {got}"
            )));
        }
    }
    Ok(())
}

fn order_stays(probe: &mut Probe<'_>) -> Result<(), Stop> {
    several(probe)?;
    let (whole, again) = (page(probe, "", None)?, page(probe, "", None)?);
    let (whole, again) = (skus(&whole), skus(&again));
    if whole != again {
        return Err(probe.fail(format!("expected the SKUs {whole:?} again, got {again:?}")));
    }
    let mut single = Vec::new();
    for number in 1..=whole.len().min(3) {
        let one = page(probe, &format!("?limit=1&page={number}"), None)?;
        single.extend(skus(&one).into_iter().map(str::to_owned));
    }
    if whole
        .iter()
        .zip(&single)
        .any(|(whole, single)| whole != single)
    {
        return Err(probe.fail(format!(
            "expected pages of one row to show {whole:?} in this order, got {single:?}"
        )));
    }
    Ok(())
}

fn not_listed() -> Stop {
    Stop::Unsupported("the stock list leaves out the run's location".to_owned())
}

/// Ends the check for a list with a rule, since that may change the quantities it shows.
fn no_rule(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let path = format!("/api/v1/stock-lists/{}/", probe.need("stock-list")?);
    let list = probe
        .session
        .send_unjudged(&Ask::get(&path))?
        .body
        .unwrap_or_default();
    match &list["stock_list_rule"] {
        Value::Null => Ok(()),
        rule => Err(Stop::Unsupported(format!(
            "the stock list has a rule of its own, {rule}"
        ))),
    }
}

fn path(probe: &Probe<'_>) -> Result<String, Stop> {
    Ok(format!(
        "/api/v1/active-stocks/{}/",
        probe.need("stock-list")?
    ))
}

/// Requests a page of the active stocks. `query` begins with its question mark.
fn page(probe: &mut Probe<'_>, query: &str, sku: Option<&str>) -> Result<Value, Stop> {
    let mut ask = Ask::new(Method::POST, &format!("{}{query}", path(probe)?));
    if let Some(sku) = sku {
        ask.payload = Payload::Json(json!({"sku": sku}));
    }
    let answer = probe.send(&ask)?;
    probe.expect_status(&answer, &[200])?;
    Ok(probe.json(&answer)?.clone())
}

fn rows(page: &Value) -> &[Value] {
    page["results"].as_array().map_or(&[], Vec::as_slice)
}

fn skus(page: &Value) -> Vec<&str> {
    rows(page)
        .iter()
        .filter_map(|row| row["sku"].as_str())
        .collect()
}

/// Finds the row of a SKU on any page.
fn row_of(probe: &mut Probe<'_>, sku: &str) -> Result<Option<Value>, Stop> {
    let path = path(probe)?;
    let mut query = String::new();
    for _ in 0..MOST_PAGES {
        let page = page(probe, &query, Some(sku))?;
        if let Some(row) = rows(&page).iter().find(|row| row["sku"] == sku) {
            return Ok(Some(row.clone()));
        }
        if page["next"].is_null() {
            return Ok(None);
        }
        query = link(probe, &page, "next", &path)?;
    }
    Err(Stop::Unsupported(format!(
        "the stock list has more than {MOST_PAGES} pages, and none of them shows the run's SKU"
    )))
}

fn quantity_of(probe: &mut Probe<'_>, sku: &str) -> Result<Value, Stop> {
    let row = row_of(probe, sku)?.ok_or_else(not_listed)?;
    Ok(row["stock"].clone())
}

fn counts(probe: &mut Probe<'_>, sku: &str, expected: i64) -> Result<(), Stop> {
    let shown = quantity_of(probe, sku)?;
    if shown == expected {
        return Ok(());
    }
    Err(probe.fail(format!("expected {expected} of {sku}, got {shown}")))
}

/// Ends the check unless the list has several SKUs to page through. A faulty service may honour
/// only one of `next`, `limit` and `page`, so any of them counts.
fn several(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let first = page(probe, "?limit=1", None)?;
    if skus(&first).len() > 1 || !first["next"].is_null() {
        return Ok(());
    }
    let second = Ask::new(Method::POST, &format!("{}?limit=1&page=2", path(probe)?));
    match probe.session.send_unjudged(&second)?.status {
        404 => Err(Stop::Unsupported(
            "the stock list has fewer than two SKUs".to_owned(),
        )),
        _ => Ok(()),
    }
}

/// Returns the query of a link, and fails the check unless it leads to the same path at the
/// target's base.
fn link(probe: &mut Probe<'_>, page: &Value, name: &str, path: &str) -> Result<String, Stop> {
    let link = page[name].as_str().unwrap_or_default().to_owned();
    let expected = format!("{}{path}", probe.session.target.base());
    let query = link
        .parse::<Uri>()
        .ok()
        .and_then(|uri| uri.query().map(str::to_owned));
    let here = link.split('?').next().unwrap_or_default();
    if here != expected {
        return Err(probe.fail(format!(
            "expected {name} to lead to `{expected}`, got `{}`",
            page[name]
        )));
    }
    Ok(query.map_or_else(String::new, |query| format!("?{query}")))
}
