//! Small changes of JSON, from which rows of the tables are made.

use serde_json::{Map, Value};

/// An object of a body, its members in order.
pub(super) type Object = Map<String, Value>;

/// Each row of a body: of a page, of a query of one SKU or of several; the body itself
/// where it is an object alone.
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

/// Gives a member another name, in its place.
pub(super) fn rename(object: &mut Object, from: &str, to: &str) {
    *object = std::mem::take(object)
        .into_iter()
        .map(|(name, value)| {
            let name = if name == from { to.to_owned() } else { name };
            (name, value)
        })
        .collect();
}

/// Takes a member out, the others keeping their order.
pub(super) fn remove(object: &mut Object, name: &str) {
    object.shift_remove(name);
}

/// Sets a member, or adds it at the end.
pub(super) fn set(object: &mut Object, name: &str, value: impl Into<Value>) {
    object.insert(name.to_owned(), value.into());
}

/// Changes a member that is there.
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
