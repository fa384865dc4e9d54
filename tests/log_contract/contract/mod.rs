//! What every log guarantees, each as a function over a [`Fixture`]. A new log is one `contract!` line in `main.rs`.

pub mod reading;
pub mod topics;
pub mod writing;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use isotherm::domain::Batch;
use isotherm::failure::{Failure, Origin, Severity};
use isotherm::log::{BATCH_BYTES_MAX, Extent, RecordLog, RecordReader, RecordWriter, Topic, TopicSpec};

use crate::owned::{OwnedRecord, WriteOwned as _};

/// A log with one topic that only one test uses.
pub trait Fixture: Sized + Sync {
    /// The topic is not there yet. `None`, with a word on why, where the log is not to be had: the test is passed over.
    fn fresh() -> Option<Self>;

    /// The log, opened anew each time, as by another process.
    fn open(&self) -> Arc<dyn RecordLog>;

    /// Loses the records before an offset, as retention does; `false`: this log cannot.
    fn raise_start(&self, _partition: u32, _start: u64) -> bool {
        false
    }

    /// Loses the records from an offset on; `false`: this log cannot.
    fn truncate(&self, _partition: u32, _end: u64) -> bool {
        false
    }

    /// The same, where that is not what keeps a writer from appending once another one was opened.
    fn open_fenced(&self) -> Arc<dyn RecordLog> {
        self.open()
    }

    /// Whether a reader and a writer themselves notice that their topic is another one.
    fn notices_recreation(&self) -> bool {
        true
    }
}

/// The tests of the functions in the files of this folder, for one log.
#[macro_export]
macro_rules! contract {
    ($log:ident, $fixture:ty) => {
        $crate::contract!($log, $fixture, [
            topics::nothing_is_there_before_it_is_created,
            topics::a_topic_is_as_it_was_created,
            topics::a_topic_is_not_created_twice,
            topics::a_finite_retention_is_told_of,
            topics::a_topic_that_was_created_again_is_another_one,
            topics::a_partition_that_is_not_there_is_refused,
            topics::another_topic_in_place_of_theirs_is_noticed,
            writing::records_keep_their_order_and_get_offsets_per_partition,
            writing::keys_and_values_come_back_whatever_they_are,
            writing::a_large_write_comes_back_whole,
            writing::several_write_and_read_at_once,
            writing::acknowledged_records_stay,
            writing::a_writer_that_was_replaced_appends_nothing,
            reading::a_reader_starts_anywhere_within,
            reading::a_read_waits_no_longer_than_it_may,
            reading::a_read_that_waits_wakes_for_a_record,
            reading::a_batch_has_no_more_records_than_asked_for,
            reading::a_batch_takes_no_record_past_its_bytes,
            reading::a_reader_past_the_end_fails,
            reading::a_reader_below_the_start_fails,
            reading::a_reader_that_is_overtaken_by_a_truncation_fails,
            reading::readers_do_not_disturb_each_other,
        ]);
    };
    ($log:ident, $fixture:ty, [$($part:ident::$test:ident),* $(,)?]) => {
        mod $log {
            $(#[test]
            fn $test() {
                if let Some(fixture) = <$fixture as $crate::contract::Fixture>::fresh() {
                    $crate::contract::$part::$test(&fixture);
                }
            })*
        }
    };
}

/// No event of a healthy log takes this long.
const PATIENCE: Duration = Duration::from_secs(30);
const NO_WAIT: Duration = Duration::ZERO;

pub fn spec(partitions: u32) -> TopicSpec {
    TopicSpec { partitions, replication: 1, retention_ms: -1 }
}

fn created<F: Fixture>(fixture: &F, partitions: u32) -> Arc<dyn RecordLog> {
    let log = fixture.open();
    log.create_topic(&spec(partitions)).expect("it can be created");
    log
}

fn record(partition: u32, number: usize) -> OwnedRecord {
    let part = |what: &str| Some(format!("{what} {number}").into_bytes());
    OwnedRecord { partition, key: part("key"), value: part("value") }
}

fn write(log: &dyn RecordLog, records: &[OwnedRecord]) -> BTreeMap<u32, u64> {
    log.open_writer("a test").expect("there is a topic").write_owned(records).expect("the log works")
}

pub type Parts = (u64, Option<Vec<u8>>, Option<Vec<u8>>);

pub fn parts(batch: &Batch) -> Vec<Parts> {
    let owned = |part: Option<&[u8]>| part.map(<[u8]>::to_vec);
    batch.records().map(|record| (record.offset, owned(record.key), owned(record.value))).collect()
}

/// Reads until the position reaches `end`.
fn read_to(reader: &mut dyn RecordReader, end: u64, records_max: usize) -> Vec<Parts> {
    let (mut batch, mut read) = (Batch::default(), Vec::new());
    let deadline = Instant::now() + PATIENCE;
    loop {
        batch.clear();
        let position = reader.read(&mut batch, records_max, Duration::from_millis(100)).expect("the log works");
        read.extend(parts(&batch));
        if position >= end {
            return read;
        }
        assert!(Instant::now() < deadline, "only {position} of {end} came");
    }
}

fn read_all(log: &dyn RecordLog, partition: u32) -> Vec<Parts> {
    let Extent { start, end } = log.extent(partition).expect("the log works");
    read_to(&mut *log.open_reader(partition, start).expect("the log works"), end, 1000)
}

/// The failure of the first read, or of opening the reader for it.
fn first_failure(log: &dyn RecordLog, partition: u32, from: u64) -> Failure {
    let read = |mut reader: Box<dyn RecordReader>| reader.read(&mut Batch::default(), 10, PATIENCE);
    log.open_reader(partition, from).and_then(read).expect_err("it must fail")
}

fn assert_fatal(failure: &Failure, log: &dyn RecordLog) {
    let name = log.name();
    let topic = name.split(' ').nth(1).expect("a log's name is `topic NAME ...`");
    assert_eq!(failure.severity, Severity::Fatal, "{failure}");
    assert!(failure.what.contains(topic), "{failure} does not name {topic}");
}
