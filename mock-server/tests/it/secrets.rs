//! Secrets in every place of a request or an answer, none of which may appear in anything that the
//! mock shows, streams, logs or exports.

use rstest::rstest;
use serde_json::json;

use crate::requests::{SKU, STOCKS};
use crate::support::{Mock, file, message, run};

const TOKEN: &str = "tok-8Jq2planted";
const PASSWORD: &str = "pw-31planted";
const ADMIN: &str = "adm-7Rkplanted";

/// A mark in every planted secret, which no output may contain.
const MARK: &str = "planted";

fn planted() -> Mock {
    Mock::start(&[
        &format!("--token={TOKEN}"),
        "--username=ann",
        &format!("--password={PASSWORD}"),
        &format!("--admin-token={ADMIN}"),
        "--log=json",
    ])
}

fn bodies() -> Vec<(&'static str, String)> {
    let json = "application/json";
    let nested = json!({
        "sku": SKU, "location": "110",
        "x_api_key": "a-planted", "clientSecret": {"deep": ["b-planted"]},
        "list": [{"accessToken": "c-planted"}, {"private_key": ["d-planted"]}],
        "tokens": ["e-planted"], "new_password": "f-planted", "credentials": {"u": "g-planted"},
    });
    let multipart = "--b\r\nContent-Disposition: form-data; name=\"client_secret\"\r\n\r\n\
                     h-planted\r\n--b--\r\n";
    vec![
        (json, nested.to_string()),
        (json, serde_json::to_string_pretty(&nested).unwrap()),
        (
            json,
            r#"{"pass\u0077ord": "i-planted", "sku": "500""#.to_owned(),
        ),
        (
            json,
            format!(r#"{{"sku": "{TOKEN}", "note": "{PASSWORD}"}}"#),
        ),
        (
            "application/x-www-form-urlencoded",
            "sku=500&api_token=j-planted&pass%77ord=k-planted".to_owned(),
        ),
        ("multipart/form-data; boundary=b", multipart.to_owned()),
        ("text/plain", r#"{"token": "l-planted"}"#.to_owned()),
    ]
}

/// Sends requests with a secret in every place.
fn ask_with_secrets(mock: &Mock) {
    let basic = "Authorization: Basic YW5uOnB3LTMxcGxhbnRlZA==";
    let authorizations = [
        format!("Authorization: Token {TOKEN}"),
        "Authorization: Token m-planted".to_owned(),
        "Authorization: Bearer n-planted".to_owned(),
        "Authorization: o-planted".to_owned(),
        basic.to_owned(),
    ];
    let headers = [
        "Cookie: sessionid=p-planted; theme=dark",
        "X-Api-Key: q-planted",
        "X-CSRFToken: r-planted",
        "Proxy-Authorization: Basic s-planted",
        "X-Auth-Token: t-planted",
    ];
    let targets = [
        format!("{STOCKS}?api_token=u-planted&sku=500"),
        format!("{STOCKS}?access%5Ftoken=v-planted"),
        format!("{STOCKS}?password=w-planted&stock_gt=1"),
        format!("{STOCKS}?q={TOKEN}"),
        "/api/v1/unknown/?client_secret=x-planted".to_owned(),
    ];
    for authorization in &authorizations {
        for target in &targets {
            let lines = [&[authorization.as_str()], headers.as_slice()].concat();
            mock.ask(message(&format!("GET {target}"), &lines, ""));
        }
    }
    let authorization = &authorizations[0];
    for path in [
        STOCKS,
        "/api/v1/stocks/increase_reserved_stock/",
        "/api/v1/stocks/insert_or_update_stock/",
    ] {
        for (kind, body) in bodies() {
            let kind = format!("Content-Type: {kind}");
            let target = format!("POST {path}?secret=y-planted");
            mock.ask(message(&target, &[authorization, &kind], &body));
        }
    }
    for password in [PASSWORD, "z-planted"] {
        let body = json!({"username": "ann", "password": password}).to_string();
        let kind = "Content-Type: application/json";
        mock.ask(message("POST /api/v1/auth/login/", &[kind], &body));
    }
}

fn admin(mock: &Mock, target: &str, body: &str) -> String {
    let bearer = format!("Authorization: Bearer {ADMIN}");
    let kind = "Content-Type: application/json";
    mock.ask(message(target, &[&bearer, kind], body)).text()
}

#[rstest]
#[case("GET /__admin/requests?limit=1000", "")]
#[case("POST /__admin/requests/find", "{}")]
#[case("GET /__admin/requests/har", "")]
#[case("GET /__admin/requests/3", "")]
#[case("GET /__admin/findings", "")]
#[case("GET /__admin/findings?format=text", "")]
#[case("GET /__admin/findings?format=junit", "")]
#[case("GET /__admin/findings?format=markdown", "")]
#[case("GET /__admin/coverage", "")]
#[case("GET /__admin/settings", "")]
#[case("GET /__admin/metrics", "")]
#[case("GET /__admin/bundle", "")]
#[case("GET /__admin/worlds", "")]
fn no_admin_answer_has_a_secret(#[case] target: &str, #[case] body: &str) {
    let mock = planted();
    ask_with_secrets(&mock);
    let text = admin(&mock, target, body);
    assert!(!text.is_empty());
    let found = text.match_indices(MARK).next();
    let around = found.map(|(at, _)| &text[at.saturating_sub(120)..(at + 20).min(text.len())]);
    assert_eq!(around, None, "{target}");
}

#[test]
fn no_line_of_the_log_has_a_secret() {
    let mock = planted();
    ask_with_secrets(&mock);
    let ended = mock.stop();
    assert!(ended.err.contains("api_token=[redacted]"));
    assert!(!ended.err.contains(MARK), "{}", ended.err);
}

#[test]
fn a_bundle_without_secrets_plays_again() {
    let mock = Mock::start(&["--username=ann", &format!("--password={PASSWORD}")]);
    ask_with_secrets(&mock);
    let bundle = mock.get("/__admin/bundle").expect(200).text();
    assert!(bundle.contains(r#""redacted":true"#));
    let ended = run(&["replay", "--check", &file(".json", &bundle)], &[]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
}
