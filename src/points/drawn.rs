//! A plan drawn from a seed.

use std::time::Duration;

use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;

use super::plan::{Action, Planned, PointKind};
use super::registry::POINTS;

const FAULTS: usize = 8;
const HIT_MAX: u64 = 20;

/// Faults that a process survives by itself, the same for the same seed; at most `panics_max` of them are panics, for
/// which there is a budget. None of them needs a disk to hang or a process to end: those are for plans that say so.
pub fn draw(seed: u64, panics_max: usize) -> Vec<Planned> {
    let random = &mut ChaCha8Rng::seed_from_u64(seed);
    let mut planned: Vec<Planned> = Vec::with_capacity(FAULTS);
    while planned.len() < FAULTS {
        let &(point, kind) = POINTS.choose(random).expect("there are points");
        let hit = random.random_range(1..=HIT_MAX);
        let delay = Action::Delay(Duration::from_millis(random.random_range(1..=50)));
        let mut actions = match kind {
            PointKind::Step | PointKind::Restart => vec![Action::Retryable, delay, Action::Panic],
            PointKind::Start | PointKind::Call => vec![Action::StorageFull, delay],
            PointKind::Write => vec![Action::StorageFull, delay, Action::Short],
        };
        if planned.iter().filter(|fault| fault.action == Action::Panic).count() >= panics_max {
            actions.retain(|action| *action != Action::Panic);
        }
        let action = *actions.choose(random).expect("some are left");
        if planned.iter().all(|fault| (fault.point.as_str(), fault.hit) != (point, hit)) {
            planned.push(Planned { point: point.to_owned(), hit, action });
        }
    }
    planned
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::points::FaultPoints;

    #[test]
    fn a_seed_draws_a_plan_that_may_be_and_is_its_own() {
        for seed in 1..500 {
            let planned = draw(seed, 2);
            assert_eq!(planned, draw(seed, 2), "the same seed, the same plan");
            assert_ne!(planned, draw(seed + 1, 2));
            assert!(planned.iter().filter(|fault| fault.action == Action::Panic).count() <= 2);
            FaultPoints::new(planned).expect("each can happen where it is planned");
        }
    }
}
