//! What happens to a topic between and under runs.

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;

use super::Fixture;
use super::broker::Broker;
use super::program::{results, wait_for};

fn admin(broker: &Broker) -> AdminClient<DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", broker.brokers()).create().expect("an admin client")
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

fn with_results(broker: &Broker) -> Fixture {
    let fixture = Fixture::new(broker);
    fixture.program().run_well(&["run"]);
    fixture
}

#[test]
fn a_topic_that_is_made_again_between_two_runs_is_not_counted() {
    let Some(broker) = Broker::shared() else { return };
    let fixture = with_results(broker);
    fixture.recreate_topic();
    let before = results(fixture.folder.path());
    let said = fixture.program().run_failing(&["consume", "--until-caught-up"], 65);
    assert!(said.contains("rebuild"), "{said}");
    let said = fixture.program().run_failing(&["produce"], 65);
    assert!(said.contains("recreate"), "{said}");
    assert!(results(fixture.folder.path()) == before, "nothing was written");

    // The way out that the message names.
    fixture.program().set("log.on_start=recreate").run_well(&["run"]);
    assert_eq!(fixture.counted(), 10_000);
}

#[test]
fn a_topic_that_is_made_again_under_the_running_consumer_is_not_counted() {
    let Some(broker) = Broker::shared() else { return };
    let fixture = with_results(broker);
    let before = results(fixture.folder.path());
    let running = fixture.program().set("supervision.on_branch_failure=exit").start(&["consume", "0"]);
    wait_for("the lock", || fixture.folder.path().join("partition-0.lock").exists());
    fixture.recreate_topic();
    // Another state folder: the new topic is filled by another producer, beyond our offset.
    let other = fixture.beside();
    other.program().set("source.simulate.seed=9").set("source.simulate.days=3000").run_well(&["produce"]);
    let output = running.output();
    assert_eq!(output.status.code(), Some(65), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(results(fixture.folder.path()) == before, "nothing was written");
}

#[test]
fn a_topic_that_is_made_again_under_the_running_producer_is_noticed() {
    let Some(broker) = Broker::shared() else { return };
    let fixture = Fixture::new(broker);
    let program = fixture.program().set("source.simulate.days=0").set("source.simulate.pace_ms=5");
    let running = program.clone().set("supervision.on_branch_failure=exit").start(&["produce"]);
    let cursor = fixture.folder.path().join("source.json");
    wait_for("a cursor", || cursor.exists());
    fixture.recreate_topic();
    let output = running.output();
    assert_eq!(output.status.code(), Some(65), "{}", String::from_utf8_lossy(&output.stderr));
    program.run_failing(&["produce"], 65);
}

#[test]
fn added_partitions_are_refused_on_both_sides() {
    let Some(broker) = Broker::shared() else { return };
    let fixture = with_results(broker);
    let before = results(fixture.folder.path());
    let grown = NewPartitions::new(&fixture.topic, 6);
    wait(admin(broker).create_partitions([&grown], &AdminOptions::new())).expect("it is answered");
    wait_for("six partitions", || {
        fixture.log().topic().expect("it is answered").is_some_and(|topic| topic.partitions == 6)
    });
    for verb in [&["consume", "--until-caught-up"][..], &["produce"]] {
        let said = fixture.program().run_failing(verb, 78);
        assert!(said.contains("6 partitions") && said.contains("log.partitions is 4"), "{said}");
    }
    assert!(results(fixture.folder.path()) == before, "nothing was written");
}

#[test]
fn a_compacted_topic_is_refused_unless_it_is_accepted() {
    let Some(broker) = Broker::shared() else { return };
    let fixture = Fixture::new(broker);
    let topic = NewTopic::new(&fixture.topic, 4, TopicReplication::Fixed(1)).set("cleanup.policy", "compact");
    wait(admin(broker).create_topics([&topic], &AdminOptions::new())).expect("it is answered");
    wait_for("the topic", || fixture.log().topic().expect("it is answered").is_some());
    let said = fixture.program().run_failing(&["run"], 78);
    assert!(said.contains("compact") && said.contains("log.allow_compaction"), "{said}");
    fixture.program().set("log.allow_compaction=true").run_well(&["run"]);
    assert_eq!(fixture.counted(), 10_000);
}

#[test]
fn records_deleted_before_they_were_counted_are_a_gap_that_must_be_accepted() {
    let Some(broker) = Broker::shared() else { return };
    let fixture = with_results(broker);
    let longer = fixture.program().set("source.simulate.days=2000");
    longer.run_well(&["produce"]);
    let end = fixture.log().extent(0).expect("it is there").end;
    let mut until = rdkafka::TopicPartitionList::new();
    until.add_partition_offset(&fixture.topic, 0, rdkafka::Offset::Offset(end as i64 - 10)).expect("an offset");
    wait(admin(broker).delete_records(&until, &AdminOptions::new())).expect("they are deleted");
    let before = results(fixture.folder.path());
    let said = fixture.program().run_failing(&["consume", "0", "--until-caught-up"], 65);
    assert!(said.contains("--accept-gap"), "{said}");
    assert!(results(fixture.folder.path()) == before, "nothing was written");
    fixture.program().run_well(&["consume", "0", "--until-caught-up", "--accept-gap"]);
    fixture.program().run_failing(&["audit", "0"], 65);
}

#[test]
fn two_processes_on_one_state_folder_and_the_second_is_told_who_has_it() {
    let Some(broker) = Broker::shared() else { return };
    let fixture = with_results(broker);
    let running = fixture.program().start(&["consume"]);
    let lock = fixture.folder.path().join("partition-3.lock");
    let pid = running.pid().to_string();
    wait_for("the lock", || std::fs::read_to_string(&lock).is_ok_and(|text| text.contains(&pid)));
    let said = fixture.program().run_failing(&["consume", "3"], 75);
    assert!(said.contains(&pid), "{said}");
    running.signal(libc::SIGTERM);
    assert!(running.output().status.success(), "SIGTERM drains");
}
