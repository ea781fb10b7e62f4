//! Checks an implementation of the Whippy Ware Stock API against its contract.
//!
//! The modules stand in reading order, and each imports only from those before it.

pub mod json;

pub mod finding;

pub mod outcome;

pub mod report;

pub mod compare;

pub mod target;

pub mod workers;

pub mod remote;

pub mod patient;

pub mod ledger;

pub mod guard;

pub mod clean_up;

pub mod contract;

pub mod documented;

pub mod scope;

pub mod pattern;

pub mod probe;

pub mod case;

pub mod checks;

pub mod catalogue;

pub mod run;

pub mod discovery;

pub mod assembly;

pub mod baseline;

pub mod verdict;

pub mod selection;

pub mod explain;

pub mod steps;

pub mod oracle;

pub mod explore;

pub mod linear;

pub mod calibrate;

pub mod traffic;

pub mod har;

pub mod recording;

pub mod proxy;
