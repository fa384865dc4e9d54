//! What is known of a file that was read: a line of `source.files-N.jsonl`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::content::CUT_OFF;
use super::super::disk::Stamp;
use crate::failure::{Failure, Kind};

/// A file's times may be as coarse as this, so a change this soon after another can leave them as they are.
const TIMES_COARSE_MS: i64 = 2000;

/// A file, and what was read of it: nothing yet, where it was only met. The last line of a name counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileRecord {
    pub file: String,
    /// The file as it was when it was opened.
    pub stamp: Stamp,
    /// When that was, in milliseconds since 1970.
    pub read_at_ms: u64,
    /// Read of it, from its beginning on.
    pub bytes: u64,
    pub lines: u64,
    /// CRC-32C of these bytes.
    pub crc32c: u32,
    /// Days with a value in these bytes, whether they were sent or were in the log already.
    pub readings: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub bad_lines: u64,
    /// Days for which the file says that there is no value.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub missing: u64,
    /// Values of which the file says that they failed its quality checks.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skipped_quality: u64,
    /// Lines that hold something else than what is read.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub passed_over: u64,
    /// Readings that were sent because the log's last one of their day had another value, in comparisons that came to their end.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub revised: u64,
    /// Days of its stations that the log has, and no file had when this one was read.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub withdrawn: u64,
    pub stations: StationsOfFile,
    /// Of a file that is packed, or was converted: `bytes` are not those of the file then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decoded: Option<Decoded>,
    /// It ends within a record of several lines: that one was left, until the file has grown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ends_open: bool,
    /// The file is to be compared with the log, also where stamp and content are as they were: it was changed since it was
    /// read, and the log may have what it was meanwhile.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stale: bool,
}

/// How much of a text was read that was unpacked or converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decoded {
    Part,
    /// All but the last line, which has no end yet.
    AllButHalf,
    All,
}

/// Which stations a file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StationsOfFile {
    #[default]
    None,
    One(String),
    Several,
}

/// A file as version 1 of `source.json` knew it.
#[derive(Deserialize)]
struct FileOfVersion1 {
    bytes: u64,
    lines: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl FileRecord {
    /// The files of a cursor of version 1, which knew of a file only how it begins: they are compared with the log. None where
    /// the cursor is another one.
    pub fn of_version_1(cursor: Option<&Value>) -> Vec<Self> {
        let files = cursor.and_then(|cursor| cursor.get("files")?.as_object());
        let record = |(file, read): (&String, &Value)| {
            let FileOfVersion1 { bytes, lines } = FileOfVersion1::deserialize(read).ok()?;
            Some(Self { file: file.clone(), bytes, lines, stale: true, ..Self::default() })
        };
        files.into_iter().flatten().filter_map(record).collect()
    }

    /// Whether the file of this stamp is, as far as that can be told without reading it, the one that was read.
    pub fn is_as_read(&self, stamp: &Stamp) -> bool {
        !self.stale && self.stamp == *stamp && self.decoded != Some(Decoded::AllButHalf)
    }

    /// Whether the file of this stamp is the one that was read, but for a last line that was left as it had no end.
    pub fn was_left_before(&self, stamp: &Stamp) -> bool {
        let Self { stamp: Stamp { size_bytes, .. }, decoded, stale, .. } = *self;
        if decoded.is_some() {
            return decoded == Some(Decoded::AllButHalf) && !stale && self.stamp == *stamp;
        }
        size_bytes == self.bytes && size_bytes < stamp.size_bytes && self.is_as_read(&Stamp { size_bytes, ..*stamp })
    }

    /// Whether there is something of the file that was not read. Of one that is to be read anew that is not known.
    pub fn is_unread(&self) -> bool {
        let is_unread = self.decoded.map_or(self.bytes < self.stamp.size_bytes, |decoded| decoded == Decoded::Part);
        is_unread && !self.stale && !self.ends_open
    }

    /// Whether a file of this stamp, which begins with what was read, has more than that.
    pub fn is_behind(&self, stamp: &Stamp) -> bool {
        match self.decoded {
            None => self.bytes < stamp.size_bytes,
            Some(decoded) => decoded != Decoded::All,
        }
    }

    /// Bytes that were read of the file itself, as far as that is known.
    pub fn file_bytes(&self) -> u64 {
        match self.decoded {
            None => self.bytes,
            Some(Decoded::Part) => 0,
            Some(_) => self.stamp.size_bytes,
        }
    }

    /// After all was read: a failure if some of the files were packed and have no end.
    pub fn check_ends<'a>(records: impl Iterator<Item = &'a Self>) -> Result<(), Failure> {
        let cut_off: Vec<&Self> = records.filter(|record| record.decoded.is_some() && record.is_unread()).collect();
        let [Self { file, bytes, readings, .. }, others @ ..] = &cut_off[..] else { return Ok(()) };
        let others = if others.is_empty() { String::new() } else { format!(", and so do {} others", others.len()) };
        let what =
            format!("{file} {CUT_OFF}{others}: {readings} readings stand in the {bytes} bytes that could be unpacked");
        Err(Failure::fatal(Kind::Data, what)
            .advice("put whole copies in their place: what the log has of the files is not sent again"))
    }

    /// Whether the file was read, but not to its end.
    pub fn is_read_in_part(&self) -> bool {
        self.bytes > 0 && self.is_unread()
    }

    /// How long the file had not been changed when it was opened; below 0 where the disk's clock is ahead of ours.
    pub fn rested_ms(&self) -> i64 {
        i64::try_from(self.read_at_ms).unwrap_or(i64::MAX).saturating_sub(self.stamp.modified_ns / 1_000_000)
    }

    /// Whether the file may have changed since it was opened and yet have the same times.
    pub fn is_doubtful(&self) -> bool {
        let latest_ms = self.stamp.modified_ns.max(self.stamp.changed_ns) / 1_000_000;
        latest_ms.saturating_add(TIMES_COARSE_MS) >= i64::try_from(self.read_at_ms).unwrap_or(i64::MAX)
    }
}

impl StationsOfFile {
    pub fn add(&mut self, station_id: &str) {
        match self {
            Self::None => *self = Self::One(station_id.to_owned()),
            Self::One(station) if station == station_id => {}
            Self::One(_) | Self::Several => *self = Self::Several,
        }
    }
}
