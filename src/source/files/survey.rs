//! How the files of a source stand to what was read of them, for people.

use std::io;
use std::path::Path;

use serde::Serialize;

use super::Cursor;
use super::prefix::{Prefix, cannot_read, open_at};
use super::record::FileRecord;
use crate::failure::{Failure, Kind};
use crate::settings::Encoding;
use crate::source::disk::SourceDisk;
use crate::source::{Kept, parse_cursor, stream};

/// A file, as it is now, against what was read of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is as it was when it was read.
    Read,
    /// It was not read to its end yet, or has grown since.
    Reading,
    /// It was changed since: the next run reads what is new, or reads all and compares it with the log.
    Changed,
    /// It is not there any more.
    Gone,
    /// It was not read yet.
    New,
    /// It can be read once: this is the stream that was read last, and no other can be compared with it here.
    Stream,
}

impl Standing {
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Reading => "reading",
            Self::Changed => "changed",
            Self::Gone => "gone",
            Self::New => "new",
            Self::Stream => "stream",
        }
    }
}

/// One file of a source.
#[derive(Debug, Serialize)]
pub struct FileStanding {
    pub standing: Standing,
    /// Nothing but its name where it is new.
    #[serde(flatten)]
    pub record: FileRecord,
}

/// What is known of each file that was met.
pub fn records(kept: &Kept) -> Result<Vec<FileRecord>, Failure> {
    let before = FileRecord::of_version_1(kept.cursor.as_ref());
    let cursor = kept.cursor.as_ref().filter(|_| before.is_empty());
    let mut records: Vec<FileRecord> = kept.files.iter().cloned().chain(before).collect();
    let cursor: Option<Cursor> = cursor.map(|cursor| parse_cursor(cursor, "of files")).transpose()?;
    if let Some(begun) = cursor.and_then(|cursor| cursor.reading) {
        records.retain(|record| record.file != begun.record.file);
        records.push(begun.record);
    }
    Ok(records)
}

/// Every file that is there (`names`, in order) or was read, in the order of their names. `verify`: what was read of them is
/// read again, in this encoding, since a file of the same size, times and inode can have another content.
pub fn survey(
    disk: &dyn SourceDisk,
    names: &[String],
    kept: &Kept,
    verify: Option<Encoding>,
) -> Result<Vec<FileStanding>, Failure> {
    let mut files = Vec::new();
    for record in records(kept)? {
        let standing = standing(disk, &record, verify)?;
        files.push(FileStanding { standing, record });
    }
    files.sort_unstable_by(|one, other| one.record.file.cmp(&other.record.file));
    let is_known = |name: &&String| files.binary_search_by(|known| known.record.file.cmp(name)).is_ok();
    let new: Vec<&String> = names.iter().filter(|name| !is_known(name)).collect();
    files.extend(new.into_iter().map(|name| {
        let record = FileRecord { file: name.clone(), ..FileRecord::default() };
        FileStanding { standing: Standing::New, record }
    }));
    files.sort_unstable_by(|one, other| one.record.file.cmp(&other.record.file));
    Ok(files)
}

/// The stream that was read last, if anything was read of one.
pub fn survey_stream(kept: &Kept) -> Result<Vec<FileStanding>, Failure> {
    let cursor =
        kept.cursor.as_ref().map(|cursor| parse_cursor::<stream::Cursor>(cursor, "of a stream")).transpose()?;
    let standing = |cursor: stream::Cursor| FileStanding { standing: Standing::Stream, record: cursor.stream };
    Ok(cursor.map(standing).into_iter().collect())
}

/// `verify`: the file is read, in this encoding.
fn standing(disk: &dyn SourceDisk, record: &FileRecord, verify: Option<Encoding>) -> Result<Standing, Failure> {
    let path = Path::new(&record.file);
    let Some(stamp) = disk.stamp(path).map_err(|error| cannot_read(path, &error))? else { return Ok(Standing::Gone) };
    if record.bytes == 0 && record.is_unread() {
        return Ok(Standing::New);
    }
    let same = match verify {
        Some(encoding) => read_again(disk, record, encoding)?,
        None => (record.is_as_read(&stamp) || record.was_left_before(&stamp)).then(|| record.clone()),
    };
    Ok(match same {
        None => Standing::Changed,
        Some(record) if record.is_behind(&stamp) => Standing::Reading,
        Some(_) => Standing::Read,
    })
}

/// What is known of a file that begins with what was read of it; `None` of another.
fn read_again(disk: &dyn SourceDisk, record: &FileRecord, encoding: Encoding) -> Result<Option<FileRecord>, Failure> {
    let path = Path::new(&record.file);
    let failed = |error| cannot_read(path, &error);
    let opened = match open_at(disk, path, encoding) {
        // What is damaged by now is not what was read.
        Err(failure) if failure.kind == Kind::Data => None,
        opened => opened?,
    };
    let Some(opened) = opened.filter(|_| !record.stale) else { return Ok(None) };
    let mut prefix = Prefix::new(0, opened, record.bytes);
    loop {
        match prefix.read_on() {
            Ok(true) => {}
            Err(error) if error.kind() == io::ErrorKind::InvalidData => return Ok(None),
            read => {
                read.map_err(failed)?;
                break;
            }
        }
    }
    let decoded = prefix.decoded().map_err(failed)?;
    Ok(prefix.is(record.crc32c).then(|| FileRecord { decoded, ..record.clone() }))
}
