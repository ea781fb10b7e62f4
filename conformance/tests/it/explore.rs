//! The engine as an oracle: silent about a correct service whatever its readings, and precise about
//! a broken one, with the shortest sequence that shows the defect.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use whippy_conformance::cases::probe::Session;
use whippy_conformance::contract::Contract;
use whippy_conformance::explore::{Aid, Explored, Options, explore, replay};
use whippy_conformance::run::discovery::{self, PlaceOptions};
use whippy_conformance::transport::retry::{Gateways, Patient};
use whippy_conformance::transport::target::Target;
use whippy_conformance::workers::spread;
use whippy_engine::defects::{DEFECTS, Defect, Defects};
use whippy_engine::profile::{Accepts, Profile, Reading};

use crate::support::{self, TOKEN};

/// Creates a session with places of its own, as a run does on a mock.
pub(crate) fn session(target: Arc<dyn Target>) -> Session {
    let mut session = Session::new(target, Contract::embedded().unwrap());
    session.token = Some(TOKEN.to_owned());
    let places = PlaceOptions {
        create_places: true,
        ..PlaceOptions::default()
    };
    // If even this fails, the session has no places of its own.
    let _ = discovery::settle(&mut session, &places);
    session
}

/// Nobody waits for the result, and there is no login.
pub(crate) fn unaided(stop: &AtomicBool) -> Aid<'_> {
    Aid {
        stop,
        pause: &|_: Duration| {},
        tell: &|_, _| {},
    }
}

pub(crate) fn options(requests: u64) -> Options {
    Options {
        requests,
        is_exclusive: true,
        ..Options::default()
    }
}

fn explored(target: Arc<dyn Target>, options: &Options) -> Explored {
    let stop = AtomicBool::new(false);
    explore(&session(target), options, unaided(&stop)).unwrap()
}

fn under(profile: Profile) -> Arc<dyn Target> {
    Arc::new(support::engine("demo", profile))
}

#[track_caller]
fn is_silent(what: &str, explored: &Explored) {
    let found: Vec<_> = explored
        .differences
        .iter()
        .map(|found| {
            let steps = found
                .trace
                .steps
                .iter()
                .map(whippy_conformance::explore::steps::Step::line);
            let steps: Vec<_> = steps.collect();
            (&found.difference.summary, &found.difference.rule, steps)
        })
        .collect();
    assert!(found.is_empty(), "{what}: {found:#?}");
    assert_eq!(explored.aborted, None, "{what}");
    assert_eq!(explored.surprises, BTreeMap::new(), "{what}");
}

#[test]
fn a_sound_service_shows_no_difference() {
    for world in ["demo", "empty", "documented"] {
        let target = support::in_process(world);
        let explored = explored(target, &options(20_000));
        is_silent(world, &explored);
        assert!(explored.steps >= 20_000, "{}", explored.steps);
        assert!(explored.readings.len() > 15, "{:?}", explored.readings);
    }
}

#[test]
fn a_sound_service_with_others_stocks_in_it_shows_no_difference() {
    let options = Options {
        is_exclusive: false,
        ..options(10_000)
    };
    is_silent("shared", &explored(support::in_process("demo"), &options));
}

#[test]
fn looking_alone_shows_no_difference_and_writes_nothing() {
    let target = support::in_process("demo");
    let options = Options {
        writes: false,
        ..options(5_000)
    };
    let mut session = Session::new(Arc::clone(&target), Contract::embedded().unwrap());
    session.token = Some(TOKEN.to_owned());
    discovery::settle(&mut session, &PlaceOptions::default()).unwrap();
    let stop = AtomicBool::new(false);
    let explored = explore(&session, &options, unaided(&stop)).unwrap();
    is_silent("read-only", &explored);
    let writes = explored.statuses.keys().find(|(o, _)| !o.is_reading());
    assert_eq!(writes, None);
}

/// Returns the choices of a reading, including the default.
pub(crate) fn choices(reading: Reading) -> Vec<String> {
    match reading.accepts() {
        Accepts::Choices(choices) => choices.iter().map(ToString::to_string).collect(),
        // The names of places are longer than a shorter SKU could be.
        Accepts::Number { .. } if reading == Reading::SkuLength => {
            ["32", "64", "255"].map(str::to_owned).to_vec()
        }
        Accepts::Number { .. } => ["1", "3", "10", "50", "1000"].map(str::to_owned).to_vec(),
    }
}

#[test]
fn no_choice_of_a_reading_is_a_difference() {
    let all: Vec<(Reading, String)> = Reading::ALL
        .iter()
        .flat_map(|reading| {
            choices(*reading)
                .into_iter()
                .map(|choice| (*reading, choice))
        })
        .collect();
    spread(2, &all, |(reading, choice)| {
        let mut profile = Profile::default();
        profile.set(reading.id(), choice).unwrap();
        let explored = explored(under(profile), &options(6_000));
        is_silent(&format!("{}={choice}", reading.id()), &explored);
    });
}

/// Returns profiles with random choices, the same at each call.
pub(crate) fn random_profiles(count: usize) -> Vec<Profile> {
    let mut random = whippy_conformance::explore::random::Random::of(0x5eed, 0);
    (0..count)
        .map(|_| {
            let mut profile = Profile::default();
            for reading in Reading::ALL {
                let choices = choices(*reading);
                let choice = &choices[random.below(choices.len())];
                profile.set(reading.id(), choice).unwrap();
            }
            profile
        })
        .collect()
}

#[test]
fn no_combination_of_choices_is_a_difference() {
    spread(2, &random_profiles(60), |profile| {
        let explored = explored(under(profile.clone()), &options(6_000));
        is_silent(&profile.to_toml(), &explored);
    });
}

#[test]
fn a_service_that_keeps_to_no_choice_is_a_difference() {
    let target = Flickering {
        engines: ["already-reported", "floor"].map(|choice| {
            let mut profile = Profile::default();
            profile.set("decrease-at-zero", choice).unwrap();
            support::engine("demo", profile)
        }),
    };
    let explored = explored(Arc::new(target), &options(20_000));
    assert!(!explored.differences.is_empty());
}

/// Two services with different readings that alternate.
struct Flickering {
    engines: [whippy_conformance::transport::target::InProcess; 2],
}

impl Target for Flickering {
    fn base(&self) -> &str {
        self.engines[0].base()
    }

    fn send(
        &self,
        request: &http::Request<bytes::Bytes>,
    ) -> Result<http::Response<bytes::Bytes>, whippy_conformance::transport::target::TargetError>
    {
        let first = self.engines[0].send(request);
        let second = self.engines[1].send(request);
        // A bit of the SKU's number decides, so that a sequence usually stays with one of them.
        let text = format!("{:?}{:?}", request.uri(), request.body());
        let is_odd = text
            .split("aB00")
            .next()
            .and_then(|before| before.chars().last())
            .is_some_and(|digit| matches!(digit, '1' | '2' | '3'));
        if is_odd { first } else { second }
    }
}

/// Explores a service with a defect. A defect not found with this many requests counts as not
/// found.
fn against(defect: &'static Defect) -> Explored {
    let engine = support::engine("demo", Profile::default());
    let target = Arc::new(engine.with_defects(Defects::new([defect])));
    let options = Options {
        most_differences: 1,
        shrinking: 0,
        ..options(4_000)
    };
    let stop = AtomicBool::new(false);
    explore(&session(target), &options, unaided(&stop)).unwrap_or_default()
}

/// The share of the planted defects that an exploration finds, per cent.
const FLOOR: usize = 75;

#[test]
fn a_good_share_of_the_planted_defects_is_found() {
    let all: Vec<_> = DEFECTS.iter().collect();
    let caught = spread(2, &all, |defect| {
        // These show only in concurrent requests.
        if defect.name.starts_with("overlapping-") {
            return crate::linear::breaks(defect.name);
        }
        !against(defect).differences.is_empty()
    });
    let missed: Vec<_> = all
        .iter()
        .zip(&caught)
        .filter(|(_, caught)| !**caught)
        .map(|(defect, _)| defect.name)
        .collect();
    let share = (all.len() - missed.len()) * 100 / all.len();
    println!("{share} % of {}; missed: {missed:#?}", all.len());
    assert!(share >= FLOOR, "{share} %: {missed:#?}");
}

/// Returns the shortest sequence that shows a defect, in lines.
#[track_caller]
fn shortest(defect: &str) -> Vec<String> {
    let defect = whippy_engine::defects::named(defect).unwrap();
    let engine = support::engine("demo", Profile::default());
    let target = Arc::new(engine.with_defects(Defects::new([defect])));
    let options = Options {
        most_differences: 1,
        ..options(20_000)
    };
    let explored = explored(target, &options);
    let found = &explored.differences[0];
    assert!(found.is_steady);
    found
        .trace
        .steps
        .iter()
        .map(whippy_conformance::explore::steps::Step::line)
        .collect()
}

#[test]
fn a_difference_is_shrunk_to_the_steps_that_it_takes() {
    let stock = r#"{"sku":"${sku}","provider":"${provider}","location":"${location}","stock":5}"#;
    let steps = shortest("increase-counts-two");
    assert_eq!(steps.len(), 2, "{steps:#?}");
    assert!(steps[0].ends_with(stock), "{steps:#?}");
    assert!(steps[1].contains("increase"), "{steps:#?}");

    let steps = shortest("upsert-resets-reserved-stock");
    assert_eq!(steps.len(), 3, "{steps:#?}");
    assert!(steps[1].contains("insert_or_update"), "{steps:#?}");
    assert!(steps[1].contains(r#""stock":5"#), "{steps:#?}");
}

#[test]
fn a_trace_shows_the_same_difference_again() {
    let defect = whippy_engine::defects::named("decrease-sets-zero").unwrap();
    let target = || -> Arc<dyn Target> {
        let engine = support::engine("demo", Profile::default());
        Arc::new(engine.with_defects(Defects::new([defect])))
    };
    let options = Options {
        most_differences: 1,
        ..options(20_000)
    };
    let first = explored(target(), &options);
    let second = explored(target(), &options);
    let found = &first.differences[0];
    assert_eq!(found.trace.steps, second.differences[0].trace.steps);

    let json = found.trace.to_json();
    let trace = whippy_conformance::explore::steps::Trace::read(&json).unwrap();
    let stop = AtomicBool::new(false);
    let again = replay(&session(target()), &trace, &options, unaided(&stop)).unwrap();
    assert_eq!(again.differences.len(), 1);
    assert_eq!(
        again.differences[0].difference.summary,
        found.difference.summary
    );
    let sound = replay(
        &session(support::in_process("demo")),
        &trace,
        &options,
        unaided(&stop),
    );
    is_silent("sound", &sound.unwrap());
}

#[test]
fn a_trace_fits_its_schema() {
    let (_, schema) = whippy_engine::assets::SCHEMAS
        .iter()
        .find(|(file, _)| *file == "trace.schema.json")
        .unwrap();
    let schema: serde_json::Value = serde_json::from_str(schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for defect in [
        "increase-counts-two",
        "create-is-reset",
        "filter-stock-gt-off-by-one",
    ] {
        let explored = against(whippy_engine::defects::named(defect).unwrap());
        let json = explored.differences[0].trace.to_json();
        let errors: Vec<_> = validator
            .iter_errors(&serde_json::from_str(&json).unwrap())
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{defect}: {errors:#?}");
    }
    assert!(!validator.is_valid(&serde_json::json!({"trace": 1})));
}

/// A correct service with temporary failures.
struct Weather {
    engine: whippy_conformance::transport::target::InProcess,
    asked: std::sync::Mutex<Asked>,
}

#[derive(Default)]
struct Asked {
    count: u64,
    /// Every write, as it was sent.
    writes: Vec<String>,
    /// The writes that were carried out, but got no answer.
    unanswered: Vec<String>,
    token: &'static str,
}

impl Target for Weather {
    fn base(&self) -> &str {
        self.engine.base()
    }

    fn send(
        &self,
        request: &http::Request<bytes::Bytes>,
    ) -> Result<http::Response<bytes::Bytes>, whippy_conformance::transport::target::TargetError>
    {
        let mut asked = self.asked.lock().unwrap();
        asked.count += 1;
        let is_write = request.method() == "POST" && !request.uri().path().contains("active");
        let answer = |status: u16, header: (&str, &str)| {
            let response = http::Response::builder()
                .status(status)
                .header(header.0, header.1);
            Ok(response.body(bytes::Bytes::from("<html>")).unwrap())
        };
        if request.uri().path().ends_with("/login/") {
            let key = serde_json::json!({"key": asked.token}).to_string();
            return Ok(http::Response::new(bytes::Bytes::from(key)));
        }
        let token = request.headers().get("authorization").unwrap();
        if token.to_str().unwrap() != format!("Token {}", asked.token) {
            return answer(401, ("content-type", "text/html"));
        }
        let count = asked.count;
        let is_settled = count > 200;
        if count == 3_000 {
            // The login has expired.
            asked.token = "another";
            return answer(401, ("content-type", "text/html"));
        }
        if is_settled && count.is_multiple_of(29) {
            return answer(429, ("retry-after", "2"));
        }
        if is_settled && count.is_multiple_of(31) && !is_write {
            return answer(502, ("content-type", "text/html"));
        }
        let text = format!("{} {:?}", request.uri(), request.body());
        let mut request = request.clone();
        let known = format!("Token {TOKEN}");
        request
            .headers_mut()
            .insert("authorization", known.parse().unwrap());
        if is_write {
            asked.writes.push(text.clone());
        }
        if is_settled && count.is_multiple_of(97) {
            let _ = self.engine.send(&request);
            if is_write {
                asked.unanswered.push(text);
            }
            return Err(whippy_conformance::transport::target::TargetError::Broken(
                "reset".to_owned(),
            ));
        }
        self.engine.send(&request)
    }
}

thread_local! {
    static WAITED: RefCell<Vec<Duration>> = const { RefCell::new(Vec::new()) };
}

#[test]
fn a_bad_day_is_got_over_and_told_and_no_write_is_repeated() {
    let weather = Arc::new(Weather {
        engine: support::engine("demo", Profile::default()),
        asked: std::sync::Mutex::new(Asked {
            token: TOKEN,
            ..Asked::default()
        }),
    });
    let login = Some(("someone".to_owned(), "something".to_owned()));
    let pause = |wait| WAITED.with_borrow_mut(|waited| waited.push(wait));
    let patient = Arc::new(Patient::new(
        weather.clone(),
        pause,
        Gateways::Retried,
        login,
    ));
    patient.bear(TOKEN);
    let session = session(patient.clone());
    let stop = AtomicBool::new(false);
    let explored = explore(&session, &options(6_000), unaided(&stop)).unwrap();
    let found: Vec<_> = explored
        .differences
        .iter()
        .map(|found| &found.difference.summary)
        .collect();
    assert!(found.is_empty(), "{found:#?}");
    assert_eq!(explored.aborted, None);
    assert!(explored.abandoned > 0);
    let told = format!("{:?} {:?}", explored.surprises, patient.surprises());
    for surprise in ["429", "502", "no answer", "new login", "not repeated"] {
        assert!(told.contains(surprise), "{surprise}: {told}");
    }
    let waited = WAITED.take();
    assert!(waited.contains(&Duration::from_secs(2)), "{waited:?}");
    let asked = weather.asked.lock().unwrap();
    assert!(!asked.unanswered.is_empty());
    for lost in &asked.unanswered {
        let last = asked.writes.iter().rposition(|write| write == lost);
        let first = asked.writes.iter().position(|write| write == lost);
        // An equal write may come before it in the sequence, but none after it.
        let sku = lost.split("aB00").next().unwrap().to_owned();
        let after = &asked.writes[last.unwrap() + 1..];
        assert!(after.iter().all(|write| !write.starts_with(&sku)), "{lost}");
        assert!(first.is_some());
    }
}

#[test]
fn a_target_that_refuses_the_token_for_good_ends_it() {
    let weather = Arc::new(Weather {
        engine: support::engine("demo", Profile::default()),
        asked: std::sync::Mutex::new(Asked {
            token: TOKEN,
            ..Asked::default()
        }),
    });
    let patient = Patient::new(weather, |_| {}, Gateways::Retried, None);
    let session = session(Arc::new(patient));
    let stop = AtomicBool::new(false);
    let explored = explore(&session, &options(6_000), unaided(&stop)).unwrap();
    let why = explored.aborted.unwrap();
    assert!(why.contains("401"), "{why}");
}
