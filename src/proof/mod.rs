//! Proof by fault injection: the real code on a world that goes wrong, and what must hold whatever happens.
//!
//! Guarantees: what does not hold is a [`Violation`] and never an assertion that ends the proof; each invariant has one
//! checker. Uses everything below; the command line and the tests use it.

pub mod faulty_disk;
pub mod invariants;
pub mod process;
pub mod readings;
pub mod simulated;
pub mod simulation;
pub mod tally;

pub use faulty_disk::FaultyDisk;
pub use invariants::{Invariant, Violation};
pub use tally::Tally;
