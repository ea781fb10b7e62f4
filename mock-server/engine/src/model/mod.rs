//! The nouns of the API, and the parsing of their fields as the stack does it.

pub mod fields;
pub mod period;
pub mod place;
pub mod stock;
pub mod time;
