//! What is done to a state folder while nothing runs in it: rebuild and recreate.

use std::path::Path;

use super::{Disk, Lock};
use crate::faults::Failure;

/// Moves a partition's files out of the way so that it is counted anew: both are linked to `.before-rebuild` (refused if
/// those exist), the folder is synced, the JSON removed, the folder synced. Safe against a crash at any moment: run again,
/// it goes on. The old file may be damaged. The caller holds the partition's lock.
pub fn begin_rebuild(disk: &dyn Disk, folder: &Path, partition: u32, lock: &Lock) -> Result<(), Failure> {
    let _ = (disk, folder, partition, lock);
    todo!()
}

/// Moves all state of a topic aside (cursor, partition files; locks stay) into a new folder inside `folder`, before the
/// topic is recreated. The caller holds `source.lock` and every partition's lock. No state: nothing happens.
pub fn set_aside(disk: &dyn Disk, folder: &Path) -> Result<(), Failure> {
    let _ = (disk, folder);
    todo!()
}
