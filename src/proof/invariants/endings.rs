//! How a life ends, and how far the last one comes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;

use compact_str::CompactString;

use super::Invariant::{NothingSkipped, PanicsAreIsolated, SeedsRepeat, WorkIsFinished};
use super::Violation;
use crate::domain::{Day, Reading, Readings, Rules, StationStats};
use crate::failure::{Failure, Kind, Origin};
use crate::pipeline::{End, Summary};
use crate::points::Action;
use crate::progress::{Condition, CrashOutcome};
use crate::proof::simulated::DiskFault;
use crate::proof::simulation::plan::{Plan, PlannedLife};
use crate::proof::simulation::world::{LifeEnd, SimulatedLife};

/// `NothingSkipped`: a branch fails for good, or does not stop in time, only because of a planned trouble. `gone`: the
/// topic was deleted.
pub fn explained(plan: &Plan, life: &PlannedLife, lived: &SimulatedLife, gone: bool) -> Result<(), Violation> {
    let disturbed = life.slow_call_of > 0 || gone;
    let disk_broken = matches!(life.disk_fault, Some((_, DiskFault::Error(ErrorKind::Other))));
    let explained = |failure: &Failure| {
        disturbed
            // A panic that nobody planned was heard when it happened.
            || matches!(failure.origin, Origin::Planned | Origin::Panic)
            || (failure.kind == Kind::Io && disk_broken)
            // An outage that would be waited out at another time keeps a branch from draining.
            || (failure.is_retryable() && life.is_signalled())
    };
    match &lived.end {
        LifeEnd::ByItself(Ok(summary)) => {
            let unexplained = summary.failures.iter().find(|(_, failure)| !explained(failure));
            let what = || format!("a branch failed and nothing was done to it: {unexplained:?}");
            NothingSkipped.require(unexplained.is_none(), what)?;
            let late = &summary.laggards;
            NothingSkipped.require(late.is_empty() || disturbed, || format!("nothing held them up: {late:?}"))
        }
        LifeEnd::ByItself(Err(failure)) => {
            // Only a topic that is not there is fatal as well as unavailable.
            let no_topic = failure.kind == Kind::Unavailable && !failure.is_retryable() && !plan.topic_exists;
            NothingSkipped.require(explained(failure) || no_topic, || format!("it did not start: {failure}"))
        }
        LifeEnd::Killed | LifeEnd::PowerCut | LifeEnd::Hangs => Ok(()),
    }
}

/// `WorkIsFinished`: a life ends; and if nothing kept it from ending well, all that was counted is committed.
pub fn drained(life: &PlannedLife, lived: &SimulatedLife, gone: bool) -> Result<(), Violation> {
    let summary = match &lived.end {
        LifeEnd::Hangs => return Err(WorkIsFinished.violated("it was asked to end and goes on for ever")),
        LifeEnd::ByItself(Ok(summary)) if lived.fired.is_empty() && summary.failures.is_empty() => summary,
        _ => return Ok(()),
    };
    if life.slow_call_of > 0 || gone || !summary.laggards.is_empty() {
        return Ok(());
    }
    for (number, partition) in lived.progress.partitions() {
        let (committed, position) = (partition.committed.get(), partition.position.get());
        WorkIsFinished.require(committed == position, || {
            format!("partition {number} was drained at offset {position}, and committed up to {committed}")
        })?;
    }
    Ok(())
}

/// `PanicsAreIsolated`: no more restarts than panics; of each crash of a branch that ended well it is told that the branch
/// recovered, and from where; and a branch that was not asked to end goes on while others fail.
pub fn one_branch(life: &PlannedLife, lived: &SimulatedLife) -> Result<(), Violation> {
    let panics = lived.fired.iter().filter(|fault| fault.action == Action::Panic).count() as u64;
    let restarts = lived.restarts();
    // A call that outlasts a heartbeat is a crash like a panic.
    PanicsAreIsolated
        .require(restarts <= panics || life.slow_call_of > 0, || format!("{panics} panics made {restarts} restarts"))?;
    let LifeEnd::ByItself(Ok(summary)) = &lived.end else { return Ok(()) };
    let board = lived.progress.branches();
    for crash in board.crashes() {
        let Some(status) = board.status(crash.branch).filter(|status| status.condition == Condition::Finished) else {
            continue;
        };
        let recovered = crash.outcome == CrashOutcome::Recovered && crash.resumed_from.is_some();
        PanicsAreIsolated.require(recovered && status.epoch > status.restarts, || {
            let (branch, epoch, restarts) = (crash.branch, status.epoch, status.restarts);
            format!("{branch} ended well in life {epoch} after {restarts} restarts, but of this is told: {crash:?}")
        })?;
    }
    // With a source that ends, everybody ends.
    let job = &life.job;
    let goes_on = job.end == End::AtSignal && !life.is_signalled() && !job.ingest && !job.partitions.is_empty();
    PanicsAreIsolated.require(!(goes_on && summary.failures.len() < job.partitions.len()), || {
        format!("it ended though nobody asked for it, and only these had failed: {:?}", summary.failures)
    })
}

/// `WorkIsFinished`: everything in the log is counted.
pub fn caught_up(partition: u32, offset: u64, end: u64) -> Result<(), Violation> {
    WorkIsFinished.require(offset == end, || {
        format!("nothing was wrong any more, and partition {partition} is at offset {offset} of {end}")
    })
}

/// `NothingSkipped`: exactly these branches refuse to go on, as their files are of a topic that is gone.
pub fn refused(summary: &Summary, expected: &[String]) -> Result<(), Violation> {
    let failed: Vec<_> = summary.failures.iter().map(|(branch, _)| branch.as_str()).collect();
    NothingSkipped.require(failed == expected && summary.laggards.is_empty(), || {
        format!("nothing was wrong any more; {expected:?} had to refuse, but: {summary:?}")
    })
}

/// `NothingSkipped`: each station of the source, counted in the plainest way, the first plausible reading of each day,
/// is in the files like that.
pub fn every_reading(
    readings: &[Readings],
    rules: &Rules,
    found: &BTreeMap<CompactString, StationStats>,
) -> Result<(), Violation> {
    let (mut seen, mut stations) = (BTreeSet::new(), BTreeMap::<&str, (u64, f64, Day, Day)>::new());
    for Reading { station_id, day, degrees } in readings.iter().flat_map(Readings::iter) {
        let plausible = (rules.degrees_min..=rules.degrees_max).contains(&degrees);
        if plausible && seen.insert((station_id, day)) {
            let station = stations.entry(station_id).or_insert((0, 0.0, day, day));
            *station = (station.0 + 1, station.1 + degrees, station.2, day);
        }
    }
    for (station, expected) in stations {
        let in_files = found.get(station).map(|found| (found.count(), found.sum, found.start, found.end));
        NothingSkipped.require(in_files == Some(expected), || {
            format!("the source has {expected:?} of station {station}, the files {in_files:?}")
        })?;
    }
    Ok(())
}

/// `SeedsRepeat`: two runs of one seed. Tells of the first event that differs.
pub fn same<T: PartialEq>(events: (&str, &str), left: (&T, &T)) -> Result<(), Violation> {
    let mut pairs = events.0.lines().zip(events.1.lines());
    if let Some((one, other)) = pairs.find(|(one, other)| one != other) {
        return Err(SeedsRepeat.violated(format!("one run said {one:?}, the other {other:?}")));
    }
    SeedsRepeat.require(events.0.len() == events.1.len() && left.0 == left.1, || {
        "two runs said the same for a while, and left other bytes or said more".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Invariant;
    use crate::progress::Progress;

    fn ended(failure: Failure) -> Result<(), Violation> {
        let mut plan = Plan::draw(1);
        let life = PlannedLife { slow_call_of: 0, disk_fault: None, troubles: Vec::new(), ..plan.lives.remove(0) };
        let summary = Summary { failures: vec![("partition 0".to_owned(), failure)], ..Summary::default() };
        let lived = SimulatedLife {
            end: LifeEnd::ByItself(Ok(summary)),
            progress: Progress::new(&[]),
            fired: Vec::new(),
            virtual_ms: 0,
            operations: 0,
        };
        explained(&plan, &life, &lived, false)
    }

    #[test]
    fn a_failure_is_explained_by_where_it_came_from_and_not_by_its_words() {
        let failure = |what: &str| Failure::fatal(Kind::Data, what);
        for words in ["a planned fault, it says", "panicked: boom", "there is no topic", "the disk is full"] {
            let violation = ended(failure(words)).expect_err("nothing was planned");
            assert!(violation.to_string().contains(words), "{violation}");
            let checked = failure(words).origin(Origin::Check(Invariant::RecordsAddUp));
            ended(checked).expect_err("a check that failed is no planned fault");
            ended(failure(words).origin(Origin::Planned)).expect("it was planned");
        }
    }
}
