//! Weights of requirements, and the places they come from.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The weight of a requirement, the weakest first. Source: the grades of the contract.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Other public pages of the vendor show it.
    #[default]
    May,
    /// The stack evidently behind the service does it.
    Should,
    /// The page says it.
    Must,
}

impl Level {
    /// As in reports.
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
    /// Heading of the page, or place in the documents: `docs/stack.md#pagination`.
    pub section: String,
    /// The words.
    pub quote: String,
}
