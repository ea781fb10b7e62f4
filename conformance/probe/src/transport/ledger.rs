//! The writes of a run, on disk before they are sent: even a run that dies leaves a record for the
//! clean-up.
//!
//! A file of JSON lines. The first describes the run. After that there is a line of intent before
//! every write, and a line with its outcome afterwards.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard};

use serde::{Deserialize, Serialize};

use whippy_engine::wire::text::without_bom;

use crate::workers::lock;

/// The version of the format.
const FORMAT: u32 = 1;

/// The longest line that can be read, bytes.
const MAX_LINE: u64 = 64 * 1024 * 1024;

/// The run that a ledger belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The run's id.
    pub id: String,
    /// The target's URL.
    pub target: String,
    /// The prefix of every SKU.
    pub prefix: String,
    /// The moment when it started.
    pub started: String,
}

/// A stock named by a write. Parts that the request leaves out are `None`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TouchedStock {
    /// The SKU.
    pub sku: String,
    /// The provider's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The location's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The type of the stock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock_type: Option<String>,
    /// The period, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<String>,
}

/// A provider, location or stock list that a write creates.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TouchedPlace {
    /// `providers`, `stock-locations` or `stock-lists`.
    pub kind: String,
    /// The code, or the name of a place without code.
    pub code: String,
}

/// A write that will be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intent {
    /// The method.
    pub method: String,
    /// The path, behind the target's URL.
    pub path: String,
    /// The operation's id.
    pub operation: String,
    /// The stocks that it names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<TouchedStock>,
    /// The places that it creates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<TouchedPlace>,
}

/// The outcome of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was answered with this status.
    Status(u16),
    /// There was no answer: it may have been applied or not.
    Unanswered,
}

/// The number of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Seq(u64);

/// Reasons why a ledger cannot be written or read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LedgerError {
    /// The file cannot be opened, read or written.
    File(String),
    /// The file is not a ledger.
    Foreign {
        /// The line, from 1.
        line: usize,
        /// The mistake in it.
        why: String,
    },
    /// The write of this number does not follow those before it.
    OutOfTurn(Seq),
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(why) => f.write_str(why),
            Self::Foreign { line, why } => write!(f, "line {line} is not a ledger entry: {why}"),
            Self::OutOfTurn(seq) => write!(f, "number {} does not follow here", seq.0),
        }
    }
}

impl std::error::Error for LedgerError {}

/// The ledger of a run, which threads can share.
#[derive(Debug)]
pub struct Ledger {
    run: Run,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    file: Option<File>,
    flush_to_disk: bool,
    /// Is true after a line was written only in part, so that no other may follow.
    is_torn: bool,
    last: u64,
    stocks: Distinct<TouchedStock>,
    places: Distinct<TouchedPlace>,
    /// The SKUs of writes without a known outcome.
    pending: HashMap<u64, Vec<String>>,
    /// The SKUs of writes that were answered and not refused.
    accepted: HashSet<String>,
}

/// Values in the order of their first occurrence, each once, so that repeated writes to one stock
/// take no further memory.
#[derive(Debug)]
struct Distinct<T> {
    known: HashMap<T, usize>,
}

impl<T> Default for Distinct<T> {
    fn default() -> Self {
        Self {
            known: HashMap::new(),
        }
    }
}

impl<T: std::hash::Hash + Eq + Clone> Distinct<T> {
    fn add(&mut self, value: &T) {
        if !self.known.contains_key(value) {
            self.known.insert(value.clone(), self.known.len());
        }
    }

    fn in_order(&self) -> Vec<T> {
        let mut values: Vec<_> = self.known.iter().collect();
        values.sort_unstable_by_key(|(_, at)| **at);
        values.into_iter().map(|(value, _)| value.clone()).collect()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    ledger: u32,
    run: Run,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    seq: Seq,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    intent: Option<Intent>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
}

impl Ledger {
    /// Creates a file, in which every line reaches the disk before its write is sent. An existing
    /// file is an error: it may be the only record of another run.
    pub fn create(path: &Path, run: Run) -> Result<Self, LedgerError> {
        let file = OpenOptions::new().write(true).create_new(true).open(path);
        let file = file.map_err(|error| cannot("created", path, &error))?;
        let ledger = Self::of(run, Some(file));
        let head = Head {
            ledger: FORMAT,
            run: ledger.run.clone(),
        };
        ledger.lock().append(&head)?;
        Ok(ledger)
    }

    /// Creates a ledger without a file, for a target that ends with the run.
    pub fn memory(run: Run) -> Self {
        Self::of(run, None)
    }

    /// Opens the ledger of an earlier run for its clean-up. The file is only read, and new lines
    /// are kept in memory. An incomplete last line is ignored, since its write was never sent.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        let file = File::open(path).map_err(|error| cannot("opened", path, &error))?;
        let mut lines = Lines {
            reader: BufReader::new(file),
            number: 0,
        };
        let unreadable = |error: io::Error| cannot("read", path, &error);
        let Some((line, _)) = lines.next().map_err(unreadable)? else {
            return Err(foreign(1, "the file is empty"));
        };
        let head: Head = serde_json::from_slice(without_bom(&line))
            .map_err(|_| foreign(1, "it does not say which run it is of"))?;
        if head.ledger != FORMAT {
            let why = format!("format {} is not {FORMAT}, the one known here", head.ledger);
            return Err(foreign(1, &why));
        }
        let ledger = Self::of(head.run, None);
        let mut state = ledger.lock();
        while let Some((line, is_whole)) = lines.next().map_err(unreadable)? {
            let read = serde_json::from_slice::<Line>(&line);
            let taken = match read {
                Ok(line) => state.take(&line).map_err(|why| why.to_string()),
                Err(error) => Err(error.to_string()),
            };
            match taken {
                Err(why) if is_whole => return Err(foreign(lines.number, &why)),
                _ => {}
            }
        }
        drop(state);
        Ok(ledger)
    }

    fn of(run: Run, file: Option<File>) -> Self {
        let target = without_secrets(&run.target);
        Self {
            run: Run { target, ..run },
            state: Mutex::new(State {
                file,
                flush_to_disk: true,
                ..State::default()
            }),
        }
    }

    /// Lets the system decide when lines reach the disk. They survive the end of the process, but
    /// perhaps not that of the machine.
    #[must_use]
    pub fn without_flushing(self) -> Self {
        self.lock().flush_to_disk = false;
        self
    }

    // A thread that panicked leaves at worst an incomplete line, which `is_torn` notes.
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Returns the run that it belongs to.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// Records a write. It must not be sent before this returns, and not at all after an error.
    pub fn intend(&self, intent: Intent) -> Result<Seq, LedgerError> {
        let mut state = self.lock();
        let line = Line {
            seq: Seq(state.last + 1),
            intent: Some(intent),
            outcome: None,
        };
        state.append(&line)?;
        let seq = line.seq;
        state.take(&line)?;
        Ok(seq)
    }

    /// Records the outcome of a write.
    pub fn settle(&self, seq: Seq, outcome: Outcome) -> Result<(), LedgerError> {
        let line = Line {
            seq,
            intent: None,
            outcome: Some(outcome),
        };
        let mut state = self.lock();
        state.take(&line)?;
        state.append(&line)
    }

    /// Returns `true` if some write may have created a stock of this SKU: one that was not refused,
    /// or whose outcome is unknown.
    pub fn may_have_created(&self, sku: &str) -> bool {
        let state = self.lock();
        let mut pending = state.pending.values().flatten();
        state.accepted.contains(sku) || pending.any(|known| known == sku)
    }

    /// Returns the stocks named by any write, each once, in the order of the first. Refused writes
    /// are included, since a refusal can be wrong.
    pub fn touched(&self) -> Vec<TouchedStock> {
        self.lock().stocks.in_order()
    }

    /// Returns the places named by any write that creates one, each once.
    pub fn places(&self) -> Vec<TouchedPlace> {
        self.lock().places.in_order()
    }
}

impl State {
    /// Writes a line in one piece.
    fn append(&mut self, line: &impl Serialize) -> Result<(), LedgerError> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let failed = |why: &dyn fmt::Display| {
            LedgerError::File(format!("the ledger cannot be written: {why}"))
        };
        if self.is_torn {
            return Err(failed(&"an earlier line was cut off"));
        }
        let mut bytes = serde_json::to_vec(line).map_err(|error| failed(&error))?;
        bytes.push(b'\n');
        self.is_torn = true;
        file.write_all(&bytes).map_err(|error| failed(&error))?;
        if self.flush_to_disk {
            file.sync_data().map_err(|error| failed(&error))?;
        }
        self.is_torn = false;
        Ok(())
    }

    /// Keeps a line, where it can follow those before it.
    fn take(&mut self, line: &Line) -> Result<(), LedgerError> {
        match line {
            Line {
                seq,
                intent: Some(intent),
                outcome: None,
            } if seq.0 == self.last + 1 => {
                self.last = seq.0;
                intent.rows.iter().for_each(|row| self.stocks.add(row));
                intent.places.iter().for_each(|p| self.places.add(p));
                let skus = intent.rows.iter().map(|row| row.sku.clone());
                self.pending.insert(seq.0, skus.collect());
                Ok(())
            }
            Line {
                seq,
                intent: None,
                outcome: Some(outcome),
            } if seq.0 <= self.last => {
                let skus = self.pending.remove(&seq.0).unwrap_or_default();
                let is_refused = matches!(outcome, Outcome::Status(300..=499));
                if !is_refused {
                    self.accepted.extend(skus);
                }
                Ok(())
            }
            Line { seq, .. } => Err(LedgerError::OutOfTurn(*seq)),
        }
    }
}

/// The lines of a file, of which none may be longer than [`MAX_LINE`].
struct Lines {
    reader: BufReader<File>,
    number: usize,
}

impl Lines {
    /// Returns the next line without its end, and `true` if it is complete.
    fn next(&mut self) -> io::Result<Option<(Vec<u8>, bool)>> {
        let mut line = Vec::new();
        let mut limited = (&mut self.reader).take(MAX_LINE);
        if limited.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        let has_end = line.pop_if(|last| *last == b'\n').is_some();
        // A line that goes on behind the limit is too long, but not incomplete.
        let is_whole = has_end || line.len() as u64 == MAX_LINE;
        Ok(Some((line, is_whole)))
    }
}

/// Returns a URL without the name and password in it.
fn without_secrets(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, h)| h);
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mark = if scheme.is_empty() { "" } else { "://" };
    format!("{scheme}{mark}{host}{path}")
}

fn cannot(verb: &str, path: &Path, error: &io::Error) -> LedgerError {
    LedgerError::File(format!(
        "the ledger {} cannot be {verb}: {error}",
        path.display()
    ))
}

fn foreign(line: usize, why: &str) -> LedgerError {
    LedgerError::Foreign {
        line,
        why: why.to_owned(),
    }
}

#[cfg(test)]
impl Ledger {
    /// Creates a ledger on a full disk.
    pub(crate) fn on_a_full_disk(run: Run) -> Self {
        let full = OpenOptions::new().write(true).open("/dev/full");
        Self::of(run, Some(full.unwrap()))
    }
}
