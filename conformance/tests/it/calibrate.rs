//! Calibration finds the readings of a target, whatever they are, and a mock with the same readings
//! shows no difference.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use whippy_conformance::cases::probe::Session;
use whippy_conformance::contract::Contract;
use whippy_conformance::explore::calibrate::{Calibrated, calibrate};
use whippy_conformance::explore::{Options, explore};
use whippy_conformance::run::catalogue;
use whippy_conformance::run::detection::detectors;
use whippy_conformance::run::discovery::{self, PlaceOptions};
use whippy_conformance::transport::target::Target;
use whippy_conformance::workers::spread;
use whippy_engine::profile::{Profile, Reading};

use crate::explore::{choices, options, random_profiles, session, unaided};
use crate::support::{self, TOKEN};

fn calibrated(session: &Session, may_write: bool) -> Calibrated {
    let checks = catalogue::built_in(&Contract::embedded().unwrap()).unwrap();
    let stop = AtomicBool::new(false);
    calibrate(session, &detectors(&checks), may_write, &stop, &|_| {})
}

fn under(profile: &Profile) -> Arc<dyn Target> {
    Arc::new(support::engine("demo", profile.clone()))
}

/// Returns `true` for a reading that makes no difference under a profile, in a world of a few
/// hundred stocks.
fn cannot_tell(profile: &Profile, reading: Reading) -> bool {
    match reading {
        // With one stock at each place there are never two.
        Reading::ReservationRow => profile.choice(Reading::StockIdentity) == "place",
        // Nothing is deducted from the salable quantity, so it equals the stock.
        Reading::ActiveQuantity => profile.choice(Reading::Salable) == "stock",
        // There are fewer stocks than that.
        Reading::PageLimit => profile.page_limit >= 330,
        Reading::PageSize => profile.page_size >= 330,
        _ => false,
    }
}

/// Fails the test unless every reading is found correctly, or reported as impossible to find.
#[track_caller]
fn is_right(profile: &Profile, calibrated: &Calibrated) {
    for known in &calibrated.readings {
        let (id, choice) = (known.reading.id(), profile.choice(known.reading));
        if cannot_tell(profile, known.reading) {
            assert!(known.why.is_some(), "{id}: {known:?}");
            continue;
        }
        assert_eq!(
            known.decided(),
            Some(choice.as_str()),
            "{id}: {known:#?}\n{}",
            profile.to_toml()
        );
        assert!(!known.evidence.is_empty(), "{id}");
    }
}

#[test]
fn every_choice_of_every_reading_is_found_out() {
    let all: Vec<(Reading, String)> = Reading::ALL
        .iter()
        .flat_map(|reading| {
            choices(*reading)
                .into_iter()
                .map(|choice| (*reading, choice))
        })
        .collect();
    let requests = spread(2, &all, |(reading, choice)| {
        let mut profile = Profile::default();
        profile.set(reading.id(), choice).unwrap();
        let calibrated = calibrated(&session(under(&profile)), true);
        is_right(&profile, &calibrated);
        calibrated.requests
    });
    let most = requests.iter().max();
    println!("{} targets, at most {most:?} requests each", all.len());
    assert!(most < Some(&200), "{most:?}");
}

#[test]
fn random_profiles_are_found_out_and_the_loop_is_closed() {
    spread(2, &random_profiles(24), |profile| {
        let target = under(profile);
        let session = session(target);
        let calibrated = calibrated(&session, true);
        is_right(profile, &calibrated);

        // Read back as a whippy-mock would.
        let mut read = Profile::default();
        let toml = calibrated.to_toml("http://localhost", "now");
        read.apply_toml(&toml).unwrap();
        assert_eq!(read, calibrated.profile(), "{toml}");
        let options = Options {
            profile: read,
            held: Reading::ALL.to_vec(),
            ..options(5_000)
        };
        let stop = AtomicBool::new(false);
        let explored = explore(&session, &options, unaided(&stop)).unwrap();
        let found: Vec<_> = explored
            .differences
            .iter()
            .map(|found| (&found.difference.summary, &found.difference.rule))
            .collect();
        assert!(found.is_empty(), "{found:#?}\n{}", profile.to_toml());
    });
}

#[test]
fn reading_alone_says_what_it_cannot_decide() {
    let target = support::in_process("demo");
    let mut session = Session::new(target, Contract::embedded().unwrap());
    session.token = Some(TOKEN.to_owned());
    discovery::settle(&mut session, &PlaceOptions::default()).unwrap();
    let calibrated = calibrated(&session, false);
    assert_eq!(calibrated.profile(), Profile::default());
    let decided = calibrated.decided();
    assert!(decided.contains(&Reading::PageSize), "{decided:?}");
    assert!(!decided.contains(&Reading::StockIdentity), "{decided:?}");
    let toml = calibrated.to_toml("http://localhost", "now");
    assert!(toml.contains("--write allows more"), "{toml}");
    assert!(toml.contains("\n# stock-identity = "), "{toml}");
}

#[test]
fn a_reading_that_is_not_decided_is_a_comment() {
    let mut profile = Profile::default();
    profile.set("already-reported", "never").unwrap();
    let mut session = Session::new(under(&profile), Contract::embedded().unwrap());
    session.token = Some(TOKEN.to_owned());
    // Every provider here accepts reservations, so two choices are left.
    discovery::settle(&mut session, &PlaceOptions::default()).unwrap();
    let calibrated = calibrated(&session, true);
    let toml = calibrated.to_toml("http://localhost", "now");
    assert!(!toml.contains("\nalready-reported = "), "{toml}");
    assert!(
        toml.contains("what was seen fits provider-opted-out and never; it needs --create-places"),
        "{toml}"
    );
    let mut read = Profile::default();
    read.apply_toml(&toml).unwrap();
    assert_eq!(read, calibrated.profile());
}

#[test]
fn an_empty_service_gets_stocks_enough_to_show_its_pages() {
    let session = session(support::in_process("empty"));
    let calibrated = calibrated(&session, true);
    let known = |reading: Reading| {
        let mut all = calibrated.readings.iter();
        all.find(|known| known.reading == reading).unwrap()
    };
    assert_eq!(known(Reading::PageSize).decided(), Some("10"));
    assert_eq!(known(Reading::PageLimit).decided(), None);
}
