//! Providers, their stock locations, and lists of locations.

use smol_str::SmolStr;

use super::time::Timestamp;

/// The members that every kind of place has. Source: docs/contract.md#beyond-the-page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The primary key.
    pub id: i64,
    /// The moment of its creation.
    pub created: Timestamp,
    /// The moment of its last write.
    pub modified: Timestamp,
    /// Is true if the place is in use.
    pub is_active: bool,
    /// A name for people.
    pub name: SmolStr,
    /// A unique code for programs.
    pub code: SmolStr,
}

/// An owner of stock, such as a chain of stores or a warehouse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// The members that every kind of place has. The name of a provider is unique too.
    pub head: Head,
    /// Is true if reservations count for its stock.
    pub should_add_reservations: bool,
}

/// A store or a warehouse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The members that every kind of place has.
    pub head: Head,
    /// The provider's index in the world's list of providers.
    pub provider: u32,
}

/// A selection of locations, over which active stock is summed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockList {
    /// The members that every kind of place has.
    pub head: Head,
    /// The id of the list in Omnitron.
    pub remote_id: Option<i64>,
    /// The id of the rule that selects the locations.
    pub stock_list_rule: Option<i64>,
    /// Indexes of the locations in ascending order; `None` for all. No public page shows how to
    /// read or set them, so only a world file can.
    pub locations: Option<Vec<u32>>,
}
