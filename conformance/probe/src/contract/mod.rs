//! `openapi.json` as a judge of requests and answers. It also measures how much of the contract has
//! been covered so far.

pub mod documented;
pub mod pattern;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, Request, Response};
use jsonschema::error::ValidationErrorKind;
use jsonschema::{ReferencingError, Registry, ValidationError, Validator};
use serde_json::Value;
use whippy_engine::assets;
use whippy_engine::wire::urlencoded;

use crate::model::finding::{Level, cut};
use crate::model::json::{self, NotJson};
use crate::model::outcome::{Coverage, Covered};

/// The base of references between schemas. It is never requested.
const BASE: &str = "https://whippy.invalid/schemas/";

/// The longest sentence of the judge, characters. It may quote a whole body.
const LONGEST: usize = 600;

/// The most kinds of violation reported for one answer.
const MOST_KINDS: usize = 40;

/// The operations of `openapi.json`, prepared for judging.
pub struct Contract {
    operations: Vec<Operation>,
}

/// One operation: a method and a path.
pub struct Operation {
    /// The id: `create-stock`.
    pub id: String,
    /// The method.
    pub method: Method,
    /// The path, with `{name}` for each argument.
    pub path: String,
    /// The grade of its purpose.
    pub level: Level,
    met: AtomicBool,
    parameters: Vec<Parameter>,
    body: Option<Body>,
    answers: Vec<Answer>,
}

struct Parameter {
    name: String,
    is_query: bool,
    schema: Validator,
    met: AtomicBool,
}

struct Body {
    is_required: bool,
    schema: Validator,
    members: Vec<Member>,
}

struct Answer {
    status: u16,
    level: Level,
    /// Media type and schema; `None` for an answer without a body.
    content: Option<(String, Validator)>,
    required_headers: Vec<(String, Level)>,
    members: Vec<Member>,
    met: AtomicBool,
}

/// A member of a body, by its path, in which `*` is any item or key.
struct Member {
    path: Vec<String>,
    met: AtomicBool,
}

/// The part of an answer that violates the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Aspect {
    /// The status.
    Status,
    /// The content type.
    ContentType,
    /// Another header.
    Header,
    /// The body.
    Body,
}

/// One violation of the contract by an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The part of the answer.
    pub aspect: Aspect,
    /// The level.
    pub level: Level,
    /// Both sides in one line.
    pub summary: String,
    /// The kind, which is equal for the same violation in any answer.
    pub kind: String,
    /// JSON pointers into the body.
    pub at: Vec<String>,
    /// The header or the member of the body that alone is wrong, if there is only one.
    pub member: Option<String>,
    /// The number of places in the answer with this violation.
    pub count: u64,
}

/// Reasons why `openapi.json` cannot judge, each a fault of the suite's own.
#[derive(Debug)]
pub enum ContractError {
    /// A file is not JSON.
    Json(&'static str, serde_json::Error),
    /// A schema cannot be referred to.
    Unregistered(&'static str, Box<ReferencingError>),
    /// A reference leads nowhere.
    Reference(Box<ReferencingError>),
    /// A schema cannot be compiled.
    Schema(Box<ValidationError<'static>>),
    /// A method is unknown.
    Method(String),
    /// A status of an operation is not a number.
    Status {
        /// The operation's id.
        operation: String,
        /// The text.
        status: String,
    },
}

impl fmt::Display for ContractError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(file, why) => write!(f, "{file}: {why}"),
            Self::Unregistered(file, why) => write!(f, "{file}: {why}"),
            Self::Reference(why) => why.fmt(f),
            Self::Schema(why) => why.fmt(f),
            Self::Method(text) => write!(f, "`{text}` is no method"),
            Self::Status { operation, status } => {
                write!(f, "{operation}: `{status}` is no status")
            }
        }
    }
}

impl std::error::Error for ContractError {}

/// The judgement of an answer.
#[derive(Debug, Default)]
pub struct Judgement {
    /// The violations of the contract.
    pub violations: Vec<Violation>,
    /// The body, if it is JSON.
    pub body: Option<Value>,
}

impl Contract {
    /// Loads the embedded contract. An error is a mistake of the suite.
    pub fn embedded() -> Result<Self, ContractError> {
        let document: Value = parsed("openapi.json", assets::OPENAPI)?;
        let compiler = Compiler::new(&document)?;
        let mut operations = Vec::new();
        for (path, methods) in members(&document["paths"]) {
            for (method, operation) in members(methods) {
                if operation.get("operationId").is_some() {
                    operations.push(compiler.operation(path, method, operation)?);
                }
            }
        }
        Ok(Self { operations })
    }

    /// Finds an operation by its id.
    pub fn operation(&self, id: &str) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.id == id)
    }

    /// Returns all operations.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// Finds the operation of a method and a path behind the target's base. HEAD counts as GET.
    pub fn route(&self, method: &Method, path: &str) -> Option<&Operation> {
        let method = if method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        let of_method = || {
            let operations = self.operations.iter();
            operations.filter(|operation| operation.method == *method)
        };
        // Most paths have no argument, and a fixed path comes before a template.
        let literal = of_method().find(|operation| operation.path == path);
        literal.or_else(|| {
            of_method()
                .filter(|operation| fits(&operation.path, path))
                .min_by_key(|operation| operation.path.matches('{').count())
        })
    }

    /// Returns the mistake in a request that should be correct, if there is one.
    pub fn fault(&self, request: &Request<Bytes>, path: &str) -> Option<String> {
        let Some(operation) = self.route(request.method(), path) else {
            return Some(format!("{} {path} is no operation", request.method()));
        };
        let query = request.uri().query().unwrap_or_default();
        let Ok(pairs) = urlencoded::decode(query.as_bytes()) else {
            return Some("the query has too many parameters".to_owned());
        };
        for pair in pairs {
            let known = operation.parameters.iter();
            let Some(parameter) = known.filter(|p| p.is_query).find(|p| p.name == pair.0) else {
                return Some(format!("{} has no parameter `{}`", operation.id, pair.0));
            };
            if !parameter.takes(&pair.1) {
                return Some(format!("`{}` is nothing for `{}`", pair.1, pair.0));
            }
        }
        operation.body_fault(request)
    }

    /// Judges an answer, and notes the parts of the contract that it covers. `path` begins behind
    /// the target's base.
    pub fn judge(
        &self,
        request: &Request<Bytes>,
        path: &str,
        response: &Response<Bytes>,
        deliberately_invalid: bool,
    ) -> Judgement {
        let is_json = media_type(response.headers()) == Some("application/json");
        let parsed = is_json.then(|| json::parse(response.body()));
        self.judge_parsed(request, path, response, parsed, deliberately_invalid)
    }

    /// Judges an answer with an unknown body.
    pub fn judge_head(
        &self,
        request: &Request<Bytes>,
        path: &str,
        response: &Response<Bytes>,
        deliberately_invalid: bool,
    ) -> Judgement {
        self.judge_parsed(request, path, response, None, deliberately_invalid)
    }

    fn judge_parsed(
        &self,
        request: &Request<Bytes>,
        path: &str,
        response: &Response<Bytes>,
        parsed: Option<Result<Value, NotJson>>,
        deliberately_invalid: bool,
    ) -> Judgement {
        let Some(operation) = self.route(request.method(), path) else {
            return self.judge_other_method(path, request, response, parsed);
        };
        operation.note_request(request);
        let judgement = Judgement {
            violations: operation.violations(
                request,
                response,
                parsed.as_ref(),
                deliberately_invalid,
            ),
            body: parsed.and_then(Result::ok),
        };
        if judgement.violations.is_empty() {
            operation.note_answer(response, judgement.body.as_ref());
        }
        judgement
    }

    /// Judges the answer to a method that a path lacks: the answer that one of its operations
    /// documents for this applies to all.
    fn judge_other_method(
        &self,
        path: &str,
        request: &Request<Bytes>,
        response: &Response<Bytes>,
        parsed: Option<Result<Value, NotJson>>,
    ) -> Judgement {
        let mut judgement = Judgement::default();
        let refusing = self.operations.iter().filter(|operation| {
            fits(&operation.path, path) && response.status() == 405 && operation.documents(405)
        });
        for operation in refusing {
            let found = operation.violations(request, response, parsed.as_ref(), true);
            if found.is_empty() {
                operation.note_answer(
                    response,
                    parsed.as_ref().and_then(|body| body.as_ref().ok()),
                );
            }
            judgement.violations = found;
        }
        judgement.body = parsed.and_then(Result::ok);
        judgement
    }

    /// Returns the coverage so far.
    pub fn coverage(&self) -> Coverage {
        let mut coverage = Coverage::default();
        for operation in &self.operations {
            let id = &operation.id;
            note(&mut coverage.operations, &operation.met, || id.clone());
            for answer in &operation.answers {
                let status = answer.status;
                note(&mut coverage.statuses, &answer.met, || {
                    format!("{id} {status}")
                });
                for member in &answer.members {
                    let name = || format!("{id} {status} {}", member.pointer());
                    note(&mut coverage.members, &member.met, name);
                }
            }
            for parameter in &operation.parameters {
                let name = || format!("{id} {}", parameter.name);
                note(&mut coverage.parameters, &parameter.met, name);
            }
            for member in operation.body.iter().flat_map(|body| &body.members) {
                let name = || format!("{id} request {}", member.pointer());
                note(&mut coverage.members, &member.met, name);
            }
        }
        coverage
    }
}

fn note(covered: &mut Covered, met: &AtomicBool, name: impl Fn() -> String) {
    covered.total += 1;
    if met.load(Ordering::Relaxed) {
        covered.covered += 1;
    } else {
        covered.missing.push(name());
    }
}

/// Returns `true` if a path fits a template.
fn fits(template: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    let all = template.split('/').all(|wanted| {
        segments.next().is_some_and(|segment| {
            segment == wanted
                || wanted.starts_with('{')
                    && segment.bytes().all(|byte| byte.is_ascii_digit())
                    && !segment.is_empty()
        })
    });
    all && segments.next().is_none()
}

/// Returns a JSON pointer with `*` for items of arrays, and for SKUs in the answer of a query.
pub fn places(pointer: &str) -> String {
    let mut is_of_skus = false;
    let segments = pointer.split('/').map(|segment| {
        let is_open = is_of_skus || segment.bytes().all(|byte| byte.is_ascii_digit());
        is_of_skus = segment == "Store_checkResult";
        if is_open && !segment.is_empty() {
            "*"
        } else {
            segment
        }
    });
    segments.collect::<Vec<_>>().join("/")
}

/// Returns the member that is missing, or that the schema does not know.
fn absent_or_unknown(error: &ValidationError<'_>) -> Option<String> {
    match error.kind() {
        ValidationErrorKind::Required { property } => property.as_str().map(str::to_owned),
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let name = unexpected.first()?;
            // A key that is a SKU is not the name of a member.
            let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
            name.chars().all(is_name).then(|| name.clone())
        }
        _ => None,
    }
}

/// Returns the media type without its parameters.
fn media_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    value.split(';').next().map(str::trim)
}

impl Parameter {
    fn takes(&self, text: &str) -> bool {
        let takes = |value: Value| self.schema.is_valid(&value);
        let number = || text.parse().ok().map(Value::Number);
        let flag = || text.parse().ok().map(Value::Bool);
        takes(text.into())
            || number().is_some_and(takes)
            || flag().is_some_and(takes)
            // A repeatable parameter is an array, of which this is one value.
            || takes(vec![text].into())
    }
}

impl Operation {
    /// Returns `true` if it documents a status.
    pub fn documents(&self, status: u16) -> bool {
        self.answers.iter().any(|answer| answer.status == status)
    }

    /// Returns the documented status that an undocumented one stands for: the first of its class.
    pub fn meant(&self, status: u16) -> Option<u16> {
        if self.documents(status) {
            return Some(status);
        }
        let mut known = self.answers.iter().map(|answer| answer.status);
        known.find(|known| known / 100 == status / 100)
    }

    /// Returns `true` if it takes a body.
    pub fn takes_body(&self) -> bool {
        self.body.is_some()
    }

    /// Returns `true` if it has a parameter of the name.
    pub fn has_parameter(&self, name: &str) -> bool {
        self.parameters
            .iter()
            .any(|parameter| parameter.name == name)
    }

    fn body_fault(&self, request: &Request<Bytes>) -> Option<String> {
        if request.body().is_empty() {
            let is_missing = self.body.as_ref().is_some_and(|body| body.is_required);
            return is_missing.then(|| format!("{} takes a body", self.id));
        }
        let Some(body) = &self.body else {
            return Some(format!("{} takes no body", self.id));
        };
        if media_type(request.headers()) != Some("application/json") {
            return Some("the body is not sent as application/json".to_owned());
        }
        let value = match json::parse(request.body()) {
            Ok(value) => value,
            Err(why) => return Some(format!("the body is not JSON: {why}")),
        };
        let error = body.schema.iter_errors(&value).next()?;
        Some(format!("the body at `{}`: {error}", error.instance_path()))
    }

    fn violations(
        &self,
        request: &Request<Bytes>,
        response: &Response<Bytes>,
        parsed: Option<&Result<Value, NotJson>>,
        deliberately_invalid: bool,
    ) -> Vec<Violation> {
        let status = response.status().as_u16();
        // The stack's page for an unknown path, to which some readings lead.
        let is_no_path = status == 404 && media_type(response.headers()) == Some("text/html");
        if deliberately_invalid && is_no_path {
            return Vec::new();
        }
        let violation = |aspect, level: Level, summary: String| Violation {
            aspect,
            level: level.min(self.level),
            kind: summary.clone(),
            summary,
            at: Vec::new(),
            member: None,
            count: 1,
        };
        let documented = self.answers.iter().find(|answer| answer.status == status);
        let is_fault = status >= 500 && !deliberately_invalid;
        let Some(answer) = documented.filter(|_| !is_fault) else {
            let known: Vec<_> = self.answers.iter().map(|a| a.status.to_string()).collect();
            let summary = format!(
                "{} answered {status}, which is not documented for it; {} are",
                self.id,
                known.join(", ")
            );
            return vec![violation(Aspect::Status, Level::Must, summary)];
        };
        let mut found = Vec::new();
        for (name, level) in &answer.required_headers {
            if !response.headers().contains_key(name) {
                let summary = format!("{} {status} has no header `{name}`", self.id);
                found.push(Violation {
                    member: Some(name.to_ascii_lowercase()),
                    ..violation(Aspect::Header, *level, summary)
                });
            }
        }
        let Some((media, schema)) = &answer.content else {
            return found;
        };
        let got = media_type(response.headers());
        if got != Some(media) {
            let got = got.unwrap_or("none");
            let id = &self.id;
            let summary = format!("{id} {status}: expected the content type {media}, got {got}");
            found.push(violation(Aspect::ContentType, answer.level, summary));
            return found;
        }
        if request.method() == Method::HEAD {
            return found;
        }
        match parsed {
            Some(Ok(body)) if !schema.is_valid(body) => {
                for error in schema.iter_errors(body) {
                    let at = error.instance_path().to_string();
                    let kind = format!("{status} {} {}", places(&at), error.masked());
                    let kind = cut(&kind, LONGEST).into_owned();
                    if let Some(known) = found.iter_mut().find(|known| known.kind == kind) {
                        known.count += 1;
                        continue;
                    }
                    if found.len() >= MOST_KINDS {
                        break;
                    }
                    let here = if at.is_empty() { "/" } else { &at };
                    let summary = format!("{} {status}: the body at {here}: {error}", self.id);
                    found.push(Violation {
                        kind,
                        at: vec![here.to_owned()],
                        member: absent_or_unknown(&error),
                        ..violation(
                            Aspect::Body,
                            answer.level,
                            cut(&summary, LONGEST).into_owned(),
                        )
                    });
                }
            }
            Some(Err(why)) => {
                let summary = format!("{} {status}: the body is not JSON: {why}", self.id);
                found.push(Violation {
                    kind: format!("{status} not JSON"),
                    ..violation(Aspect::Body, answer.level, summary)
                });
            }
            _ => {}
        }
        found
    }

    fn note_request(&self, request: &Request<Bytes>) {
        self.met.store(true, Ordering::Relaxed);
        let query = request.uri().query().unwrap_or_default();
        let sent = query
            .split('&')
            .map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name));
        for name in sent {
            let mut known = self.parameters.iter().filter(|p| p.is_query);
            if let Some(parameter) = known.find(|p| p.name == name) {
                parameter.met.store(true, Ordering::Relaxed);
            }
        }
        for parameter in self.parameters.iter().filter(|p| !p.is_query) {
            parameter.met.store(true, Ordering::Relaxed);
        }
        let Some(body) = &self.body else { return };
        if body
            .members
            .iter()
            .any(|member| !member.met.load(Ordering::Relaxed))
            && let Ok(sent) = serde_json::from_slice::<Value>(request.body())
        {
            body.members.iter().for_each(|member| member.note(&sent));
        }
    }

    fn note_answer(&self, response: &Response<Bytes>, body: Option<&Value>) {
        let status = response.status().as_u16();
        let Some(answer) = self.answers.iter().find(|answer| answer.status == status) else {
            return;
        };
        answer.met.store(true, Ordering::Relaxed);
        if let Some(body) = body {
            answer.members.iter().for_each(|member| member.note(body));
        }
    }
}

impl Member {
    fn note(&self, body: &Value) {
        if !self.met.load(Ordering::Relaxed) && is_in(&self.path, body) {
            self.met.store(true, Ordering::Relaxed);
        }
    }

    fn pointer(&self) -> String {
        format!("/{}", self.path.join("/"))
    }
}

fn is_in(path: &[String], value: &Value) -> bool {
    let Some((step, rest)) = path.split_first() else {
        return true;
    };
    match (step.as_str(), value) {
        ("*", Value::Array(items)) => items.iter().any(|item| is_in(rest, item)),
        ("*", Value::Object(members)) => members.values().any(|member| is_in(rest, member)),
        (name, Value::Object(members)) => members.get(name).is_some_and(|m| is_in(rest, m)),
        _ => false,
    }
}

/// Compiles the document into validators.
struct Compiler<'a> {
    document: &'a Value,
    registry: Registry<'static>,
    schemas: Vec<(&'static str, Value)>,
}

impl<'a> Compiler<'a> {
    fn new(document: &'a Value) -> Result<Self, ContractError> {
        let mut registry = Registry::new();
        let mut schemas = Vec::new();
        for (file, json) in assets::SCHEMAS {
            let schema = parsed(file, json)?;
            schemas.push((*file, schema.clone()));
            registry = registry
                .add(format!("{BASE}{file}"), schema)
                .map_err(|why| ContractError::Unregistered(file, Box::new(why)))?;
        }
        Ok(Self {
            document,
            registry: registry
                .prepare()
                .map_err(|why| ContractError::Reference(Box::new(why)))?,
            schemas,
        })
    }

    fn validator(&self, schema: &Value) -> Result<Validator, ContractError> {
        jsonschema::options()
            .with_registry(&self.registry)
            .with_base_uri(BASE.to_owned())
            .should_validate_formats(true)
            .build(schema)
            .map_err(|why| ContractError::Schema(Box::new(why)))
    }

    /// Resolves a reference within the document, or returns the value itself.
    fn resolved<'b>(&'b self, value: &'b Value) -> &'b Value {
        match value["$ref"]
            .as_str()
            .and_then(|target| target.strip_prefix('#'))
        {
            Some(pointer) => self.document.pointer(pointer).unwrap_or(value),
            None => value,
        }
    }

    fn operation(
        &self,
        path: &str,
        method: &str,
        from: &Value,
    ) -> Result<Operation, ContractError> {
        let id = from["operationId"].as_str().unwrap_or_default().to_owned();
        let mut parameters = Vec::new();
        for parameter in from["parameters"].as_array().into_iter().flatten() {
            let parameter = self.resolved(parameter);
            parameters.push(Parameter {
                name: parameter["name"].as_str().unwrap_or_default().to_owned(),
                is_query: parameter["in"] == "query",
                schema: self.validator(&parameter["schema"])?,
                met: AtomicBool::new(false),
            });
        }
        let body = match self.resolved(&from["requestBody"]) {
            Value::Null => None,
            body => {
                let schema = &body["content"]["application/json"]["schema"];
                Some(Body {
                    is_required: body["required"] == true,
                    schema: self.validator(schema)?,
                    members: self.members(schema),
                })
            }
        };
        let mut answers = Vec::new();
        for (status, answer) in members(&from["responses"]) {
            answers.push(self.answer(&id, status, self.resolved(answer))?);
        }
        let successes = answers.iter().filter(|answer| answer.status < 300);
        Ok(Operation {
            level: successes
                .map(|answer| answer.level)
                .max()
                .unwrap_or(Level::May),
            id,
            method: method
                .to_uppercase()
                .parse()
                .map_err(|_| ContractError::Method(method.to_owned()))?,
            path: path.to_owned(),
            met: AtomicBool::new(false),
            parameters,
            body,
            answers,
        })
    }

    fn answer(&self, id: &str, status: &str, from: &Value) -> Result<Answer, ContractError> {
        let mut required_headers = Vec::new();
        for (name, header) in members(&from["headers"]) {
            let header = self.resolved(header);
            if header["x-mock-only"] != true {
                required_headers.push((name.clone(), level(header)));
            }
        }
        let content = members(&from["content"]).next();
        let (content, body_members) = match content {
            None => (None, Vec::new()),
            Some((media, content)) => {
                let schema = &content["schema"];
                let validator = self.validator(schema)?;
                (Some((media.clone(), validator)), self.members(schema))
            }
        };
        Ok(Answer {
            status: status.parse().map_err(|_| ContractError::Status {
                operation: id.to_owned(),
                status: status.to_owned(),
            })?,
            level: level(from),
            content,
            required_headers,
            members: body_members,
            met: AtomicBool::new(false),
        })
    }

    /// Returns every member that a schema names, at any depth.
    fn members(&self, schema: &Value) -> Vec<Member> {
        let mut paths = Vec::new();
        self.walk(schema, &Value::Null, &mut Vec::new(), &mut paths);
        paths.sort();
        paths.dedup();
        let members = paths.into_iter().map(|path| Member {
            path,
            met: AtomicBool::new(false),
        });
        members.collect()
    }

    /// Collects members. `file` is the document of references like `#/…`.
    fn walk(
        &self,
        schema: &Value,
        file: &Value,
        here: &mut Vec<String>,
        found: &mut Vec<Vec<String>>,
    ) {
        // Errors of nested fields repeat their own form without end.
        const DEEPEST: usize = 5;
        // A member that exists only under some reading is allowed, but not required.
        if here.len() > DEEPEST || schema["x-grade"] == "reading" {
            return;
        }
        if let Some(target) = schema["$ref"].as_str() {
            if let Some(pointer) = target.strip_prefix('#') {
                if let Some(schema) = file.pointer(pointer) {
                    self.walk(schema, file, here, found);
                }
            } else if let Some((_, schema)) = self.schemas.iter().find(|(name, _)| *name == target)
            {
                self.walk(schema, schema, here, found);
            }
        }
        for (name, member) in members(&schema["properties"]) {
            here.push(name.clone());
            found.push(here.clone());
            self.walk(member, file, here, found);
            here.pop();
        }
        if schema["items"].is_object() {
            here.push("*".to_owned());
            self.walk(&schema["items"], file, here, found);
            here.pop();
        }
        for alternatives in ["anyOf", "oneOf", "allOf"] {
            for alternative in schema[alternatives].as_array().into_iter().flatten() {
                self.walk(alternative, file, here, found);
            }
        }
    }
}

fn parsed(file: &'static str, json: &str) -> Result<Value, ContractError> {
    serde_json::from_str(json).map_err(|why| ContractError::Json(file, why))
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// Returns the level of a grade. Answers of a reading count like the stack's, since their wording
/// comes from there.
fn level(graded: &Value) -> Level {
    match graded["x-grade"].as_str() {
        Some("documented") => Level::Must,
        Some("observed") => Level::May,
        _ => Level::Should,
    }
}
