//! The names under which the values of flags were given, and the variables of flags.

use std::collections::BTreeMap;

/// The prefix of every variable.
pub(crate) const VARIABLES: &str = "WHIPPY_CONFORMANCE_";

/// The names under which flags were set elsewhere than on the command line, by flag.
#[derive(Debug, Default)]
pub(crate) struct Origins(BTreeMap<String, String>);

impl Origins {
    /// Notes the name under which a flag's value was given.
    pub(crate) fn note(&mut self, flag: &str, name: &str) {
        self.0.insert(flag.to_owned(), name.to_owned());
    }

    /// Rewrites a sentence about a flag to name the origin of its value: one that begins with
    /// `--provider` may then begin with `WHIPPY_CONFORMANCE_PROVIDER`.
    pub(crate) fn blame(&self, sentence: &str) -> String {
        let flag = sentence.strip_prefix("--").unwrap_or_default();
        let end = flag.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
        let (flag, rest) = flag.split_at(end.unwrap_or(flag.len()));
        match self.0.get(flag) {
            Some(origin) => format!("{origin}{rest}"),
            None => sentence.to_owned(),
        }
    }
}

/// Returns the variable of a flag.
pub(crate) fn variable(flag: &str) -> String {
    format!("{VARIABLES}{}", flag.to_uppercase().replace('-', "_"))
}
