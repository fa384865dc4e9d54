//! Days that came more than once: whether the repeats said the same as the reading that was counted.
//!
//! Which days they are is known from the replay. Their values are looked up in another one, of no more days at once than
//! memory is meant for: where there are more, it is made for one class of stations after the other.

use std::collections::BTreeMap;
use std::collections::hash_map::{Entry, HashMap};

use roaring::RoaringBitmap;
use serde::Serialize;

use super::model::{Model, plausible};
use super::ranges::{ranges, read};
use crate::domain::Day;
use crate::failure::Failure;
use crate::log::{RangePace, RecordLog};
use crate::partition::format::Checkpoint;

/// Days whose values are in memory at once, of as many stations as it takes: about 64 bytes each.
const DAYS_MAX: u64 = 1 << 20;
/// Repeats of another value that are listed.
const LISTED_MAX: usize = 10;

/// By station, numbers of the days that came more than once.
pub type RepeatedDays = BTreeMap<String, RoaringBitmap>;

/// Readings of days that were counted already.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Repeats {
    /// Of the value that was counted: they came twice, and no harm is done.
    pub same: u64,
    /// Of another value: the first one counts, so a revision was ignored.
    pub other: u64,
    /// The first of those of another value.
    pub first: Vec<Repeat>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Repeat {
    pub station: String,
    pub day: String,
    pub counted: f64,
    pub counted_offset: u64,
    pub repeated: f64,
    pub repeated_offset: u64,
}

/// The days of a replay that came more than once.
pub fn of(replay: &Model) -> RepeatedDays {
    let repeated = replay.stations.iter().filter(|(_, station)| !station.repeated.is_empty());
    repeated.map(|(name, station)| (name.clone(), station.repeated.clone())).collect()
}

/// Looks up what the readings of these days said.
pub fn look_up(
    log: &dyn RecordLog,
    pace: &RangePace,
    file: &Checkpoint,
    repeated: &RepeatedDays,
) -> Result<Repeats, Failure> {
    let days: u64 = repeated.values().map(RoaringBitmap::len).sum();
    let classes = days.div_ceil(DAYS_MAX);
    let mut repeats = Repeats::default();
    for class in 0..classes {
        let of_class =
            repeated.iter().filter(|(name, _)| u64::from(crc32c::crc32c(name.as_bytes())) % classes == class);
        let numbered = of_class.zip(0..).map(|((name, days), number)| (name.as_str(), (number, days)));
        look_up_class(log, pace, file, &numbered.collect(), &mut repeats)?;
    }
    repeats.first.sort_by_key(|repeat| repeat.repeated_offset);
    repeats.first.truncate(LISTED_MAX);
    Ok(repeats)
}

fn look_up_class(
    log: &dyn RecordLog,
    pace: &RangePace,
    file: &Checkpoint,
    repeated: &BTreeMap<&str, (u32, &RoaringBitmap)>,
    repeats: &mut Repeats,
) -> Result<(), Failure> {
    let state = &file.state;
    // Value and offset of the reading that was counted, by number of the station and day.
    let mut counted: HashMap<(u32, u32), (f64, u64)> = HashMap::new();
    let mut listed = 0;
    for range in ranges(state.first_offset, state.next_offset, &state.gaps) {
        read(log, pace, file.identity.partition, range, |record| {
            let Ok((station, day, degrees)) = plausible(&state.rules, record) else { return Ok(()) };
            let Some((number, _)) = repeated.get(station.as_str()).filter(|(_, days)| days.contains(day)) else {
                return Ok(());
            };
            match counted.entry((*number, day)) {
                Entry::Vacant(first) => drop(first.insert((degrees, record.offset))),
                Entry::Occupied(first) if first.get().0 == degrees => repeats.same += 1,
                Entry::Occupied(first) => {
                    repeats.other += 1;
                    if listed < LISTED_MAX {
                        listed += 1;
                        let (counted, counted_offset) = *first.get();
                        let day = Day::from_number(day).map(|day| day.to_string()).unwrap_or_default();
                        let (repeated, repeated_offset) = (degrees, record.offset);
                        let repeat = Repeat { station, day, counted, counted_offset, repeated, repeated_offset };
                        repeats.first.push(repeat);
                    }
                }
            }
            Ok(())
        })?;
    }
    Ok(())
}

impl Repeats {
    /// In words; nothing where there are none.
    pub fn text(&self) -> String {
        let Self { same, other, first } = self;
        if same + other == 0 {
            return String::new();
        }
        let mut text = format!(
            "; of the readings of days that were counted already {same} had the same value and {other} another"
        );
        for Repeat { station, day, counted, counted_offset, repeated, repeated_offset } in first {
            text.push_str(&format!(
                "\n  station {station}, {day}: {counted} counted (offset {counted_offset}), {repeated} ignored (offset {repeated_offset})"
            ));
        }
        if *other > first.len() as u64 {
            text.push_str(&format!("\n  and {} more", other - first.len() as u64));
        }
        text
    }
}

#[cfg(test)]
#[path = "repeats_tests.rs"]
mod tests;
