//! A defect, and the kinds of effect that it has on an exchange.
//!
//! A kind is as general as its rows need and no more. The details of one defect stand in its
//! row, as a closure over the functions of [`super::edit`] and of the scene.

use std::fmt;

use bytes::Bytes;
use http::Response;
use serde_json::Value;

use super::delivery::Delivery;
use super::edit::{Object, rows};
use super::pairing::overlapped;
use super::question::Question;
use super::scene::{Scene, edit_json, is_granted, is_json, json_of, status};
use super::written::Written;
use crate::engine::Reply;
use crate::store::Store;

/// One way to break the contract.
#[derive(Clone, Copy)]
pub struct Defect {
    /// The name on the command line.
    pub name: &'static str,
    /// The deviation in one sentence.
    pub about: &'static str,
    /// The ids of the operations that the defect acts on, as in `openapi.json`; empty for all.
    pub operations: &'static [&'static str],
    pub(super) effect: Effect,
}

impl fmt::Debug for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A row of the tables.
pub(super) const fn defect(
    name: &'static str,
    operations: &'static [&'static str],
    effect: Effect,
    about: &'static str,
) -> Defect {
    Defect {
        name,
        about,
        operations,
        effect,
    }
}

impl Defect {
    /// Returns `true` if the defect acts on an operation.
    pub fn concerns(&self, operation: &str) -> bool {
        self.operations.is_empty() || self.operations.contains(&operation)
    }
}

/// One kind of deviation.
#[derive(Clone, Copy)]
pub(super) enum Effect {
    /// Rewrites the request before the service sees it. The links of a page are still those of
    /// the original request.
    Rewrite(fn(&mut Question<'_>)),
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
    Persistent(fn(&mut Object)),
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

/// One way to break the contract at a site.
pub(super) trait Way: Send + Sync {
    /// Answers a request of the operation.
    fn answer(&self, scene: &Scene<'_>) -> Delivery {
        scene.usual()
    }

    /// Changes what a request of the operation wrote.
    fn amend(&self, _written: &mut Written<'_, '_>) {}
}

impl Effect {
    /// Answers a request.
    pub(super) fn answer(&self, scene: &Scene<'_>) -> Delivery {
        if let Self::Persistent(show) = self {
            return scene.edited(|reply| persist(scene, reply, *show));
        }
        if !scene.concerned {
            return scene.usual();
        }
        match *self {
            Self::Rewrite(rewrite) => scene.rewritten(rewrite),
            Self::Ignore(names) => scene.rewritten(|question| question.drop(names)),
            Self::Shift(name, by) => scene.rewritten(|question| question.shift(name, by)),
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
            Self::Overlap(second) => overlapped(scene, second),
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
            Self::Amend(_) | Self::Persistent(_) => scene.usual(),
        }
    }

    /// Changes what a request wrote, for the effects that act on the store.
    pub(super) fn amend(&self, written: &mut Written<'_, '_>) {
        match self {
            Self::Amend(amend) => amend(written),
            Self::Derived(way) => way.amend(written),
            Self::Persistent(_) if written.is_granted() => {
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

/// Edits the rows of those stocks that were written under the defect.
fn persist(scene: &Scene<'_>, reply: &mut Reply, show: fn(&mut Object)) {
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
