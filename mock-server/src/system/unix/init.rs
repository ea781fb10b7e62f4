//! The first process of a container: it runs this program as a child, passes signals on, and reaps
//! every orphan.
//!
//! A process whose parent has ended becomes a child of process 1, and stays in the table of
//! processes until process 1 waits for it.

use std::process::{Command, ExitCode};

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, wait};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Runs this program once more with the same arguments until it ends, and returns its exit
/// code; `None` in any but the first process of a container.
pub fn run_as_first_process() -> Option<std::io::Result<ExitCode>> {
    let is_first = std::process::id() == 1;
    is_first.then(|| start().map(reap_until))
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
                // The child may have ended meanwhile.
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
