//! The first test of `docs/rust.md`, word for word.

use reqwest::{Client, StatusCode};
use serde_json::json;
use whippy_mock::embed::MockServer;
use whippy_mock::engine::findings::FindingLevel;

#[tokio::test]
async fn a_reservation_is_counted() {
    let mock = MockServer::builder().token("secret").start().await.unwrap();
    let url = format!("{}/api/v1/stocks/increase_reserved_stock/", mock.url());
    let response = Client::new()
        .post(url)
        .header("Authorization", "Token secret")
        .json(&json!({"sku": "555AB1300456213004", "location": "110"}))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    mock.default_world()
        .assert_no_findings(FindingLevel::Warning);
}
