//! Defects of two concurrent requests about one stock. A single request is answered as usual,
//! only a moment later.

use super::creates::accept_duplicate;
use super::delivery::Delivery;
use super::effect::Effect::Overlap;
use super::effect::{Defect, defect};
use super::operations::{CREATE, DECREASE, INCREASE, RESERVE, UPSERT};
use super::scene::Scene;
use crate::engine::Reply;
use crate::problem::Problem;

#[rustfmt::skip]
pub(super) const ROWS: &[Defect] = &[
    defect("overlapping-increases-count-once", INCREASE, Overlap(as_the_first), "Two increases at once count once: the update of one is lost."),
    defect("overlapping-decreases-count-once", DECREASE, Overlap(as_the_first), "Two decreases at once count once: the update of one is lost."),
    defect("overlapping-upserts-lose-one", UPSERT, Overlap(as_the_first), "Of two upserts at once one is lost."),
    defect("overlapping-creates-both-succeed", CREATE, Overlap(twice), "Two creates of the same stock at once are both granted."),
    defect("overlapping-reservations-fail", RESERVE, Overlap(|s, _| s.refuse(&Problem::ServerError)), "Of two reservations at once one answers 500."),
    defect("overlapping-creates-fail", CREATE, Overlap(|s, _| s.refuse(&Problem::ServerError)), "Of two creates of the same stock at once one answers 500."),
];

fn as_the_first(_: &Scene<'_>, first: &Reply) -> Delivery {
    Delivery::Answer(first.clone())
}

fn twice(scene: &Scene<'_>, _: &Reply) -> Delivery {
    scene.amended(accept_duplicate)
}
