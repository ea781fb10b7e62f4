//! Tests of both clients. All assertions about the wrong one succeed, and the mock still reports
//! its mistakes.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use rstest::{fixture, rstest};
use serde_json::json;
use whippy_engine::findings::FindingLevel;
use whippy_mock::embed::{MockServer, MockWorld};
use whippy_mock::worlds::journal::Wanted;

use crate::right::{CallError, TRIES};
use crate::{LOCATION, SKU, erp, right, wrong};

const TOKEN: &str = "a-token";
const ORDERED_AT: &str = "2023-05-10T12:00:00+00:00";

/// A reservation whose answer is lost after the piece was reserved.
const LOST_ANSWER: &str = r#"{"rules": [{
    "name": "lost-answer",
    "match": {"operation": "increase-reserved-stock"},
    "fault": {"kind": "reset"}, "when": "after", "times": 1
}]}"#;

/// Starts a service for one test.
#[fixture]
async fn mock() -> MockServer {
    let mock = MockServer::builder().world("demo").token(TOKEN);
    mock.start().await.unwrap()
}

fn wrong(world: &MockWorld<'_>) -> wrong::StockClient {
    wrong::StockClient::new(&world.url(), TOKEN)
}

/// Creates the right client, without pauses between its attempts.
fn right(world: &MockWorld<'_>) -> right::StockClient {
    right::StockClient::new(&world.url(), TOKEN, Duration::ZERO)
}

/// Returns the statuses of the answers to an operation; `None` where there was none.
fn statuses(world: &MockWorld<'_>, operation: &str) -> Vec<Option<u16>> {
    let wanted = Wanted {
        operation: Some(operation.to_owned()),
        ..Wanted::default()
    };
    let asked = world.journal(&wanted);
    let answers = asked.iter().map(|exchange| exchange.answer.as_ref());
    answers
        .map(|answer| answer.map(|answer| answer.status))
        .collect()
}

/// Returns the ids of the mistakes that the mock reports.
fn mistakes(world: &MockWorld<'_>) -> Vec<&'static str> {
    let mut ids: Vec<_> = world.findings().iter().map(|found| found.id).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

#[rstest]
#[tokio::test]
async fn the_wrong_client_takes_a_page_for_all_and_sends_row_by_row(
    #[future(awt)] mock: MockServer,
) {
    let world = mock.default_world();
    assert_eq!(wrong(&world).sync(&erp::items(20)).await.unwrap(), 20);
    assert_eq!(mistakes(&world), ["row-by-row-upsert", "unread-pages"]);
}

#[rstest]
#[tokio::test]
async fn the_wrong_client_filters_by_what_is_no_filter(#[future(awt)] mock: MockServer) {
    let world = mock.default_world();
    let found = wrong(&world).plentiful(100).await.unwrap();
    assert!(found.iter().any(|row| row["sku"] == SKU));
    assert_eq!(mistakes(&world), ["unknown-parameter"]);
}

#[rstest]
#[tokio::test]
async fn the_wrong_client_may_reserve_twice(#[future(awt)] mock: MockServer) {
    let world = mock.default_world();
    world.set_faults(LOST_ANSWER.as_bytes()).unwrap();
    assert!(wrong(&world).reserve(SKU, LOCATION).await.unwrap());
    assert_eq!(mistakes(&world), ["undated-reservation", "undated-retry"]);
}

#[rstest]
#[tokio::test]
async fn the_wrong_client_goes_on_asking_for_what_is_done(#[future(awt)] mock: MockServer) {
    let world = mock.default_world();
    let released = wrong(&world).release("KZ5001-KREM-STD", LOCATION).await;
    assert!(!released.unwrap());
    assert_eq!(
        mistakes(&world),
        ["repeated-after-reported", "undated-reservation"]
    );
}

#[rstest]
#[tokio::test]
async fn the_wrong_client_repeats_what_was_refused(#[future(awt)] mock: MockServer) {
    let world = mock.default_world();
    let body = json!({"sku": SKU});
    let refused = wrong(&world)
        .call(Method::POST, "insert_or_update_stock/", Some(&body))
        .await;
    assert_eq!(refused.unwrap_err().status(), Some(StatusCode::BAD_REQUEST));
    assert_eq!(mistakes(&world), ["repeated-bad-request"]);
}

#[rstest]
#[tokio::test]
async fn a_sync_sends_what_is_new_in_batches(#[future(awt)] mock: MockServer) {
    let world = mock.default_world();
    let client = right(&world);
    let mut items = erp::items(250);
    assert_eq!(client.sync(&items).await.unwrap(), 250);
    assert_eq!(statuses(&world, "upsert-stocks"), [Some(200); 3]);
    assert_eq!(client.sync(&items).await.unwrap(), 0);
    items[0].pieces = 99;
    assert_eq!(client.sync(&items).await.unwrap(), 1);
    assert_eq!(statuses(&world, "upsert-stocks").len(), 4);
    assert_eq!(world.coverage().whole_walks, 3);
    world.assert_no_findings(FindingLevel::Note);
}

#[rstest]
#[tokio::test]
async fn plentiful_stocks_are_found(#[future(awt)] mock: MockServer) {
    let world = mock.default_world();
    let found = right(&world).plentiful(100).await.unwrap();
    assert!(found.iter().any(|row| row["sku"] == SKU));
    assert!(found.iter().all(|row| row["stock"].as_i64() > Some(100)));
    world.assert_no_findings(FindingLevel::Note);
}

async fn reserved(client: &right::StockClient) -> i64 {
    let query = [("sku", SKU), ("location", LOCATION)];
    let rows = client.stocks(&query).await.unwrap();
    rows[0]["reserved_stock"].as_i64().unwrap()
}

#[rstest]
#[tokio::test]
async fn a_reservation_outlives_a_lost_answer(#[future(awt)] mock: MockServer) {
    let world = mock.default_world();
    let client = right(&world);
    let before = reserved(&client).await;
    world.set_faults(LOST_ANSWER.as_bytes()).unwrap();
    client.reserve(SKU, LOCATION, ORDERED_AT).await.unwrap();
    assert_eq!(
        statuses(&world, "increase-reserved-stock"),
        [None, Some(208)]
    );
    assert_eq!(reserved(&client).await, before + 1);
    world.assert_no_findings(FindingLevel::Note);
}

#[rstest]
#[tokio::test]
async fn a_release_counts_once(#[future(awt)] mock: MockServer) {
    let world = mock.default_world();
    let client = right(&world);
    client.reserve(SKU, LOCATION, ORDERED_AT).await.unwrap();
    let before = reserved(&client).await;
    for _ in 0..2 {
        client.release(SKU, LOCATION, ORDERED_AT).await.unwrap();
    }
    assert_eq!(
        statuses(&world, "decrease-reserved-stock"),
        [Some(201), Some(208)]
    );
    assert_eq!(reserved(&client).await, before - 1);
    world.assert_no_findings(FindingLevel::Note);
}

#[rstest]
#[tokio::test]
async fn what_is_refused_is_an_error_at_once(#[future(awt)] mock: MockServer) {
    let world = mock.default_world();
    let url = format!("{}/api/v1/stocks/insert_or_update_stock/", world.url());
    let body = json!({"sku": SKU});
    let refused = right(&world).call(Method::POST, &url, Some(&body)).await;
    assert!(matches!(
        refused,
        Err(CallError::Refused(StatusCode::BAD_REQUEST, _))
    ));
    assert_eq!(statuses(&world, "upsert-stocks"), [Some(400)]);
}

#[rstest]
#[tokio::test]
async fn a_service_that_stays_away_is_given_up(#[future(awt)] mock: MockServer) {
    let world = mock.default_world();
    world.set_faults_preset("maintenance").unwrap();
    let given_up = right(&world).reserve(SKU, LOCATION, ORDERED_AT).await;
    assert!(matches!(given_up, Err(CallError::Unavailable(_))));
    assert_eq!(
        statuses(&world, "increase-reserved-stock").len(),
        TRIES as usize
    );
}
