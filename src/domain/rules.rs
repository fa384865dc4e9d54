//! Which records count, and why the others do not.

use serde::{Deserialize, Serialize};

use super::batch::Record;
use super::report::{Decoded, RecordFormat, Scratch, is_framed};
use super::wire::Reading;

/// The way of counting: raised whenever the same records, under the same rules, give other numbers, other rejections or other
/// lines. A file says which one it was counted by.
pub const COUNTING: u32 = 2;

/// The rules that a checkpoint was made under; a checkpoint made under others is refused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    pub format: RecordFormat,
    /// Lowest and highest temperature that count, both inclusive, in the unit of the topic.
    pub degrees_min: f64,
    pub degrees_max: f64,
    /// Stations that one partition may hold.
    pub stations_max: u64,
    /// Size that the file of rejected records may reach.
    pub rejected_bytes_max: u64,
}

impl Default for Rules {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Why a record was read but not counted, in the order in which it is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectReason {
    Undecodable,
    KeyMismatch,
    BadStation,
    BadDate,
    NotFinite,
    OutOfRange,
    TooManyStations,
    DuplicateDay,
}

impl RejectReason {
    /// In the order in which they are checked.
    pub const ALL: [Self; 8] = [
        Self::Undecodable,
        Self::KeyMismatch,
        Self::BadStation,
        Self::BadDate,
        Self::NotFinite,
        Self::OutOfRange,
        Self::TooManyStations,
        Self::DuplicateDay,
    ];

    /// The name in files, tables and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Undecodable => "undecodable",
            Self::KeyMismatch => "key_mismatch",
            Self::BadStation => "bad_station",
            Self::BadDate => "bad_date",
            Self::NotFinite => "not_finite",
            Self::OutOfRange => "out_of_range",
            Self::TooManyStations => "too_many_stations",
            Self::DuplicateDay => "duplicate_day",
        }
    }

    /// What the name of the reason leaves open, of a record that was rejected for it.
    pub fn detail(self, record: Record<'_>) -> Option<&'static str> {
        match self {
            Self::Undecodable if record.value.is_none() => Some("the value is null"),
            Self::Undecodable if record.value.is_some_and(is_framed) => {
                Some("framed: within a schema registry's frame, and not of this format")
            }
            Self::KeyMismatch if record.key.is_none() => Some("the key is null"),
            _ => None,
        }
    }
}

impl Rules {
    pub const DEFAULT: Self = Self {
        format: RecordFormat::Protobuf,
        degrees_min: -150.0,
        degrees_max: 150.0,
        stations_max: 1_000_000,
        rejected_bytes_max: 64 << 20,
    };

    /// Under which every reading that a source can give counts, of any temperature.
    pub const ANY_DEGREES: Self = Self { degrees_min: f64::MIN, degrees_max: f64::MAX, ..Self::DEFAULT };

    /// The reading in a record that passes every check which needs no state; room and duplicates are the state's to judge.
    pub fn check<'a>(&self, record: Record<'a>, scratch: &'a mut Scratch) -> Result<Reading<'a>, RejectReason> {
        let decoded = self.format.decode(record, scratch).ok_or(RejectReason::Undecodable)?;
        let Decoded { report, is_of_key, dates } = decoded;
        if !is_of_key {
            return Err(RejectReason::KeyMismatch);
        }
        if !is_station_id(report.station_id) {
            return Err(RejectReason::BadStation);
        }
        let day = dates.read(report.date).ok_or(RejectReason::BadDate)?;
        if !report.degrees.is_finite() {
            return Err(RejectReason::NotFinite);
        }
        if !(self.degrees_min..=self.degrees_max).contains(&report.degrees) {
            return Err(RejectReason::OutOfRange);
        }
        Ok(Reading { station_id: report.station_id, day, degrees: report.degrees })
    }
}

/// 1 to 255 bytes without control characters; `offset` and a leading `_` are the checkpoint's own.
pub fn is_station_id(id: &str) -> bool {
    (1..=255).contains(&id.len()) && id != "offset" && !id.starts_with('_') && !id.chars().any(char::is_control)
}
