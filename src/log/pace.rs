//! Reading beside the live path without being in its way; such a reading can be watched and cancelled.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::RecordLog;
use crate::failure::{Failure, Kind};

/// A machine that was halted in a batch does not put the next one off by hours.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// The share of its time in which a thread works.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Throttle {
    share: f64,
}

/// All of its time.
impl Default for Throttle {
    fn default() -> Self {
        Self { share: 1.0 }
    }
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

/// How many records a reading has come to, and the way to end it. Clones share it.
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

/// How fast records are read again, beside those that count them, and how that is watched and ended. By default as fast as
/// they come.
#[derive(Clone, Debug, Default)]
pub struct RangePace {
    throttle: Throttle,
    watch: Watch,
}

impl RangePace {
    pub fn new(throttle: Throttle, watch: Watch) -> Self {
        Self { throttle, watch }
    }

    /// Pauses as long as the throttle says for work that took this long; fails once the reading of this log is cancelled.
    pub(super) fn rest(&self, worked: Duration, log: &dyn RecordLog) -> Result<(), Failure> {
        if self.watch.pause(self.throttle.pause(worked)) {
            return Ok(());
        }
        Err(Failure::fatal(Kind::TryAgain, format!("reading {} was cancelled", log.name())))
    }

    pub(super) fn read(&self, records: usize) {
        self.watch.0.records.fetch_add(records as u64, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::memory::MemoryLog;
    use crate::log::{Outgoing, RangeReader, TopicSpec};

    #[test]
    fn a_pause_leaves_the_share_of_the_time() {
        let pause = |share, worked_ms| Throttle::new(share).pause(Duration::from_millis(worked_ms));
        assert_eq!(pause(0.25, 10), Duration::from_millis(30));
        assert_eq!(pause(0.5, 10), Duration::from_millis(10));
        assert_eq!((pause(1.0, 10), pause(2.0, 10)), (Duration::ZERO, Duration::ZERO));
        assert_eq!((pause(0.25, 3_600_000), pause(0.0, 1), pause(0.0, 0)), (PAUSE_MAX, PAUSE_MAX, Duration::ZERO));
    }

    /// A log of this many records.
    fn log(records: usize) -> MemoryLog {
        let log = MemoryLog::new("temperatures");
        log.create_topic(&TopicSpec { partitions: 1, replication: 1, retention_ms: -1 }).expect("it is created");
        let record = Outgoing { partition: 0, key: None, value: None };
        log.open_writer("a test").and_then(|mut writer| writer.write(&vec![record; records])).expect("it is written");
        log
    }

    fn slow(watch: &Watch) -> RangePace {
        RangePace::new(Throttle::new(0.000_001), watch.clone())
    }

    #[test]
    fn what_is_read_is_the_same_and_counted() {
        let (log, watch) = (log(5), Watch::default());
        let mut range = RangeReader::open(&log, 0, 1, 4, &slow(&watch)).expect("a reader");
        let (records, position) = range.next_batch().expect("it reads").expect("there are some");
        assert_eq!((records.map(|record| record.offset).collect::<Vec<_>>(), position), (vec![1, 2, 3], 4));
        assert_eq!(watch.records(), 4, "the batch holds what the log gave");
    }

    #[test]
    fn a_read_and_a_pause_end_when_it_is_cancelled() {
        let (watch, (done, read)) = (Watch::default(), std::sync::mpsc::channel());
        let pace = slow(&watch);
        let reads = std::thread::spawn(move || {
            // Each batch is smaller than the range: the reader pauses between them.
            let log = log(20_000);
            let mut range = RangeReader::open(&log, 0, 0, 20_000, &pace).expect("a reader");
            loop {
                match range.next_batch() {
                    Ok(Some(_)) => done.send(()).expect("the test waits"),
                    Ok(None) => panic!("it was cancelled"),
                    Err(failure) => return failure,
                }
            }
        });
        read.recv_timeout(Duration::from_secs(60)).expect("it reads");
        watch.cancel();
        let failure = reads.join().expect("it ends");
        assert!(failure.what.contains("cancelled") && !failure.is_retryable(), "{failure}");
    }
}
