//! `isotherm produce`: the ingest side alone.

use clap::Args;

use super::arguments::SettingsArguments;
use super::{Outcome, summary};
use crate::pipeline::{End, Job};

const EXAMPLES: &str = "\
Examples:
  isotherm produce --settings settings/kafka.toml
  isotherm produce --set source.simulate.days=1000 --set source.simulate.pace_ms=0
  isotherm produce --settings settings/kafka.toml --set log.on_start=recreate

It creates the topic if there is none, and goes on from where the source was acknowledged last (source.json in
state.dir). log.on_start=recreate deletes the topic with all of its records and moves the state aside first.";

/// Read the source and write its readings to the log
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    settings: SettingsArguments,
    /// The summary as one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let settings = arguments.settings.start()?;
    let job = Job { ingest: true, partitions: Vec::new(), end: End::WhenSourceEnds, anew: None, accept_gap: false };
    summary::run(job, &settings, arguments.json, None)
}
