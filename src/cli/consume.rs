//! `isotherm consume`: counting alone.

use clap::Args;

use super::arguments::{self, SettingsArguments, WatchArguments};
use super::{Outcome, summary};
use crate::pipeline::{End, Job};

const EXAMPLES: &str = "\
Examples:
  isotherm consume --settings settings/kafka.toml
  isotherm consume 0 2 --settings settings/kafka.toml
  isotherm consume --until-caught-up --json
  isotherm consume 1 --accept-gap

Several processes may share the partitions of a topic and one state folder; each partition is counted by one of them.";

/// Count the readings of partitions of the log
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Partitions to count; else those of consume.partitions
    #[arg(value_name = "PARTITION")]
    partitions: Vec<u32>,
    /// End at the log's ends as they are at the start, instead of at SIGINT or SIGTERM
    #[arg(long)]
    until_caught_up: bool,
    /// Go on where the log has lost records that were not counted yet, and note the gap in the file
    #[arg(long)]
    accept_gap: bool,
    #[command(flatten)]
    settings: SettingsArguments,
    #[command(flatten)]
    watch: WatchArguments,
    /// The summary as one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let settings = arguments.watch.applied(arguments.settings.start()?);
    let partitions = arguments::partitions(&arguments.partitions, &settings)?;
    let end = if arguments.until_caught_up { End::WhenCaughtUp } else { End::AtSignal };
    let job = Job { ingest: false, partitions, end, accept_gap: arguments.accept_gap };
    summary::run(job, &settings, arguments.json, Some(&arguments.watch))
}
