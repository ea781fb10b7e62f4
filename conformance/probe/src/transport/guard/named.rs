//! Names in a request, under every way to read it: that of the contract, a lenient one that parses
//! a body whatever its type, and one that stops where a body is cut off. A value that none of them
//! finds under a key is not there.

use std::borrow::Cow;

use whippy_engine::wire::json::{self, Value};
use whippy_engine::wire::urlencoded;

/// Splits a query or a form into pairs; a text with too many pairs stays in one piece.
pub(super) fn pairs(text: &[u8]) -> Vec<(String, String)> {
    let owned = |(name, value): (Cow<'_, str>, Cow<'_, str>)| {
        (
            name.trim().to_owned(),
            value.trim_matches(is_blank).to_owned(),
        )
    };
    // `;` was once a separator of pairs, and some readers still accept it.
    let split = text.split(|&byte| byte == b'&' || byte == b';');
    split
        .filter_map(|pair| urlencoded::decode(pair).ok())
        .flatten()
        .map(owned)
        .collect()
}

/// Returns `true` for a space, and for characters that some readers strip like one.
pub(super) fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control()
}

/// Returns every value in a query under a key that contains one of the needles.
pub(super) fn in_query(query: &str, needles: &[&str]) -> Vec<String> {
    let pairs = pairs(query.as_bytes()).into_iter();
    pairs
        .filter(|(name, _)| contains(name, needles))
        .map(|(_, value)| value)
        .collect()
}

/// Returns every value in a body under a key that contains one of the needles.
pub(super) fn in_body(body: &[u8], needles: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    if body.is_empty() {
        return found;
    }
    let form = pairs(body).into_iter();
    if let Ok(value) = json::decode(body) {
        walk(&value, needles, false, &mut found);
        // The same bytes may be a form, in which a part of a JSON text is not a key.
        let exact = form.filter(|(name, _)| needles.iter().any(|n| name.eq_ignore_ascii_case(n)));
        found.extend(exact.map(|(_, value)| value));
        return found;
    }
    found.extend(
        form.filter(|(name, value)| contains(name, needles) && !value.is_empty())
            .map(|(_, value)| value),
    );
    // Readers that assume UTF-16 see the same text between the zero bytes.
    let bytes: Vec<u8> = body.iter().copied().filter(|&byte| byte != 0).collect();
    let text = String::from_utf8_lossy(&bytes);
    scan(&text, needles, &mut found);
    scan(&unescaped(&text), needles, &mut found);
    scan(&urlencoded::decode_path(&text), needles, &mut found);
    parts(&text, needles, &mut found);
    found
}

/// Returns `true` if a key of a query or a body is one of these.
pub(super) fn has_key(query: &str, body: &[u8], keys: &[&str]) -> bool {
    fn in_json(value: &Value<'_>, is: &impl Fn(&str) -> bool) -> bool {
        match value {
            Value::List(items) => items.iter().any(|item| in_json(item, is)),
            Value::Dict(members) => members
                .iter()
                .any(|(key, value)| is(&key.text) || in_json(value, is)),
            _ => false,
        }
    }
    let is = |key: &str| keys.iter().any(|k| key.trim().eq_ignore_ascii_case(k));
    let quoted = |text: &str| {
        let text = text.to_ascii_lowercase();
        keys.iter().any(|key| {
            text.contains(&format!("name=\"{key}\"")) || text.contains(&format!("\"{key}\""))
        })
    };
    let mut all = pairs(query.as_bytes()).into_iter().chain(pairs(body));
    all.any(|(name, _)| is(&name))
        || match json::decode(body) {
            Ok(value) => in_json(&value, &is),
            Err(_) => quoted(&unescaped(&String::from_utf8_lossy(body))),
        }
}

fn contains(key: &str, needles: &[&str]) -> bool {
    let key = key.to_ascii_lowercase();
    needles.iter().any(|needle| key.contains(needle))
}

fn walk(value: &Value<'_>, needles: &[&str], is_under_key: bool, found: &mut Vec<String>) {
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::List(items) => {
            for item in items {
                walk(item, needles, is_under_key, found);
            }
        }
        Value::Dict(members) => {
            for (key, member) in members {
                let is_under_key = is_under_key || contains(&key.text, needles);
                walk(member, needles, is_under_key, found);
            }
        }
        scalar if is_under_key => found.push(scalar.to_text().into_owned()),
        // A JSON string may contain JSON.
        Value::Str(text) => scan(&text.text, needles, found),
        _ => {}
    }
}

/// Decodes the `\u` escapes of a JSON text, which may be incomplete.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\\u") {
        out.push_str(&rest[..at]);
        let code = rest
            .get(at + 2..at + 6)
            .and_then(|hex| u32::from_str_radix(hex, 16).ok())
            .and_then(char::from_u32);
        if let Some(c) = code {
            out.push(c);
            rest = &rest[at + 6..];
        } else {
            out.push_str("\\u");
            rest = &rest[at + 2..];
        }
    }
    out + rest
}

/// Finds `KEY SEPARATOR VALUE` in a text of unknown form: JSON, a form, XML or the beginning of
/// one.
fn scan(text: &str, needles: &[&str], found: &mut Vec<String>) {
    let lower = text.to_ascii_lowercase();
    for needle in needles {
        for (at, _) in lower.match_indices(needle) {
            let after = &text[at + needle.len()..];
            let after = after.trim_start_matches(|c: char| c.is_alphanumeric() || "_-".contains(c));
            let after = after.trim_start_matches(|c: char| is_blank(c) || "\"'\\])".contains(c));
            if let Some(value) = after.strip_prefix([':', '=', '>']) {
                take_values(value, found);
            }
        }
    }
}

/// Takes the value at the start of a text, or the values of a list.
fn take_values(text: &str, found: &mut Vec<String>) {
    let is_opening = |c: char| is_blank(c) || "\"'\\[{(=:".contains(c);
    let value = text.trim_start_matches(is_opening);
    let opened = &text[..text.len() - value.len()];
    if opened.contains(['[', '{', '(']) {
        let end = value.find([']', '}', ')']).unwrap_or(value.len());
        for item in value[..end].split(['"', '\'', ',', '\\']) {
            found.push(item.trim_matches(is_blank).to_owned());
        }
        return;
    }
    let end = value.find(['"', '\'', '\\', '&', ';', '<', '}', ']', '\n', '\r']);
    let value = value[..end.unwrap_or(value.len())].trim_matches(is_blank);
    let word = value.split(|c: char| !c.is_alphanumeric()).next();
    if opened.contains(['"', '\'']) || !matches!(word, Some("null" | "true" | "false" | "None")) {
        found.push(value.to_owned());
    }
}

/// Takes the parts of a multipart body whose heads name a key.
fn parts(text: &str, needles: &[&str], found: &mut Vec<String>) {
    const DISPOSITION: &str = "content-disposition";
    let lower = text.to_ascii_lowercase();
    for (at, _) in lower.match_indices(DISPOSITION) {
        let rest = &text[at..];
        let blank = ["\r\n\r\n", "\n\n"].iter().filter_map(|b| rest.find(b));
        let Some(blank) = blank.min() else { continue };
        let (head, content) = rest.split_at(blank);
        if contains(&urlencoded::decode_path(head), needles) {
            let content = content.trim_start_matches(is_blank);
            let end = content.find(['\r', '\n']).unwrap_or(content.len());
            if !content.starts_with("--") {
                found.push(content[..end].to_owned());
            }
        }
    }
}
