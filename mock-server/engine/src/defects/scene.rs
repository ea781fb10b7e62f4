//! One exchange, as one defect sees it, and edits of its answer.

use std::cell::Cell;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Request, StatusCode};
use serde_json::Value;

use super::delivery::{DEFECT_HEADER, Delivery};
use super::memory::Memory;
use super::question::{Question, relink};
use super::written::{self, Written};
use crate::backend::Backend;
use crate::endpoints::call::Call;
use crate::engine::{Engine, Reply};
use crate::model::time::Timestamp;
use crate::problem::Problem;

/// One exchange, as one defect sees it.
pub(super) struct Scene<'a> {
    /// The service behind all defects.
    pub(super) service: &'a dyn Backend,
    /// The request as this defect receives it, perhaps rewritten by outer defects.
    pub(super) request: &'a Request<Bytes>,
    /// The id of the operation that the request addresses.
    pub(super) operation: &'static str,
    /// State that the defect keeps between requests.
    pub(super) memory: &'a Memory,
    /// Is true where the defect acts on this operation.
    pub(super) concerned: bool,
    /// Continues the exchange with the next defect inwards, or with the service.
    pub(super) next: &'a dyn Fn(&Request<Bytes>) -> Delivery,
    pub(super) system: &'a dyn Fn() -> Timestamp,
    pub(super) changed: Cell<bool>,
}

impl Scene<'_> {
    /// The answer without this defect.
    pub(super) fn usual(&self) -> Delivery {
        (self.next)(self.request)
    }

    /// Records that the defect changed this exchange.
    pub(super) fn mark(&self) {
        self.changed.set(true);
    }

    /// Answers with a refusal in place of the service.
    pub(super) fn refuse(&self, problem: &Problem) -> Delivery {
        self.mark();
        let head = self.request.clone().map(drop);
        Delivery::Answer(self.service.refuse(&head, problem))
    }

    /// Edits the usual answer, and marks the exchange if that changed it.
    pub(super) fn edited(&self, edit: impl FnOnce(&mut Reply)) -> Delivery {
        self.edit(self.usual(), edit)
    }

    /// Edits an answer, and marks the exchange if that changed it.
    pub(super) fn edit(&self, delivery: Delivery, edit: impl FnOnce(&mut Reply)) -> Delivery {
        delivery.map(|mut reply| {
            let before = reply.clone();
            edit(&mut reply);
            if !is_same(&before, &reply) {
                self.mark();
            }
            reply
        })
    }

    /// Edits the body of a success.
    pub(super) fn granted(&self, edit: impl FnOnce(&mut Value)) -> Delivery {
        self.edited(|reply| {
            if is_granted(reply) {
                edit_json(reply, edit);
            }
        })
    }

    /// Asks the service a rewritten request on the side; its answer is for the defect alone.
    /// `None` where no answer comes.
    pub(super) fn ask(&self, rewrite: impl FnOnce(&mut Question<'_>)) -> Option<Reply> {
        let mut question = Question::of(self.request, self.service);
        rewrite(&mut question);
        let asked = question.into_request(self.request);
        match (self.next)(asked.as_ref().unwrap_or(self.request)) {
            Delivery::Answer(reply) => Some(reply),
            _ => None,
        }
    }

    /// Runs the request in the engine and changes what it wrote, in one step.
    pub(super) fn amended(&self, amend: fn(&mut Written<'_, '_>)) -> Delivery {
        self.mark();
        let mut run = |engine: &mut Engine, handler, call: &Call<'_>, now| {
            let amend = |_, written: &mut Written<'_, '_>| amend(written);
            written::run(engine, (handler, call, now), &[self.memory], &amend).0
        };
        Delivery::Answer(self.service.answer_by(self.request, self.system, &mut run))
    }

    /// Answers this request with the answer to another one.
    pub(super) fn pass_off(&self, request: &Request<Bytes>) -> Delivery {
        self.mark();
        (self.next)(request)
    }

    /// Answers with the service's reply to the rewritten request, and marks the exchange if
    /// that makes a difference.
    pub(super) fn rewritten(&self, rewrite: impl FnOnce(&mut Question<'_>)) -> Delivery {
        let mut question = Question::of(self.request, self.service);
        rewrite(&mut question);
        let Some(asked) = question.into_request(self.request) else {
            return self.usual();
        };
        let writes = self.service.writes(self.request);
        let delivery = (self.next)(&asked).map(|mut reply| {
            edit_json(&mut reply, |body| relink(body, self.request));
            reply
        });
        // A read is asked again for comparison. A write is not: it would happen twice.
        let is_as_usual = !writes
            && match (&delivery, self.usual()) {
                (Delivery::Answer(rewritten), Delivery::Answer(usual)) => {
                    is_same(rewritten, &usual)
                }
                _ => false,
            };
        if !is_as_usual {
            self.mark();
        }
        delivery
    }
}

/// Edits a JSON body. The bytes stay as they are if the body is not JSON or the edit changes
/// nothing.
pub(super) fn edit_json(reply: &mut Reply, edit: impl FnOnce(&mut Value)) {
    let Ok(mut body) = serde_json::from_slice::<Value>(reply.response.body()) else {
        return;
    };
    let before = body.to_string();
    edit(&mut body);
    let after = body.to_string();
    if after != before {
        *reply.response.body_mut() = after.into();
    }
}

/// Returns `true` for a success, which a 208 does not count as here.
pub(super) fn is_granted(reply: &Reply) -> bool {
    reply.response.status().is_success() && reply.response.status() != 208
}

pub(super) fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The body of an answer as JSON; null if it is not JSON.
pub(super) fn json_of(reply: &Reply) -> Value {
    serde_json::from_slice(reply.response.body()).unwrap_or_default()
}

pub(super) fn is_json(reply: &Reply) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(reply.response.body()).is_ok()
}

fn is_same(one: &Reply, other: &Reply) -> bool {
    let rest = |reply: &Reply| {
        let mut headers = reply.response.headers().clone();
        headers.remove(DEFECT_HEADER);
        (reply.response.status(), headers)
    };
    rest(one) == rest(other) && one.response.body() == other.response.body()
}

/// Replaces the body of an answer, and adjusts its `Content-Length` if it has one.
pub(super) fn set_body(reply: &mut Reply, body: impl Into<Bytes>) {
    let body = body.into();
    let headers = reply.response.headers_mut();
    if headers.contains_key(CONTENT_LENGTH) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    *reply.response.body_mut() = body;
}
