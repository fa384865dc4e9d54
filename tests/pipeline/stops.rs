//! Every stop of the recovery table: what is refused, in which words, and that nothing is written then.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use isotherm::failure::{Failure, Kind};
use isotherm::log::{Extent, RecordLog};
use isotherm::pipeline::{End, Environment, Job, run_trees};
use isotherm::progress::Branch;
use isotherm::proof::simulated::{DiskFault, SimulatedDisk, SimulatedLog};
use isotherm::supervision::Spawn;
use isotherm::supervision::actor::System;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::over::OverLog;
use crate::states;
use crate::support::{Fixture, Running, consume, consume_only, produce, run};

fn with_results(days: u32) -> Fixture {
    let fixture = Fixture::with_records(days);
    fixture.run_well(consume());
    fixture
}

/// The job stops for this reason, and the files stay as they are.
fn refused(fixture: &Fixture, job: Job, said: &[&str]) -> Failure {
    let before = fixture.results();
    let failure = fixture.failure(job);
    for part in said {
        assert!(failure.to_string().contains(part), "{failure}");
    }
    assert!(failure.advice.is_some(), "{failure} has a way out");
    assert!(fixture.results() == before, "nothing was written");
    failure
}

#[test]
fn a_topic_that_was_made_again_between_two_runs() {
    let fixture = with_results(20);
    fixture.log.recreate();
    fixture.write(0..20);
    let failure = refused(&fixture, consume_only(0), &["partition-0.json", "rebuild 0"]);
    assert_eq!(failure.kind, Kind::Data);
}

#[test]
fn a_topic_that_is_made_again_under_the_running_consumer() {
    let fixture = Fixture::with_records(30);
    let running = fixture.start(Job { end: End::AtSignal, ..consume_only(0) });
    running.wait_for("a commit", |environment| {
        let partition = environment.progress.partition(0);
        partition.lag() == 0 && partition.end.get() > 0 && partition.committed.get() == partition.position.get()
    });
    let before = fixture.results();
    fixture.log.recreate();
    fixture.write(0..300);
    running.wait_for("the stop", |environment| {
        environment.progress.branches().failures(|branch| branch == Branch::Partition(0)) > 0
    });
    running.stop.send_replace(true);
    let summary = running.end().expect("it started");
    assert_eq!(summary.failures.len(), 1, "{summary:?}");
    assert!(fixture.results() == before, "nothing was written");
}

#[test]
fn a_topic_that_is_made_again_under_the_running_producer() {
    let fixture = Fixture::new().set("source.simulate.days=0").set("source.simulate.pace_ms=1");
    let running = fixture.start(produce());
    running.wait_for("readings", |environment| environment.progress.source().readings.get() > 100);
    fixture.log.recreate();
    running.wait_for("the stop", |environment| {
        environment.progress.branches().failures(|branch| branch == Branch::Ingest) > 0
    });
    running.stop.send_replace(true);
    let summary = running.end().expect("it started");
    assert_eq!(summary.failures.len(), 1, "{summary:?}");
    let failure = fixture.failure(produce());
    assert!(failure.what.contains("id"), "{failure}");
}

#[test]
fn a_topic_that_is_deleted_under_a_run_of_everything_ends_it() {
    // Of a finite source: once that has failed, the partitions would be given the topic's ends as their goals.
    let fixture = Fixture::new().set("source.simulate.days=100000").set("source.simulate.pace_ms=1");
    let running = fixture.start(run());
    running.wait_for("a commit", |environment| environment.progress.partition(0).committed.get() > 0);
    fixture.log.delete_topic().expect("it can be deleted");
    let summary = running.end().expect("it started");
    assert_eq!(summary.failures.len(), 5, "{summary:?}");
}

#[test]
fn a_log_that_ends_before_the_offset() {
    let fixture = with_results(20);
    let offset = states(&fixture)[&0].next_offset;
    fixture.log.truncate(0, offset - 5);
    refused(&fixture, consume_only(0), &[&format!("before our offset {offset}"), "rebuild 0"]);
}

#[test]
fn a_log_that_starts_after_the_offset_and_the_way_on() {
    let fixture = with_results(20);
    let offset = states(&fixture)[&0].next_offset;
    fixture.write(20..60);
    fixture.log.raise_start(0, offset + 7);
    let said = [format!("starts at offset {}", offset + 7), format!("after our offset {offset}")];
    refused(&fixture, consume_only(0), &[&said[0], &said[1], "--accept-gap"]);

    fixture.run_well(Job { accept_gap: true, ..consume_only(0) });
    let state = states(&fixture).remove(&0).expect("its file is there");
    assert_eq!(state.gaps.iter().map(|gap| (gap.from, gap.to)).collect::<Vec<_>>(), [(offset, offset + 7)]);
    assert_eq!(state.next_offset, fixture.log.extent(0).expect("it is there").end);
    fixture.run_well(consume_only(0));
}

#[test]
fn the_last_record_is_gone_but_not_the_offset() {
    let fixture = with_results(20);
    let offset = states(&fixture)[&0].next_offset;
    fixture.log.raise_start(0, offset);
    fixture.write(20..40);
    fixture.run_well(consume_only(0));
    assert!(states(&fixture)[&0].next_offset > offset);
}

#[test]
fn other_rules_and_another_partition_count() {
    let fixture = with_results(20).set("quality.degrees_max=99");
    refused(&fixture, consume_only(0), &["degrees_max", "rebuild 0"]);

    let fixture = with_results(20);
    fixture.log.add_partitions(2);
    let failure = fixture.run(consume()).map(drop).expect_err("it does not start");
    assert!(failure.what.contains("6 partitions"), "{failure}");
    let failure = fixture.run(produce()).map(drop).expect_err("it does not start");
    assert!(failure.what.contains("6 partitions"), "{failure}");
}

#[test]
fn two_processes_on_one_state_folder() {
    let fixture = Fixture::with_records(20);
    let running = fixture.start(Job { end: End::AtSignal, ..consume() });
    running.wait_for("a commit", |environment| environment.progress.partition(0).committed.get() > 0);
    let failure = fixture.run(consume_only(1)).map(drop).expect_err("it is locked");
    assert_eq!(failure.kind, Kind::TryAgain);
    assert!(failure.what.contains(&std::process::id().to_string()), "{failure}");
    running.stop.send_replace(true);
    running.end().expect("it ran");
}

#[test]
fn a_state_folder_of_another_source_or_topic() {
    let fixture = Fixture::new();
    fixture.run_well(run());
    let other_source = Fixture { sets: vec!["source.simulate.seed=2".to_owned()], ..fixture };
    refused(&other_source, produce(), &["parameters", "\"seed\":1", "\"seed\":2"]);
    let other_topic =
        Fixture { sets: vec!["log.topic=other".to_owned()], log: SimulatedLog::new("other"), ..other_source };
    refused(&other_topic, produce(), &["log.topic was temperatures, and is other"]);
    refused(&other_topic, consume_only(0), &["temperatures", "other"]);
}

#[test]
fn a_log_that_lost_what_was_acknowledged() {
    let fixture = Fixture::new();
    fixture.run_well(produce());
    let end = fixture.log.extent(0).expect("it is there").end;
    fixture.log.truncate(0, end - 3);
    let failure = fixture.failure(produce());
    assert!(failure.what.contains("3 are gone"), "{failure}");
}

/// A log whose end is not what it seems to be. `hidden`: records that readers do not see yet, as they do where an open
/// transaction of another producer lies before them. `late_answers`: in which the log says less than it has, as a new leader
/// may.
fn behind(log: &SimulatedLog, hidden: u64, late_answers: usize) -> OverLog {
    let late_answers = AtomicUsize::new(late_answers);
    OverLog {
        extent: Box::new(move |log, partition| {
            let Extent { start, end } = log.extent(partition)?;
            Ok(Extent { start, end: end.saturating_sub(hidden) })
        }),
        high_watermarks: Box::new(move |log, partitions| {
            let ends = log.high_watermarks(partitions)?;
            let late = late_answers.fetch_update(Relaxed, Relaxed, |late| late.checked_sub(1)).is_ok();
            Ok(ends.into_iter().map(|end| if late { end - 1 } else { end }).collect())
        }),
        ..OverLog::new(Arc::new(log.clone()))
    }
}

#[test]
fn a_log_that_only_seems_to_have_lost_what_was_acknowledged_is_written_on() {
    for (hidden, late_answers) in [(5, 0), (0, 5)] {
        let fixture = Fixture::new();
        fixture.run_well(produce());
        let sets = ["source.simulate.days=130", "produce.skip_hidden=true"].map(str::to_owned).to_vec();
        let longer = Fixture { sets, ..fixture };
        let log = behind(&longer.log, hidden, late_answers);
        let environment = Environment { log: Arc::new(log), ..longer.environment() };
        let summary = Running::start(produce(), environment).end().expect("it starts");
        assert!(summary.failures.is_empty(), "{summary:?}");
        assert_eq!(summary.readings, 100, "ten days of ten stations are left");
    }
}

#[test]
fn a_source_that_has_ended_and_is_not_seen_is_no_success() {
    let fixture = Fixture { log: SimulatedLog::without_waiting("temperatures"), ..Fixture::new() };
    let environment = Environment {
        log: Arc::new(behind(&fixture.log, 5, 0)),
        disk: Arc::new(SimulatedDisk::new(4096)),
        spawn: Spawn::Inline { latency: || Duration::from_millis(1) },
        ..fixture.environment()
    };
    let stop = Arc::new(watch::Sender::new(false));
    let trees = async { (run_trees(produce(), environment, stop).await, Instant::now()) };
    let system = System::in_virtual_time();
    let begun = system.block_on(async { Instant::now() });
    let (summary, ended) = system.block_on(trees);
    let summary = summary.expect("it starts");
    let [(_, failure)] = &summary.failures[..] else { panic!("{summary:?}") };
    assert!(failure.kind == Kind::TryAgain && failure.what.contains("can be read up to offset"), "{failure}");
    let waited = ended - begun;
    assert!((Duration::from_secs(60)..Duration::from_secs(70)).contains(&waited), "{waited:?}");
}

#[test]
fn recreate_starts_over_and_keeps_the_old_state_aside() {
    let fixture = Fixture::new();
    fixture.run_well(run());
    let recreate = Fixture { sets: vec!["log.on_start=recreate".to_owned()], ..fixture };
    assert_eq!(recreate.run_well(run()).readings, 1200);
    let counted: u64 = states(&recreate).values().map(isotherm::domain::PartitionState::counted).sum();
    assert_eq!(counted, 1200);
    let aside = std::fs::read_dir(recreate.folder.path()).expect("the folder is there");
    assert!(aside.filter_map(Result::ok).any(|entry| entry.path().is_dir()), "the old state is kept");
}

#[test]
fn a_full_disk_is_waited_for_from_the_start() {
    let fixture = Fixture::with_records(20);
    let disk = SimulatedDisk::new(512);
    disk.fail(0..3, DiskFault::Error(std::io::ErrorKind::StorageFull));
    let environment = Environment { disk: Arc::new(disk.clone()), ..fixture.environment() };
    let summary = Running::start(consume(), environment).end().expect("it waits for room");
    assert!(summary.failures.is_empty() && summary.laggards.is_empty(), "{summary:?}");
    assert!(disk.operations() > 3 && disk.files().keys().any(|path| path.ends_with("partition-0.json")));
}

#[test]
fn a_missing_topic_ends_a_job_that_would_catch_up_with_it() {
    let failure = Fixture::new().run(consume()).map(drop).expect_err("there is none");
    assert_eq!(failure.kind, Kind::Unavailable);
}
