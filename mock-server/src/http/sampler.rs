//! A limit on the exchanges that one reader gets a second. The others are counted.

use std::time::{Duration, Instant};

/// The time over which exchanges are counted.
pub(super) const SPAN: Duration = Duration::from_secs(1);

/// The pause between two reads of the feed while exchanges are left out.
pub(super) const REST: Duration = Duration::from_millis(20);

/// Decides which exchanges a reader gets.
pub(super) struct Sampler {
    /// `None`: all of them.
    per_span: Option<u32>,
    since: Instant,
    taken: u32,
    skipped: u64,
    /// The moment of the last report of skipped exchanges.
    counted: Instant,
}

impl Sampler {
    pub(super) fn new(per_span: Option<u32>, now: Instant) -> Self {
        Self {
            per_span,
            since: now,
            taken: 0,
            skipped: 0,
            counted: now,
        }
    }

    /// Returns `true` if an exchange of this moment goes to the reader, and counts it as skipped
    /// otherwise.
    pub(super) fn admits(&mut self, now: Instant) -> bool {
        let Some(most) = self.per_span else {
            return true;
        };
        if now.duration_since(self.since) >= SPAN {
            (self.since, self.taken) = (now, 0);
        }
        if self.taken < most {
            self.taken += 1;
            return true;
        }
        self.skipped += 1;
        false
    }

    pub(super) fn has_skipped(&self) -> bool {
        self.skipped > 0
    }

    /// Returns `true` if skipped exchanges have not been reported for [`SPAN`].
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.has_skipped() && now.duration_since(self.counted) >= SPAN
    }

    /// Takes the number of exchanges skipped since the last call.
    pub(super) fn take_skipped(&mut self, now: Instant) -> u64 {
        self.counted = now;
        std::mem::take(&mut self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_number_exchanges_are_counted_until_the_second_is_over() {
        let start = Instant::now();
        let mut sampler = Sampler::new(Some(2), start);
        let admitted: Vec<_> = (0..5).map(|_| sampler.admits(start)).collect();
        assert_eq!(admitted, [true, true, false, false, false]);
        assert_eq!(
            (sampler.take_skipped(start), sampler.take_skipped(start)),
            (3, 0)
        );
        assert!(sampler.admits(start + SPAN));
        assert!(!sampler.has_skipped());
    }

    #[test]
    fn what_is_left_out_is_counted_once_a_second_however_many_come() {
        let start = Instant::now();
        let mut sampler = Sampler::new(Some(0), start);
        sampler.admits(start);
        assert!(!sampler.is_due(start));
        sampler.admits(start + SPAN);
        assert!(sampler.is_due(start + SPAN));
        assert_eq!(sampler.take_skipped(start + SPAN), 2);
        sampler.admits(start + SPAN);
        assert!(!sampler.is_due(start + SPAN));
    }

    #[test]
    fn without_a_number_every_exchange_goes_to_the_reader() {
        let start = Instant::now();
        let mut sampler = Sampler::new(None, start);
        assert!((0..10_000).all(|_| sampler.admits(start)));
        assert_eq!(sampler.take_skipped(start), 0);
    }
}
