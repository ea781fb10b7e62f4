//! Bytes on the wire, against scripted servers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rstest::rstest;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use whippy_conformance::transport::remote::{Remote, RemoteOptions};
use whippy_conformance::transport::target::{InProcess, SeedState, Target, TargetError};
use whippy_engine::defects::Defects;
use whippy_engine::profile::Profile;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Runs a test with a server that passes its connections one after another to a script, with their
/// numbers from 0. It ends after as many connections as given.
fn with_server<T>(
    connections: usize,
    script: impl Fn(usize, TcpStream) + Send,
    test: impl FnOnce(SocketAddr) -> T,
) -> T {
    let (listener, address) = listen();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for number in 0..connections {
                script(number, listener.accept().unwrap().0);
            }
        });
        let _end = End(address);
        test(address)
    })
}

/// Connects to a server until it has ended, so that a failed test ends too.
struct End(SocketAddr);

impl Drop for End {
    fn drop(&mut self) {
        while TcpStream::connect(self.0).is_ok() {}
    }
}

/// Reads the next request: its head as text, and its body. `None` at the end.
fn next_request(reader: &mut impl BufRead) -> Option<(String, Vec<u8>)> {
    let mut head = String::new();
    while reader.read_line(&mut head).ok()? > 2 || head.len() <= 2 {
        if head.is_empty() {
            return None;
        }
        if head.ends_with("\r\n\r\n") {
            break;
        }
    }
    let length = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, length)| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}

/// Answers every request of a connection with the same bytes, and keeps their heads.
fn answer_all(stream: &TcpStream, answer: &[u8], heads: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream);
    while let Some((head, _)) = next_request(&mut reader) {
        heads.lock().unwrap().push(head);
        let mut stream = stream;
        stream.write_all(answer).unwrap();
    }
}

/// Reads one request, answers it with bytes, and closes the connection.
fn answer_once(stream: &TcpStream, answer: &[u8]) {
    next_request(&mut BufReader::new(stream)).unwrap();
    let mut stream = stream;
    // A client that has read enough may be gone.
    let _ = stream.write_all(answer);
}

fn options(address: SocketAddr) -> RemoteOptions {
    RemoteOptions::new(&format!("http://{address}"))
}

fn remote(address: SocketAddr) -> Remote {
    Remote::new(options(address)).unwrap()
}

fn request(target: &dyn Target, method: &str, path: &str, body: &'static str) -> Request<Bytes> {
    Request::builder()
        .method(method)
        .uri(format!("{}{path}", target.base()))
        .body(Bytes::from_static(body.as_bytes()))
        .unwrap()
}

fn get(target: &dyn Target) -> Result<Response<Bytes>, TargetError> {
    target.send(&request(target, "GET", "/api/v1/stocks/", ""))
}

fn post(target: &dyn Target) -> Result<Response<Bytes>, TargetError> {
    target.send(&request(target, "POST", "/api/v1/stocks/", "{}"))
}

#[track_caller]
fn sentence(answer: Result<Response<Bytes>, TargetError>) -> String {
    answer.unwrap_err().to_string()
}

// Answers.

#[rstest]
#[case::of_a_length("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok")]
#[case::in_chunks(
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\no\r\n1\r\nk\r\n0\r\nT: 1\r\n\r\n",
    200,
    "ok"
)]
#[case::until_the_end("HTTP/1.0 200 OK\r\n\r\nok", 200, "ok")]
#[case::after_interim_ones(
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok",
    201,
    "ok"
)]
#[case::without_a_body("HTTP/1.1 204 No Content\r\n\r\n", 204, "")]
#[case::that_redirects(
    "HTTP/1.1 301 Moved\r\nLocation: /elsewhere/\r\nContent-Length: 0\r\n\r\n",
    301,
    ""
)]
#[case::that_is_packed(
    "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok",
    200,
    "ok"
)]
#[case::of_an_odd_status("HTTP/1.1 799 Odd\r\nContent-Length: 2\r\n\r\nok", 799, "ok")]
fn an_answer_is_as_it_was_sent(#[case] answer: &str, #[case] status: u16, #[case] body: &str) {
    let got = with_server(
        1,
        |_, stream| answer_once(&stream, answer.as_bytes()),
        |address| get(&remote(address)).unwrap(),
    );
    assert_eq!(
        (got.status().as_u16(), got.body().as_ref()),
        (status, body.as_bytes())
    );
}

#[test]
fn the_answer_to_a_head_has_no_body_whatever_its_length_says() {
    let got = with_server(
        1,
        |_, stream| answer_once(&stream, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
        |address| {
            let remote = remote(address);
            remote.send(&request(&remote, "HEAD", "/api/v1/stocks/", ""))
        },
    );
    assert!(got.unwrap().body().is_empty());
}

#[rstest]
#[case::in_its_head(
    "HTTP/1.1 200 OK\r\nContent-",
    "closed the connection without a whole answer"
)]
#[case::before_its_head("", "closed the connection without a whole answer")]
#[case::in_its_body("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", "breaks off")]
#[case::in_a_chunk(
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok",
    "breaks off"
)]
#[case::between_chunks(
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
    "breaks off"
)]
#[case::in_the_length_of_a_chunk(
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "breaks off"
)]
#[case::from_the_start("SSH-2.0-OpenSSH_9.9\r\n", "is no HTTP")]
#[case::of_tls(
    "\u{15}\u{3}\u{1}\0\u{2}\u{2}F",
    "if it speaks TLS, give a URL of https://"
)]
fn an_answer_that_breaks_is_broken(#[case] answer: &str, #[case] said: &str) {
    let got = with_server(
        1,
        |_, stream| answer_once(&stream, answer.as_bytes()),
        |address| (get(&remote(address)), address.to_string()),
    );
    let error = got.0.unwrap_err();
    assert!(matches!(error, TargetError::Broken(_)), "{error:?}");
    let text = error.to_string();
    assert!(text.contains(said) && text.contains(&got.1), "{text}");
}

#[test]
fn an_answer_beyond_all_measure_is_not_read() {
    let size = 64 * 1024 * 1024 + 1;
    let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n").into_bytes();
    answer.resize(answer.len() + size, b'x');
    let got = with_server(
        1,
        |_, stream| answer_once(&stream, &answer),
        |address| get(&remote(address)),
    );
    let text = sentence(got);
    assert!(text.contains("is larger than 64 MiB"), "{text}");
}

#[rstest]
#[case::at_all("")]
#[case::to_the_end("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok")]
fn a_server_that_does_not_answer_is_not_waited_for(#[case] answer: &str) {
    let timeout = Duration::from_millis(100);
    let got = with_server(
        1,
        |_, stream| {
            answer_once(&stream, answer.as_bytes());
            // Waits until the client has given up.
            let _ = (&stream).read(&mut [0]);
        },
        |address| {
            let options = RemoteOptions {
                timeout,
                ..options(address)
            };
            get(&Remote::new(options).unwrap())
        },
    );
    let error = got.unwrap_err();
    assert_eq!(error, TargetError::TimedOut(timeout));
    assert_eq!(error.to_string(), "no answer within 0.1 s");
}

#[test]
fn a_port_where_nobody_listens_is_named() {
    let (listener, address) = listen();
    drop(listener);
    assert_eq!(
        sentence(get(&remote(address))),
        format!("the target cannot be reached: connection refused by {address}")
    );
}

#[test]
fn a_name_that_nobody_has_is_named() {
    let remote = Remote::new(RemoteOptions::new("http://nobody.invalid")).unwrap();
    let text = sentence(get(&remote));
    assert!(
        text.contains("no address is known for nobody.invalid"),
        "{text}"
    );
}

#[rstest]
#[case::that_never_comes("list-never-answers", "no answer within 10 s")]
#[case::that_is_cut_off("list-breaks-off", "closed in the middle of the answer")]
#[case::whose_connection_is_closed("list-is-reset-at-times", "closed without an answer")]
fn an_answer_is_lost_in_process_as_over_the_wire(#[case] defect: &str, #[case] said: &str) {
    let defect = whippy_engine::defects::named(defect).unwrap();
    let engine = InProcess::of_world("empty", Profile::default()).unwrap();
    let engine = engine.with_defects(Defects::new([defect]));
    let lost = (0..3).find_map(|_| get(&engine).err());
    let text = lost.unwrap().to_string();
    assert!(text.contains(said), "{text}");
}

// Connections.

#[test]
fn a_connection_is_kept() {
    let heads = Mutex::default();
    let bodies = with_server(
        1,
        |_, stream| answer_all(&stream, OK, &heads),
        |address| {
            let remote = remote(address);
            [get(&remote), post(&remote), get(&remote)].map(|got| got.unwrap().into_body())
        },
    );
    assert_eq!(bodies, ["ok"; 3]);
    assert_eq!(heads.lock().unwrap().len(), 3);
}

#[rstest]
#[case::a_reading("GET")]
#[case::a_write("POST")]
fn a_kept_connection_that_was_closed_is_replaced_before_anything_is_sent(#[case] method: &str) {
    let (closed, is_closed) = mpsc::channel();
    let (bodies, rest) = with_server(
        2,
        move |_, stream| {
            answer_once(&stream, OK);
            drop(stream);
            closed.send(()).unwrap();
        },
        |address| {
            let remote = remote(address);
            let send = || {
                let got = remote.send(&request(&remote, method, "/api/v1/stocks/", ""));
                // A failed request has nothing to wait for.
                let body = got.unwrap().into_body();
                is_closed.recv().unwrap();
                body
            };
            ([send(), send()], is_closed.try_recv())
        },
    );
    assert_eq!(bodies, ["ok", "ok"]);
    assert!(rest.is_err());
}

/// Runs a test with a server whose first connection answers once and closes at the second request.
/// Also returns the requests.
fn with_a_server_that_hangs_up<T>(
    connections: usize,
    test: impl FnOnce(&Remote) -> T,
) -> (T, Vec<String>) {
    let heads = Mutex::default();
    let outcome = with_server(
        connections,
        |number, stream| {
            if number > 0 {
                return answer_all(&stream, OK, &heads);
            }
            let mut reader = BufReader::new(&stream);
            for answer in [OK, b""] {
                heads
                    .lock()
                    .unwrap()
                    .push(next_request(&mut reader).unwrap().0);
                (&stream).write_all(answer).unwrap();
            }
        },
        |address| test(&remote(address)),
    );
    let heads: Vec<String> = heads.into_inner().unwrap();
    let lines = heads
        .iter()
        .map(|head| head.lines().next().unwrap().to_owned());
    (outcome, lines.collect())
}

#[test]
fn a_reading_that_a_stale_connection_lost_is_sent_again() {
    let (got, asked) = with_a_server_that_hangs_up(2, |remote| [get(remote), get(remote)]);
    assert!(got.iter().all(Result::is_ok), "{got:?}");
    assert_eq!(asked, ["GET /api/v1/stocks/ HTTP/1.1"; 3]);
}

#[test]
fn a_write_is_never_sent_twice() {
    let (got, asked) = with_a_server_that_hangs_up(1, |remote| {
        get(remote).unwrap();
        post(remote)
    });
    assert!(matches!(got, Err(TargetError::Broken(_))), "{got:?}");
    assert_eq!(
        asked,
        [
            "GET /api/v1/stocks/ HTTP/1.1",
            "POST /api/v1/stocks/ HTTP/1.1"
        ]
    );
}

#[test]
fn a_reading_that_a_new_connection_lost_is_not_sent_again() {
    // The server takes one connection. Another would not be refused, but would hang.
    let got = with_server(
        1,
        |_, stream| answer_once(&stream, b""),
        |address| get(&remote(address)),
    );
    assert!(matches!(got, Err(TargetError::Broken(_))), "{got:?}");
}

#[test]
fn threads_do_not_wait_for_each_other() {
    let together = Arc::new(Barrier::new(4));
    let handlers = Mutex::new(Vec::new());
    let bodies = with_server(
        4,
        |_, stream| {
            let together = Arc::clone(&together);
            handlers.lock().unwrap().push(std::thread::spawn(move || {
                next_request(&mut BufReader::new(&stream)).unwrap();
                // No request is answered before all have arrived.
                together.wait();
                (&stream).write_all(OK).unwrap();
            }));
        },
        |address| {
            let remote = remote(address);
            std::thread::scope(|scope| {
                let asked = [(); 4].map(|()| scope.spawn(|| get(&remote)));
                asked.map(|thread| thread.join().unwrap().unwrap().into_body())
            })
        },
    );
    assert_eq!(bodies, ["ok"; 4]);
}

// Requests.

/// Returns the head of the one request that a test sends.
fn head_of(
    options: impl FnOnce(SocketAddr) -> RemoteOptions,
    send: impl FnOnce(&Remote),
) -> String {
    let heads = Mutex::default();
    with_server(
        1,
        |_, stream| answer_all(&stream, OK, &heads),
        |address| {
            let remote = Remote::new(options(address)).unwrap();
            send(&remote);
            drop(remote);
            address
        },
    );
    let mut heads: Vec<String> = heads.into_inner().unwrap();
    assert_eq!(heads.len(), 1);
    heads.remove(0)
}

#[test]
fn a_request_goes_out_with_what_http_asks_for_and_no_more() {
    let head = head_of(options, |remote| {
        post(remote).unwrap();
    });
    let lines: Vec<&str> = head.lines().collect();
    let host = lines
        .iter()
        .find_map(|line| line.strip_prefix("host: 127.0.0.1:"));
    assert!(host.is_some(), "{head}");
    let rest: Vec<_> = lines
        .into_iter()
        .filter(|line| !line.starts_with("host:"))
        .collect();
    let agent = concat!("user-agent: whippy-conformance/", env!("CARGO_PKG_VERSION"));
    assert_eq!(
        rest,
        [
            "POST /api/v1/stocks/ HTTP/1.1",
            "content-length: 2",
            agent,
            ""
        ]
    );
}

#[test]
fn a_post_without_a_body_says_so() {
    let head = head_of(options, |remote| {
        remote
            .send(&request(remote, "POST", "/api/v1/active-stocks/1/", ""))
            .unwrap();
    });
    assert!(head.contains("content-length: 0\r\n"), "{head}");
}

#[test]
fn extra_headers_go_along_where_a_request_has_none_of_its_own() {
    let given = [
        ("X-Gateway", "a"),
        ("X-Gateway", "b"),
        ("Accept-Language", "tr"),
    ];
    let head = head_of(
        |address| RemoteOptions {
            headers: given.map(|(n, v)| (n.to_owned(), v.to_owned())).into(),
            ..options(address)
        },
        |remote| {
            let mut request = request(remote, "GET", "/api/v1/stocks/", "");
            let english = http::HeaderValue::from_static("en");
            request.headers_mut().insert("accept-language", english);
            remote.send(&request).unwrap();
        },
    );
    for expected in [
        "x-gateway: a\r\n",
        "x-gateway: b\r\n",
        "accept-language: en\r\n",
    ] {
        assert!(head.contains(expected), "{head}");
    }
    assert!(!head.contains(": tr"), "{head}");
}

#[test]
fn a_prefix_stands_in_front_of_every_path() {
    let with_prefix = |address| RemoteOptions::new(&format!("http://{address}/shop/"));
    let head = head_of(with_prefix, |remote| {
        get(remote).unwrap();
    });
    assert!(
        head.starts_with("GET /shop/api/v1/stocks/ HTTP/1.1\r\n"),
        "{head}"
    );
}

#[test]
fn a_request_to_another_host_is_not_sent() {
    let (_listener, address) = listen();
    let remote = remote(address);
    let elsewhere = Request::get("http://127.0.0.1:1/api/v1/stocks/");
    let got = remote.send(&elsewhere.body(Bytes::new()).unwrap());
    assert!(matches!(got, Err(TargetError::Forbidden(_))), "{got:?}");
}

#[rstest]
#[case("http://user:hunter2@localhost", "a token goes into --token")]
#[case("localhost:8000", "is no URL like")]
#[case("ftp://localhost", "is no URL like")]
#[case("http://", "is no URL like")]
#[case("http://localhost/?token=x", "more than a path")]
#[case("http://localhost/#x", "more than a path")]
#[case("http://localhost/api/v1/", "the suite adds /api/v1/")]
fn a_url_that_is_of_no_use_is_refused(#[case] url: &str, #[case] said: &str) {
    let error = Remote::new(RemoteOptions::new(url))
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains(said), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[rstest]
#[case("http://localhost:80/", "http://localhost")]
#[case("https://localhost:443/a/b/", "https://localhost/a/b")]
#[case("http://[::1]:8000", "http://[::1]:8000")]
#[case("HTTP://localhost:8000", "http://localhost:8000")]
fn a_base_has_no_slash_and_no_usual_port(#[case] url: &str, #[case] base: &str) {
    assert_eq!(Remote::new(RemoteOptions::new(url)).unwrap().base(), base);
}

#[rstest]
#[case::its_own_token(|o: &mut RemoteOptions| o.headers.push(("Authorization".into(), "hunter2".into())), "is the token's own")]
#[case::the_transports(|o: &mut RemoteOptions| o.headers.push(("Host".into(), "hunter2".into())), "is set by the transport")]
#[case::no_header(|o: &mut RemoteOptions| o.headers.push(("a b".into(), "hunter2".into())), "`a b` is no header's name")]
#[case::no_value(|o: &mut RemoteOptions| o.headers.push(("a".into(), "hunter2\n".into())), "none that a header can have")]
#[case::no_rate(|o: &mut RemoteOptions| o.rate = Some(0.0), "the rate must be greater than 0, not 0")]
#[case::no_time(|o: &mut RemoteOptions| o.timeout = Duration::ZERO, "no time for an answer")]
#[case::no_proxy(|o: &mut RemoteOptions| o.proxy = Some("socks5://u:hunter2@localhost".into()), "the proxy is no URL like")]
fn options_that_are_of_no_use_are_refused(
    #[case] change: fn(&mut RemoteOptions),
    #[case] said: &str,
) {
    let mut options = RemoteOptions::new("http://localhost");
    change(&mut options);
    let error = Remote::new(options).err().unwrap().to_string();
    assert!(error.contains(said), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn a_seed_goes_to_the_control_and_says_what_became_of_it() {
    let answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 20\r\n\r\n{\"detail\":\"No such\"}";
    let heads = Mutex::default();
    let seeded = with_server(
        1,
        |_, stream| answer_all(&stream, answer, &heads),
        |address| {
            let admin_token = Some("a".to_owned());
            let remote = Remote::new(RemoteOptions {
                admin_token,
                ..options(address)
            })
            .unwrap();
            remote.seed(&SeedState {
                world: "empty".to_owned(),
                clock: "real".to_owned(),
                profile: serde_json::Value::Null,
            })
        },
    );
    assert_eq!(
        seeded.unwrap_err().to_string(),
        "the target cannot be seeded: POST /__admin/reset answers 404 Not Found: No such"
    );
    let heads: Vec<String> = heads.into_inner().unwrap();
    assert!(
        heads[0].starts_with("POST /__admin/reset HTTP/1.1\r\n"),
        "{heads:?}"
    );
    assert!(
        heads[0].contains("authorization: Bearer a\r\n"),
        "{heads:?}"
    );
}

// Proxies.

#[test]
fn a_proxy_gets_the_whole_url_and_who_asks() {
    let head = head_of(
        |address| RemoteOptions {
            proxy: Some(format!("http://user:p%40ss@{address}")),
            ..RemoteOptions::new("http://whippy.invalid/shop")
        },
        |remote| {
            get(remote).unwrap();
        },
    );
    assert!(
        head.starts_with("GET http://whippy.invalid/shop/api/v1/stocks/ HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(head.contains("host: whippy.invalid\r\n"), "{head}");
    // The Base64 of `user:p@ss`.
    assert!(
        head.contains("proxy-authorization: Basic dXNlcjpwQHNz\r\n"),
        "{head}"
    );
}

#[test]
fn a_proxy_that_refuses_to_connect_is_named() {
    let (got, address) = with_server(
        1,
        |_, stream| {
            answer_once(
                &stream,
                b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
            );
        },
        |address| {
            let remote = Remote::new(RemoteOptions {
                proxy: Some(format!("http://{address}")),
                ..RemoteOptions::new("https://whippy.invalid")
            });
            (get(&remote.unwrap()), address)
        },
    );
    assert_eq!(
        sentence(got),
        format!(
            "the target cannot be reached: the proxy {address} does not connect to \
             whippy.invalid:443: it answers 407"
        )
    );
}

// TLS.

/// The certificate of a server, and the CA to trust for it.
struct Identity {
    config: Arc<rustls::ServerConfig>,
    ca: String,
}

impl Identity {
    /// Creates a certificate for a name, signed by a new CA.
    fn signed(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap());
        let authority = authority.unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let certificate = params.signed_by(&key, &authority).unwrap();
        Self::of(&certificate, &key, authority.pem())
    }

    /// Creates a self-signed certificate, as `openssl req -x509` makes it.
    fn self_signed(name: &str) -> Self {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self::of(&certificate, &key, certificate.pem())
    }

    fn of(certificate: &rcgen::Certificate, key: &KeyPair, ca: String) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Self {
            config: Arc::new(config),
            ca,
        }
    }

    /// Answers one request over TLS, if the handshake succeeds.
    fn answer(&self, stream: TcpStream) {
        let session = rustls::ServerConnection::new(Arc::clone(&self.config)).unwrap();
        let mut tls = BufReader::new(rustls::StreamOwned::new(session, stream));
        if next_request(&mut tls).is_some() {
            tls.get_mut().write_all(OK).unwrap();
        }
    }
}

/// Sends a request to a server with this identity.
fn over_tls(
    identity: &Identity,
    change: impl FnOnce(&mut RemoteOptions),
) -> Result<Response<Bytes>, TargetError> {
    with_server(
        1,
        |_, stream| identity.answer(stream),
        |address| {
            let mut options = RemoteOptions::new(&format!("https://localhost:{}", address.port()));
            change(&mut options);
            get(&Remote::new(options).unwrap())
        },
    )
}

fn trusting(identity: &Identity) -> impl FnOnce(&mut RemoteOptions) {
    let ca = identity.ca.clone().into_bytes();
    move |options| options.ca_cert = Some(ca)
}

#[test]
fn a_ca_of_the_users_is_trusted() {
    let identity = Identity::signed("localhost", |_| {});
    assert_eq!(
        over_tls(&identity, trusting(&identity)).unwrap().body(),
        "ok"
    );
}

#[test]
fn a_certificate_of_the_users_is_trusted_though_it_signed_itself() {
    let identity = Identity::self_signed("localhost");
    assert_eq!(
        over_tls(&identity, trusting(&identity)).unwrap().body(),
        "ok"
    );
}

#[test]
fn anybody_is_trusted_on_demand() {
    let identity = Identity::signed("elsewhere", |_| {});
    let got = over_tls(&identity, |options| options.insecure = true);
    assert_eq!(got.unwrap().body(), "ok");
}

#[test]
fn a_stranger_is_not_trusted_and_the_way_out_is_named() {
    let identity = Identity::signed("localhost", |_| {});
    let other = Identity::signed("localhost", |_| {});
    for text in [
        sentence(over_tls(&identity, |_| {})),
        sentence(over_tls(&identity, trusting(&other))),
    ] {
        assert!(
            text.contains("signed by nobody who is trusted here"),
            "{text}"
        );
        assert!(
            text.contains("--ca-cert") && text.contains("--insecure"),
            "{text}"
        );
    }
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    for identity in [
        Identity::signed("elsewhere", |_| {}),
        Identity::self_signed("elsewhere"),
    ] {
        let text = sentence(over_tls(&identity, trusting(&identity)));
        assert!(text.contains("is for another name"), "{text}");
    }
}

#[test]
fn a_certificate_out_of_date_is_refused() {
    let identity = Identity::signed("localhost", |params| {
        params.not_after = rcgen::date_time_ymd(2001, 1, 1);
    });
    let text = sentence(over_tls(&identity, trusting(&identity)));
    assert!(text.contains("has expired"), "{text}");
}

#[test]
fn a_server_without_tls_is_found_out() {
    let got = with_server(
        1,
        |_, mut stream| {
            stream
                .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                .unwrap();
            let _ = stream.read_to_end(&mut Vec::new());
        },
        |address| get(&Remote::new(RemoteOptions::new(&format!("https://{address}"))).unwrap()),
    );
    let text = sentence(got);
    assert!(text.contains("does not speak TLS"), "{text}");
}

#[test]
fn a_server_without_http_2_is_found_out() {
    let mut identity = Identity::self_signed("localhost");
    let asked = |identity: &Identity| {
        let got = over_tls(identity, |options| {
            trusting(identity)(options);
            options.http2 = true;
        });
        sentence(got)
    };
    // One server that chooses no protocol, and one that refuses the offered one.
    let silent = asked(&identity);
    Arc::make_mut(&mut identity.config).alpn_protocols = vec![b"http/1.1".to_vec()];
    let refusing = asked(&identity);
    for text in [silent, refusing] {
        assert!(
            text.ends_with("speaks no HTTP/2; leave out --http2"),
            "{text}"
        );
    }
}

#[test]
fn a_proxy_that_reads_takes_no_http_2() {
    let error = Remote::new(RemoteOptions {
        http2: true,
        proxy: Some("http://proxy.invalid:3128".to_owned()),
        ..RemoteOptions::new("http://whippy.invalid")
    });
    let said = error.err().unwrap().to_string();
    assert!(said.contains("takes no HTTP/2"), "{said}");
}

#[test]
fn a_server_that_never_comes_to_tls_is_not_reached() {
    let (got, address) = with_server(
        1,
        |_, mut stream| {
            let _ = stream.read_to_end(&mut Vec::new());
        },
        |address| {
            let options = RemoteOptions {
                timeout: Duration::from_millis(100),
                ..RemoteOptions::new(&format!("https://{address}"))
            };
            (get(&Remote::new(options).unwrap()), address)
        },
    );
    assert_eq!(
        sentence(got),
        format!("the target cannot be reached: no connection to {address} within 0.1 s")
    );
}

#[rstest]
#[case("", "has no certificate in it")]
#[case("-----BEGIN CERTIFICATE-----\nhello", "is no PEM file")]
fn a_ca_file_without_a_certificate_is_refused(#[case] pem: &str, #[case] said: &str) {
    let options = RemoteOptions {
        ca_cert: Some(pem.as_bytes().to_vec()),
        ..RemoteOptions::new("https://localhost")
    };
    let error = Remote::new(options).err().unwrap().to_string();
    assert!(error.contains(said), "{error}");
}

#[test]
fn tls_goes_through_a_proxy() {
    let identity = Identity::signed("whippy.invalid", |_| {});
    let asked = Mutex::new(String::new());
    let got = with_server(
        1,
        |_, stream| {
            let (head, _) = next_request(&mut BufReader::new(&stream)).unwrap();
            *asked.lock().unwrap() = head;
            (&stream)
                .write_all(b"HTTP/1.1 200 Connected\r\n\r\n")
                .unwrap();
            identity.answer(stream);
        },
        |address| {
            let remote = Remote::new(RemoteOptions {
                proxy: Some(format!("http://user:pass@{address}")),
                ca_cert: Some(identity.ca.clone().into_bytes()),
                ..RemoteOptions::new("https://whippy.invalid")
            });
            get(&remote.unwrap())
        },
    );
    assert_eq!(got.unwrap().body(), "ok");
    assert_eq!(
        asked.into_inner().unwrap(),
        "CONNECT whippy.invalid:443 HTTP/1.1\r\nHost: whippy.invalid:443\r\n\
         Proxy-Authorization: Basic dXNlcjpwYXNz\r\n\r\n"
    );
}
