//! The way to a target: permission to send, transport, and clean-up.

pub mod clean_up;
pub mod guard;
pub mod ledger;
pub mod remote;
pub mod retry;
pub mod stand_in;
pub mod target;
