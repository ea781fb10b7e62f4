//! Two texts, line by line: only what differs, with a little around it.

use similar::{ChangeTag, TextDiff};

use crate::model::finding::Finding;

/// Lines of context.
const AROUND: usize = 3;

/// A run of lines that holds differences.
pub(super) struct Hunk {
    /// `@@ -1,3 +1,3 @@`.
    pub(super) header: String,
    /// Lines without their newlines, each with what became of it.
    pub(super) lines: Vec<(ChangeTag, String)>,
}

/// The difference between the two sides of a finding; nothing where it has but one side, or none.
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

/// The sign that a line begins with.
pub(super) fn sign(tag: ChangeTag) -> char {
    match tag {
        ChangeTag::Equal => ' ',
        ChangeTag::Delete => '-',
        ChangeTag::Insert => '+',
    }
}
