//! The OpenAPI documents as tools take them: in one piece, and in forms for tools that do
//! not read OpenAPI 3.1, send no body with a GET, or want YAML or Postman.
//!
//! Everything is derived from `schemas/openapi.json`. The files of [`FORMS`] in `schemas/`
//! are the texts of this module, and a test holds them equal.

mod bodiless;
mod bundle;
mod postman;
mod version_3_0;
mod walk;
mod yaml;

use serde_json::{Value, json};

use crate::assets;

/// A form in which the document of the Stock API is handed out.
#[derive(Debug)]
pub struct Form {
    /// The name by which it is asked for.
    pub name: &'static str,
    /// The name of its file, in `schemas/` and among the admin paths.
    pub file: &'static str,
    /// The media type.
    pub media_type: &'static str,
    /// A line about it.
    pub about: &'static str,
    write: fn(Value) -> String,
}

/// Every form, the document itself first.
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
    /// The form of a name.
    pub fn named(name: &str) -> Option<&'static Self> {
        FORMS.iter().find(|form| form.name == name)
    }

    /// The form of a file.
    pub fn of_file(file: &str) -> Option<&'static Self> {
        FORMS.iter().find(|form| form.file == file)
    }

    /// The text. `address` is where the API answers; `None`: where a mock listens by default.
    pub fn text(&self, address: Option<&str>) -> String {
        let mut document = stock_api();
        if let Some(address) = address {
            document["servers"] = server(address);
        }
        (self.write)(document)
    }
}

/// The document of the Stock API in one piece: the schemas that it refers to, and their own
/// definitions, are among its components.
pub fn stock_api() -> Value {
    bundle::document(assets::OPENAPI)
}

/// The document of the admin paths, in one piece as well. `address` is where they answer.
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

/// JSON with an end of line.
fn json(document: &Value) -> String {
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    text
}
