//! Reasons why a bundle cannot be read or played.

use std::fmt;

use whippy_engine::defects::UnknownDefect;
use whippy_engine::history::HistoryError;
use whippy_engine::profile::ProfileError;
use whippy_engine::store::world::WorldError;

use super::VERSION;
use crate::faults::FaultError;

/// Reasons why a bundle cannot be played.
#[derive(Debug)]
pub enum BundleError {
    /// The document is not a bundle.
    Foreign(String),
    /// The bundle is of another version.
    Version(u32),
    /// The document does not fit the schema of bundles.
    Damaged(String),
    /// A world of it cannot be made.
    World {
        /// The name of the world.
        name: String,
        /// The reason.
        why: Box<StageError>,
    },
}

/// Reasons why a world of a bundle cannot be made.
#[derive(Debug)]
pub enum StageError {
    /// The readings are not in the register.
    Profile(ProfileError),
    /// The time zone is not a distance from UTC.
    Zone(String),
    /// The first state is not a world.
    Base(WorldError),
    /// One of its defects is not known.
    Defect(UnknownDefect),
    /// The faults cannot be read.
    Faults(FaultError),
    /// A write cannot be read.
    Write(u64, PartError),
    /// A write is missing.
    Missing(u64),
}

/// Reasons why a part of an exchange cannot be read.
#[derive(Debug)]
pub enum PartError {
    /// A body is not base64.
    Base64(base64::DecodeError),
    /// A body has both forms.
    TwoBodies,
    /// A moment is out of bounds, microseconds since 1970.
    Moment(i64),
    /// A text is not a method.
    Method(String),
    /// A text is not a path.
    Target(String, http::uri::InvalidUri),
    /// A name and a value are not a header.
    Header(String, String),
}

/// Reasons why the state that an exchange saw cannot be reached.
#[derive(Debug)]
pub(super) enum Unreached {
    /// The exchange was answered after a write that the bundle does not have.
    Beyond {
        /// The number of the write.
        seq: u64,
        /// The number of the last write there is.
        last: u64,
    },
    /// A write before it cannot be repeated.
    Write(HistoryError),
}

impl fmt::Display for Unreached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Beyond { seq, last } => {
                write!(
                    f,
                    "it was answered after write {seq}, and the last is {last}"
                )
            }
            Self::Write(why) => why.fmt(f),
        }
    }
}

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign(why) => write!(f, "it is no bundle of whippy-mock: {why}"),
            Self::Version(other) => write!(
                f,
                "it is a bundle of version {other}, and this whippy-mock plays version {VERSION}"
            ),
            Self::Damaged(why) => write!(f, "the bundle is damaged: {why}"),
            Self::World { name, why } => write!(f, "the world `{name}` cannot be made: {why}"),
        }
    }
}

impl fmt::Display for StageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Profile(why) => why.fmt(f),
            Self::Zone(text) => write!(f, "`{text}` is no zone"),
            Self::Base(why) => why.fmt(f),
            Self::Defect(why) => why.fmt(f),
            Self::Faults(why) => why.fmt(f),
            Self::Write(seq, why) => write!(f, "write {seq}: {why}"),
            Self::Missing(seq) => write!(f, "write {seq} is missing"),
        }
    }
}

impl fmt::Display for PartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Base64(error) => write!(f, "a body is no base64: {error}"),
            Self::TwoBodies => f.write_str("a body is text or base64, not both"),
            Self::Moment(micros) => write!(f, "{micros} is no moment of the years 1 to 9999"),
            Self::Method(text) => write!(f, "`{text}` is no method"),
            Self::Target(text, error) => write!(f, "`{text}` is no path: {error}"),
            Self::Header(name, value) => write!(f, "`{name}: {value}` is no header"),
        }
    }
}

impl std::error::Error for BundleError {}

impl std::error::Error for StageError {}

impl std::error::Error for PartError {}
