//! Findings, causes, outcomes and strict JSON: the data behind every report.

pub mod cause;
pub mod finding;
pub mod json;
pub mod level;
pub mod outcome;
