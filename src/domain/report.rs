//! What a record says, in each format in which others write them, too.

use std::borrow::Cow;

use prost::encoding::decode_varint;
use serde::{Deserialize, Serialize};

use super::batch::Record;
use super::day::DateReader;
use super::wire::BorrowedReport;

/// Before a frame's schema id.
const FRAME_BEGIN: u8 = 0;
const SCHEMA_ID_BYTES: usize = 4;

/// What the records of a topic are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordFormat {
    /// A `Report` of `proto/report.proto`, also within Confluent's frame: a zero byte, a schema id of four, and the place of the
    /// message in its schema. No `Report` begins with a zero, since protobuf has no field 0.
    /// <https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format>
    Protobuf,
    /// A `Report` without a frame: the format `protobuf` of files that were counted before frames were read.
    #[serde(skip)]
    PlainProtobuf,
    /// `{"station_id": …, "date": …, "degrees": …}`, with other fields beside. The key may be a JSON string.
    Json,
    /// By the first byte: a zero begins a frame, `{` is JSON, anything else is protobuf.
    Detect,
}

/// What reading one record leaves for the next: mostly it is of the same day.
#[derive(Default)]
pub struct Scratch {
    pub(super) dates: DateReader,
    /// Texts that do not lie in the record as they are.
    texts: [String; 2],
}

/// What a record says.
pub struct Decoded<'a> {
    pub report: BorrowedReport<'a>,
    /// Whether the record's key is the station.
    pub is_of_key: bool,
    pub dates: &'a mut DateReader,
}

#[derive(Deserialize)]
struct JsonReport<'a> {
    #[serde(borrow)]
    station_id: Cow<'a, str>,
    #[serde(borrow)]
    date: Cow<'a, str>,
    degrees: f64,
}

impl RecordFormat {
    /// The name in settings and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Protobuf | Self::PlainProtobuf => "protobuf",
            Self::Json => "json",
            Self::Detect => "detect",
        }
    }

    /// What a record says; `None`: it is not of this format.
    pub fn decode<'a>(self, record: Record<'a>, scratch: &'a mut Scratch) -> Option<Decoded<'a>> {
        let value = record.value?;
        let Scratch { dates, texts } = scratch;
        let report = match (self, value.first()) {
            (Self::Json, _) | (Self::Detect, Some(b'{')) => {
                let report = json(value, texts)?;
                let is_of_key = record.key.is_some_and(|key| is_key(key, report.station_id));
                return Some(Decoded { report, is_of_key, dates });
            }
            // Of what others frame, some can be read as a `Report` of nothing.
            (Self::Protobuf | Self::Detect, Some(&FRAME_BEGIN)) => BorrowedReport::decode(unframed(value)?)
                .filter(|report| !report.station_id.is_empty() && !report.date.is_empty())?,
            _ => BorrowedReport::decode(value)?,
        };
        Some(Decoded { report, is_of_key: record.key == Some(report.station_id.as_bytes()), dates })
    }
}

/// What stands within Confluent's frame.
fn unframed(value: &[u8]) -> Option<&[u8]> {
    let mut rest = value.get(1 + SCHEMA_ID_BYTES..)?;
    // In zigzag coding; a zero says that the message is the schema's first.
    let places = decode_varint(&mut rest).ok()?;
    if places % 2 == 1 {
        return None;
    }
    for _ in 0..places / 2 {
        decode_varint(&mut rest).ok()?;
    }
    Some(rest)
}

/// Whether a value begins as one within a frame does.
pub fn is_framed(value: &[u8]) -> bool {
    value.first() == Some(&FRAME_BEGIN) && value.len() > SCHEMA_ID_BYTES
}

fn json<'a>(value: &'a [u8], texts: &'a mut [String; 2]) -> Option<BorrowedReport<'a>> {
    // A list of three would be taken for the fields in their order.
    if value.trim_ascii_start().first() != Some(&b'{') {
        return None;
    }
    let JsonReport { station_id, date, degrees } = serde_json::from_slice(value).ok()?;
    let [station_text, date_text] = texts;
    Some(BorrowedReport { date: kept(date, date_text), degrees, station_id: kept(station_id, station_text) })
}

/// A text where it lies; one that had to be put together is kept here.
fn kept<'a>(text: Cow<'a, str>, here: &'a mut String) -> &'a str {
    match text {
        Cow::Borrowed(text) => text,
        Cow::Owned(text) => {
            *here = text;
            here
        }
    }
}

fn is_key(key: &[u8], station_id: &str) -> bool {
    key == station_id.as_bytes()
        || (key.starts_with(b"\"") && serde_json::from_slice::<Cow<'_, str>>(key).is_ok_and(|key| key == station_id))
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
