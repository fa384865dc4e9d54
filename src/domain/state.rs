//! The state of one partition: a pure function of its rules and the records in [first_offset, next_offset).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use compact_str::CompactString;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::batch::{Batch, Record};
use super::digest::Digest;
use super::report::{RecordFormat, Scratch};
use super::rules::{RejectReason, Rules};
use super::stats::StationStats;

/// Bytes of a rejected record's key, and of its value, that are kept.
const REJECTED_PART_BYTES_MAX: usize = 1024;

/// No line of a rejected record is longer: twice a part in base64, and around them names and numbers.
const REJECTED_LINE_BYTES_MAX: u64 = 3 * 1024;

/// The record before `next_offset`, to recognise the log by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LastRecord {
    pub offset: u64,
    /// [`Digest`] of its key and value, as text.
    pub fingerprint: String,
}

/// Offsets that the log no longer had and that were passed over on request: [from, to).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    pub from: u64,
    pub to: u64,
}

/// The stations by name.
///
/// They lie in the order in which they came first, names included: that mostly is the order in which they come again, day by
/// day, so that very many of them are read as the processor likes to read.
pub type Stations = IndexMap<CompactString, StationStats, foldhash::fast::RandomState>;

/// All that a checkpoint holds, owned by one aggregator.
#[derive(Clone, Debug, PartialEq)]
pub struct PartitionState {
    pub rules: Rules,
    pub first_offset: u64,
    /// Offset of the next record to read.
    pub next_offset: u64,
    pub last_record: Option<LastRecord>,
    pub stations: Stations,
    /// Rejected records by reason, none of them zero.
    pub rejected: BTreeMap<RejectReason, u64>,
    /// Length and CRC-32C of the whole file of rejected records once `pending_rejected` is appended to it.
    pub rejected_bytes: u64,
    pub rejected_crc32c: u32,
    pub gaps: Vec<Gap>,
    /// Lines that are not in the file of rejected records yet.
    pub pending_rejected: Vec<u8>,
}

/// A state at one offset, on its way to disk.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Is to replace the old file; no rejected line is pending in it.
    pub state: PartitionState,
    /// Are to be appended to the file of rejected records, before the state replaces the old one.
    pub rejected_lines: Vec<u8>,
}

impl PartitionState {
    /// Nothing read yet; the first record to read is at `first_offset`.
    pub fn new(rules: Rules, first_offset: u64) -> Self {
        Self {
            rules,
            first_offset,
            next_offset: first_offset,
            last_record: None,
            stations: Stations::default(),
            rejected: BTreeMap::new(),
            rejected_bytes: 0,
            rejected_crc32c: 0,
            gaps: Vec::new(),
            pending_rejected: Vec::new(),
        }
    }

    /// Counts or rejects every record of the batch. Records below `next_offset` must not be in it: they were counted before.
    ///
    /// Says how many of the rejected ones have no line, as there is no room for it in the file of rejected records.
    pub fn apply(&mut self, batch: &Batch) -> u64 {
        let (mut expected, mut unkept) = (Expected::default(), 0);
        for record in batch.records() {
            if let Err(reason) = self.count(record, &mut expected) {
                *self.rejected.entry(reason).or_default() += 1;
                unkept += u64::from(!self.keep_rejected(record, reason));
            }
        }
        if let Some(last) = batch.records().next_back() {
            self.last_record = Some(LastRecord { offset: last.offset, fingerprint: Digest::of(last).to_string() });
            self.next_offset = last.offset + 1;
        }
        unkept
    }

    /// The state as it goes on at `to`, behind offsets that the log no longer has: they are written down as a gap.
    #[must_use]
    pub fn behind_the_gap(mut self, to: u64) -> Self {
        self.gaps.push(Gap { from: self.next_offset, to });
        self.next_offset = to;
        self
    }

    /// Notes that nothing is left below `offset` (end of partition, transaction markers, compaction).
    pub fn advance_to(&mut self, offset: u64) {
        self.next_offset = self.next_offset.max(offset);
    }

    fn count(&mut self, record: Record<'_>, expected: &mut Expected) -> Result<(), RejectReason> {
        let reading = self.rules.check(record, &mut expected.scratch)?;
        let next = self.stations.get_index(expected.station).filter(|(name, _)| *name == reading.station_id);
        let found =
            if next.is_some() { Some(expected.station) } else { self.stations.get_index_of(reading.station_id) };
        expected.station = found.unwrap_or(self.stations.len()) + 1;
        if let Some((_, station)) = found.and_then(|index| self.stations.get_index_mut(index)) {
            return if station.add(reading.day, reading.degrees) { Ok(()) } else { Err(RejectReason::DuplicateDay) };
        }
        if self.stations.len() as u64 >= self.rules.stations_max {
            return Err(RejectReason::TooManyStations);
        }
        self.stations.insert(reading.station_id.into(), StationStats::first(reading.day, reading.degrees));
        Ok(())
    }

    /// Keeps the record's line if there is room for it.
    fn keep_rejected(&mut self, record: Record<'_>, reason: RejectReason) -> bool {
        let line = rejected_line(record, reason, self.rules.format);
        let bytes = self.rejected_bytes + line.len() as u64;
        let fits = bytes <= self.rules.rejected_bytes_max;
        if fits {
            self.rejected_bytes = bytes;
            self.rejected_crc32c = crc32c::crc32c_append(self.rejected_crc32c, &line);
            self.pending_rejected.extend_from_slice(&line);
        }
        fits
    }

    /// Whether the file of rejected records has no room for another line, or only for a short one.
    pub fn rejected_file_is_full(&self) -> bool {
        self.rejected_bytes + REJECTED_LINE_BYTES_MAX > self.rules.rejected_bytes_max
    }

    /// Hands out the state as it is now. The pending rejected lines go with it and are not handed out again.
    pub fn snapshot(&mut self) -> Snapshot {
        let rejected_lines = std::mem::take(&mut self.pending_rejected);
        Snapshot { state: self.clone(), rejected_lines }
    }

    /// Records that were counted.
    pub fn counted(&self) -> u64 {
        self.stations.values().map(StationStats::count).sum()
    }

    /// Records that were rejected.
    pub fn rejected_total(&self) -> u64 {
        self.rejected.values().sum()
    }
}

/// What one record tells of the next: mostly it is of the same day, and of the station that came next the last time.
#[derive(Default)]
struct Expected {
    scratch: Scratch,
    /// Place in the table.
    station: usize,
}

/// One line of `partition-N.rejected.jsonl`: bounded, whatever the record holds.
#[derive(Serialize)]
struct RejectedLine<'a> {
    offset: u64,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    key_bytes: Option<usize>,
    key_crc32c: Option<String>,
    key: Option<String>,
    value_bytes: Option<usize>,
    value_crc32c: Option<String>,
    value: Option<String>,
}

/// The line (with its line end) that keeps a rejected record: lengths and CRCs whole, bytes up to a limit.
fn rejected_line(record: Record<'_>, reason: RejectReason, format: RecordFormat) -> Vec<u8> {
    let digest = Digest::of(record);
    let head = |bytes: &[u8]| BASE64.encode(&bytes[..bytes.len().min(REJECTED_PART_BYTES_MAX)]);
    let line = RejectedLine {
        offset: record.offset,
        reason: reason.name(),
        // As lines were written when that was the only format.
        detail: reason.detail(record).filter(|_| format != RecordFormat::PlainProtobuf),
        key_bytes: digest.key.map(|(bytes, _)| bytes),
        key_crc32c: digest.key.map(|(_, crc)| format!("{crc:08x}")),
        key: record.key.map(head),
        value_bytes: digest.value.map(|(bytes, _)| bytes),
        value_crc32c: digest.value.map(|(_, crc)| format!("{crc:08x}")),
        value: record.value.map(head),
    };
    let mut bytes = serde_json::to_vec(&line).expect("numbers and text always serialize");
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
