//! From a plan that fails to the fewest faults that do.

use super::plan::{EndsBy, Life, Plan};
use super::run::check;
use crate::chaos::Invariant;

/// Runs that are tried.
const TRIES_MAX: usize = 1000;

/// Takes away whatever is not needed for the same invariant to be violated: lives, faults, troubles, records.
pub fn shrink(plan: Plan, invariant: Invariant) -> Plan {
    let mut tries = 0;
    let mut fails = |plan: &Plan| {
        tries += 1;
        tries <= TRIES_MAX && check(plan).1.is_some_and(|violation| violation.invariant == invariant)
    };
    let mut smallest = plan;
    'again: loop {
        for smaller in smaller(&smallest) {
            if fails(&smaller) {
                smallest = smaller;
                continue 'again;
            }
        }
        return smallest;
    }
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
        let mut in_life = |change: &dyn Fn(&mut Life)| with(&|plan| change(&mut plan.lives[number]));
        for fault in 0..life.faults.len() {
            in_life(&|life| drop(life.faults.remove(fault)));
        }
        for trouble in 0..life.troubles.len() {
            in_life(&|life| drop(life.troubles.remove(trouble)));
        }
        if life.disk_fault.is_some() {
            in_life(&|life| life.disk_fault = None);
        }
        if life.slow_call_of > 0 {
            in_life(&|life| life.slow_call_of = 0);
        }
        match life.ends_by {
            Some(EndsBy::PowerCut(operation)) => {
                in_life(&|life| life.ends_by = None);
                // A process that only dies is less than a power cut.
                in_life(&|life| life.ends_by = Some(EndsBy::Killed(operation)));
            }
            Some(EndsBy::Killed(_)) => in_life(&|life| life.ends_by = None),
            None => {}
        }
    }
    plans
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
