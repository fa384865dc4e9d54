//! `isotherm audit`: does a partition's file say what the log says? It changes nothing, takes no lock, and needs no quiet:
//! it reads one committed file and the log up to that file's offset. With `--source`: does the log say what the files of the
//! source say?

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::arguments::{self, SettingsArguments};
use super::twins::Twins;
use super::waiting::patient_log;
use super::{Outcome, exit_code, output};
use crate::failure::Kind;
use crate::log::RangePace;
use crate::pipeline::state_files;
use crate::retold::audit::Audited;
use crate::retold::source_audit::audit_source;
use crate::source::disk::MachineDisk;

const EXAMPLES: &str = "\
Examples:
  isotherm audit --settings settings/demo.toml
  isotherm audit 0 2 --json
  isotherm audit --source --settings settings/demo.toml

Results: verified (exit code 0); the file is wrong, with the differences (1); the log is incomplete, with what could not
be verified (65). Of several partitions the worst decides. It works while a processor runs.

With --source the files of the source are compared with the log: of each day of each file the log's last reading is to be
the file's, and no reading is to be there more often than the files have it. Earlier values, and days and stations that no
file has, are listed and not wrong.";

/// Compare partition files with a replay of the log
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Partitions to audit; else all that have a file
    #[arg(value_name = "PARTITION")]
    partitions: Vec<u32>,
    #[command(flatten)]
    settings: SettingsArguments,
    /// Compare the files of the source with the log
    #[arg(long, conflicts_with = "partitions")]
    source: bool,
    /// The results as one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let settings = arguments.settings.start()?;
    if arguments.source {
        let found = audit_source(&patient_log(&settings)?, &settings, &MachineDisk::default())?;
        if arguments.json {
            output::print_json(&json!({ "result": found.result(), "source": found }))?;
        } else {
            output::print(&format!("source: {}\n", found.text()))?;
        }
        return Ok(ExitCode::from(found.result().exit_code()));
    }
    let state = state_files(&settings.state)?;
    let partitions = match arguments.partitions[..] {
        [] => state.numbers()?,
        _ => arguments::partitions(&arguments.partitions, &settings)?,
    };
    let log = patient_log(&settings)?;
    let mut all = Vec::new();
    for &partition in &partitions {
        let audited = Audited::now(&log, &RangePace::default(), &settings.log.topic, &state, partition);
        if !arguments.json {
            output::print(&format!("partition {partition}: {}\n", audited.text()))?;
        }
        all.push(audited);
    }
    if arguments.json {
        output::print_json(&json!({ "partitions": all }))?;
    }
    Twins::of(&state, &partitions).tell();
    let worst = all.iter().max_by_key(|audited| audited.badness());
    Ok(worst.map_or(exit_code(Kind::Data), |worst| ExitCode::from(worst.exit_code())))
}
