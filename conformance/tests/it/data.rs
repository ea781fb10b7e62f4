//! The cases, the documents and the examples agree.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use whippy_conformance::contract::Contract;
use whippy_conformance::model::outcome::Outcome;
use whippy_conformance::run::catalogue;
use whippy_engine::assets;

use crate::support::{in_process, line, options, run_checks};

fn document(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    std::fs::read_to_string(root.join(path)).unwrap()
}

#[test]
fn every_case_file_fits_the_schema_of_the_format() {
    let (_, schema) = assets::SCHEMAS
        .iter()
        .find(|(file, _)| *file == "cases.schema.json")
        .unwrap();
    let schema: Value = serde_json::from_str(schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (file, yaml) in assets::CASES {
        let cases: Value = serde_saphyr::from_str(yaml).unwrap();
        let errors: Vec<_> = validator
            .iter_errors(&cases)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{file}: {errors:#?}");
    }
    // A schema that accepts anything would prove nothing.
    assert!(!validator.is_valid(&serde_json::json!({"cases": [{"id": "a/b"}]})));
}

#[test]
fn the_worked_example_loads_and_passes() {
    let text = document("docs/cases.md");
    let (_, example) = text
        .split_once("<!-- case: worked example -->\n```yaml\n")
        .unwrap();
    let (yaml, _) = example.split_once("```").unwrap();
    let contract = Contract::embedded().unwrap();
    let mut checks = catalogue::from_cases("example.yaml", yaml, &contract).unwrap();
    checks.extend(catalogue::built_in(&contract).unwrap());
    let outcomes = run_checks(in_process("demo"), contract, &checks, &options(), &|_| true);
    let mut ran = outcomes.ran.checks.iter();
    let example = ran
        .find(|check| check.id == "warehouse/a-count-keeps-the-reservations")
        .unwrap();
    assert_eq!(example.outcome, Outcome::Pass, "{}", line(example));
}

/// Returns every `--flag` after `whippy-conformance` in a text.
fn flags(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    words
        .filter(|word| word.len() > 2 && word.starts_with("--") && !word.starts_with("---"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_documents_name_only_flags_that_there_are() {
    let help = [
        "run",
        "clean-up",
        "list",
        "explain",
        "coverage",
        "diff",
        "watch",
        "check-har",
    ]
    .map(|command| {
        let output = Command::new(env!("CARGO_BIN_EXE_whippy-conformance"))
            .args([command, "--help"])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    });
    let mut known = flags(&help.concat());
    // These are flags of Cargo.
    known.extend(["--release", "--locked"].map(str::to_owned));
    for path in [
        "docs/cases.md",
        "docs/live-services.md",
        "docs/watch.md",
        "docs/examples/github-actions.yml",
        "docs/examples/gitlab-ci.yml",
    ] {
        let unknown: Vec<_> = flags(&document(path)).difference(&known).cloned().collect();
        assert!(unknown.is_empty(), "{path}: {unknown:?}");
    }
}

#[test]
fn the_pipelines_parse_and_run_the_runner() {
    let pipeline: Value =
        serde_saphyr::from_str(&document("docs/examples/github-actions.yml")).unwrap();
    let steps = pipeline["jobs"]["conformance"]["steps"].as_array().unwrap();
    let runs: Vec<_> = steps
        .iter()
        .filter_map(|step| step["run"].as_str())
        .collect();
    assert!(
        runs.iter()
            .any(|run| run.contains("whippy-conformance run"))
    );
    let pipeline: Value = serde_saphyr::from_str(&document("docs/examples/gitlab-ci.yml")).unwrap();
    let script = pipeline["whippy-contract"]["script"].as_array().unwrap();
    let runs: Vec<_> = script.iter().filter_map(Value::as_str).collect();
    assert!(
        runs.iter()
            .any(|run| run.contains("whippy-conformance run"))
    );
}

#[test]
fn the_suite_exercises_the_whole_contract() {
    let output = Command::new(env!("CARGO_BIN_EXE_whippy-conformance"))
        .arg("coverage")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let complete = said.lines().filter(|line| line.ends_with("100 %")).count();
    assert_eq!(complete, 4, "{said}");
    assert!(!said.contains("not met"), "{said}");
}
