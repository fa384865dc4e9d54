//! All files of a source, read from beginning to end beside one that may be running.

use std::path::Path;

use super::open_file::{Format, OpenFile};
use super::prefix::open_at;
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
    /// What was read of each the first time: bytes and CRC-32C.
    read: Vec<Option<(u64, u32)>>,
    /// The first file that was not the same each time, that is gone, or of which the last line has no end yet.
    unsteady: Option<String>,
}

impl<'a> Scan<'a> {
    /// The files of these names, in order.
    pub fn new(
        settings: &'a settings::Source,
        disk: &'a dyn SourceDisk,
        format: Box<dyn Format>,
        names: Vec<String>,
    ) -> Self {
        Self { settings, disk, format, read: vec![None; names.len()], names, unsteady: None }
    }

    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// A file that was changed while the files were read.
    pub fn unsteady(&self) -> Option<&str> {
        self.unsteady.as_deref()
    }

    /// Hands each reading of each file to `each`, with the file's place among the names.
    pub fn read(&mut self, mut each: impl FnMut(u32, &Reading<'_>) -> Result<(), Failure>) -> Result<(), Failure> {
        for (place, name) in (0..).zip(&self.names) {
            let opened = open_at(self.disk, Path::new(name))?;
            let (rest_ms, format) = (self.settings.rest_ms, &mut *self.format);
            let open = match opened {
                Some(opened) => OpenFile::open(place as usize, name, opened, rest_ms, format)?,
                None => None,
            };
            let mut is_steady = false;
            if let Some(mut open) = open {
                loop {
                    let more = open.read_line(format)?;
                    drop(open.take_bad());
                    while let Some(reading) = open.next_reading() {
                        each(place, &reading)?;
                    }
                    if !more {
                        break;
                    }
                }
                let (record, _) = open.progress();
                let read = (record.bytes, record.crc32c);
                is_steady = !open.is_half() && *self.read[place as usize].get_or_insert(read) == read;
            }
            if !is_steady {
                self.unsteady.get_or_insert_with(|| name.clone());
            }
        }
        Ok(())
    }
}
