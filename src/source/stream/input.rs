//! The bytes of an input that can be read once, kept until they need not be read again.
//!
//! There is one for the whole process, which outlives the actors that read it: bytes are dropped once they are passed, and
//! passed once the log and `source.json` have what they hold. The beginning is kept always, as a reader that starts again
//! needs a file's header.

use std::collections::VecDeque;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

/// An input, as far as it was received.
pub struct Input {
    pub bounds: Bounds,
    kept: Mutex<Kept>,
    has_room: Condvar,
}

/// Bytes of an input that are in memory.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Of the beginning, for ever. More than a line may have: a header is one.
    pub head_max: usize,
    /// At most, beside those.
    pub kept_max: usize,
    /// Received before they are asked for: what a run that is stopped has taken away from others in vain.
    pub ahead_max: usize,
}

#[derive(Default)]
struct Kept {
    head: Vec<u8>,
    /// What was passed, and the last byte of it.
    passed: Passed,
    last_passed: u8,
    /// What follows that.
    bytes: VecDeque<u8>,
    /// Up to here it was asked for.
    asked: u64,
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

impl Kept {
    fn received(&self) -> u64 {
        self.passed.bytes + self.bytes.len() as u64
    }

    fn failure(&self) -> Option<io::Error> {
        let (kind, what) = self.ended.as_ref()?.as_ref().err()?;
        Some(io::Error::new(*kind, what.clone()))
    }
}

impl Input {
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, kept: Mutex::default(), has_room: Condvar::new() }
    }

    /// Waits until there is room for more.
    pub fn wait_for_room(&self) {
        let is_enough = |kept: &mut Kept| {
            let ahead = kept.received().saturating_sub(kept.asked);
            kept.bytes.len() >= self.bounds.kept_max || ahead >= self.bounds.ahead_max as u64
        };
        self.has_room.wait_while(&mut self.kept.lock(), is_enough);
    }

    /// Takes what comes next.
    pub fn push(&self, bytes: &[u8]) {
        let mut kept = self.kept.lock();
        let head_left = self.bounds.head_max - kept.head.len();
        kept.head.extend(&bytes[..bytes.len().min(head_left)]);
        if kept.bytes.len() + bytes.len() > kept.bytes.capacity() {
            let left = self.bounds.kept_max.saturating_sub(kept.bytes.len());
            let more = kept.bytes.len().min(left).max(bytes.len());
            kept.bytes.reserve_exact(more);
        }
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
        kept.asked = kept.asked.max(passed.bytes);
        self.has_room.notify_all();
    }

    pub fn passed(&self) -> Passed {
        self.kept.lock().passed
    }

    pub fn received(&self) -> Received {
        let kept = self.kept.lock();
        Received { bytes: kept.received(), is_all: kept.ended.is_some() }
    }

    /// Whether nothing more comes before some of it is passed.
    pub fn is_full(&self) -> bool {
        self.kept.lock().bytes.len() >= self.bounds.kept_max
    }

    /// The first bytes, as far as they were received, and no more than so many. An input that has failed before there
    /// were so many fails.
    pub fn first(&self, bytes: usize) -> io::Result<Vec<u8>> {
        let mut kept = self.kept.lock();
        kept.asked = kept.asked.max(bytes as u64);
        self.has_room.notify_all();
        match kept.failure() {
            Some(error) if kept.head.len() < bytes => Err(error),
            _ => Ok(kept.head[..bytes.min(kept.head.len())].to_vec()),
        }
    }

    /// Reads from a place; 0 where the input has ended, `WouldBlock` where more may come.
    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let kept = &mut *self.kept.lock();
        let start = kept.passed.bytes;
        kept.asked = kept.asked.max(position.saturating_add(buffer.len() as u64).min(kept.received()));
        self.has_room.notify_all();
        if let Some(at) = position.checked_sub(start) {
            let at = usize::try_from(at).map_or(kept.bytes.len(), |at| at.min(kept.bytes.len()));
            let (front, back) = kept.bytes.as_slices();
            let next = if at < front.len() { &front[at..] } else { &back[at - front.len()..] };
            return match (kept.failure(), &kept.ended) {
                _ if !next.is_empty() => (&*next).read(buffer),
                (Some(error), _) => Err(error),
                (None, Some(_)) => Ok(0),
                (None, None) => Err(io::ErrorKind::WouldBlock.into()),
            };
        }
        match usize::try_from(position).ok().and_then(|position| kept.head.get(position..)) {
            Some(head) if !head.is_empty() => (&*head).read(buffer),
            _ if position + 1 == start => (&[kept.last_passed][..]).read(buffer),
            _ => Err(io::Error::other(format!("its bytes from {position} up to {start} are not kept any more"))),
        }
    }
}

/// An input as a file: from a place on, and back to what is kept.
pub struct InputFile {
    input: Arc<Input>,
    position: u64,
}

impl InputFile {
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
