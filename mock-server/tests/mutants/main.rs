//! The conformance suite as the only test of the engine: what cargo-mutants runs.
//!
//! The runner is built before and never mutated; `tests/mutants/run` says where it is.
//! It is held to each profile of the readings in turn, since a mutant may show only
//! under a choice that is not the default.

#![allow(clippy::unwrap_used)] // A test that cannot go on should say where.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use tokio::net::TcpListener;
use tokio::sync::watch;
use whippy_mock::assets;
use whippy_mock::clock::ClockMode;
use whippy_mock::control::Control;
use whippy_mock::defects::Defects;
use whippy_mock::endpoints::call::Settings;
use whippy_mock::profile::{Accepts, Profile, Reading};
use whippy_mock::server::{Limits, Server};
use whippy_mock::service::{Seed, Service};
use whippy_mock::store::Store;
use whippy_mock::store::world::World;

/// Enough for several chunks of the table and several levels of an index.
const MANY: u32 = 2600;

/// The runner against the engine in this process.
fn suite_passes(world: &World, profile: &str, file: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let mut readings = Profile::default();
    readings.apply_toml(profile).unwrap();
    std::fs::write(file, profile).unwrap();
    let server = Server {
        service: Service::new(Seed {
            settings: Settings {
                profile: readings,
                ..Settings::default()
            },
            store: Store::load(world).unwrap(),
            clock: ClockMode::Real,
        }),
        defects: Defects::none(),
        control: Control {
            token: None,
            started: Instant::now(),
        },
        limits: Limits::default(),
        log: None,
    };
    let (stop, stopped) = watch::channel(false);
    let listener = runtime
        .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let running = runtime.spawn(server.run(listener, stopped));
    let runner = std::env::var("WHIPPY_CONFORMANCE").expect("tests/mutants/run sets it");
    let output = Command::new(runner)
        .args(["run", "--target", &url, "--write", "--create-places"])
        .args(["--reset-target", "--level", "may", "--quiet"])
        .args(["--write-budget", "100000", "--timeout", "5"])
        .args(["--username", "someone", "--password", "something"])
        .arg("--profile")
        .arg(file)
        .output()
        .unwrap();
    drop(stop);
    runtime.block_on(running).unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let failed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{profile}\n{said}{failed}");
}

/// A profile of the n-th choice of every reading that has so many.
fn profile(n: usize) -> String {
    let mut toml = String::new();
    for reading in Reading::ALL {
        let Accepts::Choices(choices) = reading.accepts() else {
            continue;
        };
        writeln!(
            toml,
            "{} = \"{}\"",
            reading.id(),
            choices[n % choices.len()]
        )
        .unwrap();
    }
    toml
}

fn demo() -> World {
    World::from_json(assets::world("demo").unwrap().as_bytes()).unwrap()
}

/// The demo world with many stocks more.
fn large() -> World {
    let mut world: serde_json::Value =
        serde_json::from_str(assets::world("demo").unwrap()).unwrap();
    let stocks = world["stocks"].as_array_mut().unwrap();
    let pattern = stocks[0].clone();
    let first = u32::try_from(stocks.len()).unwrap() + 1;
    for n in first..=MANY {
        let mut stock = pattern.clone();
        stock["id"] = n.into();
        stock["sku"] = format!("MANY-{:04}", n * 7919 % 10_000).into();
        stock["stock"] = (n * 31 % 97).into();
        stock["reserved_stock"] = (n * 17 % 5).into();
        stocks.push(stock);
    }
    world["next_stock_id"] = (MANY + 1).into();
    World::from_json(world.to_string().as_bytes()).unwrap()
}

#[test]
fn the_suite_is_clean() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    for n in 0..4 {
        let file = folder.join(format!("profile-{n}.toml"));
        let world = if n == 0 { large() } else { demo() };
        suite_passes(&world, &profile(n), &file);
    }
}
