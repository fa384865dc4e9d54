//! Many runs, side by side.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;

use parking_lot::Mutex;

use super::plan::Plan;
use super::run::check;
use super::shrink::shrink;
use crate::proof::{Tally, Violation};

/// Seeds that a thread takes at once.
const SHARE: u64 = 32;

/// What came of some seeds, up to the first that failed.
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

/// Shares that came before their turn, and what the others add up to.
#[derive(Default)]
struct Combined {
    next: u64,
    early: BTreeMap<u64, SeedsReport>,
    report: SeedsReport,
}

/// Runs the plan that is drawn from each seed until one fails, on so many threads. What is returned depends on the plans
/// alone. `ran` is called after each run.
pub fn run_seeds(
    seeds: Range<u64>,
    threads: usize,
    draw: impl Fn(u64) -> Plan + Sync,
    ran: impl Fn() + Sync,
) -> SeedsReport {
    let next = AtomicU64::new(0);
    let combined = Mutex::new(Combined::default());
    let work = || {
        while combined.lock().report.found.is_none() {
            let number = next.fetch_add(1, Relaxed);
            let start = seeds.start.saturating_add(number.saturating_mul(SHARE)).min(seeds.end);
            if start == seeds.end {
                break;
            }
            let report = share(start..start.saturating_add(SHARE).min(seeds.end), &draw, &ran);
            combined.lock().add(number, report);
        }
    };
    thread::scope(|scope| {
        (1..threads).for_each(|_| drop(scope.spawn(work)));
        work();
    });
    let mut report = combined.into_inner().report;
    if let Some(FailedSeed { violation, shrunk, .. }) = &mut report.found {
        *shrunk = shrink(shrunk.clone(), violation.invariant);
    }
    report
}

/// One run after the other, whose plan is not shrunk yet if it fails.
fn share(seeds: Range<u64>, draw: impl Fn(u64) -> Plan, ran: impl Fn()) -> SeedsReport {
    let mut report = SeedsReport::default();
    for seed in seeds {
        let plan = draw(seed);
        let run = check(&plan);
        report.runs += 1;
        report.tally.add(run.tally);
        ran();
        if let Some(violation) = run.violation {
            report.found = Some(FailedSeed { seed, violation, shrunk: plan });
            break;
        }
    }
    report
}

impl Combined {
    /// Adds shares in the order of their seeds, up to the first that failed.
    fn add(&mut self, number: u64, share: SeedsReport) {
        self.early.insert(number, share);
        while self.report.found.is_none()
            && let Some(share) = self.early.remove(&self.next)
        {
            self.next += 1;
            self.report.runs += share.runs;
            self.report.tally.add(share.tally);
            self.report.found = share.found;
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
