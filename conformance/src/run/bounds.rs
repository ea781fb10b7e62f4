//! Keeps a report small: of many findings with one difference only the first few and the last keep
//! their exchanges, and all exchanges together are limited.

use std::collections::BTreeMap;

use crate::model::finding::{Finding, Record};
use crate::model::outcome::CheckReport;

/// Findings of one difference that keep their exchanges, in addition to the last.
const FIRST: usize = 3;

/// Bytes of all exchanges and bodies in a report. Escaped, and with the commands that repeat
/// requests, they take up to three times that space.
const ROOM: usize = 1_200_000;

/// Pointers that a finding keeps.
const POINTERS: usize = 20;

/// Characters of a finding's sentence that are kept.
const SENTENCE: usize = 2_000;

/// Findings of a check that are kept.
const FINDINGS: usize = 400;

/// Removes exchanges from findings that show the same as others, and cuts the rest to the limits.
pub fn bound(checks: &mut [CheckReport]) {
    for check in checks.iter_mut() {
        check.findings.truncate(FINDINGS);
        check.findings.iter_mut().for_each(shorten);
    }
    let mut places: BTreeMap<String, Vec<(usize, usize)>> = BTreeMap::new();
    for (at, check) in checks.iter().enumerate() {
        for (position, finding) in check.findings.iter().enumerate() {
            places
                .entry(key(check, finding))
                .or_default()
                .push((at, position));
        }
    }
    let mut kept: Vec<(usize, usize)> = Vec::new();
    for round in 0..=FIRST {
        for of_one in places.values() {
            let place = if round < FIRST {
                of_one.get(round)
            } else {
                of_one.last()
            };
            kept.extend(place.filter(|place| !kept.contains(place)).copied());
        }
    }
    let mut left = ROOM;
    let mut fits: Vec<(usize, usize)> = Vec::new();
    for (at, position) in kept {
        let size = size(&checks[at].findings[position]);
        if size <= left {
            left -= size;
            fits.push((at, position));
        }
    }
    fits.sort_unstable();
    for (at, check) in checks.iter_mut().enumerate() {
        for (position, finding) in check.findings.iter_mut().enumerate() {
            if fits.binary_search(&(at, position)).is_err() {
                strip(finding);
            }
        }
    }
}

/// Returns a key that findings of one difference share.
fn key(check: &CheckReport, finding: &Finding) -> String {
    match &finding.difference {
        Some(difference) => difference.ids.join(" "),
        None => format!("{} {}", check.id, finding.summary),
    }
}

fn shorten(finding: &mut Finding) {
    finding.at.truncate(POINTERS);
    if finding.summary.len() > SENTENCE {
        finding.summary = crate::model::finding::cut(&finding.summary, SENTENCE).into_owned();
    }
}

/// Removes everything from a finding but its sentence.
fn strip(finding: &mut Finding) {
    finding.exchanges = Vec::new();
    let is_long = |side: &Option<String>| side.as_ref().is_some_and(|side| side.len() > SENTENCE);
    if is_long(&finding.expected) || is_long(&finding.got) {
        finding.expected = None;
        finding.got = None;
    }
}

fn size(finding: &Finding) -> usize {
    let sides = [&finding.expected, &finding.got].into_iter().flatten();
    let sides: usize = sides.map(String::len).sum();
    finding.exchanges.iter().map(size_of).sum::<usize>() + 2 * sides
}

fn size_of(record: &Record) -> usize {
    let headers = record
        .request_headers
        .iter()
        .chain(&record.response_headers);
    let headers: usize = headers.map(|(name, value)| name.len() + value.len()).sum();
    let body = record
        .response_body
        .as_ref()
        .map_or(0, |body| body.shown().len());
    headers + body + record.request_body.shown().len() + record.url.len() + record.curl.len()
}
