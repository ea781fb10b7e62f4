//! Levels of requirements, and their sources.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The level of a requirement, the weakest first. Source: the grades of the contract.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Other public pages of the vendor state it.
    #[default]
    May,
    /// The stack that is evidently behind the service behaves so.
    Should,
    /// The page states it.
    Must,
}

impl Level {
    /// Returns the name in reports.
    pub fn text(self) -> &'static str {
        match self {
            Self::May => "MAY",
            Self::Should => "SHOULD",
            Self::Must => "MUST",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// The source of a requirement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The heading on the page, or a place in the documents: `docs/stack.md#pagination`.
    pub section: String,
    /// The quoted words.
    pub quote: String,
}
