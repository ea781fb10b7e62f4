//! A command that runs while a server stands ready for it.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::process::ExitStatus;

use tokio::process::Command;

use crate::system::SignalRelay;
pub use crate::system::exit_code;

/// The exit code for a command that cannot be run, as in shells.
pub const NOT_RUN: u8 = 127;

/// A command that could not be run.
#[derive(Debug)]
pub enum NotRun {
    /// No command was named.
    NoCommand,
    /// The system refused to start it, or to wait for it.
    Refused {
        /// The program.
        program: OsString,
        /// The system's reason.
        error: std::io::Error,
    },
}

impl fmt::Display for NotRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCommand => f.write_str("there is no command to run"),
            Self::Refused { program, error } => {
                write!(f, "cannot run `{}`: {error}", program.to_string_lossy())
            }
        }
    }
}

impl std::error::Error for NotRun {}

/// Runs a command with extra environment variables until it ends. HUP, INT and TERM are passed on
/// to it, except a HUP that was ignored when this process started, as under `nohup`.
pub async fn obey<V: AsRef<OsStr>>(
    command: &[OsString],
    variables: &[(&str, V)],
) -> Result<ExitStatus, NotRun> {
    let (program, arguments) = command.split_first().ok_or(NotRun::NoCommand)?;
    let refused = |error| NotRun::Refused {
        program: program.clone(),
        error,
    };
    let mut signals = SignalRelay::listen();
    let mut child = Command::new(program)
        .args(arguments)
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .kill_on_drop(true)
        .spawn()
        .map_err(refused)?;
    let child_id = child.id();
    loop {
        tokio::select! {
            ended = child.wait() => return ended.map_err(refused),
            () = signals.hand_on(child_id) => {}
        }
    }
}
