//! Records as they travel between actors.

/// One record of a partition, borrowed from its batch. A missing key or value (a tombstone) is `None`, an empty one is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    pub offset: u64,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
}

/// Consecutive records of one partition in one arena of bytes: no allocation per record, and the arena is used again.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    entries: Vec<BatchEntry>,
    is_disordered: bool,
}

#[derive(Debug)]
struct BatchEntry {
    offset: u64,
    start: usize,
    key_bytes: Option<u32>,
    value_bytes: Option<u32>,
}

impl Batch {
    /// Adds a record behind the others. Offsets rise; gaps are allowed.
    pub fn push(&mut self, record: Record<'_>) {
        self.is_disordered |= self.entries.last().is_some_and(|last| last.offset >= record.offset);
        let length =
            |part: Option<&[u8]>| part.map(|bytes| u32::try_from(bytes.len()).expect("a record is smaller than 4 GiB"));
        self.entries.push(BatchEntry {
            offset: record.offset,
            start: self.bytes.len(),
            key_bytes: length(record.key),
            value_bytes: length(record.value),
        });
        self.bytes.extend_from_slice(record.key.unwrap_or_default());
        self.bytes.extend_from_slice(record.value.unwrap_or_default());
    }

    /// The records in the order of their offsets.
    pub fn records(&self) -> impl DoubleEndedIterator<Item = Record<'_>> + ExactSizeIterator {
        self.entries.iter().map(|entry| {
            let key_end = entry.start + entry.key_bytes.unwrap_or(0) as usize;
            let value_end = key_end + entry.value_bytes.unwrap_or(0) as usize;
            Record {
                offset: entry.offset,
                key: entry.key_bytes.map(|_| &self.bytes[entry.start..key_end]),
                value: entry.value_bytes.map(|_| &self.bytes[key_end..value_end]),
            }
        })
    }

    /// Empties the batch and keeps its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
        self.is_disordered = false;
    }

    /// Whether a record was added that does not come behind the one before it.
    pub fn is_disordered(&self) -> bool {
        self.is_disordered
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes of all keys and values.
    pub fn size_bytes(&self) -> usize {
        self.bytes.len()
    }
}
