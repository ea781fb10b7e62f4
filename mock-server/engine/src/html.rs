//! The common parts of every HTML page of the project: the style sheet, and the `head` of a
//! page in one file.

use std::fmt::Write as _;

/// The shared style sheet: colours, type, controls, signs and the parts of an exchange. A page
/// may add its own rules after it. With `class="document"` on the body, a page reads as a text
/// from top to bottom.
pub const STYLE: &str = include_str!("../assets/shared.css");

/// The content of a `head` element, with `policy` as the Content-Security-Policy, `title` as
/// text, and the rules of `style` after the shared ones.
pub fn head(title: &str, policy: &str, style: &str) -> String {
    let mut head = "<meta charset=\"utf-8\">".to_owned();
    for (attribute, name, content) in [
        ("http-equiv", "Content-Security-Policy", policy),
        ("name", "viewport", "width=device-width, initial-scale=1"),
        ("name", "color-scheme", "light dark"),
    ] {
        let content = escaped(content);
        let _ = write!(head, "<meta {attribute}=\"{name}\" content=\"{content}\">");
    }
    let title = escaped(title);
    let _ = write!(head, "<title>{title}</title><style>{STYLE}{style}</style>");
    head
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_title_of_a_page_is_text_and_its_own_rules_come_last() {
        let head = head("a </title> & b", "default-src 'none'", "p {}");
        assert!(
            head.contains("<title>a &lt;/title&gt; &amp; b</title>"),
            "{head}"
        );
        assert!(
            head.ends_with(&format!("<style>{STYLE}p {{}}</style>")),
            "{head}"
        );
        assert!(head.contains("content=\"default-src 'none'\""), "{head}");
    }
}
