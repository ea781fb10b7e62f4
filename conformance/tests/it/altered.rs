//! Runs against the engine with one thing changed at its door, as other people's code may have it.

use std::sync::Arc;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response};
use rstest::rstest;
use whippy_conformance::model::finding::Level;
use whippy_conformance::model::outcome::Outcome;
use whippy_conformance::transport::target::{InProcess, Target, TargetError};
use whippy_engine::profile::Profile;

use crate::support::{self, TOKEN};

/// The engine, which accepts more credentials than its token.
struct Careless {
    engine: InProcess,
    /// Returns `true` for an `Authorization` and a query to accept; both are empty if absent.
    accepts: Accepts,
}

type Accepts = fn(&str, &str) -> bool;

impl Target for Careless {
    fn base(&self) -> &str {
        self.engine.base()
    }

    fn send(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, TargetError> {
        self.engine.send(&self.let_in(request.clone()))
    }
}

impl Careless {
    /// Gives a request the token if its credentials are accepted. The login overlooks any header,
    /// as that of many services does.
    fn let_in(&self, mut request: Request<Bytes>) -> Request<Bytes> {
        let query = request.uri().query().unwrap_or_default();
        let sent = request.headers().get(AUTHORIZATION);
        let sent = sent.and_then(|sent| sent.to_str().ok()).unwrap_or_default();
        if request.uri().path().ends_with("/auth/login/") {
            request.headers_mut().remove(AUTHORIZATION);
        } else if (self.accepts)(sent, query) {
            let token = HeaderValue::from_str(&format!("Token {TOKEN}")).unwrap();
            request.headers_mut().insert(AUTHORIZATION, token);
        }
        request
    }
}

fn key(sent: &str) -> &str {
    sent.strip_prefix("Token ").unwrap_or_default()
}

#[rstest]
#[case::bearer(|sent: &str, _: &str| sent == format!("Bearer {TOKEN}"))]
#[case::bare(|sent: &str, _: &str| sent == TOKEN)]
#[case::any_scheme(|sent: &str, _: &str| sent.ends_with(TOKEN))]
#[case::longer(|sent: &str, _: &str| key(sent).starts_with(TOKEN))]
#[case::shorter(|sent: &str, _: &str| !key(sent).is_empty() && TOKEN.starts_with(key(sent)))]
#[case::its_beginning(|sent: &str, _: &str| key(sent).starts_with(&TOKEN[..8]))]
#[case::other_case(|sent: &str, _: &str| key(sent).eq_ignore_ascii_case(TOKEN))]
#[case::any_of_its_length(|sent: &str, _: &str| key(sent).len() == TOKEN.len())]
#[case::in_the_query(|_: &str, query: &str| query.contains(&format!("api_token={TOKEN}")))]
fn whoever_lets_in_more_than_the_token_fails_whatever_its_login_overlooks(
    #[case] accepts: Accepts,
) {
    let run = |accepts: Accepts| {
        let engine = support::engine("demo", Profile::default());
        let target = Arc::new(Careless { engine, accepts });
        let only = |check: &whippy_conformance::run::catalogue::Check| {
            check.id == "everywhere/only-the-token-lets-in"
        };
        let outcomes = support::run_selected(target, &support::options(), &only);
        let mut checks = outcomes.ran.checks.into_iter();
        checks
            .find(|check| check.id == "everywhere/only-the-token-lets-in")
            .unwrap()
    };
    assert_eq!(run(|_, _| false).outcome, Outcome::Pass);
    let told = run(accepts);
    assert_eq!(told.outcome, Outcome::Fail, "{}", support::line(&told));
    assert_eq!(told.findings[0].level, Level::Must);
}
