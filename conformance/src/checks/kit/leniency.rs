//! A whippy-mock without configured tokens or users accepts any.

use whippy_engine::defects::DEFECT_HEADER;

use crate::cases::probe::{Answer, Stop};

/// Ends a check if the answer is from a whippy-mock that accepts any token or user, which is not a
/// finding. Such a mock says so itself.
pub(crate) fn not_lenient(answer: &Answer, what: &str) -> Result<(), Stop> {
    let is_of_mock = answer.headers.contains_key("whippy-mock-rule");
    let is_broken = answer.headers.contains_key(DEFECT_HEADER);
    if answer.status == 200 && is_of_mock && !is_broken {
        let why = format!("the whippy-mock was told no {what}, so it takes any");
        return Err(Stop::Unsupported(why));
    }
    Ok(())
}
