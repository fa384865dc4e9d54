//! Many crashes in one run, and branches that fail for good. What each single fault does is in `tests/faults`.

use isotherm::failure::Kind;
use isotherm::pipeline::{End, Job};
use isotherm::points::PointKind;
use isotherm::points::registry::POINTS;

use crate::states;
use crate::support::{Fixture, consume, consume_only, produce, run};

#[test]
fn many_crashes_in_one_run_change_nothing() {
    let undisturbed = Fixture::with_records(150);
    undisturbed.run_well(consume());
    let supervised = POINTS.iter().filter(|(_, place)| !matches!(place, PointKind::Start | PointKind::Restart));
    let points: Vec<String> = supervised.map(|(point, _)| format!("{point}@3=panic")).collect();
    let fixture =
        undisturbed.beside().set(format!("faults.points={}", points.join(","))).set("supervision.restarts_max=100");
    let running = fixture.start(consume());
    let faults = running.environment.faults.clone();
    let summary = running.end().expect("it starts");
    assert!(summary.failures.is_empty(), "{summary:?}");
    assert!(faults.fired().len() > 10, "{:?}", faults.fired());
    assert!(fixture.results() == undisturbed.results());
}

#[test]
fn what_a_seed_draws_is_survived_without_help() {
    let undisturbed = Fixture::new();
    undisturbed.run_well(run());
    let expected = states(&undisturbed);
    let mut fired = 0;
    for seed in 1..=30 {
        let fixture = Fixture::new().set(format!("faults.seed={seed}")).set("supervision.restarts_max=5");
        let running = fixture.start(run());
        let faults = running.environment.faults.clone();
        let summary = running.end().expect("it starts");
        assert!(summary.failures.is_empty(), "seed {seed}: {summary:?}");
        fired += faults.fired().len();
        for (partition, state) in states(&fixture) {
            assert!(state.stations == expected[&partition].stations, "seed {seed}, partition {partition}");
        }
    }
    println!("{fired} faults in 30 runs");
    assert!(fired > 60, "{fired}");
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
        partition.end.get() > 0 && partition.lag() == 0
    });
    running.stop.send_replace(true);
    let summary = running.end().expect("it started");
    assert!(summary.laggards.is_empty(), "{summary:?}");
    let [(branch, failure)] = summary.failures.as_slice() else { panic!("{summary:?}") };
    assert_eq!(branch, "partition 0");
    assert!(failure.what.contains("checkpoint writer died while it drained"), "{failure}");
}
