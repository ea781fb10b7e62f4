//! The conformance suite as the only test of the engine, for cargo-mutants.
//!
//! With `WHIPPY_EXPLORE` there is an exploration in place of a run, which may find what the checks
//! miss.
//!
//! The runner is built beforehand and never mutated; `tests/mutants/run` sets its path. It uses one
//! profile of readings after the other, since a mutant may show only under another choice than the
//! default. The first profile is the default, which catches most mutants.

#![allow(clippy::unwrap_used)] // A test that cannot go on should say where.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use whippy_engine::assets;
use whippy_engine::profile::{Accepts, Reading};

/// Enough for several chunks of the table and several levels of an index.
const MANY: u32 = 2600;

/// Flags of the mock that restrict access.
const GUARDED: &[&str] = &[
    "--token",
    "the-token",
    "--username",
    "someone",
    "--password",
    "something",
];

/// Existing places, one with a number as its code.
const NAMED: &[&str] = &[
    "--provider",
    "shop_provider",
    "--location",
    "110",
    "--second-location",
    "112",
    "--foreign-location",
    "900",
];

/// The runner against a mock in one configuration.
struct Round {
    world: &'static str,
    /// The index of the choice of every reading, as far as a reading has so many.
    choice: usize,
    /// Further flags of the mock.
    mock: &'static [&'static str],
    /// Further flags of the runner.
    runner: &'static [&'static str],
}

const ROUNDS: [Round; 4] = [
    Round {
        world: "demo",
        choice: 0,
        mock: GUARDED,
        runner: &["--create-places"],
    },
    Round {
        world: "documented",
        choice: 1,
        mock: &[],
        runner: NAMED,
    },
    Round {
        world: "demo",
        choice: 2,
        mock: GUARDED,
        runner: &["--create-places"],
    },
    Round {
        world: "large",
        choice: 3,
        mock: &[],
        runner: &["--create-places"],
    },
];

/// The mutated mock, which ends when this is dropped.
struct Mock {
    process: Child,
    url: String,
}

impl Mock {
    fn start(round: &Round, world: &Path, profile: &Path) -> Self {
        // A changed loop may use memory without bound or run for ever, even after its parent has
        // ended. 2 GiB and half a minute of processor time are enough for a mock that works.
        let mut process = Command::new("sh")
            .args(["-c", "ulimit -v 2097152; ulimit -t 30; exec \"$0\" \"$@\""])
            .arg(env!("CARGO_BIN_EXE_whippy-mock"))
            .args(["--listen", "127.0.0.1:0", "--world"])
            .arg(world)
            .arg("--profile")
            .arg(profile)
            .args(round.mock)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(process.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("Listening on ");
        Self {
            url: url.expect("the mock starts").to_owned(),
            process,
        }
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        // It may have ended by itself, or be unable to handle a gentler signal.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs the suite against the mock; fails the test if the suite fails.
fn suite_passes(round: &Round, world: &Path, profile: &Path) {
    let mock = Mock::start(round, world, profile);
    let runner = std::env::var("WHIPPY_CONFORMANCE").expect("tests/mutants/run sets it");
    let command: &[&str] = if std::env::var_os("WHIPPY_EXPLORE").is_some() {
        &["explore", "--requests", "4000"]
    } else {
        &["run"]
    };
    let output = Command::new(runner)
        .args(command)
        .args(["--target", &mock.url, "--write", "--reset-target"])
        .args(["--level", "may", "--quiet", "--report", "text=-"])
        .args(["--write-budget", "100000", "--timeout", "2"])
        .args(["--username", "someone", "--password", "something"])
        .args(round.runner)
        .arg("--profile")
        .arg(profile)
        .current_dir(profile.parent().unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let failed = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{}\n{said}{failed}",
        profile.display()
    );
}

/// Returns a profile with the n-th choice of every reading that has so many.
fn profile(n: usize) -> String {
    // Small enough that every world has several pages, and more rows than the largest page.
    let mut toml = String::from("page-size = 7\npage-limit = 50\nsku-length = 100\n");
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

/// Returns the demo world with many more stocks.
fn large() -> Value {
    let mut world = built_in("demo");
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
    world
}

fn built_in(world: &str) -> Value {
    serde_json::from_str(assets::world(world).unwrap()).unwrap()
}

#[test]
fn the_suite_is_clean() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    for round in &ROUNDS {
        let profile_file = folder.join(format!("profile-{}.toml", round.choice));
        std::fs::write(&profile_file, profile(round.choice)).unwrap();
        let world_file = folder.join(format!("{}.json", round.world));
        let world = match round.world {
            "large" => large(),
            name => built_in(name),
        };
        std::fs::write(&world_file, world.to_string()).unwrap();
        suite_passes(round, &world_file, &profile_file);
    }
}
