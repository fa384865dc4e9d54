//! Builds the trees from the settings, runs them, and stops them in order.
//!
//! The whole topology: `─▶` is a message that is awaited, `═▶` a worker's thread that blocks for its actor.
//!
//! ```text
//! run ─┬─ ingest        started in this order: producer, generator
//!      │
//!      │    source ◀═ generator ──Attach, Produce──▶ producer ═▶ log, then source.json
//!      │
//!      ├─ partition 0   started in this order: checkpoint writer, aggregator, consumer
//!      │
//!      │    log ◀═ consumer ──Begin, BeginAt, Apply, Flush──▶ aggregator ──Recover, Commit──▶ checkpoint writer ═▶ partition-0.json
//!      │
//!      └─ partition N …
//! ```
//!
//! Within a branch one_for_all: an actor that dies takes the others along. Among branches one_for_one: none touches another.
//!
//! Guarantees: what is done once a process (locks, creating or recreating the topic) is done before any tree starts; the
//! ingest side stops before the partitions do; a branch that failed leaves the others running and is in the summary.
//! Knows no dashboard.

mod branches;
mod environment;
mod group;
mod prepare;
mod running;
pub mod signals;
mod stop;
mod store_away;
mod trees;

pub use environment::{Environment, state_files};
pub use stop::stop_signal;
pub use trees::{run_trees, until};

use crate::failure::Failure;

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Job {
    /// Read the source and write to the log.
    pub ingest: bool,
    /// Partitions to count.
    pub partitions: Vec<u32>,
    pub end: End,
    /// Count the partition from the log's beginning up to this end of it, in place of what is there: of an object store, where a rebuild
    /// moves nothing away.
    pub anew: Option<u64>,
    /// Go on where the log no longer has what comes next, and write the gap down.
    pub accept_gap: bool,
}

/// When the job is done, unless a signal comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// When everything that the source had is written and counted; an endless source has no such end.
    WhenSourceEnds,
    /// When the partitions are counted up to where they ended at the start.
    WhenCaughtUp,
    AtSignal,
}

/// How it went.
#[derive(Debug, Default)]
pub struct Summary {
    /// Readings that were acknowledged by the log.
    pub readings: u64,
    /// Lines of the source's files that could not be read as readings.
    pub bad_lines: u64,
    /// Values that failed the source's own quality checks, since the very first run.
    pub skipped_quality: u64,
    /// Readings, of those that were acknowledged, whose day the log had with another value.
    pub revised: u64,
    /// Days that the log has and that files which were changed no longer have.
    pub withdrawn: u64,
    /// Readings that were sent although the log may have had them.
    pub possible_repeats: u64,
    /// Of the values that were read, what may be none, in words.
    pub doubtful_values: Vec<String>,
    /// Bytes that came of the source's stream, if it reads one.
    pub received_bytes: Option<u64>,
    /// Records, or offsets without one, that no reader saw when the log was asked last, as a transaction was open before them.
    pub hidden: u64,
    /// Branches that failed for good, and why.
    pub failures: Vec<(String, Failure)>,
    /// Actors that did not stop in time.
    pub laggards: Vec<String>,
}
