//! The cost of storing writes: in memory, and in a file before they are answered.
//!
//! Measured in process and over HTTP, with as many requests in flight as a busy server has, in
//! interleaved rounds.

#![allow(clippy::print_stdout)] // It is a report.
#![allow(clippy::cast_precision_loss)] // Figures for people.

#[path = "support/mod.rs"]
mod support;

use std::hint::black_box;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request};
use serde_json::json;
use whippy_engine::assets;
use whippy_engine::backend::{Backend, Seed};
use whippy_engine::clock::ServiceClock;
use whippy_engine::endpoints::call::Settings;
use whippy_engine::engine::Engine;
use whippy_engine::store::Store;
use whippy_engine::store::world::World;
use whippy_mock::http::system_time;
use whippy_mock::log::{Log, LogOptions, Sync};
use whippy_mock::worlds::service::Service;

use support::client::{self, Client, SERIAL};
use support::figures::{Rounds, Table, Target};
use support::process::Process;
use support::{Mode, run};

/// Requests in flight at a time.
const IN_FLIGHT: usize = 32;

/// The number of stocks in the world whose forks and restarts are measured.
const STOCKS: usize = 100_000;

fn main() -> ExitCode {
    run(|mode| {
        history(mode)?;
        durable(mode)?;
        over_http(mode)?;
        large(mode)
    })
}

#[allow(clippy::needless_pass_by_value)] // As `map_err` calls it.
fn failed(why: impl ToString) -> io::Error {
    io::Error::other(why.to_string())
}

fn seed(store: Store) -> Seed {
    Seed {
        settings: Settings::default(),
        store,
        clock: whippy_engine::clock::ClockMode::Real,
    }
}

fn documented() -> io::Result<Store> {
    let json = assets::world("documented").ok_or_else(|| failed("no world"))?;
    load(json.as_bytes())
}

fn load(json: &[u8]) -> io::Result<Store> {
    let world = World::from_json(json).map_err(failed)?;
    Store::load(&world).map_err(failed)
}

/// Returns creates that all succeed.
fn creates(count: usize) -> io::Result<Vec<Request<Bytes>>> {
    let create = |n: usize| {
        let body = json!({
            "provider": "shop_provider", "location": "110", "sku": format!("SKU-{n:08}"), "stock": 5,
        });
        Request::builder()
            .method(Method::POST)
            .uri("/api/v1/stocks/")
            .header("authorization", "Token any")
            .header("content-type", "application/json")
            .body(Bytes::from(body.to_string()))
            .map_err(failed)
    };
    (0..count).map(create).collect()
}

/// A file that is deleted with this value.
struct DataFile(PathBuf);

impl DataFile {
    fn new() -> Self {
        let name = format!("whippy-bench-{}.db", std::process::id());
        let file = Self(std::env::temp_dir().join(name));
        file.remove();
        file
    }

    fn path(&self) -> &Path {
        &self.0
    }

    fn remove(&self) {
        for suffix in ["", "-wal", "-journal"] {
            let mut name = self.0.as_os_str().to_owned();
            name.push(suffix);
            // It may not exist.
            let _ = std::fs::remove_file(PathBuf::from(name));
        }
    }
}

impl Drop for DataFile {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Measures a create in an engine alone, and in a service with its history, nanoseconds.
fn history(mode: Mode) -> io::Result<()> {
    let requests = creates(mode.pick(50_000, 10_000))?;
    let (mut bare, mut kept) = (Rounds::default(), Rounds::default());
    let each = |began: Instant| began.elapsed().as_secs_f64() * 1e9 / requests.len() as f64;
    for _ in 0..mode.pick(11, 3) {
        let mut engine = Engine::new(Settings::default(), documented()?);
        let mut clock = ServiceClock::new(whippy_engine::clock::ClockMode::Real);
        let began = Instant::now();
        for request in &requests {
            let now = clock.now(system_time());
            let reply = engine.handle(request, now);
            clock.was_read(now, reply.clock_reads);
            black_box(reply);
        }
        bare.0.push(each(began));
        let service = Service::new(seed(documented()?));
        let began = Instant::now();
        for request in &requests {
            black_box(service.answer(request, &system_time));
        }
        kept.0.push(each(began));
    }
    let mut table = Table::titled("A create in memory");
    let units = ("ns", "engine alone");
    table.ratio(
        "locked, with its history",
        (&kept, &bare),
        units,
        Target::AtMost(1.5),
    );
    table.close();
    Ok(())
}

/// Returns the creates a second, with [`IN_FLIGHT`] requests at a time.
fn rate(service: &Arc<Service>, requests: &Arc<Vec<Request<Bytes>>>) -> io::Result<f64> {
    let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
    let next = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    runtime.block_on(async {
        let client = || {
            let (service, requests) = (Arc::clone(service), Arc::clone(requests));
            let next = Arc::clone(&next);
            tokio::spawn(async move {
                while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut reply = service.answer(request, &system_time);
                    if reply.response.status() != 201 {
                        return Err(failed(reply.response.status()));
                    }
                    if let Some(pending) = reply.pending.take() {
                        pending.await.map_err(failed)?;
                    }
                    // As a server does between two requests of a connection.
                    tokio::task::yield_now().await;
                }
                Ok(())
            })
        };
        let clients: Vec<_> = (0..IN_FLIGHT).map(|_| client()).collect();
        for client in clients {
            client.await.map_err(failed)??;
        }
        Ok::<_, io::Error>(())
    })?;
    Ok(requests.len() as f64 / began.elapsed().as_secs_f64())
}

fn durable(mode: Mode) -> io::Result<()> {
    let requests = Arc::new(creates(mode.pick(100_000, 20_000))?);
    let few = Arc::new(creates(mode.pick(5_000, 1_000))?);
    let (mut memory, mut process, mut power) =
        (Rounds::default(), Rounds::default(), Rounds::default());
    for _ in 0..mode.pick(7, 3) {
        let service = Arc::new(Service::new(seed(documented()?)));
        memory.0.push(rate(&service, &requests)?);
        for (sync, requests, rounds) in [
            (Sync::Process, &requests, &mut process),
            (Sync::Power, &few, &mut power),
        ] {
            let file = DataFile::new();
            let options = LogOptions { sync, limit: None };
            let (log, _) = Log::open(file.path(), options).map_err(failed)?;
            let service = Arc::new(Service::durable(seed(documented()?), &log, "default"));
            rounds.0.push(rate(&service, requests)?);
        }
    }
    let mut table = Table::titled("Creates a second in process, 32 in flight");
    let units = ("/s", "in memory");
    table.ratio(
        "kept from a kill",
        (&process, &memory),
        units,
        Target::AtLeast(0.333),
    );
    table.ratio(
        "kept from a power cut",
        (&power, &memory),
        units,
        Target::Shown,
    );
    table.close();
    Ok(())
}

/// Compares two servers over HTTP, one of them with a file.
fn over_http(mode: Mode) -> io::Result<()> {
    let body = json!({
        "provider": "shop_provider", "location": "110", "sku": SERIAL, "stock": 5,
    });
    let create = client::Request::post("/api/v1/stocks/", &body.to_string());
    let mut client = Client::new()?;
    let file = DataFile::new();
    let data = format!("--data={}", file.path().display());
    let servers = [&[][..], &[data.as_str()]];
    let servers: io::Result<Vec<_>> = servers.into_iter().map(Process::mock).collect();
    let servers = servers?;
    let mut rates = [const { Rounds(Vec::new()) }; 2];
    let lasts = Duration::from_millis(mode.pick(1_500, 500));
    // The first round warms up.
    for round in 0..=mode.pick(9, 3) {
        for (server, rates) in servers.iter().zip(&mut rates) {
            client.reset(&mut client.connect(server.address)?)?;
            let load = client.load(server.address, &create, 201, IN_FLIGHT as u64, lasts)?;
            if round > 0 {
                rates.0.push(load.requests as f64 / load.took.as_secs_f64());
            }
        }
    }
    let mut table = Table::titled("Creates a second over HTTP, 32 connections");
    let [memory, kept] = &rates;
    let units = ("/s", "in memory");
    table.ratio(
        "kept from a kill",
        (kept, memory),
        units,
        Target::AtLeast(0.333),
    );
    table.close();
    Ok(())
}

/// Measures forks, restarts and exports of a large world, milliseconds.
fn large(mode: Mode) -> io::Result<()> {
    let stocks: Vec<_> = (0..STOCKS)
        .map(|n| {
            json!({
                "provider": "shop_provider", "location": "110",
                "sku": format!("S{:08}", n * 7919 % STOCKS), "stock": n % 100,
            })
        })
        .collect();
    let world = json!({
        "providers": [{"name": "shop_provider"}],
        "stock_locations": [{"code": "110", "provider": "shop_provider"}],
        "stocks": stocks,
    });
    let store = load(world.to_string().as_bytes())?;
    let requests = creates(5_000)?;
    let millis = |began: Instant| began.elapsed().as_secs_f64() * 1e3;
    let [mut forked, mut exported, mut opened, mut copied] = [const { Rounds(Vec::new()) }; 4];
    for _ in 0..mode.pick(7, 3) {
        let file = DataFile::new();
        let open = || Log::open(file.path(), LogOptions::default()).map_err(failed);
        let (log, _) = open()?;
        let service = Service::durable(seed(store.clone()), &log, "default");
        for request in &requests {
            black_box(service.answer(request, &system_time));
        }
        if let Some(pending) = service.pending() {
            pending.wait().map_err(failed)?;
        }
        let memory = Service::new(seed(service.store()));
        let began = Instant::now();
        let fork = memory.fork("fork");
        forked.0.push(millis(began));
        drop(fork);
        let began = Instant::now();
        let fork = service.fork("fork");
        if let Some(pending) = fork.pending() {
            pending.wait().map_err(failed)?;
        }
        copied.0.push(millis(began));
        let began = Instant::now();
        black_box(service.world_json());
        exported.0.push(millis(began));
        drop((fork, service, log));
        let began = Instant::now();
        let (log, worlds) = open()?;
        for world in worlds {
            let seed = seed(store.clone());
            black_box(Service::restored(seed, &log, world).map_err(failed)?);
        }
        // Both files were opened.
        opened.0.push(millis(began) / 2.0);
    }
    let mut table = Table::titled("A world of 100,000 stocks and 5,000 writes");
    let units = ("ms", "its export");
    table.absolute(
        "a fork in memory",
        (&forked, &exported),
        units,
        Target::AtMost(1.0),
    );
    table.absolute(
        "a fork in the file",
        (&copied, &exported),
        units,
        Target::Shown,
    );
    table.absolute("a restart", (&opened, &exported), units, Target::Shown);
    table.close();
    Ok(())
}
