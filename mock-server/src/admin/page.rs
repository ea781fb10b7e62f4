//! An OpenAPI document as a page for people: one HTML file for a screen, a phone or paper, with no
//! scripts and nothing loaded from elsewhere.
//!
//! In addition to OpenAPI, `x-calls` of an operation lists its examples: a summary, the parameters
//! and the status of the answer. The bodies are the examples of the same name in its request and in
//! its response.

use std::borrow::Cow;
use std::fmt::Write as _;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value;

use whippy_engine::html as shared_html;
use whippy_engine::wire::urlencoded;

const STYLE: &str = include_str!("page.css");

/// A policy under which nothing is loaded, and nothing runs.
const POLICY: &str =
    "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'unsafe-inline'";

/// The longest line of JSON, columns.
const WIDTH: usize = 76;

const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];

/// An operation of a document.
#[derive(Debug, Clone, Copy)]
pub struct Operation<'a> {
    document: &'a Value,
    /// The path, with names of parameters in braces.
    pub path: &'a str,
    /// The method in small letters, as in the document.
    pub method: &'static str,
    /// The description of the operation in the document.
    pub about: &'a Value,
}

/// An example of an operation: its request and its answer.
#[derive(Debug, Clone)]
pub struct ExampleCall<'a> {
    /// The name, unique within the operation.
    pub name: &'a str,
    /// The summary, for people.
    pub summary: &'a str,
    /// The values of path and query parameters.
    pub parameters: Vec<(&'a str, Cow<'a, str>)>,
    /// The body of the request, if any.
    pub body: Option<&'a Value>,
    /// The status of the answer.
    pub status: u64,
    /// The type of the answer's body, and its schema; `None` where it has none.
    pub content: Option<(&'a str, &'a Value)>,
    /// The body of the answer, where the document shows it.
    pub answer: Option<&'a Value>,
}

/// Returns the operations of a document, path by path.
pub fn operations(document: &Value) -> impl Iterator<Item = Operation<'_>> {
    let paths = members(&document["paths"]);
    paths.flat_map(move |(path, item)| {
        let methods = METHODS.into_iter();
        methods.filter_map(move |method| {
            Some(Operation {
                document,
                path,
                method,
                about: item.get(method)?,
            })
        })
    })
}

impl<'a> Operation<'a> {
    /// Returns the parameters, as the document describes them.
    pub fn parameters(&self) -> impl Iterator<Item = &'a Value> + use<'a> {
        let document = self.document;
        items(&self.about["parameters"]).map(move |parameter| resolve(document, parameter).1)
    }

    /// Returns the examples.
    pub fn calls(&self) -> impl Iterator<Item = ExampleCall<'a>> + use<'a> {
        let operation = *self;
        members(&self.about["x-calls"]).map(move |(name, call)| operation.call(name, call))
    }

    fn call(&self, name: &'a str, call: &'a Value) -> ExampleCall<'a> {
        let bodies = &self.about["requestBody"]["content"]["application/json"];
        let status = call["status"].as_u64().unwrap_or_default();
        let response = &self.about["responses"][status.to_string()];
        let contents = &resolve(self.document, response).1["content"];
        let content = match call["media"].as_str() {
            Some(media) => contents.get(media).map(|content| (media, content)),
            None => members(contents).next(),
        };
        let parameters = members(&call["parameters"]).map(|(name, value)| (name, plain(value)));
        ExampleCall {
            name,
            summary: text(call, "summary"),
            parameters: parameters.collect(),
            body: bodies["examples"][name].get("value"),
            status,
            content: content.map(|(media, content)| (media, &content["schema"])),
            answer: content.and_then(|(_, content)| content["examples"][name].get("value")),
        }
    }

    /// Returns path and query with these values.
    pub fn target(&self, parameters: &[(&'a str, Cow<'a, str>)]) -> String {
        let mut path = self.path.to_owned();
        let mut query = Vec::new();
        for (name, value) in parameters {
            let place = format!("{{{name}}}");
            if path.contains(&place) {
                path = path.replace(&place, &urlencoded::encode_path(value));
            } else {
                query.push((Cow::Borrowed(*name), value.clone()));
            }
        }
        match query.pop() {
            None => path,
            Some((name, value)) => {
                path + "?" + &urlencoded::with_parameter(&query, &name, Some(&value))
            }
        }
    }

    fn id(&self) -> &'a str {
        text(self.about, "operationId")
    }
}

/// Renders a document as a page.
pub fn page(document: &Value) -> String {
    let info = &document["info"];
    let title = text(info, "title");
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head { (PreEscaped(shared_html::head(title, POLICY, STYLE))) }
            body.document {
                a.skip href="#operations" { "To the operations" }
                header {
                    h1 { (title) }
                    p.lead { (spans(text(info, "summary"))) }
                    (prose(text(info, "description")))
                }
                (contents(document))
                main #operations {
                    @for tag in items(&document["tags"]) {
                        section aria-labelledby=(anchor("part", text(tag, "name"))) {
                            (heading(&anchor("part", text(tag, "name")), text(tag, "name")))
                            (prose(text(tag, "description")))
                            @for operation in of_tag(document, text(tag, "name")) {
                                (self::operation(&operation))
                            }
                        }
                    }
                    (refusals(document))
                    (schemas(document))
                }
            }
        }
    };
    page.into_string() + "\n"
}

fn of_tag<'a>(document: &'a Value, tag: &str) -> impl Iterator<Item = Operation<'a>> {
    operations(document).filter(move |o| items(&o.about["tags"]).any(|name| name == tag))
}

fn contents(document: &Value) -> Markup {
    html! {
        nav aria-label="Contents" {
            @for tag in items(&document["tags"]) {
                section {
                    h2 { (capitalized(text(tag, "name"))) }
                    ul {
                        @for operation in of_tag(document, text(tag, "name")) {
                            li {
                                a href=(link("operation", operation.id())) { (name(&operation)) }
                            }
                        }
                    }
                }
            }
            section {
                h2 { "Beside them" }
                ul {
                    li { a href="#refusals" { "Refusals" } }
                    li { a href="#schemas" { "Schemas" } }
                }
            }
        }
    }
}

/// Renders method and path.
fn name(operation: &Operation<'_>) -> Markup {
    html! {
        span class=(format!("method {}", operation.method)) { (operation.method.to_uppercase()) }
        " " code { (breakable(operation.path)) }
    }
}

fn operation(operation: &Operation<'_>) -> Markup {
    let about = operation.about;
    let id = anchor("operation", operation.id());
    let body = &about["requestBody"];
    let schema = &body["content"]["application/json"]["schema"];
    let is_needed = body["required"] == true;
    html! {
        section.operation id=(id) {
            h3 { a href=(format!("#{id}")) { (name(operation)) } }
            p { strong { (text(about, "summary")) } }
            (prose(text(about, "description")))
            @if operation.parameters().next().is_some() {
                h4 { "Parameters" }
                table {
                    @for parameter in operation.parameters() { (self::parameter(parameter)) }
                }
            }
            @if !body.is_null() {
                h4 { "Body" @if !is_needed { ", may be left out" } }
                @if schema.get("$ref").is_some() { p { (kind(schema)) } } @else { (shape(schema)) }
            }
            h4 { "Answers" }
            table.answers {
                @for (status, response) in members(&about["responses"]) {
                    @if response.get("$ref").is_none() { (self::response(status, response)) }
                }
            }
            (shared(&about["responses"]))
            h4 { "Examples" }
            @for call in operation.calls() { (example(operation, &call)) }
        }
    }
}

fn parameter(parameter: &Value) -> Markup {
    html! {
        tr {
            th scope="row" { code { (text(parameter, "name")) } }
            td {
                p { (spans(text(parameter, "description"))) }
                span.type { (kind(&parameter["schema"])) ", in the " (text(parameter, "in")) }
            }
        }
    }
}

fn response(status: &str, response: &Value) -> Markup {
    html! {
        tr {
            th scope="row" { (self::status(status)) }
            td {
                p { (spans(text(response, "description"))) }
                @for (media, content) in members(&response["content"]) {
                    span.type { code { (media) } ": " (kind(&content["schema"])) }
                    @if content["schema"].get("properties").is_some() {
                        (shape(&content["schema"]))
                    }
                }
                (headers(response))
            }
        }
    }
}

fn headers(response: &Value) -> Markup {
    html! {
        @for (name, header) in members(&response["headers"]) {
            span.type { code { (name) } ": " (spans(text(header, "description"))) }
        }
    }
}

/// Renders the answers that many operations share.
fn shared(responses: &Value) -> Markup {
    let shared: Vec<_> = members(responses)
        .filter_map(|(status, response)| Some((status, last(response.get("$ref")?))))
        .collect();
    html! {
        @if !shared.is_empty() {
            p.soft {
                "And, like others: "
                @for (at, (status, name)) in shared.iter().enumerate() {
                    @if at > 0 { ", " }
                    a href=(link("refusal", name)) { (status) }
                }
                "."
            }
        }
    }
}

fn status(status: &str) -> Markup {
    let class = status.get(..1).unwrap_or_default();
    html! { span class=(format!("status s{class}")) { (status) } }
}

fn example(operation: &Operation<'_>, call: &ExampleCall<'_>) -> Markup {
    let answers = html! { "Answers " (status(&call.status.to_string())) };
    html! {
        div.example {
            p { (call.summary) }
            pre { code { (curl(operation, call)) } }
            @match call.answer {
                Some(answer) => details {
                    summary { (answers) }
                    pre { code { (shown(answer)) } }
                },
                None => p { (answers) },
            }
        }
    }
}

/// Renders the example as a command line with `curl`.
fn curl(operation: &Operation<'_>, call: &ExampleCall<'_>) -> String {
    let server = text(&operation.document["servers"][0], "url");
    let target = operation.target(&call.parameters);
    let address = format!("{server}{target}");
    let address = if target.contains(['?', '&']) {
        format!("'{address}'")
    } else {
        address
    };
    let method = match (operation.method, call.body) {
        ("get", _) | ("post", Some(_)) => String::new(),
        (method, _) => format!("-X {} ", method.to_uppercase()),
    };
    let body = call.body.map_or_else(String::new, |body| {
        // In single quotes a shell takes everything as it stands, except a single quote.
        let body = shown(body).replace('\'', r"'\''");
        format!(" \\\n  -H 'Content-Type: application/json' \\\n  -d '{body}'")
    });
    let stays_open = call
        .content
        .is_some_and(|(media, _)| media == "text/event-stream");
    let unbuffered = if stays_open { "-N " } else { "" };
    format!("curl {unbuffered}{method}{address}{body}")
}

/// Formats a value for people: on one line where it fits.
fn shown(value: &Value) -> String {
    let mut out = String::new();
    write_shown(value, 0, 0, &mut out);
    out
}

/// Writes a value at the end of a line with `taken` columns used.
fn write_shown(value: &Value, indent: usize, taken: usize, out: &mut String) {
    let line = spaced(&value.to_string());
    let parts: Vec<(String, &Value)> = match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (format!("{}: ", Value::from(name.as_str())), value))
            .collect(),
        Value::Array(items) => items.iter().map(|item| (String::new(), item)).collect(),
        _ => Vec::new(),
    };
    if parts.is_empty() || taken + line.len() <= WIDTH {
        *out += &line;
        return;
    }
    let (open, close) = if value.is_array() {
        ('[', ']')
    } else {
        ('{', '}')
    };
    let inner = indent + 2;
    out.push(open);
    for (at, (name, value)) in parts.iter().enumerate() {
        *out += if at == 0 { "\n" } else { ",\n" };
        *out += &" ".repeat(inner);
        *out += name;
        write_shown(value, inner, inner + name.len(), out);
    }
    out.push('\n');
    *out += &" ".repeat(indent);
    out.push(close);
}

/// Adds a space after each colon and comma of one-line JSON, outside texts.
fn spaced(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let (mut in_text, mut escaped) = (false, false);
    for c in json.chars() {
        out.push(c);
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => in_text = !in_text,
            ':' | ',' if !in_text => out.push(' '),
            _ => {}
        }
    }
    out
}

fn refusals(document: &Value) -> Markup {
    html! {
        section aria-labelledby="refusals" {
            (heading("refusals", "refusals"))
            p { "What many paths answer alike, each as a problem document." }
            table {
                @for (name, response) in members(&document["components"]["responses"]) {
                    tr id=(anchor("refusal", name)) {
                        th scope="row" { (capitalized(&name.replace('-', " "))) }
                        td {
                            p { (spans(text(response, "description"))) }
                            (headers(response))
                        }
                    }
                }
            }
        }
    }
}

fn schemas(document: &Value) -> Markup {
    html! {
        section aria-labelledby="schemas" {
            (heading("schemas", "schemas"))
            @for (name, schema) in members(&document["components"]["schemas"]) {
                section.operation id=(anchor("schema", name)) {
                    h3 { code { (name) } }
                    (prose(text(schema, "description")))
                    (shape(schema))
                }
            }
        }
    }
}

/// Renders the members of a schema as a table; a schema with several forms has one for each.
fn shape(schema: &Value) -> Markup {
    let mut rows = Vec::new();
    gather(schema, "", &mut rows);
    let forms = || items(&schema["anyOf"]);
    html! {
        @if forms().next().is_some() {
            @for (at, form) in forms().enumerate() {
                @if at > 0 { p.soft { "or" } }
                (shape(form))
            }
        } @else if rows.is_empty() {
            p.soft { (kind(schema)) }
        } @else {
            table {
                @for row in rows {
                    tr {
                        th scope="row" { code { (breakable(&row.name)) } }
                        td {
                            p { (spans(text(row.schema, "description"))) }
                            span.type {
                                (kind(row.schema))
                                @if !row.is_required { ", may be left out" }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A row of a table: one member of an object.
struct Row<'a> {
    /// The name with those of the objects around it: `requests[].id`.
    name: String,
    schema: &'a Value,
    is_required: bool,
}

fn gather<'a>(schema: &'a Value, before: &str, rows: &mut Vec<Row<'a>>) {
    for (name, member) in members(&schema["properties"]) {
        let name = format!("{before}{name}");
        rows.push(Row {
            name: name.clone(),
            schema: member,
            is_required: items(&schema["required"])
                .any(|required| required.as_str() == Some(&name[before.len()..])),
        });
        gather(member, &format!("{name}."), rows);
        gather(&member["items"], &format!("{name}[]."), rows);
        for form in items(&member["anyOf"]) {
            gather(form, &format!("{name}."), rows);
        }
    }
}

/// Renders the type of a value in words.
fn kind(schema: &Value) -> Markup {
    let is_listed = |name: &str| items(&schema[name]).next().is_some();
    html! {
        @if let Some(target) = schema.get("$ref") {
            a href=(link("schema", last(target))) { (last(target)) }
        } @else if let Some(value) = schema.get("const") {
            code { (value) }
        } @else if is_listed("enum") {
            @for (at, value) in items(&schema["enum"]).enumerate() {
                @if at > 0 { " or " }
                code { (value) }
            }
        } @else if is_listed("anyOf") {
            @for (at, form) in items(&schema["anyOf"]).enumerate() {
                @if at > 0 { " or " }
                (kind(form))
            }
        } @else if schema["type"] == "array" {
            "list"
            @if !schema["items"].is_null() { " of " (kind(&schema["items"])) }
        } @else {
            (types(&schema["type"]))
            (bounds(schema))
        }
        @if let Some(default) = schema.get("default") { ", by default " code { (default) } }
    }
}

fn types(types: &Value) -> String {
    match types {
        Value::String(name) => name.clone(),
        Value::Array(_) => items(types)
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(" or "),
        _ => "anything".to_owned(),
    }
}

fn bounds(schema: &Value) -> String {
    let mut bounds = match (schema.get("minimum"), schema.get("maximum")) {
        (Some(least), Some(most)) => format!(" from {least} to {most}"),
        (Some(least), None) => format!(" from {least}"),
        (None, Some(most)) => format!(" up to {most}"),
        (None, None) => String::new(),
    };
    if let Some(most) = schema.get("maxLength") {
        let _ = write!(bounds, " of at most {most} characters");
    }
    if let Some(format) = schema["format"].as_str() {
        let _ = write!(bounds, ", a {format}");
    }
    bounds
}

fn heading(id: &str, title: &str) -> Markup {
    html! { h2 id=(id) { (capitalized(title)) } }
}

/// Renders paragraphs.
fn prose(text: &str) -> Markup {
    html! {
        @for paragraph in text.split("\n\n").filter(|p| !p.is_empty()) {
            p { (spans(paragraph)) }
        }
    }
}

/// Renders a line, in which text between back-quotes is code.
fn spans(text: &str) -> Markup {
    html! {
        @for (at, part) in text.split('`').enumerate() {
            @if at % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// Renders a path or a name that may be broken before each of its parts.
fn breakable(name: &str) -> Markup {
    let parts = name.split_inclusive(['/', '.']);
    html! { @for part in parts { (part) wbr; } }
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string());
    first.unwrap_or_default() + chars.as_str()
}

fn anchor(kind: &str, name: &str) -> String {
    format!("{kind}-{}", name.replace(' ', "-"))
}

fn link(kind: &str, name: &str) -> String {
    format!("#{}", anchor(kind, name))
}

/// Returns the last part of a reference.
fn last(target: &Value) -> &str {
    let target = target.as_str().unwrap_or_default();
    target.rsplit('/').next().unwrap_or_default()
}

/// Returns the reference that a value holds, if any, and its target; otherwise the value itself.
fn resolve<'a>(document: &'a Value, value: &'a Value) -> (Option<&'a str>, &'a Value) {
    let target = value.get("$ref").and_then(Value::as_str);
    let found = target.and_then(|target| document.pointer(target.strip_prefix('#')?));
    (target, found.unwrap_or(value))
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// Formats a value as a parameter has it.
fn plain(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let members = value.as_object().into_iter().flatten();
    members.map(|(name, value)| (name.as_str(), value))
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document() -> Value {
        json!({
            "info": {"title": "A <b> & `c`", "summary": "Of `d<e`"},
            "servers": [{"url": "http://localhost"}],
            "tags": [{"name": "one"}],
            "paths": {"/{name}": {"put": {
                "operationId": "put-one",
                "tags": ["one"],
                "requestBody": {"content": {"application/json": {"examples": {
                    "say": {"value": {"text": "it's: <i>"}},
                }}}},
                "responses": {"200": {"content": {"text/plain": {}}}},
                "x-calls": {"say": {"parameters": {"name": "a b", "x": "1&2", "y": 3}, "status": 200}},
            }}},
        })
    }

    #[test]
    fn a_call_becomes_a_line_that_a_shell_takes() {
        let document = document();
        let operation = operations(&document).next().unwrap();
        let call = operation.calls().next().unwrap();
        assert_eq!(
            curl(&operation, &call),
            "curl -X PUT 'http://localhost/a%20b?x=1%262&y=3' \\\n  \
             -H 'Content-Type: application/json' \\\n  -d '{\"text\": \"it'\\''s: <i>\"}'"
        );
    }

    #[test]
    fn what_is_long_is_broken_and_what_fits_stays_on_a_line() {
        let long = "x".repeat(60);
        let value = json!({"a, b": [1, {"c": "\", :"}], "d": [long, {}], "e": []});
        let expected = format!(
            "{{\n  \"a, b\": [1, {{\"c\": \"\\\", :\"}}],\n  \"d\": [\"{long}\", {{}}],\n  \"e\": []\n}}"
        );
        assert_eq!(shown(&value), expected);
    }

    #[test]
    fn what_the_document_says_is_text_and_not_markup() {
        let page = page(&document());
        assert!(page.contains("<h1>A &lt;b&gt; &amp; `c`</h1>"), "{page}");
        assert!(page.contains("Of <code>d&lt;e</code>"), "{page}");
        assert!(!page.contains("<i>"), "{page}");
    }

    #[test]
    fn members_of_members_are_named_with_those_around_them() {
        let schema = json!({"properties": {
            "a": {"type": "array", "items": {"required": ["b"], "properties": {"b": {}, "c": {}}}},
        }});
        let mut rows = Vec::new();
        gather(&schema, "", &mut rows);
        let rows: Vec<_> = rows.iter().map(|r| (&*r.name, r.is_required)).collect();
        assert_eq!(rows, [("a", false), ("a[].b", true), ("a[].c", false)]);
    }
}
