//! Mistakes in the address and the head of a request: path, method, token, `Accept`.

use http::Method;
use http::header::{ACCEPT, AUTHORIZATION, HOST};

use super::exchange::Exchange;
use super::mistakes::{
    MALFORMED_HOST, MISSING_SLASH, MISSING_SLASH_POST, REFUSED_ACCEPT, UNKNOWN_PATH,
    WRONG_AUTH_SCHEME, WRONG_METHOD,
};
use super::sheet::{Said, Sheet, Trace};
use super::{Seen, is_safe};
use crate::endpoints::call::{has_well_formed_host, header_text, is_host};
use crate::endpoints::{RESOURCES, resolve};
use crate::suggest::nearest;

/// Authorization schemes that a finding may quote, since they cannot contain the token.
const SCHEMES: &[&str] = &[
    "Bearer", "Basic", "Digest", "JWT", "Key", "ApiKey", "Api-Key",
];

/// Judges the `Host` of a request; returns `true` if the service refused it, and so read
/// nothing else.
pub(super) fn judge_host(seen: &Seen<'_>, path: &str, sheet: &mut Sheet) -> bool {
    let status = seen.response.map(|response| response.status().as_u16());
    if seen.fault || status != Some(400) || has_well_formed_host(seen.request) {
        return false;
    }
    let say = || {
        let sent = header_text(seen.request.headers(), HOST).unwrap_or_default();
        let meant = sent.replace('_', "-");
        let is_underscore = meant != sent && is_host(meant.as_bytes());
        Said {
            sent: format!("Host: {sent}"),
            meant: is_underscore.then(|| format!("Host: {meant}")),
            why: "a host is letters, digits, dots and hyphens, with a port or without one"
                .to_owned(),
        }
    };
    sheet.note(
        &MALFORMED_HOST,
        (path, "host"),
        seen.id,
        || Trace::of(seen),
        say,
    );
    true
}

/// Judges a request for a path that no route has.
pub(super) fn judge_unrouted(seen: &Seen<'_>, path: &str, sheet: &mut Sheet) {
    let status = seen.response.map(|response| response.status().as_u16());
    if seen.fault || status.is_some_and(|status| (200..300).contains(&status)) {
        return;
    }
    let note = |sheet: &mut Sheet, mistake, say: &dyn Fn() -> Said| {
        sheet.note(mistake, (path, ""), seen.id, || Trace::of(seen), say);
    };
    let method = seen.request.method();
    let with_slash = format!("{path}/");
    if !path.ends_with('/') && resolve(&with_slash, seen.profile).is_some() {
        let safe = is_safe(method);
        let mistake = if safe {
            &MISSING_SLASH
        } else {
            &MISSING_SLASH_POST
        };
        note(sheet, mistake, &|| {
            Said {
            sent: format!("{method} {path}"),
            meant: Some(format!("{method} {with_slash}")),
            why: if safe {
                "every path of the API ends with a slash; without it each request is made twice"
            } else {
                "every path of the API ends with a slash; following the redirect, most clients send a GET without the body"
            }
            .to_owned(),
        }
        });
        return;
    }
    // A live service also has paths outside the stock API; only its 404 proves a mistake.
    if status != Some(404) {
        return;
    }
    note(sheet, &UNKNOWN_PATH, &|| {
        let is_instance = path
            .strip_prefix("/api/v1/stocks/")
            .is_some_and(|rest| !rest.is_empty());
        let known = RESOURCES.iter().map(|resource| resource.path);
        let near = nearest(path, known).map(str::to_owned);
        Said {
            sent: format!("{method} {path}"),
            meant: near.or_else(|| is_instance.then(|| "GET /api/v1/stocks/?sku=…".to_owned())),
            why: "the API has no such path".to_owned(),
        }
    });
}

/// Judges method, token and `Accept` of a request to a known path.
pub(super) fn judge(exchange: &Exchange<'_>, sheet: &mut Sheet) {
    if !exchange.resource.public {
        judge_token(exchange, sheet);
    }
    match exchange.verdict {
        Some(405) => exchange.note(
            sheet,
            &WRONG_METHOD,
            exchange.request().method().as_str(),
            || wrong_method(exchange),
        ),
        Some(406) => exchange.note(sheet, &REFUSED_ACCEPT, "accept", || {
            let accept = header_text(exchange.request().headers(), ACCEPT);
            Said {
                sent: format!("Accept: {}", accept.unwrap_or_default()),
                meant: Some("Accept: application/json".to_owned()),
                why: "the service renders JSON alone".to_owned(),
            }
        }),
        _ => {}
    }
}

fn judge_token(exchange: &Exchange<'_>, sheet: &mut Sheet) {
    let Some(value) = exchange.request().headers().get(AUTHORIZATION) else {
        return;
    };
    let value = value.as_bytes();
    let first = value.iter().position(|b| !b.is_ascii_whitespace());
    let value = &value[first.unwrap_or(value.len())..];
    let end = value.iter().position(u8::is_ascii_whitespace);
    let scheme = &value[..end.unwrap_or(value.len())];
    if scheme.eq_ignore_ascii_case(b"token") {
        return;
    }
    exchange.note(sheet, &WRONG_AUTH_SCHEME, "authorization", || {
        let shown = SCHEMES
            .iter()
            .find(|known| scheme.eq_ignore_ascii_case(known.as_bytes()))
            .map_or("", |known| known);
        Said {
            sent: format!("Authorization: {shown} …").replace("  ", " "),
            meant: Some("Authorization: Token …".to_owned()),
            why: "the service knows the scheme `Token` alone, and takes any other for no token at all"
                .to_owned(),
        }
    });
}

fn wrong_method(exchange: &Exchange<'_>) -> Said {
    let method = exchange.request().method();
    let path = exchange.resource.path;
    let allow = exchange.resource.allow(exchange.profile());
    let is_change = [Method::PUT, Method::PATCH].contains(method);
    let meant = if path == "/api/v1/stocks/{stocklist_id}/" || is_change && path.contains("stocks")
    {
        "POST /api/v1/stocks/insert_or_update_stock/".to_owned()
    } else {
        let verb = if allow.starts_with("GET") {
            "GET"
        } else {
            "POST"
        };
        format!("{verb} {path}")
    };
    let why = if *method == Method::DELETE {
        "nothing can be deleted; a stock is taken out of use with `is_active` false".to_owned()
    } else if path.contains("active-stocks") {
        "active stocks are asked for by POST, page by page: their `next` is to be posted to as well"
            .to_owned()
    } else {
        format!("the path takes {allow}")
    };
    Said {
        sent: format!("{method} {}", exchange.path),
        meant: Some(meant),
        why,
    }
}
