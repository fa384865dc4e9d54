use proptest::prelude::*;

use super::*;

const MS: Duration = Duration::from_millis(1);

proptest! {
    #[test]
    fn each_wait_is_in_the_upper_half_of_a_doubling_one(
        first in 1u32..10_000, longest in 1u32..100_000_000, seed: u64, waits in 1usize..80,
    ) {
        let (first, longest) = (first * MS, longest * MS);
        let mut backoff = Backoff::new(first, longest, seed);
        let mut whole = first;
        for _ in 0..waits {
            let wait = backoff.next();
            let limit = whole.min(longest);
            prop_assert!(limit / 2 <= wait && wait <= limit, "{wait:?} of {limit:?}");
            whole = whole.saturating_mul(2);
        }
        backoff.reset();
        prop_assert!(backoff.next() <= first.min(longest));
    }

    #[test]
    fn a_seed_decides_all_waits(seed: u64) {
        let waits = |seed| {
            let mut backoff = Backoff::new(100 * MS, 10_000 * MS, seed);
            [(); 8].map(|()| backoff.next())
        };
        prop_assert_eq!(waits(seed), waits(seed));
        prop_assert_ne!(waits(seed), waits(seed ^ 1));
    }
}
