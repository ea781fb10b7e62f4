//! The data of the contract is consistent, and the engine follows it.

use std::collections::BTreeSet;

use jsonschema::{Registry, Validator};
use rstest::rstest;
use serde_json::{Value, json};
use whippy_engine::assets;
use whippy_engine::endpoints::RESOURCES;
use whippy_engine::profile::{Accepts, Reading};
use whippy_engine::query::FILTERS;

use super::api::{Api, STOCKS, request, store};

/// A validator for a schema file that can refer to all others.
fn validator(schema: &Value) -> Validator {
    let base = "https://whippy.invalid/schemas/";
    let registry = assets::SCHEMAS
        .iter()
        .fold(Registry::new(), |registry, (file, json)| {
            let schema: Value = serde_json::from_str(json).unwrap();
            registry.add(format!("{base}{file}"), schema).unwrap()
        });
    let registry = registry.prepare().unwrap();
    jsonschema::options()
        .with_registry(&registry)
        .with_base_uri(base.to_owned())
        .should_validate_formats(true)
        .build(schema)
        .unwrap()
}

fn openapi() -> Value {
    serde_json::from_str(assets::OPENAPI).unwrap()
}

fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(target) => document.pointer(&target[1..]).unwrap(),
        None => value,
    }
}

/// Path, method and object of each operation.
fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let mut found = Vec::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            if ["get", "post", "put", "patch", "delete", "options"].contains(&method.as_str()) {
                found.push((path.clone(), method.to_uppercase(), operation));
            }
        }
    }
    found
}

fn documented() -> Vec<(&'static str, Value)> {
    let read = |(file, json): &(&'static str, &str)| (*file, serde_json::from_str(json).unwrap());
    assets::DOCUMENTED.iter().map(read).collect()
}

/// The path in the document that matches the path of a request.
fn template<'a>(document: &'a Value, path: &str) -> &'a str {
    let path = path.split('?').next().unwrap();
    let templates = document["paths"].as_object().unwrap().keys();
    let concrete = templates.clone().find(|template| *template == path);
    let fits = |template: &&String| {
        let (before, after) = template.split_once('{').unwrap_or((template, ""));
        let after = after.split_once('}').map_or("", |(_, after)| after);
        template.contains('{')
            && path
                .strip_prefix(before)
                .and_then(|p| p.strip_suffix(after))
                .is_some_and(|p| !p.contains('/'))
    };
    concrete.or_else(|| templates.clone().find(fits)).unwrap()
}

#[test]
fn there_are_nineteen_documented_responses() {
    assert_eq!(assets::DOCUMENTED.len(), 19);
}

#[test]
fn each_documented_body_validates_against_its_schema() {
    let document = openapi();
    for (file, fixture) in documented() {
        let method = fixture["request"]["method"]
            .as_str()
            .unwrap()
            .to_lowercase();
        let path = template(&document, fixture["request"]["path"].as_str().unwrap());
        let status = fixture["response"]["status"].to_string();
        let operation = &document["paths"][path][&method];
        let response = resolve(&document, &operation["responses"][&status]);
        let schema = &response["content"]["application/json"]["schema"];
        assert!(
            schema.is_object(),
            "{file}: no schema for {method} {path} {status}"
        );
        let validator = validator(schema);
        let errors: Vec<_> = validator
            .iter_errors(&fixture["response"]["body"])
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{file}: {errors:?}");
        // A schema that accepts everything would prove nothing.
        assert!(!validator.is_valid(&json!({"unheard_of": 1})), "{file}");
    }
}

#[test]
fn the_engine_gives_each_documented_response() {
    for (file, fixture) in documented() {
        let readings = fixture["profile"].as_object().unwrap();
        let readings: Vec<_> = readings
            .iter()
            .map(|(id, choice)| {
                (
                    id.as_str(),
                    choice
                        .as_str()
                        .map_or_else(|| choice.to_string(), str::to_owned),
                )
            })
            .collect();
        let readings: Vec<_> = readings
            .iter()
            .map(|(id, choice)| (*id, choice.as_str()))
            .collect();
        let world = store(fixture["world"].as_str().unwrap());
        let mut api = Api::at(world, &readings, fixture["clock"].as_str().unwrap());
        let asked = &fixture["request"];
        let headers: Vec<_> = asked["headers"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
            .collect();
        let body = match &asked["body"] {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let (method, path) = (
            asked["method"].as_str().unwrap(),
            asked["path"].as_str().unwrap(),
        );
        let got = api.send(&request(method, path, &headers, &body));
        let expected = fixture["response"]["body"].to_string();
        let expected = expected.replace("https://{whippy_api_url}", "http://localhost:8000");
        assert_eq!(got.status.as_u16(), fixture["response"]["status"], "{file}");
        assert_eq!(
            got.json(),
            serde_json::from_str::<Value>(&expected).unwrap(),
            "{file}"
        );
        assert!(
            got.rule().contains("grade=documented"),
            "{file}: {}",
            got.rule()
        );
    }
}

#[test]
fn each_world_validates_against_the_schema_of_worlds() {
    let (_, schema) = assets::SCHEMAS
        .iter()
        .find(|(file, _)| *file == "world.schema.json")
        .unwrap();
    let validator = validator(&serde_json::from_str(schema).unwrap());
    for name in assets::world_names() {
        let world: Value = serde_json::from_str(assets::world(name).unwrap()).unwrap();
        let errors: Vec<_> = validator
            .iter_errors(&world)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
        assert_eq!(world["name"], name);
        let dumped: Value = serde_json::from_slice(&store(name).dump().to_json()).unwrap();
        let errors: Vec<_> = validator
            .iter_errors(&dumped)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{name}, dumped: {errors:?}");
    }
}

#[test]
fn the_register_of_readings_validates_against_its_schema() {
    let (_, schema) = assets::SCHEMAS
        .iter()
        .find(|(file, _)| *file == "readings.schema.json")
        .unwrap();
    let register: Value = serde_saphyr::from_str(assets::READINGS).unwrap();
    let validator = validator(&serde_json::from_str(schema).unwrap());
    let errors: Vec<_> = validator
        .iter_errors(&register)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn each_schema_is_a_schema() {
    for (file, json) in assets::SCHEMAS {
        let schema: Value = serde_json::from_str(json).unwrap();
        assert!(jsonschema::draft202012::meta::is_valid(&schema), "{file}");
        assert_eq!(
            schema["$schema"], "https://json-schema.org/draft/2020-12/schema",
            "{file}"
        );
    }
}

#[test]
fn the_document_names_every_reading_and_choice() {
    let document = include_str!("../../../../docs/readings.md");
    for reading in Reading::ALL {
        let start = format!("| `{}` |", reading.id());
        let row = document.lines().find(|line| line.starts_with(&start));
        let row = row.unwrap_or_else(|| panic!("no row of {}", reading.id()));
        let names = match reading.accepts() {
            Accepts::Choices(choices) => choices.iter().map(|name| format!("`{name}`")).collect(),
            accepts @ Accepts::Number { .. } => vec![accepts.to_string()],
        };
        for name in names {
            assert!(row.contains(&name), "{}: {name}", reading.id());
        }
    }
}

#[test]
fn the_documents_name_every_operation_of_the_page_and_every_world() {
    let document = include_str!("../../../../docs/contract.md");
    let openapi = openapi();
    let stocks = ["/api/v1/stocks/", "/api/v1/active-stocks/"];
    for (path, method, operation) in operations(&openapi) {
        let id = operation["operationId"].as_str().unwrap();
        let row = format!("\n| `{id}` | `{method} {path}` |");
        let is_of_the_page = stocks.iter().any(|start| path.starts_with(start));
        assert_eq!(document.contains(&row), is_of_the_page, "{row}");
    }
    let document = include_str!("../../../../docs/worlds.md");
    for name in assets::world_names() {
        assert!(document.contains(&format!("\n| `{name}` |")), "{name}");
    }
}

#[test]
fn every_file_of_the_contract_is_embedded() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");
    let listed = |folder: &str, suffix: &str| -> BTreeSet<String> {
        std::fs::read_dir(format!("{root}{folder}"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(suffix))
            .collect()
    };
    let embedded = |assets: &[assets::Asset]| -> BTreeSet<String> {
        assets.iter().map(|(file, _)| (*file).to_owned()).collect()
    };
    assert_eq!(embedded(assets::SCHEMAS), listed("schemas", ".schema.json"));
    assert_eq!(embedded(assets::WORLDS), listed("fixtures/worlds", ".json"));
    assert_eq!(
        embedded(assets::DOCUMENTED),
        listed("fixtures/documented", ".json")
    );
}

#[test]
fn every_route_is_an_operation_and_every_operation_a_route() {
    let document = openapi();
    let described: BTreeSet<_> = operations(&document)
        .into_iter()
        .map(|(path, method, operation)| {
            (
                path,
                method,
                operation["operationId"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let profile = whippy_engine::profile::Profile::default();
    let mut routed: BTreeSet<_> = RESOURCES
        .iter()
        .flat_map(|resource| {
            resource
                .actions
                .iter()
                .map(move |action| (resource, action))
        })
        .filter(|(_, action)| action.only_if.is_none_or(|(_, test)| test(&profile)))
        .map(|(resource, action)| {
            (
                resource.path.to_owned(),
                action.verb.text().to_owned(),
                action.operation.to_owned(),
            )
        })
        .collect();
    // Every path takes OPTIONS; the document has the only one with a documented body.
    routed.insert((
        STOCKS.to_owned(),
        "OPTIONS".to_owned(),
        "stock-metadata".to_owned(),
    ));
    assert_eq!(described, routed);
}

#[test]
fn every_parameter_of_the_list_is_in_the_document() {
    let document = openapi();
    let parameters: BTreeSet<_> = document["paths"][STOCKS]["get"]["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|parameter| resolve(&document, parameter)["name"].as_str().unwrap())
        .collect();
    let filters = FILTERS.iter().flat_map(|field| field.parameters());
    for (name, _) in filters {
        assert!(parameters.contains(name.as_ref()), "{name}");
    }
    for name in ["sort", "page", "limit"] {
        assert!(parameters.contains(name), "{name}");
    }
}

#[rstest]
#[case("as it stands", openapi())]
#[case("in one piece", whippy_engine::openapi::stock_api())]
fn the_document_is_openapi_3_1(#[case] form: &str, #[case] document: Value) {
    let spec = oas3::from_json(document.to_string()).unwrap_or_else(|why| panic!("{form}: {why}"));
    assert!(spec.validate_version().is_ok(), "{form}");
    let operations = spec.operations().count();
    assert_eq!(operations, self::operations(&document).len(), "{form}");
    // An invalid document is noticed.
    let mut broken = document;
    broken["paths"] = json!([]);
    assert!(oas3::from_json(broken.to_string()).is_err(), "{form}");
}

#[test]
fn every_reference_of_the_bundle_leads_somewhere() {
    fn walk(document: &Value, value: &Value, seen: &mut usize) {
        match value {
            Value::Object(members) => {
                if let Some(target) = members.get("$ref").and_then(Value::as_str) {
                    let pointer = target
                        .strip_prefix('#')
                        .unwrap_or_else(|| panic!("{target}"));
                    assert!(document.pointer(pointer).is_some(), "{target}");
                    *seen += 1;
                }
                members
                    .values()
                    .for_each(|member| walk(document, member, seen));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(document, item, seen)),
            _ => {}
        }
    }
    let bundle = whippy_engine::openapi::stock_api();
    let mut seen = 0;
    walk(&bundle, &bundle, &mut seen);
    assert!(seen > 100, "{seen}");
}

#[test]
fn what_options_answers_is_what_the_document_shows() {
    let document = openapi();
    let got = Api::documented()
        .send(&request("OPTIONS", STOCKS, &[], ""))
        .status(200)
        .json();
    let schema = &document["paths"][STOCKS]["options"]["responses"]["200"]["content"]["application/json"]
        ["schema"];
    let validator = validator(schema);
    let errors: Vec<_> = validator
        .iter_errors(&got)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
}
