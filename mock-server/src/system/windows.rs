//! Windows. The only signals are those of the console, there is neither a first process of a
//! container nor a limit of open files, and the server takes no Unix sockets.

use std::fs::Metadata;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::process::{ExitCode, ExitStatus};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::signal::windows::{CtrlBreak, CtrlC, ctrl_break, ctrl_c};

/// The events that ask this process to end: Ctrl-C and Ctrl-Break.
#[derive(Debug)]
pub struct EndSignals {
    interrupt: CtrlC,
    terminate: CtrlBreak,
}

impl EndSignals {
    /// Listens from now on; the events no longer end the process by themselves.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: ctrl_c()?,
            terminate: ctrl_break()?,
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

/// The console's events. The console sends them to a child by itself; this process outlives them to
/// judge what the child has done.
#[derive(Debug)]
pub struct SignalRelay(Option<EndSignals>);

impl SignalRelay {
    /// Listens from now on.
    pub fn listen() -> Self {
        Self(EndSignals::listen().ok())
    }

    /// Waits for the next event. The child gets it from the console.
    pub async fn hand_on(&mut self, _child: Option<u32>) {
        match &mut self.0 {
            Some(events) => events.recv().await,
            None => std::future::pending().await,
        }
    }
}

/// The state of a file: it changes if the file is written or replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileState {
    size: u64,
    created: Option<SystemTime>,
    modified: Option<SystemTime>,
}

impl FileState {
    /// Reads the state from the metadata of a file.
    pub fn of(found: &Metadata) -> Self {
        Self {
            size: found.len(),
            created: found.created().ok(),
            modified: found.modified().ok(),
        }
    }
}

/// Returns the exit code of a command that has ended, 1 where it does not fit a byte.
pub fn exit_code(ended: ExitStatus) -> u8 {
    let code = ended.code().and_then(|code| u8::try_from(code).ok());
    code.unwrap_or(1)
}

/// Returns the name by which others reach this machine.
pub fn host_name() -> Option<String> {
    std::env::var("COMPUTERNAME").ok()
}

/// Does nothing: there is no such limit.
pub fn outlive_file_size_limit() {}

/// Does nothing: there is no such limit.
pub fn raise_file_limit() {}

/// Returns `None`: no process has the duties of a first one.
pub fn run_as_first_process() -> Option<io::Result<ExitCode>> {
    None
}

/// A listening Unix socket; no value of it exists here.
#[derive(Debug)]
pub enum SocketListener {}

impl SocketListener {
    /// Refuses.
    pub fn bind(_: &Path) -> io::Result<Self> {
        Err(no_sockets())
    }

    /// The path of the socket.
    pub fn path(&self) -> &Path {
        match *self {}
    }

    /// Waits for the next connection.
    pub async fn accept(&self) -> io::Result<SocketStream> {
        match *self {}
    }
}

/// Refuses.
pub fn ask_socket(_: &Path, _request: &[u8], _patience: Duration) -> io::Result<String> {
    Err(no_sockets())
}

fn no_sockets() -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        "Unix sockets are not supported on Windows; give HOST:PORT",
    )
}

/// A connection over a Unix socket; no value of it exists here.
#[derive(Debug)]
pub enum SocketStream {}

impl SocketStream {
    /// Writes as much as the socket takes at once.
    pub fn try_write(&self, _: &[u8]) -> io::Result<usize> {
        match *self {}
    }
}

impl AsyncRead for SocketStream {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match *self {}
    }
}

impl AsyncWrite for SocketStream {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        match *self {}
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match *self {}
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match *self {}
    }
}
