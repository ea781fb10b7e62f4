//! The cost of keeping every exchange and judging every client, of a page that follows, and of ten
//! thousand worlds.

#![allow(clippy::print_stdout)] // It is a report.
#![allow(clippy::cast_precision_loss)] // Figures for people.

mod support;

use std::hint::black_box;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Response;
use whippy_engine::assets;
use whippy_engine::backend::{Backend, Seed};
use whippy_engine::clock::ClockMode;
use whippy_engine::endpoints::call::Settings;
use whippy_engine::findings::{Judge, Seen};
use whippy_engine::store::Store;
use whippy_engine::store::world::World;
use whippy_mock::http::system_time;
use whippy_mock::worlds::service::Service;

use support::client::{Client, Request};
use support::cores::Cores;
use support::figures::{Rounds, Table, Target, mebibytes, millis};
use support::process::Process;
use support::{Mode, run};

const LIST: &str = "/api/v1/stocks/";
const RESERVE: &str = "/api/v1/stocks/increase_reserved_stock/";
const RESERVATION: &str = r#"{"sku":"555AB1300456213004","location":"110"}"#;

fn main() -> ExitCode {
    run(|mode| {
        journal(mode)?;
        page(mode)?;
        findings(mode)?;
        worlds(mode)
    })
}

#[allow(clippy::needless_pass_by_value)] // As `map_err` calls it.
fn failed(why: impl ToString) -> io::Error {
    io::Error::other(why.to_string())
}

/// Compares the requests a second of a mock with a journal and one without.
fn journal(mode: Mode) -> io::Result<()> {
    let lasts = Duration::from_millis(mode.pick(150, 100));
    let cores = Cores::here()?;
    let mut client = Client::new()?;
    let servers = [&[][..], &["--journal", "0"]].map(Process::mock);
    let [keeping, forgetting] = servers;
    let servers = [keeping?, forgetting?];
    let mut table = Table::titled("Requests a second, thousands");
    for (connections, name) in [(1, "1 connection on one core"), (8, "8 connections")] {
        if connections == 1 {
            cores.one(&servers)?;
        } else {
            cores.all(&servers)?;
        }
        for (operation, request, status) in [
            ("list", Request::get(LIST), 200),
            ("reserve", Request::post(RESERVE, RESERVATION), 201),
        ] {
            let mut rates = [const { Rounds(Vec::new()) }; 2];
            // The first round warms up.
            for round in 0..=mode.pick(41, 5) {
                for (server, rates) in servers.iter().zip(&mut rates) {
                    client.reset(&mut client.connect(server.address)?)?;
                    let load = client.load(server.address, &request, status, connections, lasts)?;
                    if round > 0 {
                        let rate = load.requests as f64 / load.took.as_secs_f64();
                        rates.0.push(rate / 1e3);
                    }
                }
            }
            let [keeping, forgetting] = &rates;
            table.ratio(
                &format!("{operation}, {name}, with the journal"),
                (keeping, forgetting),
                ("", "without"),
                Target::AtLeast(0.95),
            );
        }
    }
    table.close();
    Ok(())
}

/// Measures the server's processor time under an even load, with and without a page that follows.
fn page(mode: Mode) -> io::Result<()> {
    /// The number of requests in each [`TURN`], 5,000 a second.
    const BURST: u32 = 50;
    const TURN: Duration = Duration::from_millis(10);
    let turns = mode.pick(200, 50);
    let client = &mut Client::new()?;
    let server = &Process::mock(&[])?;
    let mut connection = client.connect(server.address)?;
    let mut table = Table::titled("Processor time at 5,000 requests a second, µs a request");
    for (operation, request, status) in [
        ("list", Request::get(LIST), 200),
        ("reserve", Request::post(RESERVE, RESERVATION), 201),
    ] {
        let mut sides = [const { Rounds(Vec::new()) }; 2];
        // The first round warms up.
        for round in 0..=mode.pick(21, 3) {
            for (times, is_followed) in sides.iter_mut().zip([true, false]) {
                client.reset(&mut client.connect(server.address)?)?;
                let page = is_followed
                    .then(|| Page::open(server.address))
                    .transpose()?;
                // A closed page is noticed when something is sent to it.
                for _ in 0..BURST {
                    client.ask(&mut connection, &mut request.clone(), status)?;
                }
                let before = server.cpu()?;
                let began = Instant::now();
                for turn in 0..turns {
                    std::thread::sleep((TURN * turn).saturating_sub(began.elapsed()));
                    for _ in 0..BURST {
                        client.ask(&mut connection, &mut request.clone(), status)?;
                    }
                }
                let used = server.cpu()?.saturating_sub(before);
                if round > 0 {
                    times
                        .0
                        .push(used.as_secs_f64() * 1e6 / f64::from(turns * BURST));
                }
                drop(page);
            }
        }
        let [followed, alone] = &sides;
        table.ratio(
            &format!("{operation}, with a page open"),
            (followed, alone),
            ("", "without"),
            Target::AtMost(1.03),
        );
    }
    table.close();
    Ok(())
}

/// The stream that the live page opens in its view of the traffic, read as fast as it comes.
struct Page {
    stream: TcpStream,
    reader: Option<JoinHandle<()>>,
}

impl Page {
    fn open(address: SocketAddr) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(
            b"GET /__admin/requests/stream?per_second=50 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        )?;
        let mut read = [0; 16 * 1024];
        // The mock follows once the head has arrived.
        if stream.read(&mut read)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut events = stream.try_clone()?;
        let reader =
            std::thread::spawn(
                move || {
                    while events.read(&mut read).is_ok_and(|bytes| bytes > 0) {}
                },
            );
        let reader = Some(reader);
        Ok(Self { stream, reader })
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // It may be closed already.
        let _ = self.stream.shutdown(Shutdown::Both);
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

/// Measures an exchange in process, judged and not judged, microseconds.
fn findings(mode: Mode) -> io::Result<()> {
    let requests = mode.pick(20_000, 5_000);
    let mut table = Table::titled("An exchange in process, µs");
    let json = assets::world("documented").ok_or_else(|| failed("no world"))?;
    let world = World::from_json(json.as_bytes()).map_err(failed)?;
    let store = Store::load(&world).map_err(failed)?;
    for (operation, request) in [
        ("list", http::Request::get(LIST).body(Bytes::new())),
        (
            "reserve",
            http::Request::post(RESERVE)
                .header("content-type", "application/json")
                .body(Bytes::from(RESERVATION)),
        ),
    ] {
        let mut request = request.map_err(failed)?;
        let token = http::HeaderValue::from_static("Token bench");
        request.headers_mut().insert("authorization", token);
        let settings = Settings::default();
        let mut sides = [const { Rounds(Vec::new()) }; 2];
        for _ in 0..mode.pick(21, 3) {
            for (rounds, is_judged) in sides.iter_mut().zip([true, false]) {
                let service = Service::new(Seed {
                    settings: settings.clone(),
                    store: store.clone(),
                    clock: ClockMode::Real,
                });
                let mut judge = Judge::default();
                let began = Instant::now();
                for id in 0..requests {
                    let reply = service.answer(&request, &system_time);
                    if is_judged {
                        let response: &Response<Bytes> = &reply.response;
                        black_box(judge.see(&Seen {
                            id,
                            at: system_time(),
                            request: &request,
                            response: Some(response),
                            rule: Some(reply.rule),
                            profile: &settings.profile,
                            fault: false,
                        }));
                    }
                    black_box(reply);
                }
                let micros = began.elapsed().as_secs_f64() * 1e6;
                rounds.0.push(micros / requests as f64);
            }
        }
        let [judged, bare] = &sides;
        table.ratio(
            &format!("{operation}, judged"),
            (judged, bare),
            ("", "not judged"),
            Target::Shown,
        );
    }
    table.close();
    Ok(())
}

/// Compares the first and a second request to each of ten thousand worlds with as many to the
/// default world, and measures their memory.
fn worlds(mode: Mode) -> io::Result<()> {
    const WORLDS: usize = 10_000;
    let mut client = Client::new()?;
    let [mut first, mut again, mut own, mut memory, mut before] = [const { Rounds(Vec::new()) }; 5];
    for _ in 0..mode.pick(5, 1) {
        let server = Process::mock(&[])?;
        Cores::here()?.one([&server])?;
        let mut connection = client.connect(server.address)?;
        let mut ask = |rounds: &mut Rounds, path: &dyn Fn(usize) -> String| {
            let began = Instant::now();
            for n in 0..WORLDS {
                client.ask(&mut connection, &mut Request::get(&path(n)), 200)?;
            }
            rounds.0.push(millis(began.elapsed()) * 1e3 / WORLDS as f64);
            Ok::<_, io::Error>(())
        };
        ask(&mut own, &|_| LIST.to_owned())?;
        before.0.push(mebibytes(server.resident()?));
        let of_world = |n: usize| format!("/worlds/test-{n}{LIST}");
        ask(&mut first, &of_world)?;
        memory.0.push(mebibytes(server.resident()?));
        ask(&mut again, &of_world)?;
    }
    let mut table = Table::titled("Ten thousand worlds");
    for (what, rounds) in [("first", &first), ("second", &again)] {
        table.ratio(
            &format!("the {what} request of each, µs"),
            (rounds, &own),
            ("", "the default world"),
            Target::Shown,
        );
    }
    table.ratio(
        "resident memory, MiB",
        (&memory, &before),
        ("", "before"),
        Target::Shown,
    );
    table.close();
    Ok(())
}
