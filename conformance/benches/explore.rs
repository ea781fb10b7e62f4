//! Steps of an exploration a second: in process, and over loopback.

#![allow(clippy::print_stdout)] // It is a report.
#![allow(clippy::cast_precision_loss)] // Figures for people.
#![allow(dead_code)] // It uses a part of the figures.

#[path = "../../mock-server/benches/support/figures.rs"]
mod figures;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use figures::{Rounds, Table, Target as Bound};
use tokio::runtime::Runtime;
use whippy_conformance::cases::probe::Session;
use whippy_conformance::contract::Contract;
use whippy_conformance::explore::{Aid, Options, explore};
use whippy_conformance::run::discovery::{self, PlaceOptions};
use whippy_conformance::transport::remote::{Remote, RemoteOptions};
use whippy_conformance::transport::target::{InProcess, Target};
use whippy_engine::profile::Profile;
use whippy_mock::embed::MockServer;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    // `cargo test --all-targets` runs benches too, which must print nothing then.
    if std::env::args().len() == 1 {
        return ExitCode::SUCCESS;
    }
    let quick = std::env::args().any(|argument| argument == "--quick");
    match measure(if quick { 3 } else { 21 }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("could not measure: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(rounds: usize) -> Outcome<()> {
    println!("{rounds} rounds; median (least–most)");
    let served = Served::start()?;
    let (mut near, mut far) = (Rounds::default(), Rounds::default());
    for round in 0..=rounds {
        let in_process = InProcess::of_world("demo", Profile::default())?;
        let in_process = steps_a_second(Arc::new(in_process), 100_000)?;
        let remote = Remote::new(RemoteOptions::new(&served.url)).map_err(|error| error.0)?;
        let loopback = steps_a_second(Arc::new(remote), 10_000)?;
        // The first round warms up.
        if round > 0 {
            near.0.push(in_process);
            far.0.push(loopback);
        }
    }
    let mut table = Table::titled("Explored steps a second, thousands");
    table.absolute(
        "in process",
        (&near, &far),
        ("", "over loopback"),
        Bound::AtLeast(50.0),
    );
    table.absolute(
        "over loopback",
        (&far, &near),
        ("", "in process"),
        Bound::AtLeast(3.0),
    );
    table.close();
    Ok(())
}

/// Returns thousands of steps a second, each compared with the engine.
fn steps_a_second(target: Arc<dyn Target>, requests: u64) -> Outcome<f64> {
    let mut session = Session::new(target, Contract::embedded()?);
    session.token = Some("any".to_owned());
    // Stocks of earlier rounds stay, so each round has a prefix of its own.
    session.sku_prefix = format!("{:x}-", Instant::now().elapsed().as_nanos() + unique());
    let places = PlaceOptions::default();
    discovery::settle(&mut session, &places).map_err(|stop| format!("{stop:?}"))?;
    let options = Options {
        requests,
        is_exclusive: true,
        ..Options::default()
    };
    let stop = AtomicBool::new(false);
    let aid = Aid {
        stop: &stop,
        pause: &|_: Duration| {},
        tell: &|_, _| {},
    };
    let started = Instant::now();
    let explored = explore(&session, &options, aid)?;
    let took = started.elapsed().as_secs_f64();
    match explored.differences.first() {
        Some(found) => Err(found.difference.summary.clone().into()),
        None => Ok(explored.steps as f64 / took / 1e3),
    }
}

fn unique() -> u128 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos())
}

/// A mock on a free port, until it is dropped.
struct Served {
    url: String,
    _mock: MockServer,
    _runtime: Runtime,
}

impl Served {
    fn start() -> Outcome<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let mock = runtime.block_on(MockServer::builder().world("demo").start())?;
        Ok(Self {
            url: mock.url(),
            _mock: mock,
            _runtime: runtime,
        })
    }
}
