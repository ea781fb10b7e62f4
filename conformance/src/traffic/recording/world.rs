//! The world that answers reveal: the initial state for a mock that answers alike.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Map, Value, json};
use whippy_engine::answers::{LOCATION, PROVIDER, STOCK_LIST};
use whippy_engine::members;
use whippy_engine::model::time::Timestamp;
use whippy_engine::store::Store;
use whippy_engine::store::world::WorldError;
use whippy_engine::wire::urlencoded;

use crate::traffic::{Ending, Extent, Observed};

/// The most rows of each kind.
const MOST_ROWS: usize = 1_000_000;

/// The members of a stock, in the order in which they are shown.
static STOCK: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| members::STOCK.iter().map(|member| member.name).collect());

type Row = Map<String, Value>;
type Rows = BTreeMap<i64, Row>;

/// The place of a stock: SKU and code of the location.
type Place = (String, String);

/// The data gathered so far.
#[derive(Default)]
pub(super) struct Gathered {
    /// The prefix before `/api/` of the first exchange. Others belong to other worlds of a mock,
    /// and are left out.
    mount: Option<String>,
    elsewhere: u64,
    stocks: Rows,
    providers: Rows,
    locations: Rows,
    lists: Rows,
    at_place: BTreeMap<Place, Vec<i64>>,
    /// Stocks that no answer showed completely.
    loose: BTreeMap<Place, Row>,
    names: BTreeMap<String, String>,
    reservations: Vec<Value>,
    dated: BTreeSet<String>,
    /// Upserted rows that cannot be matched with a stock.
    unclear: u64,
    /// Stocks that were upserted after their last appearance in an answer.
    stale: BTreeSet<i64>,
    left_out: u64,
}

/// The world or the reason why there is none, a summary of its content, and lines about its gaps.
type Finished = (Result<Vec<u8>, WorldError>, String, Vec<String>);

impl Gathered {
    /// Learns from an exchange with a complete answer.
    pub(super) fn see(&mut self, observed: &Observed) {
        let Ending::Answer {
            response,
            body: Extent::Whole,
        } = &observed.came
        else {
            return;
        };
        let path = observed.request.uri().path();
        let Some(at) = path.find("/api/v1/") else {
            return;
        };
        let (mount, path) = (&path[..at], &path[at + "/api/v1/".len()..]);
        let Ok(body) = serde_json::from_slice::<Value>(response.body()) else {
            return;
        };
        if self.mount.get_or_insert_with(|| mount.to_owned()) != mount {
            self.elsewhere += 1;
            return;
        }
        let is_get = observed.request.method() == Method::GET;
        let mut segments = path.split('/');
        let (noun, rest) = (segments.next().unwrap_or_default(), segments.next());
        match (noun, rest.unwrap_or_default(), response.status().as_u16()) {
            ("stocks", "", 200) if is_get => self.stocks(&body["results"]),
            ("stocks", "", 201) => self.stock(&body),
            (
                "stocks",
                operation @ ("increase_reserved_stock" | "decrease_reserved_stock"),
                201,
            ) => {
                self.stock(&body);
                self.reservation(operation, &observed.request, &body);
            }
            ("stocks", "insert_or_update_stock", 200) => self.upsert(&observed.request),
            ("stocks", "stock_query" | "multi_stock_query", 200) => self.query(&body, true),
            ("stocks", "salable_stock_query" | "multi_salable_stock_query", 200) => {
                self.query(&body, false);
            }
            ("providers", _, 200 | 201) => places(&mut self.providers, PROVIDER, &body),
            ("stock-locations", _, 200 | 201) => places(&mut self.locations, LOCATION, &body),
            ("stock-lists", _, 200 | 201) => places(&mut self.lists, STOCK_LIST, &body),
            _ => {}
        }
    }

    fn stocks(&mut self, rows: &Value) {
        for row in rows.as_array().into_iter().flatten() {
            self.stock(row);
        }
    }

    fn stock(&mut self, row: &Value) {
        let (Some(id), Some(sku), Some(location)) = (
            row["id"].as_i64(),
            text(&row["sku"]),
            text(&row["location"]),
        ) else {
            return;
        };
        if !self.stocks.contains_key(&id) && self.stocks.len() == MOST_ROWS {
            self.left_out += 1;
            return;
        }
        let place = (sku, location);
        self.loose.remove(&place);
        let here = self.at_place.entry(place).or_default();
        if !here.contains(&id) {
            here.push(id);
        }
        self.stale.remove(&id);
        self.stocks.insert(id, picked(row, &STOCK));
    }

    /// Learns a reservation that was applied. Its date identifies a repeated request.
    fn reservation(&mut self, operation: &str, request: &Request<Bytes>, stock: &Value) {
        let Some(date) = argument(request, "date") else {
            return;
        };
        let reservation = json!({
            "operation": operation.replace('_', "-"),
            "sku": stock["sku"],
            "location": text(&stock["location"]),
            "provider": stock["provider"],
            "date": date,
        });
        if self.reservations.len() == MOST_ROWS {
            self.left_out += 1;
        } else if self.dated.insert(reservation.to_string()) {
            self.reservations.push(reservation);
        }
    }

    fn upsert(&mut self, request: &Request<Bytes>) {
        let Ok(body) = serde_json::from_slice::<Value>(request.body()) else {
            self.unclear += 1;
            return;
        };
        let rows = match &body {
            Value::Array(rows) => rows.as_slice(),
            row => std::slice::from_ref(row),
        };
        for row in rows {
            let (Some(sku), Some(location)) = (text(&row["sku"]), text(&row["location"])) else {
                self.unclear += 1;
                continue;
            };
            let place = (sku, location);
            match self.at_place.get(&place).map(Vec::as_slice) {
                Some(&[id]) => {
                    if let Some(stock) = self.stocks.get_mut(&id) {
                        overwrite(stock, row);
                        self.stale.insert(id);
                    }
                }
                Some(_) => self.unclear += 1,
                None if self.loose.len() == MOST_ROWS => self.left_out += 1,
                None => {
                    let loose = self.loose.entry(place.clone()).or_default();
                    loose.insert("sku".to_owned(), place.0.into());
                    loose.insert("location".to_owned(), place.1.into());
                    loose.extend(text(&row["provider"]).map(|p| ("provider".to_owned(), p.into())));
                    overwrite(loose, row);
                }
            }
        }
    }

    /// Learns from rows of stores, grouped by SKU or not. `is_stock` tells that their quantity is
    /// the stock.
    fn query(&mut self, body: &Value, is_stock: bool) {
        let result = &body["Store_checkResult"];
        let by_sku = result
            .as_object()
            .into_iter()
            .flatten()
            .map(|(_, rows)| rows);
        let rows = by_sku.chain([result]).filter_map(Value::as_array).flatten();
        for row in rows {
            let (Some(sku), Some(code)) = (text(&row["sku"]), text(&row["retail_store_code"]))
            else {
                continue;
            };
            if let Some(name) = text(&row["retail_store_name"])
                && self.names.len() < MOST_ROWS
            {
                self.names.insert(code.clone(), name);
            }
            let place = (sku, code);
            if is_stock && !self.at_place.contains_key(&place) && self.loose.len() < MOST_ROWS {
                let loose = self.loose.entry(place.clone()).or_default();
                loose.insert("sku".to_owned(), place.0.into());
                loose.insert("location".to_owned(), place.1.into());
                overwrite(loose, row);
            }
        }
    }

    /// Returns the world as JSON or the reason why there is none, a summary, and its gaps.
    pub(super) fn finish(self) -> Finished {
        let mut unknown = Vec::new();
        let mut note = |count: u64, what: &str| {
            if count > 0 {
                unknown.push(format!("{count} {what}"));
            }
        };
        let providers = self.known_providers();
        let (locations, owners) = self.known_locations(&providers);
        let mut stocks = Vec::new();
        let (mut misplaced, mut unowned) = (0, 0);
        for row in self.stocks.values() {
            match owners.get(&text(&row["location"]).unwrap_or_default()) {
                Some(owner) if row["provider"] == owner.as_str() && is_stock(row) => {
                    stocks.push(row.clone());
                }
                _ => misplaced += 1,
            }
        }
        let mut shown_in_part = 0;
        for row in self.loose.values() {
            let owner = owners.get(row["location"].as_str().unwrap_or_default());
            let mut row = row.clone();
            if let Some(owner) = owner.filter(|_| row.get("stock").is_some()) {
                row.insert("provider".to_owned(), owner.as_str().into());
                stocks.push(row);
                shown_in_part += 1;
            } else {
                unowned += 1;
            }
        }
        note(
            shown_in_part,
            "stocks were seen by upserts and queries alone: their ids and dates are made up",
        );
        note(
            unowned,
            "of these are left out: their provider or quantity was never shown",
        );
        note(
            misplaced,
            "stocks are left out: what was shown of them does not fit together",
        );
        note(
            count(self.stale.len()),
            "stocks were upserted and not looked at since: their dates are those of before",
        );
        note(
            self.unclear,
            "upserted rows are left out: which stocks they are cannot be told",
        );
        note(
            self.elsewhere,
            "exchanges were with another world of the mock, and are left out",
        );
        note(self.left_out, "rows are left out for want of room");
        note(
            count(self.lists.len()),
            "stock lists have every location: the API does not show which are theirs",
        );
        let held = format!(
            "{} stocks, {} providers, {} locations, {} stock lists",
            stocks.len(),
            providers.len(),
            locations.len(),
            self.lists.len()
        );
        let world = json!({
            "name": "recorded",
            "description": "What a recording of whippy-conformance has shown.",
            "providers": providers,
            "stock_locations": locations,
            "stock_lists": self.lists.values().collect::<Vec<_>>(),
            "stocks": stocks,
            "reservations": self.reservations,
        });
        let json = serde_json::to_vec_pretty(&world).unwrap_or_default();
        let loaded = Store::from_json(&json);
        (loaded.map(|_| json), held, unknown)
    }

    /// Returns the providers, those without an id last.
    fn known_providers(&self) -> Vec<Row> {
        let mut known: Rows = self.providers.clone();
        // A location has the id of its provider, and its stocks have the name of theirs.
        let mut names: BTreeMap<String, Option<i64>> = BTreeMap::new();
        for stock in self.stocks.values().chain(self.loose.values()) {
            if let (Some(name), Some(code)) = (
                stock.get("provider").and_then(text),
                stock.get("location").and_then(text),
            ) {
                let location = self.locations.values().find(|l| l["code"] == code.as_str());
                let id = location.and_then(|location| location["provider"].as_i64());
                let id_so_far = names.entry(name).or_default();
                *id_so_far = id_so_far.or(id);
            }
        }
        let mut others = Vec::new();
        for (name, id) in names {
            if known.values().any(|row| row["name"] == name.as_str()) {
                continue;
            }
            match id {
                Some(id) if !known.contains_key(&id) => {
                    let row = json!({"id": id, "name": name});
                    known.insert(id, picked(&row, PROVIDER));
                }
                _ => others.push(picked(&json!({"name": name}), PROVIDER)),
            }
        }
        for id in self
            .locations
            .values()
            .filter_map(|l| l["provider"].as_i64())
        {
            known.entry(id).or_insert_with(|| {
                picked(
                    &json!({"id": id, "name": format!("provider {id}")}),
                    PROVIDER,
                )
            });
        }
        known.into_values().chain(others).collect()
    }

    /// Returns the locations, those without an id last, and the provider of each by its code.
    fn known_locations(&self, providers: &[Row]) -> (Vec<Row>, BTreeMap<String, String>) {
        let mut owners = BTreeMap::new();
        let mut rows = Vec::new();
        for row in self.locations.values() {
            let owner = providers
                .iter()
                .find(|p| p.get("id") == row.get("provider"));
            if let (Some(owner), Some(code)) = (
                owner.and_then(|owner| text(&owner["name"])),
                text(&row["code"]),
            ) {
                owners.insert(code, owner);
                rows.push(row.clone());
            }
        }
        for stock in self.stocks.values().chain(self.loose.values()) {
            let (Some(owner), Some(code)) = (
                stock.get("provider").and_then(text),
                stock.get("location").and_then(text),
            ) else {
                continue;
            };
            if let Entry::Vacant(vacant) = owners.entry(code) {
                let code = vacant.key();
                let name = self.names.get(code).unwrap_or(code);
                let row = json!({"code": code, "name": name, "provider": owner});
                rows.push(picked(&row, LOCATION));
                vacant.insert(owner);
            }
        }
        (rows, owners)
    }
}

fn count(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Adds the rows of a list, or the one row of a detail.
fn places(rows: &mut Rows, members: &[&str], body: &Value) {
    let listed = body["results"].as_array();
    let all = listed.map_or(std::slice::from_ref(body), Vec::as_slice);
    for row in all {
        if let Some(id) = row["id"].as_i64()
            && rows.len() < MOST_ROWS
        {
            rows.insert(id, picked(row, members));
        }
    }
}

/// Picks the members that a world file can have; an unreadable date is left out.
fn picked(row: &Value, members: &[&str]) -> Row {
    let is_usable = |name: &str, value: &Value| {
        let is_date = || {
            let text = value.as_str();
            text.is_some_and(|text| Timestamp::parse_with_offset(text).is_ok())
        };
        !name.ends_with("_date") || is_date()
    };
    let members = members.iter().filter_map(|name| {
        let value = row.get(*name)?;
        is_usable(name, value).then(|| ((*name).to_owned(), value.clone()))
    });
    members.collect()
}

/// Returns `true` if a row has the numbers that a stock needs.
fn is_stock(row: &Row) -> bool {
    let is_whole = |name: &str| {
        let number = row.get(name).and_then(Value::as_i64);
        number.is_some_and(|number| i32::try_from(number).is_ok())
    };
    is_whole("stock") && is_whole("reserved_stock")
}

/// Applies the members of an upsert to a stock.
fn overwrite(stock: &mut Row, row: &Value) {
    for name in ["stock", "reserved_stock"] {
        let number = match &row[name] {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        if let Some(number) = number.filter(|number| i32::try_from(*number).is_ok()) {
            stock.insert(name.to_owned(), number.into());
        }
    }
    if let Value::Bool(is_active) = row["is_active"] {
        stock.insert("is_active".to_owned(), is_active.into());
    }
}

/// Returns a text, or a number as text.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Returns an argument of a reservation, from its body or else from its query.
fn argument(request: &Request<Bytes>, name: &str) -> Option<String> {
    let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    if let Some(value) = body.get(name) {
        return text(value);
    }
    let query = request.uri().query().unwrap_or_default();
    let form = std::str::from_utf8(request.body()).unwrap_or_default();
    [form, query].iter().find_map(|pairs| {
        let pairs = urlencoded::decode(pairs.as_bytes()).ok()?;
        let value = pairs.iter().find(|pair| pair.0 == name)?.1.to_string();
        Some(value).filter(|value| !value.is_empty())
    })
}
