//! Concurrent calls: an order is found for a correct service whatever its readings, and none for a
//! service that loses an update or counts a reservation twice.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rstest::rstest;
use whippy_conformance::explore::concurrent::{Concurrent, Options, concurrent, model::Rules};
use whippy_conformance::transport::target::Target;
use whippy_engine::defects::{Defects, named};
use whippy_engine::profile::{Profile, Reading};

use crate::explore::{choices, session, unaided};
use crate::support;

fn played(target: Arc<dyn Target>, clients: usize, requests: u64) -> Concurrent {
    let options = Options {
        seed: 1,
        clients,
        requests,
        micros: None,
        rules: Rules::all(),
    };
    let stop = AtomicBool::new(false);
    concurrent(&session(target), &options, unaided(&stop)).unwrap()
}

#[track_caller]
fn is_silent(what: &str, came: &Concurrent) {
    assert!(came.broken.is_none(), "{what}: {:#?}", came.broken);
    assert_eq!(came.undecided, 0, "{what}");
    assert_eq!(came.aborted, None, "{what}");
}

#[test]
fn a_sound_service_has_an_order_for_every_history() {
    for clients in [2, 4, 16] {
        let came = played(support::in_process("demo"), clients, 20_000);
        is_silent(&format!("{clients} clients"), &came);
        assert!(came.histories > 200, "{}", came.histories);
        // The rules of the mock are among those that explain its answers.
        let usual = Rules::of(&Profile::default());
        assert_eq!(came.rules, [usual], "{clients} clients");
    }
}

#[test]
fn no_choice_of_a_reading_is_without_an_order() {
    let readings = [
        Reading::AlreadyReported,
        Reading::DecreaseAtZero,
        Reading::ReservationWithoutStock,
        Reading::ReservationArguments,
        Reading::StockIdentity,
    ];
    for reading in readings {
        for choice in choices(reading) {
            let mut profile = Profile::default();
            profile.set(reading.id(), &choice).unwrap();
            let engine = support::engine("demo", profile);
            let came = played(Arc::new(engine), 4, 2_000);
            is_silent(&format!("{}={choice}", reading.id()), &came);
        }
    }
}

// A lost upsert of two concurrent ones cannot be noticed: it may have come first.
#[rstest]
#[case::lost_increase("overlapping-increases-count-once", "no order of")]
#[case::lost_decrease("overlapping-decreases-count-once", "no order of")]
#[case::created_twice("overlapping-creates-both-succeed", "no order of")]
#[case::failed_reservation("overlapping-reservations-fail", "answered 500")]
#[case::failed_create("overlapping-creates-fail", "answered 500")]
#[case::lost_always("increase-counts-nothing", "")]
fn a_broken_service_has_a_history_without_an_order(#[case] defect: &str, #[case] says: &str) {
    let broken = broken(defect).broken.expect(defect);
    assert!(broken.summary.contains(says), "{}", broken.summary);
    // The timing of calls differs from run to run. One round has 82 calls on each SKU.
    assert!(broken.history.len() < 20, "{}", broken.timeline);
    println!("{}\n{}", broken.summary, broken.timeline);
}

fn broken(defect: &str) -> Concurrent {
    let engine = support::engine("demo", Profile::default());
    let target = Arc::new(engine.with_defects(Defects::new([named(defect).unwrap()])));
    played(target, 4, 1_000)
}

/// Returns `true` if concurrent calls show a defect.
pub(crate) fn breaks(defect: &str) -> bool {
    broken(defect).broken.is_some()
}
