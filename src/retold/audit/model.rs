//! What a partition's file should hold, computed in another way than the processor does it: nothing here uses its
//! decoder, its checks, its calendar, or its state. Only the words for reasons and the numbers of the rules are the
//! same.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use roaring::RoaringBitmap;

use super::said::said;
use crate::domain::{Record, RecordFormat, RejectReason, Rules};

/// Bytes of a rejected record's key, and of its value, that its line keeps.
const HEAD_BYTES: usize = 1024;

/// The records of a partition as they should have been counted.
#[derive(Debug, PartialEq)]
pub struct Model {
    pub rules: Rules,
    pub records: u64,
    pub stations: BTreeMap<String, ReplayedStation>,
    pub rejected: BTreeMap<RejectReason, u64>,
    pub rejected_bytes: u64,
    pub rejected_crc32c: u32,
    /// Offset and fingerprint of the last record.
    pub last_record: Option<(u64, String)>,
}

#[derive(Debug, Default, PartialEq)]
pub struct ReplayedStation {
    pub sum: f64,
    /// Numbers of the days that were counted.
    pub days: RoaringBitmap,
    /// Those that came once more.
    pub repeated: RoaringBitmap,
}

/// A reading that passes every check for which no other reading need be known: station, number of the day, degrees.
pub type Plausible = (String, u32, f64);

impl Model {
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            records: 0,
            stations: BTreeMap::new(),
            rejected: BTreeMap::new(),
            rejected_bytes: 0,
            rejected_crc32c: 0,
            last_record: None,
        }
    }

    /// Takes the next record. Returns the line that the file of rejected records should have for it, if it should.
    pub fn apply(&mut self, record: Record<'_>) -> Option<Vec<u8>> {
        self.records += 1;
        self.last_record = Some((record.offset, format!("{}/{}", part(record.key), part(record.value))));
        let reason = self.count(record).err()?;
        *self.rejected.entry(reason).or_default() += 1;
        let line = rejected_line(record, reason, self.rules.format).into_bytes();
        if self.rejected_bytes + line.len() as u64 > self.rules.rejected_bytes_max {
            return None;
        }
        self.rejected_bytes += line.len() as u64;
        self.rejected_crc32c = crc32c::crc32c_append(self.rejected_crc32c, &line);
        Some(line)
    }

    /// The checks in the order in which they are documented.
    fn count(&mut self, record: Record<'_>) -> Result<(), RejectReason> {
        let (id, day, degrees) = plausible(&self.rules, record)?;
        if !self.stations.contains_key(&id) && self.stations.len() as u64 == self.rules.stations_max {
            return Err(RejectReason::TooManyStations);
        }
        let station = self.stations.entry(id).or_default();
        if station.days.contains(day) {
            station.repeated.insert(day);
            return Err(RejectReason::DuplicateDay);
        }
        station.days.insert(day);
        station.sum += degrees;
        Ok(())
    }

    pub fn rejected_total(&self) -> u64 {
        self.rejected.values().sum()
    }
}

/// The first checks, in the order in which they are documented.
pub fn plausible(rules: &Rules, record: Record<'_>) -> Result<Plausible, RejectReason> {
    let (report, is_of_key) = said(rules.format, record).ok_or(RejectReason::Undecodable)?;
    let id = report.station_id;
    if !is_of_key {
        return Err(RejectReason::KeyMismatch);
    }
    let has_control = id.chars().any(|letter| matches!(letter, '\0'..='\x1f' | '\x7f'..='\u{9f}'));
    if id.is_empty() || id.len() > 255 || has_control || id == "offset" || id.starts_with('_') {
        return Err(RejectReason::BadStation);
    }
    let day = day_number(&report.date).ok_or(RejectReason::BadDate)?;
    if report.degrees.is_nan() || report.degrees.is_infinite() {
        return Err(RejectReason::NotFinite);
    }
    if report.degrees < rules.degrees_min || report.degrees > rules.degrees_max {
        return Err(RejectReason::OutOfRange);
    }
    Ok((id, day, report.degrees))
}

/// Days since 0001-01-01 of exactly `YYYY-MM-DD`, if there is such a day.
fn day_number(date: &str) -> Option<u32> {
    let parts: Vec<&str> = date.split('-').collect();
    let [year, month, day] = parts[..] else { return None };
    if (year.len(), month.len(), day.len()) != (4, 2, 2) || !parts.concat().bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let [year, month, day]: [u32; 3] = [year.parse().ok()?, month.parse().ok()?, day.parse().ok()?];
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let lengths = [31, if is_leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let before = (month as usize).checked_sub(1)?;
    if year == 0 || day == 0 || day > *lengths.get(before)? {
        return None;
    }
    let years = year - 1;
    let days_of_years = years * 365 + years / 4 - years / 100 + years / 400;
    Some(days_of_years + lengths[..before].iter().sum::<u32>() + day - 1)
}

/// Length and checksum of a key or value, as in a fingerprint.
fn part(bytes: Option<&[u8]>) -> String {
    bytes.map_or_else(|| "-".to_owned(), |bytes| format!("{}:{:08x}", bytes.len(), crc32c::crc32c(bytes)))
}

/// A line of the file of rejected records: all that stands in it needs no escaping.
fn rejected_line(record: Record<'_>, reason: RejectReason, format: RecordFormat) -> String {
    let fields = |name: &str, bytes: Option<&[u8]>| match bytes {
        None => format!(r#""{name}_bytes":null,"{name}_crc32c":null,"{name}":null"#),
        Some(bytes) => format!(
            r#""{name}_bytes":{},"{name}_crc32c":"{:08x}","{name}":"{}""#,
            bytes.len(),
            crc32c::crc32c(bytes),
            BASE64.encode(bytes.get(..HEAD_BYTES).unwrap_or(bytes))
        ),
    };
    let detail = reason.detail(record).filter(|_| format != RecordFormat::PlainProtobuf);
    let detail = detail.map_or(String::new(), |detail| format!(r#""detail":"{detail}","#));
    format!(
        r#"{{"offset":{},"reason":"{}",{detail}{},{}}}"#,
        record.offset,
        reason.name(),
        fields("key", record.key),
        fields("value", record.value)
    ) + "\n"
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
