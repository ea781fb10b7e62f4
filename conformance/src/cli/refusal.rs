//! Why a command ends before it has anything to report.

use std::fmt::Display;
use std::process::ExitCode;

use whippy_conformance::report::harmless;
use whippy_conformance::run::verdict::Exit;

use super::origins::Origins;

/// A sentence and an exit code.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The argument parser's, which lays out its own: help among them.
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
    /// The command line, the settings or a case file is wrong.
    pub(crate) fn usage(why: impl Display) -> Self {
        Self::Sentence(Exit::Usage, why.to_string())
    }

    /// The target cannot be reached, or something else prevents the work.
    pub(crate) fn no_verdict(why: impl Display) -> Self {
        Self::Sentence(Exit::NoVerdict, why.to_string())
    }

    /// Prints it, a value blamed by the name that it came under.
    pub(crate) fn tell(self, origins: &Origins) -> ExitCode {
        match self {
            Self::Parser(error) => {
                // Where the terminal is gone, the exit code says it.
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
