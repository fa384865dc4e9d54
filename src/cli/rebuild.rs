//! `isotherm rebuild`: counts one partition anew from the log.

use clap::Args;

use super::arguments::{self, SettingsArguments};
use super::waiting::patient_log;
use super::{Outcome, output, summary};
use crate::durable::{Lock, RealDisk};
use crate::failure::{Failure, Kind};
use crate::log::{Extent, RecordLog, topic};
use crate::partition::format::{self, Checkpoint};
use crate::partition::{PartitionFile, maintenance};
use crate::pipeline::{End, Job};
use crate::settings::Settings;

const EXAMPLES: &str = "\
Examples:
  isotherm rebuild 2
  isotherm rebuild 2 --settings settings/kafka.toml --set quality.degrees_max=60
  isotherm rebuild 2 --accept-loss

The old files stay beside the new ones as partition-2.json.before-rebuild and partition-2.rejected.jsonl.before-rebuild.
No other process may be counting the partition. If it is interrupted, run it again: it goes on.";

/// Count one partition anew from the log
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Partition to count anew
    partition: u32,
    /// Do it even if the log no longer has all that the old file counted
    #[arg(long)]
    accept_loss: bool,
    #[command(flatten)]
    settings: SettingsArguments,
    /// The summary as one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let settings = arguments.settings.start()?;
    let partitions = arguments::partitions(&[arguments.partition], &settings)?;
    begin(arguments, &settings)?;
    let job = Job { ingest: false, partitions, end: End::WhenCaughtUp, accept_gap: false };
    summary::run(job, &settings, arguments.json, None)
}

/// Moves the old file out of the way, unless an interrupted rebuild already did.
fn begin(arguments: &Arguments, settings: &Settings) -> Result<(), Failure> {
    let (folder, partition) = (settings.state.dir.as_path(), arguments.partition);
    let lock = Lock::partition(&RealDisk, folder, partition)?;
    // A log that is away is waited for before anything is touched.
    let log = patient_log(settings)?;
    let current = PartitionFile::read(folder, partition)?;
    // The old file, if a rebuild has moved it aside.
    let aside = PartitionFile::read_path(folder.join(format!("partition-{partition}.json.before-rebuild")))?;
    if let (Some(current), Some(aside)) = (&current, &aside)
        && is_unfinished(&parse(current), &parse(aside))
    {
        output::tell(&format_args!(
            "partition {partition} is being rebuilt already; going on (to start from the beginning, move {} away)",
            aside.path.display()
        ));
        return Ok(());
    }
    // The file aside is the old one if the rebuild was interrupted before anything was committed.
    if let Some(old) = current.as_ref().or(aside.as_ref()) {
        match loss(&parse(old), &log, partition)? {
            Some(loss) if !arguments.accept_loss => {
                let what = format!("partition {partition} is not rebuilt, its files are left as they were: {loss}");
                return Err(Failure::fatal(Kind::Data, what).advice(
                    "to count what the log still has, run it with --accept-loss; the old files are kept aside",
                ));
            }
            Some(loss) => output::tell(&format_args!("loss accepted: {loss}")),
            None => {}
        }
    }
    if current.is_none() && aside.is_some() {
        output::tell(&format_args!("going on with the rebuild of partition {partition} that was interrupted"));
        return Ok(());
    }
    maintenance::begin_rebuild(&RealDisk, folder, partition, &lock)
}

fn parse(file: &PartitionFile) -> Result<Checkpoint, Failure> {
    format::parse(&file.path.display().to_string(), &file.bytes)
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
