//! `isotherm rebuild`: counts one partition anew from the log.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use clap::Args;

use super::arguments::{self, SettingsArguments};
use super::waiting::patient_log;
use super::{Outcome, output, summary};
use crate::durable::{Lock, RealDisk};
use crate::failure::{Failure, Kind};
use crate::log::{Extent, RecordLog, topic};
use crate::partition::format::{self, Checkpoint};
use crate::partition::{PartitionFile, StateFiles, maintenance, object_maintenance};
use crate::pipeline::{End, Job, state_files};
use crate::settings::{Assignment, Settings};

const EXAMPLES: &str = "\
Examples:
  isotherm rebuild 2
  isotherm rebuild 2 --settings settings/kafka.toml --set quality.degrees_max=60
  isotherm rebuild 2 --accept-loss

The old files stay beside the new ones as partition-2.json.before-rebuild and partition-2.rejected.jsonl.before-rebuild.
No other process may be counting the partition. If it is interrupted, run it again: it goes on. In an object store, the state is
watched for three commit intervals first, and must stay the same.";

/// Looks at a state, an interval apart, that must all find the same one.
pub(super) const LOOKS: u32 = 3;

/// Count one partition anew from the log
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Partition to count anew
    partition: u32,
    /// Do it even if the log no longer has all that the old file counted
    #[arg(long)]
    accept_loss: bool,
    /// With state.url: do it without watching for three commit intervals that nobody counts
    #[arg(long)]
    accept_risk: bool,
    #[command(flatten)]
    settings: SettingsArguments,
    /// The summary as one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let mut settings = arguments.settings.start()?;
    // This process counts the partition, also where the settings name a group.
    settings.consume.assignment = Assignment::Fixed;
    let partitions = arguments::partitions(&[arguments.partition], &settings)?;
    let anew = begin(arguments, &settings)?;
    let job = Job { ingest: false, partitions, end: End::WhenCaughtUp, anew, accept_gap: false };
    let state = state_files(&settings.state)?;
    let before = if state.is_remote() { state.read(arguments.partition)? } else { None };
    let outcome = summary::run(job, &settings, arguments.json, None)?;
    if let Some(before) = before
        && state.read(arguments.partition)?.is_some_and(|now| now.bytes == before.bytes)
    {
        output::tell(&format_args!(
            "{} is as it was: the count anew came to the same, or not as far, if it was ended before",
            before.name
        ));
    }
    Ok(outcome)
}

/// Moves the old file out of the way, unless an interrupted rebuild already did. In an object store the old state is kept and stays in
/// place: it is replaced by a count up to the log's end, which is given.
fn begin(arguments: &Arguments, settings: &Settings) -> Result<Option<u64>, Failure> {
    let (state, partition) = (state_files(&settings.state)?, arguments.partition);
    let objects = match &state {
        StateFiles::Folder(_) if arguments.accept_risk => {
            let what = "--accept-risk is for an object store: a folder is locked by who counts in it";
            return Err(Failure::fatal(Kind::Usage, what).advice("leave it out"));
        }
        StateFiles::Folder(folder) => {
            let lock = Lock::partition(&RealDisk, folder, partition)?;
            // A log that is away is waited for before anything is touched.
            let log = patient_log(settings)?;
            if !go_on(arguments, &state, &log)? {
                maintenance::begin_rebuild(&RealDisk, folder, partition, &lock)?;
            }
            return Ok(None);
        }
        StateFiles::Objects(objects) => objects,
    };
    let log = patient_log(settings)?;
    refuse_beside_group(&log)?;
    let looks = if arguments.accept_risk { 0 } else { LOOKS };
    object_maintenance::watch(&**objects, &[partition], looks, still(settings))?;
    if let Some(old) = state.read(partition)? {
        check_loss(arguments, &parse(&old), &log)?;
        let lines = rejected_lines(&state, partition).unwrap_or_else(|failure| {
            output::tell(&format_args!("the old rejected lines are not kept, the count makes them anew: {failure}"));
            Vec::new()
        });
        object_maintenance::keep(&**objects, partition, &old.bytes, &lines)?;
    }
    Ok(Some(log.extent(partition)?.end))
}

/// All rejected lines that a state speaks of. Damage that a rebuild is to mend must not keep it from beginning.
fn rejected_lines(state: &StateFiles, partition: u32) -> Result<Vec<u8>, Failure> {
    let mut lines = Vec::new();
    if let Some(mut read) = state.read_with_rejected(partition)? {
        read.checkpoint?;
        let read_all = read.rejected.read_to_end(&mut lines);
        read_all.map_err(|error| Failure::io("cannot read", Path::new(&read.rejected_name), &error))?;
    }
    Ok(lines)
}

/// What a group counts is neither rebuilt nor copied. One that cannot be asked says nothing of that: then the states are watched.
pub(super) fn refuse_beside_group(log: &dyn RecordLog) -> Result<(), Failure> {
    match log.members_total() {
        Ok(members @ 1..) => {
            let what = format!("the partitions are counted by a group of {members} processes");
            Err(Failure::fatal(Kind::TryAgain, what).advice("end them first"))
        }
        _ => Ok(()),
    }
}

/// How long a state must stay the same between two looks, so that nobody counts.
pub(super) fn still(settings: &Settings) -> Duration {
    Duration::from_millis(settings.state.commit_interval_ms.max(settings.state.request_timeout_ms))
}

/// Whether a rebuild was interrupted and goes on. A failure if one would lose what the log no longer has, and that is not accepted.
fn go_on(arguments: &Arguments, state: &StateFiles, log: &dyn RecordLog) -> Result<bool, Failure> {
    let partition = arguments.partition;
    let current = state.read(partition)?;
    // The old file, if a rebuild has moved it aside.
    let aside = state.read_before_rebuild(partition)?;
    if let (Some(current), Some(aside)) = (&current, &aside)
        && is_unfinished(&parse(current), &parse(aside))
    {
        output::tell(&format_args!(
            "partition {partition} is being rebuilt already; going on (to start from the beginning, move {} away)",
            aside.name
        ));
        return Ok(true);
    }
    // The file aside is the old one if the rebuild was interrupted before anything was committed.
    if let Some(old) = current.as_ref().or(aside.as_ref()) {
        check_loss(arguments, &parse(old), log)?;
    }
    let is_interrupted = current.is_none() && aside.is_some();
    if is_interrupted {
        output::tell(&format_args!("going on with the rebuild of partition {partition} that was interrupted"));
    }
    Ok(is_interrupted)
}

/// A failure if the log no longer has what the old file counted, and that is not accepted.
fn check_loss(arguments: &Arguments, old: &Result<Checkpoint, Failure>, log: &dyn RecordLog) -> Result<(), Failure> {
    let partition = arguments.partition;
    match loss(old, log, partition)? {
        Some(loss) if !arguments.accept_loss => {
            let what = format!("partition {partition} is not rebuilt, its files are left as they were: {loss}");
            Err(Failure::fatal(Kind::Data, what)
                .advice("to count what the log still has, run it with --accept-loss; the old files are kept aside"))
        }
        Some(loss) => {
            output::tell(&format_args!("loss accepted: {loss}"));
            Ok(())
        }
        None => Ok(()),
    }
}

fn parse(file: &PartitionFile) -> Result<Checkpoint, Failure> {
    format::parse(&file.name, &file.bytes)
}

/// Whether the current file is of a rebuild that has not come as far as the old file yet. Where that cannot be told it
/// is not: then the rebuild is refused for the file aside, and nothing is lost.
fn is_unfinished(current: &Result<Checkpoint, Failure>, aside: &Result<Checkpoint, Failure>) -> bool {
    let (Ok(current), Ok(aside)) = (current, aside) else { return false };
    current.identity == aside.identity && current.state.next_offset < aside.state.next_offset
}

/// What counting anew would lose of the records that the old file counted, if it would or if that cannot be ruled out.
fn loss(old: &Result<Checkpoint, Failure>, log: &dyn RecordLog, partition: u32) -> Result<Option<String>, Failure> {
    let name = log.name();
    let Some(topic) = log.topic()? else {
        let what = format!("there is no {name}: nothing could be counted anew");
        return Err(Failure::fatal(Kind::Data, what).advice("check log.kind and log.topic"));
    };
    if let Ok(old) = old
        && old.identity.log_id == topic.log_id
        && old.identity.partitions != topic.partitions
    {
        // Counted anew, each partition would be right for itself, and a station that moved would be in two of them.
        let (before, now) = (old.identity.partitions, topic.partitions);
        let what = format!(
            "partition {partition} is not rebuilt, its files are left as they were: {name} had {before} partitions when it was \
             counted and has {now} now, so stations have moved"
        );
        return Err(Failure::fatal(Kind::Settings, what).advice(topic::PARTITIONS_ADDED));
    }
    let Extent { start, end } = log.extent(partition)?;
    Ok(match old {
        Ok(Checkpoint { identity, .. }) if identity.log_id != topic.log_id => {
            let (counted, found) = (&identity.log_id, topic.log_id);
            Some(format!("it counted another log: its id is {counted}, that of {name} is {found}"))
        }
        Ok(Checkpoint { state, .. }) if start > state.first_offset => {
            Some(format!("it counted from offset {}, {name} now starts at {start}", state.first_offset))
        }
        Ok(Checkpoint { state, .. }) if end < state.next_offset => {
            Some(format!("it counted up to offset {}, {name} now ends at {end}", state.next_offset))
        }
        Ok(_) => None,
        // Which records the file counted is not known, but a log that still has its first record has lost none.
        Err(_) if start == 0 => None,
        Err(Failure { what, .. }) => Some(format!(
            "it cannot be read, and {name} starts at offset {start}, so that it may have counted more ({what})"
        )),
    })
}

#[cfg(test)]
#[path = "rebuild_tests.rs"]
mod tests;
