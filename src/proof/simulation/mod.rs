//! The real actors on a simulated log, disk and clock, one thread a run: a seed decides everything.
//!
//! A seed draws records or files of a source, settings and a few lives of the process, each with its troubles: panics and failures at the fault
//! points, a log that stalls or fails, a disk that is full or fails, calls that outlast a heartbeat, signals, `kill -9`
//! and power cuts at any disk operation, files of the source that are changed, and now and then a topic that is deleted and made again. After each life the
//! invariants are checked, then a last life is undisturbed and must come to the files that a run without any trouble
//! leaves.
//!
//! Guarantee: nothing but the seed decides, so no real clock, no thread and no order of a hash table is within a run.

mod draw;
pub mod plan;
mod run;
mod seeds;
mod shrink;
mod trace;
mod versions;
pub mod world;

pub use draw::every_fault;
pub use plan::Plan;
pub use run::{Run, check, run};
pub use seeds::{FailedSeed, SeedsReport, run_seeds};
pub use shrink::shrink;
