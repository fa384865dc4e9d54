//! `source.json`: how far the source was read and acknowledged.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Disk;
use crate::faults::{Failure, FaultPoints};

/// What `source.json` holds, beside its version and checksum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceState {
    /// As the settings name it: `simulate`, `csv` or `ghcn_daily`.
    pub kind: String,
    pub parameters: serde_json::Value,
    pub topic: String,
    pub log_id: String,
    pub partitions: u32,
    /// The source's own cursor after the last acknowledged reading.
    pub cursor: serde_json::Value,
    /// Readings acknowledged since the first run.
    pub readings: u64,
    /// Per partition, the end offset after our last acknowledgement there.
    pub acknowledged: BTreeMap<u32, u64>,
}

/// `source.json` in a state folder. Held under `source.lock`; commits are atomic like a checkpoint's.
#[derive(Clone)]
pub struct CursorStore {
    #[allow(dead_code)]
    disk: Arc<dyn Disk>,
}

impl CursorStore {
    pub fn new(disk: Arc<dyn Disk>, folder: PathBuf, faults: FaultPoints) -> Self {
        let _ = (folder, faults);
        Self { disk }
    }

    /// What was committed last, made durable; removes stale temp files. Damaged or newer: Fatal, left as it was.
    pub fn recover(&self) -> Result<Option<SourceState>, Failure> {
        todo!()
    }

    /// Replaces the file. `epoch` is in the temp file's name.
    pub fn commit(&self, epoch: u64, state: &SourceState) -> Result<(), Failure> {
        let _ = (epoch, state);
        todo!()
    }
}
