//! `isotherm audit`: does a partition's file say what the log says? It changes nothing, takes no lock, and needs no quiet:
//! it reads one committed file and the log up to that file's offset.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::arguments::{self, SettingsArguments};
use super::partition_files::PartitionFile;
use super::patient_log::PatientLog;
use super::{Outcome, exit_code, output, partition_files};
use crate::audit::{Files, Finding, Wrong, audit};
use crate::checkpoint;
use crate::faults::{Failure, Kind};
use crate::log::{self, RecordLog};
use crate::settings::Settings;

const EXAMPLES: &str = "\
Examples:
  isotherm audit --settings settings/demo.toml
  isotherm audit 0 2 --json

Results: verified (exit code 0); the file is wrong, with the differences (1); the log is incomplete, with what could not
be verified (65). Of several partitions the worst decides. It works while a processor runs.";

/// Differences make a wrong file.
const WRONG: u8 = 1;

/// How long a log that is away is waited for.
const LOG_AWAY_MAX: Duration = Duration::from_secs(60);

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

#[derive(Debug, Serialize)]
struct Audited {
    partition: u32,
    #[serde(flatten)]
    result: AuditResult,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum AuditResult {
    Found(Finding),
    NotAudited {
        /// Always `not_audited`.
        result: &'static str,
        why: String,
        #[serde(skip)]
        exit_code: u8,
    },
}

pub fn run(arguments: &Arguments) -> Outcome {
    let settings = arguments.settings.start()?;
    let partitions = match arguments.partitions[..] {
        [] => partition_files::numbers(&settings.state.dir)?,
        _ => arguments::partitions(&arguments.partitions, &settings)?,
    };
    let log = PatientLog::new(log::open(&settings.log, &settings.state.dir)?, LOG_AWAY_MAX);
    let mut all = Vec::new();
    for partition in partitions {
        let result = match one(&log, &settings, partition) {
            Ok(finding) => AuditResult::Found(finding),
            Err(failure) => AuditResult::NotAudited {
                result: "not_audited",
                why: failure.to_string(),
                exit_code: failure.kind.exit_code(),
            },
        };
        let audited = Audited { partition, result };
        if !arguments.json {
            output::print(&text(&audited))?;
        }
        all.push(audited);
    }
    if arguments.json {
        output::print_json(&json!({ "partitions": all }))?;
    }
    let worst = all.iter().map(|audited| audited.result.badness()).max();
    Ok(worst.map_or(exit_code(Kind::Data), |(_, code)| ExitCode::from(code)))
}

/// Audits a partition's files as they are now.
fn one(log: &dyn RecordLog, settings: &Settings, partition: u32) -> Result<Finding, Failure> {
    let folder = &settings.state.dir;
    let Some(file) = PartitionFile::read(folder, partition)? else {
        return Err(Failure::fatal(
            Kind::Data,
            format!("there is no partition-{partition}.json in {}", folder.display()),
        )
        .advice("check state.dir; a partition has a file once something of it is committed"));
    };
    let rejected_path = checkpoint::rejected_path(folder, partition);
    let rejected = open(&rejected_path)?;
    let checkpoint = match file.parse(partition) {
        Ok(checkpoint) => checkpoint,
        Err(failure) => return Ok(Finding::FileWrong(Wrong::refused(&failure))),
    };
    let (path, bytes, rejected_path) = (&file.path, &file.bytes, &rejected_path);
    audit(log, &settings.log.topic, Files { path, bytes, checkpoint: &checkpoint, rejected_path, rejected })
}

fn open(rejected: &Path) -> Result<Box<dyn Read>, Failure> {
    match File::open(rejected) {
        Ok(file) => Ok(Box::new(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Box::new(io::empty())),
        Err(error) => Err(Failure::io("cannot open", rejected, &error)),
    }
}

impl AuditResult {
    /// What is worse is greater; and its exit code.
    fn badness(&self) -> (u8, u8) {
        match self {
            Self::Found(Finding::Verified(_)) => (0, 0),
            Self::Found(Finding::LogIncomplete { .. }) => (1, Kind::Data.exit_code()),
            Self::NotAudited { exit_code, .. } => (2, *exit_code),
            Self::Found(Finding::FileWrong(_)) => (3, WRONG),
        }
    }
}

fn text(audited: &Audited) -> String {
    let partition = audited.partition;
    match &audited.result {
        AuditResult::Found(Finding::Verified(verified)) => format!(
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
        AuditResult::Found(Finding::LogIncomplete { why }) => format!("partition {partition}: LOG INCOMPLETE, {why}\n"),
        AuditResult::NotAudited { why, .. } => format!("partition {partition}: NOT AUDITED, {why}\n"),
        AuditResult::Found(Finding::FileWrong(Wrong { why, differences, .. })) => {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::{Identity, format, partition_path};
    use crate::domain::PartitionState;
    use crate::log::test_log::{TestLog, reading};
    use crate::settings::{Sources, load};

    #[test]
    fn a_missing_file_is_a_failure_and_a_damaged_one_is_wrong() {
        let log = TestLog::new(vec![reading("A", "2000-01-01", -3.5)]);
        let folder = tempfile::tempdir().expect("a folder");
        let sources = Sources { file: None, sets: vec![format!("state.dir={}", folder.path().display())] };
        let settings = load(&sources, std::iter::empty()).expect("the settings are good").settings;
        assert_eq!(one(&log, &settings, 0).expect_err("there is no file").kind, Kind::Data);

        let (topic, log_id) = ("temperatures".to_owned(), "id".to_owned());
        let identity = Identity { topic, log_id, partition: 0, partitions: 1 };
        let mut state = PartitionState::new(settings.quality, 0);
        state.apply(&log.batch());
        let bytes = format::serialize(&identity, &state);
        let path = partition_path(folder.path(), 0);
        std::fs::write(&path, &bytes).expect("written");
        assert!(matches!(one(&log, &settings, 0), Ok(Finding::Verified(_))));
        let text = String::from_utf8(bytes).expect("JSON is text");
        std::fs::write(&path, text.replace("-3.5", "-3.6")).expect("written");
        assert!(matches!(one(&log, &settings, 0), Ok(Finding::FileWrong(_))), "its checksum is wrong");
    }
}
