//! The documented responses, replayed at both distances, and against services that
//! are broken on purpose.

#![allow(clippy::unwrap_used)] // A test that cannot go on should say where.
#![allow(clippy::too_many_lines)] // Tables run on.
#![allow(clippy::print_stdout)] // Shown only when a test fails.

use std::net::Ipv4Addr;
use std::time::Instant;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use rstest::rstest;
use tokio::net::TcpListener;
use tokio::sync::watch;
use whippy_conformance::catalogue::{self, Outcome};
use whippy_conformance::run::{Summary, run};
use whippy_conformance::target::{InProcess, Remote, Secrets, SeedState, Target, TargetError};
use whippy_mock::clock::ClockMode;
use whippy_mock::control::Control;
use whippy_mock::endpoints::call::Settings;
use whippy_mock::server::{Limits, Server};
use whippy_mock::service::{Seed, Service};
use whippy_mock::store::Store;
use whippy_mock::store::world::World;

/// A whippy-mock on a free port, until its stop is dropped.
fn with_server<T>(secrets: &Secrets, test: impl FnOnce(&str) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let server = Server {
        service: Service::new(Seed {
            settings: Settings {
                tokens: secrets.token.clone().into_iter().collect(),
                ..Settings::default()
            },
            store: Store::load(&World::default()).unwrap(),
            clock: ClockMode::Real,
        }),
        control: Control {
            token: secrets.admin_token.clone(),
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
    let result = test(&url);
    drop(stop);
    runtime.block_on(running).unwrap();
    result
}

#[track_caller]
fn run_all(target: &mut dyn Target) -> Summary {
    let checks = catalogue::all().unwrap();
    run(&checks, target, |check, outcome| {
        if let Outcome::Fail(finding) = outcome {
            println!("{}: {finding}", check.id);
        }
    })
    .unwrap()
}

#[test]
fn the_engine_passes_every_check() {
    let summary = run_all(&mut InProcess::new().unwrap());
    assert_eq!(
        (summary.passed, summary.failed, summary.setup_failed),
        (19, 0, 0)
    );
}

#[rstest]
#[case::open(Secrets::default())]
#[case::with_tokens(Secrets { token: Some("t".to_owned()), admin_token: Some("a".to_owned()) })]
fn a_server_passes_every_check(#[case] secrets: Secrets) {
    let summary = with_server(&secrets, |url| {
        run_all(&mut Remote::new(url, secrets.clone()).unwrap())
    });
    assert_eq!(
        (summary.passed, summary.failed, summary.setup_failed),
        (19, 0, 0)
    );
}

/// A service that answers like the engine, but for one defect.
struct Broken {
    engine: InProcess,
    defect: fn(&mut Response<Bytes>),
}

impl Target for Broken {
    fn base(&self) -> &str {
        self.engine.base()
    }

    fn seed(&mut self, state: &SeedState) -> Result<(), TargetError> {
        self.engine.seed(state)
    }

    fn send(&mut self, request: &Request<Bytes>) -> Result<Response<Bytes>, TargetError> {
        let mut response = self.engine.send(request)?;
        (self.defect)(&mut response);
        Ok(response)
    }
}

type Answer = Response<Bytes>;

fn replace(response: &mut Answer, from: &str, to: &str) {
    let text = String::from_utf8(response.body().to_vec()).unwrap();
    *response.body_mut() = Bytes::from(text.replace(from, to));
}

#[rstest]
#[case::a_status(|r: &mut Answer| *r.status_mut() = StatusCode::ACCEPTED, 19)]
#[case::a_content_type(|r: &mut Answer| { r.headers_mut().remove("content-type"); }, 19)]
#[case::a_lost_byte(|r: &mut Answer| { let end = r.body().len() - 1; *r.body_mut() = r.body().slice(..end); }, 19)]
#[case::a_wording(|r: &mut Answer| replace(r, "This field is required.", "Required."), 3)]
#[case::a_key(|r: &mut Answer| replace(r, "\"message\"", "\"detail\""), 2)]
#[case::a_type(|r: &mut Answer| replace(r, "\"location\":\"110\"", "\"location\":110"), 5)]
#[case::a_host(|r: &mut Answer| replace(r, "http://localhost:8000", ""), 2)]
fn a_broken_service_is_found_out(#[case] defect: fn(&mut Answer), #[case] failed: usize) {
    let engine = InProcess::new().unwrap();
    let summary = run_all(&mut Broken { engine, defect });
    assert_eq!((summary.failed, summary.setup_failed), (failed, 0));
}

#[test]
fn a_finding_names_both_sides_and_how_to_ask_again() {
    let engine = InProcess::new().unwrap();
    let defect = |r: &mut Answer| replace(r, "Already reported", "Done");
    let mut target = Broken { engine, defect };
    let checks = catalogue::all().unwrap();
    let check = checks
        .iter()
        .find(|check| check.id == "documented/increase-208")
        .unwrap();
    let Outcome::Fail(finding) = check.run(&mut target).unwrap() else {
        panic!("it passes");
    };
    insta::assert_snapshot!("finding", finding.to_string());
}

#[test]
fn a_service_without_a_seed_is_not_blamed() {
    // Any HTTP server that is no mock: here one that knows no paths at all.
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = std::thread::spawn(move || {
        use std::io::{BufRead, BufReader, Write};
        let (mut stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        while lines
            .next()
            .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
        {}
        let answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        stream.write_all(answer).unwrap();
    });
    let checks = catalogue::all().unwrap();
    let outcome = checks[0]
        .run(&mut Remote::new(&url, Secrets::default()).unwrap())
        .unwrap();
    assert!(matches!(outcome, Outcome::SetupFailed(why) if why.contains("404 Not Found")));
    serving.join().unwrap();
}

#[test]
fn a_target_that_is_not_there_is_named() {
    let free = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let checks = catalogue::all().unwrap();
    let error = checks[0]
        .run(&mut Remote::new(&url, Secrets::default()).unwrap())
        .unwrap_err();
    assert!(matches!(error, TargetError::Unreachable(_)), "{error}");
}

#[rstest]
#[case("localhost:8000")]
#[case("https://localhost")]
#[case("http://localhost/api/v1/")]
fn a_target_is_a_plain_url(#[case] url: &str) {
    assert!(matches!(
        Remote::new(url, Secrets::default()),
        Err(TargetError::Unreachable(_))
    ));
}
