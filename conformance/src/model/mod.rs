//! Findings, outcomes and strict JSON: the data behind every report.

pub mod finding;
pub mod json;
pub mod outcome;
