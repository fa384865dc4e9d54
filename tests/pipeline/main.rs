//! The whole pipeline in one process, over the memory log: crashes of every actor, and every stop.

mod around;
mod crashes;
mod ends;
mod gathering;
mod group;
mod hangs;
mod order;
#[path = "../support/over.rs"]
mod over;
mod pace;
mod slow;
mod stops;
mod support;
mod toys;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::Arc;

use isotherm::domain::PartitionState;
use isotherm::partition::format::parse;
use isotherm::partition::partition_path;
use isotherm::pipeline::Environment;
use isotherm::proof::simulated::{DiskFault, SimulatedDisk};
use support::{Fixture, Running, consume, consume_only, run};

/// The states on disk, by partition.
fn states(fixture: &Fixture) -> BTreeMap<u32, PartitionState> {
    let files = fixture.results().into_iter().filter(|(name, _)| name.ends_with(".json"));
    files
        .map(|(name, bytes)| {
            let checkpoint = parse(&name, &bytes).expect("the file is whole");
            (checkpoint.identity.partition, checkpoint.state)
        })
        .collect()
}

#[test]
fn everything_that_is_in_the_log_is_counted_or_rejected() {
    let fixture = Fixture::with_records(200);
    fixture.run_well(consume());
    let states = states(&fixture);
    assert_eq!(states.len(), 4);
    let sum = |count: fn(&PartitionState) -> u64| states.values().map(count).sum::<u64>();
    assert_eq!(sum(PartitionState::counted), 2000);
    assert_eq!(sum(PartitionState::rejected_total), 3 * 54);
    for state in states.values() {
        for station in state.stations.values() {
            assert_eq!((station.count(), station.start.number(), station.end.number()), (200, 730_000, 730_199));
        }
    }
}

#[test]
fn a_second_run_goes_on_and_leaves_the_files_as_one_run_would() {
    let fixture = Fixture::with_records(50);
    fixture.run_well(consume());
    let first = fixture.results();
    fixture.run_well(consume());
    assert_eq!(fixture.results(), first, "nothing new, nothing changed");
    fixture.write(50..90);
    fixture.run_well(consume());
    let whole = fixture.beside();
    whole.run_well(consume());
    assert_eq!(fixture.results(), whole.results());
}

#[test]
fn a_source_is_written_and_counted_to_its_end_and_a_second_run_has_nothing_to_do() {
    let fixture = Fixture::new();
    assert_eq!(fixture.run_well(run()).readings, 1200);
    let counted: u64 = states(&fixture).values().map(PartitionState::counted).sum();
    assert_eq!(counted, 1200);
    let first = fixture.results();
    assert_eq!(fixture.run_well(run()).readings, 0);
    assert_eq!(fixture.results(), first);
}

#[test]
fn only_the_partitions_that_were_asked_for_are_counted() {
    let fixture = Fixture::with_records(20);
    fixture.run_well(consume_only(2));
    assert_eq!(fixture.results().into_keys().filter(|name| name.ends_with(".json")).count(), 1);
    assert!(fixture.path("partition-2.json").exists());
}

#[test]
fn a_signal_drains_and_everything_that_was_applied_is_on_disk() {
    let fixture = Fixture::with_records(100).set("consume.commit_interval_ms=3600000");
    let running = fixture.start(isotherm::pipeline::Job { end: isotherm::pipeline::End::AtSignal, ..consume() });
    running.wait_for("every record", |environment| {
        environment.progress.partitions().all(|(_, partition)| partition.end.get() > 0 && partition.lag() == 0)
    });
    running.stop.send_replace(true);
    let summary = running.end().expect("it ran");
    assert!(summary.failures.is_empty() && summary.laggards.is_empty(), "{summary:?}");
    let whole = fixture.beside();
    whole.run_well(consume());
    assert_eq!(fixture.results(), whole.results());
}

#[test]
fn a_disk_that_is_full_at_the_start_is_waited_for() {
    let fixture = Fixture::with_records(20);
    let disk = SimulatedDisk::new(4096);
    disk.fail(0..3, DiskFault::Error(ErrorKind::StorageFull));
    let environment = Environment { disk: Arc::new(disk.clone()), ..fixture.environment() };
    let summary = Running::start(consume(), environment).end().expect("it starts once there is room");
    assert!(summary.failures.is_empty(), "{summary:?}");
    let names = |number| partition_path(fixture.folder.path(), number);
    assert!((0..4).all(|number| disk.files().contains_key(&names(number))));
}
