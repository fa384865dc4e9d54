//! Calls that hang: a branch that they keep from working ends, and leaves a bounded number of threads behind.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use isotherm::failure::{Failure, Kind};
use isotherm::pipeline::{Environment, run_trees};
use isotherm::proof::simulated::{SimulatedDisk, SimulatedLog};
use isotherm::supervision::Spawn;
use isotherm::supervision::actor::System;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::support::{Fixture, produce};

const MS: Duration = Duration::from_millis(1);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

thread_local! {
    /// Whether a call that is made now comes back within the test.
    static HANGS: Cell<bool> = const { Cell::new(false) };
}

/// Three reads of the source hang, and two restarts are granted.
fn source_hangs(more: &str) -> Failure {
    let fixture = Fixture::new()
        .set("faults.points=generator.next@2=hang,generator.next@3=hang,generator.next@4=hang")
        .set("supervision.restarts_max=2")
        .set("supervision.heartbeat_ms=500")
        .set("supervision.window_ms=1")
        .set(more);
    let failure = fixture.failure(produce());
    assert_eq!(failure.kind, Kind::Internal);
    assert!(failure.advice.is_some(), "{failure} has a way out");
    failure
}

#[test]
fn a_source_that_hangs_again_and_again_ends_its_branch() {
    let failure = source_hangs("supervision.healthy_ms=120000");
    let told = "ingest: generator died after 2 restarts, those of hangs counted until 120s pass without a death; hung: \
                reading the source on the thread isotherm-source takes ";
    assert!(failure.what.starts_with(told), "{failure}");
}

/// The budget is as new before each hang.
#[test]
fn threads_that_a_source_keeps_are_bounded() {
    let failure = source_hangs("supervision.healthy_ms=1");
    let told = "ingest: 3 of its threads hang; no further one is started; \
                reading the source on the thread isotherm-source takes ";
    assert!(failure.what.starts_with(told), "{failure}");
}

#[test]
fn a_log_that_hangs_ends_its_branch_with_the_default_settings() {
    System::in_virtual_time().block_on(async {
        let defaults = [
            "restarts_max=5",
            "window_ms=30000",
            "healthy_ms=120000",
            "heartbeat_ms=10000",
            "backoff_min_ms=100",
            "backoff_max_ms=10000",
        ];
        let fixture = Fixture::new().set("source.simulate.days=0").set("source.simulate.pace_ms=1000");
        let fixture = defaults.iter().fold(fixture, |fixture, set| fixture.set(format!("supervision.{set}")));
        let environment = Environment {
            spawn: Spawn::Inline { latency: || if HANGS.get() { YEAR } else { MS } },
            disk: Arc::new(SimulatedDisk::new(4096)),
            log: Arc::new(SimulatedLog::without_waiting("temperatures")),
            ..fixture.environment()
        };
        let progress = environment.progress.clone();
        let trees = tokio::task::spawn_local(run_trees(produce(), environment, Arc::new(watch::Sender::new(false))));
        let written = async {
            while progress.source().readings.get() == 0 {
                sleep(MS).await;
            }
        };
        timeout(YEAR, written).await.expect("readings are written");
        HANGS.set(true);
        let summary = timeout(3600 * 1000 * MS, trees).await.expect("it ends").expect("no panic").expect("it started");
        let [(branch, failure)] = summary.failures.as_slice() else { panic!("{summary:?}") };
        assert_eq!(branch, "ingest");
        let told = "ingest: producer died after 5 restarts, those of hangs counted until 120s pass without a death; hung: \
                    opening the log on the thread isotherm-produce takes ";
        assert!(failure.what.starts_with(told), "{failure}");
    });
}
