//! Chance that repeats: the same for the same seed, on every machine.

use std::ops::{Bound, RangeBounds};
use std::time::Duration;

/// A small generator of numbers that look random (`SplitMix64`).
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// A sequence that is the same for the same seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// One of the many sequences of a seed, so that one does not depend on the pace of another.
    #[must_use]
    pub fn stream(seed: u64, purpose: u64) -> Self {
        let start = Self(seed).number() ^ purpose.wrapping_mul(0xD134_2543_DE82_EF95);
        Self(start)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Evenly distributed in 0..1.
    pub fn fraction(&mut self) -> f64 {
        let bits = u32::try_from(self.number() >> 32).unwrap_or(u32::MAX);
        f64::from(bits) / (f64::from(u32::MAX) + 1.0)
    }

    /// A number below `end`, or 0 if there is none; `end` is small enough for the remainder to be fair.
    pub fn below(&mut self, end: u64) -> u64 {
        self.number() % end.max(1)
    }

    /// A number from `range`, which must not be empty.
    pub fn within(&mut self, range: impl RangeBounds<u64>) -> u64 {
        let start = match range.start_bound() {
            Bound::Included(start) => *start,
            Bound::Excluded(before) => before + 1,
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(last) => last + 1,
            Bound::Excluded(end) => *end,
            Bound::Unbounded => u64::MAX,
        };
        start + self.below(end - start)
    }

    /// So many milliseconds.
    pub fn millis(&mut self, range: impl RangeBounds<u64>) -> Duration {
        Duration::from_millis(self.within(range))
    }

    /// True in so many cases of a hundred.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of them, which must not be none.
    ///
    /// # Panics
    ///
    /// If there are none.
    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        self.any_of(choices).expect("something to choose from")
    }

    /// One of them, if there are any. It draws a number in either case.
    pub fn any_of<T: Copy>(&mut self, choices: &[T]) -> Option<T> {
        let at = self.below(u64::try_from(choices.len()).ok()?);
        choices.get(usize::try_from(at).ok()?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_its_streams_differ() {
        let drawn = |seed, purpose| {
            let mut chance = Chance::stream(seed, purpose);
            (0..20).map(|_| chance.below(1_000)).collect::<Vec<_>>()
        };
        assert_eq!(drawn(1, 2), drawn(1, 2));
        assert_ne!(drawn(1, 2), drawn(1, 3));
        assert_ne!(drawn(1, 2), drawn(2, 2));
    }

    #[test]
    fn what_is_drawn_lies_within_and_reaches_both_ends() {
        let mut chance = Chance::new(1);
        let mut drawn: Vec<u64> = (0..100).map(|_| chance.within(3..=5)).collect();
        drawn.extend((0..100).map(|_| chance.within(3..6)));
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn, [3, 4, 5]);
        assert_eq!(chance.any_of::<u8>(&[]), None);
    }
}
