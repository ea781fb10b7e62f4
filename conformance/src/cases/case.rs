//! A case as data: the content of `fixtures/cases/*.yaml`, and the code that runs it.
//!
//! The format is described in `schemas/cases.schema.json` and `docs/cases.md`.

use std::collections::BTreeSet;
use std::fmt;

use http::{HeaderMap, Method};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use serde_saphyr::Spanned;
use whippy_engine::profile::{Accepts, Reading};

use crate::cases::probe::{Answer, Ask, Credentials, Payload, Probe, Stop};
use crate::cases::scope::{ENVIRONMENT, Relation, Scope, ScopeError, Template};
use crate::contract::Contract;
use crate::contract::pattern::{Pattern, PatternError};
use crate::model::finding::{Finding, Kind, Level, Source, cut};
use crate::model::outcome::Safety;

/// One case.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Case {
    /// The id, which never changes: `create/answers-the-stock`.
    pub id: String,
    /// The claim, as a sentence.
    pub title: String,
    /// The reason why it matters, where the title does not say it.
    #[serde(default)]
    pub why: String,
    /// The level of its findings; for the case of a reading, their level under a profile.
    pub level: Level,
    /// The source of the requirement.
    pub source: Source,
    /// The part of the API that the target must have; without it the case is unsupported.
    #[serde(default)]
    pub capability: Option<Capability>,
    /// The safety of its requests for the target.
    pub safety: Safety,
    /// The reading that it detects, if it detects one.
    #[serde(default)]
    pub reading: Option<String>,
    /// The readings, with their choices, without which the case does not apply.
    #[serde(default)]
    pub when: Map<String, Value>,
    /// Is true if stocks of others take part, so that writes of others may disturb it.
    #[serde(default)]
    pub shared: bool,
    /// The variants: for each name, the values of names in it.
    #[serde(default)]
    pub rows: Map<String, Value>,
    /// The stocks to create first: for each name, the members that differ from the usual ones.
    #[serde(default)]
    pub given: Map<String, Value>,
    /// The requests, in order.
    pub steps: Vec<Step>,
    /// The relations that must hold between the answers.
    #[serde(default)]
    pub relations: Vec<Relation>,
    /// The choices of the reading, with the expectations that each implies.
    #[serde(default)]
    pub choices: Choices,
    /// The requests to send in any case at the end.
    #[serde(default)]
    pub finally: Vec<Step>,
}

/// The most characters of a body that is not JSON, in a finding.
const LONGEST_TEXT: usize = 16_000;

/// A part of the API that a target may lack without breaking a documented promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// `/api/v1/providers/`, `/stock-locations/` and `/stock-lists/`.
    Places,
    /// `POST /api/v1/auth/login/`.
    Login,
    /// `OPTIONS /api/v1/stocks/`.
    Metadata,
    /// `GET /api/v1/active_user/`.
    ActiveUser,
}

/// One request of a case.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Step {
    /// The name of the answer's body, also used in reports.
    pub name: String,
    /// The request to send.
    pub request: RequestTemplate,
    /// The expected answer.
    #[serde(default)]
    pub expect: Expect,
    /// Names for parts of the body, by JSON pointer.
    #[serde(default)]
    pub capture: Map<String, Value>,
    /// Is true if the request only prepares the state, so that its failure is not a finding.
    #[serde(default)]
    pub setup: bool,
    /// The number of times it is sent, with the same expectation each time.
    #[serde(default = "once")]
    pub repeat: u32,
}

fn once() -> u32 {
    1
}

/// A request whose parts may refer to names.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RequestTemplate {
    /// An operation of `openapi.json`, which gives method and path.
    #[serde(default)]
    operation: Option<String>,
    /// A method in place of the operation's.
    #[serde(default)]
    method: Option<Template>,
    /// An encoded path in place of the operation's.
    #[serde(default)]
    path: Option<Template>,
    /// The values for `{name}` in the operation's path.
    #[serde(default)]
    path_arguments: Map<String, Value>,
    /// Parameters to encode; a list is sent as a repeated parameter.
    #[serde(default)]
    query: Option<Template>,
    /// A query that is already encoded.
    #[serde(default)]
    raw_query: Option<Template>,
    /// Further headers; null removes one.
    #[serde(default)]
    headers: Map<String, Value>,
    /// A JSON body.
    #[serde(default, deserialize_with = "present")]
    body: Option<Template>,
    /// A body to send as it is.
    #[serde(default)]
    raw_body: Option<Template>,
    /// Arguments for the body or the query, whichever the target reads according to
    /// `reservation-arguments` and `query-arguments`.
    #[serde(default)]
    arguments: Option<Template>,
    /// `none`, or an `Authorization` header in place of the usual one.
    #[serde(default)]
    credentials: Option<Template>,
    /// Is true if no correct client would send it.
    #[serde(default)]
    invalid: bool,
}

/// Tells `body: null`, which is a body, from a missing `body`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Template>, D::Error> {
    Template::deserialize(deserializer).map(Some)
}

/// The expected answer of a step.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Expect {
    /// The allowed statuses; empty: any.
    #[serde(default)]
    status: Statuses,
    /// Headers, each with a pattern; null: the header must be absent.
    #[serde(default)]
    headers: Map<String, Value>,
    /// The pattern of the JSON body.
    #[serde(default, deserialize_with = "present_pattern")]
    body: Option<Pattern>,
    /// The body as text.
    #[serde(default)]
    text: Option<Template>,
}

fn present_pattern<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Pattern>, D::Error> {
    Pattern::deserialize(deserializer).map(Some)
}

/// One status or several.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Statuses {
    #[default]
    Any,
    One(u16),
    Several(Vec<u16>),
}

impl Statuses {
    fn as_slice(&self) -> &[u16] {
        match self {
            Self::Any => &[],
            Self::One(status) => std::slice::from_ref(status),
            Self::Several(statuses) => statuses,
        }
    }
}

/// The choices of a reading, in order.
#[derive(Debug, Clone, Default)]
pub struct Choices(Vec<(String, Choice)>);

impl<'de> Deserialize<'de> for Choices {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Choices;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the choices of a reading")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Choices, A::Error> {
                let mut choices = Vec::new();
                while let Some(choice) = map.next_entry()? {
                    choices.push(choice);
                }
                Ok(Choices(choices))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

/// The expectations under one choice of a reading.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// On the answers, each with the name of its step.
    #[serde(default)]
    expect: Vec<StepExpect>,
    /// On the relations between the answers.
    #[serde(default)]
    relations: Vec<Relation>,
}

/// The answer that a step must have had under a choice.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct StepExpect {
    step: String,
    #[serde(default)]
    status: Statuses,
    #[serde(default, deserialize_with = "present_pattern")]
    body: Option<Pattern>,
}

/// A file of cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    cases: Vec<Spanned<Case>>,
}

/// A file of cases that cannot be read.
#[derive(Debug)]
pub enum CaseFileError {
    /// The file does not fit the schema of cases.
    Format(String, Box<serde_saphyr::Error>),
    /// A case contradicts itself, the contract or the register of readings.
    Case {
        /// The file, with line and column.
        place: String,
        /// The id of the case.
        id: String,
        /// The contradiction.
        why: Box<CaseError>,
    },
}

/// A contradiction in a case.
#[derive(Debug)]
pub enum CaseError {
    /// The id is not a section and a name.
    Id,
    /// There is a reading without choices, or choices without a reading.
    Reading,
    /// `when` does not list the choices of this reading.
    When(String),
    /// There is no such reading.
    UnknownReading(String),
    /// The reading has no such choice.
    UnknownChoice {
        /// The reading.
        reading: &'static Reading,
        /// The choice.
        choice: String,
        /// The choices that it has.
        known: &'static [&'static str],
    },
    /// The row does not list names and values.
    Row(String),
    /// The row has other names than the first one.
    OtherNames(String),
    /// A `${…}` cannot be read.
    Scope(ScopeError),
    /// The request of a step cannot be sent.
    Request(String, RequestError),
    /// The choice is about a step that there is not.
    UnknownStep {
        /// The choice.
        choice: String,
        /// The step.
        step: String,
    },
    /// A name is used that nothing has given a value.
    UnknownName {
        /// The place in the case.
        place: String,
        /// The name.
        name: String,
    },
}

/// Reasons why the request of a step cannot be sent.
#[derive(Debug)]
pub enum RequestError {
    /// It names neither an operation nor a path.
    NoAddress,
    /// It names both.
    TwoAddresses,
    /// There is no such operation.
    UnknownOperation(String),
    /// The text is not a method.
    Method(String),
    /// A `${…}` cannot be read, or has no value.
    Scope(ScopeError),
}

impl From<ScopeError> for CaseError {
    fn from(error: ScopeError) -> Self {
        Self::Scope(error)
    }
}

impl From<ScopeError> for RequestError {
    fn from(error: ScopeError) -> Self {
        Self::Scope(error)
    }
}

impl fmt::Display for CaseFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format(place, why) => write!(f, "{place}: {}", why.without_snippet()),
            Self::Case { place, id, why } => write!(f, "{place}: {id}: {why}"),
        }
    }
}

impl fmt::Display for CaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id => f.write_str("an id reads like `create/answers-the-stock`"),
            Self::Reading => f.write_str("`reading` and `choices` belong together"),
            Self::When(reading) => write!(f, "`when: {reading}` takes a list of choices"),
            Self::UnknownReading(id) => write!(f, "`{id}` is no reading of the register"),
            Self::UnknownChoice {
                reading,
                choice,
                known,
            } => write!(
                f,
                "`{choice}` is no choice of `{}`; there are {}",
                reading.id(),
                known.join(", ")
            ),
            Self::Row(row) => write!(f, "row `{row}` is no list of names and values"),
            Self::OtherNames(row) => {
                write!(f, "row `{row}` has other names than the first row")
            }
            Self::Scope(why) => why.fmt(f),
            Self::Request(step, why) => write!(f, "step `{step}`: {why}"),
            Self::UnknownStep { choice, step } => {
                write!(f, "choice `{choice}`: there is no step `{step}`")
            }
            Self::UnknownName { place, name } => {
                write!(f, "{place}: nothing is known as `{name}`")
            }
        }
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAddress => f.write_str("a request names an `operation` or a `path`"),
            Self::TwoAddresses => f.write_str("`operation` and `path` exclude each other"),
            Self::UnknownOperation(id) => write!(f, "`{id}` is no operation of openapi.json"),
            Self::Method(text) => write!(f, "`{text}` is no method"),
            Self::Scope(why) => why.fmt(f),
        }
    }
}

impl std::error::Error for CaseFileError {}

/// Reads and checks a file of cases.
pub fn read(file: &str, yaml: &str, contract: &Contract) -> Result<Vec<Case>, CaseFileError> {
    let read: CaseFile = serde_saphyr::from_str(yaml).map_err(|error| {
        let place = error
            .location()
            .map(|at| format!(":{}:{}", at.line(), at.column()))
            .unwrap_or_default();
        CaseFileError::Format(format!("{file}{place}"), Box::new(error))
    })?;
    let mut cases = Vec::new();
    for case in read.cases {
        let at = case.referenced;
        let case = case.value;
        check(&case, contract).map_err(|why| CaseFileError::Case {
            place: format!("{file}:{}:{}", at.line(), at.column()),
            id: case.id.clone(),
            why: Box::new(why),
        })?;
        cases.push(case);
    }
    Ok(cases)
}

/// Checks the rules that the format alone does not express.
fn check(case: &Case, contract: &Contract) -> Result<(), CaseError> {
    let (section, rest) = case.id.split_once('/').unwrap_or((&case.id, ""));
    let is_kebab = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    if !is_kebab(section) || !is_kebab(rest) {
        return Err(CaseError::Id);
    }
    if case.reading.is_none() != case.choices.0.is_empty() {
        return Err(CaseError::Reading);
    }
    for (choice, _) in &case.choices.0 {
        is_choice(case.reading.as_deref().unwrap_or_default(), choice)?;
    }
    for (reading, choices) in &case.when {
        let choices = choices
            .as_array()
            .ok_or_else(|| CaseError::When(reading.clone()))?;
        for choice in choices {
            is_choice(reading, choice.as_str().unwrap_or_default())?;
        }
    }
    Names::new(case)?.check(case, contract)
}

fn is_choice(reading: &str, choice: &str) -> Result<(), CaseError> {
    let known = Reading::ALL
        .iter()
        .find(|known| known.id() == reading)
        .ok_or_else(|| CaseError::UnknownReading(reading.to_owned()))?;
    match known.accepts() {
        Accepts::Choices(choices) if !choices.contains(&choice) => Err(CaseError::UnknownChoice {
            reading: known,
            choice: choice.to_owned(),
            known: choices,
        }),
        _ => Ok(()),
    }
}

/// The names known at one point of a case.
struct Names(Vec<String>);

impl Names {
    fn new(case: &Case) -> Result<Self, CaseError> {
        let mut names: Vec<String> = ENVIRONMENT
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect();
        let mut columns: Option<Vec<&String>> = None;
        for (row, values) in &case.rows {
            let values = values
                .as_object()
                .ok_or_else(|| CaseError::Row(row.clone()))?;
            let here: Vec<_> = values.keys().collect();
            if *columns.get_or_insert_with(|| here.clone()) != here {
                return Err(CaseError::OtherNames(row.clone()));
            }
        }
        names.extend(columns.into_iter().flatten().cloned());
        Ok(Self(names))
    }

    fn check(mut self, case: &Case, contract: &Contract) -> Result<(), CaseError> {
        for (row, values) in &case.rows {
            let template = Template::try_from(values.clone())?;
            self.all(&template.names(), || format!("row `{row}`"))?;
        }
        for (name, differing) in &case.given {
            let template = Template::try_from(differing.clone())?;
            self.all(&template.names(), || format!("given `{name}`"))?;
            self.0.push(name.clone());
        }
        for step in case.steps.iter().chain(&case.finally) {
            let place = || format!("step `{}`", step.name);
            step.request
                .check(contract)
                .map_err(|why| CaseError::Request(step.name.clone(), why))?;
            self.all(&step.request.names()?, place)?;
            self.0.push(step.name.clone());
            self.0.extend(step.capture.keys().cloned());
            self.all(&step.expect.names(), place)?;
        }
        for relation in &case.relations {
            self.relation(relation)?;
        }
        for (choice, shown) in &case.choices.0 {
            for expect in &shown.expect {
                let known = case.steps.iter().any(|step| step.name == expect.step);
                if !known {
                    return Err(CaseError::UnknownStep {
                        choice: choice.clone(),
                        step: expect.step.clone(),
                    });
                }
                let names = expect.body.as_ref().map(Pattern::names).unwrap_or_default();
                self.all(&names, || format!("choice `{choice}`"))?;
            }
            for relation in &shown.relations {
                self.relation(relation)?;
            }
        }
        Ok(())
    }

    fn relation(&self, relation: &Relation) -> Result<(), CaseError> {
        let names = relation.names().map(str::to_owned);
        self.all(&names, || format!("relation `{relation}`"))
    }

    fn all(&self, names: &[String], place: impl Fn() -> String) -> Result<(), CaseError> {
        match names.iter().find(|name| !self.0.contains(name)) {
            None => Ok(()),
            Some(unknown) => Err(CaseError::UnknownName {
                place: place(),
                name: unknown.clone(),
            }),
        }
    }
}

impl RequestTemplate {
    fn templates(&self) -> impl Iterator<Item = &Template> {
        [
            &self.method,
            &self.path,
            &self.query,
            &self.raw_query,
            &self.body,
            &self.raw_body,
            &self.arguments,
            &self.credentials,
        ]
        .into_iter()
        .flatten()
    }

    fn names(&self) -> Result<Vec<String>, ScopeError> {
        let mut names: Vec<_> = self.templates().flat_map(Template::names).collect();
        for values in [&self.headers, &self.path_arguments] {
            names.extend(Template::try_from(Value::Object(values.clone()))?.names());
        }
        Ok(names)
    }

    fn check(&self, contract: &Contract) -> Result<(), RequestError> {
        match (&self.operation, &self.path) {
            (None, None) => Err(RequestError::NoAddress),
            (Some(id), None) if contract.operation(id).is_none() => {
                Err(RequestError::UnknownOperation(id.clone()))
            }
            (Some(_), Some(_)) => Err(RequestError::TwoAddresses),
            _ => Ok(()),
        }
    }

    fn ask(&self, probe: &Probe<'_>) -> Result<Ask, RequestError> {
        let scope = &probe.scope;
        let operation = self
            .operation
            .as_deref()
            .and_then(|id| probe.session.contract.operation(id));
        let mut path = match (&self.path, operation) {
            (Some(path), _) => path.text(scope)?,
            (None, Some(operation)) => operation.path.clone(),
            (None, None) => return Err(RequestError::NoAddress),
        };
        for (name, value) in &self.path_arguments {
            let value = Template::try_from(value.clone())?.text(scope)?;
            path = path.replace(&format!("{{{name}}}"), &value);
        }
        let method = match (&self.method, operation) {
            (Some(method), _) => {
                let method = method.text(scope)?;
                method.parse().map_err(|_| RequestError::Method(method))?
            }
            (None, Some(operation)) => operation.method.clone(),
            (None, None) => Method::GET,
        };
        let mut ask = Ask::new(method, &path);
        if let Some(query) = &self.query {
            ask.query = pairs(&query.fill(scope)?);
        }
        if let Some(raw) = &self.raw_query {
            ask.path = format!("{path}?{}", raw.text(scope)?);
        }
        for (name, value) in &self.headers {
            let value = match value {
                Value::Null => None,
                value => Some(Template::try_from(value.clone())?.text(scope)?),
            };
            ask.headers.push((name.clone(), value));
        }
        if let Some(body) = &self.body {
            ask.payload = Payload::Json(body.fill(scope)?);
        } else if let Some(raw) = &self.raw_body {
            ask.payload = Payload::Raw(raw.text(scope)?.into());
        }
        if let Some(arguments) = &self.arguments {
            ask = with_arguments(probe, ask, arguments.fill(scope)?);
        }
        if let Some(credentials) = &self.credentials {
            ask.credentials = match credentials.text(scope)?.as_str() {
                "none" => Credentials::None,
                other => Credentials::Other(other.to_owned()),
            };
        }
        ask.invalid = self.invalid;
        Ok(ask)
    }
}

/// Adds arguments to a request where the target reads them: in the body or in the query.
pub fn with_arguments(probe: &Probe<'_>, mut ask: Ask, arguments: Value) -> Ask {
    if takes_query(probe, &ask.path) {
        ask.query.extend(pairs(&arguments));
    } else {
        ask.payload = Payload::Json(arguments);
    }
    ask
}

/// Returns `true` if the target has shown that it reads an operation's arguments only from the
/// query.
pub fn takes_query(probe: &Probe<'_>, path: &str) -> bool {
    let reading = if path.contains("reserved_stock") {
        "reservation-arguments"
    } else {
        "query-arguments"
    };
    probe.session.sees(reading, "query")
}

fn pairs(parameters: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    let members = parameters.as_object().into_iter().flatten();
    members
        .flat_map(|(name, value)| match value {
            Value::Array(items) => items
                .iter()
                .map(|item| (name.clone(), text(item)))
                .collect(),
            value => vec![(name.clone(), text(value))],
        })
        .collect()
}

impl Expect {
    fn names(&self) -> Vec<String> {
        let body = self.body.iter().flat_map(Pattern::names);
        body.chain(self.text.iter().flat_map(Template::names))
            .collect()
    }

    /// Returns the only member that an expected refusal concerns.
    fn refused_member(&self, scope: &Scope) -> Option<String> {
        let mut names = self.body.as_ref()?.member_names().into_iter();
        match (names.next(), names.next()) {
            (Some(name), None) => {
                let name = Template::try_from(Value::from(name)).ok()?;
                name.text(scope).ok()
            }
            _ => None,
        }
    }

    /// Compares an answer with the expectation, and returns the difference. The error is a mistake
    /// of the suite.
    fn mismatch(
        &self,
        answer: &Answer,
        scope: &Scope,
        level: Level,
    ) -> Result<Option<Finding>, PatternError> {
        let statuses = self.status.as_slice();
        if !statuses.is_empty() && !statuses.contains(&answer.status) {
            let mut finding = Finding::status(level, statuses, answer.came);
            if let Kind::Status { member, .. } = &mut finding.kind {
                *member = self.refused_member(scope);
            }
            return Ok(Some(finding));
        }
        for (name, pattern) in &self.headers {
            if let Some(summary) = header_mismatch(&answer.headers, name, pattern, scope)? {
                return Ok(Some(Finding {
                    kind: Kind::Header(name.to_ascii_lowercase()),
                    ..Finding::new(level, summary)
                }));
            }
        }
        if let Some(text) = &self.text {
            let expected = text.text(scope)?;
            let got = String::from_utf8_lossy(&answer.bytes).into_owned();
            if got != expected {
                return Ok(Some(Finding {
                    kind: Kind::Members,
                    expected: Some(cut(&expected, LONGEST_TEXT).into_owned()),
                    got: Some(cut(&got, LONGEST_TEXT).into_owned()),
                    ..Finding::new(level, "the body differs")
                }));
            }
        }
        match &self.body {
            Some(pattern) => body_mismatch(pattern, answer, scope, level),
            None => Ok(None),
        }
    }
}

fn body_mismatch(
    pattern: &Pattern,
    answer: &Answer,
    scope: &Scope,
    level: Level,
) -> Result<Option<Finding>, PatternError> {
    let Some(got) = &answer.body else {
        return Ok(Some(Finding {
            got: Some(cut(&String::from_utf8_lossy(&answer.bytes), LONGEST_TEXT).into_owned()),
            kind: Kind::ContentType,
            ..Finding::new(level, "expected a JSON body, got none")
        }));
    };
    let wrong = pattern.mismatch(scope, got)?;
    Ok(wrong.map(|wrong| Finding::bodies(level, wrong.at, &wrong.expected, got)))
}

fn header_mismatch(
    headers: &HeaderMap,
    name: &str,
    expected: &Value,
    scope: &Scope,
) -> Result<Option<String>, PatternError> {
    let got = headers
        .get(name)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    if expected.is_null() {
        return Ok(got.map(|got| format!("expected no header `{name}`, got `{got}`")));
    }
    let pattern = Pattern::try_from(expected.clone())?;
    let shown = got
        .clone()
        .map_or_else(|| "none".to_owned(), |got| format!("`{got}`"));
    let fits = match (got, expected) {
        (Some(got), Value::String(wanted)) if is_a_set(name) => members(&got) == members(wanted),
        (Some(got), _) => pattern.mismatch(scope, &Value::String(got))?.is_none(),
        (None, _) => false,
    };
    Ok((!fits).then(|| format!("expected the header `{name}` to be {expected}, got {shown}")))
}

/// Returns `true` for a header that lists a set: the framework writes it in another order in every
/// process.
fn is_a_set(header: &str) -> bool {
    ["allow", "vary"]
        .iter()
        .any(|name| header.eq_ignore_ascii_case(name))
}

/// Returns the members of a header that is a list.
fn members(list: &str) -> BTreeSet<String> {
    let members = list.split(',').map(|member| member.trim().to_owned());
    members.filter(|member| !member.is_empty()).collect()
}

impl Case {
    /// Returns the names in the case that the environment may lack.
    pub fn needs(&self) -> Vec<&'static str> {
        let mut used: Vec<String> = Vec::new();
        for step in self.steps.iter().chain(&self.finally) {
            // The same parts were read without an error before.
            used.extend(step.request.names().unwrap_or_default());
            used.extend(step.expect.names());
        }
        for values in self.rows.values().chain(self.given.values()) {
            let template = Template::try_from(values.clone());
            used.extend(
                template
                    .map(|template| template.names())
                    .unwrap_or_default(),
            );
        }
        if !self.given.is_empty() {
            used.extend(["provider".to_owned(), "location".to_owned()]);
        }
        ENVIRONMENT
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| used.iter().any(|used| used == name))
            .collect()
    }

    /// Returns the readings that must be known before it runs.
    pub fn depends_on_readings(&self) -> Vec<&str> {
        let mut readings: Vec<_> = self.when.keys().map(String::as_str).collect();
        let steps = || self.steps.iter().chain(&self.finally);
        if steps().any(|step| step.request.arguments.is_some()) {
            readings.extend(["reservation-arguments", "query-arguments"]);
        }
        readings
    }

    /// Runs one variant, with the values of its names. Returns the choices that fit.
    pub fn run_row(&self, probe: &mut Probe<'_>, row: &Value) -> Result<Vec<String>, Stop> {
        let result = self.run_steps(probe, row);
        for step in &self.finally {
            // A failure here is harmless: the ledger cleans up the same stocks.
            if let Ok(ask) = step.request.ask(probe) {
                let _ = probe.send(&ask.named(&step.name).setup());
            }
        }
        result
    }

    fn run_steps(&self, probe: &mut Probe<'_>, row: &Value) -> Result<Vec<String>, Stop> {
        for (name, value) in row.as_object().into_iter().flatten() {
            let template = Template::try_from(value.clone()).map_err(Stop::suite)?;
            let value = template.fill(&probe.scope).map_err(Stop::suite)?;
            probe.scope.set(name, value);
        }
        for (name, differing) in &self.given {
            let template = Template::try_from(differing.clone()).map_err(Stop::suite)?;
            let differing = template.fill(&probe.scope).map_err(Stop::suite)?;
            let stock = given(probe, name, &differing)?;
            probe.scope.set(name, stock);
        }
        let mut answers = Vec::new();
        for step in &self.steps {
            for _ in 0..step.repeat {
                let answer = self.take(probe, step)?;
                answers.push((step.name.as_str(), answer));
            }
        }
        for relation in &self.relations {
            probe.expect_relation(relation)?;
        }
        self.judge_choices(&probe.scope, &answers)
    }

    fn take(&self, probe: &mut Probe<'_>, step: &Step) -> Result<Answer, Stop> {
        let mut ask = match step.request.ask(probe) {
            Ok(ask) => ask,
            // A part of an earlier answer that was needed is missing.
            Err(why) => {
                let why = format!("{}: {why}", step.name);
                return Err(probe.block(&Finding::new(self.level, why.clone()), why));
            }
        };
        ask.step.clone_from(&step.name);
        ask.is_setup = step.setup;
        let answer = probe.send(&ask)?;
        probe
            .scope
            .set(&step.name, answer.body.clone().unwrap_or_default());
        let wrong = step
            .expect
            .mismatch(&answer, &probe.scope, self.level)
            .map_err(Stop::suite)?;
        if answer.came != answer.status && !step.setup {
            let statuses = step.expect.status.as_slice();
            if !statuses.is_empty() {
                probe.expect_status(&answer, statuses).ok();
            }
        }
        if let Some(mut finding) = wrong {
            if step.setup {
                let why = format!("{}: {}", step.name, finding.summary);
                return Err(probe.block(&finding, why));
            }
            finding.summary = format!("{}: {}", step.name, finding.summary);
            return Err(probe.record_finding(finding));
        }
        for (name, pointer) in &step.capture {
            let pointer = pointer.as_str().unwrap_or_default();
            let value = answer.body.as_ref().and_then(|body| body.pointer(pointer));
            let Some(value) = value.cloned() else {
                let why = format!(
                    "{}: expected something at `{pointer}`, got nothing",
                    step.name
                );
                return Err(if step.setup {
                    probe.block(&Finding::new(self.level, why.clone()), why)
                } else {
                    probe.fail(why)
                });
            };
            probe.scope.set(name, value);
        }
        Ok(answer)
    }

    /// Returns the choices that fit the answers; empty for a case without a reading.
    fn judge_choices(
        &self,
        scope: &Scope,
        answers: &[(&str, Answer)],
    ) -> Result<Vec<String>, Stop> {
        let mut fitting = Vec::new();
        for (name, choice) in &self.choices.0 {
            if choice.fits(scope, answers).map_err(Stop::suite)? {
                fitting.push(name.clone());
            }
        }
        Ok(fitting)
    }
}

impl Choice {
    fn fits(&self, scope: &Scope, answers: &[(&str, Answer)]) -> Result<bool, PatternError> {
        for expect in &self.expect {
            let wanted = Expect {
                status: expect.status.clone(),
                body: expect.body.clone(),
                ..Expect::default()
            };
            for (_, answer) in answers.iter().filter(|(step, _)| *step == expect.step) {
                if wanted.mismatch(answer, scope, Level::Must)?.is_some() {
                    return Ok(false);
                }
            }
        }
        // A relation with a missing operand does not hold.
        Ok(self
            .relations
            .iter()
            .all(|relation| matches!(relation.check(scope), Ok(None))))
    }
}

/// Creates a stock to start from: 5 of the case's SKU at the run's provider and location, except
/// for the members that differ. Where a create is refused, it tries an upsert, and then another
/// location.
pub fn given(probe: &mut Probe<'_>, name: &str, differing: &Value) -> Result<Value, Stop> {
    let mut stock = Map::new();
    for member in ["sku", "provider", "location"] {
        stock.insert(member.to_owned(), probe.need(member)?.into());
    }
    stock.insert("stock".to_owned(), 5.into());
    for (member, value) in differing.as_object().into_iter().flatten() {
        stock.insert(member.clone(), value.clone());
    }
    let step = format!("given {name}");
    let refused = match created(probe, &step, &stock)? {
        Ok(stock) => return Ok(stock),
        Err(status) => status,
    };
    probe.note_refusal(&[201], refused);
    let finding = Finding::status(probe.level, &[201], refused);
    let why = format!("{step}: expected 201 from create-stock, got {refused}");
    let blocked = probe.block(&finding, why);
    if let Some(stock) = upserted(probe, &step, &stock)? {
        return Ok(stock);
    }
    if differing.get("location").is_none()
        && let Ok(second) = probe.need("second-location")
    {
        stock.insert("location".to_owned(), second.into());
        if let Ok(stock) = created(probe, &step, &stock)? {
            return Ok(stock);
        }
    }
    Err(blocked)
}

/// Returns the stock in the answer of a create; the status where it is refused.
fn created(
    probe: &mut Probe<'_>,
    step: &str,
    stock: &Map<String, Value>,
) -> Result<Result<Value, u16>, Stop> {
    let ask = Ask::post("/api/v1/stocks/", Value::Object(stock.clone()));
    let answer = probe.send(&ask.named(step).setup())?;
    if !(200..300).contains(&answer.status) {
        return Ok(Err(answer.came));
    }
    match answer.body {
        Some(shown) if shown.is_object() => Ok(Ok(shown)),
        _ => Ok(Ok(shown_by_list(probe, step, stock)?)),
    }
}

/// Upserts a stock and returns it; `None` where that is refused too.
fn upserted(
    probe: &mut Probe<'_>,
    step: &str,
    stock: &Map<String, Value>,
) -> Result<Option<Value>, Stop> {
    let path = "/api/v1/stocks/insert_or_update_stock/";
    let rows = Value::Array(vec![Value::Object(stock.clone())]);
    let answer = probe.send(&Ask::post(path, rows).named(step).setup())?;
    if !(200..300).contains(&answer.status) {
        return Ok(None);
    }
    shown_by_list(probe, step, stock).map(Some)
}

/// Returns the stock as the list shows it, or as it was sent where the list lacks it.
fn shown_by_list(
    probe: &mut Probe<'_>,
    step: &str,
    stock: &Map<String, Value>,
) -> Result<Value, Stop> {
    let sku = stock.get("sku").and_then(Value::as_str).unwrap_or_default();
    let ask = Ask::get("/api/v1/stocks/").with("sku", sku);
    let answer = probe.send(&ask.named(step).setup())?;
    let is_it = |row: &&Value| row["sku"] == sku && Some(&row["location"]) == stock.get("location");
    let rows = answer
        .body
        .as_ref()
        .and_then(|body| body["results"].as_array());
    let shown = rows.and_then(|rows| rows.iter().find(is_it)).cloned();
    Ok(shown.unwrap_or_else(|| Value::Object(stock.clone())))
}
