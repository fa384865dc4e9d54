//! One run: some lives, and the checks after each.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::plan::{FOLDER, Plan, PlannedLife};
use super::trace;
use super::world::{LifeEnd, SimulatedLife, World};
use crate::domain::Readings;
use crate::durable::Fence;
use crate::ingest::{CursorStore, SourceState};
use crate::log::RecordLog as _;
use crate::proof::invariants::promises::{self, Promises};
use crate::proof::invariants::{FolderFiles, Invariant, Violation, bounds, endings, files};
use crate::proof::readings::all_readings;
use crate::proof::simulated::SimulatedDisk;
use crate::proof::tally::Tally;
use crate::supervision::panic;

/// One seed of so many is run twice, and compared.
const TWICE_OF: u64 = 10;

/// The result of a run.
pub struct Run {
    /// Each event of all lives as a line.
    pub events: String,
    pub tally: Tally,
    pub violation: Option<Violation>,
    /// The files and the number of operations on the disk, which the same seed must leave again.
    left: (FolderFiles, usize),
}

/// Runs a plan as often as its seed asks for.
pub fn check(plan: &Plan) -> Run {
    if plan.seed.is_multiple_of(TWICE_OF) { run_twice(plan) } else { run(plan) }
}

/// Runs a plan once, and if all held once more, which must be the same.
pub fn run_twice(plan: &Plan) -> Run {
    let mut first = run(plan);
    if first.violation.is_none() {
        let again = run(plan);
        first.violation = endings::same((&first.events, &again.events), (&first.left, &again.left)).err();
    }
    first
}

/// Runs a plan once. The first violation ends it.
pub fn run(plan: &Plan) -> Run {
    panic::install_hook();
    drop(trace::take());
    let mut runner = PlanRunner {
        plan,
        world: World::new(plan),
        readings: Vec::new(),
        promises: Promises::default(),
        tally: Tally::default(),
        operations: 0,
    };
    let told = trace::listen(|| panic::catch(|| runner.run()));
    let violation = match told {
        Ok(held) => held.err(),
        Err(panic) => Some(Invariant::PanicsAreIsolated.violated(format!("a panic that left every branch: {panic}"))),
    };
    let told = trace::take();
    let mut tally = runner.tally;
    told.restarts_ms.iter().for_each(|&took_ms| tally.recovered(took_ms));
    if violation.is_none() {
        tally.all_survived();
    }
    let left = (runner.world.disk.files(), runner.operations);
    Run { events: told.text, tally, violation, left }
}

struct PlanRunner<'a> {
    plan: &'a Plan,
    world: World,
    /// All that the source has, where it is read and does not change.
    readings: Vec<Readings>,
    promises: Promises,
    tally: Tally,
    operations: usize,
}

impl PlanRunner<'_> {
    fn run(&mut self) -> Result<(), Violation> {
        let plan = self.plan;
        if plan.ingests && plan.files.is_empty() {
            self.readings = self.all_of_the_source()?;
        }
        for (life, number) in plan.lives.iter().zip(1..) {
            self.live(life, plan.seed ^ (number << 32))?;
        }
        let lived = self.live(&PlannedLife::undisturbed(plan.job()), plan.seed)?;
        self.check_last(&lived)?;
        self.check_undisturbed()
    }

    /// What the source has by now.
    fn all_of_the_source(&self) -> Result<Vec<Readings>, Violation> {
        let readings = all_readings(&self.plan.settings.source, Arc::new(self.world.source_disk.clone()));
        readings.map_err(|failure| Invariant::NothingSkipped.violated(failure.to_string()))
    }

    /// Lives a life, counts its events, and checks what must hold after any life.
    fn live(&mut self, life: &PlannedLife, seed: u64) -> Result<SimulatedLife, Violation> {
        let lived = self.world.live(self.plan, life, seed)?;
        self.operations += lived.operations;
        let tally = &mut self.tally;
        tally.lives += 1;
        match &lived.end {
            LifeEnd::Killed => tally.killed += 1,
            LifeEnd::PowerCut => tally.power_cuts += 1,
            LifeEnd::ByItself(Ok(summary)) if summary.failures.is_empty() => {}
            LifeEnd::ByItself(_) | LifeEnd::Hangs => tally.with_failed_branch += 1,
        }
        tally.restarts += lived.restarts();
        tally.virtual_ms += lived.virtual_ms;
        tally.planned(&life.faults);
        tally.fired(&lived.fired);
        self.check_life(life, &lived)?;
        Ok(lived)
    }

    /// Checks what must hold after any life.
    fn check_life(&mut self, life: &PlannedLife, lived: &SimulatedLife) -> Result<(), Violation> {
        trace::told()?;
        let Self { plan, world, promises, .. } = self;
        let (files, folder) = (world.disk.files(), Path::new(FOLDER));
        for partition in plan.partitions() {
            let committed = lived.progress.partition(partition).committed.get();
            files::after_life(|log_id| world.log_of(log_id), (folder, &files), partition, committed, promises)?;
            if let Some(gone) = &world.gone {
                files::nothing_of_a_topic_that_is_gone(folder, &gone.files, &files, partition)?;
            }
        }
        let source = source_state(&world.disk)?;
        promises.acknowledged(lived.progress.source().readings.get(), source.as_ref())?;
        if let Some(source) = &source {
            let log = world.log_of(&source.log_id)?;
            promises::in_the_log(log, source, &self.readings)?;
            promises::once_in_the_log(log, source.partitions, self.readings.iter().flat_map(Readings::records), false)?;
        }
        bounds::bounded(&plan.settings, world.log.write_records_max(), &files)?;
        endings::explained(plan, life, lived, world.gone.is_some())?;
        endings::drained(life, lived, world.gone.is_some())?;
        endings::one_branch(life, lived)?;
        if let Some(gone) = &mut world.gone
            && matches!(lived.end, LifeEnd::PowerCut)
        {
            // It may take a file whose name was never synced: then the next life has none to go on from.
            gone.files.retain(|name, _| files.contains_key(name));
        }
        Ok(())
    }

    /// Checks what must hold after the last life, which nothing disturbed.
    fn check_last(&self, lived: &SimulatedLife) -> Result<(), Violation> {
        let LifeEnd::ByItself(Ok(summary)) = &lived.end else {
            return Err(Invariant::WorkIsFinished.violated("a life that nothing disturbed did not end well"));
        };
        let (files, folder) = (self.world.disk.files(), Path::new(FOLDER));
        let log_id = self.world.log.log_id().ok().flatten().unwrap_or_default();
        let old_source = source_state(&self.world.disk)?.is_some_and(|state| state.log_id != log_id);
        let mut refused = if old_source && self.plan.ingests { vec!["ingest".to_owned()] } else { Vec::new() };
        let mut stations = BTreeMap::new();
        for partition in self.plan.partitions() {
            let checkpoint = files::whole(folder, &files, partition)?;
            let checkpoint =
                checkpoint.ok_or_else(|| Invariant::WorkIsFinished.violated("there is no file at the end"))?;
            if checkpoint.identity.log_id != log_id {
                refused.push(format!("partition {partition}"));
                continue;
            }
            let end = self.world.log.extent(partition).map_or(0, |extent| extent.end);
            endings::caught_up(partition, checkpoint.state.next_offset, end)?;
            files::rejected_lines_settled(folder, &files, &checkpoint)?;
            stations.extend(checkpoint.state.stations);
        }
        endings::refused(summary, &refused)?;
        if refused.is_empty() {
            files::no_temporaries(&files)?;
            let rules = &self.plan.settings.rules();
            // Where there is room for all of them.
            if rules.stations_max > 2 {
                endings::every_reading(&self.readings, rules, &stations)?;
            }
            let (log, partitions) = (&self.world.log, self.plan.settings.log.partitions);
            promises::once_in_the_log(log, partitions, self.readings.iter().flat_map(Readings::records), true)?;
            if !self.plan.files.is_empty() {
                let readings = self.all_of_the_source()?;
                promises::revisions(log, partitions, &readings)?;
                // What a file had that was changed can be there several times.
                let records = readings.iter().flat_map(Readings::records);
                let unchanged = records.filter(|record| !self.plan.changes_file_of(record.key.unwrap_or_default()));
                promises::once_in_the_log(log, partitions, unchanged, false)?;
            }
        }
        Ok(())
    }

    /// `FilesEqualReplay` once more, by the processor's own code: a run over the same log that nothing ever disturbed,
    /// on a disk of its own and in batches of another size, leaves the same files.
    fn check_undisturbed(&self) -> Result<(), Violation> {
        let mut plan = Plan { ingests: false, ..self.plan.clone() };
        (plan.settings.consume.batch_records, plan.settings.consume.commit_interval_ms) = (1000, 1000);
        let log = self.world.log.clone();
        let mut other = World { log, ..World::new(&Plan { topic_exists: false, files: Vec::new(), ..plan.clone() }) };
        other.live(&plan, &PlannedLife::undisturbed(plan.job()), plan.seed)?;
        trace::told()?;
        let (files, others) = (self.world.disk.files(), other.disk.files());
        let log_id = self.world.log.log_id().ok().flatten();
        for partition in plan.partitions() {
            let checkpoint = files::whole(Path::new(FOLDER), &files, partition)?;
            if checkpoint.map(|checkpoint| checkpoint.identity.log_id) == log_id {
                let same = files::of_partition(&files, partition) == files::of_partition(&others, partition);
                Invariant::FilesEqualReplay
                    .require(same, || format!("an undisturbed run leaves other files of partition {partition}"))?;
            }
        }
        Ok(())
    }
}

/// The content of `source.json`, read without touching the disk.
fn source_state(disk: &SimulatedDisk) -> Result<Option<SourceState>, Violation> {
    let fence = Arc::new(Fence::new(Duration::MAX, |_| unreachable!("it is free")));
    let store = CursorStore::new(Arc::new(disk.after_process()), Path::new(FOLDER).to_owned(), fence);
    store
        .enter(1)
        .and_then(|inside| Ok(store.recover(&inside)?.map(|(state, _)| state)))
        .map_err(|failure| Invariant::FilesAreWhole.violated(failure.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::simulation::plan::{Foreign, PlannedTrouble};

    #[test]
    fn a_panic_outside_of_the_actors_is_a_violation_and_the_next_run_is_as_ever() {
        let mut plan = Plan::draw(0);
        plan.lives.truncate(1);
        let nowhere = Foreign::Gap { partition: 99, offsets: 1 };
        plan.lives[0].troubles.insert(0, (0, PlannedTrouble::Written(vec![nowhere])));
        let violation = run(&plan).violation.expect("there is no such partition");
        assert!(
            violation.invariant == Invariant::PanicsAreIsolated && violation.what.contains("simulated/log.rs"),
            "{violation}"
        );
        assert_eq!(run(&Plan::draw(0)).violation, None);
    }
}
