//! Failures that the logs tell in the same words, whichever it is.

use std::time::Duration;

use super::Extent;
use crate::failure::{Failure, Kind, Origin};

/// `name` is [`super::RecordLog::name`] here and below.
pub fn no_topic(name: &str) -> Failure {
    Failure::fatal(Kind::Data, format!("there is no {name}")).advice("produce first, or name another in the settings")
}

pub fn topic_exists(name: &str) -> Failure {
    Failure::retryable(Kind::TryAgain, format!("there is a {name} already"))
        .advice("another process created it meanwhile: it is used as it is")
}

pub fn no_partition(name: &str, partition: u32, partitions: u32) -> Failure {
    Failure::fatal(Kind::Settings, format!("the {name} has no partition {partition}: it has {partitions}, from 0"))
        .advice("set log.partitions to what the topic has")
}

/// What to do about an offset that the log does not have.
pub const START_OVER: &str =
    "the log was truncated, lost old records, or is another one: restore it, or start over with what it holds";

/// Records of the partition are there, and no reader sees them.
pub fn hidden(name: &str, partition: u32, end: u64, high_watermark: u64) -> Failure {
    let what = format!(
        "partition {partition} of {name} can be read up to offset {end} and has records up to {high_watermark}, of which some \
         may be of this source"
    );
    Failure::retryable(Kind::TryAgain, what).advice(
        "a transaction is open, and its end is waited for; if its producer is gone for good, abort the transaction with \
         Kafka's tools, or go on without what it hides: produce.skip_hidden = true",
    )
}

/// Why days of a partition may have been in the log.
pub fn begins_late(name: &str, partition: u32, start: u64) -> String {
    format!("partition {partition} of {name} begins at offset {start}")
}

/// Likewise.
pub fn is_compacted(name: &str) -> String {
    format!("{name} is compacted")
}

/// The log answers, and gives nothing although there is more.
pub fn silent(name: &str, partition: u32, position: u64, waited: Duration) -> Failure {
    let seconds = waited.as_secs();
    let what = format!("{name} gave nothing past offset {position} of partition {partition} for {seconds} s");
    Failure::retryable(Kind::Unavailable, what).advice("it is asked until it answers")
}

pub fn disordered(name: &str, position: u64) -> Failure {
    Failure::fatal(Kind::Data, format!("{name} gave records out of order behind offset {position}"))
        .advice("this is an error in isotherm or in the log: nothing was made of these records")
}

/// The topic is gone, or is another one by now, although a reader or writer of it is still in use.
pub fn recreated(name: &str) -> Failure {
    Failure::fatal(Kind::Data, format!("the {name} was deleted or created anew while it was in use")).advice(
        "its records are not those that were read or written before; decide which ones are to count, and start again",
    )
}

/// Another writer of the source was opened since; nothing of what was to be written is in the log, or will be.
pub fn replaced(name: &str, source: &str) -> Failure {
    let what =
        format!("another writer of the source {source} has opened the {name}, so this one may not write any more");
    Failure::retryable(Kind::TryAgain, what).origin(Origin::Replaced)
}

pub fn below_start(name: &str, partition: u32, offset: u64, start: u64) -> Failure {
    Failure::fatal(
        Kind::Data,
        format!("partition {partition} of the {name} starts at offset {start}: offset {offset} is not there any more"),
    )
    .advice(START_OVER)
}

fn past_end(name: &str, partition: u32, offset: u64, end: u64) -> Failure {
    Failure::fatal(
        Kind::Data,
        format!("partition {partition} of the {name} ends at offset {end}: there is no offset {offset}"),
    )
    .advice(START_OVER)
}

/// Whether a reader may stand at the offset.
pub fn within(name: &str, partition: u32, offset: u64, extent: Extent) -> Result<(), Failure> {
    if offset < extent.start {
        return Err(below_start(name, partition, offset, extent.start));
    }
    if offset > extent.end {
        return Err(past_end(name, partition, offset, extent.end));
    }
    Ok(())
}

/// The warning of a topic whose records are to be deleted after a time, in a log that deletes none.
pub fn kept_for_ever(retention_ms: i64) -> Option<String> {
    (retention_ms != -1).then(|| {
        format!("log.retention_ms was {retention_ms} when the topic was created, but only Kafka deletes old records: this log keeps all")
    })
}
