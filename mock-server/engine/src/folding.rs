//! Upper case as the database makes it for the comparisons of `icontains`.
//!
//! `PostgreSQL` asks the provider of the database's collation: the C library, which maps one
//! character to one, or ICU, which follows Unicode in full. Source: docs/stack.md, Upper and
//! lower case.

use crate::profile::CaseFolding;

/// `upper(text)` under a collation.
pub fn upper_case(text: &str, folding: CaseFolding) -> String {
    match folding {
        CaseFolding::Simple => text.chars().map(upper).collect(),
        CaseFolding::Turkish => {
            let upper = |c| if c == 'i' { 'İ' } else { upper(c) };
            text.chars().map(upper).collect()
        }
        CaseFolding::Full => text.to_uppercase(),
        CaseFolding::Ascii => text.to_ascii_uppercase(),
    }
}

/// The upper case of a character, if it is a single one. A letter such as `ß`, whose upper case
/// has several characters, stays as it is.
fn upper(c: char) -> char {
    let mut all = c.to_uppercase();
    match (all.next(), all.next()) {
        (Some(only), None) => only,
        _ => with_iota(c).unwrap_or(c),
    }
}

/// The capital of a Greek letter with a small iota below it, which comes eight or nine code
/// points later.
fn with_iota(c: char) -> Option<char> {
    let distance = match c {
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => 8,
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => 9,
        _ => return None,
    };
    char::from_u32(u32::from(c) + distance)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(CaseFolding::Simple, "IİIßﬁΜᾼᾈΐÉ")]
    #[case(CaseFolding::Turkish, "İİIßﬁΜᾼᾈΐÉ")]
    #[case(CaseFolding::Full, "IİISSFIΜΑΙἈΙΙ\u{308}\u{301}É")]
    #[case(CaseFolding::Ascii, "Iİıßﬁµᾳᾀΐé")]
    fn upper_case_is_that_of_the_collation(#[case] folding: CaseFolding, #[case] upper: &str) {
        assert_eq!(upper_case("iİıßﬁµᾳᾀΐé", folding), upper);
    }
}
