//! A command that is run for as long as something stands ready for it.

use std::ffi::{OsStr, OsString};
use std::process::ExitStatus;

use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

/// The exit code for a command that cannot be run, as shells have it.
pub const NOT_RUN: u8 = 127;

/// Runs a command with these variables to its end; what stops us stops the command. An
/// error is why it cannot be run.
pub async fn obey<V: AsRef<OsStr>>(
    command: &[OsString],
    variables: &[(&str, V)],
) -> Result<ExitStatus, String> {
    let (program, arguments) = command.split_first().ok_or("there is no command")?;
    let named = |error| format!("cannot run `{}`: {error}", program.to_string_lossy());
    let mut child = Command::new(program)
        .args(arguments)
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .kill_on_drop(true)
        .spawn()
        .map_err(named)?;
    let signals = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    );
    let (Ok(mut terminate), Ok(mut interrupt)) = signals else {
        return child.wait().await.map_err(named);
    };
    loop {
        let told = tokio::select! {
            ended = child.wait() => return ended.map_err(named),
            _ = terminate.recv() => true,
            // The terminal tells the whole group, the command as well.
            _ = interrupt.recv() => false,
        };
        let pid = child.id().and_then(|id| i32::try_from(id).ok());
        let pid = pid.and_then(rustix::process::Pid::from_raw);
        if let (true, Some(pid)) = (told, pid) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
    }
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
