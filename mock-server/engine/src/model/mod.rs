//! The nouns of the API and how the stack parses a field of each kind.

pub mod fields;
pub mod period;
pub mod place;
pub mod stock;
pub mod time;
