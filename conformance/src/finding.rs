//! Why a check did not pass: what was asked, what came, and how to ask it again.

use std::fmt::{self, Write as _};

use bytes::Bytes;
use http::{HeaderName, Request, Response};
use serde_json::Value;
use similar::TextDiff;

/// One request and its answer, as they went over the wire.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// What was asked.
    pub request: Request<Bytes>,
    /// What came.
    pub response: Response<Bytes>,
}

/// A difference between what the contract says and what a target does.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Both sides in a line: `expected 201, got 200`.
    pub summary: String,
    /// The bodies that differ, pretty-printed: expected, got.
    pub bodies: Option<(String, String)>,
    /// How it came to light.
    pub exchange: Exchange,
}

impl Finding {
    /// Two statuses differ.
    pub fn status(expected: u16, exchange: Exchange) -> Self {
        Self {
            summary: format!(
                "expected {expected}, got {}",
                exchange.response.status().as_u16()
            ),
            bodies: None,
            exchange,
        }
    }

    /// Two bodies differ, member for member.
    pub fn body(expected: &Value, got: &Value, exchange: Exchange) -> Self {
        let differing = differences(expected, got, "");
        Self {
            summary: format!("the body differs at {}", differing.join(", ")),
            bodies: Some((pretty(expected), pretty(got))),
            exchange,
        }
    }

    /// The body is not what it must be to be compared.
    pub fn unreadable(why: &str, exchange: Exchange) -> Self {
        Self {
            summary: why.to_owned(),
            bodies: None,
            exchange,
        }
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

/// The JSON pointers at which two values differ.
fn differences(expected: &Value, got: &Value, at: &str) -> Vec<String> {
    let here = || vec![if at.is_empty() { "/" } else { at }.to_owned()];
    match (expected, got) {
        (Value::Object(a), Value::Object(b)) => {
            let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
            keys.flat_map(|key| match (a.get(key), b.get(key)) {
                (Some(x), Some(y)) => differences(x, y, &format!("{at}/{key}")),
                _ => vec![format!("{at}/{key}")],
            })
            .collect()
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => a
            .iter()
            .zip(b)
            .enumerate()
            .flat_map(|(i, (x, y))| differences(x, y, &format!("{at}/{i}")))
            .collect(),
        (a, b) if a == b => Vec::new(),
        _ => here(),
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.summary)?;
        if let Some((expected, got)) = &self.bodies {
            let diff = TextDiff::from_lines(expected, got);
            let unified = diff.unified_diff().header("expected", "got").to_string();
            write!(f, "{unified}")?;
        }
        write!(f, "{}", self.exchange)
    }
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { request, response } = self;
        let target = request
            .uri()
            .path_and_query()
            .map_or("/", http::uri::PathAndQuery::as_str);
        writeln!(f, "> {} {target}", request.method())?;
        for (name, value) in request.headers() {
            writeln!(f, "> {name}: {}", shown(name, value.as_bytes()))?;
        }
        write_body(f, ">", request.body())?;
        writeln!(f, "< {}", response.status())?;
        for (name, value) in response.headers() {
            writeln!(f, "< {name}: {}", shown(name, value.as_bytes()))?;
        }
        write_body(f, "<", response.body())?;
        writeln!(f, "repeat: {}", self.curl())
    }
}

fn write_body(f: &mut fmt::Formatter<'_>, mark: &str, body: &Bytes) -> fmt::Result {
    if body.is_empty() {
        return Ok(());
    }
    writeln!(f, "{mark}")?;
    for line in String::from_utf8_lossy(body).lines() {
        writeln!(f, "{mark} {line}")?;
    }
    Ok(())
}

/// A header's value, but never a secret's.
fn shown(name: &HeaderName, value: &[u8]) -> String {
    if *name == http::header::AUTHORIZATION {
        "(redacted)".to_owned()
    } else {
        String::from_utf8_lossy(value).into_owned()
    }
}

impl Exchange {
    /// A command that asks the same, the token aside.
    pub fn curl(&self) -> String {
        let request = &self.request;
        let mut curl = format!("curl -i -X {}", request.method());
        for (name, value) in request.headers() {
            let value = if *name == http::header::AUTHORIZATION {
                "Token $TOKEN".into()
            } else {
                String::from_utf8_lossy(value.as_bytes())
            };
            // The token is to be filled in by the shell, so it stands in double quotes.
            let quote = if value.contains('$') { '"' } else { '\'' };
            let _ = write!(curl, " -H {quote}{name}: {value}{quote}");
        }
        if !request.body().is_empty() {
            let body = String::from_utf8_lossy(request.body()).replace('\'', r"'\''");
            // curl adds a type of its own unless it is told not to.
            if !request.headers().contains_key(http::header::CONTENT_TYPE) {
                curl += " -H 'Content-Type:'";
            }
            let _ = write!(curl, " --data-binary '{body}'");
        }
        curl + &format!(" '{}'", request.uri())
    }
}
