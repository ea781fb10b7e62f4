//! `Prefer: code=400`: a client asks for a response that the documentation page shows. The request
//! is not carried out.

use std::sync::LazyLock;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request};
use serde::Deserialize;
use serde_json::Value;

use crate::worlds::service::Service;
use whippy_engine::assets;
use whippy_engine::backend::Backend;
use whippy_engine::endpoints::call::{base, header_text};
use whippy_engine::endpoints::{Answer, resolve};
use whippy_engine::engine::{self, Reply};
use whippy_engine::problem::{Grade, Problem};
use whippy_engine::profile::Profile;

/// The header in which a client asks. Source: RFC 7240.
pub const PREFER: HeaderName = HeaderName::from_static("prefer");

/// The header that repeats the preferences that were met. Source: RFC 7240.
pub const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// The name of the service in links on the page.
const HOST: &str = "https://{whippy_api_url}";

/// A response that the page shows.
struct Shown {
    name: &'static str,
    operation: &'static str,
    status: u16,
    body: String,
}

static SHOWN: LazyLock<Vec<Shown>> = LazyLock::new(|| {
    let files = assets::DOCUMENTED.iter();
    files.filter_map(|(file, json)| shown(file, json)).collect()
});

#[derive(Deserialize)]
struct Fixture {
    request: FixtureRequest,
    response: FixtureResponse,
}

#[derive(Deserialize)]
struct FixtureRequest {
    method: String,
    path: String,
}

#[derive(Deserialize)]
struct FixtureResponse {
    status: u16,
    body: Value,
}

fn shown(file: &'static str, json: &str) -> Option<Shown> {
    let fixture: Fixture = serde_json::from_str(json).ok()?;
    let path = fixture.request.path.split('?').next()?;
    let method = Method::from_bytes(fixture.request.method.as_bytes()).ok()?;
    let profile = Profile::default();
    let (resource, _) = resolve(path, &profile)?;
    Some(Shown {
        name: file.strip_suffix(".json")?,
        operation: resource.action(&method, &profile)?.operation,
        status: fixture.response.status,
        body: fixture.response.body.to_string(),
    })
}

/// Returns the documented response that a request prefers: `code=STATUS`, `example=NAME`, or both;
/// `None` where it prefers none. A response that the page does not show of this `operation` is
/// refused, with a list of those it shows.
pub fn prefer(service: &Service, request: &Request<Bytes>, operation: &str) -> Option<Reply> {
    let wishes = Wishes::of(request.headers())?;
    let chosen = match wishes.chosen(operation) {
        Ok(chosen) => chosen,
        Err(problem) => {
            let head = request.clone().map(drop);
            return Some(service.refuse(&head, &problem));
        }
    };
    let answer = Answer {
        status: chosen.status,
        rule: "preferred",
        grade: Grade::Documented,
        body: chosen.body.replace(HOST, &base(request)).into_bytes(),
    };
    let mut reply = engine::present(&service.settings(), request, chosen.operation, answer);
    if let Ok(applied) = HeaderValue::from_str(&wishes.applied()) {
        reply
            .response
            .headers_mut()
            .insert(PREFERENCE_APPLIED, applied);
    }
    Some(reply)
}

/// The preferences of a request.
struct Wishes {
    code: Option<String>,
    example: Option<String>,
}

impl Wishes {
    /// Reads the known preferences of a request; `None` where it has none.
    fn of(headers: &HeaderMap) -> Option<Self> {
        let text = header_text(headers, PREFER)?;
        // An example may be a preference or the parameter of one, so `;` separates like `,`.
        let parts = split(&text);
        // Of several preferences of a name the first counts. Source: RFC 7240, section 2.
        let first = |wanted: &str| {
            let parts = parts.iter().filter_map(|part| part.split_once('='));
            let mut named = parts.filter(|(name, _)| name.trim().eq_ignore_ascii_case(wanted));
            named.next().map(|(_, value)| unquoted(value.trim()))
        };
        let (code, example) = (first("code"), first("example"));
        (code.is_some() || example.is_some()).then_some(Self { code, example })
    }

    fn chosen(&self, operation: &str) -> Result<&'static Shown, Problem> {
        // The page shows the alias of the active stocks under their first path.
        let operation = operation.strip_suffix("-alias").unwrap_or(operation);
        let known: Vec<&Shown> = SHOWN.iter().filter(|s| s.operation == operation).collect();
        if known.is_empty() {
            return Err(Problem::NotShown(format!(
                "The documentation shows no response of `{operation}`."
            )));
        }
        let of_code: Vec<&Shown> = match &self.code {
            Some(code) => {
                let fitting = known
                    .iter()
                    .filter(|shown| *code == shown.status.to_string());
                fitting.copied().collect()
            }
            None => known.clone(),
        };
        let of_example = match &self.example {
            Some(example) => of_code.iter().find(|shown| shown.name == example),
            None => of_code.first(),
        };
        match (of_example, &self.code, &self.example) {
            (Some(shown), _, _) => Ok(shown),
            (None, code, Some(example)) if !of_code.is_empty() => {
                let names: Vec<_> = of_code.iter().map(|shown| shown.name.to_owned()).collect();
                let code = code
                    .as_ref()
                    .map_or(String::new(), |code| format!(" with {code}"));
                Err(Problem::NotShown(format!(
                    "`{operation}` has no example `{example}`{code}, it has {}.",
                    listed(&names)
                )))
            }
            (None, code, _) => {
                let mut codes: Vec<_> =
                    known.iter().map(|shown| shown.status.to_string()).collect();
                codes.sort_unstable();
                codes.dedup();
                Err(Problem::NotShown(format!(
                    "The documentation shows no {} of `{operation}`, it shows {}.",
                    code.as_deref().unwrap_or_default(),
                    listed(&codes)
                )))
            }
        }
    }

    fn applied(&self) -> String {
        let named =
            |name, value: &Option<String>| value.as_ref().map(|value| format!("{name}={value}"));
        let wishes = [named("code", &self.code), named("example", &self.example)];
        wishes.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [all @ .., last] => format!("{} and {last}", all.join(", ")),
    }
}

/// Splits a header at commas and semicolons outside quotes.
fn split(text: &str) -> Vec<&str> {
    let mut is_quoted = false;
    let mut is_escaped = false;
    let parts = text.split(|c| {
        let was_escaped = std::mem::take(&mut is_escaped);
        match c {
            '\\' if is_quoted && !was_escaped => is_escaped = true,
            '"' if !was_escaped => is_quoted = !is_quoted,
            ',' | ';' => return !is_quoted,
            _ => {}
        }
        false
    });
    parts.collect()
}

/// Returns a word, without quotes around it.
fn unquoted(word: &str) -> String {
    let inner = word
        .strip_prefix('"')
        .and_then(|word| word.strip_suffix('"'));
    inner.unwrap_or(word).replace('\\', "")
}
