//! Refusals that the framework makes before an operation runs, tried on every operation whose
//! documentation in `openapi.json` has them.

use bytes::Bytes;
use http::Method;
use serde_json::Value;

use super::CodeCheck;
use super::kit::leniency::not_lenient;
use crate::cases::case::takes_query;
use crate::cases::probe::{Ask, Credentials, Payload, Probe, Stop};
use crate::contract::Operation;
use crate::contract::pattern::Pattern;
use crate::model::finding::Level;
use crate::model::outcome::Safety;
use whippy_probe::text::other_case;

/// Requests to every operation, all of them refused. Some are to a POST path, so a run that only
/// reads sends none.
const REFUSED: CodeCheck = CodeCheck {
    level: Level::Should,
    safety: Safety::Write,
    ..CodeCheck::LOOK
};

pub(super) const CHECKS: &[CodeCheck] = &[
    CodeCheck {
        id: "everywhere/a-token-is-asked-for",
        title: "Every operation but the login refuses whoever sends no token",
        level: Level::Must,
        section: "Stock",
        quote: "'Authorization': 'Token {}'.format(api_token)",
        run: |probe| refused(probe, 401, |ask| ask.credentials = Credentials::None),
        ..REFUSED
    },
    CodeCheck {
        id: "everywhere/only-the-token-lets-in",
        title: "No operation takes another key, another scheme or a part of the token for the token",
        level: Level::Must,
        section: "Stock",
        quote: "'Authorization': 'Token {}'.format(api_token)",
        run: only_the_token,
        ..REFUSED
    },
    CodeCheck {
        id: "everywhere/the-scheme-may-be-in-small-letters",
        title: "Every operation takes the token behind a scheme in small letters",
        section: "docs/stack.md#authentication",
        quote: "accepted: the scheme may be in any case",
        run: small_scheme,
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

/// Fails the check unless every operation that documents the status answers a spoiled request with
/// it and a reason.
fn refused(probe: &mut Probe<'_>, status: u16, spoil: fn(&mut Ask)) -> Result<(), Stop> {
    refused_by(probe, status, &spoil, Extent::Everything)
}

/// The operations that a refusal is asked of, and the part of it that is judged.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// Every operation; the status and the framework's form.
    Everything,
    /// The operations of the documentation, which all need a token; the status alone. A login
    /// that overlooks a header lets nobody in by it.
    Documented,
}

/// Does the same to an extent.
fn refused_by(
    probe: &mut Probe<'_>,
    status: u16,
    spoil: &dyn Fn(&mut Ask),
    extent: Extent,
) -> Result<(), Stop> {
    let level = probe.level;
    let session = probe.session;
    let list = probe.need("stock-list").unwrap_or_else(|_| "1".to_owned());
    let detail = Pattern::try_from(serde_json::json!({"detail": "<text>"})).map_err(Stop::suite)?;
    let (mut is_asked, mut unsent) = (false, None);
    let mut first: Option<Value> = None;
    let is_meant =
        |operation: &&Operation| extent == Extent::Everything || operation.level == Level::Must;
    for operation in session.contract.operations().iter().filter(is_meant) {
        let mut ask = incomplete(operation, &list);
        spoil(&mut ask);
        if !concerns(probe, operation, &ask, status) {
            continue;
        }
        ask.step = format!("{} {}", ask.method, ask.path);
        let answer = match probe.send(&ask) {
            // A request that the guard holds back from a live service is left out.
            Err(Stop::Disabled(why)) => {
                unsent = Some(why);
                continue;
            }
            sent => sent?,
        };
        is_asked = true;
        // A part that a target may lack need not refuse anything.
        let may_lack = operation.level == Level::May || is_alias(operation);
        if may_lack && answer.status == 404 && answer.body.is_none() {
            continue;
        }
        // The page itself says that a token is required; about some operations only other sources
        // do.
        probe.level = level.min(operation.level);
        let judged = probe.expect_status(&answer, &[status]);
        probe.level = level.min(Level::Should);
        let judged = judged.and_then(|()| {
            if extent != Extent::Everything {
                return Ok(());
            }
            probe.expect_body(&answer, &detail)?;
            // The framework refuses these before it looks at the operation.
            let is_alike = [401, 405, 406, 415].contains(&status);
            let body = answer.body.clone().filter(|_| is_alike);
            let words = first.get_or_insert_with(|| body.clone().unwrap_or_default());
            match body {
                Some(body) if body != *words => Err(probe.fail(format!(
                    "{}: expected {words}, as other operations say, got {body}",
                    ask.step
                ))),
                _ => Ok(()),
            }
        });
        probe.level = level;
        judged?;
    }
    match unsent {
        Some(why) if !is_asked => Err(Stop::Disabled(why)),
        _ => Ok(()),
    }
}

/// Returns a request to an operation without its arguments, which changes nothing.
fn incomplete(operation: &Operation, list: &str) -> Ask {
    let path = operation
        .path
        .replace("{stocklist_id}", list)
        .replace("{id}", "1");
    Ask::new(operation.method.clone(), &path).invalid()
}

/// Returns headers without a valid token, made from the token of the run.
fn forgeries(token: &str) -> Vec<String> {
    let other_case = other_case(token);
    let half = token.len() / 2;
    let mut forgeries = vec![
        "Token whippy-conformance-forgery".to_owned(),
        format!("Bearer {token}"),
        token.to_owned(),
        format!("Token {token}0"),
        format!("Token {}", "0".repeat(token.len())),
    ];
    forgeries.retain(|forgery| *forgery != format!("Token {token}"));
    if other_case != token {
        forgeries.push(format!("Token {other_case}"));
    }
    // A token is ASCII text, so it can be cut anywhere.
    forgeries.extend(
        token
            .get(..half)
            .filter(|part| !part.is_empty())
            .map(|part| format!("Token {part}")),
    );
    forgeries
}

/// Fails the check unless every operation refuses all but the token. Without a token nothing is
/// sent.
fn only_the_token(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let Some(token) = probe.session.token.clone() else {
        return Err(Stop::Disabled("it needs --token".to_owned()));
    };
    let forged = Credentials::Other("Token whippy-conformance-forgery".to_owned());
    let answer = probe.send(&Ask {
        credentials: forged,
        ..Ask::get("/api/v1/stocks/").with("limit", 1)
    })?;
    not_lenient(&answer, "token")?;
    for forgery in forgeries(&token) {
        refused_by(
            probe,
            401,
            &|ask| ask.credentials = Credentials::Other(forgery.clone()),
            Extent::Documented,
        )?;
    }
    for name in ["token", "api_token"] {
        let token = token.clone();
        refused_by(
            probe,
            401,
            &|ask| {
                ask.credentials = Credentials::None;
                ask.query.push((name.to_owned(), token.clone()));
            },
            Extent::Documented,
        )?;
    }
    Ok(())
}

/// Fails the check if an operation asks for a token that was sent behind `token`. The requests
/// are incomplete, so nothing is written.
fn small_scheme(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let Some(token) = probe.session.token.clone() else {
        return Err(Stop::Disabled("it needs --token".to_owned()));
    };
    let session = probe.session;
    let list = probe.need("stock-list").unwrap_or_else(|_| "1".to_owned());
    let operations = session.contract.operations().iter();
    for operation in operations.filter(|operation| operation.documents(401)) {
        let mut ask = incomplete(operation, &list);
        ask.credentials = Credentials::Other(format!("token {token}"));
        ask.step = format!("{} {}", ask.method, ask.path);
        let answer = match probe.send(&ask) {
            Err(Stop::Disabled(_)) => continue,
            sent => sent?,
        };
        if [401, 403].contains(&answer.status) && operation.id != "login" {
            let got = answer.status;
            return Err(probe.fail(format!(
                "{}: expected the token to be taken behind `token` as behind `Token`, got {got}",
                ask.step
            )));
        }
    }
    Ok(())
}

fn is_alias(operation: &Operation) -> bool {
    operation.id == "list-active-stocks-alias"
}

/// Returns `true` if a request names the scheme of tokens, correctly or not.
fn is_by_token(ask: &Ask) -> bool {
    match &ask.credentials {
        Credentials::None => false,
        Credentials::Other(header) => header.starts_with("Token"),
        _ => true,
    }
}

/// Returns `true` if the operation documents this status for the mistake in a request.
fn concerns(probe: &Probe<'_>, operation: &Operation, ask: &Ask, status: u16) -> bool {
    let has_payload = ask.payload != Payload::None;
    let asks_for_page = ask.query.iter().any(|(name, _)| name == "page");
    operation.documents(status)
        // The login ignores credentials of any other scheme.
        && (operation.id != "login" || is_by_token(ask))
        && (!has_payload || operation.takes_body() && !takes_query(probe, &operation.path))
        && (!asks_for_page || operation.has_parameter("page"))
}
