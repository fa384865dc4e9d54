//! Named points in the code at which a plan can make something go wrong.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use super::plan::{Action, Planned, PointKind};
use crate::failure::{Failure, Kind};
use crate::standard_error;

/// The target of the line that says that a planned fault happens.
pub const FIRED: &str = "isotherm::points::fired";

/// Every point there is; a plan that names another is refused. Those of the disk are passed just before the call.
pub const POINTS: [(&str, PointKind); 36] = [
    ("generator.start", PointKind::Step),
    ("generator.next", PointKind::Step),
    ("generator.ask", PointKind::Step),
    ("producer.start", PointKind::Step),
    ("producer.read_back", PointKind::Step),
    ("producer.send", PointKind::Step),
    ("producer.acknowledge", PointKind::Step),
    ("producer.cursor_commit", PointKind::Step),
    ("producer.reply", PointKind::Step),
    ("consumer.start", PointKind::Step),
    ("consumer.read", PointKind::Step),
    ("aggregator.load", PointKind::Step),
    ("aggregator.apply", PointKind::Step),
    ("aggregator.snapshot", PointKind::Step),
    ("aggregator.commit_reply", PointKind::Step),
    ("writer.recover", PointKind::Step),
    ("writer.commit", PointKind::Step),
    ("writer.reply", PointKind::Step),
    ("supervisor.restart", PointKind::Restart),
    ("checkpoint.create_folder", PointKind::Start),
    ("checkpoint.lock", PointKind::Start),
    ("checkpoint.link", PointKind::Start),
    ("checkpoint.read", PointKind::Call),
    ("checkpoint.list", PointKind::Call),
    ("checkpoint.create", PointKind::Call),
    ("checkpoint.write", PointKind::Write),
    ("checkpoint.fsync", PointKind::Call),
    ("checkpoint.rename", PointKind::Call),
    ("checkpoint.fsync_folder", PointKind::Call),
    ("checkpoint.open", PointKind::Call),
    ("checkpoint.append", PointKind::Write),
    ("checkpoint.fsync_appended", PointKind::Call),
    ("checkpoint.fsync_found", PointKind::Call),
    ("checkpoint.truncate", PointKind::Call),
    ("checkpoint.remove", PointKind::Call),
    ("checkpoint.filesystem", PointKind::Start),
];

/// The kind of a point; `None` if there is no such point.
pub fn kind(point: &str) -> Option<PointKind> {
    POINTS.iter().find(|(name, _)| *name == point).map(|(_, kind)| *kind)
}

/// The plan and how often each point was passed. Clones share both, so hits are counted across restarts.
#[derive(Clone, Default)]
pub struct FaultPoints(Option<Arc<Mutex<PlannedPoints>>>);

struct PlannedPoints {
    planned: Vec<Planned>,
    hits: BTreeMap<&'static str, u64>,
    fired: Vec<Planned>,
}

/// A write that is cut short.
pub struct Cut(Planned);

impl Cut {
    /// Ends the write once a part of its bytes is written.
    pub fn end(self) -> io::Error {
        if self.0.action == Action::Torn {
            abort();
        }
        self.0.error()
    }
}

/// Ends the process as by `kill -9`, once it is told that this was planned.
fn abort() -> ! {
    standard_error::flush();
    std::process::abort()
}

impl FaultPoints {
    /// A plan. Every point must be one of [`POINTS`], and every action one that can happen there.
    pub fn new(planned: Vec<Planned>) -> Result<Self, Failure> {
        planned.iter().try_for_each(check)?;
        if planned.is_empty() {
            return Ok(Self::default());
        }
        Ok(Self(Some(Arc::new(Mutex::new(PlannedPoints { planned, hits: BTreeMap::new(), fired: Vec::new() })))))
    }

    /// Passes a step.
    #[inline]
    pub fn hit(&self, point: &'static str) -> Result<(), Failure> {
        match &self.0 {
            None => Ok(()),
            Some(plan) => pass(plan, point).map_or(Ok(()), |fault| Err(fault.failure())),
        }
    }

    /// Passes a call on the disk.
    pub fn call(&self, point: &'static str) -> io::Result<()> {
        self.write(point).and_then(|cut| cut.map_or(Ok(()), |cut| Err(cut.end())))
    }

    /// Passes a write: whether it is to be cut short.
    pub fn write(&self, point: &'static str) -> io::Result<Option<Cut>> {
        match self.0.as_ref().and_then(|plan| pass(plan, point)) {
            None => Ok(None),
            Some(fault) if matches!(fault.action, Action::Short | Action::Torn) => Ok(Some(Cut(fault))),
            Some(fault) => Err(fault.error()),
        }
    }

    /// The whole plan.
    pub fn planned(&self) -> Vec<Planned> {
        self.0.as_ref().map(|plan| plan.lock().planned.clone()).unwrap_or_default()
    }

    /// The faults that happened so far.
    pub fn fired(&self) -> Vec<Planned> {
        self.0.as_ref().map(|plan| plan.lock().fired.clone()).unwrap_or_default()
    }
}

fn check(Planned { point, action, .. }: &Planned) -> Result<(), Failure> {
    let refuse = |what: String, advice: String| Err(Failure::fatal(Kind::Settings, what).advice(advice));
    let Some(kind) = kind(point) else {
        let names = POINTS.map(|(name, _)| name);
        let advice = format!("the known ones are {}", names.join(", "));
        return refuse(format!("faults.points names the unknown point {point:?}"), advice);
    };
    if !kind.allows(*action) {
        let allowed: Vec<&str> = kind.actions().map(Action::name).collect();
        let advice = format!("the actions of {point} are {}", allowed.join(", "));
        return refuse(format!("faults.points has {:?} at {point}, where it cannot happen", action.name()), advice);
    }
    Ok(())
}

/// Passes a point. An action that does not need the caller happens here; any other one is for the caller to make happen.
#[cold]
fn pass(plan: &Mutex<PlannedPoints>, point: &'static str) -> Option<Planned> {
    debug_assert!(kind(point).is_some(), "{point} is not in POINTS");
    let fault = {
        let mut plan = plan.lock();
        let hits = plan.hits.entry(point).or_default();
        *hits += 1;
        let hit = *hits;
        let fault = plan.planned.iter().find(|fault| fault.point == point && fault.hit == hit).cloned()?;
        plan.fired.push(fault.clone());
        fault
    };
    // A process that planned the fault from outside learns from this line that it happens.
    tracing::debug!(target: FIRED, %fault, "planned fault");
    match fault.action {
        Action::Panic => std::panic::panic_any(fault.told()),
        Action::Abort => abort(),
        Action::Hang => loop {
            std::thread::park();
        },
        Action::Delay(time) => {
            std::thread::sleep(time);
            None
        }
        _ => Some(fault),
    }
}
