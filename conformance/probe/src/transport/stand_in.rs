//! Answers that are not the service's own: of a proxy, a gateway, a network's login page; and
//! refusals of a token that it took before. Nothing of them says anything about the service.

use std::fmt;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, LOCATION, SERVER, VIA};
use http::{Request, Response, Uri};
use serde::de::IgnoredAny;

use crate::text::one_line;

/// The longest name that a sentence shows, characters.
const MOST_NAME: usize = 60;

/// An answer that something else may have given in the service's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandIn {
    status: u16,
    kind: Kind,
    /// The name that it gives itself, in `Via` or `Server`.
    name: Option<String>,
}

/// Reasons to take an answer for another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The token of the run is refused.
    Token,
    /// Too many requests.
    Throttle,
    /// A proxy wants to know who asks.
    Proxy,
    /// It is not for this host.
    Misdirected,
    /// A gateway reached nobody, by a status that only gateways have.
    Edge,
    /// A web page, or the way to one on another host.
    Page,
    /// A refusal that is not JSON.
    NotJson,
}

impl StandIn {
    /// The stand-in that an answer may be from, if any. `is_own`: the request bore the
    /// token of the run.
    pub fn of(request: &Request<Bytes>, response: &Response<Bytes>, is_own: bool) -> Option<Self> {
        let host = request.uri().authority().map(http::uri::Authority::host);
        let (status, headers) = (response.status().as_u16(), response.headers());
        Self::of_parts(status, headers, response.body(), host, is_own)
    }

    /// The same of an answer to a request with the run's token, in its parts. `host`: the
    /// one that was asked.
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
            401 | 403 if is_own => Kind::Token,
            200..=299 if is_page(body) => Kind::Page,
            300..=399 if leads_elsewhere(headers, host) => Kind::Page,
            // A path that the service does not have may be refused with a page of its own.
            404 | 405 | 410 => return None,
            400..=499 if !is_json(headers, body) => Kind::NotJson,
            _ => return None,
        };
        let name = [VIA, SERVER].iter().find_map(|name| headers.get(name));
        let name = name.map(|name| String::from_utf8_lossy(name.as_bytes()).into_owned());
        Some(Self { status, kind, name })
    }

    /// Returns `true` if no service of the contract gives such an answer.
    pub fn is_certain(&self) -> bool {
        matches!(
            self.kind,
            Kind::Proxy | Kind::Misdirected | Kind::Throttle | Kind::Edge
        ) || self.status == 511
    }

    /// The status of the answer.
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
            Kind::Edge => write!(
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

/// Returns `true` if a body is a web page. The type alone does not tell: a service that calls
/// its JSON `text/html` is wrong, and the service all the same.
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
