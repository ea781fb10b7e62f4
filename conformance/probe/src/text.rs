//! Texts of strangers, made harmless.

use std::borrow::Cow;

/// The text with every control character but the newline and the tab spelled out: a body
/// is a stranger's, and neither a terminal nor an XML parser may be steered by one.
pub fn visible(text: &str) -> Cow<'_, str> {
    let steers = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}')
    };
    if !text.contains(steers) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if steers(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown.into()
}

/// A stranger's text as one line.
pub fn one_line(text: &str) -> String {
    visible(text)
        .replace(['\n', '\t'], " ")
        .trim_end()
        .to_owned()
}
