//! Environment variables that were probably meant for this program.

use std::ffi::OsStr;

use whippy_engine::suggest::nearest;

/// The beginning of every variable of this program.
const PREFIX: &str = "WHIPPY_MOCK_";

/// Returns a sentence for each variable that begins like one of this program's, is not one, but is
/// close to one.
///
/// Other variables with that beginning are fine: Kubernetes sets some for a service of that name.
pub(crate) fn misspelled<'a>(
    set: impl Iterator<Item = &'a OsStr>,
    known: &[String],
) -> Vec<String> {
    let ours = set
        .filter_map(OsStr::to_str)
        .filter(|name| name.starts_with(PREFIX) && !known.iter().any(|known| known == name));
    let hints = ours.filter_map(|name| {
        let meant = nearest(name, known.iter().map(String::as_str))?;
        Some(format!(
            "{name} is not a variable of whippy-mock; did you mean {meant}?"
        ))
    });
    hints.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_variable_is_told_and_those_of_kubernetes_pass() {
        let known = [
            "WHIPPY_MOCK_TOKEN".to_owned(),
            "WHIPPY_MOCK_LISTEN".to_owned(),
        ];
        let set = [
            "WHIPPY_MOCK_TOKN",
            "WHIPPY_MOCK_TOKEN",
            "WHIPPY_MOCK_SERVICE_HOST",
            "WHIPPY_MOCK_PORT_8000_TCP",
            "PATH",
        ];
        let told = misspelled(set.iter().map(OsStr::new), &known);
        assert_eq!(
            told,
            ["WHIPPY_MOCK_TOKN is not a variable of whippy-mock; did you mean WHIPPY_MOCK_TOKEN?"]
        );
    }
}
