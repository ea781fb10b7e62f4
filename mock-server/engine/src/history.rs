//! The writes of a world, in order and with their times. Any state of the world can be made
//! from them again.
//!
//! Every so many writes a state is stored beside them, which shares with its neighbours
//! whatever did not change. So a replay is never long. If there are too many writes, the oldest
//! are dropped.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, StatusCode};
use smol_str::SmolStr;

use crate::clock::ServiceClock;
use crate::endpoints::call::{Settings, header_text};
use crate::engine::{self, Engine, Now};
use crate::redact;
use crate::store::Store;
use crate::store::world::{World, WorldError};

/// The most writes that a world's history stores.
pub const MAX_WRITES: usize = 10_000;

/// The most bytes of writes that a world's history stores. The last write is stored whatever
/// its size.
pub const MAX_BYTES: usize = 64 << 20;

/// The most writes from one stored state to the next.
const STRIDE: usize = 1_000;

/// The bytes of writes after which the next state is stored.
const STRIDE_BYTES: usize = MAX_BYTES / 8;

/// The token of a replayed write, and its header.
const REPLAY: &str = "replay";
const REPLAY_HEADER: &str = "Token replay";

/// The part of a request that decides what it writes. The token and the format of the answer
/// are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The method.
    pub method: Method,
    /// The path and query, as sent but without secrets.
    pub target: SmolStr,
    /// The content type, each byte as one character; repeated headers are joined with commas.
    pub content_type: Option<SmolStr>,
    /// The body.
    pub body: Bytes,
}

/// A reason why a state of a history cannot be shown.
#[derive(Debug)]
pub enum HistoryError {
    /// There is no write of this number yet.
    Ahead {
        /// The requested number.
        seq: u64,
        /// The number of the last write.
        last: u64,
    },
    /// The state is older than the oldest stored one.
    Truncated {
        /// The requested number.
        seq: u64,
        /// The number of the write that led to the oldest stored state.
        first: u64,
        /// The number of the last write.
        last: u64,
    },
    /// A write cannot be replayed.
    Write {
        /// The number of the write.
        seq: u64,
        /// The reason.
        why: Unrepeatable,
    },
}

/// A reason why a write cannot be replayed.
#[derive(Debug)]
pub enum Unrepeatable {
    /// The recorded result cannot be put into the store.
    World(WorldError),
    /// The target is not a path.
    Target(String, http::uri::InvalidUri),
    /// The content type is not a valid value of a header.
    ContentType(String),
    /// The engine behaves differently from the time of the write.
    Differs {
        /// The number of times that the clock was read at that time.
        then: u64,
        /// The number of times that the clock is read now.
        now: u64,
        /// The status of the answer now.
        status: StatusCode,
    },
}

impl fmt::Display for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ahead { seq, last } => {
                write!(f, "there is no write {seq} yet: the last is {last}")
            }
            Self::Truncated { seq, first, last } => write!(
                f,
                "the state after write {seq} is not kept any more: the kept ones are those \
                 after write {first} to {last}"
            ),
            Self::Write { seq, why } => write!(f, "write {seq} cannot be repeated: {why}"),
        }
    }
}

impl fmt::Display for Unrepeatable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::World(why) => why.fmt(f),
            Self::Target(target, error) => write!(f, "`{target}` is no path: {error}"),
            Self::ContentType(text) => write!(f, "`{text}` is no content type"),
            Self::Differs { then, now, status } => write!(
                f,
                "it read the clock {then} times, and now {now} times, answering {status}"
            ),
        }
    }
}

impl std::error::Error for HistoryError {}

impl std::error::Error for Unrepeatable {}

/// One write of a world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The number of the write; the first one of a world is 1.
    pub seq: u64,
    /// The state of the clock before the write.
    pub now: Now,
    /// The number of times that the clock was read.
    pub reads: u64,
    /// The request, reduced to what decides the write.
    pub asked: Asked,
    /// The result as JSON for [`Store::apply`], recorded if the engine alone does not determine
    /// it.
    pub left: Option<Bytes>,
}

impl Asked {
    /// Copies the request, so that its buffer is not kept alive.
    pub fn of(request: &Request<Bytes>) -> Self {
        let content_type = header_text(request.headers(), CONTENT_TYPE);
        let uri = request.uri();
        let target = uri
            .path_and_query()
            .map_or(uri.path(), |target| target.as_str());
        Self {
            method: request.method().clone(),
            // The service ignores secrets by name, so a replay does not need them.
            target: redact::target(target).into(),
            body: match redact::body(content_type.as_deref(), request.body()) {
                Cow::Borrowed(body) => Bytes::copy_from_slice(body),
                Cow::Owned(body) => body.into(),
            },
            content_type: content_type.map(|text| SmolStr::new(&text)),
        }
    }

    /// The request for a replay, with a token.
    pub fn request(&self) -> Result<Request<Bytes>, Unrepeatable> {
        let mut request = Request::new(self.body.clone());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self
            .target
            .parse()
            .map_err(|error| Unrepeatable::Target(self.target.to_string(), error))?;
        let headers = request.headers_mut();
        if let Some(text) = &self.content_type {
            let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(c).ok()).collect();
            let value = bytes.and_then(|bytes| HeaderValue::from_bytes(&bytes).ok());
            let value = value.ok_or_else(|| Unrepeatable::ContentType(text.to_string()))?;
            headers.insert(CONTENT_TYPE, value);
        }
        headers.insert(AUTHORIZATION, HeaderValue::from_static(REPLAY_HEADER));
        Ok(request)
    }

    fn bytes(&self) -> usize {
        self.target.len() + self.body.len()
    }
}

impl Write {
    /// The approximate size in memory, in bytes.
    pub fn bytes(&self) -> usize {
        let left = self.left.as_ref().map_or(0, Bytes::len);
        size_of::<Self>() + self.asked.bytes() + left
    }

    /// Replays the write, whatever tokens the engine accepts. Fails if the engine behaves
    /// differently from the time of the write.
    pub fn apply(&self, engine: &mut Engine) -> Result<(), HistoryError> {
        let fail = |why| HistoryError::Write { seq: self.seq, why };
        if let Some(left) = &self.left {
            let world = World::from_json(left);
            let applied = world.and_then(|world| engine.store_mut().apply(&world));
            return applied.map_err(|why| fail(Unrepeatable::World(why)));
        }
        let request = self.asked.request().map_err(fail)?;
        let known = Arc::clone(engine.settings());
        let settings = if known.admits(REPLAY, self.now.at) {
            Cow::Borrowed(&*known)
        } else {
            Cow::Owned(Settings {
                tokens: Vec::new(),
                token_lifetime: None,
                revocations: 0,
                ..Settings::clone(&known)
            })
        };
        let reply = engine::answer(&settings, (&request, self.now.at), |handler, call| {
            engine.run(handler, call, self.now)
        });
        if reply.clock_reads == self.reads {
            Ok(())
        } else {
            Err(fail(Unrepeatable::Differs {
                then: self.reads,
                now: reply.clock_reads,
                status: reply.response.status(),
            }))
        }
    }
}

/// The changes that a request made to a store, as JSON for [`Store::apply`].
pub fn left_behind(before: &Store, after: &Store) -> Bytes {
    after
        .dump_changes(&after.changes_since(before))
        .to_json()
        .into()
}

/// A state, and writes that follow it.
#[derive(Debug, Clone)]
pub struct Stretch {
    /// The state.
    pub engine: Engine,
    /// The number of the write that led to the state.
    pub seq: u64,
    /// The writes after it, in order.
    pub writes: Vec<Write>,
}

/// The stored states and writes of a world.
#[derive(Debug)]
pub struct History {
    older: VecDeque<Kept>,
    current: Kept,
    count: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Kept {
    stretch: Stretch,
    /// The clocks that were set, each with the number of the write before it.
    clocks: Vec<(u64, ServiceClock)>,
    /// The clock of the state.
    clock: ServiceClock,
    bytes: usize,
}

impl Kept {
    fn begin(engine: &Engine, clock: ServiceClock, seq: u64) -> Self {
        Self {
            stretch: Stretch {
                engine: engine.clone(),
                seq,
                writes: Vec::new(),
            },
            clocks: Vec::new(),
            clock,
            bytes: 0,
        }
    }

    fn last(&self) -> u64 {
        self.stretch.seq + self.stretch.writes.len() as u64
    }
}

/// A truncated part of a history. It is returned so that the caller can drop it outside of its
/// locks.
#[derive(Debug, Default)]
pub struct Discarded(#[allow(dead_code)] Vec<Kept>); // Only ever dropped.

impl History {
    /// A history that begins with a state after write number `seq`.
    pub fn begin(engine: &Engine, clock: ServiceClock, seq: u64) -> Self {
        Self {
            older: VecDeque::new(),
            current: Kept::begin(engine, clock, seq),
            count: 0,
            bytes: 0,
        }
    }

    fn oldest(&self) -> &Kept {
        self.older.front().unwrap_or(&self.current)
    }

    /// The number of the last write.
    pub fn last(&self) -> u64 {
        self.current.last()
    }

    /// The number of the write that led to the oldest stored state.
    pub fn first(&self) -> u64 {
        self.oldest().stretch.seq
    }

    /// The oldest stored state, the number of the write that led to it, and the clock before
    /// the next write.
    pub fn beginning(&self) -> (&Engine, u64, ServiceClock) {
        let Kept {
            stretch,
            clocks,
            clock,
            ..
        } = self.oldest();
        let set = clocks.first().filter(|(seq, _)| *seq == stretch.seq);
        let clock = set.map_or(*clock, |(_, clock)| *clock);
        (&stretch.engine, stretch.seq, clock)
    }

    /// Records a write with the state that it led to. If there are too many, the oldest up to
    /// `settled` are dropped.
    pub fn record(
        &mut self,
        write: Write,
        (engine, clock): (&Engine, ServiceClock),
        settled: u64,
    ) -> Discarded {
        let bytes = write.bytes();
        self.count += 1;
        self.bytes += bytes;
        let current = &mut self.current;
        current.bytes += bytes;
        current.stretch.writes.push(write);
        if current.stretch.writes.len() >= STRIDE || current.bytes >= STRIDE_BYTES {
            let next = Kept::begin(engine, clock, current.last());
            self.older.push_back(std::mem::replace(current, next));
        }
        let mut gone = Vec::new();
        while (self.count > MAX_WRITES || self.bytes > MAX_BYTES)
            && self
                .older
                .front()
                .is_some_and(|kept| kept.last() <= settled)
            && let Some(kept) = self.older.pop_front()
        {
            self.count -= kept.stretch.writes.len();
            self.bytes -= kept.bytes;
            gone.push(kept);
        }
        Discarded(gone)
    }

    /// Records that the clock was set after the last write.
    pub fn set_clock(&mut self, clock: ServiceClock) {
        let last = self.last();
        match self.current.clocks.last_mut() {
            Some((seq, known)) if *seq == last => *known = clock,
            _ => self.current.clocks.push((last, clock)),
        }
    }

    /// The writes up to number `seq`, with the nearest stored state before them.
    pub fn until(&self, seq: u64) -> Result<Stretch, HistoryError> {
        let (first, last) = (self.first(), self.last());
        if seq > last {
            return Err(HistoryError::Ahead { seq, last });
        }
        if seq < first {
            return Err(HistoryError::Truncated { seq, first, last });
        }
        let kept = if seq >= self.current.stretch.seq {
            &self.current
        } else {
            let after = self.older.partition_point(|kept| kept.stretch.seq <= seq);
            let before = after.checked_sub(1).and_then(|at| self.older.get(at));
            before.unwrap_or(&self.current)
        };
        let stretch = &kept.stretch;
        let wanted = usize::try_from(seq - stretch.seq).unwrap_or(usize::MAX);
        Ok(Stretch {
            engine: stretch.engine.clone(),
            seq: stretch.seq,
            writes: stretch.writes.iter().take(wanted).cloned().collect(),
        })
    }

    /// The stored writes with numbers above `seq`, in order.
    pub fn after(&self, seq: u64) -> impl Iterator<Item = &Write> {
        let all = self.older.iter().chain([&self.current]);
        let later = all.filter(move |kept| kept.last() > seq);
        let writes = later.flat_map(|kept| &kept.stretch.writes);
        writes.skip_while(move |write| write.seq <= seq)
    }

    /// The oldest stored state, and all writes since.
    pub fn whole(&self) -> Stretch {
        let first = &self.oldest().stretch;
        let all = self.older.iter().chain([&self.current]);
        Stretch {
            engine: first.engine.clone(),
            seq: first.seq,
            writes: all.flat_map(|kept| &kept.stretch.writes).cloned().collect(),
        }
    }

    /// Forgets every write after `seq`, whose state must be stored. Returns the clock at that
    /// time.
    pub fn rewind(&mut self, seq: u64) -> ServiceClock {
        while self.current.stretch.seq > seq
            && let Some(kept) = self.older.pop_back()
        {
            self.count -= self.current.stretch.writes.len();
            self.bytes -= self.current.bytes;
            self.current = kept;
        }
        let current = &mut self.current;
        let wanted = usize::try_from(seq.saturating_sub(current.stretch.seq));
        let gone = wanted
            .unwrap_or(usize::MAX)
            .min(current.stretch.writes.len());
        for write in current.stretch.writes.drain(gone..) {
            self.count -= 1;
            self.bytes -= write.bytes();
            current.bytes -= write.bytes();
        }
        current.clocks.retain(|(after, _)| *after <= seq);
        let set = current.clocks.last().copied();
        let (after, mut clock) = set.unwrap_or((current.stretch.seq, current.clock));
        for write in current
            .stretch
            .writes
            .iter()
            .filter(|write| write.seq > after)
        {
            clock.was_read(write.now, write.reads);
        }
        clock
    }
}

impl Stretch {
    /// Replays the writes, and returns the state after the last one.
    pub fn replay(self) -> Result<Engine, HistoryError> {
        let mut engine = self.engine;
        for write in &self.writes {
            write.apply(&mut engine)?;
        }
        Ok(engine)
    }
}
