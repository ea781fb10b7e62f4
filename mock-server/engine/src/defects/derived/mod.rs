//! Defects that are derived by rule: every site of the contract, crossed with the ways to break
//! it.
//!
//! A site is a part of an answer, an argument, a filter, an order, a page, a stored member, a
//! row of a batch or a view of written data. Each file crosses its sites with the ways that
//! apply to them, and [`DERIVED`] lists the product. A name is a path:
//! `derived/create-stock/201/sku/null`.

mod access;
mod answers;
mod arguments;
mod batches;
mod dates;
mod edges;
mod filters;
mod lists;
mod pages;
mod statement;
mod stored;
mod value;
mod views;

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::LazyLock;

pub use statement::{ALL as STATEMENTS, Statement};

use super::effect::{Defect, Effect, Way};

/// A derived defect and the statement of the contract that it breaks.
pub struct Derived {
    /// The path `derived/OPERATION/SITE/WAY`.
    pub name: String,
    /// The deviation in one sentence.
    pub about: String,
    /// The statement that it breaks.
    pub statement: &'static Statement,
    operations: Vec<&'static str>,
    way: Box<dyn Way>,
}

impl Derived {
    /// A defect of some operations; the first of them stands in the name, or `all` if there is
    /// none.
    fn new(
        operations: &[&'static str],
        (site, way): (impl Display, impl Display),
        statement: &'static Statement,
        about: String,
        effect: impl Way + 'static,
    ) -> Self {
        let operation = operations.first().copied().unwrap_or("all");
        Self {
            name: format!("derived/{operation}/{site}/{way}"),
            about,
            statement,
            operations: operations.to_vec(),
            way: Box::new(effect),
        }
    }
}

/// Every derived defect, in the order of its sites.
pub static DERIVED: LazyLock<Vec<Derived>> = LazyLock::new(|| {
    let families = [
        answers::rows(),
        filters::rows(),
        lists::rows(),
        pages::rows(),
        arguments::rows(),
        stored::rows(),
        dates::rows(),
        batches::rows(),
        views::rows(),
        access::rows(),
        edges::rows(),
    ];
    families.into_iter().flatten().collect()
});

/// The rows of [`DERIVED`] as defects, in the same order.
static DEFECTS: LazyLock<Vec<Defect>> = LazyLock::new(|| {
    let as_defect = |derived: &'static Derived| Defect {
        name: &derived.name,
        about: &derived.about,
        operations: &derived.operations,
        effect: Effect::Derived(&*derived.way),
    };
    DERIVED.iter().map(as_defect).collect()
});

static POSITIONS: LazyLock<HashMap<&'static str, usize>> = LazyLock::new(|| {
    let names = DEFECTS.iter().map(|defect| defect.name);
    names.zip(0..).collect()
});

/// The derived defects, in the order of [`DERIVED`].
pub fn defects() -> &'static [Defect] {
    &DEFECTS
}

/// Finds a derived defect by name.
pub(super) fn find(name: &str) -> Option<&'static Defect> {
    if !name.starts_with("derived/") {
        return None;
    }
    POSITIONS.get(name).map(|position| &DEFECTS[*position])
}
