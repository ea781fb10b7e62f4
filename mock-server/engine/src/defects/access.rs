//! Defects of tokens (not checked, or checked differently) and of the login's answers.

use http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION, WWW_AUTHENTICATE};
use http::{HeaderValue, Method};
use serde_json::{Value, json};

use super::delivery::Delivery;
use super::edit::rename;
use super::effect::Effect::{Body, Head, Take};
use super::effect::{Defect, defect};
use super::operations::{ANY, LOGIN, STOCKS};
use super::scene::{Scene, set_body, status};
use crate::problem::Problem;

#[rustfmt::skip]
pub(super) const ROWS: &[Defect] = &[
    defect("token-not-checked", ANY, Take(|s| let_in(s, |_| true)), "A request is let in without a token, or with any."),
    defect("token-not-checked-for-writes", ANY, Take(|s| let_in(s, |s| s.request.method() == Method::POST)), "A POST is let in without a token."),
    defect("token-not-checked-for-reads", ANY, Take(|s| let_in(s, |s| s.request.method() == Method::GET)), "A GET is let in without a token."),
    defect("token-of-any-scheme", ANY, Take(|s| let_in(s, |s| s.request.headers().contains_key(AUTHORIZATION))), "An Authorization of any scheme is let in."),
    defect("token-scheme-of-one-case", ANY, Take(one_case), "The scheme of the token is `Token` in just these letters."),
    defect("token-scheme-bearer", ANY, Take(bearer), "The token is asked for by the scheme `Bearer`; `Token` is refused."),
    defect("unauthorized-without-challenge", ANY, Head(|r| { r.headers_mut().remove(WWW_AUTHENTICATE); }), "A 401 has no `WWW-Authenticate`."),
    defect("unauthorized-challenges-bearer", ANY, Head(|r| if r.status() == 401 { r.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")); }), "A 401 asks for `Bearer`."),
    defect("unauthorized-redirects", ANY, Head(|r| if r.status() == 401 { *r.status_mut() = status(302); r.headers_mut().insert(LOCATION, HeaderValue::from_static("/login/")); }), "A request without a token is redirected to a login page."),
    defect("unauthorized-is-hidden", STOCKS, Take(hidden), "A request without a token finds an empty list, and is not refused."),
    defect("login-answers-token", LOGIN, Body(|b| if let Value::Object(b) = b { rename(b, "key", "token") }), "A login answers with `token` in place of `key`."),
    defect("login-answers-wrapped", LOGIN, Body(|b| *b = json!({"data": b})), "A login answers with the key under `data`."),
    defect("login-key-is-null", LOGIN, Body(|b| b["key"] = Value::Null), "A login answers with a `key` of null."),
    defect("login-not-checked", LOGIN, Take(anybody), "A login is granted whatever the password, and without one."),
    defect("login-asks-for-a-token", LOGIN, Take(token_for_login), "A login is refused without a token."),
    defect("login-demands-a-form", LOGIN, Take(form_for_login), "A login takes a form, and refuses JSON."),
];

/// Repeats a request that was refused with 401, now with a token that the service knows.
fn let_in(scene: &Scene<'_>, is_let_in: fn(&Scene<'_>) -> bool) -> Delivery {
    let delivery = scene.usual();
    let is_refused = matches!(&delivery, Delivery::Answer(reply) if reply.response.status() == 401);
    if !is_refused || !is_let_in(scene) {
        return delivery;
    }
    let settings = scene.service.settings();
    let known = settings.tokens.first().map_or("any", String::as_str);
    scene.rewritten(|question| question.token = Some(known.to_owned()))
}

fn scheme(scene: &Scene<'_>) -> Option<String> {
    let header = scene.request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, _) = header.trim().split_once(' ')?;
    Some(scheme.to_owned())
}

fn one_case(scene: &Scene<'_>) -> Delivery {
    let is_other = |scheme: String| scheme != "Token" && scheme.eq_ignore_ascii_case("token");
    if scheme(scene).is_some_and(is_other) {
        return scene.refuse(&Problem::NoCredentials);
    }
    scene.usual()
}

fn bearer(scene: &Scene<'_>) -> Delivery {
    let scheme = scheme(scene).unwrap_or_default();
    if scheme.eq_ignore_ascii_case("token") {
        return scene.refuse(&Problem::NoCredentials);
    }
    let_in(scene, |_| true)
}

fn hidden(scene: &Scene<'_>) -> Delivery {
    scene.edited(|reply| {
        if reply.response.status() == 401 {
            *reply.response.status_mut() = status(200);
            let page = json!({"count": 0, "next": null, "previous": null, "results": []});
            set_body(reply, page.to_string());
        }
    })
}

fn anybody(scene: &Scene<'_>) -> Delivery {
    let settings = scene.service.settings();
    let known = settings.credentials.clone();
    let (username, password) = known.unwrap_or_else(|| ("any".to_owned(), "any".to_owned()));
    let is_refused = matches!(scene.usual(), Delivery::Answer(reply)
        if reply.response.status() == 400);
    if !is_refused {
        return scene.usual();
    }
    scene.rewritten(|question| {
        question.body = json!({"username": username, "password": password});
    })
}

fn token_for_login(scene: &Scene<'_>) -> Delivery {
    let is_post = scene.request.method() == Method::POST;
    if is_post && !scene.request.headers().contains_key(AUTHORIZATION) {
        return scene.refuse(&Problem::NoCredentials);
    }
    scene.usual()
}

fn form_for_login(scene: &Scene<'_>) -> Delivery {
    let content_type = scene.request.headers().get(CONTENT_TYPE);
    let content_type = content_type.and_then(|kind| kind.to_str().ok());
    match content_type {
        Some(json) if json.starts_with("application/json") => {
            scene.refuse(&Problem::UnsupportedMediaType(json.to_owned()))
        }
        _ => scene.usual(),
    }
}
