//! `isotherm store copy`: the states of all partitions, from one place to another.

use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::arguments::SettingsArguments;
use super::rebuild::{LOOKS, refuse_beside_group, still};
use super::waiting::patient_log;
use super::{Outcome, output};
use crate::durable::replace::replace;
use crate::durable::{Lock, RealDisk};
use crate::failure::{Failure, Kind};
use crate::log::RangePace;
use crate::partition::{StateFiles, WithRejected, object_maintenance, partition_path, rejected_path};
use crate::pipeline::state_files;
use crate::retold::audit::Audited;
use crate::settings::{Settings, State};

const EXAMPLES: &str = "\
Examples:
  isotherm store copy isotherm-data/state s3://bucket/prefix --settings settings/kafka.toml
  isotherm store copy s3://bucket/prefix state-of-one-machine --settings settings/kafka.toml

What is copied is audited against the log of the settings. Nobody may count in either place: a folder is locked meanwhile, and an
object store is watched for three commit intervals first. At the other place there must be no state, or the same one. The cursor of
a source (source.json) is not copied: a producer goes on in its folder.";

/// Copy the partitions' states between a folder and an object store
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// A state folder, or s3://bucket/prefix
    from: String,
    /// A state folder, or s3://bucket/prefix
    to: String,
    /// Do it without watching an object store for three commit intervals
    #[arg(long)]
    accept_risk: bool,
    #[command(flatten)]
    settings: SettingsArguments,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let settings = arguments.settings.start()?;
    let (from, to) = (place(&arguments.from, &settings)?, place(&arguments.to, &settings)?);
    if from.name() == to.name() {
        let what = format!("{} would be copied to itself", from.name());
        return Err(Failure::fatal(Kind::Usage, what).advice("name two places"));
    }
    let log = patient_log(&settings)?;
    // First: a group adds states of partitions that had none.
    refuse_beside_group(&log)?;
    let partitions = partitions(&from, &settings)?;
    let _locks =
        [still_place(&from, &partitions, arguments, &settings)?, still_place(&to, &partitions, arguments, &settings)?];
    let mut missing = Vec::new();
    for &partition in &partitions {
        if is_missing(&from, &to, partition)? {
            missing.push(partition);
        }
    }
    for partition in missing {
        copy(&from, &to, partition)?;
    }
    let mut worst = (0, 0);
    for partition in partitions {
        let audited = Audited::now(&log, &RangePace::default(), &settings.log.topic, &to, partition);
        output::print(&format!("partition {partition}: {}\n", audited.text()))?;
        worst = worst.max((audited.badness(), audited.exit_code()));
    }
    Ok(ExitCode::from(worst.1))
}

fn place(text: &str, settings: &Settings) -> Result<StateFiles, Failure> {
    let is_store = text.contains("://");
    let (dir, url) = if is_store { ("", text) } else { (text, "") };
    state_files(&State { dir: dir.into(), url: url.to_owned(), ..settings.state.clone() })
}

/// All that have a file; asked for by name, as a listing may lack some.
fn partitions(from: &StateFiles, settings: &Settings) -> Result<Vec<u32>, Failure> {
    let (listed, count) = (from.numbers()?, settings.log.partitions);
    if let Some(beyond) = listed.iter().find(|&&partition| partition >= count) {
        let what = format!("{} has a partition {beyond}, and log.partitions is {count}", from.name());
        return Err(Failure::fatal(Kind::Settings, what).advice("give the settings of the run"));
    }
    let mut partitions = Vec::new();
    for partition in 0..count {
        if listed.contains(&partition) || from.read(partition)?.is_some() {
            partitions.push(partition);
        }
    }
    Ok(partitions)
}

/// Sees to it that nobody counts these partitions there.
fn still_place(
    place: &StateFiles,
    partitions: &[u32],
    arguments: &Arguments,
    settings: &Settings,
) -> Result<Vec<Lock>, Failure> {
    match place {
        StateFiles::Folder(folder) => {
            partitions.iter().map(|&partition| Lock::partition(&RealDisk, folder, partition)).collect()
        }
        StateFiles::Objects(objects) => {
            let looks = if arguments.accept_risk { 0 } else { LOOKS };
            object_maintenance::watch(&**objects, partitions, looks, still(settings))?;
            Ok(Vec::new())
        }
    }
}

/// Whether a partition is not there yet. Another state there is a failure.
fn is_missing(from: &StateFiles, to: &StateFiles, partition: u32) -> Result<bool, Failure> {
    let (Some(from), Some(to)) = (from.read(partition)?, to.read(partition)?) else { return Ok(true) };
    if from.bytes == to.bytes {
        return Ok(false);
    }
    let what = format!("{} is another state than {}; nothing was copied", to.name, from.name);
    Err(Failure::fatal(Kind::Data, what).advice("move it elsewhere or remove it, then copy again"))
}

fn copy(from: &StateFiles, to: &StateFiles, partition: u32) -> Result<(), Failure> {
    let Some(WithRejected { file, checkpoint, rejected_name, rejected }) = from.read_with_rejected(partition)? else {
        let what = format!("partition {partition} has no file in {} any more", from.name());
        return Err(Failure::fatal(Kind::TryAgain, what).advice("end who works there, and copy again"));
    };
    let rejected_bytes = checkpoint?.state.rejected_bytes;
    let mut lines = Vec::new();
    let read = rejected.take(rejected_bytes).read_to_end(&mut lines);
    read.map_err(|error| Failure::io("cannot read", Path::new(&rejected_name), &error))?;
    if (lines.len() as u64) < rejected_bytes {
        let what = format!("{rejected_name} has {} bytes and should have {rejected_bytes}", lines.len());
        return Err(Failure::fatal(Kind::Data, what).advice(format!("isotherm rebuild {partition} makes it anew")));
    }
    match to {
        StateFiles::Folder(folder) => {
            let epoch = u64::from(std::process::id());
            if !lines.is_empty() {
                replace(&RealDisk, &rejected_path(folder, partition), epoch, &lines)?;
            }
            // Behind the lines that it speaks of.
            replace(&RealDisk, &partition_path(folder, partition), epoch, &file.bytes)
        }
        StateFiles::Objects(objects) => object_maintenance::write_copy(&**objects, partition, &file.bytes, &lines),
    }
}
