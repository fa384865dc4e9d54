//! Actors die; the files must not tell.

use super::Fixture;
use super::broker::Broker;
use super::program::results;

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
