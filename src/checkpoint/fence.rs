//! Lets one epoch at a time touch a partition's files.

use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use crate::faults::{Failure, Kind};
use crate::sabotage::{self, Bug};

/// What to do about a write that hangs.
pub const ON_HUNG: &str =
    "look for a disk or a broker that does not answer; where it is merely slow, raise supervision.heartbeat_ms";

/// Held by the process for one partition, over all epochs: whoever writes or recovers does so inside.
///
/// Survives a panic inside. If it cannot be entered within its deadline, a write hangs that cannot be replaced within
/// this process, and `on_hung` is called: it ends the process at once, without running exit handlers.
pub struct Fence {
    deadline: Duration,
    on_hung: fn(Duration),
    inside: Mutex<Inside>,
}

/// What one epoch must leave to the next. It is here and not in a store because a store ends with its epoch.
#[derive(Default)]
pub(super) struct Inside {
    epoch: u64,
    /// What the current epoch recovered or committed last; `None` until it has recovered.
    pub(super) known: Option<Known>,
    /// The JSON, or its name, may be not on disk although it can be read: an fsync failed or was not reached. Asking for
    /// the same fsync again would prove nothing, so the file is then written anew.
    pub(super) json_suspect: bool,
    /// The same for the file of rejected records.
    pub(super) rejected_suspect: bool,
}

/// What is on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) next_offset: u64,
    /// Length (0: no file) and CRC-32C of the file of rejected records. Can be more than the JSON speaks of, after a
    /// commit that failed behind the append.
    pub(super) rejected_bytes: u64,
    pub(super) rejected_crc32c: u32,
}

impl Fence {
    pub fn new(deadline: Duration, on_hung: fn(Duration)) -> Self {
        // What an earlier process's fsyncs came to, nobody knows.
        let inside = Inside { json_suspect: true, ..Inside::default() };
        Self { deadline, on_hung, inside: Mutex::new(inside) }
    }

    /// Enters as `epoch`, which becomes the current one if it is newer. An epoch older than the current one is refused
    /// (Fatal, `Kind::Internal`): its branch was replaced. The guard's `Drop` leaves.
    pub fn enter(&self, epoch: u64) -> Result<Entered<'_>, Failure> {
        let Some(mut inside) = self.inside.try_lock_for(self.deadline) else {
            (self.on_hung)(self.deadline);
            let what = format!("a write has hung for more than {} ms", self.deadline.as_millis());
            return Err(Failure::fatal(Kind::Internal, what).advice(ON_HUNG));
        };
        if epoch < inside.epoch && !sabotage::is(Bug::EpochNotChecked) {
            let what = format!("epoch {epoch} wanted to write, but was replaced by epoch {}", inside.epoch);
            return Err(Failure::fatal(Kind::Internal, what));
        }
        if epoch > inside.epoch {
            inside.epoch = epoch;
            inside.known = None;
        }
        Ok(Entered { inside })
    }
}

/// Inside the fence.
pub struct Entered<'a> {
    pub(super) inside: MutexGuard<'a, Inside>,
}
