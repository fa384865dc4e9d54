//! One process owns a partition, or the source, of a state folder.

use std::any::Any;
use std::path::Path;

use super::disk::Disk;
use crate::faults::Failure;

/// Held until dropped; belongs to the process, not to an epoch.
pub struct Lock(#[allow(dead_code)] Box<dyn Any + Send + Sync>);

impl Lock {
    /// Locks `partition-N.lock` of a state folder. TryAgain, naming the holder, if another process has it.
    pub fn partition(disk: &dyn Disk, folder: &Path, partition: u32) -> Result<Self, Failure> {
        let _ = (disk, folder, partition);
        todo!()
    }

    /// Locks `source.lock` of a state folder.
    pub fn source(disk: &dyn Disk, folder: &Path) -> Result<Self, Failure> {
        let _ = (disk, folder);
        todo!()
    }
}
