//! Deviations of a real service from its contract. With them developers see how their client
//! copes, and a conformance run shows what it fails to notice.
//!
//! They form a layer around the service: the engine does not know of it, and it does not know
//! sockets, threads or the system's time. Without a defect a request goes straight through.
//! Each defect breaks a rule of the grade documented, stack or observed. Another choice of a
//! reading is not a defect.

mod access;
mod active_stocks;
mod bytes;
mod connections;
mod creates;
mod dates;
mod delivery;
pub mod derived;
mod edit;
mod effect;
mod filters;
mod listing;
mod memory;
mod methods;
mod operations;
mod overlaps;
mod pages;
mod pairing;
mod places;
mod queries;
mod question;
mod refusals;
mod reservations;
mod scene;
mod sorting;
mod statuses;
mod stocks;
mod upserts;
mod written;

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use ::bytes::Bytes;
use http::{HeaderValue, Method, Request};

use crate::backend::Backend;
use crate::endpoints::call::Call;
use crate::endpoints::resolve;
use crate::engine::{Engine, Reply};
use crate::model::time::Timestamp;
use crate::suggest::did_you_mean;
use crate::wire::urlencoded;
pub use delivery::{DEFECT_HEADER, Delivery};
pub use effect::Defect;
use memory::Memory;
use scene::Scene;
use written::Written;

const TABLES: &[&[Defect]] = &[
    statuses::ROWS,
    stocks::ROWS,
    dates::ROWS,
    refusals::ROWS,
    filters::ROWS,
    sorting::ROWS,
    pages::ROWS,
    creates::ROWS,
    reservations::ROWS,
    upserts::ROWS,
    queries::ROWS,
    active_stocks::ROWS,
    places::ROWS,
    access::ROWS,
    methods::ROWS,
    bytes::ROWS,
    connections::ROWS,
    overlaps::ROWS,
];

const COUNT: usize = {
    let (mut count, mut table) = (0, 0);
    while table < TABLES.len() {
        count += TABLES[table].len();
        table += 1;
    }
    count
};

static JOINED: [Defect; COUNT] = {
    let mut joined = [TABLES[0][0]; COUNT];
    let (mut at, mut table) = (0, 0);
    while table < TABLES.len() {
        let mut row = 0;
        while row < TABLES[table].len() {
            joined[at] = TABLES[table][row];
            at += 1;
            row += 1;
        }
        table += 1;
    }
    joined
};

/// Every defect that is written by hand, grouped by the part of the API it concerns.
pub static DEFECTS: &[Defect] = &JOINED;

/// Finds a defect by name, the derived ones included.
pub fn find(name: &str) -> Option<&'static Defect> {
    let by_hand = DEFECTS.iter().find(|defect| defect.name == name);
    by_hand.or_else(|| derived::find(name))
}

/// A name that does not belong to any defect. `Display` suggests the nearest one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownDefect(pub String);

impl fmt::Display for UnknownDefect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(name) = self;
        let known = DEFECTS.iter().chain(derived::defects());
        let hint = did_you_mean(name, known.map(|defect| defect.name));
        write!(
            f,
            "there is no defect `{name}`; {hint}`whippy-mock defects` lists them all"
        )
    }
}

impl std::error::Error for UnknownDefect {}

/// Finds a defect by name, the derived ones included, or names the nearest one in the error.
pub fn named(name: &str) -> Result<&'static Defect, UnknownDefect> {
    find(name).ok_or_else(|| UnknownDefect(name.to_owned()))
}

/// The defects in force, with the state that they keep between requests. Clones share the
/// state.
#[derive(Debug, Clone, Default)]
pub struct Defects {
    active: Vec<Active>,
}

#[derive(Debug, Clone)]
struct Active {
    defect: &'static Defect,
    memory: Arc<Memory>,
}

impl Defects {
    /// No defects: requests go straight to the service.
    pub fn none() -> Self {
        Self::default()
    }

    /// These defects, outermost (nearest to the client) first. Duplicates are dropped.
    pub fn new(defects: impl IntoIterator<Item = &'static Defect>) -> Self {
        let mut active: Vec<Active> = Vec::new();
        for defect in defects {
            if !active.iter().any(|known| known.defect.name == defect.name) {
                let memory = Arc::default();
                active.push(Active { defect, memory });
            }
        }
        Self { active }
    }

    /// The same defects with empty state, for another world.
    #[must_use]
    pub fn fresh(&self) -> Self {
        Self::new(self.active.iter().map(|active| active.defect))
    }

    /// Puts these defects around `inner` ones, which are farther from the client. Those of
    /// `inner` that are already here are left out.
    #[must_use]
    pub fn around(mut self, inner: &Self) -> Self {
        for active in &inner.active {
            if !self.names().any(|name| name == active.defect.name) {
                self.active.push(active.clone());
            }
        }
        self
    }

    /// The names of the defects, outermost first.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.active.iter().map(|active| active.defect.name)
    }

    /// Returns `true` if a request may be held back until another one arrives, in which case
    /// the caller must not block other requests meanwhile.
    pub fn may_hold(&self) -> bool {
        self.active
            .iter()
            .any(|active| active.defect.effect.holds())
    }

    /// Answers a request as the service does, altered by the defects. `system` is called for
    /// the time if the request writes.
    pub fn answer(
        &self,
        service: &dyn Backend,
        request: &Request<Bytes>,
        system: impl Fn() -> Timestamp,
    ) -> Delivery {
        if self.active.is_empty() || !request.uri().path().starts_with("/api/") {
            return Delivery::Answer(service.answer(request, &system));
        }
        self.through(0, service, request, &system)
    }

    /// Answers a request by the defects from index `from` inwards, and then the service.
    fn through(
        &self,
        from: usize,
        service: &dyn Backend,
        request: &Request<Bytes>,
        system: &dyn Fn() -> Timestamp,
    ) -> Delivery {
        let Some(active) = self.active.get(from) else {
            return Delivery::Answer(self.settled(service, request, system));
        };
        let operation = operation_of(service, request);
        let scene = Scene {
            service,
            request,
            operation,
            memory: &active.memory,
            concerned: active.defect.concerns(operation),
            next: &|request| self.through(from + 1, service, request, system),
            system,
            changed: Cell::new(false),
        };
        let delivery = active.defect.effect.answer(&scene);
        if scene.changed.get() {
            delivery.map(|reply| marked(reply, active.defect))
        } else {
            delivery
        }
    }

    /// The answer of the engine, after the defects have changed what it wrote.
    fn settled(
        &self,
        service: &dyn Backend,
        request: &Request<Bytes>,
        system: &dyn Fn() -> Timestamp,
    ) -> Reply {
        let operation = operation_of(service, request);
        let concerns = |active: &&Active| active.defect.concerns(operation);
        let concerned: Vec<&Active> = self.active.iter().filter(concerns).collect();
        let memories: Vec<&Memory> = concerned.iter().map(|active| &*active.memory).collect();
        let amend = |at: usize, written: &mut Written<'_, '_>| {
            concerned[at].defect.effect.amend(written);
        };
        let mut touched = Vec::new();
        let mut run = |engine: &mut Engine, handler, call: &Call<'_>, now| {
            let (handled, by) = written::run(engine, (handler, call, now), &memories, &amend);
            touched = by;
            handled
        };
        let reply = service.answer_by(request, system, &mut run);
        let touching = concerned.into_iter().zip(touched);
        touching
            .filter(|(_, touched)| *touched)
            .fold(reply, |reply, (active, _)| marked(reply, active.defect))
    }
}

fn marked(mut reply: Reply, defect: &Defect) -> Reply {
    let name = HeaderValue::from_static(defect.name);
    reply.response.headers_mut().append(DEFECT_HEADER, name);
    reply
}

/// The id of the operation that a request addresses. A path or method that no operation has
/// gives [`UNROUTED`](crate::operations::UNROUTED). `OPTIONS` is an operation of its own on
/// every path.
pub fn operation_of(service: &dyn Backend, request: &Request<Bytes>) -> &'static str {
    let settings = service.settings();
    let path = urlencoded::decode_path(request.uri().path());
    let Some((resource, _)) = resolve(&path, &settings.profile) else {
        return operations::UNROUTED;
    };
    if request.method() == Method::OPTIONS {
        return crate::operations::METADATA;
    }
    let action = resource.action(request.method(), &settings.profile);
    action.map_or(operations::UNROUTED, |action| action.operation)
}
