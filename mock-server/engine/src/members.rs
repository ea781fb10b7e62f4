//! The table of a stock's members, and of the rows that the queries show.
//!
//! Source: docs/contract.md#list-stock, docs/contract.md#search-stocks,
//! docs/contract.md#stock-query.

/// The type of a member's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A whole number that the service assigns in ascending order.
    Id,
    /// A date-time with an offset.
    Moment,
    /// Null or a range of date-times.
    Period,
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// Any text.
    Text,
    /// A whole number.
    Number,
    /// True or false.
    Flag,
}

/// A member of an object that the service shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// The key of the member.
    pub name: &'static str,
    /// The type of its values.
    pub kind: Kind,
    /// Is true if a client may send it.
    pub is_written: bool,
    /// Is true if a create requires it.
    pub is_required: bool,
}

const fn shown(name: &'static str, kind: Kind) -> Member {
    Member {
        name,
        kind,
        is_written: false,
        is_required: false,
    }
}

const fn written(name: &'static str, kind: Kind) -> Member {
    Member {
        is_written: true,
        ..shown(name, kind)
    }
}

const fn required(name: &'static str, kind: Kind) -> Member {
    Member {
        is_required: true,
        ..written(name, kind)
    }
}

/// The members of a stock, in the order in which they are shown.
pub const STOCK: &[Member] = &[
    shown("id", Kind::Id),
    shown("created_date", Kind::Moment),
    shown("modified_date", Kind::Moment),
    written("period", Kind::Period),
    written("stock_type", Kind::Choice(&["standard", "scheduled"])),
    written("unit_type", Kind::Choice(&["qty", "kg"])),
    required("provider", Kind::Text),
    required("location", Kind::Text),
    required("stock", Kind::Number),
    written("is_active", Kind::Flag),
    required("sku", Kind::Text),
    written("reserved_stock", Kind::Number),
];

/// The names of the members that a client may send, in the order shown.
pub const WRITTEN: [&str; 9] = names(false);

/// The names of the members that a create requires, in the order shown.
pub const REQUIRED: [&str; 4] = names(true);

/// Returns the names of the members that a client may send, or of the required ones alone. Their
/// number is checked when this is compiled.
const fn names<const COUNT: usize>(only_required: bool) -> [&'static str; COUNT] {
    let mut names = [""; COUNT];
    let (mut at, mut count) = (0, 0);
    while at < STOCK.len() {
        let member = STOCK[at];
        if member.is_required || member.is_written && !only_required {
            names[count] = member.name;
            count += 1;
        }
        at += 1;
    }
    assert!(count == COUNT);
    names
}

/// The members of a row of a stock query.
pub const QUERY_ROW: &[Member] = &[
    shown("sku", Kind::Text),
    shown("retail_store_code", Kind::Text),
    shown("retail_store_name", Kind::Text),
    shown("stock", Kind::Number),
];

/// The members of a row of the active stocks.
pub const ACTIVE_ROW: &[Member] = &[shown("sku", Kind::Text), shown("stock", Kind::Number)];

/// Finds a member of a stock by name.
pub fn of_stock(name: &str) -> Option<&'static Member> {
    STOCK.iter().find(|member| member.name == name)
}
