//! What holds after each life, and after the last.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use isotherm::checkpoint::simulated::DiskFault;
use isotherm::checkpoint::{
    CursorStore, SimulatedDisk, SourceState, format, partition_path, rejected_path, source_path,
};
use isotherm::domain::Reading;
use isotherm::faults::{Failure, FaultPoints, Kind};

use super::plan::{FOLDER, Life, Plan, Trouble};
use super::replay::{self, Topic};
use super::world::{Ended, Lived, World};

type Files = BTreeMap<PathBuf, Vec<u8>>;

/// What was promised so far.
pub struct Promises<'a> {
    plan: &'a Plan,
    readings: Vec<Reading>,
    /// By log id and partition, the highest offset that was told to be committed.
    committed: BTreeMap<(String, u32), u64>,
    /// By log id, readings of the source that were told to be acknowledged, and those of which `source.json` spoke last.
    acknowledged: BTreeMap<String, (u64, u64)>,
}

fn folder() -> &'static Path {
    Path::new(FOLDER)
}

/// What `source.json` says, without touching the disk.
fn source_state(disk: &SimulatedDisk) -> Option<SourceState> {
    let store = CursorStore::new(Arc::new(disk.after_process()), folder().to_owned(), FaultPoints::default());
    store.recover().expect("source.json is whole")
}

impl<'a> Promises<'a> {
    pub fn new(plan: &'a Plan) -> Self {
        let readings = if plan.ingests { replay::readings(&plan.settings) } else { Vec::new() };
        Self { plan, readings, committed: BTreeMap::new(), acknowledged: BTreeMap::new() }
    }

    /// After any life: every file is old or new and whole, equals a replay of the log up to its offset, and is not older
    /// than what was told to be committed; and what was told to be acknowledged is in the log.
    pub fn check(&mut self, world: &World, lived: &Lived) {
        let files = world.disk.files();
        let now = Topic::read(&world.log);
        let topics: Vec<&Topic> = now.iter().chain(world.gone.as_ref().map(|gone| &gone.topic)).collect();
        let topic = |log_id: &str| *topics.iter().find(|topic| topic.log_id == log_id).expect("the log was there");
        for partition in self.plan.partitions() {
            let told = lived.progress.partition(partition).committed();
            let Some(bytes) = files.get(&partition_path(folder(), partition)) else {
                let committed = self.committed.iter().any(|((_, other), offset)| *other == partition && *offset > 0);
                assert!(told == 0 && !committed, "I3: partition {partition} was committed, and there is no file");
                continue;
            };
            let checkpoint = format::parse("the file", bytes).expect("I4: the file is whole");
            let (log_id, offset) = (checkpoint.identity.log_id, checkpoint.state.next_offset);
            let topic = topic(&log_id);
            let (json, rejected) = topic.files_at(partition, offset, self.plan.settings.quality);
            assert!(*bytes == json, "I1: partition-{partition}.json is not a replay up to {offset}");
            let on_disk = files.get(&rejected_path(folder(), partition)).map(Vec::as_slice).unwrap_or_default();
            assert!(on_disk.starts_with(&rejected), "I1: the rejected records of partition {partition}");
            let (counted, rejected) = (checkpoint.state.counted(), checkpoint.state.rejected_total());
            assert_eq!(counted + rejected, topic.records_below(partition, offset), "I2 of partition {partition}");
            let committed = self.committed.entry((log_id, partition)).or_default();
            *committed = told.max(*committed);
            assert!(offset >= *committed, "I3: partition {partition} went back from {committed} to {offset}");
        }
        let told = lived.progress.source().readings();
        match source_state(&world.disk) {
            Some(state) => self.check_source(&state, topic(&state.log_id), told),
            None => {
                let acknowledged = self.acknowledged.values().any(|(acknowledged, _)| *acknowledged > 0);
                assert!(told == 0 && !acknowledged, "I3: readings were acknowledged, and there is no source.json");
                self.acknowledged.clear();
            }
        }
        if let Some(gone) = &world.gone {
            nothing_was_written(&gone.files, &files);
        }
    }

    fn check_source(&mut self, state: &SourceState, topic: &Topic, told: u64) {
        let (acknowledged, in_file) = self.acknowledged.entry(state.log_id.clone()).or_default();
        if told > 0 {
            *acknowledged = *in_file + told;
        }
        *in_file = state.readings;
        assert!(state.readings >= *acknowledged, "I3: {acknowledged} readings were acknowledged: {state:?}");
        for (&partition, &end) in &state.acknowledged {
            assert!(topic.end(partition) >= end, "I12: partition {partition} ends before {end}");
        }
        let counts = topic.counts();
        let mut sent: BTreeMap<_, u64> = BTreeMap::new();
        for reading in &self.readings[..state.readings as usize] {
            let record = replay::record(reading, self.plan.settings.log.partitions);
            let times = sent.entry(record).or_default();
            *times += 1;
        }
        for ((partition, key, value), times) in &sent {
            let found = counts.get(&(*partition, key.as_slice(), value.as_slice())).copied().unwrap_or_default();
            assert!(found >= *times, "I12: a reading of {key:?} was acknowledged and is not in partition {partition}");
        }
    }

    /// A branch fails only of what was done to it, and whoever does not stop in time is kept from it.
    pub fn check_end(&self, world: &World, life: &Life, lived: &Lived) {
        let Ended::ByItself(end) = &lived.end else { return };
        let signalled = life.troubles.iter().any(|(_, trouble)| matches!(trouble, Trouble::Signal));
        let disturbed = life.slow_call_of > 0 || world.gone.is_some();
        let disk_broken = matches!(life.disk_fault, Some((_, DiskFault::Error(ErrorKind::Other))));
        let explained = |failure: &Failure| {
            disturbed
                || failure.what.contains("planned fault")
                || (failure.kind == Kind::Io && disk_broken)
                // What would be waited out at another time keeps a branch from draining.
                || (failure.is_retryable() && signalled)
        };
        match end {
            Ok(summary) => {
                let unexplained = summary.failures.iter().find(|(_, failure)| !explained(failure));
                assert!(unexplained.is_none(), "{summary:?}");
                assert!(summary.laggards.is_empty() || disturbed, "{summary:?}");
                if summary.failures.is_empty() && lived.fired.is_empty() && !disturbed {
                    for (number, partition) in lived.progress.partitions() {
                        assert_eq!(partition.committed(), partition.position(), "partition {number} was not drained");
                    }
                }
            }
            Err(failure) => {
                let no_topic = failure.what.starts_with("there is no") && !self.plan.topic_exists;
                assert!(explained(failure) || no_topic, "it did not start: {failure}");
            }
        }
    }

    /// After the last life, which nothing disturbed.
    pub fn check_last(&self, world: &World, lived: &Lived) {
        let Ended::ByItself(Ok(summary)) = &lived.end else { panic!("the last life is undisturbed") };
        let files = world.disk.files();
        let topic = Topic::read(&world.log).expect("it was created by now");
        let old_source = source_state(&world.disk).is_some_and(|state| state.log_id != topic.log_id);
        let mut refused = if old_source && self.plan.ingests { vec!["ingest".to_owned()] } else { Vec::new() };
        let mut stations = BTreeMap::new();
        for partition in self.plan.partitions() {
            let path = partition_path(folder(), partition);
            let checkpoint = format::parse("the file", &files[&path]).expect("I4: the file is whole");
            if checkpoint.identity.log_id != topic.log_id {
                refused.push(format!("partition {partition}"));
                continue;
            }
            assert_eq!(checkpoint.state.next_offset, topic.end(partition), "I5: partition {partition}");
            let (_, rejected) = topic.files_at(partition, topic.end(partition), self.plan.settings.quality);
            assert_eq!(files.get(&rejected_path(folder(), partition)).cloned().unwrap_or_default(), rejected, "I1");
            stations.extend(checkpoint.state.stations);
        }
        let failed: Vec<_> = summary.failures.iter().map(|(branch, _)| branch.clone()).collect();
        assert_eq!(failed, refused, "{summary:?}");
        assert!(summary.laggards.is_empty(), "{summary:?}");
        let known = |name: &str| name == "source.json" || name.starts_with("partition-") || name.ends_with(".lock");
        for path in files.keys() {
            let name = path.file_name().and_then(|name| name.to_str()).expect("it has one");
            let settled = !name.contains(".tmp-") || !refused.is_empty();
            assert!(known(name) && settled, "I4: {name} was left");
        }
        let rules = &self.plan.settings.quality;
        if self.plan.ingests && refused.is_empty() && rules.stations_max > 2 {
            for (station, counted) in replay::counted(&self.readings, rules) {
                let found = stations.get(&station).map(|found| replay::Counted {
                    count: found.count(),
                    sum: found.sum,
                    start: found.start,
                    end: found.end,
                });
                assert_eq!(found, Some(counted), "{station}");
            }
        }
    }

    /// A run over the same log that nothing ever disturbed, on a disk of its own, leaves the same files.
    pub fn check_undisturbed(&self, world: &World, undisturbed: &World) {
        let (files, others) = (world.disk.files(), undisturbed.disk.files());
        let topic = Topic::read(&world.log).expect("it was created by now");
        for partition in self.plan.partitions() {
            let path = partition_path(folder(), partition);
            let checkpoint = format::parse("the file", &files[&path]).expect("I4: the file is whole");
            if checkpoint.identity.log_id == topic.log_id {
                assert!(files[&path] == others[&path], "I1: partition {partition}");
                let rejected = rejected_path(folder(), partition);
                assert!(files.get(&rejected) == others.get(&rejected), "I1: rejected records of partition {partition}");
            }
        }
    }
}

/// Nothing that belongs to the topic that is gone went on after it was.
fn nothing_was_written(then: &Files, now: &Files) {
    for (path, bytes) in then {
        let offset = |bytes: &[u8]| {
            format::parse("the file", bytes).ok().map(|file| (file.identity.log_id, file.state.next_offset))
        };
        if let (Some((old, then)), Some((log_id, now))) = (offset(bytes), now.get(path).and_then(|bytes| offset(bytes)))
        {
            assert!(log_id == old && now <= then, "{} was written for a topic that is gone", path.display());
        }
    }
}

/// The files of results and the cursor.
pub fn results(disk: &SimulatedDisk) -> Files {
    let mut files = disk.files();
    files.retain(|path, _| path.extension().is_some_and(|ending| ending != "lock") || *path == source_path(folder()));
    files
}
