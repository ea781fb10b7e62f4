//! The difference of two texts, line by line, with a little context.

use similar::{ChangeTag, TextDiff};

use crate::model::finding::Finding;

/// Lines of context around a difference.
const AROUND: usize = 3;

/// Neighbouring lines with differences.
pub(super) struct Hunk {
    /// `@@ -1,3 +1,3 @@`.
    pub(super) header: String,
    /// The lines without newlines, each with its kind of change.
    pub(super) lines: Vec<(ChangeTag, String)>,
}

/// Returns the difference between the two sides of a finding; empty unless it has both.
pub(super) fn hunks(finding: &Finding) -> Vec<Hunk> {
    let (Some(expected), Some(got)) = (&finding.expected, &finding.got) else {
        return Vec::new();
    };
    let diff = TextDiff::from_lines(expected.as_str(), got.as_str());
    diff.unified_diff()
        .context_radius(AROUND)
        .iter_hunks()
        .map(|hunk| Hunk {
            header: hunk.header().to_string(),
            lines: hunk
                .iter_changes()
                .map(|change| {
                    (
                        change.tag(),
                        change.value().trim_end_matches('\n').to_owned(),
                    )
                })
                .collect(),
        })
        .collect()
}

/// Returns the sign at the beginning of a line.
pub(super) fn sign(tag: ChangeTag) -> char {
    match tag {
        ChangeTag::Equal => ' ',
        ChangeTag::Delete => '-',
        ChangeTag::Insert => '+',
    }
}
