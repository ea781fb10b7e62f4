//! A document that needs no other file.

use serde_json::{Map, Value};

use super::walk::each_object;
use crate::assets::SCHEMAS;

const COMPONENTS: &str = "#/components/schemas/";

/// The document with all schemas that it refers to, and their definitions, as components.
pub(super) fn document(json: &str) -> Value {
    let mut document: Value = serde_json::from_str(json).unwrap_or_default();
    let mut wanted = Vec::new();
    point_inward(&mut document, "", &mut wanted);
    let mut schemas = match document["components"]["schemas"].take() {
        Value::Object(own) => own,
        _ => Map::new(),
    };
    while let Some(file) = wanted.pop() {
        let name = component(&file);
        let Some((_, json)) = SCHEMAS.iter().find(|(known, _)| *known == file) else {
            continue;
        };
        if schemas.contains_key(&name) {
            continue;
        }
        let mut schema: Value = serde_json::from_str(json).unwrap_or_default();
        point_inward(&mut schema, &name, &mut wanted);
        if let Value::Object(members) = &mut schema {
            // The document states the dialect, and the component's name replaces the title.
            members.shift_remove("$schema");
            members.shift_remove("title");
            if let Some(Value::Object(definitions)) = members.shift_remove("$defs") {
                for (definition, value) in definitions {
                    schemas.insert(name.clone() + &type_name(&definition), value);
                }
            }
        }
        schemas.insert(name, schema);
    }
    schemas.sort_keys();
    document["components"]["schemas"] = Value::Object(schemas);
    document
}

/// The name of a file's component: `StockPage` for `stock-page.schema.json`.
fn component(file: &str) -> String {
    type_name(file.strip_suffix(".schema.json").unwrap_or(file))
}

/// The name in camel case: each word with a capital, separators removed.
pub(super) fn type_name(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric());
    let capitalized = words.map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + rest
    });
    capitalized.collect()
}

/// Rewrites references to files, to definitions and to the whole file into references to
/// components. `here` is the component of this file; files referred to are added to `wanted`.
fn point_inward(value: &mut Value, here: &str, wanted: &mut Vec<String>) {
    each_object(value, &mut |members| {
        let Some(Value::String(target)) = members.get_mut("$ref") else {
            return;
        };
        if target.ends_with(".schema.json") {
            wanted.push(target.clone());
            *target = COMPONENTS.to_owned() + &component(target);
        } else if let Some(definition) = target.strip_prefix("#/$defs/") {
            *target = format!("{COMPONENTS}{here}{}", type_name(definition));
        } else if target == "#" {
            *target = COMPONENTS.to_owned() + here;
        }
    });
}
