//! What a supervisor is told of its children.

use std::time::Duration;

use super::child::{Child, Life};
use crate::failure::Failure;

/// Starts a new life of a child. It runs on the supervisor's thread and must not block; it may panic, which counts as a
/// crash.
pub type Factory = dyn FnMut(&Life) -> Result<Child, Failure>;

/// One child and how it is started.
pub struct ChildSpec {
    pub name: &'static str,
    pub start: Box<Factory>,
}

/// Children that live and die together: when one dies, all end and all start again. Started in order, stopped in reverse.
pub struct BranchSpec {
    /// For threads and messages, as `partition 2`.
    pub name: String,
    pub children: Vec<ChildSpec>,
}

/// How patient a supervisor is. The same for every branch.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Restarts within `window`; one more fails the branch.
    pub restarts_max: usize,
    pub window: Duration,
    /// First wait before a restart; doubles up to `backoff_max`, half of it jittered.
    pub backoff_min: Duration,
    pub backoff_max: Duration,
    /// Without a crash for this long, budget and backoff are as new.
    pub healthy: Duration,
    /// Longest time between a heartbeat and its answer, and longest time that one blocking call may take.
    pub heartbeat: Duration,
    /// Longest time that a branch's drain may take.
    pub shutdown: Duration,
}
