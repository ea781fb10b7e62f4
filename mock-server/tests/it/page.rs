//! The live page on the wire: its files, the redirect to it, and the admin paths that it uses. The
//! page itself is tested in a browser, by `mock-server/ui/test/run`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Command;

use rstest::rstest;
use rustix::fs::{Mode, OFlags, open};
use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::{Value, json};
use whippy_mock::admin;

use crate::requests::STOCKS;
use crate::support::{Mock, get, message, stock};

const PAGE: &str = "/__admin/";
const BROWSER: [&str; 2] = ["Accept: text/html,*/*;q=0.8", "Sec-Fetch-Mode: navigate"];
const UPSERT: &str = "/api/v1/stocks/insert_or_update_stock/";

fn put(path: &str, body: &Value) -> String {
    message(&format!("PUT {path}"), &[], &body.to_string())
}

/// Returns the answer to a question about the default world.
#[track_caller]
fn ask(mock: &Mock, question: &Value) -> Value {
    let answer = mock.post("/__admin/worlds/default/ask", question);
    answer.expect(200).json()
}

fn set_stock(stock: i32) -> Value {
    json!({"sku": "555AB1300456213004", "provider": "shop_provider", "location": "110", "stock": stock})
}

// The redirect to the page.

#[rstest]
#[case("/")]
#[case("/__admin")]
fn a_browser_is_led_to_the_page(#[case] path: &str) {
    let mock = Mock::start(&[]);
    let answer = mock
        .ask(message(&format!("GET {path}"), &BROWSER, ""))
        .expect(303);
    assert_eq!(answer.header("location"), PAGE);
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[rstest]
#[case::a_client("GET /", &["Accept: application/json"])]
#[case::of_anything("GET /", &["Accept: */*"])]
#[case::of_html_that_is_no_browser("GET /", &["Accept: text/html"])]
#[case::a_script_of_a_browser("GET /", &["Accept: text/html", "Sec-Fetch-Mode: cors"])]
#[case::a_form_of_a_browser("POST /", &BROWSER)]
fn a_client_that_asks_for_the_root_gets_what_the_stack_answers(
    #[case] start: &str,
    #[case] lines: &[&str],
) {
    let mock = Mock::start(&[]);
    let answer = mock.ask(message(start, lines, "")).expect(404);
    // To the stack every unknown path is the same.
    let elsewhere = start.replace(" /", " /elsewhere/");
    let as_elsewhere = mock.ask(message(&elsewhere, lines, "")).expect(404);
    assert_eq!(answer.text(), as_elsewhere.text());
    let heads = [&answer, &as_elsewhere].map(|answer| {
        let mut head = answer.headers.clone();
        head.remove("date");
        head
    });
    assert_eq!(heads[0], heads[1]);
}

#[test]
fn the_start_names_the_page_on_a_terminal_alone() {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let screen = open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    let mut mock = Command::new(env!("CARGO_BIN_EXE_whippy-mock"))
        .arg("--listen=127.0.0.1:0")
        .stdout(File::from(screen))
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(File::from(terminal)).lines();
    let mut next = || lines.next().unwrap().unwrap();
    let (first, second) = (next(), next());
    mock.kill().unwrap();
    mock.wait().unwrap();
    let url = first.strip_prefix("Listening on ").unwrap();
    assert_eq!(second, format!("See what it knows at {url}/__admin/"));

    let mock = Mock::start(&[]);
    mock.signal(Signal::TERM);
    assert_eq!(mock.ended().out, "");
}

// The files of the page.

#[test]
fn the_page_runs_nothing_but_its_own_files() {
    let mock = Mock::start(&[]);
    let answer = mock.get(PAGE).expect(200);
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    let policy = answer.header("content-security-policy");
    for rule in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    ] {
        assert!(policy.split("; ").any(|part| part == rule), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
}

#[test]
fn every_file_of_the_page_is_served_and_none_is_missing() {
    let mock = Mock::start(&[]);
    let on_disk = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui");
    let on_disk = std::fs::read_dir(on_disk).unwrap().map(Result::unwrap);
    let on_disk = on_disk.filter(|entry| entry.file_type().unwrap().is_file());
    let on_disk: BTreeSet<_> = on_disk
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    let served: BTreeSet<_> = admin::files().map(|(name, _)| name.to_owned()).collect();
    let mut own = served.clone();
    assert!(own.remove("shared.css"));
    assert_eq!(own, on_disk);
    for (name, content) in admin::files() {
        let answer = mock.get(&format!("/__admin/ui/{name}")).expect(200);
        assert_eq!(answer.text(), content);
        let imports = content.split(" from './").skip(1);
        for file in imports.map(|rest| rest.split_once('\'').unwrap().0) {
            assert!(served.contains(file), "{name} imports {file}");
        }
    }
}

#[test]
fn a_file_that_has_not_changed_is_not_sent_again() {
    let mock = Mock::start(&[]);
    let tag = mock.get(PAGE).expect(200).header("etag").to_owned();
    let again = |tag: &str| {
        let line = format!("If-None-Match: {tag}");
        mock.ask(message("GET /__admin/", &[&line], ""))
    };
    assert_eq!(again(&tag).expect(304).text(), "");
    assert!(!again("\"another\"").expect(200).text().is_empty());
}

#[test]
fn the_page_needs_no_token_and_what_it_asks_for_does() {
    let mock = Mock::start(&["--admin-token=s3cret"]);
    for (name, content) in admin::files() {
        mock.get(&format!("/__admin/ui/{name}")).expect(200);
        assert!(!content.contains("s3cret"), "{name}");
    }
    mock.get(PAGE).expect(200);
    mock.get("/__admin/requests").expect(401);
    let foreign = ["Origin: http://example.com"];
    mock.ask(message("GET /__admin/", &foreign, "")).expect(403);
}

// Questions past the journal.

#[test]
fn a_question_leaves_no_trace_but_its_write() {
    let mock = Mock::start(&["--defect=list-answers-206"]);
    let rules = json!({"rules": [{"name": "down", "fault": {"kind": "status", "status": 503}}]});
    mock.ask(put("/__admin/faults", &rules)).expect(200);
    let page = ask(&mock, &json!({"method": "GET", "target": STOCKS}));
    assert_eq!(page["status"], 200);
    assert_eq!(page["body"]["count"], 3);
    let write = json!({"method": "POST", "target": UPSERT, "body": set_stock(9)});
    let written = ask(&mock, &write);
    assert_eq!(
        (&written["status"], &written["wrote"]),
        (&json!(200), &json!(1))
    );
    let refused = json!({"method": "POST", "target": STOCKS, "body": {}});
    let refused = ask(&mock, &refused);
    assert_eq!(
        (&refused["status"], &refused["wrote"]),
        (&json!(400), &Value::Null)
    );

    let journal = mock.get("/__admin/requests").expect(200).json();
    assert_eq!(journal["count"], 0);
    let coverage = mock.get("/__admin/coverage").expect(200).json();
    assert_eq!(coverage["worlds"][0]["coverage"]["requests"], 0);
    let diff = mock.get("/__admin/worlds/default/diff?from=0&to=1");
    let diff = diff.expect(200).json();
    let stock = &diff["stocks"]["changed"][0]["changes"]["stock"];
    assert_eq!(*stock, json!({"before": 5, "after": 9}));
}

#[test]
fn a_question_about_the_past_is_answered_from_it_and_changes_nothing() {
    let mock = Mock::start(&[]);
    mock.post(STOCKS, &stock("NEW")).expect(201);
    let count = |at: Value| {
        let question = json!({"method": "GET", "target": STOCKS, "at": at});
        ask(&mock, &question)["body"]["count"].clone()
    };
    assert_eq!((count(json!(0)), count(Value::Null)), (json!(3), json!(4)));
    let write = json!({"method": "POST", "target": UPSERT, "body": set_stock(9), "at": 0});
    let answer = mock.post("/__admin/worlds/default/ask", &write).expect(400);
    assert!(answer.text().contains("at: what was cannot be written to"));
    assert_eq!(mock.stocks(), 4);
}

#[test]
fn a_question_is_let_in_where_the_mock_knows_one_token() {
    let mock = Mock::start(&["--token=only"]);
    mock.get(STOCKS).expect(401);
    let page = ask(&mock, &json!({"method": "GET", "target": STOCKS}));
    assert_eq!(page["status"], 200);
    assert!(!page.to_string().contains("only"));
}

#[test]
fn links_in_an_answer_lead_into_its_world() {
    let mock = Mock::start(&["--reading=page-size=1"]);
    mock.get(&format!("/worlds/one{STOCKS}")).expect(200);
    let question = json!({"method": "GET", "target": STOCKS});
    let page = mock.post("/__admin/worlds/one/ask", &question).expect(200);
    let next = page.json()["body"]["next"].as_str().unwrap().to_owned();
    assert_eq!(next, format!("http://localhost/worlds/one{STOCKS}?page=2"));
}

#[test]
fn writes_are_listed_with_their_times() {
    let mock = Mock::start(&["--clock=2023-06-01T12:00:00+03:00"]);
    for sku in ["A", "B", "C"] {
        mock.post(STOCKS, &stock(sku)).expect(201);
    }
    let listed = |query: &str| {
        let answer = mock.get(&format!("/__admin/worlds/default/writes{query}"));
        answer.expect(200).json()
    };
    let all = listed("");
    assert_eq!((&all["first"], &all["last"]), (&json!(0), &json!(3)));
    assert_eq!(
        all["writes"][0],
        json!({"seq": 1, "at": "2023-06-01T12:00:00+03:00", "method": "POST", "target": STOCKS})
    );
    let seqs = |query: &str| {
        let writes = listed(query)["writes"].take();
        let writes = writes.as_array().unwrap().clone();
        writes
            .iter()
            .map(|w| w["seq"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(seqs("?since=1"), [2, 3]);
    assert_eq!(seqs("?since=1&limit=1"), [2]);
    assert_eq!(seqs("?since=3"), [0_u64; 0]);
}

#[test]
fn writes_are_listed_across_the_states_that_are_kept_between() {
    let mock = Mock::start(&[]);
    let rows = |n: i32| json!({"method": "POST", "target": UPSERT, "body": set_stock(n)});
    let mut client = mock.connect();
    for n in 0..1_010 {
        let body = rows(n).to_string();
        client
            .ask(message("POST /__admin/worlds/default/ask", &[], &body))
            .expect(200);
    }
    let page = mock.get("/__admin/worlds/default/writes?since=995&limit=10");
    let writes = page.expect(200).json()["writes"].take();
    let writes = writes.as_array().unwrap();
    let seqs: Vec<_> = writes.iter().map(|w| w["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (996..=1_005).collect::<Vec<_>>());
}

// Readings.

#[test]
fn a_reading_is_changed_for_one_world_and_its_state_stays() {
    let mock = Mock::start(&[]);
    let unknown = "/api/v1/stocks/stock_query/?sku=NONE";
    mock.post(&format!("/worlds/one{STOCKS}"), &stock("NEW"))
        .expect(201);
    let set = json!({"unknown-sku": "not-found", "page-size": 2});
    let answer = mock
        .ask(put("/__admin/readings?world=one", &set))
        .expect(200);
    let in_force = |id: &str| {
        let register = answer.json();
        let rows = register["readings"].as_array().unwrap().clone();
        let row = rows.into_iter().find(|row| row["id"] == id).unwrap();
        row["in_force"].clone()
    };
    assert_eq!(in_force("unknown-sku"), "not-found");
    assert_eq!(in_force("page-size"), 2);
    assert_eq!(in_force("salable"), "active-unreserved");
    mock.get(&format!("/worlds/one{unknown}")).expect(404);
    mock.get(unknown).expect(200);
    let page = mock.get(&format!("/worlds/one{STOCKS}")).expect(200).json();
    assert_eq!(page["count"], 4);
}

#[test]
fn readings_that_are_in_force_already_keep_the_time_line() {
    let mock = Mock::start(&[]);
    mock.post(STOCKS, &stock("NEW")).expect(201);
    let first = || {
        mock.get("/__admin/worlds/default/writes")
            .expect(200)
            .json()["first"]
            .clone()
    };
    let same = json!({"unknown-sku": "empty"});
    mock.ask(put("/__admin/readings", &same)).expect(200);
    assert_eq!(first(), 0);
    let other = json!({"unknown-sku": "omitted"});
    mock.ask(put("/__admin/readings", &other)).expect(200);
    assert_eq!(first(), 2);
}

#[test]
fn a_choice_that_is_none_makes_no_world() {
    let mock = Mock::start(&[]);
    let none = json!({"unknown-sku": "nothing"});
    mock.ask(put("/__admin/readings?world=one", &none))
        .expect(400);
    mock.get("/__admin/worlds/one").expect(404);
}

#[test]
fn every_preset_that_is_listed_can_be_put_by_its_name_and_by_its_rules() {
    let mock = Mock::start(&[]);
    let presets = mock.get("/__admin/faults/presets").expect(200).json();
    let presets = presets["presets"].as_array().unwrap();
    assert_eq!(presets.len(), whippy_engine::assets::FAULTS.len());
    for preset in presets {
        let by_name = json!({"preset": preset["name"]});
        let mut by_rules = preset.clone();
        by_rules.as_object_mut().unwrap().remove("name");
        let put = |body| mock.ask(put("/__admin/faults", &body)).expect(200).json();
        assert_eq!(put(by_name), put(by_rules));
    }
    mock.ask(get("/__admin/faults/preset")).expect(404);
}
