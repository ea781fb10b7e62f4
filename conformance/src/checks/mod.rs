//! Checks in Rust, for statements that a case as data cannot make.

mod access;
mod active_stocks;
mod batches;
mod bytes;
mod creates;
mod dates;
mod edges;
mod everywhere;
mod exploration;
mod filtering;
mod filters;
mod forms;
mod kit;
mod methods;
mod pages;
mod queries;
mod races;
mod sorting;
mod surveys;
mod views;

pub use exploration::ID as EXPLORATION;

use crate::cases::case::Capability;
use crate::cases::probe::{Probe, Stop};
use crate::model::finding::Level;
use crate::model::outcome::Safety;

/// A check and its place in the catalogue.
pub struct CodeCheck {
    /// The id, which never changes: `pages/concatenate-to-the-whole`.
    pub id: &'static str,
    /// The claim, as a sentence.
    pub title: &'static str,
    /// The level of its findings.
    pub level: Level,
    /// The source: a heading of the page, or a place in the documents such as
    /// `docs/stack.md#pagination`.
    pub section: &'static str,
    /// The words of the source.
    pub quote: &'static str,
    /// The safety of its requests for the target.
    pub safety: Safety,
    /// Is true if stocks of others take part, so that writes of others may disturb it.
    pub shared: bool,
    /// The names that the environment must know.
    pub needs: &'static [&'static str],
    /// The part of the API that the target must have.
    pub capability: Option<Capability>,
    /// The reading that it detects, if it detects one.
    pub reading: Option<&'static str>,
    /// The readings without which it does not apply, each with the choices that fit.
    pub when: &'static [(&'static str, &'static [&'static str])],
    /// The function that runs it.
    pub run: fn(&mut Probe<'_>) -> Result<(), Stop>,
}

impl CodeCheck {
    /// A MUST that only reads, as a base for struct update.
    pub const LOOK: Self = Self {
        id: "",
        title: "",
        level: Level::Must,
        section: "",
        quote: "",
        safety: Safety::Read,
        shared: false,
        needs: &[],
        capability: None,
        reading: None,
        when: &[],
        run: |_| Ok(()),
    };

    /// A MUST on stocks of its own at the run's provider and location.
    pub const WRITE: Self = Self {
        safety: Safety::Write,
        needs: &["provider", "location"],
        ..Self::LOOK
    };

    /// A MUST on any existing stocks, which others may write to meanwhile.
    pub const SURVEY: Self = Self {
        shared: true,
        ..Self::LOOK
    };
}

/// All checks, by section.
pub const CHECKS: &[&[CodeCheck]] = &[
    creates::CHECKS,
    filters::CHECKS,
    filtering::CHECKS,
    sorting::CHECKS,
    pages::CHECKS,
    surveys::CHECKS,
    queries::CHECKS,
    views::CHECKS,
    batches::CHECKS,
    dates::CHECKS,
    active_stocks::CHECKS,
    races::CHECKS,
    access::CHECKS,
    methods::CHECKS,
    everywhere::CHECKS,
    bytes::CHECKS,
    forms::CHECKS,
    edges::CHECKS,
    exploration::CHECKS,
];
