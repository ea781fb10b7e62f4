//! Authentication, where a check needs the run's own token or an invented one.

use http::header::WWW_AUTHENTICATE;
use serde_json::json;

use super::CodeCheck;
use super::kit::leniency::not_lenient;
use crate::cases::case::Capability;
use crate::cases::probe::{Answer, Ask, Credentials, Probe, Stop};
use crate::contract::pattern::Pattern;
use crate::model::finding::Level;
use crate::model::outcome::Safety;

pub(super) const CHECKS: &[CodeCheck] = &[
    CodeCheck {
        id: "access/scheme-is-read-in-any-case",
        title: "The scheme of a token is read in any case and with any run of spaces",
        level: Level::Should,
        section: "docs/stack.md#authentication",
        quote: "accepted: the scheme may be in any case",
        run: scheme_is_read_in_any_case,
        ..CodeCheck::LOOK
    },
    CodeCheck {
        id: "access/unknown-token-is-refused",
        title: "A token that nobody was given lets nobody in",
        level: Level::Should,
        section: "docs/stack.md#authentication",
        quote: "401 {\"detail\":\"Invalid token.\"}",
        run: unknown_token_is_refused,
        ..CodeCheck::LOOK
    },
    CodeCheck {
        id: "access/token-that-is-no-text-is-refused",
        title: "A token of bytes that are no text lets nobody in, and is told so",
        level: Level::Should,
        section: "docs/stack.md#authentication",
        quote: "Token string should not contain invalid characters.",
        run: token_of_bytes_is_refused,
        ..CodeCheck::LOOK
    },
    CodeCheck {
        id: "login/unknown-user-is-refused",
        title: "A login of nobody is refused with 400",
        level: Level::May,
        section: "docs/stack.md#login",
        quote: "400 {\"non_field_errors\":[\"Unable to log in with provided credentials.\"]}",
        capability: Some(Capability::Login),
        run: unknown_user_is_refused,
        ..CodeCheck::LOOK
    },
    CodeCheck {
        id: "login/wrong-password-is-refused",
        title: "A login with another password than the user's is refused with 400",
        level: Level::May,
        section: "docs/stack.md#login",
        quote: "400 {\"non_field_errors\":[\"Unable to log in with provided credentials.\"]}",
        // A service may count the failed logins of a user, so only test services are asked.
        safety: Safety::Write,
        needs: &["username"],
        capability: Some(Capability::Login),
        run: wrong_password_is_refused,
        ..CodeCheck::LOOK
    },
];

fn scheme_is_read_in_any_case(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let Some(token) = probe.session.token.clone() else {
        return Err(Stop::Disabled("it needs a token".to_owned()));
    };
    for authorization in [
        format!("token {token}"),
        format!("TOKEN {token}"),
        format!("Token    {token}"),
    ] {
        let answer = probe.send(&list_as(authorization))?;
        probe.expect_status(&answer, &[200])?;
    }
    Ok(())
}

fn unknown_token_is_refused(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let token = "0123456789abcdef0123456789abcdef01234567";
    let answer = probe.send(&list_as(format!("Token {token}")).invalid())?;
    not_lenient(&answer, "token")?;
    probe.expect_status(&answer, &[401])?;
    let expected = json!({"detail": "Invalid token."});
    let expected = Pattern::try_from(expected).map_err(Stop::suite)?;
    probe.expect_body(&answer, &expected)?;
    match answer.headers.get(WWW_AUTHENTICATE) {
        Some(challenge) if challenge == "Token" => Ok(()),
        got => Err(probe.fail(format!("expected `WWW-Authenticate: Token`, got {got:?}"))),
    }
}

fn token_of_bytes_is_refused(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let ask = Ask {
        credentials: Credentials::Bytes(b"Token f532e\xa39332d"),
        ..Ask::get("/api/v1/stocks/").with("limit", 1)
    };
    let answer = probe.send(&ask.invalid())?;
    probe.expect_status(&answer, &[401])?;
    let sentence = "Invalid token header. Token string should not contain invalid characters.";
    let expected = Pattern::try_from(json!({"detail": sentence})).map_err(Stop::suite)?;
    probe.expect_body(&answer, &expected)
}

fn unknown_user_is_refused(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let answer = log_in_wrongly(probe, "sku")?;
    not_lenient(&answer, "username")?;
    is_refused(probe, &answer)
}

fn wrong_password_is_refused(probe: &mut Probe<'_>) -> Result<(), Stop> {
    // If even an unknown user is let in, no password can be wrong.
    let nobody = log_in_wrongly(probe, "sku")?;
    not_lenient(&nobody, "username")?;
    let answer = log_in_wrongly(probe, "username")?;
    is_refused(probe, &answer)
}

/// Logs in under a name of the scope, with a password that nobody has.
fn log_in_wrongly(probe: &mut Probe<'_>, name: &'static str) -> Result<Answer, Stop> {
    let user = json!({"username": probe.need(name)?, "password": probe.need("sku2")?});
    probe.send(&Ask {
        credentials: Credentials::None,
        ..Ask::post("/api/v1/auth/login/", user)
    })
}

fn is_refused(probe: &mut Probe<'_>, answer: &Answer) -> Result<(), Stop> {
    probe.expect_status(answer, &[400])?;
    let expected = json!({"non_field_errors": ["Unable to log in with provided credentials."]});
    let expected = Pattern::try_from(expected).map_err(Stop::suite)?;
    probe.expect_body(answer, &expected)
}

fn list_as(authorization: String) -> Ask {
    Ask {
        credentials: Credentials::Other(authorization),
        ..Ask::get("/api/v1/stocks/").with("limit", 1)
    }
}
