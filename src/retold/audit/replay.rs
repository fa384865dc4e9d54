//! Audits one partition: what its file says it read is read again from the log, a batch at a time.

use super::differences::Differences;
use super::model::Model;
use super::ranges::{ranges, read};
use super::rejected::RejectedFile;
use super::{Files, Finding, Repeats, Verified, Wrong, compare, repeats};
use crate::failure::{Failure, Kind};
use crate::log::{RangePace, RecordLog};
use crate::partition::format::Checkpoint;

/// Audits a partition's files, which should be of this topic. A failure of the log ends it.
pub fn audit(log: &dyn RecordLog, pace: &RangePace, topic: &str, files: Files<'_>) -> Result<Finding, Failure> {
    let Files { name, bytes, checkpoint, rejected_name, rejected } = files;
    let partition = checkpoint.identity.partition;
    if let Some(found) = log.topic()?
        && found.log_id == checkpoint.identity.log_id
        && found.partitions != checkpoint.identity.partitions
    {
        let (file, found) = (checkpoint.identity.partitions, found.partitions);
        let why = format!("{} has {found} partitions, {name} says {file}", log.name());
        // Partitions can be added to a topic, but never taken away.
        if file > found {
            return Ok(Finding::FileWrong(Wrong { why, differences: Differences::default(), adds_up: true }));
        }
        tracing::warn!("{why}; it is compared with the records of its partition");
    }
    if let Some(why) = missing(log, topic, checkpoint)? {
        return Ok(Finding::LogIncomplete { why });
    }
    let state = &checkpoint.state;
    let mut rejected = RejectedFile::new(rejected_name, rejected, state.rejected_bytes);
    let mut replay = Model::new(state.rules);
    let mut differences = Differences::default();
    for range in ranges(state.first_offset, state.next_offset, &state.gaps) {
        let read = read(log, pace, partition, range, |record| match replay.apply(record) {
            Some(line) => rejected.expect(&line, &mut differences),
            None => Ok(()),
        });
        match read {
            // The log had all of it a moment ago: retention took it, or somebody deleted it.
            Err(failure) if failure.kind == Kind::Data => {
                return Ok(Finding::LogIncomplete { why: failure.to_string() });
            }
            other => other?,
        }
    }
    // The same questions again: a topic that was recreated meanwhile would have been read in silence.
    if let Some(why) = missing(log, topic, checkpoint)? {
        return Ok(Finding::LogIncomplete { why });
    }
    let said = state.counted() + state.rejected_total();
    if replay.records < said && log.topic()?.is_some_and(|topic| topic.compacted) {
        let why = format!("{} is compacted: of {said} records {} are left", log.name(), replay.records);
        return Ok(Finding::LogIncomplete { why });
    }
    let rejected_lines = rejected.finish(replay.rejected_bytes, replay.rejected_crc32c, &mut differences)?;
    Ok(compared(bytes, checkpoint, replay, rejected_lines, differences))
}

fn compared(
    bytes: &[u8],
    checkpoint: &Checkpoint,
    replay: Model,
    rejected_lines: u64,
    mut differences: Differences,
) -> Finding {
    let state = &checkpoint.state;
    let verified = Verified {
        first_offset: state.first_offset,
        offset: state.next_offset,
        records: replay.records,
        counted: replay.records - replay.rejected_total(),
        rejected: replay.rejected.clone(),
        rejected_lines,
        stations: replay.stations.len(),
        repeats: Repeats::default(),
        repeats_unknown: None,
        repeated: repeats::of(&replay),
    };
    let adds_up = state.counted() + state.rejected_total() == replay.records;
    compare::fields(state, &replay, &mut differences);
    if differences.total == 0 {
        compare::bytes(bytes, checkpoint, replay, &mut differences);
    }
    match differences.total {
        0 => Finding::Verified(verified),
        total => {
            let (records, from, to) = (verified.records, verified.first_offset, verified.offset);
            let why = format!("{total} differences from {records} records replayed from offset {from} to {to}");
            Finding::FileWrong(Wrong { why, differences, adds_up })
        }
    }
}

/// What of the file's records the log cannot give any more; `None` if it should have all of them.
fn missing(log: &dyn RecordLog, topic: &str, file: &Checkpoint) -> Result<Option<String>, Failure> {
    let (identity, state) = (&file.identity, &file.state);
    if identity.topic != topic {
        return Ok(Some(format!("the file is of topic {}, log.topic is {topic}", identity.topic)));
    }
    let Some(topic) = log.topic()? else { return Ok(Some(format!("there is no {}", log.name()))) };
    if topic.log_id != identity.log_id {
        let (now, then) = (&topic.log_id, &identity.log_id);
        return Ok(Some(format!("{} was recreated: its id is {now}, the file is of {then}", log.name())));
    }
    let ranges = ranges(state.first_offset, state.next_offset, &state.gaps);
    let (Some(&(first, _)), Some(&(_, last))) = (ranges.first(), ranges.last()) else { return Ok(None) };
    let extent = log.extent(identity.partition)?;
    Ok(if extent.start > first {
        Some(format!("{} starts at offset {}, what the file counted from {first} is gone", log.name(), extent.start))
    } else if extent.end < last {
        Some(format!("{} ends at offset {}, what the file counted up to {last} is gone", log.name(), extent.end))
    } else {
        None
    })
}

#[cfg(test)]
#[path = "replay_tests.rs"]
mod tests;
