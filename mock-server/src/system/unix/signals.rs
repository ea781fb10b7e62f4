//! Signals that ask this process to end, and signals that are passed on to a child.

use std::io::{self, IsTerminal as _};

use rustix::process::{Pid, kill_process};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that ask this process to end: INT and TERM.
#[derive(Debug)]
pub struct EndSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl EndSignals {
    /// Listens from now on; the signals no longer end the process by themselves.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for the next one.
    pub async fn recv(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// The signals that are passed on to a child: HUP, INT and TERM, except a HUP that was ignored when
/// this process started, as under `nohup`.
#[derive(Debug)]
pub struct SignalRelay {
    hangup: Option<Signal>,
    interrupt: Option<Signal>,
    terminate: Option<Signal>,
}

impl SignalRelay {
    /// Listens from now on.
    pub fn listen() -> Self {
        // A handler would undo `nohup`, for the command too. An ignored INT means nothing: shells
        // ignore it for everything they start in the background.
        let hangup = SignalKind::hangup();
        Self {
            hangup: (!is_ignored(hangup)).then(|| signal(hangup).ok()).flatten(),
            interrupt: signal(SignalKind::interrupt()).ok(),
            terminate: signal(SignalKind::terminate()).ok(),
        }
    }

    /// Waits for the next signal, and passes it on.
    pub async fn hand_on(&mut self, child: Option<u32>) {
        use rustix::process::Signal;
        let told = tokio::select! {
            () = came(&mut self.hangup) => Signal::HUP,
            () = came(&mut self.interrupt) => Signal::INT,
            () = came(&mut self.terminate) => Signal::TERM,
        };
        // The terminal interrupts every process in its foreground, so the command has it already.
        if told == Signal::INT && is_in_foreground() {
            return;
        }
        let pid = child.and_then(|id| i32::try_from(id).ok());
        if let Some(pid) = pid.and_then(Pid::from_raw) {
            // The command may have ended meanwhile.
            let _ = kill_process(pid, told);
        }
    }
}

async fn came(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// Returns `true` if this process ignores a signal; `false` too where the system does not tell.
fn is_ignored(kind: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 << (kind.as_raw_value() - 1) != 0)
}

fn is_in_foreground() -> bool {
    let terminal = io::stdin();
    terminal.is_terminal()
        && rustix::termios::tcgetpgrp(terminal)
            .is_ok_and(|group| group == rustix::process::getpgrp())
}
