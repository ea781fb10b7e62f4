//! Texts of strangers, made harmless.

use std::borrow::Cow;

/// The text with every character spelled out that steers a terminal, turns the direction of
/// writing or cannot stand in XML, but for the control characters that are `kept`.
pub fn visible<'a>(text: &'a str, kept: &[char]) -> Cow<'a, str> {
    let steers = |c: char| {
        (c.is_control() && !kept.contains(&c))
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
