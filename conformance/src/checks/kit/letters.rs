//! Parts of a text, and its letters in the other case.

use whippy_probe::text::other_case;

/// Returns a text without its last letter, and without its first.
pub(crate) fn parts(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    if letters.len() < 2 {
        return Vec::new();
    }
    let cut = [&letters[..letters.len() - 1], &letters[1..]];
    // A space at the end would be trimmed by the service, and the rest is still a part.
    cut.map(|part| part.iter().collect::<String>().trim().to_owned())
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect()
}

/// Returns, in the other case, the longest run of letters whose case all languages agree on:
/// Turkish has another capital i.
pub(crate) fn swapped_part(text: &str) -> Option<String> {
    let is_plain = |c: char| c.is_ascii_alphabetic() && !c.eq_ignore_ascii_case(&'i');
    let runs = text.split(|c| !is_plain(c));
    let run = runs.max_by_key(|run| run.len())?;
    (!run.is_empty()).then(|| other_case(run))
}
