//! Topics come, go and come again.

use super::*;

pub fn nothing_is_there_before_it_is_created(fixture: &impl Fixture) {
    let log = fixture.open();
    assert_eq!(log.topic().expect("the log works"), None);
    assert_eq!(log.log_id().expect("the log works"), None);
    assert_fatal(&log.extent(0).expect_err("no topic"), &*log);
    assert_fatal(&first_failure(&*log, 0, 0), &*log);
    let written = log.open_writer("a test").and_then(|mut writer| writer.write_owned(&[record(0, 0)]));
    assert_fatal(&written.expect_err("no topic"), &*log);
    log.delete_topic().expect("no topic is no failure");
    assert_eq!(log.topic().expect("the log works"), None);
}

pub fn a_topic_is_as_it_was_created(fixture: &impl Fixture) {
    let log = fixture.open();
    let topic = log.create_topic(&spec(3)).expect("it can be created");
    assert!(!topic.log_id.is_empty());
    assert_eq!(topic, Topic { log_id: topic.log_id.clone(), partitions: 3, warning: None, compacted: false });
    for log in [log, fixture.open()] {
        assert_eq!(log.topic().expect("the log works"), Some(topic.clone()));
        assert_eq!(log.log_id().expect("the log works"), Some(topic.log_id.clone()));
        for partition in 0..3 {
            assert_eq!(log.extent(partition).expect("the log works"), Extent { start: 0, end: 0 });
        }
    }
}

pub fn a_topic_is_not_created_twice(fixture: &impl Fixture) {
    let log = created(fixture, 2);
    write(&*log, &[record(0, 0)]);
    let before = log.topic().expect("the log works");
    let other = fixture.open();
    let failure = other.create_topic(&spec(3)).expect_err("it is there");
    assert!(failure.is_retryable(), "it can be used: {failure}");
    assert_eq!(log.topic().expect("the log works"), before);
    assert_eq!(read_all(&*log, 0).len(), 1);
}

pub fn a_finite_retention_is_told_of(fixture: &impl Fixture) {
    let log = fixture.open();
    let topic = log.create_topic(&TopicSpec { retention_ms: 86_400_000, ..spec(1) }).expect("it can be created");
    assert!(topic.warning.is_some_and(|warning| warning.contains("retention")));
}

pub fn a_topic_that_was_created_again_is_another_one(fixture: &impl Fixture) {
    let log = created(fixture, 2);
    write(&*log, &[record(0, 0), record(1, 1)]);
    let before = log.log_id().expect("the log works");
    log.delete_topic().expect("it can be deleted");
    assert_eq!(log.topic().expect("the log works"), None);
    let log = created(fixture, 1);
    let after = log.log_id().expect("the log works");
    assert!(after.is_some() && after != before, "{after:?}");
    assert_eq!(log.extent(0).expect("the log works"), Extent { start: 0, end: 0 });
    assert_eq!(write(&*log, &[record(0, 2)]), BTreeMap::from([(0, 1)]));
    assert_eq!(read_all(&*log, 0)[0].1.as_deref(), Some(&b"key 2"[..]));
}

pub fn a_partition_that_is_not_there_is_refused(fixture: &impl Fixture) {
    let log = created(fixture, 2);
    assert_fatal(&log.extent(2).expect_err("no such partition"), &*log);
    assert_fatal(&log.high_watermarks(&[0, 2]).expect_err("no such partition"), &*log);
    assert_fatal(&first_failure(&*log, 2, 0), &*log);
    let written = log.open_writer("a test").expect("there is a topic").write_owned(&[record(2, 0)]);
    assert_fatal(&written.expect_err("no such partition"), &*log);
}

pub fn another_topic_in_place_of_theirs_is_noticed(fixture: &impl Fixture) {
    if !fixture.notices_recreation() {
        return;
    }
    for anew in [false, true] {
        let log = created(fixture, 1);
        write(&*log, &(0..10).map(|number| record(0, number)).collect::<Vec<_>>());
        // One of the readers has records at hand, the other has read all.
        let mut readers = [0, 10].map(|from| log.open_reader(0, from).expect("the log works"));
        readers[0].read(&mut Batch::default(), 3, PATIENCE).expect("the log works");
        readers[1].read(&mut Batch::default(), 3, NO_WAIT).expect("the log works");
        let mut writer = log.open_writer("a test").expect("there is a topic");
        writer.write_owned(&[record(0, 10)]).expect("the log works");
        let other = fixture.open();
        other.delete_topic().expect("it can be deleted");
        if anew {
            other.create_topic(&spec(1)).expect("it can be created");
            write(&*other, &(0..20).map(|number| record(0, number)).collect::<Vec<_>>());
        }
        for reader in &mut readers {
            let mut batch = Batch::default();
            assert_fatal(&reader.read(&mut batch, 10, NO_WAIT).expect_err("it is another topic"), &*log);
            assert!(batch.is_empty());
        }
        assert_fatal(&writer.write_owned(&[record(0, 11)]).expect_err("it is another topic"), &*log);
        if anew {
            assert_eq!(log.extent(0).expect("the log works").end, 20, "nothing was written to the new topic");
        }
        other.delete_topic().expect("it can be deleted");
    }
}
