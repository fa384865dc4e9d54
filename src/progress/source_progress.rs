//! How far the ingest side is.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;

/// The progress of the ingest side.
#[derive(Debug, Default)]
pub struct SourceProgress {
    readings: AtomicU64,
    bytes: AtomicU64,
    /// 0: not known.
    bytes_total: AtomicU64,
    bad_lines: AtomicU64,
    skipped_quality: AtomicU64,
    failed: AtomicBool,
    /// Bad lines per file; a file without any has no entry.
    bad_lines_by_file: Mutex<BTreeMap<String, u64>>,
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

    pub fn failed(&self) -> bool {
        self.failed.load(Relaxed)
    }
}
