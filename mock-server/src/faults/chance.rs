//! Repeatable chance: it depends on the seed, the rule and the number of requests that the rule has
//! met, and on nothing else.

/// The random numbers for one request that meets one rule.
#[derive(Debug, Clone)]
pub(super) struct Chance(u64);

impl Chance {
    /// Returns the chance for the nth request that meets a rule.
    pub(super) fn of(seed: u64, rule: usize, nth: u64) -> Self {
        let rule = u64::try_from(rule).unwrap_or(u64::MAX);
        Self(mixed(mixed(mixed(seed) ^ rule) ^ nth))
    }

    /// Returns 64 random bits: one step of `SplitMix64`.
    pub(super) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed(self.0)
    }

    /// Returns 32 random bits.
    pub(super) fn small(&mut self) -> u32 {
        u32::try_from(self.bits() >> 32).unwrap_or_default()
    }

    /// Returns a number from 0 up to, but not including, 1.
    pub(super) fn unit(&mut self) -> f64 {
        f64::from(self.small()) / f64::from(u32::MAX) * (1.0 - f64::EPSILON)
    }

    /// Returns a number of the standard normal distribution, by the method of Box and Muller.
    pub(super) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Returns random bytes.
    pub(super) fn bytes(&mut self, count: u32) -> Vec<u8> {
        let words = (0..count.div_ceil(8)).flat_map(|_| self.bits().to_le_bytes());
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        words.take(count).collect()
    }
}

fn mixed(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_falls_depends_on_seed_rule_and_meeting() {
        let first = |seed, rule, nth| Chance::of(seed, rule, nth).bits();
        assert_eq!(first(7, 1, 3), first(7, 1, 3));
        for other in [
            first(8, 1, 3),
            first(7, 2, 3),
            first(7, 1, 4),
            first(7, 3, 1),
        ] {
            assert_ne!(first(7, 1, 3), other);
        }
    }

    #[test]
    fn a_unit_is_spread_evenly_and_a_normal_around_zero() {
        let draws = 20_000;
        let (mut sum, mut normals, mut squares) = (0.0, 0.0, 0.0);
        for nth in 0..draws {
            let mut chance = Chance::of(0, 0, nth);
            let unit = chance.unit();
            assert!((0.0..1.0).contains(&unit), "{unit}");
            sum += unit;
            let normal = chance.normal();
            assert!(normal.is_finite());
            normals += normal;
            squares += normal * normal;
        }
        let of = |sum: f64| sum / 20_000.0;
        assert!((of(sum) - 0.5).abs() < 0.02, "{}", of(sum));
        assert!(of(normals).abs() < 0.03, "{}", of(normals));
        assert!((of(squares) - 1.0).abs() < 0.05, "{}", of(squares));
    }
}
