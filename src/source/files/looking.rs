//! What became of a file since it was read.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::super::FileNews;
use super::super::disk::Stamp;
use super::open_file::{Format, OpenFile, Opened, gone_unread};
use super::prefix::{OpenedAt, Prefix, cannot_read, open_at};
use super::record::FileRecord;
use super::{FileSource, WRITING_MAX, Work};
use crate::failure::{Failure, Kind};

/// Looks before the source ends that find changes. A file that is changed all the time is left to the next run.
const LOOKS_MAX: u32 = 4;

impl<F: Format> FileSource<F> {
    /// Looks at the file of this number, or ends the look behind the last. At the first look every file gets its turn, those
    /// of which something may be in the log already before the others; later ones do that were changed since they were opened.
    pub(super) fn take_stamp(&mut self, index: usize) -> Result<(), Failure> {
        let Some(name) = self.names.get(index) else {
            self.is_over = self.turns.is_empty();
            if self.is_first_look {
                let next = &self.next;
                let place = |index| next.get(&index).copied().unwrap_or(usize::MAX);
                self.turns.make_contiguous().sort_by_key(|(index, _)| place(*index));
            } else {
                self.looks += u32::from(!self.is_over);
            }
            self.is_first_look = false;
            return Ok(());
        };
        let path = Path::new(name);
        let stamp = self.disk.stamp(path).map_err(|error| cannot_read(path, &error))?;
        if self.is_first_look {
            self.bytes_total += stamp.map_or(0, |stamp| stamp.size_bytes);
            self.turns.push_back((index, stamp));
        } else if let Some(stamp) = stamp
            && !self.records[index].as_ref().is_some_and(|record| record.is_as_read(&stamp))
        {
            if self.looks < LOOKS_MAX {
                self.turns.push_back((index, Some(stamp)));
            } else if let Some(FileNews::StillChanging { files, .. }) = self.news.last_mut() {
                *files += 1;
            } else {
                self.news.push(FileNews::StillChanging { files: 1, first: name.clone() });
            }
        }
        self.work = Work::TakingStamps(index + 1);
        Ok(())
    }

    /// A file's turn: it is passed over, recognised by its content, to be read, or to be compared.
    pub(super) fn look_at(&mut self, index: usize, stamp: Option<Stamp>) -> Result<(), Failure> {
        let Some(stamp) = stamp else { return self.is_gone(index) };
        let Some(record) = &self.records[index] else {
            if self.compare {
                self.revised.push(index);
            } else {
                // Kept before anything of it is sent: after a crash it is gone on with in its turn, whichever other files are
                // there by then, and compared if it was changed.
                let (file, read_at_ms) = (self.names[index].clone(), self.disk.now_ms());
                self.set_record(index, FileRecord { file, stamp, read_at_ms, ..FileRecord::default() });
                self.unread.push_back(index);
                self.has_to_settle = true;
            }
            return Ok(());
        };
        // What was changed in the same moment can be seen by nothing but the content. Once after each opening is enough.
        let doubtful = self.looks == 0 && (record.is_doubtful() || self.settings.verify);
        if record.is_as_read(&stamp) && !doubtful {
            if record.is_unread() || self.is_begun(index) {
                self.unread.push_back(index);
            }
            return Ok(());
        }
        if record.stale {
            self.revise(index);
            return Ok(());
        }
        let (path, bytes) = (Path::new(&self.names[index]), record.bytes);
        let Some(opened) = open_at(&*self.disk, path, self.settings.encoding())? else { return self.is_gone(index) };
        self.work = Work::Recognising(Prefix::new(index, opened, bytes));
        Ok(())
    }

    /// Reads on in the part of a file that was read before.
    pub(super) fn recognise(&mut self, mut prefix: Prefix) -> Result<(), Failure> {
        let Prefix { index, stamp, read_at_ms, .. } = prefix;
        let failed = |error| cannot_read(Path::new(&self.names[index]), &error);
        match prefix.read_on() {
            Ok(true) => {
                self.work = Work::Recognising(prefix);
                return Ok(());
            }
            // Damaged where it was not when it was read: it is not the same.
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                self.revise(index);
                return Ok(());
            }
            read => read.map_err(failed)?,
        };
        let decoded = prefix.decoded().map_err(failed)?;
        let record = self.record(index);
        let is_same = prefix.is(record.crc32c);
        // What lies behind that may have been sent, and may have been something else.
        let is_part = self.is_begun(index) || record.is_unread();
        // Of a file that is recognised again the record says so only since a moment ago, and nothing was sent since, unless
        // it was an earlier life that said so.
        let is_new = prefix.is_again && !self.next.contains_key(&index);
        let may_have_more = is_part && record.stamp != stamp && !is_new;
        let record = FileRecord { stamp, read_at_ms, decoded, ..record.clone() };
        let grew = record.is_behind(&stamp);
        // The log has days that the file had not when it was read, and may have again.
        let may_repeat = grew && record.withdrawn > 0;
        if !is_same || may_have_more || may_repeat {
            self.revise(index);
            return Ok(());
        }
        self.set_record(index, record);
        if prefix.is_again {
            self.unread.push_front(index);
            self.held = Some(prefix);
            self.has_to_settle = true;
        } else if grew {
            self.unread.push_back(index);
            self.has_to_settle = true;
        }
        Ok(())
    }

    /// Opens a file at its beginning, or takes one that is open.
    pub(super) fn open_anew(&mut self, index: usize, held: Option<OpenedAt>) -> Result<Opened, Failure> {
        let name = &self.names[index];
        let opened =
            if held.is_some() { held } else { open_at(&*self.disk, Path::new(name), self.settings.encoding())? };
        let Some(opened) = opened else { return Ok(Opened::Gone) };
        let open = OpenFile::open(index, name, opened, self.settings.rest_ms, &mut self.format)?;
        Ok(open.map_or(Opened::HalfBeginning, |open| Opened::File(Box::new(open))))
    }

    /// Opens a file, where it was read before behind that.
    pub(super) fn begin_reading(&mut self, index: usize) -> Result<(), Failure> {
        let held = self.held.take_if(|held| held.index == index).map(Prefix::into_file);
        let is_held = held.is_some();
        let open = match self.open_anew(index, held)? {
            Opened::File(open) => open,
            Opened::Gone => return self.is_gone(index),
            // A later look finds it again.
            Opened::HalfBeginning => {
                self.records[index].take_if(|record| record.bytes == 0);
                self.wait_for(WRITING_MAX);
                return Ok(());
            }
        };
        if let Some(record) = &self.records[index]
            && open.stamp() != record.stamp
            && !is_held
        {
            // It was changed since its turn: it is recognised once more, and then read as it is open here.
            let prefix = Prefix::new(index, open.into_file(&self.names[index])?, record.bytes);
            self.work = Work::Recognising(prefix.again());
            return Ok(());
        }
        self.approach(open)
    }

    /// Goes on where a file was read to; what was packed may have a long way to there.
    pub(super) fn approach(&mut self, mut open: Box<OpenFile>) -> Result<(), Failure> {
        let index = open.index;
        if let Some(record) = &self.records[index] {
            match open.approach(record) {
                Ok(true) => {}
                Ok(false) => {
                    self.work = Work::Approaching(open);
                    return Ok(());
                }
                Err(failure) if failure.kind == Kind::Data && self.is_being_written(&open)? => {
                    self.revise(index);
                    return Ok(());
                }
                Err(failure) => return Err(failure),
            }
            match open.go_on(record, self.given(index), &mut self.format) {
                Ok(true) => {}
                Ok(false) => {
                    self.revise(index);
                    return Ok(());
                }
                Err(failure) if failure.kind == Kind::Data && self.is_being_written(&open)? => {
                    self.revise(index);
                    return Ok(());
                }
                Err(failure) => return Err(failure),
            }
        }
        self.begun.take_if(|(begun, _)| *begun == index);
        self.next.remove(&index);
        self.work = Work::Reading(open);
        Ok(())
    }

    /// A file that was read is to be compared with the log.
    fn revise(&mut self, index: usize) {
        self.begun.take_if(|(begun, _)| *begun == index);
        // Kept before anything of it is sent: it may be as it was by the next start, and the log may have what it is now.
        let record = FileRecord { stale: true, ..self.record(index).clone() };
        self.set_record(index, record);
        self.revised.push(index);
    }

    /// A file that was found has gone. That is no harm, unless a part of it was never read.
    fn is_gone(&mut self, index: usize) -> Result<(), Failure> {
        if let Some(record) = &self.records[index]
            && (self.is_begun(index) || record.is_read_in_part())
        {
            return Err(gone_unread(&record.file, record.bytes));
        }
        self.note_gone(index);
        Ok(())
    }

    /// The last line of a file was left: the file is looked at again once it is at rest.
    pub(super) fn note_half(&mut self, open: &OpenFile) {
        let left_ms = self.settings.rest_ms.saturating_add_signed(-open.progress().0.rested_ms());
        self.wait_for(Duration::from_millis(left_ms));
        if let Some(FileNews::Half { files, .. }) = self.news.last_mut() {
            *files += 1;
        } else {
            self.news.push(FileNews::Half { files: 1, first: self.names[open.index].clone() });
        }
    }

    pub(super) fn wait_for(&mut self, time: Duration) {
        self.waits = self.waits.max(Some(time));
    }

    /// Files that are gone are told together.
    pub(super) fn note_gone(&mut self, index: usize) {
        if let Some(FileNews::Gone { files, .. }) = self.news.last_mut() {
            *files += 1;
        } else {
            self.news.push(FileNews::Gone { files: 1, first: self.names[index].clone() });
        }
    }

    /// Whether this is the file of the stored cursor, which was not gone on with yet.
    fn is_begun(&self, index: usize) -> bool {
        self.begun.is_some_and(|(begun, _)| begun == index)
    }

    /// Readings of the file's next line that were given in an earlier life.
    pub(super) fn given(&self, index: usize) -> usize {
        self.begun.filter(|(begun, _)| *begun == index).map_or(0, |(_, given)| given)
    }

    /// Whether what is damaged of an open file may be so because it is being written.
    pub(super) fn is_being_written(&self, open: &OpenFile) -> Result<bool, Failure> {
        let path = Path::new(&self.names[open.index]);
        let now = self.disk.stamp(path).map_err(|error| cannot_read(path, &error))?;
        Ok(!open.is_at_rest() || now != Some(open.stamp()))
    }

    /// Of a file that has one.
    fn record(&self, index: usize) -> &FileRecord {
        self.records[index].as_ref().expect("the file was read before")
    }

    /// Of a file that is being read: what was known of it before, or nothing.
    pub(super) fn record_of(&self, open: &OpenFile) -> FileRecord {
        self.records[open.index].clone().unwrap_or_default()
    }
}
