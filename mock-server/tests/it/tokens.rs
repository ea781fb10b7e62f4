//! Tokens that become invalid, by revocation or by their lifetime.

use serde_json::json;

use crate::requests::STOCKS;
use crate::support::{Answer, Mock, login, message};

const USER: &str = "/api/v1/active_user/";
const TOKENS: &str = "/__admin/tokens";

fn ask(mock: &Mock, path: &str, token: &str) -> Answer {
    let header = format!("Authorization: Token {token}");
    mock.ask(message(&format!("GET {path}"), &[&header], ""))
}

#[track_caller]
fn assert_refused(answer: &Answer) {
    assert_eq!(answer.status, 401, "{}", answer.text());
    assert_eq!(answer.text(), r#"{"detail":"Invalid token."}"#);
    assert_eq!(answer.header("www-authenticate"), "Token");
}

#[track_caller]
fn log_in(mock: &Mock) -> String {
    let answer = mock.ask(login("ann", "secret")).expect(200).json();
    answer["key"].as_str().unwrap().to_owned()
}

fn revoke(mock: &Mock, path: &str) {
    mock.ask(message(&format!("DELETE {path}"), &[], ""))
        .expect(204);
}

#[test]
fn the_user_of_a_good_token_is_there_and_nobody_elses() {
    let mock = Mock::start(&["--token=good"]);
    assert_eq!(ask(&mock, USER, "good").expect(200).text(), "{}");
    assert_refused(&ask(&mock, USER, "other"));
    assert_eq!(
        ask(&mock, USER, "good").header("allow"),
        "GET, HEAD, OPTIONS"
    );
}

#[test]
fn a_revoked_token_is_refused_until_a_login_gives_another() {
    // The clock stands still, so the moment makes no difference.
    for flags in [&["--clock=2024-01-01T00:00:00Z"][..], &["--token=good"]] {
        let mock = Mock::start(flags);
        let first = log_in(&mock);
        ask(&mock, STOCKS, &first).expect(200);
        revoke(&mock, TOKENS);
        assert_refused(&ask(&mock, STOCKS, &first));
        assert_refused(&ask(&mock, STOCKS, "good"));
        let second = log_in(&mock);
        assert_ne!(first, second);
        ask(&mock, STOCKS, &second).expect(200);
        revoke(&mock, TOKENS);
        assert_refused(&ask(&mock, STOCKS, &second));
    }
}

#[test]
fn a_revocation_is_of_its_world_and_a_reset_takes_it_back() {
    let mock = Mock::start(&[]);
    let one = format!("/worlds/one{STOCKS}");
    ask(&mock, &one, "any").expect(200);
    revoke(&mock, "/__admin/tokens?world=one");
    assert_refused(&ask(&mock, &one, "any"));
    ask(&mock, STOCKS, "any").expect(200);
    mock.post("/__admin/reset?world=one", &json!({}))
        .expect(200);
    ask(&mock, &one, "any").expect(200);
}

#[test]
fn the_token_of_a_login_ends_by_the_clock_of_its_world() {
    let mock = Mock::start(&[
        "--clock=2024-01-01T00:00:00Z",
        "--token-lifetime=60",
        "--token=named",
    ]);
    let token = log_in(&mock);
    let advance = |seconds: f64| {
        mock.post("/__admin/clock/advance", &json!({"seconds": seconds}))
            .expect(200);
    };
    advance(59.999_999);
    ask(&mock, USER, &token).expect(200);
    advance(0.000_001);
    assert_refused(&ask(&mock, USER, &token));
    ask(&mock, USER, "named").expect(200);
    assert_refused(&ask(&mock, USER, "any"));
    ask(&mock, USER, &log_in(&mock)).expect(200);
}

#[test]
fn whoever_looks_after_a_world_asks_it_whatever_was_revoked() {
    let mock = Mock::start(&["--token-lifetime=60"]);
    revoke(&mock, TOKENS);
    let question = json!({"method": "GET", "target": STOCKS});
    let answer = mock.post("/__admin/worlds/default/ask", &question);
    assert_eq!(answer.expect(200).json()["status"], 200);
}

#[test]
fn a_world_that_was_kept_goes_on_without_its_revocations() {
    let folder = tempfile::tempdir().unwrap();
    let data = format!("--data={}", folder.path().join("kept.db").display());
    let flags = [&*data, "--token-lifetime=3600"];
    let token = {
        let mock = Mock::start(&flags);
        revoke(&mock, TOKENS);
        let token = log_in(&mock);
        let header = format!("Authorization: Token {token}");
        let body = crate::support::stock("kept").to_string();
        mock.ask(message(&format!("POST {STOCKS}"), &[&header], &body))
            .expect(201);
        token
    };
    let mock = Mock::start(&flags);
    let found = ask(&mock, &format!("{STOCKS}?sku=kept"), &token);
    assert_eq!(found.expect(200).json()["count"], 1);
}
