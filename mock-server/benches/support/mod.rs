//! What the benches share: servers as processes, servers to compare with, a load
//! generator, and a table of figures.
//!
//! The machine is never quiet, so no figure stands alone: whatever is compared runs in
//! interleaved rounds (A B A B …), and a ratio is the median of the rounds' ratios.

#![allow(dead_code)] // Each bench uses a part of it.

pub(crate) mod baseline;
pub(crate) mod client;
pub(crate) mod cores;
pub(crate) mod figures;
pub(crate) mod process;

use std::process::ExitCode;

/// How a bench was called.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mode {
    /// Fewer and shorter rounds, for a look.
    pub(crate) quick: bool,
}

impl Mode {
    /// One of two numbers.
    pub(crate) fn pick<T>(self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }
}

/// Runs a bench, or the server that it started itself as.
pub(crate) fn run(bench: impl FnOnce(Mode) -> std::io::Result<()>) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let outcome = match baseline::Baseline::from_arguments(&arguments) {
        Some(baseline) => baseline.and_then(baseline::Baseline::serve),
        // `cargo test --all-targets` runs benches too, without a word.
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
