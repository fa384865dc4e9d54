//! A log that makes others wait, but works: nothing is taken for hung.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use isotherm::log::TopicSpec;
use isotherm::observe::Condition;
use isotherm::observe::events::Branch;
use isotherm::pipeline::{End, Environment, Job};
use isotherm::settings::LogKind;

use crate::around::{AroundLog, Call};
use crate::states;
use crate::support::{Fixture, Running, consume_only, produce};

/// Runs the job, in which nothing may die.
fn run_without_a_death(job: Job, environment: Environment) {
    let running = Running::start(job, environment);
    let progress = running.environment.progress.clone();
    let summary = running.end().expect("it starts");
    assert!(summary.failures.is_empty() && summary.laggards.is_empty(), "{summary:?}");
    assert!(progress.branches().crashes().is_empty(), "{:?}", progress.branches().crashes());
}

#[test]
fn an_earlier_reader_is_gone_before_another_is_opened() {
    let fixture = Fixture::with_records(20);
    fixture.run_well(consume_only(0));
    let lacks = states(&fixture)[&0].last_record.as_ref().map(|last| last.offset);
    fixture.write(20..40);
    let mut log = AroundLog::new(Arc::new(fixture.log.clone()), |_| ());
    log.lacks = lacks;
    let readers = log.readers.clone();
    run_without_a_death(consume_only(0), Environment { log: Arc::new(log), ..fixture.environment() });
    assert_eq!((readers.0.load(SeqCst), readers.1.load(SeqCst)), (0, 1), "alive now, and at once");
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
    let log = AroundLog::new(real.log.clone(), move |call| {
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
        environment.progress.branches().condition(Branch::Ingest).is_some_and(|(now, _)| now == Condition::Waiting)
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
