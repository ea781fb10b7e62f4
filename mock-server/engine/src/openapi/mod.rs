//! The OpenAPI documents in forms for tools: in one file, and for tools that need OpenAPI 3.0,
//! YAML or Postman, or cannot send a body with a GET.
//!
//! Everything is derived from `schemas/openapi.json`. The files of [`FORMS`] in `schemas/` are
//! the output of this module, and a test checks that they are equal.

mod bodiless;
mod bundle;
mod postman;
mod version_3_0;
mod walk;
mod yaml;

use serde_json::{Value, json};

use crate::assets;

/// A form of the Stock API's document.
#[derive(Debug)]
pub struct Form {
    /// The name by which users select it.
    pub name: &'static str,
    /// The name of its file, in `schemas/` and among the admin paths.
    pub file: &'static str,
    /// The media type.
    pub media_type: &'static str,
    /// A description in one line.
    pub about: &'static str,
    write: fn(Value) -> String,
}

/// Every form, beginning with the document itself.
pub const FORMS: &[Form] = &[
    Form {
        name: "3.1",
        file: "openapi.json",
        media_type: "application/json",
        about: "OpenAPI 3.1, in one piece",
        write: |document| json(&document),
    },
    Form {
        name: "yaml",
        file: "openapi.yaml",
        media_type: "application/yaml",
        about: "the same as YAML",
        write: |document| yaml::text(&document),
    },
    Form {
        name: "3.0",
        file: "openapi-3.0.json",
        media_type: "application/json",
        about: "OpenAPI 3.0.3",
        write: |document| json(&version_3_0::document(document)),
    },
    Form {
        name: "no-get-body",
        file: "openapi-no-get-body.json",
        media_type: "application/json",
        about: "OpenAPI 3.1; a GET has its arguments in the query alone",
        write: |document| json(&bodiless::document(document)),
    },
    Form {
        name: "3.0-no-get-body",
        file: "openapi-3.0-no-get-body.json",
        media_type: "application/json",
        about: "OpenAPI 3.0.3; a GET has its arguments in the query alone",
        write: |document| json(&version_3_0::document(bodiless::document(document))),
    },
    Form {
        name: "postman",
        file: "postman.json",
        media_type: "application/json",
        about: "a Postman collection of the documented requests",
        write: |document| json(&postman::collection(&document)),
    },
];

impl Form {
    /// Finds the form with this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        FORMS.iter().find(|form| form.name == name)
    }

    /// Finds the form with this file name.
    pub fn of_file(file: &str) -> Option<&'static Self> {
        FORMS.iter().find(|form| form.file == file)
    }

    /// The text of the form. `address` is the base URL of the server; `None` for the default
    /// address of a mock.
    pub fn text(&self, address: Option<&str>) -> String {
        let mut document = stock_api();
        if let Some(address) = address {
            document["servers"] = server(address);
        }
        (self.write)(document)
    }
}

/// The document of the Stock API without references to other files.
pub fn stock_api() -> Value {
    bundle::document(assets::OPENAPI)
}

/// The document of the admin paths without references to other files. `address` is the base URL
/// of the server.
pub fn admin_api(address: Option<&str>) -> Value {
    let mut document = bundle::document(assets::ADMIN_OPENAPI);
    if let Some(address) = address {
        document["servers"] = server(address);
    }
    document
}

fn server(address: &str) -> Value {
    json!([{"url": address, "description": "The mock that serves this document."}])
}

/// Indented JSON with a final line break.
fn json(document: &Value) -> String {
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    text
}
