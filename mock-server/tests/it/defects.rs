//! Defects over a socket and on the command line.

use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use whippy_engine::defects::DEFECTS;

use crate::requests::{INCREASE, SKU, STOCKS};
use crate::support::{Ended, HEALTH, Mock, get, post, run};

const PROVIDERS: &str = "/api/v1/providers/";

// Over a socket.

#[test]
fn what_hangs_neither_answers_nor_closes() {
    let mock = Mock::start(&["--defect=list-never-answers"]);
    let mut client = mock.connect();
    client.send(get(STOCKS));
    client.hears_nothing_for(Duration::from_millis(300));
    // Other clients are served meanwhile, and a client that hangs does not delay the stop.
    mock.get(PROVIDERS).expect(200);
    assert_eq!(mock.stop().code, Some(0));
    assert_eq!(client.rest(), b"");
}

#[test]
fn what_is_reset_closes_without_a_byte() {
    let mock = Mock::start(&["--defect=create-is-reset"]);
    let mut client = mock.connect();
    client.send(post(STOCKS, &crate::support::stock("NEW")));
    assert_eq!(client.rest(), b"");
    // The write was carried out nevertheless.
    let found = mock.get(&format!("{STOCKS}?sku=NEW")).expect(200);
    assert_eq!(found.json()["count"], 1);
}

#[test]
fn what_breaks_off_announces_more_than_it_sends() {
    let whole = Mock::start(&[]).get(STOCKS).expect(200);
    let mock = Mock::start(&["--defect=list-breaks-off"]);
    let mut client = mock.connect();
    client.send(get(STOCKS));
    let head = client.receive_head();
    assert_eq!(head.status, 200);
    assert_eq!(
        head.header("content-length"),
        whole.header("content-length")
    );
    assert_eq!(head.header("whippy-mock-defect"), "list-breaks-off");
    let half = client.rest();
    // Ports in links could differ in length, but this answer has no links.
    assert_eq!(half, whole.body[..whole.body.len() / 2]);
}

#[test]
fn a_body_of_other_bytes_is_as_long_as_it_says() {
    let mock = Mock::start(&["--defect=body-goes-on-after-the-json"]);
    let body = mock.get(STOCKS).expect(200).text();
    assert!(body.ends_with("]}<!-- 0.42s -->"), "{body}");
}

#[test]
fn increases_that_overlap_on_the_server_count_once() {
    let mock = Mock::start(&["--defect=overlapping-increases-count-once"]);
    let body = json!({"sku": SKU, "location": "110"});
    let mut clients = [mock.connect(), mock.connect()];
    for client in &mut clients {
        client.send(post(INCREASE, &body));
    }
    for client in &mut clients {
        assert_eq!(client.receive().expect(201).json()["reserved_stock"], 1);
    }
    assert_eq!(mock.post(INCREASE, &body).json()["reserved_stock"], 2);
}

#[test]
fn the_admin_paths_are_left_alone() {
    let mock = Mock::start(&["--defect=body-is-empty,unknown-path-is-found,answers-500-at-times"]);
    for _ in 0..8 {
        let health = mock.get(HEALTH).expect(200);
        assert_eq!(health.json()["status"], "healthy");
        assert_eq!(health.header("whippy-mock-defect"), "");
    }
}

// On the command line.

#[rstest]
#[case::flags(&["--defect=create-answers-200", "--defect=stock-id-is-text"], None)]
#[case::one_flag(&["--defect=create-answers-200,stock-id-is-text"], None)]
#[case::with_spaces(&["--defect", "create-answers-200, stock-id-is-text"], None)]
#[case::a_variable(&[], Some("create-answers-200,stock-id-is-text"))]
#[case::twice(&["--defect=create-answers-200,stock-id-is-text,create-answers-200"], None)]
fn defects_may_be_several(#[case] args: &[&str], #[case] of_variable: Option<&str>) {
    let variables: Vec<_> = of_variable
        .map(|names| ("WHIPPY_MOCK_DEFECT", names))
        .into_iter()
        .collect();
    let mock = Mock::start_with(args, &variables);
    let answer = mock.post(STOCKS, &crate::support::stock("NEW")).expect(200);
    assert_eq!(answer.json()["id"], "8");
    assert_eq!(
        mock.stop().out,
        "With defects: create-answers-200, stock-id-is-text\n"
    );
}

#[test]
fn without_a_defect_nothing_is_said_of_any() {
    let mock = Mock::start(&[]);
    let answer = mock.get(STOCKS).expect(200);
    assert_eq!(answer.header("whippy-mock-defect"), "");
    assert_eq!(mock.stop().out, "");
}

#[rstest]
#[case(
    "create-answer-200",
    "there is no defect `create-answer-200`; did you mean `create-answers-200`? `whippy-mock defects` lists them all"
)]
#[case(
    "everything",
    "there is no defect `everything`; `whippy-mock defects` lists them all"
)]
fn an_unknown_defect_is_refused_with_the_nearest(#[case] name: &str, #[case] sentence: &str) {
    let Ended { code, out, err } = run(&["--defect", name], &[]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert_eq!(err, format!("whippy-mock: --defect: {sentence}\n"));
}

#[test]
fn the_defects_are_printed_with_what_they_break() {
    let Ended { code, out, err } = run(&["defects"], &[]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let names: Vec<_> = out
        .lines()
        .filter(|line| !line.starts_with(' ') && !line.is_empty())
        .collect();
    let known: Vec<_> = DEFECTS.iter().map(|defect| defect.name).collect();
    assert_eq!(names, known);
    let entry = |name: &str| {
        out.split("\n\n")
            .find(|entry| entry.starts_with(name))
            .unwrap()
    };
    insta::assert_snapshot!(entry("increase-counts-two"), @r"
    increase-counts-two
        An increase adds 2.
        in increase-reserved-stock
    ");
    insta::assert_snapshot!(entry("allow-missing"), @r"
    allow-missing
        Answers have no `Allow`.
        in every operation
    ");
}
