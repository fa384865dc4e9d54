//! How much a read gives, how long it waits, and when it fails.

use super::*;

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
    let record = OwnedRecord { partition: 0, key: None, value: Some(vec![7; 900_000]) };
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
