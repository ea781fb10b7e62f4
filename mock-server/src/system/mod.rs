//! The differences between operating systems: signals, sockets that are files, limits of a
//! process. No other module names a system.
//!
//! `unix` and `windows` export the same names, and one of the two is compiled.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use unix::{
    EndSignals, FileState, SignalRelay, SocketListener, SocketStream, ask_socket, exit_code,
    host_name, outlive_file_size_limit, raise_file_limit, run_as_first_process,
};
#[cfg(windows)]
pub use windows::{
    EndSignals, FileState, SignalRelay, SocketListener, SocketStream, ask_socket, exit_code,
    host_name, outlive_file_size_limit, raise_file_limit, run_as_first_process,
};
