//! Exchanges as an HTTP archive (HAR), for browsers and other tools.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::header::{CONTENT_TYPE, HOST, LOCATION};
use serde_json::{Value, json};

use super::{Exchange, KeptHeaders, text, version};
use crate::model::time::UtcOffset;
use crate::wire::urlencoded;

/// An HTTP archive of version 1.2 with these exchanges.
pub fn har<'a>(exchanges: impl IntoIterator<Item = &'a Exchange>) -> Value {
    let entries: Vec<_> = exchanges.into_iter().map(Exchange::har).collect();
    json!({"log": {
        "version": "1.2",
        "creator": {"name": "whippy-mock", "version": env!("CARGO_PKG_VERSION")},
        "entries": entries,
    }})
}

impl Exchange {
    /// The exchange as an entry of an HTTP archive.
    pub fn har(&self) -> Value {
        let host = self.headers.get(&HOST);
        let host = host
            .and_then(|host| std::str::from_utf8(host).ok())
            .unwrap_or("localhost");
        let (_, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let pairs = urlencoded::decode(query.as_bytes()).unwrap_or_default();
        let query: Vec<_> = pairs
            .iter()
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect();
        let took = self.took.as_secs_f64() * 1e3;
        let scheme = if self.is_over_tls { "https" } else { "http" };
        let mut request = json!({
            "method": self.method.as_str(),
            "url": format!("{scheme}://{host}{}", self.target),
            "httpVersion": version(self.version),
            "cookies": [],
            "headers": har_headers(&self.headers),
            "queryString": query,
            "headersSize": -1,
            "bodySize": self.body.size,
        });
        if self.body.size > 0 {
            request["postData"] = json!({
                "mimeType": text(self.headers.get(&CONTENT_TYPE)),
                "text": String::from_utf8_lossy(&self.body.bytes),
            });
        }
        // An archive can only say by the status 0 that no answer came.
        let none = (0, KeptHeaders::default(), None);
        let (status, headers, body) = self.answer.as_ref().map_or(none, |answer| {
            (answer.status, answer.headers.clone(), Some(&answer.body))
        });
        let reason = http::StatusCode::from_u16(status).ok();
        let reason = reason.and_then(|status| status.canonical_reason());
        let mut content = json!({
            "size": body.map_or(0, |body| body.size),
            "mimeType": text(headers.get(&CONTENT_TYPE)),
        });
        if let Some(body) = body {
            if let Ok(text) = std::str::from_utf8(&body.bytes) {
                content["text"] = text.into();
            } else {
                content["text"] = BASE64.encode(&body.bytes).into();
                content["encoding"] = "base64".into();
            }
        }
        json!({
            "startedDateTime": self.at.to_text(UtcOffset::UTC),
            "time": took,
            "request": request,
            "response": {
                "status": status,
                "statusText": reason.unwrap_or_default(),
                "httpVersion": version(self.version),
                "cookies": [],
                "headers": har_headers(&headers),
                "content": content,
                "redirectURL": text(headers.get(&LOCATION)),
                "headersSize": -1,
                "bodySize": body.map_or(0, |body| body.size),
            },
            "cache": {},
            "timings": {"send": 0, "wait": took, "receive": 0},
            "comment": format!("world {}, exchange {}", self.world, self.id),
        })
    }
}

fn har_headers(headers: &KeptHeaders) -> Vec<Value> {
    let pairs = headers.iter();
    pairs
        .map(|(name, value)| json!({"name": name, "value": text(Some(value))}))
        .collect()
}
