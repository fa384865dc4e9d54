//! One partition's file in a line.

use std::collections::BTreeMap;

use indicatif::HumanDuration;
use serde::Serialize;

use super::output;
use crate::domain::RejectReason;
use crate::domain::state::Gap;
use crate::partition::format::Checkpoint;
use crate::partition::{PartitionFile, StateFiles};

#[derive(Debug, Serialize)]
pub struct PartitionOverview {
    pub partition: u32,
    pub file: String,
    pub topic: String,
    pub first_offset: u64,
    /// Of the next record to be read.
    pub offset: u64,
    pub stations: usize,
    pub counted: u64,
    pub rejected: BTreeMap<RejectReason, u64>,
    /// Where the rejected records are, if there are any.
    pub rejected_file: Option<String>,
    /// Whether that file has no room for every further one: those that do not fit are only counted.
    pub rejected_file_full: bool,
    pub gaps: Vec<Gap>,
    pub age_seconds: u64,
}

impl PartitionOverview {
    pub fn of(file: &PartitionFile, checkpoint: &Checkpoint, files: &StateFiles) -> Self {
        let (identity, state) = (&checkpoint.identity, &checkpoint.state);
        Self {
            partition: identity.partition,
            file: file.name.clone(),
            topic: identity.topic.clone(),
            first_offset: state.first_offset,
            offset: state.next_offset,
            stations: state.stations.len(),
            counted: state.counted(),
            rejected: state.rejected.clone(),
            rejected_file: (state.rejected_bytes > 0).then(|| files.rejected_name(checkpoint)),
            rejected_file_full: state.rejected_file_is_full(),
            gaps: state.gaps.clone(),
            age_seconds: file.age.as_secs(),
        }
    }

    fn rejected_text(&self) -> String {
        let total: u64 = self.rejected.values().sum();
        if total == 0 {
            return "0".to_owned();
        }
        let reasons: Vec<String> =
            self.rejected.iter().map(|(reason, count)| format!("{} {count}", reason.name())).collect();
        format!("{total} ({})", reasons.join(", "))
    }

    fn row(&self) -> Vec<String> {
        let gaps: u64 = self.gaps.iter().map(|gap| gap.to - gap.from).sum();
        let offset = if gaps == 0 { self.offset.to_string() } else { format!("{} ({gaps} passed over)", self.offset) };
        vec![
            self.partition.to_string(),
            offset,
            self.stations.to_string(),
            self.counted.to_string(),
            self.rejected_text(),
            HumanDuration(std::time::Duration::from_secs(self.age_seconds)).to_string(),
            self.file.clone(),
        ]
    }
}

/// The overviews as a table, then where rejected records are.
pub fn text(overviews: &[PartitionOverview]) -> String {
    let header = ["partition", "offset", "stations", "counted", "rejected", "age", "file"];
    let mut text = output::table(&header, &[0, 1, 2, 3], overviews.iter().map(PartitionOverview::row));
    for (overview, file) in overviews.iter().filter_map(|one| Some((one, one.rejected_file.as_ref()?))) {
        let full = if overview.rejected_file_full { " (full: those that do not fit are only counted)" } else { "" };
        text.push_str(&format!("rejected records of partition {}: {}{full}\n", overview.partition, file));
    }
    text
}
