//! The command: flags and files around the library, and the order of steps in a run. Nothing
//! outside this folder knows the environment, signals or terminals.

pub(crate) mod args;
pub(crate) mod calibrate;
pub(crate) mod check_har;
pub(crate) mod conduct;
pub(crate) mod connection;
pub(crate) mod embedded;
pub(crate) mod explore;
pub(crate) mod files;
pub(crate) mod interrupt;
pub(crate) mod layers;
pub(crate) mod origins;
pub(crate) mod permission;
pub(crate) mod plan;
pub(crate) mod printing;
pub(crate) mod progress;
pub(crate) mod refusal;
pub(crate) mod secrets;
pub(crate) mod settings;
pub(crate) mod watch;
