//! Methods and paths, where headers must be compared: HEAD, `Allow` and redirections.

use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, Method, Uri};
use serde_json::json;

use super::CodeCheck;
use crate::cases::probe::{Answer, Ask, Credentials, Probe, Stop};
use crate::model::finding::Level;
use crate::model::outcome::Safety;

pub(super) const CHECKS: &[CodeCheck] = &[
    CodeCheck {
        id: "methods/head-answers-like-get",
        title: "A HEAD of the list has the status, type and length of a GET, and no body",
        level: Level::Should,
        section: "docs/stack.md#methods",
        quote: "the headers of GET, its Content-Length too, and no body",
        run: head_answers_like_get,
        ..CodeCheck::LOOK
    },
    CodeCheck {
        id: "methods/allow-is-true",
        title: "What Allow names is answered: GET, HEAD and OPTIONS",
        level: Level::Should,
        section: "docs/stack.md#headers",
        quote: "Allow: GET, POST, HEAD, OPTIONS for a list",
        run: allow_is_true,
        ..CodeCheck::LOOK
    },
    CodeCheck {
        id: "methods/missing-slash-is-redirected",
        title: "A GET of a path without its slash is redirected to the path with it",
        level: Level::Should,
        section: "docs/stack.md#addresses",
        quote: "Location is the path with its slash and the query as it came",
        run: missing_slash_is_redirected,
        ..CodeCheck::LOOK
    },
    CodeCheck {
        id: "methods/missing-slash-writes-nothing",
        title: "A POST to a path without its slash is redirected, and writes nothing",
        level: Level::Should,
        section: "docs/stack.md#addresses",
        quote: "A path without its slash is answered 301, whatever the method.",
        safety: Safety::Write,
        run: missing_slash_writes_nothing,
        ..CodeCheck::WRITE
    },
];

const LIST: &str = "/api/v1/stocks/";

fn head_answers_like_get(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let ask = |method| Ask::new(method, LIST).with("limit", 1).with("sort", "id");
    let get = probe.send(&ask(Method::GET))?;
    let head = probe.send(&ask(Method::HEAD))?;
    probe.expect_status(&head, &[get.status])?;
    if !head.bytes.is_empty() {
        return Err(probe.fail(format!(
            "expected no body of a HEAD, got {} bytes",
            head.bytes.len()
        )));
    }
    let (like, got) = (
        text(&get.headers, &CONTENT_TYPE),
        text(&head.headers, &CONTENT_TYPE),
    );
    if like != got {
        return Err(probe.fail(format!(
            "expected the Content-Type `{like}` of the GET, got `{got}`"
        )));
    }
    let length = get.bytes.len().to_string();
    let got = text(&head.headers, &CONTENT_LENGTH);
    // A chunked body has no length in the head.
    let is_chunked = get.headers.contains_key(TRANSFER_ENCODING);
    if got == length || (got.is_empty() && is_chunked) {
        return Ok(());
    }
    Err(probe.fail(format!(
        "expected a Content-Length of {length}, as long as the body of the GET, got `{got}`"
    )))
}

fn allow_is_true(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let get = probe.send(&Ask::get(LIST).with("limit", 1))?;
    probe.expect_status(&get, &[200])?;
    let allow = text(&get.headers, &ALLOW);
    for method in [Method::HEAD, Method::OPTIONS] {
        if !allow
            .split(',')
            .any(|named| named.trim() == method.as_str())
        {
            continue;
        }
        let answer = probe.send(&Ask::new(method, LIST))?;
        probe.expect_status(&answer, &[200])?;
    }
    Ok(())
}

fn missing_slash_is_redirected(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let sku = probe.need("sku")?;
    for (path, query) in [
        ("/api/v1/stocks", format!("?sku={sku}&location=a%20b")),
        ("/api/v1/stocks/stock_query", format!("?sku={sku}")),
        ("/api/v1/stocks/stock_query", String::new()),
    ] {
        for credentials in [Credentials::Given, Credentials::None] {
            let ask = Ask {
                credentials,
                ..Ask::get(&format!("{path}{query}")).invalid()
            };
            let answer = probe.send(&ask)?;
            leads_to(probe, &answer, &format!("{path}/{query}"))?;
        }
    }
    Ok(())
}

fn missing_slash_writes_nothing(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let stock = json!({
        "sku": probe.need("sku")?,
        "provider": probe.need("provider")?,
        "location": probe.need("location")?,
        "stock": 5,
    });
    let answer = probe.send(&Ask::post("/api/v1/stocks", stock).invalid())?;
    leads_to(probe, &answer, LIST)?;
    let page = probe.send(&Ask::get(LIST).with("sku", probe.need("sku")?))?;
    match probe.json(&page)?["count"].as_u64() {
        Some(0) => Ok(()),
        _ => Err(probe.fail("expected nothing to be written, got a stock")),
    }
}

/// Fails the check unless the answer redirects to this path behind the target's base, with or
/// without the host.
fn leads_to(probe: &mut Probe<'_>, answer: &Answer, target: &str) -> Result<(), Stop> {
    probe.expect_status(answer, &[301])?;
    let location = text(&answer.headers, &LOCATION);
    let base = probe.session.target.base();
    let mount = base
        .parse::<Uri>()
        .map_or_else(|_| String::new(), |uri| uri.path().to_owned());
    let whole = format!("{base}{target}");
    let relative = format!("{}{target}", mount.trim_end_matches('/'));
    if location == whole || location == relative {
        return Ok(());
    }
    Err(probe.fail(format!(
        "expected the Location `{relative}`, got `{location}`"
    )))
}

fn text(headers: &HeaderMap, name: &HeaderName) -> String {
    let value = headers
        .get(name)
        .map(|value| String::from_utf8_lossy(value.as_bytes()));
    value.unwrap_or_default().into_owned()
}
