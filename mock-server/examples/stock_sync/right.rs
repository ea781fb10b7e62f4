//! An integration client as it should be: what `wrong.rs` gets wrong, done right.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use reqwest::{Client, Method, StatusCode, Url};
use serde_json::{Value, json};

use crate::erp::Item;

/// Rows of an upsert.
const BATCH: usize = 100;

/// How often a call is made before the service is given up.
pub(crate) const TRIES: u32 = 4;

/// Why a call came to nothing.
#[derive(Debug)]
pub(crate) enum CallError {
    /// The service refused it for what it says, and would again.
    Refused(StatusCode, String),
    /// The service did not come back in time; whoever asked may ask again later.
    Unavailable(String),
    /// The base URL is none.
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

/// Whippy Ware's stocks, for an ERP.
#[derive(Debug)]
pub(crate) struct StockClient {
    http: Client,
    api: String,
    token: String,
    pause: Duration,
}

impl StockClient {
    /// A client; `pause` is how long it waits before the first retry.
    pub(crate) fn new(url: &str, token: &str, pause: Duration) -> Self {
        Self {
            http: Client::new(),
            api: format!("{url}/api/v1/stocks/"),
            token: token.to_owned(),
            pause,
        }
    }

    /// Asks. What may be done twice is tried again: every call of this client may.
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
                // A request that was refused for what it says is refused again.
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

    /// All stocks that a query fits, page by page to the last.
    pub(crate) async fn stocks(&self, query: &[(&str, &str)]) -> Result<Vec<Value>, CallError> {
        // Encoded: a `+` of a date-time would arrive as a space.
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

    /// Stocks of more than so many pieces.
    pub(crate) async fn plentiful(&self, pieces: i64) -> Result<Vec<Value>, CallError> {
        self.stocks(&[("stock__gt", &pieces.to_string())]).await
    }

    /// Sends what the service does not know yet; how many that were.
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

    /// Reserves a piece for an order, once, however often it is asked.
    pub(crate) async fn reserve(
        &self,
        sku: &str,
        location: &str,
        ordered_at: &str,
    ) -> Result<(), CallError> {
        self.change("increase", sku, location, ordered_at).await
    }

    /// Gives the piece of an order free, once, however often it is asked.
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
        // The date is the order's and not that of the attempt: by it the service knows the
        // retry. 201 and 208 both say that it is done, the latter that it was before.
        let body = json!({"sku": sku, "location": location, "date": ordered_at});
        let url = format!("{}{way}_reserved_stock/", self.api);
        self.call(Method::POST, &url, Some(&body)).await.map(drop)
    }
}
