//! A client learns its mistakes, a correct one has none, and both learn their coverage of the
//! contract.

use std::fmt::Write as _;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};
use whippy_engine::assets;
use whippy_engine::endpoints::call::Settings;
use whippy_engine::engine::{Engine, Now};
use whippy_engine::findings::{
    Coverage, Finding, FindingLevel, Format, Judge, MISTAKES, Seen, WorldVerdict, known_rules,
    report,
};
use whippy_engine::model::time::{Timestamp, UtcOffset};
use whippy_engine::profile::Profile;

use super::api::{
    ACTIVE, DECREASE, INCREASE, MULTI_QUERY, QUERY, SKU, STOCKS, UPSERT, request, reservation,
    stock, store,
};

/// The fate of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Answered,
    /// The service executes the request, but its answer is lost.
    Lost,
    /// An injected fault answers with this status, and the service never receives the request.
    Failed(u16),
}

#[derive(Debug, Clone)]
struct Ask {
    request: Request<Bytes>,
    fate: Fate,
}

impl Ask {
    fn that(self, fate: Fate) -> Self {
        Self { fate, ..self }
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.request
            .headers_mut()
            .insert(name, value.parse().unwrap());
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.request.headers_mut().remove(name);
        self
    }
}

fn ask(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Ask {
    Ask {
        request: request(method, path, headers, body),
        fate: Fate::Answered,
    }
}

const JSON: (&str, &str) = ("content-type", "application/json");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

fn get(path: &str) -> Ask {
    ask("GET", path, &[], "")
}

fn post(path: &str, body: &Value) -> Ask {
    ask("POST", path, &[JSON], &body.to_string())
}

fn raw(path: &str, body: &str) -> Ask {
    ask("POST", path, &[JSON], body)
}

fn form(path: &str, body: &str) -> Ask {
    ask("POST", path, &[FORM], body)
}

/// The same request, `count` times.
fn times(count: usize, ask: &Ask) -> Vec<Ask> {
    vec![ask.clone(); count]
}

/// A reservation with a date.
fn dated(date: &str) -> Value {
    json!({"sku": SKU, "location": "110", "provider": "shop_provider", "date": date})
}

/// The body of a create with some members set.
fn with(members: &Value) -> Value {
    let mut body = stock("S1", "110");
    for (name, value) in members.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// A client of a world with two judges: one knows the rules that the mock used, the other only
/// the exchanges.
struct Client {
    engine: Engine,
    judge: Judge,
    stranger: Judge,
    profile: Profile,
    asked: u64,
    answered: u64,
    micros: i64,
}

/// The status and body that the client receives, if any.
type Got = Option<(u16, Bytes)>;

impl Client {
    fn of(world: &str, readings: &[(&str, &str)]) -> Self {
        let mut settings = Settings::default();
        for (id, choice) in readings {
            settings.profile.set(id, choice).unwrap();
        }
        Self {
            profile: settings.profile.clone(),
            engine: Engine::new(settings, store(world)),
            judge: Judge::default(),
            stranger: Judge::default(),
            asked: 0,
            answered: 0,
            micros: 1_685_610_000_000_000,
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.micros).unwrap()
    }

    fn ask(&mut self, ask: &Ask) -> Got {
        self.asked += 1;
        self.micros += 100_000;
        let now = Now {
            at: self.now(),
            tick: 23,
        };
        let (response, rule) = match ask.fate {
            Fate::Failed(status) => {
                let mut response = Response::new(Bytes::new());
                *response.status_mut() = StatusCode::from_u16(status).unwrap();
                (Some(response), None)
            }
            fate => {
                let reply = self.engine.handle(&ask.request, now);
                let response = (fate == Fate::Answered).then_some(reply.response);
                (response, Some(reply.rule))
            }
        };
        let is_api = ask.request.uri().path().starts_with("/api/");
        self.answered += u64::from(is_api && response.is_some());
        let mut seen = Seen {
            id: self.asked,
            at: now.at,
            request: &ask.request,
            response: response.as_ref(),
            rule,
            profile: &self.profile,
            fault: matches!(ask.fate, Fate::Failed(_)),
        };
        let before = self.judge.findings(now.at).len() - self.judge.finish(now.at).len();
        let new = self.judge.see(&seen);
        let after = self.judge.findings(now.at).len() - self.judge.finish(now.at).len();
        assert_eq!(new, after - before);
        seen.rule = None;
        self.stranger.see(&seen);
        response.map(|response| (response.status().as_u16(), response.into_body()))
    }

    fn findings(&self) -> Vec<Finding> {
        self.judge.findings(self.now())
    }

    /// The verdict, which has to be the same for both judges.
    #[track_caller]
    fn verdict(&self) -> WorldVerdict {
        let verdict = self.judge.verdict("default", self.now());
        let told = self.stranger.verdict("default", self.now());
        assert_eq!(verdict.findings, told.findings);
        assert_eq!(met(&verdict.coverage), met(&told.coverage));
        let rules: u64 = verdict.coverage.rules.iter().map(|rule| rule.count).sum();
        assert_eq!(rules, self.answered, "a rule that is not known");
        verdict
    }
}

/// Everything that was met, with the number of times.
fn met(coverage: &Coverage) -> Vec<(&str, &str, u64)> {
    let documented = coverage
        .documented
        .iter()
        .map(|met| ("documented", met.name, met.count));
    let rules = coverage
        .rules
        .iter()
        .map(|met| (met.operation, met.rule, met.count));
    let pages = [
        ("pages", "later", coverage.later_pages),
        ("pages", "walks", coverage.whole_walks),
        ("all", "requests", coverage.requests),
    ];
    let all = documented.chain(rules).chain(pages);
    all.filter(|(_, _, count)| *count > 0).collect()
}

fn ids(findings: &[Finding]) -> Vec<&'static str> {
    let mut ids: Vec<_> = findings.iter().map(|finding| finding.id).collect();
    ids.sort_unstable();
    ids
}

#[track_caller]
fn judged(world: &str, readings: &[(&str, &str)], session: &[Ask]) -> Vec<Finding> {
    let mut client = Client::of(world, readings);
    for ask in session {
        client.ask(ask);
    }
    client.verdict().findings
}

const UNSUPPORTED: &[(&str, &str)] = &[("missing-content-type", "unsupported")];
const STRICT: &[(&str, &str)] = &[("unit-labels", "strict")];
const PAGES_OF_1: &[(&str, &str)] = &[("page-size", "1")];
const PAGES_OF_2: &[(&str, &str)] = &[("page-size", "2")];
const IN_QUERY: &[(&str, &str)] = &[
    ("query-arguments", "query"),
    ("reservation-arguments", "query"),
];
const IN_BODY: &[(&str, &str)] = &[
    ("query-arguments", "body"),
    ("reservation-arguments", "body"),
];
const LONG_AGO: &str = "2023-05-10T17:16:00+03:00";

#[rstest]
// Addresses and headers.
#[case(vec![get(STOCKS).with("host", "a_b:8000")], &["malformed-host"])]
#[case(vec![get("/api/v1/stocks?x=1").with("host", "a:"), get("/api/v1/stocks/?x=1").with("host", "a b")], &["malformed-host", "malformed-host"])]
#[case(vec![get("/api/v1/stocks")], &["missing-slash"])]
#[case(vec![get("/api/v1/stocks?sku=500")], &["missing-slash"])]
#[case(vec![post("/api/v1/stocks", &stock("S1", "110"))], &["missing-slash-post"])]
#[case(vec![get("/api/v1/stock/")], &["unknown-path"])]
#[case(vec![ask("PATCH", "/api/v1/stocks/6/extra/", &[JSON], "{}")], &["unknown-path"])]
#[case(vec![ask("PATCH", STOCKS, &[JSON], "{\"colour\":1}")], &["wrong-method"])]
#[case(vec![get(INCREASE)], &["wrong-method"])]
#[case(vec![get("/api/v1/stocks/?api_token=f532e")], &["token-in-query"])]
#[case(vec![get(STOCKS).with("authorization", "Bearer f532e")], &["wrong-auth-scheme"])]
#[case(vec![get(STOCKS).with("authorization", "f532e")], &["wrong-auth-scheme"])]
#[case(vec![get(STOCKS).with("accept", "application/xml")], &["refused-accept"])]
#[case(vec![get("/api/v1/stocks/?format=csv")], &["refused-accept"])]
#[case(vec![post(UPSERT, &json!([stock("S1", "110")])).without("content-type")], &["missing-content-type"])]
#[case(vec![ask("POST", STOCKS, &[("content-type", "text/plain")], "{}")], &["refused-content-type"])]
#[case(vec![form(STOCKS, "{\"sku\": \"500\"}")], &["json-as-form"])]
// Queries.
#[case(vec![get("/api/v1/stocks/?stock_gt=4")], &["unknown-parameter"])]
#[case(vec![get("/api/v1/stocks/?stock__exact=4")], &["unknown-parameter"])]
#[case(vec![get("/api/v1/stocks/?ordering=-stock&page_size=5")], &["unknown-parameter", "unknown-parameter"])]
#[case(vec![get("/api/v1/stocks/stock_query/?sku=500&location=110")], &["unknown-parameter"])]
#[case(vec![get("/api/v1/providers/?name=shop_provider")], &["unknown-parameter"])]
#[case(vec![get("/api/v1/providers/1/?page=1")], &["unknown-parameter"])]
#[case(vec![get("/api/v1/stocks/stock_query/?sku=500&page=1")], &["surplus-page"])]
#[case(vec![get("/api/v1/active_user/?page=1")], &["surplus-page"])]
#[case(vec![get("/api/v1/stocks/stock_query/?sku=500&page=2")], &["unknown-parameter"])]
#[case(vec![get("/api/v1/stocks/multi_stock_query/?sku[]=500&sku[]=505")], &["unknown-parameter"])]
#[case(vec![get(QUERY)], &["lost-body"])]
#[case(vec![post("/api/v1/stocks/?sku=S2", &stock("S1", "110"))], &["misplaced-argument"])]
#[case(vec![ask("GET", STOCKS, &[JSON], "{\"sku\":\"500\"}")], &["misplaced-argument"])]
#[case(vec![get("/api/v1/stocks/?is_active=maybe")], &["ignored-filter-value"])]
#[case(vec![get("/api/v1/stocks/?is_active=")], &["ignored-filter-value"])]
#[case(vec![get("/api/v1/stocks/?stock__gte=")], &["ignored-filter-value"])]
#[case(vec![get("/api/v1/stocks/?sku=+")], &["ignored-filter-value"])]
#[case(vec![get("/api/v1/stocks/?created_date__gte=")], &["ignored-filter-value"])]
#[case(vec![get("/api/v1/stocks/?unit_type=")], &["ignored-filter-value"])]
#[case(vec![get("/api/v1/stocks/?period=2023-05-10")], &["ignored-period"])]
#[case(vec![get("/api/v1/stocks/?sort=quantity,-id")], &["unknown-sort-name"])]
#[case(vec![get("/api/v1/stocks/?sort=")], &["unknown-sort-name"])]
#[case(vec![get("/api/v1/stocks/?limit=0")], &["ignored-limit"])]
#[case(vec![get("/api/v1/stocks/?limit=all")], &["ignored-limit"])]
#[case(vec![get("/api/v1/stocks/?limit=1001")], &["clamped-limit"])]
#[case(vec![get("/api/v1/stocks/?created_date__gte=2023-05-10T13:37:18+03:00")], &["raw-plus"])]
#[case(vec![post("/api/v1/stocks/increase_reserved_stock/?date=2023-05-10T13:37:18+03:00", &reservation())], &["raw-plus"])]
#[case(vec![get("/api/v1/stocks/?sku=500&sku=505")], &["repeated-parameter"])]
#[case(vec![get("/api/v1/stocks/stock_query/?sku=500&sku=505")], &["repeated-parameter"])]
#[case(vec![get("/api/v1/stocks/?page=9999")], &["no-such-page"])]
#[case(vec![get("/api/v1/stocks/?page=0")], &["no-such-page"])]
#[case(vec![get("/api/v1/stocks/?page=two")], &["no-such-page"])]
#[case(vec![post("/api/v1/active-stocks/1/?page=99", &json!({}))], &["no-such-page"])]
// Bodies.
#[case(vec![post(STOCKS, &with(&json!({"quantity": 5})))], &["unknown-body-key"])]
#[case(vec![post(UPSERT, &json!([stock("S1", "110"), with(&json!({"stok": 5})), with(&json!({"stok": 6}))]))], &["unknown-body-key"])]
#[case(vec![ask("GET", QUERY, &[JSON], "{\"sku\":\"500\",\"location\":\"110\"}")], &["unknown-body-key"])]
#[case(vec![form(STOCKS, "sku=S1&provider=shop_provider&location=110&stock=5&is_active=true&colour=red")], &["unknown-body-key"])]
#[case(vec![post(STOCKS, &with(&json!({"id": 6, "created_date": LONG_AGO})))], &["read-only-body-key", "read-only-body-key"])]
#[case(vec![raw(STOCKS, "{\"sku\":\"S1\",\"provider\":\"shop_provider\",\"location\":\"110\",\"stock\":5,\"stock\":6}")], &["repeated-body-key"])]
#[case(vec![post(STOCKS, &with(&json!({"stock": "5"})))], &["number-as-string"])]
#[case(vec![post(STOCKS, &with(&json!({"reserved_stock": "1"})))], &["number-as-string"])]
#[case(vec![post(STOCKS, &with(&json!({"is_active": "true"})))], &["boolean-as-string"])]
#[case(vec![post(STOCKS, &with(&json!({"sku": 500})))], &["text-as-number"])]
#[case(vec![form(STOCKS, "sku=S1&provider=shop_provider&location=110&stock=5")], &["form-without-flag"])]
// Several requests.
#[case(times(2, &post(STOCKS, &json!({}))), &["repeated-bad-request"])]
#[case(times(2, &get("/api/v1/stocks/?stock=many")), &["repeated-bad-request"])]
#[case(times(2, &post(STOCKS, &stock("S1", "900"))), &["repeated-bad-request"])]
#[case(vec![post(INCREASE, &reservation()).that(Fate::Failed(503)), post(INCREASE, &reservation())], &["undated-reservation", "undated-retry"])]
#[case(vec![post(INCREASE, &reservation()).that(Fate::Lost), post(INCREASE, &reservation())], &["undated-reservation", "undated-retry"])]
#[case(vec![post(INCREASE, &reservation()).that(Fate::Failed(500)), post(INCREASE, &reservation()).that(Fate::Lost)], &["undated-retry"])]
#[case(vec![post(INCREASE, &dated(LONG_AGO)).that(Fate::Lost), post(INCREASE, &dated("2023-05-10T17:16:01+03:00"))], &["redated-retry"])]
#[case(times(3, &post(INCREASE, &dated(LONG_AGO))), &["repeated-after-reported"])]
#[case(times(2, &post(DECREASE, &reservation())), &["repeated-after-reported", "undated-reservation"])]
#[case(vec![post(INCREASE, &reservation())], &["undated-reservation"])]
#[case(vec![post(STOCKS, &stock(SKU, "110"))], &["create-of-existing"])]
#[case(times(2, &post(STOCKS, &stock(SKU, "110"))), &["create-of-existing"])]
#[case(times(10, &post(UPSERT, &stock("S1", "110"))), &["row-by-row-upsert"])]
#[case(times(10, &post(UPSERT, &json!([stock("S1", "110")]))), &["row-by-row-upsert"])]
fn each_mistake_is_found(#[case] session: Vec<Ask>, #[case] expected: &[&str]) {
    let findings = judged("documented", &[], &session);
    assert_eq!(ids(&findings), expected, "{findings:#?}");
}

#[rstest]
#[case(UNSUPPORTED, vec![post(STOCKS, &stock("S1", "110")).without("content-type")], &["refused-content-type"])]
#[case(STRICT, vec![get("/api/v1/stocks/?unit_type=quantity")], &["unit-label"])]
#[case(STRICT, vec![post(STOCKS, &with(&json!({"unit_type": "kilogram"})))], &["unit-label"])]
#[case(IN_QUERY, vec![ask("GET", QUERY, &[JSON], "{\"sku\":\"500\"}")], &["misplaced-argument"])]
#[case(IN_BODY, vec![get("/api/v1/stocks/stock_query/?sku=500")], &["misplaced-argument"])]
#[case(PAGES_OF_2, vec![get(STOCKS)], &["unread-pages"])]
#[case(PAGES_OF_1, vec![get(STOCKS), get("/api/v1/stocks/?page=2")], &["abandoned-walk"])]
#[case(PAGES_OF_1, vec![get("/api/v1/stocks/?location=110"), get("/api/v1/stocks/?location=110&page=2")], &["abandoned-walk"])]
#[case(PAGES_OF_1, vec![post(ACTIVE, &json!({})), get("/api/v1/active-stocks/1/?page=2")], &["wrong-method"])]
fn each_mistake_is_found_under_a_reading(
    #[case] readings: &[(&str, &str)],
    #[case] session: Vec<Ask>,
    #[case] expected: &[&str],
) {
    let findings = judged("documented", readings, &session);
    assert_eq!(ids(&findings), expected, "{findings:#?}");
}

#[rstest]
#[case(&[], vec![get(STOCKS), get("/api/v1/stocks/?format=json&sort=-stock,+sku&page=1&limit=1000")])]
#[case(&[], vec![ask("HEAD", STOCKS, &[], ""), ask("OPTIONS", STOCKS, &[], "")])]
#[case(&[], vec![get("/elsewhere/?x=1"), get("/__admin/health")])]
#[case(&[], vec![get(STOCKS).with("authorization", "token t").with("accept", "*/*")])]
#[case(&[], vec![get(STOCKS).without("authorization")])]
#[case(&[], vec![get("/api/v1/stocks/?is_active=False&stock__gt=1.0&unit_type=quantity&page=last")])]
#[case(&[], vec![get("/api/v1/stocks/?created_date__gte=2023-05-10T13:37:18%2B03:00&modified_date__lt=2023-05-10+13:37")])]
#[case(&[], vec![get("/api/v1/stocks/?period__startswith__gte=2023-05-10T00:00:00Z")])]
#[case(&[], vec![get("/api/v1/stocks/multi_stock_query/?sku=500&sku=505"), ask("GET", MULTI_QUERY, &[JSON], "{\"sku\":[\"500\",\"505\"]}")])]
#[case(&[], vec![ask("GET", STOCKS, &[JSON], "{}")])]
#[case(&[], vec![ask("POST", STOCKS, &[("content-type", "Application/JSON; charset=utf-8")], &stock("S1", "110").to_string())])]
#[case(&[], vec![post(STOCKS, &with(&json!({"location": 110, "unit_type": "kilogram", "period": null})))])]
#[case(&[], vec![form(STOCKS, "sku=S1&provider=shop_provider&location=110&stock=5&is_active=true")])]
#[case(&[], vec![post(STOCKS, &json!({})), post(STOCKS, &stock("S1", "110"))])]
// A refusal for the state of the world may be retried once that state has changed.
#[case(&[], vec![post(STOCKS, &stock("S1", "900")), post(STOCKS, &stock("S2", "110")), post(STOCKS, &stock("S1", "900"))])]
#[case(&[], vec![post(INCREASE, &dated(LONG_AGO)).that(Fate::Lost), post(INCREASE, &dated(LONG_AGO)).that(Fate::Failed(502)), post(INCREASE, &dated(LONG_AGO))])]
#[case(&[], vec![post(INCREASE, &dated(LONG_AGO)).that(Fate::Lost), post(DECREASE, &dated("2023-05-11T00:00:00Z")), post(INCREASE, &dated(LONG_AGO)), post(INCREASE, &dated("2023-05-11T00:00:00Z"))])]
#[case(&[], vec![post(INCREASE, &dated(LONG_AGO)), post(DECREASE, &dated(LONG_AGO)), post(INCREASE, &dated("2023-05-11T00:00:00Z"))])]
#[case(&[], times(2, &post(STOCKS, &json!({})).that(Fate::Failed(400))))]
#[case(&[], times(9, &post(UPSERT, &stock("S1", "110"))))]
#[case(&[], times(12, &post(UPSERT, &json!([stock("S1", "110"), stock("S2", "110")]))))]
#[case(&[], [times(5, &post(UPSERT, &stock("S1", "110"))), vec![get(STOCKS)], times(5, &post(UPSERT, &stock("S1", "110")))].concat())]
#[case(PAGES_OF_1, vec![get(STOCKS), get("/api/v1/stocks/?page=2"), get("/api/v1/stocks/?page=3")])]
#[case(PAGES_OF_1, vec![get("/api/v1/stocks/?sort=id&location=110"), get("/api/v1/stocks/?location=110&page=2&sort=id"), get("/api/v1/stocks/?location=110&page=3&sort=id")])]
#[case(PAGES_OF_1, vec![get("/api/v1/stocks/?location=110"), get("/api/v1/stocks/?limit=2"), get("/api/v1/stocks/?page=2")])]
#[case(PAGES_OF_2, vec![post(ACTIVE, &json!({})), post("/api/v1/active-stocks/1/?page=2", &json!({}))])]
#[case(IN_QUERY, vec![get("/api/v1/stocks/stock_query/?sku=500")])]
fn a_correct_use_is_no_mistake(#[case] readings: &[(&str, &str)], #[case] session: Vec<Ask>) {
    let findings = judged("documented", readings, &session);
    assert_eq!(ids(&findings), [""; 0], "{findings:#?}");
}

#[rstest]
#[case(
    "sku__in=500,505",
    "list-stocks has no lookup `in` of `sku`: the parameter is ignored"
)]
#[case(
    "stock__gtee=4",
    "list-stocks has no lookup `gtee` of `stock`: the parameter is ignored"
)]
#[case(
    "stock__exact=4",
    "list-stocks has no such filter: the parameter is ignored"
)]
#[case(
    "colour__in=red",
    "list-stocks has no such filter: the parameter is ignored"
)]
fn a_lookup_that_a_filter_does_not_have_is_named(#[case] query: &str, #[case] why: &str) {
    let findings = judged(
        "documented",
        &[],
        &[get(&format!("/api/v1/stocks/?{query}"))],
    );
    let whys: Vec<_> = findings
        .iter()
        .map(|finding| finding.why.as_str())
        .collect();
    assert_eq!(whys, [why]);
}

/// Findings show the text that was sent and the one that was meant.
#[rstest]
#[case(
    get(STOCKS).with("host", "a_b:80"),
    "Host: a_b:80",
    Some("Host: a-b:80")
)]
#[case(get(STOCKS).with("host", "a_b:"), "Host: a_b:", None)]
#[case(get("/api/v1/stocks/?stock_gt=4"), "stock_gt=4", Some("stock__gt"))]
#[case(get("/api/v1/stocks/?stock__in=4,5"), "stock__in=4,5", None)]
#[case(
    get("/api/v1/stocks/?stock__gtee=4"),
    "stock__gtee=4",
    Some("stock__gte")
)]
#[case(
    get("/api/v1/stocks/?sku__in=500,505"),
    "sku__in=500,505",
    Some("GET /api/v1/stocks/multi_stock_query/")
)]
#[case(get("/api/v1/stocks/?ordering=sku"), "ordering=sku", Some("sort"))]
#[case(get("/api/v1/stocks/?page_size=5"), "page_size=5", Some("limit"))]
#[case(get("/api/v1/stocks/?colour=red"), "colour=red", None)]
#[case(
    get("/api/v1/stocks/stock_query/?sku=1&location=110"),
    "location=110",
    Some("GET /api/v1/stocks/?location=110")
)]
#[case(get("/api/v1/stocks/?sort=-quantity"), "sort=-quantity", Some("stock"))]
#[case(
    get("/api/v1/stocks/?created_date=2023-05-10T13:37:18+03:00"),
    "created_date=2023-05-10T13:37:18+03:00",
    Some("created_date=2023-05-10T13:37:18%2B03:00")
)]
#[case(
    get("/api/v1/stocks/?token=secret"),
    "token=… in the query",
    Some("Authorization: Token …")
)]
#[case(get(STOCKS).with("authorization", "bearer secret"), "Authorization: Bearer …", Some("Authorization: Token …"))]
#[case(get(STOCKS).with("authorization", "secret"), "Authorization: …", Some("Authorization: Token …"))]
#[case(
    get("/api/v1/providrs/"),
    "GET /api/v1/providrs/",
    Some("/api/v1/providers/")
)]
#[case(ask("PATCH", "/api/v1/stocks/6/", &[], ""), "PATCH /api/v1/stocks/6/", Some("POST /api/v1/stocks/insert_or_update_stock/"))]
#[case(ask("GET", UPSERT, &[], ""), "GET /api/v1/stocks/insert_or_update_stock/", Some("POST /api/v1/stocks/insert_or_update_stock/"))]
#[case(post(STOCKS, &with(&json!({"qty": 5}))), "\"qty\": 5", Some("\"stock\""))]
#[case(post(STOCKS, &with(&json!({"stock": " 5 "}))), "\"stock\": \" 5 \"", Some("\"stock\": 5"))]
#[case(post(STOCKS, &with(&json!({"is_active": "True"}))), "\"is_active\": \"True\"", Some("\"is_active\": true"))]
#[case(post(STOCKS, &with(&json!({"sku": 500}))), "\"sku\": 500", Some("\"sku\": \"500\""))]
#[case(post("/api/v1/auth/login/", &json!({"username": "u", "password": 12345})), "\"password\": …", None)]
#[case(post("/api/v1/auth/login/", &json!({"username": "u", "password": "p", "pasword": "secret"})), "\"pasword\": …", Some("\"password\""))]
fn what_was_sent_and_meant_is_said(
    #[case] ask: Ask,
    #[case] sent: &str,
    #[case] meant: Option<&str>,
) {
    let findings = judged("documented", &[], &[ask]);
    let [finding] = findings.as_slice() else {
        panic!("{findings:#?}");
    };
    assert_eq!(
        (finding.sent.as_str(), finding.meant.as_deref()),
        (sent, meant)
    );
    assert!(!format!("{finding:?}").contains("secret"), "{finding:#?}");
}

#[test]
fn equal_findings_are_one() {
    let session = times(30, &get("/api/v1/stocks/?stock_gt=4"));
    let findings = judged("documented", &[], &session);
    assert_eq!(findings.len(), 1);
    assert_eq!((findings[0].request, findings[0].count), (1, 30));
    assert_eq!(findings[0].requests, (1..=20).collect::<Vec<_>>());
}

#[test]
fn what_is_kept_has_a_bound() {
    let mut client = Client::of("documented", PAGES_OF_1);
    let long = "x".repeat(5000);
    for n in 0..1100 {
        client.ask(&get(&format!("/api/v1/stocks/?x{n}={long}")));
        client.ask(&post(INCREASE, &json!({"sku": n})).that(Fate::Lost));
    }
    let verdict = client.verdict();
    assert_eq!((verdict.findings.len(), verdict.left_out), (1000, 101));
    let longest = verdict
        .findings
        .iter()
        .map(|f| f.target.len().max(f.sent.len()));
    assert!(longest.max().unwrap() < 400);
    client.judge.clear();
    let cleared = client.judge.verdict("default", client.now());
    assert_eq!(cleared, Judge::default().verdict("default", client.now()));
}

#[test]
fn a_retry_long_after_is_another_reservation() {
    let mut client = Client::of("documented", &[]);
    client.ask(&post(INCREASE, &reservation()).that(Fate::Lost));
    client.micros += 6 * 60 * 1_000_000;
    client.ask(&post(INCREASE, &reservation()));
    assert_eq!(ids(&client.findings()), ["undated-reservation"]);
}

#[test]
fn upserts_that_come_slowly_are_no_loop() {
    let mut client = Client::of("documented", &[]);
    for _ in 0..20 {
        client.micros += 2_000_000;
        client.ask(&post(UPSERT, &stock("S1", "110")));
    }
    assert_eq!(ids(&client.findings()), [""; 0]);
}

#[test]
fn an_unfinished_walk_is_no_finding_until_the_end() {
    let mut client = Client::of("documented", PAGES_OF_1);
    client.ask(&get(STOCKS));
    client.ask(&get("/api/v1/stocks/?page=2"));
    let end = client.now().plus(1);
    assert_eq!(ids(&client.judge.finish(end)), ["abandoned-walk"]);
    assert_eq!(client.judge.finish(end)[0].at, end);
    client.ask(&get("/api/v1/stocks/?page=3"));
    assert_eq!(client.judge.finish(end), []);
    let coverage = client.judge.coverage();
    assert_eq!((coverage.later_pages, coverage.whole_walks), (2, 1));
}

/// A judge that has seen each documented request in its world.
fn documented() -> Judge {
    let mut judge = Judge::default();
    for (id, (_, json)) in (1..).zip(assets::DOCUMENTED) {
        let fixture: Value = serde_json::from_str(json).unwrap();
        let readings: Vec<(String, String)> = fixture["profile"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(id, choice)| (id.clone(), choice.to_string().trim_matches('"').to_owned()))
            .collect();
        let readings: Vec<_> = readings
            .iter()
            .map(|(a, b)| (a.as_str(), b.as_str()))
            .collect();
        let mut client = Client::of(fixture["world"].as_str().unwrap(), &readings);
        client.judge = judge;
        client.asked = id;
        let sent = &fixture["request"];
        let headers: Vec<(&str, &str)> = sent["headers"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
            .collect();
        let body = match &sent["body"] {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let method = sent["method"].as_str().unwrap();
        client.ask(&ask(
            method,
            sent["path"].as_str().unwrap(),
            &headers,
            &body,
        ));
        judge = client.judge;
    }
    judge
}

#[test]
fn the_documented_requests_are_no_mistakes_and_meet_all_of_it() {
    let judge = documented();
    let findings = judge.findings(Timestamp::EPOCH);
    let worst = findings.iter().map(|finding| finding.level).max();
    assert_eq!(worst, Some(FindingLevel::Note), "{findings:#?}");
    let coverage = judge.coverage();
    for met in &coverage.documented {
        assert_eq!(met.count, 1, "{}", met.name);
    }
    assert_eq!(coverage.documented_met(), (19, 19));
    assert!((coverage.percent() - 100.0).abs() < 1e-9);
}

#[test]
fn the_table_of_documented_responses_is_the_folder() {
    let coverage = Judge::default().coverage();
    let mut names: Vec<_> = coverage.documented.iter().map(|met| met.name).collect();
    names.sort_unstable();
    let files = assets::DOCUMENTED.iter().map(|(file, _)| *file);
    let files: Vec<_> = files
        .map(|file| file.strip_suffix(".json").unwrap())
        .collect();
    assert_eq!(names, files);
    for met in &coverage.documented {
        let (_, json) = assets::DOCUMENTED
            .iter()
            .find(|(file, _)| file.strip_suffix(".json") == Some(met.name))
            .unwrap();
        let fixture: Value = serde_json::from_str(json).unwrap();
        assert_eq!(fixture["response"]["status"], met.status, "{}", met.name);
    }
}

#[test]
fn no_rule_is_known_twice() {
    let mut known = known_rules();
    known.sort_unstable();
    let all = known.len();
    known.dedup();
    assert_eq!(known.len(), all);
}

#[test]
fn several_clients_meet_the_contract_together() {
    let mut first = Client::of("documented", &[]);
    first.ask(&get(STOCKS));
    let mut second = Client::of("documented", &[]);
    second.ask(&get(STOCKS));
    second.ask(&post(STOCKS, &json!({})));
    let parts = [first.verdict().coverage, second.verdict().coverage];
    let both = Coverage::joined(&parts);
    assert_eq!((both.requests, both.documented_met()), (3, (2, 19)));
    assert_eq!(both.rules_met().0, 2);
}

#[rstest]
#[case("note", Ok(FindingLevel::Note))]
#[case("error", Ok(FindingLevel::Error))]
#[case(
    "fatal",
    Err("there is no level `fatal` of findings: it is one of note, warning, error")
)]
fn a_level_is_read_by_its_name(#[case] text: &str, #[case] level: Result<FindingLevel, &str>) {
    let read = text.parse::<FindingLevel>();
    assert_eq!(
        read.map_err(|why| why.to_string()),
        level.map_err(str::to_owned)
    );
}

#[test]
fn levels_and_formats_survive_their_names() {
    assert!(
        FindingLevel::Note < FindingLevel::Warning && FindingLevel::Warning < FindingLevel::Error
    );
    for level in FindingLevel::ALL {
        assert_eq!(level.text().parse(), Ok(level));
    }
    for format in Format::ALL {
        assert_eq!(format.text().parse(), Ok(format));
    }
    assert_eq!(
        "xml".parse::<Format>().unwrap_err().to_string(),
        "there is no format `xml` of reports: it is one of json, text, junit, markdown"
    );
}

/// Verdicts about a client with a few mistakes, and about one whose requests contain markup.
fn two_worlds() -> [WorldVerdict; 2] {
    let mut first = Client::of("documented", PAGES_OF_1);
    for ask in [
        get("/api/v1/stocks/?stock_gt=4"),
        get("/api/v1/stocks/?stock_gt=5"),
        post(INCREASE, &reservation()).that(Fate::Failed(503)),
        post(INCREASE, &reservation()),
        get(STOCKS),
        get("/api/v1/stocks/?page=2"),
    ] {
        first.ask(&ask);
    }
    let mut second = Client::of("documented", &[]);
    second.ask(&raw(
        STOCKS,
        "{\"<b>]]>&|`\\u0000\\u001b[31m\\n\\uffff\": 1}",
    ));
    let end = second.now();
    [
        first.judge.verdict("shop", end),
        second.judge.verdict("<x> & \"y\"\u{1}", end),
    ]
}

#[test]
fn the_text_says_what_was_sent_and_meant() {
    insta::assert_snapshot!(report(&two_worlds(), Format::Text));
}

#[test]
fn the_text_of_one_world_says_what_it_has_not_met() {
    let [first, _] = two_worlds();
    let text = report(&[first], Format::Text);
    let clean = report(&[documented_but_notes()], Format::Text);
    assert!(
        text.contains("world shop: 1 error, 2 warnings, 1 note\n  met: 2 of 19"),
        "{text}"
    );
    assert!(text.contains("\n  not met: create_201, "), "{text}");
    assert!(
        clean.starts_with("world all: no findings\n  met: 19 of 19 documented responses (100.0 %)"),
        "{clean}"
    );
}

/// The verdict about a client that received every documented response, without findings.
fn documented_but_notes() -> WorldVerdict {
    let mut verdict = documented().verdict("all", Timestamp::EPOCH);
    verdict.findings.clear();
    verdict
}

#[test]
fn the_markdown_shows_the_verdict_first() {
    let text = report(&two_worlds(), Format::Markdown);
    assert!(
        text.starts_with("# The client: 1 error, 3 warnings, 1 note\n"),
        "{text}"
    );
    assert!(text.contains(
        "<summary><b>error</b> undated-retry: POST /api/v1/stocks/increase&#95;reserved&#95;stock/"
    ));
    assert!(!text.contains("<b>]]>") && !text.contains("<x>"), "{text}");
    assert_eq!(
        text.matches("<details>").count(),
        text.matches("</details>").count()
    );
}

#[test]
fn the_xml_is_well_formed_and_fails_by_warnings_and_errors() {
    let text = report(&two_worlds(), Format::Junit);
    let document = roxmltree::Document::parse(&text).unwrap();
    let root = document.root_element();
    let number = |node: roxmltree::Node<'_, '_>, name| -> usize {
        node.attribute(name).unwrap().parse().unwrap()
    };
    let suites: Vec<_> = root
        .children()
        .filter(|n| n.has_tag_name("testsuite"))
        .collect();
    assert_eq!(suites.len(), 2);
    assert_eq!(suites[0].attribute("name"), Some("shop"));
    let failed: Vec<Vec<&str>> = suites
        .iter()
        .map(|suite| {
            let cases: Vec<_> = suite
                .children()
                .filter(|n| n.has_tag_name("testcase"))
                .collect();
            assert_eq!(number(*suite, "tests"), cases.len());
            let failing = |case: &&roxmltree::Node<'_, '_>| {
                case.children().any(|n| n.has_tag_name("failure"))
            };
            cases
                .iter()
                .filter(failing)
                .map(|c| c.attribute("name").unwrap())
                .collect()
        })
        .collect();
    assert_eq!(
        failed,
        [
            vec!["unknown-parameter", "undated-retry", "abandoned-walk"],
            vec!["unknown-body-key"]
        ]
    );
    assert_eq!(number(root, "failures"), 4);
    // Those that failed, and the note; what was not done wrong makes no case.
    assert_eq!(number(root, "tests"), 5);
    let noted = document
        .descendants()
        .find(|n| n.attribute("name") == Some("undated-reservation"));
    assert!(
        noted
            .unwrap()
            .children()
            .any(|n| n.has_tag_name("system-out"))
    );
}

#[test]
fn the_xml_of_a_world_without_mistakes_has_one_case_that_passes() {
    let [mut world, _] = two_worlds();
    world.findings.clear();
    let text = report(&[world], Format::Junit);
    let document = roxmltree::Document::parse(&text).unwrap();
    let mut cases = document
        .descendants()
        .filter(|n| n.has_tag_name("testcase"));
    let case = cases.next().unwrap();
    assert_eq!(case.attribute("name"), Some("no mistakes of the client"));
    assert!(case.first_child().is_none() && cases.next().is_none());
}

#[test]
fn the_json_is_as_its_schema_says() {
    let (_, schema) = assets::SCHEMAS
        .iter()
        .find(|(file, _)| *file == "findings.schema.json")
        .unwrap();
    let schema: Value = serde_json::from_str(schema).unwrap();
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap();
    let worlds = [
        &two_worlds()[..],
        &[documented().verdict("all", Timestamp::EPOCH)],
    ]
    .concat();
    for worlds in [&worlds[..], &[]] {
        let json: Value = serde_json::from_str(&report(worlds, Format::Json)).unwrap();
        let errors: Vec<_> = validator
            .iter_errors(&json)
            .map(|e| e.to_string())
            .collect();
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(json["worlds"].as_array().unwrap().len(), worlds.len());
    }
    let json: Value = serde_json::from_str(&report(&worlds, Format::Json)).unwrap();
    assert_eq!(json["worst"], "error");
    assert_eq!(
        json["worlds"][0]["findings"][0]["at"],
        "2023-06-01T09:00:00.100000Z"
    );
    assert!(!validator.is_valid(&json!({"unheard_of": 1})));
}

/// The table of mistakes in the form of the documentation.
fn table() -> String {
    let mut table = "| id | level | what | example |\n|---|---|---|---|\n".to_owned();
    for mistake in MISTAKES {
        let example = mistake.example.replace('|', "\\|");
        let _ = writeln!(
            table,
            "| `{}` | {} | {} | `` {example} `` |",
            mistake.id, mistake.level, mistake.about
        );
    }
    table
}

#[test]
fn the_documentation_lists_every_mistake() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/findings.md");
    let documentation = std::fs::read_to_string(path).unwrap();
    let table = table();
    assert!(
        documentation.contains(&table),
        "docs/findings.md should hold:\n{table}"
    );
    let mut ids: Vec<_> = MISTAKES.iter().map(|mistake| mistake.id).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
}

/// The next action of a well-behaved client.
#[derive(Debug, Clone)]
enum Act {
    /// Reads a list to its end by following `next`.
    Walk(&'static str),
    Create(u8, &'static str),
    Upsert(Vec<u8>),
    /// Reserves until an answer arrives; the given number of answers are lost before that.
    Reserve(&'static str, u8, usize),
    Query(&'static str, u8),
    Login,
}

fn any_act() -> impl Strategy<Value = Act> {
    let lists = prop::sample::select(vec![
        STOCKS,
        "/api/v1/stocks/?sort=-stock&limit=1",
        "/api/v1/stocks/?is_active=true&limit=2&location=110",
        "/api/v1/stocks/?created_date__gte=2023-05-10T13%3A37%3A18%2B03%3A00",
        "/api/v1/providers/?limit=1",
        "/api/v1/stock-locations/?limit=3",
        "/api/v1/stock-lists/",
        ACTIVE,
        "/api/v1/active-stocks/1/?limit=1",
    ]);
    let queries = prop::sample::select(vec![
        QUERY,
        "/api/v1/stocks/salable_stock_query/",
        "/api/v1/stocks/stock_query/?sku=500",
        "/api/v1/stocks/multi_stock_query/?sku=500&sku=505",
        "/api/v1/stocks/multi_salable_stock_query/?sku=500,505",
    ]);
    prop_oneof![
        lists.prop_map(Act::Walk),
        (any::<u8>(), prop::sample::select(vec!["110", "112", "900"]))
            .prop_map(|(sku, location)| Act::Create(sku, location)),
        prop::collection::vec(any::<u8>(), 1..4).prop_map(Act::Upsert),
        (
            prop::sample::select(vec![INCREASE, DECREASE]),
            any::<u8>(),
            0..3_usize
        )
            .prop_map(|(path, order, lost)| Act::Reserve(path, order, lost)),
        (queries, any::<u8>()).prop_map(|(path, sku)| Act::Query(path, sku)),
        Just(Act::Login),
    ]
}

impl Client {
    fn act(&mut self, act: &Act) {
        match act {
            Act::Walk(list) => self.walk(list),
            Act::Create(sku, location) => {
                // After a refusal of the place, a correct client does not try again.
                let body = stock(&format!("S{sku}-{}", self.asked), location);
                self.ask(&post(STOCKS, &body));
            }
            Act::Upsert(skus) => {
                let rows: Vec<_> = skus
                    .iter()
                    .map(|sku| stock(&sku.to_string(), "110"))
                    .collect();
                self.ask(&post(UPSERT, &json!(rows)));
            }
            Act::Reserve(path, order, lost) => {
                let date = format!(
                    "2023-05-10T{:02}:{:02}:{:02}.{:06}Z",
                    order / 16,
                    order % 60,
                    7,
                    self.asked
                );
                let fates = [Fate::Lost, Fate::Failed(503), Fate::Failed(500)];
                for fate in &fates[..*lost] {
                    self.ask(&post(path, &dated(&date)).that(*fate));
                }
                self.ask(&post(path, &dated(&date)));
            }
            Act::Query(path, sku) => {
                let body = json!({"sku": sku.to_string()}).to_string();
                let ask = if path.contains('?') {
                    get(path)
                } else {
                    ask("GET", path, &[JSON], &body)
                };
                self.ask(&ask);
            }
            Act::Login => {
                let body = json!({"username": "u", "password": "p"});
                self.ask(&post("/api/v1/auth/login/", &body));
            }
        }
    }

    fn walk(&mut self, list: &str) {
        let mut next = Some(list.to_owned());
        while let Some(path) = next {
            let ask = if path.contains("active-stocks") {
                ask("POST", &path, &[], "")
            } else {
                get(&path)
            };
            let (status, body) = self.ask(&ask).unwrap();
            assert_eq!(status, 200, "{path}");
            let page: Value = serde_json::from_slice(&body).unwrap();
            let link = page["next"].as_str();
            next = link.map(|link| link[link.find("/api/").unwrap()..].to_owned());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_correct_client_is_warned_of_nothing(acts in prop::collection::vec(any_act(), 1..40)) {
        let mut client = Client::of("documented", &[]);
        for act in &acts {
            client.act(act);
        }
        let verdict = client.verdict();
        prop_assert!(verdict.worst() <= Some(FindingLevel::Note), "{:#?}", verdict.findings);
        prop_assert!(verdict.findings.iter().all(|f| f.id != "abandoned-walk" && f.id != "unread-pages"));
    }

    #[test]
    fn nothing_that_is_sent_upsets_the_judge(
        method in prop::sample::select(vec!["GET", "POST", "PUT", "HEAD", "OPTIONS"]),
        path in "/api/v1/(stocks|active-stocks|providers)/([a-z_%0-9]{0,12}/)?",
        query in "([a-z_]{1,8}(=[ -~]{0,12})?&){0,4}",
        content_type in prop::sample::select(vec!["", "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]),
        body in prop_oneof!["[ -~]{0,40}", "(\\{\"(sku|stock|id)\": ?(\"\\PC{0,6}\"|-?[0-9]{1,30}|null|\\[\\])\\})?"],
        lost in any::<bool>(),
    ) {
        let query = query.replace([' ', '#', '"', '<', '>', '`', '{', '}', '\\', '^', '|'], "+");
        let ask = ask(method, &format!("{path}?{query}"), &[("content-type", content_type)], &body);
        let mut client = Client::of("documented", &[]);
        for _ in 0..2 {
            let fate = if lost { Fate::Lost } else { Fate::Answered };
            client.ask(&ask.clone().that(fate));
        }
        let verdict = client.judge.verdict("default", client.now());
        let text = report(std::slice::from_ref(&verdict), Format::Junit);
        prop_assert!(roxmltree::Document::parse(&text).is_ok(), "{}", text);
        let rules: u64 = verdict.coverage.rules.iter().map(|rule| rule.count).sum();
        prop_assert_eq!(rules, client.answered);
    }
}

#[test]
fn moments_are_shown_in_utc() {
    let at = Timestamp::parse_with_offset("2023-05-10T15:15:03+03:00").unwrap();
    assert_eq!(at.to_text(UtcOffset::UTC), "2023-05-10T12:15:03Z");
}
