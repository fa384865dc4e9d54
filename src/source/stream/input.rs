//! The bytes of an input that can be read once, kept until they need not be read again.
//!
//! There is one for the whole process, which outlives the actors that read it: bytes are dropped once they are passed, and
//! passed once the log and `source.json` have what they hold. The beginning is kept always, as a reader that starts again
//! needs a file's header.

use std::collections::VecDeque;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

/// Bytes of the beginning that are kept always: more than a line may have.
const HEAD_BYTES_MAX: usize = 128 << 10;

/// An input, as far as it was received.
pub struct Input {
    pub kept_bytes_max: usize,
    kept: Mutex<Kept>,
    has_room: Condvar,
}

#[derive(Default)]
struct Kept {
    head: Vec<u8>,
    /// What was passed, and the last byte of it.
    passed: Passed,
    last_passed: u8,
    /// What follows that.
    bytes: VecDeque<u8>,
    /// There is no more, or no more can be read, and why.
    ended: Option<Result<(), (io::ErrorKind, String)>>,
}

/// Bytes from the beginning on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    pub bytes: u64,
    pub crc32c: u32,
}

/// How much was received, and whether that is all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    pub bytes: u64,
    pub is_all: bool,
}

impl Input {
    /// An input of which no more than this is kept, beside its beginning.
    pub fn new(kept_bytes_max: usize) -> Self {
        Self { kept_bytes_max, kept: Mutex::default(), has_room: Condvar::new() }
    }

    /// Waits until there is room for more.
    pub fn wait_for_room(&self) {
        let mut kept = self.kept.lock();
        self.has_room.wait_while(&mut kept, |kept| kept.bytes.len() >= self.kept_bytes_max);
    }

    /// Takes what comes next.
    pub fn push(&self, bytes: &[u8]) {
        let mut kept = self.kept.lock();
        let head_left = HEAD_BYTES_MAX - kept.head.len();
        kept.head.extend(&bytes[..bytes.len().min(head_left)]);
        kept.bytes.extend(bytes);
    }

    /// Nothing more comes; an error is told to each reader that comes as far.
    pub fn end(&self, result: io::Result<()>) {
        self.kept.lock().ended = Some(result.map_err(|error| (error.kind(), error.to_string())));
    }

    /// Drops what is not to be read again, up to a place that is known with its sum.
    pub fn pass(&self, passed: Passed) {
        let mut kept = self.kept.lock();
        let count = usize::try_from(passed.bytes.saturating_sub(kept.passed.bytes)).unwrap_or(usize::MAX);
        let count = count.min(kept.bytes.len());
        let last = kept.bytes.drain(..count).next_back();
        if let Some(last) = last {
            (kept.last_passed, kept.passed) = (last, passed);
        }
        self.has_room.notify_all();
    }

    pub fn passed(&self) -> Passed {
        self.kept.lock().passed
    }

    pub fn received(&self) -> Received {
        let kept = self.kept.lock();
        Received { bytes: kept.passed.bytes + kept.bytes.len() as u64, is_all: kept.ended.is_some() }
    }

    /// Whether nothing more comes before some of it is passed.
    pub fn is_full(&self) -> bool {
        self.kept.lock().bytes.len() >= self.kept_bytes_max
    }

    /// CRC-32C of so many of the first bytes, which were received.
    pub fn crc32c_of_first(&self, bytes: usize) -> u32 {
        let kept = self.kept.lock();
        crc32c::crc32c(&kept.head[..bytes.min(kept.head.len())])
    }

    /// Reads from a place; 0 where the input has ended, `WouldBlock` where more may come.
    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let kept = self.kept.lock();
        let start = kept.passed.bytes;
        if let Some(at) = position.checked_sub(start) {
            let at = usize::try_from(at).map_or(kept.bytes.len(), |at| at.min(kept.bytes.len()));
            let (front, back) = kept.bytes.as_slices();
            let next = if at < front.len() { &front[at..] } else { &back[at - front.len()..] };
            return match &kept.ended {
                _ if !next.is_empty() => (&*next).read(buffer),
                Some(Ok(())) => Ok(0),
                Some(Err((kind, what))) => Err(io::Error::new(*kind, what.clone())),
                None => Err(io::ErrorKind::WouldBlock.into()),
            };
        }
        match usize::try_from(position).ok().and_then(|position| kept.head.get(position..)) {
            Some(head) if !head.is_empty() => (&*head).read(buffer),
            _ if position + 1 == start => (&[kept.last_passed][..]).read(buffer),
            _ => Err(io::Error::other(format!("its bytes from {position} up to {start} are not kept any more"))),
        }
    }
}

/// An input as a file: from its beginning on, and back to what is kept.
pub struct InputFile {
    input: Arc<Input>,
    position: u64,
}

impl InputFile {
    pub fn new(input: Arc<Input>) -> Self {
        Self { input, position: 0 }
    }

    /// From this place on.
    pub fn at(input: Arc<Input>, position: u64) -> Self {
        Self { input, position }
    }
}

impl Read for InputFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read_at(self.position, buffer)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for InputFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(_) => None,
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
