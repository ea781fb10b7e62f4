//! The mock from outside: its server, its worlds and its command line.

#![allow(clippy::unwrap_used)] // A test that cannot go on should say where.
#![allow(clippy::too_many_lines)] // Tables run on.
#![allow(clippy::print_stdout)] // Shown only when a test fails.

mod admin;
#[path = "../../engine/tests/it/arbitrary.rs"]
mod arbitrary;
mod bundle;
mod campaigns;
mod citizen;
mod command;
mod defects;
mod docs;
mod durable;
mod edges;
mod faults;
mod first_test;
mod instrument;
mod journal;
mod log;
mod page;
#[path = "../../engine/tests/it/requests.rs"]
mod requests;
mod secrets;
mod server;
mod support;
mod tls;
mod tokens;
mod unix;
mod watch;
mod worlds;
