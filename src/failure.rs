//! A failure as a person reads it and as a supervisor decides on it.

use std::fmt;
use std::io;

use crate::domain::Invariant;
use rustix::io::Errno;

/// Whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Nothing gets better by itself: the branch stops.
    Fatal,
    /// Waited out within the branch's life, with backoff, without limit, and not counted against the restart budget.
    Retryable,
    /// Another process went on with the work: this life of the branch ends, and the next one begins from what that one has
    /// committed. Not counted against the restart budget.
    Superseded,
}

/// What kind of failure it is; decides the exit code (sysexits).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The command line is wrong (64).
    Usage,
    /// Data is damaged, foreign, or incomplete (65).
    Data,
    /// A service is not there (69).
    Unavailable,
    /// Something within the program broke (70).
    Internal,
    /// A disk or a file failed (74).
    Io,
    /// Another process has it, or it did not finish in time: try again (75).
    TryAgain,
    /// The settings are wrong, or do not fit what is there (78).
    Settings,
}

impl Kind {
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Usage => 64,
            Self::Data => 65,
            Self::Unavailable => 69,
            Self::Internal => 70,
            Self::Io => 74,
            Self::TryAgain => 75,
            Self::Settings => 78,
        }
    }
}

/// What a failure came from, for programs: its words are for people, and may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The world around the program.
    World,
    /// A fault that was planned.
    Planned,
    /// Another writer of the same source took over from one that was still at work.
    Replaced,
    /// An actor panicked once too often, or where it could not be restarted.
    Panic,
    /// A check within the program: going on would have broken this.
    Check(Invariant),
}

/// What a planned fault says where it happens: the payload of a panic, or what is within an [`io::Error`]. By its type
/// it is told from a fault that nobody planned.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct PlannedFault(pub String);

/// What happened, to what, and what the person can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub severity: Severity,
    pub kind: Kind,
    pub origin: Origin,
    /// What happened and to which file, topic, partition or offset, as one sentence without its full stop.
    pub what: String,
    /// What the person can do, where there is something.
    pub advice: Option<String>,
}

impl Failure {
    pub fn fatal(kind: Kind, what: impl Into<String>) -> Self {
        Self { severity: Severity::Fatal, kind, origin: Origin::World, what: what.into(), advice: None }
    }

    pub fn retryable(kind: Kind, what: impl Into<String>) -> Self {
        Self { severity: Severity::Retryable, ..Self::fatal(kind, what) }
    }

    #[must_use]
    pub fn origin(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }

    #[must_use]
    pub fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// A failed call on a file or folder. A full disk or quota is waited out, and so is a process or machine that has too
    /// many files open; one that has nothing yet is to be tried again; anything else is fatal, damaged content as well.
    pub fn io(doing: impl fmt::Display, path: &std::path::Path, error: &io::Error) -> Self {
        let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        let crowded = matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE));
        let early = error.kind() == io::ErrorKind::WouldBlock;
        let severity = if full || crowded || early { Severity::Retryable } else { Severity::Fatal };
        let planned = error.get_ref().is_some_and(|inner| inner.is::<PlannedFault>());
        let origin = if planned { Origin::Planned } else { Origin::World };
        let what = format!("{doing} {}: {error}", path.display());
        let kind = match error.kind() {
            io::ErrorKind::WouldBlock => Kind::TryAgain,
            io::ErrorKind::InvalidData => Kind::Data,
            _ => Kind::Io,
        };
        let failure = Self { severity, origin, ..Self::fatal(kind, what) };
        if full { failure.advice("free some space; it is tried again until there is") } else { failure }
    }

    /// A thread that did not start: the process or the machine may have too many of them at the moment.
    pub fn thread(name: &str, error: &io::Error) -> Self {
        Self::retryable(Kind::Internal, format!("the thread {name} could not be started: {error}"))
    }

    pub fn is_retryable(&self) -> bool {
        self.severity == Severity::Retryable
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.what)?;
        match &self.advice {
            Some(advice) => write!(formatter, " ({advice})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}
