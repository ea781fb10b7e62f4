//! Texts of strangers, made harmless.

use std::borrow::Cow;

/// The text with every control character but the newline and the tab spelled out: a body
/// is a stranger's, and neither a terminal nor an XML parser may be steered by one.
pub fn visible(text: &str) -> Cow<'_, str> {
    whippy_engine::wire::visible::visible(text, &['\n', '\t'])
}

/// A stranger's text as one line.
pub fn one_line(text: &str) -> String {
    visible(text)
        .replace(['\n', '\t'], " ")
        .trim_end()
        .to_owned()
}

/// The text with small letters for capitals and capitals for small ones, ASCII's alone, as
/// the rest has cases of which services think differently.
pub fn other_case(text: &str) -> String {
    let swap = |c: char| match c {
        'a'..='z' => c.to_ascii_uppercase(),
        other => other.to_ascii_lowercase(),
    };
    text.chars().map(swap).collect()
}
