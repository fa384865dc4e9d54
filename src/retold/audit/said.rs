//! What a record says in the topic's format, read in another way than the processor reads it.

use std::fmt;

use prost::Message as _;
use serde::de::{Deserializer as _, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use crate::domain::wire::Report;
use crate::domain::{Record, RecordFormat};

/// What a record says, and whether its key is the station.
pub fn said(format: RecordFormat, record: Record<'_>) -> Option<(Report, bool)> {
    let value = record.value?;
    let is_json = match format {
        RecordFormat::Json => true,
        RecordFormat::Detect => value.starts_with(b"{"),
        RecordFormat::Protobuf | RecordFormat::PlainProtobuf => false,
    };
    let has_frame = value.starts_with(&[0]) && matches!(format, RecordFormat::Protobuf | RecordFormat::Detect);
    let report = match () {
        () if is_json => of_json(value)?,
        () if has_frame => {
            let report = Report::decode(behind_frame(value)?).ok()?;
            Some(report).filter(|report| !report.station_id.is_empty() && !report.date.is_empty())?
        }
        () => Report::decode(value).ok()?,
    };
    let is_station = |key: &[u8]| {
        let quoted = || matches!(serde_json::from_slice(key), Ok(Value::String(text)) if text == report.station_id);
        key == report.station_id.as_bytes() || (is_json && key.first() == Some(&b'"') && quoted())
    };
    let is_of_key = record.key.is_some_and(is_station);
    Some((report, is_of_key))
}

/// A zero, four bytes, a number in zigzag coding, and as many more numbers.
fn behind_frame(value: &[u8]) -> Option<&[u8]> {
    let mut left = value.get(5..)?;
    let numbers = number(&mut left)?;
    if numbers & 1 == 1 {
        return None;
    }
    for _ in 0..numbers >> 1 {
        number(&mut left)?;
    }
    Some(left)
}

/// Seven bits a byte, the lowest first; ten bytes at most, of which the last has one.
fn number(left: &mut &[u8]) -> Option<u64> {
    let length = left.iter().position(|byte| byte & 0x80 == 0)? + 1;
    let (bytes, rest) = left.split_at(length);
    *left = rest;
    if length > 10 || (length == 10 && bytes[9] > 1) {
        return None;
    }
    Some(bytes.iter().rev().fold(0, |number, byte| number << 7 | u64::from(byte & 0x7f)))
}

/// An object with each of three fields once, and any others.
fn of_json(value: &[u8]) -> Option<Report> {
    struct Fields;
    impl<'de> Visitor<'de> for Fields {
        type Value = [Option<Value>; 3];

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut fields = [None, None, None];
            while let Some(name) = map.next_key::<String>()? {
                match ["station_id", "date", "degrees"].iter().position(|known| *known == name) {
                    Some(place) if fields[place].replace(map.next_value()?).is_some() => {
                        return Err(A::Error::custom("twice"));
                    }
                    Some(_) => {}
                    None => drop(map.next_value::<IgnoredAny>()?),
                }
            }
            Ok(fields)
        }
    }
    let mut json = serde_json::Deserializer::from_slice(value);
    let fields = json.deserialize_map(Fields).ok()?;
    json.end().ok()?;
    let [Some(Value::String(station_id)), Some(Value::String(date)), Some(Value::Number(degrees))] = fields else {
        return None;
    };
    Some(Report { station_id, date, degrees: degrees.as_f64()? })
}
