//! Direct questions to the API of a world, past the journal, the judge of clients and the faults,
//! at present or after an earlier write.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use http::{Method, Request};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Asked, Granted, Outcome, Refusal};
use crate::worlds::{self, DEFAULT, LiveWorld};
use whippy_engine::backend::Backend as _;
use whippy_engine::endpoints::call::Mount;
use whippy_engine::engine::Reply;

#[derive(Deserialize)]
#[serde(expecting = "an object", deny_unknown_fields)]
struct Question {
    method: String,
    target: String,
    body: Option<Value>,
    at: Option<u64>,
}

/// Writes listed when the query sets no limit.
const LISTED: usize = 100;

/// The most writes in one list.
const MOST_LISTED: usize = 1_000;

pub(super) fn ask(asked: &Asked<'_>) -> Outcome {
    let question: Question = asked.body()?;
    let world = asked.call.worlds.get(asked.argument)?;
    let request = question.request(asked, &world)?;
    let mut reply = match question.at {
        None => world.service.answer(&request, &|| asked.call.system),
        Some(seq) => {
            let engine = world.service.at(seq).map_err(Refusal::bad)?;
            if engine.writes(&request) {
                let detail = "at: what was cannot be written to; leave `at` out, or fork the world";
                return Err(Refusal::bad(detail));
            }
            engine.look(&request, world.service.clock().now(asked.call.system).at)
        }
    };
    if let Some(pending) = reply.pending.take() {
        pending.wait()?;
    }
    Ok(Granted::Json(answer(&reply)))
}

impl Question {
    /// Returns the request that the question describes, with a token that the world accepts.
    fn request(
        &self,
        asked: &Asked<'_>,
        world: &Arc<LiveWorld>,
    ) -> Result<Request<Bytes>, Refusal> {
        if !self.target.starts_with("/api/") {
            let detail = format!("target: `{}` does not begin with /api/", self.target);
            return Err(Refusal::bad(detail));
        }
        let body = self
            .body
            .as_ref()
            .map_or_else(String::new, Value::to_string);
        let settings = world.service.settings();
        let now = world.service.clock().now(asked.call.system).at;
        let token = settings.grant("admin", now);
        let authorization = HeaderValue::try_from(format!("Token {token}"))
            .map_err(|_| Refusal::bad("the token of the mock cannot stand in a header"))?;
        let method: Method = self
            .method
            .parse()
            .map_err(|_| Refusal::bad(format!("method: `{}` is not a method", self.method)))?;
        let mut request = Request::builder()
            .method(method)
            .uri(&self.target)
            .header(AUTHORIZATION, authorization)
            .header(CONTENT_TYPE, "application/json")
            .body(Bytes::from(body))
            .map_err(|error| Refusal::bad(format!("target: {error}")))?;
        if let Some(host) = asked.call.request.headers().get(HOST) {
            request.headers_mut().insert(HOST, host.clone());
        }
        if **world.name() != *DEFAULT {
            let mount = format!("{}{}", worlds::PREFIX, world.name());
            request.extensions_mut().insert(Mount(mount));
        }
        Ok(request)
    }
}

fn answer(reply: &Reply) -> Value {
    let body = reply.response.body();
    let body = serde_json::from_slice(body)
        .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(body).into_owned()));
    json!({
        "status": reply.response.status().as_u16(),
        "rule": reply.rule.name,
        "grade": reply.rule.grade.text(),
        "wrote": reply.wrote,
        "body": body,
    })
}

pub(super) fn list_writes(asked: &Asked<'_>) -> Outcome {
    let world = asked.call.worlds.get(asked.argument)?;
    let since = asked.number("since")?.unwrap_or(0);
    let limit = asked.number("limit")?.unwrap_or(LISTED).min(MOST_LISTED);
    let (first, last) = world.service.kept();
    let writes = world.service.writes_after(since, limit);
    let writes: Vec<_> = writes
        .iter()
        .map(|(seq, at, method, target)| {
            json!({
                "seq": seq,
                "at": at.to_text(asked.local()),
                "method": method.as_str(),
                "target": target.as_str(),
            })
        })
        .collect();
    Ok(Granted::Json(
        json!({"first": first, "last": last, "writes": writes}),
    ))
}
