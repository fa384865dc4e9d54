//! Many runs, side by side.

use std::ops::Range;
use std::thread;

use super::plan::Plan;
use super::run::check;
use super::shrink::shrink;
use crate::proof::{Tally, Violation};

/// Seeds that a thread runs before it waits for the other threads.
const SHARE_MAX: u64 = 256;

/// The results of some seeds, up to the first that failed.
#[derive(Default)]
pub struct SeedsReport {
    pub runs: u64,
    pub tally: Tally,
    pub found: Option<FailedSeed>,
}

/// A seed whose run did not hold.
pub struct FailedSeed {
    pub seed: u64,
    pub violation: Violation,
    /// The fewest faults that were found to do the same.
    pub shrunk: Plan,
}

/// Runs the plan that is drawn from each seed until one fails, on so many threads. The report depends on the plans
/// alone. `ran` is called after each run.
pub fn run_seeds(
    seeds: Range<u64>,
    threads: usize,
    draw: impl Fn(u64) -> Plan + Sync,
    ran: impl Fn() + Sync,
) -> SeedsReport {
    let share_seeds = (seeds.end - seeds.start).div_ceil(threads as u64).clamp(1, SHARE_MAX);
    let mut starts = seeds.clone().step_by(share_seeds as usize).peekable();
    let mut report = SeedsReport::default();
    while report.found.is_none() && starts.peek().is_some() {
        thread::scope(|scope| {
            let run_from = |start: u64| {
                let seeds = start..start.saturating_add(share_seeds).min(seeds.end);
                scope.spawn(|| share(seeds, &draw, &ran))
            };
            let shares: Vec<_> = starts.by_ref().take(threads).map(run_from).collect();
            for share in shares {
                report.add(share.join().expect("a panic of a run is caught within it"));
            }
        });
    }
    if let Some(FailedSeed { violation, shrunk, .. }) = &mut report.found {
        *shrunk = shrink(shrunk.clone(), violation.invariant);
    }
    report
}

/// One run after the other, whose plan is not shrunk yet if it fails.
fn share(mut seeds: Range<u64>, draw: impl Fn(u64) -> Plan, ran: impl Fn()) -> SeedsReport {
    let mut report = SeedsReport::default();
    while report.found.is_none()
        && let Some(seed) = seeds.next()
    {
        let plan = draw(seed);
        let run = check(&plan);
        ran();
        let found = run.violation.map(|violation| FailedSeed { seed, violation, shrunk: plan });
        report.add(SeedsReport { runs: 1, tally: run.tally, found });
    }
    report
}

impl SeedsReport {
    /// Adds the report of the seeds that follow, unless a seed has failed before them.
    fn add(&mut self, following: Self) {
        if self.found.is_none() {
            self.runs += following.runs;
            self.tally.add(following.tally);
            self.found = following.found;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::Environment;

    /// A producer that takes more at once than may be in flight.
    fn without_a_bound(environment: Environment) -> Environment {
        let mut settings = (*environment.settings).clone();
        settings.produce.in_flight_max = 1000;
        Environment { settings: settings.into(), ..environment }
    }

    #[test]
    fn what_is_reported_does_not_depend_on_the_number_of_threads() {
        let report = |threads| run_seeds(5..120, threads, Plan::draw, || {});
        let (one, three) = (report(1), report(3));
        assert_eq!((one.runs, three.runs), (115, 115));
        assert_eq!(one.tally, three.tally);
        assert!(one.found.is_none() && three.found.is_none());
    }

    #[test]
    fn the_first_seed_that_fails_ends_it_and_what_is_left_of_its_plan_still_fails() {
        let draw = |seed| Plan { environment: without_a_bound, ..Plan::draw(seed) };
        let report = run_seeds(0..1000, 1, draw, || {});
        let found = report.found.expect("the bug is found");
        assert_eq!(report.runs, found.seed + 1);
        assert!(found.shrunk.faults() < Plan::draw(found.seed).faults(), "{}", found.shrunk);
        let again = crate::proof::simulation::run(&found.shrunk).violation.expect("it still fails");
        assert_eq!(again.invariant, found.violation.invariant);
        let without = Plan { environment: std::convert::identity, ..found.shrunk };
        assert_eq!(crate::proof::simulation::run(&without).violation, None, "it is the bug's fault");
    }
}
