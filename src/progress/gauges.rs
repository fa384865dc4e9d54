//! How far everything is, in numbers that anybody may read at any time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;
use tokio::time::Instant;

use super::board::Branches;
use super::source_progress::{Gauge, SourceProgress};
use crate::domain::{PartitionState, RejectReason};

/// Bad lines that are logged for one file; after them it is said once that there are more.
pub const BAD_LINES_LOGGED_MAX: u64 = 10;

/// From a small file on a fast disk to one that waited for room.
const COMMIT_SECONDS: [f64; 12] = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];
const BATCH_RECORDS: [f64; 8] = [1.0, 10.0, 100.0, 500.0, 1000.0, 2500.0, 5000.0, 50_000.0];

/// The progress of one process. Clones share it.
///
/// Its numbers are for people only: each is right by itself, but two of them need not be of the same moment.
#[derive(Clone, Debug)]
pub struct Progress(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    partitions: BTreeMap<u32, PartitionProgress>,
    source: SourceProgress,
    branches: Branches,
    started: Instant,
    /// For a partition that this process does not count: taken as a number from anywhere, and shown nowhere.
    elsewhere: PartitionProgress,
}

/// The progress of one partition's branch. Counters count since this process started, and again after a crash.
#[derive(Debug)]
pub struct PartitionProgress {
    is_held: AtomicBool,
    /// Read, be it that they were counted or rejected.
    pub records: Counter,
    /// The offset of the next record; goes back when a branch starts again.
    pub position: Gauge,
    /// One past the log's last record, as far as it is known.
    pub end: Gauge,
    /// Records behind that, which no reader sees yet, as a transaction is open; as far as they are known.
    pub hidden: Gauge,
    /// The offset that is safe on disk.
    pub committed: Gauge,
    /// The offset at which a partition begins that has no file yet.
    pub first: Gauge,
    /// What the last commit took, its snapshot and its write together, without what it waited for; 0 before the first.
    pub commit_cost_us: Gauge,
    /// The time between two commits that is in force, as set or stretched; 0 before the partition was loaded.
    pub commit_interval_ms: Gauge,
    pub stations: Gauge,
    /// Of the last audit: readings of days that were counted already, with the value that was counted.
    pub audited_repeats_same: Gauge,
    /// Likewise, with another value.
    pub audited_repeats_other: Gauge,
    /// By reason.
    rejected: [Counter; RejectReason::ALL.len()],
    /// As the partition's state holds them, by reason.
    rejected_held: [Gauge; RejectReason::ALL.len()],
    /// Rejected records that have no line in the file of them.
    pub rejected_unkept: Counter,
    /// When the last commit of this process was done, and how long it took, what it waited for included.
    last_commit: Mutex<Option<(Instant, Duration)>>,
    /// How long each took.
    pub commit_seconds: Histogram,
    pub batch_records: Histogram,
}

impl Progress {
    /// The progress of these partitions and of a source, all at zero.
    pub fn new(partitions: &[u32]) -> Self {
        Self(Arc::new(Inner {
            partitions: partitions.iter().map(|&number| (number, PartitionProgress::new())).collect(),
            source: SourceProgress::default(),
            branches: Branches::default(),
            started: Instant::now(),
            elsewhere: PartitionProgress::new(),
        }))
    }

    /// One partition. A number that was not named at the start is counted, but not shown.
    pub fn partition(&self, number: u32) -> &PartitionProgress {
        self.0.partitions.get(&number).unwrap_or(&self.0.elsewhere)
    }

    /// Every partition that this process counts, in order.
    pub fn partitions(&self) -> impl Iterator<Item = (u32, &PartitionProgress)> {
        self.every_partition().filter(|(_, partition)| partition.is_held())
    }

    /// Every partition that was named at the start, in order.
    pub fn every_partition(&self) -> impl Iterator<Item = (u32, &PartitionProgress)> {
        self.0.partitions.iter().map(|(&number, partition)| (number, partition))
    }

    /// Whether this process counts a partition, as all that were named at the start do until they are given away.
    pub fn set_held(&self, number: u32, is_held: bool) {
        self.partition(number).is_held.store(is_held, Relaxed);
    }

    pub fn source(&self) -> &SourceProgress {
        &self.0.source
    }

    /// What the supervisors tell of their branches.
    pub fn branches(&self) -> &Branches {
        &self.0.branches
    }

    /// When this process's progress began.
    pub fn started(&self) -> Instant {
        self.0.started
    }
}

impl PartitionProgress {
    fn new() -> Self {
        Self {
            is_held: AtomicBool::new(true),
            records: Counter::default(),
            position: Gauge::default(),
            end: Gauge::default(),
            hidden: Gauge::default(),
            committed: Gauge::default(),
            first: Gauge::default(),
            commit_cost_us: Gauge::default(),
            commit_interval_ms: Gauge::default(),
            stations: Gauge::default(),
            audited_repeats_same: Gauge::default(),
            audited_repeats_other: Gauge::default(),
            rejected: Default::default(),
            rejected_held: Default::default(),
            rejected_unkept: Counter::default(),
            last_commit: Mutex::default(),
            commit_seconds: Histogram::new(COMMIT_SECONDS),
            batch_records: Histogram::new(BATCH_RECORDS),
        }
    }

    pub fn is_held(&self) -> bool {
        self.is_held.load(Relaxed)
    }

    /// Records of one batch that were read.
    pub fn add_records(&self, records: u64) {
        if records > 0 {
            self.records.inc_by(records);
            self.batch_records.observe(records as f64);
        }
    }

    pub fn add_rejected(&self, reason: RejectReason, records: u64) {
        self.rejected[reason as usize].inc_by(records);
    }

    /// The partition's state as it is now: its position, its stations, and its rejected records, those of earlier processes
    /// included.
    pub fn set_state(&self, state: &PartitionState) {
        self.position.set(state.next_offset);
        self.stations.set(state.stations.len() as u64);
        for reason in RejectReason::ALL {
            self.rejected_held[reason as usize].set(state.rejected.get(&reason).copied().unwrap_or(0));
        }
    }

    /// A commit is done; it took this long, what it waited for included.
    pub fn add_commit(&self, took: Duration) {
        self.commit_seconds.observe(took.as_secs_f64());
        *self.last_commit.lock() = Some((Instant::now(), took));
    }

    /// By reason, also those that there are none of.
    pub fn rejected(&self) -> impl Iterator<Item = (RejectReason, u64)> {
        RejectReason::ALL.into_iter().map(|reason| (reason, self.rejected[reason as usize].get()))
    }

    /// As the state holds them, by reason, only those that there are.
    pub fn rejected_held(&self) -> BTreeMap<RejectReason, u64> {
        let held = RejectReason::ALL.map(|reason| (reason, self.rejected_held[reason as usize].get()));
        held.into_iter().filter(|(_, records)| *records > 0).collect()
    }

    /// When the last commit of this process was done, and how long it took.
    pub fn last_commit(&self) -> Option<(Instant, Duration)> {
        *self.last_commit.lock()
    }

    /// Offsets between the position and the end.
    pub fn lag(&self) -> u64 {
        self.end.get().saturating_sub(self.position.get())
    }

    /// Offsets between what is safe on disk and the end: what other programs call lag.
    pub fn uncommitted(&self) -> u64 {
        self.end.get().saturating_sub(self.committed.get().max(self.first.get()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_that_was_not_named_is_no_other_partitions_number() {
        let progress = Progress::new(&[0, 2]);
        progress.partition(2).add_records(3);
        progress.partition(1).add_records(5);
        let records: Vec<_> =
            progress.partitions().map(|(number, partition)| (number, partition.records.get())).collect();
        assert_eq!(records, [(0, 0), (2, 3)]);
    }

    #[test]
    fn lag_is_never_below_zero() {
        let progress = Progress::new(&[0]);
        progress.partition(0).end.set(5);
        progress.partition(0).position.set(3);
        assert_eq!(progress.partition(0).lag(), 2);
        progress.partition(0).position.set(9);
        assert_eq!(progress.partition(0).lag(), 0);
        assert_eq!(progress.partition(0).uncommitted(), 5);
        progress.partition(0).first.set(2);
        assert_eq!(progress.partition(0).uncommitted(), 3);
        progress.partition(0).committed.set(9);
        assert_eq!(progress.partition(0).uncommitted(), 0);
    }
}
