//! The request log: one line a request on standard error, written by a thread of its
//! own, so that a slow terminal holds up no client.

use std::io::{BufWriter, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use http::Method;

use whippy_engine::engine::Rule;
use whippy_engine::model::time::{Timestamp, UtcOffset};

/// Lines that may wait for the writer; beyond them lines are dropped and counted.
const WAITING: usize = 4096;

/// The longest wait for unwritten lines when the log is dropped.
const PATIENCE: Duration = Duration::from_millis(500);

/// The format of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// A JSON object a line.
    Json,
}

/// A request that was answered.
#[derive(Debug)]
pub struct Entry<'a> {
    /// The moment of arrival.
    pub at: Timestamp,
    /// The method.
    pub method: &'a Method,
    /// The path and query.
    pub target: &'a str,
    /// The status of the answer; 0 where there was none.
    pub status: u16,
    /// The number in the journal; `None` for admin requests.
    pub id: Option<u64>,
    /// The world; `None` for admin requests.
    pub world: Option<&'a str>,
    /// The rule that decided; `None` for admin requests, and without an answer.
    pub rule: Option<Rule>,
    /// The faults that took part.
    pub faults: &'a [String],
    /// The time from arrival to answer.
    pub took: Duration,
}

/// The request log. Dropping it writes the lines that wait, if somebody reads them.
#[derive(Debug)]
pub struct RequestLog {
    format: LogFormat,
    local: UtcOffset,
    sender: Option<SyncSender<String>>,
    writer: Option<JoinHandle<()>>,
    dropped: AtomicU64,
}

impl RequestLog {
    /// Creates a log on standard error.
    pub fn new(format: LogFormat, local: UtcOffset) -> Self {
        let (sender, receiver) = sync_channel(WAITING);
        Self {
            format,
            local,
            sender: Some(sender),
            writer: Some(std::thread::spawn(move || write_lines(&receiver))),
            dropped: AtomicU64::new(0),
        }
    }

    /// Logs a request.
    pub fn record(&self, entry: &Entry<'_>) {
        let Some(sender) = &self.sender else { return };
        let lost = self.dropped.swap(0, Ordering::Relaxed);
        if let Err(TrySendError::Full(_)) = sender.try_send(self.line(entry, lost)) {
            self.dropped.fetch_add(lost + 1, Ordering::Relaxed);
        }
    }

    /// Logs a sentence that belongs to no request.
    pub fn say(&self, at: Timestamp, sentence: &str) {
        let Some(sender) = &self.sender else { return };
        let at = at.to_text(self.local);
        let line = match self.format {
            LogFormat::Text => format!("{at} {sentence}\n"),
            LogFormat::Json => format!("{}\n", serde_json::json!({"at": at, "note": sentence})),
        };
        if let Err(TrySendError::Full(_)) = sender.try_send(line) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn line(&self, entry: &Entry<'_>, lost: u64) -> String {
        let at = entry.at.to_text(self.local);
        let micros = entry.took.as_micros();
        let (operation, rule, grade) = match entry.rule {
            Some(rule) => (rule.operation, rule.name, rule.grade.text()),
            None if entry.world.is_none() => ("admin", "admin", ""),
            None => ("unanswered", "unanswered", ""),
        };
        match self.format {
            LogFormat::Text => {
                let lost = match lost {
                    0 => String::new(),
                    lost => format!("({lost} lines lost)\n"),
                };
                let Entry {
                    method,
                    status,
                    target,
                    ..
                } = entry;
                let faults = match entry.faults {
                    [] => String::new(),
                    faults => format!(" faults={}", faults.join(",")),
                };
                format!(
                    "{lost}{at} {status} {method} {target} {operation}/{rule} {grade} \
                     {micros}µs{faults}\n"
                )
            }
            LogFormat::Json => {
                let mut line = serde_json::json!({
                    "at": at,
                    "method": entry.method.as_str(),
                    "target": entry.target,
                    "status": entry.status,
                    "request": entry.id,
                    "world": entry.world,
                    "operation": operation,
                    "rule": rule,
                    "grade": grade,
                    "microseconds": u64::try_from(micros).unwrap_or(u64::MAX),
                });
                if !entry.faults.is_empty() {
                    line["faults"] = entry.faults.into();
                }
                if lost > 0 {
                    line["lines_lost"] = lost.into();
                }
                format!("{line}\n")
            }
        }
    }
}

impl Drop for RequestLog {
    fn drop(&mut self) {
        drop(self.sender.take());
        let Some(writer) = self.writer.take() else {
            return;
        };
        // A pipe that nobody reads never takes the waiting lines, and must not hold up the end.
        let until = Instant::now() + PATIENCE;
        while !writer.is_finished() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn write_lines(receiver: &Receiver<String>) {
    let mut out = BufWriter::new(std::io::stderr());
    while let Ok(line) = receiver.recv() {
        let mut next = Some(line);
        while let Some(line) = next {
            // Nobody reads standard error any more, so the line is lost.
            let _ = out.write_all(line.as_bytes());
            next = receiver.try_recv().ok();
        }
        let _ = out.flush();
    }
}
