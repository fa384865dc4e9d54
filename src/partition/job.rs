//! What one partition branch is about.

use std::sync::Arc;
use std::time::Duration;

use super::StateStore;
use crate::domain::Rules;
use crate::log::RecordLog;
use crate::points::FaultPoints;
use crate::progress::{PartitionProgress, Progress};

/// What one partition branch is about. The same over all of its epochs.
#[derive(Clone)]
pub struct PartitionJob {
    pub log: Arc<dyn RecordLog>,
    pub store: StateStore,
    pub topic: String,
    pub partition: u32,
    pub partitions: u32,
    pub rules: Rules,
    /// Longest wait for a record in one read.
    pub read_wait: Duration,
    /// Offsets that the log no longer has are passed over and written down, instead of a stop.
    pub accept_gap: bool,
    pub allow_compaction: bool,
    /// How long a state must have stayed the same before a process goes on that was superseded and cannot ask its group.
    pub gate: Duration,
    pub faults: FaultPoints,
    pub progress: Progress,
}

impl PartitionJob {
    /// The partition's own numbers.
    pub fn gauges(&self) -> &PartitionProgress {
        self.progress.partition(self.partition)
    }
}
