//! A run: every check in turn, and what they came to.

use crate::catalogue::{Check, Outcome};
use crate::target::{Target, TargetError};

/// What a run came to.
#[derive(Debug, Default)]
pub struct Summary {
    /// Checks that passed.
    pub passed: usize,
    /// Checks that did not.
    pub failed: usize,
    /// Checks whose state could not be brought about; never the target's fault.
    pub setup_failed: usize,
}

/// Runs the checks; each outcome is told as it comes.
pub fn run(
    checks: &[Check],
    target: &mut dyn Target,
    mut tell: impl FnMut(&Check, &Outcome),
) -> Result<Summary, TargetError> {
    let mut summary = Summary::default();
    for check in checks {
        let outcome = check.run(target)?;
        match outcome {
            Outcome::Pass => summary.passed += 1,
            Outcome::Fail(_) => summary.failed += 1,
            Outcome::SetupFailed(_) => summary.setup_failed += 1,
        }
        tell(check, &outcome);
    }
    Ok(summary)
}
