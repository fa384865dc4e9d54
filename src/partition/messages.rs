//! What the actors of a partition tell each other. Every message is awaited by its sender: that is the backpressure.

use std::time::Duration;

use crate::domain::state::LastRecord;
use crate::domain::{Batch, PartitionState, Snapshot};
use crate::supervision::Refused;
use crate::supervision::actor::Message;

/// Consumer → aggregator, first of all: where does the partition go on? Answered once its file is recovered; `None` where
/// there is no file yet.
#[derive(Debug, Message)]
#[rtype(result = "Result<Option<Beginning>, Refused>")]
pub struct Begin {
    pub epoch: u64,
}

/// Where the committed state goes on.
#[derive(Clone, Debug)]
pub struct Beginning {
    pub next_offset: u64,
    /// The record before it, to recognise the log by.
    pub last_record: Option<LastRecord>,
}

/// Consumer → aggregator: the first record comes from this offset. Only the log knows where a partition begins that has no
/// file yet, and where one goes on whose next records are gone.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), Refused>")]
pub struct BeginAt {
    pub epoch: u64,
    pub offset: u64,
}

/// Consumer → aggregator: every record in [from, position), none of them applied before. Answered once the batch was counted
/// or rejected, record by record; the answer hands it back, for its memory.
#[derive(Debug, Message)]
#[rtype(result = "Result<Batch, Refused>")]
pub struct Apply {
    pub epoch: u64,
    pub batch: Batch,
    /// The position of the message before: a batch that overtook another would be counted in its place.
    pub from: u64,
    pub position: u64,
}

impl Apply {
    /// Whether the batch is what comes next, by its own words and by its records; an error says why it is not.
    pub fn in_order(&self, next: u64) -> Result<(), String> {
        let Self { batch, from, position, .. } = self;
        let (first, last) = (batch.records().next(), batch.records().next_back());
        let within = first.is_none_or(|first| first.offset >= next) && last.is_none_or(|last| last.offset < *position);
        if *from == next && *position >= next && within {
            return Ok(());
        }
        let records =
            first.zip(last).map(|(first, last)| format!(", with records {} to {},", first.offset, last.offset));
        let records = records.unwrap_or_default();
        Err(format!("a batch of [{from}, {position}){records} would be counted at offset {next}"))
    }
}

/// Consumer → aggregator: commit all that was applied; the answer comes when it is on disk.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), Refused>")]
pub struct Flush {
    pub epoch: u64,
}

/// Aggregator → checkpoint writer, first of all: the state as it was last committed, made durable and this epoch's own;
/// `None` where there is no file yet.
#[derive(Debug, Message)]
#[rtype(result = "Result<Option<PartitionState>, Refused>")]
pub struct Recover {
    pub epoch: u64,
}

/// Aggregator → checkpoint writer: replace the partition's file by this state. Answered once the file is on disk, with how
/// long the write ran: not what it waited for, be it the thread, the log's answer or the end of an outage.
#[derive(Debug, Message)]
#[rtype(result = "Result<Duration, Refused>")]
pub struct Commit {
    pub epoch: u64,
    pub snapshot: Snapshot,
}
