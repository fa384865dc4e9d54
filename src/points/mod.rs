//! Named points at which a failure can be made to happen, and plans of them.
//!
//! Guarantee: without a plan a fault point costs one branch, and a disk's calls nothing. Uses `failure`, `domain` and
//! `standard_error` at most.

pub mod drawn;
pub mod plan;
pub mod registry;

pub use plan::{ACTIONS, Action, Planned, PointKind};
pub use registry::FaultPoints;
