//! All files of a source, read from beginning to end beside one that may be running.

use std::collections::BTreeSet;
use std::path::Path;

use super::super::disk::Stamp;
use super::open_file::{Format, OpenFile};
use super::prefix::{cannot_read, open_at};
use crate::domain::Reading;
use crate::failure::Failure;
use crate::settings;
use crate::source::disk::SourceDisk;

/// Files that can be read again and again.
pub struct Scan<'a> {
    settings: &'a settings::Source,
    disk: &'a dyn SourceDisk,
    format: Box<dyn Format>,
    names: Vec<String>,
    /// What was read of each the last time; nothing of one that is gone, or ends within its header.
    seen: Vec<Option<Seen>>,
    /// Lines that are no readings.
    pub bad_lines: u64,
    unsteady: BTreeSet<u32>,
}

/// What was read of a file, and its stamp then.
#[derive(Clone, Copy, PartialEq)]
pub struct Seen {
    pub bytes: u64,
    pub crc32c: u32,
    stamp: Stamp,
}

impl<'a> Scan<'a> {
    /// The files of these names, in order.
    pub fn new(
        settings: &'a settings::Source,
        disk: &'a dyn SourceDisk,
        format: Box<dyn Format>,
        names: Vec<String>,
    ) -> Self {
        let seen = vec![None; names.len()];
        Self { settings, disk, format, names, seen, bad_lines: 0, unsteady: BTreeSet::new() }
    }

    pub fn names(&self) -> &[String] {
        &self.names
    }

    pub fn seen(&self, place: u32) -> Option<Seen> {
        self.seen[place as usize]
    }

    /// Files that were changed while they were read, are being written, or are gone: what they say is not what was read.
    pub fn unsteady(&self) -> &BTreeSet<u32> {
        &self.unsteady
    }

    /// Hands each reading of each file to `each`, with the file's place among the names.
    pub fn read(&mut self, mut each: impl FnMut(u32, &Reading<'_>) -> Result<(), Failure>) -> Result<(), Failure> {
        self.bad_lines = 0;
        for (place, name) in (0..).zip(&self.names) {
            let opened = open_at(self.disk, Path::new(name), self.settings.encoding())?;
            let (rest_ms, format) = (self.settings.rest_ms, &mut *self.format);
            let open = match opened {
                Some(opened) => OpenFile::open(place as usize, name, opened, rest_ms, format)?,
                None => None,
            };
            let Some(mut open) = open else {
                self.unsteady.insert(place);
                continue;
            };
            loop {
                let more = open.read_line(format)?;
                self.bad_lines += u64::from(open.take_bad().is_some());
                while let Some(reading) = open.next_reading() {
                    each(place, &reading)?;
                }
                if !more {
                    break;
                }
            }
            let (record, _) = open.progress();
            let seen = Seen { bytes: record.bytes, crc32c: record.crc32c, stamp: open.stamp() };
            let before = self.seen[place as usize].replace(seen);
            let is_changed = before.is_some_and(|before| (before.bytes, before.crc32c) != (seen.bytes, seen.crc32c));
            if is_changed || open.is_half() || record.is_unread() {
                self.unsteady.insert(place);
            }
        }
        Ok(())
    }

    /// Looks whether the files are still those that were read.
    pub fn look_again(&mut self) -> Result<(), Failure> {
        for (place, (name, seen)) in (0..).zip(self.names.iter().zip(&self.seen)) {
            let path = Path::new(name);
            let stamp = self.disk.stamp(path).map_err(|error| cannot_read(path, &error))?;
            if seen.is_none_or(|seen| stamp != Some(seen.stamp)) {
                self.unsteady.insert(place);
            }
        }
        Ok(())
    }
}
