//! The bytes of `partition-N.json`.
//!
//! ```json
//! {
//!   "offset": 4,
//!   "StationC": { "count": 3, "sum": 151.25, "avg": 50.416666666666664, "start": "2000-01-01", "end": "2000-01-03" },
//!   "_checkpoint": { "version": 1, "topic": …, "log_id": …, "first_offset": 0, "rules": …, "days": …, "checksum": … }
//! }
//! ```
//!
//! | field | what it holds |
//! | --- | --- |
//! | `offset` | the offset of the next record to read |
//! | a station, in the order of names | what was counted of it; `avg` is `sum / count`, `sum` is added in the order of the offsets |
//! | `_checkpoint.rules` | the rules by which was counted |
//! | `_checkpoint.last_record` | offset and fingerprint of the record before `offset`, to recognise the log by |
//! | `_checkpoint.rejected` | rejected records by reason, none of them zero |
//! | `_checkpoint.rejected_bytes`, `.rejected_crc32c` | length and CRC-32C of the file of rejected records |
//! | `_checkpoint.gaps` | offsets that the log no longer had and that were passed over on request |
//! | `_checkpoint.days` | by station, in the same order: its day numbers (0 is 0001-01-01) as a Roaring bitmap in base64 |
//! | `_checkpoint.checksum` | CRC-32C of the file with eight zeros in its place |
//!
//! Invariants: the file is a pure function of log id, rules and the records in [first_offset, offset), with no clock, no epoch
//! and no host in it, so `cmp` of two files is a proof; what [`check`] looks at holds before it is written and after it was
//! read. Laid out as by Python's `json.dumps(…, indent=2)`.
//!
//! `partition-N.rejected.jsonl` has a line for each rejected record, in the order of the offsets and as long as there is room
//! (`quality.rejected_bytes_max`): offset, reason, and of key and value the length, the CRC-32C and the first 1,024 bytes in
//! base64. Lines past `rejected_bytes` were never committed.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use roaring::RoaringBitmap;
use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Identity, advice};
use crate::domain::state::{Gap, Stations};
use crate::domain::{Day, LastRecord, PartitionState, RejectReason, Rules, StationStats, rules};
use crate::durable::seal::{self, Broken};
use crate::failure::{Failure, Kind};

/// The form that this program writes, and the only one that it reads.
const VERSION: u64 = 1;

/// A file that was read and whose checksum and inner sums hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    pub identity: Identity,
    /// `pending_rejected` is empty.
    pub state: PartitionState,
}

/// A station's line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Station<'a> {
    count: u64,
    sum: f64,
    avg: f64,
    start: &'a str,
    end: &'a str,
}

/// What stands under `_checkpoint`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header<Days> {
    version: u64,
    topic: String,
    log_id: String,
    partition: u32,
    partitions: u32,
    first_offset: u64,
    rules: Rules,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_record: Option<LastRecord>,
    rejected: BTreeMap<RejectReason, u64>,
    rejected_bytes: u64,
    rejected_crc32c: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    gaps: Vec<Gap>,
    days: Days,
    checksum: String,
}

/// The file's bytes: a pure function of its arguments.
pub fn serialize(identity: &Identity, state: &PartitionState) -> Vec<u8> {
    let mut stations: Vec<_> = state.stations.iter().map(|(name, stats)| (name.as_str(), stats)).collect();
    stations.sort_unstable_by_key(|(name, _)| *name);
    let header = Header {
        version: VERSION,
        topic: identity.topic.clone(),
        log_id: identity.log_id.clone(),
        partition: identity.partition,
        partitions: identity.partitions,
        first_offset: state.first_offset,
        rules: state.rules,
        last_record: state.last_record.clone(),
        rejected: state.rejected.clone(),
        rejected_bytes: state.rejected_bytes,
        rejected_crc32c: format!("{:08x}", state.rejected_crc32c),
        gaps: state.gaps.clone(),
        days: DaysOut(&stations),
        checksum: seal::BLANK.to_owned(),
    };
    seal::seal(&FileOut { offset: state.next_offset, stations: &stations, header })
}

/// The whole file, written straight from the state.
struct FileOut<'a> {
    offset: u64,
    stations: &'a [(&'a str, &'a StationStats)],
    header: Header<DaysOut<'a>>,
}

impl Serialize for FileOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.stations.len() + 2))?;
        map.serialize_entry("offset", &self.offset)?;
        for (name, stats) in self.stations {
            let (start, end) = (stats.start.to_string(), stats.end.to_string());
            let station =
                Station { count: stats.count(), sum: stats.sum, avg: stats.average(), start: &start, end: &end };
            map.serialize_entry(name, &station)?;
        }
        map.serialize_entry("_checkpoint", &self.header)?;
        map.end()
    }
}

struct DaysOut<'a>(&'a [(&'a str, &'a StationStats)]);

impl Serialize for DaysOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        let (mut bytes, mut text) = (Vec::new(), String::new());
        for (name, stats) in self.0 {
            bytes.clear();
            text.clear();
            canonical(stats.days.to_bitmap()).serialize_into(&mut bytes).expect("a Vec has room");
            BASE64.encode_string(&bytes, &mut text);
            map.serialize_entry(name, &text)?;
        }
        map.end()
    }
}

/// The same days in the one form that depends on nothing but them. `optimize` alone would not do: where runs and an array
/// are of the same size it keeps what it finds, and that depends on whether the set was ever read from a file.
fn canonical(mut days: RoaringBitmap) -> RoaringBitmap {
    days.remove_run_compression();
    days.optimize();
    days
}

/// Reads a file's bytes; `name` is for messages. Checks all that can be said of the file alone.
pub fn parse(name: &str, bytes: &[u8]) -> Result<Checkpoint, Failure> {
    read(bytes).map_err(|reason| refusal(name, bytes, &reason))
}

fn read(bytes: &[u8]) -> Result<Checkpoint, String> {
    seal::verify(bytes).map_err(|broken| broken.to_string())?;
    let FileIn { offset, stations, header } = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if header.version != VERSION {
        return Err(format!("it is of version {}", header.version));
    }
    if header.partition >= header.partitions {
        return Err(format!("it is of partition {} of {}", header.partition, header.partitions));
    }
    if stations.len() != header.days.0.len() {
        return Err(format!("it has {} stations, but the days of {}", stations.len(), header.days.0.len()));
    }
    let mut state = PartitionState {
        next_offset: offset,
        last_record: header.last_record,
        stations: Stations::with_capacity_and_hasher(stations.len(), Default::default()),
        rejected: header.rejected,
        rejected_bytes: header.rejected_bytes,
        rejected_crc32c: hexadecimal(&header.rejected_crc32c)?,
        gaps: header.gaps,
        ..PartitionState::new(header.rules, header.first_offset)
    };
    for ((name, station), (days_name, days)) in stations.into_iter().zip(header.days.0) {
        if name != days_name {
            return Err(format!("where the days of {name:?} should be, there are those of {days_name:?}"));
        }
        let stats = station_stats(&station, days).map_err(|reason| format!("station {name:?}: {reason}"))?;
        state.stations.insert(name.into(), stats);
    }
    check(&state)?;
    let identity = Identity {
        topic: header.topic,
        log_id: header.log_id,
        partition: header.partition,
        partitions: header.partitions,
    };
    Ok(Checkpoint { identity, state })
}

fn station_stats(station: &Station<'_>, days: &str) -> Result<StationStats, String> {
    let day = |text: &str| Day::parse(text).ok_or_else(|| format!("{text:?} is not a day"));
    let days = BASE64.decode(days).map_err(|error| format!("its days are not base64: {error}"))?;
    let mut rest = days.as_slice();
    let days = RoaringBitmap::deserialize_from(&mut rest).map_err(|error| format!("its days: {error}"))?;
    if !rest.is_empty() {
        return Err(format!("{} bytes too many in its days", rest.len()));
    }
    if days.max().is_some_and(|last| Day::from_number(last).is_none()) {
        return Err("its days go past the year 9999".to_owned());
    }
    let stats =
        StationStats { sum: station.sum, start: day(station.start)?, end: day(station.end)?, days: days.into() };
    if stats.count() != station.count {
        return Err(format!("its count is {}, but it has {} days", station.count, stats.count()));
    }
    if stats.average().to_bits() != station.avg.to_bits() {
        return Err(format!("its average is {}, but sum / count is {}", station.avg, stats.average()));
    }
    Ok(stats)
}

fn hexadecimal(text: &str) -> Result<u32, String> {
    let number = u32::from_str_radix(text, 16).ok().filter(|number| format!("{number:08x}") == text);
    number.ok_or_else(|| format!("{text:?} is not a checksum"))
}

/// What holds between the parts of every state: looked at before it is written and after it was read.
pub(super) fn check(state: &PartitionState) -> Result<(), String> {
    let PartitionState { first_offset, next_offset, .. } = *state;
    let records = next_offset.checked_sub(first_offset).ok_or("its offset is below its first offset")?;
    let (counted, rejected) = (state.counted(), state.rejected_total());
    if u128::from(counted) + u128::from(rejected) > u128::from(records) {
        return Err(format!("{counted} records counted and {rejected} rejected, but it read only {records} offsets"));
    }
    match &state.last_record {
        Some(last) if !(first_offset..next_offset).contains(&last.offset) => {
            return Err(format!("its last record is at {}, outside of {first_offset} to {next_offset}", last.offset));
        }
        None if counted + rejected > 0 => return Err("it has records, but no last one".to_owned()),
        _ => {}
    }
    if state.stations.len() as u64 > state.rules.stations_max {
        return Err(format!("it has {} stations and may have {}", state.stations.len(), state.rules.stations_max));
    }
    for (name, stats) in &state.stations {
        let ends = Some(stats.start.number()).zip(Some(stats.end.number()));
        if !rules::is_station_id(name) {
            return Err(format!("{name:?} cannot be a station"));
        }
        if ends != stats.days.min().zip(stats.days.max()) {
            return Err(format!("station {name:?}: its days do not go from {} to {}", stats.start, stats.end));
        }
        if !stats.sum.is_finite() {
            return Err(format!("station {name:?}: its sum is past what a number can hold"));
        }
    }
    if state.rejected.values().any(|count| *count == 0) {
        return Err("it names a reason for which nothing was rejected".to_owned());
    }
    if state.rejected_bytes > state.rules.rejected_bytes_max || (state.rejected_bytes > 0 && rejected == 0) {
        return Err(format!("its file of {rejected} rejected records cannot have {} bytes", state.rejected_bytes));
    }
    if state.rejected_bytes == 0 && state.rejected_crc32c != 0 {
        return Err("an empty file of rejected records has the checksum 0".to_owned());
    }
    let mut end = first_offset;
    for gap in &state.gaps {
        if gap.from < end || gap.to <= gap.from || gap.to > next_offset {
            return Err(format!("a gap from {} to {} cannot be", gap.from, gap.to));
        }
        end = gap.to;
    }
    Ok(())
}

/// Why a file is refused, as far as the file lets one say it.
fn refusal(name: &str, bytes: &[u8], reason: &str) -> Failure {
    #[derive(Deserialize)]
    struct Outline {
        #[serde(rename = "_checkpoint")]
        header: Option<Version>,
    }
    #[derive(Deserialize)]
    struct Version {
        version: u64,
    }
    let refuse = |what: String| Failure::fatal(Kind::Data, format!("{name} {what}"));
    let recount = advice::rebuild(partition_in(name));
    let restore_or_recount = format!("restore a copy of it, or {recount}");
    let sealed = seal::verify(bytes);
    match serde_json::from_slice::<Outline>(bytes) {
        _ if bytes.is_empty() => refuse("is empty".to_owned()).advice(restore_or_recount),
        Err(error) if error.is_syntax() || error.is_eof() => {
            refuse(format!("is damaged, it is not JSON: {error}")).advice(restore_or_recount)
        }
        Ok(Outline { header: None }) if sealed == Err(Broken::Missing) => refuse(
            "has no \"_checkpoint\": it is of the older, plain form, which does not hold what was counted".into(),
        )
        .advice(format!("move it elsewhere, or {recount}")),
        Ok(Outline { header: Some(Version { version }) }) if version > VERSION => {
            // A newer version may have its checksum elsewhere, so a wrong one decides nothing.
            let doubt = if matches!(sealed, Err(Broken::Wrong { .. })) { ", or is damaged" } else { "" };
            refuse(format!("was made by a newer isotherm: it is of version {version}, this one reads {VERSION}{doubt}"))
                .advice(format!("use that isotherm, or {restore_or_recount}"))
        }
        _ => refuse(format!("is damaged: {reason}")).advice(restore_or_recount),
    }
}

/// The partition's number in a file's name, or `N`.
fn partition_in(name: &str) -> &str {
    let behind = name.rsplit_once("partition-").map_or("", |(_, behind)| behind);
    let digits = behind.find(|character: char| !character.is_ascii_digit()).unwrap_or(behind.len());
    if digits == 0 { "N" } else { &behind[..digits] }
}

/// The whole file as it is read; texts that are only looked at still lie in the bytes.
struct FileIn<'a> {
    offset: u64,
    stations: Vec<(String, Station<'a>)>,
    header: Header<Sorted<&'a str>>,
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
struct Sorted<T>(Vec<(String, T)>);

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
