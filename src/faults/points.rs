//! Named points in the code at which a plan can make something go wrong.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::failure::{Failure, Kind};

/// Every point there is; a plan that names another is refused.
pub const NAMES: [&str; 16] = [
    "generator.next",
    "producer.send",
    "producer.acknowledge",
    "producer.cursor_commit",
    "consumer.start",
    "consumer.read",
    "aggregator.apply",
    "aggregator.snapshot",
    "aggregator.commit_reply",
    "writer.commit",
    "checkpoint.append",
    "checkpoint.write",
    "checkpoint.fsync",
    "checkpoint.rename",
    "checkpoint.fsync_folder",
    "checkpoint.recover",
];

/// What happens at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Panic,
    Fatal,
    Retryable,
    /// The process ends at once, as by `kill -9`.
    Abort,
    /// The thread sleeps this long.
    Delay(Duration),
    /// The thread never comes back.
    Hang,
}

/// One planned fault: at the `hit`-th time (from 1) that the point is passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    pub point: String,
    pub hit: u64,
    pub action: Action,
}

/// The plan and how often each point was passed. Clones share both, so hits are counted across restarts.
#[derive(Clone, Default)]
pub struct FaultPoints(Option<Arc<Mutex<Plan>>>);

struct Plan {
    planned: Vec<Planned>,
    hits: BTreeMap<String, u64>,
    fired: Vec<Planned>,
}

impl FaultPoints {
    /// A plan. Every name must be one of [`NAMES`].
    pub fn new(planned: Vec<Planned>) -> Result<Self, Failure> {
        if let Some(unknown) = planned.iter().find(|fault| !NAMES.contains(&fault.point.as_str())) {
            return Err(Failure::fatal(
                Kind::Settings,
                format!("faults.points names the unknown point {:?}", unknown.point),
            )
            .advice(format!("the known ones are {}", NAMES.join(", "))));
        }
        if planned.is_empty() {
            return Ok(Self::default());
        }
        Ok(Self(Some(Arc::new(Mutex::new(Plan { planned, hits: BTreeMap::new(), fired: Vec::new() })))))
    }

    /// Passes a point.
    #[inline]
    pub fn hit(&self, point: &'static str) -> Result<(), Failure> {
        match &self.0 {
            None => Ok(()),
            Some(plan) => Self::pass(plan, point),
        }
    }

    #[cold]
    fn pass(plan: &Mutex<Plan>, point: &'static str) -> Result<(), Failure> {
        debug_assert!(NAMES.contains(&point), "{point} is not in NAMES");
        let fault = {
            let mut plan = plan.lock();
            let hits = plan.hits.entry(point.to_owned()).or_default();
            *hits += 1;
            let hit = *hits;
            let fault = plan.planned.iter().find(|fault| fault.point == point && fault.hit == hit).cloned();
            plan.fired.extend(fault.clone());
            fault
        };
        let Some(fault) = fault else { return Ok(()) };
        let what = format!("planned fault at {point}, hit {}", fault.hit);
        match fault.action {
            Action::Panic => panic!("{what}"),
            Action::Fatal => Err(Failure::fatal(Kind::Internal, what)),
            Action::Retryable => Err(Failure::retryable(Kind::Unavailable, what)),
            Action::Abort => std::process::abort(),
            Action::Delay(time) => {
                std::thread::sleep(time);
                Ok(())
            }
            Action::Hang => loop {
                std::thread::park();
            },
        }
    }

    /// The faults that happened so far.
    pub fn fired(&self) -> Vec<Planned> {
        self.0.as_ref().map(|plan| plan.lock().fired.clone()).unwrap_or_default()
    }
}
