//! Getting a token for a username and a password.
//!
//! Source: docs/contract.md#log-in (the body), docs/stack.md#login (the refusals).

use std::fmt::Write as _;

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
    let key = match call.settings.tokens.first() {
        Some(token) => token.clone(),
        None => token_of(&username),
    };
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

/// A token that looks like the service's and is the same for a username every time:
/// forty hexadecimal digits of the FNV-1a hash of the name, continued.
fn token_of(username: &str) -> String {
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(PRIME);
    let mut hash = username.bytes().fold(0xcbf2_9ce4_8422_2325, mix);
    let mut token = String::with_capacity(48);
    while token.len() < 40 {
        hash = mix(hash, 0xff);
        let _ = write!(token, "{hash:016x}");
    }
    token.truncate(40);
    token
}
