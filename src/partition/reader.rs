//! The consumer's blocking half: the partition's reader, on the thread `isotherm-read-N`.
//!
//! Where the branch goes on is decided before a new record is read:
//!
//! | the log says | what happens |
//! | --- | --- |
//! | same id, the last counted record is there and the same | resume |
//! | another id, or another record in that place | stop: the topic was recreated |
//! | it ends before our offset (believed after three equal answers over ten seconds) | stop: truncated |
//! | the last counted record is gone, our offset is not | resume, with a warning that it could not be checked |
//! | it starts after our offset | stop, or go on and write the gap down if that was asked for |
//! | no file | start at the log's start |

use super::advice;
use super::end::PartitionEnd;
use super::job::PartitionJob;
use super::messages::Beginning;
use crate::domain::state::LastRecord;
use crate::domain::{Batch, Digest};
use crate::failure::{Failure, Kind};
use crate::log::truncation::Truncation;
use crate::log::{Extent, RecordReader};
use crate::progress::events;
use crate::supervision::Steps;

/// The call by which a batch is read, and its last step.
pub const READING: &str = "reading the log";

/// How often the last counted record is looked for in one try.
const VERIFY_READS_MAX: u32 = 50;

/// Finds where to go on until it can, and reads from there; remembers between tries what an apparently truncated log said.
pub struct PartitionReader {
    job: PartitionJob,
    truncation: Truncation,
    /// `None` before [`PartitionReader::begin`].
    reader: Option<Box<dyn RecordReader>>,
    /// No record is left before. The reader can still stand before it, where aborted records lie in between.
    begins_at: u64,
    /// All before it was read.
    position: u64,
    end: PartitionEnd,
}

impl PartitionReader {
    pub fn new(job: PartitionJob) -> Self {
        Self {
            job,
            truncation: Truncation::default(),
            reader: None,
            begins_at: 0,
            position: 0,
            end: PartitionEnd::default(),
        }
    }

    /// One try to open the reader where the committed state goes on; `None` begins where the log does. Gives the offset of the
    /// first record. Each call that may block is a step with a clock of its own: a log that is merely slow is not taken for hung.
    pub fn begin(&mut self, committed: Option<&Beginning>, steps: &Steps) -> Result<u64, Failure> {
        self.job.faults.hit("consumer.start")?;
        steps.begin("asking the log where the partition starts and ends");
        let extent = self.job.log.extent(self.job.partition)?;
        let (offset, reader) = match committed {
            None => (extent.start, self.open_reader(extent.start, steps)?),
            Some(committed) => self.go_on(committed, extent, steps)?,
        };
        (self.reader, self.begins_at, self.position) = (Some(reader), offset, offset);
        self.job.gauges().end.set(extent.end);
        self.end.look(&self.job, steps);
        Ok(offset)
    }

    fn go_on(
        &mut self,
        committed: &Beginning,
        extent: Extent,
        steps: &Steps,
    ) -> Result<(u64, Box<dyn RecordReader>), Failure> {
        let next_offset = committed.next_offset;
        if extent.end < next_offset {
            return Err(self.truncated(extent.end, next_offset));
        }
        self.truncation.over();
        if extent.start > next_offset {
            self.over_the_gap(next_offset, extent.start)?;
            return Ok((extent.start, self.open_reader(extent.start, steps)?));
        }
        Ok((next_offset, self.verified_reader(committed, extent, steps)?))
    }

    /// Reads the next records into the (empty) batch; the position behind them.
    pub fn read(&mut self, batch: &mut Batch, records_max: usize, steps: &Steps) -> Result<u64, Failure> {
        let Self { job, reader, begins_at, end, .. } = self;
        job.faults.hit("consumer.read")?;
        end.look(job, steps);
        let reader = reader.as_mut().ok_or_else(|| {
            Failure::fatal(Kind::Internal, format!("partition {} is read before its reader is open", job.partition))
        })?;
        steps.begin(READING);
        let position = match reader.read(batch, records_max, job.read_wait) {
            Err(failure) if !failure.is_retryable() => return Err(self.overtaken(failure)),
            read => read?.max(*begins_at),
        };
        end.passed(job, position);
        self.position = position;
        Ok(position)
    }

    /// Why the next record cannot be read: where the log has deleted it since the last one, that is what a start would find.
    fn overtaken(&self, failure: Failure) -> Failure {
        let (partition, position) = (self.job.partition, self.position);
        match self.job.log.extent(partition) {
            Ok(extent) if extent.start > position => match self.over_the_gap(position, extent.start) {
                Err(gap) => gap,
                Ok(()) => Failure::retryable(Kind::TryAgain, failure.what),
            },
            _ => failure,
        }
    }

    /// Only one reader of a partition lives at a time: an earlier one is dropped before.
    fn open_reader(&self, from: u64, steps: &Steps) -> Result<Box<dyn RecordReader>, Failure> {
        steps.begin("opening the partition's reader");
        self.job.log.open_reader(self.job.partition, from)
    }

    fn truncated(&mut self, end: u64, next_offset: u64) -> Failure {
        let (partition, name) = (self.job.partition, self.job.log.name());
        let what = format!("partition {partition} of {name} ends at offset {end}, before our offset {next_offset}");
        self.truncation.failure(partition, end, what, |what| {
            Failure::fatal(Kind::Data, format!("{what}: records that were counted are gone"))
                .advice(format!("restore the topic, or {}", advice::rebuild(partition)))
        })
    }

    /// Refuses to go on behind offsets that the log lost, unless that is wanted.
    fn over_the_gap(&self, from: u64, to: u64) -> Result<(), Failure> {
        if self.job.accept_gap {
            return Ok(());
        }
        let partition = self.job.partition;
        Err(Failure::fatal(
                Kind::Data,
                format!(
                    "partition {partition} of {} starts at offset {to}, after our offset {from}: {} offsets were deleted before they were counted",
                    self.job.log.name(),
                    to - from
                ),
            )
            .advice(format!(
                "go on without them by --accept-gap, which writes the gap into the file, or count what is left with isotherm rebuild {partition} --accept-loss and the same settings"
            )))
    }

    /// A reader behind the last counted record, which is read again and compared, if the log still has it.
    fn verified_reader(
        &self,
        committed: &Beginning,
        extent: Extent,
        steps: &Steps,
    ) -> Result<Box<dyn RecordReader>, Failure> {
        let Some(last) = &committed.last_record else { return self.open_reader(committed.next_offset, steps) };
        if last.offset >= extent.start {
            let mut reader = self.open_reader(last.offset, steps)?;
            if self.is_there(last, &mut *reader, steps)? {
                return Ok(reader);
            }
        }
        let (partition, next_offset) = (self.job.partition, committed.next_offset);
        events::could_not_verify(partition, next_offset, last.offset);
        self.open_reader(next_offset, steps)
    }

    /// Whether the last counted record is the reader's first one. Another one in its place is Fatal.
    fn is_there(&self, last: &LastRecord, reader: &mut dyn RecordReader, steps: &Steps) -> Result<bool, Failure> {
        let (job, partition) = (&self.job, self.job.partition);
        let mut batch = Batch::default();
        for _ in 0..VERIFY_READS_MAX {
            steps.begin("reading the last counted record again");
            let position = reader.read(&mut batch, 1, job.read_wait)?;
            let Some(record) = batch.records().next() else {
                if position > last.offset {
                    return Ok(false);
                }
                continue;
            };
            if record.offset != last.offset {
                return Ok(false);
            }
            let found = Digest::of(record).to_string();
            if found == last.fingerprint {
                return Ok(true);
            }
            return Err(Failure::fatal(
                Kind::Data,
                format!(
                    "the record at offset {} of partition {partition} of {} is not the one that was counted: its fingerprint is {found}, it was {}",
                    last.offset,
                    job.log.name(),
                    last.fingerprint
                ),
            )
            .advice(format!(
                "the topic was deleted and made again: use another state.dir for it, or {}",
                advice::rebuild(partition)
            )));
        }
        Err(Failure::retryable(
            Kind::Unavailable,
            format!("offset {} of partition {partition} of {} could not be read again", last.offset, job.log.name()),
        ))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::domain::{Record, Rules};
    use crate::durable::{Fence, RealDisk};
    use crate::log::test_log::{TestLog, reading};
    use crate::partition::{PartitionStore, StateStore};
    use crate::points::FaultPoints;
    use crate::progress::Progress;
    use crate::supervision::{Spawn, Worker};

    /// Five readings from offset 0.
    fn log() -> TestLog {
        TestLog::new((1..=5).map(|day| reading("A", &format!("2000-01-0{day}"), 20.5)).collect())
    }

    /// As it is once the records before this offset were counted.
    fn committed(next_offset: u64) -> Beginning {
        let (offset, key, value) = log().records.swap_remove(next_offset as usize - 1);
        let record = Record { offset, key: key.as_deref(), value: value.as_deref() };
        Beginning { next_offset, last_record: Some(LastRecord { offset, fingerprint: Digest::of(record).to_string() }) }
    }

    /// Of partition 0 of this log.
    pub fn job(log: TestLog, accept_gap: bool) -> PartitionJob {
        let fence = Arc::new(Fence::new(Duration::from_secs(1), |_| ()));
        PartitionJob {
            log: Arc::new(log),
            store: StateStore::Folder(PartitionStore::new(Arc::new(RealDisk), PathBuf::new(), 0, fence)),
            topic: "temperatures".to_owned(),
            partition: 0,
            partitions: 1,
            rules: Rules::default(),
            read_wait: Duration::ZERO,
            accept_gap,
            allow_compaction: false,
            gate: Duration::ZERO,
            faults: FaultPoints::default(),
            progress: Progress::new(&[0]),
        }
    }

    fn opened(log: TestLog, accept_gap: bool) -> (PartitionReader, Steps) {
        let reader = PartitionReader::new(job(log, accept_gap));
        (reader, Worker::new(Spawn::Threads, "toy", ()).expect("it starts").steps())
    }

    /// Where the reader begins, and the offset of the first record that it reads.
    fn begun(log: TestLog, accept_gap: bool, committed: Option<&Beginning>) -> Result<(u64, Option<u64>), Failure> {
        let (mut reader, steps) = opened(log, accept_gap);
        let offset = reader.begin(committed, &steps)?;
        let mut batch = Batch::default();
        reader.read(&mut batch, 10, &steps)?;
        Ok((offset, batch.records().next().map(|record| record.offset)))
    }

    #[test]
    fn it_goes_on_behind_the_last_counted_record_and_begins_where_the_log_does() {
        assert_eq!(begun(log(), false, None), Ok((0, Some(0))));
        assert_eq!(begun(log(), false, Some(&committed(3))), Ok((3, Some(3))));
        assert_eq!(begun(log(), false, Some(&committed(5))), Ok((5, None)));
        let none = Beginning { next_offset: 2, last_record: None };
        assert_eq!(begun(log(), false, Some(&none)), Ok((2, Some(2))));
    }

    #[test]
    fn a_reader_that_takes_its_time_over_what_was_aborted_behind_the_last_record_is_not_behind() {
        let log = TestLog { extent: Extent { start: 0, end: 9 }, hesitates: true, ..log() };
        let beginning = Beginning { next_offset: 9, ..committed(5) };
        let (mut reader, steps) = opened(log, false);
        assert_eq!(reader.begin(Some(&beginning), &steps), Ok(9));
        assert_eq!(reader.read(&mut Batch::default(), 10, &steps), Ok(9));
    }

    #[test]
    fn another_record_in_the_place_of_the_last_counted_one_is_a_stop() {
        let mut other = log();
        (other.records[2].1, other.records[2].2) = reading("B", "2000-01-03", 20.5);
        let failure = begun(other, false, Some(&committed(3))).expect_err("it was counted from another topic");
        assert!(!failure.is_retryable(), "{failure}");
        assert!(
            failure.what.contains("offset 2 of partition 0") && failure.what.contains("not the one that was counted")
        );
    }

    #[test]
    fn where_the_last_counted_record_is_gone_it_goes_on_unchecked() {
        let shortened = TestLog { extent: Extent { start: 3, end: 5 }, ..log() };
        assert_eq!(begun(shortened, false, Some(&committed(3))), Ok((3, Some(3))));
        let mut compacted = log();
        compacted.records.remove(2);
        assert_eq!(begun(compacted, false, Some(&committed(3))), Ok((3, Some(3))));
    }

    /// What is to be read next is no longer there.
    struct Gone;

    impl RecordReader for Gone {
        fn read(&mut self, _: &mut Batch, _: usize, _: Duration) -> Result<u64, Failure> {
            Err(Failure::fatal(Kind::Data, "there is no such offset"))
        }
    }

    /// Retention overtakes a consumer that is up: it is told as much as one that starts.
    #[test]
    fn records_that_are_deleted_while_it_reads_are_a_gap_too() {
        for accept_gap in [false, true] {
            let (mut reader, steps) = opened(log(), accept_gap);
            reader.begin(Some(&committed(2)), &steps).expect("it begins");
            let shortened = TestLog { extent: Extent { start: 4, end: 5 }, ..log() };
            reader.reader = Some(Box::new(Gone));
            reader.job.log = Arc::new(shortened);
            let failure = reader.read(&mut Batch::default(), 10, &steps).expect_err("records are lost");
            assert_eq!(failure.is_retryable(), accept_gap, "the next start goes on behind the gap: {failure}");
            let told = failure.to_string();
            assert!(accept_gap || told.contains("starts at offset 4, after our offset 2"), "{told}");
            assert!(accept_gap || (told.contains("--accept-gap") && told.contains("isotherm rebuild 0")), "{told}");
        }
    }

    #[test]
    fn a_log_that_lost_records_is_a_stop_or_a_gap_where_one_is_accepted() {
        let shortened = TestLog { extent: Extent { start: 4, end: 5 }, ..log() };
        let failure = begun(shortened.clone(), false, Some(&committed(3))).expect_err("a record is lost");
        assert!(!failure.is_retryable() && failure.what.contains("1 offsets were deleted"), "{failure}");
        assert_eq!(begun(shortened, true, Some(&committed(3))), Ok((4, Some(4))));
        let truncated = TestLog { extent: Extent { start: 0, end: 2 }, ..log() };
        let failure = begun(truncated, true, Some(&committed(3))).expect_err("records are lost");
        assert!(failure.what.contains("ends at offset 2, before our offset 3"), "{failure}");
    }
}
