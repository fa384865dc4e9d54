//! Where readings come from: simulated weather, CSV files, NOAA's GHCN-Daily files.
//!
//! Guarantees: the same parameters and files give the same readings in the same order; a source opened with a cursor
//! yields exactly what the source it was taken from had not handed out yet, whatever the sizes of the batches; a bad line
//! never stops a source and is never passed over in silence; memory is bounded whatever the files hold, and none is
//! allocated for a single reading. Uses `settings`, `failure` and `domain`; knows no log and no actors.

pub mod csv;
pub mod files;
pub mod ghcn_daily;
pub mod lines;
pub mod simulate;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::domain::Readings;
use crate::failure::{Failure, Kind};
use crate::settings::{self, SourceKind};

/// Bad lines that are named; more are only counted until they are taken.
pub const BAD_LINES_NAMED_MAX: usize = 100;

/// What the caller of [`Source::next`] must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progressed {
    /// Ask again. The call may have appended nothing: one call reads a bounded number of lines.
    More,
    /// Wait this long before asking again.
    Wait(Duration),
    /// Nothing is left; this call appended nothing, and neither will any later one.
    Ended,
}

/// A line that could not be read as a reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    pub file: PathBuf,
    /// From 1; of a record over several lines, its first.
    pub line: u64,
    pub reason: String,
}

/// A sequence of readings that can be gone on with from a cursor.
pub trait Source: Send {
    /// Appends readings until there are `readings_max` (at least 1) of them, or [`Readings::BYTES_MAX`] bytes. Blocks only
    /// on reads of files.
    fn next(&mut self, readings: &mut Readings, readings_max: usize) -> Result<Progressed, Failure>;

    /// The place after everything handed out so far; [`open`] with it yields exactly the rest.
    fn cursor(&self) -> Value;

    /// What decides which readings come, and in which order: a cursor of other parameters means nothing here.
    /// What only says how fast they come or where they end is left out, so that it may change between two runs.
    fn parameters(&self) -> Value;

    /// The kind as the settings name it: `simulate`, `csv` or `ghcn_daily`.
    fn kind(&self) -> &'static str;

    /// Bad lines since the last time: how many, and the first [`BAD_LINES_NAMED_MAX`] of them.
    fn take_bad_lines(&mut self) -> (u64, Vec<BadLine>) {
        (0, Vec::new())
    }

    /// Values passed over because the source itself says that they failed its quality checks, up to the cursor and
    /// since the very first run.
    fn skipped_quality(&self) -> u64 {
        0
    }

    /// Bytes read since the very first run, and those that there were to read when the source was opened; `None` where
    /// there is no such measure. For showing how far it is.
    fn bytes(&self) -> Option<(u64, u64)> {
        None
    }
}

/// Opens the source that the settings name, at its start or at a cursor.
///
/// The cursor must be of a source with the same kind and parameters. Fatal if the settings name no file, or if a file
/// of the cursor is gone, shorter than what was read of it, or another one.
pub fn open(settings: &settings::Source, cursor: Option<&Value>) -> Result<Box<dyn Source>, Failure> {
    Ok(match settings.kind {
        SourceKind::Simulate => Box::new(simulate::Simulation::open(&settings.simulate, cursor)?),
        SourceKind::Csv => {
            let format = csv::Csv::new(&settings.csv)?;
            Box::new(files::FileSource::open("source.csv.files", &settings.csv.files, format, cursor)?)
        }
        SourceKind::GhcnDaily => {
            let format = ghcn_daily::GhcnDaily::new(&settings.ghcn_daily);
            Box::new(files::FileSource::open("source.ghcn_daily.files", &settings.ghcn_daily.files, format, cursor)?)
        }
    })
}

/// Reads a cursor's fields.
fn parse_cursor<T: serde::de::DeserializeOwned>(cursor: &Value, kind: &str) -> Result<T, Failure> {
    T::deserialize(cursor).map_err(|error| {
        Failure::fatal(Kind::Data, format!("the stored cursor is not one of the source {kind}: {error}"))
            .advice("restore a copy of source.json, or start over with log.on_start = \"recreate\"")
    })
}
