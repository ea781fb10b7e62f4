//! Leaves nothing behind that anybody could sell: every stock that a run wrote ends with
//! no stock, no reservation, and inactive. The API deletes nothing, so that is all there is.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response};
use serde_json::{Value, json};
use whippy_engine::wire::urlencoded;

use crate::transport::guard::Guard;
use crate::transport::ledger::Ledger;
use crate::transport::target::Target;

/// How many stocks go into one upsert.
const BATCH: usize = 100;

/// Above this, reservations are overwritten and not released one by one.
const MOST_RELEASES: i64 = 20;

/// How many pages a list of one SKU's stocks may have.
const MOST_PAGES: usize = 50;

/// How the target is asked.
#[derive(Debug, Clone, Default)]
pub struct Manner {
    /// The `Authorization` header.
    pub authorization: Option<HeaderValue>,
    /// Whether the arguments of a reservation go into the query; else into the body.
    pub reservation_in_query: bool,
}

/// A stock, or a place, that a run leaves behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// The SKU, or the place's code.
    pub what: String,
    /// Where it lies.
    pub provider: Option<String>,
    /// Where it lies.
    pub location: Option<String>,
    /// Why it stays, in a line.
    pub why: String,
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(provider) = &self.provider {
            write!(f, ", provider {provider}")?;
        }
        if let Some(location) = &self.location {
            write!(f, ", location {location}")?;
        }
        write!(f, ": {}", self.why)
    }
}

/// What a clean-up came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// Stocks that are neutral now, and were not.
    pub neutralised: usize,
    /// Stocks that were neutral, or never came about.
    pub already_neutral: usize,
    /// What is not.
    pub left: Vec<Left>,
}

/// A stock as the target shows it.
#[derive(Debug, Clone, PartialEq)]
struct Shown {
    id: Value,
    sku: String,
    provider: Value,
    location: Value,
    stock_type: Value,
    period: Value,
    stock: i64,
    reserved: i64,
    is_active: bool,
    /// Whether no other stock of its SKU lies at its location: a reservation cannot say
    /// which of several it means.
    is_alone: bool,
}

/// Neutralises all that a ledger says was written. Where a request fails, all writing
/// stops: a target that behaves otherwise than it should is not written to on a guess.
pub fn clean_up(guard: &Guard, ledger: &Ledger, manner: &Manner) -> Cleaned {
    guard.lift_budget();
    let mut report = Cleaned::default();
    let mut seen = HashSet::new();
    let touched = ledger.touched().into_iter();
    let skus: Vec<String> = touched
        .map(|row| row.sku)
        .filter(|sku| seen.insert(sku.clone()))
        .collect();
    let cleaner = Cleaner { guard, manner };
    let mut outcome: Result<(), String> = Ok(());
    for batch in skus.chunks(BATCH) {
        if let Err(why) = &outcome {
            report.left.extend(batch.iter().map(|sku| unseen(sku, why)));
        } else {
            outcome = cleaner.neutralise(batch, &mut report);
            if outcome.is_err() {
                guard.halt();
            }
        }
    }
    for place in ledger.places() {
        report.left.push(Left {
            what: place.code,
            provider: None,
            location: None,
            why: format!("it stays, as the API deletes none of its {}", place.kind),
        });
    }
    report
}

struct Cleaner<'a> {
    guard: &'a Guard,
    manner: &'a Manner,
}

impl Cleaner<'_> {
    /// Neutralises the stocks of some SKUs. An error is the request that failed; what was
    /// to come after it is reported as left.
    fn neutralise(&self, skus: &[String], report: &mut Cleaned) -> Result<(), String> {
        let mut outcome = Ok(());
        let mut found = Vec::new();
        for sku in skus {
            match (&outcome, self.stocks_of(sku)) {
                (Ok(()), Ok(stocks)) if stocks.is_empty() => report.already_neutral += 1,
                (Ok(()), Ok(stocks)) => found.extend(stocks),
                (Ok(()), Err(why)) => {
                    report.left.push(unseen(sku, &why));
                    outcome = Err(why);
                }
                (Err(why), _) => report.left.push(unseen(sku, why)),
            }
        }
        let (neutral, loud): (Vec<_>, Vec<_>) = found.into_iter().partition(Shown::is_neutral);
        report.already_neutral += neutral.len();
        for batch in loud.chunks(BATCH) {
            if let Err(why) = &outcome {
                let why = format!("it has {{state}}, and nothing was written to it: {why}");
                report.leave(batch, &why);
                continue;
            }
            outcome = self.quieten(batch);
            let why = outcome.clone().err();
            let why = why.unwrap_or_else(|| "the upsert is answered with 200".to_owned());
            outcome = outcome.and(self.look_again(batch, &why, report));
        }
        outcome
    }

    /// Releases what is reserved and sets the rest, without looking at what came of it.
    fn quieten(&self, stocks: &[Shown]) -> Result<(), String> {
        let mut rows = Vec::with_capacity(stocks.len());
        for stock in stocks {
            let reserved = self.release(stock)?;
            rows.push(stock.neutral_row(reserved));
        }
        let response = self.post("stocks/insert_or_update_stock/", "", &Value::Array(rows))?;
        match response.status().as_u16() {
            200 => Ok(()),
            status => Err(format!("the upsert is answered with {status}")),
        }
    }

    /// Releases reservations one by one; what is still reserved then, if anything.
    fn release(&self, stock: &Shown) -> Result<i64, String> {
        let mut reserved = stock.reserved;
        if !stock.is_alone || !(1..=MOST_RELEASES).contains(&reserved) {
            return Ok(reserved);
        }
        while reserved > 0 {
            let response = self.decrease(stock)?;
            let status = response.status().as_u16();
            let shown: Value = serde_json::from_slice(response.body()).unwrap_or_default();
            match status {
                201 if shown["id"] == stock.id
                    && shown["reserved_stock"].as_i64() == Some(reserved - 1) =>
                {
                    reserved -= 1;
                }
                201 | 208 | 404 => break,
                _ => return Err(format!("the decrease is answered with {status}")),
            }
        }
        Ok(reserved)
    }

    fn decrease(&self, stock: &Shown) -> Result<Response<Bytes>, String> {
        const PATH: &str = "stocks/decrease_reserved_stock/";
        let arguments = [
            ("sku", json!(stock.sku)),
            ("location", stock.location.clone()),
            ("provider", stock.provider.clone()),
        ];
        if !self.manner.reservation_in_query {
            let body = arguments
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value));
            return self.post(PATH, "", &body.collect());
        }
        let pairs = arguments.map(|(name, value)| (name, text(&value)));
        self.post(PATH, &query_of(&pairs), &Value::Null)
    }

    /// Reports which of these are neutral now, and why the others are not.
    fn look_again(&self, stocks: &[Shown], why: &str, report: &mut Cleaned) -> Result<(), String> {
        let mut outcome = Ok(());
        let mut lists: HashMap<&str, Result<Vec<Shown>, String>> = HashMap::new();
        for stock in stocks {
            let list = lists
                .entry(&stock.sku)
                .or_insert_with(|| self.stocks_of(&stock.sku));
            match list {
                Err(error) => {
                    report.leave([stock], error);
                    outcome = Err(error.clone());
                }
                Ok(list) => match list.iter().find(|shown| shown.id == stock.id) {
                    Some(shown) if shown.is_neutral() => report.neutralised += 1,
                    Some(shown) => report.leave([shown], &format!("it has {{state}}: {why}")),
                    None => report.leave([stock], "it is not listed any more"),
                },
            }
        }
        outcome
    }

    /// The stocks of a SKU, from all pages.
    fn stocks_of(&self, sku: &str) -> Result<Vec<Shown>, String> {
        let mut stocks = Vec::new();
        // The framework refuses a NUL in a SKU and in the filter by it, and its database
        // cannot hold one: there is no such stock, and nobody to ask for it.
        if sku.contains('\0') {
            return Ok(stocks);
        }
        for page in 1..=MOST_PAGES {
            let mut pairs = vec![("sku", sku.to_owned())];
            // The first page goes without a number, as the links of pages have it.
            if page > 1 {
                pairs.push(("page", page.to_string()));
            }
            let response = self.send(Method::GET, "stocks/", &query_of(&pairs), &Value::Null)?;
            let status = response.status().as_u16();
            if status != 200 {
                return Err(format!("the list of its stocks is answered with {status}"));
            }
            let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
            let (Some(results), Some(next)) = (body["results"].as_array(), body.get("next")) else {
                return Err("the list of its stocks is no page".to_owned());
            };
            for result in results {
                let stock = Shown::read(result).ok_or("what is listed is no stock")?;
                // A filter that is not heard shows others' too.
                if stock.sku == sku {
                    stocks.push(stock);
                }
            }
            if next.is_null() {
                let places: Vec<Value> = stocks.iter().map(|s| s.location.clone()).collect();
                for stock in &mut stocks {
                    let at_its_place = places.iter().filter(|place| **place == stock.location);
                    stock.is_alone = at_its_place.count() == 1;
                }
                return Ok(stocks);
            }
        }
        Err(format!(
            "the list of its stocks has more than {MOST_PAGES} pages"
        ))
    }

    fn post(&self, path: &str, query: &str, body: &Value) -> Result<Response<Bytes>, String> {
        self.send(Method::POST, path, query, body)
    }

    fn send(
        &self,
        method: Method,
        path: &str,
        query: &str,
        body: &Value,
    ) -> Result<Response<Bytes>, String> {
        let mark = if query.is_empty() { "" } else { "?" };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}/api/v1/{path}{mark}{query}", self.guard.base()));
        if let Some(authorization) = &self.manner.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let body = if body.is_null() {
            Bytes::new()
        } else {
            request = request.header(CONTENT_TYPE, "application/json");
            Bytes::from(body.to_string())
        };
        let request = request.body(body).map_err(|error| error.to_string())?;
        self.guard.send(&request).map_err(|error| error.to_string())
    }
}

impl Shown {
    fn read(value: &Value) -> Option<Self> {
        Some(Self {
            id: value["id"].clone(),
            sku: value["sku"].as_str()?.to_owned(),
            provider: value["provider"].clone(),
            location: value["location"].clone(),
            stock_type: value["stock_type"].clone(),
            period: value["period"].clone(),
            stock: value["stock"].as_i64()?,
            reserved: value["reserved_stock"].as_i64()?,
            is_active: value["is_active"].as_bool()?,
            is_alone: false,
        })
    }

    fn is_neutral(&self) -> bool {
        self.stock == 0 && self.reserved == 0 && !self.is_active
    }

    /// The row of an upsert that neutralises it. What a stock need not say is left out.
    fn neutral_row(&self, reserved: i64) -> Value {
        let mut row = json!({
            "sku": self.sku,
            "provider": self.provider,
            "location": self.location,
            "stock": 0,
            "is_active": false,
        });
        if self.stock_type != "standard" && !self.stock_type.is_null() {
            row["stock_type"] = self.stock_type.clone();
        }
        if !self.period.is_null() {
            row["period"] = self.period.clone();
            // A side that is open is shown as null, and told by leaving it out.
            if let Some(sides) = row["period"].as_object_mut() {
                sides.retain(|_, side| !side.is_null());
            }
        }
        if reserved != 0 {
            row["reserved_stock"] = 0.into();
        }
        row
    }

    fn state(&self) -> String {
        let active = if self.is_active { "active" } else { "inactive" };
        format!("stock {}, reserved {}, {active}", self.stock, self.reserved)
    }
}

impl Cleaned {
    /// Reports stocks as left; `{state}` in the reason stands for what a stock has.
    fn leave<'a>(&mut self, stocks: impl IntoIterator<Item = &'a Shown>, why: &str) {
        self.left.extend(stocks.into_iter().map(|stock| Left {
            what: stock.sku.clone(),
            provider: Some(text(&stock.provider)),
            location: Some(text(&stock.location)),
            why: why.replace("{state}", &stock.state()),
        }));
    }
}

/// A SKU whose stocks nobody looked at.
fn unseen(sku: &str, why: &str) -> Left {
    Left {
        what: sku.to_owned(),
        provider: None,
        location: None,
        why: format!("it was not looked at: {why}"),
    }
}

/// A query of these pairs.
fn query_of(pairs: &[(&str, String)]) -> String {
    let pairs: Vec<urlencoded::Pair<'_>> = pairs
        .iter()
        .map(|(name, value)| (Cow::Borrowed(*name), Cow::Borrowed(value.as_str())))
        .collect();
    urlencoded::with_parameter(&pairs, "", None)
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
