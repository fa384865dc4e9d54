//! A log and a disk that are slow, but get on: nothing is taken for hung.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use isotherm::durable::RealDisk;
use isotherm::log::{RecordLog, TopicSpec};
use isotherm::pipeline::{End, Environment, Job};
use isotherm::progress::{Branch, Condition};
use isotherm::settings::LogKind;

use crate::around::{Call, Readers, before_calls, slow_disk, watched};
use crate::over::OverDisk;
use crate::states;
use crate::support::{DEADLINE, Fixture, PARTITIONS, Running, consume_only, produce};

/// Runs the job, in which nothing may die.
fn run_without_a_death(job: Job, environment: Environment) {
    let running = Running::start(job, environment);
    let progress = running.environment.progress.clone();
    let summary = running.end().expect("it starts");
    assert!(summary.failures.is_empty() && summary.laggards.is_empty(), "{summary:?}");
    assert!(progress.branches().crashes().is_empty(), "{:?}", progress.branches().crashes());
}

/// A log of which each of these calls takes most of a heartbeat of a second.
fn slow_log(fixture: &Fixture, at: fn(Call) -> bool) -> Arc<dyn RecordLog> {
    Arc::new(before_calls(Arc::new(fixture.log.clone()), move |call| {
        if at(call) {
            thread::sleep(Duration::from_millis(850));
        }
    }))
}

/// Counts on from a file, where each of these calls on the log takes most of a heartbeat.
fn counts_on_a_log_that_is_slow(at: fn(Call) -> bool) {
    let fixture = Fixture::with_records(20)
        .set("supervision.heartbeat_ms=1000")
        .set("supervision.restarts_max=0")
        .set("consume.commit_interval_ms=3600000");
    fixture.run_well(consume_only(0));
    fixture.write(20..30);
    let log = slow_log(&fixture, at);
    run_without_a_death(consume_only(0), Environment { log, ..fixture.environment() });
    let quick = fixture.beside();
    quick.run_well(consume_only(0));
    assert!(fixture.results() == quick.results());
}

#[test]
fn a_log_whose_every_call_takes_most_of_a_heartbeat_is_resumed_from() {
    counts_on_a_log_that_is_slow(|_| true);
}

#[test]
fn a_log_whose_every_call_takes_most_of_a_heartbeat_is_committed() {
    counts_on_a_log_that_is_slow(|call| matches!(call, Call::LogId));
}

#[test]
fn a_log_whose_every_call_takes_most_of_a_heartbeat_is_written_to() {
    let fixture = Fixture::new().set("supervision.heartbeat_ms=1000").set("supervision.restarts_max=0");
    // Twice: the source begins, then it is asked whether the log still has all of it.
    for _ in 0..2 {
        let log = slow_log(&fixture, |_| true);
        run_without_a_death(produce(), Environment { log, ..fixture.environment() });
    }
    let ends = (0..PARTITIONS).map(|partition| fixture.log.extent(partition).expect("it is there").end);
    assert!(ends.sum::<u64>() > 0);
}

/// Each call is done within a heartbeat, but the two of one commit of `source.json` are not.
#[test]
fn a_disk_whose_calls_take_most_of_a_heartbeat_is_waited_for_by_the_source() {
    let fixture = Fixture::new().set("supervision.heartbeat_ms=1000").set("supervision.restarts_max=0");
    let call = || thread::sleep(Duration::from_millis(850));
    for _ in 0..2 {
        let disk = OverDisk {
            create_new: Box::new(move |disk, path| {
                call();
                disk.create_new(path)
            }),
            sync_folder: Box::new(move |disk, path| {
                call();
                disk.sync_folder(path)
            }),
            ..OverDisk::new(Arc::new(RealDisk))
        };
        run_without_a_death(produce(), Environment { disk: Arc::new(disk), ..fixture.environment() });
    }
    let ends = (0..PARTITIONS).map(|partition| fixture.log.extent(partition).expect("it is there").end);
    assert!(ends.sum::<u64>() > 0);
}

#[test]
fn a_disk_that_takes_several_heartbeats_for_a_large_file_is_waited_for_in_commit_and_recovery() {
    const PIECE_BYTES: usize = 8 << 20;
    let fixture = Fixture::new()
        .set("supervision.heartbeat_ms=2000")
        .set("supervision.restarts_max=0")
        .set("consume.commit_interval_ms=3600000");
    fixture.create_topic();
    // The least that makes a file large: most of a line is what the record held.
    let bytes = [0xff; 1024];
    let write = |records: usize| {
        for _ in 0..records {
            fixture.log.append(0, Some(&bytes), Some(&bytes));
        }
    };
    let environment = || Environment { disk: Arc::new(slow_disk(PIECE_BYTES)), ..fixture.environment() };
    let rejected_bytes = || fixture.results()["partition-0.rejected.jsonl"].len();
    // Twice: the file is new, then it is read, and made longer.
    for round in 1..=2 {
        write(10_000);
        run_without_a_death(consume_only(0), environment());
        assert!(rejected_bytes() > round * 3 * PIECE_BYTES, "{}", rejected_bytes());
    }
    assert_eq!(states(&fixture)[&0].rejected_bytes, rejected_bytes() as u64);
}

#[test]
fn an_earlier_reader_is_gone_before_another_is_opened() {
    let fixture = Fixture::with_records(20);
    fixture.run_well(consume_only(0));
    let lacks = states(&fixture)[&0].last_record.as_ref().map(|last| last.offset);
    fixture.write(20..40);
    let readers = Readers::default();
    let log = watched(Arc::new(fixture.log.clone()), |_| (), lacks, readers.clone());
    run_without_a_death(consume_only(0), Environment { log: Arc::new(log), ..fixture.environment() });
    assert_eq!(readers.1.load(SeqCst), 1, "alive at once");
    let begun = Instant::now();
    while readers.0.load(SeqCst) > 0 {
        assert!(begun.elapsed() < DEADLINE, "a reader is left");
        thread::yield_now();
    }
}

/// In a SQLite file, which has a topic.
fn in_sqlite(heartbeat_ms: u64) -> (Fixture, Environment) {
    let fixture = Fixture::new().set("log.kind=sqlite").set(format!("supervision.heartbeat_ms={heartbeat_ms}"));
    let path = fixture.path("log.sqlite");
    let fixture = fixture.set(format!("log.sqlite.path={}", path.display()));
    let real = Environment::real(fixture.settings(), &[0, 1, 2, 3]).expect("the log opens");
    assert_eq!(real.settings.log.kind, LogKind::Sqlite);
    let spec = TopicSpec { partitions: 4, replication: 1, retention_ms: -1 };
    real.log.create_topic(&spec).expect("the topic is new");
    (fixture, real)
}

#[test]
fn an_idle_partition_outlives_the_shortest_heartbeats() {
    let (_fixture, real) = in_sqlite(50);
    let reads = Arc::new(AtomicU32::new(0));
    let counted = reads.clone();
    let log = before_calls(real.log.clone(), move |call| {
        if call == Call::Read {
            counted.fetch_add(1, SeqCst);
        }
    });
    let running =
        Running::start(Job { end: End::AtSignal, ..consume_only(0) }, Environment { log: Arc::new(log), ..real });
    let crashes = |environment: &Environment| environment.progress.branches().crashes();
    running.wait_for("idle reads", |environment| reads.load(SeqCst) > 30 || !crashes(environment).is_empty());
    let crashes = crashes(&running.environment);
    running.stop.send_replace(true);
    running.end().expect("it started");
    assert!(crashes.is_empty(), "{crashes:?}");
}

#[test]
fn a_file_that_another_process_holds_is_waited_for_and_is_no_hang() {
    let (fixture, real) = in_sqlite(1000);
    let other = rusqlite::Connection::open(fixture.path("log.sqlite")).expect("it opens");
    other.execute_batch("BEGIN IMMEDIATE").expect("nobody writes yet");
    let running = Running::start(produce(), real);
    let waits = |environment: &Environment| {
        environment
            .progress
            .branches()
            .status(Branch::Ingest)
            .is_some_and(|status| status.condition == Condition::Waiting)
    };
    running.wait_for("the outage", |environment| {
        waits(environment) || !environment.progress.branches().crashes().is_empty()
    });
    other.execute_batch("ROLLBACK").expect("it is let go of");
    let progress = running.environment.progress.clone();
    let summary = running.end().expect("it starts");
    assert!(summary.failures.is_empty() && summary.readings > 0, "{summary:?}");
    assert!(progress.branches().crashes().is_empty(), "{:?}", progress.branches().crashes());
}
