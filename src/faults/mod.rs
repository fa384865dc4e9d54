//! What can go wrong: how a failure is described, and named points at which one can be made to happen.
//!
//! Guarantee: without a plan a fault point costs one branch, and a disk's calls nothing. Uses `domain` and
//! `standard_error` at most.

pub mod drawn;
pub mod failure;
pub mod plan;
pub mod points;

pub use failure::{Failure, Kind, Origin, PlannedFault, Promise, Severity};
pub use plan::{ACTIONS, Action, Planned};
pub use points::FaultPoints;
