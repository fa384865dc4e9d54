//! `isotherm consume`: counting alone.

use clap::Args;

use super::arguments::{self, SettingsArguments, WatchArguments};
use super::{Outcome, summary};
use crate::failure::{Failure, Kind};
use crate::pipeline::{End, Job};
use crate::settings::{Assignment, Settings};

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

/// A group says what is counted, and goes on for ever; and what one member accepts, others would have to.
fn refuse_in_group(arguments: &Arguments, settings: &Settings) -> Result<(), Failure> {
    if settings.consume.assignment == Assignment::Fixed {
        return Ok(());
    }
    for (given, what, advice) in [
        (!arguments.partitions.is_empty(), "partitions are listed", "list none: the group gives them out"),
        (arguments.until_caught_up, "--until-caught-up is given", "end it by a signal, or count with fixed partitions"),
        (
            arguments.accept_gap,
            "--accept-gap is given",
            "accept the gap by one process with consume.assignment = \"fixed\", while no other one runs",
        ),
    ] {
        if given {
            let what = format!("consume.assignment is \"group\", and {what}");
            return Err(Failure::fatal(Kind::Usage, what).advice(advice));
        }
    }
    Ok(())
}

pub fn run(arguments: &Arguments) -> Outcome {
    let settings = arguments.watch.applied(arguments.settings.start()?);
    refuse_in_group(arguments, &settings)?;
    let partitions = arguments::partitions(&arguments.partitions, &settings)?;
    let end = if arguments.until_caught_up { End::WhenCaughtUp } else { End::AtSignal };
    let job = Job { ingest: false, partitions, end, anew: None, accept_gap: arguments.accept_gap };
    summary::run(job, &settings, arguments.json, Some(&arguments.watch))
}
