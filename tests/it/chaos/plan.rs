//! What goes wrong and when: all of it follows from one number, so that it can be had again.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

/// A seed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan(pub(crate) u64);

impl Plan {
    /// The dice for one decision, named by `of`. The same name always throws the same.
    pub(crate) fn dice(self, of: impl Hash) -> Dice {
        let mut hasher = DefaultHasher::new();
        (self.0, of).hash(&mut hasher);
        Dice(hasher.finish())
    }
}

/// Pseudo-random numbers (splitmix64).
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below `count`.
    pub(crate) fn below(&mut self, count: u64) -> u64 {
        self.next() % count
    }

    /// Of an entry in a list of so many, or 0.
    pub(crate) fn index(&mut self, count: usize) -> usize {
        self.below(count.max(1) as u64) as usize
    }

    /// True in so many of a hundred throws.
    pub(crate) fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    /// Up to so many milliseconds.
    pub(crate) fn millis(&mut self, most: u64) -> Duration {
        Duration::from_millis(self.below(most + 1))
    }
}
