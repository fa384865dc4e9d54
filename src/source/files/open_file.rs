//! One file that is being read.

use std::collections::VecDeque;
use std::io::{self, Seek as _};
use std::path::Path;

use serde_json::Value;

use super::super::content::CUT_OFF;
use super::super::disk::Stamp;
use super::super::edges::Edges;
use super::super::lines::{FilePosition, Lines};
use super::prefix::{OpenedAt, cannot_read};
use super::record::{Decoded, FileRecord};
use crate::domain::{Day, Reading, Readings};
use crate::failure::{Failure, Kind};

/// How the lines of a file become readings.
pub trait Format: Send {
    fn kind(&self) -> &'static str;

    /// See [`super::super::Description`].
    fn parameters(&self) -> Value;

    /// Begins with a file, at its start: reads what stands above the first line with a reading.
    fn begin(&mut self, file: &Path, lines: &mut Lines) -> Result<(), Failure>;

    /// What the lines that were passed over hold, for a message.
    fn others(&self) -> Option<String>;

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
    /// Days for which the line says that there is no value.
    pub missing: u64,
    pub skipped_quality: u64,
    /// The line holds something else than what is read.
    pub is_passed_over: bool,
}

/// What came of opening a file.
pub enum Opened {
    File(Box<OpenFile>),
    /// The path has no file.
    Gone,
    /// It was changed just now, and ends within what stands above the first line with a reading: it is being written.
    HalfBeginning,
}

/// A file that is being read, line by line, and what is known of it so far.
pub struct OpenFile {
    /// Its place among the names.
    pub index: usize,
    lines: Lines,
    /// Up to where the line begins whose readings wait, but for what that line counts once a reading of it was given.
    record: FileRecord,
    line_start: FilePosition,
    /// Readings of that line that were given.
    given: usize,
    content: LineContent,
    /// Its last line is taken where it has no end.
    is_at_rest: bool,
    /// The last line was left, as it has no end yet.
    is_half: bool,
}

impl OpenFile {
    /// Begins with a file. Within `rest_ms` after it was changed, its last line counts only with its end; `None`: it was
    /// changed just now, and ends within what stands above the first line with a reading, so it is being written.
    pub fn open(
        index: usize,
        name: &str,
        (mut content, stamp, read_at_ms): OpenedAt,
        rest_ms: u64,
        format: &mut (impl Format + ?Sized),
    ) -> Result<Option<Self>, Failure> {
        let path = Path::new(name);
        content.rewind().map_err(|error| cannot_read(path, &error))?;
        let decoded = content.is_decoded().then_some(Decoded::Part);
        let record = FileRecord { file: name.to_owned(), stamp, read_at_ms, decoded, ..FileRecord::default() };
        // By a clock that is far ahead of ours a file would never be at rest.
        let is_at_rest = record.rested_ms().unsigned_abs() >= rest_ms;
        let mut lines = Lines::new(content);
        if let Err(failure) = format.begin(path, &mut lines) {
            return match lines.content().is_cut() {
                _ if record.is_doubtful() && lines.is_cut() => Ok(None),
                true if !is_at_rest => Ok(None),
                true => Err(Failure { what: format!("{name} {CUT_OFF}, and {}", failure.what), ..failure }),
                false => Err(failure),
            };
        }
        let line_start = lines.position();
        let content = LineContent::default();
        Ok(Some(Self { index, lines, record, line_start, given: 0, content, is_at_rest, is_half: false }))
    }

    /// The file, to be read by others.
    pub fn into_file(self, name: &str) -> Result<OpenedAt, Failure> {
        let (stamp, read_at_ms) = (self.record.stamp, self.record.read_at_ms);
        let mut content = self.lines.into_content();
        content.rewind().map_err(|error| cannot_read(Path::new(name), &error))?;
        Ok((content, stamp, read_at_ms))
    }

    /// Makes the way shorter to where an earlier run stopped; `false`: it is still a long one.
    pub fn approach(&mut self, earlier: &FileRecord) -> Result<bool, Failure> {
        self.lines.approach(earlier.bytes).map_err(|error| cannot_read(Path::new(&earlier.file), &error))
    }

    /// Goes on where an earlier run stopped, within a line perhaps; `false` if that run read a line that was not complete,
    /// as is known by now: the file is then to be read anew.
    pub fn go_on(&mut self, earlier: &FileRecord, given: usize, format: &mut impl Format) -> Result<bool, Failure> {
        let FileRecord { bytes, lines, crc32c, .. } = *earlier;
        let path = Path::new(&earlier.file);
        let begun = self.lines.position().bytes;
        if bytes >= begun
            && !self
                .lines
                .go_on_from(FilePosition { bytes, lines, crc32c })
                .map_err(|error| cannot_read(path, &error))?
        {
            return Ok(false);
        }
        let (stamp, read_at_ms) = (self.record.stamp, self.record.read_at_ms);
        // A stream may have another name by now.
        let file = std::mem::take(&mut self.record.file);
        let decoded = self.record.decoded;
        self.record = FileRecord { file, stamp, read_at_ms, decoded, ends_open: false, ..earlier.clone() };
        self.line_start = self.lines.position();
        if given > 0 {
            format.read(&mut self.lines, &mut self.content).map_err(|error| cannot_read(path, &error))?;
            if self.content.readings.len() < given {
                return Ok(false);
            }
            // All that the line holds was counted with its first reading.
            self.content.readings.drain(..given);
            (self.content.bad, self.content.missing, self.content.skipped_quality) = (None, 0, 0);
            self.given = given;
        }
        Ok(true)
    }

    /// Reads the next line once all readings of the last one were given; `false` at the end of the file. After a failure that
    /// says so (a stream, of which there is no more yet) it may be called again.
    pub fn read_line(&mut self, format: &mut (impl Format + ?Sized)) -> Result<bool, Failure> {
        debug_assert!(self.content.readings.is_empty(), "what was read before is given first");
        self.line_start = self.lines.position();
        self.given = 0;
        let mut more = match format.read(&mut self.lines, &mut self.content) {
            Ok(more) => more,
            Err(error) => {
                // Of what is unpacked that would be a long way, and is not gone again.
                if self.record.decoded.is_none() {
                    self.lines.go_back(self.line_start);
                } else {
                    self.lines.leave(self.line_start);
                }
                self.content = LineContent::default();
                let FileRecord { file, readings, .. } = &self.record;
                let failure = cannot_read(Path::new(file), &error);
                let what = format!("{}; {readings} readings stand before that", failure.what);
                return Err(if failure.kind == Kind::Data { Failure { what, ..failure } } else { failure });
            }
        };
        let is_new = self.lines.position() != self.line_start;
        let (is_open, is_cut_off) = (self.lines.is_open(), self.lines.content().is_cut());
        if is_new && self.lines.is_cut() && (is_open || is_cut_off || !self.is_at_rest) {
            self.lines.leave(self.line_start);
            more = false;
            if self.is_at_rest && !is_cut_off {
                // What follows may belong to the record, whenever it comes.
                self.record.ends_open = true;
                return Ok(false);
            }
            self.content = LineContent::default();
            if !self.is_at_rest {
                self.leave_rest();
            }
        } else if !more && is_cut_off && !self.is_at_rest {
            self.leave_rest();
        } else if !more && !is_cut_off {
            self.record.decoded = self.record.decoded.map(|_| Decoded::All);
        }
        if self.content.readings.is_empty() {
            self.count_line();
        }
        Ok(more)
    }

    /// As far as it was read, it is a file that ends here: what follows is read as what it has grown by.
    pub fn leave_rest(&mut self) {
        self.is_half = true;
        match &mut self.record.decoded {
            None => self.record.stamp.size_bytes = self.line_start.bytes,
            Some(decoded) => *decoded = Decoded::AllButHalf,
        }
    }

    /// A line counts once, with the first of its readings.
    fn count_line(&mut self) {
        let LineContent { station_id, readings, bad, missing, skipped_quality, is_passed_over } = &mut self.content;
        self.record.readings += readings.len() as u64;
        self.record.bad_lines += u64::from(bad.is_some());
        self.record.missing += std::mem::take(missing);
        self.record.skipped_quality += std::mem::take(skipped_quality);
        self.record.passed_over += u64::from(std::mem::take(is_passed_over));
        if !readings.is_empty() {
            self.record.stations.add(station_id);
        }
    }

    /// Gives the next reading of the line.
    pub fn next_reading(&mut self) -> Option<Reading<'_>> {
        if self.given == 0 && !self.content.readings.is_empty() {
            self.count_line();
        }
        let (day, degrees) = self.content.readings.pop_front()?;
        self.given += 1;
        Some(Reading { station_id: &self.content.station_id, day, degrees })
    }

    /// Gives readings of the line as long as there is room.
    pub fn give(&mut self, readings: &mut Readings, readings_max: usize, edges: &mut Edges) {
        while !readings.is_full(readings_max)
            && let Some(reading) = self.next_reading()
        {
            edges.note(reading.degrees);
            readings.push(reading);
        }
    }

    /// Whether the file was changed so long ago that it is taken to be whole.
    pub fn is_at_rest(&self) -> bool {
        self.is_at_rest
    }

    /// Whether the last line was left, as it has no end yet and the file was changed just now.
    pub fn is_half(&self) -> bool {
        self.is_half
    }

    /// Whether the line that was just read has no end.
    pub fn is_cut(&self) -> bool {
        self.lines.is_cut()
    }

    /// Number of the line that was just read, and why it is bad.
    pub fn take_bad(&mut self) -> Option<(u64, String)> {
        self.content.bad.take()
    }

    /// How far the file was read: what is known of it, and how many readings of the next line were given.
    pub fn progress(&self) -> (FileRecord, usize) {
        let waits = !self.content.readings.is_empty();
        let (position, given) = if waits { (self.line_start, self.given) } else { (self.lines.position(), 0) };
        let FilePosition { bytes, lines, crc32c } = position;
        (FileRecord { bytes, lines, crc32c, ..self.record.clone() }, given)
    }

    /// The file as it was when it was opened.
    pub fn stamp(&self) -> Stamp {
        self.record.stamp
    }

    /// Bytes of the file that were read.
    pub fn file_bytes(&self) -> u64 {
        self.lines.content().file_bytes().unwrap_or_else(|| self.lines.position().bytes)
    }

    /// Values that failed the source's own quality checks, so far.
    pub fn skipped_quality(&self) -> u64 {
        self.record.skipped_quality
    }
}

/// A file that vanished before it was read to its end.
pub fn gone_unread(name: &str, bytes: u64) -> Failure {
    Failure::fatal(Kind::Data, format!("{name} is gone, of which {bytes} bytes were read and not all"))
        .advice("put the file back; or remove source.json, and the files that are there are compared with the log")
}
