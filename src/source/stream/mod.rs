//! Readings from an input that can be read once: standard input, a FIFO, what a shell puts in the place of a file.
//!
//! Its name says nothing of what comes, so it is known by its content: one that begins as the one before did is taken to be
//! that one, compared as far as that was read, and passed over; another is read from its beginning. One that ends before it can
//! be told is refused: what failed on its way here, and gives nothing, is not to be taken for a new one.

pub mod input;

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::content::Content;
use super::disk::Stamp;
use super::edges::Edges;
use super::files::open_file::OpenFile;
use super::files::prefix::cannot_read;
use super::files::{FileRecord, Format};
use super::{BadLine, BadLines, FileNews, Kept, Progressed, Source, has_readings, parse_cursor};
use crate::domain::Readings;
use crate::failure::{Failure, Kind};
use input::{Bounds, Input, InputFile, Passed, Received};

/// By so much of its beginning a stream is told from others.
const BEGINNING_BYTES_MAX: u64 = 4096;
/// So many bytes of that are kept as they are, so that another stream shows at the first byte that differs.
const FIRST_BYTES_MAX: usize = 256;
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
    /// In base64, the first bytes of those that were read, [`FIRST_BYTES_MAX`] at most.
    first: String,
    /// CRC-32C of [`BEGINNING_BYTES_MAX`] at most.
    beginning_crc32c: u32,
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
    edges: Edges,
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
            edges: Edges::default(),
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
                open.give(readings, readings_max, &mut self.edges);
                if !readings.is_full(readings_max) {
                    let more = open.read_line(&mut self.format)?;
                    if more && open.is_cut() {
                        self.news.push(FileNews::NoLastEnd { name: self.name.clone() });
                    }
                    self.bad_lines.note(Path::new(&self.name), open.take_bad());
                    return Ok(more.then_some(1));
                }
            }
        }
        Ok(Some(1))
    }

    /// Decides by the beginning whether this is the stream of the last run.
    fn meet(&mut self, known: Cursor) -> Result<(), Failure> {
        let (bytes, name) = (known.stream.bytes, self.name.clone());
        let is_all = self.input.received().is_all;
        let wanted = self.beginning_bytes(bytes);
        let received = self.input.first(wanted).map_err(|error| cannot_read(Path::new(&name), &error))?;
        let first = BASE64.decode(&known.first).unwrap_or_default();
        let both = first.len().min(received.len());
        if received[..both] != first[..both]
            || (received.len() == wanted && crc32c::crc32c(&received) != known.beginning_crc32c)
        {
            self.news.push(FileNews::OtherStream { name, bytes });
            self.work = Work::Opening(None);
        } else if received.len() == wanted {
            if bytes > 0 {
                self.news.push(FileNews::KnownStream { name, bytes });
            }
            self.work = Work::Comparing(known, self.input.passed());
        } else if is_all {
            return Err(self.ends_before(received.len() as u64, bytes));
        } else {
            return Err(too_little());
        }
        Ok(())
    }

    /// By how much of its beginning a stream of which so much was read is known again.
    fn beginning_bytes(&self, bytes: u64) -> usize {
        let Bounds { head_max, kept_max, .. } = self.input.bounds;
        (bytes.min(BEGINNING_BYTES_MAX) as usize).min(head_max).min(kept_max / 2)
    }

    /// Compares a piece of what was read before, and passes over it.
    fn compare(&mut self, known: Cursor, mut passed: Passed) -> Result<(), Failure> {
        let bytes = known.stream.bytes;
        let left = usize::try_from(bytes.saturating_sub(passed.bytes)).unwrap_or(PIECE_BYTES);
        if left > 0 {
            let mut piece = vec![0; left.min(PIECE_BYTES)];
            let read = InputFile::at(self.input.clone(), passed.bytes).read(&mut piece);
            let read = read.map_err(|error| cannot_read(Path::new(&self.name), &error))?;
            if read == 0 {
                return Err(self.ends_before(passed.bytes, bytes));
            }
            passed.crc32c = crc32c::crc32c_append(passed.crc32c, &piece[..read]);
            passed.bytes += read as u64;
            self.pass(passed);
            self.work = Work::Comparing(known, passed);
        } else if passed == (Passed { bytes, crc32c: known.stream.crc32c }) {
            self.work = Work::Opening(Some(known));
        } else {
            return Err(self.is_another(&format!("is another one within the {bytes} bytes that were read of that")));
        }
        Ok(())
    }

    fn begin_reading(&mut self, known: Option<&Cursor>) -> Result<Box<OpenFile>, Failure> {
        let opened = (Content::AsIs(Box::new(InputFile::at(self.input.clone(), 0))), Stamp::default(), self.read_at_ms);
        // That it is being written is what is waited for.
        let mut open = OpenFile::open(0, &self.name, opened, 0, &mut self.format)?.ok_or_else(too_little)?;
        if let Some(Cursor { stream, given, .. }) = known
            && !open.go_on(stream, *given, &mut self.format)?
        {
            let what = format!("goes on in line {}, with which that ended", stream.lines);
            return Err(self.is_another(&what));
        }
        Ok(Box::new(open))
    }

    /// Nothing before this place is read again.
    fn pass(&mut self, passed: Passed) {
        self.input.pass(passed);
        self.passed_bytes = passed.bytes;
    }

    fn ends_before(&self, bytes: u64, read: u64) -> Failure {
        self.is_another(&format!("it ends after {bytes} bytes, and {read} were read before"))
    }

    fn is_another(&self, what: &str) -> Failure {
        Failure::fatal(Kind::Data, format!("{} begins as the stream that was read before, but {what}", self.name))
            .advice(
                "give what was given before; or remove source.json, and all that comes is sent, also what the log has",
            )
    }

    /// The failure of a read that may work later: the source waits, unless nothing more can come.
    fn wait(&mut self, failure: Failure, received: Received) -> Result<Progressed, Failure> {
        if failure.kind != Kind::TryAgain {
            return Err(failure);
        }
        if self.input.is_full() && self.input.received() == received {
            let bytes = self.input.bounds.kept_max / 2;
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
                && open.file_bytes() - self.passed_bytes >= self.input.bounds.kept_max as u64 / 2
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
                let beginning = self.input.first(self.beginning_bytes(stream.bytes)).unwrap_or_default();
                let first = BASE64.encode(&beginning[..beginning.len().min(FIRST_BYTES_MAX)]);
                Cursor { stream, given, first, beginning_crc32c: crc32c::crc32c(&beginning) }
            }
        };
        serde_json::to_value(cursor).expect("names and numbers are JSON")
    }

    fn check_end(&self) -> Result<(), Failure> {
        let Work::Reading(open) = &self.work else { return Ok(()) };
        has_readings([&open.progress().0].into_iter(), self.format.others(), &self.bad_lines)
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

    fn edges(&self) -> Edges {
        self.edges.clone()
    }

    fn take_bad_lines(&mut self) -> (u64, Vec<BadLine>) {
        self.bad_lines.take()
    }

    /// How much there will be nobody knows.
    fn bytes(&self) -> Option<(u64, u64)> {
        let bytes = match &self.work {
            Work::Comparing(_, passed) => passed.bytes,
            Work::Reading(open) => open.file_bytes(),
            Work::Meeting(_) | Work::Opening(_) => self.passed_bytes,
        };
        Some((bytes, 0))
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
