//! Small edits of JSON values, the building blocks of the tables' rows.

use serde_json::{Map, Value};

/// A JSON object; its members keep their order.
pub(super) type Object = Map<String, Value>;

/// Edits each row of a body: the rows of a page, or of a query of one or several SKUs; the body
/// itself where it is a single object.
pub(super) fn rows(body: &mut Value, mut edit: impl FnMut(&mut Object)) {
    let mut each = |rows: &mut Vec<Value>| {
        rows.iter_mut()
            .filter_map(Value::as_object_mut)
            .for_each(&mut edit);
    };
    let Value::Object(object) = body else {
        return;
    };
    if let Some(Value::Array(rows)) = object.get_mut("results") {
        each(rows);
    } else if let Some(result) = object.get_mut("Store_checkResult") {
        match result {
            Value::Array(rows) => each(rows),
            Value::Object(skus) => skus
                .values_mut()
                .filter_map(Value::as_array_mut)
                .for_each(each),
            _ => {}
        }
    } else {
        edit(object);
    }
}

/// Renames a member, which keeps its position.
pub(super) fn rename(object: &mut Object, from: &str, to: &str) {
    *object = std::mem::take(object)
        .into_iter()
        .map(|(name, value)| {
            let name = if name == from { to.to_owned() } else { name };
            (name, value)
        })
        .collect();
}

/// Removes a member; the others keep their order.
pub(super) fn remove(object: &mut Object, name: &str) {
    object.shift_remove(name);
}

/// Sets a member, which is appended if it is missing.
pub(super) fn set(object: &mut Object, name: &str, value: impl Into<Value>) {
    object.insert(name.to_owned(), value.into());
}

/// Replaces the value of a member, if there is one.
pub(super) fn alter(object: &mut Object, name: &str, alter: impl FnOnce(&Value) -> Value) {
    if let Some(value) = object.get_mut(name) {
        *value = alter(value);
    }
}

/// The value as text: `5` becomes `"5"`, and `true` becomes `"true"`.
pub(super) fn quoted(value: &Value) -> Value {
    match value {
        Value::String(_) => value.clone(),
        other => other.to_string().into(),
    }
}
