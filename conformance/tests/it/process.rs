//! The command as a process, and servers for it: whippy-mocks, and scripted servers whose answers a
//! test decides.
//!
//! Nothing here sleeps: tests wait for a line, an answer or an end.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use whippy_conformance::model::outcome::Report;
use whippy_engine::assets;
use whippy_engine::backend::Seed;
use whippy_engine::clock::ClockMode;
use whippy_engine::endpoints::call::Settings;
use whippy_engine::store::Store;
use whippy_engine::store::world::World;
use whippy_mock::http::Server;

/// The time after which a step counts as stuck.
const PATIENCE: Duration = Duration::from_secs(120);

/// A folder for one test, in which the command is started.
pub(crate) struct Folder(TempDir);

impl Folder {
    #[track_caller]
    pub(crate) fn new() -> Self {
        Self(TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file in it.
    #[track_caller]
    pub(crate) fn file(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[track_caller]
    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// Returns the names of its files.
    #[track_caller]
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    /// Runs the command in it until it ends.
    #[track_caller]
    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        self.run_with(args, &[])
    }

    /// Does the same with environment variables.
    #[track_caller]
    pub(crate) fn run_with(&self, args: &[&str], variables: &[(&str, &str)]) -> Ended {
        self.start(args, variables).ended()
    }

    #[track_caller]
    pub(crate) fn start(&self, args: &[&str], variables: &[(&str, &str)]) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_whippy-conformance"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("WHIPPY_CONFORMANCE_") {
                command.env_remove(name);
            }
        }
        let mut child = command
            .args(args)
            .envs(variables.iter().copied())
            .current_dir(self.0.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = lines(child.stdout.take().unwrap());
        let err = lines(child.stderr.take().unwrap());
        Process { child, out, err }
    }

    /// Runs the checks and reads the JSON report.
    #[track_caller]
    pub(crate) fn report(&self, args: &[&str]) -> Report {
        self.report_with(args, &[])
    }

    #[track_caller]
    pub(crate) fn report_with(&self, args: &[&str], variables: &[(&str, &str)]) -> Report {
        let args = [&["run", "--report=json=report.json"], args].concat();
        let ended = self.run_with(&args, variables);
        let Ok(text) = std::fs::read_to_string(self.path("report.json")) else {
            panic!("no report: {ended:#?}");
        };
        let report: Report = serde_json::from_str(&text).unwrap();
        assert_eq!(ended.code, Some(report.exit_code.into()), "{ended:#?}");
        report
    }
}

/// A process that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The exit code; `None` where a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    /// Fails the test unless it ended with this code. Returns its standard error.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        self.err
    }
}

/// A process that ends with the test at the latest.
pub(crate) struct Process {
    child: Child,
    out: Receiver<String>,
    err: Receiver<String>,
}

impl Process {
    #[track_caller]
    pub(crate) fn ended(mut self) -> Ended {
        let out = rest(&self.out);
        let err = rest(&self.err);
        let code = self.child.wait().unwrap().code();
        Ended { code, out, err }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the next line on standard output.
    #[track_caller]
    pub(crate) fn printed(&self) -> String {
        self.out.recv_timeout(PATIENCE).unwrap()
    }

    /// Waits for the next line on standard error.
    #[track_caller]
    pub(crate) fn said(&self) -> String {
        self.err.recv_timeout(PATIENCE).unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while pipe.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            if sender
                .send(String::from_utf8_lossy(&line).into_owned())
                .is_err()
            {
                return;
            }
            line.clear();
        }
    });
    receiver
}

#[track_caller]
fn rest(lines: &Receiver<String>) -> String {
    let deadline = Instant::now() + PATIENCE;
    let mut text = String::new();
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => text += &line,
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return text,
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => panic!("it goes on: {text}"),
        }
    }
}

/// A whippy-mock on a free port, which ends when this is dropped.
pub(crate) struct Mock {
    pub(crate) url: String,
    _stop: watch::Sender<bool>,
    _runtime: Runtime,
}

impl Mock {
    pub(crate) fn of_world(world: &str) -> Self {
        Self::start(world, Settings::default(), None)
    }

    pub(crate) fn start(world: &str, settings: Settings, admin_token: Option<&str>) -> Self {
        Self::serve(assets::world(world).unwrap(), settings, admin_token)
    }

    /// Starts a mock with a world from JSON.
    pub(crate) fn of_json(json: &str) -> Self {
        Self::serve(json, Settings::default(), None)
    }

    fn serve(world: &str, settings: Settings, admin_token: Option<&str>) -> Self {
        let world = World::from_json(world.as_bytes()).unwrap();
        let mut server = Server::new(Seed {
            settings,
            store: Store::load(&world).unwrap(),
            clock: ClockMode::Real,
        });
        server.control.token = admin_token.map(str::to_owned);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = watch::channel(false);
        runtime.spawn(Arc::new(server).run(listener, stopped));
        Self {
            url,
            _stop: stop,
            _runtime: runtime,
        }
    }

    /// Sends a request, and returns the answer as text.
    #[track_caller]
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.url.trim_start_matches("http://")).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Sends a GET, and returns the JSON of its answer.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Value {
        let answer = self.ask("GET", path, "Authorization: Token t\r\n", "");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap()
    }

    /// Returns the stocks whose SKUs have a prefix, which a run wrote.
    #[track_caller]
    pub(crate) fn stocks(&self, prefix: &str) -> Vec<Value> {
        let page = self.get("/api/v1/stocks/?limit=1000");
        let rows = page["results"].as_array().unwrap().iter();
        let ours = rows.filter(|row| row["sku"].as_str().unwrap().starts_with(prefix));
        ours.cloned().collect()
    }
}

/// A request as a scripted server receives it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// The answer of a scripted server: a status, headers and a body; `None`: never any. The status 0
/// closes the connection without an answer.
pub(crate) type Said = Option<(u16, String, String)>;

/// Returns an answer with JSON.
#[allow(clippy::unnecessary_wraps)] // It is what a script says.
pub(crate) fn json(status: u16, body: &str) -> Said {
    Some((
        status,
        "Content-Type: application/json\r\n".to_owned(),
        body.to_owned(),
    ))
}

/// Forwards a request to another server, and returns its answer.
pub(crate) fn forwarded(url: &str, asked: &Asked) -> (u16, String, String) {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).unwrap();
    let head = asked
        .head
        .trim_end()
        .replace("connection: ", "x-connection: ");
    write!(stream, "{head}\r\nConnection: close\r\n\r\n{}", asked.body).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let (line, headers) = head.split_once("\r\n").unwrap();
    let status = line.split(' ').nth(1).unwrap().parse().unwrap();
    let is_kept =
        |line: &&str| !line.starts_with("content-length") && !line.starts_with("connection");
    let headers = headers
        .lines()
        .filter(is_kept)
        .map(|line| format!("{line}\r\n"));
    (status, headers.collect(), body.to_owned())
}

/// A server with answers from a test, which ends when this is dropped.
pub(crate) struct Scripted {
    pub(crate) url: String,
    pub(crate) asked: Arc<Mutex<Vec<Asked>>>,
}

impl Scripted {
    pub(crate) fn start(script: impl Fn(&Asked) -> Said + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, script) = (Arc::clone(&asked), Arc::new(script));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (log, script) = (Arc::clone(&log), Arc::clone(&script));
                std::thread::spawn(move || serve(&stream.unwrap(), &log, &*script));
            }
        });
        Self { url, asked }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(stream: &TcpStream, log: &Mutex<Vec<Asked>>, script: &dyn Fn(&Asked) -> Said) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).is_ok_and(|read| read == 0) {
            return;
        }
    }
    let length = head.to_lowercase().lines().find_map(|line| {
        let length = line.strip_prefix("content-length:")?;
        length.trim().parse::<usize>().ok()
    });
    let mut body = vec![0; length.unwrap_or_default()];
    reader.read_exact(&mut body).unwrap();
    let mut words = head.split(' ');
    let asked = Asked {
        method: words.next().unwrap_or_default().to_owned(),
        path: words.next().unwrap_or_default().to_owned(),
        head: head.clone(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    log.lock().unwrap().push(asked.clone());
    let Some((status, headers, body)) = script(&asked) else {
        // Nothing is sent until the client gives up.
        let _ = reader.read(&mut [0]);
        return;
    };
    let body = if asked.method == "HEAD" { "" } else { &body };
    if status == 0 {
        return;
    }
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status} X\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    let _ = (&*stream).write_all(answer.as_bytes());
}
