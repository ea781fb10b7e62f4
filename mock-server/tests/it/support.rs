//! The mock as a process, and a client that says exactly what goes over the wire.
//!
//! Nothing here sleeps: what is waited for is a line, an answer or an end, and
//! `PATIENCE` only keeps a broken mock from holding up the tests for ever.

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

/// How long anything may take before the mock counts as stuck.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A process of the mock, which does not outlive the test.
pub(crate) struct Process {
    child: Child,
    out: Lines,
    err: Lines,
}

/// A process that has ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// `None` where a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A mock that listens.
pub(crate) struct Mock {
    /// Where, unless it is a Unix socket.
    pub(crate) address: SocketAddr,
    /// The way to it.
    pub(crate) way: Way,
    process: Process,
}

/// What a mock listens by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    Tcp,
    Tls,
    Unix(PathBuf),
}

/// What the bytes of a client go over.
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
    /// What was read and not yet taken.
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

/// Lines of a pipe, as they come.
struct Lines(Receiver<String>);

impl Process {
    /// A process with these arguments and, of the mock's own variables, only these.
    #[track_caller]
    pub(crate) fn spawn<A: AsRef<OsStr>>(args: &[A], variables: &[(&str, &str)]) -> Self {
        Self::spawn_by(&[], args, variables)
    }

    /// The same, started by another program that gets the mock's path and arguments.
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

    /// The next line; `None` where the pipe has ended.
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
    /// A mock on a free port.
    #[track_caller]
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::start_with(args, &[])
    }

    /// A mock on a free port, started by another program that gets its path and arguments.
    #[track_caller]
    pub(crate) fn start_by(by: &[&str], args: &[&str]) -> Self {
        let args = [args, &["--listen=127.0.0.1:0"]].concat();
        Self::of(Process::spawn_by(by, &args, &[]))
    }

    /// A mock on a free port, with these variables.
    #[track_caller]
    pub(crate) fn start_with(args: &[&str], variables: &[(&str, &str)]) -> Self {
        let args = [args, &["--listen=127.0.0.1:0"]].concat();
        Self::of(Process::spawn(&args, variables))
    }

    /// The mock of a process that is to listen.
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

    /// A connection by the way that the mock says; over TLS whatever it shows is taken.
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

    /// A connection over TCP that knows nothing of TLS.
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

    /// The next line on standard output.
    #[track_caller]
    pub(crate) fn said(&self) -> String {
        self.process.out.next().expect("another line")
    }

    /// Asks on a connection of its own.
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

    /// How many stocks there are.
    #[track_caller]
    pub(crate) fn stocks(&self) -> u64 {
        self.get(HEALTH).expect(200).json()["stocks"]
            .as_u64()
            .unwrap()
    }

    /// Everything that a client can see of the state, to be compared.
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

    /// The most memory that the process has held so far, bytes.
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

    /// Waits until nobody can connect: the mock has taken a signal.
    #[track_caller]
    pub(crate) fn until_it_stops_listening(&self) {
        let since = Instant::now();
        while TcpStream::connect(self.address).is_ok() {
            assert!(since.elapsed() < PATIENCE, "it goes on listening");
            std::thread::yield_now();
        }
    }

    /// The next line on standard error.
    #[track_caller]
    pub(crate) fn logged(&self) -> String {
        self.process.err.next().expect("another line")
    }

    /// Waits until the process has ended.
    #[track_caller]
    pub(crate) fn ended(self) -> Ended {
        self.process.ended()
    }

    /// Ends the process as whoever started it would; what it said since the first line.
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

    /// Reads to the end: what came, and the error that it ends with.
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

    /// Sends what the mock may refuse to read to the end.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref());
    }

    /// Sends no more.
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

    /// The next answer.
    #[track_caller]
    pub(crate) fn receive(&mut self) -> Answer {
        let mut answer = self.receive_head();
        // A stream never ends.
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

    /// A body in chunks, put together.
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

    /// The next answer; `None` where the connection ends before it has come whole.
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

    /// The next answer, to a `HEAD` request, which has no body whatever its length says.
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

    /// Whatever comes until the mock closes the connection.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.read_on() {}
        std::mem::take(&mut self.ahead)
    }

    /// Sends a byte whenever so much time has gone without the mock closing the
    /// connection; what came from it.
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

    /// Neither an answer nor an end comes for so long.
    #[track_caller]
    pub(crate) fn hears_nothing_for(&mut self, long: Duration) {
        self.stream.set_read_timeout(long);
        let heard = self.stream.read(&mut [0]);
        assert!(heard.is_err_and(|error| is_timeout(&error)));
        self.stream.set_read_timeout(PATIENCE);
    }

    /// Reads some more; whether there was more. A connection that the mock drops with
    /// something unread is reset, which is an end as well.
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

    /// The answer, which has this status.
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

    /// A header, or nothing where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

/// A request: its first words, header lines, and a body. It names a host and a token
/// unless the lines do, and JSON where there is a body.
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

/// Logs in, with nothing but the pair.
pub(crate) fn login(username: &str, password: &str) -> String {
    let body = serde_json::json!({"username": username, "password": password});
    message(
        "POST /api/v1/auth/login/",
        &["Authorization: "],
        &body.to_string(),
    )
}

/// A row that creates a stock of the documented world.
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

/// A file of the running test: its name ends so, and this is in it.
#[track_caller]
pub(crate) fn file(ending: &str, content: impl AsRef<[u8]>) -> String {
    let test = std::thread::current();
    let name = test.name().unwrap().replace("::", "-");
    let path = format!("{}/{name}{ending}", env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(&path, content).unwrap();
    path
}

/// A path of the running test at which there is no file, nor any whose name begins so.
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

/// A path for a Unix socket, which must be short, at which there is nothing.
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
