//! The period of a scheduled stock: a range of moments.
//!
//! The page shows only `null`. A range has the shape that the stack's common
//! range field gives it. Source: docs/stack.md#periods.

use super::time::{Timestamp, UtcOffset};
use crate::wire::json;

/// Which ends of a range belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bounds {
    /// `true` if the lower end belongs.
    pub lower: bool,
    /// `true` if the upper end belongs.
    pub upper: bool,
}

impl Bounds {
    /// What holds where nothing is said: `[)`.
    pub const DEFAULT: Self = Self {
        lower: true,
        upper: false,
    };

    /// Reads `[)`, `[]`, `()` or `(]`.
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

    /// As written.
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
    /// Holds no moment.
    Empty,
    /// From one end to the other; an end may be open.
    Range {
        /// `None`: open.
        lower: Option<Timestamp>,
        /// `None`: open.
        upper: Option<Timestamp>,
        /// Which ends belong.
        bounds: Bounds,
    },
}

impl Period {
    /// As the database keeps it: an open end is excluded, and a range of no extent
    /// that excludes an end is empty.
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

    /// The lower end, where there is one to compare with.
    pub fn lower(self) -> Option<Timestamp> {
        match self {
            Self::Empty => None,
            Self::Range { lower, .. } => lower,
        }
    }

    /// The upper end, where there is one to compare with.
    pub fn upper(self) -> Option<Timestamp> {
        match self {
            Self::Empty => None,
            Self::Range { upper, .. } => upper,
        }
    }

    /// Appends the JSON form.
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
