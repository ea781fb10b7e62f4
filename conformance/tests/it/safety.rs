//! The safety of a run: its permission to change a target, the ledger of its writes, and its
//! clean-up.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use rstest::rstest;
use serde_json::{Value, json};
use whippy_conformance::transport::clean_up::{Cleaned, Manner, clean_up};
use whippy_conformance::transport::guard::{Guard, Limits};
use whippy_conformance::transport::ledger::{Intent, Ledger, Outcome, Run, TouchedStock};
use whippy_conformance::transport::target::{InProcess, SeedState, Target, TargetError};
use whippy_engine::profile::Profile;

const PREFIX: &str = "run7-";
const TOKEN: &str = "Token t";

/// A target that answers everything with the same status, and keeps the requests.
#[derive(Default)]
struct Recorder {
    asked: Mutex<Vec<String>>,
    status: u16,
}

impl Recorder {
    fn answering(status: u16) -> Arc<Self> {
        Arc::new(Self {
            status,
            ..Self::default()
        })
    }

    fn answer(&self, line: String) -> Response<Bytes> {
        self.asked.lock().unwrap().push(line);
        answered(self.status, "")
    }
}

impl Target for Recorder {
    fn base(&self) -> &'static str {
        "http://whippy.example:8000/shop"
    }

    fn send(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, TargetError> {
        Ok(self.answer(format!("{} {}", request.method(), request.uri())))
    }

    fn seed(&self, _: &SeedState) -> Result<(), TargetError> {
        self.answer("seed".to_owned());
        Ok(())
    }
}

fn answered(status: u16, body: &'static str) -> Response<Bytes> {
    let response = Response::builder().status(status);
    response.body(Bytes::from_static(body.as_bytes())).unwrap()
}

fn run() -> Run {
    Run {
        id: "7".to_owned(),
        target: "http://whippy.example:8000/shop".to_owned(),
        prefix: PREFIX.to_owned(),
        started: "2023-05-10T15:15:03+03:00".to_owned(),
    }
}

fn ledger() -> Arc<Ledger> {
    Arc::new(Ledger::memory(run()))
}

fn limits() -> Limits {
    Limits {
        prefix: PREFIX.to_owned(),
        budget: 1000,
        stock_list: Some(7),
        ..Limits::default()
    }
}

fn writing(target: Arc<dyn Target>, limits: Limits) -> Guard {
    Guard::writing(target, limits, ledger()).unwrap()
}

fn ask(base: &str, method: &str, path: &str, body: impl AsRef<[u8]>) -> Request<Bytes> {
    Request::builder()
        .method(method)
        .uri(format!("{base}{path}"))
        .header("authorization", TOKEN)
        .body(Bytes::copy_from_slice(body.as_ref()))
        .unwrap()
}

/// Sends a request through a guard. An allowed one must be sent once, and a forbidden one never.
#[track_caller]
fn check(guard: &Guard, recorder: &Recorder, request: &Request<Bytes>, is_allowed: bool) {
    recorder.asked.lock().unwrap().clear();
    let answer = guard.send(request);
    let sent = recorder.asked.lock().unwrap().len();
    let body = String::from_utf8_lossy(request.body());
    let what = format!("{} {} {body}", request.method(), request.uri());
    match answer {
        Ok(_) => assert!(is_allowed && sent == 1, "{what} is sent"),
        Err(TargetError::Forbidden(why)) => {
            assert!(!is_allowed && sent == 0, "{what} is not sent: {why}");
        }
        Err(other) => panic!("{what}: {other}"),
    }
}

// A run that reads.

#[rstest]
#[case::a_list("GET", "/api/v1/stocks/?sku=500&page=2", "", true)]
#[case::a_list_whose_slash_is_missing("GET", "/api/v1/stocks", "", true)]
#[case::a_path_that_is_none("GET", "/api/v1/nothing/", "", true)]
#[case::a_head("HEAD", "/api/v1/stocks/", "", true)]
#[case::what_a_path_can_do("OPTIONS", "/api/v1/stocks/stock_query/", "", true)]
#[case::what_the_upsert_can_do("OPTIONS", "/api/v1/stocks/insert_or_update_stock/", "", false)]
#[case::a_query("GET", "/api/v1/stocks/stock_query/?sku=500", "", true)]
#[case::a_query_with_a_body("GET", "/api/v1/stocks/multi_stock_query/", r#"{"sku":["500"]}"#, true)]
#[case::a_login(
    "POST",
    "/api/v1/auth/login/",
    r#"{"username":"a","password":"b"}"#,
    true
)]
#[case::the_stock_list_of_the_user("POST", "/api/v1/active-stocks/7/", r#"{"sku":"500"}"#, true)]
#[case::a_method_that_a_reservation_lacks(
    "GET",
    "/api/v1/stocks/increase_reserved_stock/",
    "",
    true
)]
#[case::another_stock_list("POST", "/api/v1/active-stocks/8/", "", false)]
#[case::the_list_by_its_other_path("POST", "/api/v1/stocks/7/", "", false)]
#[case::a_create("POST", "/api/v1/stocks/", r#"{"sku":"run7-1"}"#, false)]
#[case::a_create_of_nothing("POST", "/api/v1/stocks/", "", false)]
#[case::a_query_by_post("POST", "/api/v1/stocks/stock_query/", "", false)]
#[case::a_place("POST", "/api/v1/providers/", "{}", false)]
#[case::a_put("PUT", "/api/v1/stocks/", "", false)]
#[case::a_patch("PATCH", "/api/v1/providers/1/", "", false)]
#[case::a_delete("DELETE", "/api/v1/stocks/", "", false)]
#[case::a_trace("TRACE", "/api/v1/stocks/", "", false)]
#[case::a_made_up_method("GETS", "/api/v1/stocks/", "", false)]
#[case::a_lower_case_method("get", "/api/v1/stocks/", "", false)]
#[case::an_upsert_by_get("GET", "/api/v1/stocks/insert_or_update_stock/", "", false)]
#[case::an_upsert_by_head("HEAD", "/api/v1/stocks/insert_or_update_stock/", "", false)]
#[case::an_upsert_without_its_slash("GET", "/api/v1/stocks/insert_or_update_stock", "", false)]
#[case::a_reservation_by_get("GET", "/api/v1/stocks/increase_reserved_stock/?sku=500", "", false)]
#[case::a_list_with_a_body("GET", "/api/v1/stocks/", "{}", false)]
#[case::a_query_by_head_with_a_body("HEAD", "/api/v1/stocks/stock_query/", "{}", false)]
#[case::a_logout("GET", "/api/v1/auth/logout/", "", false)]
#[case::a_logout_without_its_slash("GET", "/api/v1/auth/logout", "", false)]
#[case::an_override("GET", "/api/v1/stocks/?_method=DELETE", "", false)]
#[case::an_override_in_disguise("GET", "/api/v1/stocks/?%5Fmethod=DELETE", "", false)]
#[case::the_control("GET", "/__admin/state", "", false)]
#[case::the_rest_of_the_service("GET", "/admin/", "", false)]
#[case::another_version("GET", "/api/v2/stocks/", "", false)]
#[case::a_climb("GET", "/api/v1/../admin/", "", false)]
#[case::a_climb_in_disguise("GET", "/api/v1/%2e%2e/admin/", "", false)]
#[case::a_slash_in_disguise("GET", "/api/v1/stocks%2finsert_or_update_stock/", "", false)]
#[case::a_letter_in_disguise("GET", "/api/v1/stocks/insert_or_update_stoc%6b/", "", false)]
#[case::two_slashes("GET", "/api/v1//stocks/", "", false)]
#[case::two_slashes_before("GET", "//api/v1/stocks/", "", false)]
#[case::a_parameter_of_a_path("GET", "/api/v1/stocks;x=y/", "", false)]
#[case::the_top_of_the_api("GET", "/api/v1", "", false)]
fn a_run_that_reads_sends_readings_alone(
    #[case] method: &str,
    #[case] path: &str,
    #[case] body: &str,
    #[case] is_allowed: bool,
) {
    let recorder = Recorder::answering(200);
    let guard = Guard::read_only(Arc::<Recorder>::clone(&recorder), Some(7), true);
    check(
        &guard,
        &recorder,
        &ask(guard.base(), method, path, body),
        is_allowed,
    );
}

#[rstest]
#[case::without_the_prefix("http://whippy.example:8000/api/v1/stocks/")]
#[case::beside_the_prefix("http://whippy.example:8000/shopping/api/v1/stocks/")]
#[case::at_another_port("http://whippy.example:80/shop/api/v1/stocks/")]
#[case::at_a_longer_port("http://whippy.example:80001/shop/api/v1/stocks/")]
#[case::at_another_host("http://elsewhere.example:8000/shop/api/v1/stocks/")]
#[case::at_a_longer_host("http://whippy.example:8000.elsewhere.example/shop/api/v1/stocks/")]
#[case::behind_a_name("http://whippy.example:8000@elsewhere.example/shop/api/v1/stocks/")]
#[case::by_another_scheme("https://whippy.example:8000/shop/api/v1/stocks/")]
fn another_url_is_never_asked(#[case] url: &str) {
    let Ok(request) = Request::get(url).body(Bytes::new()) else {
        return;
    };
    let recorder = Recorder::answering(200);
    for guard in [
        Guard::read_only(Arc::<Recorder>::clone(&recorder), None, false),
        writing(Arc::<Recorder>::clone(&recorder), limits()),
    ] {
        check(&guard, &recorder, &request, false);
    }
}

#[rstest]
#[case::an_override("x-http-method-override", "DELETE", false)]
#[case::another_override("x-method-override", "PUT", false)]
#[case::another_path("x-original-url", "/admin/", false)]
#[case::another_host("host", "elsewhere.example", false)]
#[case::the_same_host("host", "whippy.example:8000", true)]
#[case::a_length_that_is_wrong("content-length", "5", false)]
#[case::a_length_that_is_right("content-length", "0", true)]
#[case::a_token("authorization", "Token x", true)]
fn no_header_leads_past_the_guard(
    #[case] name: HeaderName,
    #[case] value: HeaderValue,
    #[case] is_allowed: bool,
) {
    let recorder = Recorder::answering(200);
    let guard = Guard::read_only(Arc::<Recorder>::clone(&recorder), None, false);
    let mut request = ask(guard.base(), "GET", "/api/v1/stocks/", "");
    request.headers_mut().insert(name, value);
    check(&guard, &recorder, &request, is_allowed);
}

#[test]
fn a_run_that_reads_without_a_user_does_not_log_in() {
    let recorder = Arc::<Recorder>::default();
    let guard = Guard::read_only(Arc::<Recorder>::clone(&recorder), None, false);
    let user = r#"{"username":"a","password":"b"}"#;
    let login = ask(recorder.base(), "POST", "/api/v1/auth/login/", user);
    check(&guard, &recorder, &login, false);
}

#[test]
fn a_run_that_reads_does_not_seed() {
    let recorder = Recorder::answering(200);
    let guard = Guard::read_only(Arc::<Recorder>::clone(&recorder), None, false);
    let seeded = guard.seed(&seed());
    assert!(
        matches!(seeded, Err(TargetError::Forbidden(_))),
        "{seeded:?}"
    );
    assert!(recorder.asked.lock().unwrap().is_empty());
}

fn seed() -> SeedState {
    SeedState {
        world: "empty".to_owned(),
        clock: "real".to_owned(),
        profile: json!({}),
    }
}

// A run that writes.

const CREATE: &str = "/api/v1/stocks/";
const UPSERT: &str = "/api/v1/stocks/insert_or_update_stock/";
const INCREASE: &str = "/api/v1/stocks/increase_reserved_stock/";

#[rstest]
// The run's own stocks.
#[case(
    CREATE,
    r#"{"sku":"run7-1","provider":"shop_provider","location":"110","stock":5}"#,
    true
)]
#[case(CREATE, r#"{"sku":" run7-1"}"#, true)]
#[case(UPSERT, r#"[{"sku":"run7-1"},{"sku":"run7-2"}]"#, true)]
#[case(UPSERT, "sku=run7-1&stock=5", true)]
#[case(INCREASE, r#"{"sku":"run7-1","location":"110"}"#, true)]
#[case("/api/v1/stocks/increase_reserved_stock/?sku=run7-1", "", true)]
#[case("/api/v1/stocks", r#"{"sku":"run7-1"}"#, true)]
#[case("/api/v1/active-stocks/8/", r#"{"sku":"run7-1"}"#, true)]
#[case("/api/v1/active-stocks/7/", r#"{"sku":"500"}"#, true)]
#[case("/api/v1/stocks/stock_query/", r#"{"sku":"run7-1"}"#, true)]
// Bodies that name no stock at all.
#[case(CREATE, "", true)]
#[case(CREATE, "{}", true)]
#[case(CREATE, "[]", true)]
#[case(CREATE, "null", true)]
#[case(CREATE, r#"{"sku":null}"#, true)]
#[case(CREATE, r#"{"sku":""}"#, true)]
#[case(CREATE, r#"{"sku":"  "}"#, true)]
#[case(CREATE, r#"{"sku":true}"#, true)]
#[case(CREATE, r#"{"sku":{}}"#, true)]
#[case(CREATE, r#"{"sku":["#, true)]
#[case(CREATE, r#"{"sku"#, true)]
#[case(CREATE, r#"{"sku": , "stock": 1}"#, true)]
#[case(CREATE, r#"{"sku":"run7-1","provid"#, true)]
#[case(CREATE, "not json", true)]
#[case(CREATE, "\u{feff}{}", true)]
// Stocks of others.
#[case(CREATE, r#"{"sku":"REAL-1"}"#, false)]
#[case(CREATE, r#"{"sku":"run7"}"#, false)]
#[case(CREATE, r#"{"sku":"RUN7-1"}"#, false)]
#[case(CREATE, r#"{"sku":"xrun7-1"}"#, false)]
#[case(CREATE, r#"{"sku":500}"#, false)]
#[case(CREATE, r#"{"sku":5.5}"#, false)]
#[case(CREATE, r#"{"sku":["REAL-1"]}"#, false)]
#[case(CREATE, r#"{"sku":{"a":"REAL-1"}}"#, false)]
#[case(CREATE, r#"{"sku":"run7-1,REAL-1"}"#, false)]
#[case(CREATE, r#"{"sku":"run7-1","sku":"REAL-1"}"#, false)]
#[case(CREATE, r#"{"sku":"REAL-1","sku":"run7-1"}"#, false)]
#[case(CREATE, r#"{"\u0073ku":"REAL-1"}"#, false)]
#[case(CREATE, r#"{"SKU":"REAL-1"}"#, false)]
#[case(CREATE, r#"{" sku ":"REAL-1"}"#, false)]
#[case(CREATE, r#"{"data":{"sku":"REAL-1"}}"#, false)]
#[case(CREATE, r#"{"data":"{\"sku\":\"REAL-1\"}"}"#, false)]
#[case(CREATE, r#""{\"sku\":\"REAL-1\"}""#, false)]
#[case(UPSERT, r#"[{"sku":"run7-1"},{"sku":"REAL-1"}]"#, false)]
#[case(UPSERT, r#"[[{"sku":"REAL-1"}]]"#, false)]
#[case(
    "/api/v1/stocks/insert_or_update_stock/?sku=REAL-1",
    r#"{"sku":"run7-1"}"#,
    false
)]
#[case(
    "/api/v1/stocks/increase_reserved_stock/?sku=run7-1&sku=REAL-1",
    "",
    false
)]
#[case("/api/v1/stocks/increase_reserved_stock/?sku=run7-1,REAL-1", "", false)]
#[case("/api/v1/stocks/increase_reserved_stock/?%73ku=REAL-1", "", false)]
#[case("/api/v1/stocks/increase_reserved_stock/?a=b;sku=REAL-1", "", false)]
#[case("/api/v1/active-stocks/8/", r#"{"sku":"500"}"#, false)]
#[case("/api/v1/stocks/8/", r#"{"sku":"run7-1"}"#, false)]
// Stocks of others in incomplete JSON.
#[case(CREATE, r#"{"sku": "REAL-1", "provid"#, false)]
#[case(CREATE, r#"{"sku": "REAL"#, false)]
#[case(CREATE, r#"{"sku": "run7-1"}{"sku": "REAL-1"}"#, false)]
#[case(CREATE, r#"{"\u0073\u006bu": "REAL-1", "provid"#, false)]
#[case(CREATE, r#"{"sku": "\u0052EAL-1", "provid"#, false)]
#[case(CREATE, r#"{"sku": ["run7-1", "REAL-1"], "provid"#, false)]
#[case(CREATE, r#"{"sku": {"a": "REAL-1", "provid"#, false)]
#[case(CREATE, "{'sku': 'REAL-1'}", false)]
#[case(CREATE, "{sku: REAL-1}", false)]
#[case(CREATE, "sku: REAL-1\n", false)]
#[case(CREATE, r#"{"sku": 500, "provid"#, false)]
#[case(CREATE, r#"{"sku": NaN, "provid"#, false)]
#[case(CREATE, "\u{feff}{\"sku\": \"REAL-1\"}", false)]
#[case(CREATE, "<stock><sku>REAL-1</sku></stock>", false)]
#[case(
    CREATE,
    "{\0\"\0s\0k\0u\0\"\0:\0\"\0R\0E\0A\0L\0-\x001\0\"\0}\0",
    false
)]
// Stocks of others in forms, and in JSON that is also a form.
#[case(CREATE, "sku=REAL-1", false)]
#[case(CREATE, "sku=run7-1&sku=REAL-1", false)]
#[case(CREATE, "s%6Bu=REAL-1", false)]
#[case(CREATE, "+sku+=REAL-1", false)]
#[case(CREATE, r#"["a&sku=REAL-1&b"]"#, false)]
#[case(CREATE, r#"{"a&sku=REAL-1&b":null}"#, false)]
#[case(CREATE, "_content=%7B%22sku%22%3A%22REAL-1%22%7D", false)]
#[case(
    CREATE,
    "--x\r\nContent-Disposition: form-data; name=\"sku\"\r\n\r\nREAL-1\r\n--x--\r\n",
    false
)]
#[case(
    CREATE,
    "--x\r\nContent-Disposition: form-data; name=\"sku\"\r\n\r\nrun7-1\r\n--x--\r\n",
    true
)]
#[case(
    CREATE,
    "--x\nContent-Disposition: form-data; name=sku\nContent-Type: text/plain\n\nREAL-1\n--x--\n",
    false
)]
// Rows named by their ids, and detours.
#[case(CREATE, r#"{"sku":"run7-1","id":17}"#, false)]
#[case(UPSERT, r#"[{"sku":"run7-1","pk":17}]"#, false)]
#[case(CREATE, "sku=run7-1&id=17", false)]
#[case("/api/v1/stocks/?id=17", r#"{"sku":"run7-1"}"#, false)]
#[case(CREATE, r#"{"sku":"run7-1","_method":"DELETE"}"#, false)]
#[case("/api/v1/stocks/?_method=DELETE", r#"{"sku":"run7-1"}"#, false)]
// Paths to which nobody should post.
#[case("/api/v1/nothing/", r#"{"sku":"run7-1"}"#, false)]
#[case("/api/v1/providers/", "{}", false)]
#[case("/api/v1/providers/1/", "{}", false)]
#[case("/api/v1/stocks/../providers/", "{}", false)]
#[case("/__admin/reset", "{}", false)]
fn a_run_that_writes_writes_its_own_alone(
    #[case] path: &str,
    #[case] body: &str,
    #[case] is_allowed: bool,
) {
    let recorder = Recorder::answering(201);
    let guard = writing(Arc::<Recorder>::clone(&recorder), limits());
    check(
        &guard,
        &recorder,
        &ask(guard.base(), "POST", path, body),
        is_allowed,
    );
}

#[rstest]
#[case::a_reading("GET", "/api/v1/stocks/?sku=500", "", true)]
#[case::a_logout("GET", "/api/v1/auth/logout/", "", false)]
#[case::an_upsert_by_get_of_its_own("GET", UPSERT, r#"{"sku":"run7-1"}"#, true)]
#[case::an_upsert_by_get_of_others("GET", UPSERT, r#"{"sku":"REAL-1"}"#, false)]
#[case::an_upsert_by_head_of_others(
    "HEAD",
    "/api/v1/stocks/insert_or_update_stock/?sku=REAL-1",
    "",
    false
)]
#[case::a_reservation_by_get(
    "GET",
    "/api/v1/stocks/increase_reserved_stock/?sku=REAL-1",
    "",
    false
)]
#[case::a_trace("TRACE", "/api/v1/stocks/", "", true)]
#[case::a_trace_of_something("TRACE", "/api/v1/stocks/", "x", false)]
#[case::a_delete("DELETE", "/api/v1/stocks/", "", false)]
#[case::a_put("PUT", "/api/v1/stocks/", r#"{"sku":"run7-1"}"#, false)]
#[case::a_patch_of_one("PATCH", "/api/v1/stocks/17/", r#"{"sku":"run7-1"}"#, false)]
#[case::a_connect("CONNECT", "/api/v1/stocks/", "", false)]
#[case::a_made_up_method("BREW", "/api/v1/stocks/", "", false)]
fn a_run_that_writes_writes_by_post_alone(
    #[case] method: &str,
    #[case] path: &str,
    #[case] body: &str,
    #[case] is_allowed: bool,
) {
    let recorder = Recorder::answering(200);
    let guard = writing(Arc::<Recorder>::clone(&recorder), limits());
    check(
        &guard,
        &recorder,
        &ask(guard.base(), method, path, body),
        is_allowed,
    );
}

#[rstest]
#[case::of_no_operation("DELETE", "/api/v1/stocks/", "", true)]
#[case::of_no_operation_with_its_own("PUT", "/api/v1/stocks/", r#"{"sku":"run7-1"}"#, true)]
#[case::of_no_operation_with_others("PUT", "/api/v1/stocks/", r#"{"sku":"REAL-1"}"#, false)]
#[case::of_one("DELETE", "/api/v1/providers/1/", "", false)]
#[case::of_nothing("DELETE", "/api/v1/nothing/", "", false)]
fn a_mock_of_the_suites_own_may_be_asked_by_any_method(
    #[case] method: &str,
    #[case] path: &str,
    #[case] body: &str,
    #[case] is_allowed: bool,
) {
    let recorder = Recorder::answering(405);
    let methods = Limits {
        methods: true,
        ..limits()
    };
    let guard = writing(Arc::<Recorder>::clone(&recorder), methods);
    check(
        &guard,
        &recorder,
        &ask(guard.base(), method, path, body),
        is_allowed,
    );
}

#[rstest]
#[case("/api/v1/providers/", r#"{"name":"run7-p","code":"run7-p"}"#, true)]
#[case(
    "/api/v1/stock-locations/",
    r#"{"name":"run7-l","code":"run7-l","provider":1}"#,
    true
)]
#[case("/api/v1/providers/", "{}", true)]
#[case("/api/v1/providers/", r#"{"name":"run7-p","code":"shop"}"#, false)]
#[case("/api/v1/providers/", r#"{"name":"shop","code":"run7-p"}"#, false)]
#[case("/api/v1/providers/", r#"{"name":"shop","co"#, false)]
#[case("/api/v1/providers/", r#"{"name":"run7-p","id":1}"#, false)]
#[case("/api/v1/providers/1/", r#"{"name":"run7-p"}"#, false)]
fn places_are_created_where_that_is_allowed_under_the_prefix(
    #[case] path: &str,
    #[case] body: &str,
    #[case] is_allowed: bool,
) {
    let recorder = Recorder::answering(201);
    let places = Limits {
        places: true,
        ..limits()
    };
    let guard = writing(Arc::<Recorder>::clone(&recorder), places);
    check(
        &guard,
        &recorder,
        &ask(guard.base(), "POST", path, body),
        is_allowed,
    );
}

#[rstest]
#[case("content-encoding", "gzip", false)]
#[case("content-encoding", "identity", true)]
#[case("content-type", "application/json; charset=utf-16", false)]
#[case("content-type", "application/json; charset=UTF-7", false)]
#[case("content-type", "application/json; charset=\"utf-8\"", true)]
#[case("content-type", "text/plain", true)]
fn a_body_that_cannot_be_read_is_not_sent(
    #[case] name: HeaderName,
    #[case] value: HeaderValue,
    #[case] is_allowed: bool,
) {
    let recorder = Recorder::answering(400);
    let guard = writing(Arc::<Recorder>::clone(&recorder), limits());
    let mut request = ask(guard.base(), "POST", CREATE, r#"{"sku":"run7-1"}"#);
    request.headers_mut().insert(name, value);
    check(&guard, &recorder, &request, is_allowed);
}

#[rstest]
#[case("")]
#[case("ab-")]
#[case("1234567")]
#[case("run 7-")]
#[case("run7,")]
fn a_prefix_that_others_may_have_is_none(#[case] prefix: &str) {
    let limits = Limits {
        prefix: prefix.to_owned(),
        ..limits()
    };
    let guard = Guard::writing(Recorder::answering(200), limits, ledger());
    assert!(matches!(guard, Err(TargetError::Forbidden(_))));
}

#[test]
fn a_seed_needs_to_be_allowed() {
    let recorder = Recorder::answering(200);
    let guard = writing(Arc::<Recorder>::clone(&recorder), limits());
    assert!(matches!(
        guard.seed(&seed()),
        Err(TargetError::Forbidden(_))
    ));
    let guard = writing(
        Arc::<Recorder>::clone(&recorder),
        Limits {
            seeding: true,
            ..limits()
        },
    );
    guard.seed(&seed()).unwrap();
    assert_eq!(*recorder.asked.lock().unwrap(), ["seed"]);
}

#[test]
fn rows_count_against_the_budget_and_readings_do_not() {
    let recorder = Recorder::answering(200);
    let guard = writing(
        Arc::<Recorder>::clone(&recorder),
        Limits {
            budget: 5,
            ..limits()
        },
    );
    let base = guard.base();
    let rows = |count: usize| json!(vec![json!({"sku": "run7-1"}); count]).to_string();
    check(
        &guard,
        &recorder,
        &ask(base, "GET", "/api/v1/stocks/", ""),
        true,
    );
    check(&guard, &recorder, &ask(base, "POST", UPSERT, rows(3)), true);
    check(
        &guard,
        &recorder,
        &ask(base, "POST", UPSERT, rows(3)),
        false,
    );
    assert_eq!(guard.used(), 3);
    check(&guard, &recorder, &ask(base, "POST", CREATE, "{}"), true);
    check(
        &guard,
        &recorder,
        &ask(base, "POST", INCREASE, r#"{"sku":"run7-1"}"#),
        true,
    );
    assert_eq!(guard.used(), 5);
    let refused = guard.send(&ask(base, "POST", CREATE, "{}")).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "not sent: it writes 1, and of the 5 rows that this run may write 5 are written"
    );
    guard.lift_budget();
    check(&guard, &recorder, &ask(base, "POST", UPSERT, rows(9)), true);
    assert_eq!(guard.used(), 5);
}

#[test]
fn threads_do_not_overdraw_the_budget() {
    let recorder = Recorder::answering(200);
    let guard = writing(
        Arc::<Recorder>::clone(&recorder),
        Limits {
            budget: 50,
            ..limits()
        },
    );
    let create = ask(guard.base(), "POST", CREATE, r#"{"sku":"run7-1"}"#);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..25).for_each(|_| drop(guard.send(&create))));
        }
    });
    assert_eq!(
        (guard.used(), recorder.asked.lock().unwrap().len()),
        (50, 50)
    );
}

#[test]
fn a_halt_stops_writing_and_no_reading() {
    let recorder = Recorder::answering(200);
    let guard = writing(Arc::<Recorder>::clone(&recorder), limits());
    guard.halt();
    assert!(guard.is_halted());
    check(
        &guard,
        &recorder,
        &ask(guard.base(), "GET", "/api/v1/stocks/", ""),
        true,
    );
    check(
        &guard,
        &recorder,
        &ask(guard.base(), "POST", CREATE, "{}"),
        false,
    );
}

// The ledger.

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn in_folder(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("run.jsonl")
}

fn lines(path: &PathBuf) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A target that reads the ledger's file at every request.
struct Onlooker {
    path: PathBuf,
    seen: Mutex<Vec<Vec<Value>>>,
}

impl Target for Onlooker {
    fn base(&self) -> &'static str {
        "http://whippy.example"
    }

    fn send(&self, _: &Request<Bytes>) -> Result<Response<Bytes>, TargetError> {
        let mut seen = self.seen.lock().unwrap();
        seen.push(lines(&self.path));
        match seen.len() {
            1 => Ok(answered(201, "")),
            _ => Err(TargetError::Broken("it hangs up".to_owned())),
        }
    }
}

#[test]
fn a_write_is_in_the_ledger_before_it_is_sent_and_its_outcome_after() {
    let folder = folder();
    let path = in_folder(&folder);
    let secretive = Run {
        target: "http://user:hunter2@whippy.example/shop?token=hunter2".to_owned(),
        ..run()
    };
    let ledger = Arc::new(Ledger::create(&path, secretive).unwrap());
    let target = Arc::new(Onlooker {
        path: path.clone(),
        seen: Mutex::default(),
    });
    let guard = Guard::writing(
        Arc::<Onlooker>::clone(&target),
        Limits {
            places: true,
            ..limits()
        },
        Arc::clone(&ledger),
    );
    let guard = guard.unwrap();
    let stock = r#"[{"sku":"run7-1","provider":"p","location":110,"stock_type":"scheduled","period":{"lower":null}}]"#;
    guard
        .send(&ask(guard.base(), "POST", UPSERT, stock))
        .unwrap();
    let place = r#"{"name":"run7-p","code":"run7-c"}"#;
    guard
        .send(&ask(guard.base(), "POST", "/api/v1/providers/", place))
        .unwrap_err();

    let seen = target.seen.lock().unwrap();
    assert_eq!((seen[0].len(), seen[1].len()), (2, 4));
    assert_eq!(
        Value::from(lines(&path)),
        json!([
            {"ledger": 1, "run": {
                "id": "7", "target": "http://whippy.example/shop", "prefix": "run7-",
                "started": "2023-05-10T15:15:03+03:00"
            }},
            {"seq": 1, "intent": {
                "method": "POST", "path": UPSERT, "operation": "upsert-stocks",
                "rows": [{
                    "sku": "run7-1", "provider": "p", "location": "110", "stock_type": "scheduled",
                    "period": "{\"lower\":null}"
                }]
            }},
            {"seq": 1, "outcome": {"status": 201}},
            {"seq": 2, "intent": {
                "method": "POST", "path": "/api/v1/providers/", "operation": "create-provider",
                "places": [{"kind": "providers", "code": "run7-c"}]
            }},
            {"seq": 2, "outcome": "unanswered"},
        ])
    );
    let opened = Ledger::open(&path).unwrap();
    assert_eq!(opened.run(), ledger.run());
    assert_eq!(opened.touched(), ledger.touched());
    assert_eq!(opened.places(), ledger.places());
}

#[test]
fn a_ledger_never_takes_the_place_of_another() {
    let folder = folder();
    let path = in_folder(&folder);
    drop(Ledger::create(&path, run()).unwrap());
    let error = Ledger::create(&path, run()).unwrap_err().to_string();
    assert!(
        error.contains("cannot be created") && error.contains("run.jsonl"),
        "{error}"
    );
}

fn intent(sku: &str) -> Intent {
    Intent {
        method: "POST".to_owned(),
        path: CREATE.to_owned(),
        operation: "create-stock".to_owned(),
        rows: vec![TouchedStock {
            sku: sku.to_owned(),
            ..TouchedStock::default()
        }],
        places: Vec::new(),
    }
}

/// Creates a ledger of two writes with further bytes at its end.
fn with_tail(tail: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = folder();
    let path = in_folder(&folder);
    let ledger = Ledger::create(&path, run()).unwrap().without_flushing();
    for sku in ["run7-1", "run7-2"] {
        let seq = ledger.intend(intent(sku)).unwrap();
        ledger.settle(seq, Outcome::Status(201)).unwrap();
    }
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(tail).unwrap();
    (folder, path)
}

#[rstest]
#[case::nothing(b"")]
#[case::half_a_line(br#"{"seq":3,"intent":{"meth"#)]
#[case::half_a_character(&[b'{', 0xc4])]
fn a_last_line_that_was_cut_off_is_passed_over(#[case] tail: &[u8]) {
    let (_folder, path) = with_tail(tail);
    let skus = Ledger::open(&path).unwrap().touched().into_iter();
    assert_eq!(
        skus.map(|row| row.sku).collect::<Vec<_>>(),
        ["run7-1", "run7-2"]
    );
}

#[test]
fn a_last_line_that_lacks_its_end_alone_counts() {
    let whole = br#"{"seq":3,"intent":{"method":"POST","path":"/","operation":"x","rows":[{"sku":"run7-3"}]}}"#;
    let (_folder, path) = with_tail(whole);
    assert_eq!(Ledger::open(&path).unwrap().touched().len(), 3);
}

#[rstest]
#[case::prose(b"hello\n")]
#[case::half_a_line_in_the_middle(b"{\"seq\":3,\"inte\n{\"seq\":1,\"outcome\":\"unanswered\"}\n")]
#[case::a_line_too_many(b"{\"seq\":3,\"outcome\":{\"status\":201}}\n")]
#[case::a_line_too_few(
    b"{\"seq\":4,\"intent\":{\"method\":\"\",\"path\":\"\",\"operation\":\"\"}}\n"
)]
#[case::a_line_of_something_else(b"{\"seq\":1,\"outcome\":\"unanswered\",\"more\":1}\n")]
#[case::no_line(b"\n")]
fn what_is_none_of_a_ledger_is_an_error_and_stays_as_it_is(#[case] tail: &[u8]) {
    let (_folder, path) = with_tail(tail);
    let before = std::fs::read(&path).unwrap();
    let error = Ledger::open(&path).unwrap_err().to_string();
    assert!(error.starts_with("line 6 is not a ledger entry"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[rstest]
#[case::empty("", "line 1 is not a ledger entry: the file is empty")]
#[case::of_something_else(
    "{}\n",
    "line 1 is not a ledger entry: it does not say which run it is of"
)]
#[case::cut_off(
    "{\"ledger\":1,\"ru",
    "line 1 is not a ledger entry: it does not say which run it is of"
)]
#[case::of_another_version(
    "{\"ledger\":2,\"run\":{\"id\":\"\",\"target\":\"\",\"prefix\":\"\",\"started\":\"\"}}\n",
    "line 1 is not a ledger entry: format 2 is not 1, the one known here"
)]
fn a_file_that_is_no_ledger_is_refused(#[case] content: &str, #[case] said: &str) {
    let folder = folder();
    let path = in_folder(&folder);
    std::fs::write(&path, content).unwrap();
    assert_eq!(Ledger::open(&path).unwrap_err().to_string(), said);
}

#[test]
fn an_opened_ledger_leaves_its_file_alone() {
    let (_folder, path) = with_tail(b"");
    let before = std::fs::read(&path).unwrap();
    let ledger = Ledger::open(&path).unwrap();
    let seq = ledger.intend(intent("run7-3")).unwrap();
    ledger.settle(seq, Outcome::Unanswered).unwrap();
    assert_eq!(ledger.touched().len(), 3);
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

// Cleaning up.

/// Creates an engine with readings and the documented world, behind a guard.
fn engine(readings: &Value) -> Arc<InProcess> {
    let mut profile = Profile::default();
    profile.apply_json(readings).unwrap();
    Arc::new(InProcess::of_world("documented", profile).unwrap())
}

fn guarded(target: Arc<dyn Target>) -> (Guard, Arc<Ledger>) {
    let ledger = ledger();
    let limits = Limits {
        places: true,
        ..limits()
    };
    let guard = Guard::writing(target, limits, Arc::clone(&ledger)).unwrap();
    (guard, ledger)
}

#[track_caller]
fn write(guard: &Guard, path: &str, body: &Value) {
    let response = guard
        .send(&ask(guard.base(), "POST", path, body.to_string()))
        .unwrap();
    assert!(response.status().is_success(), "{:?}", response.body());
}

fn stock(sku: &str, change: &Value) -> Value {
    let mut stock = json!({"sku": sku, "provider": "shop_provider", "location": "110", "stock": 5});
    for (name, value) in change.as_object().unwrap() {
        stock[name] = value.clone();
    }
    stock
}

/// Returns every stock of a target, from all pages.
fn stocks(target: &dyn Target) -> Vec<Value> {
    let mut stocks = Vec::new();
    for number in 1.. {
        let path = format!("/api/v1/stocks/?limit=1000&page={number}");
        let page = target.send(&ask(target.base(), "GET", &path, "")).unwrap();
        let page: Value = serde_json::from_slice(page.body()).unwrap();
        stocks.extend(page["results"].as_array().unwrap().iter().cloned());
        if page["next"].is_null() {
            break;
        }
    }
    stocks
}

fn is_of_the_run(stock: &Value) -> bool {
    stock["sku"].as_str().unwrap().starts_with(PREFIX)
}

/// Returns SKU, stock, reserved and active of every stock of the run.
fn of_the_run(target: &dyn Target) -> Vec<(String, i64, i64, bool)> {
    let stocks = stocks(target).into_iter().filter(is_of_the_run);
    stocks
        .map(|stock| {
            let number = |name: &str| stock[name].as_i64().unwrap();
            let sku = stock["sku"].as_str().unwrap().to_owned();
            let is_active = stock["is_active"].as_bool().unwrap();
            (sku, number("stock"), number("reserved_stock"), is_active)
        })
        .collect()
}

/// Returns every stock that is not the run's.
fn of_others(target: &dyn Target) -> Vec<Value> {
    let stocks = stocks(target).into_iter();
    stocks.filter(|stock| !is_of_the_run(stock)).collect()
}

fn manner() -> Manner {
    Manner {
        authorization: Some(HeaderValue::from_static(TOKEN)),
        ..Manner::default()
    }
}

#[rstest]
#[case::as_usual(json!({}), false)]
#[case::floor(json!({"decrease-at-zero": "floor"}), false)]
#[case::negative(json!({"decrease-at-zero": "negative"}), false)]
#[case::arguments_in_the_body(json!({"reservation-arguments": "body"}), false)]
#[case::arguments_in_the_query(json!({"reservation-arguments": "query"}), true)]
#[case::stale_dates(json!({"already-reported": "stale-date"}), false)]
#[case::the_last_row(json!({"reservation-row": "last"}), false)]
#[case::one_stock_a_place(json!({"stock-identity": "place"}), false)]
#[case::small_pages(json!({"page-size": 1, "page-limit": 1}), false)]
#[case::refusals_by_sku(json!({"upsert-refusal": "per-sku"}), false)]
fn a_clean_up_leaves_nothing_that_anybody_could_sell(
    #[case] readings: Value,
    #[case] reservation_in_query: bool,
) {
    let engine = engine(&readings);
    let before = of_others(&*engine);
    let (guard, ledger) = guarded(Arc::<InProcess>::clone(&engine));
    write(
        &guard,
        CREATE,
        &stock("run7-plain", &json!({"is_active": true})),
    );
    write(
        &guard,
        CREATE,
        &stock("run7-quiet", &json!({"stock": 0, "is_active": false})),
    );
    write(
        &guard,
        CREATE,
        &stock("run7-reserved", &json!({"reserved_stock": 3})),
    );
    write(
        &guard,
        CREATE,
        &stock("run7-negative", &json!({"reserved_stock": -2, "stock": -7})),
    );
    write(
        &guard,
        CREATE,
        &stock("run7-heap", &json!({"reserved_stock": 2_000_000_000})),
    );
    write(
        &guard,
        UPSERT,
        &json!([
            stock("run7-two", &json!({"location": "110", "reserved_stock": 1})),
            stock("run7-two", &json!({"location": "112", "reserved_stock": 2})),
        ]),
    );
    write(
        &guard,
        CREATE,
        &stock(
            "run7-dated",
            &json!({
                "period": {"lower": "2023-01-01", "upper": "2024-01-01", "bounds": "[)"},
                "stock_type": "scheduled",
                "reserved_stock": 1,
            }),
        ),
    );
    if readings.get("stock-identity").is_none() {
        write(
            &guard,
            CREATE,
            &stock("run7-dated", &json!({"reserved_stock": 2})),
        );
    }
    // A refused create, so that this stock never exists.
    let refused = stock("run7-never", &json!({"location": "900"}));
    let refused = guard.send(&ask(guard.base(), "POST", CREATE, refused.to_string()));
    assert_eq!(refused.unwrap().status(), 400);

    let rows = of_the_run(&*engine).len();
    let manner = Manner {
        reservation_in_query,
        ..manner()
    };
    let report = clean_up(&guard, &ledger, &manner);
    let loud: Vec<_> = of_the_run(&*engine)
        .into_iter()
        .filter(|(_, stock, reserved, is_active)| (*stock, *reserved, *is_active) != (0, 0, false))
        .collect();
    assert!(loud.is_empty(), "{loud:?}");
    assert!(report.left.is_empty(), "{report:?}");
    assert_eq!((report.neutralised, report.already_neutral), (rows - 1, 2));
    assert_eq!(of_others(&*engine), before);
    assert!(!guard.is_halted());

    let again = clean_up(&guard, &ledger, &manner);
    assert_eq!(
        (again.neutralised, again.already_neutral, again.left.len()),
        (0, rows + 1, 0)
    );
}

#[test]
fn more_than_one_array_is_cleaned_up_beyond_the_budget() {
    let engine = engine(&json!({}));
    let ledger = ledger();
    let limits = Limits {
        budget: 250,
        ..limits()
    };
    let guard = Guard::writing(
        Arc::<InProcess>::clone(&engine),
        limits,
        Arc::clone(&ledger),
    );
    let guard = guard.unwrap();
    let rows: Vec<_> = (0..250)
        .map(|at| stock(&format!("run7-{at}"), &json!({})))
        .collect();
    write(&guard, UPSERT, &rows.into());
    let report = clean_up(&guard, &ledger, &manner());
    assert_eq!((report.neutralised, report.left.len()), (250, 0));
    assert_eq!(guard.used(), 250);
}

#[test]
fn a_place_stays_and_is_named() {
    let (guard, ledger) = guarded(engine(&json!({})));
    write(
        &guard,
        "/api/v1/providers/",
        &json!({"name": "run7-p", "code": "run7-c"}),
    );
    let report = clean_up(&guard, &ledger, &manner());
    let left: Vec<_> = report.left.iter().map(ToString::to_string).collect();
    assert_eq!(
        left,
        ["run7-c: it stays, as the API deletes none of its providers"]
    );
}

/// The fate of a request that does not reach the engine.
enum Fate {
    Answered(u16, &'static str),
    Lost,
}

/// Decides the fate of a request; `None`: it reaches the engine.
type Judge = fn(&Request<Bytes>) -> Option<Fate>;

/// An engine that loses some requests, from some moment on.
struct Failing {
    engine: Arc<InProcess>,
    instead: Judge,
    left: AtomicUsize,
    written: AtomicUsize,
}

impl Failing {
    /// Lets `instead` decide after this many writes have reached the engine.
    fn after(engine: &Arc<InProcess>, writes: usize, instead: Judge) -> Arc<Self> {
        Arc::new(Self {
            engine: Arc::clone(engine),
            instead,
            left: AtomicUsize::new(writes),
            written: AtomicUsize::new(0),
        })
    }
}

impl Target for Failing {
    fn base(&self) -> &str {
        self.engine.base()
    }

    fn send(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, TargetError> {
        if self.left.load(Ordering::SeqCst) == 0
            && let Some(fate) = (self.instead)(request)
        {
            return match fate {
                Fate::Answered(status, body) => Ok(answered(status, body)),
                Fate::Lost => Err(TargetError::Broken("it hangs up".to_owned())),
            };
        }
        if request.method() == "POST" {
            self.written.fetch_add(1, Ordering::SeqCst);
            let _ = self
                .left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        }
        self.engine.send(request)
    }
}

/// Cleans up 150 stocks that need it, and lets `instead` decide after this many writes. Returns the
/// result, the number of writes that reached the engine, and `true` if the guard stopped.
fn failing_clean_up(writes: usize, instead: Judge) -> (Cleaned, usize, bool) {
    let engine = engine(&json!({}));
    let (guard, ledger) = guarded(Arc::<InProcess>::clone(&engine));
    let rows: Vec<_> = (0..150)
        .map(|at| stock(&format!("run7-{at}"), &json!({})))
        .collect();
    write(&guard, UPSERT, &rows.into());
    let failing = Failing::after(&engine, writes, instead);
    let guard = Guard::writing(
        Arc::<Failing>::clone(&failing),
        limits(),
        Arc::clone(&ledger),
    );
    let guard = guard.unwrap();
    let report = clean_up(&guard, &ledger, &manner());
    let loud = of_the_run(&*engine)
        .into_iter()
        .filter(|(_, stock, ..)| *stock != 0)
        .count();
    assert_eq!(
        report.neutralised + report.already_neutral + report.left.len(),
        150
    );
    assert!(
        report.left.len() >= loud,
        "{} left, {loud} loud",
        report.left.len()
    );
    (
        report,
        failing.written.load(Ordering::SeqCst),
        guard.is_halted(),
    )
}

fn is_post(request: &Request<Bytes>) -> bool {
    request.method() == "POST"
}

#[rstest]
#[case::a_refusal(|r: &Request<Bytes>| is_post(r).then_some(Fate::Answered(400, "")), "the upsert is answered with 400")]
#[case::a_failure(|r: &Request<Bytes>| is_post(r).then_some(Fate::Answered(500, "")), "the upsert is answered with 500")]
#[case::a_lost_answer(|r: &Request<Bytes>| is_post(r).then_some(Fate::Lost), "it hangs up")]
fn writing_stops_where_a_write_fails(#[case] instead: Judge, #[case] said: &str) {
    let (report, written, is_halted) = failing_clean_up(1, instead);
    assert_eq!(
        (report.neutralised, report.left.len(), written),
        (100, 50, 1)
    );
    assert!(is_halted);
    assert!(
        report.left.iter().all(|left| left.why.contains(said)),
        "{:?}",
        report.left[0]
    );
    let first = report.left[0].to_string();
    assert!(
        first.starts_with("run7-100, provider shop_provider, location 110: it has stock 5"),
        "{first}"
    );
}

#[test]
fn writing_stops_where_a_list_fails() {
    let (report, written, is_halted) = failing_clean_up(0, |_| Some(Fate::Answered(503, "")));
    assert_eq!((report.left.len(), written, is_halted), (150, 0, true));
    let first = report.left[0].to_string();
    assert_eq!(
        first,
        "run7-0: it was not looked at: the list of its stocks is answered with 503"
    );
}

#[test]
fn an_upsert_that_does_nothing_is_found_out() {
    let (report, ..) = failing_clean_up(0, |r: &Request<Bytes>| {
        is_post(r).then_some(Fate::Answered(200, ""))
    });
    assert_eq!((report.neutralised, report.left.len()), (0, 150));
    assert_eq!(
        report.left[0].why,
        "it has stock 5, reserved 0, active: the upsert is answered with 200"
    );
}

#[test]
fn a_decrease_that_decreases_nothing_is_not_asked_for_ever() {
    let engine = engine(&json!({}));
    let (guard, ledger) = guarded(Arc::<InProcess>::clone(&engine));
    let reserved = stock("run7-1", &json!({"reserved_stock": 3}));
    write(&guard, CREATE, &reserved);
    let id = stocks(&*engine).last().unwrap()["id"].clone();
    assert_eq!(id, 8);
    let failing = Failing::after(&engine, 0, |request| {
        let is_decrease = request.uri().path().contains("decrease");
        is_decrease.then_some(Fate::Answered(201, r#"{"id": 8, "reserved_stock": 3}"#))
    });
    let guard = Guard::writing(failing, limits(), Arc::clone(&ledger)).unwrap();
    let report = clean_up(&guard, &ledger, &manner());
    assert_eq!((report.neutralised, report.left.len()), (1, 0));
    assert_eq!(of_the_run(&*engine), [("run7-1".to_owned(), 0, 0, false)]);
}

/// An engine whose list ignores every filter.
struct Deaf(Arc<InProcess>);

impl Target for Deaf {
    fn base(&self) -> &str {
        self.0.base()
    }

    fn send(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, TargetError> {
        let everything = ask(self.base(), "GET", "/api/v1/stocks/?limit=1000", "");
        self.0.send(if is_post(request) {
            request
        } else {
            &everything
        })
    }
}

/// Counts the requests that reach a target.
struct Counting {
    target: Arc<dyn Target>,
    asked: AtomicUsize,
}

impl Target for Counting {
    fn base(&self) -> &str {
        self.target.base()
    }

    fn send(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, TargetError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.target.send(request)
    }
}

/// Returns the number of requests in a clean-up of 300 stocks, 50 of which were never created.
fn requests_of_a_clean_up(target: Arc<dyn Target>) -> usize {
    let counting = Arc::new(Counting {
        target,
        asked: AtomicUsize::new(0),
    });
    let (guard, ledger) = guarded(Arc::<Counting>::clone(&counting));
    let rows: Vec<_> = (0..250)
        .map(|at| stock(&format!("run7-{at}"), &json!({})))
        .collect();
    write(&guard, UPSERT, &rows.into());
    for at in 0..50 {
        let refused = stock(&format!("run7-never-{at}"), &json!({"location": "900"}));
        let refused = guard.send(&ask(guard.base(), "POST", CREATE, refused.to_string()));
        assert_eq!(refused.unwrap().status(), 400);
    }
    counting.asked.store(0, Ordering::SeqCst);
    let report = clean_up(&guard, &ledger, &manner());
    assert_eq!(
        (
            report.neutralised,
            report.already_neutral,
            report.left.len()
        ),
        (250, 50, 0)
    );
    counting.asked.load(Ordering::SeqCst)
}

#[test]
fn a_clean_up_looks_for_many_stocks_at_once() {
    // The first stock and the list, before and after, and three upserts.
    assert_eq!(requests_of_a_clean_up(engine(&json!({}))), 7);
}

#[test]
fn a_clean_up_reads_the_whole_list_twice_where_the_filter_is_not_heard() {
    let deaf = Arc::new(Deaf(engine(&json!({}))));
    let asked = requests_of_a_clean_up(deaf);
    assert!(asked <= 12, "{asked}");
}

#[test]
fn a_filter_that_is_not_heard_leads_nowhere_near_others() {
    let engine = engine(&json!({}));
    let before = of_others(&*engine);
    let (guard, ledger) = guarded(Arc::<InProcess>::clone(&engine));
    write(&guard, CREATE, &stock("run7-1", &json!({})));
    let deaf = Arc::new(Deaf(Arc::clone(&engine)));
    let guard = Guard::writing(deaf, limits(), Arc::clone(&ledger)).unwrap();
    let report = clean_up(&guard, &ledger, &manner());
    assert_eq!((report.neutralised, report.left.len()), (1, 0));
    assert_eq!(of_others(&*engine), before);
}
