//! Readings from files: which files, in which order, and how far each was read.
//!
//! The cursor holds, per file that was begun, how much of it was read and a sum over its beginning. Going on from it, a
//! file that is gone, shorter or another one is a stop; a file that grew is read on; a new one is read in its turn.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::lines::{FilePosition, Lines};
use super::{BAD_LINES_NAMED_MAX, BadLine, Progressed, Source, parse_cursor};
use crate::domain::{Day, Reading, Readings};
use crate::failure::{Failure, Kind};

/// Files of one source: the cursor names each and is written with every batch.
const FILES_MAX: usize = 10_000;
/// Bytes at a file's beginning by which it is recognised.
const HEAD_BYTES_MAX: u64 = 4096;
/// Lines, or files, that one call reads before it returns to a caller who may want to stop.
const STEPS_PER_CALL_MAX: usize = 16_384;

/// How the lines of a file become readings.
pub trait Format: Send {
    fn kind(&self) -> &'static str;

    fn parameters(&self) -> Value;

    /// Begins with a file, at its start: reads what stands above the first line with a reading.
    fn begin(&mut self, file: &Path, lines: &mut Lines) -> Result<(), Failure>;

    /// Reads one line, or one record of several lines; `false` at the end of the file.
    fn read(&mut self, lines: &mut Lines, found: &mut LineContent) -> io::Result<bool>;
}

/// What one line held.
#[derive(Debug, Default)]
pub struct LineContent {
    pub station_id: String,
    /// Day and degrees of each reading.
    pub readings: VecDeque<(Day, f64)>,
    /// Number of the line, and why it is bad.
    pub bad: Option<(u64, String)>,
    pub skipped_quality: u64,
}

/// A file's beginning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    bytes: u64,
    crc32c: u32,
}

impl Head {
    /// Of the first `bytes_max` bytes, or fewer if the file has no more.
    fn of(path: &Path, bytes_max: u64) -> Result<Self, Failure> {
        let mut head = Vec::new();
        File::open(path)
            .and_then(|file| file.take(bytes_max).read_to_end(&mut head))
            .map_err(|error| Failure::io("cannot read", path, &error))?;
        Ok(Self { bytes: head.len() as u64, crc32c: crc32c::crc32c(&head) })
    }
}

/// How far one file was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileCursor {
    bytes: u64,
    lines: u64,
    /// Readings of the next line that were handed out already.
    given: usize,
    head: Head,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    files: BTreeMap<String, FileCursor>,
    skipped_quality: u64,
}

/// The file that is being read.
struct Current {
    file: usize,
    lines: Lines,
    head: Head,
    /// Where the line begins whose readings wait in `found`.
    line_start: FilePosition,
    /// Readings of that line that were handed out.
    given: usize,
}

impl Current {
    fn cursor(&self, waiting: bool) -> FileCursor {
        let (position, given) = if waiting { (self.line_start, self.given) } else { (self.lines.position(), 0) };
        FileCursor { bytes: position.bytes, lines: position.lines, given, head: self.head.clone() }
    }
}

/// A source of files in one format.
pub struct FileSource<F> {
    format: F,
    /// Names as the pattern gives them, in order.
    names: Vec<String>,
    next_file: usize,
    current: Option<Current>,
    found: LineContent,
    /// Of the files before and behind the current one.
    cursor: Cursor,
    /// Of all files, when they were found.
    bytes_total: u64,
    bad_lines_total: u64,
    bad_lines: Vec<BadLine>,
}

impl<F: Format> FileSource<F> {
    /// Finds the files of a pattern and compares them with the cursor; `key` is the pattern's name in the settings.
    pub fn open(key: &str, pattern: &str, format: F, cursor: Option<&Value>) -> Result<Self, Failure> {
        let names = find(key, pattern)?;
        let cursor = match cursor {
            Some(cursor) => parse_cursor(cursor, format.kind())?,
            None => Cursor::default(),
        };
        for (name, cursor) in &cursor.files {
            compare(name, cursor, names.binary_search(name).is_ok())?;
        }
        let bytes_total = names.iter().map(|name| file_bytes(Path::new(name))).sum::<Result<u64, Failure>>()?;
        Ok(Self {
            format,
            names,
            next_file: 0,
            current: None,
            found: LineContent::default(),
            cursor,
            bytes_total,
            bad_lines_total: 0,
            bad_lines: Vec::new(),
        })
    }

    /// Begins with the next file, or goes on with it where the cursor says.
    fn begin_file(&mut self, file: usize) -> Result<(), Failure> {
        let name = &self.names[file];
        let path = Path::new(name);
        let earlier = self.cursor.files.get(name).cloned();
        if let Some(earlier) = &earlier {
            let bytes = file_bytes(path)?;
            if bytes == earlier.bytes {
                return Ok(());
            }
        }
        let cannot_read = |error: io::Error| Failure::io("cannot read", path, &error);
        let head = Head::of(path, HEAD_BYTES_MAX)?;
        let mut lines = Lines::open(path).map_err(cannot_read)?;
        self.format.begin(path, &mut lines)?;
        let mut given = 0;
        if let Some(earlier) = earlier {
            let position = FilePosition { bytes: earlier.bytes, lines: earlier.lines };
            if position.bytes > 0 && lines.go_on_from(position).map_err(cannot_read)? {
                let reason = "the line was not complete when it was read, and has changed since".to_owned();
                self.found.bad = Some((position.lines, reason));
            }
            given = earlier.given;
        }
        let line_start = lines.position();
        self.current = Some(Current { file, lines, head, line_start, given });
        self.note_bad_line(file);
        if given > 0 {
            self.go_on_within_line(file, given)?;
        }
        Ok(())
    }

    /// Reads the line again of which some readings were handed out. Whatever else it holds was counted back then.
    fn go_on_within_line(&mut self, file: usize, given: usize) -> Result<(), Failure> {
        let path = Path::new(&self.names[file]);
        let current = self.current.as_mut().expect("a file was begun");
        self.format
            .read(&mut current.lines, &mut self.found)
            .map_err(|error| Failure::io("cannot read", path, &error))?;
        self.found.bad = None;
        self.found.skipped_quality = 0;
        if self.found.readings.len() < given {
            let line = current.line_start.lines + 1;
            return Err(changed(format!(
                "{}, line {line}, held {given} readings or more when it was read and holds {} now",
                path.display(),
                self.found.readings.len()
            )));
        }
        self.found.readings.drain(..given);
        Ok(())
    }

    /// Reads on by one line; a file that ended makes room for the next.
    fn read_line(&mut self) -> Result<(), Failure> {
        let current = self.current.as_mut().expect("a file was begun");
        let file = current.file;
        let path = Path::new(&self.names[file]);
        current.line_start = current.lines.position();
        current.given = 0;
        let more = self
            .format
            .read(&mut current.lines, &mut self.found)
            .map_err(|error| Failure::io("cannot read", path, &error))?;
        if !more {
            self.cursor.files.insert(self.names[file].clone(), current.cursor(false));
            self.current = None;
        }
        self.cursor.skipped_quality += std::mem::take(&mut self.found.skipped_quality);
        self.note_bad_line(file);
        Ok(())
    }

    fn note_bad_line(&mut self, file: usize) {
        let Some((line, reason)) = self.found.bad.take() else { return };
        self.bad_lines_total += 1;
        if self.bad_lines.len() < BAD_LINES_NAMED_MAX {
            self.bad_lines.push(BadLine { file: PathBuf::from(&self.names[file]), line, reason });
        }
    }
}

impl<F: Format> Source for FileSource<F> {
    fn next(&mut self, readings: &mut Readings, readings_max: usize) -> Result<Progressed, Failure> {
        let length_before = readings.len();
        for _ in 0..STEPS_PER_CALL_MAX {
            if let Some(current) = &mut self.current {
                let LineContent { station_id, readings: found, .. } = &mut self.found;
                while !readings.is_full(readings_max)
                    && let Some((day, degrees)) = found.pop_front()
                {
                    readings.push(Reading { station_id, day, degrees });
                    current.given += 1;
                }
            }
            if readings.is_full(readings_max) {
                return Ok(Progressed::More);
            }
            if self.current.is_some() {
                self.read_line()?;
            } else if self.next_file < self.names.len() {
                self.begin_file(self.next_file)?;
                self.next_file += 1;
            } else if readings.len() == length_before {
                return Ok(Progressed::Ended);
            } else {
                return Ok(Progressed::More);
            }
        }
        Ok(Progressed::More)
    }

    fn cursor(&self) -> Value {
        let mut cursor = serde_json::to_value(&self.cursor).expect("names and numbers are JSON");
        if let Some(current) = &self.current {
            let file = current.cursor(!self.found.readings.is_empty());
            cursor["files"][&self.names[current.file]] = serde_json::to_value(file).expect("numbers are JSON");
        }
        cursor
    }

    fn parameters(&self) -> Value {
        self.format.parameters()
    }

    fn kind(&self) -> &'static str {
        self.format.kind()
    }

    fn take_bad_lines(&mut self) -> (u64, Vec<BadLine>) {
        (std::mem::take(&mut self.bad_lines_total), std::mem::take(&mut self.bad_lines))
    }

    fn skipped_quality(&self) -> u64 {
        self.cursor.skipped_quality
    }

    fn bytes(&self) -> Option<(u64, u64)> {
        let current = self.current.as_ref().map(|current| (&self.names[current.file], current.lines.position().bytes));
        let others = self.cursor.files.iter().filter(|(name, _)| current.is_none_or(|(current, _)| current != *name));
        let read = others.map(|(_, file)| file.bytes).sum::<u64>() + current.map_or(0, |(_, bytes)| bytes);
        // The files may have grown meanwhile.
        Some((read, self.bytes_total.max(read)))
    }
}

/// The files of a pattern, sorted by name.
fn find(key: &str, pattern: &str) -> Result<Vec<String>, Failure> {
    let wrong = |what: String| Failure::fatal(Kind::Settings, format!("{key} = {pattern:?} {what}"));
    let paths = glob::glob(pattern).map_err(|error| {
        wrong(format!("is not a pattern of file names: {error}")).advice("write it as in data/*.csv")
    })?;
    let mut names = Vec::new();
    for path in paths {
        let path = path.map_err(|error| Failure::io("cannot look into", error.path(), error.error()))?;
        if path.is_dir() {
            continue;
        }
        let name = path.into_os_string().into_string();
        names.push(name.map_err(|name| {
            wrong(format!("matches {name:?}, whose name is not UTF-8")).advice("give the file another name")
        })?);
        if names.len() > FILES_MAX {
            return Err(wrong(format!("matches more than {FILES_MAX} files"))
                .advice("read fewer at a time, or join them to fewer files"));
        }
    }
    if names.is_empty() {
        return Err(wrong("matches no file".to_owned())
            .advice("a pattern that does not begin with / starts at the folder in which isotherm was started"));
    }
    names.sort_unstable();
    Ok(names)
}

/// Refuses a file that is not the one which was read before.
fn compare(name: &str, cursor: &FileCursor, found: bool) -> Result<(), Failure> {
    let path = Path::new(name);
    if !found {
        return Err(changed(format!("{name} is gone, of which {} bytes were read", cursor.bytes)));
    }
    let bytes = file_bytes(path)?;
    if bytes < cursor.bytes {
        return Err(changed(format!("{name} has {bytes} bytes, but {} were read of it", cursor.bytes)));
    }
    let head = Head::of(path, cursor.head.bytes.min(HEAD_BYTES_MAX))?;
    if head != cursor.head {
        let of = |head: &Head| format!("{:08x} over {} bytes", head.crc32c, head.bytes);
        return Err(changed(format!(
            "{name} is another file than the one that was read: its beginning has the CRC-32C {}, it had {}",
            of(&head),
            of(&cursor.head)
        )));
    }
    Ok(())
}

fn file_bytes(path: &Path) -> Result<u64, Failure> {
    Ok(path.metadata().map_err(|error| Failure::io("cannot read", path, &error))?.len())
}

fn changed(what: String) -> Failure {
    Failure::fatal(Kind::Data, what).advice(
        "files may grow and new ones may come, but what was read must stay: put the file back, or start over with log.on_start = \"recreate\"",
    )
}
