//! Checks an implementation of the Whippy Ware Stock API against its contract.
//!
//! The modules stand in reading order, and each imports only from those before it.

pub mod finding;

pub mod target;

pub mod documented;

pub mod catalogue;

pub mod run;
