//! A limit of requests a second.

use std::time::{Duration, Instant};

/// The interval at the slowest rate.
const LONGEST: Duration = Duration::from_secs(3600);

/// Hands out moments at equal intervals.
pub(super) struct Pace {
    apart: Duration,
    next: Option<Instant>,
}

impl Pace {
    /// Creates a pace of this many moments a second; `None` where the rate is not possible.
    pub(super) fn new(rate: f64) -> Option<Self> {
        let apart = Duration::try_from_secs_f64(1.0 / rate).ok()?;
        (apart <= LONGEST).then_some(Self { apart, next: None })
    }

    /// Returns the time to wait for the next moment.
    pub(super) fn next(&mut self, now: Instant) -> Duration {
        let moment = self.next.map_or(now, |next| next.max(now));
        self.next = Some(moment + self.apart);
        moment - now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_lie_evenly_apart_whenever_they_are_asked_for() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut pace = Pace::new(10.0).unwrap();
        let waits =
            [at(0), at(0), at(30), at(1000), at(1050)].map(|now| pace.next(now).as_millis());
        assert_eq!(waits, [0, 100, 170, 0, 50]);
    }

    #[test]
    fn no_rate_is_none() {
        for rate in [0.0, -1.0, f64::NAN] {
            assert!(Pace::new(rate).is_none(), "{rate}");
        }
    }
}
