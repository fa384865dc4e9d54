//! A log that is not the one it says, or is read at the wrong place.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use isotherm::domain::Batch;
use isotherm::failure::Failure;
use isotherm::log::{Extent, RecordLog, RecordReader, RecordWriter, Topic, TopicSpec};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogBug {
    OneRecordEarly,
    AlwaysTheSameTopic,
}

pub struct BuggyLog {
    log: Arc<dyn RecordLog>,
    bug: LogBug,
    /// The first topic that was there in this process.
    log_id: OnceLock<String>,
}

impl BuggyLog {
    pub fn new(log: Arc<dyn RecordLog>, bug: LogBug) -> Self {
        Self { log, bug, log_id: OnceLock::new() }
    }
}

impl RecordLog for BuggyLog {
    fn name(&self) -> String {
        self.log.name()
    }

    fn topic(&self) -> Result<Option<Topic>, Failure> {
        let topic = self.log.topic()?;
        if let Some(topic) = &topic {
            self.log_id.get_or_init(|| topic.log_id.clone());
        }
        Ok(topic)
    }

    fn log_id(&self) -> Result<Option<String>, Failure> {
        let log_id = self.log.log_id()?;
        let known = self.log_id.get().filter(|_| self.bug == LogBug::AlwaysTheSameTopic);
        Ok(known.cloned().or(log_id))
    }

    fn create_topic(&self, spec: &TopicSpec) -> Result<Topic, Failure> {
        self.log.create_topic(spec)
    }

    fn delete_topic(&self) -> Result<(), Failure> {
        self.log.delete_topic()
    }

    fn extent(&self, partition: u32) -> Result<Extent, Failure> {
        self.log.extent(partition)
    }

    fn open_reader(&self, partition: u32, from: u64) -> Result<Box<dyn RecordReader>, Failure> {
        let reader = self.log.open_reader(partition, from)?;
        Ok(match self.bug {
            LogBug::AlwaysTheSameTopic => reader,
            LogBug::OneRecordEarly => {
                Box::new(OneRecordEarly { log: self.log.clone(), partition, reader, is_new: true })
            }
        })
    }

    fn open_writer(&self) -> Result<Box<dyn RecordWriter>, Failure> {
        self.log.open_writer()
    }
}

/// After its first batch it goes on at that batch's last record.
struct OneRecordEarly {
    log: Arc<dyn RecordLog>,
    partition: u32,
    reader: Box<dyn RecordReader>,
    is_new: bool,
}

impl RecordReader for OneRecordEarly {
    fn read(&mut self, batch: &mut Batch, records_max: usize, wait: Duration) -> Result<u64, Failure> {
        let position = self.reader.read(batch, records_max, wait)?;
        if let Some(last) = batch.records().next_back().filter(|_| self.is_new) {
            self.reader = self.log.open_reader(self.partition, last.offset)?;
            self.is_new = false;
        }
        Ok(position)
    }
}
