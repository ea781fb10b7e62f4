//! The mock from outside: its contract, its engine in process, its server and its
//! command line.

#![allow(clippy::unwrap_used)] // A test that cannot go on should say where.
#![allow(clippy::too_many_lines)] // Tables run on.
#![allow(clippy::print_stdout)] // Shown only when a test fails.

mod admin;
mod api;
mod bundle;
mod command;
mod contract;
mod defects;
mod docs;
mod durable;
mod faults;
mod findings;
mod instrument;
mod journal;
mod layers;
mod log;
mod properties;
mod readings;
mod server;
mod stack;
mod support;
mod tls;
mod unix;
mod watch;
mod worlds;
