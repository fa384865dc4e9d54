//! What it takes for a file, or an object in a store of many, to survive any crash: always an old or a new one, whole.
//!
//! Guarantees: what was written survives any crash; a file is never overwritten by a writer of an old epoch or of a
//! second process. Calls block. Uses `failure` and `settings` at most; knows no partition, no log and no actors.

pub mod around;
pub mod conditions;
pub mod disk;
pub mod fence;
pub mod lock;
mod network;
pub mod objects;
mod open_objects;
pub mod replace;
#[cfg(feature = "s3")]
pub mod s3;
pub mod seal;

pub use disk::{Disk, DiskFile, RealDisk};
pub use fence::Fence;
pub use lock::Lock;
pub use open_objects::open_objects;
