//! Where stock lies: providers, their locations, and lists of locations.

use smol_str::SmolStr;

use super::time::Timestamp;

/// Members that every place has. Source: docs/contract.md#beyond-the-page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The primary key.
    pub id: i64,
    /// When it was created.
    pub created: Timestamp,
    /// When it was last written.
    pub modified: Timestamp,
    /// `true` if it is in use.
    pub is_active: bool,
    /// For people.
    pub name: SmolStr,
    /// For programs; unique.
    pub code: SmolStr,
}

/// Whoever keeps stock: a chain of stores, a warehouse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// What every place carries; a provider's name is unique too.
    pub head: Head,
    /// `true` if reservations count on its stock.
    pub should_add_reservations: bool,
}

/// One store or warehouse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// What every place carries.
    pub head: Head,
    /// The provider, by position in the world's table of providers.
    pub provider: u32,
}

/// A selection of locations, from which active stock is summed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockList {
    /// What every place carries.
    pub head: Head,
    /// The id of the list in Omnitron.
    pub remote_id: Option<i64>,
    /// The id of the rule that selects.
    pub stock_list_rule: Option<i64>,
    /// The locations by position, rising; `None`: all. The page and its siblings
    /// show no way to read or set it, so only a world's file does.
    pub locations: Option<Vec<u32>>,
}
