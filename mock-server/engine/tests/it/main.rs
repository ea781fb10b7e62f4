//! The engine, tested by the requests of a client: its contract, its readings, the stack's
//! wordings.

#![allow(clippy::unwrap_used)] // A failing test should name the line.
#![allow(clippy::too_many_lines)] // Tables of cases are long.

mod api;
mod arbitrary;
mod contract;
mod defects;
mod derived;
mod findings;
mod openapi;
mod properties;
mod readings;
mod requests;
mod stack;
