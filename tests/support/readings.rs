//! Readings with names of their own, as tests keep and compare them.

use isotherm::domain::{Day, Readings};
use isotherm::failure::Failure;
use isotherm::source::{Progressed, Source};

#[derive(Clone, Debug, PartialEq)]
pub struct OwnedReading {
    pub station_id: String,
    pub day: Day,
    pub degrees: f64,
}

/// As [`Source::next`]: what it gives is put behind the others, with room for so many more.
pub fn next(source: &mut dyn Source, all: &mut Vec<OwnedReading>, readings_max: usize) -> Result<Progressed, Failure> {
    let mut readings = Readings::default();
    let progressed = source.next(&mut readings, readings_max);
    all.extend(readings.iter().map(|reading| OwnedReading {
        station_id: reading.station_id.to_owned(),
        day: reading.day,
        degrees: reading.degrees,
    }));
    progressed
}
