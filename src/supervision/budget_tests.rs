use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn policy() -> Policy {
    Policy {
        restarts_max: 3,
        window: 30 * SECOND,
        backoff_min: SECOND / 10,
        backoff_max: 10 * SECOND,
        healthy: 120 * SECOND,
        heartbeat: SECOND,
        shutdown: SECOND,
    }
}

#[test]
fn the_window_slides() {
    let (mut budget, start) = (Budget::new(&policy(), 1), Instant::now());
    for second in [0, 10, 20] {
        assert!(budget.crashed(start + second * SECOND, false).is_some());
    }
    assert_eq!(budget.crashed(start + 29 * SECOND, false), None);
    assert_eq!((budget.granted.len(), budget.left(start + 29 * SECOND)), (3, 0));
    assert_eq!(budget.spent(), "3 restarts within 30s");
    assert_eq!(budget.left(start + 30 * SECOND), 1);
    assert!(budget.crashed(start + 30 * SECOND, false).is_some(), "the first is out of the window");
    assert_eq!(budget.crashed(start + 39 * SECOND, false), None);
}

#[test]
fn an_outage_costs_nothing_and_its_waits_grow_to_a_second() {
    let (mut budget, start) = (Budget::new(&policy(), 1), Instant::now());
    let waits: Vec<_> = (0..50).map(|second| budget.waited_out(start + second * SECOND)).collect();
    assert!(waits[0] <= SECOND / 10 && waits[49] >= SECOND / 2, "{waits:?}");
    assert!(waits.iter().all(|wait| *wait <= SECOND), "{waits:?}");
    assert_eq!(budget.granted.len(), 0);
    let crash = budget.crashed(start + 50 * SECOND, false).expect("granted");
    assert!(crash <= SECOND / 10, "the first crash waits like any first one: {crash:?}");
}

#[test]
fn healthy_time_starts_after_the_wait_and_makes_all_as_new() {
    let policy = Policy { healthy: SECOND, backoff_min: 10 * SECOND, window: 1000 * SECOND, ..policy() };
    let (mut budget, start) = (Budget::new(&policy, 1), Instant::now());
    let first = budget.crashed(start, false).expect("granted");
    let second = start + first + SECOND / 2;
    let wait = budget.crashed(second, false).expect("granted");
    assert_eq!(budget.granted.len(), 2, "half a second is not healthy");
    budget.crashed(second + wait + SECOND, false);
    assert_eq!(budget.granted.len(), 1);
}

#[test]
fn a_hang_counts_until_healthy_time_whatever_the_window() {
    let (mut budget, start) = (Budget::new(&policy(), 1), Instant::now());
    assert!(budget.crashed(start, true).is_some());
    for second in [40, 50] {
        assert!(budget.crashed(start + second * SECOND, false).is_some());
    }
    assert_eq!(budget.crashed(start + 60 * SECOND, false), None);
    assert_eq!(budget.spent(), "3 restarts, those of hangs counted until 120s pass without a death");
    assert_eq!(budget.left(start + 100 * SECOND), 2, "the crashes are out of the window, the hang is not");
    assert_eq!(budget.left(start + 171 * SECOND), 3);
}

proptest! {
    #[test]
    fn no_window_has_more_than_granted(
        gaps_ms in prop::collection::vec(0u64..20_000, 1..200), restarts_max in 0usize..8, seed: u64,
    ) {
        let policy = Policy { restarts_max, healthy: 3600 * SECOND, ..policy() };
        let (mut budget, mut now) = (Budget::new(&policy, seed), Instant::now());
        let mut granted = Vec::new();
        for gap_ms in gaps_ms {
            now += Duration::from_millis(gap_ms);
            let within = granted.iter().filter(|&&at| now - at < policy.window).count();
            let wait = budget.crashed(now, false);
            prop_assert_eq!(wait.is_some(), within < restarts_max, "refused exactly if the window is full");
            if wait.is_some() {
                granted.push(now);
            }
            prop_assert!(budget.granted.len() <= restarts_max);
        }
    }
}
