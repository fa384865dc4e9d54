//! How much is written at once, and that a slow source waits for nobody: generator and producer in virtual time.

use std::sync::Arc;
use std::time::Duration;

use isotherm::domain::RecordFormat;
use isotherm::ingest::{Generator, LookUp, SourceReader};
use isotherm::points::FaultPoints;
use isotherm::progress::Progress;
use isotherm::proof::simulated::SimulatedLog;
use isotherm::source::disk::MachineDisk;
use isotherm::supervision::actor::System;
use isotherm::supervision::{BranchSpec, Spawn, supervise};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::support::{Fixture, PARTITIONS};
use crate::toys::{address, child, ingest_job, outage, producer, worker};

/// A message is read in a millisecond.
const READS: Spawn = Spawn::Inline { latency: || Duration::from_millis(1) };

/// Lets the source be read and written for so long. Gives the readings that were acknowledged and the most that were
/// written at once.
fn acknowledged(fixture: Fixture, writes: Spawn, time: Duration) -> (u64, u64) {
    let fixture = Fixture { log: SimulatedLog::without_waiting("temperatures"), ..fixture };
    fixture.create_topic();
    let (settings, progress) = (fixture.settings(), Progress::new(&[]));
    let (produce, slot) = producer(ingest_job(&fixture), writes, progress.clone());
    let generate = child("generator", {
        let (progress, log) = (progress.clone(), Arc::new(fixture.log.clone()));
        move |life| {
            let look_up = LookUp::new(log.clone(), PARTITIONS, RecordFormat::Protobuf, progress.clone());
            let (source, faults) = (settings.source.clone(), FaultPoints::default());
            let reader = SourceReader::new(source, Arc::new(MachineDisk::default()), look_up, faults, progress.clone());
            let (worker, producer, produce) = (worker(READS, reader), address(&slot), settings.produce.clone());
            let generate = move |guard| Generator::new(guard, worker.into(), producer, outage(), &produce).generate();
            life.start_task(|| None, generate)
        }
    });
    let children = vec![produce, generate];
    let spec = BranchSpec { name: "ingest".to_owned(), children };
    let policy = fixture.environment().policy();
    System::in_virtual_time().block_on(async {
        let (_stop, asked) = watch::channel(false);
        tokio::select! {
            outcome = supervise(spec, policy, READS, 1, outage(), asked, |_| ()) => panic!("it ended: {outcome:?}"),
            () = sleep(time) => {}
        }
    });
    (progress.source().readings.get(), fixture.log.write_records_max() as u64)
}

#[test]
fn a_paced_source_waits_for_no_acknowledgement_while_there_is_room() {
    let paced = ["source.simulate.days=0", "source.simulate.stations=100", "source.simulate.pace_ms=8"];
    let fixture = paced.into_iter().fold(Fixture::new(), Fixture::set).set("produce.batch_records=1000");
    let writes = Spawn::Inline { latency: || Duration::from_millis(100) };
    let (acknowledged, at_once) = acknowledged(fixture, writes, Duration::from_secs(10));
    // 12,500 a second, but for the start and those on their way at the end. A round of acknowledgements is of 1,250.
    assert!(acknowledged > 110_000, "{acknowledged} of 125,000 readings were acknowledged");
    assert!((1_000..=8_000).contains(&at_once), "{at_once} readings were written at once");
}

#[test]
fn a_source_that_trickles_is_written_at_once_while_nothing_is_on_its_way() {
    let paced = ["source.simulate.days=0", "source.simulate.stations=1", "source.simulate.pace_ms=1000"];
    let fixture = paced.into_iter().fold(Fixture::new(), Fixture::set);
    let writes = Spawn::Inline { latency: || Duration::from_millis(100) };
    assert_eq!(acknowledged(fixture, writes, Duration::from_millis(9_500)), (10, 1));
}

#[test]
fn however_much_waits_a_group_is_bounded_in_bytes() {
    let many = ["source.simulate.days=0", "source.simulate.stations=1000", "source.simulate.pace_ms=0"];
    let fixture = many.into_iter().fold(Fixture::new(), Fixture::set);
    let fixture = fixture.set("produce.batch_records=20000").set("produce.in_flight_max=20");
    let writes = Spawn::Inline { latency: || Duration::from_secs(1) };
    let (acknowledged, at_once) = acknowledged(fixture, writes, Duration::from_millis(4_500));
    // Key and value of a reading of the first station; no other has a shorter name.
    let (reading_bytes, group_bytes_max) = (8 + 12 + 9 + 10, 4 << 20);
    assert!(at_once * reading_bytes <= group_bytes_max, "{at_once} readings were written at once");
    // The second group has what gathered while the first was on its way.
    assert!(at_once >= 80_000 && acknowledged > at_once, "{at_once} readings at once, {acknowledged} acknowledged");
}
