//! The duration of a whole run, and the rate of judged requests, compared with a bare hyper client
//! that sends the same requests to the same server in the same rounds.

#![allow(clippy::print_stdout)] // It is a report.
#![allow(clippy::cast_precision_loss)] // Figures for people.
#![allow(dead_code)] // It uses a part of the figures.

#[path = "../../mock-server/benches/support/figures.rs"]
mod figures;
#[path = "../examples/survivors/setup.rs"]
mod setup;

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use bytes::Bytes;
use figures::{Rounds, Table, Target, millis};
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use whippy_conformance::cases::probe::{Ask, Probe, Session};
use whippy_conformance::contract::Contract;
use whippy_conformance::model::finding::Level;
use whippy_conformance::run::catalogue;
use whippy_conformance::run::run;
use whippy_conformance::transport::remote::{Remote, RemoteOptions};
use whippy_conformance::transport::target::InProcess;
use whippy_engine::backend::Seed;
use whippy_engine::endpoints::call::Settings;
use whippy_mock::http::Server;

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
    let (mut embedded, mut in_process) = (Rounds::default(), Rounds::default());
    for _ in 0..rounds {
        embedded.0.push(embedded_run()?);
        in_process.0.push(in_process_run()?);
    }
    let mut table = Table::titled("A whole run, ms");
    let (beside, name) = (&in_process, "in process");
    table.absolute(
        "the embedded mock",
        (&embedded, beside),
        ("", name),
        Target::AtMost(2000.0),
    );
    let (beside, name) = (&embedded, "embedded");
    table.absolute(
        "in process",
        (&in_process, beside),
        ("", name),
        Target::AtMost(300.0),
    );
    table.close();

    let served = Served::start()?;
    let mut bare = Bare::connect(served.address)?;
    let contract = Contract::embedded()?;
    let remote = Remote::new(RemoteOptions::new(&served.url())).map_err(|error| error.0)?;
    let mut session = Session::new(Arc::new(remote), contract);
    session.token = Some("any".to_owned());
    let (mut judged, mut plain) = (Rounds::default(), Rounds::default());
    // The first round warms up.
    for round in 0..=rounds {
        let (ours, theirs) = (judged_requests(&session)?, bare.requests()?);
        if round > 0 {
            judged.0.push(ours);
            plain.0.push(theirs);
        }
    }
    let mut table = Table::titled("Requests a second on one connection, thousands");
    let pair = (&judged, &plain);
    table.ratio(
        "sent and judged",
        pair,
        ("", "bare hyper client"),
        Target::AtLeast(0.6),
    );
    table.close();
    Ok(())
}

/// Measures the command itself from start to exit, milliseconds.
fn embedded_run() -> Outcome<f64> {
    let started = Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_whippy-conformance"))
        .args(["run", "--quiet"])
        .output()?;
    let took = millis(started.elapsed());
    if output.status.success() {
        Ok(took)
    } else {
        Err(String::from_utf8_lossy(&output.stdout).into())
    }
}

/// Measures the same against the engine in this process, beginning with the reading of cases.
fn in_process_run() -> Outcome<f64> {
    let started = Instant::now();
    let contract = Contract::embedded()?;
    let checks = catalogue::built_in(&contract)?;
    let target = InProcess::new(setup::seed()?);
    let mut session = setup::session(Arc::new(target), &Arc::new(contract));
    session.patience = Duration::ZERO;
    setup::settle(&mut session).map_err(|stop| format!("{stop:?}"))?;
    let options = setup::options(Level::Must);
    let ran = run(
        &session,
        &checks,
        &|_| true,
        &options,
        &AtomicBool::new(false),
        &|_| {},
    );
    match ran.aborted {
        Some(why) => Err(why.into()),
        None => Ok(millis(started.elapsed())),
    }
}

/// The number of requests in a round.
const REQUESTS: usize = 2000;

const PATH: &str = "/api/v1/stocks/?sku=TS1042-WHT-S";

/// Returns thousands of requests a second, each sent by a probe and judged.
fn judged_requests(session: &Session) -> Outcome<f64> {
    let ask = Ask::get("/api/v1/stocks/").with("sku", "TS1042-WHT-S");
    let started = Instant::now();
    for _ in 0..REQUESTS {
        let mut probe = Probe::new(session, "speed/list", Level::Must);
        let answer = probe.send(&ask).map_err(|stop| format!("{stop:?}"))?;
        probe
            .expect_status(&answer, &[200])
            .map_err(|stop| format!("{stop:?}"))?;
    }
    Ok(REQUESTS as f64 / started.elapsed().as_secs_f64() / 1e3)
}

/// A hyper client that reads answers and looks only at their status.
struct Bare {
    runtime: Runtime,
    sender: http1::SendRequest<Empty<Bytes>>,
    host: String,
}

impl Bare {
    fn connect(address: SocketAddr) -> Outcome<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let sender = runtime.block_on(async {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            Ok::<_, Box<dyn Error>>(sender)
        })?;
        Ok(Self {
            runtime,
            sender,
            host: address.to_string(),
        })
    }

    fn requests(&mut self) -> Outcome<f64> {
        let started = Instant::now();
        for _ in 0..REQUESTS {
            let request = Request::get(PATH)
                .header("host", &self.host)
                .header("accept", "application/json")
                .header("authorization", "Token any")
                .body(Empty::new())?;
            let sender = &mut self.sender;
            let status = self.runtime.block_on(async {
                sender.ready().await?;
                let response = sender.send_request(request).await?;
                let status = response.status();
                response.into_body().collect().await?;
                Ok::<_, hyper::Error>(status)
            })?;
            if status != 200 {
                return Err(format!("the bare client got {status}").into());
            }
        }
        Ok(REQUESTS as f64 / started.elapsed().as_secs_f64() / 1e3)
    }
}

/// A mock on a free port, until it is dropped.
struct Served {
    address: SocketAddr,
    _stop: watch::Sender<bool>,
    _runtime: Runtime,
}

impl Served {
    fn start() -> Outcome<Self> {
        // Any token is let in where none is known.
        let settings = Settings::default();
        let server = Server::new(Seed {
            settings,
            ..setup::seed()?
        });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        runtime.spawn(Arc::new(server).run(listener, stopped));
        Ok(Self {
            address,
            _stop: stop,
            _runtime: runtime,
        })
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}
