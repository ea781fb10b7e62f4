//! The common parts of the benches: servers as processes, servers for comparison, a load generator,
//! and tables of figures.
//!
//! The machine is never quiet, so no figure stands alone: things to compare run in interleaved
//! rounds (A B A B …), and a ratio is the median of the rounds' ratios.

#![allow(dead_code)] // Each bench uses a part of it.

pub(crate) mod baseline;
pub(crate) mod client;
pub(crate) mod cores;
pub(crate) mod figures;
pub(crate) mod process;

use std::process::ExitCode;

/// The way a bench was called.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mode {
    /// Is true for fewer and shorter rounds, for a quick look.
    pub(crate) quick: bool,
}

impl Mode {
    /// Returns one of two numbers.
    pub(crate) fn pick<T>(self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }
}

/// Runs a bench, or the server that the bench has started itself as.
pub(crate) fn run(bench: impl FnOnce(Mode) -> std::io::Result<()>) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let outcome = match baseline::Baseline::from_arguments(&arguments) {
        Some(baseline) => baseline.and_then(baseline::Baseline::serve),
        // `cargo test --all-targets` runs benches too, which must print nothing then.
        None if arguments.is_empty() => Ok(()),
        None => {
            let quick = has("--quick");
            bench(Mode { quick })
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("could not measure: {error}");
            ExitCode::FAILURE
        }
    }
}
