//! What the framework does before an operation has its say, asked of every operation of
//! `openapi.json` that documents it.

use bytes::Bytes;
use http::Method;

use super::CodeCheck;
use crate::cases::case::takes_query;
use crate::cases::probe::{Ask, Credentials, Payload, Probe, Stop};
use crate::contract::Operation;
use crate::contract::pattern::Pattern;
use crate::model::finding::Level;
use crate::model::outcome::Safety;

/// Requests of every operation, all refused; some name a POST path, so none is sent in a
/// run that only looks.
const REFUSED: CodeCheck = CodeCheck {
    level: Level::Should,
    safety: Safety::Write,
    ..CodeCheck::LOOK
};

pub(super) const CHECKS: &[CodeCheck] = &[
    CodeCheck {
        id: "everywhere/a-token-is-asked-for",
        title: "Every operation but the login refuses whoever sends no token",
        section: "docs/stack.md#authentication",
        quote: "401 {\"detail\":\"Authentication credentials were not provided.\"}",
        run: |probe| refused(probe, 401, |ask| ask.credentials = Credentials::None),
        ..REFUSED
    },
    CodeCheck {
        id: "everywhere/a-bad-token-is-refused",
        title: "Every operation refuses a token without its key, the login too",
        section: "docs/stack.md#authentication",
        quote: "401 {\"detail\":\"Invalid token header. No credentials provided.\"}",
        run: |probe| {
            refused(probe, 401, |ask| {
                ask.credentials = Credentials::Other("Token".to_owned());
            })
        },
        ..REFUSED
    },
    CodeCheck {
        id: "everywhere/other-renderings-are-refused",
        title: "Every operation refuses to answer in another format than JSON",
        section: "docs/stack.md#accept",
        quote: "406 {\"detail\":\"Could not satisfy the request Accept header.\"}",
        run: |probe| {
            refused(probe, 406, |ask| {
                let accept = Some("application/xml".to_owned());
                ask.headers.push(("accept".to_owned(), accept));
            })
        },
        ..REFUSED
    },
    CodeCheck {
        id: "everywhere/other-methods-are-refused",
        title: "Every path refuses a PATCH",
        section: "docs/stack.md#methods",
        quote: "405 {\"detail\":\"Method \\\"PUT\\\" not allowed.\"}",
        run: |probe| refused(probe, 405, |ask| ask.method = Method::PATCH),
        ..REFUSED
    },
    CodeCheck {
        id: "everywhere/other-types-are-refused",
        title: "Every operation that takes a body refuses one of another type",
        section: "docs/stack.md#bodies",
        quote: "application/vnd.api+json and any other type 415",
        run: |probe| refused(probe, 415, |ask| body(ask, "text/plain", "{}")),
        ..REFUSED
    },
    CodeCheck {
        id: "everywhere/broken-json-is-refused",
        title: "Every operation that takes a body refuses one that is no JSON",
        section: "docs/stack.md#bodies",
        quote: "400 {\"detail\":\"JSON parse error",
        run: |probe| refused(probe, 400, |ask| body(ask, "application/json", "{")),
        ..REFUSED
    },
    CodeCheck {
        id: "everywhere/pages-end",
        title: "Every list refuses a page beyond its end",
        section: "docs/stack.md#pagination",
        quote: "404 {\"detail\":\"Invalid page.\"}",
        run: |probe| {
            refused(probe, 404, |ask| {
                ask.query.push(("page".to_owned(), "99999".to_owned()));
            })
        },
        ..REFUSED
    },
];

fn body(ask: &mut Ask, media: &str, text: &'static str) {
    ask.payload = Payload::Raw(Bytes::from_static(text.as_bytes()));
    ask.headers
        .push(("content-type".to_owned(), Some(media.to_owned())));
}

/// Every operation that documents the status, asked wrongly, answers with it and says why.
fn refused(probe: &mut Probe<'_>, status: u16, spoil: fn(&mut Ask)) -> Result<(), Stop> {
    let session = probe.session;
    let list = probe.need("stock-list").unwrap_or_else(|_| "1".to_owned());
    let detail = Pattern::try_from(serde_json::json!({"detail": "<text>"})).map_err(Stop::Suite)?;
    for operation in session.contract.operations() {
        let path = operation
            .path
            .replace("{stocklist_id}", &list)
            .replace("{id}", "1");
        let mut ask = Ask::new(operation.method.clone(), &path).invalid();
        spoil(&mut ask);
        if !concerns(probe, operation, &ask, status) {
            continue;
        }
        ask.step = format!("{} {path}", ask.method);
        let answer = match probe.send(&ask) {
            // What only one reading of the page has is not asked of a live service.
            Err(Stop::Disabled(_)) if is_alias(operation) => continue,
            sent => sent?,
        };
        // What a target lacks without breaking a promise refuses nothing.
        let may_lack = operation.level == Level::May || is_alias(operation);
        if may_lack && answer.status == 404 && answer.body.is_none() {
            continue;
        }
        probe.expect_status(&answer, &[status])?;
        probe.expect_body(&answer, &detail)?;
    }
    Ok(())
}

fn is_alias(operation: &Operation) -> bool {
    operation.id == "list-active-stocks-alias"
}

/// Whether the refusal is one that the operation documents for this mistake.
fn concerns(probe: &Probe<'_>, operation: &Operation, ask: &Ask, status: u16) -> bool {
    let has_payload = ask.payload != Payload::None;
    let asks_for_page = ask.query.iter().any(|(name, _)| name == "page");
    operation.documents(status)
        // The login lets in whoever names no scheme.
        && (operation.id != "login" || ask.credentials != Credentials::None)
        && (!has_payload || operation.takes_body() && !takes_query(probe, &operation.path))
        && (!asks_for_page || operation.has_parameter("page"))
}
