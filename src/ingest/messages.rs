//! What generator and producer tell each other. Every message is awaited by its sender: that is the backpressure.

use serde_json::Value;

use crate::domain::Readings;
use crate::source::Kept;
use crate::source::files::FileRecord;
use crate::supervision::Refused;
use crate::supervision::actor::Message;

/// Generator → producer, first of all: which cursor to go on from. Answered once the log is open.
#[derive(Debug, Message)]
#[rtype(result = "Result<Attached, Refused>")]
pub struct Attach {
    pub epoch: u64,
}

/// Where the source goes on, and how many readings were acknowledged up to there.
#[derive(Debug)]
pub struct Attached {
    pub kept: Kept,
    pub readings: u64,
}

/// Generator → producer: readings, and how the source's place has changed with them. Answered once the readings are acknowledged by the
/// log and the cursor behind them is safe on disk; the answer hands them back, for their memory.
#[derive(Debug, Message)]
#[rtype(result = "Result<Readings, Refused>")]
pub struct Produce {
    pub epoch: u64,
    /// Counts the messages of an epoch, from 1: a message that overtook another would move the cursor over readings that
    /// were never sent.
    pub number: u64,
    pub readings: Readings,
    /// The log was compared with the source before these readings: they are to be sent whether an earlier life has sent the
    /// same or not.
    pub compared: bool,
    pub cursor: Value,
    /// What is newly known of the source's files.
    pub files: Vec<FileRecord>,
}

/// Generator → producer, at the end of the source: answered once readers see all that was acknowledged.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), Refused>")]
pub struct Finish {
    pub epoch: u64,
}
