//! What a source would give, without giving it: the first readings, and the first lines that hold none.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::content::Content;
use super::disk::{Inputs, SourceDisk, Stamp};
use super::edges::{Edge, Edges};
use super::files::open_file::OpenFile;
use super::files::prefix::open_at;
use super::files::{FileRecord, Format};
use super::simulate::Simulation;
use super::stream::input::InputFile;
use super::{BadLines, Source as _, has_readings};
use crate::domain::Readings;
use crate::failure::{Failure, Kind};
use crate::settings;

/// What is looked at: so many lines, and of a stream no more than is kept of it.
const LINES_MAX: u64 = 100_000;
const BYTES_MAX: u64 = 8 << 20;
/// Lines without a reading are shown of each kind.
const OF_EACH_KIND_MAX: usize = 3;
const WAIT: Duration = Duration::from_millis(10);
/// A stream of which nothing comes for so long is shown as far as it came.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// The beginning of a source.
#[derive(Debug, Default, Serialize)]
pub struct Preview {
    pub readings: Vec<PreviewReading>,
    /// Lines that hold none, in their order: all bad ones up to as many as readings are shown, and the first of the others.
    pub others: Vec<PreviewLine>,
    pub files: usize,
    pub files_total: usize,
    pub lines: u64,
    /// Of these lines.
    pub counts: Counts,
    /// Whether that is all of the source.
    pub is_all: bool,
    pub doubtful_values: Vec<Edge>,
}

#[derive(Debug, Serialize)]
pub struct PreviewReading {
    pub station: String,
    pub date: String,
    pub degrees: f64,
}

/// A line, and why it gives nothing.
#[derive(Debug, Serialize)]
pub struct PreviewLine {
    pub file: String,
    /// From 1.
    pub line: u64,
    pub reason: String,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Counts {
    pub readings: u64,
    pub bad_lines: u64,
    pub missing: u64,
    pub failed_quality: u64,
    pub passed_over: u64,
}

impl Counts {
    fn of(record: &FileRecord) -> Self {
        let FileRecord { readings, bad_lines, missing, skipped_quality: failed_quality, passed_over, .. } = *record;
        Self { readings, bad_lines, missing, failed_quality, passed_over }
    }
}

/// What is seen on the way.
struct Looking<'a> {
    preview: Preview,
    shown_max: usize,
    format: &'a mut dyn Format,
    records: Vec<FileRecord>,
    bad_lines: BadLines,
    edges: Edges,
    /// Files that were shown as being written.
    files_left: usize,
    /// Lines that were shown as having no value, as failed, and as something else.
    shown: [usize; 3],
}

/// Looks at the beginning of the source: readings and bad lines are shown up to `shown_max`. Nothing is written.
///
/// The second is a failure if nothing of that is a reading, although there is something.
pub fn preview(
    settings: &settings::Source,
    disk: &dyn SourceDisk,
    shown_max: usize,
) -> Result<(Preview, Result<(), Failure>), Failure> {
    super::describe(settings, disk)?;
    let Some(mut format) = super::format(settings)? else { return Ok((of_simulation(settings, shown_max)?, Ok(()))) };
    let (key, pattern) = settings.files().expect("a source with a format has a pattern of files");
    let mut looking = Looking {
        preview: Preview::default(),
        shown_max,
        format: &mut *format,
        records: Vec::new(),
        bad_lines: BadLines::default(),
        edges: Edges::default(),
        files_left: 0,
        shown: [0; 3],
    };
    match disk.find(key, pattern)? {
        Inputs::Files(names) => looking.files(settings, disk, &names)?,
        Inputs::Stream(name) => {
            let input = disk.open_stream(&name, settings.encoding())?;
            looking.preview.files_total = 1;
            let open = once_there(|| {
                let content = Content::AsIs(Box::new(InputFile::at(input.clone(), 0)));
                OpenFile::open(0, &name, (content, Stamp::default(), disk.now_ms()), 0, looking.format)
            });
            if let Some(open) = open? {
                looking.preview.is_all = looking.file(open)?;
            }
        }
    }
    let Looking { mut preview, records, bad_lines, edges, .. } = looking;
    preview.doubtful_values = edges.suspicious();
    let is_whole = FileRecord::check_ends(records.iter());
    let is_good = is_whole.and_then(|()| has_readings(records.iter(), format.others(), &bad_lines));
    Ok((preview, is_good))
}

/// Waits for a stream of which there is no more yet, for some seconds.
fn once_there<T>(mut read: impl FnMut() -> Result<T, Failure>) -> Result<T, Failure> {
    let began = Instant::now();
    loop {
        match read() {
            Err(failure) if failure.kind == Kind::TryAgain && began.elapsed() < WAIT_MAX => thread::sleep(WAIT),
            read => return read,
        }
    }
}

fn of_simulation(settings: &settings::Source, shown_max: usize) -> Result<Preview, Failure> {
    let mut simulation = Simulation::open(&settings.simulate, None)?;
    let mut readings = Readings::default();
    simulation.next(&mut readings, shown_max)?;
    let mut preview = Preview::default();
    for reading in readings.iter() {
        preview.readings.push(PreviewReading {
            station: reading.station_id.to_owned(),
            date: reading.day.to_string(),
            degrees: reading.degrees,
        });
    }
    preview.counts.readings = preview.readings.len() as u64;
    Ok(preview)
}

impl Looking<'_> {
    fn files(&mut self, settings: &settings::Source, disk: &dyn SourceDisk, names: &[String]) -> Result<(), Failure> {
        self.preview.files_total = names.len();
        self.preview.is_all = true;
        for name in names {
            if self.preview.lines >= LINES_MAX {
                self.preview.is_all = false;
                return Ok(());
            }
            let opened = open_at(disk, Path::new(name), settings.encoding())?;
            let open = opened.map(|opened| OpenFile::open(0, name, opened, 0, self.format)).transpose()?.flatten();
            // One that is gone, or ends within its header, is being written.
            self.preview.is_all &= match open {
                Some(open) => self.file(open)?,
                None if self.files_left == OF_EACH_KIND_MAX => false,
                None => {
                    self.files_left += 1;
                    let reason =
                        "its lines end before the first record, and it was changed just now: a run waits for more";
                    let (file, reason) = (name.clone(), reason.to_owned());
                    self.preview.others.push(PreviewLine { file, line: 1, reason });
                    false
                }
            };
        }
        Ok(())
    }

    /// Looks at a file as far as there is room; whether that was all of it.
    fn file(&mut self, mut open: OpenFile) -> Result<bool, Failure> {
        let (mut before, mut is_all) = (open.progress().0, false);
        self.preview.files += 1;
        while self.preview.lines < LINES_MAX && before.bytes < BYTES_MAX {
            is_all = match once_there(|| open.read_line(self.format)) {
                Ok(more) => !more,
                Err(failure) if failure.kind == Kind::TryAgain => break,
                Err(failure) => return Err(failure),
            };
            before = self.line(&mut open, &before);
            if is_all {
                break;
            }
        }
        if !is_all {
            // That is not the file's end.
            before.decoded = None;
        }
        self.records.push(before);
        Ok(is_all)
    }

    /// Takes what a line held; gives what is known of the file behind it.
    fn line(&mut self, open: &mut OpenFile, before: &FileRecord) -> FileRecord {
        let bad = open.take_bad();
        while let Some(reading) = open.next_reading() {
            self.edges.note(reading.degrees);
            if self.preview.readings.len() < self.shown_max {
                let (station, date) = (reading.station_id.to_owned(), reading.day.to_string());
                self.preview.readings.push(PreviewReading { station, date, degrees: reading.degrees });
            }
        }
        let (record, _) = open.progress();
        let (was, is) = (Counts::of(before), Counts::of(&record));
        let kinds = [
            (is.missing - was.missing, "no value"),
            (is.failed_quality - was.failed_quality, "a value that failed its publisher's checks"),
            (is.passed_over - was.passed_over, "something else than what is read"),
        ];
        let Preview { lines, others, counts, .. } = &mut self.preview;
        *lines += record.lines.saturating_sub(before.lines);
        counts.readings += is.readings - was.readings;
        // One that is left at the end, as more of it may come, is not known of the file yet.
        counts.bad_lines += u64::from(bad.is_some());
        counts.missing += kinds[0].0;
        counts.failed_quality += kinds[1].0;
        counts.passed_over += kinds[2].0;
        let line = before.lines + 1;
        let mut show = |reason: String| others.push(PreviewLine { file: record.file.clone(), line, reason });
        if let Some((_, reason)) = &bad
            && self.bad_lines.named.len() < self.shown_max
        {
            show(reason.clone());
        }
        for ((count, what), shown) in kinds.into_iter().zip(&mut self.shown) {
            if count > 0 && *shown < OF_EACH_KIND_MAX {
                show(if count == 1 { what.to_owned() } else { format!("{what}, {count} times") });
                *shown += 1;
            }
        }
        self.bad_lines.note(Path::new(&record.file), bad);
        record
    }
}
