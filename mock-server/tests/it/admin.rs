//! `/__admin/` on the wire: health, reset, clock, and access.

use std::net::{IpAddr, TcpListener};
use std::time::Instant;

use bytes::Bytes;
use http::Request;
use rstest::rstest;
use serde_json::{Value, json};
use whippy_engine::assets;
use whippy_engine::backend::Seed;
use whippy_engine::clock::ClockMode;
use whippy_engine::endpoints::call::Settings;
use whippy_engine::model::time::Timestamp;
use whippy_mock::admin::{AdminAnswer, AdminCall, Control};
use whippy_mock::http::Server;

use crate::requests::{STOCKS, store};
use crate::support::{Answer, CLOCK, HEALTH, Mock, Process, RESET, message, post, stock};

const ADVANCE: &str = "/__admin/clock/advance";
const OPENAPI: &str = "/__admin/openapi.json";

fn put(path: &str, body: &Value) -> String {
    message(&format!("PUT {path}"), &[], &body.to_string())
}

/// Checks a problem document with this status, and returns its detail.
#[track_caller]
fn problem(answer: &Answer, status: u16) -> String {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let document = answer.json();
    let (_, schema) = assets::SCHEMAS
        .iter()
        .find(|(name, _)| *name == "problem.schema.json")
        .unwrap();
    let schema = serde_json::from_str(schema).unwrap();
    jsonschema::validate(&schema, &document).unwrap();
    let status = http::StatusCode::from_u16(status).unwrap();
    let detail = document["detail"].as_str().unwrap().to_owned();
    assert_eq!(
        document,
        json!({
            "type": "about:blank",
            "title": status.canonical_reason(),
            "status": status.as_u16(),
            "detail": detail,
        })
    );
    detail
}

/// Returns everything that a reset sets: the state visible to clients, the clock, and a reading.
#[track_caller]
fn whole_state(mock: &Mock) -> (Vec<Value>, String, String) {
    let mut rows = mock.state();
    rows.push(mock.get(HEALTH).json()["world"].clone());
    let unknown = mock.get("/api/v1/stocks/stock_query/?sku=NONE");
    let reading = format!("{} {}", unknown.status, unknown.header("whippy-mock-rule"));
    (rows, mock.get(CLOCK).expect(200).text(), reading)
}

/// A clock that stands still, so that two states can be equal.
const STANDING: &str = "--clock=2023-06-01T12:00:00+03:00";

// Health and the document.

#[test]
fn the_health_says_what_runs() {
    let mock = Mock::start(&[]);
    let answer = mock.get(HEALTH).expect(200);
    assert_eq!(answer.header("content-type"), "application/json");
    let mut health = answer.json();
    assert!(health["uptimeInSeconds"].as_u64().unwrap() < 600);
    let timestamp = health["timestamp"].as_str().unwrap();
    assert!(timestamp.ends_with("+03:00"), "{timestamp}");
    for name in ["version", "timestamp"] {
        health[name] = name.to_uppercase().into();
    }
    health["uptimeInSeconds"] = 0.into();
    insta::assert_snapshot!(health, @r#"{"status":"healthy","message":"whippy-mock answers","version":"VERSION","uptimeInSeconds":0,"timestamp":"TIMESTAMP","world":"documented","stocks":3,"worlds":1}"#);

    mock.post(STOCKS, &stock("NEW")).expect(201);
    assert_eq!(mock.stocks(), 4);
}

#[test]
fn what_the_document_refers_to_is_in_it() {
    let mock = Mock::start(&[]);
    let document = mock.get(OPENAPI).expect(200).json();
    let mut waiting = vec![&document];
    let mut references = 0;
    while let Some(value) = waiting.pop() {
        if let Some(target) = value.get("$ref").and_then(Value::as_str) {
            references += 1;
            let found = target.strip_prefix('#').and_then(|t| document.pointer(t));
            assert!(found.is_some(), "{target}");
        }
        match value {
            Value::Object(members) => waiting.extend(members.values()),
            Value::Array(items) => waiting.extend(items),
            _ => {}
        }
    }
    assert!(references > 50, "{references}");
}

// Reset.

#[test]
fn a_reset_returns_to_what_the_command_line_said() {
    let mock = Mock::start(&[
        "--world=before-create",
        "--clock=2023-05-10T15:15:03+03:00,tick=23",
        "--reading=unknown-sku=not-found",
    ]);
    let before = whole_state(&mock);
    let all = json!({
        "world": "demo",
        "clock": "real",
        "profile": {"unknown-sku": "empty"},
    });
    let answer = mock.post(RESET, &all).expect(200);
    assert_eq!(answer.json(), json!({"world": "demo", "stocks": 330}));
    let between = whole_state(&mock);
    assert_ne!(between.0, before.0);
    assert_ne!(between.1, before.1);
    assert_ne!(between.2, before.2);

    let answer = mock.post(RESET, &json!({})).expect(200);
    assert_eq!(
        answer.json(),
        json!({"world": "before-create", "stocks": 2})
    );
    assert_eq!(whole_state(&mock), before);
}

#[rstest]
#[case::no_body(message("POST /__admin/reset", &[], ""))]
#[case::no_length_but_zero(message("POST /__admin/reset", &["Content-Length: 0"], ""))]
#[case::white_space(message("POST /__admin/reset", &[], " \r\n\t"))]
#[case::nothing(message("POST /__admin/reset", &[], "{}"))]
#[case::no_content_type(message("POST /__admin/reset", &["Content-Type: "], "{}"))]
#[case::of_a_form(message("POST /__admin/reset", &["Content-Type: application/x-www-form-urlencoded"], "{}"))]
#[case::nulls(message("POST /__admin/reset", &[], r#"{"world":null,"clock":null,"profile":null}"#))]
fn a_reset_needs_no_body(#[case] request: String) {
    let mock = Mock::start(&[STANDING]);
    let before = whole_state(&mock);
    mock.post(STOCKS, &stock("NEW")).expect(201);
    mock.ask(put(CLOCK, &json!({"mode": "real"}))).expect(200);
    mock.ask(request).expect(200);
    assert_eq!(whole_state(&mock), before);
}

#[rstest]
#[case::a_world(json!({"world": "empty"}), "empty 0 fixed")]
#[case::a_world_of_its_own(json!({"world": {"name": "own", "providers": [{"name": "acme"}]}}), "own 0 fixed")]
#[case::a_world_without_a_name(json!({"world": {}}), "unnamed 0 fixed")]
#[case::a_clock(json!({"clock": "real"}), "documented 3 real")]
#[case::a_clock_as_an_object(json!({"clock": {"mode": "real"}}), "documented 3 real")]
#[case::a_moment(json!({"clock": "2024-01-01T00:00:00Z,tick=5"}), "documented 3 fixed")]
#[case::a_profile(json!({"profile": {"page-size": 1}}), "documented 3 fixed")]
fn a_reset_sets_what_it_names_and_returns_the_rest(#[case] body: Value, #[case] seen: &str) {
    let mock = Mock::start(&[STANDING]);
    mock.post(STOCKS, &stock("NEW")).expect(201);
    mock.post(RESET, &body).expect(200);
    let health = mock.get(HEALTH).json();
    let clock = mock.get(CLOCK).json();
    let now_seen = format!(
        "{} {} {}",
        health["world"].as_str().unwrap(),
        health["stocks"],
        clock["mode"].as_str().unwrap()
    );
    assert_eq!(now_seen, seen);
}

#[test]
fn a_reset_to_a_profile_starts_from_the_defaults_not_from_the_last() {
    let mock = Mock::start(&["--reading=page-size=2"]);
    let rows = || {
        let page = mock.get(STOCKS).expect(200).json();
        page["results"].as_array().unwrap().len()
    };
    assert_eq!(rows(), 2);
    mock.post(RESET, &json!({"profile": {"page-size": "1"}}))
        .expect(200);
    assert_eq!(rows(), 1);
    mock.post(RESET, &json!({"profile": {"salable": "stock"}}))
        .expect(200);
    assert_eq!(rows(), 3);
    mock.post(RESET, &json!({})).expect(200);
    assert_eq!(rows(), 2);
}

#[test]
fn every_built_in_world_can_be_reset_to() {
    let mock = Mock::start(&[]);
    for name in assets::world_names() {
        let answer = mock.post(RESET, &json!({"world": name})).expect(200);
        assert_eq!(answer.json()["world"], name);
    }
}

#[rstest]
#[case::no_json(
    "{",
    "the body is not what is taken here: EOF while parsing an object at line 1 column 1"
)]
#[case::a_list("[]", "the body is not what is taken here: ")]
#[case::a_text(
    "\"empty\"",
    "the body is not what is taken here: invalid type: string \"empty\", expected an object at line 1 column 7"
)]
#[case::a_member_misspelt(
    r#"{"wolrd": "empty"}"#,
    "the body is not what is taken here: unknown field `wolrd`, expected one of `world`, `clock`, `profile` at line 1 column 8"
)]
#[case::a_member_twice(
    r#"{"world": "empty", "world": "demo"}"#,
    "the body is not what is taken here: duplicate field `world` at line 1 column 26"
)]
#[case::no_utf_8(
    "{\"world\": \"\u{0}\"}",
    "the body is not what is taken here: control character (\\u0000-\\u001F) found while parsing a string at line 1 column 11"
)]
#[case::no_world(
    r#"{"world": "nowhere"}"#,
    "there is no built-in world `nowhere`; there are documented, before-create, before-decrease, demo, empty, five-active-skus, reservations-reported, sku-500-in-five-stores, skus-500-and-505-in-three-stores"
)]
#[case::a_file(
    r#"{"world": "/etc/passwd"}"#,
    "there is no built-in world `/etc/passwd`; there are documented, "
)]
#[case::a_world_that_is_none(r#"{"world": 1}"#, "world: ")]
#[case::a_bad_world(
    r#"{"world": {"stocks": [{"sku": "A", "provider": "p", "location": "l", "stock": 1}]}}"#,
    "world: stocks[0]: there is no location `l`"
)]
#[case::no_clock(
    r#"{"clock": "noon"}"#,
    "clock: `noon` is no date-time like 2023-05-10T13:37:18.209869+03:00"
)]
#[case::a_clock_of_no_mode(
    r#"{"clock": {"now": "2023-05-10T00:00:00Z"}}"#,
    "clock: missing field `mode`"
)]
#[case::a_clock_that_is_none(r#"{"clock": 1}"#, "clock: ")]
#[case::no_reading(
    r#"{"profile": {"salabel": "stock"}}"#,
    "profile: there is no reading `salabel`; did you mean `salable`? `whippy-mock readings` lists them all"
)]
#[case::no_choice(
    r#"{"profile": {"salable": "stocks"}}"#,
    "profile: reading `salable` cannot be `stocks`: it takes one of active-unreserved, unreserved, stock"
)]
#[case::a_fraction(
    r#"{"profile": {"page-size": 1.5}}"#,
    "profile: reading `page-size` cannot be `1.5`: it takes a whole number from 1 to 1000000"
)]
#[case::a_null(
    r#"{"profile": {"salable": null}}"#,
    "profile: reading `salable` takes the name of a choice or a number, not a value of type null"
)]
#[case::a_profile_that_is_none(
    r#"{"profile": []}"#,
    "profile: a profile is an object of reading ids and choices"
)]
#[case::good_ones_and_a_bad_one(
    r#"{"world": "empty", "clock": "real", "profile": {"salable": 1}}"#,
    "profile: reading `salable` cannot be `1`: it takes one of active-unreserved, unreserved, stock"
)]
fn a_bad_reset_says_why_and_changes_nothing(#[case] body: &str, #[case] why: &str) {
    let mock = Mock::start(&[STANDING]);
    mock.post(STOCKS, &stock("NEW")).expect(201);
    let before = whole_state(&mock);
    let detail = problem(&mock.ask(message("POST /__admin/reset", &[], body)), 400);
    assert!(detail.starts_with(why), "{detail}");
    assert_eq!(whole_state(&mock), before);
}

// The clock.

#[test]
fn a_fixed_clock_is_shown_set_and_moved() {
    let mock = Mock::start(&["--clock=2023-05-10T15:15:03.254957+03:00,tick=23"]);
    let steps = [
        message("GET /__admin/clock", &[], ""),
        post(ADVANCE, &json!({"seconds": 1})),
        post(ADVANCE, &json!({"seconds": 0.000_001})),
        post(ADVANCE, &json!({"seconds": 0})),
        // Parts that an admin request does not name keep their value, or have none.
        put(CLOCK, &json!({"mode": "fixed"})),
        put(CLOCK, &json!({"mode": "fixed", "tick_microseconds": 5})),
        put(
            CLOCK,
            &json!({"mode": "fixed", "now": "2024-02-29T23:59:59Z"}),
        ),
        post(ADVANCE, &json!({"seconds": 1.5})),
        put(
            CLOCK,
            &json!({"mode": "fixed", "now": "2024-02-29", "tick_microseconds": 86_400_000_000_i64}),
        ),
        message("GET /__admin/clock", &[], ""),
    ];
    let shown = steps.map(|step| mock.ask(step).expect(200).text());
    insta::assert_snapshot!(shown.join("\n"), @r#"
    {"mode":"fixed","now":"2023-05-10T15:15:03.254957+03:00","tick_microseconds":23}
    {"mode":"fixed","now":"2023-05-10T15:15:04.254957+03:00","tick_microseconds":23}
    {"mode":"fixed","now":"2023-05-10T15:15:04.254958+03:00","tick_microseconds":23}
    {"mode":"fixed","now":"2023-05-10T15:15:04.254958+03:00","tick_microseconds":23}
    {"mode":"fixed","now":"2023-05-10T15:15:04.254958+03:00","tick_microseconds":0}
    {"mode":"fixed","now":"2023-05-10T15:15:04.254958+03:00","tick_microseconds":5}
    {"mode":"fixed","now":"2024-03-01T02:59:59+03:00","tick_microseconds":0}
    {"mode":"fixed","now":"2024-03-01T03:00:00.500000+03:00","tick_microseconds":0}
    {"mode":"fixed","now":"2024-02-29T00:00:00+03:00","tick_microseconds":86400000000}
    {"mode":"fixed","now":"2024-02-29T00:00:00+03:00","tick_microseconds":86400000000}
    "#);
}

#[test]
fn what_is_written_gets_the_time_of_the_clock() {
    let mock = Mock::start(&[]);
    let fixed = json!({"mode": "fixed", "now": "2030-01-01T00:00:00+03:00"});
    mock.ask(put(CLOCK, &fixed)).expect(200);
    mock.post(ADVANCE, &json!({"seconds": 3600})).expect(200);
    let row = mock.post(STOCKS, &stock("NEW")).expect(201).json();
    assert_eq!(row["created_date"], "2030-01-01T01:00:00+03:00");
}

#[test]
fn a_real_clock_runs_and_can_be_ahead() {
    let mock = Mock::start(&[]);
    let now = |request: String| {
        let clock = mock.ask(request).expect(200).json();
        assert_eq!(clock["mode"], "real");
        let now: jiff::Timestamp = clock["now"].as_str().unwrap().parse().unwrap();
        now
    };
    let get = || message("GET /__admin/clock", &[], "");
    let first = now(get());
    let ahead = now(post(ADVANCE, &json!({"seconds": 86_400})));
    let later = now(get());
    let back = now(put(CLOCK, &json!({"mode": "real"})));
    let a_day = jiff::SignedDuration::from_hours(24);
    assert!(ahead.duration_since(first) >= a_day);
    assert!(later > ahead);
    assert!(back < ahead);
    assert!((jiff::Timestamp::now().duration_since(back)).abs() < a_day);
}

#[rstest]
#[case::nothing("", "clock: missing field `mode`")]
#[case::no_json("{", "the body is not what is taken here: ")]
#[case::a_text("\"real\"", "clock: ")]
#[case::no_mode(r#"{"now": "2023-05-10T00:00:00Z"}"#, "clock: missing field `mode`")]
#[case::another_mode(
    r#"{"mode": "frozen"}"#,
    "clock: mode: `frozen` is not `real`, `fixed` or `running`"
)]
#[case::a_member_misspelt(
    r#"{"mode": "fixed", "tick": 1}"#,
    "clock: unknown field `tick`, expected `now` or `tick_microseconds`"
)]
#[case::a_moment_for_a_real_one(
    r#"{"mode": "real", "now": "2023-05-10T00:00:00Z"}"#,
    "clock: unknown field `now`"
)]
#[case::no_moment(
    r#"{"mode": "fixed", "now": "noon"}"#,
    "clock: now: `noon` is no date-time like 2023-05-10T13:37:18.209869+03:00"
)]
#[case::a_number(
    r#"{"mode": "fixed", "now": 1683666000}"#,
    "clock: invalid type: integer `1683666000`, expected a string"
)]
#[case::backwards(
    r#"{"mode": "fixed", "tick_microseconds": -1}"#,
    "clock: the tick -1 is not between 0 and 86400000000 microseconds"
)]
#[case::a_tick_above_a_day(
    r#"{"mode": "fixed", "tick_microseconds": 86400000001}"#,
    "clock: the tick 86400000001 is not between 0 and 86400000000 microseconds"
)]
#[case::a_fraction(
    r#"{"mode": "fixed", "tick_microseconds": 0.5}"#,
    "clock: invalid type: floating point `0.5`, expected i64"
)]
fn a_bad_clock_says_why_and_changes_nothing(#[case] body: &str, #[case] why: &str) {
    let mock = Mock::start(&[STANDING]);
    let before = whole_state(&mock);
    let detail = problem(&mock.ask(message("PUT /__admin/clock", &[], body)), 400);
    assert!(detail.starts_with(why), "{detail}");
    assert_eq!(whole_state(&mock), before);
}

#[rstest]
#[case::nothing("", "the body is not what is taken here: missing field `seconds`")]
#[case::a_text(
    r#"{"seconds": "1"}"#,
    "the body is not what is taken here: invalid type: string \"1\", expected f64"
)]
#[case::a_member_misspelt(
    r#"{"second": 1}"#,
    "the body is not what is taken here: unknown field `second`, expected `seconds`"
)]
#[case::backwards(r#"{"seconds": -1}"#, "seconds: -1 is not between 0 and 315360000")]
#[case::too_far(
    r#"{"seconds": 315360000.5}"#,
    "seconds: 315360000.5 is not between 0 and 315360000"
)]
#[case::beyond_numbers(
    r#"{"seconds": 1e999}"#,
    "the body is not what is taken here: number out of range"
)]
fn a_bad_advance_says_why_and_changes_nothing(#[case] body: &str, #[case] why: &str) {
    let mock = Mock::start(&[STANDING]);
    let before = whole_state(&mock);
    let request = message("POST /__admin/clock/advance", &[], body);
    let detail = problem(&mock.ask(request), 400);
    assert!(detail.starts_with(why), "{detail}");
    assert_eq!(whole_state(&mock), before);
}

#[rstest]
#[case::fixed("2023-06-01T12:00:00+03:00")]
#[case::real("real")]
fn a_clock_that_was_advanced_again_and_again_still_answers(#[case] clock: &str) {
    let mock = Mock::start(&["--clock", clock]);
    let mut client = mock.connect();
    let advance = post(ADVANCE, &json!({"seconds": 315_360_000}));
    let mut last = 0;
    // Ten years at a time, beyond the end of the calendar.
    for _ in 0..1000 {
        last = client.ask(&advance).status;
    }
    assert!(matches!(last, 200 | 400), "{last}");
    client.ask(post(STOCKS, &stock("NEW"))).expect(201);
    let page = client.ask(crate::support::get(STOCKS)).expect(200).json();
    let created = page["results"][3]["created_date"].as_str().unwrap();
    assert!(created.starts_with("9999-"), "{created}");
}

// Paths and methods.

#[rstest]
#[case("/__admin/somewhere/else/altogether", "")]
#[case("/__admin/health/", "did you mean `/__admin/health`? ")]
#[case("/__admin/clock/", "did you mean `/__admin/clock`? ")]
#[case("/__admin/Health", "did you mean `/__admin/health`? ")]
#[case("/__admin/../api/v1/stocks/", "")]
fn a_path_that_is_none_is_told_404(#[case] path: &str, #[case] hint: &str) {
    let mock = Mock::start(&[]);
    for method in ["GET", "POST", "DELETE"] {
        let detail = problem(
            &mock.ask(message(&format!("{method} {path}"), &[], "")),
            404,
        );
        assert_eq!(
            detail,
            format!("there is no `{path}`; {hint}/__admin/docs lists the admin paths")
        );
    }
}

#[rstest]
#[case(HEALTH, "GET", &["POST", "PUT", "DELETE", "OPTIONS", "BREW"])]
#[case(RESET, "POST", &["GET", "PUT", "DELETE"])]
#[case(CLOCK, "GET, PUT", &["POST", "DELETE", "PATCH"])]
#[case(ADVANCE, "POST", &["GET", "PUT"])]
#[case(OPENAPI, "GET", &["POST", "PUT"])]
fn a_method_that_is_none_is_told_405_and_what_is_allowed(
    #[case] path: &str,
    #[case] allow: &str,
    #[case] methods: &[&str],
) {
    let mock = Mock::start(&[STANDING]);
    let before = whole_state(&mock);
    for method in methods {
        let answer = mock.ask(message(&format!("{method} {path}"), &[], ""));
        let detail = problem(&answer, 405);
        assert_eq!(detail, format!("the path takes {allow}, not {method}"));
        assert_eq!(answer.header("allow"), allow);
    }
    assert_eq!(whole_state(&mock), before);
}

#[test]
fn an_answer_to_head_has_no_body() {
    let mock = Mock::start(&[]);
    let mut client = mock.connect();
    client.send(message(&format!("HEAD {HEALTH}"), &[], ""));
    client.receive_head();
    client.ask(crate::support::get(HEALTH)).expect(200);
}

#[test]
fn a_parameter_that_is_none_is_refused_with_the_one_that_was_meant() {
    let mock = Mock::start(&[]);
    let said = |path: &str| problem(&mock.get(path), 400);
    assert_eq!(
        said("/__admin/health?x=1"),
        "there is no parameter `x`; the path takes none"
    );
    assert_eq!(
        said("/__admin/clock?wrold=a"),
        "there is no parameter `wrold`; did you mean `world`? the path takes world"
    );
}

// Access.

const FOREIGN_ORIGIN: &str = "a page of another origin may not drive the mock";
const FOREIGN_HOST: &str = "the Host header names another machine; without an admin token it \
                            must be localhost or a loopback address";

#[rstest]
#[case::localhost(&["Host: localhost"], "")]
#[case::with_a_port(&["Host: localhost:8000"], "")]
#[case::of_any_case(&["Host: LocalHost:8000"], "")]
#[case::an_address(&["Host: 127.0.0.1:8000"], "")]
#[case::another_loopback_address(&["Host: 127.1.2.3"], "")]
#[case::ipv6(&["Host: [::1]:8000"], "")]
#[case::ipv6_without_a_port(&["Host: [::1]"], "")]
#[case::own_origin(&["Host: localhost:8000", "Origin: http://localhost:8000"], "")]
#[case::own_origin_of_ipv6(&["Host: [::1]:8000", "Origin: http://[::1]:8000"], "")]
#[case::own_page(&["Sec-Fetch-Site: same-origin"], "")]
#[case::address_bar(&["Sec-Fetch-Site: none"], "")]
#[case::another_machine(&["Host: example.com"], FOREIGN_HOST)]
#[case::a_name_that_begins_like_it(&["Host: localhost.example.com"], FOREIGN_HOST)]
#[case::a_name_that_ends_like_it(&["Host: example.com:localhost"], FOREIGN_HOST)]
#[case::a_name_with_the_address(&["Host: 127.0.0.1.example.com"], FOREIGN_HOST)]
#[case::another_address(&["Host: 192.0.2.1"], FOREIGN_HOST)]
#[case::every_address(&["Host: 0.0.0.0"], FOREIGN_HOST)]
#[case::a_user_before_it(&["Host: localhost@example.com"], FOREIGN_HOST)]
#[case::no_host(&["Host: "], FOREIGN_HOST)]
#[case::another_origin(&["Origin: http://example.com"], FOREIGN_ORIGIN)]
#[case::another_port(&["Host: localhost:8000", "Origin: http://localhost:3000"], FOREIGN_ORIGIN)]
#[case::another_name_of_it(&["Host: localhost:8000", "Origin: http://127.0.0.1:8000"], FOREIGN_ORIGIN)]
#[case::no_origin(&["Origin: null"], FOREIGN_ORIGIN)]
#[case::an_empty_origin(&["Origin: "], FOREIGN_ORIGIN)]
#[case::its_host_as_well(&["Host: example.com", "Origin: http://example.com"], FOREIGN_HOST)]
#[case::another_site(&["Sec-Fetch-Site: cross-site"], FOREIGN_ORIGIN)]
#[case::the_same_site(&["Sec-Fetch-Site: same-site"], FOREIGN_ORIGIN)]
#[case::own_origin_of_another_site(&["Origin: http://localhost", "Sec-Fetch-Site: cross-site"], FOREIGN_ORIGIN)]
fn a_page_of_another_origin_may_not_ask(#[case] lines: &[&str], #[case] refused: &str) {
    let mock = Mock::start(&[STANDING]);
    mock.post(STOCKS, &stock("NEW")).expect(201);
    for start in [
        "GET /__admin/health",
        "GET /__admin/nowhere",
        "POST /__admin/reset",
    ] {
        let answer = mock.ask(message(start, lines, ""));
        if refused.is_empty() {
            assert_ne!(answer.status, 403, "{start}: {}", answer.text());
        } else {
            assert_eq!(problem(&answer, 403), refused, "{start}");
        }
    }
    assert_eq!(mock.stocks(), if refused.is_empty() { 3 } else { 4 });
    // The API itself answers everybody, unless the host is malformed: pages in a browser may use
    // it.
    let malformed = [
        "Host: ",
        "Host: example.com:localhost",
        "Host: localhost@example.com",
    ];
    let is_malformed = lines.iter().any(|line| malformed.contains(line));
    mock.ask(message(&format!("GET {STOCKS}"), lines, ""))
        .expect(if is_malformed { 400 } else { 200 });
}

#[rstest]
#[case::the_token(&["Authorization: Bearer s3cret"], 200)]
#[case::of_any_case(&["Authorization: bEARER s3cret"], 200)]
#[case::with_spaces(&["Authorization: Bearer   s3cret"], 200)]
#[case::from_another_host(&["Authorization: Bearer s3cret", "Host: mock.example.com"], 200)]
#[case::own_origin(&["Authorization: Bearer s3cret", "Host: mock.example.com", "Origin: http://mock.example.com"], 200)]
#[case::another_origin(&["Authorization: Bearer s3cret", "Origin: http://example.com"], 403)]
#[case::another_token(&["Authorization: Bearer other"], 401)]
#[case::a_part(&["Authorization: Bearer s3cre"], 401)]
#[case::of_another_scheme(&["Authorization: Token s3cret"], 401)]
#[case::bare(&["Authorization: s3cret"], 401)]
#[case::none(&["Authorization: "], 401)]
fn with_an_admin_token_who_has_it_may_ask(#[case] lines: &[&str], #[case] status: u16) {
    let mock = Mock::start(&["--admin-token=s3cret"]);
    mock.post(STOCKS, &stock("NEW")).expect(201);
    for start in [
        "GET /__admin/clock",
        "GET /__admin/openapi.json",
        "POST /__admin/reset",
    ] {
        let answer = mock.ask(message(start, lines, ""));
        match status {
            401 => assert_eq!(
                problem(&answer, 401),
                "the admin token is required, as `Authorization: Bearer TOKEN`"
            ),
            403 => assert_eq!(problem(&answer, 403), FOREIGN_ORIGIN),
            status => drop(answer.expect(status)),
        }
    }
    assert_eq!(mock.stocks(), if status == 200 { 3 } else { 4 });
}

#[test]
fn the_health_needs_no_admin_token_from_any_host() {
    let mock = Mock::start(&["--admin-token=s3cret"]);
    let answer = mock.ask(message(
        &format!("GET {HEALTH}"),
        &["Host: mock.example.com"],
        "",
    ));
    answer.expect(200);
}

#[test]
fn a_refusal_for_want_of_the_token_says_which_scheme() {
    let mock = Mock::start(&["--admin-token=s3cret"]);
    let answer = mock.get(CLOCK).expect(401);
    assert_eq!(answer.header("www-authenticate"), "Bearer");
}

#[test]
fn the_tokens_of_the_api_and_of_admin_are_two() {
    let mock = Mock::start(&["--admin-token=admin", "--token=api"]);
    let ask = |path: &str, header| mock.ask(message(&format!("GET {path}"), &[header], ""));
    ask(STOCKS, "Authorization: Token api").expect(200);
    ask(STOCKS, "Authorization: Token admin").expect(401);
    ask(CLOCK, "Authorization: Bearer admin").expect(200);
    ask(CLOCK, "Authorization: Bearer api").expect(401);
}

#[test]
fn the_loopback_of_ipv6_is_this_machine_as_well() {
    if TcpListener::bind("[::1]:0").is_err() {
        println!("this machine has no IPv6");
        return;
    }
    let mock = Mock::of(Process::spawn(&["--listen=[::1]:0"], &[]));
    assert_eq!(mock.address.ip(), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]));
    let host = format!("Host: {}", mock.address);
    let origin = format!("Origin: http://{}", mock.address);
    mock.ask(message(&format!("POST {RESET}"), &[&host, &origin], ""))
        .expect(200);
    let page = mock.ask(message(&format!("GET {STOCKS}?limit=1"), &[&host], ""));
    let next = format!("http://{}/api/v1/stocks/?limit=1&page=2", mock.address);
    assert_eq!(page.expect(200).json()["next"], next);
}

#[rstest]
#[case::this_machine("127.0.0.1", None, 200)]
#[case::this_machine_by_ipv6("::1", None, 200)]
#[case::this_machine_by_mapped_ipv4("::ffff:127.0.0.1", None, 200)]
#[case::another("192.0.2.1", None, 403)]
#[case::another_by_ipv6("2001:db8::1", None, 403)]
#[case::another_by_mapped_ipv4("::ffff:192.0.2.1", None, 403)]
#[case::another_with_the_token("192.0.2.1", Some("s3cret"), 200)]
#[case::another_with_another_token("192.0.2.1", Some("other"), 401)]
fn another_machine_may_ask_only_with_the_token(
    #[case] peer: IpAddr,
    #[case] token: Option<&str>,
    #[case] status: u16,
) {
    let server = Server::new(Seed {
        settings: Settings::default(),
        store: store("documented"),
        clock: ClockMode::Real,
    });
    let control = Control::new(token.map(|_| "s3cret".to_owned()), Instant::now());
    let request = Request::get(CLOCK)
        .header("host", "localhost")
        .header(
            "authorization",
            format!("Bearer {}", token.unwrap_or_default()),
        )
        .body(Bytes::new())
        .unwrap();
    let answer = control.answer(AdminCall {
        worlds: &server.worlds,
        request: &request,
        peer: (peer, 50_000).into(),
        system: Timestamp::EPOCH,
    });
    let AdminAnswer::Whole(response) = answer else {
        panic!("no answer but a stream");
    };
    assert_eq!(response.status(), status);
}
