//! Lines of a file, with their numbers and places, and no more than a bounded part of one in memory.

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use super::content::Content;

/// Bytes of a line, or of a record over several lines, that are read; a longer one is bad.
pub const LINE_BYTES_MAX: usize = 64 << 10;

/// What some programs put before a text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How far a file was read: always the beginning of a line, or the end of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FilePosition {
    pub bytes: u64,
    pub lines: u64,
    /// Of all bytes before it.
    pub crc32c: u32,
}

impl FilePosition {
    /// Goes on over bytes that follow.
    fn pass(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.crc32c = crc32c::crc32c_append(self.crc32c, bytes);
    }
}

/// What [`Lines::read`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// A line; its bytes were appended.
    Whole,
    /// One of more than [`LINE_BYTES_MAX`] bytes, passed over.
    TooLong,
    /// The end of the file.
    End,
}

/// Why a line of more than [`LINE_BYTES_MAX`] bytes is bad.
pub fn too_long() -> String {
    format!("it is longer than {LINE_BYTES_MAX} bytes")
}

/// A file, line by line. A last line without its end is a line like any other. Lines end in `\n` or `\r\n`; or in `\r` alone,
/// where the first one does.
pub struct Lines {
    reader: BufReader<Content>,
    position: FilePosition,
    /// The last line that was read has no end, or there was none at all.
    is_cut: bool,
    is_open: bool,
    /// What ends a line, once the first has ended.
    end: Option<u8>,
}

impl Lines {
    /// From the beginning of a text on, where it stands.
    pub fn new(content: Content) -> Self {
        Self {
            reader: BufReader::with_capacity(64 << 10, content),
            position: FilePosition::default(),
            is_cut: true,
            is_open: false,
            end: None,
        }
    }

    /// Appends the next line without its end.
    pub fn read(&mut self, line: &mut Vec<u8>) -> io::Result<Line> {
        let end = self.end()?;
        let start = line.len();
        let limit = LINE_BYTES_MAX as u64 + 2;
        let read = self.reader.by_ref().take(limit).read_until(end, line)?;
        if read == 0 {
            return Ok(Line::End);
        }
        self.position.pass(&line[start..]);
        self.position.lines += 1;
        let ended = line.last() == Some(&end);
        (self.is_cut, self.is_open) = (!ended, false);
        if !ended && read as u64 == limit {
            self.pass_over_rest()?;
            line.truncate(start);
            return Ok(Line::TooLong);
        }
        if ended {
            line.pop();
        }
        while line.len() > start && line.last() == Some(&b'\r') {
            line.pop();
        }
        if line.len() - start > LINE_BYTES_MAX {
            line.truncate(start);
            return Ok(Line::TooLong);
        }
        // Files that were joined have theirs in the middle.
        while line[start..].starts_with(BYTE_ORDER_MARK) {
            line.drain(start..start + BYTE_ORDER_MARK.len());
        }
        Ok(Line::Whole)
    }

    /// What ends a line: a lone `\r` where that is what ends the first one, as far as it is there.
    fn end(&mut self) -> io::Result<u8> {
        if self.end.is_none() && self.position.bytes == 0 {
            let bytes = self.reader.fill_buf()?;
            self.end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n')).and_then(|at| {
                match bytes[at..].iter().find(|byte| **byte != b'\r') {
                    Some(b'\n') => Some(b'\n'),
                    Some(_) => Some(b'\r'),
                    // Whether it is alone is not known.
                    None => None,
                }
            });
        }
        Ok(self.end.unwrap_or(b'\n'))
    }

    /// Passes over the bytes up to the line's end, in pieces; `true` if there were others than the end itself.
    fn pass_over_rest(&mut self) -> io::Result<bool> {
        let mut others = false;
        let end = self.end()?;
        loop {
            let bytes = self.reader.fill_buf()?;
            let end = bytes.iter().position(|byte| *byte == end);
            let content = &bytes[..end.unwrap_or(bytes.len())];
            others |= content.iter().any(|byte| *byte != b'\r');
            let length = end.map_or(bytes.len(), |end| end + 1);
            self.position.pass(&bytes[..length]);
            self.reader.consume(length);
            if end.is_some() || length == 0 {
                return Ok(others);
            }
        }
    }

    /// The file has ended within a record of several lines.
    pub fn leave_open(&mut self) {
        self.is_open = true;
    }

    /// Whether what was read so far ends within a record.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Whether what was read so far ends within a line or a record, or is nothing.
    pub fn is_cut(&self) -> bool {
        self.is_cut || self.is_open
    }

    pub fn content(&self) -> &Content {
        self.reader.get_ref()
    }

    /// The text, wherever it stands.
    pub fn into_content(self) -> Content {
        self.reader.into_inner()
    }

    pub fn position(&self) -> FilePosition {
        self.position
    }

    /// Goes to a position that [`Lines::position`] gave.
    pub fn go_to(&mut self, position: FilePosition) -> io::Result<()> {
        // A step back within what is buffered reads nothing again, and a file may ask for one at every line.
        self.reader.seek_relative(position.bytes as i64 - self.position.bytes as i64)?;
        self.position = position;
        Ok(())
    }

    /// What follows a position is left: nothing more is read.
    pub fn leave(&mut self, position: FilePosition) {
        self.position = position;
    }

    /// Goes back to a position after a read has failed in the middle of what follows it. A file that cannot even do that is not
    /// read on: its next read fails as that one did.
    pub fn go_back(&mut self, position: FilePosition) {
        self.position = position;
        drop(self.reader.seek(SeekFrom::Start(position.bytes)));
    }

    /// Makes the way to a position of an earlier run shorter; `false`: it is still a long one.
    pub fn approach(&mut self, position_bytes: u64) -> io::Result<bool> {
        // As the beginning tells it, which is left now.
        self.end()?;
        self.reader.get_mut().approach(position_bytes.saturating_sub(1))
    }

    /// Goes to a position of an earlier run. If that run ended in a line without its end, an end that has come since is passed
    /// over; `false`: more than the end has come, so the earlier run read a line that was not complete, or the file is shorter
    /// by now.
    pub fn go_on_from(&mut self, position: FilePosition) -> io::Result<bool> {
        let Some(before) = position.bytes.checked_sub(1) else {
            return self.go_to(position).map(|()| true);
        };
        let end = self.end()?;
        self.reader.seek(SeekFrom::Start(before))?;
        let mut byte = [0];
        match self.reader.read_exact(&mut byte) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            read => read?,
        }
        self.position = position;
        Ok(byte == [end] || !self.pass_over_rest()?)
    }
}
