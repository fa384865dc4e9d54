//! The checkers of what must hold, whatever dies and whenever.
//!
//! | invariant | checked by |
//! | --- | --- |
//! | [`Invariant::FilesEqualReplay`] | [`files::after_life`] |
//! | [`Invariant::RecordsAddUp`] | [`files::after_life`] |
//! | [`Invariant::CommitsStay`] | [`promises::Promises`] |
//! | [`Invariant::FilesAreWhole`] | [`files::whole`], [`files::no_temporaries`], [`files::rejected_lines_settled`] |
//! | [`Invariant::WorkIsFinished`] | [`endings::drained`], [`endings::caught_up`] |
//! | [`Invariant::NothingSkipped`] | [`files::after_life`], [`endings::explained`], [`endings::refused`], [`endings::every_reading`], [`files::nothing_of_a_topic_that_is_gone`] |
//! | [`Invariant::PanicsAreIsolated`] | [`endings::one_branch`] |
//! | [`Invariant::OnlyOwnersWrite`] | [`writers::entitled`] |
//! | [`Invariant::SeedsRepeat`] | [`endings::same`] |
//! | [`Invariant::EveryFaultIsTried`] | [`crate::proof::Tally::never_fired`] |
//! | [`Invariant::EverythingIsBounded`] | [`bounds::bounded`] |
//! | [`Invariant::AcknowledgedIsInLog`] | [`promises::in_the_log`] |
//! | [`Invariant::EachReadingIsOnce`] | [`promises::once_in_the_log`] |
//! | [`Invariant::RevisionsAreInLog`] | [`promises::revisions`] |

pub mod bounds;
pub mod endings;
pub mod files;
pub mod promises;
pub mod writers;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use crate::domain::Invariant;

/// Every file of a state folder.
pub type FolderFiles = BTreeMap<PathBuf, Vec<u8>>;

impl Invariant {
    /// A violation, unless it holds.
    pub fn require(self, holds: bool, what: impl FnOnce() -> String) -> Result<(), Violation> {
        if holds { Ok(()) } else { Err(self.violated(what())) }
    }

    pub fn violated(self, what: impl Into<String>) -> Violation {
        Violation { invariant: self, what: what.into() }
    }
}

/// Something that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} does not hold ({}): {what}", .invariant.number(), .invariant.promise())]
pub struct Violation {
    pub invariant: Invariant,
    pub what: String,
}
