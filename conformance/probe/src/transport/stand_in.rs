//! Answers that do not come from the service itself, but from a proxy, a gateway or the login page
//! of a network; and refusals of a token that was accepted before. They tell nothing about the
//! service.

use std::fmt;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, LOCATION, SERVER, VIA};
use http::{Request, Response, Uri};
use serde::de::IgnoredAny;

use crate::text::one_line;

/// The longest name in a sentence, characters.
const MOST_NAME: usize = 60;

/// An answer that something else may have given in place of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandIn {
    status: u16,
    kind: Kind,
    /// The name that it gives itself, in `Via` or `Server`.
    name: Option<String>,
}

/// Reasons to assume that an answer is not from the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The token of the run is refused.
    Token,
    /// There are too many requests.
    Throttle,
    /// A proxy asks for credentials.
    Proxy,
    /// The request was sent to a wrong host.
    Misdirected,
    /// A gateway could not reach a service, by a status that only gateways use.
    Edge,
    /// A gateway could not reach a service, by a status that a service may have too.
    Away,
    /// The answer is a web page, or redirects to one on another host.
    Page,
    /// The answer is a refusal without JSON.
    NotJson,
}

impl StandIn {
    /// Returns the stand-in that may have given an answer, if any. `is_own` tells that the request
    /// had the token of the run.
    pub fn of(request: &Request<Bytes>, response: &Response<Bytes>, is_own: bool) -> Option<Self> {
        let host = request.uri().authority().map(http::uri::Authority::host);
        let (status, headers) = (response.status().as_u16(), response.headers());
        Self::of_parts(status, headers, response.body(), host, is_own)
    }

    /// Does the same with the parts of an answer to a request with the run's token. `host` is the
    /// requested one.
    pub fn of_parts(
        status: u16,
        headers: &HeaderMap,
        body: &[u8],
        host: Option<&str>,
        is_own: bool,
    ) -> Option<Self> {
        let kind = match status {
            407 => Kind::Proxy,
            421 => Kind::Misdirected,
            429 => Kind::Throttle,
            511 => Kind::Page,
            520..=530 => Kind::Edge,
            401 | 403 if is_own && is_json(headers, body) => Kind::Token,
            502..=504 if !is_json(headers, body) => Kind::Away,
            200..=299 if is_page(body) => Kind::Page,
            300..=399 if leads_elsewhere(headers, host) => Kind::Page,
            // The service may refuse a path that it lacks with a page of its own.
            404 | 405 | 410 => return None,
            400..=499 if !is_json(headers, body) => Kind::NotJson,
            _ => return None,
        };
        let name = [VIA, SERVER].iter().find_map(|name| headers.get(name));
        let name = name.map(|name| String::from_utf8_lossy(name.as_bytes()).into_owned());
        Some(Self { status, kind, name })
    }

    /// Returns `true` if no service of the contract could give this answer.
    pub fn is_certain(&self) -> bool {
        matches!(
            self.kind,
            Kind::Proxy | Kind::Misdirected | Kind::Throttle | Kind::Edge
        ) || self.status == 511
    }

    /// Returns the status of the answer.
    pub fn status(&self) -> u16 {
        self.status
    }
}

impl fmt::Display for StandIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.status;
        match &self.name {
            Some(name) => {
                let name: String = one_line(name).chars().take(MOST_NAME).collect();
                write!(f, "a server that calls itself `{name}` ")?;
            }
            None => f.write_str("a server that does not name itself ")?,
        }
        match self.kind {
            Kind::Token => write!(
                f,
                "takes the token no more and answers {status}: give another with --token-file \
                 FILE or --token TOKEN, or --username and --password to have it renewed"
            ),
            Kind::Throttle => write!(
                f,
                "answers {status} (too many requests) again and again: give a lower --rate, or \
                 try later"
            ),
            Kind::Proxy => write!(
                f,
                "answers {status} (proxy authentication required) in the service's place: give \
                 --proxy http://USER:PASSWORD@HOST:PORT"
            ),
            Kind::Misdirected => write!(
                f,
                "answers {status} (misdirected request) in the service's place: give --target \
                 the host that it serves"
            ),
            Kind::Edge | Kind::Away => write!(
                f,
                "answers {status} in the service's place: there is a gateway, and nobody behind it"
            ),
            Kind::Page => write!(
                f,
                "answers {status} with a web page in the service's place: log in to the network, \
                 or give --target what stands in front of /api/v1/"
            ),
            Kind::NotJson => write!(
                f,
                "answers {status} and not in JSON, in the service's place: give --target the \
                 service itself"
            ),
        }
    }
}

/// Returns `true` if a body is a web page. The content type is not enough: a service that calls its
/// JSON `text/html` is wrong, but it is the service.
fn is_page(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<")
}

fn is_json(headers: &HeaderMap, body: &[u8]) -> bool {
    if body.is_empty() {
        let media = headers.get(CONTENT_TYPE);
        return media.is_some_and(|media| media.as_bytes().starts_with(b"application/json"));
    }
    serde_json::from_slice::<IgnoredAny>(body).is_ok()
}

/// Returns `true` if a redirect leads to another host.
fn leads_elsewhere(headers: &HeaderMap, host: Option<&str>) -> bool {
    let target = headers.get(LOCATION).and_then(|to| to.to_str().ok());
    let target = target.and_then(|to| to.parse::<Uri>().ok());
    let target = target.as_ref().and_then(Uri::host);
    target.is_some_and(|target| host.is_some_and(|host| !target.eq_ignore_ascii_case(host)))
}
