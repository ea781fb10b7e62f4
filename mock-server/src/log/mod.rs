//! The durable log: the writes of every world of a server in one SQLite file, kept before
//! they are answered.
//!
//! A thread of its own takes everything that waits and commits it at once, so that many writes
//! share the cost of one commit. A write that could not be kept did not happen: its request is
//! refused, and the worlds concerned return to the state in the file.

mod beside;
mod commit;
mod error;
mod file;
mod seal;

pub use error::{FileError, LogError, PastError};

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use whippy_engine::clock::ServiceClock;
use whippy_engine::durability::{Commit, NotKept, Pending};
use whippy_engine::endpoints::call::Settings;
use whippy_engine::history::Write;
use whippy_engine::model::time::UtcOffset;
use whippy_engine::profile::Profile;
use whippy_engine::store::Store;

/// The number of entries that may wait; further requests wait before they write.
const MAX_WAITING: usize = 8_192;

/// The bytes that may wait. One entry may go beyond them.
const MAX_WAITING_BYTES: usize = 64 << 20;

/// The bits of a key in the file that number the writes of a world. The rest of the 63 bits number
/// the worlds.
const SEQ_BITS: u32 = 38;

/// The failures that an answered write survives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sync {
    /// The end of the process, however sudden.
    #[default]
    Process,
    /// A power cut as well; each commit waits for the disk.
    Power,
}

/// Options of a file.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogOptions {
    /// The failures that an answered write survives.
    pub sync: Sync,
    /// The largest size of the file, bytes; `None`: as large as the disk allows.
    pub limit: Option<u64>,
}

/// The smallest limit of a file's size, bytes.
pub const LEAST_LIMIT: u64 = 256 * 1024;

/// A world as it was found in a file.
#[derive(Debug)]
pub struct KeptWorld {
    /// The name.
    pub name: String,
    /// The readings in force.
    pub profile: Profile,
    /// The local time zone.
    pub local: UtcOffset,
    /// The state to start from.
    pub store: Store,
    /// The number of the write that led to the state.
    pub seq: u64,
    /// The writes since, in order.
    pub writes: Vec<Write>,
    /// The clock, and the number of the write after which it had this value.
    pub clock: (ServiceClock, u64),
    /// The place of the world in the file.
    pub track: Arc<Track>,
}

/// The place of a world in the file, from one beginning to the next.
#[derive(Debug)]
pub struct Track {
    id: i64,
    name: Arc<str>,
    is_begun: AtomicBool,
    committed: AtomicU64,
    has_failed: AtomicBool,
}

impl Track {
    fn new(id: i64, name: Arc<str>) -> Self {
        Self {
            id,
            name,
            is_begun: AtomicBool::new(false),
            committed: AtomicU64::new(0),
            has_failed: AtomicBool::new(false),
        }
    }

    /// Returns the name of the world.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Returns `true` if the file has the beginning of the world.
    pub fn is_begun(&self) -> bool {
        self.is_begun.load(Ordering::Acquire)
    }

    /// Returns the number of the last write in the file.
    pub fn committed(&self) -> u64 {
        self.committed.load(Ordering::Acquire)
    }

    /// Returns `true` if an event of the world could not be kept, so that its state differs from
    /// the file.
    pub fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Acquire)
    }

    /// Notes that the world has returned to the state in the file.
    pub fn mend(&self) {
        self.has_failed.store(false, Ordering::Release);
    }
}

/// The beginning of a world.
#[derive(Debug)]
pub enum Base {
    /// A state.
    World(Store),
    /// Another world, as it stands after everything that was logged of it.
    CopyOf(Arc<Track>),
}

/// An event of a world.
#[derive(Debug)]
pub enum Event {
    /// A world begins, in place of any of its name.
    Begin {
        /// The settings of its engine.
        settings: Arc<Settings>,
        /// The clock.
        clock: ServiceClock,
        /// The number of the last write before it.
        seq: u64,
        /// The state to start from.
        base: Base,
    },
    /// A write.
    Write(Write),
    /// The clock is set, after the write of this number.
    Clock(ServiceClock, u64),
    /// The world is dropped.
    Drop,
}

impl Event {
    fn bytes(&self) -> usize {
        match self {
            Self::Write(write) => write.bytes(),
            _ => size_of::<Self>(),
        }
    }
}

/// A state of a world from which a restart may begin.
#[derive(Debug)]
struct Snapshot {
    track: Arc<Track>,
    seq: u64,
    clock: ServiceClock,
    json: Vec<u8>,
}

/// A task of the writing thread.
#[derive(Debug)]
enum Task {
    Keep(Arc<Track>, Event),
    Snapshot(Snapshot),
    Look(Look),
}

/// A request for a state that is no longer in memory.
#[derive(Debug)]
struct Look {
    track: Arc<Track>,
    seq: u64,
    told: std::sync::mpsc::SyncSender<Result<Past, PastError>>,
}

/// A state, the number of its last write, and the writes from there to the requested state.
pub type Past = (Store, u64, Vec<Write>);

/// A durable log. Clones are the same log, which is closed with the last of them.
#[derive(Debug, Clone)]
pub struct Log(Arc<Owner>);

#[derive(Debug)]
struct Owner {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    queue: Mutex<Queue>,
    /// Signals that something waits, or that the log is closing.
    filled: Condvar,
    /// Signals that there is room again.
    emptied: Condvar,
    next_track: AtomicI64,
    /// Is true while a snapshot is under way; one at a time is enough.
    is_snapping: AtomicBool,
}

#[derive(Debug)]
struct Queue {
    tasks: Vec<Task>,
    bytes: usize,
    batch: Arc<Commit>,
    is_closing: bool,
}

impl Queue {
    fn is_full(&self) -> bool {
        self.tasks.len() >= MAX_WAITING || self.bytes >= MAX_WAITING_BYTES
    }
}

impl Log {
    /// Opens a file, or makes one; returns its worlds too. A file that cannot be used is left as it
    /// was.
    pub fn open(path: &Path, options: LogOptions) -> Result<(Self, Vec<KeptWorld>), LogError> {
        let (file, worlds) = file::open(path, options)?;
        let next = worlds.iter().map(|world| world.track.id + 1).max();
        let shared = Arc::new(Shared {
            path: path.to_owned(),
            queue: Mutex::new(Queue {
                tasks: Vec::new(),
                bytes: 0,
                batch: Arc::default(),
                is_closing: false,
            }),
            filled: Condvar::new(),
            emptied: Condvar::new(),
            next_track: AtomicI64::new(next.unwrap_or(1)),
            is_snapping: AtomicBool::new(false),
        });
        let thread = std::thread::Builder::new()
            .name("whippy-mock-log".to_owned())
            .spawn({
                let shared = Arc::clone(&shared);
                move || commit::serve(&file, &shared)
            })
            .map_err(|error| LogError {
                path: path.to_owned(),
                why: FileError::Thread(error),
            })?;
        let thread = Some(thread);
        Ok((Self(Arc::new(Owner { shared, thread })), worlds))
    }

    /// Creates a place for a new world. The file learns of it with the first event.
    pub fn track(&self, name: impl Into<Arc<str>>) -> Arc<Track> {
        let id = self.0.shared.next_track.fetch_add(1, Ordering::Relaxed);
        Arc::new(Track::new(id, name.into()))
    }

    /// Blocks while too much waits to be written. Call it before taking any lock: [`Log::keep`]
    /// itself never blocks.
    pub fn wait_for_room(&self) {
        drop(self.0.shared.room());
    }

    /// Returns `false` while [`Log::wait_for_room`] would block.
    pub fn has_room(&self) -> bool {
        !self.0.shared.queue().is_full()
    }

    /// Logs events of a world, all of them or none. The caller holds the lock of the world, so the
    /// order of calls is the order in the file.
    pub fn keep(&self, track: &Arc<Track>, events: impl IntoIterator<Item = Event>) -> Pending {
        let shared = &self.0.shared;
        let tasks: Vec<_> = events.into_iter().collect();
        let is_beyond = |event: &Event| match event {
            Event::Write(write) => write.seq >> SEQ_BITS != 0,
            Event::Begin { .. } => track.id >> (63 - SEQ_BITS) != 0,
            _ => false,
        };
        if tasks.iter().any(is_beyond) {
            return Pending::settled(Err(shared.not_kept("it has room for no more numbers")));
        }
        let is_copy_of_failed = |event: &Event| matches!(event, Event::Begin { base: Base::CopyOf(of), .. } if of.has_failed());
        let mut queue = shared.queue();
        // The thread marks failed worlds while it holds the queue.
        if track.has_failed() || tasks.iter().any(is_copy_of_failed) {
            drop(queue);
            return Pending::settled(Err(
                shared.not_kept("what came before it was not kept either")
            ));
        }
        queue.bytes += tasks.iter().map(Event::bytes).sum::<usize>();
        let keep = |event| Task::Keep(Arc::clone(track), event);
        queue.tasks.extend(tasks.into_iter().map(keep));
        let pending = Pending::of(Arc::clone(&queue.batch));
        drop(queue);
        shared.filled.notify_one();
        pending
    }

    /// Begins a snapshot of a world, from which a restart can go on once it is kept. Returns
    /// `false` where one is under way already. `pending` is the last event logged of the world.
    pub fn snapshot(
        &self,
        track: &Arc<Track>,
        (seq, clock, store): (u64, ServiceClock, Store),
        pending: Pending,
    ) -> bool {
        let shared = &self.0.shared;
        if shared.is_snapping.swap(true, Ordering::AcqRel) {
            return false;
        }
        let (log, track) = (self.clone(), Arc::clone(track));
        let began = std::thread::Builder::new()
            .name("whippy-mock-snapshot".to_owned())
            .spawn(move || {
                let shared = &log.0.shared;
                // A state that was not kept is no state to restart from.
                if pending.wait().is_err() {
                    shared.is_snapping.store(false, Ordering::Release);
                    return;
                }
                let json = store.into_pieces().into_json();
                let mut queue = shared.room();
                queue.bytes += json.len();
                queue.tasks.push(Task::Snapshot(Snapshot {
                    track,
                    seq,
                    clock,
                    json,
                }));
                drop(queue);
                shared.filled.notify_one();
            });
        if began.is_err() {
            shared.is_snapping.store(false, Ordering::Release);
        }
        began.is_ok()
    }

    /// Returns a kept state and the writes from there to the state after `seq`.
    pub fn past(&self, track: &Arc<Track>, seq: u64) -> Result<Past, PastError> {
        let (told, answer) = std::sync::mpsc::sync_channel(1);
        let look = Look {
            track: Arc::clone(track),
            seq,
            told,
        };
        let shared = &self.0.shared;
        shared.queue().tasks.push(Task::Look(look));
        shared.filled.notify_one();
        answer.recv().unwrap_or(Err(PastError::Closing))
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        &self.0.shared.path
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the queue, once it has room.
    fn room(&self) -> MutexGuard<'_, Queue> {
        self.emptied
            .wait_while(self.queue(), |queue| queue.is_full())
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the error of an event that was not kept, with the reason.
    fn not_kept(&self, why: impl fmt::Display) -> NotKept {
        let path = self.path.display();
        NotKept::new(format!(
            "nothing was written, for {path} could not keep it: {why}"
        ))
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.shared.queue().is_closing = true;
        self.shared.filled.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was already reported on standard error.
            let _ = thread.join();
        }
    }
}
