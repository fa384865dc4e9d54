//! Topics: made, found, deleted.

use isotherm::failure::{Kind, Severity};
use isotherm::log::{RecordLog, TopicSpec};

use crate::broker::Broker;
use crate::elsewhere::Elsewhere;
use crate::owned::WriteOwned as _;
use crate::support::*;

#[test]
fn a_topic_of_ours_is_described_with_its_id() {
    let Some(broker) = Broker::shared() else { return };
    let name = broker.fresh_topic();
    let log = open(&broker.brokers(), &name);
    assert_eq!(log.topic().unwrap(), None);
    assert_eq!(log.log_id().unwrap(), None, "asking does not create it");
    let topic = log.create_topic(&spec(3)).unwrap();
    assert_eq!((topic.partitions, topic.compacted, &topic.warning), (3, false, &None));
    assert_eq!(topic.log_id.len(), 22, "{}", topic.log_id);
    assert_eq!(log.log_id().unwrap(), Some(topic.log_id.clone()));
    let failure = log.create_topic(&spec(3)).unwrap_err();
    assert!(failure.is_retryable() && failure.what.contains(&name), "{failure}");
}

#[test]
fn what_deletes_records_is_seen() {
    let Some(broker) = Broker::shared() else { return };
    let brokers = broker.brokers();
    let described = |config: &[(&str, &str)]| {
        let name = broker.fresh_topic();
        Elsewhere::new(&brokers, &name).create_topic(5, config);
        open(&brokers, &name).topic().unwrap().expect("it was just created")
    };
    let usual = described(&[]);
    assert_eq!(usual.partitions, 5);
    assert!(!usual.compacted && usual.warning.as_deref().is_some_and(|it| it.contains("retention.ms is 604800000")));
    let sized = described(&[("retention.ms", "-1"), ("retention.bytes", "1000000")]);
    assert!(sized.warning.as_deref().is_some_and(|it| it.ends_with("retention.bytes is 1000000")), "{sized:?}");
    let compacted = described(&[("cleanup.policy", "compact")]);
    assert!(compacted.compacted && compacted.warning.is_none(), "{compacted:?}");
    let both = described(&[("cleanup.policy", "compact,delete")]);
    assert!(both.compacted && both.warning.is_some(), "{both:?}");
    let kept = described(&[("retention.ms", "-1")]);
    assert!(!kept.compacted && kept.warning.is_none(), "{kept:?}");
}

#[test]
fn our_retention_is_asked_for_and_more_replicas_than_brokers_are_refused() {
    let Some(broker) = Broker::shared() else { return };
    let name = broker.fresh_topic();
    let log = open(&broker.brokers(), &name);
    let failure = log.create_topic(&TopicSpec { replication: 3, ..spec(1) }).unwrap_err();
    assert_eq!((failure.severity, failure.kind), (Severity::Fatal, Kind::Settings), "{failure}");
    assert!(failure.what.to_lowercase().contains("replication"), "{failure}");
    let topic = log.create_topic(&TopicSpec { retention_ms: 86_400_000, ..spec(1) }).unwrap();
    assert!(topic.warning.is_some_and(|it| it.contains("retention.ms is 86400000")));
}

#[test]
fn a_topic_made_again_has_another_id_and_a_deleted_one_does_not_come_back() {
    let Some(broker) = Broker::shared() else { return };
    let name = broker.fresh_topic();
    let log = create(&broker.brokers(), &name, 2);
    let before = log.log_id().unwrap();
    let mut writer = log.open_writer("a test").unwrap();
    writer.write_owned(&[record(0, 0)]).unwrap();
    log.delete_topic().unwrap();
    assert_eq!(log.topic().unwrap(), None);
    log.delete_topic().expect("no topic is no failure");
    // The broker creates topics that are asked for; a writer must not have it so.
    let failure = writer.write_owned(&[record(0, 1)]).unwrap_err();
    assert_eq!(log.topic().unwrap(), None, "after {failure}");
    drop(writer);
    let failure = log.open_writer("a test").unwrap().write_owned(&[record(0, 1)]).unwrap_err();
    assert!(failure.severity == Severity::Fatal && failure.what.contains(&name), "{failure}");
    let failure = log.extent(0).unwrap_err();
    assert!(failure.severity == Severity::Fatal && failure.what.contains(&name), "{failure}");
    let after = log.create_topic(&spec(2)).unwrap().log_id;
    assert_ne!(Some(after), before);
    assert_eq!(write(&log, &[record(0, 2)])[&0], 1);
}

#[test]
fn a_partition_that_is_not_there_is_refused_with_the_count() {
    let Some(broker) = Broker::shared() else { return };
    let name = broker.fresh_topic();
    let log = create(&broker.brokers(), &name, 2);
    let written = log.open_writer("a test").unwrap().write_owned(&[record(2, 0)]);
    for failure in [written.unwrap_err(), log.extent(2).unwrap_err()] {
        assert_eq!(failure.severity, Severity::Fatal, "{failure}");
        assert!(failure.what.contains("partition 2") && failure.what.contains("has 2 partitions"), "{failure}");
    }
}
