//! One story: the records of a partition become numbers in `partition-N.json`.
//!
//! ```text
//! consumer ──Begin, BeginAt, Apply, Flush──▶ aggregator ──Recover, Commit──▶ checkpoint writer
//!     ▲                                                                             │
//!    log                                                     partition-N.json ◀─────┘
//! ```
//!
//! Guarantees: batches, never single records, cross mailboxes, and every one is awaited, so that at most two batches of a
//! partition are under way, one that is read and one that is counted; every message carries its sender's epoch and one of an
//! old epoch is refused; a restarted actor knows only what is on disk; a file is always an old or a new one, whole, and a
//! damaged, foreign or newer one is never overwritten and never skipped. What blocks runs on a worker's thread.
//! Uses everything below; knows no settings file and no command line.

mod accept;
mod advice;
mod aggregator;
mod checkpoint_writer;
mod consumer;
mod end;
pub mod format;
mod job;
pub mod maintenance;
pub mod messages;
pub mod object_maintenance;
mod object_store;
mod on_store;
mod pace;
mod reader;
mod rejected_parts;
mod state_files;
mod state_store;
pub mod store;
mod window;
mod writer;

use std::path::{Path, PathBuf};

pub use aggregator::Aggregator;
pub use checkpoint_writer::CheckpointWriter;
pub use consumer::{Goal, PartitionConsumer};
pub use job::PartitionJob;
pub use object_store::PartitionObjects;
pub use on_store::OnStore;
pub use pace::Pace;
pub use reader::PartitionReader;
pub use state_files::{PartitionFile, StateFiles, WithRejected};
pub use state_store::StateStore;
pub use store::PartitionStore;
pub use window::{Look, LookAt, StationRow, View, Window, Windows};
pub use writer::PartitionWriter;

/// Which log and partition a file belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub topic: String,
    pub log_id: String,
    pub partition: u32,
    pub partitions: u32,
}

/// What a rebuild adds to the names of what it keeps.
pub const BEFORE_REBUILD: &str = ".before-rebuild";

/// The file or object that holds a partition's checkpoint.
pub fn state_name(partition: u32) -> String {
    format!("partition-{partition}.json")
}

/// A partition's checkpoint in a state folder.
pub fn partition_path(folder: &Path, partition: u32) -> PathBuf {
    folder.join(state_name(partition))
}

/// A partition's file of rejected records in a state folder; there is none while nothing was rejected.
pub fn rejected_path(folder: &Path, partition: u32) -> PathBuf {
    folder.join(format!("partition-{partition}.rejected.jsonl"))
}
