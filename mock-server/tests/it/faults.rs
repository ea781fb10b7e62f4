//! Faults: the language of rules, their effects on requests, and the repeatability of runs.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};
use whippy_engine::assets;
use whippy_engine::backend::Backend;
use whippy_engine::backend::Seed;
use whippy_engine::clock::ClockMode;
use whippy_engine::defects::{self, DEFECT_HEADER, Defects, Delivery, operation_of};
use whippy_engine::endpoints::call::{Mount, Settings};
use whippy_engine::engine::{RULE_HEADER, Reply};
use whippy_engine::model::time::{Timestamp, UtcOffset};
use whippy_mock::faults::{
    self, Act, Asked, Cut, FAULT_HEADER, Faults, PREFERENCE_APPLIED, Plan, prefer,
};
use whippy_mock::worlds::service::Service;

use crate::requests::{ACTIVE, INCREASE, QUERY, SKU, STOCKS, UPSERT, request, store};

const START: Timestamp = Timestamp::EPOCH.plus_seconds(1_700_000_000);

/// A service with faults, and the simplest possible server.
struct Shop {
    service: Service,
    faults: Faults,
    now: Timestamp,
}

/// The result of a request for its client.
#[derive(Debug)]
enum Got {
    Answer(Reply),
    /// The connection ends, after these bytes.
    End(&'static str, Vec<u8>),
}

impl Shop {
    #[track_caller]
    fn with(rules: &Value) -> Self {
        let clock = "2023-06-01T12:00:00+03:00,tick=1000000";
        Self {
            service: Service::new(Seed {
                settings: Settings::default(),
                store: store("documented"),
                clock: ClockMode::parse(clock, UtcOffset::PAGE).unwrap(),
            }),
            faults: installed(&json!({"rules": rules})),
            now: START,
        }
    }

    /// Creates a shop with one rule.
    #[track_caller]
    fn of(rule: &Value) -> Self {
        let mut rule = rule.clone();
        if rule.get("name").is_none() {
            rule["name"] = "it".into();
        }
        Self::with(&json!([rule]))
    }

    fn plan(&self, request: &Request<Bytes>) -> Plan {
        self.faults.plan(&Asked {
            request,
            operation: operation_of(&self.service, request),
            world: "default",
            at: self.now,
        })
    }

    fn fires(&self, request: &Request<Bytes>) -> bool {
        !self.plan(request).is_empty()
    }

    /// Returns, for each of this many requests, `true` if the faults fire on it.
    fn pattern(&self, request: &Request<Bytes>, count: usize) -> Vec<bool> {
        (0..count).map(|_| self.fires(request)).collect()
    }

    /// Carries out a plan as a server does, except for waits.
    fn ask(&self, request: &Request<Bytes>) -> Got {
        let plan = self.plan(request);
        self.carry_out(&plan, request)
    }

    fn carry_out(&self, plan: &Plan, request: &Request<Bytes>) -> Got {
        let head = request.clone().map(drop);
        for act in &plan.before {
            match act {
                Act::Delay(_) | Act::Hold(_) => {}
                Act::Answer(problem) => {
                    let mut reply = self.service.refuse(&head, problem);
                    plan.edit(&mut reply.response);
                    return Got::Answer(reply);
                }
                ending => return ended(ending, None),
            }
        }
        let defects = plan.defects(&Defects::none());
        let delivery = defects.answer(&self.service, request, || self.now);
        let Delivery::Answer(mut reply) = delivery else {
            panic!("{delivery:?}");
        };
        for act in &plan.after {
            if let Act::Answer(problem) = act {
                reply = self.service.refuse(&head, problem);
            }
        }
        plan.edit(&mut reply.response);
        for act in &plan.after {
            match act {
                Act::Delay(_) | Act::Hold(_) | Act::Answer(_) | Act::Edit(_) => {}
                Act::SlowBody { .. } => return Got::Answer(reply),
                ending => return ended(ending, Some(&reply)),
            }
        }
        Got::Answer(reply)
    }

    /// Returns the reserved quantity of the documented world's SKU.
    fn reserved(&self) -> Value {
        let all = self.service.answer(&get(STOCKS), &|| self.now);
        let all = json_of(&all.response);
        let rows = all["results"].as_array().unwrap();
        let row = rows.iter().find(|row| row["sku"] == SKU).unwrap();
        row["reserved_stock"].clone()
    }
}

fn ended(act: &Act, reply: Option<&Reply>) -> Got {
    match act {
        Act::EmptyReply => Got::End("empty", Vec::new()),
        Act::Reset => Got::End("reset", Vec::new()),
        Act::Garbage(garbage) => Got::End("garbage", garbage.bytes().to_vec()),
        Act::Truncate(cut) => {
            let body = reply.unwrap().response.body();
            Got::End("truncated", body[..cut.of(body.len())].to_vec())
        }
        other => panic!("{other:?} ends nothing"),
    }
}

impl Got {
    #[track_caller]
    fn answer(self) -> Response<Bytes> {
        match self {
            Self::Answer(reply) => reply.response,
            Self::End(how, _) => panic!("no answer, but {how}"),
        }
    }

    #[track_caller]
    fn status(self) -> u16 {
        self.answer().status().as_u16()
    }
}

#[track_caller]
fn installed(rules: &Value) -> Faults {
    let rules = Faults::parse(rules.to_string().as_bytes());
    Faults::new(rules.unwrap_or_else(|why| panic!("{why}")), START)
}

fn refused(file: &Value) -> String {
    Faults::parse(file.to_string().as_bytes())
        .unwrap_err()
        .to_string()
}

fn get(path: &str) -> Request<Bytes> {
    request("GET", path, &[], "")
}

fn post(path: &str, body: &Value) -> Request<Bytes> {
    let json = [("content-type", "application/json")];
    request("POST", path, &json, &body.to_string())
}

fn increase() -> Request<Bytes> {
    let body = json!({
        "sku": SKU, "location": "110", "provider": "shop_provider",
        "date": "2023-06-01T11:00:00+03:00",
    });
    post(INCREASE, &body)
}

fn json_of(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

fn header<'a>(response: &'a Response<Bytes>, name: &str) -> &'a str {
    let value = response.headers().get(name);
    value.map_or("", |value| value.to_str().unwrap())
}

fn millis(acts: &[Act]) -> u128 {
    acts.iter()
        .map(|act| match act {
            Act::Delay(time) => time.as_millis(),
            other => panic!("{other:?}"),
        })
        .sum()
}

// Requests that a rule is for.

#[rstest]
#[case(json!({}), true)]
#[case(json!({"operation": "increase-reserved-stock"}), true)]
#[case(json!({"operation": "*-reserved-stock"}), true)]
#[case(json!({"operation": "*"}), true)]
#[case(json!({"operation": "decrease-*"}), false)]
#[case(json!({"method": "POST"}), true)]
#[case(json!({"method": "GET"}), false)]
#[case(json!({"world": "default"}), true)]
#[case(json!({"world": "def*"}), true)]
#[case(json!({"world": "test-*"}), false)]
#[case(json!({"header": {"X-Test": "a"}}), true)]
#[case(json!({"header": {"x-test": "b"}}), true)]
#[case(json!({"header": {"x-test": 7}}), true)]
#[case(json!({"header": {"x-test": "c"}}), false)]
#[case(json!({"header": {"x-test": "a", "x-other": "a"}}), false)]
#[case(json!({"query": {"n": 500}}), true)]
#[case(json!({"query": {"n": "500"}}), true)]
#[case(json!({"query": {"n": "600"}}), true)]
#[case(json!({"query": {"flag": true}}), true)]
#[case(json!({"query": {"n": 5}}), false)]
#[case(json!({"query": {"n": null}}), false)]
#[case(json!({"query": {"sku": "500"}}), false)]
#[case(json!({"body": {"sku": "500"}}), true)]
#[case(json!({"body": {"sku": 500}}), true)]
#[case(json!({"body": {"number": "5"}}), true)]
#[case(json!({"body": {"number": 5}}), true)]
#[case(json!({"body": {"big": "123456789012345678901234567890"}}), true)]
#[case(json!({"body": {"active": true, "nothing": null}}), true)]
#[case(json!({"body": {"active": false}}), false)]
#[case(json!({"body": {"nothing": ""}}), false)]
#[case(json!({"body": {"absent": null}}), false)]
#[case(json!({"body": {"list": "a"}}), false)]
#[case(json!({"body": {"twice": 2}}), true)]
#[case(json!({"body": {"twice": 1}}), false)]
#[case(json!({"body": {"sku": "500", "number": 6}}), false)]
#[case(json!({"method": "POST", "query": {"n": 500}, "body": {"sku": "500"}}), true)]
#[case(json!({"method": "POST", "query": {"n": 501}, "body": {"sku": "500"}}), false)]
fn a_rule_is_about_what_its_match_says(#[case] matching: Value, #[case] fits: bool) {
    let shop = Shop::of(&json!({"match": matching, "fault": {"kind": "reset"}}));
    let body = r#"{"sku": "500", "number": 5, "big": 123456789012345678901234567890,
        "active": true, "nothing": null, "list": ["a"], "twice": 1, "twice": 2}"#;
    let path = format!("{INCREASE}?n=500&n=600&flag=true");
    let mut asked = request("POST", &path, &[("content-type", "application/json")], body);
    for value in ["a", "b", "7"] {
        asked.headers_mut().append("x-test", value.parse().unwrap());
    }
    assert_eq!(shop.fires(&asked), fits);
}

#[rstest]
#[case(
    "application/json",
    r#"[{"sku": "1"}, {"sku": 500, "location": "110"}]"#,
    true
)]
#[case("application/json", r#"[{"sku": 500}, {"location": "110"}]"#, false)]
#[case("", r#"{"sku": 500, "location": "110"}"#, true)]
#[case("application/x-www-form-urlencoded", "sku=500&location=110", true)]
#[case("application/x-www-form-urlencoded", "sku=500&location=1100", false)]
#[case(
    "multipart/form-data; boundary=x",
    "--x\r\nContent-Disposition: form-data; name=\"sku\"\r\n\r\n500\r\n--x\r\nContent-Disposition: form-data; name=\"location\"\r\n\r\n110\r\n--x--\r\n",
    true
)]
#[case("text/plain", r#"{"sku": 500, "location": "110"}"#, false)]
#[case("application/json", "{", false)]
#[case("application/json", "[1]", false)]
fn a_body_is_read_as_the_stack_reads_it(
    #[case] content_type: &str,
    #[case] body: &str,
    #[case] fits: bool,
) {
    let matching = json!({"body": {"sku": "500", "location": 110}});
    let shop = Shop::of(&json!({"match": matching, "fault": {"kind": "reset"}}));
    let headers = [("content-type", content_type)];
    let headers = if content_type.is_empty() {
        &[][..]
    } else {
        &headers
    };
    assert_eq!(shop.fires(&request("POST", UPSERT, headers, body)), fits);
}

#[rstest]
#[case(json!({}), "list-stocks", true)]
#[case(json!({"operation": "unrouted"}), "unrouted", true)]
#[case(json!({"operation": "stock-metadata"}), "stock-metadata", true)]
#[case(json!({"operation": "list-active-stocks*"}), "list-active-stocks-alias", true)]
#[case(json!({"operation": "list-active-stocks"}), "list-active-stocks-alias", false)]
fn an_operation_is_named_as_in_the_document(
    #[case] matching: Value,
    #[case] operation: &str,
    #[case] fits: bool,
) {
    let rule = json!({"name": "it", "match": matching, "fault": {"kind": "reset"}});
    let faults = installed(&json!({"rules": [rule]}));
    let (request, world, at) = (&get("/"), "default", START);
    let plan = faults.plan(&Asked {
        request,
        operation,
        world,
        at,
    });
    assert_eq!(!plan.is_empty(), fits);
}

#[rstest]
#[case("search-stocks", "/api/v1/stocks/?sku=500", true)]
#[case("search-stocks", "/api/v1/stocks/?sort=id&limit=5", true)]
#[case("search-stocks", "/api/v1/stocks/?limit=5", false)]
#[case("list-stocks", "/api/v1/stocks/?sku=500", true)]
#[case("list-*", "/api/v1/stocks/?sku=500", true)]
fn a_search_has_the_name_that_the_journal_gives_it_and_is_part_of_the_list(
    #[case] operation: &str,
    #[case] target: &str,
    #[case] fits: bool,
) {
    let matching = json!({"operation": operation});
    let shop = Shop::of(&json!({"match": matching, "fault": {"kind": "reset"}}));
    assert_eq!(shop.fires(&get(target)), fits);
}

// Turns.

const Y: bool = true;
const N: bool = false;

#[rstest]
#[case(json!({"match": {"nth": 3}}), [N, N, Y, N, N, N])]
#[case(json!({"match": {"every": 2}}), [N, Y, N, Y, N, Y])]
#[case(json!({"times": 2}), [Y, Y, N, N, N, N])]
#[case(json!({"times": 1, "match": {"every": 2}}), [N, Y, N, N, N, N])]
#[case(json!({"match": {"every": 2, "nth": 4}}), [N, N, N, Y, N, N])]
#[case(json!({"match": {"probability": 0}}), [N; 6])]
#[case(json!({"match": {"probability": 1}}), [Y; 6])]
fn a_rule_fires_in_its_turn(#[case] rule: Value, #[case] turns: [bool; 6]) {
    let mut rule = rule;
    rule["fault"] = json!({"kind": "reset"});
    let shop = Shop::of(&rule);
    assert_eq!(shop.pattern(&get(STOCKS), 6), turns);
    let counts = &shop.faults.rules_json()["rules"][0];
    assert_eq!(counts["matched"], 6);
    assert_eq!(counts["fired"], turns.iter().filter(|turn| **turn).count());
}

#[test]
fn only_requests_that_fit_count() {
    let matching = json!({"operation": "list-stocks", "nth": 2});
    let shop = Shop::of(&json!({"match": matching, "fault": {"kind": "reset"}}));
    let asked = [get(STOCKS), get(QUERY), increase(), get(STOCKS)];
    let fired: Vec<_> = asked.iter().map(|request| shop.fires(request)).collect();
    assert_eq!(fired, [N, N, N, Y]);
}

#[test]
fn a_probability_is_kept_over_many_requests() {
    let rule = json!({"match": {"probability": 0.25}, "fault": {"kind": "reset"}});
    let fired = Shop::of(&rule).pattern(&get(STOCKS), 4_000);
    let count = fired.iter().filter(|fired| **fired).count();
    assert!((900..1_100).contains(&count), "{count}");
}

#[test]
fn a_rule_is_over_after_its_time() {
    let mut shop = Shop::of(&json!({"fault": {"kind": "reset"}, "ttl_seconds": 60}));
    for (micros, fires) in [
        (0, true),
        (59_999_999, true),
        (60_000_000, false),
        (-5, true),
    ] {
        shop.now = START.plus(micros);
        assert_eq!(shop.fires(&get(STOCKS)), fires, "{micros}");
    }
}

#[test]
fn the_same_rules_of_another_world_have_met_nothing() {
    let shop = Shop::of(&json!({"fault": {"kind": "reset"}, "times": 1, "ttl_seconds": 60}));
    assert_eq!(shop.pattern(&get(STOCKS), 2), [Y, N]);
    let later = START.plus_seconds(100);
    let forked = Shop {
        faults: shop.faults.fresh(later),
        now: later.plus_seconds(59),
        ..Shop::with(&json!([]))
    };
    assert_eq!(forked.pattern(&get(STOCKS), 2), [Y, N]);
    assert_eq!(shop.faults.rules_json()["rules"][0]["matched"], 2);
}

// Effects.

#[rstest]
#[case(400, "application/json", r#"{"detail":"Malformed request."}"#)]
#[case(401, "application/json", r#"{"detail":"Invalid token."}"#)]
#[case(
    403,
    "application/json",
    r#"{"detail":"You do not have permission to perform this action."}"#
)]
#[case(404, "application/json", r#"{"detail":"Not found."}"#)]
#[case(429, "application/json", r#"{"detail":"Request was throttled."}"#)]
#[case(500, "text/html; charset=utf-8", "<h1>Server Error (500)</h1>")]
#[case(502, "text/html; charset=utf-8", "<h1>502 Bad Gateway</h1>")]
#[case(503, "text/html; charset=utf-8", "<h1>503 Service Unavailable</h1>")]
#[case(504, "text/html; charset=utf-8", "<h1>504 Gateway Timeout</h1>")]
fn a_status_has_the_body_of_whoever_says_it(
    #[case] status: u16,
    #[case] content_type: &str,
    #[case] body: &str,
    #[values("before", "after")] when: &str,
) {
    let fault = json!({"kind": "status", "status": status});
    let shop = Shop::of(&json!({"fault": fault, "when": when}));
    let got = shop.ask(&increase()).answer();
    assert_eq!(got.status(), status);
    assert_eq!(header(&got, "content-type"), content_type);
    let text = String::from_utf8_lossy(got.body());
    assert!(text.contains(body), "{text}");
    assert_eq!(header(&got, FAULT_HEADER.as_str()), "it");
    // A gateway does not send the headers of the stack.
    let is_gateway = [502, 503, 504].contains(&status);
    for name in ["x-frame-options", "referrer-policy"] {
        assert_eq!(header(&got, name).is_empty(), is_gateway, "{name}");
    }
    assert_eq!(header(&got, "www-authenticate").is_empty(), status != 401);
    assert_eq!(header(&got, "retry-after"), "");
    assert_eq!(shop.reserved(), i32::from(when == "after"));
}

#[rstest]
#[case(
    429,
    60,
    r#"{"detail":"Request was throttled. Expected available in 60 seconds."}"#
)]
#[case(
    429,
    1,
    r#"{"detail":"Request was throttled. Expected available in 1 second."}"#
)]
#[case(503, 120, "503 Service Unavailable")]
fn a_status_says_when_to_come_again(#[case] status: u16, #[case] seconds: u32, #[case] body: &str) {
    let fault = json!({"kind": "status", "status": status, "retry_after": seconds});
    let got = Shop::of(&json!({"fault": fault}))
        .ask(&get(STOCKS))
        .answer();
    assert_eq!(header(&got, "retry-after"), seconds.to_string());
    assert!(String::from_utf8_lossy(got.body()).contains(body));
}

#[rstest]
#[case("reset", "reset")]
#[case("empty-reply", "empty")]
#[case("garbage", "garbage")]
fn an_answer_that_is_lost_after_the_commit_is_met_by_a_208(#[case] kind: &str, #[case] how: &str) {
    let shop = Shop::of(&json!({"fault": {"kind": kind}, "when": "after", "times": 1}));
    let got = shop.ask(&increase());
    assert!(matches!(got, Got::End(ended, _) if ended == how), "{got:?}");
    assert_eq!(shop.reserved(), 1);
    assert_eq!(shop.ask(&increase()).status(), 208);
    assert_eq!(shop.reserved(), 1);
}

#[rstest]
#[case("reset")]
#[case("empty-reply")]
#[case("garbage")]
fn a_request_that_is_lost_before_the_commit_changes_nothing(#[case] kind: &str) {
    let shop = Shop::of(&json!({"fault": {"kind": kind}, "times": 1}));
    assert!(matches!(shop.ask(&increase()), Got::End(..)));
    assert_eq!(shop.reserved(), 0);
    assert_eq!(shop.ask(&increase()).status(), 201);
    assert_eq!(shop.reserved(), 1);
}

#[test]
fn garbage_is_no_http_and_falls_anew_each_time() {
    let shop = Shop::of(&json!({"fault": {"kind": "garbage", "bytes": 64}}));
    let bytes = || match shop.ask(&get(STOCKS)) {
        Got::End("garbage", bytes) => bytes,
        other => panic!("{other:?}"),
    };
    let (one, other) = (bytes(), bytes());
    assert_eq!((one.len(), other.len()), (64, 64));
    assert_ne!(one, other);
    assert!(one[0] >= 0x80 && other[0] >= 0x80);
    let seeded = Shop::of(&json!({"fault": {"kind": "garbage", "seed": 1}}));
    let [one, other] = [0, 1].map(|_| match seeded.ask(&get(STOCKS)) {
        Got::End("garbage", bytes) => bytes,
        other => panic!("{other:?}"),
    });
    assert_eq!(one.len(), 256);
    assert_eq!(one, other);
}

#[rstest]
#[case(json!({}), 1_000, 500)]
#[case(json!({"fraction": 0.25}), 1_000, 250)]
#[case(json!({"fraction": 0}), 1_000, 0)]
#[case(json!({"fraction": 1}), 1_000, 999)]
#[case(json!({"bytes": 10}), 1_000, 10)]
#[case(json!({"bytes": 5_000}), 1_000, 999)]
#[case(json!({"bytes": 5_000}), 0, 0)]
fn a_truncated_body_is_never_whole(
    #[case] members: Value,
    #[case] length: usize,
    #[case] sent: usize,
) {
    let mut fault = members;
    fault["kind"] = "truncated-body".into();
    let shop = Shop::of(&json!({"fault": fault}));
    let plan = shop.plan(&get(STOCKS));
    let [Act::Truncate(cut)] = plan.after[..] else {
        panic!("{plan:?}");
    };
    assert_eq!(cut.of(length), sent);
    assert!(matches!(shop.ask(&get(STOCKS)), Got::End("truncated", _)));
}

#[rstest]
#[case("")]
#[case("application/json; indent=4")]
fn a_malformed_body_is_as_long_and_no_json(#[case] accept: &str) {
    let accept = if accept.is_empty() { "*/*" } else { accept };
    let asked = request("GET", STOCKS, &[("accept", accept)], "");
    let sound = Shop::with(&json!([])).ask(&asked).answer();
    let got = Shop::of(&json!({"fault": {"kind": "malformed-body"}}))
        .ask(&asked)
        .answer();
    assert_eq!(got.status(), 200);
    assert_eq!(got.body().len(), sound.body().len());
    assert!(serde_json::from_slice::<Value>(sound.body()).is_ok());
    assert!(serde_json::from_slice::<Value>(got.body()).is_err());
}

#[test]
fn what_is_no_json_is_not_malformed() {
    let rule = json!({"fault": {"kind": "malformed-body"}});
    let got = Shop::of(&rule).ask(&get("/nothing/")).answer();
    let sound = Shop::with(&json!([])).ask(&get("/nothing/")).answer();
    assert_eq!(got.body(), sound.body());
}

#[test]
fn a_wrong_content_type_keeps_the_body() {
    let fault = json!({"kind": "wrong-content-type", "content_type": "text/html"});
    let got = Shop::of(&json!({"fault": fault}))
        .ask(&get(STOCKS))
        .answer();
    assert_eq!(header(&got, "content-type"), "text/html");
    assert_eq!(json_of(&got)["count"], 3);
}

#[test]
fn a_slow_body_is_the_same_body() {
    let fault = json!({"kind": "slow-body", "chunks": 3, "over_milliseconds": 900});
    let shop = Shop::of(&json!({"fault": fault}));
    let plan = shop.plan(&get(STOCKS));
    let over = Duration::from_millis(900);
    assert_eq!(plan.after, [Act::SlowBody { chunks: 3, over }]);
    assert_eq!(shop.ask(&get(STOCKS)).status(), 200);
}

#[test]
fn a_fixed_delay_is_on_its_side_of_the_commit() {
    for when in ["before", "after"] {
        let fault = json!({"kind": "delay", "milliseconds": 250});
        let plan = Shop::of(&json!({"fault": fault, "when": when})).plan(&get(STOCKS));
        let of_side = if when == "before" {
            &plan.before
        } else {
            &plan.after
        };
        assert_eq!(of_side, &[Act::Delay(Duration::from_millis(250))], "{when}");
        assert_eq!(plan.before.len() + plan.after.len(), 1, "{when}");
    }
}

fn delays(distribution: &Value) -> Vec<u128> {
    let fault = json!({"kind": "delay", "distribution": distribution});
    let shop = Shop::of(&json!({"fault": fault}));
    let asked = get(STOCKS);
    let mut drawn: Vec<_> = (0..2_000)
        .map(|_| millis(&shop.plan(&asked).before))
        .collect();
    drawn.sort_unstable();
    drawn
}

#[test]
fn a_uniform_delay_takes_every_time_between_its_bounds() {
    let drawn = delays(&json!({"type": "uniform", "min": 10, "max": 29}));
    let counts: Vec<_> = (10..30)
        .map(|time| drawn.iter().filter(|drawn| **drawn == time).count())
        .collect();
    assert_eq!(counts.iter().sum::<usize>(), 2_000);
    assert!(
        counts.iter().all(|count| (50..160).contains(count)),
        "{counts:?}"
    );
}

#[test]
fn a_lognormal_delay_has_its_median_and_its_spread() {
    let drawn = delays(&json!({"type": "lognormal", "median": 1000, "sigma": 0.5}));
    // In a normal distribution 15.9 % lie more than one sigma below the mean.
    for (part, expected) in [
        (1_000, 1_000.0),
        (317, 1_000.0 / 0.5f64.exp()),
        (1_683, 1_648.7),
    ] {
        let time = f64::from(u32::try_from(drawn[part]).unwrap());
        assert!(
            (time / expected - 1.0).abs() < 0.08,
            "{part}: {time}, not {expected}"
        );
    }
    let capped = delays(&json!({"type": "lognormal", "median": 1000, "sigma": 0.5, "cap": 1200}));
    assert_eq!(capped[1_999], 1_200);
    assert_eq!(capped[..1_000], drawn[..1_000]);
}

#[test]
fn delays_add_up_to_their_bound() {
    let delay = |name, milliseconds, when| {
        let fault = json!({"kind": "delay", "milliseconds": milliseconds});
        json!({"name": name, "fault": fault, "when": when})
    };
    let rules = json!([
        delay("a", 100, "before"),
        delay("b", 400_000, "after"),
        delay("c", 300_000, "before"),
    ]);
    let plan = Shop::with(&rules).plan(&get(STOCKS));
    assert_eq!(millis(&plan.before) + millis(&plan.after), 600_000);
    assert_eq!(plan.names(), "a, b, c");
}

#[test]
fn a_hold_ends_with_the_commit_that_it_names() {
    let planned = |fault: Value| {
        let plan = Shop::of(&json!({"fault": fault, "when": "after"})).plan(&get(STOCKS));
        match &plan.after[..] {
            [Act::Hold(hold)] => hold.clone(),
            other => panic!("{other:?}"),
        }
    };
    let hold =
        planned(json!({"kind": "hold", "until_commit": "*-reserved-stock", "milliseconds": 5}));
    assert!(hold.awaits_a_commit());
    assert!(hold.ends_with("increase-reserved-stock"));
    assert!(!hold.ends_with("create-stock"));
    assert_eq!(hold.at_most, Duration::from_millis(5));
    let hold = planned(json!({"kind": "hold", "milliseconds": 5}));
    assert!(!hold.awaits_a_commit() && !hold.ends_with("create-stock"));
}

#[test]
fn a_stale_read_concerns_what_only_looks() {
    let shop = Shop::of(&json!({"fault": {"kind": "stale-read", "writes": 3}}));
    assert_eq!(shop.plan(&get(STOCKS)).stale, Some(3));
    assert!(!shop.fires(&increase()));
    assert_eq!(shop.faults.rules_json()["rules"][0]["matched"], 1);
}

#[test]
fn rows_are_repeated_and_skipped_between_pages() {
    let ids = |shop: &Shop, page: u32| -> Vec<i64> {
        let got = shop
            .ask(&get(&format!("{STOCKS}?limit=1&page={page}")))
            .answer();
        let body = json_of(&got);
        let rows = body["results"].as_array().unwrap();
        rows.iter().map(|row| row["id"].as_i64().unwrap()).collect()
    };
    let sound = Shop::with(&json!([]));
    let (first, second) = (ids(&sound, 1), ids(&sound, 2));
    let doubling = Shop::of(&json!({"fault": {"kind": "duplicate-row"}}));
    assert_eq!(ids(&doubling, 1), first);
    assert_eq!(ids(&doubling, 2), first);
    let skipping = Shop::of(&json!({"fault": {"kind": "skipped-row"}, "times": 2}));
    assert_eq!(ids(&skipping, 1), first);
    assert_eq!(ids(&skipping, 2), [0; 0]);
    assert_eq!(ids(&skipping, 2), second);
}

#[test]
fn a_defect_is_in_force_for_the_requests_that_fit() {
    let matching = json!({"header": {"x-client": "beta"}});
    let fault = json!({"kind": "defect", "name": "increase-answers-200"});
    let shop = Shop::of(&json!({"match": matching, "fault": fault}));
    let mut asked = increase();
    assert_eq!(shop.ask(&asked).status(), 201);
    asked
        .headers_mut()
        .insert("x-client", "beta".parse().unwrap());
    let other = |day: u32| {
        let mut asked = asked.clone();
        let body = json!({
            "sku": SKU, "location": "110", "provider": "shop_provider",
            "date": format!("2023-06-{day:02}"),
        });
        *asked.body_mut() = body.to_string().into();
        asked
    };
    let got = shop.ask(&other(2)).answer();
    assert_eq!(got.status(), 200);
    assert_eq!(header(&got, DEFECT_HEADER.as_str()), "increase-answers-200");
    assert_eq!(header(&got, FAULT_HEADER.as_str()), "it");
    assert_eq!(shop.reserved(), 2);
}

#[test]
fn what_a_defect_keeps_is_kept_from_one_request_to_the_next() {
    let fault = json!({"kind": "defect", "name": "increase-counts-and-answers-500"});
    let shop = Shop::of(&json!({"fault": fault}));
    let asked = |day: u32| {
        let body = json!({
            "sku": SKU, "location": "110", "provider": "shop_provider",
            "date": format!("2023-06-{day:02}"),
        });
        post(INCREASE, &body)
    };
    let status = |day| shop.ask(&asked(day)).status();
    assert_eq!([1, 2, 3, 4].map(status), [201, 500, 201, 500]);
    // A plan that is read back shares this state with its rule.
    let replayed = |day| {
        let plan = Plan::from_json(&shop.plan(&asked(day)).to_json(), &shop.faults).unwrap();
        shop.carry_out(&plan, &asked(day)).status()
    };
    assert_eq!([5, 6].map(replayed), [201, 500]);
    assert_eq!(status(7), 201);
    assert_eq!(replayed(8), 500);
}

#[test]
fn the_defects_of_the_world_stand_around_those_of_a_plan() {
    let named = |name| Defects::new([defects::named(name).unwrap()]);
    let fault = json!({"kind": "defect", "name": "increase-answers-200"});
    let shop = Shop::of(&json!({"fault": fault}));
    let plan = shop.plan(&increase());
    assert!(plan.has_defects());
    let of = |world: &Defects| plan.defects(world).names().collect::<Vec<_>>().join(" ");
    let world = named("page-skips-a-row");
    assert_eq!(of(&world), "page-skips-a-row increase-answers-200");
    assert_eq!(of(&named("increase-answers-200")), "increase-answers-200");
    assert_eq!(of(&Defects::none()), "increase-answers-200");
    assert_eq!(world.names().count(), 1);
}

// Several rules on one request.

fn rule(name: &str, fault: &Value, when: Option<&str>) -> Value {
    let mut rule = json!({"name": name, "fault": fault});
    if let Some(when) = when {
        rule["when"] = when.into();
    }
    rule
}

/// Rules that fire together, in an order that shows the winner.
#[rstest]
#[case(&["reset", "status"], "reset")]
#[case(&["status", "reset"], "status")]
#[case(&["status-after", "reset"], "status-after")]
#[case(&["delay", "reset"], "delay, reset")]
#[case(&["reset", "delay"], "reset, delay")]
#[case(&["reset", "delay-after"], "reset")]
#[case(&["delay-after", "reset"], "reset")]
#[case(&["reset-after", "delay-after", "delay"], "reset-after, delay-after, delay")]
#[case(&["reset", "hold"], "reset, hold")]
#[case(&["reset", "malformed"], "reset")]
#[case(&["reset", "defect", "stale"], "reset")]
#[case(&["reset-after", "malformed"], "reset-after")]
#[case(&["reset-after", "defect"], "reset-after, defect")]
#[case(&["status-after", "malformed", "type"], "status-after, malformed, type")]
#[case(&["slow", "malformed"], "slow, malformed")]
#[case(&["slow", "truncated"], "slow")]
#[case(&["malformed", "type", "stale", "defect"], "malformed, type, stale, defect")]
fn the_first_that_decides_what_the_client_gets_wins(#[case] names: &[&str], #[case] fired: &str) {
    let rules: Vec<_> = names
        .iter()
        .map(|name| {
            let (fault, when) = match *name {
                "reset" => (json!({"kind": "reset"}), None),
                "reset-after" => (json!({"kind": "reset"}), Some("after")),
                "status" => (json!({"kind": "status", "status": 500}), None),
                "status-after" => (json!({"kind": "status", "status": 429}), Some("after")),
                "delay" => (json!({"kind": "delay", "milliseconds": 1}), None),
                "delay-after" => (json!({"kind": "delay", "milliseconds": 1}), Some("after")),
                "hold" => (json!({"kind": "hold", "milliseconds": 1}), None),
                "malformed" => (json!({"kind": "malformed-body"}), None),
                "type" => (
                    json!({"kind": "wrong-content-type", "content_type": "a/b"}),
                    None,
                ),
                "slow" => (
                    json!({"kind": "slow-body", "chunks": 2, "over_milliseconds": 1}),
                    None,
                ),
                "truncated" => (json!({"kind": "truncated-body"}), None),
                "stale" => (json!({"kind": "stale-read", "writes": 1}), None),
                "defect" => (json!({"kind": "defect", "name": "list-answers-206"}), None),
                other => panic!("{other}"),
            };
            rule(name, &fault, when)
        })
        .collect();
    let shop = Shop::with(&rules.into());
    let plan = shop.plan(&get(STOCKS));
    assert_eq!(plan.names(), fired);
    let json = shop.faults.rules_json();
    for rule in json["rules"].as_array().unwrap() {
        let name = rule["name"].as_str().unwrap();
        assert_eq!(rule["matched"], 1, "{name}");
        let has_fired = fired.split(", ").any(|fired| fired == name);
        assert_eq!(rule["fired"], i32::from(has_fired), "{name}");
    }
    assert_eq!(
        Plan::from_json(&plan.to_json(), &shop.faults)
            .unwrap()
            .to_json(),
        plan.to_json()
    );
}

#[test]
fn a_rule_that_did_not_come_to_it_still_has_its_times() {
    let rules = json!([
        {"name": "first", "match": {"nth": 1}, "fault": {"kind": "reset"}},
        {"name": "second", "fault": {"kind": "status", "status": 500}, "times": 1},
    ]);
    let shop = Shop::with(&rules);
    let names = [0, 1, 2].map(|_| shop.plan(&get(STOCKS)).names());
    assert_eq!(names, ["first", "second", ""]);
}

#[test]
fn acts_come_in_the_order_in_which_they_are_carried_out() {
    let rules = json!([
        rule("reset", &json!({"kind": "truncated-body"}), None),
        rule(
            "wait",
            &json!({"kind": "delay", "milliseconds": 1}),
            Some("after")
        ),
        rule("edit", &json!({"kind": "malformed-body"}), None),
    ]);
    let plan = Shop::with(&rules).plan(&get(STOCKS));
    assert!(matches!(
        plan.after[..],
        [Act::Edit(_), Act::Delay(_), Act::Truncate(Cut::Fraction(_))]
    ));
    let rules = json!([
        rule("status", &json!({"kind": "status", "status": 500}), None),
        rule("wait", &json!({"kind": "delay", "milliseconds": 1}), None),
    ]);
    let plan = Shop::with(&rules).plan(&get(STOCKS));
    assert!(matches!(plan.before[..], [Act::Delay(_), Act::Answer(_)]));
}

#[test]
fn without_a_rule_nothing_goes_wrong() {
    assert!(Faults::default().is_empty());
    assert!(installed(&json!({"rules": []})).is_empty());
    let shop = Shop::with(&json!([]));
    let plan = shop.plan(&get(STOCKS));
    assert!(plan.is_empty());
    assert_eq!(plan.to_json(), json!({"rules": []}));
    let got = shop.ask(&get(STOCKS)).answer();
    assert_eq!(header(&got, FAULT_HEADER.as_str()), "");
}

// Files that are not files of faults.

fn one(rule: Value) -> Value {
    let mut rule = rule;
    if rule.get("name").is_none() {
        rule["name"] = "it".into();
    }
    if rule.get("fault").is_none() {
        rule["fault"] = json!({"kind": "reset"});
    }
    json!({"rules": [rule]})
}

fn fault(fault: &Value) -> Value {
    one(json!({"fault": fault}))
}

/// Returns files that both the schema and the parser refuse, with the sentence.
fn bad_files() -> Vec<(Value, &'static str)> {
    let text = |count| "x".repeat(count);
    vec![
        (json!([]), "a file of faults is an object, not an array"),
        (json!({}), "`rules` is missing"),
        (
            json!({"rules": {}}),
            "rules: an array is taken, not an object",
        ),
        (
            json!({"rules": [], "seeds": 1}),
            "seeds: there is no such member; did you mean `seed`? there are `seed`, `rules`",
        ),
        (
            json!({"rules": [], "seed": -1}),
            "seed: a whole number from 0 to 9007199254740991 is taken, not -1",
        ),
        (
            json!({"rules": [], "seed": "7"}),
            "seed: a whole number from 0 to 9007199254740991 is taken, not a text",
        ),
        (
            json!({"rules": vec![0; 1_001]}),
            "rules: at most 1000 are taken, not 1001",
        ),
        (
            json!({"rules": [7]}),
            "rules[0]: a rule is an object, not a number",
        ),
        (
            json!({"rules": [{"fault": {"kind": "reset"}}]}),
            "rules[0]: `name` is missing",
        ),
        (
            json!({"rules": [{"name": "a"}]}),
            "rules[0]: `fault` is missing",
        ),
        (
            one(json!({"name": ""})),
            "rules[0].name: a text of 1 to 64 characters is taken",
        ),
        (
            one(json!({"name": text(65)})),
            "rules[0].name: a text of 1 to 64 characters is taken",
        ),
        (
            one(json!({"name": "a, b"})),
            "rules[0].name: letters, digits and - _ . / are taken",
        ),
        (
            one(json!({"name": 7})),
            "rules[0].name: a text is taken, not a number",
        ),
        (
            one(json!({"fail_times": 2})),
            "rules[0].fail_times: there is no such member; it is called `times` here; there are `name`, `match`, `fault`, `when`, `times`, `ttl_seconds`",
        ),
        (
            one(json!({"wen": "after"})),
            "rules[0].wen: there is no such member; did you mean `when`? there are `name`, `match`, `fault`, `when`, `times`, `ttl_seconds`",
        ),
        (
            one(json!({"when": "later"})),
            "rules[0].when: `before` or `after` is taken",
        ),
        (
            one(json!({"when": null})),
            "rules[0].when: `before` or `after` is taken",
        ),
        (
            one(json!({"times": 0})),
            "rules[0].times: a whole number from 1 to 1000000000 is taken, not 0",
        ),
        (
            one(json!({"ttl_seconds": 604_801})),
            "rules[0].ttl_seconds: a whole number from 1 to 604800 is taken, not 604801",
        ),
        (
            one(json!({"match": []})),
            "rules[0].match: `match` is an object, not an array",
        ),
        (
            one(json!({"match": {"sku": "5"}})),
            "rules[0].match.sku: there is no such member; there are `operation`, `method`, `world`, `header`, `query`, `body`, `nth`, `every`, `probability`",
        ),
        (
            one(json!({"match": {"method": "post"}})),
            "rules[0].match.method: one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS is taken",
        ),
        (
            one(json!({"match": {"world": text(1_001)}})),
            "rules[0].match.world: a text of 1 to 1000 characters is taken",
        ),
        (
            one(json!({"match": {"nth": 1.5}})),
            "rules[0].match.nth: a whole number from 1 to 1000000000 is taken, not 1.5",
        ),
        (
            one(json!({"match": {"every": 0}})),
            "rules[0].match.every: a whole number from 1 to 1000000000 is taken, not 0",
        ),
        (
            one(json!({"match": {"probability": 1.1}})),
            "rules[0].match.probability: a number from 0 to 1 is taken, not 1.1",
        ),
        (
            one(json!({"match": {"query": "sku=5"}})),
            "rules[0].match.query: `query` is an object, not a text",
        ),
        (
            one(json!({"match": {"query": {"sku": ["5"]}}})),
            "rules[0].match.query.sku: a text, a number, true, false or null is taken, not an array",
        ),
        (
            one(json!({"match": {"body": {"sku": text(1_001)}}})),
            "rules[0].match.body.sku: at most 1000 characters are taken",
        ),
        (
            one(json!({"match": {"header": {"x test": "a"}}})),
            "rules[0].match.header.x test: this is no name of a header",
        ),
        (
            one(
                json!({"match": {"body": (0..17).map(|i| (i.to_string(), Value::Null)).collect::<serde_json::Map<_, _>>()}}),
            ),
            "rules[0].match.body: at most 16 members are taken",
        ),
        (
            fault(&json!("reset")),
            "rules[0].fault: a fault is an object, not a text",
        ),
        (fault(&json!({})), "rules[0].fault: `kind` is missing"),
        (
            fault(&json!({"kind": "rest"})),
            "rules[0].fault.kind: there is no kind `rest`; did you mean `reset`? there are status, delay, slow-body, empty-reply, reset, truncated-body, malformed-body, garbage, wrong-content-type, stale-read, duplicate-row, skipped-row, defect, hold",
        ),
        (
            fault(&json!({"kind": "reset", "bytes": 1})),
            "rules[0].fault.bytes: there is no such member; there are `kind`",
        ),
        (
            fault(&json!({"kind": "status"})),
            "rules[0].fault: `status` is missing",
        ),
        (
            fault(&json!({"kind": "status", "status": 418})),
            "rules[0].fault.status: 400, 401, 403, 404, 429, 500, 502, 503 and 504 are taken",
        ),
        (
            fault(&json!({"kind": "status", "status": "500"})),
            "rules[0].fault.status: 400, 401, 403, 404, 429, 500, 502, 503 and 504 are taken",
        ),
        (
            fault(&json!({"kind": "status", "status": 500, "retry_after": 1})),
            "rules[0].fault.retry_after: only 429 and 503 have one",
        ),
        (
            fault(&json!({"kind": "status", "status": 429, "retry_after": 86_401})),
            "rules[0].fault.retry_after: a whole number from 0 to 86400 is taken, not 86401",
        ),
        (
            fault(&json!({"kind": "delay"})),
            "rules[0].fault: a delay has either `milliseconds` or a `distribution`",
        ),
        (
            fault(
                &json!({"kind": "delay", "milliseconds": 1, "distribution": {"type": "uniform", "min": 1, "max": 2}}),
            ),
            "rules[0].fault: a delay has either `milliseconds` or a `distribution`",
        ),
        (
            fault(&json!({"kind": "delay", "milliseconds": 600_001})),
            "rules[0].fault.milliseconds: a whole number from 0 to 600000 is taken, not 600001",
        ),
        (
            fault(&json!({"kind": "delay", "distribution": {"type": "normal"}})),
            "rules[0].fault.distribution.type: there is no distribution `normal`; there are uniform, lognormal",
        ),
        (
            fault(&json!({"kind": "delay", "distribution": {"type": "uniform", "min": 1}})),
            "rules[0].fault.distribution: `max` is missing",
        ),
        (
            fault(
                &json!({"kind": "delay", "distribution": {"type": "lognormal", "median": 1, "sigma": 3.5}}),
            ),
            "rules[0].fault.distribution.sigma: a number from 0 to 3 is taken, not 3.5",
        ),
        (
            fault(
                &json!({"kind": "delay", "distribution": {"type": "lognormal", "median": 1, "sigma": 1, "max": 1}}),
            ),
            "rules[0].fault.distribution.max: there is no such member; there are `type`, `median`, `sigma`, `cap`",
        ),
        (
            fault(&json!({"kind": "slow-body", "chunks": 1, "over_milliseconds": 1})),
            "rules[0].fault.chunks: a whole number from 2 to 1000 is taken, not 1",
        ),
        (
            fault(&json!({"kind": "slow-body", "chunks": 2})),
            "rules[0].fault: `over_milliseconds` is missing",
        ),
        (
            fault(&json!({"kind": "truncated-body", "bytes": 1, "fraction": 0.5})),
            "rules[0].fault: a truncated body has `bytes` or a `fraction`, not both",
        ),
        (
            fault(&json!({"kind": "truncated-body", "fraction": 1.5})),
            "rules[0].fault.fraction: a number from 0 to 1 is taken, not 1.5",
        ),
        (
            fault(&json!({"kind": "garbage", "bytes": 65_537})),
            "rules[0].fault.bytes: a whole number from 1 to 65536 is taken, not 65537",
        ),
        (
            fault(&json!({"kind": "wrong-content-type"})),
            "rules[0].fault: `content_type` is missing",
        ),
        (
            fault(&json!({"kind": "wrong-content-type", "content_type": "a\nb"})),
            "rules[0].fault.content_type: visible ASCII is taken, as in a header",
        ),
        (
            fault(&json!({"kind": "stale-read", "writes": 0})),
            "rules[0].fault.writes: a whole number from 1 to 1000 is taken, not 0",
        ),
        (
            fault(&json!({"kind": "defect"})),
            "rules[0].fault: `name` is missing",
        ),
        (
            fault(&json!({"kind": "hold"})),
            "rules[0].fault: `milliseconds` is missing",
        ),
        (
            fault(&json!({"kind": "hold", "milliseconds": 60_001})),
            "rules[0].fault.milliseconds: a whole number from 1 to 60000 is taken, not 60001",
        ),
        (
            one(json!({"fault": {"kind": "malformed-body"}, "when": "before"})),
            "rules[0].when: a `malformed-body` is about the answer, so it is always `after`",
        ),
        (
            one(json!({"fault": {"kind": "stale-read", "writes": 1}, "when": "after"})),
            "rules[0].when: a `stale-read` is neither before nor after",
        ),
    ]
}

/// Returns files that only the parser refuses, with the sentence.
fn wrong_names() -> Vec<(Value, &'static str)> {
    let twice = json!({"name": "a", "fault": {"kind": "reset"}});
    vec![
        (
            json!({"rules": [twice, twice]}),
            "rules[1].name: another rule is called `a`",
        ),
        (
            one(json!({"match": {"operation": "increase-reserve-stock"}})),
            "rules[0].match.operation: there is no operation `increase-reserve-stock`; did you mean `increase-reserved-stock`? openapi.json names them all",
        ),
        (
            one(json!({"match": {"operation": "drop-*"}})),
            "rules[0].match.operation: there is no operation `drop-*`; openapi.json names them all",
        ),
        (
            fault(&json!({"kind": "defect", "name": "create-answers-20"})),
            "rules[0].fault.name: there is no defect `create-answers-20`; did you mean `create-answers-200`? `whippy-mock defects` lists them all",
        ),
        (
            fault(&json!({"kind": "hold", "until_commit": "increase", "milliseconds": 1})),
            "rules[0].fault.until_commit: there is no operation `increase`; openapi.json names them all",
        ),
        (
            fault(&json!({"kind": "hold", "until_commit": "list-stocks", "milliseconds": 1})),
            "rules[0].fault.until_commit: no operation that fits it writes",
        ),
        (
            one(json!({"match": {"operation": "create-*"}, "fault": {"kind": "duplicate-row"}})),
            "rules[0].match.operation: a `duplicate-row` does not show there; it does in list-stocks, list-providers, list-stock-locations, list-stock-lists, search-stocks",
        ),
        (
            one(
                json!({"match": {"operation": "stock-query"}, "fault": {"kind": "defect", "name": "create-answers-200"}}),
            ),
            "rules[0].match.operation: a `defect` does not show there; it does in create-stock",
        ),
        (
            fault(
                &json!({"kind": "delay", "distribution": {"type": "uniform", "min": 2, "max": 1}}),
            ),
            "rules[0].fault.distribution: `min` is above `max`",
        ),
    ]
}

fn validator() -> jsonschema::Validator {
    let (_, schema) = assets::SCHEMAS
        .iter()
        .find(|(file, _)| *file == "faults.schema.json")
        .unwrap();
    jsonschema::draft202012::new(&serde_json::from_str(schema).unwrap()).unwrap()
}

#[test]
fn what_is_wrong_is_told_in_a_sentence_with_its_path() {
    for (file, sentence) in bad_files().iter().chain(&wrong_names()) {
        assert_eq!(refused(file), *sentence, "{file}");
    }
}

#[test]
fn the_schema_refuses_what_the_parser_refuses() {
    let schema = validator();
    for (file, sentence) in bad_files() {
        assert!(!schema.is_valid(&file), "{sentence}: {file}");
    }
}

#[test]
fn what_is_no_json_or_too_long_is_no_file() {
    let said = |text: &str| Faults::parse(text.as_bytes()).unwrap_err().to_string();
    assert!(
        said("{").starts_with("the faults are no JSON: EOF"),
        "{}",
        said("{")
    );
    let long = format!("{{\"rules\": []{}}}", " ".repeat(1_048_576));
    assert_eq!(
        said(&long),
        "the faults are 1048589 bytes long, and at most 1048576 are taken"
    );
}

// Faults that come with the mock.

#[test]
fn the_built_in_files_are_valid_and_do_something() {
    let schema = validator();
    assert_eq!(
        assets::faults_names().collect::<Vec<_>>(),
        ["flaky-network", "maintenance", "rate-limited", "slow-erp"]
    );
    for (file, json) in assets::FAULTS {
        let value: Value = serde_json::from_str(json).unwrap();
        let errors: Vec<_> = schema.iter_errors(&value).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{file}: {errors:?}");
        let rules = faults::preset(file.strip_suffix(".json").unwrap()).unwrap();
        let shop = Shop {
            faults: Faults::new(rules, START),
            ..Shop::with(&json!([]))
        };
        let asked = [get(STOCKS), increase(), post(UPSERT, &json!([]))];
        for request in asked.iter().cycle().take(600) {
            let _ = shop.plan(request);
        }
        let json = shop.faults.rules_json();
        for rule in json["rules"].as_array().unwrap() {
            assert!(rule["fired"].as_u64().unwrap() > 0, "{file}: {rule}");
        }
    }
}

#[test]
fn every_built_in_file_is_embedded() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/faults");
    let listed: BTreeSet<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let embedded: BTreeSet<_> = assets::FAULTS
        .iter()
        .map(|(f, _)| (*f).to_owned())
        .collect();
    assert_eq!(embedded, listed);
}

#[test]
fn a_built_in_file_that_is_none_is_named_with_those_there_are() {
    assert_eq!(
        faults::preset("flaky-netwrk").unwrap_err().to_string(),
        "there are no built-in faults `flaky-netwrk`; did you mean `flaky-network`? \
         there are flaky-network, maintenance, rate-limited, slow-erp"
    );
}

/// Returns the blocks of JSON in the document. A single rule becomes a file of its own.
fn examples() -> Vec<Value> {
    let document = include_str!("../../../docs/faults.md");
    let blocks = document.split("```json\n").skip(1);
    let blocks = blocks.map(|block| block.split("```").next().unwrap());
    let read = |block: &str| {
        let value: Value = serde_json::from_str(block).unwrap_or_else(|e| panic!("{e}: {block}"));
        match value.get("rules") {
            Some(_) => value,
            None => json!({"rules": [value]}),
        }
    };
    blocks.map(read).collect()
}

#[test]
fn the_document_shows_each_kind_and_every_example_is_right() {
    let schema = validator();
    let mut shown = BTreeSet::new();
    for example in examples() {
        installed(&example);
        let errors: Vec<_> = schema
            .iter_errors(&example)
            .map(|e| e.to_string())
            .collect();
        assert!(errors.is_empty(), "{example}: {errors:?}");
        for rule in example["rules"].as_array().unwrap() {
            shown.insert(rule["fault"]["kind"].as_str().unwrap().to_owned());
        }
    }
    let kinds: BTreeSet<_> = faults::kinds().map(|(name, _)| name.to_owned()).collect();
    assert_eq!(shown, kinds);
    let document = include_str!("../../../docs/faults.md");
    for kind in kinds {
        assert!(document.contains(&format!("\n### `{kind}`\n")), "{kind}");
    }
    for name in assets::faults_names() {
        assert!(document.contains(&format!("\n| `{name}` |")), "{name}");
    }
}

#[test]
fn the_schema_describes_each_kind_in_the_words_of_the_table() {
    let (_, schema) = assets::SCHEMAS
        .iter()
        .find(|(file, _)| *file == "faults.schema.json")
        .unwrap();
    let schema: Value = serde_json::from_str(schema).unwrap();
    for (name, about) in faults::kinds() {
        assert_eq!(schema["$defs"][name]["description"], about, "{name}");
    }
}

/// The bounds in the document are exact: one more is refused.
#[test]
fn the_document_states_the_bounds() {
    let document = include_str!("../../../docs/faults.md");
    let (_, bounds) = document.split_once("## Bounds").unwrap();
    let (bounds, _) = bounds.split_once("\n## ").unwrap();
    let told: BTreeSet<u64> = bad_files()
        .iter()
        .map(|(_, sentence)| *sentence)
        .chain(["at most 1048576 are", "from 0 to 4294967295 is"])
        .filter_map(|sentence| {
            let most = sentence
                .split_once(" to ")
                .or(sentence.split_once("at most "))?;
            most.1.split(' ').next()?.parse().ok()
        })
        .filter(|most| *most > 1)
        .collect();
    for most in told {
        let digits = most.to_string();
        let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().collect();
        let grouped = groups
            .iter()
            .map(|group| std::str::from_utf8(group).unwrap());
        let grouped = grouped.collect::<Vec<_>>().join(",");
        assert!(bounds.contains(&grouped), "{grouped}");
    }
}

// Repeatable runs.

/// Returns rules in which everything depends on chance.
fn chancy() -> Value {
    let rules = [
        json!({"name": "a", "match": {"probability": 0.2}, "fault": {"kind": "garbage"}}),
        json!({"name": "b", "match": {"probability": 0.3, "method": "POST"}, "fault": {"kind": "reset"}, "when": "after"}),
        json!({"name": "c", "match": {"every": 2}, "fault": {"kind": "delay", "distribution": {"type": "lognormal", "median": 50, "sigma": 1}}}),
        json!({"name": "d", "match": {"probability": 0.5}, "fault": {"kind": "delay", "distribution": {"type": "uniform", "min": 1, "max": 90}}, "when": "after"}),
        json!({"name": "e", "match": {"probability": 0.3}, "fault": {"kind": "truncated-body", "fraction": 0.3}}),
        json!({"name": "f", "match": {"probability": 0.3}, "fault": {"kind": "malformed-body"}}),
        json!({"name": "g", "match": {"probability": 0.5}, "fault": {"kind": "stale-read", "writes": 2}}),
        json!({"name": "h", "match": {"probability": 0.5}, "fault": {"kind": "defect", "name": "list-answers-206"}}),
        json!({"name": "i", "match": {"probability": 0.2}, "fault": {"kind": "status", "status": 503, "retry_after": 9}, "when": "after", "times": 3}),
        json!({"name": "j", "match": {"nth": 4}, "fault": {"kind": "hold", "until_commit": "*", "milliseconds": 10}}),
        json!({"name": "k", "match": {"probability": 0.4}, "fault": {"kind": "wrong-content-type", "content_type": "text/plain"}}),
        json!({"name": "l", "match": {"probability": 0.4}, "fault": {"kind": "slow-body", "chunks": 2, "over_milliseconds": 10}}),
    ];
    rules.into_iter().collect()
}

fn any_requests() -> impl Strategy<Value = Vec<Request<Bytes>>> {
    let one = prop::sample::select(vec![0, 1, 2, 3]).prop_map(|which| match which {
        0 => get(STOCKS),
        1 => increase(),
        2 => post(ACTIVE, &json!({})),
        _ => get(QUERY),
    });
    prop::collection::vec(one, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_seed_and_requests_meet_the_same_plans(seed in 0..u64::from(u32::MAX), requests in any_requests()) {
        let faults = || installed(&json!({"seed": seed, "rules": chancy()}));
        let shop = |faults| Shop { faults, ..Shop::with(&json!([])) };
        let (one, other) = (shop(faults()), shop(faults()));
        let plans = |shop: &Shop| -> Vec<_> {
            requests.iter().map(|request| shop.plan(request).to_json()).collect()
        };
        let first = plans(&one);
        prop_assert_eq!(&first, &plans(&other));
        prop_assert_eq!(&first, &plans(&shop(one.faults.fresh(START))));
        let rules = one.faults.to_json();
        prop_assert_eq!(&first, &plans(&shop(installed(&rules))));
        prop_assert_eq!(one.faults.rules_json(), other.faults.rules_json());
    }

    #[test]
    fn a_plan_that_is_read_back_has_the_same_effect(seed in 0..u64::from(u32::MAX), requests in any_requests()) {
        let shop = |rules: &Value| Shop {
            faults: installed(&json!({"seed": seed, "rules": rules})),
            ..Shop::with(&json!([]))
        };
        let (came, replayed) = (shop(&chancy()), shop(&json!([])));
        for request in &requests {
            let plan = came.plan(request);
            let json = plan.to_json();
            let read = Plan::from_json(&json, &replayed.faults).unwrap();
            prop_assert_eq!(&json, &read.to_json());
            prop_assert_eq!(&plan.before, &read.before);
            prop_assert_eq!(&plan.after, &read.after);
            prop_assert_eq!(plan.stale, read.stale);
            let (one, other) = (came.carry_out(&plan, request), replayed.carry_out(&read, request));
            prop_assert_eq!(shape(&one), shape(&other));
        }
    }
}

/// Returns everything that a client sees.
fn shape(got: &Got) -> String {
    match got {
        Got::Answer(reply) => format!("{:?}", reply.response),
        end @ Got::End(..) => format!("{end:?}"),
    }
}

#[test]
fn another_seed_meets_other_plans() {
    let plans = |seed: u64| -> Vec<_> {
        let faults = installed(&json!({"seed": seed, "rules": chancy()}));
        let shop = Shop {
            faults,
            ..Shop::with(&json!([]))
        };
        (0..50).map(|_| shop.plan(&get(STOCKS)).to_json()).collect()
    };
    assert_ne!(plans(1), plans(2));
}

#[rstest]
#[case(json!([]), "a plan is an object, not an array")]
#[case(json!({"rules": [7]}), "rules[0]: the name of a rule is taken")]
#[case(json!({"befor": []}), "befor: there is no such member; did you mean `before`? there are `rules`, `before`, `after`, `stale`, `defects`")]
#[case(json!({"before": [{"kind": "truncated-body"}]}), "before[0]: `truncated-body` is always after")]
#[case(json!({"after": [{"kind": "reset"}], "before": [{"kind": "reset"}]}), "an exchange ends in one way, not in two")]
#[case(json!({"after": [{"kind": "delay", "distribution": {"type": "uniform", "min": 1, "max": 2}}]}), "after[0]: a plan has delays of `milliseconds` only")]
#[case(json!({"after": [{"kind": "garbage"}]}), "after[0]: `seed` is missing")]
#[case(json!({"after": [{"kind": "skipped-row"}]}), "after[0]: `skipped-row` is no act of a plan")]
#[case(json!({"stale": 0}), "stale: a whole number from 1 to 1000 is taken, not 0")]
#[case(json!({"defects": [{"rule": "a", "name": "no"}]}), "defects[0].name: there is no defect `no`; `whippy-mock defects` lists them all")]
fn what_is_no_plan_is_refused(#[case] plan: Value, #[case] sentence: &str) {
    assert_eq!(
        Plan::from_json(&plan, &Faults::default())
            .unwrap_err()
            .to_string(),
        sentence
    );
}

// Preferences of a client.

fn preferring(request: &Request<Bytes>, wish: &str) -> Option<Reply> {
    let mut request = request.clone();
    request
        .headers_mut()
        .insert("prefer", wish.parse().unwrap());
    let shop = Shop::with(&json!([]));
    prefer(
        &shop.service,
        &request,
        operation_of(&shop.service, &request),
    )
}

#[test]
fn every_documented_response_can_be_asked_for_by_name() {
    let mut seen = BTreeSet::new();
    for (file, json) in assets::DOCUMENTED {
        let name = file.strip_suffix(".json").unwrap();
        let fixture: Value = serde_json::from_str(json).unwrap();
        let [method, path] = ["method", "path"].map(|k| fixture["request"][k].as_str().unwrap());
        let asked = request(method, path, &[], "");
        let wish = format!("code={}; example={name}", fixture["response"]["status"]);
        let reply = preferring(&asked, &wish).unwrap();
        assert_eq!(
            reply.response.status().as_u16(),
            fixture["response"]["status"],
            "{name}"
        );
        let expected = fixture["response"]["body"].to_string();
        let expected = expected.replace("https://{whippy_api_url}", "http://localhost:8000");
        assert_eq!(
            String::from_utf8_lossy(reply.response.body()),
            expected,
            "{name}"
        );
        assert_eq!(header(&reply.response, "content-type"), "application/json");
        assert_eq!(
            header(&reply.response, PREFERENCE_APPLIED.as_str()),
            wish.replace(';', ",")
        );
        let rule = header(&reply.response, RULE_HEADER.as_str());
        assert!(rule.ends_with("/preferred; grade=documented"), "{rule}");
        seen.insert(name);
    }
    assert_eq!(seen.len(), 19);
}

#[rstest]
#[case("code=208", 208)]
#[case("Code=208", 208)]
#[case("respond-async, code=208", 208)]
#[case("wait=5;x=y,code=\"208\" ; foo", 208)]
#[case("foo=\"a, code=400\", code=208", 208)]
#[case("foo=\"\\\", code=400\", code=208", 208)]
#[case("code=208, code=400", 208)]
#[case("example=increase_400", 400)]
#[case("code=400, example=increase_400", 400)]
fn a_preference_is_read_by_its_rfc(#[case] wish: &str, #[case] status: u16) {
    assert_eq!(
        preferring(&increase(), wish).unwrap().response.status(),
        status
    );
}

#[rstest]
#[case("return=minimal")]
#[case("")]
#[case("code")]
fn a_preference_of_another_kind_is_passed_over(#[case] wish: &str) {
    assert!(preferring(&increase(), wish).is_none());
}

#[test]
fn who_prefers_nothing_is_answered_as_usual() {
    let service = &Shop::with(&json!([])).service;
    assert!(prefer(service, &increase(), "increase-reserved-stock").is_none());
}

#[test]
fn links_of_a_preferred_response_keep_host_and_mount() {
    let mut asked = request("POST", ACTIVE, &[], "");
    let shown = |asked: &Request<Bytes>| {
        let reply = preferring(asked, "code=200").unwrap();
        String::from_utf8_lossy(reply.response.body()).into_owned()
    };
    let text = shown(&asked);
    assert!(text.contains("http://localhost:8000/api/v1/"), "{text}");
    asked.extensions_mut().insert(Mount("/worlds/a".to_owned()));
    let text = shown(&asked);
    assert!(
        text.contains("http://localhost:8000/worlds/a/api/v1/"),
        "{text}"
    );
}

#[rstest]
#[case(
    increase(),
    "code=418",
    "The documentation shows no 418 of `increase-reserved-stock`, it shows 201, 208 and 400."
)]
#[case(
    increase(),
    "code=x",
    "The documentation shows no x of `increase-reserved-stock`, it shows 201, 208 and 400."
)]
#[case(
    get(STOCKS),
    "code=400",
    "The documentation shows no 400 of `list-stocks`, it shows 200."
)]
#[case(
    get(STOCKS),
    "code=200; example=lost",
    "`list-stocks` has no example `lost` with 200, it has list_200 and search_200."
)]
#[case(
    increase(),
    "example=increase_404",
    "`increase-reserved-stock` has no example `increase_404`, it has increase_201, increase_208 and increase_400."
)]
#[case(
    get("/api/v1/providers/"),
    "code=200",
    "The documentation shows no response of `list-providers`."
)]
#[case(
    get("/nothing/"),
    "code=404",
    "The documentation shows no response of `unrouted`."
)]
fn what_the_page_does_not_show_is_refused(
    #[case] asked: Request<Bytes>,
    #[case] wish: &str,
    #[case] sentence: &str,
) {
    let reply = preferring(&asked, wish).unwrap();
    assert_eq!(reply.response.status(), 400);
    assert_eq!(json_of(&reply.response), json!({"detail": sentence}));
    assert_eq!(header(&reply.response, PREFERENCE_APPLIED.as_str()), "");
}

#[test]
fn both_paths_of_the_active_stocks_show_the_same() {
    let alias = post("/api/v1/stocks/1/", &json!({}));
    let [one, other] = [post(ACTIVE, &json!({})), alias]
        .map(|asked| preferring(&asked, "code=200").unwrap().response.into_body());
    assert_eq!(one, other);
}
