//! An integration client as it is often written: it seems to work, but is wrong.
//!
//! `right.rs` beside it does the same correctly.

use std::collections::HashMap;

use reqwest::{Client, Method, Response};
use serde_json::{Value, json};

use crate::erp::Item;

/// A client of Whippy Ware's stocks for an ERP.
#[derive(Debug)]
pub(crate) struct StockClient {
    http: Client,
    api: String,
    token: String,
}

impl StockClient {
    pub(crate) fn new(url: &str, token: &str) -> Self {
        Self {
            http: Client::new(),
            api: format!("{url}/api/v1/stocks/"),
            token: token.to_owned(),
        }
    }

    /// Sends a request, up to three times.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> reqwest::Result<Response> {
        let mut last = None;
        for _ in 0..3 {
            let mut request = self
                .http
                .request(method.clone(), format!("{}{path}", self.api))
                .header("authorization", format!("Token {}", self.token));
            if let Some(body) = body {
                request = request.json(body);
            }
            match request.send().await.and_then(Response::error_for_status) {
                Ok(answer) => return Ok(answer),
                // Wrong: a 400 will be a 400 again.
                Err(error) => last = Some(error),
            }
        }
        Err(last.expect("an attempt was made"))
    }

    async fn rows(&self, path: &str) -> reqwest::Result<Vec<Value>> {
        let answer = self.call(Method::GET, path, None).await?;
        let page: Value = answer.json().await?;
        Ok(page["results"].as_array().cloned().unwrap_or_default())
    }

    /// Returns all stocks.
    pub(crate) async fn stocks(&self) -> reqwest::Result<Vec<Value>> {
        // Wrong: these are the first ten.
        self.rows("").await
    }

    /// Returns the stocks of more than this many pieces.
    pub(crate) async fn plentiful(&self, pieces: i64) -> reqwest::Result<Vec<Value>> {
        // Wrong: the filter is `stock__gt`; this parameter is ignored without an error.
        self.rows(&format!("?stock_gt={pieces}&limit=1000")).await
    }

    /// Sends the items that the service does not know yet; returns their number.
    pub(crate) async fn sync(&self, items: &[Item]) -> reqwest::Result<usize> {
        let stocks = self.stocks().await?;
        let known: HashMap<_, _> = stocks
            .iter()
            .map(|row| {
                (
                    (row["sku"].as_str(), row["location"].as_str()),
                    &row["stock"],
                )
            })
            .collect();
        let mut sent = 0;
        for item in items {
            let place = (Some(item.sku.as_str()), Some(item.location.as_str()));
            if known
                .get(&place)
                .is_some_and(|stock| **stock == item.pieces)
            {
                continue;
            }
            // Wrong: one call for each row, although the service accepts a list.
            let row = json!({
                "sku": item.sku,
                "provider": item.provider,
                "location": item.location,
                "stock": item.pieces,
            });
            self.call(Method::POST, "insert_or_update_stock/", Some(&row))
                .await?;
            sent += 1;
        }
        Ok(sent)
    }

    /// Reserves a piece.
    pub(crate) async fn reserve(&self, sku: &str, location: &str) -> reqwest::Result<bool> {
        // Wrong: without a `date` the retry in `call` may reserve a second one.
        let body = json!({"sku": sku, "location": location});
        let answer = self
            .call(Method::POST, "increase_reserved_stock/", Some(&body))
            .await?;
        Ok(answer.status() == 201)
    }

    /// Releases a reserved piece.
    pub(crate) async fn release(&self, sku: &str, location: &str) -> reqwest::Result<bool> {
        let body = json!({"sku": sku, "location": location});
        for _ in 0..3 {
            let answer = self
                .call(Method::POST, "decrease_reserved_stock/", Some(&body))
                .await?;
            // Wrong: 208 means that it was done before, and that there is nothing to wait for.
            if answer.status() == 201 {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
