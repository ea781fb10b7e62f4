//! The derived defects: their names, their statements, and their effects.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::Request;
use whippy_engine::assets;
use whippy_engine::backend::{InMemory, Seed};
use whippy_engine::clock::ClockMode;
use whippy_engine::defects::derived::{DERIVED, STATEMENTS, defects};
use whippy_engine::defects::{DEFECT_HEADER, Defects, Delivery, find, named};
use whippy_engine::endpoints::call::Settings;
use whippy_engine::members::STOCK;
use whippy_engine::model::time::Timestamp;
use whippy_engine::store::Store;
use whippy_engine::store::world::World;

use crate::api::{STOCKS, request};

fn service() -> InMemory {
    let world = assets::world("documented").unwrap();
    let world = World::from_json(world.as_bytes()).unwrap();
    InMemory::new(Seed {
        settings: Settings::default(),
        store: Store::load(&world).unwrap(),
        clock: ClockMode::Real,
    })
}

fn answer(name: &str, request: &Request<Bytes>) -> (u16, bool, serde_json::Value) {
    let defects = Defects::new([named(name).unwrap()]);
    let Delivery::Answer(reply) = defects.answer(&service(), request, || Timestamp::EPOCH) else {
        panic!("{name}: no answer");
    };
    let marked = reply.response.headers().contains_key(DEFECT_HEADER);
    let body = serde_json::from_slice(reply.response.body()).unwrap_or_default();
    (reply.response.status().as_u16(), marked, body)
}

#[test]
fn there_are_thousands_with_names_of_their_own() {
    assert!(DERIVED.len() > 3_000, "{}", DERIVED.len());
    let mut seen = BTreeSet::new();
    for derived in DERIVED.iter() {
        assert!(
            seen.insert(&derived.name),
            "{} is there twice",
            derived.name
        );
        assert!(derived.about.ends_with('.'), "{}", derived.name);
        assert!(!derived.name.contains(' '), "{}", derived.name);
    }
}

#[test]
fn each_is_found_by_its_name_and_breaks_a_statement_that_is_listed() {
    for (derived, defect) in DERIVED.iter().zip(defects()) {
        assert_eq!(
            find(&derived.name).map(|found| found.name),
            Some(defect.name)
        );
        assert!(STATEMENTS.contains(&derived.statement), "{}", derived.name);
    }
}

#[test]
fn a_shown_stock_has_the_members_of_the_table_in_their_order() {
    let (_, _, page) = answer(
        "derived/create-stock/201/sku/null",
        &request("GET", STOCKS, &[], ""),
    );
    let shown: Vec<_> = page["results"][0].as_object().unwrap().keys().collect();
    let table: Vec<_> = STOCK.iter().map(|member| member.name).collect();
    assert_eq!(shown, table);
}

#[test]
fn a_derived_defect_changes_its_member_and_is_named_in_the_answer() {
    let asked = request("GET", STOCKS, &[], "");
    let (status, marked, page) = answer("derived/list-stocks/200/sku/null", &asked);
    assert_eq!((status, marked), (200, true));
    assert!(page["results"][0]["sku"].is_null());
}

#[test]
fn a_derived_defect_of_another_operation_changes_nothing() {
    let asked = request("GET", STOCKS, &[], "");
    let (status, marked, page) = answer("derived/stock-query/200/sku/null", &asked);
    assert_eq!((status, marked), (200, false));
    assert!(page["results"][0]["sku"].is_string());
}

#[test]
fn an_unknown_name_is_told_with_the_nearest() {
    let why = named("derived/list-stocks/200/sku/nul")
        .unwrap_err()
        .to_string();
    assert!(why.contains("derived/list-stocks/200/sku/null"), "{why}");
}
