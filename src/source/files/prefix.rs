//! The part of a file that was read before, read once more to recognise it.

use std::io::{self, Read as _};
use std::path::Path;

use super::super::content::{Content, UNPACK_IT};
use super::super::disk::{SourceDisk, Stamp};
use super::record::Decoded;
use crate::failure::{Failure, Kind};
use crate::settings::Encoding;

/// What is read at once of a file that is only recognised.
const PIECE_BYTES: usize = 1 << 20;

/// The text of an open file, its stamp, and when that was, in milliseconds since 1970.
pub type OpenedAt = (Content, Stamp, u64);

/// Opens a file; `None` where the path has no file.
pub fn open_at(disk: &dyn SourceDisk, path: &Path, encoding: Encoding) -> Result<Option<OpenedAt>, Failure> {
    let now_ms = disk.now_ms();
    let opened = disk.open(path).and_then(|opened| {
        let content = |(file, stamp)| Content::of(file, encoding).map(|content| (content, stamp, now_ms));
        opened.map(content).transpose()
    });
    opened.map_err(|error| cannot_read(path, &error))
}

pub fn cannot_read(path: &Path, error: &io::Error) -> Failure {
    let failure = Failure::io("cannot read", path, error);
    match failure.kind {
        Kind::Data if failure.what.ends_with(UNPACK_IT) => failure,
        Kind::Data => failure.advice("give a good copy of it: what the log has of that is not sent again"),
        _ => failure,
    }
}

/// The beginning of a file of which as much was read before: whether it is the same is known at its end.
pub struct Prefix {
    pub index: usize,
    content: Content,
    pub stamp: Stamp,
    pub read_at_ms: u64,
    /// The file was recognised before, and was changed since.
    pub is_again: bool,
    left: u64,
    crc32c: u32,
    piece: Vec<u8>,
}

impl Prefix {
    /// The first `bytes` bytes of a file that was just opened.
    pub fn new(index: usize, (content, stamp, read_at_ms): OpenedAt, bytes: u64) -> Self {
        Self { index, content, stamp, read_at_ms, is_again: false, left: bytes, crc32c: 0, piece: Vec::new() }
    }

    /// The same, of a file that was changed since it was recognised.
    pub fn again(self) -> Self {
        Self { is_again: true, ..self }
    }

    /// The file, its stamp, and when it was opened.
    pub fn into_file(self) -> OpenedAt {
        (self.content, self.stamp, self.read_at_ms)
    }

    /// Whether all of it was read, and has this sum.
    pub fn is(&self, crc32c: u32) -> bool {
        self.left == 0 && self.crc32c == crc32c
    }

    /// How far the text was read that has other places than the file, where it was read to the end of the prefix: to its own,
    /// or not.
    pub fn decoded(&mut self) -> io::Result<Option<Decoded>> {
        if !self.content.is_decoded() {
            return Ok(None);
        }
        Ok(Some(if self.content.has_more()? { Decoded::Part } else { Decoded::All }))
    }

    /// Reads a piece; `false` once all is read, or the file has no more.
    pub fn read_on(&mut self) -> io::Result<bool> {
        let wanted = PIECE_BYTES.min(usize::try_from(self.left).unwrap_or(PIECE_BYTES));
        self.piece.resize(wanted, 0);
        let read = self.content.read(&mut self.piece)?;
        self.crc32c = crc32c::crc32c_append(self.crc32c, &self.piece[..read]);
        self.left -= read as u64;
        Ok(self.left > 0 && read > 0)
    }
}
