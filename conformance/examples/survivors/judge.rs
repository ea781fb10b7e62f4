//! One defect against the suite: a run at the defaults of the command, in process.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use whippy_conformance::cases::probe::Session;
use whippy_conformance::contract::Contract;
use whippy_conformance::model::finding::Level;
use whippy_conformance::model::outcome::{CheckReport, Outcome, Safety};
use whippy_conformance::run::catalogue::{self, Check};
use whippy_conformance::run::discovery::{self, Told};
use whippy_conformance::run::{Options, run};
use whippy_conformance::transport::target::{InProcess, Target};
use whippy_engine::assets;
use whippy_engine::backend::Seed;
use whippy_engine::clock::ClockMode;
use whippy_engine::defects::derived::{self, DERIVED};
use whippy_engine::defects::{Defect, Defects};
use whippy_engine::endpoints::call::Settings;
use whippy_engine::problem::Grade;
use whippy_engine::store::Store;
use whippy_engine::store::world::World;

use super::session::Comparison;

const TOKEN: &str = "f532e0000000000000000000000000000009332d";
const USER: (&str, &str) = ("someone", "something");

/// The suite's verdict on a defect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The run fails.
    Caught,
    /// The run warns.
    Noticed,
    /// The run does neither.
    Missed,
    /// No answer of a broad session differs from a correct one.
    Same,
}

impl Seen {
    /// Returns the printed word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Caught => "caught",
            Self::Noticed => "noticed",
            Self::Missed => "missed",
            Self::Same => "same",
        }
    }
}

/// Sets the places of a service, as a run gets them.
fn prepare(session: &mut Session) {
    session.token = Some(TOKEN.to_owned());
    session.environment.set("username", USER.0);
    session.environment.set("password", USER.1);
    session.patience = Duration::from_secs(6);
}

/// The suite, which is read once.
pub(crate) struct Judge {
    contract: Arc<Contract>,
    checks: Vec<Check>,
    seed: Seed,
    /// Made when the first survivor needs it.
    comparison: OnceLock<Option<Comparison>>,
}

impl Judge {
    /// Reads the suite and its world.
    pub(crate) fn new() -> Result<Self, Box<dyn Error>> {
        let contract = Contract::embedded()?;
        let checks = catalogue::built_in(&contract)?;
        let world = assets::world("demo").unwrap_or_default();
        let store = Store::load(&World::from_json(world.as_bytes())?)?;
        let contract = Arc::new(contract);
        let seed = Seed {
            settings: Settings {
                tokens: vec![TOKEN.to_owned()],
                credentials: Some((USER.0.to_owned(), USER.1.to_owned())),
                ..Settings::default()
            },
            store,
            clock: ClockMode::Real,
        };
        Ok(Self {
            contract,
            checks,
            seed,
            comparison: OnceLock::new(),
        })
    }

    /// Judges a service without a defect, which must not be noticed.
    pub(crate) fn see_nothing(&self) -> Seen {
        self.run(Defects::none(), Outcome::Warn)
    }

    /// Judges the defect at an index of the list.
    pub(crate) fn see(&self, at: usize) -> Seen {
        let defect = &derived::defects()[at];
        let is_enough = match DERIVED[at].statement.grade {
            Grade::Documented => Outcome::Fail,
            _ => Outcome::Warn,
        };
        match self.run(Defects::new([defect]), is_enough) {
            Seen::Missed if self.is_same(defect) => Seen::Same,
            seen => seen,
        }
    }

    /// Returns `true` if no answer of a broad session differs.
    fn is_same(&self, defect: &'static Defect) -> bool {
        let made = || Comparison::new(&self.seed, &self.contract, &self.checks, prepare).ok();
        let comparison = self.comparison.get_or_init(made);
        comparison
            .as_ref()
            .is_some_and(|comparison| comparison.is_same(defect))
    }

    /// Runs the suite until a finding decides the verdict.
    fn run(&self, defects: Defects, is_enough: Outcome) -> Seen {
        let target = InProcess::new(self.seed.clone()).with_defects(defects);
        let target: Arc<dyn Target> = Arc::new(target);
        let mut session = Session::new(target, Arc::clone(&self.contract));
        prepare(&mut session);
        let told = Told {
            create_places: true,
            ..Told::default()
        };
        // If even this fails, the session has no places of its own.
        let _ = discovery::settle(&mut session, &told);
        let options = Options {
            mode: Safety::Write,
            level: Level::Must,
            jobs: 1,
            retries: 0,
            may_seed: true,
        };
        let stop = AtomicBool::new(false);
        let tell = |report: &CheckReport| {
            if report.outcome == Outcome::Fail || report.outcome == is_enough {
                stop.store(true, Ordering::Relaxed);
            }
        };
        let ran = run(&session, &self.checks, &|_| true, &options, &stop, &tell);
        let has = |outcome| ran.checks.iter().any(|check| check.outcome == outcome);
        if has(Outcome::Fail) {
            Seen::Caught
        } else if has(Outcome::Warn) {
            Seen::Noticed
        } else {
            Seen::Missed
        }
    }
}
