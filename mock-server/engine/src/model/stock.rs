//! A stock: the existing and the reserved quantity of one SKU in one location.

use smol_str::SmolStr;

use super::period::Period;
use super::time::Timestamp;

/// The kind of a stock, its `stock_type`. Source: docs/contract.md#search-stocks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum StockType {
    /// The default kind.
    #[default]
    Standard,
    /// The kind for stocks with a period.
    Scheduled,
}

impl StockType {
    /// Both kinds, in the order of the page.
    pub const ALL: [Self; 2] = [Self::Standard, Self::Scheduled];

    /// The text in bodies and filters.
    pub fn text(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Scheduled => "scheduled",
        }
    }
}

/// The unit of the quantities, the `unit_type`. Source: docs/contract.md#stock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnitType {
    /// Pieces, the default.
    #[default]
    Quantity,
    /// Kilograms.
    Kilogram,
}

impl UnitType {
    /// Both units, in the order of the page.
    pub const ALL: [Self; 2] = [Self::Quantity, Self::Kilogram];

    /// The text as stored and shown.
    pub fn text(self) -> &'static str {
        match self {
            Self::Quantity => "qty",
            Self::Kilogram => "kg",
        }
    }

    /// The name in the page's table of filters.
    pub fn label(self) -> &'static str {
        match self {
            Self::Quantity => "quantity",
            Self::Kilogram => "kilogram",
        }
    }
}

/// A stock of one SKU in one location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stock {
    /// The primary key.
    pub id: i64,
    /// The moment of its creation.
    pub created: Timestamp,
    /// The moment of the last write of any member.
    pub modified: Timestamp,
    /// The moment of the last write of `stock`.
    pub stock_written: Timestamp,
    /// The period in which it exists; `None` if that is not limited.
    pub period: Option<Period>,
    /// The kind of the stock.
    pub stock_type: StockType,
    /// The unit of both quantities.
    pub unit_type: UnitType,
    /// The index of its location, whose provider is the stock's provider.
    pub location: u32,
    /// The existing quantity.
    pub stock: i32,
    /// Is true if the stock is in use.
    pub is_active: bool,
    /// The SKU.
    pub sku: SmolStr,
    /// The reserved quantity.
    pub reserved: i32,
}
