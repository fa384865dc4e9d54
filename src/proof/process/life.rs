//! One life of the program: started, disturbed, and seen to end as the disturbance allows.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::Signal;

use super::child::{CutShort, Program, RunningProgram};
use super::disturb::{Disturbance, PlannedDisturbance, setting};
use crate::failure::Kind;
use crate::points::registry::kind;
use crate::points::{Action, Planned, PointKind};
use crate::proof::Invariant;

/// Commits after which a planned fault is no longer waited for.
const UNFIRED_COMMITS: u64 = 100;

/// A life as it was seen from outside.
#[derive(Debug)]
pub struct ObservedLife {
    /// The disturbance took place.
    pub fired: bool,
    /// It ended in order, with exit code 0.
    pub orderly: bool,
    /// From its start to its first commit.
    pub recovery: Option<Duration>,
    /// By partition, the offset that it last said to be on disk.
    pub committed: BTreeMap<u32, u64>,
}

/// Lives a disturbed life.
pub fn disturbed(program: &Program, plan: &PlannedDisturbance) -> Result<ObservedLife, CutShort> {
    if let Disturbance::Fault(fault) = &plan.disturbance {
        return faulty(program.start(&[format!("faults.points={}", setting(fault))])?, fault);
    }
    let mut child = program.start(&[])?;
    if plan.commits > 0 {
        child.must(&format!("commit {}", plan.commits), |seen| seen.commits >= plan.commits)?;
    }
    child.pause(plan.delay)?;
    match plan.disturbance {
        Disturbance::Kill => {
            child.signal(Signal::KILL)?;
            end(&mut child, |_, status| status.signal() == Some(Signal::KILL.as_raw()))
        }
        Disturbance::Freeze(time) => {
            child.signal(Signal::STOP)?;
            child.pause(time)?;
            child.signal(Signal::CONT)?;
            goes_on(&mut child)?;
            drain(&mut child)
        }
        Disturbance::InterruptTwice => {
            child.signal(Signal::INT)?;
            child.must("the order to stop", |seen| seen.stopping)?;
            child.signal(Signal::INT)?;
            // The process may have stopped in order before the second signal came.
            let lived = end(&mut child, |_, status| status.success() || is(status, Kind::TryAgain))?;
            Ok(ObservedLife { fired: !lived.orderly, ..lived })
        }
        Disturbance::Terminate | Disturbance::Fault(_) => drain(&mut child),
    }
}

/// Lives to the end of the source.
pub fn undisturbed(program: &Program, sets: &[String]) -> Result<ObservedLife, CutShort> {
    end(&mut program.start(sets)?, |_, status| status.success())
}

fn faulty(mut child: RunningProgram, fault: &Planned) -> Result<ObservedLife, CutShort> {
    let planned = fault.to_string();
    child.until("the fault", |seen| seen.fired.contains(&planned) || seen.commits >= UNFIRED_COMMITS)?;
    let lived = if child.told.fired.contains(&planned) {
        after_fault(&mut child, fault)?
    } else {
        child.signal(Signal::TERM)?;
        // The fault may still happen, and then while the process stops.
        end(&mut child, |child, status| {
            status.success() || child.told.fired.contains(&planned) && (failed(status) || aborted(status))
        })?
    };
    Ok(ObservedLife { fired: child.told.fired.contains(&planned), ..lived })
}

fn after_fault(child: &mut RunningProgram, fault: &Planned) -> Result<ObservedLife, CutShort> {
    match fault.action {
        Action::Abort | Action::Torn => return end(child, |_, status| aborted(status)),
        // Before there are supervisors, nothing is restarted.
        Action::Panic if kind(&fault.point) == Some(PointKind::Start) => return fails(child),
        Action::Fatal | Action::IoError | Action::PermissionDenied => return fails(child),
        Action::Panic | Action::Retryable | Action::StorageFull | Action::Short => {
            child.must("the recovery", |seen| seen.recovered)?;
        }
        // A branch recovers; where a write hangs, the process ends at once instead.
        Action::Hang => {
            if !child.until("the recovery", |seen| seen.recovered)? {
                return end(child, |_, status| is(status, Kind::TryAgain));
            }
        }
        Action::Delay(_) => {}
    }
    goes_on(child)?;
    drain(child)
}

/// Waits until a branch has failed for good, which the exit code tells.
fn fails(child: &mut RunningProgram) -> Result<ObservedLife, CutShort> {
    // Before there are branches, the process ends by itself.
    if child.until("the failure", |seen| seen.failed)? {
        child.signal(Signal::TERM)?;
    }
    end(child, |_, status| failed(status))
}

/// Waits for one more commit.
fn goes_on(child: &mut RunningProgram) -> Result<(), CutShort> {
    let before = child.told.commits;
    child.must("a further commit", |seen| seen.commits > before)
}

/// Ends the process in order, by SIGTERM.
fn drain(child: &mut RunningProgram) -> Result<ObservedLife, CutShort> {
    child.signal(Signal::TERM)?;
    end(child, |_, status| status.success())
}

/// Waits for the end of the process, which must be an allowed one.
fn end(
    child: &mut RunningProgram,
    allowed: impl Fn(&RunningProgram, &ExitStatus) -> bool,
) -> Result<ObservedLife, CutShort> {
    let status = child.end()?;
    if !allowed(child, &status) {
        return Err(child.violation(format!("it ended with {status}")));
    }
    if let Some(what) = &child.told.went_back {
        return Err(Invariant::CommitsStay.violated(what).into());
    }
    let (recovery, committed) = (child.recovery(), child.told.committed.clone());
    Ok(ObservedLife { fired: true, orderly: status.success(), recovery, committed })
}

fn is(status: &ExitStatus, kind: Kind) -> bool {
    status.code() == Some(i32::from(kind.exit_code()))
}

/// A branch failed, or did not stop, because of a planned fault.
fn failed(status: &ExitStatus) -> bool {
    [Kind::Internal, Kind::Io, Kind::Unavailable, Kind::TryAgain].iter().any(|kind| is(status, *kind))
}

fn aborted(status: &ExitStatus) -> bool {
    status.signal() == Some(Signal::ABORT.as_raw())
}
