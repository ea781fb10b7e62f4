//! Properties that hold for all requests.

use http::Method;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::api::{Api, DECREASE, INCREASE, STOCKS, UPSERT, store};
use crate::arbitrary::{a_write, any_request};

const FILTERS: &[&str] = &[
    "sku=a",
    "sku=b",
    "location=110",
    "location_name=11",
    "provider=shop_provider",
    "provider_name=other",
    "stock=2",
    "stock__gt=1",
    "stock__lte=3",
    "reserved_stock__gte=1",
    "reserved_stock=0",
    "is_active=true",
    "is_active=false",
    "unit_type=qty",
    "stock_type=scheduled",
    "created_date__gte=2023-06-01T12:00:20",
    "modified_date__lt=2023-06-01T12:00:30",
];

const SORTS: &[&str] = &[
    "id",
    "-id",
    "stock",
    "-stock",
    "sku",
    "-sku",
    "-created_date",
    "modified_date",
    "location,-stock",
    "-is_active,sku",
    "reserved_stock",
    "-reserved_stock",
    "period",
];

fn ids(api: &mut Api, query: &str) -> (u64, Vec<u64>) {
    let answer = api.get(&format!("{STOCKS}?{query}")).status(200).json();
    let results = answer["results"].as_array().unwrap();
    let ids = results
        .iter()
        .map(|row| row["id"].as_u64().unwrap())
        .collect();
    (answer["count"].as_u64().unwrap(), ids)
}

/// All pages of a query, one after the other.
fn walk(api: &mut Api, query: &str, limit: usize) -> (u64, Vec<u64>) {
    let mut url = format!("{STOCKS}?{query}&limit={limit}");
    let mut all = Vec::new();
    loop {
        let answer = api.get(&url).status(200).json();
        let results = answer["results"].as_array().unwrap();
        all.extend(results.iter().map(|row| row["id"].as_u64().unwrap()));
        match answer["next"].as_str() {
            Some(next) => next
                .trim_start_matches("http://localhost:8000")
                .clone_into(&mut url),
            None => return (answer["count"].as_u64().unwrap(), all),
        }
    }
}

proptest! {
    /// No input makes the engine panic, and a refused request leaves the world unchanged.
    #[test]
    fn a_refused_request_changes_nothing(requests in prop::collection::vec(any_request(), 1..8)) {
        let mut api = Api::documented();
        for asked in requests {
            let before = api.dump();
            let got = api.send(&asked);
            let status = got.status.as_u16();
            prop_assert!((200..=415).contains(&status) || status == 500, "{status}");
            prop_assert!(got.headers.contains_key("whippy-mock-rule"));
            let is_write = matches!(status, 200 | 201) && asked.method() == Method::POST;
            if !is_write {
                prop_assert_eq!(api.dump(), before);
            }
            if got.headers["content-type"] == "application/json" && asked.method() != Method::HEAD {
                prop_assert!(serde_json::from_slice::<Value>(&got.body).is_ok());
            }
        }
    }

    #[test]
    fn equal_histories_give_equal_worlds(writes in prop::collection::vec(a_write(), 0..40)) {
        let (mut one, mut other) = (Api::documented(), Api::documented());
        for asked in &writes {
            let (a, b) = (one.send(asked), other.send(asked));
            prop_assert_eq!((a.status, a.body), (b.status, b.body));
        }
        prop_assert_eq!(one.dump(), other.dump());
    }

    /// A clone changes independently, and a dump loads as an equal world.
    #[test]
    fn a_fork_and_a_dump_keep_what_they_were(
        before in prop::collection::vec(a_write(), 0..20),
        after in prop::collection::vec(a_write(), 1..20),
    ) {
        let mut api = Api::documented();
        for asked in &before {
            api.send(asked);
        }
        let fork = api.engine.clone();
        let dumped = api.dump();
        for asked in &after {
            api.send(asked);
        }
        let forked: Value = serde_json::from_slice(&fork.store().dump().to_json()).unwrap();
        prop_assert_eq!(&forked, &dumped);
        let json = dumped.to_string();
        let world = whippy_engine::store::world::World::from_json(json.as_bytes()).unwrap();
        let loaded = whippy_engine::store::Store::load(&world).unwrap();
        let again: Value = serde_json::from_slice(&loaded.dump().to_json()).unwrap();
        prop_assert_eq!(again, dumped);
    }

    #[test]
    fn filters_intersect_and_pages_concatenate(
        writes in prop::collection::vec(a_write(), 0..40),
        first in prop::sample::select(FILTERS),
        second in prop::sample::select(FILTERS),
        sort in prop::sample::select(SORTS),
        limit in 1..4usize,
    ) {
        let mut api = Api::documented();
        for asked in &writes {
            api.send(asked);
        }
        let whole = format!("sort={sort}&limit=1000");
        let (_, a) = ids(&mut api, &format!("{first}&{whole}"));
        let (_, b) = ids(&mut api, &format!("{second}&{whole}"));
        let same_filter = first.split('=').next() == second.split('=').next();
        let (count, both) = ids(&mut api, &format!("{first}&{second}&{whole}"));
        if !same_filter {
            let expected: Vec<_> = a.iter().filter(|id| b.contains(id)).copied().collect();
            prop_assert_eq!(&both, &expected);
        }
        prop_assert_eq!(both.len() as u64, count);
        let (walked_count, walked) = walk(&mut api, &format!("{first}&{second}&sort={sort}"), limit);
        prop_assert_eq!(walked_count, count);
        prop_assert_eq!(walked, both);
    }

    #[test]
    fn reservations_add_up(steps in prop::collection::vec(any::<bool>(), 0..60)) {
        let mut api = Api::of(store("documented"), &[("decrease-at-zero", "negative")]);
        let mut sum = 0;
        for up in steps {
            let path = if up { INCREASE } else { DECREASE };
            sum += if up { 1 } else { -1 };
            let got = api.post(path, &super::api::reservation()).status(201).json();
            prop_assert_eq!(&got["reserved_stock"], &json!(sum));
        }
    }
}

type Test<'a> = (&'a str, Box<dyn Fn(&Value) -> bool>);

/// A world that is large enough for filters to use an index or a scan.
#[test]
fn a_large_world_answers_like_a_slow_one() {
    let mut rows = Vec::new();
    for i in 0..5000_i64 {
        let location = ["110", "112", "115", "117", "119"][usize::try_from(i % 5).unwrap()];
        rows.push(json!({
            "provider": "shop_provider", "location": location, "sku": format!("s{:04}", i * 7919 % 2500),
            "stock": i * 31 % 200, "reserved_stock": i * 17 % 9, "is_active": i % 3 != 0,
            "unit_type": if i % 40 == 0 { "kg" } else { "qty" },
            "stock_type": if i >= 2500 { "scheduled" } else { "standard" },
            "period": if i >= 2500 { json!({"lower": format!("2024-01-{:02}T00:00:00+03:00", i % 28 + 1)}) } else { Value::Null },
        }));
    }
    let mut api = Api::of(store("documented"), &[("page-limit", "10000")]);
    api.post(UPSERT, &json!(rows)).status(200);
    let all = api.get(&format!("{STOCKS}?limit=10000")).json()["results"]
        .as_array()
        .unwrap()
        .clone();
    let number = |row: &Value, key: &str| row[key].as_i64().unwrap();
    let tests: Vec<Test<'_>> = vec![
        ("stock=31", Box::new(move |r| number(r, "stock") == 31)),
        ("stock__gt=190", Box::new(move |r| number(r, "stock") > 190)),
        (
            "stock__gte=100",
            Box::new(move |r| number(r, "stock") >= 100),
        ),
        (
            "reserved_stock__lt=4",
            Box::new(move |r| number(r, "reserved_stock") < 4),
        ),
        ("location=112", Box::new(|r| r["location"] == "112")),
        (
            "location_name=11",
            Box::new(|r| r["location"].as_str().unwrap().starts_with("11")),
        ),
        ("is_active=false", Box::new(|r| r["is_active"] == false)),
        ("unit_type=kg", Box::new(|r| r["unit_type"] == "kg")),
        (
            "stock_type=scheduled",
            Box::new(|r| r["stock_type"] == "scheduled"),
        ),
        (
            "period__startswith__gte=2024-01-20",
            Box::new(|r| {
                r["period"]["lower"]
                    .as_str()
                    .is_some_and(|l| l >= "2024-01-20")
            }),
        ),
        (
            "period__startswith__lte=2024-01-01",
            Box::new(|r| {
                r["period"]["lower"]
                    .as_str()
                    .is_some_and(|l| l <= "2024-01-01T00:00:00+03:00")
            }),
        ),
        ("sku=s0042", Box::new(|r| r["sku"] == "s0042")),
    ];
    for (i, (first, fits)) in tests.iter().enumerate() {
        for (second, also) in tests.iter().skip(i) {
            let both = if first == second {
                (*first).to_owned()
            } else {
                format!("{first}&{second}")
            };
            let expected: Vec<_> = all
                .iter()
                .filter(|row| fits(row) && also(row))
                .map(|row| row["id"].as_u64().unwrap())
                .collect();
            let (count, found) = ids(&mut api, &format!("{both}&limit=10000"));
            assert_eq!(found, expected, "{both}");
            assert_eq!(count, expected.len() as u64, "{both}");
            // A page in the middle is the middle of the whole.
            if expected.len() > 20 {
                let (_, page) = ids(&mut api, &format!("{both}&limit=7&page=2"));
                assert_eq!(page, expected[7..14], "{both}");
            }
        }
    }
    for sort in [
        "stock",
        "-stock",
        "sku",
        "-sku",
        "-reserved_stock,sku",
        "created_date",
        "-period",
        "location,-stock",
    ] {
        let (_, whole) = ids(&mut api, &format!("sort={sort}&limit=10000"));
        let (_, page) = ids(&mut api, &format!("sort={sort}&limit=50&page=60"));
        assert_eq!(page, whole[2950..3000], "{sort}");
        let mut rows: Vec<_> = whole
            .iter()
            .map(|id| all.iter().find(|row| row["id"] == *id).unwrap())
            .collect();
        let sorted = rows.clone();
        rows.sort_by(|a, b| {
            let key = |row: &&Value| row["id"].as_u64().unwrap();
            for term in sort.split(',') {
                let name = term.trim_start_matches('-');
                let value = |row: &Value| match &row[name] {
                    Value::Number(n) => (0, n.as_i64().unwrap(), String::new()),
                    Value::String(text) => (0, 0, text.clone()),
                    Value::Object(period) => (0, 0, period["lower"].to_string()),
                    _ => (1, 0, String::new()),
                };
                let order = value(a).cmp(&value(b));
                let order = if term.starts_with('-') {
                    order.reverse()
                } else {
                    order
                };
                if order.is_ne() {
                    return order;
                }
            }
            key(a).cmp(&key(b))
        });
        assert_eq!(rows, sorted, "{sort}");
    }
}
