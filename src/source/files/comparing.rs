//! Files that were changed are read anew and compared with the log.
//!
//! Nothing of a comparison is kept before its end: after a crash the files are compared anew, and what was sent meanwhile is
//! in the log. A file that is changed between two passes is to be compared once more.

use std::path::Path;

use super::super::{FileComparison, FileNews};
use super::open_file::{Format, OpenFile, Opened};
use super::questions::Questions;
use super::record::{FileRecord, StationsOfFile};
use super::revision::{Revision, Stage};
use super::{FileSource, STEPS_PER_OPEN, WRITING_MAX, Work};
use crate::domain::Readings;
use crate::failure::Failure;

impl<F: Format> FileSource<F> {
    /// Begins with all files that are to be compared.
    pub(super) fn begin_comparing(&mut self) {
        let mut files = std::mem::take(&mut self.revised);
        files.sort_unstable();
        files.dedup();
        let questions = Questions::new(usize::try_from(self.settings.compare_bytes_max).unwrap_or(usize::MAX));
        let (records, first) = (vec![None; files.len()], self.names[files[0]].clone());
        let told = FileComparison { files: files.len(), first, ..FileComparison::default() };
        let stage = Stage::Reading(0, None);
        self.work = Work::Comparing(Box::new(Revision { files, records, pass: 0, stage, questions, told }));
    }

    /// One step of a comparison; gives as how many it counts.
    pub(super) fn compare_on(
        &mut self,
        mut revision: Box<Revision>,
        readings: &mut Readings,
        readings_max: usize,
    ) -> Result<usize, Failure> {
        let opens = matches!(revision.stage, Stage::Reading(_, None));
        revision.stage = match std::mem::replace(&mut revision.stage, Stage::Asking) {
            Stage::Reading(place, None) if place == revision.files.len() && revision.questions.is_empty() => {
                Stage::Giving(0)
            }
            Stage::Reading(place, None) if place == revision.files.len() => {
                revision.questions.finish();
                let FileComparison { pass, passes, readings, .. } = &mut revision.told;
                (*pass, *passes) = (revision.pass + 1, revision.pass + 1 + revision.questions.passes_left());
                *readings += revision.questions.count();
                self.news.push(FileNews::Comparing(revision.told.clone()));
                Stage::Asking
            }
            Stage::Reading(place, open) => self.read_revised(&mut revision, place, open)?,
            Stage::Asking => Stage::Asking,
            Stage::ReadingOthers(index, None) if index == self.names.len() || !revision.questions.lacks_any() => {
                for (file, days) in revision.questions.withdrawn() {
                    revision.told.withdrawn += days;
                    self.sent.withdrawn += days;
                    if let Some(record) = &mut revision.records[file as usize] {
                        record.withdrawn += days;
                    }
                }
                Stage::Giving(0)
            }
            Stage::ReadingOthers(index, open) => self.read_other(&mut revision, index, open)?,
            Stage::Giving(place) if place == revision.questions.count() => {
                revision.pass += 1;
                if !revision.questions.begin_next() {
                    self.finish_comparing(*revision);
                    return Ok(1);
                }
                Stage::Reading(0, None)
            }
            Stage::Giving(place) => Stage::Giving(revision.give(place, readings, readings_max, &mut self.sent)),
        };
        let opens = opens || matches!(revision.stage, Stage::ReadingOthers(_, Some(_)));
        self.work = Work::Comparing(revision);
        Ok(if opens { STEPS_PER_OPEN } else { 1 })
    }

    /// Reads a line of a file that is to be compared.
    fn read_revised(
        &mut self,
        revision: &mut Revision,
        place: usize,
        open: Option<Box<OpenFile>>,
    ) -> Result<Stage, Failure> {
        let index = revision.files[place];
        let Some(mut open) = open else {
            let opened = self.open_anew(index, None)?;
            let Opened::File(open) = opened else {
                // What it had in an earlier pass was not compared whole.
                if let Some(record) = &mut revision.records[place] {
                    record.stale = true;
                }
                match opened {
                    Opened::Gone => self.note_gone(index),
                    _ => self.wait_for(WRITING_MAX),
                }
                return Ok(Stage::Reading(place + 1, None));
            };
            if let Some(FileRecord { stations: StationsOfFile::One(station), .. }) = &self.records[index] {
                // The file may have no reading of it any more.
                revision.questions.add_station(number(place), station);
            }
            return Ok(Stage::Reading(place, Some(open)));
        };
        let more = self.read_line(&mut open)?;
        let bad = open.take_bad().filter(|_| revision.pass == 0);
        self.bad_lines.note(Path::new(&self.names[index]), bad);
        while let Some(reading) = open.next_reading() {
            let added = revision.questions.add(number(place), reading.station_id, reading.day, reading.degrees);
            added.map_err(|no_room| no_room.failure(self.settings.compare_bytes_max, reading.station_id))?;
        }
        if more {
            return Ok(Stage::Reading(place, Some(open)));
        }
        if open.is_half() {
            self.note_half(&open);
        }
        let (record, _) = open.progress();
        match &mut revision.records[place] {
            Some(first) => first.stale |= (first.bytes, first.crc32c) != (record.bytes, record.crc32c),
            None => revision.records[place] = Some(FileRecord { stale: revision.pass > 0, ..record }),
        }
        Ok(Stage::Reading(place + 1, None))
    }

    /// Reads a line of a file that is not compared, if it may have a day that is missing elsewhere.
    fn read_other(
        &mut self,
        revision: &mut Revision,
        index: usize,
        open: Option<Box<OpenFile>>,
    ) -> Result<Stage, Failure> {
        let Some(mut open) = open else {
            let is_compared = revision.files.binary_search(&index).is_ok();
            let record = self.records[index].as_ref().filter(|_| !is_compared);
            let may_have = record.is_some_and(|record| match &record.stations {
                StationsOfFile::None => false,
                StationsOfFile::One(station) => revision.questions.lacks(station),
                StationsOfFile::Several => true,
            });
            if !may_have {
                return Ok(Stage::ReadingOthers(index + 1, None));
            }
            let opened = self.open_anew(index, None)?;
            return Ok(match opened {
                Opened::File(open) => Stage::ReadingOthers(index, Some(open)),
                // It was changed since it was read: a later look says what became of it.
                Opened::Gone | Opened::HalfBeginning => Stage::ReadingOthers(index + 1, None),
            });
        };
        let more = self.read_line(&mut open)?;
        // It was named when the file was read.
        drop(open.take_bad());
        while let Some(reading) = open.next_reading() {
            revision.questions.found_elsewhere(reading.station_id, reading.day);
        }
        Ok(if more { Stage::ReadingOthers(index, Some(open)) } else { Stage::ReadingOthers(index + 1, None) })
    }

    /// All passes are done: the files are as they were read.
    fn finish_comparing(&mut self, revision: Revision) {
        for (index, record) in revision.files.into_iter().zip(revision.records) {
            let Some(mut record) = record else { continue };
            record.revised += self.records[index].as_ref().map_or(0, |before| before.revised);
            self.set_record(index, record);
        }
        self.news.push(FileNews::Compared(revision.told));
    }
}

fn number(place: usize) -> u32 {
    u32::try_from(place).expect("there are fewer files")
}
