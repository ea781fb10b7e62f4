//! The document as a Postman collection (format 2.1): a folder for each tag, and a request for
//! each operation and example of its body, with the answers that the document shows. A test in
//! each request checks that the document knows the status of the answer.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::walk::resolve;

const SCHEMA: &str = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json";

/// The methods of a path, in the order of their requests.
const METHODS: [&str; 3] = ["get", "post", "options"];

struct Operation<'a> {
    document: &'a Value,
    path: &'a str,
    method: &'static str,
    about: &'a Value,
}

/// The whole collection.
pub(super) fn collection(document: &Value) -> Value {
    let info = &document["info"];
    let tags = document["tags"].as_array().into_iter().flatten();
    let folders = tags.map(|tag| {
        let requests = operations(document)
            .filter(|operation| operation.about["tags"][0] == tag["name"])
            .flat_map(|operation| operation.items());
        json!({
            "name": tag["name"],
            "description": tag["description"],
            "item": requests.collect::<Vec<_>>(),
        })
    });
    json!({
        "info": {
            "name": info["title"],
            "description": info["description"],
            "version": info["version"],
            "schema": SCHEMA,
        },
        "auth": {"type": "apikey", "apikey": [
            {"key": "key", "value": "Authorization", "type": "string"},
            {"key": "value", "value": "Token {{token}}", "type": "string"},
            {"key": "in", "value": "header", "type": "string"},
        ]},
        "variable": [
            {"key": "baseUrl", "value": document["servers"][0]["url"], "type": "string"},
            {"key": "token", "value": "any", "type": "string"},
        ],
        "item": folders.collect::<Vec<_>>(),
    })
}

fn operations(document: &Value) -> impl Iterator<Item = Operation<'_>> {
    members(&document["paths"]).flat_map(move |(path, item)| {
        METHODS.into_iter().filter_map(move |method| {
            let about = item.get(method)?;
            Some(Operation {
                document,
                path,
                method,
                about,
            })
        })
    })
}

impl Operation<'_> {
    /// The operation's requests: one for each example of its body, or a single one.
    fn items(&self) -> Vec<Value> {
        let content = &self.about["requestBody"]["content"]["application/json"];
        let bodies: Vec<_> = members(&content["examples"]).collect();
        match bodies.as_slice() {
            [] => vec![self.item("", None)],
            [(_, body)] => vec![self.item("", body.get("value"))],
            several => {
                let named = several.iter();
                named
                    .map(|(name, body)| self.item(name, body.get("value")))
                    .collect()
            }
        }
    }

    fn item(&self, example: &str, body: Option<&Value>) -> Value {
        let summary = self.about["summary"].as_str().unwrap_or_default();
        let name = match example {
            "" => summary.to_owned(),
            example => format!("{summary} ({})", example.replace('-', " ")),
        };
        let request = self.request(body);
        // The refusals that all operations share would make up most of the collection.
        let own = members(&self.about["responses"]).filter(|(_, it)| it.get("$ref").is_none());
        let answers = own.flat_map(|(status, response)| answers(status, response, &request));
        let answers: Vec<_> = answers.collect();
        let mut item = json!({
            "name": name,
            "request": request,
            "response": answers,
            "event": [self.test()],
        });
        if self.method == "get" && body.is_some() {
            // Postman removes the body of a GET unless this is set.
            item["protocolProfileBehavior"] = json!({"disableBodyPruning": true});
        }
        item
    }

    fn request(&self, body: Option<&Value>) -> Value {
        let mut request = json!({
            "method": self.method.to_uppercase(),
            "header": [{"key": "Accept", "value": "application/json"}],
            "url": self.url(body.is_some()),
            "description": self.about["description"],
        });
        if self.about["security"].as_array().is_some_and(Vec::is_empty) {
            request["auth"] = json!({"type": "noauth"});
        }
        if let Some(body) = body {
            request["header"] = json!([
                {"key": "Accept", "value": "application/json"},
                {"key": "Content-Type", "value": "application/json"},
            ]);
            request["body"] = json!({
                "mode": "raw",
                "raw": serde_json::to_string_pretty(body).unwrap_or_default(),
                "options": {"raw": {"language": "json"}},
            });
        }
        request
    }

    /// The URL. Parameters of the query are disabled until a user switches them on.
    fn url(&self, has_body: bool) -> Value {
        let segments = self.path.trim_start_matches('/').split('/');
        let segments: Vec<_> = segments
            .map(|part| match part.strip_prefix('{') {
                Some(name) => format!(":{}", name.trim_end_matches('}')),
                None => part.to_owned(),
            })
            .collect();
        let raw = format!("{{{{baseUrl}}}}/{}", segments.join("/"));
        let mut url = json!({"raw": raw, "host": ["{{baseUrl}}"], "path": segments});
        let parameters = self.about["parameters"].as_array().into_iter().flatten();
        let parameters: Vec<_> = parameters.map(|it| resolve(self.document, it)).collect();
        let variables = of_place(&parameters, "path").map(
            |it| json!({"key": it["name"], "value": shown(it), "description": it["description"]}),
        );
        let variables: Vec<_> = variables.collect();
        let query = of_place(&parameters, "query")
            .filter(|_| !has_body)
            .map(|it| {
                json!({
                    "key": it["name"],
                    "value": shown(it),
                    "description": it["description"],
                    "disabled": true,
                })
            });
        let query: Vec<_> = query.collect();
        if !variables.is_empty() {
            url["variable"] = variables.into();
        }
        if !query.is_empty() {
            url["query"] = query.into();
        }
        url
    }

    /// The test that a run of the collection applies to each answer.
    fn test(&self) -> Value {
        let known: Vec<_> = members(&self.about["responses"])
            .filter_map(|(status, _)| status.parse::<u16>().ok())
            .filter(|status| *status < 500)
            .map(|status| status.to_string())
            .collect();
        let known = known.join(", ");
        json!({"listen": "test", "script": {"type": "text/javascript", "exec": [
            "pm.test('the document knows the answer', () => {",
            format!("  pm.expect(pm.response.code).to.be.oneOf([{known}]);"),
            "});",
        ]}})
    }
}

/// The example answers of one status.
fn answers(status: &str, response: &Value, request: &Value) -> Vec<Value> {
    let code: u16 = status.parse().unwrap_or_default();
    let reason = StatusCode::from_u16(code).ok();
    let reason = reason.and_then(|status| status.canonical_reason());
    let examples = members(&response["content"]["application/json"]["examples"]);
    let answers = examples.map(|(name, example)| {
        let body = serde_json::to_string_pretty(&example["value"]).unwrap_or_default();
        json!({
            "name": format!("{status}: {}", name.replace('-', " ")),
            "originalRequest": request,
            "status": reason.unwrap_or_default(),
            "code": code,
            "_postman_previewlanguage": "json",
            "header": [{"key": "Content-Type", "value": "application/json"}],
            "body": body,
        })
    });
    answers.collect()
}

fn of_place<'a>(parameters: &[&'a Value], place: &str) -> impl Iterator<Item = &'a Value> {
    parameters
        .iter()
        .copied()
        .filter(move |it| it["in"] == place)
}

/// The example value of a parameter as text.
fn shown(parameter: &Value) -> String {
    let examples = members(&parameter["examples"]).next();
    let example = examples.map_or(&parameter["example"], |(_, example)| &example["value"]);
    match example {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}
