//! The names under which the values of flags came, and the variables of flags.

use std::collections::BTreeMap;

/// Prefix of every variable.
pub(crate) const VARIABLES: &str = "WHIPPY_CONFORMANCE_";

/// Names under which values came that are not from the command line, by flag.
#[derive(Debug, Default)]
pub(crate) struct Origins(BTreeMap<String, String>);

impl Origins {
    /// Notes that a flag's value came under a name.
    pub(crate) fn note(&mut self, flag: &str, name: &str) {
        self.0.insert(flag.to_owned(), name.to_owned());
    }

    /// A sentence about a flag, its value blamed by the name that it came under: a sentence
    /// that begins with `--provider` begins with `WHIPPY_CONFORMANCE_PROVIDER` instead.
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

/// The variable of a flag.
pub(crate) fn variable(flag: &str) -> String {
    format!("{VARIABLES}{}", flag.to_uppercase().replace('-', "_"))
}
