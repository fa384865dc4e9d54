use super::*;

fn created(log: &SimulatedLog) -> Topic {
    let spec = TopicSpec { partitions: 2, replication: 1, retention_ms: -1 };
    log.create_topic(&spec).expect("it can be created")
}

fn read(reader: &mut dyn RecordReader, records_max: usize) -> Result<(u64, Vec<u64>), Failure> {
    let mut batch = Batch::default();
    let position = reader.read(&mut batch, records_max, Duration::from_secs(3600))?;
    Ok((position, batch.records().map(|record| record.offset).collect()))
}

#[test]
fn without_waiting_a_read_returns_at_once_and_log_ids_are_counted() {
    for _ in 0..2 {
        let log = SimulatedLog::without_waiting("temperatures");
        assert_eq!(created(&log).log_id, "memory-1");
        assert_eq!(read(&mut *log.open_reader(0, 0).expect("there is a topic"), 10), Ok((0, vec![])));
        log.recreate();
        assert_eq!(log.log_id(), Ok(Some("memory-2".to_owned())));
    }
}

#[test]
fn planned_failures_come_in_order_whatever_is_called() {
    let log = SimulatedLog::without_waiting("temperatures");
    created(&log);
    let mut reader = log.open_reader(0, 0).expect("there is a topic");
    let away = Failure::retryable(Kind::Unavailable, "away");
    log.fail_next(&away, 2);
    log.fail_next(&Failure::fatal(Kind::Data, "gone"), 1);
    assert_eq!(log.topic(), Err(away.clone()));
    assert_eq!(read(&mut *reader, 10), Err(away));
    assert!(log.open_writer("a test").err().is_some_and(|failure| failure.what == "gone"));
    log.append(0, None, Some(b"value"));
    assert_eq!(read(&mut *reader, 10), Ok((1, vec![0])));
}

#[test]
fn a_reader_that_waits_is_woken_by_a_planned_failure() {
    let log = SimulatedLog::new("temperatures");
    created(&log);
    let mut reader = log.open_reader(0, 0).expect("there is a topic");
    let reading = std::thread::spawn(move || read(&mut *reader, 10));
    let away = Failure::retryable(Kind::Unavailable, "away");
    log.fail_next(&away, 1);
    assert_eq!(reading.join().expect("it does not panic"), Err(away));
}

#[test]
fn a_stalled_log_gives_nothing_and_takes_nothing() {
    let log = SimulatedLog::without_waiting("temperatures");
    created(&log);
    let record = Outgoing { partition: 1, key: None, value: None };
    let mut writer = log.open_writer("a test").expect("there is a topic");
    writer.write(std::slice::from_ref(&record)).expect("the log works");
    let mut reader = log.open_reader(1, 0).expect("there is a topic");
    log.stall(true);
    assert_eq!(read(&mut *reader, 10), Ok((0, vec![])));
    assert!(writer.write(std::slice::from_ref(&record)).is_err_and(|failure| failure.is_retryable()));
    log.stall(false);
    assert_eq!(read(&mut *reader, 10), Ok((1, vec![0])));
    assert_eq!(log.extent(1), Ok(Extent { start: 0, end: 1 }), "the refused record is not there");
}

#[test]
fn a_position_passes_gaps_and_stops_before_what_is_left() {
    let log = SimulatedLog::without_waiting("temperatures");
    created(&log);
    log.leave_gap(0, 2);
    assert_eq!(log.append(0, None, None), 2);
    log.leave_gap(0, 3);
    assert_eq!(log.append(0, None, None), 6);
    log.leave_gap(0, 1);
    let mut reader = log.open_reader(0, 0).expect("there is a topic");
    assert_eq!(read(&mut *reader, 1), Ok((6, vec![2])));
    assert_eq!(read(&mut *reader, 1), Ok((8, vec![6])));
    assert_eq!(read(&mut *reader, 1), Ok((8, vec![])));
    log.leave_gap(0, 1);
    assert_eq!(read(&mut *reader, 1), Ok((9, vec![])), "a gap alone moves the position");
    log.raise_start(0, 20);
    assert_eq!(log.extent(0), Ok(Extent { start: 20, end: 20 }));
    assert!(read(&mut *reader, 1).is_err());
}

#[test]
fn partitions_are_added_to_the_same_topic() {
    let log = SimulatedLog::new("temperatures");
    let before = created(&log);
    log.add_partitions(2);
    assert_eq!(log.topic(), Ok(Some(Topic { partitions: 4, ..before })));
    assert_eq!(log.append(3, None, None), 0);
}
