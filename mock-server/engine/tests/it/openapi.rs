//! The documents for tools: derived from the one source, and valid for those tools.

use std::collections::BTreeSet;
use std::path::PathBuf;

use rstest::rstest;
use serde_json::Value;
use whippy_engine::openapi::{self, FORMS, Form};

fn form(name: &str) -> Value {
    let form = Form::named(name).unwrap();
    serde_json::from_str(&form.text(None)).unwrap()
}

/// Visits every value with the path of keys that leads to it.
fn walk(value: &Value, path: &mut Vec<String>, visit: &mut impl FnMut(&[String], &Value)) {
    visit(path, value);
    let children: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(n, v)| (n.clone(), v)).collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(n, v)| (n.to_string(), v))
            .collect(),
        _ => Vec::new(),
    };
    for (name, child) in children {
        path.push(name);
        walk(child, path, visit);
        path.pop();
    }
}

/// The id, method and object of every operation.
fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let items = document["paths"].as_object().unwrap().values();
    let methods = items.flat_map(|item| item.as_object().unwrap());
    methods
        .map(|(method, about)| {
            let id = about["operationId"].as_str().unwrap();
            (id, method.as_str(), about)
        })
        .collect()
}

#[test]
fn each_file_is_what_the_source_comes_to() {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas"));
    // `openapi.json` is the source itself.
    for form in FORMS.iter().filter(|form| form.file != "openapi.json") {
        let file = folder.join(form.file);
        let text = form.text(None);
        if std::env::var_os("WHIPPY_PIN").is_some() {
            std::fs::write(&file, &text).unwrap();
        }
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            kept == text,
            "schemas/{} is not what schemas/openapi.json comes to; WHIPPY_PIN=1 writes it anew",
            form.file
        );
    }
}

#[test]
fn yaml_reads_as_the_document() {
    let yaml = Form::named("yaml").unwrap().text(None);
    let read: Value = serde_saphyr::from_str(&yaml).unwrap();
    assert_eq!(read, openapi::stock_api());
}

#[rstest]
#[case("the Stock API", openapi::stock_api())]
#[case("the admin paths", openapi::admin_api(None))]
fn every_schema_has_the_name_of_a_type(#[case] which: &str, #[case] document: Value) {
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for (name, schema) in schemas {
        let is_type = name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.chars().all(|c| c.is_ascii_alphanumeric());
        assert!(is_type, "{which}: {name}");
        assert!(schema.get("$schema").is_none(), "{which}: {name}");
        assert!(schema.get("title").is_none(), "{which}: {name}");
    }
}

#[rstest]
#[case("the Stock API", openapi::stock_api())]
#[case("the admin paths", openapi::admin_api(None))]
fn every_schema_has_one_type_that_a_generator_can_name(
    #[case] which: &str,
    #[case] document: Value,
) {
    walk(&document, &mut Vec::new(), &mut |path, value| {
        let is_data = |name: &String| matches!(name.as_str(), "value" | "example" | "default");
        if path.iter().any(is_data) || path.last().is_some_and(|name| name == "properties") {
            return;
        }
        let place = format!("{which}: {}", path.join("/"));
        if let Some(types) = value["type"].as_array() {
            let types = types.iter().filter(|kind| **kind != "null");
            assert_eq!(types.count(), 1, "{place}");
        }
        for word in ["enum", "const"] {
            let has_type = value.get("type").is_some();
            assert!(value.get(word).is_none() || has_type, "{place}: {word}");
        }
        let values = value["enum"].as_array().into_iter().flatten();
        let is_name = |text: &str| text.starts_with(|c: char| c.is_ascii_alphabetic());
        if values.filter_map(Value::as_str).any(|text| !is_name(text)) {
            let (values, names) = (&value["enum"], &value["x-enum-varnames"]);
            let count = |value: &Value| value.as_array().map(Vec::len);
            assert_eq!(count(values), count(names), "{place}");
        }
    });
}

#[test]
fn a_stock_list_has_an_id_of_one_type() {
    let mut kinds = BTreeSet::new();
    walk(
        &openapi::stock_api(),
        &mut Vec::new(),
        &mut |path, value| {
            let is_of_list = path.iter().any(|name| name == "StockList")
                && path.ends_with(&["properties".to_owned(), "id".to_owned()]);
            if value["name"] == "stocklist_id" {
                kinds.insert(value["schema"]["type"].to_string());
            } else if is_of_list {
                kinds.insert(value["type"].to_string());
            }
        },
    );
    assert_eq!(kinds, BTreeSet::from(["\"integer\"".to_owned()]));
}

#[rstest]
#[case("3.0")]
#[case("3.0-no-get-body")]
fn nothing_of_3_1_is_left_in_3_0(#[case] name: &str) {
    let document = form(name);
    assert_eq!(document["openapi"], "3.0.3");
    assert!(document["info"].get("summary").is_none());
    assert!(document["info"]["license"].get("identifier").is_none());
    walk(&document, &mut Vec::new(), &mut |path, value| {
        let is_data = |name: &String| matches!(name.as_str(), "value" | "example" | "default");
        if path.iter().any(is_data) || path.last().is_some_and(|name| name == "properties") {
            return;
        }
        let place = path.join("/");
        for word in ["const", "$schema", "$defs", "propertyNames", "prefixItems"] {
            assert!(value.get(word).is_none(), "{place}: {word}");
        }
        assert!(!value["type"].is_array(), "{place}");
        assert_ne!(value["type"], "null", "{place}");
        assert!(!value["exclusiveMinimum"].is_number(), "{place}");
        assert!(!value["exclusiveMaximum"].is_number(), "{place}");
        if value.get("$ref").is_some() {
            assert_eq!(value.as_object().unwrap().len(), 1, "{place}");
        }
    });
}

#[test]
fn what_may_be_null_in_3_1_may_be_null_in_3_0() {
    let document = form("3.0");
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["Period"]["nullable"], true);
    assert_eq!(schemas["Period"]["type"], "object");
    assert_eq!(schemas["Period"]["anyOf"].as_array().unwrap().len(), 2);
    assert_eq!(schemas["StockPage"]["properties"]["next"]["nullable"], true);
    let lower = &schemas["PeriodRange"]["properties"]["lower"];
    assert_eq!(lower["nullable"], true);
    assert_eq!(lower["format"], "date-time");
    // A schema accepts null only if all of its parts do.
    assert_eq!(schemas["PeriodRange"]["nullable"], true);
    assert_eq!(schemas["DateTime"].get("nullable"), None);
}

#[rstest]
#[case("no-get-body")]
#[case("3.0-no-get-body")]
fn a_get_without_a_body_must_name_what_the_body_must(#[case] name: &str) {
    let (whole, document) = (openapi::stock_api(), form(name));
    let mut queries = 0;
    let pairs = operations(&whole).into_iter().zip(operations(&document));
    for ((id, method, whole), (_, _, about)) in pairs {
        if method != "get" || whole.get("requestBody").is_none() {
            assert_eq!(
                whole.get("requestBody").is_some(),
                about.get("requestBody").is_some()
            );
            continue;
        }
        queries += 1;
        assert!(about.get("requestBody").is_none(), "{id}");
        assert!(about["responses"].get("415").is_none(), "{id}");
        let parameters = about["parameters"].as_array().unwrap();
        let sku = parameters.iter().find(|it| it["name"] == "sku").unwrap();
        assert_eq!(sku["required"], true, "{id}");
    }
    assert_eq!(queries, 4);
}

#[test]
fn the_collection_has_every_operation() {
    let collection = form("postman");
    let folders = collection["item"].as_array().unwrap();
    let items = folders.iter().flat_map(|it| it["item"].as_array().unwrap());
    let asked: BTreeSet<_> = items
        .map(|item| {
            let request = &item["request"];
            let raw = request["url"]["raw"].as_str().unwrap();
            format!("{} {raw}", request["method"].as_str().unwrap())
        })
        .collect();
    let document = openapi::stock_api();
    assert_eq!(asked.len(), operations(&document).len());
    assert!(asked.contains("POST {{baseUrl}}/api/v1/stocks/increase_reserved_stock/"));
    assert!(asked.contains("POST {{baseUrl}}/api/v1/active-stocks/:stocklist_id/"));
}

#[test]
fn every_form_says_where_the_api_answers() {
    let address = "http://localhost:8123/worlds/checkout";
    for form in FORMS {
        let text = form.text(Some(address));
        assert!(text.contains(address), "{}", form.name);
        assert!(!text.contains("localhost:8000\""), "{}", form.name);
    }
}
