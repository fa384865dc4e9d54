//! Readings from an input that can be read once: standard input, a FIFO, what a shell puts in the place of a file.
//!
//! Its name says nothing of what comes, so it is known by its content: one that begins as the one before did is taken to be
//! that one, passed over as far as it was read, and compared meanwhile; another is read from its beginning.

pub mod input;

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::disk::Stamp;
use super::files::open_file::OpenFile;
use super::files::{FileRecord, Format};
use super::{BadLine, BadLines, FileNews, Kept, Progressed, Source, parse_cursor};
use crate::domain::Readings;
use crate::failure::{Failure, Kind};
use input::{Input, InputFile, Passed, Received};

/// By so much of its beginning a stream is told from others.
const BEGINNING_BYTES_MAX: u64 = 4096;
/// What is read at once of what is only compared.
const PIECE_BYTES: usize = 256 << 10;
/// Lines that one call reads before it returns to a caller who may want to stop; a piece counts as so many.
const STEPS_PER_CALL_MAX: usize = 16_384;
const STEPS_PER_PIECE: usize = 256;
/// How long the source waits for more.
const WAIT: Duration = Duration::from_millis(10);

/// What `source.json` keeps of a stream.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    pub stream: FileRecord,
    /// Readings of the next line that were given.
    given: usize,
    /// CRC-32C of the first bytes of those that were read, [`BEGINNING_BYTES_MAX`] at most.
    beginning_crc32c: u32,
}

impl Cursor {
    fn beginning_bytes(&self) -> u64 {
        self.stream.bytes.min(BEGINNING_BYTES_MAX)
    }
}

enum Work {
    /// It is seen whether the stream begins as this one did.
    Meeting(Cursor),
    /// It does, and was compared up to here.
    Comparing(Cursor, Passed),
    /// It is to be read, where it was read before behind that.
    Opening(Option<Cursor>),
    Reading(Box<OpenFile>),
}

/// A source of one stream in one format.
pub struct StreamSource<F> {
    format: F,
    input: Arc<Input>,
    name: String,
    read_at_ms: u64,
    work: Work,
    /// The input when there was too little of it.
    waited_at: Option<Received>,
    passed_bytes: u64,
    bad_lines: BadLines,
    news: Vec<FileNews>,
}

impl<F: Format> StreamSource<F> {
    /// `now_ms` is in milliseconds since 1970.
    pub fn open(format: F, name: &str, input: Arc<Input>, now_ms: u64, kept: &Kept) -> Result<Self, Failure> {
        let cursor = kept.cursor.as_ref().map(|cursor| parse_cursor(cursor, "of a stream")).transpose()?;
        Ok(Self {
            format,
            name: name.to_owned(),
            read_at_ms: now_ms,
            work: cursor.map_or(Work::Opening(None), Work::Meeting),
            waited_at: None,
            passed_bytes: input.passed().bytes,
            bad_lines: BadLines::default(),
            news: Vec::new(),
            input,
        })
    }

    /// Goes on; gives how many steps that was, or `None` at the end.
    fn step(&mut self, readings: &mut Readings, readings_max: usize) -> Result<Option<usize>, Failure> {
        match &mut self.work {
            Work::Meeting(known) => {
                let known = known.clone();
                self.meet(known)?;
            }
            Work::Comparing(known, passed) => {
                let (known, passed) = (known.clone(), *passed);
                self.compare(known, passed)?;
                return Ok(Some(STEPS_PER_PIECE));
            }
            Work::Opening(known) => {
                let known = known.take();
                let opened = self.begin_reading(known.as_ref());
                self.work = match opened {
                    Ok(open) => Work::Reading(open),
                    Err(failure) => {
                        self.work = Work::Opening(known);
                        return Err(failure);
                    }
                };
            }
            Work::Reading(open) => {
                open.give(readings, readings_max);
                if !readings.is_full(readings_max) {
                    let more = open.read_line(&mut self.format)?;
                    self.bad_lines.note(Path::new(&self.name), open.take_bad());
                    return Ok(more.then_some(1));
                }
            }
        }
        Ok(Some(1))
    }

    /// Decides by the beginning whether this is the stream of the last run.
    fn meet(&mut self, known: Cursor) -> Result<(), Failure> {
        let (beginning, received) = (known.beginning_bytes(), self.input.received());
        if received.bytes < beginning && !received.is_all {
            return Err(too_little());
        }
        let bytes = known.stream.bytes;
        let is_known =
            received.bytes >= beginning && self.input.crc32c_of_first(beginning as usize) == known.beginning_crc32c;
        if is_known {
            self.work = Work::Comparing(known, self.input.passed());
        } else {
            self.news.push(FileNews::OtherStream { name: self.name.clone(), bytes });
            self.work = Work::Opening(None);
        }
        Ok(())
    }

    /// Compares a piece of what was read before, and passes over it.
    fn compare(&mut self, known: Cursor, mut passed: Passed) -> Result<(), Failure> {
        let bytes = known.stream.bytes;
        let left = usize::try_from(bytes.saturating_sub(passed.bytes)).unwrap_or(PIECE_BYTES);
        if left > 0 {
            let mut piece = vec![0; left.min(PIECE_BYTES)];
            let read = InputFile::at(self.input.clone(), passed.bytes).read(&mut piece);
            let read = read.map_err(|error| Failure::io("cannot read", Path::new(&self.name), &error))?;
            if read == 0 {
                let what = format!("ends after {} bytes, of {bytes} that were read of it before", passed.bytes);
                return Err(self.is_another(&what));
            }
            passed.crc32c = crc32c::crc32c_append(passed.crc32c, &piece[..read]);
            passed.bytes += read as u64;
            self.pass(passed);
            self.work = Work::Comparing(known, passed);
        } else if passed == (Passed { bytes, crc32c: known.stream.crc32c }) {
            if bytes > 0 {
                self.news.push(FileNews::KnownStream { name: self.name.clone(), bytes });
            }
            self.work = Work::Opening(Some(known));
        } else {
            return Err(
                self.is_another(&format!("is another one within the {bytes} bytes that were read of it before"))
            );
        }
        Ok(())
    }

    fn begin_reading(&mut self, known: Option<&Cursor>) -> Result<Box<OpenFile>, Failure> {
        let opened = (Box::new(InputFile::new(self.input.clone())) as _, Stamp::default(), self.read_at_ms);
        let open = OpenFile::open(0, &self.name, opened, 0, &mut self.format)?;
        let mut open = open.expect("a stream is never taken for a file that is being written");
        if let Some(Cursor { stream, given, .. }) = known
            && !open.go_on(stream, *given, &mut self.format)?
        {
            let what = format!("goes on in line {}, which was at its end when it was read before", stream.lines);
            return Err(self.is_another(&what));
        }
        Ok(Box::new(open))
    }

    /// Nothing before this place is read again.
    fn pass(&mut self, passed: Passed) {
        self.input.pass(passed);
        self.passed_bytes = passed.bytes;
    }

    fn is_another(&self, what: &str) -> Failure {
        Failure::fatal(Kind::Data, format!("{} begins as before, but {what}", self.name)).advice(
            "give what was given before; or remove source.json, and all that comes is sent, also what the log has",
        )
    }

    /// The failure of a read that may work later: the source waits, unless nothing more can come.
    fn wait(&mut self, failure: Failure, received: Received) -> Result<Progressed, Failure> {
        if failure.kind != Kind::TryAgain {
            return Err(failure);
        }
        if self.input.is_full() && self.input.received() == received {
            let bytes = self.input.kept_bytes_max / 2;
            let what = format!("{} has a line that does not end within {bytes} bytes", self.name);
            return Err(Failure::fatal(Kind::Data, what).advice("see whether it is text, in lines that end in \\n"));
        }
        self.waited_at = Some(received);
        Ok(Progressed::Wait(WAIT))
    }
}

impl<F: Format> Source for StreamSource<F> {
    fn next(&mut self, readings: &mut Readings, readings_max: usize) -> Result<Progressed, Failure> {
        let length_before = readings.len();
        let mut steps_left = STEPS_PER_CALL_MAX;
        while steps_left > 0 && !readings.is_full(readings_max) {
            if let Work::Reading(open) = &self.work
                && open.bytes() - self.passed_bytes >= self.input.kept_bytes_max as u64 / 2
            {
                return Ok(Progressed::Settle);
            }
            let received = self.input.received();
            if self.waited_at == Some(received) {
                return Ok(Progressed::Wait(WAIT));
            }
            match self.step(readings, readings_max) {
                Ok(Some(steps)) => steps_left = steps_left.saturating_sub(steps),
                Ok(None) if readings.len() == length_before => return Ok(Progressed::Ended),
                Ok(None) => return Ok(Progressed::More),
                Err(failure) => return self.wait(failure, received),
            }
        }
        Ok(Progressed::More)
    }

    fn cursor(&self) -> Value {
        let cursor = match &self.work {
            Work::Meeting(known) | Work::Comparing(known, _) | Work::Opening(Some(known)) => known.clone(),
            Work::Opening(None) => return Value::Null,
            Work::Reading(open) => {
                let (stream, given) = open.progress();
                let mut cursor = Cursor { stream, given, beginning_crc32c: 0 };
                cursor.beginning_crc32c = self.input.crc32c_of_first(cursor.beginning_bytes() as usize);
                cursor
            }
        };
        serde_json::to_value(cursor).expect("names and numbers are JSON")
    }

    fn settled(&mut self) {
        if let Work::Reading(open) = &self.work {
            let (FileRecord { bytes, crc32c, .. }, _) = open.progress();
            self.pass(Passed { bytes, crc32c });
        }
    }

    fn take_news(&mut self) -> Vec<FileNews> {
        std::mem::take(&mut self.news)
    }

    fn take_bad_lines(&mut self) -> (u64, Vec<BadLine>) {
        self.bad_lines.take()
    }

    fn skipped_quality(&self) -> u64 {
        match &self.work {
            Work::Meeting(known) | Work::Comparing(known, _) | Work::Opening(Some(known)) => {
                known.stream.skipped_quality
            }
            Work::Opening(None) => 0,
            Work::Reading(open) => open.skipped_quality(),
        }
    }
}

fn too_little() -> Failure {
    Failure::retryable(Kind::TryAgain, "more of the stream is waited for")
}
