//! Compares a partition's file with a replay, field by field and then byte by byte.

use std::collections::{BTreeMap, BTreeSet};

use roaring::RoaringBitmap;

use super::differences::Differences;
use super::model::{Model, ReplayedStation};
use crate::domain::{Day, LastRecord, PartitionState, StationStats};
use crate::partition::format::{self, Checkpoint};

/// Compares each field of a file that was read with the replay's.
pub fn fields(file: &PartitionState, replay: &Model, differences: &mut Differences) {
    let last_record = file.last_record.as_ref().map(|last| (last.offset, last.fingerprint.clone()));
    differences.compare(|| "last record".to_owned(), &last_record, &replay.last_record);
    let reasons: BTreeSet<_> = file.rejected.keys().chain(replay.rejected.keys()).copied().collect();
    for reason in reasons {
        let count = |counts: &BTreeMap<_, u64>| counts.get(&reason).copied().unwrap_or(0);
        differences.compare(|| format!("rejected {}", reason.name()), &count(&file.rejected), &count(&replay.rejected));
    }
    differences.compare(|| "rejected_bytes".to_owned(), &file.rejected_bytes, &replay.rejected_bytes);
    differences.compare(|| "rejected_crc32c".to_owned(), &file.rejected_crc32c, &replay.rejected_crc32c);
    let mut names: BTreeSet<&str> = file.stations.keys().map(|name| name.as_str()).collect();
    names.extend(replay.stations.keys().map(String::as_str));
    for name in names {
        match (file.stations.get(name), replay.stations.get(name)) {
            (Some(file), Some(replay)) => station(name, file, replay, differences),
            (Some(file), None) => {
                let days = file.count();
                differences.add(|| format!("station {name}"), || format!("{days} days"), || "not there".to_owned());
            }
            (None, Some(replay)) => {
                let days = replay.days.len();
                differences.add(|| format!("station {name}"), || "not there".to_owned(), || format!("{days} days"));
            }
            (None, None) => {}
        }
    }
}

fn station(name: &str, file: &StationStats, replay: &ReplayedStation, differences: &mut Differences) {
    let what = |field: &str| format!("station {name}, {field}");
    differences.compare(|| what("count"), &file.count(), &replay.days.len());
    if file.sum.to_bits() != replay.sum.to_bits() {
        differences.add(|| what("sum"), || format!("{:?}", file.sum), || format!("{:?}", replay.sum));
    }
    differences.compare(|| what("start"), &Some(file.start.number()), &replay.days.min());
    differences.compare(|| what("end"), &Some(file.end.number()), &replay.days.max());
    let days = file.days.to_bitmap();
    if days != replay.days {
        let only = |one: &RoaringBitmap, other: &RoaringBitmap| {
            let only = one - other;
            let first = only.min().and_then(Day::from_number).map(|day| format!(", first {day}"));
            format!("{} days of its own{}", only.len(), first.unwrap_or_default())
        };
        differences.add(|| what("days"), || only(&days, &replay.days), || only(&replay.days, &days));
    }
}

/// Compares the file's bytes with those that the replay gives. All fields are the same by now.
pub fn bytes(bytes: &[u8], file: &Checkpoint, replay: Model, differences: &mut Differences) {
    let replayed = format::serialize(file.version, &file.identity, &state(replay, &file.state));
    if bytes == replayed {
        return;
    }
    let place = bytes.iter().zip(&replayed).take_while(|(one, other)| one == other).count();
    let around = |bytes: &[u8]| {
        let excerpt = &bytes[place.saturating_sub(20).min(bytes.len())..(place + 20).min(bytes.len())];
        format!("{} bytes, …{}…", bytes.len(), String::from_utf8_lossy(excerpt).escape_debug())
    };
    differences.add(|| format!("bytes from place {place} on"), || around(bytes), || around(&replayed));
}

/// The replay as the processor's own state, to be written as it writes it. Where the file begins and ends, and which
/// gaps it passed over, are what was asked to be replayed.
fn state(replay: Model, asked: &PartitionState) -> PartitionState {
    let day = |number: Option<u32>| number.and_then(Day::from_number).expect("a station has days, all of the calendar");
    let stations = replay.stations.into_iter().map(|(name, station)| {
        let (start, end) = (day(station.days.min()), day(station.days.max()));
        (name.into(), StationStats { sum: station.sum, start, end, days: station.days.into() })
    });
    PartitionState {
        rules: replay.rules,
        first_offset: asked.first_offset,
        next_offset: asked.next_offset,
        last_record: replay.last_record.map(|(offset, fingerprint)| LastRecord { offset, fingerprint }),
        stations: stations.collect(),
        rejected: replay.rejected,
        rejected_bytes: replay.rejected_bytes,
        rejected_crc32c: replay.rejected_crc32c,
        gaps: asked.gaps.clone(),
        pending_rejected: Vec::new(),
    }
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
