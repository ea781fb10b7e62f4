//! The journal: every exchange in full, within limits, without secrets.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use rstest::rstest;
use serde_json::{Value, json};

use crate::requests::{DECREASE, INCREASE, SKU, STOCKS};
use crate::support::{Mock, PATIENCE, message, stock};

const REQUESTS: &str = "/__admin/requests";

fn journal(mock: &Mock, query: &str) -> Vec<Value> {
    let body = mock.get(&format!("{REQUESTS}{query}")).expect(200).json();
    body["requests"].as_array().unwrap().clone()
}

#[test]
fn an_exchange_is_kept_in_full_without_the_token() {
    let mock = Mock::start(&["--clock=2023-06-01T12:00:00+03:00"]);
    mock.post(STOCKS, &stock("NEW")).expect(201);
    let mut kept = journal(&mock, "");
    assert_eq!(kept.len(), 1);
    let mut kept = kept.remove(0);
    assert!(kept["microseconds"].is_u64());
    kept["microseconds"] = 0.into();
    kept["at"] = "AT".into();
    kept["request"]["headers"] = kept["request"]["headers"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|header| header[0] != "host" && header[0] != "content-length")
        .cloned()
        .collect();
    kept["response"]["headers"] = Value::Null;
    insta::assert_snapshot!(serde_json::to_string_pretty(&kept).unwrap());
    let whole = mock.get(REQUESTS).text();
    assert!(!whole.contains("Token t\""), "{whole}");
}

#[test]
fn readings_and_rules_are_told() {
    let mock = Mock::start(&[]);
    let none = json!({"sku": "NONE", "location": "110"});
    mock.post(INCREASE, &none).expect(404);
    let kept = &journal(&mock, "?operation=increase-reserved-stock")[0];
    assert_eq!(kept["rule"], "no-such-stock");
    assert_eq!(kept["grade"], "reading");
    assert_eq!(kept["readings"]["reservation-without-stock"], "not-found");
}

#[test]
fn the_newest_are_kept_and_the_rest_counted() {
    let mock = Mock::start(&["--journal=3"]);
    for n in 0..5 {
        mock.get(&format!("{STOCKS}?sku={n}")).expect(200);
    }
    let body = mock.get(REQUESTS).expect(200).json();
    let ids: Vec<_> = body["requests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["id"].clone())
        .collect();
    assert_eq!(
        (ids, &body["dropped"]),
        (vec![3.into(), 4.into(), 5.into()], &json!(2))
    );
}

#[rstest]
#[case::all("", &[1, 2, 3, 4, 5])]
#[case::after_one("?since=2", &[3, 4, 5])]
#[case::the_newest("?limit=1", &[5])]
#[case::reading_on("?since=1&limit=2", &[2, 3])]
#[case::by_operation("?operation=create-stock", &[2, 3])]
#[case::by_a_name("?operation=list-stocks", &[1, 5])]
#[case::by_a_part("?operation=search-stocks", &[5])]
#[case::by_status("?status=400", &[3])]
#[case::by_class("?status=2xx", &[1, 2, 5])]
#[case::by_method("?method=get", &[1, 4, 5])]
#[case::by_path("?path=/api/v1/nowhere/", &[4])]
#[case::several("?method=POST&status=201", &[2])]
#[case::a_world("?world=default", &[1, 2, 3, 4, 5])]
fn the_journal_is_filtered(#[case] query: &str, #[case] ids: &[u64]) {
    let mock = Mock::start(&[]);
    mock.get(STOCKS).expect(200);
    mock.post(STOCKS, &stock("NEW")).expect(201);
    mock.post(STOCKS, &stock("NEW")).expect(400);
    mock.get("/api/v1/nowhere/").expect(404);
    mock.get(&format!("{STOCKS}?sku=NEW")).expect(200);
    let found: Vec<_> = journal(&mock, query)
        .iter()
        .map(|e| e["id"].as_u64().unwrap())
        .collect();
    assert_eq!(found, ids);
}

#[rstest]
#[case::by_body(json!({"body": {"sku": "NEW"}}), 2)]
#[case::by_operation(json!({"operation": "create-stock", "status": "4xx"}), 1)]
#[case::by_text(json!({"target_contains": "sku=NEW"}), 1)]
#[case::by_header(json!({"headers": {"content-type": "application/json"}}), 2)]
#[case::nothing(json!({"body": {"sku": "OLD"}}), 0)]
fn exchanges_are_counted_and_found(#[case] wanted: Value, #[case] count: usize) {
    let mock = Mock::start(&[]);
    mock.get(&format!("{STOCKS}?sku=NEW")).expect(200);
    mock.post(STOCKS, &stock("NEW")).expect(201);
    mock.post(STOCKS, &stock("NEW")).expect(400);
    let counted = mock
        .post("/__admin/requests/count", &wanted)
        .expect(200)
        .json();
    let found = mock
        .post("/__admin/requests/find", &wanted)
        .expect(200)
        .json();
    assert_eq!(counted["count"], count);
    assert_eq!(found["requests"].as_array().unwrap().len(), count);
}

#[rstest]
#[case("?status=4x", "neither a status like 404 nor a class like 4xx")]
#[case("?status=999", "neither a status")]
#[case("?since=x", "since: `x` is no whole number")]
#[case("?limit=-1", "limit: `-1` is no whole number")]
#[case("?operation=create-stocks", "did you mean `create-stock`?")]
#[case("?operatoin=create-stock", "did you mean `operation`?")]
fn a_bad_question_says_what_is_wrong(#[case] query: &str, #[case] why: &str) {
    let mock = Mock::start(&[]);
    let answer = mock.get(&format!("{REQUESTS}{query}")).expect(400);
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains(why), "{detail}");
}

#[test]
fn the_journal_is_emptied_a_world_at_a_time() {
    let mock = Mock::start(&[]);
    mock.get(STOCKS).expect(200);
    mock.get(&format!("/worlds/one{STOCKS}")).expect(200);
    mock.ask(message("DELETE /__admin/requests?world=one", &[], ""))
        .expect(200);
    let worlds: Vec<_> = journal(&mock, "")
        .iter()
        .map(|e| e["world"].clone())
        .collect();
    assert_eq!(worlds, ["default"]);
    mock.ask(message("DELETE /__admin/requests", &[], ""))
        .expect(200);
    assert!(journal(&mock, "").is_empty());
}

#[test]
fn an_exchange_has_an_address_of_its_own() {
    let mock = Mock::start(&[]);
    mock.get(STOCKS).expect(200);
    let one = mock.get("/__admin/requests/1").expect(200).json();
    assert_eq!(one["request"]["target"], STOCKS);
    mock.get("/__admin/requests/2").expect(404);
    mock.get("/__admin/requests/0").expect(404);
    mock.get("/__admin/requests/x").expect(404);
}

#[test]
fn the_archive_has_what_a_browser_would_keep() {
    let mock = Mock::start(&[]);
    mock.post(STOCKS, &stock("NEW")).expect(201);
    let archive = mock.get("/__admin/requests/har").expect(200).json();
    assert_eq!(archive["log"]["version"], "1.2");
    let entry = &archive["log"]["entries"][0];
    assert_eq!(entry["request"]["method"], "POST");
    assert_eq!(entry["request"]["url"], format!("http://localhost{STOCKS}"));
    assert_eq!(entry["response"]["status"], 201);
    let posted: Value =
        serde_json::from_str(entry["request"]["postData"]["text"].as_str().unwrap()).unwrap();
    assert_eq!(posted, stock("NEW"));
}

/// Follows the exchanges, and returns the lines of the stream.
fn stream(mock: &Mock, query: &str) -> impl Iterator<Item = String> + use<> {
    stream_with(mock, query, &[])
}

fn stream_with(mock: &Mock, query: &str, headers: &[&str]) -> impl Iterator<Item = String> + use<> {
    let mut stream = TcpStream::connect(mock.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = message(&format!("GET {REQUESTS}/stream{query}"), headers, "");
    stream.write_all(head.as_bytes()).unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    // The head of the answer arrives only after the mock follows.
    assert!(lines.by_ref().any(|line| line.is_empty()));
    lines
}

#[test]
fn exchanges_are_followed_as_they_happen() {
    let mock = Mock::start(&[]);
    let lines = stream(&mock, "?world=one&method=POST");
    mock.post(STOCKS, &stock("ELSEWHERE")).expect(201);
    mock.get(&format!("/worlds/one{STOCKS}")).expect(200);
    mock.post(&format!("/worlds/one{STOCKS}"), &stock("HERE"))
        .expect(201);
    let mut lines = lines;
    let data = lines.find_map(|line| Some(line.strip_prefix("data: ")?.to_owned()));
    let event: Value = serde_json::from_str(&data.unwrap()).unwrap();
    assert_eq!(event["world"], "one");
    assert!(
        event["request"]["body"]["text"]
            .as_str()
            .unwrap()
            .contains("HERE")
    );
}

#[test]
fn what_a_stream_leaves_out_is_counted() {
    let mock = Mock::start(&[]);
    let mut lines = stream(&mock, "?per_second=0");
    mock.get(STOCKS).expect(200);
    // Other lines belong to the chunks.
    let is_event = |line: &String| line.starts_with("event") || line.starts_with("data");
    let mut next = || lines.find(is_event).unwrap();
    assert_eq!(next(), "event: skipped");
    assert_eq!(next(), r#"data: {"exchanges":1}"#);
}

#[test]
fn a_stream_does_not_hold_up_the_end() {
    let mock = Mock::start(&[]);
    // A request on its way delays the end for a while, and the stream must not wait for it.
    let whole = crate::support::post(STOCKS, &stock("LATE"));
    let (front, rest) = whole.split_at(whole.len() - 5);
    let mut late = mock.connect();
    late.send(front);
    let lines = stream(&mock, "");
    mock.signal(rustix::process::Signal::TERM);
    assert_eq!(lines.filter(|line| line.starts_with("data")).count(), 0);
    late.send(rest);
    late.receive().expect(201);
    assert_eq!(mock.ended().code, Some(0));
}

#[test]
fn a_follower_resumes_behind_its_last_event() {
    let mock = Mock::start(&[]);
    for page in 1..=3 {
        mock.get(&format!("{STOCKS}?limit={page}"));
    }
    let lines = stream_with(&mock, "", &["Last-Event-ID: 1"]);
    let ids = lines.filter_map(|line| Some(line.strip_prefix("id: ")?.to_owned()));
    assert_eq!(ids.take(2).collect::<Vec<_>>(), ["2", "3"]);
}

#[test]
fn a_long_body_is_kept_up_to_the_limit_and_answered_whole() {
    let mock = Mock::start(&["--journal-body=20"]);
    mock.post(STOCKS, &stock("NEW")).expect(201);
    let kept = &journal(&mock, "")[0];
    for side in ["request", "response"] {
        let body = &kept[side]["body"];
        assert_eq!(body["text"].as_str().unwrap().len(), 20);
        assert_eq!(body["truncated"], true);
        assert!(body["bytes"].as_u64().unwrap() > 20);
    }
}

#[test]
fn an_answer_that_never_came_is_kept_as_none() {
    let mock = Mock::start(&["--defect=decrease-is-reset"]);
    let mut client = mock.connect();
    client.send(crate::support::post(
        DECREASE,
        &json!({"sku": SKU, "location": "110"}),
    ));
    assert_eq!(client.rest(), b"");
    let kept = &journal(&mock, "")[0];
    assert_eq!(kept["response"], Value::Null);
}

#[test]
fn the_mock_stops_when_it_is_asked_to() {
    let mock = Mock::start(&[]);
    mock.post("/__admin/shutdown", &json!({})).expect(200);
    assert_eq!(mock.ended().code, Some(0));
}
