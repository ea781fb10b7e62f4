//! The document as OpenAPI 3.0.3, whose schemas predate JSON Schema 2020-12.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::walk::{each_schema, resolve};

/// Keywords that 3.0 lacks and that only restrict a schema, so it accepts the same values and
/// more without them.
const UNKNOWN: [&str; 1] = ["propertyNames"];

/// Names of components.
type Names = BTreeSet<String>;

/// Converts the document to 3.0.3.
pub(super) fn document(mut document: Value) -> Value {
    document["openapi"] = json!("3.0.3");
    if let Some(info) = document["info"].as_object_mut() {
        older_info(info);
    }
    let whole = document.clone();
    let mut nullable = Names::new();
    each_schema(&mut document, &mut |schema| {
        older(&whole, schema, &mut nullable);
    });
    // A schema accepts null only if each of its parts does.
    for name in nullable {
        document["components"]["schemas"][name]["nullable"] = json!(true);
    }
    document
}

/// Moves the summary into the first paragraph of the description, and replaces the licence's id
/// with its URL.
fn older_info(info: &mut Map<String, Value>) {
    if let Some(Value::String(summary)) = info.shift_remove("summary") {
        let rest = info.get("description").and_then(Value::as_str);
        let description = format!("{summary}\n\n{}", rest.unwrap_or_default());
        info.insert("description".to_owned(), description.into());
    }
    let Some(licence) = info.get_mut("license").and_then(Value::as_object_mut) else {
        return;
    };
    if let Some(Value::String(id)) = licence.shift_remove("identifier") {
        let address = format!("https://spdx.org/licenses/{id}.html");
        licence.insert("url".to_owned(), address.into());
    }
}

/// Converts a schema, its parts first. `document` is the original of version 3.1; `nullable`
/// collects the components that have to accept null.
fn older(document: &Value, schema: &mut Value, nullable: &mut Names) {
    let Some(members) = schema.as_object_mut() else {
        return;
    };
    for (name, member) in &mut *members {
        match name.as_str() {
            "properties" => member
                .as_object_mut()
                .into_iter()
                .flat_map(Map::values_mut)
                .for_each(|member| older(document, member, nullable)),
            "anyOf" | "oneOf" | "allOf" => {
                let forms = member.as_array_mut().into_iter().flatten();
                forms.for_each(|form| older(document, form, nullable));
            }
            "items" | "additionalProperties" | "not" => older(document, member, nullable),
            _ => {}
        }
    }
    members.retain(|name, _| !UNKNOWN.contains(&name.as_str()));
    constant(members);
    limits(members);
    examples(members);
    kinds(members);
    alternatives(document, members, nullable);
    reference(members);
}

/// Turns a constant into an enumeration of one value.
fn constant(members: &mut Map<String, Value>) {
    if let Some(value) = members.shift_remove("const") {
        members.insert("enum".to_owned(), json!([value]));
    }
}

/// Turns an exclusive bound into an inclusive one with a flag beside it.
fn limits(members: &mut Map<String, Value>) {
    for (exclusive, bound) in [
        ("exclusiveMinimum", "minimum"),
        ("exclusiveMaximum", "maximum"),
    ] {
        if let Some(limit) = members.get(exclusive).filter(|limit| limit.is_number()) {
            members.insert(bound.to_owned(), limit.clone());
            members.insert(exclusive.to_owned(), json!(true));
        }
    }
}

/// Keeps the first of several examples.
fn examples(members: &mut Map<String, Value>) {
    if let Some(Value::Array(examples)) = members.shift_remove("examples") {
        members.extend(
            examples
                .into_iter()
                .next()
                .map(|one| ("example".to_owned(), one)),
        );
    }
}

/// Turns a list of types into one type, with a flag if null is among them.
fn kinds(members: &mut Map<String, Value>) {
    let Some(Value::Array(types)) = members.get("type") else {
        return;
    };
    let known: Vec<_> = types
        .iter()
        .filter(|kind| *kind != "null")
        .cloned()
        .collect();
    let is_nullable = known.len() < types.len();
    if let Some(kind) = known.into_iter().next() {
        members.insert("type".to_owned(), kind);
    }
    if is_nullable {
        members.insert("nullable".to_owned(), json!(true));
    }
}

/// Turns the alternative `null` into the flag `nullable`, on the schema and on its other
/// alternatives. The schema gets the type that they have in common.
fn alternatives(document: &Value, members: &mut Map<String, Value>, nullable: &mut Names) {
    let Some(forms) = members.get_mut("anyOf").and_then(Value::as_array_mut) else {
        return;
    };
    let all = forms.len();
    forms.retain(|form| form["type"] != "null");
    if forms.len() == all {
        return;
    }
    if let [one] = forms.as_slice() {
        let mut one = resolve(document, one).clone();
        older(document, &mut one, nullable);
        members.shift_remove("anyOf");
        for (name, member) in one.as_object().into_iter().flatten() {
            members.entry(name).or_insert_with(|| member.clone());
        }
    } else {
        let kinds = forms.iter().map(|form| &resolve(document, form)["type"]);
        let kinds: BTreeSet<_> = kinds.filter_map(Value::as_str).collect();
        let common = kinds.first().filter(|_| kinds.len() == 1);
        let common = common.map(|kind| json!(kind));
        let targets = forms.iter().filter_map(|form| form["$ref"].as_str());
        nullable.extend(targets.map(|target| last(target).to_owned()));
        members.extend(common.map(|kind| ("type".to_owned(), kind)));
    }
    members.insert("nullable".to_owned(), json!(true));
}

fn last(target: &str) -> &str {
    target.rsplit('/').next().unwrap_or(target)
}

/// Wraps a reference in `allOf`, since 3.0 allows nothing beside a reference.
fn reference(members: &mut Map<String, Value>) {
    if !members.contains_key("$ref") || members.len() == 1 {
        return;
    }
    let target = members.shift_remove("$ref");
    members.retain(|name, _| !name.starts_with("x-"));
    if members.is_empty() {
        members.extend(target.map(|target| ("$ref".to_owned(), target)));
    } else {
        members.insert("allOf".to_owned(), json!([{"$ref": target}]));
    }
}
