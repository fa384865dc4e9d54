//! What was written is there.

use super::*;

pub fn records_keep_their_order_and_get_offsets_per_partition(fixture: &impl Fixture) {
    let log = created(fixture, 3);
    let records: Vec<OwnedRecord> =
        (0..100).map(|number| record(if number % 3 == 0 { 2 } else { 0 }, number)).collect();
    let mut writer = log.open_writer("a test").expect("there is a topic");
    assert_eq!(writer.write_owned(&records[..51]).expect("the log works"), BTreeMap::from([(0, 34), (2, 17)]));
    assert_eq!(writer.write_owned(&records[51..52]).expect("the log works"), BTreeMap::from([(2, 18)]));
    assert_eq!(writer.write_owned(&[]).expect("the log works"), BTreeMap::new());
    assert_eq!(writer.write_owned(&records[52..]).expect("the log works"), BTreeMap::from([(0, 66), (2, 34)]));
    assert_eq!(log.high_watermarks(&[2, 0, 1]), Ok(vec![34, 66, 0]));
    assert_eq!(log.high_watermarks(&[]), Ok(Vec::new()));
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
    let mut records: Vec<OwnedRecord> = parts
        .iter()
        .flat_map(|key| parts.iter().map(|value| OwnedRecord { partition: 0, key: key.clone(), value: value.clone() }))
        .collect();
    records.push(OwnedRecord { partition: 0, key: None, value: Some(large.clone()) });
    records.push(OwnedRecord { partition: 0, key: Some(large), value: None });
    write(&*log, &records);
    let read: Vec<OwnedRecord> =
        read_all(&*log, 0).into_iter().map(|(_, key, value)| OwnedRecord { partition: 0, key, value }).collect();
    assert!(read == records);
}

pub fn a_large_write_comes_back_whole(fixture: &impl Fixture) {
    let log = created(fixture, 2);
    let records: Vec<OwnedRecord> = (0..100_000).map(|number| record(number as u32 % 2, number)).collect();
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

pub fn several_write_and_read_at_once(fixture: &impl Fixture) {
    const WRITES: usize = 40;
    const RECORDS: usize = 25;
    created(fixture, 2);
    let write_all = |name: usize| {
        let (log, source) = (fixture.open(), format!("writer {name}"));
        let mut writer = log.open_writer(&source).expect("there is a topic");
        for write in 0..WRITES {
            let number = |record| name * 1_000_000 + write * RECORDS + record;
            let records: Vec<OwnedRecord> = (0..RECORDS).map(|index| record(index as u32 % 2, number(index))).collect();
            until_it_works(&*log, &source, &mut writer, &records);
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
fn until_it_works(log: &dyn RecordLog, source: &str, writer: &mut Box<dyn RecordWriter>, records: &[OwnedRecord]) {
    let deadline = Instant::now() + PATIENCE;
    while let Err(failure) = writer.write_owned(records) {
        assert!(failure.is_retryable() && Instant::now() < deadline, "{failure}");
        *writer = log.open_writer(source).expect("there is a topic");
    }
}

pub fn a_writer_that_was_replaced_appends_nothing(fixture: &impl Fixture) {
    created(fixture, 2);
    let log = fixture.open_fenced();
    let replaced =
        |written: Result<BTreeMap<u32, u64>, Failure>| written.is_err_and(|failure| failure.origin == Origin::Replaced);
    let mut first = log.open_writer("one").expect("there is a topic");
    let mut other = log.open_writer("other").expect("there is a topic");
    assert_eq!(first.write_owned(&[record(0, 0)]), Ok(BTreeMap::from([(0, 1)])));
    // As by another process.
    let mut second = fixture.open_fenced().open_writer("one").expect("there is a topic");
    assert!(replaced(first.write_owned(&[record(0, 1), record(1, 1)])));
    assert!(second.write_owned(&[record(0, 2)]).is_ok() && other.write_owned(&[record(1, 3)]).is_ok());
    assert!(replaced(log.open_writer("one").and_then(|_| second.write_owned(&[record(0, 4)]))));
    let keys = |partition| read_all(&*log, partition).into_iter().map(|(_, key, _)| key).collect::<Vec<_>>();
    assert_eq!((keys(0), keys(1)), (vec![record(0, 0).key, record(0, 2).key], vec![record(0, 3).key]));
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
