//! A log within this process, for simulation and tests: it keeps its guarantees, and can be told to break each of them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::{BATCH_BYTES_MAX, Extent, Outgoing, RecordLog, RecordReader, RecordWriter, Topic, TopicSpec, failures};
use crate::domain::{Batch, Record};
use crate::faults::{Failure, Kind};

/// A log with one topic. Clones share it.
#[derive(Clone)]
pub struct MemoryLog(Arc<Inner>);

struct Inner {
    topic: String,
    /// Whether a reader may wait for records: not where one thread does everything.
    waits: bool,
    state: Mutex<State>,
    /// Records were written, or a test changed something.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    topic: Option<Created>,
    /// Topics created so far.
    created: u64,
    /// What the next calls fail with.
    failures: VecDeque<Failure>,
    stalled: bool,
    /// Records of the largest write so far.
    write_records_max: usize,
}

struct Created {
    log_id: String,
    retention_ms: i64,
    partitions: Vec<Partition>,
}

struct Partition {
    extent: Extent,
    /// Their offsets rise and are within the extent.
    records: VecDeque<Stored>,
}

struct Stored {
    offset: u64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
}

impl MemoryLog {
    pub fn new(topic: &str) -> Self {
        Self::with(topic, true)
    }

    /// A log for a simulation on one thread: a read without records returns at once, whatever it may wait, no clock is
    /// read, and the log ids are `memory-1`, `memory-2` and so on.
    pub fn without_waiting(topic: &str) -> Self {
        Self::with(topic, false)
    }

    fn with(topic: &str, waits: bool) -> Self {
        let (state, changed) = (Mutex::default(), Condvar::new());
        Self(Arc::new(Inner { topic: topic.to_owned(), waits, state, changed }))
    }

    /// The state, for a call that may fail because a test wants it to.
    fn call(&self) -> Result<MutexGuard<'_, State>, Failure> {
        let mut state = self.0.state.lock();
        state.failures.pop_front().map_or(Ok(state), Err)
    }

    fn create(&self, state: &mut State, partitions: u32, retention_ms: i64) {
        state.created += 1;
        let log_id = if self.0.waits { uuid::Uuid::new_v4().to_string() } else { format!("memory-{}", state.created) };
        let partitions = (0..partitions).map(|_| Partition::empty()).collect();
        state.topic = Some(Created { log_id, retention_ms, partitions });
    }
}

/// What tests can do to a log whose topic was created; each wakes the readers that wait.
impl MemoryLog {
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
            let Partition { extent, records } = &mut topic.partitions[partition as usize];
            *extent = Extent { start, end: extent.end.max(start) };
            records.retain(|record| record.offset >= start);
        });
    }

    /// Loses the records from `end` on.
    pub fn truncate(&self, partition: u32, end: u64) {
        self.change(|topic| {
            let Partition { extent, records } = &mut topic.partitions[partition as usize];
            *extent = Extent { start: extent.start.min(end), end };
            records.retain(|record| record.offset < end);
        });
    }

    /// Deletes the topic and creates it again, empty and with another log id. Gives a log that still has the old one.
    pub fn recreate(&self) -> Self {
        let mut state = self.0.state.lock();
        let old = state.topic.take().expect("the topic was created");
        let partitions = u32::try_from(old.partitions.len()).expect("they were created from a u32");
        self.create(&mut state, partitions, old.retention_ms);
        self.0.changed.notify_all();
        let gone = Self::with(&self.0.topic, self.0.waits);
        gone.0.state.lock().topic = Some(old);
        gone
    }

    /// Records of the largest write so far.
    pub fn write_records_max(&self) -> usize {
        self.0.state.lock().write_records_max
    }

    pub fn add_partitions(&self, partitions: u32) {
        self.change(|topic| topic.partitions.extend((0..partitions).map(|_| Partition::empty())));
    }

    fn change<T>(&self, change: impl FnOnce(&mut Created) -> T) -> T {
        let changed = change(self.0.state.lock().topic.as_mut().expect("the topic was created"));
        self.0.changed.notify_all();
        changed
    }
}

impl RecordLog for MemoryLog {
    fn name(&self) -> String {
        format!("topic {} in memory", self.0.topic)
    }

    fn topic(&self) -> Result<Option<Topic>, Failure> {
        Ok(self.call()?.topic.as_ref().map(Created::describe))
    }

    fn create_topic(&self, spec: &TopicSpec) -> Result<Topic, Failure> {
        let mut state = self.call()?;
        if state.topic.is_some() {
            return Err(failures::topic_exists(&self.name()));
        }
        self.create(&mut state, spec.partitions, spec.retention_ms);
        Ok(state.topic.as_ref().expect("it was just created").describe())
    }

    fn delete_topic(&self) -> Result<(), Failure> {
        self.call()?.topic = None;
        self.0.changed.notify_all();
        Ok(())
    }

    fn extent(&self, partition: u32) -> Result<Extent, Failure> {
        let mut state = self.call()?;
        let name = self.name();
        let topic = state.topic.as_mut().ok_or_else(|| failures::no_topic(&name))?;
        Ok(topic.partition(&name, partition)?.extent)
    }

    fn open_reader(&self, partition: u32, from: u64) -> Result<Box<dyn RecordReader>, Failure> {
        let mut state = self.call()?;
        let name = self.name();
        let topic = state.topic.as_mut().ok_or_else(|| failures::no_topic(&name))?;
        topic.partition(&name, partition)?;
        Ok(Box::new(Reader { log: self.clone(), log_id: topic.log_id.clone(), partition, position: from }))
    }

    fn open_writer(&self) -> Result<Box<dyn RecordWriter>, Failure> {
        let state = self.call()?;
        let topic = state.topic.as_ref().ok_or_else(|| failures::no_topic(&self.name()))?;
        Ok(Box::new(Writer { log: self.clone(), log_id: topic.log_id.clone() }))
    }
}

impl State {
    /// The topic, if it is still the one with this id.
    fn same(&mut self, name: &str, log_id: &str) -> Result<&mut Created, Failure> {
        self.topic.as_mut().filter(|topic| topic.log_id == log_id).ok_or_else(|| failures::recreated(name))
    }
}

impl Created {
    fn describe(&self) -> Topic {
        Topic {
            log_id: self.log_id.clone(),
            partitions: u32::try_from(self.partitions.len()).expect("they were created from a u32"),
            warning: failures::kept_for_ever(self.retention_ms),
            compacted: false,
        }
    }

    fn partition(&mut self, name: &str, partition: u32) -> Result<&mut Partition, Failure> {
        let partitions = u32::try_from(self.partitions.len()).expect("they were created from a u32");
        self.partitions.get_mut(partition as usize).ok_or_else(|| failures::no_partition(name, partition, partitions))
    }
}

impl Partition {
    fn empty() -> Self {
        Self { extent: Extent { start: 0, end: 0 }, records: VecDeque::new() }
    }

    /// Gives the end after the record.
    fn append(&mut self, key: Option<Vec<u8>>, value: Option<Vec<u8>>) -> u64 {
        self.records.push_back(Stored { offset: self.extent.end, key, value });
        self.extent.end += 1;
        self.extent.end
    }

    /// Copies records from `position` on until the batch is full; gives the position after them.
    fn copy(&self, position: u64, batch: &mut Batch, records_max: usize) -> u64 {
        let first = self.records.partition_point(|record| record.offset < position);
        for Stored { offset, key, value } in self.records.range(first..) {
            if batch.len() >= records_max || batch.size_bytes() >= BATCH_BYTES_MAX {
                return *offset;
            }
            batch.push(Record { offset: *offset, key: key.as_deref(), value: value.as_deref() });
        }
        self.extent.end
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
        let deadline = self.log.0.waits.then(|| Instant::now() + wait);
        let name = self.log.name();
        let mut state = self.log.call()?;
        loop {
            let stalled = state.stalled;
            let partition = state.same(&name, &self.log_id)?.partition(&name, self.partition)?;
            failures::within(&name, self.partition, self.position, partition.extent)?;
            if !stalled {
                let position = partition.copy(self.position, batch, records_max);
                if position > self.position {
                    self.position = position;
                    return Ok(position);
                }
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
    log: MemoryLog,
    log_id: String,
}

impl RecordWriter for Writer {
    fn write(&mut self, records: &[Outgoing<'_>]) -> Result<BTreeMap<u32, u64>, Failure> {
        let name = self.log.name();
        let mut state = self.log.call()?;
        if state.stalled {
            return Err(Failure::retryable(Kind::Unavailable, format!("the {name} does not answer")));
        }
        state.write_records_max = state.write_records_max.max(records.len());
        let topic = state.same(&name, &self.log_id)?;
        for record in records {
            topic.partition(&name, record.partition)?;
        }
        let mut ends = BTreeMap::new();
        for &Outgoing { partition, key, value } in records {
            let (key, value) = (key.map(<[u8]>::to_vec), value.map(<[u8]>::to_vec));
            ends.insert(partition, topic.partition(&name, partition)?.append(key, value));
        }
        self.log.0.changed.notify_all();
        Ok(ends)
    }
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
