//! Reasons why arguments do not make a mock.

use std::error::Error;
use std::fmt;

use whippy_mock::http::Address;
use whippy_mock::log::LEAST_LIMIT;

/// Reasons why arguments do not make a mock. Each sentence begins with the flag: where the
/// value came by a variable or a file, that is named in its place.
#[derive(Debug)]
pub(crate) enum ArgsError {
    /// The flag does not take the value.
    Value {
        flag: &'static str,
        value: String,
        takes: String,
    },
    /// A file, a name or a text that the flag names cannot be used.
    Content { flag: String, why: Box<dyn Error> },
    /// The flag says nothing without another one.
    Needs(&'static str, &'static str),
    /// The value is empty.
    Empty(&'static str),
    /// The value has a line break, which no header can have.
    LineBreak(&'static str),
    /// A command needs a URL, and a Unix socket has none.
    SocketForCommand(Address),
    /// Other machines may connect, and nothing keeps them from `/__admin/`.
    Unguarded(Address),
    /// A Unix socket goes without TLS.
    TlsOnSocket(Address),
    /// A certificate is given, and one is to be made.
    TwoCertificates,
    /// A watch without a file to watch.
    NothingToWatch,
    /// The file of a world would overwrite the durable log.
    WatchedWorld(String),
}

impl ArgsError {
    pub(crate) fn value(flag: &'static str, value: &str, takes: impl Into<String>) -> Self {
        Self::Value {
            flag,
            value: value.to_owned(),
            takes: takes.into(),
        }
    }

    pub(crate) fn content(flag: impl Into<String>, why: impl Into<Box<dyn Error>>) -> Self {
        Self::Content {
            flag: flag.into(),
            why: why.into(),
        }
    }
}

impl fmt::Display for ArgsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value { flag, value, takes } => write!(f, "{flag} cannot be `{value}`: {takes}"),
            Self::Content { flag, why } => write!(f, "{flag}: {why}"),
            Self::Needs(flag, other) => write!(f, "{flag} needs {other} beside it"),
            Self::Empty(flags) => write!(f, "{flags} must not be empty"),
            Self::LineBreak(flag) => write!(
                f,
                "{flag} has a line break in it, which no client can send; remove it"
            ),
            Self::SocketForCommand(unix) => write!(
                f,
                "--listen {unix} is nothing for exec: WHIPPY_URL must be a URL that any client takes"
            ),
            Self::Unguarded(listen) => write!(
                f,
                "--listen {listen} lets other machines in: --admin-token must say who of them \
                 may use /__admin/"
            ),
            Self::TlsOnSocket(unix) => write!(
                f,
                "--listen {unix} goes without TLS: nobody is on the way to a Unix socket"
            ),
            Self::TwoCertificates => f.write_str(
                "--tls-self-signed makes a certificate of its own: leave out --tls-cert and \
                 --tls-key, or it",
            ),
            Self::NothingToWatch => {
                f.write_str("--watch needs a file to watch: one of --world, --profile or --faults")
            }
            Self::WatchedWorld(world) => write!(
                f,
                "--watch would put what --world {world} says in place of what --data keeps: \
                 leave out one of the three"
            ),
        }
    }
}

/// A value that a flag takes in another form or range.
#[derive(Debug)]
pub(super) enum ValueError {
    Between(u32, u32),
    DataLimit,
    Truth,
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Between(least, most) => {
                write!(f, "it takes a whole number from {least} to {most}")
            }
            Self::DataLimit => write!(f, "it takes a whole number from {LEAST_LIMIT} up"),
            Self::Truth => f.write_str("it takes true or false"),
        }
    }
}

impl Error for ValueError {}
