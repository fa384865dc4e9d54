//! What is on disk: one file per partition that is always an old or a new one, whole, and the source's cursor.
//!
//! Guarantees: what was committed survives any crash; a file is never overwritten by a writer of an old epoch or of a
//! second process; a damaged, foreign or newer file is never overwritten and never skipped. Calls block. Uses `faults`
//! and `domain`; knows no log and no actors.

pub mod cursor;
pub mod disk;
pub mod faulty;
pub mod fence;
pub mod format;
pub mod lock;
pub mod maintenance;
mod network;
mod partition_file;
mod replace;
mod reporting;
mod seal;
pub mod store;

use std::path::{Path, PathBuf};

pub use cursor::{CursorStore, SourceState};
pub use disk::{Disk, DiskFile, RealDisk};
pub use faulty::FaultyDisk;
pub use fence::Fence;
pub use lock::Lock;
pub use partition_file::{PartitionFile, numbers as partition_numbers};
pub use store::PartitionStore;

/// Which log and partition a file belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub topic: String,
    pub log_id: String,
    pub partition: u32,
    pub partitions: u32,
}

/// A partition's checkpoint in a state folder.
pub fn partition_path(folder: &Path, partition: u32) -> PathBuf {
    folder.join(format!("partition-{partition}.json"))
}

/// A partition's file of rejected records in a state folder; there is none while nothing was rejected.
pub fn rejected_path(folder: &Path, partition: u32) -> PathBuf {
    folder.join(format!("partition-{partition}.rejected.jsonl"))
}

/// The source's cursor in a state folder.
pub fn source_path(folder: &Path) -> PathBuf {
    folder.join("source.json")
}
