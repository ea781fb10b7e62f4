//! A report with every outcome, in every format, and the comparison of two reports.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Request, Response};
use roxmltree::{Document, Node};
use rstest::rstest;
use serde_json::{Value, json};
use whippy_conformance::model::cause::{Cause, Difference};
use whippy_conformance::model::finding::{Exchange, Finding, Kind, Level, Record, Secrets, Source};
use whippy_conformance::model::outcome::{
    CheckReport, CleanUp, Coverage, Covered, Outcome, ReadingSeen, Report, Safety,
};
use whippy_conformance::report::compare::{self, Change, Comparison};
use whippy_conformance::report::text::{self, Look};
use whippy_conformance::report::{Format, json as json_report, render};
use whippy_conformance::run::causes;

const STOCKS: &str = "http://localhost:8000/api/v1/stocks/";

/// Foreign text that tries to take control of any program that displays it.
const HOSTILE: &str = "</script><img src=x onerror=alert(1)>]]>\u{1b}[2J\u{0}`````|\n::error::x\n";

fn exchange(step: &str, method: &str, url: &str, body: &str, answer: (u16, &str)) -> Record {
    // Like the requests of a run, which carry its token.
    let mut token = http::HeaderValue::from_static("Token secret");
    token.set_sensitive(true);
    let request = Request::builder()
        .method(method)
        .uri(url)
        .header("content-type", "application/json")
        .header("authorization", token)
        .body(Bytes::from(body.to_owned()))
        .unwrap();
    let response = Response::builder()
        .status(answer.0)
        .header("content-type", "application/json")
        .header("allow", "GET, POST, OPTIONS")
        .body(Bytes::from(answer.1.to_owned()))
        .unwrap();
    let exchange = Exchange {
        step: step.to_owned(),
        request,
        answer: Ok(response),
    };
    Record::new(&exchange, &Secrets::default())
}

fn check(id: &str, title: &str, level: Level, outcome: Outcome) -> CheckReport {
    let source = Source {
        section: "Create Stock".to_owned(),
        quote: "This method is used to create a stock.".to_owned(),
    };
    CheckReport {
        outcome,
        micros: 12_345,
        requests: 1,
        ..CheckReport::passed(id, title, level, source, Safety::Write)
    }
}

/// Returns a finding with a difference.
fn differing(operation: &str, id: &str, sentence: &str, finding: Finding) -> Finding {
    let difference = Difference {
        operation: operation.to_owned(),
        ids: vec![format!("{operation}/{id}")],
        alternatives: Vec::new(),
        sentence: sentence.to_owned(),
    };
    Finding {
        difference: Some(difference),
        ..finding
    }
}

/// Groups the findings of checks; returns the causes, and the checks as a report has them after
/// reading.
fn explained(mut checks: Vec<CheckReport>) -> (Vec<Cause>, Vec<CheckReport>) {
    let mut causes = causes::group(&mut checks);
    causes::mark_known(&mut causes, &mut checks, |id| {
        id == "list-stocks/answers-500"
    });
    for check in &mut checks {
        check.blocked_by = None;
        for finding in &mut check.findings {
            finding.difference = None;
            finding.kind = Kind::default();
        }
    }
    (causes, checks)
}

fn because(reason: &str, check: CheckReport) -> CheckReport {
    CheckReport {
        reason: Some(reason.to_owned()),
        ..check
    }
}

fn found(finding: Finding, check: CheckReport) -> CheckReport {
    CheckReport {
        findings: vec![finding],
        ..check
    }
}

fn status_finding() -> Finding {
    let body = r#"{"sku":"500","location":"110","provider":"shop_provider","stock":3}"#;
    let finding = Finding {
        exchanges: vec![exchange(
            "create",
            "POST",
            STOCKS,
            body,
            (200, r#"{"id":2}"#),
        )],
        ..Finding::status(Level::Must, &[201], 200)
    };
    let sentence = "create-stock answers 200 for 201";
    differing("create-stock", "200-for-201", sentence, finding)
}

/// Returns a chain of two requests whose last body is long and differs in one member.
fn body_finding() -> Finding {
    let row = |id: i64, stock: i64| json!({"id": id, "sku": format!("SKU-{id}"), "location": "110", "stock": stock});
    let rows = |changed: i64| -> Value {
        (1..=12)
            .map(|id| row(id, if id == 7 { changed } else { 5 }))
            .collect()
    };
    let page =
        |changed| json!({"count": 12, "next": null, "previous": null, "results": rows(changed)});
    let (expected, got) = (page(5), page(4));
    let create = r#"{"sku":"SKU-7","location":"110","provider":"shop_provider","stock":5}"#;
    let url = format!("{STOCKS}?stock__gt=1&sort=id");
    let finding = Finding {
        exchanges: vec![
            exchange(
                "create a stock",
                "POST",
                STOCKS,
                create,
                (201, r#"{"id":7}"#),
            ),
            exchange("list", "GET", &url, "", (200, &got.to_string())),
        ],
        row: Some("stock__gt".to_owned()),
        ..Finding::bodies(
            Level::Must,
            vec!["/results/6/stock".to_owned()],
            &expected,
            &got,
        )
    };
    let sentence = "list-stocks answers a wrong `stock` (expected 5, got 4)";
    differing("list-stocks", "member-stock", sentence, finding)
}

fn hostile_finding() -> Finding {
    let finding = Finding {
        expected: Some("a JSON body".to_owned()),
        got: Some(HOSTILE.to_owned()),
        exchanges: vec![exchange("ask", "GET", STOCKS, "", (500, HOSTILE))],
        ..Finding::new(Level::Should, format!("expected JSON, got {HOSTILE}"))
    };
    let sentence = format!("list-stocks: expected JSON, got {HOSTILE}");
    differing("list-stocks", "content-type", &sentence, finding)
}

/// Returns a run with everything that can happen.
fn sample() -> Report {
    use Level::{May, Must, Should};
    let choices = |choices: &[&str]| choices.iter().map(|&choice| choice.to_owned()).collect();
    let seen = |id: &str, fit: &[&str]| ReadingSeen {
        id: id.to_owned(),
        choices: choices(fit),
    };
    let needs_location = "give --foreign-location CODE";
    let checks = vec![
        check(
            "create/answers-the-stock",
            "A created stock is answered whole",
            Must,
            Outcome::Pass,
        ),
        found(
            status_finding(),
            check(
                "create/answers-201",
                "A created stock is answered with 201",
                Must,
                Outcome::Fail,
            ),
        ),
        because(
            needs_location,
            check(
                "create/foreign-location",
                "A foreign location is refused",
                Must,
                Outcome::Disabled,
            ),
        ),
        because(
            needs_location,
            check(
                "create/foreign-location-first",
                "It is refused last",
                Must,
                Outcome::Disabled,
            ),
        ),
        found(
            body_finding(),
            check(
                "filters/greater-than",
                "A bound leaves out what lies below",
                Must,
                Outcome::Fail,
            ),
        ),
        found(
            differing(
                "list-stocks",
                "answers-500",
                "list-stocks answers 500",
                Finding::status(Must, &[400], 500),
            ),
            check(
                "filters/bad-date",
                "A bad date is refused",
                Must,
                Outcome::Fail,
            ),
        ),
        found(
            hostile_finding(),
            check("filters/html", "An answer is JSON", Should, Outcome::Warn),
        ),
        CheckReport {
            attempts: 3,
            ..found(
                Finding::status(Must, &[200], 503),
                check(
                    "filters/by-sku",
                    "A SKU selects its stocks",
                    Must,
                    Outcome::Flaky,
                ),
            )
        },
        because(
            "`count` changed between two pages, each time",
            check(
                "pages/make-the-whole",
                "Pages make up the whole",
                Must,
                Outcome::Inconclusive,
            ),
        ),
        CheckReport {
            reading: Some(seen("page-size", &["10"])),
            ..check(
                "pages/default-size",
                "How long is a page?",
                May,
                Outcome::Info,
            )
        },
        because(
            "it answers 404 to /api/v1/stock-lists/",
            check(
                "active/single",
                "One SKU of a list",
                May,
                Outcome::Unsupported,
            ),
        ),
        CheckReport {
            blocked_by: status_finding().difference,
            ..because(
                "the seed was refused with 403",
                check(
                    "documented/create-201",
                    "As on the page",
                    Must,
                    Outcome::SetupFailed,
                ),
            )
        },
        because(
            "it builds on create/answers-201",
            check(
                "upsert/updates",
                "An upsert updates",
                Must,
                Outcome::DependencyFailed,
            ),
        ),
        because(
            "a pattern does not compile",
            check(
                "upsert/inserts",
                "An upsert inserts",
                Should,
                Outcome::Error,
            ),
        ),
    ];
    let covered = |covered, total, missing: &[&str]| Covered {
        covered,
        total,
        missing: choices(missing),
    };
    let (causes, checks) = explained(checks);
    Report {
        format: json_report::FORMAT,
        tool: "whippy-conformance 0.1.0".to_owned(),
        target: "http://localhost:8000".to_owned(),
        started: "2023-05-10T17:16:00Z".to_owned(),
        micros: 3_210_000,
        requests: 57,
        level: Must,
        mode: Safety::Write,
        environment: BTreeMap::from([
            ("location".to_owned(), json!("110")),
            ("provider".to_owned(), json!("shop_provider")),
            ("stock_list".to_owned(), json!(4)),
        ]),
        profile: BTreeMap::from([("page-size".to_owned(), "10".to_owned())]),
        causes,
        checks,
        readings: vec![
            seen("already-reported", &["replayed-date"]),
            seen("salable", &["active-unreserved", "unreserved"]),
            seen("page-size", &["10"]),
        ],
        coverage: Coverage {
            operations: covered(20, 20, &[]),
            statuses: covered(88, 90, &["create-stock 500", "search-stocks 401"]),
            parameters: covered(
                1,
                8,
                &[
                    "sku",
                    "location",
                    "provider",
                    "unit_type",
                    "stock_type",
                    "is_active",
                    "sort",
                ],
            ),
            members: covered(0, 0, &[]),
        },
        stale: vec!["filters/by-provider".to_owned()],
        clean_up: Some(CleanUp {
            neutralised: 12,
            left: vec!["stock 14 of SKU wc-7: a decrease answered 500".to_owned()],
            ledger: Some("run.ledger".to_owned()),
        }),
        aborted: Some("the target stopped answering".to_owned()),
        exit_code: 3,
        verdict: "no verdict: the target stopped answering".to_owned(),
    }
}

/// Returns a run without anything to report.
fn quiet() -> Report {
    Report {
        causes: Vec::new(),
        checks: vec![check(
            "create/answers-the-stock",
            "It answers",
            Level::Must,
            Outcome::Pass,
        )],
        profile: BTreeMap::new(),
        stale: Vec::new(),
        clean_up: None,
        aborted: None,
        readings: Vec::new(),
        exit_code: 0,
        verdict: "every requirement is met".to_owned(),
        ..sample()
    }
}

#[rstest]
#[case(Format::Text)]
#[case(Format::Json)]
#[case(Format::Junit)]
#[case(Format::Markdown)]
#[case(Format::Github)]
fn every_outcome_has_its_place(#[case] format: Format) {
    let name = format!("report_{}", format.name());
    insta::assert_snapshot!(name, render(format, &sample()));
}

#[test]
fn a_terminal_shows_of_long_bodies_what_differs() {
    let shown = text::render(&sample(), Look::default());
    insta::assert_snapshot!("report_terminal", shown);
}

#[test]
fn a_quiet_run_is_told_in_few_lines() {
    insta::assert_snapshot!("report_quiet", text::render(&quiet(), Look::default()));
}

#[test]
fn no_line_of_the_text_gives_orders() {
    // GitHub's runner obeys a line that begins with two colons, indented or not, and a terminal
    // obeys the text after an escape character.
    for whole in [false, true] {
        let colour = false;
        let shown = text::render(&sample(), Look { colour, whole });
        assert!(
            !shown
                .lines()
                .any(|line| line.trim_start().starts_with("::"))
        );
        assert!(!shown.contains('\u{1b}'));
    }
}

#[test]
fn colour_adds_nothing_but_colour() {
    let coloured = Look {
        colour: true,
        whole: true,
    };
    let coloured = text::render(&sample(), coloured);
    let mut plain = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain += before;
        rest = after.split_once('m').unwrap().1;
    }
    plain += rest;
    assert_ne!(plain, coloured);
    assert_eq!(plain, render(Format::Text, &sample()));
}

#[test]
fn a_format_is_known_by_its_name_alone() {
    for format in Format::ALL {
        assert_eq!(Format::parse(format.name()), Ok(*format));
    }
    assert_eq!(
        Format::parse("xml").unwrap_err().to_string(),
        "no report is called `xml`: text, json, junit, markdown, html, github"
    );
}

#[rstest]
fn every_format_ends_with_one_newline(#[values(sample(), quiet(), empty())] report: Report) {
    for format in Format::ALL {
        let text = render(*format, &report);
        assert!(
            text.ends_with('\n') && !text.ends_with("\n\n"),
            "{format:?}"
        );
    }
}

fn empty() -> Report {
    Report {
        checks: Vec::new(),
        ..quiet()
    }
}

// JSON.

#[test]
fn a_json_report_is_read_back_as_it_was() {
    for report in [sample(), quiet(), empty()] {
        assert_eq!(
            json_report::read(&render(Format::Json, &report)).unwrap(),
            report
        );
    }
}

#[rstest]
#[case::no_json("whatever", "it is not JSON")]
#[case::not_ours(r#"{"format":1}"#, "it is no report of whippy-conformance")]
#[case::a_list("[]", "it is no report of whippy-conformance")]
#[case::newer(
    r#"{"format":2,"tool":"whippy-conformance 9"}"#,
    "a report of format 2, and this program reads format 1: use the program that wrote it, whippy-conformance 9"
)]
#[case::no_format(r#"{"tool":"whippy-conformance 9"}"#, "without a format")]
#[case::damaged(
    r#"{"format":1,"tool":"whippy-conformance 9"}"#,
    "it is a damaged report: missing field"
)]
fn a_file_that_is_no_report_is_told_why(#[case] text: &str, #[case] why: &str) {
    let error = json_report::read(text).unwrap_err().to_string();
    assert!(error.contains(why), "{error}");
}

#[test]
fn a_json_report_follows_its_schema() {
    let (_, schema) = whippy_engine::assets::SCHEMAS
        .iter()
        .find(|(name, _)| *name == "report.schema.json")
        .unwrap();
    let schema: Value = serde_json::from_str(schema).unwrap();
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap();
    for report in [sample(), quiet(), empty()] {
        let report: Value = serde_json::from_str(&render(Format::Json, &report)).unwrap();
        let faults: Vec<_> = validator
            .iter_errors(&report)
            .map(|e| e.to_string())
            .collect();
        assert!(faults.is_empty(), "{faults:#?}");
        // A schema that checks nothing would let this pass.
        for member in report.as_object().unwrap().keys() {
            let mut broken = report.clone();
            broken[member] = json!(-1.5);
            assert!(!validator.is_valid(&broken), "{member}");
        }
        let mut more = report.clone();
        more["more"] = Value::Null;
        assert!(!validator.is_valid(&more));
    }
}

// JUnit.

#[track_caller]
fn xml(report: &Report, test: impl FnOnce(&[Node])) {
    let written = render(Format::Junit, report);
    let document = Document::parse(&written).unwrap();
    let nodes: Vec<_> = document.descendants().collect();
    test(&nodes);
}

/// Returns the elements with a name.
fn named<'a>(nodes: &[Node<'a, 'a>], name: &str) -> Vec<Node<'a, 'a>> {
    let nodes = nodes.iter().copied();
    nodes.filter(|node| node.has_tag_name(name)).collect()
}

fn number(node: Node, name: &str) -> usize {
    node.attribute(name).unwrap().parse().unwrap()
}

#[test]
fn junit_counts_each_check_once() {
    xml(&sample(), |nodes| {
        let all = named(nodes, "testsuites")[0];
        // The fourteen checks, the four causes, the early end and the stale entry.
        for (attribute, name, expected) in [
            ("tests", "testcase", 20),
            ("failures", "failure", 3),
            ("errors", "error", 4),
            ("skipped", "skipped", 5),
        ] {
            assert_eq!(named(nodes, name).len(), expected, "{name}");
            // The root has no `skipped`: neither Jenkins nor Surefire knows one there.
            let of_root = all.attribute(attribute);
            let wanted = (attribute != "skipped").then(|| expected.to_string());
            assert_eq!(of_root, wanted.as_deref(), "{attribute} of the root");
            let suites = named(nodes, "testsuite").into_iter();
            let of_suites: usize = suites.map(|suite| number(suite, attribute)).sum();
            assert_eq!(of_suites, expected, "{attribute} of the suites");
        }
        assert_eq!(named(nodes, "flakyFailure").len(), 1);
    });
}

#[test]
fn junit_has_nothing_that_jenkins_refuses() {
    xml(&sample(), |nodes| {
        let root = named(nodes, "testsuites")[0];
        let known = ["name", "time", "tests", "failures", "errors"];
        let mut attributes = root.attributes();
        assert!(attributes.all(|attribute| known.contains(&attribute.name())));
        let cases = named(nodes, "testcase").into_iter();
        for case in cases {
            assert!(
                !case
                    .children()
                    .any(|child| child.has_tag_name("properties"))
            );
        }
        let mut suites = named(nodes, "testsuite").into_iter();
        assert!(suites.all(|suite| suite.has_attribute("errors")));
    });
}

#[test]
fn a_failure_in_junit_holds_the_bodies_whole() {
    xml(&sample(), |nodes| {
        let why = named(nodes, "failure")[1];
        assert_eq!(
            why.attribute("message"),
            Some("the body differs at /results/6/stock")
        );
        assert_eq!(why.attribute("type"), Some("MUST"));
        let body = body_finding().exchanges[1].response_body.clone().unwrap();
        assert!(why.text().unwrap().contains(body.shown()));
    });
}

#[test]
fn what_xml_does_not_allow_is_spelled_out() {
    let mut report = sample();
    let all = (0..0x80).chain([0x85, 0xfffe, 0xffff]);
    let all: String = all.filter_map(char::from_u32).collect();
    report.checks[1].id = format!("create/{all}");
    report.checks[1].findings[0].summary = all;
    xml(&report, |nodes| {
        let name = named(nodes, "testcase")[5].attribute("name").unwrap();
        for shown in [r"\u{0}\u{1}", r"\u{fffe}\u{ffff}", "<=>", "%&'", "!\"#"] {
            assert!(name.contains(shown), "{shown} in {name}");
        }
    });
}

// Markdown.

#[test]
fn a_summary_stays_below_githubs_limit_and_says_what_it_leaves_out() {
    let mut report = Report {
        causes: Vec::new(),
        ..sample()
    };
    report.checks = (0..300)
        .map(|at| {
            let url = format!("{STOCKS}?page={at}");
            let long = "0123456789".repeat(2_000);
            let finding = Finding {
                exchanges: vec![exchange("list", "GET", &url, "", (200, &long))],
                ..Finding::status(Level::Must, &[404], 200)
            };
            let id = format!("pages/{at}");
            found(finding, check(&id, "A page", Level::Must, Outcome::Fail))
        })
        .collect();
    let text = render(Format::Markdown, &report);
    assert!((800_000..1_000_000).contains(&text.len()), "{}", text.len());
    assert!(text.contains("this summary shows 2"), "it does not say so");
    // Every one is named, and the first ones are shown completely.
    assert!((0..300).all(|at| text.contains(&format!("</b> pages/{at} "))));
    assert_eq!(
        text.matches("<details>").count(),
        text.matches("</details>").count()
    );
    assert_eq!(text.matches("```").count() % 2, 0);

    report.checks = (0..20_000)
        .map(|at| {
            let finding = Finding::status(Level::Must, &[404], 200);
            found(
                finding,
                check(&format!("pages/{at}"), "A page", Level::Must, Outcome::Fail),
            )
        })
        .collect();
    report.coverage.members.missing = vec!["a/member".to_owned(); 100_000];
    let text = render(Format::Markdown, &report);
    assert!(text.len() < 1_000_000, "{}", text.len());
    assert!(text.contains("findings not at all"), "it does not say so");
    assert!(text.contains("## Coverage\n\nToo long for a summary"));
}

// GitHub.

#[test]
fn github_is_shown_the_ten_most_important_and_the_number_of_the_rest() {
    let mut report = sample();
    report.aborted = None;
    report.stale.clear();
    report.causes.clear();
    let failing = |level: Level, at: i32| {
        let id = format!("pages/{}-{at}", level.text().to_lowercase());
        found(
            Finding::status(level, &[404], 200),
            check(&id, "A page", level, Outcome::Fail),
        )
    };
    report.checks = (0..8)
        .flat_map(|at| {
            [
                failing(Level::May, at),
                failing(Level::Must, at),
                failing(Level::Should, at),
            ]
        })
        .collect();
    let text = render(Format::Github, &report);
    let titles: Vec<_> = text
        .lines()
        .map(|line| {
            line.split("::")
                .nth(1)
                .unwrap()
                .split_once("title=")
                .unwrap()
                .1
        })
        .collect();
    assert_eq!(titles.len(), 11);
    assert!(
        titles[..8].iter().all(|title| title.ends_with("(MUST)")),
        "{titles:?}"
    );
    assert!(
        titles[8..10]
            .iter()
            .all(|title| title.ends_with("(SHOULD)")),
        "{titles:?}"
    );
    assert!(text.lines().last().unwrap().contains("14 errors more"));
}

#[test]
fn github_is_shown_a_cause_once() {
    let report = Report {
        aborted: None,
        ..sample()
    };
    let text = render(Format::Github, &report);
    let first = text.lines().next().unwrap();
    assert!(
        first.contains("title=create-stock/200-for-201 (MUST)"),
        "{first}"
    );
    assert!(!text.contains("title=create/answers-201"));
    assert!(
        !text.contains("title=documented/create-201"),
        "it is kept back by the cause"
    );
}

#[test]
fn a_body_gives_github_no_orders() {
    let mut report = sample();
    report.causes.clear();
    report.checks[1].findings[0].causes.clear();
    report.checks[1].id = "create/a,b:c%".to_owned();
    report.checks[1].findings[0].summary = "x\r\n::error::y%0A".to_owned();
    let text = render(Format::Github, &report);
    assert!(text.lines().all(|line| {
        ["::error title=", "::warning title=", "::notice title="]
            .iter()
            .any(|start| line.starts_with(start))
    }));
    assert!(text.contains("title=create/a%2Cb%3Ac%25 (MUST)::"));
    assert!(text.contains(r"x\r%0A::error::y%250A"));
}

// HTML.

#[test]
fn a_body_is_text_to_a_browser() {
    let page = render(Format::Html, &sample());
    assert_eq!(page.matches("</script").count(), 1);
    assert_eq!(page.matches("<script").count(), 1);
    assert!(!page.contains("<img"));
    assert!(page.contains("&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;"));
    assert!(!page.contains(['\u{1b}', '\u{0}']));
}

#[test]
fn the_page_asks_nothing_of_anybody() {
    let page = render(Format::Html, &sample());
    for reference in [
        "src=\"",
        "href=\"http",
        "url(",
        "@import",
        "<link",
        " style=\"",
    ] {
        assert!(!page.contains(reference), "{reference}");
    }
}

#[test]
fn the_page_runs_no_script_but_its_own() {
    use base64::Engine as _;

    let page = render(Format::Html, &sample());
    let (_, after) = page.split_once("<script>").unwrap();
    let (script, _) = after.split_once("</script>").unwrap();
    let digest = ring::digest::digest(&ring::digest::SHA256, script.as_bytes());
    let digest = base64::engine::general_purpose::STANDARD.encode(digest);
    assert!(
        page.contains(&format!("'sha256-{digest}'")),
        "the policy names another than {digest}"
    );
}

#[test]
fn every_link_of_the_page_leads_somewhere_and_ids_are_its_own() {
    let page = render(Format::Html, &sample());
    let values = |start: &str| -> Vec<String> {
        let mut rest = page.as_str();
        let mut found = Vec::new();
        while let Some((_, after)) = rest.split_once(start) {
            let (value, after) = after.split_once('"').unwrap();
            found.push(value.to_owned());
            rest = after;
        }
        found
    };
    let mut ids = values(" id=\"");
    for link in values(" href=\"#") {
        assert!(ids.contains(&link), "{link}");
    }
    let total = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), total);
}

#[test]
fn the_headline_of_the_page_is_short_and_leaves_the_causes_to_their_list() {
    let mut report = sample();
    report.verdict = "2 causes: create-stock answers 200 for 201 (31 checks), …".to_owned();
    let page = render(Format::Html, &report);
    let (_, after) = page.split_once("<h1>").unwrap();
    let (headline, _) = after.split_once("</h1>").unwrap();
    let failing = report.checks.iter();
    let failing = failing.filter(|check| check.outcome == Outcome::Fail && !check.known);
    let expected = format!("{} of {} checks fail", failing.count(), report.checks.len());
    assert!(headline.starts_with(&expected), "{headline}");
    assert!(headline.chars().count() <= 50, "{headline}");
}

#[test]
fn every_body_is_on_the_page_whole() {
    let page = render(Format::Html, &sample());
    let body = body_finding().exchanges[1].response_body.clone().unwrap();
    let body: Value = serde_json::from_str(body.shown()).unwrap();
    let body = serde_json::to_string_pretty(&body)
        .unwrap()
        .replace('"', "&quot;");
    // The line of the wrong member is marked.
    let marked = "<mark>      &quot;stock&quot;: 4</mark>";
    assert!(page.contains(marked));
    assert!(
        page.replace("<mark>", "")
            .replace("</mark>", "")
            .contains(&body)
    );
}

// Two reports.

#[track_caller]
fn compared(edit: impl FnOnce(&mut Report)) -> Comparison {
    let before = sample();
    let mut after = sample();
    edit(&mut after);
    compare::compare(&before, &after)
}

#[track_caller]
fn changed(edit: impl FnOnce(&mut Report)) -> (Option<Change>, u8) {
    let comparison = compared(edit);
    assert!(comparison.checks.len() <= 1, "{comparison:?}");
    let change = comparison.checks.first().map(|check| check.change);
    (change, comparison.exit_code())
}

fn become_like(report: &mut Report, at: usize, other: usize) {
    let id = report.checks[at].id.clone();
    report.checks[at] = CheckReport {
        id,
        ..report.checks[other].clone()
    };
}

/// The indices of checks in the sample.
const PASSES: usize = 0;
const FAILS: usize = 1;
const DISABLED: usize = 2;
const KNOWN: usize = 5;
const SETUP_FAILED: usize = 11;

#[rstest]
#[case::itself(PASSES, PASSES, None, 0)]
#[case::broken(PASSES, FAILS, Some(Change::NewlyFailing), 1)]
#[case::enabled_and_failing(DISABLED, FAILS, Some(Change::NewlyFailing), 1)]
#[case::no_longer_known(KNOWN, FAILS, Some(Change::NewlyFailing), 1)]
#[case::mended(FAILS, PASSES, Some(Change::Fixed), 0)]
#[case::known_and_mended(KNOWN, PASSES, Some(Change::Fixed), 0)]
#[case::another_finding(FAILS, 4, Some(Change::Changed), 0)]
#[case::now_a_warning(FAILS, 6, Some(Change::Changed), 0)]
#[case::not_mended_but_disabled(FAILS, DISABLED, Some(Change::NoLongerRun), 0)]
#[case::not_judged(PASSES, SETUP_FAILED, Some(Change::NoLongerRun), 0)]
#[case::enabled(DISABLED, PASSES, Some(Change::NewlyRun), 0)]
#[case::never_run(DISABLED, SETUP_FAILED, None, 0)]
fn a_check_that_moved_is_told(
    #[case] before: usize,
    #[case] after: usize,
    #[case] change: Option<Change>,
    #[case] exit_code: u8,
) {
    let moved = changed(|report| become_like(report, before, after));
    assert_eq!(moved, (change, exit_code));
}

#[test]
fn a_check_that_is_gone_is_told_and_so_is_a_new_one() {
    let gone = changed(|report| drop(report.checks.remove(PASSES)));
    assert_eq!(gone, (Some(Change::NoLongerRun), 0));
    let renamed = compared(|report| report.checks[FAILS].id = "create/other".to_owned());
    let changes: Vec<_> = renamed.checks.iter().map(|check| check.change).collect();
    assert_eq!(changes, [Change::NewlyFailing, Change::NoLongerRun]);
}

#[test]
fn ids_and_times_of_another_run_are_no_change() {
    let moved = changed(|report| {
        let finding = &mut report.checks[4].findings[0];
        finding.got = finding.got.take().map(|got| got.replace("SKU-7", "SKU-9"));
        finding.exchanges.clear();
        report.checks[0].micros = 1;
        report.started = "2024-01-01T00:00:00Z".to_owned();
    });
    assert_eq!(moved, (None, 0));
}

#[test]
fn a_comparison_names_both_sides() {
    let comparison = compared(|report| {
        become_like(report, PASSES, FAILS);
        become_like(report, FAILS, 4);
        become_like(report, 4, PASSES + 2);
        become_like(report, KNOWN, 9);
        become_like(report, DISABLED, 9);
        report.level = Level::Should;
        report.profile.clear();
        report.aborted = None;
        report.readings[0].choices = vec!["stale-date".to_owned()];
        report.readings.pop();
    });
    insta::assert_snapshot!("comparison", comparison.text());
    assert_eq!(compared(|_| {}).text(), "no difference\n");
}
