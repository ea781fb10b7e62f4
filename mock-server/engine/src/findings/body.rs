//! Mistakes in a body: its type, unknown or read-only keys, values of the wrong type.

use std::hash::{DefaultHasher, Hash, Hasher};

use http::header::CONTENT_TYPE;

use super::exchange::Exchange;
use super::mistakes::{
    BOOLEAN_AS_STRING, FORM_WITHOUT_FLAG, JSON_AS_FORM, LOST_BODY, MISPLACED_ARGUMENT,
    MISSING_CONTENT_TYPE, NUMBER_AS_STRING, READ_ONLY_BODY_KEY, REFUSED_CONTENT_TYPE,
    REPEATED_BODY_KEY, TEXT_AS_NUMBER, UNIT_LABEL, UNKNOWN_BODY_KEY,
};
use super::nearest;
use super::sheet::{Said, Sheet};
use crate::endpoints::Input;
use crate::endpoints::call::{charset_of, header_text};
use crate::endpoints::metadata::Meta;
use crate::model::stock::UnitType;
use crate::profile::UnitLabels;
use crate::query::parameter;
use crate::wire::form::{self, Form, FormValue};
use crate::wire::json::{self, Value};
use crate::wire::urlencoded::Pair;

/// The most bytes of a body that is judged. A larger one, such as an upsert of thousands of
/// rows, is judged by the service's answer alone.
const LARGEST: usize = 64 * 1024;

/// Facts about a request's arguments, for judges that compare several requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Arguments {
    /// Is true if a `sku` was sent.
    pub(super) sku: bool,
    /// Is true if a `date` was sent.
    pub(super) date: bool,
    /// Is true if the body is one object or an array of one.
    pub(super) single: bool,
    /// Hashes of the stock that a reservation names and of its date.
    pub(super) stock: u64,
    pub(super) when: u64,
}

impl Arguments {
    /// Adds an argument of a reservation to the hash it belongs to.
    fn name(&mut self, name: &str, value: &str) {
        let sum = match name {
            "sku" | "location" | "provider" => &mut self.stock,
            "date" => &mut self.when,
            _ => return,
        };
        let mut hasher = DefaultHasher::new();
        (name, value).hash(&mut hasher);
        // A sum, so that the order of the arguments makes no difference.
        *sum = sum.wrapping_add(hasher.finish());
    }
}

/// Judges the body, and returns the facts that other judges need.
pub(super) fn judge(exchange: &Exchange<'_>, sheet: &mut Sheet) -> Arguments {
    let mut arguments = Arguments::default();
    if exchange.reads_arguments_of_query() {
        let is_given = |name| parameter(&exchange.query, name).is_some_and(|v| !v.is_empty());
        arguments.sku = is_given("sku");
        arguments.date = is_given("date");
        if exchange.is_reservation() {
            for (name, value) in &exchange.query {
                arguments.name(name, value);
            }
        }
    }
    let body = exchange.request().body();
    if body.is_empty() && exchange.is_query() && exchange.verdict == Some(400) {
        lost(exchange, sheet);
    }
    if body.is_empty() || exchange.operation.is_none() {
        return arguments;
    }
    if !exchange.reads_body() {
        unread(exchange, sheet);
        return arguments;
    }
    match Kind::of(exchange) {
        Kind::Other => refused_type(exchange, sheet),
        Kind::Missing if exchange.verdict == Some(415) => refused_type(exchange, sheet),
        kind @ (Kind::Json | Kind::Missing) => {
            if kind == Kind::Missing {
                missing_type(exchange, sheet);
            }
            let named = header_text(exchange.request().headers(), CONTENT_TYPE);
            let charset = charset_of(&named.unwrap_or_default());
            if body.len() <= LARGEST
                && let Ok(text) = charset.decode(body)
                && let Ok(value) = json::parse(&text)
            {
                of_json(exchange, &value, &mut arguments, sheet);
            }
        }
        Kind::Form | Kind::Multipart if looks_like_json(body) => json_as_form(exchange, sheet),
        kind => of_form(exchange, kind, &mut arguments, sheet),
    }
    arguments
}

/// Judges a query that was refused because it had no argument; the client may have sent it in a
/// body that was lost on the way.
fn lost(exchange: &Exchange<'_>, sheet: &mut Sheet) {
    let names_sku = |(name, _): &Pair<'_>| name == "sku" || name == "sku[]";
    if exchange.query.iter().any(names_sku) {
        return;
    }
    exchange.note(sheet, &LOST_BODY, "", || Said {
        sent: "no argument, in the query or in a body".to_owned(),
        meant: Some(format!("GET {}?sku=SKU", exchange.path)),
        why: "no argument arrived; `fetch` and XHR cannot send a GET body".to_owned(),
    });
}

/// The declared type of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Json,
    Form,
    Multipart,
    Missing,
    Other,
}

impl Kind {
    fn of(exchange: &Exchange<'_>) -> Self {
        let Some(value) = exchange.request().headers().get(CONTENT_TYPE) else {
            return Self::Missing;
        };
        let media = value.as_bytes().split(|&b| b == b';').next();
        let media = media.unwrap_or_default().trim_ascii();
        let is = |known: &str| media.eq_ignore_ascii_case(known.as_bytes());
        if is("application/json") || is("application/*") || is("*/*") {
            Self::Json
        } else if is("application/x-www-form-urlencoded") {
            Self::Form
        } else if is("multipart/form-data") {
            Self::Multipart
        } else if media.is_empty() {
            Self::Missing
        } else {
            Self::Other
        }
    }
}

fn looks_like_json(body: &[u8]) -> bool {
    matches!(body.trim_ascii_start().first(), Some(b'{' | b'['))
}

/// Judges a body that the operation does not read. An empty one is no mistake, since some
/// libraries send it always.
fn unread(exchange: &Exchange<'_>, sheet: &mut Sheet) {
    let body = exchange.request().body();
    if body.len() > LARGEST || matches!(body.trim_ascii(), b"" | b"{}" | b"[]" | b"null" | b"\"\"")
    {
        return;
    }
    exchange.note(sheet, &MISPLACED_ARGUMENT, "body", || {
        let start = String::from_utf8_lossy(&body[..body.len().min(80)]);
        let is_list = matches!(exchange.input, Input::Filtered | Input::Arguments);
        Said {
            sent: format!("a body: {start}"),
            meant: is_list.then(|| "the same in the query".to_owned()),
            why: format!(
                "{} does not read its body",
                exchange.operation.unwrap_or("the path")
            ),
        }
    });
}

fn missing_type(exchange: &Exchange<'_>, sheet: &mut Sheet) {
    exchange.note(sheet, &MISSING_CONTENT_TYPE, "content-type", || Said {
        sent: "a body without a Content-Type".to_owned(),
        meant: Some("Content-Type: application/json".to_owned()),
        why: "whether such a body is read is a matter of the service's settings".to_owned(),
    });
}

fn refused_type(exchange: &Exchange<'_>, sheet: &mut Sheet) {
    if exchange.verdict != Some(415) {
        return;
    }
    exchange.note(sheet, &REFUSED_CONTENT_TYPE, "content-type", || {
        let sent = header_text(exchange.request().headers(), CONTENT_TYPE);
        Said {
            sent: match sent {
                Some(sent) => format!("Content-Type: {sent}"),
                None => "a body without a Content-Type".to_owned(),
            },
            meant: Some("Content-Type: application/json".to_owned()),
            why: "the service parses JSON and forms, and refused this".to_owned(),
        }
    });
}

fn json_as_form(exchange: &Exchange<'_>, sheet: &mut Sheet) {
    exchange.note(sheet, &JSON_AS_FORM, "content-type", || {
        let sent = header_text(exchange.request().headers(), CONTENT_TYPE);
        Said {
            sent: format!("JSON under Content-Type: {}", sent.unwrap_or_default()),
            meant: Some("Content-Type: application/json".to_owned()),
            why: "the whole body is taken for the name of a form's field".to_owned(),
        }
    });
}

fn of_json(
    exchange: &Exchange<'_>,
    body: &Value<'_>,
    arguments: &mut Arguments,
    sheet: &mut Sheet,
) {
    match body {
        Value::Dict(_) => {
            arguments.sku |= has(body, "sku");
            arguments.date |= has(body, "date");
            arguments.single = true;
            if let (Value::Dict(members), true) = (body, exchange.is_reservation()) {
                for (name, value) in members {
                    arguments.name(&name.text, &value.to_text());
                }
            }
            of_object(exchange, body, sheet);
        }
        Value::List(rows) if exchange.operation == Some("upsert-stocks") => {
            arguments.single = rows.len() == 1;
            for row in rows {
                of_object(exchange, row, sheet);
            }
        }
        // Anything else is refused by the service, with a reason.
        _ => {}
    }
}

fn has(object: &Value<'_>, name: &str) -> bool {
    object.get(name).is_some_and(|value| *value != Value::Null)
}

fn of_object(exchange: &Exchange<'_>, object: &Value<'_>, sheet: &mut Sheet) {
    let Value::Dict(members) = object else {
        return;
    };
    let fields = exchange.fields();
    // This has more bits than any operation has fields.
    let mut met = 0_u32;
    for (key, value) in members {
        let key = key.text.as_ref();
        let Some(at) = fields.iter().position(|field| field.name() == key) else {
            unknown_key(exchange, key, &|| member(exchange, key, value), sheet);
            continue;
        };
        if met & 1 << at != 0 {
            exchange.note(sheet, &REPEATED_BODY_KEY, key, || Said {
                sent: format!("`{key}` more than once"),
                meant: None,
                why: "of equal members only the last counts".to_owned(),
            });
        }
        met |= 1 << at;
        judge_member(exchange, &fields[at], value, sheet);
    }
}

fn judge_member(exchange: &Exchange<'_>, field: &Meta, value: &Value<'_>, sheet: &mut Sheet) {
    let name = field.name();
    let sent = || member(exchange, name, value);
    let mistake = match (field.kind(), value) {
        _ if field.is_read_only() => return read_only_key(exchange, name, &sent, sheet),
        ("integer", Value::Str(_)) => &NUMBER_AS_STRING,
        ("boolean", Value::Str(_)) => &BOOLEAN_AS_STRING,
        ("string", Value::Int(_) | Value::BigInt(_) | Value::Float(_)) if name != "location" => {
            &TEXT_AS_NUMBER
        }
        ("choice", Value::Str(text)) if name == "unit_type" => {
            return unit(exchange, &text.text, sheet);
        }
        _ => return,
    };
    exchange.note(sheet, mistake, name, || {
        let (meant, kind) = match (mistake.id, value) {
            ("text-as-number", _) => {
                let meant = format!("\"{name}\": \"{}\"", value.to_text());
                (Some(meant), "a text")
            }
            (_, Value::Str(text)) => {
                let meant = format!("\"{name}\": {}", text.text.trim().to_ascii_lowercase());
                let kind = if field.kind() == "integer" {
                    "an integer"
                } else {
                    "a boolean"
                };
                (Some(meant), kind)
            }
            _ => (None, "of another type"),
        };
        Said {
            sent: sent(),
            meant: meant.filter(|_| exchange.operation != Some("login")),
            why: format!("`{name}` is {kind}"),
        }
    });
}

fn unit(exchange: &Exchange<'_>, value: &str, sheet: &mut Sheet) {
    let Some(unit) = UnitType::ALL.iter().find(|unit| unit.label() == value) else {
        return;
    };
    if exchange.profile().unit_labels == UnitLabels::Strict || exchange.verdict == Some(400) {
        exchange.note(sheet, &UNIT_LABEL, "unit_type", || Said {
            sent: format!("\"unit_type\": \"{value}\""),
            meant: Some(format!("\"unit_type\": \"{}\"", unit.text())),
            why: "stocks are shown with `qty` and `kg`, and written with those".to_owned(),
        });
    }
}

fn unknown_key(exchange: &Exchange<'_>, key: &str, sent: &dyn Fn() -> String, sheet: &mut Sheet) {
    exchange.note(sheet, &UNKNOWN_BODY_KEY, key, || {
        let writable = exchange.fields().iter().filter(|f| !f.is_read_only());
        let known: Vec<&str> = writable.map(Meta::name).collect();
        Said {
            sent: sent(),
            meant: nearest::meant(key, &known).map(|known| format!("\"{known}\"")),
            why: format!(
                "{} reads {}: the member is ignored",
                exchange.operation.unwrap_or("the path"),
                known.join(", ")
            ),
        }
    });
}

fn read_only_key(exchange: &Exchange<'_>, key: &str, sent: &dyn Fn() -> String, sheet: &mut Sheet) {
    exchange.note(sheet, &READ_ONLY_BODY_KEY, key, || Said {
        sent: sent(),
        meant: (exchange.input == Input::Body && key == "id")
            .then(|| "sku, provider and location, which name a stock".to_owned()),
        why: format!("the service sets `{key}`; what a client sends is ignored"),
    });
}

/// Judges the names of a form's fields. Their values are text whatever their type.
fn of_form(exchange: &Exchange<'_>, kind: Kind, arguments: &mut Arguments, sheet: &mut Sheet) {
    let body = exchange.request().body();
    if body.len() > LARGEST {
        return;
    }
    let value = header_text(exchange.request().headers(), CONTENT_TYPE).unwrap_or_default();
    let parsed = if kind == Kind::Form {
        Form::from_urlencoded(body, charset_of(&value))
    } else {
        let boundary = form::parameter(&value, "boundary");
        Form::from_multipart(body, boundary.as_deref())
    };
    let Ok(form) = parsed else {
        return;
    };
    let is_given =
        |name| matches!(form.last(name), Some(FormValue::Text(text)) if !text.is_empty());
    arguments.sku |= is_given("sku");
    arguments.date |= is_given("date");
    arguments.single = true;
    let fields = exchange.fields();
    for (name, _) in &form.fields {
        let sent = || format!("`{name}` in a form");
        match fields.iter().find(|field| field.name() == name) {
            None => unknown_key(exchange, name, &sent, sheet),
            Some(field) if field.is_read_only() => read_only_key(exchange, name, &sent, sheet),
            Some(_) => {}
        }
    }
    let creates = exchange.verdict == Some(201) && exchange.input == Input::Body;
    let has_flag = fields.iter().any(|field| field.name() == "is_active");
    if creates && has_flag && form.last("is_active").is_none() {
        exchange.note(sheet, &FORM_WITHOUT_FLAG, "is_active", || Said {
            sent: "a form without `is_active`".to_owned(),
            meant: Some("is_active=true, or JSON".to_owned()),
            why: "what a form leaves out counts as an empty check box: it was created inactive"
                .to_owned(),
        });
    }
}

/// The text of a member for a finding. The values of a login are secret.
fn member(exchange: &Exchange<'_>, key: &str, value: &Value<'_>) -> String {
    let value = match value {
        _ if exchange.operation == Some("login") => "…".to_owned(),
        Value::Str(text) => format!("\"{}\"", text.text),
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::List(_) => "[…]".to_owned(),
        Value::Dict(_) => "{…}".to_owned(),
        number => number.to_text().into_owned(),
    };
    format!("\"{key}\": {value}")
}
