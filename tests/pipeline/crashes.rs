//! Each actor is killed in the middle of its work; the files must not tell.

use isotherm::faults::Kind;
use isotherm::pipeline::{End, Job};

use crate::states;
use crate::support::{Fixture, consume, consume_only, produce, run};

/// Every point of the partition branch, and what can happen there without help from outside.
const PARTITION_POINTS: [&str; 11] = [
    "consumer.start",
    "consumer.read",
    "aggregator.apply",
    "aggregator.snapshot",
    "aggregator.commit_reply",
    "writer.commit",
    "checkpoint.append",
    "checkpoint.write",
    "checkpoint.fsync",
    "checkpoint.rename",
    "checkpoint.fsync_folder",
];

#[test]
fn whichever_actor_of_a_partition_dies_the_files_are_those_of_an_undisturbed_run() {
    let undisturbed = Fixture::with_records(150);
    undisturbed.run_well(consume());
    for point in PARTITION_POINTS {
        // Four partitions: everything happens four times at the least.
        for hit in [1, 2, 4] {
            for action in ["panic", "retryable"] {
                let fault = format!("{point}@{hit}={action}");
                let fixture = undisturbed.beside().set(format!("faults.points={fault}"));
                let running = fixture.start(consume());
                let faults = running.environment.faults.clone();
                let summary = running.end().expect("it starts");
                assert!(summary.failures.is_empty(), "{fault}: {summary:?}");
                assert_eq!(faults.fired().len(), 1, "{fault} happened");
                assert!(fixture.results() == undisturbed.results(), "{fault}: the files differ");
            }
        }
    }
}

#[test]
fn many_crashes_in_one_run_change_nothing() {
    let undisturbed = Fixture::with_records(150);
    undisturbed.run_well(consume());
    let points = PARTITION_POINTS.map(|point| format!("{point}@3=panic"));
    let fixture = undisturbed
        .beside()
        .set(format!("faults.points=checkpoint.recover@2=panic,{}", points.join(",")))
        .set("supervision.restarts_max=100");
    fixture.run_well(consume());
    assert!(fixture.results() == undisturbed.results());
}

#[test]
fn whichever_actor_of_the_ingest_side_dies_every_reading_is_counted_once() {
    let undisturbed = Fixture::new();
    undisturbed.run_well(run());
    for point in ["generator.next", "producer.send", "producer.acknowledge", "producer.cursor_commit"] {
        for hit in [1, 3] {
            for action in ["panic", "retryable"] {
                let fault = format!("{point}@{hit}={action}");
                let fixture = Fixture::new().set(format!("faults.points={fault}"));
                let summary = fixture.run_well(run());
                assert!(summary.readings >= 1200 - 5 * 40, "{fault}: {} acknowledged", summary.readings);
                let (here, there) = (states(&fixture), states(&undisturbed));
                for (partition, state) in &here {
                    let other = &there[partition];
                    assert_eq!(state.stations.len(), other.stations.len(), "{fault}");
                    for (station, stats) in &state.stations {
                        // Readings come in the source's order whatever is sent again, so even the bits are the same.
                        assert_eq!(stats, &other.stations[station], "{fault}: {station}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_hang_is_noticed_and_the_branch_goes_on_without_the_hung_thread() {
    let undisturbed = Fixture::with_records(50);
    undisturbed.run_well(consume());
    for point in ["consumer.read", "aggregator.apply"] {
        let fixture =
            undisturbed.beside().set(format!("faults.points={point}@2=hang")).set("supervision.heartbeat_ms=300");
        fixture.run_well(consume());
        assert!(fixture.results() == undisturbed.results(), "{point}");
    }
}

#[test]
fn a_partition_that_fails_for_good_leaves_the_others_counting() {
    let fixture = Fixture::with_records(50)
        .set("supervision.restarts_max=2")
        .set("faults.points=aggregator.apply@1=panic,aggregator.apply@2=panic,aggregator.apply@3=panic,aggregator.apply@4=panic,aggregator.apply@5=panic,aggregator.apply@6=panic,aggregator.apply@7=panic,aggregator.apply@8=panic,aggregator.apply@9=panic")
        .set("consume.partitions=0");
    let alone = Job { partitions: vec![0], ..consume() };
    let failure = fixture.failure(alone);
    assert_eq!(failure.kind, Kind::Internal);
    assert!(failure.what.contains("aggregator"), "{failure}");

    let fixture = Fixture::with_records(50).set("faults.points=consumer.read@1=fatal");
    let summary = fixture.run(consume()).expect("it starts");
    assert_eq!(summary.failures.len(), 1, "{summary:?}");
    let finished = states(&fixture).len();
    assert!(finished >= 3, "{finished} partitions have files");
}

#[test]
fn where_the_settings_say_so_one_failed_branch_stops_all() {
    let fixture =
        Fixture::with_records(50).set("faults.points=consumer.read@1=fatal").set("supervision.on_branch_failure=exit");
    let summary = fixture.run(Job { end: End::AtSignal, ..consume() }).expect("it starts");
    assert_eq!(summary.failures.len(), 1, "{summary:?}");
}

#[test]
fn a_producer_that_fails_for_good_leaves_what_was_written_counted() {
    let fixture = Fixture::new().set("faults.points=producer.send@3=fatal");
    let summary = fixture.run(run()).expect("it starts");
    assert_eq!(summary.failures.len(), 1, "{summary:?}");
    let counted: u64 = states(&fixture).values().map(isotherm::domain::PartitionState::counted).sum();
    assert_eq!(counted, summary.readings);
    // The next run sends the rest.
    let rest = Fixture { sets: Vec::new(), ..fixture };
    assert_eq!(rest.run_well(run()).readings + summary.readings, 1200);
    assert_eq!(rest.run_well(produce()).readings, 0);
}

#[test]
fn a_writer_that_dies_during_the_last_commit_is_named_and_nobody_waits_for_it_in_vain() {
    let fixture =
        Fixture::with_records(50).set("consume.commit_interval_ms=3600000").set("faults.points=writer.commit@1=panic");
    let running = fixture.start(Job { end: End::AtSignal, ..consume_only(0) });
    running.wait_for("every record", |environment| {
        let partition = environment.progress.partition(0);
        partition.end() > 0 && partition.lag() == 0
    });
    running.stop.send_replace(true);
    let summary = running.end().expect("it started");
    assert!(summary.laggards.is_empty(), "{summary:?}");
    let [(branch, failure)] = summary.failures.as_slice() else { panic!("{summary:?}") };
    assert_eq!(branch, "partition 0");
    assert!(failure.what.contains("checkpoint writer died while it drained"), "{failure}");
}
