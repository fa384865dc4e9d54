//! A run: consecutive records of one partition, as the bytes of one row.
//!
//! A record is the length of its key and that of its value, each as a varint of the length plus one (0: there is none),
//! then the key and the value.

use prost::encoding::{decode_varint, encode_varint};

use crate::domain::{Batch, Record};
use crate::log::BATCH_BYTES_MAX;

/// Bytes after which a run takes no further record.
const RUN_BYTES_MAX: usize = 256 << 10;

/// Records that are to be written.
#[derive(Default)]
pub struct RunBuilder {
    pub records: u64,
    pub bytes: Vec<u8>,
}

impl RunBuilder {
    pub fn push(&mut self, key: Option<&[u8]>, value: Option<&[u8]>) {
        for part in [key, value] {
            encode_varint(part.map_or(0, |part| part.len() as u64 + 1), &mut self.bytes);
        }
        self.bytes.extend_from_slice(key.unwrap_or_default());
        self.bytes.extend_from_slice(value.unwrap_or_default());
        self.records += 1;
    }

    pub fn is_full(&self) -> bool {
        self.bytes.len() >= RUN_BYTES_MAX
    }
}

/// Over the bytes and their place, so that they are noticed elsewhere, too.
pub fn checksum(bytes: &[u8], partition: u32, first_offset: u64, last_offset: u64) -> u32 {
    let crc32c = crc32c::crc32c_append(crc32c::crc32c(bytes), &partition.to_le_bytes());
    let crc32c = crc32c::crc32c_append(crc32c, &first_offset.to_le_bytes());
    crc32c::crc32c_append(crc32c, &last_offset.to_le_bytes())
}

/// A run that was read from its row, as far as its records were not handed out.
pub struct RecordRun {
    bytes: Vec<u8>,
    /// Where the next record lies in the bytes.
    place: usize,
    next_offset: u64,
    pub last_offset: u64,
}

/// The bytes are not those of the records that should be there.
#[derive(Debug, PartialEq, Eq)]
pub struct Damaged;

impl RecordRun {
    /// Without a record that is left.
    pub fn empty() -> Self {
        Self { bytes: Vec::new(), place: 0, next_offset: 1, last_offset: 0 }
    }

    /// Becomes the run of another row; the memory is used again.
    pub fn load(&mut self, bytes: &[u8], first_offset: u64, last_offset: u64) {
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes);
        (self.place, self.next_offset, self.last_offset) = (0, first_offset, last_offset);
    }

    /// Hands out records at or after `position` until the batch is full; gives the position after them.
    pub fn take(&mut self, mut position: u64, batch: &mut Batch, records_max: usize) -> Result<u64, Damaged> {
        let mut rest = &self.bytes[self.place..];
        while self.next_offset <= self.last_offset && !is_full(batch, records_max) {
            let record = next_record(&mut rest, self.next_offset).ok_or(Damaged)?;
            if record.offset == self.last_offset && !rest.is_empty() {
                return Err(Damaged);
            }
            if record.offset >= position {
                batch.push(record);
                position = record.offset + 1;
            }
            self.next_offset += 1;
        }
        self.place = self.bytes.len() - rest.len();
        Ok(position)
    }
}

pub fn is_full(batch: &Batch, records_max: usize) -> bool {
    batch.len() >= records_max || batch.size_bytes() >= BATCH_BYTES_MAX
}

fn next_record<'a>(rest: &mut &'a [u8], offset: u64) -> Option<Record<'a>> {
    let key_length = decode_varint(rest).ok()?;
    let value_length = decode_varint(rest).ok()?;
    Some(Record { offset, key: part(rest, key_length)?, value: part(rest, value_length)? })
}

/// A key or value by its length plus one.
fn part<'a>(rest: &mut &'a [u8], length: u64) -> Option<Option<&'a [u8]>> {
    match length.checked_sub(1) {
        None => Some(None),
        Some(bytes) => Some(Some(rest.split_off(..usize::try_from(bytes).ok()?)?)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Parts = (Option<Vec<u8>>, Option<Vec<u8>>);

    fn parts() -> impl Strategy<Value = Vec<Parts>> {
        let part = || prop::option::of(prop::collection::vec(any::<u8>(), 0..200));
        prop::collection::vec((part(), part()), 1..50)
    }

    fn build(parts: &[Parts]) -> RunBuilder {
        let mut builder = RunBuilder::default();
        for (key, value) in parts {
            builder.push(key.as_deref(), value.as_deref());
        }
        builder
    }

    proptest! {
        #[test]
        fn a_run_gives_back_its_records_in_pieces_of_any_size(parts in parts(), first in 0u64..1000, records_max in 1usize..20) {
            let built = build(&parts);
            let mut run = RecordRun::empty();
            run.load(&built.bytes, first, first + built.records - 1);
            let (mut position, mut batch, mut read) = (first, Batch::default(), Vec::new());
            while position < first + built.records {
                batch.clear();
                position = run.take(position, &mut batch, records_max).expect("it is not damaged");
                prop_assert!((1..=records_max).contains(&batch.len()));
                for record in batch.records() {
                    prop_assert_eq!(record.offset, first + read.len() as u64);
                    read.push((record.key.map(<[u8]>::to_vec), record.value.map(<[u8]>::to_vec)));
                }
            }
            prop_assert_eq!(read, parts);
        }

        #[test]
        fn bytes_of_another_number_of_records_are_damage(parts in parts(), more in any::<bool>()) {
            let built = build(&parts);
            let mut run = RecordRun::empty();
            run.load(&built.bytes, 1, if more { built.records + 1 } else { built.records - 1 });
            if built.records > 1 || more {
                prop_assert_eq!(run.take(1, &mut Batch::default(), usize::MAX), Err(Damaged));
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..40), last in 0u64..20) {
            let mut run = RecordRun::empty();
            run.load(&bytes, 0, last);
            let _ = run.take(0, &mut Batch::default(), usize::MAX);
        }
    }
}
