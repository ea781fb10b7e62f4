//! The command line: flags, files and the commands behind them.

pub(crate) mod args;
pub(crate) mod environment;
pub(crate) mod exec;
pub(crate) mod health;
pub(crate) mod listing;
pub(crate) mod mock;
pub(crate) mod origins;
pub(crate) mod reload;
pub(crate) mod replay;
pub(crate) mod sources;

/// The exit code where nothing was tested: a command sent the mock no request, or no answer of a
/// bundle was compared.
pub(crate) const NOTHING_ASKED: u8 = 4;
