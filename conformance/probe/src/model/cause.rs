//! Causes: the differences that explain the findings of a run, each told once.
//!
//! A [`Difference`] is what one finding shows: an operation and how its answer differs
//! (status, header, member, wording, effect). Findings that share one are one [`Cause`].

use serde::{Deserialize, Serialize};

use crate::model::level::Level;

/// A difference between contract and target at its place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// The operation's id; empty where the request is none of the contract's.
    pub operation: String,
    /// The difference, as ids: `create-stock/200-for-201`, `list-stocks/member-period`.
    pub ids: Vec<String>,
    /// Ids of other differences, each of which would explain this one.
    pub alternatives: Vec<String>,
    /// The difference in a sentence without a full stop.
    pub sentence: String,
}

/// An explanation of findings that belong together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cause {
    /// Stable: the first of its differences, or what several of them have in common.
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

/// The id of a difference that has no place but its check.
pub fn of_check(id: &str) -> String {
    format!("check/{}", id.replace('/', "-"))
}
