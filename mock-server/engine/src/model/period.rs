//! The period of a scheduled stock: a range of moments.
//!
//! The page shows only `null`. A range has the shape that the stack's common
//! range field gives it. Source: docs/stack.md#periods.

use super::time::{Timestamp, UtcOffset};
use crate::wire::json;

/// The ends of a range that belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bounds {
    /// Is true if the lower end belongs to the range.
    pub lower: bool,
    /// Is true if the upper end belongs to the range.
    pub upper: bool,
}

impl Bounds {
    /// The bounds of a range that names none: `[)`.
    pub const DEFAULT: Self = Self {
        lower: true,
        upper: false,
    };

    /// Parses `[)`, `[]`, `()` or `(]`.
    pub fn parse(text: &str) -> Option<Self> {
        let (lower, upper) = match text {
            "[)" => (true, false),
            "[]" => (true, true),
            "()" => (false, false),
            "(]" => (false, true),
            _ => return None,
        };
        Some(Self { lower, upper })
    }

    /// The two brackets, such as `[)`.
    pub fn text(self) -> &'static str {
        match (self.lower, self.upper) {
            (true, false) => "[)",
            (true, true) => "[]",
            (false, false) => "()",
            (false, true) => "(]",
        }
    }
}

/// A range of moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Period {
    /// The empty range.
    Empty,
    /// The range between two ends, either of which may be open.
    Range {
        /// The lower end; `None` if it is open.
        lower: Option<Timestamp>,
        /// The upper end; `None` if it is open.
        upper: Option<Timestamp>,
        /// The ends that belong to the range.
        bounds: Bounds,
    },
}

impl Period {
    /// The range as the database stores it. An open end does not belong to the range, and a
    /// range between equal ends is empty unless both belong to it.
    #[must_use]
    pub fn stored(self) -> Self {
        match self {
            Self::Range {
                lower: Some(lower),
                upper: Some(upper),
                bounds,
            } if lower == upper && !(bounds.lower && bounds.upper) => Self::Empty,
            Self::Range {
                lower,
                upper,
                bounds,
            } => Self::Range {
                lower,
                upper,
                bounds: Bounds {
                    lower: bounds.lower && lower.is_some(),
                    upper: bounds.upper && upper.is_some(),
                },
            },
            Self::Empty => Self::Empty,
        }
    }

    /// The lower end; `None` if it is open or the range is empty.
    pub fn lower(self) -> Option<Timestamp> {
        match self {
            Self::Empty => None,
            Self::Range { lower, .. } => lower,
        }
    }

    /// The upper end; `None` if it is open or the range is empty.
    pub fn upper(self) -> Option<Timestamp> {
        match self {
            Self::Empty => None,
            Self::Range { upper, .. } => upper,
        }
    }

    /// Appends the range as JSON.
    pub fn write(self, out: &mut Vec<u8>, local: UtcOffset) {
        let Self::Range {
            lower,
            upper,
            bounds,
        } = self
        else {
            out.extend_from_slice(b"{\"empty\":true}");
            return;
        };
        out.extend_from_slice(b"{\"lower\":");
        write_end(out, lower, local);
        out.extend_from_slice(b",\"upper\":");
        write_end(out, upper, local);
        out.extend_from_slice(b",\"bounds\":");
        json::write_string(out, bounds.text());
        out.push(b'}');
    }
}

fn write_end(out: &mut Vec<u8>, end: Option<Timestamp>, local: UtcOffset) {
    match end {
        None => out.extend_from_slice(b"null"),
        Some(at) => {
            out.push(b'"');
            at.write(out, local);
            out.push(b'"');
        }
    }
}
