//! What is on disk, and what is left of it after every crash and every failure there can be.

mod contract;
mod crashes;
mod damage;
mod errors;
mod exclusion;
mod format;
mod maintenance;
mod pieces;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use isotherm::domain::{Batch, Day, PartitionState, Reading, Record, Rules, Snapshot};
use isotherm::durable::{Disk, Fence};
use isotherm::partition::format::{VERSION, serialize};
use isotherm::partition::{Identity, PartitionStore, partition_path, rejected_path};
use isotherm::points::FaultPoints;
use isotherm::proof::FaultyDisk;
use isotherm::proof::simulated::SimulatedDisk;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

pub const FOLDER: &str = "/state";

pub fn folder() -> &'static Path {
    Path::new(FOLDER)
}

pub fn identity() -> Identity {
    Identity {
        topic: "temperatures".to_owned(),
        log_id: "f2b6c1de-30c4-4b3f-9a51-7d1f0f6a9a11".to_owned(),
        partition: 2,
        partitions: 4,
    }
}

/// A reading of the n-th day of the year 2000, as a record.
pub fn push(batch: &mut Batch, offset: u64, station: &str, day: u32, degrees: f64) {
    let day = Day::from_number(730_119 + day).expect("a day");
    let mut value = Vec::new();
    Reading { station_id: station, day, degrees }.encode(&mut value);
    batch.push(Record { offset, key: Some(station.as_bytes()), value: Some(&value) });
}

/// One life of a partition: what is committed, one after the other.
pub struct Life {
    pub snapshots: Vec<Snapshot>,
    /// The file of rejected records at the end.
    pub rejected: Vec<u8>,
}

impl Life {
    /// A snapshot after each of these sequences of (station, day, degrees); days count from 0.
    pub fn new(rules: Rules, batches: &[Vec<(&str, u32, f64)>]) -> Self {
        let mut state = PartitionState::new(rules, 0);
        let mut life = Self { snapshots: Vec::new(), rejected: Vec::new() };
        for readings in batches {
            let mut batch = Batch::default();
            for (offset, (station, day, degrees)) in (state.next_offset..).zip(readings) {
                push(&mut batch, offset, station, *day, *degrees);
            }
            state.apply(&batch);
            let snapshot = state.snapshot();
            life.rejected.extend_from_slice(&snapshot.rejected_lines);
            life.snapshots.push(snapshot);
        }
        life
    }

    /// Nothing rejected, then the first rejected record, then another, then none.
    pub fn usual() -> Self {
        let (c, e) = ("StationC", "StationE");
        Self::new(
            Rules::default(),
            &[
                vec![(c, 0, 50.0), (e, 0, -3.5)],
                vec![(c, 0, 51.0), (c, 1, 50.25)],
                vec![(e, 0, -3.5), (e, 1, 1e300), (c, 2, 0.1)],
                vec![(e, 2, 0.2)],
            ],
        )
    }

    /// The files there are once the snapshot with this number is committed; `None`: before the first.
    pub fn files(&self, committed: Option<usize>) -> BTreeMap<PathBuf, Vec<u8>> {
        let Some(number) = committed else { return BTreeMap::new() };
        let snapshot = &self.snapshots[number];
        let mut files =
            BTreeMap::from([(partition_path(folder(), 2), serialize(VERSION, &identity(), &snapshot.state))]);
        if snapshot.state.rejected_bytes > 0 {
            files.insert(rejected_path(folder(), 2), self.rejected[..snapshot.state.rejected_bytes as usize].to_vec());
        }
        files
    }

    /// Which snapshot this is.
    pub fn number(&self, state: Option<&PartitionState>) -> Option<usize> {
        let state = state?;
        let number = self.snapshots.iter().position(|snapshot| snapshot.state == *state);
        Some(number.expect("the state is one that was committed"))
    }
}

pub fn store(disk: &(impl Disk + Clone + 'static), faults: FaultPoints) -> PartitionStore {
    store_in(disk, folder(), faults)
}

pub fn store_in(disk: &(impl Disk + Clone + 'static), folder: &Path, faults: FaultPoints) -> PartitionStore {
    let fence = Fence::new(Duration::from_secs(10), |waited| panic!("hung for {waited:?}"));
    PartitionStore::new(FaultyDisk::over(Arc::new(disk.clone()), &faults), folder.to_owned(), 2, Arc::new(fence))
}

/// A disk on which these snapshots were committed, and a store on it that has recovered as epoch 1.
pub fn committed(life: &Life, snapshots: usize, page_bytes: usize) -> (SimulatedDisk, PartitionStore) {
    let disk = SimulatedDisk::new(page_bytes);
    let store = store(&disk, FaultPoints::default());
    assert_eq!(store.recover(1, &identity(), &Rules::default()), Ok(None));
    for snapshot in &life.snapshots[..snapshots] {
        store.commit(1, &identity(), snapshot).expect("it is committed");
    }
    (disk, store)
}

/// Cuts the power after each operation of `act` and shows `check` every disk that may be left, and whether `act` was done.
/// Returns how many those were.
pub fn crash_everywhere(
    disk: &SimulatedDisk,
    states_max: u64,
    act: impl FnOnce(),
    mut check: impl FnMut(&SimulatedDisk, bool),
) -> usize {
    disk.record();
    act();
    let operations = disk.operations();
    let mut states = 0;
    for done in 0..=operations {
        for left in crash_states(disk, done, states_max, done as u64) {
            check(&left, done == operations);
            states += 1;
        }
    }
    states
}

/// The disks that a power cut after the first `operations` recorded operations may leave, each once: all of them if they
/// follow from at most `states_max` choices, else those of `states_max` choices drawn from the seed, the two extremes among
/// them.
pub fn crash_states(disk: &SimulatedDisk, operations: usize, states_max: u64, seed: u64) -> Vec<SimulatedDisk> {
    let bits = u32::try_from(disk.choices(operations)).expect("a few");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let all = 1u64.checked_shl(bits).filter(|all| *all <= states_max);
    let (mut seen, mut states) = (BTreeSet::new(), Vec::new());
    for choice in 0..all.unwrap_or(states_max) {
        let left = disk.after_operations(operations, |bit| match (all, choice) {
            (Some(_), _) => choice >> bit & 1 == 1,
            (None, 0) => false,
            (None, 1) => true,
            (None, _) => random.random(),
        });
        if seen.insert(left.files()) {
            states.push(left);
        }
    }
    states
}
