//! A Unix socket: its file, an earlier owner of that file, and HTTP over it.

use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;

use rstest::rstest;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::requests::STOCKS;
use crate::support::{
    Ended, HEALTH, Mock, Process, RESET, Way, get, message, post, run, socket, stock,
};
use crate::tls::Hyper;

#[track_caller]
fn start(path: &str, args: &[&str]) -> Mock {
    let listen = format!("--listen=unix:{path}");
    let mock = Mock::of(Process::spawn(&[&[&*listen], args].concat(), &[]));
    assert_eq!(mock.way, Way::Unix(path.into()));
    mock
}

fn refused(path: &str) -> String {
    let Ended { code, out, err } = run(&[format!("--listen=unix:{path}")], &[]);
    assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
    err.replace(path, "PATH")
}

fn is_socket(path: &str) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
}

#[test]
fn a_mock_on_a_unix_socket_is_a_mock() {
    let path = socket();
    let mock = start(&path, &[]);
    let mut client = mock.connect();
    client.ask(post(STOCKS, &stock("NEW"))).expect(201);
    let page = client.ask(get(&format!("{STOCKS}?limit=1"))).expect(200);
    let next = format!("http://localhost{STOCKS}?limit=1&page=2");
    assert_eq!(page.json()["next"], next);
    // A client on a Unix socket counts as this machine.
    client.ask(post(RESET, &json!({}))).expect(200);
    assert_eq!(mock.stocks(), 3);
    assert!(is_socket(&path));
    let ended = mock.stop();
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""));
    assert!(!Path::new(&path).exists(), "the socket is left");
}

#[test]
fn the_admin_paths_know_a_page_and_a_token_there_as_well() {
    let mock = start(&socket(), &["--admin-token=secret"]);
    mock.get("/__admin/settings").expect(401);
    let token = "Authorization: Bearer secret";
    mock.ask(message("GET /__admin/settings", &[token], ""))
        .expect(200);
    let origin = "Origin: https://elsewhere.example";
    mock.ask(message("GET /__admin/settings", &[token, origin], ""))
        .expect(403);
}

#[tokio::test]
async fn http_2_is_spoken_with_prior_knowledge() {
    let mock = start(&socket(), &[]);
    let mut client = Hyper::connect(&mock, true).await;
    let created = client.ask(("POST", STOCKS), &stock("NEW")).await.unwrap();
    assert_eq!(created.0, 201);
    assert_eq!(client.get(STOCKS).await["count"], 4);
    let missing = client.ask(("GET", "/nowhere/"), &Value::Null).await;
    assert_eq!(missing.unwrap().0, 404);
}

#[test]
fn who_says_nothing_is_let_go_in_time() {
    let mock = start(&socket(), &["--idle-timeout=1"]);
    let mut silent = mock.connect();
    let mut slow = mock.connect();
    slow.send("GET /api/v1/sto");
    assert_eq!(silent.rest(), b"");
    slow.rest();
    mock.get(HEALTH).expect(200);
}

#[test]
fn one_too_many_is_told_503() {
    let mock = start(&socket(), &["--max-connections=1"]);
    let mut first = mock.connect();
    first.ask(get(HEALTH)).expect(200);
    mock.connect().receive().expect(503);
    first.ask(get(HEALTH)).expect(200);
}

#[test]
fn the_socket_of_a_dead_server_is_replaced() {
    let path = socket();
    let mock = start(&path, &[]);
    mock.signal(Signal::KILL);
    assert_eq!(mock.ended().code, None);
    assert!(is_socket(&path));
    let next = start(&path, &[]);
    next.get(STOCKS).expect(200);
}

#[test]
fn a_live_server_keeps_its_socket() {
    let path = socket();
    let mock = start(&path, &[]);
    insta::assert_snapshot!(refused(&path), @"whippy-mock: cannot listen on unix:PATH: another server listens there");
    mock.get(STOCKS).expect(200);
}

#[test]
fn what_is_no_socket_is_left_alone() {
    let path = socket();
    std::fs::write(&path, "somebody's text").unwrap();
    insta::assert_snapshot!(refused(&path), @"whippy-mock: cannot listen on unix:PATH: what is there is no socket, and is left as it is");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "somebody's text");
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn the_socket_of_whoever_came_after_is_not_removed() {
    let path = socket();
    let mock = start(&path, &[]);
    std::fs::remove_file(&path).unwrap();
    let _later = UnixListener::bind(&path).unwrap();
    assert_eq!(mock.stop().code, Some(0));
    assert!(is_socket(&path));
    std::fs::remove_file(&path).unwrap();
}

#[rstest]
#[case::no_path("unix:")]
#[case::too_long(&format!("unix:/{}", "x".repeat(107)))]
fn a_path_that_is_none_is_refused(#[case] listen: &str) {
    let ended = run(&["--listen", listen], &[]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("unix:PATH"), "{}", ended.err);
}

#[test]
fn a_command_is_given_a_url_and_no_socket() {
    let ended = run(&["exec", "--listen=unix:mock.sock", "--", "true"], &[]);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.err.contains("--listen unix:mock.sock"),
        "{}",
        ended.err
    );
}
