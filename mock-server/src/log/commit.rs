//! The thread that writes the file: all waiting events in one transaction.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rusqlite::{Connection, ErrorCode, OptionalExtension, Statement, params};

use super::beside::Answered;
use super::file::{self, LogFile, PIECE, key, whole};
use super::seal::{Seal, Table, Total};
use super::{Base, Event, Queue, Shared, Snapshot, Task, Track};
use whippy_engine::clock::ServiceClock;
use whippy_engine::durability::Commit;
use whippy_engine::history::Write;
use whippy_engine::store::Store;

/// The number of states that are remembered so that worlds which begin alike share one.
const SHARED_STATES: usize = 4;

/// Writes until the log is closed and nothing waits any more.
pub(super) fn serve(file: &LogFile, shared: &Shared) {
    // Without its statements the writer can keep nothing, and refuses every event.
    let mut writer = Writer::new(file);
    while let Some((tasks, batch)) = next(shared) {
        let mut events = Vec::with_capacity(tasks.len());
        let mut rest = Vec::new();
        for task in tasks {
            match task {
                Task::Keep(track, event) => events.push((track, event)),
                other => rest.push(other),
            }
        }
        let kept = match &mut writer {
            Ok(writer) => writer.keep_or_make_room(&events),
            Err(error) => Err(std::mem::replace(error, rusqlite::Error::InvalidQuery)),
        };
        match kept {
            Ok(()) => {
                for (track, event) in &events {
                    settle(track, event);
                }
                batch.settle(Ok(()));
            }
            Err(error) => refuse(shared, &events, &batch, &error),
        }
        drop(events);
        for task in rest {
            match task {
                Task::Snapshot(snapshot) => {
                    if let Ok(writer) = &mut writer {
                        writer.keep_snapshot(&snapshot);
                    }
                    shared.is_snapping.store(false, Ordering::Release);
                }
                Task::Look(look) => {
                    let found = file::past(&file.connection, &look.track, look.seq);
                    // The asking thread may be gone.
                    let _ = look.told.send(found);
                }
                Task::Keep(..) => {}
            }
        }
    }
}

/// Waits for tasks and takes all of them; `None` at the end.
fn next(shared: &Shared) -> Option<(Vec<Task>, Arc<Commit>)> {
    let mut queue = shared
        .filled
        .wait_while(shared.queue(), |queue| {
            queue.tasks.is_empty() && !queue.is_closing
        })
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    if queue.tasks.is_empty() {
        return None;
    }
    let taken = queue.take();
    drop(queue);
    shared.emptied.notify_all();
    Some(taken)
}

impl Queue {
    fn take(&mut self) -> (Vec<Task>, Arc<Commit>) {
        self.bytes = 0;
        (
            std::mem::take(&mut self.tasks),
            std::mem::take(&mut self.batch),
        )
    }
}

/// Notes in a world's track how far the file has come.
fn settle(track: &Track, event: &Event) {
    match event {
        Event::Begin { seq, .. } => {
            track.committed.store(*seq, Ordering::Release);
            track.is_begun.store(true, Ordering::Release);
        }
        Event::Write(write) => track.committed.store(write.seq, Ordering::Release),
        Event::Clock(..) => {}
        Event::Drop => track.is_begun.store(false, Ordering::Release),
    }
}

/// Refuses events that could not be kept, and all that wait behind them, since those may build on
/// them.
fn refuse(
    shared: &Shared,
    events: &[(Arc<Track>, Event)],
    batch: &Commit,
    error: &rusqlite::Error,
) {
    let why = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "there is no room left".to_owned(),
        _ => error.to_string(),
    };
    let why = shared.not_kept(why);
    let fail = |track: &Track| track.has_failed.store(true, Ordering::Release);
    let waiting = {
        let mut queue = shared.queue();
        let (tasks, waiting) = queue.take();
        for (track, _) in events {
            fail(track);
        }
        for task in tasks {
            match task {
                Task::Keep(track, _) => fail(&track),
                other => queue.tasks.push(other),
            }
        }
        waiting
    };
    shared.emptied.notify_all();
    batch.settle(Err(why.clone()));
    waiting.settle(Err(why));
}

/// The open file, with its prepared statements.
struct Writer<'c> {
    file: &'c LogFile,
    connection: &'c Connection,
    begin: Statement<'c>,
    commit: Statement<'c>,
    insert: Statement<'c>,
    /// States in the file that are remembered for sharing, the newest last.
    states: VecDeque<(Store, i64)>,
    tally: Tally,
    answered: Answered,
}

/// The commits of a file, and the sum over its records.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tally {
    pub(super) commits: u64,
    pub(super) total: Total,
}

impl<'c> Writer<'c> {
    fn new(file: &'c LogFile) -> rusqlite::Result<Self> {
        let connection = &file.connection;
        let mut answered = Answered::open(&file.path);
        answered.write(file.tally.commits);
        Ok(Self {
            file,
            connection,
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            commit: connection.prepare("COMMIT")?,
            insert: connection.prepare(
                "INSERT INTO writes (id, sum, at, tick, reads, method, target, content_type,
                 body, left_behind) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )?,
            states: VecDeque::new(),
            tally: file.tally,
            answered,
        })
    }

    /// Keeps events, all of them or none. Where the disk is too full for a deleting event, the
    /// reserve makes room for it.
    fn keep_or_make_room(&mut self, events: &[(Arc<Track>, Event)]) -> rusqlite::Result<()> {
        let kept = self.keep(events);
        if kept.is_ok()
            || !events
                .iter()
                .any(|(track, event)| self.deletes(track, event))
            || !self.file.reserve.release()
        {
            return kept;
        }
        // The checkpoint moves the write-ahead log into the file, which frees the log's space.
        let kept = self.checkpoint().and_then(|()| self.keep(events));
        let shrunk = self.checkpoint().and_then(|()| self.shrink());
        drop(shrunk.and_then(|()| self.checkpoint()));
        self.file.reserve.take();
        kept
    }

    /// Returns `true` for an event after which the file holds less: a drop, or a reset.
    fn deletes(&self, track: &Track, event: &Event) -> bool {
        let base = match event {
            Event::Drop => return true,
            Event::Begin { base, .. } => base,
            _ => return false,
        };
        let sql = "SELECT 1 FROM worlds WHERE name = ?";
        let known = self.connection.query_row(sql, [&*track.name], |_| Ok(()));
        matches!(base, Base::World(_)) && known.is_ok()
    }

    fn checkpoint(&self) -> rusqlite::Result<()> {
        let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
        self.connection.query_row(sql, [], |_| Ok(()))
    }

    /// Gives unused pages back to the disk.
    fn shrink(&self) -> rusqlite::Result<()> {
        let mut step = self.connection.prepare("PRAGMA incremental_vacuum")?;
        let mut rows = step.query([])?;
        while rows.next()?.is_some() {}
        Ok(())
    }

    /// Shrinks a file of which most is unused. A failure leaves it as large as it was.
    fn shrink_if_mostly_unused(&self) {
        let count = |pragma: &str| -> rusqlite::Result<i64> {
            self.connection.query_row(pragma, [], |row| row.get(0))
        };
        let (unused, all) = (count("PRAGMA freelist_count"), count("PRAGMA page_count"));
        if let (Ok(unused), Ok(all)) = (unused, all)
            && unused >= file::FEW_PAGES
            && unused > all / 2
        {
            drop(self.shrink());
        }
    }

    /// Keeps events in one transaction, all of them or none.
    fn keep(&mut self, events: &[(Arc<Track>, Event)]) -> rusqlite::Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        self.at_once(|writer| {
            events
                .iter()
                .try_for_each(|(track, event)| writer.event(track, event))
        })
    }

    fn at_once(
        &mut self,
        work: impl FnOnce(&mut Self) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        let before = self.tally;
        self.begin.execute([])?;
        let done = work(self)
            .and_then(|()| self.count_commit())
            .and_then(|()| self.commit.execute([]).map(drop));
        if done.is_ok() {
            self.answered.write(self.tally.commits);
            return Ok(());
        }
        // States remembered from a failed transaction may not be in the file.
        self.states.clear();
        self.tally = before;
        if !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        done
    }

    fn count_commit(&mut self) -> rusqlite::Result<()> {
        self.tally.commits += 1;
        let mut update = self
            .connection
            .prepare_cached("UPDATE tally SET commits = ?, total = ?")?;
        let Tally { commits, total } = self.tally;
        update
            .execute(params![whole(commits), total.to_file()])
            .map(drop)
    }

    fn event(&mut self, track: &Track, event: &Event) -> rusqlite::Result<()> {
        match event {
            Event::Write(write) => self.write(track, write),
            Event::Begin {
                settings,
                clock,
                seq,
                base,
            } => {
                let old = self.forget(&track.name)?;
                self.world(&WorldRecord {
                    id: track.id,
                    name: track.name.to_string(),
                    profile: settings.profile.to_toml(),
                    utc_offset: settings.local.to_string(),
                    clock: text(clock),
                    clock_seq: whole(*seq),
                })?;
                match base {
                    Base::World(store) => {
                        // A state that both worlds share stays. Otherwise the old world is deleted
                        // first, to make the room that a full file may need for the new one.
                        if let Some(content) = self.known_state(store) {
                            self.point(track, *seq, content)?;
                        }
                        if let Some(old) = old {
                            self.purge(old)?;
                        }
                        let content = self.state(store)?;
                        self.point(track, *seq, content)
                    }
                    Base::CopyOf(other) => {
                        self.copy(other, track)?;
                        old.map_or(Ok(()), |old| self.purge(old))
                    }
                }
            }
            Event::Clock(clock, seq) => self.set_clock(track.id, clock, *seq),
            Event::Drop => {
                if let Some(old) = self.forget(&track.name)? {
                    self.purge(old)?;
                }
                Ok(())
            }
        }
    }

    fn write(&mut self, track: &Track, write: &Write) -> rusqlite::Result<()> {
        let asked = &write.asked;
        let id = key(track, write.seq);
        let sum = Seal::new()
            .integer(whole(write.seq))
            .integer(write.now.at.micros())
            .integer(write.now.tick)
            .integer(whole(write.reads))
            .bytes(asked.method.as_str().as_bytes())
            .bytes(asked.target.as_bytes())
            .bytes_or_null(asked.content_type.as_deref().map(str::as_bytes))
            .bytes(&asked.body)
            .bytes_or_null(write.left.as_deref())
            .sum();
        self.tally.total.add(Table::Writes, id, sum);
        self.insert
            .execute(params![
                id,
                sum,
                write.now.at.micros(),
                write.now.tick,
                whole(write.reads),
                asked.method.as_str(),
                asked.target.as_str(),
                asked.content_type.as_deref(),
                &*asked.body,
                write.left.as_deref(),
            ])
            .map(drop)
    }

    fn world(&mut self, world: &WorldRecord) -> rusqlite::Result<()> {
        let sum = world.sum();
        self.tally.total.add(Table::Worlds, world.id, sum);
        self.connection
            .execute(
                "INSERT INTO worlds (id, sum, name, profile, utc_offset, clock, clock_seq)
                 VALUES (?, ?, ?, ?, ?, ?, ?)",
                params![
                    world.id,
                    sum,
                    world.name,
                    world.profile,
                    world.utc_offset,
                    world.clock,
                    world.clock_seq
                ],
            )
            .map(drop)
    }

    /// Sets the clock of a world, unless it was set after a later write already. Does nothing for
    /// an unknown world.
    fn set_clock(&mut self, id: i64, clock: &ServiceClock, seq: u64) -> rusqlite::Result<()> {
        let found = self.connection.query_row(
            "DELETE FROM worlds WHERE id = ? AND clock_seq <= ?
             RETURNING sum, name, profile, utc_offset",
            params![id, whole(seq)],
            |row| {
                let world = WorldRecord {
                    id,
                    name: row.get(1)?,
                    profile: row.get(2)?,
                    utc_offset: row.get(3)?,
                    clock: text(clock),
                    clock_seq: whole(seq),
                };
                Ok((row.get(0)?, world))
            },
        );
        match found.optional()? {
            None => Ok(()),
            Some((sum, world)) => {
                self.tally.total.remove(Table::Worlds, id, sum);
                self.world(&world)
            }
        }
    }

    /// Removes the world of a name from the table, and returns its id.
    fn forget(&mut self, name: &str) -> rusqlite::Result<Option<i64>> {
        let found = self.connection.query_row(
            "DELETE FROM worlds WHERE name = ? RETURNING id, sum",
            [name],
            |row| Ok((row.get(0)?, row.get(1)?)),
        );
        let found: Option<(i64, i64)> = found.optional()?;
        Ok(found.map(|(id, sum)| {
            self.tally.total.remove(Table::Worlds, id, sum);
            id
        }))
    }

    /// Deletes the writes with ids in a range.
    fn drop_writes(&mut self, from: i64, before: i64) -> rusqlite::Result<()> {
        let sql = "DELETE FROM writes WHERE id >= ? AND id < ? RETURNING id, sum";
        let mut delete = self.connection.prepare_cached(sql)?;
        let total = &mut self.tally.total;
        total.count(&mut delete, [from, before], |total, id, sum| {
            total.remove(Table::Writes, id, sum);
        })
    }

    /// Deletes the remaining records of a world.
    fn purge(&mut self, id: i64) -> rusqlite::Result<()> {
        self.drop_writes(id << super::SEQ_BITS, (id + 1) << super::SEQ_BITS)?;
        self.drop_snapshots(id, i64::MAX)
    }

    /// Deletes the snapshots of a world before a write, and the states that no other has.
    fn drop_snapshots(&mut self, id: i64, before: i64) -> rusqlite::Result<()> {
        let mut delete = self.connection.prepare_cached(
            "DELETE FROM snapshots WHERE world = ? AND seq < ?
             RETURNING world << 38 | seq, sum, content",
        )?;
        let mut contents: Vec<i64> = Vec::new();
        let mut rows = delete.query([id, before])?;
        while let Some(row) = rows.next()? {
            self.tally
                .total
                .remove(Table::Snapshots, row.get(0)?, row.get(1)?);
            contents.push(row.get(2)?);
        }
        drop(rows);
        for content in contents {
            self.drop_content(content)?;
        }
        Ok(())
    }

    /// Deletes a state unless a snapshot refers to it.
    fn drop_content(&mut self, content: i64) -> rusqlite::Result<()> {
        let mut delete = self.connection.prepare_cached(
            "DELETE FROM contents WHERE content = ?1
             AND NOT EXISTS (SELECT 1 FROM snapshots WHERE content = ?1)
             RETURNING content << 24 | piece, sum",
        )?;
        let before = self.tally.total;
        let total = &mut self.tally.total;
        total.count(&mut delete, [content], |total, key, sum| {
            total.remove(Table::Contents, key, sum);
        })?;
        if self.tally.total != before {
            self.states.retain(|(_, known)| *known != content);
        }
        Ok(())
    }

    /// Returns the id of a state that is remembered to be in the file.
    fn known_state(&self, store: &Store) -> Option<i64> {
        let mut states = self.states.iter();
        let found = states.find(|(known, _)| known.is_clone_of(store));
        found.map(|(_, content)| *content)
    }

    /// Returns the id of a state, and writes the state first where it is not remembered.
    fn state(&mut self, store: &Store) -> rusqlite::Result<i64> {
        if let Some(content) = self.known_state(store) {
            return Ok(content);
        }
        let content = self.content(store.clone().into_pieces().at_least(PIECE))?;
        if self.states.len() >= SHARED_STATES {
            self.states.pop_front();
        }
        self.states.push_back((store.clone(), content));
        Ok(content)
    }

    fn content(&mut self, pieces: impl Iterator<Item = impl AsRef<[u8]>>) -> rusqlite::Result<i64> {
        let content: i64 = self.connection.query_row(
            "SELECT coalesce(max(content), 0) + 1 FROM contents",
            [],
            |row| row.get(0),
        )?;
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO contents (content, piece, sum, json) VALUES (?, ?, ?, ?)",
        )?;
        for (number, piece) in (0_i64..).zip(pieces) {
            let piece = piece.as_ref();
            let seal = Seal::new().integer(content).integer(number).bytes(piece);
            let sum = seal.sum();
            let key = content << 24 | number;
            self.tally.total.add(Table::Contents, key, sum);
            insert.execute(params![content, number, sum, piece])?;
        }
        Ok(content)
    }

    fn point(&mut self, track: &Track, seq: u64, content: i64) -> rusqlite::Result<()> {
        let mut replaced = self.connection.prepare_cached(
            "DELETE FROM snapshots WHERE world = ? AND seq = ? RETURNING world << 38 | seq, sum",
        )?;
        let total = &mut self.tally.total;
        total.count(
            &mut replaced,
            params![track.id, whole(seq)],
            |total, key, sum| {
                total.remove(Table::Snapshots, key, sum);
            },
        )?;
        let sum = Seal::new().integer(whole(seq)).integer(content).sum();
        total.add(Table::Snapshots, key(track, seq), sum);
        self.connection
            .execute(
                "INSERT INTO snapshots (world, seq, sum, content) VALUES (?, ?, ?, ?)",
                params![track.id, whole(seq), sum, content],
            )
            .map(drop)
    }

    /// Begins a world as a copy of another: its last snapshot and the writes since.
    fn copy(&mut self, from: &Track, to: &Track) -> rusqlite::Result<()> {
        let (seq, content): (u64, i64) = self.connection.query_row(
            "SELECT seq, content FROM snapshots WHERE world = ? ORDER BY seq DESC LIMIT 1",
            [from.id],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        self.point(to, seq, content)?;
        let mut copy = self.connection.prepare_cached(
            "INSERT INTO writes SELECT id + ?, sum, at, tick, reads, method, target, content_type,
             body, left_behind FROM writes WHERE id > ? AND id < ? RETURNING id, sum",
        )?;
        let range = params![
            key(to, 0) - key(from, 0),
            key(from, seq),
            (from.id + 1) << super::SEQ_BITS
        ];
        let total = &mut self.tally.total;
        total.count(&mut copy, range, |total, id, sum| {
            total.add(Table::Writes, id, sum);
        })
    }

    /// Keeps one snapshot. Where there is no room for it nothing is lost: the next is tried when it
    /// is due.
    fn keep_snapshot(&mut self, snapshot: &Snapshot) {
        let kept = self.at_once(|writer| writer.snapshot(snapshot));
        if kept.is_ok() {
            self.shrink_if_mostly_unused();
        }
    }

    fn snapshot(&mut self, snapshot: &Snapshot) -> rusqlite::Result<()> {
        let Snapshot {
            track,
            seq,
            clock,
            json,
        } = snapshot;
        let id = track.id;
        let known: i64 =
            self.connection
                .query_row("SELECT count(*) FROM worlds WHERE id = ?", [id], |row| {
                    row.get(0)
                })?;
        // The world was reset or dropped meanwhile.
        if known == 0 {
            return Ok(());
        }
        let content = self.content(json.chunks(PIECE))?;
        self.point(track, *seq, content)?;
        self.set_clock(id, clock, *seq)?;
        // Only the last two snapshots stay, and the writes since the older of them.
        let before: Option<u64> = self
            .connection
            .query_row(
                "SELECT seq FROM snapshots WHERE world = ? ORDER BY seq DESC LIMIT 1 OFFSET 1",
                [id],
                |row| row.get(0),
            )
            .optional()?;
        let Some(before) = before else {
            return Ok(());
        };
        self.drop_snapshots(id, whole(before))?;
        self.drop_writes(key(track, 0), key(track, before) + 1)
    }
}

/// A row of the table of worlds.
struct WorldRecord {
    id: i64,
    name: String,
    profile: String,
    utc_offset: String,
    clock: String,
    clock_seq: i64,
}

impl WorldRecord {
    fn sum(&self) -> i64 {
        Seal::new()
            .bytes(self.name.as_bytes())
            .bytes(self.profile.as_bytes())
            .bytes(self.utc_offset.as_bytes())
            .bytes(self.clock.as_bytes())
            .integer(self.clock_seq)
            .sum()
    }
}

/// Formats a clock for the file.
fn text(clock: &ServiceClock) -> String {
    serde_json::to_string(clock).unwrap_or_default()
}
