//! Linux, macOS and similar systems.

mod init;
mod signals;
mod socket;

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::Arc;

pub use init::run_as_first_process;
pub use signals::{EndSignals, SignalRelay};
pub use socket::{SocketListener, SocketStream, ask_socket};

/// The state of a file: it changes if the file is written or replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileState {
    file: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl FileState {
    /// Reads the state from the metadata of a file.
    pub fn of(found: &Metadata) -> Self {
        Self {
            file: identity(found),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }
}

/// Returns the device and number of a file, which together identify it.
fn identity(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

/// Returns the exit code of a command that has ended, as a shell gives it: its own, or 128 plus the
/// number of the signal that killed it.
pub fn exit_code(ended: ExitStatus) -> u8 {
    let code = ended
        .code()
        .or_else(|| ended.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// Returns the name by which others reach this machine.
pub fn host_name() -> Option<String> {
    let machine = rustix::system::uname();
    machine.nodename().to_str().ok().map(str::to_owned)
}

/// Catches the signal that kills a process whose file grows beyond `ulimit -f`. The write then
/// fails like one to a full disk, and is answered with 507.
pub fn outlive_file_size_limit() {
    let flag = Arc::default();
    // Where this fails, the signal stays deadly.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, flag);
}

/// Raises the limit of open files to the system's maximum: every connection takes a file
/// descriptor, and the default is often far lower.
pub fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}
