//! Foreign texts, made harmless.

use std::borrow::Cow;

/// Spells out every control character except newline and tab: a body is foreign text, and must not
/// control a terminal or an XML parser.
pub fn visible(text: &str) -> Cow<'_, str> {
    whippy_engine::wire::visible::visible(text, &['\n', '\t'])
}

/// Returns foreign text as one line.
pub fn one_line(text: &str) -> String {
    visible(text)
        .replace(['\n', '\t'], " ")
        .trim_end()
        .to_owned()
}

/// Swaps the case of all ASCII letters. Other letters are left alone, since services disagree about
/// their case.
pub fn other_case(text: &str) -> String {
    let swap = |c: char| match c {
        'a'..='z' => c.to_ascii_uppercase(),
        other => other.to_ascii_lowercase(),
    };
    text.chars().map(swap).collect()
}
