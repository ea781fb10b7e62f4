//! Exploration beyond known differences: each is reported once, and others behind it are still
//! found.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use http::{Request, Response};
use whippy_conformance::explore::{Explored, explore};
use whippy_conformance::model::finding::Level;
use whippy_conformance::transport::target::{InProcess, Target, TargetError};
use whippy_engine::defects::{Defects, named};
use whippy_engine::profile::Profile;

use crate::explore::{options, session, unaided};
use crate::support;

/// The sentences of the stack, and those of a service with its own wording.
const WORDINGS: [(&str, &str); 12] = [
    ("This field is required.", "Bu alan zorunlu."),
    ("This field may not be null.", "Boş olamaz."),
    ("This field may not be blank.", "En az bir karakter girin."),
    ("A valid integer is required.", "Tam sayı girin."),
    ("Must be a valid boolean.", "Evet ya da hayır deyin."),
    ("is not a valid choice.", "seçeneklerden biri değil."),
    ("Stock already exists.", "Bu stok zaten var."),
    (
        "Location does not belong to provider.",
        "Yer bu sağlayıcının değil.",
    ),
    (
        "Ensure this field has no more than",
        "En fazla şu kadar karakter:",
    ),
    ("Ensure this value is", "Değer aralık dışında:"),
    ("Not found.", "Bulunamadı."),
    ("Enter a number.", "Sayı girin."),
];

/// A service whose refusals have another wording than the engine's.
struct Reworded(InProcess);

impl Target for Reworded {
    fn base(&self) -> &str {
        self.0.base()
    }

    fn send(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, TargetError> {
        let mut response = self.0.send(request)?;
        if response.status().as_u16() >= 400 {
            let mut body = String::from_utf8_lossy(response.body()).into_owned();
            for (stack, own) in WORDINGS {
                body = body.replace(stack, own);
            }
            let length = body.len().into();
            *response.body_mut() = body.into();
            let headers = response.headers_mut();
            headers.insert(http::header::CONTENT_LENGTH, length);
        }
        Ok(response)
    }
}

/// Explores a service with another wording and these defects.
fn explored(defects: &[&str]) -> Explored {
    let engine = support::engine("demo", Profile::default());
    let defects = defects.iter().map(|name| named(name).unwrap());
    let target = Arc::new(Reworded(engine.with_defects(Defects::new(defects))));
    let stop = AtomicBool::new(false);
    explore(&session(target), &options(5_000), unaided(&stop)).unwrap()
}

fn of_must(explored: &Explored) -> Vec<&str> {
    let differences = explored.differences.iter().map(|found| &found.difference);
    let must = differences.filter(|difference| difference.level == Level::Must);
    must.map(|difference| difference.summary.as_str()).collect()
}

#[test]
fn other_words_are_told_once_each_and_none_is_a_broken_promise() {
    let explored = explored(&[]);
    assert!(of_must(&explored).is_empty(), "{:#?}", of_must(&explored));
    let told: Vec<_> = explored
        .differences
        .iter()
        .map(|found| found.difference.summary.as_str())
        .collect();
    assert!(!told.is_empty());
    assert!(told.len() <= WORDINGS.len(), "{told:#?}");
    let different: BTreeSet<_> = told.iter().collect();
    assert_eq!(different.len(), told.len(), "{told:#?}");
}

#[test]
fn a_defect_behind_a_dozen_other_wordings_is_found() {
    for defect in [
        "increase-counts-two",
        "upsert-resets-reserved-stock",
        "decrease-sets-zero",
    ] {
        let explored = explored(&[defect]);
        assert!(!of_must(&explored).is_empty(), "{defect}");
    }
}

#[test]
fn one_defect_hides_no_other() {
    let explored = explored(&["create-answers-200", "decrease-sets-zero"]);
    let operations: BTreeSet<_> = explored
        .differences
        .iter()
        .filter(|found| found.difference.level == Level::Must)
        .filter_map(|found| found.difference.rule.split('/').next())
        .collect();
    assert!(operations.contains("create-stock"), "{operations:?}");
    assert!(
        operations.contains("decrease-reserved-stock"),
        "{operations:?}"
    );
}
