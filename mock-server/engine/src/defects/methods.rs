//! Defects of paths, methods and headers, which the framework handles before an endpoint is
//! asked.

use http::header::{ACCEPT, ALLOW, CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Method};
use serde_json::{Value, json};

use super::delivery::Delivery;
use super::edit::remove;
use super::effect::Effect::{Body, Head, Take};
use super::effect::{Defect, defect};
use super::operations::{ANY, METADATA, UNROUTED};
use super::question::with_target;
use super::scene::{Scene, json_of, set_body, status};
use crate::problem::Problem;

#[rustfmt::skip]
pub(super) const ROWS: &[Defect] = &[
    // OPTIONS and HEAD.
    defect("options-without-filters", METADATA, Body(|b| if let Value::Object(b) = b { remove(b, "filters") }), "`OPTIONS` has no `filters`."),
    defect("options-without-actions", METADATA, Body(|b| if let Value::Object(b) = b { remove(b, "actions") }), "`OPTIONS` has no `actions`."),
    defect("options-without-period", METADATA, Body(|b| if let Some(filters) = b["filters"].as_object_mut() { remove(filters, "period") }), "The `filters` of `OPTIONS` have no `period`."),
    defect("options-is-refused", ANY, Take(|s| refuse_method(s, &Method::OPTIONS)), "`OPTIONS` is refused with 405."),
    defect("options-is-empty", ANY, Take(|s| s.edited(|reply| if *s.request.method() == Method::OPTIONS { set_body(reply, "") })), "`OPTIONS` has no body."),
    defect("head-is-refused", ANY, Take(|s| refuse_method(s, &Method::HEAD)), "`HEAD` is refused with 405."),
    defect("head-writes-no-length", ANY, Take(|s| s.edited(|reply| if *s.request.method() == Method::HEAD { reply.response.headers_mut().remove(http::header::CONTENT_LENGTH); })), "`HEAD` does not say how long the body would be."),
    // Methods.
    defect("put-is-taken-for-post", ANY, Take(|s| taken_for(s, &Method::PUT, &Method::POST)), "A `PUT` is taken for a `POST`, and not refused."),
    defect("delete-answers-204", ANY, Take(deleted), "A `DELETE` answers 204, and is not refused."),
    defect("get-is-taken-for-post", ANY, Take(|s| taken_for(s, &Method::GET, &Method::POST)), "A `GET` where only a `POST` is taken is taken for one."),
    defect("allow-missing", ANY, Head(|r| { r.headers_mut().remove(ALLOW); }), "Answers have no `Allow`."),
    defect("allow-names-everything", ANY, Head(|r| if r.headers().contains_key(ALLOW) { r.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS")); }), "`Allow` names methods that are not taken."),
    // Paths.
    defect("slash-missing-is-not-found", ANY, Take(not_found), "A path without its slash is not found."),
    defect("slash-missing-is-answered", ANY, Take(slash), "A path without its slash is answered at once, not redirected."),
    defect("slash-redirect-loses-the-query", ANY, Head(|r| relocate(r, |to| to.split('?').next().unwrap_or_default().to_owned())), "The redirection to the path with its slash loses the query."),
    defect("slash-redirect-without-location", ANY, Head(|r| { r.headers_mut().remove(LOCATION); }), "The redirection to the path with its slash says not where to."),
    defect("slash-redirect-leads-back", ANY, Head(|r| relocate(r, |to| to.replacen("/?", "?", 1).trim_end_matches('/').to_owned())), "The redirection to the path with its slash leads to the path without."),
    defect("unknown-path-is-found", ANY, Take(found), "A path that is none answers 200 with an empty object."),
    defect("unknown-path-is-unauthorized", ANY, Take(|s| if is_refused(&s.usual(), 404) && s.operation == UNROUTED { s.refuse(&Problem::NoCredentials) } else { s.usual() }), "A path that is none is refused with 401."),
    // Negotiation and parsing.
    defect("accept-not-checked", ANY, Take(any_accept), "`Accept` is passed over."),
    defect("content-type-not-checked", ANY, Take(any_type), "`Content-Type` is passed over: every body is JSON."),
    defect("broken-json-is-empty", ANY, Take(broken_is_empty), "A body that is no JSON is taken for an empty object."),
    defect("broken-json-answers-500", ANY, Take(broken_fails), "A body that is no JSON answers 500."),
    defect("answers-are-html-by-name", ANY, Head(|r| retype(r, "text/html; charset=utf-8")), "JSON is said to be `text/html`."),
    defect("answers-are-text-by-name", ANY, Head(|r| retype(r, "text/plain")), "JSON is said to be `text/plain`."),
    defect("answers-have-no-type", ANY, Head(|r| { r.headers_mut().remove(CONTENT_TYPE); }), "Answers have no `Content-Type`."),
    defect("answers-have-another-charset", ANY, Head(|r| retype(r, "application/json; charset=utf-16")), "JSON is said to be in UTF-16."),
    defect("answers-are-gzip-by-name", ANY, Head(|r| { r.headers_mut().insert(http::header::CONTENT_ENCODING, HeaderValue::from_static("gzip")); }), "Answers are said to be compressed, and are not."),
];

fn refuse_method(scene: &Scene<'_>, method: &Method) -> Delivery {
    if scene.request.method() == method {
        return scene.refuse(&Problem::MethodNotAllowed(method.to_string()));
    }
    scene.usual()
}

fn is_refused(delivery: &Delivery, code: u16) -> bool {
    matches!(delivery, Delivery::Answer(reply) if reply.response.status() == code)
}

/// Treats a method that is refused with 405 as another one.
fn taken_for(scene: &Scene<'_>, method: &Method, other: &Method) -> Delivery {
    let delivery = scene.usual();
    if scene.request.method() != method || !is_refused(&delivery, 405) {
        return delivery;
    }
    let mut request = scene.request.clone();
    other.clone_into(request.method_mut());
    scene.pass_off(&request)
}

fn deleted(scene: &Scene<'_>) -> Delivery {
    scene.edited(|reply| {
        if scene.request.method() == Method::DELETE && reply.response.status() == 405 {
            *reply.response.status_mut() = status(204);
            set_body(reply, "");
        }
    })
}

fn relocate(response: &mut http::Response<bytes::Bytes>, to: fn(&str) -> String) {
    let location = response.headers().get(LOCATION);
    let location = location.and_then(|location| location.to_str().ok());
    let location = location.and_then(|location| HeaderValue::try_from(to(location)).ok());
    if let Some(location) = location {
        response.headers_mut().insert(LOCATION, location);
    }
}

fn retype(response: &mut http::Response<bytes::Bytes>, name: &'static str) {
    let kind = response.headers().get(CONTENT_TYPE);
    if kind.is_some_and(|kind| kind == "application/json") {
        let kind = HeaderValue::from_static(name);
        response.headers_mut().insert(CONTENT_TYPE, kind);
    }
}

fn not_found(scene: &Scene<'_>) -> Delivery {
    let delivery = scene.usual();
    if is_refused(&delivery, 301) {
        return scene.refuse(&Problem::NoSuchPath);
    }
    delivery
}

fn slash(scene: &Scene<'_>) -> Delivery {
    let delivery = scene.usual();
    if !is_refused(&delivery, 301) {
        return delivery;
    }
    let uri = scene.request.uri();
    let query = uri.query().map(|query| format!("?{query}"));
    let target = format!("{}/{}", uri.path(), query.unwrap_or_default());
    let Some(uri) = with_target(uri, &target) else {
        return delivery;
    };
    let mut request = scene.request.clone();
    *request.uri_mut() = uri;
    scene.pass_off(&request)
}

fn found(scene: &Scene<'_>) -> Delivery {
    scene.edited(|reply| {
        if scene.operation == UNROUTED && reply.response.status() == 404 {
            *reply.response.status_mut() = status(200);
            set_body(reply, "{}");
        }
    })
}

fn any_accept(scene: &Scene<'_>) -> Delivery {
    let delivery = scene.usual();
    if !is_refused(&delivery, 406) {
        return delivery;
    }
    let mut request = scene.request.clone();
    request.headers_mut().remove(ACCEPT);
    scene.pass_off(&request)
}

fn any_type(scene: &Scene<'_>) -> Delivery {
    let delivery = scene.usual();
    if !is_refused(&delivery, 415) {
        return delivery;
    }
    let mut request = scene.request.clone();
    let json = HeaderValue::from_static("application/json");
    request.headers_mut().insert(CONTENT_TYPE, json);
    scene.pass_off(&request)
}

/// Returns `true` if the request was refused because its body cannot be parsed.
fn is_broken(delivery: &Delivery) -> bool {
    matches!(delivery, Delivery::Answer(reply)
        if json_of(reply)["detail"].as_str().is_some_and(|detail| detail.starts_with("JSON parse error")))
}

fn broken_is_empty(scene: &Scene<'_>) -> Delivery {
    let delivery = scene.usual();
    if !is_broken(&delivery) {
        return delivery;
    }
    let request = scene.request.clone().map(|_| json!({}).to_string().into());
    scene.pass_off(&request)
}

fn broken_fails(scene: &Scene<'_>) -> Delivery {
    let delivery = scene.usual();
    if is_broken(&delivery) {
        return scene.refuse(&Problem::ServerError);
    }
    delivery
}
