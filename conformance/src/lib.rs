//! Checks an implementation of the Whippy Ware Stock API against its contract.

pub mod cases;
pub mod checks;
pub mod report;
pub mod run;
pub mod traffic;

pub use whippy_explore as explore;
pub use whippy_probe::{contract, model, transport, workers};
