//! One defect against the suite: a run at the defaults of the command, in process.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use whippy_conformance::contract::Contract;
use whippy_conformance::model::finding::Level;
use whippy_conformance::model::outcome::{CheckReport, Outcome};
use whippy_conformance::run::catalogue::{self, Check};
use whippy_conformance::run::run;
use whippy_conformance::transport::target::{InProcess, Target};
use whippy_engine::backend::Seed;
use whippy_engine::defects::derived::{self, DERIVED};
use whippy_engine::defects::{Defect, Defects};
use whippy_engine::problem::Grade;

use super::session::Comparison;
use super::setup;

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
        let (contract, seed) = (Arc::new(contract), setup::seed()?);
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
        let made = || Comparison::new(&self.seed, &self.contract, &self.checks).ok();
        let comparison = self.comparison.get_or_init(made);
        comparison
            .as_ref()
            .is_some_and(|comparison| comparison.is_same(defect))
    }

    /// Runs the suite until a finding decides the verdict.
    fn run(&self, defects: Defects, is_enough: Outcome) -> Seen {
        let target = InProcess::new(self.seed.clone()).with_defects(defects);
        let target: Arc<dyn Target> = Arc::new(target);
        let mut session = setup::session(target, &self.contract);
        // If even this fails, the session has no places of its own.
        let _ = setup::settle(&mut session);
        let options = setup::options(Level::Must);
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
