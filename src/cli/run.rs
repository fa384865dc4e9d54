//! `isotherm run`: everything in one process.

use std::path::PathBuf;

use clap::Args;

use super::arguments::{self, SettingsArguments, WatchArguments};
use super::{Outcome, summary};
use crate::pipeline::{End, Job};

const EXAMPLES: &str = "\
Examples:
  isotherm run settings/demo.toml
  isotherm run settings/demo.toml --open
  isotherm run settings/kafka.toml --set consume.partitions=[0,2]
  isotherm run --set source.simulate.days=366 --set source.simulate.pace_ms=0 --json

It ends when everything of a finite source is counted and committed, else at SIGINT or SIGTERM, which both let it finish
what it began; a second one ends it at once. Run again, it goes on from there.";

/// Produce and count in one process
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Settings file, as by --settings
    #[arg(conflicts_with = "settings")]
    file: Option<PathBuf>,
    #[command(flatten)]
    settings: SettingsArguments,
    #[command(flatten)]
    watch: WatchArguments,
    /// The summary as one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let file = arguments.file.clone().or_else(|| arguments.settings.settings.clone());
    let settings = SettingsArguments { settings: file, sets: arguments.settings.sets.clone() }.start()?;
    let settings = arguments.watch.applied(settings);
    let partitions = arguments::partitions(&[], &settings)?;
    let job = Job { ingest: true, partitions, end: End::WhenSourceEnds, anew: None, accept_gap: false };
    summary::run(job, &settings, arguments.json, Some(&arguments.watch))
}
