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
        if *from == next && *position >= next && within && !batch.is_disordered() {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Record;

    /// A batch of [from, position) with records at these offsets.
    fn apply(from: u64, position: u64, offsets: &[u64]) -> Apply {
        let mut batch = Batch::default();
        offsets.iter().for_each(|&offset| batch.push(Record { offset, key: None, value: None }));
        Apply { epoch: 1, batch, from, position }
    }

    #[test]
    fn only_the_batch_that_comes_next_is_in_order() {
        for in_order in [apply(10, 20, &[10, 19]), apply(10, 20, &[15]), apply(10, 12, &[]), apply(10, 10, &[])] {
            assert_eq!(in_order.in_order(10), Ok(()), "{in_order:?}");
        }
        let gap = apply(11, 20, &[11, 19]);
        let again = apply(0, 10, &[0, 9]);
        let overlap = apply(5, 15, &[5, 14]);
        let overlap_without_records_of_it = apply(5, 15, &[10, 14]);
        let records_before = apply(10, 20, &[9, 19]);
        let records_behind = apply(10, 20, &[10, 20]);
        let backward = apply(10, 9, &[]);
        let swapped = apply(10, 20, &[10, 12, 11, 19]);
        let repeated = apply(10, 20, &[10, 11, 11, 19]);
        for disorder in [
            gap,
            again,
            overlap,
            overlap_without_records_of_it,
            records_before,
            records_behind,
            backward,
            swapped,
            repeated,
        ] {
            let cause = disorder.in_order(10).expect_err("it is not what comes next");
            assert!(cause.contains("would be counted at offset 10"), "{cause}");
        }
    }
}
