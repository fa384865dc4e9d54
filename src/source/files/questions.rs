//! What a source asks the log: which was the last reading that it has of each of these days.
//!
//! In memory are [`READING_BYTES`] for each reading that is asked about, and no more than were allowed. Where that is too
//! little for all, they are asked in several passes, each about the stations of one class.

use std::collections::HashMap;
use std::ops::Range;

use compact_str::CompactString;
use foldhash::fast::FixedState;
use roaring::RoaringBitmap;

use crate::domain::{Day, Reading};
use crate::failure::{Failure, Kind};

/// Memory of a reading that is asked about: its own, and that of the answer.
pub const READING_BYTES: usize = size_of::<Asked>() + size_of::<AskedDay>();

/// A station takes as much memory as so many readings: its name twice, and the days that the log has besides.
const READINGS_PER_STATION: usize = 3;

/// Classes of which one would have a single station at most, but for chance.
const CLASSES_MAX: u32 = 1 << 30;

/// The readings of files, in their order, and what the log has of their days.
#[derive(Default)]
pub struct Questions {
    readings_max: usize,
    /// The class of stations that is asked about.
    class: Class,
    /// Classes that are still to be asked about.
    later: Vec<Class>,
    numbers: HashMap<CompactString, u32, FixedState>,
    stations: Vec<AskedStation>,
    readings: Vec<Asked>,
    /// By station and day; filled once all readings are there.
    days: Vec<AskedDay>,
    /// Why days of which the log has no reading may have been sent all the same.
    doubt: Option<String>,
}

/// The stations whose names have this sum, but for a multiple of so many.
#[derive(Clone, Copy)]
struct Class {
    of: u32,
    rest: u32,
}

impl Default for Class {
    /// All stations.
    fn default() -> Self {
        Self { of: 1, rest: 0 }
    }
}

impl Class {
    fn has(self, station_id: &str) -> bool {
        crc32c::crc32c(station_id.as_bytes()) % self.of == self.rest
    }
}

struct AskedStation {
    name: CompactString,
    /// Of `days`.
    days: Range<usize>,
    /// Days that the log has and that were not asked about.
    others: RoaringBitmap,
    /// The last file that has it.
    file: u32,
    /// The log may have had readings of it that it has no more.
    is_doubtful: bool,
}

#[derive(Clone, Copy)]
struct Asked {
    degrees: f64,
    station: u32,
    day: u32,
    file: u32,
}

#[derive(Clone, Copy)]
struct AskedDay {
    /// The last that the log has, if it has one.
    logged: f64,
    station: u32,
    day: u32,
    /// Place of the last reading of this day.
    last: u32,
    is_logged: bool,
}

/// What is to be done about a reading of a file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// The log has no reading of its day. It may have had one.
    New { doubtful: bool },
    /// The log's last reading of its day has another value.
    Revised { logged: f64 },
    /// The log has it, or a later one of the files counts.
    Known,
}

/// What a reading of the log is to those that are asked about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Answer {
    /// Its station is asked about in another pass.
    AnotherPass,
    NoStation,
    /// Its station is asked about, its day is not; whether it is the first of that day.
    NoDay {
        is_new: bool,
    },
    /// The first of its day.
    First,
    /// It says what the last one of its day said.
    Repeat,
    /// It says something else than the last one of its day did.
    Change {
        before: f64,
    },
}

/// There is no room for the readings of a single station.
#[derive(Debug, PartialEq, Eq)]
pub struct NoRoom;

impl NoRoom {
    pub fn failure(self, bytes_max: u64, station_id: &str) -> Failure {
        let what = format!(
            "station {station_id:?} alone has more readings than {bytes_max} bytes hold, and they are to be compared with the log"
        );
        Failure::fatal(Kind::Settings, what).advice("raise source.compare_bytes_max")
    }
}

impl Questions {
    /// About no more readings at once than fit into so much memory.
    pub fn new(bytes_max: usize) -> Self {
        Self { readings_max: (bytes_max / READING_BYTES).max(1), ..Self::default() }
    }

    /// Passes that are needed after this one, as far as is known: one can find that more are.
    pub fn passes_left(&self) -> usize {
        self.later.len()
    }

    /// Begins with another pass, if one is needed.
    pub fn begin_next(&mut self) -> bool {
        let Some(class) = self.later.pop() else { return false };
        *self =
            Self { readings_max: self.readings_max, class, later: std::mem::take(&mut self.later), ..Self::default() };
        true
    }

    /// Adds a reading of a file, if it is one of this pass.
    pub fn add(&mut self, file: u32, station_id: &str, day: Day, degrees: f64) -> Result<(), NoRoom> {
        while self.class.has(station_id) && self.is_full() {
            if self.stations.len() == 1 && self.numbers.contains_key(station_id) {
                return Err(NoRoom);
            }
            self.divide()?;
        }
        if !self.class.has(station_id) {
            return Ok(());
        }
        let station = self.station(file, station_id);
        self.readings.push(Asked { degrees, station, day: day.number(), file });
        Ok(())
    }

    /// Whether there is no room for another reading. Memory grows by what it has, and not past what it may have.
    fn is_full(&mut self) -> bool {
        let (held, max) = (self.readings.len() + self.stations.len() * READINGS_PER_STATION, self.readings_max);
        if self.readings.len() == self.readings.capacity() {
            self.readings.reserve_exact(max.saturating_sub(held).min(self.readings.len()).max(64));
        }
        held >= max
    }

    /// Asks about a station that a file had before, whether it has readings of it or not.
    pub fn add_station(&mut self, file: u32, station_id: &str) {
        if self.class.has(station_id) {
            self.station(file, station_id);
        }
    }

    /// The number of a station, which is of this file if of none behind it.
    fn station(&mut self, file: u32, station_id: &str) -> u32 {
        if let Some(&station) = self.numbers.get(station_id) {
            self.stations[station as usize].file = file;
            return station;
        }
        let number = u32::try_from(self.stations.len()).expect("there is memory for fewer");
        let name = CompactString::from(station_id);
        self.numbers.insert(name.clone(), number);
        self.stations.push(AskedStation { name, days: 0..0, others: RoaringBitmap::new(), file, is_doubtful: false });
        number
    }

    /// Leaves half of the stations to a later pass.
    fn divide(&mut self) -> Result<(), NoRoom> {
        let Class { of, rest } = self.class;
        if of >= CLASSES_MAX {
            return Err(NoRoom);
        }
        let mut later = std::mem::take(&mut self.later);
        later.push(Class { of: 2 * of, rest: rest + of });
        let class = Class { of: 2 * of, rest };
        let before = std::mem::replace(self, Self { readings_max: self.readings_max, class, later, ..Self::default() });
        for AskedStation { name, file, .. } in &before.stations {
            self.add_station(*file, name);
        }
        for Asked { degrees, station, day, file } in before.readings {
            let day = Day::from_number(day).expect("it was a day");
            self.add(file, &before.stations[station as usize].name, day, degrees)?;
        }
        Ok(())
    }

    /// All readings of the pass are there.
    pub fn finish(&mut self) {
        let place = |at: usize| u32::try_from(at).expect("there is memory for fewer");
        self.days = self
            .readings
            .iter()
            .enumerate()
            .map(|(at, asked)| {
                let Asked { station, day, .. } = *asked;
                AskedDay { logged: 0.0, station, day, last: place(at), is_logged: false }
            })
            .collect();
        self.days.sort_unstable_by_key(|asked| (asked.station, asked.day, asked.last));
        self.days.dedup_by(|later, earlier| {
            let same = (later.station, later.day) == (earlier.station, earlier.day);
            if same {
                earlier.last = later.last;
            }
            same
        });
        let mut start = 0;
        for days in self.days.chunk_by(|one, other| one.station == other.station) {
            self.stations[days[0].station as usize].days = start..start + days.len();
            start += days.len();
        }
    }

    /// Nothing is to be asked.
    pub fn is_empty(&self) -> bool {
        self.stations.is_empty()
    }

    /// Names of the stations that are asked about.
    pub fn stations(&self) -> impl Iterator<Item = &str> {
        self.stations.iter().map(|station| station.name.as_str())
    }

    /// A reading of the log; they come in the log's order.
    pub fn answer(&mut self, reading: &Reading<'_>) -> Answer {
        let Some(&station) = self.numbers.get(reading.station_id) else {
            return if self.class.has(reading.station_id) { Answer::NoStation } else { Answer::AnotherPass };
        };
        let (station, day) = (&mut self.stations[station as usize], reading.day.number());
        let days = &mut self.days[station.days.clone()];
        let Ok(at) = days.binary_search_by_key(&day, |asked| asked.day) else {
            return Answer::NoDay { is_new: station.others.insert(day) };
        };
        let before = days[at].is_logged.then_some(days[at].logged);
        (days[at].logged, days[at].is_logged) = (reading.degrees, true);
        match before {
            None => Answer::First,
            Some(before) if before == reading.degrees => Answer::Repeat,
            Some(before) => Answer::Change { before },
        }
    }

    /// The log may have had readings of these stations that it has no more.
    pub fn doubt(&mut self, is_of: impl Fn(&str) -> bool, why: String) {
        for station in &mut self.stations {
            station.is_doubtful |= is_of(&station.name);
        }
        self.doubt.get_or_insert(why);
    }

    pub fn why_doubtful(&self) -> Option<&str> {
        self.doubt.as_deref()
    }

    /// Readings of the pass.
    pub fn count(&self) -> usize {
        self.readings.len()
    }

    /// The reading in this place, which file it is of, and what is to be done about it.
    pub fn reading(&self, place: usize) -> (Reading<'_>, u32, Verdict) {
        let Asked { degrees, station, day, file } = self.readings[place];
        let asked = &self.stations[station as usize];
        let verdict = match self.day_of(place) {
            AskedDay { is_logged: false, .. } => Verdict::New { doubtful: asked.is_doubtful },
            AskedDay { last, logged, .. } if *last as usize == place && *logged != degrees => {
                Verdict::Revised { logged: *logged }
            }
            _ => Verdict::Known,
        };
        let day = Day::from_number(day).expect("it was a day");
        (Reading { station_id: &asked.name, day, degrees }, file, verdict)
    }

    /// What the log has last of the day of the reading in this place, if anything.
    pub fn logged(&self, place: usize) -> Option<f64> {
        let day = self.day_of(place);
        day.is_logged.then_some(day.logged)
    }

    /// Whether no reading behind this place is of the same day.
    pub fn is_last(&self, place: usize) -> bool {
        self.day_of(place).last as usize == place
    }

    fn day_of(&self, place: usize) -> &AskedDay {
        let Asked { station, day, .. } = self.readings[place];
        let days = &self.days[self.stations[station as usize].days.clone()];
        let found = days.binary_search_by_key(&day, |asked| asked.day);
        &days[found.expect("every reading's day is there")]
    }

    /// Whether the log has days of this station that no file is known to have.
    pub fn lacks(&self, station_id: &str) -> bool {
        self.numbers.get(station_id).is_some_and(|station| !self.stations[*station as usize].others.is_empty())
    }

    /// Whether it has such days of any station.
    pub fn lacks_any(&self) -> bool {
        self.stations.iter().any(|station| !station.others.is_empty())
    }

    /// A file that was not asked about has a reading of this day.
    pub fn found_elsewhere(&mut self, station_id: &str, day: Day) {
        if let Some(station) = self.numbers.get(station_id) {
            self.stations[*station as usize].others.remove(day.number());
        }
    }

    /// Days that the log has and no file, by the file that has the station.
    pub fn withdrawn(&self) -> impl Iterator<Item = (u32, u64)> {
        self.stations.iter().map(|station| (station.file, station.others.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(number: u32) -> Day {
        Day::from_number(number).expect("it is a day")
    }

    /// Adds so many days of each station in every pass, and gives how many were asked about in all passes, and the most in one.
    fn asked(readings_max: usize, stations: &[&str], days: u32) -> Result<(usize, usize), NoRoom> {
        let mut questions = Questions::new(readings_max * READING_BYTES);
        let (mut all, mut most) = (0, 0);
        loop {
            for number in 0..days {
                for station in stations {
                    questions.add(0, station, day(number), 1.0)?;
                }
            }
            questions.finish();
            (all, most) = (all + questions.count(), most.max(questions.count()));
            if !questions.begin_next() {
                return Ok((all, most));
            }
        }
    }

    #[test]
    fn every_reading_is_asked_about_once_and_no_pass_is_larger_than_memory() {
        assert_eq!(asked(1000, &["A", "B", "C"], 100), Ok((300, 300)));
        let (all, most) = asked(150, &["A", "B", "C", "D", "E"], 100).expect("each has room by itself");
        assert!(all == 500 && most <= 150, "{all} {most}");
    }

    #[test]
    fn a_station_that_just_fits_leaves_the_others_to_another_pass_and_one_that_does_not_is_refused() {
        let fits = 100 + READINGS_PER_STATION;
        assert_eq!(asked(fits, &["A", "B"], 100), Ok((200, 100)));
        assert_eq!(asked(fits - 1, &["A"], 100), Err(NoRoom));
    }
}
