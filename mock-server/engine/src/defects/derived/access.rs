//! Tokens that are not required, not compared or not accepted.

use http::header::AUTHORIZATION;

use super::super::delivery::Delivery;
use super::super::effect::Way;
use super::super::question::Question;
use super::super::scene::{Scene, set_body, status};
use super::Derived;
use super::statement::{PLACE, SPELLING, TOKEN};
use crate::operations;
use crate::problem::{Grade, Problem};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lets {
    Nobody,
    UnknownToken,
    Bearer,
    OtherCase,
    Prefix,
    InQuery,
    BareKey,
    RefusesEverySecond,
    RefusesSmallScheme,
    Forbids,
}

struct Token {
    lets: Lets,
}

pub(super) fn rows() -> Vec<Derived> {
    let mut rows = Vec::new();
    for operation in operations::all() {
        for (lets, word) in [
            (Lets::Nobody, "not-asked-for"),
            (Lets::UnknownToken, "any-is-taken"),
            (Lets::Bearer, "taken-as-bearer"),
            (Lets::OtherCase, "taken-in-another-case"),
            (Lets::Prefix, "taken-by-its-beginning"),
            (Lets::InQuery, "taken-in-the-query"),
            (Lets::BareKey, "taken-without-a-scheme"),
            (Lets::RefusesEverySecond, "refused-every-second-time"),
            (Lets::RefusesSmallScheme, "refused-with-a-small-scheme"),
            (Lets::Forbids, "forbidden-in-place-of-unauthorised"),
        ] {
            let statement = match (operation.grade, lets) {
                (Grade::Observed, _) => &PLACE,
                (_, Lets::RefusesSmallScheme) => &SPELLING,
                _ => &TOKEN,
            };
            let about = format!(
                "The token of {} is {}.",
                operation.id,
                word.replace('-', " ")
            );
            rows.push(Derived::new(
                &[operation.id],
                ("token", word),
                statement,
                about,
                Token { lets },
            ));
        }
    }
    rows
}

impl Way for Token {
    fn answer(&self, scene: &Scene<'_>) -> Delivery {
        let settings = scene.service.settings();
        let header = scene.request.headers().get(AUTHORIZATION);
        let header = header
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let (scheme, key) = header.split_once(' ').unwrap_or((header, ""));
        let known = settings
            .tokens
            .first()
            .cloned()
            .unwrap_or_else(|| "t".to_owned());
        let is_refused = settings.tokens.is_empty() && key.is_empty()
            || !settings.tokens.is_empty() && !settings.tokens.iter().any(|token| token == key)
            || !scheme.eq_ignore_ascii_case("token");
        let is_let_in = match self.lets {
            Lets::Nobody => header.is_empty(),
            Lets::UnknownToken => {
                !key.is_empty() && scheme.eq_ignore_ascii_case("token") && !key.contains(' ')
            }
            Lets::Bearer => scheme.eq_ignore_ascii_case("bearer") && key == known,
            Lets::OtherCase => key != known && key.eq_ignore_ascii_case(&known),
            Lets::Prefix => {
                key.len() > 3 && key != known && (known.starts_with(key) || key.starts_with(&known))
            }
            Lets::BareKey => header == known,
            Lets::InQuery => {
                let question = Question::of(scene.request, scene.service);
                let names = ["token", "api_token", "key", "auth_token", "access_token"];
                header.is_empty()
                    && names
                        .iter()
                        .any(|name| question.parameter(name) == Some(&known))
            }
            Lets::RefusesEverySecond => {
                if scene.memory.count(scene.operation).is_multiple_of(2) {
                    return scene.refuse(&Problem::UnknownToken);
                }
                false
            }
            Lets::RefusesSmallScheme => {
                if scheme == "token" {
                    return scene.refuse(&Problem::NoCredentials);
                }
                false
            }
            Lets::Forbids => {
                return scene.edited(|reply| {
                    if reply.response.status() == 401 {
                        *reply.response.status_mut() = status(403);
                        set_body(
                            reply,
                            r#"{"detail":"You do not have permission to perform this action."}"#,
                        );
                    }
                });
            }
        };
        if !is_refused || !is_let_in {
            return scene.usual();
        }
        scene.rewritten(|question| question.token = Some(known.clone()))
    }
}
