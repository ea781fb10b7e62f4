//! The clean-up of a run: every stock that it wrote ends with no quantity, no reservation, and
//! inactive, so that nobody can sell it. More is not possible, since the API cannot delete.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response};
use serde_json::{Value, json};
use whippy_engine::model::time::Timestamp;
use whippy_engine::wire::urlencoded;

use crate::transport::guard::Guard;
use crate::transport::ledger::Ledger;
use crate::transport::target::{Target, TargetError};
use crate::workers::{lock, spread};

/// The number of stocks in one upsert.
const BATCH: usize = 100;

/// The most reservations of a stock that are released one by one. More of them are overwritten.
const MOST_RELEASES: i64 = 20;

/// The most pages in a list of one SKU's stocks.
const MOST_PAGES: usize = 50;

/// The most pages in a list of many SKUs' stocks, and the rows of a page.
const MOST_PAGES_OF_ALL: usize = 500;
const ROWS: usize = 1000;

/// The most SKUs that are requested one by one. For more there is a filter.
const FEW: usize = 4;

/// The write that neutralises stocks, in a sentence.
const UPSERT: &str = "upsert";

/// The way to send requests to the target.
#[derive(Debug, Clone, Default)]
pub struct Manner {
    /// The `Authorization` header.
    pub authorization: Option<HeaderValue>,
    /// Is true if the arguments of a reservation go into the query, and not into the body.
    pub reservation_in_query: bool,
    /// The most requests at a time; 0 is 1.
    pub jobs: usize,
}

/// A stock or a place that a run leaves behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// The SKU, or the code of the place.
    pub what: String,
    /// The name of the provider.
    pub provider: Option<String>,
    /// The code of the location.
    pub location: Option<String>,
    /// The reason why it stays, in a line.
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

/// The result of a clean-up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// Stocks that were made neutral.
    pub neutralised: usize,
    /// Stocks that were neutral already, or never created.
    pub already_neutral: usize,
    /// The stocks and places that are left.
    pub left: Vec<Left>,
}

/// Reasons why a clean-up cannot go on.
#[derive(Debug, Clone)]
enum CleanUpError {
    /// A request of this kind is answered with another status than it must be.
    Status(&'static str, u16),
    /// The list of a SKU's stocks has too many pages.
    MorePages,
    /// The whole list, which has to be read without the filter, has too many pages.
    NoFilter,
    /// The list is not a page.
    NoPage,
    /// A page has a row that is not a stock.
    NoStock,
    /// There is no such request.
    Request(Arc<http::Error>),
    /// No answer came.
    NoAnswer(TargetError),
}

impl fmt::Display for CleanUpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(what, status) => write!(f, "the {what} is answered with {status}"),
            Self::MorePages => write!(f, "the list of its stocks has more than {MOST_PAGES} pages"),
            Self::NoFilter => write!(
                f,
                "the filter by SKU is not heard, and the list has more than {MOST_PAGES_OF_ALL} pages"
            ),
            Self::NoPage => f.write_str("the list of its stocks is no page"),
            Self::NoStock => f.write_str("what is listed is no stock"),
            Self::Request(error) => error.fmt(f),
            Self::NoAnswer(error) => error.fmt(f),
        }
    }
}

/// A stock in an answer of the target.
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
    created: String,
    /// Is true if it is the only stock of its SKU at its location: a reservation cannot choose
    /// between several.
    is_alone: bool,
}

/// Neutralises all stocks in a ledger. After a failed request all writing stops, since a target
/// that behaves unexpectedly must not be written to.
pub fn clean_up(guard: &Guard, ledger: &Ledger, manner: &Manner) -> Cleaned {
    guard.lift_budget();
    let mut report = Cleaned::default();
    let mut seen = HashSet::new();
    let touched = ledger.touched().into_iter();
    let skus: Vec<String> = touched
        .map(|row| row.sku)
        .filter(|sku| seen.insert(sku.clone()))
        .collect();
    let cleaner = Cleaner {
        guard,
        ledger,
        manner,
        whole: Mutex::default(),
    };
    let outcome = match cleaner.find(&skus) {
        Ok(found) => cleaner.neutralise(&skus, found, &mut report),
        Err(why) => {
            report.left.extend(skus.iter().map(|sku| unseen(sku, &why)));
            Err(why)
        }
    };
    if outcome.is_err() {
        guard.halt();
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

/// Stocks by SKU.
type Found = HashMap<String, Vec<Shown>>;

struct Cleaner<'a> {
    guard: &'a Guard,
    ledger: &'a Ledger,
    manner: &'a Manner,
    /// All stocks of the target, read only if it ignores the filter by SKU.
    whole: Mutex<Option<Found>>,
}

impl Cleaner<'_> {
    /// Neutralises the stocks of some SKUs. The error is the request that failed; stocks after it
    /// are reported as left.
    fn neutralise(
        &self,
        skus: &[String],
        mut found: Found,
        report: &mut Cleaned,
    ) -> Result<(), CleanUpError> {
        let mut loud = Vec::new();
        for sku in skus {
            let stocks = found.remove(sku).unwrap_or_default();
            let (neutral, rest): (Vec<_>, Vec<_>) = stocks.into_iter().partition(Shown::is_neutral);
            let is_none = neutral.is_empty() && rest.is_empty();
            report.already_neutral += neutral.len() + usize::from(is_none);
            loud.extend(rest);
        }
        let mut outcome = Ok(());
        let mut written: Vec<(&[Shown], CleanUpError)> = Vec::new();
        for batch in loud.chunks(BATCH) {
            if let Err(why) = &outcome {
                let why = format!("it has {{state}}, and nothing was written to it: {why}");
                report.leave(batch, &why);
                continue;
            }
            outcome = self.quieten(batch);
            let why = match &outcome {
                Ok(()) => CleanUpError::Status(UPSERT, 200),
                Err(why) => why.clone(),
            };
            written.push((batch, why));
        }
        outcome.and(self.look_again(&written, report))
    }

    /// Releases reservations and overwrites the rest, without checking the result.
    fn quieten(&self, stocks: &[Shown]) -> Result<(), CleanUpError> {
        let rows = spread(self.manner.jobs, stocks, |stock| {
            self.release(stock)
                .map(|reserved| stock.neutral_row(reserved))
        });
        let rows = rows.into_iter().collect::<Result<Vec<_>, _>>()?;
        let response = self.post("stocks/insert_or_update_stock/", "", &Value::Array(rows))?;
        match response.status().as_u16() {
            200 => Ok(()),
            status => Err(CleanUpError::Status(UPSERT, status)),
        }
    }

    /// Releases reservations one by one; returns the number that remains.
    fn release(&self, stock: &Shown) -> Result<i64, CleanUpError> {
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
                _ => return Err(CleanUpError::Status("decrease", status)),
            }
        }
        Ok(reserved)
    }

    fn decrease(&self, stock: &Shown) -> Result<Response<Bytes>, CleanUpError> {
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

    /// Counts the stocks that are neutral now, and reports the others with reasons.
    fn look_again(
        &self,
        written: &[(&[Shown], CleanUpError)],
        report: &mut Cleaned,
    ) -> Result<(), CleanUpError> {
        let mut skus: Vec<String> = Vec::new();
        for stock in written.iter().flat_map(|(batch, _)| *batch) {
            if skus.last() != Some(&stock.sku) {
                skus.push(stock.sku.clone());
            }
        }
        *lock(&self.whole) = None;
        let found = match self.find(&skus) {
            Ok(found) => found,
            Err(error) => {
                for (batch, _) in written {
                    report.leave(*batch, &error.to_string());
                }
                return Err(error);
            }
        };
        for (batch, why) in written {
            for stock in *batch {
                let mut now = found.get(&stock.sku).into_iter().flatten();
                match now.find(|shown| shown.id == stock.id) {
                    Some(shown) if shown.is_neutral() => report.neutralised += 1,
                    Some(shown) => report.leave([shown], &format!("it has {{state}}: {why}")),
                    None => report.leave([stock], "it is not listed any more"),
                }
            }
        }
        Ok(())
    }

    /// Finds the stocks of SKUs. For many SKUs it reads the list of stocks created since the first
    /// of them, by the service's own clock. A SKU missing there is requested by itself if a write
    /// may have created it.
    fn find(&self, skus: &[String]) -> Result<Found, CleanUpError> {
        let mut found = Found::new();
        let mut left = skus;
        let mut oldest = None;
        while let (None, Some((sku, rest))) = (&oldest, left.split_first()) {
            left = rest;
            let stocks = self.stocks_of(sku)?;
            oldest = stocks.iter().map(|stock| stock.created.clone()).min();
            found.insert(sku.clone(), stocks);
        }
        let listed = match oldest {
            Some(oldest) if left.len() > FEW => self.created_since(&oldest)?,
            _ => None,
        };
        let mut unknown: Vec<&String> = left.iter().collect();
        if let Some(mut listed) = listed {
            unknown.retain(|sku| match listed.remove(*sku) {
                Some(stocks) => {
                    found.insert((*sku).clone(), stocks);
                    false
                }
                None => self.ledger.may_have_created(sku),
            });
        }
        let asked = spread(self.manner.jobs, &unknown, |sku| self.stocks_of(sku));
        for (sku, stocks) in unknown.into_iter().zip(asked) {
            found.insert(sku.clone(), stocks?);
        }
        Ok(found)
    }

    /// Returns all stocks created since a moment; `None` where the target cannot list them.
    fn created_since(&self, oldest: &str) -> Result<Option<Found>, CleanUpError> {
        let moment = Timestamp::parse_with_offset(oldest).ok();
        let mut has_oldest = false;
        let filter = [
            ("created_date__gte", oldest.to_owned()),
            ("sort", "created_date".to_owned()),
            ("limit", ROWS.to_string()),
        ];
        let mut stocks = Vec::new();
        for page in 1..=MOST_PAGES_OF_ALL {
            let Ok((listed, is_last)) = self.page(&filter, page)? else {
                return Ok(None);
            };
            for stock in listed {
                let created = Timestamp::parse_with_offset(&stock.created).ok();
                // A target that ignores the filter would show everybody's stocks.
                if moment.is_none() || created < moment {
                    return Ok(None);
                }
                has_oldest |= stock.created == oldest;
                stocks.push(stock);
            }
            if is_last {
                return Ok(has_oldest.then(|| by_sku(stocks)));
            }
        }
        Ok(None)
    }

    /// Returns the stocks of a SKU, from all pages.
    fn stocks_of(&self, sku: &str) -> Result<Vec<Shown>, CleanUpError> {
        // The framework refuses a NUL in a SKU and in its filter, and its database cannot store
        // one: no such stock can exist.
        if sku.contains('\0') {
            return Ok(Vec::new());
        }
        if let Some(whole) = &*lock(&self.whole) {
            return Ok(whole.get(sku).cloned().unwrap_or_default());
        }
        let mut stocks = Vec::new();
        for page in 1..=MOST_PAGES {
            let (listed, is_last) = self.page(&[("sku", sku.to_owned())], page)??;
            // A target that ignores the filter shows other stocks too.
            if listed.iter().any(|stock| stock.sku != sku) {
                return self.of_the_whole_list(sku);
            }
            stocks.extend(listed);
            if is_last {
                return Ok(by_sku(stocks).remove(sku).unwrap_or_default());
            }
        }
        Err(CleanUpError::MorePages)
    }

    /// Returns the stocks of a SKU from the whole list, which is read once.
    fn of_the_whole_list(&self, sku: &str) -> Result<Vec<Shown>, CleanUpError> {
        let mut whole = lock(&self.whole);
        if whole.is_none() {
            let mut stocks = Vec::new();
            let mut is_whole = false;
            for page in 1..=MOST_PAGES_OF_ALL {
                let (listed, is_last) = self.page(&[("limit", ROWS.to_string())], page)??;
                stocks.extend(listed);
                is_whole = is_last;
                if is_last {
                    break;
                }
            }
            if !is_whole {
                return Err(CleanUpError::NoFilter);
            }
            *whole = Some(by_sku(stocks));
        }
        let stocks = whole.as_ref().and_then(|whole| whole.get(sku));
        Ok(stocks.cloned().unwrap_or_default())
    }

    /// Returns one page of the list, and `true` if it is the last. The inner error is the reason
    /// why the answer is not a page.
    fn page(&self, filter: &[(&str, String)], page: usize) -> Result<Page, CleanUpError> {
        let mut pairs = filter.to_vec();
        // The first page has no number, as in the links between pages.
        if page > 1 {
            pairs.push(("page", page.to_string()));
        }
        let response = self.send(Method::GET, "stocks/", &query_of(&pairs), &Value::Null)?;
        let status = response.status().as_u16();
        if status != 200 {
            return Ok(Err(CleanUpError::Status("list of its stocks", status)));
        }
        let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        let (Some(results), Some(next)) = (body["results"].as_array(), body.get("next")) else {
            return Ok(Err(CleanUpError::NoPage));
        };
        let stocks: Option<Vec<_>> = results.iter().map(Shown::read).collect();
        Ok(stocks
            .map(|stocks| (stocks, next.is_null()))
            .ok_or(CleanUpError::NoStock))
    }

    fn post(&self, path: &str, query: &str, body: &Value) -> Result<Response<Bytes>, CleanUpError> {
        self.send(Method::POST, path, query, body)
    }

    fn send(
        &self,
        method: Method,
        path: &str,
        query: &str,
        body: &Value,
    ) -> Result<Response<Bytes>, CleanUpError> {
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
        let request = request
            .body(body)
            .map_err(|error| CleanUpError::Request(Arc::new(error)))?;
        self.guard.send(&request).map_err(CleanUpError::NoAnswer)
    }
}

/// The stocks of a page, with `true` for the last page, or the reason why it is not a page.
type Page = Result<(Vec<Shown>, bool), CleanUpError>;

/// Groups stocks by SKU, and marks those that are alone at their place.
fn by_sku(stocks: Vec<Shown>) -> Found {
    let mut found = Found::new();
    for stock in stocks {
        found.entry(stock.sku.clone()).or_default().push(stock);
    }
    for stocks in found.values_mut() {
        let places: Vec<Value> = stocks.iter().map(|s| s.location.clone()).collect();
        for stock in stocks {
            let at_its_place = places.iter().filter(|place| **place == stock.location);
            stock.is_alone = at_its_place.count() == 1;
        }
    }
    found
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
            created: text(&value["created_date"]),
            is_alone: false,
        })
    }

    fn is_neutral(&self) -> bool {
        self.stock == 0 && self.reserved == 0 && !self.is_active
    }

    /// Returns the row of an upsert that neutralises the stock. Optional members are left out.
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
            // An open side is shown as null, but an upsert must leave it out.
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
    /// Reports stocks as left. `{state}` in the reason is replaced by the quantities of each stock.
    fn leave<'a>(&mut self, stocks: impl IntoIterator<Item = &'a Shown>, why: &str) {
        self.left.extend(stocks.into_iter().map(|stock| Left {
            what: stock.sku.clone(),
            provider: Some(text(&stock.provider)),
            location: Some(text(&stock.location)),
            why: why.replace("{state}", &stock.state()),
        }));
    }
}

/// Reports a SKU whose stocks could not be looked up.
fn unseen(sku: &str, why: &CleanUpError) -> Left {
    Left {
        what: sku.to_owned(),
        provider: None,
        location: None,
        why: format!("it was not looked at: {why}"),
    }
}

/// Returns a query of these pairs.
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
