//! Findings grouped by what explains them.

use bytes::Bytes;
use http::{Request, Response};
use whippy_conformance::model::cause::{Cause, Difference};
use whippy_conformance::model::finding::{Exchange, Finding, Level, Record, Secrets, Source};
use whippy_conformance::model::outcome::{CheckReport, Outcome, Safety};
use whippy_conformance::run::bounds::bound;
use whippy_conformance::run::causes::{group, mark_known};

fn difference(ids: &[&str], alternatives: &[&str]) -> Difference {
    let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    Difference {
        operation: ids[0].split('/').next().unwrap().to_owned(),
        ids: owned(ids),
        alternatives: owned(alternatives),
        sentence: format!("{} differs", ids[0]),
    }
}

fn shows(check: &str, difference: Difference) -> CheckReport {
    let source = Source {
        section: "Stock".to_owned(),
        quote: "stock".to_owned(),
    };
    CheckReport {
        outcome: Outcome::Fail,
        findings: vec![Finding {
            difference: Some(difference),
            ..Finding::new(Level::Must, "expected 1, got 2")
        }],
        ..CheckReport::passed(check, "A check", Level::Must, source, Safety::Read)
    }
}

fn ids(causes: &[Cause]) -> Vec<&str> {
    causes.iter().map(|cause| cause.id.as_str()).collect()
}

#[test]
fn one_difference_is_one_cause_however_many_checks_show_it() {
    let status = || difference(&["create-stock/200-for-201"], &[]);
    let mut checks = vec![shows("a/1", status()), shows("a/2", status())];
    let causes = group(&mut checks);
    assert_eq!(ids(&causes), ["create-stock/200-for-201"]);
    assert_eq!(causes[0].checks, ["a/1", "a/2"]);
    assert_eq!(checks[1].findings[0].causes, ["create-stock/200-for-201"]);
}

#[test]
fn what_an_established_cause_explains_makes_none_of_its_own() {
    let mut checks = vec![
        shows(
            "a/later",
            difference(
                &["list-stocks/member-reserved_stock"],
                &["increase-reserved-stock/member-reserved_stock"],
            ),
        ),
        shows(
            "a/itself",
            difference(&["increase-reserved-stock/member-reserved_stock"], &[]),
        ),
    ];
    let causes = group(&mut checks);
    assert_eq!(
        ids(&causes),
        ["increase-reserved-stock/member-reserved_stock"]
    );
    assert_eq!(causes[0].checks, ["a/later", "a/itself"]);
}

#[test]
fn of_two_members_the_one_that_is_known_to_differ_explains_no_other() {
    let (stock, unit) = ("list-stocks/member-stock", "list-stocks/member-unit_type");
    let mut checks = vec![
        shows("a/both", difference(&[stock, unit], &[])),
        shows("a/one", difference(&[stock], &[])),
    ];
    let causes = group(&mut checks);
    assert_eq!(ids(&causes), [stock, unit]);
    assert_eq!(checks[0].findings[0].causes, [stock, unit]);
}

#[test]
fn what_many_operations_have_in_common_is_one_cause_that_names_each() {
    let operations = ["create-stock", "list-stocks", "upsert-stocks"];
    let mut checks: Vec<_> = operations
        .iter()
        .map(|operation| {
            let id = format!("{operation}/member-created_date");
            shows(&format!("a/{operation}"), difference(&[&id], &[]))
        })
        .collect();
    let causes = group(&mut checks);
    assert_eq!(ids(&causes), ["several-operations/member-created_date"]);
    assert_eq!(causes[0].differences.len(), 3);
}

#[test]
fn a_check_that_a_known_cause_blocks_is_known_as_well() {
    let status = || difference(&["create-stock/400-for-201.sku"], &[]);
    let mut blocked = shows("a/blocked", status());
    blocked.findings.clear();
    blocked.outcome = Outcome::SetupFailed;
    blocked.blocked_by = Some(status());
    let mut checks = vec![shows("a/shown", status()), blocked];
    let mut causes = group(&mut checks);
    assert_eq!(causes[0].blocked, ["a/blocked"]);
    mark_known(&mut causes, &mut checks, |id| {
        id == "create-stock/400-for-201.sku"
    });
    assert!(checks.iter().all(|check| check.known));
    mark_known(&mut causes, &mut checks, |id| {
        id == "create-stock/200-for-201"
    });
    assert!(checks.iter().all(|check| !check.known));
}

#[test]
fn of_many_findings_alike_the_first_and_the_last_keep_their_exchanges() {
    let exchange = Exchange {
        step: "list".to_owned(),
        request: Request::get("http://localhost/api/v1/stocks/")
            .body(Bytes::new())
            .unwrap(),
        answer: Ok(Response::new(Bytes::from("x".repeat(5_000)))),
    };
    let record = Record::new(&exchange, &Secrets::default());
    let mut checks: Vec<_> = (0..1_000)
        .map(|at| {
            let mut check = shows(
                &format!("a/{at}"),
                difference(&["list-stocks/member-stock"], &[]),
            );
            check.findings[0].exchanges = vec![record.clone()];
            check
        })
        .collect();
    bound(&mut checks);
    let kept: Vec<_> = checks
        .iter()
        .enumerate()
        .filter(|(_, check)| !check.findings[0].exchanges.is_empty())
        .map(|(at, _)| at)
        .collect();
    assert_eq!(kept, [0, 1, 2, 999]);
}
