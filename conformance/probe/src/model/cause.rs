//! Causes: the differences that explain the findings of a run, each reported once.
//!
//! A [`Difference`] is the content of one finding: an operation and the part of its answer that
//! differs (status, header, member, wording, effect). Findings with a common difference belong to
//! one [`Cause`].

use serde::{Deserialize, Serialize};

use crate::model::level::Level;

/// A difference between contract and target, with its place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// The operation's id; empty for a request outside the contract.
    pub operation: String,
    /// The ids: `create-stock/200-for-201`, `list-stocks/member-period`.
    pub ids: Vec<String>,
    /// Ids of other differences, each of which would explain this one.
    pub alternatives: Vec<String>,
    /// A sentence without a full stop.
    pub sentence: String,
}

/// A common explanation of findings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cause {
    /// The id, which is stable: the first of its differences, or the part that several share.
    pub id: String,
    /// A sentence without a full stop: `create-stock answers 200 for 201`.
    pub summary: String,
    /// The level of its heaviest finding.
    pub level: Level,
    /// The id of the operation, or `several-operations`.
    pub operation: String,
    /// The checks that show it, in the order of the catalogue.
    pub checks: Vec<String>,
    /// The checks that could not be made because of it.
    pub blocked: Vec<String>,
    /// The ids of its differences, as a baseline names them.
    pub differences: Vec<String>,
    /// All its differences are in the baseline, so it does not fail a run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub known: bool,
}

/// Returns the id of a difference that has no other place than its check.
pub fn of_check(id: &str) -> String {
    format!("check/{}", id.replace('/', "-"))
}
