//! The first process of a container: runs this program as a child, hands signals on, and
//! takes the end of every orphan.
//!
//! A process whose parent ended becomes a child of process 1. Until somebody waits for it
//! it stays in the table of processes.

use std::process::{Command, ExitCode};

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, wait};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Returns `true` in the first process of a container.
pub(crate) fn is_first_process() -> bool {
    std::process::id() == 1
}

/// Runs this program with the same arguments until it ends, and ends as it did.
pub(crate) fn run() -> ExitCode {
    match start() {
        Ok(main) => reap_until(main),
        Err(error) => {
            eprintln!("whippy-mock: cannot start a process: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start() -> std::io::Result<Pid> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    let child = Command::new(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .spawn()?;
    let main = Pid::from_child(&child);
    std::thread::spawn(move || {
        for number in signals.forever() {
            if let Some(signal) = Signal::from_named_raw(number) {
                // It may have ended meanwhile.
                let _ = kill_process(main, signal);
            }
        }
    });
    Ok(main)
}

fn reap_until(main: Pid) -> ExitCode {
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == main => return exit_code(status),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return ExitCode::FAILURE,
        }
    }
}

fn exit_code(status: WaitStatus) -> ExitCode {
    let killed = status.terminating_signal().map(|signal| 128 + signal);
    let code = status.exit_status().or(killed);
    let code = code.and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}
