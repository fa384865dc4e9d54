//! A topic whose records lie in memory.

use std::collections::{BTreeMap, VecDeque};

use super::{BATCH_BYTES_MAX, Extent, Outgoing, Topic, TopicSpec, failures};
use crate::domain::{Batch, Record};
use crate::failure::Failure;

/// One life of a topic. The `name` that its calls take is [`super::RecordLog::name`], for their failures.
pub struct StoredTopic {
    pub log_id: String,
    pub spec: TopicSpec,
    pub partitions: Vec<StoredPartition>,
    /// By source, how many writers were opened.
    writers: BTreeMap<String, u64>,
}

/// Which of the writers of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriterNumber {
    source: String,
    number: u64,
}

/// Records whose offsets rise and are within the extent.
pub struct StoredPartition {
    pub extent: Extent,
    pub records: VecDeque<StoredRecord>,
}

pub struct StoredRecord {
    pub offset: u64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
}

impl StoredTopic {
    pub fn new(log_id: String, spec: &TopicSpec) -> Self {
        let partitions = (0..spec.partitions).map(|_| StoredPartition::empty()).collect();
        Self { log_id, spec: spec.clone(), partitions, writers: BTreeMap::new() }
    }

    /// The topic, if it is still the one with this id.
    pub fn same<'a>(topic: Option<&'a mut Self>, name: &str, log_id: &str) -> Result<&'a mut Self, Failure> {
        topic.filter(|topic| topic.log_id == log_id).ok_or_else(|| failures::recreated(name))
    }

    pub fn describe(&self) -> Topic {
        Topic {
            log_id: self.log_id.clone(),
            partitions: self.count(),
            warning: failures::kept_for_ever(self.spec.retention_ms),
            compacted: false,
        }
    }

    pub fn partition(&mut self, name: &str, partition: u32) -> Result<&mut StoredPartition, Failure> {
        let partitions = self.count();
        self.partitions.get_mut(partition as usize).ok_or_else(|| failures::no_partition(name, partition, partitions))
    }

    /// Copies records from `position` on until the batch is full; gives the position after them.
    pub fn read(
        &mut self,
        (name, partition, position): (&str, u32, u64),
        batch: &mut Batch,
        records_max: usize,
    ) -> Result<u64, Failure> {
        let found = self.partition(name, partition)?;
        failures::within(name, partition, position, found.extent)?;
        Ok(found.copy(position, batch, records_max))
    }

    /// Another writer of the source takes over.
    pub fn open_writer(&mut self, source: &str) -> WriterNumber {
        let number = self.writers.entry(source.to_owned()).or_default();
        *number += 1;
        WriterNumber { source: source.to_owned(), number: *number }
    }

    /// Appends all records or, where one is of no partition or the writer was replaced, none; gives the end of each partition
    /// that has new ones.
    pub fn write(
        &mut self,
        name: &str,
        writer: &WriterNumber,
        records: &[Outgoing<'_>],
    ) -> Result<BTreeMap<u32, u64>, Failure> {
        let WriterNumber { source, number } = writer;
        if self.writers.get(source) != Some(number) {
            return Err(failures::replaced(name, source));
        }
        for record in records {
            self.partition(name, record.partition)?;
        }
        let mut ends = BTreeMap::new();
        for &Outgoing { partition, key, value } in records {
            let (key, value) = (key.map(<[u8]>::to_vec), value.map(<[u8]>::to_vec));
            ends.insert(partition, self.partition(name, partition)?.append(key, value));
        }
        Ok(ends)
    }

    fn count(&self) -> u32 {
        u32::try_from(self.partitions.len()).expect("they were created from a u32")
    }
}

impl StoredPartition {
    pub fn empty() -> Self {
        Self { extent: Extent { start: 0, end: 0 }, records: VecDeque::new() }
    }

    /// Gives the end after the record.
    pub fn append(&mut self, key: Option<Vec<u8>>, value: Option<Vec<u8>>) -> u64 {
        self.records.push_back(StoredRecord { offset: self.extent.end, key, value });
        self.extent.end += 1;
        self.extent.end
    }

    fn copy(&self, position: u64, batch: &mut Batch, records_max: usize) -> u64 {
        let first = self.records.partition_point(|record| record.offset < position);
        for StoredRecord { offset, key, value } in self.records.range(first..) {
            if batch.len() >= records_max || batch.size_bytes() >= BATCH_BYTES_MAX {
                return *offset;
            }
            batch.push(Record { offset: *offset, key: key.as_deref(), value: value.as_deref() });
        }
        self.extent.end
    }
}
