//! Foreign text made safe to show.

use std::borrow::Cow;

/// Escapes every character that steers a terminal, changes the direction of writing or is not
/// allowed in XML. Control characters among `kept` stay as they are.
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
