//! Counts over all runs.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::points::{Action, Planned};

/// Counts of runs. Adding is commutative, so the order in which runs end does not show.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    pub lives: u64,
    pub killed: u64,
    pub power_cuts: u64,
    /// Lives in which a branch failed for good, as it had to.
    pub with_failed_branch: u64,
    pub restarts: u64,
    pub virtual_ms: u64,
    /// By point and action.
    #[serde(skip)]
    pub faults: BTreeMap<(String, String), Fired>,
    /// How often a restart took so many virtual milliseconds, from the death until the branch worked again.
    #[serde(skip)]
    pub recoveries_ms: BTreeMap<u64, u64>,
}

/// The faults of one point and action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Fired {
    pub planned: u64,
    pub fired: u64,
    /// Fired in a run in which everything held.
    pub survived: u64,
}

/// How long recoveries took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Recovery {
    pub min_ms: u64,
    pub median_ms: u64,
    pub max_ms: u64,
}

impl Tally {
    pub fn planned(&mut self, faults: &[Planned]) {
        faults.iter().for_each(|fault| self.of(fault).planned += 1);
    }

    pub fn fired(&mut self, faults: &[Planned]) {
        faults.iter().for_each(|fault| self.of(fault).fired += 1);
    }

    fn of(&mut self, fault: &Planned) -> &mut Fired {
        self.faults.entry((fault.point.clone(), fault.action.name().to_owned())).or_default()
    }

    /// Everything held in the runs that this counts.
    pub fn all_survived(&mut self) {
        self.faults.values_mut().for_each(|of| of.survived = of.fired);
    }

    pub fn recovered(&mut self, took_ms: u64) {
        *self.recoveries_ms.entry(took_ms).or_default() += 1;
    }

    pub fn recovery(&self) -> Option<Recovery> {
        let (min_ms, max_ms) = (*self.recoveries_ms.keys().next()?, *self.recoveries_ms.keys().next_back()?);
        let half = self.recoveries_ms.values().sum::<u64>().div_ceil(2);
        let mut so_far = 0;
        let median = self.recoveries_ms.iter().find(|(_, times)| {
            so_far += **times;
            so_far >= half
        });
        Some(Recovery { min_ms, median_ms: *median?.0, max_ms })
    }

    pub fn add(&mut self, other: Self) {
        self.lives += other.lives;
        self.killed += other.killed;
        self.power_cuts += other.power_cuts;
        self.with_failed_branch += other.with_failed_branch;
        self.restarts += other.restarts;
        self.virtual_ms += other.virtual_ms;
        for (key, other) in other.faults {
            let of = self.faults.entry(key).or_default();
            of.planned += other.planned;
            of.fired += other.fired;
            of.survived += other.survived;
        }
        for (took_ms, times) in other.recoveries_ms {
            *self.recoveries_ms.entry(took_ms).or_default() += times;
        }
    }

    /// `EveryFaultIsTried`: which of these were never seen to fire.
    pub fn never_fired<'a>(&self, every: impl Iterator<Item = (&'a str, Action)>) -> Vec<String> {
        let fired = |key: &(String, String)| self.faults.get(key).is_some_and(|of| of.fired > 0);
        let every = every.map(|(point, action)| (point.to_owned(), action.name().to_owned()));
        every.filter(|key| !fired(key)).map(|(point, action)| format!("{point}: {action}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_one_in_the_middle_however_tallies_are_added() {
        let tally = |times: &[u64]| {
            let mut tally = Tally::default();
            times.iter().for_each(|&took_ms| tally.recovered(took_ms));
            tally
        };
        assert_eq!(tally(&[]).recovery(), None);
        let mut all = tally(&[9, 1]);
        all.add(tally(&[5, 5, 100]));
        assert_eq!(all.recovery(), Some(Recovery { min_ms: 1, median_ms: 5, max_ms: 100 }));
        assert_eq!(tally(&[3, 4]).recovery().map(|recovery| recovery.median_ms), Some(3));
    }

    #[test]
    fn a_fault_that_was_planned_and_did_not_fire_is_missed() {
        let fault = Planned { point: "a".to_owned(), hit: 1, action: Action::Panic };
        let mut tally = Tally::default();
        tally.planned(std::slice::from_ref(&fault));
        assert_eq!(tally.never_fired([("a", Action::Panic)].into_iter()), ["a: panic"]);
        tally.fired(&[fault]);
        assert_eq!(tally.never_fired([("a", Action::Panic)].into_iter()), Vec::<String>::new());
    }
}
