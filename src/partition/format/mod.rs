//! The bytes of `partition-N.json`.
//!
//! ```json
//! {
//!   "offset": 4,
//!   "StationC": { "count": 3, "sum": 151.25, "avg": 50.416666666666664, "start": "2000-01-01", "end": "2000-01-03" },
//!   "_checkpoint": { "version": 2, "counting": 2, "topic": …, "log_id": …, "first_offset": 0, "rules": …, "days": …, "checksum": … }
//! }
//! ```
//!
//! | field | what it holds |
//! | --- | --- |
//! | `offset` | the offset of the next record to read |
//! | a station, in the order of names | what was counted of it; `avg` is `sum / count`, `sum` is added in the order of the offsets |
//! | `_checkpoint.counting` | the way of counting, raised whenever the program counts, rejects or writes lines differently |
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
//! A file of version 1 has neither `counting`, which is 1, nor `rules.format`, which is protobuf. It goes on in version 1, so
//! that its bytes depend on its records alone, whichever program counted them.
//!
//! `partition-N.rejected.jsonl` has a line for each rejected record, in the order of the offsets and as long as there is room
//! (`quality.rejected_bytes_max`): offset, reason, and of key and value the length, the CRC-32C and the first 1,024 bytes in
//! base64. Lines past `rejected_bytes` were never committed.

mod parts;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use roaring::RoaringBitmap;
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use self::parts::{FileIn, Header, Station, WrittenRules};
use super::{Identity, advice};
use crate::domain::state::Stations;
use crate::domain::{Day, PartitionState, RecordFormat, StationStats, rules};
use crate::durable::seal::{self, Broken};
use crate::failure::{Failure, Kind};

/// The form of new files.
pub const VERSION: u64 = 2;
/// The form of earlier ones, which they keep.
const VERSION_WITHOUT_FORMAT: u64 = 1;
/// The way of counting of files that were begun before frames were read, which they keep.
const COUNTING_WITHOUT_FRAMES: u32 = 1;

/// A file that was read and whose checksum and inner sums hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// The form in which the file goes on.
    pub version: u64,
    pub identity: Identity,
    /// `pending_rejected` is empty.
    pub state: PartitionState,
}

/// The file's bytes in the form of a version that is read: a pure function of its arguments.
pub fn serialize(version: u64, identity: &Identity, state: &PartitionState) -> Vec<u8> {
    let with_format = version != VERSION_WITHOUT_FORMAT;
    let mut stations: Vec<_> = state.stations.iter().map(|(name, stats)| (name.as_str(), stats)).collect();
    stations.sort_unstable_by_key(|(name, _)| *name);
    let header = Header {
        version,
        counting: with_format.then_some(match state.rules.format {
            RecordFormat::PlainProtobuf => COUNTING_WITHOUT_FRAMES,
            _ => rules::COUNTING,
        }),
        topic: identity.topic.clone(),
        log_id: identity.log_id.clone(),
        partition: identity.partition,
        partitions: identity.partitions,
        first_offset: state.first_offset,
        rules: WrittenRules::new(&state.rules, with_format),
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
    let format = match (header.version, header.counting, header.rules.format) {
        (VERSION_WITHOUT_FORMAT, None, None)
        | (VERSION, Some(COUNTING_WITHOUT_FRAMES), Some(RecordFormat::Protobuf)) => RecordFormat::PlainProtobuf,
        (VERSION, Some(rules::COUNTING), Some(format)) => format,
        (version, counting, format) => {
            return Err(format!("it is of version {version} with the counting {counting:?} and the format {format:?}"));
        }
    };
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
        ..PartitionState::new(header.rules.rules(format), header.first_offset)
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
    Ok(Checkpoint { version: header.version, identity, state })
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
        header: Option<Made>,
    }
    let refuse = |what: String| Failure::fatal(Kind::Data, format!("{name} {what}"));
    let recount = advice::rebuild(partition_in(name));
    let restore_or_recount = format!("restore a copy of it, or {recount}");
    let sealed = seal::verify(bytes);
    let outline = serde_json::from_slice::<Outline>(bytes);
    if let Some(newer) = outline.as_ref().ok().and_then(|outline| outline.header.as_ref()?.newer()) {
        // A newer version may have its checksum elsewhere, so a wrong one decides nothing.
        let doubt = if matches!(sealed, Err(Broken::Wrong { .. })) { ", or is damaged" } else { "" };
        return refuse(format!("was made by a newer isotherm: {newer}{doubt}"))
            .advice(format!("use that isotherm, or {restore_or_recount}"));
    }
    match outline {
        _ if bytes.is_empty() => refuse("is empty".to_owned()).advice(restore_or_recount),
        Err(error) if error.is_syntax() || error.is_eof() => {
            refuse(format!("is damaged, it is not JSON: {error}")).advice(restore_or_recount)
        }
        Ok(Outline { header: None }) if sealed == Err(Broken::Missing) => refuse(
            "has no \"_checkpoint\": it is of the older, plain form, which does not hold what was counted".into(),
        )
        .advice(format!("move it elsewhere, or {recount}")),
        _ => refuse(format!("is damaged: {reason}")).advice(restore_or_recount),
    }
}

/// What made a file, as far as any version says it.
#[derive(Deserialize)]
struct Made {
    version: u64,
    counting: Option<u64>,
    rules: Option<MadeUnder>,
}

#[derive(Deserialize)]
struct MadeUnder {
    format: Option<Value>,
}

impl Made {
    /// What only a newer program knows.
    fn newer(&self) -> Option<String> {
        if self.version > VERSION {
            Some(format!("it is of version {}, this one reads {VERSION}", self.version))
        } else if let Some(counting) = self.counting.filter(|counting| *counting > u64::from(rules::COUNTING)) {
            Some(format!("it was counted in the way {counting}, this one knows {}", rules::COUNTING))
        } else {
            let format = self.rules.as_ref()?.format.as_ref()?;
            let unknown = RecordFormat::deserialize(format).is_err();
            unknown.then(|| format!("its records are of the format {format}, which this one does not know"))
        }
    }
}

/// The partition's number in a file's name, or `N`.
fn partition_in(name: &str) -> &str {
    let behind = name.rsplit_once("partition-").map_or("", |(_, behind)| behind);
    let digits = behind.find(|character: char| !character.is_ascii_digit()).unwrap_or(behind.len());
    if digits == 0 { "N" } else { &behind[..digits] }
}
