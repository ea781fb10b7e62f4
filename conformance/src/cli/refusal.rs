//! Reasons why a command ends without anything to report.

use std::fmt::Display;
use std::process::ExitCode;

use whippy_conformance::report::harmless;
use whippy_conformance::run::verdict::Exit;

use super::origins::Origins;

/// A sentence and an exit code.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The message of the argument parser, in its own layout. Help is one of them.
    Parser(clap::Error),
    /// A sentence without the full stop.
    Sentence(Exit, String),
}

impl From<clap::Error> for Refusal {
    fn from(error: clap::Error) -> Self {
        Self::Parser(error)
    }
}

impl Refusal {
    /// Creates the refusal of a wrong command line, settings file or case file.
    pub(crate) fn usage(why: impl Display) -> Self {
        Self::Sentence(Exit::Usage, why.to_string())
    }

    /// Creates the refusal of work that cannot be done, as when the target cannot be reached.
    pub(crate) fn no_verdict(why: impl Display) -> Self {
        Self::Sentence(Exit::NoVerdict, why.to_string())
    }

    /// Prints it, with the origin of a wrong value, and returns the exit code.
    pub(crate) fn tell(self, origins: &Origins) -> ExitCode {
        match self {
            Self::Parser(error) => {
                // The exit code tells the outcome even if the terminal is gone.
                let _ = error.print();
                ExitCode::from(if error.use_stderr() {
                    Exit::Usage.code()
                } else {
                    0
                })
            }
            Self::Sentence(exit, sentence) => {
                eprintln!(
                    "whippy-conformance: {}",
                    harmless(&origins.blame(&sentence))
                );
                ExitCode::from(exit.code())
            }
        }
    }
}
