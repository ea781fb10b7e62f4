//! Reasons why a data file, or a state in it, cannot be used.

use std::fmt;
use std::io;
use std::path::PathBuf;

use whippy_engine::store::world::WorldError;

use super::LEAST_LIMIT;

/// A data file that cannot be used, and is left as it was.
#[derive(Debug)]
pub struct LogError {
    /// The file.
    pub path: PathBuf,
    /// The reason.
    pub why: FileError,
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.why)
    }
}

impl std::error::Error for LogError {}

/// Reasons why a data file cannot be used.
#[derive(Debug)]
pub enum FileError {
    /// The limit is below the least, bytes.
    Limit(u64),
    /// SQLite gives the name a meaning of its own.
    NameOfSqlite,
    /// The file cannot be read.
    Unreadable(io::Error),
    /// The path leads to something else than a file.
    NotAFile,
    /// The file is gone, and its write-ahead log is not.
    Torn(PathBuf),
    /// The file is not of this program.
    Foreign,
    /// The version of its tables is another.
    Format {
        /// The version.
        found: i32,
        /// The version that is read.
        known: i32,
    },
    /// Another process has it open.
    InUse,
    /// SQLite does not open it.
    Unopened(rusqlite::Error),
    /// SQLite does not use it.
    Unusable(rusqlite::Error),
    /// SQLite does not change its settings.
    Unprepared(rusqlite::Error),
    /// SQLite does not check it.
    Unchecked,
    /// The file holds other data than was written.
    Damaged(String),
    /// Commits that were answered are not in it.
    Missing {
        /// The number of commits.
        commits: u64,
        /// The write-ahead log, which most likely had them.
        ahead: PathBuf,
        /// The file that counts the answered commits.
        counter: PathBuf,
    },
    /// A world of it cannot be read.
    World {
        /// The name of the world.
        name: String,
        /// The reason.
        why: String,
    },
    /// The system gives no thread to write it.
    Thread(io::Error),
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit(limit) => write!(
                f,
                "it cannot be limited to {limit} bytes: the least is {LEAST_LIMIT}"
            ),
            Self::NameOfSqlite => f.write_str(
                "SQLite takes this for a name of its own, and nothing would be kept; \
                 name a file, such as ./mock.db",
            ),
            Self::Unreadable(error) => write!(f, "it cannot be read: {error}"),
            Self::NotAFile => f.write_str("it is not a file"),
            Self::Torn(ahead) => write!(
                f,
                "it is empty or missing, but {} beside it is not: they belong together",
                ahead.display()
            ),
            Self::Foreign => {
                f.write_str("it is no data file of whippy-mock; name another, or none that exists")
            }
            Self::Format { found, known } => write!(
                f,
                "its format is {found}, and this version of whippy-mock reads {known}"
            ),
            Self::InUse => f.write_str("another process is using it"),
            Self::Unopened(error) => write!(f, "it cannot be opened: {error}"),
            Self::Unusable(error) => write!(f, "it cannot be used: {error}"),
            Self::Unprepared(error) => write!(f, "it cannot be prepared: {error}"),
            Self::Unchecked => f.write_str("it cannot be checked"),
            Self::Damaged(why) => write!(f, "it is damaged, and left as it is: {why}"),
            Self::Missing {
                commits,
                ahead,
                counter,
            } => write!(
                f,
                "it is damaged, and left as it is: {commits} of the commits that were answered \
                 are missing, most likely from {}; to go on with what is left, delete {}",
                ahead.display(),
                counter.display()
            ),
            Self::World { name, why } => write!(f, "its world `{name}` cannot be read: {why}"),
            Self::Thread(error) => write!(f, "no thread for the log: {error}"),
        }
    }
}

impl std::error::Error for FileError {}

/// Reasons why a file does not give a past state of a world.
#[derive(Debug)]
pub enum PastError {
    /// SQLite does not read it.
    Unread(rusqlite::Error),
    /// The state after the write is not kept any more.
    NotKept(u64),
    /// The write is missing.
    Missing(u64),
    /// The state after a write is not a world.
    World {
        /// The number of the write.
        seq: u64,
        /// The reason.
        why: WorldError,
    },
    /// The file is being closed.
    Closing,
}

impl fmt::Display for PastError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unread(error) => error.fmt(f),
            Self::NotKept(seq) => write!(f, "the state after write {seq} is not kept any more"),
            Self::Missing(seq) => write!(f, "write {seq} is missing"),
            Self::World { seq, why } => write!(f, "the state after write {seq}: {why}"),
            Self::Closing => f.write_str("the data file is being closed"),
        }
    }
}

impl std::error::Error for PastError {}
