//! What is known of the work while it goes on: gauges, the board of branches, and events that count.
//!
//! Guarantees: telling a number costs the teller a few relaxed atomic additions, telling a line a place in a queue, and
//! neither ever a wait for the terminal; a lock is taken only for what is seldom (starts, commits, crashes, outages, ends), for
//! heartbeats, and by a histogram for a few additions (once a batch, a commit, a recovery). Uses `points`, `failure` and
//! `domain` at most.

mod board;
pub mod events;
pub mod gauges;
mod rate;
mod slow_log;
mod source_progress;

pub use board::{ActorStatus, Branch, BranchStatus, Branches, Condition, Crash, CrashOutcome};
pub use gauges::{PartitionProgress, Progress};
pub use rate::Rate;
pub use slow_log::SlowLog;
pub use source_progress::SourceProgress;
