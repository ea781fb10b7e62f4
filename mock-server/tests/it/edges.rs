//! The limits of the server: clients that stop sending, send too little or send nonsense, and many
//! of them.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use whippy_engine::backend::{Backend as _, Reset, Seed};
use whippy_engine::clock::ClockMode;
use whippy_engine::endpoints::call::Settings;
use whippy_engine::store::Store;
use whippy_engine::store::world::World;
use whippy_mock::embed::MockServer;
use whippy_mock::http::Server;
use whippy_mock::log::{Log, LogOptions};
use whippy_mock::worlds::service::Service;

use crate::requests::{INCREASE, SKU, STOCKS, store};
use crate::support::{
    HEALTH, Mock, PATIENCE, Process, file, get, message, no_file, post, socket, stock,
};

const INDIFFERENT: &[&str] = &[];
const TLS: &[&str] = &["--tls-self-signed"];
const UNIX: &[&str] = &["unix"];
const DURABLE: &[&str] = &["--data"];
const DELAYED: &[&str] = &["--faults"];

/// Starts a mock with some flags. A socket or a file that they name is one of this test.
#[track_caller]
fn set_up(by: &[&str]) -> Mock {
    match by {
        ["unix"] => {
            let listen = format!("--listen=unix:{}", socket());
            Mock::of(Process::spawn(&[listen], &[]))
        }
        ["--data"] => {
            let path = no_file(".db");
            Mock::start(&[&format!("--data={path}")])
        }
        ["--faults"] => {
            let rule = json!({"name": "late", "fault": {"kind": "delay", "milliseconds": 300}});
            let rules = file(".json", json!({"rules": [rule]}).to_string());
            Mock::start(&[&format!("--faults={rules}")])
        }
        flags => Mock::start(flags),
    }
}

#[rstest]
fn a_client_that_says_no_more_gets_its_answers(
    #[values(INDIFFERENT, TLS, UNIX, DURABLE, DELAYED)] by: &[&str],
    #[values("HTTP/1.1", "HTTP/1.0")] version: &str,
) {
    let mock = set_up(by);
    let mut client = mock.connect();
    let body = post(STOCKS, &stock("NEW")).replace("HTTP/1.1", version);
    client.send(body);
    client.finish();
    assert_eq!(client.receive().expect(201).json()["sku"], "NEW");
    assert_eq!(client.rest(), b"");
    // Requests that came before are answered too.
    let mut client = mock.connect();
    client.send(get(STOCKS) + &get(HEALTH));
    client.finish();
    client.receive().expect(200);
    assert_eq!(client.receive().expect(200).json()["stocks"], 4);
    assert_eq!(client.rest(), b"");
}

#[rstest]
fn a_client_that_leaves_what_is_never_answered_makes_room(#[values(INDIFFERENT, TLS)] by: &[&str]) {
    let flags = ["--defect=list-never-answers", "--max-connections=1"];
    let mock = Mock::start(&[by, &flags].concat());
    let mut client = mock.connect();
    client.send(get(STOCKS));
    let since = Instant::now();
    client.finish();
    // A connection beyond the limit is closed at once, with or without an answer.
    while mock
        .connect()
        .try_ask(get(HEALTH))
        .is_none_or(|answer| answer.status != 200)
    {
        assert!(since.elapsed() < PATIENCE, "there never is room");
    }
}

#[test]
fn half_sent_heads_make_room_for_clients_that_speak() {
    let mock = Mock::start(&["--max-connections=4", "--idle-timeout=3600"]);
    let mut speaking = mock.connect();
    speaking.ask(get(HEALTH)).expect(200);
    let silent = mock.connect();
    let mut slow = [mock.connect(), mock.connect()];
    for client in &mut slow {
        client.send("GET /__admin/health HTTP/1.1\r\nHost: local");
    }
    let since = Instant::now();
    let mut let_in = Vec::new();
    while let_in.len() < 3 {
        assert!(since.elapsed() < PATIENCE, "there never is room");
        let mut client = mock.connect();
        if client
            .try_ask(get(HEALTH))
            .is_some_and(|answer| answer.status == 200)
        {
            let_in.push(client);
        }
    }
    // Between two requests a client owes no head.
    speaking.ask(get(HEALTH)).expect(200);
    for client in &mut let_in {
        client.ask(get(HEALTH)).expect(200);
    }
    drop((silent, slow));
}

#[rstest]
#[case("localhost")]
#[case("LOCALHOST:8000")]
#[case("a-b.example.:1")]
#[case("127.0.0.1:65536")]
#[case("[::1]")]
#[case("[::ffff:127.0.0.1]:80")]
fn a_host_that_the_stack_takes_is_in_the_links(#[case] host: &str) {
    let mock = Mock::start(&["--world=demo"]);
    let line = format!("Host: {host}");
    let answer = mock.ask(message(&format!("GET {STOCKS}"), &[&line], ""));
    let next = answer.expect(200).json()["next"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(next.starts_with(&format!("http://{host}/api/")), "{next}");
}

#[rstest]
#[case(&["Host: "])]
#[case(&["Host: :80"])]
#[case(&["Host: ."])]
#[case(&["Host: a b"])]
#[case(&["Host: a_b"])]
#[case(&["Host: a/b"])]
#[case(&["Host: a@b"])]
#[case(&["Host: a?b"])]
#[case(&["Host: a:"])]
#[case(&["Host: a:b"])]
#[case(&["Host: a:80:80"])]
#[case(&["Host: \"><script>"])]
#[case(&["Host: \u{e7}anta.example"])]
#[case(&["Host: ::1"])]
#[case(&["Host: [a]"])]
#[case(&["Host: [:]"])]
#[case(&["Host: [::1"])]
#[case(&["Host: [::g]"])]
#[case(&["Host: [::1]x"])]
#[case(&["Host: a, b"])]
#[case(&["Host: a", "Host: a"])]
fn a_host_that_the_stack_refuses_is_refused(
    #[case] lines: &[&str],
    #[values(STOCKS, "/api/v1/stocks", "/nothing")] path: &str,
) {
    let mock = Mock::start(&[]);
    let answer = mock
        .ask(message(&format!("GET {path}"), lines, ""))
        .expect(400);
    assert!(
        answer.text().contains("<h1>Bad Request (400)</h1>"),
        "{answer:?}"
    );
    let rule = answer.header("whippy-mock-rule");
    assert_eq!(rule, "unrouted/malformed-host; grade=stack");
    assert_eq!(answer.header("x-frame-options"), "");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
}

#[test]
fn http_1_1_needs_a_host_and_http_1_0_does_not() {
    let mock = Mock::start(&[]);
    let asked = get(STOCKS).replace("Host: localhost\r\n", "");
    let answer = mock.ask(&asked).expect(400);
    let rule = answer.header("whippy-mock-rule");
    assert_eq!(rule, "list-stocks/no-host; grade=reading");
    mock.ask(asked.replace("HTTP/1.1", "HTTP/1.0")).expect(200);
}

#[test]
fn a_body_of_too_many_brackets_is_labelled_so_in_the_log() {
    let mock = Mock::start(&["--log=text"]);
    let body = "[".repeat(100_000);
    let answer = mock.ask(message(&format!("POST {STOCKS}"), &[], &body));
    answer.expect(500);
    let line = mock.logged();
    assert!(line.contains("create-stock/too-deeply-nested"), "{line}");
}

// Large admin requests.

/// Returns a world with this many stocks, as a file.
fn world_of(count: usize) -> String {
    let stock = |n: usize| {
        format!(
            r#"{{"sku":"SKU-{n:012}","provider":"p","location":"l","stock":{n},"reserved_stock":1}}"#
        )
    };
    let stocks: Vec<_> = (0..count).map(stock).collect();
    format!(
        r#"{{"providers":[{{"name":"p"}}],"stock_locations":[{{"code":"l","provider":"p"}}],"stocks":[{}]}}"#,
        stocks.join(",")
    )
}

const EXPORT: &str = "/__admin/worlds/default";
const BUNDLE: &str = "/__admin/bundle";

#[rstest]
fn a_long_answer_never_stands_whole_in_memory(#[values(EXPORT, BUNDLE)] path: &str) {
    let world = file(".json", world_of(100_000));
    let mock = Mock::start(&[&format!("--world={world}")]);
    let before = mock.peak_memory();
    let answer = mock.get(path).expect(200);
    let grown = mock.peak_memory() - before;
    assert!(
        grown < answer.body.len() / 2,
        "{grown} of {}",
        answer.body.len()
    );
    let shown = answer.json();
    let stocks = match path {
        EXPORT => &shown["stocks"],
        _ => &shown["worlds"][0]["base"]["stocks"],
    };
    assert_eq!(stocks.as_array().unwrap().len(), 100_000);
}

/// A world of so many stocks with all their members, as an export has them.
fn whole_world_of(count: usize) -> String {
    let json = world_of(count);
    let store = Store::from_json(json.as_bytes()).unwrap();
    String::from_utf8(store.into_pieces().into_json()).unwrap()
}

const IMPORT: &str = "PUT /__admin/worlds/one";
const RESET: &str = "POST /__admin/reset";

#[rstest]
fn an_import_takes_twice_its_body_at_most(#[values(IMPORT, RESET)] asked: &str) {
    let world = whole_world_of(80_000);
    let body = match asked {
        IMPORT => world,
        _ => format!(r#"{{"world": {world}}}"#),
    };
    let mock = Mock::start(&[]);
    let before = mock.peak_memory();
    let answer = mock.ask(message(asked, &[], &body));
    assert_eq!(answer.json()["stocks"], 80_000);
    let grown = mock.peak_memory() - before;
    assert!(grown < 2 * body.len(), "{grown} of {}", body.len());
}

#[test]
fn readers_that_stall_hold_up_nobody() {
    let world = file(".json", world_of(100_000));
    let mock = Mock::start(&[&format!("--world={world}")]);
    let mut stalled: Vec<_> = (0..20).map(|_| mock.connect()).collect();
    for client in &mut stalled {
        client.send(get(EXPORT));
        assert_eq!(client.receive_head().header("transfer-encoding"), "chunked");
    }
    mock.get(STOCKS).expect(200);
    mock.get("/__admin/worlds").expect(200);
    mock.post("/__admin/worlds/default/fork", &json!({"as": "one"}))
        .expect(201);
}

#[test]
fn a_world_is_read_while_its_new_state_is_being_kept() {
    let path = no_file(".db");
    let (log, _) = Log::open(path.as_ref(), LogOptions::default()).unwrap();
    let small = Seed {
        settings: Settings::default(),
        store: store("documented"),
        clock: ClockMode::Real,
    };
    let service = Service::durable(small, &log, "default");
    let json = world_of(50_000);
    let large = Store::load(&World::from_json(json.as_bytes()).unwrap()).unwrap();
    let was_seen = || {
        service.reset(Reset::default()).unwrap();
        std::thread::scope(|scope| {
            let reset = Reset {
                store: Some(large.clone()),
                ..Reset::default()
            };
            let resets = scope.spawn(|| service.reset(reset).unwrap());
            while service.store().len() != 50_000 {
                std::thread::yield_now();
            }
            // A write that waits for the file does not block readers.
            let waits = !resets.is_finished();
            assert!(service.pending().is_some() || !waits);
            resets.join().unwrap();
            assert!(service.pending().is_none());
            waits
        })
    };
    // The file may sometimes be fast.
    assert!((0..20).any(|_| was_seen()));
}

// Messages.

#[test]
fn the_settings_tell_what_is_in_force() {
    let rule = json!({"name": "late", "fault": {"kind": "delay", "milliseconds": 1}});
    let rules = file(".json", json!({"rules": [rule]}).to_string());
    let mock = Mock::start(&[
        "--reading=page-size=7",
        "--clock=2024-01-01T00:00:00+03:00",
        "--token=first-token",
        "--token=second-token",
        "--username=u",
        "--password=secret-password",
        &format!("--faults={rules}"),
    ]);
    let answer = mock.get("/__admin/settings").expect(200);
    let settings = answer.json();
    assert_eq!(settings["readings"]["page-size"], 7);
    assert_eq!(settings["clock"]["mode"], "fixed");
    assert_eq!(settings["faults"]["rules"][0]["name"], "late");
    assert_eq!(settings["tokens"], 2);
    assert_eq!(settings["has_login"], true);
    let text = answer.text();
    for secret in ["first-token", "second-token", "secret-password"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn rules_that_were_never_met_are_told_on_demand() {
    let mock = Mock::start(&[]);
    mock.get(STOCKS).expect(200);
    let rules = |path: &str| {
        let report = mock.get(path).expect(200).json();
        let rules = report["worlds"][0]["coverage"]["rules"].as_array().cloned();
        rules.unwrap()
    };
    let met = rules("/__admin/findings");
    assert_eq!(met.len(), 1, "{met:?}");
    assert!(rules("/__admin/findings?all=true").len() > 100);
    assert!(rules("/__admin/coverage").len() > 100);
    let refused = mock.get("/__admin/findings?all=yes").expect(400).text();
    assert!(
        refused.contains("all: `yes` is neither true nor false"),
        "{refused}"
    );
}

#[rstest]
#[case("json", "")]
#[case("text", "1 of 19 documented responses")]
#[case("markdown", "# Coverage: 1 of 19 documented responses")]
fn coverage_says_nothing_of_findings(#[case] format: &str, #[case] says: &str) {
    let mock = Mock::start(&[]);
    mock.get(&format!("{STOCKS}?stock_gt=3")).expect(200);
    let told = mock
        .get(&format!("/__admin/coverage?format={format}"))
        .expect(200)
        .text();
    assert!(told.contains(says), "{told}");
    assert!(!told.contains("finding"), "{told}");
    let refused = mock
        .get("/__admin/coverage?format=junit")
        .expect(400)
        .text();
    assert!(refused.contains("has no form `junit`"), "{refused}");
}

#[test]
fn the_faults_of_all_worlds_are_in_one_listing() {
    let mock = Mock::start(&[]);
    for world in ["one", "two"] {
        mock.get(&format!("/worlds/{world}{STOCKS}")).expect(200);
    }
    let rule = json!({"name": "late", "fault": {"kind": "delay", "milliseconds": 1}});
    let rules = message(
        "PUT /__admin/faults?world=two",
        &[],
        &json!({"rules": [rule]}).to_string(),
    );
    mock.ask(rules).expect(200);
    let listed = mock.get("/__admin/faults?all=true").expect(200).json();
    assert_eq!(listed["rules"], json!([]));
    let worlds = listed["worlds"].as_array().unwrap();
    assert_eq!(worlds.len(), 1, "{worlds:?}");
    assert_eq!(worlds[0]["world"], "two");
    assert_eq!(worlds[0]["rules"][0]["name"], "late");
    let of_one = mock.get("/__admin/faults").expect(200).json();
    assert!(of_one.get("worlds").is_none());
}

#[rstest]
#[case("text", "faults=torn-line")]
#[case("json", "\"faults\":[\"torn-line\"]")]
fn the_log_names_the_fault_that_reset_a_connection(#[case] format: &str, #[case] says: &str) {
    let rule = json!({"name": "torn-line", "fault": {"kind": "reset"}});
    let rules = file(".json", json!({"rules": [rule]}).to_string());
    let mock = Mock::start(&[&format!("--faults={rules}"), &format!("--log={format}")]);
    let mut client = mock.connect();
    client.send(get(STOCKS));
    assert_eq!(client.rest(), b"");
    let line = mock.logged();
    assert!(line.contains(says), "{line}");
}

#[test]
fn a_world_that_nobody_has_asked_for_was_never_used() {
    let mock = Mock::start(&[]);
    let last_used =
        || mock.get("/__admin/worlds").expect(200).json()["worlds"][0]["last_used"].clone();
    assert_eq!(last_used(), json!(null));
    mock.get(STOCKS).expect(200);
    assert!(last_used().is_string());
}

#[rstest]
#[case("[]", "a list")]
#[case("\"demo\"", "a text")]
#[case("7", "a number")]
fn a_world_is_an_object(#[case] body: &str, #[case] other: &str) {
    let mock = Mock::start(&[]);
    let refused = mock
        .ask(message("PUT /__admin/worlds/one", &[], body))
        .expect(400);
    let says = format!("world: a world is an object, and this is {other}");
    assert_eq!(refused.json()["detail"], says);
}

#[test]
fn a_world_that_the_data_file_goes_before_is_told_in_a_line() {
    let path = no_file(".db");
    let data = format!("--data={path}");
    let mock = Mock::start(&[&data]);
    mock.post("/__admin/clock/advance", &json!({"seconds": 1}))
        .expect(200);
    assert_eq!(mock.stop().err, "");
    let mock = Mock::start(&[&data, "--world=demo"]);
    assert_eq!(
        mock.stop().err,
        format!(
            "whippy-mock: the default world comes from --data {path}; --world demo is the \
             seed of a reset and of new worlds\n"
        )
    );
    assert_eq!(Mock::start(&[&data]).stop().err, "");
}

// Inside a test with a single thread.

#[tokio::test]
async fn a_large_body_and_an_overlap_are_answered_beside_a_test_of_one_thread() {
    let mock = MockServer::builder()
        .defect("overlapping-increases-count-once")
        .start()
        .await
        .unwrap();
    let ask = |message: String| ask_at(mock.address(), &message);
    // The test's only thread waits here, and the mock still answers.
    let close = ["Connection: close"];
    let large = " ".repeat(300 * 1024) + &stock("NEW").to_string();
    let created = ask(message(&format!("POST {STOCKS}"), &close, &large));
    assert!(created.starts_with("HTTP/1.1 201"), "{created}");
    let body = json!({"sku": SKU, "location": "110"}).to_string();
    let increased = ask(message(&format!("POST {INCREASE}"), &close, &body));
    assert!(increased.starts_with("HTTP/1.1 201"), "{increased}");
}

/// Sends a request on a connection that is closed afterwards.
fn ask_at(address: SocketAddr, message: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(message.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_api_answers_while_every_turn_of_admin_requests_is_taken() {
    let server = Arc::new(Server::new(Seed {
        settings: Settings::default(),
        store: store("documented"),
        clock: ClockMode::Real,
    }));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let turns = Arc::clone(&server.turns);
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(Arc::clone(&server).run(listener, stopped));
    let count = u32::try_from(turns.available_permits()).unwrap();
    let taken = turns.acquire_many_owned(count).await.unwrap();
    let close = ["Connection: close"];
    let ask = |start: &str, body: &str| {
        let message = message(start, &close, body);
        tokio::task::spawn_blocking(move || ask_at(address, &message))
    };
    let mut import = ask("PUT /__admin/worlds/one", r#"{"stocks": []}"#);
    for path in [STOCKS, HEALTH, "/__admin/ready"] {
        let answer = ask(&format!("GET {path}"), "").await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    let early = tokio::time::timeout(Duration::ZERO, &mut import).await;
    assert!(early.is_err(), "{early:?}");
    drop(taken);
    let answer = import.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    stop.send(true).unwrap();
    running.await.unwrap();
}
