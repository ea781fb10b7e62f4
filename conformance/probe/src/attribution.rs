//! The place of a difference: the operation, and the part of its answer that differs.

use std::fmt::Write as _;

use bytes::Bytes;
use http::{Method, Request};
use serde_json::Value;
use whippy_engine::wire::urlencoded;

use crate::contract::{Aspect, Contract, Operation, Violation, places};
use crate::model::cause::{Difference, of_check};
use crate::model::finding::{Exchange, Finding, Kind};

/// Parameters that only divide a list into pages.
const PAGING: &[&str] = &["limit", "page"];

/// The name in place of an operation, where a path does not have the method.
const ELSEWHERE: &str = "other-methods";

/// The parameter by which checks restrict a list to their own stocks.
const ISOLATING: &str = "sku";

/// The longest part of an id that is made from a wording, characters.
const LONGEST: usize = 48;

/// The context of a finding: its check, and the exchanges that led to it.
pub struct Trace<'a> {
    /// The judge that knows the operations.
    pub contract: &'a Contract,
    /// The target's base, which comes before paths.
    pub base: &'a str,
    /// The check's id.
    pub check: &'a str,
    /// The exchanges, the decisive one last.
    pub chain: &'a [Exchange],
}

impl Trace<'_> {
    /// Returns the difference in a finding of a check.
    pub fn place(&self, finding: &Finding) -> Difference {
        let request = self.chain.last().map(|exchange| &exchange.request);
        let operation = request.and_then(|request| self.operation(request));
        let (Some(request), Some(operation)) = (request, operation) else {
            return self.elsewhere(finding);
        };
        let mut difference = match &finding.kind {
            Kind::Status {
                expected,
                got,
                member,
            } => self.status(operation, expected, *got, member.as_deref()),
            Kind::NoAnswer => no_answer(operation, &finding.summary),
            Kind::ContentType => content_type(operation, &finding.summary),
            Kind::Header(name) => header(operation, name, &finding.summary),
            Kind::Members if self.status_of_last() >= 400 => self.wording(operation, finding),
            Kind::Members => self.members(operation, request, finding),
            Kind::Effect => self.effect(operation, request, finding),
        };
        name(operation).clone_into(&mut difference.operation);
        difference
    }

    /// Returns the difference in the answer to a method that a path lacks.
    fn elsewhere(&self, finding: &Finding) -> Difference {
        let id = match &finding.kind {
            Kind::Header(name) => format!("{ELSEWHERE}/header-{}", slug(name)),
            Kind::ContentType => format!("{ELSEWHERE}/content-type"),
            Kind::Status { expected, got, .. } => {
                let expected: Vec<_> = expected.iter().map(u16::to_string).collect();
                format!("{ELSEWHERE}/{got}-for-{}", expected.join("-or-"))
            }
            Kind::NoAnswer => format!("{ELSEWHERE}/no-answer"),
            Kind::Members | Kind::Effect => of_check(self.check),
        };
        Difference {
            operation: ELSEWHERE.to_owned(),
            ids: vec![id],
            sentence: format!("{}{}", self.description(), finding.summary),
            ..Difference::default()
        }
    }

    /// Returns the introduction of a sentence about a description of the service:
    /// `OPTIONS of /api/v1/stocks/: `; empty for any other request.
    fn description(&self) -> String {
        let request = self.chain.last().map(|exchange| &exchange.request);
        let request = request.filter(|request| request.method() == Method::OPTIONS);
        request.map_or_else(String::new, |request| {
            let uri = request.uri().to_string();
            let path = uri.strip_prefix(self.base).unwrap_or(&uri);
            format!(
                "OPTIONS of {}: ",
                path.split('?').next().unwrap_or_default()
            )
        })
    }

    /// Returns the difference in an answer that violates the contract.
    pub fn place_violation(&self, violation: &Violation) -> Difference {
        let request = self.chain.last().map(|exchange| &exchange.request);
        let Some(operation) = request.and_then(|request| self.operation(request)) else {
            let kind = match violation.aspect {
                Aspect::Header => Kind::Header(violation.member.clone().unwrap_or_default()),
                Aspect::ContentType => Kind::ContentType,
                Aspect::Body if violation.kind.ends_with("not JSON") => Kind::ContentType,
                Aspect::Status | Aspect::Body => Kind::Members,
            };
            return self.elsewhere(&Finding {
                kind,
                ..Finding::new(violation.level, violation.summary.clone())
            });
        };
        let status = self.status_of_last();
        let mut difference = match violation.aspect {
            Aspect::Status => self.status(operation, &[], status, None),
            Aspect::ContentType => content_type(operation, &violation.summary),
            Aspect::Header => {
                let name = violation.member.as_deref().unwrap_or_default();
                header(operation, name, &violation.summary)
            }
            Aspect::Body => body(operation, status, violation),
        };
        name(operation).clone_into(&mut difference.operation);
        difference
    }

    fn operation(&self, request: &Request<Bytes>) -> Option<&Operation> {
        let uri = request.uri().to_string();
        let path = uri.strip_prefix(self.base)?;
        let path = path.split('?').next().unwrap_or_default();
        self.contract.route(request.method(), path)
    }

    fn status_of_last(&self) -> u16 {
        let answer = self.chain.last().map(|exchange| exchange.answer.as_ref());
        match answer {
            Some(Ok(answer)) => answer.status().as_u16(),
            _ => 0,
        }
    }

    /// Returns the difference of a status. An undocumented one stands for the documented one of its
    /// class, whatever the check expected.
    fn status(
        &self,
        operation: &Operation,
        expected: &[u16],
        got: u16,
        member: Option<&str>,
    ) -> Difference {
        let id = name(operation);
        if !operation.documents(got) || got >= 500 {
            return match operation.meant(got) {
                Some(meant) if got < 500 => Difference {
                    ids: vec![format!("{id}/{got}-for-{meant}")],
                    sentence: format!("{id} answers {got} for {meant}"),
                    ..Difference::default()
                },
                _ => Difference {
                    ids: vec![format!("{id}/answers-{got}")],
                    sentence: format!("{id} answers {got}"),
                    ..Difference::default()
                },
            };
        }
        if got == 401 {
            return Difference {
                ids: vec![format!("{id}/answers-401")],
                sentence: format!("{id} answers 401 to a good token"),
                ..Difference::default()
            };
        }
        let listed: Vec<_> = expected.iter().map(u16::to_string).collect();
        let wanted = listed.join("-or-");
        let refused = self.refused_member(got);
        let detail = member.map(str::to_owned).or(refused);
        let detail = detail.unwrap_or_else(|| slug(self.check));
        Difference {
            ids: vec![format!("{id}/{got}-for-{wanted}.{detail}")],
            alternatives: self.status_alternatives(got),
            sentence: format!(
                "{id} answers {got} for {} ({})",
                listed.join(" or "),
                detail.replace('-', " ")
            ),
            ..Difference::default()
        }
    }

    /// Returns explanations of a documented but wrong status: a stock that the list lacks too, or a
    /// quantity that an earlier write got wrong.
    fn status_alternatives(&self, got: u16) -> Vec<String> {
        let mut ids = Vec::new();
        if matches!(got, 404 | 208 | 201) {
            ids = self.writes("member-reserved_stock");
        }
        if got == 404 {
            ids.push("list-stocks/rows*".to_owned());
        }
        ids
    }

    /// Returns the id of a difference for each write in the chain.
    fn writes(&self, difference: &str) -> Vec<String> {
        let mut ids = Vec::new();
        for exchange in self.chain {
            let write = self.operation(&exchange.request);
            if let Some(write) = write.filter(|write| write.method != Method::GET) {
                let id = format!("{}/{difference}", name(write));
                if !ids.contains(&id) {
                    ids.push(id);
                }
            }
        }
        ids
    }

    /// Returns the only member that a refusal names.
    fn refused_member(&self, got: u16) -> Option<String> {
        let answer = self.chain.last()?.answer.as_ref().ok()?;
        let body: Value = (got == 400)
            .then(|| serde_json::from_slice(answer.body()).ok())
            .flatten()?;
        let mut members = body.as_object()?.iter();
        match (members.next(), members.next()) {
            (Some((name, Value::Array(_))), None) => Some(name.clone()),
            _ => None,
        }
    }

    /// Returns the difference of a refusal's wording, named after the expected sentence.
    fn wording(&self, operation: &Operation, finding: &Finding) -> Difference {
        let status = self.status_of_last();
        let json = |text: &Option<String>| -> Value {
            let text = text.as_deref().unwrap_or_default();
            serde_json::from_str(text).unwrap_or_default()
        };
        let (expected, got) = (json(&finding.expected), json(&finding.got));
        let mut ids: Vec<String> = Vec::new();
        let mut sentence = None;
        for at in &finding.at {
            let said = expected.pointer(at).and_then(Value::as_str);
            let detail = said.map_or_else(|| member(at), slug);
            let id = format!("{}/{status}-wording.{detail}", name(operation));
            if !ids.contains(&id) {
                ids.push(id);
            }
            let came = got.pointer(at).map(Value::to_string);
            sentence = sentence.or_else(|| {
                let came = came.as_deref().unwrap_or("nothing");
                Some(format!(
                    "{} words a refusal otherwise: expected {:?}, got {came}",
                    name(operation),
                    said?
                ))
            });
        }
        if ids.is_empty() {
            ids.push(format!("{}/{status}-wording", name(operation)));
        }
        Difference {
            ids,
            sentence: sentence.unwrap_or_else(|| {
                format!(
                    "{} words a {status} otherwise: {}",
                    operation.id, finding.summary
                )
            }),
            ..Difference::default()
        }
    }

    fn members(
        &self,
        operation: &Operation,
        request: &Request<Bytes>,
        finding: &Finding,
    ) -> Difference {
        let mut members: Vec<String> = Vec::new();
        for at in &finding.at {
            let name = member(at);
            if !members.contains(&name) {
                members.push(name);
            }
        }
        let is_of_rows = |name: &String| {
            matches!(name.as_str(), "rows" | "count")
                || matches!(name.as_str(), "id" | "sku") && *request.method() == Method::GET
        };
        if members.is_empty() || members.iter().any(is_of_rows) {
            return self.effect(operation, request, finding);
        }
        let alternatives = self.written_before(operation, &members);
        let sides = sides(finding);
        Difference {
            ids: members
                .iter()
                .map(|member| format!("{}/member-{member}", name(operation)))
                .collect(),
            alternatives,
            sentence: format!(
                "{} answers a wrong {}{sides}",
                operation.id,
                quoted(&members)
            ),
            ..Difference::default()
        }
    }

    /// Returns explanations of members that are wrong now: the same members in the answers of
    /// earlier writes.
    fn written_before(&self, operation: &Operation, members: &[String]) -> Vec<String> {
        let own = format!("{}/", name(operation));
        let mut ids = Vec::new();
        for member in members {
            ids.extend(self.writes(&format!("member-{member}")));
            // The salable quantity falls with each reservation.
            if member == "stock" && operation.path != STOCKS {
                ids.extend(self.writes("member-reserved_stock"));
            }
        }
        ids.retain(|id| !id.starts_with(&own));
        ids
    }

    /// Returns the difference that several answers together show: in the rows of a list, or in the
    /// claim of the check itself.
    fn effect(
        &self,
        operation: &Operation,
        request: &Request<Bytes>,
        finding: &Finding,
    ) -> Difference {
        let id = name(operation);
        if finding.summary.contains(UNFIT) {
            let mut alternatives = vec![format!("{id}/*"), format!("{ELSEWHERE}/*")];
            alternatives.extend(self.writes("*"));
            return Difference {
                ids: vec![format!("{id}/effect.{}", slug(self.check))],
                alternatives,
                sentence: format!("{id}: {}", finding.summary),
                ..Difference::default()
            };
        }
        let members: Vec<String> = STOCK_MEMBERS
            .iter()
            .filter(|name| words(&finding.summary).any(|word| word == **name))
            .map(|name| (*name).to_owned())
            .collect();
        let mut alternatives = self.written_before(operation, &members);
        if operation.method == Method::GET && operation.path == STOCKS {
            alternatives.extend(members.iter().map(|name| format!("{id}/member-{name}")));
            let mut rows = rows(operation, request, finding);
            rows.alternatives.extend(alternatives);
            if finding.kind == Kind::Effect {
                rows.alternatives.extend(siblings(&rows.ids));
            }
            if finding.summary.contains(LENGTH) {
                rows.alternatives.push(format!("{id}/member-*"));
            }
            return rows;
        }
        alternatives.extend([
            format!("{id}/member-*"),
            format!("{id}/content-type"),
            format!("list-stocks/rows.by-{ISOLATING}"),
            "list-stocks/member-is_active".to_owned(),
        ]);
        Difference {
            ids: vec![format!("{id}/effect.{}", slug(self.check))],
            alternatives,
            sentence: format!("{id}: {}", finding.summary),
            ..Difference::default()
        }
    }
}

/// The path of the list.
const STOCKS: &str = "/api/v1/stocks/";

/// The sentence about a length, which any other wrong member changes.
const LENGTH: &str = "expected a Content-Length of";

/// The sentence about a reading for which no choice fits, which any difference explains.
const UNFIT: &str = "none of the known choices fits";

/// The words of a sentence about an answer that ends too early.
const BREAKS_OFF: &str = "breaks off after ";

/// Members of a stock that occur in sentences of checks.
const STOCK_MEMBERS: &[&str] = &[
    "stock",
    "reserved_stock",
    "is_active",
    "created_date",
    "modified_date",
    "provider",
    "unit_type",
    "stock_type",
];

/// Returns an operation's id. Two paths of one operation share it.
fn name(operation: &Operation) -> &str {
    operation.id.strip_suffix("-alias").unwrap_or(&operation.id)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
}

/// Returns other comparisons of the same member: where several counts do not add up, the wrong one
/// explains it.
fn siblings(ids: &[String]) -> Vec<String> {
    let of_member = ids.iter().filter_map(|id| id.split_once("__"));
    of_member.map(|(member, _)| format!("{member}*")).collect()
}

/// Returns the difference of a list with too many or too few rows, named by its parameters.
fn rows(operation: &Operation, request: &Request<Bytes>, finding: &Finding) -> Difference {
    let id = name(operation);
    let query = request.uri().query().unwrap_or_default();
    let pairs = urlencoded::decode(query.as_bytes()).unwrap_or_default();
    let mut filters: Vec<String> = Vec::new();
    let mut paging: Vec<String> = Vec::new();
    for pair in &pairs {
        let (name, value): (&str, &str) = (&pair.0, &pair.1);
        let name = match name {
            "sort" => format!("sort-{}", slug(value.trim_start_matches('-'))),
            name => name.to_owned(),
        };
        let list = if PAGING.contains(&name.as_str()) {
            &mut paging
        } else {
            &mut filters
        };
        if !list.contains(&name) {
            list.push(name);
        }
    }
    let mut alternatives = Vec::new();
    if filters.len() > 1 && filters.iter().any(|name| name == ISOLATING) {
        filters.retain(|name| name != ISOLATING);
        alternatives.push(format!("{id}/rows.by-{ISOLATING}"));
    }
    if filters.is_empty() {
        filters = paging;
    }
    for filter in &filters {
        let member = filter.trim_start_matches("sort-");
        let member = member.split("__").next().unwrap_or_default();
        for shown in ["list-stocks", "create-stock", "upsert-stocks"] {
            alternatives.push(format!("{shown}/member-{member}"));
        }
    }
    // The list is expected to show the stock in the answer of a create.
    alternatives.push("create-stock/member-rows".to_owned());
    let (ids, with) = if filters.is_empty() {
        (vec![format!("{id}/rows")], String::new())
    } else {
        let ids = filters.iter().map(|name| format!("{id}/rows.by-{name}"));
        (ids.collect(), format!(" with {}", quoted(&filters)))
    };
    Difference {
        ids,
        alternatives,
        sentence: format!("{id}{with}: {}", finding.summary),
        ..Difference::default()
    }
}

fn no_answer(operation: &Operation, summary: &str) -> Difference {
    let after = summary
        .split_once(BREAKS_OFF)
        .and_then(|(_, behind)| behind.split_once(':'));
    let gives = match after {
        None => "gives no answer".to_owned(),
        Some((bytes, _)) => format!("{BREAKS_OFF}{bytes}"),
    };
    Difference {
        ids: vec![format!("{}/no-answer", name(operation))],
        sentence: format!("{} {gives}", name(operation)),
        ..Difference::default()
    }
}

fn content_type(operation: &Operation, summary: &str) -> Difference {
    Difference {
        ids: vec![format!("{}/content-type", name(operation))],
        sentence: of_operation(operation, summary),
        ..Difference::default()
    }
}

fn header(operation: &Operation, name: &str, summary: &str) -> Difference {
    Difference {
        ids: vec![format!("{}/header-{}", operation.id, slug(name))],
        sentence: of_operation(operation, summary),
        ..Difference::default()
    }
}

fn body(operation: &Operation, status: u16, violation: &Violation) -> Difference {
    let id = name(operation);
    if violation.kind.ends_with("not JSON") {
        return content_type(operation, &violation.summary);
    }
    let member = match &violation.member {
        Some(name) => name.clone(),
        None => violation
            .at
            .first()
            .map_or_else(|| "rows".to_owned(), |at| member(at)),
    };
    let (difference, alternatives) = if status < 400 {
        (format!("member-{member}"), Vec::new())
    } else if member == "rows" {
        let own = format!("{id}/{status}-wording.*");
        (format!("{status}-wording.{member}"), vec![own])
    } else {
        (format!("{status}-wording.{member}"), Vec::new())
    };
    Difference {
        ids: vec![format!("{id}/{difference}")],
        alternatives,
        sentence: of_operation(operation, &violation.summary),
        ..Difference::default()
    }
}

/// Puts the operation at the beginning of a summary, unless it is there already.
fn of_operation(operation: &Operation, summary: &str) -> String {
    if summary.starts_with(name(operation)) {
        summary.to_owned()
    } else {
        format!("{}: {summary}", name(operation))
    }
}

/// Returns the member at a JSON pointer, without rows and keys of queries.
fn member(pointer: &str) -> String {
    let places = places(pointer);
    let mut segments = places.split('/').filter(|segment| !segment.is_empty());
    let is_frame = |segment: &&str| matches!(*segment, "*" | "results" | "Store_checkResult");
    let named = segments.find(|segment| !is_frame(segment));
    named.map_or_else(|| "rows".to_owned(), slug_of_name)
}

/// Returns a name as a part of an id.
fn slug_of_name(name: &str) -> String {
    let kept = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let name: String = name
        .chars()
        .take(LONGEST)
        .map(|c| if kept(c) { c } else { '-' })
        .collect();
    name
}

/// Returns a text as a part of an id: its words in small letters, without numbers.
pub fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars() {
        if slug.len() >= LONGEST {
            break;
        }
        if c.is_ascii_alphabetic() || c == '_' {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

/// Lists names: `` `a`, `b` and `c` ``, or the first few of many.
fn quoted(names: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<_> = names
        .iter()
        .take(SHOWN)
        .map(|name| format!("`{name}`"))
        .collect();
    let mut text = shown.join(", ");
    if names.len() > SHOWN {
        // Writing to a text cannot fail.
        let _ = write!(text, " and {} more", names.len() - SHOWN);
    }
    text
}

/// Formats both sides if they are short: ` (expected 5, got 6)`.
fn sides(finding: &Finding) -> String {
    const SHORT: usize = 40;
    let value = |text: &Option<String>| -> Option<String> {
        let value: Value = serde_json::from_str(text.as_deref()?).ok()?;
        let value = value.pointer(finding.at.first()?)?.to_string();
        (value.len() <= SHORT).then_some(value)
    };
    match (value(&finding.expected), value(&finding.got)) {
        (Some(expected), Some(got)) => format!(" (expected {expected}, got {got})"),
        (Some(expected), None) => format!(" (expected {expected}, got none)"),
        _ => String::new(),
    }
}
