//! Samples of long tables, for services that are far away.

use crate::cases::probe::Probe;

/// Returns the values to send: all of them, or every n-th for a service that is far away.
pub(crate) fn sample<T>(
    probe: &Probe<'_>,
    every: usize,
    values: Vec<T>,
) -> impl Iterator<Item = T> + use<T> {
    let step = if probe.session.is_far { every } else { 1 };
    values.into_iter().step_by(step)
}
