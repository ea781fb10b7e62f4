//! JSON values as YAML 1.2 in block style. Texts that YAML could misread are quoted as in JSON.

use serde_json::Value;

/// Words that YAML does not read as text, in any case.
const TAKEN: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];

/// The YAML of a document.
pub(super) fn text(document: &Value) -> String {
    let mut out = String::new();
    block(document, 0, &mut out);
    out
}

/// Writes a value and a line break, starting on the current line.
fn block(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (at, (name, member)) in members.iter().enumerate() {
                if at > 0 {
                    *out += &" ".repeat(indent);
                }
                *out += &scalar(name);
                out.push(':');
                below(member, indent, out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    *out += &" ".repeat(indent);
                }
                *out += "- ";
                block(item, indent + 2, out);
            }
        }
        Value::String(text) => {
            *out += &scalar(text);
            out.push('\n');
        }
        other => {
            *out += &other.to_string();
            out.push('\n');
        }
    }
}

/// Writes the value of a member, on the member's line or on the lines below.
fn below(value: &Value, indent: usize, out: &mut String) {
    let is_empty = match value {
        Value::Object(members) => members.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => true,
    };
    if is_empty {
        out.push(' ');
        block(value, indent, out);
        return;
    }
    out.push('\n');
    *out += &" ".repeat(indent + 2);
    block(value, indent + 2, out);
}

/// A text without quotes if YAML reads it as text, or else a JSON string, which is also YAML.
fn scalar(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_./{} ,'()`=".contains(c))
        && !text.ends_with(' ')
        && !TAKEN.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is_plain {
        text.to_owned()
    } else {
        Value::from(text).to_string()
    }
}
