//! One partition audited as its files are now, and the result in words.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::Serialize;

use super::{Files, Finding, Repeats, Verified, Wrong, audit, repeats};
use crate::failure::{Failure, Kind};
use crate::log::{RangePace, RecordLog};
use crate::partition::{self, PartitionFile};
use crate::settings::Settings;

/// Exit code where differences make a wrong file.
const WRONG: u8 = 1;

/// A partition, and what came of auditing it.
#[derive(Debug, Serialize)]
pub struct Audited {
    pub partition: u32,
    #[serde(flatten)]
    pub result: AuditFinding,
}

/// What an audit found, or why there was none.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum AuditFinding {
    Found(Finding),
    NotAudited {
        /// Always `not_audited`.
        result: &'static str,
        why: String,
        #[serde(skip)]
        exit_code: u8,
    },
}

impl Audited {
    /// Audits a partition's files as they are now.
    pub fn now(log: &dyn RecordLog, pace: &RangePace, settings: &Settings, partition: u32) -> Self {
        let result = match one(log, pace, settings, partition) {
            Ok(finding) => AuditFinding::Found(finding),
            Err(failure) => AuditFinding::NotAudited {
                result: "not_audited",
                why: failure.to_string(),
                exit_code: failure.kind.exit_code(),
            },
        };
        Self { partition, result }
    }

    /// Of the days that came more than once, where the file was verified.
    pub fn repeats(&self) -> Option<&Repeats> {
        match &self.result {
            AuditFinding::Found(Finding::Verified(Verified { repeats, repeats_unknown: None, .. })) => Some(repeats),
            _ => None,
        }
    }

    /// What is worse is greater.
    pub fn badness(&self) -> u8 {
        self.grade().0
    }

    /// The result's name, as in JSON.
    pub fn name(&self) -> &'static str {
        self.grade().1
    }

    pub fn exit_code(&self) -> u8 {
        self.grade().2
    }

    /// Badness, name and exit code.
    fn grade(&self) -> (u8, &'static str, u8) {
        match self.result {
            AuditFinding::Found(Finding::Verified(_)) => (0, "verified", 0),
            AuditFinding::Found(Finding::LogIncomplete { .. }) => (1, "log_incomplete", Kind::Data.exit_code()),
            AuditFinding::NotAudited { result, exit_code, .. } => (2, result, exit_code),
            AuditFinding::Found(Finding::FileWrong(_)) => (3, "file_wrong", WRONG),
        }
    }

    /// In words; a line for each difference that is listed.
    pub fn text(&self) -> String {
        match &self.result {
            AuditFinding::Found(Finding::Verified(verified)) => format!(
                "verified, {} records from offset {} to {}: {} counted of {} stations, {} rejected, \
                 {} lines of rejected records{}",
                verified.records,
                verified.first_offset,
                verified.offset,
                verified.counted,
                verified.stations,
                verified.rejected.values().sum::<u64>(),
                verified.rejected_lines,
                match &verified.repeats_unknown {
                    None => verified.repeats.text(),
                    Some(why) => format!("; what days that came once more said is not known: {why}"),
                },
            ),
            AuditFinding::Found(Finding::LogIncomplete { why }) => format!("LOG INCOMPLETE, {why}"),
            AuditFinding::NotAudited { why, .. } => format!("NOT AUDITED, {why}"),
            AuditFinding::Found(Finding::FileWrong(Wrong { why, differences, .. })) => {
                let mut text = format!("FILE WRONG, {why}");
                for one in &differences.listed {
                    text.push_str(&format!("\n  {}: file {}, replay {}", one.what, one.file, one.replay));
                }
                let further = differences.total - differences.listed.len() as u64;
                if further > 0 {
                    text.push_str(&format!("\n  and {further} more"));
                }
                text
            }
        }
    }
}

fn one(log: &dyn RecordLog, pace: &RangePace, settings: &Settings, partition: u32) -> Result<Finding, Failure> {
    let folder = &settings.state.dir;
    let Some(file) = PartitionFile::read(folder, partition)? else {
        return Err(Failure::fatal(
            Kind::Data,
            format!("there is no partition-{partition}.json in {}", folder.display()),
        )
        .advice("check state.dir; a partition has a file once something of it is committed"));
    };
    let rejected_path = partition::rejected_path(folder, partition);
    let rejected = open(&rejected_path)?;
    let checkpoint = match file.parse(partition) {
        Ok(checkpoint) => checkpoint,
        Err(failure) => return Ok(Finding::FileWrong(Wrong::refused(&failure))),
    };
    let (path, bytes, rejected_path) = (&file.path, &file.bytes, &rejected_path);
    let files = Files { path, bytes, checkpoint: &checkpoint, rejected_path, rejected };
    let mut finding = audit(log, pace, &settings.log.topic, files)?;
    if let Finding::Verified(verified) = &mut finding {
        match repeats::look_up(log, pace, &checkpoint, &verified.repeated) {
            Ok(repeats) => verified.repeats = repeats,
            // The file is right, also where the log has lost records since.
            Err(failure) => verified.repeats_unknown = Some(failure.to_string()),
        }
    }
    Ok(finding)
}

fn open(rejected: &Path) -> Result<Box<dyn Read>, Failure> {
    match File::open(rejected) {
        Ok(file) => Ok(Box::new(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Box::new(io::empty())),
        Err(error) => Err(Failure::io("cannot open", rejected, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::PartitionState;
    use crate::log::test_log::{TestLog, reading};
    use crate::partition::{Identity, format, partition_path};
    use crate::settings::{Sources, load};

    #[test]
    fn a_missing_file_is_a_failure_and_a_damaged_one_is_wrong() {
        let log = TestLog::new(vec![reading("A", "2000-01-01", -3.5)]);
        let folder = tempfile::tempdir().expect("a folder");
        let sources = Sources { file: None, sets: vec![format!("state.dir={}", folder.path().display())] };
        let settings = load(&sources, std::iter::empty()).expect("the settings are good").settings;
        assert_eq!(one(&log, &RangePace::default(), &settings, 0).expect_err("there is no file").kind, Kind::Data);

        let (topic, log_id) = ("temperatures".to_owned(), "id".to_owned());
        let identity = Identity { topic, log_id, partition: 0, partitions: 1 };
        let mut state = PartitionState::new(settings.rules(), 0);
        state.apply(&log.batch());
        let bytes = format::serialize(format::VERSION, &identity, &state);
        let path = partition_path(folder.path(), 0);
        std::fs::write(&path, &bytes).expect("written");
        assert!(matches!(one(&log, &RangePace::default(), &settings, 0), Ok(Finding::Verified(_))));
        let text = String::from_utf8(bytes).expect("JSON is text");
        std::fs::write(&path, text.replace("-3.5", "-3.6")).expect("written");
        assert!(
            matches!(one(&log, &RangePace::default(), &settings, 0), Ok(Finding::FileWrong(_))),
            "its checksum is wrong"
        );
    }
}
