//! The history of a world's writes: it yields every past state, in memory and from a file.

use std::cell::Cell;

use bytes::Bytes;
use http::Request;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};
use whippy_engine::backend::{Backend, Reset, Seed};
use whippy_engine::clock::ClockMode;
use whippy_engine::defects::{Defects, Delivery, named};
use whippy_engine::endpoints::call::Settings;
use whippy_engine::engine::Reply;
use whippy_engine::history::MAX_WRITES;
use whippy_engine::model::time::{Timestamp, UtcOffset};
use whippy_engine::store::Store;
use whippy_engine::store::world::World;
use whippy_mock::worlds::service::Service;

use super::arbitrary::{a_write, any_request};
use super::requests::{DECREASE, INCREASE, SKU, STOCKS, UPSERT, request, store};

/// A system clock that moves by a millisecond at each reading.
pub(super) struct System(Cell<i64>);

impl System {
    pub(super) fn new() -> Self {
        Self(Cell::new(1_700_000_000_000_000))
    }

    pub(super) fn now(&self) -> Timestamp {
        self.0.set(self.0.get() + 1_000);
        Timestamp::from_micros(self.0.get()).unwrap()
    }
}

pub(super) fn seed(readings: &[(&str, &str)], clock: &str) -> Seed {
    let mut settings = Settings::default();
    for (id, choice) in readings {
        settings.profile.set(id, choice).unwrap();
    }
    Seed {
        settings,
        store: store("documented"),
        clock: ClockMode::parse(clock, UtcOffset::PAGE).unwrap(),
    }
}

pub(super) const FIXED: &str = "2023-06-01T12:00:00+03:00,tick=23";

fn service() -> Service {
    Service::new(seed(&[], FIXED))
}

pub(super) fn post(path: &str, body: &Value) -> Request<Bytes> {
    let json = [("content-type", "application/json")];
    request("POST", path, &json, &body.to_string())
}

pub(super) fn create(sku: &str) -> Request<Bytes> {
    let body = json!({"provider": "shop_provider", "location": "110", "stock": 5, "sku": sku});
    post(STOCKS, &body)
}

#[track_caller]
fn ask(service: &Service, asked: &Request<Bytes>, status: u16) -> Reply {
    let reply = service.answer(asked, &|| Timestamp::EPOCH);
    let body = String::from_utf8_lossy(reply.response.body());
    assert_eq!(reply.response.status(), status, "{body}");
    reply
}

pub(super) fn export(service: &Service) -> Value {
    serde_json::from_slice(&service.world_json()).unwrap()
}

pub(super) fn export_of(store: &Store) -> Value {
    serde_json::from_slice(&store.dump().to_json()).unwrap()
}

#[track_caller]
fn at(service: &Service, seq: u64) -> Value {
    export_of(service.at(seq).unwrap().store())
}

/// Readings that change the result of writes.
const READINGS: &[(&str, &[&str])] = &[
    (
        "already-reported",
        &["replayed-date", "stale-date", "never"],
    ),
    (
        "decrease-at-zero",
        &["already-reported", "floor", "negative"],
    ),
    ("reservation-date", &["date-or-datetime", "opaque"]),
    ("reservation-row", &["first", "last"]),
    ("upsert-refusal", &["all-or-nothing", "per-sku"]),
    ("upsert-method", &["post", "post-or-get"]),
    ("missing-content-type", &["json", "unsupported"]),
    ("stock-identity", &["place-and-period", "place"]),
    ("unit-labels", &["labels", "strict"]),
];

pub(super) fn any_seed() -> impl Strategy<Value = Seed> {
    let choices: Vec<_> = READINGS
        .iter()
        .map(|(id, choices)| prop::sample::select(*choices).prop_map(move |choice| (*id, choice)))
        .collect();
    let clock = prop::sample::select(vec!["real", FIXED, "2023-06-01T12:00:00+03:00"]);
    let tokens = prop::sample::select(vec![None, Some("t")]);
    (choices, clock, tokens).prop_map(|(readings, clock, token)| {
        let mut seed = seed(&readings, clock);
        seed.settings.tokens.extend(token.map(str::to_owned));
        seed
    })
}

/// A step in the life of a world.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Ask(Request<Bytes>),
    /// Through a service with this defect.
    AskBroken(&'static str, Request<Bytes>),
    SetClock(&'static str),
    Advance(i64),
}

const DEFECTS: &[&str] = &[
    "decrease-reported-counts",
    "create-writes-nothing",
    "create-writes-twice",
    "create-writes-what-it-refuses",
    "create-moves-the-others",
];

pub(super) fn any_step() -> impl Strategy<Value = Step> {
    let dated = prop::sample::select(vec!["2023-05-10", "noon", "9999-12-31T23:59:59Z"]);
    let reservation = dated.prop_map(|date| {
        let body = json!({"sku": SKU, "location": "110", "date": date});
        post(INCREASE, &body)
    });
    let place = (0..4_u8).prop_map(|n| {
        let body = json!({"name": format!("place {n}"), "code": n.to_string(), "provider": 1});
        post("/api/v1/stock-locations/", &body)
    });
    let asked = prop_oneof![8 => a_write(), 2 => any_request(), 1 => reservation, 1 => place];
    prop_oneof![
        12 => asked.clone().prop_map(Step::Ask),
        2 => (prop::sample::select(DEFECTS), asked)
            .prop_map(|(defect, asked)| Step::AskBroken(defect, asked)),
        1 => prop::sample::select(vec!["real", FIXED]).prop_map(Step::SetClock),
        1 => (0..5_000_000_i64).prop_map(Step::Advance),
    ]
}

impl Step {
    pub(super) fn take(&self, service: &Service, system: &System) -> Option<Reply> {
        match self {
            Self::Ask(asked) => Some(service.answer(asked, &|| system.now())),
            Self::AskBroken(defect, asked) => {
                let defects = Defects::new([named(defect).unwrap()]);
                match defects.answer(service, asked, || system.now()) {
                    Delivery::Answer(reply) => Some(reply),
                    _ => None,
                }
            }
            Self::SetClock(text) => {
                service
                    .set_clock(ClockMode::parse(text, UtcOffset::PAGE).unwrap())
                    .unwrap();
                None
            }
            Self::Advance(micros) => {
                service.advance_clock(*micros).unwrap();
                None
            }
        }
    }
}

proptest! {
    /// Holds for any requests, profile and clock.
    #[test]
    fn replaying_the_writes_gives_the_same_world(
        seed in any_seed(),
        steps in prop::collection::vec(any_step(), 0..40),
    ) {
        let (service, system) = (Service::new(seed), System::new());
        let mut seen = vec![export(&service)];
        for step in &steps {
            let before = service.kept().1;
            let reply = step.take(&service, &system);
            let after = service.kept().1;
            if let Some(reply) = reply {
                prop_assert!(reply.writes >= before && reply.writes <= after);
                prop_assert_eq!(reply.wrote.is_some(), after > before);
            }
            let is = export(&service);
            if after == before {
                prop_assert_eq!(&is, &seen[usize::try_from(after).unwrap()]);
            } else {
                seen.push(is);
            }
        }
        for (seq, world) in (0..).zip(&seen) {
            prop_assert_eq!(&at(&service, seq), world, "after write {}", seq);
        }
        let whole = service.whole();
        prop_assert_eq!(&export_of(whole.replay().unwrap().store()), seen.last().unwrap());
    }

    /// An export keeps the whole world, and the answers of the world.
    #[test]
    fn an_export_loads_as_an_equal_world(
        seed in any_seed(),
        steps in prop::collection::vec(any_step(), 0..40),
        then in prop::collection::vec(a_write(), 0..10),
    ) {
        let system = System::new();
        let settings = seed.settings.clone();
        let service = Service::new(seed);
        for step in &steps {
            step.take(&service, &system);
        }
        let json = service.world_json();
        let store = Store::load(&World::from_json(&json).unwrap()).unwrap();
        let clock = ClockMode::parse(FIXED, UtcOffset::PAGE).unwrap();
        service.set_clock(clock).unwrap();
        let loaded = Service::new(Seed { settings, store, clock });
        prop_assert_eq!(export(&loaded), export(&service));
        for asked in &then {
            let replies = [&service, &loaded].map(|service| service.answer(asked, &|| system.now()));
            let [one, other] = replies.map(|reply| reply.response.into_body());
            prop_assert_eq!(one, other);
        }
        prop_assert_eq!(export(&loaded), export(&service));
    }
}

#[test]
fn only_what_writes_is_numbered() {
    let service = service();
    let first = ask(&service, &create("A"), 201);
    assert_eq!((first.writes, first.wrote), (0, Some(1)));
    let refused = ask(&service, &create("A"), 400);
    assert_eq!((refused.writes, refused.wrote), (1, None));
    let read = ask(&service, &request("GET", STOCKS, &[], ""), 200);
    assert_eq!((read.writes, read.wrote), (1, None));
    let unknown = ask(&service, &request("POST", "/api/v1/nothing/", &[], ""), 404);
    assert_eq!((unknown.writes, unknown.wrote), (1, None));
    let second = ask(&service, &create("B"), 201);
    assert_eq!((second.writes, second.wrote), (1, Some(2)));
}

#[test]
fn a_history_lets_go_of_its_oldest_writes() {
    let service = service();
    let body = json!({"sku": SKU, "location": "110"});
    let more = MAX_WRITES + 1_500;
    for _ in 0..more {
        ask(&service, &post(INCREASE, &body), 201);
    }
    let (first, last) = service.kept();
    assert_eq!(last, more as u64);
    let count = usize::try_from(last - first).unwrap();
    assert!(count <= MAX_WRITES && count > MAX_WRITES - 1_001);
    for seq in [first, first + 1, first + 999, first + 1_000, last - 1, last] {
        let reserved = at(&service, seq)["stocks"]
            .as_array()
            .unwrap()
            .iter()
            .find(|stock| stock["sku"] == SKU)
            .unwrap()["reserved_stock"]
            .clone();
        assert_eq!(reserved, seq);
    }
    assert_eq!(
        service.at(first - 1).unwrap_err().to_string(),
        format!(
            "the state after write {} is not kept any more: the kept ones are those after \
             write {first} to {last}",
            first - 1
        )
    );
    assert_eq!(
        service.at(last + 1).unwrap_err().to_string(),
        format!("there is no write {} yet: the last is {last}", last + 1)
    );
}

#[test]
fn a_history_does_not_keep_more_than_so_many_bytes() {
    let service = service();
    let padding = "x".repeat(9 << 20);
    for _ in 0..12 {
        let body = json!({"sku": SKU, "location": "110", "padding": padding});
        ask(&service, &post(INCREASE, &body), 201);
    }
    // The last seven take less than 64 MiB.
    assert_eq!(service.kept(), (5, 12));
}

#[test]
fn a_diff_names_what_was_added_and_what_changed() {
    let service = service();
    ask(&service, &create("A"), 201);
    ask(
        &service,
        &post(
            INCREASE,
            &json!({"sku": SKU, "location": "110", "date": "2023-05-10"}),
        ),
        201,
    );
    let provider = json!({"name": "new", "code": "new"});
    ask(&service, &post("/api/v1/providers/", &provider), 201);
    let diff = service.diff(0, 3).unwrap();
    assert_eq!(diff["stocks"]["added"][0]["sku"], "A");
    let changed = &diff["stocks"]["changed"];
    assert_eq!(changed.as_array().unwrap().len(), 1);
    assert_eq!(changed[0]["sku"], SKU);
    assert_eq!(
        changed[0]["changes"]["reserved_stock"],
        json!({"before": 0, "after": 1})
    );
    assert_eq!(changed[0]["changes"].as_object().unwrap().len(), 2);
    assert_eq!(diff["providers"]["added"][0]["name"], "new");
    assert_eq!(diff["reservations"]["added"][0]["sku"], SKU);
    assert_eq!(diff["stock_locations"]["added"], json!([]));
    let none = service.diff(2, 2).unwrap();
    assert_eq!(none["stocks"], json!({"added": [], "changed": []}));
    assert_eq!(
        service.diff(3, 2).unwrap_err().to_string(),
        "from is 3, which is after to, 2"
    );
}

#[rstest]
#[case::plain(Reset::default())]
#[case::of_another_world(Reset { store: Some(store("empty")), ..Reset::default() })]
fn a_reset_begins_a_new_history(#[case] reset: Reset) {
    let service = service();
    ask(&service, &create("A"), 201);
    service.reset(reset).unwrap();
    assert_eq!(service.kept(), (2, 2));
    assert_eq!(at(&service, 2), export(&service));
    assert!(service.at(1).is_err());
    assert_eq!(ask(&service, &post(UPSERT, &json!([])), 200).wrote, Some(3));
}

#[test]
fn a_fork_goes_its_own_way() {
    let service = service();
    ask(&service, &create("A"), 201);
    let fork = service.fork("fork");
    assert_eq!(export(&fork), export(&service));
    let reply = ask(&fork, &create("B"), 201);
    assert_eq!(reply.wrote, Some(2));
    assert_eq!(at(&fork, 1), export(&service));
    ask(&service, &post(UPSERT, &json!([])), 200);
    ask(
        &service,
        &post(DECREASE, &json!({"sku": "A", "location": "110"})),
        208,
    );
    assert_ne!(export(&fork), export(&service));
    fork.reset(Reset::default()).unwrap();
    assert_eq!(export_of(&store("documented")), export(&fork));
}

#[test]
fn a_write_keeps_nothing_of_the_buffer_it_came_in() {
    let service = service();
    let buffer = Bytes::from(create("A").into_body().to_vec());
    let mut asked = create("A");
    *asked.body_mut() = buffer.clone();
    ask(&service, &asked, 201);
    drop(asked);
    assert!(buffer.is_unique());
}
