//! The one table of kinds of fault, and the members of each.

use std::time::Duration;

use http::HeaderValue;
use serde_json::Value;

use super::act::{Act, Cut, Edit, Garbage, Hold};
use super::chance::Chance;
use super::limits::{
    MAX_CHUNKS, MAX_DELAY_MILLIS, MAX_GARBAGE, MAX_HOLD_MILLIS, MAX_RETRY_AFTER, MAX_STALE,
    MAX_TEXT,
};
use super::matching::Glob;
use super::reader::{FaultError, Members};
use whippy_engine::defects::{self, Defect};
use whippy_engine::endpoints::{Handler, RESOURCES};
use whippy_engine::operations;
use whippy_engine::problem::Problem;
use whippy_engine::suggest::did_you_mean;

/// A kind of fault.
pub(super) struct Kind {
    pub(super) name: &'static str,
    /// The effect, as a sentence.
    pub(super) about: &'static str,
    /// The members that it takes beside `kind`.
    members: &'static [&'static str],
    pub(super) moments: Moments,
    read: fn(&Members<'_>) -> Result<Effect, FaultError>,
}

/// The sides of the commit on which a kind can act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moments {
    /// Both sides; before the commit unless a rule says otherwise.
    Either,
    /// After the commit, since it concerns the answer.
    After,
    /// No side: it concerns the way in which the request is carried out.
    Neither,
}

use Moments::{After, Either, Neither};

#[rustfmt::skip]
pub(super) const KINDS: &[Kind] = &[
    Kind { name: "status", members: &["status", "retry_after"], moments: Either, read: status,
        about: "The client is refused with a status: the stack's body, or the page of a gateway for 502, 503 and 504." },
    Kind { name: "delay", members: &["milliseconds", "distribution"], moments: Either, read: delay,
        about: "Time passes: a fixed one, or one of a distribution." },
    Kind { name: "slow-body", members: &["chunks", "over_milliseconds"], moments: After, read: slow_body,
        about: "The body goes out in pieces, spread over a time." },
    Kind { name: "empty-reply", members: &[], moments: Either, read: |_| Ok(Effect::Act(Act::EmptyReply)),
        about: "The connection is closed without a byte." },
    Kind { name: "reset", members: &[], moments: Either, read: |_| Ok(Effect::Act(Act::Reset)),
        about: "The connection is reset without a byte." },
    Kind { name: "truncated-body", members: &["bytes", "fraction"], moments: After, read: truncated_body,
        about: "The connection is closed in the middle of the body that the head announces." },
    Kind { name: "malformed-body", members: &[], moments: After, read: |_| Ok(Effect::Act(Act::Edit(Edit::MalformedBody))),
        about: "The body is as long as it says, and no JSON." },
    Kind { name: "garbage", members: &["bytes", "seed"], moments: Either, read: garbage,
        about: "Random bytes are sent, and the connection is closed." },
    Kind { name: "wrong-content-type", members: &["content_type"], moments: After, read: wrong_content_type,
        about: "The answer claims to be of another type." },
    Kind { name: "stale-read", members: &["writes"], moments: Neither, read: stale_read,
        about: "The answer is from the world as it was some writes ago." },
    Kind { name: "duplicate-row", members: &[], moments: Neither, read: |m| in_force(m, "page-repeats-a-row"),
        about: "A page begins with the last row of the one before." },
    Kind { name: "skipped-row", members: &[], moments: Neither, read: |m| in_force(m, "page-skips-a-row"),
        about: "A page leaves out its first row, unless it is the first page." },
    Kind { name: "defect", members: &["name"], moments: Neither, read: defect,
        about: "A defect of `whippy-mock defects` is in force for the request." },
    Kind { name: "hold", members: &["until_commit", "milliseconds"], moments: Either, read: hold,
        about: "The request is held until another has committed, or a time has passed." },
];

/// The effect of a fault, with chance not yet drawn.
#[derive(Debug)]
pub(super) enum Effect {
    Act(Act),
    Delay(Delay),
    Garbage { bytes: u32, seed: Option<u32> },
    Stale(u32),
    Defect(&'static Defect),
}

impl Effect {
    /// Returns `true` if it decides the answer.
    pub(super) fn is_ending(&self) -> bool {
        match self {
            Self::Act(act) => act.is_ending(),
            Self::Garbage { .. } => true,
            _ => false,
        }
    }

    /// Returns `true` if no part of the answer reaches the client.
    pub(super) fn is_silent(&self) -> bool {
        match self {
            Self::Act(act) => act.is_silent(),
            Self::Garbage { .. } => true,
            _ => false,
        }
    }

    /// Returns `true` if it only waits.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self, Self::Delay(_) | Self::Act(Act::Hold(_)))
    }

    /// Returns `true` if it changes the answer.
    pub(super) fn is_edit(&self) -> bool {
        matches!(self, Self::Act(Act::Edit(_)))
    }

    /// Returns `true` if it can have an effect on an operation.
    pub(super) fn concerns(&self, operation: &str) -> bool {
        match self {
            Self::Stale(_) => looks_only(operation),
            Self::Defect(defect) => defect.concerns(operations::whole(operation)),
            _ => true,
        }
    }

    /// Draws the act of the effect; `None` where it concerns the way the request is carried out.
    pub(super) fn act(&self, chance: &mut Chance) -> Option<Act> {
        match self {
            Self::Act(act) => Some(act.clone()),
            Self::Delay(delay) => Some(Act::Delay(delay.draw(chance))),
            Self::Garbage { bytes, seed } => {
                let seed = seed.unwrap_or_else(|| chance.small());
                Some(Act::Garbage(Garbage {
                    seed,
                    bytes: *bytes,
                }))
            }
            Self::Stale(_) | Self::Defect(_) => None,
        }
    }
}

fn looks_only(operation: &str) -> bool {
    handlers(operation).any(|handler| matches!(handler, Handler::Read(_)))
}

fn writes(operation: &str) -> bool {
    handlers(operation).any(|handler| matches!(handler, Handler::Write(_)))
}

fn handlers(operation: &str) -> impl Iterator<Item = Handler> {
    let actions = RESOURCES.iter().flat_map(|resource| resource.actions);
    let whole = operations::whole(operation);
    let of_it = actions.filter(move |action| action.operation == whole);
    of_it.map(|action| action.handler)
}

/// The length of a delay, milliseconds.
#[derive(Debug)]
pub(super) enum Delay {
    Fixed(u32),
    Uniform { min: u32, max: u32 },
    Lognormal { median: f64, sigma: f64, cap: u32 },
}

impl Delay {
    pub(super) fn fixed(&self) -> Option<Duration> {
        match self {
            Self::Fixed(millis) => Some(Duration::from_millis(u64::from(*millis))),
            _ => None,
        }
    }

    /// Draws a whole number of milliseconds, which the journal can keep exactly.
    fn draw(&self, chance: &mut Chance) -> Duration {
        // The bounds on delays that are read keep the number below 32 bits.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let millis = match *self {
            Self::Fixed(millis) => millis,
            Self::Uniform { min, max } => min + (chance.unit() * f64::from(max - min + 1)) as u32,
            Self::Lognormal { median, sigma, cap } => {
                let drawn = median * (sigma * chance.normal()).exp();
                drawn.round().min(f64::from(cap)) as u32
            }
        };
        Duration::from_millis(u64::from(millis))
    }
}

/// Reads a fault: its kind and the members of that kind.
pub(super) fn read(value: &Value, path: &str) -> Result<(&'static Kind, Effect), FaultError> {
    let members = Members::of(value, path, "a fault")?;
    let name = members.needs("kind", members.text("kind", MAX_TEXT)?)?;
    let Some(kind) = KINDS.iter().find(|kind| kind.name == name) else {
        let names = KINDS.iter().map(|kind| kind.name);
        let hint = did_you_mean(name, names.clone());
        let names = names.collect::<Vec<_>>().join(", ");
        let sentence = format!("there is no kind `{name}`; {hint}there are {names}");
        return members.wrong_at("kind", sentence);
    };
    let mut known = vec!["kind"];
    known.extend_from_slice(kind.members);
    members.only(&known)?;
    let effect = (kind.read)(&members)?;
    Ok((kind, effect))
}

fn status(members: &Members<'_>) -> Result<Effect, FaultError> {
    const TAKEN: &str = "400, 401, 403, 404, 429, 500, 502, 503 and 504 are taken";
    let status = members.needs("status", members.get("status"))?;
    let retry_after = members.small("retry_after", 0..=MAX_RETRY_AFTER)?;
    let problem = match status.as_u64() {
        // The text of the stack where it names no cause.
        Some(400) => Problem::Unparsable("Malformed request.".to_owned()),
        Some(401) => Problem::UnknownToken,
        Some(403) => Problem::PermissionDenied,
        Some(404) => Problem::NotFound(None),
        Some(429) => Problem::Throttled(retry_after),
        Some(500) => Problem::ServerError,
        Some(502) => Problem::BadGateway,
        Some(503) => Problem::Unavailable(retry_after),
        Some(504) => Problem::GatewayTimeout,
        _ => return members.wrong_at("status", TAKEN),
    };
    if retry_after.is_some() && problem.retry_after().is_none() {
        return members.wrong_at("retry_after", "only 429 and 503 have one");
    }
    Ok(Effect::Act(Act::Answer(problem)))
}

fn delay(members: &Members<'_>) -> Result<Effect, FaultError> {
    let fixed = members.small("milliseconds", 0..=MAX_DELAY_MILLIS)?;
    let delay = match (fixed, members.get("distribution")) {
        (Some(millis), None) => Delay::Fixed(millis),
        (None, Some(value)) => {
            let path = members.path_of("distribution");
            distribution(&Members::of(value, path, "a distribution")?)?
        }
        _ => return members.wrong("a delay has either `milliseconds` or a `distribution`"),
    };
    Ok(Effect::Delay(delay))
}

fn distribution(members: &Members<'_>) -> Result<Delay, FaultError> {
    let bounds = 0..=MAX_DELAY_MILLIS;
    match members.needs("type", members.text("type", MAX_TEXT)?)? {
        "uniform" => {
            members.only(&["type", "min", "max"])?;
            let min = members.needs("min", members.small("min", bounds.clone())?)?;
            let max = members.needs("max", members.small("max", bounds)?)?;
            if min > max {
                return members.wrong("`min` is above `max`");
            }
            Ok(Delay::Uniform { min, max })
        }
        "lognormal" => {
            members.only(&["type", "median", "sigma", "cap"])?;
            let median = members.number("median", 0.0..=f64::from(MAX_DELAY_MILLIS))?;
            let median = members.needs("median", median)?;
            let sigma = members.needs("sigma", members.number("sigma", 0.0..=3.0)?)?;
            let cap = members.small("cap", bounds)?.unwrap_or(MAX_DELAY_MILLIS);
            Ok(Delay::Lognormal { median, sigma, cap })
        }
        other => members.wrong_at(
            "type",
            format!("there is no distribution `{other}`; there are uniform, lognormal"),
        ),
    }
}

fn slow_body(members: &Members<'_>) -> Result<Effect, FaultError> {
    let chunks = members.needs("chunks", members.small("chunks", 2..=MAX_CHUNKS)?)?;
    let over = members.small("over_milliseconds", 0..=MAX_DELAY_MILLIS)?;
    let over = members.needs("over_milliseconds", over)?;
    let over = Duration::from_millis(u64::from(over));
    Ok(Effect::Act(Act::SlowBody { chunks, over }))
}

fn truncated_body(members: &Members<'_>) -> Result<Effect, FaultError> {
    let bytes = members.small("bytes", 0..=u32::MAX)?;
    let fraction = members.number("fraction", 0.0..=1.0)?;
    let cut = match (bytes, fraction) {
        (Some(bytes), None) => Cut::Bytes(bytes),
        (None, Some(fraction)) => Cut::Fraction(fraction),
        (None, None) => Cut::Fraction(0.5),
        (Some(_), Some(_)) => {
            return members.wrong("a truncated body has `bytes` or a `fraction`, not both");
        }
    };
    Ok(Effect::Act(Act::Truncate(cut)))
}

fn garbage(members: &Members<'_>) -> Result<Effect, FaultError> {
    let bytes = members.small("bytes", 1..=MAX_GARBAGE)?.unwrap_or(256);
    let seed = members.small("seed", 0..=u32::MAX)?;
    Ok(Effect::Garbage { bytes, seed })
}

fn wrong_content_type(members: &Members<'_>) -> Result<Effect, FaultError> {
    let text = members.text("content_type", MAX_TEXT)?;
    let text = members.needs("content_type", text)?;
    match HeaderValue::from_str(text) {
        Ok(value) if value.to_str().is_ok() => {
            Ok(Effect::Act(Act::Edit(Edit::WrongContentType(value))))
        }
        _ => members.wrong_at("content_type", "visible ASCII is taken, as in a header"),
    }
}

fn stale_read(members: &Members<'_>) -> Result<Effect, FaultError> {
    let writes = members.needs("writes", members.small("writes", 1..=MAX_STALE)?)?;
    Ok(Effect::Stale(writes))
}

fn defect(members: &Members<'_>) -> Result<Effect, FaultError> {
    let name = members.needs("name", members.text("name", MAX_TEXT)?)?;
    match defects::named(name) {
        Ok(defect) => Ok(Effect::Defect(defect)),
        Err(unknown) => members.wrong_at("name", unknown.to_string()),
    }
}

/// Returns the effect of a defect that is a kind of its own.
fn in_force(members: &Members<'_>, name: &str) -> Result<Effect, FaultError> {
    match defects::named(name) {
        Ok(defect) => Ok(Effect::Defect(defect)),
        Err(unknown) => members.wrong(unknown.to_string()),
    }
}

fn hold(members: &Members<'_>) -> Result<Effect, FaultError> {
    let until = members.text("until_commit", MAX_TEXT)?;
    let until = match until.map(Glob::of_operations).transpose() {
        Ok(until) => until,
        Err(unknown) => return members.wrong_at("until_commit", unknown.to_string()),
    };
    let commits = |glob: &Glob| operations::names().any(|name| glob.fits(name) && writes(name));
    if until.as_ref().is_some_and(|glob| !commits(glob)) {
        return members.wrong_at("until_commit", "no operation that fits it writes");
    }
    let millis = members.small("milliseconds", 1..=MAX_HOLD_MILLIS)?;
    let millis = members.needs("milliseconds", millis)?;
    let at_most = Duration::from_millis(u64::from(millis));
    Ok(Effect::Act(Act::Hold(Hold::new(until, at_most))))
}
