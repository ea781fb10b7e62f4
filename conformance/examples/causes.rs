//! Measures how well a run reports each cause once: the checks that still judge a service with one
//! defect, the causes reported for it, and the number of several concurrent defects that stay
//! visible.
//!
//! ```text
//! cargo run --package whippy-conformance --example causes [-- --every N] [--show]
//! ```
//!
//! The sample is fixed: every N-th defect of the table (7 by default), and combinations of two to
//! five that a fixed seed draws from all of them.

#![allow(clippy::print_stdout)] // It is a command.

#[path = "survivors/setup.rs"]
mod setup;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use whippy_conformance::contract::Contract;
use whippy_conformance::model::cause::Cause;
use whippy_conformance::model::finding::Level;
use whippy_conformance::model::outcome::{CheckReport, Outcome};
use whippy_conformance::run::catalogue::{self, Check};
use whippy_conformance::run::causes;
use whippy_conformance::run::run;
use whippy_conformance::transport::target::InProcess;
use whippy_conformance::workers::spread;
use whippy_engine::defects::{DEFECTS, Defect, Defects};

/// The number of combinations of each size.
const COMBINATIONS: usize = 15;

/// A run against a broken service.
struct Run {
    names: Vec<&'static str>,
    checks: Vec<CheckReport>,
    causes: Vec<Cause>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let every = arguments
        .iter()
        .position(|argument| argument == "--every")
        .and_then(|at| arguments.get(at + 1)?.parse().ok())
        .unwrap_or(7);
    let is_shown = arguments.iter().any(|argument| argument == "--show");
    let named: Vec<&'static Defect> = DEFECTS
        .iter()
        .filter(|defect| arguments.iter().any(|argument| argument == defect.name))
        .collect();
    let checks = catalogue::built_in(&contract()).unwrap_or_default();
    let whole = judged(&against(&checks, &[]).checks);
    let singles: Vec<Vec<&'static Defect>> = if named.is_empty() {
        DEFECTS
            .iter()
            .step_by(every)
            .map(|defect| vec![defect])
            .collect()
    } else {
        vec![named]
    };
    let runs = all(&checks, &singles);
    if is_shown {
        for run in &runs {
            show(run, &whole);
        }
    }
    tell_singles(&runs, &whole);
    if singles.len() > 1 {
        tell_combinations(&checks);
    }
}

fn contract() -> Arc<Contract> {
    Arc::new(Contract::embedded().unwrap_or_else(|why| unreachable!("{why}")))
}

fn all(checks: &[Check], samples: &[Vec<&'static Defect>]) -> Vec<Run> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    spread(threads, samples, |defects| against(checks, defects))
}

/// Runs all checks in process against the engine with these defects.
fn against(checks: &[Check], defects: &[&'static Defect]) -> Run {
    let seed = setup::seed().unwrap_or_else(|why| unreachable!("{why}"));
    let target = InProcess::new(seed).with_defects(Defects::new(defects.iter().copied()));
    let mut session = setup::session(Arc::new(target), &contract());
    // The figures are those of a run that does not wait.
    session.patience = Duration::ZERO;
    // If even this fails, the session has no places of its own.
    let _ = setup::settle(&mut session);
    let options = setup::options(Level::Should);
    let never = AtomicBool::new(false);
    let mut reports = run(&session, checks, &|_| true, &options, &never, &|_| {}).checks;
    let causes = causes::group(&mut reports);
    Run {
        names: defects.iter().map(|defect| defect.name).collect(),
        checks: reports,
        causes,
    }
}

/// Returns the ids of the checks that tell about the target.
fn judged(checks: &[CheckReport]) -> BTreeSet<String> {
    let says = |check: &&CheckReport| {
        matches!(
            check.outcome,
            Outcome::Pass | Outcome::Fail | Outcome::Warn | Outcome::Info | Outcome::Flaky
        )
    };
    checks
        .iter()
        .filter(says)
        .map(|check| check.id.clone())
        .collect()
}

/// Returns the share, in per cent, of the checks that judge a correct service.
fn still_judged(run: &Run, whole: &BTreeSet<String>) -> f64 {
    let left = judged(&run.checks).intersection(whole).count();
    percent(left, whole.len())
}

#[allow(clippy::cast_precision_loss)] // A few hundred.
fn percent(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

fn show(run: &Run, whole: &BTreeSet<String>) {
    println!(
        "{}: {:.1} % judged, {} causes",
        run.names.join(" + "),
        still_judged(run, whole),
        run.causes.len()
    );
    for cause in &run.causes {
        println!(
            "    {} {} [{} checks, {} blocked] {}",
            cause.level,
            cause.id,
            cause.checks.len(),
            cause.blocked.len(),
            cause
                .summary
                .chars()
                .take(110)
                .collect::<String>()
                .replace('\n', " ")
        );
    }
}

#[allow(clippy::cast_precision_loss)] // A few hundred.
fn tell_singles(runs: &[Run], whole: &BTreeSet<String>) {
    let shares: Vec<f64> = runs.iter().map(|run| still_judged(run, whole)).collect();
    let mean = shares.iter().sum::<f64>() / shares.len() as f64;
    let worst = runs
        .iter()
        .min_by(|a, b| still_judged(a, whole).total_cmp(&still_judged(b, whole)));
    let mut counts: Vec<usize> = runs.iter().map(|run| run.causes.len()).collect();
    counts.sort_unstable();
    let none = counts.iter().filter(|count| **count == 0).count();
    println!("single defects            {}", runs.len());
    println!("checks of a sound service {}", whole.len());
    println!("still judged, mean        {mean:.1} %");
    if let Some(worst) = worst {
        let share = still_judged(worst, whole);
        println!(
            "still judged, worst       {share:.1} % ({})",
            worst.names.join(" + ")
        );
    }
    println!("causes told, median       {}", counts[counts.len() / 2]);
    println!("causes told, most         {}", counts[counts.len() - 1]);
    println!("defects without a cause   {none}");
}

fn tell_combinations(checks: &[Check]) {
    let mut random = Random(0x5eed);
    let mut samples: Vec<Vec<&'static Defect>> = Vec::new();
    for size in 2..=5 {
        for _ in 0..COMBINATIONS {
            let mut sample: Vec<&'static Defect> = Vec::new();
            while sample.len() < size {
                let drawn = &DEFECTS[random.below(DEFECTS.len())];
                if sample.iter().all(|defect| defect.name != drawn.name) {
                    sample.push(drawn);
                }
            }
            samples.push(sample);
        }
    }
    let mut alone: Vec<Vec<&'static Defect>> = Vec::new();
    for defect in samples.iter().flatten() {
        if alone.iter().all(|known| known[0].name != defect.name) {
            alone.push(vec![*defect]);
        }
    }
    let alone: BTreeMap<&str, BTreeSet<String>> = all(checks, &alone)
        .iter()
        .map(|run| (run.names[0], differences(run)))
        .collect();
    let (mut planted, mut visible) = (0, 0);
    for run in all(checks, &samples) {
        let told = differences(&run);
        for name in &run.names {
            planted += 1;
            if is_visible(name, &run.names, &alone, &told) {
                visible += 1;
            } else {
                println!("hidden: {name} in {}", run.names.join(" + "));
            }
        }
    }
    println!("combinations              {}", samples.len());
    println!(
        "defects still visible     {visible} of {planted}, {:.1} %",
        percent(visible, planted)
    );
}

/// Returns `true` if a defect is visible: the run reports one of the differences that this defect
/// shows by itself. Differences that other defects show too count only where it has no others.
fn is_visible(
    name: &str,
    names: &[&'static str],
    alone: &BTreeMap<&str, BTreeSet<String>>,
    told: &BTreeSet<String>,
) -> bool {
    let own = &alone[name];
    let others: BTreeSet<&String> = names
        .iter()
        .filter(|other| **other != name)
        .flat_map(|other| &alone[other])
        .collect();
    let mut distinct = own.iter().filter(|id| !others.contains(id)).peekable();
    if distinct.peek().is_some() {
        distinct.any(|id| told.contains(id))
    } else {
        own.iter().any(|id| told.contains(id))
    }
}

fn differences(run: &Run) -> BTreeSet<String> {
    let causes = run.causes.iter();
    causes.flat_map(|cause| cause.differences.clone()).collect()
}

/// A linear congruential generator.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap_or_default() % bound
    }
}
