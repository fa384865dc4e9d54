//! `isotherm audit`: does a partition's file say what the log says? It changes nothing, takes no lock, and needs no quiet:
//! it reads one committed file and the log up to that file's offset.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::arguments::{self, SettingsArguments};
use super::waiting::patient_log;
use super::{Outcome, exit_code, output};
use crate::failure::Kind;
use crate::log::RangePace;
use crate::partition;
use crate::retold::audit::Audited;

const EXAMPLES: &str = "\
Examples:
  isotherm audit --settings settings/demo.toml
  isotherm audit 0 2 --json

Results: verified (exit code 0); the file is wrong, with the differences (1); the log is incomplete, with what could not
be verified (65). Of several partitions the worst decides. It works while a processor runs.";

/// Compare partition files with a replay of the log
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Partitions to audit; else all that have a file
    #[arg(value_name = "PARTITION")]
    partitions: Vec<u32>,
    #[command(flatten)]
    settings: SettingsArguments,
    /// The results as one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let settings = arguments.settings.start()?;
    let partitions = match arguments.partitions[..] {
        [] => partition::partition_numbers(&settings.state.dir)?,
        _ => arguments::partitions(&arguments.partitions, &settings)?,
    };
    let log = patient_log(&settings)?;
    let mut all = Vec::new();
    for partition in partitions {
        let audited = Audited::now(&log, &RangePace::default(), &settings, partition);
        if !arguments.json {
            output::print(&format!("partition {partition}: {}\n", audited.text()))?;
        }
        all.push(audited);
    }
    if arguments.json {
        output::print_json(&json!({ "partitions": all }))?;
    }
    let worst = all.iter().max_by_key(|audited| audited.badness());
    Ok(worst.map_or(exit_code(Kind::Data), |worst| ExitCode::from(worst.exit_code())))
}
