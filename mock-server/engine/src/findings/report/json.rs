//! The report as JSON, as `schemas/findings.schema.json` describes it.

use std::borrow::Cow;

use serde::Serialize;

use super::super::{Coverage, Finding, FindingLevel};
use super::WorldVerdict;

#[derive(Serialize)]
struct Report<'a> {
    /// The version of the format.
    format: u32,
    worst: Option<FindingLevel>,
    percent: f64,
    worlds: Vec<World<'a>>,
}

#[derive(Serialize)]
struct World<'a> {
    #[serde(rename = "world")]
    name: &'a str,
    worst: Option<FindingLevel>,
    findings: &'a [Finding],
    left_out: u64,
    percent: f64,
    coverage: Cow<'a, Coverage>,
}

/// The coverage without the findings.
#[derive(Serialize)]
struct CoverageReport<'a> {
    /// The version of the format.
    format: u32,
    percent: f64,
    worlds: Vec<WorldCoverage<'a>>,
}

#[derive(Serialize)]
struct WorldCoverage<'a> {
    #[serde(rename = "world")]
    name: &'a str,
    percent: f64,
    coverage: &'a Coverage,
}

/// The report as JSON.
pub fn write(worlds: &[WorldVerdict]) -> String {
    report(worlds, Cow::Borrowed)
}

/// The report as JSON, without the rules that no client has met.
pub fn short(worlds: &[WorldVerdict]) -> String {
    report(worlds, |coverage| {
        let mut met = coverage.clone();
        met.rules.retain(|rule| rule.count > 0);
        Cow::Owned(met)
    })
}

/// The coverage of the worlds as JSON, without the findings.
pub(super) fn coverage(worlds: &[WorldVerdict]) -> String {
    pretty(&CoverageReport {
        format: 1,
        percent: percent(worlds),
        worlds: worlds.iter().map(world_coverage).collect(),
    })
}

fn world_coverage(verdict: &WorldVerdict) -> WorldCoverage<'_> {
    WorldCoverage {
        name: &verdict.world,
        percent: verdict.coverage.percent(),
        coverage: &verdict.coverage,
    }
}

fn report<'a>(
    worlds: &'a [WorldVerdict],
    shown: impl Fn(&'a Coverage) -> Cow<'a, Coverage>,
) -> String {
    let world = |verdict: &'a WorldVerdict| World {
        name: &verdict.world,
        worst: verdict.worst(),
        findings: &verdict.findings,
        left_out: verdict.left_out,
        percent: verdict.coverage.percent(),
        coverage: shown(&verdict.coverage),
    };
    pretty(&Report {
        format: 1,
        worst: worlds.iter().filter_map(WorldVerdict::worst).max(),
        percent: percent(worlds),
        worlds: worlds.iter().map(world).collect(),
    })
}

/// The share of the documented responses that the clients together received, in percent.
fn percent(worlds: &[WorldVerdict]) -> f64 {
    Coverage::joined(worlds.iter().map(|world| &world.coverage)).percent()
}

fn pretty(report: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(report).unwrap_or_default();
    text.push('\n');
    text
}
