//! Every check, with its id, level and source.

use bytes::Bytes;
use http::Request;
use serde_json::Value;

use crate::documented::{self, Documented};
use crate::finding::{Exchange, Finding};
use crate::target::{SeedState, Target, TargetError};

/// How much a check weighs. Source: the grades of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// The page says it.
    Must,
}

impl Level {
    /// As in reports.
    pub fn text(self) -> &'static str {
        match self {
            Self::Must => "MUST",
        }
    }
}

/// One requirement of the contract.
#[derive(Debug, Clone)]
pub struct Check {
    /// Stable, and to be selected by: `documented/create-201`.
    pub id: String,
    /// How much it weighs.
    pub level: Level,
    /// Where the page says it.
    pub section: String,
    /// The page's words.
    pub quote: String,
    fixture: Documented,
}

/// What a check comes to.
#[derive(Debug)]
pub enum Outcome {
    /// As the contract has it.
    Pass,
    /// Not so.
    Fail(Box<Finding>),
    /// The target could not be brought into the state that the check needs.
    SetupFailed(String),
}

/// All checks. An error is a fault of the suite's own.
pub fn all() -> Result<Vec<Check>, String> {
    let checks = documented::all()?.into_iter().map(|(name, fixture)| Check {
        id: format!("documented/{}", name.replace('_', "-")),
        level: Level::Must,
        section: fixture.source.section.clone(),
        quote: fixture.source.quote.clone(),
        fixture,
    });
    Ok(checks.collect())
}

impl Check {
    /// Runs the check. An error is a target that stopped answering.
    pub fn run(&self, target: &mut dyn Target) -> Result<Outcome, TargetError> {
        let state = SeedState {
            world: self.fixture.world.clone(),
            clock: self.fixture.clock.clone(),
            profile: self.fixture.profile.clone(),
        };
        match target.seed(&state) {
            Ok(()) => {}
            Err(TargetError::NotSeedable(why)) => return Ok(Outcome::SetupFailed(why)),
            Err(error) => return Err(error),
        }
        let request = match self.request(target.base()) {
            Ok(request) => request,
            Err(error) => return Ok(Outcome::SetupFailed(error.to_string())),
        };
        let response = target.send(&request)?;
        let exchange = Exchange { request, response };
        Ok(match self.judge(exchange, target.base()) {
            None => Outcome::Pass,
            Some(finding) => Outcome::Fail(Box::new(finding)),
        })
    }

    fn request(&self, base: &str) -> Result<Request<Bytes>, http::Error> {
        let asked = &self.fixture.request;
        let mut request = Request::builder()
            .method(asked.method.as_str())
            .uri(format!("{base}{}", asked.path));
        for (name, value) in &asked.headers {
            request = request.header(name, value.as_str().unwrap_or_default());
        }
        request.body(match &asked.body {
            Value::Null => Bytes::new(),
            body => Bytes::from(body.to_string()),
        })
    }

    fn judge(&self, exchange: Exchange, base: &str) -> Option<Finding> {
        let expected = &self.fixture.response;
        if exchange.response.status() != expected.status {
            return Some(Finding::status(expected.status, exchange));
        }
        let content_type = exchange.response.headers().get(http::header::CONTENT_TYPE);
        let is_json = content_type
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.split(';').next() == Some("application/json"));
        if !is_json {
            let why = "expected the content type application/json";
            return Some(Finding::unreadable(why, exchange));
        }
        let Ok(got) = serde_json::from_slice::<Value>(exchange.response.body()) else {
            return Some(Finding::unreadable("the body is not JSON", exchange));
        };
        let body = at_host(&expected.body, base);
        (got != body).then(|| Finding::body(&body, &got, exchange))
    }
}

/// The page's name for the host, in links, becomes the target's.
fn at_host(value: &Value, base: &str) -> Value {
    match value {
        Value::String(text) => text.replace("https://{whippy_api_url}", base).into(),
        Value::Array(items) => items.iter().map(|item| at_host(item, base)).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, member)| (name.clone(), at_host(member, base)))
            .collect(),
        other => other.clone(),
    }
}
