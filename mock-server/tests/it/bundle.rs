//! A bundle yields the same answers again, byte for byte, or names the first that differs.

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};
use whippy_engine::backend::{Reset, Seed};
use whippy_engine::defects::{Defects, Delivery, named};
use whippy_engine::exchange::{Answered, Exchange};
use whippy_mock::bundle::{self, Bundle, Taken, Verdict};
use whippy_mock::faults::Faults;
use whippy_mock::worlds;
use whippy_mock::worlds::journal::JournalLimits;
use whippy_mock::worlds::service::Service;

use super::arbitrary::{a_write, any_request};
use super::log::{FIXED, System, any_seed, create, seed};
use super::requests::{INCREASE, SKU, STOCKS, request};
use super::support::{Mock, message, stock};

/// A service with its exchanges.
struct Recorded {
    service: Service,
    defects: Defects,
    exchanges: Vec<Arc<Exchange>>,
    system: System,
}

impl Recorded {
    fn new(seed: Seed) -> Self {
        Self::broken(seed, Defects::none())
    }

    fn broken(seed: Seed, defects: Defects) -> Self {
        Self {
            service: Service::new(seed),
            defects,
            exchanges: Vec::new(),
            system: System::new(),
        }
    }

    fn ask(&mut self, asked: &Request<Bytes>) {
        let mut asked = asked.clone();
        if worlds::split(asked.uri().path()).is_some() {
            worlds::strip(&mut asked, "w");
        }
        let delivery = self
            .defects
            .answer(&self.service, &asked, || self.system.now());
        let id = self.exchanges.len() as u64 + 1;
        let limit = JournalLimits::default().body;
        let mut exchange = Exchange::of(asked, id, Arc::from("w"), limit);
        if let Delivery::Answer(reply) = delivery {
            exchange.answer = Some(Answered::of(&reply.response, limit));
            exchange.writes_before = reply.writes;
            exchange.wrote = reply.wrote;
        }
        self.exchanges.push(Arc::new(exchange));
    }

    fn bundle(&self) -> Bundle {
        // Read back as another machine would.
        Bundle::from_json(&self.json()).unwrap()
    }

    fn json(&self) -> Vec<u8> {
        let none = Faults::default();
        let exchanges = self.exchanges.clone();
        let taken = Taken::of("w", &self.service, &self.defects, &none, exchanges);
        bundle::pieces(vec![taken], Exchange::clone)
            .flatten()
            .collect()
    }
}

fn verdicts(bundle: &Bundle) -> Vec<String> {
    bundle
        .replay()
        .unwrap()
        .map(|played| played.to_string())
        .collect()
}

proptest! {
    #[test]
    fn every_answer_comes_again(
        seed in any_seed(),
        asked in prop::collection::vec(prop_oneof![3 => a_write(), 2 => any_request()], 0..40),
        is_named in any::<bool>(),
    ) {
        let mut recorded = Recorded::new(seed);
        for mut asked in asked {
            let named = format!("/worlds/w{}", asked.uri());
            if let Ok(uri) = named.parse() && is_named {
                *asked.uri_mut() = uri;
            }
            recorded.ask(&asked);
        }
        let bundle = recorded.bundle();
        let mut count = 0;
        for played in bundle.replay().unwrap() {
            // Tokens are not in a bundle.
            let is_of_credentials = played.expected.as_ref().is_some_and(|e| e.status == 401);
            prop_assert!(played.verdict == Verdict::Same || is_of_credentials, "{played}");
            count += 1;
        }
        prop_assert_eq!(count, recorded.exchanges.len());
    }
}

#[test]
fn a_broken_service_breaks_again() {
    let defects = Defects::new([named("create-defaults-to-inactive").unwrap()]);
    let mut recorded = Recorded::broken(seed(&[], "real"), defects);
    for asked in [create("A"), create("A"), request("GET", STOCKS, &[], "")] {
        recorded.ask(&asked);
    }
    let bundle = recorded.bundle();
    assert!(
        bundle
            .replay()
            .unwrap()
            .all(|played| played.verdict == Verdict::Same)
    );
    let mut sound = bundle;
    sound.worlds[0].defects.clear();
    assert_ne!(
        verdicts(&sound)[0],
        "exchange 1 of world w, POST /api/v1/stocks/: the same"
    );
}

#[test]
fn what_was_answered_before_a_reset_is_not_compared_with_what_came_after() {
    let mut recorded = Recorded::new(seed(&[], FIXED));
    recorded.ask(&create("A"));
    recorded.ask(&request("GET", STOCKS, &[], ""));
    recorded.service.reset(Reset::default()).unwrap();
    recorded.ask(&request("GET", STOCKS, &[], ""));
    let said = verdicts(&recorded.bundle());
    assert_eq!(
        said,
        [
            "exchange 1 of world w, POST /api/v1/stocks/: not compared, for it was answered after \
         write 0, and the bundle begins after write 2",
            "exchange 2 of world w, GET /api/v1/stocks/: not compared, for it was answered after \
         write 1, and the bundle begins after write 2",
            "exchange 3 of world w, GET /api/v1/stocks/: the same",
        ]
    );
}

fn another_status(bundle: &mut Value) {
    bundle["worlds"][0]["exchanges"][1]["response"]["status"] = json!(201);
}

fn another_header(bundle: &mut Value) {
    bundle["worlds"][0]["exchanges"][1]["response"]["headers"][1][1] = json!("GET");
}

fn another_body(bundle: &mut Value) {
    let text = json!("{\"count\":4}");
    bundle["worlds"][0]["exchanges"][1]["response"]["body"]["text"] = text;
}

fn no_answer(bundle: &mut Value) {
    bundle["worlds"][0]["exchanges"][1]["response"] = Value::Null;
}

fn a_fault(bundle: &mut Value) {
    bundle["worlds"][0]["exchanges"][1]["faults"] = json!(["slow-erp"]);
}

fn a_cut_request(bundle: &mut Value) {
    bundle["worlds"][0]["exchanges"][1]["request"]["body"]["truncated"] = json!(true);
}

/// Sends a request, with any result.
fn sends(mock: &Mock, method: &str, path: &str, body: &str) {
    let mut client = mock.connect();
    client.send(message(
        &format!("{method} /worlds/w{path}"),
        &["Connection: close"],
        body,
    ));
    client.rest();
}

#[rstest]
#[case::status_before(json!({"kind": "status", "status": 503, "retry_after": 7}), "before")]
#[case::status_after(json!({"kind": "status", "status": 502}), "after")]
#[case::unauthorized(json!({"kind": "status", "status": 401}), "before")]
#[case::delay(json!({"kind": "delay", "milliseconds": 1}), "before")]
#[case::reset_before(json!({"kind": "reset"}), "before")]
#[case::reset_after(json!({"kind": "reset"}), "after")]
#[case::empty(json!({"kind": "empty-reply"}), "after")]
#[case::garbage(json!({"kind": "garbage", "bytes": 9}), "after")]
#[case::cut(json!({"kind": "truncated-body", "fraction": 0.5}), "after")]
#[case::malformed(json!({"kind": "malformed-body"}), "after")]
#[case::content_type(json!({"kind": "wrong-content-type", "content_type": "text/html"}), "after")]
#[case::stale(json!({"kind": "stale-read", "writes": 1}), "")]
#[case::defect(json!({"kind": "defect", "name": "page-count-is-text"}), "")]
fn what_a_fault_did_is_done_again(#[case] fault: Value, #[case] when: &str) {
    let mock = Mock::start(&[]);
    let mut rule = json!({"name": "bad-day", "fault": fault});
    if !when.is_empty() {
        rule["when"] = when.into();
    }
    // Not on the first request, so that the bundle has earlier ones.
    rule["match"] = json!({"every": 2});
    let faults = json!({"seed": 1, "rules": [rule]}).to_string();
    let put = message("PUT /__admin/faults?world=w", &[], &faults);
    mock.ask(put).expect(200);
    for n in 0..3 {
        let date = format!("2024-01-0{}T00:00:00Z", n + 1);
        let body = json!({"sku": SKU, "location": "110", "date": date});
        sends(
            &mock,
            "POST",
            STOCKS,
            &stock(&format!("NEW-{n}")).to_string(),
        );
        sends(&mock, "POST", INCREASE, &body.to_string());
        for _ in 0..3 {
            sends(&mock, "GET", STOCKS, "");
        }
    }
    let bundle = mock.get("/__admin/bundle?world=w").expect(200).body;
    let bundle = Bundle::from_json(&bundle).unwrap();
    let touched = bundle.worlds[0].exchanges.iter();
    assert!(
        touched
            .filter(|exchange| !exchange.faults.is_empty())
            .count()
            > 2
    );
    for played in bundle.replay().unwrap() {
        assert_eq!(played.verdict, Verdict::Same, "{played}");
    }
}

#[test]
fn what_a_client_preferred_is_answered_again() {
    let mock = Mock::start(&[]);
    let prefer = message(&format!("GET {STOCKS}"), &["Prefer: code=200"], "");
    mock.ask(prefer).expect(200);
    let bundle = mock.get("/__admin/bundle").expect(200).body;
    let said = verdicts(&Bundle::from_json(&bundle).unwrap());
    assert_eq!(
        said,
        ["exchange 1 of world default, GET /api/v1/stocks/: the same"]
    );
}

#[rstest]
#[case(another_status, "status 201 was answered, and now 200")]
#[case(
    another_header,
    "header allow was `GET`, and now `GET, POST, HEAD, OPTIONS`"
)]
#[case(
    another_body,
    "from byte 10 on the body was `}`, and now `,\"next\":null,\"previous\":null,\"results\":[…`"
)]
#[case(no_answer, "nothing was answered, and now status 200")]
#[case(
    a_fault,
    "not compared, for it does not say what its faults did: slow-erp"
)]
#[case(
    a_cut_request,
    "not compared, for the journal kept only the beginning of its body"
)]
fn the_first_difference_is_a_sentence(#[case] change: fn(&mut Value), #[case] says: &str) {
    let mut recorded = Recorded::new(seed(&[], FIXED));
    recorded.ask(&create("A"));
    recorded.ask(&request("GET", STOCKS, &[], ""));
    let mut bundle: Value = serde_json::from_slice(&recorded.json()).unwrap();
    change(&mut bundle);
    let bundle = Bundle::from_json(bundle.to_string().as_bytes()).unwrap();
    assert_eq!(
        verdicts(&bundle),
        [
            "exchange 1 of world w, POST /api/v1/stocks/: the same".to_owned(),
            format!("exchange 2 of world w, GET /api/v1/stocks/: {says}"),
        ]
    );
}

#[rstest]
#[case(
    "[]",
    "it is no bundle of whippy-mock: invalid length 0, expected an object at line 1 column 2"
)]
#[case("{}", "it is no bundle of whippy-mock: it has no version")]
#[case(
    "{\"version\":2}",
    "it is a bundle of version 2, and this whippy-mock plays version 1"
)]
#[case(
    "{\"version\":1}",
    "the bundle is damaged: missing field `made_by` at line 1 column 13"
)]
fn what_is_no_bundle_is_refused(#[case] json: &str, #[case] says: &str) {
    assert_eq!(
        Bundle::from_json(json.as_bytes()).unwrap_err().to_string(),
        says
    );
}

#[test]
fn a_bundle_without_one_of_its_writes_cannot_be_made() {
    let mut recorded = Recorded::new(seed(&[], FIXED));
    recorded.ask(&create("A"));
    recorded.ask(&create("B"));
    let mut bundle = recorded.bundle();
    bundle.worlds[0].writes.remove(0);
    let said = bundle.replay().map(|_| ()).unwrap_err().to_string();
    assert_eq!(said, "the world `w` cannot be made: write 1 is missing");
}

#[test]
fn bytes_that_are_no_text_come_through() {
    let mut recorded = Recorded::new(seed(&[], FIXED));
    let mut asked = create("A");
    *asked.body_mut() = Bytes::from_static(b"{\"sku\":\"\xff\"}");
    recorded.ask(&asked);
    let bundle = recorded.bundle();
    let body = &bundle.worlds[0].exchanges[0].request.body;
    assert_eq!(body.bytes().unwrap(), *asked.body());
    assert!(body.text.is_none());
    assert!(
        bundle
            .replay()
            .unwrap()
            .all(|played| played.verdict == Verdict::Same)
    );
}
