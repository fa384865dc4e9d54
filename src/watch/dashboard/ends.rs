//! Where the partitions end, asked beside their readers: a reader that hangs or has failed asks no more, and the lag of its
//! partition grows all the same.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::priority;
use crate::failure::Failure;
use crate::log::RecordLog;
use crate::progress::Progress;

/// How often each partition's end is asked for.
const INTERVAL: Duration = Duration::from_secs(2);

/// Starts the thread `isotherm-ends`, which ends once `stop` has no sender any more.
pub fn watch(log: Arc<dyn RecordLog>, progress: Progress, stop: Receiver<()>) -> Result<(), Failure> {
    let thread = thread::Builder::new().name("isotherm-ends".to_owned()).spawn(move || {
        priority::lower(priority::LOW);
        while stop.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
            for (number, partition) in progress.partitions() {
                // Its reader notices a log that is away; the end is asked for people only.
                if let Ok(extent) = log.extent(number) {
                    partition.end.set(partition.end.get().max(extent.end));
                }
            }
        }
    });
    thread.map(drop).map_err(|error| Failure::thread("isotherm-ends", &error))
}
