//! The Stock API as a value: a request and a moment in, an answer out.
//!
//! Nothing in this crate does I/O, reads the system's clock or starts a thread. Equal histories
//! give equal worlds.

pub mod answers;
pub mod assets;
pub mod backend;
pub mod clock;
pub mod defects;
pub mod durability;
pub mod endpoints;
pub mod engine;
pub mod exchange;
pub mod findings;
pub mod folding;
pub mod history;
pub mod html;
pub mod members;
pub mod model;
pub mod openapi;
pub mod operations;
pub mod problem;
pub mod profile;
pub mod query;
pub mod redact;
pub mod store;
pub mod suggest;
pub mod tokens;
pub mod versions;
pub mod wire;
