//! The mock among other processes: signals, children, addresses, variables and files.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rstest::rstest;

use crate::support::{Ended, HEALTH, Mock, Process, file, message, run};

fn exec(by: &[&str], args: &[&str], variables: &[(&str, &str)]) -> Ended {
    let args = [&["exec"], args].concat();
    Process::spawn_by(by, &args, variables).ended()
}

/// Sends the mock one request, so that there is something to judge.
const ASK: &str = r#"python3 -c 'import os, urllib.request as u
u.urlopen(u.Request(os.environ["WHIPPY_URL"] + "/api/v1/stocks/", headers={"Authorization": "Token t"})).read()'"#;

#[rstest]
#[case::interrupt("INT")]
#[case::hangup("HUP")]
#[case::terminate("TERM")]
fn a_signal_to_exec_reaches_the_command_and_ends_both(#[case] signal: &str) {
    // A HUP that is ignored, as under `nohup`, would not be passed on.
    let heeding = "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_DFL); \
                   os.execv(sys.argv[1], sys.argv[1:])";
    let script = format!("kill -{signal} $PPID; sleep 30");
    let by = ["python3", "-c", heeding];
    let ended = exec(&by, &["--", "sh", "-c", &script], &[]);
    let number = match signal {
        "INT" => 2,
        "HUP" => 1,
        _ => 15,
    };
    assert_eq!(ended.code, Some(128 + number), "{}", ended.err);
}

#[test]
fn a_signal_that_was_ignored_stays_ignored_for_the_command() {
    let script = format!("trap '' HUP; {ASK}; kill -HUP $$; echo lives");
    let by = ["sh", "-c", r#"trap "" HUP; exec "$0" "$@""#];
    let ended = exec(&by, &["--", "sh", "-c", &script], &[]);
    assert!(ended.out.ends_with("lives\n"), "{ended:?}");
}

#[test]
fn the_command_has_the_file_limit_that_exec_was_given() {
    let by = ["sh", "-c", r#"ulimit -Sn 256; exec "$0" "$@""#];
    let ended = exec(&by, &["--", "sh", "-c", "ulimit -Sn"], &[]);
    assert_eq!(ended.out, "256\n");
}

#[test]
fn the_command_reaches_the_mock_past_a_proxy() {
    let proxies = [
        ("HTTP_PROXY", "http://127.0.0.1:9"),
        ("http_proxy", "http://127.0.0.1:9"),
        ("NO_PROXY", "intranet"),
    ];
    let script = format!("{ASK} && echo $NO_PROXY");
    let ended = exec(&[], &["--", "sh", "-c", &script], &proxies);
    assert_eq!(
        ended.out, "intranet,127.0.0.1,localhost,::1\n",
        "{}",
        ended.err
    );
}

#[test]
fn a_command_that_asks_nothing_ends_with_a_code_of_its_own_and_one_skipped_case() {
    let path = file(".xml", "");
    let report = format!("--report=junit={path}");
    let ended = exec(&[], &[&report, "--", "true"], &[]);
    assert_eq!(ended.code, Some(4));
    assert!(
        ended.err.contains("does your client read WHIPPY_URL?"),
        "{}",
        ended.err
    );
    let xml = std::fs::read_to_string(&path).unwrap();
    let document = roxmltree::Document::parse(&xml).unwrap();
    let skipped = document
        .descendants()
        .filter(|node| node.has_tag_name("skipped"));
    assert_eq!(skipped.count(), 1, "{xml}");
}

#[test]
fn a_report_that_cannot_be_written_is_refused_before_the_command_runs() {
    let ended = exec(
        &[],
        &["--report=text=/nowhere/report", "--", "echo", "ran"],
        &[],
    );
    assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""));
    assert!(
        ended
            .err
            .starts_with("whippy-mock: --report /nowhere/report: ")
    );
}

#[rstest]
#[case::room(
    20,
    "before\n",
    "# The client: nothing was asked of the mock\n\n0 of 19"
)]
#[case::room_for_a_sentence((1 << 20) - 400, "x", "There is no room for more")]
#[case::no_room(1 << 20, "x", "")]
fn a_summary_that_commands_share_is_added_to(
    #[case] before: usize,
    #[case] with: &str,
    #[case] says: &str,
) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("summary.md");
    let before = with.repeat(before / with.len());
    std::fs::write(&path, &before).unwrap();
    let report = format!("--report=markdown={}", path.display());
    exec(&[], &[&report, "--", "true"], &[]);
    let after = std::fs::read_to_string(&path).unwrap();
    let added = after.strip_prefix(&before).expect("what was there stays");
    assert!(added.contains(says), "{added}");
    assert!(after.len() <= 1 << 20, "{} bytes", after.len());
    assert_eq!(added.is_empty(), says.is_empty(), "{added}");
}

#[test]
fn what_fails_a_case_of_the_report_is_what_fails_the_run() {
    for (fail_on, failures) in [("never", "0"), ("note", "1")] {
        let path = file(".xml", "");
        let report = format!("--report=junit={path}");
        let script = ASK.replace("stocks/", "stocks/?limit=100000");
        let level = format!("--fail-on={fail_on}");
        exec(&[], &[&level, &report, "--", "sh", "-c", &script], &[]);
        let xml = std::fs::read_to_string(&path).unwrap();
        let document = roxmltree::Document::parse(&xml).unwrap();
        let suites = document.root_element();
        assert_eq!(suites.attribute("failures"), Some(failures), "{xml}");
    }
}

#[test]
fn exec_listens_where_it_is_told_to() {
    let ended = exec(
        &[],
        &[
            "--listen=localhost:0",
            "--",
            "sh",
            "-c",
            &format!("{ASK}; echo $WHIPPY_URL"),
        ],
        &[],
    );
    assert!(ended.out.starts_with("http://127.0.0.1:"), "{ended:?}");
}

#[rstest]
#[case("/__admin/health")]
#[case("/__admin/ready")]
#[case("/__admin/metrics")]
#[case("/__admin/openapi.json")]
#[case("/__admin/requests")]
fn every_admin_path_that_is_read_takes_a_head(#[case] path: &str) {
    let mock = Mock::start(&[]);
    let mut client = mock.connect();
    client.send(message(&format!("HEAD {path}"), &["Connection: close"], ""));
    let head = client.receive_head();
    assert_eq!(head.status, 200);
    assert_eq!(client.rest(), b"");
}

#[test]
fn localhost_is_both_versions_of_ip() {
    let mock = Mock::of(Process::spawn(&["--listen=localhost:0"], &[]));
    for host in ["127.0.0.1", "[::1]"] {
        let mut stream = TcpStream::connect(format!("{host}:{}", mock.address.port())).unwrap();
        let request =
            format!("GET {HEALTH} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{host}: {answer}");
    }
}

#[test]
fn health_says_whether_a_mock_is_well() {
    let mock = Mock::start(&[]);
    let url = format!("http://{}", mock.address);
    let ended = run(&["health", &url], &[]);
    assert_eq!(ended.code, Some(0));
    assert!(ended.out.contains(r#""status":"healthy""#), "{}", ended.out);
    assert_eq!(mock.stop().code, Some(0));
    let ended = run(&["health", &url], &[]);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended
            .err
            .starts_with(&format!("whippy-mock: no answer from {url}: "))
    );
    assert_eq!(run(&["health", "ftp://x"], &[]).code, Some(2));
}

#[rstest]
#[case::of_the_admin(&[("WHIPPY_MOCK_ADMIN_TOKEN", "adm\n")], "WHIPPY_MOCK_ADMIN_TOKEN has a line break in it")]
#[case::of_clients(&[("WHIPPY_MOCK_TOKEN", "a\r\n")], "WHIPPY_MOCK_TOKEN has a line break in it")]
#[case::a_password(
    &[("WHIPPY_MOCK_USERNAME", "u"), ("WHIPPY_MOCK_PASSWORD", "pw\r\n")],
    "WHIPPY_MOCK_PASSWORD has a line break in it"
)]
fn a_secret_with_a_line_break_is_refused(#[case] variables: &[(&str, &str)], #[case] says: &str) {
    let ended = run::<&str>(&["--listen=127.0.0.1:0"], variables);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains(says), "{}", ended.err);
}

#[rstest]
#[case::a_world("--world=", r#"{"stocks": []}"#)]
#[case::faults("--faults=", r#"{"rules": []}"#)]
#[case::a_profile("--profile=", "page-size = 3\n")]
fn a_byte_order_mark_is_passed_over(#[case] flag: &str, #[case] content: &str) {
    let path = file(".json", format!("\u{feff}{content}"));
    let mock = Mock::start(&[&format!("{flag}{path}")]);
    mock.get(HEALTH).expect(200);
}

#[rstest]
#[case(&["--world=dmeo"], "did you mean `demo`?")]
#[case(&["--listen=http://127.0.0.1:8000/"], "try 127.0.0.1:8000")]
fn a_slip_is_refused_with_what_was_probably_meant(#[case] args: &[&str], #[case] says: &str) {
    let ended = run(args, &[]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains(says), "{}", ended.err);
}

#[test]
fn a_misspelled_variable_is_told_and_the_mock_starts() {
    let mock = Mock::start_with(
        &[],
        &[
            ("WHIPPY_MOCK_TOKN", "t"),
            ("WHIPPY_MOCK_BINARY", "whippy-mock"),
            ("WHIPPY_MOCK_TLS_SELF_SIGNED", "0"),
        ],
    );
    let ended = mock.stop();
    assert_eq!(
        ended.err,
        "whippy-mock: WHIPPY_MOCK_TOKN is not a variable of whippy-mock; did you mean \
         WHIPPY_MOCK_TOKEN?\n"
    );
}

#[rstest]
#[case::in_capitals(&["Sec-Fetch-Site: CROSS-SITE"], 403)]
#[case::behind_a_harmless_one(&["Sec-Fetch-Site: none", "Sec-Fetch-Site: cross-site"], 403)]
#[case::a_second_origin(&["Origin: http://localhost", "Origin: https://shop.example"], 403)]
#[case::a_second_host(&["Host: localhost", "Host: shop.example"], 400)]
#[case::its_own(&["Origin: http://localhost", "Sec-Fetch-Site: same-origin"], 200)]
fn a_page_of_another_origin_is_refused_however_it_is_spelled(
    #[case] lines: &[&str],
    #[case] status: u16,
) {
    let mock = Mock::start(&[]);
    let answer = mock.ask(message("GET /__admin/settings", lines, ""));
    assert_eq!(answer.status, status, "{}", answer.text());
}

#[test]
fn a_log_that_nobody_reads_does_not_hold_up_the_end() {
    let mut mock = Command::new(env!("CARGO_BIN_EXE_whippy-mock"))
        .args(["--listen=127.0.0.1:0", "--log=text"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut out = BufReader::new(mock.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("Listening on http://").unwrap();
    let mut client = TcpStream::connect(address).unwrap();
    // More lines than fit in a pipe.
    let query = "x".repeat(1_000);
    let request = format!("GET /nothing/?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut answers = BufReader::new(client.try_clone().unwrap());
    for _ in 0..200 {
        client.write_all(request.as_bytes()).unwrap();
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            answers.read_line(&mut head).unwrap();
        }
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.unwrap().parse().unwrap()];
        answers.read_exact(&mut body).unwrap();
    }
    let pid = rustix::process::Pid::from_child(&mock);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let until = Instant::now() + Duration::from_secs(30);
    let ended = loop {
        match mock.try_wait().unwrap() {
            None if Instant::now() < until => std::thread::yield_now(),
            ended => break ended,
        }
    };
    let _ = mock.kill();
    assert!(
        ended.is_some_and(|ended| ended.success()),
        "it goes on for ever"
    );
}
