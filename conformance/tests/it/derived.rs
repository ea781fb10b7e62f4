//! A sample of the defects that are derived from the contract. All of them are judged by
//! `cargo run --release -p whippy-conformance --example survivors`.

#[path = "../../examples/survivors/judge.rs"]
mod judge;
#[path = "../../examples/survivors/session.rs"]
mod session;
#[path = "../../examples/survivors/setup.rs"]
mod setup;

use judge::{Judge, Seen};
use whippy_engine::defects::derived::DERIVED;
use whippy_engine::problem::Grade;

/// The step through the defects: one in this many is judged, which takes a few seconds for two
/// dozen.
const EVERY: usize = 331;

/// The share of the sample that must be noticed at least, per cent.
const FLOOR: usize = 85;

#[test]
fn a_sound_service_is_not_blamed() {
    assert_eq!(Judge::new().unwrap().see_nothing(), Seen::Missed);
}

#[test]
fn most_of_a_sample_of_the_derived_defects_are_noticed() {
    let judge = Judge::new().unwrap();
    let is_judged = |at: &usize| DERIVED[*at].statement.grade != Grade::Observed;
    let sample = (0..DERIVED.len()).step_by(EVERY).filter(is_judged);
    let seen: Vec<_> = sample.map(|at| (at, judge.see(at))).collect();
    let noticed = seen
        .iter()
        .filter(|(_, seen)| matches!(seen, Seen::Caught | Seen::Noticed))
        .count();
    let words: Vec<_> = seen
        .iter()
        .map(|(at, seen)| format!("{} {}", seen.word(), DERIVED[*at].name))
        .collect();
    assert!(noticed * 100 >= seen.len() * FLOOR, "{words:#?}");
}
