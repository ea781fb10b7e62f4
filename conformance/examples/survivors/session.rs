//! A broad session, played with and without a defect, to recognize defects that change no answer.
//!
//! The session consists of the requests that the suite and a long exploration send to a correct
//! service. Its clock moves only by its ticks, so that the same requests get the same answers.

use std::error::Error;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use whippy_conformance::cases::probe::Exploration;
use whippy_conformance::contract::Contract;
use whippy_conformance::model::finding::Level;
use whippy_conformance::run::catalogue::Check;
use whippy_conformance::run::{Options, run};
use whippy_conformance::transport::target::{InProcess, Target, TargetError};
use whippy_conformance::workers::lock;
use whippy_engine::backend::Seed;
use whippy_engine::clock::ClockMode;
use whippy_engine::defects::{DEFECT_HEADER, Defect, Defects};
use whippy_engine::model::time::UtcOffset;

use super::setup;

/// The number of the exploration's requests in the session.
const EXPLORED: u64 = 6_000;

/// The number of last requests that are repeated after a while.
const ASKED_AGAIN: usize = 400;

/// A session with the answers of a correct service.
pub(crate) struct Comparison {
    seed: Seed,
    requests: Vec<Request<Bytes>>,
    sound: Vec<Answer>,
}

/// An answer without the mock's statements about itself.
type Answer = (u16, HeaderMap, Bytes);

impl Comparison {
    /// Plays the session on a correct service.
    pub(crate) fn new(
        seed: &Seed,
        contract: &Arc<Contract>,
        checks: &[Check],
    ) -> Result<Self, Box<dyn Error>> {
        let clock = ClockMode::parse(
            "2023-08-01T12:00:00.123456+03:00,tick=1001",
            UtcOffset::PAGE,
        );
        let seed = Seed {
            clock: clock?,
            ..seed.clone()
        };
        let recorder = Arc::new(Recorder {
            inner: InProcess::new(seed.clone()),
            requests: Mutex::default(),
        });
        let target: Arc<dyn Target> = Arc::<Recorder>::clone(&recorder);
        let mut session = setup::session(target, contract);
        session.exploration = Exploration::of(EXPLORED);
        setup::settle(&mut session).map_err(|stop| format!("{stop:?}"))?;
        let options = Options {
            may_seed: false,
            ..setup::options(Level::Must)
        };
        run(
            &session,
            checks,
            &|_| true,
            &options,
            &AtomicBool::new(false),
            &|_| {},
        );
        let mut requests = std::mem::take(&mut *lock(&recorder.requests));
        let looks = requests
            .iter()
            .rev()
            .filter(|request| request.method() == Method::GET);
        let again: Vec<_> = looks.take(ASKED_AGAIN).cloned().collect();
        requests.extend(again);
        let mut comparison = Self {
            seed,
            requests,
            sound: Vec::new(),
        };
        comparison.sound = comparison.answers(Defects::none()).collect();
        Ok(comparison)
    }

    /// Returns `true` if every answer is the same.
    pub(crate) fn is_same(&self, defect: &'static Defect) -> bool {
        let answers = self.answers(Defects::new([defect]));
        answers.zip(&self.sound).all(|(one, other)| one == *other)
    }

    fn answers(&self, defects: Defects) -> impl Iterator<Item = Answer> {
        let target = InProcess::new(self.seed.clone()).with_defects(defects);
        let late = self.requests.len() - ASKED_AGAIN.min(self.requests.len());
        self.requests.iter().enumerate().map(move |(at, request)| {
            if at == late {
                target.pause(Duration::from_secs(120));
            }
            match target.send(request) {
                Ok(answer) => {
                    let (mut head, body) = answer.into_parts();
                    head.headers.remove(DEFECT_HEADER);
                    (head.status.as_u16(), head.headers, body)
                }
                Err(error) => (0, HeaderMap::new(), error.to_string().into()),
            }
        })
    }
}

/// A target that keeps its requests.
struct Recorder {
    inner: InProcess,
    requests: Mutex<Vec<Request<Bytes>>>,
}

impl Target for Recorder {
    fn base(&self) -> &str {
        self.inner.base()
    }

    fn send(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, TargetError> {
        lock(&self.requests).push(request.clone());
        self.inner.send(request)
    }

    fn pause(&self, time: Duration) {
        self.inner.pause(time);
    }
}
