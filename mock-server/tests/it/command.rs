//! The command line: every flag with its variable, refusals and output.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::{Value, json};
use whippy_engine::assets;
use whippy_engine::openapi::{self, FORMS};

use crate::requests::{SKU, STOCKS};
use crate::support::{
    CLOCK, Ended, HEALTH, Mock, Process, RESET, Way, file, login, message, post, run, stock,
};
use crate::tls;

/// Runs the mock with arguments that must be refused at once, and returns the sentence alone.
#[track_caller]
fn refusal(args: &[&str], variables: &[(&str, &str)]) -> String {
    let Ended { code, out, err } = run(args, variables);
    assert_eq!((code, out.as_str()), (Some(2), ""), "{err}");
    // The argument parser adds hints of its own.
    let sentence = err
        .trim_end()
        .trim_end_matches("For more information, try '--help'.")
        .trim_end()
        .replace("\n  [", " [");
    assert!(!sentence.contains('\n'), "more than a sentence:\n{err}");
    let (_, sentence) = sentence.split_once(": ").unwrap();
    sentence.to_owned()
}

fn variable(flag: &str) -> String {
    format!("WHIPPY_MOCK_{}", flag.to_uppercase().replace('-', "_"))
}

/// Returns the flags with their variables, as the help lists them.
fn flags_of_the_help() -> Vec<(String, String)> {
    let help = run(&["--help"], &[]).out;
    let mut flags = Vec::new();
    for line in help.lines().map(str::trim) {
        if let Some(flag) = line.strip_prefix("--") {
            flags.push((
                flag.split([' ', '[']).next().unwrap().to_owned(),
                String::new(),
            ));
        } else if let Some(variable) = line.strip_prefix("[env: ") {
            let end = variable.find(['=', ']']).unwrap();
            variable[..end].clone_into(&mut flags.last_mut().unwrap().1);
        }
    }
    flags
}

// Flags and their variables.

#[test]
fn every_flag_has_the_variable_of_its_name() {
    let flags = flags_of_the_help();
    assert!(flags.len() > 10, "{flags:?}");
    for (flag, named) in &flags {
        assert_eq!(*named, variable(flag));
    }
    let here: BTreeSet<_> = SETTINGS.iter().map(|setting| setting.flag).collect();
    let there: BTreeSet<_> = flags.iter().map(|(flag, _)| flag.as_str()).collect();
    assert_eq!(here, there, "the table of settings and the help");
}

/// A flag with two values, and a way to see the one in force.
struct Setting {
    flag: &'static str,
    one: &'static str,
    other: &'static str,
    /// Other arguments that the flag needs.
    beside: &'static [&'static str],
    look: fn(&Mock) -> String,
    /// The results for the one value and for the other.
    seen: (&'static str, &'static str),
}

const SETTING: Setting = Setting {
    flag: "",
    one: "",
    other: "",
    beside: &[],
    look: |_| String::new(),
    seen: ("", ""),
};

/// Returns a setting in force, as the mock reports it.
fn setting(mock: &Mock, pointer: &str) -> String {
    let settings = mock.get("/__admin/settings").expect(200).json();
    settings.pointer(pointer).unwrap().to_string()
}

const ONE_ROW: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/one-row.toml");
const TWO_ROWS: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/two-rows.toml");
const ONE_CERT: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/one-cert.pem");
const OTHER_CERT: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/other-cert.pem");
const KEY: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/key.pem");
const SAME_KEY: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/same-key.pem");
const BESIDE_CERT: &str = concat!("--tls-cert=", env!("CARGO_TARGET_TMPDIR"), "/one-cert.pem");
const BESIDE_KEY: &str = concat!("--tls-key=", env!("CARGO_TARGET_TMPDIR"), "/key.pem");
const BESIDE_ROWS: &str = concat!("--profile=", env!("CARGO_TARGET_TMPDIR"), "/one-row.toml");

const SETTINGS: &[Setting] = &[
    Setting {
        flag: "listen",
        one: "127.0.0.1:0",
        other: "127.0.0.2:0",
        look: |mock| mock.address.ip().to_string(),
        seen: ("127.0.0.1", "127.0.0.2"),
        ..SETTING
    },
    Setting {
        flag: "tls-cert",
        one: ONE_CERT,
        other: OTHER_CERT,
        beside: &[BESIDE_KEY],
        look: |mock| tls::shows(mock, ONE_CERT).to_string(),
        seen: ("true", "false"),
    },
    Setting {
        flag: "tls-key",
        one: KEY,
        other: SAME_KEY,
        beside: &[BESIDE_CERT],
        look: |mock| tls::shows(mock, ONE_CERT).to_string(),
        seen: ("true", "true"),
    },
    Setting {
        flag: "tls-self-signed",
        one: "true",
        other: "false",
        look: |mock| (mock.way == Way::Tls).to_string(),
        seen: ("true", "false"),
        ..SETTING
    },
    Setting {
        flag: "tls-name",
        one: "one.example,uno.example",
        other: "other.example",
        beside: &["--tls-self-signed"],
        look: |mock| tls::names(mock, &["one.example", "uno.example", "other.example"]),
        seen: ("one.example uno.example", "other.example"),
    },
    Setting {
        flag: "tls-ca-out",
        one: "%.one.pem",
        other: "%.other.pem",
        beside: &["--tls-self-signed"],
        look: |mock| {
            let line = mock.said();
            let path = line.strip_prefix("Trust the CA in ").unwrap().trim_end();
            let ca = std::fs::read_to_string(path).unwrap();
            assert!(tls::is_called(mock, &ca, "localhost"));
            path.rsplit('.').nth(1).unwrap_or_default().to_owned()
        },
        seen: ("one", "other"),
    },
    Setting {
        flag: "watch",
        one: "true",
        other: "false",
        beside: &[BESIDE_ROWS],
        look: |mock| (setting(mock, "/watched") != "[]").to_string(),
        seen: ("true", "false"),
    },
    Setting {
        flag: "world",
        one: "empty",
        other: "demo",
        look: |mock| mock.get(HEALTH).json()["world"].to_string(),
        seen: ("\"empty\"", "\"demo\""),
        ..SETTING
    },
    Setting {
        flag: "profile",
        one: ONE_ROW,
        other: TWO_ROWS,
        look: rows_of_a_page,
        seen: ("1", "2"),
        ..SETTING
    },
    Setting {
        flag: "reading",
        one: "page-size=1,sku-length=70",
        other: "page-size=2",
        look: rows_of_a_page,
        seen: ("1", "2"),
        ..SETTING
    },
    Setting {
        flag: "faults",
        one: "maintenance",
        other: "slow-erp",
        look: |mock| {
            let faults = mock.get("/__admin/faults").expect(200).json();
            faults["rules"].to_string().contains("503").to_string()
        },
        seen: ("true", "false"),
        ..SETTING
    },
    Setting {
        flag: "data",
        one: "%.one.db",
        other: "%.other.db",
        look: |mock| {
            let file = setting(mock, "/data/file");
            file.rsplit('.').nth(1).unwrap_or_default().to_owned()
        },
        seen: ("one", "other"),
        ..SETTING
    },
    Setting {
        flag: "data-sync",
        one: "power",
        other: "process",
        beside: &["--data=%.db"],
        look: |mock| setting(mock, "/data/sync"),
        seen: ("\"power\"", "\"process\""),
    },
    Setting {
        flag: "data-limit",
        one: "1000000",
        other: "2000000",
        beside: &["--data=%.db"],
        look: |mock| setting(mock, "/data/limit_bytes"),
        seen: ("1000000", "2000000"),
    },
    Setting {
        flag: "cors-origin",
        one: "https://one.example",
        other: "*",
        look: |mock| {
            mock.get(STOCKS)
                .header("access-control-allow-origin")
                .to_owned()
        },
        seen: ("https://one.example", "*"),
        ..SETTING
    },
    Setting {
        flag: "isolate-by-token",
        one: "true",
        other: "false",
        look: |mock| setting(mock, "/worlds/by_token"),
        seen: ("true", "false"),
        ..SETTING
    },
    Setting {
        flag: "max-worlds",
        one: "1",
        other: "2",
        look: |mock| setting(mock, "/worlds/most"),
        seen: ("1", "2"),
        ..SETTING
    },
    Setting {
        flag: "world-idle",
        one: "60",
        other: "0",
        look: |mock| setting(mock, "/worlds/idle_seconds"),
        seen: ("60", "null"),
        ..SETTING
    },
    Setting {
        flag: "journal",
        one: "5",
        other: "0",
        look: |mock| setting(mock, "/journal/exchanges"),
        seen: ("5", "0"),
        ..SETTING
    },
    Setting {
        flag: "journal-body",
        one: "10",
        other: "0",
        look: |mock| setting(mock, "/journal/body_bytes"),
        seen: ("10", "0"),
        ..SETTING
    },
    Setting {
        flag: "defect",
        one: "list-answers-206,stock-id-is-text",
        other: "list-answers-206",
        look: |mock| {
            let page = mock.get(STOCKS).expect(206).json();
            page["results"][0]["id"].to_string()
        },
        seen: ("\"2\"", "2"),
        ..SETTING
    },
    Setting {
        flag: "token",
        one: "one,uno",
        other: "other",
        look: |mock| who_gets_in(mock, STOCKS, "Token", &["one", "uno", "other"]),
        seen: ("one uno", "other"),
        ..SETTING
    },
    Setting {
        flag: "username",
        one: "ann",
        other: "bob",
        beside: &["--password=x"],
        look: |mock| who_logs_in(mock, &[("ann", "x"), ("bob", "x")]),
        seen: ("ann:x", "bob:x"),
    },
    Setting {
        flag: "password",
        one: "x",
        other: "y",
        beside: &["--username=ann"],
        look: |mock| who_logs_in(mock, &[("ann", "x"), ("ann", "y")]),
        seen: ("ann:x", "ann:y"),
    },
    Setting {
        flag: "clock",
        one: "2023-05-10T13:00:00+03:00",
        other: "2024-01-01T00:00:00Z,tick=23",
        look: |mock| mock.get(CLOCK).text(),
        seen: (
            r#"{"mode":"fixed","now":"2023-05-10T13:00:00+03:00","tick_microseconds":0}"#,
            r#"{"mode":"fixed","now":"2024-01-01T03:00:00+03:00","tick_microseconds":23}"#,
        ),
        ..SETTING
    },
    Setting {
        flag: "utc-offset",
        one: "-05:30",
        other: "Z",
        beside: &["--clock=2023-05-10T13:00:00Z"],
        look: |mock| mock.get(CLOCK).json()["now"].to_string(),
        seen: ("\"2023-05-10T07:30:00-05:30\"", "\"2023-05-10T13:00:00Z\""),
    },
    Setting {
        flag: "body-limit",
        one: "10",
        other: "20",
        look: |mock| {
            let statuses = [10, 11, 20, 21].map(|length| {
                let request = message(&format!("POST {RESET}"), &[], &" ".repeat(length));
                mock.ask(request).status.to_string()
            });
            statuses.join(" ")
        },
        seen: ("200 413 413 413", "200 200 200 413"),
        ..SETTING
    },
    Setting {
        flag: "max-connections",
        one: "1",
        other: "2",
        look: |mock| {
            let mut clients = [(); 3].map(|()| mock.connect());
            let statuses = clients.each_mut().map(|client| {
                client.try_send(crate::support::get(HEALTH));
                client.receive().status.to_string()
            });
            statuses.join(" ")
        },
        seen: ("200 503 503", "200 200 503"),
        ..SETTING
    },
    Setting {
        flag: "threads",
        one: "1",
        other: "3",
        look: |mock| setting(mock, "/threads"),
        seen: ("1", "3"),
        ..SETTING
    },
    Setting {
        flag: "token-lifetime",
        one: "60",
        other: "3600",
        look: |mock| setting(mock, "/token_lifetime_seconds"),
        seen: ("60", "3600"),
        ..SETTING
    },
    Setting {
        flag: "idle-timeout",
        one: "1",
        other: "2",
        look: |mock| {
            let since = Instant::now();
            assert_eq!(mock.connect().rest(), b"");
            let is_the_default = since.elapsed() > Duration::from_secs(20);
            is_the_default.to_string()
        },
        seen: ("false", "false"),
        ..SETTING
    },
    Setting {
        flag: "admin-token",
        one: "one",
        other: "other",
        look: |mock| who_gets_in(mock, CLOCK, "Bearer", &["one", "other"]),
        seen: ("one", "other"),
        ..SETTING
    },
    Setting {
        flag: "log",
        one: "json",
        other: "text",
        look: |mock| {
            mock.get(HEALTH);
            let is_json = serde_json::from_str::<Value>(&mock.logged()).is_ok();
            is_json.to_string()
        },
        seen: ("true", "false"),
        ..SETTING
    },
];

impl Setting {
    /// Starts a mock with the setting by its flag, its variable or both.
    fn mock(&self, by_flag: Option<&str>, by_variable: Option<&str>) -> Mock {
        // Each mock has a file of its own, where the flag names one.
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = env!("CARGO_TARGET_TMPDIR");
        let own = format!("{folder}/setting-{}-{number}", std::process::id());
        let fresh = |text: &str| text.replace('%', &own);
        let mut args: Vec<_> = self.beside.iter().map(|arg| fresh(arg)).collect();
        args.extend(by_flag.map(|value| fresh(&format!("--{}={value}", self.flag))));
        if self.flag != "listen" {
            args.push("--listen=127.0.0.1:0".to_owned());
        }
        let variable = variable(self.flag);
        let by_variable = by_variable.map(fresh);
        let variables = by_variable
            .as_ref()
            .map(|value| (variable.as_str(), value.as_str()));
        Mock::of(Process::spawn(&args, variables.as_slice()))
    }
}

fn rows_of_a_page(mock: &Mock) -> String {
    let page = mock.get(STOCKS).expect(200).json();
    page["results"].as_array().unwrap().len().to_string()
}

fn who_gets_in(mock: &Mock, path: &str, scheme: &str, tokens: &[&str]) -> String {
    let let_in = tokens.iter().filter(|token| {
        let header = format!("Authorization: {scheme} {token}");
        let answer = mock.ask(message(&format!("GET {path}"), &[&header], ""));
        assert!(matches!(answer.status, 200 | 401), "{answer:?}");
        answer.status == 200
    });
    let_in.copied().collect::<Vec<_>>().join(" ")
}

fn who_logs_in(mock: &Mock, pairs: &[(&str, &str)]) -> String {
    let let_in = pairs
        .iter()
        .filter(|(username, password)| mock.ask(login(username, password)).status == 200);
    let names = let_in.map(|(username, password)| format!("{username}:{password}"));
    names.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_flag_and_its_variable_do_the_same_and_the_flag_wins() {
    std::fs::write(ONE_ROW, "page-size = 1\n").unwrap();
    std::fs::write(TWO_ROWS, "page-size = 2\n").unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    for path in [KEY, SAME_KEY] {
        std::fs::write(path, key.serialize_pem()).unwrap();
    }
    for path in [ONE_CERT, OTHER_CERT] {
        tls::write_certificate(path, &key);
    }
    std::thread::scope(|scope| {
        for setting in SETTINGS {
            let (one, other) = (setting.one, setting.other);
            for (by_flag, by_variable, seen) in [
                (Some(one), None, setting.seen.0),
                (None, Some(other), setting.seen.1),
                (Some(one), Some(other), setting.seen.0),
                (Some(other), Some("~"), setting.seen.1),
            ] {
                scope.spawn(move || {
                    let mock = setting.mock(by_flag, by_variable);
                    let flag = setting.flag;
                    assert_eq!(
                        (setting.look)(&mock),
                        seen,
                        "{flag} {by_flag:?} {by_variable:?}"
                    );
                });
            }
        }
    });
}

#[rstest]
#[case::flags(&["--token=one", "--token=other"], None)]
#[case::one_flag(&["--token=one,other"], None)]
#[case::a_variable(&[], Some("one,other"))]
fn tokens_may_be_several(#[case] args: &[&str], #[case] of_variable: Option<&str>) {
    let variables: Vec<_> = of_variable
        .map(|v| ("WHIPPY_MOCK_TOKEN", v))
        .into_iter()
        .collect();
    let mock = Mock::start_with(args, &variables);
    let let_in = who_gets_in(&mock, STOCKS, "Token", &["one", "another", "other", "ONE"]);
    assert_eq!(let_in, "one other");
}

#[test]
fn readings_may_be_several_and_go_before_the_file() {
    let profile = file(".toml", "page-size = 1\nunknown-sku = \"not-found\"\n");
    let mock = Mock::start(&[
        "--reading=page-size=2",
        "--reading",
        "sku-length=3",
        &format!("--profile={profile}"),
    ]);
    assert_eq!(rows_of_a_page(&mock), "2");
    mock.post(STOCKS, &stock("ABC")).expect(201);
    mock.post(STOCKS, &stock("ABCD")).expect(400);
    mock.get("/api/v1/stocks/stock_query/?sku=NONE").expect(404);
}

#[test]
fn serve_is_what_no_command_is() {
    let mock = Mock::of(Process::spawn(
        &["serve", "--world", "empty", "--listen", "127.0.0.1:0"],
        &[],
    ));
    assert_eq!(mock.stocks(), 0);
}

#[test]
fn a_host_may_be_a_name() {
    let mock = Mock::of(Process::spawn(&["--listen=localhost:0"], &[]));
    assert!(mock.address.ip().is_loopback());
    mock.get(HEALTH).expect(200);
}

// Values that are refused.

#[rstest]
#[case("listen", "8000", "HOST:PORT")]
#[case("listen", "127.0.0.1:99999", "HOST:PORT")]
#[case("listen", "unix:", "unix:PATH")]
#[case("tls-cert", "/nowhere.pem", "--tls-key")]
#[case("tls-key", "/nowhere.pem", "--tls-cert")]
#[case("tls-self-signed", "maybe", "true or false")]
#[case("tls-name", "mock.example", "--tls-self-signed")]
#[case("tls-ca-out", "/nowhere/ca.pem", "--tls-self-signed")]
#[case("watch", "maybe", "true or false")]
#[case("watch", "true", "--world, --profile or --faults")]
#[case("world", "nowhere", "documented, before-create")]
#[case("profile", "/nowhere.toml", "No such file")]
#[case("reading", "salable", "ID=CHOICE")]
#[case("reading", "salabel=stock", "`salable`")]
#[case("reading", "salable=stocks", "one of active-unreserved, ")]
#[case("reading", "page-size=0", "from 1 to 1000000")]
#[case("defect", "create-answer-200", "`create-answers-200`")]
#[case("defect", "", "no defect ``")]
#[case("token", "a token", "no spaces")]
#[case("token", "one,,other", "no spaces")]
#[case("clock", "noon", "date-time like 2023-")]
#[case("clock", "2023-05-10T13:37:18Z,tick=x", "number of microseconds")]
#[case("clock", "2023-05-10T13:37:18Z,tick=-1", "between 0 and 86400000000")]
#[case("utc-offset", "3", "+HH:MM, -HH:MM or Z")]
#[case("utc-offset", "+25:00", "+HH:MM, -HH:MM or Z")]
#[case("body-limit", "0", "from 1 to 1073741824")]
#[case("body-limit", "-1", "from 1 to 1073741824")]
#[case("body-limit", "32M", "from 1 to 1073741824")]
#[case("body-limit", "1073741825", "from 1 to 1073741824")]
#[case("body-limit", "99999999999999999999999", "from 1 to 1073741824")]
#[case("max-connections", "0", "from 1 to 1000000")]
#[case("max-connections", "many", "from 1 to 1000000")]
#[case("max-connections", "1000001", "from 1 to 1000000")]
#[case("idle-timeout", "0", "from 1 to 86400")]
#[case("idle-timeout", "0.5", "from 1 to 86400")]
#[case("idle-timeout", "86401", "from 1 to 86400")]
#[case("listen", "0.0.0.0:0", "--admin-token")]
#[case("listen", "nowhere.example:0", "--admin-token")]
#[case("data", "/nowhere/at/all", "/nowhere/at/all")]
#[case("data-sync", "never", "process or power")]
#[case("data-limit", "10", "from 262144 up")]
#[case("cors-origin", "app.example", "https://app.example, or *")]
#[case("cors-origin", "https://app.example/path", "https://app.example, or *")]
#[case("faults", "flaky", "flaky-network")]
#[case("isolate-by-token", "maybe", "true or false")]
#[case("max-worlds", "0", "from 1 to 1000000")]
#[case("world-idle", "2592001", "from 0 to 2592000")]
#[case("threads", "1025", "from 1 to 1024")]
#[case("token-lifetime", "0", "from 1 to 315360000")]
#[case("journal", "-1", "from 0 to 1000000")]
#[case("journal-body", "64k", "from 0 to 1073741824")]
#[case("log", "loud", "text, json")]
#[case("admin-token", "", "empty")]
fn a_bad_value_is_refused_with_the_flag_and_what_it_takes(
    #[case] flag: &str,
    #[case] value: &str,
    #[case] takes: &str,
) {
    let given = format!("--{flag}={value}");
    let by_flag = refusal(&[&given], &[]);
    assert!(by_flag.contains(&format!("--{flag}")), "{by_flag}");
    assert!(by_flag.contains(takes), "not what it takes: {by_flag}");
    assert_eq!(refusal(&["serve", &given], &[]), by_flag);
    // An error in a value from a variable names the variable.
    let named = by_flag.replacen(&format!("--{flag}"), &variable(flag), 1);
    let named = named.replace("[=<true|false>]", "");
    let by_variable = match named.split_once(" <") {
        Some((before, after)) => format!("{before}{}", after.split_once('>').unwrap().1),
        None => named,
    };
    assert_eq!(refusal(&[], &[(&variable(flag), value)]), by_variable);
}

#[test]
fn the_sentence_says_what_the_flag_takes() {
    let said = |args: &[&str]| refusal(args, &[]);
    let world = said(&["--world=nowhere"]);
    insta::assert_snapshot!(world, @"--world nowhere: there is no built-in world of that name (documented, before-create, before-decrease, demo, empty, five-active-skus, reservations-reported, sku-500-in-five-stores, skus-500-and-505-in-three-stores), and no file: No such file or directory (os error 2)");
    let rest = [
        "--profile=/nowhere.toml",
        "--reading=salable",
        "--reading=salabel=stock",
        "--reading=salable=stocks",
        "--reading=page-size=0",
        "--defect=create-answer-200",
        "--token=a token",
        "--clock=noon",
        "--clock=2023-05-10T13:37:18Z,tick=x",
        "--clock=2023-05-10T13:37:18Z,tick=-1",
        "--utc-offset=3",
        "--body-limit=1073741825",
        "--max-connections=1000001",
        "--idle-timeout=86401",
        "--log=loud",
        "--admin-token=",
        "--username=ann",
        "--password=x",
    ];
    let sentences = rest.map(|arg| said(&[arg]));
    insta::assert_snapshot!(sentences.join("\n"), @r"
    --profile /nowhere.toml: No such file or directory (os error 2)
    --reading cannot be `salable`: it takes ID=CHOICE
    --reading: there is no reading `salabel`; did you mean `salable`? `whippy-mock readings` lists them all
    --reading: reading `salable` cannot be `stocks`: it takes one of active-unreserved, unreserved, stock
    --reading: reading `page-size` cannot be `0`: it takes a whole number from 1 to 1000000
    --defect: there is no defect `create-answer-200`; did you mean `create-answers-200`? `whippy-mock defects` lists them all
    --token cannot be `a token`: a token is not empty and has no spaces
    --clock cannot be `noon`: `noon` is no date-time like 2023-05-10T13:37:18.209869+03:00; or `real`
    --clock cannot be `2023-05-10T13:37:18Z,tick=x`: the tick `x` is no number of microseconds; or `real`
    --clock cannot be `2023-05-10T13:37:18Z,tick=-1`: the tick -1 is not between 0 and 86400000000 microseconds; or `real`
    --utc-offset cannot be `3`: it takes +HH:MM, -HH:MM or Z
    invalid value '1073741825' for '--body-limit <BYTES>': it takes a whole number from 1 to 1073741824
    invalid value '1000001' for '--max-connections <COUNT>': it takes a whole number from 1 to 1000000
    invalid value '86401' for '--idle-timeout <SECONDS>': it takes a whole number from 1 to 86400
    invalid value 'loud' for '--log <FORMAT>' [possible values: text, json]
    --admin-token must not be empty
    --username needs --password beside it
    --password needs --username beside it
    ");
}

#[rstest]
#[case::a_flag_that_is_none(&["--wolrd=empty"], "--wolrd")]
#[case::a_command_that_is_none(&["wolrds"], "wolrds")]
#[case::a_value_missing(&["--world"], "--world")]
#[case::a_flag_twice(&["--world=empty", "--world=demo"], "--world")]
fn what_is_no_command_line_is_refused(#[case] args: &[&str], #[case] named: &str) {
    let Ended { code, out, err } = run(args, &[]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(err.contains(named), "{err}");
}

#[test]
fn an_address_that_is_taken_is_a_failure_and_no_mistake() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let ended = run(&["--listen", &address.to_string()], &[]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""));
    let said = ended.err.replace(&address.to_string(), "ADDRESS");
    insta::assert_snapshot!(said, @"whippy-mock: cannot listen on ADDRESS: Address already in use (os error 98); `--listen 127.0.0.1:0` takes a free port");
}

#[test]
fn the_document_lists_every_flag_and_no_other() {
    let document = include_str!("../../../docs/flags.md");
    let rows = document.lines().filter(|line| line.starts_with("| `--"));
    let listed: BTreeSet<_> = rows
        .flat_map(|row| row.split('|').nth(1).unwrap().split("`--").skip(1))
        .map(|flag| flag.split([' ', '`']).next().unwrap().to_owned())
        .collect();
    let flags = flags_of_the_help().into_iter().map(|(flag, _)| flag);
    assert_eq!(listed, flags.collect());
}

#[test]
fn a_secret_is_not_shown_in_the_help() {
    let secrets = ["token", "password", "admin-token"].map(variable);
    let variables: Vec<_> = secrets
        .iter()
        .map(|name| (name.as_str(), "sEcReT"))
        .collect();
    let help = run(&["--help"], &variables);
    assert_eq!(help.code, Some(0));
    assert!(!help.out.contains("sEcReT"), "{}", help.out);
}

// World and profile files.

#[test]
fn a_world_file_needs_only_what_the_schema_requires() {
    let rows = json!({
        "provider": {"name": "acme"},
        "stock_location": {"code": "shop", "provider": "acme"},
        "stock_list": {"code": "all"},
        "stock": {"sku": "A", "provider": "acme", "location": "shop", "stock": 3},
        "reservation": {
            "operation": "increase-reserved-stock",
            "sku": "A", "location": "shop", "provider": "acme", "date": "2023-05-11",
        },
    });
    let (_, schema) = assets::SCHEMAS
        .iter()
        .find(|(name, _)| *name == "world.schema.json")
        .unwrap();
    let schema: Value = serde_json::from_str(schema).unwrap();
    for (kind, row) in rows.as_object().unwrap() {
        let required = schema["$defs"][kind]["required"].as_array().unwrap();
        let required: BTreeSet<_> = required.iter().map(|name| name.as_str().unwrap()).collect();
        let given: BTreeSet<_> = row
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(given, required, "{kind}");
    }
    let world = json!({
        "providers": [rows["provider"]],
        "stock_locations": [rows["stock_location"]],
        "stock_lists": [rows["stock_list"]],
        "stocks": [rows["stock"]],
        "reservations": [rows["reservation"]],
    });
    jsonschema::validator_for(&schema)
        .unwrap()
        .validate(&world)
        .unwrap();

    let path = file(".json", world.to_string());
    let mock = Mock::start(&["--world", &path]);
    let shown: Vec<_> = mock
        .state()
        .iter()
        .map(|page| page["results"][0].to_string())
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    {"id":1,"created_date":"2023-05-10T00:00:00+03:00","modified_date":"2023-05-10T00:00:00+03:00","period":null,"stock_type":"standard","unit_type":"qty","provider":"acme","location":"shop","stock":3,"is_active":true,"sku":"A","reserved_stock":0}
    {"id":1,"created_date":"2023-05-10T00:00:00+03:00","modified_date":"2023-05-10T00:00:00+03:00","is_active":true,"name":"acme","code":"acme","should_add_reservations":true}
    {"id":1,"created_date":"2023-05-10T00:00:00+03:00","modified_date":"2023-05-10T00:00:00+03:00","is_active":true,"name":"shop","code":"shop","provider":1}
    {"id":1,"created_date":"2023-05-10T00:00:00+03:00","modified_date":"2023-05-10T00:00:00+03:00","is_active":true,"code":"all","name":"all","remote_id":null,"stock_list_rule":null}
    "#);
}

#[test]
fn the_world_of_no_rows_is_a_world() {
    let path = file(".json", "{}");
    let mock = Mock::start(&["--world", &path]);
    assert_eq!(mock.stocks(), 0);
}

#[rstest]
#[case::nothing("", "EOF while parsing a value at line 1 column 0")]
#[case::cut_off("{\"stocks\": [\n", "EOF while parsing a list at line 2 column 0")]
#[case::no_json("stocks:\n  - sku: A\n", "expected value at line 1 column 1")]
#[case::no_utf_8(
    b"{\"name\": \"\xff\"}",
    "invalid unicode code point at line 1 column 11"
)]
#[case::misspelt(
    "{\n  \"stoks\": []\n}",
    "unknown field `stoks`, expected one of `$schema`, `name`, `description`, `at`, `next_stock_id`, `stock_id_step`, `providers`, `stock_locations`, `stock_lists`, `stocks`, `reservations` at line 2 column 9"
)]
#[case::missing(
    "{\"providers\": [\n  {\"code\": \"acme\"}\n]}",
    "missing field `name` at line 2 column 18"
)]
#[case::no_number(
    "{\"next_stock_id\": \"8\"}",
    "invalid type: string \"8\", expected i64 at line 1 column 21"
)]
#[case::no_provider(
    "{\"stock_locations\": [{\"code\": \"shop\", \"provider\": \"acme\"}]}",
    "stock_locations[0]: there is no provider `acme`"
)]
#[case::no_location(
    "{\"stocks\": [{\"sku\": \"A\", \"provider\": \"acme\", \"location\": \"shop\", \"stock\": 1}]}",
    "stocks[0]: there is no location `shop`"
)]
fn a_world_file_that_is_none_is_refused_where_it_goes_wrong(
    #[case] content: impl AsRef<[u8]>,
    #[case] why: &str,
) {
    let path = file(".json", content);
    assert_eq!(
        refusal(&["--world", &path], &[]),
        format!("--world {path}: {why}")
    );
}

#[rstest]
#[case::cut_off("page-size = 1\nsalable =\n", &["line 2", "column 10"])]
#[case::no_toml("{\"salable\": \"stock\"}", &["line 1", "column 1"])]
#[case::twice("salable = \"stock\"\nsalable = \"stock\"\n", &["line 2", "column 1"])]
#[case::no_utf_8(b"salable = \"\xff\"", &["UTF-8"])]
#[case::no_reading("page-size = 1\nsalabel = \"stock\"\n", &["`salabel`", "`salable`"])]
#[case::no_choice("salable = \"stocks\"\n", &["`salable`", "`stocks`", "active-unreserved, unreserved, stock"])]
#[case::no_number("page-size = 0\n", &["`page-size`", "from 1 to 1000000"])]
#[case::no_text("salable = true\n", &["`salable`", "boolean"])]
#[case::a_table("[salable]\nx = 1\n", &["`salable`", "table"])]
fn a_profile_file_that_is_none_is_refused_where_it_goes_wrong(
    #[case] content: impl AsRef<[u8]>,
    #[case] why: &[&str],
) {
    let path = file(".toml", content);
    let Ended { code, out, err } = run(&["--profile", &path], &[]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    for part in [&[&*format!("--profile {path}: ")], why].concat() {
        assert!(err.contains(part), "no {part:?} in {err}");
    }
}

// Output.

#[track_caller]
fn printed(command: &str) -> String {
    let Ended { code, out, err } = run(&[command], &[]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    out
}

#[test]
fn the_worlds_are_printed_with_what_they_hold() {
    insta::assert_snapshot!(printed("worlds"));
}

#[test]
fn the_readings_are_printed_with_their_choices() {
    insta::assert_snapshot!(printed("readings"));
}

#[test]
fn the_routes_are_printed_with_their_operations() {
    insta::assert_snapshot!(printed("routes"));
}

#[test]
fn the_help_is_printed() {
    insta::assert_snapshot!(printed("--help"));
}

#[test]
fn the_version_is_printed() {
    assert_eq!(
        printed("--version"),
        concat!("whippy-mock ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn the_openapi_document_is_printed_as_it_is_served() {
    let printed: Value = serde_json::from_str(&printed("openapi")).unwrap();
    assert_eq!(printed["openapi"], "3.1.0");
    assert_eq!(printed, openapi::stock_api());
    let mock = Mock::start(&[]);
    let mut served = mock.get("/__admin/openapi.json").expect(200).json();
    // The mock repeats the host of the request.
    assert_eq!(served["servers"][0]["url"], "http://localhost");
    served["servers"] = printed["servers"].clone();
    assert_eq!(served, printed);
}

#[test]
fn every_form_of_the_openapi_document_is_printed_and_served() {
    let mock = Mock::start(&[]);
    let world = "http://localhost/worlds/checkout";
    for form in FORMS {
        let out = run(&["openapi", form.name], &[]).out;
        assert!(out == form.text(None), "{}", form.name);
        for path in [
            format!("/__admin/{}?world=checkout", form.file),
            format!("/worlds/checkout/__admin/{}", form.file),
        ] {
            let served = mock.get(&path).expect(200);
            assert_eq!(served.header("content-type"), form.media_type, "{path}");
            assert!(served.text() == form.text(Some(world)), "{path}");
        }
    }
}

#[test]
fn a_document_of_a_world_that_no_path_can_name_is_refused() {
    let mock = Mock::start(&[]);
    let refused = mock.get("/__admin/openapi.json?world=a%20b").expect(400);
    assert!(refused.text().contains("a b"), "{}", refused.text());
}

#[rstest]
fn a_reader_that_goes_away_is_no_failure(
    #[values("worlds", "readings", "defects", "routes", "openapi")] command: &str,
    #[values(0, 1)] lines: usize,
) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_whippy-mock"))
        .arg(command)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::with_capacity(1, child.stdout.take().unwrap());
    for _ in 0..lines {
        out.read_line(&mut String::new()).unwrap();
    }
    drop(out);
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""));
}

#[rstest]
fn what_is_printed_does_not_depend_on_the_variables_of_the_server(
    #[values("worlds", "readings", "defects", "routes", "openapi")] command: &str,
) {
    let variables: Vec<_> = SETTINGS
        .iter()
        .map(|setting| variable(setting.flag))
        .collect();
    let variables: Vec<_> = variables.iter().map(|name| (name.as_str(), "~")).collect();
    assert_eq!(run(&[command], &variables), run(&[command], &[]));
}

// Effects of the flags.

#[rstest]
#[case::right("Token s3cret", 200)]
#[case::of_any_case("tOKEN s3cret", 200)]
#[case::wrong("Token other", 401)]
#[case::a_part("Token s3cre", 401)]
#[case::longer("Token s3crets", 401)]
#[case::of_another_scheme("Bearer s3cret", 401)]
#[case::none("", 401)]
fn only_the_token_is_let_in(#[case] given: &str, #[case] status: u16) {
    let mock = Mock::start(&["--token=s3cret"]);
    let header = format!("Authorization: {given}");
    mock.ask(message(&format!("GET {STOCKS}"), &[&header], ""))
        .expect(status);
    mock.ask(message(
        &format!("POST {STOCKS}"),
        &[&header],
        &stock("NEW").to_string(),
    ))
    .expect(if status == 200 { 201 } else { 401 });
}

#[rstest]
#[case::any_pair(&[], "x", "y", 200)]
#[case::the_pair(&["--username=ann", "--password=s3cret"], "ann", "s3cret", 200)]
#[case::another_password(&["--username=ann", "--password=s3cret"], "ann", "s3cre", 400)]
#[case::another_username(&["--username=ann", "--password=s3cret"], "bob", "s3cret", 400)]
fn who_logs_in_gets_a_token_that_works(
    #[case] args: &[&str],
    #[case] username: &str,
    #[case] password: &str,
    #[case] status: u16,
) {
    for (tokens, key) in [(None, None), (Some("--token=first,second"), Some("first"))] {
        let args: Vec<_> = args.iter().copied().chain(tokens).collect();
        let mock = Mock::start(&args);
        let answer = mock.ask(login(username, password)).expect(status);
        if status != 200 {
            continue;
        }
        let token = answer.json()["key"].as_str().unwrap().to_owned();
        if let Some(key) = key {
            assert_eq!(token, key);
        }
        let header = format!("Authorization: Token {token}");
        mock.ask(message(&format!("GET {STOCKS}"), &[&header], ""))
            .expect(200);
    }
}

#[rstest]
#[case(
    "+03:00",
    "2023-06-01T15:00:00+03:00",
    "2023-05-10T13:37:18.209869+03:00"
)]
#[case("Z", "2023-06-01T12:00:00Z", "2023-05-10T10:37:18.209869Z")]
#[case(
    "-05:30",
    "2023-06-01T06:30:00-05:30",
    "2023-05-10T05:07:18.209869-05:30"
)]
fn dates_are_shown_at_the_utc_offset(
    #[case] offset: &str,
    #[case] created: &str,
    #[case] seeded: &str,
) {
    let mock = Mock::start(&["--utc-offset", offset, "--clock=2023-06-01T12:00:00Z"]);
    let row = mock.post(STOCKS, &stock("NEW")).expect(201).json();
    assert_eq!(row["created_date"], created);
    let page = mock.get(STOCKS).expect(200).json();
    assert_eq!(page["results"][0]["created_date"], seeded);
}

#[test]
fn a_moment_without_an_offset_is_one_of_the_utc_offset() {
    let mock = Mock::start(&["--utc-offset=-01:00", "--clock=2023-06-01T12:00:00"]);
    assert_eq!(mock.get(CLOCK).json()["now"], "2023-06-01T12:00:00-01:00");
}

#[test]
fn a_fixed_clock_ticks_with_what_reads_it_from_request_to_request() {
    let mock = Mock::start(&[
        "--world=before-create",
        "--clock=2023-05-10T15:15:03.254957+03:00,tick=23",
    ]);
    let now = || mock.get(CLOCK).json()["now"].as_str().unwrap().to_owned();
    let mut shown = vec![now()];
    // The documented create, then a read and a refusal, which do not move the clock, then another
    // create.
    for request in [
        post(STOCKS, &stock(SKU)),
        message(&format!("GET {STOCKS}"), &[], ""),
        post(STOCKS, &stock(SKU)),
        post(STOCKS, &stock("NEW")),
    ] {
        let answer = mock.ask(request);
        let row = answer.json();
        shown.push(format!(
            "{} created {} modified {}, now {}",
            answer.status,
            row["created_date"],
            row["modified_date"],
            now()
        ));
    }
    insta::assert_snapshot!(shown.join("\n"), @r#"
    2023-05-10T15:15:03.254957+03:00
    201 created "2023-05-10T15:15:03.254957+03:00" modified "2023-05-10T15:15:03.254980+03:00", now 2023-05-10T15:15:03.255003+03:00
    200 created null modified null, now 2023-05-10T15:15:03.255003+03:00
    400 created null modified null, now 2023-05-10T15:15:03.255003+03:00
    201 created "2023-05-10T15:15:03.255003+03:00" modified "2023-05-10T15:15:03.255026+03:00", now 2023-05-10T15:15:03.255049+03:00
    "#);
}

// The log.

/// Returns the log of a few requests.
fn log_of(format: &str) -> Vec<String> {
    let mock = Mock::start(&["--log", format, "--body-limit=1000"]);
    mock.get("/api/v1/stocks/?sku=NEW&x=%C3%A9").expect(200);
    mock.post(STOCKS, &stock("NEW")).expect(201);
    mock.ask(message("GET /nowhere/", &[], "")).expect(404);
    mock.get(HEALTH).expect(200);
    let ended = mock.stop();
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""));
    ended.err.lines().map(str::to_owned).collect()
}

#[test]
fn a_text_log_has_a_line_a_request() {
    let shown: Vec<_> = log_of("text")
        .iter()
        .map(|line| {
            let (at, rest) = line.split_once(' ').unwrap();
            assert!(at.ends_with("+03:00"), "{line}");
            let (rest, took) = rest.rsplit_once(' ').unwrap();
            assert!(took.ends_with("µs"), "{line}");
            format!("AT {rest} TOOK")
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    AT 200 GET /api/v1/stocks/?sku=NEW&x=%C3%A9 search-stocks/found documented TOOK
    AT 201 POST /api/v1/stocks/ create-stock/created documented TOOK
    AT 404 GET /nowhere/ unrouted/no-such-path stack TOOK
    AT 200 GET /__admin/health admin/admin  TOOK
    ");
}

#[test]
fn a_json_log_has_an_object_a_request() {
    let shown: Vec<_> = log_of("json")
        .iter()
        .map(|line| {
            let mut line: Value = serde_json::from_str(line).unwrap();
            assert!(line["microseconds"].is_u64(), "{line}");
            assert!(line["at"].as_str().unwrap().ends_with("+03:00"), "{line}");
            line["microseconds"] = 0.into();
            line["at"] = "AT".into();
            line.to_string()
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    {"at":"AT","method":"GET","target":"/api/v1/stocks/?sku=NEW&x=%C3%A9","status":200,"request":1,"world":"default","operation":"search-stocks","rule":"found","grade":"documented","microseconds":0}
    {"at":"AT","method":"POST","target":"/api/v1/stocks/","status":201,"request":2,"world":"default","operation":"create-stock","rule":"created","grade":"documented","microseconds":0}
    {"at":"AT","method":"GET","target":"/nowhere/","status":404,"request":3,"world":"default","operation":"unrouted","rule":"no-such-path","grade":"stack","microseconds":0}
    {"at":"AT","method":"GET","target":"/__admin/health","status":200,"request":null,"world":null,"operation":"admin","rule":"admin","grade":"","microseconds":0}
    "#);
}

#[rstest]
fn a_body_that_is_refused_unread_is_logged_as_well(#[values(STOCKS, RESET)] path: &str) {
    let mock = Mock::start(&["--log=json", "--body-limit=10"]);
    mock.ask(message(
        &format!("POST {path}"),
        &["Content-Length: 11"],
        "",
    ))
    .expect(413);
    let ended = mock.stop();
    let lines: Vec<_> = ended.err.lines().collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line: Value = serde_json::from_str(lines[0]).unwrap();
    assert_eq!(
        (&line["status"], &line["target"]),
        (&json!(413), &json!(path))
    );
}

#[test]
fn the_log_tells_no_secret() {
    let mock = Mock::start(&[
        "--log=json",
        "--token=s3cret",
        "--username=ann",
        "--password=s3cret",
    ]);
    mock.ask(message(
        &format!("GET {STOCKS}"),
        &["Authorization: Token s3cret"],
        "",
    ))
    .expect(200);
    mock.ask(login("ann", "s3cret")).expect(200);
    let ended = mock.stop();
    assert_eq!(ended.err.lines().count(), 2);
    assert!(!ended.err.contains("s3cret"), "{}", ended.err);
}

#[test]
fn without_a_log_nothing_is_said() {
    let mock = Mock::start(&[]);
    mock.get(STOCKS).expect(200);
    assert_eq!(mock.stop().err, "");
}
