//! The defects: each of them shows, and nothing shows without one.

use std::collections::BTreeSet;
use std::sync::Barrier;

use bytes::Bytes;
use http::{HeaderMap, Request};
use rstest::rstest;
use serde_json::{Value, json};
use whippy_engine::backend::{InMemory, Seed};
use whippy_engine::clock::ClockMode;
use whippy_engine::defects::{self, DEFECT_HEADER, DEFECTS, Defects, Delivery};
use whippy_engine::endpoints::RESOURCES;
use whippy_engine::endpoints::call::Settings;
use whippy_engine::engine::{RULE_HEADER, Reply};
use whippy_engine::model::time::{Timestamp, UtcOffset};
use whippy_engine::profile::Profile;
use whippy_engine::store::Store;
use whippy_engine::store::world::World;

use crate::api::{
    ACTIVE, DECREASE, INCREASE, MULTI_QUERY, QUERY, SALABLE, STOCKS, UPSERT, request,
};

const MULTI_SALABLE: &str = "/api/v1/stocks/multi_salable_stock_query/";
const LOGIN: &str = "/api/v1/auth/login/";
const PROVIDERS: &str = "/api/v1/providers/";
const LOCATIONS: &str = "/api/v1/stock-locations/";
const STOCK_LISTS: &str = "/api/v1/stock-lists/";

// The table.

#[test]
fn names_are_unique_and_in_kebab_case() {
    let mut seen = BTreeSet::new();
    for defect in DEFECTS {
        assert!(seen.insert(defect.name), "{} is there twice", defect.name);
        let is_kebab = defect.name.split('-').all(|word| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        });
        assert!(is_kebab, "{}", defect.name);
    }
}

#[test]
fn each_says_what_goes_wrong_in_a_sentence_of_its_own() {
    let mut seen = BTreeSet::new();
    for defect in DEFECTS {
        assert!(seen.insert(defect.about), "{}: as another", defect.name);
        assert!(defect.about.ends_with('.'), "{}", defect.name);
        assert!(!defect.about.contains("  "), "{}", defect.name);
    }
}

#[test]
fn each_names_operations_that_there_are() {
    let actions = RESOURCES.iter().flat_map(|resource| resource.actions);
    let mut known: BTreeSet<_> = actions.map(|action| action.operation).collect();
    known.insert("stock-metadata");
    for defect in DEFECTS {
        for operation in defect.operations {
            assert!(known.contains(operation), "{}: {operation}", defect.name);
        }
    }
}

#[test]
fn none_has_the_name_of_a_reading_or_a_choice() {
    let profile = Profile::default().to_toml();
    for defect in DEFECTS {
        assert!(!profile.contains(defect.name), "{}", defect.name);
    }
}

// Every defect shows.

/// A world in which every filter has stocks on both sides of its bound and on it.
fn world() -> Value {
    let stock = |sku: &str, location: &str, stock: i32, reserved: i32| {
        let provider = match location {
            "wh-1" => "Über Lager",
            "900" => "Zero",
            _ => "Acme Shops",
        };
        json!({
            "sku": sku, "location": location, "provider": provider,
            "stock": stock, "reserved_stock": reserved,
        })
    };
    let mut stocks = vec![
        stock("500", "110", 5, 0),
        stock("500", "shop-b", 9, 1),
        stock("500", "wh-1", 10, 2),
        stock("505", "110", 3, 5),
        stock("505", "112", 0, 0),
        stock("AB-1", "110", 100, 7),
        stock("AB-10", "shop-b", 7, 3),
        stock("ab-1", "shop-b", 7, 3),
        stock("ÇANTA-01", "wh-1", 12, 4),
        stock("asleep", "110", 4, 1),
        stock("asleep", "112", 6, 0),
        stock("500", "900", 8, 3),
        stock("KG", "wh-1", 20, 20),
        stock("summer", "110", 2, 1),
        stock("winter", "110", 2, 0),
    ];
    for (at, stock) in stocks.iter_mut().enumerate() {
        stock["created_date"] =
            format!("2023-05-{:02}T10:00:00.{:06}+03:00", at / 2 + 1, 1_000 + at).into();
        stock["modified_date"] =
            format!("2023-06-{:02}T11:00:00.{:06}+03:00", 20 - at, 5_000 + at).into();
    }
    for at in [9, 10, 11] {
        stocks[at]["is_active"] = false.into();
    }
    stocks[12]["unit_type"] = "kg".into();
    for (at, month) in [(13, 6), (14, 12)] {
        stocks[at]["stock_type"] = "scheduled".into();
        stocks[at]["period"] = json!({
            "lower": format!("2023-{month:02}-01T00:00:00+03:00"),
            "upper": format!("2023-{month:02}-20T00:00:00+03:00"),
            "bounds": "[)",
        });
    }
    json!({
        "providers": [
            {"id": 1, "name": "Acme Shops", "code": "acme"},
            {"id": 2, "name": "Über Lager", "code": "uber"},
            {"id": 3, "name": "Zero", "code": "zero", "is_active": false},
        ],
        "stock_locations": [
            {"code": "110", "name": "Kadıköy Store", "provider": 1},
            {"code": "shop-b", "name": "Beşiktaş Store", "provider": 1},
            {"code": "112", "name": "112", "provider": 1},
            {"code": "wh-1", "name": "Warehouse One", "provider": 2},
            {"code": "900", "name": "Closed", "provider": 3, "is_active": false},
        ],
        "stock_lists": [
            {"id": 1, "code": "all", "name": "Everything"},
            {"id": 2, "code": "one", "name": "One Store", "locations": ["110"]},
        ],
        "stocks": stocks,
    })
}

/// The requests of a client in steps; those of one step are sent at once.
struct Session(Vec<Vec<Request<Bytes>>>);

impl Session {
    fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) {
        self.0.push(vec![request(method, path, headers, body)]);
    }

    fn get(&mut self, path: &str) {
        self.ask("GET", path, &[], "");
    }

    fn list(&mut self, query: &str) {
        self.get(&format!("{STOCKS}?{query}"));
    }

    fn post(&mut self, path: &str, body: &Value) {
        self.ask("POST", path, JSON, &body.to_string());
    }

    fn query(&mut self, path: &str, sku: &Value) {
        self.ask("GET", path, JSON, &json!({ "sku": sku }).to_string());
    }

    /// Requests that show the effect of earlier writes.
    fn look(&mut self) {
        self.list("limit=100");
    }

    fn twice_at_once(&mut self, path: &str, body: &Value) {
        let one = || request("POST", path, JSON, &body.to_string());
        self.0.push(vec![one(), one()]);
    }
}

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

fn row(sku: &str, location: &str, stock: i32) -> Value {
    let provider = if location == "wh-1" {
        "Über Lager"
    } else {
        "Acme Shops"
    };
    json!({"sku": sku, "location": location, "provider": provider, "stock": stock})
}

fn with(mut row: Value, name: &str, value: impl Into<Value>) -> Value {
    row[name] = value.into();
    row
}

fn without(mut row: Value, name: &str) -> Value {
    row.as_object_mut().unwrap().shift_remove(name);
    row
}

/// A session that uses everything once, and some requests several times.
fn session() -> Session {
    let mut s = Session(Vec::new());
    search(&mut s);
    page_through(&mut s);
    query(&mut s);
    knock(&mut s);
    create(&mut s);
    reserve(&mut s);
    upsert(&mut s);
    manage_places(&mut s);
    overlap(&mut s);
    for _ in 0..7 {
        s.list("sort=stock&limit=3&page=2");
        s.post(LOGIN, &json!({"username": "ann", "password": "x"}));
    }
    s
}

/// Searches with each filter, at the value of a stock.
fn search(s: &mut Session) {
    s.look();
    for field in ["stock", "reserved_stock"] {
        for (lookup, value) in [
            ("", 7),
            ("", 3),
            ("__gt", 7),
            ("__gte", 7),
            ("__lt", 7),
            ("__lte", 7),
            ("__gt", 3),
            ("__gte", 3),
            ("__lt", 3),
            ("__lte", 3),
        ] {
            s.list(&format!("{field}{lookup}={value}"));
        }
        s.list(&format!("{field}=x"));
    }
    for (field, date) in [
        ("created_date", "2023-05-03T10:00:00.001004%2B03:00"),
        ("modified_date", "2023-06-16T11:00:00.005004%2B03:00"),
    ] {
        for lookup in ["", "__gt", "__gte", "__lt", "__lte"] {
            s.list(&format!("{field}{lookup}={date}"));
        }
    }
    for (end, date) in [("startswith", "2023-06-01"), ("endswith", "2023-06-20")] {
        for lookup in ["gte", "lte"] {
            s.list(&format!("period__{end}__{lookup}={date}T00:00:00%2B03:00"));
        }
    }
    for query in [
        "sku=500",
        "sku=ab-1",
        "sku=AB-1",
        "sku=none",
        "location=110",
        "location=SHOP-B",
        "location=shop",
        "provider=Acme+Shops",
        "provider=acme+shops",
        "provider=Acme",
        "location_name=Kad%C4%B1k%C3%B6y",
        "location_name=warehouse",
        "provider_name=acme",
        "provider_name=Lager",
        "is_active=true",
        "is_active=false",
        "is_active=maybe",
        "unit_type=kg",
        "unit_type=qty",
        "unit_type=liter",
        "stock_type=scheduled",
        "stock=x&reserved_stock=x&unit_type=x",
        "unknown=1",
        "sku=500&location=110",
        "location=110&is_active=true&stock__gt=3",
    ] {
        s.list(query);
    }
    for sort in [
        "stock",
        "-stock",
        "reserved_stock,-id",
        "stock,sku",
        "-is_active,location,sku",
        "sku",
        "bogus",
        "id",
        "modified_date",
    ] {
        s.list(&format!("sort={sort}&limit=20"));
        s.list(&format!("sort={sort}&limit=4&page=2"));
    }
}

fn page_through(s: &mut Session) {
    for page in 0..7 {
        s.list(&format!("limit=4&page={page}"));
        s.list(&format!(
            "limit=4&page={page}&sort=-id&location_name=Store&stock__gte=0"
        ));
    }
    for query in [
        "page=last&limit=4",
        "page=x",
        "page=99",
        "limit=0",
        "limit=x",
        "limit=1&page=2",
    ] {
        s.list(query);
    }
    for places in [PROVIDERS, LOCATIONS, STOCK_LISTS] {
        s.get(places);
        s.get(&format!("{places}?limit=1"));
        s.get(&format!("{places}?limit=1&page=2"));
    }
}

fn query(s: &mut Session) {
    for _ in 0..2 {
        for path in [QUERY, SALABLE] {
            for sku in ["500", "505", "ab-1", "asleep", "ÇANTA-01", "none"] {
                s.query(path, &sku.into());
            }
            s.get(&format!("{path}?sku=500"));
            s.get(path);
        }
        for path in [MULTI_QUERY, MULTI_SALABLE] {
            s.query(path, &json!(["500", "505", "AB-1"]));
            s.query(path, &json!(["505"]));
            s.get(path);
        }
        for path in [
            ACTIVE,
            "/api/v1/active-stocks/2/",
            "/api/v1/active-stocks/99/",
        ] {
            s.post(path, &json!({}));
            s.ask("POST", path, &[], "");
            s.post(path, &json!({"sku": "500"}));
            s.post(&format!("{path}?limit=2"), &json!({}));
            s.post(&format!("{path}?limit=2&page=2"), &json!({}));
        }
    }
}

/// Requests that the framework answers before it asks an endpoint.
fn knock(s: &mut Session) {
    for (method, path) in [
        ("OPTIONS", STOCKS),
        ("OPTIONS", INCREASE),
        ("HEAD", STOCKS),
        ("PUT", STOCKS),
        ("DELETE", STOCKS),
        ("GET", INCREASE),
        ("GET", "/api/v1/stocks?limit=1"),
        ("GET", "/api/v1/stocks"),
        ("GET", "/api/v1/nothing/"),
    ] {
        s.ask(method, path, &[], "");
        for authorization in ["", "Token", "Bearer t", "token t"] {
            s.ask(method, path, &[("authorization", authorization)], "");
        }
    }
    s.ask(
        "POST",
        INCREASE,
        &[("authorization", "Bearer t"), JSON[0]],
        "{}",
    );
    s.ask("GET", STOCKS, &[("accept", "text/html")], "");
    s.ask("POST", STOCKS, &[("content-type", "text/plain")], "{}");
    s.ask("POST", STOCKS, JSON, "{");
    s.ask(
        "POST",
        LOGIN,
        &[JSON[0], ("authorization", "")],
        r#"{"username": "ann", "password": "x"}"#,
    );
    let mut anonymous = request(
        "POST",
        LOGIN,
        JSON,
        r#"{"username": "ann", "password": "x"}"#,
    );
    anonymous.headers_mut().remove("authorization");
    s.0.push(vec![anonymous]);
    s.post(LOGIN, &json!({"username": "", "password": "x"}));
    s.post(LOGIN, &json!({"username": "ann"}));
}

fn create(s: &mut Session) {
    for body in [
        json!({}),
        without(row("NEW", "110", 5), "stock"),
        without(row("NEW", "110", 5), "provider"),
        with(row("NEW", "110", 5), "stock", "many"),
        with(row("NEW", "110", 5), "stock", 1.5),
        row("New-1", "110", 5),
        row("New-1", "110", 6),
        row("New-1", "shop-b", 5),
        row("Fresh", "wh-1", 40_000),
        row("0077", "110", -5),
        row("Ünlü-Çok-Uzun", "110", 5),
        with(row("foreign", "wh-1", 5), "provider", "Acme Shops"),
        json!({
            "sku": "full", "location": "112", "provider": "Acme Shops", "stock": 5, "reserved_stock": 2,
            "is_active": false, "unit_type": "kg", "stock_type": "scheduled",
            "period": {"lower": "2024-01-01T00:00:00+03:00", "upper": "2024-02-01T00:00:00+03:00"},
        }),
    ] {
        s.post(STOCKS, &body);
        s.look();
    }
}

fn reserve(s: &mut Session) {
    let at = |sku: &str, location: &str| json!({"sku": sku, "location": location});
    let dated = |sku: &str, location: &str, date: &str| with(at(sku, location), "date", date);
    for path in [INCREASE, DECREASE] {
        for body in [
            json!({}),
            json!({"sku": "500"}),
            at("500", "110"),
            at("500", "110"),
            at("500", "shop-b"),
            with(at("500", "shop-b"), "provider", "Acme Shops"),
            with(at("500", "shop-b"), "provider", "Über Lager"),
            at("500", "112"),
            at("none", "110"),
            at("AB-1", "110"),
            at("505", "110"),
            at("505", "112"),
            dated("AB-1", "110", "2023-07-01T10:00:00+03:00"),
            dated("AB-1", "110", "2023-07-01T10:00:00+03:00"),
            dated("AB-1", "110", "2023-07-01T11:00:00+03:00"),
            dated("500", "110", "2023-07-01T10:00:00+03:00"),
            dated("500", "shop-b", "2023-07-01T10:00:00+03:00"),
        ] {
            s.post(path, &body);
            s.look();
        }
        s.ask("POST", &format!("{path}?sku=500&location=wh-1"), &[], "");
        s.look();
    }
}

fn upsert(s: &mut Session) {
    for body in [
        row("500", "shop-b", 30),
        row("asleep", "110", 30),
        row("KG", "wh-1", 31),
        with(
            with(row("500", "110", 4), "reserved_stock", 9),
            "is_active",
            false,
        ),
        row("AB-1", "110", -3),
        row("brand-new", "110", 3),
        json!([
            row("500", "110", 1),
            row("505", "110", 2),
            row("newer", "110", 3)
        ]),
        json!([
            row("500", "110", 7),
            with(row("505", "110", 8), "stock", "many")
        ]),
        json!([with(row("500", "wh-1", 9), "provider", "Acme Shops")]),
        with(row("500", "wh-1", 9), "provider", "Acme Shops"),
        json!([]),
        json!({}),
    ] {
        s.post(UPSERT, &body);
        s.look();
    }
}

fn manage_places(s: &mut Session) {
    s.post(PROVIDERS, &json!({"name": "Newcomer", "code": "new"}));
    s.post(PROVIDERS, &json!({"name": "Newcomer", "code": "new"}));
    s.post(
        LOCATIONS,
        &json!({"name": "New Store", "code": "new-store", "provider": 1}),
    );
    s.post(
        STOCK_LISTS,
        &json!({"name": "New List", "code": "new-list"}),
    );
    for places in [PROVIDERS, LOCATIONS, STOCK_LISTS] {
        s.get(places);
        s.get(&format!("{places}1/"));
        s.get(&format!("{places}2/"));
        s.get(&format!("{places}999/"));
    }
}

fn overlap(s: &mut Session) {
    let place = json!({"sku": "500", "location": "110"});
    s.twice_at_once(INCREASE, &place);
    s.twice_at_once(DECREASE, &place);
    s.look();
    s.twice_at_once(STOCKS, &row("hurried", "110", 1));
    s.look();
    let upsert = |sku| {
        let rows = json!([row(sku, "110", 71)]);
        request("POST", UPSERT, JSON, &rows.to_string())
    };
    s.0.push(vec![upsert("500"), upsert("505")]);
    s.look();
}

/// The part of an answer that a client of the real service would see.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Seen {
    kind: &'static str,
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

/// The answers to one step, and a flag if any of them names a defect.
struct Answered {
    asked: String,
    seen: Vec<Seen>,
    marked: bool,
}

fn seen(delivery: Delivery) -> (Seen, bool) {
    let (kind, reply) = match delivery {
        Delivery::Answer(reply) => ("answer", Some(reply)),
        Delivery::Truncated(reply) => ("truncated", Some(reply)),
        Delivery::Hang => ("hang", None),
        Delivery::Reset => ("reset", None),
    };
    let marked = reply
        .as_ref()
        .is_none_or(|reply| reply.response.headers().contains_key(DEFECT_HEADER));
    let headers = |headers: &HeaderMap| {
        let of_the_service = headers
            .iter()
            .filter(|(name, _)| ![DEFECT_HEADER, RULE_HEADER].contains(name));
        let mut texts: Vec<_> = of_the_service
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        texts.sort();
        texts
    };
    let seen = match reply {
        None => Seen {
            kind,
            status: 0,
            headers: Vec::new(),
            body: String::new(),
        },
        Some(reply) => Seen {
            kind,
            status: reply.response.status().as_u16(),
            headers: headers(reply.response.headers()),
            body: String::from_utf8_lossy(reply.response.body()).into_owned(),
        },
    };
    (seen, marked)
}

fn service() -> InMemory {
    let world = world().to_string();
    let world = World::from_json(world.as_bytes()).unwrap();
    let clock = ClockMode::parse("2023-08-01T12:00:00.000001+03:00", UtcOffset::PAGE).unwrap();
    InMemory::new(Seed {
        settings: Settings::default(),
        store: Store::load(&world).unwrap(),
        clock,
    })
}

/// Plays the session; the clock advances by a second at each step.
fn play(defects: &Defects) -> Vec<Answered> {
    let service = service();
    let answer =
        |request: &Request<Bytes>| seen(defects.answer(&service, request, || Timestamp::EPOCH));
    let steps = session().0;
    let mut came = Vec::new();
    for step in &steps {
        service.advance_clock(1_000_000);
        let answers = match step.as_slice() {
            [one] => vec![answer(one)],
            several => {
                let start = Barrier::new(several.len());
                let at_once = |request| {
                    start.wait();
                    answer(request)
                };
                std::thread::scope(|scope| {
                    let at_once = &at_once;
                    let spawn = |request| scope.spawn(move || at_once(request));
                    let threads: Vec<_> = several.iter().map(spawn).collect();
                    let joined = threads.into_iter().map(|thread| thread.join().unwrap());
                    joined.collect()
                })
            }
        };
        let asked = &step[0];
        let sent = String::from_utf8_lossy(asked.body());
        let asked = format!("{} {} {sent}", asked.method(), asked.uri());
        let marked = answers.iter().any(|(_, marked)| *marked);
        // The order of two concurrent answers is not defined.
        let mut seen: Vec<_> = answers.into_iter().map(|(seen, _)| seen).collect();
        seen.sort();
        came.push(Answered {
            asked,
            seen,
            marked,
        });
    }
    came
}

#[test]
fn without_a_defect_everything_is_as_ever() {
    let sound = play(&Defects::none());
    let again = play(&Defects::none());
    for (one, other) in sound.iter().zip(&again) {
        assert_eq!(one.seen, other.seen, "{}", one.asked);
        assert!(!one.marked, "{}", one.asked);
    }
    // A session of refusals alone would prove nothing.
    let granted = sound
        .iter()
        .filter(|came| came.seen[0].status < 300)
        .count();
    assert!(granted > sound.len() / 2, "{granted} of {}", sound.len());
}

#[test]
fn every_defect_shows_and_says_so_where_it_begins() {
    let sound = play(&Defects::none());
    let mut unseen = Vec::new();
    for defect in DEFECTS {
        let came = play(&Defects::new([defect]));
        let mut is_marked = false;
        let mut shows = None;
        for (with, without) in came.iter().zip(&sound) {
            is_marked |= with.marked;
            if with.seen != without.seen {
                assert!(is_marked, "{} shows unnamed in {}", defect.name, with.asked);
                shows = Some(&with.asked);
                break;
            }
        }
        match shows {
            Some(asked) => println!("{:45} {asked}", defect.name),
            None => unseen.push(defect.name),
        }
    }
    assert!(
        unseen.is_empty(),
        "{} never show: {unseen:#?}",
        unseen.len()
    );
}

// Some of the defects in detail.

/// A service with one defect, whose clock stands still between requests.
struct Flawed {
    service: InMemory,
    defects: Defects,
}

impl Flawed {
    fn new(name: &str) -> Self {
        Self {
            service: service(),
            defects: Defects::new(defects::find(name)),
        }
    }

    #[track_caller]
    fn ask(&self, request: &Request<Bytes>) -> Reply {
        self.service.advance_clock(1_000_000);
        match self
            .defects
            .answer(&self.service, request, || Timestamp::EPOCH)
        {
            Delivery::Answer(reply) => reply,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn get(&self, path: &str) -> Value {
        json_of(&self.ask(&request("GET", path, &[], "")))
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value) -> Reply {
        self.ask(&request("POST", path, JSON, &body.to_string()))
    }

    /// The only stock of a SKU at a location, as the list shows it.
    #[track_caller]
    fn stock(&self, sku: &str, location: &str) -> Value {
        let page = self.get(&format!("{STOCKS}?sku={sku}&location={location}"));
        page["results"][0].clone()
    }
}

fn json_of(reply: &Reply) -> Value {
    serde_json::from_slice(reply.response.body()).unwrap()
}

fn names_of(reply: &Reply) -> Vec<&str> {
    let names = reply.response.headers().get_all(DEFECT_HEADER);
    names.iter().map(|name| name.to_str().unwrap()).collect()
}

#[test]
fn only_an_answer_that_is_another_names_the_defect() {
    let flawed = Flawed::new("filter-stock-gt-off-by-one");
    let asked = |query: &str| request("GET", &format!("{STOCKS}?{query}"), &[], "");
    let on_the_edge = flawed.ask(&asked("stock__gt=7"));
    assert_eq!(names_of(&on_the_edge), ["filter-stock-gt-off-by-one"]);
    for query in ["stock__gt=13", "stock__gte=7", ""] {
        assert_eq!(names_of(&flawed.ask(&asked(query))), [""; 0], "{query}");
    }
}

#[test]
fn a_filter_off_by_one_keeps_the_links_of_what_was_asked() {
    let flawed = Flawed::new("filter-stock-gt-off-by-one");
    let page = flawed.get(&format!("{STOCKS}?stock__gt=7&limit=2"));
    assert_eq!(
        page["next"],
        "http://localhost:8000/api/v1/stocks/?limit=2&page=2&stock__gt=7"
    );
}

#[test]
fn what_counts_twice_is_what_the_list_shows_as_well() {
    let flawed = Flawed::new("increase-counts-two");
    let reply = flawed.post(INCREASE, &json!({"sku": "500", "location": "110"}));
    assert_eq!(names_of(&reply), ["increase-counts-two"]);
    assert_eq!(json_of(&reply)["reserved_stock"], 2);
    assert_eq!(flawed.stock("500", "110")["reserved_stock"], 2);
}

#[test]
fn a_reported_reservation_that_counts_still_answers_208() {
    let flawed = Flawed::new("increase-reported-counts");
    let body = json!({"sku": "500", "location": "110", "date": "2023-07-01"});
    assert_eq!(flawed.post(INCREASE, &body).response.status(), 201);
    let again = flawed.post(INCREASE, &body);
    assert_eq!(again.response.status(), 208);
    assert_eq!(flawed.stock("500", "110")["reserved_stock"], 2);
}

#[test]
fn a_page_that_repeats_a_row_loses_none_of_its_length() {
    let flawed = Flawed::new("page-repeats-a-row");
    let ids = |page: usize| {
        let page = flawed.get(&format!("{STOCKS}?limit=4&page={page}"));
        let rows = page["results"].as_array().unwrap().iter();
        rows.map(|row| row["id"].as_i64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(1), [1, 2, 3, 4]);
    assert_eq!(ids(2), [4, 5, 6, 7]);
}

#[test]
fn filters_that_are_ored_still_page() {
    let flawed = Flawed::new("filters-ored");
    let page = flawed.get(&format!("{STOCKS}?sku=505&location=wh-1&limit=2&page=2"));
    let ids: Vec<_> = page["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["id"])
        .collect();
    assert_eq!(page["count"], 5);
    assert_eq!(ids, [5, 9]);
    assert_eq!(
        page["next"],
        "http://localhost:8000/api/v1/stocks/?limit=2&location=wh-1&page=3&sku=505"
    );
}

#[test]
fn a_write_that_is_refused_writes_where_the_defect_says_so() {
    let flawed = Flawed::new("create-writes-what-it-refuses");
    let body = with(row("NEW", "110", 0), "stock", "many");
    let refused = flawed.post(STOCKS, &body);
    assert_eq!(refused.response.status(), 400);
    assert_eq!(names_of(&refused), ["create-writes-what-it-refuses"]);
    assert_eq!(flawed.stock("NEW", "110")["sku"], "NEW");
}

#[rstest]
#[case("overlapping-increases-count-once", 1)]
#[case("increase-answers-200", 2)]
fn updates_get_lost_only_where_the_defect_says_so(#[case] name: &str, #[case] counted: i64) {
    let flawed = Flawed::new(name);
    let body = json!({"sku": "500", "location": "110"});
    let start = Barrier::new(2);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                start.wait();
                flawed.post(INCREASE, &body)
            });
        }
    });
    assert_eq!(flawed.stock("500", "110")["reserved_stock"], counted);
}

#[test]
fn what_does_not_overlap_is_not_lost() {
    let flawed = Flawed::new("overlapping-increases-count-once");
    for counted in 1..=3 {
        let reply = flawed.post(INCREASE, &json!({"sku": "500", "location": "110"}));
        assert_eq!(json_of(&reply)["reserved_stock"], counted);
        assert_eq!(names_of(&reply), [""; 0]);
    }
}

#[test]
fn several_defects_act_together() {
    let service = service();
    let names = [
        "increase-counts-two",
        "stock-id-is-text",
        "create-answers-200",
    ];
    let defects = Defects::new(names.iter().filter_map(|name| defects::find(name)));
    let body = json!({"sku": "500", "location": "110"}).to_string();
    let request = request("POST", INCREASE, JSON, &body);
    let Delivery::Answer(reply) = defects.answer(&service, &request, || Timestamp::EPOCH) else {
        panic!("no answer");
    };
    assert_eq!(
        names_of(&reply),
        ["increase-counts-two", "stock-id-is-text"]
    );
    let stock = json_of(&reply);
    assert_eq!(
        (&stock["id"], &stock["reserved_stock"]),
        (&json!("1"), &json!(2))
    );
}
