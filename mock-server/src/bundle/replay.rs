//! A bundle played again, exchange by exchange, and compared.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;

use bytes::Bytes;
use http::{Request, Response};

use super::error::{BundleError, StageError, Unreached};
use super::{BundledExchange, BundledResponse, BundledWorld, BundledWrite};
use crate::faults::{self, Act, Faults, Plan};
use crate::worlds::service::Service;
use whippy_engine::backend::Backend;
use whippy_engine::backend::Seed;
use whippy_engine::clock::ClockMode;
use whippy_engine::defects::{self, Defects, Delivery, operation_of};
use whippy_engine::endpoints::call::Settings;
use whippy_engine::engine::{Engine, RULE_HEADER};
use whippy_engine::history::Write;
use whippy_engine::model::time::{Timestamp, UtcOffset};
use whippy_engine::profile::Profile;
use whippy_engine::redact;
use whippy_engine::store::Store;

/// An exchange that was played again.
#[derive(Debug, Clone)]
pub struct Replayed {
    /// The name of its world.
    pub world: String,
    /// The number of the exchange.
    pub id: u64,
    /// Method, path and query.
    pub asked: String,
    /// The answer of then; `None` where there was none.
    pub expected: Option<BundledResponse>,
    /// The answer of now; `None` where there was none, or nothing was sent.
    pub got: Option<BundledResponse>,
    /// The result of the comparison.
    pub verdict: Verdict,
}

/// The result of playing an exchange again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The answers are the same, byte for byte.
    Same,
    /// The answers differ: the first difference, in a sentence.
    Different(String),
    /// The answers were not compared: the reason.
    Skipped(String),
}

impl fmt::Display for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            world, id, asked, ..
        } = self;
        write!(f, "exchange {id} of world {world}, {asked}: ")?;
        match &self.verdict {
            Verdict::Same => f.write_str("the same"),
            Verdict::Different(why) => f.write_str(why),
            Verdict::Skipped(why) => write!(f, "not compared, for {why}"),
        }
    }
}

/// A world on which exchanges are played.
pub(super) struct Stage {
    name: String,
    settings: Settings,
    engine: Engine,
    seq: u64,
    first: u64,
    writes: VecDeque<Write>,
    defects: Defects,
    /// The faults, whose defects keep state from one request to the next.
    faults: Faults,
    exchanges: VecDeque<BundledExchange>,
    /// The reason why it cannot go on.
    broken: Option<String>,
}

impl Stage {
    pub(super) fn set(world: &BundledWorld) -> Result<Self, BundleError> {
        Self::of(world).map_err(|why| BundleError::World {
            name: world.name.clone(),
            why: Box::new(why),
        })
    }

    fn of(world: &BundledWorld) -> Result<Self, StageError> {
        let mut profile = Profile::default();
        profile
            .apply_json(&world.profile)
            .map_err(StageError::Profile)?;
        let local = UtcOffset::parse(&world.utc_offset)
            .ok_or_else(|| StageError::Zone(world.utc_offset.clone()))?;
        let settings = Settings {
            profile,
            local,
            ..Settings::default()
        };
        let base = world.base.to_string();
        let store = Store::from_json(base.as_bytes()).map_err(StageError::Base)?;
        let defects: Result<Vec<_>, _> = world.defects.iter().map(|n| defects::named(n)).collect();
        let writes: Result<VecDeque<_>, _> = world.writes.iter().map(BundledWrite::write).collect();
        let writes = writes.map_err(|(seq, why)| StageError::Write(seq, why))?;
        let expected = world.seq + 1..;
        if let Some((seq, _)) = expected.zip(&writes).find(|(seq, write)| *seq != write.seq) {
            return Err(StageError::Missing(seq));
        }
        let faults = if world.faults.is_null() {
            Faults::default()
        } else {
            let rules = Faults::parse(world.faults.to_string().as_bytes());
            let rules = rules.map_err(StageError::Faults)?;
            Faults::new(rules, Timestamp::EPOCH)
        };
        let mut exchanges = world.exchanges.clone();
        exchanges.sort_by_key(|exchange| (exchange.writes_before, exchange.id));
        Ok(Self {
            name: world.name.clone(),
            engine: Engine::new(settings.clone(), store),
            settings,
            seq: world.seq,
            first: world.seq,
            writes,
            defects: Defects::new(defects.map_err(StageError::Defect)?),
            faults,
            exchanges: exchanges.into(),
            broken: None,
        })
    }

    fn play(&mut self, exchange: &BundledExchange) -> (Option<BundledResponse>, Verdict) {
        let plan = match exchange.plan.as_ref() {
            None => Ok(Plan::default()),
            Some(plan) => Plan::from_json(plan, &self.faults),
        };
        let plan = match plan {
            Ok(plan) => plan,
            Err(why) => {
                return (
                    None,
                    Verdict::Different(format!("its plan cannot be read: {why}")),
                );
            }
        };
        if let Some(why) = self.unplayable(exchange, &plan) {
            return (None, Verdict::Skipped(why));
        }
        // A request that was never carried out saw no state of the world.
        if !plan.takes_its_place()
            && let Err(why) = self.go_to(exchange.writes_before)
        {
            let why = why.to_string();
            self.broken = Some(why.clone());
            return (None, Verdict::Different(why));
        }
        let request = match exchange.request.request() {
            Ok(request) => request,
            Err(why) => return (None, Verdict::Different(why.to_string())),
        };
        let status = exchange.response.as_ref().map(|response| response.status);
        // A bundle has no secrets, so a token that was accepted then is accepted again.
        let settings = Settings {
            tokens: (status == Some(401)).then(unknown).into_iter().collect(),
            token_lifetime: None,
            revocations: 0,
            credentials: (status == Some(400)).then(|| (unknown(), unknown())),
            ..self.settings.clone()
        };
        // The moment is that of the exchange's own write. A request that wrote nothing read no
        // clock.
        let own = self
            .writes
            .front()
            .filter(|write| Some(write.seq) == exchange.wrote);
        let (now, tick) = own.map_or((Timestamp::EPOCH, 0), |write| {
            (write.now.at, write.now.tick)
        });
        let service = Service::new(Seed {
            settings,
            store: self.engine.store().clone(),
            clock: ClockMode::Fixed { now, tick },
        });
        let got = self.enact(&plan, &service, &request, now);
        let got = got.as_ref().map(BundledResponse::of);
        let verdict = match difference(exchange.response.as_ref(), got.as_ref()) {
            None => Verdict::Same,
            Some(_) if status == Some(401) => {
                Verdict::Skipped("its credentials were not kept".to_owned())
            }
            // An unreadable body is quoted in the refusal, or located by position.
            Some(_) if status == Some(400) && exchange.request.body.redacted => {
                Verdict::Skipped("its body had a secret, which was not kept".to_owned())
            }
            Some(why) => Verdict::Different(why),
        };
        (got, verdict)
    }

    /// Returns the answer that the client receives. Time is left out: no wait changes an answer,
    /// since each exchange has its place among the writes.
    fn enact(
        &self,
        plan: &Plan,
        service: &Service,
        request: &Request<Bytes>,
        now: Timestamp,
    ) -> Option<Response<Bytes>> {
        let refuse = |act: &Act| match act {
            Act::Answer(problem) => {
                let head = request.clone().map(drop);
                Some(service.refuse(&head, problem).response)
            }
            _ => None,
        };
        let mut heard = if let Some(act) = plan.before.iter().find(|act| act.is_ending()) {
            refuse(act)
        } else {
            let carried_out = if plan.stale.is_some() {
                Some(self.engine.look(request, now).response)
            } else {
                carry_out(&plan.defects(&self.defects), service, request, now)
            };
            match plan.after.iter().find(|act| act.is_ending()) {
                Some(act) if act.is_silent() => None,
                Some(act @ Act::Answer(_)) => refuse(act),
                _ => carried_out,
            }
        };
        if let Some(response) = &mut heard {
            plan.edit(response);
        }
        heard
    }

    /// Returns the reason why an exchange cannot be played, if there is one.
    fn unplayable(&self, exchange: &BundledExchange, plan: &Plan) -> Option<String> {
        if let Some(why) = &self.broken {
            return Some(why.clone());
        }
        if !plan.takes_its_place() && exchange.writes_before < self.first {
            return Some(format!(
                "it was answered after write {}, and the bundle begins after write {}",
                exchange.writes_before, self.first
            ));
        }
        if exchange.request.body.truncated {
            return Some("the journal kept only the beginning of its body".to_owned());
        }
        if !exchange.faults.is_empty() && exchange.plan.is_none() {
            let faults = exchange.faults.join(", ");
            return Some(format!("it does not say what its faults did: {faults}"));
        }
        let headers = exchange.response.iter().flat_map(|answer| &answer.headers);
        let mut rules = headers.filter(|(name, _)| name == RULE_HEADER.as_str());
        rules.find_map(|(_, rule)| {
            let (_, why) = UNSEEN.iter().find(|(name, _)| rule.contains(name))?;
            Some((*why).to_owned())
        })
    }

    fn go_to(&mut self, seq: u64) -> Result<(), Unreached> {
        while self.seq < seq {
            let last = self.seq;
            let write = self.writes.pop_front();
            let write = write.ok_or(Unreached::Beyond { seq, last })?;
            write.apply(&mut self.engine).map_err(Unreached::Write)?;
            self.seq = write.seq;
        }
        Ok(())
    }
}

/// Returns the answer where no plan replaces it.
fn carry_out(
    defects: &Defects,
    service: &Service,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Option<Response<Bytes>> {
    if let Some(reply) = faults::prefer(service, request, operation_of(service, request)) {
        return Some(reply.response);
    }
    match defects.answer(service, request, || now) {
        Delivery::Answer(reply) | Delivery::Truncated(reply) => Some(reply.response),
        Delivery::Hang | Delivery::Reset => None,
    }
}

/// The rules of requests that the engine never sees, each with a reason.
const UNSEEN: &[(&str, &str)] = &[
    ("/no-host;", "it named no host"),
    ("/head-too-large;", "its head was too large"),
    ("/body-too-large;", "its body was too large"),
    ("/body-too-slow;", "its body never arrived"),
    ("/body-broken;", "its body never arrived"),
    ("/not-kept;", "the file of the writes could not take it"),
];

/// A text that is nobody's token, name or password.
fn unknown() -> String {
    "\u{1}".to_owned()
}

impl Iterator for Stage {
    type Item = Replayed;

    fn next(&mut self) -> Option<Replayed> {
        let exchange = self.exchanges.pop_front()?;
        let (got, verdict) = self.play(&exchange);
        let request = &exchange.request;
        Some(Replayed {
            world: self.name.clone(),
            id: exchange.id,
            asked: format!("{} {}", request.method, request.target),
            expected: exchange.response,
            got,
            verdict,
        })
    }
}

/// Headers that belong to the connection and not to the answer.
const OF_THE_CONNECTION: &[&str] = &[
    "connection",
    "content-length",
    "date",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Returns the first difference between two answers, in a sentence.
fn difference(then: Option<&BundledResponse>, now: Option<&BundledResponse>) -> Option<String> {
    let (then, now) = match (then, now) {
        (None, None) => return None,
        (Some(then), Some(now)) => (then, now),
        (Some(then), None) => {
            return Some(format!(
                "status {} was answered, and now nothing",
                then.status
            ));
        }
        (None, Some(now)) => {
            return Some(format!(
                "nothing was answered, and now status {}",
                now.status
            ));
        }
    };
    if then.status != now.status {
        return Some(format!(
            "status {} was answered, and now {}",
            then.status, now.status
        ));
    }
    let own = |response: &BundledResponse| {
        let mut headers = response.headers.clone();
        headers.retain(|(name, _)| !OF_THE_CONNECTION.contains(&name.as_str()));
        headers.sort();
        headers
    };
    let (old, new) = (own(then), own(now));
    if let Some((name, value)) = old.iter().find(|pair| !new.contains(pair)) {
        let values = new.iter().filter(|(known, _)| known == name);
        let values: Vec<_> = values.map(|(_, value)| format!("`{value}`")).collect();
        return Some(match values.as_slice() {
            [] => format!("header {name} was `{value}`, and now there is none"),
            values => format!("header {name} was `{value}`, and now {}", values.join(", ")),
        });
    }
    if let Some((name, value)) = new.iter().find(|pair| !old.contains(pair)) {
        return Some(format!("header {name} is `{value}` now, and was not there"));
    }
    let (old, new) = match (then.body.bytes(), now.body.bytes()) {
        (Ok(old), Ok(new)) => (old, new),
        (Err(why), _) | (_, Err(why)) => return Some(why.to_string()),
    };
    let new = match redact::body(None, &new) {
        Cow::Owned(clean) if then.body.redacted => clean.into(),
        _ => new,
    };
    let new = if then.body.truncated {
        new.slice(..new.len().min(old.len()))
    } else {
        new
    };
    if old == new {
        return None;
    }
    let same = old.iter().zip(&new).take_while(|(old, new)| old == new);
    let at = same.count();
    Some(format!(
        "from byte {at} on the body was {}, and now {}",
        shown(&old, at),
        shown(&new, at)
    ))
}

/// Returns a piece of a body that begins at a byte.
fn shown(body: &[u8], at: usize) -> String {
    const PIECE: usize = 40;
    let rest = &body[at.min(body.len())..];
    if rest.is_empty() {
        return "at its end".to_owned();
    }
    let piece = String::from_utf8_lossy(&rest[..rest.len().min(PIECE)]);
    let more = if rest.len() > PIECE { "…" } else { "" };
    format!("`{piece}{more}`")
}
