//! A disk that lives in memory, loses what a crash may lose, and can be told to go wrong.
//!
//! Guarantee: it keeps the same contract as the real one, checked by the same suite (`tests/checkpoint`); no clock is in it,
//! and no chance but a seed.

mod disk;
mod tree;

pub use disk::{DiskFault, Rename, SimulatedDisk};
