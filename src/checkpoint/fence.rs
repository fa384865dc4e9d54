//! Lets one epoch at a time touch a partition's files.

use std::time::Duration;

use crate::faults::Failure;

/// Held by the process for one partition, over all epochs: whoever writes or recovers does so inside.
///
/// Survives a panic inside. If it cannot be entered within its deadline, a write hangs that cannot be replaced within
/// this process, and `on_hung` is called: it ends the process at once, without running exit handlers.
pub struct Fence {
    // fields are the implementer's
    _private: (),
}

impl Fence {
    pub fn new(deadline: Duration, on_hung: fn(Duration)) -> Self {
        let _ = (deadline, on_hung);
        todo!()
    }

    /// Enters as `epoch`, which becomes the current one if it is newer. An epoch older than the current one is refused
    /// (Fatal, `Kind::Internal`): its branch was replaced. The guard's `Drop` leaves.
    pub fn enter(&self, epoch: u64) -> Result<Entered<'_>, Failure> {
        let _ = epoch;
        todo!()
    }
}

/// Inside the fence.
pub struct Entered<'a> {
    _fence: &'a Fence,
}
