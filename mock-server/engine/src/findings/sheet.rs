//! The findings of one client. Equal ones are folded into the first, and their number is
//! bounded.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use http::{Method, Uri};

use super::mistakes::Mistake;
use super::{Finding, Seen};
use crate::model::time::Timestamp;

/// The most findings that are kept; folded ones count once.
pub(super) const MOST_FINDINGS: usize = 1000;

/// The most requests that a finding lists; further ones are only counted.
pub(super) const MOST_REQUESTS: usize = 20;

/// The most characters of each text of a finding.
const LONGEST: usize = 300;

/// The texts of one finding.
pub(super) struct Said {
    pub(super) sent: String,
    pub(super) meant: Option<String>,
    pub(super) why: String,
}

/// The request of a finding, kept for when the exchange itself is gone.
#[derive(Debug, Clone)]
pub(super) struct Trace {
    pub(super) request: u64,
    pub(super) at: Timestamp,
    pub(super) method: Method,
    pub(super) target: String,
}

impl Trace {
    pub(super) fn of(seen: &Seen<'_>) -> Self {
        Self {
            request: seen.id,
            at: seen.at,
            method: seen.request.method().clone(),
            target: target(seen.request.uri()),
        }
    }
}

/// The findings so far.
#[derive(Debug, Default, Clone)]
pub(super) struct Sheet {
    findings: Vec<Finding>,
    /// Indexes into `findings`, by a hash of mistake, path and subject.
    places: HashMap<u64, usize>,
    left_out: u64,
}

impl Sheet {
    pub(super) fn findings(&self) -> &[Finding] {
        &self.findings
    }

    pub(super) fn into_findings(self) -> Vec<Finding> {
        self.findings
    }

    /// The number of mistakes beyond [`MOST_FINDINGS`].
    pub(super) fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Records a mistake. Mistakes of one kind about the same subject (a parameter's name, say)
    /// at the same path are one finding, which shows the first of them.
    pub(super) fn note(
        &mut self,
        mistake: &'static Mistake,
        (path, subject): (&str, &str),
        request: u64,
        trace: impl FnOnce() -> Trace,
        say: impl FnOnce() -> Said,
    ) {
        let mut hasher = DefaultHasher::new();
        (mistake.id, path, subject).hash(&mut hasher);
        let key = hasher.finish();
        if let Some(&at) = self.places.get(&key) {
            let finding = &mut self.findings[at];
            finding.count += 1;
            if finding.requests.len() < MOST_REQUESTS && finding.requests.last() != Some(&request) {
                finding.requests.push(request);
            }
            return;
        }
        if self.findings.len() == MOST_FINDINGS {
            self.left_out += 1;
            return;
        }
        let Trace {
            at, method, target, ..
        } = trace();
        let Said { sent, meant, why } = say();
        self.places.insert(key, self.findings.len());
        self.findings.push(Finding {
            id: mistake.id,
            level: mistake.level,
            request,
            at,
            method: method.as_str().to_owned(),
            target,
            sent: cut(sent),
            meant: meant.map(cut),
            why: cut(why),
            source: mistake.source,
            count: 1,
            requests: vec![request],
        });
    }
}

/// Cuts a text to [`LONGEST`] characters.
fn cut(mut text: String) -> String {
    // A text has at most as many characters as bytes, so a short one needs no counting.
    if text.len() > LONGEST
        && let Some((end, _)) = text.char_indices().nth(LONGEST)
    {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Parameter names that clients use for a token.
const TOKEN_NAMES: &[&str] = &[
    "api_token",
    "token",
    "api_key",
    "apikey",
    "access_token",
    "auth_token",
    "authorization",
];

/// Returns `true` if a parameter of this name holds a token.
pub(super) fn names_a_token(name: &str) -> bool {
    TOKEN_NAMES
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name))
}

/// The path and query as sent, with the values of tokens replaced by `…`.
fn target(uri: &Uri) -> String {
    let Some(query) = uri.query() else {
        return cut(uri.path().to_owned());
    };
    let mut target = String::with_capacity(uri.path().len() + 1 + query.len());
    target.push_str(uri.path());
    let mut mark = '?';
    for pair in query.split('&') {
        target.push(mark);
        mark = '&';
        match pair.split_once('=') {
            Some((name, _)) if names_a_token(name) => {
                target.push_str(name);
                target.push_str("=…");
            }
            _ => target.push_str(pair),
        }
    }
    cut(target)
}
