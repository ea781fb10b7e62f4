//! The common helpers between tests and runner.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use whippy_conformance::cases::probe::{Exploration, Session};
use whippy_conformance::contract::Contract;
use whippy_conformance::model::finding::Level;
use whippy_conformance::model::outcome::{CheckReport, Outcome, Safety};
use whippy_conformance::run::catalogue::{self, Check};
use whippy_conformance::run::discovery::{self, PlaceOptions};
use whippy_conformance::run::{Options, Ran, run};
use whippy_conformance::transport::target::{InProcess, Target};
use whippy_engine::assets;
use whippy_engine::backend::Seed;
use whippy_engine::clock::ClockMode;
use whippy_engine::endpoints::call::Settings;
use whippy_engine::profile::Profile;
use whippy_engine::store::Store;
use whippy_engine::store::world::World;

/// The one token and the one user that the engines of the tests accept, so that others are refused.
pub(crate) const TOKEN: &str = "f532e0000000000000000000000000000009332d";
const USER: (&str, &str) = ("someone", "something");

/// Requests of the exploration: fewer than by default, since tests run whole suites.
const EXPLORATION: u64 = 60;

/// The result of a run against a target.
pub(crate) struct Outcomes {
    pub(crate) ran: Ran,
}

pub(crate) fn options() -> Options {
    Options {
        mode: Safety::Write,
        level: Level::Should,
        jobs: 1,
        retries: 0,
        may_seed: true,
    }
}

/// Runs all built-in checks against a target.
pub(crate) fn run_all(target: Arc<dyn Target>, options: &Options) -> Outcomes {
    run_selected(target, options, &|_| true)
}

/// Runs the selected built-in checks, and those that they depend on.
pub(crate) fn run_selected(
    target: Arc<dyn Target>,
    options: &Options,
    selected: &(dyn Fn(&Check) -> bool + Sync),
) -> Outcomes {
    let contract = Contract::embedded().unwrap();
    let checks = catalogue::built_in(&contract).unwrap();
    run_checks(target, contract, &checks, options, selected)
}

pub(crate) fn run_checks(
    target: Arc<dyn Target>,
    contract: Contract,
    checks: &[Check],
    options: &Options,
    selected: &(dyn Fn(&Check) -> bool + Sync),
) -> Outcomes {
    let mut session = Session::new(target, contract);
    session.token = Some(TOKEN.to_owned());
    session.patience = std::time::Duration::from_secs(6);
    session.exploration = Exploration::of(EXPLORATION);
    session.environment.set("username", USER.0);
    session.environment.set("password", USER.1);
    let places = PlaceOptions {
        create_places: options.mode == Safety::Write,
        ..PlaceOptions::default()
    };
    // If even this fails, the session has no places of its own.
    let _ = discovery::settle(&mut session, &places);
    let ran = run(
        &session,
        checks,
        selected,
        options,
        &AtomicBool::new(false),
        &|_| {},
    );
    Outcomes { ran }
}

impl Outcomes {
    /// Returns the checks without a clean result, as lines.
    pub(crate) fn unclean(&self) -> Vec<String> {
        let unclean = self.ran.checks.iter().filter(|check| {
            !matches!(
                check.outcome,
                Outcome::Pass | Outcome::Info | Outcome::Unsupported
            )
        });
        unclean.map(line).collect()
    }
}

pub(crate) fn line(check: &CheckReport) -> String {
    let why = check
        .findings
        .iter()
        .map(|finding| {
            let row = finding.row.as_deref().unwrap_or_default();
            format!("[{}] {row} {}", finding.level, finding.summary)
        })
        .chain(check.reason.clone())
        .collect::<Vec<_>>();
    format!("{} {}: {}", check.outcome.text(), check.id, why.join("; "))
}

/// Creates the engine of a built-in world.
pub(crate) fn engine(world: &str, profile: Profile) -> InProcess {
    let world = World::from_json(assets::world(world).unwrap().as_bytes()).unwrap();
    InProcess::new(Seed {
        settings: Settings {
            profile,
            tokens: vec![TOKEN.to_owned()],
            credentials: Some((USER.0.to_owned(), USER.1.to_owned())),
            ..Settings::default()
        },
        store: Store::load(&world).unwrap(),
        clock: ClockMode::Real,
    })
}

pub(crate) fn in_process(world: &str) -> Arc<dyn Target> {
    Arc::new(engine(world, Profile::default()))
}
