//! A stateful fake of the Whippy Ware Stock API.
//!
//! The modules stand in reading order, and each imports only from those before it.

pub mod assets;

pub mod wire;

pub mod profile;

pub mod problem;

pub mod model;

pub mod store;

pub mod query;

pub mod endpoints;

pub mod engine;

pub mod clock;

pub mod history;

pub mod log;

pub mod service;

pub mod defects;

pub mod findings;

pub mod faults;

pub mod journal;

pub mod worlds;

pub mod metrics;

pub mod bundle;

pub mod docs;

pub mod control;

pub mod request_log;

pub mod server;

pub mod embed;

pub mod child;
