//! How far the ingest side is.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge;

/// A number that is set.
pub type Gauge = gauge::Gauge<u64, AtomicU64>;

/// The progress of the ingest side. Counters count since this process started.
#[derive(Debug, Default)]
pub struct SourceProgress {
    /// Acknowledged by the log.
    pub readings: Counter,
    /// Read of the source's files, of all of them together.
    pub bytes: Gauge,
    /// Size of all files together; 0 where the source has no files.
    pub bytes_total: Gauge,
    /// Lines that are no readings, also those that nobody named.
    pub bad_lines: Counter,
    /// Readings that were sent because the log's last one of their day had another value.
    pub revised: Counter,
    /// Days that the log has and that changed files no longer have.
    pub withdrawn: Counter,
    /// Readings that were sent although the log may have had them.
    pub possible_repeats: Counter,
    /// Records of the log that changed files are compared with, and how many of them were read; 0 while nothing is compared.
    pub to_compare: Gauge,
    pub compared: Gauge,
    /// Values that failed the source's own quality checks, since the very first run.
    pub skipped_quality: Gauge,
    /// Of the values that were read, what may be none, in words.
    pub doubtful_values: Mutex<Vec<String>>,
    /// Bad lines per file; a file without any has no entry.
    bad_lines_by_file: Mutex<BTreeMap<String, u64>>,
}

impl SourceProgress {
    /// Counts a bad line and returns how many the file has by now.
    pub fn add_bad_line(&self, file: &str) -> u64 {
        self.bad_lines.inc();
        let mut files = self.bad_lines_by_file.lock();
        let lines = files.entry(file.to_owned()).or_default();
        *lines += 1;
        *lines
    }
}
