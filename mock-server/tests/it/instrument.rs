//! The mock as an instrument of tests: its faults on the wire, its findings about clients, and a
//! whole test run of a client in one command.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::{Value, json};
use whippy_engine::findings::FindingLevel;
use whippy_mock::embed::MockServer;
use whippy_mock::faults::FAULT_HEADER;
use whippy_mock::worlds::journal::Wanted;

use crate::requests::{DECREASE, INCREASE, SKU, STOCKS};
use crate::support::{Mock, Process, get, message, post, run, stock};

const FAULTS: &str = "/__admin/faults";
const FINDINGS: &str = "/__admin/findings";

fn send(method: &str, path: &str, body: &Value) -> String {
    let json = "Content-Type: application/json";
    message(&format!("{method} {path}"), &[json], &body.to_string())
}

/// Starts a mock with one fault.
fn with_fault(rule: &Value) -> Mock {
    let mock = Mock::start(&[]);
    let rules = json!({"seed": 1, "rules": [rule]});
    mock.ask(send("PUT", FAULTS, &rules)).expect(200);
    mock
}

fn reservation(date: &str) -> Value {
    json!({"sku": SKU, "location": "110", "date": date})
}

fn reserved(mock: &Mock) -> i64 {
    let page = mock.get(&format!("{STOCKS}?sku={SKU}")).expect(200).json();
    page["results"][0]["reserved_stock"].as_i64().unwrap()
}

// Faults, before and after the commit.

#[rstest]
#[case::reset("reset")]
#[case::empty("empty-reply")]
fn after_the_commit_the_client_never_hears_and_its_retry_meets_the_208(#[case] kind: &str) {
    let mock = with_fault(&json!({
        "name": "lost", "match": {"operation": "increase-reserved-stock"},
        "fault": {"kind": kind}, "when": "after", "times": 1,
    }));
    let body = reservation("2024-01-01T00:00:00Z");
    let mut client = mock.connect();
    client.send(post(INCREASE, &body));
    assert_eq!(client.rest(), b"");
    assert_eq!(reserved(&mock), 1);
    mock.post(INCREASE, &body).expect(208);
    assert_eq!(reserved(&mock), 1);
    let kept = mock
        .get("/__admin/requests?operation=increase-reserved-stock")
        .json();
    let lost = &kept["requests"][0];
    assert_eq!(lost["response"], Value::Null);
    assert_eq!(lost["faults"], json!(["lost"]));
}

#[test]
fn before_the_commit_nothing_was_done() {
    let mock = with_fault(&json!({
        "name": "down", "match": {"method": "POST"},
        "fault": {"kind": "status", "status": 503, "retry_after": 7}, "times": 2,
    }));
    for _ in 0..2 {
        let answer = mock.post(INCREASE, &reservation("2024-01-01")).expect(503);
        assert_eq!(answer.header("retry-after"), "7");
        assert_eq!(answer.header(FAULT_HEADER.as_str()), "down");
    }
    assert_eq!(reserved(&mock), 0);
    mock.post(INCREASE, &reservation("2024-01-01")).expect(201);
}

#[test]
fn what_is_shown_of_the_faults_can_be_put_back() {
    let mock = with_fault(&json!({
        "name": "down", "match": {"method": "POST"}, "fault": {"kind": "status", "status": 503},
    }));
    mock.post(INCREASE, &reservation("2024-01-01")).expect(503);
    let mut shown = mock.get(FAULTS).expect(200).json();
    assert_eq!(shown["rules"][0]["fired"], 1);
    mock.ask(send("PUT", FAULTS, &shown)).expect(200);
    for count in ["matched", "fired"] {
        shown["rules"][0][count] = 0.into();
    }
    assert_eq!(mock.get(FAULTS).expect(200).json(), shown);
}

#[test]
fn a_part_of_a_body_comes_and_the_connection_ends() {
    let mock = with_fault(&json!({
        "name": "cut", "match": {"operation": "list-stocks"},
        "fault": {"kind": "truncated-body", "bytes": 10}, "when": "after",
    }));
    let mut client = mock.connect();
    client.send(get(STOCKS));
    let all = String::from_utf8(client.rest()).unwrap();
    let (head, body) = all.split_once("\r\n\r\n").unwrap();
    assert_eq!(body.len(), 10, "{body}");
    assert!(head.contains("content-length: "), "{head}");
}

#[test]
fn garbage_is_no_http() {
    let mock = with_fault(&json!({
        "name": "noise", "match": {"operation": "list-stocks"},
        "fault": {"kind": "garbage", "bytes": 50}, "when": "after",
    }));
    let mut client = mock.connect();
    client.send(get(STOCKS));
    let noise = client.rest();
    assert_eq!(noise.len(), 50);
    assert!(!noise.starts_with(b"HTTP"));
}

#[test]
fn a_slow_body_arrives_whole() {
    let mock = with_fault(&json!({
        "name": "slow", "match": {"operation": "list-stocks"},
        "fault": {"kind": "slow-body", "chunks": 4, "over_milliseconds": 80}, "when": "after",
    }));
    let before = Instant::now();
    let page = mock.get(STOCKS).expect(200).json();
    assert_eq!(page["count"], 3);
    assert!(before.elapsed() >= Duration::from_millis(60));
}

#[test]
fn a_stale_read_shows_the_world_as_it_was() {
    let mock = Mock::start(&[]);
    mock.post(INCREASE, &reservation("2024-01-01")).expect(201);
    mock.post(INCREASE, &reservation("2024-01-02")).expect(201);
    let rules = json!({"rules": [{
        "name": "replica", "match": {"operation": "list-stocks"},
        "fault": {"kind": "stale-read", "writes": 1},
    }]});
    mock.ask(send("PUT", FAULTS, &rules)).expect(200);
    assert_eq!(reserved(&mock), 1);
    mock.ask(send("DELETE", FAULTS, &Value::Null)).expect(204);
    assert_eq!(reserved(&mock), 2);
}

#[test]
fn a_request_is_held_until_another_commits() {
    let mock = with_fault(&json!({
        "name": "race", "match": {"operation": "increase-reserved-stock"},
        "fault": {"kind": "hold", "until_commit": "decrease-reserved-stock", "milliseconds": 60000},
    }));
    let mut held = mock.connect();
    held.send(post(INCREASE, &reservation("2024-01-01")));
    // It waits until the other operation commits, whatever else is requested meanwhile.
    assert_eq!(reserved(&mock), 0);
    loop {
        // The first decrease may come before the request is held.
        let date = format!("2024-02-01T00:00:00.{:06}Z", mock.stocks());
        mock.post(DECREASE, &reservation(&date));
        mock.post(STOCKS, &stock(&date)).expect(201);
        let floor = json!([{"provider": "shop_provider", "location": "110", "sku": SKU, "stock": 5, "reserved_stock": 1}]);
        mock.post("/api/v1/stocks/insert_or_update_stock/", &floor)
            .expect(200);
        let date = format!("2024-03-01T00:00:00.{:06}Z", mock.stocks());
        if mock.post(DECREASE, &reservation(&date)).status == 201 {
            break;
        }
    }
    assert_eq!(held.receive().status, 201);
}

#[test]
fn faults_belong_to_the_world_they_are_put_in() {
    let mock = Mock::start(&[]);
    let rules = json!({"rules": [{"name": "down", "fault": {"kind": "status", "status": 500}}]});
    mock.ask(send("PUT", "/worlds/one/__admin/faults", &rules))
        .expect(200);
    mock.get(&format!("/worlds/one{STOCKS}")).expect(500);
    mock.get(&format!("/worlds/two{STOCKS}")).expect(200);
    mock.get(STOCKS).expect(200);
    mock.post("/worlds/one/__admin/reset", &json!({}))
        .expect(200);
    mock.get(&format!("/worlds/one{STOCKS}")).expect(200);
    mock.ask(send("PUT", FAULTS, &rules)).expect(200);
    mock.get(&format!("/worlds/three{STOCKS}")).expect(500);
    mock.get(&format!("/worlds/two{STOCKS}")).expect(500);
}

#[test]
fn a_preset_is_put_in_by_name_and_a_bad_rule_changes_nothing() {
    let mock = Mock::start(&[]);
    let put = |body: Value| mock.ask(send("PUT", FAULTS, &body));
    let rules = put(json!({"preset": "maintenance"})).expect(200).json();
    assert!(!rules["rules"].as_array().unwrap().is_empty());
    mock.get(STOCKS).expect(503);
    let refused = put(json!({"rules": [{"name": "x", "fault": {"kind": "explode"}}]}));
    let detail = refused.expect(400).json()["detail"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(detail.contains("rules[0].fault"), "{detail}");
    put(json!({"preset": "maintanance"})).expect(400);
    mock.get(STOCKS).expect(503);
}

#[test]
fn faults_may_come_from_the_command_line() {
    let mock = Mock::start(&["--faults=maintenance"]);
    mock.get(STOCKS).expect(503);
    let mock = Mock::start(&[]);
    mock.get(STOCKS).expect(200);
}

#[test]
fn a_documented_response_is_there_for_the_asking() {
    let mock = Mock::start(&[]);
    let prefer = |value: &str, path: &str| {
        let prefer = format!("Prefer: {value}");
        let lines = [
            "Authorization: Token t",
            "Content-Type: application/json",
            &prefer,
        ];
        mock.ask(message(&format!("POST {path}"), &lines, "{}"))
    };
    let answer = prefer("code=208", INCREASE).expect(208);
    assert_eq!(answer.json(), json!({"message": "Already reported"}));
    assert_eq!(answer.header("preference-applied"), "code=208");
    assert_eq!(reserved(&mock), 0);
    let refused = prefer("code=418", INCREASE);
    assert_eq!(refused.status, 400, "{refused:?}");
}

// Findings.

fn ids(verdict: &Value) -> Vec<String> {
    let findings = verdict["worlds"][0]["findings"].as_array().unwrap();
    findings
        .iter()
        .map(|finding| finding["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_mistake_is_found_with_what_was_meant() {
    let mock = Mock::start(&[]);
    mock.get(&format!("{STOCKS}?stock_gt=3")).expect(200);
    let verdict = mock
        .get(&format!("{FINDINGS}?world=default"))
        .expect(200)
        .json();
    assert_eq!(ids(&verdict), ["unknown-parameter"], "{verdict}");
    assert_eq!(verdict["worlds"][0]["findings"][0]["meant"], "stock__gt");
    let text = mock.get(&format!("{FINDINGS}?format=text")).expect(200);
    assert!(text.header("content-type").starts_with("text/plain"));
    let text = text.text();
    assert!(
        text.contains("stock_gt") && text.contains("stock__gt"),
        "{text}"
    );
    mock.get(&format!("{FINDINGS}?format=junit")).expect(200);
    mock.get(&format!("{FINDINGS}?format=markdown")).expect(200);
    mock.get(&format!("{FINDINGS}?format=xml")).expect(400);
}

#[test]
fn findings_are_of_a_world_and_outlive_a_reset() {
    let mock = Mock::start(&[]);
    mock.get(&format!("/worlds/one{STOCKS}?stock_gt=3"))
        .expect(200);
    mock.get(&format!("/worlds/two{STOCKS}")).expect(200);
    mock.post("/worlds/one/__admin/reset", &json!({}))
        .expect(200);
    let of = |world: &str| {
        let path = format!("/worlds/{world}/__admin/findings");
        ids(&mock.get(&path).expect(200).json())
    };
    assert_eq!((of("one").len(), of("two").len()), (1, 0));
    mock.ask(send("DELETE", "/__admin/findings?world=one", &Value::Null))
        .expect(204);
    assert!(of("one").is_empty());
}

#[test]
fn a_forgiven_mistake_is_in_no_report_of_its_world() {
    let mock = Mock::start(&[]);
    let asks = |world: &str, query: &str| {
        let path = format!("/worlds/{world}{STOCKS}?{query}");
        mock.get(&path).expect(200);
    };
    let of = |world: &str| {
        let path = format!("/worlds/{world}/__admin/findings");
        ids(&mock.get(&path).expect(200).json())
    };
    let forgive =
        |query: &str| mock.ask(send("DELETE", &format!("{FINDINGS}?{query}"), &Value::Null));
    asks("one", "stock_gt=3&sort=nothing");
    asks("two", "stock_gt=3");
    forgive("world=one&id=unknown-parameter&id=undated-retry").expect(204);
    asks("one", "sku_gt=3");
    assert_eq!(of("one"), ["unknown-sort-name"]);
    assert_eq!(of("two"), ["unknown-parameter"]);
    let refused = forgive("world=one&id=unknown-parametre").expect(400).text();
    assert!(
        refused.contains("did you mean `unknown-parameter`?"),
        "{refused}"
    );
}

#[test]
fn what_the_client_has_met_is_told() {
    let mock = Mock::start(&[]);
    mock.post(INCREASE, &reservation("2024-01-01")).expect(201);
    mock.post(INCREASE, &reservation("2024-01-01")).expect(208);
    let coverage = mock
        .get("/__admin/coverage?world=default")
        .expect(200)
        .json();
    let documented = &coverage["worlds"][0]["coverage"]["documented"];
    let met: Vec<_> = documented
        .as_array()
        .unwrap()
        .iter()
        .filter(|met| met["count"] != 0)
        .map(|met| met["name"].as_str().unwrap())
        .collect();
    assert_eq!(met, ["increase_201", "increase_208"]);
}

// A whole run in one command.

/// Returns a shell script that sends requests with Python's standard library.
fn script(requests: &[&str]) -> Vec<String> {
    let mut lines = vec![
        "import json,os,urllib.request as u".to_owned(),
        "base=os.environ['WHIPPY_URL']; token=os.environ['WHIPPY_TOKEN']".to_owned(),
        "def ask(path): return u.urlopen(u.Request(base+path,headers={'Authorization':'Token '+token})).status".to_owned(),
    ];
    lines.extend(
        requests
            .iter()
            .map(|path| format!("assert ask({path:?})==200")),
    );
    vec!["python3".to_owned(), "-c".to_owned(), lines.join("\n")]
}

fn exec(flags: &[&str], command: &[String]) -> crate::support::Ended {
    let mut args: Vec<String> = vec!["exec".to_owned()];
    args.extend(flags.iter().map(|&flag| flag.to_owned()));
    args.push("--".to_owned());
    args.extend_from_slice(command);
    let process = Process::spawn(&args, &[]);
    process.ended()
}

#[test]
fn a_sound_command_ends_as_it_did_and_is_told_what_it_met() {
    let ended = exec(&[], &script(&["/api/v1/stocks/"]));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.err.contains("1 of 19"), "{}", ended.err);
}

#[rstest]
#[case::usual(&[], 1)]
#[case::error(&["--fail-on=error"], 0)]
#[case::never(&["--fail-on=never"], 0)]
fn findings_fail_the_run(#[case] flags: &[&str], #[case] code: i32) {
    let ended = exec(flags, &script(&["/api/v1/stocks/?stock_gt=3"]));
    assert_eq!(ended.code, Some(code), "{}", ended.err);
    assert!(ended.err.contains("stock__gt"), "{}", ended.err);
}

#[test]
fn a_run_is_judged_by_the_worlds_that_it_dropped_too() {
    let mut command = script(&["/worlds/one/api/v1/stocks/?stock_gt=3"]);
    command[2] += "\nu.urlopen(u.Request(base+'/__admin/worlds/one',method='DELETE'))";
    let ended = exec(&["--fail-on=warning"], &command);
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(ended.err.contains("world one: 1 warning"), "{}", ended.err);
    assert!(ended.err.contains("1 of 19"), "{}", ended.err);
}

#[test]
fn too_little_coverage_fails_the_run() {
    let ended = exec(&["--fail-under=50"], &script(&["/api/v1/stocks/"]));
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("--fail-under"), "{}", ended.err);
}

#[test]
fn the_code_of_a_failing_command_is_the_code() {
    let fails = ["sh", "-c", "exit 7"].map(str::to_owned);
    assert_eq!(exec(&[], &fails).code, Some(7));
    let killed = ["sh", "-c", "kill -9 $$"].map(str::to_owned);
    assert_eq!(exec(&[], &killed).code, Some(137));
    let none = ["/nowhere/at/all".to_owned()];
    let ended = exec(&[], &none);
    assert_eq!(ended.code, Some(127));
    assert!(
        ended.err.contains("cannot run `/nowhere/at/all`"),
        "{}",
        ended.err
    );
}

#[test]
fn reports_are_written_where_they_are_asked_for() {
    let path = format!("{}/exec-report.xml", env!("CARGO_TARGET_TMPDIR"));
    let flag = format!("--report=junit={path}");
    let ended = exec(&[&flag], &script(&["/api/v1/stocks/?stock_gt=3"]));
    assert!(ended.code.is_some(), "{}", ended.err);
    let report = std::fs::read_to_string(&path).unwrap();
    assert!(report.starts_with("<?xml"), "{report}");
}

#[rstest]
#[case(&["exec", "--fail-on=fatal", "--", "true"], "--fail-on")]
#[case(&["exec", "--report=junit", "--", "true"], "FORMAT=FILE")]
#[case(&["exec", "--report=pdf=x", "--", "true"], "--report")]
fn a_bad_flag_is_refused_before_anything_runs(#[case] args: &[&str], #[case] why: &str) {
    let ended = run(args, &[]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains(why), "{}", ended.err);
}

// From a test in Rust.

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_in_rust_has_a_world_its_journal_and_its_findings() {
    let mock = MockServer::builder()
        .world("documented")
        .start()
        .await
        .unwrap();
    let one = mock.world("one").unwrap();
    let address = mock.address();
    let ask = move |head: String| {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let close = ["Authorization: Token t", "Connection: close"];
        stream
            .write_all(message(&head, &close, "").as_bytes())
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert_eq!(one.url(), format!("http://{address}/worlds/one"));
    let head = format!("GET /worlds/one{STOCKS}?stock_gt=3");
    let answer = tokio::task::spawn_blocking(move || ask(head))
        .await
        .unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(one.journal(&Wanted::default()).len(), 1);
    assert_eq!(one.findings().len(), 1);
    one.assert_no_findings(FindingLevel::Error);
    let judged = AssertUnwindSafe(|| one.assert_no_findings(FindingLevel::Warning));
    let failure = std::panic::catch_unwind(judged).unwrap_err();
    let said = failure.downcast_ref::<String>().unwrap();
    assert!(said.contains("unknown-parameter"), "{said}");
    assert!(said.contains("stock__gt"), "{said}");
    assert_eq!(one.coverage().requests, 1);
    assert!(mock.default_world().journal(&Wanted::default()).is_empty());
    one.set_faults(br#"{"rules": [{"name": "down", "fault": {"kind": "status", "status": 500}}]}"#)
        .unwrap();
    assert!(one.set_faults(b"{").is_err());
    assert!(one.set_faults_preset("nothing").is_err());
    let head = format!("GET /worlds/one{STOCKS}");
    let answer = tokio::task::spawn_blocking(move || ask(head))
        .await
        .unwrap();
    assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
    mock.stop().await;
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[tokio::test]
async fn what_a_test_asks_for_in_vain_is_named() {
    let said = |error: whippy_mock::embed::StartError| error.to_string();
    let none = MockServer::builder()
        .world("nowhere")
        .start()
        .await
        .unwrap_err();
    assert!(said(none).starts_with("world: there is no `nowhere`"));
    let none = MockServer::builder()
        .reading("salabel", &"stock")
        .start()
        .await
        .unwrap_err();
    assert!(said(none).contains("`salable`"));
    let none = MockServer::builder().defect("x").start().await.unwrap_err();
    assert!(said(none).starts_with("defect: "));
    let none = MockServer::builder()
        .faults_preset("x")
        .start()
        .await
        .unwrap_err();
    assert!(said(none).starts_with("faults: "));
}

// Pages of another origin.

#[test]
fn a_page_of_the_allowed_origin_may_use_the_api_and_never_the_admin_paths() {
    let mock = Mock::start(&["--cors-origin=https://app.example"]);
    let lines = [
        "Origin: https://app.example",
        "Access-Control-Request-Method: POST",
        "Access-Control-Request-Headers: authorization, content-type",
    ];
    let before = mock
        .ask(message(&format!("OPTIONS {STOCKS}"), &lines, ""))
        .expect(204);
    assert_eq!(
        before.header("access-control-allow-origin"),
        "https://app.example"
    );
    assert_eq!(
        before.header("access-control-allow-headers"),
        "authorization, content-type"
    );
    let page = mock.get(STOCKS).expect(200);
    assert_eq!(
        page.header("access-control-allow-origin"),
        "https://app.example"
    );
    let health = mock
        .ask(message("GET /__admin/health", &lines[..1], ""))
        .expect(403);
    assert!(health.headers.get("access-control-allow-origin").is_none());
    let closed = Mock::start(&[]).get(STOCKS).expect(200);
    assert!(closed.headers.get("access-control-allow-origin").is_none());
}

// The clock of a world.

#[test]
fn a_clock_runs_at_a_speed_in_its_world_alone() {
    let mock = Mock::start(&["--clock=2023-06-01T12:00:00+03:00"]);
    let running = json!({"mode": "running", "now": "2030-01-01T00:00:00+03:00", "speed": 86400});
    let clock = mock
        .ask(send("PUT", "/__admin/clock?world=fast", &running))
        .expect(200)
        .json();
    assert_eq!(
        (&clock["mode"], &clock["speed"]),
        (&json!("running"), &json!(86400.0))
    );
    let created = |world: &str, sku: &str| {
        let row = mock
            .post(&format!("/worlds/{world}{STOCKS}"), &stock(sku))
            .expect(201)
            .json();
        row["created_date"].as_str().unwrap().to_owned()
    };
    let (first, second) = (created("fast", "A"), created("fast", "B"));
    assert!(
        first.starts_with("2030-") && first < second,
        "{first} {second}"
    );
    assert_eq!(created("slow", "A"), "2023-06-01T12:00:00+03:00");
    let bad = json!({"mode": "running", "speed": 0});
    mock.ask(send("PUT", "/__admin/clock", &bad)).expect(400);
}

// The file of writes, and the bundle.

#[test]
fn an_answered_write_survives_the_sudden_end_of_the_process() {
    let data = format!(
        "{}/survives-{}.db",
        env!("CARGO_TARGET_TMPDIR"),
        std::process::id()
    );
    let flag = format!("--data={data}");
    let mock = Mock::start(&[&flag]);
    mock.post(INCREASE, &reservation("2024-01-01")).expect(201);
    mock.post(&format!("/worlds/one{STOCKS}"), &stock("NEW"))
        .expect(201);
    // No other process may use the file meanwhile.
    let refused = run(&["--listen=127.0.0.1:0", &flag], &[]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    mock.signal(rustix::process::Signal::KILL);
    mock.ended();
    let mock = Mock::start(&[&flag]);
    assert_eq!(reserved(&mock), 1);
    mock.post(INCREASE, &reservation("2024-01-01")).expect(208);
    let page = mock.get(&format!("/worlds/one{STOCKS}")).expect(200).json();
    assert_eq!(page["count"], 4);
    mock.ask(send("DELETE", "/__admin/worlds/one", &Value::Null))
        .expect(204);
    assert_eq!(mock.stop().code, Some(0));
    let mock = Mock::start(&[&flag]);
    mock.get("/__admin/worlds/one").expect(404);
}

#[test]
fn the_state_at_a_past_write_is_shown_and_compared() {
    let mock = Mock::start(&[]);
    mock.post(STOCKS, &stock("A")).expect(201);
    mock.post(INCREASE, &json!({"sku": "A", "location": "110"}))
        .expect(201);
    let at = |seq: u64| {
        let path = format!("/__admin/worlds/default?at={seq}");
        let world = mock.get(&path).expect(200).json();
        world["stocks"].as_array().unwrap().len()
    };
    assert_eq!((at(0), at(1), at(2)), (3, 4, 4));
    mock.get("/__admin/worlds/default?at=3").expect(400);
    let diff = mock
        .get("/__admin/worlds/default/diff?from=0&to=1")
        .expect(200)
        .text();
    assert!(diff.contains("\"A\""), "{diff}");
    mock.get("/__admin/worlds/default/diff?from=2&to=1")
        .expect(400);
}

#[test]
fn a_bundle_plays_a_failure_again_and_a_changed_one_is_told() {
    let mock = Mock::start(&[]);
    mock.post(STOCKS, &stock("A")).expect(201);
    mock.post(STOCKS, &stock("A")).expect(400);
    mock.get(&format!("{STOCKS}?sku=A")).expect(200);
    let bundle = mock.get("/__admin/bundle?world=default").expect(200).text();
    drop(mock);
    let path = crate::support::file(".json", &bundle);
    let played = run(&["replay", "--check", &path], &[]);
    assert_eq!(
        (played.code, played.out.as_str()),
        (Some(0), "3 the same, 0 different, 0 not compared\n")
    );
    let changed = bundle.replace("Stock already exists.", "Stock exists.");
    assert_ne!(changed, bundle);
    let path = crate::support::file(".json", changed);
    let played = run(&["replay", "--check", &path], &[]);
    assert_eq!(played.code, Some(1), "{played:?}");
    assert!(
        played
            .out
            .starts_with("exchange 2 of world default, POST /api/v1/stocks/"),
        "{}",
        played.out
    );
    let none = crate::support::file(".json", "{}");
    assert_eq!(run(&["replay", &none], &[]).code, Some(2));
}

#[test]
fn a_bundle_of_which_no_answer_is_compared_checks_nothing() {
    let mock = Mock::start(&[]);
    let bundle = mock.get("/__admin/bundle").expect(200).text();
    let path = crate::support::file(".json", &bundle);
    let played = run(&["replay", "--check", &path], &[]);
    assert_eq!(played.code, Some(4), "{played:?}");
    assert!(played.err.contains("?world=NAME"), "{}", played.err);
    assert_eq!(run(&["replay", &path], &[]).code, Some(0));
}

// Metrics.

#[test]
fn what_was_answered_is_counted() {
    let mock = Mock::start(&[]);
    mock.get(STOCKS).expect(200);
    mock.get(STOCKS).expect(200);
    mock.post(STOCKS, &stock("NEW")).expect(201);
    let text = mock.get("/__admin/metrics").expect(200).text();
    let line =
        "whippy_mock_requests_total{operation=\"list-stocks\",rule=\"listed\",status=\"200\"} 2";
    assert!(text.contains(line), "{text}");
}
