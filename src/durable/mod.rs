//! What it takes for a file to survive any crash: always an old or a new one, whole.
//!
//! Guarantees: what was written survives any crash; a file is never overwritten by a writer of an old epoch or of a
//! second process. Calls block. Uses `failure` at most; knows no partition, no log and no actors.

pub mod around;
pub mod disk;
pub mod fence;
pub mod lock;
mod network;
pub mod replace;
pub mod seal;

pub use disk::{Disk, DiskFile, RealDisk};
pub use fence::Fence;
pub use lock::Lock;
