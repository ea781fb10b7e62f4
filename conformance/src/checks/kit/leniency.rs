//! A whippy-mock that was told no token, or no user, takes any.

use whippy_engine::defects::DEFECT_HEADER;

use crate::cases::probe::{Answer, Stop};

/// Ends a check where an answer comes from a whippy-mock that takes any token or user: it says
/// so itself, and that is no finding.
pub(crate) fn not_lenient(answer: &Answer, what: &str) -> Result<(), Stop> {
    let is_of_mock = answer.headers.contains_key("whippy-mock-rule");
    let is_broken = answer.headers.contains_key(DEFECT_HEADER);
    if answer.status == 200 && is_of_mock && !is_broken {
        let why = format!("the whippy-mock was told no {what}, so it takes any");
        return Err(Stop::Unsupported(why));
    }
    Ok(())
}
