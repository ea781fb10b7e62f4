//! JSON, as `schemas/findings.schema.json` describes it.

use serde::Serialize;

use super::super::{Coverage, Finding, FindingLevel};
use super::WorldVerdict;

#[derive(Serialize)]
struct Report<'a> {
    /// The version of this format.
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
    coverage: &'a Coverage,
}

/// The report as JSON.
pub fn write(worlds: &[WorldVerdict]) -> String {
    let report = Report {
        format: 1,
        worst: worlds.iter().filter_map(WorldVerdict::worst).max(),
        percent: Coverage::joined(worlds.iter().map(|world| &world.coverage)).percent(),
        worlds: worlds.iter().map(world).collect(),
    };
    let mut text = serde_json::to_string_pretty(&report).unwrap_or_default();
    text.push('\n');
    text
}

fn world(verdict: &WorldVerdict) -> World<'_> {
    World {
        name: &verdict.world,
        worst: verdict.worst(),
        findings: &verdict.findings,
        left_out: verdict.left_out,
        percent: verdict.coverage.percent(),
        coverage: &verdict.coverage,
    }
}
