//! Commit and recovery of one partition's files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Disk, Fence, Identity};
use crate::domain::{PartitionState, Rules, Snapshot};
use crate::faults::{Failure, FaultPoints};

/// One partition's `partition-N.json` and `partition-N.rejected.jsonl` in a state folder. Clones share the fence.
#[derive(Clone)]
pub struct PartitionStore {
    #[allow(dead_code)]
    disk: Arc<dyn Disk>,
}

impl PartitionStore {
    pub fn new(disk: Arc<dyn Disk>, folder: PathBuf, partition: u32, fence: Arc<Fence>, faults: FaultPoints) -> Self {
        let _ = (folder, partition, fence, faults);
        Self { disk }
    }

    /// The partition's file.
    pub fn path(&self) -> &Path {
        todo!()
    }

    /// What was committed last, made durable and cleaned up, or `None` if there is no file. Enters the fence as `epoch`.
    pub fn recover(&self, epoch: u64, identity: &Identity, rules: &Rules) -> Result<Option<PartitionState>, Failure> {
        let _ = (epoch, identity, rules);
        todo!()
    }

    /// Replaces the file by the snapshot. Enters the fence as `epoch`. After a Retryable failure the same snapshot may be
    /// committed again.
    pub fn commit(&self, epoch: u64, identity: &Identity, snapshot: &Snapshot) -> Result<(), Failure> {
        let _ = (epoch, identity, snapshot);
        todo!()
    }
}
