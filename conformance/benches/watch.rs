//! The cost of a proxy that judges: the same requests straight to a mock and through `watch`, in
//! turn.

#![allow(clippy::print_stdout)] // It is a report.
#![allow(clippy::cast_precision_loss)] // Figures for people.
#![allow(dead_code)] // It uses a part of the figures.

#[path = "../../mock-server/benches/support/figures.rs"]
mod figures;

use std::error::Error;
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use figures::{Rounds, Table, Target, percentile};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use whippy_engine::assets;
use whippy_engine::backend::Seed;
use whippy_engine::clock::ClockMode;
use whippy_engine::endpoints::call::Settings;
use whippy_engine::store::Store;
use whippy_engine::store::world::World;
use whippy_mock::http::Server;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The number of requests of each kind that a round sends on each way.
const REQUESTS: usize = 1000;

/// The requests: a name, method, path and body.
const KINDS: &[(&str, &str, &str, &str)] = &[
    ("one SKU", "GET", "/api/v1/stocks/?sku=TS1042-WHT-S", ""),
    (
        "a reservation",
        "POST",
        "/api/v1/stocks/increase_reserved_stock/",
        r#"{"sku":"TS1042-WHT-S","location":"ist-kadikoy"}"#,
    ),
    ("100 stocks", "GET", "/api/v1/stocks/?limit=100", ""),
];

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
    let watching = Watching::start(served.address)?;
    let mut direct = Bare::connect(served.address)?;
    let mut through = Bare::connect(watching.address)?;
    let mut medians = Table::titled("Through watch, microseconds a request, the median of 1000");
    let mut added = Vec::new();
    for (name, method, path, body) in KINDS {
        let (mut watched, mut plain, mut more) =
            (Rounds::default(), Rounds::default(), Rounds::default());
        // The first round warms up.
        for round in 0..=rounds {
            let theirs = direct.median(method, path, body)?;
            let ours = through.median(method, path, body)?;
            if round > 0 {
                watched.0.push(ours);
                plain.0.push(theirs);
                more.0.push(ours - theirs);
            }
        }
        medians.ratio(name, (&watched, &plain), ("", "direct"), Target::Shown);
        added.push((name, more, plain));
    }
    medians.close();
    let mut table = Table::titled("What that adds, microseconds");
    for (name, more, plain) in &added {
        table.absolute(name, (more, plain), ("", "direct"), Target::AtMost(100.0));
    }
    table.close();
    Ok(())
}

/// A hyper client that reads answers and looks only at their status.
struct Bare {
    runtime: Runtime,
    sender: http1::SendRequest<Full<Bytes>>,
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

    /// Returns the median duration of a request, microseconds.
    fn median(&mut self, method: &str, path: &str, body: &'static str) -> Outcome<f64> {
        let mut times: Vec<Duration> = Vec::with_capacity(REQUESTS);
        for _ in 0..REQUESTS {
            let mut request = Request::builder()
                .method(method)
                .uri(path)
                .header("host", &self.host)
                .header("accept", "application/json")
                .header("authorization", "Token any");
            if !body.is_empty() {
                request = request.header("content-type", "application/json");
            }
            let request = request.body(Full::new(Bytes::from_static(body.as_bytes())))?;
            let sender = &mut self.sender;
            let started = Instant::now();
            let status = self.runtime.block_on(async {
                sender.ready().await?;
                let response = sender.send_request(request).await?;
                let status = response.status();
                response.into_body().collect().await?;
                Ok::<_, hyper::Error>(status)
            })?;
            times.push(started.elapsed());
            if !status.is_success() {
                return Err(format!("{method} {path} is answered {status}").into());
            }
        }
        Ok(percentile(&mut times, 0.5) * 1e3)
    }
}

/// The command, until it is dropped.
struct Watching {
    address: SocketAddr,
    child: Child,
}

impl Watching {
    fn start(upstream: SocketAddr) -> Outcome<Self> {
        let upstream = format!("http://{upstream}");
        let mut child = Command::new(env!("CARGO_BIN_EXE_whippy-conformance"))
            .args(["watch", "--quiet", "--upstream", &upstream])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let out = child.stdout.take().ok_or("it has no output")?;
        let mut out = BufReader::new(out);
        let mut line = String::new();
        out.read_line(&mut line)?;
        // Further output is read and dropped.
        std::thread::spawn(move || {
            let _ = out.read_to_end(&mut Vec::new());
        });
        let address = line.trim().trim_start_matches("Listening on http://");
        Ok(Self {
            address: address.parse()?,
            child,
        })
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
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
        let json = assets::world("demo").ok_or("there is no demo world")?;
        let server = Server::new(Seed {
            settings: Settings::default(),
            store: Store::load(&World::from_json(json.as_bytes())?)?,
            clock: ClockMode::Real,
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
}
