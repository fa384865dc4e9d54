//! A log whose outages are waited out on the thread that calls, and whose readers are opened anew after each.

use std::sync::Arc;
use std::time::Duration;

use super::{Extent, RecordLog, RecordReader, RecordWriter, Topic, TopicSpec};
use crate::domain::Batch;
use crate::failure::Failure;
use crate::supervision::Outage;

/// Every call on it, and on its readers, is made again until it does not fail as Retryable, or is given up.
#[derive(Clone)]
pub struct PatientLog {
    log: Arc<dyn RecordLog>,
    outage: Outage,
    given_up: Arc<dyn Fn(Duration) -> bool + Send + Sync>,
}

impl PatientLog {
    /// `given_up` says, of the time since a call failed first, that it was waited for long enough.
    pub fn new(
        log: Arc<dyn RecordLog>,
        outage: Outage,
        given_up: impl Fn(Duration) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { log, outage, given_up: Arc::new(given_up) }
    }

    /// The same log for another thread: it may be away for one and not for the other.
    pub fn part(&self) -> Self {
        Self { outage: self.outage.part(), ..self.clone() }
    }

    fn wait<T>(&self, call: impl FnMut() -> Result<T, Failure>) -> Result<T, Failure> {
        self.outage.retry_blocking(&*self.given_up, call)
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
        Ok(Box::new(PatientReader { log: self.clone(), partition, position: from, open: None }))
    }

    fn members_total(&self) -> Result<usize, Failure> {
        self.wait(|| self.log.members_total())
    }

    fn open_writer(&self, source: &str) -> Result<Box<dyn RecordWriter>, Failure> {
        self.wait(|| self.log.open_writer(source))
    }
}

struct PatientReader {
    log: PatientLog,
    partition: u32,
    position: u64,
    open: Option<Box<dyn RecordReader>>,
}

impl RecordReader for PatientReader {
    fn read(&mut self, batch: &mut Batch, records_max: usize, wait: Duration) -> Result<u64, Failure> {
        let Self { log, partition, position, open } = self;
        let read = || {
            batch.clear();
            let reader = match open {
                Some(reader) => reader,
                None => open.insert(log.log.open_reader(*partition, *position)?),
            };
            // After a failure a new reader goes on from the last position.
            reader.read(batch, records_max, wait).inspect_err(|_| *open = None)
        };
        *position = log.wait(read)?;
        Ok(*position)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use super::*;
    use crate::failure::Kind;
    use crate::log::test_log::{TestLog, reading};

    /// A log whose readers fail in every second read, as often as its fields say.
    struct Unsteady {
        log: TestLog,
        opened: Arc<AtomicU32>,
        reads: Arc<AtomicU32>,
    }

    struct UnsteadyReader {
        reader: Box<dyn RecordReader>,
        reads: Arc<AtomicU32>,
    }

    fn away() -> Failure {
        Failure::retryable(Kind::Unavailable, "away")
    }

    impl RecordLog for Unsteady {
        fn name(&self) -> String {
            self.log.name()
        }

        fn topic(&self) -> Result<Option<Topic>, Failure> {
            Err(away())
        }

        fn create_topic(&self, _: &TopicSpec) -> Result<Topic, Failure> {
            unreachable!("nothing here creates topics")
        }

        fn delete_topic(&self) -> Result<(), Failure> {
            unreachable!("nothing here deletes topics")
        }

        fn extent(&self, partition: u32) -> Result<Extent, Failure> {
            self.log.extent(partition)
        }

        fn open_reader(&self, partition: u32, from: u64) -> Result<Box<dyn RecordReader>, Failure> {
            self.opened.fetch_add(1, Relaxed);
            let reader = self.log.open_reader(partition, from)?;
            Ok(Box::new(UnsteadyReader { reader, reads: self.reads.clone() }))
        }

        fn open_writer(&self, _: &str) -> Result<Box<dyn RecordWriter>, Failure> {
            unreachable!("nothing here writes")
        }
    }

    impl RecordReader for UnsteadyReader {
        fn read(&mut self, batch: &mut Batch, records_max: usize, wait: Duration) -> Result<u64, Failure> {
            let position = self.reader.read(batch, records_max, wait)?;
            if self.reads.fetch_add(1, Relaxed) % 2 == 1 { Err(away()) } else { Ok(position) }
        }
    }

    fn patient(given_up: impl Fn(Duration) -> bool + Send + Sync + 'static) -> (PatientLog, Arc<AtomicU32>) {
        let log = TestLog::new((1..=9).map(|day| reading("A", &format!("2001-02-0{day}"), 1.0)).collect());
        let opened = Arc::new(AtomicU32::new(0));
        let unsteady = Unsteady { log, opened: opened.clone(), reads: Arc::default() };
        (
            PatientLog::new(
                Arc::new(unsteady),
                Outage::new(Duration::from_millis(100), Duration::from_secs(1), |_| ()),
                given_up,
            ),
            opened,
        )
    }

    #[test]
    fn a_reader_that_failed_is_opened_anew_where_the_last_one_stood() {
        let (log, opened) = patient(|_| false);
        let mut reader = log.open_reader(0, 1).expect("a reader");
        let (mut batch, mut read) = (Batch::default(), Vec::new());
        while reader.read(&mut batch, 2, Duration::ZERO).expect("outages are waited out") < 9 {
            read.extend(batch.records().map(|record| record.offset));
        }
        read.extend(batch.records().map(|record| record.offset));
        assert_eq!((read, opened.load(Relaxed)), ((1..9).collect(), 4));
    }

    #[test]
    fn what_is_given_up_fails_as_it_did() {
        for log in [patient(|_| true).0, patient(|_| true).0.part()] {
            assert_eq!(log.topic(), Err(away()));
        }
        let (log, _) = patient(|waited| waited >= Duration::from_millis(50));
        assert_eq!(log.topic(), Err(away()));
    }
}
