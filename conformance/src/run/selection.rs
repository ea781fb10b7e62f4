//! The selection of checks, by globs over their ids.

use std::fmt;

use globset::{ErrorKind, Glob, GlobSet, GlobSetBuilder};

/// The least similarity, from 0 to 1, at which a name is suggested.
const ALIKE: f64 = 0.7;

/// The selected checks.
#[derive(Debug)]
pub struct Selection {
    only: Vec<(String, GlobSet)>,
    skip: Vec<(String, GlobSet)>,
}

impl Selection {
    /// Selects the checks that match any of `only`, or all where it is empty, without those that
    /// match any of `skip`. A `*` matches slashes too.
    pub fn new(only: &[String], skip: &[String]) -> Result<Self, GlobError> {
        Ok(Self {
            only: globs("--only", only)?,
            skip: globs("--skip", skip)?,
        })
    }

    /// Returns `true` if a check is selected.
    pub fn takes(&self, id: &str) -> bool {
        let matches = |globs: &[(String, GlobSet)]| globs.iter().any(|(_, glob)| glob.is_match(id));
        (self.only.is_empty() || matches(&self.only)) && !matches(&self.skip)
    }

    /// Returns a sentence about the first glob that matches no id, and `true` if it is one of
    /// `only`.
    pub fn idle_glob(&self, ids: &[&str]) -> Option<(String, bool)> {
        let of = |flag: &str, globs: &[(String, GlobSet)]| {
            let is_idle = |glob: &GlobSet| !ids.iter().any(|id| glob.is_match(id));
            let (text, _) = globs.iter().find(|(_, glob)| is_idle(glob))?;
            let sections = sections(ids);
            let sections: Vec<&str> = sections.iter().map(String::as_str).collect();
            let hint = if text.ends_with("/*") {
                did_you_mean(text, &sections)
            } else {
                did_you_mean(text, ids)
            };
            Some(format!(
                "{flag} {text} matches no check; {hint}`whippy-conformance list` lists them all"
            ))
        };
        let only = of("--only", &self.only).map(|why| (why, true));
        only.or_else(|| of("--skip", &self.skip).map(|why| (why, false)))
    }
}

/// Returns a glob for each section: `create/*`.
fn sections(ids: &[&str]) -> Vec<String> {
    let sections = ids.iter().filter_map(|id| id.split_once('/'));
    let mut globs: Vec<_> = sections
        .map(|(section, _)| format!("{section}/*"))
        .collect();
    globs.dedup();
    globs
}

/// The error of a glob that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GlobError {
    /// The flag that it was given with.
    pub flag: &'static str,
    /// The glob.
    pub glob: String,
    /// The reason.
    pub why: ErrorKind,
}

impl fmt::Display for GlobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { flag, glob, why } = self;
        write!(f, "{flag} cannot be `{glob}`: {why}")
    }
}

impl std::error::Error for GlobError {}

fn globs(flag: &'static str, texts: &[String]) -> Result<Vec<(String, GlobSet)>, GlobError> {
    let glob = |text: &String| {
        let set = Glob::new(text).and_then(|glob| GlobSetBuilder::new().add(glob).build());
        set.map(|set| (text.clone(), set))
            .map_err(|error| GlobError {
                flag,
                glob: text.clone(),
                why: error.kind().clone(),
            })
    };
    texts.iter().map(glob).collect()
}

/// Returns ``did you mean `known`? `` where a known name is similar, and an empty text otherwise.
pub fn did_you_mean(name: &str, known: &[&str]) -> String {
    nearest(name, known).map_or_else(String::new, |known| format!("did you mean `{known}`? "))
}

/// Returns the known name that was probably meant.
pub fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let name = name.trim_end_matches(['*', '/']);
    let likeness = |known: &str| {
        // A name without its section probably means the check of that name.
        let bare = known.split_once('/').map_or(known, |(_, bare)| bare);
        strsim::jaro_winkler(name, known).max(strsim::normalized_levenshtein(name, bare))
    };
    let best = known
        .iter()
        .map(|known| (likeness(known), *known))
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.filter(|(likeness, _)| *likeness >= ALIKE)
        .map(|(_, known)| known)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // A test that cannot go on should say where.
mod tests {
    use rstest::rstest;

    use super::{Selection, nearest};

    const IDS: &[&str] = &[
        "create/answers-the-stock",
        "create/duplicate-is-refused",
        "pages/concatenate-to-the-whole",
        "readings/salable",
    ];

    #[track_caller]
    fn taken(only: &[&str], skip: &[&str]) -> Vec<&'static str> {
        let owned = |globs: &[&str]| {
            globs
                .iter()
                .map(|&glob| glob.to_owned())
                .collect::<Vec<_>>()
        };
        let selection = Selection::new(&owned(only), &owned(skip)).unwrap();
        IDS.iter()
            .copied()
            .filter(|id| selection.takes(id))
            .collect()
    }

    #[test]
    fn a_glob_takes_what_it_matches() {
        assert_eq!(taken(&[], &[]), IDS);
        assert_eq!(taken(&["create/*"], &[]), IDS[..2]);
        assert_eq!(taken(&["*stock"], &[]), IDS[..1]);
        assert_eq!(taken(&["{create,pages}/*"], &["*/dup*"]), [IDS[0], IDS[2]]);
        assert_eq!(taken(&[IDS[3]], &[]), IDS[3..]);
        assert_eq!(taken(&[], &["*"]), [""; 0]);
    }

    #[test]
    fn a_glob_that_is_none_is_named() {
        let error = Selection::new(&["create/[".to_owned()], &[]);
        let error = error.unwrap_err().to_string();
        assert!(
            error.starts_with("--only cannot be `create/[`: "),
            "{error}"
        );
    }

    #[rstest]
    #[case("create/answer-the-stock", Some(IDS[0]))]
    #[case("create/duplicates", Some(IDS[1]))]
    #[case("duplicate-is-refused", Some(IDS[1]))]
    #[case("page/*", Some(IDS[2]))]
    #[case("xyzzy", None)]
    fn what_was_meant_is_named(#[case] name: &str, #[case] meant: Option<&str>) {
        assert_eq!(nearest(name, IDS), meant);
    }
}
