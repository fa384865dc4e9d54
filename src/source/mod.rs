//! Where readings come from: simulated weather, files and streams in CSV or in the format of NOAA's GHCN-Daily.
//!
//! Guarantees: the same parameters and files give the same readings in the same order; a source opened with a cursor
//! yields exactly what the source it was taken from had not handed out yet, whatever the sizes of the batches; a bad line
//! never stops a source and is never passed over in silence; memory is bounded whatever the files hold, and none is
//! allocated for a single reading. Uses `settings`, `failure` and `domain`; knows no log and no actors.

pub mod content;
pub mod csv;
pub mod disk;
pub mod edges;
pub mod files;
pub mod ghcn_daily;
pub mod lines;
mod pattern;
pub mod preview;
pub mod simulate;
pub mod stream;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::domain::Readings;
use crate::failure::{Failure, Kind};
use crate::settings::{self, SourceKind};
use disk::{Inputs, SourceDisk};
use edges::Edges;
use files::FileRecord;
use files::questions::Questions;

/// The way out where what is kept of a source is of no use.
pub const COMPARE_ANEW: &str = "restore copies of source.json and of the source.files-N.jsonl beside it; or remove source.json, and \
     the files of the source are compared with the log: nothing that it has is sent again (all of a stream is)";

/// Bad lines that are named; more are only counted until they are taken.
pub const BAD_LINES_NAMED_MAX: usize = 100;

/// What the caller of [`Source::next`] must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progressed {
    /// Ask again. The call may have appended nothing: one call reads a bounded number of lines.
    More,
    /// Wait this long before asking again.
    Wait(Duration),
    /// All that was handed out has to be in the log and kept, and then [`Source::asked`] to be answered, before the source
    /// goes on.
    Settle,
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

/// Bad lines since they were taken: all are counted, the first are named.
#[derive(Debug, Default)]
struct BadLines {
    total: u64,
    named: Vec<BadLine>,
    /// Of all, taken or not.
    first: Option<BadLine>,
}

impl BadLines {
    /// Notes a line by its number and why it is bad, if there is one.
    fn note(&mut self, file: &Path, bad: Option<(u64, String)>) {
        let Some((line, reason)) = bad else { return };
        self.total += 1;
        let bad = BadLine { file: file.to_owned(), line, reason };
        self.first.get_or_insert_with(|| bad.clone());
        if self.named.len() < BAD_LINES_NAMED_MAX {
            self.named.push(bad);
        }
    }

    fn take(&mut self) -> (u64, Vec<BadLine>) {
        (std::mem::take(&mut self.total), std::mem::take(&mut self.named))
    }
}

/// What is kept of a source between two runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    /// `None` at the very beginning.
    pub cursor: Option<Value>,
    /// What is known of each file that was read.
    pub files: Vec<FileRecord>,
    /// The log had records when the source was begun with: what this source gives may be among them.
    pub log_has_records: bool,
}

/// What a person is to be told of a source's files, or of its stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileNews {
    /// Files are no longer there of which nothing is left to be read, or that were not begun.
    Gone { files: usize, first: String },
    /// A pass begins in which files are compared with the log.
    Comparing(FileComparison),
    /// All passes are done.
    Compared(FileComparison),
    /// The last lines of files have no end, and the files were changed just now: they are waited for.
    Half { files: usize, first: String },
    /// Files were changed whenever they were looked at; the next run goes on with them.
    StillChanging { files: usize, first: String },
    /// The stream's last line has no end: it is taken as it is.
    NoLastEnd { name: String },
    /// The stream is the one that was read before: so much of it is passed over.
    KnownStream { name: String, bytes: u64 },
    /// The stream does not begin as the one before, of which so much was read: nothing is passed over.
    OtherStream { name: String, bytes: u64 },
}

/// What was sent of files that were compared with the log, and what was found missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SentAgain {
    /// Readings whose day the log has with another value.
    pub revised: u64,
    /// Readings that the log may have had.
    pub doubtful: u64,
    /// Days that the log has of the files' stations, and no file.
    pub withdrawn: u64,
}

/// Files that were changed, and what came of comparing them with the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileComparison {
    pub files: usize,
    pub first: String,
    /// From 1.
    pub pass: usize,
    pub passes: usize,
    /// That were compared so far.
    pub readings: usize,
    /// Readings that were sent because the log has none of their day.
    pub new: u64,
    /// Of those, readings that may be in the log's past all the same.
    pub doubtful: u64,
    pub why_doubtful: Option<String>,
    /// Readings that were sent because the log's last one of their day has another value.
    pub revised: u64,
    /// Days that the log has of the files' stations, and no file.
    pub withdrawn: u64,
}

/// A sequence of readings that can be gone on with from a cursor.
pub trait Source: Send {
    /// Appends readings until there are `readings_max` (at least 1) of them, or [`Readings::BYTES_MAX`] bytes. Blocks only
    /// on reads of files.
    fn next(&mut self, readings: &mut Readings, readings_max: usize) -> Result<Progressed, Failure>;

    /// The place after everything handed out so far; [`open`] with it, and with what [`Source::take_files`] gave, yields
    /// exactly the rest. It is small however many files there are.
    fn cursor(&self) -> Value;

    /// After [`Progressed::Ended`]: a failure if none of what was read since the very first run is a reading, although there was
    /// something: a wrong setting is no success.
    fn check_end(&self) -> Result<(), Failure> {
        Ok(())
    }

    /// What is newly known of files since the last time; part of the place.
    fn take_files(&mut self) -> Vec<FileRecord> {
        Vec::new()
    }

    /// What the log is to be asked after [`Progressed::Settle`], if anything.
    fn asked(&mut self) -> Option<&mut Questions> {
        None
    }

    /// All is kept, and what was asked is answered.
    fn settled(&mut self) {}

    /// Whether all that the log has was seen in a comparison since the last time.
    fn take_compared(&mut self) -> bool {
        false
    }

    /// What was sent because of a comparison, since the last time.
    fn take_sent_again(&mut self) -> SentAgain {
        SentAgain::default()
    }

    /// Whether readings that the log has already are recognised.
    fn compares(&self) -> bool {
        false
    }

    /// What happened to files since the last time.
    fn take_news(&mut self) -> Vec<FileNews> {
        Vec::new()
    }

    /// Bad lines since the last time: how many, and the first [`BAD_LINES_NAMED_MAX`] of them.
    fn take_bad_lines(&mut self) -> (u64, Vec<BadLine>) {
        (0, Vec::new())
    }

    /// Values passed over because the source itself says that they failed its quality checks, up to the cursor and
    /// since the very first run; of a stream, since its beginning.
    fn skipped_quality(&self) -> u64 {
        0
    }

    /// The lowest and the highest value of those that were given since the source was opened.
    fn edges(&self) -> Edges {
        Edges::default()
    }

    /// Bytes read since the very first run, and those that there were to read when the source was opened, 0 where that is not
    /// known; `None` where there is no such measure. For showing how far it is.
    fn bytes(&self) -> Option<(u64, u64)> {
        None
    }
}

/// What a source is, before it is opened.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// As the settings name it: `simulate`, `csv` or `ghcn_daily`.
    pub kind: &'static str,
    /// What decides which readings come, and in which order: a cursor of other parameters means nothing here.
    /// What only says how fast they come or where they end is left out, so that it may change between two runs; and so is a
    /// setting that is newer than the first cursors, where it has its default.
    pub parameters: Value,
}

/// The format of the files that the settings name; `None` where the source reads none.
pub fn format(settings: &settings::Source) -> Result<Option<Box<dyn files::Format>>, Failure> {
    Ok(match settings.kind {
        SourceKind::Simulate => None,
        SourceKind::Csv => Some(Box::new(csv::Csv::new(&settings.csv)?)),
        SourceKind::GhcnDaily => Some(Box::new(ghcn_daily::GhcnDaily::new(&settings.ghcn_daily))),
    })
}

/// Describes the source that the settings name. Fatal if they are wrong, or name no file.
pub fn describe(settings: &settings::Source, disk: &dyn SourceDisk) -> Result<Description, Failure> {
    let mut description = match format(settings)? {
        Some(format) => Description { kind: format.kind(), parameters: format.parameters() },
        None => {
            let simulation = simulate::Simulation::open(&settings.simulate, None)?;
            Description { kind: "simulate", parameters: simulation.parameters() }
        }
    };
    if let Some((key, pattern)) = settings.files()
        && let Inputs::Stream(name) = disk.find(key, pattern)?
    {
        if settings.kind == SourceKind::Csv && settings.csv.station_column.is_empty() {
            let what = format!("{key} = {pattern:?}: the name of {name} is not that of a station");
            return Err(Failure::fatal(Kind::Settings, what).advice("set source.csv.station_column"));
        }
        // Another name may be another one of the same stream.
        description.parameters["files"] = "-".into();
    }
    Ok(description)
}

/// Opens the source that the settings name, where the last run stopped.
///
/// What is kept must be of a source with the same kind and parameters. Fatal if the settings name no file, or if a file is
/// gone that was begun and not read to its end.
pub fn open(settings: &settings::Source, disk: Arc<dyn SourceDisk>, kept: Kept) -> Result<Box<dyn Source>, Failure> {
    Ok(match settings.kind {
        SourceKind::Simulate => Box::new(simulate::Simulation::open(&settings.simulate, kept.cursor.as_ref())?),
        SourceKind::Csv => open_input(settings, csv::Csv::new(&settings.csv)?, disk, kept)?,
        SourceKind::GhcnDaily => open_input(settings, ghcn_daily::GhcnDaily::new(&settings.ghcn_daily), disk, kept)?,
    })
}

fn open_input(
    settings: &settings::Source,
    format: impl files::Format + 'static,
    disk: Arc<dyn SourceDisk>,
    kept: Kept,
) -> Result<Box<dyn Source>, Failure> {
    let (key, pattern) = settings.files().expect("a source with a format has a pattern of files");
    Ok(match disk.find(key, pattern)? {
        Inputs::Files(names) => Box::new(files::FileSource::open(settings, format, names, disk, kept)?),
        Inputs::Stream(name) => {
            let input = disk.open_stream(&name, settings.encoding())?;
            Box::new(stream::StreamSource::open(format, &name, input, disk.now_ms(), &kept)?)
        }
    })
}

/// See [`Source::check_end`].
fn has_readings<'a>(
    records: impl Iterator<Item = &'a FileRecord>,
    others: Option<String>,
    bad_lines: &BadLines,
) -> Result<(), Failure> {
    let mut all = FileRecord::default();
    for record in records {
        all.readings += record.readings;
        all.bad_lines += record.bad_lines;
        all.missing += record.missing;
        all.skipped_quality += record.skipped_quality;
        all.passed_over += record.passed_over;
    }
    let FileRecord { readings, bad_lines: bad, missing, skipped_quality, passed_over, .. } = all;
    if readings > 0 || bad + missing + skipped_quality + passed_over == 0 {
        return Ok(());
    }
    let what = format!(
        "nothing of the source is a reading: {bad} lines are bad, {missing} values are missing, {skipped_quality} have failed \
         quality, {passed_over} lines are of something else"
    );
    let failure = Failure::fatal(Kind::Data, what);
    Err(match (&bad_lines.first, others) {
        (Some(BadLine { file, line, reason }), _) => failure
            .advice(format!("the first bad line is line {line} of {}: {reason}; set what reads it", file.display())),
        (None, Some(others)) if passed_over > 0 => failure.advice(others),
        _ => failure.advice("see whether the settings of the source name what the files have"),
    })
}

/// Reads a cursor's fields.
fn parse_cursor<T: serde::de::DeserializeOwned>(cursor: &Value, kind: &str) -> Result<T, Failure> {
    T::deserialize(cursor).map_err(|error| {
        Failure::fatal(Kind::Data, format!("the stored cursor is not one of the source {kind}: {error}"))
            .advice(COMPARE_ANEW)
    })
}
