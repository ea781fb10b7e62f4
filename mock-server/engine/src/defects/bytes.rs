//! Defects of the bytes of a body, which make it invalid or unusual JSON.

use serde_json::Value;

use super::effect::Effect::{Bytes, Every};
use super::effect::{Defect, defect};
use super::operations::{ANY, LIST, QUERIES, STOCKS};

#[rustfmt::skip]
pub(super) const ROWS: &[Defect] = &[
    defect("body-loses-its-last-byte", ANY, Bytes(|b| { b.pop(); }), "A body lacks its last byte, and says that it is whole."),
    defect("body-is-cut-in-half", LIST, Bytes(|b| b.truncate(b.len() / 2)), "A list ends in the middle, and says that it is whole."),
    defect("body-is-empty", ANY, Bytes(Vec::clear), "A body is empty."),
    defect("body-is-empty-at-times", ANY, Every(5, &Bytes(Vec::clear)), "A body is empty in every fifth answer of an operation."),
    defect("body-begins-with-a-mark", ANY, Bytes(|b| { b.splice(..0, "\u{feff}".bytes()); }), "A body begins with a byte order mark."),
    defect("body-goes-on-after-the-json", ANY, Bytes(|b| b.extend_from_slice(b"<!-- 0.42s -->")), "Something stands behind the JSON."),
    defect("body-ends-with-a-nul", ANY, Bytes(|b| b.push(0)), "A NUL stands behind the JSON."),
    defect("body-is-mojibake", ANY, Bytes(mojibake), "What is not ASCII is encoded twice: `ö` becomes `Ã¶`."),
    defect("body-is-latin", ANY, Bytes(latin), "A body is in Latin-1, and does not say so."),
    defect("body-is-a-string", ANY, Bytes(|b| *b = Value::from(String::from_utf8_lossy(b)).to_string().into()), "A body is a JSON string that holds the JSON."),
    defect("body-is-a-python-dict", ANY, Bytes(python), "A body is Python, not JSON: `'`, `None` and `True`."),
    defect("body-repeats-a-key", STOCKS, Bytes(repeat_key), "The first key of an object comes again at its end, with null."),
    defect("body-has-a-trailing-comma", ANY, Bytes(|b| { b.pop(); b.extend_from_slice(b",}"); }), "The last member of an object has a comma behind it."),
    defect("body-has-nan", STOCKS, Bytes(|b| not_a_number(b, b"\"stock\":")), "A quantity is `NaN`."),
    defect("query-has-nan", QUERIES, Bytes(|b| not_a_number(b, b"\"stock\":")), "A quantity of a query is `NaN`."),
];

fn mojibake(body: &mut Vec<u8>) {
    let text: String = body.iter().copied().map(char::from).collect();
    *body = text.into_bytes();
}

fn latin(body: &mut Vec<u8>) {
    let text = String::from_utf8_lossy(body);
    let byte = |c: char| u8::try_from(u32::from(c)).unwrap_or(b'?');
    *body = text.chars().map(byte).collect();
}

fn python(body: &mut Vec<u8>) {
    let text = String::from_utf8_lossy(body)
        .replace('"', "'")
        .replace(":null", ":None")
        .replace(":true", ":True")
        .replace(":false", ":False");
    *body = text.into_bytes();
}

fn repeat_key(body: &mut Vec<u8>) {
    let Ok(Value::Object(object)) = serde_json::from_slice(body) else {
        return;
    };
    if let Some(first) = object.keys().next() {
        body.pop();
        body.extend_from_slice(format!(",{}:null}}", Value::from(first.as_str())).as_bytes());
    }
}

/// Replaces the first number behind `mark` with `NaN`.
fn not_a_number(body: &mut Vec<u8>, mark: &[u8]) {
    let Some(at) = body.windows(mark.len()).position(|part| part == mark) else {
        return;
    };
    let start = at + mark.len();
    let rest = &body[start..];
    let length = rest
        .iter()
        .take_while(|b| b"-0123456789".contains(b))
        .count();
    body.splice(start..start + length, *b"NaN");
}
