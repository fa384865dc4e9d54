//! Records: written, read, committed, lost.

use std::time::{Duration, Instant};

use isotherm::domain::Batch;
use isotherm::failure::{Kind, Severity};
use isotherm::log::partitioner::partition_of;
use isotherm::log::{Extent, RecordLog};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::broker::Broker;
use crate::elsewhere::{Elsewhere, Transactions};
use crate::owned::{OwnedRecord, WriteOwned as _};
use crate::support::*;

/// A record of this value in a transaction that is open.
fn begin(transactions: &Transactions, value: &str) {
    transactions.write(&[OwnedRecord { partition: 0, key: None, value: Some(value.into()) }]);
}

#[test]
fn aborted_records_are_not_read_and_the_position_passes_all_markers() {
    let Some(broker) = Broker::shared() else { return };
    let name = broker.fresh_topic();
    let log = create(&broker.brokers(), &name, 1);
    // Each transaction is one record and one marker: offsets 0 to 5.
    let transactions = Elsewhere::new(&broker.brokers(), &name).transactions();
    for (value, end) in [("a", Transactions::commit as fn(&_)), ("b", Transactions::abort), ("c", Transactions::commit)]
    {
        begin(&transactions, value);
        end(&transactions);
    }
    let extent = log.extent(0).unwrap();
    assert_eq!(extent, Extent { start: 0, end: 6 });
    let mut reader = log.open_reader(0, 0).unwrap();
    let (read, position) = read_to(&mut *reader, extent.end);
    assert_eq!(read, [(0, "a".to_owned()), (4, "c".to_owned())]);
    assert_eq!(position, 6);
    // A partition that ends in what nobody reads.
    begin(&transactions, "d");
    transactions.abort();
    assert_eq!(read_to(&mut *reader, 8), (Read::new(), 8));
    assert_eq!(write(&log, &[record(0, 9)])[&0], 9);
    assert_eq!(read_to(&mut *reader, 9).0, [(8, "value 9".to_owned())]);
}

#[test]
fn the_end_is_before_a_transaction_that_is_open() {
    let Some(broker) = Broker::shared() else { return };
    let name = broker.fresh_topic();
    let log = create(&broker.brokers(), &name, 1);
    write(&log, &[record(0, 0)]);
    let transactions = Elsewhere::new(&broker.brokers(), &name).transactions();
    begin(&transactions, "open");
    write(&log, &[record(0, 1)]);
    assert_eq!(log.extent(0).unwrap(), Extent { start: 0, end: 1 });
    assert_eq!(log.high_watermarks(&[0]), Ok(vec![3]), "what is acknowledged is there, seen or not");
    let mut reader = log.open_reader(0, 0).unwrap();
    assert_eq!(read_to(&mut *reader, 1), (vec![(0, "value 0".to_owned())], 1));
    transactions.abort();
    assert_eq!(read_to(&mut *reader, 4), (vec![(2, "value 1".to_owned())], 4));
}

#[test]
fn reading_below_a_raised_start_or_past_the_end_is_fatal_and_names_all() {
    let Some(broker) = Broker::shared() else { return };
    let name = broker.fresh_topic();
    let log = create(&broker.brokers(), &name, 1);
    write(&log, &(0..10).map(|number| record(0, number)).collect::<Vec<_>>());
    let mut behind = log.open_reader(0, 0).unwrap();
    behind.read(&mut Batch::default(), 1, PATIENCE).unwrap();
    Elsewhere::new(&broker.brokers(), &name).delete_records(0, Offset::Offset(7));
    assert_eq!(log.extent(0).unwrap(), Extent { start: 7, end: 10 });
    for from in [0, 6, 11] {
        let failure = log.open_reader(0, from).unwrap().read(&mut Batch::default(), 10, PATIENCE).unwrap_err();
        assert_eq!((failure.severity, failure.kind), (Severity::Fatal, Kind::Data));
        for part in [&name, "partition 0", &format!("offset {from}"), "7 to 10"] {
            assert!(failure.what.contains(part), "{failure} lacks {part}");
        }
    }
    let mut reader = log.open_reader(0, 7).unwrap();
    assert_eq!(read_to(&mut *reader, 10).0.len(), 3);
}

#[test]
fn a_reader_that_is_overtaken_by_the_start_fails() {
    let Some(broker) = Broker::shared() else { return };
    let name = broker.fresh_topic();
    let log = create(&broker.brokers(), &name, 1);
    // More than a reader has at hand.
    let records: Vec<OwnedRecord> =
        (0..40).map(|_| OwnedRecord { partition: 0, key: None, value: Some(vec![7; 900_000]) }).collect();
    write(&log, &records);
    let mut reader = log.open_reader(0, 0).unwrap();
    reader.read(&mut Batch::default(), 1, PATIENCE).unwrap();
    Elsewhere::new(&broker.brokers(), &name).delete_records(0, Offset::End);
    let read = || reader.read(&mut Batch::default(), 1, Duration::from_millis(100));
    let failure = until("the reader fails", read, Result::is_err).unwrap_err();
    assert_eq!((failure.severity, failure.kind), (Severity::Fatal, Kind::Data), "{failure}");
    assert!(failure.what.contains("40 to 40"), "{failure}");
}

#[test]
fn keys_go_to_the_partition_that_librdkafka_and_we_compute() {
    let Some(broker) = Broker::shared() else { return };
    let name = broker.fresh_topic();
    let log = create(&broker.brokers(), &name, 4);
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", broker.brokers()).set("partitioner", "murmur2").create().unwrap();
    let keys: Vec<String> = (0..200).map(|number| format!("Station{number}")).collect();
    for key in &keys {
        producer.send(BaseRecord::to(&name).key(key).payload(key)).expect("there is room");
    }
    producer.flush(PATIENCE).unwrap();
    for partition in 0..4 {
        let end = log.extent(partition).unwrap().end;
        let (read, _) = read_to(&mut *log.open_reader(partition, 0).unwrap(), end);
        let expected: Vec<&String> = keys.iter().filter(|key| partition_of(key.as_bytes(), 4) == partition).collect();
        assert_eq!(read.iter().map(|(_, key)| key).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_record_that_is_too_large_is_fatal_and_nothing_is_written() {
    let Some(broker) = Broker::shared() else { return };
    let name = broker.fresh_topic();
    let log = create(&broker.brokers(), &name, 1);
    let large = OwnedRecord { partition: 0, key: None, value: Some(vec![7; 1_048_500]) };
    let failure = log.open_writer("a test").unwrap().write_owned(&[record(0, 0), large.clone()]).unwrap_err();
    assert_eq!((failure.severity, failure.kind), (Severity::Fatal, Kind::Data), "{failure}");
    assert_eq!(log.extent(0).unwrap().end, 0);
    // The client lets it pass, the broker does not: nothing comes after it.
    let log = open_with(&broker.brokers(), &name, &[("message.max.bytes", "2000000")]);
    let larger = OwnedRecord { value: Some(vec![7; 1_200_000]), ..large };
    let failure = log.open_writer("a test").unwrap().write_owned(&[record(0, 0), larger, record(0, 2)]).unwrap_err();
    assert!(failure.what.contains(&name), "{failure}");
    let (read, _) = read_to(&mut *log.open_reader(0, 0).unwrap(), log.extent(0).unwrap().end);
    assert!(read.iter().all(|(_, value)| value == "value 0"), "{read:?}");
}

#[test]
fn what_is_committed_is_told_to_the_group() {
    let Some(broker) = Broker::shared() else { return };
    let name = broker.fresh_topic();
    let log = create(&broker.brokers(), &name, 2);
    write(&log, &[record(1, 0)]);
    log.publish_committed(1, 1);
    let group: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", broker.brokers())
        .set("group.id", format!("isotherm-{name}"))
        .create()
        .unwrap();
    let committed = || {
        let mut partitions = TopicPartitionList::new();
        partitions.add_partition(&name, 1);
        group.committed_offsets(partitions, PATIENCE).unwrap().find_partition(&name, 1).unwrap().offset()
    };
    until("the group knows", committed, |offset| *offset == Offset::Offset(1));
}

/// Not a test of speed: it prints what `cargo test -- --nocapture a_million` is for.
#[test]
fn a_million_records_come_back_in_order() {
    const RECORDS: usize = 1_000_000;
    let Some(broker) = Broker::shared() else { return };
    let name = broker.fresh_topic();
    let log = create(&broker.brokers(), &name, 4);
    let records: Vec<OwnedRecord> = (0..RECORDS)
        .map(|number| OwnedRecord {
            partition: number as u32 % 4,
            key: Some(b"StationA".to_vec()),
            value: Some(format!("{number:040}").into_bytes()),
        })
        .collect();
    let mut writer = log.open_writer("a test").unwrap();
    writer.write_owned(&records[..4]).unwrap();
    let start = Instant::now();
    for chunk in records[4..].chunks(5_000) {
        writer.write_owned(chunk).unwrap();
    }
    let in_chunks = start.elapsed();
    drop(writer);
    let mut batch = Batch::default();
    let start = Instant::now();
    for partition in 0..4 {
        let mut reader = log.open_reader(partition, 0).unwrap();
        let mut expected = partition as usize;
        while expected < RECORDS {
            batch.clear();
            reader.read(&mut batch, 5_000, PATIENCE).unwrap();
            for record in batch.records() {
                let value = record.value.expect("each has one");
                assert_eq!(std::str::from_utf8(value).unwrap().parse(), Ok(expected));
                expected += 4;
            }
        }
    }
    let read = start.elapsed();
    let start = Instant::now();
    write(&log, &records);
    let at_once = start.elapsed();
    let rate = |time: Duration| RECORDS as f64 / time.as_secs_f64() / 1e6;
    println!(
        "1,000,000 records of 48 bytes, in M/s: written in chunks of 5,000 {:.2}, at once {:.2}, read {:.2}",
        rate(in_chunks),
        rate(at_once),
        rate(read)
    );
}
