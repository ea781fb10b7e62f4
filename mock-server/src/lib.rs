//! A stateful fake of the Whippy Ware Stock API: the shell around [`whippy_engine`].
//!
//! Sockets, the system's clock, files and threads live here; the answer to a request is the
//! engine's alone.

pub use whippy_engine as engine;

pub mod admin;
pub mod bundle;
pub mod child;
pub mod embed;
pub mod faults;
pub mod http;
pub mod log;
pub mod system;
pub mod worlds;
