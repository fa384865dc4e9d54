//! One partition audited as its files are now, and the result in words.

use serde::Serialize;

use super::{Files, Finding, Repeats, Verified, Wrong, audit, repeats};
use crate::failure::{Failure, Kind};
use crate::log::{RangePace, RecordLog};
use crate::partition::{StateFiles, WithRejected};

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
    /// Audits a partition's files as they are now; `topic` is the one that they are to be of.
    pub fn now(log: &dyn RecordLog, pace: &RangePace, topic: &str, state: &StateFiles, partition: u32) -> Self {
        let result = match one(log, pace, topic, state, partition) {
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

fn one(
    log: &dyn RecordLog,
    pace: &RangePace,
    topic: &str,
    state: &StateFiles,
    partition: u32,
) -> Result<Finding, Failure> {
    let Some(WithRejected { file, checkpoint, rejected_name, rejected }) = state.read_with_rejected(partition)? else {
        let what = format!("there is no partition-{partition}.json in {}", state.name());
        let advice = format!("check {}; a partition has a file once something of it is committed", state.setting());
        return Err(Failure::fatal(Kind::Data, what).advice(advice));
    };
    let checkpoint = match checkpoint {
        Ok(checkpoint) => checkpoint,
        Err(failure) => return Ok(Finding::FileWrong(Wrong::refused(&failure))),
    };
    let (name, bytes, rejected_name) = (&file.name, &file.bytes, &rejected_name);
    let files = Files { name, bytes, checkpoint: &checkpoint, rejected_name, rejected };
    let mut finding = audit(log, pace, topic, files)?;
    if let Finding::Verified(verified) = &mut finding {
        match repeats::look_up(log, pace, &checkpoint, &verified.repeated) {
            Ok(repeats) => verified.repeats = repeats,
            // The file is right, also where the log has lost records since.
            Err(failure) => verified.repeats_unknown = Some(failure.to_string()),
        }
    }
    Ok(finding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{PartitionState, Rules};
    use crate::log::test_log::{TestLog, reading};
    use crate::partition::{Identity, format, partition_path};

    #[test]
    fn a_missing_file_is_a_failure_and_a_damaged_one_is_wrong() {
        let log = TestLog::new(vec![reading("A", "2000-01-01", -3.5)]);
        let folder = tempfile::tempdir().expect("a folder");
        let files = StateFiles::Folder(folder.path().to_owned());
        assert_eq!(
            one(&log, &RangePace::default(), "temperatures", &files, 0).expect_err("there is no file").kind,
            Kind::Data
        );

        let (topic, log_id) = ("temperatures".to_owned(), "id".to_owned());
        let identity = Identity { topic, log_id, partition: 0, partitions: 1 };
        let mut state = PartitionState::new(Rules::default(), 0);
        state.apply(&log.batch());
        let bytes = format::serialize(format::VERSION, &identity, &state);
        let path = partition_path(folder.path(), 0);
        std::fs::write(&path, &bytes).expect("written");
        assert!(matches!(one(&log, &RangePace::default(), "temperatures", &files, 0), Ok(Finding::Verified(_))));
        let text = String::from_utf8(bytes).expect("JSON is text");
        std::fs::write(&path, text.replace("-3.5", "-3.6")).expect("written");
        assert!(
            matches!(one(&log, &RangePace::default(), "temperatures", &files, 0), Ok(Finding::FileWrong(_))),
            "its checksum is wrong"
        );
    }
}
