//! The file: the marks by which it is recognized, a careful way to open it, and the reading of
//! worlds.

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Row, params};
use smol_str::SmolStr;

use super::beside::{Answered, Reserve, beside};
use super::commit::Tally;
use super::error::{FileError, LogError, PastError};
use super::seal::{Damage, Total};
use super::{KeptWorld, LEAST_LIMIT, LogOptions, Past, SEQ_BITS, Sync, Track};
use whippy_engine::engine::Now;
use whippy_engine::history::{Asked, Write};
use whippy_engine::model::time::{Timestamp, UtcOffset};
use whippy_engine::profile::Profile;
use whippy_engine::store::Store;

/// `Whip`, in the field in which SQLite notes the program of a file.
const APPLICATION_ID: i32 = 0x5768_6970;

/// The version of the tables.
const FORMAT: i32 = 2;

const PAGE: u64 = 4_096;

/// Pages of the write-ahead log after which they are moved into the file: 4 MiB.
const CHECKPOINT_PAGES: i32 = 1_024;

/// Disk space that only deletion may use: the largest write-ahead log, and some more.
const RESERVE: u64 = 5 << 20;

/// The number of unused pages below which a file is not worth shrinking.
pub(super) const FEW_PAGES: i64 = 1_024;

/// The size of the pieces in which a large world is written, bytes.
pub(super) const PIECE: usize = 1 << 20;

const TABLES: &str = "
CREATE TABLE worlds (
    id INTEGER PRIMARY KEY,         -- another with every beginning
    sum INTEGER NOT NULL,           -- the checksum of the record; so in all tables
    name TEXT NOT NULL,
    profile TEXT NOT NULL,          -- the readings, as TOML
    utc_offset TEXT NOT NULL,
    clock TEXT NOT NULL,            -- as JSON
    clock_seq INTEGER NOT NULL      -- the write after which it stood so
) STRICT;
CREATE UNIQUE INDEX worlds_by_name ON worlds (name);
CREATE TABLE snapshots (
    world INTEGER NOT NULL,
    seq INTEGER NOT NULL,           -- the write that led to it
    sum INTEGER NOT NULL,
    content INTEGER NOT NULL,
    PRIMARY KEY (world, seq)
) STRICT;
CREATE INDEX snapshots_by_content ON snapshots (content);
CREATE TABLE contents (             -- states as JSON, in pieces; several snapshots may share one
    content INTEGER NOT NULL,
    piece INTEGER NOT NULL,
    sum INTEGER NOT NULL,
    json BLOB NOT NULL,
    PRIMARY KEY (content, piece)
) STRICT;
CREATE TABLE writes (
    id INTEGER PRIMARY KEY,         -- world * 2^38 + seq
    sum INTEGER NOT NULL,
    at INTEGER NOT NULL,            -- microseconds since 1970
    tick INTEGER NOT NULL,
    reads INTEGER NOT NULL,         -- of the clock
    method TEXT NOT NULL,
    target TEXT NOT NULL,
    content_type TEXT,
    body BLOB NOT NULL,
    left_behind BLOB                -- where the request alone does not say it
) STRICT;
CREATE TABLE tally (                -- one row
    commits INTEGER NOT NULL,
    total INTEGER NOT NULL          -- the sum over the checksums of all records
) STRICT;
INSERT INTO tally VALUES (0, 0);
CREATE VIEW log AS
    SELECT worlds.name AS world, writes.id & ((1 << 38) - 1) AS seq, at, tick, method, target,
           content_type, CAST(body AS TEXT) AS body
    FROM writes JOIN worlds ON worlds.id = writes.id >> 38;
";

const WRITE_COLUMNS: &str = "id, at, tick, reads, method, target, content_type, body, left_behind";

/// The key of a write.
pub(super) fn key(track: &Track, seq: u64) -> i64 {
    track.id << SEQ_BITS | i64::try_from(seq).unwrap_or(i64::MAX)
}

/// Converts a number for SQLite.
pub(super) fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A file that is open, sound, and locked by this process.
#[derive(Debug)]
pub(super) struct LogFile {
    pub(super) path: PathBuf,
    pub(super) connection: Connection,
    pub(super) tally: Tally,
    pub(super) reserve: Reserve,
}

/// Opens a sound file of this program that no other process uses, or makes a new one; returns its
/// worlds too. A refused file is left as it was.
pub(super) fn open(
    path: &Path,
    options: LogOptions,
) -> Result<(LogFile, Vec<KeptWorld>), LogError> {
    let say = |why| LogError {
        path: path.to_owned(),
        why,
    };
    if let Some(limit) = options.limit
        && limit < LEAST_LIMIT
    {
        return Err(say(FileError::Limit(limit)));
    }
    let is_new = look(path).map_err(say)?;
    let ahead = beside(path, "-wal");
    let had_ahead = ahead.exists();
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | if is_new {
            OpenFlags::SQLITE_OPEN_CREATE
        } else {
            OpenFlags::empty()
        };
    let connection = Connection::open_with_flags(path, flags)
        .map_err(|error| say(FileError::Unopened(error)))?;
    let opened = take(&connection, is_new)
        .and_then(|()| prepare(&connection, options))
        .and_then(|()| verify(&connection))
        .and_then(|tally| {
            // After a deletion of the file, the number of answered commits is void too.
            let answered = if is_new { None } else { Answered::read(path) };
            nothing_is_missing(tally, answered.unwrap_or_default(), path).map(|()| tally)
        })
        .and_then(|tally| {
            let worlds = load(&connection)?;
            accept(&connection)?;
            Ok((tally, worlds))
        });
    match opened {
        Ok((tally, worlds)) => {
            let bytes = options.limit.map_or(RESERVE, |limit| RESERVE.min(limit));
            let reserve = Reserve::new(path, bytes);
            reserve.take();
            let path = path.to_owned();
            let file = LogFile {
                path,
                connection,
                tally,
                reserve,
            };
            Ok((file, worlds))
        }
        Err(why) => {
            drop(connection);
            // SQLite creates an empty one when it opens the file.
            if !had_ahead && ahead.metadata().is_ok_and(|data| data.len() == 0) {
                let _ = std::fs::remove_file(&ahead);
            }
            Err(say(why))
        }
    }
}

/// Checks a file without SQLite, which would take over files of other programs. Returns `true` if
/// there is no file yet.
fn look(path: &Path) -> Result<bool, FileError> {
    let name = path.to_string_lossy();
    if name.starts_with(':') || name.starts_with("file:") {
        return Err(FileError::NameOfSqlite);
    }
    let mut head = Vec::new();
    // Checked before opening: opening a pipe waits for its other end.
    match path.metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(FileError::Unreadable(error)),
        Ok(data) if !data.is_file() => return Err(FileError::NotAFile),
        Ok(_) => {
            let file = File::open(path).map_err(FileError::Unreadable)?;
            file.take(100)
                .read_to_end(&mut head)
                .map_err(FileError::Unreadable)?;
        }
    }
    if head.is_empty() {
        let ahead = beside(path, "-wal");
        return if ahead.metadata().is_ok_and(|data| data.len() > 0) {
            Err(FileError::Torn(ahead))
        } else {
            Ok(true)
        };
    }
    let number = |at: usize| {
        let bytes = head.get(at..at + 4)?.try_into().ok()?;
        Some(i32::from_be_bytes(bytes))
    };
    if !head.starts_with(b"SQLite format 3\0") || number(68) != Some(APPLICATION_ID) {
        return Err(FileError::Foreign);
    }
    match number(60) {
        Some(FORMAT) => Ok(false),
        format => Err(FileError::Format {
            found: format.unwrap_or_default(),
            known: FORMAT,
        }),
    }
}

/// Locks a file for this process, and checks that it is whole.
fn take(connection: &Connection, is_new: bool) -> Result<(), FileError> {
    let sentence = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => FileError::InUse,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => damaged(error),
        _ => FileError::Unusable(error),
    };
    let checked = || -> rusqlite::Result<Vec<String>> {
        connection.busy_timeout(Duration::ZERO)?;
        // Closing must not write to a file that may be another program's.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        // The lock lasts until the process ends, in whatever way.
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        if is_new {
            // SQLite accepts this only before the first transaction.
            connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        }
        connection.execute_batch("BEGIN IMMEDIATE")?;
        let mut check = connection.prepare("PRAGMA quick_check(1)")?;
        let found = check.query_map([], |row| row.get(0))?.collect();
        drop(check);
        connection.execute_batch("ROLLBACK")?;
        found
    };
    let found = checked().map_err(sentence)?;
    match found.first() {
        Some(ok) if ok == "ok" => Ok(()),
        Some(damage) => Err(damaged(damage.trim().replace('\n', " "))),
        None => Err(FileError::Unchecked),
    }
}

fn damaged(why: impl fmt::Display) -> FileError {
    FileError::Damaged(why.to_string())
}

/// Creates missing tables, and sets the options of storage.
fn prepare(connection: &Connection, options: LogOptions) -> Result<(), FileError> {
    let prepared = || -> rusqlite::Result<()> {
        let tables: i64 =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        if tables == 0 {
            connection.pragma_update(None, "page_size", whole(PAGE))?;
            connection.execute_batch("BEGIN EXCLUSIVE")?;
            connection.pragma_update(None, "application_id", APPLICATION_ID)?;
            connection.pragma_update(None, "user_version", FORMAT)?;
            connection.execute_batch(TABLES)?;
            connection.execute_batch("COMMIT")?;
        }
        connection.pragma_update(None, "journal_mode", "WAL")?;
        let sync = match options.sync {
            Sync::Process => "NORMAL",
            Sync::Power => "FULL",
        };
        connection.pragma_update(None, "synchronous", sync)?;
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        if let Some(limit) = options.limit {
            connection.pragma_update(None, "max_page_count", whole(limit / PAGE))?;
        }
        Ok(())
    };
    prepared().map_err(FileError::Unprepared)
}

/// Checks every record, and that none is missing.
fn verify(connection: &Connection) -> Result<Tally, FileError> {
    let (commits, expected) = connection
        .query_row("SELECT commits, total FROM tally", [], |row| {
            Ok((row.get(0)?, Total::from_file(row.get(1)?)))
        })
        .map_err(|error| damaged(Damage::from(error)))?;
    let total = Total::verified(connection).map_err(damaged)?;
    if total != expected {
        return Err(damaged("records are missing"));
    }
    Ok(Tally { commits, total })
}

/// Checks that the file has every commit that was answered.
fn nothing_is_missing(tally: Tally, answered: u64, path: &Path) -> Result<(), FileError> {
    if tally.commits >= answered {
        return Ok(());
    }
    Err(FileError::Missing {
        commits: answered - tally.commits,
        ahead: beside(path, "-wal"),
        counter: Answered::path(path),
    })
}

/// Lets SQLite tidy up when the file is closed, now that it is known to be whole.
fn accept(connection: &Connection) -> Result<(), FileError> {
    let set = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false);
    set.map(drop).map_err(FileError::Unprepared)
}

/// Reads every world of a file.
fn load(connection: &Connection) -> Result<Vec<KeptWorld>, FileError> {
    let mut worlds = connection
        .prepare("SELECT id, name, profile, utc_offset, clock, clock_seq FROM worlds ORDER BY name")
        .map_err(damaged)?;
    let rows = worlds
        .query_map([], |row| {
            let (id, name): (i64, String) = (row.get(0)?, row.get(1)?);
            let texts: [String; 3] = [row.get(2)?, row.get(3)?, row.get(4)?];
            Ok((id, name, texts, row.get::<_, u64>(5)?))
        })
        .map_err(damaged)?;
    let mut found = Vec::new();
    for row in rows {
        let (id, name, [profile_text, local, clock], clock_seq) = row.map_err(damaged)?;
        let fail = |why: String| FileError::World {
            name: name.clone(),
            why,
        };
        let mut profile = Profile::default();
        profile
            .apply_toml(&profile_text)
            .map_err(|why| fail(why.to_string()))?;
        let local = UtcOffset::parse(&local).ok_or_else(|| fail(format!("no zone `{local}`")))?;
        let clock = serde_json::from_str(&clock).map_err(|why| fail(why.to_string()))?;
        let track = Track::new(id, name.as_str().into());
        let (store, seq, writes) =
            past(connection, &track, (1 << SEQ_BITS) - 1).map_err(|why| fail(why.to_string()))?;
        let last = writes.last().map_or(seq, |write| write.seq);
        track.is_begun.store(true, Ordering::Release);
        track.committed.store(last, Ordering::Release);
        let track = Arc::new(track);
        found.push(KeptWorld {
            name,
            profile,
            local,
            store,
            seq,
            writes,
            clock: (clock, clock_seq),
            track,
        });
    }
    Ok(found)
}

/// Returns the last state that a file has up to a write, and the writes from there on.
pub(super) fn past(connection: &Connection, track: &Track, seq: u64) -> Result<Past, PastError> {
    type Found = Option<(u64, Vec<u8>, Vec<Write>)>;
    let found = || -> rusqlite::Result<Found> {
        let snapshot: Option<(u64, i64)> = connection
            .query_row(
                "SELECT seq, content FROM snapshots WHERE world = ? AND seq <= ?
                 ORDER BY seq DESC LIMIT 1",
                params![track.id, whole(seq)],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        let Some((from, content)) = snapshot else {
            return Ok(None);
        };
        let mut pieces =
            connection.prepare("SELECT json FROM contents WHERE content = ? ORDER BY piece")?;
        let mut json = Vec::new();
        let mut rows = pieces.query([content])?;
        while let Some(row) = rows.next()? {
            json.extend_from_slice(row.get_ref(0)?.as_blob()?);
        }
        let mut writes = connection.prepare(&format!(
            "SELECT {WRITE_COLUMNS} FROM writes WHERE id > ? AND id <= ? ORDER BY id"
        ))?;
        let range = params![key(track, from), key(track, seq)];
        let writes = writes.query_map(range, write)?.collect::<Result<_, _>>()?;
        Ok(Some((from, json, writes)))
    };
    let (from, json, writes) = found()
        .map_err(PastError::Unread)?
        .ok_or(PastError::NotKept(seq))?;
    let expected = from + 1..;
    if let Some((seq, _)) = expected.zip(&writes).find(|(seq, write)| *seq != write.seq) {
        return Err(PastError::Missing(seq));
    }
    let store = Store::from_json(&json).map_err(|why| PastError::World { seq: from, why })?;
    Ok((store, from, writes))
}

fn write(row: &Row<'_>) -> rusqlite::Result<Write> {
    let unread = |column, why: String| {
        let kind = rusqlite::types::Type::Text;
        rusqlite::Error::FromSqlConversionFailure(column, kind, why.into())
    };
    let bytes = |column| -> rusqlite::Result<Option<Bytes>> {
        let blob = row.get_ref(column)?.as_blob_or_null()?;
        Ok(blob.map(Bytes::copy_from_slice))
    };
    let id: i64 = row.get(0)?;
    let at: i64 = row.get(1)?;
    let at = Timestamp::from_micros(at).ok_or_else(|| unread(1, format!("{at} is no moment")))?;
    let method: String = row.get(4)?;
    let method = Method::from_bytes(method.as_bytes())
        .map_err(|_| unread(4, format!("`{method}` is no method")))?;
    let target: String = row.get(5)?;
    let content_type: Option<String> = row.get(6)?;
    Ok(Write {
        seq: u64::try_from(id & ((1 << SEQ_BITS) - 1)).unwrap_or_default(),
        now: Now {
            at,
            tick: row.get(2)?,
        },
        reads: row.get(3)?,
        asked: Asked {
            method,
            target: target.into(),
            content_type: content_type.map(SmolStr::from),
            body: bytes(7)?.unwrap_or_default(),
        },
        left: bytes(8)?,
    })
}
