//! What a defect does to an exchange: the kinds of effect, and the scene they act in.
//!
//! A kind is as general as its rows need and no more; what is peculiar to a defect
//! stands in its row, as a closure over what [`super::edit`] and the scene offer.

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

/// What goes wrong.
#[derive(Clone, Copy)]
pub(super) enum Effect {
    /// The request is taken for another one. The links of a page stay those of the
    /// request that came.
    Hear(fn(&mut Question<'_>)),
    /// These query parameters are passed over.
    Ignore(&'static [&'static str]),
    /// A filter compares with a value so much greater than the one that came, in units
    /// or in microseconds.
    Shift(&'static str, i64),
    /// One status stands where another belongs.
    Status(u16, u16),
    /// The head of the answer is another.
    Head(fn(&mut Response<Bytes>)),
    /// Each row of a granted answer is shown otherwise: of a page, of a query, or the
    /// object itself where it is the whole body.
    Row(fn(&mut Object)),
    /// The same, with a look at the world.
    RowOf(fn(&Store, &mut Object)),
    /// The body of a granted answer is another.
    Body(fn(&mut Value)),
    /// The body of a refusal or of a 208 is another.
    Refusal(fn(&mut Value)),
    /// A refusal that has this key has another status.
    Refused(&'static str, u16),
    /// The bytes of a JSON body are others.
    Bytes(fn(&mut Vec<u8>)),
    /// What a request wrote is written otherwise, in the same breath.
    Amend(fn(&mut Written<'_, '_>)),
    /// What a request wrote is shown so from then on, wherever it is shown.
    Stick(fn(&mut Object)),
    /// Two requests about the same stock that are in flight at once: the second is
    /// answered by this, from the answer to the first.
    Overlap(fn(&Scene<'_>, &Reply) -> Delivery),
    /// The whole exchange goes another way.
    Take(fn(&Scene<'_>) -> Delivery),
    /// Only every so many times.
    Every(u64, &'static Effect),
    /// A way to go wrong at a site of the contract.
    Derived(&'static dyn Way),
}

/// One exchange, as one defect sees it.
pub(super) struct Scene<'a> {
    /// The service behind all defects.
    pub(super) service: &'a dyn Backend,
    /// What came.
    pub(super) request: &'a Request<Bytes>,
    /// The operation that it means.
    pub(super) operation: &'static str,
    /// What the defect has kept.
    pub(super) memory: &'a Memory,
    /// Whether the defect acts on this operation.
    pub(super) concerned: bool,
    /// The exchange without this defect.
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
            // They act beside the engine, in `amend`.
            Self::Amend(_) | Self::Stick(_) => scene.usual(),
        }
    }

    /// Acts on what a request wrote.
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

    /// Whether a request may be held back until another comes.
    pub(super) fn holds(&self) -> bool {
        matches!(self, Self::Overlap(_))
    }
}

impl Scene<'_> {
    /// The answer without this defect.
    pub(super) fn usual(&self) -> Delivery {
        (self.next)(self.request)
    }

    /// Keeps that the defect had its hand in the exchange.
    pub(super) fn mark(&self) {
        self.changed.set(true);
    }

    /// A refusal in place of an answer.
    pub(super) fn refuse(&self, problem: &Problem) -> Delivery {
        self.mark();
        let head = self.request.clone().map(drop);
        Delivery::Answer(self.service.refuse(&head, problem))
    }

    /// The usual answer, edited.
    pub(super) fn edited(&self, edit: impl FnOnce(&mut Reply)) -> Delivery {
        self.edit(self.usual(), edit)
    }

    /// An answer, edited.
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

    /// What the answer to another question would be, which nobody sees.
    pub(super) fn ask(&self, hear: impl FnOnce(&mut Question<'_>)) -> Option<Reply> {
        let mut question = Question::of(self.request, self.service);
        hear(&mut question);
        let asked = question.into_request(self.request);
        match (self.next)(asked.as_ref().unwrap_or(self.request)) {
            Delivery::Answer(reply) => Some(reply),
            _ => None,
        }
    }

    /// The engine's own answer, once what it wrote is written otherwise.
    pub(super) fn amended(&self, amend: fn(&mut Written<'_, '_>)) -> Delivery {
        self.mark();
        let effects = [(&Effect::Amend(amend), self.memory)];
        let mut run = |engine: &mut Engine, handler, call: &Call<'_>, now| {
            written::run(engine, (handler, call, now), &effects).0
        };
        Delivery::Answer(self.service.answer_by(self.request, self.system, &mut run))
    }

    /// The answer to another request, as the answer to this one.
    pub(super) fn pass_off(&self, request: &Request<Bytes>) -> Delivery {
        self.mark();
        (self.next)(request)
    }

    /// The answer to what the request is taken for.
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
        // Only what writes cannot be asked twice.
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

/// Edits a JSON body. One that is none, or that the edit leaves as it is, keeps its
/// bytes.
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

/// Whether an answer is none of the refusals, among which the 208 counts here.
pub(super) fn is_granted(reply: &Reply) -> bool {
    reply.response.status().is_success() && reply.response.status() != 208
}

pub(super) fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The JSON of an answer; null where it has none.
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

/// Shows otherwise what was written under the defect.
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

/// Gives an answer another body; what the head says of its length goes with it.
pub(super) fn set_body(reply: &mut Reply, body: impl Into<Bytes>) {
    let body = body.into();
    let headers = reply.response.headers_mut();
    if headers.contains_key(CONTENT_LENGTH) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    *reply.response.body_mut() = body;
}
