//! Secrets from flags, variables or files.

use std::path::Path;

use super::files;
use super::refusal::Refusal;

/// Returns the secret itself, or the text of its file without the line break at the end.
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
    // The message names the flag and not the secret.
    if secret.is_empty() || secret.contains(char::is_control) {
        return Err(Refusal::usage(format!(
            "--{flag} must not be empty, nor have control characters in it"
        )));
    }
    Ok(Some(secret))
}
