//! The mock beside other servers that imitate an HTTP API: the same list, requested from each in
//! turn. `run` beside this file installs the others and calls this.

#![allow(clippy::print_stdout)] // It is a report.
#![allow(clippy::cast_precision_loss)] // Figures for people.

#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread::sleep;
use std::time::Duration;

use support::baseline::{Baseline, Recorded};
use support::client::{Client, Request};
use support::figures::{Rounds, mebibytes, millis, short};
use support::process::Process;
use support::{Mode, run};

fn main() -> ExitCode {
    run(measure)
}

const LIST: &str = "/api/v1/stocks/";

/// The number of busy connections.
const CONNECTIONS: u64 = 8;

/// Another server to compare with.
struct Peer {
    name: &'static str,
    /// The words after the program. `{peers}` stands for the folder of its installation, and
    /// `{port}` for the port.
    command: &'static [&'static str],
    /// The path of its list.
    path: &'static str,
}

const PEERS: &[Peer] = &[
    Peer {
        name: "Prism 5.16",
        command: &[
            "node",
            "{peers}/node_modules/@stoplight/prism-cli/dist/index.js",
            "mock",
            "{peers}/openapi.json",
            "--port={port}",
            "--verboseLevel=silent",
        ],
        path: LIST,
    },
    Peer {
        name: "Mockoon 9.9",
        command: &[
            "node",
            "{peers}/node_modules/@mockoon/cli/bin/run.js",
            "start",
            "--data={peers}/openapi.json",
            "--port={port}",
            "--disable-log-to-file",
            "--disable-admin-api",
        ],
        path: LIST,
    },
    Peer {
        name: "json-server 0.17",
        command: &[
            "node",
            "{peers}/node_modules/json-server/lib/cli/bin.js",
            "--port={port}",
            "--quiet",
            "{peers}/db.json",
        ],
        path: "/stocks",
    },
    Peer {
        name: "WireMock 3.13",
        command: &[
            "java",
            "-jar",
            "{peers}/node_modules/wiremock/build/wiremock-standalone-3.13.2.jar",
            "--port={port}",
            "--root-dir={peers}/wiremock",
            "--disable-banner",
            // The client needs an answer with a length.
            "--use-chunked-encoding=never",
        ],
        path: LIST,
    },
];

/// A server in the comparison, with the results of its rounds.
struct Side<'a> {
    name: &'static str,
    start: Box<dyn Fn() -> io::Result<Process> + 'a>,
    request: Request,
    /// Process start to first answer, milliseconds.
    ready: Rounds,
    /// Resident memory while idle after the first answer, MiB.
    resident: Rounds,
    /// Thousands of requests a second.
    per_second: Rounds,
    /// Processor time of the server for a request, microseconds.
    cpu: Rounds,
}

fn measure(mode: Mode) -> io::Result<()> {
    let folder = folder()?;
    let mut client = Client::new()?;
    let list = recorded(&mut client)?;
    write_files(&folder, &list)?;
    let recorded = [list];
    let mut sides = sides(&folder, &recorded);
    let (rounds, lasts) = (mode.pick(7, 2), Duration::from_millis(mode.pick(2000, 500)));
    for _ in 0..rounds {
        for side in &mut sides {
            side.round(&mut client, lasts)?;
        }
    }
    println!("{rounds} rounds of {lasts:?} a server, in turn, {CONNECTIONS} connections; medians");
    println!("\n## Beside other servers\n");
    println!(
        "| server | first answer, ms | idle memory, MiB | lists a second, thousands | \
         µs of processor a list |"
    );
    println!("|---|---|---|---|---|");
    for side in &sides {
        let figures = [&side.ready, &side.resident, &side.per_second, &side.cpu];
        let figures = figures.map(|rounds| short(rounds.median()));
        println!("| {} | {} |", side.name, figures.join(" | "));
    }
    Ok(())
}

/// Returns the folder after `--peers`.
fn folder() -> io::Result<PathBuf> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--peers");
    let folder = arguments.nth(1).map(PathBuf::from);
    folder.ok_or_else(|| io::Error::other("no --peers FOLDER: call mock-server/benches/peers/run"))
}

fn recorded(client: &mut Client) -> io::Result<Recorded> {
    let mock = Process::mock(&[])?;
    let mut connection = client.connect(mock.address)?;
    Recorded::probe(client, &mut connection, &mut Request::get(LIST), 200)
}

/// Writes the list for those servers that do not read it from an OpenAPI document.
fn write_files(folder: &Path, list: &Recorded) -> io::Result<()> {
    let body: serde_json::Value = serde_json::from_str(list.body())?;
    let database = serde_json::json!({"stocks": body});
    fs::write(folder.join("db.json"), database.to_string())?;
    let mapping = serde_json::json!({
        "request": {"method": "GET", "urlPath": LIST},
        "response": {
            "status": 200,
            "headers": {"Content-Type": "application/json"},
            "body": list.body(),
        },
    });
    let mappings = folder.join("wiremock/mappings");
    fs::create_dir_all(&mappings)?;
    fs::write(mappings.join("list.json"), mapping.to_string())
}

fn sides<'a>(folder: &'a Path, recorded: &'a [Recorded]) -> Vec<Side<'a>> {
    let mut sides = vec![
        Side::new("whippy-mock", LIST, || Process::mock(&[])),
        Side::new("bare hyper", LIST, || Baseline::start_recorded(recorded)),
    ];
    let peers = PEERS.iter();
    sides.extend(peers.map(|peer| Side::new(peer.name, peer.path, || peer.start(folder))));
    sides
}

impl Peer {
    fn start(&self, folder: &Path) -> io::Result<Process> {
        // The port is free until the server takes it; the server does not support port 0.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let (folder, port) = (folder.to_string_lossy(), address.port().to_string());
        let words = self.command.iter();
        let words = words.map(|word| word.replace("{peers}", &folder).replace("{port}", &port));
        let words: Vec<_> = words.collect();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        Process::start_at(command, address)
    }
}

impl<'a> Side<'a> {
    fn new(name: &'static str, path: &str, start: impl Fn() -> io::Result<Process> + 'a) -> Self {
        Self {
            name,
            start: Box::new(start),
            request: Request::get(path),
            ready: Rounds::default(),
            resident: Rounds::default(),
            per_second: Rounds::default(),
            cpu: Rounds::default(),
        }
    }

    /// Starts the server, sends one request, waits a little, and loads it twice: on a virtual
    /// machine the second time is faster.
    fn round(&mut self, client: &mut Client, lasts: Duration) -> io::Result<()> {
        let server = (self.start)()?;
        let mut connection = loop {
            match client.connect(server.address) {
                Ok(connection) => break connection,
                Err(error) if server.spawned.elapsed() > Duration::from_secs(60) => {
                    return Err(error);
                }
                Err(_) => sleep(Duration::from_micros(200)),
            }
        };
        client.ask(&mut connection, &mut self.request, 200)?;
        self.ready.0.push(millis(server.spawned.elapsed()));
        sleep(Duration::from_millis(500));
        self.resident.0.push(mebibytes(server.resident()?));
        client.load(server.address, &self.request, 200, CONNECTIONS, lasts)?;
        let before = server.cpu()?;
        let load = client.load(server.address, &self.request, 200, CONNECTIONS, lasts)?;
        let cpu = server.cpu()?.saturating_sub(before);
        let requests = load.requests as f64;
        self.per_second
            .0
            .push(requests / load.took.as_secs_f64() / 1e3);
        self.cpu.0.push(cpu.as_secs_f64() * 1e6 / requests);
        Ok(())
    }
}
