//! The login, which issues a token for a username and a password; and the check of a token.
//!
//! Source: docs/contract.md#log-in (the body), docs/stack.md#login (the refusals),
//! docs/contract.md#the-user-of-a-token.

use smol_str::SmolStr;

use super::call::Call;
use super::{Answer, Outcome};
use crate::model::fields::{self, Fields, Presence};
use crate::problem::{Grade, Problem};
use crate::store::Store;
use crate::wire::json::{self, Value};
use crate::wire::text::strip;

/// `POST /api/v1/auth/login/`.
pub fn login(_: &Store, call: &Call<'_>) -> Outcome {
    let body = call.body()?;
    let mut fields = Fields::of_body(&body)?;
    let username = fields.field("username", Presence::Optional, |value| match value {
        Value::Str(text) if strip(&text.text).is_empty() => Ok(SmolStr::default()),
        value => fields::text(value),
    });
    let password = fields.field("password", Presence::Required, fields::text);
    let Some(password) = password.filter(|_| fields.is_clean()) else {
        return Err(Problem::Fields(fields.into_errors()));
    };
    let username = username
        .filter(|name| !name.is_empty())
        .ok_or(Problem::LoginRefused)?;
    if let Some((known, secret)) = &call.settings.credentials
        && (username != known.as_str() || password != secret.as_str())
    {
        return Err(Problem::LoginRefused);
    }
    let key = call.settings.grant(&username, call.at);
    let mut body = b"{\"key\":".to_vec();
    json::write_string(&mut body, &key);
    body.push(b'}');
    Ok(Answer {
        status: 200,
        rule: "logged-in",
        grade: Grade::Observed,
        body,
    })
}

/// `GET /api/v1/active_user/`, with an empty object, since no public page shows its members.
#[allow(clippy::unnecessary_wraps)] // All handlers have the same signature.
pub fn active_user(_: &Store, _: &Call<'_>) -> Outcome {
    Ok(Answer {
        status: 200,
        rule: "shown",
        grade: Grade::Observed,
        body: b"{}".to_vec(),
    })
}
