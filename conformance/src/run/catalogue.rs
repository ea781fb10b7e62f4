//! Every check, with its id, level, source and safety.

use std::fmt;

use whippy_engine::assets;

use crate::cases::case::{self, Capability, Case, CaseFileError};
use crate::checks::{CHECKS, CodeCheck};
use crate::contract::documented::{self, Documented, DocumentedError};
use crate::contract::{Aspect, Contract};
use crate::model::finding::{Level, Source};
use crate::model::outcome::Safety;

/// One requirement of the contract.
pub struct Check {
    /// The id, which never changes and selects the check: `create/answers-the-stock`.
    pub id: String,
    /// The requirement, in a sentence.
    pub title: String,
    /// The reason why it matters, where the title does not say it.
    pub why: String,
    /// The level.
    pub level: Level,
    /// The source of the requirement.
    pub source: Source,
    /// The safety of its requests for the target.
    pub safety: Safety,
    /// Is true if stocks of others take part.
    pub shared: bool,
    /// The capability that the target must have.
    pub capability: Option<Capability>,
    /// The names that the environment must know.
    pub needs: Vec<&'static str>,
    /// The reading that it detects.
    pub reading: Option<String>,
    /// The readings, with their choices, without which it does not apply.
    pub when: Vec<(String, Vec<String>)>,
    /// The way in which it is carried out.
    pub method: Method,
}

/// The way in which a check is carried out.
pub enum Method {
    /// A case as data.
    Case(Box<Case>),
    /// A function.
    Code(&'static CodeCheck),
    /// A documented response, replayed in the state that the page shows.
    Replay(Box<Documented>),
    /// The violations of one aspect in every exchange; `None`: missing answers.
    Always(Option<Aspect>),
}

/// Faults of the suite's own, by which it has no checks.
#[derive(Debug)]
pub enum CatalogueError {
    /// A file of cases cannot be read.
    Cases(CaseFileError),
    /// A documented response cannot be read.
    Documented(DocumentedError),
    /// Two checks have the same id.
    Twins(String),
}

impl fmt::Display for CatalogueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cases(why) => why.fmt(f),
            Self::Documented(why) => why.fmt(f),
            Self::Twins(id) => write!(f, "two checks are called `{id}`"),
        }
    }
}

impl std::error::Error for CatalogueError {}

/// Returns the built-in checks. An error is a mistake of the suite.
pub fn built_in(contract: &Contract) -> Result<Vec<Check>, CatalogueError> {
    let mut checks = Vec::new();
    for (file, yaml) in assets::CASES {
        checks.extend(from_cases(file, yaml, contract).map_err(CatalogueError::Cases)?);
    }
    for check in CHECKS.iter().copied().flatten() {
        checks.push(from_code(check));
    }
    for (name, fixture) in documented::all().map_err(CatalogueError::Documented)? {
        checks.push(replay(name, fixture));
    }
    checks.extend(ALWAYS.iter().map(always));
    let mut ids: Vec<_> = checks.iter().map(|check| &check.id).collect();
    ids.sort_unstable();
    match ids.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(twins) => Err(CatalogueError::Twins(twins[0].clone())),
        None => Ok(checks),
    }
}

/// Returns the checks in a file of cases.
pub fn from_cases(
    file: &str,
    yaml: &str,
    contract: &Contract,
) -> Result<Vec<Check>, CaseFileError> {
    let cases = case::read(file, yaml, contract)?;
    Ok(cases.into_iter().map(from_case).collect())
}

fn from_case(case: Case) -> Check {
    let when = case.when.iter().map(|(reading, choices)| {
        let choices = choices.as_array().into_iter().flatten();
        let choices = choices.filter_map(|choice| choice.as_str().map(str::to_owned));
        (reading.clone(), choices.collect())
    });
    Check {
        id: case.id.clone(),
        title: case.title.clone(),
        why: case.why.clone(),
        level: case.level,
        source: case.source.clone(),
        safety: case.safety,
        shared: case.shared,
        capability: case.capability,
        needs: case.needs(),
        reading: case.reading.clone(),
        when: when.collect(),
        method: Method::Case(Box::new(case)),
    }
}

fn from_code(check: &'static CodeCheck) -> Check {
    let when = check.when.iter().map(|(reading, choices)| {
        let choices = choices.iter().map(|choice| (*choice).to_owned());
        ((*reading).to_owned(), choices.collect())
    });
    Check {
        id: check.id.to_owned(),
        title: check.title.to_owned(),
        why: String::new(),
        level: check.level,
        source: Source {
            section: check.section.to_owned(),
            quote: check.quote.to_owned(),
        },
        safety: check.safety,
        shared: check.shared,
        capability: check.capability,
        needs: check.needs.to_vec(),
        reading: check.reading.map(str::to_owned),
        when: when.collect(),
        method: Method::Code(check),
    }
}

fn replay(name: &str, fixture: Documented) -> Check {
    Check {
        id: format!("documented/{}", name.replace('_', "-")),
        title: format!("The documented response {name} comes out as the documentation shows it"),
        why: "Timestamps and ids included: it needs a target that can be put into the \
              documentation's state, so only a whippy-mock can be asked this."
            .to_owned(),
        level: Level::Must,
        source: fixture.source.clone(),
        safety: Safety::Write,
        shared: false,
        capability: None,
        needs: Vec::new(),
        reading: None,
        when: Vec::new(),
        method: Method::Replay(Box::new(fixture)),
    }
}

/// The checks of every exchange in a run: id, title, aspect, section, quote.
const ALWAYS: &[(&str, &str, Option<Aspect>, &str, &str)] = &[
    (
        "always/every-request-is-answered",
        "Every request gets a whole answer in time",
        None,
        "Stock",
        "Example Response (200 OK)",
    ),
    (
        "always/status-is-documented",
        "Every status is one that is documented for the operation",
        Some(Aspect::Status),
        "Stock",
        "Example Response (201 Created)",
    ),
    (
        "always/content-type-is-documented",
        "Every answer has the documented content type",
        Some(Aspect::ContentType),
        "List Stock",
        "'Accept': 'application/json'",
    ),
    (
        "always/headers-are-complete",
        "Every answer has the headers that the stack sends",
        Some(Aspect::Header),
        "docs/stack.md#headers",
        "Allow: GET, POST, HEAD, OPTIONS for a list",
    ),
    (
        "always/body-fits-its-schema",
        "Every body fits the schema of its operation and status",
        Some(Aspect::Body),
        "Stock",
        "The response includes the following parameters.",
    ),
];

fn always(row: &(&str, &str, Option<Aspect>, &str, &str)) -> Check {
    let (id, title, aspect, section, quote) = *row;
    Check {
        id: id.to_owned(),
        title: title.to_owned(),
        why: "Judged on every exchange of a run, whatever check sent it.".to_owned(),
        level: Level::Must,
        source: Source {
            section: section.to_owned(),
            quote: quote.to_owned(),
        },
        safety: Safety::Read,
        shared: false,
        capability: None,
        needs: Vec::new(),
        reading: None,
        when: Vec::new(),
        method: Method::Always(aspect),
    }
}
