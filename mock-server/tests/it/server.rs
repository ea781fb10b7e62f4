//! The server on the wire: connections, limits, signals, and many concurrent clients.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rstest::rstest;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::requests::{INCREASE, SKU, STOCKS, UPSERT};
use crate::support::{Answer, Ended, HEALTH, Mock, PATIENCE, RESET, get, message, post, stock};

/// The output of a mock that was stopped without problems.
fn all_well() -> Ended {
    Ended {
        code: Some(0),
        out: String::new(),
        err: String::new(),
    }
}

// Connections.

#[test]
fn the_first_line_says_where_it_listens_and_is_all_it_says() {
    let mock = Mock::start(&[]);
    assert_ne!(mock.address.port(), 0);
    mock.get(STOCKS).expect(200);
    mock.get("/nowhere/").expect(404);
    assert_eq!(mock.stop(), all_well());
}

#[test]
fn a_connection_takes_one_request_after_another() {
    let mock = Mock::start(&["--max-connections=1"]);
    let mut client = mock.connect();
    for count in 4..=13 {
        let sku = format!("NEW{count}");
        client.ask(post(STOCKS, &stock(&sku))).expect(201);
        let page = client.ask(get(STOCKS)).expect(200).json();
        assert_eq!(page["count"], count);
        assert_eq!(client.ask(get(HEALTH)).expect(200).header("connection"), "");
    }
}

#[test]
fn the_client_that_says_so_is_not_kept() {
    let mock = Mock::start(&[]);
    let mut client = mock.connect();
    let request = message(&format!("GET {HEALTH}"), &["Connection: close"], "");
    assert_eq!(
        client.ask(request).expect(200).header("connection"),
        "close"
    );
    assert_eq!(client.rest(), b"");
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let mock = Mock::start(&["--clock=2023-06-01T12:00:00+03:00"]);
    let of_new = format!("{STOCKS}?sku=NEW");
    let requests = [
        get(&of_new),
        post(STOCKS, &stock("NEW")),
        message(&format!("HEAD {of_new}"), &[], ""),
        get(&of_new),
        post(INCREASE, &json!({"sku": "NEW", "location": "110"})),
        message(&format!("DELETE {STOCKS}"), &[], ""),
        post(STOCKS, &stock("NEW")),
        get(HEALTH),
        get("/nowhere/"),
        get(&of_new),
    ];
    let mut client = mock.connect();
    client.send(requests.concat());
    let mut shown = String::new();
    for request in &requests {
        let answer = if request.starts_with("HEAD") {
            client.receive_head()
        } else {
            client.receive()
        };
        let rule = answer.header("whippy-mock-rule");
        let _ = write!(shown, "{} {rule}", answer.status);
        if answer.header("content-type") == "application/json" && !answer.body.is_empty() {
            let body = answer.json();
            for (name, at) in [
                ("count", "/count"),
                ("reserved", "/results/0/reserved_stock"),
                ("stocks", "/stocks"),
            ] {
                if let Some(value) = body.pointer(at) {
                    let _ = write!(shown, " {name}={value}");
                }
            }
        }
        shown += "\n";
    }
    insta::assert_snapshot!(shown, @r"
    200 search-stocks/found; grade=documented count=0
    201 create-stock/created; grade=documented
    200 search-stocks/found; grade=documented
    200 search-stocks/found; grade=documented count=1 reserved=0
    201 increase-reserved-stock/increased; grade=documented
    405 list-stocks/method-not-allowed; grade=stack
    400 create-stock/stock-exists; grade=documented
    200  stocks=4
    404 unrouted/no-such-path; grade=stack
    200 search-stocks/found; grade=documented count=1 reserved=1
    ");
    client.finish();
    assert_eq!(client.rest(), b"");
}

#[test]
fn many_pipelined_requests_are_all_answered() {
    let mock = Mock::start(&[]);
    let mut client = mock.connect();
    client.send(get(STOCKS).repeat(1000));
    for _ in 0..1000 {
        assert_eq!(client.receive().expect(200).json()["count"], 3);
    }
}

#[test]
fn a_request_may_come_in_any_pieces() {
    let mock = Mock::start(&[]);
    let mut client = mock.connect();
    for byte in post(STOCKS, &stock("NEW")).bytes() {
        client.send([byte]);
    }
    client.receive().expect(201);
}

#[test]
fn nonsense_behind_a_request_costs_it_no_answer() {
    let mock = Mock::start(&[]);
    let mut client = mock.connect();
    client.send(post(STOCKS, &stock("NEW")) + "\0nonsense\r\n\r\n");
    client.receive().expect(201);
    client.receive().expect(400);
    client.rest();
}

#[rstest]
#[case::closed("", false)]
#[case::kept("Connection: keep-alive\r\n", true)]
fn http_1_0_is_answered_and_kept_only_if_asked(#[case] lines: &str, #[case] kept: bool) {
    let mock = Mock::start(&[]);
    let mut client = mock.connect();
    let request = format!("GET {STOCKS} HTTP/1.0\r\nAuthorization: Token t\r\n{lines}\r\n");
    let first = client.ask(&request).expect(200);
    assert_eq!(first.version, "HTTP/1.0");
    if kept {
        assert_eq!(client.ask(&request).expect(200).body, first.body);
    } else {
        assert_eq!(client.rest(), b"");
    }
}

#[test]
fn a_client_that_expects_to_be_told_to_continue_is_told() {
    let mock = Mock::start(&[]);
    let mut client = mock.connect();
    let request = message(
        &format!("POST {STOCKS}"),
        &["Expect: 100-continue"],
        &stock("NEW").to_string(),
    );
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    client.send(format!("{head}\r\n\r\n"));
    client.receive().expect(100);
    client.ask(body).expect(201);
}

// HTTP/2.

type Http2 = hyper::client::conn::http2::SendRequest<Full<Bytes>>;

async fn http2(mock: &Mock) -> Http2 {
    let stream = tokio::net::TcpStream::connect(mock.address).await.unwrap();
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    sender
}

async fn ask_http2(
    sender: &Http2,
    address: std::net::SocketAddr,
    (method, path): (&str, &str),
    body: impl Into<Bytes>,
) -> (StatusCode, http::HeaderMap, Bytes) {
    let request = Request::builder()
        .method(method)
        .uri(format!("http://{address}{path}"))
        .header("authorization", "Token t")
        .header("content-type", "application/json")
        .body(Full::new(body.into()))
        .unwrap();
    let response = sender.clone().send_request(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status, head.headers, body)
}

#[tokio::test]
async fn http_2_with_prior_knowledge_carries_reads_writes_and_refusals() {
    let mock = Mock::start(&["--body-limit=1000"]);
    let sender = http2(&mock).await;
    let ask = |line, body: String| ask_http2(&sender, mock.address, line, body);

    let (status, _, page) = ask(("GET", "/api/v1/stocks/?limit=1"), String::new()).await;
    assert_eq!(status, 200);
    let page: Value = serde_json::from_slice(&page).unwrap();
    let next = format!("http://{}/api/v1/stocks/?limit=1&page=2", mock.address);
    assert_eq!(page["next"], next);

    let (status, _, _) = ask(("POST", STOCKS), stock("NEW").to_string()).await;
    assert_eq!(status, 201);

    let (status, headers, body) = ask(("HEAD", STOCKS), String::new()).await;
    assert_eq!((status, &*body), (StatusCode::OK, &b""[..]));
    assert_ne!(headers["content-length"], "0");

    let (status, headers, _) = ask(("GET", HEALTH), String::new()).await;
    assert_eq!(status, 200);
    assert_eq!(headers["content-type"], "application/json");

    for path in [STOCKS, RESET] {
        let (status, _, _) = ask(("POST", path), " ".repeat(1001)).await;
        assert_eq!(status, 413, "{path}");
    }
    // A refused stream leaves the other streams of its connection alone.
    let (status, _, _) = ask(("GET", HEALTH), String::new()).await;
    assert_eq!(status, 200);
    assert_eq!(mock.stocks(), 4);
}

#[tokio::test]
async fn http_2_streams_of_one_connection_run_side_by_side() {
    let mock = Mock::start(&["--max-connections=1"]);
    let sender = http2(&mock).await;
    let asked = (0..200).map(|n| {
        let (sender, address) = (sender.clone(), mock.address);
        let body = stock(&format!("NEW{n}")).to_string();
        tokio::spawn(async move { ask_http2(&sender, address, ("POST", STOCKS), body).await })
    });
    let mut ids = BTreeSet::new();
    for answer in asked.collect::<Vec<_>>() {
        let (status, _, body) = answer.await.unwrap();
        assert_eq!(status, 201);
        let row: Value = serde_json::from_slice(&body).unwrap();
        ids.insert(row["id"].as_i64().unwrap());
    }
    assert_eq!(ids.len(), 200);
}

#[tokio::test]
async fn a_signal_says_goodbye_to_an_http_2_connection() {
    let mock = Mock::start(&[]);
    let sender = http2(&mock).await;
    ask_http2(&sender, mock.address, ("GET", HEALTH), "").await;
    mock.signal(Signal::TERM);
    // hyper answers the GOAWAY on this runtime, so a blocking wait must run elsewhere.
    let ended = tokio::task::spawn_blocking(|| {
        let since = Instant::now();
        (mock.ended(), since.elapsed())
    });
    let (ended, took) = ended.await.unwrap();
    assert_eq!(ended, all_well());
    assert!(took < PROMPT, "{took:?}");
}

// Limits.

/// The ways to send a body.
enum Sent {
    /// The length is announced, and nothing is sent.
    Announced,
    /// The length is announced, and all of it is sent.
    Whole,
    /// All of it is sent in one chunk.
    Chunked,
}

impl Sent {
    fn of(&self, path: &str, length: usize) -> String {
        let start = format!("POST {path}");
        let announced = format!("Content-Length: {length}");
        match self {
            Self::Announced => message(&start, &[&announced], ""),
            Self::Whole => message(&start, &[], &" ".repeat(length)),
            Self::Chunked => {
                let body = format!("{length:x}\r\n{}\r\n0\r\n\r\n", " ".repeat(length));
                message(&start, &["Transfer-Encoding: chunked"], &body)
            }
        }
    }
}

const REFUSED_BY_THE_API: &str = r#"{"detail":"Request body exceeds the limit of 1000 bytes."}"#;
const REFUSED_BY_ADMIN: &str = r#"{"type":"about:blank","title":"Payload Too Large","status":413,"detail":"the body exceeds the limit of 1000 bytes"}"#;

#[rstest]
#[case::for_the_api(STOCKS, REFUSED_BY_THE_API)]
#[case::for_admin(RESET, REFUSED_BY_ADMIN)]
fn a_body_above_the_limit_is_refused_and_the_connection_closed(
    #[case] path: &str,
    #[case] refused: &str,
    #[values(Sent::Announced, Sent::Whole, Sent::Chunked)] sent: Sent,
    #[values(1001, 1_000_000)] length: usize,
) {
    let mock = Mock::start(&["--body-limit=1000"]);
    mock.post(STOCKS, &stock("NEW")).expect(201);
    let before = mock.state();
    let mut client = mock.connect();
    client.try_send(sent.of(path, length));
    let answer = client.receive().expect(413);
    assert_eq!(answer.header("connection"), "close");
    assert_eq!(answer.text(), refused);
    assert_eq!(client.rest(), b"");
    assert_eq!(mock.state(), before);
}

#[test]
fn a_chunked_body_above_the_limit_is_refused_whatever_follows_it() {
    let mock = Mock::start(&["--body-limit=1000"]);
    let mut client = mock.connect();
    client.try_send(Sent::Chunked.of(STOCKS, 1001) + &get(HEALTH));
    client.receive().expect(413);
    assert_eq!(client.rest(), b"");
}

#[rstest]
fn a_body_of_just_the_limit_is_taken(#[values(Sent::Whole, Sent::Chunked)] sent: Sent) {
    let mock = Mock::start(&["--body-limit=1000"]);
    mock.post(STOCKS, &stock("NEW")).expect(201);
    let mut client = mock.connect();
    client.ask(sent.of(RESET, 1000)).expect(200);
    assert_eq!(client.ask(get(HEALTH)).expect(200).json()["stocks"], 3);
}

#[rstest]
#[case::a_header(&message("GET /__admin/health", &[&format!("X: {}", "x".repeat(70_000))], ""), &[431])]
#[case::many_headers(&message("GET /__admin/health", &["X: x"; 1000], ""), &[431])]
#[case::the_query(&message(&format!("GET /__admin/health?{}", "x".repeat(70_000)), &[], ""), &[414, 431])]
#[case::the_path(&message(&format!("GET /{}", "x".repeat(70_000)), &[], ""), &[414, 431])]
#[case::no_end_of_line(&"G".repeat(70_000), &[400, 414, 431])]
fn a_head_above_64_kib_is_refused(#[case] request: &str, #[case] statuses: &[u16]) {
    let mock = Mock::start(&[]);
    let mut client = mock.connect();
    client.try_send(request);
    let answer = client.receive();
    assert!(statuses.contains(&answer.status), "{answer:?}");
    assert_eq!(client.rest(), b"");
    mock.get(HEALTH).expect(200);
}

#[rstest]
#[case::a_header(&message("GET /__admin/health", &[&format!("X: {}", "x".repeat(60_000))], ""))]
#[case::the_line(&message(&format!("GET /api/v1/stocks/?sku={}", "x".repeat(60_000)), &["Authorization: Token t"], ""))]
fn a_head_just_below_64_kib_is_taken(#[case] request: &str) {
    let mock = Mock::start(&[]);
    mock.ask(request).expect(200);
}

#[rstest]
#[case::no_http("\0\x01\x02\r\n\r\n")]
#[case::no_version("GET /__admin/health\r\n\r\n")]
#[case::other_version("GET /__admin/health HTTP/3.0\r\n\r\n")]
#[case::no_colon("GET /__admin/health HTTP/1.1\r\nHost\r\n\r\n")]
#[case::length_no_number(
    "POST /__admin/reset HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n"
)]
#[case::two_lengths(
    "POST /__admin/reset HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nContent-Length: 1\r\n\r\n"
)]
fn what_is_no_http_is_told_400(#[case] request: &str) {
    let mock = Mock::start(&[]);
    let mut client = mock.connect();
    client.ask(request).expect(400);
    assert_eq!(client.rest(), b"");
}

/// The smallest value of `--idle-timeout`.
const IDLE: Duration = Duration::from_secs(1);

/// The bytes that a client sends before it falls silent, and the status it gets, if any.
const HALVES: &[(&str, Option<u16>)] = &[
    ("", None),
    ("PRI * HTTP/2", None),
    ("GET /api", None),
    ("GET /api/v1/stocks/ HTTP/1.1\r\nHost: loc", None),
    (
        "POST /api/v1/stocks/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token t\r\n\
         Content-Length: 9\r\n\r\n{",
        Some(408),
    ),
    (
        "POST /api/v1/stocks/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token t\r\n\
         Transfer-Encoding: chunked\r\n\r\n9\r\n{",
        Some(408),
    ),
    (
        "POST /__admin/reset HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{",
        Some(408),
    ),
    (
        "GET /__admin/health HTTP/1.1\r\nHost: localhost\r\n\r\n",
        Some(200),
    ),
];

#[test]
fn who_stops_in_the_middle_is_cut_off() {
    let mock = Mock::start(&["--idle-timeout=1"]);
    std::thread::scope(|scope| {
        for &(sent, told) in HALVES {
            let since = Instant::now();
            let mut client = mock.connect();
            scope.spawn(move || {
                client.send(sent);
                if let Some(status) = told {
                    client.receive().expect(status);
                }
                assert_eq!(client.rest(), b"", "{sent:?}");
                let took = since.elapsed();
                assert!((IDLE..IDLE * 20).contains(&took), "{took:?}: {sent:?}");
            });
        }
    });
    assert_eq!(mock.stocks(), 3);
}

#[test]
fn an_http_2_client_that_falls_silent_is_cut_off() {
    let mock = Mock::start(&["--idle-timeout=1"]);
    let since = Instant::now();
    let mut client = mock.connect();
    // The preface, with empty settings.
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    assert_ne!(client.rest(), b"", "its own settings and a goodbye");
    let took = since.elapsed();
    assert!((IDLE..IDLE * 20).contains(&took), "{took:?}");
}

#[rstest]
#[case::a_head("GET /api/v1/stocks/ HTTP/1.1\r\nX: ")]
#[case::a_body(
    "POST /api/v1/stocks/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token t\r\nContent-Length: 99\r\n\r\n"
)]
fn who_sends_a_byte_now_and_then_is_cut_off_all_the_same(#[case] start: &str) {
    let mock = Mock::start(&["--idle-timeout=1"]);
    let mut client = mock.connect();
    client.send(start);
    let every = IDLE / 5;
    let since = Instant::now();
    client.trickle(&[b'x'; 90], every);
    assert!(since.elapsed() < every * 80, "only when the bytes ran out");
}

#[rstest]
#[case::an_api_path(STOCKS, "application/json", true)]
#[case::an_admin_path(RESET, "application/problem+json", false)]
fn who_is_cut_off_in_a_body_is_told_so_in_the_words_of_the_path(
    #[case] path: &str,
    #[case] content_type: &str,
    #[case] names_a_rule: bool,
) {
    let mock = Mock::start(&["--idle-timeout=1"]);
    let answer = mock.ask(Sent::Announced.of(path, 9)).expect(408);
    assert_eq!(answer.header("content-type"), content_type);
    assert_eq!(
        answer.headers.contains_key("whippy-mock-rule"),
        names_a_rule
    );
}

#[rstest]
fn a_client_that_leaves_in_the_middle_changes_nothing(
    #[values(1, 20, 200)] missing: usize,
    #[values("Content-Length", "Transfer-Encoding")] framed: &str,
) {
    // With one connection at a time, the next one is accepted after the mock has finished this.
    let mock = Mock::start(&["--max-connections=1"]);
    let body = stock("NEW").to_string();
    let request = if framed == "Content-Length" {
        post(STOCKS, &stock("NEW"))
    } else {
        let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
        message(
            &format!("POST {STOCKS}"),
            &["Transfer-Encoding: chunked"],
            &chunked,
        )
    };
    let mut client = mock.connect();
    client.send(&request[..request.len() - missing]);
    drop(client);
    let health = until_let_in(&mock);
    assert_eq!(health.json()["stocks"], 3);
}

/// Asks for the health until the mock has room. Every attempt is answered.
#[track_caller]
fn until_let_in(mock: &Mock) -> Answer {
    let since = Instant::now();
    loop {
        let mut client = mock.connect();
        client.try_send(get(HEALTH));
        let answer = client.receive();
        if answer.status == 200 {
            return answer;
        }
        assert_eq!(answer.status, 503);
        assert!(since.elapsed() < PATIENCE, "there never is room");
    }
}

#[test]
fn one_connection_too_many_is_told_503_until_another_leaves() {
    let mock = Mock::start(&["--max-connections=2"]);
    let mut first = mock.connect();
    first.ask(get(HEALTH)).expect(200);
    let mut second = mock.connect();
    second.ask(get(HEALTH)).expect(200);
    for _ in 0..10 {
        let refused = String::from_utf8(mock.connect().rest()).unwrap();
        assert_eq!(
            refused,
            "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\
             Connection: close\r\n\r\n"
        );
    }
    first.ask(get(HEALTH)).expect(200);
    drop(second);
    until_let_in(&mock);
    first.ask(get(HEALTH)).expect(200);
}

#[test]
fn a_thousand_connections_come_and_go() {
    let mock = Mock::start(&["--max-connections=50"]);
    for _ in 0..20 {
        let clients: Vec<_> = (0..50).map(|_| mock.connect()).collect();
        drop(clients);
    }
    until_let_in(&mock);
}

// Signals.

/// Far shorter than the time for a request in flight, and far longer than a prompt end takes.
const PROMPT: Duration = Duration::from_secs(3);

#[rstest]
fn a_signal_ends_an_idle_mock_at_once(#[values(Signal::TERM, Signal::INT)] signal: Signal) {
    let mock = Mock::start(&[]);
    let mut kept = mock.connect();
    kept.ask(get(HEALTH)).expect(200);
    let mut silent = mock.connect();
    // The mock has accepted the silent client once it answers the one behind it.
    mock.get(HEALTH).expect(200);
    let since = Instant::now();
    mock.signal(signal);
    assert_eq!(mock.ended(), all_well());
    let took = since.elapsed();
    assert!(took < PROMPT, "{took:?}");
    assert_eq!((kept.rest(), silent.rest()), (vec![], vec![]));
}

#[rstest]
#[case::on_a_new_connection(0)]
#[case::on_a_kept_one(1)]
fn half_a_head_is_no_request_to_wait_for(#[case] requests_before: usize) {
    let mock = Mock::start(&[]);
    let mut client = mock.connect();
    for _ in 0..requests_before {
        client.ask(get(HEALTH)).expect(200);
    }
    client.send("GET /api/v1/stocks/ HT");
    mock.get(HEALTH).expect(200);
    let since = Instant::now();
    mock.signal(Signal::TERM);
    assert_eq!(mock.ended(), all_well());
    let took = since.elapsed();
    assert!(took < PROMPT, "{took:?}");
}

#[rstest]
fn a_signal_lets_finish_what_is_in_flight(#[values(Signal::TERM, Signal::INT)] signal: Signal) {
    let mock = Mock::start(&[]);
    let request = post(STOCKS, &stock("NEW"));
    let (sent, kept_back) = request.split_at(request.len() - 1);
    let mut client = mock.connect();
    client.send(sent);
    mock.get(HEALTH).expect(200);
    mock.signal(signal);
    mock.until_it_stops_listening();
    client.hears_nothing_for(Duration::from_millis(200));
    client.send(kept_back);
    let answer = client.receive().expect(201);
    assert_eq!(answer.header("connection"), "close");
    assert_eq!(answer.json()["sku"], "NEW");
    assert_eq!(client.rest(), b"");
    assert_eq!(mock.ended(), all_well());
}

#[test]
fn a_second_signal_ends_it_whatever_is_in_flight() {
    let mock = Mock::start(&[]);
    let mut client = mock.connect();
    client.send(Sent::Announced.of(STOCKS, 9));
    mock.get(HEALTH).expect(200);
    mock.signal(Signal::TERM);
    mock.until_it_stops_listening();
    let since = Instant::now();
    mock.signal(Signal::INT);
    let ended = mock.ended();
    let took = since.elapsed();
    assert!(took < PROMPT, "{took:?}");
    assert_eq!(ended.code, Some(1));
    assert_eq!(client.rest(), b"");
}

// Many clients.

#[test]
fn a_hundred_thousand_rows_do_not_hold_up_another_client() {
    let mock = Mock::start(&[]);
    let rows: Vec<_> = (0..100_000).map(|n| stock(&format!("S{n}"))).collect();
    let request = post(UPSERT, &Value::from(rows));
    let (sent, kept_back) = request.split_at(request.len() - 1);
    let kept_back = kept_back.to_owned();
    let mut large = mock.connect();
    large.send(sent);
    let mut small = mock.connect();
    small.ask(get(HEALTH)).expect(200);

    let since = Instant::now();
    let upsert = std::thread::spawn(move || {
        let answer = large.ask(kept_back);
        (answer, since.elapsed())
    });
    let mut longest = Duration::ZERO;
    while !upsert.is_finished() {
        let since = Instant::now();
        small.ask(get(HEALTH)).expect(200);
        longest = longest.max(since.elapsed());
    }
    let (answer, whole) = upsert.join().unwrap();
    answer.expect(200);
    assert_eq!(mock.stocks(), 100_003);
    assert!(
        longest < whole / 2,
        "the other client waited {longest:?} of {whole:?}"
    );
}

#[test]
fn whatever_comes_over_the_wire_the_next_client_is_served() {
    let mock = Mock::start(&["--idle-timeout=1"]);
    let words = prop::sample::select(vec![
        "GET ",
        "POST ",
        "HEAD ",
        "OPTIONS ",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\0\0\0\x04\0\0\0\0\0",
        STOCKS,
        UPSERT,
        "/__admin/",
        "/%ff%00/",
        "?sku=%f0&page=",
        " HTTP/1.1\r\n",
        " HTTP/1.0\r\n",
        "Host: localhost\r\n",
        "Authorization: Token t\r\n",
        "Content-Type: multipart/form-data; boundary=x\r\n",
        "Content-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Upgrade: h2c\r\nConnection: upgrade\r\n",
        "\r\n",
        "[{\"sku\":",
        "5\r\nabcde\r\n",
        "0\r\n\r\n",
    ]);
    let piece = prop_oneof![
        3 => words.prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..64),
    ];
    let bytes = prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat());
    let mut runner = TestRunner::new(Config {
        cases: 1024,
        failure_persistence: None,
        ..Config::default()
    });
    runner
        .run(&bytes, |bytes| {
            let mut client = mock.connect();
            client.try_send(&bytes);
            client.finish();
            client.rest();
            mock.get(HEALTH).expect(200);
            Ok(())
        })
        .unwrap();
    assert_eq!(mock.stop(), all_well());
}

#[test]
fn ids_are_unique_and_reservations_add_up_whoever_asks_at_a_time() {
    const CLIENTS: usize = 8;
    const EACH: usize = 50;
    let mock = Mock::start(&[]);
    let asked = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let mut connection = mock.connect();
                scope.spawn(move || {
                    let mut ids = Vec::new();
                    let mut reserved = 0_u64;
                    for n in 0..EACH {
                        let own = stock(&format!("NEW{client}-{n}"));
                        let created = connection.ask(post(STOCKS, &own)).expect(201).json();
                        ids.push(created["id"].as_u64().unwrap());
                        // All clients name the same dates, each of which counts once.
                        let date = format!("2023-05-11T10:00:00.{n:06}+03:00");
                        let dated = json!({"sku": SKU, "location": "110", "date": date});
                        let undated = json!({"sku": SKU, "location": "110"});
                        for body in [dated, undated] {
                            let answer = connection.ask(post(INCREASE, &body));
                            match answer.status {
                                201 => reserved += 1,
                                208 => {}
                                _ => panic!("{answer:?}"),
                            }
                        }
                    }
                    (ids, reserved)
                })
            })
            .collect();
        let asked = clients.into_iter().map(|client| client.join().unwrap());
        asked.collect::<Vec<_>>()
    });
    let ids: BTreeSet<_> = asked.iter().flat_map(|(ids, _)| ids).copied().collect();
    let expected = (0..CLIENTS * EACH).map(|n| 8 + 2 * n as u64);
    assert_eq!(ids, expected.collect());
    let reserved: u64 = asked.iter().map(|(_, reserved)| reserved).sum();
    assert_eq!(reserved, (CLIENTS * EACH + EACH) as u64);
    let page = mock.get(&format!("{STOCKS}?sku={SKU}")).expect(200).json();
    assert_eq!(page["results"][0]["reserved_stock"], reserved);
}

#[test]
fn of_many_that_create_the_same_stock_one_does() {
    let mock = Mock::start(&[]);
    let created: usize = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..8)
            .map(|_| {
                let mut connection = mock.connect();
                scope.spawn(move || {
                    let creates = (0..50).filter(|n| {
                        let body = stock(&format!("NEW{n}"));
                        let answer = connection.ask(post(STOCKS, &body));
                        assert!(matches!(answer.status, 201 | 400), "{answer:?}");
                        answer.status == 201
                    });
                    creates.count()
                })
            })
            .collect();
        clients.into_iter().map(|c| c.join().unwrap()).sum()
    });
    assert_eq!(created, 50);
    assert_eq!(mock.stocks(), 53);
}

#[test]
fn two_mocks_side_by_side_know_nothing_of_each_other() {
    let (one, other) = (Mock::start(&[]), Mock::start(&["--world=empty"]));
    assert_ne!(one.address, other.address);
    one.post(STOCKS, &stock("NEW")).expect(201);
    assert_eq!((one.stocks(), other.stocks()), (4, 0));
    other
        .post(RESET, &json!({"world": "documented"}))
        .expect(200);
    assert_eq!((one.stocks(), other.stocks()), (4, 3));
    assert_eq!(one.stop(), all_well());
    assert!(TcpStream::connect(other.address).is_ok());
    assert_eq!(other.stocks(), 3);
}
