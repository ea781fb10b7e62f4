//! The integration client of `wrong.rs`, without its mistakes.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use reqwest::{Client, Method, StatusCode, Url};
use serde_json::{Value, json};

use crate::erp::Item;

/// The number of rows in an upsert.
const BATCH: usize = 100;

/// The number of attempts before a call is given up.
pub(crate) const TRIES: u32 = 4;

/// Reasons why a call failed.
#[derive(Debug)]
pub(crate) enum CallError {
    /// The service refused its content, and would do so again.
    Refused(StatusCode, String),
    /// The service did not recover in time. The caller may try again later.
    Unavailable(String),
    /// The base URL is not one.
    Url(String),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(status, body) => write!(f, "refused with {status}: {body}"),
            Self::Unavailable(what) => write!(f, "{what} was not answered, {TRIES} times"),
            Self::Url(what) => write!(f, "the service's URL is none: {what}"),
        }
    }
}

impl std::error::Error for CallError {}

/// A client of Whippy Ware's stocks for an ERP.
#[derive(Debug)]
pub(crate) struct StockClient {
    http: Client,
    api: String,
    token: String,
    pause: Duration,
}

impl StockClient {
    /// Creates a client. `pause` is the wait before the first retry.
    pub(crate) fn new(url: &str, token: &str, pause: Duration) -> Self {
        Self {
            http: Client::new(),
            api: format!("{url}/api/v1/stocks/"),
            token: token.to_owned(),
            pause,
        }
    }

    /// Sends a request, again if that is safe: every call of this client is.
    pub(crate) async fn call(
        &self,
        method: Method,
        url: &str,
        body: Option<&Value>,
    ) -> Result<(StatusCode, Value), CallError> {
        for attempt in 0..TRIES {
            if attempt > 0 {
                tokio::time::sleep(self.pause * 2_u32.pow(attempt - 1)).await;
            }
            let mut request = self
                .http
                .request(method.clone(), url)
                .timeout(Duration::from_secs(30))
                .header("authorization", format!("Token {}", self.token));
            if let Some(body) = body {
                request = request.json(body);
            }
            let Ok(answer) = request.send().await else {
                continue;
            };
            let status = answer.status();
            if status.is_client_error() {
                // A request that was refused for its content would be refused again.
                let text = answer.text().await.unwrap_or_default();
                return Err(CallError::Refused(status, text));
            }
            if status.is_success()
                && let Ok(body) = answer.json().await
            {
                return Ok((status, body));
            }
        }
        Err(CallError::Unavailable(format!("{method} {url}")))
    }

    /// Returns all stocks that match a query, page by page to the last.
    pub(crate) async fn stocks(&self, query: &[(&str, &str)]) -> Result<Vec<Value>, CallError> {
        // Encoded, since the `+` of a date-time would arrive as a space.
        let query = query.iter().chain(&[("limit", "100")]);
        let url = Url::parse_with_params(&self.api, query)
            .map_err(|error| CallError::Url(format!("{}: {error}", self.api)))?;
        let mut next = Some(String::from(url));
        let mut rows = Vec::new();
        while let Some(url) = next {
            let (_, page) = self.call(Method::GET, &url, None).await?;
            rows.extend(page["results"].as_array().into_iter().flatten().cloned());
            next = page["next"].as_str().map(str::to_owned);
        }
        Ok(rows)
    }

    /// Returns the stocks of more than this many pieces.
    pub(crate) async fn plentiful(&self, pieces: i64) -> Result<Vec<Value>, CallError> {
        self.stocks(&[("stock__gt", &pieces.to_string())]).await
    }

    /// Sends the items that the service does not know yet; returns their number.
    pub(crate) async fn sync(&self, items: &[Item]) -> Result<usize, CallError> {
        let stocks = self.stocks(&[]).await?;
        let known: HashMap<_, _> = stocks
            .iter()
            .map(|row| {
                (
                    (row["sku"].as_str(), row["location"].as_str()),
                    &row["stock"],
                )
            })
            .collect();
        let is_known = |item: &Item| {
            let place = (Some(item.sku.as_str()), Some(item.location.as_str()));
            known
                .get(&place)
                .is_some_and(|stock| **stock == item.pieces)
        };
        let rows: Vec<Value> = items
            .iter()
            .filter(|item| !is_known(item))
            .map(|item| {
                json!({
                    "sku": item.sku,
                    "provider": item.provider,
                    "location": item.location,
                    "stock": item.pieces,
                })
            })
            .collect();
        let url = format!("{}insert_or_update_stock/", self.api);
        for batch in rows.chunks(BATCH) {
            self.call(Method::POST, &url, Some(&batch.into())).await?;
        }
        Ok(rows.len())
    }

    /// Reserves a piece for an order, once, however often it is called.
    pub(crate) async fn reserve(
        &self,
        sku: &str,
        location: &str,
        ordered_at: &str,
    ) -> Result<(), CallError> {
        self.change("increase", sku, location, ordered_at).await
    }

    /// Releases the piece of an order, once, however often it is called.
    pub(crate) async fn release(
        &self,
        sku: &str,
        location: &str,
        ordered_at: &str,
    ) -> Result<(), CallError> {
        self.change("decrease", sku, location, ordered_at).await
    }

    async fn change(
        &self,
        way: &str,
        sku: &str,
        location: &str,
        ordered_at: &str,
    ) -> Result<(), CallError> {
        // The date is that of the order and not of the attempt, so the service recognizes a retry.
        // 201 and 208 both mean that it is done, 208 that it was done before.
        let body = json!({"sku": sku, "location": location, "date": ordered_at});
        let url = format!("{}{way}_reserved_stock/", self.api);
        self.call(Method::POST, &url, Some(&body)).await.map(drop)
    }
}
