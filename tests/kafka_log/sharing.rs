//! More partitions than there are clients: readers that share.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use isotherm::domain::Batch;
use isotherm::failure::Kind;
use isotherm::log::kafka::KafkaLog;
use isotherm::log::{RecordLog, RecordReader};
use isotherm::settings::{Log, Transactions};
use rdkafka::Offset;

use crate::broker::Broker;
use crate::elsewhere::Elsewhere;
use crate::owned::{OwnedRecord, WriteOwned as _};
use crate::support::*;

/// Twice as many as a process has clients for reading.
const PARTITIONS: u32 = 16;
const RECORDS: u64 = 20_000;

/// A topic with so many records in each partition, whose values are their offsets.
fn filled(broker: &Broker) -> KafkaLog {
    filled_with(broker, &[]).1
}

/// With these properties of the clients; and the topic's name.
fn filled_with(broker: &Broker, client: &[(&str, &str)]) -> (String, KafkaLog) {
    let topic = broker.fresh_topic();
    let settings = Log { partitions: PARTITIONS, ..settings(&broker.brokers(), &topic, client) };
    let log =
        KafkaLog::open(&settings, &format!("isotherm-{topic}"), Transactions::Off).expect("the settings are good");
    log.create_topic(&spec(PARTITIONS)).expect("it can be created");
    let mut writer = log.open_writer("a test").unwrap();
    for partition in 0..PARTITIONS {
        writer.write_owned(&numbered(partition, 0..RECORDS)).unwrap();
    }
    drop(writer);
    (topic, log)
}

fn numbered(partition: u32, offsets: Range<u64>) -> Vec<OwnedRecord> {
    offsets.map(|offset| OwnedRecord { partition, key: None, value: Some(offset.to_string().into_bytes()) }).collect()
}

/// Numbers that look drawn; the same every time.
struct Drawn(u64);

impl Drawn {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Reads so many records and asserts that they are exactly those from `from` on.
#[track_caller]
fn assert_reads(reader: &mut dyn RecordReader, from: u64, count: u64) {
    let (mut batch, mut expected) = (Batch::default(), from);
    while expected < from + count {
        batch.clear();
        let left = usize::try_from(from + count - expected).unwrap();
        let position = reader.read(&mut batch, left, PATIENCE).expect("the broker is there");
        assert!(!batch.is_empty(), "nothing came at {expected}");
        for record in batch.records() {
            assert_eq!(record.offset, expected, "from {from}");
            assert_eq!(record.value, Some(expected.to_string().as_bytes()));
            expected += 1;
        }
        assert_eq!(position, expected);
    }
}

/// The other readers of a process: all clients are in use, so that further readers share.
fn others(log: &dyn RecordLog) -> Vec<Box<dyn RecordReader>> {
    let open = |partition| {
        let mut reader = log.open_reader(partition, 0).unwrap();
        assert_reads(&mut *reader, 0, 1);
        reader
    };
    (1..PARTITIONS).map(open).collect()
}

#[test]
fn a_reader_that_starts_again_and_again_gets_exactly_what_it_asked_for() {
    let Some(broker) = Broker::shared() else { return };
    let log = filled(broker);
    let _others = others(&log);
    let enough = AtomicBool::new(false);
    thread::scope(|scope| {
        let (log, enough) = (&log, &enough);
        scope.spawn(move || {
            let mut writer = log.open_writer("a test").unwrap();
            let mut end = RECORDS;
            while !enough.load(Ordering::Relaxed) {
                writer.write_owned(&numbered(0, end..end + 100)).unwrap();
                end += 100;
            }
        });
        let mut drawn = Drawn(1);
        for number in 0..600 {
            let from = drawn.below(RECORDS - 1_000);
            let mut reader = log.open_reader(0, from).unwrap();
            // Some are dropped before anything came, some in the middle of it.
            match number % 3 {
                0 => {}
                1 => assert_reads(&mut *reader, from, 1),
                _ => assert_reads(&mut *reader, from, 1 + drawn.below(1_000)),
            }
        }
        enough.store(true, Ordering::Relaxed);
    });
    // At the end and past it, as for a reader that has its client alone.
    let end = log.extent(0).unwrap().end;
    let mut reader = log.open_reader(0, end - 1).unwrap();
    assert_eq!(read_to(&mut *reader, end).0.len(), 1);
}

#[test]
fn that_a_reader_was_overtaken_is_not_told_to_the_one_that_followed() {
    let Some(broker) = Broker::shared() else { return };
    // Little is read ahead, and little comes in one piece, so that a reader is soon overtaken.
    let few = [("queued.min.messages", "1"), ("fetch.message.max.bytes", "1000"), ("batch.num.messages", "50")];
    let (topic, log) = filled_with(broker, &few);
    let _others = others(&log);
    let elsewhere = Elsewhere::new(&broker.brokers(), &topic);
    let mut drawn = Drawn(2);
    for start in (0..RECORDS - 1_000).step_by(200) {
        let mut overtaken = log.open_reader(0, start).unwrap();
        assert_reads(&mut *overtaken, start, 1);
        elsewhere.delete_records(0, Offset::Offset(i64::try_from(start + 200).unwrap()));
        // It asks for what is gone, and is dropped before, while or after it is told.
        for _ in 0..drawn.below(4) {
            drop(overtaken.read(&mut Batch::default(), 1_000, Duration::from_millis(drawn.below(3))));
        }
        drop(overtaken);
        assert_reads(&mut *log.open_reader(0, start + 200).unwrap(), start + 200, 100);
    }
}

#[test]
fn readers_of_one_client_do_not_disturb_each_other() {
    let Some(broker) = Broker::shared() else { return };
    let log = filled(broker);
    // In each of the clients two readers: one that reads all, and one that crashes and starts again meanwhile.
    let all: Vec<_> = (0..PARTITIONS / 2).map(|partition| log.open_reader(partition, 0).unwrap()).collect();
    thread::scope(|scope| {
        let log = &log;
        for mut reader in all {
            scope.spawn(move || assert_reads(&mut *reader, 0, RECORDS));
        }
        for partition in PARTITIONS / 2..PARTITIONS {
            scope.spawn(move || {
                let mut drawn = Drawn(partition.into());
                for _ in 0..30 {
                    let from = drawn.below(RECORDS - 1_000);
                    assert_reads(&mut *log.open_reader(partition, from).unwrap(), from, 500);
                }
            });
        }
    });
}

#[test]
fn a_reader_that_hung_takes_nothing_from_the_one_that_followed() {
    let Some(broker) = Broker::shared() else { return };
    let log = filled(broker);
    let _others = others(&log);
    let mut hung: Vec<_> = (0..10).map(|_| log.open_reader(0, 0).unwrap()).collect();
    for reader in &mut hung {
        assert_reads(&mut **reader, 0, 10);
    }
    let mut next = log.open_reader(0, 5).unwrap();
    assert_reads(&mut *next, 5, 5_000);
    // They wake up, all at once.
    thread::scope(|scope| {
        for reader in &mut hung {
            scope.spawn(|| assert_reads(&mut **reader, 10, RECORDS - 10));
        }
        scope.spawn(|| assert_reads(&mut *next, 5_005, RECORDS - 5_005));
    });
}

#[test]
fn readers_that_share_come_and_go_while_the_broker_is_away() {
    let Some(broker) = Broker::start() else { return };
    let log = filled(&broker);
    let open = |partition| (log.open_reader(partition, 0).expect("nothing is waited for"), Read::new());
    let mut readers: Vec<_> = (0..PARTITIONS).map(open).collect();
    for (reader, read) in &mut readers {
        read_on(&mut **reader, read).expect("the broker is there");
    }
    broker.kill();
    for _ in 0..2 {
        // Each is told, whichever took the client's error; what came before is read first.
        thread::scope(|scope| {
            for (reader, read) in &mut readers {
                scope.spawn(|| {
                    let failed = until("it is told", || read_on(&mut **reader, read), Result::is_err);
                    let failure = failed.expect_err("it was waited for");
                    assert!(failure.is_retryable() && failure.kind == Kind::Unavailable, "{failure}");
                });
            }
        });
        // Half of them start again.
        for number in (0..PARTITIONS).step_by(2) {
            readers.remove(number as usize);
            readers.insert(number as usize, open(number));
        }
    }
    broker.restart();
    for (mut reader, mut read) in readers {
        let mut read_on = || read_on(&mut *reader, &mut read).is_ok_and(|position| position >= RECORDS);
        until("it goes on", &mut read_on, |it| *it);
        assert!(read.iter().map(|(offset, _)| *offset).eq(0..RECORDS));
    }
}
