//! The command from outside: its exit codes, its output, and the secrets that it never prints.

use std::collections::BTreeSet;

use rstest::rstest;
use rustix::process::Signal;
use serde_json::Value;
use whippy_conformance::model::finding::Level;
use whippy_conformance::model::outcome::{Outcome, Report, Safety};
use whippy_engine::endpoints::call::Settings;
use whippy_engine::profile::Profile;

use crate::process::{Asked, Folder, Mock, Said, Scripted, forwarded, json};

/// An existing check that is quick and writes.
const CREATE: &str = "create/answers-the-stock";

/// A defect that the check finds.
const DEFECT: &str = "create-answers-200";

const PAGE: &str = r#"{"count":0,"next":null,"previous":null,"results":[]}"#;

/// A service that has the list of stocks, without any in it.
fn empty_service(asked: &Asked) -> Said {
    match asked.path.split('?').next() {
        Some("/api/v1/stocks/") if asked.method == "GET" => json(200, PAGE),
        _ => json(404, r#"{"detail":"Not found."}"#),
    }
}

// Exit codes.

#[test]
fn a_run_alone_checks_a_mock_of_its_own_and_is_clean() {
    let folder = Folder::new();
    let ended = folder.run(&["run"]);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.out, ended.err);
    assert!(ended.out.contains("create"), "{}", ended.out);
    assert!(ended.out.contains("clean: "), "{}", ended.out);
    assert_eq!(ended.err, "");
    assert_eq!(
        folder.names(),
        [""; 0],
        "an embedded run leaves no file behind"
    );
}

#[test]
fn a_finding_is_1() {
    let folder = Folder::new();
    let ended = folder.run(&["run", "--defect", DEFECT, "--only", CREATE]);
    assert_eq!(ended.code, Some(1), "{}\n{}", ended.out, ended.err);
    assert!(
        ended
            .out
            .contains("1 cause: create-stock answers 200 for 201 (1 check)"),
        "{}",
        ended.out
    );
}

#[rstest]
#[case::flag(&["run", "--bogus"], "--bogus")]
#[case::level(&["run", "--level", "most"], "'most'")]
#[case::timeout(&["run", "--timeout", "0"], "--timeout")]
#[case::glob(&["run", "--only", "create/["], "--only cannot be `create/[`")]
#[case::idle_skip(&["run", "--skip", "craete/*"], "--skip craete/* matches no check; did you mean `create/*`?")]
#[case::report(&["run", "--report", "xml=x"], "--report xml=x: no report is called `xml`")]
#[case::report_folder(&["run", "--report", "json=no/x"], "--report json=no/x: there is no folder no")]
#[case::report_twice(&["run", "--report=json", "--report=text"], "another report goes there")]
#[case::world(&["run", "--world", "nowhere"], "--world nowhere: no built-in world (documented, ")]
#[case::defect(&["run", "--defect", "creates-answers-200"], "--defect: there is no defect `creates-answers-200`; did you mean `create-answers-200`?")]
#[case::profile(&["run", "--profile", "nowhere"], "--profile nowhere: ")]
#[case::cases(&["run", "--cases", "nowhere"], "--cases nowhere: ")]
#[case::baseline(&["run", "--baseline", "nowhere"], "--baseline nowhere: there is no such file; --update-baseline writes one")]
#[case::update(&["run", "--update-baseline"], "--update-baseline needs --baseline FILE beside it")]
#[case::config(&["run", "--config", "nowhere"], "--config nowhere: ")]
#[case::prefix(&["run", "--sku-prefix", "a b"], "--sku-prefix cannot be `a b`")]
#[case::long_prefix(&["run", "--sku-prefix", "ABCDEFGHIJKLMNOP"], "up to 13 letters")]
#[case::token_alone(&["run", "--token", "t"], "--token is about a target, and there is none: give --target URL")]
#[case::ledger_alone(&["run", "--ledger", "x"], "--ledger is about a target")]
#[case::world_beside(&["run", "--target", "http://127.0.0.1:1", "--world", "demo"], "--world is about the mock of its own")]
#[case::rivals(&["run", "--read-only", "--write"], "--read-only and --write exclude each other")]
#[case::token_twice(&["run", "--token=a", "--token-file=b"], "--token and --token-file exclude each other")]
#[case::username(&["run", "--target=http://127.0.0.1:1", "--username=a"], "--username needs --password or --password-file")]
#[case::password(&["run", "--target=http://127.0.0.1:1", "--password=a"], "--password needs --username")]
#[case::header(&["run", "--target=http://127.0.0.1:1", "--header=a"], "--header takes `NAME: VALUE`")]
#[case::url(&["run", "--target", "localhost:8000"], "`localhost:8000`")]
#[case::token_file(&["run", "--target=http://127.0.0.1:1", "--token-file=nowhere"], "--token-file nowhere: ")]
#[case::places(&["run", "--target=http://127.0.0.1:1", "--read-only", "--create-places"], "--create-places writes, and this run only reads: --write allows it")]
#[case::reset(&["run", "--target=http://x.example", "--reset-target"], "--reset-target writes, and this run only reads")]
#[case::port(&["run", "--target=http://127.0.0.1:99999"], "names the port 99999, and ports end at 65535")]
#[case::port_of_a_bracketed_host(&["run", "--target=http://[::1]:65536"], "names the port 65536")]
#[case::port_of_an_upstream(&["watch", "--upstream=http://127.0.0.1:99999"], "names the port 99999")]
#[case::port_of_a_proxy(&["run", "--target=http://127.0.0.1:1", "--proxy=http://127.0.0.1:99999"], "the proxy names the port 99999")]
#[case::own_path(&["run", "--target=http://127.0.0.1:1/shop/api/v1/stocks/"], "give http://127.0.0.1:1/shop")]
#[case::word_before_the_key(&["run", "--target=http://127.0.0.1:1", "--token=Token abc"], "--token takes the key alone: leave out the `Token ` before it")]
#[case::code_of_a_list(&["run", "--stock-list=alpha"], "it takes the id of a stock list, a number")]
#[case::report_in_a_folder(&["run", "--report=json=."], "--report json=.: it is a folder: name a file in it")]
#[case::certificates(&["run", "--target=http://127.0.0.1:1", "--ca-cert=/dev/null"], "--ca-cert /dev/null: the file has no certificate in it")]
#[case::explain(&["explain", "create/answer-the-stock"], "there is no check `create/answer-the-stock`; did you mean `create/answers-the-stock`?")]
#[case::diff(&["diff", "a", "b"], "a: ")]
#[case::ledger(&["clean-up", "--from", "nowhere"], "--from nowhere: the ledger nowhere cannot be opened")]
fn a_mistake_is_2_and_a_line(#[case] args: &[&str], #[case] said: &str) {
    let ended = Folder::new().run(args);
    assert_eq!(
        (ended.code, ended.out.as_str()),
        (Some(2), ""),
        "{}",
        ended.err
    );
    assert!(ended.err.contains(said), "{}", ended.err);
    let is_the_parsers = ended.err.starts_with("error: ");
    assert!(
        is_the_parsers || ended.err.lines().count() == 1,
        "{}",
        ended.err
    );
}

#[test]
fn a_target_that_nobody_serves_is_3() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let url = format!("http://{address}");
    let folder = Folder::new();
    let err = folder.run(&["run", "--target", &url]).expect(3);
    let expected =
        format!("whippy-conformance: {url} cannot be reached: connection refused by {address}\n");
    assert_eq!(err, expected);
    assert_eq!(
        folder.names(),
        [""; 0],
        "no ledger of what was never written"
    );
}

#[rstest]
#[case::unauthorized(401, "application/json", &[], 3, "refuses the example token with 401: give another with --token-file FILE or --token TOKEN")]
#[case::forbidden(403, "application/json", &["--token=t"], 3, "refuses the token with 403: give another")]
#[case::moved(301, "text/html", &[], 3, "has moved: give --target its new address")]
#[case::nothing_there(404, "text/html", &[], 3, "has no /api/v1/stocks/")]
#[case::a_web_page(200, "text/html; charset=utf-8", &[], 3, "answers with a web page")]
#[case::nobody_behind(503, "text/plain", &[], 3, "nobody behind it")]
fn a_first_look_says_what_is_wrong(
    #[case] status: u16,
    #[case] media: &'static str,
    #[case] args: &[&str],
    #[case] code: i32,
    #[case] said: &str,
) {
    let server = Scripted::start(move |_| {
        let is_page = media.starts_with("text/html");
        let body = if is_page { "<html>" } else { "{}" };
        Some((
            status,
            format!("Content-Type: {media}\r\n"),
            body.to_owned(),
        ))
    });
    let args = [&["run", "--target", &server.url], args].concat();
    let err = Folder::new().run(&args).expect(code);
    assert!(err.contains(said) && err.lines().count() == 1, "{err}");
}

#[rstest]
#[case::throttle(
    429,
    "Retry-After: 0\r\n",
    "{}",
    "answers 429 (too many requests) again and again"
)]
#[case::proxy(407, "", "", "answers 407 (proxy authentication required)")]
#[case::front_end(
    400,
    "Content-Type: text/html\r\n",
    "<h1>Bad Request</h1>",
    "answers 400 and not in JSON"
)]
#[case::another_host(421, "", "", "answers 421 (misdirected request)")]
#[case::portal(511, "", "<a>", "answers 511 with a web page")]
#[case::edge(
    403,
    "Content-Type: text/html\r\n",
    "<html>Attention Required",
    "answers 403 and not in JSON"
)]
#[case::firewall(
    406,
    "Content-Type: text/html\r\n",
    "<h1>",
    "answers 406 and not in JSON"
)]
#[case::text(
    200,
    "Content-Type: text/plain\r\n",
    "OK",
    "answers with something that is not JSON"
)]
fn whoever_answers_in_the_services_place_is_named_in_a_sentence(
    #[case] status: u16,
    #[case] headers: &'static str,
    #[case] body: &'static str,
    #[case] said: &str,
) {
    let server = Scripted::start(move |_| {
        let headers = format!("Server: gate\r\n{headers}");
        Some((status, headers, body.to_owned()))
    });
    let err = Folder::new()
        .run(&["run", "--target", &server.url, "--read-only"])
        .expect(3);
    assert!(err.contains(said), "{err}");
    assert!(
        status == 200 || err.contains("a server that calls itself `gate`"),
        "{err}"
    );
    assert_eq!(err.lines().count(), 1, "{err}");
}

#[test]
fn json_that_is_called_a_page_is_judged() {
    let server = Scripted::start(|_| {
        Some((
            200,
            "Content-Type: text/html\r\n".to_owned(),
            PAGE.to_owned(),
        ))
    });
    let ended = Folder::new().run(&[
        "run",
        "--target",
        &server.url,
        "--read-only",
        "--only={list,always}/*",
    ]);
    assert_eq!(ended.code, Some(1), "{}\n{}", ended.out, ended.err);
    assert!(ended.out.contains("text/html"), "{}", ended.out);
}

#[test]
fn a_redirect_is_told_with_its_destination() {
    let server = Scripted::start(|_| {
        let headers = "Location: https://login.example/sso?next=x\r\n";
        Some((302, headers.to_owned(), String::new()))
    });
    let args = ["run", "--target", &server.url, "--read-only"];
    let err = Folder::new().run(&args).expect(3);
    let said = "answers 302 and leads to https://login.example/sso?next=x, it has moved";
    assert!(err.contains(said), "{err}");
}

#[test]
fn json_that_is_no_page_of_stocks_ends_before_any_write() {
    let server = Scripted::start(|_| json(200, r#"{"status":"ok"}"#));
    for command in ["run", "explore", "calibrate"] {
        let folder = Folder::new();
        let args = [command, "--target", &server.url, "--write"];
        let err = folder.run(&args).expect(3);
        let said =
            r#"JSON that is no page of stocks ({"status":"ok"}): give --target the Stock API"#;
        assert!(err.contains(said), "{err}");
        assert_eq!(folder.names(), [""; 0]);
    }
    let mut asked = server.asked().into_iter();
    assert!(asked.all(|asked| asked.method == "GET"));
}

/// Forwards to a mock, and after forty answers gives another one for ever.
fn turning(mock: &Mock, answer: Said) -> Scripted {
    let left = std::sync::atomic::AtomicI32::new(40);
    let url = mock.url.clone();
    Scripted::start(move |asked| {
        if left.fetch_sub(1, std::sync::atomic::Ordering::Relaxed) > 0 {
            Some(forwarded(&url, asked))
        } else {
            answer.clone()
        }
    })
}

#[rstest]
#[case::gateway(
    503,
    "Content-Type: text/html\r\nRetry-After: Sat, 28 Nov 2099 16:00:00 GMT\r\n",
    "maintenance",
    "answers 503 in the service's place: there is a gateway, and nobody behind it"
)]
#[case::end(0, "", "", "has gone away, and answers nothing since ")]
fn a_service_that_goes_away_meanwhile_is_no_finding(
    #[case] status: u16,
    #[case] headers: &str,
    #[case] body: &str,
    #[case] said: &str,
) {
    let mock = Mock::of_world("demo");
    let server = turning(&mock, Some((status, headers.to_owned(), body.to_owned())));
    for mode in ["--read-only", "--write"] {
        let args = ["run", "--target", &server.url, mode, "--jobs=1"];
        let ended = Folder::new().run(&args);
        assert_eq!(ended.code, Some(3), "{}\n{}", ended.out, ended.err);
        let told = format!("{}{}", ended.out, ended.err);
        assert!(!told.contains("(MUST)"), "{told}");
        if mode == "--read-only" {
            assert!(told.contains(said), "{told}");
        }
    }
}

#[test]
fn a_token_that_expires_meanwhile_is_no_finding() {
    let mock = Mock::of_world("demo");
    let server = turning(&mock, json(401, r#"{"detail":"Invalid token."}"#));
    let ended = Folder::new().run(&[
        "run",
        "--target",
        &server.url,
        "--token=the-token",
        "--read-only",
    ]);
    assert_eq!(ended.code, Some(3), "{}\n{}", ended.out, ended.err);
    assert!(
        ended.out.contains("takes the token no more"),
        "{}",
        ended.out
    );
    assert!(
        server.asked().len() < 150,
        "it goes on: {}",
        server.asked().len()
    );
}

// Named places.

#[rstest]
#[case::provider(&["--provider=nope"], "--provider nope: there is no provider `nope`; there are: ")]
#[case::location(&["--location=nope"], "--location nope: there is no location `nope`; there are: ")]
#[case::foreign(&["--foreign-location=nope"], "--foreign-location nope: there is no location `nope`")]
#[case::stock_list(&["--stock-list=987654"], "--stock-list 987654: there is no stock list `987654`; there ")]
fn a_place_that_is_not_there_is_a_mistake(#[case] args: &[&str], #[case] said: &str) {
    let mock = Mock::of_world("demo");
    let target = format!("--target={}", mock.url);
    for command in ["run", "explore", "calibrate"] {
        for place in ["", "--read-only"] {
            let mut all = vec![command, &target];
            all.extend(args.iter().chain([&place]).filter(|arg| !arg.is_empty()));
            let folder = Folder::new();
            let ended = folder.run(&all);
            assert_eq!(
                (ended.code, ended.out.as_str()),
                (Some(2), ""),
                "{}",
                ended.err
            );
            assert!(ended.err.contains(said), "{}", ended.err);
            assert_eq!(folder.names(), [""; 0]);
        }
    }
    let ended = Folder::new().run(&[&["run"], args].concat());
    assert_eq!(ended.code, Some(2), "{}", ended.err);
}

#[test]
fn a_place_in_an_empty_database_is_a_mistake() {
    let mock = Mock::of_world("empty");
    let args = ["run", "--target", &mock.url, "--provider=shop"];
    let variable = [("WHIPPY_CONFORMANCE_LOCATION", "main")];
    let err = Folder::new().run_with(&args, &variable).expect(2);
    assert!(
        err.contains("there is no provider `shop`; there are none"),
        "{err}"
    );
    let args = ["run", "--target", &mock.url];
    let err = Folder::new().run_with(&args, &variable).expect(2);
    let said = "WHIPPY_CONFORMANCE_LOCATION main: there is no location `main`; there are none";
    assert!(err.contains(said), "{err}");
}

#[test]
fn a_location_of_another_provider_is_a_mistake() {
    let mock = Mock::of_world("demo");
    let list = |path: &str| mock.get(path)["results"].as_array().unwrap().clone();
    let providers = list("/api/v1/providers/");
    let location = list("/api/v1/stock-locations/").remove(0);
    let is_owner = |provider: &&Value| provider["id"] == location["provider"];
    let owner = providers.iter().find(is_owner).unwrap()["name"]
        .as_str()
        .unwrap();
    let other = providers
        .iter()
        .find(|provider| !is_owner(provider))
        .unwrap();
    let other = format!("--provider={}", other["name"].as_str().unwrap());
    let code = location["code"].as_str().unwrap();
    let at = format!("--location={code}");
    let err = Folder::new()
        .run(&["run", "--target", &mock.url, &other, &at])
        .expect(2);
    assert!(
        err.contains(&format!(
            "location `{code}` is of provider `{owner}`, not of "
        )),
        "{err}"
    );
    let foreign = format!("--foreign-location={code}");
    let own = format!("--provider={owner}");
    let err = Folder::new()
        .run(&["run", "--target", &mock.url, &own, &foreign])
        .expect(2);
    assert!(
        err.contains("and it takes one of another provider"),
        "{err}"
    );
}

/// Forwards to a mock without its lists of places, which the documentation does not mention.
fn without_places(mock: &Mock) -> Scripted {
    let url = mock.url.clone();
    Scripted::start(move |asked| {
        let is_missing = ["providers", "stock-locations", "stock-lists"]
            .iter()
            .any(|path| asked.path.starts_with(&format!("/api/v1/{path}/")));
        if is_missing {
            json(404, r#"{"detail":"Not found."}"#)
        } else {
            Some(forwarded(&url, asked))
        }
    })
}

#[test]
fn a_place_that_cannot_be_looked_up_is_tried_out_before_the_checks() {
    let mock = Mock::of_world("demo");
    let server = without_places(&mock);
    for command in ["run", "explore", "calibrate"] {
        let folder = Folder::new();
        let places = ["--provider=nope", "--location=1"];
        let args = [&[command, "--target", &server.url, "--write"], &places[..]].concat();
        let err = folder.run(&args).expect(2);
        let said =
            "--provider nope: the service says that location 1 does not belong to provider nope";
        assert!(err.contains(said), "{err}");
        assert_eq!(folder.names(), [""; 0]);
    }
    let asked = server.asked().into_iter();
    assert_eq!(asked.filter(|asked| asked.method == "POST").count(), 3);
}

/// A mock whose stocks show the code of their provider in place of its name.
fn by_code(mock: &Mock) -> Scripted {
    let url = mock.url.clone();
    let page = mock.get("/api/v1/providers/?limit=100");
    let pair = |row: &Value| {
        let member = |name: &str| format!(r#""provider":{}"#, row[name]);
        (member("name"), member("code"))
    };
    let rows = page["results"].as_array().unwrap();
    let pairs: Vec<(String, String)> = rows.iter().map(pair).collect();
    let pairs = std::sync::Mutex::new(pairs);
    Scripted::start(move |asked| {
        let mut pairs = pairs.lock().unwrap();
        if !asked.path.starts_with("/api/v1/stocks/") {
            let answer = forwarded(&url, asked);
            if asked.method == "POST" && asked.path == "/api/v1/providers/" {
                pairs.push(pair(&serde_json::from_str(&answer.2).unwrap()));
            }
            return Some(answer);
        }
        let mut asked = asked.clone();
        for (name, code) in &*pairs {
            // Its own names are none of its stocks' providers.
            asked.body = asked.body.replace(name, r#""provider":"none""#);
            asked.body = asked.body.replace(code, name);
        }
        let lines = asked.head.trim_end().lines();
        let lines = lines.filter(|line| !line.to_lowercase().starts_with("content-length"));
        let head = lines.collect::<Vec<_>>().join("\r\n");
        asked.head = format!("{head}\r\ncontent-length: {}\r\n\r\n", asked.body.len());
        let (status, headers, mut body) = forwarded(&url, &asked);
        for (name, code) in &*pairs {
            body = body.replace(name, code);
        }
        Some((status, headers, body))
    })
}

#[test]
fn a_provider_goes_by_the_value_that_its_stocks_show() {
    let mock = Mock::of_world("demo");
    let provider = mock.get("/api/v1/providers/?limit=1")["results"][0].clone();
    let (name, code) = (provider["name"].as_str().unwrap(), &provider["code"]);
    let server = by_code(&mock);
    let checks = format!("--only={{{CREATE},search/provider-name-may-be-a-part}}");
    let by_name = format!("--provider={name}");
    let by_its_code = format!("--provider={}", code.as_str().unwrap());
    for named in ["", &by_name, &by_its_code] {
        let mut args = vec!["--target", &server.url, "--write", &checks];
        args.extend(Some(named).filter(|named| !named.is_empty()));
        let report = Folder::new().report(&args);
        assert_eq!(report.environment["provider"], *code, "{named}");
        let unclean: Vec<_> = report
            .checks
            .iter()
            .filter(|check| check.outcome != Outcome::Pass)
            .collect();
        assert!(unclean.is_empty(), "{named} {unclean:#?}");
    }
}

#[test]
fn the_codes_of_created_providers_are_taken_where_stocks_show_codes() {
    let mock = Mock::of_world("demo");
    let server = by_code(&mock);
    let args = [
        "--target",
        &server.url,
        "--write",
        "--create-places",
        "--only",
        CREATE,
    ];
    let report = Folder::new().report(&args);
    let provider = report.environment["provider"].as_str().unwrap();
    assert!(
        provider.ends_with("own") && !provider.contains(' '),
        "{provider}"
    );
    assert_eq!(report.exit_code, 0, "{}", report.verdict);
}

#[test]
fn where_no_places_are_listed_those_that_are_named_are_worked_with() {
    let mock = Mock::of_world("demo");
    let stock = mock.get("/api/v1/stocks/?limit=1")["results"][0].clone();
    let server = without_places(&mock);
    let provider = format!("--provider={}", stock["provider"].as_str().unwrap());
    let location = format!("--location={}", stock["location"].as_str().unwrap());
    let args = ["--target", &server.url, "--write", &provider, &location];
    let report = Folder::new().report(&args);
    let reasons = report
        .checks
        .iter()
        .filter_map(|check| check.reason.as_deref());
    let failing: Vec<_> = report
        .checks
        .iter()
        .filter(|check| check.outcome == Outcome::Fail)
        .map(|check| &check.id)
        .collect();
    assert!(failing.is_empty(), "{failing:?}");
    let asking: Vec<_> = reasons
        .filter(|why| why.contains("--provider") || why.contains("--location"))
        .filter(|why| !why.contains("-location CODE"))
        .collect();
    assert!(asking.is_empty(), "{asking:?}");
    let create = report
        .checks
        .iter()
        .find(|check| check.id == CREATE)
        .unwrap();
    assert_eq!(create.outcome, Outcome::Pass, "{create:?}");
}

// Requests that are sent without being asked for.

/// Forwards to a mock without its admin paths, like a service behind a tunnel.
fn tunnel(mock: &Mock) -> Scripted {
    let url = mock.url.clone();
    Scripted::start(move |asked| {
        if asked.path.starts_with("/__admin/") {
            json(404, r#"{"detail":"Not found."}"#)
        } else {
            Some(forwarded(&url, asked))
        }
    })
}

#[test]
fn this_machine_alone_is_no_leave_to_write() {
    let mock = Mock::of_world("demo");
    let server = tunnel(&mock);
    for command in ["run", "explore", "calibrate"] {
        let folder = Folder::new();
        let only: &[&str] = match command {
            "run" => &["--only={create,list}/*"],
            "explore" => &["--requests=200"],
            _ => &[],
        };
        let ended = folder.run(&[&[command, "--target", &server.url], only].concat());
        assert_eq!(ended.code, Some(0), "{}\n{}", ended.out, ended.err);
        let written: Vec<_> = server.asked();
        let written: Vec<_> = written
            .iter()
            .filter(|asked| asked.method == "POST")
            .collect();
        assert!(written.is_empty(), "{written:#?}");
    }
    let args = ["--target", &server.url, "--write", "--only", CREATE];
    let report = Folder::new().report(&args);
    assert_eq!(report.mode, Safety::Write);
}

#[test]
fn checks_that_were_not_made_are_told_and_not_called_clean() {
    let mock = Mock::of_world("demo");
    let target = ["run", "--target", &mock.url, "--only={create,list}/*"];
    let ended = Folder::new().run(&[&target[..], &["--read-only"]].concat());
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.out, ended.err);
    let told = ended.out.lines().last().unwrap();
    assert!(!told.contains("clean"), "{told}");
    assert!(told.contains(" were not made ("), "{told}");
    assert!(told.contains("× it writes: --write allows it"), "{told}");
}

#[test]
fn a_write_budget_that_is_spent_leaves_no_verdict() {
    let mock = Mock::of_world("demo");
    let args = [
        "run",
        "--target",
        &mock.url,
        "--write-budget=3",
        "--only={create,list}/*",
    ];
    let ended = Folder::new().run(&args);
    assert_eq!(ended.code, Some(3), "{}\n{}", ended.out, ended.err);
    let told = ended.out.lines().last().unwrap();
    assert!(told.contains("the write budget is spent, and "), "{told}");
    assert!(told.contains("give a larger --write-budget"), "{told}");
}

#[test]
fn a_run_that_reads_without_a_user_name_neither_logs_in_nor_asks_the_upsert() {
    let mock = Mock::of_world("demo");
    let server = tunnel(&mock);
    let ended = Folder::new().run(&["run", "--read-only", "--target", &server.url]);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.out, ended.err);
    for asked in server.asked() {
        let is_login = asked.method == "POST" && asked.path.contains("/auth/login");
        let is_upsert = asked.path.contains("insert_or_update_stock");
        assert!(!is_login && !is_upsert, "{asked:?}");
    }
}

#[test]
fn a_target_elsewhere_that_asks_for_a_token_is_a_mistake_of_the_command_line() {
    let proxy = Scripted::start(|_| json(401, "{}"));
    let args = [
        "run",
        "--target=http://stock.example",
        "--proxy",
        &proxy.url,
    ];
    let err = Folder::new().run(&args).expect(2);
    assert_eq!(
        err,
        "whippy-conformance: http://stock.example asks for a token: give --token-file FILE, \
         --token TOKEN, or --username and --password\n"
    );
    let asked = proxy.asked();
    assert!(
        !asked[0].head.to_lowercase().contains("authorization"),
        "no made-up token leaves"
    );
}

#[rstest]
#[case::refused(
    400,
    "{}",
    "refuses the login with 400: are --username and --password right?"
)]
#[case::none(404, "{}", "has no login at /api/v1/auth/login/: give --token instead")]
#[case::no_key(200, "{}", "answers the login without a key")]
fn a_login_that_fails_is_3(#[case] status: u16, #[case] body: &'static str, #[case] said: &str) {
    let server = Scripted::start(move |_| json(status, body));
    let args = [
        "run",
        "--target",
        &server.url,
        "--username=u",
        "--password=p",
    ];
    let err = Folder::new().run(&args).expect(3);
    assert!(err.contains(said), "{err}");
}

#[test]
fn a_login_gets_the_token_that_is_sent() {
    let server = Scripted::start(|asked| match asked.path.as_str() {
        "/api/v1/auth/login/" => json(200, r#"{"key":"the-key"}"#),
        _ => empty_service(asked),
    });
    let args = [
        "run",
        "--read-only",
        "--only=always/*",
        "--target",
        &server.url,
        "--username=u",
    ];
    Folder::new().run_with(&args, &[("WHIPPY_CONFORMANCE_PASSWORD", "p")]);
    let asked = server.asked();
    assert_eq!(asked[0].body, r#"{"username":"u","password":"p"}"#);
    let is_sent = |asked: &Asked| {
        asked
            .head
            .to_lowercase()
            .contains("authorization: token the-key\r\n")
    };
    assert!(
        !is_sent(&asked[0]) && asked[1..].iter().all(is_sent),
        "{asked:#?}"
    );
}

#[rstest]
#[case::no_match(&["--only", "craete/*"], "--only craete/* matches no check; did you mean `create/*`?")]
#[case::all_disabled(&["--only", CREATE, "--read-only"], "no check ran: it writes: --write allows it")]
#[case::nothing_to_judge(&["--only", "always/*"], "no check ran")]
fn a_run_of_nothing_is_4(#[case] args: &[&str], #[case] said: &str) {
    let ended = Folder::new().run(&[&["run"], args].concat());
    assert_eq!(ended.code, Some(4), "{}\n{}", ended.out, ended.err);
    assert!((ended.out + &ended.err).contains(said));
}

#[test]
fn a_check_that_is_disabled_names_the_flag_and_fails_a_run_on_demand() {
    let server = Scripted::start(empty_service);
    let folder = Folder::new();
    let args = [
        "--target",
        &server.url,
        "--write",
        "--only=create/*",
        "--only=always/*",
    ];
    let report = folder.report(&args);
    let check = report
        .checks
        .iter()
        .find(|check| check.id == CREATE)
        .unwrap();
    assert_eq!(check.outcome, Outcome::Disabled);
    assert_eq!(check.reason.as_deref(), Some("it needs --provider NAME"));
    let mock = Mock::of_world("empty");
    let args = [
        "--target",
        &mock.url,
        "--only",
        CREATE,
        "--only=pages/*",
        "--fail-on-disabled",
    ];
    let report = folder.report(&args);
    assert_eq!(report.exit_code, 1, "{}", report.verdict);
    assert!(
        report.verdict.contains("disabled, first: it needs --"),
        "{}",
        report.verdict
    );
}

// The baseline.

#[test]
fn a_known_finding_fails_nothing_until_it_is_none_any_more() {
    let folder = Folder::new();
    let run =
        |args: &[&str]| folder.report(&[&["--only", CREATE, "--baseline", "known"], args].concat());
    let report = run(&["--defect", DEFECT, "--update-baseline"]);
    assert_eq!(
        (report.exit_code, report.checks[0].known),
        (0, true),
        "{}",
        report.verdict
    );
    let text = folder.read("known");
    assert!(
        text.starts_with("# Known causes of whippy-conformance"),
        "{text}"
    );
    assert!(
        text.ends_with(&format!(
            "\n\"{CAUSE}\" = {{ why = \"create-stock answers 200 for 201\", checks = [\"{CREATE}\"] }}\n"
        )),
        "{text}"
    );

    assert_eq!(run(&["--defect", DEFECT]).exit_code, 0);
    let report = run(&[]);
    assert_eq!(
        (report.exit_code, report.stale),
        (5, vec![CAUSE.to_owned()])
    );
    assert!(
        report.verdict.contains("the baseline is stale"),
        "{}",
        report.verdict
    );
    assert_eq!(run(&["--update-baseline"]).exit_code, 0);
    assert!(!folder.read("known").contains(CAUSE));
}

/// The difference caused by the defect.
const CAUSE: &str = "create-stock/200-for-201";

#[test]
fn a_known_status_of_one_operation_excuses_no_other() {
    let folder = Folder::new();
    folder.file("known", &format!("\"{CAUSE}\" = \"The vendor knows.\"\n"));
    let run = |defects: &[&str]| {
        let mut args = vec!["--baseline", "known"];
        args.extend(defects.iter().flat_map(|defect| ["--defect", defect]));
        folder.report(&args)
    };
    let report = run(&[DEFECT]);
    assert_eq!(report.exit_code, 0, "{}", report.verdict);
    let report = run(&[DEFECT, "increase-answers-200"]);
    assert_eq!(report.exit_code, 1, "{}", report.verdict);
    assert!(
        report
            .verdict
            .starts_with("1 cause: increase-reserved-stock answers 200 for 201"),
        "{}",
        report.verdict
    );
}

#[test]
fn one_cause_is_told_once_and_hides_no_other() {
    let folder = Folder::new();
    let report = folder.report(&["--defect", DEFECT]);
    let ids = |report: &Report| -> Vec<String> {
        report.causes.iter().map(|cause| cause.id.clone()).collect()
    };
    assert_eq!(ids(&report), [CAUSE]);
    assert!(report.causes[0].checks.len() > 10, "{:?}", report.causes);
    let unmade = report
        .checks
        .iter()
        .filter(|check| check.outcome.is_no_verdict());
    assert_eq!(unmade.count(), 0);
    let report = folder.report(&["--defect", DEFECT, "--defect", "increase-counts-two"]);
    let ids = ids(&report);
    assert!(ids.contains(&CAUSE.to_owned()), "{ids:?}");
    assert!(
        ids.iter()
            .any(|id| id.starts_with("increase-reserved-stock/")),
        "{ids:?}"
    );
}

#[test]
fn a_baseline_keeps_its_comments_and_what_did_not_run() {
    let folder = Folder::new();
    let kept = "# Ours.\n\"create-stock/answers-500\" = \"It did not run.\"  # True.\n\n";
    let gone = format!(
        "\"{CAUSE}\" = {{ why = \"\"\"\nIt\npasses.\"\"\", checks = [\"{CREATE}\"] }}\n\
         \"login/answers-500\" = {{ why = \"\", checks = [\"no/such-check\"] }}\n"
    );
    folder.file("known", &format!("{kept}{gone}"));
    let args = ["--only", CREATE, "--baseline", "known"];
    assert_eq!(folder.report(&args).stale, [CAUSE, "login/answers-500"]);
    let report = folder.report(&[&args[..], &["--update-baseline"]].concat());
    assert_eq!((report.exit_code, report.stale), (0, Vec::new()));
    assert_eq!(folder.read("known"), kept);
}

#[rstest]
#[case(
    "# Ours.\ncreate = 1\n",
    "line 2: `create` is no known cause like `\"create-stock/200-for-201\" = \"why\"`"
)]
#[case("\"a/b\" = true\n", "line 1: `a/b` is no known cause")]
#[case(
    "\n\"create/answers-the-stock\" = \"expected 201, got 200\"\n",
    "line 2: `create/answers-the-stock` is a check, and a baseline names causes like"
)]
#[case("\"a/b\" = ''\n# c\n\"a/b\" = ''\n", "line 3: duplicate key")]
#[case("a/b\n", "line 1: ")]
fn a_baseline_that_is_none_is_refused(#[case] text: &str, #[case] said: &str) {
    let folder = Folder::new();
    folder.file("known", text);
    let err = folder.run(&["run", "--baseline", "known"]).expect(2);
    assert!(err.contains(&format!("--baseline known: {said}")), "{err}");
}

// Safety.

#[test]
fn a_target_elsewhere_is_only_read() {
    let proxy = Scripted::start(|asked| {
        let path = asked
            .path
            .trim_start_matches("http://stock.example")
            .to_owned();
        empty_service(&Asked {
            path,
            ..asked.clone()
        })
    });
    let args = ["--target=http://stock.example", "--proxy", &proxy.url];
    let report = Folder::new().report(&args);
    assert_eq!(report.mode, Safety::Read);
    let sent: BTreeSet<_> = proxy
        .asked()
        .into_iter()
        .map(|asked| asked.method)
        .collect();
    let harmless = ["GET", "HEAD", "OPTIONS"].map(str::to_owned);
    assert!(
        sent.iter().all(|method| harmless.contains(method)),
        "{sent:?}"
    );
    let writes = report
        .checks
        .iter()
        .filter(|check| check.safety == Safety::Write);
    assert!(writes.clone().count() > 0);
    assert!(writes.into_iter().all(|check| !check.outcome.ran()));
}

#[test]
fn a_run_leaves_nothing_behind_that_anybody_could_sell() {
    let mock = Mock::of_world("demo");
    let folder = Folder::new();
    let report = folder.report(&[
        "--target",
        &mock.url,
        "--only=create/*",
        "--sku-prefix=OURS-",
    ]);
    assert_eq!(report.exit_code, 0, "{}", report.verdict);
    let stocks = mock.stocks("OURS-");
    assert!(!stocks.is_empty(), "it wrote");
    assert!(stocks.iter().all(is_neutral), "{stocks:#?}");
    assert_eq!(folder.names(), ["report.json"], "the ledger is gone");
    assert!(report.clean_up.unwrap().left.is_empty());

    let prefix = |stock: &Value| stock["sku"].as_str().unwrap()[..15].to_owned();
    let before: BTreeSet<_> = stocks.iter().map(prefix).collect();
    folder.report(&[
        "--target",
        &mock.url,
        "--only=create/*",
        "--sku-prefix=OURS-",
    ]);
    let after: BTreeSet<_> = mock.stocks("OURS-").iter().map(prefix).collect();
    assert_eq!(
        (before.len(), after.len()),
        (1, 2),
        "no two runs share SKUs"
    );
}

fn is_neutral(stock: &Value) -> bool {
    stock["stock"] == 0 && stock["reserved_stock"] == 0 && stock["is_active"] == false
}

#[test]
fn a_whole_run_leaves_nothing_behind_but_the_places_that_it_was_let_create() {
    let mock = Mock::of_world("demo");
    let folder = Folder::new();
    for args in [&[][..], &["--create-places"]] {
        let report =
            folder.report(&[&["--target", &mock.url, "--sku-prefix=OURS-"], args].concat());
        assert_eq!(report.exit_code, 0, "{}", report.verdict);
        let left = report.clean_up.unwrap().left;
        let is_place = |left: &String| {
            left.ends_with(": it stays, as the API deletes none of its providers")
                || left.ends_with(" of its stock-locations")
                || left.ends_with(" of its stock-lists")
        };
        assert!(left.iter().all(is_place), "{left:#?}");
        assert_eq!(left.is_empty(), args.is_empty());
    }
    let stocks = mock.stocks("OURS-");
    assert!(
        stocks.len() > 100 && stocks.iter().all(is_neutral),
        "{stocks:#?}"
    );
    assert_eq!(folder.names(), ["report.json"]);
}

#[test]
fn what_cannot_be_cleaned_up_is_3_and_the_ledger_is_kept() {
    let mock = Mock::of_world("demo");
    let proxied = mock.url.clone();
    // Upserts are refused, so nothing can be neutralised.
    let server = Scripted::start(move |asked| {
        if asked.path.contains("insert_or_update") {
            return json(400, "{}");
        }
        Some(forwarded(&proxied, asked))
    });
    let folder = Folder::new();
    let report = folder.report(&["--target", &server.url, "--only", CREATE, "--ledger=kept"]);
    assert_eq!(report.exit_code, 3, "{}", report.verdict);
    assert!(
        report
            .verdict
            .ends_with("not everything that was written is cleaned up: kept says what"),
        "{}",
        report.verdict
    );
    assert_eq!(folder.names(), ["kept", "report.json"]);
    let ended = folder.run(&["clean-up", "--from=kept"]);
    assert_eq!(ended.code, Some(3), "{}", ended.out);
    assert!(
        ended.err.contains("something is left, so kept is kept"),
        "{}",
        ended.err
    );
    let other = folder.run(&["clean-up", "--from=kept", "--target", &mock.url]);
    assert_eq!(other.code, Some(2), "{}", other.err);
}

#[test]
fn a_ledger_that_is_there_already_is_not_written_over() {
    let mock = Mock::of_world("demo");
    let folder = Folder::new();
    folder.file("kept", "of another run");
    let err = folder
        .run(&["run", "--target", &mock.url, "--ledger=kept"])
        .expect(2);
    assert!(err.contains("the ledger kept cannot be created"), "{err}");
    assert_eq!(folder.read("kept"), "of another run");
}

#[test]
fn a_reset_target_ends_as_it_began() {
    let mock = Mock::start("demo", Settings::default(), Some("admin"));
    let folder = Folder::new();
    let before = mock.get("/api/v1/stocks/?limit=1000");
    let args = [
        "--target",
        &mock.url,
        "--reset-target",
        "--admin-token=admin",
        "--only={documented,create}/*",
    ];
    let report = folder.report(&args);
    assert_eq!(report.exit_code, 0, "{}", report.verdict);
    let replays = report
        .checks
        .iter()
        .filter(|check| check.section() == "documented");
    assert_eq!(
        replays
            .filter(|check| check.outcome == Outcome::Pass)
            .count(),
        19
    );
    assert_eq!(mock.get("/api/v1/stocks/?limit=1000"), before);
    assert_eq!(folder.names(), ["report.json"]);
}

#[test]
fn the_first_interrupt_cleans_up() {
    let mock = Mock::of_world("demo");
    let folder = Folder::new();
    let process = folder.start(
        &[
            "run",
            "--target",
            &mock.url,
            "--rate=40",
            "--sku-prefix=OURS-",
            "--report=json=report.json",
            "--quiet",
        ],
        &[],
    );
    while mock.stocks("OURS-").is_empty() {
        std::thread::yield_now();
    }
    process.signal(Signal::INT);
    let said = process.said();
    assert!(
        said.contains("ending after the checks under way; again ends it at once"),
        "{said}"
    );
    let err = process.ended().expect(3);
    assert!(err.contains("no verdict: the run was interrupted"), "{err}");
    let stocks = mock.stocks("OURS-");
    assert!(stocks.iter().all(is_neutral), "{stocks:#?}");
    assert_eq!(folder.names(), ["report.json"]);
}

#[test]
fn the_second_interrupt_ends_at_once_and_names_the_ledger_to_clean_up_from() {
    let mock = Mock::of_world("demo");
    let url = mock.url.clone();
    let folder = Folder::new();
    // Slow enough that the checks under way outlast the test.
    let args = [
        "run",
        "--target",
        &url,
        "--rate=4",
        "--sku-prefix=OURS-",
        "--ledger=kept",
    ];
    let process = folder.start(&args, &[]);
    while mock.stocks("OURS-").is_empty() {
        std::thread::yield_now();
    }
    process.signal(Signal::INT);
    process.said();
    process.signal(Signal::TERM);
    let err = process.ended().expect(130);
    assert_eq!(
        err,
        "whippy-conformance: ended; `whippy-conformance clean-up --from kept` neutralises what is left\n"
    );
    assert_eq!(folder.names(), ["kept"]);

    let ended = folder.run(&["clean-up", "--from", "kept"]);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.out, ended.err);
    assert!(ended.out.contains("neutralised"), "{}", ended.out);
    let stocks = mock.stocks("OURS-");
    assert!(
        !stocks.is_empty() && stocks.iter().all(is_neutral),
        "{stocks:#?}"
    );
    assert_eq!(folder.names(), [""; 0]);
}

// Secrets.

#[test]
fn no_output_has_a_secret_in_it_though_the_target_echoes_them() {
    const TOKEN: &str = "the-token-of-\u{fc}";
    const PASSWORD: &str = "pass \"word\"";
    let server = Scripted::start(|asked| {
        let head = asked.head.replace(['\r', '\n'], " ");
        let echo = serde_json::json!({"results": [], "head": head, "body": asked.body, "raw": [TOKEN, PASSWORD], TOKEN: 1});
        let headers = format!("Content-Type: application/json\r\nX-Echo: {PASSWORD}\r\n");
        match asked.path.as_str() {
            "/api/v1/auth/login/" => Some((200, headers, format!(r#"{{"key":"{TOKEN}"}}"#))),
            _ => Some((200, headers, echo.to_string())),
        }
    });
    let folder = Folder::new();
    folder.file("password", &format!("{PASSWORD}\n"));
    let formats = ["text", "json", "junit", "markdown", "html", "github"];
    let reports: Vec<_> = formats
        .iter()
        .map(|format| format!("--report={format}={format}.out"))
        .collect();
    let mut args = vec![
        "run",
        "--target",
        &server.url,
        "--username=somebody",
        "--password-file=password",
        "--provider=p",
        "--location=l",
        "--header=X-Api-Key: key-of-somebody",
        "--jobs=1",
    ];
    args.extend(reports.iter().map(String::as_str));
    let ended = folder.run(&args);
    assert!(matches!(ended.code, Some(1)), "{}", ended.err);
    let mut outputs = vec![("stdout", ended.out), ("stderr", ended.err)];
    outputs.extend(formats.map(|format| (format, folder.read(&format!("{format}.out")))));
    for (what, text) in outputs {
        for secret in [
            TOKEN,
            PASSWORD,
            "pass \\\"word\\\"",
            "pass &quot;word&quot;",
            "the-token-of",
            "key-of-somebody",
        ] {
            let at = text.find(secret);
            let around = at.map(|at| {
                text[at.saturating_sub(80)..]
                    .chars()
                    .take(200)
                    .collect::<String>()
            });
            assert_eq!(around, None, "{what} has `{secret}` in it");
        }
        let shows = ["text", "json", "html"].contains(&what);
        assert!(
            !shows || text.contains("(redacted)"),
            "{what} shows nothing at all"
        );
    }
}

#[test]
fn the_help_shows_no_value_of_a_variable() {
    let folder = Folder::new();
    let variables = [
        ("WHIPPY_CONFORMANCE_TOKEN", "s3cret"),
        ("WHIPPY_CONFORMANCE_PASSWORD", "s3cret"),
    ];
    let ended = folder.run_with(&["run", "--help"], &variables);
    assert_eq!(ended.code, Some(0));
    assert!(!ended.out.contains("s3cret"));
}

// Flags, variables, settings.

#[test]
fn a_flag_goes_before_a_variable_before_the_file() {
    let folder = Folder::new();
    let only = ["--only", CREATE];
    let level = |args: &[&str], variables: &[(&str, &str)]| {
        folder.report_with(&[&only, args].concat(), variables).level
    };
    let variable = [("WHIPPY_CONFORMANCE_LEVEL", "may")];
    assert_eq!(level(&[], &[]), Level::Must);
    folder.file("whippy-conformance.toml", "level = \"should\"\n");
    assert_eq!(level(&[], &[]), Level::Should);
    assert_eq!(level(&[], &variable), Level::May);
    assert_eq!(level(&["--level=must"], &variable), Level::Must);
    folder.file("other.toml", "level = \"may\"\n");
    assert_eq!(level(&["--config=other.toml"], &[]), Level::May);
    assert_eq!(
        level(&[], &[("WHIPPY_CONFORMANCE_CONFIG", "other.toml")]),
        Level::May
    );
}

#[test]
fn a_flag_goes_before_its_rival_elsewhere() {
    let folder = Folder::new();
    let mode = |args: &[&str], variables: &[(&str, &str)]| {
        folder
            .report_with(
                &[&["--only", "{create,pages,always}/*"], args].concat(),
                variables,
            )
            .mode
    };
    folder.file("whippy-conformance.toml", "read-only = true\n");
    assert_eq!(mode(&[], &[]), Safety::Read);
    assert_eq!(mode(&["--write"], &[]), Safety::Write);
    assert_eq!(
        mode(&[], &[("WHIPPY_CONFORMANCE_WRITE", "1")]),
        Safety::Write
    );
    assert_eq!(
        mode(&["--read-only"], &[("WHIPPY_CONFORMANCE_WRITE", "1")]),
        Safety::Read
    );
}

#[test]
fn one_variable_may_hold_several_values() {
    let folder = Folder::new();
    let ids = |variable: &str| {
        let report = folder.report_with(&[], &[("WHIPPY_CONFORMANCE_ONLY", variable)]);
        report
            .checks
            .into_iter()
            .map(|check| check.id)
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(CREATE), [CREATE]);
    let several = ids(&format!("{CREATE}, documented/{{create-201,list-200}}"));
    assert_eq!(
        several,
        [CREATE, "documented/create-201", "documented/list-200"]
    );
    folder.file(
        "whippy-conformance.toml",
        &format!("only = [\"{CREATE}\", \"documented/list-200\"]\njobs = 2\nquiet = false\n"),
    );
    let report = folder.report(&[]);
    assert_eq!(report.checks.len(), 2);
}

#[rstest]
#[case(
    "levle = \"must\"",
    "1: there is no setting `levle`; did you mean `level`?"
)]
#[case("\n\nlevel = \"most\"", "3: invalid value 'most' for '--level")]
#[case("# x\nquiet = \"yes\"", "2: `quiet` takes true or false")]
#[case("jobs = true", "1: `jobs` takes a value, not true or false")]
#[case("jobs = 0", "1: invalid value '0' for '--jobs")]
#[case("level = [\"must\", \"may\"]", "1: `level` takes one value")]
#[case(
    "only = [1, {}]",
    "1: `only` cannot be a TOML array of anything but texts"
)]
#[case("[target]\nurl = 1", "1: `target` cannot be a TOML table")]
#[case("jobs = ", "1: ")]
#[case(
    "token = \"t\"",
    "1: `token` is a secret, and this file is none: use `token-file` or the variable WHIPPY_CONFORMANCE_TOKEN"
)]
#[case("password = \"t\"", "1: `password` is a secret")]
#[case("admin-token = \"t\"", "1: `admin-token` is a secret")]
#[case(
    "header = [\"Accept-Language: tr\", \"X-Api-Key: t\"]",
    "1: `header` has a secret in it, and this file is none: use the variable WHIPPY_CONFORMANCE_HEADER"
)]
#[case("proxy = \"http://u:p@localhost:1\"", "1: `proxy` has a secret in it")]
#[case(
    "read-only = true\nwrite = true",
    "whippy-conformance.toml:1 and whippy-conformance.toml:2 exclude each other"
)]
#[case("config = \"x\"", "1: there is no setting `config`")]
fn a_setting_that_is_none_is_refused_with_its_line(#[case] text: &str, #[case] said: &str) {
    let folder = Folder::new();
    folder.file("whippy-conformance.toml", text);
    let err = folder.run(&["run"]).expect(2);
    assert!(
        err.contains("whippy-conformance.toml:") && err.contains(said),
        "{err}"
    );
    assert_eq!(err.lines().count(), 1, "{err}");
}

#[rstest]
#[case(
    "WHIPPY_CONFORMANCE_TOKNE",
    "x",
    "there is no variable WHIPPY_CONFORMANCE_TOKNE; did you mean `WHIPPY_CONFORMANCE_TOKEN`?"
)]
#[case(
    "WHIPPY_CONFORMANCE_QUIET",
    "maybe",
    "WHIPPY_CONFORMANCE_QUIET cannot be `maybe`: it takes true or false"
)]
#[case(
    "WHIPPY_CONFORMANCE_JOBS",
    "many",
    "WHIPPY_CONFORMANCE_JOBS: invalid value 'many' for '--jobs"
)]
fn a_variable_that_is_none_is_refused(#[case] name: &str, #[case] value: &str, #[case] said: &str) {
    let err = Folder::new().run_with(&["run"], &[(name, value)]).expect(2);
    assert!(err.contains(said), "{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
}

#[rstest]
#[case::target(&["run"], "WHIPPY_CONFORMANCE_TARGET", "")]
#[case::token(&["run"], "WHIPPY_CONFORMANCE_TOKEN", "")]
#[case::blank(&["run"], "WHIPPY_CONFORMANCE_PROVIDER", " ")]
#[case::several(&["run"], "WHIPPY_CONFORMANCE_ONLY", " , ")]
#[case::switch(&["run"], "WHIPPY_CONFORMANCE_READ_ONLY", "")]
#[case::settings(&["run"], "WHIPPY_CONFORMANCE_CONFIG", "")]
#[case::explore(&["explore"], "WHIPPY_CONFORMANCE_TARGET", "")]
#[case::list(&["list"], "WHIPPY_CONFORMANCE_CASES", "")]
#[case::har(&["check-har", "x.har"], "WHIPPY_CONFORMANCE_UPSTREAM", "")]
fn a_variable_that_is_set_but_empty_is_refused(
    #[case] args: &[&str],
    #[case] name: &str,
    #[case] value: &str,
) {
    let ended = Folder::new().run_with(args, &[(name, value)]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""));
    let said = format!("{name} is set but empty: give it a value, or unset it");
    assert!(ended.err.contains(&said), "{}", ended.err);
}

#[test]
fn an_empty_variable_behind_a_flag_is_passed_over() {
    let only = [("WHIPPY_CONFORMANCE_ONLY", "")];
    let ended = Folder::new().run_with(&["run", "--only", CREATE, "--quiet"], &only);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
}

#[rstest]
#[case::flag(&["run", "--target="], "", "--target is set but empty")]
#[case::glob(&["run", "--only="], "", "--only is set but empty")]
#[case::setting(&["run"], "provider = \"\"", "whippy-conformance.toml:1: `provider` is set but empty")]
#[case::list(&["run"], "only = []", "whippy-conformance.toml:1: `only` is set but empty")]
fn an_empty_value_is_refused(#[case] args: &[&str], #[case] settings: &str, #[case] said: &str) {
    let folder = Folder::new();
    folder.file("whippy-conformance.toml", settings);
    let err = folder.run(args).expect(2);
    assert!(err.contains(said), "{err}");
}

#[test]
fn a_value_is_blamed_by_the_name_it_came_under() {
    let folder = Folder::new();
    let variable = [("WHIPPY_CONFORMANCE_PROFILE", "nowhere")];
    let err = folder.run_with(&["run"], &variable).expect(2);
    assert!(
        err.contains("WHIPPY_CONFORMANCE_PROFILE nowhere: "),
        "{err}"
    );
    folder.file("whippy-conformance.toml", "\ncases = \"nowhere\"");
    let err = folder.run(&["run"]).expect(2);
    assert!(
        err.contains("whippy-conformance.toml:2: `cases` nowhere: "),
        "{err}"
    );
}

#[rstest]
#[case("SERVICE_HOST", "10.0.0.7")]
#[case("SERVICE_PORT", "8080")]
#[case("SERVICE_PORT_HTTP", "8080")]
#[case("PORT", "tcp://10.0.0.7:8080")]
#[case("PORT_8080_TCP", "tcp://10.0.0.7:8080")]
#[case("PORT_8080_TCP_PROTO", "tcp")]
#[case("PORT_53_UDP_ADDR", "10.0.0.7")]
#[case("WATCH_SERVICE_HOST", "10.0.0.7")]
#[case("WATCH_PORT", "udp://10.0.0.7:53")]
#[case("WATCH_PORT_8080_TCP_PORT", "8080")]
fn a_service_link_of_kubernetes_is_passed_over(#[case] name: &str, #[case] value: &str) {
    let name = format!("WHIPPY_CONFORMANCE_{name}");
    let ended = Folder::new().run_with(&["list", "list/*"], &[(&name, value)]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
}

#[rstest]
#[case("PORT", "8080")]
#[case("PORTS", "tcp://10.0.0.7:8080")]
#[case("SERVICE", "x")]
fn what_only_resembles_a_service_link_is_refused(#[case] name: &str, #[case] value: &str) {
    let name = format!("WHIPPY_CONFORMANCE_{name}");
    let err = Folder::new()
        .run_with(&["list"], &[(&name, value)])
        .expect(2);
    assert!(err.contains("there is no variable"), "{err}");
}

#[rstest]
#[case::utf_8(b"\xef\xbb\xbf", false)]
#[case::utf_16_little(b"\xff\xfe", true)]
fn a_byte_order_mark_is_passed_over(#[case] mark: &[u8], #[case] is_utf_16: bool) {
    let folder = Folder::new();
    let marked = |name: &str, text: &str| {
        let mut bytes = mark.to_vec();
        if is_utf_16 {
            bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        } else {
            bytes.extend(text.as_bytes());
        }
        std::fs::write(folder.path(name), bytes).unwrap();
    };
    let settings = Settings {
        tokens: vec!["the-token".to_owned()],
        ..Settings::default()
    };
    let mock = Mock::start("demo", settings, None);
    marked("token", "the-token\r\n");
    marked("baseline.toml", "");
    marked("whippy-conformance.toml", "level = \"must\"\n");
    let ended = folder.run(&[
        "run",
        "--target",
        &mock.url,
        "--token-file=token",
        "--baseline=baseline.toml",
        "--only=list/*",
        "--read-only",
        "--report=json=report.json",
        "--quiet",
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let report = folder.read("report.json");
    marked("report.json", &report);
    let compared = folder.run(&["diff", "report.json", "report.json"]);
    assert_eq!(compared.code, Some(0), "{}", compared.err);
}

#[test]
fn names_that_begin_with_a_dot_are_no_cases() {
    let folder = Folder::new();
    folder.file("cases/._c.yaml", "\0\u{5}\u{16}");
    folder.file("cases/.#c.yaml", "somebody@host.1:2");
    let err = folder.run(&["run", "--cases=cases"]).expect(2);
    assert!(err.contains("there is no .yaml file in it"), "{err}");
}

#[test]
fn a_token_that_is_a_short_word_leaves_texts_readable() {
    let settings = Settings {
        tokens: vec!["1".to_owned()],
        ..Settings::default()
    };
    let mock = Mock::start("demo", settings, None);
    let args = [
        "--target",
        &mock.url,
        "--token=1",
        "--only=list/*",
        "--read-only",
    ];
    let report = Folder::new().report(&args);
    assert_eq!(report.target, mock.url);
}

#[test]
fn the_help_is_a_line_a_flag() {
    let help = Folder::new().run(&["run", "--help"]).out;
    let flags = help
        .lines()
        .filter(|line| line.trim_start().starts_with("--"));
    assert!(flags.clone().count() > 35, "{help}");
    for line in flags {
        let about = line
            .trim_start()
            .split("  ")
            .filter(|part| !part.is_empty())
            .count();
        assert_eq!(about, 2, "{line}");
    }
    insta::assert_snapshot!("help", help);
    insta::assert_snapshot!("commands", Folder::new().run(&["--help"]).out);
}

// Cases and profiles.

const CASE: &str = r"cases:
  - id: ours/list-is-there
    title: The list of stocks is there
    level: must
    source: {section: List Stock, quote: Example Response (200 OK)}
    safety: read
    steps:
      - name: page
        request: {operation: list-stocks}
        expect: {status: STATUS}
";

#[test]
fn cases_of_the_users_own_run_beside_the_built_in_ones() {
    let folder = Folder::new();
    folder.file("cases/ours.yaml", &CASE.replace("STATUS", "200"));
    folder.file(
        "cases/theirs.yml",
        &CASE.replace("STATUS", "418").replace("ours/", "theirs/"),
    );
    let report = folder.report(&["--cases=cases", "--only={ours,theirs}/*"]);
    let outcomes: Vec<_> = report
        .checks
        .iter()
        .map(|check| (check.id.as_str(), check.outcome))
        .collect();
    assert_eq!(
        outcomes,
        [
            ("ours/list-is-there", Outcome::Pass),
            ("theirs/list-is-there", Outcome::Fail)
        ]
    );
    let listed = folder.run(&["list", "--cases=cases", "ours/*"]);
    assert_eq!(
        listed.out,
        "ours/list-is-there  MUST    read   List Stock\n"
    );
    let explained = folder
        .run(&["explain", "--cases=cases", "ours/list-is-there"])
        .out;
    assert!(
        explained.contains("request: {operation: list-stocks}"),
        "{explained}"
    );
}

#[rstest]
#[case::unknown_key(CASE.replace("title:", "titel:"), "bad.yaml:3:5: unknown field `titel`")]
#[case::unknown_operation(CASE.replace("list-stocks", "lsit-stocks"), "bad.yaml:2:5: ours/list-is-there: step `page`: `lsit-stocks` is no operation")]
#[case::built_in(CASE.replace("ours/list-is-there", CREATE), "there is a check `create/answers-the-stock` already")]
#[case::no_yaml("cases: [".to_owned(), "bad.yaml:")]
fn a_mistake_in_a_case_file_is_2_with_its_place(#[case] yaml: String, #[case] said: &str) {
    let folder = Folder::new();
    folder.file("cases/bad.yaml", &yaml.replace("STATUS", "200"));
    let err = folder.run(&["run", "--cases=cases"]).expect(2);
    assert!(err.contains(said) && err.contains("bad.yaml"), "{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
}

#[test]
fn a_profile_is_what_a_target_is_held_to_and_what_the_mock_of_its_own_obeys() {
    let folder = Folder::new();
    folder.file(
        "profile.toml",
        "decrease-at-zero = \"floor\"\npage-size = 7\n",
    );
    let held = ["--profile=profile.toml", "--only=readings/*"];
    let report = folder.report(&held);
    assert_eq!(report.exit_code, 0, "{}", report.verdict);
    let named: Vec<_> = report
        .profile
        .iter()
        .map(|(id, choice)| (id.as_str(), choice.as_str()))
        .collect();
    assert_eq!(named, [("decrease-at-zero", "floor"), ("page-size", "7")]);
    let mock = Mock::of_world("demo");
    let report = folder.report(&[&held[..], &["--target", &mock.url]].concat());
    assert_eq!(report.exit_code, 1, "{}", report.verdict);
    folder.file("profile.toml", "decrease-at-zero = \"flor\"\n");
    let err = folder.run(&["run", "--profile=profile.toml"]).expect(2);
    assert!(
        err.contains("--profile profile.toml: reading `decrease-at-zero` cannot be `flor`"),
        "{err}"
    );
}

#[test]
fn the_readings_of_a_target_become_the_profile_of_the_mock() {
    let mut theirs = Profile::default();
    for (reading, choice) in [
        ("decrease-at-zero", "negative"),
        ("page-size", "7"),
        ("unknown-sku", "omitted"),
    ] {
        theirs.set(reading, choice).unwrap();
    }
    let settings = Settings {
        profile: theirs,
        ..Settings::default()
    };
    let mock = Mock::start("demo", settings, None);
    let folder = Folder::new();
    let report = folder.report(&[
        "--target",
        &mock.url,
        "--only=readings/*",
        "--write-profile=theirs.toml",
    ]);
    assert_eq!(report.exit_code, 0, "{}", report.verdict);
    let written = folder.read("theirs.toml");
    for line in [
        "decrease-at-zero = \"negative\"\n",
        "page-size = 7\n",
        "unknown-sku = \"omitted\"\n",
    ] {
        assert!(written.contains(line), "{written}");
    }
    let held = ["--profile=theirs.toml", "--only=readings/*"];
    for target in [&[][..], &["--target", &mock.url]] {
        let report = folder.report(&[&held[..], target].concat());
        assert_eq!(report.exit_code, 0, "{}", report.verdict);
    }
    let other = Mock::of_world("demo");
    assert_eq!(
        folder
            .report(&[&held[..], &["--target", &other.url]].concat())
            .exit_code,
        1
    );
}

// Reports.

#[test]
fn reports_go_where_they_are_sent() {
    let folder = Folder::new();
    let args = [
        "run",
        "--only",
        CREATE,
        "--report=html=a.html",
        "--report=junit=b.xml",
        "--report",
        "markdown",
    ];
    let ended = folder.run(&args);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert!(
        ended.out.starts_with('#'),
        "the markdown, and nothing else: {}",
        ended.out
    );
    assert!(folder.read("a.html").starts_with("<!DOCTYPE html>"));
    assert!(folder.read("b.xml").starts_with("<?xml"));
}

#[test]
fn a_quiet_run_says_only_why_it_failed() {
    let folder = Folder::new();
    let ended = folder.run(&["run", "--quiet", "--only", CREATE]);
    assert_eq!(
        (ended.code, ended.out.as_str(), ended.err.as_str()),
        (Some(0), "", "")
    );
    let ended = folder.run(&["run", "--quiet", "--only", CREATE, "--defect", DEFECT]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""));
    assert_eq!(
        ended.err,
        "whippy-conformance: 1 cause: create-stock answers 200 for 201 (1 check)\n"
    );
}

#[test]
fn colours_are_for_terminals_and_those_who_ask() {
    let folder = Folder::new();
    let out = |color: &str| folder.run(&["run", "--only", CREATE, color]).out;
    assert!(!out("--color=auto").contains('\u{1b}'));
    assert!(out("--color=always").contains('\u{1b}'));
}

#[test]
fn a_difference_between_two_reports_is_told() {
    let folder = Folder::new();
    folder.run(&["run", "--only", CREATE, "--report=json=a.json"]);
    folder.run(&[
        "run",
        "--only",
        CREATE,
        "--report=json=b.json",
        "--defect",
        DEFECT,
    ]);
    assert_eq!(folder.run(&["diff", "a.json", "a.json"]).code, Some(0));
    let ended = folder.run(&["diff", "a.json", "b.json"]);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended
            .out
            .contains(&format!("newly failing: 1\n  {CREATE}\n")),
        "{}",
        ended.out
    );
}

// Information of the suite about itself.

#[test]
fn a_list_is_a_line_a_check() {
    let folder = Folder::new();
    let out = folder.run(&["list", CREATE, "documented/create-201"]).out;
    insta::assert_snapshot!(out, @r"
    create/answers-the-stock  MUST    write  Create Stock
    documented/create-201     MUST    write  Create Stock
    ");
    let out = folder.run(&["list", "--json", CREATE]).out;
    insta::assert_snapshot!(out, @r#"
    [
      {
        "id": "create/answers-the-stock",
        "title": "A create answers 201 and the stock as it was created",
        "level": "must",
        "safety": "write",
        "source": {
          "section": "Create Stock",
          "quote": "Example Response (201 Created)"
        },
        "reading": null,
        "needs": [
          "--provider NAME",
          "--location CODE"
        ]
      }
    ]
    "#);
    let all = folder.run(&["list"]).out;
    assert!(all.lines().count() > 20, "{all}");
    let ended = folder.run(&["list", "craete/*"]);
    assert_eq!(ended.code, Some(4), "{}", ended.err);
}

#[rstest]
#[case("a_case", CREATE)]
#[case("a_replay", "documented/create-201")]
#[case("a_judge", "always/status-is-documented")]
fn a_check_is_explained(#[case] name: &str, #[case] id: &str) {
    let ended = Folder::new().run(&["explain", id]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    insta::assert_snapshot!(format!("explain_{name}"), without_numbers(&ended.out));
}

/// Removes the numbers of SKUs from a text, since they change as checks are added.
fn without_numbers(text: &str) -> String {
    let mut parts = text.split("CT-0");
    let mut rest = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        rest += "CT-…";
        rest += &part[3..];
    }
    rest
}

#[test]
fn coverage_is_counted_over_every_choice() {
    let folder = Folder::new();
    let ended = folder.run(&["coverage", "--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let coverage: Value = serde_json::from_str(&ended.out).unwrap();
    for kind in ["operations", "statuses", "parameters", "members"] {
        let count = |name: &str| coverage[kind][name].as_u64().unwrap();
        assert!(
            count("covered") > 0 && count("covered") <= count("total"),
            "{coverage}"
        );
        let missing = coverage[kind]["missing"].as_array().unwrap().len() as u64;
        assert_eq!(count("total") - count("covered"), missing);
    }
    let out = folder.run(&["coverage"]).out;
    assert!(out.starts_with("operations"), "{out}");
}
