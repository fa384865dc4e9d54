//! From a plan that fails to the fewest faults that do.

use super::plan::{EndsBy, Plan, PlannedLife, PlannedTrouble};
use super::run::{run, run_twice};
use crate::pipeline::End;
use crate::proof::Invariant;

/// Runs that are tried.
const TRIES_MAX: usize = 2000;
/// A thing that is taken away moves all later ones in time, so each smaller plan is tried with so many timings.
const TIMINGS: u64 = 8;

/// Takes away the lives, faults, troubles and records that are not needed for the same invariant to be violated.
pub fn shrink(plan: Plan, invariant: Invariant) -> Plan {
    let mut tries = 0;
    let mut fails = |plan: &Plan| {
        tries += 1;
        let run = if invariant == Invariant::SeedsRepeat { run_twice } else { run };
        tries <= TRIES_MAX && run(plan).violation.is_some_and(|found| found.invariant == invariant)
    };
    let timed =
        |plan: Plan| (0..TIMINGS).map(move |timing| Plan { seed: plan.seed.wrapping_add(timing), ..plan.clone() });
    let mut smallest = plan;
    while let Some(smaller) = smaller(&smallest).into_iter().flat_map(timed).find(&mut fails) {
        smallest = smaller;
    }
    smallest
}

/// Every plan that is smaller by one thing, those that are much smaller first.
fn smaller(plan: &Plan) -> Vec<Plan> {
    let mut plans = Vec::new();
    let mut with = |change: &dyn Fn(&mut Plan)| {
        let mut smaller = plan.clone();
        change(&mut smaller);
        plans.push(smaller);
    };
    for life in 0..plan.lives.len() {
        with(&|plan| drop(plan.lives.remove(life)));
    }
    for (from, to) in parts(plan.written.len()) {
        with(&|plan| drop(plan.written.drain(from..to)));
    }
    let simulate = &plan.settings.source.simulate;
    if plan.ingests && simulate.days > 1 {
        with(&|plan| plan.settings.source.simulate.days /= 2);
    }
    if plan.ingests && simulate.stations > 1 {
        with(&|plan| plan.settings.source.simulate.stations -= 1);
    }
    for (number, life) in plan.lives.iter().enumerate() {
        smaller_life(life, |smaller| with(&|plan| plan.lives[number] = smaller.clone()));
    }
    plans
}

fn smaller_life(life: &PlannedLife, mut found: impl FnMut(PlannedLife)) {
    let mut with = |change: &dyn Fn(&mut PlannedLife)| {
        let mut smaller = life.clone();
        change(&mut smaller);
        if smaller.ends() {
            found(smaller);
        }
    };
    for fault in 0..life.faults.len() {
        with(&|life| drop(life.faults.remove(fault)));
    }
    for (number, (_, trouble)) in life.troubles.iter().enumerate() {
        with(&|life| drop(life.troubles.remove(number)));
        if let PlannedTrouble::Written(records) = trouble {
            for (from, to) in parts(records.len()) {
                with(&|life| {
                    if let PlannedTrouble::Written(records) = &mut life.troubles[number].1 {
                        records.drain(from..to);
                    }
                });
            }
        }
    }
    if life.disk_fault.is_some() {
        with(&|life| life.disk_fault = None);
    }
    if life.slow_call_of > 0 {
        with(&|life| life.slow_call_of = 0);
    }
    if life.job.end == End::AtSignal {
        with(&|life| {
            life.job.end = End::WhenCaughtUp;
            life.troubles.retain(|(_, trouble)| !matches!(trouble, PlannedTrouble::Signal));
        });
    }
    match life.ends_by {
        Some(EndsBy::PowerCut(operation)) => {
            with(&|life| life.ends_by = None);
            // A process that only dies is less than a power cut.
            with(&|life| life.ends_by = Some(EndsBy::Killed(operation)));
        }
        Some(EndsBy::Killed(_)) => with(&|life| life.ends_by = None),
        None => {}
    }
}

/// Halves, quarters and so on of a list, down to single things.
fn parts(length: usize) -> Vec<(usize, usize)> {
    let mut parts = Vec::new();
    let mut size = length;
    while size > 0 {
        parts.extend((0..length).step_by(size).map(|from| (from, (from + size).min(length))));
        size /= 2;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_list_go_down_to_single_things() {
        assert_eq!(parts(0), []);
        assert_eq!(parts(3), [(0, 3), (0, 1), (1, 2), (2, 3)]);
        assert_eq!(parts(4).len(), 1 + 2 + 4);
    }

    #[test]
    fn every_smaller_plan_is_smaller_and_ends() {
        let size = |plan: &Plan| format!("{plan}").len();
        for plan in (0..200).map(Plan::draw) {
            let size_max = size(&plan) + 4;
            for smaller in smaller(&plan) {
                assert!(smaller.lives.iter().all(PlannedLife::ends), "{smaller}");
                assert!(smaller.faults() <= plan.faults() && size(&smaller) <= size_max, "{plan}\n{smaller}");
            }
        }
    }
}
