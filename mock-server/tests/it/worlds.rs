//! Isolated worlds: nothing that happens in one is visible in another, by any route.

use std::collections::BTreeSet;

use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};
use whippy_engine::endpoints::RESOURCES;

use crate::arbitrary::a_write;
use crate::requests::{INCREASE, SKU, STOCKS};
use crate::support::{Mock, message, post, stock};

const LISTS: [&str; 4] = [
    "/api/v1/stocks/",
    "/api/v1/providers/",
    "/api/v1/stock-locations/",
    "/api/v1/stock-lists/",
];

fn of(world: &str, path: &str) -> String {
    format!("/worlds/{world}{path}")
}

fn send(method: &str, path: &str, body: &Value) -> String {
    let json = "Content-Type: application/json";
    message(
        &format!("{method} {path}"),
        &["Authorization: Token t", json],
        &body.to_string(),
    )
}

/// Returns the visible state of a world.
fn state(mock: &Mock, world: &str) -> Vec<Value> {
    let lists = LISTS.map(|path| mock.get(&of(world, path)).expect(200).json());
    lists.to_vec()
}

#[test]
fn a_world_is_forked_from_the_seed_when_it_is_first_asked_for() {
    let mock = Mock::start(&[]);
    mock.post(STOCKS, &stock("NEW")).expect(201);
    let page = mock.get(&of("one", STOCKS)).expect(200).json();
    assert_eq!(page["count"], 3);
    mock.post(&of("one", STOCKS), &stock("NEW")).expect(201);
    mock.post(&of("one", STOCKS), &stock("OTHER")).expect(201);
    let count = |world| mock.get(&of(world, STOCKS)).json()["count"].clone();
    assert_eq!(
        (count("one"), count("two"), count("default")),
        (5.into(), 3.into(), 4.into())
    );
}

#[test]
fn links_and_redirects_keep_the_prefix() {
    let mock = Mock::start(&["--reading=page-size=1"]);
    let page = mock.get(&of("one", STOCKS)).expect(200).json();
    assert_eq!(
        page["next"],
        "http://localhost/worlds/one/api/v1/stocks/?page=2"
    );
    let moved = mock.get(&of("one", "/api/v1/stocks?sku=1")).expect(301);
    assert_eq!(moved.header("location"), "/worlds/one/api/v1/stocks/?sku=1");
}

/// Returns a request to each writing operation, for a world in which each succeeds.
fn writes() -> Vec<(&'static str, Value)> {
    let reservation = json!({"sku": SKU, "location": "110", "date": "2024-01-01T00:00:00Z"});
    let row = json!({"provider": "shop_provider", "location": "110", "sku": SKU, "stock": 77});
    vec![
        (STOCKS, stock("LEAK")),
        (INCREASE, reservation.clone()),
        ("/api/v1/stocks/decrease_reserved_stock/", reservation),
        ("/api/v1/stocks/insert_or_update_stock/", json!([row])),
        (
            "/api/v1/providers/",
            json!({"name": "leak", "code": "leak"}),
        ),
        (
            "/api/v1/stock-locations/",
            json!({"name": "leak", "code": "leak", "provider": 1}),
        ),
        (
            "/api/v1/stock-lists/",
            json!({"name": "leak", "code": "leak"}),
        ),
    ]
}

#[test]
fn nothing_leaks_by_any_route() {
    let mock = Mock::start(&[]);
    let own = state(&mock, "default");
    let quiet = state(&mock, "quiet");
    let clock = mock.get("/__admin/clock?world=quiet").expect(200).json()["mode"].clone();
    let mut written = BTreeSet::new();
    for (path, body) in writes() {
        let answer = mock.post(&of("busy", path), &body);
        assert!((200..300).contains(&answer.status), "{path}: {answer:?}");
        written.insert(path);
    }
    // No path may change another world, whatever it answers.
    for resource in RESOURCES {
        let path = resource
            .path
            .replace("{id}", "1")
            .replace("{stocklist_id}", "1");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            mock.ask(send(
                method,
                &of("busy", &path),
                &json!({"sku": SKU, "location": "110"}),
            ));
        }
    }
    let writing = RESOURCES.iter().filter(|r| {
        r.actions
            .iter()
            .any(|a| matches!(a.handler, whippy_engine::endpoints::Handler::Write(_)))
    });
    assert_eq!(
        writing.map(|r| r.path).collect::<BTreeSet<_>>(),
        written,
        "each is walked"
    );
    mock.ask(send(
        "PUT",
        "/__admin/clock?world=busy",
        &json!({"mode": "fixed"}),
    ))
    .expect(200);
    mock.post("/__admin/clock/advance?world=busy", &json!({"seconds": 5}))
        .expect(200);
    mock.post("/__admin/reset?world=busy", &json!({"world": "demo"}))
        .expect(200);
    mock.post(
        "/worlds/busy/__admin/reset",
        &json!({"profile": {"page-size": 1}}),
    )
    .expect(200);

    assert_eq!(state(&mock, "default"), own);
    // The links of a page name the world; everything else is equal.
    assert_eq!(state(&mock, "quiet"), quiet);
    let after = mock.get("/__admin/clock?world=quiet").expect(200).json()["mode"].clone();
    assert_eq!(after, clock);
    // Exchanges are listed in their own world only.
    let told = mock
        .get("/__admin/requests?world=quiet&limit=1000")
        .expect(200)
        .text();
    assert!(!told.contains("busy") && !told.contains("LEAK"), "{told}");
    let busy = mock
        .get("/__admin/requests?world=busy&limit=1000")
        .expect(200)
        .json();
    let busy = busy["requests"].as_array().unwrap();
    assert!(busy.iter().all(|exchange| exchange["world"] == "busy"));
    let archive = mock
        .get("/worlds/quiet/__admin/requests/har")
        .expect(200)
        .text();
    assert!(!archive.contains("busy"), "{archive}");
}

#[test]
fn a_token_may_be_a_world() {
    let mock = Mock::start(&["--isolate-by-token"]);
    let ask = |token: &str, head: &str, body: &str| {
        let token = format!("Authorization: Token {token}");
        mock.ask(message(
            head,
            &[&token, "Content-Type: application/json"],
            body,
        ))
    };
    ask("one", &format!("POST {STOCKS}"), &stock("NEW").to_string()).expect(201);
    let count =
        |token| ask(token, &format!("GET {STOCKS}"), "").expect(200).json()["count"].clone();
    assert_eq!((count("one"), count("two")), (4.into(), 3.into()));
    let worlds = mock.get("/__admin/worlds").expect(200).json();
    let names: Vec<_> = worlds["worlds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|w| w["name"].clone())
        .collect();
    // The first digits of the tokens' SHA-256, which do not reveal the tokens.
    assert_eq!(
        names,
        [
            "default",
            "token-3fc4ccfe745870e2",
            "token-7692c3ad3540bb80"
        ]
    );
}

#[test]
fn a_world_is_exported_and_imported_whole() {
    let mock = Mock::start(&[]);
    mock.post(
        &of("one", INCREASE),
        &json!({"sku": SKU, "location": "110", "date": "2024-01-01"}),
    )
    .expect(201);
    let world = mock.get("/__admin/worlds/one").expect(200).json();
    mock.ask(send("PUT", "/__admin/worlds/copy", &world))
        .expect(201);
    assert_eq!(mock.get("/__admin/worlds/copy").expect(200).json(), world);
    // The copy knows which reservations were applied.
    let again = json!({"sku": SKU, "location": "110", "date": "2024-01-01"});
    mock.post(&of("copy", INCREASE), &again).expect(208);
}

#[test]
fn a_fork_stands_where_the_world_stood_and_goes_its_own_way() {
    let mock = Mock::start(&[]);
    mock.post(&of("one", STOCKS), &stock("NEW")).expect(201);
    mock.post("/__admin/worlds/one/fork", &json!({"as": "two"}))
        .expect(201);
    mock.post(&of("one", STOCKS), &stock("AFTER")).expect(201);
    let count = |world| mock.get(&of(world, STOCKS)).json()["count"].clone();
    assert_eq!((count("one"), count("two")), (5.into(), 4.into()));
    mock.post("/__admin/worlds/one/fork", &json!({"as": "two"}))
        .expect(409);
    mock.post("/__admin/worlds/two/reset", &json!({}))
        .expect(200);
    assert_eq!((count("one"), count("two")), (5.into(), 3.into()));
    mock.ask(send("DELETE", "/__admin/worlds/two", &json!({})))
        .expect(204);
    mock.get("/__admin/worlds/two").expect(404);
    assert_eq!(count("two"), 3, "and it comes to be again");
}

#[test]
fn there_are_no_more_worlds_than_are_allowed() {
    let mock = Mock::start(&["--max-worlds=2"]);
    mock.get(&of("one", STOCKS)).expect(200);
    mock.get(&of("two", STOCKS)).expect(200);
    let refused = mock.get(&of("three", STOCKS)).expect(503).json();
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.starts_with("there are 2 worlds already"), "{detail}");
    mock.ask(send("DELETE", "/__admin/worlds/one", &json!({})))
        .expect(204);
    mock.get(&of("three", STOCKS)).expect(200);
    mock.get(&of("two", STOCKS)).expect(200);
}

#[rstest]
#[case::too_long(&"x".repeat(65), 400)]
#[case::encoded("a%20b", 400)]
#[case::empty("", 400)]
fn a_name_that_is_none_is_refused(#[case] name: &str, #[case] status: u16) {
    let mock = Mock::start(&[]);
    let answer = mock.get(&of(name, STOCKS)).expect(status);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    mock.ask(send(
        "PUT",
        &format!("/__admin/worlds/{name}x x"),
        &json!({"stocks": []}),
    ));
    let worlds = mock.get("/__admin/worlds").expect(200).json();
    assert_eq!(worlds["worlds"].as_array().unwrap().len(), 1);
}

#[rstest]
#[case::read(of("none", "/__admin/clock"), "GET")]
#[case::read_by_query("/__admin/requests?world=none".to_owned(), "GET")]
#[case::export("/__admin/worlds/none".to_owned(), "GET")]
#[case::drop("/__admin/worlds/none".to_owned(), "DELETE")]
#[case::reset("/__admin/worlds/none/reset".to_owned(), "POST")]
#[case::no_api(of("none", "/favicon.ico"), "GET")]
fn looking_at_a_world_that_is_not_there_makes_none(#[case] path: String, #[case] method: &str) {
    let mock = Mock::start(&[]);
    mock.ask(send(method, &path, &json!({}))).expect(404);
    let worlds = mock.get("/__admin/worlds").expect(200).json();
    assert_eq!(worlds["worlds"].as_array().unwrap().len(), 1);
}

#[test]
fn the_default_world_cannot_be_dropped() {
    let mock = Mock::start(&[]);
    mock.ask(send("DELETE", "/__admin/worlds/default", &json!({})))
        .expect(409);
}

#[test]
fn a_bad_import_says_why_and_makes_nothing() {
    let mock = Mock::start(&[]);
    let bad = json!({"stocks": [{"sku": "1", "provider": "none", "location": "1", "stock": 1}]});
    mock.ask(send("PUT", "/__admin/worlds/new", &bad))
        .expect(400);
    mock.get("/__admin/worlds/new").expect(404);
    mock.ask(post("/__admin/worlds/default/fork", &json!({"to": "x"})))
        .expect(400);
}

/// Returns requests to the API of the world `busy`.
fn any_call() -> impl Strategy<Value = String> {
    a_write().prop_map(|asked| {
        let body = String::from_utf8_lossy(asked.body()).into_owned();
        let start = format!("{} /worlds/busy{}", asked.method(), asked.uri());
        message(&start, &["Connection: close"], &body)
    })
}

/// Returns requests to admin paths about the world `busy`, which need not make sense.
fn any_admin_call() -> impl Strategy<Value = String> {
    let method = prop::sample::select(vec!["GET", "PUT", "POST", "DELETE"]);
    let path = prop::sample::select(vec![
        "reset?world=busy",
        "clock?world=busy",
        "clock/advance?world=busy",
        "worlds/busy",
        "worlds/busy/fork",
        "worlds/busy/reset",
        "requests?world=busy",
        "requests/find?world=busy",
        "findings?world=busy",
        "coverage?world=busy",
        "faults?world=busy",
        "bundle?world=busy",
    ]);
    let body = prop::sample::select(vec![
        json!({}),
        json!({"name": "another"}),
        json!({"name": "quiet"}),
        json!({"seconds": 3600}),
        json!({"mode": "fixed", "now": "2030-01-01T00:00:00+03:00"}),
        json!({"profile": {"decrease-at-zero": "floor"}, "world": {"stocks": []}}),
        json!({"stocks": []}),
        json!({"providers": [{"name": "p"}], "stocks": []}),
        json!({"rules": [{"name": "down", "fault": {"kind": "status", "status": 503}}]}),
        json!({"rules": [{"name": "lost", "fault": {"kind": "reset"}, "when": "after"}]}),
    ]);
    (method, path, body).prop_map(|(method, path, body)| {
        let start = format!("{method} /__admin/{path}");
        message(&start, &["Connection: close"], &body.to_string())
    })
}

/// Returns everything that the admin paths show of a world.
fn shown(mock: &Mock, world: &str) -> Vec<Value> {
    let paths = [
        format!("worlds/{world}"),
        format!("clock?world={world}"),
        format!("requests?world={world}"),
        format!("findings?world={world}"),
        format!("coverage?world={world}"),
        format!("faults?world={world}"),
        format!("bundle?world={world}"),
    ];
    let shown = paths.map(|path| mock.get(&format!("/__admin/{path}")).expect(200).json());
    shown.to_vec()
}

proptest! {
    // Each case starts a process of its own.
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_asked_of_a_world_leaves_every_other_as_it_was(
        calls in prop::collection::vec(prop_oneof![any_call(), any_admin_call()], 1..40),
    ) {
        let mock = Mock::start(&["--clock", "2024-01-01T00:00:00+03:00"]);
        // Data of each kind that could be lost.
        for world in ["quiet", "default"] {
            mock.post(&of(world, STOCKS), &stock("KEPT")).expect(201);
            mock.get(&of(world, &format!("{STOCKS}?stock_gt=1"))).expect(200);
            let rules = json!({"rules": [{"name": "slow", "fault": {"kind": "delay", "milliseconds": 1}}]});
            mock.ask(send("PUT", &format!("/__admin/faults?world={world}"), &rules)).expect(200);
        }
        let before = (shown(&mock, "quiet"), shown(&mock, "default"));
        for call in &calls {
            let mut client = mock.connect();
            client.send(call);
            client.rest();
        }
        prop_assert_eq!((shown(&mock, "quiet"), shown(&mock, "default")), before);
    }
}
