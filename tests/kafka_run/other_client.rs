//! What isotherm writes is read by a client of another library, and the other way round. See `tests/kafka/other_client.py`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use super::broker::{Broker, skip};
use super::{Fixture, PARTITIONS};

/// Python with the package kafka-python, which `tests/run` installs below `target`.
pub fn python(arguments: &[&str]) -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("target/python/bin/python");
    if !python.exists() {
        skip(&format!("{} is missing; tests/run installs it", python.display()));
        return None;
    }
    let output = Command::new(python)
        .arg(root.join("tests/kafka/other_client.py"))
        .args(arguments)
        .output()
        .expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).expect("it is UTF-8"))
}

#[test]
fn another_clients_consumer_reads_the_same_stations_in_the_same_partitions() {
    let Some(broker) = Broker::shared() else { return };
    let fixture = Fixture::new(broker);
    fixture.program().run_well(&["run"]);
    let Some(read) = python(&["consume", &broker.brokers(), &fixture.topic]) else { return };
    // Lines `partition station count sum`.
    let theirs: BTreeMap<String, (u64, u64, f64)> = read
        .lines()
        .map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            let number = |at: usize| words[at].parse().expect("a number");
            (words[1].to_owned(), (number(0), number(2), words[3].parse().expect("a number")))
        })
        .collect();
    let ours = fixture.stations();
    assert_eq!(ours.len(), theirs.len());
    for (name, station) in ours {
        let (partition, count, sum) = theirs[&name];
        assert_eq!(station["partition"], partition, "{name}");
        assert_eq!(station["count"], count, "{name}");
        assert_eq!(station["sum"].as_f64().map(f64::to_bits), Some(sum.to_bits()), "{name}: the same additions");
    }
}

#[test]
fn another_clients_producer_is_counted_in_the_partitions_that_it_chose() {
    let Some(broker) = Broker::shared() else { return };
    let fixture = Fixture::new(broker);
    fixture.create_topic();
    let Some(written) = python(&["produce", &broker.brokers(), &fixture.topic, "300"]) else { return };
    fixture.program().run_well(&["consume", "--until-caught-up"]);
    let ours = fixture.stations();
    assert_eq!(ours.len(), written.lines().count());
    // Lines `partition station`.
    for line in written.lines() {
        let (partition, name) = line.split_once(' ').expect("two words");
        let partition: u64 = partition.parse().expect("a number");
        assert_eq!((&ours[name]["partition"], &ours[name]["count"]), (&partition.into(), &300.into()), "{name}");
        let expected = isotherm::log::partitioner::partition_of(name.as_bytes(), PARTITIONS);
        assert_eq!(u64::from(expected), partition, "{name}");
    }
    fixture.program().run_well(&["audit"]);
}
