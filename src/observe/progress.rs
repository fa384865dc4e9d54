//! How far everything is, in numbers that anybody may read at any time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use parking_lot::Mutex;

/// Bad lines that are logged for one file; after them it is said once that there are more.
pub const BAD_LINES_LOGGED_MAX: u64 = 10;

/// The progress of one process. Clones share it.
///
/// Its numbers are for people only: each is right by itself, but two of them need not be of the same moment.
#[derive(Clone, Debug)]
pub struct Progress(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    partitions: BTreeMap<u32, PartitionProgress>,
    source: SourceProgress,
    /// For a partition that this process does not count: taken as a number from anywhere, and shown nowhere.
    elsewhere: PartitionProgress,
}

/// The progress of one partition's branch.
#[derive(Debug, Default)]
pub struct PartitionProgress {
    records_total: AtomicU64,
    position: AtomicU64,
    end: AtomicU64,
    committed: AtomicU64,
    commit_cost_us: AtomicU64,
    commit_interval_us: AtomicU64,
    rejected: AtomicU64,
    restarts: AtomicU64,
    failed: AtomicBool,
}

/// The progress of the ingest side.
#[derive(Debug, Default)]
pub struct SourceProgress {
    readings: AtomicU64,
    bytes: AtomicU64,
    /// 0: not known.
    bytes_total: AtomicU64,
    bad_lines: AtomicU64,
    skipped_quality: AtomicU64,
    restarts: AtomicU64,
    failed: AtomicBool,
    /// Bad lines per file; a file without any has no entry.
    bad_lines_by_file: Mutex<BTreeMap<String, u64>>,
}

impl Progress {
    /// The progress of these partitions and of a source, all at zero.
    pub fn new(partitions: &[u32]) -> Self {
        Self(Arc::new(Inner {
            partitions: partitions.iter().map(|&number| (number, PartitionProgress::default())).collect(),
            source: SourceProgress::default(),
            elsewhere: PartitionProgress::default(),
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
}

impl PartitionProgress {
    /// Records that were read, counted or rejected, since this process started.
    pub fn add_records(&self, records: u64) {
        self.records_total.fetch_add(records, Relaxed);
    }

    pub fn add_rejected(&self, records: u64) {
        self.rejected.fetch_add(records, Relaxed);
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

    /// What the last commit took, its snapshot and its write together, without what it waited for.
    pub fn set_commit_cost(&self, cost: Duration) {
        self.commit_cost_us.store(cost.as_micros() as u64, Relaxed);
    }

    /// The time between two commits that is in force: as set, or stretched.
    pub fn set_commit_interval(&self, interval: Duration) {
        self.commit_interval_us.store(interval.as_micros() as u64, Relaxed);
    }

    pub fn add_restart(&self) {
        self.restarts.fetch_add(1, Relaxed);
    }

    pub fn set_failed(&self) {
        self.failed.store(true, Relaxed);
    }

    pub fn records_total(&self) -> u64 {
        self.records_total.load(Relaxed)
    }

    pub fn rejected(&self) -> u64 {
        self.rejected.load(Relaxed)
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

    pub fn restarts(&self) -> u64 {
        self.restarts.load(Relaxed)
    }

    pub fn failed(&self) -> bool {
        self.failed.load(Relaxed)
    }

    /// Offsets between the position and the end.
    pub fn lag(&self) -> u64 {
        self.end().saturating_sub(self.position())
    }
}

impl SourceProgress {
    /// Readings that were acknowledged by the log since this process started.
    pub fn add_readings(&self, readings: u64) {
        self.readings.fetch_add(readings, Relaxed);
    }

    /// Bytes of the source's files that were read, of all of them together.
    pub fn set_bytes(&self, bytes: u64) {
        self.bytes.store(bytes, Relaxed);
    }

    /// Size of all files together, where the source has files.
    pub fn set_bytes_total(&self, bytes: u64) {
        self.bytes_total.store(bytes, Relaxed);
    }

    pub fn add_restart(&self) {
        self.restarts.fetch_add(1, Relaxed);
    }

    pub fn set_failed(&self) {
        self.failed.store(true, Relaxed);
    }

    /// Counts a bad line and returns how many the file has by now.
    pub fn add_bad_line(&self, file: &str) -> u64 {
        self.bad_lines.fetch_add(1, Relaxed);
        let mut files = self.bad_lines_by_file.lock();
        let lines = files.entry(file.to_owned()).or_default();
        *lines += 1;
        *lines
    }

    /// Counts bad lines that nobody named.
    pub fn add_unnamed_bad_lines(&self, lines: u64) {
        self.bad_lines.fetch_add(lines, Relaxed);
    }

    /// Values that failed the source's own quality checks, since the very first run.
    pub fn set_skipped_quality(&self, values: u64) {
        self.skipped_quality.store(values, Relaxed);
    }

    pub fn readings(&self) -> u64 {
        self.readings.load(Relaxed)
    }

    pub fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// `None` where the source has no size.
    pub fn bytes_total(&self) -> Option<u64> {
        Some(self.bytes_total.load(Relaxed)).filter(|&bytes| bytes > 0)
    }

    pub fn bad_lines(&self) -> u64 {
        self.bad_lines.load(Relaxed)
    }

    pub fn skipped_quality(&self) -> u64 {
        self.skipped_quality.load(Relaxed)
    }

    pub fn restarts(&self) -> u64 {
        self.restarts.load(Relaxed)
    }

    pub fn failed(&self) -> bool {
        self.failed.load(Relaxed)
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
    }
}
