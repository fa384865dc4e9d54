//! What the tests have in common.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use isotherm::domain::{Batch, RecordFormat};
use isotherm::failure::Failure;
use isotherm::log::kafka::KafkaLog;
use isotherm::log::{RecordLog, RecordReader, TopicSpec};
use isotherm::settings::{Kafka, Log, LogKind, OnStart, Sqlite, Transactions};

use crate::owned::{OwnedRecord, WriteOwned as _};

/// No event of a healthy broker takes this long.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub fn settings(brokers: &str, topic: &str, client: &[(&str, &str)]) -> Log {
    let client = client.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Log {
        kind: LogKind::Kafka,
        topic: topic.to_owned(),
        partitions: 2,
        replication: 1,
        retention_ms: -1,
        format: RecordFormat::Protobuf,
        on_start: OnStart::Reuse,
        allow_compaction: false,
        kafka: Kafka { brokers: brokers.to_owned(), password_file: String::new(), client },
        sqlite: Sqlite { path: "unused".into() },
    }
}

pub fn open(brokers: &str, topic: &str) -> KafkaLog {
    open_with(brokers, topic, &[])
}

pub fn open_with(brokers: &str, topic: &str, client: &[(&str, &str)]) -> KafkaLog {
    KafkaLog::open(&settings(brokers, topic, client), &format!("isotherm-{topic}"), Transactions::Off)
        .expect("the settings are good")
}

/// A log with a new topic.
pub fn create(brokers: &str, topic: &str, partitions: u32) -> KafkaLog {
    let log = open(brokers, topic);
    log.create_topic(&spec(partitions)).expect("it can be created");
    log
}

pub fn spec(partitions: u32) -> TopicSpec {
    TopicSpec { partitions, replication: 1, retention_ms: -1 }
}

pub fn record(partition: u32, number: usize) -> OwnedRecord {
    let part = |what: &str| Some(format!("{what} {number}").into_bytes());
    OwnedRecord { partition, key: part("key"), value: part("value") }
}

pub fn write(log: &dyn RecordLog, records: &[OwnedRecord]) -> BTreeMap<u32, u64> {
    log.open_writer("a test").expect("nothing is waited for").write_owned(records).expect("the broker is there")
}

/// Offsets and values.
pub type Read = Vec<(u64, String)>;

/// Reads until the position reaches `end`; returns what was read and that position.
pub fn read_to(reader: &mut dyn RecordReader, end: u64) -> (Read, u64) {
    let mut read = Read::new();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let position = read_on(reader, &mut read).expect("the broker is there");
        if position >= end {
            return (read, position);
        }
        assert!(Instant::now() < deadline, "only {position} of {end} came");
    }
}

/// One read, put behind the others.
pub fn read_on(reader: &mut dyn RecordReader, read: &mut Read) -> Result<u64, Failure> {
    let mut batch = Batch::default();
    let position = reader.read(&mut batch, 1000, Duration::from_millis(100))?;
    let value = |value: Option<&[u8]>| String::from_utf8(value.unwrap_or_default().to_vec()).expect("tests write text");
    read.extend(batch.records().map(|record| (record.offset, value(record.value))));
    Ok(position)
}

/// Repeats a call until its result is the one that is waited for.
pub fn until<T>(what: &str, mut call: impl FnMut() -> T, done: impl Fn(&T) -> bool) -> T {
    let deadline = Instant::now() + 2 * PATIENCE;
    loop {
        let result = call();
        if done(&result) {
            return result;
        }
        assert!(Instant::now() < deadline, "waited in vain until {what}");
    }
}
