//! Deliberate bugs, so that the proof can be proven: a test plants one and the simulation must find it.
//!
//! Guarantee: only a build with debug assertions holds any of it; in a release build [`is`] is `false` where it is
//! compiled. A bug is planted on one thread, which is where a simulation runs. Uses nothing.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// What can be done wrong on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// The temporary file is renamed before its content is on disk.
    FsyncSkippedBeforeRename,
    /// A commit is acknowledged before the new name is on disk.
    FolderFsyncSkipped,
    /// The offset moves over a batch, and may be committed, before the batch is applied.
    OffsetBeforeState,
    /// The JSON speaks of rejected lines that are written after it.
    RejectedAfterRename,
    /// Recovery leaves rejected lines that the JSON does not speak of.
    RejectedNotTruncated,
    /// A writer of an old epoch is let into the fence.
    EpochNotChecked,
    /// A restarted aggregator goes on with the state of the one that died.
    AggregatorStateReused,
    /// A reading is a duplicate if the day after it was counted.
    DuplicateDayOffByOne,
    /// Reading goes on at the last counted record instead of behind it.
    ResumedAtLastRecord,
    /// Nobody asks whether the topic is still the same one before a commit.
    LogIdNotCompared,
    /// The source's cursor is committed before the log has acknowledged.
    CursorBeforeAcknowledgement,
    /// Recovery leaves temporary files.
    TemporariesLeft,
    /// The partition's lock is given back at once.
    LockNotHeld,
    /// A drain does not wait for the last commit.
    LastCommitSkipped,
    /// A panic in one branch stops the others.
    PanicStopsAll,
    /// The producer takes more at once than may be in flight.
    InFlightNotBounded,
    /// The backoff's jitter is not drawn from the seed.
    JitterNotSeeded,
}

thread_local! {
    static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
    static KEPT: RefCell<BTreeMap<u32, Box<dyn Any>>> = const { RefCell::new(BTreeMap::new()) };
}

/// Plants a bug in what runs on this thread, or none.
pub fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
    process_begins();
}

/// What a bug keeps lasts as long as a process.
pub fn process_begins() {
    KEPT.take();
}

/// Whether this bug is planted here.
#[inline]
pub fn is(bug: Bug) -> bool {
    cfg!(debug_assertions) && PLANTED.get() == Some(bug)
}

/// Keeps what nobody should keep, if this bug is planted.
pub fn keep<T: Clone + 'static>(bug: Bug, partition: u32, value: &T) {
    if is(bug) {
        KEPT.with_borrow_mut(|kept| kept.insert(partition, Box::new(value.clone())));
    }
}

/// What was kept, if this bug is planted.
pub fn kept<T: 'static>(bug: Bug, partition: u32) -> Option<T> {
    let kept = is(bug).then(|| KEPT.with_borrow_mut(|kept| kept.remove(&partition)))??;
    kept.downcast().ok().map(|kept| *kept)
}
