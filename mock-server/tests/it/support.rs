//! The mock as a process, and a client with full control of the bytes on the wire.
//!
//! Nothing here sleeps: tests wait for a line, an answer or an end. `PATIENCE` only keeps a broken
//! mock from blocking the tests for ever.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConnection, StreamOwned};

use crate::tls;

pub(crate) const HEALTH: &str = "/__admin/health";
pub(crate) const RESET: &str = "/__admin/reset";
pub(crate) const CLOCK: &str = "/__admin/clock";

/// The time after which a step of the mock counts as stuck.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A process of the mock, which ends with the test at the latest.
pub(crate) struct Process {
    child: Child,
    out: Lines,
    err: Lines,
}

/// A process that has ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// The exit code; `None` where a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A mock that listens.
pub(crate) struct Mock {
    /// The address, unless it is a Unix socket.
    pub(crate) address: SocketAddr,
    /// The transport to it.
    pub(crate) way: Way,
    process: Process,
}

/// A transport that a mock can listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    Tcp,
    Tls,
    Unix(PathBuf),
}

/// The byte stream of a client.
trait Wire: Read + Write + Send {
    fn set_read_timeout(&self, after: Duration);
    fn shut(&self);
}

impl Wire for TcpStream {
    fn set_read_timeout(&self, after: Duration) {
        Self::set_read_timeout(self, Some(after)).unwrap();
    }

    fn shut(&self) {
        let _ = self.shutdown(Shutdown::Write);
    }
}

impl Wire for UnixStream {
    fn set_read_timeout(&self, after: Duration) {
        Self::set_read_timeout(self, Some(after)).unwrap();
    }

    fn shut(&self) {
        let _ = self.shutdown(Shutdown::Write);
    }
}

impl Wire for StreamOwned<ClientConnection, TcpStream> {
    fn set_read_timeout(&self, after: Duration) {
        Wire::set_read_timeout(&self.sock, after);
    }

    fn shut(&self) {
        self.sock.shut();
    }
}

/// A connection.
pub(crate) struct Client {
    stream: Box<dyn Wire>,
    /// The bytes that were read and not used yet.
    ahead: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) version: String,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// The lines of a pipe, as they arrive.
struct Lines(Receiver<String>);

impl Process {
    /// Starts a process with these arguments, and with these variables as the mock's only ones.
    #[track_caller]
    pub(crate) fn spawn<A: AsRef<OsStr>>(args: &[A], variables: &[(&str, &str)]) -> Self {
        Self::spawn_by(&[], args, variables)
    }

    /// Starts it by another program, which gets the mock's path and arguments.
    #[track_caller]
    pub(crate) fn spawn_by<A: AsRef<OsStr>>(
        by: &[&str],
        args: &[A],
        variables: &[(&str, &str)],
    ) -> Self {
        let mock = env!("CARGO_BIN_EXE_whippy-mock");
        let whole = [by, &[mock]].concat();
        let mut command = Command::new(whole[0]);
        command.args(&whole[1..]);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("WHIPPY_MOCK_") {
                command.env_remove(name);
            }
        }
        let mut child = command
            .args(args)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = Lines::of(child.stdout.take().unwrap());
        let err = Lines::of(child.stderr.take().unwrap());
        Self { child, out, err }
    }

    /// Waits until it has ended.
    #[track_caller]
    pub(crate) fn ended(mut self) -> Ended {
        let out = self.out.rest();
        let err = self.err.rest();
        let code = self.child.wait().unwrap().code();
        Ended { code, out, err }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command that ends by itself.
#[track_caller]
pub(crate) fn run<A: AsRef<OsStr>>(args: &[A], variables: &[(&str, &str)]) -> Ended {
    let process = Process::spawn(args, variables);
    match process.out.next() {
        Some(line) if line.starts_with("Listening on ") => panic!("it serves: {line}"),
        Some(line) => {
            let ended = process.ended();
            let out = line + &ended.out;
            Ended { out, ..ended }
        }
        None => process.ended(),
    }
}

impl Lines {
    fn of(pipe: impl Read + Send + 'static) -> Self {
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while pipe.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                let text = String::from_utf8_lossy(&line).into_owned();
                if sender.send(text).is_err() {
                    return;
                }
                line.clear();
            }
        });
        Self(receiver)
    }

    /// Returns the next line; `None` where the pipe has ended.
    #[track_caller]
    fn next(&self) -> Option<String> {
        match self.0.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("the process says nothing and goes on"),
        }
    }

    #[track_caller]
    fn rest(&self) -> String {
        std::iter::from_fn(|| self.next()).collect()
    }
}

impl Mock {
    /// Starts a mock on a free port.
    #[track_caller]
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::start_with(args, &[])
    }

    /// Starts a mock on a free port by another program, which gets its path and arguments.
    #[track_caller]
    pub(crate) fn start_by(by: &[&str], args: &[&str]) -> Self {
        let args = [args, &["--listen=127.0.0.1:0"]].concat();
        Self::of(Process::spawn_by(by, &args, &[]))
    }

    /// Starts a mock on a free port, with these variables.
    #[track_caller]
    pub(crate) fn start_with(args: &[&str], variables: &[(&str, &str)]) -> Self {
        let args = [args, &["--listen=127.0.0.1:0"]].concat();
        Self::of(Process::spawn(&args, variables))
    }

    /// Waits until a process listens.
    #[track_caller]
    pub(crate) fn of(process: Process) -> Self {
        let Some(line) = process.out.next() else {
            panic!("it does not listen: {}", process.err.rest());
        };
        let named = line
            .strip_prefix("Listening on ")
            .and_then(|named| named.strip_suffix('\n'))
            .unwrap_or_else(|| panic!("no first line of a server: {line:?}"));
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let (address, way) = if let Some(path) = named.strip_prefix("unix:") {
            (nowhere, Way::Unix(path.into()))
        } else if let Some(address) = named.strip_prefix("https://") {
            (address.parse().unwrap(), Way::Tls)
        } else {
            let address = named.strip_prefix("http://").unwrap();
            (address.parse().unwrap(), Way::Tcp)
        };
        Self {
            address,
            way,
            process,
        }
    }

    /// Connects over the mock's transport. Over TLS any certificate is accepted.
    #[track_caller]
    pub(crate) fn connect(&self) -> Client {
        match &self.way {
            Way::Tcp => self.connect_plainly(),
            Way::Tls => {
                let config = Arc::new(tls::trusting_anybody(&["http/1.1"]));
                let name = ServerName::try_from("localhost").unwrap();
                let session = ClientConnection::new(config, name).unwrap();
                Client::of(StreamOwned::new(session, self.connect_tcp()))
            }
            Way::Unix(path) => {
                let stream = UnixStream::connect(path).unwrap();
                stream.set_write_timeout(Some(PATIENCE)).unwrap();
                Client::of(stream)
            }
        }
    }

    /// Connects over TCP without TLS.
    #[track_caller]
    pub(crate) fn connect_plainly(&self) -> Client {
        Client::of(self.connect_tcp())
    }

    #[track_caller]
    fn connect_tcp(&self) -> TcpStream {
        let stream = TcpStream::connect_timeout(&self.address, PATIENCE).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// Waits for the next line on standard output.
    #[track_caller]
    pub(crate) fn said(&self) -> String {
        self.process.out.next().expect("another line")
    }

    /// Sends a request on a new connection.
    #[track_caller]
    pub(crate) fn ask(&self, message: impl AsRef<[u8]>) -> Answer {
        self.connect().ask(message)
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask(get(path))
    }

    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask(post(path, body))
    }

    /// Returns the number of stocks.
    #[track_caller]
    pub(crate) fn stocks(&self) -> u64 {
        self.get(HEALTH).expect(200).json()["stocks"]
            .as_u64()
            .unwrap()
    }

    /// Returns the whole state that a client can see, for comparison.
    #[track_caller]
    pub(crate) fn state(&self) -> Vec<Value> {
        [
            "/api/v1/stocks/",
            "/api/v1/providers/",
            "/api/v1/stock-locations/",
            "/api/v1/stock-lists/",
        ]
        .map(|path| self.get(path).expect(200).json())
        .to_vec()
    }

    /// Returns the most memory that the process has used so far, bytes.
    #[track_caller]
    pub(crate) fn peak_memory(&self) -> usize {
        let path = format!("/proc/{}/status", self.process.child.id());
        let status = std::fs::read_to_string(path).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = peak
            .and_then(|line| line.split_whitespace().next())
            .unwrap();
        kibibytes.parse::<usize>().unwrap() * 1024
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process.child), signal).unwrap();
    }

    /// Waits until connections are refused, which shows that the mock has received a signal.
    #[track_caller]
    pub(crate) fn until_it_stops_listening(&self) {
        let since = Instant::now();
        while TcpStream::connect(self.address).is_ok() {
            assert!(since.elapsed() < PATIENCE, "it goes on listening");
            std::thread::yield_now();
        }
    }

    /// Waits for the next line on standard error.
    #[track_caller]
    pub(crate) fn logged(&self) -> String {
        self.process.err.next().expect("another line")
    }

    /// Waits until the process has ended.
    #[track_caller]
    pub(crate) fn ended(self) -> Ended {
        self.process.ended()
    }

    /// Ends the process by a signal; returns its output since the first line.
    #[track_caller]
    pub(crate) fn stop(self) -> Ended {
        self.signal(Signal::TERM);
        self.ended()
    }
}

impl Client {
    fn of(stream: impl Wire + 'static) -> Self {
        stream.set_read_timeout(PATIENCE);
        let (stream, ahead) = (Box::new(stream), Vec::new());
        Self { stream, ahead }
    }

    /// Reads to the end; returns the bytes, and the error at the end.
    #[track_caller]
    pub(crate) fn ending(&mut self) -> (Vec<u8>, Option<ErrorKind>) {
        let mut all = Vec::new();
        let error = self.stream.read_to_end(&mut all).err();
        (all, error.map(|error| error.kind()))
    }

    #[track_caller]
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Sends bytes of which the mock may not read all.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref());
    }

    /// Shuts down the sending side.
    pub(crate) fn finish(&mut self) {
        self.stream.shut();
    }

    /// Sends a request and receives its answer.
    #[track_caller]
    pub(crate) fn ask(&mut self, message: impl AsRef<[u8]>) -> Answer {
        self.send(message);
        self.receive()
    }

    /// Sends a request and receives its answer; `None` where the connection ends instead.
    #[track_caller]
    pub(crate) fn try_ask(&mut self, message: impl AsRef<[u8]>) -> Option<Answer> {
        self.try_send(message);
        self.try_receive()
    }

    /// Receives the next answer.
    #[track_caller]
    pub(crate) fn receive(&mut self) -> Answer {
        let mut answer = self.receive_head();
        // A stream does not end.
        let is_stream = answer.header("content-type") == "text/event-stream";
        if answer.header("transfer-encoding") == "chunked" && !is_stream {
            answer.body = self.chunks();
            return answer;
        }
        let length = match answer.headers.get(http::header::CONTENT_LENGTH) {
            Some(length) => length.to_str().unwrap().parse().unwrap(),
            None => 0,
        };
        while self.ahead.len() < length {
            assert!(self.read_on(), "the body ends early: {answer:?}");
        }
        answer.body = self.ahead.drain(..length).collect();
        answer
    }

    /// Reads a chunked body, and joins its chunks.
    #[track_caller]
    fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let end = loop {
                match find(&self.ahead, b"\r\n") {
                    Some(end) => break end,
                    None => assert!(self.read_on(), "the body ends early"),
                }
            };
            let size = std::str::from_utf8(&self.ahead[..end]).unwrap();
            let size = usize::from_str_radix(size, 16).unwrap();
            let whole = end + 2 + size + 2;
            while self.ahead.len() < whole {
                assert!(self.read_on(), "the body ends early");
            }
            let chunk: Vec<u8> = self.ahead.drain(..whole).collect();
            body.extend(&chunk[end + 2..whole - 2]);
            if size == 0 {
                return body;
            }
        }
    }

    /// Receives the next answer; `None` where the connection ends before it is complete.
    #[track_caller]
    pub(crate) fn try_receive(&mut self) -> Option<Answer> {
        while find(&self.ahead, b"\r\n\r\n").is_none() {
            self.read_on().then_some(())?;
        }
        let mut answer = self.receive_head();
        let length = answer.headers.get(http::header::CONTENT_LENGTH);
        let length = length.map_or(0, |length| length.to_str().unwrap().parse().unwrap());
        while self.ahead.len() < length {
            self.read_on().then_some(())?;
        }
        answer.body = self.ahead.drain(..length).collect();
        Some(answer)
    }

    /// Receives the answer to a `HEAD` request, which has no body whatever its length says.
    #[track_caller]
    pub(crate) fn receive_head(&mut self) -> Answer {
        let end = loop {
            if let Some(end) = find(&self.ahead, b"\r\n\r\n") {
                break end + 4;
            }
            let so_far = String::from_utf8_lossy(&self.ahead).into_owned();
            assert!(
                self.read_on(),
                "the connection ends instead of an answer: {so_far:?}"
            );
        };
        let head: Vec<u8> = self.ahead.drain(..end).collect();
        Answer::of_head(std::str::from_utf8(&head).unwrap())
    }

    /// Reads until the mock closes the connection.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.read_on() {}
        std::mem::take(&mut self.ahead)
    }

    /// Sends one byte after each pause, until the mock closes the connection or all are sent.
    /// Returns the bytes that came from the mock.
    #[track_caller]
    pub(crate) fn trickle(&mut self, bytes: &[u8], every: Duration) -> Vec<u8> {
        self.stream.set_read_timeout(every);
        let mut buffer = [0; 4096];
        for &byte in bytes {
            match self.stream.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => self.ahead.extend_from_slice(&buffer[..read]),
                Err(error) if is_timeout(&error) => self.try_send([byte]),
                Err(_) => break,
            }
        }
        self.stream.set_read_timeout(PATIENCE);
        self.rest()
    }

    /// Fails the test if an answer or an end arrives within a time.
    #[track_caller]
    pub(crate) fn hears_nothing_for(&mut self, long: Duration) {
        self.stream.set_read_timeout(long);
        let heard = self.stream.read(&mut [0]);
        assert!(heard.is_err_and(|error| is_timeout(&error)));
        self.stream.set_read_timeout(PATIENCE);
    }

    /// Reads more bytes; returns `false` at the end. A connection that the mock drops with unread
    /// bytes is reset, which is an end too.
    #[track_caller]
    fn read_on(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(read) => {
                    self.ahead.extend_from_slice(&buffer[..read]);
                    return read > 0;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_timeout(&error) => panic!("the connection stays open, silent"),
                Err(_) => return false,
            }
        }
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|part| part == wanted)
}

impl Answer {
    #[track_caller]
    fn of_head(head: &str) -> Self {
        let mut lines = head.trim_end().lines();
        let mut words = lines.next().unwrap().split(' ');
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            let name = HeaderName::try_from(name).unwrap();
            (name, HeaderValue::try_from(value).unwrap())
        });
        Self {
            version: words.next().unwrap().to_owned(),
            status: words.next().unwrap().parse().unwrap(),
            headers: headers.collect(),
            body: Vec::new(),
        }
    }

    /// Fails the test unless the answer has this status, and returns it.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Returns a header, empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

/// Returns a request with a start line, header lines, and a body. A host and a token are added
/// unless the lines have them, and the type JSON where there is a body.
pub(crate) fn message(start: &str, lines: &[&str], body: &str) -> String {
    let has = |name: &str| {
        let names = lines.iter().filter_map(|line| line.split_once(':'));
        names.into_iter().any(|(n, _)| n.eq_ignore_ascii_case(name))
    };
    let mut text = format!("{start} HTTP/1.1\r\n");
    for (name, value) in [("Host", "localhost"), ("Authorization", "Token t")] {
        if !has(name) {
            let _ = write!(text, "{name}: {value}\r\n");
        }
    }
    if !body.is_empty() {
        if !has("Content-Type") {
            text += "Content-Type: application/json\r\n";
        }
        if !has("Transfer-Encoding") && !has("Content-Length") {
            let _ = write!(text, "Content-Length: {}\r\n", body.len());
        }
    }
    for line in lines {
        text += line;
        text += "\r\n";
    }
    text + "\r\n" + body
}

pub(crate) fn get(path: &str) -> String {
    message(&format!("GET {path}"), &[], "")
}

pub(crate) fn post(path: &str, body: &Value) -> String {
    message(&format!("POST {path}"), &[], &body.to_string())
}

/// Returns a login with only name and password.
pub(crate) fn login(username: &str, password: &str) -> String {
    let body = serde_json::json!({"username": username, "password": password});
    message(
        "POST /api/v1/auth/login/",
        &["Authorization: "],
        &body.to_string(),
    )
}

/// Returns a body that creates a stock in the documented world.
pub(crate) fn stock(sku: &str) -> Value {
    serde_json::json!({
        "period": null,
        "stock_type": "standard",
        "unit_type": "qty",
        "provider": "shop_provider",
        "location": "110",
        "stock": 5,
        "is_active": true,
        "sku": sku,
        "reserved_stock": 0,
    })
}

/// Writes a file of the running test, with a name of this ending and this content.
#[track_caller]
pub(crate) fn file(ending: &str, content: impl AsRef<[u8]>) -> String {
    let test = std::thread::current();
    let name = test.name().unwrap().replace("::", "-");
    let path = format!("{}/{name}{ending}", env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(&path, content).unwrap();
    path
}

/// Returns a path for the running test at which there is no file, nor one with a longer name.
#[track_caller]
pub(crate) fn no_file(ending: &str) -> String {
    let path = PathBuf::from(file(ending, ""));
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    for entry in std::fs::read_dir(path.parent().unwrap()).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name().to_string_lossy().starts_with(&name) {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    path.to_string_lossy().into_owned()
}

/// Returns an unused path for a Unix socket, which must be short.
pub(crate) fn socket() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir();
    format!(
        "{}/whippy-{}-{number}.sock",
        folder.display(),
        std::process::id()
    )
}
