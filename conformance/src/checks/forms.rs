//! Bodies that are forms. By `OPTIONS` a service lists the kinds it takes.

use http::Method;
use serde_json::{Value, json};

use super::CodeCheck;
use super::kit::paging::{STOCKS, page};
use super::kit::stocks::stock_of;
use crate::cases::case::Capability;
use crate::cases::probe::{Answer, Ask, Payload, Probe, Stop, encode};
use crate::contract::pattern::Pattern;
use crate::model::finding::Level;

pub(super) const CHECKS: &[CodeCheck] = &[
    CodeCheck {
        id: "bodies/forms-are-taken-as-described",
        title: "A form is taken where OPTIONS says that it is parsed, and is refused with 415 elsewhere",
        level: Level::Should,
        section: "docs/stack.md#forms",
        quote: "Forms and multipart bodies are accepted.",
        capability: Some(Capability::Metadata),
        run: taken_as_described,
        ..CodeCheck::WRITE
    },
    CodeCheck {
        id: "upsert/refused-form-is-told-by-its-sku",
        title: "An upsert by a form is told of by the SKU that the form names",
        level: Level::Should,
        section: "docs/stack.md#forms",
        quote: "Forms and multipart bodies are accepted.",
        capability: Some(Capability::Metadata),
        when: &[("upsert-refusal", &["per-sku"])],
        run: told_by_its_sku,
        ..CodeCheck::WRITE
    },
];

/// An encoding of forms.
#[derive(Clone, Copy)]
enum Form {
    Urlencoded,
    Multipart,
}

impl Form {
    fn media_type(self) -> &'static str {
        match self {
            Self::Urlencoded => "application/x-www-form-urlencoded",
            Self::Multipart => "multipart/form-data",
        }
    }

    /// Returns a POST of the members of an object: texts and numbers.
    fn post(self, path: &str, members: &Value) -> Ask {
        let members = members.as_object().into_iter().flatten();
        let members = members.map(|(name, value)| {
            let text = value.as_str().map_or(value.to_string(), str::to_owned);
            (name.as_str(), text)
        });
        let (media_type, body) = match self {
            Self::Urlencoded => (self.media_type().to_owned(), urlencoded(members)),
            Self::Multipart => {
                let media_type = format!("{}; boundary={BOUNDARY}", self.media_type());
                (media_type, multipart(members))
            }
        };
        let ask = Ask {
            payload: Payload::Raw(body.into()),
            ..Ask::new(Method::POST, path)
        };
        // The page shows only JSON bodies.
        ask.header("Content-Type", &media_type).invalid()
    }
}

/// The text between the members of a multipart body.
const BOUNDARY: &str = "form-of-the-run";

fn urlencoded<'a>(members: impl Iterator<Item = (&'a str, String)>) -> String {
    let mut body = String::new();
    for (name, text) in members {
        if !body.is_empty() {
            body.push('&');
        }
        encode(name, &mut body);
        body.push('=');
        encode(&text, &mut body);
    }
    body
}

fn multipart<'a>(members: impl Iterator<Item = (&'a str, String)>) -> String {
    let parts = members.map(|(name, text)| {
        let head = format!("Content-Disposition: form-data; name=\"{name}\"");
        format!("--{BOUNDARY}\r\n{head}\r\n\r\n{text}\r\n")
    });
    let end = format!("--{BOUNDARY}--\r\n");
    parts.chain([end]).collect()
}

fn taken_as_described(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let parses = parses(probe, STOCKS)?;
    for (form, sku) in [(Form::Urlencoded, "sku"), (Form::Multipart, "sku2")] {
        let sku = probe.need(sku)?;
        let mut stock = stock_of(probe, &sku)?;
        // A flag that a form leaves out is false.
        stock["is_active"] = "true".into();
        let answer = probe.send(&form.post(STOCKS, &stock).named("sent"))?;
        if !names(&parses, form) {
            probe.expect_status(&answer, &[415])?;
            continue;
        }
        probe.expect_status(&answer, &[201])?;
        let Some(shown) = page(probe, &Ask::get(STOCKS).with("sku", &sku))?.rows.pop() else {
            return Err(probe.fail(format!("expected the list to show {sku}, got no row")));
        };
        stock["is_active"] = true.into();
        let members = stock.as_object().into_iter().flatten();
        for (name, sent) in members {
            if shown[name] != *sent {
                return Err(probe.fail(format!("expected {name} {sent}, got {}", shown[name])));
            }
        }
    }
    Ok(())
}

fn told_by_its_sku(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let path = "/api/v1/stocks/insert_or_update_stock/";
    let parses = parses(probe, path)?;
    let sku = probe.need("sku")?;
    let mut stock = stock_of(probe, &sku)?;
    stock["stock"] = "none".into();
    for form in [Form::Urlencoded, Form::Multipart] {
        if !names(&parses, form) {
            continue;
        }
        let answer = probe.send(&form.post(path, &stock).named("refused"))?;
        expect_told(probe, &answer, &sku)?;
    }
    Ok(())
}

fn expect_told(probe: &mut Probe<'_>, answer: &Answer, sku: &str) -> Result<(), Stop> {
    probe.expect_status(answer, &[200])?;
    let told = json!({"Store_checkResult": {sku: {"stock": ["A valid integer is required."]}}});
    let told = Pattern::try_from(told).map_err(Stop::suite)?;
    probe.expect_body(answer, &told)
}

/// Returns the media types that a path parses, as its `OPTIONS` lists them.
fn parses(probe: &mut Probe<'_>, path: &str) -> Result<Value, Stop> {
    let mut ask = Ask::new(Method::OPTIONS, path);
    ask.invalid = path != STOCKS;
    let answer = probe.send(&ask)?;
    probe.expect_status(&answer, &[200])?;
    Ok(probe.json(&answer)?["parses"].clone())
}

fn names(parses: &Value, form: Form) -> bool {
    let media_type = Value::from(form.media_type());
    parses
        .as_array()
        .is_some_and(|parses| parses.contains(&media_type))
}
