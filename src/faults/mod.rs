//! What can go wrong: how a failure is described, and named points at which one can be made to happen.
//!
//! Guarantee: without a plan a fault point costs one branch. Uses `domain` at most.

pub mod failure;
pub mod points;

pub use failure::{Failure, Kind, Severity};
pub use points::{Action, FaultPoints, Planned};
