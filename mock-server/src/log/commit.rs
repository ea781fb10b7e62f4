//! The thread that writes the file: whatever waits, in one transaction.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rusqlite::{Connection, ErrorCode, OptionalExtension, Statement, params};

use super::file::{self, PIECE, key, whole};
use super::{Base, Batch, Event, Queue, Shared, Snapshot, Task, Track};
use whippy_engine::clock::ServiceClock;
use whippy_engine::history::Write;
use whippy_engine::store::Store;

/// How many states are remembered so that worlds which begin alike share one.
const SHARED_STATES: usize = 4;

/// Writes until the log is closed and nothing waits any more.
pub(super) fn serve(connection: &Connection, shared: &Shared) {
    // Without its statements it can keep nothing, and says so to everyone.
    let mut writer = Writer::new(connection);
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
            Ok(writer) => writer.keep(&events),
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
                    let found = file::past(connection, &look.track, look.seq);
                    // Whoever asked may have gone.
                    let _ = look.told.send(found);
                }
                Task::Keep(..) => {}
            }
        }
    }
}

/// Whatever waits; `None` at the end.
fn next(shared: &Shared) -> Option<(Vec<Task>, Arc<Batch>)> {
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
    fn take(&mut self) -> (Vec<Task>, Arc<Batch>) {
        self.bytes = 0;
        (
            std::mem::take(&mut self.tasks),
            std::mem::take(&mut self.batch),
        )
    }
}

/// Keeps how far the file has come with a world.
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

/// Refuses what could not be kept, and whatever waits behind it: it may build on it.
fn refuse(shared: &Shared, events: &[(Arc<Track>, Event)], batch: &Batch, error: &rusqlite::Error) {
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

/// The file as it is written to.
struct Writer<'c> {
    connection: &'c Connection,
    begin: Statement<'c>,
    commit: Statement<'c>,
    insert: Statement<'c>,
    /// States that the file has, the newest at the end.
    states: VecDeque<(Store, i64)>,
}

impl<'c> Writer<'c> {
    fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            commit: connection.prepare("COMMIT")?,
            insert: connection.prepare(
                "INSERT INTO writes (id, at, tick, reads, method, target, content_type, body,
                 left_behind) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )?,
            states: VecDeque::new(),
        })
    }

    /// All of it, or nothing.
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
        self.begin.execute([])?;
        let done = work(self).and_then(|()| self.commit.execute([]).map(drop));
        if done.is_err() {
            // What was remembered as written may not be.
            self.states.clear();
            if !self.connection.is_autocommit() {
                self.connection.execute_batch("ROLLBACK")?;
            }
        }
        done
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
                self.connection.execute(
                    "INSERT INTO worlds (id, name, profile, utc_offset, clock, clock_seq)
                     VALUES (?, ?, ?, ?, ?, ?)",
                    params![
                        track.id,
                        &*track.name,
                        settings.profile.to_toml(),
                        settings.local.to_string(),
                        text(clock),
                        whole(*seq)
                    ],
                )?;
                match base {
                    Base::World(store) => {
                        // A state that both share stays; otherwise the old world makes room
                        // for the new one, which a full file may need.
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
            Event::Clock(clock, seq) => self
                .connection
                .execute(
                    "UPDATE worlds SET clock = ?, clock_seq = ? WHERE id = ?",
                    params![text(clock), whole(*seq), track.id],
                )
                .map(drop),
            Event::Drop => {
                let old = self.forget(&track.name)?;
                old.map_or(Ok(()), |old| self.purge(old))
            }
        }
    }

    fn write(&mut self, track: &Track, write: &Write) -> rusqlite::Result<()> {
        let asked = &write.asked;
        self.insert
            .execute(params![
                key(track, write.seq),
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

    /// Takes a name from the world that has it.
    fn forget(&self, name: &str) -> rusqlite::Result<Option<i64>> {
        self.connection
            .query_row(
                "DELETE FROM worlds WHERE name = ? RETURNING id",
                [name],
                |row| row.get(0),
            )
            .optional()
    }

    /// Deletes whatever is left of a world.
    fn purge(&mut self, id: i64) -> rusqlite::Result<()> {
        let range = params![id << super::SEQ_BITS, (id + 1) << super::SEQ_BITS];
        let sql = "DELETE FROM writes WHERE id >= ? AND id < ?";
        self.connection.execute(sql, range)?;
        self.drop_snapshots(id, i64::MAX)
    }

    /// Deletes the snapshots of a world before a write, and the states that no other has.
    fn drop_snapshots(&mut self, id: i64, before: i64) -> rusqlite::Result<()> {
        let mut delete = self
            .connection
            .prepare("DELETE FROM snapshots WHERE world = ? AND seq < ? RETURNING content")?;
        let contents = delete.query_map([id, before], |row| row.get(0))?;
        let contents: Vec<i64> = contents.collect::<Result<_, _>>()?;
        for content in contents {
            let dropped = self.connection.execute(
                "DELETE FROM contents WHERE content = ?1
                 AND NOT EXISTS (SELECT 1 FROM snapshots WHERE content = ?1)",
                [content],
            )?;
            if dropped > 0 {
                self.states.retain(|(_, known)| *known != content);
            }
        }
        Ok(())
    }

    /// The content of a state that is known to be there.
    fn known_state(&self, store: &Store) -> Option<i64> {
        let mut states = self.states.iter();
        let found = states.find(|(known, _)| known.is_clone_of(store));
        found.map(|(_, content)| *content)
    }

    /// The content of a state, written if it is not known to be there.
    fn state(&mut self, store: &Store) -> rusqlite::Result<i64> {
        if let Some(content) = self.known_state(store) {
            return Ok(content);
        }
        let content = self.content(&store.dump().to_json())?;
        if self.states.len() >= SHARED_STATES {
            self.states.pop_front();
        }
        self.states.push_back((store.clone(), content));
        Ok(content)
    }

    fn content(&self, json: &[u8]) -> rusqlite::Result<i64> {
        let content: i64 = self.connection.query_row(
            "SELECT coalesce(max(content), 0) + 1 FROM contents",
            [],
            |row| row.get(0),
        )?;
        let mut insert = self
            .connection
            .prepare("INSERT INTO contents (content, piece, json) VALUES (?, ?, ?)")?;
        for (number, piece) in (0_i64..).zip(json.chunks(PIECE)) {
            insert.execute(params![content, number, piece])?;
        }
        Ok(content)
    }

    fn point(&self, track: &Track, seq: u64, content: i64) -> rusqlite::Result<()> {
        self.connection
            .execute(
                "INSERT OR REPLACE INTO snapshots (world, seq, content) VALUES (?, ?, ?)",
                params![track.id, whole(seq), content],
            )
            .map(drop)
    }

    /// Begins a world with the last snapshot of another, and its writes since.
    fn copy(&self, from: &Track, to: &Track) -> rusqlite::Result<()> {
        let (seq, content): (u64, i64) = self.connection.query_row(
            "SELECT seq, content FROM snapshots WHERE world = ? ORDER BY seq DESC LIMIT 1",
            [from.id],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        self.point(to, seq, content)?;
        self.connection
            .execute(
                "INSERT INTO writes SELECT id + ?, at, tick, reads, method, target, content_type,
                 body, left_behind FROM writes WHERE id > ? AND id < ?",
                params![
                    key(to, 0) - key(from, 0),
                    key(from, seq),
                    (from.id + 1) << super::SEQ_BITS
                ],
            )
            .map(drop)
    }

    /// A snapshot alone. Where there is no room for it, nobody is the worse for it, and
    /// the next is tried in its time.
    fn keep_snapshot(&mut self, snapshot: &Snapshot) {
        let kept = self.at_once(|writer| writer.snapshot(snapshot));
        drop(kept);
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
        // It was reset or dropped meanwhile.
        if known == 0 {
            return Ok(());
        }
        let content = self.content(json)?;
        self.point(track, *seq, content)?;
        self.connection.execute(
            "UPDATE worlds SET clock = ?, clock_seq = ? WHERE id = ? AND clock_seq < ?",
            params![text(clock), whole(*seq), id, whole(*seq)],
        )?;
        // The writes before the last snapshot but one are let go of, and it with them.
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
        self.connection
            .execute(
                "DELETE FROM writes WHERE id > ? AND id <= ?",
                params![key(track, 0), key(track, before)],
            )
            .map(drop)
    }
}

/// A clock as the file has it.
fn text(clock: &ServiceClock) -> String {
    serde_json::to_string(clock).unwrap_or_default()
}
