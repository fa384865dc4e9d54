//! A log in memory that keeps its guarantees, and can be told to break each of them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::SimulatedSeat;
use crate::domain::Batch;
use crate::failure::{Failure, Kind};
use crate::log::membership::{GroupSpec, Membership, Standing};
use crate::log::memory::MemoryLog;
use crate::log::stored::{StoredPartition, StoredTopic};
use crate::log::{Extent, Outgoing, RecordLog, RecordReader, RecordWriter, Topic, TopicSpec};

/// A reader that waits hears within this time that it is to fail.
const LOOK: Duration = Duration::from_millis(5);

/// A log in memory with one topic, on which calls can be made to go wrong. Clones share it.
#[derive(Clone)]
pub struct SimulatedLog {
    topic: Arc<str>,
    memory: MemoryLog,
    /// Whether a reader may wait for records: not where one thread does everything.
    waits: bool,
    disorder: Arc<Mutex<Disorder>>,
    seat: SimulatedSeat,
}

#[derive(Default)]
struct Disorder {
    /// Topics created so far.
    created: u64,
    /// The failures of the next calls.
    failures: VecDeque<Failure>,
    stalled: bool,
    /// Of the next writes, of which nobody hears what became of them.
    unheard: VecDeque<Unheard>,
    late: Vec<LateWrite>,
    /// Records of the largest write so far.
    write_records_max: usize,
}

/// What becomes of a write of which nobody hears.
#[derive(Clone, Copy, Debug)]
pub enum Unheard {
    /// So many of its records are in the log.
    Part(usize),
    /// It arrives at the log only so many calls later.
    Late(usize),
}

/// A write that is on its way.
struct LateWrite {
    calls_left: usize,
    writer: Box<dyn RecordWriter>,
    records: Vec<LateRecord>,
}

/// Partition, key and value.
type LateRecord = (u32, Option<Vec<u8>>, Option<Vec<u8>>);

impl LateWrite {
    /// Where its writer was replaced meanwhile, nothing comes of it.
    fn arrive(mut self) {
        let records: Vec<Outgoing<'_>> = self
            .records
            .iter()
            .map(|(partition, key, value)| Outgoing {
                partition: *partition,
                key: key.as_deref(),
                value: value.as_deref(),
            })
            .collect();
        drop(self.writer.write(&records));
    }
}

impl SimulatedLog {
    /// A log for real threads: a read waits for records as long as it may.
    pub fn new(topic: &str) -> Self {
        let (disorder, seat) = Default::default();
        Self { topic: topic.into(), memory: MemoryLog::new(topic), waits: true, disorder, seat }
    }

    /// The same log for another member of its group.
    #[must_use]
    pub fn for_member(&self, seat: &SimulatedSeat) -> Self {
        Self { seat: seat.clone(), ..self.clone() }
    }

    /// A log for a simulation on one thread: a read without records returns at once, however long it may wait, and the log
    /// ids are `memory-1`, `memory-2` and so on.
    pub fn without_waiting(topic: &str) -> Self {
        Self { waits: false, ..Self::new(topic) }
    }

    /// The log beneath, for a call that may fail because it was told to.
    fn call(&self) -> Result<&MemoryLog, Failure> {
        let mut disorder = self.disorder.lock();
        disorder.late.iter_mut().for_each(|write| write.calls_left = write.calls_left.saturating_sub(1));
        disorder.late.extract_if(.., |write| write.calls_left == 0).for_each(LateWrite::arrive);
        disorder.failures.pop_front().map_or(Ok(&self.memory), Err)
    }

    fn next_log_id(&self) -> String {
        let mut disorder = self.disorder.lock();
        disorder.created += 1;
        if self.waits { uuid::Uuid::new_v4().to_string() } else { format!("memory-{}", disorder.created) }
    }
}

/// The disorders of a log whose topic was created.
impl SimulatedLog {
    /// Makes the next calls on the log, its readers and its writers fail, whichever they are.
    pub fn fail_next(&self, failure: &Failure, calls: usize) {
        self.disorder.lock().failures.extend(std::iter::repeat_n(failure, calls).cloned());
    }

    /// While it is stalled, readers find nothing new and writes fail as Retryable.
    pub fn stall(&self, stalled: bool) {
        self.disorder.lock().stalled = stalled;
    }

    /// Makes the next write fail as Retryable, although this becomes of it.
    pub fn do_not_hear(&self, unheard: Unheard) {
        self.disorder.lock().unheard.push_back(unheard);
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
        self.keep(partition, |extent| Extent { start, end: extent.end.max(start) });
    }

    /// Loses the records from `end` on.
    pub fn truncate(&self, partition: u32, end: u64) {
        self.keep(partition, |extent| Extent { start: extent.start.min(end), end });
    }

    fn keep(&self, partition: u32, of: impl FnOnce(Extent) -> Extent) {
        self.change(|topic| {
            let StoredPartition { extent, records } = &mut topic.partitions[partition as usize];
            *extent = of(*extent);
            records.retain(|record| (extent.start..extent.end).contains(&record.offset));
        });
    }

    /// Deletes the topic and creates it again, empty and with another log id. Gives a log that still has the old one.
    pub fn recreate(&self) -> Self {
        let log_id = self.next_log_id();
        let old = self.memory.change(|topic| {
            let old = topic.take().expect("the topic was created");
            let spec = TopicSpec { partitions: old.describe().partitions, ..old.spec.clone() };
            *topic = Some(StoredTopic::new(log_id, &spec));
            old
        });
        let gone = Self { waits: self.waits, ..Self::new(&self.topic) };
        gone.memory.change(|topic| *topic = Some(old));
        gone
    }

    /// Records of the largest write so far.
    pub fn write_records_max(&self) -> usize {
        self.disorder.lock().write_records_max
    }

    pub fn add_partitions(&self, partitions: u32) {
        self.change(|topic| topic.partitions.extend((0..partitions).map(|_| StoredPartition::empty())));
    }

    fn change<T>(&self, change: impl FnOnce(&mut StoredTopic) -> T) -> T {
        self.memory.change(|topic| change(topic.as_mut().expect("the topic was created")))
    }
}

impl RecordLog for SimulatedLog {
    fn name(&self) -> String {
        self.memory.name()
    }

    fn topic(&self) -> Result<Option<Topic>, Failure> {
        self.call()?.topic()
    }

    fn create_topic(&self, spec: &TopicSpec) -> Result<Topic, Failure> {
        self.call()?.create(|| self.next_log_id(), spec)
    }

    fn delete_topic(&self) -> Result<(), Failure> {
        self.call()?.delete_topic()
    }

    fn extent(&self, partition: u32) -> Result<Extent, Failure> {
        self.call()?.extent(partition)
    }

    fn open_reader(&self, partition: u32, from: u64) -> Result<Box<dyn RecordReader>, Failure> {
        let reader = self.call()?.open_reader(partition, from)?;
        Ok(Box::new(Reader { log: self.clone(), reader, position: from }))
    }

    fn join(&self, _: &GroupSpec) -> Result<Box<dyn Membership>, Failure> {
        self.call()?;
        Ok(self.seat.join())
    }

    fn standing(&self, _: u32, _: u64) -> Standing {
        self.seat.standing()
    }

    fn open_writer(&self, source: &str) -> Result<Box<dyn RecordWriter>, Failure> {
        Ok(Box::new(Writer { log: self.clone(), writer: Some(self.call()?.open_writer(source)?) }))
    }
}

struct Reader {
    log: SimulatedLog,
    reader: Box<dyn RecordReader>,
    position: u64,
}

impl RecordReader for Reader {
    fn read(&mut self, batch: &mut Batch, records_max: usize, wait: Duration) -> Result<u64, Failure> {
        let deadline = self.log.waits.then(|| Instant::now() + wait);
        loop {
            self.log.call()?;
            let left = deadline.map_or(Duration::ZERO, |deadline| deadline.saturating_duration_since(Instant::now()));
            let look = LOOK.min(left);
            let position = if self.log.disorder.lock().stalled {
                // Nothing is read, but a topic that is gone is still a failure.
                self.reader.read(batch, 0, Duration::ZERO)?;
                std::thread::sleep(look);
                self.position
            } else {
                self.reader.read(batch, records_max, look)?
            };
            if position > self.position || look.is_zero() {
                self.position = position;
                return Ok(position);
            }
        }
    }
}

struct Writer {
    log: SimulatedLog,
    /// `None` once it was given away.
    writer: Option<Box<dyn RecordWriter>>,
}

impl RecordWriter for Writer {
    fn write(&mut self, records: &[Outgoing<'_>]) -> Result<BTreeMap<u32, u64>, Failure> {
        self.log.call()?;
        let silent = || Failure::retryable(Kind::Unavailable, format!("the {} does not answer", self.log.name()));
        let mut disorder = self.log.disorder.lock();
        if disorder.stalled {
            return Err(silent());
        }
        disorder.write_records_max = disorder.write_records_max.max(records.len());
        let mut writer = self.writer.take().ok_or_else(silent)?;
        match disorder.unheard.pop_front() {
            None => {
                let written = writer.write(records);
                self.writer = Some(writer);
                return written;
            }
            Some(Unheard::Part(count)) => drop(writer.write(&records[..count.min(records.len())])?),
            Some(Unheard::Late(calls_left)) => {
                let owned = |part: Option<&[u8]>| part.map(<[u8]>::to_vec);
                let records = records.iter().map(|record| (record.partition, owned(record.key), owned(record.value)));
                disorder.late.push(LateWrite { calls_left, writer, records: records.collect() });
            }
        }
        Err(silent())
    }
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
