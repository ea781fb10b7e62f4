//! No false alarm: the engine has no findings, whatever its readings.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use whippy_conformance::model::outcome::Outcome;
use whippy_conformance::transport::target::Target;
use whippy_engine::profile::{Accepts, Profile, Reading};

use crate::support::{self, in_process, line, options, run_all};

#[track_caller]
fn is_clean(what: &str, target: Arc<dyn Target>) {
    let outcomes = run_all(target, &options());
    let unclean = outcomes.unclean();
    assert!(unclean.is_empty(), "{what}: {unclean:#?}");
}

fn engine(world: &str, readings: &[(Reading, String)]) -> Arc<dyn Target> {
    let mut profile = Profile::default();
    for (reading, choice) in readings {
        let choice = choice
            .parse::<u32>()
            .map_or_else(|_| json!(choice), |number| json!(number));
        profile.apply_json(&json!({reading.id(): choice})).unwrap();
    }
    Arc::new(support::engine(world, profile))
}

fn choices(reading: Reading) -> Vec<String> {
    match reading.accepts() {
        Accepts::Choices(choices) => choices.iter().map(|choice| (*choice).to_owned()).collect(),
        // No SKU of the suite is longer than 32 characters.
        Accepts::Number { .. } if reading == Reading::SkuLength => vec!["32".to_owned()],
        Accepts::Number { .. } => ["1", "2", "7"].map(str::to_owned).to_vec(),
    }
}

#[test]
fn the_engine_is_clean_in_every_world() {
    for world in ["demo", "empty", "documented"] {
        is_clean(world, in_process(world));
    }
}

#[test]
fn the_engine_is_clean_under_every_choice_of_every_reading() {
    for reading in Reading::ALL {
        for choice in choices(*reading) {
            let what = format!("{}={choice}", reading.id());
            is_clean(&what, engine("demo", &[(*reading, choice)]));
        }
    }
}

#[test]
fn the_engine_is_clean_under_random_choices() {
    // The seed is fixed: a failure names its profile and can be repeated.
    let mut random = Random(0x5eed);
    for _ in 0..20 {
        let readings: Vec<_> = Reading::ALL
            .iter()
            .map(|reading| {
                let choices = choices(*reading);
                (*reading, choices[random.below(choices.len())].clone())
            })
            .collect();
        let what: Vec<_> = readings
            .iter()
            .map(|(id, c)| format!("{}={c}", id.id()))
            .collect();
        let world = ["demo", "empty", "documented"][random.below(3)];
        is_clean(
            &format!("{world}, {}", what.join(", ")),
            engine(world, &readings),
        );
    }
}

/// A linear congruential generator.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

#[test]
fn others_who_write_meanwhile_are_no_finding() {
    let target = in_process("demo");
    let done = AtomicBool::new(false);
    let written = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let (target_of_others, done, written) = (Arc::clone(&target), &done, &written);
        scope.spawn(move || {
            for n in 0.. {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                others_write(&*target_of_others, n);
                written.fetch_add(1, Ordering::Relaxed);
            }
        });
        let outcomes = run_all(Arc::clone(&target), &options());
        done.store(true, Ordering::Relaxed);
        let findings: Vec<_> = outcomes
            .ran
            .checks
            .iter()
            .filter(|check| {
                matches!(
                    check.outcome,
                    Outcome::Fail | Outcome::Warn | Outcome::Error
                )
            })
            .map(line)
            .collect();
        assert!(findings.is_empty(), "{findings:#?}");
    });
    assert!(written.load(Ordering::Relaxed) > 0);
}

/// Writes like another client: a create, a reservation, an upsert and a look at other SKUs than
/// those of the run.
fn others_write(target: &dyn Target, n: usize) {
    let stock = json!({
        "sku": format!("OTHERS-{n}"),
        "provider": "Ma\u{11f}azalar",
        "location": "ist-kadikoy",
        "stock": n % 100,
    });
    let asked: [(&str, Value); 3] = [
        ("/api/v1/stocks/", stock.clone()),
        ("/api/v1/stocks/increase_reserved_stock/", stock.clone()),
        ("/api/v1/stocks/insert_or_update_stock/", json!([stock])),
    ];
    for (path, body) in asked {
        let request = Request::post(format!("{}{path}", target.base()))
            .header(
                "authorization",
                "Token f532e0000000000000000000000000000009332d",
            )
            .header("content-type", "application/json")
            .body(Bytes::from(body.to_string()))
            .unwrap();
        // Answers to other clients in the world of a replay do not matter.
        let answer = target.send(&request).unwrap();
        assert!(answer.status().as_u16() < 500);
    }
}
