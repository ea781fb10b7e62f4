//! The way to a target: what may be sent, how it is sent, and what is left behind.

pub mod clean_up;
pub mod guard;
pub mod ledger;
pub mod remote;
pub mod retry;
pub mod stand_in;
pub mod target;
