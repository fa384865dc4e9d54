//! A planned fault: one action at one passing of a point, and how that is written.

use std::fmt;
use std::io;
use std::mem;
use std::time::Duration;

use PointKind::{Call, Restart, Start, Step, Write};

use crate::failure::{Failure, Kind, Origin, PlannedFault};

/// Longest delay that can be planned.
const DELAY_MAX_MS: u64 = 3_600_000;

/// A thing that goes wrong at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    Panic,
    Fatal,
    Retryable,
    /// The disk is full.
    StorageFull,
    /// The disk fails.
    IoError,
    PermissionDenied,
    /// Half of the bytes are written, then the disk is full.
    Short,
    /// Half of the bytes are written, then the process ends at once.
    Torn,
    /// The process ends at once, as by `kill -9`.
    Abort,
    /// The thread never comes back.
    Hang,
    /// The thread sleeps this long.
    Delay(Duration),
}

/// The kind of step or call at a point: decides which actions can happen there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointKind {
    /// A step of an actor, or of its worker.
    Step,
    /// The supervisor starts a child again. Nobody would notice if its thread hung.
    Restart,
    /// A call on the disk that is made before there are supervisors. Nobody would notice if it hung.
    Start,
    /// Any other call on the disk.
    Call,
    /// One that writes bytes.
    Write,
}

/// Each action, how it is written in a plan, and where it can happen. A delay's name is followed by its milliseconds.
pub const ACTIONS: [(Action, &str, &[PointKind]); 11] = [
    (Action::Panic, "panic", &[Step, Restart, Start, Call, Write]),
    (Action::Fatal, "fatal", &[Step, Restart]),
    (Action::Retryable, "retryable", &[Step, Restart]),
    (Action::StorageFull, "storage_full", &[Start, Call, Write]),
    (Action::IoError, "io_error", &[Start, Call, Write]),
    (Action::PermissionDenied, "permission_denied", &[Start, Call, Write]),
    (Action::Short, "short", &[Write]),
    (Action::Torn, "torn", &[Write]),
    (Action::Abort, "abort", &[Step, Restart, Start, Call, Write]),
    (Action::Hang, "hang", &[Step, Call, Write]),
    (Action::Delay(Duration::from_millis(20)), "delay", &[Step, Restart, Start, Call, Write]),
];

impl PointKind {
    /// The actions that can happen there.
    pub fn actions(self) -> impl Iterator<Item = Action> {
        ACTIONS.into_iter().filter(move |(.., kinds)| kinds.contains(&self)).map(|(action, ..)| action)
    }

    /// Whether such an action can happen there; a delay of any length, if one can.
    pub fn allows(self, action: Action) -> bool {
        self.actions().any(|allowed| allowed.name() == action.name())
    }
}

impl Action {
    /// How it is written in a plan; of a delay, what stands before its milliseconds.
    pub fn name(self) -> &'static str {
        let same = |other: &Action| mem::discriminant(other) == mem::discriminant(&self);
        ACTIONS.iter().find(|(action, ..)| same(action)).expect("each action has a row").1
    }

    fn parse(text: &str) -> Option<Self> {
        if let Some(time) = text.strip_prefix("delay:") {
            let time_ms = number(time).filter(|&time_ms| time_ms <= DELAY_MAX_MS)?;
            return Some(Self::Delay(Duration::from_millis(time_ms)));
        }
        let (action, ..) = ACTIONS.into_iter().find(|(_, name, _)| *name == text)?;
        Some(action).filter(|action| !matches!(action, Self::Delay(_)))
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())?;
        match self {
            Self::Delay(time) => write!(formatter, ":{}", time.as_millis()),
            _ => Ok(()),
        }
    }
}

/// One planned fault: at the `hit`-th time (from 1) that the point is passed. Written as `aggregator.apply@3=panic`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    pub point: String,
    pub hit: u64,
    pub action: Action,
}

impl Planned {
    /// Reads a fault as its `Display` writes it; whether there is such a point is not looked at.
    pub fn parse(text: &str) -> Option<Self> {
        let (point, rest) = text.split_once('@')?;
        let (hit, action) = rest.split_once('=')?;
        let hit = number(hit).filter(|&hit| hit > 0)?;
        Some(Self { point: point.to_owned(), hit, action: Action::parse(action)? })
    }

    /// The words for it when it happens.
    pub(super) fn told(&self) -> PlannedFault {
        PlannedFault(format!("planned fault at {}, hit {}", self.point, self.hit))
    }

    /// How a step fails by it.
    pub(super) fn failure(&self) -> Failure {
        let told = self.told().0;
        let failure = match self.action {
            Action::Retryable => Failure::retryable(Kind::Unavailable, told),
            _ => Failure::fatal(Kind::Internal, told),
        };
        failure.origin(Origin::Planned)
    }

    /// How a call on the disk fails by it.
    pub(super) fn error(&self) -> io::Error {
        let kind = match self.action {
            Action::StorageFull | Action::Short => io::ErrorKind::StorageFull,
            Action::PermissionDenied => io::ErrorKind::PermissionDenied,
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, self.told())
    }
}

impl fmt::Display for Planned {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}@{}={}", self.point, self.hit, self.action)
    }
}

/// Digits only: `parse` alone would take a sign.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_read_as_it_is_written() {
        for (action, ..) in ACTIONS {
            let planned = Planned { point: "aggregator.apply".to_owned(), hit: 3, action };
            assert_eq!(Planned::parse(&planned.to_string()), Some(planned));
        }
        assert_eq!(Action::parse("delay:250"), Some(Action::Delay(Duration::from_millis(250))));
    }

    #[test]
    fn what_is_no_fault_is_refused() {
        for text in [
            "",
            "a",
            "a@1",
            "a@0=panic",
            "a@x=panic",
            "a@+1=panic",
            "a@1=explode",
            "a@1=delay",
            "a@1=delay:",
            "a@1=delay:3600001",
        ] {
            assert_eq!(Planned::parse(text), None, "{text}");
        }
    }
}
