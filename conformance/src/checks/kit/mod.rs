//! Helpers shared by several files of checks. Those files import the kit, and never each other.

pub(super) mod leniency;
pub(super) mod letters;
pub(super) mod ordering;
pub(super) mod paging;
pub(super) mod places;
pub(super) mod sample;
pub(super) mod stocks;
