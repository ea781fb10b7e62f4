//! The writes that a world has seen, in order and with their times: from them any of its
//! states is made again.
//!
//! A state every so many writes is kept beside them, which shares with its neighbours
//! whatever did not change, so that no way back is long. The oldest are let go of once
//! there are too many.

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

/// The writes that are kept of a world.
pub const MAX_WRITES: usize = 10_000;

/// The bytes of the writes that are kept of a world; the last is kept whatever its size.
pub const MAX_BYTES: usize = 64 << 20;

/// The writes from one kept state to the next.
const STRIDE: usize = 1_000;

/// The bytes from one kept state to the next.
const STRIDE_BYTES: usize = MAX_BYTES / 8;

/// The token of a write that is repeated, and its header.
const REPLAY: &str = "replay";
const REPLAY_HEADER: &str = "Token replay";

/// What a request asked that decides what it writes: neither who asked, nor how the
/// answer was to look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The method.
    pub method: Method,
    /// The path and query, as they came.
    pub target: SmolStr,
    /// The content type, a character a byte; several as one, with commas.
    pub content_type: Option<SmolStr>,
    /// The body.
    pub body: Bytes,
}

/// Reasons why a state of a history cannot be shown.
#[derive(Debug)]
pub enum HistoryError {
    /// No write has the number yet.
    Ahead {
        /// The number that was asked for.
        seq: u64,
        /// The number of the last write.
        last: u64,
    },
    /// The state is older than the oldest that is kept.
    Truncated {
        /// The number that was asked for.
        seq: u64,
        /// The number of the oldest write whose state is kept.
        first: u64,
        /// The number of the last write.
        last: u64,
    },
    /// A write cannot be repeated.
    Write {
        /// The number.
        seq: u64,
        /// The reason.
        why: Unrepeatable,
    },
}

/// Reasons why a write cannot be repeated.
#[derive(Debug)]
pub enum Unrepeatable {
    /// What it left behind cannot be put into the store.
    World(WorldError),
    /// The target is not a path.
    Target(String, http::uri::InvalidUri),
    /// The content type is not the value of a header.
    ContentType(String),
    /// The engine answers otherwise than it did.
    Differs {
        /// The number of times the clock was read then.
        then: u64,
        /// The number of times it is read now.
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

/// One write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The number; the first of a world is 1.
    pub seq: u64,
    /// Where the clock stood.
    pub now: Now,
    /// The number of times the clock was read.
    pub reads: u64,
    /// The request.
    pub asked: Asked,
    /// The JSON of what it left behind, where that was not the engine's alone to say;
    /// [`Store::apply`] takes it.
    pub left: Option<Bytes>,
}

impl Asked {
    /// A copy that keeps none of the request's memory.
    pub fn of(request: &Request<Bytes>) -> Self {
        let content_type = header_text(request.headers(), CONTENT_TYPE);
        let uri = request.uri();
        let target = uri
            .path_and_query()
            .map_or(uri.path(), |target| target.as_str());
        Self {
            method: request.method().clone(),
            // The service ignores what is called a secret, and so does a replay.
            target: redact::target(target).into(),
            body: match redact::body(content_type.as_deref(), request.body()) {
                Cow::Borrowed(body) => Bytes::copy_from_slice(body),
                Cow::Owned(body) => body.into(),
            },
            content_type: content_type.map(|text| SmolStr::new(&text)),
        }
    }

    /// The request that asks the same once more, with a token.
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
    /// The memory that it takes, for the most part.
    pub fn bytes(&self) -> usize {
        let left = self.left.as_ref().map_or(0, Bytes::len);
        size_of::<Self>() + self.asked.bytes() + left
    }

    /// Writes it once more, whatever tokens the engine knows. An error says that the engine
    /// does not do what it did then.
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

/// The JSON of what a request left behind in a store.
pub fn left_behind(before: &Store, after: &Store) -> Bytes {
    after
        .dump_changes(&after.changes_since(before))
        .to_json()
        .into()
}

/// A state, and the writes that lead from it to the next.
#[derive(Debug, Clone)]
pub struct Stretch {
    /// The state.
    pub engine: Engine,
    /// The number of the write that led to it.
    pub seq: u64,
    /// What came then.
    pub writes: Vec<Write>,
}

/// What is kept of the writes of a world.
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
    /// Where the clock stood after which write, where it was not the write that moved it.
    clocks: Vec<(u64, ServiceClock)>,
    /// Where it stood at the beginning.
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

/// What no longer is of a history. Much of it is dropped outside the locks.
#[derive(Debug, Default)]
pub struct Discarded(#[allow(dead_code)] Vec<Kept>); // Only ever dropped.

impl History {
    /// A world that begins, after so many writes.
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

    /// The number of the write behind which the first state is that is kept.
    pub fn first(&self) -> u64 {
        self.oldest().stretch.seq
    }

    /// The first state that is kept, the number of the write that led to it, and where the
    /// clock stood before the next.
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

    /// Keeps a write, given the state that it led to. Those up to `settled` may be let
    /// go of.
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

    /// Keeps that the clock was set after the last write.
    pub fn set_clock(&mut self, clock: ServiceClock) {
        let last = self.last();
        match self.current.clocks.last_mut() {
            Some((seq, known)) if *seq == last => *known = clock,
            _ => self.current.clocks.push((last, clock)),
        }
    }

    /// A state and the writes that lead from it to the one after write `seq`.
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

    /// The kept writes with numbers above `seq`, in order.
    pub fn after(&self, seq: u64) -> impl Iterator<Item = &Write> {
        let all = self.older.iter().chain([&self.current]);
        let later = all.filter(move |kept| kept.last() > seq);
        let writes = later.flat_map(|kept| &kept.stretch.writes);
        writes.skip_while(move |write| write.seq <= seq)
    }

    /// The first state that is kept, and every write since.
    pub fn whole(&self) -> Stretch {
        let first = &self.oldest().stretch;
        let all = self.older.iter().chain([&self.current]);
        Stretch {
            engine: first.engine.clone(),
            seq: first.seq,
            writes: all.flat_map(|kept| &kept.stretch.writes).cloned().collect(),
        }
    }

    /// Forgets every write after `seq`, which must be kept; the clock as it stood then.
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
    /// The state after the last of the writes.
    pub fn replay(self) -> Result<Engine, HistoryError> {
        let mut engine = self.engine;
        for write in &self.writes {
            write.apply(&mut engine)?;
        }
        Ok(engine)
    }
}
