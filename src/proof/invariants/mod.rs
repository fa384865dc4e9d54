//! What must hold, whatever dies and whenever.

pub mod bounds;
pub mod endings;
pub mod files;
pub mod promises;
pub mod writers;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::failure::Promise;

/// Every file of a state folder.
pub type FolderFiles = BTreeMap<PathBuf, Vec<u8>>;

/// The promises, by their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Invariant {
    /// A partition's files equal a replay of the log from `first_offset` to `offset`, bit for bit. [`files::replayed`]
    I1,
    /// Counted and rejected records add up to the records of that range. [`files::replayed`]
    I2,
    /// What was told to be committed or acknowledged does not go back. [`promises::Promises`]
    I3,
    /// A file is the old or the new one, whole, and no temporary file is left by a start. [`files::whole`],
    /// [`files::no_temporaries`], [`files::rejected_lines_settled`]
    I4,
    /// When nothing is wrong any more, everything is counted and committed, and whoever is asked to stop stops.
    /// [`endings::drained`], [`endings::caught_up`]
    I5,
    /// Nothing is skipped in silence: every reading of the source is counted, no offset is passed over, a branch that
    /// stops says why, and a topic that is gone is noticed. [`files::nothing_passed_over`], [`endings::explained`],
    /// [`endings::refused`], [`endings::every_reading`], [`files::nothing_of_a_topic_that_is_gone`]
    I6,
    /// One panic touches one branch, once, and only planned ones happen. [`endings::one_branch`]
    I7,
    /// Nobody writes who was replaced or does not hold the lock. [`writers::entitled`]
    I8,
    /// The same seed gives the same events and the same bytes. [`endings::same`]
    I9,
    /// Over many seeds, every point goes wrong in every way that is drawn. [`crate::proof::Tally::never_fired`]
    I10,
    /// What is queued, in flight or left behind is bounded. [`bounds::bounded`]; that the memory of a process does not
    /// grow is for a test of a process to see.
    I11,
    /// What was acknowledged to the producer is in the log. [`promises::in_the_log`]
    I12,
}

impl Invariant {
    /// The promise in a few words.
    pub fn promise(self) -> &'static str {
        match self {
            Self::I1 => "the files equal a replay of the log",
            Self::I2 => "counted and rejected records add up to those of the log",
            Self::I3 => "what was acknowledged does not go back",
            Self::I4 => "a file is an old or a new one, whole",
            Self::I5 => "when nothing is wrong any more, everything is counted, and a stop stops",
            Self::I6 => "nothing is skipped in silence",
            Self::I7 => "one panic touches one branch",
            Self::I8 => "nobody writes who was replaced or does not hold the lock",
            Self::I9 => "the same seed gives the same events and bytes",
            Self::I10 => "every fault that was planned is tried",
            Self::I11 => "what is queued or left behind is bounded",
            Self::I12 => "what was acknowledged to the producer is in the log",
        }
    }

    /// The one that is broken where the program's own check of a promise fails.
    pub fn of(promise: Promise) -> Self {
        match promise {
            Promise::FilesEqualReplay => Self::I1,
            Promise::RecordsAddUp => Self::I2,
            Promise::CommitsStay => Self::I3,
            Promise::NothingSkipped => Self::I6,
        }
    }

    /// A violation, unless it holds.
    pub fn require(self, holds: bool, what: impl FnOnce() -> String) -> Result<(), Violation> {
        if holds { Ok(()) } else { Err(self.violated(what())) }
    }

    pub fn violated(self, what: impl Into<String>) -> Violation {
        Violation { invariant: self, what: what.into() }
    }
}

/// Something that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    pub invariant: Invariant,
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} does not hold ({}): {}", self.invariant, self.invariant.promise(), self.what)
    }
}
