//! A log of one partition for tests: what it answers is what its fields say.

use std::time::Duration;

use super::{Extent, RecordLog, RecordReader, RecordWriter, Topic, TopicSpec};
use crate::domain::wire::Report;
use crate::domain::{Batch, Record};
use crate::failure::{Failure, Kind};
use prost::Message;

/// A record's key and value.
pub type KeyValue = (Option<Vec<u8>>, Option<Vec<u8>>);

/// A record with its offset.
pub type Stored = (u64, Option<Vec<u8>>, Option<Vec<u8>>);

#[derive(Clone, Debug)]
pub struct TestLog {
    pub topic: Option<Topic>,
    pub extent: Extent,
    /// Records behind the extent, which no reader sees.
    pub hidden: u64,
    pub records: Vec<Stored>,
    /// A reader that finds nothing stays where it is.
    pub hesitates: bool,
}

impl TestLog {
    /// The topic `id` of one partition with these records from offset 0.
    pub fn new(records: Vec<KeyValue>) -> Self {
        let records: Vec<Stored> = (0..).zip(records).map(|(offset, (key, value))| (offset, key, value)).collect();
        let topic = Topic { log_id: "id".to_owned(), partitions: 1, warning: None, compacted: false };
        Self {
            topic: Some(topic),
            extent: Extent { start: 0, end: records.len() as u64 },
            hidden: 0,
            records,
            hesitates: false,
        }
    }

    /// Its records as one batch.
    pub fn batch(&self) -> Batch {
        let mut batch = Batch::default();
        for (offset, key, value) in &self.records {
            batch.push(Record { offset: *offset, key: key.as_deref(), value: value.as_deref() });
        }
        batch
    }
}

/// Key and value of a reading.
pub fn reading(station: &str, date: &str, degrees: f64) -> KeyValue {
    let report = Report { station_id: station.to_owned(), date: date.to_owned(), degrees };
    (Some(station.into()), Some(report.encode_to_vec()))
}

impl RecordLog for TestLog {
    fn name(&self) -> String {
        "topic temperatures of a test".to_owned()
    }

    fn topic(&self) -> Result<Option<Topic>, Failure> {
        Ok(self.topic.clone())
    }

    fn create_topic(&self, _: &TopicSpec) -> Result<Topic, Failure> {
        unreachable!("nothing here creates topics")
    }

    fn delete_topic(&self) -> Result<(), Failure> {
        unreachable!("nothing here deletes topics")
    }

    fn extent(&self, _: u32) -> Result<Extent, Failure> {
        Ok(self.extent)
    }

    fn high_watermarks(&self, partitions: &[u32]) -> Result<Vec<u64>, Failure> {
        Ok(vec![self.extent.end + self.hidden; partitions.len()])
    }

    fn open_reader(&self, _: u32, from: u64) -> Result<Box<dyn RecordReader>, Failure> {
        if from < self.extent.start {
            return Err(Failure::fatal(Kind::Data, format!("offset {from} is gone")));
        }
        Ok(Box::new(TestReader { log: self.clone(), from }))
    }

    fn open_writer(&self, _: &str) -> Result<Box<dyn RecordWriter>, Failure> {
        unreachable!("nothing here writes")
    }
}

struct TestReader {
    log: TestLog,
    from: u64,
}

impl RecordReader for TestReader {
    /// At most three records at once, so that every test crosses batches.
    fn read(&mut self, batch: &mut Batch, records_max: usize, _: Duration) -> Result<u64, Failure> {
        let rest = self.log.records.iter().filter(|(offset, ..)| *offset >= self.from);
        for (offset, key, value) in rest.take(records_max.min(3)) {
            batch.push(Record { offset: *offset, key: key.as_deref(), value: value.as_deref() });
        }
        self.from = batch
            .records()
            .next_back()
            .map_or(if self.log.hesitates { self.from } else { self.log.extent.end }, |last| last.offset + 1);
        Ok(self.from)
    }
}
