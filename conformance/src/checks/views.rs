//! Views of one stock: each write is answered as the model says, and every operation shows it at
//! once and repeatedly.

use http::Method;
use serde_json::{Value, json};

use super::CodeCheck;
use super::kit::paging::{STOCKS, page};
use super::kit::places::known_provider_name;
use super::kit::sample::sample;
use super::kit::stocks::stock_of;
use crate::cases::case::{given, with_arguments};
use crate::cases::probe::{Ask, Payload, Probe, Stop};
use crate::cases::scope::moment;

/// Any choice will do, but it must be known to send a reservation.
const ARGUMENTS: (&str, &[&str]) = ("reservation-arguments", &["either", "body", "query"]);

pub(super) const CHECKS: &[CodeCheck] = &[
    CodeCheck {
        id: "views/each-write-is-shown-everywhere",
        title: "What a create, an upsert or a reservation wrote is shown at once by the list, by each of \
                its filters and by each query",
        section: "Stock",
        quote: "The response includes the following parameters.",
        needs: &["provider", "location", "second-location"],
        when: &[ARGUMENTS],
        run: shown_everywhere,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "views/stocks-of-every-kind-are-written-alike",
        title: "Stocks of any quantity, unit, type and state are created, reserved and upserted as they say",
        section: "Stock",
        quote: "The response includes the following parameters.",
        needs: &["provider", "location", "second-location"],
        when: &[ARGUMENTS],
        run: of_every_kind,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "views/scheduled-stocks-are-written-alike",
        title: "Scheduled stocks of any quantity, unit and state are created, reserved and upserted as \
                they say",
        section: "Stock",
        quote: "The response includes the following parameters.",
        needs: &["provider", "location", "second-location"],
        when: &[ARGUMENTS],
        run: of_scheduled_kinds,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "views/upserts-change-each-member-both-ways",
        title: "An upsert sets each member that it names to nothing, false or the usual as to anything \
                else, and leaves what it does not name",
        section: "Insert/Update Single/Multiple Stock",
        quote: "Insert/Update Single/Multiple Stock",
        run: both_ways,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "views/many-reservations-all-count",
        title: "A dozen reservations of one stock count one each, and leave its neighbours alone",
        section: "Increase Reserved Stock",
        quote: "This method is used to increase the reserved stock",
        needs: &["provider", "location", "second-location"],
        when: &[ARGUMENTS],
        run: a_dozen,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "views/what-was-written-stays",
        title: "What a create, a reservation or an upsert wrote is still shown after some seconds",
        section: "Stock",
        quote: "The response includes the following parameters.",
        when: &[ARGUMENTS],
        run: after_a_while,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "views/the-same-question-has-the-same-answer",
        title: "Asked the same again, every operation that only looks gives the same answer",
        section: "List Stock",
        quote: "Example Response (200 OK)",
        needs: &["provider", "location", "second-location"],
        run: same_again,
        ..CodeCheck::WRITE
    },
];

/// Fails the check unless stocks written a while ago are still shown everywhere and unchanged, and
/// dates used a while ago are still known. All of this shares one wait.
fn after_a_while(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let mut stocks = Vec::new();
    for name in ["sku", "sku2", "sku3"] {
        let sku = probe.need(name)?;
        let mut members = json!({"sku": sku, "stock": 20, "reserved_stock": 3});
        if probe.session.sees("period-shape", "range") {
            members["stock_type"] = "scheduled".into();
            members["period"] = json!({
                "lower": "2031-05-01T08:00:00+03:00", "upper": "2031-06-01T08:00:00+03:00",
                "bounds": "[)",
            });
        }
        stocks.push(given(probe, "stock", &members)?);
    }
    reserved(probe, "increase", &mut stocks[0], 1)?;
    reserved(probe, "decrease", &mut stocks[1], -1)?;
    upserted(probe, &mut stocks[2], 9)?;
    let is_dated = probe.session.sees("already-reported", "replayed-date");
    if is_dated {
        stocks[0] = dated(probe, &stocks[0], 201)?;
    }
    let mut active = Vec::new();
    for stock in &stocks {
        let sku = text(&stock["sku"]);
        active.push((sku.clone(), active_row(probe, &sku)?));
    }
    probe.session.target.pause(probe.session.patience);
    for stock in stocks {
        if is_dated && stock["reserved_stock"] == 5 {
            dated(probe, &stock, 208)?;
        }
        let shelf = Shelf {
            sku: text(&stock["sku"]),
            rows: vec![stock],
        };
        shelf.look(probe, "a while after a write")?;
    }
    for (sku, before) in active {
        let after = active_row(probe, &sku)?;
        if before != after {
            return Err(probe.fail(format!(
                "a while after a write: expected the active stock {before} of {sku}, got {after}"
            )));
        }
    }
    Ok(())
}

/// Returns the row of a SKU among the active stocks. Null: no row, or no list to ask.
fn active_row(probe: &mut Probe<'_>, sku: &str) -> Result<Value, Stop> {
    let list = probe.need("stock-list");
    let Some(list) = list
        .ok()
        .filter(|_| probe.session.sees("active-sku", "filter"))
    else {
        return Ok(Value::Null);
    };
    let mut ask = Ask::new(Method::POST, &format!("/api/v1/active-stocks/{list}/"));
    ask.payload = Payload::Json(json!({"sku": sku}));
    let answer = probe.send(&ask.named("active stock"))?;
    Ok(answer.body.unwrap_or_default()["results"][0].clone())
}

/// Sends an increase with a fixed date, and returns the answer.
fn dated(probe: &mut Probe<'_>, stock: &Value, status: u16) -> Result<Value, Stop> {
    let arguments = json!({
        "sku": stock["sku"], "location": stock["location"], "provider": stock["provider"],
        "date": "2034-01-01T10:00:00+03:00",
    });
    let path = "/api/v1/stocks/increase_reserved_stock/";
    let ask = Ask::new(Method::POST, path).named("dated increase");
    let ask = with_arguments(probe, ask, arguments);
    let answer = probe.send(&ask)?;
    probe.expect_status(&answer, &[status])?;
    Ok(probe.json(&answer)?.clone())
}

/// The stocks of one SKU, as they should be shown.
struct Shelf {
    sku: String,
    rows: Vec<Value>,
}

impl Shelf {
    /// Compares every view of the SKU with the model.
    fn look(&self, probe: &mut Probe<'_>, after: &str) -> Result<(), Stop> {
        self.list(probe, after, &[])?;
        for row in &self.rows {
            self.by_filters(probe, after, row)?;
        }
        self.list(probe, after, &[("sort", "id")])?;
        self.queries(probe, after)
    }

    /// Finds a stock by all its own values at once. If that fails, each filter is tried alone, so
    /// that the finding can name it.
    fn by_filters(&self, probe: &mut Probe<'_>, after: &str, row: &Value) -> Result<(), Stop> {
        let own = own_values(probe, row);
        let all: Vec<(&str, &str)> = own
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        if self.list_fault(probe, after, &all)?.is_none() {
            return Ok(());
        }
        for one in &all {
            self.list(probe, after, &[*one])?;
        }
        self.list(probe, after, &all)
    }

    /// Fails the check unless the list of the SKU, with these parameters, equals the model.
    fn list(&self, probe: &mut Probe<'_>, after: &str, more: &[(&str, &str)]) -> Result<(), Stop> {
        match self.list_fault(probe, after, more)? {
            None => Ok(()),
            Some(summary) => Err(probe.fail(summary)),
        }
    }

    /// The difference between the list of the SKU by these parameters and the model.
    fn list_fault(
        &self,
        probe: &mut Probe<'_>,
        after: &str,
        more: &[(&str, &str)],
    ) -> Result<Option<String>, Stop> {
        let ask = Ask::get(STOCKS).with("sku", &self.sku);
        let ask = more
            .iter()
            .fold(ask, |ask, (name, value)| ask.with(name, value));
        let shown = page(probe, &ask.with("limit", 20).named(after))?;
        // A page shorter than requested is a reading.
        let is_cut = shown.next.is_some() && !shown.rows.is_empty();
        let fitting: Vec<&Value> = self
            .rows
            .iter()
            .filter(|row| {
                more.iter().all(|(name, value)| {
                    let field = name.split("__").next().unwrap_or_default();
                    if field == "period" {
                        return row["period"].is_object();
                    }
                    let is_same = |shown: &str| match (moment(shown), moment(value)) {
                        (Some((one, _)), Some((other, _))) => one == other,
                        _ => shown == *value,
                    };
                    matches!(field, "sort" | "provider_name") || is_same(&text(&row[field]))
                })
            })
            .collect();
        let first: Vec<&Value> = fitting.iter().copied().take(shown.rows.len()).collect();
        let got: Vec<&Value> = shown.rows.iter().collect();
        let is_same = if is_cut { got == first } else { got == fitting };
        if is_same && shown.count == fitting.len() {
            return Ok(None);
        }
        let by: Vec<String> = more
            .iter()
            .map(|(name, value)| format!(" and {name}={value}"))
            .collect();
        let by = by.concat();
        Ok(Some(format!(
            "{after}: expected sku={}{by} to find {}, got {} and a count of {}",
            self.sku,
            json!(fitting),
            json!(got),
            shown.count
        )))
    }

    /// Compares the queries of the SKU with the model. Readings decide which stocks and quantities
    /// count as salable, so each row may show any quantity that some reading gives.
    fn queries(&self, probe: &mut Probe<'_>, after: &str) -> Result<(), Stop> {
        for (operation, is_multi, is_salable) in [
            ("stock_query", false, false),
            ("multi_stock_query", true, false),
            ("salable_stock_query", false, true),
            ("multi_salable_stock_query", true, true),
        ] {
            let asked = if is_multi {
                json!([self.sku])
            } else {
                json!(self.sku)
            };
            let body = asked_of(probe, operation, &asked)?;
            let result = &body["Store_checkResult"];
            let shown = if is_multi { &result[&self.sku] } else { result };
            let rows = shown.as_array().cloned().unwrap_or_default();
            for stock in &self.rows {
                let of_place = rows
                    .iter()
                    .filter(|row| row["retail_store_code"] == stock["location"]);
                let shown: Vec<&Value> = of_place.map(|row| &row["stock"]).collect();
                let may_be_absent = stock["is_active"] == false;
                let is_right = match shown.as_slice() {
                    [] => may_be_absent,
                    [one] => quantities(stock, is_salable)
                        .iter()
                        .any(|known| json!(known) == **one),
                    _ => false,
                };
                if !is_right {
                    return Err(probe.fail(format!(
                        "{after}: expected {operation} to show one of {:?} at {}, got {}",
                        quantities(stock, is_salable),
                        stock["location"],
                        json!(shown)
                    )));
                }
            }
            let is_own = |row: &Value| {
                row["sku"] == *self.sku
                    && self
                        .rows
                        .iter()
                        .any(|stock| stock["location"] == row["retail_store_code"])
            };
            if let Some(other) = rows.iter().find(|row| !is_own(row)) {
                return Err(probe.fail(format!(
                    "{after}: expected {operation} to show {} alone, got {other}",
                    self.sku
                )));
            }
        }
        Ok(())
    }
}

/// Returns the quantities of a stock under the readings of the page.
fn quantities(stock: &Value, is_salable: bool) -> Vec<i64> {
    let number = |name: &str| stock[name].as_i64().unwrap_or_default();
    let existing = number("stock");
    if is_salable {
        let left = (existing - number("reserved_stock")).max(0);
        vec![left, existing]
    } else {
        vec![existing]
    }
}

/// Returns the filters that find a stock, with its values.
fn own_values(probe: &Probe<'_>, row: &Value) -> Vec<(String, String)> {
    let mut own = Vec::new();
    for name in [
        "stock",
        "reserved_stock",
        "created_date",
        "modified_date",
        "is_active",
        "location",
        "provider",
        "unit_type",
        "stock_type",
    ] {
        let value = text(&row[name]);
        if moment(&value).is_some() || row[name].is_number() {
            own.push((format!("{name}__gte"), value.clone()));
            own.push((format!("{name}__lte"), value.clone()));
        }
        own.push((name.to_owned(), value));
    }
    if let Some(name) = known_provider_name(probe, &text(&row["provider"])) {
        own.push(("provider_name".to_owned(), name));
    }
    for (end, name) in [
        ("lower", "period__startswith__gte"),
        ("upper", "period__endswith__lte"),
    ] {
        if let Some(end) = row["period"][end].as_str() {
            own.push((name.to_owned(), end.to_owned()));
        }
    }
    own
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn asked_of(probe: &mut Probe<'_>, operation: &str, sku: &Value) -> Result<Value, Stop> {
    let path = format!("/api/v1/stocks/{operation}/");
    let ask = Ask::new(Method::GET, &path).named(operation);
    let ask = with_arguments(probe, ask, json!({"sku": sku}));
    let answer = probe.send(&ask)?;
    probe.expect_status(&answer, &[200])?;
    Ok(probe.json(&answer)?.clone())
}

/// Changes the reservation of a stock, and compares the answer with the stock as it then must be.
fn reserved(
    probe: &mut Probe<'_>,
    operation: &str,
    stock: &mut Value,
    by: i64,
) -> Result<(), Stop> {
    let path = format!("/api/v1/stocks/{operation}_reserved_stock/");
    let arguments = json!({
        "sku": stock["sku"], "location": stock["location"], "provider": stock["provider"],
    });
    let ask = Ask::new(Method::POST, &path).named(operation);
    let ask = with_arguments(probe, ask, arguments);
    let answer = probe.send(&ask)?;
    // The page does not say whether a stock that is inactive or has none left accepts reservations.
    let left = stock["stock"].as_i64() > stock["reserved_stock"].as_i64();
    let may_refuse = stock["is_active"] == false || operation == "increase" && !left;
    if may_refuse && (400..500).contains(&answer.status) {
        return Ok(());
    }
    probe.expect_status(&answer, &[201])?;
    let got = probe.json(&answer)?.clone();
    let before = stock["reserved_stock"].as_i64().unwrap_or_default();
    let mut expected = stock.clone();
    expected["reserved_stock"] = (before + by).into();
    expected["modified_date"] = got["modified_date"].clone();
    is_model(probe, operation, &expected, &got)?;
    moved(probe, operation, stock, &got)?;
    *stock = got;
    Ok(())
}

fn is_model(probe: &mut Probe<'_>, what: &str, expected: &Value, got: &Value) -> Result<(), Stop> {
    if expected == got {
        return Ok(());
    }
    Err(probe.fail(format!("{what}: expected {expected}, got {got}")))
}

/// Fails the check unless a write has moved `modified_date` forward.
fn moved(probe: &mut Probe<'_>, what: &str, before: &Value, after: &Value) -> Result<(), Stop> {
    let at = |stock: &Value| {
        stock["modified_date"]
            .as_str()
            .and_then(moment)
            .map(|(at, _)| at)
    };
    let most = at(before).map(|at| at.plus(3_600_000_000));
    if at(after) > at(before) && at(after) < most {
        return Ok(());
    }
    Err(probe.fail(format!(
        "{what}: expected `modified_date` to move on from {}, and by less than an hour, got {}",
        before["modified_date"], after["modified_date"]
    )))
}

/// Upserts the quantity of a stock, and reads it back from the list.
fn upserted(probe: &mut Probe<'_>, stock: &mut Value, quantity: i64) -> Result<(), Stop> {
    let row = json!({
        "sku": stock["sku"], "location": stock["location"], "provider": stock["provider"],
        "stock": quantity, "stock_type": stock["stock_type"], "period": stock["period"],
    });
    let path = "/api/v1/stocks/insert_or_update_stock/";
    let answer = probe.send(&Ask::post(path, json!([row])).named("upsert"))?;
    probe.expect_status(&answer, &[200])?;
    let sku = text(&stock["sku"]);
    let ask = Ask::get(STOCKS)
        .with("sku", &sku)
        .with("location", text(&stock["location"]));
    let rows = page(probe, &ask.with("limit", 20).named("upserted"))?.rows;
    let got = rows
        .into_iter()
        .find(|row| row["id"] == stock["id"])
        .unwrap_or_default();
    let mut expected = stock.clone();
    expected["stock"] = quantity.into();
    expected["modified_date"] = got["modified_date"].clone();
    is_model(probe, "an upsert", &expected, &got)?;
    moved(probe, "an upsert", stock, &got)?;
    *stock = got;
    Ok(())
}

fn shown_everywhere(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let (sku, second) = (probe.need("sku")?, probe.need("second-location")?);
    let made = given(probe, "stock", &json!({}))?;
    let mut shelf = Shelf {
        sku,
        rows: vec![made],
    };
    shelf.look(probe, "after a create")?;
    let other = json!({"location": second, "stock": 4, "reserved_stock": 2, "unit_type": "kg"});
    let other = given(probe, "neighbour", &other)?;
    shelf.rows.push(other);
    shelf.look(probe, "after a second create")?;
    for (operation, by) in [("increase", 1), ("increase", 1), ("decrease", -1)] {
        let mut stock = shelf.rows[0].clone();
        reserved(probe, operation, &mut stock, by)?;
        shelf.rows[0] = stock;
        shelf.look(probe, &format!("after a {operation}"))?;
    }
    for quantity in [8, 11] {
        let mut stock = shelf.rows[0].clone();
        upserted(probe, &mut stock, quantity)?;
        shelf.rows[0] = stock;
        shelf.look(probe, "after an upsert")?;
    }
    let sku = probe.need("sku2")?;
    let row = stock_of(probe, &sku)?;
    let answer =
        probe.send(&Ask::post("/api/v1/stocks/insert_or_update_stock/", row).named("upsert"))?;
    probe.expect_status(&answer, &[200])?;
    let rows = page(probe, &Ask::get(STOCKS).with("sku", &sku))?.rows;
    if rows.len() != 1 || rows[0]["stock"] != 5 {
        return Err(probe.fail(format!(
            "after an upsert of a new stock: expected it in the list, got {}",
            json!(rows)
        )));
    }
    Shelf { sku, rows }.look(probe, "after an upsert of a new stock")?;
    shelf.look(probe, "after an upsert of another SKU")
}

/// Returns sets of members that make stocks of different kinds.
fn kinds() -> Vec<Value> {
    vec![
        json!({"stock": 0}),
        json!({"stock": -3, "reserved_stock": -2}),
        json!({"stock": 120_000, "reserved_stock": 40_000}),
        json!({"stock": 6, "is_active": false}),
        json!({"stock": 6, "is_active": false, "reserved_stock": 2}),
        json!({"stock": 6, "unit_type": "kg", "reserved_stock": 7}),
        json!({"stock": 1_000, "reserved_stock": -2}),
    ]
}

/// Returns sets of members that all differ from the usual ones, so that mistakes with one kind of
/// stock show.
fn scheduled_kinds(probe: &Probe<'_>) -> Vec<Value> {
    let mut kinds = Vec::new();
    for is_active in [true, false] {
        for (stock, reserved) in [(120_000, 40_000), (-120_000, 70_000), (3, 9)] {
            let mut kind = json!({
                "stock": stock, "reserved_stock": reserved, "is_active": is_active,
                "unit_type": "kg", "stock_type": "scheduled",
            });
            if probe.session.sees("period-shape", "range") {
                kind["period"] = json!({
                    "lower": "2031-05-01T08:00:00+03:00", "upper": "2031-06-01T08:00:00+03:00",
                    "bounds": "[)",
                });
            }
            kinds.push(kind);
        }
    }
    kinds
}

/// Creates a stock with these members; `None` where the service accepts no such stock.
fn made(probe: &mut Probe<'_>, members: &Value) -> Result<Option<Value>, Stop> {
    let sku = text(&members["sku"]);
    let mut stock = stock_of(probe, &sku)?;
    for (name, value) in members.as_object().into_iter().flatten() {
        stock[name] = value.clone();
    }
    let answer = probe.send(&Ask::post(STOCKS, stock).named("a create"))?;
    if answer.status == 400 {
        return Ok(None);
    }
    probe.expect_status(&answer, &[201])?;
    let made = probe.json(&answer)?.clone();
    for (name, sent) in members.as_object().into_iter().flatten() {
        if *name != "period" && made[name] != *sent {
            return Err(probe.fail(format!(
                "a create: expected `{name}` as sent, {sent}, got {}",
                made[name]
            )));
        }
    }
    Ok(Some(made))
}

fn of_every_kind(probe: &mut Probe<'_>) -> Result<(), Stop> {
    written_alike(probe, kinds())
}

fn of_scheduled_kinds(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let kinds = scheduled_kinds(probe);
    written_alike(probe, kinds)
}

fn written_alike(probe: &mut Probe<'_>, kinds: Vec<Value>) -> Result<(), Stop> {
    let (base, second) = (probe.need("sku")?, probe.need("second-location")?);
    for (number, mut members) in sample(probe, 2, kinds).enumerate() {
        let sku = format!("{base}k{number}");
        members["sku"] = sku.as_str().into();
        // The neighbour is created first, so that the new stock's SKU exists at another location
        // too.
        let neighbour = json!({"sku": sku, "location": second});
        let neighbour = given(probe, "neighbour", &neighbour)?;
        let Some(mut stock) = made(probe, &members)? else {
            continue;
        };
        let mut shelf = Shelf {
            sku,
            rows: vec![neighbour, stock.clone()],
        };
        shelf.list(probe, "after a create", &[])?;
        for _ in 0..2 {
            reserved(probe, "increase", &mut stock, 1)?;
        }
        if stock["reserved_stock"]
            .as_i64()
            .is_some_and(|many| many > 1)
        {
            for _ in 0..2 {
                reserved(probe, "decrease", &mut stock, -1)?;
            }
        }
        shelf.rows[1] = stock.clone();
        shelf.look(probe, "after reservations")?;
        let quantity = members["stock"].as_i64().unwrap_or_default();
        for by in [1, 2] {
            upserted(probe, &mut stock, quantity + by)?;
        }
        shelf.rows[1] = stock;
        shelf.look(probe, "after an upsert")?;
        upserted_whole(probe, &format!("{base}u{number}"), &members)?;
    }
    Ok(())
}

/// Upserts a stock with every member, first as a new one and then once more.
fn upserted_whole(probe: &mut Probe<'_>, sku: &str, members: &Value) -> Result<(), Stop> {
    let mut row = stock_of(probe, sku)?;
    for (name, value) in members
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| *name != "sku")
    {
        row[name] = value.clone();
    }
    for by in [0, 1, 2] {
        for name in ["stock", "reserved_stock"] {
            if let Some(number) = members[name].as_i64() {
                row[name] = (number + by).into();
            }
        }
        let path = "/api/v1/stocks/insert_or_update_stock/";
        let answer = probe.send(&Ask::post(path, row.clone()).named("upsert"))?;
        probe.expect_status(&answer, &[200])?;
        let shown = page(probe, &Ask::get(STOCKS).with("sku", sku).named("upserted"))?.rows;
        let sent = row.as_object().into_iter().flatten();
        let wrong = sent.filter(|(name, _)| *name != "period");
        let wrong: Vec<_> = wrong
            .filter(|(name, value)| shown.first().map(|row| &row[*name]) != Some(*value))
            .collect();
        if shown.len() != 1 || !wrong.is_empty() {
            return Err(probe.fail(format!(
                "an upsert of {row}: expected it in the list, got {}",
                json!(shown)
            )));
        }
    }
    Ok(())
}

/// Fails the check if an upsert does not set each member in both directions, all at once and one
/// by one, or if it changes another member.
fn both_ways(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let usual = json!({"stock": 0, "reserved_stock": 0, "is_active": true, "unit_type": "qty"});
    let other = json!({"stock": 7, "reserved_stock": 3, "is_active": false, "unit_type": "kg"});
    let mut stock = given(probe, "stock", &usual)?;
    let alone = |name: &str, from: &Value| json!({"stock": stock["stock"], name: from[name]});
    let mut changes = vec![other.clone(), usual.clone(), other.clone()];
    for name in ["reserved_stock", "is_active", "unit_type", "stock"] {
        changes.push(alone(name, &usual));
    }
    for name in ["is_active", "unit_type", "reserved_stock"] {
        changes.push(alone(name, &other));
    }
    for change in changes {
        let mut row = stock_of(probe, &text(&stock["sku"]))?;
        let mut expected = stock.clone();
        for (name, value) in change.as_object().into_iter().flatten() {
            row[name] = value.clone();
            expected[name] = value.clone();
        }
        let path = "/api/v1/stocks/insert_or_update_stock/";
        let answer = probe.send(&Ask::post(path, row).named("upsert"))?;
        probe.expect_status(&answer, &[200])?;
        let ask = Ask::get(STOCKS).with("sku", text(&stock["sku"]));
        let rows = page(probe, &ask.named("upserted"))?.rows;
        let got = rows.into_iter().next().unwrap_or_default();
        expected["modified_date"] = got["modified_date"].clone();
        is_model(probe, &format!("an upsert of {change}"), &expected, &got)?;
        stock = got;
    }
    Ok(())
}

fn a_dozen(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let (sku, second) = (probe.need("sku")?, probe.need("second-location")?);
    let before = given(probe, "made before", &json!({"sku": probe.need("sku2")?}))?;
    let mut stock = given(probe, "stock", &json!({"stock": 40}))?;
    let neighbour = given(probe, "neighbour", &json!({"location": second}))?;
    let after = given(probe, "made after", &json!({"sku": probe.need("sku3")?}))?;
    for _ in 0..12 {
        reserved(probe, "increase", &mut stock, 1)?;
    }
    for _ in 0..12 {
        reserved(probe, "decrease", &mut stock, -1)?;
    }
    for quantity in [6, 7] {
        upserted(probe, &mut stock, quantity)?;
    }
    let shelf = Shelf {
        sku,
        rows: vec![stock, neighbour],
    };
    shelf.list(probe, "after a dozen reservations", &[])?;
    for other in [before, after] {
        let shelf = Shelf {
            sku: text(&other["sku"]),
            rows: vec![other],
        };
        shelf.list(probe, "after reservations of another SKU", &[])?;
    }
    Ok(())
}

/// Sorts the rows of a query, since nothing promises their order.
fn unordered(body: Option<Value>) -> Value {
    let mut body = body.unwrap_or_default();
    let sort = |rows: &mut Value| {
        if let Some(rows) = rows.as_array_mut() {
            rows.sort_by_key(Value::to_string);
        }
    };
    match body.get_mut("Store_checkResult") {
        Some(Value::Object(by_sku)) => by_sku.values_mut().for_each(sort),
        Some(rows) => sort(rows),
        None => {}
    }
    body
}

fn same_again(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let (sku, second) = (probe.need("sku")?, probe.need("second-location")?);
    given(probe, "stock", &json!({"reserved_stock": 1}))?;
    given(probe, "neighbour", &json!({"location": second}))?;
    let mut asks = vec![
        Ask::get(STOCKS).with("sku", &sku),
        Ask::get(STOCKS)
            .with("sku", &sku)
            .with("sort", "-id")
            .with("limit", 1),
        Ask::get(STOCKS).with("sku", &sku).with("is_active", true),
    ];
    for operation in ["stock_query", "salable_stock_query"] {
        let ask = Ask::get(&format!("{STOCKS}{operation}/"));
        asks.push(with_arguments(probe, ask, json!({"sku": sku})));
    }
    for operation in ["multi_stock_query", "multi_salable_stock_query"] {
        let ask = Ask::get(&format!("{STOCKS}{operation}/"));
        asks.push(with_arguments(probe, ask, json!({"sku": [sku]})));
    }
    if probe.session.sees("active-sku", "filter")
        && let Ok(list) = probe.need("stock-list")
    {
        let mut ask = Ask::new(Method::POST, &format!("/api/v1/active-stocks/{list}/"));
        ask.payload = Payload::Json(json!({"sku": sku}));
        asks.push(ask);
    }
    for ask in asks {
        let first = probe.send(&ask)?;
        for _ in 0..2 {
            let again = probe.send(&ask)?;
            let bodies = (unordered(first.body.clone()), unordered(again.body));
            if first.status != again.status || bodies.0 != bodies.1 {
                return Err(probe.fail(format!(
                    "{}: expected the same answer again, {} {}, got {} {}",
                    ask.step, first.status, bodies.0, again.status, bodies.1
                )));
            }
        }
    }
    Ok(())
}
