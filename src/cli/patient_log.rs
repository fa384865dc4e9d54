//! A log whose outages are waited out, for verbs that read from beginning to end.

use std::sync::Arc;
use std::time::Duration;

use super::patience::Patience;
use crate::domain::Batch;
use crate::failure::Failure;
use crate::log::{Extent, RecordLog, RecordReader, RecordWriter, Topic, TopicSpec};

/// Every call on it, and on its readers, is made again until it does not fail as Retryable, or the limit has passed.
pub struct PatientLog {
    log: Arc<dyn RecordLog>,
    patience: Arc<Patience>,
}

impl PatientLog {
    pub fn new(log: Arc<dyn RecordLog>, limit: Duration) -> Self {
        Self { log, patience: Arc::new(Patience::up_to(limit)) }
    }

    fn wait<T>(&self, call: impl FnMut() -> Result<T, Failure>) -> Result<T, Failure> {
        self.patience.wait(|| false, call)
    }
}

impl RecordLog for PatientLog {
    fn name(&self) -> String {
        self.log.name()
    }

    fn topic(&self) -> Result<Option<Topic>, Failure> {
        self.wait(|| self.log.topic())
    }

    fn create_topic(&self, spec: &TopicSpec) -> Result<Topic, Failure> {
        self.wait(|| self.log.create_topic(spec))
    }

    fn delete_topic(&self) -> Result<(), Failure> {
        self.wait(|| self.log.delete_topic())
    }

    fn extent(&self, partition: u32) -> Result<Extent, Failure> {
        self.wait(|| self.log.extent(partition))
    }

    fn high_watermarks(&self, partitions: &[u32]) -> Result<Vec<u64>, Failure> {
        self.wait(|| self.log.high_watermarks(partitions))
    }

    fn open_reader(&self, partition: u32, from: u64) -> Result<Box<dyn RecordReader>, Failure> {
        let (log, patience) = (self.log.clone(), self.patience.clone());
        Ok(Box::new(PatientReader { log, patience, partition, position: from, open: None }))
    }

    fn open_writer(&self) -> Result<Box<dyn RecordWriter>, Failure> {
        self.wait(|| self.log.open_writer())
    }
}

struct PatientReader {
    log: Arc<dyn RecordLog>,
    patience: Arc<Patience>,
    partition: u32,
    position: u64,
    open: Option<Box<dyn RecordReader>>,
}

impl RecordReader for PatientReader {
    fn read(&mut self, batch: &mut Batch, records_max: usize, wait: Duration) -> Result<u64, Failure> {
        let Self { log, patience, partition, position, open } = self;
        let read = || {
            batch.clear();
            let reader = match open {
                Some(reader) => reader,
                None => open.insert(log.open_reader(*partition, *position)?),
            };
            // After a failure a new reader goes on from the last position.
            reader.read(batch, records_max, wait).inspect_err(|_| *open = None)
        };
        *position = patience.wait(|| false, read)?;
        Ok(*position)
    }
}
