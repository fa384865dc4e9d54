//! How the parts of a file stand in its JSON, for reading and writing.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::domain::state::Gap;
use crate::domain::{LastRecord, RecordFormat, RejectReason, Rules};

/// A station's line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Station<'a> {
    pub count: u64,
    pub sum: f64,
    pub avg: f64,
    pub start: &'a str,
    pub end: &'a str,
}

/// What stands under `_checkpoint`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header<Days> {
    pub version: u64,
    /// Not in version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counting: Option<u32>,
    pub topic: String,
    pub log_id: String,
    pub partition: u32,
    pub partitions: u32,
    pub first_offset: u64,
    pub rules: WrittenRules,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_record: Option<LastRecord>,
    pub rejected: BTreeMap<RejectReason, u64>,
    pub rejected_bytes: u64,
    pub rejected_crc32c: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
    pub days: Days,
    pub checksum: String,
}

/// The rules by which was counted.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenRules {
    /// Not in version 1, which knew one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<RecordFormat>,
    degrees_min: f64,
    degrees_max: f64,
    stations_max: u64,
    rejected_bytes_max: u64,
}

impl WrittenRules {
    pub fn new(rules: &Rules, with_format: bool) -> Self {
        let Rules { format, degrees_min, degrees_max, stations_max, rejected_bytes_max } = *rules;
        let format = if format == RecordFormat::PlainProtobuf { RecordFormat::Protobuf } else { format };
        Self { format: with_format.then_some(format), degrees_min, degrees_max, stations_max, rejected_bytes_max }
    }

    /// `format`: as it is to be read.
    pub fn rules(&self, format: RecordFormat) -> Rules {
        let Self { format: _, degrees_min, degrees_max, stations_max, rejected_bytes_max } = *self;
        Rules { format, degrees_min, degrees_max, stations_max, rejected_bytes_max }
    }
}

/// The whole file as it is read; texts that are only looked at still lie in the bytes.
pub struct FileIn<'a> {
    pub offset: u64,
    pub stations: Vec<(String, Station<'a>)>,
    pub header: Header<Sorted<&'a str>>,
}

impl<'de> Deserialize<'de> for FileIn<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct File;
        impl<'de> Visitor<'de> for File {
            type Value = FileIn<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a checkpoint")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let (mut offset, mut header, mut stations) = (None, None, Vec::new());
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "offset" => set_once(&mut offset, "offset", map.next_value()?)?,
                        "_checkpoint" => set_once(&mut header, "_checkpoint", map.next_value()?)?,
                        _ => push_sorted(&mut stations, key, map.next_value()?)?,
                    }
                }
                let offset = offset.ok_or_else(|| serde::de::Error::missing_field("offset"))?;
                let header = header.ok_or_else(|| serde::de::Error::missing_field("_checkpoint"))?;
                Ok(FileIn { offset, stations, header })
            }
        }
        deserializer.deserialize_map(File)
    }
}

/// A map whose keys rise, so that none is there twice.
pub struct Sorted<T>(pub Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Sorted<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Map<T> {
            type Value = Sorted<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a map by station")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some((key, value)) = map.next_entry()? {
                    push_sorted(&mut entries, key, value)?;
                }
                Ok(Sorted(entries))
            }
        }
        deserializer.deserialize_map(Map(std::marker::PhantomData))
    }
}

fn set_once<T, E: serde::de::Error>(to: &mut Option<T>, key: &'static str, value: T) -> Result<(), E> {
    if to.replace(value).is_some() { Err(E::duplicate_field(key)) } else { Ok(()) }
}

fn push_sorted<T, E: serde::de::Error>(to: &mut Vec<(String, T)>, key: String, value: T) -> Result<(), E> {
    if to.last().is_some_and(|(last, _)| *last >= key) {
        return Err(E::custom(format!("station {key:?} is there twice or out of order")));
    }
    to.push((key, value));
    Ok(())
}
