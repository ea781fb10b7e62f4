//! TLS: the certificates to trust, the protocols over it, and faults below it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    self, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};

use crate::requests::{INCREASE, SKU, STOCKS};
use crate::support::{
    Client, Ended, HEALTH, Mock, PATIENCE, Process, Way, file, get, message, post, run, socket,
    stock,
};

const SELF_SIGNED: &str = "--tls-self-signed";

// Clients.

fn config() -> rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier> {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
}

/// Returns a client that accepts any certificate.
pub(crate) fn trusting_anybody(protocols: &[&str]) -> ClientConfig {
    let anybody = Anybody(Arc::new(ring::default_provider()));
    let mut config = config()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(anybody))
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| (*name).into()).collect();
    config
}

/// Returns a client that trusts these CAs.
fn trusting(pem: &str) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    config().with_root_certificates(roots).with_no_client_auth()
}

#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Performs a TLS handshake; returns the protocol and the certificate, or the error.
fn shake_hands(
    mock: &Mock,
    config: ClientConfig,
    name: &str,
) -> Result<(Option<Vec<u8>>, CertificateDer<'static>), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let stream = TcpStream::connect(mock.address).await.unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let connected = TlsConnector::from(Arc::new(config)).connect(name, stream);
        let stream = connected.await.map_err(|error| error.to_string())?;
        let (_, session) = stream.get_ref();
        let shown = session.peer_certificates().unwrap()[0].clone();
        Ok((session.alpn_protocol().map(<[u8]>::to_vec), shown))
    })
}

/// Returns the CA that a mock has printed.
fn printed_ca(mock: &Mock) -> String {
    let mut pem = String::new();
    loop {
        let line = mock.said();
        pem += &line;
        if line.starts_with("-----END") {
            return pem;
        }
    }
}

/// Returns `true` if a mock has a certificate for this name, signed by its CA. For the table of
/// settings.
pub(crate) fn is_called(mock: &Mock, ca: &str, name: &str) -> bool {
    shake_hands(mock, trusting(ca), name).is_ok()
}

/// Returns those of the names that the certificate of a mock has.
pub(crate) fn names(mock: &Mock, names: &[&str]) -> String {
    let ca = printed_ca(mock);
    let has = names.iter().filter(|name| is_called(mock, &ca, name));
    has.copied().collect::<Vec<_>>().join(" ")
}

/// Returns `true` if a mock sends the first certificate of a file.
pub(crate) fn shows(mock: &Mock, path: &str) -> bool {
    let (_, shown) = shake_hands(mock, trusting_anybody(&[]), "localhost").unwrap();
    CertificateDer::from_pem_file(path).unwrap() == shown
}

/// Writes a self-signed certificate for `localhost`, and its key.
pub(crate) fn write_certificate(certificate: &str, key: &KeyPair) {
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let signed = params.self_signed(key).unwrap();
    std::fs::write(certificate, signed.pem()).unwrap();
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A client of hyper over any transport.
pub(crate) enum Hyper {
    One(http1::SendRequest<Full<Bytes>>),
    Two(http2::SendRequest<Full<Bytes>>),
}

impl Hyper {
    pub(crate) async fn connect(mock: &Mock, is_http2: bool) -> Self {
        let stream: Box<dyn Duplex> = match &mock.way {
            Way::Tcp => Box::new(TcpStream::connect(mock.address).await.unwrap()),
            Way::Unix(path) => Box::new(UnixStream::connect(path).await.unwrap()),
            Way::Tls => {
                let protocol = if is_http2 { "h2" } else { "http/1.1" };
                let config = trusting_anybody(&[protocol]);
                let name = ServerName::try_from("localhost").unwrap();
                let stream = TcpStream::connect(mock.address).await.unwrap();
                let connector = TlsConnector::from(Arc::new(config));
                let stream = connector.connect(name, stream).await.unwrap();
                let (_, session) = stream.get_ref();
                assert_eq!(session.alpn_protocol(), Some(protocol.as_bytes()));
                Box::new(stream)
            }
        };
        let stream = TokioIo::new(stream);
        if is_http2 {
            let shaken = http2::handshake(TokioExecutor::new(), stream).await;
            let (sender, connection) = shaken.unwrap();
            tokio::spawn(connection);
            Self::Two(sender)
        } else {
            let (sender, connection) = http1::handshake(stream).await.unwrap();
            tokio::spawn(connection);
            Self::One(sender)
        }
    }

    /// Sends a request; returns the answer or the error.
    pub(crate) async fn ask(
        &mut self,
        (method, path): (&str, &str),
        body: &Value,
    ) -> Result<(StatusCode, HeaderMap, Bytes), String> {
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let request = Request::builder()
            .method(method)
            .header("authorization", "Token t")
            .header("content-type", "application/json");
        // Over HTTP/2 the client states the scheme, which may be wrong.
        let request = match self {
            Self::One(_) => request.uri(path).header("host", "localhost"),
            Self::Two(_) => request.uri(format!("http://localhost{path}")),
        };
        let request = request.body(Full::new(body.into())).unwrap();
        let answered = match self {
            Self::One(sender) => tokio::time::timeout(PATIENCE, sender.send_request(request)).await,
            Self::Two(sender) => tokio::time::timeout(PATIENCE, sender.send_request(request)).await,
        };
        let answer = answered.unwrap().map_err(|error| error.to_string())?;
        let (head, body) = answer.into_parts();
        let body = tokio::time::timeout(PATIENCE, body.collect()).await;
        let body = body.unwrap().map_err(|error| error.to_string())?;
        Ok((head.status, head.headers, body.to_bytes()))
    }

    pub(crate) async fn get(&mut self, path: &str) -> Value {
        let (status, _, body) = self.ask(("GET", path), &Value::Null).await.unwrap();
        assert_eq!(status, 200);
        serde_json::from_slice(&body).unwrap()
    }
}

// Whom to trust.

#[rstest]
#[case("localhost", true)]
#[case("127.0.0.1", true)]
#[case("::1", true)]
#[case("host.docker.internal", true)]
#[case("127.0.0.2", true)]
#[case("mock.example", true)]
#[case("any.example.test", true)]
#[case("10.1.2.3", true)]
#[case("127.0.0.3", false)]
#[case("other.example", false)]
fn the_ca_that_is_printed_vouches_for_the_names_of_the_mock(
    #[case] name: &str,
    #[case] is_one: bool,
) {
    let mock = Mock::of(Process::spawn(
        &[
            SELF_SIGNED,
            "--listen=127.0.0.2:0",
            "--tls-name=mock.example,*.example.test",
            "--tls-name=10.1.2.3",
        ],
        &[],
    ));
    assert_eq!(mock.way, Way::Tls);
    let ca = printed_ca(&mock);
    let shaken = shake_hands(&mock, trusting(&ca), name);
    assert_eq!(shaken.is_ok(), is_one, "{shaken:?}");
}

#[test]
fn the_ca_of_one_run_does_not_vouch_for_another() {
    let (one, other) = (Mock::start(&[SELF_SIGNED]), Mock::start(&[SELF_SIGNED]));
    let (ca_of_one, ca_of_other) = (printed_ca(&one), printed_ca(&other));
    assert!(is_called(
        &one,
        &(ca_of_one.clone() + &ca_of_other),
        "localhost"
    ));
    assert!(is_called(
        &one,
        &(ca_of_other.clone() + &ca_of_one),
        "localhost"
    ));
    assert!(!is_called(&one, &ca_of_other, "localhost"));
    assert!(!is_called(&other, &ca_of_one, "localhost"));
}

#[test]
fn the_ca_is_in_the_file_before_the_first_line() {
    let path = file(".pem", "");
    let mock = Mock::start(&[SELF_SIGNED, &format!("--tls-ca-out={path}")]);
    let ca = std::fs::read_to_string(&path).unwrap();
    assert!(is_called(&mock, &ca, "localhost"));
    assert_eq!(mock.said(), format!("Trust the CA in {path}\n"));
}

#[test]
fn a_chain_in_a_file_leads_to_its_root() {
    let authority = |name: &str| {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        params
    };
    let key = || KeyPair::generate().unwrap();
    let root = CertifiedIssuer::self_signed(authority("root"), key()).unwrap();
    let between = CertifiedIssuer::signed_by(authority("between"), key(), &root).unwrap();
    let own_key = key();
    let own = CertificateParams::new(["mock.example".to_owned()]).unwrap();
    let own = own.signed_by(&own_key, &between).unwrap();
    let chain = file(".chain.pem", own.pem() + &between.pem());
    let key = file(".key.pem", own_key.serialize_pem());
    let flags = [format!("--tls-cert={chain}"), format!("--tls-key={key}")];
    let mock = Mock::start(&flags.each_ref().map(String::as_str));
    assert!(is_called(&mock, &root.pem(), "mock.example"));
    assert!(!is_called(&mock, &root.pem(), "localhost"));
    mock.get(STOCKS).expect(200);
    // A certificate from files is the user's, and nothing is printed about it.
    let ended = mock.stop();
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""));
}

#[test]
fn files_that_are_none_of_a_certificate_are_refused_in_a_sentence() {
    let key_pair = KeyPair::generate().unwrap();
    let key = file(".key.pem", key_pair.serialize_pem());
    let certificate = file(".cert.pem", "");
    write_certificate(&certificate, &key_pair);
    let other = file(".other.pem", KeyPair::generate().unwrap().serialize_pem());
    let empty = file(".empty.pem", "");
    let torn = file(
        ".torn.pem",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
    let locked =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let locked = file(".locked.pem", locked);
    let said = |certificate: &str, key: &str| {
        let flags = [
            format!("--tls-cert={certificate}"),
            format!("--tls-key={key}"),
        ];
        let Ended { code, out, err } = run(&flags, &[]);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{err}");
        let folder = format!("{}/", env!("CARGO_TARGET_TMPDIR"));
        let test = "tls-files_that_are_none_of_a_certificate_are_refused_in_a_sentence";
        err.replace(&folder, "").replace(test, "~")
    };
    let sentences = [
        said("/nowhere.pem", &key),
        said(&empty, &key),
        said(&key, &key),
        said(&torn, &key),
        said(&certificate, "/nowhere.pem"),
        said(&certificate, &empty),
        said(&certificate, &certificate),
        said(&certificate, &locked),
        said(&certificate, &other),
    ];
    insta::assert_snapshot!(sentences.concat(), @r"
    whippy-mock: --tls-cert /nowhere.pem: No such file or directory (os error 2)
    whippy-mock: --tls-cert ~.empty.pem: there is no certificate in it, which begins with -----BEGIN CERTIFICATE-----
    whippy-mock: --tls-cert ~.key.pem: there is no certificate in it, which begins with -----BEGIN CERTIFICATE-----
    whippy-mock: --tls-cert ~.torn.pem: its certificate cannot be read: BadEncoding
    whippy-mock: --tls-key /nowhere.pem: No such file or directory (os error 2)
    whippy-mock: --tls-key ~.empty.pem: there is no key in it that can be read, which begins with -----BEGIN PRIVATE KEY-----; one with a password cannot be
    whippy-mock: --tls-key ~.cert.pem: there is no key in it that can be read, which begins with -----BEGIN PRIVATE KEY-----; one with a password cannot be
    whippy-mock: --tls-key ~.locked.pem: there is no key in it that can be read, which begins with -----BEGIN PRIVATE KEY-----; one with a password cannot be
    whippy-mock: --tls-key ~.other.pem: it is not the key of the certificate
    ");
}

#[rstest]
#[case(&["--tls-cert=a.pem"], "--tls-cert needs --tls-key beside it")]
#[case(&["--tls-key=a.pem"], "--tls-key needs --tls-cert beside it")]
#[case(&["--tls-cert=a.pem", "--tls-key=a.pem", SELF_SIGNED], "leave out --tls-cert and --tls-key, or it")]
#[case(&["--tls-name=a.example"], "--tls-name needs --tls-self-signed beside it")]
#[case(&["--tls-ca-out=ca.pem"], "--tls-ca-out needs --tls-self-signed beside it")]
#[case(&[SELF_SIGNED, "--tls-name=a b"], "--tls-name cannot be `a b`")]
#[case(&[SELF_SIGNED, "--tls-ca-out=/nowhere/ca.pem"], "--tls-ca-out /nowhere/ca.pem: No such file")]
#[case(&[SELF_SIGNED, "--listen=unix:mock.sock"], "--listen unix:mock.sock goes without TLS")]
fn flags_that_do_not_go_together_are_refused(#[case] flags: &[&str], #[case] why: &str) {
    let ended = run(flags, &[]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains(why), "{}", ended.err);
}

// Protocols.

#[rstest]
#[case::the_better_one(&["http/1.1", "h2"], Some("h2"))]
#[case::the_old_one(&["http/1.1"], Some("http/1.1"))]
#[case::none(&[], None)]
fn the_protocol_is_agreed_on(#[case] offered: &[&str], #[case] agreed: Option<&str>) {
    let mock = Mock::start(&[SELF_SIGNED]);
    let (protocol, _) = shake_hands(&mock, trusting_anybody(offered), "localhost").unwrap();
    assert_eq!(protocol.as_deref(), agreed.map(str::as_bytes));
}

#[rstest]
#[tokio::test]
async fn links_lead_back_by_tls(#[values(false, true)] is_http2: bool) {
    let mock = Mock::start(&[SELF_SIGNED]);
    let mut client = Hyper::connect(&mock, is_http2).await;
    let page = client.get(&format!("{STOCKS}?limit=1&page=2")).await;
    let link = |page: &str| format!("https://localhost{STOCKS}?limit=1{page}");
    assert_eq!(page["next"], link("&page=3"));
    assert_eq!(page["previous"], link(""));
    let page = client.get(&format!("/worlds/one{STOCKS}?limit=1")).await;
    let next = format!("https://localhost/worlds/one{STOCKS}?limit=1&page=2");
    assert_eq!(page["next"], next);
    let asked = ("GET", "/worlds/one/api/v1/stocks");
    let (status, headers, _) = client.ask(asked, &Value::Null).await.unwrap();
    assert_eq!(status, 301);
    // A redirect without a host leads to the same server.
    assert_eq!(headers["location"], "/worlds/one/api/v1/stocks/");
}

#[rstest]
#[tokio::test]
async fn what_was_asked_over_tls_is_kept_so_and_played_again(
    #[values(false, true)] is_http2: bool,
) {
    let mock = Mock::start(&[SELF_SIGNED]);
    let mut client = Hyper::connect(&mock, is_http2).await;
    client.get(&format!("{STOCKS}?limit=1")).await;
    let archive = client.get("/__admin/requests/har").await;
    let url = format!("https://localhost{STOCKS}?limit=1");
    assert_eq!(archive["log"]["entries"][0]["request"]["url"], url);
    let bundle = mock.get("/__admin/bundle").expect(200);
    let path = file(&format!(".{is_http2}.json"), &bundle.body);
    let ended = run(&["replay", "--check", &path], &[]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
}

#[test]
fn requests_of_many_sizes_come_and_go_over_one_connection() {
    let mock = Mock::start(&[SELF_SIGNED]);
    let mut client = mock.connect();
    for rows in [1, 100, 5000] {
        let rows: Vec<_> = (0..rows).map(|n| stock(&format!("SKU{n}"))).collect();
        let upsert = "/api/v1/stocks/insert_or_update_stock/";
        client.ask(post(upsert, &rows.into())).expect(200);
        let page = client.ask(get(&format!("{STOCKS}?limit=1000"))).expect(200);
        assert!(page.json()["count"].as_u64().unwrap() > 3);
    }
}

#[test]
fn who_speaks_plainly_is_told_to_speak_tls() {
    let mock = Mock::start(&[SELF_SIGNED]);
    let answer = mock.connect_plainly().ask(get(STOCKS)).expect(400);
    assert_eq!(
        answer.text(),
        "This port speaks TLS: the URL begins with https://\n"
    );
    let mut noise = mock.connect_plainly();
    noise.send("\0\0\0\0");
    assert_eq!(noise.rest(), b"");
    mock.get(STOCKS).expect(200);
}

#[test]
fn a_handshake_that_is_never_finished_ends_in_time_and_holds_up_nobody() {
    let idle = Duration::from_secs(2);
    let mock = Mock::start(&[SELF_SIGNED, "--idle-timeout=2"]);
    let since = Instant::now();
    let starts: [&[u8]; 3] = [
        b"",
        b"\x16",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ];
    let mut unfinished = starts.map(|start| {
        let mut client = mock.connect_plainly();
        client.send(start);
        client
    });
    for _ in 0..3 {
        mock.get(HEALTH).expect(200);
    }
    assert!(since.elapsed() < idle, "they waited");
    for client in &mut unfinished {
        client.rest();
    }
    let took = since.elapsed();
    assert!((idle..PATIENCE / 2).contains(&took), "{took:?}");
}

#[test]
fn who_is_too_many_hears_no_plain_text() {
    let mock = Mock::start(&[SELF_SIGNED, "--max-connections=1"]);
    let mut first = mock.connect();
    first.ask(get(HEALTH)).expect(200);
    assert_eq!(mock.connect_plainly().rest(), b"");
    first.ask(get(HEALTH)).expect(200);
}

#[test]
fn a_stopped_mock_says_goodbye_over_tls() {
    let mock = Mock::start(&[SELF_SIGNED]);
    let mut client = mock.connect();
    client.ask(get(HEALTH)).expect(200);
    assert_eq!(mock.stop().code, Some(0));
    // Without TLS's close message this would be an error.
    assert_eq!(client.ending(), (Vec::new(), None));
}

// Faults.

/// Starts a mock on a transport, with one fault for increases.
fn with_fault(way: &str, fault: &Value) -> Mock {
    let unix = format!("--listen=unix:{}", socket());
    let mock = match way {
        "unix" => Mock::of(Process::spawn(&[unix], &[])),
        "tls" => Mock::start(&[SELF_SIGNED]),
        _ => Mock::start(&[]),
    };
    let rules = json!({"rules": [{
        "name": "bad", "match": {"operation": "increase-reserved-stock"},
        "fault": fault, "when": "after", "times": 1,
    }]});
    let json = "Content-Type: application/json";
    mock.ask(message("PUT /__admin/faults", &[json], &rules.to_string()))
        .expect(200);
    mock
}

fn reservation() -> Value {
    json!({"sku": SKU, "location": "110", "date": "2024-01-01"})
}

#[rstest]
#[tokio::test]
async fn by_every_way_the_answer_is_lost_and_the_work_done(
    #[values("tcp", "tls", "unix")] way: &str,
    #[values(false, true)] is_http2: bool,
    #[values("reset", "garbage", "truncated-body", "empty-reply")] kind: &str,
) {
    let mock = with_fault(way, &json!({"kind": kind}));
    let mut client = Hyper::connect(&mock, is_http2).await;
    let body = reservation();
    let heard = client.ask(("POST", INCREASE), &body).await;
    assert!(heard.is_err(), "{heard:?}");
    // The retry gets the 208, on a new connection if the old one is closed.
    let mut client = Hyper::connect(&mock, is_http2).await;
    let (status, _, _) = client.ask(("POST", INCREASE), &body).await.unwrap();
    assert_eq!(status, 208);
}

#[rstest]
#[tokio::test]
async fn over_http_2_a_reset_ends_the_connection_and_not_the_request_alone(
    #[values("tcp", "tls", "unix")] way: &str,
    #[values("reset", "garbage")] kind: &str,
) {
    let mock = with_fault(way, &json!({"kind": kind}));
    let mut client = Hyper::connect(&mock, true).await;
    client.get(STOCKS).await;
    client
        .ask(("POST", INCREASE), &reservation())
        .await
        .unwrap_err();
    let since = Instant::now();
    while client.ask(("GET", STOCKS), &Value::Null).await.is_ok() {
        assert!(since.elapsed() < PATIENCE, "the connection goes on");
    }
}

/// Sends an increase, and returns the end of its connection.
fn ending(way: &str, fault: &Value) -> (Vec<u8>, Option<std::io::ErrorKind>) {
    let mock = with_fault(way, fault);
    let mut client: Client = mock.connect();
    client.send(post(INCREASE, &reservation()));
    client.ending()
}

#[rstest]
#[case("tcp", Some(std::io::ErrorKind::ConnectionReset))]
#[case("tls", Some(std::io::ErrorKind::ConnectionReset))]
// A Unix socket has no reset.
#[case("unix", None)]
fn a_reset_is_one_beneath_tls(#[case] way: &str, #[case] error: Option<std::io::ErrorKind>) {
    assert_eq!(ending(way, &json!({"kind": "reset"})), (Vec::new(), error));
}

#[test]
fn garbage_is_beneath_tls_as_well() {
    let fault = json!({"kind": "garbage", "bytes": 50});
    let (noise, error) = ending("unix", &fault);
    assert_eq!((noise.len(), error), (50, None));
    let (heard, error) = ending("tls", &fault);
    assert_eq!(heard, b"");
    assert_eq!(error, Some(std::io::ErrorKind::InvalidData));
}

#[test]
fn a_body_that_is_cut_ends_tls_without_a_goodbye() {
    let (heard, error) = ending("tls", &json!({"kind": "truncated-body", "bytes": 10}));
    let heard = String::from_utf8(heard).unwrap();
    let (_, body) = heard.split_once("\r\n\r\n").unwrap();
    assert_eq!(body.len(), 10, "{heard}");
    assert_eq!(error, Some(std::io::ErrorKind::UnexpectedEof));
}

// A command.

#[test]
fn a_command_is_told_the_ca_as_long_as_it_runs() {
    let script =
        "cat \"$WHIPPY_CA_FILE\"; echo; echo \"$WHIPPY_URL $WHIPPY_CA_FILE ${SSL_CERT_FILE-none}\"";
    let args = [
        "exec",
        SELF_SIGNED,
        "--",
        "env",
        "-u",
        "SSL_CERT_FILE",
        "sh",
        "-c",
        script,
    ];
    let ended = run(&args, &[]);
    // The command sends the mock no request, which has an exit code of its own.
    assert_eq!(ended.code, Some(4), "{}", ended.err);
    assert!(
        ended.out.starts_with("-----BEGIN CERTIFICATE-----"),
        "{}",
        ended.out
    );
    let last = ended.out.lines().last().unwrap();
    let mut words = last.split(' ');
    assert!(
        words.next().unwrap().starts_with("https://127.0.0.1:"),
        "{last}"
    );
    assert!(
        !std::path::Path::new(words.next().unwrap()).exists(),
        "{last}"
    );
    assert_eq!(words.next(), Some("none"));
}

#[test]
fn a_command_finds_the_ca_where_it_was_asked_for() {
    let path = file(".pem", "");
    let out = format!("--tls-ca-out={path}");
    let script = "test \"$(head -1 \"$WHIPPY_CA_FILE\")\" = '-----BEGIN CERTIFICATE-----' && echo $WHIPPY_CA_FILE";
    let ended = run(&["exec", SELF_SIGNED, &out, "--", "sh", "-c", script], &[]);
    assert_eq!((ended.code, ended.out), (Some(4), format!("{path}\n")));
    assert!(std::path::Path::new(&path).exists());
}

#[test]
fn a_command_is_told_a_name_where_the_certificate_is_of_another() {
    let key_pair = KeyPair::generate().unwrap();
    let key = file(".key.pem", key_pair.serialize_pem());
    let certificate = file(".cert.pem", "");
    write_certificate(&certificate, &key_pair);
    let (cert, key) = (
        format!("--tls-cert={certificate}"),
        format!("--tls-key={key}"),
    );
    let script = "echo $WHIPPY_URL ${WHIPPY_CA_FILE-none}";
    let args = [
        "exec",
        &cert,
        &key,
        "--",
        "env",
        "-u",
        "WHIPPY_CA_FILE",
        "sh",
        "-c",
        script,
    ];
    let ended = run(&args, &[]);
    assert!(ended.out.starts_with("https://localhost:"), "{}", ended.out);
    assert!(ended.out.ends_with(" none\n"), "{}", ended.out);
}
