//! Secrets as flags, variables or files give them.

use std::path::Path;

use super::files;
use super::refusal::Refusal;

/// The secret, or what the file holds: its text without the line break at its end.
pub(crate) fn secret(
    flag: &str,
    text: Option<&str>,
    file: Option<&Path>,
) -> Result<Option<String>, Refusal> {
    let secret = match (text, file) {
        (Some(text), _) => text.to_owned(),
        (None, Some(path)) => {
            let named =
                |why: String| Refusal::usage(format!("--{flag}-file {}: {why}", path.display()));
            let text = files::text(path).map_err(|error| named(error.to_string()))?;
            let text = text.trim_end_matches(['\r', '\n']).to_owned();
            if text.trim().is_empty() {
                return Err(named("the file is empty".to_owned()));
            }
            text
        }
        (None, None) => return Ok(None),
    };
    // It is named by its flag alone.
    if secret.is_empty() || secret.contains(char::is_control) {
        return Err(Refusal::usage(format!(
            "--{flag} must not be empty, nor have control characters in it"
        )));
    }
    Ok(Some(secret))
}
