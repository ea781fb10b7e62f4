//! Traversals of a document.

use serde_json::{Map, Value};

/// Members that hold example data rather than descriptions.
const DATA: [&str; 5] = ["example", "examples", "value", "default", "enum"];

/// Visits every object of a value, the outer ones first.
pub(super) fn each_object(value: &mut Value, visit: &mut impl FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(members) => {
            visit(members);
            for member in members.values_mut() {
                each_object(member, visit);
            }
        }
        Value::Array(items) => {
            for item in items {
                each_object(item, visit);
            }
        }
        _ => {}
    }
}

/// Visits every schema that is not part of another one.
pub(super) fn each_schema(value: &mut Value, visit: &mut impl FnMut(&mut Value)) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match name.as_str() {
                    "schema" => visit(member),
                    "schemas" => member
                        .as_object_mut()
                        .into_iter()
                        .flat_map(Map::values_mut)
                        .for_each(&mut *visit),
                    name if DATA.contains(&name) => {}
                    _ => each_schema(member, visit),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                each_schema(item, visit);
            }
        }
        _ => {}
    }
}

/// The value that a reference points to; any other value itself.
pub(super) fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let target = value["$ref"].as_str();
    let pointer = target.and_then(|target| target.strip_prefix('#'));
    let found = pointer.and_then(|pointer| document.pointer(pointer));
    found.unwrap_or(value)
}
