//! Checks an implementation of the Whippy Ware Stock API against its contract.

pub mod cases;
pub mod checks;
pub mod contract;
pub mod explore;
pub mod model;
pub mod report;
pub mod run;
pub mod traffic;
pub mod transport;
pub mod workers;
