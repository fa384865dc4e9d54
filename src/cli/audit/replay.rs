//! Audits one partition: what the file says it read is read again from the log, a batch at a time.

use std::time::{Duration, Instant};

use super::compare;
use super::differences::Differences;
use super::model::Model;
use super::rejected::RejectedFile;
use super::{Finding, Verified};
use crate::checkpoint;
use crate::checkpoint::format::Checkpoint;
use crate::cli::output;
use crate::cli::partition_files::PartitionFile;
use crate::cli::patience::Patience;
use crate::domain::{Batch, Record};
use crate::faults::{Failure, Kind};
use crate::log::RecordLog;
use crate::settings::Settings;

const RECORDS_MAX: usize = 5000;
const READ_WAIT: Duration = Duration::from_millis(500);

/// How long a log that is away, or that gives nothing though it should, is waited for.
const LOG_AWAY_MAX: Duration = Duration::from_secs(60);

/// Audits the partition's file as it is now.
pub fn audit(log: &dyn RecordLog, settings: &Settings, partition: u32) -> Result<Finding, Failure> {
    let folder = &settings.state.dir;
    let Some(file) = PartitionFile::read(folder, partition)? else {
        return Err(Failure::fatal(
            Kind::Data,
            format!("there is no partition-{partition}.json in {}", folder.display()),
        )
        .advice("check state.dir; a partition has a file once something of it is committed"));
    };
    let checkpoint = match file.parse(partition) {
        Ok(checkpoint) => checkpoint,
        Err(failure) => return Ok(Finding::refused(&failure)),
    };
    let patience = Patience::up_to(LOG_AWAY_MAX);
    if let Some(topic) = patience.wait(|| false, || log.topic())?
        && topic.log_id == checkpoint.identity.log_id
        && topic.partitions != checkpoint.identity.partitions
    {
        let (file, topic) = (checkpoint.identity.partitions, topic.partitions);
        let made = checkpoint::partition_path(folder, partition);
        let what = format!("{} has {topic} partitions, {} says {file}", log.name(), made.display());
        // Partitions can be added to a topic, but never taken away.
        if file > topic {
            return Ok(Finding::FileWrong { why: what, differences: Differences::default() });
        }
        output::tell(&format_args!("warning: {what}; it is compared with the records of its partition"));
    }
    if let Some(why) = patience.wait(|| false, || missing(log, settings, &checkpoint))? {
        return Ok(Finding::LogIncomplete { why });
    }
    let rejected = checkpoint::rejected_path(folder, partition);
    let mut rejected = RejectedFile::open(rejected, checkpoint.state.rejected_bytes)?;
    let mut replay = Model::new(checkpoint.state.rules);
    let mut differences = Differences::default();
    let state = &checkpoint.state;
    for range in compare::ranges(state.first_offset, state.next_offset, &state.gaps) {
        let read = read(log, partition, range, &patience, |record| match replay.apply(record) {
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
    if let Some(why) = patience.wait(|| false, || missing(log, settings, &checkpoint))? {
        return Ok(Finding::LogIncomplete { why });
    }
    let said = state.counted() + state.rejected_total();
    if replay.records < said && patience.wait(|| false, || log.topic())?.is_some_and(|topic| topic.compacted) {
        let why = format!("{} is compacted: of {said} records {} are left", log.name(), replay.records);
        return Ok(Finding::LogIncomplete { why });
    }
    let rejected_lines = rejected.finish(replay.rejected_bytes, replay.rejected_crc32c, &mut differences)?;
    Ok(compared(&file.bytes, &checkpoint, replay, rejected_lines, differences))
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
    };
    compare::fields(state, &replay, &mut differences);
    if differences.total == 0 {
        compare::bytes(bytes, checkpoint, replay, &mut differences);
    }
    match differences.total {
        0 => Finding::Verified(verified),
        total => {
            let (records, from, to) = (verified.records, verified.first_offset, verified.offset);
            let why = format!("{total} differences from {records} records replayed from offset {from} to {to}");
            Finding::FileWrong { why, differences }
        }
    }
}

/// What of the file's records the log cannot give any more; `None` if it should have all of them.
fn missing(log: &dyn RecordLog, settings: &Settings, file: &Checkpoint) -> Result<Option<String>, Failure> {
    let (identity, state) = (&file.identity, &file.state);
    if identity.topic != settings.log.topic {
        return Ok(Some(format!("the file is of topic {}, log.topic is {}", identity.topic, settings.log.topic)));
    }
    let Some(topic) = log.topic()? else { return Ok(Some(format!("there is no {}", log.name()))) };
    if topic.log_id != identity.log_id {
        let (now, then) = (&topic.log_id, &identity.log_id);
        return Ok(Some(format!("{} was recreated: its id is {now}, the file is of {then}", log.name())));
    }
    let ranges = compare::ranges(state.first_offset, state.next_offset, &state.gaps);
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

/// Hands every record in [from, to) to `each`, in order.
fn read(
    log: &dyn RecordLog,
    partition: u32,
    (from, to): (u64, u64),
    patience: &Patience,
    mut each: impl FnMut(Record<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut batch = Batch::default();
    let mut reader = None;
    let mut position = from;
    let mut moved = Instant::now();
    while position < to {
        batch.clear();
        let next = patience.wait(
            || false,
            || {
                batch.clear();
                let open = match &mut reader {
                    Some(open) => open,
                    None => reader.insert(log.open_reader(partition, position)?),
                };
                // After a failure a new reader goes on from the last position.
                open.read(&mut batch, RECORDS_MAX, READ_WAIT).inspect_err(|_| reader = None)
            },
        )?;
        for record in batch.records().take_while(|record| record.offset < to) {
            each(record)?;
        }
        if next > position {
            (position, moved) = (next, Instant::now());
        } else if moved.elapsed() > LOG_AWAY_MAX {
            let seconds = LOG_AWAY_MAX.as_secs();
            let what = format!("{} gave nothing past offset {position} for {seconds} s", log.name());
            return Err(Failure::fatal(Kind::Unavailable, what).advice("try again when it answers"));
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "replay_tests.rs"]
mod tests;
