//! Simulated weather: one reading per station and day, day by day, within a day station by station.
//!
//! A seed means the same readings forever, on every machine: the degrees of a station on a day are a function of seed,
//! station and day alone, computed from four words of ChaCha8 with additions, multiplications and divisions only.
//! Its key is the seed (8 bytes, little endian, then 24 zeros), its stream the number of the day (0 = 0001-01-01), and
//! station `s` (0 = StationA) has the words `4s` to `4s + 3` of the stream: two make the noise, the third decides
//! whether the reading is sent twice, the fourth whether it is far off. So a cursor needs no replay.

use std::time::Duration;

use chrono::Datelike;
use compact_str::CompactString;
use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Progressed, Source, parse_cursor};
use crate::domain::{Day, Reading, Readings};
use crate::failure::{Failure, Kind};
use crate::settings;

const DAYS_OF_CALENDAR: u32 = 3_652_059;
const WORDS_PER_READING: u128 = 4;
/// What an outlier is off by: no rule takes it for weather.
const OUTLIER_DEGREES: f64 = 1_000_000.0;

/// The next reading: after this many days, this station, and whether it is sent for the second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    days: u32,
    station: u32,
    again: bool,
}

/// The source `simulate`.
pub struct Simulation {
    settings: settings::Simulate,
    start: Day,
    /// One past the last day, counted from the start.
    days_end: u32,
    random: ChaCha8Rng,
    cursor: Cursor,
}

impl Simulation {
    pub fn open(settings: &settings::Simulate, cursor: Option<&Value>) -> Result<Self, Failure> {
        let start = Day::parse(&settings.start).ok_or_else(|| {
            Failure::fatal(Kind::Settings, format!("source.simulate.start is {:?}, which is not a day", settings.start))
                .advice("write it as YYYY-MM-DD, as in 2000-01-01")
        })?;
        let days_of_calendar = DAYS_OF_CALENDAR - start.number();
        let days_end = if settings.days == 0 { days_of_calendar } else { settings.days.min(days_of_calendar) };
        let cursor = match cursor {
            None => Cursor { days: 0, station: 0, again: false },
            Some(cursor) => parse_cursor(cursor, "simulate")?,
        };
        if cursor.station >= settings.stations || cursor.days > days_of_calendar {
            return Err(Failure::fatal(
                Kind::Data,
                format!(
                    "the stored cursor is at station {} of day {}, but the simulation has {} stations and {days_of_calendar} days",
                    cursor.station, cursor.days, settings.stations
                ),
            )
            .advice("set source.simulate back to what it was, or start over with log.on_start = \"recreate\""));
        }
        let mut key = [0; 32];
        key[..8].copy_from_slice(&settings.seed.to_le_bytes());
        Ok(Self { settings: settings.clone(), start, days_end, random: ChaCha8Rng::from_seed(key), cursor })
    }

    /// All but `days` and `pace_ms`: a simulation may go on longer, or faster.
    pub fn parameters(&self) -> Value {
        json!({
            "stations": self.settings.stations,
            "start": self.settings.start,
            "seed": self.settings.seed,
            "duplicates_share": self.settings.duplicates_share,
            "outliers_share": self.settings.outliers_share,
        })
    }

    /// Appends readings of the current day until the day or the room ends.
    fn continue_day(&mut self, readings: &mut Readings, readings_max: usize) {
        let day = Day::from_number(self.start.number() + self.cursor.days).expect("the cursor is within the calendar");
        let season = season(day);
        self.random.set_stream(u64::from(day.number()));
        self.random.set_word_pos(u128::from(self.cursor.station) * WORDS_PER_READING);
        while self.cursor.station < self.settings.stations && !readings.is_full(readings_max) {
            let station = self.cursor.station;
            let noise = [self.random.next_u32(), self.random.next_u32()];
            let twice = decide(self.random.next_u32(), self.settings.duplicates_share);
            let outlier = decide(self.random.next_u32(), self.settings.outliers_share);
            let degrees = degrees(station, season, noise) + if outlier { OUTLIER_DEGREES } else { 0.0 };
            let name = station_name(station);
            let reading = Reading { station_id: &name, day, degrees };
            if twice && !self.cursor.again {
                readings.push(reading);
                if readings.is_full(readings_max) {
                    self.cursor.again = true;
                    return;
                }
            }
            readings.push(reading);
            self.cursor.again = false;
            self.cursor.station += 1;
        }
        if self.cursor.station == self.settings.stations {
            self.cursor = Cursor { days: self.cursor.days + 1, station: 0, again: false };
        }
    }
}

impl Source for Simulation {
    /// With a pace, at most one day; without one, as much as there is room for.
    fn next(&mut self, readings: &mut Readings, readings_max: usize) -> Result<Progressed, Failure> {
        if self.cursor.days >= self.days_end {
            return Ok(Progressed::Ended);
        }
        let pace_ms = self.settings.pace_ms;
        while self.cursor.days < self.days_end && !readings.is_full(readings_max) {
            let day = self.cursor.days;
            self.continue_day(readings, readings_max);
            let day_ended = self.cursor.days > day;
            if pace_ms > 0 && day_ended && self.cursor.days < self.days_end {
                return Ok(Progressed::Wait(Duration::from_millis(pace_ms)));
            }
        }
        Ok(Progressed::More)
    }

    fn cursor(&self) -> Value {
        serde_json::to_value(self.cursor).expect("numbers and a flag are JSON")
    }
}

/// `StationA` … `StationZ`, `StationAA` …: as spreadsheets name their columns. Short enough to need no allocation.
pub fn station_name(station: u32) -> CompactString {
    // 26^7 is more than 2^32, so seven letters are enough.
    let mut letters = [0; 7];
    let mut at = letters.len();
    let mut rest = u64::from(station) + 1;
    while rest > 0 {
        at -= 1;
        letters[at] = b'A' + ((rest - 1) % 26) as u8;
        rest = (rest - 1) / 26;
    }
    let letters = std::str::from_utf8(&letters[at..]).expect("letters are ASCII");
    let mut name = CompactString::const_new("Station");
    name.push_str(letters);
    name
}

/// -1 in mid January to 1 in mid July. Parabolas, because a sine may differ between machines in its last bit.
fn season(day: Day) -> f64 {
    /// Days from the beginning of the warm half to the end of the year, which begins on April 20th.
    const WARM_TO_END_DAYS: u32 = 256;
    let phase = f64::from((day.date().ordinal0() + WARM_TO_END_DAYS) % 365) / 365.0 * 2.0;
    if phase < 1.0 { 4.0 * phase * (1.0 - phase) } else { -4.0 * (phase - 1.0) * (2.0 - phase) }
}

/// Degrees Fahrenheit, 0 to 110, with four digits after the point.
fn degrees(station: u32, season: f64, noise: [u32; 2]) -> f64 {
    let mean = 40.0 + (u64::from(station) * 37 % 31) as f64;
    let swing = 12.0 + (u64::from(station) * 53 % 14) as f64;
    // The sum of two even distributions: small deviations are frequent, large ones rare.
    let deviation = (f64::from(noise[0]) + f64::from(noise[1])) / 4_294_967_296.0 - 1.0;
    ((mean + swing * season + 15.0 * deviation) * 10_000.0).round() / 10_000.0
}

fn decide(word: u32, share: f64) -> bool {
    f64::from(word) < share * 4_294_967_296.0
}
