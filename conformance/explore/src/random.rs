//! Pseudorandom numbers that are equal for equal seeds, on every machine and in every version of
//! this crate.
//!
//! `SplitMix64`, a counter and a mixer. Source: G. L. Steele, D. Lea, C. H. Flood, "Fast
//! splittable pseudorandom number generators", OOPSLA 2014.

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub struct Random(u64);

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Random {
    /// Creates the stream for one part of a seed. The parts are independent of each other.
    pub fn of(seed: u64, part: u64) -> Self {
        let mut mixed = Self(seed);
        let start = mixed.draw();
        Self(start ^ part.wrapping_mul(STEP))
    }

    /// Returns the next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number below `bound`, which must be above 0.
    pub fn below(&mut self, bound: usize) -> usize {
        let wide = u128::from(self.draw()) * bound as u128;
        usize::try_from(wide >> 64).unwrap_or(0)
    }

    /// Returns `true` with the probability of one in `times`.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// Returns one of these items.
    pub fn pick<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_for_ever() {
        let mut random = Random::of(7, 0);
        let first: Vec<_> = (0..6).map(|_| random.below(1000)).collect();
        let mut again = Random::of(7, 0);
        assert_eq!(first, (0..6).map(|_| again.below(1000)).collect::<Vec<_>>());
        let mut other = Random::of(7, 1);
        assert_ne!(first, (0..6).map(|_| other.below(1000)).collect::<Vec<_>>());
        assert!(first.iter().all(|number| *number < 1000));
    }
}
