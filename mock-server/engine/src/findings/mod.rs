//! Mistakes of a client, and its coverage of the contract.
//!
//! The stack ignores what it does not know, so a client's mistake looks like success.
//! Here the client is judged instead of the service: a [`Judge`] sees every exchange and
//! keeps what was sent, what was probably meant and who says so. It knows no clock, no
//! socket and no lock, and works from the exchange alone, so that it judges the traffic of
//! a live service as well as the mock's; nothing that it keeps grows without bound.

mod address;
mod body;
mod coverage;
mod exchange;
mod history;
mod mistakes;
mod nearest;
mod pages;
mod parameters;
mod report;
mod sheet;

use std::collections::BTreeSet;

use ::bytes::Bytes;
use http::{Method, Request, Response};
use serde::{Serialize, Serializer};

use crate::engine::Rule;
use crate::model::time::{Timestamp, UtcOffset};
use crate::profile::Profile;
use crate::wire::urlencoded;
use exchange::Exchange;
use history::History;
use pages::Walks;
use sheet::Sheet;

pub use coverage::{Coverage, DocumentedMet, RuleMet, known_rules};
pub use mistakes::{FindingLevel, MISTAKES, Mistake, Source, UnknownLevel};
pub use report::{
    Format, UnknownFormat, WorldVerdict, coverage_report, json, junit, markdown, report,
    short_json, summary_addition, text,
};

/// One exchange, as whoever stood between client and service saw it.
#[derive(Debug)]
pub struct Seen<'a> {
    /// By which findings name it.
    pub id: u64,
    /// When it began.
    pub at: Timestamp,
    /// The request, its path without the world's.
    pub request: &'a Request<Bytes>,
    /// The answer; `None` where none came, or not the whole of it.
    pub response: Option<&'a Response<Bytes>>,
    /// The mock's rule, where it is the mock that answered.
    pub rule: Option<Rule>,
    /// The readings that the service is held to.
    pub profile: &'a Profile,
    /// `true` if the answer was a fault of ours and not the service's own.
    pub fault: bool,
}

/// A mistake that a client made, once or more often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which mistake, as in [`MISTAKES`].
    pub id: &'static str,
    /// The gravity.
    pub level: FindingLevel,
    /// The request that shows it first.
    pub request: u64,
    /// When that was.
    #[serde(serialize_with = "in_utc")]
    pub at: Timestamp,
    /// The method.
    pub method: String,
    /// The path and query, tokens left out.
    pub target: String,
    /// The mistake in it.
    pub sent: String,
    /// The probable meaning, where that can be told.
    pub meant: Option<String>,
    /// Why it is wrong.
    pub why: String,
    /// The source.
    pub source: Source,
    /// The number of times it came.
    pub count: u64,
    /// The requests that show it, the first twenty.
    pub requests: Vec<u64>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // So serde calls it.
fn in_utc<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.to_text(UtcOffset::UTC))
}

/// The judge of the client of one world.
#[derive(Debug, Default, Clone)]
pub struct Judge {
    sheet: Sheet,
    history: History,
    walks: Walks,
    tally: coverage::Tally,
    /// Ids of mistakes that no report shows.
    forgiven: BTreeSet<&'static str>,
}

impl Judge {
    /// Judges an exchange; how many findings are new by it. What is no path of the API is
    /// none of its business.
    pub fn see(&mut self, seen: &Seen<'_>) -> usize {
        let before = self.sheet.findings().len();
        let path = urlencoded::decode_path(seen.request.uri().path());
        if !path.starts_with("/api/") {
            return 0;
        }
        if let Some(exchange) = Exchange::of(seen, &path) {
            self.judge(&exchange);
        } else {
            let status = seen.response.map(|response| response.status().as_u16());
            address::judge_unrouted(seen, &path, &mut self.sheet);
            self.tally.count_unrouted(seen.rule.as_ref(), status);
        }
        self.sheet.findings().len() - before
    }

    fn judge(&mut self, exchange: &Exchange<'_>) {
        let sheet = &mut self.sheet;
        address::judge(exchange, sheet);
        // A path that does not take the method reads nothing of the request.
        let arguments = if exchange.operation.is_some() {
            parameters::judge(exchange, sheet);
            body::judge(exchange, sheet)
        } else {
            body::Arguments::default()
        };
        self.history.judge(exchange, arguments, sheet);
        let step = self.walks.follow(exchange, sheet);
        self.tally.count(exchange, arguments, step);
    }

    /// Mistakes that only the end shows: lists that were not read to theirs. Nothing is kept of it,
    /// so that the client may go on.
    pub fn finish(&self, at: Timestamp) -> Vec<Finding> {
        let mut sheet = Sheet::default();
        self.walks.finish(&mut sheet);
        let mut findings = sheet.into_findings();
        for finding in &mut findings {
            finding.at = at;
        }
        findings
    }

    /// Everything there is to say, if this is the end: what was found, in the order of the
    /// requests, then what only the end shows.
    pub fn findings(&self, at: Timestamp) -> Vec<Finding> {
        let mut findings = self.sheet.findings().to_vec();
        findings.extend(self.finish(at));
        findings.retain(|finding| !self.forgiven.contains(finding.id));
        findings
    }

    /// The number of mistakes there was no room for: of a thousand different ones no more are
    /// kept.
    pub fn left_out(&self) -> u64 {
        self.sheet.left_out()
    }

    /// The coverage of the contract.
    pub fn coverage(&self) -> Coverage {
        self.tally.coverage()
    }

    /// All of it, under the name of the client's world.
    pub fn verdict(&self, world: impl Into<String>, at: Timestamp) -> WorldVerdict {
        WorldVerdict {
            world: world.into(),
            findings: self.findings(at),
            left_out: self.left_out(),
            coverage: self.coverage(),
        }
    }

    /// Leaves a mistake out of every report, however often it came or comes.
    pub fn forgive(&mut self, mistake: &Mistake) {
        self.forgiven.insert(mistake.id);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Returns `true` if a method asks without changing anything.
fn is_safe(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS].contains(method)
}
