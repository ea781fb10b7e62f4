//! Cases: checks as data, and how they run.

pub mod attribution;
pub mod case;
pub mod probe;
pub mod scope;
