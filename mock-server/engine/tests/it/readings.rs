//! Every choice of every reading, as it shows in an answer.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};
use whippy_engine::assets;
use whippy_engine::profile::{Accepts, Profile, Reading};

use super::api::{
    ACTIVE, Api, DECREASE, INCREASE, MULTI_QUERY, QUERY, SALABLE, SKU, STOCKS, UPSERT, request,
    reservation, stock, store,
};

type Claim = fn(&mut Api);

/// A reading, a choice, and the behaviour that it has to show.
#[rustfmt::skip]
const CLAIMS: &[(&str, &str, Claim)] = &[
    ("already-reported", "replayed-date", a_replayed_date_changes_nothing),
    ("already-reported", "stale-date", a_date_before_the_last_write_changes_nothing),
    ("already-reported", "provider-opted-out", an_opted_out_provider_is_always_reported),
    ("already-reported", "never", a_replayed_date_counts_again),
    ("decrease-at-zero", "already-reported", |api| {
        api.post(DECREASE, &reservation()).status(208);
        assert_eq!(reserved(api), 0);
    }),
    ("decrease-at-zero", "floor", |api| {
        let before = modified(api);
        assert_eq!(api.post(DECREASE, &reservation()).status(201).json()["reserved_stock"], 0);
        assert_ne!(modified(api), before);
    }),
    ("decrease-at-zero", "negative", |api| {
        assert_eq!(api.post(DECREASE, &reservation()).status(201).json()["reserved_stock"], -1);
    }),
    ("reservation-without-stock", "not-found", |api| {
        api.post(INCREASE, &json!({"sku": "none", "location": "110"})).status(404).body(r#"{"detail":"Not found."}"#);
        api.post(INCREASE, &json!({"sku": SKU, "location": "nowhere"})).status(404);
    }),
    ("reservation-without-stock", "already-reported", |api| {
        api.post(INCREASE, &json!({"sku": "none", "location": "110"})).status(208).body(r#"{"message":"Already reported"}"#);
    }),
    ("reservation-arguments", "either", |api| {
        api.post(INCREASE, &reservation()).status(201);
        api.post(&in_query(INCREASE), &json!({})).status(201);
        // The body wins for each argument by itself.
        api.post(&format!("{INCREASE}?sku=none&location=110"), &json!({"sku": SKU})).status(201);
    }),
    ("reservation-arguments", "body", |api| {
        api.post(INCREASE, &reservation()).status(201);
        api.post(&in_query(INCREASE), &json!({})).status(400);
    }),
    ("reservation-arguments", "query", |api| {
        api.post(&in_query(INCREASE), &json!({"sku": "none"})).status(201);
        api.post(INCREASE, &reservation()).status(400);
    }),
    ("query-arguments", "either", |api| {
        assert_eq!(rows(&query_with_body(api)), 1);
        assert_eq!(rows(&api.get(&format!("{QUERY}?sku={SKU}")).status(200).json()), 1);
        let both = json!({"A": [], "B": []});
        for query in ["sku=A&sku=B", "sku=A,B"] {
            let got = api.get(&format!("{MULTI_QUERY}?{query}")).status(200).json();
            assert_eq!(got["Store_checkResult"], both, "{query}");
        }
    }),
    ("query-arguments", "body", |api| {
        assert_eq!(rows(&query_with_body(api)), 1);
        api.get(&format!("{QUERY}?sku={SKU}")).status(400);
    }),
    ("query-arguments", "query", |api| {
        let json = [("content-type", "application/json")];
        api.send(&request("GET", QUERY, &json, r#"{"sku":"x"}"#)).status(400);
        assert_eq!(rows(&api.get(&format!("{QUERY}?sku={SKU}")).status(200).json()), 1);
    }),
    ("provider-argument", "name", |api| {
        api.post(INCREASE, &json!({"sku": SKU, "location": "110", "provider": "1"})).status(404);
        assert_eq!(count(api, "provider=1"), 0);
        assert_eq!(count(api, "provider=shop_provider"), 3);
    }),
    ("provider-argument", "name-or-id", |api| {
        api.post(INCREASE, &json!({"sku": SKU, "location": "110", "provider": "1"})).status(201);
        assert_eq!(count(api, "provider=1"), 3);
        assert_eq!(count(api, "provider=shop_provider"), 3);
    }),
    ("reservation-date", "date-or-datetime", |api| {
        for date in ["2023-05-10", "2023-05-10T17:16:00+03:00"] {
            api.post(INCREASE, &dated(date)).status(201);
        }
        api.post(INCREASE, &dated("yesterday")).status(400).body(
            r#"{"date":["Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."]}"#,
        );
    }),
    ("reservation-date", "opaque", |api| {
        api.post(INCREASE, &dated("yesterday")).status(201);
        api.post(INCREASE, &dated("yesterday")).status(208);
    }),
    ("missing-content-type", "json", |api| {
        api.post_bare(INCREASE, &reservation()).status(201);
    }),
    ("missing-content-type", "unsupported", |api| {
        api.post_bare(INCREASE, &reservation()).status(415).body(r#"{"detail":"Unsupported media type \"\" in request."}"#);
    }),
    ("upsert-method", "post", |api| {
        let got = api.get(UPSERT).status(405);
        assert_eq!(got.header("allow"), "POST, OPTIONS");
    }),
    ("upsert-method", "post-or-get", |api| {
        let json = [("content-type", "application/json")];
        let body = json!([stock("new", "112")]).to_string();
        let got = api.send(&request("GET", UPSERT, &json, &body)).status(200);
        assert_eq!(got.header("allow"), "GET, POST, HEAD, OPTIONS");
        api.post(UPSERT, &json!([])).status(200);
        assert_eq!(count(api, "sku=new"), 1);
    }),
    ("upsert-refusal", "all-or-nothing", |api| {
        api.post(UPSERT, &good_and_bad()).status(400).body(
            r#"[{},{"stock":["A valid integer is required."]}]"#,
        );
        assert_eq!(count(api, "sku=good"), 0);
    }),
    ("upsert-refusal", "per-sku", |api| {
        api.post(UPSERT, &good_and_bad()).status(200).body(
            r#"{"Store_checkResult":{"bad":{"stock":["A valid integer is required."]}}}"#,
        );
        assert_eq!(count(api, "sku=good"), 1);
    }),
    ("salable", "active-unreserved", |api| assert_eq!(salable(api), json!([3, 0]))),
    ("salable", "unreserved", |api| assert_eq!(salable(api), json!([3, 7, 0]))),
    ("salable", "stock", |api| assert_eq!(salable(api), json!([5, 9, 1]))),
    ("query-scope", "all", |api| assert_eq!(plain(api), json!([5, 9, 1]))),
    ("query-scope", "active", |api| assert_eq!(plain(api), json!([5, 1]))),
    ("active-quantity", "salable", |api| assert_eq!(active(api), json!({"sku": "x", "stock": 3}))),
    ("active-quantity", "stock", |api| assert_eq!(active(api), json!({"sku": "x", "stock": 6}))),
    ("active-sku", "filter", |api| {
        assert_eq!(skus(&api.post(ACTIVE, &json!({"sku": SKU})).status(200).json()), [SKU]);
    }),
    ("active-sku", "ignored", |api| {
        assert_eq!(skus(&api.post(ACTIVE, &json!({"sku": SKU})).status(200).json()).len(), 3);
    }),
    ("active-path", "both", |api| {
        let alias = api.post("/api/v1/stocks/1/", &json!({})).status(200).text();
        api.post(ACTIVE, &json!({})).status(200).body(&alias);
    }),
    ("active-path", "active-stocks", |api| {
        let got = api.post("/api/v1/stocks/1/", &json!({})).status(404);
        assert_eq!(got.header("content-type"), "text/html; charset=utf-8");
        api.post(ACTIVE, &json!({})).status(200);
    }),
    ("unknown-sku", "empty", |api| {
        api.get(&format!("{QUERY}?sku=none")).status(200).body(r#"{"Store_checkResult":[]}"#);
        api.get(&format!("{MULTI_QUERY}?sku=none")).status(200).body(r#"{"Store_checkResult":{"none":[]}}"#);
    }),
    ("unknown-sku", "not-found", |api| {
        api.get(&format!("{QUERY}?sku=none")).status(404);
        api.get(&format!("{MULTI_QUERY}?sku={SKU},none")).status(404).body(r#"{"detail":"Not found."}"#);
    }),
    ("unknown-sku", "omitted", |api| {
        api.get(&format!("{QUERY}?sku=none")).status(200).body(r#"{"Store_checkResult":[]}"#);
        let got = api.get(&format!("{MULTI_QUERY}?sku=none,{SKU},none2")).status(200).json();
        assert_eq!(got["Store_checkResult"].as_object().unwrap().len(), 1);
    }),
    ("unknown-place", "invalid-location", |api| {
        let body = r#"{"invalid_location":"Location does not belong to provider."}"#;
        api.post(STOCKS, &stock("new", "nowhere")).status(400).body(body);
        api.post(STOCKS, &json!({"provider": "nobody", "location": "110", "stock": 1, "sku": "new"})).status(400).body(body);
    }),
    ("unknown-place", "does-not-exist", |api| {
        api.post(STOCKS, &json!({"provider": "nobody", "location": "nowhere", "stock": "x", "sku": "new"})).status(400).body(
            r#"{"provider":["Object with name=nobody does not exist."],"location":["Object with code=nowhere does not exist."],"stock":["A valid integer is required."]}"#,
        );
    }),
    ("stock-identity", "place-and-period", |api| {
        api.post(STOCKS, &scheduled()).status(201);
        api.post(STOCKS, &scheduled()).status(400).body(r#"{"stock_exists_error":"Stock already exists."}"#);
    }),
    ("stock-identity", "place", |api| {
        api.post(STOCKS, &scheduled()).status(400).body(r#"{"stock_exists_error":"Stock already exists."}"#);
        api.post(UPSERT, &scheduled()).status(200);
        let got = api.get(&format!("{STOCKS}?sku={SKU}")).json();
        assert_eq!(got["count"], 1);
        assert_eq!(got["results"][0]["stock_type"], "scheduled");
    }),
    ("unit-labels", "labels", |api| {
        let mut kilograms = stock("new", "112");
        kilograms["unit_type"] = "kilogram".into();
        assert_eq!(api.post(STOCKS, &kilograms).status(201).json()["unit_type"], "kg");
        assert_eq!(count(api, "unit_type=kilogram"), 1);
        assert_eq!(count(api, "unit_type=quantity"), 3);
    }),
    ("unit-labels", "strict", |api| {
        let mut kilograms = stock("new", "112");
        kilograms["unit_type"] = "kilogram".into();
        api.post(STOCKS, &kilograms).status(400).body(r#"{"unit_type":["\"kilogram\" is not a valid choice."]}"#);
        api.get(&format!("{STOCKS}?unit_type=quantity")).status(400).body(
            r#"{"unit_type":["Select a valid choice. quantity is not one of the available choices."]}"#,
        );
    }),
    ("period-shape", "range", |api| {
        let got = api.post(STOCKS, &scheduled()).status(201).json();
        assert_eq!(got["period"], json!({"lower": "2024-01-01T00:00:00+03:00", "upper": null, "bounds": "[)"}));
    }),
    ("period-shape", "null-only", |api| {
        api.post(STOCKS, &scheduled()).status(400).body(r#"{"period":["This field must be null."]}"#);
        let mut null = stock("new", "112");
        null["period"] = Value::Null;
        api.post(STOCKS, &null).status(201);
    }),
    ("page-size", "2", |api| {
        let got = api.get(STOCKS).json();
        assert_eq!(got["results"].as_array().unwrap().len(), 2);
        assert_eq!(got["next"], "http://localhost:8000/api/v1/stocks/?page=2");
    }),
    ("page-limit", "2", |api| {
        let got = api.get(&format!("{STOCKS}?limit=3")).json();
        assert_eq!(got["results"].as_array().unwrap().len(), 2);
        // The link keeps what was sent.
        assert_eq!(got["next"], "http://localhost:8000/api/v1/stocks/?limit=3&page=2");
    }),
    ("reservation-row", "first", |api| assert_eq!(reserved_rows(api), json!([1, 0]))),
    ("reservation-row", "last", |api| assert_eq!(reserved_rows(api), json!([0, 1]))),
    ("place-order", "code", |api| assert_eq!(sorted_by_location(api), ["112", "900"])),
    ("place-order", "id", |api| assert_eq!(sorted_by_location(api), ["900", "112"])),
    ("sku-length", "20", |api| {
        api.post(STOCKS, &stock(&"s".repeat(20), "112")).status(201);
        api.post(STOCKS, &stock(&"s".repeat(21), "112")).status(400).body(
            r#"{"sku":["Ensure this field has no more than 20 characters."]}"#,
        );
    }),
    ("stack", "django-3.2", dates_need_their_time_and_no_header_opens_windows),
    ("stack", "django-4.2", a_date_is_midnight_and_rows_are_refused_in_a_list),
    ("stack", "django-5.2", refused_rows_are_keyed_and_what_is_missing_is_named),
    ("case-folding", "simple", |api| assert_eq!(folded(api), ["STRAß", "ISTAN", "écl"])),
    ("case-folding", "turkish", |api| assert_eq!(folded(api), ["STRAß", "İSTAN", "écl"])),
    ("case-folding", "full", |api| assert_eq!(folded(api), ["STRAß", "ßE", "ISTAN", "écl"])),
    ("case-folding", "ascii", |api| assert_eq!(folded(api), ["STRAß", "ISTAN"])),
];

#[test]
fn each_choice_of_each_reading_shows() {
    for (reading, choice, claim) in CLAIMS {
        let mut api = Api::of(store("documented"), &[(*reading, *choice)]);
        println!("{reading} = {choice}");
        claim(&mut api);
    }
}

#[test]
fn each_choice_of_each_reading_has_a_claim() {
    let claimed: BTreeSet<_> = CLAIMS
        .iter()
        .map(|(id, choice, _)| (*id, *choice))
        .collect();
    for reading in Reading::ALL {
        match reading.accepts() {
            Accepts::Choices(choices) => {
                for choice in choices {
                    assert!(
                        claimed.contains(&(reading.id(), *choice)),
                        "{reading:?} {choice}"
                    );
                }
            }
            Accepts::Number { .. } => {
                assert!(
                    claimed.iter().any(|(id, _)| *id == reading.id()),
                    "{reading:?}"
                );
            }
        }
    }
}

#[test]
fn a_choice_that_decided_stands_in_the_header() {
    let mut api = Api::documented();
    let got = api.post(DECREASE, &reservation()).status(208);
    assert_eq!(
        got.rule(),
        "decrease-reserved-stock/already-reported; grade=documented; \
         reading=decrease-at-zero=already-reported"
    );
    let got = api.post(INCREASE, &reservation()).status(201);
    assert_eq!(
        got.rule(),
        "increase-reserved-stock/increased; grade=documented"
    );
}

/// The register in `schemas/readings.yaml` has the same readings as the table in the code.
#[test]
fn the_register_names_the_same_readings_choices_and_defaults() {
    let register: Value = serde_saphyr::from_str(assets::READINGS).unwrap();
    let entries = register["readings"].as_array().unwrap();
    let ids: Vec<_> = entries
        .iter()
        .map(|entry| entry["id"].as_str().unwrap())
        .collect();
    let known: Vec<_> = Reading::ALL.iter().map(|reading| reading.id()).collect();
    let sorted = |mut ids: Vec<&'static str>| {
        ids.sort_unstable();
        ids
    };
    assert_eq!(
        sorted(
            ids.iter()
                .map(|id| known.iter().find(|k| *k == id).copied().unwrap())
                .collect()
        ),
        sorted(known)
    );
    for entry in entries {
        let id = entry["id"].as_str().unwrap();
        let reading = Reading::ALL
            .iter()
            .find(|reading| reading.id() == id)
            .unwrap();
        match reading.accepts() {
            Accepts::Choices(choices) => {
                let listed: Vec<_> = entry["choices"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|choice| choice["id"].as_str().unwrap())
                    .collect();
                assert_eq!(listed, choices, "{id}");
                assert_eq!(entry["default"], choices[0], "{id}");
            }
            Accepts::Number { least, most } => {
                assert_eq!(
                    entry["number"],
                    json!({"minimum": least, "maximum": most}),
                    "{id}"
                );
                let default = Profile::default().choice(*reading);
                assert_eq!(entry["default"].to_string(), default, "{id}");
            }
        }
    }
}

fn in_query(path: &str) -> String {
    format!("{path}?sku={SKU}&location=110")
}

fn dated(date: &str) -> Value {
    json!({"sku": SKU, "location": "110", "date": date})
}

#[track_caller]
fn count(api: &mut Api, filter: &str) -> u64 {
    api.get(&format!("{STOCKS}?{filter}")).status(200).json()["count"]
        .as_u64()
        .unwrap()
}

#[track_caller]
fn documented_stock(api: &mut Api) -> Value {
    api.get(&format!("{STOCKS}?sku={SKU}")).status(200).json()["results"][0].clone()
}

#[track_caller]
fn reserved(api: &mut Api) -> i64 {
    documented_stock(api)["reserved_stock"].as_i64().unwrap()
}

#[track_caller]
fn modified(api: &mut Api) -> String {
    documented_stock(api)["modified_date"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn a_replayed_date_changes_nothing(api: &mut Api) {
    let date = dated("2023-05-10T17:16:00+03:00");
    api.post(INCREASE, &date).status(201);
    let before = documented_stock(api);
    api.post(INCREASE, &date)
        .status(208)
        .body(r#"{"message":"Already reported"}"#);
    // The same moment with another offset is the same date.
    api.post(INCREASE, &dated("2023-05-10T14:16:00Z"))
        .status(208);
    assert_eq!(documented_stock(api), before);
    // The other operation, another date or no date make a different reservation.
    api.post(DECREASE, &date).status(201);
    api.post(INCREASE, &dated("2023-05-10T17:16:00.000001+03:00"))
        .status(201);
    api.post(INCREASE, &reservation()).status(201);
    api.post(INCREASE, &reservation()).status(201);
    assert_eq!(reserved(api), 3);
}

fn a_date_before_the_last_write_changes_nothing(api: &mut Api) {
    api.post(INCREASE, &dated("2023-05-10T15:15:03.254979+03:00"))
        .status(208);
    api.post(INCREASE, &dated("2023-05-10T15:15:03.254980+03:00"))
        .status(201);
    api.post(INCREASE, &reservation()).status(201);
    // A reservation does not write `stock`, an upsert does.
    api.post(INCREASE, &dated("2023-05-11")).status(201);
    api.post(UPSERT, &stock(SKU, "110")).status(200);
    api.post(INCREASE, &dated("2023-05-11")).status(208);
    assert_eq!(reserved(api), 3);
}

fn an_opted_out_provider_is_always_reported(api: &mut Api) {
    api.post(INCREASE, &reservation()).status(201);
    api.post(
        "/api/v1/providers/",
        &json!({"name": "out", "code": "out", "should_add_reservations": false}),
    )
    .status(201);
    api.post(
        "/api/v1/stock-locations/",
        &json!({"name": "o", "code": "o1", "provider": 3}),
    )
    .status(201);
    api.post(
        STOCKS,
        &json!({"provider": "out", "location": "o1", "stock": 1, "sku": "o"}),
    )
    .status(201);
    api.post(INCREASE, &json!({"sku": "o", "location": "o1"}))
        .status(208);
}

fn a_replayed_date_counts_again(api: &mut Api) {
    api.post(INCREASE, &dated("2023-05-10")).status(201);
    api.post(INCREASE, &dated("2023-05-10")).status(201);
    assert_eq!(reserved(api), 2);
}

#[track_caller]
fn query_with_body(api: &mut Api) -> Value {
    let json = [("content-type", "application/json")];
    let body = json!({ "sku": SKU }).to_string();
    api.send(&request("GET", QUERY, &json, &body))
        .status(200)
        .json()
}

fn rows(answer: &Value) -> usize {
    answer["Store_checkResult"].as_array().unwrap().len()
}

fn good_and_bad() -> Value {
    let mut bad = stock("bad", "112");
    bad["stock"] = "x".into();
    json!([stock("good", "112"), bad])
}

fn scheduled() -> Value {
    let mut scheduled = stock(SKU, "110");
    scheduled["stock_type"] = "scheduled".into();
    scheduled["period"] = json!({"lower": "2024-01-01T00:00:00+03:00"});
    scheduled
}

/// SKU x: 5 with 2 reserved, 9 with 2 reserved but inactive, 1 with 4 reserved.
fn lay_out(api: &mut Api) {
    let row = |location: &str, stock: i32, reserved: i32, active: bool| {
        json!({"provider": "shop_provider", "location": location, "sku": "x", "stock": stock,
            "reserved_stock": reserved, "is_active": active})
    };
    let rows = json!([
        row("110", 5, 2, true),
        row("112", 9, 2, false),
        row("115", 1, 4, true)
    ]);
    api.post(UPSERT, &rows).status(200);
}

fn quantities(answer: &Value) -> Value {
    let rows = answer["Store_checkResult"].as_array().unwrap();
    rows.iter().map(|row| row["stock"].clone()).collect()
}

fn salable(api: &mut Api) -> Value {
    lay_out(api);
    quantities(&api.get(&format!("{SALABLE}?sku=x")).status(200).json())
}

fn plain(api: &mut Api) -> Value {
    lay_out(api);
    quantities(&api.get(&format!("{QUERY}?sku=x")).status(200).json())
}

fn active(api: &mut Api) -> Value {
    lay_out(api);
    let answer = api.post(ACTIVE, &json!({})).status(200).json();
    let results = answer["results"].as_array().unwrap().clone();
    results.into_iter().find(|row| row["sku"] == "x").unwrap()
}

fn skus(answer: &Value) -> Vec<String> {
    let results = answer["results"].as_array().unwrap();
    results
        .iter()
        .map(|row| row["sku"].as_str().unwrap().to_owned())
        .collect()
}

fn dates_need_their_time_and_no_header_opens_windows(api: &mut Api) {
    let refused = api.get(&format!("{STOCKS}?created_date__gte=2023-05-10"));
    let refused = refused
        .status(400)
        .body(r#"{"created_date__gte":["Enter a valid date/time."]}"#);
    assert!(
        refused.rule().contains("reading=stack=django-3.2"),
        "{}",
        refused.rule()
    );
    api.get(&format!("{STOCKS}?created_date__gte=2023-05-10T00:00"))
        .status(200);
    let mut dated = reservation();
    dated["date"] = "2023-05-10".into();
    api.post(INCREASE, &dated).status(400);
    let page = api.get("/nothing/").status(404);
    assert_eq!(page.header("content-type"), "text/html");
    assert_eq!(page.headers.get("cross-origin-opener-policy"), None);
    rows_are_refused_in_a_list(api);
}

fn a_date_is_midnight_and_rows_are_refused_in_a_list(api: &mut Api) {
    let found = api
        .get(&format!("{STOCKS}?created_date__gte=2023-05-10"))
        .status(200);
    assert!(
        found.rule().contains("reading=stack=django-4.2"),
        "{}",
        found.rule()
    );
    api.get(&format!("{STOCKS}?page=")).status(404);
    api.get("/api/v1/providers/99/")
        .status(404)
        .body(r#"{"detail":"Not found."}"#);
    api.post(STOCKS, &flagged("tRUE")).status(400);
    let page = api.get("/nothing/").status(404);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.header("cross-origin-opener-policy"), "same-origin");
    rows_are_refused_in_a_list(api);
}

fn refused_rows_are_keyed_and_what_is_missing_is_named(api: &mut Api) {
    let rows =
        json!([stock("s", "112"), {"provider": "shop_provider", "location": "112", "sku": "s"}]);
    let refused = api.post(UPSERT, &rows).status(400);
    let refused = refused.body(r#"{"1":{"stock":["This field is required."]}}"#);
    assert!(
        refused.rule().contains("reading=stack=django-5.2"),
        "{}",
        refused.rule()
    );
    api.get(&format!("{STOCKS}?page=")).status(200);
    for (path, model) in [("providers", "Provider"), ("stock-lists", "StockList")] {
        let named = format!(r#"{{"detail":"No {model} matches the given query."}}"#);
        api.get(&format!("/api/v1/{path}/99/"))
            .status(404)
            .body(&named);
    }
    api.post(INCREASE, &json!({"sku": "none", "location": "110"}))
        .status(404)
        .body(r#"{"detail":"No Stock matches the given query."}"#);
    api.post(STOCKS, &flagged("tRUE")).status(201);
    let long = format!("application/json; x={}", "x".repeat(256));
    api.send(&request("POST", STOCKS, &[("content-type", &long)], "{}"))
        .status(415);
    let rot13 = [("content-type", "application/json; charset=rot13")];
    api.send(&request("POST", STOCKS, &rot13, "{}"))
        .status(400)
        .body(r#"{"detail":"Unsupported charset \"rot13\" in request Content-Type header."}"#);
}

fn rows_are_refused_in_a_list(api: &mut Api) {
    let rows =
        json!([stock("s", "112"), {"provider": "shop_provider", "location": "112", "sku": "s"}]);
    let refused = api.post(UPSERT, &rows).status(400);
    refused.body(r#"[{},{"stock":["This field is required."]}]"#);
}

fn flagged(flag: &str) -> Value {
    let mut stock = stock("s", "112");
    stock["is_active"] = flag.into();
    stock
}

/// The parts of names that find their name when spelled in another case.
fn folded(api: &mut Api) -> Vec<&'static str> {
    let mut asked = vec![
        ("straße", "STRAß"),
        ("strasse", "ßE"),
        ("istanbul", "ISTAN"),
        ("istanbul", "İSTAN"),
        ("ÉCLAIR", "écl"),
    ];
    for name in ["straße", "strasse", "istanbul", "ÉCLAIR"] {
        let place = json!({"name": name, "code": name, "provider": 1});
        api.post("/api/v1/stock-locations/", &place).status(201);
        api.post(STOCKS, &stock(name, name)).status(201);
    }
    asked.retain(|(name, part)| {
        let filters = format!("sku={}&location_name={}", quoted(name), quoted(part));
        count(api, &filters) == 1
    });
    asked.into_iter().map(|(_, part)| part).collect()
}

fn quoted(text: &str) -> String {
    text.bytes().fold(String::new(), |mut quoted, byte| {
        write!(quoted, "%{byte:02X}").unwrap();
        quoted
    })
}

fn reserved_rows(api: &mut Api) -> Value {
    api.post(STOCKS, &scheduled()).status(201);
    let got = api.post(INCREASE, &reservation()).status(201);
    assert!(
        got.rule().contains("reading=reservation-row="),
        "{}",
        got.rule()
    );
    let answer = api.get(&format!("{STOCKS}?sku={SKU}")).json();
    let results = answer["results"].as_array().unwrap();
    results
        .iter()
        .map(|row| row["reserved_stock"].clone())
        .collect()
}

/// The order of locations 113, 900 and a younger one that is before them by code.
fn sorted_by_location(api: &mut Api) -> Vec<String> {
    api.post(
        "/api/v1/stock-locations/",
        &json!({"name": "late", "code": "112b", "provider": 1}),
    )
    .status(201);
    for (provider, location) in [("shop_provider", "112b"), ("other_provider", "900")] {
        api.post(
            STOCKS,
            &json!({"provider": provider, "location": location, "stock": 77, "sku": "s"}),
        )
        .status(201);
    }
    let answer = api.get(&format!("{STOCKS}?stock=77&sort=location")).json();
    let results = answer["results"].as_array().unwrap();
    results
        .iter()
        .map(|row| row["location"].as_str().unwrap()[..3].to_owned())
        .collect()
}
