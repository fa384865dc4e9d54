//! What a partition's files should hold, computed in another way than the processor does it, and compared with what they
//! hold.
//!
//! Guarantees: nothing here uses the processor's decoder, checks, calendar or state; every difference is found, to the
//! bit; nothing is changed and no lock is taken, so that it works beside a processor. Uses `log`, `partition`, `failure`
//! and `domain`.

mod audited;
mod compare;
mod differences;
mod model;
mod ranges;
mod rejected;
mod repeats;
mod replay;
mod said;

use std::collections::BTreeMap;
use std::io::Read;

use serde::Serialize;

use crate::domain::RejectReason;
use crate::failure::Failure;
use crate::partition::format::Checkpoint;

pub use audited::{AuditFinding, Audited};
pub use differences::{Difference, Differences};
pub use repeats::{RepeatedDays, Repeats};
pub use replay::audit;

/// The committed files of one partition, as they were read at one moment.
pub struct Files<'a> {
    /// Of the JSON, for messages.
    pub name: &'a str,
    pub bytes: &'a [u8],
    /// What the bytes hold.
    pub checkpoint: &'a Checkpoint,
    pub rejected_name: &'a str,
    /// The file of rejected records; of no bytes where there is none.
    pub rejected: Box<dyn Read + 'a>,
}

/// What an audit of one partition found.
#[derive(Debug, PartialEq, Serialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Finding {
    Verified(Verified),
    LogIncomplete { why: String },
    FileWrong(Wrong),
}

/// What was verified.
#[derive(Debug, PartialEq, Serialize)]
pub struct Verified {
    pub first_offset: u64,
    pub offset: u64,
    pub records: u64,
    pub counted: u64,
    pub rejected: BTreeMap<RejectReason, u64>,
    pub rejected_lines: u64,
    pub stations: usize,
    /// What came of the days that came more than once, where that was looked up.
    pub repeats: Repeats,
    /// Why it could not be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeats_unknown: Option<String>,
    #[serde(skip)]
    pub repeated: RepeatedDays,
}

/// What is wrong with a file.
#[derive(Debug, PartialEq, Serialize)]
pub struct Wrong {
    pub why: String,
    pub differences: Differences,
    /// Whether the file says that it counted and rejected as many records as the log has.
    #[serde(skip)]
    pub adds_up: bool,
}

impl Wrong {
    /// A file that nothing can be compared with.
    pub fn refused(failure: &Failure) -> Self {
        Self { why: failure.to_string(), differences: Differences::default(), adds_up: true }
    }
}
