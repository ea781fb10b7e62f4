//! The documentation of the admin paths: the table of routes, the OpenAPI document, the page and
//! the guide agree, and every example works.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jsonschema::Validator;
use serde_json::{Value, json};
use whippy_engine::{assets, openapi};
use whippy_mock::admin::ROUTES;
use whippy_mock::admin::page::{self, ExampleCall, Operation, operations};

use crate::support::{Answer, Mock, get, message, post};

const DOCS: &str = "/__admin/docs";

fn document() -> Value {
    openapi::admin_api(None)
}

/// Starts a mock with the state that the examples need.
fn mock_of_the_examples(args: &[&str]) -> Mock {
    let mock = Mock::start(&[&["--clock=2023-06-01T12:00:00+03:00"], args].concat());
    let sku = json!({"sku": "555AB1300456213004", "location": "110"});
    let stocks = "/worlds/checkout/api/v1/stocks/";
    mock.get(&format!("{stocks}?sku=555AB1300456213004"))
        .expect(200);
    mock.post(&format!("{stocks}increase_reserved_stock/"), &sku)
        .expect(201);
    mock
}

fn parameters<'a>(operation: &Operation<'a>, place: &str) -> BTreeSet<&'a str> {
    let parameters = operation.parameters().filter(|p| p["in"] == place);
    parameters.map(|p| p["name"].as_str().unwrap()).collect()
}

/// Returns a route as a line, and a line for each of its parameters.
fn lines(
    method: &str,
    path: &str,
    query: impl IntoIterator<Item = impl AsRef<str>>,
) -> Vec<String> {
    let route = format!("{method} {path}");
    let query = query.into_iter();
    let query = query.map(|name| format!("{route}?{}", name.as_ref()));
    let query: Vec<_> = query.collect();
    [vec![route], query].concat()
}

/// Returns `true` if the mock has the route and the parameters of an example.
fn is_there(operation: &Operation<'_>, call: &ExampleCall<'_>) -> bool {
    let method = operation.method.to_uppercase();
    let mut routes = ROUTES.iter();
    let route = routes.find(|r| r.path == operation.path && r.method == *method);
    let in_path = parameters(operation, "path");
    route.is_some_and(|route| {
        let mut names = call.parameters.iter().map(|(name, _)| name);
        names.all(|name| in_path.contains(name) || route.query.contains(name))
    })
}

fn request(operation: &Operation<'_>, target: &str, body: Option<&Value>, line: &[&str]) -> String {
    let body = body.map_or_else(String::new, Value::to_string);
    let method = operation.method.to_uppercase();
    message(&format!("{method} {target}"), line, &body)
}

#[track_caller]
fn send(mock: &Mock, operation: &Operation<'_>, call: &ExampleCall<'_>) -> Answer {
    let target = operation.target(&call.parameters);
    mock.ask(request(operation, &target, call.body, &[]))
}

/// Returns each operation that the mock has, with its first example that succeeds.
fn working(document: &Value) -> Vec<(Operation<'_>, ExampleCall<'_>)> {
    let working = operations(document).filter_map(|operation| {
        let mut calls = operation.calls();
        let call = calls.find(|call| call.status < 300).unwrap();
        is_there(&operation, &call).then_some((operation, call))
    });
    let working: Vec<_> = working.collect();
    assert!(working.len() > 20);
    working
}

/// Returns `true` if a response is a common one of many operations.
fn shares(operation: &Operation<'_>, status: &str, name: &str) -> bool {
    let target = format!("#/components/responses/{name}");
    operation.about["responses"][status]["$ref"] == target
}

#[track_caller]
fn problem(answer: &Answer, status: u16) -> String {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/problem+json");
    answer.json()["detail"].as_str().unwrap().to_owned()
}

fn validator(document: &Value, schema: &Value) -> Validator {
    let schema = json!({"components": document["components"], "allOf": [schema]});
    jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap()
}

#[track_caller]
fn assert_valid(document: &Value, schema: &Value, value: &Value, what: &str) {
    let validator = validator(document, schema);
    let errors = validator.iter_errors(value);
    let errors: Vec<_> = errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{what}: {errors:?}");
}

/// Returns the place where two values differ in more than their numbers and texts.
fn difference(path: &str, shown: &Value, got: &Value) -> Option<String> {
    match (shown, got) {
        (Value::Object(shown), Value::Object(got)) => {
            let names = |members: &serde_json::Map<String, Value>| -> BTreeSet<String> {
                members.keys().cloned().collect()
            };
            if names(shown) != names(got) {
                let (shown, got) = (names(shown), names(got));
                return Some(format!(
                    "{path}: the document shows {shown:?}, the mock {got:?}"
                ));
            }
            let mut members = shown.iter();
            members
                .find_map(|(name, value)| difference(&format!("{path}.{name}"), value, &got[name]))
        }
        (Value::Array(shown), Value::Array(got)) => {
            difference(&format!("{path}[0]"), shown.first()?, got.first()?)
        }
        _ => (std::mem::discriminant(shown) != std::mem::discriminant(got))
            .then(|| format!("{path}: the document shows {shown}, the mock {got}")),
    }
}

// The document.

#[test]
fn the_admin_document_is_openapi_3_1() {
    let on_disk: Value = serde_json::from_str(assets::ADMIN_OPENAPI).unwrap();
    for document in [on_disk, document()] {
        let spec = oas3::from_json(document.to_string()).unwrap();
        assert!(spec.validate_version().is_ok());
        assert_eq!(spec.operations().count(), operations(&document).count());
    }
}

#[test]
fn every_route_is_documented_and_every_documented_route_is_there() {
    let document = document();
    let documented: BTreeSet<_> = operations(&document)
        .flat_map(|o| lines(&o.method.to_uppercase(), o.path, parameters(&o, "query")))
        .collect();
    let table: BTreeSet<_> = ROUTES
        .iter()
        .flat_map(|r| lines(r.method.as_str(), r.path, r.query))
        .collect();
    let only_one_has: Vec<_> = documented.symmetric_difference(&table).collect();
    assert!(only_one_has.is_empty(), "{only_one_has:?}");
}

#[test]
fn every_parameter_of_a_path_is_documented() {
    let document = document();
    for operation in operations(&document) {
        let named = operation.path.split('{').skip(1);
        let named: BTreeSet<_> = named.map(|part| part.split_once('}').unwrap().0).collect();
        assert_eq!(parameters(&operation, "path"), named, "{}", operation.path);
    }
}

#[test]
fn every_reference_of_the_admin_document_leads_somewhere() {
    let document = document();
    let mut waiting = vec![&document];
    let mut references = 0;
    while let Some(value) = waiting.pop() {
        if let Some(target) = value.get("$ref").and_then(Value::as_str) {
            references += 1;
            let found = target.strip_prefix('#').and_then(|t| document.pointer(t));
            assert!(found.is_some(), "{target}");
        }
        match value {
            Value::Object(members) => waiting.extend(members.values()),
            Value::Array(items) => waiting.extend(items),
            _ => {}
        }
    }
    assert!(references > 100, "{references}");
}

#[test]
fn every_schema_of_the_admin_document_is_a_schema() {
    let document = document();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(jsonschema::draft202012::meta::is_valid(schema), "{name}");
    }
}

/// Every response has an example, or is a common one, or belongs to a future route.
#[test]
fn every_documented_answer_is_shown_and_every_example_belongs_to_a_call() {
    let document = document();
    for operation in operations(&document) {
        let name = operation.about["operationId"].as_str().unwrap();
        let calls: BTreeMap<_, _> = operation.calls().map(|c| (c.name, c.status)).collect();
        for (status, response) in operation.about["responses"].as_object().unwrap() {
            let is_shown = calls.values().any(|s| s.to_string() == *status);
            assert!(
                is_shown || response.get("$ref").is_some(),
                "{name} {status}"
            );
            let contents = response["content"].as_object().into_iter().flatten();
            for (example, _) in
                contents.flat_map(|(_, c)| c["examples"].as_object().into_iter().flatten())
            {
                let told = calls.get(example.as_str()).map(u64::to_string);
                assert_eq!(told.as_ref(), Some(status), "{name}: {example}");
            }
        }
        let bodies = &operation.about["requestBody"]["content"]["application/json"]["examples"];
        for (example, _) in bodies.as_object().into_iter().flatten() {
            assert!(calls.contains_key(example.as_str()), "{name}: {example}");
        }
    }
}

// The document and the mock.

#[test]
fn every_example_works_as_the_document_says() {
    let document = document();
    let mut walked = 0;
    for operation in operations(&document) {
        for call in operation.calls().filter(|call| is_there(&operation, call)) {
            let what = format!("{} {}: {}", operation.method, operation.path, call.name);
            if let (Some(body), true) = (call.body, call.status < 300) {
                let schema =
                    &operation.about["requestBody"]["content"]["application/json"]["schema"];
                assert_valid(&document, schema, body, &what);
            }
            let mock = mock_of_the_examples(&[]);
            let answer = send(&mock, &operation, &call);
            assert_eq!(
                u64::from(answer.status),
                call.status,
                "{what}: {}",
                answer.text()
            );
            walked += 1;
            let Some((media, schema)) = call.content else {
                assert_eq!(answer.text(), "", "{what}");
                continue;
            };
            let content_type = answer.header("content-type");
            assert_eq!(content_type.split(';').next(), Some(media), "{what}");
            if !media.ends_with("json") {
                continue;
            }
            let got = answer.json();
            assert_valid(&document, schema, &got, &what);
            let Some(shown) = call.answer else { continue };
            assert_valid(&document, schema, shown, &what);
            assert_eq!(difference("answer", shown, &got), None, "{what}");
            if call.status >= 400 {
                assert_eq!(shown, &got, "{what}");
            }
        }
    }
    assert!(walked > 40, "{walked}");
}

#[test]
fn without_the_token_the_documented_paths_answer_401() {
    let document = document();
    let mock = Mock::start(&["--admin-token=s3cret"]);
    for (operation, call) in working(&document) {
        let answer = send(&mock, &operation, &call);
        if shares(&operation, "401", "unauthorized") {
            problem(&answer, 401);
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        } else {
            answer.expect(200);
            assert_eq!(operation.about["security"], json!([]));
        }
    }
}

#[test]
fn to_a_page_of_another_origin_the_documented_paths_answer_403() {
    let document = document();
    let mock = Mock::start(&[]);
    for (operation, call) in working(&document) {
        let target = operation.target(&call.parameters);
        let foreign = ["Origin: http://example.com"];
        problem(
            &mock.ask(request(&operation, &target, call.body, &foreign)),
            403,
        );
        assert!(shares(&operation, "403", "forbidden"), "{}", operation.path);
    }
}

#[test]
fn a_parameter_that_is_not_documented_is_answered_400() {
    let document = document();
    let mock = mock_of_the_examples(&[]);
    for (operation, mut call) in working(&document) {
        call.parameters.push(("nonsense", Cow::Borrowed("1")));
        let detail = problem(&send(&mock, &operation, &call), 400);
        assert!(
            detail.starts_with("there is no parameter `nonsense`"),
            "{detail}"
        );
        assert!(
            operation.about["responses"]["400"].is_object(),
            "{}",
            operation.path
        );
    }
}

#[test]
fn a_method_that_is_not_documented_is_answered_405_and_the_documented_ones() {
    let document = document();
    let mock = mock_of_the_examples(&[]);
    let mut paths: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (operation, call) in working(&document) {
        let target = operation.target(&call.parameters);
        let path = target.split('?').next().unwrap().to_owned();
        let methods = paths.entry(path).or_default();
        methods.insert(operation.method.to_uppercase());
        assert!(shares(&operation, "405", "method-not-allowed"), "{target}");
    }
    for (path, methods) in paths {
        // A name in the path may stand for several documented worlds.
        let answer = mock.ask(message(&format!("PATCH {path}"), &[], ""));
        problem(&answer, 405);
        let allowed = answer.header("allow").split(", ");
        let allowed: BTreeSet<_> = allowed.map(str::to_owned).collect();
        assert!(
            methods.is_subset(&allowed),
            "{path}: {methods:?}, {allowed:?}"
        );
    }
}

#[test]
fn a_world_that_is_not_there_is_answered_404_where_the_document_says_so_and_else_made() {
    let document = document();
    let (mut refused, mut made) = (0, 0);
    for (operation, mut call) in working(&document) {
        let mut names = operation.parameters().map(|p| p["name"].clone());
        if !names.any(|name| name == "world") {
            continue;
        }
        call.parameters.retain(|(name, _)| *name != "world");
        call.parameters.push(("world", Cow::Borrowed("nowhere")));
        let mock = mock_of_the_examples(&[]);
        let answer = send(&mock, &operation, &call);
        if shares(&operation, "404", "unknown-world") {
            problem(&answer, 404);
            refused += 1;
        } else {
            assert_eq!(u64::from(answer.status), call.status, "{}", operation.path);
            made += 1;
        }
    }
    assert!(refused >= 6 && made >= 4, "{refused}, {made}");
}

#[test]
fn a_body_beyond_the_limit_is_answered_413_where_the_document_has_a_body() {
    let document = document();
    let mock = Mock::start(&["--body-limit=1"]);
    for (operation, call) in working(&document) {
        if operation.about["requestBody"].is_object() {
            problem(&send(&mock, &operation, &call), 413);
            assert!(shares(&operation, "413", "too-large"), "{}", operation.path);
        }
    }
}

#[test]
fn a_world_too_many_is_answered_503_where_the_document_says_so() {
    let document = document();
    let mock = mock_of_the_examples(&["--max-worlds=1"]);
    let mut refused = 0;
    for (operation, mut call) in working(&document) {
        if !shares(&operation, "503", "too-many-worlds") {
            continue;
        }
        for (name, value) in &mut call.parameters {
            if *name == "world" {
                *value = Cow::Borrowed("another");
            }
        }
        let detail = problem(&send(&mock, &operation, &call), 503);
        assert!(detail.starts_with("there are 1 worlds already"), "{detail}");
        refused += 1;
    }
    assert!(refused >= 5, "{refused}");
}

// The page.

#[test]
fn the_page_is_served_and_the_document_beside_it() {
    let mock = Mock::start(&[]);
    let page = mock.get(DOCS).expect(200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.text(), page::page(&document()));
    let served = mock.get("/__admin/admin.openapi.json").expect(200).json();
    assert_eq!(served, openapi::admin_api(Some("http://localhost")));
}

/// Returns the values of an attribute, in order.
fn attributes<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!(" {name}=\"");
    let parts = page.split(&start).skip(1);
    parts.map(|part| part.split_once('"').unwrap().0).collect()
}

#[test]
fn the_page_needs_nothing_from_elsewhere() {
    let page = page::page(&document());
    for loading in [
        "<script", "<link", "<img", "<iframe", "@import", "url(", " src=",
    ] {
        assert!(!page.contains(loading), "{loading}");
    }
    let ids = attributes(&page, "id");
    let unique: BTreeSet<_> = ids.iter().copied().collect();
    assert_eq!(ids.len(), unique.len(), "an id is there twice");
    let links = attributes(&page, "href");
    assert!(links.len() > 100, "{}", links.len());
    for link in links {
        let id = link.strip_prefix('#').unwrap_or_else(|| panic!("{link}"));
        assert!(unique.contains(id), "{link}");
    }
}

#[test]
fn the_page_has_every_operation_and_schema() {
    let document = document();
    let page = page::page(&document);
    let ids = attributes(&page, "id");
    for operation in operations(&document) {
        let id = operation.about["operationId"].as_str().unwrap();
        assert!(ids.contains(&&*format!("operation-{id}")), "{id}");
        for call in operation.calls() {
            assert!(
                page.contains(&format!("<p>{}</p>", call.summary)),
                "{}",
                call.summary
            );
        }
    }
    for (name, _) in document["components"]["schemas"].as_object().unwrap() {
        assert!(ids.contains(&&*format!("schema-{name}")), "{name}");
    }
}

// The guide.

/// Splits a shell command into words. `'` quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for (at, part) in line.split('\'').enumerate() {
        if at % 2 == 1 {
            words.last_mut().unwrap().push_str(part);
            continue;
        }
        for (at, piece) in part.split(char::is_whitespace).enumerate() {
            if at > 0 {
                words.push(String::new());
            }
            words.last_mut().unwrap().push_str(piece);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// A line of the guide: method and target, header lines, body, and the file for the answer.
struct Line {
    start: String,
    headers: Vec<String>,
    body: String,
    kept_as: Option<String>,
}

fn read(line: &str, files: &BTreeMap<String, String>) -> Line {
    let mut words = words(line).into_iter();
    assert_eq!(words.next().as_deref(), Some("curl"), "{line}");
    let (mut method, mut target, mut body, mut kept_as) = (None, None, None, None);
    let mut headers = Vec::new();
    while let Some(word) = words.next() {
        let mut next = || words.next().unwrap();
        match word.as_str() {
            "-N" | "-s" | "-i" => {}
            "-X" => method = Some(next()),
            "-H" => headers.push(next()),
            "-d" => {
                let text = next();
                body = Some(match text.strip_prefix('@') {
                    Some(file) => files[file].clone(),
                    None => text,
                });
            }
            ">" => kept_as = Some(next()),
            url => {
                let path = url.strip_prefix("http://localhost:8000");
                target = Some(path.unwrap_or_else(|| panic!("{line}: {url}")).to_owned());
            }
        }
    }
    let usual = if body.is_some() { "POST" } else { "GET" };
    let method = method.unwrap_or_else(|| usual.to_owned());
    Line {
        start: format!("{method} {}", target.unwrap()),
        headers,
        body: body.unwrap_or_default(),
        kept_as,
    }
}

/// Sends every `curl` line of a guide to a new mock, in order; each must succeed.
#[track_caller]
fn follow(guide: &str) -> (Mock, Vec<Answer>) {
    let mock = Mock::start(&[]);
    let mut files = BTreeMap::new();
    let mut answers = Vec::new();
    for block in guide.split("```sh\n").skip(1) {
        let block = block.split("```").next().unwrap().replace("\\\n", " ");
        for line in block.lines().filter(|line| line.starts_with("curl ")) {
            let Line {
                start,
                headers,
                body,
                kept_as,
            } = read(line, &files);
            let headers: Vec<_> = headers.iter().map(String::as_str).collect();
            let answer = mock.ask(message(&start, &headers, &body));
            assert!(
                (200..300).contains(&answer.status),
                "{line}: {}",
                answer.text()
            );
            if let Some(name) = kept_as {
                files.insert(name, answer.text());
            }
            answers.push(answer);
        }
    }
    (mock, answers)
}

#[test]
fn every_line_of_the_first_steps_works_one_after_the_other() {
    let (_mock, answers) = follow(include_str!("../../../docs/first-steps.md"));
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200, 200, 201, 201, 208, 200, 200, 200, 200]);
    let quantity = |answer: &Answer| answer.json()["Store_checkResult"][0]["stock"].clone();
    assert_eq!(quantity(&answers[6]), 7);
    assert_eq!(quantity(&answers[7]), 6);
}

#[test]
fn the_first_test_of_the_rust_guide_is_one_that_runs() {
    let guide = include_str!("../../../docs/rust.md");
    let (_, code) = include_str!("first_test.rs").split_once("\n\n").unwrap();
    assert!(guide.contains(&format!("```rust\n{code}```\n")), "{code}");
}

#[test]
fn every_line_of_the_guide_works_one_after_the_other() {
    let (mock, answers) = follow(include_str!("../../../docs/admin.md"));
    assert!(answers.len() > 15, "{}", answers.len());
    // The state is the one that the guide describes.
    let stocks = |world: &str| {
        mock.ask(get(&format!("/worlds/{world}/api/v1/stocks/")))
            .json()["count"]
            .clone()
    };
    assert_eq!(stocks("default"), 3);
    mock.ask(post("/__admin/shutdown", &json!({}))).expect(200);
}
