//! How far everything is, in numbers that anybody may read at any time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::metrics::histogram::Histogram;
use tokio::time::Instant;

use super::board::Branches;
use super::source_progress::SourceProgress;
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

/// The progress of one partition's branch.
#[derive(Debug)]
pub struct PartitionProgress {
    records_total: AtomicU64,
    position: AtomicU64,
    end: AtomicU64,
    committed: AtomicU64,
    /// Where a partition began that has no file yet.
    first: AtomicU64,
    commit_cost_us: AtomicU64,
    commit_interval_us: AtomicU64,
    stations: AtomicU64,
    /// Rejected since this process started, by reason.
    rejected: [AtomicU64; RejectReason::ALL.len()],
    /// Rejected as the partition's state holds them.
    rejected_held: [AtomicU64; RejectReason::ALL.len()],
    /// Rejected since this process started that have no line.
    rejected_unkept: AtomicU64,
    /// When the last commit of this process was done, and how long it took.
    last_commit: Mutex<Option<(Instant, Duration)>>,
    commit_seconds: Histogram,
    batch_records: Histogram,
    failed: AtomicBool,
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

    /// Every partition that was named at the start, in order.
    pub fn partitions(&self) -> impl Iterator<Item = (u32, &PartitionProgress)> {
        self.0.partitions.iter().map(|(&number, partition)| (number, partition))
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
            records_total: AtomicU64::default(),
            position: AtomicU64::default(),
            end: AtomicU64::default(),
            committed: AtomicU64::default(),
            first: AtomicU64::default(),
            commit_cost_us: AtomicU64::default(),
            commit_interval_us: AtomicU64::default(),
            stations: AtomicU64::default(),
            rejected: Default::default(),
            rejected_held: Default::default(),
            rejected_unkept: AtomicU64::default(),
            last_commit: Mutex::default(),
            commit_seconds: Histogram::new(COMMIT_SECONDS),
            batch_records: Histogram::new(BATCH_RECORDS),
            failed: AtomicBool::default(),
        }
    }

    /// Records of one batch that were read, counted or rejected.
    pub fn add_records(&self, records: u64) {
        if records > 0 {
            self.records_total.fetch_add(records, Relaxed);
            self.batch_records.observe(records as f64);
        }
    }

    pub fn add_rejected(&self, reason: RejectReason, records: u64) {
        self.rejected[reason as usize].fetch_add(records, Relaxed);
    }

    /// The partition's state as it is now: its position, its stations, and its rejected records, those of earlier processes
    /// included.
    pub fn set_state(&self, state: &PartitionState) {
        self.set_position(state.next_offset);
        self.stations.store(state.stations.len() as u64, Relaxed);
        for reason in RejectReason::ALL {
            self.rejected_held[reason as usize].store(state.rejected.get(&reason).copied().unwrap_or(0), Relaxed);
        }
    }

    /// Rejected records that have no line in the file of them; says how many there were before.
    pub fn add_rejected_unkept(&self, records: u64) -> u64 {
        self.rejected_unkept.fetch_add(records, Relaxed)
    }

    /// The offset of the next record; goes back when a branch starts again.
    pub fn set_position(&self, position: u64) {
        self.position.store(position, Relaxed);
    }

    /// One past the log's last record, as far as it is known.
    pub fn set_end(&self, end: u64) {
        self.end.store(end, Relaxed);
    }

    /// The offset that is safe on disk.
    pub fn set_committed(&self, next_offset: u64) {
        self.committed.store(next_offset, Relaxed);
    }

    /// The offset at which a partition begins that has no file yet.
    pub fn set_first(&self, first_offset: u64) {
        self.first.store(first_offset, Relaxed);
    }

    /// A commit is done; it took this long, what it waited for included.
    pub fn add_commit(&self, took: Duration) {
        self.commit_seconds.observe(took.as_secs_f64());
        *self.last_commit.lock() = Some((Instant::now(), took));
    }

    /// What the last commit took, its snapshot and its write together, without what it waited for.
    pub fn set_commit_cost(&self, cost: Duration) {
        self.commit_cost_us.store(cost.as_micros() as u64, Relaxed);
    }

    /// The time between two commits that is in force: as set, or stretched.
    pub fn set_commit_interval(&self, interval: Duration) {
        self.commit_interval_us.store(interval.as_micros() as u64, Relaxed);
    }

    pub fn set_failed(&self) {
        self.failed.store(true, Relaxed);
    }

    pub fn records_total(&self) -> u64 {
        self.records_total.load(Relaxed)
    }

    /// Since this process started.
    pub fn rejected(&self) -> u64 {
        self.rejected.iter().map(|records| records.load(Relaxed)).sum()
    }

    /// Since this process started, by reason, also those that there are none of.
    pub fn rejected_by_reason(&self) -> impl Iterator<Item = (RejectReason, u64)> {
        RejectReason::ALL.into_iter().map(|reason| (reason, self.rejected[reason as usize].load(Relaxed)))
    }

    /// As the state holds them, by reason, only those that there are.
    pub fn rejected_held(&self) -> BTreeMap<RejectReason, u64> {
        let held = RejectReason::ALL.map(|reason| (reason, self.rejected_held[reason as usize].load(Relaxed)));
        held.into_iter().filter(|(_, records)| *records > 0).collect()
    }

    /// Since this process started, those that have no line in the file of them.
    pub fn rejected_unkept(&self) -> u64 {
        self.rejected_unkept.load(Relaxed)
    }

    pub fn stations(&self) -> u64 {
        self.stations.load(Relaxed)
    }

    pub fn position(&self) -> u64 {
        self.position.load(Relaxed)
    }

    pub fn end(&self) -> u64 {
        self.end.load(Relaxed)
    }

    pub fn committed(&self) -> u64 {
        self.committed.load(Relaxed)
    }

    /// Zero before the first commit.
    pub fn commit_cost(&self) -> Duration {
        Duration::from_micros(self.commit_cost_us.load(Relaxed))
    }

    /// Zero before the partition was loaded.
    pub fn commit_interval(&self) -> Duration {
        Duration::from_micros(self.commit_interval_us.load(Relaxed))
    }

    /// When the last commit of this process was done, and how long it took.
    pub fn last_commit(&self) -> Option<(Instant, Duration)> {
        *self.last_commit.lock()
    }

    pub fn commit_seconds(&self) -> &Histogram {
        &self.commit_seconds
    }

    pub fn batch_records(&self) -> &Histogram {
        &self.batch_records
    }

    pub fn failed(&self) -> bool {
        self.failed.load(Relaxed)
    }

    /// Offsets between the position and the end.
    pub fn lag(&self) -> u64 {
        self.end().saturating_sub(self.position())
    }

    /// Offsets between what is safe on disk and the end: what other programs call lag.
    pub fn uncommitted(&self) -> u64 {
        self.end().saturating_sub(self.committed().max(self.first.load(Relaxed)))
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
            progress.partitions().map(|(number, partition)| (number, partition.records_total())).collect();
        assert_eq!(records, [(0, 0), (2, 3)]);
    }

    #[test]
    fn lag_is_never_below_zero() {
        let progress = Progress::new(&[0]);
        progress.partition(0).set_end(5);
        progress.partition(0).set_position(3);
        assert_eq!(progress.partition(0).lag(), 2);
        progress.partition(0).set_position(9);
        assert_eq!(progress.partition(0).lag(), 0);
        assert_eq!(progress.partition(0).uncommitted(), 5);
        progress.partition(0).set_first(2);
        assert_eq!(progress.partition(0).uncommitted(), 3);
        progress.partition(0).set_committed(9);
        assert_eq!(progress.partition(0).uncommitted(), 0);
    }
}
