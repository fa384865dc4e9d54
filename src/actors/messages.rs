//! What the actors tell each other. Every message is awaited by its sender: that is the backpressure.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use serde_json::Value;

use crate::checkpoint::Identity;
use crate::domain::{Batch, PartitionState, Readings, Snapshot};

/// The message came from an epoch that has been replaced, before its receiver had begun, or out of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

/// Generator → producer, first of all: which cursor to go on from. Answered once nothing of an earlier generator is
/// under way any more; from then on only messages of this epoch are taken.
#[derive(Debug, Message)]
#[rtype(result = "Attached")]
pub struct Attach {
    pub epoch: u64,
}

/// The stored cursor (`None` at the very beginning) and how many readings were acknowledged up to it.
#[derive(Clone, Debug, MessageResponse)]
pub struct Attached {
    pub cursor: Option<Value>,
    pub readings: u64,
}

/// Generator → producer: readings, and the source's cursor after them.
#[derive(Debug, Message)]
#[rtype(result = "Result<Produced, Refused>")]
pub struct Produce {
    pub epoch: u64,
    /// Counts the messages of an epoch, from 1: a message that overtook another would move the cursor over readings that
    /// were never sent.
    pub number: u64,
    pub readings: Readings,
    pub cursor: Value,
}

/// The readings are acknowledged by the log and the cursor behind them is safe on disk. Hands them back, for their memory.
#[derive(Debug)]
pub struct Produced {
    pub readings: Readings,
}

/// Consumer → aggregator: the state to go on from, as it was last committed. `committed` is false where there is no file yet.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), Refused>")]
pub struct Load {
    pub epoch: u64,
    pub identity: Identity,
    pub state: PartitionState,
    pub committed: bool,
}

/// Consumer → aggregator: every record in [from, position), none of them applied before.
#[derive(Debug, Message)]
#[rtype(result = "Result<Applied, Refused>")]
pub struct Apply {
    pub epoch: u64,
    pub batch: Batch,
    /// The position of the message before: a batch that overtook another would be counted in its place.
    pub from: u64,
    pub position: u64,
}

/// The batch was counted or rejected, record by record. Hands its memory back.
#[derive(Debug)]
pub struct Applied {
    pub batch: Batch,
}

/// Consumer → aggregator: commit all that was applied; the answer comes when it is on disk.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), Refused>")]
pub struct Flush {
    pub epoch: u64,
}

/// Aggregator → checkpoint writer: replace the partition's file by this state.
#[derive(Debug, Message)]
#[rtype(result = "Result<Committed, Refused>")]
pub struct Commit {
    pub epoch: u64,
    pub identity: Arc<Identity>,
    pub snapshot: Snapshot,
}

/// The file on disk goes on from here.
#[derive(Clone, Copy, Debug)]
pub struct Committed {
    pub next_offset: u64,
    /// How long the write ran: not what it waited for, be it the thread, the log's answer or the end of an outage.
    pub write_took: Duration,
}
