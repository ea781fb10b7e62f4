//! Plays a sequence: sends each step, asks the oracle, and copes with failures of a live service.
//!
//! A request that only reads is repeated if it gets no answer. A write with an unknown outcome is
//! never repeated: the sequence ends there, and that is reported.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue};
use http::{Request, Response};

use super::Aid;
use crate::oracle::{Answered, Difference, Judged, Oracle};
use crate::steps::{Address, Names, Shown, Side, Step};
use whippy_probe::model::finding::Exchange;
use whippy_probe::probe::Session;
use whippy_probe::transport::retry::{ATTEMPTS, backoff};
use whippy_probe::transport::target::TargetError;

/// All answers up to the second number are judged by `openapi.json`, and after that one in the
/// first number.
const SAMPLE: u64 = 16;
const ALWAYS: u64 = 2_000;

/// The result of a sequence.
pub(super) enum Played {
    /// The target answered as expected.
    Same,
    /// The target answered differently; also the answers so far.
    Different(Box<Difference>, Vec<Answered>),
    /// A write got no answer.
    Lost(Lost),
    /// The target answers no more requests.
    Aborted(String),
    /// No more requests may be sent to the target.
    Spent(String),
}

/// A write without an answer.
pub(super) struct Lost {
    /// The position of the step.
    pub(super) at: usize,
    pub(super) why: String,
    pub(super) answers: Vec<Answered>,
}

/// Sends the steps of sequences.
pub(super) struct Player<'a> {
    session: &'a Session,
    address: Address,
    aid: Aid<'a>,
    is_covered: bool,
    /// The number of requests so far.
    pub(super) sent: u64,
    pub(super) surprises: BTreeMap<String, u64>,
    /// The exchanges of the last sequence.
    pub(super) transcript: Vec<Exchange>,
}

/// Reasons why there is no answer.
enum Silence {
    /// The request may have been carried out or not.
    Unknown(String),
    /// The target accepts no more requests.
    Final(String),
    /// The guard allows no more requests, as when the budget is spent.
    Forbidden(String),
}

/// The action after an attempt.
enum Next {
    Take(Response<Bytes>),
    Again(String),
    Give(Silence),
}

impl<'a> Player<'a> {
    pub(super) fn new(session: &'a Session, aid: Aid<'a>, is_covered: bool) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let mut player = Self {
            session,
            address: Address {
                base: session.target.base().to_owned(),
                headers,
            },
            aid,
            is_covered,
            sent: 0,
            surprises: BTreeMap::new(),
            transcript: Vec::new(),
        };
        if let Some(token) = &session.token {
            player.authorize(token);
        }
        player
    }

    fn authorize(&mut self, token: &str) {
        if let Ok(mut value) = HeaderValue::from_str(&format!("Token {token}")) {
            value.set_sensitive(true);
            self.address.headers.insert(AUTHORIZATION, value);
        }
    }

    /// Plays a sequence from its beginning, and reports every answered step.
    pub(super) fn play(
        &mut self,
        oracle: &mut Oracle,
        steps: &[Step],
        names: &Names,
        note: &mut dyn FnMut(&Step, u16, Option<Judged>),
    ) -> Played {
        self.transcript.clear();
        let mut game = oracle.begin(steps, names);
        let mut shown = Shown::default();
        for (at, step) in steps.iter().enumerate() {
            let side = Side {
                names,
                shown: &shown,
            };
            let request = match step.request(side, &self.address) {
                Ok(request) => request,
                Err(why) => return Played::Aborted(why.to_string()),
            };
            let response = match self.send(step, &request) {
                Ok(sent) => sent,
                Err(Silence::Final(why)) => return Played::Aborted(why),
                Err(Silence::Forbidden(why)) => return Played::Spent(why),
                Err(Silence::Unknown(why)) => {
                    let answers = game.answers().to_vec();
                    return Played::Lost(Lost { at, why, answers });
                }
            };
            let answered = Answered::of(response.status().as_u16(), &response);
            if let Some(body) = &answered.body {
                shown.keep(step, body);
            }
            let status = answered.status;
            let same = (!step.depends_on_answers()).then_some(&request);
            let judged = oracle.judge(&mut game, same, answered);
            self.cover(&request, &response);
            self.transcript.push(Exchange {
                step: format!("s{}", step.name),
                request,
                answer: Ok(response),
            });
            match judged {
                Ok(judged) => note(step, status, Some(judged)),
                Err(difference) => {
                    note(step, status, None);
                    return Played::Different(difference, game.answers().to_vec());
                }
            }
        }
        oracle.end(game);
        Played::Same
    }

    /// Notes the parts of `openapi.json` that an exchange covers.
    fn cover(&self, request: &Request<Bytes>, response: &Response<Bytes>) {
        if self.is_covered && (self.sent < ALWAYS || self.sent.is_multiple_of(SAMPLE)) {
            let base = self.session.target.base();
            let path = request.uri().path();
            let inner = base
                .split_once("://")
                .and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
            let path = path.strip_prefix(inner.unwrap_or_default()).unwrap_or(path);
            // The oracle has reported mistakes in it already.
            let _ = self.session.contract.judge(request, path, response, true);
        }
    }

    /// Returns the answer to a request, after retries if necessary.
    fn send(&mut self, step: &Step, request: &Request<Bytes>) -> Result<Response<Bytes>, Silence> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            self.sent += 1;
            let answer = self.session.target.send(request);
            match decide(step, answer, attempt) {
                Next::Take(response) => return Ok(response),
                Next::Again(why) => {
                    self.note(format!("{why}, and was asked again"));
                    if self.aid.stop.load(Ordering::Relaxed) {
                        return Err(Silence::Final("the run was interrupted".to_owned()));
                    }
                    (self.aid.pause)(backoff(attempt));
                }
                Next::Give(Silence::Unknown(why)) => {
                    self.note(format!(
                        "{why}: what became of the write is not known, so it was not repeated"
                    ));
                    return Err(Silence::Unknown(why));
                }
                Next::Give(silence) => return Err(silence),
            }
        }
    }

    fn note(&mut self, surprise: String) {
        *self.surprises.entry(surprise).or_default() += 1;
    }

    /// Sends a request outside the sequences; `None` where there is no answer.
    pub(super) fn ask(&mut self, step: &Step, names: &Names) -> Option<Answered> {
        let shown = Shown::default();
        let side = Side {
            names,
            shown: &shown,
        };
        let request = step.request(side, &self.address).ok()?;
        let response = self.send(step, &request).ok()?;
        Some(Answered::of(response.status().as_u16(), &response))
    }
}

/// Returns the action after an answer.
fn decide(step: &Step, answer: Result<Response<Bytes>, TargetError>, attempt: u32) -> Next {
    let id = step.operation.id();
    let is_reading = step.operation.is_reading();
    let may_repeat = is_reading && attempt < ATTEMPTS;
    match answer {
        Ok(response) => match response.status().as_u16() {
            429 => Next::Give(Silence::Final(format!(
                "{id} answered 429 again and again: give a lower --rate"
            ))),
            401 => Next::Give(Silence::Final("401: the token is taken no more".to_owned())),
            _ => Next::Take(response),
        },
        Err(TargetError::Unreachable(why)) if may_repeat => {
            Next::Again(format!("the target could not be reached ({why})"))
        }
        Err(error @ (TargetError::TimedOut(_) | TargetError::Broken(_) | TargetError::Away(_))) => {
            if may_repeat {
                Next::Again(format!("{id} got no answer"))
            } else {
                Next::Give(Silence::Unknown(format!("{id} got no answer: {error}")))
            }
        }
        Err(error @ TargetError::Forbidden(_)) => Next::Give(Silence::Forbidden(error.to_string())),
        Err(error) => Next::Give(Silence::Final(error.to_string())),
    }
}
