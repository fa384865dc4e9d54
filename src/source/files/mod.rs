//! Readings from files: which files, in which order, how far each was read, and which of them were changed since.
//!
//! A file is recognised by all that was read of it. One that grew at its end is read on, a new one is read in its turn, and
//! any other change is a revision: the file is read anew and compared with the log, which is the source's memory. Files are
//! looked at when their turn comes, and once more before the source ends: so a file that is changed while it is read is
//! revised in the same run.

mod comparing;
mod looking;
pub(super) mod open_file;
mod others;
pub(super) mod prefix;
pub mod questions;
mod record;
mod revision;
pub mod scan;
pub mod survey;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::disk::{SourceDisk, Stamp};
use super::edges::Edges;
use super::{BadLine, BadLines, FileNews, Kept, Progressed, SentAgain, Source, has_readings, parse_cursor};
use crate::domain::Readings;
use crate::failure::{Failure, Kind};
use crate::settings;
use open_file::OpenFile;
pub use open_file::{Format, LineContent};
pub use others::Others;
use prefix::Prefix;
use questions::Questions;
pub use record::{FileRecord, StationsOfFile};
use revision::Revision;

/// Lines that one call reads before it returns to a caller who may want to stop.
const STEPS_PER_CALL_MAX: usize = 16_384;
/// As so many lines counts asking for a file's stamp, opening a file, and a piece of one that is only recognised: a network
/// filesystem may take milliseconds for each.
const STEPS_PER_STAMP: usize = 64;
const STEPS_PER_OPEN: usize = 256;
const STEPS_PER_PIECE: usize = 1024;
/// A file that was changed just now is not taken to be whole for so long.
const WRITING_MAX: Duration = Duration::from_millis(2500);

/// What `source.json` keeps of a source of files, beside the records of those that were read.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    /// The file that was not read to its end yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reading: Option<Begun>,
}

/// A file that was begun.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Begun {
    record: FileRecord,
    /// Readings of the next line that were given.
    given: usize,
}

/// What is being done.
#[derive(Default)]
enum Work {
    #[default]
    Nothing,
    /// Of the files from this one on.
    TakingStamps(usize),
    Recognising(Prefix),
    /// On the way to where the file was read to.
    Approaching(Box<OpenFile>),
    Reading(Box<OpenFile>),
    Comparing(Box<Revision>),
}

/// A source of files in one format.
pub struct FileSource<F> {
    format: F,
    disk: Arc<dyn SourceDisk>,
    settings: settings::Source,
    /// Names as the pattern gives them, in order, and what is known of each.
    names: Vec<String>,
    records: Vec<Option<FileRecord>>,
    /// Files that are still to be looked at, and the stamps of those that were looked at for it.
    turns: VecDeque<(usize, Option<Stamp>)>,
    work: Work,
    /// The file of the stored cursor, and how many readings of its next line were given, until it is gone on with.
    begun: Option<(usize, usize)>,
    /// Files of which something may have been sent that was not acknowledged, in the order in which that was.
    next: HashMap<usize, usize>,
    /// The log may have files without a record: they are compared.
    compare: bool,
    /// Files that are to be read from where they were read to: new ones, and those that grew at their end.
    unread: VecDeque<usize>,
    /// That a file is read on has to be kept before anything of it is sent.
    has_to_settle: bool,
    /// A file that was changed between its turn and its reading, open since it was recognised once more: it is read as this,
    /// also where it goes on changing, so that a file that grows all the time is read at all.
    held: Option<Prefix>,
    /// Files that are to be compared with the log.
    revised: Vec<usize>,
    is_first_look: bool,
    /// Later looks at all files that found changes.
    looks: u32,
    /// The last look found none.
    is_over: bool,
    /// A file was met that is being written: there is another look after this time.
    waits: Option<Duration>,
    /// Records that are new since they were taken.
    done: Vec<FileRecord>,
    /// Of all records together.
    bytes: u64,
    skipped_quality: u64,
    bytes_total: u64,
    bad_lines: BadLines,
    edges: Edges,
    was_compared: bool,
    sent: SentAgain,
    news: Vec<FileNews>,
}

impl<F: Format> FileSource<F> {
    /// `names`: of the files, in order.
    pub fn open(
        settings: &settings::Source,
        format: F,
        names: Vec<String>,
        disk: Arc<dyn SourceDisk>,
        kept: Kept,
    ) -> Result<Self, Failure> {
        let mut records = vec![None; names.len()];
        let mut gone: BTreeMap<String, FileRecord> = BTreeMap::new();
        let mut keep = |record: FileRecord| match names.binary_search(&record.file) {
            Ok(index) => {
                records[index] = Some(record);
                Some(index)
            }
            Err(_) => {
                gone.insert(record.file.clone(), record);
                None
            }
        };
        let before = FileRecord::of_version_1(kept.cursor.as_ref());
        let mut next = HashMap::new();
        for (place, record) in (1..).zip(kept.files.into_iter().chain(before.clone())) {
            let is_unread = record.is_unread();
            match keep(record) {
                Some(index) if is_unread => drop(next.insert(index, place)),
                Some(index) => drop(next.remove(&index)),
                None => {}
            }
        }
        let cursor = match &kept.cursor {
            Some(cursor) if before.is_empty() => parse_cursor(cursor, format.kind())?,
            _ => Cursor::default(),
        };
        let mut begun = None;
        if let Some(Begun { record, given }) = cursor.reading {
            let (name, bytes) = (record.file.clone(), record.bytes);
            let Some(index) = keep(record) else {
                return Err(open_file::gone_unread(&name, bytes));
            };
            next.insert(index, 0);
            begun = Some((index, given));
        }
        if let Some((name, record)) = gone.iter().find(|(_, record)| record.is_read_in_part()) {
            return Err(open_file::gone_unread(name, record.bytes));
        }
        let news = gone.keys().next().map(|first| FileNews::Gone { files: gone.len(), first: first.clone() });
        let of_records = |of: fn(&FileRecord) -> u64| records.iter().flatten().map(of).sum();
        let (bytes, skipped_quality) =
            (of_records(FileRecord::file_bytes), of_records(|record| record.skipped_quality));
        Ok(Self {
            format,
            disk,
            settings: settings.clone(),
            turns: VecDeque::new(),
            work: Work::TakingStamps(0),
            begun,
            next,
            compare: kept.log_has_records,
            unread: VecDeque::new(),
            has_to_settle: false,
            held: None,
            revised: Vec::new(),
            is_first_look: true,
            looks: 0,
            is_over: false,
            waits: None,
            done: before,
            bytes,
            skipped_quality,
            bytes_total: 0,
            bad_lines: BadLines::default(),
            edges: Edges::default(),
            was_compared: false,
            sent: SentAgain::default(),
            news: news.into_iter().collect(),
            names,
            records,
        })
    }

    /// A file is as this record says.
    fn set_record(&mut self, index: usize, record: FileRecord) {
        let before = self.records[index].replace(record.clone()).unwrap_or_default();
        self.bytes = self.bytes - before.file_bytes() + record.file_bytes();
        self.skipped_quality = self.skipped_quality - before.skipped_quality + record.skipped_quality;
        self.done.push(record);
    }

    fn read_on(
        &mut self,
        mut open: Box<OpenFile>,
        readings: &mut Readings,
        readings_max: usize,
    ) -> Result<(), Failure> {
        open.give(readings, readings_max, &mut self.edges);
        let full = readings.is_full(readings_max);
        let more = match if full { Ok(true) } else { self.read_line(&mut open) } {
            Ok(more) => more,
            Err(failure) => {
                // What was given before stands, and the place is behind it.
                self.work = Work::Reading(open);
                return Err(failure);
            }
        };
        let index = open.index;
        self.bad_lines.note(Path::new(&self.names[index]), open.take_bad());
        if more {
            self.work = Work::Reading(open);
        } else {
            if open.is_half() {
                self.note_half(&open);
            }
            self.set_record(index, open.progress().0);
        }
        Ok(())
    }

    /// Reads the next line. What is damaged because the file is being written is left until that is over.
    fn read_line(&mut self, open: &mut OpenFile) -> Result<bool, Failure> {
        match open.read_line(&mut self.format) {
            Err(failure) if failure.kind == Kind::Data && self.is_being_written(open)? => {
                open.leave_rest();
                Ok(false)
            }
            read => read,
        }
    }

    /// Goes on with what is to be done next; gives how many steps that was, or `None` at the end.
    fn step(&mut self, readings: &mut Readings, readings_max: usize) -> Result<Option<usize>, Failure> {
        match std::mem::take(&mut self.work) {
            Work::Reading(open) => self.read_on(open, readings, readings_max)?,
            Work::Recognising(prefix) => {
                self.recognise(prefix)?;
                return Ok(Some(STEPS_PER_PIECE));
            }
            Work::Approaching(open) => {
                self.approach(open)?;
                return Ok(Some(STEPS_PER_PIECE));
            }
            Work::Comparing(revision) => return self.compare_on(revision, readings, readings_max).map(Some),
            Work::TakingStamps(index) => {
                self.take_stamp(index)?;
                return Ok(Some(STEPS_PER_STAMP));
            }
            Work::Nothing => {
                if let Some((index, stamp)) = self.turns.pop_front() {
                    self.look_at(index, stamp)?;
                } else if let Some(index) = self.unread.pop_front() {
                    self.begin_reading(index)?;
                    return Ok(Some(STEPS_PER_OPEN));
                } else if !self.revised.is_empty() {
                    self.begin_comparing();
                } else if self.is_over || self.waits.is_some() {
                    return Ok(None);
                } else {
                    self.work = Work::TakingStamps(0);
                }
            }
        }
        Ok(Some(1))
    }
}

impl<F: Format> Source for FileSource<F> {
    fn next(&mut self, readings: &mut Readings, readings_max: usize) -> Result<Progressed, Failure> {
        let length_before = readings.len();
        let mut steps_left = STEPS_PER_CALL_MAX;
        while steps_left > 0 && !readings.is_full(readings_max) {
            let is_ready = matches!(self.work, Work::Nothing) && self.turns.is_empty();
            if (is_ready && self.has_to_settle) || self.asked().is_some() {
                return Ok(Progressed::Settle);
            }
            match self.step(readings, readings_max)? {
                Some(steps) => steps_left = steps_left.saturating_sub(steps),
                None => {
                    let waits = self.waits.take();
                    if waits.is_none() && readings.len() == length_before {
                        return Ok(Progressed::Ended);
                    }
                    // What was handed out takes its time, too: there is another look behind it.
                    self.is_over = false;
                    return Ok(waits.map_or(Progressed::More, Progressed::Wait));
                }
            }
        }
        Ok(Progressed::More)
    }

    fn cursor(&self) -> Value {
        let reading = match (&self.work, self.begun, &self.held) {
            (Work::Reading(open), ..) => Some(open.progress()),
            (Work::Approaching(open), ..) => Some((self.record_of(open), self.given(open.index))),
            (_, Some((index, given)), _) => self.records[index].clone().map(|record| (record, given)),
            // It is read before those that were met earlier.
            (.., Some(held)) => self.records[held.index].clone().map(|record| (record, 0)),
            _ => None,
        };
        let reading = reading.map(|(record, given)| Begun { record, given });
        serde_json::to_value(Cursor { reading }).expect("names and numbers are JSON")
    }

    fn check_end(&self) -> Result<(), Failure> {
        FileRecord::check_ends(self.records.iter().flatten())?;
        has_readings(self.records.iter().flatten(), self.format.others(), &self.bad_lines)
    }

    fn take_files(&mut self) -> Vec<FileRecord> {
        std::mem::take(&mut self.done)
    }

    fn asked(&mut self) -> Option<&mut Questions> {
        match &mut self.work {
            Work::Comparing(revision) => revision.asked(),
            _ => None,
        }
    }

    fn take_compared(&mut self) -> bool {
        std::mem::take(&mut self.was_compared)
    }

    fn settled(&mut self) {
        self.has_to_settle = false;
        if let Work::Comparing(revision) = &mut self.work {
            revision.answered();
            self.was_compared = true;
        }
    }

    fn compares(&self) -> bool {
        true
    }

    fn take_sent_again(&mut self) -> SentAgain {
        std::mem::take(&mut self.sent)
    }

    fn take_news(&mut self) -> Vec<FileNews> {
        std::mem::take(&mut self.news)
    }

    fn take_bad_lines(&mut self) -> (u64, Vec<BadLine>) {
        self.bad_lines.take()
    }

    fn edges(&self) -> Edges {
        self.edges.clone()
    }

    fn skipped_quality(&self) -> u64 {
        let reading = match &self.work {
            Work::Reading(open) => open.skipped_quality() - self.record_of(open).skipped_quality,
            _ => 0,
        };
        self.skipped_quality + reading
    }

    fn bytes(&self) -> Option<(u64, u64)> {
        let reading = match &self.work {
            Work::Reading(open) => open.file_bytes().saturating_sub(self.record_of(open).file_bytes()),
            _ => 0,
        };
        let read = self.bytes + reading;
        // The files may have grown meanwhile.
        Some((read, self.bytes_total.max(read)))
    }
}
