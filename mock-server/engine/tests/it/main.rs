//! The engine, tested by the requests of a client: its contract, its readings, the stack's
//! wordings.

#![allow(clippy::unwrap_used)] // A test that cannot go on should say where.
#![allow(clippy::too_many_lines)] // Tables run on.

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
