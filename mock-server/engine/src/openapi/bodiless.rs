//! The document for clients that cannot send a body with a GET. Arguments of queries are
//! parameters there, and those that the body had to have are required.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::walk::{each_object, resolve};

/// The document without the bodies of its GETs.
pub(super) fn document(mut document: Value) -> Value {
    let whole = document.clone();
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    for (_, item) in paths {
        if let Some(operation) = item.get_mut("get") {
            without_body(&whole, operation);
        }
    }
    leave_out_unused(&mut document);
    document
}

/// Removes the schemas and parameters that are no longer referred to.
fn leave_out_unused(document: &mut Value) {
    let mut used = BTreeSet::new();
    each_object(document, &mut |members| {
        let target = members.get("$ref").and_then(Value::as_str);
        used.extend(target.map(str::to_owned));
    });
    for kind in ["schemas", "parameters"] {
        if let Some(components) = document["components"][kind].as_object_mut() {
            components.retain(|name, _| used.contains(&format!("#/components/{kind}/{name}")));
        }
    }
}

fn without_body(document: &Value, operation: &mut Value) {
    let Some(members) = operation.as_object_mut() else {
        return;
    };
    let Some(body) = members.shift_remove("requestBody") else {
        return;
    };
    let schema = resolve(document, &body["content"]["application/json"]["schema"]);
    let required = schema["required"].as_array();
    let parameters = members.get_mut("parameters").and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        let mut known = resolve(document, parameter).clone();
        let name = &known["name"];
        let is_required = required.is_some_and(|names| names.contains(name));
        let member = name.as_str().map(|name| &schema["properties"][name]);
        if let (true, Some(member)) = (is_required, member) {
            // The parameter's own description also mentions the body.
            known["description"] = member["description"].clone();
            known["required"] = json!(true);
            *parameter = known;
        }
    }
    // The status for a body whose type the service does not read.
    if let Some(responses) = members.get_mut("responses").and_then(Value::as_object_mut) {
        responses.shift_remove("415");
    }
}
