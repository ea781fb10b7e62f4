//! The selection of checks, by globs over their ids.

use std::fmt;

use globset::{ErrorKind, Glob, GlobSet, GlobSetBuilder};
use whippy_engine::suggest;

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

/// ``did you mean `known`? `` if a known id is near, or else an empty text.
pub fn did_you_mean(name: &str, ids: &[&str]) -> String {
    // Whoever leaves out the section means the check.
    let is_meant = |id: &&&str| id.split_once('/').is_some_and(|(_, bare)| bare == name);
    let name = ids.iter().find(is_meant).map_or(name, |id| *id);
    suggest::did_you_mean(name, ids.iter().copied())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // A test that cannot go on should say where.
mod tests {
    use rstest::rstest;

    use super::Selection;

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
    #[case("create/answer-the-stock", "did you mean `create/answers-the-stock`? ")]
    #[case("create/duplicates", "did you mean `create/duplicate-is-refused`? ")]
    #[case("duplicate-is-refused", "did you mean `create/duplicate-is-refused`? ")]
    #[case("salable", "did you mean `readings/salable`? ")]
    #[case("page/*", "did you mean `pages/*`? ")]
    #[case("xyzzy", "")]
    fn what_was_meant_is_named(#[case] name: &str, #[case] hint: &str) {
        let selection = Selection::new(&[name.to_owned()], &[]).unwrap();
        let (sentence, _) = selection.idle_glob(IDS).unwrap();
        let list = "`whippy-conformance list` lists them all";
        assert_eq!(
            sentence,
            format!("--only {name} matches no check; {hint}{list}")
        );
    }
}
