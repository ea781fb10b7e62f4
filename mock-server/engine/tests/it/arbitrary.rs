//! Arbitrary requests, for the property tests of the engine and the mock.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::requests::*;

const PATHS: &[&str] = &[
    "/api/v1/stocks/",
    "/api/v1/stocks/increase_reserved_stock/",
    "/api/v1/stocks/decrease_reserved_stock/",
    "/api/v1/stocks/stock_query/",
    "/api/v1/stocks/multi_stock_query/",
    "/api/v1/stocks/salable_stock_query/",
    "/api/v1/stocks/multi_salable_stock_query/",
    "/api/v1/stocks/insert_or_update_stock/",
    "/api/v1/active-stocks/1/",
    "/api/v1/stocks/1/",
    "/api/v1/auth/login/",
    "/api/v1/providers/",
    "/api/v1/stock-locations/1/",
    "/api/v1/stock-lists/",
    "/api/v1/stocks",
    "/nothing/",
];

/// Words of the API, with which arbitrary requests pass the first checks now and then.
const WORDS: &[&str] = &[
    "sku",
    "stock",
    "location",
    "provider",
    "period",
    "date",
    "shop_provider",
    "110",
    "900",
    "555AB1300456213004",
    "lower",
    "true",
    "null",
    "-1",
    "1e400",
    "\\ud800",
    "2023-05-10T13:37:18Z",
    "stock__gt",
    "created_date__lte",
    "sort",
    "page",
    "limit",
    "last",
    "is_active",
    "unit_type",
];

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
        prop::sample::select(WORDS).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(WORDS), inner), 0..6).prop_map(|members| {
                members
                    .into_iter()
                    .map(|(k, v)| (k.to_owned(), v))
                    .collect::<serde_json::Map<_, _>>()
                    .into()
            }),
        ]
    })
}

fn any_body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any_value().prop_map(|value| value.to_string().into_bytes()),
        prop::collection::vec(any::<u8>(), 0..60),
        prop::collection::vec(prop::sample::select(WORDS), 0..8)
            .prop_map(|words| words.join("=&").into_bytes()),
        Just(Vec::new()),
    ]
}

fn any_query() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        prop::sample::select(WORDS).prop_map(str::to_owned),
        "[a-zA-Z0-9%+&=_-]{0,8}",
    ];
    prop::collection::vec((part.clone(), part), 0..4).prop_map(|pairs| {
        let pairs: Vec<_> = pairs
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("&")
    })
}

fn any_headers() -> impl Strategy<Value = HeaderMap> {
    let value = prop_oneof![
        prop::sample::select(vec![
            "application/json",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "multipart/form-data",
            "text/plain",
            "*/*",
            "application/json; indent=4",
            "Token t",
            "Token",
        ])
        .prop_map(|value| value.as_bytes().to_vec()),
        prop::collection::vec(0x20..=0x7e_u8, 0..12),
        prop::collection::vec(0x80..=0xff_u8, 0..4),
    ];
    let name = prop::sample::select(vec!["content-type", "accept", "authorization", "host"]);
    prop::collection::vec((name, value), 0..3).prop_map(|headers| {
        let mut map = HeaderMap::new();
        map.insert("authorization", HeaderValue::from_static("Token t"));
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                map.append(name, value);
            }
        }
        map
    })
}

pub(super) fn any_request() -> impl Strategy<Value = Request<Bytes>> {
    let method = prop::sample::select(vec![
        "GET", "POST", "POST", "POST", "PUT", "HEAD", "OPTIONS", "BREW",
    ]);
    (
        method,
        prop::sample::select(PATHS),
        any_query(),
        any_headers(),
        any_body(),
    )
        .prop_map(|(method, path, query, headers, body)| {
            let mut request = Request::new(Bytes::from(body));
            *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
            *request.uri_mut() = format!("{path}?{query}").parse().unwrap_or_default();
            *request.headers_mut() = headers;
            request
        })
}

/// Requests that mostly succeed, on few SKUs and places, so that they affect each other.
pub(super) fn a_write() -> impl Strategy<Value = Request<Bytes>> {
    let sku = prop::sample::select(vec!["a", "b", "c"]);
    let location = prop::sample::select(vec!["110", "112", "900"]);
    let path = prop::sample::select(vec![STOCKS, INCREASE, DECREASE, UPSERT]);
    let date = prop::option::of(prop::sample::select(vec!["2023-05-10", "2023-05-11"]));
    (path, sku, location, -3..9i32, any::<bool>(), date).prop_map(
        |(path, sku, location, stock, active, date)| {
            let mut body = json!({"provider": "shop_provider", "location": location, "sku": sku});
            if path == STOCKS || path == UPSERT {
                body["stock"] = stock.into();
                body["is_active"] = active.into();
            } else if let Some(date) = date {
                body["date"] = date.into();
            }
            request(
                "POST",
                path,
                &[("content-type", "application/json")],
                &body.to_string(),
            )
        },
    )
}
