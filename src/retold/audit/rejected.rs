//! The file of rejected records, compared line by line with what a replay expects, without ever holding it.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::differences::Differences;
use crate::failure::Failure;

/// Longer than any line that the processor writes; a damaged file may have any.
const LINE_BYTES_MAX: u64 = 1 << 16;

/// The first `bytes` bytes of a partition's file of rejected records. What stands behind them is not committed yet.
pub struct RejectedFile<'a> {
    name: &'a str,
    reader: BufReader<io::Take<Box<dyn Read + 'a>>>,
    lines: u64,
    bytes: u64,
    crc32c: u32,
    line: Vec<u8>,
}

impl<'a> RejectedFile<'a> {
    pub fn new(name: &'a str, content: Box<dyn Read + 'a>, bytes: u64) -> Self {
        Self { name, reader: BufReader::new(content.take(bytes)), lines: 0, bytes: 0, crc32c: 0, line: Vec::new() }
    }

    /// Compares the next line with what it should be.
    pub fn expect(&mut self, expected: &[u8], differences: &mut Differences) -> Result<(), Failure> {
        self.next()?;
        if self.line != expected {
            differences.add(|| format!("{} line {}", self.name, self.lines), || shown(&self.line), || shown(expected));
        }
        Ok(())
    }

    /// Compares the end of the file, and returns how many lines it has.
    pub fn finish(mut self, bytes: u64, crc32c: u32, differences: &mut Differences) -> Result<u64, Failure> {
        let mut further: u64 = 0;
        while self.next()? {
            further += 1;
        }
        let name = self.name;
        if further > 0 {
            differences.add(|| format!("{name}, lines past the last"), || further.to_string(), || "0".to_owned());
        }
        if self.bytes != bytes {
            differences.add(|| format!("{name}, bytes"), || self.bytes.to_string(), || bytes.to_string());
        }
        if self.crc32c != crc32c {
            let text = |crc32c: u32| format!("{crc32c:08x}");
            differences.add(|| format!("{name}, CRC-32C"), || text(self.crc32c), || text(crc32c));
        }
        Ok(self.lines)
    }

    /// Reads the next line; `false` and an empty line at the end.
    fn next(&mut self) -> Result<bool, Failure> {
        self.line.clear();
        (&mut self.reader)
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut self.line)
            .map_err(|error| Failure::io("cannot read", Path::new(self.name), &error))?;
        self.bytes += self.line.len() as u64;
        self.crc32c = crc32c::crc32c_append(self.crc32c, &self.line);
        self.lines += u64::from(!self.line.is_empty());
        Ok(!self.line.is_empty())
    }
}

/// The start of a line as a person can read it.
fn shown(line: &[u8]) -> String {
    const BYTES_MAX: usize = 160;
    match line {
        [] => "no line".to_owned(),
        _ if line.len() > BYTES_MAX => format!("{}…", String::from_utf8_lossy(&line[..BYTES_MAX])),
        _ => String::from_utf8_lossy(line).trim_end().to_owned(),
    }
}

#[cfg(test)]
#[path = "rejected_tests.rs"]
mod tests;
