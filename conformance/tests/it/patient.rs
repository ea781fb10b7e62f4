//! Temporary failures of a live service are retried where that does no harm, and reported. A
//! request that may have been carried out is never sent again.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use rstest::rstest;
use serde_json::json;
use tokio::runtime::Runtime;
use whippy_conformance::transport::retry::{Gateways, Patient};
use whippy_conformance::transport::target::{Target, TargetError};
use whippy_mock::embed::MockServer;

use crate::process::{Ended, Folder};

/// A target that answers from a script, and with 200 after its end.
#[derive(Default)]
struct Scripted {
    answers: Mutex<VecDeque<(u16, &'static str)>>,
    /// The requests with their tokens.
    asked: Mutex<Vec<String>>,
}

impl Target for Scripted {
    fn base(&self) -> &'static str {
        "http://whippy.invalid"
    }

    fn send(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, TargetError> {
        let token = request.headers().get("authorization");
        let token = token.map_or("", |token| token.to_str().unwrap());
        let asked = format!("{} {} {token}", request.method(), request.uri().path());
        self.asked.lock().unwrap().push(asked.trim().to_owned());
        if request.uri().path().ends_with("/login/") {
            let key = json!({"key": "second"}).to_string();
            return Ok(Response::new(Bytes::from(key)));
        }
        let answer = self.answers.lock().unwrap().pop_front();
        let (status, header) = answer.unwrap_or((200, "content-type: application/json"));
        let mut answer = Response::builder().status(status);
        for line in header.lines() {
            let (name, value) = line.split_once(": ").unwrap();
            answer = answer.header(name, value);
        }
        Ok(answer.body(Bytes::new()).unwrap())
    }
}

thread_local! {
    static WAITED: RefCell<Vec<Duration>> = const { RefCell::new(Vec::new()) };
}

/// The result of a request.
struct Outcome {
    status: Result<u16, TargetError>,
    asked: Vec<String>,
    waited: Vec<Duration>,
    told: Vec<String>,
}

#[track_caller]
fn ask(method: &str, token: &str, has_login: bool, script: &[(u16, &'static str)]) -> Outcome {
    ask_all(&[(method, token)], has_login, script)
}

/// Sends a request after the service has answered another one.
#[track_caller]
fn ask_later(method: &str, token: &str, script: &[(u16, &'static str)]) -> Outcome {
    let script = [&[(200, JSON)], script].concat();
    ask_all(&[("GET", "first"), (method, token)], false, &script)
}

/// Sends requests, and returns the result of the last.
#[track_caller]
fn ask_all(requests: &[(&str, &str)], has_login: bool, script: &[(u16, &'static str)]) -> Outcome {
    let scripted = Arc::new(Scripted {
        answers: Mutex::new(script.iter().copied().collect()),
        ..Scripted::default()
    });
    let login = has_login.then(|| ("someone".to_owned(), "something".to_owned()));
    let pause = |wait| WAITED.with_borrow_mut(|waited| waited.push(wait));
    let patient = Patient::new(scripted.clone(), pause, Gateways::Retried, login);
    patient.bear("first");
    let answers = requests.iter().map(|(method, token)| {
        let request = Request::builder()
            .method(*method)
            .uri("http://whippy.invalid/api/v1/stocks/")
            .header("authorization", format!("Token {token}"));
        patient.send(&request.body(Bytes::new()).unwrap())
    });
    let answer = answers.last().unwrap();
    let asked = scripted.asked.lock().unwrap().clone();
    Outcome {
        status: answer.map(|answer| answer.status().as_u16()),
        asked,
        waited: WAITED.take(),
        told: patient.surprises().into_keys().collect(),
    }
}

const PAGE: &str = "content-type: text/html";
const JSON: &str = "content-type: application/json";

#[rstest]
#[case::one_too_many("POST", &[(429, "retry-after: 7")], 2, &[7_000], "429, and it was asked again")]
#[case::asked_for_an_hour("POST", &[(429, "retry-after: 3600")], 2, &[60_000], "429, and it was asked again")]
#[case::until_a_date("POST", &[(429, "retry-after: Sun, 06 Nov 1994 08:49:45 GMT\ndate: Sun, 06 Nov 1994 08:49:37 GMT")], 2, &[9_000], "429, and it was asked again")]
#[case::until_a_date_that_is_past("POST", &[(429, "retry-after: Sunday, 06-Nov-94 08:49:37 GMT")], 2, &[1_000], "429, and it was asked again")]
#[case::until_no_date("POST", &[(429, "retry-after: soon")], 2, &[200], "429, and it was asked again")]
#[case::too_many_without_a_word("GET", &[(429, JSON), (429, JSON)], 3, &[200, 400], "429, and it was asked again")]
#[case::a_gateway("GET", &[(502, PAGE)], 2, &[200], "502, and it was asked again")]
#[case::a_slow_one("GET", &[(504, PAGE)], 2, &[200], "504, and it was asked again")]
fn a_bad_moment_is_waited_out(
    #[case] method: &str,
    #[case] script: &[(u16, &'static str)],
    #[case] sent: usize,
    #[case] waited: &[u64],
    #[case] told: &str,
) {
    let came = ask(method, "first", false, script);
    assert_eq!(came.status, Ok(200));
    assert_eq!(came.asked.len(), sent);
    let waits = came.waited.iter().map(Duration::as_millis);
    assert!(
        waits.eq(waited.iter().copied().map(u128::from)),
        "{:?}",
        came.waited
    );
    assert_eq!(came.told, [told]);
}

#[rstest]
#[case::of_the_services_own("GET", 500, PAGE)]
#[case::that_it_says_in_json("GET", 503, JSON)]
#[case::to_a_write("POST", 500, JSON)]
fn an_error_is_an_answer(#[case] method: &str, #[case] status: u16, #[case] header: &'static str) {
    let came = ask(method, "first", true, &[(status, header)]);
    assert_eq!(came.status, Ok(status));
    assert_eq!(came.asked.len(), 1);
    assert!(came.told.is_empty(), "{:?}", came.told);
}

#[test]
fn a_write_that_a_gateway_answered_is_not_repeated() {
    let came = ask("POST", "first", true, &[(502, PAGE)]);
    assert_eq!(came.status, Err(TargetError::Away(502)));
    assert_eq!(came.asked.len(), 1);
    assert!(came.told[0].contains("not repeated"), "{:?}", came.told);
}

#[test]
fn what_never_passes_is_an_answer_in_the_end() {
    let came = ask("POST", "first", true, &[(429, JSON); 9]);
    assert_eq!(came.status, Ok(429));
    assert_eq!(came.asked.len(), 4);
}

#[test]
fn a_token_that_is_taken_no_more_is_renewed_once() {
    let came = ask("POST", "first", true, &[(401, JSON)]);
    assert_eq!(came.status, Ok(200));
    assert_eq!(
        came.asked,
        [
            "POST /api/v1/stocks/ Token first",
            "POST /api/v1/auth/login/",
            "POST /api/v1/stocks/ Token second",
        ]
    );
    assert!(came.told[0].contains("new login"), "{:?}", came.told);
    let came = ask("GET", "first", true, &[(401, JSON), (401, JSON)]);
    assert_eq!(came.status, Ok(401));
    assert_eq!(came.asked.len(), 3);
}

#[rstest]
#[case::of_another_token("another", true)]
#[case::without_a_login("first", false)]
fn a_401_is_an_answer(#[case] token: &str, #[case] has_login: bool) {
    let came = ask("GET", token, has_login, &[(401, JSON)]);
    assert_eq!(came.status, Ok(401));
    assert_eq!(came.asked.len(), 1);
}

#[rstest]
#[case::an_expired_token(401, JSON, "takes the token no more and answers 401")]
#[case::a_forbidden_one(403, JSON, "takes the token no more and answers 403")]
#[case::a_firewall(
    403,
    "content-type: text/html\nserver: edge",
    "a server that calls itself `edge` answers 403 and not in JSON"
)]
#[case::a_throttle(429, "retry-after: 0", "answers 429 (too many requests)")]
#[case::a_proxy(407, PAGE, "answers 407 (proxy authentication required)")]
#[case::another_host(421, PAGE, "answers 421 (misdirected request)")]
#[case::a_network(511, PAGE, "answers 511 with a web page")]
#[case::a_portal(302, "location: http://login.example/", "answers 302 with a web page")]
#[case::a_front_end(
    400,
    "content-type: text/plain\nserver: nginx/1.2",
    "a server that calls itself `nginx/1.2` answers 400 and not in JSON"
)]
#[case::an_edge(
    522,
    "via: 1.1 edge",
    "a server that calls itself `1.1 edge` answers 522"
)]
fn what_stands_in_for_the_service_is_named(
    #[case] status: u16,
    #[case] headers: &'static str,
    #[case] said: &str,
) {
    let came = ask_later("POST", "first", &[(status, headers); 9]);
    let Err(TargetError::NotTheService(why)) = came.status else {
        panic!("{:?}", came.status);
    };
    assert!(
        why.starts_with("http://whippy.invalid: a server that "),
        "{why}"
    );
    assert!(why.contains(said), "{why}");
}

#[rstest]
#[case::a_refusal_of_this_alone(401, JSON, Ok(401))]
#[case::a_page_of_this_alone(400, PAGE, Ok(400))]
#[case::a_throttle_of_this_alone(429, JSON, Err(TargetError::Away(429)))]
#[case::a_proxy_at_times(407, PAGE, Err(TargetError::Away(407)))]
fn where_the_service_still_answers_it_is_judged(
    #[case] status: u16,
    #[case] header: &'static str,
    #[case] expected: Result<u16, TargetError>,
) {
    let often = if status == 429 { 4 } else { 1 };
    let script = vec![(status, header); often];
    let came = ask_later("POST", "first", &script);
    assert_eq!(came.status, expected);
    assert_eq!(
        came.asked.last().unwrap(),
        "GET /api/v1/stocks/ Token first"
    );
}

#[test]
fn a_target_that_throttles_for_ever_is_not_waited_for_for_ever() {
    let script = [(429, "retry-after: 60"); 64];
    let requests = [("POST", "first"); 12];
    let came = ask_all(&requests, false, &script);
    assert_eq!(
        came.waited.iter().sum::<Duration>(),
        Duration::from_secs(300)
    );
}

// From outside: the command against a mock with faults.

const TOKEN: &str = "the-token";

fn against(rules: &str, args: &[&str]) -> Ended {
    let runtime = Runtime::new().unwrap();
    let mock = MockServer::builder()
        .world("demo")
        .token(TOKEN)
        .faults(format!("{{\"seed\": 1, \"rules\": [{rules}]}}"));
    let mock = runtime.block_on(mock.start()).unwrap();
    let target = format!("--target={}", mock.url());
    let login = ["--username=someone", "--password=something"];
    let mut all = vec![args[0], &target, "--timeout=1"];
    all.extend(login.iter().chain(&args[1..]));
    Folder::new().run(&all)
}

const THROTTLED: &str = r#"{"name": "busy", "match": {"every": 7}, "fault": {"kind": "status", "status": 429, "retry_after": 0}}"#;
const GATEWAY: &str = r#"{"name": "away", "match": {"method": "GET", "every": 9}, "fault": {"kind": "status", "status": 502}, "times": 3}"#;
const LOST_WRITE: &str = r#"{"name": "lost", "match": {"operation": "create-stock", "nth": 9}, "fault": {"kind": "status", "status": 503}, "when": "after"}"#;
const EXPIRED: &str = r#"{"name": "expired", "match": {"operation": "*-stocks", "every": 25}, "fault": {"kind": "status", "status": 401}, "times": 1}"#;
const CUT: &str = r#"{"name": "cut", "match": {"operation": "list-stocks", "every": 20}, "fault": {"kind": "truncated-body", "fraction": 0.5}, "times": 1}"#;
const LOST_ANSWER: &str = r#"{"name": "lost", "match": {"operation": "*-reserved-stock", "every": 30}, "fault": {"kind": "reset"}, "when": "after", "times": 2}"#;
const SLOW: &str = r#"{"name": "slow", "match": {"operation": "list-stocks", "every": 25}, "fault": {"kind": "delay", "milliseconds": 1500}, "times": 1}"#;

// One at a time: among concurrent requests every seventh may always be the same one.
const RUN: &[&str] = &["run", "--write", "--create-places", "--jobs=1"];
const EXPLORE: &[&str] = &["explore", "--requests=600"];
const TOGETHER: &[&str] = &["explore", "--concurrent=3", "--requests=600"];
const CALIBRATE: &[&str] = &["calibrate"];

#[track_caller]
fn is_clean_and_told(command: &[&str], rules: &str, told: &str) {
    let ended = against(rules, command);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.out, ended.err);
    assert!(ended.out.contains(told), "{}\n{}", ended.out, ended.err);
}

#[rstest]
#[case::throttled(THROTTLED, "429")]
#[case::an_expired_login(EXPIRED, "new login")]
fn each_command_gets_over_it(
    #[values(RUN, EXPLORE, TOGETHER, CALIBRATE)] command: &[&str],
    #[case] rules: &str,
    #[case] told: &str,
) {
    is_clean_and_told(command, rules, told);
}

#[rstest]
#[case::a_cut_page(EXPLORE, CUT, "list-stocks got no answer")]
#[case::a_slow_page(EXPLORE, SLOW, "list-stocks got no answer")]
#[case::a_lost_answer(EXPLORE, LOST_ANSWER, "was not repeated")]
#[case::a_lost_answer_among_many(TOGETHER, LOST_ANSWER, "was not repeated")]
#[case::a_gateway(EXPLORE, GATEWAY, "502")]
#[case::a_gateway_among_many(TOGETHER, GATEWAY, "502")]
#[case::a_gateway_meanwhile(CALIBRATE, GATEWAY, "502")]
#[case::a_write_that_a_gateway_answered(EXPLORE, LOST_WRITE, "was not repeated")]
fn what_no_answer_came_to_is_told(
    #[case] command: &[&str],
    #[case] rules: &str,
    #[case] told: &str,
) {
    is_clean_and_told(command, rules, told);
}

#[rstest]
#[case::that_breaks_off(CUT, "breaks off")]
#[case::of_a_gateway(GATEWAY, "502")]
fn a_run_judges_an_answer(#[case] rules: &str, #[case] told: &str) {
    let ended = against(rules, RUN);
    assert_eq!(ended.code, Some(1), "{}\n{}", ended.out, ended.err);
    assert!(ended.out.contains(told), "{}", ended.out);
}

#[test]
fn a_token_that_is_refused_again_and_again_has_not_expired() {
    let often = EXPIRED.replace("25", "7").replace(", \"times\": 1", "");
    let ended = against(&often, RUN);
    assert_eq!(ended.code, Some(1), "{}\n{}", ended.out, ended.err);
}
