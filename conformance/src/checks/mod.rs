//! Checks in Rust: what a case as data cannot say.

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
    /// Stable: `pages/concatenate-to-the-whole`.
    pub id: &'static str,
    /// What it asks, in a sentence.
    pub title: &'static str,
    /// How much it weighs.
    pub level: Level,
    /// Heading of the page, or place in the documents: `docs/stack.md#pagination`.
    pub section: &'static str,
    /// The words.
    pub quote: &'static str,
    /// What harm it may do.
    pub safety: Safety,
    /// Rows of others take part in it.
    pub shared: bool,
    /// What the environment must know.
    pub needs: &'static [&'static str],
    /// What the target must have.
    pub capability: Option<Capability>,
    /// The reading that it detects.
    pub reading: Option<&'static str>,
    /// The readings, with their choices, without which it does not apply.
    pub when: &'static [(&'static str, &'static [&'static str])],
    /// The check.
    pub run: fn(&mut Probe<'_>) -> Result<(), Stop>,
}

impl CodeCheck {
    /// A MUST that only looks; what differs is named by struct update.
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

    /// A MUST on whatever stocks there are, which others may write meanwhile.
    pub const SURVEY: Self = Self {
        shared: true,
        ..Self::LOOK
    };
}

/// All of them, by section.
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
