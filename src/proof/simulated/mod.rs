//! A disk, a log and a source's files that live in memory. The first two lose what a crash may lose, and can be told to go
//! wrong.
//!
//! Guarantee: they keep the same contracts as the real ones, checked by the same suites (`tests/checkpoint`,
//! `tests/log_contract`); unless the log is one that waits, no clock is in them, and no chance but a seed.

mod disk;
mod group;
mod log;
mod objects;
mod source_disk;
mod tree;

pub use disk::{DiskFault, Rename, SimulatedDisk};
pub use group::SimulatedSeat;
pub use log::{SimulatedLog, Unheard};
pub use objects::{ObjectCall, ObjectFault, SimulatedObjects, TagMode};
pub use source_disk::{STREAM, SimulatedSourceDisk};
