//! A command that runs for as long as something stands ready for it.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::IsTerminal as _;
use std::process::ExitStatus;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

/// The exit code for a command that cannot be run, as shells have it.
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

/// Runs a command with these variables to its end. HUP, INT and TERM are handed on to it,
/// except a HUP that was ignored when this process started, as `nohup` has it.
pub async fn obey<V: AsRef<OsStr>>(
    command: &[OsString],
    variables: &[(&str, V)],
) -> Result<ExitStatus, NotRun> {
    let (program, arguments) = command.split_first().ok_or(NotRun::NoCommand)?;
    let refused = |error| NotRun::Refused {
        program: program.clone(),
        error,
    };
    // A handler would undo `nohup`, for the command as well. An ignored INT is no wish:
    // shells ignore it for whatever they start in the background.
    let hangup = SignalKind::hangup();
    let mut hangup = (!is_ignored(hangup)).then(|| signal(hangup).ok()).flatten();
    let mut interrupt = signal(SignalKind::interrupt()).ok();
    let mut terminate = signal(SignalKind::terminate()).ok();
    let mut child = Command::new(program)
        .args(arguments)
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .kill_on_drop(true)
        .spawn()
        .map_err(refused)?;
    loop {
        let told = tokio::select! {
            ended = child.wait() => return ended.map_err(refused),
            () = came(&mut hangup) => Signal::HUP,
            () = came(&mut interrupt) => Signal::INT,
            () = came(&mut terminate) => Signal::TERM,
        };
        // The terminal interrupts all processes in its foreground, the command too.
        if told != Signal::INT || !is_in_foreground() {
            hand_on(&child, told);
        }
    }
}

async fn came(signal: &mut Option<tokio::signal::unix::Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

fn hand_on(child: &Child, signal: Signal) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok());
    if let Some(pid) = pid.and_then(Pid::from_raw) {
        // It may have ended meanwhile.
        let _ = kill_process(pid, signal);
    }
}

/// Returns `true` if this process ignores a signal, and the system tells.
fn is_ignored(kind: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 << (kind.as_raw_value() - 1) != 0)
}

fn is_in_foreground() -> bool {
    let terminal = std::io::stdin();
    terminal.is_terminal()
        && rustix::termios::tcgetpgrp(terminal)
            .is_ok_and(|group| group == rustix::process::getpgrp())
}

/// What a shell would exit with after a command that did not succeed: its code, or 128 and
/// the number of the signal that killed it.
pub fn exit_code(ended: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt as _;
    let code = ended
        .code()
        .or_else(|| ended.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
