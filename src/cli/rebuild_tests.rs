use super::*;
use crate::domain::{PartitionState, Rules};
use crate::log::Extent;
use crate::log::test_log::TestLog;
use crate::partition::Identity;

fn file(log_id: &str, first_offset: u64, next_offset: u64) -> Result<Checkpoint, Failure> {
    let identity =
        Identity { topic: "temperatures".to_owned(), log_id: log_id.to_owned(), partition: 0, partitions: 1 };
    let state = PartitionState { next_offset, ..PartitionState::new(Rules::default(), first_offset) };
    Ok(Checkpoint { version: format::VERSION, identity, state })
}

fn damaged() -> Result<Checkpoint, Failure> {
    Err(Failure::fatal(Kind::Data, "partition-0.json is damaged"))
}

/// What would be lost with a log of these offsets.
fn lost(old: &Result<Checkpoint, Failure>, start: u64, end: u64) -> Option<String> {
    let log = TestLog { extent: Extent { start, end }, ..TestLog::new(Vec::new()) };
    loss(old, &log, 0).expect("there is a topic")
}

#[test]
fn nothing_is_lost_where_the_log_still_has_all() {
    assert_eq!(lost(&file("id", 3, 7), 0, 9), None);
    assert_eq!(lost(&file("id", 3, 7), 3, 7), None);
    assert_eq!(lost(&damaged(), 0, 9), None);
}

#[test]
fn what_the_log_no_longer_has_is_named() {
    for (old, start, end, expected) in [
        (file("id", 3, 7), 4, 9, "now starts at 4"),
        (file("id", 3, 7), 0, 6, "now ends at 6"),
        (file("other", 3, 7), 0, 9, "another log"),
        (damaged(), 1, 9, "starts at offset 1"),
    ] {
        let loss = lost(&old, start, end).expect("something is lost");
        assert!(loss.contains(expected), "{loss}");
    }
    let log = TestLog { topic: None, ..TestLog::new(Vec::new()) };
    assert!(loss(&damaged(), &log, 0).is_err());
}

#[test]
fn a_topic_that_got_more_partitions_is_not_counted_anew() {
    let mut old = file("id", 0, 7);
    old.as_mut().expect("it is whole").identity.partitions = 2;
    let failure = loss(&old, &TestLog::new(Vec::new()), 0).expect_err("stations have moved");
    assert!(failure.what.contains("had 2 partitions") && failure.what.contains("has 1 now"), "{failure}");
    // Another topic is another matter: nothing of the old one is in it.
    old.as_mut().expect("it is whole").identity.log_id = "other".to_owned();
    assert!(loss(&old, &TestLog::new(Vec::new()), 0).expect("it can be accepted").is_some());
}

#[test]
fn only_a_rebuild_that_has_not_come_as_far_is_gone_on_with() {
    assert!(is_unfinished(&file("id", 0, 5), &file("id", 0, 9)));
    for (current, aside) in [
        (file("id", 0, 9), file("id", 0, 9)),
        (file("other", 0, 5), file("id", 0, 9)),
        (damaged(), file("id", 0, 9)),
        (file("id", 0, 5), damaged()),
    ] {
        assert!(!is_unfinished(&current, &aside));
    }
}
