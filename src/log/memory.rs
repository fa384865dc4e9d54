//! A log within this process: its records are gone with it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::stored::{StoredTopic, WriterNumber};
use super::{Extent, Outgoing, RecordLog, RecordReader, RecordWriter, Topic, TopicSpec, failures};
use crate::domain::Batch;
use crate::failure::Failure;

/// A log with one topic. Clones share it.
#[derive(Clone)]
pub struct MemoryLog(Arc<Inner>);

struct Inner {
    name: String,
    topic: Mutex<Option<StoredTopic>>,
    /// The topic has other records than before, or is another one.
    changed: Condvar,
}

impl MemoryLog {
    pub fn new(topic: &str) -> Self {
        let name = format!("topic {topic} in memory");
        Self(Arc::new(Inner { name, topic: Mutex::default(), changed: Condvar::new() }))
    }
}

impl MemoryLog {
    /// As [`RecordLog::create_topic`], with this id.
    pub(crate) fn create(&self, log_id: impl FnOnce() -> String, spec: &TopicSpec) -> Result<Topic, Failure> {
        self.change(|topic| match topic {
            Some(_) => Err(failures::topic_exists(&self.0.name)),
            None => Ok(topic.insert(StoredTopic::new(log_id(), spec)).describe()),
        })
    }

    /// Changes what is there, and wakes the readers that wait.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Option<StoredTopic>) -> T) -> T {
        let changed = change(&mut self.0.topic.lock());
        self.0.changed.notify_all();
        changed
    }

    fn with_topic<T>(&self, work: impl FnOnce(&mut StoredTopic) -> Result<T, Failure>) -> Result<T, Failure> {
        work(self.0.topic.lock().as_mut().ok_or_else(|| failures::no_topic(&self.0.name))?)
    }
}

impl RecordLog for MemoryLog {
    fn name(&self) -> String {
        self.0.name.clone()
    }

    fn topic(&self) -> Result<Option<Topic>, Failure> {
        Ok(self.0.topic.lock().as_ref().map(StoredTopic::describe))
    }

    fn create_topic(&self, spec: &TopicSpec) -> Result<Topic, Failure> {
        self.create(|| uuid::Uuid::new_v4().to_string(), spec)
    }

    fn delete_topic(&self) -> Result<(), Failure> {
        self.change(|topic| *topic = None);
        Ok(())
    }

    fn extent(&self, partition: u32) -> Result<Extent, Failure> {
        self.with_topic(|topic| Ok(topic.partition(&self.0.name, partition)?.extent))
    }

    fn open_reader(&self, partition: u32, from: u64) -> Result<Box<dyn RecordReader>, Failure> {
        self.with_topic(|topic| {
            topic.partition(&self.0.name, partition)?;
            Ok(Box::new(Reader { log: self.clone(), log_id: topic.log_id.clone(), partition, position: from }) as _)
        })
    }

    fn open_writer(&self, source: &str) -> Result<Box<dyn RecordWriter>, Failure> {
        self.with_topic(|topic| {
            let (log_id, number) = (topic.log_id.clone(), topic.open_writer(source));
            Ok(Box::new(Writer { log: self.clone(), log_id, number }) as _)
        })
    }
}

struct Reader {
    log: MemoryLog,
    log_id: String,
    partition: u32,
    position: u64,
}

impl RecordReader for Reader {
    fn read(&mut self, batch: &mut Batch, records_max: usize, wait: Duration) -> Result<u64, Failure> {
        let deadline = Instant::now() + wait;
        let Inner { name, topic, changed } = &*self.log.0;
        let mut topic = topic.lock();
        loop {
            let same = StoredTopic::same(topic.as_mut(), name, &self.log_id)?;
            let position = same.read((name, self.partition, self.position), batch, records_max)?;
            if position > self.position || changed.wait_until(&mut topic, deadline).timed_out() {
                self.position = position;
                return Ok(position);
            }
        }
    }
}

struct Writer {
    log: MemoryLog,
    log_id: String,
    number: WriterNumber,
}

impl RecordWriter for Writer {
    fn write(&mut self, records: &[Outgoing<'_>]) -> Result<BTreeMap<u32, u64>, Failure> {
        let (name, number) = (&self.log.0.name, &self.number);
        self.log.change(|topic| StoredTopic::same(topic.as_mut(), name, &self.log_id)?.write(name, number, records))
    }
}
