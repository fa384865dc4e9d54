//! A log around another, which can be slow.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use isotherm::domain::{Batch, Record};
use isotherm::faults::Failure;
use isotherm::log::{Extent, RecordLog, RecordReader, RecordWriter, Topic, TopicSpec};

/// What a call on the log is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Topic,
    LogId,
    Extent,
    OpenReader,
    Read,
    Publish,
}

/// A log that does something before each call.
#[derive(Clone)]
pub struct AroundLog {
    log: Arc<dyn RecordLog>,
    before: Arc<dyn Fn(Call) + Send + Sync>,
    /// A record that its readers pass over, as where compaction has taken it.
    pub lacks: Option<u64>,
    /// Readers that live now, and the most that ever lived together.
    pub readers: Arc<(AtomicUsize, AtomicUsize)>,
}

impl AroundLog {
    pub fn new(log: Arc<dyn RecordLog>, before: impl Fn(Call) + Send + Sync + 'static) -> Self {
        Self { log, before: Arc::new(before), lacks: None, readers: Arc::default() }
    }
}

impl RecordLog for AroundLog {
    fn name(&self) -> String {
        self.log.name()
    }

    fn topic(&self) -> Result<Option<Topic>, Failure> {
        (self.before)(Call::Topic);
        self.log.topic()
    }

    fn log_id(&self) -> Result<Option<String>, Failure> {
        (self.before)(Call::LogId);
        self.log.log_id()
    }

    fn create_topic(&self, spec: &TopicSpec) -> Result<Topic, Failure> {
        self.log.create_topic(spec)
    }

    fn delete_topic(&self) -> Result<(), Failure> {
        self.log.delete_topic()
    }

    fn extent(&self, partition: u32) -> Result<Extent, Failure> {
        (self.before)(Call::Extent);
        self.log.extent(partition)
    }

    fn open_reader(&self, partition: u32, from: u64) -> Result<Box<dyn RecordReader>, Failure> {
        (self.before)(Call::OpenReader);
        let reader = self.log.open_reader(partition, from)?;
        let (now, most) = &*self.readers;
        most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
        Ok(Box::new(AroundReader { log: self.clone(), reader }))
    }

    fn open_writer(&self) -> Result<Box<dyn RecordWriter>, Failure> {
        self.log.open_writer()
    }

    fn publish_committed(&self, partition: u32, next_offset: u64) -> Result<(), Failure> {
        (self.before)(Call::Publish);
        self.log.publish_committed(partition, next_offset)
    }
}

struct AroundReader {
    log: AroundLog,
    reader: Box<dyn RecordReader>,
}

impl RecordReader for AroundReader {
    fn read(&mut self, batch: &mut Batch, records_max: usize, wait: Duration) -> Result<u64, Failure> {
        (self.log.before)(Call::Read);
        let mut all = Batch::default();
        let position = self.reader.read(&mut all, records_max, wait)?;
        for Record { offset, key, value } in all.records().filter(|record| Some(record.offset) != self.log.lacks) {
            batch.push(Record { offset, key, value });
        }
        Ok(position)
    }
}

impl Drop for AroundReader {
    fn drop(&mut self) {
        self.log.readers.0.fetch_sub(1, SeqCst);
    }
}
