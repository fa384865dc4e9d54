//! A short description of a record's bytes: enough to say that it is another one.

use std::fmt;

use super::batch::Record;

/// Lengths and CRC-32C sums of a record's key and value; its text is the checkpoint's `fingerprint`,
/// `KEYBYTES:crc/VALUEBYTES:crc`, `-` for a part that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest {
    pub key: Option<(usize, u32)>,
    pub value: Option<(usize, u32)>,
}

impl Digest {
    pub fn of(record: Record<'_>) -> Self {
        let part = |bytes: Option<&[u8]>| bytes.map(|bytes| (bytes.len(), crc32c::crc32c(bytes)));
        Self { key: part(record.key), value: part(record.value) }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |part: Option<(usize, u32)>| {
            part.map_or_else(|| "-".to_owned(), |(bytes, crc)| format!("{bytes}:{crc:08x}"))
        };
        write!(formatter, "{}/{}", part(self.key), part(self.value))
    }
}
