//! The live page at `/__admin/`: its embedded files, and the redirect that leads a browser there.
//!
//! The files hold no secret and need no token. The data that they ask for comes from the other
//! admin paths, under the rules of those.

use std::sync::LazyLock;

use bytes::Bytes;
use http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, HeaderValue,
    IF_NONE_MATCH, LOCATION, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{Method, Request, Response, StatusCode};
use sha2::{Digest, Sha256};

use super::{Asked, Granted, Outcome, PREFIX, Refusal};

/// A policy that allows scripts, styles and connections of this origin alone, no markup made from
/// text, and no frames.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Name, content type, content.
type File = (&'static str, &'static str, &'static str);

macro_rules! files {
    ($($name:literal: $content_type:ident,)+) => {
        &[
            $(($name, $content_type, include_str!(concat!("../../ui/", $name))),)+
            ("shared.css", CSS, whippy_engine::html::STYLE),
        ]
    };
}

/// The files of the page, the page itself first.
const FILES: &[File] = files! {
    "index.html": HTML,
    "style.css": CSS,
    "app.js": SCRIPT,
    "address.js": SCRIPT,
    "again.js": SCRIPT,
    "api.js": SCRIPT,
    "client.js": SCRIPT,
    "dom.js": SCRIPT,
    "exchange.js": SCRIPT,
    "faults.js": SCRIPT,
    "reference.js": SCRIPT,
    "time.js": SCRIPT,
    "traffic.js": SCRIPT,
    "world.js": SCRIPT,
};

/// The entity tags by which a browser asks whether a file has changed, in the order of the files.
static TAGS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let contents = FILES.iter().map(|(_, _, content)| content);
    contents.map(|content| tag(content)).collect()
});

/// Returns the names and contents of the files.
pub fn files() -> impl Iterator<Item = (&'static str, &'static str)> {
    FILES.iter().map(|&(name, _, content)| (name, content))
}

/// Returns `true` for a file of the page, which needs no token.
pub(super) fn is_open(path: &str) -> bool {
    path == PREFIX || path.starts_with("/__admin/ui/")
}

/// Returns `true` if a browser opens the server itself, rather than a client calling the API.
pub fn is_opened_by_a_browser(request: &Request<Bytes>) -> bool {
    let has = |name: HeaderName, part: &str| {
        let value = request.headers().get(name);
        value.is_some_and(|value| value.to_str().is_ok_and(|text| text.contains(part)))
    };
    matches!(request.uri().path(), "/" | "/__admin")
        && request.method() == Method::GET
        && has(HeaderName::from_static("sec-fetch-mode"), "navigate")
        && has(ACCEPT, "text/html")
}

/// Returns the redirect that leads a browser to the page.
pub fn way() -> Response<Bytes> {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    headers.insert(LOCATION, HeaderValue::from_static(PREFIX));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(VARY, HeaderValue::from_static("Accept, Sec-Fetch-Mode"));
    response
}

pub(super) fn index(asked: &Asked<'_>) -> Outcome {
    serve(asked, 0)
}

pub(super) fn file(asked: &Asked<'_>) -> Outcome {
    let at = FILES.iter().position(|(name, ..)| *name == asked.argument);
    let at = at.ok_or_else(|| {
        let detail = format!("the live page has no file `{}`", asked.argument);
        Refusal::new(StatusCode::NOT_FOUND, detail)
    })?;
    serve(asked, at)
}

fn serve(asked: &Asked<'_>, at: usize) -> Outcome {
    let (_, content_type, content) = FILES[at];
    let tag = &TAGS[at];
    let known = asked.call.request.headers().get(IF_NONE_MATCH);
    let is_known = known.is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response = if is_known {
        let mut response = Response::default();
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        Response::new(Bytes::from_static(content.as_bytes()))
    };
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(ETAG, tag);
    }
    for (name, value) in [
        (CONTENT_TYPE, content_type),
        // The browser asks each time, so that another version of the mock shows its own page.
        (CACHE_CONTROL, "no-cache"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Ok(Granted::Whole(response))
}

fn tag(content: &str) -> String {
    let digest = Sha256::digest(content.as_bytes());
    let first = digest.iter().take(8);
    let number = first.fold(0_u64, |number, &byte| number << 8 | u64::from(byte));
    format!("\"{number:016x}\"")
}
