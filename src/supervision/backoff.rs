//! Waits between tries.

use std::time::Duration;

use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};

/// Waits that double up to a longest one; half of each is left to chance, so that what failed together does not try
/// again together. The same seed gives the same waits.
#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
    /// Waits since it was as new.
    waits: u32,
    random: ChaCha8Rng,
}

impl Backoff {
    pub fn new(first: Duration, longest: Duration, seed: u64) -> Self {
        Self { first, longest, waits: 0, random: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// The next wait: between half of and the whole of `first` × 2^waits, or of `longest` if that is shorter.
    pub fn next(&mut self) -> Duration {
        let whole = self.first.saturating_mul(1u32.checked_shl(self.waits).unwrap_or(u32::MAX)).min(self.longest);
        self.waits = self.waits.saturating_add(1);
        let half = whole / 2;
        let choices = u64::try_from(half.as_nanos()).unwrap_or(u64::MAX).saturating_add(1);
        whole - half + Duration::from_nanos(self.random.next_u64() % choices)
    }

    /// The next wait is as short as the first. Chance goes on.
    pub fn reset(&mut self) {
        self.waits = 0;
    }
}

#[cfg(test)]
#[path = "backoff_tests.rs"]
mod tests;
