//! The report as text, for readers of a job's log.

use std::fmt::Write as _;

use super::super::{Coverage, Finding};
use super::{
    WorldVerdict, by_level, counts, documented, left_out, lines, many, missing, one_line, requests,
};

/// The report as text. Worlds without findings are only counted, and the unmet part of the
/// contract is listed once for all of them.
pub fn write(worlds: &[WorldVerdict]) -> String {
    let mut text = String::new();
    if worlds.is_empty() {
        return "no world got a request\n".to_owned();
    }
    if let [only] = worlds {
        world(&mut text, only);
        met(&mut text, &only.coverage);
        return text;
    }
    let mut clean = 0;
    for verdict in worlds {
        if verdict.findings.is_empty() {
            clean += 1;
        } else {
            world(&mut text, verdict);
            text.push('\n');
        }
    }
    if clean > 0 {
        let _ = writeln!(text, "{} without findings", many(clean, "world"));
    }
    let all = Coverage::joined(worlds.iter().map(|world| &world.coverage));
    let _ = writeln!(text, "all {}:", many(worlds.len() as u64, "world"));
    met(&mut text, &all);
    text
}

/// The coverage of all worlds together as text.
pub(super) fn coverage(worlds: &[WorldVerdict]) -> String {
    let all = Coverage::joined(worlds.iter().map(|world| &world.coverage));
    let mut text = match worlds {
        [only] => format!("world {}:\n", one_line(&only.world)),
        worlds => format!("all {}:\n", many(worlds.len() as u64, "world")),
    };
    met(&mut text, &all);
    text
}

fn world(text: &mut String, verdict: &WorldVerdict) {
    for finding in by_level(&verdict.findings) {
        write_finding(text, finding);
        text.push('\n');
    }
    let name = one_line(&verdict.world);
    let _ = writeln!(text, "world {name}: {}", counts(&verdict.findings));
    if let Some(sentence) = left_out(verdict) {
        let _ = writeln!(text, "  {sentence}");
    }
}

/// Writes the part of the contract that was met, and the documented responses that were not.
fn met(text: &mut String, coverage: &Coverage) {
    let (met, all) = coverage.rules_met();
    let _ = writeln!(
        text,
        "  met: {}, {met} of {all} rules",
        documented(coverage)
    );
    let missing = missing(coverage);
    if !missing.is_empty() {
        let _ = writeln!(text, "  not met: {}", missing.join(", "));
    }
    if coverage.whole_walks == 0 {
        let _ = writeln!(text, "  not met: a list of several pages, read to its end");
    }
}

/// Writes one finding.
pub(super) fn write_finding(text: &mut String, finding: &Finding) {
    let _ = writeln!(
        text,
        "{} {}: {} {} ({})",
        finding.level,
        finding.id,
        one_line(&finding.method),
        one_line(&finding.target),
        requests(finding)
    );
    for (name, says) in lines(finding) {
        let _ = writeln!(text, "  {:8}{}", format!("{name}:"), one_line(&says));
    }
}
