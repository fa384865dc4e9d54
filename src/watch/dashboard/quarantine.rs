//! The newest rejected records of a partition, decoded as far as they go.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use parking_lot::Mutex;
use serde::Deserialize;

use crate::domain::wire::BorrowedReport;
use crate::partition::StateFiles;
use crate::watch::wire::Rejected;

/// Records that are shown of a partition.
const SHOWN_MAX: usize = 3;
/// Bytes at the end of the file that are read: no fewer lines than are shown lie in them.
const TAIL_BYTES: u64 = 16 << 10;
/// Where each look is a request that costs, least time between two at a partition.
const ASK_AGAIN: Duration = Duration::from_secs(10);
/// Characters that are shown of a text.
const TEXT_MAX: usize = 255;

/// Reads the end of a partition's file of rejected records, once for each change of it.
#[derive(Default)]
pub struct Quarantine(Mutex<BTreeMap<u32, Seen>>);

#[derive(Default)]
struct Seen {
    asked_at: Option<Instant>,
    /// As many as were rejected when the newest were read.
    bytes: Option<u64>,
    newest: Vec<Rejected>,
}

impl Quarantine {
    /// The newest rejected records of a partition, as they were read last.
    pub fn newest(&self, partition: u32) -> Vec<Rejected> {
        self.0.lock().get(&partition).map(|seen| seen.newest.clone()).unwrap_or_default()
    }

    /// Reads the end of a partition's file. Where the file cannot be read, the records stay that were read last.
    pub fn read(&self, state: &StateFiles, partition: u32) {
        let now = Instant::now();
        let known = {
            let mut all = self.0.lock();
            let seen = all.entry(partition).or_default();
            if state.is_remote() && seen.asked_at.is_some_and(|at| now - at < ASK_AGAIN) {
                return;
            }
            seen.asked_at = Some(now);
            seen.bytes
        };
        // Lines are only ever added.
        if let Some((bytes, tail)) = state.rejected_tail(partition, known, TAIL_BYTES) {
            let seen = Seen { asked_at: Some(now), bytes: Some(bytes), newest: decode(&tail) };
            self.0.lock().insert(partition, seen);
        }
    }
}

/// What is read of a line of the file.
#[derive(Deserialize)]
struct RejectedLine {
    offset: u64,
    reason: String,
    detail: Option<String>,
    key: Option<String>,
    value_bytes: Option<u64>,
    value: Option<String>,
}

/// The last whole lines, newest first. Half a line, at either end, is passed over.
fn decode(tail: &[u8]) -> Vec<Rejected> {
    let whole = tail.split_inclusive(|&byte| byte == b'\n').filter(|line| line.ends_with(b"\n"));
    let lines: Vec<RejectedLine> = whole.filter_map(|line| serde_json::from_slice(line).ok()).collect();
    lines.into_iter().rev().take(SHOWN_MAX).map(rejected).collect()
}

fn rejected(line: RejectedLine) -> Rejected {
    let bytes = |text: Option<String>| text.and_then(|text| BASE64.decode(text).ok());
    let value = bytes(line.value);
    let report = value.as_deref().and_then(BorrowedReport::decode);
    Rejected {
        offset: line.offset,
        reason: line.detail.map_or(line.reason.clone(), |detail| format!("{}: {detail}", line.reason)),
        station: report.map(|report| short(report.station_id)),
        date: report.map(|report| short(report.date)),
        degrees: report.map(|report| report.degrees).filter(|degrees| degrees.is_finite()),
        key: bytes(line.key).map(|key| short(&String::from_utf8_lossy(&key))),
        value_bytes: line.value_bytes,
    }
}

fn short(text: &str) -> String {
    text.chars().take(TEXT_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Day, PartitionState, Reading, Rules};
    use crate::log::test_log::{TestLog, reading};
    use crate::partition::rejected_path;

    fn lines() -> Vec<u8> {
        let same_day = reading("A", "2000-01-01", 3.5);
        let bad = reading("B", "no day", f64::NAN);
        let mut state = PartitionState::new(Rules::default(), 0);
        state.apply(&TestLog::new(vec![same_day.clone(), bad, same_day]).batch());
        state.pending_rejected
    }

    #[test]
    fn they_are_decoded_newest_first() {
        let decoded = decode(&lines());
        assert_eq!(decoded.len(), 2);
        let newest = &decoded[0];
        assert_eq!((newest.offset, newest.reason.as_str()), (2, "duplicate_day"));
        assert_eq!((newest.station.as_deref(), newest.date.as_deref()), (Some("A"), Some("2000-01-01")));
        assert_eq!((newest.degrees, newest.key.as_deref()), (Some(3.5), Some("A")));
        assert_eq!((decoded[1].reason.as_str(), decoded[1].degrees), ("bad_date", None));
        let reading = Reading { station_id: "A", day: Day::parse("2000-01-01").expect("a day"), degrees: 3.5 };
        let mut value = Vec::new();
        reading.encode(&mut value);
        assert_eq!(newest.value_bytes, Some(value.len() as u64));
    }

    #[test]
    fn half_a_line_at_either_end_is_passed_over() {
        let lines = lines();
        assert_eq!(decode(&lines[10..lines.len()]).len(), 1);
        assert_eq!(decode(&lines[..lines.len() - 1])[0].offset, 1);
        assert!(decode(b"not JSON\n\xff\n").is_empty());
    }

    #[test]
    fn the_end_of_a_large_file_is_read_and_a_missing_one_has_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let quarantine = Quarantine::default();
        quarantine.read(&StateFiles::Folder(folder.path().to_owned()), 0);
        assert!(quarantine.newest(0).is_empty());
        let lines = lines();
        for copies in [1, 1000] {
            std::fs::write(rejected_path(folder.path(), 0), lines.repeat(copies)).expect("it is written");
            quarantine.read(&StateFiles::Folder(folder.path().to_owned()), 0);
            let newest = quarantine.newest(0);
            let offsets: Vec<_> = newest.iter().map(|one| one.offset).collect();
            assert_eq!(offsets, [2, 1, 2][..SHOWN_MAX.min(2 * copies)]);
        }
    }
}
