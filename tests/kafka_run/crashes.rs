//! Actors and processes are killed; the files must not tell.

use std::time::{Duration, Instant};

use rand::Rng as _;

use super::Fixture;
use super::broker::Broker;
use super::program::{results, wait_for};

#[test]
fn whichever_actor_of_a_partition_dies_the_files_are_those_of_an_undisturbed_run() {
    let Some(broker) = Broker::shared() else { return };
    let undisturbed = Fixture::new(broker);
    undisturbed.program().run_well(&["produce", "--set", "source.simulate.duplicates_share=0.01"]);
    undisturbed.program().run_well(&["consume", "--until-caught-up"]);
    let expected = results(undisturbed.folder.path());
    for point in ["consumer.read", "aggregator.apply", "aggregator.commit_reply", "writer.commit", "checkpoint.rename"]
    {
        let fixture = undisturbed.beside();
        let faults = format!("faults.points={point}@1=panic,{point}@3=panic");
        let output = fixture.program().set(faults).run(&["consume", "--until-caught-up"]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{point}: {told}");
        assert_eq!(told.matches("restarted").count(), 2, "{point}: each restart is one line: {told}");
        assert!(results(fixture.folder.path()) == expected, "{point}: the files differ");
    }
}

#[test]
fn whichever_actor_of_the_ingest_side_dies_every_reading_is_counted_once() {
    let Some(broker) = Broker::shared() else { return };
    let undisturbed = Fixture::new(broker);
    undisturbed.program().run_well(&["run"]);
    let expected = undisturbed.stations();
    for point in ["generator.next", "producer.send", "producer.acknowledge", "producer.cursor_commit"] {
        let fixture = Fixture::new(broker);
        let program = fixture.program().set("produce.batch_records=500");
        program.clone().set(format!("faults.points={point}@2=panic")).run_well(&["run"]);
        program.run_well(&["audit"]);
        let stations = fixture.stations();
        assert_eq!(stations.len(), expected.len(), "{point}");
        for (name, station) in &stations {
            for field in ["count", "start", "end"] {
                assert_eq!(station[field], expected[name][field], "{point}: {name}");
            }
            let (sum, exact) =
                (station["sum"].as_f64().expect("a sum"), expected[name]["sum"].as_f64().expect("a sum"));
            assert!((sum - exact).abs() <= 1e-9 * exact.abs(), "{point}: {name} has {sum}, not {exact}");
        }
    }
}

/// How often the process is killed in the quick form; `ISOTHERM_KILLS` says otherwise.
const KILLS: usize = 30;

#[test]
fn kill_minus_nine_at_random_moments_loses_and_repeats_nothing() {
    let Some(broker) = Broker::shared() else { return };
    let kills = std::env::var("ISOTHERM_KILLS").map_or(KILLS, |text| text.parse().expect("a number"));
    let fixture = Fixture::new(broker);
    // Without an end, so that no kill comes too late.
    let program = fixture
        .program()
        .set("source.simulate.stations=100")
        .set("source.simulate.days=0")
        .set("source.simulate.pace_ms=5");
    let mut random = rand::rng();
    for kill in 0..kills {
        let mut running = program.start(&["run"]);
        let time = Duration::from_millis(random.random_range(0..250));
        let begun = Instant::now();
        // Half of them at any moment, half after the files have moved.
        if kill % 2 == 1 {
            let before = results(fixture.folder.path());
            wait_for("a commit", || results(fixture.folder.path()) != before || running.ended().is_some());
        }
        wait_for("the moment", || begun.elapsed() >= time);
        assert!(running.ended().is_none(), "kill {kill}: it ended by itself");
        running.kill();
        if kill % 5 == 4 {
            program.run_well(&["audit"]);
        }
    }
    // A paced day is sent once the one before is acknowledged: the log has at most one that the cursor does not know of.
    let stored = std::fs::read(fixture.folder.path().join("source.json")).expect("a cursor was committed");
    let stored: serde_json::Value = serde_json::from_slice(&stored).expect("it is JSON");
    let days = stored["source"]["cursor"]["days"].as_u64().expect("a number") + 10;
    program.clone().set(format!("source.simulate.days={days}")).run_well(&["run"]);
    program.run_well(&["audit"]);
    let stations = fixture.stations();
    assert_eq!(stations.len(), 100);
    assert!(stations.values().all(|station| station["count"] == days), "each of {days} days once");
}

#[test]
fn a_broker_that_is_killed_and_comes_back_is_waited_for_and_said_once() {
    // Its own broker, which other tests do not need.
    let Some(broker) = Broker::start() else { return };
    let fixture = Fixture::new(&broker);
    let program = fixture
        .program()
        .set("source.simulate.stations=100")
        .set("source.simulate.days=500")
        .set("source.simulate.pace_ms=2")
        .set("log.kafka.client.message.timeout.ms=3000");
    let mut running = program.start(&["run"]);
    let stderr = running.stderr();
    wait_for("a commit", || results(fixture.folder.path()).len() >= 4);
    broker.kill();
    let mut told = String::new();
    while !told.contains("waiting until it works again") {
        told.push_str(&(stderr.next().expect("it goes on") + "\n"));
    }
    broker.restart();
    let output = running.output();
    told.extend(std::iter::from_fn(|| stderr.next()).map(|line| line + "\n"));
    assert!(output.status.success(), "{told}");
    let outages = told.matches("waiting until it works again").count();
    assert!((1..=5).contains(&outages), "{outages} times: {told}");
    assert_eq!(told.matches("works again").count() - outages, outages, "each ends: {told}");
    program.run_well(&["audit"]);
    assert_eq!(fixture.counted(), 50_000);
}
