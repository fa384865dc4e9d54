//! What generator and producer tell each other. Every message is awaited by its sender: that is the backpressure.

use serde_json::Value;

use crate::domain::Readings;
use crate::supervision::Refused;
use crate::supervision::actor::Message;

/// Generator → producer, first of all: which cursor to go on from. Answered once the log is open.
#[derive(Debug, Message)]
#[rtype(result = "Result<Attached, Refused>")]
pub struct Attach {
    pub epoch: u64,
}

/// The stored cursor (`None` at the very beginning) and how many readings were acknowledged up to it.
#[derive(Clone, Debug)]
pub struct Attached {
    pub cursor: Option<Value>,
    pub readings: u64,
}

/// Generator → producer: readings, and the source's cursor after them. Answered once the readings are acknowledged by the
/// log and the cursor behind them is safe on disk; the answer hands them back, for their memory.
#[derive(Debug, Message)]
#[rtype(result = "Result<Readings, Refused>")]
pub struct Produce {
    pub epoch: u64,
    /// Counts the messages of an epoch, from 1: a message that overtook another would move the cursor over readings that
    /// were never sent.
    pub number: u64,
    pub readings: Readings,
    pub cursor: Value,
}
