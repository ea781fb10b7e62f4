//! `watch` from outside: it passes every byte unchanged, and reports on the traffic.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rstest::rstest;
use rustix::process::Signal;
use serde_json::Value;
use whippy_conformance::model::outcome::{Outcome, Report};
use whippy_conformance::traffic::proxy::{Proxy, ProxyOptions, QueueLimits, queue};
use whippy_conformance::transport::remote::RemoteOptions;

use crate::process::{Folder, Mock, Process, Scripted, json};

const PAGE: &str = r#"{"count":0,"next":null,"previous":null,"results":[]}"#;

/// The headers that the stack sends and the contract requires.
const STACK: &str = "Allow: GET, POST, HEAD, OPTIONS\r\nX-Frame-Options: DENY\r\n\
    X-Content-Type-Options: nosniff\r\nReferrer-Policy: same-origin\r\n\
    Cross-Origin-Opener-Policy: same-origin\r\nVary: Accept\r\n";

/// A watch in progress.
struct Watch {
    folder: Folder,
    process: Process,
    url: String,
}

impl Watch {
    #[track_caller]
    fn over(upstream: &str, args: &[&str]) -> Self {
        Self::within(Folder::new(), upstream, args)
    }

    #[track_caller]
    fn within(folder: Folder, upstream: &str, args: &[&str]) -> Self {
        let args = [
            &["watch", "--report=json=report.json", "--upstream", upstream],
            args,
        ]
        .concat();
        let process = folder.start(&args, &[]);
        let line = process.printed();
        let url = line
            .trim()
            .strip_prefix("Listening on ")
            .unwrap()
            .to_owned();
        Self {
            folder,
            process,
            url,
        }
    }

    /// Sends bytes over a connection of their own, and reads until it ends.
    #[track_caller]
    fn raw(&self, request: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.url.trim_start_matches("http://")).unwrap();
        stream.write_all(request).unwrap();
        let mut answer = Vec::new();
        // The bytes before a broken connection count.
        let _ = stream.read_to_end(&mut answer);
        answer
    }

    /// Sends a GET, and returns the answer as text.
    #[track_caller]
    fn get(&self, path: &str) -> String {
        self.ask("GET", path, "Authorization: Token any\r\n", "")
    }

    #[track_caller]
    fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> String {
        let length = match body.len() {
            0 => String::new(),
            length => format!("Content-Length: {length}\r\n"),
        };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n{headers}{length}\r\n{body}"
        );
        String::from_utf8_lossy(&self.raw(request.as_bytes())).into_owned()
    }

    /// Ends the watch, and reads its report.
    #[track_caller]
    fn end(self) -> Ended {
        self.process.signal(Signal::INT);
        let Self {
            folder, process, ..
        } = self;
        let ended = process.ended();
        let report: Report = serde_json::from_str(&folder.read("report.json")).unwrap();
        assert_eq!(ended.code, Some(report.exit_code.into()), "{}", ended.err);
        Ended {
            folder,
            report,
            out: ended.out,
            err: ended.err,
        }
    }
}

struct Ended {
    folder: Folder,
    report: Report,
    out: String,
    err: String,
}

impl Ended {
    /// Returns the findings of one family, as lines.
    fn findings(&self, family: &str) -> Vec<String> {
        let checks = self.report.checks.iter();
        let of_family = checks.filter(|check| check.section() == family);
        let lines = of_family.flat_map(|check| {
            let findings = check.findings.iter();
            findings.map(|finding| format!("{} {}", check.id, finding.summary))
        });
        lines.collect()
    }

    #[track_caller]
    fn reason(&self, id: &str) -> (Outcome, String) {
        let check = self.report.checks.iter().find(|check| check.id == id);
        let check = check.unwrap_or_else(|| panic!("no {id}: {:#?}", self.report.checks));
        (check.outcome, check.reason.clone().unwrap_or_default())
    }
}

/// A server of bytes, which passes each connection with its number to a script.
struct Raw {
    url: String,
}

impl Raw {
    fn start(script: impl Fn(usize, TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().flatten().enumerate() {
                script(number, stream);
            }
        });
        Self { url }
    }

    /// Answers every request on every connection with these bytes; also returns the requests.
    fn saying(answer: impl Into<Vec<u8>>) -> (Self, Arc<Mutex<Vec<Vec<u8>>>>) {
        let (asked, answer) = (Arc::default(), answer.into());
        let kept: Arc<Mutex<Vec<Vec<u8>>>> = Arc::clone(&asked);
        let raw = Self::start(move |_, stream| {
            let mut reader = BufReader::new(&stream);
            while let Some(request) = next_request(&mut reader) {
                kept.lock().unwrap().push(request);
                let _ = (&stream).write_all(&answer);
                if !answer
                    .windows(15)
                    .any(|w| w.eq_ignore_ascii_case(b"content-length:"))
                {
                    // Unless the answer is chunked, it ends with the connection.
                    if !answer.ends_with(b"0\r\n\r\n") {
                        return;
                    }
                }
            }
        });
        (raw, asked)
    }
}

/// Reads the bytes of the next request: with a length, in chunks, or without a body.
fn next_request(reader: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        if reader.read_until(b'\n', &mut request).ok()? == 0 {
            return None;
        }
    }
    let head = String::from_utf8_lossy(&request).to_lowercase();
    let length = head
        .lines()
        .find_map(|l| l.strip_prefix("content-length: "));
    if let Some(length) = length {
        let mut body = vec![0; length.trim().parse().unwrap()];
        reader.read_exact(&mut body).ok()?;
        request.extend(body);
    } else if head.contains("transfer-encoding: chunked") {
        while !request.ends_with(b"0\r\n\r\n") {
            reader.read_until(b'\n', &mut request).ok()?;
        }
    }
    Some(request)
}

fn parted(message: &[u8]) -> (Vec<String>, Vec<u8>) {
    let at = message.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    // Byte by byte, so that bytes that are not UTF-8 are compared too.
    let head: String = message[..at].iter().map(|&byte| char::from(byte)).collect();
    let lines = head.split("\r\n").map(str::to_owned);
    (lines.collect(), message[at + 4..].to_vec())
}

/// Joins the chunks of a body.
fn joined(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let at = body.windows(2).position(|w| w == b"\r\n").unwrap();
        let size = std::str::from_utf8(&body[..at]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return whole;
        }
        whole.extend(&body[at + 2..at + 2 + size]);
        body = &body[at + 4 + size..];
    }
}

// Bytes.

#[rstest]
#[case::odd_spelling(
    "GET",
    "HTTP/1.1 200 OK\r\nX-oDD: a\r\nsErVer: mine\r\nDATE: never\r\nx-twice: 1\r\nX-TWICE: 2\r\nContent-LENGTH: 2\r\n\r\nok"
)]
#[case::own_reason("GET", "HTTP/1.1 299 Rather Odd\r\nContent-Length: 0\r\n\r\n")]
#[case::latin_reason("GET", "HTTP/1.1 200 Tr\u{e8}s bien\r\nContent-Length: 0\r\n\r\n")]
#[case::length_of_what_is_not_modified(
    "GET",
    "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 52\r\n\r\n"
)]
#[case::no_date("GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")]
#[case::latin(
    "GET",
    "HTTP/1.1 200 OK\r\nX-Name: Kad\u{e9}\r\nContent-Length: 1\r\n\r\nx"
)]
#[case::head(
    "HEAD",
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 52\r\n\r\n"
)]
#[case::moved(
    "GET",
    "HTTP/1.1 301 Moved Permanently\r\nLocation: http://elsewhere/api/v1/stocks/?a=%20b\r\nContent-Length: 0\r\n\r\n"
)]
#[case::nothing("DELETE", "HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n")]
#[case::cookies(
    "GET",
    "HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n"
)]
#[case::fault(
    "GET",
    "HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/html\r\nContent-Length: 3\r\n\r\n<h1"
)]
#[case::packed(
    "GET",
    "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\n\u{1}\u{2}\u{3}\u{4}"
)]
fn an_answer_passes_as_it_came(#[case] method: &str, #[case] answer: &str) {
    // A case is text with one byte for each character.
    let answer: Vec<u8> = answer
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect();
    let (upstream, _) = Raw::saying(answer.clone());
    let watch = Watch::over(&upstream.url, &[]);
    let request =
        format!("{method} /api/v1/stocks/ HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
    let got = watch.raw(request.as_bytes());
    let (mut head, body) = parted(&got);
    // This header belongs to this connection.
    head.retain(|line| line.to_lowercase() != "connection: close");
    let (expected_head, expected_body) = parted(&answer);
    assert_eq!(head, expected_head);
    assert_eq!(body, expected_body);
}

#[test]
fn pieces_go_before_a_length() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    let upstream = Raw::start(move |_, stream| {
        let mut reader = BufReader::new(&stream);
        let _ = next_request(&mut reader);
        let _ = (&stream).write_all(answer.as_bytes());
    });
    let watch = Watch::over(&upstream.url, &[]);
    let got = watch.raw(b"GET /api/v1/stocks/ HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
    let (head, body) = parted(&got);
    let has_length = head
        .iter()
        .any(|line| line.to_lowercase().starts_with("content-length"));
    assert!(!has_length, "{head:?}");
    assert_eq!(joined(&body), b"abcde");
}

#[test]
fn a_client_that_asks_no_more_gets_its_answer() {
    let (upstream, _) = Raw::saying("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let watch = Watch::over(&upstream.url, &[]);
    let mut stream = TcpStream::connect(watch.url.trim_start_matches("http://")).unwrap();
    stream
        .write_all(b"GET /api/v1/stocks/ HTTP/1.1\r\nHost: here\r\n\r\n")
        .unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut got = String::new();
    stream.read_to_string(&mut got).unwrap();
    assert!(got.ends_with("\r\n\r\nok"), "{got}");
}

#[test]
fn an_answer_in_pieces_is_the_same_in_pieces() {
    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    let (upstream, _) = Raw::saying(answer);
    let watch = Watch::over(&upstream.url, &[]);
    let got = watch.raw(b"GET /api/v1/stocks/ HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
    let (head, body) = parted(&got);
    assert!(
        head.iter()
            .any(|l| l.to_lowercase() == "transfer-encoding: chunked"),
        "{head:?}"
    );
    assert_eq!(joined(&body), b"abcde");
}

#[rstest]
#[case::bare(
    "GET /api/v1/stocks/?a=%2B%20b&c=d+e&x=[1]|{2} HTTP/1.1\r\nHost: here\r\nACCEPT: */*\r\nx-TwIce: 1\r\nx-TwIce: 2\r\nUser-agent: odd\r\n\r\n"
)]
#[case::body(
    "POST /api/v1/stocks/ HTTP/1.1\r\nHost: here\r\ncontent-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}"
)]
#[case::empty("POST /api/v1/stocks HTTP/1.1\r\nhost: here\r\nContent-Length: 0\r\n\r\n")]
#[case::two_cookies(
    "GET /api/v1/stocks/ HTTP/1.1\r\nHost: here\r\nCookie: a=1\r\nCookie: b=2\r\nX-A: b\r\n\r\n"
)]
#[case::odd_method("PURGE /else/where?q HTTP/1.1\r\nHost: here\r\nCookie: a=1; b=2\r\n\r\n")]
fn a_request_passes_as_it_came_but_for_the_host(#[case] request: &str) {
    let (upstream, asked) = Raw::saying("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let authority = upstream.url.trim_start_matches("http://");
    let watch = Watch::over(&upstream.url, &[]);
    let mut stream = TcpStream::connect(watch.url.trim_start_matches("http://")).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line).unwrap();
    assert_eq!(line, "HTTP/1.1 200 OK\r\n");
    let expected = request.replacen("ost: here", &format!("ost: {authority}"), 1);
    let asked = asked.lock().unwrap();
    assert_eq!(String::from_utf8_lossy(&asked[0]), expected);
}

#[test]
fn a_request_in_pieces_is_passed_on_in_pieces() {
    let (upstream, asked) = Raw::saying("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let watch = Watch::over(&upstream.url, &[]);
    watch.raw(
        b"POST /api/v1/stocks/ HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\
          Transfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n4\r\n\":1}\r\n0\r\n\r\n",
    );
    let asked = asked.lock().unwrap();
    let (head, body) = parted(&asked[0]);
    assert!(
        head.iter()
            .any(|l| l.to_lowercase() == "transfer-encoding: chunked"),
        "{head:?}"
    );
    assert_eq!(joined(&body), b"{\"a\":1}");
}

#[rstest]
#[case::own(&[], false)]
#[case::preserved(&["--preserve-host"], true)]
fn the_service_sees_its_own_host_or_the_clients(#[case] args: &[&str], #[case] is_preserved: bool) {
    let upstream = Scripted::start(|_| json(200, PAGE));
    let watch = Watch::over(&format!("{}/prefix/", upstream.url), args);
    watch.get("/api/v1/stocks/?page=1");
    let asked = upstream.asked();
    assert_eq!(asked[0].path, "/prefix/api/v1/stocks/?page=1");
    let own = upstream.url.trim_start_matches("http://").to_owned();
    let host = if is_preserved { "here".to_owned() } else { own };
    assert!(
        asked[0]
            .head
            .to_lowercase()
            .contains(&format!("host: {host}\r\n")),
        "{}",
        asked[0].head
    );
}

#[test]
fn large_bodies_pass_whole_and_are_judged_as_far_as_they_are_kept() {
    const SIZE: usize = 12 * 1024 * 1024;
    let upstream = Raw::start(|_, stream| {
        let mut reader = BufReader::new(&stream);
        let request = next_request(&mut reader).unwrap();
        let (_, body) = parted(&request);
        let head = format!(
            "HTTP/1.1 200 OK\r\n{STACK}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        (&stream).write_all(head.as_bytes()).unwrap();
        let _ = (&stream).write_all(&body);
    });
    let watch = Watch::over(&upstream.url, &["--body-limit", "1000"]);
    let mut request = format!(
        "POST /api/v1/stocks/insert_or_update_stock/ HTTP/1.1\r\nHost: here\r\n\
         Connection: close\r\nContent-Type: application/json\r\nContent-Length: {SIZE}\r\n\r\n"
    )
    .into_bytes();
    let body: Vec<u8> = (0..SIZE)
        .map(|at| b"0123456789abcdef"[(at + at / 4096) % 16])
        .collect();
    request.extend(&body);
    let mut stream = TcpStream::connect(watch.url.trim_start_matches("http://")).unwrap();
    let mut writer = stream.try_clone().unwrap();
    let sending = std::thread::spawn(move || writer.write_all(&request));
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    sending.join().unwrap().unwrap();
    assert!(parted(&answer).1 == body, "other bytes");
    let ended = watch.end();
    assert_eq!(ended.findings("service"), [""; 0]);
    assert_eq!(
        ended.reason("traffic/every-part-is-judged"),
        (
            Outcome::Inconclusive,
            "not judged: a request with a body of more than 1000 bytes ×1, \
             an answer with a body of more than 1000 bytes ×1"
                .to_owned()
        )
    );
}

/// A server whose answer continues when it is told to.
fn in_two_parts(then: impl Fn(&TcpStream, &Receiver<()>) + Send + 'static) -> (Raw, Sender<()>) {
    let (go, told) = channel();
    let raw = Raw::start(move |_, stream| {
        next_request(&mut BufReader::new(&stream)).unwrap();
        (&stream)
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
            .unwrap();
        then(&stream, &told);
    });
    (raw, go)
}

#[test]
fn what_came_of_a_slow_body_is_not_held_back() {
    let (upstream, go) = in_two_parts(|mut stream, told| {
        told.recv().unwrap();
        stream.write_all(b"later").unwrap();
    });
    let watch = Watch::over(&upstream.url, &[]);
    let mut stream = TcpStream::connect(watch.url.trim_start_matches("http://")).unwrap();
    stream
        .write_all(b"GET /api/v1/stocks/ HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut got = Vec::new();
    while !got.ends_with(b"first") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        got.push(byte[0]);
    }
    go.send(()).unwrap();
    stream.read_to_end(&mut got).unwrap();
    assert!(got.ends_with(b"firstlater"));
}

#[rstest]
#[case::ended("breaks off", |_: &TcpStream, _: &Receiver<()>| {})]
#[case::silent("stops: nothing more within 0.2 s", |_: &TcpStream, told: &Receiver<()>| { let _ = told.recv(); })]
fn an_answer_that_breaks_off_breaks_off_here_and_is_nobodys_finding(
    #[case] said: &str,
    #[case] then: fn(&TcpStream, &Receiver<()>),
) {
    let (upstream, _go) = in_two_parts(then);
    let watch = Watch::over(&upstream.url, &["--timeout", "0.2"]);
    let got = watch.get("/api/v1/stocks/");
    assert!(got.ends_with("\r\n\r\nfirst"), "{got}");
    assert!(
        got.contains("Content-Length: 10\r\n"),
        "its length says that it is not whole: {got}"
    );
    let ended = watch.end();
    assert_eq!(ended.findings("service"), [""; 0]);
    let (_, reason) = ended.reason("traffic/every-request-is-answered");
    assert!(reason.contains(said), "{reason}");
}

#[test]
fn http_2_on_both_sides_passes_as_well() {
    let identity = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(identity.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![identity.cert.der().clone()], key.into())
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let tls = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .unwrap();
    let port = listener.local_addr().unwrap().port();
    runtime.spawn(async move {
        loop {
            let stream = tls.accept(listener.accept().await.unwrap().0).await;
            let Ok(stream) = stream else { continue };
            let service = service_fn(|request: Request<Incoming>| async move {
                let said = format!(
                    "{:?} {} {:?}",
                    request.version(),
                    request.uri(),
                    request.headers().get("cookie")
                );
                let body = request.into_body().collect().await.unwrap().to_bytes();
                let said = format!("{said} {}", String::from_utf8_lossy(&body));
                Ok::<_, hyper::Error>(Response::new(Full::new(Bytes::from(said))))
            });
            tokio::spawn(
                hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    let folder = Folder::new();
    folder.file("ca.pem", &identity.cert.pem());
    let upstream = format!("https://localhost:{port}");
    let watch = Watch::within(folder, &upstream, &["--ca-cert=ca.pem"]);
    let got = watch.ask(
        "POST",
        "/api/v1/stocks/?a=b",
        "Content-Type: a/b\r\n",
        "body",
    );
    let expected = format!("HTTP/2.0 https://localhost:{port}/api/v1/stocks/?a=b None body");
    assert!(got.ends_with(&expected), "{got}");
    let said = runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(watch.url.trim_start_matches("http://"));
        let (mut sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream.await.unwrap()))
                .await
                .unwrap();
        tokio::spawn(connection);
        let request = Request::get(format!("{}/api/v1/stocks/?c=d", watch.url))
            .header("cookie", "e=f")
            .header("cookie", "g=h")
            .body(Empty::<Bytes>::new())
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        response.into_body().collect().await.unwrap().to_bytes()
    });
    let expected =
        format!("HTTP/2.0 https://localhost:{port}/api/v1/stocks/?c=d Some(\"e=f; g=h\") ");
    assert_eq!(String::from_utf8_lossy(&said), expected);
}

// A service that is not there.

#[test]
fn a_service_that_is_down_is_502_and_no_verdict() {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let watch = Watch::over(&format!("http://{address}"), &[]);
    let got = watch.get("/api/v1/stocks/");
    assert!(got.starts_with("HTTP/1.1 502 "), "{got}");
    let sentence = format!("connection refused by {address}");
    assert!(
        got.ends_with(&format!("whippy-conformance watch: {sentence}\n")),
        "{got}"
    );
    let ended = watch.end();
    assert_eq!(ended.report.exit_code, 3, "{}", ended.report.verdict);
    assert_eq!(
        ended.reason("traffic/every-request-is-answered"),
        (Outcome::SetupFailed, format!("{sentence} ×1"))
    );
    assert_eq!(ended.findings("service"), [""; 0]);
    assert_eq!(ended.err, format!("upstream {sentence}\n"));
}

#[rstest]
#[case::silent("504 ", "no answer from 127.0.0.1:PORT within 0.2 s", false)]
#[case::hung_up(
    "502 ",
    "127.0.0.1:PORT closed the connection without a whole answer",
    true
)]
fn a_service_that_says_nothing_is_told_of_and_not_found_wrong(
    #[case] status: &str,
    #[case] said: &str,
    #[case] hangs_up: bool,
) {
    let (hold, streams) = channel();
    let upstream = Raw::start(move |_, stream| {
        next_request(&mut BufReader::new(&stream));
        if !hangs_up {
            hold.send(stream).unwrap();
        }
    });
    let port = upstream.url.rsplit(':').next().unwrap();
    let said = said.replace("PORT", port);
    let watch = Watch::over(&upstream.url, &["--timeout=0.2"]);
    let got = watch.ask(
        "POST",
        "/api/v1/stocks/increase_reserved_stock/",
        "Content-Type: application/json\r\n",
        "{\"sku\":\"5\",\"location\":\"1\"}",
    );
    assert!(got.starts_with(&format!("HTTP/1.1 {status}")), "{got}");
    assert!(got.ends_with(&format!(": {said}\n")), "{got}");
    let ended = watch.end();
    assert_eq!(ended.report.exit_code, 3);
    assert_eq!(ended.findings("service"), [""; 0]);
    assert_eq!(
        ended.reason("traffic/every-request-is-answered").1,
        format!("{said} ×1")
    );
    drop(streams);
}

#[test]
fn a_kept_connection_that_was_closed_is_replaced_and_nothing_is_sent_twice() {
    let (heads, told) = channel();
    let upstream = Raw::start(move |number, stream| {
        let mut reader = BufReader::new(&stream);
        let request = next_request(&mut reader).unwrap();
        heads.send((number, parted(&request).0[0].clone())).unwrap();
        let answer = format!(
            "HTTP/1.1 200 OK\r\n{STACK}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{PAGE}",
            PAGE.len()
        );
        (&stream).write_all(answer.as_bytes()).unwrap();
        // The connection is closed, although the answer did not announce that.
    });
    let watch = Watch::over(&upstream.url, &[]);
    for _ in 0..3 {
        assert!(watch.get("/api/v1/stocks/").starts_with("HTTP/1.1 200 OK"));
    }
    let seen: Vec<_> = told.try_iter().collect();
    assert_eq!(seen.len(), 3, "{seen:?}");
}

#[rstest]
#[case(429, "text/plain")]
#[case(502, "text/html")]
#[case(503, "application/json")]
fn a_gateway_is_told_for_what_it_is(#[case] status: u16, #[case] media: &'static str) {
    let upstream = Scripted::start(move |asked| match asked.path.as_str() {
        "/api/v1/stocks/" => Some((
            status,
            format!("Content-Type: {media}\r\n"),
            "busy".to_owned(),
        )),
        _ => Some((
            200,
            format!("{STACK}Content-Type: application/json\r\n"),
            PAGE.to_owned(),
        )),
    });
    let watch = Watch::over(&upstream.url, &[]);
    for path in [
        "/api/v1/stocks/",
        "/api/v1/stocks/",
        "/api/v1/stocks/?page=1",
    ] {
        watch.get(path);
    }
    let ended = watch.end();
    assert_eq!(ended.report.exit_code, 0, "{}", ended.report.verdict);
    assert_eq!(ended.findings("service"), [""; 0]);
    assert_eq!(
        ended.reason("traffic/no-gateway-answers"),
        (
            Outcome::Inconclusive,
            format!("answered by status: {status} ×2")
        )
    );
}

// Output.

#[test]
fn one_fault_of_the_service_is_one_finding_however_often_it_comes() {
    let row = r#"{"id":1,"created_date":"2023-05-10T13:37:18.209869+03:00","modified_date":"2023-05-10T13:37:18.209869+03:00","period":null,"stock_type":"standard","unit_type":"qty","provider":"p","location":"1","stock":"five","is_active":true,"sku":"5","reserved_stock":0}"#;
    let page = format!(r#"{{"count":2,"next":null,"previous":null,"results":[{row},{row}]}}"#);
    let upstream = Scripted::start(move |_| {
        Some((
            200,
            format!("{STACK}Content-Type: application/json\r\n"),
            page.clone(),
        ))
    });
    let watch = Watch::over(&upstream.url, &[]);
    for _ in 0..3 {
        watch.get("/api/v1/stocks/");
    }
    let line = watch.process.said();
    assert_eq!(
        line,
        "service  MUST   list-stocks 200: the body at /results/0/stock: \"five\" is not of type \"integer\"\n"
    );
    let ended = watch.end();
    assert_eq!(ended.report.exit_code, 1);
    assert_eq!(
        ended.findings("service"),
        [
            "service/list-stocks list-stocks 200: the body at /results/0/stock: \"five\" is not of type \"integer\", 3 times"
        ]
    );
    assert!(
        ended
            .out
            .contains("CAUSE 1 of 1 (MUST) list-stocks 200: the body at /results/0/stock"),
        "{}",
        ended.out
    );
    assert!(
        !ended.err.contains("is not of type"),
        "told once: {}",
        ended.err
    );
}

#[test]
fn a_packed_body_is_judged_as_it_was_meant() {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(br#"{"count":0}"#).unwrap();
    let body = packer.finish().unwrap();
    let head = format!(
        "HTTP/1.1 200 OK\r\n{STACK}Content-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let (upstream, _) = Raw::saying([head.into_bytes(), body].concat());
    let watch = Watch::over(&upstream.url, &[]);
    watch.get("/api/v1/stocks/");
    let ended = watch.end();
    let found = ended.findings("service").join("\n");
    assert!(
        found.contains("\"results\" is a required property"),
        "{found}"
    );
}

#[test]
fn what_a_client_gets_wrong_is_said_with_the_words_of_the_source() {
    let mock = Mock::of_world("demo");
    let watch = Watch::over(&mock.url, &["--preserve-host"]);
    let wrong = watch.get("/api/v1/stocks/?stock_gt=4&limit=1000");
    assert!(wrong.starts_with("HTTP/1.1 200 OK"));
    let line = watch.process.said();
    assert!(
        line.starts_with("client   warning unknown-parameter: "),
        "{line}"
    );
    assert!(line.contains("stock__gt"), "{line}");
    watch.ask(
        "POST",
        "/api/v1/stocks",
        "Authorization: Token any\r\nContent-Type: application/json\r\n",
        "{}",
    );
    let ended = watch.end();
    assert_eq!(ended.report.exit_code, 1, "missing-slash-post is an error");
    assert_eq!(ended.findings("service"), [""; 0]);
    let check = |id: &str| {
        ended
            .report
            .checks
            .iter()
            .find(|check| check.id == id)
            .unwrap()
    };
    let unknown = check("client/unknown-parameter");
    assert_eq!(unknown.outcome, Outcome::Fail);
    assert_eq!(
        unknown.source.quote,
        "Unknown parameters and unsupported lookups are ignored."
    );
    assert_eq!(unknown.findings[0].exchanges[0].status, Some(200));
    assert_eq!(check("client/missing-slash-post").outcome, Outcome::Fail);
}

#[rstest]
#[case::never(&["--fail-on=never"], 0)]
#[case::usual(&[], 1)]
#[case::milder(&["--fail-on=error"], 0)]
fn which_mistakes_of_a_client_fail_is_for_the_user_to_say(#[case] args: &[&str], #[case] code: u8) {
    let mock = Mock::of_world("demo");
    let watch = Watch::over(&mock.url, args);
    watch.get("/api/v1/stocks/?stock_gt=4&limit=1000");
    assert_eq!(watch.end().report.exit_code, code);
}

#[rstest]
#[case::past(&[], false)]
#[case::back(&["--preserve-host"], true)]
fn a_walk_is_only_judged_where_its_links_lead_back(#[case] args: &[&str], #[case] is_judged: bool) {
    let mock = Mock::of_world("demo");
    let watch = Watch::over(&mock.url, args);
    watch.get("/api/v1/stocks/");
    watch.get("/api/v1/stocks/?page=2");
    let ended = watch.end();
    let abandoned = ended
        .findings("client")
        .iter()
        .any(|f| f.contains("abandoned-walk"));
    assert_eq!(abandoned, is_judged, "{:#?}", ended.findings("client"));
    let told = ended
        .report
        .checks
        .iter()
        .find(|check| check.id == "traffic/walks-are-followed");
    assert_eq!(told.is_none(), is_judged);
    if let Some(told) = told {
        let why = told.reason.as_deref().unwrap();
        assert!(
            why.ends_with("past whoever watches; give --preserve-host"),
            "{why}"
        );
    }
}

#[test]
fn the_worlds_of_a_mock_are_clients_of_their_own() {
    let mock = Mock::of_world("demo");
    let watch = Watch::over(&mock.url, &["--preserve-host"]);
    // Pages left unread in one world need not be read in the other.
    watch.get("/worlds/one/api/v1/stocks/");
    watch.get("/worlds/two/api/v1/stocks/?page=2");
    let ended = watch.end();
    assert_eq!(ended.findings("service"), [""; 0]);
    let check = ended
        .report
        .checks
        .iter()
        .find(|check| check.id == "client/unread-pages")
        .unwrap();
    let rows: Vec<_> = check
        .findings
        .iter()
        .map(|finding| finding.row.as_deref())
        .collect();
    assert_eq!(rows, [Some("/worlds/one")]);
}

#[test]
fn no_alarm_is_false_while_the_whole_suite_goes_through() {
    let mock = Mock::of_world("demo");
    let watch = Watch::over(&mock.url, &["--preserve-host"]);
    let ran = Folder::new().run(&["run", "--write", "--target", &watch.url]);
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.out, ran.err);
    let ended = watch.end();
    assert_eq!(ended.findings("service"), [""; 0]);
    assert!(
        !ended.findings("client").is_empty(),
        "much of that is wrong on purpose"
    );
    let judged: u64 = ended
        .report
        .checks
        .iter()
        .filter(|c| c.section() == "service")
        .map(|c| c.requests)
        .sum();
    assert!(judged > 1000, "{judged}");
}

#[test]
fn no_secret_is_in_any_report_or_recording() {
    let secrets = [
        "the-token-of-theirs",
        "the-cookie-of-theirs",
        "the-password-of-theirs",
        "the-key-of-theirs",
        "the-header-of-ours",
        "the-query-of-theirs",
    ];
    let upstream = Scripted::start(|asked| {
        // A service that echoes everything, where nobody expects it.
        let said = format!(
            "{{\"key\":\"the-key-of-theirs\",\"echo\":{:?}}}",
            asked.head.clone() + &asked.body
        );
        Some((200, "Content-Type: application/json\r\nSet-Cookie: sessionid=the-cookie-of-theirs; Path=/\r\n".to_owned(), said))
    });
    let formats = ["text", "junit", "markdown", "html", "github"];
    let reports: Vec<_> = formats
        .iter()
        .map(|f| format!("--report={f}=report.{f}"))
        .collect();
    let mut args = vec!["--record=kept", "--header=X-Api-Key: the-header-of-ours"];
    args.extend(reports.iter().map(String::as_str));
    let watch = Watch::over(&upstream.url, &args);
    let login = r#"{"username":"u","password":"the-password-of-theirs","extra":1}"#;
    watch.ask(
        "POST",
        "/api/v1/auth/login/",
        "Content-Type: application/json\r\n",
        login,
    );
    let headers =
        "Authorization: Token the-token-of-theirs\r\nCookie: sessionid=the-cookie-of-theirs\r\n";
    watch.ask(
        "GET",
        "/api/v1/stocks/?api_token=the-query-of-theirs",
        headers,
        "",
    );
    watch.ask("GET", "/api/v1/providers/?x=the-key-of-theirs", headers, "");
    let ended = watch.end();
    assert!(
        ended.findings("service").len() > 2,
        "{:#?}",
        ended.findings("service")
    );
    let mut texts = vec![
        ("out".to_owned(), ended.out.clone()),
        ("err".to_owned(), ended.err.clone()),
    ];
    texts.extend(
        formats
            .iter()
            .map(|f| ((*f).to_owned(), ended.folder.read(&format!("report.{f}")))),
    );
    for name in ["report.json", "kept/exchanges.har", "kept/world.json"] {
        texts.push((name.to_owned(), ended.folder.read(name)));
    }
    for (name, text) in &texts {
        for secret in secrets {
            assert!(!text.contains(secret), "{secret} is in {name}: {text}");
        }
    }
    assert!(
        texts[0].1.contains("(redacted)"),
        "there was something to be left out"
    );
}

#[test]
fn what_finds_no_room_in_the_queue_passes_all_the_same_and_is_counted() {
    let upstream = Scripted::start(|_| json(200, PAGE));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let limits = QueueLimits {
        exchanges: 3,
        ..QueueLimits::default()
    };
    let (inlet, seen) = queue(limits);
    let options = ProxyOptions {
        upstream: RemoteOptions::new(&upstream.url),
        preserve_host: false,
        body_limit: 1000,
    };
    let proxy = Proxy::new(options, inlet).unwrap();
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let serving = runtime.spawn(Arc::new(proxy).run(listener, stopped));
    // The judge is not running.
    for _ in 0..10 {
        let mut stream = TcpStream::connect(address).unwrap();
        stream
            .write_all(b"GET /api/v1/stocks/ HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.ends_with(PAGE), "{answer}");
    }
    stop.send(true).unwrap();
    runtime.block_on(serving).unwrap();
    let (exchanges, dropped) = seen.next().unwrap();
    assert_eq!((exchanges.len(), dropped), (3, 7));
}

// The command.

#[rstest]
#[case::upstream(&["watch"], "watch takes the service that it stands before: give --upstream URL")]
#[case::url(&["watch", "--upstream", "localhost:1"], "--upstream: `localhost:1` is no URL like")]
#[case::listen(&["watch", "--upstream=http://127.0.0.1:1", "--listen", "nowhere"], "--listen nowhere: ")]
#[case::duration(&["watch", "--upstream=http://127.0.0.1:1", "--for", "soon"], "it takes a duration like 90, 90s, 15m or 2h")]
#[case::level(&["watch", "--upstream=http://127.0.0.1:1", "--fail-on=must"], "it takes note, warning, error or never")]
#[case::record(&["watch", "--upstream=http://127.0.0.1:1", "--record-limit=5"], "--record")]
fn a_mistake_is_2_and_said(#[case] args: &[&str], #[case] said: &str) {
    let err = Folder::new().run(args).expect(2);
    assert!(err.contains(said), "{err}");
}

#[test]
fn a_watch_of_nothing_is_4() {
    let ended = Folder::new().run(&["watch", "--upstream=http://127.0.0.1:1", "--for=0.01s"]);
    assert_eq!(ended.code, Some(4), "{}{}", ended.out, ended.err);
    assert!(
        ended
            .out
            .contains("no check ran: no request of the API went by"),
        "{}",
        ended.out
    );
}

#[rstest]
#[case::its_own("exit 7", 7, "the command failed (exit status: 7)")]
#[case::killed("kill -9 $$", 137, "the command failed (signal: 9")]
#[case::nothing("test -n \"$WHIPPY_URL\"", 4, "")]
fn a_command_lends_its_exit_code(#[case] script: &str, #[case] code: i32, #[case] said: &str) {
    let ended = Folder::new().run(&[
        "watch",
        "--upstream=http://127.0.0.1:1",
        "--",
        "sh",
        "-c",
        script,
    ]);
    assert_eq!(ended.code, Some(code), "{}{}", ended.out, ended.err);
    assert!(ended.err.contains(said), "{}", ended.err);
}

#[test]
fn a_command_that_there_is_not_is_127() {
    let err = Folder::new()
        .run(&[
            "watch",
            "--upstream=http://127.0.0.1:1",
            "--",
            "no-such-command",
        ])
        .expect(127);
    assert!(err.contains("cannot run `no-such-command`: "), "{err}");
}

#[test]
fn a_command_that_is_well_ends_with_what_was_found() {
    let mock = Mock::of_world("demo");
    let program = env!("CARGO_BIN_EXE_whippy-conformance");
    let script = format!("{program} run --read-only --only 'pages/*' --target $WHIPPY_URL >&2");
    let args = |more: &'static str| {
        [
            "watch",
            "--preserve-host",
            more,
            "--upstream",
            &mock.url,
            "--",
            "sh",
            "-c",
            &script,
        ]
        .map(str::to_owned)
    };
    let run = |more| {
        let args = args(more);
        Folder::new().run(&args.each_ref().map(String::as_str))
    };
    let ended = run("--fail-on=never");
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    let ended = run("--fail-on=note");
    assert_eq!(ended.code, Some(1), "{}{}", ended.out, ended.err);
}

// Recordings.

/// Requests everything that a client can see, all of it by GET.
fn walk(get: &dyn Fn(&str) -> Value) -> Vec<Value> {
    let mut seen = Vec::new();
    for noun in ["stocks", "providers", "stock-locations", "stock-lists"] {
        for page in 1.. {
            let body = get(&format!("/api/v1/{noun}/?page={page}&limit=50"));
            let is_last = body["next"].is_null();
            seen.push(body);
            if is_last {
                break;
            }
        }
    }
    let skus: Vec<_> = seen[0]["results"]
        .as_array()
        .unwrap()
        .iter()
        .step_by(9)
        .collect();
    let skus: Vec<_> = skus
        .iter()
        .map(|row| row["sku"].as_str().unwrap().to_owned())
        .collect();
    for sku in &skus {
        for query in ["stock_query", "salable_stock_query"] {
            seen.push(get(&format!("/api/v1/stocks/{query}/?sku={sku}")));
        }
    }
    for query in [
        "sort=-stock,sku&limit=100",
        "is_active=false",
        "stock__gt=10&reserved_stock__gte=1",
        "stock_type=scheduled",
        "period__startswith__gte=2020-01-01T00:00:00Z",
        "provider_name=boutiques",
        "modified_date__lt=2023-04-01T00:00:00Z&sort=modified_date",
    ] {
        seen.push(get(&format!("/api/v1/stocks/?{query}")));
    }
    seen.push(get("/api/v1/providers/2/"));
    seen.push(get("/api/v1/stock-lists/3/"));
    seen
}

/// Returns values as text, without the hosts of links, which differ.
fn bare(values: &[Value], url: &str) -> String {
    serde_json::to_string_pretty(values)
        .unwrap()
        .replace(url.trim_start_matches("http://"), "HOST")
        .replace("localhost", "HOST")
}

#[test]
fn a_mock_made_of_a_recording_answers_as_the_service_did() {
    let mock = Mock::of_world("demo");
    let watch = Watch::over(&mock.url, &["--record=kept"]);
    let get = |path: &str| -> Value {
        let answer = watch.get(path);
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    };
    let seen = walk(&get);
    let original = bare(&seen, &mock.url);
    let ended = watch.end();
    assert_eq!(ended.findings("service"), [""; 0]);
    assert!(
        ended.err.contains("world.json: 330 stocks, 4 providers, "),
        "{}",
        ended.err
    );
    assert!(
        ended.err.contains("stock lists have every location"),
        "{}",
        ended.err
    );

    let world = ended.folder.read("kept/world.json");
    let again = Mock::of_json(&world);
    let replayed = bare(&walk(&|path| again.get(path)), &again.url);
    assert_eq!(replayed, original);

    // The recorded archive is judged like the traffic itself.
    let checked = ended
        .folder
        .run(&["check-har", "kept/exchanges.har", "--fail-on=never"]);
    assert_eq!(checked.code, Some(0), "{}{}", checked.out, checked.err);
    let line = format!("{} requests", ended.report.requests);
    assert!(checked.out.contains(&line), "{line}: {}", checked.out);
}

#[test]
fn what_writes_showed_is_in_the_recorded_world() {
    let mock = Mock::of_world("demo");
    let watch = Watch::over(&mock.url, &["--record=kept"]);
    let headers = "Authorization: Token any\r\nContent-Type: application/json\r\n";
    let post = |path: &str, body: &str| watch.ask("POST", path, headers, body);
    let create = r#"{"provider":"Merkez Depo","location":"wh-tuzla","stock":5,"sku":"REC-1"}"#;
    assert!(post("/api/v1/stocks/", create).starts_with("HTTP/1.1 201"));
    let upsert = r#"[{"provider":"Merkez Depo","location":"wh-tuzla","stock":9,"sku":"REC-1"},
        {"provider":"Merkez Depo","location":"wh-tuzla","stock":3,"sku":"REC-2"}]"#;
    assert!(post("/api/v1/stocks/insert_or_update_stock/", upsert).starts_with("HTTP/1.1 200"));
    let reserve = r#"{"sku":"REC-1","location":"wh-tuzla","provider":"Merkez Depo","date":"2023-05-10T13:37:18Z"}"#;
    let path = "/api/v1/stocks/increase_reserved_stock/";
    assert!(post(path, reserve).starts_with("HTTP/1.1 201"));
    let ended = watch.end();
    let again = Mock::of_json(&ended.folder.read("kept/world.json"));
    let stocks = again.get("/api/v1/stocks/");
    let rows: Vec<_> = stocks["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (
                row["sku"].as_str().unwrap(),
                row["stock"].as_i64().unwrap(),
                row["reserved_stock"].as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(rows, [("REC-1", 9, 1), ("REC-2", 3, 0)]);
    let replay = again.ask("POST", path, headers, reserve);
    assert!(
        replay.starts_with("HTTP/1.1 208"),
        "a date that was applied is known: {replay}"
    );
    assert!(
        ended
            .err
            .contains("1 stocks were seen by upserts and queries alone"),
        "{}",
        ended.err
    );
}

#[test]
fn a_recording_is_bounded_and_always_whole() {
    let mock = Mock::of_world("demo");
    let watch = Watch::over(&mock.url, &["--record=kept", "--record-limit=20000"]);
    for page in 1..20 {
        watch.get(&format!("/api/v1/stocks/?page={page}"));
    }
    let ended = watch.end();
    let archive = ended.folder.read("kept/exchanges.har");
    assert!(archive.len() <= 20_000, "{}", archive.len());
    let archive: Value = serde_json::from_str(&archive).unwrap();
    let kept = archive["log"]["entries"].as_array().unwrap().len();
    assert!(kept > 0);
    assert!(
        ended
            .err
            .contains(&format!("{} more are left out", 19 - kept)),
        "{}",
        ended.err
    );
    let again = ended
        .folder
        .run(&["watch", "--upstream", &mock.url, "--record=kept", "--for=1"]);
    let err = again.expect(2);
    assert!(
        err.contains("--record kept has a exchanges.har already"),
        "{err}"
    );
}

#[test]
fn what_hangs_is_not_waited_for_at_the_end() {
    let (hold, streams) = channel();
    let upstream = Raw::start(move |_, stream| hold.send(stream).unwrap());
    let watch = Watch::over(&upstream.url, &[]);
    let mut stream = TcpStream::connect(watch.url.trim_start_matches("http://")).unwrap();
    stream
        .write_all(b"GET /api/v1/stocks/ HTTP/1.1\r\nHost: here\r\n\r\n")
        .unwrap();
    let _upstream = streams.recv_timeout(Duration::from_secs(20)).unwrap();
    watch.process.signal(Signal::TERM);
    watch.process.signal(Signal::INT);
    let ended = watch.end();
    assert_eq!(ended.report.requests, 1, "what was under way is told");
}
