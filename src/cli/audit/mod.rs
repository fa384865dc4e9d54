//! `isotherm audit`: does a partition's file say what the log says? Replays what the file counted with other code than
//! the processor's, and compares. It changes nothing, takes no lock, and needs no quiet: it reads one committed file and
//! the log up to that file's offset.

mod compare;
mod differences;
mod model;
mod rejected;
mod replay;

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::arguments::{self, SettingsArguments};
use super::{Outcome, exit_code, output, partition_files};
use crate::domain::RejectReason;
use crate::faults::{Failure, Kind};
use crate::log;
use differences::Differences;

const EXAMPLES: &str = "\
Examples:
  isotherm audit --settings settings/demo.toml
  isotherm audit 0 2 --json

Results: verified (exit code 0); the file is wrong, with the differences (1); the log is incomplete, with what could not
be verified (65). Of several partitions the worst decides. It works while a processor runs.";

/// Differences make a wrong file.
const WRONG: u8 = 1;

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

/// What an audit of one partition found; a later one is worse.
#[derive(Debug, PartialEq, Serialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Finding {
    Verified(Verified),
    LogIncomplete { why: String },
    NotAudited { why: String },
    FileWrong { why: String, differences: Differences },
}

/// What was verified.
#[derive(Debug, PartialEq, Serialize)]
pub struct Verified {
    pub first_offset: u64,
    pub offset: u64,
    pub records: u64,
    pub counted: u64,
    pub rejected: BTreeMap<RejectReason, u64>,
    pub rejected_lines: u64,
    pub stations: usize,
}

#[derive(Debug, Serialize)]
struct Audited {
    partition: u32,
    #[serde(flatten)]
    finding: Finding,
    #[serde(skip)]
    exit_code: u8,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let settings = arguments.settings.start()?;
    let partitions = match arguments.partitions[..] {
        [] => partition_files::numbers(&settings.state.dir)?,
        _ => arguments::partitions(&arguments.partitions, &settings)?,
    };
    let log = log::open(&settings.log, &settings.state.dir)?;
    let mut all = Vec::new();
    for partition in partitions {
        let (finding, exit_code) = match replay::audit(log.as_ref(), &settings, partition) {
            Ok(finding @ Finding::Verified(_)) => (finding, 0),
            Ok(finding @ Finding::FileWrong { .. }) => (finding, WRONG),
            Ok(finding) => (finding, Kind::Data.exit_code()),
            Err(failure) => (Finding::NotAudited { why: failure.to_string() }, failure.kind.exit_code()),
        };
        let audited = Audited { partition, finding, exit_code };
        if !arguments.json {
            output::print(&text(&audited))?;
        }
        all.push(audited);
    }
    if arguments.json {
        output::print_json(&json!({ "partitions": all }))?;
    }
    let worst = all.iter().max_by_key(|audited| audited.finding.badness());
    Ok(worst.map_or(exit_code(Kind::Data), |audited| ExitCode::from(audited.exit_code)))
}

impl Finding {
    fn badness(&self) -> u8 {
        match self {
            Self::Verified(_) => 0,
            Self::LogIncomplete { .. } => 1,
            Self::NotAudited { .. } => 2,
            Self::FileWrong { .. } => 3,
        }
    }

    /// A file that nothing can be compared with.
    fn refused(failure: &Failure) -> Self {
        Self::FileWrong { why: failure.to_string(), differences: Differences::default() }
    }
}

fn text(audited: &Audited) -> String {
    let partition = audited.partition;
    match &audited.finding {
        Finding::Verified(verified) => format!(
            "partition {partition}: verified, {} records from offset {} to {}: {} counted of {} stations, {} rejected, \
             {} lines of rejected records\n",
            verified.records,
            verified.first_offset,
            verified.offset,
            verified.counted,
            verified.stations,
            verified.rejected.values().sum::<u64>(),
            verified.rejected_lines,
        ),
        Finding::LogIncomplete { why } => format!("partition {partition}: LOG INCOMPLETE, {why}\n"),
        Finding::NotAudited { why } => format!("partition {partition}: NOT AUDITED, {why}\n"),
        Finding::FileWrong { why, differences } => {
            let mut text = format!("partition {partition}: FILE WRONG, {why}\n");
            for one in &differences.listed {
                text.push_str(&format!("  {}: file {}, replay {}\n", one.what, one.file, one.replay));
            }
            let further = differences.total - differences.listed.len() as u64;
            if further > 0 {
                text.push_str(&format!("  and {further} more\n"));
            }
            text
        }
    }
}
