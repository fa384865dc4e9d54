//! What a person sees while isotherm works: log lines, progress, and events.
//!
//! Guarantees: a log line never tears a bar; telling a number costs the teller a few relaxed atomic additions, telling a line
//! a place in a queue, and neither ever a wait for the terminal; a lock is taken only for what is seldom (starts, crashes,
//! outages, ends) and for heartbeats. Uses `settings`, `faults`, `domain` and `standard_error` at most.

mod branches;
mod display;
pub mod events;
pub mod logging;
pub mod progress;
mod rate;
mod rejected_unkept;
mod slow_log;
mod source_progress;

pub use branches::{ActorStatus, BranchStatus, Branches, Condition, Crash, CrashOutcome};
pub use display::Display;
pub use progress::{PartitionProgress, Progress};
pub use rate::Rate;
pub use rejected_unkept::RejectedUnkept;
pub use slow_log::SlowLog;
pub use source_progress::SourceProgress;
