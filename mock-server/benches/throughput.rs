//! Requests a second: the mock against a bare hyper server that sends the same bytes and, for
//! writes, against a mutex around a vector and a map.

#![allow(clippy::print_stdout)] // It is a report.
#![allow(clippy::cast_precision_loss)] // Figures for people.

mod support;

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use support::baseline::{Baseline, Recorded};
use support::client::{Client, Connection, Load, Request, SERIAL};
use support::cores::Cores;
use support::figures::{Rounds, Table, Target, percentile, print_raw};
use support::process::Process;
use support::{Mode, run};

fn main() -> ExitCode {
    run(measure)
}

/// The cores of client and server.
#[derive(Clone, Copy)]
enum Placement {
    /// The same core, since with a single connection only one side works at a time.
    Together,
    /// A core each.
    Apart,
    /// All cores, as the system chooses.
    Anywhere,
}

/// The loads: the number of busy connections, a name, and the cores.
const LOADS: [(u64, &str, Placement); 4] = [
    (1, "1 connection on one core", Placement::Together),
    (8, "8 connections, a core each", Placement::Apart),
    (8, "8 connections", Placement::Anywhere),
    (32, "32 connections", Placement::Anywhere),
];

/// An operation under load.
struct Operation {
    name: &'static str,
    request: Request,
    status: u16,
    writes: bool,
    /// The least allowed ratio of requests a second to the bare server's.
    rate: f64,
    /// The greatest allowed ratio of processor time to the bare server's, with a core each.
    time: f64,
}

struct Side {
    name: &'static str,
    process: Process,
    /// The connection for resets, outside the load.
    connection: Connection,
}

/// The results of the rounds of one side.
#[derive(Default)]
struct Measured {
    per_second: Rounds,
    /// Processor time of the server for a request, microseconds.
    cpu: Rounds,
    /// The median time to an answer, milliseconds.
    p50: Rounds,
    p99: Rounds,
}

fn operations() -> [Operation; 3] {
    let stock = format!(
        r#"{{"period":null,"stock_type":"standard","unit_type":"qty","provider":"shop_provider","location":"110","stock":5,"is_active":true,"sku":"{SERIAL}","reserved_stock":0}}"#
    );
    let reservation = r#"{"sku":"555AB1300456213004","location":"110"}"#;
    [
        Operation {
            name: "list",
            request: Request::get("/api/v1/stocks/"),
            status: 200,
            writes: false,
            rate: 0.65,
            time: 1.5,
        },
        Operation {
            name: "create",
            request: Request::post("/api/v1/stocks/", &stock),
            status: 201,
            writes: true,
            rate: 0.6,
            time: 1.6,
        },
        Operation {
            name: "reserve",
            request: Request::post("/api/v1/stocks/increase_reserved_stock/", reservation),
            status: 201,
            writes: true,
            rate: 0.6,
            time: 1.5,
        },
    ]
}

fn measure(mode: Mode) -> io::Result<()> {
    let rounds = mode.pick(41, 5);
    let lasts = Duration::from_millis(mode.pick(150, 100));
    let cores = Cores::here()?;
    let mut client = Client::new()?;
    let mut operations = operations();
    let mut sides = start(&mut client, &mut operations)?;
    println!("{rounds} rounds of {lasts:?} a server, in turn; median (least–most)");
    let mut raw = Vec::new();
    let mut table = Table::titled("Requests a second, thousands");
    for (connections, name, placement) in LOADS {
        let servers = sides.iter().map(|side| &side.process);
        match placement {
            Placement::Together => cores.one(servers)?,
            Placement::Apart => cores.apart(servers)?,
            Placement::Anywhere => cores.all(servers)?,
        }
        for operation in &operations {
            let sides = &mut sides[..if operation.writes { 3 } else { 2 }];
            let mut measured: Vec<Measured> = sides.iter().map(|_| Measured::default()).collect();
            // The first round warms up.
            for round in 0..=rounds {
                for (side, measured) in sides.iter_mut().zip(&mut measured) {
                    let cpu = side.cpu_after_reset(&client)?;
                    let Operation {
                        request, status, ..
                    } = operation;
                    let address = side.process.address;
                    let load = client.load(address, request, *status, connections, lasts)?;
                    let cpu = side.process.cpu()?.saturating_sub(cpu);
                    if round > 0 {
                        measured.push(load, cpu);
                    }
                }
            }
            let mock = &measured[0].per_second;
            for (i, against) in measured.iter().enumerate().skip(1) {
                let what = format!("{}, {name}", operation.name);
                let target = match i {
                    1 => Target::AtLeast(operation.rate),
                    _ => Target::Shown,
                };
                let pair = (mock, &against.per_second);
                table.ratio(&what, pair, ("", sides[i].name), target);
            }
            if let Placement::Apart = placement {
                let what = format!("{}, µs of processor a request", operation.name);
                let pair = (&measured[0].cpu, &measured[1].cpu);
                let target = Target::AtMost(operation.time);
                table.ratio(&what, pair, ("", sides[1].name), target);
            }
            for (side, measured) in sides.iter().zip(measured) {
                let what = format!("{}, {name}, {}", operation.name, side.name);
                raw.push((what, measured));
            }
        }
    }
    table.close();
    print_beside(&raw);
    Ok(())
}

/// Starts the mock, and the servers that answer as it does.
fn start(client: &mut Client, operations: &mut [Operation]) -> io::Result<[Side; 3]> {
    // The connection for resets is idle while others are measured.
    let mock = Process::mock(&["--idle-timeout", "3600"])?;
    let mut connection = client.connect(mock.address)?;
    let mut recorded = Vec::new();
    for Operation {
        request, status, ..
    } in operations
    {
        let answer = Recorded::probe(client, &mut connection, request, *status)?;
        recorded.push(answer);
    }
    let side = |name, process: Process| {
        Ok::<_, io::Error>(Side {
            name,
            connection: client.connect(process.address)?,
            process,
        })
    };
    Ok([
        side("mock", mock)?,
        side("bare hyper", Baseline::start_recorded(&recorded)?)?,
        side("mutex, vector, map", Baseline::start_plain(&recorded)?)?,
    ])
}

impl Side {
    /// Returns the server to its seed, and then its processor time so far.
    fn cpu_after_reset(&mut self, client: &Client) -> io::Result<Duration> {
        client.reset(&mut self.connection)?;
        self.process.cpu()
    }
}

impl Measured {
    fn push(&mut self, mut load: Load, cpu: Duration) {
        let requests = load.requests as f64;
        let per_second = requests / load.took.as_secs_f64();
        self.per_second.0.push(per_second / 1e3);
        self.cpu.0.push(cpu.as_secs_f64() * 1e6 / requests);
        self.p50.0.push(percentile(&mut load.latencies, 0.5));
        self.p99.0.push(percentile(&mut load.latencies, 0.99));
    }
}

fn print_beside(raw: &[(String, Measured)]) {
    println!("\n## Beside it, medians\n");
    println!("| load | server, µs of processor a request | p50, ms | p99, ms |");
    println!("|---|---|---|---|");
    for (what, measured) in raw {
        println!(
            "| {what} | {:.1} | {:.3} | {:.3} |",
            measured.cpu.median(),
            measured.p50.median(),
            measured.p99.median(),
        );
    }
    println!("\nRounds, thousand requests a second:\n");
    for (what, measured) in raw {
        print_raw(what, &measured.per_second, "");
    }
}
