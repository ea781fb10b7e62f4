//! The suite about itself: its checks, one of them in detail, and the part of the contract that
//! they cover.

use std::fmt::{self, Write as _};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};
use whippy_engine::assets;
use whippy_engine::backend::Seed;
use whippy_engine::clock::ClockMode;
use whippy_engine::endpoints::call::Settings;
use whippy_engine::profile::{Accepts, Profile, ProfileError, Reading};
use whippy_engine::store::Store;
use whippy_engine::store::world::WorldError;

use crate::cases::probe::Session;
use crate::cases::scope::ENVIRONMENT;
use crate::contract::Contract;
use crate::model::finding::Level;
use crate::model::outcome::{Coverage, Covered, Safety};
use crate::run::catalogue::{Check, Method};
use crate::run::discovery::{self, PlaceOptions, Unsettled};
use crate::run::{Options, run};
use crate::transport::target::{InProcess, SeedState, Target, TargetError};
use crate::workers::{lock, spread};

/// The world in which checks are demonstrated.
const WORLD: &str = "demo";

/// Name and password for the login there.
const USER: (&str, &str) = ("user", "password");

/// The most requests of a check that are shown.
const SHOWN: usize = 12;

/// The most characters of a body that are shown.
const LONG: usize = 300;

/// Lists checks in a line each: id, level, safety, source.
pub fn list(checks: &[&Check]) -> String {
    let width = checks
        .iter()
        .map(|check| check.id.len())
        .max()
        .unwrap_or_default();
    let mut text = String::new();
    for check in checks {
        let (level, safety) = (check.level.text(), check.safety.text());
        // Writing to a text cannot fail.
        let _ = writeln!(
            text,
            "{:width$}  {level:6}  {safety:5}  {}",
            check.id, check.source.section
        );
    }
    text
}

/// Lists checks in more detail, as a JSON array.
pub fn list_json(checks: &[&Check]) -> String {
    let checks = checks.iter().map(|check| {
        json!({
            "id": check.id,
            "title": check.title,
            "level": check.level.text().to_lowercase(),
            "safety": check.safety.text(),
            "source": {"section": check.source.section, "quote": check.source.quote},
            "reading": check.reading,
            "needs": check.needs.iter().filter_map(|need| flag(need)).collect::<Vec<_>>(),
        })
    });
    pretty(&checks.collect())
}

fn pretty(value: &Value) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}

/// Faults of the suite's own, by which its checks cannot be shown at work.
#[derive(Debug)]
pub enum ExplainError {
    /// The world cannot be read.
    World(WorldError),
    /// A reading does not take one of its choices.
    Profile(ProfileError),
    /// The places of a run cannot be created.
    Places(Unsettled),
}

impl fmt::Display for ExplainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::World(why) => why.fmt(f),
            Self::Profile(why) => why.fmt(f),
            Self::Places(stop) => write!(f, "{stop:?}"),
        }
    }
}

impl std::error::Error for ExplainError {}

/// Describes one check in detail. `user_files` are the names and texts of case files that are not
/// built in.
pub fn explain(
    check: &Check,
    checks: &[Check],
    contract: Contract,
    user_files: &[(String, String)],
) -> Result<String, ExplainError> {
    let mut text = format!("{}\n  {}\n\n", check.id, check.title);
    let mut fact = |name: &str, value: &str| {
        let _ = writeln!(text, "  {name:8} {value}");
    };
    fact("level", &format!("{}, {}", check.level, grade(check.level)));
    fact(
        "safety",
        match check.safety {
            Safety::Read => "read: it only looks",
            Safety::Write => "write: it writes stocks of its own",
        },
    );
    fact(
        "source",
        &format!(
            "{}: \"{}\"",
            check.source.section,
            check.source.quote.replace('\n', " ")
        ),
    );
    if !check.why.is_empty() {
        fact("why", &check.why);
    }
    if let Some(reading) = &check.reading {
        fact(
            "reading",
            &format!("{reading}: it tells which choice the target has made"),
        );
    }
    for (reading, choices) in &check.when {
        fact(
            "only if",
            &format!("the target shows {reading}={}", choices.join(" or ")),
        );
    }
    let needs: Vec<_> = check.needs.iter().filter_map(|need| flag(need)).collect();
    if !needs.is_empty() {
        let mut needs = needs;
        needs.dedup();
        fact(
            "needs",
            &format!("{}; what is not given is looked for", needs.join(", ")),
        );
    }
    let sent = demonstrated(check, checks, contract)?;
    text += "\nit sends, here to the mock in this process\n";
    if sent.is_empty() {
        text += "  nothing of its own: it judges every exchange of a run\n";
    }
    for (at, exchange) in sent.iter().take(SHOWN).enumerate() {
        let _ = writeln!(
            text,
            "  {:>2}. {}",
            at + 1,
            exchange.replace('\n', "\n      ")
        );
    }
    if sent.len() > SHOWN {
        let _ = writeln!(text, "      and {} more requests", sent.len() - SHOWN);
    }
    if let Some(yaml) = yaml_of(check, user_files) {
        text += "\nthe case\n";
        for line in yaml.lines() {
            let _ = writeln!(text, "  {line}");
        }
    }
    let _ = write!(
        text,
        "\nto run it alone\n  whippy-conformance run --only {0}\n  whippy-conformance run --target URL {1}--only {0}\n",
        check.id,
        match (&check.method, check.safety) {
            (Method::Replay(_), _) => "--reset-target ",
            (_, Safety::Write) => "--write ",
            (_, Safety::Read) => "",
        }
    );
    Ok(text)
}

fn grade(level: Level) -> &'static str {
    match level {
        Level::Must => "the documentation says it",
        Level::Should => "the stack evidently behind the service does it",
        Level::May => "other public pages of the vendor show it",
    }
}

fn flag(need: &str) -> Option<&'static str> {
    let (_, flag) = ENVIRONMENT.iter().find(|(name, _)| *name == need)?;
    (!flag.is_empty()).then_some(*flag)
}

/// Returns the lines of a case in its file.
fn yaml_of(check: &Check, user_files: &[(String, String)]) -> Option<String> {
    if !matches!(check.method, Method::Case(_)) {
        return None;
    }
    let built_in = assets::CASES.iter().map(|(_, yaml)| *yaml);
    let users = user_files.iter().map(|(_, yaml)| yaml.as_str());
    built_in.chain(users).find_map(|yaml| {
        let head = format!("- id: {}", check.id);
        let mut lines = yaml.lines().skip_while(|line| line.trim() != head);
        let first = lines.next()?;
        let indent = first.len() - first.trim_start().len();
        let is_inside =
            |line: &&str| line.trim().is_empty() || line.len() - line.trim_start().len() > indent;
        let mut text = first[indent..].to_owned();
        for line in lines.take_while(is_inside) {
            text.push('\n');
            text += line.get(indent..).unwrap_or_default();
        }
        Some(text.trim_end().to_owned())
    })
}

/// Runs a check against the engine, and returns its requests and the answers.
fn demonstrated(
    check: &Check,
    checks: &[Check],
    contract: Contract,
) -> Result<Vec<String>, ExplainError> {
    let engine = engine(Profile::default())?;
    let recorder = Arc::new(Recorder {
        engine,
        exchanges: Mutex::default(),
    });
    let target: Arc<dyn Target> = recorder.clone();
    let session = settled(target, Arc::new(contract))?;
    // Checks of readings that it may depend on run first, and are not shown.
    let others = |other: &Check| other.reading.is_some() && other.id != check.id;
    run(
        &session,
        checks,
        &others,
        &OPTIONS,
        &AtomicBool::new(false),
        &|_| {},
    );
    recorder.take();
    let only = |other: &Check| other.id == check.id;
    let alone: Vec<&Check> = checks.iter().filter(|other| only(other)).collect();
    debug_assert_eq!(alone.len(), 1);
    run(
        &session,
        checks,
        &only,
        &OPTIONS,
        &AtomicBool::new(false),
        &|_| {},
    );
    Ok(recorder.take())
}

/// The settings for demonstrations.
const OPTIONS: Options = Options {
    mode: Safety::Write,
    level: Level::Must,
    jobs: 1,
    retries: 0,
    may_seed: true,
};

/// Creates a mock in this process with one token and one user, so that all others are refused.
fn engine(profile: Profile) -> Result<InProcess, ExplainError> {
    let store = Store::from_json(assets::world(WORLD).unwrap_or_default().as_bytes());
    Ok(InProcess::new(Seed {
        settings: Settings {
            profile,
            tokens: vec![EXAMPLE_TOKEN.to_owned()],
            credentials: Some((USER.0.to_owned(), USER.1.to_owned())),
            ..Settings::default()
        },
        store: store.map_err(ExplainError::World)?,
        clock: ClockMode::Real,
    }))
}

/// Creates a session with places of its own.
fn settled(target: Arc<dyn Target>, contract: Arc<Contract>) -> Result<Session, ExplainError> {
    let mut session = Session::new(target, contract);
    session.token = Some(EXAMPLE_TOKEN.to_owned());
    session.environment.set("username", USER.0);
    session.environment.set("password", USER.1);
    let places = PlaceOptions {
        create_places: true,
        ..PlaceOptions::default()
    };
    discovery::settle(&mut session, &places).map_err(ExplainError::Places)?;
    Ok(session)
}

/// The token of the page's examples.
pub const EXAMPLE_TOKEN: &str = "f532e0000000000000000000000000000009332d";

/// The engine, with a record of its exchanges.
struct Recorder {
    engine: InProcess,
    exchanges: Mutex<Vec<String>>,
}

impl Recorder {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.exchanges))
    }
}

impl Target for Recorder {
    fn base(&self) -> &str {
        self.engine.base()
    }

    fn send(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, TargetError> {
        let answer = self.engine.send(request);
        let path = request
            .uri()
            .path_and_query()
            .map_or("/", |path| path.as_str());
        let mut line = format!("{} {path}", request.method());
        if !request.body().is_empty() {
            let body = String::from_utf8_lossy(request.body());
            let cut: String = body.chars().take(LONG).collect();
            let more = if cut.len() < body.len() { "…" } else { "" };
            let _ = write!(line, "\n{cut}{more}");
        }
        let _ = match &answer {
            Ok(response) => write!(line, "\n→ {}", response.status()),
            Err(error) => write!(line, "\n→ {error}"),
        };
        lock(&self.exchanges).push(line);
        answer
    }

    fn seed(&self, state: &SeedState) -> Result<(), TargetError> {
        self.engine.seed(state)
    }
}

/// Measures the coverage of the contract by the checks, run against the engine under the default
/// readings and under every other choice of each.
pub fn measure(
    checks: &[Check],
    contract: Contract,
    jobs: usize,
) -> Result<Coverage, ExplainError> {
    let contract = Arc::new(contract);
    let mut profiles = vec![Profile::default()];
    for reading in Reading::ALL {
        let choices: Vec<String> = match reading.accepts() {
            Accepts::Choices(choices) => choices[1..].iter().map(|c| (*c).to_owned()).collect(),
            Accepts::Number { .. } => Vec::new(),
        };
        for choice in choices {
            let mut profile = Profile::default();
            profile
                .set(reading.id(), &choice)
                .map_err(ExplainError::Profile)?;
            profiles.push(profile);
        }
    }
    let runs = spread(jobs, &profiles, |profile| {
        let session = settled(Arc::new(engine(profile.clone())?), Arc::clone(&contract))?;
        run(
            &session,
            checks,
            &|_| true,
            &OPTIONS,
            &AtomicBool::new(false),
            &|_| {},
        );
        Ok(())
    });
    runs.into_iter().collect::<Result<(), ExplainError>>()?;
    Ok(contract.coverage())
}

/// Returns the four kinds of covered items, with their names.
fn kinds(coverage: &Coverage) -> [(&'static str, &Covered); 4] {
    [
        ("operations", &coverage.operations),
        ("statuses", &coverage.statuses),
        ("parameters", &coverage.parameters),
        ("body members", &coverage.members),
    ]
}

/// Formats coverage for people.
pub fn coverage(coverage: &Coverage) -> String {
    let mut text = String::new();
    for (kind, covered) in kinds(coverage) {
        let figure = format!("{}/{}", covered.covered, covered.total);
        let _ = writeln!(text, "{kind:13} {figure:>9} {:>4} %", covered.percent());
    }
    for (kind, covered) in kinds(coverage) {
        if !covered.missing.is_empty() {
            let _ = writeln!(text, "\n{kind} not met");
        }
        for name in &covered.missing {
            let _ = writeln!(text, "  {name}");
        }
    }
    text
}

/// Formats coverage as JSON, as in the report.
pub fn coverage_json(coverage: &Coverage) -> String {
    pretty(&json!(coverage))
}
