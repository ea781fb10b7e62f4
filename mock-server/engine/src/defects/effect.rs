//! The kinds of effect that a defect has on an exchange, and the scene they act in.
//!
//! A kind is as general as its rows need and no more. The details of one defect stand in its
//! row, as a closure over the functions of [`super::edit`] and of the scene.

use std::cell::Cell;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Request, Response, StatusCode};
use serde_json::Value;

use super::derived::Way;
use super::edit::{Object, rows};
use super::memory::Memory;
use super::question::{Question, relink};
use super::written::{self, Written};
use super::{DEFECT_HEADER, Delivery};
use crate::backend::Backend;
use crate::endpoints::call::Call;
use crate::engine::{Engine, Reply};
use crate::model::time::Timestamp;
use crate::problem::Problem;
use crate::store::Store;

/// One kind of deviation.
#[derive(Clone, Copy)]
pub(super) enum Effect {
    /// Rewrites the request before the service sees it. The links of a page are still those of
    /// the original request.
    Hear(fn(&mut Question<'_>)),
    /// Removes these query parameters from the request.
    Ignore(&'static [&'static str]),
    /// Adds a number to the value of a filter: units of stock, or microseconds of a date.
    Shift(&'static str, i64),
    /// Replaces one status with another.
    Status(u16, u16),
    /// Edits status and headers of the answer.
    Head(fn(&mut Response<Bytes>)),
    /// Edits each row of a successful answer: of a page, of a query, or the object itself where
    /// it is the whole body.
    Row(fn(&mut Object)),
    /// Edits each row of a successful answer, with access to the world.
    RowOf(fn(&Store, &mut Object)),
    /// Edits the body of a successful answer.
    Body(fn(&mut Value)),
    /// Edits the body of a refusal or of a 208.
    Refusal(fn(&mut Value)),
    /// Changes the status of refusals whose body has this key.
    Refused(&'static str, u16),
    /// Edits the bytes of a JSON body.
    Bytes(fn(&mut Vec<u8>)),
    /// Changes what the request wrote, in the same step, before anybody can see it.
    Amend(fn(&mut Written<'_, '_>)),
    /// Edits each stock that a request wrote under this defect, in every later answer.
    Stick(fn(&mut Object)),
    /// Pairs two concurrent requests about the same stock: this function answers the second,
    /// given the answer to the first.
    Overlap(fn(&Scene<'_>, &Reply) -> Delivery),
    /// Handles the whole exchange.
    Take(fn(&Scene<'_>) -> Delivery),
    /// Applies an effect to every n-th request of an operation only.
    Every(u64, &'static Effect),
    /// A deviation that is derived from a site of the contract.
    Derived(&'static dyn Way),
}

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

impl Effect {
    /// Answers a request.
    pub(super) fn answer(&self, scene: &Scene<'_>) -> Delivery {
        if let Self::Stick(show) = self {
            return scene.edited(|reply| stick(scene, reply, *show));
        }
        if !scene.concerned {
            return scene.usual();
        }
        match *self {
            Self::Hear(hear) => scene.heard(hear),
            Self::Ignore(names) => scene.heard(|question| question.drop(names)),
            Self::Shift(name, by) => scene.heard(|question| question.shift(name, by)),
            Self::Status(from, to) => scene.edited(|reply| {
                if reply.response.status() == from {
                    *reply.response.status_mut() = status(to);
                }
            }),
            Self::Head(edit) => scene.edited(|reply| edit(&mut reply.response)),
            Self::Row(show) => scene.granted(|body| rows(body, show)),
            Self::RowOf(show) => {
                let delivery = scene.usual();
                let store = scene.service.store();
                scene.edit(delivery, |reply| {
                    if is_granted(reply) {
                        edit_json(reply, |body| rows(body, |row| show(&store, row)));
                    }
                })
            }
            Self::Body(edit) => scene.granted(edit),
            Self::Refusal(edit) => scene.edited(|reply| {
                if !is_granted(reply) {
                    edit_json(reply, edit);
                }
            }),
            Self::Refused(key, to) => scene.edited(|reply| {
                let body = json_of(reply);
                if !is_granted(reply) && body.get(key).is_some() {
                    *reply.response.status_mut() = status(to);
                }
            }),
            Self::Bytes(edit) => scene.edited(|reply| {
                if is_json(reply) && !reply.response.body().is_empty() {
                    let mut bytes = reply.response.body().to_vec();
                    edit(&mut bytes);
                    *reply.response.body_mut() = bytes.into();
                }
            }),
            Self::Overlap(second) => super::memory::overlapped(scene, second),
            Self::Take(take) => take(scene),
            Self::Every(times, effect) => {
                if scene.memory.count(scene.operation).is_multiple_of(times) {
                    effect.answer(scene)
                } else {
                    scene.usual()
                }
            }
            Self::Derived(way) => way.answer(scene),
            // These act beside the engine, in `amend`.
            Self::Amend(_) | Self::Stick(_) => scene.usual(),
        }
    }

    /// Changes what a request wrote, for the effects that act on the store.
    pub(super) fn amend(&self, written: &mut Written<'_, '_>) {
        match self {
            Self::Amend(amend) => amend(written),
            Self::Derived(way) => way.amend(written),
            Self::Stick(_) if written.is_granted() => {
                for row in written.changed() {
                    let id = written.store.stock(row).id;
                    written.memory.keep(id.to_string());
                }
            }
            _ => {}
        }
    }

    /// Returns `true` if a request may have to wait until another one arrives.
    pub(super) fn holds(&self) -> bool {
        matches!(self, Self::Overlap(_))
    }
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

    fn granted(&self, edit: impl FnOnce(&mut Value)) -> Delivery {
        self.edited(|reply| {
            if is_granted(reply) {
                edit_json(reply, edit);
            }
        })
    }

    /// Asks the service a rewritten request on the side; its answer is for the defect alone.
    /// `None` where no answer comes.
    pub(super) fn ask(&self, hear: impl FnOnce(&mut Question<'_>)) -> Option<Reply> {
        let mut question = Question::of(self.request, self.service);
        hear(&mut question);
        let asked = question.into_request(self.request);
        match (self.next)(asked.as_ref().unwrap_or(self.request)) {
            Delivery::Answer(reply) => Some(reply),
            _ => None,
        }
    }

    /// Runs the request in the engine and changes what it wrote, in one step.
    pub(super) fn amended(&self, amend: fn(&mut Written<'_, '_>)) -> Delivery {
        self.mark();
        let effects = [(&Effect::Amend(amend), self.memory)];
        let mut run = |engine: &mut Engine, handler, call: &Call<'_>, now| {
            written::run(engine, (handler, call, now), &effects).0
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
    pub(super) fn heard(&self, hear: impl FnOnce(&mut Question<'_>)) -> Delivery {
        let mut question = Question::of(self.request, self.service);
        hear(&mut question);
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
                (Delivery::Answer(heard), Delivery::Answer(usual)) => is_same(heard, &usual),
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

fn is_json(reply: &Reply) -> bool {
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

/// Edits the rows of those stocks that were written under the defect.
fn stick(scene: &Scene<'_>, reply: &mut Reply, show: fn(&mut Object)) {
    if !is_granted(reply) {
        return;
    }
    edit_json(reply, |body| {
        rows(body, |row| {
            let id = row.get("id").and_then(Value::as_i64);
            let is_stock = row.contains_key("reserved_stock");
            if is_stock && id.is_some_and(|id| scene.memory.has(&id.to_string())) {
                show(row);
            }
        });
    });
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
