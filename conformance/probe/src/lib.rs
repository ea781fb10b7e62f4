//! Requests to a target, judged by the contract.
//!
//! A [`probe::Probe`] sends to a [`transport::target::Target`] at any distance, judges every answer
//! by the [`contract`] and keeps the exchanges for findings. Nothing in this crate knows a check, a
//! run or a report's format.

pub mod attribution;
pub mod contract;
pub mod model;
pub mod probe;
pub mod scope;
pub mod text;
pub mod transport;
pub mod workers;
