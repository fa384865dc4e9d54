//! Readings with names of their own, as tests keep and compare them.

use std::sync::Arc;

use isotherm::domain::{Day, Reading, Readings};
use isotherm::failure::Failure;
use isotherm::settings;
use isotherm::source::disk::MachineDisk;
use isotherm::source::{Kept, Progressed, Source};

#[derive(Clone, Debug, PartialEq)]
pub struct OwnedReading {
    pub station_id: String,
    pub day: Day,
    pub degrees: f64,
}

/// The source of the settings, where the last run stopped.
pub fn open(settings: &settings::Source, kept: Option<&Kept>) -> Result<Box<dyn Source>, Failure> {
    isotherm::source::open(settings, Arc::new(MachineDisk::default()), kept.cloned().unwrap_or_default())
}

/// Keeps where the source is, as the producer does.
pub fn keep(source: &mut dyn Source, kept: &mut Kept) {
    kept.cursor = Some(source.cursor());
    kept.files.extend(source.take_files());
}

/// As [`Source::next`]: what it gives is put behind the others, with room for so many more.
pub fn next(source: &mut dyn Source, all: &mut Vec<OwnedReading>, readings_max: usize) -> Result<Progressed, Failure> {
    let mut readings = Readings::default();
    let progressed = read_on(source, &mut readings, readings_max);
    all.extend(readings.iter().map(owned));
    progressed
}

pub fn owned(Reading { station_id, day, degrees }: Reading<'_>) -> OwnedReading {
    OwnedReading { station_id: station_id.to_owned(), day, degrees }
}

/// As [`Source::next`], for one who keeps all behind each call: where nothing is to be asked, nothing is to be waited for.
pub fn read_on(source: &mut dyn Source, readings: &mut Readings, readings_max: usize) -> Result<Progressed, Failure> {
    let progressed = source.next(readings, readings_max);
    if progressed == Ok(Progressed::Settle) && source.asked().is_none() {
        source.settled();
        return Ok(Progressed::More);
    }
    progressed
}
