//! Keeps one branch alive.

use std::time::Duration;

use tokio::sync::watch;

use super::branch::{BranchSpec, Policy};
use super::outage::Outage;
use super::worker::Spawn;
use crate::faults::Failure;

/// What happened in a branch, for people.
#[derive(Debug)]
pub enum Event<'a> {
    /// A child died and will be restarted after `backoff`.
    Died {
        child: &'a str,
        cause: &'a str,
        backoff: Duration,
    },
    /// The branch works again: every child that was restarted has said that it is ready.
    Restarted {
        child: &'a str,
        cause: &'a str,
        resumes_from: Option<u64>,
        took: Duration,
    },
    Failed {
        failure: &'a Failure,
    },
    /// A child did not drain in time.
    Laggard {
        child: &'a str,
        waited: Duration,
    },
}

/// How a branch ended.
#[derive(Debug)]
pub enum Outcome {
    /// A child said that the work is done, and the others drained.
    Finished,
    /// Asked to stop, and drained; the names of the children that did not do so in time.
    Stopped { laggards: Vec<&'static str> },
    /// Failed for good.
    Failed(Failure),
}

/// Runs a branch until it is finished, stopped or failed. Runs on the thread of the actix System; `seed` decides the
/// jitter. A stop is asked for by setting `stop` to true.
pub async fn supervise(
    spec: BranchSpec,
    policy: Policy,
    spawn: Spawn,
    seed: u64,
    outage: Outage,
    stop: watch::Receiver<bool>,
    listener: impl Fn(Event<'_>),
) -> Outcome {
    let _ = (spec, policy, spawn, seed, outage, stop);
    let _ = &listener;
    todo!()
}
