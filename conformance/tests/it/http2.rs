//! Everything works over TLS and HTTP/2 too.

use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rstest::{fixture, rstest};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use whippy_conformance::transport::remote::{Remote, RemoteOptions};
use whippy_conformance::transport::target::Target;
use whippy_mock::embed::{Builder, MockServer};
use whippy_mock::worlds::journal::Wanted;

use crate::process::Folder;

/// A whippy-mock with its runtime.
struct Served {
    mock: MockServer,
    runtime: Runtime,
}

impl Served {
    fn new(change: impl FnOnce(Builder) -> Builder) -> Self {
        let runtime = Runtime::new().unwrap();
        let builder = change(MockServer::builder().world("demo"));
        let mock = runtime.block_on(builder.start()).unwrap();
        Self { mock, runtime }
    }

    /// Returns the versions of HTTP in the requests it got.
    fn versions(&self) -> Vec<http::Version> {
        let asked = self.mock.default_world().journal(&Wanted::default());
        let mut versions: Vec<_> = asked.iter().map(|exchange| exchange.version).collect();
        versions.dedup();
        versions
    }
}

#[fixture]
fn over_tls() -> Served {
    Served::new(Builder::tls_self_signed)
}

#[fixture]
fn plain() -> Served {
    Served::new(|builder| builder)
}

/// Runs a command against it, in a folder with its CA.
#[track_caller]
fn conducted(served: &Served, args: &[&str]) -> String {
    let folder = Folder::new();
    let target = format!("--target={}", served.mock.url());
    let mut all = vec![args[0], &target, "--http2"];
    all.extend(&args[1..]);
    if let Some(ca) = served.mock.ca() {
        folder.file("ca.pem", ca);
        all.push("--ca-cert=ca.pem");
    }
    let ended = folder.run(&all);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.out, ended.err);
    assert_eq!(served.versions(), [http::Version::HTTP_2]);
    ended.out
}

#[rstest]
#[case::with_tls(over_tls())]
#[case::without(plain())]
fn a_run_is_clean(#[case] served: Served) {
    let said = conducted(
        &served,
        &["run", "--write", "--reset-target", "--create-places"],
    );
    assert!(said.contains("clean"), "{said}");
}

#[rstest]
fn an_exploration_is_clean(over_tls: Served) {
    conducted(&over_tls, &["explore", "--requests=600"]);
}

#[rstest]
fn many_at_once_are_clean(over_tls: Served) {
    conducted(&over_tls, &["explore", "--concurrent=4", "--requests=600"]);
}

#[rstest]
fn a_calibration_decides(over_tls: Served) {
    let said = conducted(&over_tls, &["calibrate"]);
    assert!(said.contains("decided"), "{said}");
}

#[rstest]
fn a_service_that_goes_is_unreachable_and_not_wrong(plain: Served) {
    let Served { mock, runtime } = plain;
    let target = format!("--target={}", mock.url());
    runtime.block_on(mock.stop());
    let said = Folder::new().run(&["run", &target, "--http2"]).expect(3);
    assert!(said.contains("connection refused"), "{said}");
}

/// Answers one request of a connection and then sends GOAWAY, as servers do after a thousand.
async fn serve_one(stream: TcpStream, asked: Arc<AtomicUsize>) {
    let answered = Arc::new(Notify::new());
    let service = service_fn(|_: Request<Incoming>| {
        asked.fetch_add(1, Ordering::Relaxed);
        answered.notify_one();
        async { Ok::<_, hyper::Error>(Response::new(Full::new(Bytes::from("ok")))) }
    });
    let connection = http2::Builder::new(TokioExecutor::new());
    let mut connection = pin!(connection.serve_connection(TokioIo::new(stream), service));
    loop {
        tokio::select! {
            _ = &mut connection => return,
            () = answered.notified() => connection.as_mut().graceful_shutdown(),
        }
    }
}

#[test]
fn a_goodbye_is_heeded_and_no_write_is_sent_twice() {
    const WRITES: usize = 20;
    let runtime = Runtime::new().unwrap();
    let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
    let listener = listener.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    runtime.spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve_one(stream, Arc::clone(&counted)));
        }
    });
    let remote = Remote::new(RemoteOptions {
        http2: true,
        ..RemoteOptions::new(&format!("http://{address}"))
    });
    let remote = remote.unwrap();
    for _ in 0..WRITES {
        let request = Request::post(format!("http://{address}/api/v1/stocks/"));
        let request = request.body(Bytes::from("{}")).unwrap();
        assert_eq!(remote.send(&request).unwrap().body(), "ok");
    }
    assert_eq!(asked.load(Ordering::Relaxed), WRITES);
}
