//! More partitions than there are clients for reading.

use std::fs;

use super::watched::Watched;
use super::{Broker, Fixture, results};

/// Those for reading, and one for all else.
const CLIENTS_MAX: usize = 8 + 1;

/// Of librdkafka for each client: its own, and one for each of what it takes as brokers. Those are where it starts, the
/// broker, the group's coordinator, and none.
const THREADS_OF_A_CLIENT: usize = 5;

/// The threads of a process that are librdkafka's.
fn client_threads(pid: i32) -> usize {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("it runs");
    let name = |thread: std::io::Result<fs::DirEntry>| fs::read_to_string(thread.ok()?.path().join("comm")).ok();
    threads.filter_map(name).filter(|name| name.starts_with("rdk:")).count()
}

#[test]
fn many_partitions_are_read_by_few_clients() {
    let Some(broker) = Broker::shared() else { return };
    let fixture = Fixture::new(broker).set("log.partitions=64");
    let fixture = fixture.set("source.simulate.stations=1000").set("source.simulate.days=10");
    fixture.elsewhere().create_topic(64, &[]);
    fixture.program().run_well(&["produce"]);
    let mut consume = Watched::start(&fixture.program(), &["consume"]);
    consume.wait_for("a file of each partition", |_| results(fixture.folder.path()).len() == 64);
    let threads = client_threads(consume.pid());
    assert!((CLIENTS_MAX..=CLIENTS_MAX * THREADS_OF_A_CLIENT).contains(&threads), "{threads}: {}", consume.told());
    consume.signal(libc::SIGTERM);
    consume.end(0);
    fixture.program().run_well(&["consume", "--until-caught-up"]);
    assert_eq!(fixture.counted(), 10_000);
    fixture.assert_undisturbed("64 partitions");
}
