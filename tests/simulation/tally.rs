//! What happened over all seeds.

use std::collections::BTreeMap;
use std::fmt;

use isotherm::faults::{Action, Planned};

use super::plan::{Life, POINTS};
use super::world::{Ended, Lived};

#[derive(Default)]
pub struct Tally {
    lives: u64,
    killed: u64,
    power_cuts: u64,
    failed: u64,
    restarts: u64,
    virtual_seconds: f64,
    /// Planned and fired.
    faults: BTreeMap<(String, &'static str), (u64, u64)>,
}

fn key(fault: &Planned) -> (String, &'static str) {
    let action = match fault.action {
        Action::Panic => "panic",
        Action::Retryable => "retryable",
        _ => "fatal",
    };
    (fault.point.clone(), action)
}

impl Tally {
    pub fn add(&mut self, life: &Life, lived: &Lived) {
        self.lives += 1;
        match &lived.end {
            Ended::Killed => self.killed += 1,
            Ended::PowerCut => self.power_cuts += 1,
            Ended::ByItself(Ok(summary)) if summary.failures.is_empty() => {}
            Ended::ByItself(_) => self.failed += 1,
        }
        let partitions = lived.progress.partitions().map(|(_, partition)| partition.restarts());
        self.restarts += partitions.sum::<u64>() + lived.progress.source().restarts();
        self.virtual_seconds += lived.virtual_time.as_secs_f64();
        for fault in &life.faults {
            self.faults.entry(key(fault)).or_default().0 += 1;
        }
        for fault in &lived.fired {
            self.faults.entry(key(fault)).or_default().1 += 1;
        }
    }

    /// I10, over all seeds: each point was made to go wrong in each way.
    pub fn check(&self) {
        for (point, action) in
            POINTS.iter().flat_map(|point| ["panic", "retryable", "fatal"].map(|action| (point, action)))
        {
            let fired = self.faults.get(&((*point).to_owned(), action)).map_or(0, |(_, fired)| *fired);
            assert!(fired > 0, "I10: {point} never saw a {action}");
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lives, killed, power_cuts, failed, restarts, virtual_seconds, .. } = self;
        writeln!(
            formatter,
            "{lives} lives, {virtual_seconds:.0} virtual seconds: {killed} killed, {power_cuts} power cuts, {failed} with a failed branch, {restarts} restarts"
        )?;
        for ((point, action), (planned, fired)) in &self.faults {
            writeln!(formatter, "  {point:<26} {action:<10} {planned:>6} planned {fired:>6} fired")?;
        }
        Ok(())
    }
}
