//! Cases: checks as data, and how they run.

pub mod case;

pub use whippy_probe::{attribution, probe, scope};
