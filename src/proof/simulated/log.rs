//! A log in memory that keeps its guarantees, and can be told to break each of them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::domain::Batch;
use crate::failure::{Failure, Kind};
use crate::log::stored::{StoredPartition, StoredTopic};
use crate::log::{Extent, Outgoing, RecordLog, RecordReader, RecordWriter, Topic, TopicSpec, failures};

/// A log with one topic. Clones share it.
#[derive(Clone)]
pub struct SimulatedLog(Arc<Inner>);

struct Inner {
    name: String,
    /// Whether a reader may wait for records: not where one thread does everything.
    waits: bool,
    state: Mutex<State>,
    /// Records were written, or the topic was changed.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    topic: Option<StoredTopic>,
    /// Topics created so far.
    created: u64,
    /// What the next calls fail with.
    failures: VecDeque<Failure>,
    stalled: bool,
    /// Records of the largest write so far.
    write_records_max: usize,
}

impl SimulatedLog {
    /// A log for real threads: a read waits for records as long as it may.
    pub fn new(topic: &str) -> Self {
        Self::with(format!("topic {topic} in memory"), true)
    }

    /// A log for a simulation on one thread: a read without records returns at once, whatever it may wait, no clock is
    /// read, and the log ids are `memory-1`, `memory-2` and so on.
    pub fn without_waiting(topic: &str) -> Self {
        Self::with(format!("topic {topic} in memory"), false)
    }

    fn with(name: String, waits: bool) -> Self {
        Self(Arc::new(Inner { name, waits, state: Mutex::default(), changed: Condvar::new() }))
    }

    /// The state, for a call that may fail because it was told to.
    fn call(&self) -> Result<MutexGuard<'_, State>, Failure> {
        let mut state = self.0.state.lock();
        state.failures.pop_front().map_or(Ok(state), Err)
    }

    fn create(&self, state: &mut State, spec: &TopicSpec) -> Topic {
        state.created += 1;
        let log_id = if self.0.waits { uuid::Uuid::new_v4().to_string() } else { format!("memory-{}", state.created) };
        state.topic.insert(StoredTopic::new(log_id, spec)).describe()
    }
}

/// What can be done to a log whose topic was created; each wakes the readers that wait.
impl SimulatedLog {
    /// Makes the next calls on the log, its readers and its writers fail, whichever they are.
    pub fn fail_next(&self, failure: &Failure, calls: usize) {
        self.0.state.lock().failures.extend(std::iter::repeat_n(failure, calls).cloned());
        self.0.changed.notify_all();
    }

    /// While it is stalled, readers find nothing new and writes fail as Retryable.
    pub fn stall(&self, stalled: bool) {
        self.0.state.lock().stalled = stalled;
        self.0.changed.notify_all();
    }

    /// Writes any record, as another producer would; gives its offset.
    pub fn append(&self, partition: u32, key: Option<&[u8]>, value: Option<&[u8]>) -> u64 {
        let (key, value) = (key.map(<[u8]>::to_vec), value.map(<[u8]>::to_vec));
        self.change(|topic| topic.partitions[partition as usize].append(key, value) - 1)
    }

    /// Uses up offsets without a record, as transaction markers do.
    pub fn leave_gap(&self, partition: u32, offsets: u64) {
        self.change(|topic| topic.partitions[partition as usize].extent.end += offsets);
    }

    /// Loses the records before `start`, as retention does.
    pub fn raise_start(&self, partition: u32, start: u64) {
        self.change(|topic| {
            let StoredPartition { extent, records } = &mut topic.partitions[partition as usize];
            *extent = Extent { start, end: extent.end.max(start) };
            records.retain(|record| record.offset >= start);
        });
    }

    /// Loses the records from `end` on.
    pub fn truncate(&self, partition: u32, end: u64) {
        self.change(|topic| {
            let StoredPartition { extent, records } = &mut topic.partitions[partition as usize];
            *extent = Extent { start: extent.start.min(end), end };
            records.retain(|record| record.offset < end);
        });
    }

    /// Deletes the topic and creates it again, empty and with another log id. Gives a log that still has the old one.
    pub fn recreate(&self) -> Self {
        let mut state = self.0.state.lock();
        let old = state.topic.take().expect("the topic was created");
        let spec = TopicSpec { partitions: old.describe().partitions, ..old.spec.clone() };
        self.create(&mut state, &spec);
        self.0.changed.notify_all();
        let gone = Self::with(self.0.name.clone(), self.0.waits);
        gone.0.state.lock().topic = Some(old);
        gone
    }

    /// Records of the largest write so far.
    pub fn write_records_max(&self) -> usize {
        self.0.state.lock().write_records_max
    }

    pub fn add_partitions(&self, partitions: u32) {
        self.change(|topic| topic.partitions.extend((0..partitions).map(|_| StoredPartition::empty())));
    }

    fn change<T>(&self, change: impl FnOnce(&mut StoredTopic) -> T) -> T {
        let changed = change(self.0.state.lock().topic.as_mut().expect("the topic was created"));
        self.0.changed.notify_all();
        changed
    }
}

impl RecordLog for SimulatedLog {
    fn name(&self) -> String {
        self.0.name.clone()
    }

    fn topic(&self) -> Result<Option<Topic>, Failure> {
        Ok(self.call()?.topic.as_ref().map(StoredTopic::describe))
    }

    fn create_topic(&self, spec: &TopicSpec) -> Result<Topic, Failure> {
        let mut state = self.call()?;
        if state.topic.is_some() {
            return Err(failures::topic_exists(&self.0.name));
        }
        Ok(self.create(&mut state, spec))
    }

    fn delete_topic(&self) -> Result<(), Failure> {
        self.call()?.topic = None;
        self.0.changed.notify_all();
        Ok(())
    }

    fn extent(&self, partition: u32) -> Result<Extent, Failure> {
        let mut state = self.call()?;
        let topic = state.topic.as_mut().ok_or_else(|| failures::no_topic(&self.0.name))?;
        Ok(topic.partition(&self.0.name, partition)?.extent)
    }

    fn open_reader(&self, partition: u32, from: u64) -> Result<Box<dyn RecordReader>, Failure> {
        let mut state = self.call()?;
        let topic = state.topic.as_mut().ok_or_else(|| failures::no_topic(&self.0.name))?;
        topic.partition(&self.0.name, partition)?;
        Ok(Box::new(Reader { log: self.clone(), log_id: topic.log_id.clone(), partition, position: from }))
    }

    fn open_writer(&self) -> Result<Box<dyn RecordWriter>, Failure> {
        let state = self.call()?;
        let topic = state.topic.as_ref().ok_or_else(|| failures::no_topic(&self.0.name))?;
        Ok(Box::new(Writer { log: self.clone(), log_id: topic.log_id.clone() }))
    }
}

struct Reader {
    log: SimulatedLog,
    log_id: String,
    partition: u32,
    position: u64,
}

impl RecordReader for Reader {
    fn read(&mut self, batch: &mut Batch, records_max: usize, wait: Duration) -> Result<u64, Failure> {
        let deadline = self.log.0.waits.then(|| Instant::now() + wait);
        let name = &self.log.0.name;
        let mut state = self.log.call()?;
        loop {
            // Of a stalled log nothing is read, but it says where it ends.
            let records_max = if state.stalled { 0 } else { records_max };
            let same = StoredTopic::same(state.topic.as_mut(), name, &self.log_id)?;
            let position = same.read((name, self.partition, self.position), batch, records_max)?;
            if position > self.position && !state.stalled {
                self.position = position;
                return Ok(position);
            }
            let Some(deadline) = deadline else { return Ok(self.position) };
            if self.log.0.changed.wait_until(&mut state, deadline).timed_out() {
                return Ok(self.position);
            }
            if let Some(failure) = state.failures.pop_front() {
                return Err(failure);
            }
        }
    }
}

struct Writer {
    log: SimulatedLog,
    log_id: String,
}

impl RecordWriter for Writer {
    fn write(&mut self, records: &[Outgoing<'_>]) -> Result<BTreeMap<u32, u64>, Failure> {
        let name = &self.log.0.name;
        let mut state = self.log.call()?;
        if state.stalled {
            return Err(Failure::retryable(Kind::Unavailable, format!("the {name} does not answer")));
        }
        state.write_records_max = state.write_records_max.max(records.len());
        let ends = StoredTopic::same(state.topic.as_mut(), name, &self.log_id)?.write(name, records);
        self.log.0.changed.notify_all();
        ends
    }
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
