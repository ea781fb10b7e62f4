//! JSON values as YAML 1.2: blocks, with texts as JSON writes them where YAML could take
//! them for something else.

use serde_json::Value;

/// Words that YAML takes for something other than a text, in any case.
const TAKEN: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];

/// The text of a document.
pub(super) fn text(document: &Value) -> String {
    let mut out = String::new();
    block(document, 0, &mut out);
    out
}

/// Writes a value as lines; they end with an end of line.
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

/// Writes the value of a member, on its line or below it.
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

/// A text as it stands where it reads as one, else as JSON writes it, which YAML reads too.
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
