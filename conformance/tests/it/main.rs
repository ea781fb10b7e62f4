//! The runner from outside: against the engine, against servers, and against services that are
//! broken on purpose.

#![allow(clippy::unwrap_used)] // A test that cannot go on should say where.
#![allow(clippy::too_many_lines)] // Tables run on.
#![allow(clippy::print_stdout)] // Shown only when a test fails.

mod altered;
mod calibrate;
mod causes;
mod command;
mod data;
mod defects;
mod derived;
mod documents;
mod engine;
mod explore;
mod explore_behind;
mod explore_command;
mod har;
mod http2;
mod linear;
mod patient;
mod process;
mod reports;
mod safety;
mod support;
mod transport;
mod watch;
mod watched_defects;
