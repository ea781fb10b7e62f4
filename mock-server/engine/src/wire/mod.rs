//! Text, JSON, queries and forms as the stack reads and writes them. Nothing here knows stocks.

pub mod charset;
pub mod form;
pub mod json;
pub mod text;
pub mod urlencoded;
pub mod visible;
