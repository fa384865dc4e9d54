//! A log that is read beside the live path without being in its way, and whose reading can be watched and cancelled.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::{Extent, RecordLog, RecordReader, RecordWriter, Topic, TopicSpec};
use crate::domain::Batch;
use crate::failure::{Failure, Kind};

/// A machine that was halted in a batch does not put the next one off by hours.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// The share of its time in which a thread works.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Throttle {
    share: f64,
}

impl Throttle {
    /// More than 0, at most 1.
    pub fn new(share: f64) -> Self {
        Self { share: share.clamp(f64::MIN_POSITIVE, 1.0) }
    }

    /// How long to pause after having worked this long: at most a second.
    pub fn pause(self, worked: Duration) -> Duration {
        let pause_seconds = worked.as_secs_f64() * (1.0 / self.share - 1.0);
        Duration::from_secs_f64(pause_seconds.min(PAUSE_MAX.as_secs_f64()))
    }
}

/// What reading a throttled log has come to, and the way to end it. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Watch(Arc<Watched>);

#[derive(Debug, Default)]
struct Watched {
    records: AtomicU64,
    cancelled: Mutex<bool>,
    changed: Condvar,
}

impl Watch {
    /// Records that were read so far, by all readers.
    pub fn records(&self) -> u64 {
        self.0.records.load(Relaxed)
    }

    /// From now on every read fails; one that pauses ends its pause.
    pub fn cancel(&self) {
        *self.0.cancelled.lock() = true;
        self.0.changed.notify_all();
    }

    /// Pauses, unless and until it is cancelled; `false` then.
    pub fn pause(&self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        let mut cancelled = self.0.cancelled.lock();
        while !*cancelled && !self.0.changed.wait_until(&mut cancelled, until).timed_out() {}
        !*cancelled
    }
}

/// A log whose readers pause before each batch as long as the throttle says, for what reading and using the last one took.
pub struct ThrottledLog {
    log: Arc<dyn RecordLog>,
    throttle: Throttle,
    watch: Watch,
}

impl ThrottledLog {
    pub fn new(log: Arc<dyn RecordLog>, throttle: Throttle, watch: Watch) -> Self {
        Self { log, throttle, watch }
    }
}

impl RecordLog for ThrottledLog {
    fn name(&self) -> String {
        self.log.name()
    }

    fn topic(&self) -> Result<Option<Topic>, Failure> {
        self.log.topic()
    }

    fn log_id(&self) -> Result<Option<String>, Failure> {
        self.log.log_id()
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

    fn high_watermarks(&self, partitions: &[u32]) -> Result<Vec<u64>, Failure> {
        self.log.high_watermarks(partitions)
    }

    fn open_reader(&self, partition: u32, from: u64) -> Result<Box<dyn RecordReader>, Failure> {
        let (reader, name) = (self.log.open_reader(partition, from)?, self.log.name());
        let (throttle, watch) = (self.throttle, self.watch.clone());
        Ok(Box::new(ThrottledReader { reader, name, throttle, watch, works_since: None }))
    }

    fn open_writer(&self) -> Result<Box<dyn RecordWriter>, Failure> {
        self.log.open_writer()
    }

    fn publish_committed(&self, partition: u32, next_offset: u64) -> Result<(), Failure> {
        self.log.publish_committed(partition, next_offset)
    }
}

struct ThrottledReader {
    reader: Box<dyn RecordReader>,
    /// Of the log.
    name: String,
    throttle: Throttle,
    watch: Watch,
    /// When the last read began; `None` before the first.
    works_since: Option<Instant>,
}

impl RecordReader for ThrottledReader {
    fn read(&mut self, batch: &mut Batch, records_max: usize, wait: Duration) -> Result<u64, Failure> {
        let worked = self.works_since.map_or(Duration::ZERO, |since| since.elapsed());
        if !self.watch.pause(self.throttle.pause(worked)) {
            return Err(Failure::fatal(Kind::TryAgain, format!("reading {} was cancelled", self.name)));
        }
        self.works_since = Some(Instant::now());
        let position = self.reader.read(batch, records_max, wait)?;
        self.watch.0.records.fetch_add(batch.len() as u64, Relaxed);
        Ok(position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Outgoing;
    use crate::log::memory::MemoryLog;

    #[test]
    fn a_pause_leaves_the_share_of_the_time() {
        let pause = |share, worked_ms| Throttle::new(share).pause(Duration::from_millis(worked_ms));
        assert_eq!(pause(0.25, 10), Duration::from_millis(30));
        assert_eq!(pause(0.5, 10), Duration::from_millis(10));
        assert_eq!((pause(1.0, 10), pause(2.0, 10)), (Duration::ZERO, Duration::ZERO));
        assert_eq!((pause(0.25, 3_600_000), pause(0.0, 1), pause(0.0, 0)), (PAUSE_MAX, PAUSE_MAX, Duration::ZERO));
    }

    /// A log of these many records, throttled.
    fn log(records: usize) -> (ThrottledLog, Watch) {
        let log = MemoryLog::new("temperatures");
        log.create_topic(&TopicSpec { partitions: 1, replication: 1, retention_ms: -1 }).expect("it is created");
        let record = Outgoing { partition: 0, key: None, value: None };
        log.open_writer().and_then(|mut writer| writer.write(&vec![record; records])).expect("it is written");
        let watch = Watch::default();
        (ThrottledLog::new(Arc::new(log), Throttle::new(0.000_001), watch.clone()), watch)
    }

    #[test]
    fn what_is_read_is_the_same_and_counted() {
        let (log, watch) = log(5);
        assert_eq!(log.extent(0), Ok(Extent { start: 0, end: 5 }));
        let mut reader = log.open_reader(0, 1).expect("a reader");
        let mut batch = Batch::default();
        assert_eq!(reader.read(&mut batch, 3, Duration::ZERO), Ok(4));
        assert_eq!(
            (batch.records().map(|record| record.offset).collect::<Vec<_>>(), watch.records()),
            (vec![1, 2, 3], 3)
        );
    }

    #[test]
    fn a_read_and_a_pause_end_when_it_is_cancelled() {
        let (log, watch) = log(1);
        let mut reader = log.open_reader(0, 0).expect("a reader");
        let (done, ended) = std::sync::mpsc::channel::<()>();
        let reads = std::thread::spawn(move || {
            let mut read = || reader.read(&mut Batch::default(), 1, Duration::ZERO);
            while read().is_ok() {
                done.send(()).expect("the test waits");
            }
            read().expect_err("it stays cancelled")
        });
        ended.recv_timeout(Duration::from_secs(60)).expect("it reads");
        watch.cancel();
        let failure = reads.join().expect("it ends");
        assert!(failure.what.contains("cancelled") && !failure.is_retryable(), "{failure}");
    }
}
