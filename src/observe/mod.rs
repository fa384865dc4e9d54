//! What a person sees while isotherm works: log lines, progress, and events.
//!
//! Guarantees: all of it goes to the standard error; a log line never tears a bar; telling costs whoever works a few
//! relaxed atomic additions and never a wait for the terminal. Uses `settings`, `faults` and `domain` at most.

mod branches;
mod display;
pub mod events;
pub mod logging;
pub mod progress;
mod rate;
mod slow_log;
mod source_progress;

pub use branches::{ActorStatus, BranchStatus, Branches, Condition, Crash, CrashOutcome};
pub use display::Display;
pub use progress::{PartitionProgress, Progress};
pub use rate::Rate;
pub use slow_log::SlowLog;
pub use source_progress::SourceProgress;
