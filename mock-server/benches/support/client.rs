//! Requests as bytes, keep-alive connections, and load over several of them.
//!
//! One thread drives all connections: of two cores, the other is the server's.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// The placeholder for the number of a request, which makes its SKU unique.
pub(crate) const SERIAL: &str = "@@@@@@@@@@@@";

/// A request, ready to send.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// The bytes on the wire.
    pub(crate) bytes: Vec<u8>,
    serial: Option<usize>,
}

impl Request {
    /// Creates a GET of a path with its query.
    pub(crate) fn get(path: &str) -> Self {
        Self::new("GET", path, "")
    }

    /// Creates a POST of a JSON body.
    pub(crate) fn post(path: &str, body: &str) -> Self {
        Self::new("POST", path, body)
    }

    fn new(method: &str, path: &str, body: &str) -> Self {
        let length = body.len();
        let described = match method {
            "POST" => format!("Content-Type: application/json\r\nContent-Length: {length}\r\n"),
            _ => String::new(),
        };
        let text = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token bench\r\n\
             Accept: application/json\r\n{described}\r\n{body}"
        );
        Self {
            serial: text.find(SERIAL),
            bytes: text.into_bytes(),
        }
    }

    /// Writes the number of the request, spread so that successive SKUs are not neighbours in
    /// order.
    fn number(&mut self, serial: u64) {
        let Some(at) = self.serial else { return };
        // The factor has no common divisor with a power of ten, so no number occurs twice.
        let spread = u128::from(serial) * 618_033_988_747 % 1_000_000_000_000;
        let mut spread = u64::try_from(spread).unwrap_or_default();
        for digit in self.bytes[at..at + SERIAL.len()].iter_mut().rev() {
            *digit = b'0' + u8::try_from(spread % 10).unwrap_or_default();
            spread /= 10;
        }
    }
}

/// An answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer<'a> {
    /// The status code.
    pub(crate) status: u16,
    /// Status line and headers, with the empty line.
    pub(crate) head: &'a str,
    /// The body.
    pub(crate) body: &'a [u8],
}

impl<'a> Answer<'a> {
    /// Returns the headers in order.
    pub(crate) fn headers(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let lines = self.head.lines().skip(1);
        lines.filter_map(|line| line.split_once(": "))
    }

    /// Returns the `count` of a list.
    pub(crate) fn count(self) -> io::Result<u64> {
        let body: Value = serde_json::from_slice(self.body)?;
        body["count"]
            .as_u64()
            .ok_or_else(|| io::Error::other("an answer without a count"))
    }
}

/// A keep-alive connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
}

impl Connection {
    async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: vec![0; 16 * 1024],
            filled: 0,
        })
    }

    async fn ask(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.filled = 0;
        let head = loop {
            self.fill().await?;
            let read = &self.buffer[..self.filled];
            if let Some(at) = read.windows(4).position(|end| end == b"\r\n\r\n") {
                break at + 4;
            }
        };
        let length = content_length(&self.buffer[..head])
            .ok_or_else(|| io::Error::other("an answer without a length"))?;
        if self.buffer.len() < head + length {
            self.buffer.resize(head + length, 0);
        }
        while self.filled < head + length {
            self.fill().await?;
        }
        if self.filled > head + length {
            return Err(io::Error::other("an answer that nobody asked for"));
        }
        let (head, rest) = self.buffer.split_at(head);
        let head = std::str::from_utf8(head).map_err(io::Error::other)?;
        let status = head.get(9..12).and_then(|status| status.parse().ok());
        Ok(Answer {
            status: status.ok_or_else(|| io::Error::other(format!("no status in {head}")))?,
            head,
            body: &rest[..length],
        })
    }

    async fn fill(&mut self) -> io::Result<()> {
        if self.filled == self.buffer.len() {
            self.buffer.resize(self.filled * 2, 0);
        }
        match self.stream.read(&mut self.buffer[self.filled..]).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                self.filled += read;
                Ok(())
            }
        }
    }
}

fn content_length(head: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length:";
    head.split(|&byte| byte == b'\n')
        .find(|line| line.len() > NAME.len() && line[..NAME.len()].eq_ignore_ascii_case(NAME))
        .and_then(|line| {
            std::str::from_utf8(&line[NAME.len()..])
                .ok()?
                .trim()
                .parse()
                .ok()
        })
}

/// A client that sends single requests, or load.
#[derive(Debug)]
pub(crate) struct Client {
    runtime: Runtime,
    serial: u64,
}

/// The result of a load.
#[derive(Debug)]
pub(crate) struct Load {
    /// The number of answered requests.
    pub(crate) requests: usize,
    /// The duration of the load.
    pub(crate) took: Duration,
    /// The time to each answer.
    pub(crate) latencies: Vec<Duration>,
}

impl Client {
    /// Creates a client without connections.
    pub(crate) fn new() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        Ok(Self { runtime, serial: 0 })
    }

    /// Opens a connection for [`Client::ask`].
    pub(crate) fn connect(&self, address: SocketAddr) -> io::Result<Connection> {
        self.runtime.block_on(Connection::open(address))
    }

    /// Sends a request and waits for an answer with this status. Also returns the time.
    pub(crate) fn ask<'c>(
        &mut self,
        connection: &'c mut Connection,
        request: &mut Request,
        status: u16,
    ) -> io::Result<(Duration, Answer<'c>)> {
        self.serial += 1;
        request.number(self.serial);
        let started = Instant::now();
        let answer = self.runtime.block_on(connection.ask(&request.bytes))?;
        let took = started.elapsed();
        expect(answer, status)?;
        Ok((took, answer))
    }

    /// Returns a mock to its seed.
    pub(crate) fn reset(&self, connection: &mut Connection) -> io::Result<()> {
        let request = Request::post("/__admin/reset", "");
        let answer = self.runtime.block_on(connection.ask(&request.bytes))?;
        expect(answer, if answer.status == 204 { 204 } else { 200 })
    }

    /// Keeps connections busy for a time. Every answer must have the status.
    pub(crate) fn load(
        &mut self,
        address: SocketAddr,
        request: &Request,
        status: u16,
        connections: u64,
        lasts: Duration,
    ) -> io::Result<Load> {
        // Far more numbers for each connection than it can use.
        const SERIALS: u64 = 10_000_000;
        let first = self.serial;
        self.serial += connections * SERIALS;
        self.runtime.block_on(async {
            let mut open = Vec::new();
            for _ in 0..connections {
                open.push(Connection::open(address).await?);
            }
            let started = Instant::now();
            let mut tasks = JoinSet::new();
            for (i, mut connection) in (0..).zip(open) {
                let mut request = request.clone();
                tasks.spawn(async move {
                    let mut latencies = Vec::with_capacity(1 << 16);
                    let mut serial = first + i * SERIALS;
                    let mut sent = Instant::now();
                    while sent - started < lasts {
                        serial += 1;
                        request.number(serial);
                        expect(connection.ask(&request.bytes).await?, status)?;
                        let now = Instant::now();
                        latencies.push(now - sent);
                        sent = now;
                    }
                    Ok::<_, io::Error>(latencies)
                });
            }
            let mut latencies = Vec::new();
            while let Some(done) = tasks.join_next().await {
                latencies.extend(done.map_err(io::Error::other)??);
            }
            Ok(Load {
                requests: latencies.len(),
                took: started.elapsed(),
                latencies,
            })
        })
    }
}

fn expect(answer: Answer<'_>, status: u16) -> io::Result<()> {
    if answer.status == status {
        return Ok(());
    }
    let body = String::from_utf8_lossy(answer.body);
    Err(io::Error::other(format!(
        "expected {status}, got {}{body}",
        answer.head
    )))
}
