//! Rejected records that are only counted.

use std::path::Path;

use tracing::warn;

use super::gauges::Progress;

/// Rejected records have no line, as the partition's file of them is as large as it may be. Said once by a process of each
/// partition; the records are counted.
#[derive(Clone, Debug)]
pub struct RejectedUnkept<'a> {
    pub partition: u32,
    /// That have no line, of the batch that was just applied.
    pub records: u64,
    pub file: &'a Path,
    /// As set.
    pub rejected_bytes_max: u64,
}

impl RejectedUnkept<'_> {
    pub fn emit(&self, progress: &Progress) {
        let before = progress.partition(self.partition).add_rejected_unkept(self.records);
        if before == 0 {
            warn!(
                partition = self.partition,
                file = %self.file.display(),
                quality.rejected_bytes_max = self.rejected_bytes_max,
                "the file of rejected records is full: those that do not fit are only counted"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::logging::capture;

    #[test]
    fn it_is_said_once_of_each_partition_and_counted_always() {
        let progress = Progress::new(&[0, 1]);
        let event = |partition, records| RejectedUnkept {
            partition,
            records,
            file: Path::new("f.jsonl"),
            rejected_bytes_max: 99,
        };
        let logged = capture("info", || {
            for (partition, records) in [(0, 2), (0, 3), (1, 1), (0, 1), (1, 1)] {
                event(partition, records).emit(&progress);
            }
        });
        let lines: Vec<serde_json::Value> =
            logged.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
        let said: Vec<_> = lines.iter().map(|line| (line["level"].as_str(), line["partition"].as_u64())).collect();
        assert_eq!(said, [(Some("WARN"), Some(0)), (Some("WARN"), Some(1))]);
        assert_eq!((&lines[0]["file"], &lines[0]["quality.rejected_bytes_max"]), (&"f.jsonl".into(), &99.into()));
        assert_eq!([0, 1].map(|partition| progress.partition(partition).rejected_unkept()), [6, 2]);
    }
}
