//! Mistakes of a client, and its coverage of the contract.
//!
//! The stack ignores what it does not know, so a client's mistake looks like success. Here the
//! client is judged, not the service: a [`Judge`] sees every exchange and keeps the text that
//! was sent, the one that was probably meant and the source that says so. A judge has no clock,
//! no socket and no lock, and needs nothing but the exchanges, so it can judge the traffic of a
//! live service as well as the mock's. Its memory is bounded.

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

/// One exchange, as seen between client and service.
#[derive(Debug)]
pub struct Seen<'a> {
    /// The number by which findings refer to the exchange.
    pub id: u64,
    /// The moment at which it began.
    pub at: Timestamp,
    /// The request, without the prefix of its world.
    pub request: &'a Request<Bytes>,
    /// The answer; `None` if it never came or not completely.
    pub response: Option<&'a Response<Bytes>>,
    /// The rule that decided the answer, if the mock recorded one.
    pub rule: Option<Rule>,
    /// The readings that the service follows.
    pub profile: &'a Profile,
    /// Is true if the answer is an injected fault and not the service's own.
    pub fault: bool,
}

/// A mistake that a client made, once or more often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The id of the mistake, as in [`MISTAKES`].
    pub id: &'static str,
    /// The gravity.
    pub level: FindingLevel,
    /// The first exchange that shows it.
    pub request: u64,
    /// The moment of that exchange.
    #[serde(serialize_with = "in_utc")]
    pub at: Timestamp,
    /// The method of that request.
    pub method: String,
    /// Path and query of that request, without tokens.
    pub target: String,
    /// The mistaken text or behaviour.
    pub sent: String,
    /// The probable intention, if it can be guessed.
    pub meant: Option<String>,
    /// The reason why it is a mistake.
    pub why: String,
    /// The source.
    pub source: Source,
    /// The number of times it occurred.
    pub count: u64,
    /// The exchanges that show it, at most twenty.
    pub requests: Vec<u64>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // The signature that serde requires.
fn in_utc<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.to_text(UtcOffset::UTC))
}

/// A judge of the client of one world.
#[derive(Debug, Default, Clone)]
pub struct Judge {
    sheet: Sheet,
    history: History,
    walks: Walks,
    tally: coverage::Tally,
    /// Ids of mistakes that are left out of every report.
    forgiven: BTreeSet<&'static str>,
}

impl Judge {
    /// Judges an exchange, and returns the number of new findings. Paths outside of the API are
    /// ignored.
    pub fn see(&mut self, seen: &Seen<'_>) -> usize {
        let before = self.sheet.findings().len();
        let path = urlencoded::decode_path(seen.request.uri().path());
        if !path.starts_with("/api/") {
            return 0;
        }
        let status = seen.response.map(|response| response.status().as_u16());
        if address::judge_host(seen, &path, &mut self.sheet) {
            self.tally.count_unrouted(seen.rule.as_ref(), status);
        } else if let Some(exchange) = Exchange::of(seen, &path) {
            self.judge(&exchange);
        } else {
            address::judge_unrouted(seen, &path, &mut self.sheet);
            self.tally.count_unrouted(seen.rule.as_ref(), status);
        }
        self.sheet.findings().len() - before
    }

    fn judge(&mut self, exchange: &Exchange<'_>) {
        let sheet = &mut self.sheet;
        address::judge(exchange, sheet);
        // For a method that the path does not allow, the service reads nothing of the request.
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

    /// Mistakes that show only at the end: page walks that stopped early. The judge is not
    /// changed, so the client may go on.
    pub fn finish(&self, at: Timestamp) -> Vec<Finding> {
        let mut sheet = Sheet::default();
        self.walks.finish(&mut sheet);
        let mut findings = sheet.into_findings();
        for finding in &mut findings {
            finding.at = at;
        }
        findings
    }

    /// All findings, if this is the end: those of the requests in their order, then those of
    /// [`finish`](Self::finish).
    pub fn findings(&self, at: Timestamp) -> Vec<Finding> {
        let mut findings = self.sheet.findings().to_vec();
        findings.extend(self.finish(at));
        findings.retain(|finding| !self.forgiven.contains(finding.id));
        findings
    }

    /// The number of findings beyond the limit of a thousand, which are counted but not kept.
    pub fn left_out(&self) -> u64 {
        self.sheet.left_out()
    }

    /// The coverage of the contract.
    pub fn coverage(&self) -> Coverage {
        self.tally.coverage()
    }

    /// Findings and coverage together, under the name of the client's world.
    pub fn verdict(&self, world: impl Into<String>, at: Timestamp) -> WorldVerdict {
        WorldVerdict {
            world: world.into(),
            findings: self.findings(at),
            left_out: self.left_out(),
            coverage: self.coverage(),
        }
    }

    /// Leaves a mistake out of every report, past and future.
    pub fn forgive(&mut self, mistake: &Mistake) {
        self.forgiven.insert(mistake.id);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Returns `true` if a request by this method changes nothing.
fn is_safe(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS].contains(method)
}
