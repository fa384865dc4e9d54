//! A broker that is away and comes back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use isotherm::failure::{Failure, Kind};
use isotherm::log::RecordLog;

use crate::broker::Broker;
use crate::owned::{OwnedRecord, WriteOwned as _};
use crate::support::*;

/// No call waits longer for a broker that is away, however busy the machine.
const CALL_MAX: Duration = Duration::from_secs(15);

fn assert_waited_out<T>(name: &str, call: impl FnOnce() -> Result<T, Failure>) -> Failure {
    let started = Instant::now();
    let failure = call().map(drop).expect_err("the broker is away");
    assert!(failure.is_retryable() && failure.kind == Kind::Unavailable, "{name}: {failure}");
    assert!(started.elapsed() < CALL_MAX, "{name} took {:?}", started.elapsed());
    failure
}

#[test]
fn a_reader_and_a_log_are_there_again_when_the_broker_is() {
    let Some(broker) = Broker::start() else { return };
    let name = broker.fresh_topic();
    let log = create(&broker.brokers(), &name, 1);
    write(&log, &[record(0, 0)]);
    let mut reader = log.open_reader(0, 0).unwrap();
    let (mut read, _) = read_to(&mut *reader, 1);
    for (number, hangs) in [(1, false), (2, true)] {
        let mut writer = log.open_writer("a test").unwrap();
        writer.write_owned(&[record(0, 10 + number)]).unwrap();
        if hangs {
            broker.stop_answering()
        } else {
            broker.kill()
        }
        let failure = until("the reader says it", || read_on(&mut *reader, &mut read), Result::is_err).unwrap_err();
        assert!(
            failure.is_retryable() && failure.kind == Kind::Unavailable && failure.what.contains(&name),
            "{failure}"
        );
        // All at once, as each waits its time.
        thread::scope(|scope| {
            scope.spawn(|| assert_waited_out("log_id", || log.log_id()));
            scope.spawn(|| assert_waited_out("extent", || log.extent(0)));
            scope.spawn(|| assert_waited_out("write", || log.open_writer("a test")?.write_owned(&[record(0, 99)])));
            scope.spawn(|| assert_waited_out("read", || read_on(&mut *log.open_reader(0, 0)?, &mut Read::new())));
            let write = || writer.write_owned(&[record(0, 99)]);
            scope.spawn(|| assert_waited_out("write on", write));
        });
        log.publish_committed(0, 1);
        if hangs {
            broker.answer_again()
        } else {
            broker.restart()
        }
        until("the log answers", || log.log_id().is_ok(), |it| *it);
        let end = write(&log, &[record(0, number)])[&0];
        let mut read_on = || matches!(read_on(&mut *reader, &mut read), Ok(position) if position >= end);
        until("the reader goes on", &mut read_on, |it| *it);
    }
    // What was not acknowledged may be there nevertheless: a broker that hung had it already.
    assert!(read.iter().map(|(offset, _)| *offset).eq(0..read.len() as u64), "{read:?}");
    let acknowledged: Vec<&str> = read.iter().map(|(_, value)| value.as_str()).filter(|it| *it != "value 99").collect();
    assert_eq!(acknowledged, ["value 0", "value 11", "value 1", "value 12", "value 2"]);
}

#[test]
fn a_write_that_outlives_a_restart_doubles_and_loses_nothing() {
    let Some(broker) = Broker::start() else { return };
    let name = broker.fresh_topic();
    create(&broker.brokers(), &name, 2);
    let log = open_with(&broker.brokers(), &name, &[("message.timeout.ms", "60000")]);
    let enough = AtomicBool::new(false);
    let written = thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let mut writer = log.open_writer("a test").unwrap();
            let mut written = 0;
            while !enough.load(Ordering::Relaxed) {
                let records: Vec<OwnedRecord> =
                    (written..written + 1_000).map(|number| record(number as u32 % 2, number)).collect();
                writer.write_owned(&records).expect("it waits for the broker");
                written += 1_000;
            }
            written
        });
        // Each time in the middle of writing.
        for _ in 0..2 {
            let end = log.extent(1).unwrap().end;
            until("more is written", || log.extent(1).is_ok_and(|extent| extent.end > end), |it| *it);
            broker.kill();
            broker.restart();
            until("the broker answers", || log.extent(1).is_ok(), |it| *it);
        }
        enough.store(true, Ordering::Relaxed);
        writing.join().unwrap()
    });
    for partition in 0..2 {
        let end = log.extent(partition).unwrap().end;
        assert_eq!(end, written as u64 / 2);
        let (read, _) = read_to(&mut *log.open_reader(partition, 0).unwrap(), end);
        let expected = (partition as usize..written).step_by(2).map(|number| format!("value {number}"));
        assert!(read.iter().map(|(_, value)| value.clone()).eq(expected), "partition {partition}");
    }
}

#[test]
fn no_broker_at_all_is_waited_out_and_says_why() {
    // Nobody listens there.
    let [port] = crate::broker::free_ports();
    let log = open(&format!("127.0.0.1:{port}"), "nothing");
    let failure = assert_waited_out("topic", || log.topic());
    assert!(failure.what.contains("Connection refused"), "{failure}");
}
