//! A recording in a folder: the exchanges without their secrets as an HTTP archive, which is valid
//! after each of them, and the world that they show.

mod world;

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use whippy_engine::exchange::{self, Answered};

use crate::run::assembly;
use crate::traffic::{Ending, Extent, Observed, Watcher};
use world::Gathered;

/// The file of exchanges in the folder.
pub const EXCHANGES: &str = "exchanges.har";

/// The file of the world in the folder.
pub const WORLD: &str = "world.json";

const HEAD: &str = concat!(
    r#"{"log":{"version":"1.2","creator":{"name":"whippy-conformance","version":""#,
    env!("CARGO_PKG_VERSION"),
    "\"},\"entries\":["
);
const TAIL: &str = "\n]}}\n";

/// A recording in progress.
pub struct Recording {
    folder: PathBuf,
    file: File,
    /// The largest size of the archive, bytes.
    limit: u64,
    size: u64,
    entries: u64,
    left_out: u64,
    failure: Option<io::Error>,
    world: Gathered,
}

/// Reasons why a recording is not whole.
#[derive(Debug)]
pub enum RecordingError {
    /// The folder or the file cannot be written.
    File(PathBuf, io::Error),
    /// The folder has a file of this name from before.
    Taken(PathBuf, &'static str),
    /// Exchanges could not be added to the archive in this folder.
    Cut(PathBuf, io::Error),
}

impl fmt::Display for RecordingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, why) => write!(f, "{}: {why}", path.display()),
            Self::Taken(folder, name) => write!(f, "{} has a {name} already", folder.display()),
            Self::Cut(folder, why) => write!(f, "{}/{EXCHANGES}: {why}", folder.display()),
        }
    }
}

impl std::error::Error for RecordingError {}

impl Recording {
    /// Begins a recording in a folder that has none. `limit` is the largest size of the archive,
    /// bytes.
    pub fn create(folder: &Path, limit: u64) -> Result<Self, RecordingError> {
        let named = |error: io::Error| RecordingError::File(folder.to_owned(), error);
        std::fs::create_dir_all(folder).map_err(named)?;
        for name in [EXCHANGES, WORLD] {
            if folder.join(name).exists() {
                return Err(RecordingError::Taken(folder.to_owned(), name));
            }
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(folder.join(EXCHANGES))
            .map_err(named)?;
        file.write_all(HEAD.as_bytes())
            .and_then(|()| file.write_all(TAIL.as_bytes()))
            .map_err(named)?;
        Ok(Self {
            folder: folder.to_owned(),
            file,
            limit,
            size: u64::try_from(HEAD.len() + TAIL.len()).unwrap_or(u64::MAX),
            entries: 0,
            left_out: 0,
            failure: None,
            world: Gathered::default(),
        })
    }

    /// Records a judged exchange; `base` is the base URL of the service.
    pub fn keep(&mut self, observed: &Observed, base: &str, watcher: &mut Watcher) {
        self.world.see(observed);
        if self.failure.is_some() {
            self.left_out += 1;
            return;
        }
        let entry = entry(observed, base, watcher).to_string();
        let comma = if self.entries == 0 { "\n" } else { ",\n" };
        let more = u64::try_from(comma.len() + entry.len()).unwrap_or(u64::MAX);
        if self.size.saturating_add(more) > self.limit {
            self.left_out += 1;
            return;
        }
        match self.append(&[comma, &entry, TAIL].concat()) {
            Ok(()) => {
                self.size += more;
                self.entries += 1;
            }
            Err(error) => self.failure = Some(error),
        }
    }

    /// Replaces the tail of the archive by `text`, which ends in a tail.
    fn append(&mut self, text: &str) -> io::Result<()> {
        let tail = i64::try_from(TAIL.len()).unwrap_or_default();
        self.file.seek(SeekFrom::End(-tail))?;
        self.file.write_all(text.as_bytes())
    }

    /// Ends the recording, and returns lines about its content and gaps. The error is the reason
    /// why it is incomplete.
    pub fn finish(self) -> Result<Vec<String>, RecordingError> {
        if let Some(why) = self.failure {
            return Err(RecordingError::Cut(self.folder, why));
        }
        let folder = self.folder.display();
        let mut lines = vec![format!("{folder}/{EXCHANGES}: {} exchanges", self.entries)];
        if self.left_out > 0 {
            lines.push(format!(
                "  {} more are left out: the archive has its {} bytes",
                self.left_out, self.limit
            ));
        }
        let (world, held, unknown) = self.world.finish();
        match world {
            Ok(json) => {
                let path = self.folder.join(WORLD);
                std::fs::write(&path, json).map_err(|error| RecordingError::File(path, error))?;
                lines.push(format!("{folder}/{WORLD}: {held}"));
            }
            Err(why) => lines.push(format!("{folder}/{WORLD} is not written: {why}")),
        }
        lines.extend(unknown.into_iter().map(|line| format!("  {line}")));
        Ok(lines)
    }
}

/// Returns an exchange as an entry of an archive.
fn entry(observed: &Observed, base: &str, watcher: &mut Watcher) -> Value {
    let keeper = watcher.keeper();
    let request = keeper.request(&observed.request);
    let target = exchange::target(&request);
    let size = observed.request.body().len();
    let mut exchange = exchange::Exchange::of(request, observed.id, Arc::from(""), usize::MAX);
    exchange.at = observed.at;
    exchange.took = Duration::from_micros(observed.micros);
    let mut comment = None;
    let mut is_body_known = true;
    match &observed.came {
        Ending::Answer { response, body } => {
            is_body_known = *body == Extent::Whole;
            exchange.answer = Some(Answered::of(&keeper.response(response), usize::MAX));
        }
        Ending::Failed { why, .. } | Ending::Unknown(why) => comment = Some(why.clone()),
        Ending::Abandoned => comment = Some("the client was gone before".to_owned()),
    }
    let mut archive = exchange::har([&exchange]);
    let mut entry = archive["log"]["entries"][0].take();
    entry["request"]["url"] = format!("{base}{target}").into();
    // An unknown body must not look like an empty one.
    if observed.request_body != Extent::Whole {
        entry["request"]["bodySize"] = size.max(1).into();
        if let Some(request) = entry["request"].as_object_mut() {
            request.remove("postData");
        }
    }
    if !is_body_known && let Some(content) = entry["response"]["content"].as_object_mut() {
        content.remove("text");
        content.insert("size".to_owned(), (-1).into());
    }
    if let Some(members) = entry.as_object_mut() {
        members.remove("comment");
        members.extend(comment.map(|why| ("comment".to_owned(), why.into())));
    }
    assembly::redact_value(&mut entry, keeper.secrets());
    entry
}
