//! A server as a process of its own, with figures from the system.

use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The binary under measurement.
pub(crate) const MOCK: &str = env!("CARGO_BIN_EXE_whippy-mock");

/// A running server, which ends with this value.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    /// The address that it listens on.
    pub(crate) address: SocketAddr,
    /// The moment when it was started.
    pub(crate) spawned: Instant,
}

impl Process {
    /// Starts the mock on a free port.
    pub(crate) fn mock(arguments: &[&str]) -> io::Result<Self> {
        let mut command = Command::new(MOCK);
        command.args(["--listen", "127.0.0.1:0"]).args(arguments);
        Self::start(command)
    }

    /// Starts this executable again.
    pub(crate) fn this(arguments: &[&str]) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(arguments);
        Self::start(command)
    }

    /// Starts another server, which gets its address and does not print it.
    pub(crate) fn start_at(mut command: Command, address: SocketAddr) -> io::Result<Self> {
        let spawned = Instant::now();
        let child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self {
            child,
            address,
            spawned,
        })
    }

    fn start(mut command: Command) -> io::Result<Self> {
        // No variable of the caller may set a flag of the mock.
        command.env_clear().stdout(Stdio::piped());
        let spawned = Instant::now();
        let mut child = command.spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.as_mut() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let address = line
            .trim_end()
            .strip_prefix("Listening on http://")
            .and_then(|address| address.parse().ok());
        let Some(address) = address else {
            child.kill()?;
            child.wait()?;
            return Err(io::Error::other(format!("a server said {line:?}")));
        };
        Ok(Self {
            child,
            address,
            spawned,
        })
    }

    fn read(&self, file: &str) -> io::Result<String> {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id()))
    }

    /// Returns the present resident memory, bytes.
    pub(crate) fn resident(&self) -> io::Result<u64> {
        self.status("VmRSS:")
    }

    /// Returns the most resident memory so far, bytes.
    pub(crate) fn peak(&self) -> io::Result<u64> {
        self.status("VmHWM:")
    }

    fn status(&self, field: &str) -> io::Result<u64> {
        let status = self.read("status")?;
        status
            .lines()
            .find_map(|line| line.strip_prefix(field))
            .and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<u64>().ok())
            .map(|kilobytes| kilobytes * 1024)
            .ok_or_else(|| io::Error::other(format!("no {field} in {status}")))
    }

    /// Returns the ids of its threads.
    pub(crate) fn threads(&self) -> io::Result<Vec<i32>> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id()))?;
        let id = |task: io::Result<std::fs::DirEntry>| {
            let name = task?.file_name();
            let id = name.to_str().and_then(|name| name.parse().ok());
            id.ok_or_else(|| io::Error::other(format!("a thread called {}", name.display())))
        };
        tasks.map(id).collect()
    }

    /// Returns the processor time of its threads so far.
    pub(crate) fn cpu(&self) -> io::Result<Duration> {
        let of_thread = |thread: i32| {
            // The first field is the time on a processor, nanoseconds.
            let times = self.read(&format!("task/{thread}/schedstat"))?;
            let time = times.split(' ').next().and_then(|time| time.parse().ok());
            let time = time.map(Duration::from_nanos);
            time.ok_or_else(|| io::Error::other(format!("no times in {times}")))
        };
        self.threads()?.into_iter().map(of_thread).sum()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
