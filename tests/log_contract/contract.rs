//! What every log guarantees, each as a function over a [`Fixture`]. A new log is one `contract!` line in `main.rs`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use isotherm::domain::Batch;
use isotherm::faults::{Failure, Severity};
use isotherm::log::{BATCH_BYTES_MAX, Extent, Outgoing, RecordLog, RecordReader, RecordWriter, Topic, TopicSpec};

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

    /// Whether a reader and a writer themselves notice that their topic is another one.
    fn notices_recreation(&self) -> bool {
        true
    }
}

/// The tests of the functions below for one log.
#[macro_export]
macro_rules! contract {
    ($log:ident, $fixture:ty) => {
        $crate::contract!($log, $fixture, [
            nothing_is_there_before_it_is_created,
            a_topic_is_as_it_was_created,
            a_topic_is_not_created_twice,
            a_finite_retention_is_told_of,
            a_topic_that_was_created_again_is_another_one,
            records_keep_their_order_and_get_offsets_per_partition,
            keys_and_values_come_back_whatever_they_are,
            a_large_write_comes_back_whole,
            a_reader_starts_anywhere_within,
            a_read_waits_no_longer_than_it_may,
            a_read_that_waits_wakes_for_a_record,
            a_batch_has_no_more_records_than_asked_for,
            a_batch_takes_no_record_past_its_bytes,
            a_reader_past_the_end_fails,
            a_reader_below_the_start_fails,
            a_reader_that_is_overtaken_by_a_truncation_fails,
            a_partition_that_is_not_there_is_refused,
            readers_do_not_disturb_each_other,
            several_write_and_read_at_once,
            acknowledged_records_stay,
            another_topic_in_place_of_theirs_is_noticed,
        ]);
    };
    ($log:ident, $fixture:ty, [$($test:ident),* $(,)?]) => {
        mod $log {
            $(#[test]
            fn $test() {
                if let Some(fixture) = <$fixture as $crate::contract::Fixture>::fresh() {
                    $crate::contract::$test(&fixture);
                }
            })*
        }
    };
}

/// No event of a healthy log takes this long.
const PATIENCE: Duration = Duration::from_secs(30);
const NO_WAIT: Duration = Duration::ZERO;

pub fn spec(log: &dyn RecordLog, partitions: u32) -> TopicSpec {
    // The fixtures name their topics so that the name ends the log's name for messages, or is its second word.
    let name = log.name().split(' ').nth(1).expect("a log's name is `topic NAME ...`").to_owned();
    TopicSpec { name, partitions, replication: 1, retention_ms: -1 }
}

fn created<F: Fixture>(fixture: &F, partitions: u32) -> Arc<dyn RecordLog> {
    let log = fixture.open();
    log.create_topic(&spec(&*log, partitions)).expect("it can be created");
    log
}

fn record(partition: u32, number: usize) -> Outgoing {
    let part = |what: &str| Some(format!("{what} {number}").into_bytes());
    Outgoing { partition, key: part("key"), value: part("value") }
}

fn write(log: &dyn RecordLog, records: &[Outgoing]) -> BTreeMap<u32, u64> {
    log.open_writer().expect("there is a topic").write(records).expect("the log works")
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
    let topic = spec(log, 1).name;
    assert_eq!(failure.severity, Severity::Fatal, "{failure}");
    assert!(failure.what.contains(&topic), "{failure} does not name {topic}");
}

pub fn nothing_is_there_before_it_is_created(fixture: &impl Fixture) {
    let log = fixture.open();
    assert_eq!(log.topic().expect("the log works"), None);
    assert_eq!(log.log_id().expect("the log works"), None);
    assert_fatal(&log.extent(0).expect_err("no topic"), &*log);
    assert_fatal(&first_failure(&*log, 0, 0), &*log);
    let written = log.open_writer().and_then(|mut writer| writer.write(&[record(0, 0)]));
    assert_fatal(&written.expect_err("no topic"), &*log);
    log.delete_topic().expect("no topic is no failure");
    assert_eq!(log.topic().expect("the log works"), None);
}

pub fn a_topic_is_as_it_was_created(fixture: &impl Fixture) {
    let log = fixture.open();
    let topic = log.create_topic(&spec(&*log, 3)).expect("it can be created");
    assert!(!topic.log_id.is_empty());
    assert_eq!(topic, Topic { log_id: topic.log_id.clone(), partitions: 3, warning: None, compacted: false });
    for log in [log, fixture.open()] {
        assert_eq!(log.topic().expect("the log works"), Some(topic.clone()));
        assert_eq!(log.log_id().expect("the log works"), Some(topic.log_id.clone()));
        for partition in 0..3 {
            assert_eq!(log.extent(partition).expect("the log works"), Extent { start: 0, end: 0 });
        }
    }
}

pub fn a_topic_is_not_created_twice(fixture: &impl Fixture) {
    let log = created(fixture, 2);
    write(&*log, &[record(0, 0)]);
    let before = log.topic().expect("the log works");
    let other = fixture.open();
    assert_fatal(&other.create_topic(&spec(&*log, 3)).expect_err("it is there"), &*log);
    assert_eq!(log.topic().expect("the log works"), before);
    assert_eq!(read_all(&*log, 0).len(), 1);
}

pub fn a_finite_retention_is_told_of(fixture: &impl Fixture) {
    let log = fixture.open();
    let topic = log.create_topic(&TopicSpec { retention_ms: 86_400_000, ..spec(&*log, 1) }).expect("it can be created");
    assert!(topic.warning.is_some_and(|warning| warning.contains("retention")));
}

pub fn a_topic_that_was_created_again_is_another_one(fixture: &impl Fixture) {
    let log = created(fixture, 2);
    write(&*log, &[record(0, 0), record(1, 1)]);
    let before = log.log_id().expect("the log works");
    log.delete_topic().expect("it can be deleted");
    assert_eq!(log.topic().expect("the log works"), None);
    let log = created(fixture, 1);
    let after = log.log_id().expect("the log works");
    assert!(after.is_some() && after != before, "{after:?}");
    assert_eq!(log.extent(0).expect("the log works"), Extent { start: 0, end: 0 });
    assert_eq!(write(&*log, &[record(0, 2)]), BTreeMap::from([(0, 1)]));
    assert_eq!(read_all(&*log, 0)[0].1.as_deref(), Some(&b"key 2"[..]));
}

pub fn records_keep_their_order_and_get_offsets_per_partition(fixture: &impl Fixture) {
    let log = created(fixture, 3);
    let records: Vec<Outgoing> = (0..100).map(|number| record(if number % 3 == 0 { 2 } else { 0 }, number)).collect();
    let mut writer = log.open_writer().expect("there is a topic");
    assert_eq!(writer.write(&records[..51]).expect("the log works"), BTreeMap::from([(0, 34), (2, 17)]));
    assert_eq!(writer.write(&records[51..52]).expect("the log works"), BTreeMap::from([(2, 18)]));
    assert_eq!(writer.write(&[]).expect("the log works"), BTreeMap::new());
    assert_eq!(writer.write(&records[52..]).expect("the log works"), BTreeMap::from([(0, 66), (2, 34)]));
    for (partition, count) in [(0, 66), (1, 0), (2, 34)] {
        assert_eq!(log.extent(partition).expect("the log works"), Extent { start: 0, end: count });
        let written = records.iter().filter(|record| record.partition == partition);
        let expected: Vec<Parts> =
            written.zip(0..).map(|(record, offset)| (offset, record.key.clone(), record.value.clone())).collect();
        assert_eq!(read_all(&*log, partition), expected);
    }
}

pub fn keys_and_values_come_back_whatever_they_are(fixture: &impl Fixture) {
    let log = created(fixture, 1);
    // A broker takes 1 MB with all that belongs to a record.
    let large: Vec<u8> = (0..1_000_000u32).map(|number| number as u8 ^ (number >> 8) as u8).collect();
    let parts = [None, Some(Vec::new()), Some(vec![0]), Some(b"\xff\x00\n\"".to_vec())];
    let mut records: Vec<Outgoing> = parts
        .iter()
        .flat_map(|key| parts.iter().map(|value| Outgoing { partition: 0, key: key.clone(), value: value.clone() }))
        .collect();
    records.push(Outgoing { partition: 0, key: None, value: Some(large.clone()) });
    records.push(Outgoing { partition: 0, key: Some(large), value: None });
    write(&*log, &records);
    let read: Vec<Outgoing> =
        read_all(&*log, 0).into_iter().map(|(_, key, value)| Outgoing { partition: 0, key, value }).collect();
    assert!(read == records);
}

pub fn a_large_write_comes_back_whole(fixture: &impl Fixture) {
    let log = created(fixture, 2);
    let records: Vec<Outgoing> = (0..100_000).map(|number| record(number as u32 % 2, number)).collect();
    assert_eq!(write(&*log, &records), BTreeMap::from([(0, 50_000), (1, 50_000)]));
    for partition in 0..2 {
        let mut reader = log.open_reader(partition, 0).expect("the log works");
        let read = read_to(&mut *reader, 50_000, 777);
        assert_eq!(read.len(), 50_000);
        for (index, (offset, key, _)) in read.into_iter().enumerate() {
            assert_eq!((offset, key), (index as u64, record(0, 2 * index + partition as usize).key));
        }
    }
}

pub fn a_reader_starts_anywhere_within(fixture: &impl Fixture) {
    let log = created(fixture, 1);
    for numbers in [0..7, 7..8, 8..20] {
        write(&*log, &numbers.map(|number| record(0, number)).collect::<Vec<_>>());
    }
    for from in 0..=20 {
        let read = read_to(&mut *log.open_reader(0, from).expect("the log works"), 20, 3);
        let offsets: Vec<u64> = read.iter().map(|(offset, ..)| *offset).collect();
        assert_eq!(offsets, (from..20).collect::<Vec<_>>());
        assert!(read.iter().all(|(offset, key, _)| *key == record(0, *offset as usize).key));
    }
}

pub fn a_read_waits_no_longer_than_it_may(fixture: &impl Fixture) {
    let log = created(fixture, 1);
    write(&*log, &[record(0, 0)]);
    let mut reader = log.open_reader(0, 0).expect("the log works");
    read_to(&mut *reader, 1, 10);
    for wait in [NO_WAIT, Duration::from_millis(150)] {
        let (mut batch, start) = (Batch::default(), Instant::now());
        assert_eq!(reader.read(&mut batch, 10, wait).expect("the log works"), 1);
        assert!(batch.is_empty());
        let waited = start.elapsed();
        assert!(waited >= wait.saturating_sub(Duration::from_millis(20)) && waited < wait + PATIENCE / 6, "{waited:?}");
    }
}

pub fn a_read_that_waits_wakes_for_a_record(fixture: &impl Fixture) {
    let log = created(fixture, 2);
    thread::scope(|scope| {
        let (begins, begun) = std::sync::mpsc::channel();
        let mut reader = fixture.open().open_reader(0, 0).expect("the log works");
        let reading = scope.spawn(move || {
            begins.send(()).expect("somebody waits for it");
            let mut batch = Batch::default();
            let start = Instant::now();
            let position = reader.read(&mut batch, 10, 2 * PATIENCE).expect("the log works");
            (position, parts(&batch).len(), start.elapsed())
        });
        begun.recv().expect("the thread lives");
        // A record of another partition is none to wake for.
        write(&*log, &[record(1, 0)]);
        write(&*log, &[record(0, 1)]);
        let (position, records, waited) = reading.join().expect("it does not panic");
        assert_eq!((position, records), (1, 1));
        assert!(waited < PATIENCE, "{waited:?}");
    });
}

pub fn a_batch_has_no_more_records_than_asked_for(fixture: &impl Fixture) {
    let log = created(fixture, 1);
    write(&*log, &(0..10).map(|number| record(0, number)).collect::<Vec<_>>());
    let mut reader = log.open_reader(0, 0).expect("the log works");
    let mut position = 0;
    while position < 10 {
        let mut batch = Batch::default();
        let before = position;
        position = reader.read(&mut batch, 3, PATIENCE).expect("the log works");
        assert!((1..=3).contains(&batch.len()), "{}", batch.len());
        assert_eq!(position, before + batch.len() as u64);
    }
}

pub fn a_batch_takes_no_record_past_its_bytes(fixture: &impl Fixture) {
    let log = created(fixture, 1);
    let record = Outgoing { partition: 0, key: None, value: Some(vec![7; 900_000]) };
    for _ in 0..4 {
        write(&*log, &vec![record.clone(); 4]);
    }
    let mut reader = log.open_reader(0, 0).expect("the log works");
    let (mut position, mut batches) = (0, 0);
    while position < 16 {
        let mut batch = Batch::default();
        position = reader.read(&mut batch, 1000, PATIENCE).expect("the log works");
        assert!(!batch.is_empty() && batch.size_bytes() < BATCH_BYTES_MAX + 900_000, "{}", batch.size_bytes());
        batches += 1;
    }
    assert!(batches >= 4, "{batches}");
}

pub fn a_reader_past_the_end_fails(fixture: &impl Fixture) {
    let log = created(fixture, 2);
    assert_fatal(&first_failure(&*log, 0, 1), &*log);
    write(&*log, &(0..5).map(|number| record(0, number)).collect::<Vec<_>>());
    for from in [6, 1 << 40] {
        let failure = first_failure(&*log, 0, from);
        assert_fatal(&failure, &*log);
        assert!(failure.what.contains(&from.to_string()), "{failure}");
    }
}

pub fn a_reader_below_the_start_fails(fixture: &impl Fixture) {
    let log = created(fixture, 1);
    write(&*log, &(0..3).map(|number| record(0, number)).collect::<Vec<_>>());
    write(&*log, &(3..5).map(|number| record(0, number)).collect::<Vec<_>>());
    if !fixture.raise_start(0, 3) {
        return;
    }
    assert_eq!(log.extent(0).expect("the log works"), Extent { start: 3, end: 5 });
    assert_fatal(&first_failure(&*log, 0, 2), &*log);
    assert_eq!(read_all(&*log, 0).first().map(|(offset, ..)| *offset), Some(3));
}

pub fn a_reader_that_is_overtaken_by_a_truncation_fails(fixture: &impl Fixture) {
    let log = created(fixture, 1);
    write(&*log, &(0..3).map(|number| record(0, number)).collect::<Vec<_>>());
    write(&*log, &(3..5).map(|number| record(0, number)).collect::<Vec<_>>());
    let mut reader = log.open_reader(0, 0).expect("the log works");
    read_to(&mut *reader, 5, 10);
    if !fixture.truncate(0, 3) {
        return;
    }
    assert_eq!(log.extent(0).expect("the log works"), Extent { start: 0, end: 3 });
    assert_fatal(&reader.read(&mut Batch::default(), 10, NO_WAIT).expect_err("the end is below it"), &*log);
}

pub fn a_partition_that_is_not_there_is_refused(fixture: &impl Fixture) {
    let log = created(fixture, 2);
    assert_fatal(&log.extent(2).expect_err("no such partition"), &*log);
    assert_fatal(&first_failure(&*log, 2, 0), &*log);
    let written = log.open_writer().expect("there is a topic").write(&[record(2, 0)]);
    assert_fatal(&written.expect_err("no such partition"), &*log);
}

pub fn readers_do_not_disturb_each_other(fixture: &impl Fixture) {
    let log = created(fixture, 1);
    write(&*log, &(0..50).map(|number| record(0, number)).collect::<Vec<_>>());
    let mut first = log.open_reader(0, 0).expect("the log works");
    let mut second = fixture.open().open_reader(0, 10).expect("the log works");
    assert_eq!(read_to(&mut *first, 20, 20)[0].0, 0);
    assert_eq!(read_to(&mut *second, 50, 7)[0].0, 10);
    drop(second);
    write(&*log, &[record(0, 50)]);
    assert_eq!(read_to(&mut *first, 51, 1000).first().map(|(offset, ..)| *offset), Some(20));
}

pub fn several_write_and_read_at_once(fixture: &impl Fixture) {
    const WRITES: usize = 40;
    const RECORDS: usize = 25;
    created(fixture, 2);
    let write_all = |name: usize| {
        let log = fixture.open();
        let mut writer = log.open_writer().expect("there is a topic");
        for write in 0..WRITES {
            let number = |record| name * 1_000_000 + write * RECORDS + record;
            let records: Vec<Outgoing> = (0..RECORDS).map(|index| record(index as u32 % 2, number(index))).collect();
            until_it_works(&mut *writer, &records);
        }
    };
    let records_per_partition = [26, 24].map(|share| (2 * WRITES * RECORDS * share / 50) as u64);
    thread::scope(|scope| {
        let readers: Vec<_> = [0, 0, 1]
            .map(|partition| {
                scope.spawn(move || {
                    let mut reader = fixture.open().open_reader(partition, 0).expect("the log works");
                    (partition, read_to(&mut *reader, records_per_partition[partition as usize], 64))
                })
            })
            .into();
        let writers: Vec<_> = [1, 2].map(|name| scope.spawn(move || write_all(name))).into();
        for writer in writers {
            writer.join().expect("it does not panic");
        }
        for reader in readers {
            let (partition, read) = reader.join().expect("it does not panic");
            let offsets: Vec<u64> = read.iter().map(|(offset, ..)| *offset).collect();
            assert_eq!(offsets, (0..records_per_partition[partition as usize]).collect::<Vec<_>>());
            // The records of each writer, in the order in which it wrote them.
            for name in [1, 2] {
                let of_writer = |key: &Vec<u8>| key.starts_with(format!("key {name}").as_bytes());
                let keys: Vec<Vec<u8>> = read.iter().filter_map(|(_, key, _)| key.clone()).filter(of_writer).collect();
                let numbers = (0..WRITES * RECORDS).filter(|number| (number % RECORDS) as u32 % 2 == partition);
                let expected: Vec<Vec<u8>> =
                    numbers.filter_map(|number| record(0, name * 1_000_000 + number).key).collect();
                assert!(keys == expected, "writer {name}, partition {partition}");
            }
        }
    });
}

/// Another writer may have the log for so long that a write gives up, having written nothing.
fn until_it_works(writer: &mut dyn RecordWriter, records: &[Outgoing]) {
    let deadline = Instant::now() + PATIENCE;
    while let Err(failure) = writer.write(records) {
        assert!(failure.is_retryable() && Instant::now() < deadline, "{failure}");
    }
}

pub fn acknowledged_records_stay(fixture: &impl Fixture) {
    let log = created(fixture, 1);
    let before = log.topic().expect("the log works");
    write(&*log, &(0..10).map(|number| record(0, number)).collect::<Vec<_>>());
    drop(log);
    let log = fixture.open();
    assert_eq!(log.topic().expect("the log works"), before);
    assert_eq!(read_all(&*log, 0).len(), 10);
    assert_eq!(write(&*log, &[record(0, 10)]), BTreeMap::from([(0, 11)]));
}

pub fn another_topic_in_place_of_theirs_is_noticed(fixture: &impl Fixture) {
    if !fixture.notices_recreation() {
        return;
    }
    for anew in [false, true] {
        let log = created(fixture, 1);
        write(&*log, &(0..10).map(|number| record(0, number)).collect::<Vec<_>>());
        // One of the readers has records at hand, the other has read all.
        let mut readers = [0, 10].map(|from| log.open_reader(0, from).expect("the log works"));
        readers[0].read(&mut Batch::default(), 3, PATIENCE).expect("the log works");
        readers[1].read(&mut Batch::default(), 3, NO_WAIT).expect("the log works");
        let mut writer = log.open_writer().expect("there is a topic");
        writer.write(&[record(0, 10)]).expect("the log works");
        let other = fixture.open();
        other.delete_topic().expect("it can be deleted");
        if anew {
            other.create_topic(&spec(&*log, 1)).expect("it can be created");
            write(&*other, &(0..20).map(|number| record(0, number)).collect::<Vec<_>>());
        }
        for reader in &mut readers {
            let mut batch = Batch::default();
            assert_fatal(&reader.read(&mut batch, 10, NO_WAIT).expect_err("it is another topic"), &*log);
            assert!(batch.is_empty());
        }
        assert_fatal(&writer.write(&[record(0, 11)]).expect_err("it is another topic"), &*log);
        if anew {
            assert_eq!(log.extent(0).expect("the log works").end, 20, "nothing was written to the new topic");
        }
        other.delete_topic().expect("it can be deleted");
    }
}
