//! Readings on their way to the log.

use super::batch::{Batch, Record};
use super::day::Day;
use super::wire::{BorrowedReport, Reading};

/// Readings as the records that they become, in one arena of bytes: no allocation per reading, and the arena is used
/// again.
#[derive(Debug, Default)]
pub struct Readings {
    /// The offset of a record is its place among them.
    records: Batch,
    /// The value that is being added, for its memory.
    value: Vec<u8>,
}

impl Readings {
    /// Bytes of keys and values after which they take no further reading.
    pub const BYTES_MAX: usize = 1 << 20;

    /// Adds a reading behind the others.
    pub fn push(&mut self, reading: Reading<'_>) {
        self.value.clear();
        reading.encode(&mut self.value);
        let offset = self.records.len() as u64;
        self.records.push(Record { offset, key: Some(reading.station_id.as_bytes()), value: Some(&self.value) });
    }

    /// Whether there are so many of them, or as many bytes as they may have.
    pub fn is_full(&self, readings_max: usize) -> bool {
        self.len() >= readings_max || self.size_bytes() >= Self::BYTES_MAX
    }

    /// Key and value of each; the offsets mean nothing to a log.
    pub fn records(&self) -> impl ExactSizeIterator<Item = Record<'_>> {
        self.records.records()
    }

    /// What was added, read back.
    pub fn iter(&self) -> impl Iterator<Item = Reading<'_>> {
        self.records().map(|record| {
            let report = record.value.and_then(BorrowedReport::decode).expect("it was encoded from a reading");
            let day = Day::parse(report.date).expect("it was a day");
            Reading { station_id: report.station_id, day, degrees: report.degrees }
        })
    }

    /// Empties it and keeps its memory.
    pub fn clear(&mut self) {
        self.records.clear();
    }

    pub fn len(&self) -> usize {
        self.records.len()
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Bytes of all keys and values.
    pub fn size_bytes(&self) -> usize {
        self.records.size_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_full_by_their_number_or_by_their_bytes() {
        let station_id = "s".repeat(1000);
        let day = Day::parse("2000-01-01").expect("it is a day");
        let mut readings = Readings::default();
        assert!(!readings.is_full(1));
        while !readings.is_full(usize::MAX) {
            readings.push(Reading { station_id: &station_id, day, degrees: 20.5 });
            assert!(readings.is_full(readings.len()));
        }
        let size_bytes: usize =
            readings.records().flat_map(|record| [record.key, record.value]).flatten().map(<[u8]>::len).sum();
        assert_eq!(readings.size_bytes(), size_bytes);
        assert!((Readings::BYTES_MAX..Readings::BYTES_MAX + 3000).contains(&size_bytes), "{size_bytes} bytes");
        readings.clear();
        assert!(readings.is_empty() && readings.size_bytes() == 0);
    }
}
