//! The derived defects against the suite at its defaults: those caught, those noticed, and the
//! survivors.
//!
//! `cargo run --release -p whippy-conformance --example survivors -- [--every N] [--offset N]
//! [--only TEXT] [--write FILE]`

#![allow(clippy::print_stdout, clippy::print_stderr)] // A command's output.

mod judge;
mod session;
mod setup;

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;

use judge::{Judge, Seen};
use whippy_conformance::workers::{Stopwatch, spread};
use whippy_engine::defects::derived::{DERIVED, Derived};
use whippy_engine::problem::Grade;

/// The arguments of the command line.
struct Asked {
    every: usize,
    offset: usize,
    only: String,
    write: Option<String>,
    is_verbose: bool,
}

fn main() -> ExitCode {
    let asked = match asked() {
        Ok(asked) => asked,
        Err(why) => {
            eprintln!("survivors: {why}");
            return ExitCode::from(2);
        }
    };
    let judge = match Judge::new() {
        Ok(judge) => judge,
        Err(why) => {
            eprintln!("survivors: {why}");
            return ExitCode::from(3);
        }
    };
    if judge.see_nothing() != Seen::Missed {
        eprintln!("survivors: the suite has findings against a service without a defect");
        return ExitCode::from(1);
    }
    let watch = Stopwatch::start();
    let taken: Vec<(usize, &Derived)> = DERIVED
        .iter()
        .enumerate()
        .filter(|(at, derived)| {
            at % asked.every == asked.offset && derived.name.contains(&asked.only)
        })
        .collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let seen = spread(threads, &taken, |(at, derived)| {
        let seen = judge.see(*at);
        if asked.is_verbose {
            eprintln!("{} {}", seen.word(), derived.name);
        }
        seen
    });
    let results: Vec<(&Derived, Seen)> = taken
        .iter()
        .map(|(_, derived)| *derived)
        .zip(seen)
        .collect();
    let told = told(&results);
    println!("{told}");
    println!(
        "{} of {} in {} s",
        taken.len(),
        DERIVED.len(),
        watch.micros() / 1_000_000
    );
    if let Some(path) = asked.write
        && let Err(why) = std::fs::write(&path, told)
    {
        eprintln!("survivors: {path}: {why}");
        return ExitCode::from(3);
    }
    ExitCode::SUCCESS
}

fn asked() -> Result<Asked, Box<dyn Error>> {
    let mut asked = Asked {
        every: 1,
        offset: 0,
        only: String::new(),
        write: None,
        is_verbose: false,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} takes a value"));
        match argument.as_str() {
            "--every" => {
                let text = value()?;
                let every = text.parse().ok().filter(|every| *every > 0);
                asked.every = every.ok_or(format!("--every {text}: it takes a number from 1"))?;
            }
            "--offset" => {
                let text = value()?;
                let offset = text.parse().ok();
                asked.offset =
                    offset.ok_or(format!("--offset {text}: it takes a number from 0"))?;
            }
            "--only" => asked.only = value()?,
            "--write" => asked.write = Some(value()?),
            "--verbose" => asked.is_verbose = true,
            other => {
                return Err(format!(
                    "there is no `{other}`; there are --every, --offset, --only, --write and \
                     --verbose"
                )
                .into());
            }
        }
    }
    if asked.offset >= asked.every {
        return Err(format!(
            "--offset {}: it takes a number below --every, {}",
            asked.offset, asked.every
        )
        .into());
    }
    Ok(asked)
}

/// Formats the figures by grade, then the survivors by statement.
fn told(results: &[(&Derived, Seen)]) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    for grade in [Grade::Documented, Grade::Stack, Grade::Observed] {
        let of_grade: Vec<_> = results
            .iter()
            .filter(|(derived, _)| derived.statement.grade == grade)
            .collect();
        let count = |wanted: &[Seen]| {
            of_grade
                .iter()
                .filter(|(_, seen)| wanted.contains(seen))
                .count()
        };
        let (same, total) = (count(&[Seen::Same]), of_grade.len());
        let (caught, noticed) = (
            count(&[Seen::Caught]),
            count(&[Seen::Caught, Seen::Noticed]),
        );
        let judged = total - same;
        let _ = writeln!(
            out,
            "{}: {total} defects, {same} of them change no answer; of the other {judged} the run fails on {caught} ({}) and notices {noticed} ({})",
            grade.text(),
            share(caught, judged),
            share(noticed, judged),
        );
    }
    for (title, wanted) in [
        ("not noticed", Seen::Missed),
        ("noticed, but no failure", Seen::Noticed),
        ("no answer differs", Seen::Same),
    ] {
        let mut by_statement: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
        for (derived, seen) in results {
            let matters = wanted != Seen::Noticed || derived.statement.grade == Grade::Documented;
            if *seen == wanted && matters {
                let statement = (derived.statement.grade.text(), derived.statement.id);
                by_statement
                    .entry(statement)
                    .or_default()
                    .push(&derived.name);
            }
        }
        let total: usize = by_statement.values().map(Vec::len).sum();
        let _ = writeln!(out, "\n# {title}: {total}");
        for ((grade, id), names) in by_statement {
            let _ = writeln!(out, "\n{id} ({grade}): {}", names.len());
            for name in names {
                let reason = reason(name).map_or_else(String::new, |why| format!(" ({why})"));
                let _ = writeln!(out, "  {name}{reason}");
            }
        }
    }
    out
}

/// Reasons why a kind of defect survives, by a part of its name.
const REASONS: [(&str, &str); 11] = [
    ("at-most-1000", "it takes more than 1,000 rows of one value"),
    ("stock-added-of-new-stocks", "there is nothing to add to"),
    (
        "end-after-page-3",
        "the world of the measurement has no more than three pages of places",
    ),
    ("/list-providers/", PLACES),
    ("/list-stock-locations/", PLACES),
    ("/list-stock-lists/", PLACES),
    (
        "stock/compared-as-text",
        "one value is equal as a number and as text",
    ),
    (
        "modified-date-is-the-created-date-of-new-stocks",
        "the two differ by microseconds",
    ),
    (
        "salable-stock-query/200/stock/absolute",
        "nothing salable is below zero",
    ),
    ("sort/-period", "no check orders by periods"),
    (
        "ties-reversed",
        "the order of equal stocks is nobody's promise",
    ),
];

const PLACES: &str =
    "other public pages show the lists of places, so nothing is held to them strictly";

/// Returns the reason for a survivor, where it is known.
fn reason(name: &str) -> Option<&'static str> {
    let mut known = REASONS.iter();
    known
        .find(|(part, _)| name.contains(part))
        .map(|(_, why)| *why)
}

#[allow(clippy::cast_precision_loss)] // Thousands, not quadrillions.
fn share(part: usize, whole: usize) -> String {
    match whole {
        0 => "none".to_owned(),
        whole => format!("{:.1} %", 100.0 * part as f64 / whole as f64),
    }
}
