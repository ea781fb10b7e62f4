//! `check-har`: archives in the forms that real programs write.

use std::io::Write as _;

use rstest::rstest;
use serde_json::{Value, json};
use whippy_conformance::model::outcome::{Outcome, Report};

use crate::process::{Ended, Folder, Mock};

/// Returns an entry as browsers write it.
fn entry(method: &str, url: &str, status: u16, body: &str) -> Value {
    let stack = [
        ("content-type", "application/json"),
        ("allow", "GET, POST, HEAD, OPTIONS"),
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("vary", "Accept"),
    ];
    let headers: Vec<_> = stack
        .iter()
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    json!({
        "startedDateTime": "2026-01-02T03:04:05.678Z",
        "time": 12.5,
        "request": {
            "method": method, "url": url, "httpVersion": "HTTP/2", "cookies": [],
            "headers": [
                {"name": ":authority", "value": "stock.example"},
                {"name": ":method", "value": method},
                {"name": "accept", "value": "application/json"},
            ],
            "queryString": [], "headersSize": -1, "bodySize": 0,
        },
        "response": {
            "status": status, "statusText": "", "httpVersion": "HTTP/2", "cookies": [],
            "headers": headers,
            "content": {"size": body.len(), "mimeType": "application/json", "text": body},
            "redirectURL": "", "headersSize": -1, "bodySize": -1,
        },
        "cache": {}, "timings": {"send": 0, "wait": 1, "receive": 0},
    })
}

const LIST: &str = "https://stock.example/api/v1/stocks/?limit=1000";
const PAGE: &str = r#"{"count":0,"next":null,"previous":null,"results":[]}"#;

fn list() -> Value {
    entry("GET", LIST, 200, PAGE)
}

fn archive(entries: &[Value]) -> String {
    json!({"log": {"version": "1.2", "creator": {"name": "a", "version": "1"}, "entries": entries}})
        .to_string()
}

#[track_caller]
fn check(text: &str, args: &[&str]) -> (Ended, Option<Report>) {
    let folder = Folder::new();
    folder.file("a.har", text);
    let args = [&["check-har", "--report=json=report.json", "a.har"], args].concat();
    let ended = folder.run(&args);
    let report = folder.names().contains(&"report.json".to_owned());
    let report = report.then(|| serde_json::from_str(&folder.read("report.json")).unwrap());
    (ended, report)
}

/// Judges an archive: the findings about the service, the lines about other things, and the exit
/// code.
#[track_caller]
fn judged(entries: &[Value], args: &[&str]) -> (Vec<String>, Vec<String>, u8) {
    let (ended, report) = check(&archive(entries), args);
    let report = report.unwrap_or_else(|| panic!("{ended:#?}"));
    let of = |family: &'static str| {
        report
            .checks
            .iter()
            .filter(move |check| check.section() == family)
    };
    let found = of("service")
        .flat_map(|c| c.findings.iter().map(|f| f.summary.clone()))
        .collect();
    let told = of("traffic").filter_map(|c| c.reason.clone()).collect();
    (found, told, report.exit_code)
}

const NONE: [&str; 0] = [];

#[test]
fn sound_traffic_is_clean_and_what_is_of_others_is_passed_over() {
    let other = entry("GET", "https://cdn.example/app.js", 200, "x");
    let page = entry("GET", "https://stock.example/index.html", 200, "x");
    let own = entry("GET", "chrome-extension://abc/x.js", 200, "x");
    let (found, told, code) = judged(&[list(), other, page, own], &[]);
    assert_eq!((found.as_slice(), code), (&[][..], 0));
    assert_eq!(
        told,
        ["2 of other hosts or paths, 1 of paths that the contract does not have"]
    );
}

#[test]
fn a_fault_of_the_service_is_found_as_it_is_live() {
    let wrong = entry(
        "GET",
        LIST,
        200,
        r#"{"count":"0","next":null,"previous":null,"results":[]}"#,
    );
    let teapot = entry("GET", LIST, 418, "{}");
    let (found, _, code) = judged(&[wrong, teapot], &[]);
    assert_eq!(code, 1);
    assert_eq!(
        found[0],
        "list-stocks 200: the body at /count: \"0\" is not of type \"integer\""
    );
    assert!(
        found[1].starts_with("list-stocks answered 418"),
        "{}",
        found[1]
    );
}

#[test]
fn a_mistake_of_the_client_is_found_as_it_is_live() {
    let url = "https://stock.example/api/v1/stocks/?stock_gt=4&limit=1000";
    let (ended, report) = check(
        &archive(&[entry("GET", url, 200, PAGE)]),
        &["--fail-on=warning"],
    );
    let report = report.unwrap();
    assert_eq!(ended.code, Some(1));
    let found = report
        .checks
        .iter()
        .find(|check| check.id == "client/unknown-parameter")
        .unwrap();
    assert_eq!(found.outcome, Outcome::Fail);
    assert_eq!(found.findings[0].exchanges[0].url, url);
}

/// Changes one member of an entry.
fn with(mut entry: Value, at: &str, value: Value) -> Value {
    let (parent, name) = at.rsplit_once('/').unwrap();
    let parent = entry.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    if value.is_null() {
        parent.remove(name);
    } else {
        parent.insert(name.to_owned(), value);
    }
    entry
}

const GONE: Value = Value::Null;

#[rstest]
#[case::body_left_out(
    with(list(), "/response/content/text", GONE),
    Some("an answer with a body that the archive does not have")
)]
#[case::body_empty_but_announced(with(list(), "/response/content/text", json!("")), Some("an answer with a body that the archive does not have"))]
#[case::size_unknown(with(with(list(), "/response/content/text", GONE), "/response/content/size", json!(-1)), Some("an answer with a body that the archive does not have"))]
#[case::body_cut(with(list(), "/response/content/text", json!("{\"count\":0")), Some("an answer with a body of which the archive has a part"))]
#[case::base64(with(with(list(), "/response/content/text", json!("eyJjb3VudCI6MCwibmV4dCI6bnVsbCwicHJldmlvdXMiOm51bGwsInJlc3VsdHMiOltdfQ==")), "/response/content/encoding", json!("base64")), None)]
#[case::packed_on_the_wire(list(), None)]
#[case::no_headers(with(list(), "/response/headers", json!([])), None)]
#[case::headers_missing(with(list(), "/response/headers", GONE), None)]
#[case::no_time(with(list(), "/startedDateTime", GONE), None)]
#[case::nanoseconds(with(list(), "/startedDateTime", json!("2026-01-02T03:04:05.123456789+03:00")), None)]
#[case::head(with(with(with(list(), "/request/method", json!("HEAD")), "/response/content/text", GONE), "/response/content/size", json!(0)), None)]
#[case::not_modified(with(with(with(list(), "/request/headers", json!([{"name": "If-None-Match", "value": "x"}])), "/response/status", json!(304)), "/response/content/text", GONE), Some("an answer to a conditional request"))]
#[case::not_modified_behind_a_cache(with(with(list(), "/response/status", json!(304)), "/response/content/text", json!("{}")), Some("an answer to a conditional request"))]
#[case::firewall(with(with(with(list(), "/response/status", json!(403)), "/response/content/text", json!("<html>Attention Required")), "/response/headers", json!([{"name": "server", "value": "cloudflare"}, {"name": "content-type", "value": "text/html"}])), Some("answered by status: 403"))]
#[case::preflight(with(with(with(list(), "/request/method", json!("OPTIONS")), "/request/headers", json!([{"name": "Access-Control-Request-Method", "value": "GET"}])), "/response/content/text", GONE), Some("a browser's question before a request"))]
#[case::gateway(with(list(), "/response/status", json!(502)), Some("answered by status: 502"))]
#[case::aborted(with(list(), "/response/status", json!(0)), Some("no answer, as the archive has it"))]
#[case::no_answer(
    with(list(), "/response", GONE),
    Some("a request of which the archive has no answer")
)]
#[case::no_status(
    with(list(), "/response/status", GONE),
    Some("a request of which the archive has no answer")
)]
#[case::body_on_the_wire(with(with(with(list(), "/response/content", json!({"size": 0, "mimeType": "application/json"})), "/response/bodySize", json!(52)), "/response/headers", json!([])), Some("an answer with a body that the archive does not have"))]
#[case::base64_that_is_none(with(list(), "/response/content/encoding", json!("base64")), None)]
#[case::base64_that_is_cut(with(with(list(), "/response/content/encoding", json!("base64")), "/response/content/text", json!("eyJjb3V")), Some("an answer with a body whose base64 cannot be read"))]
#[case::typed_url(with(list(), "/request/url", json!("https://stock.example/api/v1/stocks/?sku=a b")), None)]
#[case::default_port(with(list(), "/request/url", json!("https://stock.example:443/api/v1/stocks/?limit=1000")), None)]
fn what_an_archive_leaves_out_is_no_alarm(#[case] entry: Value, #[case] said: Option<&str>) {
    // Headers as they were on the wire, while the archive has the body unpacked.
    let mut entry = entry;
    if let Some(headers) = entry["response"]["headers"].as_array_mut()
        && !headers.is_empty()
    {
        headers.push(json!({"name": "Content-Encoding", "value": "br"}));
    }
    let (found, told, code) = judged(&[list(), entry], &[]);
    assert_eq!(found, NONE);
    assert_eq!(code, 0, "{told:?}");
    match said {
        Some(said) => assert!(told.iter().any(|told| told.contains(said)), "{told:?}"),
        None => assert_eq!(told, NONE),
    }
}

#[rstest]
#[case::not_kept(json!({"mimeType": "application/json"}), 20, "a request with a body that the archive does not have")]
#[case::of_a_form(json!({"mimeType": "application/x-www-form-urlencoded", "params": [{"name": "a", "value": "b"}]}), -1, "a request with a body that the archive does not have")]
#[case::cut(json!({"mimeType": "application/json", "text": "{\"sku\""}), 20, "a request with a body of which the archive has a part")]
fn a_body_that_was_not_kept_is_no_mistake_of_the_client(
    #[case] data: Value,
    #[case] size: i64,
    #[case] said: &str,
) {
    let refused = r#"{"stock":["This field is required."]}"#;
    let entry = entry("POST", "https://stock.example/api/v1/stocks/", 400, refused);
    let entry = with(
        with(entry, "/request/postData", data),
        "/request/bodySize",
        json!(size),
    );
    // A repetition would be a mistake of the client, if it were known to be one.
    let (ended, report) = check(&archive(&[entry.clone(), entry]), &["--fail-on=note"]);
    let report = report.unwrap();
    assert_eq!(ended.code, Some(0), "{:#?}", report.checks);
    let told: Vec<_> = report
        .checks
        .iter()
        .filter_map(|check| check.reason.clone())
        .collect();
    assert!(told.iter().any(|told| told.contains(said)), "{told:?}");
}

#[test]
fn the_same_request_with_its_body_is_a_mistake() {
    let refused = r#"{"stock":["This field is required."]}"#;
    let sent = entry("POST", "https://stock.example/api/v1/stocks/", 400, refused);
    let data = json!({"mimeType": "application/json", "text": "{\"sku\":\"5\"}"});
    let sent = with(sent, "/request/postData", data);
    let sent = with(
        sent,
        "/request/headers",
        json!([{"name": "Content-Type", "value": "application/json"}]),
    );
    let (ended, _) = check(&archive(&[sent.clone(), sent]), &["--fail-on=warning"]);
    assert_eq!(ended.code, Some(1), "{}", ended.out);
    assert!(
        ended.out.contains("client/repeated-bad-request"),
        "{}",
        ended.out
    );
}

#[rstest]
#[case::no_json("{", "a.har: no JSON: EOF while parsing an object at line 1 column 1")]
#[case::other_json("[]", "a.har: no HTTP archive: there is no array `log.entries`")]
#[case::no_method(&archive(&[with(list(), "/request/method", json!(5))]), "a.har: log.entries[0].request.method: it is no text")]
#[case::no_status(&archive(&[with(list(), "/response/status", json!("OK"))]), "a.har: log.entries[0].response.status: it is no number")]
fn a_broken_archive_is_2_and_a_line_with_the_place(#[case] text: &str, #[case] said: &str) {
    let err = check(text, &[]).0.expect(2);
    assert_eq!(err, format!("whippy-conformance: {said}\n"));
}

#[test]
fn a_body_that_is_shorter_than_its_length_was_cut() {
    let cut = with(
        list(),
        "/response/content",
        json!({"text": "{\"count\":0", "size": 10}),
    );
    let mut cut = cut;
    let headers = cut["response"]["headers"].as_array_mut().unwrap();
    headers.push(json!({"name": "Content-Length", "value": "52"}));
    let (found, told, code) = judged(&[list(), cut], &[]);
    assert_eq!(found, NONE);
    assert_eq!(code, 0, "{told:?}");
}

/// Entries of other hosts may be malformed, as careless programs write them.
#[rstest]
#[case::no_url("/request/url", json!("http://a b"))]
#[case::a_space("/request/url", json!("https://cdn.example/a b.png"))]
#[case::a_status_in_words("/response/status", json!("error"))]
#[case::no_answer("/response", GONE)]
#[case::no_method("/request/method", json!(5))]
#[case::no_headers("/request/headers", json!("x"))]
#[case::no_base64("/response/content", json!({"text": "<a>", "encoding": "base64"}))]
fn what_cannot_be_read_of_others_is_counted(#[case] at: &str, #[case] value: Value) {
    let other = entry("GET", "https://cdn.example/x.js", 200, "abc");
    let (ended, report) = check(&archive(&[with(other, at, value), list()]), &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let checks = report.unwrap().checks;
    let reasons = checks.iter().filter_map(|check| check.reason.as_deref());
    let told: Vec<_> = reasons.collect();
    assert_eq!(told, ["1 of other hosts or paths"]);
}

#[test]
fn what_is_nested_deep_beside_the_exchange_is_passed_over() {
    let text = archive(&[list()]);
    let deep = format!(
        "{{\"_initiator\": {}{}, \"startedDateTime\"",
        "[".repeat(5000),
        "]".repeat(5000)
    );
    let text = text.replacen("{\"startedDateTime\"", &deep, 1);
    assert!(text.contains("_initiator"), "{text}");
    let (ended, _) = check(&text, &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
}

#[test]
fn an_archive_that_gzip_has_packed_is_opened() {
    let folder = Folder::new();
    let file = std::fs::File::create(folder.path("a.har.gz")).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::default());
    gzip.write_all(archive(&[list()]).as_bytes()).unwrap();
    gzip.finish().unwrap();
    let ended = folder.run(&["check-har", "a.har.gz"]);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.out, ended.err);
    assert!(ended.out.contains("list-stocks"), "{}", ended.out);
}

#[test]
fn an_archive_in_a_zip_is_opened_with_its_bodies() {
    let mut entry = list();
    let text = entry["response"]["content"]["text"].take();
    entry["response"]["content"]["_file"] = json!("body.json");
    entry["response"]["content"]
        .as_object_mut()
        .unwrap()
        .remove("text");
    let folder = Folder::new();
    let mut zip = zip::ZipWriter::new(std::fs::File::create(folder.path("a.har.zip")).unwrap());
    for (name, text) in [
        ("har.har", archive(&[entry])),
        ("body.json", text.as_str().unwrap().to_owned()),
    ] {
        zip.start_file(name, zip::write::SimpleFileOptions::default())
            .unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap();
    let ended = folder.run(&["check-har", "a.har.zip"]);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.out, ended.err);
    assert!(!ended.out.contains("not judged"), "{}", ended.out);
}

#[test]
fn of_several_hosts_one_is_to_be_chosen() {
    let other = entry(
        "GET",
        "http://other.example:81/shop/api/v1/stocks/?limit=1000",
        418,
        "{}",
    );
    let both = archive(&[list(), other]);
    let err = check(&both, &[]).0.expect(2);
    assert!(err.contains("/api/v1/ is asked for at 2 hosts: choose with --upstream one of https://stock.example, http://other.example:81"), "{err}");
    assert_eq!(
        check(&both, &["--upstream=https://stock.example"]).0.code,
        Some(0)
    );
    let (ended, report) = check(&both, &["--upstream=http://other.example:81/shop"]);
    assert_eq!(ended.code, Some(1), "{}", ended.out);
    assert!(
        report
            .unwrap()
            .target
            .starts_with("http://other.example:81/shop")
    );
}

#[test]
fn an_archive_without_the_api_is_4() {
    let (ended, report) = check(
        &archive(&[entry("GET", "https://cdn.example/x", 200, "x")]),
        &[],
    );
    assert_eq!(ended.code, Some(4), "{}", ended.out);
    assert!(
        report
            .unwrap()
            .verdict
            .contains("no request of the API went by")
    );
}

#[test]
fn the_mocks_own_archive_is_judged() {
    let mock = Mock::of_world("demo");
    mock.get("/api/v1/stocks/?limit=1000&page=1");
    mock.get("/api/v1/providers/");
    let text = mock.get("/__admin/requests/har").to_string();
    let (ended, report) = check(&text, &[]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    let report = report.unwrap();
    let service: u64 = report
        .checks
        .iter()
        .filter(|c| c.section() == "service")
        .map(|c| c.requests)
        .sum();
    assert_eq!(service, 2);
    // The list is longer than the part of a body that a journal keeps.
    let told: Vec<_> = report
        .checks
        .iter()
        .filter_map(|check| check.reason.clone())
        .collect();
    assert!(
        told.iter()
            .any(|told| told.contains("a body of which the archive has a part")),
        "{told:?}"
    );
}
