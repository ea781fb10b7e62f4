//! A stock: how many of one SKU lie in one location, and how many are reserved.

use smol_str::SmolStr;

use super::period::Period;
use super::time::Timestamp;

/// Kind of a stock, its `stock_type`. Source: docs/contract.md#search-stocks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum StockType {
    /// The default.
    #[default]
    Standard,
    /// For a period.
    Scheduled,
}

impl StockType {
    /// Both, in the order of the page.
    pub const ALL: [Self; 2] = [Self::Standard, Self::Scheduled];

    /// As in bodies and filters.
    pub fn text(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Scheduled => "scheduled",
        }
    }
}

/// Unit of the quantities, the `unit_type`. Source: docs/contract.md#stock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnitType {
    /// Pieces, the default.
    #[default]
    Quantity,
    /// Kilograms.
    Kilogram,
}

impl UnitType {
    /// Both, in the order of the page.
    pub const ALL: [Self; 2] = [Self::Quantity, Self::Kilogram];

    /// As stored and shown.
    pub fn text(self) -> &'static str {
        match self {
            Self::Quantity => "qty",
            Self::Kilogram => "kg",
        }
    }

    /// The page's name for it in the filter table.
    pub fn label(self) -> &'static str {
        match self {
            Self::Quantity => "quantity",
            Self::Kilogram => "kilogram",
        }
    }
}

/// A stock, its location by position in the world's table of locations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stock {
    /// The primary key.
    pub id: i64,
    /// When it was created.
    pub created: Timestamp,
    /// When anything of it was last written.
    pub modified: Timestamp,
    /// When `stock` was last written.
    pub stock_written: Timestamp,
    /// When it holds, where that is limited.
    pub period: Option<Period>,
    /// What kind of stock it is.
    pub stock_type: StockType,
    /// What the quantities count.
    pub unit_type: UnitType,
    /// Where it lies; the provider is the location's.
    pub location: u32,
    /// The existing quantity.
    pub stock: i32,
    /// `true` if it is in use.
    pub is_active: bool,
    /// The product.
    pub sku: SmolStr,
    /// The reserved quantity.
    pub reserved: i32,
}
